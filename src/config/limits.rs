//! `[limits]`, what may be used, and `[memory]`, what is kept of callers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::keys::setting;
use super::layers::Layers;
use crate::sys::costs::MicroDollars;
use crate::sys::date::SECONDS_A_DAY;
use crate::sys::state::server::Server;

/// What may be used; `None` stands for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Calls that one caller may make within 60 minutes.
    pub calls_per_hour: Option<u32>,
    /// What all calls together may cost on one day, in UTC.
    pub per_day: Option<MicroDollars>,
}

/// Which callers are remembered, where, and for how long.
#[derive(Clone, Debug)]
pub struct Retention {
    /// Which callers are remembered.
    pub callers: Callers,
    /// Where, with the key of them all.
    pub folder: PathBuf,
    /// The server that machines share, on which they are remembered in place of the folder.
    pub server: Option<Arc<Server>>,
    /// How much of each.
    pub limits: RetentionLimits,
}

/// Which callers are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Callers {
    /// No caller.
    #[default]
    None,
    /// Phones that have signed in, by their account.
    Internal,
    /// These, and all others by the number that their call shows.
    All,
}

/// How much is kept of a caller.
#[derive(Clone, Copy, Debug)]
pub struct RetentionLimits {
    /// The last exchanges.
    pub max_exchanges: usize,
    /// The age from which an exchange is dropped.
    pub max_age: Duration,
}

impl Limits {
    /// 0 stands for no limit. A limit on costs is at least one millionth of a dollar.
    pub(super) fn assemble(layers: &Layers) -> Self {
        let calls = layers.whole(setting!("limits.max_calls_per_caller_per_hour"));
        let dollars = layers.number(setting!("limits.max_daily_cost"));
        let per_day = || MicroDollars::of_dollars(dollars).max(MicroDollars(1));
        Self {
            calls_per_hour: Some(calls).filter(|calls| *calls > 0),
            per_day: (dollars > 0.0).then(per_day),
        }
    }
}

impl Retention {
    pub(super) fn assemble(layers: &Layers, server: Option<Arc<Server>>) -> Self {
        let max_exchanges = layers.whole(setting!("memory.max_exchanges"));
        let days = layers.whole(setting!("memory.max_days"));
        Self {
            callers: match layers.text(setting!("memory.callers")).as_str() {
                "internal" => Callers::Internal,
                "all" => Callers::All,
                _ => Callers::None,
            },
            folder: layers.text(setting!("memory.folder")).into(),
            server,
            limits: RetentionLimits {
                max_exchanges: usize::try_from(max_exchanges).unwrap_or(usize::MAX),
                max_age: Duration::from_secs(SECONDS_A_DAY) * days,
            },
        }
    }
}
