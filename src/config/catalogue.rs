//! What is known about the services' models, from `catalogue.toml`: when they are switched off, and what they cost.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use chrono::NaiveDate;
use serde::{Deserialize, Deserializer, de};
use toml::value::{Date, Datetime};

use crate::config::endpoint::{Endpoint, Provider};
use crate::sys::costs::Price;
use crate::sys::date::{self, SECONDS_A_DAY};
use crate::sys::error::Stage;

/// A model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    /// What it does.
    pub stage: Stage,
    /// Its provider, by the settings' word.
    pub provider: String,
    /// Its name, or a part that the names of several voices share.
    pub name: String,
    /// Whether it is such a part.
    #[serde(default)]
    pub is_part: bool,
    /// The first day without it.
    #[serde(default, deserialize_with = "some_day")]
    pub retires: Option<NaiveDate>,
    /// What to use instead.
    pub successor: Option<String>,
    /// What it costs.
    pub price: Option<Price>,
    /// What it costs later.
    later: Option<Later>,
    /// The page that says so.
    #[cfg_attr(not(test), expect(dead_code, reason = "for those who keep the list"))]
    pub source: String,
    /// The day on which it was seen there.
    #[cfg_attr(not(test), expect(dead_code, reason = "for those who keep the list"))]
    #[serde(deserialize_with = "day")]
    pub seen: NaiveDate,
}

/// A price that has been announced.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Later {
    /// The day from which it holds, in UTC.
    #[serde(deserialize_with = "day")]
    from: NaiveDate,
    price: Price,
}

/// A name that a provider keeps for the newest model of a kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alias {
    stage: Stage,
    provider: String,
    contains: String,
    name: String,
    /// Where it stands, and when it was seen there: for those who update the file.
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "seen", deserialize_with = "day")]
    _seen: NaiveDate,
}

/// A host of those who made the models, and all hosts below it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vendor {
    provider: String,
    host: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    model: Vec<Model>,
    alias: Vec<Alias>,
    vendor: Vec<Vendor>,
}

/// What is known of the model at `endpoint` that does the work of `stage`.
fn find(stage: Stage, endpoint: &Endpoint) -> Option<&'static Model> {
    fitting(endpoint).find(|model| model.stage == stage)
}

/// The model at `endpoint`, which does the work of `stage`, if its last day is known. A model ends on one day, whatever
/// work it does: Gemini's transcribe too.
pub(crate) fn ending(stage: Stage, endpoint: &Endpoint) -> Option<&'static Model> {
    let ends = |model: &&Model| model.retires.is_some();
    fitting(endpoint)
        .filter(ends)
        .min_by_key(|model| model.stage != stage)
}

/// The models that the one at `endpoint` is by its name, whatever they do.
fn fitting(endpoint: &Endpoint) -> impl Iterator<Item = &'static Model> {
    let name = endpoint.model.as_str();
    let fits = move |model: &&Model| {
        model.name == name
            || model.is_part && name.contains(&model.name)
            || name
                .strip_prefix(model.name.as_str())
                .is_some_and(is_snapshot)
    };
    of(endpoint.provider).filter(fits)
}

/// The first day, in days since 1970 in UTC, on which the vendor of the model at `endpoint` does not have it any more.
/// `None` also for another company's server, which may have a model of the same name for longer.
pub(crate) fn closes(stage: Stage, endpoint: &Endpoint) -> Option<u64> {
    let retires = ending(stage, endpoint)?.retires?;
    let (host, provider) = (endpoint.host(), endpoint.provider.name());
    let is_vendors = |vendor: &Vendor| {
        let below = host.strip_suffix(vendor.host.as_str());
        vendor.provider == provider
            && below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
    };
    let is_there = catalogue().vendor.iter().any(is_vendors);
    u64::try_from(retires.to_epoch_days())
        .ok()
        .filter(|_| is_there)
}

/// What the work of `stage` costs at `endpoint`, by a clock in UTC. A model that is not listed is priced as the most
/// expensive one of its provider.
pub(crate) fn price(stage: Stage, endpoint: &Endpoint, now: SystemTime) -> Price {
    if endpoint.is_private() {
        return Price::default();
    }
    let known = find(stage, endpoint).and_then(|model| model.price_at(now));
    known.unwrap_or_else(|| {
        let all = of(endpoint.provider).filter(|model| model.stage == stage);
        let all = all.filter_map(|model| model.price_at(now));
        all.fold(Price::default(), Price::max)
    })
}

