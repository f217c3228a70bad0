//! What callers are told of what they talk with: whether it can be said. A phrase is spoken ahead of its first caller.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::finding::Report;
use super::sounds;
use crate::audio::telephone::Encoding;
use crate::cloud::budget::Budget;
use crate::config::{Arguments, Config, DISCLOSURE_TEXT, Disclosure, Environment, Job, Sentence};
use crate::services;
use crate::spending::bill::Billing;
use crate::sys::deadline::Deadline;
use crate::sys::error::{At, Failure, Stage};
use crate::sys::hangup::Hangup;
use crate::sys::plain::quoted;
use crate::voice::{KeptPhrases, Loudness, Speaker};

/// Looks at what callers without a persona are told, and at what personas tell instead. A phrase that is missing is spoken
/// until `deadline`, if there is one.
pub(super) fn examine(
    config: &Config,
    arguments: &Arguments,
    environment: Environment<'_>,
    deadline: Option<Deadline>,
    report: &mut Report<'_>,
) {
    let who = match config.knowledge.disclosure {
        // The dialplan says whether that is a fault.
        Disclosure::None => return,
        Disclosure::Outside => "callers who have not signed in",
        Disclosure::All => "all callers",
    };
    let of_persona = |name: &String| {
        let arguments = arguments.clone().with_persona(Some(name.clone()));
        // What else is wrong with it is told among the settings.
        let config = Config::load(Job::Check, &arguments, environment).ok()?;
        Some((format!("persona {name}: "), config))
    };
    let personas = config.personas.iter().filter_map(of_persona);
    let mut known = BTreeSet::new();
    for (of, config) in [(String::new(), config.clone())]
        .into_iter()
        .chain(personas)
    {
        let text = &config.knowledge.disclosure_text;
        if known.insert(format!("{text:?} {:?} {}", config.tts, config.stt.language)) {
            examine_text(&config, &format!("{of}{who}"), deadline, report);
        }
    }
}

fn examine_text(config: &Config, who: &str, deadline: Option<Deadline>, report: &mut Report<'_>) {
    match &config.knowledge.disclosure_text {
        Sentence::Nothing => report.warn(
            ID,
            &format!("{who} are not told that they talk with an automatic assistant, as disclosure_text is empty"),
            "write into disclosure_text under [knowledge] what they are told, or leave it out",
        ),
        Sentence::Sound(name) if sounds::is_there(&sounds::folder(), name) => {
            report.ok(ID, &format!("{who} hear the sound {name} first"));
        }
        Sentence::Sound(name) => report.warn(
            ID,
            &format!("Asterisk has no sound {name}, so {who} are told in English at the beginning of the first answer"),
            "make it with phone-assistant convert or say, or write words into disclosure_text under [knowledge]",
        ),
        Sentence::Spoken(text) => examine_words(config, text, who, deadline, report),
    }
}

fn examine_words(
    config: &Config,
    text: &str,
    who: &str,
    deadline: Option<Deadline>,
    report: &mut Report<'_>,
) {
    let language = &config.stt.language;
    match keep(config, text, deadline) {
        Err(failure) => report.warn(
            ID,
            &format!("no voice has spoken what {who} are told, so the first answer begins with it: {failure}"),
            "fix the voice, or give a sound: disclosure_text = \"sound:NAME\" under [knowledge]",
        ),
        Ok(_) if text == DISCLOSURE_TEXT && !language.starts_with("en") => report.warn(
            ID,
            &format!("{who} are told in English, and language is {language}"),
            "write disclosure_text under [knowledge] in their language",
        ),
        Ok(Kept::All) => report.ok(ID, &format!("{who} are told {} first; it is spoken and kept", quoted(text))),
        Ok(Kept::Some) => report.ok(
            ID,
            &format!("{who} are told {} first; it is still to be spoken, by the next check with a network", quoted(text)),
        ),
    }
}

/// Whether a phrase is there in each format that callers' phones may want.
enum Kept {
    All,
    Some,
}

/// Has the phrase spoken in the formats that are missing, where there is a deadline.
fn keep(config: &Config, text: &str, deadline: Option<Deadline>) -> Result<Kept, Failure> {
    let hangup = Hangup::default();
    let voices = Arc::new(services::voices(config, &hangup).at(Stage::Tts)?);
    let formats = match config.reply_format.parse() {
        Ok(encoding) => vec![encoding],
        Err(_) => vec![Encoding::Ulaw, Encoding::Alaw, Encoding::Sln16],
    };
    for encoding in formats {
        let phrases = KeptPhrases {
            folder: config.conversation.sounds.clone(),
            voices: voices.clone(),
            settings: config.tts.clone(),
            speaker: Speaker {
                billing: Billing::default(),
                encoding,
                loudness: Loudness::new(&config.tts, &config.state_folder),
                is_streamed: false,
                hangup: hangup.clone(),
                language: None,
            },
        };
        if phrases.find(text).is_some() {
            continue;
        }
        let Some(deadline) = deadline else {
            return Ok(Kept::Some);
        };
        let deadline = deadline.within(config.tts.timeout);
        phrases.make(text, Budget::new(deadline, config.idle_timeout))?;
    }
    Ok(Kept::All)
}

const ID: &str = "disclosure";
