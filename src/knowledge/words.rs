//! Dates, times and opening hours in words that a voice can say, in the language of the caller.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::hours::{Hours, Span, State, Week};
use super::language::Language;

/// A time of day: `18:05`.
pub(crate) fn time(time: NaiveTime) -> String {
    time.format("%H:%M").to_string()
}

impl Language {
    /// A date: `Saturday 28 November 2026`.
    pub(crate) fn date(&self, date: NaiveDate) -> String {
        self.part_of_date(date, WHOLE)
    }

    fn part_of_date(&self, date: NaiveDate, part: usize) -> String {
        let day = match date.day() {
            1 => self.first.to_owned(),
            day => day.to_string(),
        };
        let (month, year) = (nth(self.months, date.month0()), date.year().to_string());
        let weekday = nth(self.days, date.weekday().num_days_from_monday());
        let values = [weekday, &day, month, &year];
        filled(self.dates[part], &values)
    }

    /// The local date and time, and where that is.
    pub(super) fn here(&self, now: NaiveDateTime, place: &str) -> String {
        let (date, time) = (self.date(now.date()), time(now.time()));
        filled(self.now, &[&date, &time]) + &self.place(place)
    }

    /// Where that is, with a space before it.
    pub(super) fn place(&self, place: &str) -> String {
        match place {
            "" => String::new(),
            place => filled(self.place, &[place]),
        }
    }

