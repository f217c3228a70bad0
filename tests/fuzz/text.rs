//! A model's text with thoughts, tokens, calls and formulas in it, well made and not.

use phone_assistant::text::{Action, SentenceStream, breaths, speakable};

use super::mutate::{Random, mutated};
use super::{fuzz, inputs};

#[test]
fn however_a_text_is_split_no_mark_of_a_template_is_said() {
    let make = |random: &mut Random| mutated(SEEDS, 4, random);
    fuzz("texts", inputs(), make, |input| {
        let text = String::from_utf8_lossy(input);
        for chars in [1, 7, usize::MAX] {
            let said = said(&text, chars);
            assert!(!said.contains("<|im_end|>"), "{said}");
            assert!(!said.contains("</think>"), "{said}");
        }
        for breath in breaths(&speakable(&text), 100, 40) {
            assert!((1..=100).contains(&breath.chars().count()));
        }
        std::str::from_utf8(input).is_ok()
    });
}

#[test]
fn no_command_of_latex_is_said() {
    let make = |random: &mut Random| mutated(LATEX, 4, random);
    fuzz("formulas", inputs(), make, |input| {
        let text = String::from_utf8_lossy(input);
        let said = speakable(&text);
        let mut commands = said.split_whitespace().filter_map(command);
        // What is not seen may stand between the backslash and the name.
        let read = commands.find(|command| text.contains(command));
        assert_eq!(read, None, "{text}");
        std::str::from_utf8(input).is_ok()
    });
}

#[test]
fn a_message_has_words_and_no_more_than_a_name_before_them() {
    let make = |random: &mut Random| mutated(MESSAGES, 4, random);
    fuzz("messages", inputs(), make, |input| {
        let text = String::from_utf8_lossy(input);
        let mut answer = SentenceStream::new(500).with_actions();
        for event in text.split_inclusive(' ') {
            answer.push(event);
        }
        answer.last(false);
        let messages = answer.actions().iter().filter_map(|action| match action {
            Action::Message(message) => Some(message),
            _ => None,
        });
        let messages: Vec<_> = messages.collect();
        for message in &messages {
            assert!(message.to.chars().count() <= 80 && !message.to.contains('\n'));
            assert!(!message.text.is_empty() && !message.text.contains("]]"));
        }
        !messages.is_empty()
    });
}

/// The command of LaTeX that a word begins with, if it is no path.
fn command(word: &str) -> Option<&str> {
    let name = word.strip_prefix('\\')?;
    let len = name.find(|c: char| !c.is_ascii_alphabetic());
    let len = len.unwrap_or(name.len());
    (len > 1 && !name.contains('\\')).then(|| &word[..=len])
}

/// What is said of a text in events of so many characters, or in some more where there would be too many events.
fn said(text: &str, chars: usize) -> String {
    let mut answer = SentenceStream::new(500).with_actions();
    let letters: Vec<char> = text.chars().collect();
    let mut said = Vec::new();
    let max_chars = chars.clamp(letters.len() / 100 + 1, letters.len() + 1);
    for event in letters.chunks(max_chars) {
        answer.push(&event.iter().collect::<String>());
        said.extend(std::iter::from_fn(|| answer.piece()));
    }
    said.extend(answer.last(false));
    said.join(" ")
}

const SEEDS: &[&[u8]] = &[
    b"<think>Porto? [[goodbye]] No.</think>\n\nIt is Lisbon.<|im_end|>\n<|im_start|>user\nAnd Spain?",
    b"<|channel|>analysis<|message|>Porto?<|end|><|start|>assistant<|channel|>final<|message|>It is Lisbon.",
    b"analysisPorto? No.assistantfinalIt is Lisbon. [[note likes $5 tea]]",
    b"Thought: Porto?\nAction: map\nFinal Answer: It is Lisbon. User: And Spain? Assistant: Madrid.",
    b"It is Lisbon. [TOOL_CALLS][{\"name\": \"map\", \"arguments\": {\"q\": \"}\"}}] <tool_call>{}</tool_call>",
    b"Half of $\\frac{1}{2}$ is \\(\\sqrt[3]{x}\\), $5 or \\begin{aligned} a &= b \\\\ \\end{aligned}.\\nSo \\u00e9.",
    b"{\"thought\": \"Porto?\", \"answer\": {\"text\": \"It is\\nLisbon.\"}}\n[User]: And Spain?\n[Assistant]: Madrid.",
    b"<plan>Porto?</plan>```json\n{\"name\": \"map\"\n```\nIt is Lisbon.\nuser\nAnd Spain?\nassistant\n\nMadrid.",
    "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"map\">{\"q\": 1}\nIt is Lisbon.<ref>Porto</ref> [S1][S2]".as_bytes(),
    "It is Lisbon【3†source】 [cite: 1, 2], C:\\new\\times. ◁think▷Porto?◁/think▷".as_bytes(),
];

const MESSAGES: &[&[u8]] = &[
    b"[[message Anna: Jim asks for a call, 0172 5550134.]] I have noted it. [[goodbye]]",
    b"Noted. [[ Message: the house: the gate\nis open ]] [[note Jim [of the gate]]] [[message",
    b"<think>[[message A: b]]</think>[[message call back at 10:30]] Noted. [[message B: c",
    "[[message Größe: 世界 [[ 👋 ]]Notiert. [[transfer Anna]]".as_bytes(),
];

const LATEX: &[&[u8]] = &[
    b"A \\xrightarrow{heat} B \\overset{a}{=} $\\vdots$, \\operatorname*{argmin} x \\hspace*{1cm} \\unheard{y}.",
    b"It runs at \\qty{5}{\\km\\per\\hour} or $\\nicefrac{1}{2}$ of ($\\nmid$) x\\textsuperscript{2} \\[ a \\\\[4pt] b \\].",
    b"Half of $\\frac{1}{2}$ is \\(\\sqrt[3]{x}\\), $5 or \\begin{aligned} a &= b \\\\ \\end{aligned}.\\nSo \\u00e9.",
];
