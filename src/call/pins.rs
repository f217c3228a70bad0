//! The PINs that some tools want: the caller types them before the first use in a call.

mod entry;

use std::io::Write;
use std::mem::take;

use super::event::{Calls, Permit};
use super::flow::Flow;
use super::job::Job;
use super::keepalive;
use super::keypad;
use super::line::Input;
use super::toolbox::Toolbox;
use crate::knowledge::language::Language;
use crate::sys::error::Failure;
use crate::tools;
use entry::{PinEntry, Typed};

impl<O: Write> Flow<'_, O> {
    /// Permits the calls of a model, once the caller has typed the PINs that they want. Returns what ends the answer, if
    /// anything does.
    pub(super) fn permit(&mut self, calls: &Calls) -> Option<Input> {
        let toolbox = self.toolbox.clone()?;
        if !self.line.is_connected() {
            return None;
        }
        let mut permits = Vec::new();
        for name in &calls.names {
            match self.permit_one(&toolbox, name) {
                Ok(permit) => permits.push(permit),
                Err(failure) => return Some(Input::Failed(failure)),
            }
        }
        if self.line.is_hung_up() {
            return Some(Input::HungUp);
        }
        // What a model that hears the caller has called is done once: the turn counts as understood, and what the caller
        // says next is a turn of its own, instead of the end of one that is asked, and called for, once more.
        let turn = &mut self.scene.turn;
        turn.is_heard_by_model |= !turn.is_understood();
        // A thread that has ended makes no calls either.
        calls.permit.send(permits).ok();
        None
    }

    /// Permits one call. A wrong PIN is typed again as long as one may be: what a caller types next is meant as one.
    fn permit_one(&mut self, toolbox: &Toolbox, name: &str) -> Result<Permit, Failure> {
        toolbox.try_unasked(name, &take(&mut self.typed_pins), &self.caller);
        let mut wrong = None;
        while toolbox.is_locked(name) {
            if let Some(refusal) = toolbox.refusal() {
                return Ok(refusal);
            }
            toolbox.ask_for_pin(name);
            let Typed::Keys(keys) = self.ask_for_pin(wrong.is_some())? else {
                return Ok(wrong.unwrap_or(Permit::Refused(UNTYPED)));
            };
            wrong = Some(toolbox.verify(name, &keys, &self.caller));
        }
        Ok(Permit::Granted)
    }

    /// Asks the caller to type a PIN, or to type it again, unless they have begun to.
    fn ask_for_pin(&mut self, is_again: bool) -> Result<Typed, Failure> {
        let begun = take(&mut self.scene.keypad);
        let is_complete = begun.ends_at().is_some_and(|end| end <= self.line.now());
        let begun = keypad::last_part(begun.keys()).to_owned();
        if is_complete && !begun.is_empty() {
            return Ok(Typed::Keys(begun));
        }
        let job = std::mem::replace(&mut self.job, Job::none());
        let silence = keepalive::silence(&self.config.conversation.sounds, self.encoding);
        let mut entry = if begun.is_empty() {
            let language = Language::of(&self.config.stt.language);
            let (words, instead) = if is_again {
                (language.wrong_pin, "auth-incorrect")
            } else {
                (language.pin, "agent-pass")
            };
            let phrase = self.phrase_beside(words, instead, job.max_cost());
            PinEntry::new(phrase, silence)
        } else {
            PinEntry::going_on(begun, silence)
        };
        self.scene.wants_pin = true;
        let typed = self.follow(&mut entry);
        self.scene.wants_pin = false;
        self.job = job;
        typed
    }

    /// What the caller has typed in their turn, as words. Where any of it may be a PIN nothing of it is shown, and it is
    /// kept for a tool that wants one.
    pub(in crate::call) fn typed_words(&mut self, typed: &[String]) -> String {
        self.typed_pins.clear();
        let toolbox = self.toolbox.as_ref();
        let is_due = toolbox.is_some_and(|toolbox| toolbox.is_pin_due());
        let may_be_pin = || is_due || tools::may_be_pin(self.config, &readings(typed));
        if typed.is_empty() || !may_be_pin() {
            let words = typed.iter().map(|keys| keypad::words(keys));
            return words.collect::<Vec<_>>().join(" ");
        }
        let (last, joined) = (typed.last().cloned(), typed.concat());
        let meant = last.iter().chain([&joined]);
        self.typed_pins = meant
            .map(|keys| keypad::last_part(keys).to_owned())
            .collect();
        keypad::HIDDEN.to_owned()
    }
}

/// The digits that were typed in a turn, as they may be meant: a PIN may be begun anew by `*`, and a pause or a `*` may
/// stand within it.
fn readings(typed: &[String]) -> Vec<String> {
    let joined = typed.concat();
    let entries = typed.iter().chain([&joined]);
    let parts = entries.flat_map(|keys| keys.split('*').map(str::to_owned));
    let whole = typed
        .iter()
        .chain([&joined])
        .map(|keys| keys.replace('*', ""));
    parts.chain(whole).collect()
}

const UNTYPED: &str = "error: this was not done, because the caller typed no PIN";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_among_the_readings_however_it_was_typed() {
        let table: &[&[&str]] = &[
            &["482915"],
            &["48*482915"],
            &["482915*12"],
            &["482", "915"],
            &["12", "482915"],
            &["48", "2*482", "915"],
            &["482*915"],
        ];
        for typed in table {
            let typed: Vec<_> = typed.iter().map(|keys| (*keys).to_owned()).collect();
            let readings = readings(&typed);
            let has_pin = readings.iter().any(|keys| keys == "482915");
            assert!(has_pin, "{typed:?}: {readings:?}");
        }
    }
}
