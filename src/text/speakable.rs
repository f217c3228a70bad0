//! Markdown to speech: what a person would say who reads a model's answer aloud.
//!
//! pulldown-cmark finds the structure (<https://spec.commonmark.org/0.31.2/>, and GitHub's tables, task
//! lists and footnotes); here is decided what a voice makes of it. Stray signs are left to `spoken`.
//! Every step is linear in the text, whatever a model writes.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::html::{self, without_tags};
use super::lines::tidy_line;
use super::spoken::{Pause, Spoken, footnote_len};

/// What a voice can say of `markdown`, on one line.
///
/// Structure becomes pauses: headings, items and rows end with a full stop if they have no mark of their
/// own, cells with a comma. An item of an ordered list keeps its number, set off by a comma ("1, Boil
/// water."), since steps are called by their numbers and a full stop after it would end a sentence; an
/// only item is no list ("3. Mai"). Links and images keep their text, bare addresses their host.
/// Emoji, footnote marks, tags and invisible characters are dropped, and so is fenced code, unless it
/// is labelled as text or nothing else is left to say. Arithmetic, names like `snake_case`, prices,
/// dial codes and comparisons stay as they are.
pub fn speakable(markdown: &str) -> String {
    let spoken = speakable_beginning(markdown);
    if spoken.is_empty() {
        Reader::new(true).read(markdown)
    } else {
        spoken
    }
}

/// [`speakable`] of a text that may go on: code in it is left out, since there may be something else to say.
pub(super) fn speakable_beginning(markdown: &str) -> String {
    Reader::new(false).read(markdown)
}

/// Reads events aloud.
struct Reader {
    spoken: Spoken,
    /// The words since the last pause, put together because the parser splits them at every sign.
    words: String,
    /// Fenced code is read too.
    reads_code: bool,
    /// What is read now stood inside a block that is not markdown.
    is_inner: bool,
    list: Range<usize>,
}

/// A block whose contents come as raw text.
enum Raw {
    Html,
    Prose,
    Code,
}

impl Reader {
    fn new(reads_code: bool) -> Self {
        Self {
            spoken: Spoken::new(),
            words: String::new(),
            reads_code,
            is_inner: false,
            list: 0..0,
        }
    }

    fn read(mut self, markdown: &str) -> String {
        self.read_blocks(markdown);
        self.spoken.finish()
    }

    fn read_blocks(&mut self, markdown: &str) {
        let source: String = markdown
            .split_inclusive(['\n', '\r'])
            .flat_map(tidy_line)
            .collect();
        let mut events = Parser::new_ext(&source, options()).into_offset_iter();
        while let Some((event, range)) = events.next() {
            let Some(kind) = raw_block(&event) else {
                self.read_event(event, &source, range);
                continue;
            };
            let contents = events
                .by_ref()
                .map(|(event, _)| event)
                .map_while(raw_text)
                .collect();
            self.read_raw(&kind, contents);
        }
        self.rest(Pause::None);
    }

    fn read_event(&mut self, event: Event, source: &str, range: Range<usize>) {
        match event {
            Event::Text(words) | Event::Code(words) => self.words.push_str(&words),
            Event::SoftBreak => self.words.push(' '),
            Event::HardBreak => self.rest(Pause::Clause),
            Event::InlineHtml(tag) => match html::Tag::of(&tag) {
                html::Tag::Inline => {}
                html::Tag::Block => self.rest(Pause::Clause),
                html::Tag::Text => self.words.push_str(&tag),
            },
            Event::FootnoteReference(_) => self.words.push_str(FOOTNOTE),
            Event::Start(Tag::Emphasis) | Event::End(TagEnd::Emphasis) => {
                self.words.push_str(kept_mark(source, range, "*"));
            }
            Event::Start(Tag::Strong) | Event::End(TagEnd::Strong) => {
                self.words.push_str(kept_mark(source, range, "**"));
            }
            Event::Start(Tag::Link { .. }) if is_citation(source, &range) => self.words.push('['),
            Event::End(TagEnd::Link) if is_citation(source, &range) => self.words.push(']'),
            Event::Start(Tag::Link { .. } | Tag::Image { .. })
            | Event::End(TagEnd::Link | TagEnd::Image) => {}
            Event::Start(Tag::TableCell) => self.rest(Pause::None),
            Event::Start(Tag::Item) => self.begin_item(source, range),
            Event::Start(block) => {
                self.rest(Pause::Paragraph);
                if matches!(block, Tag::List(_)) {
                    self.list = range;
                }
            }
            Event::End(block) => self.rest(pause_after(block)),
            _ => self.rest(Pause::None),
        }
    }

