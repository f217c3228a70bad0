//! The one table of providers: a row for each provider of each stage.
//!
//! A new provider is a row here; the file of its name in `cloud/stt`, `cloud/llm` or `cloud/tts` with the code that
//! speaks to it, and the line `mod NAME;` in the `mod.rs` beside that file; and what its models cost in `catalogue.toml`,
//! with its hosts where a last day is known. A key that it has for all stages, `NAME.api_key`, is declared in `keys.rs`.

use super::kind::{AUTO, Key, Kind, NOTHING, key};
use super::voices;

/// Hands the rows of a stage to the macro `$then`, in the order in which `auto` chooses: the name, which the file has too,
/// what is known of the provider, and its settings.
#[rustfmt::skip] // One setting and its meaning in two lines: a table.
macro_rules! providers {
    (stt, $then:ident) => { $then! { "stt";
        google: OF_GOOGLE, [
            key("stt.google.base_url", Kind::Url, r#""https://speech.googleapis.com""#,
                "The service's address, such as a regional one."),
            key("stt.google.model", Kind::Text, r#""telephony""#,
                "`telephony` is made for phones; a language that lacks it wants `latest_long`."),
        ];
        gemini: Row { transcribers: Some("transcribe"), ..OF_GOOGLE }, [
            key("stt.gemini.base_url", Kind::Url, GEMINI_URL,
                "The service's address."),
            // A general model: gemini-3.5-transcribe was reported to answer with empty parts over REST
            // (discuss.ai.google.dev, topic 179937).
            key("stt.gemini.model", Kind::Text, r#""gemini-3.5-flash-lite""#,
                "The model. One whose name has `transcribe` in it is asked as such models are, any other is told to \
                 write down what is said: see `phone-assistant help providers`."),
        ];
        openai: Row { key: Some(&OPENAI_KEY), ..OF_OPENAI }, [
            key("stt.openai.base_url", Kind::UrlOrPrivate, OPENAI_URL,
                "The server's address: OpenAI's, or any server that speaks its API. A path is taken whole, such as \
                 `https://host/api/v3`; without one it is `/v1`."),
            // OpenAI switches whisper-1 and the gpt-4o transcribers off on 2027-02-26 (openai-python,
            // `audio_model.py`).
            key("stt.openai.model", Kind::Text, r#""gpt-transcribe""#,
                "The model that transcribes."),
            key("stt.openai.api_key", Kind::Secret, NOTHING,
                "A key of its own; otherwise the one under `[openai]`."),
            key("stt.openai.api_key_file", Kind::SecretFile, NOTHING,
                "A file that holds the key and nothing else, instead of `api_key`."),
        ];
    } };
    (llm, $then:ident) => { $then! { "llm";
        gemini: Row { key: Some(&GEMINI_KEY), names: &["gemini-"], hears: true, ..OF_GOOGLE }, [
            key("llm.gemini.base_url", Kind::Url, GEMINI_URL,
                "The service's address."),
            // In kwindla/aiewf-eval, a benchmark of 30 turns on the telephone, it is right in 97.1 % of them and
            // gemini-3.5-flash-lite in 68.6 %; its first token takes 0.2 s more.
            key("llm.gemini.model", Kind::Text, r#""gemini-3.6-flash""#,
                "The model, by its name in Google's list. What a cheaper one saves, and misses: see `phone-assistant \
                 help cost`."),
            key("llm.gemini.thinking", THINKING, r#""least""#,
                "How much it thinks before it speaks, while the caller waits. `least` is as little as the model \
                 allows; `unset` leaves it to the model."),
            key("llm.gemini.api_key", Kind::Secret, NOTHING,
                "A key of its own; otherwise the one under `[gemini]`."),
            key("llm.gemini.api_key_file", Kind::SecretFile, NOTHING,
                "A file that holds the key and nothing else, instead of `api_key`."),
        ];
        openai: Row { names: &["gpt-"], ..OF_OPENAI }, [
            key("llm.openai.base_url", Kind::UrlOrPrivate, OPENAI_URL,
                "The server's address: OpenAI's, or any server that speaks its API, such as Ollama. A path is taken \
                 whole, such as `https://host/v1beta/openai`; without one it is `/v1`."),
            key("llm.openai.model", Kind::Text, NOTHING,
                "The model, by the server's own name for it."),
            key("llm.openai.thinking", EFFORT, r#""least""#,
                "How much it thinks before it speaks, while the caller waits. `least` is as little as the model \
                 allows; `unset` leaves it to the model. A server that refuses it is asked without."),
            key("llm.openai.token_limit", TOKEN_LIMIT, r#""auto""#,
                "What the server calls `max_output_tokens`. `auto` tries the other name when one is refused."),
            key("llm.openai.api_key", Kind::Secret, NOTHING,
                "A key of its own; otherwise the one under `[openai]`."),
            key("llm.openai.api_key_file", Kind::SecretFile, NOTHING,
                "A file that holds the key and nothing else, instead of `api_key`."),
        ];
    } };
    (tts, $then:ident) => { $then! { "tts";
        openai: Row { names: voices::OPENAI, ..OF_OPENAI }, [
            key("tts.openai.base_url", Kind::UrlOrPrivate, OPENAI_URL,
                "The server's address: OpenAI's, or any server that speaks its API. A path is taken whole, such as \
                 `https://host/api/v3`; without one it is `/v1`."),
            key("tts.openai.model", Kind::Text, r#""tts-1""#,
                "The speech model."),
            key("tts.openai.voice", Kind::Text, r#""nova""#,
                "The voice: `alloy`, `echo`, `fable`, `onyx`, `nova`, `shimmer` and more."),
            key("tts.openai.format", Kind::OneOf(&["wav", "pcm"]), r#""wav""#,
                "What to ask for. `wav` tells its sample rate; `pcm` is for servers that send broken WAV. A server \
                 that sends MP3, AAC, FLAC or Ogg (Vorbis or Opus) instead is understood too."),
            key("tts.openai.pcm_rate_hz", Kind::Whole(8000, 48_000, "Hz"), "24000",
                "The rate of `pcm` where the server does not tell it."),
            key("tts.openai.api_key", Kind::Secret, NOTHING,
                "A key of its own; otherwise the one under `[openai]`."),
            key("tts.openai.api_key_file", Kind::SecretFile, NOTHING,
                "A file that holds the key and nothing else, instead of `api_key`."),
        ];
        google: Row { has_voices_by_language: true, stands_in: true, ..OF_GOOGLE }, [
            key("tts.google.base_url", Kind::Url, r#""https://texttospeech.googleapis.com""#,
                "The service's address."),
            key("tts.google.voice", Kind::Text, NOTHING,
                "A voice by Google's name for it, such as `en-US-Chirp3-HD-Charon`; empty: any of `stt.language`."),
        ];
        gemini: Row { names: voices::GEMINI, ..OF_GOOGLE }, [
            key("tts.gemini.base_url", Kind::Url, GEMINI_URL,
                "The service's address."),
            key("tts.gemini.model", Kind::Text, r#""gemini-3.8-flash-lite-tts""#,
                "The speech model."),
            key("tts.gemini.voice", Kind::Text, r#""Kore""#,
                "The voice, by Google's name for it: `Kore`, `Puck`, `Charon`, `Leda` and more."),
        ];
    } };
}
pub(crate) use providers;

