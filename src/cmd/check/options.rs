//! What the doctor is asked for, and the settings that it looks at.

use std::path::PathBuf;
use std::time::SystemTime;

use super::finding::Style;
use crate::config::{Config, Environment, Faults};
use crate::sys::costs::MicroDollars;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The settings file that was named.
    pub config: Option<PathBuf>,
    /// Leave out whatever needs the network.
    pub offline: bool,
    /// Send a test through each way by which messages are delivered.
    pub send_test: bool,
    /// Tell only what has become worse or was fixed since the last time.
    pub quiet: bool,
    /// How findings are written.
    pub style: Style,
    /// Asterisk's user, where a person has named it.
    pub user: Option<String>,
    /// Asterisk's group, where a person has named it.
    pub group: Option<String>,
    /// The most that one call sets aside, which calls know.
    pub max_cost: MaxCost,
}

/// Tells the most that one call sets aside by these settings, in this environment and at this time.
pub(super) type MaxCost = fn(&Config, Environment<'_>, SystemTime) -> Option<MicroDollars>;

/// The settings, as far as they could be understood.
pub(super) fn understood(config: &Result<Config, Faults>) -> &Config {
    match config {
        Ok(config) => config,
        Err(faults) => &faults.understood,
    }
}
