//! Formulas of LaTeX, in or without their delimiters, as signs and words that a voice can say.
//!
//! "a over b" and the bare signs are enough: voices read `≤` and `π` in their own language. What is no formula stays:
//! prices, paths of Windows, escapes of markdown. Escapes of JSON, which begin like commands, are decoded here too.

mod commands;

use std::borrow::Cow;

use super::escapes::escape;
use super::marks::is_invisible;
use commands::{Command, command};

/// `markdown` without commands of LaTeX, its delimiters and raw escapes.
pub(super) fn without_formulas(markdown: &str) -> Cow<'_, str> {
    let has_group = markdown.contains("^{") || markdown.contains("_{");
    if !has_group && !markdown.contains(['\\', '$']) {
        return markdown.into();
    }
    let mut reader = Reader::default();
    let mut rest = markdown;
    while !rest.is_empty() {
        rest = &rest[reader.read(rest)..];
    }
    reader.text.into()
}

/// Reads a text from its beginning to its end.
#[derive(Default)]
struct Reader {
    text: String,
    /// What ends the formula that is being read.
    end: Option<End>,
    /// The braces that are open, and which the next one opens, if it comes at once.
    groups: Vec<Group>,
    next: Option<Group>,
    /// The word that is being read is a path.
    is_path: bool,
    has_escapes: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Dollar,
    Bracket,
    Environment,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Plain,
    Numerator,
    /// The bytes that were written before its contents, which are not said; nor are those of the groups after it.
    Hidden(usize),
    /// The same, where the next group is said.
    Colour(usize),
    Above,
    /// The number of a quantity, before its unit.
    Number,
    /// A unit, whose commands are words: `\km\per\hour`.
    Unit,
}

impl Reader {
    /// Reads what `rest` begins with. Returns its length.
    fn read(&mut self, rest: &str) -> usize {
        let next = self.next.take();
        let Some(c) = rest.chars().next() else {
            return 0;
        };
        match c {
            '\\' => return self.read_backslash(rest),
            '$' => return self.read_dollar(rest),
            '{' if next == Some(Group::Unit) => {
                self.space();
                self.groups.push(Group::Unit);
            }
            '{' if next.is_some() || self.is_formula() || self.text.ends_with(['^', '_']) => {
                self.groups.push(match next.unwrap_or(Group::Plain) {
                    Group::Hidden(_) => Group::Hidden(self.text.len()),
                    Group::Colour(_) => Group::Colour(self.text.len()),
                    group => group,
                });
            }
            '}' if !self.groups.is_empty() => self.end_group(),
            '}' if self.is_formula() => {}
            '_' if self.is_formula() => self.space(),
            '&' if self.end == Some(End::Environment) => self.space(),
            // A formula between single dollars ends with its line, and any other with its paragraph: a delimiter that
            // is never closed must not take the rest of the answer for a formula.
            '\n' if self.end == Some(End::Dollar) || self.text.ends_with('\n') => {
                self.end = None;
                self.groups.clear();
                self.text.push(c);
            }
            ' ' if next.is_some() => self.next = next,
            _ => self.text.push(c),
        }
        self.is_path &= !c.is_whitespace();
        // A numerator may be a single character without braces.
        if next == Some(Group::Numerator) && c.is_alphanumeric() {
            self.text.push_str(OVER);
        }
        c.len_utf8()
    }

    fn is_formula(&self) -> bool {
        self.end.is_some()
    }

    fn end_group(&mut self) {
        match self.groups.pop() {
            Some(Group::Numerator) => {
                self.text.push_str(OVER);
                self.next = Some(Group::Plain);
            }
            Some(Group::Hidden(from)) => {
                self.text.truncate(from);
                self.next = Some(Group::Hidden(from));
            }
            Some(Group::Colour(from)) => {
                self.text.truncate(from);
                self.next = Some(Group::Plain);
            }
            Some(Group::Above) => {
                self.space();
                self.next = Some(Group::Plain);
            }
            Some(Group::Number) => self.next = Some(Group::Unit),
            _ => {}
        }
    }

