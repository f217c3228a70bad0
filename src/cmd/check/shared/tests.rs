//! What is told of a server that machines share, by what it answers.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::cmd::check::finding::{Finding, Status, findings};
use crate::config::limits::RetentionLimits;
use crate::config::{Arguments, Needs};
use crate::sys::costs::MicroDollars;
use crate::sys::state::State;
use crate::sys::state::server::tests::{shared, tell};

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
fn the_command_for_the_server_signs_in_as_calls_do() {
    let mut address = Address::parse("redis://10.0.0.5").expect("right");
    assert_eq!(client(&address), "redis-cli -h 10.0.0.5 -p 6379");
    address = Address::parse("rediss://calls@10.0.0.5:7000/3").expect("right");
    address.password_file = Some("/etc/a password".into());
    address.ca_file = Some("/etc/ca.pem".into());
    assert_eq!(
        client(&address),
        "REDISCLI_AUTH=\"$(sudo cat '/etc/a password')\" redis-cli -h 10.0.0.5 -p 7000 -n 3 --tls --cacert /etc/ca.pem --user calls"
    );
}

fn remembering(folder: &Path) -> Retention {
    Retention {
        callers: Callers::All,
        folder: folder.to_owned(),
        server: None,
        limits: RetentionLimits {
            max_exchanges: 3,
            max_age: Duration::from_secs(3600),
        },
    }
}

#[test]
fn callers_who_are_still_to_be_forgotten_are_told() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let address = Address::parse("redis://127.0.0.1:1").expect("right");
    let server = Server::new(address, 2);
    let memory = remembering(folder.path());
    let found = || findings(|report| examine_debts(&server, &memory, report));
    assert!(found().is_empty());
    for (content, status, words) in [
        (
            r#"{"version": 1, "debts": [{"name": "a", "id": null}]}"#,
            Status::Warn,
            "still remembered there: 1",
        ),
        (r#"{"version": 1}"#, Status::Fail, "cannot understand"),
    ] {
        std::fs::write(folder.path().join("to-forget.json"), content).expect("written");
        let [found] = found().try_into().expect("one");
        assert_eq!(found.status, status);
        assert!(found.text.contains(words), "{found:?}");
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
        let server = shared(&started);
        let found = || -> Vec<Finding> { findings(|report| examine_keeping(&server, report)) };
        assert!(found().is_empty());
        tell(&server, &["CONFIG", "SET", "appendonly", "no"]);
        assert!(found()[0].text.contains("ends at once"));
        tell(&server, &["CONFIG", "SET", "appendonly", "yes"]);
        for words in [
            ["CONFIG", "SET", "maxmemory", "100mb"],
            ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
        ] {
            tell(&server, &words);
        }
        assert!(found()[0].text.contains("what was spent today"));
    }
}

#[test]
fn a_server_that_answers_later_than_calls_wait_is_warned_of() {
    let address = Address::parse("redis://10.0.0.5").expect("right");
    for (ms, status, words) in [
        (149, Status::Ok, "answers in 149 ms"),
        (
            150,
            Status::Warn,
            "answers in 150 ms, and calls wait 150 ms",
        ),
        (4_000, Status::Warn, "counted by this machine alone"),
    ] {
        let took = Duration::from_millis(ms);
        let [found] = findings(|report| tell_time(&address, took, report))
            .try_into()
            .expect("one");
        assert_eq!(found.status, status, "{found:?}");
        assert!(found.text.contains(words), "{found:?}");
    }
}

#[test]
fn a_server_that_refuses_what_calls_do_there_is_told_with_the_way_out() {
    for program in testkit::Server::programs("what a server refuses") {
        let started = testkit::Server::start(program);
        let server = shared(&started);
        let found = || -> Vec<Finding> {
            findings(|report| {
                examine_way(&server, report);
            })
        };
        // Whether it is soon enough for a call is another question, and here the answer of a busy machine.
        let is_well = || matches!(found().as_slice(), [one] if one.status != Status::Fail);
        assert!(is_well(), "{:?}", found());
        let table: [(&[&str], &str, &[&str]); 6] = [
            (
                &["ACL", "SETUSER", "default", "-hset"],
                "+hset",
                &["ACL", "SETUSER", "default", "+hset"],
            ),
            (
                &["ACL", "SETUSER", "default", "-zadd"],
                "+zadd",
                &["ACL", "SETUSER", "default", "+zadd"],
            ),
            (
                &["ACL", "SETUSER", "default", "-mget"],
                "+mget",
                &["ACL", "SETUSER", "default", "+mget"],
            ),
            (
                &[
                    "ACL",
                    "SETUSER",
                    "default",
                    "resetkeys",
                    "~phone-assistant:checked",
                ],
                "~phone-assistant:*",
                &["ACL", "SETUSER", "default", "allkeys"],
            ),
            (
                &["REPLICAOF", "127.0.0.1", "1"],
                "replica",
                &["REPLICAOF", "NO", "ONE"],
            ),
            (
                &["CONFIG", "SET", "maxmemory", "1"],
                "maxmemory",
                &["CONFIG", "SET", "maxmemory", "0"],
            ),
        ];
        for (fault, words, repair) in table {
            // A server that has refused something is not asked again in the same call.
            tell(&shared(&started), fault);
            let told = found();
            assert_eq!(told[0].status, Status::Fail, "{fault:?}: {told:?}");
            assert!(told[0].remedy.contains(words), "{fault:?}: {told:?}");
            tell(&shared(&started), repair);
            assert!(is_well(), "{repair:?}: {:?}", found());
        }
    }
}

