//! What becomes of a voice between the service and the caller.

use std::io::{self, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::*;
use crate::audio::level::Meter;
use crate::audio::loudness::CEILING;
use crate::audio::{Pcm, to_f32};
use crate::cloud::tts::MAX_SENTENCE_CHARS;
use crate::config::{Endpoint, Provider, Tts};
use crate::sys::sync::lock;

/// A sound that has come whole.
pub(super) fn said(rate_hz: u32, samples: Vec<i16>) -> Speech {
    let mut wav = io::Cursor::new(Vec::new());
    wav::write(&mut wav, &Pcm { rate_hz, samples }).expect("memory");
    Speech {
        sound: Sound::whole(wav.into_inner()),
        bare: None,
    }
}

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
        Ok(said(8_000, vec![1_000; 800]))
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

pub(super) fn endpoint() -> Endpoint {
    Endpoint {
        provider: Provider::called("openai"),
        base_url: "https://example.com".to_owned(),
        model: "tts-1".to_owned(),
        voice: "alloy".to_owned(),
        api_key: None,
        is_reserve: false,
    }
}

pub(super) fn settings() -> Tts {
    Tts {
        gain_db: None,
        level_dbfs: -19.0,
        speed: 1.0,
        instructions: String::new(),
        timeout: MAX_WAIT,
        language: "en-US".to_owned(),
        has_languages: false,
        format: "wav".to_owned(),
        pcm_rate_hz: 24_000,
        endpoints: Vec::new(),
    }
}

/// Has a text of three pieces spoken, the first of which must begin soon and the second of which may be the last of the
/// work. Returns what the voice was asked for, what that has used, and how long the sound is.
fn spoken(is_over: bool) -> (Vec<(String, Duration)>, Usage, Result<Duration, Error>) {
    let bill = Arc::default();
    let billing = Billing::new(Arc::clone(&bill));
    let (asked, (tell, told)) = (Arc::default(), unbounded());
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let candidate: Candidate<dyn Voice> = Candidate {
        endpoint: endpoint(),
        fingerprint: String::new(),
        successor_of: None,
        closes: None,
        provider: Arc::new(Prompt {
            asked: Arc::clone(&asked),
            tell,
            over: is_over.then(|| billing.clone()),
        }),
    };
    let speaker = Speaker {
        billing,
        encoding: Encoding::Ulaw,
        loudness: Loudness::new(&settings(), folder.path()),
        is_streamed: true,
        hangup: Hangup::default(),
        language: None,
    };
    let deadline = Deadline::after(Instant::now(), MAX_WAIT, Instant::now);
    let budget = Budget::new(deadline, MAX_WAIT);
    let speaking = speaker.begin(&candidate, &three_pieces(), budget.within(SOON), deadline);
    let length = speaking.and_then(|mut speaking| {
        let patient = Patient {
            asked: told,
            has_waited: false,
        };
        speaking.write(patient, FIRST_LEAD)
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

/// A voice of syllables, of a level and with a silence before them.
#[derive(Debug)]
struct Syllables {
    dbfs: f32,
    silence_ms: usize,
}

impl Voice for Syllables {
    fn warm(&self, _: Deadline) {}

    fn max_chars(&self) -> usize {
        1_000
    }

    fn speak(&self, text: &str, _: u32, _: Budget) -> Result<Speech, cloud::Error> {
        let mut samples = vec![0.0; 24 * self.silence_ms];
        for pitch in text.bytes().map(|byte| 80 + u16::from(byte)) {
            let step = std::f32::consts::TAU * f32::from(pitch) / 24_000.0;
            let phases = std::iter::successors(Some(0.0), |phase| Some(phase + step));
            let tone = phases.map(|phase: f32| phase.sin() + 0.3 * (3.0 * phase).sin());
            samples.extend(tone.take(24 * 120));
            samples.extend([0.0; 24 * 50]);
        }
        let gain_db = self.dbfs - level_of(&samples, 24_000);
        let scaled = samples
            .iter()
            .map(|sample| to_i16(sample * 10_f32.powf(gain_db / 20.0)));
        Ok(said(24_000, scaled.collect()))
    }

    fn models(&self, _: Deadline) -> Result<Option<Vec<cloud::Listed>>, cloud::Error> {
        Ok(None)
    }
}

fn level_of(samples: &[f32], rate_hz: u16) -> f32 {
    let mut meter = Meter::new(rate_hz);
    meter.push(samples);
    meter.level().expect("speech").dbfs
}

/// What is heard at 8 kHz of each of these texts in calls one after another, each of one voice.
fn heard(folder: &Path, is_streamed: bool, said: &[(Syllables, &str, &str)]) -> Vec<Vec<f32>> {
    heard_as(Encoding::Sln, folder, is_streamed, said)
}

/// The same in a format of samples of 16 bits.
fn heard_as(
    encoding: Encoding,
    folder: &Path,
    is_streamed: bool,
    said: &[(Syllables, &str, &str)],
) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    for (voice, name, text) in said {
        let candidate: Candidate<dyn Voice> = Candidate {
            endpoint: Endpoint {
                voice: (*name).to_owned(),
                ..endpoint()
            },
            fingerprint: String::new(),
            successor_of: None,
            closes: None,
            provider: Arc::new(Syllables { ..*voice }),
        };
        let speaker = Speaker {
            billing: Billing::default(),
            encoding,
            loudness: Loudness::new(&settings(), folder),
            is_streamed,
            hangup: Hangup::default(),
            language: None,
        };
        let deadline = Deadline::after(Instant::now(), MAX_WAIT, Instant::now);
        let budget = Budget::new(deadline, MAX_WAIT);
        let speaking = speaker.begin(&candidate, text, budget, deadline);
        let mut sound = io::Cursor::new(Vec::new());
        let length = speaking.expect("it begins").write(&mut sound, FIRST_LEAD);
        length.expect("it is spoken");
        let (samples, _) = sound.get_ref().as_chunks();
        let samples = samples.iter().map(|bytes| i16::from_le_bytes(*bytes));
        all.push(samples.map(to_f32).collect());
    }
    all
}

#[test]
fn from_its_second_sentence_on_each_voice_is_as_loud_as_the_others_and_none_is_clipped() {
    let levels = [-35.0, -30.0, -25.0, -19.0, -13.0, -8.0];
    for (is_streamed, first_fits) in [(true, false), (false, true)] {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        for dbfs in levels {
            let voice = || Syllables {
                dbfs,
                silence_ms: 100,
            };
            let name = format!("voice {dbfs}");
            let said = ["First of all.", "And then another.", "So."];
            let said = said.map(|text| (voice(), name.as_str(), text));
            for (index, samples) in heard(folder.path(), is_streamed, &said).iter().enumerate() {
                let peak = samples
                    .iter()
                    .fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
                assert!(peak <= CEILING, "{peak} of {dbfs}, sentence {index}");
                // 60 dB below full scale, where another sentence of another gain may follow.
                let seams = [samples.first(), samples.last()].map(|sample| *sample.expect("sound"));
                assert!(seams.iter().all(|sample| sample.abs() < 0.001), "{seams:?}");
                let off = level_of(samples, 8_000) - settings().level_dbfs;
                let is_to_fit = index > 0 || first_fits;
                assert!(
                    !is_to_fit || off.abs() < 2.0,
                    "{off} dB of {dbfs}, sentence {index}"
                );
            }
        }
    }
}

#[test]
fn a_voice_that_stands_in_for_another_is_as_loud_as_that() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let loud = || Syllables {
        dbfs: -12.0,
        silence_ms: 0,
    };
    let soft = || Syllables {
        dbfs: -32.0,
        silence_ms: 0,
    };
    // As the doctor has both speak.
    let measured = [(loud(), "loud", "Good day."), (soft(), "soft", "Good day.")];
    heard(folder.path(), true, &measured);
    let call = [
        (loud(), "loud", "We open at nine."),
        (soft(), "soft", "We close at ten."),
        (loud(), "loud", "Goodbye."),
    ];
    let levels = heard(folder.path(), true, &call)
        .into_iter()
        .map(|samples| level_of(&samples, 8_000));
    for level in levels {
        assert!((level + 19.0).abs() < 1.0, "{level}");
    }
}

#[test]
fn of_the_silence_before_an_answer_at_most_30_ms_are_heard() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    for silence_ms in (0..20).map(|index| index * 300 / 19) {
        for dbfs in [-35.0, -8.0] {
            let voice = Syllables { dbfs, silence_ms };
            let name = format!("voice {dbfs}");
            let said = [(voice, name.as_str(), "Yes, on Monday.")];
            let samples = &heard(folder.path(), true, &said)[0];
            let voiced = first_voiced(samples);
            assert!(
                voiced <= 8 * 30,
                "{voiced} samples of {silence_ms} ms, {dbfs} dBFS"
            );
            // Nothing that was said is missing.
            let said_ms = 15 * 170 - 50;
            let heard_ms = samples.len() / 8 - voiced / 8;
            assert!(
                (said_ms..said_ms + 80).contains(&heard_ms),
                "{heard_ms} ms of {silence_ms}"
            );
        }
    }
}

#[test]
fn a_wideband_phone_hears_60_ms_of_silence_before_an_answer_that_has_as_much() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    for (silence_ms, min, max) in [(0, 0, 5), (60, 40, 60), (300, 40, 60)] {
        let dbfs = -20.0;
        let said = [(Syllables { dbfs, silence_ms }, "voice", "Yes, on Monday.")];
        let samples = &heard_as(Encoding::Sln16, folder.path(), true, &said)[0];
        let voiced = first_voiced(samples) / 16;
        assert!((min..=max).contains(&voiced), "{voiced} of {silence_ms} ms");
    }
}

