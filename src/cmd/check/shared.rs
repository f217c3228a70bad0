//! Tries the server that several machines share.

use std::time::Instant;

use super::finding::Report;
use crate::config::Config;
use crate::sys::error::Chain;

/// Whether the server, if there is one, answers, runs scripts and keeps what it is given.
pub(super) fn examine(config: &Config, report: &mut Report<'_>) {
    let Some(server) = &config.shared else {
        return;
    };
    let address = server.address();
    let begun = Instant::now();
    let tried = (server.of_command()).run(TRIAL, vec![KEY.to_owned()], Vec::<String>::new());
    let took = begun.elapsed().as_millis();
    match tried {
        Ok(_) => report.ok(ID, &format!("{address} answers in {took} ms")),
        Err(lost) => report.fail(
            ID,
            &format!("{}; so this machine counts by itself", Chain(&lost)),
            &format!(
                "on its machine: systemctl status redis-server valkey-server; from here: redis-cli -h {} -p {} ping",
                address.host, address.port
            ),
        ),
    }
    if server.machines() == 1 {
        report.warn(
            ID,
            "state.machines is 1: while the server does not answer, each machine may spend all that was left of the day",
            "set machines in [state] to the number of those that share it",
        );
    }
}

const ID: &str = "state of machines";
const KEY: &str = "phone-assistant:checked";
const TRIAL: &str = "redis.call('SET', KEYS[1], redis.call('TIME')[1], 'EX', 60) return { 0 }";
