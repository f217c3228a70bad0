//! What the settings of tools may say, as tables.

use super::*;
use crate::config::layers::Layers;

fn layers(file: &str) -> Layers {
    let mut layers = Layers::defaults();
    layers.add_file(file, "config.toml");
    layers
}

/// A table whose lines 3 and further are these.
fn faults(lines: &str) -> Vec<String> {
    layers(&format!("[tool.t]\ndescription = 'x'\n{lines}")).faults
}

#[test]
fn a_get_is_for_all_callers_and_a_post_for_internal_ones_unless_it_says_otherwise() {
    for (lines, is_internal) in [
        ("", false),
        ("method = 'GET'", false),
        ("callers = 'internal'", true),
        ("method = 'POST'", true),
        ("method = 'post'\ncallers = 'all'", false),
    ] {
        let lines = format!("[tool.t]\ndescription = 'x'\nurl = 'https://host'\n{lines}");
        let layers = layers(&lines);
        assert_eq!(layers.faults, Vec::<String>::new());
        let [tool] = &layers.tools.tools[..] else {
            panic!("{lines}");
        };
        assert_eq!(tool.is_internal, is_internal, "{lines}");
        assert_eq!(tool.timeout, Duration::from_secs(5));
        let asked = tool.asked(&Value::Null).expect("no arguments");
        assert_eq!(asked.url, "https://host/");
        let body = lines.to_lowercase().contains("post").then_some("{}");
        assert_eq!(asked.body.as_deref(), body);
    }
}

/// Expects one fault of these lines, with its place.
#[track_caller]
fn assert_fault(lines: &str, expected: &str) {
    let faults = faults(lines);
    let [only] = &faults[..] else {
        panic!("{lines}: {faults:?}");
    };
    assert!(only.contains(expected), "{lines}: {only}");
    assert!(only.starts_with("config.toml"), "{lines}: {only}");
    assert!(!only.contains("secret@"), "{only}");
}

#[test]
fn an_address_has_values_in_its_path_and_query_alone() {
    let table = [
        ("", "config.toml, line 1, column 7: tool.t.url is missing"),
        ("url = ''", "line 3, column 1: tool.t.url is missing"),
        (
            "url = 7",
            "line 3, column 1: tool.t.url must be text, found 7 without quotation marks",
        ),
        ("url = 'ftp://host'", "another scheme"),
        (
            "url = 'http://203.0.113.5/'",
            "which is on the internet: write https://",
        ),
        ("url = 'https://user:secret@host/'", "@ in it"),
        (
            "url = 'https://{a}/'\narguments.a = 'text: x'",
            "a { before the path",
        ),
        (
            "url = 'https://host:{a}/'\narguments.a = 'whole: x'",
            "a { before the path",
        ),
        (
            "url = '{a}'\narguments.a = 'text: x'",
            "a { before the path",
        ),
        (
            "url = 'https://host{a}'\narguments.a = 'text: x'",
            "a { before the path",
        ),
        (
            "url = 'https://host/?{a}=1'\narguments.a = 'text: x'",
            "in the name of a parameter",
        ),
        (
            "url = 'https://host/?x=1&{a}'\narguments.a = 'text: x'",
            "in the name of a parameter",
        ),
        (
            "url = 'https://host/#{a}'\narguments.a = 'text: x'",
            "# in it",
        ),
        ("url = 'https://host/a b'", "a blank in it: write %20"),
        (
            "url = 'https://host/ü'",
            "a character that addresses cannot have",
        ),
        ("url = 'https://host/{a'", "a { that is no part of a {name}"),
        (
            "url = 'https://host/{a b}'",
            "a { that is no part of a {name}",
        ),
    ];
    for (lines, expected) in table {
        assert_fault(lines, expected);
    }
}

