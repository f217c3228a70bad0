//! The PINs that some tools want: the caller types them before the first use in a call.

mod pin;

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

    /// Permits one call. A wrong PIN is typed again as long as one may be: what a caller types next is meant as one.
    fn permit_one(&mut self, toolbox: &Toolbox, name: &str) -> Result<Permit, Failure> {
        let mut permit = Permit::Refused(UNTYPED);
        while toolbox.is_locked(name) {
            if let Some(refusal) = toolbox.refusal() {
                return Ok(refusal);
            }
            let typed = match self.typed_pin.take() {
                Some(keys) => Typed::Keys(keys),
                None => self.ask_for_pin(toolbox, permit)?,
            };
            let Typed::Keys(keys) = typed else {
                return Ok(permit);
            };
            permit = toolbox.verify(name, &keys, &self.caller);
        }
        Ok(Permit::Granted)
    }

    /// Asks the caller to type a PIN, again where `before` tells that one was typed. They may have begun to.
    fn ask_for_pin(&mut self, toolbox: &Toolbox, before: Permit) -> Result<Typed, Failure> {
        toolbox.ask_for_pin();
        let job = std::mem::replace(&mut self.job, Job::none());
        let silence = keepalive::silence(&self.config.conversation.sounds, self.encoding);
        let begun = take(&mut self.scene.keypad).into_keys();
        let mut entry = if begun.is_empty() {
            let language = Language::of(&self.config.stt.language);
            let (words, instead) = if before == Permit::Refused(UNTYPED) {
                (language.pin, "agent-pass")
            } else {
                (language.wrong_pin, "auth-incorrect")
            };
            let phrase = self.phrase_beside(words, instead, job.max_cost());
            PinEntry::new(phrase, silence)
        } else {
            PinEntry::going_on(begun, silence)
        };
        let typed = self.follow(&mut entry);
        self.job = job;
        typed
    }

    /// What the caller has typed in their turn, as words. Keys that may be a PIN are none: they are kept for a tool that
    /// wants one.
    pub(in crate::call) fn typed_words(&mut self, typed: &[String]) -> String {
        self.typed_pin = None;
        let mut all = Vec::new();
        for keys in typed {
            let toolbox = self.toolbox.as_ref();
            if toolbox.is_some_and(|toolbox| toolbox.may_be_pin(keys)) {
                self.typed_pin = Some(keys.clone());
                all.push(keypad::HIDDEN.to_owned());
            } else {
                all.push(keypad::words(keys));
            }
        }
        all.join(" ")
    }
}

const UNTYPED: &str = "error: this was not done, because the caller typed no PIN";
