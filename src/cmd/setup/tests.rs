//! What is asked, what is written, and what is shown of it.

use std::fs;
use std::time::Instant;

use super::writing::owner;
use super::*;

const KEY: &str = "AQ.Ab8RN6I0123456789wxyz";
const OTHER: &str = "AQ.Ab8RN6I9876543210abcd";

/// Answers in their order; what was asked is noted, hidden answers with a star.
struct Scripted {
    answers: Vec<&'static str>,
    asked: Vec<String>,
}

impl Scripted {
    fn answer(&mut self, question: &str) -> io::Result<String> {
        self.asked.push(question.to_owned());
        if self.answers.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(format!("{}\n", self.answers.remove(0)))
    }
}

impl Asker for Scripted {
    fn ask(&mut self, question: &str) -> io::Result<String> {
        self.answer(question)
    }

    fn ask_hidden(&mut self, question: &str) -> io::Result<String> {
        self.answer(&format!("*{question}"))
    }
}

/// The variables of an environment.
type Variables = &'static [(&'static str, &'static str)];

/// A run with these settings, this key and these answers; none where there is no terminal.
struct Case {
    before: &'static str,
    key: Option<&'static str>,
    language: Option<&'static str>,
    voice: Option<&'static str>,
    answers: Option<&'static [&'static str]>,
    environment: Variables,
    may_replace: bool,
    today: u64,
}

const NOTHING: Case = Case {
    before: "secrets.allow_readable = true\n",
    key: None,
    language: None,
    voice: None,
    answers: None,
    environment: &[],
    may_replace: false,
    today: TODAY,
};

/// 2026-11-28, on which OpenAI has its voices, and the day on which it has them no more.
const TODAY: u64 = 20_785;
const WITHOUT_VOICES: u64 = 20_824;

#[test]
fn the_keys_are_for_the_group_that_a_person_has_named() {
    let named = Some("65534".to_owned());
    let question = Question {
        root: "/".into(),
        user: named.clone(),
        group: named,
    };
    let own = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let expected = if own.0 == 0 { (0, 65_534) } else { own };
    assert_eq!(owner(&question).expect("a number"), expected);
}

/// How it ended, the settings afterwards, what was said, and what was asked.
fn done(case: &Case) -> (Result<(), Error>, String, String, Vec<String>) {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("config.toml");
    let key_file = folder.path().join("key");
    testkit::write_secret(&key_file, OTHER);
    let before = case
        .before
        .replace("KEY_FILE", &key_file.display().to_string());
    testkit::write_secret(&file, &before);
    let options = Options {
        config: Some(file.clone()),
        key: case.key.map(str::to_owned),
        language: case.language.map(str::to_owned),
        user: None,
        group: None,
        voice: case.voice.map(str::to_owned),
        is_tried: false,
        may_replace: case.may_replace,
        today: case.today,
    };
    let mut scripted = Scripted {
        answers: case.answers.unwrap_or_default().to_vec(),
        asked: Vec::new(),
    };
    let asker: Option<&mut dyn Asker> = match case.answers {
        Some(_) => Some(&mut scripted),
        None => None,
    };
    let mut out = Vec::new();
    let credential = folder.path().join("phone-assistant.gemini.api_key");
    testkit::write_secret(&credential, OTHER);
    let environment = |name: &str| {
        let mut all = case.environment.iter();
        let found = all.find(|(variable, _)| *variable == name)?;
        Some(
            found
                .1
                .replace("FOLDER", &folder.path().display().to_string()),
        )
    };
    let ended = run(options, asker, &environment, Instant::now, &mut out);
    let after = fs::read_to_string(&file).expect("it is there");
    let said = String::from_utf8(out).expect("text");
    (ended, after, said, scripted.asked)
}