#[test]
fn each_fault_of_a_tool_is_told_with_its_place() {
    let url = "url = 'https://host/{a}'\narguments.a = 'text: x'";
    let table = [
        (
            "url = 'https://host/{b}'",
            "line 3, column 1: tool.t.url has {b}, which is none of its arguments",
        ),
        (
            "url = 'https://host/'\narguments.a = 'text: x'",
            "line 4, column 11: tool.t.arguments.a stands nowhere",
        ),
        (
            "url = 'https://host/{a}'\narguments.a = 'date: x'",
            "line 4, column 11: tool.t.arguments.a has the type \"date\", which is none of",
        ),
        (
            "url = 'https://host/'\nmethod = 'POST'\njson = '{a}'\narguments.a = 'optional whole: x'",
            "tool.t.arguments.a is optional and all that json has",
        ),
        (
            "url = 'https://host/{a}?b={a}'\narguments.a = 'optional text: x'",
            "line 4, column 11: tool.t.arguments.a is optional and stands in the path of url",
        ),
        (
            "url = 'https://host/?a={a}'\narguments.a = 'optional: x'",
            "line 4, column 11: tool.t.arguments.a has the type \"optional\", which is none of",
        ),
        (
            "url = 'https://host/{a}'\narguments.a = 'text'",
            "must be a type, a colon and a description",
        ),
        (
            "url = 'https://host/{a}'\narguments.a = 'text: '",
            "must be a type, a colon and a description",
        ),
        (
            "url = 'https://host/{a}'\narguments.a = 'x||y: z'",
            "lacks a word beside |",
        ),
        (
            "url = 'https://host/{a}'\narguments.a = 7",
            "7 without quotation marks",
        ),
        (
            "url = 'https://host/'\narguments.'a-b' = 'text: x'",
            "letters without accents, digits and _",
        ),
        (
            "url = 'https://host/'\narguments = 'text: x'",
            "tool.t.arguments must be a table",
        ),
        (
            &format!("{url}\nmethod = 'PUT'"),
            "tool.t.method must be GET, POST, found \"PUT\"",
        ),
        (
            &format!("{url}\njson = '{{}}'"),
            "tool.t.json is the body of a POST",
        ),
        (
            &format!("{url}\nmethod = 'POST'\njson = '{{\"x\": }}'"),
            "found no JSON in line 1, column 7",
        ),
        (
            &format!("{url}\nmethod = 'POST'\njson = '{{\"x\": {{a}}}}'"),
            "has {a} without quotation marks, which is text",
        ),
        (
            &format!("{url}\nmethod = 'POST'\njson = '{{\"{{a}}\": 1}}'"),
            "in the name of a member",
        ),
        (
            &format!("{url}\nmethod = 'POST'\njson = '{{\"x\": \"{{b}}\"}}'"),
            "tool.t.json has {b}, which is none",
        ),
        (
            &format!("{url}\ntimeout = 60"),
            "tool.t.timeout must be 0.5 to 30 s, found 60.0",
        ),
        (
            &format!("{url}\ncallers = 'none'"),
            "tool.t.callers must be all, internal",
        ),
        (
            &format!("{url}\nheaders_file = 'x'"),
            "line 5, column 1: unknown setting tool.t.headers_file (did you mean header_file?)",
        ),
        (
            &format!("{url}\nfrobnicate = 1"),
            "(a tool has description, url, method, json, ",
        ),
    ];
    for (lines, expected) in table {
        assert_fault(lines, expected);
    }
}

#[test]
fn what_stands_around_an_optional_argument_is_left_out_with_it() {
    let lines = "url = 'https://host/{a}?x={b}&y=1&z={c}-{d}'\nmethod = 'POST'\n\
        json = '{\"b\": \"{b}\", \"c\": {c}, \"list\": [{c}, \"at {d}\", {\"d\": \"{d}\"}], \"a\": \"{a}\"}'\n\
        arguments = { a = 'text: x', b = 'optional text: x', c = 'optional whole: x', d = 'optional  u|v : x' }";
    let layers = layers(&format!("[tool.t]\ndescription = 'x'\n{lines}"));
    assert_eq!(layers.faults, Vec::<String>::new());
    let table = [
        (
            serde_json::json!({"a": "A", "b": "B", "c": 3, "d": "u"}),
            "https://host/A?x=B&y=1&z=3-u",
            r#"{"b":"B","c":3,"list":[3,"at u",{"d":"u"}],"a":"A"}"#,
        ),
        (
            serde_json::json!({"a": "A", "b": null, "d": "u"}),
            "https://host/A?y=1",
            r#"{"list":["at u",{"d":"u"}],"a":"A"}"#,
        ),
        (
            serde_json::json!({"a": "A"}),
            "https://host/A?y=1",
            r#"{"list":[{}],"a":"A"}"#,
        ),
    ];
    let tool = &layers.tools.tools[0];
    for (arguments, url, body) in table {
        let asked = tool.asked(&arguments).expect("right");
        assert_eq!(asked.url, url);
        let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(
            read(&asked.body.expect("a POST")),
            read(body),
            "{arguments}"
        );
        assert_eq!(&asked.url[..asked.shown], "https://host/");
    }
    let missing = tool.asked(&serde_json::json!({"b": "B"})).expect_err("one");
    assert_eq!(missing, "a is missing");
}

