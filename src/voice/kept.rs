//! Phrases: texts that are always the same, spoken once in each voice, and kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log::debug;

use super::{Error, FIRST_LEAD, Speaker, Speaking};
use crate::audio::Pcm;
use crate::audio::telephone::{self, Encoding};
use crate::cloud::budget::Budget;
use crate::cloud::fallback::{Candidate, Fallback};
use crate::cloud::tts::Voice;
use crate::config::{Endpoint, Tts};
use crate::spending::bill::max_of_each;
use crate::sys::costs::MicroDollars;
use crate::sys::deadline::Deadline;
use crate::sys::digest;
use crate::sys::error::{At, Failure, Stage};
use crate::sys::files::{self, NewFile, Readers};

/// Where phrases are kept, and which voices speak them.
pub(crate) struct KeptPhrases {
    pub(crate) folder: PathBuf,
    pub(crate) voices: Arc<Fallback<dyn Voice>>,
    pub(crate) settings: Tts,
    pub(crate) speaker: Speaker,
}

impl KeptPhrases {
    /// The place of the sound of `text`, without extension, if the voice that would be asked first has spoken it before.
    pub(crate) fn find(&self, text: &str) -> Option<PathBuf> {
        let place = self.place(text, self.voices.first_candidate());
        self.has(&place).then_some(place)
    }

    /// The maximum cost of having `text` spoken.
    pub(crate) fn max_cost(&self, text: &str) -> MicroDollars {
        max_of_each(Stage::Tts, &self.voices, |voice| {
            super::max_usage_of(text, voice)
        })
    }

    /// Has `text` spoken, and keeps it under the name of the voice that did it. Returns its place, without extension. A
    /// voice that stands in for another may have spoken it before.
    ///
    /// # Errors
    /// [`Stage::Tts`]
    pub(crate) fn make(&self, text: &str, budget: Budget) -> Result<PathBuf, Failure> {
        if let Err(cause) = files::create_folder(&self.folder) {
            // What is written there next tells more.
            debug!("{}: {cause}", self.folder.display());
        }
        let mut sound = NewFile::create_in(&self.folder, Readers::Owner).at(Stage::Tts)?;
        // A full disk is found before a voice is paid for a sound that could not be kept.
        sound.try_writing().at(Stage::Tts)?;
        let begin = |candidate, share: Budget| self.begin(candidate, text, share, budget.deadline);
        let done = self.voices.ask(budget, begin).at(Stage::Tts)?;
        let place = self.place(text, &self.voices.candidates()[done.candidate]);
        if let Some(mut speaking) = done.value {
            speaking.write(sound.file(), FIRST_LEAD).at(Stage::Tts)?;
            sound.finish_as(&self.file(&place)).at(Stage::Tts)?;
        }
        Ok(place)
    }

    /// Keeps the sound at `place`, which is there in [`Encoding::Sln16`], in the encoding of these phrases as well. No voice
    /// is asked.
    ///
    /// # Errors
    /// [`Stage::Tts`]
    pub(crate) fn encode_again(&self, place: &Path) -> Result<(), Failure> {
        let wide = files::append(place, &format!(".{}", Encoding::Sln16));
        let bytes = fs::read(&wide).at(Stage::Tts)?;
        let pcm = Pcm {
            rate_hz: Encoding::Sln16.rate_hz().into(),
            samples: bytes
                .as_chunks()
                .0
                .iter()
                .copied()
                .map(i16::from_le_bytes)
                .collect(),
        };
        let encoded = telephone::encode(&pcm, self.speaker.encoding, 0.0).at(Stage::Tts)?;
        let mut sound = NewFile::create_in(&self.folder, Readers::Owner).at(Stage::Tts)?;
        sound.write_all(&encoded).at(Stage::Tts)?;
        sound.finish_as(&self.file(place)).at(Stage::Tts)
    }

    /// Whether the sound at `place` is there.
    pub(crate) fn has(&self, place: &Path) -> bool {
        is_kept(&self.file(place))
    }

    /// Begins to speak; `None` where it is there already.
    fn begin(
        &self,
        candidate: &Candidate<dyn Voice>,
        text: &str,
        budget: Budget,
        deadline: Deadline,
    ) -> Result<Option<Speaking>, Error> {
        if self.has(&self.place(text, candidate)) {
            return Ok(None);
        }
        let speaking = self.speaker.begin(candidate, text, budget, deadline);
        speaking.map(Some)
    }

    fn place(&self, text: &str, candidate: &Candidate<dyn Voice>) -> PathBuf {
        self.folder
            .join(name(&self.settings, &candidate.endpoint, text))
    }

