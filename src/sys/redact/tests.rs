//! What is taken out, and what stays.

use super::*;
use proptest::prelude::*;

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

proptest! {
    #[test]
    fn no_bytes_make_it_panic(key in "\\PC{0,20}", text in "(\\PC|[%\\\\&#;xu{}0-9a-f]){0,200}") {
        let hidden = [Hidden::Secret(&key), Hidden::Words(&text)];
        redact(&text, &hidden);
        redact(&format!("{text}{key}"), &hidden);
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
