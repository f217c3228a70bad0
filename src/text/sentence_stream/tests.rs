//! Answers as they are written, in pieces of every length.

use proptest::prelude::*;

use super::*;

/// The pieces of a text that is written in events of `words` words each.
fn pieces(text: &str, words: usize, max_chars: usize, is_cut: bool) -> Vec<String> {
    let mut stream = SentenceStream::new(max_chars);
    let mut pieces = Vec::new();
    let all: Vec<&str> = text.split_inclusive(' ').collect();
    for event in all.chunks(words) {
        stream.push(&event.concat());
        while let Some(piece) = stream.piece() {
            pieces.push(piece);
        }
    }
    pieces.extend(stream.last(is_cut));
    pieces
}

#[test]
fn what_is_read_of_a_long_text_grows_with_its_length_alone() {
    let mut stream = SentenceStream::new(20_000);
    let sentence = "The moon is about 384 thousand km away. ";
    let (mut pieces, count) = (0, 400);
    for _ in 0..count {
        for word in sentence.split_inclusive(' ') {
            stream.push(word);
            pieces += usize::from(stream.piece().is_some());
        }
    }
    let bound = READ_AT_ONCE * READ_AT_ONCE + 2 * UNREAD_PART * stream.written();
    assert!(
        stream.read < bound,
        "{} of {}",
        stream.read,
        stream.written()
    );
    assert!(pieces > count * 9 / 10, "{pieces} of {count}");
}

#[test]
fn a_sentence_is_handed_out_when_it_stands() {
    let mut stream = SentenceStream::new(1000);
    let table = [
        ("The moon is", None),
        (" far away.", None),
        (" It", Some("The moon is far away.")),
        (" is about 384", None),
        (".4 thousand km from Dr.", None),
        (
            " Smith! Light",
            Some("It is about 384.4 thousand km from Dr. Smith!"),
        ),
    ];
    for (words, expected) in table {
        stream.push(words);
        assert_eq!(stream.piece().as_deref(), expected, "{words}");
    }
    assert_eq!(stream.last(false).as_deref(), Some("Light"));
    assert_eq!(
        stream.said(),
        "The moon is far away. It is about 384.4 thousand km from Dr. Smith! Light"
    );
}

#[test]
fn the_first_piece_is_neither_a_mere_word_nor_a_whole_paragraph() {
    let table: [(&str, &[&str]); 6] = [
        (
            "Yes. It is open. Goodbye!",
            &["Yes. It is open.", "Goodbye!"],
        ),
        ("Hello! Yes", &["Hello! Yes"]),
        (
            "The best time of the year to plant a young apple tree is autumn, when the ground is still warm, and rain is near. Bye!",
            &[
                "The best time of the year to plant a young apple tree is autumn,",
                "when the ground is still warm, and rain is near.",
                "Bye!",
            ],
        ),
        (
            "好的。今天天气很好，我们去公园散步吧。再见！",
            &["好的。今天天气很好，我们去公园散步吧。", "再见！"],
        ),
        (
            "1. Boil the water.\n2. Add the tea.\n",
            &["1, Boil the water.", "2, Add the tea."],
        ),
        (
            "**Good morning. How are** you?",
            &["Good morning.", "How are you?"],
        ),
    ];
    for (text, expected) in table {
        for words in [1, 6] {
            assert_eq!(pieces(text, words, 1000, false), expected, "{text}");
        }
    }
}

#[test]
fn words_without_any_mark_are_handed_out_between_words() {
    let text = "word ".repeat(100);
    let pieces = pieces(&text, 6, 1000, false);
    assert!(pieces.len() > 1);
    assert_eq!(pieces.join(" "), text.trim());
}

#[test]
fn an_answer_that_is_too_long_or_cut_ends_with_a_sentence() {
    let text = "One two three. Four five six. Seven eight nine";
    let table: [(usize, bool, &[&str]); 5] = [
        (
            1000,
            false,
            &["One two three.", "Four five six.", "Seven eight nine"],
        ),
        (1000, true, &["One two three.", "Four five six."]),
        (30, false, &["One two three.", "Four five six."]),
        (28, false, &["One two three."]),
        (8, false, &["One two"]),
    ];
    for (max_chars, is_cut, expected) in table {
        assert_eq!(
            pieces(text, 1, max_chars, is_cut),
            expected,
            "{max_chars} {is_cut}"
        );
    }
    assert_eq!(pieces("One two thr", 6, 1000, true), ["One two"]);
}

