//! Which phase of a conversation follows which: the caller speaks and is answered, may interrupt the answer, and speaks
//! again, until the caller or the model ends the call, or a limit is reached.

use std::time::Instant;

use log::warn;

use super::answering::Answered;
use super::listening::{Heard, Utterance};
use super::outcome::Outcome;
use super::phrase::BargeIn;
use super::turn::Scene;
use crate::config::{Conversation, Sentence};
use crate::sys::error::{Failure, Stage};
use crate::text::Action;
use crate::timeline::Mark;

/// What comes next in a conversation.
#[derive(Debug)]
pub(super) enum Next {
    /// A phrase is said; `instead` is the sound of Asterisk's that is played if no voice speaks.
    Say(Sentence, &'static str),
    /// A beep is played in place of an answer.
    Beep,
    /// Asterisk's own voice says sorry, and asks the caller to try again.
    Apologize,
    /// The caller is listened to, who has said nothing since then.
    Listen {
        silent_since: Instant,
    },
    /// What the caller has said is answered.
    Answer(Utterance),
    /// The answer that was interrupted for nothing goes on.
    TakeUp,
    End(Outcome),
}

/// A conversation, as far as it has come.
pub(super) struct Dialogue {
    settings: Conversation,
    began: Instant,
    /// Answers so far; silences in a row; turns in a row that were not understood.
    turns: u32,
    silences: u32,
    unclear: u32,
    answer: Latest,
    /// The phrase that the caller hears or has spoken into, unless they hear it for the second time.
    phrase: Option<(Sentence, &'static str)>,
    /// Whether a turn has failed, and no service has answered one since.
    has_failed: bool,
    /// Since when the caller says nothing.
    silent_since: Instant,
    is_leaving: bool,
    /// Whether nothing that the caller says into the goodbye, now or later, keeps the call from its end.
    is_goodbye_last: bool,
}

/// What became of the answer that was heard last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Latest {
    Ended,
    /// The caller has spoken into it, and it counts once it has ended or another takes its place.
    Interrupted,
    /// Its rest is heard.
    TakenUp,
}

impl Dialogue {
    pub(super) fn new(settings: Conversation, began: Instant) -> Self {
        Self {
            settings,
            began,
            turns: 0,
            silences: 0,
            unclear: 0,
            answer: Latest::Ended,
            phrase: None,
            has_failed: false,
            silent_since: began,
            is_leaving: false,
            is_goodbye_last: false,
        }
    }

    pub(super) fn begin(&mut self) -> Next {
        self.say(self.settings.greeting.clone(), "hello")
    }

    fn say(&mut self, sentence: Sentence, instead: &'static str) -> Next {
        self.phrase = Some((sentence.clone(), instead));
        Next::Say(sentence, instead)
    }

    /// What the phrase that is said does with what the caller says into it.
    pub(super) fn barge_in(&self) -> BargeIn {
        if self.is_leaving && self.is_goodbye_last {
            BargeIn::Ignores
        } else if self.settings.barge_in && self.phrase.is_some() {
            BargeIn::Yields
        } else {
            BargeIn::Keeps
        }
    }

    /// A phrase has been said, or `is_interrupted` by what may be the caller.
    pub(super) fn said(&mut self, is_interrupted: bool, scene: &mut Scene, now: Instant) -> Next {
        if self.is_leaving {
            let is_spoken_into = is_interrupted || !scene.said.is_empty() || scene.is_in_turn();
            if self.is_goodbye_last || !is_spoken_into {
                return Next::End(Outcome::Answered(None));
            }
            // A silent caller is there after all. Where that was a noise, they hear the goodbye once more.
            (self.is_leaving, self.is_goodbye_last) = (false, true);
        }
        if !is_interrupted {
            self.phrase = None;
        }
        scene.is_cut_off = self.phrase.is_some();
        self.silent_since = now;
        self.listen()
    }

    /// Asterisk's own voice has said sorry, or `is_interrupted` by what may be the caller. Then it asks again to try again,
    /// unless another phrase is still to be said again. A caller who spoke into the goodbye is waited for instead.
    pub(super) fn apologized(
        &mut self,
        is_interrupted: bool,
        scene: &mut Scene,
        now: Instant,
    ) -> Next {
        if !is_interrupted && self.is_goodbye_last {
            self.phrase = None;
        } else if is_interrupted && self.phrase.is_none() {
            self.phrase = Some((Sentence::Sound(TRY_AGAIN.to_owned()), TRY_AGAIN));
        }
        self.said(self.phrase.is_some(), scene, now)
    }

    /// Says the phrase again that was interrupted for nothing: this time to its end.
    fn say_again(&mut self, scene: &mut Scene) -> Option<Next> {
        scene.is_cut_off = false;
        let (sentence, instead) = self.phrase.take()?;
        Self::false_interruption(scene);
        self.is_leaving = self.is_goodbye_last;
        Some(Next::Say(sentence, instead))
    }

