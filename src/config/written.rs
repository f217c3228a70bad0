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
        let mut all: Vec<_> = std::iter::once(&first).chain(&all).collect();
        let at =
            |error: &toml::de::Error| error.span().map_or(0, |span| span.start.min(text.len()));
        all.dedup_by_key(|error| line_of(&starts, at(error)));
        let places = all.iter().map(|error| position(text, &starts, at(error)));
        let places = places.enumerate().zip(&all);
        let faults = places.map(|((index, (line, column)), error)| Fault {
            line,
            column,
            // To find one takes time, and later faults are not told.
            reason: if index < MOST_FAULTS {
                reason(text, line, error.message())
            } else {
                String::new()
            },
        });
        faults.collect::<Vec<_>>()
    })?;
    let mut lines = Lines::default();
    if let Ok(spanned) = DeTable::parse(text) {
        lines.add(spanned.get_ref(), "", text, &starts);
    }
    Ok((table, lines))
}

fn line_of(starts: &[usize], at: usize) -> usize {
    starts.partition_point(|start| *start <= at)
}

/// The line and the column of a byte of the text, in characters, from 1 on; `starts` are where lines start.
fn position(text: &str, starts: &[usize], at: usize) -> (usize, usize) {
    let line = line_of(starts, at);
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
    let line = text.lines().nth(number - 1).unwrap_or_default();
    if line.trim_start().starts_with("[[") {
        return "the name of a table stands in single brackets, as in [openai]".to_owned();
    }
    if message.contains("duplicate key") {
        return twice(text, number);
    }
    let code = outside_of_strings(line);
    let is_odd = |c: &char| pasted::description(*c).is_some();
    // Where a straight mark opens a text, and a curly one was to close it, the line ends within the text.
    let last = line.trim_end().chars().last();
    let last = last.filter(|c| pasted::is_curly_quote(*c));
    if let Some(odd) = code.chars().find(is_odd).or(last) {
        return odd_character(odd);
    }
    let code = code.trim();
    if code.starts_with([';', '*']) || code.starts_with("//") || code.starts_with("--") {
        return "a comment begins with #".to_owned();
    }
    if code.starts_with('[') {
        return format!("the name of a table stands alone in brackets, as in [openai]: {message}");
    }
    let Some((name, value)) = line.split_once('=') else {
        return if code.contains(':') {
            "between a name and its value stands =, not :".to_owned()
        } else {
            "expected name = value, found no =".to_owned()
        };
    };
    let (name, value) = (name.trim(), value.trim());
    if name.ends_with(':') || value.starts_with(['=', '>', ':']) {
        return "between a name and its value stands one = alone".to_owned();
    }
    if !is_value(value) && !value.starts_with(['[', '{']) {
        return of_value(value).to_owned();
    }
    if name.is_empty() || name.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
    {
        return "before = stands one name, of letters, digits and _ alone".to_owned();
    }
    message.to_owned()
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
fn of_value(value: &str) -> &'static str {
    let bare = value.split('#').next().unwrap_or_default().trim();
    let quotes = value.chars().filter(|c| *c == '"').count();
    if bare.is_empty() {
        return "no value stands behind =";
    }
    let of_text = match bare.chars().next() {
        Some('"') if value.contains('\\') => {
            "\\ has a meaning of its own between \" and \": write single quotation marks, as in name = 'text'"
        }
        Some('"') if quotes % 2 == 1 => {
            "a quotation mark is missing, or one stands inside of the text"
        }
        Some('"' | '\'') => "something follows the text's last quotation mark",
        _ => "a text stands in quotation marks, as in name = \"text\"",
    };
    let mut repairs = REPAIRS.iter();
    let repair = repairs.find(|(repaired, _)| is_value(&repaired(bare)));
    repair.map_or(of_text, |(_, reason)| reason)
}

/// Whether it is a value as it stands.
fn is_value(text: &str) -> bool {
    format!("x = {text}").parse::<Table>().is_ok()
}

