//! Which characters are punctuation, bullets, arrows and pictures, in every script we speak.
//!
//! The standard library knows letters, digits and spaces but neither pictures nor sentence marks.
//! The ranges are those of Unicode's properties `Extended_Pictographic`, `Sentence_Terminal` and
//! `Quotation_Mark` (<https://www.unicode.org/Public/UCD/latest/ucd/>), rounded up to whole blocks
//! where the rest of the block is decoration too.

/// Ends a sentence wherever it stands: no word, number or abbreviation contains it.
pub(super) fn is_sure_end(c: char) -> bool {
    // Of Chinese and Japanese, Arabic, Urdu, Hindi, Armenian, Amharic, Khmer and Burmese, in this order.
    matches!(
        c,
        '。' | '！' | '？' | '｡' | '؟' | '۔' | '।' | '॥' | '։' | '።' | '፧' | '។' | '။'
    )
}

/// Ends a sentence only when a space follows: it also stands inside numbers, names and addresses.
pub(super) fn is_spaced_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '‼' | '⁇' | '⁈' | '⁉')
}

/// Ends a sentence, in one way or the other.
pub(super) fn is_end(c: char) -> bool {
    is_sure_end(c) || is_spaced_end(c)
}

/// Ends a clause, so that a voice rests a little.
pub(super) fn is_clause_end(c: char) -> bool {
    matches!(c, ',' | ';' | ':' | '–' | '—')
        || is_wide_clause_end(c)
        || matches!(c, '،' | '؛' | '፣')
}

/// Ends a clause in a script that sets no space after it.
pub(super) fn is_wide_clause_end(c: char) -> bool {
    matches!(c, '，' | '、' | '；' | '：')
}

/// May stand between a sentence's mark and the space after it. Languages disagree on which quotation
/// mark closes (English “x”, German „x“, Danish »x«): directly after a mark any of them does.
pub(super) fn is_closer(c: char) -> bool {
    matches!(
        c,
        ')' | ']' | '}' | '」' | '』' | '】' | '〉' | '》' | '）' | '］'
    ) || is_quote(c)
}

/// May stand before a sentence's first word.
pub(super) fn is_opener(c: char) -> bool {
    matches!(
        c,
        '(' | '[' | '{' | '¿' | '¡' | '「' | '『' | '【' | '〈' | '《' | '（' | '［'
    ) || is_quote(c)
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '‘'..='‟' | '«' | '»' | '‹' | '›')
}

/// Chinese characters and Japanese syllables: written without spaces between sentences.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}')
        || matches!(c, '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Thai, Lao, Burmese and Khmer: written without spaces between words.
pub(super) fn is_south_east_asian(c: char) -> bool {
    matches!(c, '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}')
}

/// Belongs to the letter before it: accents, vowels and tones of the scripts that write them so.
pub(super) fn is_combining(c: char) -> bool {
    let indic = matches!(c, '\u{0900}'..='\u{0D7F}')
        && matches!(u32::from(c) & 0x7F, 0x00..=0x03 | 0x3A..=0x57);
    let south_east_asian = matches!(c, 'ั' | '\u{0E33}'..='\u{0E3A}' | '\u{0E45}'..='\u{0E4E}' | '\u{0EB1}')
        || matches!(c, '\u{0EB3}'..='\u{0EBC}' | '\u{0EC8}'..='\u{0ECD}' | '\u{102B}'..='\u{103E}' | '\u{17B4}'..='\u{17D3}');
    indic
        || south_east_asian
        || is_joiner(c)
        || matches!(c, '\u{0300}'..='\u{036F}' | '\u{FE00}'..='\u{FE0F}')
}

/// A mark before each item of a list, or between the items of a line.
pub(super) fn is_bullet(c: char) -> bool {
    matches!(c, '•' | '‣' | '⁃' | '∙' | '◦' | '▪' | '●' | '○' | '■' | '□')
}

/// Stands between a beginning and an end: "Settings → Network".
pub(super) fn is_arrow(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{21FF}' | '\u{2794}' | '\u{2798}'..='\u{27AF}' | '\u{27B1}'..='\u{27BE}')
        || matches!(c, '\u{27F0}'..='\u{27FF}' | '\u{2900}'..='\u{297F}' | '\u{2B00}'..='\u{2B11}')
}

/// Emoji, dingbats, box drawings, and the private characters in which some models put citations.
/// The signs of music between them, as in "C♯", are words.
pub(super) fn is_pictograph(c: char) -> bool {
    let technical = matches!(c, '⌚' | '⌛' | '⌨' | '⎈' | '⏏' | '⏩'..='⏺');
    let symbol = matches!(c, '\u{2500}'..='\u{27BF}' | '\u{2B12}'..='\u{2BFF}' | '〰' | '〽');
    let music = matches!(c, '♭'..='♯');
    let private = matches!(c, '\u{E000}'..='\u{F8FF}' | '\u{FFFC}' | '\u{FFFD}');
    let emoji = matches!(c, '\u{1F000}'..='\u{1FBFF}' | '\u{1FC00}'..='\u{1FFFD}');
    technical || (symbol && !music) || private || emoji
}

/// Turns the character before it into a picture, as in ❤️ and 1️⃣.
pub(super) const EMOJI_STYLE: char = '\u{FE0F}';

/// The box around a keycap's digit.
pub(super) const KEYCAP: char = '\u{20E3}';

/// Joins letters in Persian and in the scripts of India, and pictures in emoji.
pub(super) fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// Shows nothing and says nothing: controls, widths of zero, writing directions, styles and tags.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        )
        || matches!(c, '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | KEYCAP)
        || matches!(c, '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_signs_of_every_script_are_neither_pictures_nor_marks() {
        for c in "aZ9äßжأקनเ한漢あア¥€₹°%№½²♯♭©™".chars() {
            let odd = is_pictograph(c) || is_arrow(c) || is_bullet(c) || is_invisible(c);
            assert!(
                !odd && !is_end(c) && !is_clause_end(c) && !is_closer(c),
                "{c:?}"
            );
        }
    }

    #[test]
    fn pictures_are_known_at_both_ends_of_their_ranges() {
        for c in "⌚⏩⏺─☀☎✂➿⭐🀀🇦🎉🏽🙂🤖🧑🫠\u{1FBFF}\u{FFFD}".chars()
        {
            assert!(is_pictograph(c), "{c:?}");
        }
        for c in "\u{24FF}\u{27C0}\u{2C00}\u{1EFFF}\u{20000}".chars() {
            assert!(!is_pictograph(c), "{c:?}");
        }
    }
}
