//! Every setting: its name, what it may hold, its default, and what it does. `phone-assistant help settings` prints all.
//!
//! A new setting is:
//! - declared and described once: here, or in `config/providers.rs` where it is of a provider's own table;
//! - read by `setting!` into its field of `config.rs`, `sections.rs`, `knowledge.rs`, `limits.rs`, `messages.rs` or
//!   `shared.rs`; `endpoint.rs` and `chosen.rs` read what every provider or stage has;
//! - an argument of `AGI()` only where it stands in `keys/safe_arguments.rs`, and a persona's where in `personas.rs`;
//! - checked by its [`Kind`], and by `faults` of its section where one value alone does not tell;
//! - warned of in `cmd/check`, where it can be right and do nothing.

mod misspelt;
mod safe_arguments;

pub(super) use super::kind::key;
use super::kind::{AUTO, NOTHING};
pub use super::kind::{Key, Kind};
use super::providers::{self, WITH_KEY};
pub use misspelt::nearest;
pub(super) use misspelt::{did_you_mean, hint, unknown};

impl Key {
    /// Its default, where that is a text.
    pub(super) fn default_text(&self) -> &'static str {
        self.default.trim_matches('"')
    }
}

/// The key called `name`.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The setting of a name that is written in the code: one that does not exist does not compile.
macro_rules! setting {
    ($name:literal) => {
        const { $crate::config::keys::named($name) }
    };
}
pub(crate) use setting;

/// The key called `name`, while compiling.
///
/// # Panics
/// Where there is none.
pub(crate) const fn named(name: &str) -> &'static Key {
    let mut index = 0;
    while !is_same(KEYS[index].name.as_bytes(), name.as_bytes()) {
        index += 1;
    }
    &KEYS[index]
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

/// The setting called `name` in a table of the top.
pub(crate) fn in_table(table: &str, name: &str) -> Option<&'static Key> {
    find(&format!("{table}.{name}"))
}

/// The setting called `name` in the table of a provider of `stage`, if it has one.
pub(crate) fn of_provider(stage: &str, provider: &str, name: &str) -> Option<&'static Key> {
    find(&format!("{stage}.{provider}.{name}"))
}

/// The names that settings have, in the file and in the environment.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let variables = ENVIRONMENT.iter().map(|(variable, _)| *variable);
    KEYS.iter().map(|key| key.name).chain(variables)
}

/// The providers of `stage`, by their names in the settings, in the order in which they are chosen.
pub fn providers(stage: &str) -> &'static [&'static str] {
    match in_table(stage, "provider").map(|key| key.kind) {
        Some(Kind::OneOf(names)) => names.strip_prefix(&[AUTO]).unwrap_or(names),
        _ => &[],
    }
}

/// Whether a provider is not asked while this setting of its table is empty: a model, and a voice beside it. Where there
/// are only voices, an empty one stands for any.
pub(super) fn is_required(name: &str) -> bool {
    let is_there = |name: &str| find(name).is_some();
    match name.rsplit_once('.') {
        Some((_, "model")) => is_there(name),
        Some((table, "voice")) => is_there(name) && is_there(&format!("{table}.model")),
        _ => false,
    }
}

/// All settings, in the order of the file.
pub const KEYS: &[Key] = &joined::<{ count() }>();

/// The settings by their sections; the tables of the providers follow the section of their stage.
const SECTIONS: [&[Key]; 7] = [
    STT,
    providers::STT.settings,
    LLM,
    providers::LLM.settings,
    TTS,
    providers::TTS.settings,
    REST,
];

const fn count() -> usize {
    let (mut count, mut section) = (0, 0);
    while section < SECTIONS.len() {
        count += SECTIONS[section].len();
        section += 1;
    }
    count
}

const fn joined<const N: usize>() -> [Key; N] {
    let mut all = [STT[0]; N];
    let (mut filled, mut section) = (0, 0);
    while section < SECTIONS.len() {
        let (_, rest) = all.split_at_mut(filled);
        let (here, _) = rest.split_at_mut(SECTIONS[section].len());
        here.copy_from_slice(SECTIONS[section]);
        filled += SECTIONS[section].len();
        section += 1;
    }
    all
}

