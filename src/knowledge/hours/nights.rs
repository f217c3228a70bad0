//! Nights that last past midnight.
//!
//! opening-hours 2.1 loses the hours after midnight of a rule where an earlier rule is about the next day: by
//! `Su-Th 17:00-23:00; Fr-Sa 17:00-01:00` it has the house closed on Sunday at half past midnight. The reference reads
//! such hours as an addition to the next day, and so they are written here before they are read again.

use chrono::Weekday;
use opening_hours::OpeningHours;
use opening_hours_syntax::rules::day::WeekDayRange;
use opening_hours_syntax::rules::time::{Time, TimeSelector, TimeSpan};
use opening_hours_syntax::rules::{OpeningHoursExpression, RuleOperator, RuleSequence};
use opening_hours_syntax::{ExtendedTime, RuleKind};

use super::notation::Fault;

/// The same hours, of which none is lost.
///
/// # Errors
/// [`Fault::Whole`] where what is written for that does not mean the same.
pub(super) fn kept(hours: OpeningHours) -> Result<OpeningHours, Fault> {
    let expression = hours.get_expression();
    if !expression.rules.iter().any(may_lose) {
        return Ok(hours);
    }
    let rules = expression.rules.iter().flat_map(apart).map(dated).collect();
    let written = OpeningHoursExpression { rules };
    match spaced(&signed(&written.to_string())).parse::<OpeningHours>() {
        // The library writes some rules in a way that it reads otherwise, so only what comes back the same is used.
        Ok(read) if *read.get_expression() == written => Ok(read),
        _ => Err(Fault::Whole(UNCLEAR.to_owned())),
    }
}

/// The text with a plus before the days that a holiday is shifted by, which the crate reads and does not print.
fn signed(text: &str) -> String {
    let mut parts = text.split("PH ");
    let mut signed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_shift = rest.len() < part.len() && rest.starts_with(" day");
        signed.push_str(if is_shift { "PH +" } else { "PH " });
        signed.push_str(part);
    }
    signed
}

/// The text with a blank between a number and what follows it. Without one, as the crate prints it, `2026Dec` is read as
/// the month of one year, which the crate ends on its first day.
fn spaced(text: &str) -> String {
    let mut is_comment = false;
    let mut spaced = String::new();
    for c in text.chars() {
        is_comment ^= c == '"';
        let is_joined = spaced.ends_with(|before: char| before.is_ascii_digit());
        if !is_comment && is_joined && c.is_ascii_alphabetic() {
            spaced.push(' ');
        }
        spaced.push(c);
    }
    spaced
}

/// Whether hours of a rule may be lost. Those of additional rules are not.
fn may_lose(rule: &RuleSequence) -> bool {
    rule.operator == RuleOperator::Normal
        && rule.kind != RuleKind::Closed
        && rule.time_selector.spans.iter().any(lasts)
}

/// A rule of the hours up to midnight, and one that adds those of its nights.
fn apart(rule: &RuleSequence) -> Vec<RuleSequence> {
    if !may_lose(rule) {
        return vec![rule.clone()];
    }
    let until_midnight = |span: &TimeSpan| {
        let mut span = span.clone();
        if lasts(&span) {
            span.range.end = Time::Fixed(ExtendedTime::MIDNIGHT_24);
        }
        span
    };
    let spans = rule.time_selector.spans.iter();
    let (days, nights) = (
        spans.clone().map(until_midnight).collect(),
        spans.filter(|span| lasts(span)).cloned().collect(),
    );
    let with = |spans, operator| RuleSequence {
        time_selector: TimeSelector { spans },
        operator,
        ..rule.clone()
    };
    vec![
        with(days, RuleOperator::Normal),
        with(nights, RuleOperator::Additional),
    ]
}

/// The same rule with its days named: behind another one, hours alone would be read as more hours of that.
fn dated(mut rule: RuleSequence) -> RuleSequence {
    if rule.day_selector.is_empty() {
        rule.day_selector.weekday.push(WeekDayRange::Fixed {
            range: Weekday::Mon..=Weekday::Sun,
            offset: 0,
            nth_from_start: [true; 5],
            nth_from_end: [true; 5],
        });
    }
    rule
}

/// Whether a time lasts past midnight.
fn lasts(span: &TimeSpan) -> bool {
    let (start, end) = (span.range.start, span.range.end);
    end < start || end > Time::Fixed(ExtendedTime::MIDNIGHT_24)
}

const UNCLEAR: &str = "the hours after midnight cannot be told apart from the others: write them as rules of the next day";
