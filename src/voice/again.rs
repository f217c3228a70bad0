//! What is asked for a second time where a voice breaks off: pieces of a text, or the text as a whole. Never both, so that
//! no piece is paid for more often than [`MAX_TRIES`](crate::cloud::budget::MAX_TRIES) times.

use std::sync::{Arc, OnceLock};

/// What may be asked for a second time, which whichever comes first decides. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Again(Arc<OnceLock<Unit>>);

#[derive(Debug, PartialEq, Eq)]
enum Unit {
    Piece,
    Text,
}

impl Again {
    /// Whether a piece may be asked for a second time. If so, the text is never begun anew.
    pub(super) fn piece(&self) -> bool {
        *self.0.get_or_init(|| Unit::Piece) == Unit::Piece
    }

    /// Whether the text may be begun anew. If so, none of its pieces is asked for a second time.
    pub(super) fn text(&self) -> bool {
        *self.0.get_or_init(|| Unit::Text) == Unit::Text
    }

    /// Whether it is known already that no piece is asked for a second time.
    pub(super) fn is_of_text(&self) -> bool {
        self.0.get() == Some(&Unit::Text)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::audio::telephone::Encoding;
    use crate::cloud::budget::Budget;
    use crate::cloud::fallback::Candidate;
    use crate::cloud::tts::{MAX_SENTENCE_CHARS, Speech, Voice};
    use crate::cloud::{self, Refusal, Service};
    use crate::spending::bill::Billing;
    use crate::sys::deadline::Deadline;
    use crate::sys::hangup::Hangup;
    use crate::sys::sync::lock;
    use crate::voice::tests::{endpoint, said, settings};
    use crate::voice::{Error, FIRST_LEAD, Loudness, MAX_WAIT, Speaker};

    /// A voice that fails `failures` times to say the end of a text, and wants to be asked again after `wait`.
    #[derive(Debug)]
    struct Stumbling {
        failures: Mutex<u32>,
        wait: Duration,
        asked: Arc<Mutex<Vec<usize>>>,
        /// What is raised when it fails.
        hangup: Option<Hangup>,
    }

    impl Voice for Stumbling {
        fn warm(&self, _: Deadline) {}

        fn max_chars(&self) -> usize {
            1_000
        }

        fn speak(&self, text: &str, _: u32, _: Budget) -> Result<Speech, cloud::Error> {
            lock(&self.asked).push(text.len());
            let mut failures = lock(&self.failures);
            if !text.ends_with("end") || *failures == 0 {
                return Ok(said(8_000, vec![1_000; 800]));
            }
            *failures -= 1;
            if let Some(hangup) = &self.hangup {
                hangup.raise();
            }
            let service = Service {
                name: "a service",
                settings: "[x]",
                key: "key",
            };
            let mut refusal = Refusal::read(service, 503, b"", &[]);
            refusal.retry_after = Some(self.wait);
            Err(cloud::Error::Refused(Box::new(refusal)))
        }

        fn models(&self, _: Deadline) -> Result<Option<Vec<cloud::Listed>>, cloud::Error> {
            Ok(None)
        }
    }

    /// What became of a text of two pieces.
    struct Spoken {
        result: Result<Duration, Error>,
        /// How often the voice was asked for the second piece.
        tries: usize,
        /// The characters on the bill.
        billed: u64,
        may_begin_anew: bool,
    }

    fn speak(failures: u32, wait: Duration, hangs_up: bool, is_anew: bool) -> Spoken {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let (bill, asked, hangup) = (Arc::default(), Arc::default(), Hangup::default());
        let candidate: Candidate<dyn Voice> = Candidate {
            endpoint: endpoint(),
            fingerprint: String::new(),
            successor_of: None,
            closes: None,
            provider: Arc::new(Stumbling {
                failures: Mutex::new(failures),
                wait,
                asked: Arc::clone(&asked),
                hangup: hangs_up.then(|| hangup.clone()),
            }),
        };
        let speaker = Speaker {
            billing: Billing::new(Arc::clone(&bill)),
            encoding: Encoding::Ulaw,
            loudness: Loudness::new(&settings(), folder.path()),
            is_streamed: true,
            hangup,
            language: None,
        };
        let deadline = Deadline::after(Instant::now(), MAX_WAIT, Instant::now);
        let text = "a ".repeat(MAX_SENTENCE_CHARS / 2) + "end";
        let begun = speaker.begin(&candidate, &text, Budget::new(deadline, MAX_WAIT), deadline);
        let mut speaking = begun.expect("it begins");
        if is_anew {
            speaking.may_begin_anew();
        }
        let result = speaking.write(Cursor::new(Vec::new()), FIRST_LEAD);
        let tries = lock(&asked).iter().filter(|len| **len == 3).count();
        Spoken {
            result,
            tries,
            billed: bill.used().iter().map(|used| used.usage.characters).sum(),
            may_begin_anew: speaking.may_begin_anew(),
        }
    }

    #[test]
    fn a_piece_is_asked_for_again_or_the_text_is_begun_anew_but_not_both() {
        // Failures, whether the text is begun anew, and then: whether it is spoken, the tries, whether it may be anew.
        let table = [
            (0, false, true, 1, true),
            (1, false, true, 2, false),
            (2, false, false, 2, false),
            (1, true, false, 1, true),
        ];
        for (failures, is_anew, is_spoken, tries, may_begin_anew) in table {
            let spoken = speak(failures, Duration::ZERO, false, is_anew);
            let what = format!("{failures} failures, {is_anew}: {:?}", spoken.result);
            assert_eq!(spoken.result.is_ok(), is_spoken, "{what}");
            assert_eq!(spoken.tries, tries, "{what}");
            assert_eq!(spoken.may_begin_anew, may_begin_anew, "{what}");
        }
    }

    #[test]
    fn a_second_try_that_a_hang_up_prevents_is_not_paid() {
        let whole = speak(0, Duration::ZERO, false, false);
        let spoken = speak(1, Duration::from_secs(2), true, false);
        let hung_up = matches!(spoken.result, Err(Error::Service(cloud::Error::HungUp(_))));
        assert!(hung_up, "{:?}", spoken.result);
        assert_eq!((spoken.tries, spoken.billed + 3), (1, whole.billed));
    }
}
