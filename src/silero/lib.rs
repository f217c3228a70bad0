//! The branch for 8 kHz of [silero-vad](https://github.com/snakers4/silero-vad) 6.2.0: the spectrum of 32 ms, four
//! convolutions, a cell of long short-term memory, and the probability that it is a voice.
//!
//! `tests/data/voice-probabilities.py` has packed the weights of its package, and tells how. They are © 2020-present
//! Silero Team, under the MIT licence, which stands beside them.

use std::f32::consts::TAU;
use std::sync::LazyLock;

use fourier::{Complex, Fourier};
use miniz_oxide::inflate::decompress_to_vec;

/// The samples that are judged at a time: 32 ms.
pub const WINDOW: usize = 256;

/// What the network has learnt: its layers, in the order in which they are used: four convolutions, the cell's gates, the
/// last.
struct Weights([Layer; 6]);

impl Weights {
    /// Takes them from `silero-vad-8k`, which is compressed with DEFLATE.
    fn new(packed: &[u8]) -> Self {
        let bytes = decompress_to_vec(packed).expect("a whole file");
        let mut bytes = bytes.as_slice();
        Self(SHAPES.map(|shape| Layer::of(shape, &mut bytes)))
    }
}

/// The network, and what it remembers of the sound before.
pub struct Network {
    weights: &'static Weights,
    fourier: Fourier,
    hann: [f32; SPAN],
    /// The end of the last window.
    before: [f32; CONTEXT],
    /// The input of the cells, and behind it their last output.
    input: [f32; 2 * CELLS],
    cells: [f32; CELLS],
}

impl Default for Network {
    /// A network that has heard nothing.
    fn default() -> Self {
        let mut hann = [0.0; SPAN];
        for (weight, at) in hann.iter_mut().zip(0_u8..) {
            *weight = 0.5 - 0.5 * (TAU * f32::from(at) / SPAN_LEN).cos();
        }
        Self {
            weights: &WEIGHTS,
            fourier: Fourier::new(SPAN),
            hann,
            before: [0.0; CONTEXT],
            input: [0.0; 2 * CELLS],
            cells: [0.0; CELLS],
        }
    }
}

impl Network {
    /// The probability that there is a voice in this window, whose samples are from -1.0 to 1.0.
    pub fn probability(&mut self, window: &[f32; WINDOW]) -> f32 {
        let mut columns = self.spectra(window);
        let [first, second, third, fourth, gates, last] = &self.weights.0;
        for (layer, step) in [(first, 1), (second, 2)] {
            let len = layer.inputs / 3;
            // A column of zeros on either side, so that each is seen together with its neighbours.
            columns.splice(..0, vec![0.0; len]);
            columns.resize(columns.len() + len, 0.0);
            let seen = columns.windows(layer.inputs).step_by(step * len);
            columns = seen.flat_map(|columns| layer.rectified(columns)).collect();
        }
        for layer in [third, fourth] {
            columns = layer.rectified(&columns);
        }
        self.input[..CELLS].copy_from_slice(&columns);
        let gates = gates.outputs(&self.input);
        for (at, cell) in self.cells.iter_mut().enumerate() {
            let [open, keep, new, show] = std::array::from_fn(|gate| gates[gate * CELLS + at]);
            *cell = sigmoid(keep) * *cell + sigmoid(open) * new.tanh();
            self.input[CELLS + at] = sigmoid(show) * cell.tanh();
        }
        let mut shown = self.input[CELLS..].to_vec();
        rectify(&mut shown);
        sigmoid(last.outputs(&shown)[0])
    }

