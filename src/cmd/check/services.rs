//! The services: whether they know the models, and do their work. One round trip each, with real audio: a sentence is
//! spoken and transcribed back, and the model says one word.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::time::{Duration, Instant, SystemTime};

use super::finding::Report;
use super::hosts::Unreached;
use super::machine::is_asked;
use crate::audio::telephone::Encoding;
use crate::audio::{Pcm, speech, wav};
use crate::cloud::budget::Budget;
use crate::cloud::fallback::Candidate;
use crate::cloud::llm::{Asked, Model, Question};
use crate::cloud::stt::{Recognizer, Recording};
use crate::cloud::tts::Voice;
use crate::cloud::{self, Listed};
use crate::config::{Config, Endpoint, Secret, catalogue};
use crate::services::{self, Maker, SetupError, WARNED_DAYS};
use crate::spending::bill::Billing;
use crate::sys::date;
use crate::sys::deadline::Deadline;
use crate::sys::error::{Chain, Stage};
use crate::sys::hangup::Hangup;
use crate::sys::plain::{counted, quoted};
use crate::sys::redact::{Hidden, redact};
use crate::text;
use crate::voice::{self, Loudness, Speaker};

fn ready<T>(id: &str, made: Result<T, SetupError>, report: &mut Report<'_>) -> Option<T> {
    let tell = |error: SetupError| report.fail_with(id, error.as_ref());
    made.map_err(tell).ok()
}

/// What tries the services.
#[derive(Clone, Copy)]
pub(super) struct Doctor<'a> {
    pub(super) config: &'a Config,
    pub(super) deadline: Deadline,
    pub(super) hangup: &'a Hangup,
    pub(super) hosts: &'a Unreached,
}

