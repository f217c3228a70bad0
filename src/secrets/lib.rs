//! Secrets in all their spellings, as the set of all their parts of one length.
//!
//! A text that shares a longer part with a secret shares each of the shorter ones in it; so one look into a set at each
//! place of a text finds them all, in a time that grows with the text alone.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};

use view::{View, fold, readings};

#[cfg(test)]
mod tests;
mod view;

/// Parts of secrets.
#[derive(Debug)]
pub struct Grams {
    /// How many characters a part has, at most 8.
    len: u32,
    /// The length from which a text counts as a secret: a shorter one, taken out of every line, would make them
    /// unreadable.
    shortest: usize,
    /// Parts of a spelling in characters, a byte each.
    of_text: Set,
    /// Parts of a spelling in hexadecimal digits, half a byte each: two stand for a character.
    of_dump: Set,
    /// Secrets that are no longer than a part.
    words: Vec<String>,
    /// Parts of what is no secret, in characters.
    spared: Set,
}

impl Grams {
    /// An empty set of parts of `len` characters, of secrets with at least `shortest` characters.
    pub const fn new(len: u32, shortest: usize) -> Self {
        Self {
            len,
            shortest,
            of_text: HashSet::with_hasher(BuildHasherDefault::new()),
            of_dump: HashSet::with_hasher(BuildHasherDefault::new()),
            words: Vec::new(),
            spared: HashSet::with_hasher(BuildHasherDefault::new()),
        }
    }

    /// Whether there is nothing to find.
    pub fn is_empty(&self) -> bool {
        self.of_text.is_empty() && self.words.is_empty()
    }

    /// Adds the parts of `secret`, which a service is sent and may repeat in a spelling of its own.
    pub fn add(&mut self, secret: &str) {
        if !self.add_as_it_stands(secret) {
            return;
        }
        let letters = self.letters_of(&folded(secret));
        if letters.len() >= self.shortest.max(self.chars()) {
            self.add_spelling(letters);
        }
        let backwards: Vec<u8> = secret.bytes().rev().collect();
        // UTF-16 has a zero beside each byte.
        let wide: Vec<u8> = secret.bytes().flat_map(|byte| [byte, 0]).collect();
        for bytes in [secret.as_bytes(), &backwards, &wide] {
            for encoded in base64_of(bytes) {
                self.add_spelling(folded(&encoded));
            }
            self.add_dump(bytes);
        }
        for twice in base64_of(secret.as_bytes()).flat_map(|once| base64_of(once.as_bytes())) {
            self.add_text(&folded(&twice));
        }
    }

    /// Adds the parts of a secret that nobody is sent, such as a private key.
    pub fn add_unsent(&mut self, secret: &str) {
        if self.add_as_it_stands(secret) {
            for encoded in base64_of(secret.as_bytes()) {
                self.add_text(&folded(&encoded));
            }
            self.add_dump(secret.as_bytes());
        }
    }

    /// Adds a secret as it stands, and as it reads once its escapes are undone. Returns whether it is long enough to be
    /// encoded.
    fn add_as_it_stands(&mut self, secret: &str) -> bool {
        let plain = folded(secret);
        let is_long = plain.len() >= self.shortest.max(self.chars());
        self.add_spelling(plain);
        for signs in readings(secret) {
            let mut view = View::of(secret).decoded(signs);
            while let Some(read) = view {
                self.add_spelling(read.folded().map(|(byte, _)| byte).collect());
                view = read.decoded(signs);
            }
        }
        is_long
    }

    fn add_dump(&mut self, bytes: &[u8]) {
        let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let nibbles: Vec<u8> = nibbles.collect();
        self.of_dump.extend(parts(&nibbles, 4, 2 * self.len));
    }

    /// Leaves out the parts that also stand in `word`, which is no secret, of all secrets that follow.
    pub fn spare(&mut self, word: &str) {
        let folded = folded(word);
        self.spared.extend(parts(&folded, 8, self.len));
        self.spared.extend(parts(&letters(&folded), 8, self.len));
    }

