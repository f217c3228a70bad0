//! Faults as people paste them, planted one at a time: the doctor finds each, with its remedy.

use std::fs;
use std::path::Path;

use crate::cmd::check::finding::{Finding, Report, Status, Style, findings};
use crate::cmd::check::machine;
use crate::config::{Arguments, Config, Needs};

const KEY_FILE: &str = include_str!("../../../../tests/data/throwaway-service-account.json");
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

/// A machine with settings, Google's key file, a root certificate and a proxy, all of them in order until one is not.
struct Planted {
    settings: Vec<u8>,
    key_file: Vec<u8>,
    root: Vec<u8>,
    proxy: (&'static str, &'static str),
}

impl Planted {
    fn nothing() -> Self {
        Self {
            settings: b"[openai]\napi_key = 'sk-planted-0123456789'\n".to_vec(),
            key_file: KEY_FILE.into(),
            root: CERTIFICATE.into(),
            proxy: ("HTTPS_PROXY", "http://proxy.example:3128"),
        }
    }

    fn settings(line: &str) -> Self {
        let mut planted = Self::nothing();
        planted.settings.extend_from_slice(line.as_bytes());
        planted
    }

    fn settings_as(change: impl FnOnce(String) -> Vec<u8>) -> Self {
        let planted = Self::nothing();
        let text = String::from_utf8(planted.settings.clone()).expect("text");
        Self {
            settings: change(text),
            ..planted
        }
    }

    fn key_file(change: impl FnOnce(&str) -> Vec<u8>) -> Self {
        Self {
            key_file: change(KEY_FILE),
            ..Self::nothing()
        }
    }

    fn root(root: &[u8]) -> Self {
        Self {
            root: root.to_vec(),
            ..Self::nothing()
        }
    }

    fn proxy(name: &'static str, address: &'static str) -> Self {
        Self {
            proxy: (name, address),
            ..Self::nothing()
        }
    }

    /// What the doctor finds.
    fn examined(&self) -> Vec<Finding> {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let place = |name: &str| folder.path().join(name);
        let write = |name: &str, bytes: &[u8]| fs::write(place(name), bytes).expect("written");
        write("config.toml", &self.settings);
        write("key.json", &self.key_file);
        write("root.pem", &self.root);
        let named = |name: &str| place(name).display().to_string();
        let environment = |variable: &str| match variable {
            "PHONE_ASSISTANT_CONFIG" => Some(named("config.toml")),
            "GOOGLE_APPLICATION_CREDENTIALS" => Some(named("key.json")),
            _ if variable == self.proxy.0 => Some(self.proxy.1.to_owned()),
            _ => None,
        };
        close(folder.path());
        let config = Config::load(Needs::Stages, &Arguments::default(), &environment);
        let config = config.map(|mut config| {
            config.http.ca_file = Some(place("root.pem"));
            config
        });
        findings(|report| machine::examine(&config, &environment, report))
    }
}

/// Keys that everybody may read would be a fault of their own.
fn close(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for name in ["config.toml", "key.json"] {
        let file = folder.join(name);
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("ours");
    }
}

