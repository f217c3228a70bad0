//! A text that is still being written, handed out in pieces that a voice can begin with.
//!
//! Each sentence is handed out once it is complete; the first piece may be a clause, because a caller waits for it.
//! What is markup shows only later (a table is one when its second row begins), so the whole is read again as it grows,
//! a long one less often than events come, and what has been handed out is passed over. What callers must not hear is left
//! out before all that.

use super::actions::{Action, ActionReader};
use super::cut::{end_of_clause, limit};
use super::filter::{Filter, Passed};
use super::marks::{is_closer, is_end};
use super::sentences::end_of_sentence;
use super::speakable::{speakable, speakable_beginning};

/// A text being written.
#[derive(Debug)]
pub struct SentenceStream {
    max_chars: usize,
    filter: Filter,
    /// How much was written, in bytes, also of what is not heard.
    written: usize,
    markdown: String,
    /// The number of its last bytes that were not read yet.
    unread: usize,
    /// What a voice can say of the others.
    speech: String,
    /// Whether `speech` has grown since there was no piece in it.
    has_grown: bool,
    /// All that has been handed out. Its first `retracted` bytes were thoughts that had been taken for the answer.
    said: String,
    retracted: usize,
    /// How many pieces have been handed out, and how many of them before this text began.
    pieces: usize,
    pieces_before: usize,
    is_full: bool,
    /// What the model tells us in between, where it may.
    actions: Option<ActionReader>,
    /// What the model had heard by the text that this one goes on after.
    heard_before: Option<String>,
    /// The length of `markdown` when it was last handed out to its end.
    ended_at: usize,
    /// The length of `markdown` when the model began to write down what it has heard.
    heard_at: Option<usize>,
    /// How much has been written after the limit, in bytes.
    unheard: usize,
    /// How much has been read, in bytes.
    #[cfg(test)]
    read: usize,
}

impl SentenceStream {
    /// A text of which at most `max_chars` characters are handed out, up to the last sentence that fits.
    pub fn new(max_chars: usize) -> Self {
        Self {
            max_chars,
            filter: Filter::default(),
            written: 0,
            markdown: String::new(),
            unread: 0,
            speech: String::new(),
            has_grown: false,
            said: String::new(),
            retracted: 0,
            pieces: 0,
            pieces_before: 0,
            is_full: false,
            actions: None,
            heard_before: None,
            ended_at: 0,
            heard_at: None,
            unheard: 0,
            #[cfg(test)]
            read: 0,
        }
    }

    /// The same, with actions in it that are not to be spoken.
    #[must_use]
    pub fn with_actions(self) -> Self {
        let actions = Some(ActionReader::default());
        Self { actions, ..self }
    }

    /// The actions found so far.
    pub fn actions(&self) -> &[Action] {
        self.actions.as_ref().map_or(&[], ActionReader::found)
    }

    /// The words that the model has written down as the caller's; empty where it has heard none.
    pub fn heard(&self) -> Option<&str> {
        let heard = self.actions.as_ref().and_then(ActionReader::heard);
        heard.or(self.heard_before.as_deref())
    }

    /// Whether all that is spoken is there, although the text has not ended.
    pub(crate) fn is_spoken_out(&self) -> bool {
        let after = self.heard_at.and_then(|at| self.markdown.get(at..));
        let is_last = after.is_some_and(|after| !after.contains(char::is_alphanumeric));
        let is_all = is_last && (self.has_pieces() || self.heard() == Some(""));
        self.is_full || self.has_ended() || is_all
    }

    /// Whether the text ended in the middle of an action.
    pub(crate) fn has_lost_an_action(&self) -> bool {
        self.actions.as_ref().is_some_and(ActionReader::is_cut_off)
    }

    /// How many bytes were written, also of what is not heard.
    pub fn written(&self) -> usize {
        self.written
    }

    /// Appends markdown as a model writes it. What is far longer than any answer is not taken in, and after the limit
    /// only actions are.
    pub fn push(&mut self, markdown: &str) {
        self.written += markdown.len();
        let passed = self.filter.push(markdown);
        self.take(&passed);
    }

    /// Whether there is any use in what is still to be written. Actions may stand at the end of a text that is too long.
    pub(crate) fn wants_more(&self) -> bool {
        if self.has_ended() || self.written > 2 * self.max_bytes() {
            return false;
        }
        let held = self.actions.as_ref().map(ActionReader::held);
        match held {
            None => !self.is_full,
            Some(held) => held.max(self.unheard) < MAX_UNHEARD,
        }
    }