/// The most that the work of `stage` costs at `endpoint` within a day from `now`: what is set aside for a call covers
/// requests that begin after midnight, when a price may have risen.
pub(crate) fn max_price(stage: Stage, endpoint: &Endpoint, now: SystemTime) -> Price {
    let tomorrow = now + Duration::from_secs(SECONDS_A_DAY);
    price(stage, endpoint, now).max(price(stage, endpoint, tomorrow))
}

/// The longest audio, in milliseconds, that a service bills for more than was heard, because it rounds up.
pub(crate) fn max_step_ms() -> u64 {
    let prices = catalogue().model.iter().flat_map(Model::prices);
    prices.map(Price::step_ms).max().unwrap_or_default()
}

/// The name under which a provider always offers the newest model of the kind of this one, if it has such a name and this
/// is not the one.
pub(crate) fn alias_of(stage: Stage, endpoint: &Endpoint) -> Option<&'static str> {
    let (provider, model) = (endpoint.provider.name(), endpoint.model.as_str());
    let mut aliases = catalogue().alias.iter();
    let alias = aliases.find(|alias| {
        alias.stage == stage && alias.provider == provider && model.contains(&alias.contains)
    })?;
    Some(alias.name.as_str()).filter(|name| *name != model)
}

impl Model {
    /// What it costs on the day of `now`.
    fn price_at(&self, now: SystemTime) -> Option<Price> {
        let has_come = |later: &&Later| days_to(later.from, now).is_some_and(|days| days <= 0);
        let later = self.later.as_ref().filter(has_come);
        later.map(|later| later.price).or(self.price)
    }

    /// All prices that it has or will have.
    fn prices(&self) -> impl Iterator<Item = Price> {
        let later = self.later.as_ref().map(|later| later.price);
        self.price.into_iter().chain(later)
    }

    /// How many days the service will still take it, by a clock in UTC; 0 or less when that is over.
    pub(crate) fn days_left(&self, now: SystemTime) -> Option<i64> {
        days_to(self.retires?, now)
    }
}

/// How many days there are from `now` until a date such as `2027-01-06`, by a clock in UTC.
pub(crate) fn days_until(date: &str, now: SystemTime) -> Option<i64> {
    days_to(date.parse().ok()?, now)
}

fn days_to(date: NaiveDate, now: SystemTime) -> Option<i64> {
    Some(i64::from(date.to_epoch_days()) - i64::try_from(date::day(now)).ok()?)
}

fn of(provider: Provider) -> impl Iterator<Item = &'static Model> {
    let is_theirs = move |model: &&Model| model.provider == provider.name();
    catalogue().model.iter().filter(is_theirs)
}

/// A date after the name of a model: `-2025-12-15`, `-001`.
fn is_snapshot(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|date| {
        !date.is_empty()
            && date
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
    })
}

/// Reads a day that there is, such as `2027-01-06`, with no hour beside it.
fn day<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveDate, D::Error> {
    let found = Datetime::deserialize(from)?;
    let date = found.date.filter(|_| found.time.is_none());
    date.and_then(|Date { year, month, day }| {
        NaiveDate::from_ymd_opt(year.into(), month.into(), day.into())
    })
    .ok_or_else(|| de::Error::custom(format_args!("{found} is no day of a calendar")))
}

fn some_day<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NaiveDate>, D::Error> {
    day(from).map(Some)
}

fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    // A test holds that it can be read.
    CATALOGUE.get_or_init(|| toml::from_str(TEXT).unwrap_or_default())
}

