//! Tools: what the model may ask for while it answers. Each is one HTTP request that the settings describe.
//!
//! The model gives values alone; where a request goes, by which method and with which headers, the settings say. Whatever
//! goes wrong, the model is told in one line, so that it can tell the caller.

mod pin;
mod reply;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use log::{info, warn};
use serde_json::{Value, json};

use crate::cloud::Error;
use crate::cloud::Service;
use crate::cloud::budget::Budget;
use crate::cloud::http::{Auth, Client, Request, SetupError};
use crate::cloud::llm::functions::{Call, Function};
use crate::cloud::own_header::own_header;
use crate::config::tools::{Argument, Asked, Type};
use crate::config::{self, Config, Tool};
use crate::sys::deadline::Deadline;
use crate::sys::hangup::Hangup;
use crate::sys::plain::plain_to;

pub(crate) use pin::{Pin, Tries, Verdict, guard_of_pins};
pub(crate) use reply::MAX_TOLD;

/// The caller, as far as tools ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallerKind {
    /// A phone of this Asterisk, or a person at the command line.
    Internal,
    Outside,
}

/// Why a call has no result.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What the model is told of it, in one line.
    pub(crate) told: String,
    /// Whether the server may have done what was asked for all the same.
    pub(crate) was_sent: bool,
}

/// What is wrong before anything is sent.
impl From<String> for Fault {
    fn from(told: String) -> Self {
        Self {
            told,
            was_sent: false,
        }
    }
}

/// The tools of the settings.
#[derive(Debug)]
pub(crate) struct Tools {
    all: Vec<(Tool, Option<Pin>)>,
    client: Client,
}

impl Tools {
    /// All tools of the settings.
    ///
    /// # Errors
    /// What is wrong under `[http]`.
    pub(crate) fn new(config: &Config) -> Result<Self, SetupError> {
        let all = config.tools.iter();
        let all = all.map(|tool| (tool.clone(), pin_of(tool, config)));
        Ok(Self {
            all: all.collect(),
            client: Client::new(&config.http, &Hangup::default(), config.log_words)?,
        })
    }

    /// The functions of the tools that this caller may have used.
    pub(crate) fn functions(&self, caller: CallerKind) -> Vec<Function> {
        let all = self.all.iter().map(|(tool, _)| tool);
        let open = all.filter(|tool| is_open(tool, caller));
        open.map(function).collect()
    }

    /// The PIN that a caller types before the first use of a tool in a call, if it has one.
    pub(crate) fn pin(&self, name: &str) -> Option<&Pin> {
        let (_, pin) = self.find(name)?;
        pin.as_ref()
    }

    /// Whether a tool may change something: it is a `POST`.
    pub(crate) fn may_change(&self, name: &str) -> bool {
        (self.find(name)).is_some_and(|(tool, _)| tool.body.is_some())
    }

    /// Does what the model asks for, and returns what it is told. After `cancel` was raised nothing is waited for.
    ///
    /// # Errors
    /// [`Fault`] when there is no result.
    pub(crate) fn ask(
        &self,
        caller: CallerKind,
        call: &Call,
        cancel: &Hangup,
    ) -> Result<String, Fault> {
        let known = self.find(&call.name).map(|(tool, _)| tool);
        // Looked at again: a model may call a function that it was not offered.
        let tool = known
            .filter(|tool| is_open(tool, caller))
            .ok_or_else(|| format!("there is no function {}", plain_to(&call.name, MAX_SHOWN)))?;
        let arguments = call.arguments.as_ref();
        let arguments = arguments.map_err(|_| "the arguments are no JSON".to_owned())?;
        let asked = tool.asked(arguments)?;
        let began = Instant::now();
        let reply = self.send(tool, asked, cancel);
        let ms = began.elapsed().as_millis();
        match &reply {
            Ok(text) => info!("the tool {}: {} bytes in {ms} ms", tool.name, text.len()),
            Err(fault) => warn!("the tool {}: {}, after {ms} ms", tool.name, fault.told),
        }
        reply
    }

    fn find(&self, name: &str) -> Option<&(Tool, Option<Pin>)> {
        self.all.iter().find(|(tool, _)| tool.name == name)
    }