    fn space(&mut self) {
        if !self.text.ends_with(char::is_whitespace) {
            self.text.push(' ');
        }
    }

    /// Keeps a word from being glued to the word before it.
    fn space_after_word(&mut self) {
        if self.text.ends_with(char::is_alphanumeric) {
            self.text.push(' ');
        }
    }

    fn read_backslash(&mut self, rest: &str) -> usize {
        let after = rest.trim_start_matches('\\');
        let slashes = rest.len() - after.len();
        if slashes > 2 {
            let len = slashes - 2 + slashes % 2;
            if self.is_formula() {
                self.space();
            } else {
                self.text.push_str(&rest[..len]);
            }
            return len;
        }
        let name = name_of(after);
        let name_len = name.len();
        let known = command(name);
        if self.groups.last() == Some(&Group::Unit) && name_len > 0 {
            return slashes + self.read_unit(name, known);
        }
        let before = self.text.chars().next_back();
        let escape = escape(before, rest, self.has_escapes);
        // The name of an escape is followed by no argument.
        let is_braced = name_len > 1 && has_argument(&after[name_len..]);
        let escape = escape.filter(|_| !self.is_formula() && !is_braced);
        let is_name = known.is_none() && escape.is_none() && name_len > 0;
        let is_share = slashes == 2 && self.names_share(after, is_name);
        if slashes == 2 && is_name && (self.begins_word() || is_braced) && !is_share {
            // The end of a line, and a command.
            self.space();
            return 1;
        }
        let is_rooted = is_name && self.begins_rooted(&after[name_len..]);
        self.is_path |= is_share || self.is_behind_drive() || is_rooted;
        if self.is_path {
            self.text.push('\\');
            return 1;
        }
        if let Some(command) = known {
            return slashes + name_len + self.read_command(command, name, &after[name_len..]);
        }
        if let Some((len, c)) = escape {
            self.has_escapes = true;
            // What is dropped later must not have kept a mark of a template apart until then.
            if c == '\n' || !is_invisible(c) {
                self.text.push(c);
            }
            return len;
        }
        self.read_sign(rest, name_len)
    }

    /// Whether a drive stands here, which makes this word a path: `C:\`.
    fn is_behind_drive(&self) -> bool {
        let mut before = self.text.chars().rev();
        let (colon, drive, edge) = (before.next(), before.next(), before.next());
        let is_drive = colon == Some(':') && drive.is_some_and(|c| c.is_ascii_alphabetic());
        is_drive && edge.is_none_or(|c| !c.is_alphanumeric())
    }

    /// Whether two backslashes before `after` name a folder that a server shares: `\\server\share`. What may be an escape
    /// is one where all backslashes are doubled.
    fn names_share(&self, after: &str, is_name: bool) -> bool {
        let is_of_host = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let folder = after.trim_start_matches(is_of_host).strip_prefix('\\');
        let is_folder = |folder: &str| is_name || folder.starts_with(char::is_alphanumeric);
        !self.is_formula() && self.begins_word() && folder.is_some_and(is_folder)
    }

    /// Reads a command inside a unit. Returns the length of its name.
    fn read_unit(&mut self, name: &str, known: Option<Command>) -> usize {
        self.space_after_word();
        match known {
            Some(Command::Sign(sign)) => self.text.push_str(sign),
            _ => self.text.push_str(name),
        }
        name.len()
    }

    /// Whether a name before `after` begins a path without a drive: `\Windows\System32`.
    fn begins_rooted(&self, after: &str) -> bool {
        let folder = after.strip_prefix('\\').unwrap_or_default();
        !self.is_formula() && self.begins_word() && folder.starts_with(char::is_alphanumeric)
    }

