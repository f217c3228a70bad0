//! Where a sentence ends, in any language, without a dictionary.
//!
//! Unicode's rules (<https://www.unicode.org/reports/tr29/#Sentence_Boundaries>) know no abbreviations and
//! decide without looking far ahead. Here a stop that may be an abbreviation's, an initial's or an
//! ordinal's does not end a sentence: two sentences said in one breath disturb less than one torn apart.

use super::marks::{is_closer, is_end, is_opener, is_sure_end, is_unspaced};

/// The sentences of `text` with the space after them: put together they are `text`.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = end_of_sentence(rest).unwrap_or(rest.len());
        let (sentence, after) = rest.split_at(end);
        rest = after;
        (!sentence.is_empty()).then_some(sentence)
    })
}

/// The length in bytes of the first sentence and the space after it, once it has certainly ended.
///
/// `text` may still be growing: whatever is added to it, the answer stays. So there is none while the
/// sentence is the last, and none while the word after it is too short to tell an ordinal from a number.
pub(crate) fn end_of_sentence(text: &str) -> Option<usize> {
    let mut from = text.len() - text.trim_start().len();
    loop {
        let mark = from + text[from..].find(|c| is_end(c) || is_line_end(c))?;
        let stop = Stop::at(text, mark);
        match stop.verdict() {
            Verdict::End => return Some(stop.next),
            Verdict::Inside => from = stop.after,
            Verdict::Unknown => return None,
        }
    }
}

/// What a mark is to the sentence it stands in.
enum Verdict {
    End,
    Inside,
    /// Too little follows to tell.
    Unknown,
}

/// A mark or a run of them, with its surroundings.
struct Stop<'a> {
    /// The sentence up to the mark.
    before: &'a str,
    /// The marks and what closes after them.
    marks: &'a str,
    /// The space after that.
    space: &'a str,
    /// What follows.
    rest: &'a str,
    /// Where the space begins, and where it ends.
    after: usize,
    next: usize,
}

impl<'a> Stop<'a> {
    fn at(text: &'a str, mark: usize) -> Self {
        let (before, tail) = text.split_at(mark);
        let closers = tail.trim_start_matches(is_end);
        let is_sure = tail[..tail.len() - closers.len()].contains(is_sure_end);
        // No space separates 你好。“再见。” so its second mark opens, whereas „Hallo.“ closes with the same one.
        let rest =
            closers.trim_start_matches(|c| is_closer(c) && !(is_sure && matches!(c, '“' | '‘')));
        let (marks, tail) = tail.split_at(tail.len() - rest.len());
        let rest = tail.trim_start();
        let space = &tail[..tail.len() - rest.len()];
        let after = mark + marks.len();
        Self {
            before,
            marks,
            space,
            rest,
            after,
            next: after + space.len(),
        }
    }

    fn verdict(&self) -> Verdict {
        let mut words = self.rest.trim_start_matches(is_opener).chars();
        let Some(first) = self.rest.chars().next() else {
            return Verdict::Unknown;
        };
        if self.space.contains(is_line_end) || self.marks.contains(is_sure_end) {
            return Verdict::End;
        }
        if self.space.is_empty() {
            let ends = is_unspaced(first) && !self.marks.starts_with(['.', '…']);
            return if ends { Verdict::End } else { Verdict::Inside };
        }
        match words.next() {
            None => Verdict::Unknown,
            // A small letter tells of an abbreviation in every language, also of those that no list here has.
            Some(c) if c.is_lowercase() => Verdict::Inside,
            Some(c) if self.marks.trim_end_matches(is_closer) == "." => {
                self.verdict_on_full_stop(c)
            }
            Some(_) => Verdict::End,
        }
    }

    /// Judges a single full stop, perhaps within brackets, and a space before `next`, which is not a small letter.
    fn verdict_on_full_stop(&self, next: char) -> Verdict {
        let word = self
            .before
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default()
            .trim_start_matches(is_opener);
        // Ordinals and items have up to three digits; a year, which may end a sentence, has four.
        let number = word.len() < 4 && !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        if number {
            return self.verdict_on_number(word);
        }
        let word = word.to_lowercase();
        let abbreviated = is_initials(&word) || lists(ABBREVIATIONS, &word);
        if abbreviated || (next.is_numeric() && lists(BEFORE_NUMBERS, &word)) {
            return Verdict::Inside;
        }
        Verdict::End
    }

