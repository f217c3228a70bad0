//! One request and its answer, on the thread that may be given up.

use std::io::Read;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ureq::Agent;
use ureq::http::response::Parts;
use ureq::http::{HeaderMap, HeaderValue};

use super::network::network_error;
use super::request::{Auth, Request};
use crate::cloud::{Error, Refusal, Service};
use crate::sys::unpacked::Unpacked;

/// A part of the answer to a request, in the order in which they come.
#[derive(Debug)]
pub(super) enum Part {
    /// The status is 2xx.
    Head(Head),
    /// The next bytes of the body, as they arrive.
    Block(Vec<u8>),
    /// The end of a whole body.
    End,
    /// The error after which no more comes.
    Failed(Error),
}

/// What the headers of an answer tell of its body.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// The `Content-Type`; empty where there is none.
    pub(super) content_type: String,
    /// The sample rate of a sound, where a header of its own tells it.
    pub(super) rate_hz: Option<u32>,
}

impl Head {
    fn of(headers: &HeaderMap) -> Self {
        let text = |value: &HeaderValue| value.to_str().map(str::to_owned).ok();
        let mut rates = headers.iter().filter(|(name, _)| {
            let name = name.as_str();
            RATE_HEADERS.contains(&name.strip_prefix("x-").unwrap_or(name))
        });
        let number = |text: String| text.trim().parse().ok();
        Self {
            content_type: headers
                .get("content-type")
                .and_then(text)
                .unwrap_or_default(),
            rate_hz: rates.find_map(|(_, value)| text(value).and_then(number)),
        }
    }
}

/// Sends `request` and hands over the parts of its answer as they come, until the receiver is gone. `first` is the limit
/// for the answer's first byte, and `idle` that for every further read; without it `first` is the limit for the last byte.
pub(super) fn exchange(
    agent: &Agent,
    request: &Request,
    first: Duration,
    idle: Option<Duration>,
    hand_over: &dyn Fn(Part) -> bool,
) {
    match receive(agent, request, first, idle, hand_over) {
        Ok(()) => hand_over(Part::End),
        Err(error) => hand_over(Part::Failed(error)),
    };
}

/// Sends a HEAD request to the host of `url`. Returns how many seconds our clock is ahead of its, if it tells.
pub(super) fn look(
    agent: &Agent,
    service: Service,
    url: &str,
    limit: Duration,
) -> Result<Option<i64>, Error> {
    let config = agent.head(url).config();
    let answer = config.timeout_global(Some(limit)).build().call();
    let answer = answer.map_err(|error| network_error(agent, service, url, limit, error))?;
    let date = answer
        .headers()
        .get("date")
        .and_then(|date| date.to_str().ok());
    Ok(date.and_then(|date| clock_ahead(date, SystemTime::now())))
}

fn receive(
    agent: &Agent,
    request: &Request,
    first: Duration,
    idle: Option<Duration>,
    hand_over: &dyn Fn(Part) -> bool,
) -> Result<(), Error> {
    let failed = |error| network_error(agent, request.service, &request.url, first, error);
    let (parts, body) = send(agent, request, first, idle)
        .map_err(failed)?
        .into_parts();
    let body = unpacked(request, &parts, body.into_reader());
    if !parts.status.is_success() {
        let refusal = refusal(request, &parts, body);
        return Err(Error::Refused(Box::new(refusal)));
    }
    hand_over(Part::Head(Head::of(&parts.headers)));
    pass_on(body, request, failed, hand_over)
}

/// The `body` of an answer. Compressed it is no longer than the largest answer either: its blocks may hold nothing.
fn unpacked(request: &Request, parts: &Parts, body: impl Read) -> impl Read {
    let coding = parts.headers.get("content-encoding");
    let coding = coding.and_then(|value| value.to_str().ok());
    Unpacked::of(coding.unwrap_or_default(), body.take(request.max_bytes + 1))
}

/// Hands over a body as it arrives, up to the size of the largest answer.
fn pass_on(
    mut body: impl Read,
    request: &Request,
    failed: impl Fn(ureq::Error) -> Error,
    hand_over: &dyn Fn(Part) -> bool,
) -> Result<(), Error> {
    let mut block = vec![0; BLOCK_BYTES];
    let mut left = request.max_bytes;
    loop {
        // Through `Read` ureq's errors come inside an `io::Error`, a time-out too, whose kind is then `Other`: turned
        // back, it counts as a time-out again.
        let len = body
            .read(&mut block)
            .map_err(|error| failed(ureq::Error::from(error)))?;
        let (service, max_bytes) = (request.service.name, request.max_bytes);
        let passed = u64::try_from(len).unwrap_or(u64::MAX);
        left = left
            .checked_sub(passed)
            .ok_or(Error::TooLong { service, max_bytes })?;
        // Without a receiver the rest is not read. The connection closes then, since ureq keeps one only if its body
        // was read to the end.
        if len == 0 || !hand_over(Part::Block(block[..len].to_vec())) {
            return Ok(());
        }
    }
}

