//! Values as people write them, made what their kind says, or what is wrong with them.
//!
//! A value that can only mean one thing is taken: a number or a switch in quotation marks, one word where a list may
//! stand, a key with a blank behind it.

use toml::Value;

use super::addresses;
use super::keys::Kind;
use super::values::Secret;
use crate::sys::pasted;

/// Returns `value` as `kind` has it.
///
/// # Errors
/// What was found instead, to follow "found". Nothing of a key, a path or an address is quoted.
pub(super) fn checked(kind: Kind, value: Value) -> Result<Value, String> {
    if let Kind::NumberIfSet(min, max, unit) = kind {
        let is_set = value.as_str().is_none_or(|text| !text.trim().is_empty());
        return if is_set {
            checked(Kind::Number(min, max, unit), value)
        } else {
            Ok(Value::String(String::new()))
        };
    }
    let text = match (kind, value) {
        (_, Value::String(text)) => text,
        (Kind::Switch, Value::Boolean(switch)) => return Ok(Value::Boolean(switch)),
        (Kind::Number(..), Value::Integer(whole)) => {
            // Each i32 has its own f64, and what is larger is beyond every bound of a setting.
            let number = i32::try_from(whole).map_or(f64::INFINITY, f64::from);
            return within(kind, Value::Float(number));
        }
        (Kind::Several(words), Value::Array(chosen)) => return several(words, chosen),
        (Kind::Texts(..), Value::Array(texts)) => {
            let texts = texts.into_iter().map(trimmed).collect();
            return within(kind, Value::Array(texts));
        }
        (Kind::Number(..) | Kind::Whole(..) | Kind::Texts(..), value) => {
            return within(kind, value);
        }
        (_, value) => return Err(of_another_type(kind, &value)),
    };
    let in_quotes = Value::String(text.clone()).to_string();
    match kind {
        Kind::Text | Kind::ShortText(_) if text.contains('\0') => {
            Err("a NUL character in it".to_owned())
        }
        Kind::Text => Ok(Value::String(pasted::trimmed(&text).to_owned())),
        Kind::ShortText(max) => short(pasted::trimmed(&text), max),
        Kind::Keys => keys(&text).map(Value::String).ok_or(in_quotes),
        Kind::Path | Kind::SecretFile => path(&text).map(Value::String),
        Kind::Secret => secret(&text).map(Value::String),
        Kind::Url => addresses::checked(&text, false).map(Value::String),
        Kind::UrlIfSet if text.trim().is_empty() => Ok(Value::String(String::new())),
        Kind::UrlOrPrivate | Kind::UrlIfSet => addresses::checked(&text, true).map(Value::String),
        Kind::OneOf(words) => word(words, &text).ok_or(in_quotes),
        Kind::Several(_) | Kind::Texts(..) => checked(kind, from_text(kind, &text)),
        Kind::Switch | Kind::Number(..) | Kind::NumberIfSet(..) | Kind::Whole(..) => {
            match from_text(kind, &text) {
                Value::String(_) if is_decimal_with_comma(&text) => {
                    Err(format!("{in_quotes}: decimals have a point"))
                }
                Value::String(_) => Err(in_quotes),
                value => checked(kind, value),
            }
        }
    }
}

/// Returns the key in a text that was pasted.
///
/// # Errors
/// What it is instead, to follow "found".
pub(crate) fn pasted_key(text: &str) -> Result<Secret, String> {
    secret(text).map(Secret::new)
}

/// Returns what `text`, from an argument, the environment or quotation marks, stands for. Several texts are separated
/// by `|`, since a comma separates the arguments of `AGI()`.
pub(super) fn from_text(kind: Kind, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    let list = |parts: &mut dyn Iterator<Item = &str>| {
        let parts = parts.map(str::trim).filter(|part| !part.is_empty());
        Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
    };
    match kind {
        Kind::Switch => match text.trim().to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Value::Boolean(true),
            "no" | "false" | "off" | "0" => Value::Boolean(false),
            _ => as_text(),
        },
        Kind::Number(..) | Kind::NumberIfSet(..) => {
            text.trim().parse().map_or_else(|_| as_text(), Value::Float)
        }
        Kind::Whole(..) => text
            .trim()
            .parse()
            .map_or_else(|_| as_text(), Value::Integer),
        Kind::Texts(..) => list(&mut text.split('|')),
        // These are fixed words without blanks and commas, so both may separate them.
        Kind::Several(_) => list(&mut text.split(['|', ',', ' '])),
        _ => as_text(),
    }
}

