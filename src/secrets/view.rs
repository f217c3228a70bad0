//! A text with its escapes undone and its blanks left out, and the place in the text that each character stands for.

use std::ops::Range;

/// A character and the bytes of the text that stand for it.
type Placed = (char, Range<usize>);

/// A text whose escapes have been undone as often as [`decoded`](Self::decoded) was called. Nothing but the characters
/// that a key can have is in it.
pub(super) struct View(Vec<Placed>);

impl View {
    pub(super) fn of(text: &str) -> Self {
        let chars = text
            .char_indices()
            .map(|(start, c)| (narrow(c), start..start + c.len_utf8()));
        Self(chars.filter(|(c, _)| c.is_ascii_graphic()).collect())
    }

    /// The same with the escapes that begin with one of `signs` undone once; `None` where there are none.
    pub(super) fn decoded(&self, signs: &str) -> Option<Self> {
        let mut decoded = Vec::with_capacity(self.0.len());
        let mut rest = self.0.as_slice();
        while let Some((c, place)) = rest.first() {
            let undone = escape(rest).filter(|_| signs.contains(*c));
            let (c, len) = undone.unwrap_or((*c, 1));
            if c.is_ascii_graphic() {
                decoded.push((c, place.start..rest[len - 1].1.end));
            }
            rest = &rest[len..];
        }
        (decoded.len() < self.0.len()).then_some(Self(decoded))
    }

    /// Its characters, folded so that both alphabets of base64 and both cases are one.
    pub(super) fn folded(&self) -> impl Iterator<Item = (u8, Range<usize>)> {
        let bytes = self.0.iter();
        bytes.filter_map(|(c, place)| Some((fold(u8::try_from(*c).ok()?), place.clone())))
    }

    /// The characters that are listed by their numbers, whatever separates these; `None` stands for what is no list.
    pub(super) fn numbers(&self, radix: u32) -> impl Iterator<Item = (Option<u8>, Range<usize>)> {
        let mut numbers: Vec<(Option<u32>, Range<usize>)> = Vec::new();
        for (c, place) in &self.0 {
            match (c.to_digit(radix), numbers.last_mut()) {
                (Some(digit), Some((Some(number), found))) if found.end == place.start => {
                    *number = number.saturating_mul(radix).saturating_add(digit);
                    found.end = place.end;
                }
                (Some(digit), _) => numbers.push((Some(digit), place.clone())),
                (None, _) if c.is_ascii_alphanumeric() => numbers.push((None, place.clone())),
                (None, _) => {}
            }
        }
        let byte = |number: u32| u8::try_from(number).ok().filter(u8::is_ascii_graphic);
        let numbers = numbers.into_iter();
        numbers.map(move |(number, place)| (number.and_then(byte).map(fold), place))
    }

    /// The digits of a hexadecimal dump, whatever separates them; `None` stands for what is no dump.
    pub(super) fn nibbles(&self) -> impl Iterator<Item = (Option<u8>, Range<usize>)> {
        let next = self.0.iter().skip(1).map(|(c, _)| *c).chain(['\0']);
        let (mut before, mut is_zero_of_prefix) = (('\0', 0..0), false);
        self.0.iter().zip(next).filter_map(move |(placed, next)| {
            let (c, place) = placed;
            let (char_before, place_before) = std::mem::replace(&mut before, placed.clone());
            let goes_on = char_before.is_ascii_alphanumeric() && place_before.end == place.start;
            let is_x_of_prefix =
                matches!(c, 'x' | 'X') && (is_zero_of_prefix || char_before == '\\');
            is_zero_of_prefix = *c == '0' && matches!(next, 'x' | 'X') && !goes_on;
            match c.to_digit(16) {
                _ if is_zero_of_prefix || is_x_of_prefix => None,
                Some(digit) => Some((u8::try_from(digit).ok(), place.clone())),
                None if c.is_ascii_alphanumeric() => Some((None, place.clone())),
                None => None,
            }
        })
    }
}

/// How the escapes of `text` may have to be read: those of URLs, JSON and HTML together, and where there are several of
/// them each alone, since what was escaped in one way may look like an escape of another.
pub(super) fn readings(text: &str) -> Vec<&'static str> {
    let alone = ["%", "\\", "&"].into_iter();
    let alone: Vec<_> = alone.filter(|sign| text.contains(sign)).collect();
    if alone.len() < 2 {
        return vec![ESCAPES];
    }
    [vec![ESCAPES], alone].concat()
}

/// What the escape at the beginning of `text` stands for, and how many characters it has.
fn escape(text: &[Placed]) -> Option<(char, usize)> {
    let at = |index: usize| text.get(index).map(|(c, _)| *c);
    match at(0)? {
        '%' => Some((hex(text.get(1..3)?)?, 3)),
        '\\' => match at(1)? {
            'u' if at(2) == Some('{') => braced(text),
            'u' => Some((hex(text.get(2..6)?)?, 6)),
            'x' => Some((hex(text.get(2..4)?)?, 4)),
            'n' | 'r' | 't' | 'b' | 'f' | 'v' | '0' => Some((' ', 2)),
            // Whatever stands before an escape, the escape is read.
            '%' | '&' if escape(&text[1..]).is_some() => None,
            c if c.is_ascii_punctuation() => Some((c, 2)),
            _ => None,
        },
        '&' => entity(text),
        _ => None,
    }
}

/// Such as `\u{200b}`.
fn braced(text: &[Placed]) -> Option<(char, usize)> {
    let digits = len_until(text.get(3..)?, '}')?;
    Some((hex(&text[3..3 + digits])?, 3 + digits + 1))
}

/// Such as `&#x73;`, `&#115;` or `&amp;`.
fn entity(text: &[Placed]) -> Option<(char, usize)> {
    let len = len_until(text.get(1..)?, ';')?;
    let name: String = text[1..=len].iter().map(|(c, _)| *c).collect();
    let code = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
    let c = match name.as_str() {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        name => {
            let digits = name.strip_prefix('#')?;
            let hex = digits.strip_prefix(['x', 'X']);
            let code = hex.map_or_else(|| code(digits, 10), |digits| code(digits, 16));
            char::from_u32(code?).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
    };
    Some((c, len + 2))
}

/// How far it is to `end`, if no further than in any escape.
fn len_until(text: &[Placed], end: char) -> Option<usize> {
    let is_end = |(c, _): &Placed| {
        #[cfg(test)]
        LOOKS.set(LOOKS.get() + 1);
        *c == end
    };
    text.iter().take(LONGEST).position(is_end)
}

/// The character of this number; one half of a pair is none of a key, and counts as unknown.
fn hex(digits: &[Placed]) -> Option<char> {
    let mut code = 0_u32;
    for (c, _) in digits {
        code = code.checked_mul(16)? + c.to_digit(16)?;
    }
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// The character that one of double width stands for, as in Chinese and Japanese text.
fn narrow(c: char) -> char {
    let is_wide = ('！'..='～').contains(&c);
    let narrow = u32::from(c).checked_sub(0xFEE0).filter(|_| is_wide);
    narrow.and_then(char::from_u32).unwrap_or(c)
}

pub(super) fn fold(byte: u8) -> u8 {
    match byte {
        b'+' => b'-',
        b'/' => b'_',
        byte => byte.to_ascii_lowercase(),
    }
}

/// What escapes begin with.
const ESCAPES: &str = "%\\&";

/// `#x10FFFF` and its like.
const LONGEST: usize = 9;

#[cfg(test)]
thread_local! {
    /// How many parts and characters this thread has compared.
    pub(super) static LOOKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}