/// What is known of a provider of one stage, beside its settings.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) stage: &'static str,
    pub(crate) name: &'static str,
    /// The key that `setup` takes for it, and tries by asking it for its list of models.
    pub(crate) key: Option<&'static SetupKey>,
    /// The provider's voices, or how the names of its models begin: by them a persona's are known to be of it.
    names: &'static [&'static str],
    pub(super) api: Api,
    /// Whether it works beside a provider that the settings name, unless they say otherwise.
    stands_in: bool,
    /// Whether each of its voices speaks one language, which its name tells.
    pub(crate) has_voices_by_language: bool,
    /// Whether its models can hear callers themselves.
    pub(crate) hears: bool,
    /// What the names of its models have in them that only transcribe.
    pub(super) transcribers: Option<&'static str>,
}

/// What a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// An API of its own.
    Own,
    /// One of Google's, where its service account can sign in.
    Google,
    /// OpenAI's, as any server that the settings name may, at an address that has a version.
    OpenAi,
}

/// A key that `setup` knows by its form.
#[derive(Debug)]
pub(crate) struct SetupKey {
    /// Its owner's name for people.
    pub(crate) vendor: &'static str,
    pub(crate) beginnings: &'static [&'static str],
    /// The setting that holds it.
    pub(crate) setting: &'static str,
    /// The environment variable in which the vendor's own tools expect it.
    pub(crate) variable: &'static str,
}

/// The row of a provider of `stage`.
pub(crate) fn row(stage: &str, name: &str) -> Option<&'static Row> {
    rows(stage).iter().find(|row| row.name == name)
}

/// The provider of `stage` that works beside a named one unless the settings say otherwise.
pub(super) fn stand_in(stage: &str) -> Option<&'static str> {
    let row = rows(stage).iter().find(|row| row.stands_in)?;
    Some(row.name)
}

/// Whether Google's service account can sign in to the provider of this name.
pub(super) fn takes_account(name: &str) -> bool {
    let mut all = TABLES.into_iter().flatten();
    all.any(|row| row.name == name && row.api == Api::Google)
}

/// The rows of `stage`.
pub(crate) fn rows(stage: &str) -> &'static [Row] {
    match stage {
        "stt" => STT.rows,
        "llm" => LLM.rows,
        "tts" => TTS.rows,
        _ => &[],
    }
}

/// The provider of `stage` that a voice or a model of this name is known to be of.
pub(crate) fn owner(stage: &str, name: &str) -> Option<&'static str> {
    let is_voice = stage == "tts";
    let is_its = |row: &&Row| {
        let fits = |known: &&str| {
            if is_voice {
                known.eq_ignore_ascii_case(name)
            } else {
                name.starts_with(known)
            }
        };
        row.names.iter().any(fits) || row.has_voices_by_language && voices::is_of_google(name)
    };
    let row = rows(stage).iter().find(is_its)?;
    Some(row.name)
}

