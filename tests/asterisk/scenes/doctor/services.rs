//! Faults of the settings, of keys, and of the services on the other end.

use testkit::{Fault, Service};

use super::planted::{Planted, configure, settings, shell, usual};
use crate::machine::Machine;

pub(super) const FAULTS: &[Planted] = &[
    Planted {
        what: "a misspelt setting",
        plant: |machine| configure(machine, "stt.langauge", "de-DE"),
        repair: usual,
        status: "fail",
        words: &["unknown setting stt.langauge", "did you mean stt.language?"],
    },
    Planted {
        what: "settings that everybody may read",
        plant: |machine| shell(machine, "chmod 644 /etc/phone-assistant/config.toml"),
        repair: |machine| shell(machine, "chmod 640 /etc/phone-assistant/config.toml"),
        status: "fail",
        words: &[
            "everybody on this machine may read it",
            "chmod 640 /etc/phone-assistant/config.toml",
        ],
    },
    Planted {
        what: "a missing key file",
        plant: |machine| {
            shell(
                machine,
                "mv /etc/phone-assistant/google-creds.json /etc/phone-assistant/away",
            );
        },
        repair: |machine| {
            shell(
                machine,
                "mv /etc/phone-assistant/away /etc/phone-assistant/google-creds.json",
            );
        },
        status: "fail",
        words: &["Google's key file", "No such file"],
    },
    Planted {
        what: "a key file that Asterisk's user may not read",
        plant: |machine| shell(machine, "chmod 600 /etc/phone-assistant/google-creds.json"),
        repair: |machine| shell(machine, "chmod 640 /etc/phone-assistant/google-creds.json"),
        status: "fail",
        words: &[
            "Google's key file",
            "Permission denied",
            "chown -h root:asterisk",
        ],
    },
    Planted {
        what: "a key that OpenAI does not know",
        plant: |machine| configure(machine, "openai.api_key", "sk-of-somebody-else"),
        repair: usual,
        status: "fail",
        words: &["tts openai tts-1", "401", "check the key"],
    },
    Planted {
        what: "an account without credit",
        plant: |machine| {
            machine
                .sandbox
                .fault_service(Service::OpenAiTts, Fault::QuotaExhausted, usize::MAX);
        },
        repair: restore,
        status: "fail",
        words: &[
            "tts openai tts-1",
            "no credit or quota left",
            "billing page",
        ],
    },
    Planted {
        what: "an API that is switched off",
        plant: |machine| {
            machine
                .sandbox
                .fault_service(Service::GoogleStt, Fault::Status(403), usize::MAX);
        },
        repair: restore,
        status: "fail",
        words: &["stt google telephony", "switch this API on"],
    },
    Planted {
        what: "a model that the service does not have",
        plant: |machine| configure(machine, "llm.gemini.model", "gemini-3.5-flash-light"),
        repair: usual,
        status: "warn",
        words: &[
            "own list does not have gemini-3.5-flash-light",
            "there are: gemini-3.5-flash-lite",
        ],
    },
    Planted {
        what: "a fallback that does not work",
        plant: |machine| {
            machine
                .sandbox
                .fault_service(Service::GoogleTts, Fault::Status(403), usize::MAX);
        },
        repair: restore,
        status: "fail",
        words: &["tts google", "switch this API on"],
    },
    Planted {
        what: "a model that will be switched off soon",
        plant: |machine| configure(machine, "llm.openai.model", "gpt-4.1-mini"),
        repair: usual,
        status: "warn",
        words: &["llm openai gpt-4.1-mini", "2027-01-14", "gpt-6-luna"],
    },
    Planted {
        what: "a language that nobody speaks",
        plant: |machine| {
            let heard = serde_json::json!({"results": [{"alternatives": [{"transcript": "dekwik tstof"}]}]});
            let reply = Fault::Reply(testkit::Response::json(200, &heard));
            machine
                .sandbox
                .fault_service(Service::GoogleStt, reply, usize::MAX);
        },
        repair: restore,
        status: "warn",
        words: &[
            "stt google telephony",
            "dekwik tstof",
            "check language in [stt]",
        ],
    },
    Planted {
        what: "a voice that says nothing",
        plant: |machine| {
            let silence = testkit::audio::clips::silence(24_000, 2.0);
            let wav = testkit::audio::wav::streamed(&silence);
            let reply = Fault::Reply(testkit::Response::new(200, "audio/wav", wav));
            machine
                .sandbox
                .fault_service(Service::OpenAiTts, reply, usize::MAX);
        },
        repair: restore,
        status: "fail",
        words: &["tts openai tts-1", "no sound", "check model and voice"],
    },
    Planted {
        what: "a name for which no name server answers",
        plant: |machine| configure(machine, "stt.google.base_url", "https://speech.example"),
        repair: usual,
        status: "fail",
        words: &[
            "speech.example",
            "no name server answers for it",
            "/etc/resolv.conf",
        ],
    },
    Planted {
        what: "a port on which nobody listens",
        plant: |machine| configure(machine, "llm.gemini.base_url", "https://127.0.0.1:9"),
        repair: usual,
        status: "fail",
        words: &["127.0.0.1:9", "nothing listens there", "firewall"],
    },
    Planted {
        what: "a proxy that inspects TLS and is not trusted",
        plant: |machine| machine.configure(&settings(machine).without("http.ca_file")),
        repair: usual,
        status: "fail",
        words: &["has issued its certificate", "[http] ca_file"],
    },
    Planted {
        what: "a proxy that is not there",
        plant: |machine| configure(machine, "http.proxy", "http://127.0.0.1:9"),
        repair: usual,
        status: "fail",
        words: &["localhost", "through the proxy 127.0.0.1:9", "[http] proxy"],
    },
    Planted {
        what: "a clock that is wrong",
        plant: |machine| machine.sandbox.clock_offset(-7200),
        repair: |machine| machine.sandbox.clock_offset(0),
        status: "fail",
        words: &["clock", "ahead", "timedatectl set-ntp true"],
    },
];

fn restore(machine: &Machine) {
    for service in [
        Service::GoogleStt,
        Service::OpenAiStt,
        Service::Gemini,
        Service::OpenAiChat,
        Service::OpenAiTts,
        Service::GoogleTts,
    ] {
        machine.sandbox.restore_service(service);
    }
}
