//! The voice's part: sentences in, encoded sound out, the next being asked for while one is passed on.

use std::io::{self, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::{Work, may_begin, send};
use crate::call::bill::{self, Entry};
use crate::call::event::Event;
use crate::cloud::budget::Budget;
use crate::cloud::fallback::{Broken, Candidate, Done};
use crate::cloud::tts::Voice;
use crate::costs::Usage;
use crate::deadline::Deadline;
use crate::error::{At, Failure, Stage};
use crate::say::{self, Speaking};
use crate::timeline::Mark;

/// A text that is being spoken.
pub(super) struct Sound<'a> {
    /// When it was asked for.
    since: Instant,
    text: String,
    /// When it had to begin.
    deadline: Deadline,
    spoken: Done<Spoken<'a>>,
}

/// What a voice is sending, and its place on the bill.
struct Spoken<'a> {
    speaking: Speaking<'a>,
    entry: Entry<'a>,
}

impl Work {
    /// Has the pieces spoken, all that are there at a time in one go. The next is asked for while one is being passed on.
    pub(super) fn speak<'a>(
        &'a self,
        texts: &Receiver<String>,
        give_sound: &Sender<Result<Sound<'a>, Failure>>,
        tell: &Sender<Event>,
    ) {
        let mut is_first = true;
        while let Ok(mut text) = texts.recv() {
            for more in texts.try_iter() {
                text.push(' ');
                text.push_str(&more);
            }
            // Once the caller hears something, only what stalls is given up.
            let deadline = if is_first || !self.is_streamed {
                self.deadline
            } else {
                self.deadline.restarted(self.settings.voice_timeout)
            };
            is_first = false;
            let sound = self.begin(text, deadline, tell);
            let has_failed = sound.is_err();
            if give_sound.send(sound).is_err() || has_failed {
                break;
            }
        }
    }

    fn begin(
        &self,
        text: String,
        deadline: Deadline,
        tell: &Sender<Event>,
    ) -> Result<Sound<'_>, Failure> {
        let since = may_begin(Stage::Tts, tell)?;
        let begin = |candidate, budget: Budget| self.ask_voice(candidate, &text, budget);
        let voices = &self.services.voices;
        let spoken = voices.ask(self.budget(deadline), begin);
        let spoken = spoken.at(Stage::Tts)?;
        send(tell, Event::Reached(Mark::FirstAudio, Instant::now()));
        Ok(Sound {
            since,
            text,
            deadline,
            spoken,
        })
    }

    fn ask_voice<'a>(
        &'a self,
        candidate: &'a Candidate<dyn Voice>,
        text: &str,
        budget: Budget,
    ) -> Result<Spoken<'a>, say::Error> {
        let most = bill::spoken(text.chars().count());
        self.wanted.check()?;
        let entry = self.bill.begin(Stage::Tts, &candidate.endpoint, most);
        let rate_hz = self.encoding.rate_hz();
        let deadline = if self.is_streamed {
            self.deadline.restarted(say::LONGEST_WAIT)
        } else {
            self.deadline
        };
        let speaking = Speaking::begin(&*candidate.provider, text, rate_hz, budget, deadline);
        let speaking = speaking.inspect_err(|error| entry.failed(error))?;
        Ok(Spoken { speaking, entry })
    }

    /// Passes on what is being spoken, encoded, as it comes.
    pub(super) fn pass_on_all(
        &self,
        sounds: Receiver<Result<Sound<'_>, Failure>>,
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
            let what = format!("{:.1} s of {}", total.as_secs_f32(), self.encoding);
            send(tell, Event::Done(Stage::Tts, since, what));
        }
        Ok(())
    }

    /// Passes on one sound; if it breaks off before anything of it can have been heard, it is asked for once more.
    fn pass_on(&self, sound: Sound<'_>, tell: &Sender<Event>) -> Result<Duration, say::Error> {
        let Sound {
            text,
            deadline,
            spoken: Done {
                candidate,
                mut value,
            },
            ..
        } = sound;
        send(tell, Event::Speaks(text.clone()));
        let (result, mut out) = self.write_sound(&text, &mut value, tell);
        let length = match result {
            Err(error @ say::Error::Endless { .. }) if out.has_sent => {
                send(tell, Event::Forget);
                return Err(error);
            }
            Err(error) if !out.has_sent => {
                let broken = Broken {
                    may_retry: value.speaking.may_retry(&error),
                    candidate,
                    error,
                };
                let begin = |candidate, budget: Budget| {
                    let mut spoken = self.ask_voice(candidate, &text, budget)?;
                    let result;
                    (result, out) = self.write_sound(&text, &mut spoken, tell);
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

    fn write_sound<'t>(
        &self,
        text: &str,
        Spoken { speaking, entry }: &mut Spoken<'_>,
        tell: &'t Sender<Event>,
    ) -> (Result<Duration, say::Error>, Outlet<'t>) {
        let mut out = Outlet::new(tell, self.is_streamed);
        let result = speaking.write(&mut out, self.encoding, self.settings.gain_db);
        if let Ok(length) = result {
            entry.used(Usage {
                characters: bill::spoken(text.chars().count()).characters,
                ..bill::audio(length)
            });
        }
        (result, out)
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
