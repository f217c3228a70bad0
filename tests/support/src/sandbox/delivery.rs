//! How an answer reaches the client: which part of its body is due when, and how it ends.
//!
//! A service gives a [`Right`] answer, with the times of its parts; a fault makes of it a [`Delivery`], which
//! `server` carries out.

use std::time::Duration;

use serde_json::Value;

use super::http::Response;
use crate::audio::{Clip, float, to_index};

/// A part of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where in the body it ends; it begins where the one before it ended, and may be empty.
    pub(super) end: usize,
    /// When it is sent, after the request.
    pub(super) due: Duration,
}

/// What follows the last piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The end of the body, and the connection lives on.
    Right,
    /// The end of the connection.
    Cut,
    /// Silence until the client gives up.
    Silence,
}

/// How a response reaches the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Piece by piece, and then this end.
    Pieces(Vec<Piece>, End),
    /// Not at all: silence until the client gives up.
    Never,
    /// Not at all: the connection is reset.
    Reset,
    /// The body, and then these bytes again and again.
    Endless(Vec<u8>),
    /// These bytes instead of a response, then the second ones again and again if there are any, and then the end of the
    /// connection.
    Bytes(Vec<u8>, Vec<u8>),
}

impl Delivery {
    /// All at once.
    pub(super) fn whole(response: &Response) -> Self {
        Self::Pieces(whole(response.body.len()), End::Right)
    }
}

/// What a body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One thing that means nothing in parts.
    Whole,
    /// Server-sent events, a piece each.
    Events,
    /// An array of JSON, a piece for each element.
    Array,
    /// Server-sent events with sound in them, a piece each.
    Sounding {
        /// Of the stream, for a second of sound.
        bytes_per_second: u32,
    },
    /// Samples after a header.
    Audio {
        /// Of the header, in bytes.
        header_len: usize,
        bytes_per_second: u32,
    },
}

/// The answer that a well-behaved service gives.
pub(super) struct Right {
    pub(super) response: Response,
    pub(super) form: Form,
    pub(super) pieces: Vec<Piece>,
}

impl Right {
    /// An answer that comes all at once, `due` after the request.
    pub(super) fn whole(response: Response, due: Duration) -> Self {
        let pieces = vec![Piece {
            end: response.body.len(),
            due,
        }];
        Self {
            response,
            form: Form::Whole,
            pieces,
        }
    }

    /// A refusal of what would have been answered in some form.
    pub(super) fn refusal(response: Response, form: Form) -> Self {
        Self {
            form,
            ..Self::whole(wrapped(response, form), Duration::ZERO)
        }
    }

    /// A clip, at the end of a body that may have a header.
    pub(super) fn audio(response: Response, clip: &Clip, pace: VoicePace) -> Self {
        let len = response.body.len();
        let header_len = len - BYTES_PER_SAMPLE * clip.samples.len();
        let bytes_per_second = clip.rate_hz * 2;
        Self {
            response,
            form: Form::Audio {
                header_len,
                bytes_per_second,
            },
            pieces: pace.pieces(header_len, len, bytes_per_second),
        }
    }

    /// The pieces up to a place in the body; the last of them may be a part of one.
    pub(super) fn until(&self, end: usize) -> Vec<Piece> {
        let mut kept: Vec<_> = self
            .pieces
            .iter()
            .copied()
            .take_while(|piece| piece.end < end)
            .collect();
        if let Some(next) = self.pieces.get(kept.len()) {
            kept.push(Piece { end, due: next.due });
        }
        kept
    }

    /// All pieces, those after a place in the body later.
    pub(super) fn paused_at(&self, place: usize, pause: Duration) -> Vec<Piece> {
        let mut pieces = self.until(place);
        let after = self.pieces.iter().filter(|piece| piece.end > place);
        pieces.extend(after.map(|piece| Piece {
            end: piece.end,
            due: piece.due + pause,
        }));
        pieces
    }

    /// All pieces, at this rate in bytes a second.
    pub(super) fn at_rate(&self, bytes_per_second: u32) -> Vec<Piece> {
        let len = self.response.body.len();
        let piece_len = usize::try_from(bytes_per_second / SLOW_PIECES_PER_SECOND)
            .unwrap()
            .max(1);
        let seconds = |start: usize| float(start) / f64::from(bytes_per_second);
        (0..len)
            .step_by(piece_len)
            .map(|start| Piece {
                end: len.min(start + piece_len),
                due: Duration::from_secs_f64(seconds(start)),
            })
            .collect()
    }

