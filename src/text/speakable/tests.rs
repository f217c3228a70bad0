//! Markdown and what is said of it.

use proptest::prelude::*;

use super::super::{assert_says, endless};
use super::*;

#[test]
fn plain_words_and_signs_that_mean_something_stay() {
    for text in [
        "Hello world",
        "5 * 3 * 2, 2*3*4, a*b*c, 2**8, 2 ** 8, x^2 and 5 > 3",
        "a_b_c, snake_case and x < y and y > z, x <y and z> w, a<b and b>c",
        "I <3 you, C++, C#, #1, AT&T, R&D, Vec<String> and <your name>",
        "Dial *67, *21*5551234# or #31#. Press # or *. Press [1] for sales.",
        "3.5, 3,5 %, €1.000,50, $5, 21 °C, 10:30, 50/50, ½, 10-20, -5, +49 30 1234",
        "3. Mai ist ein Feiertag.",
        "1984. A great year.",
        "[Answer]: Yes",
        "“Smart” ‘quotes’ – d’accord — «Bonjour !» © 2026 C♯ ¿Qué?",
        r"C:\Users\me at a 5* hotel",
    ] {
        assert_says(&[(text, text)]);
    }
}

#[test]
fn marks_of_markdown_are_not_said() {
    assert_says(&[
        (
            "**Bold**, *italic*, _both_ ***x*** and `code`.",
            "Bold, italic, both x and code.",
        ),
        (
            "e.g. *this*, un**believ**able, __init__",
            "e.g. this, unbelievable, init",
        ),
        (
            "**重要。**这是**非常**重要的**。**",
            "重要。这是非常重要的。",
        ),
        ("**one*€* in another", "one€ in another"),
        ("cut off **bold", "cut off bold"),
        ("cut off *here and `there", "cut off here and there"),
        ("a price* applies", "a price applies"),
        (r"\*not bold\* \# x", "not bold # x"),
        ("> quoted\ntext", "quoted text"),
        ("> [!NOTE]\n> quoted", "quoted"),
        ("***", ""),
        (" \n\n", ""),
    ]);
}

#[test]
fn structure_becomes_pauses() {
    assert_says(&[
        (
            "# Tea\n\nIt is easy\n\n## How?\nSo:",
            "Tea. It is easy. How? So:",
        ),
        ("Tea\n===\nis hot\n\n---\n\ngood", "Tea. is hot. good"),
        (
            "Buy:\n- milk\n- eggs!\n* tea,\n* (bread)",
            "Buy: milk. eggs! tea, (bread).",
        ),
        ("• One\n• Two\n\n– Three\n◦ Four", "One. Two. Three. Four."),
        (
            "1. Boil water\n2. Add salt.\n   - fine\n   - coarse",
            "1, Boil water. 2, Add salt. fine. coarse.",
        ),
        ("7) One\n\n9) Two\n\n   more", "7, One. 9, Two. more."),
        ("- [ ] do\n- [x] done", "do. done."),
        (
            "| Name | Age |\n|---|---|\n| Ann | 5 |\n| Bob | |",
            "Name, Age. Ann, 5. Bob.",
        ),
        (
            "✅ Done\n❌ Failed\n1️⃣ One\n➡️ Two",
            "Done. Failed. One. Two.",
        ),
        ("One  \ntwo\nthree", "One, two three"),
        ("One\r\ntwo\r\n\r\nthree", "One two. three"),
    ]);
}

#[test]
fn links_keep_what_a_listener_can_use() {
    assert_says(&[
        ("Ask [the *staff*](https://a.b/c \"t\").", "Ask the staff."),
        ("![A cat](cat.png) ![](x.png) sits", "A cat sits"),
        (
            "See https://www.example.com/a_b?x=1. Or (http://foo.org/x)!",
            "See example.com. Or (foo.org)!",
        ),
        (
            "<https://e.com/a_b> www.bar.de <a@b.de> HTTPS://X.org:80",
            "e.com bar.de a@b.de X.org",
        ),
        ("访问https://example.com了解。", "访问example.com了解。"),
        (
            "[this][r] and [that]\n\n[r]: https://x.com",
            "this and [that]",
        ),
        ("http:// https://", "http:// https://"),
    ]);
}

