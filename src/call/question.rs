//! What the caller said, out of Asterisk's recording.

use std::io::{self, BufReader};
use std::path::Path;
use std::time::Duration;

use crate::audio::{Pcm, duration_of, speech, wav};
use crate::sys::files;

/// Why there is nothing to transcribe.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot open the recording {path}; {}", way_out(source))]
    Open { path: String, source: io::Error },
    #[error(
        "cannot use the recording {path}; MixMonitor must write a .wav, and an empty one means a full disk (df -h)"
    )]
    Read { path: String, source: wav::Error },
}

/// What to do where a recording cannot be opened.
fn way_out(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "MixMonitor has not written it: see Asterisk's log",
        io::ErrorKind::PermissionDenied => "let Asterisk's user read its folder",
        _ => "MixMonitor must write a file there",
    }
}

/// A question without the silence around it.
pub(super) struct Question {
    pub(super) speech: Pcm,
    /// The silence that came after the last word, if it is known.
    pub(super) silence: Option<Duration>,
}

/// Reads a recording, at most `limit` of it.
pub(super) fn read(place: &Path, limit: Duration) -> Result<Pcm, Error> {
    let path = || place.display().to_string();
    let file = files::open(place).map_err(|source| Error::Open {
        path: path(),
        source,
    })?;
    wav::read(BufReader::new(file), limit).map_err(|source| Error::Read {
        path: path(),
        source,
    })
}

/// The part of a recording in which there is speech, if there is any.
pub(super) fn trim(pcm: &Pcm) -> Option<Question> {
    let range = speech::find(pcm)?;
    let after = duration_of(pcm.samples.len() - range.end, pcm.rate_hz);
    Some(Question {
        // Where nothing is left out, it is not known how much of it was silent.
        silence: (!after.is_zero()).then(|| after + speech::AROUND),
        speech: Pcm {
            rate_hz: pcm.rate_hz,
            samples: pcm.samples[range].to_vec(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::audio::clips::{babble, silence};

    fn said(before_s: f64, words: &str, after_s: f64) -> Pcm {
        let clip = silence(8000, before_s).then(&babble(8000, words));
        Pcm {
            rate_hz: 8000,
            samples: clip.then(&silence(8000, after_s)).samples,
        }
    }

    #[test]
    fn speech_is_taken_without_the_silence_around_it() {
        let words = "waterfall waterfall";
        let spoken = duration_of(said(0.0, words, 0.0).samples.len(), 8000);
        for (before_s, after_s) in [(0.0, 2.0), (1.0, 2.0), (3.0, 0.5), (0.5, 5.0)] {
            let question = trim(&said(before_s, words, after_s)).expect("speech");
            let name = format!("{before_s} s before, {after_s} s after");
            let length = duration_of(question.speech.samples.len(), 8000);
            let around = length.saturating_sub(spoken);
            assert!(around <= 2 * speech::AROUND, "{name}: {around:?} too much");
            let silence = question.silence.expect("it is known");
            let off = silence.abs_diff(Duration::from_secs_f64(after_s));
            assert!(off <= Duration::from_millis(100), "{name}: {silence:?}");
        }
    }

    #[test]
    fn who_speaks_to_the_end_has_left_no_silence_that_is_known() {
        let question = trim(&said(1.0, "waterfall", 0.0)).expect("speech");
        assert_eq!(question.silence, None);
    }

    #[test]
    fn silence_is_no_question() {
        for seconds in [0.0, 0.02, 5.0] {
            assert!(trim(&said(0.0, "", seconds)).is_none(), "{seconds} s");
        }
    }

    #[test]
    fn a_recording_that_cannot_be_used_is_named_with_what_to_look_at() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let place = folder.path().join("recording.wav");
        let read = || read(&place, Duration::from_secs(60)).expect_err("unusable");
        let said = read().to_string();
        assert!(said.contains("MixMonitor has not written it"), "{said}");
        let said = super::read(&place.join("below"), Duration::ZERO).expect_err("unusable");
        assert!(said.to_string().contains("MixMonitor"), "{said}");
        std::fs::write(&place, "").expect("ours");
        let said = read().to_string();
        assert!(said.contains("a full disk"), "{said}");
        assert!(said.contains("recording.wav"), "{said}");
    }
}
