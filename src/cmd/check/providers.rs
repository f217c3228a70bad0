//! Which provider is asked in each stage, and why, and what of it changes soon.

use std::time::{Duration, SystemTime};

use super::finding::{Report, Status};
use super::machine::is_asked;
use crate::cloud::fallback::Fallback;
use crate::cloud::llm::Model;
use crate::cloud::stt::Recognizer;
use crate::config::providers::{self, Row};
use crate::config::{Config, Endpoint, catalogue};
use crate::services::{Change, Maker, SetupError, WARNED_DAYS, successor_remedy};
use crate::sys::date;
use crate::sys::error::Stage;
use crate::sys::hangup::Hangup;
use crate::sys::language::is_same;
use crate::sys::plain::counted;

/// Tells who is asked, in one line for each stage, and warns of models that are about to be switched off. What keeps
/// providers from being made is told where they are tried.
pub(super) fn examine(config: &Config, report: &mut Report<'_>) {
    let hangup = Hangup::default();
    let Ok(maker) = Maker::new(config, &hangup) else {
        return;
    };
    let now = SystemTime::now();
    let look = Look { config, now };
    look.stage(
        Stage::Stt,
        &config.stt.endpoints,
        maker.recognizers(),
        report,
    );
    look.stage(Stage::Llm, &config.llm.endpoints, maker.models(), report);
    if config.llm.hears
        && let (Ok(models), Ok(recognizers)) = (maker.models(), maker.recognizers())
    {
        look.hearing(&models, &recognizers, report);
    }
    look.stage(Stage::Tts, &config.tts.endpoints, maker.voices(), report);
    if let Ok(voices) = maker.voices()
        && let Some(voice) = voices.first_on(date::day(now))
    {
        look.languages(&voice.endpoint, maker.models().ok().as_ref(), report);
    }
}

struct Look<'a> {
    config: &'a Config,
    now: SystemTime,
}

