//! An answer that is wrapped in JSON, such as `{"answer": "Yes."}`, of which only the text is for the caller.

/// The text in such an answer, from its first character on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wrapped {
    /// An escape that is being read.
    escape: String,
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
    /// Reads the next character.
    pub(super) fn read(&mut self, c: char) -> Unwrapped {
        match c {
            '"' if self.escape.is_empty() => return Unwrapped::End,
            '\\' if self.escape.is_empty() => {}
            c if self.escape.is_empty() => return Unwrapped::Text(c.to_string()),
            _ => {}
        }
        self.escape.push(c);
        let quoted = format!("\"{}\"", self.escape);
        match serde_json::from_str(&quoted) {
            Ok(text) => {
                self.escape.clear();
                Unwrapped::Text(text)
            }
            Err(_) if self.escape.len() < LONGEST_ESCAPE => Unwrapped::Part,
            Err(_) => {
                self.escape.clear();
                Unwrapped::Part
            }
        }
    }
}

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