fn short(text: &str, max: usize) -> Result<Value, String> {
    match text.chars().count() {
        len if len <= max => Ok(Value::String(text.to_owned())),
        len => Err(format!("{len} characters")),
    }
}

/// A number or a list of texts that is within its bounds.
fn within(kind: Kind, value: Value) -> Result<Value, String> {
    let fits = match (kind, &value) {
        (Kind::Number(min, max, _), Value::Float(number)) => (min..=max).contains(number),
        (Kind::Whole(min, max, _), Value::Integer(whole)) => {
            (i64::from(min)..=i64::from(max)).contains(whole)
        }
        (Kind::Texts(max, longest), Value::Array(texts)) => {
            let short = |text: &Value| text.as_str().is_some_and(|t| t.chars().count() <= longest);
            texts.len() <= max && texts.iter().all(short)
        }
        _ => false,
    };
    if fits {
        Ok(value)
    } else {
        Err(value.to_string())
    }
}

fn several(words: &[&str], chosen: Vec<Value>) -> Result<Value, String> {
    let known = |value: &Value| word(words, value.as_str()?);
    match chosen.iter().map(known).collect() {
        Some(known) => Ok(Value::Array(known)),
        None => Err(Value::Array(chosen).to_string()),
    }
}

/// The one of `words` that is meant.
fn word(words: &[&str], text: &str) -> Option<Value> {
    let is_it = |word: &&&str| word.eq_ignore_ascii_case(text.trim());
    let word = words.iter().find(is_it)?;
    Some(Value::String((*word).to_owned()))
}

fn trimmed(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(pasted::trimmed(&text).to_owned()),
        value => value,
    }
}

/// What is no text where one belongs.
fn of_another_type(kind: Kind, value: &Value) -> String {
    let is_quoted = matches!(
        kind,
        Kind::OneOf(_) | Kind::Text | Kind::ShortText(_) | Kind::Keys
    );
    match value {
        Value::Array(_) => "a list, where one value belongs".to_owned(),
        Value::Table(_) => "a table, where a value belongs".to_owned(),
        Value::Boolean(_) | Value::Integer(_) | Value::Float(_) if kind == Kind::Switch => {
            value.to_string()
        }
        value if is_quoted => format!("{value} without quotation marks"),
        _ => "a value without quotation marks".to_owned(),
    }
}

fn is_decimal_with_comma(text: &str) -> bool {
    text.trim().replacen(',', ".", 1).parse::<f64>().is_ok()
}

/// The keys of a telephone in `text`, where blanks and commas may stand between them.
fn keys(text: &str) -> Option<String> {
    let is_between = |c: &char| c.is_whitespace() || *c == ',';
    let keys: String = text.chars().filter(|c| !is_between(c)).collect();
    keys.chars()
        .all(|key| "0123456789*#".contains(key))
        .then_some(keys)
}