#[test]
fn what_is_given_is_not_asked_and_is_written() {
    let case = Case {
        before: "secrets.allow_readable = true\n[gemini]\napi_key = \"\"   # from there\n[stt]\n#language = \"en-US\"\n",
        key: Some(KEY),
        language: Some("de-DE"),
        ..NOTHING
    };
    let (ended, after, said, _) = done(&case);
    ended.expect("done");
    let expected = format!(
        "secrets.allow_readable = true\n[gemini]\napi_key = \"{KEY}\"   # from there\n[stt]\nlanguage = \"de-DE\"\n\
         #language = \"en-US\"\n"
    );
    assert_eq!(after, expected);
    for part in [
        "gemini.api_key: none -> …wxyz",
        "stt.language: not set -> de-DE",
        "https://ai.google.dev/gemini-api/terms",
        "a school's telephone",
        "cloud services for speech with a service account",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(!said.contains(KEY), "{said}");
}

#[test]
fn what_is_not_given_is_asked_where_there_is_somebody() {
    let case = Case {
        answers: Some(&["sk-proj-0123456789abcdef", "fr-FR", "onyx"]),
        ..NOTHING
    };
    let (ended, after, said, asked) = done(&case);
    ended.expect("done");
    let settings: toml::Table = after.parse().expect("TOML");
    let text = |path: &[&str]| {
        let value = path
            .iter()
            .try_fold(None, |value: Option<&toml::Value>, name| {
                let next = value.map_or_else(|| settings.get(*name), |value| value.get(name));
                next.map(Some)
            });
        value.flatten().and_then(toml::Value::as_str)
    };
    assert_eq!(
        text(&["openai", "api_key"]),
        Some("sk-proj-0123456789abcdef")
    );
    assert_eq!(text(&["llm", "openai", "model"]), Some(MODEL_OF_OPENAI));
    assert_eq!(text(&["stt", "language"]), Some("fr-FR"));
    assert_eq!(text(&["tts", "openai", "voice"]), Some("onyx"));
    let beginnings = ["*Key: ", "Language ", "Voice [nova]: "];
    assert_eq!(asked.len(), beginnings.len(), "{asked:?}");
    for (asked, beginning) in asked.iter().zip(beginnings) {
        assert!(asked.starts_with(beginning), "{asked}");
    }
    assert!(said.contains("Voices: alloy, ash, "), "{said}");
    assert!(!said.contains("marin"), "tts-1 has no such voice: {said}");
}

#[test]
fn a_key_that_is_there_is_replaced_only_by_word_and_shown_by_its_end() {
    let before = "secrets.allow_readable = true\n[gemini]\napi_key = \"AQ.Ab8RN6I0123456789wxyz\"\n\
                  [google]\ncredentials = \"/c/key.json\"\n[tts]\nprovider = \"google\"\n";
    let changed = before.replace(KEY, OTHER);
    let table: [(&'static [&'static str], bool, Option<&str>); 5] = [
        (&["", ""], false, None),
        (&[OTHER, "", "y"], false, Some(&changed)),
        (&[OTHER, "", "n"], false, None),
        (&[OTHER, ""], false, None),
        (&[OTHER, ""], true, Some(&changed)),
    ];
    for (answers, may_replace, expected) in table {
        let case = Case {
            before,
            answers: Some(answers),
            may_replace,
            ..NOTHING
        };
        let (ended, after, said, asked) = done(&case);
        assert_eq!(after, expected.unwrap_or(before), "{answers:?}");
        assert!(
            asked[0].contains("[keep the one that ends in …wxyz]"),
            "{asked:?}"
        );
        assert_eq!(
            ended.is_ok(),
            expected.is_some() || answers.len() == 2 && answers[0].is_empty()
        );
        if answers[0] == OTHER {
            assert!(said.contains("gemini.api_key: …wxyz -> …abcd"), "{said}");
        }
        assert!(!said.contains(KEY) && !said.contains(OTHER), "{said}");
    }
}

