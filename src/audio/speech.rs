//! Where the caller speaks in a recording, whether there is any speech, and where a long recording may be cut.
//!
//! The recording becomes one level per 10 ms, above the rumble and hum that telephones do not carry.
//! Stretches that rise out of the line's noise are candidates; one is speech unless it is too short (a
//! click) or `sound` finds it to be a tone or a noise. In doubt it is speech: a false alarm costs one
//! request, a lost utterance a caller. The tables that hold this are in tests/speech.rs.
//!
//! Reading files is [`wav`](super)'s part; the order of the stages is the call's. Levels are RMS in dB of
//! full scale. The idea of a noise floor from the quieter part of the signal is that of ITU-T G.729 Annex B
//! and of [R. Martin's minimum statistics](https://doi.org/10.1109/89.928915).

pub mod opinion;
mod own;
mod sound;
pub mod turn;

use super::{Pcm, count};
use std::f32::consts::TAU;
use std::ops::Range;
use std::time::Duration;

/// The samples from a little before the first speech to a little after the last, pauses included.
///
/// `None` when there is no speech.
pub fn find(pcm: &Pcm) -> Option<Range<usize>> {
    let levels = frame_levels(&pcm.samples, pcm.rate_hz);
    let threshold = threshold(&levels);
    let stretches = loud_stretches(&levels, threshold);
    let is_other = |stretch: &Range<usize>| {
        let levels = &levels[stretch.clone()];
        sound::is_tone_or_noise(levels, threshold, samples(pcm, stretch), pcm.rate_hz)
    };
    let is_long = |stretch: &Range<usize>| sustained(&levels[stretch.clone()]) >= SHORTEST_WORD;
    // A short burst beside a word is kept, because a plosive stands apart from its vowel; a tone or noise beside it is
    // not, such as the beep that the microphone picks up.
    let is_part = |stretch: &&Range<usize>| !is_long(stretch) || !is_other(stretch);
    let word = stretches
        .iter()
        .position(|stretch| is_long(stretch) && !is_other(stretch))?;
    let (before, after) = stretches.split_at(word);
    let first = before.iter().find(is_part).unwrap_or(&after[0]).start;
    let last = after[1..].iter().rfind(is_part).unwrap_or(&after[0]).end;
    let frame = level_frame_len(pcm.rate_hz);
    Some(first.saturating_sub(MARGIN) * frame..((last + MARGIN) * frame).min(pcm.samples.len()))
}

/// Pieces no longer than `longest`, in order, without gap or overlap.
///
/// Each is cut in the middle of the longest pause in its last third; where there is no pause, in the
/// longest dip. Below a tenth of a second `longest` counts as a tenth.
pub fn split(pcm: &Pcm, longest: Duration) -> Vec<Range<usize>> {
    let frame = level_frame_len(pcm.rate_hz);
    let most = usize::try_from(longest.as_millis() / 10)
        .unwrap_or(usize::MAX)
        .max(10);
    let levels = frame_levels(&pcm.samples, pcm.rate_hz);
    let mut pieces = Vec::new();
    let mut start = 0;
    while pcm.samples.len() - start * frame > most.saturating_mul(frame) {
        let last_third = start + most - most / 3..start + most;
        let end = last_third.start + middle_of_pause(&levels[last_third]);
        pieces.push(start * frame..end * frame);
        start = end;
    }
    pieces.push(start * frame..pcm.samples.len());
    pieces
}

/// How long there is sound in a recording, without its pauses.
pub fn sounding(samples: &[i16], rate_hz: u32) -> Duration {
    let levels = frame_levels(samples, rate_hz);
    let stretches = loud_stretches(&levels, threshold(&levels));
    let lens = stretches.iter().map(Range::len).sum::<usize>();
    let gaps = stretches.windows(2).map(|two| two[1].start - two[0].end);
    let within_words = gaps.filter(|gap| *gap <= LONGEST_GAP).sum::<usize>();
    LEVEL_FRAME * u32::try_from(lens + within_words).unwrap_or(u32::MAX)
}

/// Whether a recording surely holds a voice: there is enough sound in it, and most of that is voiced.
pub fn is_sure(samples: &[i16], rate_hz: u32) -> bool {
    let (voiced, all) = voiced_frames(samples, rate_hz, f32::MIN);
    all >= SURE_FRAMES && voiced >= SURE_SHARE * count(all)
}