#[test]
fn footnote_marks_are_dropped_where_something_ends() {
    assert_says(&[
        (
            "Paris[1] is big [2][3]. [4] Very [15](https://x.y).",
            "Paris is big. Very.",
        ),
        ("Yes[^n] it [^1] is.\n\n[^n]: A note.", "Yes it is. A note."),
        (
            "In [2024](https://a.b) and [12] dogs, [0, 1]",
            "In 2024 and [12] dogs, [0, 1]",
        ),
        (
            "Lisbon [1, 2] is. Porto[1,2] is. So [1-3]. And[4–6; 8] it is [10, 11].",
            "Lisbon [1, 2] is. Porto is. So. And it is.",
        ),
        (
            "Press [1, 2] for sales, [1-800] or [555-1234].",
            "Press [1, 2] for sales, [1-800] or [555-1234].",
        ),
        (
            "Paris<sup>1</sup> is.<sup>2, 3</sup> 10<sup>2</sup> m<sup>2</sup> and 1<sup>st</sup>",
            "Paris is. 10^2 m2 and 1st",
        ),
        ("<p>Paris<sup>1</sup> is big.</p>", "Paris is big."),
        ("It is Lisbon.</s>", "It is Lisbon."),
    ]);
}

#[test]
fn code_is_dropped_unless_it_is_text_or_all_there_is() {
    assert_says(&[
        ("So:\n```rust\nfn main() {}\n```\nDone.", "So: Done."),
        (
            "So:\n~~~text\nDear **Ann**,\nhello\n~~~",
            "So: Dear Ann, hello",
        ),
        ("```\nrm file\n```", "rm file"),
        ("```markdown\n# Hi\nyou", "Hi. you"),
        ("Hi\n\n    *indented*\n    - a", "Hi. indented. a."),
    ]);
}

#[test]
fn tags_are_dropped_and_entities_decoded() {
    assert_says(&[
        ("H<sub>2</sub>O a<br>b <!-- no -->c", "H2O a, b c"),
        ("<p>Hi <b>**you**</b></p><br/>x\n\ny", "Hi you. x. y"),
        (
            "AT&amp;T&nbsp;&euro;5 &eacute; &unknown;",
            "AT&T €5 é &unknown;",
        ),
        ("<speak>Hi <break time='1s'/>you</speak>", "Hi, you"),
    ]);
}

#[test]
fn hostile_text_takes_no_more_than_linear_time() {
    for pattern in HOSTILE.split('¦') {
        let text = endless(pattern);
        assert!(speakable(&text).len() <= 3 * text.len(), "{pattern:?}");
    }
    let nested = ["*".repeat(50_000), "a".into(), "*".repeat(50_000)].concat();
    assert_eq!(speakable(&nested), "a");
}

proptest! {
    #[test]
    fn whatever_comes_in_one_line_comes_out(text in "([-a-z0-9*_`#|<>\\[\\]()!&;~=.:/ \n\t\\\\]|\\PC){0,80}") {
        let speech = speakable(&text);
        prop_assert_eq!(speech.trim(), &speech);
        prop_assert!(!speech.contains(|c: char| c.is_control() || (c.is_whitespace() && c != ' ')));
        prop_assert!(!speech.contains("  "));
    }

    #[test]
    fn no_word_of_prose_is_lost(text in "[A-Za-z]{2,9}([ ,.;:?!'*_>~|\n-]{1,3}[A-Za-z]{2,9}){0,20}") {
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).collect::<String>();
        prop_assert_eq!(letters(&speakable(&text)), letters(&text));
    }
}

/// What parsers of markdown have choked on, and what would make our own steps look far ahead.
const HOSTILE: &str = "[¦*¦<¦`¦_¦![¦> ¦- ¦[a](¦<!--¦&¦|¦\\¦a*b ¦*a_ ¦[^¦1. ¦\n- ¦| a |\n|-|\n¦<a ¦`` ` ¦~¦#¦\
    [x]: y\n¦[1¦http://¦https://a/.¦a\n> ¦<b\n¦\n<b¦<p>¦    a\n\n¦```\n¦😀¦(¦\u{200D}¦\
    **\u{FE0F}¦ы¦^¦.)¦•\n¦a**b¦-¦->¦…";
