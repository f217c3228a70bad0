//! Strict checking of a JSON body against a message of Google's APIs, refused in Google's own words.
//!
//! Google's front end reads JSON as protobuf does: names in camel or snake case, numbers also as strings,
//! and anything it does not know is an error that names the place. What the values mean is left to the
//! services. Spec: <https://protobuf.dev/programming-guides/json/>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What may stand at one place of a message.
pub(super) enum Shape {
    Text,
    Bool,
    Integer,
    Number,
    Bytes,
    /// One of these words; the first item is the type's full name.
    Enum(&'static str, &'static [&'static str]),
    List(&'static Shape),
    Message(Fields),
    /// Anything: a part of the API that we have no need to know.
    Any,
}

/// The fields of a message, by their names in the API's definition (snake case).
pub(super) type Fields = &'static [(&'static str, Shape)];

/// What is wrong and where, as Google says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) field: String,
    pub(super) description: String,
}

/// Reads a body as a message and gives it back with all names in camel case; else all that is wrong with it.
pub(super) fn read(body: &[u8], fields: Fields) -> Result<Value, Vec<Violation>> {
    let mut value: Value = serde_json::from_slice(body).map_err(|error| {
        let description = format!("Invalid JSON payload received. {error}");
        vec![Violation {
            field: String::new(),
            description,
        }]
    })?;
    let mut violations = Vec::new();
    check_message(&mut value, fields, "", &mut violations);
    if violations.is_empty() {
        Ok(value)
    } else {
        Err(violations)
    }
}

fn check_message(value: &mut Value, fields: Fields, at: &str, violations: &mut Vec<Violation>) {
    let Value::Object(object) = value else {
        return violations.push(invalid_value(at, "Object", value));
    };
    for (given, mut inner) in std::mem::take(object) {
        let known = fields
            .iter()
            .find(|(name, _)| *name == given || camel(name) == given);
        let Some((name, shape)) = known else {
            violations.push(unknown_name(at, &given));
            continue;
        };
        let place = if at.is_empty() {
            (*name).to_owned()
        } else {
            format!("{at}.{name}")
        };
        check(&mut inner, shape, &place, violations);
        if object.insert(camel(name), inner).is_some() {
            let description =
                format!("Invalid JSON payload received. Field '{place}' is set twice.");
            violations.push(Violation {
                field: place,
                description,
            });
        }
    }
}

fn check(value: &mut Value, shape: &Shape, at: &str, violations: &mut Vec<Violation>) {
    let wrong = match shape {
        Shape::Any => None,
        Shape::Message(fields) => return check_message(value, fields, at, violations),
        Shape::List(item) => match value {
            Value::Array(items) => {
                for (index, inner) in items.iter_mut().enumerate() {
                    check(inner, item, &format!("{at}[{index}]"), violations);
                }
                None
            }
            _ => Some("Array"),
        },
        Shape::Text => (!value.is_string()).then_some("TYPE_STRING"),
        Shape::Bool => (!value.is_boolean()).then_some("TYPE_BOOL"),
        Shape::Integer => integer(value).is_none().then_some("TYPE_INT32"),
        Shape::Number => (!value.is_number()).then_some("TYPE_FLOAT"),
        Shape::Bytes => (!is_base64(value)).then_some("TYPE_BYTES"),
        Shape::Enum(name, words) => {
            let known = value.as_str().is_some_and(|word| words.contains(&word));
            (!known).then_some(*name)
        }
    };
    if let Some(expected) = wrong {
        violations.push(invalid_value(at, expected, value));
    }
}

/// An integer given as a number or, as protobuf allows, as a string.
pub(super) fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn is_base64(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| STANDARD.decode(text).is_ok())
}

fn unknown_name(at: &str, name: &str) -> Violation {
    let place = if at.is_empty() {
        String::new()
    } else {
        format!(" at '{at}'")
    };
    let description = format!(
        "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
    );
    Violation {
        field: at.to_owned(),
        description,
    }
}

fn invalid_value(at: &str, expected: &str, value: &Value) -> Violation {
    let description = if expected == "TYPE_BYTES" {
        format!("Invalid value at '{at}' (TYPE_BYTES), Base64 decoding failed")
    } else {
        let shown: String = value.to_string().chars().take(100).collect();
        format!("Invalid value at '{at}' ({expected}), {shown}")
    };
    Violation {
        field: at.to_owned(),
        description,
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        camel += &first.to_uppercase();
        camel += rest;
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FIELDS: Fields = &[
        ("sample_rate", Shape::Integer),
        (
            "list",
            Shape::List(&Shape::Message(&[("content", Shape::Bytes)])),
        ),
        ("kind", Shape::Enum("example.Kind", &["ONE", "TWO"])),
    ];

    #[test]
    fn what_is_wrong_is_told_in_googles_words() {
        let cases = [
            (
                r#"{"x":1}"#,
                r#"Invalid JSON payload received. Unknown name "x": Cannot find field."#,
            ),
            (
                r#"{"list":[{"x":1}]}"#,
                r#"Invalid JSON payload received. Unknown name "x" at 'list[0]': Cannot find field."#,
            ),
            (
                r#"{"list":[{"content":"*"}]}"#,
                "Invalid value at 'list[0].content' (TYPE_BYTES), Base64 decoding failed",
            ),
            (
                r#"{"sampleRate":"a"}"#,
                r#"Invalid value at 'sample_rate' (TYPE_INT32), "a""#,
            ),
            (
                r#"{"kind":"THREE"}"#,
                r#"Invalid value at 'kind' (example.Kind), "THREE""#,
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(
                read(body.as_bytes(), FIELDS).unwrap_err()[0].description,
                expected,
                "{body}"
            );
        }
    }

    #[test]
    fn both_spellings_become_camel_case() {
        for body in [r#"{"sample_rate":8000}"#, r#"{"sampleRate":8000}"#] {
            assert_eq!(
                read(body.as_bytes(), FIELDS).unwrap(),
                json!({"sampleRate": 8000})
            );
        }
    }
}
