//! Stage directions, which a model writes between its words and no person would read aloud: `*laughs*`, `(pauses)`.
//!
//! What stands in stars or brackets is one only if it is short and begins with a word for what voices and faces do. In
//! stars it may be a word of the sentence: then it stays.

use std::borrow::Cow;

use super::marks::is_unspaced;

/// `text` without the directions in it.
pub(super) fn without_directions(text: &str) -> Cow<'_, str> {
    if !text.contains(OPENERS) {
        return text.into();
    }
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    // The last character of `kept` that is no space.
    let mut before = ' ';
    while let Some(at) = rest.find(OPENERS) {
        kept.push_str(&rest[..at]);
        before = rest[..at].trim_end().chars().next_back().unwrap_or(before);
        rest = &rest[at..];
        if let Some(len) = direction_len(rest, before) {
            rest = joined(&mut kept, before, &rest[len..]);
        } else {
            before = '*';
            let after = rest.trim_start_matches(OPENERS);
            kept.push_str(&rest[..rest.len() - after.len()]);
            rest = after;
        }
    }
    kept.push_str(rest);
    kept.into()
}

/// The part of `rest` that follows `kept`, which ends with `before`, where a direction stood between them: neither spaces
/// nor commas stay twice, nor do two words become one.
fn joined<'a>(kept: &mut String, before: char, rest: &'a str) -> &'a str {
    let mut rest = rest.trim_start_matches(' ');
    if before == ',' {
        rest = rest.trim_start_matches([',', ' ']);
    }
    let is_spaced = |c: char| c.is_alphanumeric() && !is_unspaced(c);
    if kept.ends_with(is_spaced) && rest.starts_with(is_spaced) {
        kept.push(' ');
    }
    if rest.is_empty() || rest.starts_with(['.', ',', '!', '?']) {
        kept.truncate(kept.trim_end_matches(' ').len());
    }
    rest
}

/// The length of the direction that `text` begins with, after the character `before`.
fn direction_len(text: &str, before: char) -> Option<usize> {
    let inner = text.trim_start_matches(OPENERS);
    let opening = &text[..text.len() - inner.len()];
    if opening.chars().count() > MAX_OPENERS {
        return None;
    }
    let mut near = inner.char_indices().take(MAX_CHARS);
    let (end, _) = near.find(|(_, c)| CLOSERS.contains(c) || *c == '\n')?;
    let (words, after) = inner.split_at(end);
    let mirrored = opening.chars().rev().map(closer);
    let mut rest = after;
    for closer in mirrored {
        rest = rest.strip_prefix(closer)?;
    }
    // A link has its text in brackets.
    if opening.contains('[') && rest.starts_with(['(', '[', ':']) {
        return None;
    }
    let has_brackets = opening.contains(['(', '[']);
    let is_inside = before.is_alphanumeric();
    let goes_on = rest.trim_start().starts_with(char::is_alphanumeric);
    let is_listed = before == ':' || before == ',' && !goes_on;
    let is_one = (has_brackets || !is_inside) && is_direction(words, has_brackets, is_inside)
        || has_brackets && is_cue(words, is_inside || is_listed);
    is_one.then(|| text.len() - rest.len())
}

/// Whether these words in brackets ask a voice for a pause or a manner: "short pause", "warmly". Alone, such a word may be
/// a key of the telephone or of a player, where `may_be_key` says that it stands among others.
fn is_cue(words: &str, may_be_key: bool) -> bool {
    let words = words.trim_matches(|c: char| !c.is_alphanumeric());
    let lower = words.to_lowercase();
    let is_in = |list: &str, word: &str| list.split_whitespace().any(|listed| listed == word);
    match lower.split_whitespace().collect::<Vec<_>>()[..] {
        [word] => !may_be_key && is_in(CUES, word),
        [size, word] => is_in(SIZES, size) && is_in(CUES, word),
        _ => false,
    }
}

/// Whether no sentence would have these words there. "Laughing gas" has a noun of the same form, and in stars a capital
/// letter begins a heading or a sentence.
fn is_direction(words: &str, has_brackets: bool, is_inside: bool) -> bool {
    let words = words.trim_matches(|c: char| !c.is_alphanumeric());
    let lower = words.to_lowercase();
    let mut all = lower.split_whitespace();
    let first = all.next().unwrap_or_default();
    let more = all.count();
    if matches!(first, "clears" | "clearing") {
        return lower.ends_with(" throat") && more < MAX_WORDS;
    }
    let is_noun = first.ends_with("ing") || first == "laughter";
    let is_small = words.starts_with(char::is_lowercase);
    let max_more = if is_inside || is_noun {
        0
    } else {
        MAX_WORDS - 1
    };
    DIRECTIONS.split_whitespace().any(|word| word == first)
        && more <= max_more
        && (is_small || has_brackets && !is_noun)
        && !(is_noun && is_inside)
}

fn closer(opener: char) -> char {
    match opener {
        '(' => ')',
        '[' => ']',
        mark => mark,
    }
}