/// Whether what is louder than `softest_dbfs` in a recording is a voice, and not only a cough, a slammed door or a tone.
fn has_voice(pcm: &Pcm, softest_dbfs: f32) -> bool {
    let (voiced, all) = voiced_frames(&pcm.samples, pcm.rate_hz, softest_dbfs);
    voiced >= VOICE_SHARE * count(all) && find(pcm).is_some()
}

/// How many frames of a recording are voiced, and how many sound, of those louder than `softest_dbfs`.
fn voiced_frames(samples: &[i16], rate_hz: u32, softest_dbfs: f32) -> (f32, usize) {
    let levels = frame_levels(samples, rate_hz);
    let threshold = threshold(&levels).max(softest_dbfs);
    let frame = level_frame_len(rate_hz);
    let (mut voiced, mut all) = (0.0, 0);
    for stretch in loud_stretches(&levels, threshold) {
        let sound = &samples[stretch.start * frame..stretch.end * frame];
        all += stretch.len();
        voiced += sound::voiced_share(sound, rate_hz) * count(stretch.len());
    }
    (voiced, all)
}

/// The level above which there is sound.
fn threshold(levels: &[f32]) -> f32 {
    noise_floor(levels, ENOUGH_TO_TELL_NOISE) + ABOVE_NOISE_DB
}

/// The level of each whole frame.
fn frame_levels(samples: &[i16], rate_hz: u32) -> Vec<f32> {
    let mut high_pass = HighPass::new(rate_hz, samples.first());
    let frames = samples.chunks_exact(level_frame_len(rate_hz));
    frames
        .map(|frame| frame_level(&mut high_pass, frame))
        .collect()
}

fn frame_level(high_pass: &mut HighPass, frame: &[i16]) -> f32 {
    let squares = frame.iter().map(|sample| high_pass.next(*sample).powi(2));
    decibels(squares.sum::<f32>() / count(frame.len()))
}

/// The stretches of frames above the line's noise that are long enough to be more than a click, none longer than a
/// second.
fn loud_stretches(levels: &[f32], threshold: f32) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut stretches = Vec::new();
    for like in levels.chunk_by(|a, b| (*a > threshold) == (*b > threshold)) {
        let pieces = like.len().div_ceil(LONGEST_STRETCH);
        // A long stretch may hold noise and a word, and judged as a whole it would pass for the noise. In pieces of a
        // second at most, the one with the word is found.
        for piece in like.chunks(like.len().div_ceil(pieces)) {
            if piece[0] > threshold && piece.len() >= SHORTEST_SOUND {
                stretches.push(start..start + piece.len());
            }
            start += piece.len();
        }
    }
    stretches
}

/// How many frames come near the loudest: few in a thump, which dies away as soon as it has begun.
fn sustained(levels: &[f32]) -> usize {
    let loudest = levels.iter().copied().fold(f32::MIN, f32::max);
    levels
        .iter()
        .filter(|level| **level > loudest - SUSTAINED_DB)
        .count()
}

/// The level that a tenth of the frames stay below, leaving out those in which the phone sent nothing. [`NOTHING_DBFS`]
/// where there are fewer than `enough`.
fn noise_floor(levels: &[f32], enough: usize) -> f32 {
    let mut heard: Vec<f32> = levels
        .iter()
        .copied()
        // MixMonitor fills in silence where the phone has sent no packets. Taken for the line's noise, it would put
        // the floor so low that all real noise counts as speech.
        .filter(|level| *level > NOTHING_DBFS)
        .collect();
    if heard.len() < enough {
        return NOTHING_DBFS;
    }
    let tenth = heard.len() / 10;
    *heard.select_nth_unstable_by(tenth, f32::total_cmp).1
}

/// The frame in the middle of the longest stretch about as quiet as the quietest frame.
fn middle_of_pause(levels: &[f32]) -> usize {
    let quietest = levels.iter().copied().fold(f32::INFINITY, f32::min);
    let quiet = |level: &f32| *level < quietest.max(NOTHING_DBFS) + PAUSE_DB;
    let mut start = 0;
    let mut longest = 0..0;
    for like in levels.chunk_by(|a, b| quiet(a) == quiet(b)) {
        if quiet(&like[0]) && like.len() > longest.len() {
            longest = start..start + like.len();
        }
        start += like.len();
    }
    longest.start + longest.len() / 2
}

fn samples<'a>(pcm: &'a Pcm, frames: &Range<usize>) -> &'a [i16] {
    let frame = level_frame_len(pcm.rate_hz);
    &pcm.samples[frames.start * frame..frames.end * frame]
}