    /// Whether the answer has ended, although the model may go on.
    pub fn has_ended(&self) -> bool {
        self.filter.has_ended()
    }

    fn take(&mut self, Passed { words, is_anew }: &Passed) {
        if *is_anew {
            self.begin_anew();
        }
        let spoken = self.actions.as_mut().map(|actions| actions.push(words));
        if self.is_full {
            self.unheard += words.len();
        } else {
            self.append(spoken.as_deref().unwrap_or(words));
        }
        let actions = self.actions.as_ref();
        if self.heard_at.is_none() && actions.is_some_and(ActionReader::has_begun_heard) {
            self.heard_at = Some(self.markdown.len());
        }
    }

    /// Drops what was thought, with the actions in it. What has been handed out is heard.
    fn begin_anew(&mut self) {
        self.markdown.clear();
        (self.unread, self.ended_at, self.heard_at) = (0, 0, None);
        self.speech.clear();
        self.actions = self.actions.as_ref().map(|_| ActionReader::default());
        if !self.said.is_empty() && !self.said.ends_with(' ') {
            self.said.push(' ');
        }
        self.retracted = self.said.len();
    }

    /// The maximum size of the text; with what is not heard of it, it may have twice that.
    fn max_bytes(&self) -> usize {
        MARKUP_BYTES.saturating_add(self.max_chars.saturating_mul(BYTES_PER_CHAR))
    }

    fn append(&mut self, markdown: &str) {
        if markdown.is_empty() {
            return;
        }
        if self.markdown.len() + markdown.len() > self.max_bytes() {
            self.is_full = true;
            return;
        }
        self.markdown.push_str(markdown);
        self.unread += markdown.len();
        // A reading takes as long as the text: reading it with each event would take the square of that.
        if self.unread > self.markdown.len().saturating_sub(READ_AT_ONCE) / UNREAD_PART {
            self.unread = 0;
            self.speech = speakable_beginning(&self.markdown);
            self.has_grown = true;
            #[cfg(test)]
            {
                self.read += self.markdown.len();
            }
        }
    }

    /// The next piece that stands, whatever is written after it.
    pub fn piece(&mut self) -> Option<String> {
        if !self.has_grown {
            return self.end_here();
        }
        let rest = self.rest();
        let len = if self.said.is_empty() {
            // Only the first piece is held back as a thought: once the caller hears the answer, nothing can be taken
            // back.
            first_piece(rest).filter(|&len| !is_thought(&rest[..len]))
        } else {
            end_of_sentence(rest).or_else(|| end_of_clause(rest, LONG_CHARS))
        };
        let piece = len.map(|len| rest[..len].to_owned());
        self.has_grown = piece.is_some();
        match piece {
            Some(piece) => self.hand_out(&piece, usize::MAX),
            None => self.end_here(),
        }
    }

    /// The rest of what is spoken, which is not to wait until the model has written down what it has heard, nor a
    /// sentence until it is known what follows.
    fn end_here(&mut self) -> Option<String> {
        let ends_spoken = self.actions.as_mut().is_some_and(ActionReader::ends_spoken);
        let is_sentence = self
            .markdown
            .trim_end()
            .ends_with(|c| is_end(c) || is_closer(c));
        let ends_sentence =
            self.filter.holds_back() && self.ended_at < self.markdown.len() && is_sentence;
        if !ends_spoken && !ends_sentence {
            return None;
        }
        self.ended_at = self.markdown.len();
        self.speech = speakable(&self.markdown);
        let rest = self.rest().to_owned();
        if self.said.is_empty() && is_thought(&rest) {
            return None;
        }
        self.hand_out(&rest, usize::MAX)
    }

