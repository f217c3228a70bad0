//! Who says what: the questions that the sandbox understands and the answers it gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::audio::alike::{Recording, Reference};
use crate::audio::{Clip, clips, measure, wav};

/// A question, the recording it is told by, and its answer.
#[derive(Clone, Debug)]
pub struct Script {
    /// The recording; `None` for the script that serves whatever is asked otherwise.
    pub question_wav: Option<PathBuf>,
    /// What Speech-to-Text hears in it.
    pub question: String,
    /// What the language model says to that.
    pub answer: String,
    /// What the voice says then; `None` for sound made up from the text.
    pub answer_wav: Option<PathBuf>,
}

impl Script {
    /// The scripts of `tests/data`: moon, opening hours, tea, and an answer to everything else.
    pub fn standard(data_dir: &Path) -> Vec<Self> {
        let script = |(name, question, answer): (&str, &str, &str)| Self {
            question_wav: (question != UNKNOWN_QUESTION)
                .then(|| data_dir.join(format!("question-{name}.wav"))),
            question: question.to_owned(),
            answer: answer.to_owned(),
            answer_wav: Some(data_dir.join(format!("answer-{name}.wav"))),
        };
        STANDARD.map(script).to_vec()
    }
}

impl Script {
    /// How the voice of these scripts says a text.
    pub fn voice(scripts: Vec<Self>, text: &str) -> Clip {
        Scripts::new(scripts).spoken(text)
    }
}

/// The scripts, ready to be compared with what is sent.
pub(super) struct Scripts {
    scripts: Vec<Script>,
}

impl Scripts {
    pub(super) fn new(scripts: Vec<Script>) -> Self {
        for path in scripts
            .iter()
            .flat_map(|script| [&script.question_wav, &script.answer_wav])
            .flatten()
        {
            assert!(
                path.is_file(),
                "{}, which a script names, is missing",
                path.display()
            );
        }
        Self { scripts }
    }

    /// The recordings to look for, and whose they are.
    fn references(&self) -> impl Iterator<Item = (&Script, Arc<Reference>)> {
        self.scripts.iter().filter_map(|script| {
            let path = script.question_wav.as_deref()?;
            let reference = QUESTIONS.of(path, || Reference::new(&wav::read(path)));
            Some((script, reference))
        })
    }

    /// The questions that are heard in a recording, in their order.
    pub(super) fn heard_in(&self, clip: &Clip) -> Vec<String> {
        let recording = Recording::new(clip);
        let mut heard: Vec<(f64, &str)> = Vec::new();
        for (script, reference) in self.references() {
            let question = script.question.as_str();
            let matches = reference.matches_in(&recording, THRESHOLD);
            heard.extend(matches.iter().map(|found| (found.at_seconds, question)));
        }
        heard.sort_by(|one, other| one.0.total_cmp(&other.0));
        heard
            .into_iter()
            .map(|(_, question)| question.to_owned())
            .collect()
    }

    /// Whether this text is said in a recording.
    pub(super) fn says(&self, clip: &Clip, text: &str) -> bool {
        let likeness = Reference::new(&self.spoken(text)).best_in(&Recording::new(clip));
        likeness > THRESHOLD
    }

    /// The answer to a question: to the known one that it contains, else the one to everything.
    pub(super) fn answer_to(&self, asked: &str) -> String {
        let asked = words(asked);
        let known = self
            .scripts
            .iter()
            .find(|script| asked.contains(&words(&script.question)));
        let otherwise = || {
            self.scripts
                .iter()
                .find(|script| script.question_wav.is_none())
        };
        known
            .or_else(otherwise)
            .map_or_else(|| NO_ANSWER.to_owned(), |script| script.answer.clone())
    }

    /// How a text sounds, at 24,000 samples a second. A sentence of an answer that is recorded sounds as it does there,
    /// whether it is asked for alone or with others.
    pub(super) fn spoken(&self, text: &str) -> Clip {
        let recorded: Option<Vec<Clip>> =
            sentences(text).map(|words| self.recorded(&words)).collect();
        recorded
            .and_then(|clips| clips.into_iter().reduce(|all, clip| all.then(&clip)))
            .unwrap_or_else(|| clips::babble(VOICE_RATE, text))
    }