    fn file(&self, place: &Path) -> PathBuf {
        files::append(place, &format!(".{}", self.speaker.encoding))
    }
}

/// The name of a kept sound: a digest of what decides how `text` sounds, and of nothing else. Whatever changes it has
/// every phrase paid for once more.
fn name(tts: &Tts, endpoint: &Endpoint, text: &str) -> String {
    let settings = if endpoint.provider.takes("tts", "format") {
        // Bare samples of another format or rate are noise, which must not be kept once the settings are right.
        format!("{}\0{}", tts.format, tts.pcm_rate_hz)
    } else {
        // The language chooses where no voice is named.
        tts.language.clone()
    };
    let voice = format!("{}\0{settings}", endpoint.voice);
    // The same names of model and voice mean other sounds on another server.
    let server = &endpoint.base_url;
    let loudness = match tts.gain_db {
        Some(gain_db) => gain_db.to_string(),
        None => format!("{} dBFS", tts.level_dbfs),
    };
    let how = format!("{}\0{}\0{loudness}", tts.instructions, tts.speed);
    let sound = format!("{endpoint}\0{server}\0{voice}\0{how}\0{text}");
    digest::short(sound.as_bytes(), NAME_BYTES)
}

/// Whether this is a sound that was kept. A loss of power may have left it empty.
pub(crate) fn is_kept(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.len() > 0)
}

const NAME_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Provider, Secret};
    use std::time::Duration;

    fn settings() -> Tts {
        Tts {
            gain_db: None,
            level_dbfs: -19.0,
            speed: 1.0,
            instructions: "Speak calmly.".to_owned(),
            timeout: Duration::from_secs(20),
            language: "en-US".to_owned(),
            has_languages: false,
            format: "wav".to_owned(),
            pcm_rate_hz: 24_000,
            endpoints: Vec::new(),
        }
    }

    fn endpoint(provider: Provider) -> Endpoint {
        Endpoint {
            provider,
            base_url: "https://example.com".to_owned(),
            model: "tts-1".to_owned(),
            voice: "alloy".to_owned(),
            api_key: Some(Secret::new("one".to_owned())),
            is_reserve: false,
        }
    }

    type Change = fn(&mut Tts, &mut Endpoint);

    #[test]
    fn a_phrase_is_paid_for_anew_only_where_it_would_sound_different() {
        let [openai, google] = ["openai", "google"].map(Provider::called);
        let table: &[(&str, Provider, Change, bool)] = &[
            ("nothing", openai, |_, _| {}, true),
            (
                "time-out",
                openai,
                |tts, _| tts.timeout = Duration::from_secs(5),
                true,
            ),
            (
                "fallback",
                openai,
                |tts, other| tts.endpoints.push(other.clone()),
                true,
            ),
            ("key", openai, |_, endpoint| endpoint.api_key = None, true),
            (
                "language",
                openai,
                |tts, _| tts.language = "de-DE".to_owned(),
                true,
            ),
            (
                "voice",
                openai,
                |_, endpoint| endpoint.voice = "nova".to_owned(),
                false,
            ),
            ("voice", google, |_, endpoint| endpoint.voice.clear(), false),
            (
                "language",
                google,
                |tts, _| tts.language = "de-DE".to_owned(),
                false,
            ),
            (
                "model",
                openai,
                |_, endpoint| endpoint.model = "tts-1-hd".to_owned(),
                false,
            ),
            (
                "provider",
                openai,
                |_, endpoint| endpoint.provider = Provider::called("google"),
                false,
            ),
            (
                "server",
                openai,
                |_, endpoint| endpoint.base_url = "http://10.0.0.2".to_owned(),
                false,
            ),
            (
                "instructions",
                openai,
                |tts, _| tts.instructions.clear(),
                false,
            ),
            ("gain", openai, |tts, _| tts.gain_db = Some(6.0), false),
            ("level", openai, |tts, _| tts.level_dbfs = -16.0, false),
            ("speed", openai, |tts, _| tts.speed = 1.2, false),
            ("rate", openai, |tts, _| tts.pcm_rate_hz = 22_050, false),
            (
                "format",
                openai,
                |tts, _| tts.format = "pcm".to_owned(),
                false,
            ),
        ];
        for (what, provider, change, is_kept) in table {
            let (mut tts, mut endpoint) = (settings(), endpoint(*provider));
            let before = name(&tts, &endpoint, "Hello.");
            change(&mut tts, &mut endpoint);
            let after = name(&tts, &endpoint, "Hello.");
            assert_eq!(before == after, *is_kept, "{what} of {provider:?}");
        }
        let texts = ["Hello.", "Hello"].map(|text| name(&settings(), &endpoint(openai), text));
        assert_ne!(texts[0], texts[1]);
    }
}
