//! Dates, times and opening hours in words that a voice can say.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::hours::{Hours, Span, State};

/// A date: `Saturday 28 November 2026`.
pub(crate) fn date(date: NaiveDate) -> String {
    date.format("%A %-d %B %Y").to_string()
}

/// A time of day: `18:05`.
pub(crate) fn time(time: NaiveTime) -> String {
    time.format("%H:%M").to_string()
}

/// The state, as after "the house is".
pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Open => "open",
        State::Closed => "closed",
        State::Unknown => "perhaps open, which is not certain",
    }
}

/// A time in the days to come: `today at 18:00`, `on Monday 30 November 2026 at 09:00`.
pub(crate) fn when(then: NaiveDateTime, now: NaiveDateTime) -> String {
    let (day, time) = (then.date(), time(then.time()));
    match (day - now.date()).num_days() {
        0 => format!("today at {time}"),
        1 => format!("tomorrow, {}, at {time}", date(day)),
        _ => format!("on {} at {time}", date(day)),
    }
}

/// What is so now, until when, and the next three changes.
pub(crate) fn now(hours: &Hours, now: NaiveDateTime) -> String {
    let mut spans = hours.spans(now).take(1 + CHANGES);
    let Some(first) = spans.next() else {
        return String::new();
    };
    let until = match first.to {
        Some(to) => format!("until {}", when(to, now)),
        None => "and stays so".to_owned(),
    };
    let changes: Vec<_> = spans
        .map(|span| {
            format!(
                "{} {}{}",
                state(span.state),
                when(span.from, now),
                comment(&span)
            )
        })
        .collect();
    let then = if changes.is_empty() {
        String::new()
    } else {
        format!(" Then it is {}.", changes.join("; "))
    };
    format!(
        "The house is {} now{}, {until}.{then}",
        state(first.state),
        comment(&first)
    )
}

/// The ordinary week around a date: `Monday to Friday 09:00 to 18:00; Saturday and Sunday closed`.
pub(crate) fn week(hours: &Hours, today: NaiveDate) -> String {
    let monday = today.week(chrono::Weekday::Mon).first_day();
    let mut groups: Vec<(NaiveDate, NaiveDate, String)> = Vec::new();
    for date in monday.iter_days().take(7) {
        let words = day(&hours.ordinary_day(date));
        match groups.last_mut() {
            Some((_, last, same)) if *same == words => *last = date,
            _ => groups.push((date, date, words)),
        }
    }
    let name = |date: NaiveDate| date.format("%A").to_string();
    let shown = groups.into_iter().map(|(first, last, words)| {
        let days = match (last - first).num_days() {
            0 => name(first),
            1 => format!("{} and {}", name(first), name(last)),
            _ => format!("{} to {}", name(first), name(last)),
        };
        format!("{days} {words}")
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// The days from `today` on that are not as in an ordinary week: `Friday 25 December 2026 closed`.
pub(crate) fn exceptions(hours: &Hours, today: NaiveDate) -> String {
    let days = today.iter_days().take(EXCEPTION_DAYS);
    let exceptions = days
        .filter(|date| hours.is_exception(*date))
        .take(EXCEPTIONS);
    let shown = exceptions.map(|day| format!("{} {}", date(day), self::day(&hours.day(day))));
    shown.collect::<Vec<_>>().join("; ")
}

/// What is so on a day: `09:00 to 12:00 and 14:00 to 18:00`, `closed`, `all day`.
pub(crate) fn day(spans: &[Span]) -> String {
    let spans: Vec<_> = spans.iter().map(span).collect();
    match &spans[..] {
        [] => "closed".to_owned(),
        [all @ .., last] if !all.is_empty() => format!("{} and {last}", all.join(", ")),
        all => all.join(", "),
    }
}

fn span(span: &Span) -> String {
    let (from, to) = (span.from, span.to);
    let midnight = from.date().and_time(NaiveTime::MIN) + TimeDelta::days(1);
    let is_whole = from.time() == NaiveTime::MIN && to.is_none_or(|to| to >= midnight);
    let hours = match to {
        _ if is_whole => "all day".to_owned(),
        Some(to) if to < midnight => format!("{} to {}", time(from.time()), time(to.time())),
        Some(to) if to == midnight => format!("{} to midnight", time(from.time())),
        Some(to) => format!(
            "{} to {} of the next day",
            time(from.time()),
            time(to.time())
        ),
        None => format!("from {} on", time(from.time())),
    };
    let certain = match span.state {
        State::Unknown => " (not certain)",
        _ => "",
    };
    format!("{hours}{certain}{}", comment(span))
}

fn comment(span: &Span) -> String {
    match &*span.comment {
        "" => String::new(),
        comment => format!(" ({comment})"),
    }
}

/// How many changes the model is told.
const CHANGES: usize = 3;
/// How far ahead the model is told of days that are not as others, and how many of them.
const EXCEPTION_DAYS: usize = 60;
const EXCEPTIONS: usize = 12;
