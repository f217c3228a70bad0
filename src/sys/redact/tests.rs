//! What is taken out, and what stays.

use super::view::LOOKS;
use super::*;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE};
use proptest::prelude::*;
use std::ops::Range;

#[test]
fn keys_are_taken_out_whole_in_parts_and_masked() {
    let key = [Hidden::Secret("sk-proj-0123456789abcdef")];
    let table = [
        (
            "key sk-proj-0123456789abcdef is wrong",
            "key [redacted] is wrong",
        ),
        (
            "Incorrect API key provided: sk-proj-0123",
            "Incorrect API key provided: [redacted]",
        ),
        ("key sk-pr**********cdef. Go on.", "key [redacted] Go on."),
        ("key sk-pr...cdef", "key [redacted]"),
        ("…789abcdef", "…[redacted]"),
        ("nothing of it", "nothing of it"),
    ];
    for (text, expected) in table {
        assert_eq!(redact(text, &key), expected);
    }
}

#[test]
fn what_was_said_is_taken_out_in_parts_and_counted() {
    let words = [Hidden::Words("Wie weit ist es zum Mond? Fährt ein Bus?")];
    let table = [
        (
            "cannot say: Wie weit ist es zum Mond? Fährt ein Bus?",
            "cannot say: <41 bytes>",
        ),
        ("cannot say: weit ist es zum Mo…", "cannot say:<19 bytes>…"),
        ("ein Bus", "ein Bus"),
    ];
    for (text, expected) in table {
        assert_eq!(redact(text, &words), expected);
    }
    assert_eq!(
        redact("nova is no voice", &[Hidden::Words("nova")]),
        "<4 bytes> is no voice"
    );
    assert_eq!(redact("anything", &[Hidden::Words("")]), "anything");
}

/// Every way in which `key` may be written.
fn spellings(key: &str) -> Vec<(&'static str, String)> {
    let bytes = key.as_bytes();
    let each = |write: fn(u8) -> String, between: &str| {
        let all: Vec<_> = key.bytes().map(write).collect();
        all.join(between)
    };
    let json = |text: &str| serde_json::to_string(text).expect("a string is JSON");
    let mut all = vec![
        ("as it is", key.to_owned()),
        ("upper case", key.to_ascii_uppercase()),
        ("reversed", key.chars().rev().collect()),
        ("hex", each(|byte| format!("{byte:02x}"), "")),
        ("upper hex", each(|byte| format!("{byte:02X}"), "")),
        ("hex with colons", each(|byte| format!("{byte:02x}"), ":")),
        ("hex with blanks", each(|byte| format!("{byte:02X}"), " ")),
        ("hex in C", each(|byte| format!("0x{byte:02x}"), ", ")),
        ("hex in a string", each(|byte| format!("\\x{byte:02x}"), "")),
        ("percent", each(|byte| format!("%{byte:02x}"), "")),
        ("percent twice", each(|byte| format!("%25{byte:02X}"), "")),
        ("html", each(|byte| format!("&#{byte};"), "")),
        ("html in hex", each(|byte| format!("&#x{byte:x};"), "")),
        ("json", json(key)),
        ("json twice", json(&json(key))),
        ("json in numbers", each(|byte| format!("\\u{byte:04x}"), "")),
        ("blanks", each(|byte| char::from(byte).to_string(), " ")),
        ("lines", each(|byte| char::from(byte).to_string(), "\r\n\t")),
        (
            "nothing seen",
            each(|byte| char::from(byte).to_string(), "\u{200B}\u{FEFF}"),
        ),
        (
            "Rust",
            format!(
                "{:?}",
                each(|byte| char::from(byte).to_string(), "\u{200B}")
            ),
        ),
    ];
    for lead in ["", "u", "us", "user:"] {
        let text = [lead.as_bytes(), bytes, b"!"].concat();
        all.push(("base64", BASE64_STANDARD.encode(&text)));
        all.push((
            "base64 without an end",
            BASE64_STANDARD_NO_PAD.encode(&text),
        ));
        all.push(("base64 of URLs", BASE64_URL_SAFE.encode(&text)));
        let lines: Vec<u8> = BASE64_STANDARD.encode(&text).into_bytes();
        let lines: Vec<_> = lines.chunks(5).map(String::from_utf8_lossy).collect();
        all.push(("base64 in lines", lines.join("\n")));
        let percent = BASE64_STANDARD
            .encode(&text)
            .replace('+', "%2B")
            .replace('/', "%2F");
        all.push(("base64 in an address", percent));
    }
    all
}

/// The longest stretch of the bytes `spelled` of a text that `grams` leave in it.
fn left(grams: &Grams, text: &str, spelled: Range<usize>) -> usize {
    let (mut longest, mut at) = (0, spelled.start);
    for found in grams.found_in(text) {
        longest = longest.max(found.start.min(spelled.end).saturating_sub(at));
        at = at.max(found.end);
    }
    longest.max(spelled.end.saturating_sub(at))
}

#[test]
fn a_key_that_looks_like_an_escape_is_found_in_every_spelling_among_anything() {
    for key in [r"0!a00\!!", r"0\!a00!!", "aAa!AAAP", r"%00\#Aa0"] {
        let mut grams = Grams::new(KNOWN_PART, SHORTEST_SENT);
        grams.add(key);
        for before in ["", r"\", "%", "&", "&#", "%4", r"\u", r"\x4", r"\u{"] {
            for (name, spelled) in spellings(key) {
                if before == r"\" && spelled.starts_with(before) {
                    continue; // Together they stand for something else.
                }
                let shown = without_grams(&format!("{before}{spelled}X"), &grams);
                assert!(
                    shown.contains(REDACTED),
                    "{name}: {before}{spelled}X became {shown}"
                );
            }
        }
    }
}

