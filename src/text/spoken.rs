//! Speech as it grows: words, the pauses between them, and no sign that a voice stumbles on.
//!
//! What a mark of markdown means has been decided before (`speakable`); here are plain words, in which
//! stray marks, addresses, footnotes and pictures remain.

use super::citations::citation_len;
use super::joined::{command_in, mark_at_end, mark_cut_off};
use super::marks::{
    EMOJI_STYLE, KEYCAP, is_arrow, is_bullet, is_clause_end, is_closer, is_end, is_invisible,
    is_joiner, is_opener, is_pictograph, is_unspaced,
};

/// How long a voice rests before what comes next. When several are asked for, the longest wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pause {
    None,
    Word,
    Clause,
    /// A full stop if anything follows: the last words are left as they were.
    Paragraph,
    /// A full stop in any case: a heading or an item has none of its own.
    Stop,
}

/// Text for a voice, which grows at its end.
pub(super) struct Spoken {
    text: String,
    /// The start of the word that is being written.
    word: usize,
    pause: Pause,
    /// Something was left out, so that a space before the next mark is no longer wanted.
    gap: bool,
}

/// What the beginning of a text is to a voice.
enum Piece<'a> {
    Words(&'a str),
    Pause(Pause),
    /// Left out; the pause keeps the words around it apart.
    Dropped(Pause),
}

impl Spoken {
    pub(super) fn new() -> Self {
        Self {
            text: String::new(),
            word: 0,
            pause: Pause::None,
            gap: false,
        }
    }

    /// Asks for a pause before what comes next.
    pub(super) fn pause(&mut self, pause: Pause) {
        self.pause = self.pause.max(pause);
    }

    /// Says `words`, which are no longer markdown.
    pub(super) fn say(&mut self, words: &str) {
        let mut before = None;
        let mut rest = words;
        while !rest.is_empty() {
            let (len, piece) = self.next_piece(before, rest);
            match piece {
                Piece::Words(words) => words.chars().for_each(|c| self.push(c)),
                Piece::Pause(pause) => self.pause(pause),
                Piece::Dropped(pause) => {
                    self.pause(pause);
                    self.gap = true;
                }
            }
            before = rest[..len].chars().next_back();
            rest = &rest[len..];
        }
    }

    /// The whole speech.
    pub(super) fn finish(mut self) -> String {
        self.end_word();
        if let Some(start) = mark_cut_off(&self.text) {
            self.drop_from(start);
        }
        if self.pause == Pause::Stop && self.lacks_mark() {
            self.text.push('.');
        }
        self.text
    }

    fn push(&mut self, c: char) {
        if self.pause != Pause::None {
            self.end_word();
        }
        let separator = match self.pause {
            _ if self.text.is_empty() => "",
            Pause::None => "",
            Pause::Word if self.gap && is_mark(c) => "",
            Pause::Clause if is_mark(c) => "",
            Pause::Clause if self.lacks_mark() => ", ",
            Pause::Paragraph | Pause::Stop if self.lacks_mark() => ". ",
            _ => " ",
        };
        self.text.push_str(separator);
        self.pause = Pause::None;
        self.gap = false;
        self.write(c);
    }

    /// Writes `c`, and leaves out a mark that comes together by it.
    fn write(&mut self, c: char) {
        self.text.push(c);
        if let Some(start) = mark_at_end(&self.text) {
            self.drop_from(start);
        }
    }

    /// Leaves out the backslash of a command, now that the word shows that it is no path. What follows it is written
    /// again, since it may become a mark without the backslash.
    fn end_word(&mut self) {
        if let Some(at) = command_in(&self.text[self.word..]) {
            let name = self.text.split_off(self.word + at);
            if self.text.ends_with(char::is_alphanumeric) {
                self.text.push(' ');
            }
            name.chars().skip(1).for_each(|c| self.write(c));
        }
        self.word = self.text.len();
    }

    /// Leaves out what has been written from `start` on.
    fn drop_from(&mut self, start: usize) {
        let kept = self.text[..start].trim_end().len();
        if kept < start {
            self.pause(Pause::Word);
        }
        self.text.truncate(kept);
        self.word = self.word.min(kept);
        self.gap = true;
    }

    fn lacks_mark(&self) -> bool {
        let last = self.text.trim_end_matches(is_closer).chars().next_back();
        last.is_some_and(|c| !is_end(c) && !is_clause_end(c))
    }

