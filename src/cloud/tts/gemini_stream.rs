//! The sound in a stream of Gemini's: events with base64, decoded as they come.

use std::io::{self, Read};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use serde_json::Value;

use super::{Bare, Source};
use crate::cloud::event::Data;
use crate::cloud::gemini::wire::Reply;
use crate::cloud::http::Incoming;
use crate::cloud::json::parse;
use crate::cloud::refusal::status_in;
use crate::cloud::sse::Events;
use crate::cloud::{Error, Service, Tokens};

/// The best of what has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Nothing,
    Events,
    Sound,
}

/// A sound on its way.
#[derive(Debug)]
pub(super) struct GeminiStream {
    incoming: Incoming,
    service: Service,
    events: Events,
    /// How many bytes have come since the last event.
    pending: usize,
    /// What has been decoded and was not read yet.
    sound: Vec<u8>,
    base64: Base64,
    /// The type of the sound, as its first event tells it.
    mime_type: String,
    tokens: Option<Tokens>,
    /// The error that has ended it, until the sound before it has been read.
    failure: Option<Error>,
    progress: Progress,
    /// Whether an event has said that the sound is whole.
    is_whole: bool,
    has_ended: bool,
}

impl GeminiStream {
    pub(super) fn new(incoming: Incoming, service: Service) -> Self {
        Self {
            incoming,
            service,
            events: Events::default(),
            pending: 0,
            sound: Vec::new(),
            base64: Base64::default(),
            mime_type: String::new(),
            tokens: None,
            failure: None,
            progress: Progress::Nothing,
            is_whole: false,
            has_ended: false,
        }
    }

    /// Waits for the first of the sound. Returns what it is if it has no header.
    ///
    /// # Errors
    /// [`Error`] when none comes.
    pub(super) fn begin(&mut self) -> Result<Bare, Error> {
        self.fill()?;
        Ok(Bare::of(&self.mime_type, USUAL_HZ).1)
    }

    /// Waits for more of the sound; there is none at its end.
    fn fill(&mut self) -> Result<(), Error> {
        while self.sound.is_empty() && !self.has_ended && !self.is_whole {
            if let Err(error) = self.receive() {
                self.failure = Some(error);
                self.has_ended = true;
            }
        }
        if !self.sound.is_empty() {
            return Ok(());
        }
        if !self.has_ended {
            // Read to its end, the connection serves the next request.
            self.incoming.rest_within(LAST_BYTES);
            self.has_ended = true;
        }
        let ended = self.failure.take().map_or_else(|| self.end(), Err);
        ended.map_err(|error| error.billed(self.tokens))
    }

    fn receive(&mut self) -> Result<(), Error> {
        let block = self.incoming.block()?;
        self.has_ended = block.is_empty();
        let mut events = self.events.push(&block);
        if self.has_ended {
            events.extend(self.events.rest());
        }
        self.pending = if events.is_empty() {
            self.pending + block.len()
        } else {
            0
        };
        if self.pending > MAX_EVENT {
            return Err(self.incoming.malformed());
        }
        events.iter().try_for_each(|event| self.take(event))?;
        self.refuse_stray()
    }

    fn take(&mut self, event: &str) -> Result<(), Error> {
        // Whatever follows the end, the sound is whole.
        if self.is_whole {
            return Ok(());
        }
        let reply: Reply = match Data::read(self.service, event)? {
            Data::Part(reply) => reply,
            Data::Error(status) => return Err(self.incoming.refusal(status, event.as_bytes(), "")),
        };
        self.progress = self.progress.max(Progress::Events);
        self.tokens = reply.tokens().or(self.tokens);
        for blob in reply.sound() {
            if self.mime_type.is_empty() {
                self.mime_type.clone_from(&blob.mime_type);
            }
            let sound = self.base64.push(&blob.data);
            let sound = sound.ok_or_else(|| self.incoming.malformed())?;
            if !sound.is_empty() {
                self.progress = Progress::Sound;
            }
            self.sound.extend(sound);
        }
        match reply.reason() {
            "" => Ok(()),
            "STOP" => {
                self.is_whole = true;
                Ok(())
            }
            reason => Err(Error::failed(self.service, reason)),
        }
    }

    /// An error in the middle breaks the format: its JSON stands between the events, over several lines.
    fn refuse_stray(&self) -> Result<(), Error> {
        let stray = self.events.stray().trim();
        let value = parse::<Value>(stray.as_bytes()).ok();
        let error = value.as_ref().map(|value| value.get(0).unwrap_or(value));
        match error.and_then(status_in) {
            Some(status) => Err(self.incoming.refusal(status, stray.as_bytes(), "")),
            None if stray.len() > MAX_STRAY => Err(self.incoming.malformed()),
            None => Ok(()),
        }
    }

