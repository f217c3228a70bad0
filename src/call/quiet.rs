//! A silence that Asterisk plays while we listen: packets go on flowing to the phone, which firewalls and some trunks
//! want, and a key that the caller presses is told.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use log::debug;

use super::mouth::place;
use crate::agi::{self, Command, Line, Session};
use crate::audio::Pcm;
use crate::audio::telephone::{self, Encoding};
use crate::error::Chain;
use crate::files::{self, NewFile, Readers};

/// The silence, where it can be had.
pub(super) struct Quiet {
    name: Option<String>,
    /// Since when it plays.
    since: Option<Instant>,
}

impl Quiet {
    /// Makes the sound, or finds it made.
    pub(super) fn new(folder: &Path, encoding: Encoding) -> Self {
        let name = match make(folder, encoding) {
            Ok(silence) => Some(place(&silence)),
            Err(cause) => {
                debug!("listening without a silence of ours: {}", Chain(&*cause));
                None
            }
        };
        Self { name, since: None }
    }

    /// Begins to play if it does not already, until [`end`](Self::end). A key and its own length end it as well.
    pub(super) fn keep_on<O: Write>(&mut self, session: &mut Session<O>, now: Instant) {
        let (Some(name), None) = (&self.name, self.since) else {
            return;
        };
        let command = Command::StreamFile {
            name,
            stop_keys: KEY,
            offset: 0,
        };
        match session.start(command) {
            Ok(()) => self.since = Some(now),
            Err(cause) => {
                debug!("playing silence: {}", Chain(&cause));
                self.give_up();
            }
        }
    }

    /// Takes a line from Asterisk. Returns the key that the caller has pressed, if it tells one: then nothing plays.
    ///
    /// # Errors
    /// The caller has gone, or Asterisk does not play such a sound: it is not tried again.
    pub(super) fn take<O: Write>(
        &mut self,
        line: Option<Line>,
        session: &mut Session<O>,
        now: Instant,
    ) -> Result<Option<char>, agi::Error> {
        let reply = session.answer(line, Command::Noop);
        let Some(reply) = reply.inspect_err(|_| self.give_up())? else {
            return Ok(None);
        };
        let since = self.since.take();
        if reply.result == "-1" {
            // A caller who has gone is told by this.
            self.give_up();
            session.ask(Command::ChannelStatus)?;
            return Ok(None);
        }
        let key = reply.key();
        let is_played = since.is_some_and(|since| now.saturating_duration_since(since) > AT_ONCE);
        if key.is_none() && !is_played {
            // Whoever plays twenty seconds in no time would do nothing else.
            self.give_up();
        }
        Ok(key)
    }

    /// Ends it.
    pub(super) fn end<O: Write>(&mut self, session: &mut Session<O>) {
        if self.since.take().is_some()
            && let Err(cause) = session.stop()
        {
            debug!("ending the silence: {}", Chain(&cause));
        }
    }

    fn give_up(&mut self) {
        (self.name, self.since) = (None, None);
    }
}

/// Returns its place, without extension.
fn make(folder: &Path, encoding: Encoding) -> Result<PathBuf, Box<dyn Error>> {
    let place = folder.join("silence");
    let file = files::append(&place, &format!(".{encoding}"));
    if file.is_file() {
        return Ok(place);
    }
    files::create_folder(folder)?;
    let rate_hz = encoding.rate_hz();
    let silence = Pcm {
        rate_hz: rate_hz.into(),
        samples: vec![0; SECONDS * usize::from(rate_hz)],
    };
    let mut sound = NewFile::create_in(folder, Readers::Owner)?;
    sound.write_all(&telephone::encode(&silence, encoding, 0.0)?)?;
    sound.finish_as(&file)?;
    Ok(place)
}

/// Whoever presses it has ended.
const KEY: &str = "#";
/// Played again and again.
const SECONDS: usize = 20;
/// Nothing is played so fast.
const AT_ONCE: Duration = Duration::from_secs(1);