    /// Whether anything is spared yet.
    pub fn spares(&self) -> bool {
        !self.spared.is_empty()
    }

    /// `text` with `mark` in place of whatever stands for a secret.
    pub fn without(&self, text: &str, mark: &str) -> String {
        let (mut shown, mut done) = (String::new(), 0);
        for found in self.found_in(text) {
            shown.push_str(&text[done..found.start]);
            shown.push_str(mark);
            done = found.end;
        }
        shown.push_str(&text[done..]);
        shown
    }

    /// The bytes of `text` that stand for secrets, in order and apart from each other.
    fn found_in(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for signs in readings(text) {
            let mut view = Some(View::of(text));
            for _ in 0..ROUNDS {
                let Some(read) = view else { break };
                self.find_in(text, &read, &mut found);
                view = read.decoded(signs);
            }
        }
        joined(found)
    }

    fn find_in(&self, text: &str, read: &View, found: &mut Vec<Range<usize>>) {
        let bytes = || read.folded().map(|(byte, place)| (Some(byte), place));
        let letters = bytes().filter(|(byte, _)| byte.is_some_and(|it| it.is_ascii_alphanumeric()));
        self.find_text(bytes(), found);
        self.find_text(letters, found);
        for radix in [10, 8] {
            self.find_text(read.numbers(radix), found);
        }
        let of_dump = roll(read.nibbles(), 4, 2 * self.len);
        let of_dump = of_dump.filter(|(gram, _)| holds(&self.of_dump, *gram));
        found.extend(of_dump.map(|(_, place)| place));
        let words = self.words.iter();
        found.extend(words.flat_map(|word| words_in(text, read, word)));
    }

    fn find_text(
        &self,
        bytes: impl Iterator<Item = (Option<u8>, Range<usize>)>,
        found: &mut Vec<Range<usize>>,
    ) {
        let of_text = roll(bytes, 8, self.len).filter(|(gram, _)| holds(&self.of_text, *gram));
        found.extend(of_text.map(|(_, place)| place));
    }

    /// The letters of a secret, without the parts that only say of what kind it is: `ask project` has those of `sk-proj-`.
    fn letters_of(&self, folded: &[u8]) -> Vec<u8> {
        let kind = KINDS
            .iter()
            .find(|kind| folded.starts_with(kind.as_bytes()));
        let kind = kind.map_or(0, |kind| letters(kind.as_bytes()).len());
        let first = (kind + 1).saturating_sub(self.chars());
        letters(folded).split_off(first)
    }

    fn chars(&self) -> usize {
        usize::try_from(self.len).unwrap_or(usize::MAX)
    }

    fn add_spelling(&mut self, mut folded: Vec<u8>) {
        if folded.len() < self.shortest {
            return;
        }
        if folded.len() < self.chars() {
            return self.add_word(folded);
        }
        self.add_text(&folded);
        // A key can be read as easily where a service repeats it backwards.
        folded.reverse();
        self.add_text(&folded);
    }

    fn add_text(&mut self, folded: &[u8]) {
        for gram in parts(folded, 8, self.len) {
            if !self.spared.contains(&gram) {
                self.of_text.insert(gram);
            }
        }
    }

    fn add_word(&mut self, mut folded: Vec<u8>) {
        for _ in 0..2 {
            let word = String::from_utf8_lossy(&folded).into_owned();
            if !self.words.contains(&word) {
                self.words.push(word);
            }
            folded.reverse();
        }
    }
}

fn holds(set: &Set, gram: u64) -> bool {
    #[cfg(test)]
    view::LOOKS.set(view::LOOKS.get() + 1);
    set.contains(&gram)
}

