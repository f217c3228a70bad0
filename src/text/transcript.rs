//! Transcripts of silence and noise, which some recognizers describe: "[BLANK_AUDIO]", "(music)", "♪".

use super::marks::is_unspaced;

/// Whether `transcript` holds words: a letter or digit stands outside of brackets and stars.
pub(crate) fn has_words(transcript: &str) -> bool {
    let mut words = String::new();
    let mut missing = Vec::new();
    let mut rest = transcript;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let pair = ENDS.iter().find(|(begin, _)| *begin == c);
        match pair.filter(|pair| !missing.contains(*pair)) {
            Some(pair) => match rest.split_once(pair.1) {
                Some((_, after)) => rest = after,
                None => missing.push(*pair),
            },
            None if c == ']' && is_name_of_sound(&words) => words.clear(),
            None => words.push(c),
        }
        // What is not closed is more likely to be a question that has a bracket in front.
        if pair.is_some_and(|pair| missing.contains(pair)) && is_name_of_sound(rest) {
            break;
        }
    }
    words.split_whitespace().any(is_word)
}

/// Whether `words` are few enough to be the name of a sound of which a bracket is missing.
fn is_name_of_sound(words: &str) -> bool {
    let unspaced = || words.chars().filter(|c| is_unspaced(*c)).count();
    words.len() <= LONGEST_NAME
        && words.split_whitespace().count() <= MAX_WORDS
        && unspaced() <= MAX_UNSPACED
}

/// Whether this is no sign and no token of silence, such as `BLANK_AUDIO` or `_silence_`.
fn is_word(word: &str) -> bool {
    let is_edged = word.starts_with('_') || word.ends_with('_');
    let is_token = is_edged || word.contains('_') && !word.contains(char::is_lowercase);
    !is_token && word.contains(|c: char| c.is_alphanumeric() && !is_modifier(c))
}

/// Whether `c` only changes the letter before it, or repeats it: the long mark of Japanese, and small raised letters.
fn is_modifier(c: char) -> bool {
    matches!(
        c,
        'ー' | 'ｰ' | '々' | 'ゝ' | 'ゞ' | 'ヽ' | 'ヾ' | '\u{2B0}'..='\u{2FF}'
    )
}

/// The most that the name of a sound has, in bytes, in words, and in letters of a script that has no spaces.
const LONGEST_NAME: usize = 60;
const MAX_WORDS: usize = 2;
const MAX_UNSPACED: usize = 6;

/// What begins the name of a sound, and what ends it.
// Whisper's servers write silence and sounds so (https://github.com/ggml-org/whisper.cpp/issues/1724). A question to
// the model about "[BLANK_AUDIO]" would be paid for and answered.
// Quotation marks, 「」 and «», are not among these: recognizers set them around what is said too.
const ENDS: &[(char, char)] = &[
    ('[', ']'),
    ('(', ')'),
    ('（', '）'),
    ('【', '】'),
    ('［', '］'),
    ('{', '}'),
    ('<', '>'),
    ('*', '*'),
    ('♪', '♪'),
    ('♫', '♫'),
    ('♬', '♬'),
    ('🎵', '🎵'),
    ('🎶', '🎶'),
    ('〔', '〕'),
    ('〈', '〉'),
    ('《', '》'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_and_signs_are_no_words() {
        for transcript in [
            "",
            " ",
            ".",
            "...",
            "…",
            "-",
            "?!",
            "♪",
            "♪♪",
            "♪ la la ♪",
            "[BLANK_AUDIO]",
            " [ Silence ] ",
            "(silence)",
            "(beeping) [noise].",
            "*cough*",
            "[Music",
            "（音楽）",
            "【拍手】",
            "<|nospeech|>",
            "{hum}",
            "[Music playing",
            "（音楽",
            "Music]",
            "[Music] (door",
            "〔笑〕",
            "〈音楽〉",
            "《拍手》",
            "🎵 la la la 🎵",
            "_silence_",
            "_door_ _closes_",
            "BLANK_AUDIO",
            "ーーー",
            "ー、々。",
        ] {
            assert!(!has_words(transcript), "{transcript:?}");
        }
        for transcript in [
            "Yes",
            "5",
            "好",
            "(laughs) Yes.",
            "Call (555) 010",
            "♪ la ♪ Hello",
            "3 * 4",
            "¿Qué?",
            "नहीं",
            "(uh what is the capital of France",
            "♪ What is the capital of France?",
            "* what is it",
            "< what is it",
            "（今日の天気は何ですか",
            "((((what is it",
            "What is it] please",
            "Yes :)",
            "えー",
            "max_muster",
            "「はい」",
            "« Oui »",
            "[Music] yes (door",
        ] {
            assert!(has_words(transcript), "{transcript:?}");
        }
    }

    #[test]
    fn hostile_transcripts_take_no_more_than_linear_time() {
        for pattern in ["(", "( ", "([{<*", "]", "] ", "♪", "(a", "_"] {
            has_words(&crate::text::endless(pattern));
        }
    }
}
