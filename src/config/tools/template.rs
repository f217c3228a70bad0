//! Templates: an address and a JSON body with `{name}` where a value of the model's goes.
//!
//! A value stands in a segment of the path, in the value of a query's parameter, or in the JSON, and nothing that it
//! holds ends the place where it stands (RFC 3986, section 3; RFC 8259). Both are taken apart once, when the settings are
//! read, so that filling them cannot change their shape.

use std::borrow::Cow;
use std::iter;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

use super::argument::is_of_name;
use crate::config::addresses;

/// The values of a call, by the names of the arguments.
pub(super) type Values = Map<String, Value>;

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    /// The value of this argument.
    Value(String),
}

/// The address of a request.
#[derive(Clone, Debug)]
pub struct Address {
    /// Scheme, host and port.
    origin: String,
    segments: Vec<Vec<Piece>>,
    /// The parameters that follow `?`, if there is one.
    query: Option<Vec<Vec<Piece>>>,
}

/// The body of a request: JSON.
#[derive(Clone, Debug)]
pub struct Body(Value);

impl Address {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, to follow "found".
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let place = text.find("://").map_or(0, |at| at + "://".len());
        let end = text[place..]
            .find(['/', '?', '#'])
            .map_or(text.len(), |at| place + at);
        // The model chooses the values: one in the host would let it choose who gets the header with the tool's secret.
        if text[..end].contains('{') {
            return Err(
                "a { before the path: a value may stand in the path, and behind = in the query"
                    .to_owned(),
            );
        }
        let origin = addresses::checked(&text[..end], true)?;
        let (path, query) = match text[end..].split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&text[end..], None),
        };
        let segments = path.strip_prefix('/').unwrap_or(path).split('/');
        let segments = segments.map(pieces).collect::<Result<_, _>>()?;
        let query = query.map(query_pieces).transpose()?;
        Ok(Self {
            origin,
            segments,
            query,
        })
    }

    /// Its scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The names that stand in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let parameters = self.query.iter().flatten().flatten();
        self.names_of_path().chain(parameters.filter_map(name_of))
    }

    /// The names that stand in its path.
    pub(super) fn names_of_path(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flatten().filter_map(name_of)
    }

    /// Fills it: each value percent-encoded, so that it ends neither its segment nor its parameter. A parameter with a
    /// value that is not given is left out. Also returns where the part ends that holds no value and no query.
    ///
    /// # Errors
    /// Why a value cannot stand in the path, for the model.
    pub(super) fn filled(&self, values: &Values) -> Result<(String, usize), String> {
        let (mut url, mut shown) = (self.origin.clone(), None);
        for segment in &self.segments {
            check_segment(segment, values)?;
            url.push('/');
            fill(&mut url, segment, values, &mut shown);
        }
        if let Some(query) = &self.query {
            shown.get_or_insert(url.len());
            let given = query.iter().filter(|parameter| is_given(parameter, values));
            for (sign, parameter) in iter::once('?').chain(iter::repeat('&')).zip(given) {
                url.push(sign);
                fill(&mut url, parameter, values, &mut shown);
            }
        }
        let shown = shown.unwrap_or(url.len());
        Ok((url, shown))
    }
}

fn name_of(piece: &Piece) -> Option<&str> {
    match piece {
        Piece::Value(name) => Some(name),
        Piece::Text(_) => None,
    }
}

/// Whether no value of these pieces is missing.
fn is_given(pieces: &[Piece], values: &Values) -> bool {
    let mut names = pieces.iter().filter_map(name_of);
    names.all(|name| values.contains_key(name))
}

/// Appends pieces with their values, and notes where the first value begins.
fn fill(url: &mut String, pieces: &[Piece], values: &Values, shown: &mut Option<usize>) {
    for piece in pieces {
        match piece {
            Piece::Text(text) => url.push_str(text),
            Piece::Value(name) => {
                shown.get_or_insert(url.len());
                url.extend(utf8_percent_encode(&text_of(values, name), &ENCODED));
            }
        }
    }
}

/// Whether a segment with values in it stays one: servers take `.` and `..` for other folders also where they are
/// encoded, some decode `%2F` before they look, and an empty one is another address.
fn check_segment(segment: &[Piece], values: &Values) -> Result<(), String> {
    let mut decoded = String::new();
    let mut name = None;
    for piece in segment {
        match piece {
            Piece::Text(text) => decoded.push_str(&percent_decode_str(text).decode_utf8_lossy()),
            Piece::Value(of) => {
                name = Some(of);
                decoded.push_str(&text_of(values, of));
            }
        }
    }
    let Some(name) = name else { return Ok(()) };
    let is_way = |part: &str| matches!(part.split(';').next(), Some("." | ".."));
    if decoded.is_empty() {
        Err(format!("{name} is empty"))
    } else if decoded.split(['/', '\\']).any(is_way) {
        Err(format!("{name} must not be . or .."))
    } else {
        Ok(())
    }
}

/// The pieces of a query's parameters: values only behind the `=`.
fn query_pieces(query: &str) -> Result<Vec<Vec<Piece>>, String> {
    let read = |parameter: &str| {
        let name = parameter.split('=').next().unwrap_or_default();
        if name.contains('{') {
            return Err(
                "a { in the name of a parameter: a value may stand behind = alone".to_owned(),
            );
        }
        pieces(parameter)
    };
    query.split('&').map(read).collect()
}

