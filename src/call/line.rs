//! The caller's line: the only place of a call that waits for what happens next, and the only one that plays. (A job that
//! is to end, and whose words are not waited for, is given a moment by `Job` itself.)
//!
//! Asterisk gives one reply to each sound, when that has ended, and one to each wait for a key while music plays, and these
//! replies are read here alone. What follows from an
//! input is decided by the phases of a call, which know nothing of Asterisk's replies.

use std::io::Write;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, never, select_biased};
use log::debug;

use super::event::Event;
use crate::agi::{self, Command, Env, Reply, Session};
use crate::sys::deadline::{Clock, Deadline};
use crate::sys::error::{Chain, Failure};
use crate::sys::hangup::Hangup;

/// All that can happen to a call. [`Line::next`] makes all of it but [`Input::Failed`].
#[derive(Debug)]
pub(super) enum Input {
    /// The caller has hung up.
    HungUp,
    /// A sound has ended by itself or by a key.
    Ended(Played),
    /// The next samples of the caller's voice.
    Caller(Vec<i16>),
    /// The next event of the job under way.
    Work(Event),
    /// The time that was asked for has come.
    Elapsed,
    /// What was to be done could not be.
    Failed(Failure),
}

/// What Asterisk can be asked to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sound {
    Answer,
    Phrase,
    /// What fills a silence while the services work.
    Filler,
    /// The same as music on hold, which plays beside commands.
    Music,
    /// Silence, for which packets are sent.
    KeepAlive,
    /// The same where nothing else plays, so that Asterisk takes the key that leads to the operator.
    Silence,
}

/// The end of a sound.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) what: Sound,
    pub(super) how: How,
    pub(super) at: Instant,
}

/// How a sound has ended.
#[derive(Debug)]
pub(super) enum How {
    /// At the end of the file. `endpos` is the length that it had in samples when it was opened, if that is known.
    Through { endpos: Option<u64> },
    /// By a key of the caller's.
    Key { key: char, endpos: Option<u64> },
    /// Without progress; it may be tried again.
    AtOnce,
    /// Asterisk does not play it, and would not if it was asked again.
    Unplayable(Option<agi::Error>),
}

/// A sound to play: the arguments of `STREAM FILE`, or what stands for them where it is music.
#[derive(Clone, Debug)]
pub(super) struct Play {
    pub(super) what: Sound,
    /// A path without extension, or one of Asterisk's own sounds; of music its class.
    pub(super) name: String,
    pub(super) stop_keys: String,
    /// In samples.
    pub(super) offset: u64,
}

/// A call's session with Asterisk, and the caller's voice.
pub(super) struct Line<O> {
    session: Session<O>,
    hangup: Hangup,
    clock: Clock,
    caller: Receiver<Vec<i16>>,
    playing: Option<Playing>,
    /// The sound that made no progress last, and how many times in a row.
    futile: Option<(Sound, u32)>,
}

#[derive(Debug)]
struct Playing {
    what: Sound,
    /// The keys that end music: of those that end a file, Asterisk is told.
    stop_keys: String,
    offset: u64,
    began: Instant,
}

impl Playing {
    /// Whether this is the reply to it: only that to a file has an `endpos`.
    fn is_meant_by(&self, reply: &Reply) -> bool {
        self.what == Sound::Music || reply.endpos.is_some()
    }

    /// Whether it goes on although Asterisk has replied: what ends is a wait for a key, as long as music plays.
    fn goes_on_after(&self, how: &How) -> bool {
        let is_ended = match how {
            How::Key { key, .. } => self.stop_keys.contains(*key),
            How::Through { .. } | How::AtOnce => false,
            How::Unplayable(_) => true,
        };
        self.what == Sound::Music && !is_ended
    }

    fn ended(&self, how: How, at: Instant) -> Played {
        let what = self.what;
        Played { what, how, at }
    }
}

impl<O: Write> Line<O> {
    pub(super) fn new(session: Session<O>, hangup: Hangup, clock: Clock) -> Self {
        Self {
            session,
            hangup,
            clock,
            caller: never(),
            playing: None,
            futile: None,
        }
    }

    /// Hears the caller from now on; the end of `voice` is a hang-up.
    pub(super) fn hear(&mut self, voice: Receiver<Vec<i16>>) {
        self.caller = voice;
    }

