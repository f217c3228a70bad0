//! When the house is open, in OpenStreetMap's notation:
//! <https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification>.
//!
//! Only what has one meaning is taken. The rest, which readers of the notation take in different ways or which depends on
//! the sun, is refused with its place: see `notation`.

mod holidays;
mod nights;
mod notation;
mod reading;

use std::sync::Arc;
use std::time::SystemTime;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use opening_hours::RuleKind;
use opening_hours::localization::Country;

pub(crate) use notation::{EXAMPLE, Fault};

use crate::sys::state;
use holidays::Holidays;
use reading::{Part, Reading};

/// The state of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Open.
    Open,
    /// Closed.
    Closed,
    /// The settings leave it open, or it depends on a holiday of a part of the country.
    Unknown,
}

/// A time in which the state is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) state: State,
    pub(crate) from: NaiveDateTime,
    /// Its end; `None` where that is more than [`HORIZON`] away.
    pub(crate) to: Option<NaiveDateTime>,
    /// What the settings say beside it.
    pub(crate) comment: Arc<str>,
}

/// The opening hours of a house.
#[derive(Clone, Debug)]
pub(crate) struct Hours {
    /// With holidays.
    dated: Reading,
    /// The same where no day is a holiday.
    ordinary: Reading,
    /// Whether public holidays count of which no country says when they are.
    pub(crate) lacks_country: bool,
}

/// The hours of an ordinary week, from Monday on.
#[derive(Clone, Debug)]
pub(crate) struct Week(Vec<Vec<Span>>);

impl Hours {
    /// Reads a text in OpenStreetMap's notation. The public holidays are those of `country`, if one is named.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn parse(text: &str, country: &str) -> Result<Self, Fault> {
        Self::with_holidays(text, country, Holidays::of)
    }

    /// The same for the year from `now` on, with the holidays that calls keep in `state`.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn parse_for_now(
        text: &str,
        country: &str,
        now: SystemTime,
        state: &state::State,
    ) -> Result<Self, Fault> {
        let holidays = |country| Holidays::around(country, now, state);
        Self::with_holidays(text, country, holidays)
    }

    fn with_holidays(
        text: &str,
        country: &str,
        holidays: impl FnOnce(Country) -> Holidays,
    ) -> Result<Self, Fault> {
        let hours = nights::kept(notation::read(text)?)?;
        let counts_holidays = notation::counts_holidays(&hours);
        let ordinary = Reading {
            hours: hours.clone(),
            regional: None,
        };
        let dated = match country {
            "" => ordinary.clone(),
            code => {
                let country: Country = code
                    .to_ascii_uppercase()
                    .parse()
                    .map_err(|_| Fault::Country(code.to_owned()))?;
                // Unpacking the holidays takes longer than all else here, so it is done only where the text has `PH`.
                if counts_holidays {
                    Reading::with_holidays(&hours, &holidays(country))
                } else {
                    ordinary.clone()
                }
            }
        };
        Ok(Self {
            dated,
            ordinary,
            lacks_country: counts_holidays && country.is_empty(),
        })
    }

    /// The state at a time, and the ones after it, in their order.
    pub(crate) fn spans(&self, from: NaiveDateTime) -> impl Iterator<Item = Span> + use<> {
        // Those that differ by their comments alone are one.
        let is_one = |one: &Part, next: &Part| one.state == next.state;
        self.dated.spans(from, from + HORIZON, is_one)
    }

    /// The state at a time.
    pub(crate) fn at(&self, time: NaiveDateTime) -> State {
        let mut parts = self.dated.parts(time, time + TimeDelta::minutes(1));
        parts.next().map_or(State::Closed, |part| part.state)
    }

    /// The times that begin on a day and in which the house is not closed.
    pub(crate) fn day(&self, date: NaiveDate) -> Vec<Span> {
        self.dated.day(date)
    }

    /// The ordinary week around `today`, in which no day is a holiday: the one of eight weeks that has the most days in
    /// common with the others. A season has weeks of its own, while a day or some weeks off are not ordinary.
    pub(crate) fn week(&self, today: NaiveDate) -> Week {
        let monday = today.week(Weekday::Mon).first_day();
        let begins = WEEKS
            .iter()
            .filter_map(|weeks| monday.checked_add_signed(TimeDelta::weeks(*weeks)));
        let weeks: Vec<_> = begins.map(|monday| self.ordinary.week(monday)).collect();
        let common =
            |week: &&Week| -> usize { weeks.iter().map(|other| week.days_in_common(other)).sum() };
        // Of several, the last one that is compared is taken, which is the nearest.
        let week = weeks.iter().rev().max_by_key(common).cloned();
        week.unwrap_or_else(|| self.ordinary.week(monday))
    }

    /// Whether it is closed from a time on as far as is looked ahead.
    pub(crate) fn never_opens(&self, from: NaiveDateTime) -> bool {
        self.spans(from).all(|span| span.state == State::Closed)
    }

    /// The first day from `date` on, within a year, on which the house does not open.
    pub(crate) fn next_closed_day(&self, date: NaiveDate) -> Option<NaiveDate> {
        let mut days = date.iter_days().take(DAYS_A_YEAR);
        days.find(|date| self.day(*date).is_empty())
    }
}

impl Week {
    /// The hours of each day, from Monday on.
    pub(crate) fn days(&self) -> impl Iterator<Item = &[Span]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// Whether `spans`, which are those of `date`, are as on that day of this week.
    pub(crate) fn is_kept(&self, date: NaiveDate, spans: &[Span]) -> bool {
        let day = date.weekday().num_days_from_monday();
        let day = usize::try_from(day).ok().and_then(|day| self.0.get(day));
        day.is_some_and(|day| is_alike(day, spans))
    }

    fn days_in_common(&self, other: &Self) -> usize {
        let pairs = self.0.iter().zip(&other.0);
        pairs.filter(|(one, other)| is_alike(one, other)).count()
    }
}

impl State {
    fn of(kind: RuleKind) -> Self {
        match kind {
            RuleKind::Open => Self::Open,
            RuleKind::Closed => Self::Closed,
            RuleKind::Unknown => Self::Unknown,
        }
    }
}

/// Whether the hours of two days are the same, whatever their dates.
fn is_alike(one: &[Span], other: &[Span]) -> bool {
    let of = |span: &Span| {
        let next = span.from.date().and_time(NaiveTime::MIN) + TimeDelta::days(1);
        let is_whole = span.from.time() == NaiveTime::MIN && span.to.is_none_or(|to| to >= next);
        let lasts = span.to.filter(|_| !is_whole).map(|to| to - span.from);
        (span.state, span.from.time(), lasts, span.comment.clone())
    };
    one.iter().map(of).eq(other.iter().map(of))
}

/// How far is looked ahead.
const HORIZON: TimeDelta = TimeDelta::days(400);
const DAYS_A_YEAR: usize = 366;
/// The weeks of which one is the ordinary one, counted from this one: the nearest first, and those to come before others.
const WEEKS: [i64; 8] = [0, 1, -1, 2, -2, 3, -3, -4];

#[cfg(test)]
mod tests;
