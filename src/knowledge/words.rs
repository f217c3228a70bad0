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

/// The state now, the next ones, and until when each of them lasts.
pub(crate) fn now(hours: &Hours, now: NaiveDateTime) -> String {
    let mut spans = hours.spans(now).take(1 + CHANGES);
    let Some(first) = spans.next() else {
        return String::new();
    };
    let until = match first.to {
        Some(to) => until(to, now),
        None => "and stays so".to_owned(),
    };
    let next: Vec<_> = spans
        .map(|span| {
            let until = match span.to {
                Some(to) => self::until(to, now),
                None => "from then on".to_owned(),
            };
            format!("{}{} {until}", state(span.state), comment(&span))
        })
        .collect();
    let then = if next.is_empty() {
        String::new()
    } else {
        format!(" Then it is {}.", next.join("; "))
    };
    format!(
        "The house is {} now{}, {until}.{then}",
        state(first.state),
        comment(&first)
    )
}

/// The end of a time, in the days to come: `until today at 18:00`, `until Monday 30 November 2026 at 09:00`.
fn until(then: NaiveDateTime, now: NaiveDateTime) -> String {
    let (day, time) = (then.date(), time(then.time()));
    match (day - now.date()).num_days() {
        0 => format!("until today at {time}"),
        1 => format!("until tomorrow, {}, at {time}", date(day)),
        _ => format!("until {} at {time}", date(day)),
    }
}

/// The ordinary week around a date: `Monday to Friday 09:00 to 18:00; Saturday and Sunday closed`.
pub(crate) fn week(hours: &Hours, today: NaiveDate) -> String {
    let monday = today.week(chrono::Weekday::Mon).first_day();
    let mut groups: Vec<(NaiveDate, NaiveDate, String)> = Vec::new();
    for (date, spans) in monday.iter_days().zip(hours.week(today).days()) {
        let words = day(spans);
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

/// Days from `first` to `last` that have the same hours, and are not as in an ordinary week.
struct Exception {
    first: NaiveDate,
    last: NaiveDate,
    hours: String,
}

/// The days from `today` on that are not as in an ordinary week: `Thursday 24 to Saturday 26 December 2026 closed`.
/// Where there are too many of them, the end says from when on they are left out.
pub(crate) fn exceptions(hours: &Hours, today: NaiveDate) -> String {
    let all = all_exceptions(hours, today);
    let shown = all.iter().take(EXCEPTIONS);
    let mut told: Vec<_> = shown
        .map(|days| format!("{} {}", dates(days.first, days.last), days.hours))
        .collect();
    if let Some(cut) = all.get(EXCEPTIONS) {
        told.push(format!(
            "from {} on there are more, which you are not told",
            date(cut.first)
        ));
    }
    told.join("; ")
}

fn all_exceptions(hours: &Hours, today: NaiveDate) -> Vec<Exception> {
    let week = hours.week(today);
    let mut all: Vec<Exception> = Vec::new();
    // Whether the days since the last exception have its hours.
    let mut is_joined = false;
    for (index, date) in today.iter_days().take(LONGEST_EXCEPTION).enumerate() {
        let spans = hours.day(date);
        let (words, is_ordinary) = (day(&spans), week.is_kept(date, &spans));
        match all.last_mut() {
            // An ordinary Sunday in the middle of a holiday is closed as well.
            Some(last) if is_joined && last.hours == words => {
                if !is_ordinary {
                    last.last = date;
                }
            }
            // What begins in this time is told up to its end.
            _ if index >= EXCEPTION_DAYS => break,
            _ if is_ordinary => is_joined = false,
            _ => {
                is_joined = true;
                all.push(Exception {
                    first: date,
                    last: date,
                    hours: words,
                });
            }
        }
    }
    all
}

/// Some days: `Friday 25 December 2026`, `Saturday 1 to Friday 21 August 2026`.
fn dates(first: NaiveDate, last: NaiveDate) -> String {
    let is_same = |part: &str| first.format(part).to_string() == last.format(part).to_string();
    let short = match () {
        () if first == last => return date(first),
        () if is_same("%B %Y") => "%A %-d",
        () if is_same("%Y") => "%A %-d %B",
        () => "%A %-d %B %Y",
    };
    format!("{} to {}", first.format(short), date(last))
}

/// The hours of a day: `09:00 to 12:00 and 14:00 to 18:00`, `closed`, `all day`.
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

/// How many states the model is told after the one of now.
const CHANGES: usize = 3;
/// How far ahead the model is told of days that are not as others, how many times of them, and how long one may be.
pub(crate) const EXCEPTION_DAYS: usize = 60;
const EXCEPTIONS: usize = 12;
const LONGEST_EXCEPTION: usize = 366;
