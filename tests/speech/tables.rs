//! The two tables that the detector is held to: clips in which nobody speaks, and utterances in every condition.

use super::clips::{
    Colour, RATE_HZ, Utterance, add, at_level, at_peak, data, decaying, gain, hum, len, mix_into,
    noise, pcm, read_wav, silence, through_mulaw, tones, utterances,
};
use phone_assistant::audio::Pcm;
use std::ops::Range;

/// Clips with nobody in them, by name.
pub(super) fn without_speech() -> Vec<(String, Pcm)> {
    let clips = [
        silences(),
        steady_noises(),
        changing_noises(),
        clicks(),
        beeps(),
        dialling(),
    ]
    .concat();
    let at_8_khz = clips
        .into_iter()
        .map(|(name, signal)| (name, pcm(&signal, RATE_HZ)));
    let at_16_khz = [
        (
            "wide white noise".to_owned(),
            pcm(&noise(Colour::White, -50.0, 48_000, 90), 16_000),
        ),
        (
            "wide mains hum".to_owned(),
            pcm(&hum(50.0, -40.0, 48_000, 16_000), 16_000),
        ),
    ];
    at_8_khz.chain(at_16_khz).collect()
}

type Clip = (String, Vec<f64>);

fn clip(name: &str, signal: Vec<f64>) -> Clip {
    (name.to_owned(), signal)
}

fn silences() -> Vec<Clip> {
    let quiet = noise(Colour::White, -60.0, len(3.0, RATE_HZ), 1);
    let lsb = 1.0 / 32768.0;
    let toggling = |high: f64, low: f64| {
        quiet
            .iter()
            .map(|x| if *x > 0.0 { high } else { low })
            .collect()
    };
    vec![
        clip("header only", vec![]),
        clip("one sample", vec![0.1]),
        clip("digital silence", silence(3.0)),
        clip("DC offset", vec![0.02; 24_000]),
        clip(
            "DC offset with noise",
            quiet.iter().map(|x| x + 0.05).collect(),
        ),
        clip("dither of one LSB", toggling(lsb, 0.0)),
        clip("mu-law silence", toggling(8.0 * lsb, -8.0 * lsb)),
        clip(
            "mu-law's positive and negative zero",
            through_mulaw(&gain(&quiet, -20.0)),
        ),
        clip(
            "noise at -70 dB through mu-law",
            through_mulaw(&gain(&quiet, -10.0)),
        ),
    ]
}

fn steady_noises() -> Vec<Clip> {
    let mut clips = Vec::new();
    for colour in [Colour::White, Colour::Pink, Colour::Brown, Colour::Office] {
        for (seed, level_db) in [(2, -70.0), (3, -60.0), (4, -50.0), (5, -40.0), (6, -30.0)] {
            let name = format!("{colour:?} noise at {level_db} dB");
            clips.push((name, noise(colour, level_db, len(5.0, RATE_HZ), seed)));
        }
    }
    for (hz, level_db) in [(50.0, -30.0), (60.0, -30.0), (50.0, -50.0), (60.0, -55.0)] {
        let bed = noise(Colour::White, level_db - 20.0, 32_000, 7);
        clips.push((
            format!("{hz} Hz hum at {level_db} dB"),
            add(&hum(hz, level_db, 32_000, RATE_HZ), &bed),
        ));
    }
    clips
}

