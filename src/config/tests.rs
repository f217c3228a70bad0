//! The settings as a whole.

use super::*;
use crate::sys::costs::MicroDollars;

fn load(needs: Needs, arguments: &[&str]) -> Result<Config, Faults> {
    let environment = |name: &str| match name {
        "OPENAI_API_KEY" => Some("sk-1".to_owned()),
        "GOOGLE_APPLICATION_CREDENTIALS" => Some("/c/google.json".to_owned()),
        _ => None,
    };
    Config::load(
        needs,
        &Arguments::parse(arguments.iter().copied()),
        &environment,
    )
}

/// The same with settings of a file instead of arguments.
fn load_file(needs: Needs, text: &str) -> Result<Config, Faults> {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("config.toml");
    std::fs::write(
        &file,
        format!("openai.api_key = 'sk-1'\nsecrets.allow_readable = true\n{text}"),
    )
    .expect("written");
    Config::load(needs, &Arguments::of_file(Some(file)), &|_| None)
}

#[test]
fn a_call_with_its_two_arguments_and_a_key_is_complete() {
    let config = load(
        Needs::Call,
        &["recording=/c/call-1.2.wav", "reply=/c/r=1", "keep=yes"],
    )
    .expect("complete");
    assert_eq!(config.recording, Path::new("/c/call-1.2.wav"));
    assert_eq!(config.reply, Path::new("/c/r=1"));
    assert!(config.keep_recording);
    assert!(config.llm.persona.contains("goodbye"));
    assert!(!format!("{config:?}").contains("sk-1"));
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let faults = load(
        Needs::Call,
        &[
            "oops",
            "llm.provider=openai",
            "openai.api_key=sk-2",
            "stt.languag=x",
        ],
    );
    let text = faults.expect_err("five faults").to_string();
    let parts = [
        "argument is not name=value",
        "llm.provider cannot be an argument",
        "recording= is missing",
        "reply= is missing",
        "openai.api_key cannot be an AGI argument",
        "did you mean stt.language?",
    ];
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(!text.contains("sk-2"));
    let faults = load_file(Needs::Call, "llm.provider = 'openai'").expect_err("three faults");
    assert_eq!(faults.all()[2], "llm.openai.model is empty");
}

#[test]
fn one_gemini_key_is_for_every_stage_that_has_none_of_its_own() {
    let table = [
        ("", None, None),
        ("gemini.api_key = 'AQ.1'", None, Some("AQ.1")),
        ("gemini.api_key = 'AQ.1'", Some("AQ.2"), Some("AQ.2")),
        ("", Some("AQ.2"), Some("AQ.2")),
        ("llm.gemini.api_key = 'AQ.3'", Some("AQ.2"), Some("AQ.3")),
        (
            "llm.gemini.api_key = 'AQ.3'\ngemini.api_key = 'AQ.1'",
            None,
            Some("AQ.3"),
        ),
    ];
    for (settings, variable, expected) in table {
        let mut layers = Layers::defaults();
        layers.add_file(settings, "config.toml");
        if let Some(key) = variable {
            layers.add_text("gemini.api_key", key, "GEMINI_API_KEY");
        }
        layers.add_text("llm.provider", "gemini", "argument");
        let endpoints = Llm::assemble(&layers).endpoints;
        let key = endpoints[0].api_key.as_ref().map(Secret::expose);
        assert_eq!(key, expected, "{settings} {variable:?}");
        assert_eq!(endpoints[0].uses_account(), expected.is_none());
    }
}

/// Its price depends on it.
#[test]
fn the_model_of_googles_speech_is_its_voice() {
    let settings = "tts.provider = 'google'\ntts.google.voice = 'en-US-Standard-A'";
    let config = load_file(Needs::Voice, settings).expect("complete");
    assert_eq!(config.tts.endpoints[0].model, "en-US-Standard-A");
}

#[test]
fn a_limit_on_costs_is_one_however_small() {
    let table = [
        ("0", None),
        ("1e-7", Some(1)),
        ("0.000001", Some(1)),
        ("0.0000016", Some(2)),
        ("2", Some(2_000_000)),
    ];
    for (dollars, expected) in table {
        let limit = format!("limits.max_daily_cost = {dollars}");
        let config = load_file(Needs::Voice, &limit).expect("complete");
        assert_eq!(
            config.limits.per_day,
            expected.map(MicroDollars),
            "{dollars}"
        );
    }
    // What is no amount is rejected.
    for dollars in [
        "nan", "inf", "-inf", "-1", "1e30", "100000.1", "1e999", "$2", "",
    ] {
        let argument = format!("limits.max_daily_cost={dollars}");
        load(Needs::Voice, &[&argument]).expect_err(dollars);
    }
}