impl Look<'_> {
    fn stage<P: ?Sized>(
        &self,
        stage: Stage,
        endpoints: &[Endpoint],
        made: Result<Fallback<P>, SetupError>,
        report: &mut Report<'_>,
    ) {
        let Ok(fallback) = made else { return };
        let Some(first) = fallback.first_on(date::day(self.now)) else {
            return;
        };
        let change = Change::of(&fallback, self.now);
        let (status, text) = self.asked(stage, &fallback, &first.endpoint, change.as_ref());
        let remedy = match (status, &change) {
            (Status::Ok, _) => String::new(),
            (_, Some(Change { next: Some(_), .. })) => {
                format!("if that one will not do, name another provider or model under [{stage}]")
            }
            _ => successor_remedy(stage, &first.endpoint),
        };
        report.add(&format!("{stage} provider"), status, &text, &remedy);
        let is_told =
            |endpoint: &&Endpoint| change.is_some() && endpoint.provider == first.endpoint.provider;
        let others = endpoints.iter().filter(|endpoint| !is_told(endpoint));
        others.for_each(|endpoint| self.warn(stage, endpoint, report));
    }

    /// Tells who hears callers where the model is to hear them itself.
    fn hearing(
        &self,
        models: &Fallback<dyn Model>,
        recognizers: &Fallback<dyn Recognizer>,
        report: &mut Report<'_>,
    ) {
        let today = date::day(self.now);
        let (Some(model), Some(other)) = (models.first_on(today), recognizers.first_on(today))
        else {
            return;
        };
        let (asked, other, id) = (&model.endpoint, &other.endpoint, "llm hears");
        if self.config.messages.are_delivered() {
            report.warn(
                id,
                &format!("hears does nothing: callers can leave messages, so {other} transcribes what they say"),
                "set hears = false under [llm]; a message is delivered in the words that were said",
            );
        } else if model.provider.max_tokens_of_sound(Duration::ZERO).is_some() {
            let text = format!("{asked} gets the caller's sound; if it fails: {other}");
            report.ok(id, &text);
        } else {
            report.warn(
                id,
                &format!(
                    "hears does nothing: {asked} is asked, which reads the transcript of {other}"
                ),
                &format!(
                    "name {} as provider under [llm], or set hears = false there",
                    any_of(Stage::Llm, |row| row.hears)
                ),
            );
        }
    }

    /// Warns of a voice that does not speak all that callers do.
    fn languages(
        &self,
        voice: &Endpoint,
        models: Option<&Fallback<dyn Model>>,
        report: &mut Report<'_>,
    ) {
        let stt = &self.config.stt;
        let others = stt
            .languages()
            .filter(|other| !is_same(other, &stt.language));
        let others: Vec<_> = others.collect();
        let lacking = voice.lacks(stt.languages()).join(", ");
        let is_by_language = voice.has_voices_by_language();
        let hears = models.is_some_and(|models| self.hears(models));
        let (text, remedy) = match is_by_language {
            _ if others.is_empty() => return,
            true if hears => (
                format!(
                    "{voice} speaks {} alone where the model hears callers: before the answer it cannot be told that they speak {}",
                    stt.language,
                    others.join(", ")
                ),
                format!(
                    "set hears = false under [llm], or name {} as provider under [tts]",
                    any_of(Stage::Tts, |row| !row.has_voices_by_language)
                ),
            ),
            _ if lacking.is_empty() => return,
            true => (
                format!(
                    "callers who speak {lacking} hear any voice that Google has, since {voice} speaks one language"
                ),
                format!(
                    "name one of the kind Chirp3-HD as voice under [tts.{}], as in en-US-Chirp3-HD-Charon",
                    voice.provider.name()
                ),
            ),
            false => (
                format!(
                    "{voice} speaks one language, by its name, and callers speak {lacking} too"
                ),
                format!(
                    "name a voice that speaks all of languages, or {} as provider under [tts]",
                    any_of(Stage::Tts, |_| true)
                ),
            ),
        };
        report.warn(VOICES, &text, &remedy);
    }

    /// Whether the model hears callers itself.
    fn hears(&self, models: &Fallback<dyn Model>) -> bool {
        let model = models.first_on(date::day(self.now));
        let takes_sound =
            model.is_some_and(|model| model.provider.max_tokens_of_sound(Duration::ZERO).is_some());
        self.config.llm.hears && !self.config.messages.are_delivered() && takes_sound
    }

    /// The line of a stage, and whether it is a warning.
    fn asked<P: ?Sized>(
        &self,
        stage: Stage,
        fallback: &Fallback<P>,
        first: &Endpoint,
        change: Option<&Change>,
    ) -> (Status, String) {
        let mut status = Status::Ok;
        let reason = self.reason(stage, first);
        let mut parts = vec![format!("{}: {reason}", first.provider.name())];
        if let Some(change) = change {
            let left = match change.days_left {
                ..=WARNED_DAYS => {
                    status = Status::Warn;
                    format!(
                        " ({} left)",
                        counted(change.days_left, "day is", "days are")
                    )
                }
                _ => String::new(),
            };
            let Change { endpoint, date, .. } = change;
            let next = change.next.as_deref().unwrap_or("nobody");
            parts.push(format!(
                "until {date}, when {endpoint} is switched off, then {next}{left}"
            ));
        }
        let others = fallback.available_on(date::day(self.now));
        let others = others.filter(|other| is_asked(self.config, &other.endpoint));
        let others = others.map(|other| other.endpoint.provider.name());
        let mut others: Vec<_> = others
            .filter(|name| *name != first.provider.name())
            .collect();
        others.dedup();
        if !others.is_empty() {
            parts.push(format!("if it fails: {}", others.join(", ")));
        }
        (status, parts.join("; "))
    }

    fn is_automatic(&self, stage: Stage) -> bool {
        self.config.automatic.contains(&stage.to_string().as_str())
    }

    /// Why it is asked.
    fn reason(&self, stage: Stage, endpoint: &Endpoint) -> &'static str {
        match endpoint {
            _ if !self.is_automatic(stage) => "named in the settings",
            _ if endpoint.is_private() => "a server of your own",
            _ if endpoint.uses_account() => "key file found",
            _ => "key found",
        }
    }

    /// Warns of a model that is switched off soon, or has been.
    fn warn(&self, stage: Stage, endpoint: &Endpoint, report: &mut Report<'_>) {
        let model = catalogue::ending(stage, endpoint).filter(|_| !endpoint.is_private());
        let known = model.and_then(|model| Some((model, model.days_left(self.now)?)));
        let Some((model, days)) = known else { return };
        let date = model.retires.map(|date| date.to_string());
        let date = date.unwrap_or_default();
        let it = match catalogue::closes(stage, endpoint) {
            Some(_) => "it",
            None => "at its vendor, it",
        };
        let text = match days {
            ..=0 if self.is_automatic(stage) => return,
            ..=0 => format!("{it} was switched off on {date}"),
            1.. if days <= i64::try_from(WARNED_DAYS).unwrap_or_default() => {
                let days = counted(days, "day", "days");
                format!("{it} will be switched off on {date}, in {days}")
            }
            _ => return,
        };
        report.warn(
            &format!("{stage} {endpoint}"),
            &text,
            &successor_remedy(stage, endpoint),
        );
    }
}