fn changing_noises() -> Vec<Clip> {
    let at = |level_db, seconds, seed| noise(Colour::White, level_db, len(seconds, RATE_HZ), seed);
    let pink = noise(Colour::Pink, -40.0, len(6.0, RATE_HZ), 19);
    let shaped = |level: &dyn Fn(f64) -> f64| -> Vec<f64> {
        let seconds = (0..).map(|i| f64::from(i) / f64::from(RATE_HZ));
        pink.iter()
            .zip(seconds)
            .map(|(x, t)| x * 10f64.powf(level(t) / 20.0))
            .collect()
    };
    vec![
        clip(
            "comfort noise after digital silence",
            [silence(1.0), at(-50.0, 2.0, 10)].concat(),
        ),
        clip(
            "loud comfort noise after digital silence",
            [silence(0.5), at(-38.0, 3.0, 11)].concat(),
        ),
        clip(
            "comfort noise after mu-law silence",
            through_mulaw(&[silence(1.0), at(-50.0, 2.0, 12)].concat()),
        ),
        clip(
            "comfort noise after line noise",
            [at(-65.0, 2.0, 13), at(-50.0, 2.0, 14)].concat(),
        ),
        clip(
            "comfort noise for half a second",
            [silence(1.0), at(-50.0, 0.5, 15), silence(1.0)].concat(),
        ),
        clip(
            "noise that stops",
            [at(-40.0, 1.5, 16), silence(2.0)].concat(),
        ),
        clip(
            "noise that falls by 20 dB",
            [at(-40.0, 1.0, 17), at(-60.0, 3.0, 18)].concat(),
        ),
        clip("fan", shaped(&|t| 3.0 * (t * 4.4).sin())),
        clip("slow fan", shaped(&|t| 4.0 * (t * 2.0).sin())),
        clip("noise raised by 30 dB in 6 s", shaped(&|t| 5.0 * t - 30.0)),
        clip("noise lowered by 30 dB in 6 s", shaped(&|t| -5.0 * t)),
        clip(
            "noise raised by 20 dB in 2 s",
            shaped(&|t| 10.0 * (t - 2.0).clamp(0.0, 2.0) - 20.0),
        ),
    ]
}

fn clicks() -> Vec<Clip> {
    vec![
        clip("a click of one sample", on_line(&[(1.0, vec![0.5])])),
        clip("a click", on_line(&[(0.7, click(8.0, -6.0, 21))])),
        clip(
            "a click in digital silence",
            [silence(1.0), click(8.0, -6.0, 21), silence(1.0)].concat(),
        ),
        clip(
            "several clicks",
            on_line(&[0.3, 0.9, 1.1, 1.6, 2.5].map(|at| (at, click(10.0, -12.0, 22)))),
        ),
        clip("keyboard", on_line(&key_strokes())),
        clip("line crackle", on_line(&crackle(10, 25))),
        clip("heavy line crackle", on_line(&crackle(25, 26))),
        clip("handset put down", on_line(&[(2.8, thump(60.0, -6.0, 27))])),
        clip(
            "handset put down in digital silence",
            [silence(1.0), thump(60.0, -6.0, 30), silence(0.5)].concat(),
        ),
        clip(
            "handset that bounces",
            on_line(&[
                (2.2, thump(60.0, -10.0, 28)),
                (2.42, thump(45.0, -20.0, 29)),
            ]),
        ),
    ]
}

fn click(ms: f64, peak_db: f64, seed: u64) -> Vec<f64> {
    at_peak(
        &decaying(&noise(Colour::White, 0.0, len(ms / 1000.0, RATE_HZ), seed)),
        peak_db,
    )
}

/// Fourteen keys in three seconds, each heard when it goes down and when it comes up.
fn key_strokes() -> Vec<(f64, Vec<f64>)> {
    let starts = (0..14).map(|n| 0.1 + 0.18 * f64::from(n) + 0.03 * f64::from(n * 7 % 5));
    starts
        .flat_map(|at| {
            [
                (at, click(15.0, -20.0, 23)),
                (at + 0.07, click(12.0, -26.0, 24)),
            ]
        })
        .collect()
}

/// Clicks of 2 ms at random places: where a noise is loudest.
fn crackle(per_second: usize, seed: u64) -> Vec<(f64, Vec<f64>)> {
    let mut places: Vec<(usize, f64)> = noise(Colour::White, 0.0, len(2.9, RATE_HZ), seed)
        .into_iter()
        .enumerate()
        .collect();
    places.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let hits = places.into_iter().take(3 * per_second);
    hits.map(|(i, _)| (i as f64 / f64::from(RATE_HZ), click(2.0, -20.0, i as u64)))
        .collect()
}

