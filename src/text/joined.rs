//! Marks whose parts come together only in the speech, because what stood between them is not said: `</thi<b>nk>`,
//! `[ci**te: 1**]`, `\**name**`.
//!
//! Each earlier step removes text that the others cannot foresee, so no order of them finds every mark. A speech only grows
//! at its end, so checking the end after each character is enough.

use super::actions::{LONGEST, is_action};
use super::citations::citation_len;
use super::filter::{is_cut_off_token, is_token};
use super::formulas::begins_command;
use super::spoken::footnote_len;

/// Where the mark begins that `speech` ends with. Looks no further back than the longest mark reaches, so that all looks
/// together take time in proportion to the speech.
pub(super) fn mark_at_end(speech: &str) -> Option<usize> {
    let closer = speech.chars().next_back()?;
    let opener = match closer {
        '>' => '<',
        ']' => '[',
        '】' => '【',
        _ => return None,
    };
    let inner = speech.strip_suffix(closer)?;
    // An action has two brackets on either side.
    let inner = inner.strip_suffix(closer).unwrap_or(inner);
    let from = inner.floor_char_boundary(inner.len().saturating_sub(LONGEST));
    let start = from + inner[from..].rfind([opener, closer])?;
    let before = inner[..start].strip_suffix(opener);
    let starts = before.map(str::len).into_iter().chain([start]);
    let mut starts = starts.filter(|&start| speech[start..].starts_with(opener));
    starts.find(|&start| {
        let mark = &speech[start..];
        // The number alone is a key, or an item of a list.
        let is_footnote = mark.starts_with("[^") && footnote_len(mark) == Some(mark.len());
        let is_action = mark.ends_with("]]") && is_action(mark);
        is_footnote || is_action || is_token(mark) || citation_len(mark) == Some(mark.len())
    })
}

/// Where the mark begins that the end of `speech` has cut off. It may be whole when the text goes on, and what has been
/// handed out cannot be taken back.
pub(super) fn mark_cut_off(speech: &str) -> Option<usize> {
    let action = speech.rfind("[[").filter(|&at| {
        let rest = &speech[at..];
        rest.len() <= LONGEST && is_action(rest) && !rest.contains("]]")
    });
    let other = speech.rfind(['<', '[', '【']).filter(|&at| {
        let rest = &speech[at..];
        is_cut_off_token(rest) || citation_len(rest) == Some(rest.len())
    });
    action.or(other)
}

/// Where the backslash of a command of LaTeX stands in `word`. A path has several backslashes, or a drive before the only one.
pub(super) fn command_in(word: &str) -> Option<usize> {
    let (before, after) = word.split_once('\\')?;
    let is_command = !after.contains('\\') && begins_command(before.chars().next_back(), after);
    is_command.then_some(before.len())
}

#[cfg(test)]
mod tests {
    use super::super::{assert_says, endless, speakable};

    #[test]
    fn no_token_comes_together() {
        for dropped in [
            "<b>",
            "<!-- x -->",
            "<sup>1</sup>",
            "<unk>",
            "[](x)",
            "![](x)",
            "****",
            "[cite: 1]",
            "[^1]",
            "[1]",
            "turn0search2",
            "\\hspace{1cm}",
            "\\textbf{}",
            "\u{200B}",
            "\u{200D}",
            "\u{FE0F}",
            "\u{34F}",
            "\\u200b",
            "&#8203;",
            "&shy;",
        ] {
            let text = format!("It is</thi{dropped}nk> Lisbon.");
            let said = speakable(&text);
            assert!(!said.contains("</think>"), "{text:?}: {said:?}");
        }
        assert_says(&[
            ("It </thi<b>nk>is.", "It is."),
            ("It </thi</thi<b>nk>nk> is.", "It is."),
            ("It </thi(laughs)nk> is.", "It </thi nk> is."),
            ("It <\\/think>is, &lt;think&gt;so.", "It is, so."),
            ("It </thi&#110;k> is, </thi\\u006ek>so.", "It is, so."),
            ("It </thi`nk>` is, </thi\\textbf{n}k>so.", "It is, so."),
            ("It <end<b>_of_turn> is.", "It is."),
            ("It <｜end<b>｜> is.", "It is."),
            ("It <<S<b>YS>> is, [/THI<b>NK]so.", "It is, so."),
            ("It is. <thi<b>", "It is."),
            (
                "It is <think and </th*in*k>.",
                "It is <think and </th*in*k>.",
            ),
        ]);
    }

    #[test]
    fn no_command_comes_together() {
        assert_says(&[
            (r"A \\[^1]unheard b.", "A unheard b."),
            (r"A \\[cite: 1]unheard b.", "A unheard b."),
            (r"A \\**unheard** b, \\`unheard`", "A unheard b, unheard"),
            (
                r"A \\<b>unheard</b> (\\<b>unheard</b>)",
                "A unheard (unheard)",
            ),
            (r"A \\[unheard](x) \\![unheard](x)", "A unheard unheard"),
            (
                r"A &#92;unheard \u005cunheard \<unk>unheard",
                "A unheard unheard unheard",
            ),
            (r"A 2\\<b>sin</b> x, x\\*alpha*", "A 2 sin x, x alpha"),
            ("A \\\u{200D}frac{1}{2} \\\u{200B}sqrt{2}", "A 1 over 2 √2"),
            ("A \\\u{FE0F}frac{1}{2}", "A 1 over 2"),
            (r"[end of \\<b>text] A.", "A."),
            (r"C:\\<b>new</b> src\\<b>name</b>", r"C:\new src\name"),
        ]);
    }

    #[test]
    fn no_reference_and_no_action_comes_together() {
        assert_says(&[
            ("It is [ci**te: 1**]. Yes.", "It is. Yes."),
            ("It is [ci[cite: 1]te: 2]. Yes.", "It is. Yes."),
            ("It is [^<b>1]. Yes.", "It is. Yes."),
            ("It is [^[^1]1]. Yes.", "It is. Yes."),
            ("It is 【3<b>†source】. Yes.", "It is. Yes."),
            ("Yes [<b>[goodbye]] no.", "Yes no."),
            ("Yes [<b>[note a. b]]. No.", "Yes. No."),
            ("Yes. [<b>[transfer An", "Yes."),
            ("[[x]] [[[y]]] [<b>[z]]", "[[x]] [[[y]]] [[z]]"),
        ]);
    }

    #[test]
    fn hostile_text_takes_no_more_than_linear_time() {
        for pattern in [
            "</thi<b>nk>",
            "<thi<b>",
            "> <",
            "a<think/ >\\",
            "<think&#32;>",
            "[<b>[note ",
            "[[note >]] ",
            "[<b>[note >]] ",
            "[<b>]",
            "]",
            ")😀",
            "【",
            "[<b>[",
            "\\\\<b>a",
            "a\\\\<b>a ",
            "[ci<b>te: ",
        ] {
            let text = endless(pattern);
            assert!(speakable(&text).len() <= 3 * text.len(), "{pattern:?}");
            let word = format!("{}{text}", endless("a"));
            assert!(speakable(&word).len() <= 3 * word.len(), "{pattern:?}");
        }
    }
}