/// The file, as `phone-assistant help catalogue.toml` shows it.
pub(crate) const TEXT: &str = include_str!("catalogue.toml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;
    use crate::sys::costs::Usage;

    const GOOGLE: Provider = Provider::called("google");
    const GEMINI: Provider = Provider::called("gemini");
    const OPENAI: Provider = Provider::called("openai");

    fn endpoint(provider: Provider, model: &str) -> Endpoint {
        Endpoint {
            provider,
            base_url: "https://example.com".to_owned(),
            model: model.to_owned(),
            voice: String::new(),
            api_key: None,
            is_reserve: false,
        }
    }

    /// An hour after the beginning of a day since 1970.
    fn at(day: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(day * SECONDS_A_DAY + 3600)
    }

    #[test]
    fn a_price_holds_from_its_day_on() {
        // 2027-01-01 is day 20,819.
        let table = [
            (Stage::Llm, "gemini-3.6-flash", [0.75, 3.75], [1.5, 7.5]),
            (Stage::Llm, "gemini-3.7-flash", [0.75, 3.75], [1.5, 7.5]),
            (Stage::Llm, "gemini-3.8-flash", [0.75, 3.75], [1.5, 7.5]),
            (Stage::Llm, "gemini-3.5-flash-lite", [0.3, 2.5], [0.3, 2.5]),
            (Stage::Stt, "gemini-3.5-flash-lite", [0.3, 2.5], [0.3, 2.5]),
            (
                Stage::Tts,
                "gemini-3.8-flash-lite-tts",
                [0.5, 6.0],
                [1.0, 12.0],
            ),
            (Stage::Tts, "gemini-3.8-flash-tts", [0.5, 9.0], [1.0, 18.0]),
        ];
        for (stage, name, before, after) in table {
            for (day, [input, output]) in [(20_818, before), (20_819, after)] {
                let expected = Price {
                    per_million_input: input,
                    per_million_output: output,
                    ..Price::default()
                };
                let price = price(stage, &endpoint(GEMINI, name), at(day));
                assert_eq!(price, expected, "{name} on day {day}");
            }
        }
    }

    #[test]
    fn what_is_set_aside_before_midnight_covers_a_price_that_rises_then() {
        let model = endpoint(GEMINI, "gemini-3.6-flash");
        let before = Price {
            per_million_input: 0.75,
            per_million_output: 3.75,
            ..Price::default()
        };
        let after = Price {
            per_million_input: 1.5,
            per_million_output: 7.5,
            ..Price::default()
        };
        // 2027-01-01 is day 20,819.
        for (day, now, expected) in [
            (20_817, before, before),
            (20_818, before, after),
            (20_819, after, after),
        ] {
            assert_eq!(price(Stage::Llm, &model, at(day)), now, "{day}");
            assert_eq!(max_price(Stage::Llm, &model, at(day)), expected, "{day}");
        }
    }

    /// A month of 50 calls a day, as the manual has it.
    #[test]
    fn the_manual_tells_what_each_model_costs_a_month() {
        let month = |name: &str, read: u64, day: u64| {
            let used = Usage {
                input_tokens: read,
                output_tokens: 100,
                ..Usage::default()
            };
            let call = price(Stage::Llm, &endpoint(GEMINI, name), at(day)).of(used);
            let cents = (call.times(50 * 30).0 + 5_000) / 10_000;
            format!("${}.{:02}", cents / 100, cents % 100)
        };
        let manual = include_str!("../manual/cost.md");
        for name in ["gemini-3.6-flash", "gemini-3.5-flash-lite"] {
            let (bare, facts) = (400, 16_400);
            let costs = [
                (bare, 20_818),
                (bare, 20_819),
                (facts, 20_818),
                (facts, 20_819),
            ];
            let costs = costs.map(|(read, day)| month(name, read, day)).join(" | ");
            let row = format!("| `{name}` | {costs} |");
            assert!(manual.contains(&row), "{row}");
        }
    }

    #[test]
    fn every_entry_can_be_used() {
        let catalogue: Catalogue = toml::from_str(TEXT).expect("well-formed");
        for model in &catalogue.model {
            let name = &model.name;
            assert!(model.source.len() > 10, "{name} has no source");
            if let Some(later) = &model.later {
                let is_after = later.from > model.seen;
                assert!(
                    is_after,
                    "{name} costs something else from a day before it was seen"
                );
                assert!(model.price.is_some(), "{name} costs nothing until then");
            }
            assert_eq!(model.retires.is_some(), model.successor.is_some(), "{name}");
            assert!(
                model.retires.is_some() || model.price.is_some(),
                "nothing is known of {name}"
            );
        }
        assert!(catalogue.model.len() > 20);
    }

    #[test]
    fn a_day_that_cannot_be_is_found_when_the_list_is_read() {
        let entry = |later: &str, retires: &str| {
            let text = format!(
                "alias = []\nvendor = []\n[[model]]\nstage = 'tts'\nprovider = 'openai'\nname = 'x'\n{retires}\n\
                 later = {{ from = {later}, price = {{ per_minute = 1.0 }} }}\nsource = 'x'\nseen = 2026-11-28\n"
            );
            toml::from_str::<Catalogue>(&text)
        };
        let right = entry("2028-02-29", "retires = 2027-12-31");
        right.expect("days of the calendar");
        for (later, retires) in [
            ("2027-02-29", ""),
            ("2027-04-31", ""),
            ("2027-13-01", ""),
            ("2027-00-01", ""),
            ("2027-01-00", ""),
            ("07:32:00", ""),
            ("2027-01-01T00:00:00", ""),
            ("2027-01-01T00:00:00Z", ""),
            ("'2027-01-01'", ""),
            ("2027-01-01", "retires = 2027-02-30"),
            ("2027-01-01", "retires = 07:32:00"),
        ] {
            assert!(entry(later, retires).is_err(), "{later} {retires}");
        }
    }

    /// A request is billed by the price of its beginning, which may come after the price rises.
    #[test]
    fn what_a_service_rounds_up_to_is_bounded_by_later_prices_too() {
        let price = |step_seconds| Price {
            step_seconds,
            ..Price::default()
        };
        let mut model: Model = toml::from_str(
            "stage = 'stt'\nprovider = 'google'\nname = 'x'\nsource = 'x'\nseen = 2026-11-28",
        )
        .expect("a model");
        model.price = Some(price(15.0));
        assert_eq!(model.prices().map(Price::step_ms).max(), Some(15_000));
        let from = model.seen;
        model.later = Some(Later {
            from,
            price: price(60.0),
        });
        assert_eq!(model.prices().map(Price::step_ms).max(), Some(60_000));
    }

    #[test]
    fn models_snapshots_and_voices_are_found() {
        let table = [
            (Stage::Tts, OPENAI, "tts-1", Some("tts-1")),
            (
                Stage::Tts,
                OPENAI,
                "gpt-4o-mini-tts-2025-12-15",
                Some("gpt-4o-mini-tts"),
            ),
            (Stage::Tts, OPENAI, "tts-1-ultra", None),
            (
                Stage::Llm,
                GEMINI,
                "gemini-2.0-flash-001",
                Some("gemini-2.0-flash"),
            ),
            (
                Stage::Tts,
                GOOGLE,
                "en-US-Chirp3-HD-Charon",
                Some("Chirp3-HD"),
            ),
            (Stage::Tts, GOOGLE, "", None),
            (Stage::Stt, OPENAI, "tts-1", None),
            (
                Stage::Llm,
                OPENAI,
                "gpt-realtime-mini",
                Some("gpt-realtime"),
            ),
            (
                Stage::Llm,
                OPENAI,
                "gpt-audio-mini-2025-12-15",
                Some("gpt-audio"),
            ),
        ];
        for (stage, provider, name, expected) in table {
            let found = find(stage, &endpoint(provider, name)).map(|model| model.name.as_str());
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn an_unknown_model_is_charged_at_the_highest_price_and_a_server_of_ones_own_costs_nothing() {
        let unknown = price(Stage::Tts, &endpoint(GOOGLE, ""), at(20_782));
        assert_eq!(
            unknown,
            price(Stage::Tts, &endpoint(GOOGLE, "Chirp3-HD"), at(20_782))
        );
        let mut own = endpoint(OPENAI, "kokoro");
        own.base_url = "http://127.0.0.1:8880".to_owned();
        assert_eq!(price(Stage::Tts, &own, at(20_782)), Price::default());
    }

    /// Otherwise a limit on what may be spent would limit nothing.
    #[test]
    fn no_provider_is_free() {
        let of_stage = |stage: Stage| {
            let names = keys::providers(&stage.to_string()).iter();
            names.map(move |name| (stage, Provider::called(name)))
        };
        let stages = [Stage::Stt, Stage::Llm, Stage::Tts];
        for (stage, provider) in stages.into_iter().flat_map(of_stage) {
            let unknown = price(
                stage,
                &endpoint(provider, "a model of tomorrow"),
                at(20_782),
            );
            assert_ne!(unknown, Price::default(), "{stage:?} {provider:?}");
            for model in of(provider)
                .filter(|model| model.stage == stage)
                .filter_map(|model| model.price_at(at(20_782)))
            {
                assert_eq!(unknown.max(model), unknown, "{stage:?} {provider:?}");
            }
        }
    }

    #[test]
    fn a_model_closes_on_its_first_day_without_and_only_at_its_vendor() {
        // 2027-01-06.
        let first_day = Some(20_824);
        let table = [
            (OPENAI, "https://api.openai.com/v1", "tts-1", first_day),
            (OPENAI, "https://api.openai.com:443/v1", "tts-1", first_day),
            (OPENAI, "https://eu.api.openai.com/v1", "tts-1", first_day),
            (OPENAI, "https://eu.api.openai.com/v1", "tts-2", None),
            (OPENAI, "http://10.0.0.7:8880/v1", "tts-1", None),
            (OPENAI, "https://speech.example.com/v1", "tts-1", None),
            (OPENAI, "https://notapi.openai.com/v1", "tts-1", None),
            (OPENAI, "https://api.openai.com.example/v1", "tts-1", None),
            (GOOGLE, "https://api.openai.com", "tts-1", None),
        ];
        for (provider, base_url, model, expected) in table {
            let endpoint = Endpoint {
                base_url: base_url.to_owned(),
                ..endpoint(provider, model)
            };
            assert_eq!(
                closes(Stage::Tts, &endpoint),
                expected,
                "{base_url} {model}"
            );
        }
    }

    #[test]
    fn a_model_that_ends_ends_in_every_stage() {
        for (name, day) in [
            ("gemini-2.5-flash", Some("2026-12-01")),
            ("gemini-2.5-pro", Some("2026-12-01")),
            ("gemini-2.0-flash-001", Some("2026-06-01")),
            ("gemini-3.1-flash-lite", Some("2027-05-07")),
            ("gemini-3.5-flash-lite", None),
        ] {
            for stage in [Stage::Stt, Stage::Llm] {
                let found = ending(stage, &endpoint(GEMINI, name));
                let retires = found.and_then(|model| model.retires);
                let retires = retires.map(|day| day.to_string());
                assert_eq!(retires.as_deref(), day, "{stage} {name}");
            }
        }
        let vendors = Endpoint {
            base_url: "https://generativelanguage.googleapis.com".to_owned(),
            ..endpoint(GEMINI, "gemini-2.5-flash")
        };
        assert!(closes(Stage::Stt, &vendors).is_some());
        for name in ["gpt-realtime", "gpt-4o-realtime", "gpt-audio"] {
            let found = ending(Stage::Llm, &endpoint(OPENAI, name));
            let retires = found.and_then(|model| model.retires);
            let retires = retires.map(|day| day.to_string());
            assert_eq!(retires.as_deref(), Some("2027-01-20"), "{name}");
        }
    }

    #[test]
    fn what_no_vendor_says_is_marked() {
        const PAGES: [&str; 4] = [
            "https://ai.google.dev/",
            "https://cloud.google.com/",
            "https://developers.openai.com/",
            "https://github.com/openai/",
        ];
        let catalogue: Catalogue = toml::from_str(TEXT).expect("well-formed");
        for Model { name, source, .. } in &catalogue.model {
            let is_vendors = |claim: &str| {
                PAGES.iter().any(|page| claim.starts_with(page)) && !claim.contains("quoted")
            };
            let claims = source.split("; ").enumerate();
            let claims = claims.filter(|(at, claim)| *at == 0 || claim.contains("price"));
            for (_, claim) in claims {
                let is_marked = claim.contains("third party");
                assert!(is_marked || is_vendors(claim), "{name}: {claim}");
            }
        }
    }

    #[test]
    fn days_are_counted_to_the_day_of_retirement() {
        let model = ending(Stage::Tts, &endpoint(OPENAI, "tts-1")).expect("listed");
        // 2026-11-25 is day 20,782.
        assert_eq!(model.days_left(at(20_782)), Some(42));
        assert_eq!(model.days_left(at(20_824)), Some(0));
        assert_eq!(model.days_left(at(20_825)), Some(-1));
    }

    #[test]
    fn a_model_of_gemini_has_an_alias_that_has_none() {
        let gemini = |model| endpoint(GEMINI, model);
        let alias = |model| alias_of(Stage::Llm, &gemini(model));
        assert_eq!(
            alias("gemini-3.5-flash-lite"),
            Some("gemini-flash-lite-latest")
        );
        assert_eq!(alias("gemini-2.0-flash"), Some("gemini-flash-latest"));
        assert_eq!(alias("gemini-flash-latest"), None);
        assert_eq!(alias("gemma"), None);
        let elsewhere = endpoint(OPENAI, "gemini-2.0-flash");
        assert_eq!(alias_of(Stage::Llm, &elsewhere), None);
        assert_eq!(alias_of(Stage::Tts, &gemini("gemini-2.0-flash")), None);
    }
}