    /// The first recording of a sentence.
    fn recorded(&self, words: &str) -> Option<Clip> {
        self.scripts.iter().find_map(|script| {
            let path = script.answer_wav.as_deref()?;
            let all: Vec<_> = sentences(&script.answer).collect();
            let number = all.iter().position(|sentence| sentence == words)?;
            let recordings = ANSWERS.of(path, || {
                let recording = wav::read(path);
                let numbers = 0..all.len();
                numbers
                    .map(|number| cut(&recording, number, all.len()))
                    .collect()
            });
            Some(recordings[number].clone())
        })
    }
}

/// What is made of files once for all sandboxes of a process.
struct OfFiles<T>(Mutex<BTreeMap<PathBuf, Arc<T>>>);

impl<T> OfFiles<T> {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    fn of(&self, path: &Path, make: impl FnOnce() -> T) -> Arc<T> {
        let mut known = self.0.lock().unwrap();
        let one = known.entry(path.to_owned());
        Arc::clone(one.or_insert_with(|| Arc::new(make())))
    }
}

static QUESTIONS: OfFiles<Reference> = OfFiles::new();
/// Sentence by sentence.
static ANSWERS: OfFiles<Vec<Clip>> = OfFiles::new();

/// The words of each sentence.
fn sentences(text: &str) -> impl Iterator<Item = String> {
    text.split_inclusive(['.', '!', '?']).map(words)
}

/// One of so many sentences of a recording. Put together, they are the recording; each but the last is a whole number of
/// telephone frames, and each but the first begins with a tenth of a second of silence at most, as good voices do.
fn cut(recording: &Clip, number: usize, of: usize) -> Clip {
    let frame = usize::try_from(recording.rate_hz / 50).unwrap();
    let pauses = measure::longest_pauses(recording, of - 1);
    let loud = measure::peak(&recording.samples) * f64::from(i16::MAX) / 50.0;
    let begin = |sentence: usize| match sentence {
        0 => 0,
        last if last == of => recording.samples.len(),
        other => {
            let middle = pauses[other - 1];
            let mut after = recording.samples[middle..].iter();
            let silent = after.position(|sample| f64::from(*sample).abs() > loud);
            let onset = middle + silent.unwrap_or_default();
            middle.max(onset.saturating_sub(5 * frame)) / frame * frame
        }
    };
    Clip {
        rate_hz: recording.rate_hz,
        samples: recording.samples[begin(number)..begin(number + 1)].to_vec(),
    }
}

/// Letters and digits only, in lower case: punctuation and spelling of pauses do not matter.
fn words(text: &str) -> String {
    let spaced = text.chars().map(|letter| {
        if letter.is_alphanumeric() {
            letter
        } else {
            ' '
        }
    });
    spaced
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

const STANDARD: [(&str, &str, &str); 4] = [
    (
        "moon",
        "How far away is the moon?",
        "The moon is about three hundred eighty-four thousand kilometres away. Light needs a little over one second for that. Goodbye!",
    ),
    (
        "opening-hours",
        "When are you open on Saturdays?",
        "On Saturdays we are open from nine in the morning until one in the afternoon. Goodbye!",
    ),
    (
        "tea",
        "How long should black tea steep?",
        "Black tea should steep for three to five minutes. Goodbye!",
    ),
    ("unknown", UNKNOWN_QUESTION, NO_ANSWER),
];
/// What Speech-to-Text hears in sound that it does not know.
pub(super) const UNKNOWN_QUESTION: &str = "unknown question";
const NO_ANSWER: &str = "I am sorry, I do not know that one. Goodbye!";
/// Other sentences of the same voice reach 0.3; the right one loses to 0.7 when it is trimmed hard, or as loud as noise.
const THRESHOLD: f64 = 0.5;
/// Of OpenAI's voices, in WAV as in PCM.
const VOICE_RATE: u32 = 24_000;