/// The providers of `stage` of which this is so, by their names in the settings: `openai, google or gemini`.
fn any_of(stage: Stage, is_so: impl Fn(&Row) -> bool) -> String {
    let rows = providers::rows(&stage.to_string()).iter();
    let names: Vec<_> = rows.filter(|row| is_so(row)).map(|row| row.name).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

const VOICES: &str = "voices";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cmd::check::finding::Style;
    use crate::config::Needs;
    use crate::sys::date::WallClock;

    #[test]
    fn a_voice_of_one_language_is_told_where_callers_speak_several() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let key_file = folder.path().join("key.json");
        let account = include_str!("../../../tests/data/throwaway-service-account.json");
        std::fs::write(&key_file, account).expect("written");
        let google = format!(
            "gemini.api_key = 'AQ.1'\ngoogle.credentials = '{}'\ntts.provider = 'google'\n",
            key_file.display()
        );
        let google = google.as_str();
        let own = "gemini.api_key = 'AQ.1'\ntts.provider = 'openai'\ntts.openai.base_url = 'http://127.0.0.1:8880'\n";
        let two = "languages = ['en-US', 'fr-FR']\n";
        let chirp = "tts.google.voice = 'en-US-Chirp3-HD-Charon'\n";
        let hears = "llm.provider = 'gemini'\nllm.hears = true\n";
        let old = "tts.google.voice = 'en-US-Wavenet-D'\n";
        for (settings, words) in [
            ([two, google, old, ""], "fr-FR hear any voice"),
            (["", google, old, ""], ""),
            (["languages = ['en-US', 'en-GB']\n", google, old, ""], ""),
            ([two, google, chirp, ""], ""),
            (["languages = ['en-US', 'cy-GB']\n", google, old, ""], ""),
            ([two, google, chirp, hears], "cannot be told"),
            ([two, google, chirp, "llm.provider = 'gemini'\n"], ""),
            (
                [two, own, "tts.openai.voice = 'en_US-lessac-medium'\n", ""],
                "fr-FR",
            ),
            (
                [
                    two,
                    own,
                    "tts.openai.model = 'speaches-ai/piper-de_DE-thorsten-low'\n",
                    "",
                ],
                "en-US, fr-FR",
            ),
            (
                ["", own, "tts.openai.voice = 'en_US-lessac-medium'\n", ""],
                "",
            ),
            ([two, own, "tts.openai.voice = 'alloy'\n", ""], ""),
        ] {
            let text = format!("secrets.allow_readable = true\n{}", settings.concat());
            let config = Config::of_text(Needs::Stages, &text, "config.toml".into(), &|_| None);
            let config = config.unwrap_or_else(|faults| panic!("{text}: {faults}"));
            let mut sink = std::io::sink();
            let mut report = Report::new(&mut sink, Style::Silent);
            examine(&config, &mut report);
            let found = report.findings().iter().filter(|it| it.id == VOICES);
            let found: Vec<_> = found.collect();
            assert_eq!(
                found.len(),
                usize::from(!words.is_empty()),
                "{text} {found:?}"
            );
            for finding in found {
                assert!(finding.text.contains(words), "{finding:?}");
                assert!(!finding.remedy.is_empty());
            }
        }
    }

    #[test]
    fn the_table_knows_the_providers_that_a_remedy_names() {
        assert_eq!(any_of(Stage::Tts, |_| true), "openai, google or gemini");
        let text = "secrets.allow_readable = true\ngemini.api_key = 'AQ.1'\nopenai.api_key = 'sk-1'\n\
            llm.openai.model = 'm'\n";
        let config = Config::of_text(Needs::Stages, text, "config.toml".into(), &|_| None);
        let config = config.expect("complete");
        let maker = Maker::new(&config, &Hangup::default()).expect("no proxy");
        let models = maker.models().expect("they are known");
        let hearing = models.candidates().iter().filter(|one| {
            let tokens = one.provider.max_tokens_of_sound(Duration::ZERO);
            tokens.is_some()
        });
        let mut hearing: Vec<_> = hearing.map(|one| one.endpoint.provider.name()).collect();
        hearing.dedup();
        assert_eq!(any_of(Stage::Llm, |row| row.hears), hearing.join(" or "));
    }

    /// The first day without OpenAI's voices, and some days before.
    fn days_before(days: u64) -> SystemTime {
        let day = 20_824 - days;
        SystemTime::UNIX_EPOCH + Duration::from_secs(day * date::SECONDS_A_DAY)
    }

    #[test]
    fn each_stage_says_who_is_asked_and_why_and_until_when() {
        const UNTIL: &str = "until 2027-01-06, when openai tts-1 is switched off, then ";
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let key_file = folder.path().join("key.json");
        let account = include_str!("../../../tests/data/throwaway-service-account.json");
        std::fs::write(&key_file, account).expect("written");
        let openai = "openai.api_key = 'sk-1'\n";
        let google = format!("google.credentials = '{}'\n", key_file.display());
        let both = format!("{openai}{google}");
        let gemini = "gemini.api_key = 'AQ.1'\n";
        let table = [
            (
                both.clone(),
                91,
                Status::Ok,
                format!("openai: key found; {UNTIL}google; if it fails: google, gemini"),
            ),
            (
                both.clone(),
                90,
                Status::Warn,
                format!(
                    "openai: key found; {UNTIL}google (90 days are left); if it fails: google, gemini"
                ),
            ),
            (
                both.clone(),
                0,
                Status::Ok,
                "google: key file found; if it fails: gemini".to_owned(),
            ),
            (
                format!("{openai}{gemini}"),
                91,
                Status::Ok,
                format!(
                    "openai: key found; {UNTIL}gemini gemini-3.8-flash-lite-tts; if it fails: gemini"
                ),
            ),
            (
                openai.to_owned(),
                90,
                Status::Warn,
                format!("openai: key found; {UNTIL}nobody (90 days are left)"),
            ),
            (
                format!("{openai}tts.provider = 'openai'\ntts.fallback = []\n"),
                91,
                Status::Ok,
                format!("openai: named in the settings; {UNTIL}nobody"),
            ),
            (
                gemini.to_owned(),
                0,
                Status::Ok,
                "gemini: key found".to_owned(),
            ),
            (
                "tts.openai.base_url = 'http://127.0.0.1:8880'\n".to_owned(),
                0,
                Status::Ok,
                "openai: a server of your own".to_owned(),
            ),
        ];
        for (text, days, status, expected) in table {
            let text = format!("secrets.allow_readable = true\n{text}");
            let config = Config::of_text(Needs::Voice, &text, "config.toml".into(), &|_| None);
            let config = config.unwrap_or_else(|faults| panic!("{text}: {faults}"));
            let maker = Maker::new(&config, &Hangup::default()).expect("no proxy");
            let clock: WallClock = match days {
                0 => || days_before(0),
                _ => || days_before(90),
            };
            let look = Look {
                config: &config,
                now: days_before(days),
            };
            let mut sink = std::io::sink();
            let mut report = Report::new(&mut sink, Style::Silent);
            let made = maker.with_clock(clock).voices();
            look.stage(Stage::Tts, &config.tts.endpoints, made, &mut report);
            let found = &report.findings()[0];
            assert_eq!((found.status, &*found.text), (status, &*expected), "{text}");
            assert_eq!(found.remedy.is_empty(), status == Status::Ok, "{found:?}");
        }
    }
}