#[test]
fn what_cannot_be_used_changes_nothing_and_is_named() {
    let keyed = "secrets.allow_readable = true\nopenai.api_key = 'sk-proj-0123456789abcdef'\nllm.openai.model = 'm'\n";
    let table = [
        (NOTHING, "there is no key yet; give one with --api-key-file"),
        (
            Case {
                answers: Some(&[""]),
                ..NOTHING
            },
            "there is no key yet",
        ),
        (
            Case {
                answers: Some(&["{"]),
                ..NOTHING
            },
            "give the JSON file with --api-key-file",
        ),
        (
            Case {
                key: Some("hunter2"),
                ..NOTHING
            },
            "this key's form is not recognised",
        ),
        (
            Case {
                key: Some(KEY),
                language: Some("German!"),
                ..NOTHING
            },
            "is no language",
        ),
        (
            Case {
                before: keyed,
                voice: Some("Kore"),
                ..NOTHING
            },
            "Kore is no voice of openai",
        ),
        (
            Case {
                before: "stt = ",
                ..NOTHING
            },
            "fix them first",
        ),
        (
            Case {
                before: "[stt]\nlangauge = 'x'\n",
                key: Some(KEY),
                ..NOTHING
            },
            "fix them first",
        ),
    ];
    for (case, expected) in table {
        let (ended, after, ..) = done(&case);
        let error = ended.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        assert_eq!(after, case.before);
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line_as_other_commands_do() {
    for (before, words) in [
        (
            "[stt]\n[tts]\n[stt]\n",
            "line 3, column 2: [stt] stands twice",
        ),
        ("[tts]\nspeed = 1,5\n", "line 2, column 10: a decimal point"),
    ] {
        let (ended, ..) = done(&Case { before, ..NOTHING });
        let Err(Error::Config(faults)) = ended else {
            panic!("{ended:?}")
        };
        let told = faults.to_string();
        assert!(told.contains(words), "{told}");
        assert!(!told.contains("TOML parse error"), "{told}");
    }
}

#[test]
fn the_way_in_has_the_numbers_that_the_dialplan_has() {
    let block = "; BEGIN phone-assistant: install.sh keeps this\n[custom-openai]\nexten => *88,1,Answer()\n \
                 same => n,Wait(1)\nexten => 7009,1,Answer()\nexten => check,1,AGI(x)\n; END phone-assistant\n";
    let other = "[custom]\nexten => 7,1,Answer()\n";
    for (plan, question, conversation) in [
        (format!("{other}{block}{other}"), "*88", "7009"),
        (
            block.replace("*88", "8009").replace("7009", "8008"),
            "8009",
            "8008",
        ),
        (other.to_owned(), "8008", "8009"),
        (String::new(), "8008", "8009"),
    ] {
        let next = words::next_of(&plan);
        for part in [
            format!("in, for {question} (a question) and the same for {conversation} (a conv"),
            format!("Target custom-openai,{question},1 "),
            format!("Feature Code {question},"),
            format!("dial {question} and ask, or {conversation} and talk.\n"),
        ] {
            assert!(next.contains(&part), "{part} in {next}");
        }
    }
}

const ACCOUNT: &str = include_str!("../../../tests/data/throwaway-service-account.json");

/// A service account alone, whose file is not there before.
#[test]
fn a_voice_can_be_chosen_together_with_the_first_service_account() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let usual = Path::new("/etc/phone-assistant/google-creds.json");
    if usual.exists() {
        return; // This machine is not fresh.
    }
    let file = folder.path().join("config.toml");
    testkit::write_secret(&file, "secrets.allow_readable = true\n");
    let (settings, text) = (SettingsFile::parse(""), ACCOUNT.to_owned());
    let account = Key::recognize(&text).expect("an account");
    let mut out = Vec::new();
    let mut setup = Setup {
        settings: settings.expect("TOML"),
        file,
        asker: None,
        environment: &|_| None,
        out: &mut out,
        asterisk: Question {
            root: "/".into(),
            user: None,
            group: None,
        },
        has_new_account: false,
        today: TODAY,
    };
    let voice = || Some("de-DE-Chirp3-HD-Kore".to_owned());
    let error = setup.voice(voice()).expect_err("nobody speaks");
    assert!(
        error
            .to_string()
            .starts_with("no configured provider has a voice"),
        "{error}"
    );
    setup.take(&account, None).expect("it needs no try");
    setup.voice(voice()).expect("Google speaks");
    let change = setup.settings.changes().last().expect("one");
    assert_eq!(change.setting.name, "tts.google.voice");
    assert_eq!(setup.settings.changes().len(), 1);
    let place = setup.place_of_account().expect("right settings");
    assert_eq!(place, usual);
}

/// The settings of a case in which the service account stands in the same folder, and what is said of it.
fn done_with_account(more: &str, environment: &[(&str, &str)]) -> (String, String, String) {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let [file, place] = ["config.toml", "key.json"].map(|name| folder.path().join(name));
    let before = format!(
        "secrets.allow_readable = true\ngoogle.credentials = '{}'\n{more}",
        place.display()
    );
    testkit::write_secret(&file, &before);
    testkit::write_secret(&place, "");
    let options = Options {
        config: Some(file.clone()),
        key: Some(ACCOUNT.to_owned()),
        language: Some("de-DE".to_owned()),
        voice: None,
        user: None,
        group: None,
        is_tried: false,
        may_replace: false,
        today: TODAY,
    };
    let variable = |name: &str| {
        let found = environment.iter().find(|(variable, _)| *variable == name)?;
        Some(found.1.to_owned())
    };
    let mut out = Vec::new();
    run(options, None, &variable, Instant::now, &mut out).expect("done");
    let said = String::from_utf8(out).expect("text");
    let folder = folder.path().display().to_string();
    let read = |path: &Path| fs::read_to_string(path).expect("written");
    (said.replace(&folder, "."), read(&file), read(&place))
}

#[test]
fn an_account_is_written_before_the_settings_and_never_where_the_environment_says() {
    let named = [(
        "GOOGLE_APPLICATION_CREDENTIALS",
        "/nowhere/of-another-program.json",
    )];
    for environment in [&[][..], &named] {
        let (said, settings, account) = done_with_account("", environment);
        let [first, second] = ["written: ./key.json", "written: ./config.toml"];
        let places = [first, second].map(|line| said.find(line));
        assert!(places[0].is_some() && places[0] < places[1], "{said}");
        assert!(settings.contains("language = \"de-DE\""), "{settings}");
        assert_eq!(account, ACCOUNT);
        let told = "GOOGLE_APPLICATION_CREDENTIALS names \"/nowhere/of-another-program.json\" here, which is used in its \
                    place";
        assert_eq!(said.contains(told), !environment.is_empty(), "{said}");
    }
    let (said, ..) = done_with_account("[gemini]\napi_key = 'AQ.Ab8RN6I0123456789wxyz'\n", &[]);
    let told = "llm asks Gemini with gemini.api_key and not as the service account";
    assert!(said.contains(told), "{said}");
}

#[test]
fn what_hides_the_key_that_was_written_is_told() {
    let table: [(_, Variables, Option<&str>); 6] = [
        ("", &[], None),
        (
            "",
            &[("GEMINI_API_KEY", OTHER)],
            Some("GEMINI_API_KEY is set here, and is used in place of gemini.api_key in "),
        ),
        (
            "",
            &[("CREDENTIALS_DIRECTORY", "FOLDER")],
            Some("systemd's phone-assistant.gemini.api_key is set here, and is used in place of "),
        ),
        (
            "[gemini]\napi_key_file = 'KEY_FILE'\n",
            &[],
            Some("gemini.api_key_file is not read, since gemini.api_key is set"),
        ),
        (
            "[llm.gemini]\napi_key = 'AQ.Ab8RN6I9876543210abcd'\n",
            &[],
            Some("llm uses llm.gemini.api_key in its place"),
        ),
        (
            "[llm.gemini]\napi_key = 'AQ.Ab8RN6I0123456789wxyz'\n",
            &[],
            None,
        ),
    ];
    for (before, environment, expected) in table {
        let before = format!("secrets.allow_readable = true\n{before}");
        let case = Case {
            before: Box::leak(before.into_boxed_str()),
            key: Some(KEY),
            environment,
            ..NOTHING
        };
        let (ended, _, said, _) = done(&case);
        ended.expect("done");
        let after = said.split("written: ").nth(1).expect("it is written");
        let told: Vec<_> = after.lines().skip(1).collect();
        assert_eq!(told.len(), usize::from(expected.is_some()), "{said}");
        if let Some(expected) = expected {
            assert!(told[0].starts_with(expected), "{said}");
        }
        assert!(!said.contains(OTHER), "{said}");
    }
}

#[test]
fn a_model_that_is_switched_off_is_told_and_the_voice_is_that_of_who_speaks_now() {
    let keys = "secrets.allow_readable = true\nopenai.api_key = 'sk-proj-0123456789abcdef'\n\
                gemini.api_key = 'AQ.Ab8RN6I0123456789wxyz'\n";
    for (today, voice, name) in [
        (TODAY, "onyx", "tts.openai.voice"),
        (WITHOUT_VOICES, "Puck", "tts.gemini.voice"),
    ] {
        let case = Case {
            before: keys,
            voice: Some(voice),
            today,
            answers: Some(&["", "", "y"]),
            ..NOTHING
        };
        let (ended, _, said, _) = done(&case);
        ended.expect("done");
        assert!(
            said.contains(&format!("{name}: not set -> {voice}")),
            "{said}"
        );
        let told = "tts: openai tts-1 was switched off on 2027-01-06; gemini gemini-3.8-flash-lite-tts is asked in its place";
        assert_eq!(said.contains(told), today == WITHOUT_VOICES, "{said}");
    }
}
