//! Labels in front of words: "Assistant:", "User:", "Thought:", "### Response:".

use super::call::{Call, is_mark_of_fence};
use super::read::{Read, first_bytes};
use super::token::names_thought;

/// What stands behind a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// What the model says.
    Model,
    /// The same at the beginning of the answer, and a word of it elsewhere: "Agent: Ms. Brown".
    Role,
    /// The same where the name stands alone on its line.
    Alone,
    /// What another speaker says.
    Other,
    /// The same only where an answer follows it: a name that is also that of other things, at the beginning of a line.
    Asker,
    Thought,
    /// The same behind "Action:", where one word follows: the name of a tool.
    Action,
    /// What the model says after its thoughts.
    Answer,
    /// Thoughts that have lost the tokens around them, up to "assistantfinal".
    Analysis,
    /// The call of a tool, of which nothing has been read.
    Call,
    /// An answer in JSON, of which nothing has been read.
    Wrapped,
}

/// Where a label may stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Start {
    /// Inside a sentence it is none.
    None,
    /// Where a sentence begins inside a line.
    Sentence,
    #[default]
    Line,
}

/// Reads the label that `text` begins with at `start`, which has more unless it `is_last`.
pub(super) fn read(text: &str, start: Start, is_last: bool) -> Read<Label> {
    if text.starts_with(['{', '[']) || text.starts_with(FUNCTOOLS) {
        match call(text) {
            Read::Not if text.starts_with('[') => {}
            read => return read,
        }
    }
    if is_fence(text) {
        return if start == Start::Line {
            fenced(text)
        } else {
            Read::Not
        };
    }
    if PYTHON.iter().any(|beginning| text.starts_with(beginning)) {
        return Read::Is(0, Label::Call);
    }
    if FUNCTOOLS.starts_with(text) || PYTHON.iter().any(|beginning| beginning.starts_with(text)) {
        return Read::MayBecome;
    }
    let words = text.trim_start_matches(is_markup);
    let markup = &text[..text.len() - words.len()];
    if markup.len() > LONGEST_MARKUP {
        return Read::Not;
    }
    if words.is_empty() {
        return Read::MayBecome;
    }
    // No sentence begins with a small letter: the mark before it was an abbreviation's, as in "e.g. user: name".
    if start == Start::Sentence && words.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Read::Not;
    }
    if markup.is_empty() && start == Start::Line && analysis(words) != Read::Not {
        return analysis(words);
    }
    let headings = if markup.contains('#') { HEADINGS } else { &[] };
    let askers = if start == Start::Line { ASKERS } else { &[] };
    let mut read = Read::Not;
    for (names, label) in headings.iter().chain(NAMES).chain(askers) {
        for name in names.split('|') {
            match name_len(words, name, is_last) {
                Read::Is(len, Mark::Colon) => return Read::Is(markup.len() + len, *label),
                Read::Is(len, Mark::LineBreak) => {
                    if let Some(label) = alone(name, *label, markup) {
                        return Read::Is(markup.len() + len, label);
                    }
                }
                Read::MayBecome => read = Read::MayBecome,
                Read::Not => {}
            }
        }
    }
    read
}

/// What a name stands in front of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Colon,
    LineBreak,
}

/// The length of `name` and the mark after it at the beginning of `text`, and of the markup around them.
fn name_len(text: &str, name: &str, is_last: bool) -> Read<Mark> {
    let mut letters = text.chars();
    for expected in name.chars() {
        match letters.next() {
            None => return Read::MayBecome,
            Some(c) if c.to_lowercase().eq(expected.to_lowercase()) => {}
            Some(_) => return Read::Not,
        }
    }
    let mut rest = letters.as_str();
    let mut mark = None;
    for _ in 0..LONGEST_MARKUP {
        let mut next = rest.chars();
        match (next.next(), mark) {
            (None, _) if !is_last => return Read::MayBecome,
            (Some('*' | '_' | ']'), None | Some(Mark::Colon)) => {}
            (Some(':' | '：'), None) => mark = Some(Mark::Colon),
            // A prompt: "USER> ".
            (Some('>'), None) if next.as_str().is_empty() && !is_last => return Read::MayBecome,
            (Some('>'), None) if next.as_str().starts_with(' ') => mark = Some(Mark::Colon),
            // What stands alone on its line has all of its line breaks.
            (Some('\n'), None | Some(Mark::LineBreak)) => mark = Some(Mark::LineBreak),
            _ => break,
        }
        rest = next.as_str();
    }
    mark.map_or(Read::Not, |mark| Read::Is(text.len() - rest.len(), mark))
}

