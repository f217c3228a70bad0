//! What was said, as words.

/// What was said last.
#[derive(Default)]
pub(super) struct Utterance {
    /// All words in lower case, with a time, a date, an amount or "p.m." as one, and with the signs of arithmetic.
    pub(super) words: Vec<String>,
    /// Whether each of them is written with a capital, as German nouns and spelled letters are.
    pub(super) capitals: Vec<bool>,
    /// Where the last sentence begins in them.
    pub(super) sentence: usize,
    /// Whether there is a comma inside the last sentence.
    pub(super) has_comma: bool,
    pub(super) has_question_mark: bool,
    pub(super) trails_off: bool,
}

impl Utterance {
    pub(super) fn of(transcript: &str) -> Self {
        let transcript = transcript.trim().replace('’', "'");
        let mut said = Self {
            has_question_mark: transcript.ends_with('?'),
            trails_off: transcript.ends_with(TRAILING_OFF) || transcript.ends_with(".."),
            ..Self::default()
        };
        let (mut has_ended, mut had_comma) = (false, false);
        for chunk in transcript.split_whitespace() {
            if std::mem::take(&mut has_ended) {
                said.sentence = said.words.len();
                said.has_comma = false;
            }
            said.has_comma |= std::mem::replace(&mut had_comma, chunk.ends_with(','));
            has_ended = chunk.ends_with(['?', '!']) || chunk.ends_with('.') && !is_short(chunk);
            said.add(chunk);
        }
        said
    }

    fn add(&mut self, chunk: &str) {
        let is_part = |c: char| c.is_alphanumeric() || c == '\'';
        let whole = chunk.trim_matches(|c| !is_part(c) && c != '+');
        if whole.is_empty() && (chunk == "-" || chunk.starts_with(ARITHMETIC)) {
            return self.push(chunk);
        }
        if is_one_word(whole) {
            return self.push(whole);
        }
        for part in whole.split_inclusive(|c: char| !is_part(c)) {
            let word = part.trim_end_matches(|c| !is_part(c));
            self.push(word);
            self.push(part[word.len()..].trim_matches(|c| !ARITHMETIC.contains(&c)));
        }
    }

    fn push(&mut self, word: &str) {
        let word = word.trim_start_matches('\'');
        if word.is_empty() {
            return;
        }
        // "8 p. m." and "8 p m" are "8 p.m".
        if word == "m"
            && let [.., number, half] = self.words.as_mut_slice()
            && matches!(half.as_str(), "a" | "p")
            && (number.starts_with(is_digit) || number.chars().count() > 1)
        {
            return half.push_str(".m");
        }
        self.words.push(word.to_lowercase());
        self.capitals.push(word.starts_with(char::is_uppercase));
    }
}

/// Whether the dot behind this is no full stop: that of an abbreviation, an initial, or an ordinal.
fn is_short(chunk: &str) -> bool {
    let stem = chunk.trim_end_matches('.').to_lowercase();
    let stem = stem.trim_start_matches(|c: char| !c.is_alphanumeric());
    let is_ordinal = stem.len() <= 2 && stem.chars().all(is_digit);
    let is_initial = stem.chars().count() == 1;
    !chunk.ends_with("..")
        && (is_ordinal || is_initial || stem.contains('.') || ABBREVIATIONS.contains(&stem))
}

/// Whether something with marks inside is one word: a time, a date, an amount, a range, a number with its country's
/// code, or an abbreviation such as "p.m".
fn is_one_word(word: &str) -> bool {
    let is_number = word.starts_with(is_digit);
    let marks: Vec<char> = word.chars().filter(|c| !c.is_alphanumeric()).collect();
    let parts: Vec<&str> = word.split(['.', '-', '–', '+']).collect();
    match (marks.as_slice(), parts.as_slice()) {
        (['-' | '–'], [from, to]) => is_number && from.len() <= 2 && to.len() <= 2,
        (['+'], ["", code]) => code.starts_with(is_digit),
        (['.'], [one, other]) if !is_number => one.len() == 1 && other.len() == 1,
        (marks, _) => is_number && marks.iter().all(|mark| ".,:/".contains(*mark)),
    }
}

pub(super) fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// What recognizers write where a voice breaks off.
const TRAILING_OFF: [char; 7] = [',', ';', ':', '-', '–', '—', '…'];
/// What stands between two numbers of a sum, or between the letters of a name such as "H&M".
const ARITHMETIC: [char; 8] = ['+', '−', '×', '÷', '*', '/', '=', '&'];
/// What is written with a dot inside a sentence.
const ABBREVIATIONS: [&str; 24] = [
    "dr", "mr", "mrs", "ms", "prof", "st", "hr", "fr", "nr", "tel", "str", "bzw", "ca", "mme",
    "mlle", "sr", "sra", "srta", "dra", "dott", "sig", "ing", "avv", "approx",
];