    /// Whether the sound is whole.
    fn end(&self) -> Result<(), Error> {
        match self.progress {
            Progress::Nothing => Err(self.incoming.malformed()),
            // Nothing but `finishReason` tells a whole stream from one that was cut: Gemini's has no last event of its
            // own.
            _ if !self.is_whole => Err(self.incoming.broken("it ended without a finishReason")),
            Progress::Sound => Ok(()),
            Progress::Events => Err(Error::Empty {
                service: self.service.name,
                remedy: "that happens now and then; if it persists, check model and voice in [tts.gemini]",
                transient: true,
                tokens: None,
            }),
        }
    }
}

impl Read for GeminiStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill().map_err(io::Error::other)?;
        let len = self.sound.len().min(into.len());
        into[..len].copy_from_slice(&self.sound[..len]);
        self.sound.drain(..len);
        Ok(len)
    }
}

impl Source for GeminiStream {
    fn begins(&mut self) {
        self.incoming.begins();
    }

    fn tokens(&self) -> Option<Tokens> {
        self.tokens
    }
}

/// Base64 in pieces that may be cut anywhere, padded or not.
#[derive(Debug, Default)]
struct Base64 {
    /// Up to three signs, which do not make a group yet.
    rest: String,
}

impl Base64 {
    /// The bytes that `text` completes; `None` if it is no base64.
    fn push(&mut self, text: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
        // An event may pad its own base64, which ends a group and not the sound.
        let mut padded = text.split('=').peekable();
        while let Some(part) = padded.next() {
            let signs = part.chars().filter(|c| !c.is_ascii_whitespace());
            self.rest.extend(signs.map(standard));
            let is_padded = padded.peek().is_some();
            let len = match self.rest.len() {
                len if is_padded => len,
                len => len / 4 * 4,
            };
            let group = self.rest.get(..len)?;
            BASE64_STANDARD_NO_PAD.decode_vec(group, &mut bytes).ok()?;
            self.rest.drain(..len);
        }
        Some(bytes)
    }
}

/// The sign of the usual alphabet for one of that for addresses: <https://www.rfc-editor.org/rfc/rfc4648#section-5>.
fn standard(c: char) -> char {
    match c {
        '-' => '+',
        '_' => '/',
        c => c,
    }
}

/// The rate of samples whose type does not tell it.
const USUAL_HZ: u32 = 24_000;

/// The time for what follows the last event.
const LAST_BYTES: Duration = Duration::from_millis(500);

/// The maximum size of an event: two minutes of sound in base64.
const MAX_EVENT: usize = 8 * 1024 * 1024;

/// The maximum size of what is no event: an error has a kilobyte or two.
const MAX_STRAY: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_wherever_it_is_cut() {
        let sound: Vec<u8> = (0..=255).collect();
        let whole = BASE64_STANDARD_NO_PAD.encode(&sound);
        for len in 1..whole.len() {
            let mut base64 = Base64::default();
            let (first, second) = whole.split_at(len);
            let mut bytes = base64.push(first).expect("base64");
            bytes.extend(base64.push(&format!("{second}==")).expect("base64"));
            assert_eq!(bytes, sound, "cut at {len}");
        }
        let table: [(&[&str], Option<&[u8]>); 9] = [
            (&["AQ==", "AgM=", "BAUG"], Some(&[1, 2, 3, 4, 5, 6])),
            (&["AQ==AgM=", "BAUG"], Some(&[1, 2, 3, 4, 5, 6])),
            (&["AQ", "==", "Ag", "M", "="], Some(&[1, 2, 3])),
            (&["AQ\n==\n"], Some(&[1])),
            (&["-_8="], Some(&[0xFB, 0xFF])),
            (&["+/8="], Some(&[0xFB, 0xFF])),
            (&[""], Some(&[])),
            (&["A==="], None),
            (&["AQé="], None),
        ];
        for (pieces, expected) in table {
            let mut base64 = Base64::default();
            let bytes: Option<Vec<_>> = pieces.iter().map(|piece| base64.push(piece)).collect();
            let bytes = bytes.map(|bytes| bytes.concat());
            assert_eq!(bytes.as_deref(), expected, "{pieces:?}");
        }
    }
}