#[test]
fn speaking_a_text_needs_no_recording() {
    load(Needs::Voice, &[]).expect("complete");
}

#[test]
fn calls_are_logged_unless_the_path_is_empty_also_when_something_else_is_wrong() {
    let usual = load(Needs::Voice, &[]).expect("complete").log_calls;
    assert_eq!(
        usual.as_deref(),
        Some(Path::new("/var/log/asterisk/phone-assistant.jsonl"))
    );
    let none = load_file(Needs::Voice, "log.calls = ''").expect("complete");
    assert_eq!(none.log_calls, None);
    let faults = load_file(Needs::Voice, "log.calls = '/c/l'\nstt.languag = 'x'");
    let faults = faults.expect_err("a fault");
    assert_eq!(
        faults.understood.log_calls.as_deref(),
        Some(Path::new("/c/l"))
    );
}

#[test]
fn an_argument_leads_nowhere_unless_the_file_says_so() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("config.toml");
    let named = [
        "recording=/c/call-1.2.wav",
        "reply=/c/call-1.2-reply",
        "tts.openai.base_url=https://example.org",
        "http.warm=no",
        "stt.language=de-DE",
    ];
    let usual = named.map(|argument| argument.replace("/c/", "/var/lib/phone-assistant/calls/"));
    let usual = usual.each_ref().map(String::as_str);
    let other = format!("config={}", file.display());
    let more = [&usual[..], &[&other]].concat();
    let recording = [
        usual[0],
        "reply=/var/lib/phone-assistant/calls/call-1.2",
        usual[4],
    ];
    let remote = |arguments: &[&str]| Arguments::parse_remote(arguments.iter().copied());
    let own = |arguments: &[&str]| Arguments::parse(arguments.iter().copied());
    let table = [
        ("safe", own(&named), 2),
        ("safe", remote(&named), 4),
        ("safe", remote(&usual), 2),
        ("safe", remote(&more), 3),
        ("safe", remote(&recording), 1),
        ("safe", own(&usual[4..]), 2),
        ("all", own(&named), 0),
        ("all", remote(&named), 0),
        ("all", remote(&more), 1),
    ];
    for (allowed, arguments, expected) in table {
        let text = format!("call.arguments = '{allowed}'\n");
        std::fs::write(&file, text).expect("written");
        let environment = |name: &str| match name {
            "PHONE_ASSISTANT_CONFIG" => Some(file.display().to_string()),
            "OPENAI_API_KEY" => Some("sk-1".to_owned()),
            "GOOGLE_APPLICATION_CREDENTIALS" => Some("/c/google.json".to_owned()),
            _ => None,
        };
        let loaded = Config::load(Needs::Call, &arguments, &environment);
        let faults = loaded.as_ref().map_or_else(Faults::all, |_| &[]);
        assert_eq!(
            faults.len(),
            expected,
            "{allowed} {arguments:?}: {faults:?}"
        );
        let config = loaded.unwrap_or_else(|faults| *faults.understood);
        let is_led = config.tts.endpoints[0].origin() == "https://example.org";
        assert_eq!(is_led, allowed == "all", "{arguments:?}");
        assert_eq!(config.stt.language, "de-DE");
    }
}

#[test]
fn a_language_may_be_named_as_the_environment_does_it() {
    for (named, expected) in [
        ("de-DE", "de-DE"),
        ("de_DE", "de-DE"),
        ("de_DE.UTF-8", "de-DE"),
        ("ca_ES@valencia", "ca-ES"),
        ("zh-Hant_TW ", "zh-Hant-TW"),
        ("de", "de"),
    ] {
        let settings = format!("[stt]\nlanguage = '{named}'\nalternative_languages = ['{named}']");
        let config = load_file(Needs::Voice, &settings).expect("complete");
        assert_eq!(config.stt.language, expected);
        assert_eq!(config.stt.alternative_languages, [expected]);
        assert_eq!(config.tts.language, expected);
    }
}

