//! The PINs that some tools want: the caller types them before the first use in a call.

mod pin;

use std::io::Write;

use super::event::{Calls, Permit};
use super::flow::Flow;
use super::job::Job;
use super::keepalive;
use super::line::Input;
use super::toolbox::Toolbox;
use crate::knowledge::language::Language;
use crate::sys::error::Failure;
use pin::{PinEntry, Typed};

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
        // A thread that has ended makes no calls either.
        calls.permit.send(permits).ok();
        None
    }

    fn permit_one(&mut self, toolbox: &Toolbox, name: &str) -> Result<Permit, Failure> {
        if !toolbox.is_locked(name) {
            return Ok(Permit::Granted);
        }
        if let Some(refusal) = toolbox.refusal() {
            return Ok(refusal);
        }
        let typed = self.ask_for_pin()?;
        Ok(match typed {
            Typed::Keys(keys) => toolbox.verify(name, &keys, &self.caller),
            Typed::Nothing => Permit::Refused(UNTYPED),
        })
    }

    /// Asks the caller to type a PIN. The keys stand in no log, whatever the settings say of words.
    fn ask_for_pin(&mut self) -> Result<Typed, Failure> {
        let job = std::mem::replace(&mut self.job, Job::none());
        self.line.log_words(false);
        let silence = keepalive::silence(&self.config.conversation.sounds, self.encoding);
        let words = Language::of(&self.config.stt.language).pin;
        let phrase = self.phrase_beside(words, INSTEAD, job.max_cost());
        let typed = self.follow(&mut PinEntry::new(phrase, silence));
        self.line.log_words(self.config.log_words);
        self.job = job;
        typed
    }
}

/// Asterisk's own voice: "Please enter your password followed by the pound key."
const INSTEAD: &str = "agent-pass";

const UNTYPED: &str = "error: this was not done, because the caller typed no PIN";