/// Where the first sample is that can be heard.
fn first_voiced(samples: &[f32]) -> usize {
    let peak = |peak: f32, sample: &f32| peak.max(sample.abs());
    let loudest = samples.iter().fold(0.0, peak);
    let voiced = samples
        .iter()
        .position(|sample| sample.abs() > loudest / 30.0);
    voiced.expect("it is heard")
}

/// Sends a first piece, and never the second.
#[derive(Debug)]
struct Half {
    asked: Sender<()>,
    ends: Receiver<()>,
}

impl Voice for Half {
    fn warm(&self, _: Deadline) {}

    fn max_chars(&self) -> usize {
        1_000
    }

    fn speak(&self, text: &str, _: u32, _: Budget) -> Result<Speech, cloud::Error> {
        if text.ends_with("end") {
            self.asked.send(()).expect("the test waits");
            // Until the test has ended.
            self.ends.recv().ok();
            return Err(cloud::Error::HungUp("a service"));
        }
        Ok(said(8_000, vec![1_000; 8_000]))
    }

    fn models(&self, _: Deadline) -> Result<Option<Vec<cloud::Listed>>, cloud::Error> {
        Ok(None)
    }
}

/// Takes nothing, once the next piece has been asked for.
struct Full(Receiver<()>);

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        let asked = self.0.recv_timeout(Duration::from_secs(60));
        asked.map_err(io::Error::other)?;
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Full {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[test]
fn a_piece_that_fails_does_not_wait_for_the_next_one_to_begin() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let ((asked, told), (end, ends)) = (unbounded(), unbounded());
    let candidate: Candidate<dyn Voice> = Candidate {
        endpoint: endpoint(),
        fingerprint: String::new(),
        successor_of: None,
        closes: None,
        provider: Arc::new(Half { asked, ends }),
    };
    let speaker = Speaker {
        billing: Billing::default(),
        encoding: Encoding::Ulaw,
        loudness: Loudness::new(&settings(), folder.path()),
        is_streamed: true,
        hangup: Hangup::default(),
        language: None,
    };
    let deadline = Deadline::after(Instant::now(), MAX_WAIT, Instant::now);
    let text = "a ".repeat(MAX_SENTENCE_CHARS / 2) + "end";
    let begun = speaker.begin(&candidate, &text, Budget::new(deadline, MAX_WAIT), deadline);
    let failed = begun.expect("it begins").write(Full(told), FIRST_LEAD);
    assert!(matches!(failed, Err(Error::Telephone(_))), "{failed:?}");
    drop(end);
}
