//! Tries the server that several machines share, and what they remember on it.

use std::time::Instant;

use super::finding::Report;
use super::user::user_name;
use crate::config::limits::Callers;
use crate::config::{Config, Retention};
use crate::memory::{self, Shared, key_of};
use crate::sys::error::Chain;
use crate::sys::files;
use crate::sys::remedy::{self, shell_quoted};
use crate::sys::state::server::{Address, Server};

/// Whether the server, if there is one, answers, runs scripts, keeps what it is given, and tells it to no others.
pub(super) fn examine(config: &Config, report: &mut Report<'_>) {
    let Some(server) = &config.shared else {
        return;
    };
    if examine_way(server, report) {
        examine_access(server.address(), report);
        examine_room(server, report);
        if config.memory.callers != Callers::None {
            examine_memory(server, &config.memory, report);
        }
    }
    if server.machines() == 1 {
        report.warn(
            ID,
            "state.machines is 1: while the server does not answer, each machine may spend all that was left of the day",
            "set machines in [state] to the number of those that share it",
        );
    }
}

fn examine_way(server: &Server, report: &mut Report<'_>) -> bool {
    let address = server.address();
    let begun = Instant::now();
    let tried = (server.of_command()).run(TRIAL, vec![KEY.to_owned()], Vec::<String>::new());
    let took = begun.elapsed().as_millis();
    match &tried {
        Ok(_) => report.ok(ID, &format!("{address} answers in {took} ms")),
        Err(lost) => report.fail(
            ID,
            &format!(
                "{}; so this machine counts by itself, and remembers no caller",
                Chain(lost)
            ),
            &format!(
                "on its machine: systemctl status redis-server valkey-server; from here: {} ping",
                client(address)
            ),
        ),
    }
    tried.is_ok()
}

/// Which others may read and change what is on the server.
fn examine_access(address: &Address, report: &mut Report<'_>) {
    if address.is_here() {
        return;
    }
    if address.password_file.is_none() {
        report.warn(
            ID,
            &format!("{address} asks for no password: all who reach it can change what was spent, and let callers be forgotten"),
            "set requirepass on the server, and password_file in [state]",
        );
    }
    if !address.is_encrypted {
        report.warn(
            ID,
            &format!("what {address} is told can be read on its way: the password, and the numbers of callers where their calls are limited"),
            "set tls-port on the server, and rediss:// in url of [state]",
        );
    }
}

/// Whether the server drops what it should keep where it has no more room.
fn examine_room(server: &Server, report: &mut Report<'_>) {
    let Ok(told) = server.of_command().info("memory") else {
        return report.not_tried(
            ID,
            "the server does not tell what it drops when its memory is full",
            "let the user of [state] url use INFO",
        );
    };
    let what = match dropped(&told) {
        Dropped::Nothing => return,
        Dropped::Anything => "what was spent today",
        Dropped::WhatEnds => "callers, and how often they have called",
    };
    report.warn(
        ID,
        &format!(
            "when its memory is full, {} forgets {what}",
            server.address()
        ),
        "set maxmemory-policy noeviction on the server",
    );
}

/// What a server drops that has no more room.
#[derive(Debug, PartialEq, Eq)]
enum Dropped {
    Nothing,
    /// What has a time to live.
    WhatEnds,
    Anything,
}

/// Reads <https://redis.io/docs/latest/commands/info>.
fn dropped(told: &str) -> Dropped {
    let value = |name: &str| {
        let mut lines = told.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.trim())
    };
    match (value("maxmemory"), value("maxmemory_policy")) {
        (None | Some("0"), _) => Dropped::Nothing,
        (_, Some(policy)) if policy.starts_with("allkeys") => Dropped::Anything,
        (_, Some(policy)) if policy.starts_with("volatile") => Dropped::WhatEnds,
        _ => Dropped::Nothing,
    }
}

/// Whether callers can be remembered there, by a key that no others know.
fn examine_memory(server: &Server, memory: &Retention, report: &mut Report<'_>) {
    let key = key_of(&memory.folder);
    let address = server.address();
    let patient = server.of_command().into();
    match Shared::new(patient, &memory.folder, memory.limits.max_age).try_out() {
        Ok((count, unreadable)) => tell_remembered(address, count, &unreadable, report),
        Err(cause) => {
            let way_out = way_out(&cause, address);
            report.fail(MEMORY, &Chain(&cause).to_string(), &way_out);
        }
    }
    if files::is_readable_by_all(&key) {
        report.warn(
            MEMORY,
            &format!(
                "{} is the key of all callers, and everybody on this machine may read it",
                key.display()
            ),
            &remedy::mode(&key, 0o600, &user_name()),
        );
    }
}

