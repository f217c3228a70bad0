//! How a call ends: what the dialplan, the logs and administrators are told.

use std::io::Write;
use std::time::SystemTime;

use log::{error, warn};

use super::contract;
use super::outcome::Outcome;
use super::parts::Call;
use crate::spending::limits::Refused;
use crate::sys::files;

impl<O: Write> Call<O> {
    /// Tells how the call ended, and does what remains to be done. Returns whether messages are to be delivered.
    pub(super) fn end(&mut self, began: SystemTime, outcome: &Outcome) -> bool {
        let is_told = self
            .contract
            .report(&mut self.line, &mut self.scene, outcome);
        // A call that has come to no question has not waited for it.
        self.remembering.finish();
        if let Outcome::Limited(failure) = outcome
            && failure
                .cause
                .downcast_ref()
                .is_some_and(Refused::is_for_the_day)
        {
            // However little is spent: what one call sets aside may be a large part of the day's money.
            self.purse.nearly_spent = Some(format!("calls are turned away: {failure}"));
        }
        if is_told {
            self.warn_administrators();
        }
        // As soon as the dialplan has been told: until then other calls may be refused for what is only set aside.
        self.purse.settle();
        // Without a status the dialplan does not play the reply, and a caller who has hung up cannot hear it: it
        // would be left behind.
        if !is_told || matches!(outcome, Outcome::HungUp) {
            files::remove_replies(&self.reply);
        }
        // What follows may write to stderr, which waits for ever where it is not read.
        let id = self.line.env().get("uniqueid").unwrap_or_default();
        let (scene, bill) = (&self.scene, &self.purse.bill);
        self.contract.log(began, id, scene, bill, outcome);
        self.remembering.sweep();
        match (outcome, outcome.failure()) {
            (Outcome::Limited(limit), _) => warn!("{limit}"),
            (_, Some(failure)) => error!("{failure}"),
            _ => {}
        }
        self.messages.finish(SystemTime::now())
    }

    /// Tells Asterisk's log once a day which provider has stood in for which, whose model will be switched off, after
    /// which failure a caller was asked to try again, why a phrase was not heard, what the model could not be told, why
    /// nothing is remembered, counted or delivered, and that the day's money is nearly spent; and has it mailed where
    /// messages are.
    pub(super) fn warn_administrators(&mut self) {
        let Some((services, state)) = &self.services else {
            return;
        };
        let stood_in = services.stood_in().into_iter();
        let stood_in = stood_in.map(|(stage, line)| (stage.to_string(), line));
        let untold = self.disclosure.fault.clone();
        let no_memory = self.remembering.fault.clone();
        let undelivered = self.messages.trouble(SystemTime::now());
        let no_ledger = self.purse.fault.clone();
        let lost = self.purse.lost.clone();
        let nearly_spent = self.purse.nearly_spent.clone();
        let unknown = self.knowledge.faults.clone();
        let changes = services.changes(SystemTime::now()).into_iter();
        let changes = changes.map(|(stage, line)| (format!("{stage} model"), line));
        let unheard = services.sound_refusals.fault();
        let without_tools = services.without_functions().into_iter();
        let forgiven = self.scene.forgiven.as_ref();
        let forgiven =
            forgiven.map(|failure| format!("a call went on after a turn that failed: {failure}"));
        let unspoken = self.scene.unheard.clone();
        let news = stood_in
            .chain(changes)
            .chain(unheard.map(|line| ("hearing".to_owned(), line)))
            .chain(without_tools.map(|line| ("tools".to_owned(), line)))
            .chain(forgiven.map(|line| ("conversation".to_owned(), line)))
            .chain(unspoken.map(|line| ("phrases".to_owned(), line)))
            .chain(unknown)
            .chain(untold.map(|line| ("disclosure".to_owned(), line)))
            .chain(undelivered.map(|line| ("messages".to_owned(), line)))
            .chain(no_memory.map(|line| ("memory".to_owned(), line)))
            .chain(no_ledger.map(|line| ("limits".to_owned(), line)))
            .chain(lost.map(|line| ("state".to_owned(), line)))
            .chain(nearly_spent.map(|line| ("cost".to_owned(), line)));
        for told in contract::warn_administrators(&mut self.line, state, news.collect()) {
            self.messages.notify(&told, SystemTime::now());
        }
    }
}