/// The known voices of a provider's model; none of Google's, whose names hold a language: `en-US-Chirp3-HD-Kore`.
pub(crate) fn voices(provider: &str, model: &str) -> &'static [&'static str] {
    match row("tts", provider) {
        Some(row) if row.names == voices::OPENAI && model.starts_with("tts-1") => {
            &voices::OPENAI[..voices::OF_TTS_1]
        }
        Some(row) => row.names,
        None => &[],
    }
}

/// The provider whose key `text` is, by its beginning.
pub(crate) fn key_kind(text: &str) -> Option<&'static Keyed> {
    let begins = |beginning: &&str| text.starts_with(beginning);
    let mut all = WITH_KEY.iter();
    all.find(|(_, known)| known.beginnings.iter().any(begins))
}

/// The providers whose key `setup` takes, with that key.
pub(crate) const WITH_KEY: &[Keyed] = &with_key::<{ with_key::<0>().1 }>().0;

/// A provider that has a key for `setup`.
pub(crate) type Keyed = (&'static Row, &'static SetupKey);

/// The first `N` of them, and how many there are.
const fn with_key<const N: usize>() -> ([Keyed; N], usize) {
    let (mut found, mut count) = ([(&PLAIN, &GEMINI_KEY); N], 0);
    let (mut table, mut row) = (0, 0);
    while table < TABLES.len() {
        if row == TABLES[table].len() {
            (table, row) = (table + 1, 0);
            continue;
        }
        if let Some(key) = TABLES[table][row].key {
            if count < N {
                found[count] = (&TABLES[table][row], key);
            }
            count += 1;
        }
        row += 1;
    }
    (found, count)
}

/// The providers of one stage.
pub(super) struct Table {
    /// What the settings `provider` and `fallback` may name.
    pub(super) names: &'static [&'static str],
    pub(super) settings: &'static [Key],
    rows: &'static [Row],
}

macro_rules! table {
    ($stage:literal; $($provider:ident: $known:expr, [$($setting:expr),* $(,)?];)*) => {
        Table {
            names: &[AUTO, $(stringify!($provider)),*],
            settings: &[$($($setting),*),*],
            rows: &[$(Row { stage: $stage, name: stringify!($provider), ..$known }),*],
        }
    };
}
pub(super) const STT: Table = providers!(stt, table);
pub(super) const LLM: Table = providers!(llm, table);
pub(super) const TTS: Table = providers!(tts, table);

/// The model is what a new key is tried with, so it comes first.
const TABLES: [&[Row]; 3] = [LLM.rows, STT.rows, TTS.rows];

/// A provider of which no more is known than its settings.
const PLAIN: Row = Row {
    stage: "",
    name: "",
    key: None,
    names: &[],
    api: Api::Own,
    stands_in: false,
    has_voices_by_language: false,
    hears: false,
    transcribers: None,
};
const OF_GOOGLE: Row = Row {
    api: Api::Google,
    ..PLAIN
};
const OF_OPENAI: Row = Row {
    api: Api::OpenAi,
    ..PLAIN
};

/// Keys that are bound to a service account begin with `AQ.`, the older standard keys with `AIza`:
/// <https://ai.google.dev/gemini-api/docs/api-key>.
const GEMINI_KEY: SetupKey = SetupKey {
    vendor: "Gemini",
    beginnings: &["AQ.", "AIza"],
    setting: "gemini.api_key",
    variable: "GEMINI_API_KEY",
};
const OPENAI_KEY: SetupKey = SetupKey {
    vendor: "OpenAI",
    beginnings: &["sk-"],
    setting: "openai.api_key",
    variable: "OPENAI_API_KEY",
};

const GEMINI_URL: &str = r#""https://generativelanguage.googleapis.com""#;
const OPENAI_URL: &str = r#""https://api.openai.com""#;
const TOKEN_LIMIT: Kind = Kind::OneOf(&["auto", "max_completion_tokens", "max_tokens"]);
const THINKING: Kind = Kind::OneOf(&[
    "least", "unset", "minimal", "low", "medium", "high", "xhigh",
]);
const EFFORT: Kind = Kind::OneOf(&[
    "least", "unset", "none", "minimal", "low", "medium", "high", "xhigh",
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_known_by_its_name() {
        let table = [
            ("onyx", Some("openai")),
            ("Kore", Some("gemini")),
            ("kore", Some("gemini")),
            ("en-US-Chirp3-HD-Kore", Some("google")),
            ("cmn-CN-Wavenet-A", Some("google")),
            ("es-419-Neural2-A", Some("google")),
            ("de_DE-thorsten-medium", None),
            ("af_heart", None),
            ("", None),
        ];
        for (voice, expected) in table {
            assert_eq!(owner("tts", voice), expected, "{voice}");
        }
    }
}
