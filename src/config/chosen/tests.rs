//! Which provider is asked, by which settings.

use super::owner;
use crate::config::layers::Layers;
use crate::config::{Arguments, Config, Endpoint, Faults, Needs, Provider};

const KEYS: &str = "[google]\ncredentials = '/c/google.json'\n[openai]\napi_key = 'sk-1'\n";
const OPENAI: &str = "[openai]\napi_key = 'sk-1'\n";
const GOOGLE: &str = "[google]\ncredentials = '/c/google.json'\n";
const GEMINI: &str = "[gemini]\napi_key = 'AQ.1'\n";
const NO_FILE: &str = "[google]\ncredentials = '/etc/phone-assistant/google-creds.json'\n";

fn load(settings: &str, variables: &[(&str, &str)]) -> Result<Config, Faults> {
    let folder = testkit::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("config.toml");
    let text = format!("secrets.allow_readable = true\n{settings}");
    std::fs::write(&file, text).expect("written");
    let environment = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name)?;
        Some(found.1.to_owned())
    };
    Config::load(Needs::Stages, &Arguments::of_file(Some(file)), &environment)
}

/// The providers of the three stages: a reserve stands in brackets.
fn asked(config: &Config) -> String {
    let names = |endpoints: &[Endpoint]| {
        let name = |endpoint: &Endpoint| match (endpoint.provider.name(), endpoint.is_reserve) {
            (name, false) => name.to_owned(),
            (name, true) => format!("({name})"),
        };
        endpoints.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    let (stt, llm, tts) = (&config.stt, &config.llm, &config.tts);
    format!(
        "{} | {} | {}",
        names(&stt.endpoints),
        names(&llm.endpoints),
        names(&tts.endpoints)
    )
}

/// What settings of before `auto` meant stays first; others with a key may replace it.
#[test]
fn who_has_a_key_is_asked() {
    let with = |keys: &str, more: &str| format!("{keys}{more}");
    let openai_llm = "[llm.openai]\nmodel = 'gpt-6-luna'\n";
    let all_openai = format!(
        "[stt]\nprovider = 'openai'\n[llm]\nprovider = 'openai'\n{openai_llm}[tts]\nprovider = 'openai'\n"
    );
    let table = [
        // No provider is named.
        (with(GEMINI, ""), "gemini | gemini | gemini"),
        (with(GOOGLE, ""), "google gemini | gemini | google gemini"),
        (
            with(KEYS, ""),
            "google gemini openai | gemini | openai google gemini",
        ),
        (
            with(KEYS, GEMINI),
            "google gemini openai | gemini | openai google gemini",
        ),
        (
            with(KEYS, openai_llm),
            "google gemini openai | gemini openai | openai google gemini",
        ),
        (with(OPENAI, openai_llm), "openai | openai | openai"),
        (
            with(OPENAI, GEMINI),
            "gemini openai | gemini | openai gemini",
        ),
        (
            format!("{OPENAI}{openai_llm}{NO_FILE}"),
            "openai | openai | openai",
        ),
        // A key of one stage is for that stage.
        (
            with(GEMINI, "[tts.openai]\napi_key = 'sk-1'\n"),
            "gemini | gemini | openai gemini",
        ),
        (
            with(
                GOOGLE,
                "[llm.gemini]\napi_key = 'AQ.1'\n[tts.openai]\napi_key = 'sk-1'\n",
            ),
            "google gemini | gemini | openai google gemini",
        ),
        // Servers of one's own need none.
        (
            with(GEMINI, "[stt.openai]\nbase_url = 'http://127.0.0.1:8000'\n"),
            "gemini openai | gemini | gemini",
        ),
        // A provider is named: its fallbacks are those of before.
        (with(OPENAI, &all_openai), "openai | openai | openai google"),
        (with(KEYS, &all_openai), "openai | openai | openai google"),
        (
            with(
                GEMINI,
                &all_openai.replace("[stt]", "[openai]\napi_key = 'sk-1'\n[stt]"),
            ),
            "openai | openai | openai google",
        ),
        (
            with(
                KEYS,
                "[stt]\nprovider = 'google'\n[tts]\nprovider = 'google'\n",
            ),
            "google | gemini | google",
        ),
        (
            with(KEYS, "[tts]\nprovider = 'openai'\nfallback = []\n"),
            "google gemini openai | gemini | openai",
        ),
        // A fallback is named: the others wait until the first is switched off.
        (
            with(KEYS, "[stt]\nfallback = ['openai']\n[tts]\nfallback = []\n"),
            "google openai (gemini) | gemini | openai (google) (gemini)",
        ),
        (
            with(KEYS, "[tts]\nfallback = ['gemini', 'auto']\n"),
            "google gemini openai | gemini | openai gemini google",
        ),
    ];
    for (settings, expected) in table {
        let config = load(&settings, &[]).unwrap_or_else(|faults| panic!("{settings}: {faults}"));
        assert_eq!(asked(&config), expected, "{settings}");
    }
}

#[test]
fn keys_of_the_environment_count_as_those_of_the_file() {
    let table: [(&[(&str, &str)], _); 4] = [
        (&[("GEMINI_API_KEY", "AQ.1")], "gemini | gemini | gemini"),
        (
            &[("GOOGLE_APPLICATION_CREDENTIALS", "/c/key.json")],
            "google gemini | gemini | google gemini",
        ),
        (
            &[("GEMINI_API_KEY", "AQ.1"), ("OPENAI_API_KEY", "sk-1")],
            "gemini openai | gemini | openai gemini",
        ),
        (
            &[("GEMINI_API_KEY", "AQ.1"), ("OPENAI_API_KEY", "")],
            "gemini | gemini | gemini",
        ),
    ];
    for (variables, expected) in table {
        let config = load("", variables).expect("complete");
        assert_eq!(asked(&config), expected, "{variables:?}");
    }
}

#[test]
fn without_a_key_all_stages_say_once_where_one_goes() {
    let faults = load(NO_FILE, &[]).expect_err("no key at all");
    let [fault] = faults.all() else {
        panic!("{faults}")
    };
    let expected =
        "no key for speech to text, the model and the voice: set api_key under [gemini] in ";
    assert!(fault.starts_with(expected), "{fault}");
    assert!(
        fault.ends_with("or GEMINI_API_KEY; or run sudo phone-assistant setup"),
        "{fault}"
    );
    let faults = load(OPENAI, &[]).expect_err("OpenAI's model is to be named");
    let [llm] = faults.all() else {
        panic!("{faults}")
    };
    assert!(
        llm.starts_with("llm.openai.model is empty, and there is no key for the model: "),
        "{llm}"
    );
}

/// What a persona names goes to the provider that has it; the others keep their own.
#[test]
fn a_personas_voice_and_model_belong_to_the_provider_that_has_them() {
    let voice = |voice: &str| format!("[persona.kitchen]\nvoice = '{voice}'\n");
    let model = |model: &str| format!("[persona.kitchen]\nmodel = '{model}'\n");
    let named = |provider: &str| format!("[tts]\nprovider = '{provider}'\n");
    let table = [
        (with(KEYS, &voice("onyx")), "tts", "openai", "onyx"),
        (with(KEYS, &voice("Puck")), "tts", "gemini", "Puck"),
        (
            with(KEYS, &voice("de-DE-Chirp3-HD-Kore")),
            "tts",
            "google",
            "de-DE-Chirp3-HD-Kore",
        ),
        (with(KEYS, &voice("af_heart")), "tts", "openai", "af_heart"),
        (with(GOOGLE, &voice("custom")), "tts", "google", "custom"),
        (
            with(
                GOOGLE,
                &format!(
                    "[tts.openai]\nbase_url = 'http://127.0.0.1:8880'\n{}",
                    voice("Puck")
                ),
            ),
            "tts",
            "openai",
            "Puck",
        ),
        (
            with(KEYS, &(named("google") + &voice("onyx"))),
            "tts",
            "google",
            "onyx",
        ),
        (
            with(KEYS, &model("gemini-3.8-flash")),
            "llm",
            "gemini",
            "gemini-3.8-flash",
        ),
        (with(KEYS, &model("learnlm")), "llm", "gemini", "learnlm"),
    ];
    for (settings, stage, provider, expected) in table {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("config.toml");
        let text = format!("secrets.allow_readable = true\n{settings}");
        std::fs::write(&file, text).expect("written");
        let config = format!("config={}", file.display());
        let arguments = Arguments::parse(["persona=kitchen", &config]);
        let config = Config::load(Needs::Stages, &arguments, &|_| None).expect("complete");
        let (endpoints, is_voice) = match stage {
            "tts" => (&config.tts.endpoints, true),
            _ => (&config.llm.endpoints, false),
        };
        for endpoint in endpoints {
            let own = if is_voice {
                &endpoint.voice
            } else {
                &endpoint.model
            };
            let is_it = endpoint.provider.name() == provider;
            assert_eq!(own == expected, is_it, "{settings}: {endpoint:?}");
        }
    }
}

/// The first day without OpenAI's voices, and the day before it.
#[test]
fn a_voice_that_nobody_is_known_to_have_is_that_of_who_speaks_on_the_day() {
    for (today, expected) in [(20_823, "openai"), (20_824, "google")] {
        let mut layers = Layers::defaults();
        layers.add_file(KEYS, "config.toml");
        layers.today = today;
        let owner = |voice| owner(&layers, "tts", voice).map(Provider::name);
        assert_eq!(owner("custom"), Some(expected), "{today}");
        assert_eq!(owner("onyx"), Some("openai"), "it has its own");
    }
}

fn with(keys: &str, more: &str) -> String {
    format!("{keys}{more}")
}
