//! What a model tells us in the middle of what it tells the caller: `[[goodbye]]`, `[[transfer reception]]`,
//! `[[message Anna: call Jim]]`, `[[note likes tea]]`, `[[forget]]`, and `[[heard WORDS]]` where it has heard the caller
//! itself.
//!
//! Such an action is never spoken, however its characters are split among the events of a stream.

/// What a model may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The call is over when the answer has been heard.
    Goodbye,
    /// Another person takes over then: one of the names in the settings, as the model writes it.
    Transfer(String),
    /// This is to be known in the caller's next call, in place of what was noted before.
    Note(String),
    /// The caller wants to be forgotten.
    Forget,
    /// The caller leaves a message.
    Message(Message),
}

/// A message as the model writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whom it is for; empty where the model does not say.
    pub to: String,
    /// What it says.
    pub text: String,
    /// Whether the model broke off within it.
    pub is_cut: bool,
}

/// Takes actions out of a text that is being written.
#[derive(Debug, Default)]
pub(super) struct ActionReader {
    /// What may become an action.
    pending: String,
    found: Vec<Action>,
    heard: Option<String>,
    /// Whether it is known that what was heard has begun.
    has_told_end: bool,
    is_cut_off: bool,
    /// How many bytes have been looked at, also more than once.
    #[cfg(test)]
    looked_at: usize,
}

impl ActionReader {
    /// Takes in what was written. Returns the part of it, and of what was held back, that is no action.
    pub(super) fn push(&mut self, text: &str) -> String {
        self.pending.push_str(text);
        let text = std::mem::take(&mut self.pending);
        let (mut spoken, mut rest) = (String::new(), text.as_str());
        while let Some(start) = rest.find('[') {
            spoken.push_str(&rest[..start]);
            rest = &rest[start..];
            let inner = rest.strip_prefix("[[");
            let inner = inner.filter(|inner| !inner.starts_with('['));
            let longest = if inner.is_some_and(has_words) {
                usize::MAX
            } else {
                LONGEST
            };
            let end = inner.and_then(|inner| end_of_action(inner, longest));
            #[cfg(test)]
            {
                let limit = inner.map_or(1, |inner| inner.len().min(longest));
                self.looked_at += end.unwrap_or(limit) + 1;
            }
            match (inner, end) {
                (Some(inner), Some(end)) => {
                    self.take(&inner[..end]);
                    rest = &inner[end + 2..];
                }
                (inner, _) => {
                    // What may become an action is held back from the voice. The bound keeps brackets that are text,
                    // and never close, from silencing the rest of the answer.
                    let may_become =
                        inner.map_or("[[".starts_with(rest), |inner| inner.len() <= longest);
                    if may_become {
                        rest.clone_into(&mut self.pending);
                        return spoken;
                    }
                    spoken.push('[');
                    rest = &rest[1..];
                }
            }
        }
        spoken.push_str(rest);
        spoken
    }

    /// The reader of a text that goes on after this one, with the actions found so far.
    pub(super) fn going_on(&self) -> Self {
        Self {
            found: self.found.clone(),
            ..Self::default()
        }
    }

    /// The text has ended. Returns what was held back and is no action.
    pub(super) fn end(&mut self) -> String {
        let rest = std::mem::take(&mut self.pending);
        let Some(inner) = rest.strip_prefix("[[") else {
            return rest;
        };
        // An action that was cut off is none, and is not spoken either. Of a message the beginning is better than nothing.
        let message = begins_with(inner, MESSAGE).then(|| message(split(inner).1, true));
        let message = message.filter(|message| !message.text.is_empty());
        self.is_cut_off = message.is_none();
        self.found.extend(message.map(Action::Message));
        String::new()
    }

    fn take(&mut self, words: &str) {
        match split(words) {
            (name, words) if name == HEARD => self.heard = Some(words.to_owned()),
            (name, words) => self.found.extend(action(&name, words)),
        }
    }

