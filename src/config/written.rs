//! The settings file as it is written: its values with their lines, or the lines that are not TOML and what is wrong
//! with them (<https://toml.io/en/v1.0.0>).
//!
//! No fault quotes its line, which may hold a key; [`excerpt`](super::excerpt) shows what may be shown of it.

use std::collections::BTreeMap;

use toml::Table;
use toml::de::{DeTable, DeValue};

use crate::sys::pasted;

/// The lines and columns of a file in which its settings stand, by their full names.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<String, (usize, usize)>);

impl Lines {
    /// Names the place of a setting for people: `config.toml, line 5, column 1`, or only the file.
    pub(super) fn place(&self, source: &str, name: &str) -> String {
        match self.0.get(name) {
            Some((line, column)) => format!("{source}, line {line}, column {column}"),
            None => source.to_owned(),
        }
    }

    fn add(&mut self, table: &DeTable<'_>, path: &str, text: &str, starts: &[usize]) {
        for (name, value) in table {
            let full = match path {
                "" => name.get_ref().to_string(),
                _ => format!("{path}.{}", name.get_ref()),
            };
            if let DeValue::Table(inner) = value.get_ref() {
                self.add(inner, &full, text, starts);
            }
            let place = position(text, starts, name.span().start);
            self.0.insert(full, place);
        }
    }
}

/// A place that is not TOML.
#[derive(Debug)]
pub(super) struct Fault {
    line: usize,
    /// In characters, from 1 on.
    column: usize,
    reason: String,
}

impl Fault {
    fn of(text: &str, starts: &[usize], error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let (line, column) = position(text, starts, at);
        Self {
            line,
            column,
            reason: reason(text, line, error.message()),
        }
    }

    /// What is told of it, where the file is called `source`.
    pub(super) fn told(&self, source: &str) -> String {
        let Self {
            line,
            column,
            reason,
        } = self;
        format!("{source}, line {line}, column {column}: {reason}")
    }
}

/// The line and the column that a fault of the file `source` names.
pub(super) fn place_in(source: &str, fault: &str) -> Option<(usize, usize)> {
    let number = |text: &str| text.parse().ok().filter(|number| *number > 0);
    let place = fault.strip_prefix(source)?.strip_prefix(", line ")?;
    let (line, column) = place.split(": ").next()?.split_once(", column ")?;
    Some((number(line)?, number(column)?))
}

/// Reads the text of a settings file.
///
/// # Errors
/// What is wrong, a fault a line.
pub(super) fn read(text: &str) -> Result<(Table, Lines), Vec<Fault>> {
    let after = text.match_indices('\n').map(|(newline, _)| newline + 1);
    let starts: Vec<_> = std::iter::once(0).chain(after).collect();
    let table = text.parse().map_err(|first| {
        // The parser stops at the first fault; this one goes on behind it, so that an administrator learns of all at
        // once. More faults in the same line mostly follow from its first.
        let (_, all) = DeTable::parse_recoverable(text);
        let all = std::iter::once(&first).chain(&all);
        let mut faults: Vec<_> = all.map(|error| Fault::of(text, &starts, error)).collect();
        faults.dedup_by_key(|fault| fault.line);
        faults
    })?;
    let mut lines = Lines::default();
    if let Ok(spanned) = DeTable::parse(text) {
        lines.add(spanned.get_ref(), "", text, &starts);
    }
    Ok((table, lines))
}

/// The line and the column of a byte of the text, in characters, from 1 on; `starts` are where lines start.
fn position(text: &str, starts: &[usize], at: usize) -> (usize, usize) {
    let line = starts.partition_point(|start| *start <= at);
    (line, text[starts[line - 1]..at].chars().count() + 1)
}

/// Says what stands in the file twice, where the second time is in line `number`.
fn twice(text: &str, number: usize) -> String {
    let lines: Vec<_> = text.lines().take(number).map(str::trim).collect();
    let (second, before) = lines.split_last().unwrap_or((&"", &[]));
    let is_head = second.starts_with('[');
    let name = |line: &str| {
        let end = if is_head { ']' } else { '=' };
        line.split(end).next().unwrap_or_default().trim().to_owned()
    };
    let named = name(second);
    let mut above = before.iter().enumerate().rev();
    // A name belongs to the table above it.
    let same = above.find(|(_, line)| name(line) == named || !is_head && line.starts_with('['));
    match same.filter(|(_, line)| is_head || !line.starts_with('[')) {
        Some((at, _)) if is_head => format!(
            "{named}] stands twice, in lines {} and {number}: put all of it below one of them",
            at + 1
        ),
        Some((at, _)) => {
            format!(
                "this name stands twice, in lines {} and {number}: keep one of the two",
                at + 1
            )
        }
        None => "this name stands in the file a second time: keep one of the two".to_owned(),
    }
}

