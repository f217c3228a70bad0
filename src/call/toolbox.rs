//! What a model may call in a call, and which PINs were typed in it.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::SystemTime;

use super::event::Permit;
use crate::cloud::http::SetupError;
use crate::cloud::llm::functions::{Call, Function};
use crate::config::Config;
use crate::sys::hangup::Hangup;
use crate::sys::sync::lock;
use crate::tools::{Caller, Tools, Verdict};

/// The tools that the caller may have used.
#[derive(Debug)]
pub(super) struct Toolbox {
    tools: Tools,
    caller: Caller,
    pins: Mutex<Pins>,
}

/// The PINs that were typed in this call.
#[derive(Debug, Default)]
struct Pins {
    /// The tools whose PIN was right.
    opened: BTreeSet<String>,
    wrong: u32,
    is_locked: bool,
    /// Whether one was asked for, and none was right since.
    is_due: bool,
}

impl Toolbox {
    /// The tools of the settings for this caller, if there are any.
    ///
    /// # Errors
    /// What is wrong under `[http]`.
    pub(super) fn of(config: &Config, is_internal: bool) -> Result<Option<Self>, SetupError> {
        if config.tools.is_empty() {
            return Ok(None);
        }
        let caller = Caller {
            internal: is_internal,
        };
        let toolbox = Self {
            tools: Tools::new(config)?,
            caller,
            pins: Mutex::default(),
        };
        Ok(Some(toolbox).filter(|toolbox| !toolbox.functions().is_empty()))
    }

    /// What the model may call.
    pub(super) fn functions(&self) -> Vec<Function> {
        self.tools.functions(self.caller)
    }

    /// Makes a call, and returns what the model is told.
    ///
    /// # Errors
    /// What it is told in place of a result.
    pub(super) fn call(&self, call: &Call, cancel: &Hangup) -> Result<String, String> {
        self.tools.ask(self.caller, call, cancel)
    }

    /// Whether a PIN is to be typed before this tool is used.
    pub(super) fn is_locked(&self, name: &str) -> bool {
        self.tools.pin(name).is_some() && !lock(&self.pins).opened.contains(name)
    }

    /// The refusal of a tool with a PIN for which none may be typed any more.
    pub(super) fn refusal(&self) -> Option<Permit> {
        let pins = lock(&self.pins);
        let is_over = pins.is_locked || pins.wrong >= MAX_WRONG;
        is_over.then_some(Permit::Refused(LOCKED))
    }

    /// Whether no model may see these keys, because they may be a PIN. After one was asked for all may.
    pub(super) fn may_be_pin(&self, keys: &str) -> bool {
        lock(&self.pins).is_due || self.tools.may_be_pin(keys)
    }

    /// A PIN is asked for.
    pub(super) fn ask_for_pin(&self) {
        lock(&self.pins).is_due = true;
    }

    /// Compares what the caller with this number has typed.
    pub(super) fn verify(&self, name: &str, typed: &str, caller: &str) -> Permit {
        let verdict =
            (self.tools.pin(name)).map(|pin| pin.verify(typed, caller, SystemTime::now()));
        let mut pins = lock(&self.pins);
        match verdict {
            Some(Verdict::Right) => {
                pins.opened.insert(name.to_owned());
                pins.is_due = false;
                return Permit::Granted;
            }
            Some(Verdict::Wrong) => pins.wrong += 1,
            Some(Verdict::Locked) | None => pins.is_locked = true,
        }
        drop(pins);
        self.refusal().unwrap_or(Permit::Refused(WRONG))
    }
}

/// The number of wrong PINs after which none is taken in a call.
const MAX_WRONG: u32 = 3;

const WRONG: &str = "error: this was not done, because the PIN that the caller typed is wrong";
const LOCKED: &str =
    "error: this was not done, because no PIN of this caller is taken any more after wrong ones";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Arguments, Job as For};

    /// Two tools with a PIN, and their folder.
    fn toolbox(is_internal: bool) -> (testkit::TempDir, Option<Toolbox>) {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name);
        testkit::write_secret(&place("pin"), "4711\n");
        let tool = |name: &str, more: &str| {
            let pin = place("pin");
            format!(
                "[tool.{name}]\ndescription = 'x'\nurl = 'https://tool.example/x'\npin_file = {pin:?}\n{more}\n"
            )
        };
        let text = format!(
            "[state]\nfolder = {:?}\n{}{}",
            place("state"),
            tool("one", "callers = 'internal'"),
            tool("two", "callers = 'internal'")
        );
        testkit::write_secret(&place("config.toml"), &text);
        let file = Arguments::of_file(Some(place("config.toml")));
        let config = Config::load(For::Calls, &file, &|_| None).expect("right settings");
        let toolbox = Toolbox::of(&config, is_internal).expect("it can be made");
        (folder, toolbox)
    }

    #[test]
    fn a_tool_is_open_for_the_call_once_its_pin_was_right() {
        let (_folder, toolbox) = toolbox(true);
        let toolbox = toolbox.expect("there are tools");
        assert!(toolbox.is_locked("one") && toolbox.is_locked("two"));
        assert!(
            !toolbox.is_locked("unknown"),
            "the model is told that there is none"
        );
        assert_eq!(toolbox.verify("one", "4711", "1001"), Permit::Granted);
        assert!(!toolbox.is_locked("one") && toolbox.is_locked("two"));
    }

    #[test]
    fn keys_that_may_be_a_pin_are_known_by_their_number_and_by_when_they_are_typed() {
        let (_folder, toolbox) = toolbox(true);
        let toolbox = toolbox.expect("there are tools");
        let may_be = |toolbox: &Toolbox| {
            ["1", "123", "1234", "4711", "12345"].map(|keys| toolbox.may_be_pin(keys))
        };
        let of_four = [false, false, true, true, false];
        assert_eq!(may_be(&toolbox), of_four);
        toolbox.ask_for_pin();
        assert_eq!(may_be(&toolbox), [true; 5]);
        toolbox.verify("one", "1", "1001");
        assert_eq!(may_be(&toolbox), [true; 5]);
        toolbox.verify("one", "4711", "1001");
        assert_eq!(may_be(&toolbox), of_four);
    }

    #[test]
    fn three_wrong_pins_lock_all_tools_for_the_call() {
        let (_folder, toolbox) = toolbox(true);
        let toolbox = toolbox.expect("there are tools");
        let tries = ["one", "two", "one"].map(|name| toolbox.verify(name, "1", "1001"));
        let refused = Permit::Refused;
        assert_eq!(tries, [refused(WRONG), refused(WRONG), refused(LOCKED)]);
        assert_eq!(toolbox.refusal(), Some(refused(LOCKED)));
    }

    #[test]
    fn strangers_have_no_toolbox_where_all_tools_are_internal() {
        assert!(toolbox(false).1.is_none());
    }
}
