//! An argument of a tool, as the settings write it: `number: degrees north`, `optional text: a town`.

use serde_json::Value;

use crate::sys::plain::quoted;

/// What the model is to give with a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name by which templates use it.
    pub name: String,
    /// What it may be.
    pub kind: Type,
    /// Whether the model may leave it out.
    pub is_optional: bool,
    /// What the model is told of it.
    pub description: String,
}

/// What an argument may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Text of at most 500 characters, on one line.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    OneOf(Vec<String>),
}

impl Argument {
    /// Reads `type: description` or `optional type: description`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, String> {
        if !is_name(name) {
            return Err(format!(
                "has another name than up to {MAX_NAME} letters without accents, digits and _"
            ));
        }
        let form = "must be a type, a colon and a description, as in \"number: degrees north\"";
        let (kind, description) = text.split_once(':').ok_or(form)?;
        let (kind, description) = (kind.trim(), description.trim());
        if description.is_empty() {
            return Err(form.to_owned());
        }
        let optional = kind.strip_prefix("optional ");
        Ok(Self {
            name: name.to_owned(),
            kind: Type::read(optional.unwrap_or(kind).trim())?,
            is_optional: optional.is_some(),
            description: description.to_owned(),
        })
    }

    /// Whether `value` may be sent.
    ///
    /// # Errors
    /// What it must be instead, for the model.
    pub(super) fn check(&self, value: &Value) -> Result<(), String> {
        let name = &self.name;
        let fits = match (&self.kind, value) {
            (Type::Text, Value::String(text)) => {
                if text.chars().count() > MAX_TEXT {
                    return Err(format!("{name} has more than {MAX_TEXT} characters"));
                }
                if text.contains(char::is_control) {
                    return Err(format!(
                        "{name} has a line break or another control character in it"
                    ));
                }
                true
            }
            (Type::Number, Value::Number(_)) | (Type::Boolean, Value::Bool(_)) => true,
            (Type::Whole, value) => whole(value).is_some(),
            (Type::OneOf(words), Value::String(text)) => words.contains(text),
            _ => false,
        };
        if fits {
            Ok(())
        } else {
            Err(format!("{name} must be {}", self.kind.in_words()))
        }
    }

    /// The value as it is sent, which `check` has found right.
    pub(super) fn sent(&self, value: &Value) -> Value {
        match self.kind {
            Type::Whole => whole(value).map_or_else(|| value.clone(), Value::from),
            _ => value.clone(),
        }
    }
}

impl Type {
    fn read(text: &str) -> Result<Self, String> {
        Ok(match text {
            "text" => Self::Text,
            "number" => Self::Number,
            "whole" => Self::Whole,
            "boolean" => Self::Boolean,
            words if words.contains('|') => {
                let words = words.split('|').map(|word| word.trim().to_owned());
                let words: Vec<_> = words.collect();
                if words.iter().any(String::is_empty) {
                    return Err(format!("has {}, which lacks a word beside |", quoted(text)));
                }
                Self::OneOf(words)
            }
            _ => {
                return Err(format!(
                    "has the type {}, which is none of text, number, whole, boolean, and words with | between them",
                    quoted(text)
                ));
            }
        })
    }

    /// The value that a person means by `text`; of another type where it is none of this one.
    pub(crate) fn of_text(&self, text: &str) -> Value {
        let parsed = || serde_json::from_str::<Value>(text).ok();
        let value = match self {
            Self::Text | Self::OneOf(_) => None,
            Self::Number | Self::Whole => parsed().filter(Value::is_number),
            Self::Boolean => parsed().filter(Value::is_boolean),
        };
        value.unwrap_or_else(|| text.into())
    }

    /// Whether a value of it may stand in JSON without quotation marks.
    pub(super) fn may_be_bare(&self) -> bool {
        matches!(self, Self::Number | Self::Whole | Self::Boolean)
    }

    /// What it may be, in words.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Whole => "a whole number".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
        }
    }
}

/// The whole number that a value is. Some services write every number with a fraction, `3.0`.
fn whole(value: &Value) -> Option<i64> {
    let of_float = |number: f64| {
        let is_whole = number.fract() == 0.0 && number.abs() <= MAX_EXACT;
        // Its digits without a fraction are those of an integer.
        is_whole.then(|| format!("{number:.0}").parse().ok())?
    };
    value.as_i64().or_else(|| of_float(value.as_f64()?))
}

/// Whether every service takes it for the name of a function or of an argument.
pub(super) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_of_name)
}

pub(super) fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The longest name of a function:
/// <https://platform.openai.com/docs/api-reference/chat/create#chat_create-tools>.
pub(super) const MAX_NAME: usize = 64;

/// More than a caller says in a breath, and in every spelling less than servers take of an address.
const MAX_TEXT: usize = 500;

/// The largest whole number that has no neighbour among floats: 2^53.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
