//! Opening hours at moments that matter, and beside another program that reads them.

mod days_off;
mod nights;
mod npm;

use super::*;
use crate::knowledge::language::ENGLISH;

fn hours(text: &str) -> Hours {
    Hours::parse(text, "FR").unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn at(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect(text)
}

fn exceptions(hours: &Hours, today: NaiveDate) -> String {
    ENGLISH.exceptions(hours, &hours.week(today), today)
}

/// The state at a time, and the next three with their ends.
fn told(text: &str, time: &str) -> String {
    ENGLISH.now(&hours(text), at(time))
}

#[test]
fn the_model_is_told_the_state_now_and_the_next_three_with_their_ends() {
    let week = "Mo-Fr 09:00-12:00,14:00-18:00; Sa 09:00-12:00; Dec 25 off; PH off";
    let table = [
        (
            week,
            "2026-11-28 11:59",
            "The house is open now, until today at 12:00. Then it is closed until Monday 30 November 2026 at 09:00; open \
             until Monday 30 November 2026 at 12:00; closed until Monday 30 November 2026 at 14:00.",
        ),
        (
            week,
            "2026-11-28 12:00",
            "The house is closed now, until Monday 30 November 2026 at 09:00. Then it is open until Monday 30 November \
             2026 at 12:00; closed until Monday 30 November 2026 at 14:00; open until Monday 30 November 2026 at 18:00.",
        ),
        (
            "24/7",
            "2026-11-28 12:00",
            "The house is open now, and stays so.",
        ),
        (
            "off",
            "2026-11-28 12:00",
            "The house is closed now, and stays so.",
        ),
        (
            "Fr-Sa 20:00-02:00",
            "2026-12-31 23:59",
            "The house is closed now, until tomorrow, Friday 1 January 2027, at 20:00. Then it is open until Saturday 2 \
             January 2027 at 02:00; closed until Saturday 2 January 2027 at 20:00; open until Sunday 3 January 2027 at 02:00.",
        ),
        (
            "Mo-Fr 09:00-18:00 open \"ring twice\"",
            "2028-02-29 17:00",
            "The house is open now (ring twice), until today at 18:00. Then it is closed until tomorrow, Wednesday 1 March \
             2028, at 09:00; open (ring twice) until tomorrow, Wednesday 1 March 2028, at 18:00; closed until Thursday 2 \
             March 2028 at 09:00.",
        ),
    ];
    for (text, time, expected) in table {
        assert_eq!(told(text, time), expected, "{text} at {time}");
    }
}

#[test]
fn the_week_is_the_ordinary_one_and_what_differs_is_told_with_its_date() {
    let hours = hours("Mo-Fr 09:00-12:00,14:00-18:00; Sa 20:00-02:00; Dec 24 09:00-12:00; PH off");
    let week = "Monday to Friday 09:00 to 12:00 and 14:00 to 18:00; Saturday 20:00 to 02:00 of the next day; Sunday closed";
    for day in ["2026-11-28", "2026-12-21", "2026-12-25", "2026-12-27"] {
        let date: NaiveDate = day.parse().expect(day);
        assert_eq!(ENGLISH.week(&hours.week(date)), week, "{day}");
    }
    let exceptions = exceptions(&hours, "2026-11-29".parse().expect("a day"));
    assert_eq!(
        exceptions,
        "Thursday 24 December 2026 09:00 to 12:00; Friday 25 December 2026 closed; Friday 1 January 2027 closed; Monday 29 \
         March 2027 closed; Saturday 1 May 2027 closed; Sunday 2 May 2027 00:00 to 02:00; Thursday 6 May 2027 closed; \
         Saturday 8 May 2027 closed; Sunday 9 May 2027 00:00 to 02:00; Monday 17 May 2027 closed; Wednesday 14 July 2027 \
         closed; Saturday 14 August 2027 20:00 to midnight"
    );
    let next = |day: &str| {
        hours
            .next_closed_day(day.parse().expect(day))
            .map(|day| day.to_string())
    };
    assert_eq!(next("2026-12-21").as_deref(), Some("2026-12-25"));
    assert_eq!(next("2026-12-26").as_deref(), Some("2026-12-27"));
    let always = self::hours("24/7");
    assert_eq!(
        always.next_closed_day("2026-12-21".parse().expect("a day")),
        None
    );
    let season = self::hours("Apr-Sep Mo-Su 08:00-20:00; Oct-Mar Mo-Su 10:00-16:00");
    let of = |day: &str| ENGLISH.week(&season.week(day.parse().expect(day)));
    assert_eq!(of("2026-03-25"), "Monday to Sunday 10:00 to 16:00");
    assert_eq!(of("2026-04-07"), "Monday to Sunday 08:00 to 20:00");
}

#[test]
fn days_of_months_are_listed_only_as_far_as_the_parser_can_take_them() {
    let list = |count: usize| {
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
        ];
        let days = months
            .iter()
            .take(count)
            .map(|month| format!("{month} Su[1]"));
        format!("{} 10:00-12:00", days.collect::<Vec<_>>().join(","))
    };
    assert!(Hours::parse(&list(3), "").is_ok());
    for count in [4, 9] {
        let text = format!("Mo 09:00-12:00; {}", list(count));
        let fault = Hours::parse(&text, "").expect_err("too many");
        assert!(
            matches!(&fault, Fault::At { character: 17, why, .. } if why.contains("semicolons")),
            "{fault}"
        );
    }
    let rules: Vec<_> = (0..12).map(|_| list(3)).collect();
    assert!(Hours::parse(&rules.join("; "), "").is_ok());
    let told = format!("Mo 09:00-12:00 open \"{}\"", list(9));
    assert!(Hours::parse(&told, "").is_ok(), "a comment is no list");
}

