//! The line of the settings file in which a fault is, as people are shown it: with a mark below what is wrong, and without
//! anything that may be a key.

use super::keys::{self, Kind};
use super::written::place_in;

/// The line of `text` that a fault of the file `source` names, and marks below it; nothing where it names none, or
/// nothing of the line may be shown.
pub(super) fn excerpt(text: &str, source: &str, fault: &str) -> Vec<String> {
    place_in(source, fault)
        .and_then(|(number, column)| drawn(text, number, column))
        .unwrap_or_default()
}

fn drawn(text: &str, number: usize, column: usize) -> Option<Vec<String>> {
    let lines: Vec<_> = text.lines().take(number).collect();
    let (line, before) = lines.split_last().filter(|_| lines.len() == number)?;
    let shown = harmless(line, before)?.replace('\t', " ");
    // What is not shown ends with an ellipsis.
    let from = (column - 1).min(shown.chars().count() - 1);
    // The rest of the name, where the mark is in one: a name has only characters of a byte.
    let name = shown.split('=').next().unwrap_or_default().trim_end();
    let is_setting = name.len() < shown.len();
    let len = name.len().saturating_sub(from).max(1);
    let len = if is_setting { len } else { 1 };
    let margin = " ".repeat(number.to_string().len());
    let marks = "^".repeat(len);
    Some(vec![
        format!("{number} | {shown}"),
        format!("{margin} | {:from$}{marks}", ""),
    ])
}

/// The part of a line that may be shown: a table's name, or a setting's name with a short value of a kind that no key is.
fn harmless(line: &str, before: &[&str]) -> Option<String> {
    if line.trim_start().starts_with('[') {
        return is_name(line).then(|| line.trim_end().to_owned());
    }
    let (name, value) = line.split_once('=').filter(|(name, _)| is_name(name))?;
    let heads = before.iter().rev().map(|line| line.trim());
    let table = heads.filter_map(|line| line.strip_prefix('[')?.split(']').next());
    let full = match table.map(str::trim).next() {
        Some(table) => format!("{table}.{}", name.trim()),
        None => name.trim().to_owned(),
    };
    let is_open = keys::find(&full).is_some_and(|key| is_open(key.kind));
    let is_shown = is_open && value.trim().chars().count() <= SHORT;
    let value = if is_shown { value.trim_end() } else { " …" };
    Some(format!("{name}={value}"))
}

/// Whether a value of this kind is quoted by what is said of it as well.
fn is_open(kind: Kind) -> bool {
    use Kind::{Number, NumberIfSet, OneOf, Several, Switch, Whole};
    matches!(
        kind,
        Switch | Number(..) | NumberIfSet(..) | Whole(..) | OneOf(_) | Several(_)
    )
}

/// Whether it can be the name of a setting or a table, and nothing that was pasted into its place.
fn is_name(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || b"_.-[] \t".contains(&byte);
    text.len() <= LONGEST_NAME && text.bytes().all(is_part)
}

/// Shorter than any key, and longer than what is written for a number or a word.
const SHORT: usize = 16;
const LONGEST_NAME: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_with_a_mark_and_never_what_may_be_a_key() {
        let table = [
            (
                "speed = 1,5",
                "f, line 2, column 10: no",
                &["2 | speed = 1,5", "  |          ^"][..],
            ),
            (
                "\tspeed = 1,5",
                "f, line 2, column 2: no",
                &["2 |  speed = 1,5", "  |  ^^^^^"],
            ),
            (
                "spede = 1,5",
                "f, line 2, column 1: no",
                &["2 | spede = …", "  | ^^^^^"],
            ),
            (
                "spede = 1,5",
                "f, line 2, column 11: no",
                &["2 | spede = …", "  |         ^"],
            ),
            (
                "speed = sk-proj-0123456789",
                "f, line 2, column 1: no",
                &["2 | speed = …", "  | ^^^^^"],
            ),
            (
                "[stt]",
                "f, line 2, column 1: twice",
                &["2 | [stt]", "  | ^"],
            ),
            ("[sk-proj-A1]", "f, line 2, column 1: no", &[]),
            ("sk-proj-1 = 2", "f, line 2, column 1: no", &[]),
            ("sk-secret", "f, line 2, column 1: no", &[]),
            ("speed = 1,5", "g, line 2, column 1: no", &[]),
            ("speed = 1,5", "f, line 7, column 1: no", &[]),
            ("speed = 1,5", "f, line 0, column 1: no", &[]),
            ("speed = 1,5", "f, line 2, column 0: no", &[]),
            ("speed = 1,5", "f: no", &[]),
        ];
        for (line, fault, expected) in table {
            let shown = excerpt(&format!("[tts]\n{line}"), "f", fault);
            assert_eq!(shown, expected, "{line} {fault}");
        }
        let of_key = excerpt("openai.api_key = 7", "f", "f, line 1, column 8: no");
        assert_eq!(of_key, ["1 | openai.api_key = …", "  |        ^^^^^^^"]);
        let at_top = excerpt("tts.speed = 'x'", "f", "f, line 1, column 5: no");
        assert_eq!(at_top[0], "1 | tts.speed = 'x'");
    }
}
