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
    if config.has_pins() {
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    use testkit::{Response, ToolAnswer, ToolServer};

    use super::*;
    use crate::cmd::check::finding::{Finding, Status, findings};
    use crate::config::Needs;

    fn found(settings: &str, is_offline: bool) -> Vec<Finding> {
        let file = PathBuf::from("config.toml");
        let config = Config::of_text(Needs::Nothing, settings, file, &|_| None).expect(settings);
        let deadline = Deadline::after(Instant::now(), Duration::from_secs(30), Instant::now);
        let deadline = (!is_offline).then_some(deadline);
        findings(|report| examine(&config, deadline, report))
    }

    #[test]
    fn a_server_is_connected_to_and_asked_nothing() {
        let answer = |_: &_| ToolAnswer::Gives(Response::new(404, "text/plain", "no"));
        let server = ToolServer::start(answer);
        let settings = format!(
            "[tool.t]\ndescription = 'x'\nurl = '{}/open/the/door?now=1'\n",
            server.url()
        );
        let found = found(&settings, false);
        assert_eq!(found[0].status, Status::Ok, "{found:?}");
        let requests = server.requests();
        let asked: Vec<_> = requests
            .iter()
            .map(|it| (it.method.as_str(), it.target.as_str()))
            .collect();
        assert_eq!(asked, [("HEAD", "/")]);
        drop(server);
        let unreached = super::tests::found(&settings, false);
        assert_eq!(unreached[0].status, Status::Fail, "{unreached:?}");
        assert!(unreached[0].text.contains("127.0.0.1"), "{unreached:?}");
        assert_eq!(super::tests::found(&settings, true)[0].status, Status::Ok);
    }

    #[test]
    fn what_is_wrong_with_a_tool_is_told_with_its_remedy() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name).display().to_string();
        fs::write(place("empty"), "").expect("written");
        fs::write(place("pin"), "482915").expect("written");
        let base = format!(
            "[secrets]\nallow_readable = true\n[state]\nfolder = '{}'\n\
             [tool.t]\ndescription = 'x'\nurl = 'https://host'\n",
            place("state")
        );
        let (empty, pin) = (place("empty"), place("pin"));
        let table = [
            ("method = 'POST'".to_owned(), Status::Ok, ""),
            (
                "method = 'POST'\ncallers = 'all'".to_owned(),
                Status::Warn,
                "without a PIN",
            ),
            (
                format!("method = 'POST'\ncallers = 'all'\npin_file = '{pin}'"),
                Status::Ok,
                "",
            ),
            (
                format!("pin_file = '{empty}'"),
                Status::Fail,
                "4 to 12 digits",
            ),
            (
                format!("header_file = '{empty}'"),
                Status::Fail,
                "header_file of [tool.t]",
            ),
            (
                "header_file = '/nonexistent'".to_owned(),
                Status::Fail,
                "cannot read header_file",
            ),
        ];
        for (lines, status, words) in table {
            let found = found(&format!("{base}{lines}"), true);
            assert_eq!(found[0].status, status, "{lines}: {found:?}");
            assert!(found[0].text.contains(words), "{lines}: {found:?}");
            assert_eq!(
                found[0].remedy.is_empty(),
                status == Status::Ok,
                "{found:?}"
            );
        }
        fs::create_dir(place("state")).expect("made");
        fs::write(place("state/pins.json"), "{").expect("written");
        let found = found(&format!("{base}pin_file = '{pin}'"), true);
        assert_eq!(found[1].status, Status::Fail, "{found:?}");
        assert!(found[1].text.contains("no PIN is taken"), "{found:?}");
    }

    #[test]
    fn nothing_is_looked_at_where_there_is_no_tool() {
        assert_eq!(found("", false), []);
    }
}
