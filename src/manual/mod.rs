//! The manual: topics in Markdown, and files that can be copied. The program carries them, and
//! [`help`](crate::cmd::help) prints them.
//!
//! A new topic is a file in this folder and a row of [`TOPICS`]. Topics hold no links, since a terminal follows none:
//! they name each other as `phone-assistant help TOPIC`.

mod layout;

use std::sync::LazyLock;

use crate::sys::packed::{self, packed};

pub use layout::{laid_out, wrapped};

/// A page of the manual.
#[derive(Debug)]
pub struct Topic {
    /// The word behind `help`.
    pub name: &'static str,
    /// What it is about, as the list of topics says it.
    pub summary: &'static str,
    /// The page, in Markdown.
    pub text: LazyLock<String>,
}

/// A file that can be copied as it stands.
#[derive(Debug)]
pub struct Example {
    /// The word behind `help`, and the file's name.
    pub name: &'static str,
    /// What it is for, as the list of topics says it.
    pub summary: &'static str,
    /// What is in it.
    pub text: LazyLock<String>,
}

macro_rules! topic {
    ($name:literal, $summary:literal) => {
        Topic {
            name: $name,
            summary: $summary,
            text: LazyLock::new(|| packed::text(packed!(concat!($name, ".md")))),
        }
    };
}

macro_rules! example {
    ($name:literal, $summary:literal) => {
        Example {
            name: $name,
            summary: $summary,
            text: LazyLock::new(|| packed::text(packed!($name))),
        }
    };
}

/// All topics, in the order of the list.
pub static TOPICS: [Topic; 24] = [
    topic!(
        "call",
        "what happens in a call, and what the dialplan is told"
    ),
    topic!("conversation", "extension 8009: a dialogue"),
    topic!("personas", "a persona for each number"),
    topic!("knowledge", "the date, the house, and when it is open"),
    topic!(
        "memory",
        "a caller's next call goes on where the last one ended"
    ),
    topic!(
        "messages",
        "what callers leave for people, by mail and webhook"
    ),
    topic!("tools", "what the model may look up and do, over HTTP"),
    topic!("settings", "every setting, with its values and default"),
    topic!("commands", "the commands, and their exit codes"),
    topic!("doctor", "phone-assistant check: finds what is wrong"),
    topic!("troubleshooting", "symptoms, causes and remedies"),
    topic!("log", "what is logged, and the log of calls"),
    topic!("time", "where the time of a call goes"),
    topic!("cost", "what a call costs"),
    topic!("limits", "limits of calls and cost, and of the program"),
    topic!("privacy", "what leaves the machine, and what stays"),
    topic!("providers", "the services that can do the work"),
    topic!("fallback", "when a service fails"),
    topic!("local", "servers of your own, and no cloud"),
    topic!("scaling", "many calls, and several Asterisks"),
    topic!("machines", "limits that several machines share"),
    topic!("fastagi", "calls over the network, through systemd"),
    topic!("by-hand", "a call without Asterisk, at a terminal"),
    topic!("changes", "what is new in each version"),
];

/// All files to copy.
pub static EXAMPLES: [Example; 6] = [
    example!("personas.toml", "settings for two personas"),
    example!("personas.conf", "their two extensions"),
    example!("openai.toml", "settings for an OpenAI key alone"),
    example!("local.toml", "settings for servers of your own"),
    example!(
        "phone-assistant.socket",
        "FastAGI's socket unit for systemd"
    ),
    example!(
        "phone-assistant@.service",
        "FastAGI's service unit for systemd"
    ),
];
