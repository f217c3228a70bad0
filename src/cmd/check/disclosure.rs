//! The AI disclosure, as `check` looks at it: whether it can be said, and in which language. It is spoken here ahead of
//! its first caller.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::finding::Report;
use super::hosts::Unreached;
use super::personas::of_personas;
use super::sounds;
use crate::audio::telephone::Encoding;
use crate::cloud::budget::Budget;
use crate::config::keys::setting;
use crate::config::{Arguments, Audience, Config, Environment, Limits, Needs, Sentence};
use crate::knowledge::language::Language;
use crate::services;
use crate::spending::bill::{Bill, Billing};
use crate::sys::deadline::Deadline;
use crate::sys::error::{At, Failure, Stage};
use crate::sys::hangup::Hangup;
use crate::sys::language::is_same;
use crate::sys::plain::quoted;
use crate::sys::state::State;
use crate::voice::{KeptPhrases, Loudness, Speaker};

/// Looks at what callers without a persona are told, and at what personas tell instead. A phrase that is missing is
/// spoken until the deadline of `to_speak`, if there is one, but not where no voice's host was reached.
pub(super) fn examine(
    config: &Config,
    arguments: &Arguments,
    environment: Environment<'_>,
    to_speak: Option<(Deadline, &Unreached)>,
    report: &mut Report<'_>,
) {
    let who = match config.knowledge.disclosure {
        // The dialplan says whether that is a fault.
        Audience::None => return,
        Audience::Outside => "callers who are not known as phones of this Asterisk",
        Audience::All => "all callers",
    };
    let personas = of_personas(config, Needs::Stages, arguments, environment);
    let first = &config.stt.language;
    let mut known = BTreeSet::new();
    for (of, config) in [(String::new(), config.clone())]
        .into_iter()
        .chain(personas)
    {
        let text = &config.knowledge.disclosure_text;
        if known.insert(format!(
            "{text:?} {:?} {}",
            config.tts,
            all_languages(&config)
        )) {
            examine_text(&config, &format!("{of}{who}"), to_speak, report);
        }
        // Asterisk itself has a sound for each language.
        if let Sentence::Spoken(text) = text
            && !is_same(first, &config.stt.language)
            && !is_of_persona(&config)
        {
            let text = format!(
                "{of}{who} speak {} and are told {}, which was written for {first}",
                all_languages(&config),
                quoted(text)
            );
            report.warn(ID, &text, "write disclosure_text into that persona's table, the same where these callers understand it");
        }
    }
}

/// Whether the words are a persona's own, and not those of all calls.
fn is_of_persona(config: &Config) -> bool {
    let text = config.set(setting!("knowledge.disclosure_text"));
    text.is_some_and(|shown| shown.source.starts_with("persona "))
}

fn all_languages(config: &Config) -> String {
    config.stt.languages().collect::<Vec<_>>().join(", ")
}

fn examine_text(
    config: &Config,
    who: &str,
    to_speak: Option<(Deadline, &Unreached)>,
    report: &mut Report<'_>,
) {
    let own = Language::of(&config.stt.language);
    match &config.knowledge.disclosure_text {
        Sentence::Nothing => {
            if examine_words(config, own.disclosure, who, to_speak, report) {
                examine_languages(config, own, who, report);
            }
        }
        Sentence::Sound(name) => match sounds::missing(name) {
            None => report.ok(ID, &format!("{who} hear the sound {name} first")),
            Some(missing) => report.warn(
                ID,
                &format!(
                    "{missing}, so {who} are told at the beginning of the first answer: {}",
                    own.disclosure
                ),
                &format!(
                    "{}; or write words into disclosure_text under [knowledge]",
                    sounds::remedy(name)
                ),
            ),
        },
        Sentence::Spoken(text) => {
            examine_words(config, text, who, to_speak, report);
        }
    }
}

