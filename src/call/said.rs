//! How much of an answer the caller has heard, sentence by sentence.

use crate::text;

/// The sentences of an answer that have begun to be spoken, each with the frame at which its sound begins.
#[derive(Debug, Default)]
pub(super) struct Said {
    sentences: Vec<(u32, String)>,
    /// Frames that the caller has heard, and that there are.
    heard: u32,
    all: u32,
}

impl Said {
    /// What is spoken next begins after so many frames.
    pub(super) fn begins(&mut self, text: String, frames: u32) {
        self.sentences.push((frames, text));
    }

    /// So many frames of so many have been heard.
    pub(super) fn was_heard(&mut self, (heard, all): (u32, u32)) {
        (self.heard, self.all) = (heard, all);
    }

    /// As much of the answer as was heard. Of the sentence that was interrupted it is a share, cut between two words,
    /// as large as that of its sound: nothing tells which words those were.
    pub(super) fn heard(&self) -> String {
        let ends = self.sentences.iter().skip(1).map(|(from, _)| *from);
        let sentences = self.sentences.iter().zip(ends.chain([self.all]));
        let heard = sentences.map(|((from, text), end)| {
            let frames =
                |from: u32, to: u32| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
            match (frames(*from, self.heard), frames(*from, end)) {
                (0, _) => "",
                (heard, all) if heard >= all => text.as_str(),
                (heard, all) => text::limit(text, text.chars().count() * heard / all),
            }
        });
        let heard: Vec<_> = heard.filter(|text| !text.is_empty()).collect();
        heard.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_sentences_are_heard_and_a_share_of_the_one_that_was_interrupted() {
        let mut said = Said::default();
        said.begins("One word was said slowly.".into(), 0);
        said.begins("Ten, twenty, thirty, forty words.".into(), 500);
        said.begins("Never heard.".into(), 600);
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
            said.was_heard((heard, 650));
            assert_eq!(said.heard(), expected, "after {heard} frames");
        }
        said.was_heard((650, 650));
        assert!(said.heard().ends_with("words. Never heard."));
    }

    #[test]
    fn nothing_was_heard_of_what_was_not_spoken() {
        assert_eq!(Said::default().heard(), "");
    }
}
