//! The settings file as it is written: its values with their lines, or the line that is not TOML and what is wrong
//! with it (<https://toml.io/en/v1.0.0>).
//!
//! No fault quotes the line: it may hold a key.

use std::collections::BTreeMap;

use toml::Table;
use toml::de::{DeTable, DeValue};

use crate::sys::pasted;

/// The lines of a file in which its settings stand, by their full names.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// Names the place of a setting for people: `config.toml, line 5`, or only the file.
    pub(super) fn place(&self, source: &str, name: &str) -> String {
        match self.0.get(name) {
            Some(line) => format!("{source}, line {line}"),
            None => source.to_owned(),
        }
    }

    fn add(&mut self, table: &DeTable<'_>, path: &str, text: &str) {
        for (name, value) in table {
            let full = match path {
                "" => name.get_ref().to_string(),
                _ => format!("{path}.{}", name.get_ref()),
            };
            if let DeValue::Table(inner) = value.get_ref() {
                self.add(inner, &full, text);
            }
            self.0.insert(full, line_at(text, name.span().start));
        }
    }
}

/// Reads the text of a settings file.
///
/// # Errors
/// The number of the line that cannot be read, and why.
pub(super) fn read(text: &str) -> Result<(Table, Lines), (usize, String)> {
    let table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start.min(text.len()));
        let number = line_at(text, at);
        let line = text.lines().nth(number - 1).unwrap_or_default();
        (number, reason(line, error.message()))
    })?;
    let mut lines = Lines::default();
    if let Ok(spanned) = DeTable::parse(text) {
        lines.add(spanned.get_ref(), "", text);
    }
    Ok((table, lines))
}

fn line_at(text: &str, at: usize) -> usize {
    text[..at].split('\n').count()
}

/// Says what is wrong with a line that the parser has rejected with `message`. The message tells what the grammar
/// wants there; people want to know what they have written.
fn reason(line: &str, message: &str) -> String {
    let code = outside_of_strings(line);
    if message.contains("duplicate key") {
        return "this name stands in the file a second time; keep one of the two".to_owned();
    }
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
            "decimals have a point, not a comma: 1.5"
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
            ("speed = 1,5", "decimals have a point"),
            ("deadline = 25 s", "without a unit"),
            ("deadline = 25s", "without a unit"),
            ("key = secret", "a text stands in quotation marks"),
            ("key = sk-secret-1", "a text stands in quotation marks"),
            ("key = /etc/secret", "a text stands in quotation marks"),
            ("key = \"secret", "a quotation mark is missing"),
            ("key = \"C:\\secret\"", "single quotation marks"),
            ("key = \"a\" \"secret\"", "something follows"),
            ("a.key = 1", "a second time"),
            ("[a.b]", "a second time"),
        ];
        for (line, expected) in table {
            let text = format!("# 1\n\n[a.b]\n[x]\na.key = 'secret'\n{line}\n[z]\nz = 1\n");
            let (number, found) = read(&text).map(drop).expect_err(line);
            assert_eq!(number, 6, "{line:?}: {found}");
            assert!(found.contains(expected), "{line:?}: {found}");
            assert!(!found.contains("secret"), "{line:?}: {found}");
        }
    }

    #[test]
    fn every_setting_knows_its_line() {
        let text = "call.deadline = 20\n[stt]\n\nlanguage = 'x'\n[stt.google]\nmodel = '''\nx\n'''\n\
                    base_url = 'y'\n[persona.a]\nvoice = 'z'\n";
        let (_, lines) = read(text).expect("TOML");
        let table = [
            ("call.deadline", "f, line 1"),
            ("stt.language", "f, line 4"),
            ("stt.google.model", "f, line 6"),
            ("stt.google.base_url", "f, line 9"),
            ("persona.a.voice", "f, line 11"),
            ("persona.a", "f, line 10"),
            ("tts.speed", "f"),
        ];
        for (name, expected) in table {
            assert_eq!(lines.place("f", name), expected, "{name}");
        }
    }
}