    /// Waits for what happens next, until `until`. The hang-up comes first, then Asterisk, the caller, and the services:
    /// none of them can keep the one before it from being noticed.
    pub(super) fn next(&mut self, until: Instant, work: &mut Receiver<Event>) -> Input {
        loop {
            let wait = until.saturating_duration_since((self.clock)());
            // Without a sound no reply is due, and the end of the replies is a hang-up already.
            let (replies, none) = (self.session.lines(), never());
            let lines = if self.is_free() { &none } else { replies };
            let line = select_biased! {
                recv(self.hangup.raised()) -> _ => return Input::HungUp,
                recv(lines) -> line => line.ok(),
                recv(self.caller) -> samples => return samples.map_or_else(|_| {
                    self.hangup.raise();
                    Input::HungUp
                }, Input::Caller),
                recv(work) -> event => return Input::Work(event.unwrap_or_else(|_| {
                    // Threads that end without a word have panicked.
                    *work = never();
                    Event::Panicked
                })),
                default(wait) => return Input::Elapsed,
            };
            if let Some(input) = self.read(line) {
                return input;
            }
            // Lines without end that mean nothing do not keep the time from passing.
            if (self.clock)() >= until {
                return Input::Elapsed;
            }
        }
    }

    /// Begins to play. Nothing else may be playing.
    ///
    /// # Errors
    /// [`agi::Error`] tells why Asterisk could not be asked.
    pub(super) fn play(&mut self, play: &Play) -> Result<(), agi::Error> {
        let &Play {
            what,
            ref name,
            ref stop_keys,
            offset,
        } = play;
        let mut command = Command::StreamFile {
            name,
            stop_keys,
            offset,
        };
        if what == Sound::Music {
            self.session.ask(Command::Music(Some(name)))?;
            command = WAIT_FOR_KEY;
        }
        self.session.start(command)?;
        self.playing = Some(Playing {
            what,
            stop_keys: stop_keys.clone(),
            offset,
            began: (self.clock)(),
        });
        Ok(())
    }

    /// Ends what plays. Returns how it ended if that was just before.
    pub(super) fn stop(&mut self) -> Option<Played> {
        let playing = self.playing.take()?;
        let ended = if playing.what == Sound::Music {
            // A wait cannot be stopped without a warning in Asterisk's log, so its end, at most 100 ms away, is awaited.
            let waited = self.session.reply().map(Some);
            self.end_music();
            waited
        } else {
            self.session.stop()
        };
        let reply = ended.unwrap_or_else(|cause| {
            debug!("ending a sound: {}", Chain(&cause));
            None
        })?;
        let played = self.played(&playing, &reply, (self.clock)());
        played.filter(|played| !playing.goes_on_after(&played.how))
    }

    fn end_music(&mut self) {
        if let Err(cause) = self.session.ask(Command::Music(None)) {
            debug!("ending music: {}", Chain(&cause));
        }
    }

    /// Ends the silence of no phase, if that is what plays.
    pub(super) fn end_silence(&mut self) -> Option<Played> {
        let is_silence = |playing: &Playing| playing.what == Sound::Silence;
        let is_silence = self.playing.as_ref().is_some_and(is_silence);
        is_silence.then(|| self.stop())?
    }

    /// Whether nothing plays, so that Asterisk can be asked something: a command would end a sound.
    pub(super) fn is_free(&self) -> bool {
        self.playing.is_none()
    }

    /// Whether the caller is there, as far as that can be told: with `AGISIGHUP=no`, or on a channel that was dead from the
    /// start, nothing tells it but a command. While a sound plays, its end does.
    pub(super) fn is_connected(&mut self) -> bool {
        if self.is_free() && !self.hangup.is_raised() {
            // The reply of a dead channel raises the flag.
            self.try_asking(Command::ChannelStatus);
        }
        !self.hangup.is_raised()
    }

    /// Asks for something that a call can do without. Returns whether Asterisk still listens.
    pub(super) fn try_asking(&mut self, command: Command<'_>) -> bool {
        let Err(cause) = self.session.ask(command) else {
            return true;
        };
        let is_expected = self.hangup.is_raised();
        let level = if is_expected {
            log::Level::Debug
        } else {
            log::Level::Error
        };
        log::log!(level, "{}", Chain(&cause));
        // After a hang-up an Asterisk that says nothing is not waited for again.
        let is_mute = is_expected && matches!(cause, agi::Error::Silent(_));
        !is_mute && !matches!(cause, agi::Error::Closed)
    }

    /// The value of a channel variable or dialplan function; `None` where there is none.
    ///
    /// # Errors
    /// As [`Session::get_variable`].
    pub(super) fn get_variable(&mut self, name: &str) -> Result<Option<String>, agi::Error> {
        self.session.get_variable(name)
    }

