//! Phrases: texts that are always the same, spoken once for each voice, and kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use log::debug;
use ring::digest::{SHA256, digest};

use super::bill::{self, Bill, Entry};
use super::wanted::Wanted;
use crate::audio::telephone::Encoding;
use crate::cloud::budget::Budget;
use crate::cloud::fallback::Candidate;
use crate::cloud::tts::Voice;
use crate::costs::Usage;
use crate::deadline::Deadline;
use crate::error::{At, Failure, Stage};
use crate::files::{self, NewFile, Readers};
use crate::say::{self, Speaking};
use crate::services::Services;

/// Where they are kept, and which voices speak them.
pub(super) struct Phrases {
    pub(super) folder: PathBuf,
    pub(super) services: Arc<Services>,
    pub(super) bill: Arc<Bill>,
    pub(super) encoding: Encoding,
    pub(super) gain_db: f32,
    pub(super) wanted: Wanted,
}

impl Phrases {
    /// The place of the sound of `text`, without extension, if the voice that would be asked first has spoken it before.
    pub(super) fn kept(&self, text: &str) -> Option<PathBuf> {
        let place = self.place(text, self.services.voices.first_candidate());
        self.is_kept(&place).then_some(place)
    }

    /// Has it spoken, and keeps it under the name of the voice that did it. A voice that stands in for another may have done
    /// it before.
    pub(super) fn make(&self, text: &str, budget: Budget) -> Result<PathBuf, Failure> {
        if let Err(cause) = files::create_folder(&self.folder) {
            // What is written there next tells more.
            debug!("{}: {cause}", self.folder.display());
        }
        let mut sound = NewFile::create_in(&self.folder, Readers::Owner).at(Stage::Tts)?;
        sound.try_writing().at(Stage::Tts)?;
        let begin = |candidate, share: Budget| self.begin(candidate, text, share, budget.deadline);
        let done = self.services.voices.ask(budget, begin).at(Stage::Tts)?;
        let place = self.place(text, &self.services.voices.candidates()[done.candidate]);
        let Some((mut speaking, entry)) = done.value else {
            return Ok(place);
        };
        let length = speaking.write(sound.file(), self.encoding, self.gain_db);
        let length = length.at(Stage::Tts)?;
        entry.used(Usage {
            characters: bill::spoken(text.chars().count()).characters,
            ..bill::audio(length)
        });
        sound.finish_as(&self.file(&place)).at(Stage::Tts)?;
        Ok(place)
    }

    fn place(&self, text: &str, candidate: &Candidate<dyn Voice>) -> PathBuf {
        let sound = format!("{}\0{}\0{text}", candidate.fingerprint, self.gain_db);
        let hash = digest(&SHA256, sound.as_bytes());
        let name = BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..NAME_BYTES]);
        self.folder.join(name)
    }

    fn file(&self, place: &Path) -> PathBuf {
        files::append(place, &format!(".{}", self.encoding))
    }

    fn is_kept(&self, place: &Path) -> bool {
        is_kept(&self.file(place))
    }

    /// `None`: it is there already.
    fn begin<'a>(
        &'a self,
        candidate: &'a Candidate<dyn Voice>,
        text: &str,
        budget: Budget,
        deadline: Deadline,
    ) -> Result<Option<(Speaking<'a>, Entry<'a>)>, say::Error> {
        if self.is_kept(&self.place(text, candidate)) {
            return Ok(None);
        }
        self.wanted.check()?;
        let most = bill::spoken(text.chars().count());
        let entry = self.bill.begin(Stage::Tts, &candidate.endpoint, most);
        let rate_hz = self.encoding.rate_hz();
        let speaking = Speaking::begin(&*candidate.provider, text, rate_hz, budget, deadline);
        let speaking = speaking.inspect_err(|error| entry.failed(error))?;
        Ok(Some((speaking, entry)))
    }
}

/// Whether this is a sound that was kept. A loss of power may have left it empty.
pub(super) fn is_kept(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|data| data.is_file() && data.len() > 0)
}

const NAME_BYTES: usize = 16;