fn path(text: &str) -> Result<String, String> {
    let text = pasted::unwrapped(text);
    // File managers copy a path in this form.
    let text = text.strip_prefix("file://").unwrap_or(text);
    // A key file's content where its path belongs is a common mistake.
    if text.contains(['{', '\n', '\0']) || text.contains("-----BEGIN") {
        Err("the content of a file: save that as a file, and write its path here".to_owned())
    } else if text.starts_with("~/") {
        Err("~ at its beginning: write the whole path, from / on".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// A key without what pasting has put around it: it is one word of ASCII.
fn secret(text: &str) -> Result<String, String> {
    let mut key = pasted::unwrapped(text);
    // Each may stand inside the one before it, as in `export KEY="Bearer …"`.
    for wrapping in ["export ", "Authorization:", "Bearer "] {
        let beginning = key.get(..wrapping.len());
        if beginning.is_some_and(|it| it.eq_ignore_ascii_case(wrapping)) {
            key = pasted::unwrapped(&key[wrapping.len()..]);
        }
        key = without_variable(key);
    }
    if key.contains("-----BEGIN") {
        return Err("a private key in PEM: this service wants a key that is one word".to_owned());
    }
    if key.starts_with('{') {
        return Err(
            "JSON: Google's key file belongs into google.credentials, as a path".to_owned(),
        );
    }
    match key.chars().find(|c| !c.is_ascii_graphic()) {
        None => Ok(key.to_owned()),
        Some('\n') => Err("more than one line".to_owned()),
        Some(c) if c.is_ascii_whitespace() => Err("a blank in the middle of it".to_owned()),
        Some('…') => {
            Err("an ellipsis in it: this is the key as a web page shortens it".to_owned())
        }
        Some(c) => Err(match pasted::description(c) {
            Some(described) => format!("{described}, in the middle of it"),
            None => "a character that keys cannot have".to_owned(),
        }),
    }
}

/// `OPENAI_API_KEY=sk-…`, as in an environment file, without the variable's name.
fn without_variable(text: &str) -> &str {
    let is_name = |name: &str| {
        let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        (name.ends_with("_KEY") || name.ends_with("_TOKEN")) && name.bytes().all(is_part)
    };
    match text.split_once('=') {
        Some((name, key)) if is_name(name.trim_end()) => pasted::unwrapped(key),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_as_it_is_pasted() {
        let pasted = [
            "sk-1",
            " sk-1",
            "sk-1 ",
            "sk-1\n",
            "sk-1\r\n",
            "\tsk-1",
            "\u{feff}sk-1",
            "sk-1\u{200b}",
            "\u{a0}sk-1",
            "\"sk-1\"",
            "“sk-1”",
            "<sk-1>",
            "Bearer sk-1",
            "bearer  sk-1",
            "Authorization: Bearer sk-1",
            "OPENAI_API_KEY=sk-1",
            "export OPENAI_API_KEY='sk-1'",
            "export OPENAI_API_KEY = \"sk-1\"\n",
        ];
        for text in pasted {
            assert_eq!(secret(text).as_deref(), Ok("sk-1"), "{text:?}");
        }
        for text in ["", "a=b", "sk-1==", "key_with_KEY=inside"] {
            assert_eq!(secret(text).as_deref(), Ok(text), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_key_is_named_and_not_shown() {
        let table = [
            ("sk-secret sk-secret", "a blank in the middle"),
            ("sk-secret\u{a0}x", "U+00A0, a no-break space"),
            ("sk-sec\u{200b}ret", "U+200B, an invisible character"),
            ("sk-secret\nsk-secret", "more than one line"),
            ("sk-secret…", "an ellipsis"),
            ("sk–secret", "U+2013, a typographic dash"),
            ("sécret", "a character that keys cannot have"),
            ("{\"type\": \"secret\"}", "google.credentials"),
            (
                "-----BEGIN PRIVATE KEY-----\nsecret",
                "a private key in PEM",
            ),
        ];
        for (text, expected) in table {
            let found = secret(text).expect_err(text);
            assert!(found.contains(expected), "{text:?}: {found:?}");
            assert!(!found.contains("secret"), "{text:?}: {found:?}");
        }
    }

    #[test]
    fn a_path_is_taken_as_it_is_pasted() {
        for text in ["/a b", " /a b\n", "\"/a b\"", "file:///a b"] {
            assert_eq!(path(text).as_deref(), Ok("/a b"), "{text:?}");
        }
        let table = [
            ("{\"type\": \"secret\"}", "the content of a file"),
            ("-----BEGIN secret", "the content of a file"),
            ("~/secret", "~ at its beginning"),
        ];
        for (text, expected) in table {
            let found = path(text).expect_err(text);
            assert!(found.contains(expected), "{text:?}: {found:?}");
            assert!(!found.contains("secret"), "{text:?}: {found:?}");
        }
    }

    #[test]
    fn what_can_only_mean_one_thing_is_taken() {
        let number = Kind::Number(3.0, 120.0, "s");
        let if_set = Kind::NumberIfSet(-20.0, 20.0, "dB");
        let whole = Kind::Whole(1, 200, "turns");
        let words = Kind::OneOf(&["auto", "openai"]);
        let several = Kind::Several(&["google", "openai"]);
        let texts = Kind::Texts(3, 20);
        let table = [
            (number, "25", "25.0"),
            (number, "\"25\"", "25.0"),
            (number, "\" 2.5e1 \"", "25.0"),
            (if_set, "\" \"", "\"\""),
            (if_set, "6", "6.0"),
            (if_set, "\"-6.5\"", "-6.5"),
            (whole, "\"20\"", "20"),
            (Kind::Switch, "true", "true"),
            (Kind::Switch, "\"yes\"", "true"),
            (Kind::Switch, "\"Off\"", "false"),
            (words, "\"OpenAI\"", "\"openai\""),
            (words, "\" auto\"", "\"auto\""),
            (several, "\"google\"", "[\"google\"]"),
            (
                several,
                "[\"OpenAI\", \"google\"]",
                "[\"openai\", \"google\"]",
            ),
            (several, "\"openai, google\"", "[\"openai\", \"google\"]"),
            (several, "\"\"", "[]"),
            (Kind::Keys, "\"# , *\"", "\"#*\""),
            (Kind::Keys, "\"\"", "\"\""),
            (texts, "\"Rossi\"", "[\"Rossi\"]"),
            (
                texts,
                "[\"Rossi \", \"Bianchi\"]",
                "[\"Rossi\", \"Bianchi\"]",
            ),
            (Kind::Text, "\"gpt-6 luna \"", "\"gpt-6 luna\""),
            (Kind::ShortText(3), "\" äöü \"", "\"äöü\""),
        ];
        for (kind, written, expected) in table {
            let found = checked(kind, value(written)).map(|value| value.to_string());
            assert_eq!(found.as_deref(), Ok(expected), "{kind} {written}");
        }
    }

    #[test]
    fn what_means_nothing_is_shown_as_it_was_found() {
        let number = Kind::Number(0.4, 3.0, "s");
        let if_set = Kind::NumberIfSet(-20.0, 20.0, "dB");
        let whole = Kind::Whole(1, 200, "turns");
        let words = Kind::OneOf(&["auto", "openai"]);
        let table = [
            (number, "\"0,7\"", "\"0,7\": decimals have a point"),
            (number, "\"1 s\"", "\"1 s\""),
            (number, "nan", "nan"),
            (number, "true", "true"),
            (number, "\"\"", "\"\""),
            (if_set, "21", "21.0"),
            (if_set, "\"loud\"", "\"loud\""),
            (if_set, "[]", "[]"),
            (whole, "1.5", "1.5"),
            (whole, "\"many\"", "\"many\""),
            (Kind::Switch, "1", "1"),
            (Kind::Switch, "\"maybe\"", "\"maybe\""),
            (words, "\"whisper\"", "\"whisper\""),
            (words, "7", "7 without quotation marks"),
            (Kind::Keys, "\"#a\"", "\"#a\""),
            (Kind::Keys, "12", "12 without quotation marks"),
            (Kind::Text, "7", "7 without quotation marks"),
            (Kind::Text, "[\"a\"]", "a list, where one value belongs"),
            (Kind::Text, "\"\\u0000\"", "a NUL character in it"),
            (Kind::ShortText(3), "\"\\u0000\"", "a NUL character in it"),
            (Kind::ShortText(3), "\"äöüß\"", "4 characters"),
            (Kind::ShortText(3), "7", "7 without quotation marks"),
            (Kind::Secret, "12345", "a value without quotation marks"),
            (Kind::Path, "7", "a value without quotation marks"),
            (Kind::Url, "{ a = 1 }", "a table, where a value belongs"),
        ];
        for (kind, written, expected) in table {
            let found = checked(kind, value(written)).expect_err(written);
            assert_eq!(found, expected, "{kind} {written}");
        }
    }

    fn value(written: &str) -> Value {
        let table: toml::Table = format!("it = {written}").parse().expect(written);
        table["it"].clone()
    }
}
