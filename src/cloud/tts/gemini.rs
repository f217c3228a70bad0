//! Gemini's voices, `streamGenerateContent` with sound as its answer:
//! <https://ai.google.dev/gemini-api/docs/speech-generation>.
//!
//! The limits per minute are low, so an answer is spoken in few requests. What is heard besides the words is described
//! apart from them: the text is read out word for word, except for tags in brackets, which are performed.

use std::time::Duration;

use serde::Serialize;

use super::gemini_stream::GeminiStream;
use super::{Sound, Speech, Voice};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::gemini::wire::{Body, Part, Turn};
use crate::cloud::gemini::{Gemini, KEY};
use crate::cloud::google_auth;
use crate::cloud::{ENVELOPE_TOKENS, Error, Listed, Service, Tokens};
use crate::config::{Endpoint, Tts};
use crate::sys::deadline::Deadline;

/// Makes a voice with these settings.
///
/// # Errors
/// [`CredentialsError`] where the service account signs in.
pub(super) fn make(
    access: &Access,
    settings: &Tts,
    endpoint: Endpoint,
) -> Result<Box<dyn Voice>, CredentialsError> {
    Ok(Box::new(GeminiVoice {
        gemini: Gemini::new(access, endpoint, SERVICE, KEY)?,
        style: style(settings),
        settings: settings.clone(),
    }))
}

#[derive(Debug)]
struct GeminiVoice {
    gemini: Gemini,
    settings: Tts,
    style: String,
}

impl GeminiVoice {
    fn body(&self, text: &str) -> Vec<u8> {
        let voice_name = &self.gemini.endpoint.voice;
        Body {
            system_instruction: None,
            contents: vec![Turn::user(vec![Part::spoken(
                &without_tags(text),
                &self.style,
            )])],
            tools: None,
            generation_config: GenerationConfig {
                response_modalities: ["AUDIO"],
                speech_config: SpeechConfig {
                    voice_config: VoiceConfig {
                        prebuilt_voice_config: PrebuiltVoiceConfig { voice_name },
                    },
                    // Where callers speak several it is told by the text.
                    language_code: Some(self.settings.language.as_str())
                        .filter(|_| !self.settings.has_languages),
                },
            },
        }
        .bytes()
    }
}

impl Voice for GeminiVoice {
    fn warm(&self, deadline: Deadline) {
        self.gemini.warm(deadline);
    }

    fn max_chars(&self) -> usize {
        MAX_CHARS
    }

    fn max_sentence_chars(&self) -> usize {
        MAX_CHARS
    }

    fn max_requests(&self) -> usize {
        MAX_REQUESTS
    }

    fn max_tokens(&self, chars: usize, sound: Duration) -> Tokens {
        let read = TOKENS_A_CHARACTER * (chars + self.style.len());
        Tokens {
            input: u64::try_from(read).unwrap_or(u64::MAX) + ENVELOPE_TOKENS,
            output: TOKENS_A_SECOND * (sound.as_secs() + 1),
        }
    }

    /// Speaks at the service's own rate.
    fn speak(&self, text: &str, _rate_hz: u32, budget: Budget) -> Result<Speech, Error> {
        let budget = budget.within(self.settings.timeout);
        let method = "streamGenerateContent?alt=sse";
        let (body, words) = (self.body(text), text.to_owned());
        let incoming = self.gemini.open(method, body, words, MAX_AUDIO, budget)?;
        let mut stream = GeminiStream::new(incoming, SERVICE);
        let bare = stream.begin()?;
        Ok(Speech {
            sound: Sound::of(stream),
            bare: Some(bare),
        })
    }

    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        self.gemini.models(deadline)
    }
}

/// How to speak, in words: these voices know no number for their speed.
fn style(settings: &Tts) -> String {
    let speed = SPEEDS.iter().find(|(least, _)| settings.speed >= *least);
    let speed = speed.map_or("very slowly", |(_, words)| words);
    let words = [settings.instructions.as_str(), speed];
    let words = words.into_iter().filter(|words| !words.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The text without the brackets in which these voices look for what to perform: `[whispers]`, `<laugh>`.
fn without_tags(text: &str) -> String {
    let round = |c| match c {
        '[' | '<' | '［' | '＜' | '【' | '〈' => '(',
        ']' | '>' | '］' | '＞' | '】' | '〉' => ')',
        c => c,
    };
    text.chars().map(round).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig<'a> {
    response_modalities: [&'static str; 1],
    speech_config: SpeechConfig<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpeechConfig<'a> {
    voice_config: VoiceConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language_code: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VoiceConfig<'a> {
    prebuilt_voice_config: PrebuiltVoiceConfig<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PrebuiltVoiceConfig<'a> {
    voice_name: &'a str,
}

/// The lowest `tts.speed` that is called so, the fastest first.
const SPEEDS: &[(f64, &str)] = &[
    (1.5, "Speak very quickly."),
    (1.05, "Speak quickly."),
    (0.95, ""),
    (0.7, "Speak slowly."),
    (0.0, "Speak very slowly."),
];

const SERVICE: Service = Service {
    name: "Gemini's voice",
    settings: "[tts.gemini]",
    key: google_auth::KEY,
};

/// The first piece as soon as it stands, and the rest in two.
const MAX_REQUESTS: usize = 3;

/// Half of what may be spoken in one request: 16,384 tokens of sound, 25 a second, at 15 characters a second.
const MAX_CHARS: usize = 4_500;

/// A character is a byte in the languages that have the most to a token, and four where each is a token of its own.
const TOKENS_A_CHARACTER: usize = 4;
/// Of sound; 25 by the price list, with some reserve.
const TOKENS_A_SECOND: u64 = 32;

/// Eight minutes at 24 kHz, in base64.
const MAX_AUDIO: u64 = 30 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_said_in_words_behind_the_instructions() {
        let table = [
            (1.0, "", ""),
            (1.0, "Warmly.", "Warmly."),
            (1.04, "", ""),
            (1.05, "Warmly.", "Warmly. Speak quickly."),
            (4.0, "", "Speak very quickly."),
            (0.96, "", ""),
            (0.8, "", "Speak slowly."),
            (0.25, "Warmly.", "Warmly. Speak very slowly."),
        ];
        for (speed, instructions, expected) in table {
            let settings = Tts {
                level_dbfs: -19.0,
                gain_db: None,
                speed,
                instructions: instructions.to_owned(),
                timeout: Duration::from_secs(15),
                language: "en-US".to_owned(),
                has_languages: false,
                format: "wav".to_owned(),
                pcm_rate_hz: 24_000,
                endpoints: Vec::new(),
            };
            assert_eq!(style(&settings), expected, "{speed}");
        }
    }

    #[test]
    fn nothing_is_performed() {
        let table = [
            ("[whispers] Hello", "(whispers) Hello"),
            ("a < b and c > d", "a ( b and c ) d"),
            ("<laugh>【哈哈】", "(laugh)(哈哈)"),
            ("It is ten (or so).", "It is ten (or so)."),
        ];
        for (text, expected) in table {
            assert_eq!(without_tags(text), expected);
        }
    }
}
