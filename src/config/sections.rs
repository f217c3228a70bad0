//! The tables of the settings that the services are handed, each with what its provider's own table says.

use std::path::PathBuf;
use std::time::Duration;

use super::chosen;
use super::endpoint::Endpoint;
use super::keys::{Key, setting};
use super::languages::Languages;
use super::layers::Layers;
use super::values::Secret;
use crate::sys::number;
use crate::sys::plain::quoted;

/// `[stt]`
#[derive(Clone, Debug)]
pub struct Stt {
    /// BCP-47, such as `en-US`.
    pub language: String,
    /// Further languages that callers may speak.
    pub alternative_languages: Vec<String>,
    /// Words to expect: names, products.
    pub phrases: Vec<String>,
    /// Whether to ask for punctuation.
    pub punctuation: bool,
    /// The limit for one request.
    pub timeout: Duration,
    /// The providers, in the order in which they are asked.
    pub endpoints: Vec<Endpoint>,
}

/// `[llm]`
#[derive(Clone, Debug)]
pub struct Llm {
    /// The system instruction.
    pub persona: String,
    /// The model may write no more than this, thinking included.
    pub max_output_tokens: u32,
    /// A longer answer is spoken only up to the last sentence that fits.
    pub max_answer_chars: usize,
    /// The limit until the answer begins.
    pub timeout: Duration,
    /// Whether the model gets the caller's sound instead of a transcript, where it can hear.
    pub hears: bool,
    /// How much a Gemini model may think before it speaks.
    pub thinking: String,
    /// How much a model of a server of OpenAI's kind may think.
    pub effort: String,
    /// What a server of OpenAI's kind calls `max_output_tokens`.
    pub token_limit: String,
    /// The providers, in the order in which they are asked.
    pub endpoints: Vec<Endpoint>,
}

/// `[tts]`
#[derive(Clone, Debug)]
pub struct Tts {
    /// Loudness over what the service delivers, where it is set.
    pub gain_db: Option<f32>,
    /// The level to which voices are brought otherwise.
    pub level_dbfs: f32,
    /// 1.0 is the voice's own.
    pub speed: f64,
    /// How to speak: the mood. Empty: no instructions.
    pub instructions: String,
    /// The limit until the answer begins.
    pub timeout: Duration,
    /// The language of a voice that is not named, as in [`Stt`].
    pub language: String,
    /// Whether some callers speak others.
    pub has_languages: bool,
    /// `wav` or `pcm`.
    pub format: String,
    /// The rate of `pcm` where the service does not tell it.
    pub pcm_rate_hz: u32,
    /// The providers, in the order in which they are asked.
    pub endpoints: Vec<Endpoint>,
}

/// `[waiting]`: what a caller hears while there is nothing else to hear.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What is played.
    pub play: Filler,
    /// How long a caller waits in silence before it is played.
    pub after: Duration,
    /// How long after a sound it is played again.
    pub every: Duration,
}

/// What fills a silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filler {
    /// A sound of Asterisk's or the administrator's own, as `STREAM FILE` takes it.
    Sound(String),
    /// Music on hold of this class; the channel's own if it is empty.
    Music(String),
    /// Silence.
    Nothing,
}

/// `[conversation]`: how a conversation of several turns goes.
#[derive(Clone, Debug)]
pub struct Conversation {
    /// How long a caller may pause before the turn is over.
    pub quiet: Duration,
    /// Whether a turn is transcribed as soon as it may be over.
    pub thinks_ahead: bool,
    /// Whether a turn is longer or shorter by what was said in it.
    pub ends_by_meaning: bool,
    /// Whether the caller's voice stops an answer.
    pub barge_in: bool,
    /// A longer turn is cut off.
    pub max_question: Duration,
    /// The maximum number of answers in one conversation.
    pub max_turns: u32,
    /// The maximum length of one conversation.
    pub longest: Duration,
    /// How long a caller may be silent before the question whether they are still there.
    pub ask_after: Duration,
    /// What is said first.
    pub greeting: Sentence,
    /// What is said to a caller who says nothing.
    pub still_there: Sentence,
    /// What is said when the conversation ends otherwise than by the model's last words.
    pub goodbye: Sentence,
    /// Where sentences are kept that were spoken once.
    pub sounds: PathBuf,
    /// The names and extensions to which the model may transfer a caller.
    pub transfers: Vec<(String, String)>,
    /// The extension to which the key 0 leads.
    pub operator: Option<String>,
}