#[rustfmt::skip] // One setting and its meaning in two lines: a table.
const STT: &[Key] = &[
    key("gemini.api_key", Kind::Secret, NOTHING,
        "A Gemini API key, for all stages; it is used instead of the service account."),
    key("gemini.api_key_file", Kind::SecretFile, NOTHING,
        "A file that holds the key and nothing else, instead of `api_key`."),
    key("google.credentials", Kind::SecretFile, r#""/etc/phone-assistant/google-creds.json""#,
        "The service account's key file: for speech to text, Gemini, and Google's voice."),
    // One and Google's 3 alternatives.
    key("languages", Kind::Texts(4, 20), "[]",
        "The languages that callers speak, as BCP-47 tags, first the one that most speak: `[\"en-US\", \"fr-FR\"]`. It stands \
         for `stt.language` and `stt.alternative_languages`, which count instead where they are set as well: see \
         `phone-assistant help providers`."),
    key("stt.provider", Kind::OneOf(providers::STT.names), AUTO_DEFAULT,
        "Which service transcribes what callers say. `auto`: the first of these that has a key; for Google its \
         key file is the key."),
    key("stt.fallback", Kind::Several(providers::STT.names), AUTO_DEFAULT,
        "Which services transcribe when that provider fails, in this order: see `phone-assistant help fallback`. `auto`: \
         with `provider = \"auto\"` all others with a key; else none."),
    key("stt.language", Kind::Text, r#""en-US""#,
        "The language that callers speak, as a BCP-47 tag: `de-DE`, `fr-FR`."),
    // At most 3 alternatives, 5,000 phrases, 100 characters each: Google's limits.
    key("stt.alternative_languages", Kind::Texts(3, 20), "[]",
        "Other languages that callers may speak."),
    key("stt.phrases", Kind::Texts(5000, 100), "[]",
        "Words to expect: names, products, places."),
    key("stt.punctuation", Kind::Switch, "true",
        "Ask for punctuation in the transcript."),
    key("stt.timeout", STAGE_SECONDS, "12.0",
        "How long one request may take."),
];

#[rustfmt::skip] // One setting and its meaning in two lines: a table.
const LLM: &[Key] = &[
    key("llm.provider", Kind::OneOf(providers::LLM.names), AUTO_DEFAULT,
        "Which service answers. `auto`: the first of these that has a key and a model. Gemini takes Google's key file too; \
         OpenAI has no default model."),
    key("llm.fallback", Kind::Several(providers::LLM.names), AUTO_DEFAULT,
        "Which services answer when that provider fails, in this order. `auto` is as in `stt.fallback`."),
    key("llm.persona", Kind::Text, PERSONA,
        "Who the assistant is and how it speaks."),
    key("llm.max_output_tokens", Kind::Whole(16, 8192, "tokens"), "400",
        "How much the model may write for one answer, thinking included."),
    key("llm.max_answer_chars", Kind::Whole(50, 20_000, "characters"), "1000",
        "A longer answer ends at the last sentence that fits."),
    key("llm.timeout", STAGE_SECONDS, "12.0",
        "How long it may take until the model begins to write."),
    key("llm.hears", Kind::Switch, "false",
        "Whether Gemini hears the caller itself instead of reading a transcript, which saves a round trip: see \
         `phone-assistant help providers`. It does nothing where another service answers, or where callers can leave \
         messages."),
];