/// The digits of a number whose thousands are separated, as in `1.000,50`; empty for all else.
fn of_thousands(bare: &str) -> String {
    let groups: Vec<_> = bare.split([' ', '\'', '.', ',']).collect();
    let is_first = |group: &str| group.len() < 4 && !group.starts_with('0');
    let is_group = |group: &&str| group.len() == 3;
    let is_number = match &groups[..] {
        [first, second] => is_first(first) && is_group(second),
        [first, middle @ .., _] => is_first(first) && middle.iter().all(is_group),
        _ => false,
    };
    groups.concat().repeat(usize::from(is_number))
}

/// How what people write becomes a value, and what was wrong with it.
type Repair = (fn(&str) -> String, &'static str);

/// What people write in place of a value.
const REPAIRS: &[Repair] = &[
    (
        |bare| bare.trim_end_matches([',', ';', ' ']).to_owned(),
        "nothing follows a value: leave out the comma or semicolon behind it",
    ),
    (
        |bare| {
            let is_switch = SWITCHES.iter().any(|word| word.eq_ignore_ascii_case(bare));
            "true".repeat(usize::from(is_switch))
        },
        "write true or false, in small letters and without quotation marks",
    ),
    (
        |bare| bare.replace("null", "0"),
        "null is no value: leave the line out",
    ),
    (
        |bare| bare.replacen(',', ".", 1),
        "a decimal point, not a comma, as in 1.5",
    ),
    (
        |bare| bare.replacen('.', "0.", 1),
        "a number begins with a digit, as in 0.5",
    ),
    (
        |bare| format!("{bare}0"),
        "a number ends with a digit, as in 25 or 25.0",
    ),
    (
        |bare| bare.trim_start_matches('0').to_owned(),
        "a number has no 0 before its first digit, as in 25",
    ),
    (
        of_thousands,
        "nothing separates the thousands of a number, as in 1000.5",
    ),
    (
        |bare| {
            let start = bare.trim_start_matches(|c: char| !c.is_alphanumeric());
            start
                .trim_end_matches(|c: char| !c.is_ascii_digit())
                .to_owned()
        },
        "a number stands alone, without a unit; a text stands in quotation marks, as in name = \"text\"",
    ),
    (
        |bare| {
            let is_other = |c: char| c.is_numeric() && !c.is_ascii();
            bare.replace(is_other, "1")
        },
        "a number has the digits 0 to 9, and none that look like them",
    ),
];

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

/// How many faults are told: more than anybody fixes before the next look, and each costs time.
pub(super) const MOST_FAULTS: usize = 100;

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
            ("[[a.b]]", "in single brackets"),
            ("[[a]]", "in single brackets"),
            ("keep = yes", "write true or false"),
            ("keep = True", "write true or false"),
            ("keep = off # quiet", "write true or false"),
            ("speed = 1,5", "a decimal point, not a comma"),
            ("deadline = 25 s", "without a unit"),
            ("deadline = 25s", "without a unit"),
            ("deadline = $5", "without a unit"),
            ("deadline = 5 €", "without a unit"),
            ("deadline =", "no value stands behind ="),
            ("deadline = # 25", "no value stands behind ="),
            ("deadline == 25", "stands one = alone"),
            ("deadline := 25", "stands one = alone"),
            ("deadline => 25", "stands one = alone"),
            ("dead line = 25", "before = stands one name"),
            ("deadline(s) = 25", "before = stands one name"),
            ("= 25", "before = stands one name"),
            ("deadline = .5", "begins with a digit"),
            ("deadline = -.5", "begins with a digit"),
            ("deadline = 25.", "ends with a digit"),
            ("deadline = 025", "no 0 before its first digit"),
            ("deadline = 25,", "nothing follows a value"),
            ("deadline = 25; # s", "nothing follows a value"),
            ("keep = true,", "nothing follows a value"),
            ("deadline = 1.000,50", "separates the thousands"),
            ("deadline = 1'000", "separates the thousands"),
            ("deadline = 25 000", "separates the thousands"),
            ("deadline = ２５", "the digits 0 to 9"),
            ("deadline = null", "null is no value"),
            ("language = ja", "a text stands in quotation marks"),
            ("host = 192.168.1.2", "a text stands in quotation marks"),
            ("key = \"secret”", "straight ones"),
            ("key = 'secret’", "straight ones"),
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
