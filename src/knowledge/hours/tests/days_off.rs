//! The days that are told beside the ordinary week, and that week itself.

use super::*;

#[test]
fn days_off_are_told_however_many_they_are_and_however_far_apart() {
    let week = "Mo-Su 09:00-18:00";
    let table = [
        (
            "Dec 25 off; Jan 01 off",
            "2026-12-20",
            "Friday 25 December 2026 closed; Friday 1 January 2027 closed",
        ),
        (
            "Dec 24 off; Dec 31 off",
            "2026-12-24",
            "Thursday 24 December 2026 closed; Thursday 31 December 2026 closed",
        ),
        (
            "Aug 01-21 off",
            "2026-07-20",
            "Saturday 1 to Friday 21 August 2026 closed",
        ),
        (
            "Aug 01-21 off",
            "2026-08-12",
            "Wednesday 12 to Friday 21 August 2026 closed",
        ),
        (
            "Dec 24-Jan 01 off",
            "2026-12-01",
            "Thursday 24 December 2026 to Friday 1 January 2027 closed",
        ),
        (
            "Su off; Aug 03-21 off",
            "2026-08-01",
            "Monday 3 to Friday 21 August 2026 closed",
        ),
        (
            "Dec 03 off; Dec 10 off",
            "2026-11-28",
            "Thursday 3 December 2026 closed; Thursday 10 December 2026 closed",
        ),
        (
            "Jul 30-Aug 20 10:00-12:00",
            "2026-06-02",
            "Thursday 30 July to Thursday 20 August 2026 10:00 to 12:00",
        ),
        (
            "Dec 24 09:00-18:00 open \"ring twice\"",
            "2026-12-20",
            "Thursday 24 December 2026 09:00 to 18:00 (ring twice)",
        ),
    ];
    for (off, today, expected) in table {
        let all = hours(&format!("{week}; {off}"));
        let today = today.parse().expect(today);
        assert_eq!(exceptions(&all, today), expected, "{off}");
        let told = ENGLISH.week(&all.week(today));
        let days = if off.starts_with("Su") {
            "Saturday"
        } else {
            "Sunday"
        };
        assert!(
            told.starts_with(&format!("Monday to {days} 09:00 to 18:00")),
            "{off}: {told}"
        );
    }
    let on_weekdays = hours("Mo-Fr 09:00-18:00; Dec 03 off; Dec 10 off");
    let told = exceptions(&on_weekdays, "2026-11-28".parse().expect("a day"));
    assert!(
        told.contains("3 December") && told.contains("10 December"),
        "{told}"
    );
}

#[test]
fn where_too_many_days_differ_the_model_is_told_from_when_on_they_are_left_out() {
    let days: Vec<_> = (1..=15).map(|day| format!("Dec {:02}", 2 * day)).collect();
    let all = hours(&format!("Mo-Su 09:00-18:00; {} off", days.join(",")));
    let told = exceptions(&all, "2026-12-01".parse().expect("a day"));
    assert_eq!(told.matches("closed").count(), 12, "{told}");
    let end = "Thursday 24 December 2026 closed; from Saturday 26 December 2026 on there are more, which you are not told";
    assert!(told.ends_with(end), "{told}");
}

#[test]
fn the_morning_after_a_whole_day_and_times_with_other_comments_are_told() {
    let table = [
        (
            "Mo-Fr 00:00-24:00; Sa 00:00-12:00",
            "Monday to Friday all day; Saturday 00:00 to 12:00; Sunday closed",
        ),
        (
            "Mo-Su 08:00-12:00 open \"shop\", Mo-Su 12:00-18:00 open \"workshop\"",
            "Monday to Sunday 08:00 to 12:00 (shop) and 12:00 to 18:00 (workshop)",
        ),
    ];
    for (text, week) in table {
        let told = ENGLISH.week(&hours(text).week("2026-11-28".parse().expect("a day")));
        assert_eq!(told, week, "{text}");
    }
}
