//! The local time of a house, by the time zones that the machine has: <https://www.rfc-editor.org/rfc/rfc9636>.

use std::error::Error as StdError;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use serde::{Deserialize, Serialize};
use tz::timezone::{TimeZone, TimeZoneSettings};

use crate::config::Environment;
use crate::sys::plain::quoted;
use crate::sys::{date, files};

/// Why the local time is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Not a name of the zones that there are.
    #[error(
        "there is no time zone {} on this machine; timedatectl list-timezones shows their names, such as Europe/Paris",
        quoted(.0)
    )]
    Unknown(String),
    /// The machine has no time zones at all.
    #[error(
        "this machine has no time zones, so {} is not found in {ZONES}; install the package tzdata",
        quoted(.0)
    )]
    NoZones(String),
    /// The zone's file cannot be used.
    #[error(
        "the time zone {name} cannot be used; install the package tzdata anew, or set time_zone under [knowledge]"
    )]
    Damaged {
        /// The zone's name, or where it was found.
        name: String,
        /// Why.
        source: tz::Error,
    },
}

/// The clock on the wall of a house.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    zone: TimeZone,
    /// The name of the zone; empty where it has none.
    pub(crate) name: String,
    /// Whether the machine does not say where it is, so that UTC is its local time.
    pub(crate) is_assumed: bool,
}

impl Clock {
    /// The clock of the zone called `name`; where that is empty, the machine's, as `TZ` and `/etc/localtime` say.
    ///
    /// # Errors
    /// [`Error`]
    pub(crate) fn of(name: &str, environment: Environment<'_>) -> Result<Self, Error> {
        match (name, environment("TZ")) {
            ("", Some(variable)) => Self::of_variable(&variable),
            ("", None) => Self::of_machine(Path::new(LOCAL)),
            (name, _) => Self::named(name, FOLDERS),
        }
    }

    /// The local date and time; `None` where the zone ends before.
    pub(crate) fn local(&self, now: SystemTime) -> Option<NaiveDateTime> {
        let seconds = i64::try_from(date::seconds(now)).ok()?;
        let offset = self.zone.find_local_time_type(seconds).ok()?.ut_offset();
        let utc = DateTime::from_timestamp(seconds, 0)?.naive_utc();
        utc.checked_add_signed(TimeDelta::seconds(offset.into()))
    }

    /// What tells this clock from others: its name, and by how many minutes it is ahead of UTC now and half a year later.
    pub(crate) fn mark(&self, now: SystemTime) -> Mark {
        let ahead = |now: SystemTime| {
            let seconds = i64::try_from(date::seconds(now)).ok()?;
            let kind = self.zone.find_local_time_type(seconds).ok()?;
            Some(kind.ut_offset() / 60)
        };
        Mark {
            name: self.name.clone(),
            ahead: [ahead(now), ahead(now + HALF_A_YEAR)],
        }
    }