/// What a name alone on its line is: that of a turn in most templates, or the heading of thoughts or of an answer.
fn alone(name: &str, label: Label, markup: &str) -> Option<Label> {
    // A bullet and a bracket are those of a list of names.
    let is_turn = matches!(markup.trim_matches(['#', ' ']), "" | "**");
    match (name, label) {
        ("assistant", _) => is_turn.then_some(Label::Alone),
        ("user", _) => is_turn.then_some(label),
        (_, Label::Thought | Label::Answer) => {
            let is_heading = markup.contains(['#', '*']) || !name.ends_with(char::is_alphabetic);
            is_heading.then_some(label)
        }
        _ => None,
    }
}

/// "analysisWe need": the name of a channel that no name would be glued to.
fn analysis(text: &str) -> Read<Label> {
    const NAME: &str = "analysis";
    match text.strip_prefix(NAME) {
        Some(rest) if rest.starts_with(|c: char| c.is_uppercase()) => {
            Read::Is(NAME.len(), Label::Analysis)
        }
        Some("") => Read::MayBecome,
        None if NAME.starts_with(text) => Read::MayBecome,
        _ => Read::Not,
    }
}

/// A call or an answer as JSON, of which the first key tells what it is, or a call as in Python: `[get_weather(place="Lyon")]`.
fn call(text: &str) -> Read<Label> {
    let window = first_bytes(text, LONGEST_CALL);
    let is_cut = window.len() < text.len();
    let rest = window.strip_prefix(FUNCTOOLS).unwrap_or(window);
    let inner = rest.strip_prefix('[').unwrap_or(rest).trim_start();
    let read = match inner.strip_prefix('{') {
        Some(object) => object_in(object, rest.starts_with('[')),
        None if inner.is_empty() => Read::MayBecome,
        None if inner.len() < rest.len() => function(inner, is_cut),
        None => Read::Not,
    };
    match read {
        Read::MayBecome if is_cut => Read::Not,
        read => read,
    }
}

/// What the object is of which this text follows the bracket.
fn object_in(object: &str, is_listed: bool) -> Read<Label> {
    let object = object.trim_start();
    let key = match object.strip_prefix('"').map(|key| key.split_once('"')) {
        Some(Some(key)) => key,
        Some(None) => return Read::MayBecome,
        None if object.is_empty() => return Read::MayBecome,
        None => return Read::Not,
    };
    match key {
        (key, _) if names_call(key) => Read::Is(0, Label::Call),
        (key, _) if key == "role" || key == "type" || names_thought(key) => {
            Read::Is(0, Label::Wrapped)
        }
        (key, value) if !is_listed && names_answer(key) => answer(value),
        _ => Read::Not,
    }
}

/// What the object is whose answer this is, if it has words: `: "Yes."`, `: {"text": "Yes."}`.
fn answer(value: &str) -> Read<Label> {
    let value = value.trim_start();
    let value = value.strip_prefix(':').unwrap_or(value).trim_start();
    let inner = value.trim_start_matches(|c: char| c == '[' || c.is_whitespace());
    match inner.chars().next() {
        None => Read::MayBecome,
        Some('"') => Read::Is(0, Label::Wrapped),
        Some('{') => match object_in(&inner[1..], false) {
            Read::Is(_, Label::Call) => Read::Not,
            read => read,
        },
        _ => Read::Not,
    }
}

/// Whether the function that `text` begins with is called in a list of calls, and not named in a bracket: behind its own
/// brackets the list goes on or ends. One that `is_cut` may be longer than `text`.
fn function(text: &str, is_cut: bool) -> Read<Label> {
    let Some(len) = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.'))
    else {
        return Read::MayBecome;
    };
    let (name, rest) = text.split_at(len);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !rest.starts_with('(') {
        return Read::Not;
    }
    match Call::default().read(rest) {
        (_, false) if is_cut => Read::Is(0, Label::Call),
        (_, false) => Read::MayBecome,
        (len, true) => match rest[len..].trim_start().chars().next() {
            Some(',' | ']') => Read::Is(0, Label::Call),
            Some(_) => Read::Not,
            None => Read::MayBecome,
        },
    }
}