/// Warns where the sentence of the program is in one language and callers speak others.
fn examine_languages(config: &Config, own: &Language, who: &str, report: &mut Report<'_>) {
    if config
        .stt
        .languages()
        .all(|language| own.is_spoken_in(language))
    {
        return;
    }
    report.warn(
        ID,
        &format!(
            "{who} speak {} and are told only {}",
            all_languages(config),
            quoted(own.disclosure)
        ),
        "write disclosure_text under [knowledge] so that all of them understand it",
    );
}

/// Has the words spoken. Returns whether nothing is to be warned of.
fn examine_words(
    config: &Config,
    text: &str,
    who: &str,
    to_speak: Option<(Deadline, &Unreached)>,
    report: &mut Report<'_>,
) -> bool {
    let unreached = to_speak.and_then(|(_, hosts)| hosts.of_all_voices(config));
    let deadline = to_speak.map(|(deadline, _)| deadline);
    let deadline = deadline.filter(|_| unreached.is_none());
    let is_kept = match keep(config, text, deadline) {
        Ok(is_kept) => is_kept,
        Err(failure) => {
            report.warn(
                ID,
                &format!("no voice has spoken what {who} are told, so the first answer begins with it: {failure}"),
                "fix the voice, or give a sound: disclosure_text = \"sound:NAME\" under [knowledge]",
            );
            return false;
        }
    };
    if let Some(host) = unreached.filter(|_| !is_kept) {
        let why = format!("{host} was not reached, so no voice has spoken what {who} are told");
        report.not_tried(ID, &why, "see what is said of that host");
        return false;
    }
    let state = if is_kept {
        "spoken and kept"
    } else {
        "still to be spoken, by the next check with a network"
    };
    report.ok(
        ID,
        &format!("{who} are told {} first; it is {state}", quoted(text)),
    );
    true
}

/// Keeps the phrase in each encoding that callers' phones may want; a voice is asked once, until `deadline`, if there
/// is one. Returns whether all are there.
fn keep(config: &Config, text: &str, deadline: Option<Deadline>) -> Result<bool, Failure> {
    let bill = Arc::<Bill>::default();
    let hangup = Hangup::default();
    let voices = Arc::new(services::voices(config, &hangup).at(Stage::Tts)?);
    let phrases = |encoding| KeptPhrases {
        folder: config.conversation.sounds.clone(),
        voices: voices.clone(),
        settings: config.tts.clone(),
        speaker: Speaker {
            billing: Billing::new(bill.clone()),
            encoding,
            loudness: Loudness::new(&config.tts, &config.state_folder),
            is_streamed: false,
            hangup: hangup.clone(),
            language: None,
        },
    };
    let (first, narrow): (_, &[Encoding]) = match config.reply_format.parse() {
        Ok(encoding) => (encoding, &[]),
        Err(_) => (Encoding::Sln16, &[Encoding::Ulaw, Encoding::Alaw]),
    };
    let first = phrases(first);
    let narrow: Vec<_> = narrow.iter().copied().map(phrases).collect();
    let place = match (
        first.find(text),
        deadline.filter(|deadline| !deadline.left().is_zero()),
    ) {
        (Some(place), _) => place,
        (None, None) => return Ok(false),
        (None, Some(deadline)) => speak(config, &first, text, deadline, &bill)?,
    };
    for phrases in narrow.iter().filter(|phrases| !phrases.has(&place)) {
        phrases.encode_again(&place)?;
    }
    Ok(true)
}

/// Has the phrase spoken. What it costs counts for the day, and is no call.
fn speak(
    config: &Config,
    phrases: &KeptPhrases,
    text: &str,
    deadline: Deadline,
    bill: &Bill,
) -> Result<PathBuf, Failure> {
    let limits = Limits {
        calls_per_hour: None,
        ..config.limits
    };
    let state = State::new(&config.state_folder);
    let admitted = limits.admit(&state, "", phrases.max_cost(text), SystemTime::now);
    let admission = admitted.at(Stage::Limit)?;
    let deadline = deadline.within(config.tts.timeout);
    let made = phrases.make(text, Budget::new(deadline, config.idle_timeout));
    if let Some(admission) = admission {
        admission.settle(bill.total());
    }
    made
}

const ID: &str = "disclosure";