    /// Reads a command of which `after` is what follows its name. Returns how much of that belongs to it.
    fn read_command(&mut self, command: Command, name: &str, after: &str) -> usize {
        match command {
            Command::Sign(sign @ ("°" | "'")) => {
                if self.text.ends_with('^') {
                    self.text.pop();
                }
                self.text.push_str(sign);
            }
            Command::Sign(sign) => self.text.push_str(sign),
            Command::Name => {
                self.space_after_word();
                self.text.push_str(name);
            }
            Command::Quantity => self.next = Some(Group::Number),
            Command::Unit => self.next = Some(Group::Unit),
            Command::Style => self.next = Some(Group::Plain),
            Command::Fraction => {
                self.space_after_word();
                self.next = Some(Group::Numerator);
            }
            Command::Root => return self.read_root(after),
            Command::Hidden => self.next = Some(Group::Hidden(0)),
            Command::Colour => self.next = Some(Group::Colour(0)),
            Command::Above => self.next = Some(Group::Above),
            Command::Arrow(sign) => {
                self.text.push_str(sign);
                self.space();
                self.next = Some(Group::Plain);
            }
            Command::Space => self.space(),
            Command::Begin | Command::End => {
                self.end = (command == Command::Begin).then_some(End::Environment);
                self.next = Some(Group::Hidden(0));
            }
            Command::Item => self.text.push_str("\n- "),
        }
        let takes_group = self.next.is_some();
        usize::from(takes_group && after.starts_with('*'))
    }

    /// Reads a root's degree in brackets, which is said before the root.
    fn read_root(&mut self, after: &str) -> usize {
        self.next = Some(Group::Plain);
        let degree = after.strip_prefix('[').map(|rest| {
            let len = rest
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(rest.len());
            rest.split_at(len)
        });
        let mut len = 0;
        if let Some((degree, rest)) = degree
            && rest.starts_with(']')
        {
            self.space_after_word();
            self.text.push_str(degree);
            len = degree.len() + "[]".len();
        }
        self.text.push('√');
        len
    }

    /// Reads a backslash before a sign, or before `name_len` letters that are no command. Returns how much was read.
    fn read_sign(&mut self, rest: &str, name_len: usize) -> usize {
        let sign = rest[1..].chars().next();
        let len = 1 + sign.map_or(0, char::len_utf8);
        let is_command = name_len > 1 || self.is_formula() || self.begins_word();
        match sign {
            Some('(' | '[') => self.end = Some(End::Bracket),
            Some(')' | ']') => {
                self.end = None;
                self.text.truncate(self.text.trim_end_matches(' ').len());
            }
            // Of a command that is not known, its argument is said, or else its name.
            Some(c)
                if c.is_ascii_alphabetic() && has_argument(&rest[1 + name_len..]) && is_command =>
            {
                self.next = Some(Group::Plain);
                return 1 + name_len + usize::from(rest[1 + name_len..].starts_with('*'));
            }
            Some(c) if c.is_ascii_alphabetic() && !self.is_formula() && self.begins_word() => {
                return 1;
            }
            _ if !self.is_formula() => {
                // Markdown knows what it escapes.
                self.text.push_str(&rest[..len]);
                return len;
            }
            Some('{' | '}' | '!') => {}
            Some('\\') => {
                self.space();
                return len + skip_len(&rest[len..]);
            }
            Some('%' | '$' | '#' | '&' | '|') => self.text.push_str(&rest[1..len]),
            Some(c) if c.is_ascii_alphabetic() => return 1 + name_len,
            _ => self.space(),
        }
        len
    }

    /// Whether a word begins here: what stands before it belongs to none, or is not said.
    fn begins_word(&self) -> bool {
        begins_word(self.text.chars().next_back())
    }