    /// The state, as after "the house is".
    fn state(&self, state: State) -> &'static str {
        let [open, closed, unknown] = self.states;
        match state {
            State::Open => open,
            State::Closed => closed,
            State::Unknown => unknown,
        }
    }

    /// The state now, the next ones, and until when each of them lasts.
    pub(crate) fn now(&self, hours: &Hours, now: NaiveDateTime) -> String {
        let mut spans = hours.spans(now).take(1 + CHANGES);
        let Some(first) = spans.next() else {
            return String::new();
        };
        let until = |to: Option<NaiveDateTime>, never: &str| match to {
            Some(to) => self.until(to, now),
            None => never.to_owned(),
        };
        let next: Vec<_> = spans
            .map(|span| {
                let (state, until) = (self.state(span.state), until(span.to, self.from_then));
                format!("{state}{} {until}", comment(&span))
            })
            .collect();
        let values = [
            self.state(first.state),
            &comment(&first),
            &until(first.to, self.stays),
        ];
        let mut told = filled(self.is_now, &values);
        if !next.is_empty() {
            told += &filled(self.then, &[&next.join("; ")]);
        }
        told
    }

    /// The end of a time, in the days to come: `until today at 18:00`, `until Monday 30 November 2026 at 09:00`.
    fn until(&self, then: NaiveDateTime, now: NaiveDateTime) -> String {
        let (date, time) = (self.date(then.date()), time(then.time()));
        match (then.date() - now.date()).num_days() {
            0 => filled(self.until_today, &[&time]),
            1 => filled(self.until_tomorrow, &[&date, &time]),
            _ => filled(self.until, &[&date, &time]),
        }
    }

    /// An ordinary week: `Monday to Friday 09:00 to 18:00; Saturday and Sunday closed`.
    pub(crate) fn week(&self, week: &Week) -> String {
        let mut groups: Vec<(u32, u32, String)> = Vec::new();
        for (day, spans) in (0..).zip(week.days()) {
            let words = self.day(spans);
            match groups.last_mut() {
                Some((_, last, same)) if *same == words => *last = day,
                _ => groups.push((day, day, words)),
            }
        }
        let shown = groups.into_iter().map(|(first, last, words)| {
            let (days, names) = (last - first, [nth(self.days, first), nth(self.days, last)]);
            let days = match days {
                0 => names[0].to_owned(),
                1 => filled(self.and, &names),
                _ => filled(self.to, &names),
            };
            format!("{days} {words}")
        });
        shown.collect::<Vec<_>>().join("; ")
    }

    /// The days from `today` on that are not as in `week`, the ordinary one: `Thursday 24 to Saturday 26 December 2026
    /// closed`. Where there are too many of them, the end says from when on they are left out.
    pub(super) fn exceptions(&self, hours: &Hours, week: &Week, today: NaiveDate) -> String {
        let all = self.all_exceptions(hours, week, today);
        let shown = all.iter().take(EXCEPTIONS);
        let mut told: Vec<_> = shown
            .map(|days| format!("{} {}", self.dates(days.first, days.last), days.hours))
            .collect();
        if let Some(cut) = all.get(EXCEPTIONS) {
            told.push(filled(self.more, &[&self.date(cut.first)]));
        }
        told.join("; ")
    }

    fn all_exceptions(&self, hours: &Hours, week: &Week, today: NaiveDate) -> Vec<Exception> {
        let mut all: Vec<Exception> = Vec::new();
        // Whether the days since the last exception have its hours.
        let mut is_joined = false;
        for (index, date) in today.iter_days().take(LONGEST_EXCEPTION).enumerate() {
            let spans = hours.day(date);
            let (words, is_ordinary) = (self.day(&spans), week.is_kept(date, &spans));
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
    fn dates(&self, first: NaiveDate, last: NaiveDate) -> String {
        let part = match () {
            () if first == last => return self.date(first),
            () if first.year() != last.year() => WHOLE,
            () if first.month() != last.month() => WITHOUT_YEAR,
            () => WITHOUT_MONTH,
        };
        filled(
            self.to,
            &[&self.part_of_date(first, part), &self.date(last)],
        )
    }

    /// The hours of a day: `09:00 to 12:00 and 14:00 to 18:00`, `closed`, `all day`.
    pub(crate) fn day(&self, spans: &[Span]) -> String {
        let spans: Vec<_> = spans.iter().map(|span| self.span(span)).collect();
        match &spans[..] {
            [] => self.state(State::Closed).to_owned(),
            [all @ .., last] if !all.is_empty() => filled(self.and, &[&all.join(", "), last]),
            all => all.join(", "),
        }
    }

    fn span(&self, span: &Span) -> String {
        let midnight = span.from.date().and_time(NaiveTime::MIN) + TimeDelta::days(1);
        let is_whole =
            span.from.time() == NaiveTime::MIN && span.to.is_none_or(|to| to >= midnight);
        let from = time(span.from.time());
        let to = span.to.map(|to| time(to.time())).unwrap_or_default();
        let hours = match span.to {
            _ if is_whole => self.all_day.to_owned(),
            Some(end) if end < midnight => filled(self.to, &[&from, &to]),
            Some(end) if end == midnight => filled(self.to_midnight, &[&from]),
            Some(_) => filled(self.to_next_day, &[&from, &to]),
            None => filled(self.from, &[&from]),
        };
        let certain = match span.state {
            State::Unknown => self.not_certain,
            _ => "",
        };
        format!("{hours}{certain}{}", comment(span))
    }
}

/// Days from `first` to `last` that have the same hours, and are not as in an ordinary week.
struct Exception {
    first: NaiveDate,
    last: NaiveDate,
    hours: String,
}

/// One of the words of a text, counted from 0.
fn nth(words: &'static str, index: u32) -> &'static str {
    let index = usize::try_from(index).ok();
    let word = index.and_then(|index| words.split(' ').nth(index));
    word.unwrap_or_default()
}

fn comment(span: &Span) -> String {
    match &*span.comment {
        "" => String::new(),
        comment => format!(" ({comment})"),
    }
}

/// The text with the values in the places of its `{}`, in their order.
pub(super) fn filled(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (part, value) in parts.zip(values) {
        filled.push_str(value);
        filled.push_str(part);
    }
    filled
}

/// The parts of dates that a language has words for.
const WITHOUT_MONTH: usize = 0;
const WITHOUT_YEAR: usize = 1;
const WHOLE: usize = 2;

/// How many states the model is told after the one of now.
const CHANGES: usize = 3;
/// How far ahead the model is told of days that are not as others, how many times of them, and how long one may be.
pub(crate) const EXCEPTION_DAYS: usize = 300;
const EXCEPTIONS: usize = 12;
const LONGEST_EXCEPTION: usize = 366;
