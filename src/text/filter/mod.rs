//! What a model writes that is not for the caller: thoughts, tokens of its template, calls of tools, and turns of others.
//!
//! A server takes these out of the text if it knows the model, and many do not. Here they are found in the text itself,
//! wherever a stream splits it: what is passed on depends on the text alone. Only what may become a token or a label is
//! held back for that, which is told within some characters.

mod call;
mod held;
mod label;
mod read;
mod token;
mod wrapped;

use call::Call;
use held::Held;
use label::{Label, Start};
use read::Read;
use token::{Hidden, Speaker, Token};
use wrapped::{Unwrapped, Wrapped};

pub(super) use token::{is_cut_off_token, is_token};

use super::actions::has_words;
use super::marks::{is_closer, is_end};
use super::visible::Visible;

/// What a caller may hear of the text that was taken in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) words: String,
    /// All that was passed on before these words were thoughts, which only now ended.
    pub(super) is_anew: bool,
}

/// Passes on what a caller may hear of a text that is being written.
#[derive(Debug, Default)]
pub(super) struct Filter {
    visible: Visible,
    state: State,
    /// The last characters, while they may become a token or a label.
    pending: String,
    held: Option<Held>,
    start: Start,
    /// The character before the next one.
    before: Option<char>,
    /// The last character that is no space, and whether it ends a sentence.
    last: Option<char>,
    has_mark: bool,
    /// Whether the line has a letter: the mark behind a number in front of it is that of a list.
    has_letter: bool,
    /// What follows `[[`, as long as no `]]` does: its beginning tells whether it is an action with words in it.
    action: Option<String>,
    /// A letter or digit has been passed on.
    has_passed: bool,
    passed: Passed,
    #[cfg(test)]
    steps: usize,
}

/// What becomes of the next character.
#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Passing,
    Hiding(Hidden),
    /// It belongs to a call that ends with its brackets.
    Calling(Call),
    /// It belongs to a call that ends with a token.
    CallingBetween(Call),
    /// It belongs to the text of an answer in JSON.
    Unwrapping(Wrapped),
    /// It belongs to the name of a speaker or a channel.
    Naming(String),
    /// The answer has ended; what follows is the model's conversation with itself.
    Ended,
}

impl Filter {
    /// Takes in the next part of the text.
    pub(super) fn push(&mut self, text: &str) -> Passed {
        self.pending.push_str(&self.visible.read(text));
        self.read(false);
        std::mem::take(&mut self.passed)
    }

    /// Ends the text. A token that was cut off is not passed on either.
    pub(super) fn end(&mut self) -> Passed {
        self.read(true);
        match std::mem::take(&mut self.state) {
            // A name without a space may have been cut off.
            State::Naming(name) if name.trim().contains(char::is_whitespace) => {
                self.pass(token::words_after_speaker(&name));
            }
            State::Calling(call) | State::CallingBetween(call) if !self.has_passed => {
                self.pass(call.last_line().unwrap_or_default());
            }
            _ => {}
        }
        if let Some(held) = self.held.take()
            && !(self.has_passed && held.is_turn())
        {
            self.pass(held.words());
        }
        self.state = State::Ended;
        std::mem::take(&mut self.passed)
    }

    /// Whether the answer has ended, although the model may go on.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether what follows the words that were passed on is held back.
    pub(super) fn holds_back(&self) -> bool {
        self.has_passed && self.held.as_ref().is_some_and(|held| !held.is_released())
    }

