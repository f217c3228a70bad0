//! The settings that documents show: all there are, no others, and such that work.

use std::fs;
use std::path::Path;
use std::process::Command;

use phone_assistant::cmd::help;
use phone_assistant::config::keys::{KEYS, Key};
use phone_assistant::config::personas::PERSONA_KEYS;
use phone_assistant::config::tools::TOOL_KEYS;
use phone_assistant::manual::EXAMPLES;
use testkit::Stage;

use super::reading::{blocks, code, document, documents, example, topic, words};
use crate::house::{House, PATIENCE, argument, program};
use crate::personas;

#[test]
fn every_setting_has_its_row_with_values_default_and_meaning() {
    let all = help::page("settings").unwrap();
    for key in KEYS {
        let row = help::page(key.name).unwrap();
        let (values, default) = (key.kind, words(key.default));
        let expected = format!(
            "{} values: {values} default: {default} {}",
            key.name, key.meaning
        );
        assert_eq!(words(&row), words(&expected));
        assert!(key.meaning.len() > 5, "{} has no meaning", key.name);
        assert!(all.contains(&row), "help settings lacks\n{row}");
    }
    let (_, rows) = all.split_once("ALL SETTINGS\n").unwrap();
    let names: Vec<_> = rows
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(' '))
        .collect();
    let expected: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    assert_eq!(names, expected);
}

/// `stt.language`, `[stt] language`, and `language` under `[stt]`.
#[test]
fn every_setting_that_a_document_names_exists() {
    let meanings = KEYS
        .iter()
        .map(|key| (key.name.to_owned(), key.meaning.to_owned()));
    let mut seen = 0;
    for (document, text) in documents().into_iter().chain(meanings) {
        let named = code(&text)
            .iter()
            .filter_map(|span| named_by(span))
            .chain(named_under_tables(&text))
            .collect::<Vec<_>>();
        for name in named {
            assert!(is_known(&name), "{document}: {name}");
            seen += 1;
        }
    }
    assert!(seen > 60, "only {seen} settings found");
}

/// Whether it is the name of a setting or of a table of them.
fn is_known(name: &str) -> bool {
    KEYS.iter().any(|key| {
        let rest = key.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The setting or table that the code in a line names, if it names one: `stt.language`, `[stt]` or `[stt] language`.
fn named_by(span: &str) -> Option<String> {
    let is_name = |text: &str| {
        let mut parts = text.split('.');
        parts.all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        })
    };
    let Some((table, rest)) = span.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        let table = span.split_once('.')?.0;
        return (is_name(span) && is_known(table)).then(|| span.to_owned());
    };
    if !is_name(table) || table.starts_with("persona") || span.contains('\n') {
        return None;
    }
    let key = rest.split_whitespace().next();
    Some(key.map_or(table.to_owned(), |key| format!("{table}.{key}")))
}

/// `key` under `[table]`.
fn named_under_tables(text: &str) -> Vec<String> {
    let parts: Vec<_> = text.split("` under `[").collect();
    let pairs = parts.windows(2).map(|pair| {
        let key = pair[0].rsplit('`').next().unwrap_or_default();
        let key = key.split(' ').next().unwrap_or_default();
        let table = pair[1].split(']').next().unwrap_or_default();
        format!("{table}.{key}")
    });
    pairs.collect()
}

/// In the manual, in README, and of the files that are to be copied.
#[test]
fn every_setting_in_a_block_exists() {
    fn check(place: &str, table: &toml::Table, path: &str) {
        for (name, value) in table {
            let name = format!("{path}{name}");
            match value {
                toml::Value::Table(table) => check(place, table, &format!("{name}.")),
                _ => assert!(
                    KEYS.iter().any(|key| key.name == name)
                        || is_of_persona(&name)
                        || is_of_tool(&name),
                    "{place}: {name}"
                ),
            }
        }
    }
    let blocks_of = |(name, text): (String, String)| {
        blocks(&text, "toml")
            .into_iter()
            .map(move |block| (name.clone(), block))
    };
    let files = EXAMPLES
        .iter()
        .filter(|file| {
            Path::new(file.name)
                .extension()
                .is_some_and(|end| end == "toml")
        })
        .map(|file| (file.name.to_owned(), file.text.clone()));
    let all: Vec<_> = documents()
        .into_iter()
        .flat_map(blocks_of)
        .chain(files)
        .collect();
    assert!(all.len() >= 6, "only {} blocks", all.len());
    for (place, block) in all {
        check(&place, &block.parse().unwrap(), "");
    }
}

fn is_of_persona(name: &str) -> bool {
    let mut parts = name.split('.');
    let key = parts.clone().nth(2);
    parts.next() == Some("persona")
        && parts.count() == 2
        && PERSONA_KEYS.iter().any(|known| Some(known.name) == key)
}

/// Is that one of the settings of a tool?
pub(crate) fn is_of_tool(name: &str) -> bool {
    let own = name.strip_prefix("tool.");
    let key = own.and_then(|own| own.split('.').nth(1));
    TOOL_KEYS.iter().any(|known| Some(known.name) == key)
}

