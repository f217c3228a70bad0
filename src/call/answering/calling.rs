//! Functions that the model calls in the middle of its answer: what they take is not the answer's time.

use std::mem::take;
use std::time::{Duration, Instant};

use super::Answering;
use crate::call::caller_audio::CallerAudio;
use crate::call::event::Calls;
use crate::call::line::Sound;
use crate::call::phase::Act;
use crate::call::turn::Scene;

/// The calls that hold an answer up.
#[derive(Debug, Default)]
pub(super) struct Calling {
    /// What is still to be permitted.
    calls: Option<Calls>,
    /// Since when the answer waits for them.
    since: Option<Instant>,
    /// Since when they wait for a caller who may go on.
    held: Option<Instant>,
}

impl Calling {
    /// Whether the answer waits for calls.
    pub(super) fn is_under_way(&self) -> bool {
        self.since.is_some()
    }

    /// Whether a PIN is still to be asked for.
    pub(super) fn wants_pin(&self) -> bool {
        self.calls.as_ref().is_some_and(|calls| calls.needs_pin)
    }
}

impl Answering {
    /// The model has called functions.
    pub(super) fn calls(&mut self, calls: Calls, scene: &mut Scene, now: Instant) {
        if calls.needs_pin && self.outcome.is_none() {
            // What was typed before belongs to no PIN.
            take(&mut scene.keypad);
        }
        self.calling = Calling {
            calls: Some(calls),
            since: Some(now),
            held: None,
        };
        self.tell_of_pin(scene);
    }

    /// Notes whether a PIN is wanted, also where another turn came between.
    pub(super) fn tell_of_pin(&self, scene: &mut Scene) {
        scene.wants_pin = self.calling.wants_pin() && !self.settings.typed_keys.is_empty();
    }

    /// The model goes on with what has come of its calls.
    pub(super) fn called(&mut self, now: Instant) {
        if let Some(since) = self.calling.since.take() {
            self.due += now.saturating_duration_since(since);
        }
    }

    /// Permits calls, once it is time. A PIN is asked for in silence, after all that was said before has been heard, or
    /// the caller has begun to type it.
    pub(super) fn permit(&mut self, scene: &mut Scene, now: Instant) -> Option<Act> {
        let needs_pin = self.calling.calls.as_ref()?.needs_pin;
        // A caller who goes on may want something else.
        if self.pausing.is_some() || self.may_go_on(scene, now) {
            return None;
        }
        if needs_pin {
            let is_typed = scene.keypad.is_open();
            let plays = self.sounding == Some(Sound::Answer) || self.playout.can_begin(now);
            if plays && !is_typed {
                return None;
            }
            if let Some(sounding) = self.sounding.take() {
                if sounding == Sound::Answer {
                    self.playout.stop(now);
                }
                return Some(Act::Stop);
            }
        }
        scene.wants_pin = false;
        self.calling.calls.take().map(Act::Permit)
    }

    /// Whether the caller, whose voice would interrupt the answer, may be speaking. An echo may seem so for as long as
    /// something plays, so a voice that has not begun to speak is not waited for longer than [`MAX_HELD`].
    fn may_go_on(&mut self, scene: &Scene, now: Instant) -> bool {
        let caller = scene.caller.as_ref();
        if !self.heeds_voices() || !caller.is_some_and(CallerAudio::may_be_speaking) {
            self.calling.held = None;
            return false;
        }
        let held = *self.calling.held.get_or_insert(now);
        scene.is_in_turn() || now.saturating_duration_since(held) < MAX_HELD
    }
}