#[test]
fn a_key_is_taken_out_of_whatever_was_pasted_into_its_file_or_variable() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("openai.key");
    let utf16 = "\u{feff}sk-1\r\n".encode_utf16();
    let utf16: Vec<_> = utf16.flat_map(u16::to_le_bytes).collect();
    let contents: [&[u8]; 8] = [
        b"sk-1",
        b"sk-1\r\n",
        b"\xef\xbb\xbfsk-1\n",
        &utf16,
        b"\"sk-1\"\n",
        b"Bearer sk-1\n",
        b"OPENAI_API_KEY=sk-1\n",
        b"\n\nsk-1\n\n",
    ];
    let key = |config: &Config| {
        let key = config.tts.endpoints[0].api_key.as_ref();
        key.map(|key| key.expose().to_owned())
    };
    for (section, variable) in [("openai", "OPENAI_API_KEY"), ("gemini", "GEMINI_API_KEY")] {
        for content in contents {
            std::fs::write(&file, content).expect("written");
            let named = format!(
                "{section}.api_key = ''\n{section}.api_key_file = '{}'\n",
                file.display()
            );
            let settings = folder.path().join("config.toml");
            let allowed = format!("secrets.allow_readable = true\n{named}");
            std::fs::write(&settings, allowed).expect("written");
            let arguments = Arguments::of_file(Some(settings));
            let config = Config::load(Needs::Voice, &arguments, &|_| None).expect("complete");
            assert_eq!(key(&config).as_deref(), Some("sk-1"), "{content:?}");
            let Ok(text) = std::str::from_utf8(content) else {
                continue;
            };
            let environment = |name: &str| (name == variable).then(|| text.to_owned());
            let config = Config::load(Needs::Voice, &Arguments::default(), &environment);
            let config = config.expect("complete");
            assert_eq!(key(&config).as_deref(), Some("sk-1"), "{text:?}");
        }
    }
    let table: [(&[u8], _); 4] = [
        (b"sk-hidden\xfc", "is not UTF-8 text"),
        (b"\xef\xbb\xbf \n", "there is no key in"),
        (b"{\"private_key\": \"hidden\"}", "google.credentials"),
        (b"sk-hidden\nsk-hidden", "more than one line"),
    ];
    for (content, expected) in table {
        std::fs::write(&file, content).expect("written");
        let named = format!("openai.api_key_file = '{}'", file.display());
        let settings = folder.path().join("config.toml");
        std::fs::write(&settings, format!("secrets.allow_readable = true\n{named}"))
            .expect("written");
        let loaded = Config::load(Needs::Voice, &Arguments::of_file(Some(settings)), &|_| None);
        let fault = loaded.expect_err(expected).to_string();
        assert!(fault.contains(expected), "{fault}");
        assert!(!fault.contains("hidden"), "{fault}");
    }
}

#[test]
fn a_named_file_must_be_there() {
    let faults =
        load(Needs::Voice, &["config=/nonexistent/config.toml"]).expect_err("no such file");
    assert!(
        faults
            .to_string()
            .contains("cannot read the settings in /nonexistent/config.toml")
    );
}

#[test]
fn every_file_of_a_secret_that_the_settings_name_is_looked_at() {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "sk-1").expect("written");
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, readable).expect("ours");
    let is_secret = |key: &&keys::Key| key.kind == keys::Kind::SecretFile;
    for key in keys::KEYS.iter().filter(is_secret) {
        let text = format!("{} = '{}'\n", key.name, file.display());
        let loaded = Config::of_text(Needs::Nothing, &text, "config.toml".into(), &|_| None);
        let fault = loaded.expect_err(key.name).to_string();
        assert!(
            fault.contains("everybody on this machine may read it"),
            "{fault}"
        );
    }
    let named = keys::KEYS.iter().filter(|key| key.name.ends_with("_file"));
    let others = named.filter(|key| !is_secret(key)).map(|key| key.name);
    assert_eq!(
        others.collect::<Vec<_>>(),
        ["http.ca_file"],
        "a certificate is no secret"
    );
}

#[test]
fn of_very_many_faults_the_first_are_told_and_how_many_there_are_more() {
    let table = [
        ("= 1", ", column 1: unknown setting"),
        ("= yes", ": write true or false"),
    ];
    for (value, expected) in table {
        let lines: Vec<_> = (0..20_000).map(|line| format!("x{line} {value}")).collect();
        let faults = load_file(Needs::Nothing, &lines.join("\n")).expect_err("20,000 faults");
        let all = faults.all();
        assert_eq!(all.len(), MOST_FAULTS + 1);
        for told in &all[..MOST_FAULTS] {
            assert!(told.contains(expected), "{told}");
        }
        assert_eq!(all[MOST_FAULTS], "there are 19900 more faults");
    }
}