/// A stream of numbers that is the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

#[test]
fn whatever_is_taken_can_be_told_and_what_is_not_is_refused_without_a_panic() {
    let all = [
        "Mo-Fr",
        "Sa",
        "Su",
        "PH",
        "PH -1 day",
        "PH +1 day",
        "Fr-Mo",
        "We[1]",
        "Th[-1]",
        "Dec 24-26",
        "Dec 25-Jan 05",
        "Feb 29",
        "Jan Su[1],Feb Su[1],Mar Su[1]",
        "Jan Su[1],Feb Su[1],Mar Su[1],Apr Su[1],May Su[1],Jun Su[1]",
        "2026 Dec",
        "2026Dec",
        "Jan",
        "Apr-Sep",
        "2027",
        "2026-2028",
        "week 10-20",
        "week 53",
        "easter",
        "easter -2 days",
        "24/7",
        "off",
        "open",
        "unknown",
        "closed",
        "09:00-18:00",
        "09:00-12:00,14:00-18:00",
        "20:00-02:00",
        "00:00-24:00",
        "12:00-36:00",
        "12:00-48:00",
        "00:00-00:00",
        "09:00-09:00",
        ";",
        ",",
        ":",
        "||",
        "+",
        "-",
        "\"x\"",
        "open \"x\"",
        "é",
        "",
    ];
    let mut numbers = Numbers(1);
    let mut taken = 0;
    for _ in 0..1500 {
        let length = 1 + numbers.below(7);
        let some: Vec<_> = (0..length).map(|_| all[numbers.below(all.len())]).collect();
        let text = some.join(" ").replace(" ;", ";").replace(" ,", ",");
        let hours = match Hours::parse(&text, "FR") {
            Ok(hours) => hours,
            Err(fault) => {
                let fault = fault.to_string();
                assert!(!fault.contains("hours after midnight"), "{text}: {fault}");
                continue;
            }
        };
        taken += 1;
        for day in ["2026-02-28 23:59", "2027-12-31 12:00", "2028-02-29 00:00"] {
            let now = at(day);
            let told = ENGLISH.now(&hours, now);
            assert!(told.starts_with("The house is "), "{text}: {told}");
            ENGLISH.week(&hours.week(now.date()));
        }
    }
    assert!(taken > 100, "only {taken} taken");
}

