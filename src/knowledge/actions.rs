//! What the model may do in a call, and how it writes that: a part of its prompt.

use crate::config::Conversation;

/// What a call allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actions<'a> {
    /// The settings of a conversation; `None` where one question is answered.
    pub(crate) conversation: Option<&'a Conversation>,
    /// The number of a caller who may leave messages; `None` where they may leave none.
    pub(crate) messages: Option<Number>,
    /// Whether the model may call functions.
    pub(crate) has_tools: bool,
    /// Whether some of these want a PIN.
    pub(crate) has_pins: bool,
}

/// A caller's number, as messages have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Known,
    Withheld,
}

impl Actions<'_> {
    /// What the model is told; nothing where it answers alone.
    pub(crate) fn told(&self) -> String {
        let is_conversation = self.conversation.is_some();
        let has_use = self.messages.is_some() || self.has_tools;
        let told = |is_so: bool, words: &str| {
            if is_so {
                words.to_owned()
            } else {
                String::new()
            }
        };
        let messages = |number| messages(number, is_conversation);
        let parts = [
            self.conversation.map(conversation).unwrap_or_default(),
            told(is_conversation && has_use, KEYPAD),
            told(is_conversation && self.has_pins, HIDDEN),
            self.messages.map(messages).unwrap_or_default(),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    }

    /// Whether the call can be transferred by the model.
    pub(crate) fn may_transfer(&self) -> bool {
        self.conversation
            .is_some_and(|settings| !settings.transfers.is_empty())
    }
}

/// What the model may do in a conversation, and how it ends or transfers the call.
fn conversation(settings: &Conversation) -> String {
    let names = settings.transfers.iter().map(|(name, _)| name.as_str());
    let names: Vec<_> = names.collect();
    let transfer = if names.is_empty() {
        String::new()
    } else {
        format!(
            " To hand the caller over to a person, say so and end your answer with [[transfer NAME]], where NAME is one of: {}.",
            names.join(", ")
        )
    };
    let operator = match settings.operator {
        Some(_) => {
            " Callers reach a person by pressing the key 0: you may offer that where you cannot help."
        }
        None => "",
    };
    format!(
        // The default persona is made for one question: it forbids asking back and ends each answer with a goodbye.
        // The first words take that back here, whatever persona stands above.
        "This is a telephone call of several turns, whatever is said above of questions and of goodbye: you may ask back, and you say goodbye only when the caller wants to end the call; then end your answer with [[goodbye]].{transfer}{operator} If one of your answers breaks off, the caller interrupted it, and no transfer followed."
    )
}

/// What the model is told of messages.
fn messages(number: Number, is_conversation: bool) -> String {
    let number = if number == Number::Withheld {
        "The caller's number is withheld, so ask for one to call back."
    } else {
        "The number that they call from is delivered with the message, and you do not know it: ask whether they are to \
         be called back there, or for another number."
    };
    let how = if is_conversation {
        format!(
            "When the caller wants that, or you cannot help, offer to take a message. Ask for what is missing, one thing \
             at a time: who is calling, for whom, and what it is about. {number} Read back any number they give you, \
             digit by digit. When all is clear"
        )
    } else {
        "You cannot ask back in this call. When what the caller says is a message, take it; where you cannot help, say \
         that they may call again and leave one. When you take one"
            .to_owned()
    };
    format!(
        "Callers can leave a message for the people of this house. {how}, begin your answer with [[message FOR: TEXT]], \
         which the caller does not hear, and then say in one sentence that you have noted the message{}. FOR is the name \
         of whom it is for, or: the house. TEXT is what is to be delivered, in the caller's language: only what the caller \
         has said, nothing invented, names and numbers exactly as they were said, in at most {TOLD_CHARS} characters. Never \
         say that a message was noted without writing it so, write each message once, and do not promise when it is \
         answered.",
        if is_conversation {
            ""
        } else {
            ", and repeat a number in it"
        }
    )
}

/// What the model is told of typed keys that are not shown, where tools have PINs.
const HIDDEN: &str = "[typed on the keypad: not shown] stands for keys that may be a PIN. A function that \
     wants a PIN gets it from the program; if you need another number of that length, ask the \
     caller to say it.";

/// What the model is told of the keypad in a conversation.
const KEYPAD: &str = "Callers can type a number on the keypad of their telephone, which is more reliable than \
     saying it: you read [typed on the keypad: DIGITS] then. Where you ask for a number, say that it can be typed and ended with \
     the hash key.";

/// The longest message that the model is to write.
const TOLD_CHARS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Needs};

    #[test]
    fn the_model_may_offer_the_key_0_where_that_leads_to_a_person() {
        let config = Config::of_text(Needs::Stages, "", "config.toml".into(), &|_| None);
        let config = config.unwrap_or_else(|faults| *faults.understood);
        let settings = config.conversation;
        for operator in [None, Some("200".to_owned())] {
            let leads = operator.is_some();
            let told = conversation(&Conversation {
                operator,
                ..settings.clone()
            });
            assert_eq!(told.contains("pressing the key 0"), leads, "{told}");
        }
    }
}