    fn send(&self, tool: &Tool, asked: Asked, cancel: &Hangup) -> Result<String, Fault> {
        let auth = match header(tool) {
            Ok(header) => Auth::Headers(header.into_iter().collect()),
            Err(why) => {
                warn!("the tool {}: {why}", tool.name);
                return Err("it cannot be used, as its settings are wrong"
                    .to_owned()
                    .into());
            }
        };
        let request = Request {
            service: SERVICE,
            words: asked.url[asked.shown..].to_owned(),
            url: asked.url,
            auth,
            content_type: "application/json",
            body: asked.body.map(|body| Arc::from(body.into_bytes())),
            max_bytes: reply::MAX_BYTES,
        };
        let deadline = Deadline::after(Instant::now(), tool.timeout, Instant::now);
        // One attempt: what a POST has done is done, even where its answer was lost.
        let budget = Budget::once(deadline);
        let client = self.client.until(cancel);
        let reply = client.open(&request, budget).and_then(reply::read);
        let fault = |error: Error| Fault {
            told: told(&error),
            was_sent: !matches!(error, Error::Connect { .. } | Error::NoThread { .. }),
        };
        reply.map_err(fault)?.map_err(|told| Fault {
            told,
            was_sent: true,
        })
    }
}

/// Whether any of these typed keys may be the PIN of a tool, also of one that this caller may not use.
pub(crate) fn may_be_pin(config: &Config, typed: &[String]) -> bool {
    let mut pins = config.tools.iter().filter_map(|tool| pin_of(tool, config));
    pins.any(|pin| pin.may_be_among(typed))
}

fn pin_of(tool: &Tool, config: &Config) -> Option<Pin> {
    let file = tool.pin_file.as_ref()?;
    Some(Pin::new(&tool.name, file, &config.state_folder))
}

/// The header that goes along, as the settings name it.
///
/// # Errors
/// What is wrong with its file.
pub(crate) fn header(tool: &Tool) -> Result<Option<(String, config::Secret)>, String> {
    let setting = format!("header_file of [tool.{}]", tool.name);
    let file = tool.header_file.as_ref();
    file.map(|path| own_header(path, &setting)).transpose()
}

fn is_open(tool: &Tool, caller: CallerKind) -> bool {
    caller == CallerKind::Internal || !tool.is_internal
}

/// A tool as the model is told of it.
fn function(tool: &Tool) -> Function {
    let properties = tool.arguments.iter();
    let properties = properties.map(|argument| (argument.name.clone(), schema(argument)));
    let properties: serde_json::Map<_, _> = properties.collect();
    let required = tool.arguments.iter().filter(|it| !it.is_optional);
    let required: Vec<_> = required.map(|it| it.name.as_str()).collect();
    let mut parameters = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        parameters["required"] = json!(required);
    }
    Function {
        name: tool.name.clone(),
        description: tool.description.clone(),
        parameters,
    }
}

/// The JSON schema of an argument.
fn schema(argument: &Argument) -> Value {
    let description = &argument.description;
    let kind = match &argument.kind {
        Type::Text => "string",
        Type::Number => "number",
        Type::Whole => "integer",
        Type::Boolean => "boolean",
        Type::OneOf(words) => {
            return json!({"type": "string", "enum": words, "description": description});
        }
    };
    json!({"type": kind, "description": description})
}

/// What the model is told of an error. What a server says of it may hold anything, so only its status is told.
fn told(error: &Error) -> String {
    match error {
        Error::Refused(refusal) => match refusal.status {
            300..=399 => {
                let status = refusal.status;
                format!("the server answered {status}, a redirect, which is not followed")
            }
            404 => "the server answered 404: there is nothing of this kind".to_owned(),
            status => format!("the server answered {status}"),
        },
        Error::Timeout { after, .. } | Error::Stalled { after, .. } => {
            format!("no whole answer within {:.1} s", after.as_secs_f32())
        }
        Error::TooLong { max_bytes, .. } => {
            format!("the answer has more than {} kB", max_bytes / 1024)
        }
        Error::HungUp(_) => "it was given up".to_owned(),
        Error::Connect { .. } => "the server cannot be reached".to_owned(),
        _ => "the answer broke off".to_owned(),
    }
}

/// How errors name a tool's server.
pub(crate) const SERVICE: Service = Service {
    name: "the tool",
    settings: "its table under [tool]",
    key: "header_file in its table under [tool]",
};

/// The longest name of a function.
const MAX_SHOWN: usize = 64;
