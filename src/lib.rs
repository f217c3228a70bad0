//! phone-assistant: a voice that answers on an extension of Asterisk.
//!
//! Asterisk starts the binary as a classic AGI script. One call runs from top to bottom:
//!
//! ```text
//! stdin  agi_* lines      -> agi::Env
//! arguments, file, environment -> config::Config
//! recording               -> audio::Pcm   -> where is the speech? none: NOSPEECH
//! speech   --stt-->  question --llm-->  sentence, sentence, … --tts-->  telephone audio  -> Asterisk
//! SET VARIABLE ASSISTANT_STATUS, _FILE, _QUESTION, _ANSWER, _ERROR
//! ```
//!
//! Two principles hold everywhere:
//!
//! - *The user that Asterisk runs as is a stranger to root.* It owns `/etc/asterisk`, the folder around `agi-bin`,
//!   `/var/lib/phone-assistant` and `/var/log/asterisk`, and FreePBX's web server runs as it. Root runs nothing that
//!   this user can write, nor Asterisk itself, which obeys its files; it makes, renames or changes nothing by a path
//!   through its folders or one that this user has named, and reads there only what this user may read. What this user
//!   writes is believed about this user alone.
//! - *Callers are strangers to us.* Callers choose their number and name, bytes and all, and a client that reaches the
//!   port of FastAGI chooses the arguments: none of that leads elsewhere, spends more, or is taken for Asterisk's word,
//!   and no caller is remembered by what such a client says.
//!
//! From the question on all of it overlaps: while the first sentence is heard, the next is being spoken
//! and the one after that is being written. Threads do the work and one loop hears them and Asterisk.
//!
//! | module | what it knows |
//! |---|---|
//! | [`cli`] | the command line: a call for Asterisk, or a command for people |
//! | `call` | one call from start to end; the only module that knows the order |
//! | [`cmd`] | the commands for people |
//! | [`manual`] | the reference that the program carries: topics in Markdown, and files to copy |
//! | `voice` | from a text to telephone audio that is paid for, each voice as loud as the others, and phrases that are spoken once and kept |
//! | `services` | which providers the settings name, for each stage in order |
//! | `knowledge` | what the model is told: persona, facts, opening hours, the clock, memory and actions, in one prompt |
//! | `memory` | what was said with a caller, for the next call |
//! | `messages` | what callers leave for people: kept, and delivered by mail and webhook |
//! | `tools` | what the model may ask for: HTTP requests that the settings describe |
//! | [`spending`] | what calls cost, and how much they may |
//! | [`timeline`] | where the time of a call goes, and the log of calls |
//! | [`agi`] | Asterisk's protocol: environment, commands, replies, session |
//! | [`audio`] | samples: WAV, where the speech is, resampling, loudness, G.711, files for Asterisk |
//! | [`cloud`] | the services, one file per provider; [`cloud::http`] is the only way out |
//! | [`text`] | words: markdown to speech, sentences, limits |
//! | [`config`] | the settings, every key with its values and default, and what is known of models: prices, last days |
//! | [`sys`] | what all of them share: files and whose they are, hang-up, clock, money, errors, what is no secret |
//! | `packaging` | a program of its own, which makes the man pages, completions and notices of a package |
//!
//! Modules depend downwards only: `cli` on `call` and the commands, these on what is between, neighbours such as
//! `agi`, `audio`, `cloud` and `text` not on each other, and all of them on `config` and `sys`. A test holds it.
//! Each outside crate that is more than a convenience stays in one file: `ureq` in [`cloud::http`],
//! `jsonwebtoken` in `cloud::google_auth`, `rubato` in [`audio::resample`], `hound` in
//! [`audio::wav`], `symphonia` and `opus-pure` in [`audio::decode`], `clap` in [`cli`], `opening-hours` in
//! `knowledge::hours`, `tz-rs` in `knowledge::clock`.
//! `audio`, the network `silero` that it asks, the transform `fourier` of both and `secrets`, the search for keys in what
//! may be read, are packages of their own: they compute, and are optimised more than the rest.

pub use audio;

pub mod agi;
pub mod call;
pub mod cli;
pub mod cloud;
pub mod cmd;
pub mod config;
mod knowledge;
pub mod manual;
mod memory;
mod messages;
mod services;
pub mod spending;
pub mod sys;
pub mod text;
pub mod timeline;
mod tools;
mod voice;
