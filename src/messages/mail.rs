//! A message as a mail, by RFC 5322 and MIME (RFC 2045, 2047), for the `sendmail` of this machine.
//!
//! Whatever a caller has chosen or said stands in the body in base64, or in a header as encoded words, whose letters can
//! neither end a header nor begin one. Addresses come from the settings, which have judged them.

use std::fmt::Write;

use base64::prelude::{BASE64_STANDARD, Engine};

use super::entry::{Caller, Entry, Kind, Speaker};
use crate::config;
use crate::sys::date;
use crate::sys::files;

/// The sender: as the settings say, else `asterisk` of this machine.
pub(super) fn sender(settings: &config::Messages, host: &str) -> String {
    match settings.mail_from.as_str() {
        "" => format!("asterisk@{host}"),
        from => from.to_owned(),
    }
}

/// The mail of a message; `host` is the name of this machine.
pub(super) fn mail(entry: &Entry, settings: &config::Messages, host: &str) -> Vec<u8> {
    let mut head = String::new();
    let mut header = |name: &str, value: &str| {
        // A string takes in everything.
        write!(head, "{name}: {value}\r\n").ok();
    };
    header("From", &format!("<{}>", sender(settings, host)));
    let to: Vec<_> = settings
        .mail_to
        .iter()
        .map(|to| format!("<{to}>"))
        .collect();
    // Folded behind each address: a line has at most 998 characters (RFC 5322, section 2.1.1).
    header("To", &to.join(",\r\n "));
    header("Subject", &encoded(&subject(entry)));
    header("Date", &date::rfc5322(entry.time()));
    header("Message-ID", &format!("<{}@{host}>", entry.id));
    // No out-of-office reply and no other program is to answer it: RFC 3834.
    header("Auto-Submitted", "auto-generated");
    header("MIME-Version", "1.0");
    // In base64 as well: a paragraph of what was said can be longer than a line of a mail may be.
    let text = part("text/plain; charset=utf-8", "", body(entry).as_bytes());
    let recording = entry.recording.as_ref();
    let recording = recording.and_then(|path| files::read(path, MAX_RECORDING).ok());
    match recording {
        None => head.push_str(&text),
        Some(sound) => {
            // No line of base64 begins with dashes.
            let named = "Content-Disposition: attachment; filename=\"recording.wav\"\r\n";
            let sound = part("audio/wav", named, &sound);
            header(
                "Content-Type",
                &format!("multipart/mixed; boundary=\"{}\"", entry.id),
            );
            write!(
                head,
                "\r\n--{0}\r\n{text}--{0}\r\n{sound}--{0}--\r\n",
                entry.id
            )
            .ok();
        }
    }
    head.into_bytes()
}

fn subject(entry: &Entry) -> String {
    let from = match &entry.caller {
        Caller { withheld: true, .. } => "a caller who withholds the number".to_owned(),
        Caller { number, name, .. } if name.is_empty() || name == number => number.clone(),
        Caller { number, name, .. } => format!("{name}, {number}"),
    };
    match (entry.kind, entry.recipient.as_str()) {
        (Kind::Notice, _) => "phone-assistant: something needs your attention".to_owned(),
        (Kind::Transcript, _) => format!("Call from {from}"),
        (Kind::Message, "") => format!("Message from {from}"),
        (Kind::Message, recipient) => format!("Message for {recipient} from {from}"),
    }
}

/// What people read. What the assistant wrote and what was said are kept apart: the one may be invented.
fn body(entry: &Entry) -> String {
    if entry.kind == Kind::Notice {
        return format!("{}\n", entry.note);
    }
    let mut text = String::new();
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    match &entry.caller {
        Caller { withheld: true, .. } => line("Caller:  the number is withheld"),
        Caller { number, name, .. } => {
            line(&format!("Number:  {number}"));
            if !name.is_empty() {
                line(&format!("Name:    {name}"));
            }
            line("         (as Asterisk shows them; a caller can choose both)");
        }
    }
    line(&format!("Time:    {}", date::rfc3339(entry.time())));
    if !entry.persona.is_empty() {
        line(&format!("Persona: {}", entry.persona));
    }
    if entry.kind == Kind::Message {
        if !entry.recipient.is_empty() {
            line(&format!("For:     {}", entry.recipient));
        }
        line("\n--- The note, as the assistant wrote it. A language model may be wrong. ---\n");
        line(&entry.note);
        if entry.is_cut {
            line("[It broke off here.]");
        }
    }
    line("\n--- What was said, as it was transcribed. Numbers and names may be misheard. ---\n");
    if entry.words.is_empty() {
        line("[No words were written down.]");
    }
    for words in &entry.words {
        let who = match words.who {
            Speaker::Caller => "Caller",
            Speaker::Assistant => "Assistant",
        };
        line(&format!("{who}: {}", words.text));
    }
    text
}

/// A part with its headers, in base64: 57 bytes a line make 76 characters.
fn part(kind: &str, more: &str, bytes: &[u8]) -> String {
    let mut part =
        format!("Content-Type: {kind}\r\n{more}Content-Transfer-Encoding: base64\r\n\r\n");
    for line in bytes.chunks(57) {
        part.push_str(&BASE64_STANDARD.encode(line));
        part.push_str("\r\n");
    }
    part
}

