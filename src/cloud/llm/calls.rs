//! The calls of an answer, put together from the pieces in which servers send them.

use serde_json::{Map, Value};

use super::functions::Call;

/// A piece of a call, as an event has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Which call of the answer it is of, as the server counts them.
    pub(super) index: u64,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: Arguments,
}

/// The arguments of a call, or a piece of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arguments {
    /// The next of their text.
    Text(String),
    /// All of them: the piece is the whole call.
    Whole(Value),
}

impl Default for Arguments {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// The calls of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Piece>);

impl Calls {
    /// Takes in the next piece.
    pub(super) fn push(&mut self, piece: Piece) {
        let known = self.0.len();
        let call = (self.0.iter_mut()).rfind(|call| call.index == piece.index);
        match call.filter(|call| call.goes_on_with(&piece)) {
            Some(call) => call.add(piece),
            None if known < MAX_CALLS => self.0.push(piece),
            None => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The calls, once the answer has ended. What has no name is none.
    pub(super) fn whole(&self) -> Vec<Call> {
        let named = self.0.iter().filter(|call| !call.name.is_empty());
        let whole = named.map(|call| Call {
            id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.read(),
        });
        whole.collect()
    }
}

impl Piece {
    /// Whether `next`, of the same index, is of this call. Ollama counts all calls as 0, and gives each an id of its own;
    /// others name a call in its first piece alone, or in all of them.
    fn goes_on_with(&self, next: &Self) -> bool {
        let (Arguments::Text(text), Arguments::Text(_)) = (&self.arguments, &next.arguments) else {
            return false;
        };
        let is_other = |own: &str, next: &str| !own.is_empty() && !next.is_empty() && own != next;
        let is_named_again = next.id.is_empty() && !self.name.is_empty() && !next.name.is_empty();
        let is_another = is_other(&self.id, &next.id)
            || is_other(&self.name, &next.name)
            || is_named_again && serde_json::from_str::<Value>(text).is_ok();
        !is_another
    }

    fn add(&mut self, next: Self) {
        if self.id.is_empty() {
            self.id = next.id;
        }
        if self.name.is_empty() {
            self.name = next.name;
        }
        if let (Arguments::Text(text), Arguments::Text(more)) =
            (&mut self.arguments, next.arguments)
        {
            text.push_str(&more);
        }
    }
}

impl Arguments {
    /// The arguments as an object, none where there are none, or what the model wrote in its place.
    fn read(&self) -> Result<Value, String> {
        let value = match self {
            Self::Whole(value) => value.clone(),
            Self::Text(text) if text.trim().is_empty() => Value::Null,
            Self::Text(text) => serde_json::from_str(text).map_err(|_| text.clone())?,
        };
        match value {
            Value::Null => Ok(Map::new().into()),
            Value::Object(_) => Ok(value),
            // Some servers write JSON into a string once more.
            Value::String(text) => serde_json::from_str(&text)
                .ok()
                .filter(Value::is_object)
                .ok_or(text),
            other => Err(other.to_string()),
        }
    }
}

/// More than an answer may make; a stream without end fills no memory.
const MAX_CALLS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(index: u64, id: &str, name: &str, arguments: &str) -> Piece {
        Piece {
            index,
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: Arguments::Text(arguments.to_owned()),
        }
    }

    fn whole(name: &str, arguments: Value) -> Piece {
        Piece {
            name: name.to_owned(),
            arguments: Arguments::Whole(arguments),
            ..Piece::default()
        }
    }

    /// Each call as its id, its name and its arguments.
    fn read(pieces: Vec<Piece>) -> Vec<String> {
        let mut calls = Calls::default();
        for piece in pieces {
            calls.push(piece);
        }
        let calls = calls.whole().into_iter();
        let told = calls.map(|call| match call.arguments {
            Ok(value) => format!("{} {} {value}", call.id, call.name),
            Err(text) => format!("{} {} no JSON: {text}", call.id, call.name),
        });
        told.collect()
    }

    #[test]
    fn calls_are_put_together_however_they_are_sent() {
        let table = [
            (
                "OpenAI's, in pieces that alternate",
                vec![
                    text(0, "a", "weather", ""),
                    text(0, "", "", "{\"x\""),
                    text(1, "b", "news", "{"),
                    text(0, "", "", ":1}"),
                    text(1, "", "", "}"),
                ],
                vec![r#"a weather {"x":1}"#, "b news {}"],
            ),
            (
                "each named in all of its pieces",
                vec![
                    text(0, "a", "weather", "{\"x\""),
                    text(0, "a", "weather", ":1}"),
                ],
                vec![r#"a weather {"x":1}"#],
            ),
            (
                "Ollama's, all of which have the index 0",
                vec![
                    text(0, "a", "weather", "{\"x\":1}"),
                    text(0, "b", "weather", "{\"x\":2}"),
                ],
                vec![r#"a weather {"x":1}"#, r#"b weather {"x":2}"#],
            ),
            (
                "the same without ids",
                vec![
                    text(0, "", "weather", "{\"x\":1}"),
                    text(0, "", "weather", "{\"x\":2}"),
                    text(0, "", "news", ""),
                ],
                vec![r#" weather {"x":1}"#, r#" weather {"x":2}"#, " news {}"],
            ),
            (
                "whole, as Gemini's and in Ollama's own lines",
                vec![
                    whole("weather", json!({"x": 1})),
                    whole("weather", json!(null)),
                ],
                vec![r#" weather {"x":1}"#, " weather {}"],
            ),
            ("without a name", vec![text(0, "a", "", "{}")], vec![]),
            (
                "with arguments that are none",
                vec![
                    text(0, "a", "one", "{\"x\":"),
                    text(1, "b", "two", "[1]"),
                    text(2, "c", "three", r#""{\"x\":1}""#),
                    text(3, "d", "four", " "),
                ],
                vec![
                    "a one no JSON: {\"x\":",
                    "b two no JSON: [1]",
                    r#"c three {"x":1}"#,
                    "d four {}",
                ],
            ),
        ];
        for (name, pieces, expected) in table {
            assert_eq!(read(pieces), expected, "{name}");
        }
        let endless = (0..1000).map(|index| text(index, "", "x", ""));
        assert_eq!(read(endless.collect()).len(), MAX_CALLS);
    }
}
