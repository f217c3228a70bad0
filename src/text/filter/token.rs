//! Tokens of chat templates, and the tags that models put around what is not their answer.
//!
//! Each model family has its own; `names` has them. Between `<|` and `|>` a token is one whatever its
//! name; a name in plain angle brackets is one only if it is in a table, since `<your name>` and `Vec<String>` are words.

mod names;

use super::read::{Read, first_bytes};
pub(super) use names::{Hidden, Speaker, Token};
use names::{
    LITERALS, MODELS, NUMBERED, OTHERS, PERHAPS_THOUGHTS, PLAIN, RIGHT_BARRED, THOUGHTS, TOKENS,
    WITH_ATTRIBUTES,
};

/// Reads the token that `text` begins with. One that `may_be_unmarked` has no brackets.
pub(super) fn read(text: &str, may_be_unmarked: bool) -> Read<Token> {
    match text.as_bytes().first() {
        Some(b'<') => match tag(text) {
            Read::Not => either(literal(text), reference(text)),
            read => read,
        },
        Some(b'[') => either(literal(text), bracketed(text)),
        Some(b'a') if may_be_unmarked => literal(text),
        Some(b'a') | None => Read::Not,
        _ => literal(text),
    }
}

/// Whether `text` is a token between brackets.
pub(crate) fn is_token(text: &str) -> bool {
    match read(text, false) {
        Read::Is(_, Token::MayBeginThought | Token::MayEndThought) => false,
        Read::Is(len, _) => len == text.len(),
        _ => false,
    }
}

/// Whether `text` is the beginning of one that the text's end has cut off.
pub(crate) fn is_cut_off_token(text: &str) -> bool {
    read(text, false) == Read::MayBecome && is_cut_off(text)
}

/// Whether what may become a token is one that the text's end has cut off.
pub(super) fn is_cut_off(text: &str) -> bool {
    // Anything shorter may be a sign of the text, such as the `<` of a comparison, and what begins with `a` may be a
    // word.
    let is_word = || {
        let name = text.trim_start_matches(['<', '/']);
        let len = name.find(|c| !is_name(c)).unwrap_or(name.len());
        text.starts_with('<') && len > 0 && !begins_a_name(&name[..len].to_ascii_lowercase())
    };
    text.len() >= 4 && !text.starts_with(['a', '.', '…']) && !text.contains('>') && !is_word()
}

/// The speaker of this name, or of the channel in it. An unknown one is the model itself under another name.
pub(super) fn speaker(name: &str) -> Speaker {
    let first = first_word(name).to_ascii_lowercase();
    match first.as_str() {
        first if names_thought(first) => Speaker::Thought,
        _ if name.contains(" to=") => Speaker::Call,
        "functions" | "developer" => Speaker::Other,
        first if lists(OTHERS, first) => Speaker::Other,
        _ => Speaker::Model,
    }
}

/// What stands behind the name of a speaker that should have ended with its line.
pub(super) fn words_after_speaker(line: &str) -> &str {
    let name = first_word(line).to_ascii_lowercase();
    match speaker(line) {
        Speaker::Model if lists(MODELS, &name) || lists("final commentary", &name) => {
            &line.trim_start()[name.len()..]
        }
        Speaker::Model => line,
        _ => "",
    }
}

/// Whether a tag or a key of this name has thoughts in it: one of its words says so, as in "inner_thoughts".
pub(super) fn names_thought(name: &str) -> bool {
    let mut words = name.split(['_', ':', '-']);
    words.any(|word| lists(THOUGHTS, word)) || lists(PERHAPS_THOUGHTS, name)
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    &text[..text.find(|c| !is_letter(c)).unwrap_or(text.len())]
}

/// A token between `<` and `>`, with bars inside them or without.
fn tag(text: &str) -> Read<Token> {
    let (closes, rest) = stripped(&text[1..], "/");
    let namespaced = without_namespace(rest);
    let unbarred = without_bars(namespaced.unwrap_or(rest));
    let has_bar = namespaced.is_some() || unbarred.len() < rest.len();
    let (closes_inside, rest) = stripped(unbarred, "/");
    let window = first_bytes(rest, LONGEST_TAG);
    let len = window.find(|c| !is_name(c)).unwrap_or(window.len());
    let name = window[..len].to_ascii_lowercase().replace('▁', "_");
    let after = &window[len..];
    let closes = closes || closes_inside;
    if name.len() > LONGEST_NAME || (name.is_empty() && !after.is_empty()) {
        return Read::Not;
    }
    if after.is_empty() && window.len() == rest.len() {
        return Read::MayBecome;
    }
    let (len, ends_with_bar) = match end_of_tag(after) {
        Ok(Some(end)) => end,
        Ok(None) if has_bar || is_known(&name) => return Read::MayBecome,
        _ => return Read::Not,
    };
    if ends_with_bar && !has_bar && !is_known(&name) {
        return Read::Not;
    }
    let attributes = &after[..len - 1];
    let token = if namespaced.is_some() {
        plain(&name, closes, attributes).or(Some(Token::Nothing))
    } else if has_bar || ends_with_bar {
        barred(&name, closes, has_bar)
    } else {
        plain(&name, closes, attributes)
    };
    let total = text.len() - rest.len() + (window.len() - after.len()) + len;
    token.map_or(Read::Not, |token| Read::Is(total, token))
}