    fn named(name: &str, folders: &[&str]) -> Result<Self, Error> {
        // The name becomes a path below the folders of zones and must not lead out of them.
        let is_part = |part: &str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte);
            !part.is_empty() && part.bytes().all(fits)
        };
        let is_name = name.split('/').all(is_part);
        if !is_name
            || !folders
                .iter()
                .any(|folder| Path::new(folder).join(name).is_file())
        {
            let has_zones = folders.iter().any(|folder| Path::new(folder).is_dir());
            return Err(if has_zones {
                Error::Unknown(name.to_owned())
            } else {
                Error::NoZones(name.to_owned())
            });
        }
        // With a colon it is a file's name and no rule.
        Self::read(&format!(":{name}"), name)
    }

    fn of_variable(variable: &str) -> Result<Self, Error> {
        let name = variable.trim_start_matches(':');
        // As in the C library.
        if name.is_empty() || name == "UTC" {
            return Ok(Self::utc(false));
        }
        Self::read(variable, &zone_of(Path::new(name)).unwrap_or_default())
    }

    fn of_machine(file: &Path) -> Result<Self, Error> {
        match fs::symlink_metadata(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::utc(true)),
            _ => {}
        }
        let name = fs::read_link(file).ok().and_then(|to| zone_of(&to));
        Self::read(&file.display().to_string(), &name.unwrap_or_default())
    }

    fn read(what: &str, name: &str) -> Result<Self, Error> {
        let settings = TimeZoneSettings::new(FOLDERS, |path| {
            let bytes = files::read(Path::new(path), MAX_FILE);
            bytes.map_err(|error| -> Box<dyn StdError + Send + Sync> { error.into() })
        });
        match settings.parse_posix_tz(what) {
            Ok(zone) => Ok(Self {
                zone,
                name: name.to_owned(),
                is_assumed: false,
            }),
            Err(source) => Err(Error::Damaged {
                name: what.trim_start_matches(':').to_owned(),
                source,
            }),
        }
    }

    fn utc(is_assumed: bool) -> Self {
        Self {
            zone: TimeZone::utc(),
            name: "UTC".to_owned(),
            is_assumed,
        }
    }
}

/// What a clock is known by to another process.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Mark {
    name: String,
    ahead: [Option<i32>; 2],
}

/// Two zones that show the same time are one clock, whatever their names.
impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        self.ahead == other.ahead
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name.as_str(), self.ahead[0]) {
            ("", Some(ahead)) => write!(f, "UTC{:+03}:{:02}", ahead / 60, ahead.abs() % 60),
            ("", None) => f.write_str("one without a name"),
            (name, _) => f.write_str(name),
        }
    }
}

/// The zone's name in the path of its file, or in itself.
fn zone_of(path: &Path) -> Option<String> {
    let path = path.to_str()?;
    let name = match path.split_once("zoneinfo/") {
        Some((_, name)) => name,
        None => path,
    };
    let is_name = !name.starts_with(['/', '.']) && name.contains('/') && !name.contains(',');
    is_name.then(|| name.to_owned())
}

/// From a date in winter to one in summer.
const HALF_A_YEAR: Duration = Duration::from_secs(182 * 24 * 60 * 60);

/// Where machines have their zones.
const FOLDERS: &[&str] = &[ZONES, "/usr/share/lib/zoneinfo", "/etc/zoneinfo"];
const ZONES: &str = "/usr/share/zoneinfo";
const LOCAL: &str = "/etc/localtime";

