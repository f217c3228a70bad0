//! Tries the server that several machines share, and what they remember on it.

use std::time::{Duration, Instant, SystemTime};

use super::finding::Report;
use super::guards::{LIMITS, NEARLY_SPENT};
use super::user::user_name;
use crate::config::limits::Callers;
use crate::config::{Config, Retention};
use crate::memory::{self, Shared, key_of};
use crate::spending::limits;
use crate::sys::error::Chain;
use crate::sys::files;
use crate::sys::remedy::{self, shell_quoted};
use crate::sys::state::server::{Address, PATIENCE, Server};

/// Whether the server, if there is one, answers, runs scripts, keeps what it is given, and tells it to no others.
pub(super) fn examine(config: &Config, report: &mut Report<'_>) {
    let Some(server) = &config.shared else {
        return;
    };
    if examine_way(server, report) {
        examine_access(server.address(), report);
        examine_keeping(server, report);
        examine_spent(config, server, report);
        if config.memory.callers != Callers::None {
            examine_memory(server, &config.memory, report);
        }
    }
    examine_debts(server, &config.memory, report);
    if server.machines() == 1 {
        report.warn(
            ID,
            "state.machines is 1: while the server does not answer, each machine may spend all that was left of the day",
            "set machines in [state] to the number of those that share it",
        );
    }
}

/// Does there what calls do, by keys of its own, and waits longer than they do.
fn examine_way(server: &Server, report: &mut Report<'_>) -> bool {
    let (address, patient) = (server.address(), server.of_command());
    let begun = Instant::now();
    let tried = limits::try_out(&patient);
    let took = begun.elapsed();
    let key = || KEY.to_owned();
    let tried = tried.and_then(|()| {
        patient.set(&key(), b"checked".to_vec(), A_MINUTE)?;
        patient.get(vec![key()])
    });
    match &tried {
        Ok(_) => tell_time(address, took, report),
        Err(lost) => report.fail(
            ID,
            &format!(
                "{}; so this machine counts by itself, and remembers no caller",
                Chain(lost)
            ),
            &way_to(address, &lost.to_string()),
        ),
    }
    tried.is_ok()
}

/// Tells how long a call would have waited for its first answer.
fn tell_time(address: &Address, took: Duration, report: &mut Report<'_>) {
    let text = format!("{address} answers in {} ms", took.as_millis());
    if took < PATIENCE {
        return report.ok(ID, &text);
    }
    report.warn(
        ID,
        &format!(
            "{text}, and calls wait {} ms: they are counted by this machine alone, and have no memory",
            PATIENCE.as_millis()
        ),
        &format!("look for what is slow on the way: ping {}", shell_quoted(&address.host)),
    );
}

/// What to do about a server that answers this; Redis of each version has other words for it.
fn way_to(address: &Address, answer: &str) -> String {
    let says = |words: &[&str]| words.iter().any(|words| answer.contains(words));
    if says(&["NOPERM", "permissions", "user executing the script"]) {
        format!("give the user of [state] url these rights on the server: {RIGHTS}")
    } else if says(&["READONLY", "read only"]) {
        "it is a replica: let url of [state] name the server that it follows, or let it take the place of that (REPLICAOF NO ONE)".to_owned()
    } else if says(&["OOM", "maxmemory"]) {
        "its memory is full: raise maxmemory on the server".to_owned()
    } else {
        format!(
            "on its machine: systemctl status redis-server valkey-server; from here: {} ping",
            client(address)
        )
    }
}

