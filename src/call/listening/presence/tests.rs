//! What is sent of a minute on a line, in virtual time, with a recognizer that understands the caller alone.

use std::f32::consts::TAU;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use testkit::audio::clips::{Random, babble, noise};

use super::super::tests::{listening, transcribed};
use super::super::{Heard, Listening};
use crate::audio::speech::turn::Change;
use crate::audio::{to_f32, to_i16};
use crate::call::line::Input;
use crate::call::phase::tests::Virtual;
use crate::text::Completeness;

/// A line of 8 kHz.
struct Line {
    samples: Vec<f32>,
    /// When a caller speaks, in ms.
    words: Vec<Range<u64>>,
}

const RATE: usize = 8;

impl Line {
    fn quiet(seconds: usize) -> Self {
        let hiss = noise(8000, -65.0, 1.0, 1).samples;
        Self {
            samples: hiss
                .iter()
                .cycle()
                .take(seconds * 8000)
                .map(|x| to_f32(*x))
                .collect(),
            words: Vec::new(),
        }
    }

    /// Adds a sound at `ms`, whose RMS where it sounds is `dbfs`.
    fn with(mut self, ms: usize, dbfs: f32, sound: &[f32]) -> Self {
        let sounding: Vec<_> = sound.iter().filter(|x| x.abs() > 1e-4).collect();
        let power: f32 = sounding.iter().map(|x| *x * *x).sum();
        let count = Duration::from_micros(u64::try_from(sounding.len()).expect("short"))
            .as_secs_f32()
            * 1e6;
        let gain = 10_f32.powf(dbfs / 20.0) / (power / count).sqrt();
        for (to, sample) in self.samples[ms * RATE..].iter_mut().zip(sound) {
            *to += gain * sample;
        }
        self
    }

    /// A caller says a text at `ms`.
    fn says(mut self, ms: usize, dbfs: f32, text: &str) -> Self {
        let voice = voice(text);
        let begin = u64::try_from(ms).expect("short");
        let end = begin + u64::try_from(voice.len() / RATE).expect("short");
        self.words.push(begin..end);
        self.with(ms, dbfs, &voice)
    }
}

fn voice(text: &str) -> Vec<f32> {
    babble(8000, text)
        .samples
        .iter()
        .map(|x| to_f32(*x))
        .collect()
}

/// Somebody who talks and talks, with pauses of 0.1 to 0.9 s.
fn talker(seconds: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    let mut text = String::new();
    while text.len() < seconds * 16 {
        let chance = random.value();
        let word = 4 + usize::from(chance > 0.0) * 3 + usize::from(chance > 0.5) * 2;
        text.extend("waterfall".chars().cycle().take(word));
        let pause = random.value();
        text.push_str(if pause > 0.8 {
            "            "
        } else if pause > 0.4 {
            "      "
        } else {
            "  "
        });
    }
    voice(&text)
}

fn tones(seconds: usize, hz: &[f32], loudness: impl Fn(f32) -> f32) -> Vec<f32> {
    let at = |index: u64| Duration::from_micros(index * 125).as_secs_f32();
    let samples = u64::try_from(seconds * 8000).expect("short");
    let wave = |time: f32| hz.iter().map(|hz| (time * hz * TAU).sin()).sum::<f32>();
    (0..samples)
        .map(|index| 0.2 * loudness(at(index)) * wave(at(index)))
        .collect()
}

/// A conversation on a line: a recognizer answers after a while, and what follows from that is listened to again.
struct Conversation {
    call: Virtual<Listening>,
    /// When something was sent in ms, and whether the recognizer understands it.
    sent: Vec<(u64, bool)>,
    /// When the last of it is transcribed, unless it was.
    transcribed_at: Option<u64>,
}

impl Conversation {
    fn hear(&mut self, ms: u64, packet: Vec<i16>) {
        if self.call.end.is_none() {
            self.call.on(ms, Input::Caller(packet));
        } else if let Some(caller) = &mut self.call.scene.caller
            && caller
                .hear(&packet, self.call.phase.end_at)
                .contains(&Change::SpeechStart)
        {
            self.listen_again(ms, true);
        }
    }

    fn transcribe(&mut self, ms: u64) {
        let has_words = self.sent.last().is_some_and(|(_, has_words)| *has_words);
        if self.transcribed_at.take_if(|at| *at <= ms).is_some() && self.call.end.is_none() {
            let words = if has_words { "I need a plumber." } else { "" };
            self.call.on(ms, transcribed(words, Completeness::Unknown));
        }
        if self.transcribed_at.is_none() && self.call.end.is_some() {
            self.listen_again(ms, false);
        }
    }

