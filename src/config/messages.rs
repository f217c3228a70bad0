//! `[messages]`: where the messages of callers are kept, and where they are delivered to.

use std::path::PathBuf;
use std::time::Duration;

use super::keys::{Key, setting};
use super::layers::Layers;
use crate::sys::date::SECONDS_A_DAY;
use crate::sys::plain::quoted;

/// `[messages]`
#[derive(Clone, Debug)]
pub struct Messages {
    /// The addresses that messages are mailed to.
    pub mail_to: Vec<String>,
    /// The sender of these mails. Empty: `asterisk@` and the machine's name.
    pub mail_from: String,
    /// The program that takes mails.
    pub sendmail: PathBuf,
    /// The address that gets each message as JSON; empty: none.
    pub webhook: String,
    /// The file with a header of its own for the webhook, as in `Authorization: Bearer …`.
    pub webhook_header_file: Option<PathBuf>,
    /// The file with the key that requests to the webhook are signed with.
    pub webhook_secret_file: Option<PathBuf>,
    /// How long delivered messages are kept.
    pub keep: Duration,
    /// Whether the words of every call are delivered too.
    pub transcripts: bool,
    /// Where messages are kept.
    pub folder: PathBuf,
    /// Messages that one caller may leave within 60 minutes; `None`: any number.
    pub per_hour: Option<u32>,
}

impl Messages {
    pub(super) fn assemble(layers: &Layers) -> Self {
        let days = layers.whole(setting!("messages.keep_days"));
        let per_hour = layers.whole(setting!("limits.max_messages_per_caller_per_hour"));
        Self {
            mail_to: layers.texts(MAIL_TO),
            mail_from: layers.text(MAIL_FROM),
            sendmail: layers.text(setting!("messages.sendmail")).into(),
            webhook: layers.text(setting!("messages.webhook")),
            webhook_header_file: layers.path(setting!("messages.webhook_header_file")),
            webhook_secret_file: layers.path(setting!("messages.webhook_secret_file")),
            keep: Duration::from_secs(SECONDS_A_DAY) * days,
            transcripts: layers.switch(setting!("messages.transcripts")),
            folder: layers.text(setting!("messages.folder")).into(),
            per_hour: Some(per_hour).filter(|count| *count > 0),
        }
    }

    /// Whether there is a way to deliver a message by, without which none is taken.
    pub(crate) fn are_delivered(&self) -> bool {
        !self.mail_to.is_empty() || !self.webhook.is_empty()
    }

    /// What is wrong with it that no single value tells.
    pub(super) fn faults(layers: &Layers) -> Vec<String> {
        let from = Some(layers.text(MAIL_FROM));
        let from = from.filter(|from| !from.is_empty());
        let to = layers.texts(MAIL_TO).into_iter();
        let all = to.map(|to| (MAIL_TO, to));
        let all = all.chain(from.map(|from| (MAIL_FROM, from)));
        let odd = all.filter(|(_, address)| !is_mail_address(address));
        let fault = |(key, address): (&Key, String)| {
            format!(
                "{}: {}: {} is not a mail address alone, as in \"office@example.org\"",
                layers.place(key),
                key.name,
                quoted(address)
            )
        };
        odd.map(fault).collect()
    }
}

/// Whether it is `local@domain` of the plain form that every mail program takes: nothing in it ends a header, is an option
/// of a command, or names a second address (RFC 5321, section 4.1.2, `Dot-string`).
pub(super) fn is_mail_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_part = |part: &str, others: &str| {
        let is_of = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
        !part.is_empty() && part.chars().all(is_of)
    };
    text.len() <= MAX_ADDRESS
        && !local.starts_with('-')
        && local
            .split('.')
            .all(|part| is_part(part, "!#$%&'*+-/=?^_`{|}~"))
        && domain.split('.').all(|part| is_part(part, "-"))
}

const MAIL_TO: &Key = setting!("messages.mail_to");
const MAIL_FROM: &Key = setting!("messages.mail_from");

/// RFC 5321, section 4.5.3.1.3, without the angle brackets.
const MAX_ADDRESS: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_address_is_one_and_nothing_else() {
        for right in [
            "office@example.org",
            "o'neil+pbx@mail.example.org",
            "root@localhost",
            "a.b-c_d@x-1.example",
        ] {
            assert!(is_mail_address(right), "{right}");
        }
        let long = format!("{}@example.org", "a".repeat(250));
        for wrong in [
            "",
            "office",
            "@example.org",
            "office@",
            "-oQ/tmp@example.org",
            "a@b@c",
            "a b@example.org",
            "a@example.org\r\nBcc: x@example.org",
            "a@example.org,b@example.org",
            "Office <a@example.org>",
            "a..b@example.org",
            "ä@example.org",
            "a@exämple.org",
            "a@example..org",
            "\"a b\"@example.org",
            long.as_str(),
        ] {
            assert!(!is_mail_address(wrong), "{wrong}");
        }
    }
}