/// A voice begins a turn within a part of this.
const MAX_HELD: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Receiver, bounded};

    use std::time::Duration;

    use super::super::taking_up::tests::of_three_sentences;
    use super::super::tests::{answering, end, ended, key, question, sound, through};
    use super::Answering;
    use crate::call::event::{Calls, Event, Permit};
    use crate::call::keypad::DIGITS;
    use crate::call::line::{Input, Sound};
    use crate::call::phase::tests::{Heard as Line, Virtual, caller};

    /// Calls of a function, and who waits for their permit.
    fn calls(needs_pin: bool) -> (Input, Receiver<Vec<Permit>>) {
        let (permit, permitted) = bounded(1);
        let calls = Calls {
            names: vec!["order".to_owned()],
            needs_pin,
            permit,
        };
        (Input::Work(Event::Calls(calls)), permitted)
    }

    fn called() -> Input {
        Input::Work(Event::Called)
    }

    fn sentence_end() -> Input {
        Input::Work(Event::SentenceEnd)
    }

    #[test]
    fn calls_begin_while_the_words_before_are_heard_and_a_filler_follows_these() {
        let mut call = answering(|_| {});
        let (order, _permitted) = calls(false);
        call.on(1000, sound(50)).on(1000, sentence_end());
        call.on(1100, order).pass(2000);
        call.ends(2000, Sound::Answer, through(50)).pass(4000);
        call.ends(4200, Sound::Filler, through(20));
        call.on(5000, called());
        call.on(5200, sound(50)).on(5200, end());
        call.ends(6200, Sound::Answer, through(100));
        call.assert_steps(&[
            (1000, "play /r #*@0"),
            (1100, "permit order"),
            (3500, "play beep #*@0"),
            (5200, "play /r #*@8000"),
        ]);
        assert_eq!(ended(&call), "6200 ANSWERED ");
    }

    #[test]
    fn a_pin_is_asked_for_in_silence() {
        let mut call = answering(|_| {});
        let (order, _permitted) = calls(true);
        call.on(1000, sound(50)).on(1000, sentence_end());
        call.on(1100, order).pass(1990);
        call.ends(2000, Sound::Answer, through(50));
        call.assert_steps(&[(1000, "play /r #*@0"), (2000, "permit order")]);
        let mut call = answering(|_| {});
        let (order, _permitted) = calls(true);
        call.pass(1500);
        call.on(1600, order);
        call.assert_steps(&[
            (1500, "play beep @0"),
            (1600, "stop"),
            (1600, "permit order"),
        ]);
    }

    #[test]
    fn a_pin_that_is_typed_before_it_is_asked_for_is_none_of_the_callers_words() {
        for stop_keys in ["#*", DIGITS] {
            let mut call = answering(|settings| {
                settings.stop_keys = stop_keys.to_owned();
                settings.typed_keys = DIGITS;
            });
            let (order, _permitted) = calls(true);
            call.on(900, question("Tea?"));
            call.on(1000, sound(100)).on(1100, order);
            call.told();
            assert!(call.scene.wants_pin, "no key leads to the operator");
            call.ends(1500, Sound::Answer, key('4'));
            assert!(!call.scene.wants_pin);
            assert_eq!(call.told()[0], (1500, "permit order".to_owned()));
            assert_eq!(ended(&call), "goes on", "{stop_keys}");
            assert_eq!(call.scene.keypad.keys(), "4");
        }
    }

    /// An answer that is heard on a quiet line from 1000 ms on, while a PIN is wanted; and who waits for the permit.
    fn pin_wanted() -> (Virtual<Answering>, Receiver<Vec<Permit>>) {
        let mut call = answering(|settings| settings.typed_keys = DIGITS);
        call.scene.caller = Some(caller(call.at(0), None));
        let (order, permitted) = calls(true);
        call.on(0, question("Tea?"));
        call.hears(0, 1000, Line::Quiet);
        call.on(1000, sound(400)).on(1000, order);
        (call, permitted)
    }

    #[test]
    fn what_plays_on_while_a_pin_is_begun_and_a_voice_is_heard_is_stopped_before_the_rest_is_typed()
    {
        let (mut call, _permitted) = pin_wanted();
        let until = call.hears(1000, 100, Line::Quiet);
        let until = call.hears(until, 100, Line::Voice);
        call.told();
        call.ends(until, Sound::Answer, key('4'));
        let begun = call.told();
        assert!(begun[0].1.starts_with("play /r "), "{begun:?}");
        call.hears(until, 1000, Line::Quiet);
        let steps: Vec<_> = call.told().into_iter().map(|(_, step)| step).collect();
        assert_eq!(steps[..2], ["stop", "permit order"]);
        assert_eq!(ended(&call), "goes on");
    }

    #[test]
    fn a_pin_is_still_wanted_where_what_interrupted_was_nothing() {
        for typed_keys in [DIGITS, ""] {
            let (mut call, _permitted) = pin_wanted();
            call.phase.settings.typed_keys = typed_keys;
            let until = call.hears(1000, 600, Line::Voice);
            assert!(ended(&call).ends_with("interrupted"));
            let now = call.at(until);
            let before = call.scene.begin_turn(now, Duration::ZERO);
            call.scene.turn = before;
            call.scene.caller.as_mut().expect("there").forget();
            call.go_on(until, |phase, scene, now| phase.take_up(false, scene, now));
            assert_eq!(call.scene.wants_pin, !typed_keys.is_empty());
        }
    }

    #[test]
    fn a_key_that_is_no_digit_belongs_to_the_pin_once_that_is_begun() {
        for last in ['#', '*'] {
            let (mut call, _permitted) = pin_wanted();
            let until = call.hears(1000, 100, Line::Voice);
            call.ends(until, Sound::Answer, key('4'));
            call.ends(until + 20, Sound::Answer, key(last));
            assert_eq!(ended(&call), "goes on", "{last}");
        }
    }

    /// When a function is permitted that is called `after` ms of what the line brings while nothing is heard, or while an
    /// answer plays that no voice is to stop, and how the answer ends.
    fn permitted(line: Line, after: u64, barge_in: bool, plays: bool) -> (Option<u64>, String) {
        let mut call = answering(|settings| {
            settings.barge_in = barge_in;
            settings.waiting.play = crate::config::Filler::Nothing;
        });
        call.scene.caller = Some(caller(call.at(0), None));
        call.on(0, question("Tea?"));
        if plays {
            call.on(0, sound(500));
        }
        let begins = call.hears(0, 1000, Line::Quiet);
        let (order, _permitted) = calls(false);
        let until = call.hears(begins, after, line);
        call.on(until, order);
        call.hears(until, 1500, line);
        let permitted = call
            .told()
            .into_iter()
            .find(|(_, step)| step == "permit order");
        (permitted.map(|(ms, _)| ms), ended(&call))
    }

    #[test]
    fn nothing_is_called_while_the_caller_may_go_on() {
        for after in (100..240).step_by(20) {
            for barge_in in [true, false] {
                let (permitted, end) = permitted(Line::Voice, after, barge_in, false);
                assert_eq!(permitted, None, "after {after} ms");
                assert!(end.ends_with("interrupted"), "after {after} ms: {end}");
            }
        }
        let at_once = permitted(Line::Quiet, 200, true, false);
        assert_eq!(at_once, (Some(1200), "goes on".to_owned()));
        let unheeded = permitted(Line::Voice, 200, false, true);
        assert_eq!(unheeded, (Some(1200), "goes on".to_owned()));
        let (melody, end) = permitted(Line::Melody, 500, true, false);
        assert!(melody.is_some_and(|ms| ms < 3000), "{melody:?}");
        assert_eq!(end, "goes on");
    }

    #[test]
    fn nothing_is_called_in_the_pause_of_an_answer_at_the_first_sign_of_a_voice() {
        let mut call = of_three_sentences(|_| {});
        let until = call.hears(1000, 2000, Line::Quiet);
        let until = call.hears(until, 160, Line::Voice);
        call.hears(until, 140, Line::Quiet);
        let (order, _permitted) = calls(false);
        call.on(3300, order);
        call.hears(3300, 700, Line::Quiet);
        let steps = call.told();
        assert_eq!(steps[0], (3100, "stop".to_owned()));
        assert_eq!(steps[1], (3450, "permit order".to_owned()));
        assert!(steps[2].1.starts_with("play /r "), "{steps:?}");
    }

    #[test]
    fn what_calls_take_is_not_the_time_of_the_answer() {
        let mut call = answering(|settings| settings.waiting.play = crate::config::Filler::Nothing);
        let (order, _permitted) = calls(false);
        call.on(1000, order).pass(59_000);
        assert_eq!(ended(&call), "goes on");
        call.on(60_000, called()).pass(79_199);
        assert_eq!(ended(&call), "goes on");
        call.pass(79_200);
        assert!(ended(&call).starts_with("79200 config: no whole answer within 20.0 s"));
    }

    #[test]
    fn a_caller_who_goes_on_or_hangs_up_permits_nothing_more() {
        for hangs_up in [true, false] {
            let mut call = answering(|_| {});
            call.scene.caller = Some(caller(call.at(0), None));
            let (order, permitted) = calls(true);
            call.hears(0, 1000, Line::Quiet);
            call.scene.turn.question = "Tea?".to_owned();
            call.on(1000, sound(500)).on(1010, order);
            if hangs_up {
                call.on(1100, Input::HungUp);
            } else {
                call.hears(1020, 600, Line::Voice);
            }
            assert!(call.end.is_some(), "{hangs_up}");
            let steps = call.told();
            assert!(
                steps.iter().all(|(_, step)| !step.starts_with("permit")),
                "{steps:?}"
            );
            // Dropping the answer drops the calls.
            drop(call);
            assert!(permitted.recv().is_err());
        }
    }

    #[test]
    fn an_answer_for_the_dialplan_asks_for_a_pin_at_once() {
        let mut call = answering(|settings| settings.is_streamed = false);
        let (order, _permitted) = calls(true);
        call.on(1000, sound(50)).on(1100, order).on(9000, called());
        call.on(9500, end());
        let steps = call.told();
        assert_eq!(steps[0], (1100, "permit order".to_owned()), "{steps:?}");
        assert_eq!(ended(&call), "9500 whole");
    }
}
