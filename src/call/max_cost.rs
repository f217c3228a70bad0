//! The maximum cost of what a call may ask for: no service can be asked more often than this counts, nor for more.

use std::time::{Duration, SystemTime};

use super::settings::{Hearer, Settings};
use super::toolbox::Toolbox;
use crate::audio::Pcm;
use crate::cloud::ENVELOPE_TOKENS;
use crate::cloud::llm::Question;
use crate::cloud::stt;
use crate::config::{Config, Endpoint, Environment, catalogue};
use crate::knowledge::{Knowledge, TurnParts};
use crate::services::Services;
use crate::spending::bill::{self, audio, max_of_each, max_of_each_at};
use crate::sys::costs::{MicroDollars, Price, Usage};
use crate::sys::error::Stage;
use crate::sys::hangup::Hangup;
use crate::text::MIN_PIECE_CHARS;
use crate::tools::MAX_TOLD;
use crate::voice;

/// The most that a call can cost that asks one short question, which it sets aside before it pays for anything: for
/// administrators.
pub(crate) fn of_one_question(
    config: &Config,
    environment: Environment<'_>,
    now: SystemTime,
) -> Option<MicroDollars> {
    let services = Services::new(config, &Hangup::default()).ok()?;
    let toolbox = Toolbox::of(config, true).ok()?;
    let functions = toolbox
        .map(|toolbox| toolbox.functions())
        .unwrap_or_default();
    let parts = TurnParts {
        has_tools: !functions.is_empty(),
        ..TurnParts::default()
    };
    let prompt = Knowledge::read(config, environment, now).prompt(parts, now);
    let settings = Settings::of(config, prompt).calling(functions);
    let speech = Pcm {
        rate_hz: 8000,
        samples: vec![0; SHORT_QUESTION],
    };
    Some(of_answer(&services, &settings, &speech, ""))
}

/// The maximum cost of transcribing `speech` and answering it together with the words that are `known` beside it.
pub(super) fn of_answer(
    services: &Services,
    settings: &Settings,
    speech: &Pcm,
    known: &str,
) -> MicroDollars {
    let new_bytes = char::MAX.len_utf8() * max_question_chars(speech.duration());
    let question_bytes = new_bytes + known.len() + 1;
    let chars = settings.max_answer_chars + settings.opening.chars().count();
    // Each piece that is spoken for itself may have its own pauses, and so may the opening, however short. Other texts
    // that are cut in several are long.
    let texts = 1 + usize::from(!settings.opening.is_empty()) + chars / MIN_PIECE_CHARS;
    // Behind each pause of the answer there may be one more.
    let pauses = if settings.functions.is_empty() {
        0
    } else {
        MAX_ROUNDS
    };
    // Which language the caller speaks is known only from the transcript, after the cost was admitted: so the longest
    // addition to the prompt and the most expensive voice count.
    let asked = settings.in_longest_language();
    let price = |voice: &Endpoint, now| max_price_of_voice(voice, settings.other_languages(), now);
    of_transcriptions(services, speech.duration(), 1)
        + of_hearing(services, settings, speech.duration(), 1)
        + max_of_each(Stage::Llm, &services.models, |_| {
            all_tokens(&asked, tokens(&asked, question_bytes))
        })
        + max_of_each_at(price, &services.voices, |voice| {
            let most = voice
                .max_requests()
                .saturating_add(chars / voice.max_chars() + pauses);
            voice::max_usage(voice, chars, texts.min(most))
        })
}

/// The maximum cost of a model that is to hear speech of this length itself, `times` times; nothing where none is to.
/// Transcribing and answering may follow.
pub(super) fn of_hearing(
    services: &Services,
    settings: &Settings,
    length: Duration,
    times: u32,
) -> MicroDollars {
    if settings.hearer == Hearer::Recognizer {
        return MicroDollars::default();
    }
    let settings = settings.hearing();
    let all = max_of_each(Stage::Llm, &services.models, |model| {
        let sound = model.max_tokens_of_sound(length);
        sound.map_or_else(Usage::default, |sound| {
            all_tokens(&settings, tokens(&settings, 0) + bill::tokens(sound))
        })
    });
    all.times(times.into())
}

/// The maximum cost of having speech of this length transcribed `times` times.
pub(super) fn of_transcriptions(services: &Services, length: Duration, times: u32) -> MicroDollars {
    // Each piece of a long question may be rounded up, and is longer than half of what a service takes.
    let pieces = length.as_secs() / (stt::MAX_LENGTH / 2).as_secs() + 1;
    let all = max_of_each(Stage::Stt, &services.recognizers, |recognizer| {
        let each = recognizer.max_tokens(Duration::ZERO);
        let tokens = (0..pieces).fold(recognizer.max_tokens(length), |all, _| all + each);
        let mut heard = audio(length, tokens);
        heard.audio_ms += catalogue::max_step_ms() * pieces;
        heard
    });
    all.times(times.into())
}

