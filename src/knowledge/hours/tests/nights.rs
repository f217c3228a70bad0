//! Nights that last past midnight, beside rules of all kinds.

use super::*;

#[test]
fn a_month_of_one_year_lasts_to_its_end_beside_a_night_too() {
    for (month, from, to) in [
        ("2026 Dec", 1, 31),
        ("2026 Dec 01-31", 1, 31),
        ("2026 Dec 05-07", 5, 7),
    ] {
        for night in ["", "Fr 20:00-02:00; ", "Fr 20:00-02:00 open \"2026Dec\"; "] {
            let text = format!("Mo-Su 09:00-18:00; {night}{month} off");
            let hours = hours(&text);
            for day in 1..=31 {
                let state = hours.at(at(&format!("2026-12-{day:02} 22:00")));
                let is_friday = !night.is_empty() && [4, 11, 18, 25].contains(&day);
                let is_off = (from..=to).contains(&day);
                let expected = if is_friday && !is_off {
                    State::Open
                } else {
                    State::Closed
                };
                assert_eq!(state, expected, "{text} on day {day}");
                let noon = hours.at(at(&format!("2026-12-{day:02} 12:00")));
                let is_open = !is_off && (night.is_empty() || ![4, 11, 18, 25].contains(&day));
                assert_eq!(noon == State::Open, is_open, "{text} on day {day}");
            }
            assert_eq!(hours.at(at("2027-12-02 12:00")), State::Open, "{text}");
        }
    }
    for (text, place) in [
        ("2026Dec off", 1),
        ("Mo-Sa 09:00-18:00; Fr 20:00-02:00; 2026Nov-Dec off", 36),
        ("2026 Dec 24 off; Mo-Fr 09:00-18:00; 2027Jan off", 37),
    ] {
        let fault = Hours::parse(text, "").expect_err(text).to_string();
        assert!(fault.contains("2026 Dec 01-31"), "{fault}");
        let place = format!("at character {place},");
        assert!(fault.contains(&place), "{fault}");
    }
}

#[test]
fn no_night_is_lost_where_an_earlier_rule_is_about_the_next_day() {
    let bar = hours("Su-Th 17:00-23:00; Fr-Sa 17:00-01:00 open \"live\"; Dec 24 17:00-20:00");
    // A Saturday night.
    for (time, state) in [
        ("2026-11-28 23:59", State::Open),
        ("2026-11-29 00:59", State::Open),
        ("2026-11-29 01:00", State::Closed),
        ("2026-11-29 17:00", State::Open),
        ("2026-11-30 00:30", State::Closed),
        ("2026-12-24 21:00", State::Closed),
    ] {
        assert_eq!(bar.at(at(time)), state, "{time}");
    }
    let week = ENGLISH.week(&bar.week("2026-11-28".parse().expect("a day")));
    assert_eq!(
        week,
        "Monday to Thursday 17:00 to 23:00; Friday and Saturday 17:00 to 01:00 of the next day (live); Sunday 17:00 to 23:00"
    );
}

#[test]
fn a_night_of_no_day_is_one_of_each_day() {
    for text in [
        "18:00-02:00",
        "18:00-02:00; 2026 Dec off",
        "2027 off; 18:00-02:00; 2027 off",
    ] {
        let hours = hours(text);
        for (time, state) in [
            ("2026-11-28 01:59", State::Open),
            ("2026-11-28 02:00", State::Closed),
            ("2026-11-28 18:00", State::Open),
            ("2026-11-28 23:59", State::Open),
        ] {
            assert_eq!(hours.at(at(time)), state, "{text} at {time}");
        }
    }
}

#[test]
fn nights_are_kept_of_whatever_days_they_are() {
    for days in [
        "PH +1 day",
        "PH -1 day",
        "PH,Fr",
        "Su[1] +2 days",
        "easter +1 day",
        "easter -2 days-easter +1 day",
        "Dec 25-Jan 05",
        "Dec Su[-1]",
        "Jan-Mar",
        "2026 Dec",
        "2026 Dec 24-2027 Jan 05",
        "2026-2028 Fr",
        "2026+ Fr",
        "week 1-53/2 Fr",
        "Apr-Sep: Fr,Sa",
    ] {
        for rest in [
            "20:00-02:00",
            "20:00-26:00 open \"2026Dec\"",
            "08:00-12:00,20:00-02:00 unknown \"x\"",
        ] {
            let text = format!("Mo-Su 09:00-18:00; {days} {rest}");
            if let Err(fault) = Hours::parse(&text, "FR") {
                panic!("{text}: {fault}");
            }
        }
    }
}
