//! What a call may cost: whose call it is for the limits, and what is set aside for it.

use std::io::Write;
use std::time::SystemTime;

use log::debug;

use super::Call;
use crate::config::Config;
use crate::costs::MicroDollars;
use crate::error::{Chain, Stage};
use crate::limits::{Limits, Refused};
use crate::memory::Callers;
use crate::presentation::{self, Presentation};
use crate::state::State;

impl<O: Write> Call<O> {
    /// Sets aside the most that the call, or what comes next in it, can cost.
    pub(super) fn admit(&mut self, config: &Config, greatest: MicroDollars) -> Result<(), Refused> {
        self.stage = Stage::Limit;
        let admitted = match &mut self.admission {
            Some(admission) => {
                let spent = self.bill.total();
                config
                    .limits
                    .go_on(admission, spent, greatest, SystemTime::now)
            }
            None => self.admit_first(config, greatest),
        };
        if let Err(Refused::Unknown(cause)) = &admitted {
            self.ledger_fault.get_or_insert(Chain(cause).to_string());
        }
        admitted
    }

    fn admit_first(&mut self, config: &Config, greatest: MicroDollars) -> Result<(), Refused> {
        let state = State::new(&config.state_folder);
        let caller = match self.presentation {
            Presentation::Shown => self.session.env().get("callerid").unwrap_or_default(),
            Presentation::Withheld => "",
        };
        let limits = config.limits;
        self.admission = limits.admit(&state, caller, greatest, SystemTime::now)?;
        let ahead = self
            .admission
            .as_ref()
            .and_then(|admission| admission.ahead);
        self.ledger_fault = ahead.map(|ahead| ahead.to_string());
        Ok(())
    }

    /// Asks whether the caller's number may be shown, where callers are counted or remembered by it.
    pub(super) fn ask_presentation(&mut self, config: &Config) {
        if config.limits == Limits::default() && config.memory.callers == Callers::None {
            return;
        }
        let saved = match self.session.get_variable(presentation::SAVED) {
            Ok(saved) => saved,
            // Without an answer the number counts as withheld.
            Err(cause) => return debug!("asking for the presentation: {}", Chain(&cause)),
        };
        let callingpres = self.session.env().get("callingpres").unwrap_or_default();
        self.presentation = Presentation::of(saved.as_deref(), callingpres);
    }
}
