//! When a caller begins and ends, against a table of made turns: pauses within sentences, noises, soft and loud voices.

#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    clippy::print_stdout
)]

use std::time::Duration;

use phone_assistant::audio::speech::{
    self,
    turn::{Change, Endpointer, Limits},
};

use crate::speech::clips::{
    Colour, RATE_HZ, Utterance, at_peak, decaying, gain, len, mix_into, noise, pcm, read_wav,
    rms_db, silence, tones, utterances,
};

const LIMITS: Limits = Limits {
    quiet: Duration::from_millis(700),
    pause: Some(Duration::from_millis(300)),
    longest: Duration::from_secs(30),
};

/// A turn on a line.
struct Made {
    name: String,
    line: Vec<f64>,
    /// In seconds.
    begins: f64,
    ends: f64,
}

/// What became of it.
#[derive(Debug, PartialEq)]
enum Verdict {
    Whole {
        late: f64,
    },
    /// The first word, or a part of it, is not in what was heard.
    FirstWordCut,
    EndedEarly {
        by: f64,
    },
    /// Nobody was heard.
    Missed,
    /// Longer than the limit.
    Held,
}

/// Words with pauses between them, spoken at a level.
fn sentence(words: &[&Utterance], pauses: &[f64], level_db: f64) -> Vec<f64> {
    let mut spoken = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let active = word.active();
        spoken.extend(gain(
            &word.samples[active],
            level_db - word.active_level_db(),
        ));
        if index + 1 < words.len() {
            spoken.extend(silence(pauses[index % pauses.len()]));
        }
    }
    spoken
}

fn on_line(name: String, spoken: &[f64], background: &[f64]) -> Made {
    let begins = 2.0;
    let mut line = background.to_vec();
    mix_into(&mut line, spoken, len(begins, RATE_HZ));
    Made {
        name,
        line,
        begins,
        ends: begins + spoken.len() as f64 / f64::from(RATE_HZ),
    }
}

fn table() -> Vec<Made> {
    let all = utterances();
    let words: Vec<&Utterance> = all.iter().filter(|word| word.rate_hz == RATE_HZ).collect();
    let levels = [("loud", -14.0), ("usual", -24.0), ("soft", -38.0)];
    let pauses = [
        ("fluent", vec![0.08, 0.15]),
        ("halting", vec![0.2, 0.45, 0.3]),
        ("thinking", vec![0.55, 0.1]),
    ];
    let backgrounds = [
        ("silence", None),
        ("white noise 20 dB below", Some((Colour::White, 20.0))),
        ("pink noise 20 dB below", Some((Colour::Pink, 20.0))),
        ("a fan 20 dB below", Some((Colour::Office, 20.0))),
        ("pink noise 10 dB below", Some((Colour::Pink, 10.0))),
        ("white noise 10 dB below", Some((Colour::White, 10.0))),
    ];
    let mut made = Vec::new();
    let mut turn = 0;
    for (loudness, level_db) in levels {
        for (manner, pauses) in &pauses {
            for (place, background) in &backgrounds {
                let count = 3 + turn % 4;
                let words: Vec<_> = (0..count)
                    .map(|index| words[(turn * 5 + index * 7) % words.len()])
                    .collect();
                let spoken = sentence(&words, pauses, level_db);
                let total = spoken.len() + len(5.0, RATE_HZ);
                let line = match background {
                    None => vec![0.0; total],
                    Some((colour, below)) => {
                        noise(*colour, level_db - below, total, turn as u64 + 1)
                    }
                };
                let names: Vec<_> = words.iter().map(|word| word.name.as_str()).collect();
                let name = format!("{loudness}, {manner}, {place}: {}", names.join(" "));
                made.push(on_line(name, &spoken, &line));
                turn += 1;
            }
        }
    }
    made
}

fn judge(made: &Made) -> Verdict {
    let mut endpointer = Endpointer::new(RATE_HZ, LIMITS);
    let line = pcm(&made.line, RATE_HZ);
    let (mut at, mut ended) = (0.0, None);
    for frame in line.samples.chunks(160) {
        at += frame.len() as f64 / f64::from(RATE_HZ);
        endpointer.push(frame, |change, endpointer| {
            let heard = endpointer.heard();
            // What is no speech is no turn.
            if change == Change::EndOfTurn && ended.is_none() && speech::find(&heard).is_some() {
                ended = Some((at, heard.duration().as_secs_f64()));
            }
        });
    }
    let Some((ended, heard)) = ended else {
        return if endpointer.is_in_turn() {
            Verdict::Held
        } else {
            Verdict::Missed
        };
    };
    if ended < made.ends {
        return Verdict::EndedEarly {
            by: made.ends - ended,
        };
    }
    if ended - heard > made.begins {
        return Verdict::FirstWordCut;
    }
    Verdict::Whole {
        late: ended - made.ends,
    }
}