#[test]
fn orders_are_found_after_the_limit_too_and_nothing_is_said_there() {
    let text = "One two three. Four five six. Seven eight nine. [[note x]] Ten. [[forget]]";
    for words in 1..=16 {
        let mut stream = SentenceStream::new(30).with_actions();
        let mut said = Vec::new();
        let all: Vec<&str> = text.split_inclusive(' ').collect();
        for event in all.chunks(words) {
            assert!(stream.wants_more());
            stream.push(&event.concat());
            while let Some(piece) = stream.piece() {
                said.push(piece);
            }
        }
        said.extend(stream.last(false));
        assert_eq!(said, ["One two three.", "Four five six."], "{words}");
        let note = Action::Note("x".to_owned());
        assert_eq!(stream.actions(), [note, Action::Forget], "{words}");
        assert!(!stream.has_lost_an_action());
    }
}

#[test]
fn an_answer_is_whole_as_soon_as_the_model_writes_down_what_it_has_heard() {
    let heard = "[[heard How long should it steep, and why is that?]]";
    for answer in [
        "Three.",
        "Black tea? For 3 minutes. It is hot",
        "Yes: [[goodbye]] ",
    ] {
        let text = format!("{answer} {heard}");
        for len in 1..=text.len() {
            let mut stream = SentenceStream::new(1000).with_actions();
            let (mut said, mut had) = (Vec::new(), None);
            for at in (0..text.len()).step_by(len) {
                stream.push(&text[at..text.len().min(at + len)]);
                said.extend(std::iter::from_fn(|| stream.piece()));
                if at + len >= answer.len() + " [[heard ".len() {
                    had = had.or(Some(said.len()));
                }
            }
            assert_eq!(stream.last(false), None, "{text} by {len}");
            assert_eq!(had, Some(said.len()), "{text} by {len}");
            let spoken = answer.replace("[[goodbye]]", "");
            assert_eq!(said.join(" "), spoken.trim(), "{text} by {len}");
            let heard = Some("How long should it steep, and why is that?");
            assert_eq!(stream.heard(), heard, "{text} by {len}");
        }
    }
}

#[test]
fn an_answer_that_breaks_off_is_whole_only_where_what_was_heard_comes_last() {
    let table = [
        ("It is far away indeed. [[heard How", true),
        ("It is far away indeed. [[heard How far?]]", true),
        ("It is far away indeed. [[heard How far?]] ", true),
        ("[[heard]]", true),
        ("It is far away indeed. [[goodbye", false),
        ("It is far away indeed. And", false),
        ("[[heard How far?]]", false),
        ("[[heard How far?]] It is far away indeed. And", false),
        ("[[heard How", false),
    ];
    for (text, expected) in table {
        for len in [1, 3, 10] {
            let mut stream = SentenceStream::new(1000).with_actions();
            for piece in text.as_bytes().chunks(len) {
                stream.push(std::str::from_utf8(piece).expect("ASCII"));
                while stream.piece().is_some() {}
            }
            assert_eq!(stream.is_spoken_out(), expected, "{text} by {len}");
        }
    }
}

#[test]
fn what_is_written_after_the_limit_is_not_waited_for_without_end() {
    let mut stream = SentenceStream::new(30);
    stream.push(&"One two three. Four five six. ".repeat(2));
    while stream.piece().is_some() {}
    assert!(!stream.wants_more(), "nobody listens to actions");
    let mut stream = SentenceStream::new(30).with_actions();
    stream.push(&"One two three. Four five six. ".repeat(2));
    while stream.piece().is_some() {}
    let mut written = 0;
    while stream.wants_more() {
        stream.push("and more ");
        written += 9;
    }
    assert!(written < 2 * MAX_UNHEARD, "{written}");
    let mut stream = SentenceStream::new(30).with_actions();
    stream.push("[[note ");
    while stream.wants_more() {
        stream.push(&"and more ".repeat(100));
    }
    assert_eq!(stream.last(true), None);
    assert!(stream.has_lost_an_action());
}

#[test]
fn a_flood_of_signs_is_given_up_before_it_costs_much() {
    for signs in ["[[", "<", "[x]("] {
        let mut stream = SentenceStream::new(1000);
        while stream.wants_more() {
            stream.push(&signs.repeat(16 * 1024 / signs.len()));
            while stream.piece().is_some() {}
        }
        assert!(stream.written() < 60_000, "{signs}: {}", stream.written());
        assert!(stream.read < 200_000, "{signs}: {}", stream.read);
    }
}

