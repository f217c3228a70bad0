//! The silence that Asterisk plays while the caller is listened to: packets go on flowing to the phone, which firewalls and
//! some trunks want, and a key that the caller presses is told.

use std::error::Error;
use std::path::{Path, PathBuf};

use log::debug;

use crate::audio::Pcm;
use crate::audio::telephone::{self, Encoding};
use crate::sys::error::Chain;
use crate::sys::files::{self, NewFile, Readers};
use crate::voice::is_kept;

/// The place of the silence, without extension, as Asterisk plays it; `None` where it cannot be made.
pub(super) fn silence(folder: &Path, encoding: Encoding) -> Option<String> {
    make(folder, encoding)
        .map(|silence| files::absolute(&silence))
        .inspect_err(|cause| debug!("listening without a silence of ours: {}", Chain(&**cause)))
        .ok()
}

/// Returns its place, without extension.
fn make(folder: &Path, encoding: Encoding) -> Result<PathBuf, Box<dyn Error>> {
    let place = folder.join("silence");
    let file = files::append(&place, &format!(".{encoding}"));
    if is_kept(&file) {
        return Ok(place);
    }
    files::create_folder(folder)?;
    let rate_hz = encoding.rate_hz();
    let silence = Pcm {
        rate_hz: rate_hz.into(),
        samples: vec![0; SECONDS * usize::from(rate_hz)],
    };
    // Calls and machines that share the folder may make it at the same moment: each writes under a name of its own,
    // and puts a whole file in place.
    let mut sound = NewFile::create_in(folder, Readers::Owner)?;
    sound.write_all(&telephone::encode(&silence, encoding, 0.0)?)?;
    sound.finish_as(&file)?;
    Ok(place)
}

/// Played again and again.
const SECONDS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_silence_is_made_once_and_lasts_twenty_seconds() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let sounds = folder.path().join("sounds");
        let place = silence(&sounds, Encoding::Ulaw).expect("it can be made");
        let file = sounds.join("silence.ulaw");
        assert_eq!(place, files::absolute(&sounds.join("silence")));
        let bytes = fs::read(&file).expect("it is there");
        assert_eq!(bytes, vec![0xff; SECONDS * 8000], "mu-law's zero");
        fs::write(&file, "kept").expect("ours");
        assert_eq!(silence(&sounds, Encoding::Ulaw), Some(place));
        assert_eq!(fs::read(&file).expect("it is there"), b"kept");
        fs::write(&file, "").expect("ours");
        assert!(silence(&sounds, Encoding::Ulaw).is_some());
        assert_eq!(fs::read(&file).expect("it is there"), bytes, "an empty one");
    }

    #[test]
    fn where_it_cannot_be_made_there_is_none() {
        assert_eq!(silence(Path::new("/proc/nowhere"), Encoding::Alaw), None);
    }
}
