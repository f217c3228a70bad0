//! Tags of HTML and SSML inside markdown: which of them vanish, and which are not tags at all.
//!
//! `CommonMark` takes anything shaped like a tag for one (<https://spec.commonmark.org/0.31.2/#raw-html>),
//! also `<y and z>` in "x `<y and z>` w" and `<String>` in `Vec<String>`. Those are words here.

use std::borrow::Cow;

use super::marks::{is_closer, is_end};

/// What something in angle brackets is to a voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// It changes looks only; what stands around it may be one word, as in `H<sub>2</sub>O`.
    Inline,
    /// It separates, as a line break or a paragraph does.
    Block,
    /// It is text.
    Text,
}

impl Tag {
    /// Judges `tag`, from its `<` to its `>`.
    pub(super) fn of(tag: &str) -> Self {
        if tag.starts_with("<!--") {
            return Self::Inline;
        }
        let Some(inner) = tag
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'))
        else {
            return Self::Text;
        };
        let (closing, inner) = inner
            .strip_prefix('/')
            .map_or((false, inner), |rest| (true, rest));
        let name_len = inner
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(inner.len());
        let name = inner[..name_len].to_ascii_lowercase();
        let attributes = inner[name_len..].trim();
        let sure = closing || attributes.ends_with('/') || attributes.contains('=');
        match name.as_str() {
            "" => Self::Text,
            name if names(BLOCK, name) => Self::Block,
            // `a <b and c> d` compares letters: an attribute would have a `=`.
            name if name.len() == 1 && !attributes.is_empty() && !sure => Self::Text,
            name if sure || names(INLINE, name) => Self::Inline,
            _ => Self::Text,
        }
    }
}

/// Takes the tags out of a block of HTML; what is left is markdown whose paragraphs are the blocks.
pub(super) fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let len = tag_len(rest);
        match Tag::of(&rest[..len]) {
            Tag::Inline => {}
            Tag::Block => text.push_str("\n\n"),
            Tag::Text => text.push_str(&rest[..len]),
        }
        rest = &rest[len..];
    }
    text + rest
}

/// The words of a page of HTML, a block in a line: no tags, scripts and styles, and characters for their names.
pub(crate) fn page_text(html: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(html.len()), html);
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let tag = &rest[..tag_len(rest)];
        rest = &rest[tag.len()..];
        let name = tag.trim_start_matches(['<', '/']);
        let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        // What is in a script may look like tags, so all up to its own end is passed over.
        if names(UNREAD, &name) && !tag.starts_with("</") {
            rest = after_element(rest, &name);
        }
        // Cells of a row stay in its line.
        text.push_str(match name.as_str() {
            "td" | "th" => " ",
            name if names(BLOCK, name) => "\n",
            _ => "",
        });
    }
    text.push_str(rest);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = with_characters(&text);
    let lines = text.lines().map(words).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// What follows the end of the element `name`, whose beginning precedes `text`; nothing where it does not end.
fn after_element<'t>(text: &'t str, name: &str) -> &'t str {
    let ends = text.match_indices("</").map(|(at, _)| at);
    let is_its = |at: &usize| {
        let tag = &text.as_bytes()[at + "</".len()..];
        tag.get(..name.len())
            .is_some_and(|tag| tag.eq_ignore_ascii_case(name.as_bytes()))
    };
    let end = ends.into_iter().find(is_its);
    end.map_or("", |at| &text[at + tag_len(&text[at..])..])
}

/// A text with the characters that `&amp;`, `&#39;` and others stand for.
fn with_characters(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest
            .bytes()
            .take(LONGEST_NAME)
            .position(|byte| byte == b';');
        let named = end.and_then(|end| Some((character(&rest[1..end])?, end + 1)));
        let (character, len) = named.unwrap_or(('&', 1));
        out.push(character);
        rest = &rest[len..];
    }
    out + rest
}

/// The character of a name without `&` and `;`.
fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let number = hex.map_or_else(|| number.parse(), |hex| u32::from_str_radix(hex, 16));
        return char::from_u32(number.ok()?);
    }
    let (_, character) = CHARACTERS.iter().find(|(known, _)| *known == name)?;
    Some(*character)
}

/// Takes out raised numbers that are marks of footnotes: behind a word or the end of one's sentence. "10<sup>2</sup>" and
/// "m<sup>2</sup>" are none.
pub(super) fn without_raised_marks(markdown: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once(RAISED) {
        kept.push_str(before);
        let end = after
            .bytes()
            .take(LONGEST_MARK)
            .position(|byte| byte == b'<');
        let end = end.filter(|&len| after[len..].starts_with(RAISED_END));
        let end = end.filter(|&len| is_number(&after[..len]));
        if let Some(len) = end.filter(|_| ends_word(&kept)) {
            rest = &after[len + RAISED_END.len()..];
        } else {
            let is_power = end.is_some() && kept.ends_with(|c: char| c.is_ascii_digit());
            kept.push_str(if is_power { "^" } else { RAISED });
            rest = after;
        }
    }
    if kept.is_empty() {
        return rest.into();
    }
    (kept + rest).into()
}