    fn read_dollar(&mut self, rest: &str) -> usize {
        let before = self.text.chars().next_back();
        if rest.starts_with("$$") {
            self.end = match self.end {
                None => Some(End::Bracket),
                Some(_) => None,
            };
            self.space();
            return 2;
        }
        if self.is_formula() {
            if self.end == Some(End::Dollar) {
                self.end = None;
            }
        } else if before.is_none_or(|c| !c.is_alphanumeric()) && opens_formula(&rest[1..]) {
            self.end = Some(End::Dollar);
        } else {
            self.text.push('$');
        }
        1
    }
}

/// The length of the space that a line's end asks for at the beginning of `text`: `[4pt]`.
fn skip_len(text: &str) -> usize {
    let is_of_skip = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ' ');
    let inner = text.strip_prefix('[').unwrap_or_default();
    let len = inner.find(|c| !is_of_skip(c)).unwrap_or_default();
    let has_number =
        inner[..len].starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    if has_number && inner[len..].starts_with(']') {
        len + "[]".len()
    } else {
        0
    }
}

/// Whether what follows a command's name is its argument.
fn has_argument(after: &str) -> bool {
    after.strip_prefix('*').unwrap_or(after).starts_with('{')
}

/// Whether a dollar before `rest` opens a formula rather than naming a price.
fn opens_formula(rest: &str) -> bool {
    let mut is_escaped = false;
    let end = rest.find(|c| {
        let ends = c == '\n' || (c == '$' && !is_escaped);
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    let (formula, after) = rest.split_at(end.unwrap_or(rest.len()));
    let Some(after) = after.strip_prefix('$') else {
        return has_command(formula);
    };
    let is_tight =
        !formula.starts_with(char::is_whitespace) && !formula.ends_with(char::is_whitespace);
    is_tight && !after.starts_with(|c: char| c.is_ascii_digit()) && reads_as_formula(formula)
}

fn has_command(formula: &str) -> bool {
    let mut after = formula.split('\\').skip(1);
    after.any(|after| {
        let name = name_of(after);
        command(name).is_some() || name.len() > 1 && has_argument(&after[name.len()..])
    })
}

/// Whether a command begins in `formula`, also one that is not known, and no path goes on.
fn has_any_command(formula: &str) -> bool {
    let mut backslashes = formula.match_indices('\\');
    backslashes.any(|(at, _)| {
        let before = formula[..at].chars().next_back();
        let begins = before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, ':' | '\\'));
        begins && name_of(&formula[at + 1..]).len() > 1
    })
}

/// The name of the command whose backslash is followed by `after`.
fn name_of(after: &str) -> &str {
    let len = after.find(|c: char| !c.is_ascii_alphabetic());
    &after[..len.unwrap_or(after.len())]
}

/// Whether a backslash between `before` and `after` begins a command, also one that is not known.
pub(super) fn begins_command(before: Option<char>, after: &str) -> bool {
    let name = name_of(after);
    !name.is_empty() && (begins_word(before) || before != Some(':') && command(name).is_some())
}

/// Whether a word begins behind the character `before`.
fn begins_word(before: Option<char>) -> bool {
    before.is_none_or(|c| !c.is_alphanumeric() && !"\\/:.-%$@&+=".contains(c))
}

/// Whether what stands between two dollars is a formula: it has signs of one, or is a short name, and has no words.
fn reads_as_formula(formula: &str) -> bool {
    let count = |c| formula.matches(c).count();
    let has_words = formula
        .split(|c: char| !c.is_alphabetic())
        .any(|word| word.chars().count() > 2 && command(word).is_none());
    let has_sign = formula.contains(['^', '=', '<', '>', '+', '*', '×', '≤', '≥']);
    let is_name = !formula.contains(char::is_whitespace) && formula.contains(char::is_alphanumeric);
    has_command(formula)
        || has_any_command(formula)
        || (!has_words && (has_sign || is_name) && count('(') == count(')'))
}

/// What is said between a fraction's parts.
const OVER: &str = " over ";

#[cfg(test)]
mod tests;
