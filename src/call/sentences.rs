//! Sentences that are always the same: spoken once for each voice, and kept.

use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ring::digest::{SHA256, digest};

use super::bill::{self, Bill, Entry};
use crate::audio::telephone::Encoding;
use crate::cloud::chain::{Chain, Link, Time};
use crate::cloud::http::Patience;
use crate::cloud::tts::Voice;
use crate::costs::Usage;
use crate::error::{At, Failure, Stage};
use crate::files::{self, NewFile, Readers};
use crate::say::{self, Speaking};

/// Where they are kept, and who speaks them.
pub(super) struct Sentences<'a> {
    pub(super) folder: &'a Path,
    pub(super) voices: &'a Chain<dyn Voice>,
    pub(super) bill: &'a Bill,
    pub(super) encoding: Encoding,
    pub(super) gain_db: f32,
}

impl Sentences<'_> {
    /// The place of the sound of `text`, without extension. Made now, if it has not been.
    pub(super) fn place(&self, text: &str, time: Time) -> Result<PathBuf, Failure> {
        let first = &self.voices.links()[0].fingerprint;
        let hash = digest(&SHA256, format!("{first}\0{text}").as_bytes());
        let name = BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..NAME_BYTES]);
        let place = self.folder.join(name);
        let file = files::append(&place, &format!(".{}", self.encoding));
        if !file.is_file() {
            self.make(text, &file, time)?;
        }
        Ok(place)
    }

    fn make(&self, text: &str, file: &Path, time: Time) -> Result<(), Failure> {
        let begin = |link, patience: Patience<'_>| self.begin(link, text, patience, time);
        let done = self.voices.ask(time, begin).at(Stage::Tts)?;
        let (mut speaking, entry) = done.value;
        files::create_folder(self.folder).at(Stage::Tts)?;
        let mut sound = NewFile::create(file, Readers::Owner).at(Stage::Tts)?;
        let length = speaking.write(sound.file(), self.encoding, self.gain_db);
        let length = length.at(Stage::Tts)?;
        entry.used(Usage {
            characters: bill::spoken(text.chars().count()).characters,
            ..bill::audio(length)
        });
        sound.finish().at(Stage::Tts)
    }

    fn begin<'a>(
        &'a self,
        link: &'a Link<dyn Voice>,
        text: &str,
        patience: Patience<'_>,
        time: Time,
    ) -> Result<(Speaking<'a>, Entry<'a>), say::Error> {
        let most = bill::spoken(text.chars().count());
        let entry = self.bill.begin(Stage::Tts, &link.endpoint, most);
        let rate_hz = self.encoding.rate_hz();
        let speaking = Speaking::begin(&*link.provider, text, rate_hz, patience, time.deadline);
        let speaking = speaking.inspect_err(|error| entry.failed(error))?;
        Ok((speaking, entry))
    }
}

const NAME_BYTES: usize = 16;