/// What follows a name between bars in front of the name of a tag: `<｜DSML｜invoke name="map">`.
fn without_namespace(text: &str) -> Option<&str> {
    let name = without_bars(text);
    let len = name.find(|c: char| !c.is_ascii_alphanumeric())?;
    let rest = without_bars(&name[len..]);
    let is_one = name.len() < text.len() && (1..=LONGEST_NAMESPACE).contains(&len);
    (is_one && rest.len() < name.len() - len && rest.starts_with(is_name)).then_some(rest)
}

/// What follows one bar or two of them.
fn without_bars(text: &str) -> &str {
    let rest = text.strip_prefix(BARS).unwrap_or(text);
    rest.strip_prefix(BARS).unwrap_or(rest)
}

/// Where a tag ends whose name is followed by `after`, and whether a bar stands there; none while that is still to come.
fn end_of_tag(after: &str) -> Result<Option<(usize, bool)>, NoTag> {
    let end = without_bars(after);
    if end.len() < after.len() {
        return match end.bytes().next() {
            Some(b'>') => Ok(Some((after.len() - end.len() + 1, true))),
            Some(_) => Err(NoTag),
            None => Ok(None),
        };
    }
    if !after.starts_with(['>', ' ', '=', '/']) {
        return Err(NoTag);
    }
    match after.find(['>', '<', '\n']) {
        Some(end) if after[end..].starts_with('>') => Ok(Some((end + 1, false))),
        None if after.len() < LONGEST_ATTRIBUTES => Ok(None),
        _ => Err(NoTag),
    }
}

struct NoTag;

/// A token between `[|` and `|]`, or a tag around thoughts in square brackets, which may be a word of the text.
fn bracketed(text: &str) -> Read<Token> {
    let (closes, rest) = stripped(&text[1..], "/");
    let inner = without_bars(rest);
    let has_bar = inner.len() < rest.len();
    let is_word = |c: char| c.is_ascii_alphabetic() || has_bar && is_name(c);
    let len = inner.find(|c| !is_word(c)).unwrap_or(inner.len());
    let name = inner[..len].to_ascii_lowercase();
    let after = &inner[len..];
    let end = without_bars(after);
    if len > LONGEST_NAME || has_bar != (end.len() < after.len()) && !after.is_empty() {
        return Read::Not;
    }
    match end.chars().next() {
        None if has_bar || begins_thought(&name) => Read::MayBecome,
        Some(']') => {
            let token = if has_bar {
                barred(&name, closes, true)
            } else {
                thought(&name, closes, inner[..len] != *"THINK")
            };
            let len = text.len() - end.len() + 1;
            token.map_or(Read::Not, |token| Read::Is(len, token))
        }
        _ => Read::Not,
    }
}

/// The tag of this name around thoughts, if it is one. One that `may_be_word` is none where no end of it follows.
fn thought(name: &str, closes: bool, may_be_word: bool) -> Option<Token> {
    let has_other_uses = lists(PERHAPS_THOUGHTS, name);
    names_thought(name).then_some(match closes {
        true if has_other_uses => Token::MayEndThought,
        true => Token::End(Hidden::Thought),
        false if may_be_word || has_other_uses => Token::MayBeginThought,
        false => Token::Begin(Hidden::Thought),
    })
}

/// A source between tags, in one line: `<ref>Smith 2020</ref>`.
fn reference(text: &str) -> Read<Token> {
    let line = first_bytes(text, LONGEST_TAG);
    let line = line.split('\n').next().unwrap_or_default();
    let tags = ["<ref>", "<ref name="];
    let is_one = tags.iter().any(|tag| line.starts_with(tag));
    match line.find("</ref>") {
        _ if tags.iter().any(|tag| tag.starts_with(text)) => Read::MayBecome,
        _ if !is_one || line.contains("/>") => Read::Not,
        Some(at) => Read::Is(at + "</ref>".len(), Token::Nothing),
        None if line.len() == text.len() => Read::MayBecome,
        None => Read::Not,
    }
}

/// What is read by two readers.
fn either(one: Read<Token>, other: Read<Token>) -> Read<Token> {
    match (one, other) {
        (Read::Is(..), _) | (_, Read::Not) => one,
        _ => other,
    }
}