/// Takes a part of an address apart.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    for piece in split(text) {
        if let Piece::Text(text) = &piece {
            let odd = |c: &char| !c.is_ascii_graphic() || "\"#<>\\^`{|}".contains(*c);
            if let Some(odd) = text.chars().find(odd) {
                return Err(fault_of(odd));
            }
        }
        pieces.push(piece);
    }
    Ok(pieces)
}

fn fault_of(odd: char) -> String {
    match odd {
        '{' | '}' => format!("a {odd} that is no part of a {{name}}"),
        ' ' => "a blank in it: write %20".to_owned(),
        '#' => "# in it: leave that out, and what follows it".to_owned(),
        _ => "a character that addresses cannot have: write it percent-encoded".to_owned(),
    }
}

/// Splits a text at each `{name}`.
fn split(text: &str) -> Vec<Piece> {
    let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
    while let Some(at) = rest.find('{') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(name) = name_at(rest) {
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Value(name.to_owned()));
            rest = &rest[name.len() + "{}".len()..];
        } else {
            plain.push('{');
            rest = &rest[1..];
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

/// The name in a `{name}` at the beginning of a text.
fn name_at(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('{')?;
    let (name, _) = inner.split_once('}')?;
    (!name.is_empty() && name.bytes().all(is_of_name)).then_some(name)
}

impl Body {
    /// Reads a template.
    ///
    /// # Errors
    /// What is wrong with it, to follow "found".
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(&with_marks(text)).map_err(|error| {
            format!(
                "no JSON in line {}, column {} of it",
                error.line(),
                error.column()
            )
        })?;
        let mut is_in_name = false;
        visit_keys(&value, &mut |key| {
            is_in_name |= split(key).iter().any(is_value);
        });
        if is_in_name {
            return Err(
                "a {name} in the name of a member: a value may stand behind : alone".to_owned(),
            );
        }
        Ok(Self(value))
    }

    /// The names that stand in it, each with whether it stands without quotation marks.
    pub(super) fn names(&self) -> Vec<(String, bool)> {
        let mut names = Vec::new();
        visit_texts(&self.0, &mut |text| match text.strip_prefix(BARE) {
            Some(name) => names.push((name.to_owned(), true)),
            None => names.extend(split(text).into_iter().filter_map(|piece| match piece {
                Piece::Value(name) => Some((name, false)),
                Piece::Text(_) => None,
            })),
        });
        names
    }

    /// The name for which there must be a value, because all of the template is its place.
    pub(super) fn whole(&self) -> Option<String> {
        let text = self.0.as_str()?;
        let only = |pieces: Vec<Piece>| pieces.iter().find_map(name_of).map(str::to_owned);
        let bare = text.strip_prefix(BARE).map(str::to_owned);
        bare.or_else(|| only(split(text)))
    }

    /// Fills it: each value as it is where it stands alone, and as text within a text. A member or an item of a list with
    /// a value that is not given is left out.
    pub(super) fn filled(&self, values: &Values) -> Value {
        with_values(&self.0, values).unwrap_or_default()
    }
}

fn is_value(piece: &Piece) -> bool {
    matches!(piece, Piece::Value(_))
}

fn with_values(template: &Value, values: &Values) -> Option<Value> {
    match template {
        Value::String(text) => match text.strip_prefix(BARE) {
            Some(name) => values.get(name).cloned(),
            None => filled_text(text, values).map(Value::from),
        },
        Value::Array(items) => {
            let items = items.iter().filter_map(|item| with_values(item, values));
            Some(items.collect())
        }
        Value::Object(members) => {
            let filled =
                |(name, value): (&String, _)| Some((name.clone(), with_values(value, values)?));
            Some(members.iter().filter_map(filled).collect())
        }
        value => Some(value.clone()),
    }
}

fn filled_text(text: &str, values: &Values) -> Option<String> {
    let pieces = split(text);
    let filled = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.into(),
        Piece::Value(name) => text_of(values, name),
    });
    is_given(&pieces, values).then(|| filled.collect())
}

fn visit_texts(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| visit_texts(item, see)),
        Value::Object(members) => members.values().for_each(|value| visit_texts(value, see)),
        _ => {}
    }
}

fn visit_keys(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit_keys(item, see)),
        Value::Object(members) => {
            for (key, value) in members {
                see(key);
                visit_keys(value, see);
            }
        }
        _ => {}
    }
}

/// A template of JSON with each `{name}` outside of its texts as a text that begins with [`BARE`], which makes it JSON.
fn with_marks(text: &str) -> String {
    let (mut marked, mut rest, mut is_in_text) = (String::new(), text, false);
    while let Some(c) = rest.chars().next() {
        let mut len = c.len_utf8();
        match c {
            // A quotation mark behind a backslash does not end the text.
            '\\' if is_in_text => len += rest[len..].chars().next().map_or(0, char::len_utf8),
            '"' => is_in_text = !is_in_text,
            '{' if !is_in_text => {
                if let Some(name) = name_at(rest) {
                    marked.extend(["\"\\u0000", name, "\""]);
                    rest = &rest[name.len() + "{}".len()..];
                    continue;
                }
            }
            _ => {}
        }
        marked.push_str(&rest[..len]);
        rest = &rest[len..];
    }
    marked
}

/// A value as text; nothing of one that is not there.
fn text_of<'v>(values: &'v Values, name: &str) -> Cow<'v, str> {
    match values.get(name) {
        Some(Value::String(text)) => text.into(),
        Some(value) => value.to_string().into(),
        None => "".into(),
    }
}

/// Precedes the name of a value that stands without quotation marks. No setting holds it, as a NUL is refused there.
const BARE: char = '\0';

/// All but what means itself everywhere in an address (RFC 3986, section 2.3).
const ENCODED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
