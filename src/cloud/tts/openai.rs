//! OpenAI's `audio/speech`, and every server that speaks it:
//! <https://platform.openai.com/docs/api-reference/audio/createSpeech>.

use serde::Serialize;

use super::{Sound, Speech, Voice};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::http::{Client, Request};
use crate::cloud::{Error, Listed, Service, openai};
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
        client: access.client.clone(),
        settings: settings.clone(),
        endpoint,
    }))
}

#[derive(Debug)]
struct OpenAi {
    client: Client,
    settings: Tts,
    endpoint: Endpoint,
}

impl OpenAi {
    fn service(&self) -> Service {
        openai::service(&self.endpoint, SERVICE, "the voice's server")
    }

    fn body(&self, text: &str) -> Vec<u8> {
        let Endpoint { model, voice, .. } = &self.endpoint;
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
        self.client.warm(self.endpoint.origin(), deadline);
    }

    fn max_chars(&self) -> usize {
        MAX_CHARS
    }

    /// Speaks at the service's own rate.
    fn speak(&self, text: &str, _rate_hz: u32, budget: Budget) -> Result<Speech, Error> {
        let request = Request {
            service: self.service(),
            url: format!("{}/audio/speech", self.endpoint.base_url),
            auth: openai::auth(&self.endpoint),
            content_type: "application/json",
            body: Some(self.body(text).into()),
            words: text.to_owned(),
            max_bytes: MAX_AUDIO,
        };
        let budget = budget.within(self.settings.timeout);
        let mut bytes = self.client.open(&request, budget)?;
        let is_json = bytes.content_type.contains("json");
        let head = bytes.peek(b"RIFF".len())?;
        if head.is_empty() {
            return Err(Error::Empty {
                service: request.service.name,
                remedy: "check model and voice in [tts.openai]",
                transient: false,
            });
        }
        if is_json && head.starts_with(b"{") {
            return Err(bytes.refusal_in_place(budget.deadline));
        }
        let is_file = head.starts_with(b"RIFF") || self.settings.format == "wav";
        let told = || rate(&bytes.content_type).unwrap_or(self.settings.pcm_rate_hz);
        Ok(Speech {
            raw_rate_hz: (!is_file).then(told),
            sound: Sound::Coming(Box::new(bytes)),
        })
    }

    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        openai::models(&self.client, &self.endpoint, self.service(), deadline)
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

/// Some servers tell the rate of bare samples: `audio/pcm;rate=22050`.
fn rate(content_type: &str) -> Option<u32> {
    let parameters = content_type.split(';').skip(1);
    let mut pairs = parameters.filter_map(|parameter| parameter.split_once('='));
    let (_, rate) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("rate"))?;
    let rate = rate.trim().trim_matches('"').parse().ok();
    rate.filter(|rate| (8000..=48_000).contains(rate))
}

const SERVICE: Service = Service {
    name: "OpenAI's voice",
    settings: "[tts.openai]",
    key: "api_key in [openai]",
};

/// The longest text that the service takes, in characters.
const MAX_CHARS: usize = 4096;

/// Ten minutes at 24 kHz.
const MAX_AUDIO: u64 = 30 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_where_the_type_tells_it() {
        let table = [
            ("audio/pcm;rate=22050", Some(22_050)),
            ("audio/L16; codec=pcm; rate=16000", Some(16_000)),
            ("audio/pcm;rate=\"16000\"", Some(16_000)),
            ("audio/l16; Rate=24000; channels=1", Some(24_000)),
            ("audio/pcm; RATE = 8000", Some(8000)),
            ("audio/pcm;bitrate=16000", None),
            ("audio/pcm;rate=\"\"", None),
            ("audio/pcm", None),
            ("", None),
            ("audio/pcm;rate=zero", None),
            ("audio/pcm;rate=0", None),
            ("audio/pcm;rate=4000000000", None),
        ];
        for (content_type, expected) in table {
            assert_eq!(rate(content_type), expected, "{content_type}");
        }
    }
}
