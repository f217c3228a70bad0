//! What a call may cost: what was set aside for it, and what of that is spent.

use std::sync::Arc;
use std::time::SystemTime;

use crate::config::Config;
use crate::spending::bill::Bill;
use crate::spending::costs::MicroDollars;
use crate::spending::limits::{Admission, Refused};
use crate::sys::error::Chain;
use crate::sys::state::State;

/// A call's money.
#[derive(Debug, Default)]
pub(super) struct Purse {
    admission: Option<Admission>,
    /// Why costs cannot be counted, or not for today.
    pub(super) fault: Option<String>,
    pub(super) bill: Arc<Bill>,
}

impl Purse {
    /// Sets aside `max_cost`, the most that the call, or what comes next in it, can cost. `caller` is their number, empty
    /// where that is withheld.
    ///
    /// # Errors
    /// [`Refused`]; then nothing may be paid for.
    pub(super) fn admit(
        &mut self,
        config: &Config,
        caller: &str,
        max_cost: MicroDollars,
    ) -> Result<(), Refused> {
        let limits = config.limits;
        let admitted = match &mut self.admission {
            Some(admission) => {
                let spent = self.bill.total();
                limits.go_on(admission, spent, max_cost, SystemTime::now)
            }
            None => self.admit_first(config, caller, max_cost),
        };
        if let Err(Refused::Unknown(cause)) = &admitted {
            self.fault.get_or_insert(Chain(cause).to_string());
        }
        admitted
    }

    fn admit_first(
        &mut self,
        config: &Config,
        caller: &str,
        max_cost: MicroDollars,
    ) -> Result<(), Refused> {
        let state = State::new(&config.state_folder);
        let limits = config.limits;
        self.admission = limits.admit(&state, caller, max_cost, SystemTime::now)?;
        let ahead = self
            .admission
            .as_ref()
            .and_then(|admission| admission.ahead);
        self.fault = ahead.map(|ahead| ahead.to_string());
        Ok(())
    }

    /// Gives back what was set aside and not spent.
    pub(super) fn settle(&mut self) {
        if let Some(admission) = self.admission.take() {
            admission.settle(self.bill.total());
        }
    }
}