    /// The words that the model has written down as the caller's; empty where it has heard none.
    pub(super) fn heard(&self) -> Option<&str> {
        self.heard.as_deref()
    }

    /// Whether what was heard has begun, which comes last.
    pub(super) fn has_begun_heard(&self) -> bool {
        let pending = self.pending.strip_prefix("[[");
        self.heard.is_some() || pending.is_some_and(|inner| begins_with(inner, HEARD))
    }

    /// Whether what is spoken has just ended, because what was heard has begun; true once.
    pub(super) fn ends_spoken(&mut self) -> bool {
        let ends = self.has_begun_heard();
        ends && !std::mem::replace(&mut self.has_told_end, ends)
    }

    /// The actions found so far.
    pub(super) fn found(&self) -> &[Action] {
        &self.found
    }

    /// How many bytes are held back, which may become one.
    pub(super) fn held(&self) -> usize {
        self.pending.len()
    }

    /// Whether the text ended in the middle of an action.
    pub(super) fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }
}

/// Whether `text` is an action in its brackets, of which the end may be cut off.
pub(super) fn is_action(text: &str) -> bool {
    let inner = text.strip_prefix("[[");
    let name = inner.map(|inner| split(inner.trim_end_matches(']')).0);
    name.is_some_and(|name| NAMES.contains(&name.as_str()))
}

/// Where the brackets close, within at most `longest` bytes between them.
fn end_of_action(inner: &str, longest: usize) -> Option<usize> {
    let limit = inner.floor_char_boundary(longest.saturating_add(2));
    inner[..limit].find("]]")
}

/// The name that stands between the brackets, in lower case, and the words after it.
fn split(words: &str) -> (String, &str) {
    let words = words.trim();
    let (name, rest) = words.split_once(is_between).unwrap_or((words, ""));
    (name.to_lowercase(), rest.trim())
}

/// The action of this name; what cannot be understood is left out.
fn action(name: &str, words: &str) -> Option<Action> {
    match name {
        GOODBYE => Some(Action::Goodbye),
        TRANSFER => Some(Action::Transfer(words.to_owned())),
        NOTE => Some(Action::Note(words.to_owned())),
        FORGET => Some(Action::Forget),
        MESSAGE => Some(message(words, false))
            .filter(|message| !message.text.is_empty())
            .map(Action::Message),
        _ => None,
    }
}

/// The message in the words of its action: whom it is for, a colon and a blank, and what it says.
fn message(words: &str, is_cut: bool) -> Message {
    let parts = words.split_once(": ").or_else(|| words.split_once(":\n"));
    let parts = parts.filter(|(to, _)| to.chars().count() <= MAX_NAME && !to.contains('\n'));
    let (to, text) = parts.unwrap_or(("", words));
    // A name alone is no message.
    let text = if to.is_empty() && text.ends_with(':') {
        ""
    } else {
        text
    };
    Message {
        to: to.trim().to_owned(),
        text: text.trim().to_owned(),
        is_cut,
    }
}

/// Whether the action holds free text (a note, a message, what was heard), which may be longer than any other action and
/// is never spoken.
pub(super) fn has_words(inner: &str) -> bool {
    let names = [NOTE, HEARD, MESSAGE];
    names.iter().any(|name| begins_with(inner, name))
}

/// Whether an action of this name begins so, of which at least the sign after its name is there.
fn begins_with(inner: &str, name: &str) -> bool {
    let inner = inner.trim_start();
    let beginning = inner.get(..name.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(name))
        && inner[name.len()..].starts_with(is_between)
}

/// What separates the name of an action from its words.
fn is_between(c: char) -> bool {
    c.is_whitespace() || c == ':'
}

const GOODBYE: &str = "goodbye";
const TRANSFER: &str = "transfer";
const NOTE: &str = "note";
const FORGET: &str = "forget";
const HEARD: &str = "heard";
const MESSAGE: &str = "message";
const NAMES: [&str; 6] = [GOODBYE, TRANSFER, NOTE, FORGET, HEARD, MESSAGE];

