//! The silence with which a voice begins, cut to a length: callers wait for its end.
//!
//! It is cut by whole frames of telephony, so that a sound of whole frames stays one, and the next can follow it without a
//! gap.

use std::time::Duration;

/// Cuts the silence at the beginning of a sound, as it comes.
#[derive(Debug)]
pub(super) struct Lead {
    /// The energy of a block from which on the sound has begun.
    threshold: f32,
    block_frames: usize,
    keep_frames: usize,
    max_frames: usize,
    /// What has come and was not passed on, until the sound has begun.
    held: Option<Vec<f32>>,
    /// How many samples of `held` are known to be silence.
    silent: usize,
    cut: usize,
}

impl Lead {
    /// Makes what leaves `keep` of the silence before speech of the level `speech_dbfs`, at `rate_hz`.
    pub(super) fn new(rate_hz: u16, keep: Duration, speech_dbfs: f32) -> Self {
        let block_frames = usize::from(rate_hz / BLOCKS_PER_SECOND).max(1);
        let frames = |length: Duration| {
            let blocks = length.as_millis() * u128::from(BLOCKS_PER_SECOND) / 1_000;
            usize::try_from(blocks).unwrap_or_default() * block_frames
        };
        Self {
            threshold: 10_f32.powf((speech_dbfs - BELOW_SPEECH_DB) / 10.0),
            block_frames,
            // The sound begins somewhere in its first block.
            keep_frames: frames(keep).saturating_sub(block_frames),
            max_frames: frames(MAX_CUT),
            held: Some(Vec::new()),
            silent: 0,
            cut: 0,
        }
    }

    /// Takes in samples and appends to `output` those that are passed on.
    pub(super) fn push(&mut self, input: &[f32], output: &mut Vec<f32>) {
        let Some(held) = &mut self.held else {
            output.extend_from_slice(input);
            return;
        };
        held.extend_from_slice(input);
        let blocks = held[self.silent..].chunks_exact(self.block_frames);
        let is_silent = |block: &&[f32]| {
            let energy: f32 = block.iter().map(|sample| sample * sample).sum();
            let frames = f32::from(u16::try_from(block.len()).unwrap_or(u16::MAX));
            energy < self.threshold * frames
        };
        let (count, more) = (blocks.len(), blocks.take_while(is_silent).count());
        self.silent += more * self.block_frames;
        let frame = self.block_frames * BLOCKS_PER_FRAME;
        let surplus = self.silent.saturating_sub(self.keep_frames);
        let limit = self.silent.min(self.max_frames - self.cut) / frame * frame;
        let surplus = surplus.next_multiple_of(frame).min(limit);
        held.drain(..surplus);
        self.silent -= surplus;
        self.cut += surplus;
        if more < count || self.cut == self.max_frames {
            self.release(output);
        }
    }

    /// Appends what is still held back of a sound in which nothing has begun.
    pub(super) fn finish(mut self, output: &mut Vec<f32>) {
        self.release(output);
    }

    /// Lets the sound begin, softly where it was cut.
    fn release(&mut self, output: &mut Vec<f32>) {
        let mut held = self.held.take().unwrap_or_default();
        // A cut falls anywhere in the noise before the speech: without the ramp the step to it would be heard as a
        // click.
        if self.cut > 0 {
            let step = 1.0 / f32::from(u16::try_from(self.block_frames).unwrap_or(u16::MAX));
            let mut gain = 0.0;
            for sample in held.iter_mut().take(self.block_frames) {
                *sample *= gain;
                gain += step;
            }
        }
        output.append(&mut held);
    }
}

/// Blocks of 5 ms: half a period of the lowest voice.
const BLOCKS_PER_SECOND: u16 = 200;
/// A frame of telephony has 20 ms.
const BLOCKS_PER_FRAME: usize = 4;

/// The softest consonants are some 30 dB below the level of speech, and noise of recordings and models is below that.
const BELOW_SPEECH_DB: f32 = 32.0;

/// More silence than voices begin with: behind it a sound is passed on as it is.
const MAX_CUT: Duration = Duration::from_millis(1_500);

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_millis(30);

    /// Speech of −19 dBFS after some silence, as it is passed on in pieces of `piece` samples.
    fn passed(silence: usize, noise: f32, piece: usize) -> Vec<f32> {
        let alternate = |index: usize, value: f32| {
            if index.is_multiple_of(2) {
                value
            } else {
                -value
            }
        };
        let quiet = (0..silence).map(|index| alternate(index, noise));
        let speech = (0..800).map(|index| alternate(index / 4, 0.112));
        let sound: Vec<f32> = quiet.chain(speech).collect();
        let mut lead = Lead::new(8_000, KEEP, -19.0);
        let mut output = Vec::new();
        sound
            .chunks(piece)
            .for_each(|samples| lead.push(samples, &mut output));
        lead.finish(&mut output);
        output
    }

    #[test]
    fn what_is_left_of_the_silence_is_at_most_what_is_kept_of_it() {
        for silence in (0..=2_400)
            .step_by(120)
            .chain([39, 199, 200, 201, 239, 240, 241])
        {
            for piece in [1, 40, 160, 4_000] {
                let output = passed(silence, 0.000_3, piece);
                let left = output.len() - 800;
                assert!(left <= 240 && left <= silence, "{left} of {silence}");
                assert!(left >= silence.min(40), "{left} of {silence}");
                assert!((silence - left).is_multiple_of(160), "{left} of {silence}");
                assert!(
                    output[left..].iter().all(|sample| sample.abs() > 0.1),
                    "{silence}"
                );
            }
        }
    }

    #[test]
    fn a_cut_is_no_click() {
        let output = passed(2_000, 0.002, 100);
        assert!(
            output[0].abs() < 0.000_1 && output[1].abs() < 0.000_1,
            "{:?}",
            &output[..4]
        );
        let whole = passed(100, 0.002, 100);
        assert!((whole[0] - 0.002).abs() < 0.000_1, "nothing was cut");
    }

    #[test]
    fn nothing_is_lost_of_a_sound_that_is_too_soft_to_begin() {
        let soft = vec![0.001; 20_000];
        for len in [0, 100, 20_000] {
            let mut lead = Lead::new(8_000, KEEP, -19.0);
            let mut output = Vec::new();
            lead.push(&soft[..len], &mut output);
            lead.finish(&mut output);
            assert!(
                output.len() >= len.saturating_sub(12_240),
                "{} of {len}",
                output.len()
            );
            assert_eq!(output.is_empty(), len == 0);
        }
    }
}
