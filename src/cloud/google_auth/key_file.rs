//! The JSON key file of a service account, as it comes out of browsers, shells and editors: what of it is used, or what
//! was put in its place. Nothing of a file is ever quoted.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;

use super::private_key::is_dash;
use crate::config::is_https;
use crate::sys::files::text::{NotText, decode};
use crate::sys::pasted;

/// What signing in needs of a key file.
#[derive(Debug)]
pub(super) struct KeyFile {
    pub(super) client_email: String,
    pub(super) private_key: String,
    /// Tells Google which of the account's keys it is; without it Google tries them all.
    pub(super) private_key_id: Option<String>,
    pub(super) token_uri: String,
}

impl KeyFile {
    /// Reads the content of a key file. One that is wrapped is unwrapped.
    ///
    /// # Errors
    /// What the file is instead, to follow "found".
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = decode(bytes).map_err(|why| match why {
            NotText::Der => "a binary file, such as .p12: choose JSON for the key".to_owned(),
            why => why.to_string(),
        })?;
        let mut text = text.trim().to_owned();
        for _ in 0..MAX_WRAPPINGS {
            let Some(inside) = inside_of(&text) else {
                break;
            };
            text = inside;
        }
        match json_of(&text) {
            Ok(json) => Self::of_json(&json),
            Err(error) => Err(instead_of_json(&text, &error)),
        }
    }

    fn of_json(json: &Value) -> Result<Self, String> {
        let text = |name: &str| {
            let text = match &json[name] {
                Value::Array(lines) => lines
                    .iter()
                    .filter_map(Value::as_str)
                    .collect::<Vec<_>>()
                    .join("\n"),
                value => value.as_str().unwrap_or_default().trim().to_owned(),
            };
            Some(text).filter(|text| !text.is_empty())
        };
        let needed = |name: &str| text(name).ok_or(format!("no {name}"));
        let has_key = text("client_email").is_some() && text("private_key").is_some();
        match text("type").as_deref() {
            Some("service_account") => {}
            None if has_key => {}
            _ => return Err(of_other_kind(json)),
        }
        let file = Self {
            client_email: needed("client_email")?,
            private_key: needed("private_key")?,
            private_key_id: text("private_key_id"),
            token_uri: text("token_uri").unwrap_or_else(|| super::TOKEN_AUDIENCE.to_owned()),
        };
        // The assertion that is posted there signs in as the account, so it must not travel unencrypted.
        if is_https(&file.token_uri) {
            Ok(file)
        } else {
            Err("a token_uri that is no https address".to_owned())
        }
    }
}

/// What is inside of one wrapping: base64, a JSON text with or without its quotation marks, the quotation marks or the
/// assignment of a shell, and the answer of Google's API that makes keys
/// (<https://docs.cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts.keys>).
fn inside_of(text: &str) -> Option<String> {
    if let Some(members) = text.strip_prefix('{') {
        let answer = serde_json::from_str::<Value>(text).unwrap_or_default();
        if let Some(data) = answer["privateKeyData"].as_str() {
            return of_base64(data);
        }
        let is_escaped = members.trim_start().starts_with('\\');
        let unquoted = is_escaped.then(|| with_lines_escaped(&format!("\"{text}\"")))?;
        return serde_json::from_str(&unquoted).ok();
    }
    let inner = serde_json::from_str(text).ok().or_else(|| of_base64(text));
    inner.or_else(|| {
        let assigned = text.split_once('=').map(|(_, value)| value.trim());
        // The = at the end of base64 assigns nothing.
        let assigned = assigned.filter(|value| value.starts_with(['\'', '"', '{']));
        let is_quoted = text.starts_with(['\'', '"', '“', '„', '‘']);
        let unquoted = is_quoted.then(|| pasted::unwrapped(text));
        assigned.or(unquoted).map(str::to_owned)
    })
}

fn of_base64(text: &str) -> Option<String> {
    // base64(1) breaks its lines after 76 characters, and the decoder takes no line breaks.
    let compact: String = text.split_ascii_whitespace().collect();
    let inner = decode(&BASE64_STANDARD.decode(compact).ok()?).ok()?;
    let inner = inner.trim();
    inner.starts_with('{').then(|| inner.to_owned())
}

fn json_of(text: &str) -> serde_json::Result<Value> {
    // Only a file that is no JSON as it stands is repaired: in a right one nothing is to be changed.
    let repaired = |_: &_| serde_json::from_str(&with_lines_escaped(text)).ok();
    let read = serde_json::from_str(text);
    match read.as_ref().err().and_then(repaired) {
        Some(repaired) => Ok(repaired),
        None => read,
    }
}

/// Escapes the line breaks and tabs in the strings of a JSON text, which a shell's `echo` has made of `\n` and `\t`.
fn with_lines_escaped(text: &str) -> String {
    let (mut escaped, mut is_string, mut is_escape) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            '\n' if is_string => escaped.push_str("\\n"),
            '\t' if is_string => escaped.push_str("\\t"),
            _ => escaped.push(c),
        }
        is_string ^= c == '"' && !is_escape;
        is_escape = c == '\\' && !is_escape;
    }
    escaped
}

