//! Lines of markdown as models write them, made such that a parser of `CommonMark` understands them.
//!
//! Its lists begin with `-`, `*`, `+` or a number (<https://spec.commonmark.org/0.31.2/#list-items>), and a
//! line "[Answer]: yes" is to it the target of a link and no text.

use super::marks::{EMOJI_STYLE, KEYCAP, is_arrow, is_bullet};
use super::spoken::is_picture;

/// A line of `markdown` in the parts that the parser should see: bullets it does not know become ones
/// that it does, and words are kept from being taken for the target of a link.
pub(super) fn tidy_line(line: &str) -> [&str; 3] {
    let text = line.trim_start_matches([' ', '\t']);
    let indent = &line[..line.len() - text.len()];
    let item = without_bullet(text);
    if item.len() < text.len() {
        [indent, "- ", item]
    } else if defines_nothing(text) {
        [indent, "\\", text]
    } else {
        [indent, "", text]
    }
}

/// `text` after the bullet, dash, arrow, emoji or keycap that some models set before an item.
fn without_bullet(text: &str) -> &str {
    let mut chars = text.chars();
    let Some(c) = chars.next() else { return text };
    let rest = chars.as_str();
    // A dash without a space may be a minus, as in `–5 degrees`.
    let dash = matches!(c, '–' | '—' | '·') && rest.starts_with(' ');
    if dash || is_bullet(c) || is_arrow(c) || is_picture(c, rest) {
        return rest.trim_start_matches([' ', EMOJI_STYLE, KEYCAP]);
    }
    text
}

/// Whether `line` would be swallowed as a link's definition although it points nowhere: "[Answer]: yes".
fn defines_nothing(line: &str) -> bool {
    let target = line
        .strip_prefix('[')
        .and_then(|label| label.split_once("]:"));
    target.is_some_and(|(label, target)| {
        let target = target.trim();
        !label.starts_with('^') && !target.contains("://") && !target.starts_with(['/', '#', '<'])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_become_ones_that_the_parser_knows() {
        for line in [
            "• x",
            "▪x",
            "– x",
            "— x",
            "· x",
            "→ x",
            "➡️ x",
            "✅ x",
            "❤️ x",
            "1️⃣ x",
            "#️⃣ x",
        ] {
            assert_eq!(tidy_line(line).concat(), "- x", "{line:?}");
        }
        assert_eq!(tidy_line("  • x\n").concat(), "  - x\n");
    }

    #[test]
    fn words_in_brackets_are_kept_from_being_links() {
        assert_eq!(tidy_line("[Answer]: yes\n").concat(), "\\[Answer]: yes\n");
        assert_eq!(tidy_line("[Answer]:\n").concat(), "\\[Answer]:\n");
    }

    #[test]
    fn other_lines_stay() {
        for line in [
            "",
            "\n",
            "x",
            " - x",
            "1. x",
            "–5",
            "·",
            "©",
            "# x",
            "[a]: https://b.c",
            "[^a]: b",
            "[a] b",
        ] {
            assert_eq!(tidy_line(line).concat(), line);
        }
    }
}