    fn read(&mut self, is_last: bool) {
        let text = std::mem::take(&mut self.pending);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let Some(len) = self.step(rest, is_last) else {
                rest.clone_into(&mut self.pending);
                break;
            };
            rest = &rest[len..];
            #[cfg(test)]
            {
                self.steps += 1;
            }
        }
    }

    /// Reads what `rest` begins with. Returns its length; nothing while too little of it is known.
    fn step(&mut self, rest: &str, is_last: bool) -> Option<usize> {
        match &mut self.state {
            State::Ended => return Some(rest.len()),
            State::Calling(call) => {
                let (len, has_ended) = call.read(rest);
                if has_ended {
                    self.state = State::Passing;
                }
                return Some(len);
            }
            State::Unwrapping(wrapped) => {
                let c = rest.chars().next()?;
                match wrapped.read(c) {
                    Unwrapped::Text(text) => self.pass(&text),
                    Unwrapped::Part => {}
                    Unwrapped::End => self.state = State::Calling(wrapped.rest()),
                }
                return Some(c.len_utf8());
            }
            State::Passing if self.start != Start::None => {
                match label::read(rest, self.start, is_last) {
                    Read::Is(len, label) if self.obey_label(label, &rest[..len]) => {
                        return Some(len);
                    }
                    Read::MayBecome if !is_last => return None,
                    _ => {}
                }
            }
            _ => {}
        }
        match token::read(rest, self.may_be_unmarked()) {
            Read::Is(len, token) => {
                self.obey(token, &rest[..len]);
                return Some(len);
            }
            Read::MayBecome if !is_last => return None,
            Read::MayBecome if token::is_cut_off(rest) => return Some(rest.len()),
            _ => {}
        }
        let c = rest.chars().next()?;
        self.take(c);
        Some(c.len_utf8())
    }

    /// Takes in a character that belongs to no token.
    fn take(&mut self, c: char) {
        if let State::CallingBetween(call) = &mut self.state
            && !call.takes(c)
        {
            self.state = State::Passing;
        }
        match &mut self.state {
            State::Passing => self.pass(c.encode_utf8(&mut [0; 4])),
            State::Naming(name) if c == '\n' => {
                let speaker = token::speaker(name);
                self.begin_turn(speaker);
            }
            State::Naming(name) => {
                name.push(c);
                if name.len() > LONGEST_NAME {
                    let name = std::mem::take(name);
                    self.state = State::Passing;
                    self.pass(token::words_after_speaker(&name));
                }
            }
            _ => {}
        }
        self.start = match self.start {
            _ if c == '\n' => Start::Line,
            Start::None if c.is_whitespace() && self.has_mark => Start::Sentence,
            start if c.is_whitespace() => start,
            _ => Start::None,
        };
        match &mut self.action {
            _ if self.before == Some('[') && c == '[' && self.state == State::Passing => {
                self.action = Some(String::new());
            }
            // A model may write one bracket in place of two.
            _ if self.before == Some(']') && c == ']' || self.last == Some(']') && c == '\n' => {
                self.action = None;
            }
            Some(action) if action.len() < LONGEST_ACTION_NAME => action.push(c),
            _ => {}
        }
        if !c.is_whitespace() {
            self.has_letter |= c.is_alphabetic();
            self.has_mark = (is_end(c) && self.has_letter) || (self.has_mark && is_closer(c));
            self.last = Some(c);
        }
        self.has_letter &= c != '\n';
        self.before = Some(c);
    }

    fn pass(&mut self, words: &str) {
        let released = match &mut self.held {
            Some(held) => held.push(words),
            None => Some(words.to_owned()),
        };
        if let Some(words) = released {
            self.passed.words.push_str(&words);
            self.has_passed |= words.contains(char::is_alphanumeric);
        }
    }

    /// Does what a token asks for, which has been read as `text`.
    fn obey(&mut self, token: Token, text: &str) {
        if let State::Naming(name) = &self.state {
            let speaker = token::speaker(name);
            self.begin_turn(speaker);
        }
        let is_passing = self.state == State::Passing;
        let is_calling = matches!(self.state, State::CallingBetween(_));
        match token {
            Token::Begin(Hidden::Turn) if is_passing => self.begin_turn(Speaker::Other),
            Token::Begin(Hidden::Call) if is_passing || is_calling => {
                self.state = State::CallingBetween(Call::between_tokens());
            }
            Token::Begin(hidden) if is_passing => self.state = State::Hiding(hidden),
            Token::End(Hidden::Thought) => self.end_thought(),
            Token::MayEndThought if self.held.as_ref().is_some_and(Held::is_thought) => {
                self.end_thought();
            }
            Token::End(Hidden::Call) if is_calling => self.state = State::Passing,
            Token::End(hidden) if self.state == State::Hiding(hidden) => {
                self.state = State::Passing;
            }
            Token::Call if is_passing => self.state = State::Calling(Call::default()),
            Token::MayBeginThought if is_passing && self.is_first() => {
                self.held = Some(Held::new(Label::Thought, text));
            }
            Token::MayEndTurn if is_passing && self.has_passed && self.has_mark => {
                self.state = State::Ended;
            }
            Token::MayBeginThought
            | Token::MayEndThought
            | Token::MayEndTurn
            | Token::End(Hidden::Details)
                if is_passing =>
            {
                return text.chars().for_each(|c| self.take(c));
            }
            Token::Name => self.state = State::Naming(String::new()),
            Token::Turn(Speaker::Model) if self.state != State::Hiding(Hidden::Turn) => {}
            Token::Turn(speaker) => self.begin_turn(speaker),
            // Before the first word it ends nothing: some models close their thoughts with it, and answer behind it.
            Token::EndOfTurn if self.has_passed => self.state = State::Ended,
            Token::EndOfTurn | Token::EndOfMessage => self.state = State::Passing,
            _ => {}
        }
        self.start = Start::Line;
        self.before = None;
    }

    /// Lets the answer begin: what came before its first word was thought, also where nothing said so.
    fn end_thought(&mut self) {
        self.action = None;
        if self.state != State::Hiding(Hidden::Thought) && (self.has_passed || self.held.is_some())
        {
            self.held = None;
            self.has_passed = false;
            self.passed = Passed {
                words: String::new(),
                is_anew: true,
            };
        }
        self.state = State::Passing;
    }

    fn begin_turn(&mut self, speaker: Speaker) {
        self.action = None;
        self.state = match speaker {
            Speaker::Model => State::Passing,
            Speaker::Thought => State::Hiding(Hidden::Thought),
            Speaker::Call => State::CallingBetween(Call::between_tokens()),
            Speaker::Other if self.has_passed => State::Ended,
            Speaker::Other => State::Hiding(Hidden::Turn),
        };
    }

    /// Whether nothing of the answer has been read.
    fn is_first(&self) -> bool {
        !self.has_passed && self.held.is_none()
    }

    /// Does what a label asks for. Returns whether it did: what is no label here is text.
    fn obey_label(&mut self, label: Label, text: &str) -> bool {
        // A message has lines of its own: "Caller: Jim".
        if self.action.as_deref().is_some_and(has_words) {
            return false;
        }
        let is_first = self.is_first();
        let is_fenced = label::is_fence(text);
        let held = self.held.as_ref();
        let is_awaited = held.is_some_and(|held| held.may_end_at(label, self.has_passed));
        // A list of names and values is announced: "Log in with:".
        let may_be_turn = self.has_passed && self.held.is_none() && self.last != Some(':');
        match label {
            Label::Alone
                if text == ALONE_AT_END && self.has_passed && self.has_mark && held.is_none() =>
            {
                self.state = State::Ended;
            }
            Label::Role if is_awaited && !self.has_mark => return false,
            Label::Role | Label::Alone if is_first || is_awaited => {
                return self.obey_label(Label::Model, text);
            }
            Label::Answer | Label::Model if is_awaited => return self.end_held(),
            Label::Model if self.start == Start::Line => {}
            // Behind an answer, another speaker is the model's conversation with itself only if an answer follows. Until
            // then it may be a line of a booking, and is kept to be passed on.
            Label::Asker if may_be_turn => self.held = Some(Held::new(label, text)),
            Label::Other if may_be_turn || is_first => self.held = Some(Held::new(label, text)),
            Label::Thought | Label::Action if is_first => self.held = Some(Held::new(label, text)),
            Label::Analysis if is_first => self.state = State::Hiding(Hidden::Thought),
            Label::Call if is_fenced => self.state = State::Calling(Call::default().in_fence()),
            Label::Call => self.state = State::Calling(Call::default()),
            Label::Wrapped => {
                self.state = State::Unwrapping(Wrapped::new(is_fenced));
            }
            _ => return false,
        }
        self.start = Start::Line;
        true
    }

    /// Lets the answer begin behind what was held, or the model's next one. Returns whether it was held for that.
    fn end_held(&mut self) -> bool {
        let own = self.held.take().filter(Held::is_own);
        if let Some(own) = &own {
            self.pass(own.words());
        } else if self.has_passed {
            self.state = State::Ended;
        }
        self.start = Start::Line;
        own.is_none()
    }

    /// Whether a token may follow that has no marks around it: it is glued to what comes before.
    fn may_be_unmarked(&self) -> bool {
        match self.state {
            State::Passing => self.before.is_some_and(|c| !c.is_whitespace()),
            State::Hiding(_) | State::CallingBetween(_) => true,
            _ => false,
        }
    }
}

/// How a model goes on behind its answer, where its template's tokens are lost.
const ALONE_AT_END: &str = "assistant\n\n";

/// What is read of an action to know its name, in bytes.
const LONGEST_ACTION_NAME: usize = 16;

/// The longest name of a speaker or channel, in bytes: "assistant to=functions.NAME" and the like.
const LONGEST_NAME: usize = 100;

#[cfg(test)]
mod tests;