    /// Four spectra, one after the other, of spans that overlap by half.
    fn spectra(&mut self, window: &[f32; WINDOW]) -> Vec<f32> {
        let mut sound = self.before.to_vec();
        sound.extend(window);
        self.before.copy_from_slice(&window[WINDOW - CONTEXT..]);
        // The network was trained with sound that is mirrored at its end.
        sound.extend(window.iter().rev().skip(1).take(CONTEXT));
        let mut bins = [Complex::default(); SPAN / 2 + 1];
        let spans = sound.windows(SPAN).step_by(SPAN / 2);
        spans
            .flat_map(|span| {
                let weighted = span
                    .iter()
                    .zip(&self.hann)
                    .map(|(sample, weight)| sample * weight);
                (self.fourier).forward(&weighted.collect::<Vec<_>>(), &mut bins);
                bins.iter().map(|bin| bin.norm()).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// A layer: rows of weights, one for each output, and the biases of these.
struct Layer {
    inputs: usize,
    biases: Vec<f32>,
    /// Each row is filled up with zeros to whole blocks.
    rows: Vec<[f32; BLOCK]>,
}

impl Layer {
    /// Takes a layer with this number of outputs and inputs, and bytes for a weight, from the beginning of `packed`.
    fn of((outputs, inputs, bytes): (usize, usize, usize), packed: &mut &[u8]) -> Self {
        let mut take = |len: usize| {
            let (taken, rest) = packed.split_at(len);
            *packed = rest;
            taken
        };
        let biases = take(outputs * BIAS_BYTES).as_chunks().0.iter();
        let biases = biases.copied().map(f32::from_le_bytes).collect();
        let row_len = bytes * inputs + SCALE_BYTES * inputs.div_ceil(BLOCK);
        let rows = take(outputs * row_len).chunks(row_len);
        let blocks = rows.flat_map(|row| row.chunks(SCALE_BYTES + bytes * BLOCK));
        Self {
            inputs,
            biases,
            rows: blocks.map(|block| weights(block, bytes)).collect(),
        }
    }

    /// The outputs for these inputs.
    fn outputs(&self, inputs: &[f32]) -> Vec<f32> {
        let (whole, rest) = inputs.as_chunks();
        let mut inputs = whole.to_vec();
        if !rest.is_empty() {
            inputs.push(filled(rest.iter().copied()));
        }
        let rows = self.rows.chunks(inputs.len());
        rows.zip(&self.biases)
            .map(|(row, bias)| {
                bias + row
                    .iter()
                    .zip(&inputs)
                    .map(|(a, b)| product(a, b))
                    .sum::<f32>()
            })
            .collect()
    }

    fn rectified(&self, inputs: &[f32]) -> Vec<f32> {
        let mut outputs = self.outputs(inputs);
        rectify(&mut outputs);
        outputs
    }
}

/// The weights of a block: a scale, then numbers of `bytes` each.
fn weights(block: &[u8], bytes: usize) -> [f32; BLOCK] {
    let (scale, numbers) = block.split_at(SCALE_BYTES);
    let scale = f32::from_le_bytes([0, 0, scale[0], scale[1]]);
    filled(numbers.chunks_exact(bytes).map(|number| match *number {
        [low, high] => scale * f32::from(i16::from_le_bytes([low, high])),
        _ => scale * f32::from(number[0].cast_signed()),
    }))
}

/// A block of these values, and zeros behind them.
fn filled(values: impl Iterator<Item = f32>) -> [f32; BLOCK] {
    let mut block = [0.0; BLOCK];
    for (place, value) in block.iter_mut().zip(values) {
        *place = value;
    }
    block
}

/// The sum of the products, which takes nearly all of the time.
fn product(a: &[f32; BLOCK], b: &[f32; BLOCK]) -> f32 {
    // Eight sums, since a processor adds several at a time, but only if they may be added in this order.
    let mut sums = [0.0; 8];
    let mut at = 0;
    while at < BLOCK {
        sums[at % 8] += a[at] * b[at];
        at += 1;
    }
    sums.iter().sum()
}

fn rectify(values: &mut [f32]) {
    for value in values {
        *value = value.max(0.0);
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The outputs and inputs of each layer, and the bytes of its weights. Convolutions see three columns; the last two of them have only two and one that
/// are no padding.
const SHAPES: [(usize, usize, usize); 6] = [
    (128, 3 * BINS, 2),
    (64, 3 * 128, 2),
    (64, 2 * 64, 2),
    (CELLS, 64, 2),
    (4 * CELLS, 2 * CELLS, 1),
    (1, CELLS, 1),
];

/// The samples of a spectrum, and the number of its lines.
const SPAN: usize = 128;
const SPAN_LEN: f32 = 128.0;
const BINS: usize = SPAN / 2 + 1;
/// The samples that a window is seen together with, before and behind it.
const CONTEXT: usize = 32;
const CELLS: usize = 128;

/// The weights that share a scale, and the bytes of that, which is the upper half of a 32-bit float.
const BLOCK: usize = 32;
const SCALE_BYTES: usize = 2;
const BIAS_BYTES: usize = 4;

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| Weights::new(include_bytes!("silero-vad-8k")));

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What the runtime of the network made of our recordings.
    const TABLE: &str = include_str!("../../tests/data/voice-probabilities.tsv");

    #[test]
    fn each_probability_is_what_the_networks_own_runtime_makes_of_the_same_weights() {
        let expected: Vec<f32> = TABLE.lines().filter_map(|line| line.parse().ok()).collect();
        assert!(expected.len() > 100);
        let data = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/data/utterances.wav"
        );
        let sound = testkit::audio::wav::read(Path::new(data)).samples;
        let mut network = Network::default();
        for (at, (window, expected)) in sound.as_chunks().0.iter().zip(expected).enumerate() {
            let window = window.map(|sample| f32::from(sample) / 32_768.0);
            let away = (network.probability(&window) - expected).abs();
            assert!(away < 2e-6, "{away} away from the {at}th, {expected}");
        }
    }
}