fn level_frame_len(rate_hz: u32) -> usize {
    usize::try_from(rate_hz / LEVEL_FRAMES_PER_SECOND).map_or(usize::MAX, |len| len.max(1))
}

/// How long this number of frames lasts.
fn frames_last(frames: usize) -> Duration {
    LEVEL_FRAME * u32::try_from(frames).unwrap_or(u32::MAX)
}

fn decibels(power: f32) -> f32 {
    10.0 * power.max(1e-12).log10()
}

/// A second-order Butterworth high-pass at [`LOWEST_HZ`], in full-scale units, settled on the first sample.
#[derive(Debug)]
struct HighPass {
    gain: f32,
    feedback: [f32; 2],
    input: [f32; 2],
    output: [f32; 2],
}

impl HighPass {
    fn new(rate_hz: u32, first: Option<&i16>) -> Self {
        let (sin, cos) = (TAU * LOWEST_HZ / count(usize::try_from(rate_hz).unwrap_or(0))).sin_cos();
        let alpha = sin * std::f32::consts::FRAC_1_SQRT_2;
        // Had the filter seen silence before a sound with a constant offset, the step to that would ring and count as
        // sound.
        let before = first.map_or(0.0, |sample| f32::from(*sample) / FULL_SCALE);
        Self {
            gain: f32::midpoint(1.0, cos) / (1.0 + alpha),
            feedback: [-2.0 * cos / (1.0 + alpha), (1.0 - alpha) / (1.0 + alpha)],
            input: [before; 2],
            output: [0.0; 2],
        }
    }

    fn next(&mut self, sample: i16) -> f32 {
        let x = f32::from(sample) / FULL_SCALE;
        let ahead = self.gain * (x - 2.0 * self.input[0] + self.input[1]);
        let y = ahead - self.feedback[0] * self.output[0] - self.feedback[1] * self.output[1];
        self.input = [x, self.input[0]];
        self.output = [y, self.output[0]];
        y
    }
}

/// Full scale of 16-bit samples.
const FULL_SCALE: f32 = 32768.0;
/// A frame is 10 ms, as in G.729 Annex B: shorter than any speech sound, a whole number of samples at all telephone
/// rates.
const LEVEL_FRAMES_PER_SECOND: u32 = 100;
const LEVEL_FRAME: Duration = Duration::from_millis(10);
/// Handsets carry 300 Hz and up (ITU-T P.48); below lie mains hum, rumble and DC.
const LOWEST_HZ: f32 = 250.0;

/// Below this a phone has sent nothing: above mu-law's idle ±8 (−72 dB), below the vowels of a voice that peaks at −40
/// dB (−52 dB).
const NOTHING_DBFS: f32 = -70.0;
/// Less than a second of sound may be nothing but a word, and says nothing of the noise behind it.
const ENOUGH_TO_TELL_NOISE: usize = 100;
/// Steady noise of any colour stays below this for all but a few frames; words at 10 dB of noise rise by 8 dB and more.
const ABOVE_NOISE_DB: f32 = 3.0;
/// 30 ms: a plosive's burst; it may widen what was found, never be found alone.
const SHORTEST_SOUND: usize = 3;
/// 60 ms: clicks and crackle stay at 50, a handset put down at 30; the shortest vowels at 10 dB of noise have 70.
const SHORTEST_WORD: usize = 6;
/// Vowels keep within 15 dB of their loudest frame until they end; a thump loses 10 dB in each.
const SUSTAINED_DB: f32 = 20.0;
/// A second: within it speech changes, however long the noise that it stands in.
const LONGEST_STRETCH: usize = 100;
/// 400 ms on both sides: a consonant or unstressed syllable that noise hides lasts up to 390.
const MARGIN: usize = 40;
/// 300 ms: a longer gap is a pause between words.
const LONGEST_GAP: usize = 30;
/// 300 ms, a short word: "yes".
const SURE_FRAMES: usize = 30;
/// In a second of speech at least half is voiced; coughs, crackle and wind stay far below.
const SURE_SHARE: f32 = 0.5;
/// A whole turn has noise between its words.
const VOICE_SHARE: f32 = 0.3;
/// What is kept before and after speech, as a time.
pub const AROUND: Duration = Duration::from_millis(400);
/// Pauses are noise, and noise keeps within this of its quietest frame.
const PAUSE_DB: f32 = 6.0;