/// The largest zone has 4 kB.
const MAX_FILE: u64 = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn clock(name: &str) -> Clock {
        Clock::of(name, &|_| None).expect(name)
    }

    fn shown(clock: &Clock, seconds: u64) -> String {
        let local = clock.local(at(seconds)).expect("a time");
        local.format("%a %Y-%m-%d %H:%M:%S").to_string()
    }

    /// Python's zoneinfo wrote the table: a line for each run of hours with the same offset.
    #[test]
    fn local_time_is_right_in_each_hour_of_a_year_in_three_zones() {
        let table = include_str!("../../tests/data/local-times.tsv");
        let mut hours = 0;
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<_> = line.split('\t').collect();
            let [zone, from, count, first, last] = fields[..] else {
                panic!("{line}");
            };
            let clock = clock(zone);
            let from: u64 = from.parse().expect("seconds");
            let count: u64 = count.parse().expect("a number");
            let begin = clock.local(at(from)).expect("a time");
            assert_eq!(shown(&clock, from), first, "{line}");
            assert_eq!(shown(&clock, from + (count - 1) * 3600), last, "{line}");
            for hour in 0..count {
                let local = clock.local(at(from + hour * 3600)).expect("a time");
                let passed = TimeDelta::hours(i64::try_from(hour).expect("few"));
                assert_eq!(local, begin + passed, "{line}, hour {hour}");
            }
            hours += count;
        }
        assert_eq!(hours, 3 * 366 * 24);
    }

    #[test]
    fn a_machine_without_zones_is_told_from_a_name_that_none_has() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let folder = folder.path().to_str().expect("a plain name");
        let unknown = Clock::named("Europe/Paris", &["/nowhere", folder]);
        assert!(matches!(unknown, Err(Error::Unknown(_))), "{unknown:?}");
        let none = Clock::named("Europe/Paris", &["/nowhere"]);
        assert!(matches!(none, Err(Error::NoZones(_))), "{none:?}");
    }

    #[test]
    fn the_machine_is_asked_where_no_zone_is_named() {
        let winter = 1_705_276_800;
        let of = |variable: &'static str| {
            let environment = move |name: &str| (name == "TZ").then(|| variable.to_owned());
            Clock::of("", &environment)
        };
        for (variable, name, expected) in [
            ("Asia/Tokyo", "Asia/Tokyo", "Mon 2024-01-15 09:00:00"),
            (":Asia/Tokyo", "Asia/Tokyo", "Mon 2024-01-15 09:00:00"),
            (
                "/usr/share/zoneinfo/Asia/Tokyo",
                "Asia/Tokyo",
                "Mon 2024-01-15 09:00:00",
            ),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "", "Mon 2024-01-15 01:00:00"),
            ("", "UTC", "Mon 2024-01-15 00:00:00"),
            ("UTC", "UTC", "Mon 2024-01-15 00:00:00"),
        ] {
            let clock = of(variable).expect(variable);
            assert_eq!(shown(&clock, winter), expected, "{variable}");
            assert_eq!(
                (clock.name.as_str(), clock.is_assumed),
                (name, false),
                "{variable}"
            );
        }
        assert!(matches!(of("Nowhere/Atall"), Err(Error::Damaged { .. })));

        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("localtime");
        let none = Clock::of_machine(&file).expect("UTC");
        assert!(none.is_assumed);
        assert_eq!(shown(&none, winter), "Mon 2024-01-15 00:00:00");
        symlink("/usr/share/zoneinfo/America/New_York", &file).expect("linked");
        let linked = Clock::of_machine(&file).expect("a zone");
        assert_eq!(
            (linked.name.as_str(), linked.is_assumed),
            ("America/New_York", false)
        );
        assert_eq!(shown(&linked, winter), "Sun 2024-01-14 19:00:00");
        fs::remove_file(&file).expect("removed");
        fs::write(&file, "no zone").expect("written");
        assert!(matches!(
            Clock::of_machine(&file),
            Err(Error::Damaged { .. })
        ));
    }

    #[test]
    fn clocks_are_one_where_they_show_the_same_time_in_winter_and_in_summer() {
        let mark = |variable: &str| {
            let clock = Clock::of("", &|_| Some(variable.to_owned())).expect(variable);
            clock.mark(at(1_705_276_800))
        };
        for (one, other, are_one) in [
            ("Europe/Paris", "Europe/Berlin", true),
            ("Europe/Paris", "CET-1CEST,M3.5.0,M10.5.0/3", true),
            ("UTC", "Etc/UTC", true),
            ("Europe/Paris", "Africa/Algiers", false),
            ("Europe/Paris", "Asia/Tokyo", false),
        ] {
            assert_eq!(mark(one) == mark(other), are_one, "{one} {other}");
        }
        for (variable, shown) in [
            ("Asia/Tokyo", "Asia/Tokyo"),
            ("IST-5:30", "UTC+05:30"),
            ("NST3:30", "UTC-03:30"),
        ] {
            assert_eq!(mark(variable).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_zone_is_named_and_leads_to_no_other_file() {
        for name in [
            "Europe/Lyon",
            "CET-1CEST",
            "../../../etc/passwd",
            "/etc/localtime",
            "Europe",
            "Europe/",
            " ",
        ] {
            let error = Clock::of(name, &|_| None).expect_err(name);
            assert!(matches!(error, Error::Unknown(_)), "{name}: {error}");
            assert!(error.to_string().contains("Europe/Paris"), "{error}");
        }
    }
}
