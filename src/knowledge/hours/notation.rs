//! OpenStreetMap's notation, as far as it has one meaning, and what is wrong with a text that is not taken.

use opening_hours::OpeningHours;
use opening_hours_syntax::Error as Syntax;
use opening_hours_syntax::rules::day::{HolidayKind, MonthdayRange, WeekDayRange};
use opening_hours_syntax::rules::time::{Time, TimeSpan};
use opening_hours_syntax::rules::{RuleOperator, RuleSequence};
use pest::error::InputLocation;

use crate::sys::plain::quoted;

/// Why opening hours are not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The text at a place.
    #[error("opening_hours at character {character}, from {} on: {why}", quoted(.rest))]
    At {
        /// The place, from 1 on.
        character: usize,
        /// What stands there.
        rest: String,
        /// What is wrong.
        why: String,
    },
    /// The text as a whole.
    #[error("opening_hours: {0}")]
    Whole(String),
    /// A country without holidays.
    #[error(
        "no public holidays are known of the country {}; it is an ISO 3166 code, such as FR",
        quoted(.0)
    )]
    Country(String),
}

/// A text that is right.
pub(crate) const EXAMPLE: &str =
    "Mo-Fr 09:00-12:00,14:00-18:00; Sa 09:00-12:00; Dec 25 off; PH off";

/// Reads a text.
///
/// # Errors
/// [`Fault`]
pub(super) fn read(text: &str) -> Result<OpeningHours, Fault> {
    let bare = without_comments(text);
    if let Some(at) = costly_list(&bare) {
        return Err(fault(text, at, LISTED));
    }
    let parsed: OpeningHours = text
        .parse()
        .map_err(|error| of_syntax(text, &bare, &error))?;
    match parsed.get_expression().rules.iter().find_map(refusal) {
        Some((words, why)) => {
            let place = if words.is_empty() {
                month_of_year(&bare)
            } else {
                words.iter().find_map(|word| bare.find(word))
            };
            Err(place.map_or_else(|| Fault::Whole(why.to_owned()), |at| fault(text, at, why)))
        }
        None => match undecided_comment(text) {
            Some(at) => Err(fault(text, at, UNDECIDED)),
            None => Ok(parsed),
        },
    }
}

/// Whether a rule is about public holidays.
pub(super) fn counts_holidays(hours: &OpeningHours) -> bool {
    let expression = hours.get_expression();
    let mut days = expression
        .rules
        .iter()
        .flat_map(|rule| &rule.day_selector.weekday);
    days.any(|day| matches!(day, WeekDayRange::Holiday { .. }))
}

/// Words of the notation by which a rule that is refused is found in the text, and why it is.
type Refusal = (&'static [&'static str], &'static str);

fn refusal(rule: &RuleSequence) -> Option<Refusal> {
    let has_span = |is_it: fn(&TimeSpan) -> bool| rule.time_selector.spans.iter().any(is_it);
    let is_of_sun = |span: &TimeSpan| {
        let is_of_sun = |time| matches!(time, Time::Variable(_));
        is_of_sun(span.range.start) || is_of_sun(span.range.end)
    };
    let is_school = |day: &WeekDayRange| {
        matches!(
            day,
            WeekDayRange::Holiday {
                kind: HolidayKind::School,
                ..
            }
        )
    };
    let is_month_of_year =
        |days: &MonthdayRange| matches!(days, MonthdayRange::Month { year: Some(_), .. });
    if rule.operator == RuleOperator::Fallback {
        Some((&["||"], FALLBACK))
    } else if has_span(|span| span.open_end) {
        Some((&["+"], NO_END))
    } else if has_span(|span| span.repeats.is_some()) {
        Some((&["/"], REPEATS))
    } else if has_span(is_of_sun) {
        Some((
            &[
                "sun", "Sun", "dawn", "Dawn", "dusk", "Dusk", "SUN", "DAWN", "DUSK",
            ],
            SUN,
        ))
    } else if rule.day_selector.weekday.iter().any(is_school) {
        Some((&["SH"], SCHOOL))
    } else if rule.day_selector.monthday.iter().any(is_month_of_year) {
        Some((&[], MONTH_OF_YEAR))
    } else {
        None
    }
}

/// What the parser says, with a place and words for those who do not know the notation.
fn of_syntax(text: &str, bare: &str, error: &Syntax) -> Fault {
    let Syntax::Syntax(error) = error else {
        return Fault::Whole(error.to_string());
    };
    let (InputLocation::Pos(at) | InputLocation::Span((at, _))) = error.location;
    let why = match MISTAKES.iter().find(|(is_it, _)| is_it(bare)) {
        Some((_, why)) => why,
        None => "this is not OpenStreetMap's notation",
    };
    fault(text, at, why)
}

fn fault(text: &str, at: usize, why: &str) -> Fault {
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let blanks = rest.len() - rest.trim_start().len();
    let (before, rest) = text
        .split_at_checked(before.len() + blanks)
        .unwrap_or((text, ""));
    Fault::At {
        character: before.chars().count() + 1,
        rest: rest.chars().take(SHOWN).collect(),
        why: why.to_owned(),
    }
}