    /// The turn is answered, or proves to be nothing, or the caller goes on speaking.
    fn listen_again(&mut self, ms: u64, goes_on: bool) {
        let Some((_, Ok(Heard::Turn(turn)))) = self.call.end.take() else {
            panic!("it ended otherwise");
        };
        let now = self.call.at(ms);
        let has_words = self.sent.last().is_some_and(|(_, has_words)| *has_words);
        if !goes_on {
            self.call.phase.transcribed(&turn.speech, has_words, now);
        }
        let unanswered = goes_on.then_some(turn.speech);
        self.call.phase.answered(unanswered, &mut self.call.scene);
        self.call.phase.begin(now, now);
    }
}

/// What is sent of a line, on which the first utterances are `not_understood`, to a recognizer of a usual speed.
fn sent(line: &Line, not_understood: usize) -> Vec<(u64, bool)> {
    sent_to(700, line, not_understood)
}

/// The same to a recogniser that takes `takes_ms`.
fn sent_to(takes_ms: u64, line: &Line, not_understood: usize) -> Vec<(u64, bool)> {
    let call = listening(|listening| {
        listening.settings.ask_after = Duration::from_secs(600);
        listening.end_at += Duration::from_secs(600);
    });
    let mut conversation = Conversation {
        call,
        sent: Vec::new(),
        transcribed_at: None,
    };
    for (packet, ms) in line.samples.chunks(160).zip((20..).step_by(20)) {
        conversation.hear(ms, packet.iter().map(|x| to_i16(*x)).collect());
        for (at, step) in conversation.call.told() {
            let Some(rest) = step.strip_prefix("transcribe ") else {
                continue;
            };
            let seconds = rest.split(' ').next().and_then(|it| it.parse().ok());
            let length = Duration::from_secs_f32(seconds.expect("a time"));
            let from = at - u64::try_from(length.as_millis()).expect("short").min(at);
            let mut words = line.words.iter().skip(not_understood);
            let has_words = words.any(|said| said.start < at && said.end > from);
            conversation.sent.push((at, has_words));
            conversation.transcribed_at = Some(at + takes_ms);
        }
        conversation.transcribe(ms);
    }
    conversation.sent
}

fn music(seconds: usize) -> Vec<f32> {
    let beat = |time: f32| 0.3 + (-4.0 * (time % 0.5)).exp();
    tones(seconds, &[220.0, 277.0, 330.0, 441.0, 880.0], beat)
}

fn ring(seconds: usize) -> Vec<f32> {
    let trill = |time: f32| 1.0 + (time * 125.0).sin();
    let loudness = |time: f32| if time % 5.0 < 1.0 { trill(time) } else { 0.0 };
    tones(seconds, &[800.0, 1000.0, 1630.0], loudness)
}

fn cough(seed: u64) -> Vec<f32> {
    let burst = noise(8000, -10.0, 0.35, seed).samples;
    let fades = burst.iter().zip(0_u16..);
    fades
        .map(|(x, n)| to_f32(*x) * (-f32::from(n) / 800.0).exp())
        .collect()
}

/// A voice, and music 8 dB below it.
fn television(line: Line, seconds: usize, dbfs: f32, seed: u64) -> Line {
    line.with(1000, dbfs, &talker(seconds, seed))
        .with(1000, dbfs - 8.0, &music(seconds))
}

fn in_vain(sent: &[(u64, bool)]) -> usize {
    sent.iter().filter(|(_, has_words)| !has_words).count()
}

#[test]
fn a_minute_of_sound_in_which_nobody_can_be_understood_is_sent_once() {
    let quiet = || Line::quiet(61);
    let crowd = || {
        let talkers = 1..9;
        talkers.fold(quiet(), |line, seed| {
            line.with(1000, -45.0, &talker(60, seed))
        })
    };
    let mut table = vec![
        ("silence", quiet()),
        ("babble", crowd()),
        ("music on hold", quiet().with(1000, -30.0, &music(60))),
    ];
    for (seed, dbfs) in (1..7).zip([-46.0, -36.0, -26.0].into_iter().cycle()) {
        table.push(("a television", television(quiet(), 60, dbfs, seed)));
    }
    // However slow a recognizer is.
    let takes_ms = [700, 4000, 8000, 1500, 2500].into_iter().cycle();
    thread::scope(|scope| {
        for ((name, line), takes_ms) in table.into_iter().zip(takes_ms) {
            scope.spawn(move || {
                let sent = sent_to(takes_ms, &line, 0);
                assert!(in_vain(&sent) <= 1, "{name}, {takes_ms} ms: {sent:?}");
            });
        }
    });
    // Silence is around each ring, as around the words of a caller who waits for an answer.
    let sent = sent(&quiet().with(1000, -30.0, &ring(60)), 0);
    assert!(in_vain(&sent) <= 2, "a phone that rings: {sent:?}");
}