/// Says what is wrong with the line `number` that the parser has rejected with `message`. The message tells what the grammar
/// wants there; people want to know what they have written.
fn reason(text: &str, number: usize, message: &str) -> String {
    if message.contains("duplicate key") {
        return twice(text, number);
    }
    let line = text.lines().nth(number - 1).unwrap_or_default();
    let code = outside_of_strings(line);
    if let Some(odd) = code.chars().find(|c| pasted::description(*c).is_some()) {
        return odd_character(odd);
    }
    let code = code.trim();
    if code.starts_with([';', '*']) || code.starts_with("//") || code.starts_with("--") {
        return "a comment begins with #".to_owned();
    }
    if code.starts_with('[') {
        return format!("the name of a table stands alone in brackets, as in [openai]: {message}");
    }
    let Some((_, value)) = line.split_once('=') else {
        return if code.contains(':') {
            "between a name and its value stands =, not :".to_owned()
        } else {
            "expected name = value, found no =".to_owned()
        };
    };
    of_value(value.trim()).map_or_else(|| message.to_owned(), str::to_owned)
}

fn odd_character(odd: char) -> String {
    let described = pasted::description(odd).unwrap_or_default();
    if pasted::is_curly_quote(odd) {
        format!("found {described}: write straight ones, as in name = \"text\"")
    } else if odd.is_whitespace() {
        format!("found {described}, which is none here: type the blanks of this line anew")
    } else {
        format!("found {described}: type this line anew")
    }
}

/// What is wrong with a value that is not TOML.
fn of_value(value: &str) -> Option<&'static str> {
    let bare = value.split('#').next().unwrap_or_default().trim();
    let is_switch = |word: &str| word.eq_ignore_ascii_case(bare);
    let quotes = value.chars().filter(|c| *c == '"').count();
    let decimal = bare.replacen(',', ".", 1);
    let first = bare.chars().next()?;
    Some(match first {
        _ if SWITCHES.iter().any(|word| is_switch(word)) => {
            "write true or false, in small letters and without quotation marks"
        }
        _ if bare.contains(',') && decimal.parse::<f64>().is_ok() => {
            "a decimal point, not a comma, as in 1.5"
        }
        '"' if value.contains('\\') => {
            "\\ has a meaning of its own between \" and \": write single quotation marks, as in name = 'text'"
        }
        '"' if quotes % 2 == 1 => "a quotation mark is missing, or one stands inside of the text",
        '"' | '\'' => "something follows the text's last quotation mark",
        '[' | '{' => return None,
        c if c.is_ascii_digit() => {
            "a number stands alone, without a unit; a text stands in quotation marks, as in name = \"text\""
        }
        _ => "a text stands in quotation marks, as in name = \"text\"",
    })
}

/// The part of a line that is neither text in quotation marks nor a comment.
fn outside_of_strings(line: &str) -> String {
    let (mut code, mut open) = (String::new(), None);
    for c in line.chars() {
        match open {
            Some(mark) if mark == c => open = None,
            Some(_) => {}
            None if c == '#' => break,
            None if c == '"' || c == '\'' => open = Some(c),
            None => code.push(c),
        }
    }
    code
}

/// What people write for a switch. `true` and `false` themselves are among them for their capital letters.
const SWITCHES: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "y", "n"];

#[cfg(test)]
mod tests {
    use super::super::excerpt::excerpt;
    use super::*;

