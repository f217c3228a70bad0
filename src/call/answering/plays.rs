//! The ends of what plays during an answer, and what cannot be played or written.

use std::time::Instant;

use super::{Answered, Answering, Error, GRACE};
use crate::agi;
use crate::call::line::{How, Played, Sound};
use crate::call::turn::Scene;
use crate::sys::error::{At, Failure, Stage};
use crate::timeline::Mark;

impl Answering {
    /// A sound has ended.
    pub(super) fn ended(&mut self, played: Played, scene: &mut Scene) {
        let Played { what, how, at } = played;
        self.sounding = None;
        if what == Sound::Answer {
            scene.turn.timeline.reached(Mark::LastPlayed, at);
        } else {
            self.filler.ended(at);
        }
        let endpos = match how {
            How::Unplayable(cause) => return self.could_not_play(what, cause, at, scene),
            How::Key { key, endpos } => {
                self.pressed(key, what, at, scene);
                endpos
            }
            How::Through { endpos } => endpos,
            How::AtOnce => None,
        };
        if what == Sound::Answer && self.outcome.is_none() {
            self.answer_ended(endpos, at, scene);
        }
    }

    /// A key has been pressed. Where a PIN is wanted, a digit begins it. Else one that stops the answer begins what is typed
    /// only where the caller has just been asked; any other digit interrupts the answer as the caller's voice does.
    fn pressed(&mut self, key: char, what: Sound, at: Instant, scene: &mut Scene) {
        let is_typed = self.settings.typed_keys.contains(key);
        if self.calling.wants_pin() && (is_typed || scene.keypad.is_open()) {
            return scene.keypad.press(key, at);
        }
        let interrupts = is_typed && !self.settings.stop_keys.contains(key);
        if interrupts || is_typed && self.has_just_asked(scene, at) {
            scene.keypad.press(key, at);
        }
        if !self.may_be_stopped(scene) {
            return;
        }
        if interrupts {
            if what == Sound::Answer {
                self.playout.stop(at);
            }
            (self.interrupted, self.pausing) = (Some(at), None);
            self.finish(Ok(Answered::Interrupted));
        } else {
            scene.turn.key = Some(key);
            self.finish(Ok(Answered::Heard));
        }
    }

    /// A play of the answer is over, but perhaps not the answer.
    fn answer_ended(&mut self, endpos: Option<u64>, at: Instant, scene: &mut Scene) {
        let samples_per_frame = u64::from(self.settings.encoding.frame_samples());
        let at_open = endpos.map(|samples| samples / samples_per_frame);
        let at_open = at_open.and_then(|frames| u32::try_from(frames).ok());
        self.playout.ended(at, at_open);
        self.filler.silence_begins(at);
        if self.playout.is_stuck() {
            self.could_not_play(Sound::Answer, None, at, scene);
        } else if !self.playout.was_fruitless() {
            // Only sound that was heard gives the answer more time: an Asterisk that ends each play at once would
            // otherwise move the deadline on for ever.
            self.due = at + self.settings.idle + GRACE;
        }
    }

    fn could_not_play(
        &mut self,
        what: Sound,
        cause: Option<agi::Error>,
        at: Instant,
        scene: &mut Scene,
    ) {
        if what != Sound::Answer {
            self.filler.give_up(cause.as_ref());
            return;
        }
        if cause.is_none() {
            self.playout.refused();
        }
        if !self.playout.has_been_heard(at) {
            // It was noted when Asterisk was asked to play, and only the reply tells that nothing was heard.
            scene.turn.timeline.withdraw(Mark::FirstPlayed);
        }
        self.finish(match cause {
            Some(cause) => Err(cause).at(Stage::Reply),
            None => Err(Error::Unplayable(self.settings.reply.clone())).at(Stage::Reply),
        });
    }

