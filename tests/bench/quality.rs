//! The quality of telephone audio in numbers: ours, and what ffmpeg makes of the same sound by the tutorial's command.
//!
//! Sound is measured before companding, whose noise would hide the rest.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod report;

use std::io::Cursor;
use std::path::Path;
use std::process::ExitCode;

use phone_assistant::audio::telephone::{Encoding, Telephone};
use phone_assistant::audio::{g711, to_f32};
use testkit::audio::measure::{level_db, longest_pauses, peak, tone_db};
use testkit::audio::{Clip, clips, ffmpeg, g711 as standard, wav};

use Target::{AtLeast, AtMost};

fn main() -> ExitCode {
    if !report::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let mu_law = |maker| wrong_codes(maker, "mulaw", g711::mu_law, standard::encoded_mulaw);
    let a_law = |maker| wrong_codes(maker, "alaw", g711::a_law, standard::encoded_alaw);
    report::heading("telephone audio", &["ours", "ffmpeg"]);
    let are_met = [
        row(
            "100 Hz to 3.3 kHz, greatest change, dB",
            ripple_db,
            AtMost(0.5),
        ),
        row(
            "5 kHz, heard as 3 kHz, dB down",
            |maker| down_db(maker, 5_000.0),
            AtLeast(70.0),
        ),
        row(
            "4.3 kHz, heard as 3.7 kHz, dB down",
            |maker| down_db(maker, 4_300.0),
            AtLeast(40.0),
        ),
        row(
            "speech at full scale and 6 dB louder, clipped samples",
            clipped,
            AtMost(0.0),
        ),
        row("length, greatest error, frames", length_error, AtMost(1.0)),
        row(
            "pieces of any length against the whole, difference, dB",
            pieces_db,
            AtMost(-60.0),
        ),
        row(
            "sentence by sentence against the whole, difference, dB",
            sentences_db,
            AtMost(-60.0),
        ),
        row(
            "mu-law of 65,536 samples, codes not of G.711",
            mu_law,
            AtMost(0.0),
        ),
        row(
            "A-law of 65,536 samples, codes not of G.711",
            a_law,
            AtMost(0.0),
        ),
    ];
    println!("{WHY_FFMPEG_DIFFERS}");
    if are_met.contains(&false) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Measures both makers and prints one line; whether ours meets the target.
fn row(name: &str, figure: impl Fn(Maker) -> Option<f64>, target: Target) -> bool {
    let ours = figure(Maker::Ours).unwrap();
    let theirs = figure(Maker::Ffmpeg);
    let (is_met, target) = match target {
        AtMost(limit) => (ours <= limit, format!("≤ {limit}")),
        AtLeast(least) => (ours >= least, format!("≥ {least}")),
    };
    let figures = [Some(ours), theirs].map(|figure| match figure {
        Some(figure) if figure.fract() == 0.0 => figure.to_string(),
        Some(figure) => format!("{figure:.2}"),
        None => "-".to_owned(),
    });
    report::row(name, &figures, &report::verdict(&target, is_met));
    is_met
}

/// What a figure must be.
#[derive(Clone, Copy)]
enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// The program that makes sound for the telephone.
#[derive(Clone, Copy)]
enum Maker {
    Ours,
    /// None of its figures where it is not installed.
    Ffmpeg,
}

impl Maker {
    /// A sound at 8 kHz and 6 dB louder.
    fn make(self, sound: &Clip) -> Option<Clip> {
        match self {
            Self::Ours => Some(telephone(sound)),
            Self::Ffmpeg => {
                let arguments = [&ffmpeg::TUTORIAL[..], &["-f", "s16le"]].concat();
                let bytes = ffmpeg::run(sound.rate_hz, &sound.samples, &arguments)?;
                Some(Clip::telephone(wav::samples_of(&bytes)))
            }
        }
    }
}

/// The program's chain, without the silence that fills the last of Asterisk's frames.
fn telephone(sound: &Clip) -> Clip {
    let mut out = Cursor::new(Vec::new());
    let mut telephone = Telephone::new(&mut out, sound.rate_hz, Encoding::Sln, GAIN_DB).unwrap();
    let samples: Vec<f32> = sound.samples.iter().copied().map(to_f32).collect();
    telephone.push(&samples).unwrap();
    let duration = telephone.finish().unwrap().length;
    let len = (duration.as_nanos() * 8_000).div_ceil(1_000_000_000);
    let mut samples = wav::samples_of(&out.into_inner());
    samples.truncate(len.try_into().unwrap());
    Clip::telephone(samples)
}

/// How loud a tone at 24 kHz comes out, at the frequency at which it is heard.
fn heard_db(maker: Maker, frequency_hz: f64) -> Option<f64> {
    // With the gain 1 dB below full scale.
    let tone = clips::tone(24_000, frequency_hz, -7.0, 1.0);
    let heard_hz = frequency_hz.min(8_000.0 - frequency_hz);
    Some(tone_db(&maker.make(&tone)?, heard_hz) + 1.0)
}

fn ripple_db(maker: Maker) -> Option<f64> {
    let levels = (1..=33).map(|hundreds| heard_db(maker, f64::from(hundreds) * 100.0));
    levels
        .map(|level| Some(level?.abs()))
        .try_fold(0.0, |max: f64, change| Some(max.max(change?)))
}

fn down_db(maker: Maker, frequency_hz: f64) -> Option<f64> {
    Some(-heard_db(maker, frequency_hz)?)
}

/// Samples at the end of the scale, of an answer that was already as loud as can be.
fn clipped(maker: Maker) -> Option<f64> {
    let answer = answer();
    let room_db = -20.0 * peak(&answer.samples).log10();
    let made = maker.make(&answer.amplified(room_db))?.samples;
    Some(count(
        made.iter()
            .filter(|&&sample| sample == i16::MIN || sample == i16::MAX),
    ))
}

/// An answer that streams in, as odd pieces of one sound.
fn pieces_db(maker: Maker) -> Option<f64> {
    let Maker::Ours = maker else { return None };
    let answer = answer();
    let mut out = Cursor::new(Vec::new());
    let mut chain = Telephone::new(&mut out, answer.rate_hz, Encoding::Sln, GAIN_DB).unwrap();
    let mut rest = answer.samples.as_slice();
    for len in [1, 333, 4_095, 7, 1_024].iter().cycle() {
        let (piece, after) = rest.split_at(rest.len().min(*len));
        let piece: Vec<f32> = piece.iter().copied().map(to_f32).collect();
        chain.push(&piece).unwrap();
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    chain.finish().unwrap();
    Some(difference_db(
        &wav::samples_of(&out.into_inner()),
        &telephone(&answer).samples,
    ))
}

/// An answer of which each sentence is converted by itself, and heard one after the other.
fn sentences_db(maker: Maker) -> Option<f64> {
    let Maker::Ours = maker else { return None };
    let answer = answer();
    let frame = usize::try_from(answer.rate_hz / 50).unwrap();
    let pauses = longest_pauses(&answer, 2);
    let cuts: Vec<_> = pauses.iter().map(|at| at / frame * frame).collect();
    let sentences = [0..cuts[0], cuts[0]..cuts[1], cuts[1]..answer.samples.len()];
    let heard: Vec<i16> = sentences
        .into_iter()
        .flat_map(|samples| {
            let sentence = Clip {
                rate_hz: answer.rate_hz,
                samples: answer.samples[samples].to_vec(),
            };
            telephone(&sentence).samples
        })
        .collect();
    Some(difference_db(&heard, &telephone(&answer).samples))
}

/// The level of what two sounds differ by.
fn difference_db(one: &[i16], other: &[i16]) -> f64 {
    let pairs = one.iter().zip(other);
    let difference: Vec<i16> = pairs
        .map(|(one, other)| one.saturating_sub(*other))
        .collect();
    level_db(&difference)
}

fn answer() -> Clip {
    wav::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/answer-moon.wav"))
}

fn length_error(maker: Maker) -> Option<f64> {
    let mut worst: f64 = 0.0;
    for rate_hz in [11_025, 16_000, 22_050, 24_000, 44_100, 48_000] {
        for len in [1_000, 24_001, 100_000] {
            let sound = Clip {
                rate_hz,
                samples: vec![1_000; len],
            };
            let exact = sound.seconds() * 8_000.0;
            let made = maker.make(&sound)?;
            worst = worst.max((made.seconds() * 8_000.0 - exact).abs());
        }
    }
    Some(worst)
}

/// How many of all 16-bit samples get another code than the standard's.
fn wrong_codes(
    maker: Maker,
    codec: &str,
    ours: fn(i16) -> u8,
    right: fn(&[i16]) -> Vec<u8>,
) -> Option<f64> {
    let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let found = match maker {
        Maker::Ours => samples.iter().copied().map(ours).collect(),
        Maker::Ffmpeg => ffmpeg::run(8_000, &samples, &["-f", codec])?,
    };
    let pairs = found.iter().zip(right(&samples));
    Some(count(pairs.filter(|(found, right)| *found != right)))
}

fn count(things: impl Iterator) -> f64 {
    f64::from(u32::try_from(things.count()).unwrap())
}

const GAIN_DB: f32 = 6.0;

const WHY_FFMPEG_DIFFERS: &str = "\
ffmpeg's codes differ by one step: it rounds negative samples away from zero before it looks them up, and puts the
borders between segments halfway between two decoded values. Its figures leave out its last step, companding.";
