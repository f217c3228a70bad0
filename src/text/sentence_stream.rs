//! A text that is still being written, handed out in pieces that a voice can begin with.
//!
//! Each sentence is handed out once it is complete; the first piece may be a clause, because a caller waits for it.
//! What is markup shows only later (a table is one when its second row begins), so the whole is read again as it grows,
//! and what has been handed out is passed over.

use super::actions::{Action, ActionReader};
use super::cut::{end_of_clause, limit};
use super::marks::{is_closer, is_end};
use super::sentences::end_of_sentence;
use super::speakable::{speakable, speakable_beginning};

/// A text being written.
#[derive(Debug)]
pub struct SentenceStream {
    max_chars: usize,
    markdown: String,
    /// What a voice can say of it so far.
    speech: String,
    /// The part of that which has been handed out.
    said: String,
    has_pieces: bool,
    is_full: bool,
    /// What the model tells us in between, where it may.
    actions: Option<ActionReader>,
    /// How much has been written after the limit, in bytes.
    unheard: usize,
}

impl SentenceStream {
    /// A text of which at most `max_chars` characters are handed out, up to the last sentence that fits.
    pub fn new(max_chars: usize) -> Self {
        Self {
            max_chars,
            markdown: String::new(),
            speech: String::new(),
            said: String::new(),
            has_pieces: false,
            is_full: false,
            actions: None,
            unheard: 0,
        }
    }

    /// The same, with actions in it that are not to be spoken.
    #[must_use]
    pub fn with_actions(self) -> Self {
        let actions = Some(ActionReader::default());
        Self { actions, ..self }
    }

    /// The actions asked for so far.
    pub fn actions(&self) -> &[Action] {
        self.actions.as_ref().map_or(&[], ActionReader::found)
    }

    /// Whether the text ended in the middle of an action.
    pub fn has_lost_an_action(&self) -> bool {
        self.actions.as_ref().is_some_and(ActionReader::is_cut_off)
    }

    /// Appends markdown as a model writes it. What is far longer than any answer is not taken in, and after the limit
    /// only actions are.
    pub fn push(&mut self, markdown: &str) {
        let spoken = self.actions.as_mut().map(|actions| actions.push(markdown));
        if self.is_full {
            self.unheard += markdown.len();
        } else {
            self.append(spoken.as_deref().unwrap_or(markdown));
        }
    }

    /// Whether there is any use in what is still to be written. Actions may stand at the end of a text that is too long.
    pub fn wants_more(&self) -> bool {
        let held = self.actions.as_ref().map(ActionReader::held);
        match held {
            None => !self.is_full,
            Some(held) => held.max(self.unheard) < MAX_UNHEARD,
        }
    }

    fn append(&mut self, markdown: &str) {
        if self.markdown.len() + markdown.len() > MAX_BYTES {
            self.is_full = true;
            return;
        }
        self.markdown.push_str(markdown);
        self.speech = speakable_beginning(&self.markdown);
    }

    /// The next piece that stands, whatever is written after it.
    pub fn piece(&mut self) -> Option<String> {
        let rest = self.rest();
        let len = if self.said.is_empty() {
            first_piece(rest)
        } else {
            end_of_sentence(rest).or_else(|| end_of_clause(rest, LONG_CHARS))
        };
        let piece = rest[..len?].to_owned();
        self.hand_out(&piece, usize::MAX)
    }

    /// What is left when the text has ended. Of one that `is_cut` only whole sentences are.
    pub fn last(&mut self, is_cut: bool) -> Option<String> {
        let rest = self.actions.as_mut().map(ActionReader::end);
        if let Some(rest) = rest.filter(|_| !self.is_full) {
            self.append(&rest);
        }
        self.speech = speakable(&self.markdown);
        let rest = self.rest().to_owned();
        // An answer that was cut has no end of its own: the last whole sentence is before its last character.
        let whole = rest.chars().count().saturating_sub(usize::from(is_cut));
        self.hand_out(&rest, whole)
    }

    /// Whether something has been left out, because of the limit or because the text was cut.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// An empty text with the same limit.
    #[must_use]
    pub fn anew(&self) -> Self {
        let anew = Self::new(self.max_chars);
        match self.actions {
            Some(_) => anew.with_actions(),
            None => anew,
        }
    }

    /// Whether there was anything that a voice can say.
    pub fn has_pieces(&self) -> bool {
        self.has_pieces
    }

    /// All that was handed out.
    pub fn said(&self) -> &str {
        self.said.trim_end()
    }