/// A text as encoded words (RFC 2047, section 2): each has at most 75 characters and holds whole characters, and its
/// line begins with a blank.
fn encoded(text: &str) -> String {
    let mut words = vec![String::new()];
    for c in text.chars().take(MAX_SUBJECT) {
        let last = words.len() - 1;
        if words[last].len() + c.len_utf8() > WORD_BYTES {
            words.push(c.to_string());
        } else {
            words[last].push(c);
        }
    }
    let words: Vec<_> = words
        .iter()
        .map(|word| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(word)))
        .collect();
    words.join("\r\n ")
}

/// 60 characters of base64, and 12 around them.
const WORD_BYTES: usize = 45;
const MAX_SUBJECT: usize = 200;

/// Ten minutes at 8 kHz.
const MAX_RECORDING: u64 = 10 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::messages::entry::Words;

    fn settings() -> config::Messages {
        config::Messages {
            mail_to: vec!["office@example.org".to_owned(), "b@example.org".to_owned()],
            mail_from: String::new(),
            sendmail: "/usr/sbin/sendmail".into(),
            webhook: String::new(),
            webhook_header_file: None,
            webhook_secret_file: None,
            keep: Duration::ZERO,
            transcripts: false,
            folder: "/nowhere".into(),
            per_hour: None,
        }
    }

    fn entry(caller: Caller) -> Entry {
        let left = UNIX_EPOCH + Duration::from_secs(1_795_576_680);
        Entry {
            caller,
            recipient: "Anna\r\nBcc: x@example.org".to_owned(),
            note: "Ring Jim.\r\n.\r\nBcc: y@example.org".to_owned(),
            words: vec![Words {
                who: Speaker::Caller,
                text: "Größe, 世界 👋".to_owned(),
            }],
            ..Entry::new(Kind::Message, "18c3-00".to_owned(), &settings(), left)
        }
    }

    fn decoded(base64: &str) -> String {
        let bytes = BASE64_STANDARD.decode(base64.replace("\r\n", ""));
        String::from_utf8(bytes.expect("base64")).expect("UTF-8")
    }

    #[test]
    fn no_word_of_a_caller_becomes_a_header_or_a_line_of_the_mail() {
        let caller = Caller {
            number: "1\r\nCc: z@example.org".to_owned(),
            name: "J\n\nim".to_owned(),
            withheld: false,
        };
        let mail = String::from_utf8(mail(&entry(caller), &settings(), "pbx")).expect("ASCII");
        assert!(mail.is_ascii());
        let (head, body) = mail.split_once("\r\n\r\n").expect("a head");
        assert!(!head.replace("\r\n", "").contains(['\r', '\n']), "{head}");
        let names: Vec<_> = head
            .split("\r\n")
            .filter(|line| !line.starts_with(' '))
            .map(|line| line.split(':').next().unwrap_or_default())
            .collect();
        let expected = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding",
        ];
        assert_eq!(names, expected);
        assert!(head.contains("From: <asterisk@pbx>\r\n"), "{head}");
        assert!(
            head.contains("Date: Wed, 25 Nov 2026 03:18:00 +0000\r\n"),
            "{head}"
        );
        let lines = body.split("\r\n").filter(|line| !line.is_empty());
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        for line in lines {
            assert!(line.len() <= 76 && line.chars().all(is_base64), "{line}");
        }
        let body = decoded(body);
        assert!(body.contains("Caller: Größe, 世界 👋"), "{body}");
        assert!(body.contains("as the assistant wrote it"), "{body}");
    }

    #[test]
    fn encoded_words_are_short_and_give_the_text_again() {
        for text in ["", "Anna", "Nachricht für Größe 世界 👋 ".repeat(6).trim()] {
            let encoded = encoded(text);
            let mut again = String::new();
            for word in encoded.split("\r\n ") {
                assert!(word.len() <= 75, "{word}");
                let inner = word.strip_prefix("=?utf-8?B?").expect("a word");
                again.push_str(&decoded(inner.strip_suffix("?=").expect("its end")));
            }
            assert_eq!(again, text);
        }
    }

    #[test]
    fn of_a_caller_who_withholds_the_number_that_is_said_and_no_more() {
        let caller = Caller {
            withheld: true,
            ..Caller::default()
        };
        let entry = entry(caller);
        assert!(body(&entry).starts_with("Caller:  the number is withheld\nTime:"));
        assert!(subject(&entry).contains("withholds the number"));
    }

    #[test]
    fn a_recording_is_attached_where_it_is_kept() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("call.wav");
        std::fs::write(&path, "RIFF").expect("written");
        let entry = Entry {
            recording: Some(path),
            ..entry(Caller::default())
        };
        let mail = String::from_utf8(mail(&entry, &settings(), "pbx")).expect("ASCII");
        assert!(mail.contains("multipart/mixed; boundary=\"18c3-00\"\r\n\r\n--18c3-00\r\n"));
        assert!(mail.contains("filename=\"recording.wav\"") && mail.contains("UklGRg=="));
        assert!(mail.ends_with("--18c3-00--\r\n"));
        assert_eq!(mail.matches("MIME-Version").count(), 1);
    }
}