/// Reads the service's refusal.
fn refusal(request: &Request, parts: &Parts, body: impl Read) -> Refusal {
    let header = |name: &str| parts.headers.get(name)?.to_str().ok();
    let mut bytes = Vec::new();
    // A server that the administrator alone knows may repeat what it was sent in any spelling, so its status is enough.
    if !matches!(request.auth, Auth::Headers(_)) {
        // A body that breaks off tells less, and the status is known.
        body.take(MAX_REFUSAL).read_to_end(&mut bytes).ok();
    }
    let status = parts.status.as_u16();
    let mut refusal = Refusal::read(request.service, status, &bytes, &request.hidden());
    refusal.retry_after = header("retry-after")
        .map(retry_after)
        .or(refusal.retry_after);
    refusal.clock_ahead = header("date").and_then(|date| clock_ahead(date, SystemTime::now()));
    refusal
}

fn send(
    agent: &Agent,
    request: &Request,
    first: Duration,
    idle: Option<Duration>,
) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
    let Some(body) = &request.body else {
        let mut get = agent.get(&request.url);
        for (name, value) in request.auth.headers() {
            get = get.header(name, value);
        }
        let config = get.config().timeout_global(Some(first));
        return config.build().call();
    };
    let mut post = agent.post(&request.url).content_type(request.content_type);
    for (name, value) in request.auth.headers() {
        post = post.header(name, value);
    }
    let config = post.config();
    let config = match idle {
        None => config.timeout_global(Some(first)),
        // A limit for each read holds for the first as well, which may take longer. The receiver of the parts knows
        // which is which; this only ends a thread that has been given up.
        Some(idle) => config
            .timeout_recv_response(Some(first))
            .timeout_per_read(Some(idle.max(first))),
    };
    config.build().send(&body[..])
}

/// Reads `Retry-After` in seconds, as all of our services send it. The date that HTTP also allows counts as far away.
fn retry_after(value: &str) -> Duration {
    let seconds = value
        .trim()
        .parse()
        .ok()
        .and_then(|s| Duration::try_from_secs_f64(s).ok());
    seconds.unwrap_or(Duration::MAX)
}

/// The number of seconds that `now` is ahead of a `Date` header.
fn clock_ahead(date: &str, now: SystemTime) -> Option<i64> {
    let seconds = |time: SystemTime| {
        time.duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|d| i64::try_from(d.as_secs()).ok())
    };
    Some(seconds(now)? - seconds(httpdate::parse_http_date(date).ok()?)?)
}

/// The size of a page: no error of these services is longer.
const MAX_REFUSAL: u64 = 256 * 1024;

/// What servers call the header that tells the sample rate, often with `X-` before it.
const RATE_HEADERS: [&str; 6] = [
    "sample-rate",
    "sample-rate-hz",
    "samplerate",
    "audio-sample-rate",
    "audio-rate",
    "pcm-sample-rate",
];

/// A third of a second of the usual voice.
const BLOCK_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use ureq::http::Response;

    fn request() -> Request {
        Request {
            service: Service {
                name: "a service",
                settings: "[x]",
                key: "key",
            },
            url: "https://example.com".into(),
            auth: Auth::None,
            content_type: "",
            body: None,
            words: String::new(),
            max_bytes: 1 << 20,
        }
    }

    fn parts(status: u16) -> Parts {
        let answer = Response::builder().status(status);
        let answer = answer.header("content-encoding", "gzip").body(());
        answer.expect("an answer").into_parts().0
    }

    #[test]
    fn a_refusal_keeps_its_status_whatever_its_body_is() {
        let plain = br#"{"error":{"message":"no such key"}}"#;
        let bodies: [&[u8]; 4] = [b"", plain, b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff", b"\x1f\x8b"];
        for body in bodies {
            for status in [401, 429] {
                let (request, parts) = (request(), parts(status));
                let refusal = refusal(&request, &parts, unpacked(&request, &parts, body));
                assert_eq!(refusal.status, status);
            }
        }
    }

    /// Blocks of deflate without end, that hold nothing.
    struct Empty;

    impl Read for Empty {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            (&[0, 0, 0, 0xff, 0xff][..]).read(into)
        }
    }

    #[test]
    fn a_compressed_body_without_end_that_holds_nothing_is_given_up() {
        let header: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        let (request, parts) = (request(), parts(200));
        let mut body = unpacked(&request, &parts, header.chain(Empty));
        let error = body.read(&mut [0; 9]).expect_err("nothing");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
