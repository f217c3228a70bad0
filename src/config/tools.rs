//! Tools: tables `[tool.NAME]` of the settings file. Each describes one HTTP request that the model may ask for, and which
//! of its parts are the model's to fill.

mod argument;
mod table;
mod template;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::sys::plain::plain_to;

pub use argument::{Argument, Type};
pub use table::TOOL_KEYS;
pub(super) use table::Tables;
use template::Values;
pub use template::{Address, Body};

/// A tool, checked: every `{name}` of its templates is one of its arguments, and stands where a value may.
#[derive(Clone, Debug)]
pub struct Tool {
    /// What the model calls it by.
    pub name: String,
    /// What the model is told of it.
    pub description: String,
    /// Where the request goes.
    pub url: Address,
    /// The body of a POST request; without it the request is a GET.
    pub body: Option<Body>,
    /// The file with a header that is sent along, as in `Authorization: Bearer …`.
    pub header_file: Option<PathBuf>,
    /// What the model is to give.
    pub arguments: Vec<Argument>,
    /// Whether it is only for callers who are phones of this Asterisk.
    pub is_internal: bool,
    /// The file with the PIN that a caller types before the first use in a call.
    pub pin_file: Option<PathBuf>,
    /// How long the whole answer may take.
    pub timeout: Duration,
}

/// What a call of a tool sends.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The whole address.
    pub url: String,
    /// The end of the part of the address that a log may show, in bytes: no value and no query is in it.
    pub shown: usize,
    /// The body of a POST request.
    pub body: Option<String>,
}

impl Tool {
    /// What is sent for a call with these arguments: a JSON object that has each argument of the tool, unless that is
    /// optional, and no other.
    ///
    /// # Errors
    /// What is wrong with them, in one line for the model.
    pub fn asked(&self, arguments: &Value) -> Result<Asked, String> {
        let values = self.checked(arguments)?;
        let (url, shown) = self.url.filled(&values)?;
        let body = self
            .body
            .as_ref()
            .map(|body| body.filled(&values).to_string());
        Ok(Asked { url, shown, body })
    }

    fn checked(&self, arguments: &Value) -> Result<Values, String> {
        let given = match arguments {
            Value::Object(given) => given,
            // What some models write where there are no arguments.
            Value::Null if self.arguments.iter().all(|it| it.is_optional) => &Values::new(),
            _ => return Err("the arguments must be a JSON object".to_owned()),
        };
        let is_known = |name: &String| self.arguments.iter().any(|known| known.name == *name);
        if let Some(unknown) = given.keys().find(|name| !is_known(name)) {
            let known: Vec<_> = self
                .arguments
                .iter()
                .map(|known| known.name.as_str())
                .collect();
            let unknown = plain_to(unknown, argument::MAX_NAME);
            return Err(match known.join(", ") {
                none if none.is_empty() => format!("there is no argument {unknown}, nor any other"),
                all => format!("there is no argument {unknown}; there are: {all}"),
            });
        }
        let mut values = Values::new();
        for argument in &self.arguments {
            let value = given.get(&argument.name).filter(|value| !value.is_null());
            let Some(value) = value else {
                if argument.is_optional {
                    continue;
                }
                return Err(format!("{} is missing", argument.name));
            };
            argument.check(value)?;
            values.insert(argument.name.clone(), argument.sent(value));
        }
        Ok(values)
    }
}

/// How many tools there may be: each of them is read by the model with every question.
const MAX_TOOLS: usize = 16;
