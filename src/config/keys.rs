//! Every setting there is: its name, what it may hold, and what holds when nobody says otherwise.
//!
//! This table is the only place where a setting is declared. README's table says the same in words,
//! and a test holds the two together.

use std::fmt;

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// Its path in the file: `stt.google.model` stands for `model` in the table `[stt.google]`.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Its default, written as in the file.
    pub default: &'static str,
}

impl Key {
    /// Whether an argument of `AGI()` may set it as long as `call.arguments` is `safe`. Arguments may come from strangers: over
    /// FastAGI nobody is asked for a password. So none may lead the program, the caller or a key elsewhere, spend more, or
    /// say what is kept of a call.
    pub(super) fn is_safe_argument(&self) -> bool {
        let leads = matches!(
            self.kind,
            Kind::Secret | Kind::Path | Kind::Url | Kind::UrlOrPrivate
        );
        let last = self.name.rsplit('.').next().unwrap_or_default();
        let begins = NO_ARGUMENTS.iter().any(|name| self.name.starts_with(name));
        !leads && !begins && !NO_LAST_WORDS.contains(&last)
    }
}

/// What a setting may hold. `Display` gives it as README's table has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Printable text without spaces that is never shown, logged, or taken from an AGI argument.
    Secret,
    /// The path of a file.
    Path,
    /// `https://host`, perhaps with a port and a path.
    Url,
    /// The same, or `http://` to this machine or a private network.
    UrlOrPrivate,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Any of these words, in an order that matters.
    Several(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// A number within these bounds, and its unit.
    Number(f64, f64, &'static str),
    /// A whole number within these bounds, and its unit.
    Whole(u32, u32, &'static str),
    /// Several texts: at most so many, each of at most so many characters.
    Texts(usize, usize),
}

/// The key called `name`.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The name that `wrong` was probably meant to be, if any comes near.
pub fn nearest(wrong: &str) -> Option<&'static str> {
    let names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    most_alike(&names, wrong).or_else(|| {
        let last = |name: &str| name.rsplit('.').next().map(str::to_owned);
        names.into_iter().find(|name| last(name) == last(wrong))
    })
}

/// The one of `names` that `wrong` is a misspelling of, if it is one.
pub(super) fn most_alike(names: &[&'static str], wrong: &str) -> Option<&'static str> {
    let likeness = |name: &str| strsim::jaro_winkler(name, wrong);
    let best = names
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= LIKE).then_some(*best)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Text => f.write_str("text"),
            Self::Secret => f.write_str("secret text"),
            Self::Path => f.write_str("path"),
            Self::Url => f.write_str("https address"),
            Self::UrlOrPrivate => f.write_str("https address, http in private networks"),
            Self::OneOf(words) => f.write_str(&words.join(", ")),
            Self::Several(words) => write!(f, "list of {}", words.join(", ")),
            Self::Switch => f.write_str("true, false"),
            Self::Number(least, most, unit) => write!(f, "{least} to {most} {unit}"),
            Self::Whole(least, most, unit) => write!(f, "{least} to {most} {unit}"),
            Self::Texts(most, longest) => write!(f, "up to {most} texts of {longest} characters"),
        }
    }
}