    /// Judges the stop after `number`: an item's, an ordinal's as in "am 3. Mai", or a sentence's.
    fn verdict_on_number(&self, number: &str) -> Verdict {
        let before = self.before[..self.before.len() - number.len()].trim_end();
        let previous = before
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default();
        let word_len = self
            .rest
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(self.rest.len());
        match &self.rest[..word_len] {
            _ if previous.is_empty() || lists(BEFORE_ORDINALS, &previous.to_lowercase()) => {
                Verdict::Inside
            }
            month if lists(MONTHS, month) => Verdict::Inside,
            _ if word_len == self.rest.len() => Verdict::Unknown,
            _ => Verdict::End,
        }
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Single letters with stops between them: "J", "z.b", "u.s". The hours of the day may end a sentence.
fn is_initials(word: &str) -> bool {
    let is_letter = |part: &str| part.chars().count() == 1 && part.chars().all(may_be_initial);
    !matches!(word, "a.m" | "p.m") && word.split('.').all(is_letter)
}

/// Whether a single letter may be an initial. In scripts with syllables or whole words for letters it is a word: "네."
/// is a sentence.
fn may_be_initial(c: char) -> bool {
    c.is_lowercase() || matches!(c, '\u{0590}'..='\u{06FF}')
}

fn lists(list: &str, word: &str) -> bool {
    list.split(' ').any(|listed| listed == word)
}

/// What stands before a name or goes on with a capital letter, in the languages that our speech services
/// abbreviate: English, German, Dutch, French, Italian, Spanish, Polish, Russian and Hindi.
const ABBREVIATIONS: &str = "dr mr mrs ms mx messrs prof rev hon gen sen rep gov capt lt col sgt maj \
    st mt ft vs cf viz ca approx incl resp hr fr frl dipl ing bzw bspw vgl ggf evtl inkl exkl zzgl sog \
    dhr mevr bijv mme mlle mgr sig dott sr sra srta dra ud uds np им ул г-н डॉ";

/// What is an abbreviation before a number only: "No. 5", but "No. I do not".
const BEFORE_NUMBERS: &str = "no nos nr art abs fig vol ch sec pp tel ext apt str bd kap max min \
    jan feb mar apr jun jul aug sep sept oct nov dec";

/// German words before an ordinal, which is written as a number with a full stop: "im 19. Jahrhundert".
const BEFORE_ORDINALS: &str =
    "der die das dem den des im vom zum zur beim ab jeder jede jedes jeden";

/// German months, which follow an ordinal: "Montag, 3. Mai".
const MONTHS: &str = "Januar Jänner Februar Feber März April Mai Juni Juli August September Oktober \
    November Dezember";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::endless;
    use super::*;

    /// Checks the sentences of each case, which is a text whose sentences are separated by `|`.
    fn assert_parts(cases: &[&str]) {
        for case in cases {
            let text = case.replace('|', "");
            let parts: Vec<_> = sentences(&text).collect();
            assert_eq!(parts.join("|"), *case);
        }
    }

    #[test]
    fn a_sentence_ends_at_its_mark_and_takes_the_space_after_it() {
        assert_parts(&[
            "",
            " ",
            "...",
            "One",
            "One.",
            "One. |Two! |Three? |Four",
            "  One.  |Two. ",
            "Really?! |Yes!!! |Well... |Good… |Fine.",
            "She said \"Stop.\" |He did. |(It was late.) |Then",
            "\"Stop!\" she said. |\"Why?\" |‘Because.’ |¿Qué? |¡Vale! |«Non.» |„Ja.“ |Doch.",
            "It is 5. |It is 1984. |She is 30. |They left.",
            "We open at 9 a.m. |You can call at 5:30. |Bring $5. |Bye.",
        ]);
    }

    #[test]
    fn a_mark_inside_a_word_or_number_ends_nothing() {
        assert_parts(&[
            "It is 3.5 or 1.000,50 at 17.30 or v2.0.1 now. |Yes.",
            "See example.com or www.a.de/?b=c. |Mail a.b@c.org!",
            "Use Node.js, e.g. this, i.e. that, etc. and so on.",
            "Open 9 a.m. to 5 p.m. every day.",
            "Well... maybe. |Hm… yes. |Yahoo! is a name.",
        ]);
    }

    #[test]
    fn an_abbreviation_an_initial_or_an_ordinal_ends_nothing() {
        assert_parts(&[
            "Dr. Smith met Mr. and Mrs. Jones in St. Louis. |Good.",
            "J. R. R. Tolkien and C.S. Lewis wrote. |The U.S. Army did not.",
            "Cities, e.g. Paris (i.e. The City), vs. Rome, cost approx. 5. |No. |No. 5 is Fig. 3.",
            "Städte wie z. B. Berlin, d. h. Orte, u. a. Bonn, z.B. Köln, ca. 3 bzw. Vier.",
            "Wir sehen uns am 3. Mai. |Montag, 24. Dezember. |Im 19. Jahrhundert. |Es sind 3. |Gut.",
            "1. Boil water. |2. Add salt.",
            "El Sr. García y la Dra. López. |М. Горький, т. е. Пешков. |د. أحمد هنا. |نعم.",
        ]);
    }

    #[test]
    fn every_script_has_its_marks() {
        assert_parts(&[
            "你好。|再见！|真的吗？！|好",
            "你好!|再见?|是",
            "他说：“你好。”|“再见。”|走了……再来。",
            "「行く。」|はい。|そうです",
            "नमस्ते। |कैसे हैं।|ठीक॥",
            "كيف حالك؟ |بخير. |شكرا",
            "Привет. |Как дела? |Хорошо.",
            "네. |알겠습니다. |감사합니다.",
            "สวัสดีครับ ผมชื่อสมชาย ยินดีที่ได้รู้จัก",
        ]);
    }

    #[test]
    fn a_new_line_ends_a_sentence() {
        assert_parts(&["One\n|Two\r\n|Three\n\n|Four", "\nOne  \n |Dr.\n|Two\n"]);
    }

    #[test]
    fn a_sentence_that_may_go_on_has_no_end_yet() {
        for text in [
            "",
            "Hi",
            "Hi.",
            "Hi. ",
            "Hi!\n",
            "Hi. \"",
            "Am 3. ",
            "Es sind 3. Ma",
            "你好。",
            "你好。」",
        ] {
            assert_eq!(end_of_sentence(text), None, "{text:?}");
        }
        for (text, end) in [
            ("Hi. Y", 4),
            ("Hi. \"Y", 4),
            ("Es sind 3. Man ", 11),
            ("你好。再", 9),
            ("你好。」再", 12),
        ] {
            assert_eq!(end_of_sentence(text), Some(end), "{text:?}");
        }
    }

    #[test]
    fn hostile_text_takes_no_more_than_linear_time() {
        for pattern in [
            ".", ". ", " .", ". a", "a. \"", "3. ", "a 3. M", "。", "\n", "a", ".\"", "Dr. ",
        ] {
            let text = endless(pattern);
            assert_eq!(
                sentences(&text).map(str::len).sum::<usize>(),
                text.len(),
                "{pattern:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in any_text()) {
            prop_assert_eq!(sentences(&text).collect::<String>(), text);
        }

        #[test]
        fn what_has_ended_stays_ended_when_the_text_grows(text in any_text()) {
            let whole = end_of_sentence(&text);
            for (at, _) in text.char_indices() {
                let early = end_of_sentence(&text[..at]);
                prop_assert!(early.is_none() || early == whole, "{:?}", &text[..at]);
            }
        }

        #[test]
        fn every_sentence_says_something(text in any_text()) {
            prop_assume!(!text.trim().is_empty());
            prop_assert!(sentences(&text).all(|sentence| !sentence.trim().is_empty()));
        }
    }

    fn any_text() -> impl Strategy<Value = String> {
        "([a-zA-Z.!?…\"“” \n3。你」)(]|Dr\\. |am 3\\. Mai |\\PC){0,40}"
    }
}
