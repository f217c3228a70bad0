//! Server-sent events, as far as the services use them: `data`, and the name `error`.
//!
//! Specification: <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.

use serde_json::json;

use crate::sys::plain::BYTE_ORDER_MARK;

/// A stream of events being put together from pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The part that has come of a line that has not ended.
    line: Vec<u8>,
    /// Whether any line has ended, and whether the last one did so by CR, which LF may follow.
    has_lines: bool,
    ends_with_cr: bool,
    data: String,
    /// Whether the event is called `error`.
    is_error: bool,
    stray: String,
}

impl Events {
    /// Takes in the next bytes and returns the data of every event that they complete. What is not UTF-8 becomes
    /// U+FFFD.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        for part in bytes.split_inclusive(|byte| is_line_end(*byte)) {
            let end = part.last().copied().filter(|byte| is_line_end(*byte));
            // CR and LF of one line end may come in two pieces. Taken for a line of its own, the LF would end the event
            // early.
            let is_rest_of_crlf = self.ends_with_cr && part == b"\n";
            self.ends_with_cr = end == Some(b'\r');
            if is_rest_of_crlf {
                continue;
            }
            self.line
                .extend_from_slice(&part[..part.len() - usize::from(end.is_some())]);
            if end.is_some() {
                complete.extend(self.end_line());
            }
        }
        complete
    }

    /// Returns the data of an event that only the stream's end has ended.
    pub(crate) fn rest(&mut self) -> Option<String> {
        // The specification drops an event that no empty line ends. It is kept, since it may hold the last words of an
        // answer, or why there are no more.
        let unfinished = self.end_line();
        unfinished.or_else(|| self.take_line(""))
    }

    /// The text between the events that is no part of any: an error that breaks the format, or another format.
    pub(crate) fn stray(&self) -> &str {
        &self.stray
    }

    /// Drops that text, once it has been read.
    pub(crate) fn clear_stray(&mut self) {
        self.stray.clear();
    }

    fn end_line(&mut self) -> Option<String> {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let is_first = !std::mem::replace(&mut self.has_lines, true);
        // "The BOM … must be stripped" where it stands before the first line.
        self.take_line(if is_first {
            line.trim_start_matches(BYTE_ORDER_MARK)
        } else {
            &line
        })
    }

    fn take_line(&mut self, line: &str) -> Option<String> {
        if let Some(data) = line.strip_prefix("data:") {
            // The lines of an event are joined by line breaks: section 9.2.6 of the HTML Standard.
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            // One space after the colon belongs to the format, every other one to the data.
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        } else if line.is_empty() {
            let is_error = std::mem::take(&mut self.is_error);
            let data = std::mem::take(&mut self.data);
            // An error may be told in plain words, which would else be taken for a broken format.
            let is_plain = is_error && !data.starts_with(['{', '[']);
            let data = if is_plain && !data.is_empty() {
                json!({"error": data}).to_string()
            } else {
                data
            };
            return Some(data).filter(|data| !data.is_empty());
        } else if let Some(name) = line.strip_prefix("event:") {
            self.is_error = name.trim() == "error";
        } else if !is_other_field(line) {
            self.stray.push_str(line);
            self.stray.push('\n');
        }
        None
    }
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// A comment, or a field that says nothing of the data.
fn is_other_field(line: &str) -> bool {
    [":", "id:", "retry:"]
        .iter()
        .any(|field| line.starts_with(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a stream that arrives whole, and of one that arrives byte by byte.
    fn read(stream: &str) -> (Vec<String>, String) {
        let mut whole = Events::default();
        let mut events = whole.push(stream.as_bytes());
        events.extend(whole.rest());
        let mut slow = Events::default();
        let mut late: Vec<String> = stream.bytes().flat_map(|byte| slow.push(&[byte])).collect();
        late.extend(slow.rest());
        assert_eq!(events, late, "{stream:?}");
        assert_eq!(whole.stray(), slow.stray());
        (events, whole.stray().to_owned())
    }

    #[test]
    fn events_are_found_whatever_ends_their_lines() {
        let table: [(&str, &[&str]); 16] = [
            ("data: a\n\ndata: b\n\n", &["a", "b"]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
            ("data: a\r\rdata: b\r\r", &["a", "b"]),
            ("data: a\r\n\rdata: b\r\n\n", &["a", "b"]),
            ("\u{feff}data: a\n\n", &["a"]),
            ("data: \u{feff}a\n\n", &["\u{feff}a"]),
            ("data:a\n\n", &["a"]),
            ("data:  a\n\n", &[" a"]),
            ("data: a\ndata: b\n\n", &["a\nb"]),
            (": comment\nevent: x\nid: 7\nretry: 9\ndata: a\n\n", &["a"]),
            ("\n\n\ndata: ü\n\n\n", &["ü"]),
            (
                "event: error\ndata: overloaded\n\ndata: a\n\n",
                &["{\"error\":\"overloaded\"}", "a"],
            ),
            (
                "event: error\ndata: {\"message\":1}\n\n",
                &["{\"message\":1}"],
            ),
            ("event: error\n\ndata: a\n\n", &["a"]),
            ("data: unfinished", &["unfinished"]),
            ("", &[]),
        ];
        for (stream, expected) in table {
            assert_eq!(
                read(stream),
                (
                    expected.iter().map(ToString::to_string).collect(),
                    String::new()
                )
            );
        }
    }

    #[test]
    fn what_is_no_event_is_kept_apart() {
        let (events, stray) = read("data: a\n\n{\n  \"error\": {\"code\": 503}\n}\n");
        assert_eq!(events, ["a"]);
        assert_eq!(stray, "{\n  \"error\": {\"code\": 503}\n}\n");
    }
}