#[test]
fn every_key_of_a_tool_has_its_line() {
    let rows = topic("tools").lines();
    let rows: Vec<_> = rows.filter(|line| line.starts_with("| `")).collect();
    let default = |key: &Key| match key.default {
        "none" => "none".to_owned(),
        default => format!("`{default}`"),
    };
    let row = |key: &Key| {
        let Key {
            name,
            kind,
            meaning,
            ..
        } = key;
        format!("| `{name}` | {kind} | {} | {meaning} |", default(key))
    };
    assert_eq!(rows, TOOL_KEYS.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn every_key_of_a_persona_has_its_line() {
    let rows = topic("personas").lines();
    let rows: Vec<_> = rows.filter(|line| line.starts_with("| `")).collect();
    let expected = PERSONA_KEYS
        .iter()
        .map(|key| format!("| `{}` | {} |", key.name, key.stands_for));
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
fn the_personas_of_the_manual_have_no_other_keys() {
    let settings: toml::Table = example("personas.toml").parse().unwrap();
    let personas = settings["persona"].as_table().unwrap();
    assert_eq!(personas.len(), 2);
    let tables = personas.values().filter_map(toml::Value::as_table);
    for key in tables.flat_map(toml::Table::keys) {
        let is_known = PERSONA_KEYS.iter().any(|known| known.name == key);
        assert!(is_known, "{key}");
    }
}

#[test]
fn the_configuration_without_a_cloud_carries_a_call() {
    let house = House::new();
    let mut own = example("local.toml").to_owned();
    for server in [
        "http://127.0.0.1:8000",
        "http://127.0.0.1:11434",
        "http://127.0.0.1:8880",
    ] {
        assert!(own.contains(server), "{server}");
        own = own.replace(server, &house.sandbox.plain_url());
    }
    carries_a_call(&house, &own);
    assert_eq!(
        house.sandbox.requests().len(),
        house.sandbox.paid_requests()
    );
}

/// But for the key, and where the service is.
#[test]
fn the_configuration_with_one_key_carries_a_call() {
    let house = House::new();
    let sandbox: toml::Table = house.sandbox.config_toml().parse().unwrap();
    let of = |table: &str, key: &str| format!("{key} = {}\n", sandbox[table][key]);
    let url = format!("base_url = {}\n", sandbox["tts"]["openai"]["base_url"]);
    let own = example("openai.toml")
        .replace("api_key = \"\"\n", &of("openai", "api_key"))
        .replace("[llm.openai]\n", &format!("[llm.openai]\n{url}"));
    let ca_file = of("http", "ca_file");
    let own = format!("{own}[stt.openai]\n{url}[tts.openai]\n{url}[http]\n{ca_file}");
    carries_a_call(&house, &own);
    for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
        assert!(!house.sandbox.requests_to(stage).is_empty(), "{stage:?}");
    }
}

fn carries_a_call(house: &House, settings: &str) {
    let config = house.other().join("config.toml");
    fs::write(&config, format!("call.arguments = 'all'\n{settings}")).unwrap();
    Command::new("chmod")
        .arg("600")
        .arg(&config)
        .status()
        .unwrap();
    house.ask("question-moon.wav");
    let outcome = testkit::Call::builder(program())
        .arg(argument("recording", &house.recording()))
        .arg(argument("reply", &house.reply()))
        .arg(argument("config", &config))
        .arg("log.calls=")
        .arg(argument("state.folder", &house.other().join("state")))
        .arg("reply.play=dialplan")
        .start()
        .finish(PATIENCE);
    outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
}

#[test]
fn the_settings_that_the_installer_writes_are_known_and_show_the_defaults() {
    let installer = document("install.sh");
    let (_, settings) = installer.split_once("<<'TOML'\n").unwrap();
    let (settings, _) = settings.split_once("\nTOML\n").unwrap();
    let (mut table, mut seen, mut of_kitchen) = ("", 0, 0);
    for line in settings.lines() {
        let line = line.trim_start_matches('#');
        if let Some(name) = line.strip_prefix('[') {
            table = name.split(']').next().unwrap();
        } else if let Some((name, value)) = line.split_once(" = ") {
            let name = match table {
                "" => name.to_owned(),
                table => format!("{table}.{name}"),
            };
            if personas::is_of_kitchen(&name) {
                assert!(line.ends_with("# an example"), "{name} has no default");
                of_kitchen += 1;
                continue;
            }
            let keys = KEYS.iter().map(|key| (key.name.to_owned(), key));
            let of_tool = TOOL_KEYS.iter();
            let of_tool = of_tool.map(|key| (format!("tool.weather.{}", key.name), key));
            let (_, key) = keys
                .chain(of_tool)
                .find(|(known, _)| *known == name)
                .unwrap_or_else(|| panic!("{name} does not exist"));
            let value = value.split(" #").next().unwrap().trim();
            assert!(
                value == key.default || line.ends_with("# an example"),
                "{name} shows {value}"
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} settings found");
    assert_eq!(of_kitchen, PERSONA_KEYS.len());
}