/// Nobody's name is longer, in characters.
const MAX_NAME: usize = 80;

/// The longest action, in bytes: no name in the settings is longer than 100 characters.
pub(super) const LONGEST: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, pieces: usize) -> (String, Vec<Action>) {
        let mut actions = ActionReader::default();
        let chars: Vec<char> = text.chars().collect();
        let mut spoken = String::new();
        for piece in chars.chunks(pieces.max(1)) {
            spoken.push_str(&actions.push(&piece.iter().collect::<String>()));
        }
        spoken.push_str(&actions.end());
        (spoken, actions.found)
    }

    #[test]
    fn orders_are_taken_out_wherever_they_are_parted() {
        let transfer = |to: &str| Action::Transfer(to.to_owned());
        let table = [
            ("Goodbye! [[goodbye]]", "Goodbye! ", vec![Action::Goodbye]),
            (
                "One moment.[[ Transfer: the reception ]]",
                "One moment.",
                vec![transfer("the reception")],
            ),
            (
                "[[transfer x]][[GOODBYE]]ok",
                "ok",
                vec![transfer("x"), Action::Goodbye],
            ),
            ("a [link] and [[dance]]!", "a [link] and !", vec![]),
            (
                "[[forget]] It is done. [[Note: his name is\nJim]]",
                " It is done. ",
                vec![Action::Forget, Action::Note("his name is\nJim".to_owned())],
            ),
            ("Yes.[[note]]", "Yes.", vec![Action::Note(String::new())]),
            ("It ends [[good", "It ends ", vec![]),
            ("It ends [[note that he", "It ends ", vec![]),
            ("It ends [", "It ends [", vec![]),
            ("[[[goodbye]]", "[", vec![Action::Goodbye]),
        ];
        for (text, spoken, found) in table {
            for pieces in 1..=text.len() {
                assert_eq!(
                    read(text, pieces),
                    (spoken.to_owned(), found.clone()),
                    "{text}, {pieces}"
                );
            }
        }
    }

    #[test]
    fn what_the_model_has_heard_is_never_spoken_and_is_no_action() {
        let long = "é ".repeat(5000);
        let table = [
            ("Yes. [[heard Is it open?]]", "Yes. ", Some("Is it open?")),
            (" [[ Heard: Is it\nopen? ]]", " ", Some("Is it\nopen?")),
            ("[[heard]]", "", Some("")),
            ("[[heard ]]", "", Some("")),
            (
                "Yes.[[heard one]] No.[[heard two]]",
                "Yes. No.",
                Some("two"),
            ),
            ("Yes. [[heard is it", "Yes. ", None),
            ("Yes. [[hear", "Yes. ", None),
            (&format!("Yes.[[heard {long}]]"), "Yes.", Some(long.trim())),
        ];
        for (text, spoken, heard) in table {
            for pieces in (1..=text.len().min(40)).chain([text.len()]) {
                let mut actions = ActionReader::default();
                let chars: Vec<char> = text.chars().collect();
                let mut said = String::new();
                for piece in chars.chunks(pieces) {
                    said.push_str(&actions.push(&piece.iter().collect::<String>()));
                }
                said.push_str(&actions.end());
                assert_eq!(said, spoken, "{pieces}");
                assert_eq!(actions.heard(), heard, "{pieces}");
                assert_eq!(actions.found(), [], "{pieces}");
            }
        }
    }

    #[test]
    fn a_note_is_never_spoken_however_long_it_is() {
        let long = "é ".repeat(5000);
        for name in ["note", " NOTE", "Note:"] {
            let text = format!("Yes.[[{name} {long}]] No.");
            let note = Action::Note(long.trim().to_owned());
            assert_eq!(read(&text, 7), ("Yes. No.".to_owned(), vec![note]));
            let cut = format!("Yes.[[{name} {long}");
            assert_eq!(read(&cut, 7), ("Yes.".to_owned(), vec![]));
        }
        // What only begins like one is text when it is too long for an action.
        let other = format!("[[notes {long}]]");
        assert_eq!(read(&other, 7), (other, vec![]));
    }

    #[test]
    fn a_message_has_a_name_and_words_and_is_kept_also_where_it_breaks_off() {
        let long = "é ".repeat(3000);
        let table = [
            (
                "Noted.[[message Anna: call Jim]]",
                "Anna",
                "call Jim",
                false,
            ),
            (
                "[[ Message: Anna B.: 10:30, he says ]]Noted.",
                "Anna B.",
                "10:30, he says",
                false,
            ),
            (
                "Noted.[[message call back at 10:30]]",
                "",
                "call back at 10:30",
                false,
            ),
            (
                "[[message Anna:\ncall\nJim]]Noted.",
                "Anna",
                "call\nJim",
                false,
            ),
            ("Noted.[[message Anna: call J", "Anna", "call J", true),
            (
                &format!("Noted.[[message Anna: {long}]]"),
                "Anna",
                long.trim(),
                false,
            ),
        ];
        for (text, to, words, is_cut) in table {
            let expected = Action::Message(Message {
                to: to.to_owned(),
                text: words.to_owned(),
                is_cut,
            });
            for pieces in (1..=text.len().min(40)).chain([text.len()]) {
                let found = read(text, pieces);
                assert_eq!(
                    found,
                    ("Noted.".to_owned(), vec![expected.clone()]),
                    "{pieces}"
                );
            }
        }
        for empty in [
            "[[message]]",
            "[[message ]]",
            "[[message Anna: ]]",
            "[[message",
            "[[message ",
        ] {
            assert_eq!(read(empty, 3), (String::new(), vec![]), "{empty}");
        }
    }

    #[test]
    fn an_order_that_was_cut_off_is_told() {
        for (text, is_cut_off) in [("[[note x", true), ("[[note x]]", false), ("[x", false)] {
            let mut actions = ActionReader::default();
            actions.push(text);
            actions.end();
            assert_eq!(actions.is_cut_off(), is_cut_off, "{text}");
        }
    }

    #[test]
    fn a_transfer_to_the_longest_name_in_the_settings_is_not_spoken() {
        let name = "ü".repeat(98);
        let text = format!("One moment. [[transfer {name}]]");
        let transfer = vec![Action::Transfer(name)];
        assert_eq!(read(&text, 7), ("One moment. ".to_owned(), transfer));
    }

    #[test]
    fn twice_the_brackets_take_twice_the_steps_and_not_four_times() {
        let steps = |brackets: &str, count: usize| {
            let mut actions = ActionReader::default();
            let text = brackets.repeat(count);
            assert!(actions.push(&text).len() + 2 * LONGEST > text.len());
            actions.looked_at
        };
        for brackets in ["[", "[[x"] {
            let (few, many) = (steps(brackets, 10_000), steps(brackets, 20_000));
            assert!(
                many <= 2 * few + LONGEST * LONGEST,
                "{brackets}: {few}, twice {many}"
            );
        }
    }

    #[test]
    fn many_brackets_that_open_no_order_are_all_spoken_however_they_come() {
        let text = "[[ a[a a[é a]a[éa a aa  é] a[[][a[aaaa é] ]a[é[  a  ]a ]éa[é]a]a ]aé [[ééaé  aé a[[aéé ]]";
        assert_eq!(read(text, 1).0, read(text, 1000).0);
    }

    proptest! {
        #[test]
        fn nothing_else_is_lost(text in "[a-z \\[\\]é]{0,200}", pieces in 1usize..20) {
            let (spoken, _) = read(&text, pieces);
            prop_assert_eq!(&spoken, &read(&text, 1000).0);
            if !text.contains("[[") {
                prop_assert_eq!(spoken, text);
            }
        }
    }
}
