//! What a call may cost: what was set aside for it, and what of that is spent.

use std::sync::Arc;
use std::time::SystemTime;

use crate::config::Config;
use crate::spending::bill::Bill;
use crate::spending::limits::{self, Admission, Refused};
use crate::sys::costs::MicroDollars;
use crate::sys::error::Chain;

/// A call's money.
#[derive(Debug, Default)]
pub(super) struct Purse {
    admission: Option<Admission>,
    /// Why costs cannot be counted, or not for today.
    pub(super) fault: Option<String>,
    /// That the server of several machines has lost what it had counted.
    pub(super) lost: Option<String>,
    /// That little of the day's money is left, or too little for a call.
    pub(super) nearly_spent: Option<String>,
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
                let went_on = limits.go_on(admission, spent, max_cost, SystemTime::now);
                // The first fault of a call is kept. Administrators are told one line of each topic a day, and later
                // faults follow from it.
                self.fault = self.fault.take().or_else(|| admission.alone.clone());
                went_on
            }
            None => self.admit_first(config, caller, max_cost),
        };
        match &admitted {
            Err(Refused::Unknown(cause)) => {
                self.fault.get_or_insert(Chain(cause).to_string());
            }
            Err(Refused::Alone { why, .. }) => {
                self.fault.get_or_insert(why.clone());
            }
            Err(Refused::Day { spent, .. }) => self.nearly_spent = limits.nearly_spent(*spent),
            _ => {}
        }
        admitted
    }

    fn admit_first(
        &mut self,
        config: &Config,
        caller: &str,
        max_cost: MicroDollars,
    ) -> Result<(), Refused> {
        let state = config.state();
        let admitted = config
            .limits
            .admit(&state, caller, max_cost, SystemTime::now);
        // Only after the admission: it is the change on the server that finds out whether the count was lost.
        self.lost = limits::lost(&state, SystemTime::now());
        self.admission = admitted?;
        if let Some(admission) = &self.admission {
            let ahead = admission.ahead.map(|ahead| ahead.to_string());
            self.fault = admission.alone.clone().or(ahead);
            self.nearly_spent = config.limits.nearly_spent(admission.before);
        }
        Ok(())
    }

    /// Gives back what was set aside and not spent.
    pub(super) fn settle(&mut self) {
        // Taken, so that a second settling cannot give the same money back again.
        if let Some(admission) = self.admission.take() {
            admission.settle(self.bill.total());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Arguments, Needs};
    use crate::spending::bill::Billing;
    use crate::sys::costs::Usage;
    use crate::sys::error::Stage;

    /// Settings that limit what a day may cost to one dollar, in a folder of their own.
    fn limited() -> (testkit::TempDir, Config) {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let place = folder.path().join("config.toml");
        let state = folder.path().join("state");
        let text = format!(
            "[tts]\nprovider = 'openai'\n[limits]\nmax_daily_cost = 1.0\n[state]\nfolder = {state:?}\n"
        );
        std::fs::write(&place, text).expect("ours");
        let arguments = Arguments::parse([format!("config={}", place.display()).as_str()]);
        let config = Config::load(Needs::Nothing, &arguments, &|_| None);
        (folder, config.expect("right settings"))
    }

    fn admits(purse: &mut Purse, config: &Config, cents: u64) -> bool {
        let max_cost = MicroDollars(cents * 10_000);
        purse.admit(config, "1001", max_cost).is_ok()
    }

    #[test]
    fn what_one_call_has_set_aside_is_not_there_for_another_until_it_is_settled() {
        let (_folder, config) = limited();
        let (mut one, mut other) = (Purse::default(), Purse::default());
        assert!(admits(&mut one, &config, 60));
        assert!(!admits(&mut other, &config, 60));
        assert!(admits(&mut other, &config, 40));
        one.settle();
        one.settle();
        let mut third = Purse::default();
        assert!(admits(&mut third, &config, 60), "nothing was spent");
        assert!(one.fault.is_none() && other.fault.is_none());
    }

    #[test]
    fn what_comes_next_in_a_call_takes_the_place_of_what_was_set_aside_before() {
        let (_folder, config) = limited();
        let mut purse = Purse::default();
        for turn in 0..5 {
            assert!(admits(&mut purse, &config, 60), "turn {turn}");
        }
        assert!(
            !admits(&mut purse, &config, 101),
            "more than a day may cost"
        );
    }

    #[test]
    fn what_was_spent_stays_spent() {
        let (_folder, config) = limited();
        let mut purse = Purse::default();
        assert!(admits(&mut purse, &config, 90));
        let voice = &config.tts.endpoints[0];
        let long = Usage {
            characters: 20_000,
            ..Usage::default()
        };
        let billing = Billing::new(Arc::clone(&purse.bill));
        billing.begin(Stage::Tts, voice, long).expect("it goes on");
        let spent = purse.bill.total();
        assert!(spent > MicroDollars(0));
        purse.settle();
        let mut next = Purse::default();
        let rest = MicroDollars(1_000_000).0 - spent.0;
        assert!(next.admit(&config, "1001", MicroDollars(rest + 1)).is_err());
        assert!(next.admit(&config, "1001", MicroDollars(rest)).is_ok());
    }
}