#[rustfmt::skip] // One setting and its meaning in two lines: a table.
const TTS: &[Key] = &[
    key("tts.provider", Kind::OneOf(providers::TTS.names), AUTO_DEFAULT,
        "Which service speaks. `auto`: the first of these that has a key and whose model is not switched off; for Google \
         its key file is the key."),
    key("tts.fallback", Kind::Several(providers::TTS.names), AUTO_DEFAULT,
        "Which services speak when that provider fails, in this order. `auto`: with `provider = \"auto\"` all others with \
         a key; else Google, where its key file is."),
    key("tts.level_dbfs", Kind::Number(-35.0, -10.0, "dBFS"), "-19.0",
        "How loud voices are: the level of their speech without its pauses, to which each voice is brought as it was \
         measured. Asterisk's recorded words have -18 to -21. A limiter keeps it from clipping."),
    key("tts.gain_db", Kind::NumberIfSet(-20.0, 20.0, "dB"), NOTHING,
        "How much louder than the service delivers it, whatever the voice, instead of `tts.level_dbfs`. Empty: not set."),
    // OpenAI's own bounds.
    key("tts.speed", Kind::Number(0.25, 4.0, "times"), "1.0",
        "How fast the voice speaks. Gemini's voices take no number: they are told to speak (very) slowly or quickly where \
         it is below 0.95 or from 1.05 on."),
    // OpenAI's own bound.
    key("tts.instructions", Kind::ShortText(4096), NOTHING,
        "The mood: `Speak calmly and warmly.` The models `tts-1` and `tts-1-hd` and Google's voices take none."),
    key("tts.timeout", STAGE_SECONDS, "15.0",
        "How long it may take until the voice begins to speak."),
];