fn barred(name: &str, closes: bool, has_left_bar: bool) -> Option<Token> {
    if name.is_empty() {
        return None;
    }
    // "<|channel>" begins and "<channel|>" ends, at the models that have it.
    let own = own_name(name);
    let known = TOKENS.iter().find(|(names, _)| lists(names, own));
    let token = match known {
        Some((_, Token::Begin(hidden))) if closes || !has_left_bar => Token::End(*hidden),
        Some((_, Token::Name)) if !has_left_bar => match name {
            "channel" => Token::EndOfMessage,
            _ => Token::EndOfTurn,
        },
        Some((_, Token::Call)) if closes || !has_left_bar => Token::Nothing,
        Some((_, token)) if !closes => *token,
        _ => plain(name, closes, "").unwrap_or(Token::Nothing),
    };
    Some(token)
}

/// A name between plain brackets, with attributes if `attributes` are some: "<answer the phone>" is text.
fn plain(name: &str, closes: bool, attributes: &str) -> Option<Token> {
    let has_attributes = attributes.contains('=');
    if !has_attributes && !matches!(attributes.trim(), "" | "/") {
        return None;
    }

    let numbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let own = own_name(name);
    let closes_itself = attributes.ends_with('/');
    let token = match own {
        "unused94" => Token::Begin(Hidden::Thought),
        "unused95" => Token::End(Hidden::Thought),
        _ if numbered.len() < name.len() && lists(NUMBERED, numbered) => Token::Nothing,
        _ if is_byte(name) => Token::Nothing,
        _ if names_thought(own) => return thought(own, closes, false),
        "details" if closes => Token::End(Hidden::Details),
        "details" if attributes.contains("reasoning") => Token::Begin(Hidden::Details),
        _ if lists(WITH_ATTRIBUTES, own) => match closes {
            true => Token::End(Hidden::Call),
            false if has_attributes => Token::Begin(Hidden::Call),
            false => return None,
        },
        _ => match PLAIN.iter().find(|(names, _)| lists(names, own)) {
            Some((_, Token::Begin(hidden))) if closes => Token::End(*hidden),
            Some(_) if closes => Token::Nothing,
            Some((_, token)) => *token,
            // A tool that is called by its name, which no element of HTML has.
            None if closes_itself && own.contains('_') => Token::Nothing,
            None => return None,
        },
    };
    Some(token)
}

/// `name` without what some families add to all names: `antml:invoke`, `EOS_TOKEN`.
fn own_name(name: &str) -> &str {
    let name = name.rsplit(':').next().unwrap_or_default();
    name.strip_suffix("_token").unwrap_or(name)
}

/// Whether a tag of this name may be a token, with attributes or without.
fn is_known(name: &str) -> bool {
    let is_plain = |closes, attributes| plain(name, closes, attributes).is_some();
    is_plain(true, "") || is_plain(false, "a=b/") || lists(RIGHT_BARRED, name)
}

/// Whether a name in plain brackets may go on such that it is in a table.
fn begins_a_name(name: &str) -> bool {
    let numbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let own = own_name(name);
    let names = PLAIN.iter().flat_map(|(names, _)| names.split(' '));
    let others = WITH_ATTRIBUTES.split(' ').chain(RIGHT_BARRED.split(' '));
    let mut all = names.chain(others).chain(NUMBERED.split(' '));
    all.any(|known| known.starts_with(own) || known == numbered)
        || names_thought(own)
        || own.rsplit(['_', '-']).next().is_some_and(begins_thought)
        || is_byte(&format!("{name}{}", &"0x00"[name.len().min(4)..]))
}

/// Whether a word may become one for thoughts.
fn begins_thought(word: &str) -> bool {
    let mut words = THOUGHTS.split(' ').chain(PERHAPS_THOUGHTS.split(' '));
    words.any(|thought| thought.starts_with(word))
}

/// A byte that its model's vocabulary has no character for: `<0x0A>`.
fn is_byte(name: &str) -> bool {
    let digits = name.strip_prefix("0x");
    digits.is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A token that is spelled in one way only.
fn literal(text: &str) -> Read<Token> {
    let mut read = Read::Not;
    for (literal, token) in LITERALS {
        if text.starts_with(literal) {
            return Read::Is(literal.len(), *token);
        }
        if literal.starts_with(text) {
            read = Read::MayBecome;
        }
    }
    read
}

fn stripped<'a>(text: &'a str, prefix: &str) -> (bool, &'a str) {
    let rest = text.strip_prefix(prefix);
    (rest.is_some(), rest.unwrap_or(text))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-' | '▁')
}

fn lists(names: &str, name: &str) -> bool {
    names.split(' ').any(|listed| listed == name)
}

const BARS: [char; 3] = ['|', '｜', '‖'];

/// The longest namespace, the longest name between bars, and the longest tag with its attributes, in bytes.
const LONGEST_NAMESPACE: usize = 20;
const LONGEST_NAME: usize = 60;
const LONGEST_ATTRIBUTES: usize = 150;
const LONGEST_TAG: usize = LONGEST_NAME + LONGEST_ATTRIBUTES;
