//! The way to each host, and this machine's clock against theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::finding::Report;
use super::machine::is_asked;
use super::services::id;
use crate::cloud::google_auth::spoils_tokens;
use crate::cloud::http::{Client, Look};
use crate::cloud::{Error, Service};
use crate::config::{Config, Endpoint, is_https};
use crate::sys::deadline::Deadline;
use crate::sys::error::{Chain, Stage};
use crate::sys::hangup::Hangup;

/// The hosts that were not reached, by scheme, host and port.
#[derive(Debug, Default)]
pub(super) struct Unreached(BTreeSet<String>);

impl Unreached {
    /// Whether the host of a service is one of them.
    pub(super) fn has(&self, endpoint: &Endpoint) -> bool {
        self.0.contains(endpoint.origin())
    }

    /// The name of the first voice's host, where the host of no voice was reached.
    pub(super) fn of_all_voices(&self, config: &Config) -> Option<&str> {
        let mut voices = config.tts.endpoints.iter();
        let first = voices.clone().next()?;
        let origin = self.0.get(first.origin())?;
        voices.all(|voice| self.has(voice)).then(|| name_of(origin))
    }

    /// Says that a service is tried, and returns its name in findings. Returns `None` where its host is one of these: why is
    /// told of the host, and each try would wait for it anew.
    pub(super) fn begin(
        &self,
        stage: Stage,
        endpoint: &Endpoint,
        report: &mut Report<'_>,
    ) -> Option<String> {
        let id = id(stage, endpoint);
        if self.has(endpoint) {
            let why = format!("{} was not reached", name_of(endpoint.origin()));
            report.not_tried(&id, &why, "see what is said of that host");
            return None;
        }
        report.trying(&id);
        Some(id)
    }
}

/// The way to each host: name, connection, TLS, and its clock. Returns those to which there is none.
pub(super) fn examine(
    config: &Config,
    deadline: Deadline,
    hangup: &Hangup,
    report: &mut Report<'_>,
) -> Unreached {
    let mut unreached = Unreached::default();
    let client = match Client::new(&config.http, hangup, false) {
        Ok(client) => client,
        Err(error) => {
            let text = Chain(&error).to_string();
            report.fail("network", &text, "fix it under [http]");
            return unreached;
        }
    };
    let mut urls = BTreeMap::new();
    let asked = endpoints(config).filter(|(_, endpoint)| is_asked(config, endpoint));
    for (_, endpoint) in asked {
        *urls.entry(endpoint.origin()).or_default() |= endpoint.uses_account();
    }
    let mut clocks = Vec::new();
    for (url, signs_in) in urls {
        let id = name_of(url);
        report.trying(id);
        match client.look(HOST, url, deadline.within(LOOK)) {
            Ok(Look { took, clock_ahead }) => {
                // A server of one's own may have a wrong clock itself.
                let ahead = clock_ahead.filter(|_| is_https(url));
                clocks.extend(ahead.map(|ahead| (signs_in, ahead)));
                report.ok(id, &format!("reached in {} ms", took.as_millis()));
            }
            Err(error) => {
                report.fail_with(id, &error);
                // One that breaks off or is slow may still answer to all but HEAD.
                if matches!(error, Error::Connect { .. }) {
                    unreached.0.insert(url.to_owned());
                }
            }
        }
    }
    // The clock of a service that is signed in to decides, whatever others show: tokens are judged by it.
    let decisive = |(signs_in, ahead): &(bool, i64)| (*signs_in, ahead.abs());
    if let Some((signs_in, ahead)) = clocks.into_iter().max_by_key(decisive) {
        examine_clock(ahead, signs_in, report);
    }
    unreached
}

fn endpoints(config: &Config) -> impl Iterator<Item = (Stage, &Endpoint)> {
    let of = |stage, endpoints| std::iter::repeat(stage).zip(endpoints);
    of(Stage::Stt, &config.stt.endpoints)
        .chain(of(Stage::Llm, &config.llm.endpoints))
        .chain(of(Stage::Tts, &config.tts.endpoints))
}

/// A host's name for people, with its port.
fn name_of(origin: &str) -> &str {
    origin.split("://").nth(1).unwrap_or(origin)
}

fn examine_clock(ahead: i64, signs_in: bool, report: &mut Report<'_>) {
    let id = "clock";
    let direction = if ahead > 0 { "ahead" } else { "behind" };
    let off = format!("this machine's clock is {} s {direction}", ahead.abs());
    let remedy = "timedatectl set-ntp true";
    match (spoils_tokens(ahead), signs_in) {
        (false, _) => report.ok(id, &format!("{} s from the services'", ahead.abs())),
        (true, true) => report.fail(id, &format!("{off}: sign-ins will be refused"), remedy),
        (true, false) => report.warn(id, &format!("{off}: logs and limits follow it"), remedy),
    }
}

const HOST: Service = Service {
    name: "the service",
    settings: "its settings",
    key: "its key",
};

const LOOK: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;
    use crate::cmd::check::finding::{Status, Style, findings};
    use crate::config::{Arguments, Needs};

    #[test]
    fn a_slow_host_is_reached_and_a_shut_one_is_not() {
        let port = || TcpListener::bind("127.0.0.1:0").expect("a port");
        let (slow, shut) = (port(), port());
        let address = |listener: &TcpListener| listener.local_addr().expect("bound").to_string();
        let (slow_at, shut_at) = (address(&slow), address(&shut));
        drop(shut);
        for (host, expected) in [(slow_at, None), (shut_at.clone(), Some(shut_at.as_str()))] {
            let folder = testkit::TempDir::new().expect("a temporary folder");
            let file = folder.path().join("config.toml");
            let settings = format!(
                "[gemini]\napi_key = 'AQ.1'\n[tts]\nprovider = 'openai'\nfallback = []\n\
                 [tts.openai]\nbase_url = 'http://{host}/v1'\n"
            );
            testkit::write_secret(&file, &settings);
            let arguments = Arguments::of_file(Some(file));
            let mut config = Config::load(Needs::Stages, &arguments, &|_| None).expect("settings");
            config.stt.endpoints.clear();
            config.llm.endpoints.clear();
            let deadline =
                Deadline::after(Instant::now(), Duration::from_millis(500), Instant::now);
            let mut unreached = Unreached::default();
            let found = findings(|report| {
                unreached = examine(&config, deadline, &Hangup::default(), report);
            });
            assert_eq!(found[0].status, Status::Fail, "{found:?}");
            assert_eq!(unreached.of_all_voices(&config), expected, "{found:?}");
        }
    }

    #[test]
    fn a_clock_fails_only_where_it_spoils_sign_ins() {
        let table = [
            (30, true, Status::Ok),
            (31, true, Status::Fail),
            (31, false, Status::Warn),
            (-3570, true, Status::Ok),
            (-3571, true, Status::Fail),
            (-3571, false, Status::Warn),
        ];
        for (ahead, signs_in, expected) in table {
            let mut sink = std::io::sink();
            let mut report = Report::new(&mut sink, Style::Silent);
            examine_clock(ahead, signs_in, &mut report);
            let found = report.findings();
            assert_eq!(found[0].status, expected, "{ahead} s, {signs_in}");
        }
    }
}