    /// Hands out the part of `piece` that has at most `most` characters and is within the limit. Where that is not all,
    /// it ends with a sentence, unless it is the first of all.
    fn hand_out(&mut self, piece: &str, most: usize) -> Option<String> {
        let room = self.max_chars.saturating_sub(self.said.chars().count());
        let mut fits = piece;
        if piece.trim().chars().count() > room.min(most) {
            fits = limit(piece, room.min(most));
            self.is_full = true;
            if !self.said.is_empty() && !fits.ends_with(|c| is_end(c) || is_closer(c)) {
                fits = "";
            }
        }
        self.said.push_str(fits);
        let fits = Some(fits.trim().to_owned()).filter(|fits| fits.contains(char::is_alphanumeric));
        self.has_pieces |= fits.is_some();
        fits
    }

    /// What has not been handed out.
    fn rest(&self) -> &str {
        if let Some(rest) = self.speech.strip_prefix(self.said.as_str()) {
            return rest;
        }
        // What was handed out reads differently now, by its signs: "1. Boil" has become "1, Boil". Its words have not.
        let said = self.said.chars().filter(|c| c.is_alphanumeric()).count();
        let mut letters = self
            .speech
            .char_indices()
            .filter(|(_, c)| c.is_alphanumeric());
        let end = match said.checked_sub(1) {
            Some(last) => letters.nth(last).map(|(at, c)| at + c.len_utf8()),
            None => Some(0),
        };
        let rest = &self.speech[end.unwrap_or(self.speech.len())..];
        rest.trim_start_matches(|c: char| !c.is_alphanumeric() && !c.is_whitespace())
            .trim_start()
    }
}

/// The length of what is worth beginning with: sentences that take a second or so to say, else a long clause.
fn first_piece(text: &str) -> Option<usize> {
    let mut len = 0;
    while let Some(more) = end_of_sentence(&text[len..]) {
        len += more;
        if text[..len].trim().chars().count() >= MIN_PIECE_CHARS {
            return Some(len);
        }
    }
    end_of_clause(text, CLAUSE_CHARS)
}

/// The maximum size of a text: ten times what the largest limit lets through.
const MAX_BYTES: usize = 1 << 20;

/// The maximum size after the limit: far more than a model may write for one answer.
const MAX_UNHEARD: usize = 64 * 1024;

/// A word like "Yes." would leave a gap after it: it is said together with the sentence that follows.
pub(crate) const MIN_PIECE_CHARS: usize = 12;

/// What goes on for this long without an end is no sentence, or is written in a language that marks none.
const LONG_CHARS: usize = 200;