/// Names a JSON file that is no key file of a service account.
fn of_other_kind(json: &Value) -> String {
    if json.get("installed").or(json.get("web")).is_some() {
        return "an OAuth client".to_owned();
    }
    if json.get("privateKeyData").is_some() {
        return "a privateKeyData that is damaged".to_owned();
    }
    if json.get("project_info").is_some() {
        return "the google-services.json of an app".to_owned();
    }
    match json["type"].as_str() {
        Some("authorized_user") => {
            r#"type "authorized_user", which is a person's sign-in by gcloud"#.to_owned()
        }
        Some("external_account") => {
            r#"type "external_account", which is a workload identity and holds no key"#.to_owned()
        }
        // Any other might be a key in the wrong place.
        Some("impersonated_service_account") => r#"type "impersonated_service_account""#.to_owned(),
        Some(_) => "another type".to_owned(),
        None => "no type".to_owned(),
    }
}

/// Names a text that is no JSON, or what makes it none.
fn instead_of_json(text: &str, error: &serde_json::Error) -> String {
    let line = error.line();
    let written = text.lines().nth(line.max(1) - 1).unwrap_or_default();
    let odd = written.chars().find_map(pasted::description);
    let begins = |beginning: &str| text.starts_with(beginning);
    // Only forms are compared and nothing of the text is quoted: what lies here by mistake may be a key.
    let is_word = !text.contains(char::is_whitespace) && text.len() < LONGEST_API_KEY;
    let is_binary = text.contains(|c: char| c.is_control() && !c.is_whitespace());
    if text.is_empty() {
        "an empty file".to_owned()
    } else if is_binary && !begins("{") {
        "a binary file, such as an archive: it must be unpacked".to_owned()
    } else if text.trim_start_matches(is_dash).starts_with("BEGIN ") {
        "a private key alone: the whole JSON file is needed".to_owned()
    } else if begins("<") {
        "a web page".to_owned()
    } else if is_word && !begins("{") {
        "an API key: it belongs into [gemini] api_key".to_owned()
    } else if !begins("{") {
        "no JSON".to_owned()
    } else if error.is_eof() {
        format!("JSON that breaks off in line {line}")
    } else if let Some(odd) = odd {
        format!("{odd}, in line {line}")
    } else if error.to_string().starts_with("trailing comma") {
        format!("a comma before the closing bracket in line {line}")
    } else if ["//", "/*", "#"]
        .iter()
        .any(|it| written.trim_start().starts_with(it))
    {
        format!("a comment in line {line}, which JSON does not have")
    } else if written.contains('\'') {
        format!("single quotation marks in line {line}, where JSON has double ones")
    } else {
        format!("no JSON in line {line}")
    }
}

/// More wrappings than a key has been seen in.
const MAX_WRAPPINGS: usize = 4;

