//! Everything that goes wrong with a service.

use std::time::Duration;

use super::echo::Place;
use super::http::Response;

/// A way for a service to fail, put in place of its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The vendor's documented error for 400, 401, 403, 404, 429, 500 or 503.
    Status(u16),
    /// The error of a server of OpenAI's kind that is made with FastAPI: `{"detail": …}`.
    Detail(u16),
    /// Status 429 with a wait: `Retry-After`, and Google's `RetryInfo`.
    RetryAfter(Duration),
    /// Status 429 for the want of money: waiting does not help.
    QuotaExhausted,
    /// The request is taken, and nothing ever comes back.
    Hang,
    /// The connection is reset after the request.
    Reset,
    /// Status 200 with a page of HTML.
    NotJson,
    /// Status 200 with no body at all.
    Empty,
    /// Half of the body, then the end of the connection.
    CutShort,
    /// A body that begins well and never ends: more events, a soft buzz, or white space.
    Endless,
    /// Status 200 with `{}`; in a stream as its only event or element.
    WrongShape,
    /// The right answer, at this rate in bytes a second.
    Slow(u32),
    /// This response.
    Reply(Response),
    /// These bytes instead of any response of HTTP, then the second ones again and again if there are any, and then the
    /// end of the connection.
    Bytes(Vec<u8>, Vec<u8>),
    /// The key that the request brought, in every spelling.
    Echo(Place),
    /// This number of events of the model's stream, never the last, and then a clean end without any `finishReason`.
    /// What is no such stream is cut short.
    BreakAfter(usize),
    /// This number of events of the model's stream, never the last, and then an error that is no event.
    /// Instead of what is no such stream comes that error alone.
    MidStreamError(usize),
    /// This number of events of the model's stream, never the last, and then silence until the client gives up.
    /// What is no such stream stops half-way.
    HangAfterEvents(usize),
    /// This length of the sound, and then the end of the connection, the body unfinished.
    /// What is no sound is cut short.
    CutAfter(Duration),
    /// This length of the sound, and then silence until the client gives up. What is no sound stops half-way.
    HangAfter(Duration),
    /// This length of the sound, then a pause of the second length, then the rest. What is no sound pauses half-way.
    StallAfter(Duration, Duration),
}

impl Fault {
    /// Whether nothing of the right answer is sent.
    pub(super) fn leaves_nothing(&self) -> bool {
        match self {
            Self::CutShort
            | Self::Endless
            | Self::Slow(_)
            | Self::BreakAfter(_)
            | Self::MidStreamError(_)
            | Self::HangAfterEvents(_)
            | Self::CutAfter(_)
            | Self::HangAfter(_)
            | Self::StallAfter(_, _) => false,
            Self::Status(_)
            | Self::Detail(_)
            | Self::RetryAfter(_)
            | Self::QuotaExhausted
            | Self::Hang
            | Self::Reset
            | Self::NotJson
            | Self::Empty
            | Self::WrongShape
            | Self::Reply(_)
            | Self::Bytes(_, _)
            | Self::Echo(_) => true,
        }
    }
}
