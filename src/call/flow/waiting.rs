//! How a call waits: on a line on which the key that leads to the operator is taken, also where nothing is to be heard.

use std::io::Write;
use std::time::Instant;

use super::Flow;
use crate::call::contract;
use crate::call::line::{How, Input, Played, Sound};
use crate::call::operator::Operator;
use crate::timeline::Mark;

impl<O: Write> Flow<'_, O> {
    /// Waits for what happens next. Returns what the phase is to know of it.
    pub(super) fn wait(&mut self, until: Instant) -> Option<Input> {
        if self.is_key_a_digit() {
            self.end_silence();
        }
        // While a sound plays a command would end it.
        if self.line.is_free() && !self.line.is_hung_up() {
            contract::tell_notes(self.line, &mut self.scene.notes);
            self.take_key_in_silence();
        }
        match self.line.next(until, self.job.events()) {
            Input::Ended(Played {
                what: Sound::Silence,
                how,
                ..
            }) if !matches!(how, How::Key { .. }) => {
                if matches!(how, How::Unplayable(_)) {
                    self.silence = None;
                }
                None
            }
            input => Some(input),
        }
    }

    /// Plays silence where nothing plays, because Asterisk drops keys then.
    fn take_key_in_silence(&mut self) {
        let name = self.silence.as_ref();
        let play = name.and_then(|name| self.operator().silence(name));
        if play.is_some_and(|play| self.line.play(&play).is_err()) {
            self.silence = None;
        }
    }

    /// Ends that silence. Returns the key that was pressed just before, if it leads to the operator.
    pub(super) fn end_silence(&mut self) -> Option<Input> {
        let ended = self.line.end_silence().map(Input::Ended)?;
        self.operator().called_by(&ended).map(|_| ended)
    }

    /// Gives the silence up that Asterisk does not play while the caller is listened to: in its place the same file would
    /// play with the operator's key alone, which may begin a number there.
    pub(super) fn note_keep_alive(&mut self, input: &Input) {
        let is_unplayable = matches!(
            input,
            Input::Ended(Played {
                what: Sound::KeepAlive,
                how: How::Unplayable(_),
                ..
            })
        );
        // The question for a PIN is another sound.
        if is_unplayable && !self.scene.wants_pin {
            self.silence = None;
        }
    }

    /// Whether the operator's key is a digit: a PIN may begin with it, and a number that is being typed may have it.
    fn is_key_a_digit(&self) -> bool {
        self.scene.wants_pin || self.scene.keypad.goes_on(self.line.now())
    }

    pub(super) fn operator(&self) -> Operator<'_> {
        Operator {
            extension: self.config.conversation.operator.as_deref(),
            is_at_any_time: self.is_conversation,
            has_answer_begun: self.scene.turn.timeline.has_reached(Mark::FirstPlayed),
            is_digit: self.is_key_a_digit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::time::Duration;

    use crate::audio::telephone::Encoding;
    use crate::call::line::Play;
    use crate::call::line::tests::{Script, scripted};
    use crate::call::parts::Call;
    use crate::call::phase::{Act, Phase, Step};
    use crate::call::turn::Scene;
    use crate::config::{Config, Needs};
    use crate::services::Services;
    use crate::sys::hangup::Hangup;

    /// What is sent in a conversation with an operator in which something `happens`, where Asterisk answers this.
    fn in_conversation(
        replies: &[&'static str],
        happens: impl FnOnce(&mut Flow<'_, Script>),
    ) -> Vec<String> {
        let (line, sent) = scripted(replies);
        let text =
            "stt.provider = 'openai'\ntts.provider = 'openai'\nconversation.operator = '200'";
        let config = Config::of_text(Needs::Nothing, text, PathBuf::new(), &|_| None);
        let config = config.unwrap_or_else(|faults| *faults.understood);
        let services = Services::new(&config, &Hangup::default()).expect("right settings");
        let mut call = Call::new(line, Instant::now());
        let mut flow = call.flow(&config, Arc::new(services), Encoding::Ulaw);
        flow.is_conversation = true;
        happens(&mut flow);
        crate::sys::sync::lock(&sent).clone()
    }

    /// What is sent with an operator where nothing is to be heard, after each of two waits, between which something happens.
    fn sent(happens: impl FnOnce(&mut Flow<'_, Script>)) -> Vec<String> {
        let both = "200 result=0 endpos=80\n200 result=0\n";
        let wait = |flow: &mut Flow<'_, Script>| {
            let moment = Instant::now() + Duration::from_millis(1);
            assert!(matches!(flow.wait(moment), Some(Input::Elapsed)));
        };
        in_conversation(&["", both, "200 result=1\n", ""], |flow| {
            flow.silence = Some("silence".to_owned());
            wait(flow);
            happens(flow);
            wait(flow);
        })
    }

    const PLAYS: &str = "STREAM FILE \"silence\" \"0\" 0";

    #[test]
    fn silence_is_played_until_the_key_is_a_digit() {
        assert_eq!(sent(|_| {}), [PLAYS]);
        assert_eq!(sent(|flow| flow.scene.wants_pin = true), [PLAYS, "NOOP"]);
        let typed = |flow: &mut Flow<'_, _>| flow.scene.keypad.press('7', flow.line.now());
        assert_eq!(sent(typed), [PLAYS, "NOOP"]);
        let ended = |flow: &mut Flow<'_, _>| {
            let now = flow.line.now();
            flow.scene.keypad.press('7', now);
            flow.scene.keypad.press('#', now);
        };
        assert_eq!(sent(ended), [PLAYS], "the number is complete");
    }

    #[test]
    fn what_has_been_noted_is_told_before_anything_but_the_answer_is_played() {
        for (what, expected) in [
            (
                Sound::Filler,
                &[
                    PLAYS,
                    "NOOP",
                    "VERBOSE \"noted\" 3",
                    "STREAM FILE \"r\" \"0\" 0",
                ][..],
            ),
            (Sound::Answer, &[PLAYS, "NOOP", "STREAM FILE \"r\" \"0\" 0"]),
        ] {
            let commands = sent(|flow| {
                flow.scene.notes.push("noted".to_owned());
                flow.perform(Act::Play(Play {
                    what,
                    name: "r".to_owned(),
                    stop_keys: String::new(),
                    offset: 0,
                }));
            });
            assert_eq!(commands, expected, "{what:?}");
        }
    }

    /// A phase that plays a sound, and ends.
    struct Brief(Option<Sound>);

    impl Phase for Brief {
        type End = ();

        fn on(&mut self, _: Input, _: &mut Scene, _: Instant) {}

        fn poll(&mut self, _: &mut Scene, _: Instant) -> Step<()> {
            self.0.take().map_or(Step::End(Ok(())), |what| {
                Step::Do(Act::Play(Play {
                    what,
                    name: "r".to_owned(),
                    stop_keys: "7".to_owned(),
                    offset: 0,
                }))
            })
        }
    }

    #[test]
    fn a_key_that_is_pressed_as_listening_or_a_phrase_ends_begins_a_number() {
        for (what, wants_pin, is_typed) in [
            (Sound::KeepAlive, false, true),
            (Sound::Phrase, false, true),
            (Sound::Phrase, true, false),
            (Sound::Answer, false, false),
        ] {
            let key = "200 result=55 endpos=800\n200 result=0\n";
            in_conversation(&[key], |flow| {
                flow.scene.wants_pin = wants_pin;
                flow.follow(&mut Brief(Some(what))).expect("nothing fails");
                let is_open = flow.scene.keypad.is_open();
                assert_eq!(is_open, is_typed, "{what:?}, {wants_pin}");
            });
        }
    }

    #[test]
    fn the_operators_key_leads_there_also_in_the_instant_in_which_a_phrase_ends() {
        let key = "200 result=48 endpos=800\n200 result=0\n";
        in_conversation(&[key], |flow| {
            assert!(flow.follow(&mut Brief(Some(Sound::Phrase))).is_err());
            assert_eq!(flow.scene.turn.key, Some(crate::call::operator::KEY));
        });
    }

    #[test]
    fn silence_that_does_not_play_while_the_caller_is_listened_to_is_played_nowhere() {
        for (is_pin, expected) in [
            (false, &[PLAYS, "NOOP"][..]),
            (true, &[PLAYS, "NOOP", PLAYS]),
        ] {
            let commands = sent(|flow| {
                flow.end_silence();
                flow.scene.wants_pin = is_pin;
                flow.note_keep_alive(&Input::Ended(Played {
                    what: Sound::KeepAlive,
                    how: How::Unplayable(None),
                    at: Instant::now(),
                }));
                flow.scene.wants_pin = false;
            });
            assert_eq!(commands, expected);
        }
    }
}
