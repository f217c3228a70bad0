//! `phone-assistant help`: the list of topics, a topic of the [manual](crate::manual), a file to copy, or settings
//! from [the one table](KEYS) of them.

use crate::config::catalogue;
use crate::config::keys::{KEYS, Key};
use crate::manual::{EXAMPLES, TOPICS, laid_out, wrapped};
use crate::sys::remedy;

/// There is no such topic.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there is no topic {topic}{}; phone-assistant help lists all", meant(.near))]
pub struct Unknown {
    topic: String,
    /// What it was perhaps meant to be, the likeliest first.
    near: Vec<&'static str>,
}

/// Returns the list of topics, as it is printed.
pub fn topics() -> String {
    let mut out = "phone-assistant help TOPIC prints one of these:\n\n".to_owned();
    let line = |name: &str, summary: &str| format!("  {name:26}{summary}\n");
    out.extend(TOPICS.iter().map(|topic| line(topic.name, topic.summary)));
    out.push_str("\nor a file to copy, as it stands:\n\n");
    out.extend(EXAMPLES.iter().map(|file| line(file.name, file.summary)));
    out.push_str(
        "\nor catalogue.toml: what models cost, and from which day on they are switched off\n",
    );
    out.push_str("\nor a setting, or a table of settings: stt.language, tts.openai, waiting\n");
    out
}

/// Returns what there is to say of `topic`: the name of a topic, a file, the list of models, a setting or a
/// table of settings.
///
/// # Errors
/// That it is none of them.
pub fn page(topic: &str) -> Result<String, Unknown> {
    let name = if topic == "check" { "doctor" } else { topic };
    if let Some(topic) = TOPICS.iter().find(|topic| topic.name == name) {
        let page = laid_out(&topic.text);
        return Ok(match topic.name {
            "settings" => page + "\n" + &rows(|_| true),
            _ => fit(page, remedy::is_packaged()),
        });
    }
    if let Some(file) = EXAMPLES.iter().find(|file| file.name == name) {
        return Ok(fit(file.text.clone(), remedy::is_packaged()));
    }
    if name == CATALOGUE {
        return Ok(catalogue::TEXT.to_owned());
    }
    let settings = rows(|key| is_of(key, name));
    if settings.is_empty() {
        Err(Unknown {
            topic: topic.to_owned(),
            near: nearest(topic),
        })
    } else {
        Ok(settings)
    }
}

/// Names the program where this machine has it. The manual has the place of a program from the sources.
fn fit(page: String, is_packaged: bool) -> String {
    let [package, sources] = remedy::INSTALLED;
    if is_packaged {
        page.replace(sources, package)
    } else {
        page
    }
}

/// Whether `key` has this name, or is in the table of this name.
fn is_of(key: &Key, name: &str) -> bool {
    let rest = key.name.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || !name.is_empty() && rest.starts_with('.'))
}

fn rows(is_meant: impl Fn(&Key) -> bool) -> String {
    let keys = KEYS.iter().filter(|key| is_meant(key));
    keys.map(row).collect::<Vec<_>>().join("\n")
}

/// A row of the table: values, default and meaning below the name.
fn row(key: &Key) -> String {
    let mut out = format!("{}\n", key.name);
    for text in [
        &format!("values: {}", key.kind),
        &format!("default: {}", key.default),
        key.meaning,
    ] {
        out.push_str(&wrapped(text, INDENT, INDENT));
    }
    out
}

/// The names that `wrong` resembles: its own, and of settings also the last word of theirs.
fn nearest(wrong: &str) -> Vec<&'static str> {
    let topics = TOPICS.iter().map(|topic| topic.name);
    let names = topics
        .chain(EXAMPLES.iter().map(|file| file.name))
        .chain([CATALOGUE])
        .chain(KEYS.iter().map(|key| key.name));
    let likeness = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or_default();
        strsim::jaro_winkler(name, wrong).max(strsim::jaro_winkler(last, wrong))
    };
    let mut near: Vec<_> = names
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    near.into_iter().map(|(_, name)| name).take(SHOWN).collect()
}

fn meant(near: &[&str]) -> String {
    if near.is_empty() {
        return String::new();
    }
    format!(" (did you mean {}?)", near.join(", "))
}

/// The name of the list of models.
const CATALOGUE: &str = "catalogue.toml";

const INDENT: &str = "    ";

/// Likeness from which on a name is suggested: `memry` and `memory` have 0.96, `langauge` and `language` 0.98,
/// unrelated words up to about 0.8.
const ALIKE: f64 = 0.87;
/// The maximum number of suggestions.
const SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_topic_suggests_what_it_resembles() {
        let table = [
            ("memry", vec!["memory"]),
            ("doktor", vec!["doctor"]),
            ("stt.langauge", vec!["stt.language"]),
            ("langauge", vec!["stt.language"]),
            ("local.tml", vec!["local.toml"]),
            ("catalog.toml", vec![CATALOGUE]),
            ("frobnicate", vec![]),
            ("", vec![]),
        ];
        for (wrong, right) in table {
            let near = page(wrong).expect_err("unknown").near;
            assert_eq!(near.first(), right.first(), "{wrong}: {near:?}");
            assert!(near.len() <= SHOWN, "{wrong}: {near:?}");
        }
        let told = page("frobnicate").expect_err("unknown").to_string();
        let expected = "there is no topic frobnicate; phone-assistant help lists all";
        assert_eq!(told, expected);
        let told = page("memry").expect_err("unknown").to_string();
        assert!(told.contains("memry (did you mean memory"), "{told}");
    }

    #[test]
    fn where_a_package_has_the_program_the_manual_names_it_there() {
        for topic in ["messages", "phone-assistant@.service"] {
            let text = page(topic).expect("it is known");
            assert!(text.contains("/usr/local/bin/phone-assistant"), "{text}");
            let text = fit(text, true);
            assert!(
                text.contains(" /usr/bin/phone-assistant")
                    || text.contains("=/usr/bin/phone-assistant"),
                "{text}"
            );
            assert!(!text.contains("/usr/local"), "{text}");
        }
    }

    #[test]
    fn a_setting_has_its_row_and_a_table_all_of_its_own() {
        let rows = |topic| page(topic).expect("it is known");
        assert_eq!(
            rows("conversation.quiet"),
            "conversation.quiet\n    values: 0.4 to 3 s\n    default: 0.7\n    \
             Quiet that ends the caller's turn in a conversation: see\n    `phone-assistant help conversation`.\n"
        );
        let waiting = rows("waiting");
        assert_eq!(waiting.matches("\nwaiting.").count(), 4, "{waiting}");
        assert!(!waiting.contains("\nlog."), "{waiting}");
        assert!(page("wait").is_err() && page("stt.").is_err());
    }
}