#[test]
fn a_holiday_of_a_part_of_the_country_leaves_it_open_whether_the_house_is() {
    let text = "Mo-Sa 09:00-18:00; PH off";
    let german = Hours::parse(text, "de").expect("right");
    assert_eq!(german.at(at("2026-12-25 12:00")), State::Closed);
    assert_eq!(german.at(at("2026-11-28 12:00")), State::Open);
    // All Saints' Day of 2027 is a Monday, and one in five of the sixteen states.
    assert_eq!(german.at(at("2027-11-01 12:00")), State::Unknown);
    // It is closed at night either way, and so it is on Sunday 1 November 2026.
    for (time, state) in [
        ("2027-11-01 03:00", State::Closed),
        ("2027-11-01 08:59", State::Closed),
        ("2027-11-01 09:00", State::Unknown),
        ("2027-11-01 17:59", State::Unknown),
        ("2027-11-01 18:00", State::Closed),
        ("2026-11-01 12:00", State::Closed),
    ] {
        assert_eq!(german.at(at(time)), state, "{time}");
    }
    let either = Hours::parse("Mo-Sa,PH 09:00-18:00", "DE").expect("right");
    assert_eq!(either.at(at("2027-11-01 12:00")), State::Open);
    assert_eq!(either.at(at("2026-11-01 12:00")), State::Unknown);
    let shorter = Hours::parse("Mo-Sa 09:00-18:00; PH 10:00-12:00", "DE").expect("right");
    let day = ENGLISH.day(&shorter.day("2027-11-01".parse().expect("a day")));
    assert_eq!(
        day,
        "09:00 to 10:00 (not certain), 10:00 to 12:00 and 12:00 to 18:00 (not certain)"
    );
    let settled = Hours::parse(&format!("{text}; Nov 01 off"), "DE").expect("right");
    assert_eq!(settled.at(at("2027-11-01 12:00")), State::Closed);
    let unknown = Hours::parse(text, "").expect("right");
    assert!(unknown.lacks_country && !german.lacks_country);
    assert_eq!(unknown.at(at("2026-12-25 12:00")), State::Open);
}

#[test]
fn a_fault_is_told_with_its_place_and_a_way_out() {
    let table = [
        ("Mo-Fr 9-18", 7, "9-18", "09:00-18:00"),
        ("Mo-Fr 09:00–18:00", 12, "–18:00", "typographic dash"),
        (
            "Mo-Fr 9:00 am-5:00 pm",
            12,
            "am-5:00 pm",
            "without am and pm",
        ),
        (
            "Lu-Ve 09:00-18:00",
            1,
            "Lu-Ve 09:00-18:00",
            "days are Mo, Tu",
        ),
        ("Mo-Fr 09:00-18:00; Sa 09:00-25:60", 32, "60", ""),
        (
            "Mo-Fr 09:00-12:00 || \"ask\"",
            19,
            "|| \"ask\"",
            "semicolon",
        ),
        ("Mo-Fr 17:00+", 12, "+", "when it ends"),
        ("Mo 10:00-16:00/01:30", 15, "/01:30", "from when to when"),
        ("sunrise-18:00", 1, "sunrise-18:00", "the hours of the sun"),
        ("Mo-Fr 09:00-18:00; SH off", 20, "SH off", "school holidays"),
        (
            "\"on request\"",
            1,
            "\"on request\"",
            "unknown \"by appointment\"",
        ),
        (
            "\"é\" ; Mo \"||\"",
            1,
            "\"é\" ; Mo \"||\"",
            "before a comment",
        ),
        ("Mo off \"é\"; Tu \"||\"", 16, "\"||\"", "before a comment"),
    ];
    for (text, place, from, why) in table {
        let fault = Hours::parse(text, "").expect_err(text);
        let Fault::At {
            character,
            rest,
            why: told,
        } = &fault
        else {
            panic!("{text}: {fault}");
        };
        assert!(told.contains(why), "{text}: {fault}");
        assert_eq!(
            (*character, rest.as_str()),
            (place, from),
            "{text}: {fault}"
        );
    }
    for country in ["XX", "France", "f"] {
        let fault = Hours::parse("Mo off", country).expect_err(country);
        assert_eq!(fault, Fault::Country(country.to_owned()));
    }
    assert!(Hours::parse(EXAMPLE, "FR").is_ok());
}