#[test]
fn signs_alone_are_nothing_to_say() {
    for text in ["…", "?", "— !", "***\n"] {
        let mut stream = SentenceStream::new(1000);
        stream.push(text);
        assert_eq!((stream.piece(), stream.last(false)), (None, None), "{text}");
        assert!(!stream.has_pieces());
    }
}

#[test]
fn code_is_said_only_if_there_is_nothing_else() {
    assert_eq!(
        pieces(
            "```\nrm file. Then go\n```\nDone at last. Bye",
            1,
            1000,
            false
        ),
        ["Done at last.", "Bye"]
    );
    assert_eq!(pieces("```\nrm file\n```", 1, 1000, false), ["rm file"]);
}

/// What is said of `text`, written in events of `chars` characters each.
fn said(text: &str, chars: usize) -> (String, Vec<Action>) {
    let mut stream = SentenceStream::new(1000).with_actions();
    let mut pieces = Vec::new();
    let all: Vec<char> = text.chars().collect();
    for event in all.chunks(chars) {
        stream.push(&event.iter().collect::<String>());
        pieces.extend(std::iter::from_fn(|| stream.piece()));
    }
    pieces.extend(stream.last(false));
    (pieces.join(" "), stream.actions().to_vec())
}

#[test]
fn what_nobody_should_hear_is_not_said_however_it_is_written() {
    let cases = [
        (
            "<think>The user asks. Lisbon, I am sure of it. Or not?</think>\n\nIt is Lisbon.",
            "It is Lisbon.",
        ),
        (
            "Okay, the user asks about Portugal. I should be brief. They want a city.\n</think>\n\nIt is Lisbon.",
            "It is Lisbon.",
        ),
        (
            "Okay, the user manual says so. Read it.",
            "Okay, the user manual says so. Read it.",
        ),
        (
            "It is Lisbon.<|im_end|>\n<|im_start|>user\nAnd Spain?",
            "It is Lisbon.",
        ),
        (
            "It is Lisbon. User: And Spain? Assistant: Madrid.",
            "It is Lisbon.",
        ),
        ("Assistant: It is Lisbon.", "It is Lisbon."),
        (
            "It is Lisbon. <tool_call>{\"name\": \"map\"}</tool_call>",
            "It is Lisbon.",
        ),
        ("```tool_code\nmap()\n```", ""),
        (
            "Half is $\\frac{1}{2}$. So $2y_1 \\leq 9$.",
            "Half is 1 over 2. So 2y 1 ≤ 9.",
        ),
        ("Hello there.\\nHow are you?", "Hello there. How are you?"),
        (
            "It is Lisbon【4†source】. It lies on the Tagus [cite: 1, 2].",
            "It is Lisbon. It lies on the Tagus.",
        ),
    ];
    for (text, expected) in cases {
        for chars in 1..=text.chars().count() {
            assert_eq!(
                said(text, chars).0,
                expected,
                "{text:?} in events of {chars}"
            );
        }
    }
}

#[test]
fn a_sentence_is_handed_out_before_what_may_be_the_next_turn_is_told_from_a_list() {
    let table: [(&str, &[&str]); 4] = [
        (
            "It is Lisbon.\nUser: And Spain?\n\nMadrid",
            &["It is Lisbon."],
        ),
        ("Yes.\nHuman: Well", &["Yes."]),
        (
            "It is there.\nUser: guest\nPassword: tea\nPort: five. Then go",
            &["It is there.", "User: guest Password: tea Port: five."],
        ),
        ("It is for\nCustomer: Ann", &[]),
    ];
    for (text, expected) in table {
        for len in 1..=text.len() {
            let mut stream = SentenceStream::new(1000).with_actions();
            let mut pieces = Vec::new();
            for at in (0..text.len()).step_by(len) {
                stream.push(&text[at..text.len().min(at + len)]);
                pieces.extend(std::iter::from_fn(|| stream.piece()));
            }
            assert_eq!(pieces, expected, "{text} by {len}");
        }
    }
}

#[test]
fn what_is_ordered_in_thoughts_is_not_done() {
    for text in [
        "<think>Then [[goodbye]] follows.</think>It is Lisbon. [[forget]]",
        "The user may [[goodbye]] leave.</think>It is Lisbon. [[forget]]",
    ] {
        for chars in 1..=text.len() {
            let expected = ("It is Lisbon.".to_owned(), vec![Action::Forget]);
            assert_eq!(said(text, chars), expected, "{text:?} in events of {chars}");
        }
    }
}