    /// Says the words put together so far and pauses.
    fn rest(&mut self, pause: Pause) {
        self.spoken.say(&self.words);
        self.words.clear();
        self.spoken.pause(pause);
    }

    /// Says an item's number as the source has it, since a model's lists may leave numbers out.
    fn begin_item(&mut self, source: &str, range: Range<usize>) {
        self.rest(Pause::Stop);
        let is_only = range == self.list;
        let number = source[range].split(|c: char| !c.is_ascii_digit()).next();
        if let Some(number) = number.filter(|number| !number.is_empty()) {
            self.words.push_str(number);
            self.words.push_str(if is_only { ". " } else { ", " });
        }
    }

    /// Reads what stood in a block that is not markdown: as markdown, since models indent and wrap their
    /// prose by mistake, but only once, for nothing bounds such blocks inside each other.
    fn read_raw(&mut self, kind: &Raw, contents: String) {
        self.rest(Pause::Paragraph);
        match kind {
            Raw::Code if !self.reads_code => {}
            _ if self.is_inner => self.words = contents,
            Raw::Html => self.read_inner(&without_tags(&contents)),
            Raw::Code | Raw::Prose => self.read_inner(&contents),
        }
        self.rest(Pause::Paragraph);
    }

    fn read_inner(&mut self, markdown: &str) {
        self.is_inner = true;
        self.read_blocks(markdown);
        self.is_inner = false;
    }
}

fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
}

fn raw_block(event: &Event) -> Option<Raw> {
    match event {
        Event::Start(Tag::HtmlBlock) => Some(Raw::Html),
        Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => Some(Raw::Prose),
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(label))) => match label.trim() {
            "text" | "txt" | "plaintext" | "markdown" | "md" => Some(Raw::Prose),
            _ => Some(Raw::Code),
        },
        _ => None,
    }
}

/// The text of an event inside a raw block; nothing at the block's end.
fn raw_text(event: Event) -> Option<String> {
    match event {
        Event::Text(text) | Event::Html(text) => Some(text.into_string()),
        _ => None,
    }
}

fn pause_after(block: TagEnd) -> Pause {
    match block {
        TagEnd::TableCell => Pause::Clause,
        TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableHead | TagEnd::TableRow => Pause::Stop,
        _ => Pause::Paragraph,
    }
}

/// The `mark` around `source[range]` if it is arithmetic or a dial code, which `CommonMark` takes for
/// emphasis: both inside words, as in "a*b*c", or one between digits, as in "*21*5551234#".
fn kept_mark(source: &str, range: Range<usize>, mark: &'static str) -> &'static str {
    let begin = neighbours(source, range.start, mark);
    let end = neighbours(source, range.end - mark.len(), mark);
    let is_product = mark == "*"
        && [begin, end]
            .as_flattened()
            .iter()
            .all(char::is_ascii_alphanumeric);
    let is_number = [begin, end]
        .iter()
        .any(|sides| sides.iter().all(char::is_ascii_digit));
    if is_product || is_number { mark } else { "" }
}

/// The characters before and after the `mark` at `source[at..]`, a space for none.
fn neighbours(source: &str, at: usize, mark: &str) -> [char; 2] {
    let before = source[..at].chars().next_back();
    let after = source[at + mark.len()..].chars().next();
    [before.unwrap_or(' '), after.unwrap_or(' ')]
}

/// Whether the link at `source[range]` has a footnote's mark for text, as in "France[1](https://…)".
fn is_citation(source: &str, range: &Range<usize>) -> bool {
    footnote_len(&source[range.clone()]).is_some()
}

/// How `spoken` knows a footnote's mark, whatever its name.
const FOOTNOTE: &str = "[^1]";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::endless;
    use super::*;

    fn assert_says(cases: &[(&str, &str)]) {
        for (markdown, speech) in cases {
            assert_eq!(speakable(markdown), *speech, "{markdown:?}");
            assert_eq!(speakable(speech), *speech, "said again: {markdown:?}");
        }
    }

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
                "In [2024](https://a.b) and [12] dogs, [1, 2]",
                "In 2024 and [12] dogs, [1, 2]",
            ),
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
}