/// A sentence that is always the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sentence {
    /// A sound of Asterisk's or the administrator's own, as `STREAM FILE` takes it.
    Sound(String),
    /// Said by the voice.
    Spoken(String),
    /// Nothing.
    #[default]
    Nothing,
}

/// `[http]`
#[derive(Clone, Debug)]
pub struct Http {
    /// One more trusted root, PEM.
    pub ca_file: Option<PathBuf>,
    /// A proxy's address, perhaps with a password; without one the environment decides.
    pub proxy: Option<Secret>,
    /// Hosts that are reached directly, separated by commas.
    pub no_proxy: String,
    /// Whether connections are opened before they are needed.
    pub warm: bool,
}

impl Stt {
    /// The languages that callers speak, first the one that most speak.
    pub(crate) fn languages(&self) -> impl Iterator<Item = &str> {
        let all = std::iter::once(&self.language).chain(&self.alternative_languages);
        all.map(String::as_str)
    }

    /// What a model that hears callers is told of their languages and words, with a space before it.
    pub(crate) fn told(&self) -> String {
        let others = match self.alternative_languages.join(" or ") {
            others if others.is_empty() => others,
            others => format!(", some {others}"),
        };
        let words = match self.phrases.join(", ") {
            words if words.is_empty() => words,
            words => format!(" These words are spelled so where they are said: {words}."),
        };
        format!(
            " Most callers speak the language {}{others}.{words}",
            self.language
        )
    }

    pub(super) fn assemble(layers: &Layers) -> Self {
        let Languages { first, others } = Languages::of(layers);
        Self {
            language: first,
            alternative_languages: others,
            phrases: layers.texts(setting!("stt.phrases")),
            punctuation: layers.switch(setting!("stt.punctuation")),
            timeout: layers.seconds(setting!("stt.timeout")),
            endpoints: chosen::endpoints(layers, "stt"),
        }
    }
}

impl Llm {
    pub(super) fn assemble(layers: &Layers) -> Self {
        let max_answer_chars = layers.whole(setting!("llm.max_answer_chars"));
        Self {
            persona: layers.text(setting!("llm.persona")),
            max_output_tokens: layers.whole(setting!("llm.max_output_tokens")),
            max_answer_chars: usize::try_from(max_answer_chars).unwrap_or(usize::MAX),
            timeout: layers.seconds(setting!("llm.timeout")),
            hears: layers.switch(setting!("llm.hears")),
            thinking: layers.text(setting!("llm.gemini.thinking")),
            effort: layers.text(setting!("llm.openai.thinking")),
            token_limit: layers.text(setting!("llm.openai.token_limit")),
            endpoints: chosen::endpoints(layers, "llm"),
        }
    }
}

impl Tts {
    pub(super) fn assemble(layers: &Layers) -> Self {
        let Languages { first, others } = Languages::of(layers);
        Self {
            gain_db: layers.number_if_set(setting!("tts.gain_db")).map(narrow),
            level_dbfs: narrow(layers.number(setting!("tts.level_dbfs"))),
            speed: layers.number(setting!("tts.speed")),
            instructions: layers.text(setting!("tts.instructions")),
            timeout: layers.seconds(setting!("tts.timeout")),
            language: first,
            has_languages: !others.is_empty(),
            format: layers.text(setting!("tts.openai.format")),
            pcm_rate_hz: layers.whole(setting!("tts.openai.pcm_rate_hz")),
            endpoints: chosen::endpoints(layers, "tts"),
        }
    }
}