proptest! {
    // Each case is tried in every spelling.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_part_of_a_key_is_left_in_any_spelling(
        key in "[!-~]{8,60}",
        before in "\\PC{0,30}",
        after in "\\PC{0,30}",
        cut in 0_usize..60,
    ) {
        let mut grams = Grams::new(KNOWN_PART, SHORTEST_SENT);
        grams.add(&key);
        let part = &key[..key.len().min(8 + cut)];
        for (name, spelled) in spellings(part) {
            // Together with a backslash in front it stands for something else.
            let seen = before.trim_end_matches(|c: char| !c.is_ascii_graphic());
            prop_assume!(!(seen.ends_with('\\') && spelled.starts_with('\\')));
            let text = format!("{before}{spelled}{after}");
            let place = before.len()..before.len() + spelled.len();
            // The same number of bytes of each character, and for base64 those around them.
            let of_eight = 8 * spelled.len() / (part.len() + "user:!".len());
            let left = left(&grams, &text, place);
            let shown = without_grams(&text, &grams);
            prop_assert!(left < of_eight.max(8), "{name}: {left} bytes are left: {text:?} became {shown:?}");
            prop_assert!(shown.contains(REDACTED), "{name}: {text:?} became {shown:?}");
        }
    }

    #[test]
    fn nothing_else_is_taken_out(key in "[A-Za-z0-9_-]{20,60}", text in "\\PC{0,200}") {
        let mut grams = Grams::new(KNOWN_PART, SHORTEST_SENT);
        grams.add(&key);
        prop_assert_eq!(without_grams(&text, &grams), text);
    }

    #[test]
    fn no_bytes_make_it_panic(key in "\\PC{0,20}", text in "(\\PC|[%\\\\&#;xu{}0-9a-f]){0,200}") {
        let hidden = [Hidden::Secret(&key), Hidden::Words(&text)];
        redact(&text, &hidden);
        redact(&format!("{text}{key}"), &hidden);
    }
}

#[test]
fn a_long_text_takes_work_in_proportion_to_its_length() {
    let mut grams = Grams::new(KNOWN_PART, SHORTEST_SENT);
    grams.add("sk-proj-0123456789abcdef");
    let looks = |unit: &str, len: usize| {
        let text = unit.repeat(len / unit.len());
        LOOKS.set(0);
        without_grams(&text, &grams);
        LOOKS.get()
    };
    let units = [
        "sk-proj-0123456789abcde",
        "%",
        "\\",
        "&#x",
        "\\u{",
        "sk-proj",
        "0x",
    ];
    for unit in units {
        let (short, long) = (looks(unit, 4_000), looks(unit, 128_000));
        // It has 32 times as much to do, but for the parts that its ends cut; with the square it would be 1,024 times.
        assert!(short > 0 && long < 34 * short, "{unit:?}: {short}, {long}");
    }
}

#[test]
fn a_short_secret_is_taken_out_where_it_stands_alone() {
    let table = [
        ("pa55", "407 pa55 is wrong", "407 [redacted] is wrong"),
        ("pa55", "spa55o", "spa55o"),
        ("pa55", "%70a55", "[redacted]"),
        ("pa55", "55ap!", "[redacted]!"),
        (
            "abc",
            "abc is too short to be one",
            "abc is too short to be one",
        ),
        ("", "anything", "anything"),
    ];
    for (secret, text, expected) in table {
        let mut grams = Grams::new(KNOWN_PART, SHORTEST_SENT);
        grams.add(secret);
        assert_eq!(without_grams(text, &grams), expected);
    }
}

#[test]
fn of_an_address_the_password_is_a_secret_and_the_host_is_not() {
    enrol_address("http://office:pr0xypassw0rd@proxy.example.org:3128/");
    enrol_address("http://open-proxy.example.org:3128");
    enrol_address("open-proxy.example.org:3128");
    assert_eq!(
        secrets("proxy.example.org and open-proxy.example.org want pr0xypassw0rd"),
        "proxy.example.org and open-proxy.example.org want [redacted]"
    );
    let basic = BASE64_STANDARD.encode("office:pr0xypassw0rd");
    assert!(!secrets(&format!("Basic {basic}")).contains(&basic[..12]));
}

#[test]
fn our_own_words_stay_whatever_a_key_or_a_user_is_called() {
    spare(["openai.api_key"]);
    enrol_address("http://asterisk:pw@proxy.example");
    for key in ["openai", "EMPTY", "none", "sk-none", "none-needed"] {
        enrol(key);
        let said = format!("the key {key} is wrong, https://{key}.example");
        let shown = redact(&said, &[Hidden::Secret(key)]);
        assert!(!shown.contains(key), "{shown}");
    }
    enrol("phone-assistant-of-asterisk");
    enrol("openai.api_key-custom-openai");
    let lines = "Asterisk runs /var/lib/asterisk/agi-bin/phone-assistant; none is EMPTY in openai.api_key; \
                 look at custom-openai";
    assert_eq!(shown(lines), lines);
    let whole = "phone-assistant-of-asterisk";
    assert!(!secrets(whole).contains("assistant-of"));
    let basic = BASE64_STANDARD.encode("asterisk:pw");
    assert!(!secrets(&format!("Basic {basic}")).contains(&basic[..8]));
}

#[test]
fn a_line_is_shown_without_keys_and_without_what_a_terminal_obeys() {
    enrol("sk-shown-8d7f6a5c4b3e");
    assert_eq!(
        shown("a\u{202E}\x1b[2J sk-shown\u{200B}-8d7f6a5c4b3e"),
        "a\u{FFFD} [2J [redacted]"
    );
}
