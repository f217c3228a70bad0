//! When the house is open, in OpenStreetMap's notation:
//! <https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification>.
//!
//! Only what has one meaning is taken. The rest, which readers of the notation take in different ways or which depends on
//! the sun, is refused with its place: see `notation`.

mod nights;
mod notation;

use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use opening_hours::localization::Country;
use opening_hours::{Context, ContextHolidays, OpeningHours, RuleKind};

pub(crate) use notation::{EXAMPLE, Fault};

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
    dated: OpeningHours,
    /// The same where no day is a holiday.
    ordinary: OpeningHours,
    /// Whether public holidays count of which no country says when they are.
    pub(crate) lacks_country: bool,
}

impl Hours {
    /// Reads a text in OpenStreetMap's notation. The public holidays are those of `country`, if one is named.
    ///
    /// # Errors
    /// [`Fault`]
    pub(crate) fn parse(text: &str, country: &str) -> Result<Self, Fault> {
        let ordinary = nights::kept(notation::read(text)?);
        let counts_holidays = notation::counts_holidays(&ordinary);
        let context = Context::default();
        let context = match country {
            "" => context,
            code => {
                let country: Country = code
                    .to_ascii_uppercase()
                    .parse()
                    .map_err(|_| Fault::Country(code.to_owned()))?;
                if counts_holidays {
                    let regional = country.holidays_regional();
                    let public = ContextHolidays::new(
                        Arc::new(regional.get_public().clone()),
                        Arc::default(),
                    );
                    context
                        .with_holidays(country.holidays())
                        .with_holidays_unknown(public)
                } else {
                    context
                }
            }
        };
        Ok(Self {
            dated: ordinary.clone().with_context(context),
            ordinary,
            lacks_country: counts_holidays && country.is_empty(),
        })
    }

    /// The state at a time, and the ones after it, in their order.
    pub(crate) fn spans(&self, from: NaiveDateTime) -> impl Iterator<Item = Span> + use<> {
        spans(&self.dated, from, from + HORIZON)
    }

    /// The state at a time.
    pub(crate) fn at(&self, time: NaiveDateTime) -> State {
        State::of(self.dated.state(time).0)
    }

    /// The times that begin on a day and in which the house is not closed.
    pub(crate) fn day(&self, date: NaiveDate) -> Vec<Span> {
        day(&self.dated, date)
    }

    /// The same of the day of the week in an ordinary week around `date`: without holidays, and without what is so on
    /// that date alone.
    pub(crate) fn ordinary_day(&self, date: NaiveDate) -> Vec<Span> {
        let week = Days::new(7);
        let on = |date: Option<NaiveDate>| date.map(|date| day(&self.ordinary, date));
        let this = day(&self.ordinary, date);
        let (before, after) = (
            on(date.checked_sub_days(week)),
            on(date.checked_add_days(week)),
        );
        match (before, after) {
            (Some(before), Some(after)) => {
                let is_same = |other: &[Span]| times(other).eq(times(&this));
                if !is_same(&before) && !is_same(&after) && times(&before).eq(times(&after)) {
                    after
                } else {
                    this
                }
            }
            _ => this,
        }
    }

    /// Whether what is so on a date differs from what is so on that day of an ordinary week.
    pub(crate) fn is_exception(&self, date: NaiveDate) -> bool {
        let (day, ordinary) = (self.day(date), self.ordinary_day(date));
        !times(&day).eq(times(&ordinary))
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

impl State {
    fn of(kind: RuleKind) -> Self {
        match kind {
            RuleKind::Open => Self::Open,
            RuleKind::Closed => Self::Closed,
            RuleKind::Unknown => Self::Unknown,
        }
    }
}

/// The states and the times of day of spans.
fn times(spans: &[Span]) -> impl Iterator<Item = (State, NaiveTime, Option<NaiveTime>)> {
    let of = |span: &Span| (span.state, span.from.time(), span.to.map(|to| to.time()));
    spans.iter().map(of)
}

fn spans(
    hours: &OpeningHours,
    from: NaiveDateTime,
    to: NaiveDateTime,
) -> impl Iterator<Item = Span> + use<> {
    let mut ranges = hours.iter_range(from, to).peekable();
    std::iter::from_fn(move || {
        let first = ranges.next()?;
        let mut end = first.range.end;
        // Those that differ by their comments alone are one.
        while let Some(next) = ranges.next_if(|next| next.kind == first.kind) {
            end = next.range.end;
        }
        Some(Span {
            state: State::of(first.kind),
            from: first.range.start,
            to: (end < to).then_some(end),
            comment: first.comment,
        })
    })
}

fn day(hours: &OpeningHours, date: NaiveDate) -> Vec<Span> {
    let midnight = date.and_time(NaiveTime::MIN);
    let next = midnight + TimeDelta::days(1);
    let before = State::of(hours.state(midnight - TimeDelta::minutes(1)).0);
    let begins = |span: &Span| {
        let lasts_from_before = span.from == midnight && span.state == before;
        // A whole day counts even so.
        !lasts_from_before || span.to.is_none_or(|to| to >= next)
    };
    let all = spans(hours, midnight, next + TimeDelta::days(1));
    all.take_while(|span| span.from < next)
        .filter(|span| span.state != State::Closed && begins(span))
        .collect()
}

/// How far is looked ahead.
const HORIZON: TimeDelta = TimeDelta::days(400);
const DAYS_A_YEAR: usize = 366;

#[cfg(test)]
mod tests;
