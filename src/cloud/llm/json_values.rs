//! The JSON values in the data of events, where servers break the format: values that are glued together, one that is
//! split over several events, comments that are sent as data, and a character whose halves stand in two events.

use std::borrow::Cow;
use std::mem::take;

use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// Values being put together.
#[derive(Debug, Default)]
pub(super) struct JsonValues {
    /// The beginning of a value whose end has not come.
    unfinished: String,
    /// How many events it stood in.
    pieces: usize,
    /// The escape of the first half of a character, such as `\ud83d`, which ended a text.
    half: Option<String>,
}

impl JsonValues {
    /// Takes in the data of an event and returns the values that it completes, each as it stands, and `[DONE]`. What is no
    /// JSON is returned as it is.
    pub(super) fn push(&mut self, data: &str) -> Vec<String> {
        let mut text = take(&mut self.unfinished);
        // A line break has no meaning between values, and inside of one it is where a server has cut it.
        for line in data.lines() {
            let is_between = text.is_empty() || text.ends_with(['}', ']']);
            // OpenRouter's keep-alive comment, `: OPENROUTER PROCESSING`, reaches clients behind `data:` where a server
            // in between has passed it on as data.
            if !(is_between && line.starts_with(':')) {
                text.push_str(line);
            }
        }
        let mut values = Vec::new();
        let mut rest = text.as_str();
        while let Some(start) = start_of_value(rest) {
            rest = start;
            let len = match end_of_value(rest) {
                _ if values.len() >= MAX_ELEMENTS => rest.len(),
                Some(len) => len,
                None if rest.len() <= MAX_UNFINISHED && self.pieces < MAX_PIECES => {
                    rest.clone_into(&mut self.unfinished);
                    self.pieces += 1;
                    return values;
                }
                None => rest.len(),
            };
            let (frame, after) = rest.split_at(len);
            self.pieces = 0;
            values.extend(elements(&self.joined(frame)));
            rest = after;
        }
        values
    }

    /// What is left of a value whose end has not come.
    pub(super) fn rest(&mut self) -> Option<String> {
        Some(take(&mut self.unfinished)).filter(|rest| !rest.is_empty())
    }

    /// Puts the second half of a character behind the first, which is held back until then. Readers of JSON take neither
    /// half alone.
    fn joined<'a>(&mut self, frame: &'a str) -> Cow<'a, str> {
        if !frame.contains("\\ud") && !frame.contains("\\uD") {
            return frame.into();
        }
        let (mut joined, mut rest) = (String::with_capacity(frame.len()), frame);
        while let Some(at) = rest.find('\\') {
            joined.push_str(&rest[..at]);
            rest = &rest[at..];
            let len = escape_len(rest);
            let (escape, after) = rest.split_at(len);
            match half_of(escape) {
                None => joined.push_str(escape),
                Some(Half::First) => self.half = Some(escape.to_owned()),
                Some(Half::Second) => {
                    let first = self.half.take();
                    joined.extend(first.map(|first| first + escape));
                }
            }
            rest = after;
        }
        joined.push_str(rest);
        joined.into()
    }
}

/// Half of a character that needs two escapes: <https://www.rfc-editor.org/rfc/rfc8259#section-7>.
enum Half {
    First,
    Second,
}

fn half_of(escape: &str) -> Option<Half> {
    match u16::from_str_radix(escape.strip_prefix("\\u")?, 16) {
        Ok(0xD800..=0xDBFF) => Some(Half::First),
        Ok(0xDC00..=0xDFFF) => Some(Half::Second),
        _ => None,
    }
}

/// The length of the escape at the beginning of `text`.
fn escape_len(text: &str) -> usize {
    // `\u` and four hexadecimal digits, or a backslash and one character: RFC 8259, section 7.
    let len = if text.starts_with("\\u") { 6 } else { 2 };
    let is_whole = text.get(..len).is_some_and(str::is_ascii);
    if is_whole { len } else { 1 }
}

/// The text from the next value on, if there is one.
fn start_of_value(text: &str) -> Option<&str> {
    let text = text.trim_start();
    // Values that a server has glued into one line have the field's name between them.
    let text = text.strip_prefix("data:").map_or(text, str::trim_start);
    Some(text).filter(|text| !text.is_empty())
}

/// The length of the value at the beginning of `text`, all of it if it is no JSON; `None` if the value has not ended.
fn end_of_value(text: &str) -> Option<usize> {
    if text.starts_with(DONE) {
        return Some(DONE.len());
    }
    let mut values = Deserializer::from_str(text).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => Some(values.byte_offset()),
        Some(Err(error)) if error.is_eof() => None,
        _ => Some(text.len()),
    }
}

