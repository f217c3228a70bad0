//! Opening hours by the calendar of a country, in which a day may be a holiday in some of its parts alone.

use std::iter;
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use opening_hours::{Context, OpeningHours};

use super::holidays::Holidays;
use super::{Span, State};

/// Hours with the holidays that count in them.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) hours: OpeningHours,
    /// The same where the holidays of parts of the country count as well. Where the two differ, the state is unknown.
    pub(super) regional: Option<OpeningHours>,
}

/// A time in which the state and the comment are the same.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) state: State,
    from: NaiveDateTime,
    to: NaiveDateTime,
    comment: Arc<str>,
}

impl Reading {
    /// With these holidays.
    pub(super) fn with_holidays(hours: &OpeningHours, holidays: &Holidays) -> Self {
        let (national, all) = holidays.contexts();
        let with = |holidays| {
            let context = Context::default().with_holidays(holidays);
            hours.clone().with_context(context)
        };
        Self {
            hours: with(national),
            regional: Some(with(all)),
        }
    }

    /// The parts of the time between `from` and `to`, in their order.
    pub(super) fn parts(
        &self,
        from: NaiveDateTime,
        to: NaiveDateTime,
    ) -> impl Iterator<Item = Part> + use<> {
        let mut ours = parts(&self.hours, from, to).peekable();
        let regional = self.regional.as_ref();
        let mut theirs = regional.map(|hours| parts(hours, from, to).peekable());
        let mut begin = from;
        iter::from_fn(move || {
            let Some(theirs) = &mut theirs else {
                return ours.next();
            };
            while ours.next_if(|part| part.to <= begin).is_some() {}
            while theirs.next_if(|part| part.to <= begin).is_some() {}
            let (our, their) = (ours.peek()?, theirs.peek()?);
            let (from, to) = (begin, our.to.min(their.to));
            begin = to;
            let is_certain = our.state == their.state;
            let (state, comment) = if is_certain {
                (our.state, our.comment.clone())
            } else {
                (State::Unknown, Arc::default())
            };
            Some(Part {
                state,
                from,
                to,
                comment,
            })
        })
    }

    /// The same, of which neighbours are joined that are one by `is_one`.
    pub(super) fn spans(
        &self,
        from: NaiveDateTime,
        to: NaiveDateTime,
        is_one: fn(&Part, &Part) -> bool,
    ) -> impl Iterator<Item = Span> + use<> {
        let mut parts = self.parts(from, to).peekable();
        iter::from_fn(move || {
            let first = parts.next()?;
            let mut end = first.to;
            while let Some(next) = parts.next_if(|next| is_one(&first, next)) {
                end = next.to;
            }
            Some(Span {
                state: first.state,
                from: first.from,
                to: (end < to).then_some(end),
                comment: first.comment,
            })
        })
    }

    /// The times that begin on a day and in which the house is not closed.
    pub(super) fn day(&self, date: NaiveDate) -> Vec<Span> {
        let midnight = date.and_time(NaiveTime::MIN);
        let day = TimeDelta::days(1);
        let (yesterday, next) = (midnight - day, midnight + day);
        let before = self.spans(yesterday, midnight, is_same).last();
        let lasts_from_before = |span: &Span| {
            // A time that began before yesterday is told with each day.
            let is_same = |before: &Span| {
                before.from > yesterday
                    && before.state == span.state
                    && before.comment == span.comment
            };
            span.from == midnight && before.as_ref().is_some_and(is_same)
        };
        let begins = |span: &Span| {
            // A whole day counts even so.
            !lasts_from_before(span) || span.to.is_none_or(|to| to >= next)
        };
        let all = self.spans(midnight, next + day, is_same);
        all.take_while(|span| span.from < next)
            .filter(|span| span.state != State::Closed && begins(span))
            .collect()
    }

    /// The seven days from `monday` on.
    pub(super) fn week(&self, monday: NaiveDate) -> super::Week {
        let days = monday.iter_days().take(7);
        super::Week(days.map(|date| self.day(date)).collect())
    }
}

/// Whether two parts differ by their times alone.
fn is_same(one: &Part, other: &Part) -> bool {
    one.state == other.state && one.comment == other.comment
}

fn parts(
    hours: &OpeningHours,
    from: NaiveDateTime,
    to: NaiveDateTime,
) -> impl Iterator<Item = Part> + use<> {
    let ranges = hours.iter_range(from, to);
    ranges.map(|range| Part {
        state: State::of(range.kind),
        from: range.range.start,
        to: range.range.end,
        comment: range.comment,
    })
}