impl Doctor<'_> {
    /// Tries every service of the settings, fallbacks and the own voices of personas too.
    pub(super) fn examine(
        self,
        personas: impl Iterator<Item = (String, Config)>,
        report: &mut Report<'_>,
    ) {
        let Some(maker) = ready("services", Maker::new(self.config, self.hangup), report) else {
            return;
        };
        let today = date::day(SystemTime::now());
        let voices = ready("tts", maker.voices(), report);
        let spoken = voices.and_then(|fallback| self.voices(fallback.available_on(today), report));
        let tts = &self.config.tts;
        let loudness = Loudness::new(tts, &self.config.state_folder);
        let mut known = tts
            .endpoints
            .iter()
            .map(|endpoint| loudness.name(endpoint))
            .collect();
        for (persona, config) in personas {
            let config = &config;
            Doctor { config, ..self }.voices_of(&persona, &mut known, report);
        }
        if let Some(fallback) = ready("stt", maker.recognizers(), report) {
            self.recognizers(fallback.available_on(today), spoken.as_ref(), report);
        }
        if let Some(fallback) = ready("llm", maker.models(), report) {
            self.models(fallback.available_on(today), spoken.as_ref(), report);
        }
    }

    /// Has each voice speak. Returns what the first one that could has said.
    fn voices<'c>(
        &self,
        candidates: impl Iterator<Item = &'c Candidate<dyn Voice>>,
        report: &mut Report<'_>,
    ) -> Option<Pcm> {
        let mut first = None;
        for candidate in candidates.filter(|it| is_asked(self.config, &it.endpoint)) {
            let Some(id) = self.hosts.begin(Stage::Tts, &candidate.endpoint, report) else {
                continue;
            };
            let spoken = self.voice(&id, candidate, report);
            let models = || candidate.provider.models(self.budget().deadline);
            list(
                Stage::Tts,
                &candidate.endpoint,
                models,
                spoken.is_some(),
                report,
            );
            first = first.or(spoken);
        }
        first
    }

    /// Has the voices of a persona speak that are not `known`: a wrong one is found before its first caller, and the level
    /// of each is measured.
    fn voices_of(&self, persona: &str, known: &mut BTreeSet<String>, report: &mut Report<'_>) {
        let made = services::voices(self.config, self.hangup);
        let Some(fallback) = ready("tts", made, report) else {
            return;
        };
        let loudness = Loudness::new(&self.config.tts, &self.config.state_folder);
        for candidate in fallback.available_on(date::day(SystemTime::now())) {
            if known.insert(loudness.name(&candidate.endpoint))
                && let Some(id) = self.hosts.begin(Stage::Tts, &candidate.endpoint, report)
            {
                let persona = persona.trim_end_matches(": ");
                self.voice(&format!("{id}, {persona}"), candidate, report);
            }
        }
    }

    /// Has a voice speak. Returns what it said, if that can be heard.
    fn voice(
        &self,
        id: &str,
        candidate: &Candidate<dyn Voice>,
        report: &mut Report<'_>,
    ) -> Option<Pcm> {
        let is_silent = |sample: &i16| sample.unsigned_abs() < QUIET;
        let began = Instant::now();
        match self.speak(candidate) {
            Ok(pcm) if pcm.samples.iter().all(is_silent) => {
                report.fail(id, "what it speaks is silence", "check model and voice");
                None
            }
            Ok(pcm) => {
                let ms = began.elapsed().as_millis();
                let length = pcm.duration().as_secs_f32();
                report.ok(id, &format!("spoke {length:.1} s in {ms} ms"));
                Some(pcm)
            }
            Err(error) => {
                report.fail_with(id, &error);
                None
            }
        }
    }

    fn speak(&self, candidate: &Candidate<dyn Voice>) -> Result<Pcm, voice::Error> {
        let speaker = Speaker {
            billing: Billing::default(),
            encoding: Encoding::Wav,
            loudness: Loudness::new(&self.config.tts, &self.config.state_folder).unchanged(),
            is_streamed: false,
            hangup: self.hangup.clone(),
            language: None,
        };
        let budget = self.budget().within(self.config.tts.timeout);
        let (sentence, _) = self.sentence();
        let mut speaking = speaker.begin(candidate, sentence, budget, budget.deadline)?;
        let mut file = Cursor::new(Vec::new());
        speaking.write(&mut file, voice::FIRST_LEAD)?;
        file.set_position(0);
        Ok(wav::read(file, LONGEST_SENTENCE)?)
    }

    /// Has each recogniser listen to what was spoken.
    fn recognizers<'c>(
        &self,
        candidates: impl Iterator<Item = &'c Candidate<dyn Recognizer>>,
        spoken: Option<&Pcm>,
        report: &mut Report<'_>,
    ) {
        for candidate in candidates {
            let Some(id) = self.hosts.begin(Stage::Stt, &candidate.endpoint, report) else {
                continue;
            };
            // One that could not be tried may do its work.
            let is_working = self.recognizer(&id, candidate, spoken, report) || spoken.is_none();
            let models = || candidate.provider.models(self.budget().deadline);
            list(Stage::Stt, &candidate.endpoint, models, is_working, report);
        }
    }

    /// Has a recogniser listen. Returns whether it transcribed anything.
    fn recognizer(
        &self,
        id: &str,
        candidate: &Candidate<dyn Recognizer>,
        spoken: Option<&Pcm>,
        report: &mut Report<'_>,
    ) -> bool {
        let Some(Pcm { rate_hz, samples }) = spoken else {
            let why = "no voice has spoken anything to listen to";
            report.not_tried(id, why, "fix a voice first");
            return false;
        };
        let began = Instant::now();
        let recording = Recording {
            samples,
            rate_hz: *rate_hz,
            spoken: speech::sounding(samples, *rate_hz),
        };
        let heard = candidate.provider.transcribe(recording, self.budget());
        let text = match heard {
            Ok(transcript) => transcript.text,
            Err(error) => {
                report.fail_with(id, &error);
                return false;
            }
        };
        let ms = began.elapsed().as_millis();
        let heard = format!(
            "heard {} in {ms} ms",
            quoted(redacted(&candidate.endpoint, &text))
        );
        let (sentence, is_known) = self.sentence();
        let has_heard = text::has_words(&text);
        if !has_heard || is_known && shared_words(sentence, &text) < ENOUGH_WORDS {
            let remedy = "check language in [stt], that the voice speaks it, and the model";
            report.warn(
                id,
                &format!("{heard}, and {} was said", quoted(sentence)),
                remedy,
            );
        } else {
            report.ok(id, &heard);
        }
        has_heard
    }

    /// Asks each model for one word, also the one that follows when another has been switched off.
    fn models<'c>(
        &self,
        candidates: impl Iterator<Item = &'c Candidate<dyn Model>>,
        spoken: Option<&Pcm>,
        report: &mut Report<'_>,
    ) {
        for candidate in candidates {
            let Some(id) = self.hosts.begin(Stage::Llm, &candidate.endpoint, report) else {
                continue;
            };
            let began = Instant::now();
            let answer = self.word(
                &*candidate.provider,
                Question::Words("Say one single word: yes."),
            );
            let is_working = answer.is_ok();
            match answer {
                Ok(words) => {
                    let ms = began.elapsed().as_millis();
                    let said = quoted(redacted(&candidate.endpoint, words.trim()));
                    report.ok(&id, &format!("said {said} in {ms} ms"));
                    self.hears(&id, candidate, spoken, report);
                }
                Err(error) => report.fail_with(&id, &error),
            }
            let models = || candidate.provider.models(self.budget().deadline);
            list(Stage::Llm, &candidate.endpoint, models, is_working, report);
        }
    }

    /// Has a model that is to hear callers answer what was spoken.
    fn hears(
        &self,
        id: &str,
        candidate: &Candidate<dyn Model>,
        spoken: Option<&Pcm>,
        report: &mut Report<'_>,
    ) {
        let model = &*candidate.provider;
        let can = model.max_tokens_of_sound(Duration::ZERO).is_some();
        let Some(Pcm { rate_hz, samples }) = spoken.filter(|_| self.config.llm.hears && can) else {
            return;
        };
        let began = Instant::now();
        let sound = Recording {
            samples,
            rate_hz: *rate_hz,
            spoken: speech::sounding(samples, *rate_hz),
        };
        match self.word(model, Question::Sound(sound)) {
            Ok(_) => {
                let ms = began.elapsed().as_millis();
                report.ok(id, &format!("answered a recording in {ms} ms"));
            }
            Err(error) => report.warn(
                id,
                &format!("does not answer a recording: {}", Chain(&error)),
                "choose another model in [llm.gemini], or set hears = false in [llm]",
            ),
        }
    }

    fn word(&self, model: &dyn Model, question: Question<'_>) -> Result<String, cloud::Error> {
        let asked = Asked {
            prompt: &self.config.llm.persona,
            before: &[],
            question,
            functions: &[],
            rounds: &[],
        };
        let mut answering = model.answer(asked, self.budget())?;
        let mut said = String::new();
        while let Some(words) = answering.words()? {
            said.push_str(&words);
        }
        answering.end()?;
        Ok(said.chars().take(MAX_WORDS).collect())
    }

    fn budget(&self) -> Budget {
        Budget::once(self.deadline.within(ROUND_TRIP))
    }

    /// What is spoken, and whether it is of the callers' language.
    fn sentence(&self) -> (&'static str, bool) {
        let settings = &self.config.stt;
        let language = settings.language.split('-').next().unwrap_or_default();
        let known = SENTENCES.iter().find(|(code, _)| *code == language);
        known.map_or((SENTENCES[0].1, false), |(_, sentence)| (sentence, true))
    }
}