/// The elements of an array of objects, in which Gemini sends what it does not send as events; anything else is its own
/// only one.
fn elements(frame: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = frame.strip_prefix('[').unwrap_or_default().trim_start();
    while rest.starts_with('{') && all.len() < MAX_ELEMENTS {
        let Some(len) = end_of_value(rest) else { break };
        let (element, after) = rest.split_at(len);
        all.push(element.to_owned());
        rest = after.trim_start_matches([',', ' ', '\t', '\r', '\n']);
    }
    if rest != "]" || all.is_empty() {
        return vec![frame.to_owned()];
    }
    all
}

/// What stands in the last event of a stream of OpenAI's.
pub(super) const DONE: &str = "[DONE]";

/// The size of an event, with room to spare.
const MAX_UNFINISHED: usize = 64 * 1024;

/// How many events a value may be split over: with each more it is read once more.
const MAX_PIECES: usize = 100;

/// More objects than an answer has.
const MAX_ELEMENTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_however_they_stand_in_events() {
        let table: [(&[&str], &[&str]); 17] = [
            (&["{\"a\":1}", "[DONE]"], &["{\"a\":1}", "[DONE]"]),
            (&["{\"a\":1}{\"b\":2}"], &["{\"a\":1}", "{\"b\":2}"]),
            (&["{\"a\":1}data: {\"b\":2}"], &["{\"a\":1}", "{\"b\":2}"]),
            (
                &["{\"a\":1}\n{\"b\":2}\n[DONE]"],
                &["{\"a\":1}", "{\"b\":2}", "[DONE]"],
            ),
            (&["{\"a\":", "1}"], &["{\"a\":1}"]),
            (
                &["{\"a\":\"x", "y\"}{\"b\"", ":2}"],
                &["{\"a\":\"xy\"}", "{\"b\":2}"],
            ),
            (&["{\"a\":\"x\ny\"}"], &["{\"a\":\"xy\"}"]),
            (&[": WAIT"], &[]),
            (&[": WAIT\n{\"a\":1}\n: WAIT"], &["{\"a\":1}"]),
            (&["{\"a\"", ":1}"], &["{\"a\":1}"]),
            (&["[{\"a\":1},{\"b\":2}]"], &["{\"a\":1}", "{\"b\":2}"]),
            (
                &["[ {\"a\":1} ,\n{\"b\":[2]}\n]"],
                &["{\"a\":1}", "{\"b\":[2]}"],
            ),
            (&["[]"], &["[]"]),
            (&["[0,{\"a\":1}]"], &["[0,{\"a\":1}]"]),
            (&["words"], &["words"]),
            (&["{\"a\":1} words"], &["{\"a\":1}", "words"]),
            (&[""], &[]),
        ];
        for (events, expected) in table {
            let mut values = JsonValues::default();
            let found: Vec<_> = events.iter().flat_map(|data| values.push(data)).collect();
            assert_eq!(found, expected, "{events:?}");
            assert_eq!(values.rest(), None, "{events:?}");
        }
        let mut values = JsonValues::default();
        assert_eq!(values.push("{\"a\":"), [""; 0]);
        assert_eq!(values.rest().as_deref(), Some("{\"a\":"));
    }

    #[test]
    fn what_nobody_ends_is_given_up() {
        let mut values = JsonValues::default();
        let given_up = (1..=2 * MAX_PIECES).find(|_| !values.push("{\"a\":").is_empty());
        assert_eq!(given_up, Some(MAX_PIECES + 1));
        let cut = "}{\"a\":";
        assert!((0..2 * MAX_PIECES).all(|_| values.push(cut).len() <= 1));
        let glued = "{}".repeat(3 * MAX_ELEMENTS);
        let mut values = JsonValues::default();
        assert_eq!(values.push(&glued).len(), MAX_ELEMENTS + 1);
        let many = format!("[{}{{}}]", "{},".repeat(MAX_ELEMENTS));
        assert_eq!(values.push(&many).len(), 1);
        let as_many = format!("[{}{{}}]", "{},".repeat(MAX_ELEMENTS - 1));
        assert_eq!(values.push(&as_many).len(), MAX_ELEMENTS);
    }

    #[test]
    fn the_halves_of_a_character_are_joined_and_a_lone_one_is_left_out() {
        let table: [(&[&str], &[&str]); 7] = [
            (&[r#""\ud83d\ude00""#], &["😀"]),
            (&[r#""a\ud83d""#, r#""\ude00b""#], &["a", "😀b"]),
            (
                &[r#""a\uD83D""#, r#""x""#, r#""\uDE00""#],
                &["a", "x", "😀"],
            ),
            (&[r#""a\ude00b""#], &["ab"]),
            (&[r#""a\ud83d b""#], &["a b"]),
            (&[r#""\\ud83d \u00e9 \"""#], &["\\ud83d é \""]),
            (&[r#""\udé""#], &[r#""\udé""#]),
        ];
        for (events, expected) in table {
            let mut values = JsonValues::default();
            let found = events.iter().flat_map(|data| values.push(data));
            let texts = found.map(|frame| serde_json::from_str(&frame).unwrap_or(frame));
            assert_eq!(texts.collect::<Vec<_>>(), expected, "{events:?}");
        }
    }
}
