//! The key that leads from the assistant to a person.

use super::line::{How, Input, Play, Played, Sound};
use super::outcome::Outcome;
use crate::sys::error::Failure;

/// Where the key leads, and when.
pub(super) struct Operator<'a> {
    /// The person's extension, if there is one.
    pub(super) extension: Option<&'a str>,
    /// Whether the key counts in whatever is heard, as in a conversation; else from the beginning of the answer on.
    pub(super) is_at_any_time: bool,
    /// Whether the caller has begun to hear the answer, which may pause.
    pub(super) has_answer_begun: bool,
    /// Whether the key is a digit of what the caller types.
    pub(super) is_digit: bool,
}

/// The caller wants the person with this extension. It ends whatever is going on, as failures do, and is none.
#[derive(Debug, thiserror::Error)]
#[error("the caller has pressed {KEY}, which leads to {0}")]
pub(super) struct Called(String);

impl Called {
    /// The caller wants the person with this extension.
    pub(super) fn to(extension: &str) -> Self {
        Self(extension.to_owned())
    }
}

impl Operator<'_> {
    /// Lets the key end a sound from which it leads away.
    pub(super) fn add_key(&self, play: &mut Play) {
        if self.is_reached_from(play.what) && !play.stop_keys.contains(KEY) {
            play.stop_keys.push(KEY);
        }
    }

    /// Whether this is the key.
    pub(super) fn called_by(&self, input: &Input) -> Option<Called> {
        match input {
            Input::Ended(Played {
                what,
                how: How::Key { key: KEY, .. },
                ..
            }) if !self.is_digit && self.is_reached_from(*what) => self.extension.map(Called::to),
            _ => None,
        }
    }

    /// Where nothing plays, the silence of this name, in which Asterisk takes the key.
    pub(super) fn silence(&self, name: &str) -> Option<Play> {
        let is_taken = !self.is_digit && self.is_reached_from(Sound::Silence);
        is_taken.then(|| Play {
            what: Sound::Silence,
            name: name.to_owned(),
            stop_keys: KEY.to_string(),
            offset: 0,
        })
    }

    fn is_reached_from(&self, what: Sound) -> bool {
        // While the caller is listened to, a number that they type may begin with the key.
        let is_listening = what == Sound::KeepAlive;
        let is_in_answer = what == Sound::Answer || self.has_answer_begun;
        self.extension.is_some() && !is_listening && (self.is_at_any_time || is_in_answer)
    }
}

/// The outcome of a call from which the caller may have been led away.
pub(super) fn outcome(ended: Result<Outcome, Failure>) -> Result<Outcome, Failure> {
    let Failure { stage, cause } = match ended {
        Err(failure) => failure,
        ended => return ended,
    };
    match cause.downcast::<Called>() {
        Ok(called) => Ok(Outcome::Transfer(called.0)),
        Err(cause) => Err(Failure { stage, cause }),
    }
}

pub(super) const KEY: char = '0';

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::sys::error::{At, Stage};

    #[test]
    fn the_key_leads_away_from_answers_and_in_a_conversation_from_all_but_listening() {
        use Sound::{Answer, Filler, KeepAlive, Music, Phrase, Silence};
        // The extension, whether it is a conversation, whether the answer has begun, what is heard, the keys that end it,
        // the key that is pressed, and where that leads.
        let table = [
            (None, true, true, Answer, "#", '0', None),
            (Some("200"), true, false, Phrase, "#0", '0', Some("200")),
            (Some("200"), true, false, KeepAlive, "#", '0', None),
            (Some("200"), true, false, Silence, "#0", '0', Some("200")),
            (Some("200"), true, false, Filler, "#0", '0', Some("200")),
            (Some("200"), true, false, Music, "#0", '0', Some("200")),
            (Some("200"), true, true, Answer, "#0", '#', None),
            (Some("200"), false, false, Answer, "#0", '0', Some("200")),
            (Some("200"), false, true, Answer, "#0", '0', Some("200")),
            (Some("200"), false, false, Filler, "#", '0', None),
            (Some("200"), false, false, Silence, "#", '0', None),
            (Some("200"), false, false, Music, "#", '0', None),
            // In a pause of the answer.
            (Some("200"), false, true, Filler, "#0", '0', Some("200")),
            (Some("200"), false, true, Music, "#0", '0', Some("200")),
            (Some("200"), false, true, Silence, "#0", '0', Some("200")),
        ];
        for (extension, is_at_any_time, has_answer_begun, what, keys, key, expected) in table {
            let operator = Operator {
                extension,
                is_at_any_time,
                has_answer_begun,
                is_digit: false,
            };
            let mut play = Play {
                what,
                name: String::new(),
                stop_keys: "#".to_owned(),
                offset: 0,
            };
            operator.add_key(&mut play);
            operator.add_key(&mut play);
            if what == Silence {
                let silence = operator.silence("").map(|play| play.stop_keys);
                assert_eq!(
                    silence.as_deref(),
                    keys.strip_prefix('#').filter(|it| !it.is_empty())
                );
            }
            assert_eq!(play.stop_keys, keys, "{what:?}");
            let input = Input::Ended(Played {
                what,
                how: How::Key { key, endpos: None },
                at: Instant::now(),
            });
            let called = operator.called_by(&input).map(Err::<Outcome, _>);
            let ended = called.map(|called| outcome(called.at(Stage::Reply)));
            let extension = match &ended {
                Some(Ok(outcome)) => Some(outcome.extension()),
                Some(Err(failure)) => panic!("{failure}"),
                None => None,
            };
            assert_eq!(extension, expected, "{what:?} {key}");
        }
    }

    #[test]
    fn the_key_leads_nowhere_where_it_is_a_digit() {
        for is_digit in [true, false] {
            let operator = Operator {
                extension: Some("200"),
                is_at_any_time: true,
                has_answer_begun: true,
                is_digit,
            };
            for what in [Sound::Answer, Sound::Filler, Sound::Silence] {
                let input = Input::Ended(Played {
                    what,
                    how: How::Key {
                        key: KEY,
                        endpos: None,
                    },
                    at: Instant::now(),
                });
                let is_called = operator.called_by(&input).is_some();
                assert_eq!(is_called, !is_digit, "{what:?}");
            }
            assert_eq!(operator.silence("silence").is_none(), is_digit);
        }
    }

    #[test]
    fn what_has_failed_stays_a_failure() {
        let failed = || Err::<Outcome, _>("no answer").at(Stage::Llm);
        let failure = outcome(failed()).expect_err("it is one");
        assert_eq!(failure.to_string(), "llm: no answer");
        assert!(matches!(
            outcome(Ok(Outcome::NoSpeech)),
            Ok(Outcome::NoSpeech)
        ));
    }
}