/// The most that a voice costs which may speak other `languages` than the settings', with a voice of each.
fn max_price_of_voice<'l>(
    voice: &Endpoint,
    languages: impl Iterator<Item = &'l str>,
    now: SystemTime,
) -> Price {
    let price = |voice: &Endpoint| catalogue::max_price(Stage::Tts, voice, now);
    languages.fold(price(voice), |most, language| {
        most.max(price(&voice.speaking(language)))
    })
}

/// The maximum usage of one answer: no token is shorter than a byte.
pub(super) fn tokens(settings: &Settings, question_bytes: usize) -> Usage {
    let input_bytes = settings.asked(Question::Words("")).bytes() + question_bytes;
    Usage {
        input_tokens: u64::try_from(input_bytes).unwrap_or(u64::MAX) + ENVELOPE_TOKENS,
        output_tokens: settings.max_output_tokens.into(),
        ..Usage::default()
    }
}

/// The maximum usage of an answer with all requests that its calls of functions add, where one request alone has `first`.
fn all_tokens(settings: &Settings, first: Usage) -> Usage {
    if settings.functions.is_empty() {
        return first;
    }
    let again = first + of_rounds(settings);
    (0..MAX_ROUNDS).fold(first, |all, _| all + again)
}

/// The maximum usage of what was called before, in a request of the same answer: each call with its result, and what the
/// model has written with it.
pub(super) fn of_rounds(settings: &Settings) -> Usage {
    let [rounds, calls, told] =
        [MAX_ROUNDS, MAX_CALLS, MAX_TOLD].map(|most| u64::try_from(most).unwrap_or(u64::MAX));
    let written = u64::from(settings.max_output_tokens).saturating_add(SIGNATURE_TOKENS);
    Usage {
        // No token of a result is shorter than a byte.
        input_tokens: rounds * written + calls * (told + ENVELOPE_TOKENS),
        ..Usage::default()
    }
}

/// The longest transcript, in characters, that speech of this length can have: what is longer is cut.
pub(super) fn max_question_chars(speech: Duration) -> usize {
    // A transcript is the model's input, and a server may return one of any length. It is cut by this limit, because
    // no more than that was set aside.
    let chars = CHARS_PER_SECOND * (speech.as_secs() + 1) + MIN_QUESTION_CHARS;
    usize::try_from(chars).unwrap_or(usize::MAX)
}

/// The number of times that a model may call for one answer, and of its calls in all.
pub(super) const MAX_ROUNDS: usize = 3;
pub(super) const MAX_CALLS: usize = 6;

/// More than a thought's signature has.
const SIGNATURE_TOKENS: u64 = 4096;
/// 10 s at 8 kHz.
const SHORT_QUESTION: usize = 80_000;