#[rustfmt::skip] // One setting and its meaning in two lines: a table.
const REST: &[Key] = &[
    key("openai.api_key", Kind::Secret, NOTHING,
        "The OpenAI key, for all stages; it is never sent without TLS."),
    key("openai.api_key_file", Kind::SecretFile, NOTHING,
        "A file that holds the key and nothing else, instead of `api_key`."),
    key("reply.play", Kind::OneOf(&["dialplan", "stream"]), r#""stream""#,
        "`stream`: the program plays the answer while it is being made. `dialplan`: it hands over a whole file, which the \
         dialplan plays. The example dialplan does both."),
    key("reply.stop_keys", Kind::Keys, r##""#*""##,
        "The keys with which the caller stops the answer. Empty: none."),
    key("reply.format", Kind::OneOf(&["auto", "ulaw", "alaw", "sln16"]), r#""auto""#,
        "The format of the answer's file. `auto` asks Asterisk what the phone speaks; wideband phones get 16 kHz."),
    key("recording.keep", Kind::Switch, "false",
        "Keep recordings instead of removing them after use."),
    key("recording.max_length", Kind::Number(1.0, 600.0, "s"), "120.0",
        "Anything recorded beyond this is ignored."),
    key("call.arguments", Kind::OneOf(&["safe", "all"]), r#""safe""#,
        "Which settings may be arguments of `AGI()`. `safe` allows none that leads elsewhere, spends more or holds a key, \
         but what is said and heard: `languages`, `llm.persona`, `stt.language`, `stt.alternative_languages`, \
         `stt.punctuation`, `tts.openai.voice`, `tts.gemini.voice`, `tts.gain_db`, `tts.level_dbfs`, all of `reply` \
         and `waiting`, and of `conversation` `ask_after`, `barge_in`, `goodbye`, `greeting`, `quiet` and `still_there`; also \
         `recording.keep`, where Asterisk starts the program itself."),
    key("call.deadline", Kind::Number(3.0, 120.0, "s"), "25.0",
        "From the start of the program to the first word of the answer. After that the caller hears the apology."),
    key("call.idle_timeout", Kind::Number(1.0, 60.0, "s"), "6.0",
        "Longest pause of the model or the voice inside an answer."),
    key("call.fallback_after", Kind::Number(0.5, 60.0, "s"), "4.0",
        "How long to wait for a service before its fallback is asked."),
    // In LiveKit's eot-bench a timer of 0.6 s cuts off 21.7 % of the turns of real people, and one that cuts off 5 %
    // takes 1.6 s.
    key("conversation.quiet", Kind::Number(0.4, 3.0, "s"), "0.7",
        "Quiet that ends the caller's turn in a conversation: see `phone-assistant help conversation`."),
    key("conversation.think_ahead", Kind::Switch, "true",
        "Transcribe what was said after 0.3 s of quiet already. A caller who goes on after that costs one transcription \
         more: of all that they have said, or after 0.5 s of quiet of what is new. That happens three times in a turn at \
         most, the third time after 0.6 s; a fourth is kept for the turn's end."),
    // Figures of the same benchmark are behind it: people pause within sentences as long as behind them.
    key("conversation.by_meaning", Kind::Switch, "true",
        "End the caller's turn by what was said, where it is transcribed before the turn is over: after 0.5 s of quiet \
         behind a finished question, a yes or a no, and only after 1.8 s where more has to follow (\"I would like to\", a \
         number that is being told). It knows English, German, French, Spanish and Italian."),
    key("conversation.barge_in", Kind::Switch, "true",
        "The caller's voice stops an answer or a phrase."),
    key("conversation.max_question", Kind::Number(3.0, 120.0, "s"), "30.0",
        "Length at which a turn of the caller's is cut off."),
    key("conversation.max_turns", Kind::Whole(1, 200, "turns"), "20",
        "The maximum number of answers in one call; then it says goodbye. Two noises in a row that are not understood are free; more of \
         them count as turns. A caller who interrupts the last answer is answered once more."),
    key("conversation.max_minutes", Kind::Whole(1, 120, "min"), "10",
        "Length of a call; the answer being spoken then is finished."),
    key("conversation.ask_after", Kind::Number(2.0, 60.0, "s"), "8.0",
        "Silence after which the caller hears `still_there`, and after as much again `goodbye`."),
    key("conversation.greeting", Kind::Text, r#""sound:hello""#,
        "What is said first: words for the voice, spoken once and kept, or `sound:` and the name of a sound."),
    key("conversation.still_there", Kind::Text, r#""sound:beep""#,
        "Said to a caller who says nothing. Words or a sound, like `greeting`."),
    key("conversation.goodbye", Kind::Text, r#""sound:goodbye""#,
        "Said when the call ends because of a limit or silence (not when the model ends it). Words or a sound, like \
         `greeting`."),
    key("conversation.sounds", Kind::Path, r#""/var/lib/phone-assistant/sounds""#,
        "The folder that keeps what was spoken once."),
    key("conversation.transfers", Kind::Texts(50, 100), "[]",
        "Where the model may transfer a caller to: `[\"reception=200\"]`, a name and an extension each."),
    key("conversation.operator", Kind::Text, NOTHING,
        "The extension of a person, to whom the key 0 leads: in a conversation at any time, and on 8008 while the program \
         plays the answer. Empty: none."),
    key("waiting.play", Kind::OneOf(&["sound", "music", "nothing"]), r#""sound""#,
        "What callers hear while they wait for the answer."),
    key("waiting.after", Kind::Number(0.5, 60.0, "s"), "2.5",
        "Silence after which it is played."),
    key("waiting.every", Kind::Number(1.0, 60.0, "s"), "6.0",
        "Pause between the end of a sound and its repetition."),
    key("waiting.sound", Kind::Text, r#""one-moment-please""#,
        "One of Asterisk's sounds, or yours: `custom/please-hold`, a path without extension. If it is missing, the call goes \
         on without it."),
    key("waiting.music_class", Kind::Text, NOTHING,
        "The class of music on hold; empty: the channel's own."),
    key("knowledge.place", Kind::ShortText(200), NOTHING,
        "Where the house is, in words: `Lyon, France`. The model is told it with the local date and time: see \
         `phone-assistant help knowledge`."),
    key("knowledge.time_zone", Kind::Text, NOTHING,
        "The time zone of the house, by its IANA name: `Europe/Paris`. Empty: the machine's."),
    key("knowledge.facts", Kind::Path, NOTHING,
        "A text file, or a folder of them, of at most 48 kB in all: prices, people, addresses. It is read anew for each \
         call, and told to the model with every question."),
    // A rule has about 20 characters.
    key("knowledge.opening_hours", Kind::ShortText(1000), NOTHING,
        "When the house is open, in OpenStreetMap's notation: `Mo-Fr 09:00-12:00,14:00-18:00; Sa 09:00-12:00; PH off`."),
    key("knowledge.country", Kind::Text, NOTHING,
        "Whose public holidays `PH` in `knowledge.opening_hours` stands for, as ISO 3166 code: `FR`."),
    key("knowledge.disclosure", Kind::OneOf(&["none", "outside", "all"]), r#""outside""#,
        "Which callers are told that they talk with an automatic assistant: those who are not known as phones of this \
         Asterisk, all, or none. See `phone-assistant help knowledge`."),
    // The call goes on after it.
    key("knowledge.disclosure_text", Kind::ShortText(500), NOTHING,
        "What they are told, before anything else. Words or a sound, like `conversation.greeting`. Empty: that they talk with \
         an automatic assistant, in the first language of the settings where that is English, German, French, Spanish or \
         Italian, else in English."),
    key("log.words", Kind::Switch, "false",
        "Whether logs may hold what was said."),
    key("log.calls", Kind::Path, r#""/var/log/asterisk/phone-assistant.jsonl""#,
        "The log of calls: see `phone-assistant help log`. Empty: none."),
    key("state.folder", Kind::Path, r#""/var/lib/phone-assistant/state""#,
        "What calls remember for each other: which services fail, how loud voices are, and what was spent."),
    key("state.url", Kind::Text, NOTHING,
        "A Redis or Valkey server on which several machines count calls and costs, note failing services and remember \
         callers together: `redis://HOST` or `rediss://HOST`. See `phone-assistant help machines`."),
    key("state.password_file", Kind::SecretFile, NOTHING,
        "A file with the password of that server."),
    key("state.machines", Kind::Whole(1, 1000, "machines"), "1",
        "How many machines share that server: while it does not answer, each may spend an equal part of what is left of the day."),
    key("limits.max_calls_per_caller_per_hour", Kind::Whole(0, 10_000, "calls"), "0",
        "Most calls of one caller within any 60 minutes. Callers who hide their number share one limit. 0: no limit."),
    key("limits.max_messages_per_caller_per_hour", Kind::Whole(0, 1000, "messages"), "5",
        "Most messages of one caller within any 60 minutes. Callers who hide their number share one limit. 0: no limit."),
    key("limits.max_daily_cost", Kind::Number(0.0, 100_000.0, "US dollars"), "0.0",
        "What all calls of a day (UTC) may cost, by the price list of this version: see `phone-assistant help limits`. 0: \
         no limit."),
    key("memory.callers", Kind::OneOf(&["none", "internal", "all"]), r#""none""#,
        "Which callers' next calls go on where their last one ended: see `phone-assistant help memory`."),
    key("memory.folder", Kind::Path, r#""/var/lib/phone-assistant/callers""#,
        "Where that is kept, one small file for each caller; where machines share a server, its key alone."),
    key("memory.max_exchanges", Kind::Whole(1, 100, "exchanges"), "10",
        "How many questions with their answers are kept of a caller, the last ones."),
    key("memory.max_days", Kind::Whole(1, 3650, "days"), "30",
        "Age at which an exchange is forgotten."),
    key("messages.mail_to", Kind::Texts(20, 254), "[]",
        "The addresses that the messages of callers are mailed to: `[\"office@example.org\"]`. With one, or with \
         `messages.webhook`, callers can leave messages: see `phone-assistant help messages`."),
    key("messages.mail_from", Kind::ShortText(254), NOTHING,
        "The sender of these mails. Empty: `asterisk@` and the name of the machine."),
    key("messages.sendmail", Kind::Path, r#""/usr/sbin/sendmail""#,
        "The program of the machine's mail server that takes mails."),
    key("messages.webhook", Kind::UrlIfSet, NOTHING,
        "The address that gets each message as JSON in a POST request."),
    key("messages.webhook_header_file", Kind::SecretFile, NOTHING,
        "A file with a header that is sent along: `Authorization: Bearer …`."),
    key("messages.webhook_secret_file", Kind::SecretFile, NOTHING,
        "A file with a secret: the header `X-Signature-256` then holds the body's HMAC-SHA256 by it."),
    key("messages.keep_days", Kind::Whole(1, 365, "days"), "7",
        "How long a message is kept after it was delivered."),
    key("messages.transcripts", Kind::Switch, "false",
        "Deliver the words of every call too, marked as what they are."),
    key("messages.folder", Kind::Path, r#""/var/lib/phone-assistant/messages""#,
        "Where messages are kept until they are delivered."),
    key("secrets.allow_readable", Kind::Switch, "false",
        "Accept a settings file that holds a key, or a key file, that everybody on the machine may read."),
    key("http.ca_file", Kind::Path, NOTHING,
        "One more trusted root certificate, PEM: a proxy's that inspects TLS."),
    key("http.proxy", Kind::Secret, NOTHING,
        "A proxy of http or https, `http://proxy.example:3128`; without it `HTTPS_PROXY`, `ALL_PROXY` or `HTTP_PROXY` \
         counts, the first that can be used."),
    key("http.no_proxy", Kind::Text, NOTHING,
        "Hosts that are reached without the proxy, and those below them, separated by commas; also networks, such as \
         `10.0.0.0/8` or `fd00::/8`; without it `NO_PROXY` counts."),
    key("http.warm", Kind::Switch, "true",
        "Open the connections to the model and the voice while the question is being transcribed. It costs each of them \
         one request that is not billed (`HEAD /`)."),
];

