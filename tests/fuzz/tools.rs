//! The templates of tools: whatever the values, an address and a body keep the shape that the settings give them.

use std::fs;
use std::path::Path;

use percent_encoding::percent_decode_str;
use phone_assistant::config::{Arguments, Config, Needs, Tool};
use serde_json::{Map, Value, json};
use testkit::TempDir;
use ureq::http::Uri;

use super::mutate::{Random, mutate};
use super::{fuzz, inputs};

const TOOL: &str = r#"
[tool.all]
description = "Has a value in every place"
url = "https://host.example:8443/a/{text}/b-{whole}.{word}/c%2F{second}?one={second}&two=x-{number}&maybe={maybe}&three={switch}"
method = "POST"
json = '{"text": "{text}", "list": [{number}, "{second}{text}", {"deep": {switch}}], "whole": {whole}, "word": "a {word} b", "maybe": "{maybe}"}'
[tool.all.arguments]
text = "text: a text"
second = "text: another"
number = "number: a number"
whole = "whole: a whole number"
switch = "boolean: a switch"
word = "one|two: a word"
maybe = "optional text: a third"
"#;

#[test]
fn no_value_changes_the_shape_of_a_request() {
    let tool = tool();
    fuzz("values of tools", inputs(), values, |input| {
        let values = serde_json::from_slice(input).unwrap();
        let Ok(asked) = tool.asked(&values) else {
            return false;
        };
        let shown = &asked.url[..asked.shown];
        assert_eq!(shown, "https://host.example:8443/a/");
        assert_address(&asked.url, &values);
        assert_body(&asked.body.unwrap(), &values);
        true
    });
}

fn tool() -> Tool {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, TOOL).unwrap();
    let arguments = Arguments::of_file(Some(file));
    let config = Config::load(Needs::Nothing, &arguments, &|_| None).unwrap();
    config.tools[0].clone()
}

fn text(values: &Value, name: &str) -> String {
    match &values[name] {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

fn assert_address(url: &str, values: &Value) {
    let text = |name| text(values, name);
    let decoded = |part: &str| percent_decode_str(part).decode_utf8().unwrap().into_owned();
    let uri: Uri = url.parse().unwrap();
    assert_eq!(uri.scheme_str(), Some("https"));
    assert_eq!(uri.authority().unwrap().as_str(), "host.example:8443");
    let segments: Vec<_> = uri.path().split('/').map(decoded).collect();
    let third = format!("b-{}.{}", text("whole"), text("word"));
    let last = format!("c/{}", text("second"));
    assert_eq!(segments, ["", "a", &text("text"), &third, &last]);
    // Servers that decode before they look find no other folder either.
    for segment in &segments {
        let folder = Path::new(segment).components();
        assert!(
            !folder.into_iter().any(|part| part.as_os_str() == ".."),
            "{url}"
        );
    }
    let pairs: Vec<_> = uri.query().unwrap().split('&').map(decoded).collect();
    let mut expected = vec![
        format!("one={}", text("second")),
        format!("two=x-{}", text("number")),
        format!("three={}", text("switch")),
    ];
    if values.get("maybe").is_some() {
        expected.insert(2, format!("maybe={}", text("maybe")));
    }
    assert_eq!(pairs, expected);
}

fn assert_body(body: &str, values: &Value) {
    let text = |name| text(values, name);
    let mut expected = json!({
        "text": text("text"),
        "list": [values["number"], text("second") + &text("text"), {"deep": values["switch"]}],
        "whole": values["whole"],
        "word": format!("a {} b", text("word")),
    });
    if let Some(maybe) = values.get("maybe") {
        expected["maybe"] = maybe.clone();
    }
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
}

/// An argument of each name, but for the optional one now and then, as JSON.
fn values(random: &mut Random) -> Vec<u8> {
    let numbers = [
        json!(0),
        json!(-7),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(-0.0),
    ];
    let wholes = [json!(0), json!(-1), json!(i64::MAX), json!(i64::MIN)];
    let words = ["one", "two"];
    let mut values = Map::new();
    for name in ["text", "second"] {
        values.insert(name.to_owned(), hostile(random).into());
    }
    if random.one_in(2) {
        values.insert("maybe".to_owned(), hostile(random).into());
    }
    values.insert(
        "number".to_owned(),
        numbers[random.below(numbers.len())].clone(),
    );
    values.insert(
        "whole".to_owned(),
        wholes[random.below(wholes.len())].clone(),
    );
    values.insert("switch".to_owned(), random.one_in(2).into());
    values.insert("word".to_owned(), random.pick(&words).into());
    Value::Object(values).to_string().into_bytes()
}

fn hostile(random: &mut Random) -> String {
    let mut bytes = random.pick(TEXTS).as_bytes().to_vec();
    for _ in 0..random.below(4) {
        mutate(&mut bytes, random.pick(TEXTS).as_bytes(), random);
    }
    let text = String::from_utf8_lossy(&bytes);
    if random.one_in(8) {
        return text.into_owned();
    }
    // What is refused at once tells little.
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}

const TEXTS: &[&str] = &[
    "tea",
    "../../etc/passwd",
    "..%2f..%5c",
    "a&b=c#d?e/f",
    "\", \"admin\": true, \"x\": \"",
    "{text}{number}{}",
    "@evil.example:80//",
    "größer 世界 👋\u{202e}",
    "\\u0022\\\\",
    "http://169.254.169.254/",
];
