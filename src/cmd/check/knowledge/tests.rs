//! Faults in what the model is told, planted one at a time: the doctor finds each, with its remedy.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;
use crate::cmd::check::finding::{Finding, Status, findings};

/// A folder with settings and facts, all of them in order until something in it is not.
struct House(testkit::TempDir);

impl House {
    fn new() -> Self {
        let house = Self(testkit::TempDir::new().expect("a temporary folder"));
        fs::create_dir(house.place("facts")).expect("made");
        fs::write(house.place("facts/prices.md"), "A haircut costs 25 euros.").expect("written");
        house
    }

    fn place(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What the doctor finds with these lines in the settings, where FACTS stands for the folder of facts.
    fn found(&self, lines: &str, variable: Option<&str>) -> Vec<Finding> {
        let lines = lines.replace("FACTS", &self.place("facts").display().to_string());
        let settings = format!(
            "[openai]\napi_key = 'sk-planted-0123456789'\n[llm.openai]\nmodel = 'gpt-6-luna'\n[state]\nfolder = '{}'\n{lines}\n",
            self.place("state").display()
        );
        let file = self.place("config.toml");
        fs::write(&file, settings).expect("written");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("ours");
        let arguments = Arguments::of_file(Some(file));
        let environment = |name: &str| variable.filter(|_| name == "TZ").map(str::to_owned);
        let config = Config::load(Needs::Stages, &arguments, &environment);
        let config = config.unwrap_or_else(|faults| panic!("{:?}", faults.all()));
        findings(|report| examine(&config, &arguments, &environment, report))
    }
}

const ALL: &str = "[knowledge]\nplace = 'Lyon, France'\ntime_zone = 'Europe/Paris'\nfacts = 'FACTS'\ncountry = 'FR'\n\
    opening_hours = 'Mo-Fr 09:00-12:00,14:00-18:00; Sa 09:00-12:00; Dec 25 off; PH off'\n\
    [persona.kitchen]\nopening_hours = 'Mo-Su 11:00-22:00'\nfacts = 'FACTS/prices.md'\nplace = 'the kitchen'";

#[test]
fn where_all_is_right_the_doctor_says_what_the_model_is_told_and_what_that_costs() {
    let found = House::new().found(ALL, None);
    assert!(
        found.iter().all(|finding| finding.status == Status::Ok),
        "{found:#?}"
    );
    let texts: Vec<_> = found.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(found.len(), 7, "{texts:#?}");
    assert!(texts[0].ends_with(" Europe/Paris"), "{texts:#?}");
    assert!(
        texts[1].ends_with("/facts, 25 of 48000 bytes"),
        "{texts:#?}"
    );
    let week = "Monday to Friday 09:00 to 12:00 and 14:00 to 18:00; Saturday 09:00 to 12:00; Sunday closed";
    assert_eq!(texts[2], week);
    assert!(texts[3].contains(" tokens: $0.00"), "{texts:#?}");
    assert!(texts[4].starts_with("persona kitchen: /"), "{texts:#?}");
    assert_eq!(texts[5], "persona kitchen: Monday to Sunday 11:00 to 22:00");
    assert!(
        texts[6].starts_with("persona kitchen: the model is told "),
        "{texts:#?}"
    );
    let found = House::new().found("", None);
    let ids: Vec<_> = found.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(ids, ["local time", "prompt"]);
}

#[test]
fn the_cost_of_a_question_counts_all_that_the_model_is_told() {
    let house = House::new();
    let cost = || {
        let found = house.found(ALL, None);
        let prompt = found.iter().find(|finding| finding.id == "prompt");
        let text = prompt.expect("told").text.replace('$', " ");
        let words = text
            .split(' ')
            .map(|word| word.trim_end_matches([',', ';']));
        let numbers = words.filter_map(|word| word.parse().ok());
        let [
            bytes,
            tokens,
            dollars,
            turn_bytes,
            turn_tokens,
            turn,
            turns,
            all,
        ] = numbers.collect::<Vec<f64>>()[..]
        else {
            panic!("{text}");
        };
        // How turns end, and that the call may be ended, is told in a conversation alone.
        assert!((300.0..900.0).contains(&(turn_bytes - bytes)), "{text}");
        assert!(turn_tokens > tokens && turn >= dollars, "{text}");
        assert!((all - turns * turn).abs() < turns * 1e-4, "{text}");
        (bytes, tokens, dollars)
    };
    let few = cost();
    let longer = 47_000.0;
    write(
        &house.place("facts"),
        "long.md",
        "x".repeat(47_000).as_bytes(),
    );
    let many = cost();
    let (bytes, tokens) = (many.0 - few.0, many.1 - few.1);
    assert!(
        (longer..longer + 10.0).contains(&bytes),
        "{few:?}, {many:?}"
    );
    assert!((bytes / 3.0 - tokens).abs() < 2.0, "{few:?}, {many:?}");
    // A million tokens cost $0.10.
    assert!(
        (tokens * 0.10 / 1e6 - (many.2 - few.2)).abs() < 2e-4,
        "{few:?}, {many:?}"
    );
}

#[test]
fn a_machine_that_does_not_say_where_it_is_is_told() {
    let mut clock = Clock::of("UTC", &|_| None).expect("it is known");
    clock.is_assumed = true;
    let found = findings(|report| report_clock(&Ok(clock), report));
    assert_eq!(found[0].status, Status::Warn);
    assert!(found[0].text.contains("in UTC"), "{found:?}");
}

/// What is wrong: its name, the settings, the variable TZ, and what becomes of the folder of facts.
type Fault = (&'static str, &'static str, Option<&'static str>, fn(&Path));

/// Nothing becomes of the facts.
fn stay(_: &Path) {}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes).expect("written");
}

