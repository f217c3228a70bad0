//! Tries the server that several machines share.

use std::time::{Duration, Instant};

use super::finding::Report;
use crate::sys::error::Chain;
use crate::sys::state::server::Server;

/// Whether the server answers, runs scripts and keeps what it is given.
pub(super) fn examine(server: &Server, report: &mut Report<'_>) {
    let address = server.address();
    let begun = Instant::now();
    let patient = Server::new(address.clone(), server.machines()).with_patience(PATIENCE);
    let tried = patient.run(TRIAL, vec![KEY.to_owned()], Vec::new());
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
const PATIENCE: Duration = Duration::from_secs(5);
const KEY: &str = "phone-assistant:checked";
const TRIAL: &str = "redis.call('SET', KEYS[1], redis.call('TIME')[1], 'EX', 60) return { 0 }";