/// How much of the day's money all machines have spent.
fn examine_spent(config: &Config, server: &Server, report: &mut Report<'_>) {
    let (state, now) = (config.state(), SystemTime::now());
    if let Some(lost) = limits::lost(&state, now) {
        report.warn(
            ID,
            &lost,
            "look into the log of the server why it began anew",
        );
    }
    match limits::spent_together(&state, &server.of_command()) {
        Ok(spent) => {
            if let Some(text) = config.limits.nearly_spent(spent) {
                report.warn(LIMITS, &text, NEARLY_SPENT);
            }
        }
        Err(lost) => {
            let remedy = way_to(server.address(), &lost.to_string());
            report.fail(LIMITS, &Chain(&lost).to_string(), &remedy);
        }
    }
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

/// Whether the server keeps what it is given, also where it has no more room or is started anew.
fn examine_keeping(server: &Server, report: &mut Report<'_>) {
    let (address, patient) = (server.address(), server.of_command());
    let told =
        (patient.info("memory")).and_then(|memory| Ok((memory, patient.info("persistence")?)));
    let Ok((memory, persistence)) = told else {
        return report.not_tried(
            ID,
            "the server does not tell what it drops when its memory is full, and what it keeps",
            "let the user of [state] url use INFO",
        );
    };
    if value(&persistence, "aof_enabled") == Some("0") {
        report.warn(
            ID,
            &format!("when {address} ends at once, what was spent and said since it last saved its data is lost"),
            "set appendonly yes on the server",
        );
    }
    let what = match dropped(&memory) {
        Dropped::Nothing => return,
        Dropped::Anything => "what was spent today",
        Dropped::WhatEnds => "callers, and how often they have called",
    };
    report.warn(
        ID,
        &format!("when its memory is full, {address} forgets {what}"),
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

fn dropped(told: &str) -> Dropped {
    match (value(told, "maxmemory"), value(told, "maxmemory_policy")) {
        (None | Some("0"), _) => Dropped::Nothing,
        (_, Some(policy)) if policy.starts_with("allkeys") => Dropped::Anything,
        (_, Some(policy)) if policy.starts_with("volatile") => Dropped::WhatEnds,
        _ => Dropped::Nothing,
    }
}

/// Reads <https://redis.io/docs/latest/commands/info>.
fn value<'t>(told: &'t str, name: &str) -> Option<&'t str> {
    let mut lines = told.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(known, _)| *known == name)?;
    Some(value.trim())
}

/// Whether callers can be remembered there, by a key that no others know.
fn examine_memory(server: &Server, memory: &Retention, report: &mut Report<'_>) {
    let key = key_of(&memory.folder);
    let address = server.address();
    match store(server, memory).try_out() {
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

fn store(server: &Server, memory: &Retention) -> Shared {
    let patient = server.of_command().into();
    Shared::new(patient, &memory.folder, memory.limits.max_age)
}

/// Forgets the callers whom calls could not forget, and tells how many still are to be.
fn examine_debts(server: &Server, memory: &Retention, report: &mut Report<'_>) {
    match store(server, memory).forget_later() {
        Ok(0) => {}
        Ok(count) => report.warn(
            MEMORY,
            &format!(
                "callers who wanted to be forgotten while {} could not be asked, and are still remembered there: {count}",
                server.address()
            ),
            "the next check or call that reaches the server forgets them",
        ),
        Err(cause) => report.fail(
            MEMORY,
            &format!("no caller is remembered, since it is not known who is still to be forgotten: {}", Chain(&cause)),
            "look at the file: it holds the callers who are still to be forgotten on the server; remove it, and repeat sudo phone-assistant forget for them",
        ),
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
    let remedy = format!("{client} DEL NAME, with that name (that caller is forgotten then)");
    report.warn(MEMORY, &text, &remedy);
}

fn way_out(cause: &memory::Error, address: &Address) -> String {
    match cause {
        memory::Error::OtherKey { path } => format!(
            "copy {} from a machine whose check is well, for Asterisk's user alone; or, where this key is to be that of all: {} DEL {} (what the other key has sealed cannot be read then, until the server drops it)",
            shell_quoted(path),
            client(address),
            memory::MARK
        ),
        memory::Error::Lost(lost) => way_to(address, &lost.to_string()),
        _ => "see the folder for callers".to_owned(),
    }
}

/// The command by which people ask the server. A list of processes shows the words of commands, so the password is none
/// of them.
fn client(address: &Address) -> String {
    let password = (address.password_file.as_ref())
        .map(|file| format!("REDISCLI_AUTH=\"$(sudo cat {})\" ", shell_quoted(file)));
    let database = (address.database != 0).then(|| format!(" -n {}", address.database));
    let tls = address.is_encrypted.then(|| " --tls".to_owned());
    let ca_file = (address.ca_file.as_ref()).filter(|_| address.is_encrypted);
    let ca_file = ca_file.map(|file| format!(" --cacert {}", shell_quoted(file)));
    let user = (address.user.as_ref()).map(|user| format!(" --user {}", shell_quoted(user)));
    let host = shell_quoted(&address.host);
    let [password, rest @ ..] =
        [password, database, tls, ca_file, user].map(Option::unwrap_or_default);
    format!(
        "{password}redis-cli -h {host} -p {}{}",
        address.port,
        rest.concat()
    )
}

const ID: &str = "state of machines";
const MEMORY: &str = "memory of machines";
const KEY: &str = "phone-assistant:checked";
/// What calls and commands do there, as a rule of an access control list.
const RIGHTS: &str = "~phone-assistant:* +select +info +scan +eval +time +mget +get +getrange +set +del +expire +pttl +hmget +hset +zadd +zcard +zremrangebyscore";
const A_MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
