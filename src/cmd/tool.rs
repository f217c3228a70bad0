//! `phone-assistant tool`: lists the tools of the settings, or uses one by hand, as a model would.

use std::error::Error;
use std::fmt::Write;

use serde_json::Value;

use crate::cloud::llm::functions::Call;
use crate::config::{Arguments, Config, Environment, Needs, Tool};
use crate::sys::hangup::Hangup;
use crate::sys::plain::{plain, quoted};
use crate::tools::{CallerKind, Tools};

/// Why a tool is not used.
#[derive(Debug, thiserror::Error)]
enum Unused {
    #[error("no tool is called {}; phone-assistant tool lists them", quoted(.0))]
    Unknown(String),
    #[error("{} is no argument; write it as name=value", quoted(.0))]
    Form(String),
    #[error("{0}")]
    Fault(String),
}

/// Lists the tools: who may have each used, what it is told by, and what it takes.
///
/// # Errors
/// Faults of the settings.
pub(crate) fn list(
    arguments: &Arguments,
    environment: Environment<'_>,
) -> Result<String, Box<dyn Error>> {
    let config = Config::load(Needs::Nothing, arguments, environment)?;
    let mut out = String::new();
    for tool in &config.tools {
        let callers = if tool.is_internal {
            "internal callers"
        } else {
            "all callers"
        };
        let pin = tool.pin_file.as_ref().map_or("", |_| ", with a PIN");
        writeln!(out, "{} ({callers}{pin})", tool.name)?;
        writeln!(out, "  {}", plain(&tool.description))?;
        for argument in &tool.arguments {
            let (kind, description) = (argument.kind.in_words(), plain(&argument.description));
            let optional = if argument.is_optional {
                "optional, "
            } else {
                ""
            };
            let name = &argument.name;
            writeln!(out, "  {name}: {optional}{kind}, {description}")?;
        }
    }
    if config.tools.is_empty() {
        out.push_str("There are no tools: see phone-assistant help tools\n");
    }
    Ok(out)
}

/// Uses a tool with arguments as `name=value`, for a caller who may use each, and returns what the model would be told.
///
/// # Errors
/// Faults of the settings, or what the model would be told of one.
pub(crate) fn run(
    name: &str,
    given: &[String],
    arguments: &Arguments,
    environment: Environment<'_>,
) -> Result<String, Box<dyn Error>> {
    let config = Config::load(Needs::Nothing, arguments, environment)?;
    let tool = config.tools.iter().find(|tool| tool.name == name);
    let tool = tool.ok_or_else(|| Unused::Unknown(name.to_owned()))?;
    let call = Call {
        id: String::new(),
        name: name.to_owned(),
        arguments: Ok(values(tool, given)?),
    };
    // At the command line no tool is closed: PINs, and the choice of callers, guard against callers.
    let text = Tools::new(&config)?.ask(CallerKind::Internal, &call, &Hangup::default());
    Ok(text.map_err(|fault| Unused::Fault(fault.told))?)
}

/// The arguments as a model would write them.
fn values(tool: &Tool, given: &[String]) -> Result<Value, Unused> {
    let value = |written: &String| {
        let form = || Unused::Form(written.clone());
        let (name, text) = written.split_once('=').ok_or_else(form)?;
        let known = tool.arguments.iter().find(|known| known.name == name);
        let value = known.map_or_else(|| text.into(), |known| known.kind.of_text(text));
        Ok((name.to_owned(), value))
    };
    given.iter().map(value).collect()
}