    #[test]
    fn a_line_that_is_not_toml_is_told_with_its_reason() {
        let table = [
            ("\u{a0}keep = true", "U+00A0, a no-break space"),
            ("keep\u{a0}= true", "U+00A0, a no-break space"),
            ("keep = true\u{a0}", "U+00A0, a no-break space"),
            ("\u{2003}keep = true", "U+2003, a space of another width"),
            ("\u{200b}keep = true", "U+200B, an invisible character"),
            ("\u{feff}[stt]", "where two files were joined"),
            ("key = “secret”", "straight ones"),
            ("key = ‘secret’", "straight ones"),
            ("key = «secret»", "straight ones"),
            ("“key” = 1", "straight ones"),
            ("key – 1", "U+2013, a typographic dash"),
            ("key = 1 \u{1a}", "U+001A, a control character"),
            ("\0", "U+0000, a control character"),
            ("; secret", "a comment begins with #"),
            ("// secret", "a comment begins with #"),
            ("key = 1 ; secret", "a number stands alone"),
            ("key: secret", "stands =, not :"),
            ("key secret", "found no ="),
            ("secret", "found no ="),
            ("[stt", "in brackets"),
            ("[stt] key = 1", "in brackets"),
            ("keep = yes", "write true or false"),
            ("keep = True", "write true or false"),
            ("keep = off # quiet", "write true or false"),
            ("speed = 1,5", "a decimal point, not a comma"),
            ("deadline = 25 s", "without a unit"),
            ("deadline = 25s", "without a unit"),
            ("key = secret", "a text stands in quotation marks"),
            ("key = sk-secret-1", "a text stands in quotation marks"),
            ("key = /etc/secret", "a text stands in quotation marks"),
            ("key = \"secret", "a quotation mark is missing"),
            ("key = \"C:\\secret\"", "single quotation marks"),
            ("key = \"a\" \"secret\"", "something follows"),
            ("a.key = 1", "twice, in lines 5 and 6"),
            ("[a.b]", "[a.b] stands twice, in lines 3 and 6"),
            ("[ x ]", "a second time"),
            ("x = 1\nx = 2", "twice, in lines 6 and 7"),
            ("x = 1\n y.z= 1\nx=2", "twice, in lines 6 and 8"),
        ];
        for (line, expected) in table {
            let text = format!("# 1\n\n[a.b]\n[x]\na.key = 'secret'\n{line}\n[z]\nz = 1\n");
            let faults = read(&text).map(drop).expect_err(line);
            let [fault] = &faults[..] else {
                panic!("{line:?}: {faults:?}");
            };
            let (number, found) = (fault.line, &fault.reason);
            assert_eq!(number, 5 + line.lines().count(), "{line:?}: {found}");
            assert!(found.contains(expected), "{line:?}: {found}");
            let shown = excerpt(&text, "f", &fault.told("f")).join("\n");
            for told in [found, &shown] {
                assert!(!told.contains("secret"), "{line:?}: {told}");
            }
        }
    }

    #[test]
    fn all_lines_that_are_not_toml_are_told_at_once() {
        let text = "[tts]\nspeed = 1,5\n[stt]\nlanguage = de-DE\n[tts]\n[log]\nwords = yes\n";
        let faults = read(text).map(drop).expect_err("four faults");
        let told: Vec<_> = faults.iter().map(|fault| fault.told("f")).collect();
        let places = [
            "f, line 2, column ",
            "f, line 4, column ",
            "f, line 5, column ",
            "f, line 7, column ",
        ];
        assert_eq!(told.len(), places.len(), "{told:#?}");
        for (told, place) in told.iter().zip(places) {
            assert!(told.starts_with(place), "{told}");
        }
    }

    #[test]
    fn every_setting_knows_its_line_and_column() {
        let text = "call.deadline = 20\n[stt]\n\n\tlanguage = 'x'\n[stt.google]\nmodel = '''\nx\n'''\n\
                    base_url = 'y'\n[persona.a]\nvoice = 'z'\n";
        let (_, lines) = read(text).expect("TOML");
        let table = [
            ("call.deadline", "f, line 1, column 6"),
            ("stt.language", "f, line 4, column 2"),
            ("stt.google.model", "f, line 6, column 1"),
            ("stt.google.base_url", "f, line 9, column 1"),
            ("persona.a.voice", "f, line 11, column 1"),
            ("persona.a", "f, line 10, column 10"),
            ("tts.speed", "f"),
        ];
        for (name, expected) in table {
            assert_eq!(lines.place("f", name), expected, "{name}");
        }
    }
}