/// The place of a year before a month that stands there without a day.
fn month_of_year(bare: &str) -> Option<usize> {
    let is_one = |at: &usize| {
        let parts = bare.get(*at..).and_then(|rest| rest.split_at_checked(4));
        parts.is_some_and(|(year, rest)| {
            let rest = rest.trim_start();
            let after = rest.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            year.bytes().all(|byte| byte.is_ascii_digit())
                && after.len() < rest.len()
                && !after.trim_start().starts_with(|c: char| c.is_ascii_digit())
        })
    };
    (0..bare.len()).find(is_one)
}

/// The text with blanks in place of its comments.
fn without_comments(text: &str) -> String {
    let mut is_inside = false;
    let mut blanked = String::new();
    for c in text.chars() {
        let was_inside = is_inside;
        is_inside ^= c == '"';
        if was_inside || is_inside {
            // As many blanks as bytes, so that a place in the result is the same place in the text.
            blanked.extend(std::iter::repeat_n(' ', c.len_utf8()));
        } else {
            blanked.push(c);
        }
    }
    blanked
}

/// The place of a rule that lists more days such as `Jan Su[1]` than the parser should be given: the time that it takes
/// for such a list triples with each of them.
fn costly_list(bare: &str) -> Option<usize> {
    let is_month = |word: &str| MONTHS.iter().any(|month| month.eq_ignore_ascii_case(word));
    let is_costly = |before: &&str| {
        let mut words: Vec<_> = words(before).collect();
        words.pop();
        words.pop().is_some_and(is_month)
    };
    let mut at = 0;
    for rule in bare.split(';') {
        let listed = rule.split('[').filter(is_costly).count();
        if listed > MAX_LISTED {
            return Some(at);
        }
        at += rule.len() + 1;
    }
    None
}

/// The place of a comment without a word before it that says which state it is about: some take such hours for open ones, and others
/// for unknown ones.
fn undecided_comment(text: &str) -> Option<usize> {
    let mut end = 0;
    while let Some(from) = text.get(end..)?.find('"') {
        let begin = end + from;
        let length = text.get(begin + 1..)?.find('"')?;
        let before = text.get(end..begin)?.trim_end();
        end = begin + length + 2;
        let decides = |word: &str| {
            let from = before.len().checked_sub(word.len());
            let last = from.and_then(|from| before.get(from..));
            last.is_some_and(|last| last.eq_ignore_ascii_case(word))
        };
        let is_selector = text.get(end..)?.trim_start().starts_with(':');
        if !is_selector && !STATES.iter().any(|word| decides(word)) {
            return Some(begin);
        }
    }
    None
}

/// The words for states.
const STATES: &[&str] = &["open", "closed", "off", "unknown"];

/// How much of a text is shown from a fault on.
const SHOWN: usize = 20;

const UNDECIDED: &str =
    "write the state before a comment: open \"ring the bell\", or unknown \"by appointment\"";
const FALLBACK: &str = "rules behind || are not understood: separate rules by a semicolon";
const NO_END: &str = "a time without an end is not understood: write when it ends";
const REPEATS: &str = "times that repeat are not understood: write from when to when";
const SUN: &str = "the hours of the sun are not known: write times, such as 08:00-20:00";
const LISTED: &str = "more than three days such as Jan Su[1] in a list: write them as rules, separated by semicolons";
const MONTH_OF_YEAR: &str =
    "a month of one year is not understood: write its dates, such as 2026 Dec 01-31";
const SCHOOL: &str = "school holidays are not known: write their dates, such as Jul 05-Aug 31";

/// Whether a text has a mistake, and what would be right.
type Mistake = (fn(&str) -> bool, &'static str);

/// What people write who do not know the notation, and what it has instead.
const MISTAKES: &[Mistake] = &[
    (has_other_dash, "a typographic dash: use -"),
    (
        has_noon,
        "hours are counted from 00:00 to 24:00, without am and pm",
    ),
    (has_other_day, "days are Mo, Tu, We, Th, Fr, Sa and Su"),
    (lacks_minutes, "times have hours and minutes: 09:00-18:00"),
];

fn has_other_dash(text: &str) -> bool {
    text.contains(['–', '—', '‑', '−'])
}

fn has_noon(text: &str) -> bool {
    let mut words = words(text);
    words.any(|word| matches!(word.to_ascii_lowercase().as_str(), "am" | "pm"))
}

/// Whether there is a word that the notation does not have.
fn has_other_day(text: &str) -> bool {
    let is_known = |word: &str| KNOWN.iter().any(|known| known.eq_ignore_ascii_case(word));
    words(text).any(|word| !is_known(word))
}

fn lacks_minutes(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || c == ':';
    let mut numbers = text
        .split(|c: char| !is_part(c))
        .filter(|part| !part.is_empty());
    numbers.any(|number| !number.contains(':'))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphabetic());
    words.filter(|word| !word.is_empty())
}

/// How many days such as `Jan Su[1]` a rule may list.
const MAX_LISTED: usize = 3;

const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

const KNOWN: &[&str] = &[
    "mo", "tu", "we", "th", "fr", "sa", "su", "ph", "sh", "jan", "feb", "mar", "apr", "may", "jun",
    "jul", "aug", "sep", "oct", "nov", "dec", "open", "closed", "off", "unknown", "week", "easter",
    "day", "days", "dawn", "dusk", "sunrise", "sunset",
];