/// When listening to a line ends for want of a caller, in ms, and how; the recognizer finds no words in anything.
fn given_up(line: &Line, change: impl FnOnce(&mut Listening)) -> Option<(u64, String)> {
    let mut conversation = Conversation {
        call: listening(change),
        sent: Vec::new(),
        transcribed_at: None,
    };
    for (packet, ms) in line.samples.chunks(160).zip((20..).step_by(20)) {
        conversation.hear(ms, packet.iter().map(|x| to_i16(*x)).collect());
        if let Some((at, Ok(end @ (Heard::Silence | Heard::Late)))) = &conversation.call.end {
            return Some((*at, format!("{end:?}")));
        }
        let told = conversation.call.told();
        if told.iter().any(|(_, step)| step.starts_with("transcribe ")) {
            conversation.sent.push((ms, false));
            conversation.transcribed_at = Some(ms + 700);
        }
        conversation.transcribe(ms);
    }
    None
}

#[test]
fn a_background_puts_neither_the_question_whether_a_caller_is_there_off_nor_the_end() {
    type Change = fn(&mut Listening);
    let asked: Change = |listening| listening.settings.ask_after = Duration::from_secs(20);
    let late: Change = |listening| {
        listening.settings.ask_after = Duration::from_secs(600);
        listening.end_at -= Duration::from_secs(35);
    };
    let quiet = || Line::quiet(61);
    let lines = [
        ("music on hold", quiet().with(1000, -30.0, &music(60))),
        ("a television", television(quiet(), 60, -36.0, 2)),
        ("a television", television(quiet(), 60, -26.0, 3)),
    ];
    for (name, line) in lines {
        for (change, expected, from) in [(asked, "Silence", 20_000), (late, "Late", 25_000)] {
            let ended = given_up(&line, change);
            let is_right = ended
                .as_ref()
                .is_some_and(|(ms, how)| how == expected && (from..from + 15_000).contains(ms));
            assert!(is_right, "{name}, {expected}: {ended:?}");
        }
    }
}

#[test]
fn a_caller_in_a_background_or_after_it_is_sent() {
    let said = "howlongshouldblackteasteep";
    // The line, how many utterances are not understood, how many may be sent in vain, and how soon the others are sent.
    let table = [
        ("alone", Line::quiet(12).says(2000, -26.0, said), 0, 0, 400),
        (
            "beside a television",
            // The turn goes on with that until it has become too long.
            television(Line::quiet(30), 29, -36.0, 7).says(20_000, -24.0, said),
            0,
            2,
            8000,
        ),
        (
            "soft, after a television",
            television(Line::quiet(30), 12, -36.0, 7).says(18_000, -40.0, said),
            0,
            1,
            2100,
        ),
        (
            "after two coughs",
            Line::quiet(20)
                .with(2000, -20.0, &cough(3))
                .with(2500, -22.0, &cough(4))
                .says(3600, -28.0, said),
            0,
            1,
            1000,
        ),
        (
            "not understood at first",
            Line::quiet(20)
                .says(2000, -26.0, said)
                .says(8000, -26.0, said),
            1,
            1,
            2100,
        ),
        (
            "who says um first, in which there are no words",
            Line::quiet(20)
                .says(2000, -26.0, "waterf")
                .says(2900, -26.0, said),
            1,
            1,
            2100,
        ),
        (
            "who says um first, and the question a second later",
            Line::quiet(20)
                .says(2000, -26.0, "waterf")
                .says(3900, -26.0, said),
            1,
            1,
            2100,
        ),
        (
            "not understood at first, who says it again at once",
            Line::quiet(20)
                .says(2000, -26.0, said)
                .says(4700, -26.0, said),
            1,
            1,
            2100,
        ),
        (
            "who says um in a talk, and the question a second later",
            Line::quiet(20)
                .says(2000, -26.0, said)
                .with(8000, -26.0, &voice("waterf"))
                .says(9900, -26.0, said),
            0,
            1,
            400,
        ),
        (
            "not understood at first, and louder then",
            Line::quiet(20)
                .says(2000, -26.0, said)
                .says(5000, -18.0, said),
            1,
            1,
            400,
        ),
    ];
    for (name, line, not_understood, may_be_in_vain, within_ms) in table {
        let sent = sent(&line, not_understood);
        assert!(in_vain(&sent) <= may_be_in_vain, "{name}: {sent:?}");
        for said in line.words.iter().skip(not_understood) {
            let in_time = said.end..said.end + within_ms;
            let is_sent = sent
                .iter()
                .any(|(at, has_words)| *has_words && in_time.contains(at));
            assert!(is_sent, "{name}, {said:?}: {sent:?}");
        }
    }
}