/// All settings, in the order of the file.
pub const KEYS: &[Key] = &[
    key(
        "google.credentials",
        Kind::Path,
        r#""/etc/phone-assistant/google-creds.json""#,
    ),
    key("stt.provider", Kind::OneOf(STT_PROVIDERS), r#""google""#),
    key("stt.fallback", Kind::Several(STT_PROVIDERS), "[]"),
    key("stt.language", Kind::Text, r#""en-US""#),
    // At most 3 alternatives, 5,000 phrases, 100 characters each: Google's limits.
    key("stt.alternative_languages", Kind::Texts(3, 20), "[]"),
    key("stt.phrases", Kind::Texts(5000, 100), "[]"),
    key("stt.punctuation", Kind::Switch, "true"),
    key("stt.timeout", STAGE_SECONDS, "12.0"),
    key(
        "stt.google.base_url",
        Kind::Url,
        r#""https://speech.googleapis.com""#,
    ),
    key("stt.google.model", Kind::Text, r#""telephony""#),
    key("stt.openai.base_url", Kind::UrlOrPrivate, OPENAI_URL),
    key("stt.openai.model", Kind::Text, r#""gpt-transcribe""#),
    key("stt.openai.api_key", Kind::Secret, NOTHING),
    key("stt.openai.api_key_file", Kind::Path, NOTHING),
    key("llm.provider", Kind::OneOf(LLM_PROVIDERS), r#""gemini""#),
    key("llm.fallback", Kind::Several(LLM_PROVIDERS), "[]"),
    key("llm.persona", Kind::Text, PERSONA),
    key(
        "llm.max_output_tokens",
        Kind::Whole(16, 8192, "tokens"),
        "400",
    ),
    key(
        "llm.max_answer_chars",
        Kind::Whole(50, 20_000, "characters"),
        "1000",
    ),
    key("llm.timeout", STAGE_SECONDS, "12.0"),
    key(
        "llm.gemini.base_url",
        Kind::Url,
        r#""https://generativelanguage.googleapis.com""#,
    ),
    key("llm.gemini.model", Kind::Text, r#""gemini-3.5-flash-lite""#),
    key("llm.gemini.thinking", THINKING, r#""least""#),
    key("llm.gemini.api_key", Kind::Secret, NOTHING),
    key("llm.gemini.api_key_file", Kind::Path, NOTHING),
    key("llm.openai.base_url", Kind::UrlOrPrivate, OPENAI_URL),
    key("llm.openai.model", Kind::Text, NOTHING),
    key("llm.openai.token_limit", TOKEN_LIMIT, r#""auto""#),
    key("llm.openai.api_key", Kind::Secret, NOTHING),
    key("llm.openai.api_key_file", Kind::Path, NOTHING),
    key("tts.provider", Kind::OneOf(TTS_PROVIDERS), r#""openai""#),
    key(
        "tts.fallback",
        Kind::Several(TTS_PROVIDERS),
        r#"["google"]"#,
    ),
    key("tts.gain_db", Kind::Number(-20.0, 20.0, "dB"), "6.0"),
    // OpenAI's own bounds.
    key("tts.speed", Kind::Number(0.25, 4.0, "times"), "1.0"),
    key("tts.instructions", Kind::Text, NOTHING),
    key("tts.timeout", STAGE_SECONDS, "15.0"),
    key("tts.openai.base_url", Kind::UrlOrPrivate, OPENAI_URL),
    key("tts.openai.model", Kind::Text, r#""tts-1""#),
    key("tts.openai.voice", Kind::Text, r#""nova""#),
    key(
        "tts.openai.format",
        Kind::OneOf(&["wav", "pcm"]),
        r#""wav""#,
    ),
    key(
        "tts.openai.pcm_rate_hz",
        Kind::Whole(8000, 48_000, "Hz"),
        "24000",
    ),
    key("tts.openai.api_key", Kind::Secret, NOTHING),
    key("tts.openai.api_key_file", Kind::Path, NOTHING),
    key(
        "tts.google.base_url",
        Kind::Url,
        r#""https://texttospeech.googleapis.com""#,
    ),
    key("tts.google.voice", Kind::Text, NOTHING),
    key("openai.api_key", Kind::Secret, NOTHING),
    key("openai.api_key_file", Kind::Path, NOTHING),
    key(
        "reply.play",
        Kind::OneOf(&["dialplan", "stream"]),
        r#""stream""#,
    ),
    key("reply.stop_keys", Kind::Text, r##""#*""##),
    key(
        "reply.format",
        Kind::OneOf(&["auto", "ulaw", "alaw", "sln16"]),
        r#""auto""#,
    ),
    key("recording.keep", Kind::Switch, "false"),
    key(
        "recording.max_length",
        Kind::Number(1.0, 600.0, "s"),
        "120.0",
    ),
    key("call.arguments", Kind::OneOf(&["safe", "all"]), r#""safe""#),
    key("call.deadline", Kind::Number(3.0, 120.0, "s"), "25.0"),
    key("call.idle_timeout", Kind::Number(1.0, 60.0, "s"), "6.0"),
    key("call.fallback_after", Kind::Number(0.5, 60.0, "s"), "4.0"),
    key("conversation.quiet", Kind::Number(0.4, 3.0, "s"), "0.7"),
    key("conversation.think_ahead", Kind::Switch, "true"),
    key("conversation.barge_in", Kind::Switch, "true"),
    key(
        "conversation.max_question",
        Kind::Number(3.0, 120.0, "s"),
        "30.0",
    ),
    key("conversation.max_turns", Kind::Whole(1, 200, "turns"), "20"),
    key("conversation.max_minutes", Kind::Whole(1, 120, "min"), "10"),
    key(
        "conversation.ask_after",
        Kind::Number(2.0, 60.0, "s"),
        "8.0",
    ),
    key("conversation.greeting", Kind::Text, r#""sound:hello""#),
    key("conversation.still_there", Kind::Text, r#""sound:beep""#),
    key("conversation.goodbye", Kind::Text, r#""sound:goodbye""#),
    key(
        "conversation.sounds",
        Kind::Path,
        r#""/var/lib/phone-assistant/sounds""#,
    ),
    key("conversation.transfers", Kind::Texts(50, 100), "[]"),
    key(
        "waiting.play",
        Kind::OneOf(&["sound", "music", "nothing"]),
        r#""sound""#,
    ),
    key("waiting.after", Kind::Number(0.5, 60.0, "s"), "2.5"),
    key("waiting.every", Kind::Number(1.0, 60.0, "s"), "6.0"),
    key("waiting.sound", Kind::Text, r#""one-moment-please""#),
    key("waiting.music_class", Kind::Text, NOTHING),
    key("log.words", Kind::Switch, "false"),
    key(
        "log.calls",
        Kind::Path,
        r#""/var/log/asterisk/phone-assistant.jsonl""#,
    ),
    key(
        "state.folder",
        Kind::Path,
        r#""/var/lib/phone-assistant/state""#,
    ),
    key(
        "limits.max_calls_per_caller_per_hour",
        Kind::Whole(0, 10_000, "calls"),
        "0",
    ),
    key(
        "limits.max_daily_cost",
        Kind::Number(0.0, 100_000.0, "US dollars"),
        "0.0",
    ),
    key(
        "memory.callers",
        Kind::OneOf(&["none", "internal", "all"]),
        r#""none""#,
    ),
    key(
        "memory.folder",
        Kind::Path,
        r#""/var/lib/phone-assistant/callers""#,
    ),
    key(
        "memory.max_exchanges",
        Kind::Whole(1, 100, "exchanges"),
        "10",
    ),
    key("memory.max_days", Kind::Whole(1, 3650, "days"), "30"),
    key("secrets.allow_readable", Kind::Switch, "false"),
    key("http.ca_file", Kind::Path, NOTHING),
    key("http.proxy", Kind::Secret, NOTHING),
    key("http.no_proxy", Kind::Text, NOTHING),
    key("http.warm", Kind::Switch, "true"),
];

/// Environment variables that services' own tools use, and the setting each stands for.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("GOOGLE_APPLICATION_CREDENTIALS", "google.credentials"),
    ("GEMINI_API_KEY", "llm.gemini.api_key"),
    ("OPENAI_API_KEY", "openai.api_key"),
];

/// The beginnings of the names of settings that are no arguments, beside those whose kind says so.
const NO_ARGUMENTS: &[&str] = &[
    "call.arguments",
    "conversation.max_",
    "conversation.transfers",
    "http.",
    "limits.",
    "llm.max_",
    "log.",
    "memory.",
    "recording.",
    "secrets.",
    "state.",
    "stt.phrases",
    "tts.instructions",
];

/// The last words of the names of further ones: who is asked, and how long they think.
const NO_LAST_WORDS: &[&str] = &["provider", "fallback", "model", "thinking"];

const fn key(name: &'static str, kind: Kind, default: &'static str) -> Key {
    Key {
        name,
        kind,
        default,
    }
}

const STT_PROVIDERS: &[&str] = &["google", "openai"];
const LLM_PROVIDERS: &[&str] = &["gemini", "openai"];
const TTS_PROVIDERS: &[&str] = &["openai", "google"];
const TOKEN_LIMIT: Kind = Kind::OneOf(&["auto", "max_completion_tokens", "max_tokens"]);
const THINKING: Kind = Kind::OneOf(&["least", "unset", "minimal", "low", "medium", "high"]);
/// The empty text.
const NOTHING: &str = "\"\"";
const STAGE_SECONDS: Kind = Kind::Number(1.0, 60.0, "s");
const OPENAI_URL: &str = r#""https://api.openai.com""#;

const PERSONA: &str = concat!(
    r#""You are a friendly voice on the telephone. Answer the caller's question directly, "#,
    "in two or three short sentences, the way a warm and natural person would say it aloud. ",
    "Do not ask anything back. Answer in the language of the question. ",
    "Your words go straight to a speech synthesiser: plain sentences only, ",
    r#"no lists, headings, symbols, links or emoji. End by saying goodbye.""#,
);

/// Likeness from which on a name passes as a misspelling of another: `stt.langauge` has 0.98,
/// `log.word` 0.97, unrelated keys of one table up to about 0.9.
const LIKE: f64 = 0.92;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_or_misplaced_key_finds_its_right_name() {
        let table = [
            ("stt.langauge", Some("stt.language")),
            ("log.word", Some("log.words")),
            ("tts.voice", Some("tts.openai.voice")),
            ("api_key", Some("stt.openai.api_key")),
            ("recording.kepp", Some("recording.keep")),
            ("frobnicate", None),
        ];
        for (wrong, right) in table {
            assert_eq!(nearest(wrong), right, "{wrong}");
        }
    }

    #[test]
    fn what_leads_somewhere_or_spends_is_no_safe_argument() {
        let is_safe = |name| find(name).expect(name).is_safe_argument();
        for name in [
            "stt.language",
            "tts.openai.voice",
            "llm.persona",
            "reply.play",
            "tts.speed",
            "conversation.greeting",
        ] {
            assert!(is_safe(name), "{name}");
        }
        for part in [
            "base_url",
            "api_key",
            "_file",
            "credentials",
            "folder",
            "sounds",
            "transfers",
            "http.",
            "limits.",
            "log.",
            "memory.",
            "secrets.",
            "state.",
            "call.arguments",
            ".provider",
            ".fallback",
            ".model",
            ".thinking",
            ".max_",
            ".keep",
            ".phrases",
            ".instructions",
        ] {
            let mut keys = KEYS
                .iter()
                .filter(|key| key.name.contains(part) && key.name != "call.fallback_after")
                .peekable();
            assert!(keys.peek().is_some(), "{part}");
            assert!(keys.all(|key| !key.is_safe_argument()), "{part}");
        }
    }

    #[test]
    fn names_are_unique_and_environment_names_known_keys() {
        for (i, key) in KEYS.iter().enumerate() {
            assert!(
                !KEYS[..i].iter().any(|other| other.name == key.name),
                "{} twice",
                key.name
            );
        }
        assert!(ENVIRONMENT.iter().all(|(_, name)| find(name).is_some()));
    }
}
