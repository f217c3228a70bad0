//! Back-channels: what a listener says to show that they follow, and not to take the turn: "mm-hm", "okay".
//!
//! The rows hold whole utterances of people on the telephone. What may also be an answer, such as "yes", is a
//! back-channel only where nothing was asked, which is for the caller of [`is_back_channel`] to know. "No", "wait" and
//! "stop" are none.

use super::marks::is_combining;
use crate::sys::language;

/// Whether `words` are nothing but back-channels in one of `languages`, which are tags such as `de-CH`. In languages
/// without a row only sounds count that most languages share.
pub(crate) fn is_back_channel<'a>(
    words: &str,
    languages: impl IntoIterator<Item = &'a str>,
) -> bool {
    let words: String = words.to_lowercase().chars().filter_map(plain).collect();
    let is_gap = |c: char| !c.is_alphanumeric() && c != '\'';
    let words: Vec<_> = words
        .split(is_gap)
        .filter(|word| !word.is_empty())
        .collect();
    let known: Vec<_> = languages.into_iter().map(row).collect();
    let is_known = |phrase: &str| {
        let mut rows = known.iter().chain([&ANYWHERE]);
        rows.any(|row| row.split(", ").any(|known| known == phrase))
    };
    let mut rest = &words[..];
    let mut phrases = 0;
    while !rest.is_empty() {
        let longest = rest.len().min(LONGEST_PHRASE);
        let mut lens = (1..=longest).rev();
        let Some(len) = lens.find(|&len| is_known(&rest[..len].join(" "))) else {
            return false;
        };
        rest = &rest[len..];
        phrases += 1;
    }
    (1..=MAX_PHRASES).contains(&phrases)
}

/// A letter without its accent, and an apostrophe as it is typed; `None` for an accent that stands behind its letter.
fn plain(c: char) -> Option<char> {
    Some(match c {
        'à' | 'á' | 'â' | 'ä' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' => 'e',
        'ì' | 'í' => 'i',
        'ò' | 'ó' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        '’' | 'ʼ' => '\'',
        c if is_combining(c) => return None,
        c => c,
    })
}

/// The row of a language; empty where there is none.
fn row(language: &str) -> &'static str {
    let mut rows = ROWS.iter();
    let found = rows.find(|(known, _)| language::is_same(known, language));
    found.map_or("", |(_, row)| row)
}

/// A longer utterance says more than that its speaker follows.
const MAX_PHRASES: usize = 4;
/// In words.
const LONGEST_PHRASE: usize = 3;

// Without accents. Recognizers write the same sound in many ways, and hyphens count as spaces here.
const ANYWHERE: &str = "mm, mmm, mhm, mhmm, m hm, mm hm, mm hmm, mmhm, mmhmm, hm, hmm, hmmm, h, uh huh, aha, ah, oh, ok, okay, o k";

const ROWS: &[(&str, &str)] = &[
    (
        "en",
        "yes, yeah, yep, yup, right, all right, alright, sure, i see, i understand, got it, good, great, fine, nice, cool, perfect, exactly, absolutely, of course, really, indeed, true, wow, oh really, interesting, understood, that's right, that's true, makes sense, sounds good, um, uh, er, ahem, thanks, thank you",
    ),
    (
        "de",
        "ja, jaja, jo, jep, jawohl, genau, gut, sehr gut, alles klar, klar, ja klar, sicher, absolut, passt, stimmt, richtig, verstehe, ich verstehe, verstanden, ach so, achso, aha so, ach, soso, so so, na gut, gern, gerne, prima, super, schon, toll, naturlich, in ordnung, echt, wirklich, interessant, ah, ahm, oh, danke, hm ja",
    ),
    (
        "fr",
        "oui, ouais, mouais, d'accord, bien, tres bien, ca marche, je vois, je comprends, compris, exact, exactement, absolument, effectivement, tout a fait, c'est ca, c'est bon, voila, bon, ah bon, bien sur, parfait, super, entendu, vraiment, interessant, euh, hein, hum, heu, mh, mmh, merci",
    ),
    (
        "es",
        "si, ya, ya veo, claro, claro que si, vale, listo, dale, cierto, seguro, bien, muy bien, bueno, de acuerdo, entiendo, entendido, comprendo, exacto, exactamente, eso, eso es, asi es, aja, ah ya, perfecto, genial, correcto, por supuesto, de verdad, interesante, eh, em, gracias",
    ),
    (
        "it",
        "si, certo, bene, va bene, molto bene, benissimo, d'accordo, capisco, ho capito, capito, esatto, esattamente, giusto, vero, infatti, assolutamente, ecco, gia, ah si, ah ecco, perfetto, ottimo, chiaro, certamente, davvero, interessante, eh, ehm, uhm, grazie",
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
                "That’s right.",
                "Mm-hmm, mm-hmm, yeah.",
                "I understand.",
                "Sounds good.",
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
                "A\u{308}hm.",
                "Natürlich.",
                "Ja klar, passt.",
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
                "Bien su\u{302}r.",
                "Tout à fait, tout à fait.",
                "Ça marche, c’est bon.",
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
                "Claro que sí, claro que sí.",
                "Así es.",
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
                "Gia\u{300}.",
                "Infatti, molto bene.",
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
    fn rows_are_written_as_they_are_compared() {
        for (language, row) in ROWS {
            let compared: String = row.to_lowercase().chars().filter_map(plain).collect();
            assert_eq!(compared, *row, "{language}");
            let words = row.split(", ").map(|phrase| phrase.split(' ').count());
            assert!(words.max() <= Some(LONGEST_PHRASE), "{language}");
        }
    }

    #[test]
    fn callers_of_several_languages_may_follow_in_each_of_them() {
        assert!(is_back_channel("Ja, okay.", ["en-US", "de"]));
        assert!(is_back_channel("Yeah.", ["de", "EN-gb"]));
        assert!(!is_back_channel("Oui.", ["en-US", "de"]));
    }
}