#[test]
fn what_was_said_before_a_thought_ended_is_not_said_again() {
    let mut stream = SentenceStream::new(1000);
    stream.push("Lisbon has a river. Madrid has");
    assert_eq!(stream.piece().as_deref(), Some("Lisbon has a river."));
    stream.push(" none.</think>Lisbon has a river. It is the Tagus. So");
    assert_eq!(stream.piece().as_deref(), Some("Lisbon has a river."));
    assert_eq!(stream.piece().as_deref(), Some("It is the Tagus."));
    assert_eq!(stream.last(false).as_deref(), Some("So"));
    assert!(
        stream
            .said()
            .ends_with("a river. Lisbon has a river. It is the Tagus. So")
    );
}

#[test]
fn an_answer_that_has_ended_is_not_waited_for() {
    let mut stream = SentenceStream::new(1000).with_actions();
    stream.push("It is Lisbon.\nUser: And Spain?\nAssistant: Madrid.");
    assert!(stream.has_ended() && !stream.wants_more() && !stream.is_full());
    assert_eq!(stream.last(true).as_deref(), Some("It is Lisbon."));
    assert_eq!(stream.written(), 49);
}

#[test]
fn text_without_spaces_is_handed_out_before_its_end() {
    for letters in ["今天天气很好", "ที่นี่อากาศดี"] {
        let mut stream = SentenceStream::new(10_000);
        stream.push(&letters.repeat(40));
        assert!(stream.piece().is_some(), "{letters}");
    }
}

proptest! {
    #[test]
    fn every_word_of_prose_is_said_once_and_in_order(
        text in "[A-Z][a-z]{2,9}([ ,.;:?!'*_>~|\n-]{1,3}[A-Za-z]{2,9}){0,40}",
        words in 1_usize..8,
    ) {
        // A line that begins with a word and a colon may begin with a name, as AI, KI or bot are.
        let may_be_name = |line: &str| line.split_once(':').is_some_and(|(name, _)| {
            name.trim_matches(|c: char| !c.is_ascii_alphabetic()).chars().all(|c| c.is_ascii_alphabetic())
        });
        let text = if text.lines().any(may_be_name) { text.replace(':', ";") } else { text };
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).collect::<String>();
        let said = pieces(&text, words, 10_000, false).join(" ");
        prop_assert_eq!(letters(&said), letters(&text));
    }

    #[test]
    fn no_text_makes_it_panic(text in "([-a-z0-9*_`#|<>\\[\\]()!&;~=.:/ \n。，]|\\PC){0,80}", max_chars in 1_usize..100) {
        pieces(&text, 2, max_chars, true);
    }
}

#[test]
fn a_text_that_goes_on_has_what_is_left_of_the_limit_and_none_of_the_words_before() {
    let mut first = SentenceStream::new(60).with_actions();
    first.push("One moment, please. [[note likes tea]]");
    assert_eq!(first.last(false).as_deref(), Some("One moment, please."));
    let mut next = first.going_on();
    assert!(next.has_pieces() && !next.has_own_pieces());
    assert_eq!(next.written(), 0);
    next.push("It is sunny. [[goodbye]]");
    assert_eq!(next.last(false).as_deref(), Some("It is sunny."));
    assert_eq!(next.said(), "One moment, please. It is sunny.");
    assert_eq!(
        next.actions(),
        [Action::Note("likes tea".to_owned()), Action::Goodbye]
    );
    let mut last = next.going_on();
    last.push("This is one sentence too many for the limit. And so is this.");
    assert_eq!(last.last(false), None);
    assert!(last.is_full() && !last.has_own_pieces());
    assert_eq!(last.said(), "One moment, please. It is sunny.");
}

#[test]
fn what_was_heard_before_a_text_goes_on_does_not_end_that() {
    let mut first = SentenceStream::new(1000).with_actions();
    first.push("One moment. [[heard How warm is it?]]");
    first.last(false);
    let mut next = first.going_on();
    next.push("It is ");
    assert!(!next.is_spoken_out());
    assert_eq!(next.piece(), None);
    next.push("warm.");
    assert_eq!(next.last(false).as_deref(), Some("It is warm."));
    assert_eq!(next.heard(), Some("How warm is it?"));
}