fn utf16(text: &str) -> Vec<u8> {
    let text = format!("\u{feff}{text}");
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The findings of this module's items.
fn about(found: &[Finding]) -> impl Iterator<Item = &Finding> {
    let ids = ["settings", "Google's key file", "root certificate", "proxy"];
    found.iter().filter(move |it| ids.contains(&it.id.as_str()))
}

#[test]
fn what_can_only_mean_one_thing_is_no_fault() {
    let table = [
        ("nothing", Planted::nothing()),
        ("UTF-16", Planted::settings_as(|text| utf16(&text))),
        (
            "a byte order mark",
            Planted::settings_as(|text| format!("\u{feff}{text}").into()),
        ),
        (
            "lines of an old Mac",
            Planted::settings_as(|text| text.replace('\n', "\r").into()),
        ),
        ("Control-Z", Planted::settings("\u{1a}")),
        (
            "a blank behind the key",
            Planted::settings_as(|text| text.replace("789'", "789 '").into()),
        ),
        (
            "a number as text",
            Planted::settings("[call]\ndeadline = '25'\n"),
        ),
        ("yes", Planted::settings("[recording]\nkeep = 'yes'\n")),
        (
            "Tailscale",
            Planted::settings("[stt.openai]\nbase_url = 'http://100.101.102.103:8000'\n"),
        ),
        (
            "a version of its own",
            Planted::settings("[llm.openai]\nbase_url = 'https://host/api/paas/v4'\n"),
        ),
        (
            "a key file with a byte order mark",
            Planted::key_file(|text| format!("\u{feff}{text}").into()),
        ),
        ("a key file in UTF-16", Planted::key_file(utf16)),
        (
            "line breaks spelt out",
            Planted::key_file(|text| text.replace("\\n", "\\\\n").into()),
        ),
        (
            "line breaks of a shell's echo",
            Planted::key_file(|text| text.replace("\\n", "\n").into()),
        ),
        (
            "no line breaks",
            Planted::key_file(|text| text.replace("\\n", "").into()),
        ),
        (
            "no private_key_id",
            Planted::key_file(|text| text.replace("private_key_id", "x").into()),
        ),
        (
            "an indented certificate",
            Planted::root(CERTIFICATE.replace('\n', "\n  ").as_bytes()),
        ),
        (
            "quotation marks around the proxy",
            Planted::proxy("HTTP_PROXY", "\"http://proxy.example:3128\"\n"),
        ),
    ];
    for (name, planted) in table {
        for finding in about(&planted.examined()) {
            assert_eq!(finding.status, Status::Ok, "{name}: {finding:?}");
        }
    }
}

#[test]
fn what_callers_speak_is_told_where_two_places_say_it() {
    let table = [
        ("", None),
        (
            "[stt]\nlanguage = 'fr-FR'\n",
            Some("fr-FR, en-US: what [stt] says goes before languages"),
        ),
        (
            "[stt]\nlanguage = 'de-DE'\nalternative_languages = ['it-IT']\n",
            Some("de-DE, it-IT: what [stt] says goes before languages"),
        ),
    ];
    for (lines, expected) in table {
        let all = |text| format!("languages = ['en-US', 'fr-FR']\n{text}{lines}").into();
        let found = Planted::settings_as(all).examined();
        let told = found.iter().find(|finding| finding.id == "languages");
        assert_eq!(
            told.map(|finding| finding.text.as_str()),
            expected,
            "{lines}"
        );
    }
}

#[test]
fn each_fault_of_the_settings_is_found_with_its_remedy() {
    let line = Planted::settings;
    let table = [
        (line("keep\u{a0}= true"), "line 3, column 5: found U+00A0"),
        (line("key = “x”"), "line 3, column 7: found U+201C"),
        (line("keep = yes"), "line 3, column 8: write true or false"),
        (line("\u{feff}[stt]"), "two files were joined"),
        (
            line("[tts]\nspeed = 1,5"),
            "line 4, column 10: a decimal point",
        ),
        (
            line("[tts]\nspeed = '1,5'"),
            "line 4, column 1: tts.speed must be",
        ),
        (
            line("[stt]\nlanguage = en-US"),
            "line 4, column 12: a text stands in",
        ),
        (
            line("[stt]\nlangauge = 'x'"),
            "line 4, column 1: unknown setting",
        ),
        (
            line("[llm.openai]\nbase_url = 'http://203.0.113.5/v1'"),
            "line 4, column 1: llm.openai.base_url must be",
        ),
        (
            line("[llm.openai]\napi_key = 'sk-a\u{200b}b'"),
            "found U+200B, an invisible character",
        ),
        (
            Planted::settings_as(|text| [text.as_bytes(), b"# \xfc"].concat()),
            "line 3 is not UTF-8 text",
        ),
    ];
    for (planted, text) in table {
        assert_found(&planted, "settings", text, "fix it in /");
    }
}

/// What is told of settings with these faults: each finding's text, what stands below it, and the remedy.
fn told(settings: &str) -> Vec<(String, Vec<String>, String)> {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("config.toml");
    testkit::write_secret(&file, settings);
    let arguments = Arguments::of_file(Some(file.clone()));
    let faults = Config::load(Needs::Stages, &arguments, &|_| None).expect_err("faults");
    let found = findings(|report| super::tell_faults(&faults, report));
    for together in found.iter().filter(|it| !it.faults.is_empty()) {
        let text = format!("has {} faults", together.faults.len());
        assert!(together.text.ends_with(&text), "{together:?}");
    }
    let file = file.display().to_string();
    let short = |text: &str| text.replace(&file, "FILE");
    let all = found.into_iter();
    all.map(|it| (short(&it.text), it.excerpt, short(&it.remedy)))
        .collect()
}

#[test]
fn json_has_each_fault_of_a_file_as_a_finding_of_its_own() {
    let fault = |line: u8| {
        let text = format!("FILE, line {line}, column 1: it is wrong");
        let excerpt = vec![format!("{line} | it")];
        Finding {
            excerpt,
            ..Finding::new("settings", Status::Fail, &text, "fix it in FILE")
        }
    };
    let together = Finding {
        faults: vec![fault(4), fault(6)],
        ..Finding::new(
            "settings",
            Status::Fail,
            "FILE has 2 faults",
            "fix them there",
        )
    };
    let line = serde_json::to_string(&together).expect("JSON");
    let mut out = Vec::new();
    let mut report = Report::new(&mut out, Style::Json);
    assert!(
        report.take_line(&line),
        "root gets them from another process"
    );
    report.close().expect("a vector takes all");
    let told: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(told["checks"], serde_json::json!([fault(4), fault(6)]));
}

#[test]
fn faults_of_one_file_stand_in_the_order_of_its_lines_below_its_name() {
    let account = "google.credentials = '/etc/phone-assistant/google-creds.json'\n";
    let key = "[gemini]\napi_key = 'AQ.1'\n";
    let setup = "sudo phone-assistant setup";
    let table = [
        (
            format!("{key}[llm]\nmodle = 1\n[tts]\nspeed = 9\n[persona.a]\nvioce = 1\n"),
            vec![(
                "FILE has 3 faults",
                &[
                    "line 4, column 1: unknown setting llm.modle",
                    "4 | modle = …",
                    "  | ^^^^^",
                    "line 6, column 1: tts.speed must be 0.25 to 4 times, found 9.0",
                    "6 | speed = 9",
                    "  | ^^^^^",
                    "line 8, column 1: unknown setting persona.a.vioce (did you mean voice?)",
                    "8 | vioce = …",
                    "  | ^^^^^",
                ][..],
                "fix them there",
            )],
        ),
        (
            format!("{key}[tts]\nspeed = 9\n"),
            vec![(
                "FILE, line 4, column 1: tts.speed must be 0.25 to 4 times, found 9.0",
                &["4 | speed = 9", "  | ^^^^^"],
                "fix it in FILE",
            )],
        ),
        (
            account.to_owned(),
            vec![(
                "no key for speech to text, the model and the voice: set api_key under [gemini] in FILE, or GEMINI_API_KEY",
                &[],
                setup,
            )],
        ),
        (
            format!("{account}[llm.openai]\nbase_url = 'http://127.0.0.1:8000/v1'\n"),
            vec![
                (
                    "no key for speech to text and the voice: set api_key under [gemini] in FILE, or GEMINI_API_KEY",
                    &[],
                    setup,
                ),
                (
                    "llm.openai.model is empty, and there is no key for the model: set model = \"…\" under [llm.openai] \
                     (phone-assistant help openai.toml), or api_key under [gemini] in FILE, or GEMINI_API_KEY",
                    &[],
                    setup,
                ),
            ],
        ),
        (
            format!(
                "{account}stt.provider = 'openai'\ntts.provider = 'openai'\ntts.fallback = []\n"
            ),
            vec![
                (
                    "no key for speech to text and the voice: set api_key under [openai] in FILE, or OPENAI_API_KEY",
                    &[],
                    "fix it in FILE",
                ),
                (
                    "no key for the model: set api_key under [gemini] in FILE, or GEMINI_API_KEY",
                    &[],
                    setup,
                ),
            ],
        ),
    ];
    for (settings, expected) in table {
        let found = told(&settings);
        let found: Vec<_> = found
            .iter()
            .map(|(text, excerpt, remedy)| {
                let excerpt: Vec<_> = excerpt.iter().map(String::as_str).collect();
                (&**text, excerpt, &**remedy)
            })
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(text, excerpt, remedy)| (text, excerpt.to_vec(), remedy))
            .collect();
        assert_eq!(found, expected, "{settings}");
    }
}

