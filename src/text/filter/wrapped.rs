//! An answer that is wrapped in JSON, such as `{"answer": "Yes."}`, of which only the text is for the caller.

use super::call::Call;
use super::label;

/// Such an answer, from its first bracket on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wrapped {
    place: Place,
    key: String,
    /// A key of a call has been read, whose value is no call: others may be its arguments.
    has_call: bool,
    /// The number of brackets that are open.
    depth: usize,
    /// The depth in a list of parts, which may be several, and whether one has been read.
    list_depth: usize,
    has_part: bool,
    /// All of it stands in a fence of code.
    is_fenced: bool,
}

/// What the next character belongs to.
#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    /// What is neither a key nor a value that is read.
    #[default]
    Between,
    Key,
    /// What stands between a key and its value.
    BehindKey,
    /// A string that is not the answer, in which a backslash may have been read last.
    OtherString(bool),
    /// Brackets that are not the answer.
    Other(Call),
    /// The answer, in which this beginning of an escape has been read.
    Text(String),
    /// The same as a number.
    Number,
}

/// What a character stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unwrapped {
    /// This text.
    Text(String),
    /// A part of an escape, or of what is not the answer.
    Part,
    /// The end of what is for the caller.
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
        let rest = Call::rest_of_object(self.depth);
        if self.is_fenced {
            rest.in_fence()
        } else {
            rest
        }
    }

    /// Reads the next character.
    pub(super) fn read(&mut self, c: char) -> Unwrapped {
        match &mut self.place {
            Place::Between => return self.read_between(c),
            Place::Key if c == '"' => {
                self.has_call |= label::names_call(&self.key);
                self.place = Place::BehindKey;
            }
            Place::Key if self.key.len() < LONGEST_KEY => self.key.push(c),
            Place::Key => {}
            Place::BehindKey => return self.read_behind_key(c),
            Place::OtherString(is_escaped) => match c {
                '"' if !*is_escaped => self.place = Place::Between,
                c => *is_escaped = c == '\\' && !*is_escaped,
            },
            Place::Other(value) => {
                if !value.takes(c) {
                    self.place = Place::Between;
                    return self.read_between(c);
                }
            }
            Place::Text(escape) => match read_text(escape, c) {
                Unwrapped::End if self.list_depth > 0 => {
                    self.has_part = true;
                    if self.depth == self.list_depth {
                        self.place = Place::Between;
                    } else {
                        self.place = Place::Other(Call::rest_of_object(1));
                        self.depth -= 1;
                    }
                }
                read => return read,
            },
            Place::Number if is_of_number(c) => return Unwrapped::Text(c.to_string()),
            Place::Number => {
                self.place = Place::Between;
                self.read_between(c);
                return Unwrapped::End;
            }
        }
        Unwrapped::Part
    }

    fn read_between(&mut self, c: char) -> Unwrapped {
        match c {
            '{' | '[' => {
                self.depth += 1;
                if c == '[' && self.list_depth == 0 {
                    self.list_depth = self.depth;
                }
            }
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 || self.has_part && self.depth < self.list_depth {
                    return Unwrapped::End;
                }
            }
            '"' if self.depth == self.list_depth => return self.begin_text(),
            '"' => {
                self.key.clear();
                self.place = Place::Key;
            }
            _ => {}
        }
        Unwrapped::Part
    }

    fn read_behind_key(&mut self, c: char) -> Unwrapped {
        let key = self.key.as_str();
        let is_answer = label::names_answer(key) && !(self.has_call && names_argument(key));
        match c {
            ':' => {}
            c if c.is_whitespace() => {}
            '"' if is_answer => return self.begin_text(),
            '{' if label::names_call(key) => {
                self.depth += 1;
                return Unwrapped::End;
            }
            c if is_answer && self.list_depth == 0 && is_of_number(c) => {
                self.place = Place::Number;
                return Unwrapped::Text(c.to_string());
            }
            '"' => self.place = Place::OtherString(false),
            '{' | '[' if !is_answer => {
                let mut value = Call::default();
                value.takes(c);
                self.place = Place::Other(value);
            }
            c => {
                self.place = Place::Between;
                return self.read_between(c);
            }
        }
        Unwrapped::Part
    }

    fn begin_text(&mut self) -> Unwrapped {
        self.place = Place::Text(String::new());
        if self.has_part {
            Unwrapped::Text("\n".to_owned())
        } else {
            Unwrapped::Part
        }
    }
}

/// Whether what has this key is an argument where it stands beside the name of a call.
fn names_argument(key: &str) -> bool {
    matches!(key, "text" | "message" | "speech" | "spoken" | "output")
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '-' | '.')
}

/// Reads the next character of the answer, of which `escape` has been read already.
fn read_text(escape: &mut String, c: char) -> Unwrapped {
    if escape.is_empty() {
        match c {
            '"' => return Unwrapped::End,
            '\\' => {}
            c => return Unwrapped::Text(c.to_string()),
        }
    }
    escape.push(c);
    if let Ok(text) = serde_json::from_str(&format!("\"{escape}\"")) {
        escape.clear();
        return Unwrapped::Text(text);
    }
    if may_go_on(escape) {
        return Unwrapped::Part;
    }
    // No escape of JSON, such as `\'`, which models write all the same: the character stands for itself.
    escape.clear();
    read_text(escape, c)
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

/// What is read of a key, in bytes: longer than any that is known.
const LONGEST_KEY: usize = 40;

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
            for c in "{\"text\": \"".chars().chain(text.chars()) {
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
