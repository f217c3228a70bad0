//! Tools given arguments and answers that are wrong or hostile, at a server that keeps what arrives.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use testkit::{Response, TempDir, ToolAnswer, ToolRequest, ToolServer};

use super::*;
use crate::config::Needs;

impl Tools {
    /// What the model reads of a call, also of one that fails.
    fn call(&self, caller: CallerKind, call: &Call, cancel: &Hangup) -> String {
        let told = self.ask(caller, call, cancel);
        told.unwrap_or_else(|fault| format!("error: {}", fault.told))
    }
}

/// A lookup and an order at one server, and settings that name it.
struct Bench {
    tools: Tools,
    server: ToolServer,
    folder: TempDir,
}

impl Bench {
    fn new(answers: impl Fn(&ToolRequest) -> ToolAnswer + Send + Sync + 'static) -> Self {
        let server = ToolServer::start(answers);
        let folder = TempDir::new().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name).display().to_string();
        fs::write(place("header"), "X-Key: a-key-of-many-letters\n").expect("written");
        fs::write(place("pin"), " 4821\n").expect("written");
        let settings = TOOLS
            .replace("SERVER", &server.url())
            .replace("FOLDER", &folder.path().display().to_string());
        let file = PathBuf::from("config.toml");
        let config = Config::of_text(Needs::Nothing, &settings, file, &|_| None);
        let tools = Tools::new(&config.expect("right settings")).expect("a client");
        Self {
            tools,
            server,
            folder,
        }
    }

    fn told(&self, tool: &str, arguments: Result<Value, String>) -> String {
        let call = Call {
            id: String::new(),
            name: tool.to_owned(),
            arguments,
        };
        self.tools.call(INSIDE, &call, &Hangup::default())
    }
}

const INSIDE: CallerKind = CallerKind::Internal;
const OUTSIDE: CallerKind = CallerKind::Outside;

const TOOLS: &str = r#"
[secrets]
allow_readable = true
[state]
folder = "FOLDER/state"
[tool.look]
description = "Looks something up"
url = "SERVER/shop/{kind}/items-{id}.json?note={note}&fixed=1&near={near}"
header_file = "FOLDER/header"
arguments = { kind = "text: a kind", id = "whole: a number", note = "text: a note", near = "boolean: whether near" }
timeout = 0.5
[tool.order]
description = "Orders something"
url = "SERVER/orders/{shop}"
method = "POST"
json = '{"who": "{who}", "list": ["{who} at {shop}", {count}, {price}], "urgent": {urgent}, "how": {"by": "{by}"}, "{}": "{ who }"}'
header_file = "FOLDER/header"
pin_file = "FOLDER/pin"
timeout = 0.5
[tool.order.arguments]
shop = "text: a shop"
who = "text: a name"
count = "whole: how many"
price = "number: what it costs"
urgent = "boolean: whether at once"
by = "foot|car: how it comes"
"#;

fn right(tool: &str) -> Value {
    match tool {
        "look" => json!({"kind": "tea", "id": 7, "note": "none", "near": true}),
        _ => {
            json!({"shop": "main", "who": "Jim", "count": 2, "price": 9.5, "urgent": false, "by": "car"})
        }
    }
}