/// Checks that the model stays on the service's own list, and where it did not do its work, whether it is there at all:
/// one that works may be missing, because many servers of OpenAI's kind have one model, whatever it is called.
fn list(
    stage: Stage,
    endpoint: &Endpoint,
    list: impl Fn() -> Result<Option<Vec<Listed>>, cloud::Error>,
    is_working: bool,
    report: &mut Report<'_>,
) {
    let id = &id(stage, endpoint);
    // A fault that keeps a list from coming keeps the work from being done as well, and is reported there.
    let Ok(Some(models)) = list() else { return };
    // Ollama lists a model without a tag as it stores it.
    let is_it = |name: &str| name.strip_suffix(":latest").unwrap_or(name) == endpoint.model;
    let of_name = |model: &&Listed| model.name == endpoint.model || is_it(&model.name);
    if let Some(model) = models.iter().find(of_name) {
        return warn_of_shutdown(stage, endpoint, model, report);
    }
    if is_working || models.is_empty() {
        return;
    }
    let names = models.iter().map(|model| model.name.as_str());
    let mut near: Vec<_> = names.collect();
    let likeness = |name: &str| strsim::jaro_winkler(name, &endpoint.model);
    near.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    near.truncate(SHOWN_MODELS);
    let shown = |name: &&str| -> String {
        let beginning: String = name.chars().take(2 * MAX_NAME).collect();
        redacted(endpoint, &beginning)
            .chars()
            .take(MAX_NAME)
            .collect()
    };
    let near: Vec<_> = near.iter().map(shown).collect();
    report.warn(
        id,
        &format!("the service's own list does not have {}", endpoint.model),
        &format!("there are: {}", near.join(", ")),
    );
}

