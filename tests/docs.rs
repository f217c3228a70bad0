//! Documents are tested: README's table of settings against the code, its persona, its commands.

use std::fs;
use std::path::Path;

use phone_assistant::config::keys::{ENVIRONMENT, KEYS};
use phone_assistant::config::personas::PERSONA_KEYS;

use crate::house::{House, PATIENCE, argument, program};
use crate::personas;

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn readme() -> String {
    document("README.md")
}

/// The default column: a long text stands below the table.
fn default_of(default: &str) -> String {
    if default.len() > 80 {
        "see below".to_owned()
    } else {
        format!("`{default}`")
    }
}

#[test]
fn every_setting_has_its_line_with_values_and_default() {
    let readme = readme();
    for key in KEYS {
        let start = format!(
            "| `{}` | {} | {} | ",
            key.name,
            key.kind,
            default_of(key.default)
        );
        let line = readme.lines().find(|line| line.starts_with(&start));
        let meaning = line
            .and_then(|line| line.strip_prefix(&start))
            .unwrap_or_default();
        assert!(
            meaning.len() > 5,
            "README lacks a line that begins {start:?}"
        );
    }
    let rows = readme
        .lines()
        .filter(|line| line.starts_with("| `") && line.matches('|').count() == 5);
    for row in rows {
        let name = row.split('`').nth(1).unwrap();
        assert!(
            KEYS.iter().any(|key| key.name == name),
            "README has a setting {name} that does not exist"
        );
    }
}

#[test]
fn every_key_of_a_persona_has_its_line() {
    let readme = readme();
    let (_, section) = readme.split_once("### Several personas").unwrap();
    let rows = section.split("\n## ").next().unwrap().lines();
    let rows: Vec<_> = rows.filter(|line| line.starts_with("| `")).collect();
    let expected = PERSONA_KEYS
        .iter()
        .map(|key| format!("| `{}` | {} |", key.name, key.stands_for));
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

#[test]
fn the_personas_of_the_readme_have_no_other_keys() {
    let readme = readme();
    let (_, section) = readme.split_once("### Several personas").unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    let settings: toml::Table = block.split_once("```").unwrap().0.parse().unwrap();
    let personas = settings["persona"].as_table().unwrap();
    assert_eq!(personas.len(), 2);
    let tables = personas.values().filter_map(toml::Value::as_table);
    for key in tables.flat_map(toml::Table::keys) {
        let is_known = PERSONA_KEYS.iter().any(|known| known.name == key);
        assert!(is_known, "{key}");
    }
}

#[test]
fn the_default_persona_is_quoted() {
    let persona = KEYS
        .iter()
        .find(|key| key.name == "llm.persona")
        .unwrap()
        .default;
    assert!(readme().contains(&format!("> {}", persona.trim_matches('"'))));
}

#[test]
fn the_configuration_without_a_cloud_carries_a_call() {
    let readme = readme();
    let (_, rest) = readme.split_once("### No cloud at all").unwrap();
    let (_, block) = rest.split_once("```toml\n").unwrap();
    let (settings, _) = block.split_once("```").unwrap();
    let house = House::new();
    let mut own = settings.to_owned();
    for server in [
        "http://127.0.0.1:8000",
        "http://127.0.0.1:11434",
        "http://127.0.0.1:8880",
    ] {
        assert!(own.contains(server), "{server}");
        own = own.replace(server, &house.sandbox.plain_url());
    }
    let config = house.other().join("config.toml");
    fs::write(&config, format!("call.arguments = 'all'\n{own}")).unwrap();
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
    assert_eq!(
        house.sandbox.requests().len(),
        house.sandbox.paid_requests()
    );
}

#[test]
fn every_command_and_option_of_the_doctor_is_named() {
    let readme = readme();
    for words in [
        "`phone-assistant check`",
        "`--json`",
        "`--offline`",
        "`--quiet`",
        "--watch",
    ] {
        assert!(readme.contains(words), "{words}");
    }
}

#[test]
fn environment_variables_and_variables_of_the_contract_are_named() {
    let readme = readme();
    for (variable, _) in ENVIRONMENT {
        assert!(readme.contains(variable), "{variable}");
    }
    for variable in ["STATUS", "FILE", "QUESTION", "ANSWER", "ERROR", "KEY"] {
        assert!(
            readme.contains(&format!("`ASSISTANT_{variable}`")),
            "{variable}"
        );
    }
    for status in [
        "ANSWERED", "NOSPEECH", "PARTIAL", "FAILED", "LIMITED", "TRANSFER", "HANGUP",
    ] {
        assert!(readme.contains(&format!("`{status}`")), "{status}");
    }
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
            let name = format!("{table}.{name}");
            if personas::is_of_kitchen(&name) {
                assert!(line.ends_with("# an example"), "{name} has no default");
                of_kitchen += 1;
                continue;
            }
            let key = KEYS
                .iter()
                .find(|key| key.name == name)
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

#[test]
fn the_quick_start_is_what_ci_runs() {
    let (_, block) = readme().split_once("```sh\n").map(own).unwrap();
    let ci = document(".ci/run");
    let commands: Vec<_> = block
        .lines()
        .take_while(|line| *line != "```")
        .filter(|line| line.starts_with("cargo "))
        .map(|line| line.split('#').next().unwrap().trim())
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        assert!(ci.contains(command), "{command} is not in .ci/run");
    }
}

fn own((before, after): (&str, &str)) -> (String, String) {
    (before.to_owned(), after.to_owned())
}

/// A Cargo that is too old for the edition says so, unless something before that is beyond it: words for `debug` are.
#[test]
fn an_old_cargo_comes_to_the_edition() {
    for manifest in ["Cargo.toml", "tests/support/Cargo.toml"] {
        let manifest: toml::Table = document(manifest).parse().unwrap();
        for profile in manifest["profile"].as_table().unwrap().values() {
            let debug = profile.get("debug").and_then(toml::Value::as_str);
            assert_eq!(debug, None, "in words");
        }
        assert_eq!(manifest["package"]["edition"].as_str(), Some("2024"));
        assert!(manifest["package"]["rust-version"].is_str());
    }
}
