//! Whether a sentence may tell a caller that their message was taken, by the beginnings of words that people use for that
//! in English, German, French, Spanish and Italian.

/// Whether `words` may say that a message was noted or is passed on. Of other sentences few have such words.
pub(crate) fn may_confirm(words: &str) -> bool {
    let words = words.to_lowercase();
    STEMS.iter().any(|stem| words.contains(stem))
}

const STEMS: &[&str] = &[
    "anota",
    "apunta",
    "aufgeschrieben",
    "aufgenommen",
    "mensaje",
    "message",
    "messagg",
    "nachricht",
    "nota",
    "note",
    "noti",
    "noté",
    "pass it",
    "pass on",
    "pass that",
    "pass this",
    "pass your",
    "passed",
    "recado",
    "richte",
    "segnat",
    "transm",
    "vermerk",
    "weitergeb",
    "weitergegeben",
    "weiterleit",
    "written down",
    "wrote",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_known_in_five_languages_and_most_else_is_none() {
        for (words, expected) in [
            ("I have noted it.", true),
            ("I've made a note of that.", true),
            ("Your message has been taken.", true),
            ("I will pass that on to Anna.", true),
            ("Ich habe es notiert.", true),
            ("Ich richte es Anna aus.", true),
            ("Ihre Nachricht ist aufgenommen.", true),
            ("C'est noté.", true),
            ("Je transmets votre demande.", true),
            ("Lo he anotado.", true),
            ("Ho annotato tutto.", true),
            ("Anna is here until five.", false),
            ("Wir haben bis 18 Uhr geöffnet.", false),
            ("Another three minutes.", false),
            ("Il est midi.", false),
            ("", false),
        ] {
            assert_eq!(may_confirm(words), expected, "{words}");
        }
    }
}