fn thump(ms: f64, peak_db: f64, seed: u64) -> Vec<f64> {
    let len = len(ms / 1000.0, RATE_HZ);
    let body = at_level(&tones(&[(120.0, 1.0), (310.0, 0.5)], len, RATE_HZ), -20.0);
    at_peak(
        &decaying(&add(&body, &noise(Colour::Pink, -22.0, len, seed))),
        peak_db,
    )
}

fn beeps() -> Vec<Clip> {
    let mut clips = vec![clip(
        "beep echo in digital silence",
        beep_echo(-30.0, -150.0, 3.0),
    )];
    for (level_db, line_db) in [
        (-20.0, -65.0),
        (-30.0, -60.0),
        (-40.0, -60.0),
        (-50.0, -65.0),
        (-35.0, -48.0),
    ] {
        clips.push((
            format!("beep echo at {level_db} dB over {line_db} dB"),
            beep_echo(level_db, line_db, 3.0),
        ));
    }
    let beep = tone(&[(1000.0, 1.0)], 0.3, -35.0);
    let tail = decaying(&tone(&[(1000.0, 1.0)], 0.4, -38.0));
    clips.push(clip(
        "1 kHz beep in a hall",
        on_line(&[(0.1, [beep, tail].concat())]),
    ));
    clips.push(clip(
        "440 Hz beep",
        on_line(&[(0.1, tone(&[(440.0, 1.0)], 0.5, -25.0))]),
    ));
    clips.push(clip(
        "1400 Hz beep",
        on_line(&[(0.1, tone(&[(1400.0, 1.0)], 0.2, -40.0))]),
    ));
    clips
}

fn dialling() -> Vec<Clip> {
    let american = |seconds| tone(&[(350.0, 1.0), (440.0, 1.0)], seconds, -20.0);
    let busy = tone(&[(480.0, 1.0), (620.0, 1.0)], 0.5, -25.0);
    vec![
        clip(
            "DTMF 5",
            on_line(&[(1.0, tone(&[(770.0, 1.0), (1336.0, 1.2)], 0.2, -20.0))]),
        ),
        clip(
            "DTMF 1 held",
            on_line(&[(1.0, tone(&[(697.0, 1.0), (1209.0, 1.2)], 1.2, -15.0))]),
        ),
        clip("DTMF 1 2 9 #", on_line(&keys_1_2_9_pound(0.16, 0.2))),
        clip(
            "DTMF 1 2 9 # dialled fast",
            on_line(&keys_1_2_9_pound(0.08, 0.08)),
        ),
        clip("dial tone", on_line(&[(0.0, american(3.0))])),
        clip("dial tone after a pause", on_line(&[(1.5, american(1.5))])),
        clip(
            "European dial tone",
            on_line(&[(1.0, tone(&[(425.0, 1.0)], 2.0, -25.0))]),
        ),
        clip(
            "busy tone",
            on_line(&[0.0, 1.0, 2.0].map(|at| (at, busy.clone()))),
        ),
    ]
}

fn keys_1_2_9_pound(seconds: f64, gap: f64) -> Vec<(f64, Vec<f64>)> {
    let keys = [
        (697.0, 1209.0),
        (697.0, 1336.0),
        (852.0, 1477.0),
        (941.0, 1477.0),
    ];
    let starts = (0..4).map(|n| 0.5 + f64::from(n) * (seconds + gap));
    starts
        .zip(keys)
        .map(|(at, (low, high))| (at, tone(&[(low, 1.0), (high, 1.2)], seconds, -22.0)))
        .collect()
}

fn tone(parts: &[(f64, f64)], seconds: f64, level_db: f64) -> Vec<f64> {
    at_level(&tones(parts, len(seconds, RATE_HZ), RATE_HZ), level_db)
}