/// Four seconds of speech: while they are heard, the rest of the sentence is written and spoken.
const CLAUSE_CHARS: usize = 60;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The pieces of a text that is written in events of `words` words each.
    fn pieces(text: &str, words: usize, max_chars: usize, is_cut: bool) -> Vec<String> {
        let mut stream = SentenceStream::new(max_chars);
        let mut pieces = Vec::new();
        let all: Vec<&str> = text.split_inclusive(' ').collect();
        for event in all.chunks(words) {
            stream.push(&event.concat());
            while let Some(piece) = stream.piece() {
                pieces.push(piece);
            }
        }
        pieces.extend(stream.last(is_cut));
        pieces
    }

    #[test]
    fn a_sentence_is_handed_out_when_it_stands() {
        let mut stream = SentenceStream::new(1000);
        let table = [
            ("The moon is", None),
            (" far away.", None),
            (" It", Some("The moon is far away.")),
            (" is about 384", None),
            (".4 thousand km from Dr.", None),
            (
                " Smith! Light",
                Some("It is about 384.4 thousand km from Dr. Smith!"),
            ),
        ];
        for (words, expected) in table {
            stream.push(words);
            assert_eq!(stream.piece().as_deref(), expected, "{words}");
        }
        assert_eq!(stream.last(false).as_deref(), Some("Light"));
        assert_eq!(
            stream.said(),
            "The moon is far away. It is about 384.4 thousand km from Dr. Smith! Light"
        );
    }

    #[test]
    fn the_first_piece_is_neither_a_mere_word_nor_a_whole_paragraph() {
        let table: [(&str, &[&str]); 6] = [
            (
                "Yes. It is open. Goodbye!",
                &["Yes. It is open.", "Goodbye!"],
            ),
            ("Hello! Yes", &["Hello! Yes"]),
            (
                "The best time of the year to plant a young apple tree is autumn, when the ground is still warm, and rain is near. Bye!",
                &[
                    "The best time of the year to plant a young apple tree is autumn,",
                    "when the ground is still warm, and rain is near.",
                    "Bye!",
                ],
            ),
            (
                "好的。今天天气很好，我们去公园散步吧。再见！",
                &["好的。今天天气很好，我们去公园散步吧。", "再见！"],
            ),
            (
                "1. Boil the water.\n2. Add the tea.\n",
                &["1, Boil the water.", "2, Add the tea."],
            ),
            (
                "**Good morning. How are** you?",
                &["Good morning.", "How are you?"],
            ),
        ];
        for (text, expected) in table {
            for words in [1, 6] {
                assert_eq!(pieces(text, words, 1000, false), expected, "{text}");
            }
        }
    }

    #[test]
    fn words_without_any_mark_are_handed_out_between_words() {
        let text = "word ".repeat(100);
        let pieces = pieces(&text, 6, 1000, false);
        assert!(pieces.len() > 1);
        assert_eq!(pieces.join(" "), text.trim());
    }

    #[test]
    fn an_answer_that_is_too_long_or_cut_ends_with_a_sentence() {
        let text = "One two three. Four five six. Seven eight nine";
        let table: [(usize, bool, &[&str]); 5] = [
            (
                1000,
                false,
                &["One two three.", "Four five six.", "Seven eight nine"],
            ),
            (1000, true, &["One two three.", "Four five six."]),
            (30, false, &["One two three.", "Four five six."]),
            (28, false, &["One two three."]),
            (8, false, &["One two"]),
        ];
        for (max_chars, is_cut, expected) in table {
            assert_eq!(
                pieces(text, 1, max_chars, is_cut),
                expected,
                "{max_chars} {is_cut}"
            );
        }
        assert_eq!(pieces("One two thr", 6, 1000, true), ["One two"]);
    }

    #[test]
    fn actions_are_found_after_the_limit_too_and_nothing_is_said_there() {
        let text = "One two three. Four five six. Seven eight nine. [[note x]] Ten. [[forget]]";
        for words in 1..=16 {
            let mut stream = SentenceStream::new(30).with_actions();
            let mut said = Vec::new();
            let all: Vec<&str> = text.split_inclusive(' ').collect();
            for event in all.chunks(words) {
                assert!(stream.wants_more());
                stream.push(&event.concat());
                while let Some(piece) = stream.piece() {
                    said.push(piece);
                }
            }
            said.extend(stream.last(false));
            assert_eq!(said, ["One two three.", "Four five six."], "{words}");
            let note = Action::Note("x".to_owned());
            assert_eq!(stream.actions(), [note, Action::Forget], "{words}");
            assert!(!stream.has_lost_an_action());
        }
    }

    #[test]
    fn what_is_written_after_the_limit_is_not_waited_for_without_end() {
        let mut stream = SentenceStream::new(30);
        stream.push(&"One two three. Four five six. ".repeat(2));
        while stream.piece().is_some() {}
        assert!(!stream.wants_more(), "nobody listens to actions");
        let mut stream = SentenceStream::new(30).with_actions();
        stream.push(&"One two three. Four five six. ".repeat(2));
        while stream.piece().is_some() {}
        let mut written = 0;
        while stream.wants_more() {
            stream.push("and more ");
            written += 9;
        }
        assert!(written < 2 * MAX_UNHEARD, "{written}");
        let mut stream = SentenceStream::new(30).with_actions();
        stream.push("[[note ");
        while stream.wants_more() {
            stream.push(&"and more ".repeat(100));
        }
        assert_eq!(stream.last(true), None);
        assert!(stream.has_lost_an_action());
    }

    #[test]
    fn signs_alone_are_nothing_to_say() {
        for text in ["…", "?", "— !", "***\n"] {
            let mut stream = SentenceStream::new(1000);
            stream.push(text);
            assert_eq!((stream.piece(), stream.last(false)), (None, None), "{text}");
            assert!(!stream.has_pieces());
        }
    }

    #[test]
    fn code_is_said_only_if_there_is_nothing_else() {
        assert_eq!(
            pieces(
                "```\nrm file. Then go\n```\nDone at last. Bye",
                1,
                1000,
                false
            ),
            ["Done at last.", "Bye"]
        );
        assert_eq!(pieces("```\nrm file\n```", 1, 1000, false), ["rm file"]);
    }

    proptest! {
        #[test]
        fn every_word_of_prose_is_said_once_and_in_order(
            text in "[A-Z][a-z]{2,9}([ ,.;:?!'*_>~|\n-]{1,3}[A-Za-z]{2,9}){0,40}",
            words in 1_usize..8,
        ) {
            let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).collect::<String>();
            let said = pieces(&text, words, 10_000, false).join(" ");
            prop_assert_eq!(letters(&said), letters(&text));
        }

        #[test]
        fn no_text_makes_it_panic(text in "([-a-z0-9*_`#|<>\\[\\]()!&;~=.:/ \n。，]|\\PC){0,80}", most in 1_usize..100) {
            pieces(&text, 2, most, true);
        }
    }
}
