//! The voice's part: sentences in, encoded sound out, the next being asked for while one is passed on.

use std::io::{self, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::piece::{Piece, Text};
use super::work::{Work, may_begin, send};
use crate::call::event::Event;
use crate::cloud::budget::Budget;
use crate::cloud::fallback::{Broken, Candidate, Done};
use crate::cloud::tts::Voice;
use crate::sys::deadline::Deadline;
use crate::sys::error::{At, Failure, Stage};
use crate::timeline::Mark;
use crate::voice::{self, Speaking};

/// A text that is being spoken.
pub(super) struct Sound {
    /// When it was asked for.
    since: Instant,
    text: Piece,
    /// When it had to begin.
    deadline: Deadline,
    /// How much of the silence before it is kept.
    lead: Duration,
    spoken: Done<Speaking>,
}

impl Work {
    /// Has the pieces spoken, all that are there at a time in one go, and at last all that are to come before a pause
    /// where the voice takes few requests. The next is asked for while one is being passed on.
    pub(super) fn speak(
        &self,
        texts: &Receiver<Text>,
        give_sound: &Sender<Result<Sound, Failure>>,
        tell: &Sender<Event>,
    ) {
        let mut requests = 0;
        while let Ok(text) = texts.recv() {
            let Text::Piece(mut text) = text else {
                continue;
            };
            requests += 1;
            // Gemini's voices allow few requests a minute, by public reports, and one answer must not use them up: the
            // last request takes all that is still to be written before the answer ends or pauses.
            let is_last = requests >= self.services.voices.first().max_requests();
            let to_come = || is_last.then(|| texts.recv().ok()).flatten();
            // The opening is in the settings' language and the answer in the caller's, so that one voice cannot speak
            // both.
            let is_apart = |text: &Piece| text.is_opening && self.speaker.language.is_some();
            while !is_apart(&text)
                && let Some(Text::Piece(more)) = texts.try_recv().ok().or_else(to_come)
            {
                text = text.with(more);
            }
            let is_first = requests == 1;
            let lead = if is_first {
                voice::FIRST_LEAD
            } else {
                voice::LATER_LEAD
            };
            let sound = self.begin(text, is_first, lead, tell);
            let has_failed = sound.is_err();
            // After a failure nothing more is asked for: a sentence must not be heard without the one before it.
            if give_sound.send(sound).is_err() || has_failed {
                break;
            }
        }
    }

    fn begin(
        &self,
        text: Piece,
        is_first: bool,
        lead: Duration,
        tell: &Sender<Event>,
    ) -> Result<Sound, Failure> {
        let asked = Instant::now();
        let since = may_begin(Stage::Tts, tell)?;
        // Once the caller hears something, only what stalls is given up. What waited for the end of an interruption has
        // as long as without it.
        let deadline = if is_first || !self.is_streamed {
            text.deadline.put_off(since.duration_since(asked))
        } else {
            text.deadline.restarted(self.settings.voice_timeout)
        };
        let begin = |candidate, budget: Budget| self.ask_voice(candidate, &text, budget);
        let voices = &self.services.voices;
        let spoken = voices.ask(self.budget(deadline), begin);
        let spoken = spoken.at(Stage::Tts)?;
        send(tell, Event::Reached(Mark::FirstAudio, Instant::now()));
        Ok(Sound {
            since,
            text,
            deadline,
            lead,
            spoken,
        })
    }

    fn ask_voice(
        &self,
        candidate: &Candidate<dyn Voice>,
        text: &Piece,
        budget: Budget,
    ) -> Result<Speaking, voice::Error> {
        let deadline = if self.is_streamed {
            text.deadline.restarted(voice::MAX_WAIT)
        } else {
            text.deadline
        };
        let mut speaker = self.speaker.clone();
        if text.is_opening {
            speaker.language = None;
        }
        speaker.begin(candidate, &text.words, budget, deadline)
    }

    /// Passes on what is being spoken, encoded, as it comes.
    pub(super) fn pass_on_all(
        &self,
        sounds: Receiver<Result<Sound, Failure>>,
        tell: &Sender<Event>,
    ) -> Result<(), Failure> {
        let mut total = Duration::ZERO;
        let mut began = None;
        for sound in sounds {
            let sound = sound?;
            began = began.or(Some(sound.since));
            total += self.pass_on(sound, tell).at(Stage::Tts)?;
        }
        if let Some(since) = began {
            let what = format!("{:.1} s of {}", total.as_secs_f32(), self.speaker.encoding);
            send(tell, Event::Done(Stage::Tts, since, what));
        }
        Ok(())
    }

    /// Passes on one sound; if it breaks off before anything of it can have been heard, it is asked for once more.
    fn pass_on(&self, sound: Sound, tell: &Sender<Event>) -> Result<Duration, voice::Error> {
        let Sound {
            text,
            deadline,
            lead,
            spoken:
                Done {
                    candidate,
                    may_retry,
                    value: mut speaking,
                },
            ..
        } = sound;
        // It has been asked for ahead. It is heard only once the message that it may confirm is kept.
        text.held.wait();
        send(tell, Event::Speaks(text.words.clone()));
        let mut out = Outlet::new(tell, self.is_streamed);
        let length = match speaking.write(&mut out, lead) {
            // What the caller has heard cannot be begun anew in another voice, so the answer ends here; what they have
            // not heard of a voice that does not end is dropped.
            Err(error @ voice::Error::Endless { .. }) if out.has_sent => {
                send(tell, Event::Forget);
                return Err(error);
            }
            Err(error) if !out.has_sent => {
                let broken = Broken {
                    candidate,
                    error,
                    may_retry: may_retry && speaking.may_begin_anew(),
                };
                let begin = |candidate, budget: Budget| {
                    let mut speaking = self.ask_voice(candidate, &text, budget)?;
                    // Where a piece breaks off, all of it may be begun anew.
                    speaking.may_begin_anew();
                    out = Outlet::new(tell, self.is_streamed);
                    let result = speaking.write(&mut out, lead);
                    // What has been heard cannot be begun anew.
                    if out.has_sent {
                        Ok(result)
                    } else {
                        result.map(Ok)
                    }
                };
                let voices = &self.services.voices;
                let again = voices.ask_again(broken, self.budget(deadline), begin);
                again?.value?
            }
            result => result?,
        };
        out.send();
        send(tell, Event::SentenceEnd);
        Ok(length)
    }
}

/// Encoded sound on its way to the call: at once, or when it is whole.
struct Outlet<'a> {
    tell: &'a Sender<Event>,
    at_once: bool,
    held: Vec<u8>,
    has_sent: bool,
}

impl<'a> Outlet<'a> {
    fn new(tell: &'a Sender<Event>, at_once: bool) -> Self {
        Self {
            tell,
            at_once,
            held: Vec::new(),
            has_sent: false,
        }
    }

    fn send(&mut self) {
        if !self.held.is_empty() {
            self.has_sent = true;
            send(self.tell, Event::Sound(std::mem::take(&mut self.held)));
        }
    }
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.at_once {
            self.send();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Only formats with a header go back to it, and none of them is streamed.
impl Seek for Outlet<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
