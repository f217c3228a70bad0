//! What is asked, what is written, and what is shown of it.

use std::fs;
use std::time::Instant;

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

/// A run with these settings, this key and these answers; none where nobody can be asked.
struct Case {
    before: &'static str,
    key: Option<&'static str>,
    language: Option<&'static str>,
    voice: Option<&'static str>,
    answers: Option<&'static [&'static str]>,
}

const NOTHING: Case = Case {
    before: "secrets.allow_readable = true\n",
    key: None,
    language: None,
    voice: None,
    answers: None,
};

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
    testkit::write_secret(&file, case.before);
    let options = Options {
        config: Some(file.clone()),
        key: case.key.map(str::to_owned),
        language: case.language.map(str::to_owned),
        user: None,
        group: None,
        voice: case.voice.map(str::to_owned),
        is_tried: false,
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
    let ended = run(options, asker, &|_| None, Instant::now, &mut out);
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
    let table: [(&'static [&'static str], Option<&str>); 4] = [
        (&["", ""], None),
        (&[OTHER, "", "y"], Some(&changed)),
        (&[OTHER, "", "n"], None),
        (&[OTHER, ""], None),
    ];
    for (answers, expected) in table {
        let case = Case {
            before,
            answers: Some(answers),
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
                key: Some("hunter2"),
                ..NOTHING
            },
            "this is no key that is known",
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
            "no TOML",
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