/// `cargo test --test main turns -- --nocapture` prints it.
#[test]
fn turns_begin_and_end_where_the_caller_does() {
    let table = table();
    assert!(table.len() >= 40, "only {} turns", table.len());
    let judged: Vec<_> = table.iter().map(|made| (judge(made), made)).collect();
    println!("| turn | heard |");
    println!("|---|---|");
    for (verdict, made) in &judged {
        println!("| {} | {verdict} |", made.name);
    }
    let count = |is_it: fn(&Verdict) -> bool| judged.iter().filter(|(v, _)| is_it(v)).count();
    let is_early = |verdict: &Verdict| matches!(verdict, Verdict::EndedEarly { .. });
    let is_lost = |verdict: &Verdict| {
        matches!(
            verdict,
            Verdict::FirstWordCut | Verdict::Missed | Verdict::Held
        )
    };
    let (lost, early) = (count(is_lost), count(is_early));
    println!(
        "{} turns: {lost} cut, missed or held; {early} ended early",
        table.len()
    );
    assert_eq!(lost, 0);
    assert!(early * 20 < table.len(), "{early} of {}", table.len());
    let late = |verdict: &Verdict| matches!(verdict, Verdict::Whole { late } if *late > 0.8);
    assert_eq!(count(late), 0, "a turn ends later than it should");
}

/// A change for other lines changes nothing for these: the same verdict for each turn, and to a frame the same end.
#[test]
fn each_turn_is_judged_as_it_was() {
    let known = include_str!("data/turns.tsv");
    let known = known.lines().filter_map(|line| line.split_once('\t'));
    let table = table();
    let known: Vec<_> = known.collect();
    assert_eq!(known.len(), table.len());
    for (made, (name, verdict)) in table.iter().zip(known) {
        assert_eq!(made.name, name);
        let now = judge(made).to_string();
        let (seconds, words) = told_apart(&now);
        let (then, known) = told_apart(verdict);
        let is_same = words == known && (seconds - then).abs() < 0.021;
        assert!(is_same, "{name}: {now}, and was {verdict}");
    }
}

/// A verdict's seconds, 0 where it has none, and its words without them.
fn told_apart(verdict: &str) -> (f64, String) {
    let is_number = |word: &&str| word.parse::<f64>().is_ok();
    let number = verdict.split(' ').find(is_number);
    let words = verdict.split(' ').filter(|word| !is_number(word));
    let seconds = number.map_or(0.0, |number| number.parse().unwrap());
    (seconds, words.collect::<Vec<_>>().join(" "))
}

#[test]
fn whatever_the_noise_no_turn_is_held_for_ever() {
    let seconds = 60.0;
    let total = len(seconds, RATE_HZ);
    let mut fan = noise(Colour::Office, -70.0, total, 1);
    // It is switched on, and stays on.
    mix_into(
        &mut fan,
        &noise(Colour::Office, -30.0, total, 2),
        len(3.0, RATE_HZ),
    );
    let street: Vec<f64> = noise(Colour::Pink, -30.0, total, 3)
        .iter()
        .enumerate()
        .map(|(i, x)| x * (1.0 + 0.8 * (i as f64 / 4000.0).sin()))
        .collect();
    let music = tones(&[(440.0, 0.1), (554.0, 0.1), (660.0, 0.05)], total, RATE_HZ);
    for (name, line) in [("a fan", fan), ("a street", street), ("music", music)] {
        let mut endpointer = Endpointer::new(RATE_HZ, LIMITS);
        let (mut at, mut begun, mut longest) = (0.0, None, 0.0_f64);
        for frame in pcm(&line, RATE_HZ).samples.chunks(160) {
            at += 0.02;
            endpointer.push(frame, |change, _| match change {
                Change::SpeechStart => begun = Some(at),
                Change::EndOfTurn => longest = longest.max(at - begun.take().unwrap_or(at)),
                Change::Pause | Change::Resume => {}
            });
        }
        let held = begun.map_or(longest, |begun| longest.max(at - begun));
        assert!(
            held <= LIMITS.longest.as_secs_f64() + 0.1,
            "{name}: {held} s"
        );
        if name == "a fan" {
            assert!(held < 5.0, "{name}: {held} s");
        }
    }
}

