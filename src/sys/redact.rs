//! Keys and what was said, taken out of what people may read.
//!
//! Services quote: a key whole, in part or masked, in base64, as hexadecimal digits, escaped, with blanks in between;
//! half a sentence. So every part that could only come from there is taken out, in every spelling. What a service says
//! is looked at more closely than our own lines, but no line leaves the program without `secrets`. Short keys, such as
//! `openai` or `EMPTY` for a local server, are words of our own lines too: only what the service says that was sent
//! them is searched for those.

use std::collections::HashSet;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use base64::prelude::{BASE64_STANDARD, Engine};

use secrets::Grams;

use crate::sys::plain::plain;

/// A text that is not to be shown.
#[derive(Clone, Copy, Debug)]
pub enum Hidden<'a> {
    /// A key or a token.
    Secret(&'a str),
    /// Something that was said.
    Words(&'a str),
}

/// What was said, as a log may hold it: in full, or only the number of its bytes.
pub(crate) struct Words<'a>(pub(crate) &'a str, pub(crate) bool);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(words, true) => write!(f, "\"{}\"", plain(words)),
            Self(words, false) => write!(f, "<{} bytes>", words.len()),
        }
    }
}

/// Makes `secret`, a key or a token, one that [`secrets`] takes out from here on, if it has at least 12 characters.
pub(crate) fn enrol(secret: &str) {
    // A panic on another thread must not let keys through: the keys are still there, so a poisoned lock is used as it
    // is.
    let mut in_force = IN_FORCE.write().unwrap_or_else(PoisonError::into_inner);
    in_force.add(secret);
}

/// The same for a secret that nobody is sent, so that no service can repeat it in a spelling of its own.
pub(crate) fn enrol_unsent(secret: &str) {
    let mut in_force = IN_FORCE.write().unwrap_or_else(PoisonError::into_inner);
    in_force.add_unsent(secret);
}

/// Keeps `words`, which our own lines say, whatever key is made of them. They are taken once.
pub(crate) fn spare(words: impl IntoIterator<Item = &'static str>) {
    let mut in_force = IN_FORCE.write().unwrap_or_else(PoisonError::into_inner);
    if !in_force.spares() {
        for word in words.into_iter().chain(OWN) {
            in_force.spare(word);
        }
    }
}

/// The same with the password that an address has before its host, alone and as a proxy is sent it: in base64, with the
/// name of the user. The name itself is no secret.
pub(crate) fn enrol_address(address: &str) {
    let (_, rest) = address.split_once("://").unwrap_or(("", address));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let login = authority.rsplit_once('@').map(|(login, _)| login);
    if let Some((user, password)) = login.and_then(|login| login.split_once(':')) {
        enrol_login(user, password);
    }
}

/// The same with a user's name and password.
pub(crate) fn enrol_login(user: &str, password: &str) {
    enrol(password);
    enrol(&BASE64_STANDARD.encode(format!("{user}:{password}")));
}

/// `text` without the secrets in force, whole or in part, however they are spelled. Takes time in proportion to `text`.
pub(crate) fn secrets(text: &str) -> String {
    let in_force = IN_FORCE.read().unwrap_or_else(PoisonError::into_inner);
    without_grams(text, &in_force)
}

/// `text` as a terminal and a log may have it: on one line, without secrets, and without anything that a terminal
/// obeys.
pub(crate) fn shown(text: &str) -> String {
    plain(&secrets(text))
}

