//! Virtual time for the tests of phases: inputs at their milliseconds in, steps at theirs out.

use std::time::{Duration, Instant};

use super::{Act, Phase, Step};
use crate::audio::speech::turn::Limits;
use crate::audio::to_i16;
use crate::call::caller_audio::CallerAudio;
use crate::call::keypad::words;
use crate::call::line::{How, Input, Played, Sound};
use crate::call::turn::Scene;
use crate::sys::error::Failure;

/// A phase that believes that time passes.
pub(in crate::call) struct Virtual<P: Phase> {
    pub(in crate::call) phase: P,
    pub(in crate::call) scene: Scene,
    start: Instant,
    /// When each step was, in ms, and what it was. Appended sound is left out.
    pub(in crate::call) steps: Vec<(u64, String)>,
    /// When the phase ended, in ms, and how.
    pub(in crate::call) end: Option<(u64, Result<P::End, Failure>)>,
    wake_at: Instant,
}

impl<P: Phase> Virtual<P> {
    /// The phase that `make` makes begins now.
    pub(in crate::call) fn new(make: impl FnOnce(Instant, &mut Scene) -> P) -> Self {
        let start = Instant::now();
        let mut scene = Scene::new(start);
        let mut all = Self {
            phase: make(start, &mut scene),
            scene,
            start,
            steps: Vec::new(),
            end: None,
            wake_at: start,
        };
        all.poll(start);
        all
    }

    /// The moment `ms` after the beginning.
    pub(in crate::call) fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// Lets `input` happen at `ms`, and before that what the time comes for.
    pub(in crate::call) fn on(&mut self, ms: u64, input: Input) -> &mut Self {
        self.pass(ms);
        if self.end.is_none() {
            let now = self.at(ms);
            self.phase.on(input, &mut self.scene, now);
            self.poll(now);
        }
        self
    }

    /// A sound ends at `ms`.
    pub(in crate::call) fn ends(&mut self, ms: u64, what: Sound, how: How) -> &mut Self {
        let at = self.at(ms);
        self.on(ms, Input::Ended(Played { what, how, at }))
    }

    /// The phase goes on at `ms`, after it had ended, as `change` has it.
    pub(in crate::call) fn go_on(
        &mut self,
        ms: u64,
        change: impl FnOnce(&mut P, &mut Scene, Instant),
    ) -> &mut Self {
        assert!(self.end.take().is_some(), "it goes on already");
        let now = self.at(ms);
        change(&mut self.phase, &mut self.scene, now);
        self.poll(now);
        self
    }

    /// Lets time pass until `ms`.
    pub(in crate::call) fn pass(&mut self, ms: u64) -> &mut Self {
        while self.end.is_none() && self.wake_at <= self.at(ms) {
            let now = self.wake_at;
            self.phase.on(Input::Elapsed, &mut self.scene, now);
            self.poll(now);
            assert!(
                self.end.is_some() || self.wake_at > now,
                "it wants to be asked again at once"
            );
        }
        self
    }

    /// The caller's line brings `ms_long` of `sound` from `ms` on, in packets of 20 ms. Returns when that has ended.
    pub(in crate::call) fn hears(&mut self, ms: u64, ms_long: u64, sound: Heard) -> u64 {
        let voice = testkit::audio::clips::babble(8000, &"waterfall".repeat(12));
        let samples = match sound {
            Heard::Voice => voice.samples,
            Heard::Melody => melody(),
            Heard::Quiet => [30, -30].repeat(4 * usize::try_from(ms_long).expect("short")),
            Heard::Echo => [900, -900].repeat(4 * usize::try_from(ms_long).expect("short")),
        };
        let len = 8 * usize::try_from(ms_long).expect("short");
        self.brings(ms, samples.get(..len).expect("it is long enough"))
    }

    /// The caller's line brings these samples from `ms` on. Returns when they have ended.
    pub(in crate::call) fn brings(&mut self, mut ms: u64, samples: &[i16]) -> u64 {
        for packet in samples.chunks(160) {
            ms += 20;
            self.on(ms, Input::Caller(packet.to_vec()));
        }
        ms
    }

    fn poll(&mut self, now: Instant) {
        let ms = now.duration_since(self.start).as_millis();
        let ms = u64::try_from(ms).expect("short");
        loop {
            match self.phase.poll(&mut self.scene, now) {
                Step::Do(act) => {
                    let step = told(&act, &self.scene);
                    self.steps.extend(step.map(|step| (ms, step)));
                }
                Step::Wait(until) => {
                    self.wake_at = until;
                    return;
                }
                Step::End(end) => {
                    self.end = Some((ms, end));
                    return;
                }
            }
        }
    }

    /// Asserts the steps since this was asked last: each with its ms.
    #[track_caller]
    pub(in crate::call) fn assert_steps(&mut self, steps: &[(u64, &str)]) {
        let told = self.told();
        let told: Vec<_> = told.iter().map(|(ms, step)| (*ms, step.as_str())).collect();
        assert_eq!(told, steps);
    }

    /// The steps so far, which are then forgotten.
    pub(in crate::call) fn told(&mut self) -> Vec<(u64, String)> {
        std::mem::take(&mut self.steps)
    }
}

fn told(act: &Act, scene: &Scene) -> Option<String> {
    Some(match act {
        Act::Play(play) => format!("play {} {}@{}", play.name, play.stop_keys, play.offset),
        Act::Stop => "stop".to_owned(),
        Act::Agree(_) => format!("agree {}", scene.stage),
        Act::Keep(messages, _) => format!("keep {}", messages.len()),
        Act::Permit(calls) => format!("permit {}", calls.names.join(" ")),
        Act::Forget => "forget".to_owned(),
        Act::Transcribe {
            speech,
            known,
            typed,
            later,
        } => {
            let seconds = speech.duration().as_secs_f32();
            let known = Some(&known.words).filter(|words| !words.is_empty());
            let known = known.map_or_else(String::new, |words| format!(" after {words:?}"));
            let typed = typed.iter().map(|keys| format!(" {}", words(keys)));
            let typed = typed.collect::<String>();
            format!("transcribe {seconds:.1} s{known}{typed}, {later} later")
        }
        Act::Append(_) | Act::Reveal => return None,
    })
}

/// The voice of a caller in a conversation.
pub(in crate::call) fn caller(now: Instant, pause: Option<Duration>) -> CallerAudio {
    let limits = Limits {
        quiet: Duration::from_millis(700),
        pause,
        longest: Duration::from_secs(8),
    };
    CallerAudio::new(8000, limits, now)
}

/// Notes of four pitches, each a quarter of a second long, which die away: loud, lasting, voiced, and no voice.
pub(in crate::call) fn melody() -> Vec<i16> {
    let note = |hz: f32| {
        (0_u16..2000).map(move |at| {
            let seconds = f32::from(at) / 8000.0;
            let turn = std::f32::consts::TAU * hz * seconds;
            let harmonics = (1_u8..8).map(f32::from);
            let sum: f32 = harmonics.map(|n| (turn * n).sin() / n).sum();
            to_i16(0.2 * sum * (-seconds / 0.15).exp())
        })
    };
    [440.0, 554.0, 659.0, 880.0]
        .repeat(2)
        .into_iter()
        .flat_map(note)
        .collect()
}

/// What a line can bring.
#[derive(Clone, Copy)]
pub(in crate::call) enum Heard {
    Voice,
    /// It is as loud and lasts as long, and is none.
    Melody,
    /// A line is never quite silent.
    Quiet,
    /// It brings back something of what is heard.
    Echo,
}
