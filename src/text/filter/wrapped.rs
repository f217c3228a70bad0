//! An answer that is wrapped in JSON, such as `{"answer": "Yes."}`, of which only the text is for the caller.

use super::call::Call;

/// The text in such an answer, from its first character on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wrapped {
    /// An escape that is being read.
    escape: String,
    /// All of it stands in a fence of code.
    is_fenced: bool,
}

/// What a character stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unwrapped {
    /// This text.
    Text(String),
    /// A part of an escape.
    Part,
    /// The end of the text.
    End,
}

impl Wrapped {
    pub(super) fn new(is_fenced: bool) -> Self {
        Self {
            is_fenced,
            ..Self::default()
        }
    }

    /// What follows the text, of which nothing is for the caller.
    pub(super) fn rest(&self) -> Call {
        let rest = Call::rest_of_object();
        if self.is_fenced {
            rest.in_fence()
        } else {
            rest
        }
    }

    /// Reads the next character.
    pub(super) fn read(&mut self, c: char) -> Unwrapped {
        if self.escape.is_empty() {
            match c {
                '"' => return Unwrapped::End,
                '\\' => {}
                c => return Unwrapped::Text(c.to_string()),
            }
        }
        self.escape.push(c);
        if let Ok(text) = serde_json::from_str(&format!("\"{}\"", self.escape)) {
            self.escape.clear();
            return Unwrapped::Text(text);
        }
        if may_go_on(&self.escape) {
            return Unwrapped::Part;
        }
        // No escape of JSON, such as `\'`, which models write all the same: the character stands for itself.
        self.escape.clear();
        self.read(c)
    }
}

/// Whether `escape` may still become one.
fn may_go_on(escape: &str) -> bool {
    let fits = |(c, form): (char, char)| match form {
        'X' => c.is_ascii_hexdigit(),
        form => c == form,
    };
    escape.len() < LONGEST_ESCAPE && escape.chars().zip(TWO_ESCAPES.chars()).all(fits)
}

/// The form of the two escapes of one character.
const TWO_ESCAPES: &str = "\\uXXXX\\uXXXX";

/// The length of the two escapes of one character: `\ud83d\ude00`.
const LONGEST_ESCAPE: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_what_they_stand_for() {
        let table = [
            ("Yes.\"}", "Yes."),
            (r#"a\n\"b\"\\""#, "a\n\"b\"\\"),
            (r#"caf\u00e9 \ud83d\ude00!""#, "café 😀!"),
            (r#"\"""#, "\""),
            (r#"It\'s.", "a": 1"#, "It's."),
            (r#"5\% more""#, "5% more"),
            (r#"a\ud83d""#, "a"),
            (r#"a\udé""#, "aé"),
        ];
        for (text, expected) in table {
            let mut wrapped = Wrapped::default();
            let mut read = String::new();
            for c in text.chars() {
                match wrapped.read(c) {
                    Unwrapped::Text(text) => read.push_str(&text),
                    Unwrapped::Part => {}
                    Unwrapped::End => break,
                }
            }
            assert_eq!(read, expected, "{text}");
        }
    }
}
