//! Whether a stretch of sound that is no click may be something other than speech: a tone or a noise.
//!
//! Beeps, dial tones and DTMF are one or two sines. Comfort noise and fans keep their level where speech
//! rises and falls with every syllable, and do not vibrate like a voice. `speech` decides which stretches
//! to ask about. The sines of DTMF and of call progress tones: ITU-T Q.23 and E.180.

use super::{HighPass, count, decibels};
use fourier::{Complex, Fourier};
use std::f32::consts::TAU;
use std::ops::RangeInclusive;

/// Whether the stretch with these frame levels and samples, which rises above `threshold`, is no speech.
pub(super) fn is_tone_or_noise(
    levels: &[f32],
    threshold: f32,
    samples: &[i16],
    rate_hz: u32,
) -> bool {
    let spectra = spectra(samples, rate_hz);
    let swing = swing_db(levels);
    is_tone(&spectra, swing) || is_noise(&spectra, swing, levels, threshold)
}

/// The share of a sound in which a voice vibrates, from 0.0 to 1.0.
pub(super) fn voiced_share(samples: &[i16], rate_hz: u32) -> f32 {
    let spectra = spectra(samples, rate_hz);
    let voiced = spectra.iter().filter(|power| voicing(power) > VOICED);
    count(voiced.count()) / count(spectra.len().max(1))
}

fn is_tone(spectra: &[Spectrum], swing_db: f32) -> bool {
    let in_two_sines = share_of_two_sines(spectra);
    in_two_sines > PURE_TONE || in_two_sines > TONE && swing_db < STEADY_TONE_DB
}

fn is_noise(spectra: &[Spectrum], swing_db: f32, levels: &[f32], threshold: f32) -> bool {
    let no_vowel = levels.len() >= LONGER_THAN_A_VOWEL
        || levels.iter().all(|level| *level < threshold + FAINT_DB);
    no_vowel && swing_db < STEADY_NOISE_DB && !spectra.iter().any(|power| voicing(power) > VOICED)
}

/// How far the level moves within 200 ms, on average, leaving out the frames that hold the onset and the end.
fn swing_db(levels: &[f32]) -> f32 {
    let inner = &levels[1..levels.len() - 1];
    let smooth = |three: &[f32]| decibels(three.iter().map(|db| 10_f32.powf(db / 10.0)).sum());
    let smooth: Vec<f32> = inner.windows(3).map(smooth).collect();
    let spans = smooth.windows(smooth.len().min(SYLLABLE));
    let highest = |span: &[f32]| span.iter().copied().fold(f32::MIN, f32::max);
    let lowest = |span: &[f32]| span.iter().copied().fold(f32::MAX, f32::min);
    let spans_len = count(spans.len());
    spans.map(|span| highest(span) - lowest(span)).sum::<f32>() / spans_len
}

/// The share of the power in the telephone band that lies in the two strongest spectral lines.
fn share_of_two_sines(spectra: &[Spectrum]) -> f32 {
    let mut power: Spectrum =
        std::array::from_fn(|bin| spectra.iter().map(|power| power[bin]).sum());
    let total: f32 = power.iter().sum();
    (take_strongest_line(&mut power) + take_strongest_line(&mut power))
        / total.max(f32::MIN_POSITIVE)
}

/// Removes the strongest bin and the two on either side, over which a Hann window spreads a sine; returns their power.
fn take_strongest_line(power: &mut Spectrum) -> f32 {
    let strongest = (0..BINS)
        .max_by(|a, b| power[*a].total_cmp(&power[*b]))
        .unwrap_or(0);
    let line = &mut power[strongest.saturating_sub(2)..(strongest + 3).min(BINS)];
    let sum = line.iter().sum();
    line.fill(0.0);
    sum
}