/// While an answer is heard: who speaks is noticed soon, and neither its echo nor a cough is taken for them.
#[test]
fn an_answer_is_interrupted_by_a_voice_alone() {
    let answer = at_peak(&read("answer-moon.wav"), -6.0);
    let echo_db = -20.0;
    let begins = |line: &[f64]| {
        let mut endpointer = Endpointer::new(RATE_HZ, LIMITS);
        let mut begins = None;
        let answer = frame_levels(&answer);
        for (frame, samples) in pcm(line, RATE_HZ).samples.chunks(160).enumerate() {
            let recent = &answer[frame.saturating_sub(16)..(frame + 4).min(answer.len())];
            let loudest = recent.iter().copied().fold(-120.0, f32::max);
            endpointer.guard_against(Some(loudest - 17.0));
            endpointer.push(samples, |change, _| {
                if change == Change::SpeechStart {
                    begins = begins.or(Some(frame as f64 * 0.02 + 0.02));
                }
            });
        }
        begins
    };
    let echo: Vec<f64> = gain(&answer, echo_db);
    let mut wrong = Vec::new();
    for turn in 0..20_u64 {
        // Echoes come with a delay, in the noise of a line.
        let delay = len(0.02 + 0.013 * turn as f64, RATE_HZ);
        let mut line = noise(Colour::Pink, -60.0, answer.len(), turn + 1);
        mix_into(&mut line, &echo, delay);
        if let Some(at) = begins(&line) {
            wrong.push(format!("echo {turn} at {at:.2}"));
        }
        // A cough: two bursts of noise that die away.
        let cough = decaying(&noise(Colour::Pink, -12.0, len(0.35, RATE_HZ), turn + 7));
        let at = len(1.0 + 0.17 * turn as f64, RATE_HZ);
        mix_into(&mut line, &cough, at);
        mix_into(&mut line, &cough, at + len(0.45, RATE_HZ));
        if let Some(at) = begins(&line) {
            wrong.push(format!("cough {turn} at {at:.2}"));
        }
    }
    let all = utterances();
    let words: Vec<&Utterance> = all
        .iter()
        .filter(|word| word.rate_hz == RATE_HZ && !word.name.contains("whisper"))
        .collect();
    let mut lates = Vec::new();
    for turn in 0..20_usize {
        let words: Vec<_> = (0..4)
            .map(|n| words[(turn * 3 + n * 5) % words.len()])
            .collect();
        let spoken = sentence(&words, &[0.05], -20.0);
        let mut line = noise(Colour::Pink, -60.0, answer.len(), 99);
        mix_into(&mut line, &echo, len(0.1, RATE_HZ));
        let at = 1.0 + 0.11 * turn as f64;
        mix_into(&mut line, &spoken, len(at, RATE_HZ));
        match begins(&line) {
            Some(begins) => lates.push(begins - at),
            None => wrong.push(format!("voice {turn} was not heard")),
        }
    }
    lates.sort_by(f64::total_cmp);
    println!(
        "a voice is noticed after {:.2} to {:.2} s, median {:.2}",
        lates[0],
        lates[lates.len() - 1],
        lates[lates.len() / 2]
    );
    assert_eq!(wrong, [""; 0]);
}

fn read(name: &str) -> Vec<f64> {
    let pcm = read_wav(&crate::speech::clips::data(name));
    let step = (pcm.rate_hz / RATE_HZ) as usize;
    let samples = pcm.samples.iter().step_by(step);
    samples.map(|x| f64::from(*x) / 32768.0).collect()
}

/// Of 20 ms each, as RMS in dB of full scale.
fn frame_levels(signal: &[f64]) -> Vec<f32> {
    signal
        .chunks(160)
        .map(|frame| rms_db(frame) as f32)
        .collect()
}

/// Asterisk's pieces are 20 ms long, but nothing promises that.
#[test]
fn pieces_of_any_length_are_heard_alike() {
    let made = &table()[7];
    let line = pcm(&made.line, RATE_HZ);
    let changes = |piece: usize| {
        let mut endpointer = Endpointer::new(RATE_HZ, LIMITS);
        let mut changes = Vec::new();
        for samples in line.samples.chunks(piece) {
            endpointer.push(samples, |change, endpointer| {
                changes.push((change, endpointer.heard()));
            });
        }
        changes
    };
    let whole = changes(line.samples.len());
    assert!(whole.len() >= 3, "{}", whole.len());
    assert!(whole == changes(160) && whole == changes(1) && whole == changes(333));
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole { late } => write!(f, "whole, ended {late:.2} s after the last word"),
            Self::FirstWordCut => f.write_str("FIRST WORD CUT"),
            Self::EndedEarly { by } => write!(f, "ENDED {by:.2} s EARLY"),
            Self::Missed => f.write_str("MISSED"),
            Self::Held => f.write_str("HELD"),
        }
    }
}
