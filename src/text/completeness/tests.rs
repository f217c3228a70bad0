//! Utterances that are finished and others that are not, in the languages that have a table.

use super::*;

/// A language, whether the words are finished, and the words.
const UTTERANCES: &str = include_str!("../../../tests/data/completeness.tsv");
/// The same, of which the rules know nothing.
const HELD_OUT: &str = include_str!("../../../tests/data/completeness-held-out.tsv");

fn judge(tag: &str, words: &str) -> Completeness {
    completeness(words, [tag].into_iter())
}

/// The verdicts on the utterances of a language that are finished, or on those that are not.
fn verdicts<'r>(rows: &'r str, tag: &str, kind: &str) -> Vec<(&'r str, Completeness)> {
    let rows = rows.lines().filter_map(|row| row.split_once('\t'));
    let rows = rows.filter(|(language, _)| *language == tag);
    let rows = rows.filter_map(|(_, row)| row.split_once('\t'));
    let rows = rows.filter(|(kind_of_row, _)| *kind_of_row == kind);
    rows.map(|(_, words)| (words, judge(tag, words))).collect()
}

/// The utterances with this verdict.
fn are<'r>(rows: &[(&'r str, Completeness)], told: Completeness) -> Vec<&'r str> {
    let rows = rows.iter().filter(|(_, verdict)| *verdict == told);
    rows.map(|(words, _)| *words).collect()
}

#[test]
fn no_finished_utterance_is_waited_for_and_nearly_all_unfinished_ones_are() {
    for Language { tag, .. } in LANGUAGES.iter() {
        let [finished, unfinished] =
            ["finished", "unfinished"].map(|kind| verdicts(UTTERANCES, tag, kind));
        assert!(finished.len() + unfinished.len() >= 80, "{tag}");
        let soon = are(&finished, Completeness::Finished).len();
        let early = are(&unfinished, Completeness::Unknown);
        assert_eq!(are(&finished, Completeness::Unfinished), [""; 0], "{tag}");
        assert_eq!(are(&unfinished, Completeness::Finished), [""; 0], "{tag}");
        assert!(early.len() * 20 <= unfinished.len(), "{tag}: {early:?}");
        // The others are no questions.
        assert!(soon * 5 >= finished.len() * 4, "{tag}: {soon}");
    }
}

#[test]
fn what_the_rules_do_not_know_is_judged_nearly_as_well() {
    let all = |kind: &str| {
        let of = |language: &Language| verdicts(HELD_OUT, language.tag, kind);
        LANGUAGES.iter().flat_map(of).collect::<Vec<_>>()
    };
    let (finished, unfinished) = (all("finished"), all("unfinished"));
    let percent = |rows: &[(&str, Completeness)], told: Completeness| {
        are(rows, told).len() * 100 / rows.len()
    };
    assert!(percent(&finished, Completeness::Finished) >= 85);
    assert!(percent(&finished, Completeness::Unfinished) <= 3);
    assert!(percent(&unfinished, Completeness::Finished) <= 3);
    assert!(percent(&unfinished, Completeness::Unfinished) >= 80);
}

#[test]
fn a_question_mark_is_a_hint_only() {
    use Completeness::{Finished, Unfinished, Unknown};
    for (language, words, expected) in [
        ("fr", "La piscine est ouverte ?", Finished),
        ("fr", "La piscine est ouverte.", Unknown),
        ("fr", "La piscine est ?", Unfinished),
        ("fr", "La piscine ?", Unknown),
        // None of its words is known to be of this language.
        ("fr", "Haben Sie noch Karten?", Unknown),
    ] {
        assert_eq!(judge(language, words), expected, "{words}");
    }
}

#[test]
fn punctuation_decides_nothing_but_where_a_voice_breaks_off() {
    use Completeness::{Finished, Unfinished, Unknown};
    for (words, expected) in [
        ("When do you close", Finished),
        ("when do you close.", Finished),
        ("When do you close?", Finished),
        ("When do you close...", Unfinished),
        ("When do you close…", Unfinished),
        ("When do you close —", Unfinished),
        ("What is the?", Unfinished),
        ("I know. When do you close.", Finished),
        ("When do you close. I am in town.", Unknown),
        ("I’d like", Unfinished),
        ("Mm-hm.", Finished),
        ("Hm.", Unfinished),
        ("", Unknown),
        ("...", Unknown),
        ("?!", Unknown),
        ("5", Unknown),
    ] {
        assert_eq!(judge("en-GB", words), expected, "{words}");
    }
}

#[test]
fn other_languages_tell_nothing_and_several_only_what_none_denies() {
    use Completeness::{Finished, Unfinished, Unknown};
    let table: &[(&[&str], &str, Completeness)] = &[
        (&["sv-SE"], "How far is it?", Unknown),
        (&[], "How far is it?", Unknown),
        (&["en-US"], "How far is it?", Finished),
        (&["EN_us"], "How far is it?", Finished),
        (&["de-DE", "en-US"], "How far is it?", Finished),
        (&["sv-SE", "en-US"], "How far is it?", Finished),
        (&["de-DE", "en-US"], "Where do old people die?", Unknown),
        (&["en-US"], "Where do old people die?", Finished),
        (&["de-DE", "fr-FR"], "Mein Name ist", Unfinished),
    ];
    for (languages, words, expected) in table {
        let told = completeness(words, languages.iter().copied());
        assert_eq!(told, *expected, "{words} {languages:?}");
    }
}

#[test]
fn whatever_comes_is_judged() {
    for words in [
        "'",
        "' ' '",
        "a",
        "ß ﬀ",
        ":::",
        "0:0",
        "-'-",
        "l'",
        "１２３",
        "好",
    ] {
        for Language { tag, .. } in LANGUAGES.iter() {
            judge(tag, words);
            judge(tag, &words.repeat(500));
        }
    }
}
