//! OpenAI's `audio/speech`, and every server that speaks it:
//! <https://platform.openai.com/docs/api-reference/audio/createSpeech>.

use serde::Serialize;

use super::{Bare, Sound, Speech, Voice};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::openai::Server;
use crate::cloud::{Error, Listed, Service};
use crate::config::{Endpoint, Tts};
use crate::sys::deadline::Deadline;

/// Makes a voice with these settings.
#[expect(clippy::unnecessary_wraps, reason = "others read a key file")]
pub(super) fn make(
    access: &Access,
    settings: &Tts,
    endpoint: Endpoint,
) -> Result<Box<dyn Voice>, CredentialsError> {
    Ok(Box::new(OpenAi {
        server: Server::new(access, endpoint, SERVICE, OWN),
        settings: settings.clone(),
    }))
}

#[derive(Debug)]
struct OpenAi {
    server: Server,
    settings: Tts,
}

impl OpenAi {
    fn body(&self, text: &str) -> Vec<u8> {
        let Endpoint { model, voice, .. } = &self.server.endpoint;
        let Tts {
            format,
            speed,
            instructions,
            ..
        } = &self.settings;
        // "Does not work with tts-1 or tts-1-hd."
        let instructible = !instructions.is_empty() && !model.starts_with("tts-1");
        let body = Body {
            model,
            input: text,
            voice,
            // The default is MP3.
            response_format: format,
            speed: ((speed - 1.0).abs() > f64::EPSILON).then_some(*speed),
            instructions: instructible.then_some(instructions),
        };
        // Plain strings and a finite number: there is nothing in it that JSON cannot hold.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl Voice for OpenAi {
    fn warm(&self, deadline: Deadline) {
        self.server.warm(deadline);
    }

    fn max_chars(&self) -> usize {
        MAX_CHARS
    }

    /// Speaks at the service's own rate.
    fn speak(&self, text: &str, _rate_hz: u32, budget: Budget) -> Result<Speech, Error> {
        let (server, body, words) = (&self.server, self.body(text), text.to_owned());
        let request = server.post("audio/speech", body, words, MAX_AUDIO);
        let budget = budget.within(self.settings.timeout);
        let mut bytes = server.client.open(&request, budget)?;
        let is_json = bytes.content_type().contains("json");
        let head = bytes.peek(1)?;
        if head.is_empty() {
            return Err(Error::Empty {
                service: request.service.name,
                remedy: "check model and voice in [tts.openai]",
                transient: false,
                tokens: None,
            });
        }
        // The type alone is not believed, since servers label sounds wrongly: LiteLLM calls WAV audio/mpeg.
        if is_json && head.starts_with(b"{") {
            return Err(bytes.refusal_in_place(budget.deadline));
        }
        Ok(Speech {
            bare: bare(bytes.content_type(), bytes.rate_hz(), &self.settings),
            sound: Sound::of(bytes),
        })
    }

    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        self.server.models(deadline)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a str,
    voice: &'a str,
    response_format: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a String>,
}

/// What bare samples are by the settings or the server, if either says that they come. Some servers tell the rate in a
/// header of its own.
fn bare(content_type: &str, rate_hz: Option<u32>, settings: &Tts) -> Option<Bare> {
    let told = rate_hz.filter(|rate_hz| Bare::RATES_HZ.contains(rate_hz));
    let (is_told, bare) = Bare::of(content_type, told.unwrap_or(settings.pcm_rate_hz));
    (is_told || settings.format == "pcm").then_some(bare)
}

const SERVICE: Service = Service {
    name: "OpenAI's voice",
    settings: "[tts.openai]",
    key: "api_key in [openai]",
};

/// A server in the user's own network. The key of OpenAI is never sent there.
const OWN: Service = Service {
    name: "the voice's server",
    key: "api_key in [tts.openai]",
    ..SERVICE
};

/// The longest text that the service takes, in characters.
const MAX_CHARS: usize = 4096;

/// Ten minutes at 24 kHz.
const MAX_AUDIO: u64 = 30 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn settings(format: &str) -> Tts {
        Tts {
            gain_db: None,
            level_dbfs: -19.0,
            speed: 1.0,
            instructions: String::new(),
            timeout: Duration::from_secs(20),
            language: "en-US".to_owned(),
            has_languages: false,
            format: format.to_owned(),
            pcm_rate_hz: 24_000,
            endpoints: Vec::new(),
        }
    }

    #[test]
    fn bare_samples_are_what_the_type_tells_else_what_was_asked_for() {
        let table = [
            ("pcm", "audio/pcm;rate=22050", Some((22_050, 1))),
            ("pcm", "audio/L16; codec=pcm; rate=16000", Some((16_000, 1))),
            (
                "pcm",
                "audio/l16;Rate=\"8000\" ; Channels = 2",
                Some((8_000, 2)),
            ),
            (
                "pcm",
                "audio/pcm; rate=48000; channels=1",
                Some((48_000, 1)),
            ),
            ("pcm", "audio/pcm", Some((24_000, 1))),
            ("pcm", "", Some((24_000, 1))),
            ("pcm", "audio/mpeg", Some((24_000, 1))),
            ("pcm", "audio/pcm;rate=zero", Some((24_000, 1))),
            ("pcm", "audio/pcm;rate=0", Some((24_000, 1))),
            (
                "pcm",
                "audio/pcm;rate=4000000000;channels=0",
                Some((24_000, 1)),
            ),
            ("wav", "audio/pcm;rate=22050", Some((22_050, 1))),
            ("wav", "AUDIO/L16;rate=16000;channels=2", Some((16_000, 2))),
            ("wav", "audio/wav", None),
            ("wav", "audio/mpeg", None),
            ("wav", "application/octet-stream;rate=16000", None),
            ("wav", "", None),
        ];
        for (format, content_type, expected) in table {
            let expected = expected.map(|(rate_hz, channels)| Bare { rate_hz, channels });
            let found = bare(content_type, None, &settings(format));
            assert_eq!(found, expected, "{format}, {content_type}");
        }
        let table = [
            ("pcm", "audio/pcm", 22_050, Some(22_050)),
            ("pcm", "application/octet-stream", 16_000, Some(16_000)),
            ("pcm", "audio/pcm;rate=8000", 16_000, Some(8_000)),
            ("pcm", "audio/pcm", 3_999, Some(24_000)),
            ("pcm", "audio/pcm", 192_001, Some(24_000)),
            ("wav", "audio/pcm", 48_000, Some(48_000)),
            ("wav", "audio/wav", 48_000, None),
        ];
        for (format, content_type, rate_hz, expected) in table {
            let found = bare(content_type, Some(rate_hz), &settings(format));
            assert_eq!(
                found.map(|bare| bare.rate_hz),
                expected,
                "{format}, {content_type}, {rate_hz}"
            );
        }
    }
}
