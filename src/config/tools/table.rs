//! The tables of tools as the settings file has them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use toml::{Table, Value};

use super::argument::{self, Argument, is_name};
use super::template::{Address, Body};
use super::{MAX_TOOLS, Tool};
use crate::config::checked::checked;
use crate::config::keys::{self, Key, Kind, unknown};
use crate::config::values::Shown;

/// All keys of a tool's table. That of `callers` is the default of a GET.
#[rustfmt::skip] // One key and its meaning in two lines: a table.
pub const TOOL_KEYS: &[Key] = &[
    keys::key("description", Kind::ShortText(1000), "none",
        "What the model is told of it: what it knows or does, and when to use it."),
    keys::key("url", Kind::Text, "none",
        "The address, https, or http in private networks. A `{name}` in its path or behind `=` in its query is an argument."),
    keys::key("method", Kind::OneOf(&["GET", "POST"]), r#""GET""#,
        "`GET` looks something up. `POST` may change something, and is never sent twice."),
    keys::key("json", Kind::ShortText(8000), r#""""#,
        "The body of a `POST`: JSON with arguments as `{name}`. Empty: `{}`."),
    keys::key("header_file", Kind::SecretFile, r#""""#,
        "A file with a header that is sent along: `Authorization: Bearer …`."),
    keys::key(ARGUMENTS, Kind::Texts(16, 300), "{}",
        "What the model is to give: names, each with a type, a colon and a description. `optional` before the type: it may be left out."),
    keys::key("callers", Kind::OneOf(&["all", "internal"]), r#""all""#,
        "Which callers the model may use it for: all, or phones of this Asterisk. A `POST` is `internal` unless this is set."),
    keys::key("pin_file", Kind::SecretFile, r#""""#,
        "A file with a PIN of 4 to 12 digits, which the caller types before the first use in a call."),
    keys::key("timeout", Kind::Number(0.5, 30.0, "s"), "5.0",
        "Limit for the whole answer. The caller waits for it."),
];

/// What the settings file says of tools.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) tools: Vec<Tool>,
    shown: Vec<Shown>,
}

/// Gives the place of a setting, by its name below `[tool]`.
type Place<'a> = &'a dyn Fn(&str) -> String;

/// The values of a table that are right.
type Right = BTreeMap<&'static str, Value>;

impl Tables {
    /// Takes the tables below `[tool]`, where `place` gives the place of a name below them. Returns what is wrong with
    /// them; a tool with a fault is left out.
    pub(crate) fn add(&mut self, tables: &Table, source: &str, place: Place<'_>) -> Vec<String> {
        let mut faults = Vec::new();
        if tables.len() > MAX_TOOLS {
            faults.push(format!(
                "{source}: {} tools under [tool]; there may be {MAX_TOOLS}",
                tables.len()
            ));
        }
        for (name, value) in tables {
            let Value::Table(table) = value else {
                faults.push(format!(
                    "{}: a setting under [tool] belongs to no tool: each has a table [tool.NAME]",
                    place(name)
                ));
                continue;
            };
            if !is_name(name) {
                faults.push(format!(
                    "{}: the name of a tool has up to {} letters without accents, digits and _",
                    place(name),
                    argument::MAX_NAME
                ));
                continue;
            }
            let mut reading = Reading {
                name,
                table,
                place,
                faults: Vec::new(),
            };
            let right = reading.values();
            self.shown.extend(
                right
                    .iter()
                    .map(|(key, value)| shown(name, key, value, source)),
            );
            let tool = reading.tool(&right);
            let is_right = reading.faults.is_empty();
            faults.append(&mut reading.faults);
            self.tools.extend(tool.filter(|_| is_right));
        }
        faults
    }

    /// Every setting of every tool, for display.
    pub(crate) fn shown(&self) -> impl Iterator<Item = Shown> {
        self.shown.iter().cloned()
    }