    /// Listening has come to an end.
    pub(super) fn heard(&mut self, heard: Heard, scene: &mut Scene) -> Next {
        if matches!(heard, Heard::Silence)
            && let Some(again) = self.say_again(scene)
        {
            return again;
        }
        match heard {
            Heard::Turn(utterance) => Next::Answer(utterance),
            Heard::HungUp => Next::End(Outcome::HungUp),
            Heard::Late => self.leave_for_sure(),
            // What interrupted the answer was no speech.
            Heard::Silence if scene.turn.is_interrupted => {
                Self::false_interruption(scene);
                self.take_up()
            }
            Heard::Silence if !scene.turn.actions.is_empty() => self.act_or_listen(scene),
            Heard::Silence if self.silences > 0 => self.leave(),
            Heard::Silence => {
                self.silences += 1;
                self.say(self.settings.still_there.clone(), "beep")
            }
        }
    }

    /// An answer has come to an end, or has failed. Where the caller `goes_on`, they did so before they had been understood.
    ///
    /// # Errors
    /// The failure that ends the conversation.
    pub(super) fn answered(
        &mut self,
        answered: Result<Answered, Failure>,
        goes_on: bool,
        scene: &mut Scene,
        now: Instant,
    ) -> Result<Next, Failure> {
        // What was not understood may have been a noise, after which a phrase is said again. Where no words were in it,
        // the turn is the one before.
        let is_new = self.answer != Latest::TakenUp && !goes_on;
        let has_words = !matches!(answered, Ok(Answered::NoSpeech));
        if is_new && has_words && scene.turn.is_understood() {
            (self.phrase, scene.is_cut_off, self.is_goodbye_last) = (None, false, false);
            if let Some(caller) = &mut scene.caller {
                caller.was_understood();
            }
        }
        if let Some(phrase) = scene.cut_phrase.take() {
            (self.phrase, scene.is_cut_off) = (Some(phrase), true);
        }
        let failure = match answered {
            Ok(Answered::Partial(failure)) if !self.may_try_again(&failure, now) => {
                return Ok(Next::End(Outcome::Partial(failure)));
            }
            Err(failure) if !self.may_try_again(&failure, now) => return Err(failure),
            Ok(Answered::Partial(failure)) | Err(failure) => failure,
            Ok(answered) => return Ok(self.ended(answered, goes_on, scene, now)),
        };
        scene.forgiven = Some(failure);
        // What it was to do stays undone.
        scene.turn.take_actions();
        self.count_turn(now);
        self.has_failed = true;
        Ok(Next::Apologize)
    }

    /// Whether a turn that a service has failed is forgiven: one, and not the next as well, where turns and time are left
    /// to try again in.
    fn may_try_again(&self, failure: &Failure, now: Instant) -> bool {
        // A caller who is asked to try again must be able to, and not hear the goodbye instead.
        let turns = self.turns + self.uncounted();
        let has_turns = turns + 1 < self.settings.max_turns;
        let has_time = now < self.began + self.settings.longest;
        let is_of_service = matches!(failure.stage, Stage::Stt | Stage::Llm | Stage::Tts);
        !self.has_failed && is_of_service && has_turns && has_time
    }

    fn ended(
        &mut self,
        answered: Answered,
        goes_on: bool,
        scene: &mut Scene,
        now: Instant,
    ) -> Next {
        match answered {
            Answered::Heard | Answered::Interrupted if goes_on => self.listen(),
            Answered::Interrupted if self.may_be_taken_up() => {
                // It is a turn once it ends, or another takes its place.
                self.turns += self.uncounted();
                self.answer = Latest::Interrupted;
                self.is_answered(scene, now);
                Next::Listen { silent_since: now }
            }
            Answered::Heard | Answered::Whole | Answered::Interrupted => {
                self.is_answered(scene, now);
                self.count_turn(now);
                self.act_or_listen(scene)
            }
            // The model may have noted something, and that alone.
            Answered::Wordless => {
                warn!(
                    "the model's answer has nothing that a voice can say: the caller hears a beep"
                );
                self.has_failed = false;
                self.count_turn(now);
                match self.act(scene) {
                    Some(end) => Next::End(end),
                    None if scene.may_be_in_turn() => self.listen(),
                    None => Next::Beep,
                }
            }
            // What they have said since would be given up with the turn, and begin none again.
            Answered::NoSpeech
                if scene.is_open() && scene.is_in_pause() && self.unclear < MAX_UNCLEAR =>
            {
                self.unclear += 1;
                self.listen()
            }
            Answered::NoSpeech if scene.turn.is_interrupted => {
                Self::false_interruption(scene);
                self.take_up()
            }
            Answered::Follows if !scene.is_in_turn() => self.take_up(),
            Answered::Follows => self.listen(),
            Answered::NoSpeech if scene.is_cut_off => {
                self.say_again(scene).unwrap_or_else(|| self.listen())
            }
            Answered::NoSpeech => {
                self.count_unclear(now);
                self.act_or_listen(scene)
            }
            Answered::HungUp => Next::End(Outcome::HungUp),
            Answered::Partial(failure) => Next::End(Outcome::Partial(failure)),
        }
    }

