//! Markdown to speech: what a person would say who reads a model's answer aloud.
//!
//! pulldown-cmark finds the structure (<https://spec.commonmark.org/0.31.2/>, and GitHub's tables, task
//! lists and footnotes); here is decided what a voice makes of it. Stray signs are left to `spoken`.
//! Every step is linear in the text, whatever a model writes.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::directions::without_directions;
use super::formulas::without_formulas;
use super::html::{self, without_raised_marks, without_tags};
use super::lines::tidy_line;
use super::spoken::{Pause, Spoken, footnote_len};
use super::visible::Visible;

/// What a voice can say of `markdown`, on one line.
///
/// Structure becomes pauses: headings, items and rows end with a full stop if they have no mark of their
/// own, cells with a comma. An item of an ordered list keeps its number, set off by a comma ("1, Boil
/// water."), since steps are called by their numbers and a full stop after it would end a sentence; an
/// only item is no list ("3. Mai"). Links and images keep their text, bare addresses their host.
/// Emoji, footnote marks, tags and invisible characters are dropped, and so is fenced code, unless it
/// is labelled as text or nothing else is left to say. Arithmetic, names like `snake_case`, prices,
/// dial codes and comparisons stay as they are; formulas of LaTeX become signs and words.
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
    /// A thought or the call of a tool.
    Hidden,
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
        // Directions and formulas go before the parser comes: their stars, underscores and backslashes are signs of
        // markdown too, and it would take them away or split the text at them.
        let markdown = Visible::default().read(markdown);
        let markdown = without_directions(&markdown);
        self.read_blocks(&without_raised_marks(&without_formulas(&markdown)));
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
            Raw::Hidden => {}
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
            "text" | "txt" | "plaintext" | "markdown" | "md" | "math" | "latex" | "tex" => {
                Some(Raw::Prose)
            }
            label if HIDDEN.split(' ').any(|hidden| hidden == label) => Some(Raw::Hidden),
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

/// The labels of code that only a program was to see.
const HIDDEN: &str = "thinking think thought thoughts reasoning scratchpad tool_code tool_call tool_calls tool_output \
    tool_outputs tool_result function_call";

/// How `spoken` knows a footnote's mark, whatever its name.
const FOOTNOTE: &str = "[^1]";

#[cfg(test)]
mod tests;
