//! What is found, and what is not.

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use proptest::prelude::*;

use super::view::LOOKS;
use super::*;

const HIDDEN: &str = "[redacted]";

fn without(text: &str, grams: &Grams) -> String {
    grams.without(text, HIDDEN)
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
        (
            "decimal numbers",
            format!("[{}]", each(|byte| byte.to_string(), ", ")),
        ),
        (
            "decimal numbers with blanks",
            format!("[{}]", each(|byte| byte.to_string(), " ")),
        ),
        (
            "octal numbers",
            format!("'\\{}'", each(|byte| format!("{byte:03o}"), "\\")),
        ),
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
        let mut grams = Grams::new(8, 4);
        grams.add(key);
        for before in ["", r"\", "%", "&", "&#", "%4", r"\u", r"\x4", r"\u{"] {
            for (name, spelled) in spellings(key) {
                if before == r"\" && spelled.starts_with(before) {
                    continue; // Together they stand for something else.
                }
                let shown = without(&format!("{before}{spelled}X"), &grams);
                assert!(
                    shown.contains(HIDDEN),
                    "{name}: {before}{spelled}X became {shown}"
                );
            }
        }
    }
}

#[test]
fn a_key_is_found_behind_signs_between_its_letters_and_encoded_twice_or_backwards() {
    let key = "sk-proj-Q7w9_0123456789abcDEF";
    let mut grams = Grams::new(8, 4);
    grams.add(key);
    let backwards: String = key.chars().rev().collect();
    let wide: Vec<u8> = key.bytes().flat_map(|byte| [byte, 0]).collect();
    let big: Vec<u8> = key.bytes().flat_map(|byte| [0, byte]).collect();
    let double = key
        .chars()
        .filter_map(|c| char::from_u32(u32::from(c) + 0xFEE0));
    let encode = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let hex = |bytes: &[u8]| {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<Vec<_>>().concat()
    };
    let between = |mark: &str| key.split("").collect::<Vec<_>>().join(mark);
    let table = [
        ("dots", between(".")),
        ("quotation marks", between("', '")),
        ("hyphens", "sk-p-roj--Q7-w9-_01-2345-6789a-bcDEF".to_owned()),
        ("base64 twice", encode(encode(key.as_bytes()).as_bytes())),
        ("base64 of it backwards", encode(backwards.as_bytes())),
        (
            "base64 backwards",
            encode(key.as_bytes()).chars().rev().collect(),
        ),
        ("hex of it backwards", hex(backwards.as_bytes())),
        ("letters of double width", double.collect()),
        ("UTF-16 in base64", encode(&wide)),
        ("UTF-16 in base64, big end first", encode(&big)),
        ("UTF-16 in hex", hex(&wide)),
        ("UTF-16 in hex, big end first", hex(&big)),
    ];
    for (name, spelled) in table {
        let text = format!("it is \"{spelled}\", they say");
        let left = left(&grams, &text, 7..7 + spelled.len());
        assert!(left < 8, "{name}: {left} bytes are left of {spelled}");
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
        let mut grams = Grams::new(8, 4);
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
            let shown = without(&text, &grams);
            prop_assert!(left < of_eight.max(8), "{name}: {left} bytes are left: {text:?} became {shown:?}");
            prop_assert!(shown.contains(HIDDEN), "{name}: {text:?} became {shown:?}");
        }
    }

    #[test]
    fn nothing_else_is_taken_out(key in "[A-Za-z0-9_-]{20,60}", text in "\\PC{0,200}") {
        let mut grams = Grams::new(8, 4);
        grams.add(&key);
        prop_assert_eq!(without(&text, &grams), text);
    }
}

#[test]
fn a_long_text_takes_work_in_proportion_to_its_length() {
    let mut grams = Grams::new(8, 4);
    grams.add("sk-proj-0123456789abcdef");
    let looks = |unit: &str, len: usize| {
        let text = unit.repeat(len / unit.len());
        LOOKS.set(0);
        without(&text, &grams);
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
        let mut grams = Grams::new(8, 4);
        grams.add(secret);
        assert_eq!(without(text, &grams), expected);
    }
}

#[test]
fn what_every_key_of_a_service_begins_with_hides_no_words() {
    let mut grams = Grams::new(6, 4);
    grams.add("sk-proj-Q7w9_0123456789abcDEF");
    let words = "Please ask project owner";
    assert_eq!(without(words, &grams), words);
    let spelled = without("sk proj Q7w9 0123 4567", &grams);
    assert_eq!(spelled, format!("s{HIDDEN}"));
}