    /// The caller may want to say it again. But it was paid for, and noise without end is to end too.
    fn count_unclear(&mut self, now: Instant) {
        self.unclear += 1;
        if self.unclear > MAX_UNCLEAR {
            self.turns += 1;
        } else {
            let lately = now.checked_sub(self.settings.ask_after / 2);
            self.silent_since = self.silent_since.max(lately.unwrap_or(self.began));
        }
    }

    /// Whether an answer that is interrupted may go on, or the caller may be answered in its place. After the last turn
    /// they can once: what interrupts it may be a noise.
    fn may_be_taken_up(&self) -> bool {
        self.turns + self.uncounted() < self.settings.max_turns
    }

    /// What interrupted the answer was nothing, so it goes on.
    fn take_up(&mut self) -> Next {
        self.answer = Latest::TakenUp;
        Next::TakeUp
    }

    fn false_interruption(scene: &mut Scene) {
        if let Some(caller) = &mut scene.caller {
            // What goes on interrupts again only if it begins again.
            caller.forget_first(0);
            caller.interrupted_for_nothing();
        }
    }

    /// The turns that are not among those that count yet.
    fn uncounted(&self) -> u32 {
        u32::from(self.answer == Latest::Interrupted)
    }

    fn is_answered(&mut self, scene: &Scene, now: Instant) {
        (self.silences, self.unclear, self.silent_since) = (0, 0, now);
        // Of an answer that the caller has stopped before it began, nothing tells whether a service fails once more.
        self.has_failed &= !scene.turn.timeline.has_reached(Mark::FirstPlayed);
    }

    fn count_turn(&mut self, now: Instant) {
        self.turns += 1 + self.uncounted();
        self.answer = Latest::Ended;
        (self.silences, self.unclear, self.silent_since) = (0, 0, now);
    }

    fn act_or_listen(&mut self, scene: &mut Scene) -> Next {
        match self.act(scene) {
            Some(end) => Next::End(end),
            None => self.listen(),
        }
    }

    fn listen(&mut self) -> Next {
        if self.turns >= self.settings.max_turns {
            // What was lost is told before that.
            return match self.phrase.take() {
                Some((sentence, instead)) => Next::Say(sentence, instead),
                None => self.leave_for_sure(),
            };
        }
        Next::Listen {
            silent_since: self.silent_since,
        }
    }

    fn leave(&mut self) -> Next {
        self.is_leaving = true;
        self.say(self.settings.goodbye.clone(), "goodbye")
    }

    /// Ends the conversation, because its turns or its time are used up.
    fn leave_for_sure(&mut self) -> Next {
        self.is_goodbye_last = true;
        self.leave()
    }

    /// How the conversation ends, if the model wants that and the caller has nothing to say to it, or no turn left for it.
    fn act(&self, scene: &mut Scene) -> Option<Outcome> {
        // The caller speaks into the end of the answer, and may not want what the model wants. They are heard first;
        // if that proves to be no speech, the action is still there. So are they while it is doubted that they speak.
        let may_speak = self.turns < self.settings.max_turns;
        if may_speak && (scene.may_be_in_turn() || !scene.said.is_empty()) {
            return None;
        }
        let actions = scene.turn.take_actions();
        actions.into_iter().find_map(|action| match action {
            Action::Goodbye => Some(Outcome::Answered(None)),
            Action::Transfer(name) => self.transfer(&name),
            Action::Note(_) | Action::Forget | Action::Message(_) => None,
        })
    }

    fn transfer(&self, name: &str) -> Option<Outcome> {
        // The model names an entry of the settings and never a number, so that a caller cannot talk it into a transfer
        // to any extension.
        let mut known = self.settings.transfers.iter();
        let found = known.find(|(known, _)| is_same_name(known, name));
        if found.is_none() {
            warn!(
                "the model wants to transfer to a name that is not in transfers under [conversation]"
            );
        }
        found.map(|(_, extension)| Outcome::Transfer(extension.clone()))
    }
}

/// Models put names in quotes, and end them with a full stop.
fn is_same_name(known: &str, written: &str) -> bool {
    let is_around = |c: char| c.is_whitespace() || "\"'“”.".contains(c);
    let core = |name: &str| name.trim_matches(is_around).to_lowercase();
    core(known) == core(written)
}

/// Asterisk's own sound that asks the caller to try again.
pub(super) const TRY_AGAIN: &str = "please-try-again";

/// After as many turns in a row that were not understood a noise is taken for one.
const MAX_UNCLEAR: u32 = 2;

#[cfg(test)]
mod tests;