/// Settings by which a dollar a day is spent by all machines that share a server.
fn sharing(folder: &Path, server: Arc<Server>) -> Config {
    let place = folder.join("config.toml");
    let state = folder.join("state");
    let text = format!(
        "[tts]\nprovider = 'openai'\n[limits]\nmax_daily_cost = 1.0\n[state]\nfolder = {state:?}\n"
    );
    std::fs::write(&place, text).expect("written");
    let arguments = Arguments::parse([format!("config={}", place.display()).as_str()]);
    let config = Config::load(Needs::Nothing, &arguments, &|_| None).expect("right settings");
    Config {
        shared: Some(server),
        ..config
    }
}

fn found_spent(config: &Config) -> Vec<Finding> {
    let server = config.shared.as_ref().expect("shared");
    findings(|report| examine_spent(config, server, report))
}

#[test]
fn a_server_that_does_not_say_what_was_spent_is_told_with_where_to_look() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let address = Address::parse("redis://127.0.0.1:1").expect("right");
    let config = sharing(folder.path(), Arc::new(Server::new(address, 2)));
    let [found] = found_spent(&config).try_into().expect("one");
    assert_eq!(found.status, Status::Fail, "{found:?}");
    let way = "systemctl status redis-server";
    assert!(found.remedy.contains(way), "{found:?}");
}

#[test]
fn what_all_machines_have_spent_is_asked_of_the_server() {
    for program in testkit::Server::programs("what machines have spent") {
        let mut started = testkit::Server::start(program);
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let of = |server: Arc<Server>| sharing(folder.path(), server);
        let spend = |config: &Config, cents: u64| {
            let other = testkit::TempDir::new().expect("a temporary folder");
            let state = State::new(other.path()).with(config.shared.clone());
            let cost = MicroDollars(cents * 10_000);
            config
                .limits
                .admit(&state, "1001", cost, SystemTime::now)
                .expect("admitted");
        };
        let found = found_spent;
        let config = of(shared(&started));
        spend(&config, 79);
        assert!(found(&config).is_empty(), "{:?}", found(&config));
        spend(&config, 1);
        assert!(found(&config)[0].text.contains("$0.8000 of $1.0000"));
        // A machine that has seen it tells of its loss, too.
        config
            .limits
            .admit(&config.state(), "1001", MicroDollars(1), SystemTime::now)
            .expect("admitted");
        started.restart(program);
        let config = of(shared(&started));
        assert!(found(&config)[0].text.contains("$0.8001 of $1.0000"));
        config
            .limits
            .admit(&config.state(), "1001", MicroDollars(1), SystemTime::now)
            .expect("admitted");
        assert!(
            found(&config)[0]
                .text
                .contains("has lost what it had counted")
        );
    }
}

#[test]
fn a_user_with_the_rights_that_are_named_can_do_all() {
    for program in testkit::Server::programs("the rights of a user") {
        let started = testkit::Server::start(program);
        let words = ["ACL", "SETUSER", "calls", "on", ">a-password"].into_iter();
        let words: Vec<_> = words.chain(RIGHTS.split(' ')).collect();
        tell(&shared(&started), &words);
        let mut address = shared(&started).address().clone();
        (address.user, address.database) = (Some("calls".to_owned()), 1);
        let server = Server::new(address, 2);
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let memory = remembering(folder.path());
        let found = findings(|report| {
            examine_way(&server, report);
            examine_keeping(&server, report);
            examine_memory(&server, &memory, report);
        });
        // It may be later than calls wait, on a busy machine.
        let is_late = |finding: &Finding| finding.text.contains("and calls wait");
        let of = |finding: &Finding| {
            (
                finding.id.clone(),
                finding.status == Status::Ok || is_late(finding),
            )
        };
        let all: Vec<_> = found.iter().map(of).collect();
        let well = [ID, MEMORY].map(|id| (id.to_owned(), true));
        assert_eq!(all, well, "{found:?}");
    }
}