#[test]
fn a_query_of_optional_arguments_alone_may_be_none() {
    let lines = "url = 'https://host/x?a={a}&b={b}'\narguments = { a = 'optional text: x', b = 'optional text: x' }";
    let layers = layers(&format!("[tool.t]\ndescription = 'x'\n{lines}"));
    let tool = &layers.tools.tools[0];
    for (arguments, url) in [
        (Value::Null, "https://host/x"),
        (serde_json::json!({"b": "é"}), "https://host/x?b=%C3%A9"),
    ] {
        assert_eq!(tool.asked(&arguments).expect("right").url, url);
    }
}

#[test]
fn a_table_without_description_or_with_a_name_of_another_form_is_a_fault() {
    let long = format!("[tool.{}]", "a".repeat(65));
    for (head, expected) in [
        (
            "[tool.t]",
            "line 1, column 7: tool.t.description is missing",
        ),
        (
            "[tool.my-tool]\ndescription = 'x'",
            "the name of a tool has up to 64 letters",
        ),
        (
            "[tool.'a b']\ndescription = 'x'",
            "the name of a tool has up to 64 letters",
        ),
        (&long, "the name of a tool has up to 64 letters"),
        (
            "[tool]\nurl = 'x'\n[tool.t]\ndescription = 'x'",
            "belongs to no tool",
        ),
    ] {
        let faults = layers(&format!("{head}\nurl = 'https://host'\n")).faults;
        assert_eq!(faults.len(), 1, "{head}: {faults:?}");
        assert!(faults[0].contains(expected), "{faults:?}");
    }
    let many = |count: u32| {
        let tables =
            (0..count).map(|i| format!("[tool.t{i}]\ndescription = 'x'\nurl = 'https://host'\n"));
        layers(&tables.collect::<String>()).faults
    };
    assert_eq!(many(16), Vec::<String>::new());
    assert_eq!(
        many(17),
        ["config.toml: 17 tools under [tool]; there may be 16"]
    );
}

#[test]
fn no_value_and_no_query_of_an_address_is_shown() {
    let text = "[tool.t]\ndescription = 'x'\nurl = 'https://host/a/{b}/c?key=secret&d={e}'\n\
        arguments = { b = 'text: x', e = 'text: x' }";
    let layers = layers(text);
    let shown = layers.shown();
    let url = shown.iter().find(|shown| shown.name == "tool.t.url");
    assert_eq!(url.expect("it is set").value, "\"https://host/a/{b}/c?…\"");
    let arguments = serde_json::json!({"b": "words", "e": "words"});
    let asked = layers.tools.tools[0].asked(&arguments).expect("right");
    assert_eq!(&asked.url[..asked.shown], "https://host/a/");
}

#[test]
fn a_header_or_pin_that_everybody_may_read_is_a_fault() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use crate::config::{Config, Needs};

    let folder = testkit::TempDir::new().expect("a temporary folder");
    for (key, mode, is_fault) in [
        ("header_file", 0o644, true),
        ("header_file", 0o640, false),
        ("pin_file", 0o604, true),
        ("pin_file", 0o600, false),
    ] {
        let file = folder.path().join(format!("{key}-{mode:o}"));
        fs::write(&file, "x").expect("written");
        fs::set_permissions(&file, Permissions::from_mode(mode)).expect("set");
        let text = format!(
            "[tool.t]\ndescription = 'x'\nurl = 'https://host'\n{key} = '{}'\n",
            file.display()
        );
        let loaded = Config::of_text(Needs::Nothing, &text, "config.toml".into(), &|_| None);
        let faults = loaded.map_or_else(|faults| faults.all().to_vec(), |_| Vec::new());
        assert_eq!(
            faults.len(),
            usize::from(is_fault),
            "{key} {mode:o}: {faults:?}"
        );
        assert!(
            faults
                .iter()
                .all(|fault| fault.contains("everybody on this machine may read it"))
        );
    }
}