/// How alike the sound is to itself one period of a voice later: near 0.0 for noise, up to 1.0.
///
/// The autocorrelation, as the cosine transform of the power: what lies outside the telephone band stays out.
fn voicing(power: &Spectrum) -> f32 {
    let total: f32 = power.iter().sum();
    let cosine: [f32; LAGS] = std::array::from_fn(|i| (TAU * count(i) / count(LAGS)).cos());
    let likeness = |lag: usize| -> f32 {
        power
            .iter()
            .zip(FIRST_BIN..)
            .map(|(power, bin)| power * cosine[bin * lag % LAGS])
            .sum()
    };
    VOICE_LAGS.map(likeness).fold(0.0, f32::max) / total.max(f32::MIN_POSITIVE)
}

/// The power in each bin of the telephone band.
type Spectrum = [f32; BINS];

/// The spectra of windows of 80 ms that overlap by half, or of one shorter window with silence after it.
///
/// In 80 ms a bin is 12.5 Hz wide, and the harmonics of a deep voice stand five bins apart.
fn spectra(samples: &[i16], rate_hz: u32) -> Vec<Spectrum> {
    let mut high_pass = HighPass::new(rate_hz, samples.first());
    let signal: Vec<f32> = samples
        .iter()
        .map(|sample| high_pass.next(*sample))
        .collect();
    // In windows of 80 ms a bin is 12.5 Hz wide, by which `FIRST_BIN`, `BINS` and the lags are chosen.
    let full = usize::try_from(rate_hz / 25 * 2).map_or(2, |len| len.max(2));
    let len = full.min(signal.len());
    let hann: Vec<f32> = (0..len)
        .map(|i| 0.5 - 0.5 * (TAU * count(i) / count(len)).cos())
        .collect();
    let mut fourier = Fourier::new(full);
    let mut bins = vec![Complex::default(); FIRST_BIN + BINS];
    let spectrum = |window: &[f32]| {
        let weighted = window
            .iter()
            .zip(&hann)
            .map(|(sample, weight)| sample * weight);
        fourier.forward(&weighted.collect::<Vec<_>>(), &mut bins);
        std::array::from_fn(|bin| bins[FIRST_BIN + bin].norm_sqr())
    };
    signal
        .windows(len)
        .step_by(len.div_ceil(2))
        .map(spectrum)
        .collect()
}

/// No word, however high the voice, has more than 0.96 of its power in two lines; a beep that dies away in a room
/// 0.995.
const PURE_TONE: f32 = 0.98;
/// A beep 13 dB over its noise has 0.96; the most tonal words, which also swing, 0.95.
const TONE: f32 = 0.9;
/// A beep swings by 0.5 dB, a dial tone beats by 0.9; words that are all but a tone swing by 1.7 and more.
const STEADY_TONE_DB: f32 = 1.2;

/// 250 ms: many a vowel is as steady as noise until then, and too short to show its period; comfort noise lasts longer.
const LONGER_THAN_A_VOWEL: usize = 25;
/// Noise whose level wanders crosses the threshold by up to 5 dB, vowels at 10 dB of noise by 8 and more.
const FAINT_DB: f32 = 6.0;
/// Noise that begins or stops swings by 1.5 dB, by chance up to 2.7; a whisper at 10 dB of noise by 3.2 and more.
const STEADY_NOISE_DB: f32 = 2.8;
/// Noise is like itself by chance to 0.37; a vowel at 10 dB of noise to 0.59.
const VOICED: f32 = 0.45;
/// 200 ms, the length of a syllable: speech rises and falls once in it.
const SYLLABLE: usize = 20;

/// The telephone band, from 250 Hz, where the high-pass begins, to 3,400 Hz.
const FIRST_BIN: usize = 20;
const BINS: usize = 253;

/// A window in eighths of a millisecond, the step in which periods are tried.
const LAGS: usize = 640;
/// The period of a child's voice, 420 Hz, to that of a deep man's, 65 Hz.
const VOICE_LAGS: RangeInclusive<usize> = 19..=123;