/// Whether a key of JSON is that of a call.
pub(super) fn names_call(key: &str) -> bool {
    is_in(KEYS, key)
}

/// Whether the value of this key is for the caller.
pub(super) fn names_answer(key: &str) -> bool {
    is_in(WRAPPING, key)
}

/// Whether the mark of a fence of code begins `text`.
pub(super) fn is_fence(text: &str) -> bool {
    text.starts_with(is_mark_of_fence)
}

/// A call or an answer in JSON that stands in a fence of code: <https://spec.commonmark.org/0.31.2/#fenced-code-blocks>.
fn fenced(text: &str) -> Read<Label> {
    let window = first_bytes(text, LONGEST_FENCE);
    let mark = text.chars().next().unwrap_or_default();
    let after = window.trim_start_matches(mark);
    let marks = window.len() - after.len();
    let language = after.trim_start();
    let json = language.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    let json = json.trim_start();
    match json.chars().next() {
        None if window.len() < text.len() || marks < FENCE && !after.is_empty() => Read::Not,
        None => Read::MayBecome,
        Some('{' | '[') if marks >= FENCE => match call(&text[window.len() - json.len()..]) {
            Read::Is(len, label) => Read::Is(window.len() - json.len() + len, label),
            other => other,
        },
        Some(_) => Read::Not,
    }
}

fn is_in(list: &str, key: &str) -> bool {
    list.split(' ').any(|listed| listed == key)
}

fn is_markup(c: char) -> bool {
    matches!(c, '#' | '*' | '_' | '>' | ' ' | '[')
}

/// The longest markup before or after a name, and what is read of a call to know that it is one, in bytes.
const LONGEST_MARKUP: usize = 10;
const LONGEST_CALL: usize = 64;

/// How many marks a fence of code has at least, and what is read of a fence to find JSON in it, in bytes.
const FENCE: usize = 3;
const LONGEST_FENCE: usize = 24;

/// What Phi writes before its calls.
const FUNCTOOLS: &str = "functools[";

/// The keys of a call.
const KEYS: &str = "name function function_name function_call tool tool_name tool_call tool_calls tool_uses recipient_name \
    action arguments parameters";

/// The keys of an answer that is wrapped in JSON.
const WRAPPING: &str =
    "answer response reply text message content speech spoken output final_answer";

/// What calls in Python begin with, where they stand in no brackets.
const PYTHON: &[&str] = &["print(default_api.", "default_api."];

const NAMES: &[(&str, Label)] = &[
    (
        "assistant|ai assistant|ai|voice assistant|phone assistant|bot|chatbot|chatgpt|gpt|\
        assistent|assistentin|ki-assistent|ki|assistant ia|assistente|asistente|asystent|ассистент|助手|助理|\
        アシスタント|어시스턴트|المساعد",
        Label::Model,
    ),
    (
        "user|human|caller|anrufer|anruferin|benutzer|nutzer|utilisateur|usuario|usuário|utente|gebruiker|użytkownik|\
        пользователь|用户|使用者|ユーザー|사용자|المستخدم",
        Label::Other,
    ),
    ("agent|model|receptionist", Label::Role),
    ("tool_call|function_call", Label::Call),
    (
        "thought|thoughts|thinking|thinking...|thinking…|thinking process|thought process|reasoning|chain of thought|internal monologue|\
        inner monologue",
        Label::Thought,
    ),
    ("action", Label::Action),
    (
        "answer|final answer|response|final response|final output|reply|spoken answer|spoken response",
        Label::Answer,
    ),
];

const ASKERS: &[(&str, Label)] = &[(
    "customer|client|question|q|kunde|kundin|frage|cliente|pregunta|domanda|klant|vraag",
    Label::Asker,
)];

/// What is a label only as a heading: the template of Alpaca and its like.
const HEADINGS: &[(&str, Label)] = &[
    ("response|answer", Label::Model),
    ("instruction|input|question|system|task", Label::Other),
];