/// Twice what an auctioneer says.
const CHARS_PER_SECOND: u64 = 40;
const MIN_QUESTION_CHARS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::budget::MAX_TRIES;
    use crate::cloud::llm::functions::Function;
    use crate::config::{Arguments, Config, Needs, Provider};
    use crate::services;
    use crate::sys::date;
    use crate::sys::hangup::Hangup;

    const MANUAL: &str = include_str!("../manual/limits.md");

    #[test]
    fn the_manual_tells_what_is_set_aside_for_a_voice_that_is_paid_by_the_token() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        testkit::write_secret(&file, "gemini.api_key = 'AQ.1'\n");
        let config = Config::load(Needs::Voice, &Arguments::of_file(Some(file)), &|_| None);
        let config = config.expect("complete");
        let voices = services::voices(&config, &Hangup::default()).expect("one");
        let [gemini] = voices.candidates() else {
            panic!("{voices:?}")
        };
        let chars = config.llm.max_answer_chars;
        let usage = voice::max_usage(&*gemini.provider, chars, gemini.provider.max_requests());
        // 2027-01-01 is day 20,819.
        let cost = |day: u64| {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(day * date::SECONDS_A_DAY);
            let price = catalogue::price(Stage::Tts, &gemini.endpoint, now);
            let cents = price.of(usage).times(MAX_TRIES).0.div_ceil(10_000);
            format!("${}.{:02}", cents / 100, cents % 100)
        };
        let (before, after) = (cost(20_818), cost(20_819));
        let told = format!("a reserve of {before}, and of {after} from 2027-01-01");
        assert!(MANUAL.contains(&told), "{told}");
        assert_eq!((chars, MAX_TRIES), (1000, 2), "as the manual has it");
    }

    #[test]
    fn all_requests_that_calls_of_functions_add_are_set_aside_and_none_without_functions() {
        let file = Arguments::of_file(None);
        let config = Config::load(Needs::Voice, &file, &|name| {
            (name == "GEMINI_API_KEY").then(|| "AQ.1".into())
        });
        let config = config.expect("complete");
        let without = Settings::of(&config, "P".to_owned());
        let first = tokens(&without, 100);
        assert_eq!(all_tokens(&without, first), first);
        let with = Settings::of(&config, "P".to_owned()).calling(vec![Function {
            name: "news".to_owned(),
            description: "D".to_owned(),
            parameters: serde_json::json!({"type": "object"}),
        }]);
        let first_with = tokens(&with, 100);
        assert!(first_with.input_tokens > first.input_tokens);
        let all = all_tokens(&with, first_with);
        let results = u64::try_from(MAX_CALLS * MAX_TOLD).expect("small");
        assert_eq!(all.output_tokens, 4 * first.output_tokens);
        assert!(all.input_tokens >= 4 * first_with.input_tokens + 3 * results);
        let told = format!("up to {} kB from each of six calls", MAX_TOLD / 1024);
        assert!(MANUAL.contains(&told), "{told}");
        assert_eq!((MAX_ROUNDS, MAX_CALLS), (3, 6), "as the manual has it");
    }

    #[test]
    fn a_voice_costs_at_most_what_it_does_in_any_language_of_the_callers() {
        let voice = |model: &str| Endpoint {
            provider: Provider::called("google"),
            base_url: "https://texttospeech.googleapis.com".to_owned(),
            model: model.to_owned(),
            voice: model.to_owned(),
            api_key: None,
            is_reserve: false,
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(20_785 * date::SECONDS_A_DAY);
        let price = |model: &str| catalogue::max_price(Stage::Tts, &voice(model), now);
        let [standard, chirp, any] = ["en-US-Standard-A", "en-US-Chirp3-HD-Kore", ""].map(price);
        assert!(any.per_million_characters > standard.per_million_characters);
        let table: [(&str, &[&str], Price); 4] = [
            ("en-US-Standard-A", &[], standard),
            ("en-US-Standard-A", &["en-US"], standard),
            // There is no French voice of that name, so that it may be any.
            ("en-US-Standard-A", &["en-US", "fr-FR"], any),
            ("en-US-Chirp3-HD-Kore", &["en-US", "fr-FR"], chirp),
        ];
        for (model, languages, expected) in table {
            let price = max_price_of_voice(&voice(model), languages.iter().copied(), now);
            assert_eq!(price, expected, "{model} {languages:?}");
        }
    }

    #[test]
    fn what_is_set_aside_covers_the_language_of_the_caller_and_the_opening() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let costs = |languages: &str, opening: &str| {
            let file = folder.path().join("config.toml");
            testkit::write_secret(
                &file,
                &format!(
                    "languages = {languages}\ngemini.api_key = 'AQ.1'\nopenai.api_key = 'sk-1'\n\
                     tts.openai.model = 'gpt-4o-mini-tts'\n"
                ),
            );
            let mut arguments = Arguments::of_file(Some(file));
            (arguments.recording, arguments.reply) = (Some("q".into()), Some("r".into()));
            let config = Config::load(Needs::Call, &arguments, &|_| None);
            let config = config.expect("complete");
            let services = Services::new(&config, &Hangup::default()).expect("they are known");
            let settings = Settings::of(&config, "Be kind.".to_owned()).opening(opening.to_owned());
            let speech = Pcm {
                rate_hz: 8000,
                samples: vec![0; 8000],
            };
            of_answer(&services, &settings, &speech, "").0
        };
        let one = costs("['en-US']", "");
        assert!(costs("['en-US', 'fr-FR']", "") > one);
        // A text of its own has pauses of its own, beside what its characters cost.
        let opened = |chars: usize| costs("['en-US']", &"x".repeat(chars));
        assert!(opened(1) - one > opened(2) - opened(1));
    }

    #[test]
    fn a_transcript_can_be_no_longer_than_anybody_speaks() {
        for (seconds, chars) in [(0, 140), (1, 180), (59, 2500)] {
            assert_eq!(max_question_chars(Duration::from_secs(seconds)), chars);
        }
    }
}