/// `text` without whatever it shares with `hidden`, and without the secrets in force.
pub fn redact(text: &str, hidden: &[Hidden<'_>]) -> String {
    let mut grams = Grams::new(SECRET_PART, SHORTEST_SENT);
    for hidden in hidden {
        if let Hidden::Secret(secret) = hidden {
            grams.add(secret);
        }
    }
    let mut shown = secrets(&without_grams(text, &grams));
    if !grams.is_empty() {
        // A masked key shows too few characters in a row for the search by parts.
        shown = without_masks(&shown);
    }
    for hidden in hidden {
        if let Hidden::Words(words) = hidden {
            shown = without_words(&shown, words);
        }
    }
    shown
}

fn without_grams(text: &str, grams: &Grams) -> String {
    if grams.is_empty() {
        return text.to_owned();
    }
    grams.without(text, REDACTED)
}

/// `text` with its size in place of every part of at least [`WORDS_PART`] bytes that also stands in `words`, and of the
/// whole of `words` where that is shorter.
fn without_words(text: &str, words: &str) -> String {
    let least = WORDS_PART.min(words.len());
    // `windows` panics at a length of 0, and no words hide nothing.
    if least == 0 {
        return text.to_owned();
    }
    let parts: HashSet<&[u8]> = words.as_bytes().windows(least).collect();
    let mut result = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let may_begin = rest.as_bytes().get(..least);
        let len = may_begin
            .filter(|beginning| parts.contains(beginning))
            .and_then(|_| common_beginning(rest, words, least));
        let (part, after) = rest.split_at(len.unwrap_or(first.len_utf8()));
        match len {
            Some(len) => result.extend(["<", &len.to_string(), " bytes>"]),
            None => result.push_str(part),
        }
        rest = after;
    }
    result
}

/// How many bytes at the beginning of `text` stand somewhere in `source`, if these are at least `least` bytes.
fn common_beginning(text: &str, source: &str, least: usize) -> Option<usize> {
    // By characters, not bytes: `text` is cut where they end, which must not be within one.
    let matches = source.char_indices().map(|(start, _)| {
        let pairs = text.chars().zip(source[start..].chars());
        let same = pairs.take_while(|(a, b)| a == b);
        same.map(|(c, _)| c.len_utf8()).sum()
    });
    matches.max().filter(|len| *len >= least)
}

/// `text` with words that are masked, as in `sk-ab****wxyz`, taken out whole.
fn without_masks(text: &str) -> String {
    let is_masked =
        |word: &&str| word.contains("**") || word.contains("...") && word.contains("sk-");
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        if is_masked(&word) {
            format!("{REDACTED}{}", &word[word.trim_end().len()..])
        } else {
            word.to_owned()
        }
    });
    words.collect()
}

/// Every key that the settings hold and every token that was made of them. There is one process for each call, and what
/// it knows must not leave it by any way, so this value is global.
static IN_FORCE: RwLock<Grams> = RwLock::new(Grams::new(KNOWN_PART, SHORTEST_KNOWN));

const REDACTED: &str = "[redacted]";

/// How many characters of the key that a service was sent may be seen in its answer: the beginning says only what kind
/// of key it is.
const SECRET_PART: u32 = 6;

/// What a service was sent as a key is searched for in its answer from this length on, in characters.
const SHORTEST_SENT: usize = 4;

/// How many characters of any key may be seen in our own lines, which have reasons of their own for words like
/// `openai`.
const KNOWN_PART: u32 = 8;

/// A key is searched for in our own lines from this length on, in characters.
const SHORTEST_KNOWN: usize = 12;

/// What our own lines say, beside the names of settings: a key that is made of such words hides none of them.
const OWN: [&str; 17] = [
    "asterisk",
    "/var/lib/asterisk/agi-bin/phone-assistant",
    "/usr/share/asterisk/agi-bin/phone-assistant",
    "/usr/local/bin/phone-assistant",
    "/etc/phone-assistant/config.toml",
    "/var/lib/phone-assistant/state/limits.json",
    "/var/lib/phone-assistant/calls",
    "/var/lib/phone-assistant/callers",
    "/var/log/asterisk/full",
    "/etc/asterisk/modules.conf",
    "asterisk-core-sounds-en",
    "sudo ./install.sh --dialplan",
    "/usr/share/phone-assistant/install.sh",
    "custom-openai",
    "api.openai.com",
    "generativelanguage.googleapis.com",
    "texttospeech.googleapis.com",
];

/// How many bytes of what was said may be seen: shorter parts are words that all callers use.
const WORDS_PART: usize = 12;

#[cfg(test)]
mod tests;
