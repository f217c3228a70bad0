//! Nights that last past midnight.
//!
//! opening-hours 2.1 loses the hours after midnight of a rule where an earlier rule is about the next day: by
//! `Su-Th 17:00-23:00; Fr-Sa 17:00-01:00` it has the house closed on Sunday at half past midnight. The reference reads
//! such hours as an addition to the next day, and so they are written here before they are read again.

use opening_hours::OpeningHours;
use opening_hours_syntax::rules::time::{Time, TimeSelector, TimeSpan};
use opening_hours_syntax::rules::{OpeningHoursExpression, RuleOperator, RuleSequence};
use opening_hours_syntax::{ExtendedTime, RuleKind};

/// The same hours, of which none is lost.
pub(super) fn kept(hours: OpeningHours) -> OpeningHours {
    let expression = hours.get_expression();
    if !expression.rules.iter().any(may_lose) {
        return hours;
    }
    let rules = expression.rules.iter().flat_map(apart).collect();
    let written = OpeningHoursExpression { rules }.to_string();
    written.parse().unwrap_or(hours)
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

/// Whether a time lasts past midnight.
fn lasts(span: &TimeSpan) -> bool {
    let (start, end) = (span.range.start, span.range.end);
    end < start || end > Time::Fixed(ExtendedTime::MIDNIGHT_24)
}
