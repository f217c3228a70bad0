//! The AI disclosure: the sentence that tells callers that they talk with an automatic assistant, once in a call and before
//! anything else is said.
//!
//! An AI system that people talk with is to say so: Regulation (EU) 2024/1689, article 50(1) and (5), which applies from
//! 2026-08-02. The words are a phrase that is kept, or a sound. What cannot be played is not lost: the first answer begins
//! with it.

use std::io::Write;

use log::debug;

use super::line::Line;
use crate::agi::Command;
use crate::config::{Audience, Config, Sentence};
use crate::knowledge::language::Language;
use crate::sys::error::Chain;

/// The disclosure that a call still owes its caller.
#[derive(Debug, Default)]
pub(super) struct Disclosure {
    due: Option<Sentence>,
    /// The words that stand for a sound which cannot be played.
    in_words: &'static str,
    /// Whether something stopped it before it told enough, so that it is said again before the next phrase is.
    pub(super) is_cut_off: bool,
    /// Why it was not told before anything else was said.
    pub(super) fault: Option<String>,
}

impl Disclosure {
    /// Decides what is due. `is_internal` tells whether the caller is known as a phone of this Asterisk.
    pub(super) fn of<O: Write>(config: &Config, is_internal: bool, line: &mut Line<O>) -> Self {
        let settings = &config.knowledge;
        let is_meant = match settings.disclosure {
            Audience::None => false,
            Audience::Outside => !is_internal,
            Audience::All => true,
        };
        let is_due = is_meant && !was_told(line);
        let in_words = Language::of(&config.stt.language).disclosure;
        Self {
            due: is_due.then(|| settings.disclosure_text.clone().or(in_words)),
            in_words,
            ..Self::default()
        }
    }

    pub(super) fn due(&self) -> Option<Sentence> {
        self.due.clone()
    }

    /// Whether a sound is due, which no answer can begin with.
    pub(super) fn is_sound(&self) -> bool {
        matches!(self.due, Some(Sentence::Sound(_)))
    }

    /// The words that the next answer begins with; empty where nothing is due.
    pub(super) fn opening(&self) -> String {
        let words = match &self.due {
            None | Some(Sentence::Nothing) => return String::new(),
            Some(Sentence::Spoken(words)) => words,
            Some(Sentence::Sound(_)) => self.in_words,
        };
        let is_open = words.ends_with(char::is_alphanumeric);
        format!("{words}{}", if is_open { "." } else { "" })
    }

    /// Notes how much was heard of an answer that began with these words; `is_whole` means that the dialplan plays all
    /// of it.
    pub(super) fn answered<O: Write>(
        &mut self,
        line: &mut Line<O>,
        opening: &str,
        heard: &str,
        is_whole: bool,
    ) {
        let was_heard = is_whole || heard.starts_with(opening);
        if self.due.is_some() && was_heard {
            self.told(line);
        }
    }

    /// Notes for later programs of the same call that the caller was told.
    pub(super) fn told<O: Write>(&mut self, line: &mut Line<O>) {
        if line.is_hung_up() {
            return;
        }
        self.due = None;
        line.try_asking(Command::SetVariable {
            name: TOLD,
            value: "1",
            is_words: false,
        });
    }
}

/// What was heard of an answer without the words that it began with.
pub(super) fn without(opening: &str, heard: String) -> String {
    match heard.strip_prefix(opening) {
        Some(rest) => rest.trim_start().to_owned(),
        None if opening.starts_with(&heard) => String::new(),
        None => heard,
    }
}

fn was_told<O: Write>(line: &mut Line<O>) -> bool {
    // Where Asterisk does not answer, the disclosure counts as due: article 50 is broken by a caller who is not
    // informed, and not by one who is informed twice.
    let told = line.get_variable(TOLD);
    let told = told.inspect_err(|cause| debug!("asking for {TOLD}: {}", Chain(cause)));
    told.ok().flatten().is_some_and(|told| !told.is_empty())
}

/// The channel variable that is set once the caller was told.
const TOLD: &str = "ASSISTANT_DISCLOSED";

#[cfg(test)]
mod tests {
    use super::*;

    fn due(sentence: Sentence) -> Disclosure {
        Disclosure {
            due: Some(sentence),
            in_words: "I am one.",
            ..Disclosure::default()
        }
    }

    #[test]
    fn an_answer_begins_with_what_is_due_as_a_sentence_of_its_own() {
        let spoken = |words: &str| Sentence::Spoken(words.to_owned());
        let table = [
            (spoken("I am a machine."), "I am a machine."),
            (spoken("I am a machine"), "I am a machine."),
            (spoken("Ich bin eine Maschine!"), "Ich bin eine Maschine!"),
            (spoken("自動音声です。"), "自動音声です。"),
            (Sentence::Sound("custom/x".to_owned()), "I am one."),
            (Sentence::Nothing, ""),
        ];
        for (sentence, opening) in table {
            assert_eq!(due(sentence).opening(), opening);
        }
        assert_eq!(Disclosure::default().opening(), "");
    }

    #[test]
    fn what_is_remembered_of_an_answer_is_without_what_it_began_with() {
        let table = [
            ("I am a machine. It is far.", "It is far."),
            ("I am a machine.", ""),
            ("I am", ""),
            ("", ""),
            ("It is far.", "It is far."),
        ];
        for (heard, rest) in table {
            assert_eq!(
                without("I am a machine.", heard.to_owned()),
                rest,
                "{heard}"
            );
            assert_eq!(without("", heard.to_owned()), heard);
        }
    }
}
