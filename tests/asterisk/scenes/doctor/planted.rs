//! A fault that is planted, and what several of them are planted with.

use serde_json::Value;
use testkit::Settings;

use crate::machine::Machine;

/// What is wrong, how it comes to be so, how it is fixed, and what the doctor says: the status, and words of the finding and its remedy.
pub(super) struct Planted {
    pub(super) what: &'static str,
    pub(super) plant: fn(&Machine),
    pub(super) repair: fn(&Machine),
    pub(super) status: &'static str,
    pub(super) words: &'static [&'static str],
}

/// The settings with a second provider in every stage.
pub(super) fn settings(machine: &Machine) -> Settings {
    machine
        .settings()
        .without("tts.fallback")
        .set("stt.fallback", serde_json::json!(["openai"]))
        .set("llm.fallback", serde_json::json!(["openai"]))
        .set("llm.openai.model", "gpt-6-luna")
        .set("llm.openai.token_limit", "max_completion_tokens")
}

pub(super) fn configure(machine: &Machine, key: &str, value: impl Into<Value>) {
    machine.configure(&settings(machine).set(key, value));
}

pub(super) fn usual(machine: &Machine) {
    machine.configure(&settings(machine));
}

pub(super) fn shell(machine: &Machine, script: &str) {
    machine.root().shell(script);
}
