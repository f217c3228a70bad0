use std::io::{self, SeekFrom};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::*;
use crate::audio::Pcm;
use crate::cloud::tts::MAX_SENTENCE_CHARS;
use crate::config::{Endpoint, Provider};
use crate::sys::sync::lock;

/// A voice that says each piece in a tenth of a second.
#[derive(Debug)]
struct Prompt {
    /// Each text, and how long its sound might take to begin.
    asked: Arc<Mutex<Vec<(String, Duration)>>>,
    tell: Sender<()>,
    /// The work that is over once it is asked for the second piece.
    over: Option<Billing>,
}

impl Voice for Prompt {
    fn warm(&self, _: Deadline) {}

    fn max_chars(&self) -> usize {
        1_000
    }

    fn speak(&self, text: &str, _: u32, budget: Budget) -> Result<Speech, cloud::Error> {
        let mut asked = lock(&self.asked);
        asked.push((text.to_owned(), budget.deadline.left()));
        if let Some(over) = self.over.as_ref().filter(|_| asked.len() == 2) {
            over.end();
        }
        self.tell.send(()).expect("the test waits");
        let pcm = Pcm {
            rate_hz: 8_000,
            samples: vec![1_000; 800],
        };
        let mut wav = io::Cursor::new(Vec::new());
        wav::write(&mut wav, &pcm).expect("memory");
        Ok(Speech {
            sound: Sound::whole(wav.into_inner()),
            bare: None,
        })
    }

    fn models(&self, _: Deadline) -> Result<Option<Vec<cloud::Listed>>, cloud::Error> {
        Ok(None)
    }
}

/// Takes nothing before two pieces have been asked for.
struct Patient {
    asked: Receiver<()>,
    has_waited: bool,
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.has_waited {
            for _ in 0..2 {
                let asked = self.asked.recv_timeout(Duration::from_secs(60));
                asked.map_err(io::Error::other)?;
            }
            self.has_waited = true;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Patient {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn endpoint() -> Endpoint {
    Endpoint {
        provider: Provider::called("openai"),
        base_url: "https://example.com".to_owned(),
        model: "tts-1".to_owned(),
        voice: "alloy".to_owned(),
        api_key: None,
        is_reserve: false,
    }
}

/// Has a text of three pieces spoken, the first of which must begin soon and the second of which may be the last of the
/// work. Returns what the voice was asked for, what that has used, and how long the sound is.
fn spoken(is_over: bool) -> (Vec<(String, Duration)>, Usage, Result<Duration, Error>) {
    let bill = Arc::default();
    let billing = Billing::new(Arc::clone(&bill));
    let (asked, (tell, told)) = (Arc::default(), unbounded());
    let candidate: Candidate<dyn Voice> = Candidate {
        endpoint: endpoint(),
        fingerprint: String::new(),
        successor_of: None,
        closes: None,
        provider: Box::new(Prompt {
            asked: Arc::clone(&asked),
            tell,
            over: is_over.then(|| billing.clone()),
        }),
    };
    let speaker = Speaker {
        billing,
        encoding: Encoding::Ulaw,
        gain_db: 0.0,
    };
    let deadline = Deadline::after(Instant::now(), MAX_WAIT, Instant::now);
    let budget = Budget::new(deadline, MAX_WAIT);
    let speaking = speaker.begin(&candidate, &three_pieces(), budget.within(SOON), deadline);
    let length = speaking.and_then(|mut speaking| {
        speaking.write(Patient {
            asked: told,
            has_waited: false,
        })
    });
    let used = bill.used().into_iter().map(|used| used.usage);
    let used = used.fold(Usage::default(), |all, usage| all + usage);
    let asked = lock(&asked).clone();
    (asked, used, length)
}

const SOON: Duration = Duration::from_secs(60);

fn three_pieces() -> String {
    let piece = "a ".repeat(MAX_SENTENCE_CHARS / 2);
    piece.repeat(2) + "end"
}

#[test]
fn each_piece_is_asked_for_while_the_one_before_is_passed_on_and_is_on_the_bill() {
    let (asked, used, length) = spoken(false);
    let (texts, given): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    assert_eq!(texts.concat().len() + 2, three_pieces().len());
    assert_eq!((texts.len(), texts[2].as_str()), (3, "end"));
    assert!(
        given[0] <= SOON && given[1..].iter().all(|given| *given > SOON),
        "{given:?}"
    );
    assert_eq!(length.expect("spoken"), Duration::from_millis(300));
    assert_eq!(used.characters, 561);
    assert_eq!(used.audio_ms, 300);
}

#[test]
fn no_piece_is_asked_for_once_the_work_is_over() {
    let (asked, used, length) = spoken(true);
    assert!(matches!(
        length,
        Err(Error::Service(cloud::Error::HungUp(_)))
    ));
    assert_eq!(asked.len(), 2);
    assert_eq!(used.characters, 558);
}

#[test]
fn a_text_may_pause_in_each_of_its_pieces() {
    let (tell, _) = unbounded();
    let voice = Prompt {
        asked: Arc::default(),
        tell,
        over: None,
    };
    let used = max_usage_of(&three_pieces(), &voice);
    let chars = three_pieces().len();
    assert_eq!(used, max_usage(&voice, chars, 3));
    assert_eq!(
        used.audio_ms,
        u64::try_from(chars).expect("few") * 1_000 + 30_000
    );
}

#[test]
fn no_text_is_spoken_in_more_pieces_than_an_answer_is_set_aside_for() {
    let long = "x".repeat(MAX_SENTENCE_CHARS);
    let patterns = [
        "a ".to_owned(),
        "长".to_owned(),
        "One two. ".to_owned(),
        format!("a, {long} "),
        format!("a. {long}, b. "),
        format!("{long}x"),
    ];
    for pattern in patterns {
        let text = pattern.repeat(20);
        let pieces = text::breaths(&text, 1_250, MAX_SENTENCE_CHARS).len();
        let paid = 1 + text.chars().count() / text::MIN_PIECE_CHARS;
        assert!(pieces <= paid, "{pieces} of {paid}: {pattern}");
    }
}