fn is_number(mark: &str) -> bool {
    let is_sign = |c: char| c.is_ascii_digit() || matches!(c, ',' | ' ');
    mark.contains(|c: char| c.is_ascii_digit()) && mark.chars().all(is_sign)
}

/// Whether `text` ends with a word that is longer than units are, or with the mark after one.
fn ends_word(text: &str) -> bool {
    let letters = text.chars().rev().take_while(|c| c.is_alphabetic());
    letters.count() > LONGEST_UNIT || text.ends_with(|c| is_end(c) || is_closer(c))
}

/// Elements whose content is not for readers.
const UNREAD: &str = "script style head template noscript svg";

/// Characters that pages name, beside those that they number.
const CHARACTERS: [(&str, char); 10] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("deg", '°'),
    ("euro", '€'),
    ("ndash", '–'),
    ("shy", '\u{ad}'),
];
/// The longest of them with its marks, and the longest number.
const LONGEST_NAME: usize = 10;

const RAISED: &str = "<sup>";
const RAISED_END: &str = "</sup>";

/// The longest list of footnotes in one mark, in bytes, and the longest unit that has powers, in letters.
const LONGEST_MARK: usize = 24;
const LONGEST_UNIT: usize = 2;

/// How far what begins with `<` goes: to its `>`, to the end of a comment, or to the next `<`. A comment
/// without an end goes to the end of the text, as in a browser.
fn tag_len(text: &str) -> usize {
    if text.starts_with("<!--") {
        return text.find("-->").map_or(text.len(), |at| at + "-->".len());
    }
    match text[1..].find(['<', '>']).map(|at| at + 1) {
        Some(at) if text[at..].starts_with('>') => at + 1,
        at => at.unwrap_or(text.len()),
    }
}

fn names(elements: &str, name: &str) -> bool {
    elements.split(' ').any(|element| element == name)
}

/// Elements that stand inside a line, MathML's, and SSML's, which a model that knows it is spoken likes to write.
const INLINE: &str = "a abbr b bdi big cite code del em emphasis font i img ins kbd label mark math mfrac mi mn mo mrow \
    msqrt mstyle msub msup mtext phoneme prosody q ref s samp say-as small span speak strike strong sub sup time tt u var voice wbr";

/// Elements that begin or end a line.
const BLOCK: &str = "address article aside blockquote body br break caption center dd details div dl dt \
    figcaption figure footer h1 h2 h3 h4 h5 h6 head header hr html li main nav ol p pre script \
    section style summary table tbody td th thead title tr ul";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_comparisons_and_placeholders() {
        let cases = [
            ("<b>", Tag::Inline),
            ("</B>", Tag::Inline),
            ("<a href=\"x\">", Tag::Inline),
            ("<unknown x='1'>", Tag::Inline),
            ("<unknown/>", Tag::Inline),
            ("</unknown>", Tag::Inline),
            ("<say-as interpret-as='date'>", Tag::Inline),
            ("<!-- a note -->", Tag::Inline),
            ("<br>", Tag::Block),
            ("<br/>", Tag::Block),
            ("<break time=\"1s\"/>", Tag::Block),
            ("<details open>", Tag::Block),
            ("<b and b>", Tag::Text),
            ("<y and z>", Tag::Text),
            ("<String>", Tag::Text),
            ("<your name>", Tag::Text),
            ("<!x y>", Tag::Text),
            ("<", Tag::Text),
        ];
        for (tag, expected) in cases {
            assert_eq!(Tag::of(tag), expected, "{tag}");
        }
    }

    #[test]
    fn a_block_of_html_keeps_its_words() {
        let cases = [
            ("<p>Hi <b>you</b></p>", "\n\nHi you\n\n"),
            ("a < b and c > d", "a < b and c > d"),
            ("a <!-- < > --> b", "a  b"),
            ("a <!-- no end", "a "),
            ("<<b>>", "<>"),
            ("no end <b", "no end <b"),
        ];
        for (html, expected) in cases {
            assert_eq!(without_tags(html), expected, "{html}");
        }
    }

    #[test]
    fn a_page_becomes_its_words() {
        let page = "<!DOCTYPE html><html><head><title>No</title><style>p { }</style></head><body>\n<h1>Opening  hours</h1>\n\
            <script>if (a < b) { x('</p>'); }</SCRIPT><table><tr><td>Mon</td><td>9&ndash;5</td></tr></table>\
            <p>Tea &amp; cake: 5&nbsp;&euro;, &#8364; &#x20AC;, &unknown; &amp <x-y>today</x-y><!-- no --></p></body></html>";
        let words = "Opening hours\nMon 9–5\nTea & cake: 5 €, € €, &unknown; &amp today";
        assert_eq!(page_text(page), words);
        for page in [
            "<script>",
            "<",
            "&",
            "&#",
            "&#x;",
            "&#1114112;",
            "<!--",
            "</",
            "<style></sty",
        ] {
            page_text(page);
        }
        assert_eq!(page_text(""), "");
    }
}
