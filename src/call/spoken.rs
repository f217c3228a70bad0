//! How much of an answer the caller has heard, sentence by sentence.

use crate::text;

/// The texts of an answer that have begun to be spoken, in order.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    texts: Vec<Text>,
    /// Frames that the caller has heard, and that there are.
    heard: u32,
    all: u32,
}

/// A sentence, or several that were spoken in one go.
#[derive(Debug)]
struct Text {
    words: String,
    /// The frame at which its sound begins.
    from: u32,
    /// Its sound is there to its end.
    is_whole: bool,
}

impl Spoken {
    /// Begins the next text, whose sound begins at frame `from`.
    pub(super) fn begins(&mut self, words: String, from: u32) {
        self.texts.push(Text {
            words,
            from,
            is_whole: false,
        });
    }

    /// It has ended.
    pub(super) fn ends(&mut self) {
        if let Some(text) = self.texts.last_mut() {
            text.is_whole = true;
        }
    }

    /// Notes how many frames were heard, and how many there are.
    pub(super) fn was_heard(&mut self, (heard, all): (u32, u32)) {
        // An answer that was taken up again from an earlier sentence has been heard further than it plays.
        (self.heard, self.all) = (self.heard.max(heard), all);
    }

    /// The sentence that sounds at frame `at`, of `all` that there are: the frame at which it begins, and how far that may
    /// be off.
    pub(super) fn sentence_at(&self, at: u32, all: u32) -> (u32, u32) {
        let begun = self.sentences(all).filter(|sentence| sentence.from <= at);
        begun
            .last()
            .map_or((0, 0), |sentence| (sentence.from, sentence.unsure))
    }

    /// Whether a question is among what was heard last before frame `at`, of `all` that there are.
    pub(super) fn has_just_asked(&self, at: u32, all: u32) -> bool {
        let since = at.saturating_sub(JUST_FRAMES);
        let heard = self
            .sentences(all)
            .filter(|sentence| sentence.from < at && sentence.end > since);
        heard
            .into_iter()
            .any(|sentence| is_question(sentence.words))
    }

    /// The sentences that have begun to be spoken, and where their sound is. Within a text that was spoken in one go it is
    /// reckoned by their length: nothing tells it.
    fn sentences(&self, all: u32) -> impl Iterator<Item = Sentence<'_>> {
        let next = self.texts.iter().skip(1).map(|text| Some(text.from));
        let texts = self.texts.iter().zip(next.chain([None]));
        texts.flat_map(move |(text, next)| text.sentences(next.unwrap_or(all)))
    }

    /// As much of the answer as was heard. Of the text that was interrupted it is a share, cut between two words, as large
    /// as that of its sound: nothing tells which words those were.
    pub(super) fn heard(&self) -> String {
        let next = self.texts.iter().skip(1).map(|text| Some(text.from));
        let texts = self.texts.iter().zip(next.chain([None]));
        let heard = texts.map(|(text, next)| text.heard(self.heard, next.unwrap_or(self.all)));
        let heard: Vec<_> = heard.filter(|words| !words.is_empty()).collect();
        heard.join(" ")
    }
}

/// A sentence and its sound, in frames.
struct Sentence<'a> {
    words: &'a str,
    from: u32,
    end: u32,
    /// By how much `from` may be off.
    unsure: u32,
}

impl Text {
    /// Its sentences; `end` is the frame at which its audio ends, as far as that is there.
    fn sentences(&self, end: u32) -> impl Iterator<Item = Sentence<'_>> {
        let chars = count(&self.words);
        let frames = self.frames(end, chars);
        let at = move |before: u32| self.from + share(frames, before, chars);
        let mut before = 0;
        text::sentences(&self.words).map(move |words| {
            let (from, is_first) = (at(before), before == 0);
            before += count(words);
            Sentence {
                words,
                from,
                end: at(before),
                unsure: if is_first { 0 } else { (from - self.from) / 4 },
            }
        })
    }

    /// How many frames all of it takes.
    fn frames(&self, end: u32, chars: u32) -> u32 {
        let there = end.saturating_sub(self.from);
        if self.is_whole {
            there
        } else {
            there.max(chars.saturating_mul(FRAMES_A_CHAR))
        }
    }

    /// The part of this text that was heard, given `heard` frames of the answer; `end` is the frame at which its audio ends.
    fn heard(&self, heard: u32, end: u32) -> &str {
        let chars = count(&self.words);
        let all = self.frames(end, chars);
        let heard = heard.saturating_sub(self.from);
        if heard >= all {
            return if heard > 0 { &self.words } else { "" };
        }
        let share = share(chars, heard, all);
        text::limit(&self.words, usize::try_from(share).unwrap_or(usize::MAX))
    }
}

fn count(words: &str) -> u32 {
    u32::try_from(words.chars().count()).unwrap_or(u32::MAX)
}

/// As much of `all` as `part` is of `whole`.
fn share(all: u32, part: u32, whole: u32) -> u32 {
    let share = u64::from(all) * u64::from(part) / u64::from(whole.max(1));
    u32::try_from(share).unwrap_or(u32::MAX)
}

/// Voices and models end a question so, in all languages that the program has tables for.
fn is_question(words: &str) -> bool {
    let is_closer = |c: char| c.is_whitespace() || "\"'”’»)".contains(c);
    words
        .trim_end_matches(is_closer)
        .ends_with(['?', '？', '؟'])
}

/// A question is answered within 2 s, also where the next sentence has begun.
const JUST_FRAMES: u32 = 100;

/// What voices take for a character where the sound is not there to tell: seventeen in a second.
const FRAMES_A_CHAR: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_sentences_are_heard_and_a_share_of_the_one_that_was_interrupted() {
        let mut spoken = Spoken::default();
        for (words, from) in [
            ("One word was said slowly.", 0),
            ("Ten, twenty, thirty, forty words.", 500),
            ("Never heard.", 600),
        ] {
            spoken.begins(words.into(), from);
            spoken.ends();
        }
        let table = [
            (0, ""),
            (1, ""),
            (250, "One word was"),
            (499, "One word was said"),
            (500, "One word was said slowly."),
            (550, "One word was said slowly. Ten, twenty"),
            (
                600,
                "One word was said slowly. Ten, twenty, thirty, forty words.",
            ),
        ];
        for (heard, expected) in table {
            spoken.was_heard((heard, 650));
            assert_eq!(spoken.heard(), expected, "after {heard} frames");
        }
        spoken.was_heard((650, 650));
        assert!(spoken.heard().ends_with("words. Never heard."));
    }

    #[test]
    fn a_text_whose_sound_is_still_to_come_was_not_heard_to_its_end() {
        let mut spoken = Spoken::default();
        spoken.begins("Ten, twenty, thirty, forty words.".into(), 0);
        spoken.was_heard((50, 50));
        assert_eq!(spoken.heard(), "Ten, twenty");
        spoken.ends();
        assert_eq!(spoken.heard(), "Ten, twenty, thirty, forty words.");
    }

    #[test]
    fn nothing_was_heard_of_what_was_not_spoken() {
        let mut spoken = Spoken::default();
        assert_eq!(spoken.heard(), "");
        spoken.begins("Silent.".into(), 0);
        spoken.ends();
        assert_eq!(spoken.heard(), "");
    }
}
