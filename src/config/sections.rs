//! The tables of the settings that the services are handed, each with what its provider's own table says.

use std::path::PathBuf;
use std::time::Duration;

use super::Secret;
use super::layers::Layers;

/// `[stt]` with the chosen provider's own table.
#[derive(Clone, Debug)]
pub struct Stt {
    /// BCP-47, such as `en-US`.
    pub language: String,
    /// Further languages that callers may speak.
    pub alternative_languages: Vec<String>,
    /// Words to expect: names, products.
    pub phrases: Vec<String>,
    /// Ask for punctuation?
    pub punctuation: bool,
    /// For one request.
    pub timeout: Duration,
    /// The service's address, without a slash at the end.
    pub base_url: String,
    /// The service's name for the recogniser.
    pub model: String,
}

/// `[llm]` with the chosen provider's own table.
#[derive(Clone, Debug)]
pub struct Llm {
    /// The system instruction.
    pub persona: String,
    /// The model may write no more than this, thinking included.
    pub max_output_tokens: u32,
    /// A longer answer is spoken only up to the last sentence that fits.
    pub max_answer_chars: usize,
    /// Until the answer begins.
    pub timeout: Duration,
    /// The service's address, without a slash at the end.
    pub base_url: String,
    /// The service's name for the model.
    pub model: String,
    /// How much the model may think before it speaks.
    pub thinking: String,
    /// Instead of the service account.
    pub api_key: Option<Secret>,
}

/// `[tts]` with the chosen provider's own table.
#[derive(Clone, Debug)]
pub struct Tts {
    /// Loudness over what the service delivers.
    pub gain_db: f32,
    /// 1.0 is the voice's own.
    pub speed: f64,
    /// How to speak: the mood. Empty: no instructions.
    pub instructions: String,
    /// Until the answer begins.
    pub timeout: Duration,
    /// The service's address, without a slash at the end.
    pub base_url: String,
    /// The service's name for the synthesiser.
    pub model: String,
    /// The service's name for the voice.
    pub voice: String,
    /// `wav` or `pcm`.
    pub format: String,
    /// The rate of `pcm` where the service does not tell it.
    pub pcm_rate_hz: u32,
    /// The service's key.
    pub api_key: Option<Secret>,
}

/// `[waiting]`: what a caller hears while there is nothing else to hear.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What is played.
    pub play: Filler,
    /// So long a caller waits in silence.
    pub after: Duration,
    /// So long after a sound it is played again.
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

/// `[http]`
#[derive(Clone, Debug)]
pub struct Http {
    /// One more trusted root, PEM.
    pub ca_file: Option<PathBuf>,
    /// A proxy's address, perhaps with a password; without one the environment decides.
    pub proxy: Option<Secret>,
    /// Hosts that are reached directly, parted by commas.
    pub no_proxy: String,
    /// Are connections opened before they are needed?
    pub warm: bool,
}

impl Stt {
    pub(super) fn assemble(layers: &Layers) -> Self {
        Self {
            language: layers.text("stt.language"),
            alternative_languages: layers.texts("stt.alternative_languages"),
            phrases: layers.texts("stt.phrases"),
            punctuation: layers.switch("stt.punctuation"),
            timeout: layers.seconds("stt.timeout"),
            base_url: address(layers, "stt.google.base_url"),
            model: layers.text("stt.google.model"),
        }
    }
}

impl Llm {
    pub(super) fn assemble(layers: &Layers) -> Self {
        let max_answer_chars = layers.whole("llm.max_answer_chars");
        Self {
            persona: layers.text("llm.persona"),
            max_output_tokens: layers.whole("llm.max_output_tokens"),
            max_answer_chars: usize::try_from(max_answer_chars).unwrap_or(usize::MAX),
            timeout: layers.seconds("llm.timeout"),
            base_url: address(layers, "llm.gemini.base_url"),
            model: layers.text("llm.gemini.model"),
            thinking: layers.text("llm.gemini.thinking"),
            api_key: layers.secret("llm.gemini.api_key"),
        }
    }
}

impl Tts {
    pub(super) fn assemble(layers: &Layers) -> Self {
        Self {
            gain_db: narrow(layers.number("tts.gain_db")),
            speed: layers.number("tts.speed"),
            instructions: layers.text("tts.instructions"),
            timeout: layers.seconds("tts.timeout"),
            base_url: address(layers, "tts.openai.base_url"),
            model: layers.text("tts.openai.model"),
            voice: layers.text("tts.openai.voice"),
            format: layers.text("tts.openai.format"),
            pcm_rate_hz: layers.whole("tts.openai.pcm_rate_hz"),
            api_key: layers
                .secret("tts.openai.api_key")
                .or(layers.secret("openai.api_key")),
        }
    }
}

impl Waiting {
    pub(super) fn assemble(layers: &Layers) -> Self {
        Self {
            play: match layers.text("waiting.play").as_str() {
                "sound" => Filler::Sound(layers.text("waiting.sound")),
                "music" => Filler::Music(layers.text("waiting.music_class")),
                _ => Filler::Nothing,
            },
            after: layers.seconds("waiting.after"),
            every: layers.seconds("waiting.every"),
        }
    }
}

impl Http {
    pub(super) fn assemble(layers: &Layers) -> Self {
        Self {
            ca_file: layers.path("http.ca_file"),
            proxy: layers.secret("http.proxy"),
            no_proxy: layers.text("http.no_proxy"),
            warm: layers.switch("http.warm"),
        }
    }
}

fn address(layers: &Layers, name: &str) -> String {
    layers.text(name).trim_end_matches('/').to_owned()
}

/// Gains are small numbers of few digits: nothing is lost.
#[allow(clippy::as_conversions, clippy::cast_possible_truncation)]
fn narrow(number: f64) -> f32 {
    number as f32
}