/// What becomes of a value.
enum Becomes {
    /// Nothing is sent, and the model is told this.
    Refused(&'static str),
    /// It arrives as it is.
    Sent,
}
use Becomes::{Refused, Sent};

/// A tool, one of its arguments, the value that a model gives for it, and what becomes of that.
type Planted = (&'static str, &'static str, Value, Becomes);

#[rustfmt::skip] // One fault a line: a table.
fn values_of_other_kinds() -> Vec<Planted> {
    let control = || Refused("control character");
    vec![
        // Types.
        ("look", "id", json!("7"), Refused("id must be a whole number")),
        ("look", "id", json!(7.5), Refused("id must be a whole number")),
        ("look", "id", json!(1e300), Refused("id must be a whole number")),
        ("look", "id", json!(u64::MAX), Refused("id must be a whole number")),
        ("look", "id", json!(true), Refused("id must be a whole number")),
        ("look", "id", json!([7]), Refused("id must be a whole number")),
        ("look", "id", json!({"$gt": 0}), Refused("id must be a whole number")),
        ("look", "id", Value::Null, Refused("id is missing")),
        ("look", "id", json!(-7), Sent),
        ("look", "near", json!("true"), Refused("near must be true or false")),
        ("look", "near", json!(1), Refused("near must be true or false")),
        ("look", "kind", json!(5), Refused("kind must be text")),
        ("look", "kind", json!(["tea"]), Refused("kind must be text")),
        ("order", "price", json!("9.5"), Refused("price must be a number")),
        ("order", "price", json!("9.5, \"admin\": true"), Refused("price must be a number")),
        ("order", "price", json!(1e300), Sent),
        ("order", "by", json!("plane"), Refused("by must be one of foot, car")),
        ("order", "by", json!("foot|car"), Refused("by must be one of foot, car")),
        ("order", "by", json!(""), Refused("by must be one of foot, car")),
        ("order", "urgent", json!("false"), Refused("urgent must be true or false")),
        // Names.
        ("look", "host", json!("evil.example"), Refused("there is no argument host; there are: ")),
        ("look", "Kind", json!("tea"), Refused("there is no argument Kind")),
        ("look", "a\nb\u{202e}", json!(1), Refused("there is no argument a b\u{fffd}")),
        // Sizes and characters.
        ("look", "note", json!("x".repeat(501)), Refused("note has more than 500 characters")),
        ("look", "note", json!("ü".repeat(500)), Sent),
        ("order", "who", json!("x".repeat(1_000_000)), Refused("who has more than 500 characters")),
        ("look", "note", json!("a\r\nX-Evil: 1"), control()),
        ("look", "kind", json!("a\u{0}b"), control()),
        ("order", "who", json!("a\u{1b}[2J"), control()),
        ("order", "who", json!("a\u{85}b"), control()),
    ]
}

#[rustfmt::skip] // One fault a line: a table.
fn values_that_lead_elsewhere() -> Vec<Planted> {
    vec![
        // The path.
        ("look", "kind", json!(".."), Refused("must not be . or ..")),
        ("look", "kind", json!("."), Refused("must not be . or ..")),
        ("look", "kind", json!("../admin"), Refused("must not be . or ..")),
        ("look", "kind", json!("tea/../../admin"), Refused("must not be . or ..")),
        ("look", "kind", json!("..\\admin"), Refused("must not be . or ..")),
        ("look", "kind", json!("..;x=1/admin"), Refused("must not be . or ..")),
        ("look", "kind", json!(""), Refused("kind is empty")),
        ("look", "kind", json!("tea/green"), Sent),
        ("look", "kind", json!("..."), Sent),
        ("look", "kind", json!("%2e%2e%2fadmin"), Sent),
        ("look", "kind", json!("tea?fixed=2"), Sent),
        ("look", "kind", json!("tea#x"), Sent),
        ("look", "kind", json!("tea;v=1"), Sent),
        ("look", "kind", json!("//evil.example/x"), Sent),
        ("look", "kind", json!("@evil.example"), Sent),
        ("look", "kind", json!("http://169.254.169.254/latest/meta-data"), Sent),
        ("look", "kind", json!(" HTTP/1.1 "), Sent),
        ("order", "shop", json!(".."), Refused("must not be . or ..")),
        // The query.
        ("look", "note", json!("1&fixed=2"), Sent),
        ("look", "note", json!("1;fixed=2"), Sent),
        ("look", "note", json!("a+b c=d%26"), Sent),
        ("look", "note", json!("#fragment"), Sent),
        ("look", "note", json!("{near}{kind}"), Sent),
        ("look", "note", json!("größer 世界 👋"), Sent),
        ("look", "note", json!(""), Sent),
        // JSON.
        ("order", "who", json!("\", \"admin\": true, \"x\": \""), Sent),
        ("order", "who", json!("\\"), Sent),
        ("order", "who", json!("\\\", \"urgent\": true"), Sent),
        ("order", "who", json!("{count}{price}\\u0022"), Sent),
        ("order", "who", json!("</script>\u{2028}'"), Sent),
        ("order", "shop", json!("\"}"), Sent),
    ]
}

#[test]
fn whatever_a_model_gives_host_path_headers_and_shape_are_those_of_the_settings() {
    let bench = Bench::new(|_| ToolAnswer::Gives(Response::new(200, "text/plain", "done")));
    let mut planted = values_of_other_kinds();
    planted.extend(values_that_lead_elsewhere());
    assert!(planted.len() >= 60, "{}", planted.len());
    for (tool, name, value, becomes) in planted {
        let mut arguments = right(tool);
        arguments[name] = value.clone();
        let before = bench.server.requests().len();
        let told = bench.told(tool, Ok(arguments.clone()));
        let requests = bench.server.requests();
        match becomes {
            Refused(words) => {
                assert!(told.starts_with("error: "), "{name} {value}: {told}");
                assert!(told.contains(words), "{name} {value}: {told}");
                assert!(!told.contains(char::is_control), "{name} {value}: {told}");
                assert_eq!(requests.len(), before, "{name} {value}");
            }
            Sent => {
                assert_eq!(told, "done", "{name} {value}");
                let [request] = &requests[before..] else {
                    panic!("{name} {value}: {requests:?}");
                };
                assert_headers(&bench, request);
                assert_shape(tool, request, &arguments);
            }
        }
    }
}

fn assert_headers(bench: &Bench, request: &ToolRequest) {
    let host = bench.server.url();
    assert_eq!(Some(request.header("host")), host.strip_prefix("http://"));
    assert_eq!(request.header("x-key"), "a-key-of-many-letters");
    let mut names: Vec<_> = request
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    let mut expected = vec!["accept", "host", "user-agent", "x-key"];
    if request.method == "POST" {
        expected.extend(["content-length", "content-type"]);
        expected.sort_unstable();
    }
    assert_eq!(names, expected);
}

fn assert_shape(tool: &str, request: &ToolRequest, arguments: &Value) {
    let text = |name: &str| match &arguments[name] {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let decoded = |part: &str| {
        let decoded = percent_encoding::percent_decode_str(part).decode_utf8();
        decoded.expect("UTF-8").into_owned()
    };
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let segments: Vec<_> = path.split('/').map(decoded).collect();
    if tool == "look" {
        assert_eq!(request.method, "GET");
        let item = format!("items-{}.json", text("id"));
        assert_eq!(segments, ["", "shop", &text("kind"), &item]);
        let pairs: Vec<_> = query.split('&').map(decoded).collect();
        let [note, near] = ["note", "near"].map(|name| format!("{name}={}", text(name)));
        assert_eq!(pairs, [&note, "fixed=1", &near]);
        assert!(request.body.is_empty());
    } else {
        assert_eq!((request.method.as_str(), query), ("POST", ""));
        assert_eq!(segments, ["", "orders", &text("shop")]);
        let (who, shop) = (text("who"), text("shop"));
        let expected = json!({
            "who": who,
            "list": [format!("{who} at {shop}"), arguments["count"], arguments["price"]],
            "urgent": arguments["urgent"],
            "how": {"by": arguments["by"]},
            "{}": "{ who }",
        });
        assert_eq!(request.json(), expected);
    }
}

#[test]
fn what_is_no_call_of_a_tool_is_told_and_not_sent() {
    let bench = Bench::new(|_| ToolAnswer::Never);
    let long = "x".repeat(10_000);
    for (tool, arguments, expected) in [
        (
            "look",
            Err("{\"kind\": ".to_owned()),
            "the arguments are no JSON",
        ),
        ("look", Ok(json!([])), "the arguments must be a JSON object"),
        (
            "look",
            Ok(json!("kind=tea")),
            "the arguments must be a JSON object",
        ),
        (
            "look",
            Ok(Value::Null),
            "the arguments must be a JSON object",
        ),
        ("look", Ok(json!({})), "id is missing"),
        ("Look", Ok(right("look")), "there is no function Look"),
        (
            "look\nup",
            Ok(right("look")),
            "there is no function look up",
        ),
        ("", Ok(right("look")), "there is no function "),
        (&long, Ok(right("look")), "there is no function xxx"),
    ] {
        let told = bench.told(tool, arguments);
        assert!(told.starts_with(&format!("error: {expected}")), "{told}");
        assert!(told.len() < 300 && !told.contains('\n'), "{told}");
    }
    assert!(bench.server.requests().is_empty());
}

#[test]
fn a_caller_from_outside_has_no_internal_tool() {
    let bench = Bench::new(|_| ToolAnswer::Never);
    let names = |caller| -> Vec<_> {
        let all = bench.tools.functions(caller).into_iter();
        all.map(|function| function.name).collect()
    };
    assert_eq!(names(INSIDE), ["look", "order"]);
    assert_eq!(names(OUTSIDE), ["look"]);
    let call = Call {
        id: String::new(),
        name: "order".to_owned(),
        arguments: Ok(right("order")),
    };
    let told = bench.tools.call(OUTSIDE, &call, &Hangup::default());
    assert_eq!(told, "error: there is no function order");
    assert!(bench.server.requests().is_empty());
}

#[test]
fn a_model_is_told_of_a_tool_by_a_schema() {
    let bench = Bench::new(|_| ToolAnswer::Never);
    let functions = bench.tools.functions(INSIDE);
    assert_eq!(functions[1].description, "Orders something");
    let expected = json!({
        "type": "object",
        "properties": {
            "shop": {"type": "string", "description": "a shop"},
            "who": {"type": "string", "description": "a name"},
            "count": {"type": "integer", "description": "how many"},
            "price": {"type": "number", "description": "what it costs"},
            "urgent": {"type": "boolean", "description": "whether at once"},
            "by": {"type": "string", "enum": ["foot", "car"], "description": "how it comes"},
        },
        "required": ["by", "count", "price", "shop", "urgent", "who"],
    });
    assert_eq!(functions[1].parameters, expected);
}

#[test]
fn a_schema_tells_what_may_be_left_out_and_has_no_word_of_what_there_is_not() {
    let text = "[tool.a]\ndescription = 'x'\nurl = 'https://host/'\n\
        [tool.b]\ndescription = 'x'\nurl = 'https://host/?b={b}'\narguments.b = 'optional whole: b'\n\
        [tool.c]\ndescription = 'x'\nurl = 'https://host/{c}?b={b}'\n\
        arguments = { b = 'optional whole: b', c = 'text: c' }\n";
    let config = Config::of_text(Needs::Nothing, text, "config.toml".into(), &|_| None);
    let tools = Tools::new(&config.expect("right settings")).expect("a client");
    let (b, c) = (
        json!({"type": "integer", "description": "b"}),
        json!({"type": "string", "description": "c"}),
    );
    let schemas: Vec<_> = tools
        .functions(OUTSIDE)
        .into_iter()
        .map(|it| it.parameters)
        .collect();
    let expected = [
        json!({"type": "object", "properties": {}}),
        json!({"type": "object", "properties": {"b": b}}),
        json!({"type": "object", "properties": {"b": b, "c": c}, "required": ["c"]}),
    ];
    assert_eq!(schemas, expected);
}

fn gives(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> ToolAnswer {
    ToolAnswer::Gives(Response::new(status, kind, body))
}

#[test]
fn whatever_a_server_answers_the_model_is_told_in_a_few_words() {
    let other = ToolServer::start(|_| gives(200, "text/plain", "from elsewhere"));
    let away = |status: u16| {
        let url = other.url() + "/x";
        ToolAnswer::Gives(Response::new(status, "text/plain", "").header("Location", &url))
    };
    let json = "application/json; charset=utf-8";
    let page = "<html><head><title>t</title></head><body><p>Tea &amp; cake</p><script>x()</script></body></html>";
    let long = json!({"all": "ü".repeat(20_000)}).to_string();
    let lines = "name,room\r\nAnna,12\r\n";
    let table = [
        (
            away(301),
            "error: the server answered 301, a redirect, which is not followed",
        ),
        (away(302), "error: the server answered 302, a redirect"),
        (away(307), "error: the server answered 307, a redirect"),
        (
            gives(401, json, "{\"error\": \"a-key-of-many-letters is wrong\"}"),
            "error: the server answered 401",
        ),
        (
            gives(404, "text/html", page),
            "error: the server answered 404: there is nothing",
        ),
        (gives(500, json, "{}"), "error: the server answered 500"),
        (ToolAnswer::Never, "error: no whole answer within 0.5 s"),
        (
            ToolAnswer::Stalls(Response::new(200, json, "{\"a\": 1}")),
            "error: no whole answer within",
        ),
        (ToolAnswer::Resets, "error: the answer broke off"),
        (
            gives(200, "text/plain", "x".repeat(65_537)),
            "error: the answer has more than 64 kB",
        ),
        (
            gives(200, "image/png", "\u{89}PNG"),
            "error: the answer is no text, but image/png",
        ),
        (
            gives(200, "text/plain", b"a\0b".to_vec()),
            "error: the answer is no text, but text/plain",
        ),
        (
            gives(200, "evil\"<x>", "\u{1}x"),
            "error: the answer is no text, but content of an unknown type",
        ),
        (
            gives(
                200,
                json,
                "{\"b\": [1.50, 12345678901234567890123],\n \"a\": \"x \\\" y\"}",
            ),
            "{\"b\":[1.50,12345678901234567890123],\"a\":\"x \\\" y\"}",
        ),
        (
            gives(
                200,
                json,
                "{\"error\": {\"code\": 404, \"message\": \"x\"}}",
            ),
            "{\"error\":{\"code\":404",
        ),
        (gives(200, json, "not JSON"), "not JSON"),
        (gives(200, json, "[".repeat(10_000)), "[[[["),
        (gives(200, json, long), "{\"all\":\"üüü"),
        (gives(200, "text/html", page), "Tea & cake"),
        (gives(200, "text/csv", lines), "name,room\nAnna,12"),
        (gives(200, "text/plain", b"caf\xe9".to_vec()), "caf\u{fffd}"),
        (
            gives(200, "text/plain", "\u{feff}a\u{1b}[2Jb\u{202e}c"),
            "a[2Jbc",
        ),
        (gives(200, "", "{\"a\": 1}"), "{\"a\":1}"),
        (gives(204, "text/plain", ""), "done; the answer is empty"),
        (gives(200, json, " \n"), "done; the answer is empty"),
    ];
    for (answer, expected) in table {
        let shown = format!("{answer:?}").chars().take(200).collect::<String>();
        let bench = Bench::new(move |_| answer.clone());
        let told = bench.told("order", Ok(right("order")));
        assert!(told.starts_with(expected), "{shown}: {told}");
        assert!(told.len() <= 8 * 1024, "{shown}");
        let is_shown = |c: char| c == '\n' || !c.is_control();
        assert!(told.chars().all(is_shown), "{shown}: {told}");
        assert!(!told.starts_with("error") || !told.contains('\n'), "{told}");
        assert!(!told.contains("a-key-of-many-letters"), "{told}");
        assert_eq!(
            bench.server.requests().len(),
            1,
            "{shown}: a POST is never repeated"
        );
    }
    assert!(other.requests().is_empty(), "no redirect is followed");
}

#[test]
fn what_is_longer_than_a_model_is_told_ends_with_a_mark_at_a_character() {
    for (body, is_cut) in [
        ("x".repeat(8 * 1024), false),
        ("x".repeat(8 * 1024 + 1), true),
        ("ü".repeat(4 * 1024 + 1), true),
    ] {
        let told = reply::told("text/plain", body.as_bytes()).expect("text");
        assert_eq!(told.ends_with("(the rest was left out)"), is_cut);
        assert!(
            (8 * 1024 - 1..=8 * 1024).contains(&told.len()),
            "{}",
            told.len()
        );
    }
}

#[test]
fn a_hang_up_ends_the_wait_for_a_server() {
    let (server_asked, asked) = std::sync::mpsc::channel();
    let bench = Bench::new(move |_| {
        server_asked.send(()).expect("the test listens");
        ToolAnswer::Never
    });
    let cancel = Hangup::default();
    let raises = cancel.clone();
    let other = std::thread::spawn(move || {
        asked.recv().expect("it is asked");
        raises.raise();
    });
    let call = Call {
        id: String::new(),
        name: "look".to_owned(),
        arguments: Ok(right("look")),
    };
    let told = bench.tools.call(INSIDE, &call, &cancel);
    other.join().expect("it ends");
    assert_eq!(told, "error: it was given up");
}

#[test]
fn without_its_header_nothing_is_asked() {
    let bench = Bench::new(|_| ToolAnswer::Never);
    let header = bench.folder.path().join("header");
    fs::write(&header, "a-secret-without-a-name").expect("written");
    let told = bench.told("look", Ok(right("look")));
    assert_eq!(told, "error: it cannot be used, as its settings are wrong");
    fs::remove_file(header).expect("removed");
    let told = bench.told("look", Ok(right("look")));
    assert_eq!(told, "error: it cannot be used, as its settings are wrong");
    assert!(bench.server.requests().is_empty());
}

const NOON: u64 = 20_000 * 86_400 + 43_200;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn after_ten_wrong_pins_in_a_day_none_of_that_number_is_taken() {
    let bench = Bench::new(|_| ToolAnswer::Never);
    let pin = bench.tools.pin("order").expect("it has one");
    assert!(bench.tools.pin("look").is_none() && bench.tools.pin("x").is_none());
    let verify = |typed: &str, caller: &str, at_second| pin.verify(typed, caller, at(at_second));
    assert_eq!(verify("4821", "+4930123456", NOON), Verdict::Right);
    let wrong = [
        "", "482", "48211", "4820", "0000", "4821#", " 4821", "4821\0", "x", "٤٨٢١",
    ];
    for typed in wrong {
        assert_eq!(
            verify(typed, "+4930123456", NOON),
            Verdict::Wrong,
            "{typed}"
        );
    }
    for caller in ["+4930123456", "0049 30 123456"] {
        assert_eq!(verify("4821", caller, NOON), Verdict::Locked, "{caller}");
        assert_eq!(
            verify("4821", caller, NOON - 86_400),
            Verdict::Locked,
            "a clock that was set back"
        );
    }
    assert_eq!(verify("4821", "+4930123457", NOON), Verdict::Right);
    for caller in ["", "anonymous", "<unknown>"].iter().cycle().take(10) {
        assert_eq!(verify("1", caller, NOON), Verdict::Wrong);
    }
    assert_eq!(verify("4821", "restricted", NOON), Verdict::Locked);
    assert_eq!(verify("4821", "+4930123456", NOON + 86_400), Verdict::Right);
    let kept = fs::read_to_string(bench.folder.path().join("state/pins.json")).expect("kept");
    assert!(!kept.contains("4821"), "{kept}");
}

#[test]
fn where_tries_cannot_be_counted_no_pin_is_right() {
    let bench = Bench::new(|_| ToolAnswer::Never);
    let pin = bench.tools.pin("order").expect("it has one");
    let state = bench.folder.path().join("state");
    fs::create_dir(&state).expect("made");
    for broken in ["", "{", "{\"version\": 2}", "{\"version\":1,\"day\":1}"] {
        fs::write(state.join("pins.json"), broken).expect("written");
        assert_eq!(
            pin.verify("4821", "200", at(NOON)),
            Verdict::Locked,
            "{broken}"
        );
    }
    fs::remove_file(state.join("pins.json")).expect("removed");
    assert_eq!(pin.verify("4821", "200", at(NOON)), Verdict::Right);
    for file in ["", "482", "1234567890123", "48 21", "abcd"] {
        fs::write(bench.folder.path().join("pin"), file).expect("written");
        assert_eq!(pin.verify(file, "200", at(NOON)), Verdict::Locked, "{file}");
        let why = pin.read().expect_err("no PIN");
        assert!(
            why.contains("4 to 12 digits") && !why.contains("48 21"),
            "{why}"
        );
    }
}
