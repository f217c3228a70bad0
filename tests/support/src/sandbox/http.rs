//! Just enough HTTP/1.1 for a server that must be able to misbehave: requests in, responses out.
//!
//! Bodies come by `Content-Length` or chunked, and leave either way. What a request means is left to the
//! services, and when the socket dies to `server`. Spec: RFC 9112.

use std::io::{self, ErrorKind, Read, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// A request as it came, body and all.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// What follows the `?`, undecoded.
    pub(super) query: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Whether it came without TLS.
    pub(super) is_plain: bool,
}

impl Request {
    /// The value of the first header of that name, whatever its case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

/// A response that a service gives, or that a test puts in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers beside `Date` and those that frame the body.
    pub headers: Vec<(String, String)>,
    /// What follows the status in its line; without it the usual words.
    pub reason: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// Sent in chunks of odd sizes, as audio is, instead of with a `Content-Length`.
    pub chunked: bool,
}

impl Response {
    /// A body of a given `Content-Type`.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self {
            status,
            headers,
            reason: None,
            body: body.into(),
            chunked: false,
        }
    }

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        let text = format!("{body:#}\n");
        Self::new(status, "application/json; charset=UTF-8", text)
    }

    /// The same with one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with other words behind the status.
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// The same, but sent in chunks.
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }
}

/// The value of the first header of that name, whatever its case.
pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// Reads requests one after the other from a stream that is kept alive.
pub(super) struct Requests {
    unread: Vec<u8>,
}

impl Requests {
    pub(super) fn new() -> Self {
        Self { unread: Vec::new() }
    }

    /// The next request; `None` when the client closed the connection between two.
    ///
    /// # Errors
    /// When the connection broke inside a request, or what came is not HTTP.
    pub(super) fn next(&mut self, stream: &mut (impl Read + Write)) -> io::Result<Option<Request>> {
        let (mut request, head_len) = loop {
            if let Some(parsed) = parse_head(&self.unread)? {
                break parsed;
            }
            if !self.fill(stream)? {
                return Ok(None);
            }
        };
        self.unread.drain(..head_len);
        if request
            .header("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            stream.flush()?;
        }
        request.body = self.body(stream, &request)?;
        Ok(Some(request))
    }

    fn body(&mut self, stream: &mut impl Read, request: &Request) -> io::Result<Vec<u8>> {
        if request.header("transfer-encoding").is_some() {
            return self.chunks(stream);
        }
        match request.header("content-length") {
            Some(len) => self.take(
                stream,
                len.parse()
                    .map_err(|_| bad("a Content-Length that is no number"))?,
            ),
            None => Ok(Vec::new()),
        }
    }

    fn chunks(&mut self, stream: &mut impl Read) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let (line_len, chunk_len) = loop {
                match httparse::parse_chunk_size(&self.unread) {
                    Ok(httparse::Status::Complete(found)) => break found,
                    Ok(httparse::Status::Partial) if self.fill(stream)? => {}
                    _ => return Err(bad("a broken chunk")),
                }
            };
            self.take(stream, line_len)?;
            let chunk = self.take(
                stream,
                usize::try_from(chunk_len).map_err(|_| bad("a huge chunk"))?,
            )?;
            self.take(stream, 2)?;
            if chunk.is_empty() {
                return Ok(body);
            }
            body.extend(chunk);
        }
    }

    fn take(&mut self, stream: &mut impl Read, len: usize) -> io::Result<Vec<u8>> {
        if len > LONGEST_BODY {
            return Err(bad("a body that is too long"));
        }
        while self.unread.len() < len {
            if !self.fill(stream)? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.unread.split_off(len);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    /// Reads what there is; false at the end of the stream.
    fn fill(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let len = stream.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..len]);
        Ok(len > 0)
    }
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(len) =
        head.parse(bytes).map_err(|error| bad(&error.to_string()))?
    else {
        return Ok(None);
    };
    let (path, query) = head
        .path
        .unwrap_or_default()
        .split_once('?')
        .unwrap_or((head.path.unwrap_or_default(), ""));
    let headers = head
        .headers
        .iter()
        .map(|header| {
            (
                header.name.to_owned(),
                String::from_utf8_lossy(header.value).into_owned(),
            )
        })
        .collect();
    let request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: Vec::new(),
        is_plain: false,
    };
    Ok(Some((request, len)))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// The status line and the headers, up to and with the empty line.
pub(super) fn head(response: &Response, framing: Framing, now: SystemTime) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {} {}\r\nDate: {}\r\n",
        response.status,
        response
            .reason
            .as_deref()
            .unwrap_or(reason(response.status)),
        date(now)
    );
    let framing = match framing {
        Framing::Length(len) => ("Content-Length".to_owned(), len.to_string()),
        Framing::Chunked => ("Transfer-Encoding".to_owned(), "chunked".to_owned()),
    };
    for (name, value) in response.headers.iter().chain([&framing]) {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head += "\r\n";
    head.into_bytes()
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
}

/// One chunk of a chunked body; the empty one ends it.
pub(super) fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}

/// An HTTP date, as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
fn date(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let days = seconds / 86_400;
    let (year, month, day) = civil(days);
    let weekday = WEEKDAYS[usize::try_from((days + 4) % 7).unwrap()];
    let month = MONTHS[usize::try_from(month - 1).unwrap()];
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Year, month and day of a number of days since 1970, counting years from March so that a leap day comes last.
fn civil(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + DAYS_FROM_YEAR_0_TO_1970;
    let era = days / DAYS_PER_400_YEARS;
    let day_of_era = days % DAYS_PER_400_YEARS;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

const LONGEST_BODY: usize = 32 * 1024 * 1024;
const DAYS_PER_400_YEARS: u64 = 146_097;
/// From 0000-03-01, where the count by March-years begins.
const DAYS_FROM_YEAR_0_TO_1970: u64 = 719_468;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_chunked_request_and_the_next_one_are_read_apart() {
        let mut stream = io::Cursor::new(
            b"POST /a?b=c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /next HTTP/1.1\r\n\r\n"
                .to_vec(),
        );
        let mut requests = Requests::new();
        let first = requests.next(&mut stream).unwrap().unwrap();
        assert_eq!(
            (
                first.path.as_str(),
                first.query.as_str(),
                first.body.as_slice()
            ),
            ("/a", "b=c", &b"abcde"[..])
        );
        assert_eq!(requests.next(&mut stream).unwrap().unwrap().path, "/next");
        assert!(requests.next(&mut stream).unwrap().is_none());
    }
}