    /// How long the first piece of `rest` is and what it is to a voice; `before` is the character before it.
    fn next_piece<'a>(&self, before: Option<char>, rest: &'a str) -> (usize, Piece<'a>) {
        if let Some((len, host)) = address(before, rest) {
            return (len, Piece::Words(host));
        }
        if let Some(len) =
            citation_len(rest).filter(|_| !(is_word(before) && rest.starts_with('t')))
        {
            return (len, Piece::Dropped(Pause::None));
        }
        match footnote_len(rest) {
            Some(len) if rest.starts_with("[^") || self.ends_here(before, &rest[len..]) => {
                (len, Piece::Dropped(Pause::None))
            }
            _ => sign(before, rest).unwrap_or_else(|| character(before, rest)),
        }
    }

    /// Whether a footnote's mark between `before` and `after` stands at the end of something. "Press [1]
    /// for sales" does not, and must not lose its number.
    fn ends_here(&self, before: Option<char>, after: &str) -> bool {
        let attached = before.is_some_and(|c| !c.is_whitespace() && !is_opener(c));
        let closes = after
            .trim_start()
            .chars()
            .next()
            .is_none_or(|c| is_mark(c) || c == '[');
        attached || (!self.text.is_empty() && (closes || !self.lacks_mark()))
    }
}