fn tell_remembered(
    address: &Address,
    count: usize,
    unreadable: &[memory::Error],
    report: &mut Report<'_>,
) {
    let Some(cause) = unreadable.first() else {
        let text = format!("callers are remembered on {address}, {count} so far");
        return report.ok(MEMORY, &text);
    };
    let text = format!(
        "{} of {count} callers on {address} cannot be read, and their calls have no memory; the first: {}",
        unreadable.len(),
        Chain(cause)
    );
    let client = client(address);
    let remedy = format!("{client} del, with that name (that caller is forgotten then)");
    report.warn(MEMORY, &text, &remedy);
}

fn way_out(cause: &memory::Error, address: &Address) -> String {
    match cause {
        memory::Error::OtherKey { path } => format!(
            "copy {} from a machine whose check is well, for Asterisk's user alone; or, where this key is to be that of all: {} del {} (all callers are forgotten then)",
            shell_quoted(path),
            client(address),
            memory::MARK
        ),
        memory::Error::Lost(_) => {
            "let the user of [state] url change all keys that begin with phone-assistant:"
                .to_owned()
        }
        _ => "see the folder for callers".to_owned(),
    }
}

/// The command by which people ask the server.
fn client(address: &Address) -> String {
    let host = shell_quoted(&address.host);
    let tls = if address.is_encrypted { " --tls" } else { "" };
    format!("redis-cli -h {host} -p {}{tls}", address.port)
}

const ID: &str = "state of machines";
const MEMORY: &str = "memory of machines";
const KEY: &str = "phone-assistant:checked";
const TRIAL: &str = "redis.call('SET', KEYS[1], redis.call('TIME')[1], 'EX', 60) return { 0 }";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::check::finding::{Finding, Status, findings};

    #[test]
    fn a_server_that_others_can_read_is_told() {
        let of = |url: &str, has_password: bool| {
            let mut address = Address::parse(url).expect("right");
            address.password_file = has_password.then(|| "/etc/password".into());
            findings(|report| examine_access(&address, report))
        };
        let table: [(&str, bool, &[&str]); 6] = [
            ("redis://127.0.0.1", false, &[]),
            ("redis://localhost", false, &[]),
            ("rediss://10.0.0.5", true, &[]),
            ("rediss://10.0.0.5", false, &["no password"]),
            ("redis://10.0.0.5", true, &["can be read on its way"]),
            (
                "redis://10.0.0.5",
                false,
                &["no password", "can be read on its way"],
            ),
        ];
        for (url, has_password, words) in table {
            let found = of(url, has_password);
            assert_eq!(found.len(), words.len(), "{url}: {found:?}");
            for (finding, words) in found.iter().zip(words) {
                assert_eq!(finding.status, Status::Warn, "{url}");
                assert!(finding.text.contains(words), "{url}: {finding:?}");
            }
        }
    }

    #[test]
    fn a_server_that_drops_what_it_should_keep_is_told() {
        let of = |most: &str, policy: &str| {
            dropped(&format!(
                "# Memory\r\nused_memory:1\r\nmaxmemory:{most}\r\nmaxmemory_policy:{policy}\r\n"
            ))
        };
        for (most, policy, expected) in [
            ("0", "allkeys-lru", Dropped::Nothing),
            ("1000000", "noeviction", Dropped::Nothing),
            ("1000000", "allkeys-lru", Dropped::Anything),
            ("1000000", "allkeys-random", Dropped::Anything),
            ("1000000", "volatile-ttl", Dropped::WhatEnds),
        ] {
            assert_eq!(of(most, policy), expected, "{most} {policy}");
        }
        assert_eq!(dropped(""), Dropped::Nothing);
    }

    #[test]
    fn a_server_that_tells_is_understood() {
        for program in testkit::Server::programs("what a server drops") {
            let started = testkit::Server::start(program);
            let server = crate::sys::state::server::tests::shared(&started);
            let found = || -> Vec<Finding> { findings(|report| examine_room(&server, report)) };
            assert!(found().is_empty());
            for words in [
                ["CONFIG", "SET", "maxmemory", "100mb"],
                ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
            ] {
                crate::sys::state::server::tests::tell(&server, &words);
            }
            assert!(found()[0].text.contains("what was spent today"));
        }
    }
}