const OPENERS: [char; 4] = ['*', '_', '(', '['];
const CLOSERS: [char; 4] = ['*', '_', ')', ']'];

/// `(**` is the longest beginning.
const MAX_OPENERS: usize = 3;

/// The length in which a direction ends.
const MAX_CHARS: usize = 60;

/// The maximum number of words of a direction: "clears her throat".
const MAX_WORDS: usize = 4;

/// What directions begin with, in the languages of most callers.
const DIRECTIONS: &str = "\
    laughs laughing laughter chuckles chuckling giggles giggling smiles smiling grins grinning sighs sighing pauses \
    pausing nods nodding winks winking shrugs gasps gasping whispers whispering coughs coughing sniffs yawns hums \
    lacht lachend lächelt lächelnd seufzt seufzend kichert räuspert nickt zwinkert flüstert schmunzelt \
    rit rires sourit soupire ríe risas sonríe suspira risate sorride sospira glimlacht zucht sorri";

/// Pauses and manners, and what may stand before these.
const CUES: &str = "\
    pause beat silence break breath sigh laugh chuckle giggle gasp cough whisper warmly softly gently quietly cheerfully \
    excitedly excited happily sadly sarcastically playfully thoughtfully hesitantly calmly seriously slowly \
    pausa silencio silenzio stille schweigen seufzer lachen soupir rire risa risata";
const SIZES: &str = "\
    a short long brief medium slight small light soft deep quick dramatic nervous awkward very \
    kurze lange kleine leichter tiefer courte longue petite breve larga lunga";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_left_out_where_they_are_certain() {
        let table = [
            ("*laughs* Sure.", "Sure."),
            ("(laughs) Sure.", "Sure."),
            ("[sighs] Sure.", "Sure."),
            ("**chuckles softly** Sure.", "Sure."),
            ("*(pauses)* Sure.", "Sure."),
            ("_smiles_ Sure.", "Sure."),
            ("(Lacht.) Gern.", "Gern."),
            ("*clears throat* Hm.", "Hm."),
            ("Sure (laughs).", "Sure."),
            ("Sure. *winks*", "Sure."),
            ("Well, *sighs*, no.", "Well, no."),
            ("She *smiles* at you.", "She *smiles* at you."),
            ("She (smiles) at you.", "She at you."),
            ("*Important* news.", "*Important* news."),
            ("**Sore throat** passes.", "**Sore throat** passes."),
            (
                "Angina (severe sore throat).",
                "Angina (severe sore throat).",
            ),
            ("**Coughing** spreads germs.", "**Coughing** spreads germs."),
            ("**Yawns** are contagious.", "**Yawns** are contagious."),
            (
                "Nitrous oxide (laughing gas).",
                "Nitrous oxide (laughing gas).",
            ),
            ("Signs (coughing and fever).", "Signs (coughing and fever)."),
            ("Providence (RI) is small.", "Providence (RI) is small."),
            ("Tram 4 (ride three stops).", "Tram 4 (ride three stops)."),
            (
                "Press once (pauses the music).",
                "Press once (pauses the music).",
            ),
            (
                "[Laughter](https://x.example)",
                "[Laughter](https://x.example)",
            ),
            ("[sighs] [1]", "[1]"),
            ("Well(laughs)no. (lau(laughs)ghs)", "Well no. (lau ghs)"),
            (
                "(laughs at the joke of the day) No.",
                "(laughs at the joke of the day) No.",
            ),
            ("Press (pause) now.", "Press (pause) now."),
            ("[pause] Sure.", "Sure."),
            ("Well, [short pause] yes.", "Well, yes."),
            ("So [Long pause] yes. [beat]", "So yes."),
            ("(pause) Sure. [warmly] Of course.", "Sure. Of course."),
            ("[kurze Pause] Ja.", "Ja."),
            ("Press [pause] now.", "Press [pause] now."),
            (
                "Keys: [play], [pause], [break].",
                "Keys: [play], [pause], [break].",
            ),
            ("Keys: [pause] or [play].", "Keys: [pause] or [play]."),
            ("[a break in the wall]", "[a break in the wall]"),
            ("*pause* the music", "*pause* the music"),
            ("[pause](https://x.example)", "[pause](https://x.example)"),
            ("[pause] [[goodbye]] [1]", "[[goodbye]] [1]"),
            ("3 * 4 (twelve)", "3 * 4 (twelve)"),
            ("*laughs", "*laughs"),
            ("(laughs\n) no", "(laughs\n) no"),
            ("****laughs**** no", "****laughs**** no"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(without_directions(text), expected, "{text}");
        }
    }

    #[test]
    fn it_takes_no_more_than_linear_time() {
        let spaces = format!("{}{}", " ".repeat(100_000), "(laughs)".repeat(20_000));
        assert_eq!(without_directions(&spaces), "");
        for pattern in ["*", "(", "*laughs ", "(laughs ", "(laughs) ", "_a"] {
            let text = crate::text::endless(pattern);
            assert!(without_directions(&text).len() <= text.len());
        }
    }
}