    /// The files that hold a secret.
    pub(crate) fn secret_files(&self) -> impl Iterator<Item = PathBuf> {
        let of = |tool: &Tool| [tool.header_file.clone(), tool.pin_file.clone()];
        self.tools.iter().flat_map(of).flatten()
    }
}

/// One table on its way to a tool.
struct Reading<'a> {
    name: &'a str,
    table: &'a Table,
    place: Place<'a>,
    faults: Vec<String>,
}

impl Reading<'_> {
    /// Notes what is wrong with a key.
    fn fault(&mut self, key: &str, what: &str) {
        let name = self.name;
        let first = key.split('.').next().unwrap_or_default();
        // What is missing has no line of its own.
        let place = if self.table.contains_key(first) {
            (self.place)(&format!("{name}.{key}"))
        } else {
            (self.place)(name)
        };
        self.faults
            .push(format!("{place}: tool.{name}.{key} {what}"));
    }

    /// The values that are what their keys want.
    fn values(&mut self) -> Right {
        let names: Vec<_> = TOOL_KEYS.iter().map(|key| key.name).collect();
        let mut right = Right::new();
        for (name, value) in self.table {
            let Some(key) = TOOL_KEYS.iter().find(|key| key.name == name) else {
                let place = (self.place)(&format!("{}.{name}", self.name));
                let table = format!("tool.{}.", self.name);
                let hint = keys::hint(&names, name, "a tool");
                self.faults.push(unknown(&place, &table, name, &hint));
                continue;
            };
            if key.name == ARGUMENTS && value.is_table() {
                right.insert(ARGUMENTS, value.clone());
                continue;
            }
            match checked(key.kind, value.clone()) {
                Ok(_) if key.name == ARGUMENTS => self.fault(
                    ARGUMENTS,
                    "must be a table, as in { place = \"text: a town\" }",
                ),
                Ok(value) => drop(right.insert(key.name, value)),
                Err(found) => self.fault(key.name, &format!("must be {}, found {found}", key.kind)),
            }
        }
        right
    }

    /// The tool that the values describe; of one with a fault it does not matter which.
    fn tool(&mut self, right: &Right) -> Option<Tool> {
        let text = |key: &str| right.get(key).and_then(Value::as_str).unwrap_or_default();
        let path = |key: &str| {
            Some(text(key))
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        };
        let is_post = text("method") == "POST";
        if text("description").is_empty() && !self.has_fault("description") {
            self.fault("description", "is missing: the model goes by it");
        }
        let arguments = self.arguments(right);
        let url = match Address::read(text("url")) {
            _ if self.has_fault("url") => None,
            _ if text("url").is_empty() => {
                self.fault("url", "is missing: the address that is asked");
                None
            }
            Ok(url) => Some(url),
            Err(found) => {
                self.fault(
                    "url",
                    &format!("must be an https address, http in private networks, found {found}"),
                );
                None
            }
        };
        let body = self.body(text("json"), is_post);
        if let Some(url) = &url {
            self.compare(url, body.as_ref(), &arguments);
        }
        let timeout = right
            .get("timeout")
            .and_then(Value::as_float)
            .unwrap_or(TIMEOUT);
        Some(Tool {
            name: self.name.to_owned(),
            description: text("description").to_owned(),
            url: url?,
            body,
            header_file: path("header_file"),
            arguments,
            is_internal: match text("callers") {
                "" => is_post,
                callers => callers == "internal",
            },
            pin_file: path("pin_file"),
            timeout: Duration::from_secs_f64(timeout),
        })
    }

    fn has_fault(&self, key: &str) -> bool {
        let name = format!("tool.{}.{key} ", self.name);
        self.faults.iter().any(|fault| fault.contains(&name))
    }

    fn arguments(&mut self, right: &Right) -> Vec<Argument> {
        let Some(Value::Table(table)) = right.get(ARGUMENTS) else {
            return Vec::new();
        };
        if table.len() > MAX_ARGUMENTS {
            self.fault(
                ARGUMENTS,
                &format!("has {} of them; there may be {MAX_ARGUMENTS}", table.len()),
            );
        }
        let mut arguments = Vec::new();
        for (name, value) in table {
            let kind = Kind::ShortText(MAX_DESCRIPTION);
            let text = checked(kind, value.clone())
                .map_err(|found| format!("must be {kind}, found {found}"));
            let read =
                text.and_then(|text| Argument::read(name, text.as_str().unwrap_or_default()));
            match read {
                Ok(argument) => arguments.push(argument),
                Err(found) => self.fault(&format!("{ARGUMENTS}.{name}"), &found),
            }
        }
        arguments
    }

    fn body(&mut self, text: &str, is_post: bool) -> Option<Body> {
        if !is_post {
            if !text.is_empty() {
                self.fault(
                    "json",
                    "is the body of a POST: set method = \"POST\", or leave it out",
                );
            }
            return None;
        }
        let text = if text.is_empty() { "{}" } else { text };
        let read = Body::read(text);
        if let Err(found) = &read {
            let what = format!("must be JSON with {{names}}, found {found}");
            self.fault("json", &what);
        }
        read.ok()
    }

    /// Whether the templates and the arguments have the same names.
    fn compare(&mut self, url: &Address, body: Option<&Body>, arguments: &[Argument]) {
        let known = |name: &str| arguments.iter().find(|argument| argument.name == name);
        let in_url: BTreeSet<_> = url.names().map(str::to_owned).collect();
        let in_path: BTreeSet<_> = url.names_of_path().collect();
        let in_body = body.map(Body::names).unwrap_or_default();
        let in_body: BTreeSet<_> = in_body.into_iter().collect();
        let places = in_url.iter().map(|name| ("url", name, false));
        let places = places.chain(
            in_body
                .iter()
                .map(|(name, is_bare)| ("json", name, *is_bare)),
        );
        let whole_body = body.and_then(Body::whole);
        let mut used = BTreeSet::new();
        for (key, name, is_bare) in places {
            used.insert(name.as_str());
            match known(name) {
                // One that has a fault of its own is known as well.
                None if self.has_fault(&format!("{ARGUMENTS}.{name}")) => {}
                None => self.fault(key, &format!("has {{{name}}}, which is none of its arguments")),
                Some(argument) if is_bare && !argument.kind.may_be_bare() => self.fault(
                    key,
                    &format!("has {{{name}}} without quotation marks, which is text: write \"{{{name}}}\""),
                ),
                Some(_) => {}
            }
        }
        for Argument {
            name, is_optional, ..
        } in arguments
        {
            let what = if !used.contains(name.as_str()) {
                format!("stands nowhere: write {{{name}}} into url or json, or leave it out")
            } else if *is_optional && in_path.contains(name.as_str()) {
                "is optional and stands in the path of url, where each must be given".to_owned()
            } else if *is_optional && whole_body.as_ref() == Some(name) {
                "is optional and all that json has: write it as a member, {\"name\": …}".to_owned()
            } else {
                continue;
            };
            self.fault(&format!("{ARGUMENTS}.{name}"), &what);
        }
    }
}

/// A value for people. Of an address the query is left out, since some services want their key there.
fn shown(tool: &str, key: &str, value: &Value, source: &str) -> Shown {
    let shown = Shown::new(format!("tool.{tool}.{key}"), Kind::Text, value, source);
    match shown.value.split_once('?') {
        Some((start, _)) if key == "url" => Shown {
            value: format!("{start}?…\""),
            ..shown
        },
        _ => shown,
    }
}

const ARGUMENTS: &str = "arguments";
const MAX_ARGUMENTS: usize = 16;
const MAX_DESCRIPTION: usize = 300;
const TIMEOUT: f64 = 5.0;