    /// Whether it is an answer in parts that stand for themselves.
    pub(super) fn is_stream(&self) -> bool {
        matches!(
            self.form,
            Form::Events | Form::Array | Form::Sounding { .. }
        ) && self.response.status == 200
    }

    /// Where in a stream this number of events end, short of the last; the middle of what is no stream.
    pub(super) fn place_after(&self, events: usize) -> usize {
        if !self.is_stream() {
            return self.response.body.len() / 2;
        }
        let events = events.min(self.pieces.len() - 1);
        self.pieces[..events].last().map_or(0, |piece| piece.end)
    }

    /// Where in the body this length of its sound ends; the middle of what is no sound.
    pub(super) fn place_of(&self, sound: Duration) -> usize {
        let len = self.response.body.len();
        let (header_len, bytes_per_second) = match self.form {
            Form::Audio {
                header_len,
                bytes_per_second,
            } => (header_len, bytes_per_second),
            Form::Sounding { bytes_per_second } => (0, bytes_per_second),
            _ => return len / 2,
        };
        let samples = to_index(sound.as_secs_f64() * f64::from(bytes_per_second / 2));
        len.min(header_len + BYTES_PER_SAMPLE * samples)
    }
}

/// How fast the language model answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ModelPace {
    pub(super) first: Duration,
    pub(super) per_word: Duration,
    /// After as many words it waits until the test lets it go on.
    pub(super) stops_after: Option<usize>,
}

impl ModelPace {
    /// When what ends with the n-th word is due, after the request; or [`STOPPED`] and more, where that is so long after it
    /// goes on.
    pub(super) fn due(self, words: usize) -> Duration {
        let so_far = self.stops_after.filter(|stop| *stop < words);
        let (since, words) = match so_far {
            Some(stop) => (STOPPED, words - stop),
            None => (self.first, words),
        };
        since + self.per_word * u32::try_from(words).unwrap_or(u32::MAX)
    }
}

/// Longer than any test.
pub(super) const STOPPED: Duration = Duration::from_secs(86_400);

/// How fast the voice speaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct VoicePace {
    pub(super) first: Duration,
    /// In seconds of sound to a second.
    pub(super) speed: f64,
}

impl Default for VoicePace {
    fn default() -> Self {
        Self {
            first: Duration::ZERO,
            speed: f64::INFINITY,
        }
    }
}

impl VoicePace {
    /// When this length of sound has been made, after the request.
    pub(super) fn whole(self, seconds: f64) -> Duration {
        self.first + Duration::from_secs_f64(seconds / self.speed)
    }

    /// The header comes with the first of the sound; pieces are of an odd length, and so cut samples in two.
    fn pieces(self, header_len: usize, len: usize, bytes_per_second: u32) -> Vec<Piece> {
        let sent_per_second = self.speed * f64::from(bytes_per_second);
        let piece_len = to_index(sent_per_second * PIECE_SECONDS) | 1;
        (header_len..len)
            .step_by(piece_len)
            .map(|start| Piece {
                end: len.min(start.saturating_add(piece_len)),
                due: self.first
                    + Duration::from_secs_f64(float(start - header_len) / sent_per_second),
            })
            .collect()
    }
}

/// An error as it comes where an array was asked for; otherwise as it is.
pub(super) fn wrapped(mut response: Response, form: Form) -> Response {
    if form == Form::Array && serde_json::from_slice::<Value>(&response.body).is_ok() {
        response.body = [b"[".as_slice(), response.body.trim_ascii_end(), b"\n]\n"].concat();
    }
    response
}

/// One piece, at once.
pub(super) fn whole(len: usize) -> Vec<Piece> {
    vec![Piece {
        end: len,
        due: Duration::ZERO,
    }]
}

const BYTES_PER_SAMPLE: usize = 2;
const SLOW_PIECES_PER_SECOND: u32 = 20;
/// As often as a voice's packets would come.
const PIECE_SECONDS: f64 = 0.02;