/// Gemini's keys have 39 characters, OpenAI's up to about 170.
const LONGEST_API_KEY: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{
        "type": "service_account",
        "private_key_id": "17",
        "private_key": "secret",
        "client_email": "a@b"
    }"#;

    fn found(text: &str) -> String {
        KeyFile::parse(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn a_key_file_is_taken_however_it_was_saved() {
        let wide = |bytes: fn(u16) -> [u8; 2]| {
            let text = format!("\u{feff}{WHOLE}");
            text.encode_utf16().flat_map(bytes).collect::<Vec<_>>()
        };
        let base64 = BASE64_STANDARD.encode(WHOLE);
        let (first, rest) = base64.split_at(76);
        let quoted = serde_json::to_string(WHOLE).expect("a text");
        let escaped = quoted.trim_matches('"');
        let marked = BASE64_STANDARD.encode(format!("\u{feff}{WHOLE}"));
        let wide_base64 = BASE64_STANDARD.encode(wide(u16::to_le_bytes));
        let answer = format!(r#"{{"privateKeyType":"X","privateKeyData":"{base64}"}}"#);
        let lines = WHOLE.replace(r#""secret""#, r#"["secret"]"#);
        let table = [
            ("as it is", WHOLE.into()),
            ("a byte order mark", format!("\u{feff}{WHOLE}").into()),
            ("lines of Windows", WHOLE.replace('\n', "\r\n").into()),
            ("blanks around it", format!("\n\n {WHOLE} \n").into()),
            ("UTF-16 of PowerShell", wide(u16::to_le_bytes)),
            ("UTF-16, big end first", wide(u16::to_be_bytes)),
            ("base64", base64.clone().into()),
            ("base64 in lines", format!("{first}\n{rest}\n").into()),
            ("base64 of a byte order mark", marked.into()),
            ("base64 of UTF-16", wide_base64.into()),
            ("an answer of the API", answer.into()),
            ("in quotation marks", format!("'{WHOLE}'").into()),
            ("a variable", format!("KEY='{WHOLE}'\n").into()),
            ("an exported variable", format!("export KEY={WHOLE}").into()),
            ("a variable of base64", format!("KEY=\"{base64}\"").into()),
            ("escaped quotation marks", escaped.into()),
            ("the key in lines", lines.into()),
            ("a JSON text", quoted.clone().into()),
            (
                "a blank behind the address",
                WHOLE.replace("a@b", " a@b ").into(),
            ),
            (
                "no type",
                WHOLE.replace(r#""type": "service_account","#, "").into(),
            ),
        ];
        for (name, bytes) in table {
            let file: Vec<u8> = bytes;
            let file = KeyFile::parse(&file).unwrap_or_else(|found| panic!("{name}: {found}"));
            assert_eq!(file.client_email, "a@b", "{name}");
            assert_eq!(file.private_key, "secret", "{name}");
            assert_eq!(file.private_key_id.as_deref(), Some("17"), "{name}");
            assert_eq!(file.token_uri, super::super::TOKEN_AUDIENCE, "{name}");
        }
        let broken = WHOLE.replace("secret", "sec\nret\t\\\"");
        let file = KeyFile::parse(broken.as_bytes()).expect("the key is there");
        assert_eq!(file.private_key, "sec\nret\t\"");
        let nameless = WHOLE.replace(r#""private_key_id": "17","#, "");
        let file = KeyFile::parse(nameless.as_bytes()).expect("the key is there");
        assert_eq!(file.private_key_id, None);
    }

    #[test]
    fn what_is_no_key_file_is_told_by_what_it_is_and_quotes_nothing() {
        let without = |name: &str| WHOLE.replace(name, "x");
        let table = [
            ("", "an empty file"),
            (" \n", "an empty file"),
            ("not JSON, secret", "no JSON"),
            ("{}", "no type"),
            ("[1]", "no type"),
            ("AIzaSecret-secret", "an API key"),
            ("-----BEGIN PRIVATE KEY-----\nsecret", "a private key alone"),
            ("—BEGIN PRIVATE KEY—\nsecret", "a private key alone"),
            ("PK\u{3}\u{4}\0\0\0", "an archive"),
            ("'AIzaSecret-secret'", "an API key"),
            ("KEY='secret secret'", "no JSON"),
            (
                r#"{"privateKeyType":"X","privateKeyData":"secret"}"#,
                "damaged",
            ),
            ("<!doctype html><p>secret", "a web page"),
            (
                r#"{"installed":{"client_secret":"secret"}}"#,
                "an OAuth client",
            ),
            (r#"{"web":{"client_secret":"secret"}}"#, "an OAuth client"),
            (
                r#"{"project_info":{"id":"secret"}}"#,
                "google-services.json",
            ),
            (
                r#"{"type":"authorized_user","refresh_token":"secret"}"#,
                r#"type "authorized_user""#,
            ),
            (
                r#"{"type":"external_account","audience":"secret"}"#,
                r#"type "external_account""#,
            ),
            (
                r#"{"type":"impersonated_service_account"}"#,
                r#"type "impersonated_service_account""#,
            ),
            (r#"{"type":"secret"}"#, "another type"),
            (&without("client_email"), "no client_email"),
            (&WHOLE.replace("private_key\"", "x\""), "no private_key"),
            (
                r#"{"type":"service_account","client_email":"a","private_key":7}"#,
                "no private_key",
            ),
            (
                &WHOLE.replace("\"17\",", "\"17\", \"token_uri\": \"http://secret\","),
                "a token_uri that is no https",
            ),
            (
                &WHOLE.replace("\"secret\"", "“secret”"),
                "U+201C, a typographic quotation mark, in line 4",
            ),
            (
                &WHOLE.replace("  \"client", "\u{a0}\"client"),
                "U+00A0, a no-break space, in line 5",
            ),
            (&WHOLE.replace('"', "'"), "single quotation marks in line 2"),
            (
                &WHOLE.replace("a@b\"", "a@b\","),
                "a comma before the closing bracket in line 6",
            ),
            (
                &WHOLE.replace("        \"type", "// secret\n\"type"),
                "a comment in line 2",
            ),
            (
                &WHOLE.replace("        \"type", "# secret\n\"type"),
                "a comment in line 2",
            ),
            (&WHOLE[..WHOLE.len() - 20], "JSON that breaks off in line 5"),
            (&WHOLE.replace("\"17\",", "\"17\""), "no JSON in line 4"),
        ];
        for (text, expected) in table {
            let found = found(text);
            assert!(found.contains(expected), "{text}: {found}");
            assert!(!found.contains("secret"), "{text}: {found}");
        }
        let p12 = KeyFile::parse(b"\x30\x82\x0a\xff\xfe\x00").expect_err("no text");
        assert!(p12.contains("choose JSON"), "{p12}");
    }
}