    /// What is left when the text has ended. Of one that `is_cut` only whole sentences are.
    pub fn last(&mut self, is_cut: bool) -> Option<String> {
        let is_cut = is_cut && !self.has_ended();
        let passed = self.filter.end();
        self.take(&passed);
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
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// A text that goes on after this one has ended: nothing of it is written yet, and it has what this one has left of
    /// the limit.
    #[must_use]
    pub(crate) fn going_on(&self) -> Self {
        let mut said = self.said.clone();
        if !said.is_empty() && !said.ends_with(' ') {
            said.push(' ');
        }
        Self {
            retracted: said.len(),
            said,
            pieces: self.pieces,
            pieces_before: self.pieces,
            actions: self.actions.as_ref().map(ActionReader::going_on),
            heard_before: self.heard().map(str::to_owned),
            ..Self::new(self.max_chars)
        }
    }

    /// Whether there was anything in it that a voice can say, apart from the text that it goes on after.
    pub(crate) fn has_own_pieces(&self) -> bool {
        self.pieces > self.pieces_before
    }

    /// Whether there was anything that a voice can say.
    pub(crate) fn has_pieces(&self) -> bool {
        self.pieces > 0
    }

    /// Whether there was nothing else of use in it either.
    pub(crate) fn is_blank(&self) -> bool {
        !self.has_own_pieces() && self.actions().is_empty() && self.heard().is_none()
    }

    /// All that was handed out.
    pub fn said(&self) -> &str {
        self.said.trim_end()
    }

    /// Hands out the part of `piece` that has at most `max_piece_chars` characters and is within the limit. Where that is
    /// not all, it ends with a sentence, unless it is the first of all.
    fn hand_out(&mut self, piece: &str, max_piece_chars: usize) -> Option<String> {
        let room = self.max_chars.saturating_sub(self.said.chars().count());
        let mut fits = piece;
        if piece.trim().chars().count() > room.min(max_piece_chars) {
            fits = limit(piece, room.min(max_piece_chars));
            self.is_full = true;
            if !self.said.is_empty() && !fits.ends_with(|c| is_end(c) || is_closer(c)) {
                fits = "";
            }
        }
        self.said.push_str(fits);
        let fits = Some(fits.trim().to_owned()).filter(|fits| fits.contains(char::is_alphanumeric));
        self.pieces += usize::from(fits.is_some());
        fits
    }

    /// What has not been handed out.
    fn rest(&self) -> &str {
        let said = &self.said[self.retracted..];
        if let Some(rest) = self.speech.strip_prefix(said) {
            return rest;
        }
        // What was handed out reads differently now, by its signs: "1. Boil" has become "1, Boil". Its words have not.
        let said = said.chars().filter(|c| c.is_alphanumeric()).count();
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

/// Whether an answer that begins so is what the model thinks about the caller's question, before a closing tag that
/// has no opening one. It waits for that tag, or for the text's end.
fn is_thought(beginning: &str) -> bool {
    let words = beginning.to_lowercase();
    let mut words = words.trim_start_matches(|c: char| !c.is_alphanumeric());
    while let Some(rest) = FILLERS.iter().find_map(|filler| words.strip_prefix(filler)) {
        words = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    }
    THOUGHTS.iter().any(|start| words.starts_with(start))
}

/// What a thought may begin with.
const FILLERS: &[&str] = &[
    "okay,", "ok,", "okay.", "alright,", "hmm", "well,", "so,", "so ", "first,", "right,",
];

/// What thoughts begin with. A caller is spoken to, not spoken about.
const THOUGHTS: &[&str] = &[
    "the user ",
    "the user's ",
    "the caller ",
    "the caller's ",
    "user asks",
    "user wants",
    "user is asking",
    "we need to answer",
    "we need to respond",
    "we need to give",
    "we need to produce",
    "we are asked",
    "we have a user",
    "i need to answer",
    "i need to respond",
    "i should answer",
    "i should respond",
    "i should be brief",
    "i should keep",
    "let me think",
    "let me start",
    "let's think",
    "thinking process",
    "here's a thinking process",
    "here's my thought process",
];

/// The room for markup that is not spoken, in bytes: no model writes as much for one answer.
const MARKUP_BYTES: usize = 32 * 1024;

/// The room for each character that may be spoken, with the markup around it.
const BYTES_PER_CHAR: usize = 10;

/// Up to this size, some minute of speech, a text is read with each event.
const READ_AT_ONCE: usize = 1024;

/// The part of a longer text that may wait to be read: more than that is being spoken meanwhile.
const UNREAD_PART: usize = 32;

/// The maximum size after the limit: far more than a model may write for one answer.
const MAX_UNHEARD: usize = 64 * 1024;

/// A word like "Yes." would leave a gap after it: it is said together with the sentence that follows.
pub(crate) const MIN_PIECE_CHARS: usize = 12;

/// What goes on for this long without an end is no sentence, or is written in a language that marks none.
const LONG_CHARS: usize = 200;

/// Four seconds of speech: while they are heard, the rest of the sentence is written and spoken.
const CLAUSE_CHARS: usize = 60;

#[cfg(test)]
mod tests;