/// Warns of a day on which a model is switched off that the service's own list tells, where the list of this version
/// does not tell it.
fn warn_of_shutdown(stage: Stage, endpoint: &Endpoint, model: &Listed, report: &mut Report<'_>) {
    let Some(date) = model.shutdown.as_deref() else {
        return;
    };
    let is_known = catalogue::ending(stage, endpoint)
        .and_then(|known| known.retires)
        .is_some_and(|known| known.to_string() == date);
    let days = catalogue::days_until(date, SystemTime::now());
    if let Some(days) =
        days.filter(|&days| !is_known && days <= i64::try_from(WARNED_DAYS).unwrap_or_default())
    {
        report.warn(
            &id(stage, endpoint),
            &if days <= 0 {
                format!("by the service's own list it was to be switched off on {date}")
            } else {
                let days = counted(days, "day", "days");
                format!("by the service's own list it will be switched off on {date}, in {days}")
            },
            "choose another model of the service's list",
        );
    }
}

/// What a service says, without the key that it was sent.
fn redacted(endpoint: &Endpoint, said: &str) -> String {
    let key = endpoint.api_key.as_ref().map(Secret::expose);
    let hidden: Vec<_> = key.into_iter().map(Hidden::Secret).collect();
    redact(said, &hidden)
}

pub(super) fn id(stage: Stage, endpoint: &Endpoint) -> String {
    format!("{stage} {endpoint}")
}

