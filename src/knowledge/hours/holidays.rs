//! The public holidays of a country, of all of it and of its parts.
//!
//! The crate unpacks those of all countries and a hundred years to tell one country's, which takes longer than all else
//! that a call works out. So calls keep those of the months around, in the folder of state.

use std::sync::Arc;
use std::time::SystemTime;

use chrono::NaiveDate;
use log::debug;
use opening_hours::ContextHolidays;
use opening_hours::localization::Country;
use serde::{Deserialize, Serialize};

use crate::sys::date;
use crate::sys::error::Chain;
use crate::sys::state::State;

/// Holidays of a country, each in days since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Holidays {
    national: Vec<i32>,
    /// Those of some parts alone.
    regional: Vec<i32>,
}

/// What calls keep of them.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// The program that has written it, since another one may know other holidays.
    program: String,
    country: String,
    /// Which months are meant.
    period: u64,
    holidays: Holidays,
}

impl Holidays {
    /// All that are known of `country`.
    pub(super) fn of(country: Country) -> Self {
        let days = |holidays: ContextHolidays| {
            let dates = holidays.get_public().iter();
            dates.map(|date| date.to_epoch_days()).collect()
        };
        Self {
            national: days(country.holidays()),
            regional: days(country.holidays_regional()),
        }
    }

    /// Those of `country` from the month before `now` until [`DAYS_AHEAD`] later, as they are kept in `state`.
    pub(super) fn around(country: Country, now: SystemTime, state: &State) -> Self {
        let (day, name) = (date::day(now), country.iso_code());
        let period = day / DAYS_A_PERIOD;
        let kept: Kept = state.read(FILE);
        if kept.program == PROGRAM && kept.country == name && kept.period == period {
            return kept.holidays;
        }
        let holidays = Self::of(country).within(period);
        let written = state.waiting_briefly().update(FILE, |kept: &mut Kept| {
            *kept = Kept {
                program: PROGRAM.to_owned(),
                country: name.to_owned(),
                period,
                holidays: holidays.clone(),
            };
        });
        if let Err(cause) = written {
            debug!("the holidays are not kept: {}", Chain(&cause));
        }
        holidays
    }

    /// Those of a period, the one before, and as many days after it as are looked ahead.
    fn within(mut self, period: u64) -> Self {
        let since = |period: u64| i64::try_from(period * DAYS_A_PERIOD).unwrap_or(i64::MAX);
        let first = since(period.saturating_sub(1));
        let end = since(period + 1).saturating_add(DAYS_AHEAD);
        let is_near = |day: &i32| (first..end).contains(&i64::from(*day));
        self.national.retain(is_near);
        self.regional.retain(is_near);
        self
    }

    /// Those of the whole country, and those of any part of it.
    pub(super) fn contexts(&self) -> (ContextHolidays, ContextHolidays) {
        let all = self.national.iter().chain(&self.regional);
        (context(self.national.iter()), context(all))
    }
}

fn context<'a>(days: impl Iterator<Item = &'a i32>) -> ContextHolidays {
    let mut calendar = ContextHolidays::default().get_public().clone();
    for date in days.filter_map(|day| NaiveDate::from_epoch_days(*day)) {
        // Those of a part may be those of the whole country as well.
        calendar.insert(date);
    }
    ContextHolidays::new(Arc::new(calendar), Arc::default())
}

const FILE: &str = "holidays.json";
const PROGRAM: &str = env!("PHONE_ASSISTANT_SOURCES");

const DAYS_A_PERIOD: u64 = 30;
/// More than is looked ahead for what a model is told.
const DAYS_AHEAD: i64 = 500;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(day: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(day * date::SECONDS_A_DAY)
    }

    /// 2026-11-28.
    const TODAY: u64 = 20_785;

    #[test]
    fn the_holidays_of_the_time_around_are_those_that_the_country_has() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let state = State::new(folder.path());
        for country in [Country::FR, Country::DE, Country::US] {
            for today in [TODAY, TODAY + 29, TODAY + 30, 0] {
                let near = Holidays::around(country, at(today), &state);
                let again = Holidays::around(country, at(today), &state);
                assert_eq!(near, again, "{country:?}, {today}");
                let all = Holidays::of(country);
                let from = i32::try_from(today).expect("a day") + 719_163;
                let of = |days: &[i32]| -> Vec<i32> {
                    let range = from..from + 500;
                    days.iter()
                        .copied()
                        .filter(|day| range.contains(day))
                        .collect()
                };
                assert_eq!(
                    of(&near.national),
                    of(&all.national),
                    "{country:?}, {today}"
                );
                assert_eq!(
                    of(&near.regional),
                    of(&all.regional),
                    "{country:?}, {today}"
                );
                assert!(near.national.len() < 40, "{country:?}, {today}");
            }
        }
    }

    #[test]
    fn what_is_kept_is_believed_of_its_country_program_and_time_alone() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let state = State::new(folder.path());
        let strange = Holidays {
            national: vec![739_948],
            regional: vec![],
        };
        let period = TODAY / DAYS_A_PERIOD;
        let table = [
            (PROGRAM, "FR", period, true),
            ("another", "FR", period, false),
            (PROGRAM, "DE", period, false),
            (PROGRAM, "FR", period + 1, false),
        ];
        for (program, country, period, is_believed) in table {
            let plant = |kept: &mut Kept| {
                *kept = Kept {
                    program: program.to_owned(),
                    country: country.to_owned(),
                    period,
                    holidays: strange.clone(),
                };
            };
            state.update(FILE, plant).expect("written");
            let found = Holidays::around(Country::FR, at(TODAY), &state);
            assert_eq!(
                found == strange,
                is_believed,
                "{program} {country} {period}"
            );
        }
        std::fs::write(state.file(FILE), "no JSON").expect("written");
        let found = Holidays::around(Country::FR, at(TODAY), &state);
        assert!(found.national.len() > 11);
    }
}