fn open_to_all(path: &Path) {
    let mode = fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode();
    fs::set_permissions(path, Permissions::from_mode(mode | 0o002)).expect("ours");
}

macro_rules! hours {
    ($hours:literal) => {
        concat!("[knowledge]\nopening_hours = '", $hours, "'")
    };
}
const FACTS: &str = "[knowledge]\nfacts = 'FACTS'";

const FAULTS: &[(Fault, &str, &str)] = &[
    (
        (
            "a zone that there is not",
            "[knowledge]\ntime_zone = 'Europe/Lyon'",
            None,
            stay,
        ),
        "local time",
        "list-timezones",
    ),
    (
        (
            "a zone of another form",
            "[knowledge]\ntime_zone = 'CET-1CEST'",
            None,
            stay,
        ),
        "local time",
        "list-timezones",
    ),
    (
        (
            "a zone that is a path",
            "[knowledge]\ntime_zone = '../localtime'",
            None,
            stay,
        ),
        "local time",
        "list-timezones",
    ),
    (
        (
            "a variable that is no zone",
            "",
            Some("Nowhere/Atall"),
            stay,
        ),
        "local time",
        "tzdata",
    ),
    (
        (
            "a variable that is no file",
            "",
            Some("/etc/hostname"),
            stay,
        ),
        "local time",
        "tzdata",
    ),
    (
        (
            "facts that are not there",
            "[knowledge]\nfacts = '/nowhere/facts.md'",
            None,
            stay,
        ),
        "facts",
        "write them, or change facts",
    ),
    (
        (
            "a path from nowhere",
            "[knowledge]\nfacts = 'facts.md'",
            None,
            stay,
        ),
        "facts",
        "the whole path",
    ),
    (
        ("a device", "[knowledge]\nfacts = '/dev/zero'", None, stay),
        "facts",
        "put a text file there",
    ),
    (
        ("Latin-1", FACTS, None, |it| {
            write(it, "a.md", b"Caf\xe9");
        }),
        "facts",
        "save the file as UTF-8",
    ),
    (
        ("UTF-16", FACTS, None, |it| {
            write(it, "a.md", b"\xff\xfeC\0");
        }),
        "facts",
        "save the file as UTF-8",
    ),
    (
        ("a NUL", FACTS, None, |it| {
            write(it, "a.txt", b"Tea\0");
        }),
        "facts",
        "save the file as UTF-8",
    ),
    (
        ("too long a file", FACTS, None, |it| {
            write(it, "a.md", &[b'a'; 48_001]);
        }),
        "facts",
        "keep what callers ask for",
    ),
    (
        ("together too long", FACTS, None, |it| {
            write(it, "a.md", &[b'a'; 47_990]);
        }),
        "facts",
        "keep what callers ask for",
    ),
    (
        ("a file that all may write", FACTS, None, |it| {
            open_to_all(&it.join("prices.md"));
        }),
        "facts",
        "chmod o-w ",
    ),
    (
        ("a folder that all may write", FACTS, None, open_to_all),
        "facts",
        "chmod o-w ",
    ),
    (
        ("another ending", FACTS, None, |it| {
            fs::rename(it.join("prices.md"), it.join("prices.doc")).expect("moved");
        }),
        "facts",
        ".md or .txt",
    ),
    (
        ("a link to nothing", FACTS, None, |it| {
            symlink("/nowhere/a.md", it.join("a.md")).expect("linked");
        }),
        "facts",
        "write them, or change facts",
    ),
    (
        ("empty facts", FACTS, None, |it| {
            write(it, "prices.md", b"\n");
        }),
        "facts",
        "write down what callers ask for",
    ),
    (
        ("hours without minutes", hours!("Mo-Fr 9-18"), None, stay),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        (
            "a typographic dash",
            hours!("Mo–Fr 09:00-18:00"),
            None,
            stay,
        ),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        ("am and pm", hours!("Mo-Fr 9:00 am-5:00 pm"), None, stay),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        (
            "days of another language",
            hours!("Lu-Ve 09:00-18:00"),
            None,
            stay,
        ),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        (
            "rules that stand in",
            hours!("Mo-Fr 09:00-18:00 || \"ask\""),
            None,
            stay,
        ),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        ("no end", hours!("Fr 20:00+"), None, stay),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        (
            "times that repeat",
            hours!("Mo 10:00-16:00/01:30"),
            None,
            stay,
        ),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        ("the sun", hours!("sunrise-sunset"), None, stay),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        (
            "school holidays",
            hours!("Mo-Fr 09:00-18:00; SH off"),
            None,
            stay,
        ),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        ("a comment alone", hours!("\"by appointment\""), None, stay),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        (
            "a country that there is not",
            "[knowledge]\ncountry = 'XX'\nopening_hours = 'Mo off'",
            None,
            stay,
        ),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        (
            "holidays of no country",
            hours!("Mo-Fr 09:00-18:00; PH off"),
            None,
            stay,
        ),
        "opening hours",
        "set country",
    ),
    (
        ("never open", hours!("Mo-Fr 09:00-18:00; off"), None, stay),
        "opening hours",
        "phone-assistant hours",
    ),
    (
        (
            "a persona's hours",
            "[persona.a]\nopening_hours = 'Mo-Fr 9-18'",
            None,
            stay,
        ),
        "opening hours",
        "Mo-Fr 09:00-12:00",
    ),
    (
        (
            "a persona's facts",
            "[persona.a]\nfacts = '/nowhere/a.md'",
            None,
            stay,
        ),
        "facts",
        "write them, or change facts",
    ),
];

#[test]
fn each_of_more_than_25_planted_faults_is_found_with_its_remedy() {
    assert!(FAULTS.len() > 25);
    for ((name, settings, variable, plant), id, remedy) in FAULTS {
        let house = House::new();
        plant(&house.place("facts"));
        let found = house.found(settings, *variable);
        let ill: Vec<_> = found
            .iter()
            .filter(|finding| finding.status > Status::Ok)
            .collect();
        let [only] = &ill[..] else {
            panic!("{name}: {found:#?}");
        };
        assert_eq!(only.id, *id, "{name}: {only:#?}");
        assert!(only.remedy.contains(remedy), "{name}: {only:#?}");
        assert!(!only.text.contains(&only.remedy), "{name}: {only:#?}");
        let is_persona = only.text.starts_with("persona a: ");
        assert_eq!(
            is_persona,
            name.starts_with("a persona"),
            "{name}: {only:#?}"
        );
    }
}