    /// The reply takes no more. What plays is the end of the answer, if anything does.
    pub(super) fn not_written(&mut self, failure: Failure) {
        self.todo.clear();
        if self.sounding == Some(Sound::Answer) {
            self.playout.abandon();
            self.end = Some(Err(failure));
        } else {
            self.playout.refused();
            self.finish(Err(failure));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answering, end, ended, key, question, sound, through};
    use super::How;
    use crate::call::event::Event;
    use crate::call::keypad::DIGITS;
    use crate::call::line::{Input, Sound};
    use crate::config::Filler;

    /// The key that ends the answer at 600 ms, the keys that stop it, whether the caller has just been asked, and how
    /// it ends, with what is typed by then.
    #[test]
    fn a_digit_interrupts_and_begins_a_number_unless_it_stops_the_answer() {
        let table = [
            ('7', "#*", false, "600 interrupted", Some("7")),
            ('0', "#*", true, "600 interrupted", Some("0")),
            ('#', "#*", true, "600 ANSWERED ", None),
            ('*', "#*", true, "600 ANSWERED ", None),
            ('7', DIGITS, false, "600 ANSWERED ", None),
            ('7', DIGITS, true, "600 ANSWERED ", Some("7")),
        ];
        for (pressed, stop_keys, is_asked, end_of_it, typed) in table {
            let mut call = answering(|settings| {
                settings.stop_keys = stop_keys.to_owned();
                settings.typed_keys = DIGITS;
            });
            let text = if is_asked {
                "Your number?"
            } else {
                "Tea it is."
            };
            call.on(0, question("Tea?"));
            call.on(0, Input::Work(Event::Speaks(text.to_owned())));
            call.on(10, sound(49))
                .on(10, Input::Work(Event::SentenceEnd));
            call.on(10, end());
            call.ends(600, Sound::Answer, key(pressed));
            let name = format!("{pressed} of {stop_keys}, asked: {is_asked}");
            assert_eq!(ended(&call), end_of_it, "{name}");
            let later = call.at(60_000);
            let keys = call.scene.keypad.take(later);
            assert_eq!(keys.as_deref(), typed, "{name}");
        }
    }

    #[test]
    fn digits_end_what_is_heard_only_where_they_are_taken() {
        for (typed_keys, filler, answer) in [
            ("", "play beep @0", "play /r #*@0"),
            (DIGITS, "play beep 0123456789@0", "play /r #*0123456789@0"),
        ] {
            let mut call = answering(|settings| settings.typed_keys = typed_keys);
            call.pass(1600);
            call.ends(1700, Sound::Filler, How::AtOnce);
            call.on(1800, sound(50)).on(1800, end());
            call.assert_steps(&[(1500, filler), (1800, answer)]);
        }
    }

    /// Plays of an answer that has paused at 2100 ms: when a sentence of 20 frames comes, when the play of it ends, and how
    /// many frames Asterisk saw; and how the answer ends.
    #[test]
    fn a_play_that_ends_at_once_puts_no_deadline_off() {
        let stopped = "PARTIAL config: the answer stopped for 5.0 s";
        let unplayable = "PARTIAL reply: Asterisk cannot play /r";
        for (plays, ms, why) in [
            (&[][..], 7300, stopped),
            (&[(3000, 3001, 50)], 7300, stopped),
            (&[(3000, 3001, 50), (5000, 5001, 50)], 7300, stopped),
            (&[(3000, 3001, 50), (5000, 5800, 90)], 11_000, stopped),
            (&[(3000, 3400, 70)], 8600, stopped),
            (&[(3000, 3400, 70), (5000, 5001, 70)], 8600, stopped),
            (
                &[(3000, 3001, 50), (4000, 4001, 50), (5000, 5001, 50)],
                5001,
                unplayable,
            ),
        ] {
            let mut call = answering(|settings| settings.waiting.play = Filler::Nothing);
            call.on(1000, sound(50));
            call.ends(2100, Sound::Answer, through(50));
            for (comes, ends, frames) in plays {
                call.on(*comes, sound(20));
                call.on(*comes, Input::Work(Event::SentenceEnd));
                call.ends(*ends, Sound::Answer, through(*frames));
            }
            call.pass(20_000);
            let end = ended(&call);
            assert!(end.starts_with(&format!("{ms} {why}")), "{plays:?}: {end}");
        }
    }

    #[test]
    fn a_filler_that_ends_at_once_puts_no_deadline_off() {
        for (frames, begins, end) in [
            (
                0,
                [1500, 4500, 7500],
                "20200 config: no whole answer within 20.0 s",
            ),
            (
                50,
                [3600, 6600, 9600],
                "7300 PARTIAL config: the answer stopped for 5.0 s",
            ),
        ] {
            let mut call = answering(|_| {});
            call.on(1000, sound(frames));
            if frames > 0 {
                call.ends(2100, Sound::Answer, through(50));
            }
            for ms in begins {
                call.ends(ms, Sound::Filler, How::AtOnce);
            }
            call.pass(30_000);
            assert!(ended(&call).starts_with(end), "{}", ended(&call));
            let fillers = call.told().into_iter();
            let fillers = fillers.filter(|(_, step)| step.starts_with("play beep"));
            let fillers: Vec<_> = fillers.map(|(ms, _)| ms).collect();
            assert!(fillers.starts_with(&begins[..2]), "{fillers:?}");
        }
    }
}
