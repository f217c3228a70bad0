//! Documents are tested: README and the manual against the code, and against each other.

pub(crate) mod reading;
pub(crate) mod settings;

#[path = "../src/packaging/manual_page.rs"]
mod manual_page;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use phone_assistant::cmd::check::Status;
use phone_assistant::cmd::help;
use phone_assistant::config::keys::{ENVIRONMENT, KEYS};
use phone_assistant::manual::{EXAMPLES, TOPICS};

use crate::house::program;
pub(crate) use reading::example;
use reading::{
    anchors, blocks, code, document, documents, is_of_topic, readme, root, section, source_files,
    sources, topic, variables, words_behind,
};

#[test]
fn the_newest_version_of_the_changes_is_the_one_that_is_built() {
    let heading = topic("changes")
        .lines()
        .find_map(|line| line.strip_prefix("## "));
    assert_eq!(heading, Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_man_page_has_all_words_of_the_manual_and_nothing_that_groff_takes_for_another() {
    let page = manual_page::page(env!("CARGO_PKG_VERSION"));
    let known = [
        ".TH", ".SH", ".SS", ".PP", ".TP", ".IP", ".RS", ".RE", ".nf", ".fi", ".B", ".br",
    ];
    for line in page.lines() {
        assert!(!line.is_empty() && !line.contains('`'), "{line}");
        let first = line.split(' ').next().unwrap();
        let is_request = line.starts_with(['.', '\'']);
        assert!(!is_request || known.contains(&first), "{line}");
    }
    // The head of a table stands above Markdown's own line, and no fence is shown.
    let without_heads = |text: &str| {
        let lines: Vec<_> = text.lines().collect();
        let is_head = |index: usize| {
            lines
                .get(index + 1)
                .is_some_and(|line| line.starts_with("|--"))
        };
        let is_shown = |index: &usize| !is_head(*index) && !lines[*index].starts_with("```");
        let kept = (0..lines.len()).filter(is_shown);
        kept.map(|index| lines[index])
            .collect::<Vec<_>>()
            .join("\n")
    };
    let escapes = [
        ("\\fB", ""),
        ("\\fR", ""),
        ("\\&", ""),
        ("\\-", "-"),
        ("\\(aq", "'"),
        ("\\(dq", "\""),
        ("\\(ga", "`"),
        ("\\(ha", "^"),
        ("\\(ti", "~"),
        ("\\(rs", "\\"),
    ];
    let read = escapes
        .iter()
        .fold(page, |page, (escape, text)| page.replace(escape, text));
    for topic in &TOPICS {
        let heading = format!(".SH \"{}\"\n", topic.name.to_uppercase());
        assert!(read.contains(&heading), "{heading}");
        let words = |text: &str| {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let words = text.split(|c| !is_part(c)).filter(|word| word.len() > 1);
            words.map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let (of_page, of_topic) = (words(&read), words(&without_heads(&topic.text)));
        let title = topic.text.lines().next().unwrap();
        let left: Vec<_> = of_topic
            .difference(&of_page)
            .filter(|word| !title.contains(*word) && !word.starts_with("--"))
            .collect();
        assert!(left.is_empty(), "{}: {left:?}", topic.name);
    }
    for key in KEYS {
        assert!(
            read.contains(&format!("\n.B {}\n", key.name)),
            "{}",
            key.name
        );
    }
}

#[test]
fn what_stands_twice_is_the_same() {
    for (page, file) in [
        ("personas", "personas.toml"),
        ("personas", "personas.conf"),
        ("providers", "openai.toml"),
        ("local", "local.toml"),
    ] {
        let (_, kind) = file.split_once('.').unwrap();
        let language = if kind == "conf" { "ini" } else { kind };
        assert_eq!(blocks(topic(page), language), [example(file)], "{file}");
    }
    let picture = blocks(&readme(), "text");
    assert_eq!(picture, blocks(topic("conversation"), "text"));
    assert_eq!(picture.len(), 1);
    let readme = readme();
    let symptoms = section(&readme, "## When something is wrong");
    let symptoms: Vec<_> = symptoms
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    assert!(symptoms.len() > 5);
    for row in symptoms {
        assert!(topic("troubleshooting").contains(row), "{row}");
    }
}

#[test]
fn every_command_and_option_is_named_and_no_other() {
    let of_help = |arguments: &[&str]| {
        let output = Command::new(program()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let all = of_help(&["--help"]);
    let (_, list) = all.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\nOptions:").unwrap();
    let commands: BTreeSet<_> = list
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(commands.len() >= 7, "{commands:?}");
    let reference = format!("{}{}", topic("commands"), topic("doctor"));
    for command in &commands {
        let named = format!("| `phone-assistant {command}");
        assert!(topic("commands").contains(&named), "{command}");
        for option in words_behind(&of_help(&[command, "--help"]), "--", is_of_topic) {
            if option == "help" {
                continue;
            }
            assert!(
                reference.contains(&format!("`--{option}")),
                "{command} --{option}"
            );
        }
    }
    for (document, text) in documents() {
        for span in code(&text) {
            for word in words_behind(&span, "phone-assistant ", is_of_topic) {
                let is_known = commands.contains(word) || ["--help", "--version"].contains(&word);
                assert!(is_known, "{document}: phone-assistant {word}");
            }
        }
    }
}

/// Of the installer likewise.
#[test]
fn every_option_of_the_installer_that_a_document_names_exists() {
    let installer = document("install.sh");
    let (_, options) = installer.split_once("read_options()").unwrap();
    let options = options.split("\n}\n").next().unwrap();
    let mut seen = 0;
    for (document, text) in documents() {
        for span in code(&text) {
            for (_, rest) in span
                .match_indices("install.sh")
                .map(|(at, _)| span.split_at(at))
            {
                let line = rest.lines().next().unwrap_or_default();
                for option in words_behind(line, " --", is_of_topic) {
                    assert!(
                        options.contains(&format!("--{option})"))
                            || options.contains(&format!("--{option} |")),
                        "{document}: install.sh --{option}"
                    );
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 8, "only {seen} options found");
    let all: String = documents().into_iter().map(|(_, text)| text).collect();
    let (_, usage) = installer.split_once("<<'HELP'\n").unwrap();
    let (usage, _) = usage.split_once("\nHELP\n").unwrap();
    for option in words_behind(usage, "\n  --", is_of_topic) {
        assert!(all.contains(&format!("--{option}")), "--{option}");
    }
}

#[test]
fn every_topic_that_is_named_exists() {
    let mut seen = 0;
    let mut all = documents();
    all.extend(
        [
            "install.sh",
            "extensions_custom.conf.example",
            "tests/README.md",
        ]
        .map(|name| (name.to_owned(), document(name))),
    );
    all.push(("src".to_owned(), sources()));
    for (document, text) in all {
        for topic in words_behind(&text, "phone-assistant help ", is_of_topic) {
            let topic = topic.trim_end_matches('.');
            if ["TOPIC", "lists"].contains(&topic) {
                continue;
            }
            assert!(help::page(topic).is_ok(), "{document}: help {topic}");
            seen += 1;
        }
    }
    assert!(seen > 30, "only {seen} found");
}

#[test]
fn every_file_of_the_manual_is_a_topic_or_a_file_to_copy_and_readme_lists_the_topics() {
    let files = fs::read_dir(root().join("src/manual")).unwrap();
    let files: BTreeSet<_> = files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_none_or(|end| end != "rs"))
        .collect();
    let topics = TOPICS.iter().map(|topic| format!("{}.md", topic.name));
    let examples = EXAMPLES.iter().map(|example| example.name.to_owned());
    assert_eq!(files, topics.chain(examples).collect());
    let readme = readme();
    let rows = section(&readme, "## Where the rest is").lines();
    let rows: Vec<_> = rows.filter(|line| line.starts_with("| [")).collect();
    let expected = TOPICS.iter().map(|topic| {
        let (name, summary) = (topic.name, topic.summary);
        format!("| [`{name}`](src/manual/{name}.md) | {summary} |")
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

/// A package has no sources: only `by-hand`, which needs a checkout, and `call`, which names both places, speak of them.
#[test]
fn no_topic_sends_anybody_to_a_file_that_a_package_lacks() {
    let is_of_sources = |text: &str| {
        let words = ["src/", "tests/", "the sources"];
        words.iter().any(|word| text.contains(word))
    };
    let found = TOPICS.iter().filter(|topic| is_of_sources(&topic.text));
    let found: Vec<_> = found.map(|topic| topic.name).collect();
    assert_eq!(found, ["call", "by-hand"]);
}

#[test]
fn no_link_is_dead() {
    let mut seen = 0;
    for name in ["README.md", "tests/README.md", "tests/data/README.md"] {
        let text = document(name);
        for link in text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            if link.starts_with("https://") {
                continue;
            }
            seen += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => root().join(name),
                path => root().join(name).parent().unwrap().join(path),
            };
            assert!(target.exists(), "{name}: {link}");
            assert!(
                anchor.is_empty() || anchors(&target).contains(anchor),
                "{name}: {link}"
            );
        }
    }
    assert!(seen > 30, "only {seen} links found");
    for topic in &TOPICS {
        assert!(
            !topic.text.contains("]("),
            "{}: a terminal follows no link",
            topic.name
        );
    }
}

#[test]
fn environment_variables_and_variables_of_the_contract_are_named_and_no_others() {
    let all: String = documents().into_iter().map(|(_, text)| text).collect();
    for (variable, _) in ENVIRONMENT {
        assert!(all.contains(variable), "{variable}");
    }
    let meanings = KEYS.iter().map(|key| key.meaning);
    let told = variables(&(all.clone() + &meanings.collect::<String>()), "");
    let read = variables_that_are_read();
    let inner = INNER.iter().copied().map(str::to_owned).collect();
    let untold: BTreeSet<_> = read.difference(&told).cloned().collect();
    assert_eq!(untold, inner);
    let (sources, dialplan) = (sources(), document("extensions_custom.conf.example"));
    let set = variables(&sources, "ASSISTANT_");
    assert!(set.len() >= 7, "{set:?}");
    let (told, _) = dialplan.split_once("\n[custom-openai]").unwrap();
    let may_be_set = variables(told, "ASSISTANT_");
    assert!(may_be_set.len() >= 4, "{may_be_set:?}");
    for variable in set.iter().chain(&may_be_set) {
        assert!(
            topic("call").contains(&format!("`{variable}`")),
            "{variable}"
        );
    }
    let known: BTreeSet<_> = set
        .union(&variables(&dialplan, "ASSISTANT_"))
        .cloned()
        .collect();
    let named = variables(&all, "ASSISTANT_");
    assert!(named.is_subset(&known), "{:?}", named.difference(&known));
    let named = variables(&all, "PHONE_ASSISTANT_");
    let read = ["PHONE_ASSISTANT_CONFIG", "PHONE_ASSISTANT_LOG"].map(str::to_owned);
    assert_eq!(named, BTreeSet::from(read.clone()));
    assert!(read.iter().all(|variable| sources.contains(variable)));
    for status in [
        "ANSWERED", "NOSPEECH", "PARTIAL", "FAILED", "LIMITED", "TRANSFER", "HANGUP",
    ] {
        assert!(
            topic("call").contains(&format!("| `{status}` | ")),
            "{status}"
        );
    }
}

#[test]
fn every_exit_code_is_named_and_no_other() {
    let rows = section(topic("commands"), "## Exit codes").lines();
    let named: BTreeSet<u8> = rows
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    let is_told = |path: &Path| {
        let is_of_commands = path.starts_with("cli.rs") || path.starts_with("cli");
        // What the hidden `place` answers is for install.sh alone.
        (is_of_commands || path.starts_with("cmd")) && path != Path::new("cli/place.rs")
    };
    let mut codes = BTreeSet::from([Status::Ok, Status::Warn, Status::Fail].map(Status::exit_code));
    let mut seen = 0;
    for (_, text) in source_files("src").iter().filter(|(path, _)| is_told(path)) {
        let constants = words_behind(text, ": u8 = ", |c| c != ';');
        let constants = constants.iter().filter_map(|code| code.parse::<u8>().ok());
        for code in constants {
            codes.insert(code);
            seen += 1;
        }
    }
    assert_eq!(seen, 6, "{codes:?}");
    assert_eq!(named, codes);
}

/// The variables of the environment that the program reads: what looks like one where the environment is read.
fn variables_that_are_read() -> BTreeSet<String> {
    let is_variable = |text: &&str| {
        let has_none = |text: &str| !text.contains(|c: char| !c.is_ascii_uppercase() && c != '_');
        text.len() > 1 && has_none(text)
    };
    let mut read = BTreeSet::new();
    for (path, text) in source_files("src") {
        let is_built = path.starts_with("packaging") || path == Path::new("build.rs");
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let is_read = code.contains("environment(") || code.contains("env::var");
        let is_test = path.ends_with("tests.rs") || path.iter().any(|part| part == "tests");
        if is_built || is_test || !is_read {
            continue;
        }
        // The others are for `--help`, and of the build.
        let lines = code.lines().map(str::trim_start);
        let lines = lines.filter(|line| !line.contains("value_name") && !line.contains("env!("));
        let texts = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
        read.extend(texts.filter(is_variable).map(str::to_owned));
    }
    read
}

/// What looks like a variable to [`variables_that_are_read`] and is not for people: what Asterisk, sudo, systemd and every
/// shell set, and what the program hands to itself.
const INNER: &[&str] = &[
    "AST_AGI_DIR",
    "CREDENTIALS_DIRECTORY",
    "PATH",
    "PHONE_ASSISTANT_APART",
    "PHONE_ASSISTANT_CHECK_AS_ASTERISK",
    "PHONE_ASSISTANT_CHECK_NAMED",
    "PHONE_ASSISTANT_CHECK_TZ",
    "SUDO_UID",
];

#[test]
fn readme_is_short_and_documents_are_in_plain_english() {
    assert!(readme().lines().count() <= 250);
    let meanings = KEYS
        .iter()
        .map(|key| (key.name.to_owned(), key.meaning.to_owned()));
    let files = ["install.sh", "extensions_custom.conf.example"];
    let files = files.map(|name| (name.to_owned(), document(name)));
    let all = documents().into_iter().chain(meanings).chain(files);
    let strange = [
        "he", "his", "him", "dearest", "noughts", "mend", "parted", "whoever",
    ];
    for (document, text) in all {
        let text = text.to_lowercase();
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        let found = words.find(|word| strange.contains(word));
        assert_eq!(found, None, "{document}");
    }
}

/// Asterisk's own program would share root's terminal with its user, or do as root what that user has written.
#[test]
fn nobody_is_told_to_ask_the_console_otherwise_than_by_the_command_for_that() {
    let others = ["install.sh", "extensions_custom.conf.example"];
    let others = others.map(|name| (name.to_owned(), document(name)));
    for (document, text) in documents().into_iter().chain(others) {
        assert!(!text.contains("asterisk -rx"), "{document}");
    }
}

#[test]
fn what_the_terms_of_a_gemini_key_mean_is_told_wherever_one_is_asked_for() {
    let places = [
        "README.md",
        "src/manual/privacy.md",
        "src/cmd/setup/words.rs",
    ];
    for place in places {
        let text = document(place);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "https://ai.google.dev/gemini-api/terms",
            "improve its products",
            "European Economic Area, Switzerland or the United Kingdom",
            "under 18",
        ] {
            assert!(text.contains(words), "{place}: {words}");
        }
    }
}

#[test]
fn five_steps_lead_to_the_first_answer() {
    let (_, section) = readme().split_once("\n## Install\n").map(own).unwrap();
    let section = section.split("\n## ").next().unwrap().to_owned();
    let is_step = |line: &&str| {
        let number = line.split_once(". **").map(|(number, _)| number);
        number.is_some_and(|number| number.parse::<usize>().is_ok())
    };
    let steps: Vec<_> = section.lines().filter(is_step).collect();
    let beginnings = ["1. ", "2. ", "3. ", "4. ", "5. **Call 8008**"];
    assert_eq!(steps.len(), beginnings.len(), "{steps:#?}");
    for (step, beginning) in steps.iter().zip(beginnings) {
        assert!(step.starts_with(beginning), "{step}");
    }
    assert!(section.contains("it is five steps"));
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
    for manifest in [
        "Cargo.toml",
        "tests/support/Cargo.toml",
        "tests/support/sound/Cargo.toml",
    ] {
        let manifest: toml::Table = document(manifest).parse().unwrap();
        let profiles = manifest.get("profile").and_then(toml::Value::as_table);
        for profile in profiles.into_iter().flat_map(toml::Table::values) {
            let debug = profile.get("debug").and_then(toml::Value::as_str);
            assert_eq!(debug, None, "in words");
        }
        assert_eq!(manifest["package"]["edition"].as_str(), Some("2024"));
        assert!(manifest["package"]["rust-version"].is_str());
    }
}

/// All tools of the manual, as settings.
pub(crate) fn tools_of_the_manual() -> String {
    let blocks = blocks(topic("tools"), "toml");
    assert_eq!(blocks.len(), 4);
    blocks.concat()
}
