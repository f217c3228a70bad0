//! Google Cloud Text-to-Speech, `text:synthesize`:
//! <https://cloud.google.com/text-to-speech/docs/reference/rest/v1/text/synthesize>.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Serialize};

use super::{Sound, Speech, Voice};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::google_auth;
use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::http::{Auth, Client, Request};
use crate::cloud::{Error, Listed, Service};
use crate::config::{Endpoint, Tts};
use crate::sys::deadline::Deadline;

/// Makes a voice that delivers at the telephone's own rate with these settings.
///
/// # Errors
/// [`CredentialsError`] of the service account.
pub(super) fn make(
    access: &Access,
    settings: &Tts,
    endpoint: Endpoint,
) -> Result<Box<dyn Voice>, CredentialsError> {
    Ok(Box::new(Google {
        client: access.client.clone(),
        account: access.account()?,
        settings: settings.clone(),
        endpoint,
    }))
}

#[derive(Clone, Debug)]
struct Google {
    client: Client,
    account: Arc<ServiceAccount>,
    settings: Tts,
    endpoint: Endpoint,
}

impl Google {
    fn body(&self, text: &str, rate_hz: u32) -> Vec<u8> {
        let Tts {
            language, speed, ..
        } = &self.settings;
        let voice = &self.endpoint.voice;
        let body = Body {
            input: Input { text },
            voice: VoiceSelection {
                // Google refuses a request whose language is not the one in the voice's name.
                language_code: language_of(voice).unwrap_or(language),
                name: Some(voice).filter(|voice| !voice.is_empty()),
            },
            audio_config: AudioConfig {
                // This encoding comes with a WAV header, which tells the rate that was really made; the one called PCM
                // has none.
                audio_encoding: "LINEAR16",
                sample_rate_hertz: rate_hz,
                speaking_rate: ((speed - 1.0).abs() > f64::EPSILON).then(|| speed.min(FASTEST)),
            },
        };
        // Plain strings and finite numbers: there is nothing in it that JSON cannot hold.
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl Voice for Google {
    fn warm(&self, deadline: Deadline) {
        self.account.sign_ahead(AUDIENCE);
        self.client.warm(self.endpoint.origin(), deadline);
    }

    fn max_chars(&self) -> usize {
        MAX_CHARS
    }

    /// Returns when the sound has come whole.
    fn speak(&self, text: &str, rate_hz: u32, budget: Budget) -> Result<Speech, Error> {
        let request = Request {
            service: SERVICE,
            url: format!("{}/v1/text:synthesize", self.endpoint.base_url),
            auth: Auth::None,
            content_type: "application/json",
            body: Some(self.body(text, rate_hz).into()),
            words: text.to_owned(),
            max_bytes: MAX_AUDIO,
        };
        let budget = budget.within(self.settings.timeout);
        let send = |request: &Request, budget: Budget| self.client.send(request, budget);
        let response = self
            .account
            .send(&self.client, request, AUDIENCE, budget, send)?;
        let answer: Answer = response.json(SERVICE)?;
        let audio = BASE64_STANDARD
            .decode(answer.audio_content)
            .map_err(|_| response.malformed(SERVICE))?;
        if audio.is_empty() {
            return Err(Error::Empty {
                service: SERVICE.name,
                remedy: "check voice in [tts.google] and language in [stt]",
                transient: false,
                tokens: None,
            });
        }
        Ok(Speech {
            sound: Sound::whole(audio),
            bare: None,
        })
    }

    fn in_language(&self, language: &str) -> Option<Arc<dyn Voice>> {
        let mut other = self.clone();
        language.clone_into(&mut other.settings.language);
        other.endpoint = self.endpoint.speaking(language);
        Some(Arc::new(other))
    }

    fn models(&self, _: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        Ok(None)
    }
}

/// The language that a voice's name begins with: `en-US-Chirp3-HD-Charon`.
fn language_of(voice: &str) -> Option<&str> {
    let (end, _) = voice.match_indices('-').nth(1)?;
    Some(&voice[..end])
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    input: Input<'a>,
    voice: VoiceSelection<'a>,
    audio_config: AudioConfig,
}

#[derive(Serialize)]
struct Input<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VoiceSelection<'a> {
    language_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AudioConfig {
    audio_encoding: &'static str,
    sample_rate_hertz: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    speaking_rate: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Answer {
    audio_content: String,
}

const SERVICE: Service = Service {
    name: "Google Text-to-Speech",
    settings: "[tts.google]",
    key: google_auth::KEY,
};

/// The audience for which the service's own clients sign.
const AUDIENCE: &str = "https://texttospeech.googleapis.com/";

/// "Speaking rate/speed, in the range [0.25, 2.0]."
const FASTEST: f64 = 2.0;

/// The number of characters that the service takes: it takes 5,000 bytes, and a character has up to four.
const MAX_CHARS: usize = 1250;

/// Ten minutes at 16 kHz, in base64.
const MAX_AUDIO: u64 = 30 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_tells_its_language() {
        let table = [
            ("en-US-Chirp3-HD-Charon", Some("en-US")),
            ("de-DE-Standard-A", Some("de-DE")),
            ("cmn-CN-Wavenet-A", Some("cmn-CN")),
            ("", None),
            ("nova", None),
        ];
        for (voice, language) in table {
            assert_eq!(language_of(voice), language, "{voice}");
        }
    }
}
