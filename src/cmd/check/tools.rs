//! Tools, as `check` looks at them: whether their files can be used, whether strangers may change something by one, and
//! whether their servers can be reached. Nothing is asked of these beyond a connection.

use super::finding::Report;
use crate::cloud::http::Client;
use crate::config::{Config, Tool};
use crate::sys::deadline::Deadline;
use crate::sys::error::Chain;
use crate::sys::hangup::Hangup;
use crate::sys::remedy::{self, shell_quoted};
use crate::tools::{self, Tools};

/// Looks at each tool; at its server only within a `deadline`.
pub(super) fn examine(config: &Config, deadline: Option<Deadline>, report: &mut Report<'_>) {
    if config.tools.is_empty() {
        return;
    }
    // What is wrong under [http] is told where the hosts are tried.
    let Ok(client) = Client::new(&config.http, &Hangup::default(), false) else {
        return;
    };
    let Ok(tools) = Tools::new(config) else {
        return;
    };
    for tool in &config.tools {
        let id = format!("tool {}", tool.name);
        if let Err(why) = files(tool, &tools) {
            report.fail(&id, &why, "see phone-assistant help tools");
            continue;
        }
        if tool.body.is_some() && !tool.is_internal && tool.pin_file.is_none() {
            report.warn(
                &id,
                "all callers may have it used without a PIN, and a POST may change something",
                "set callers = \"internal\", or a pin_file",
            );
        }
        match deadline {
            None => report.ok(&id, tool.url.origin()),
            Some(deadline) => examine_server(&id, tool, &client, deadline, report),
        }
    }
    if config.tools.iter().any(|tool| tool.pin_file.is_some()) {
        examine_tries(config, report);
    }
}

/// Whether the files that it names can be used.
fn files(tool: &Tool, tools: &Tools) -> Result<(), String> {
    tools::header(tool)?;
    match tools.pin(&tool.name) {
        Some(pin) => pin.read().map(drop),
        None => Ok(()),
    }
}

fn examine_server(
    id: &str,
    tool: &Tool,
    client: &Client,
    deadline: Deadline,
    report: &mut Report<'_>,
) {
    let origin = tool.url.origin();
    match client.look(tools::SERVICE, origin, deadline.within(tool.timeout)) {
        Ok(look) => report.ok(
            id,
            &format!("{origin} reached in {} ms", look.took.as_millis()),
        ),
        Err(error) => report.fail_with(id, &error),
    }
}

/// Whether wrong PINs can be counted, without which none is taken.
fn examine_tries(config: &Config, report: &mut Report<'_>) {
    let guard = tools::guard_of_pins(&config.state_folder);
    match guard.read::<tools::Tries>() {
        Ok(_) => report.ok(TRIES, "wrong PINs are counted"),
        Err(cause) => {
            let path = guard.path();
            let text = format!("no PIN is taken: {}", Chain(&cause));
            let remove = remedy::remove(path, &super::user::user_name());
            report.fail(
                TRIES,
                &text,
                &format!("look at {}, then remove it: {remove}", shell_quoted(path)),
            );
        }
    }
}

const TRIES: &str = "PINs";
