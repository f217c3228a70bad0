//! What Asterisk tells of the caller, asked for where the settings make use of it.

use std::io::Write;

use log::debug;

use super::line::Line;
use crate::agi::{Env, Error};
use crate::config::{Audience, Config, Limits, limits::Callers};
use crate::memory::{FREEPBX_EXTENSION, Signs};
use crate::messages;
use crate::sys::error::Chain;
use crate::sys::number;
use crate::sys::plain::plain_to;
use crate::sys::presentation::{self, Presentation};

/// What is known of the caller beside the environment block.
#[derive(Debug, Default)]
pub(super) struct Caller {
    /// Whether the caller's number may be shown, where that matters.
    presentation: Presentation,
    /// The extension that FreePBX takes the caller for, where that matters; else empty.
    extension: String,
}

impl Caller {
    /// Asks whether the number may be shown, where callers are counted or remembered by it or leave messages, and which extension FreePBX
    /// takes the caller for, where they are remembered or may be from outside.
    pub(super) fn ask<O: Write>(config: &Config, line: &mut Line<O>) -> Self {
        let mut caller = Self::default();
        let is_remembered = config.memory.callers != Callers::None;
        let is_delivered = config.messages.are_delivered();
        if is_remembered || is_delivered || config.limits != Limits::default() {
            // On inbound routes FreePBX sets the channel's own presentation to allowed, also for callers who withhold
            // their number (functions.inc.php of its core).
            caller.presentation = match line.get_variable(presentation::SAVED) {
                Ok(saved) => {
                    let callingpres = line.env().get("callingpres").unwrap_or_default();
                    Presentation::of(saved.as_deref(), callingpres)
                }
                // Without an answer the number counts as withheld.
                Err(cause) => unasked("presentation", &cause),
            };
        }
        let is_told = config.knowledge.disclosure == Audience::Outside;
        if is_remembered || is_told && !caller.signs(line.env()).are_internal() {
            caller.extension = match line.get_variable(FREEPBX_EXTENSION) {
                Ok(extension) => extension.unwrap_or_default(),
                Err(cause) => unasked("extension", &cause),
            };
        }
        caller
    }

    /// The caller, as far as Asterisk tells.
    pub(super) fn signs<'s>(&'s self, env: &'s Env) -> Signs<'s> {
        let get = |name| env.get(name).unwrap_or_default();
        Signs {
            channel: get("channel"),
            number: get("callerid"),
            extension: &self.extension,
            presentation: self.presentation,
        }
    }

    /// The caller as people may see them: of one who withholds their number nothing but that.
    pub(super) fn shown(&self, env: &Env) -> messages::Caller {
        let number = self.number(env).trim();
        if number::is_withheld(number) {
            return messages::Caller {
                withheld: true,
                ..messages::Caller::default()
            };
        }
        let name = env.get("calleridname").unwrap_or_default();
        messages::Caller {
            number: plain_to(number, MAX_SHOWN),
            name: plain_to(if name == UNKNOWN { "" } else { name }, MAX_SHOWN),
            withheld: false,
        }
    }

    /// The number by which the caller is counted; empty where it is withheld.
    pub(super) fn number<'e>(&self, env: &'e Env) -> &'e str {
        match self.presentation {
            Presentation::Shown => env.get("callerid").unwrap_or_default(),
            Presentation::Withheld => "",
        }
    }
}

/// What Asterisk writes where there is no name.
const UNKNOWN: &str = "unknown";
const MAX_SHOWN: usize = 80;

fn unasked<T: Default>(what: &str, cause: &Error) -> T {
    debug!("asking for the {what}: {}", Chain(cause));
    T::default()
}
