//! What is transcribed ahead, in a pause after which the caller may have ended, and what its words decide.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::trial::{Share, Trial};
use super::{FINISHED, Heard, Listening, UNFINISHED, interrupts, nothing, seems_voice};
use crate::call::caller_audio::CallerAudio;
use crate::call::event::Event;
use crate::call::phase::Act;
use crate::call::turn::Scene;
use crate::sys::error::Stage;
use crate::text::Completeness;

impl Listening {
    /// Has what was said transcribed, in case it is all.
    pub(super) fn try_out(&mut self, scene: &mut Scene) {
        // A noise is paid for only if it ends as a turn.
        if !seems_voice(scene) {
            return;
        }
        let Some(speech) = self.speech(scene) else {
            return;
        };
        // One transcription after the other tells whether a caller is there.
        if self.ahead.is_some() && self.presence.is_unknown() || self.waits_for_turn() {
            return;
        }
        if self.presence.may_try(&speech) || self.is_of_caller(scene) {
            // While the turn goes on, all that may still be sent of it is set aside.
            self.transcribe(speech, self.transcriptions.left() - 1, scene);
        }
    }

    /// The caller went on, so the transcript lacks the end of what they say. The request under way is paid for, and its
    /// words may be the beginning of all; but nothing that would follow it is paid for.
    pub(super) fn go_on(&mut self, scene: &mut Scene) {
        self.ahead.take_if(|ahead| ahead.is_lost());
        if let Some(ahead) = self.ahead.as_mut().filter(|it| it.of_turn.is_none()) {
            ahead.utterance.events.clear();
            ahead.paused = scene.caller.as_ref().map(CallerAudio::last_quiet);
            self.keep_known(scene);
        }
    }

    /// Keeps the words of what was sent in a pause after which the caller went on speaking.
    pub(super) fn keep_known(&mut self, scene: &mut Scene) {
        let is_over = |ahead: &mut Trial| !ahead.is_whole() && ahead.transcript.is_some();
        let Some(ahead) = self.ahead.take_if(is_over) else {
            return;
        };
        if let Some(known) = ahead.known() {
            self.known = known;
            // It was sent with it.
            self.unanswered.take_if(|_| ahead.of_turn.is_none());
            self.send_rest(scene);
        } else if ahead.of_turn.is_some() && self.goes_on() {
            let rest = self.unanswered.as_ref();
            let may_send = rest.is_some_and(|rest| self.presence.may_try(rest));
            if ahead.has_words() || self.presence.is_unknown() || self.is_typing(scene) || may_send
            {
                self.send_rest(scene);
            } else {
                self.withheld = self.unanswered.take().filter(|_| !scene.is_in_turn());
            }
        } else if interrupts(scene) && ahead.is_wordless() {
            self.wordless = Some(ahead.until);
            self.take_back(scene);
        }
    }

    /// Waits for the transcript of what was sent, which is this share of a turn that is over. Until then nothing else is sent.
    pub(super) fn wait_for(&mut self, share: Share) {
        if let Some(ahead) = &mut self.ahead {
            (ahead.of_turn, ahead.until) = (Some(share), 0);
            // What was not answered before was sent with it.
            self.unanswered.take_if(|_| share == Share::All);
        }
    }

    /// Whether a turn that is over waits for a transcript.
    pub(super) fn waits_for_turn(&self) -> bool {
        self.ahead.as_ref().is_some_and(|it| it.of_turn.is_some())
    }

    /// Sends what was not sent yet, unless the caller goes on: a turn that was cut may have been at its end.
    fn send_rest(&mut self, scene: &mut Scene) {
        if let Some(caller) = scene.caller.as_ref().filter(|it| !it.is_in_turn()) {
            let nothing = || Arc::new(nothing(caller.heard().rate_hz));
            let rest = self.unanswered.take().unwrap_or_else(nothing);
            self.send(rest, scene);
        }
    }

