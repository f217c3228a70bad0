//! Who says what: the questions that the sandbox understands and the answers it gives.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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
    /// How an answer of these scripts sounds when each of its sentences is asked for by itself.
    pub fn voice(scripts: Vec<Self>, answer: &str) -> Clip {
        let scripts = Scripts::new(scripts);
        let sentences = answer.split_inclusive(['.', '!', '?']);
        let clips = sentences.map(|sentence| scripts.spoken(sentence));
        clips.reduce(|all, clip| all.then(&clip)).unwrap()
    }
}

/// The scripts, ready to be compared with what is sent.
pub(super) struct Scripts {
    scripts: Vec<Script>,
    /// Prepared when the first recording comes: many a test sends none.
    references: OnceLock<Vec<(usize, Reference)>>,
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
        Self {
            scripts,
            references: OnceLock::new(),
        }
    }

    /// The recordings to look for, and whose they are.
    fn references(&self) -> &[(usize, Reference)] {
        self.references.get_or_init(|| {
            let wavs = self
                .scripts
                .iter()
                .map(|script| script.question_wav.as_deref());
            let wavs = wavs
                .enumerate()
                .filter_map(|(index, path)| Some((index, path?)));
            wavs.map(|(index, path)| (index, Reference::new(&wav::read(path))))
                .collect()
        })
    }

    /// The questions that are heard in a recording, in their order.
    pub(super) fn heard_in(&self, clip: &Clip) -> Vec<String> {
        let recording = Recording::new(clip);
        let mut heard: Vec<(f64, &str)> = Vec::new();
        for (index, reference) in self.references() {
            let question = self.scripts[*index].question.as_str();
            let matches = reference.matches_in(&recording, THRESHOLD);
            heard.extend(matches.iter().map(|found| (found.at_seconds, question)));
        }
        heard.sort_by(|one, other| one.0.total_cmp(&other.0));
        heard
            .into_iter()
            .map(|(_, question)| question.to_owned())
            .collect()
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

    /// How a text sounds, at 24,000 samples a second: as recorded, if it is an answer or some sentences of one.
    pub(super) fn spoken(&self, text: &str) -> Clip {
        let recorded = self.scripts.iter().find_map(|script| {
            let path = script.answer_wav.as_deref()?;
            part_of(&script.answer, text).map(|part| part.cut_from(&wav::read(path)))
        });
        recorded.unwrap_or_else(|| clips::babble(VOICE_RATE, text))
    }
}

/// Some sentences of an answer, of so many.
struct Part {
    sentences: Range<usize>,
    of: usize,
}

/// The sentences that `text` consists of, if they are sentences of `answer`.
fn part_of(answer: &str, text: &str) -> Option<Part> {
    let sentences: Vec<_> = answer.split_inclusive(['.', '!', '?']).map(words).collect();
    let of = sentences.len();
    let all = (0..of).flat_map(|first| (first + 1..=of).map(move |end| first..end));
    let wanted = words(text);
    let sentences = all
        .into_iter()
        .find(|part| sentences[part.clone()].join(" ") == wanted)?;
    Some(Part { sentences, of })
}

impl Part {
    /// Its piece of the recording of the whole. Put together, the pieces are the recording; each but the last is a whole
    /// number of telephone frames.
    fn cut_from(&self, recording: &Clip) -> Clip {
        let frame = usize::try_from(recording.rate_hz / 50).unwrap();
        let pauses = measure::longest_pauses(recording, self.of - 1);
        let cut = |sentence: usize| match sentence {
            0 => 0,
            last if last == self.of => recording.samples.len(),
            other => pauses[other - 1] / frame * frame,
        };
        let samples = cut(self.sentences.start)..cut(self.sentences.end);
        Clip {
            rate_hz: recording.rate_hz,
            samples: recording.samples[samples].to_vec(),
        }
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