    pub(super) fn env(&self) -> &Env {
        self.session.env()
    }

    /// Lets the log hold what was said.
    pub(super) fn log_words(&mut self, allowed: bool) {
        self.session.log_words(allowed);
    }

    /// Lets the log hold what was typed.
    pub(super) fn log_keys(&mut self, allowed: bool) {
        self.session.log_keys(allowed);
    }

    pub(super) fn is_hung_up(&self) -> bool {
        self.hangup.is_raised()
    }

    pub(super) fn now(&self) -> Instant {
        (self.clock)()
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    /// The moment `budget` from now.
    pub(super) fn deadline(&self, budget: Duration) -> Deadline {
        Deadline::after(self.now(), budget, self.clock)
    }

    pub(super) fn hangup(&self) -> &Hangup {
        &self.hangup
    }

    /// What a line of Asterisk's, or the end of them, means to what plays. `None`: it goes on.
    fn read(&mut self, line: Option<(Instant, agi::Line)>) -> Option<Input> {
        let playing = self.playing.take()?;
        // The end of a sound is told by its reply alone; a recorded session that is over tells nothing more.
        let is_over = line.is_none();
        let (at, line) = line.unzip();
        let at = at.unwrap_or_else(|| (self.clock)());
        let played = match self.session.answer(line) {
            Ok(Some(reply)) if is_over || playing.is_meant_by(&reply) => {
                self.played(&playing, &reply, at)
            }
            Ok(_) => {
                self.playing = Some(playing);
                return None;
            }
            Err(agi::Error::Dead | agi::Error::Closed) => None,
            Err(cause) => Some(playing.ended(How::Unplayable(Some(cause)), at)),
        };
        match played {
            None => Some(Input::HungUp),
            Some(played) if playing.goes_on_after(&played.how) => self.wait_for_key(playing),
            Some(played) => {
                if playing.what == Sound::Music {
                    self.end_music();
                }
                Some(Input::Ended(played))
            }
        }
    }

    /// Waits for the next key while music plays on.
    fn wait_for_key(&mut self, music: Playing) -> Option<Input> {
        let began = (self.clock)();
        if let Err(cause) = self.session.start(WAIT_FOR_KEY) {
            let how = How::Unplayable(Some(cause));
            return Some(Input::Ended(music.ended(how, began)));
        }
        self.playing = Some(Playing { began, ..music });
        None
    }

    /// The one reading of the reply to what plays. `None`: the caller has hung up.
    fn played(&mut self, playing: &Playing, reply: &Reply, at: Instant) -> Option<Played> {
        let endpos = reply.endpos;
        let lasted = at.saturating_duration_since(playing.began);
        let has_progressed = match playing.what {
            // How much of an answer was heard is for its playout to tell.
            Sound::Answer => true,
            // `endpos` is the length that the file had when it was opened, also where nothing of it was played. So
            // time tells.
            Sound::KeepAlive | Sound::Silence => lasted >= SHORTEST_SILENCE,
            Sound::Music => lasted >= SHORTEST_WAIT,
            _ => endpos.is_none_or(|end| end > playing.offset),
        };
        let how = if reply.result == "-1" {
            // There is no such sound, or no caller.
            if !self.is_connected() {
                return None;
            }
            How::Unplayable(None)
        } else if let Some(key) = reply.key() {
            How::Key { key, endpos }
        } else if has_progressed {
            self.futile = None;
            How::Through { endpos }
        } else {
            self.without_progress(playing.what)
        };
        Some(playing.ended(how, at))
    }

    /// Counts one more end without progress: an Asterisk that ends a sound at once, again and again, would keep the call
    /// busy for ever.
    fn without_progress(&mut self, what: Sound) -> How {
        let before = self.futile.filter(|(sound, _)| *sound == what);
        let times = before.map_or(1, |(_, times)| times + 1);
        self.futile = Some((what, times));
        if times < MAX_FUTILE {
            How::AtOnce
        } else {
            How::Unplayable(None)
        }
    }
}

/// While music plays, Asterisk is asked for a key again and again: what is to be heard next waits until it replies.
const WAIT_FOR_KEY: Command<'_> = Command::WaitForDigit(Duration::from_millis(100));

/// A wait that ends within this time without a key is none.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// A keep-alive of 20 s that ends within this time was not played.
const SHORTEST_SILENCE: Duration = Duration::from_secs(1);

/// Asterisk may end a sound at once by mistake; three times in a row is none.
const MAX_FUTILE: u32 = 3;

#[cfg(test)]
pub(super) mod tests;
