//! Transcripts of silence and noise, which some recognizers describe: "[BLANK_AUDIO]", "(music)", "♪".

/// Whether `transcript` holds words: a letter or digit stands outside of brackets and stars.
pub(crate) fn has_words(transcript: &str) -> bool {
    let mut end = None;
    let mut has_words = false;
    for c in transcript.chars() {
        if end.is_some() {
            end = end.filter(|&end| end != c);
            continue;
        }
        end = ENDS
            .iter()
            .find(|(begin, _)| *begin == c)
            .map(|(_, end)| *end);
        has_words |= c.is_alphanumeric();
    }
    has_words
}

/// What begins the name of a sound, and what ends it.
// Whisper's servers write silence and sounds so (https://github.com/ggml-org/whisper.cpp/issues/1724). A question to
// the model about "[BLANK_AUDIO]" would be paid for and answered.
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
        ] {
            assert!(has_words(transcript), "{transcript:?}");
        }
    }
}