/// Three seconds of line noise at -63 dB with each sound from its second on.
fn on_line(sounds: &[(f64, Vec<f64>)]) -> Vec<f64> {
    let mut line = noise(Colour::Pink, -63.0, len(3.0, RATE_HZ), 20);
    for (at, sound) in sounds {
        mix_into(&mut line, sound, len(*at, RATE_HZ));
    }
    line
}

/// Asterisk's own beep as a handset's microphone returns it, over line noise.
pub(super) fn beep_echo(level_db: f64, line_db: f64, seconds: f64) -> Vec<f64> {
    let beep: Vec<f64> = read_wav(&data("beep.wav"))
        .samples
        .iter()
        .map(|x| f64::from(*x) / 32768.0)
        .collect();
    let mut bed = noise(Colour::White, line_db, len(seconds, RATE_HZ), 50);
    mix_into(&mut bed, &at_level(&beep, level_db), len(0.12, RATE_HZ));
    bed
}

/// Someone speaking in some condition: what was recorded and where the active speech stands in it.
pub(super) struct Spoken {
    pub(super) name: String,
    pub(super) pcm: Pcm,
    pub(super) speech: Range<usize>,
}

/// What surrounds an utterance: noise by its distance from the active speech, or a codec.
pub(super) const CONDITIONS: [(&str, Option<(Colour, f64)>); 9] = [
    ("clean", None),
    ("mu-law", None),
    ("line noise", Some((Colour::White, 35.0))),
    ("white 20 dB", Some((Colour::White, 20.0))),
    ("white 10 dB", Some((Colour::White, 10.0))),
    ("pink 20 dB", Some((Colour::Pink, 20.0))),
    ("pink 10 dB", Some((Colour::Pink, 10.0))),
    ("office 20 dB", Some((Colour::Office, 20.0))),
    ("office 10 dB", Some((Colour::Office, 10.0))),
];

/// Peaks of utterances: near the microphone, usual, soft.
pub(super) const PEAKS_DB: [f64; 3] = [-10.0, -24.0, -40.0];

/// Seconds of waiting before and after the utterance.
pub(super) const PLACES: [(f64, f64); 4] = [(0.8, 2.0), (0.0, 2.0), (3.0, 0.0), (0.0, 0.0)];

/// One utterance in one condition.
pub(super) fn spoken(
    utterance: &Utterance,
    condition: usize,
    peak_db: f64,
    (before, after): (f64, f64),
    seed: u64,
) -> Spoken {
    let (label, noise_at) = CONDITIONS[condition];
    let rate_hz = utterance.rate_hz;
    let word = Utterance {
        samples: at_peak(&utterance.samples, peak_db),
        ..utterance.clone()
    };
    let start = len(before, rate_hz);
    let total = start + word.samples.len() + len(after, rate_hz);
    let mut bed = match noise_at {
        Some((colour, snr_db)) => noise(colour, word.active_level_db() - snr_db, total, seed),
        None => vec![0.0; total],
    };
    mix_into(&mut bed, &word.samples, start);
    let bed = if label == "mu-law" {
        through_mulaw(&bed)
    } else {
        bed
    };
    let active = word.active();
    Spoken {
        name: format!(
            "{} · {label} · peak {peak_db} dB · {before} s before, {after} s after",
            word.name
        ),
        pcm: pcm(&bed, rate_hz),
        speech: start + active.start..start + active.end,
    }
}

/// Every utterance in every condition; the peaks and places take turns.
pub(super) fn with_speech() -> Vec<Spoken> {
    let mut turn = 0;
    let mut all = Vec::new();
    for utterance in utterances() {
        for condition in 0..CONDITIONS.len() {
            all.push(spoken(
                &utterance,
                condition,
                PEAKS_DB[turn % 3],
                PLACES[turn % 4],
                turn as u64 + 100,
            ));
            turn += 1;
        }
    }
    all
}