/// What base64 makes of `bytes` inside of a longer text: it writes three bytes as four signs, so that there are three
/// spellings (RFC 4648, section 4).
fn base64_of(bytes: &[u8]) -> impl Iterator<Item = String> + use<> {
    [0, 1, 2].map(|lead| base64_behind(lead, bytes)).into_iter()
}

/// The characters of base64 that `bytes` alone decide when `lead` other bytes stand before them.
fn base64_behind(lead: usize, bytes: &[u8]) -> String {
    let encoded = BASE64_STANDARD_NO_PAD.encode([&[0; 2][..lead.min(2)], bytes].concat());
    let first = (8 * lead).div_ceil(6);
    let end = 8 * (lead + bytes.len()) / 6;
    encoded.get(first..end).unwrap_or_default().to_owned()
}

/// What [`View::folded`] makes of a text as it is written.
fn folded(text: &str) -> Vec<u8> {
    let graphic = text.bytes().filter(u8::is_ascii_graphic);
    graphic.map(fold).collect()
}

/// The letters and digits of what [`folded`] has made.
fn letters(folded: &[u8]) -> Vec<u8> {
    let letters = folded.iter().copied();
    letters.filter(u8::is_ascii_alphanumeric).collect()
}

/// Each run of `len` values of `bits` bits, as a number.
fn parts(values: &[u8], bits: u32, len: u32) -> impl Iterator<Item = u64> {
    let mask = u64::MAX >> (u64::BITS - bits * len);
    let grams = values.iter().scan(0_u64, move |gram, value| {
        *gram = ((*gram << bits) | u64::from(*value)) & mask;
        Some(*gram)
    });
    grams.skip(usize::try_from(len - 1).unwrap_or(usize::MAX))
}

/// The same of values some of which are none, and the place of each run from its first value to its last.
fn roll(
    values: impl Iterator<Item = (Option<u8>, Range<usize>)>,
    bits: u32,
    len: u32,
) -> impl Iterator<Item = (u64, Range<usize>)> {
    let mask = u64::MAX >> (u64::BITS - bits * len);
    let run = usize::try_from(len).unwrap_or(usize::MAX);
    let mut gram = 0_u64;
    let mut places = std::collections::VecDeque::with_capacity(run);
    values.filter_map(move |(value, place)| {
        let Some(value) = value else {
            places.clear();
            return None;
        };
        if places.len() == run {
            places.pop_front();
        }
        places.push_back(place.clone());
        gram = ((gram << bits) | u64::from(value)) & mask;
        let first = places.front().filter(|_| places.len() == run)?;
        Some((gram, first.start..place.end))
    })
}

/// Where `word` stands alone in `text`.
fn words_in(text: &str, view: &View, word: &str) -> Vec<Range<usize>> {
    let (bytes, places): (Vec<u8>, Vec<_>) = view.folded().unzip();
    let is_alone = |place: &Range<usize>| {
        let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !is_part(text[..place.start].chars().next_back())
            && !is_part(text[place.end..].chars().next())
    };
    let windows = bytes.windows(word.len()).enumerate();
    windows
        .filter(|(_, window)| *window == word.as_bytes())
        .map(|(at, _)| places[at].start..places[at + word.len() - 1].end)
        .filter(is_alone)
        .collect()
}

/// The same ranges in order, those that touch as one.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut().filter(|last| last.end >= range.start) {
            Some(last) => last.end = last.end.max(range.end),
            None => joined.push(range),
        }
    }
    joined
}

type Set = HashSet<u64, BuildHasherDefault<Mixed>>;

/// Spreads numbers over a table. They cannot be chosen without knowing the secrets.
#[derive(Debug, Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// What the keys of well-known services begin with.
const KINDS: [&str; 6] = [
    "sk-proj-",
    "sk-svcacct-",
    "sk-admin-",
    "sk-ant-api03-",
    "sk-ant-",
    "sk-or-v1-",
];

/// How often escapes are undone, and once less: an error in JSON within an error in JSON.
const ROUNDS: usize = 3;
