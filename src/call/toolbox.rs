//! What a model may call in a call, what it has called, and which PINs were typed.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::SystemTime;

use super::done::Done;
use super::event::Permit;
use crate::cloud::http::SetupError;
use crate::cloud::llm::functions::{Call, Function};
use crate::config::Config;
use crate::sys::hangup::Hangup;
use crate::sys::sync::lock;
use crate::tools::{CallerKind, Fault, Tools, Verdict};

/// The tools that the caller may have used.
#[derive(Debug)]
pub(super) struct Toolbox {
    tools: Tools,
    caller: CallerKind,
    pins: Mutex<Pins>,
    done: Mutex<Done>,
}

/// The PINs that were typed in this call.
#[derive(Debug, Default)]
struct Pins {
    /// The tools whose PIN was right.
    opened: BTreeSet<String>,
    wrong: u32,
    is_locked: bool,
    /// The tools whose PIN was asked for and may still be typed.
    due: BTreeSet<String>,
    /// Whether a PIN was tried before one was asked for.
    has_tried_unasked: bool,
}

impl Pins {
    /// Whether none is taken any more.
    fn is_over(&self) -> bool {
        self.is_locked || self.wrong >= MAX_WRONG
    }
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
        let caller = if is_internal {
            CallerKind::Internal
        } else {
            CallerKind::Outside
        };
        let toolbox = Self {
            tools: Tools::new(config)?,
            caller,
            pins: Mutex::default(),
            done: Mutex::default(),
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
    /// The fault, as the model is told of it.
    pub(super) fn call(&self, call: &Call, cancel: &Hangup) -> Result<String, Fault> {
        let ask = || {
            let result = self.tools.ask(self.caller, call, cancel);
            result.map_err(|fault| Fault {
                told: format!("error: {}", fault.told),
                ..fault
            })
        };
        if !self.tools.may_change(&call.name) {
            return ask();
        }
        let key = call.key();
        lock(&self.done).begin(&key)?;
        let result = ask();
        let mut done = lock(&self.done);
        match &result {
            Ok(told) => done.end(&key, told),
            Err(fault) if fault.was_sent => done.end(&key, &fault.told),
            Err(_) => done.take_back(&key),
        }
        result
    }

    /// What was done in this call, as a model is told that answers next.
    pub(super) fn done(&self) -> String {
        lock(&self.done).told()
    }

    /// The caller has heard an answer, to its end where it `is_whole`.
    pub(super) fn was_heard(&self, is_whole: bool) {
        lock(&self.done).was_heard(is_whole);
    }

    /// Whether a PIN is to be typed before this tool is used.
    pub(super) fn is_locked(&self, name: &str) -> bool {
        self.tools.pin(name).is_some() && !lock(&self.pins).opened.contains(name)
    }

    /// The refusal of a tool with a PIN for which none may be typed any more.
    pub(super) fn refusal(&self) -> Option<Permit> {
        let is_over = lock(&self.pins).is_over();
        is_over.then_some(Permit::Refused(LOCKED))
    }

    /// Whether any keys may be a PIN, because one was asked for.
    pub(super) fn is_pin_due(&self) -> bool {
        !lock(&self.pins).due.is_empty()
    }

    /// The PIN of a tool is asked for.
    pub(super) fn ask_for_pin(&self, name: &str) {
        lock(&self.pins).due.insert(name.to_owned());
    }

    /// Opens a tool if one of these is its PIN, which were typed before any was asked for. They may be another number, so
    /// only one is tried in a call, and it is none of the tries of the call. It is one of the day: else a caller who calls
    /// again and again would have any number of them.
    pub(super) fn try_unasked(&self, name: &str, typed: &[String], caller: &str) {
        let Some(pin) = self.tools.pin(name).filter(|_| self.is_locked(name)) else {
            return;
        };
        let Some(keys) = typed.iter().find(|keys| pin.is_as_long_as(keys)) else {
            return;
        };
        if self.refusal().is_none() && !lock(&self.pins).has_tried_unasked {
            lock(&self.pins).has_tried_unasked = true;
            self.take_in(name, pin.verify(keys, caller, SystemTime::now()), 0);
        }
    }

    /// Compares what the caller with this number has typed.
    pub(super) fn verify(&self, name: &str, typed: &str, caller: &str) -> Permit {
        let pin = self.tools.pin(name);
        let verdict = pin.map(|pin| pin.verify(typed, caller, SystemTime::now()));
        self.take_in(name, verdict.unwrap_or(Verdict::Locked), 1)
    }

    /// Notes what became of a PIN, which counts as so many `tries` where it is wrong.
    fn take_in(&self, name: &str, verdict: Verdict, tries: u32) -> Permit {
        let mut pins = lock(&self.pins);
        match verdict {
            Verdict::Right => {
                pins.opened.insert(name.to_owned());
                pins.due.remove(name);
                return Permit::Granted;
            }
            Verdict::Wrong => pins.wrong += tries,
            Verdict::Locked => pins.is_locked = true,
        }
        if pins.is_over() {
            pins.due.clear();
            return Permit::Refused(LOCKED);
        }
        Permit::Refused(WRONG)
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
    use crate::config::{Arguments, Needs};

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
            tool(
                "two",
                "callers = 'internal'\n[tool.away]\ndescription = 'x'\nurl = 'http://127.0.0.1:1/x'\nmethod = 'POST'"
            )
        );
        testkit::write_secret(&place("config.toml"), &text);
        let file = Arguments::of_file(Some(place("config.toml")));
        let config = Config::load(Needs::Nothing, &file, &|_| None).expect("right settings");
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
    fn what_was_not_sent_is_not_done() {
        let (_folder, toolbox) = toolbox(true);
        let toolbox = toolbox.expect("there are tools");
        let call = |arguments| {
            let call = Call {
                id: String::new(),
                name: "away".to_owned(),
                arguments: Ok(arguments),
            };
            let result = toolbox.call(&call, &Hangup::default());
            result.expect_err("there is no server").told
        };
        for _ in 0..2 {
            let told = call(serde_json::json!({}));
            assert_eq!(told, "error: the server cannot be reached");
            let told = call(serde_json::json!({"a": 1}));
            assert!(told.starts_with("error: there is no argument a"), "{told}");
            assert_eq!(toolbox.done(), "");
        }
    }

    #[test]
    fn any_keys_may_be_a_pin_until_each_that_was_asked_for_is_right_or_none_is_taken() {
        let (_folder, toolbox) = toolbox(true);
        let toolbox = toolbox.expect("there are tools");
        assert!(!toolbox.is_pin_due());
        toolbox.ask_for_pin("one");
        toolbox.ask_for_pin("two");
        toolbox.verify("one", "1", "1001");
        toolbox.verify("one", "4711", "1001");
        assert!(toolbox.is_pin_due(), "that of the other tool");
        toolbox.verify("two", "1", "1001");
        assert!(toolbox.is_pin_due());
        toolbox.verify("two", "1", "1001");
        assert!(!toolbox.is_pin_due(), "none is taken any more");
    }

    #[test]
    fn one_number_as_long_as_the_pin_is_tried_unasked_and_is_no_try_of_the_call() {
        let (_folder, toolbox) = toolbox(true);
        let toolbox = toolbox.expect("there are tools");
        let tries = |typed: &[&str]| {
            let typed: Vec<_> = typed.iter().map(|keys| (*keys).to_owned()).collect();
            toolbox.try_unasked("one", &typed, "1001");
            (toolbox.is_locked("one"), lock(&toolbox.pins).wrong)
        };
        assert_eq!(tries(&["47110", "471"]), (true, 0));
        assert!(!lock(&toolbox.pins).has_tried_unasked);
        assert_eq!(tries(&["12", "1234"]), (true, 0));
        assert_eq!(tries(&["4711"]), (true, 0), "a second one");
        lock(&toolbox.pins).has_tried_unasked = false;
        assert_eq!(tries(&["4711"]), (false, 0));
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