/// The share of the words of `said` that were heard.
fn shared_words(said: &str, heard: &str) -> f32 {
    let words = |text: &str| -> BTreeSet<String> {
        let letters = text.to_lowercase();
        let words = letters.split(|c: char| !c.is_alphanumeric());
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (said, heard) = (words(said), words(heard));
    let shared = u16::try_from(said.intersection(&heard).count()).unwrap_or(u16::MAX);
    let all = u16::try_from(said.len()).unwrap_or(u16::MAX).max(1);
    f32::from(shared) / f32::from(all)
}

/// One easy sentence in the languages of most callers; other languages get the first.
const SENTENCES: [(&str, &str); 7] = [
    ("en", "The quick test of the telephone worked today."),
    ("de", "Der kurze Test des Telefons hat heute funktioniert."),
    (
        "fr",
        "Le petit test du téléphone a bien marché aujourd'hui.",
    ),
    ("es", "La prueba del teléfono ha funcionado muy bien hoy."),
    ("it", "La prova del telefono oggi ha funzionato molto bene."),
    ("nl", "De korte test van de telefoon is vandaag gelukt."),
    ("pt", "O teste do telefone funcionou muito bem hoje."),
];

const ROUND_TRIP: Duration = Duration::from_secs(15);
const LONGEST_SENTENCE: Duration = Duration::from_secs(30);
const ENOUGH_WORDS: f32 = 0.5;
const SHOWN_MODELS: usize = 8;
const MAX_WORDS: usize = 60;
/// Longer than any model's name.
const MAX_NAME: usize = 100;
/// The level below which a voice counts as silent, of 32,767: 50 dB below the loudest.
const QUIET: u16 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::check::finding::findings;
    use crate::config::Provider;

    fn endpoint(model: &str) -> Endpoint {
        Endpoint {
            provider: Provider::called("openai"),
            voice: String::new(),
            base_url: "http://127.0.0.1:11434".to_owned(),
            model: model.to_owned(),
            api_key: Some(Secret::new("sk-0123456789abcdef".to_owned())),
            is_reserve: false,
        }
    }

    fn listed(name: &str) -> Listed {
        Listed {
            name: name.to_owned(),
            shutdown: None,
        }
    }

    #[test]
    fn a_model_that_the_service_will_switch_off_is_told() {
        let today = date::day(SystemTime::now());
        let table = [
            (Some(date::calendar(today + 40)), true),
            (Some(date::calendar(today + 400)), false),
            (Some("soon".to_owned()), false),
            (None, false),
        ];
        for (shutdown, is_told) in table {
            let names = || {
                Ok(Some(vec![Listed {
                    shutdown: shutdown.clone(),
                    ..listed("qwen3")
                }]))
            };
            let found =
                findings(|report| list(Stage::Llm, &endpoint("qwen3"), names, false, report));
            assert_eq!(!found.is_empty(), is_told, "{shutdown:?}: {found:?}");
        }
    }

    #[test]
    fn a_model_is_on_the_list_also_with_ollamas_tag() {
        let names = || Ok(Some(vec![listed("llama3.2:latest"), listed("qwen3:4b")]));
        let table = [
            ("llama3.2", true),
            ("llama3.2:latest", true),
            ("qwen3:4b", true),
            ("qwen3", false),
            ("llama3", false),
        ];
        for (model, is_there) in table {
            let found = findings(|report| list(Stage::Llm, &endpoint(model), names, false, report));
            assert_eq!(found.is_empty(), is_there, "{model}: {found:?}");
            let found = findings(|report| list(Stage::Llm, &endpoint(model), names, true, report));
            assert!(found.is_empty(), "{model} does its work: {found:?}");
        }
    }

    #[test]
    fn a_list_of_models_shows_neither_the_key_nor_more_than_names() {
        let table = [
            ("no sk-0123456789abcdef", "no [redacted]".to_owned()),
            (&"x".repeat(3_000_000), "x".repeat(MAX_NAME)),
        ];
        let short = Endpoint {
            api_key: Some(Secret::new("openai".to_owned())),
            is_reserve: false,
            ..endpoint("llama3")
        };
        assert_eq!(
            redacted(&short, "no openai, openai"),
            "no [redacted], [redacted]"
        );
        for (name, shown) in table {
            let names = || Ok(Some(vec![listed(name)]));
            let found =
                findings(|report| list(Stage::Llm, &endpoint("llama3"), names, false, report));
            assert_eq!(found[0].remedy, format!("there are: {shown}"));
        }
    }

    #[test]
    fn what_was_heard_is_compared_by_words() {
        assert!(shared_words("The test worked today.", "the test worked today") > 0.99);
        assert!(shared_words("The test worked today.", "that has worked today") < 0.51);
        assert!(shared_words("The test worked today.", "") < 0.01);
    }
}
