//! Back-channels: what a listener says to show that they follow, and not to take the turn: "mm-hm", "okay".
//!
//! The rows hold whole utterances of people on the telephone. What may also be an answer, such as "yes", is a
//! back-channel only where nothing was asked, which is for the caller of [`is_back_channel`] to know. "No", "wait" and
//! "stop" are none.

use crate::sys::language;

/// Whether `words` are nothing but back-channels in one of `languages`, which are tags such as `de-CH`. In languages
/// without a row only sounds count that most languages share.
pub(crate) fn is_back_channel<'a>(
    words: &str,
    languages: impl IntoIterator<Item = &'a str>,
) -> bool {
    let words = words.to_lowercase();
    let is_gap = |c: char| !c.is_alphanumeric() && c != '\'' && c != '’';
    let words: Vec<_> = words
        .split(is_gap)
        .filter(|word| !word.is_empty())
        .collect();
    let known: Vec<_> = languages.into_iter().map(row).collect();
    let is_known = |phrase: &str| {
        let mut rows = known.iter().chain([&ANYWHERE]);
        rows.any(|row| row.split(", ").any(|known| known == phrase))
    };
    if words.is_empty() || words.len() > MAX_WORDS {
        return false;
    }
    let mut rest = &words[..];
    while !rest.is_empty() {
        let Some(len) = (1..=rest.len())
            .rev()
            .find(|&len| is_known(&rest[..len].join(" ")))
        else {
            return false;
        };
        rest = &rest[len..];
    }
    true
}

/// The row of a language; empty where there is none.
fn row(language: &str) -> &'static str {
    let mut rows = ROWS.iter();
    let found = rows.find(|(known, _)| language::is_same(known, language));
    found.map_or("", |(_, row)| row)
}

/// A longer utterance says more than that its speaker follows.
const MAX_WORDS: usize = 4;

// Recognizers write the same sound in many ways, and hyphens count as spaces here.
const ANYWHERE: &str = "mm, mmm, mhm, mhmm, m hm, mm hm, mm hmm, mmhm, mmhmm, hm, hmm, hmmm, h, uh huh, aha, ah, oh, ok, okay, o k";

const ROWS: &[(&str, &str)] = &[
    (
        "en",
        "yes, yeah, yep, yup, right, all right, alright, sure, i see, got it, good, great, fine, nice, cool, perfect, exactly, of course, really, wow, oh really, interesting, understood, that's right, makes sense, um, uh, er, ahem, thanks, thank you",
    ),
    (
        "de",
        "ja, jaja, jo, jawohl, genau, gut, sehr gut, alles klar, klar, stimmt, richtig, verstehe, ich verstehe, verstanden, ach so, achso, aha so, ach, soso, so so, na gut, gern, gerne, prima, super, schön, toll, natürlich, in ordnung, echt, wirklich, interessant, äh, ähm, öh, danke, hm ja",
    ),
    (
        "fr",
        "oui, ouais, mouais, d'accord, d’accord, bien, très bien, ça marche, je vois, je comprends, compris, exact, exactement, tout à fait, c'est ça, c’est ça, voilà, bon, ah bon, bien sûr, parfait, super, entendu, vraiment, intéressant, euh, hein, hum, heu, merci",
    ),
    (
        "es",
        "sí, si, ya, ya veo, claro, claro que sí, vale, bien, muy bien, bueno, de acuerdo, entiendo, entendido, comprendo, exacto, exactamente, eso, eso es, así es, ajá, aja, ah ya, perfecto, genial, correcto, por supuesto, de verdad, interesante, eh, em, gracias",
    ),
    (
        "it",
        "sì, si, certo, bene, va bene, d'accordo, d’accordo, capisco, ho capito, capito, esatto, esattamente, giusto, ecco, già, ah sì, ah ecco, perfetto, ottimo, chiaro, certamente, davvero, interessante, eh, ehm, uhm, grazie",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A language, what shows that a speaker of it follows, and what wants the turn.
    const TABLE: &[(&str, &[&str], &[&str])] = &[
        (
            "en-US",
            &[
                "Mm-hm.",
                "Mhm",
                "Uh-huh.",
                "Yes.",
                "Yeah, yeah.",
                "Okay!",
                "OK, right.",
                "I see.",
                "Oh, I see.",
                "All right, got it.",
                "Hmm...",
                "That's right.",
                "Yes, of course.",
            ],
            &[
                "",
                "…",
                "No.",
                "Stop.",
                "Wait.",
                "Yes, but how much?",
                "Okay, and tomorrow?",
                "Right now",
                "What?",
                "Hello?",
                "Yes yes yes yes yes",
                "I see a problem",
                "Good morning",
                "Goodbye.",
                "Two.",
                "Thank you, bye.",
                "Ja.",
            ],
        ),
        (
            "de-DE",
            &[
                "Ja.",
                "Ja, ja.",
                "Mhm.",
                "Ach so.",
                "Genau!",
                "Okay, gut.",
                "Alles klar.",
                "Ja, verstehe.",
            ],
            &[
                "Nein.",
                "Ja, aber wann?",
                "Moment.",
                "Halt.",
                "Gut, und morgen?",
                "Wie bitte?",
            ],
        ),
        (
            "fr-FR",
            &[
                "Oui.",
                "D'accord.",
                "D’accord.",
                "Ah bon ?",
                "Oui, je vois.",
                "Très bien.",
                "Ah, OK.",
            ],
            &[
                "Non.",
                "Oui, mais quand ?",
                "Attendez.",
                "Pardon ?",
                "Bonjour.",
            ],
        ),
        (
            "es-ES",
            &[
                "Sí.",
                "Sí, sí.",
                "Vale.",
                "Ajá.",
                "Claro que sí.",
                "Ya veo.",
                "Muy bien, gracias.",
            ],
            &[
                "No.",
                "Sí, pero ¿cuándo?",
                "Espere.",
                "¿Cómo?",
                "Buenos días.",
            ],
        ),
        (
            "it-IT",
            &[
                "Sì.",
                "Va bene.",
                "Ho capito.",
                "Certo, certo.",
                "D'accordo.",
                "Ah, ecco.",
            ],
            &["No.", "Sì, ma quando?", "Aspetti.", "Come?", "Pronto?"],
        ),
        ("pl-PL", &["Mhm.", "Aha, okay."], &["Tak.", "Nie."]),
    ];

    #[test]
    fn who_shows_that_they_follow_is_told_from_who_wants_the_turn() {
        for (language, follows, wants) in TABLE {
            for words in *follows {
                assert!(is_back_channel(words, [*language]), "{language}: {words}");
            }
            for words in *wants {
                assert!(!is_back_channel(words, [*language]), "{language}: {words}");
            }
        }
    }

    #[test]
    fn callers_of_several_languages_may_follow_in_each_of_them() {
        assert!(is_back_channel("Ja, okay.", ["en-US", "de"]));
        assert!(is_back_channel("Yeah.", ["de", "EN-gb"]));
        assert!(!is_back_channel("Oui.", ["en-US", "de"]));
    }
}