/// Environment variables that services' own tools use, and the setting each stands for.
pub const ENVIRONMENT: &[(&str, &Key)] = &environment();

const fn environment() -> [(&'static str, &'static Key); 1 + WITH_KEY.len()] {
    const ACCOUNT: (&str, &Key) = (
        "GOOGLE_APPLICATION_CREDENTIALS",
        setting!("google.credentials"),
    );
    let mut all = [ACCOUNT; 1 + WITH_KEY.len()];
    let mut at = 0;
    while at < WITH_KEY.len() {
        let (_, key) = WITH_KEY[at];
        at += 1;
        all[at] = (key.variable, named(key.setting));
    }
    all
}

/// The environment variable that stands for `key`, if there is one.
pub(super) fn variable(key: &Key) -> Option<&'static str> {
    let mut all = ENVIRONMENT.iter();
    all.find(|(_, other)| *other == key)
        .map(|(variable, _)| *variable)
}

/// The settings that `key` stands for: what sets it lays itself over what a lower layer says of them.
pub(super) fn stands_for(key: &Key) -> &'static [&'static Key] {
    if key == setting!("languages") {
        &[
            setting!("stt.language"),
            setting!("stt.alternative_languages"),
        ]
    } else {
        &[]
    }
}

const AUTO_DEFAULT: &str = r#""auto""#;
const STAGE_SECONDS: Kind = Kind::Number(1.0, 60.0, "s");