impl Waiting {
    pub(super) fn assemble(layers: &Layers) -> Self {
        Self {
            play: match layers.text(setting!("waiting.play")).as_str() {
                "sound" => Filler::Sound(layers.text(setting!("waiting.sound"))),
                "music" => Filler::Music(layers.text(setting!("waiting.music_class"))),
                _ => Filler::Nothing,
            },
            after: layers.seconds(setting!("waiting.after")),
            every: layers.seconds(setting!("waiting.every")),
        }
    }
}

impl Conversation {
    pub(super) fn assemble(layers: &Layers) -> Self {
        let sentence = |key: &'static Key| Sentence::of(&layers.text(key));
        let transfers = layers.texts(TRANSFERS);
        Self {
            quiet: layers.seconds(setting!("conversation.quiet")),
            thinks_ahead: layers.switch(setting!("conversation.think_ahead")),
            ends_by_meaning: layers.switch(setting!("conversation.by_meaning")),
            barge_in: layers.switch(setting!("conversation.barge_in")),
            max_question: layers.seconds(setting!("conversation.max_question")),
            max_turns: layers.whole(setting!("conversation.max_turns")),
            longest: Duration::from_secs(60) * layers.whole(setting!("conversation.max_minutes")),
            ask_after: layers.seconds(setting!("conversation.ask_after")),
            greeting: sentence(setting!("conversation.greeting")),
            still_there: sentence(setting!("conversation.still_there")),
            goodbye: sentence(setting!("conversation.goodbye")),
            sounds: layers.text(setting!("conversation.sounds")).into(),
            transfers: transfers.iter().filter_map(|text| transfer(text)).collect(),
            operator: number::extension(&layers.text(OPERATOR)),
        }
    }

    /// What is wrong with it that no single value tells.
    pub(super) fn faults(layers: &Layers) -> Vec<String> {
        let transfers = layers.texts(TRANSFERS).into_iter();
        let odd = transfers.filter(|text| transfer(text).is_none());
        let fault = |key: &Key, text: String, right: &str| {
            let place = layers.place(key);
            format!("{place}: {}: {} is not {right}", key.name, quoted(text))
        };
        let right = "a name, = and an extension of 0 to 9, * and #, as in \"reception=200\"";
        let odd = odd.map(|text| fault(TRANSFERS, text, right));
        let operator = Some(layers.text(OPERATOR)).filter(|text| !text.is_empty());
        let operator = operator.filter(|text| number::extension(text).is_none());
        let right = "an extension of 0 to 9, * and #, as in \"200\"";
        let operator = operator.map(|text| fault(OPERATOR, text, right));
        odd.chain(operator).collect()
    }
}

const TRANSFERS: &Key = setting!("conversation.transfers");
const OPERATOR: &Key = setting!("conversation.operator");

/// The name of a person to transfer to, and their extension.
fn transfer(text: &str) -> Option<(String, String)> {
    let (name, extension) = text.split_once('=')?;
    let name = name.trim();
    // The model names it within brackets, as in `[[transfer reception]]`.
    let is_right = !name.is_empty() && !name.contains(['[', ']']);
    Some((name.to_owned(), number::extension(extension)?)).filter(|_| is_right)
}

impl Sentence {
    pub(super) fn of(text: &str) -> Self {
        match (text.strip_prefix("sound:"), text) {
            (Some(name), _) => Self::Sound(name.trim().to_owned()),
            (None, "") => Self::Nothing,
            (None, words) => Self::Spoken(words.to_owned()),
        }
    }

    /// Returns this sentence, or `words` spoken if it is `Nothing`.
    #[must_use]
    pub(crate) fn or(self, words: &str) -> Self {
        match self {
            Self::Nothing => Self::Spoken(words.to_owned()),
            other => other,
        }
    }
}

impl Http {
    pub(super) fn assemble(layers: &Layers) -> Self {
        Self {
            ca_file: layers.path(setting!("http.ca_file")),
            proxy: layers.secret(setting!("http.proxy")),
            no_proxy: layers.text(setting!("http.no_proxy")),
            warm: layers.switch(setting!("http.warm")),
        }
    }
}

/// Gains are small numbers of few digits: nothing is lost.
#[allow(clippy::as_conversions, clippy::cast_possible_truncation)]
fn narrow(number: f64) -> f32 {
    number as f32
}