/// How many bytes at the beginning of `text` are a footnote's mark, as `[1]`, `[^1]`, `[1, 2]` or `[1-3]`.
pub(super) fn footnote_len(text: &str) -> Option<usize> {
    let (label, _) = text.strip_prefix('[')?.split_once(']')?;
    let numbers = label.strip_prefix('^').unwrap_or(label);
    let is_list = numbers.contains(SEPARATORS);
    let longest = if is_list { 2 } else { 3 };
    let is_number = |number: &str| {
        let number = number.trim_start_matches(' ');
        (1..=longest).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    // An interval of mathematics may begin with 0, and no list of footnotes does.
    let is_footnote = label.len() <= LONGEST_FOOTNOTE
        && !(is_list && numbers.starts_with('0'))
        && numbers.split(SEPARATORS).all(is_number);
    is_footnote.then_some(label.len() + "[]".len())
}

/// What stands between the numbers of several footnotes.
const SEPARATORS: [char; 4] = [',', ';', '-', '–'];

/// The longest list of footnotes in one mark, in bytes.
const LONGEST_FOOTNOTE: usize = 24;

/// An address of the web at the beginning of `text`: its length, and its host, which is all that a
/// listener can remember.
fn address(before: Option<char>, text: &str) -> Option<(usize, &str)> {
    if before.is_some_and(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let scheme = ["https://", "http://", ""]
        .into_iter()
        .find(|scheme| starts_with(text, scheme))?;
    let www = if starts_with(&text[scheme.len()..], "www.") {
        "www."
    } else {
        ""
    };
    let start = scheme.len() + www.len();
    if start == 0 {
        return None;
    }
    let host = text[start..]
        .split(|c| !is_host(c))
        .next()?
        .trim_end_matches('.');
    if host.is_empty() {
        return None;
    }
    let host_end = start + host.len();
    Some((host_end + path_len(&text[host_end..]), host))
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn is_host(c: char) -> bool {
    c == '-' || c == '.' || (c.is_alphanumeric() && !is_unspaced(c))
}

/// The length of port, path and query; the sentence's own marks at their end do not belong to them.
fn path_len(text: &str) -> usize {
    if !text.starts_with([':', '/', '?', '#']) {
        return 0;
    }
    let end = text
        .find(|c: char| !c.is_ascii_graphic() || "<>\"`|".contains(c))
        .unwrap_or(text.len());
    text[..end]
        .trim_end_matches(|c: char| c != '/' && c.is_ascii_punctuation())
        .len()
}

/// A sign of markdown, tables or arrows drawn with ASCII at the beginning of `text`, unless it stands for
/// itself: in "2 * 3", `snake_case`, "press #" and "x^2" it does.
fn sign(before: Option<char>, text: &str) -> Option<(usize, Piece<'_>)> {
    let c = text.chars().next().filter(|&c| "*_`~^|#-=".contains(c))?;
    if text[1..].starts_with([EMOJI_STYLE, KEYCAP]) {
        return None;
    }
    let after = text.trim_start_matches(c);
    let len = text.len() - after.len();
    let next = after.chars().next();
    let attached = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    let piece = match c {
        '-' | '=' if next == Some('>') => return Some((len + 1, Piece::Pause(Pause::Clause))),
        '|' => Piece::Pause(Pause::Clause),
        '-' if len > 2 => Piece::Pause(Pause::Clause),
        '=' | '_' if len > 2 => Piece::Pause(Pause::Word),
        '~' if len == 1 && is_word(before) && is_word(next) => Piece::Words("-"),
        '^' if attached(before) && attached(next) => Piece::Words(&text[..len]),
        '*' | '_' if stands_for_itself(before, len, next) => Piece::Words(&text[..len]),
        '*' | '_' | '^' | '~' | '`' => Piece::Dropped(Pause::None),
        '#' if len > 1 => Piece::Dropped(Pause::None),
        _ => return None,
    };
    Some((len, piece))
}

/// Whether `len` stars or underscores between `before` and `after` are arithmetic, a name or a dial code
/// rather than emphasis that lost its partner.
fn stands_for_itself(before: Option<char>, len: usize, after: Option<char>) -> bool {
    let both = |test: fn(char) -> bool| before.is_some_and(test) && after.is_some_and(test);
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    match len {
        1 => is_word(before) == is_word(after) || !(letter(before) || letter(after)),
        2 => both(|c| c.is_ascii_alphanumeric()) || both(char::is_whitespace),
        _ => false,
    }
}

/// The first character of `text`, or the whole key if it is one in a box.
fn character(before: Option<char>, text: &str) -> (usize, Piece<'_>) {
    let Some(c) = text.chars().next() else {
        return (0, Piece::Pause(Pause::None));
    };
    let (first, rest) = text.split_at(c.len_utf8());
    let next = rest.chars().next();
    let piece = match c {
        c if c.is_whitespace() => Piece::Pause(Pause::Word),
        c if is_picture(c, rest) => Piece::Dropped(Pause::Word),
        c if is_arrow(c) || is_bullet(c) => Piece::Pause(Pause::Clause),
        '…' => Piece::Words("..."),
        c if is_joiner(c) && joins(before, next) => Piece::Words(first),
        c if is_joiner(c) || is_invisible(c) => Piece::Pause(Pause::None),
        _ => Piece::Words(first),
    };
    (first.len(), piece)
}

/// Whether `c`, before `rest`, is shown as a picture.
pub(super) fn is_picture(c: char, rest: &str) -> bool {
    let styled = rest.strip_prefix(EMOJI_STYLE);
    is_pictograph(c) && !is_arrow(c) && !is_bullet(c)
        || styled.unwrap_or(rest).starts_with(KEYCAP)
        || (styled.is_some() && (!c.is_alphanumeric() || matches!(c, 'ℹ' | 'Ⓜ')) && !is_arrow(c))
}

fn joins(before: Option<char>, after: Option<char>) -> bool {
    before.is_some_and(|c| !c.is_ascii() && !c.is_whitespace() && !is_pictograph(c))
        && after.is_some_and(|c| !c.is_ascii() && c.is_alphabetic())
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

/// Whether `c` follows a word without a space.
fn is_mark(c: char) -> bool {
    let is_dash = matches!(c, '–' | '—');
    is_end(c) || (is_clause_end(c) && !is_dash) || matches!(c, ')' | ']' | '）')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_says(cases: &[(&str, &str)]) {
        for (words, speech) in cases {
            let mut spoken = Spoken::new();
            spoken.say(words);
            assert_eq!(spoken.finish(), *speech, "{words:?}");
        }
    }

    #[test]
    fn the_longest_of_several_pauses_is_made() {
        let cases = [
            (Pause::None, "ab", "a"),
            (Pause::Word, "a b", "a"),
            (Pause::Clause, "a, b", "a"),
            (Pause::Paragraph, "a. b", "a"),
            (Pause::Stop, "a. b", "a."),
        ];
        for (pause, between, last) in cases {
            for (words, expected) in [(["a", "b"], between), (["a", ""], last)] {
                let mut spoken = Spoken::new();
                spoken.say(words[0]);
                spoken.pause(pause);
                spoken.pause(Pause::None);
                spoken.say(words[1]);
                assert_eq!(spoken.finish(), expected, "{pause:?} {words:?}");
            }
        }
    }

    #[test]
    fn pictures_and_invisible_characters_are_dropped() {
        assert_says(&[
            (
                "Hi 😀. Great!😀Next 👨‍👩‍👧‍👦 one 🇩🇪 two ❤️ three x👍🏽y",
                "Hi. Great! Next one two three x y",
            ),
            ("key 1️⃣ and #️⃣! ℹ️ a\u{FE0F}b", "key and! ab"),
            ("Hi 😀 — you", "Hi — you"),
            (
                "ze\u{200B}ro so\u{AD}ft \u{202E}x\u{2069}\u{7}\u{1B} \u{FEFF}y\u{200D} \u{0}z",
                "zero soft x y z",
            ),
            ("a\t\u{A0}\u{2003}b", "a b"),
            ("😀", ""),
        ]);
    }

    #[test]
    fn signs_that_a_voice_stumbles_on_become_pauses() {
        assert_says(&[
            ("A → B => C -> D --> E ➜ F", "A, B, C, D, E, F"),
            ("A | B • C, | D", "A, B, C, D"),
            ("wait… ~5 or 10~20 ~~x~~ ^ y", "wait... 5 or 10-20 x y"),
            ("well---yes ___ a === b ## c", "well, yes a b c"),
        ]);
    }

    #[test]
    fn every_language_stays_unharmed() {
        for text in [
            "你好，世界！今天是3月5日。「はい、そうです。」",
            "مرحبا، كيف حالك؟ می‌خواهم بروم.",
            "Привет, мир! שלום עולם. नमस्ते, क्‍ष कैसे हैं? ക്‍ഷ สวัสดี",
            "Ærø, Łódź, naïve, İstanbul, Ελλάδα, 한국어. e\u{301}",
        ] {
            assert_says(&[(text, text)]);
        }
    }
}