const PERSONA: &str = concat!(
    r#""You are a friendly voice on the telephone. Answer the caller's question directly, "#,
    "in two or three short sentences, the way a warm and natural person would say it aloud. ",
    "Do not ask anything back. Answer in the language of the question. ",
    "Your words go straight to a speech synthesiser: plain sentences only, ",
    r#"no lists, headings, symbols, links or emoji. End by saying goodbye.""#,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_or_misplaced_key_finds_its_right_name() {
        let table = [
            ("stt.langauge", Some("stt.language")),
            ("log.word", Some("log.words")),
            ("tts.voice", Some("tts.openai.voice")),
            ("api_key", Some("gemini.api_key")),
            ("recording.kepp", Some("recording.keep")),
            ("frobnicate", None),
        ];
        for (wrong, right) in table {
            assert_eq!(nearest(wrong), right, "{wrong}");
        }
    }

    #[test]
    fn a_provider_needs_a_model_and_the_voice_beside_it() {
        let table = [
            ("llm.gemini.model", true),
            ("tts.openai.voice", true),
            ("tts.google.voice", false),
            ("tts.google.model", false),
            ("llm.persona", false),
            ("model", false),
        ];
        for (name, expected) in table {
            assert_eq!(is_required(name), expected, "{name}");
        }
        assert_eq!(providers("llm"), ["gemini", "openai"]);
        assert!(providers("reply").is_empty());
    }

    #[test]
    fn names_are_unique() {
        for (i, key) in KEYS.iter().enumerate() {
            assert!(
                !KEYS[..i].iter().any(|other| other.name == key.name),
                "{} twice",
                key.name
            );
        }
    }
}
