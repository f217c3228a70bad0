//! Listening in a talk: what the caller says is transcribed as soon as it may be all, and is his turn when it is.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never, select_biased};

use super::Talk;
use super::ahead::{Step, Transcriptions};
use crate::agi::{self, Line};
use crate::audio::Pcm;
use crate::audio::speech::turn::Change;
use crate::call::answering::USUAL_DBFS;
use crate::call::pipeline::{Event, Settings, Work};
use crate::call::{bill, recording};
use crate::config::Conversation;
use crate::deadline::Deadline;
use crate::error::{At, Failure, Stage};

/// What came of listening.
pub(super) enum Heard {
    /// The caller has spoken, and what he has said is being transcribed.
    Turn(Ahead),
    /// He says nothing.
    Silence,
    /// He has gone.
    Gone,
    /// The talk has lasted long enough.
    Late,
}

/// A turn that is being transcribed.
pub(super) struct Ahead {
    pub(super) speech: Arc<Pcm>,
    pub(super) events: Receiver<Event>,
    /// What has come of it, and waits for the turn to be over.
    pub(super) taken: Vec<Event>,
    /// Nothing more will come.
    has_ended: bool,
    /// Nothing more is to be asked for it.
    is_dropped: Arc<AtomicBool>,
}

impl<O: Write> Talk<'_, O> {
    /// Listens until the caller has said something.
    pub(super) fn listen(&mut self) -> Result<Heard, Failure> {
        let heard = self.wait_for_turn();
        self.quiet.end(&mut self.call.session);
        heard
    }

    fn wait_for_turn(&mut self) -> Result<Heard, Failure> {
        let mut lines = self.call.session.lines().clone();
        // The end of what was heard just now still comes back.
        let echoes_until = (self.call.clock)() + ECHO;
        let mut ahead = None;
        loop {
            if self.call.hangup.is_raised() {
                return Ok(Heard::Gone);
            }
            let now = (self.call.clock)();
            self.quiet.keep_on(&mut self.call.session, now);
            let is_echo = now < echoes_until;
            self.ears.guard_against(is_echo.then_some(USUAL_DBFS));
            let Some(changes) = self.hear(&mut lines, ahead.as_mut()) else {
                return Ok(Heard::Gone);
            };
            if let Some(turn) = self.follow(&changes, &mut ahead)? {
                return Ok(Heard::Turn(turn));
            }
            if let Some(end) = self.patience_ends() {
                return Ok(end);
            }
        }
    }

    /// Takes in what comes next. `None`: the caller has gone.
    fn hear(
        &mut self,
        lines: &mut Receiver<(Instant, Line)>,
        ahead: Option<&mut Ahead>,
    ) -> Option<Vec<Change>> {
        let (hangup, pieces) = (self.call.hangup.clone(), self.ears.pieces().clone());
        let wait = self.ears.next_look();
        let wait = wait.saturating_duration_since((self.call.clock)());
        let under_way = ahead.filter(|turn| !turn.has_ended);
        let events = under_way
            .as_ref()
            .map_or_else(never, |turn| turn.events.clone());
        select_biased! {
            recv(hangup.raised()) -> _ => None,
            recv(lines) -> line => {
                let line = line.ok().map(|(_, line)| line);
                if line.is_none() {
                    *lines = never();
                }
                self.hear_asterisk(line)
            },
            recv(pieces) -> piece => Some(self.ears.hear(&piece.ok()?, (self.call.clock)())),
            recv(events) -> event => {
                if let Some(turn) = under_way {
                    turn.take(event.ok());
                }
                Some(Vec::new())
            },
            default(wait) => Some(self.ears.hear_nothing((self.call.clock)())),
        }
    }

    /// Takes a line of Asterisk's, or the end of them: it may tell that the caller has pressed the key.
    fn hear_asterisk(&mut self, line: Option<Line>) -> Option<Vec<Change>> {
        let now = (self.call.clock)();
        match self.quiet.take(line, &mut self.call.session, now) {
            Err(agi::Error::Closed | agi::Error::Dead) => None,
            Ok(Some(_)) => Some(self.ears.end_turn()),
            Ok(None) | Err(_) => Some(Vec::new()),
        }
    }

    /// Has transcribed what may be all that the caller says. Returns that once they have ended.
    fn follow(
        &mut self,
        changes: &[Change],
        ahead: &mut Option<Ahead>,
    ) -> Result<Option<Ahead>, Failure> {
        for change in changes {
            match self.transcriptions.on(*change, ahead.is_some()) {
                Step::Stay => {}
                // While the turn goes on, all that may still be sent of it is set aside.
                Step::TryOut => *ahead = self.think(self.transcriptions.left() - 1)?,
                Step::Drop => *ahead = None,
                Step::Take => return Ok(ahead.take()),
                Step::Transcribe => {
                    let turn = self.think(0)?;
                    if turn.is_some() {
                        return Ok(turn);
                    }
                }
            }
        }
        Ok(None)
    }

    /// The end of what was said, as long as a turn may be: who goes on and on is not paid for again and again.
    fn last_of(&self, mut said: Pcm) -> Pcm {
        let longest = self.config.conversation.max_question.as_millis();
        let most = longest * u128::from(said.rate_hz) / 1000;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let surplus = said.samples.len().saturating_sub(most);
        said.samples.drain(..surplus);
        said
    }

    /// Has a caller who says nothing been waited for long enough?
    fn patience_ends(&self) -> Option<Heard> {
        let settings = &self.config.conversation;
        let now = (self.call.clock)();
        let since = |moment| now.saturating_duration_since(moment);
        if self.ears.is_in_turn() {
            None
        } else if since(self.began) >= settings.longest {
            Some(Heard::Late)
        } else if !self.call.ordered.is_empty() {
            Some(Heard::Silence)
        } else {
            (since(self.silent_since) >= settings.ask_after).then_some(Heard::Silence)
        }
    }

    /// Has what was heard transcribed, and sets aside what it costs if that is to be done so many times more. `None` if it is
    /// no speech.
    fn think(&mut self, later: u32) -> Result<Option<Ahead>, Failure> {
        let heard = recording::trim(self.ears.heard()).map(|question| question.speech);
        let speech = match (self.unanswered.clone(), heard) {
            (Some(mut first), Some(heard)) => {
                first.samples.extend(heard.samples);
                self.last_of(first)
            }
            // What he seemed to go on with was no speech.
            (Some(first), None) => first,
            (None, Some(heard)) => heard,
            (None, None) => return Ok(None),
        };
        let settings = Settings::of(self.config).in_conversation(&self.persona, &self.before);
        let settings = self.call.with_memory(settings);
        let longest = self.config.conversation.max_question;
        let greatest = bill::greatest(&self.services, &settings, &speech)
            + bill::of_transcriptions(&self.services, longest, later);
        self.call.admit(self.config, greatest).at(Stage::Limit)?;
        self.transcriptions.send();
        self.pause_after_more();
        let (speech, is_dropped) = (Arc::new(speech), Arc::new(AtomicBool::new(false)));
        let now = (self.call.clock)();
        let work = Work {
            services: self.services.clone(),
            bill: self.call.bill.clone(),
            settings,
            speech: speech.clone(),
            encoding: self.encoding,
            deadline: Deadline::after(now, self.config.deadline, self.call.clock),
            is_streamed: true,
            is_dropped: is_dropped.clone(),
        };
        let events = work.start().at(Stage::Stt)?;
        Ok(Some(Ahead {
            speech,
            events,
            taken: Vec::new(),
            has_ended: false,
            is_dropped,
        }))
    }
}

impl<O: Write> Talk<'_, O> {
    /// The caller has been understood: what they say next is another turn.
    pub(super) fn begin_anew(&mut self) {
        self.transcriptions = Transcriptions::default();
        self.pause_after_more();
    }

    fn pause_after_more(&mut self) {
        let settings = &self.config.conversation;
        self.ears.pause_after(pause(settings, self.transcriptions));
    }
}

/// The quiet after which a turn may be over.
pub(super) fn pause(settings: &Conversation, sent: Transcriptions) -> Option<Duration> {
    let first = PAUSE.min(settings.quiet);
    sent.pause(first).filter(|_| settings.thinks_ahead)
}

impl Ahead {
    /// The transcription may begin; whatever comes after it waits. `None`: nothing more will come.
    fn take(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Begins(Stage::Stt, agrees)) => drop(agrees.send(())),
            Some(event) => self.taken.push(event),
            None => self.has_ended = true,
        }
    }
}

/// What nobody waits for any more is not to cost anything more.
impl Drop for Ahead {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Relaxed);
    }
}

/// After so much quiet a turn may be over.
const PAUSE: Duration = Duration::from_millis(300);
/// So long after a sound its echo may come back.
const ECHO: Duration = Duration::from_millis(320);