    /// No transcript comes of what was sent. It is sent once more with the rest of its turn, or with what was said or typed
    /// behind that.
    pub(super) fn give_up(&mut self, scene: &mut Scene) {
        let ahead = self.ahead.take();
        let Some((share, ahead)) = ahead.and_then(|it| it.of_turn.zip(Some(it))) else {
            return;
        };
        if share == Share::All {
            let all = ahead.utterance.speech;
            let rest = self.unanswered.take();
            self.unanswered = Some(rest.map_or_else(|| all.clone(), |it| self.joined(&all, &it)));
        }
        self.send_rest(scene);
    }

    /// Takes an interruption back that goes on behind what is known to hold no words: it may go on for as long as a
    /// television does. What is shorter is sent when it ends, since "no" behind a cough is the caller's. One who speaks on
    /// interrupts again, and all that they have said since is sent then. One who types is there for sure.
    pub(super) fn take_back(&mut self, scene: &mut Scene) {
        let wordless = self.wordless.filter(|_| !self.is_typing(scene));
        let Some((wordless, caller)) = wordless.zip(scene.caller.as_mut()) else {
            return;
        };
        if caller.speaks_since(wordless) >= GOES_ON {
            caller.forget_first(wordless);
            self.answered(None, scene);
            self.end = Some(Ok(Heard::Silence));
        }
    }

    /// Sets the quiet that ends the turn under way, where words decide that.
    pub(super) fn end_after(&self, quiet: Duration, scene: &mut Scene) {
        if let Some(caller) = self.ended_by_meaning(scene) {
            caller.end_after(quiet);
        }
    }

    /// The caller's voice, where words decide when their turn ends.
    fn ended_by_meaning<'s>(&self, scene: &'s mut Scene) -> Option<&'s mut CallerAudio> {
        let caller = scene.caller.as_mut();
        caller.filter(|_| self.settings.ends_by_meaning)
    }

    /// The transcription may begin; what comes after it waits until the turn is over.
    pub(super) fn take(&mut self, event: Event, scene: &mut Scene, now: Instant) {
        let Some(ahead) = &mut self.ahead else { return };
        let usual = self.settings.quiet;
        match event {
            Event::Begins(Stage::Stt, agrees) if ahead.paused.is_none() => {
                self.todo.push_back(Act::Agree(agrees));
            }
            Event::Transcribed(said, completeness) => {
                let (is_whole, has_words) = (ahead.is_whole(), !said.words.is_empty());
                self.presence.heard(has_words, &ahead.utterance.speech, now);
                // No words are in what was sent with it either.
                let is_with_it = !has_words && ahead.of_turn.is_none();
                self.unanswered.take_if(|_| is_with_it);
                ahead.transcript = Some((said, completeness));
                self.keep_known(scene);
                let quiet = match completeness {
                    Completeness::Finished => FINISHED.min(usual),
                    Completeness::Unfinished => UNFINISHED.max(usual),
                    Completeness::Unknown => usual,
                };
                if is_whole {
                    self.end_after(quiet, scene);
                }
                // Later pauses, in which nothing may be sent any more, are like this one.
                if let Some(caller) = self.ended_by_meaning(scene) {
                    caller.always_end_after(quiet.max(usual));
                }
            }
            // The caller went on: dropped, the model's `Begins` is refused.
            Event::End(_) | Event::Panicked if !ahead.is_whole() => self.give_up(scene),
            _ if !ahead.is_whole() => {}
            // No transcript is to be waited for.
            Event::End(_) | Event::Panicked => {
                ahead.utterance.events.push(event);
                self.end_after(usual, scene);
            }
            // Among these is the model's `Begins`, whose thread waits for its reply: so nothing but the transcription
            // is paid for before the turn is over.
            event => ahead.utterance.events.push(event),
        }
    }
}

/// How long what interrupts goes on behind a part without words before it is taken back.
const GOES_ON: Duration = Duration::from_secs(1);