#[test]
fn each_fault_of_what_they_name_is_found_with_its_remedy() {
    let (json, certificate) = ("make a JSON key", "as PEM");
    let key = "Google's key file";
    let table = [
        (
            Planted::key_file(|_| Vec::new()),
            key,
            "an empty file",
            json,
        ),
        (
            Planted::key_file(|text| text.replace('"', "”").into()),
            key,
            "U+201D, a typographic quotation mark",
            json,
        ),
        (
            Planted::key_file(|text| text.replace("BEGIN P", "BEGIN ENCRYPTED P").into()),
            key,
            "a password",
            json,
        ),
        (
            Planted::key_file(|text| text.replace("service_account", "authorized_user").into()),
            key,
            "a person's sign-in",
            json,
        ),
        (
            Planted::root(b"\x30\x82\x01\xff"),
            "root certificate",
            "binary (DER)",
            certificate,
        ),
        (
            Planted::root(b"no certificate"),
            "root certificate",
            "no certificate in PEM",
            certificate,
        ),
        (
            Planted::proxy("ALL_PROXY", "socks5://proxy.example"),
            "proxy",
            "ALL_PROXY is set here, and its proxy is not used",
            "unset ALL_PROXY",
        ),
        (
            Planted::proxy("http_proxy", "http://"),
            "proxy",
            "it is no address",
            "unset http_proxy",
        ),
    ];
    for (planted, id, text, remedy) in table {
        assert_found(&planted, id, text, remedy);
    }
}

/// The fault is the only one, and what is said of it shows no key.
fn assert_found(planted: &Planted, id: &str, text: &str, remedy: &str) {
    let found = planted.examined();
    let mut bad = about(&found).filter(|finding| finding.status > Status::Ok);
    let finding = bad.next().unwrap_or_else(|| panic!("{text:?}: {found:?}"));
    assert_eq!(finding.id, id, "{finding:?}");
    assert!(finding.text.contains(text), "{text:?}: {finding:?}");
    assert!(finding.remedy.contains(remedy), "{finding:?}");
    assert!(!finding.text.contains("planted"), "{finding:?}");
    assert_eq!(bad.next(), None, "{text:?}");
}
