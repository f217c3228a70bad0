//! Servers with which no encrypted connection comes about: each failure has its own sentence.

use std::fs;
use std::time::{Duration, Instant};

use phone_assistant::cloud::Service;
use phone_assistant::cloud::http::Client;
use phone_assistant::config::Http;
use phone_assistant::sys::deadline::Deadline;
use phone_assistant::sys::error::Chain;
use phone_assistant::sys::hangup::Hangup;
use testkit::{Flaw, Peer, TempDir};

use crate::house::House;

/// An alert of TLS (RFC 8446, 6), as a server that speaks no more than TLS 1.1 sends it.
fn alert(description: u8) -> Flaw {
    Flaw::Says(vec![21, 3, 2, 0, 2, 2, description])
}

/// The hello of a server that has chosen TLS 1.1, whatever was offered.
fn hello_of_tls_1_1() -> Flaw {
    let body = [&[3, 2][..], &[7; 32], &[0, 0xC0, 0x13, 0]].concat();
    let handshake = [&[2, 0, 0, u8::try_from(body.len()).unwrap()][..], &body].concat();
    let record = [
        &[22, 3, 2, 0, u8::try_from(handshake.len()).unwrap()][..],
        &handshake,
    ]
    .concat();
    Flaw::Says(record)
}

fn table() -> Vec<(&'static str, Flaw, &'static [&'static str])> {
    vec![
        (
            "an alert of TLS 1.1",
            alert(70),
            &["no TLS newer than 1.1", "update that server"],
        ),
        (
            "TLS 1.1",
            hello_of_tls_1_1(),
            &["no TLS newer than 1.1", "update that server"],
        ),
        (
            "no cipher in common",
            alert(40),
            &["none of our ways to encrypt", "ECDHE"],
        ),
        (
            "too little security",
            alert(71),
            &["none of our ways to encrypt", "ECDHE"],
        ),
        (
            "an unknown name",
            alert(112),
            &["does not know the host's name", "base_url"],
        ),
        (
            "a client's certificate",
            alert(116),
            &["wants a certificate of its client"],
        ),
        (
            "another alert",
            alert(80),
            &["no encrypted connection could be agreed upon", "base_url"],
        ),
        (
            "plain HTTP",
            Flaw::Says(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec()),
            &["does not speak TLS", "port in base_url", "http://"],
        ),
        (
            "nothing at all",
            Flaw::Says(Vec::new()),
            &["hung up before", "port in base_url"],
        ),
        (
            "a certificate that is over",
            Flaw::Expired,
            &["has expired", "clock", "renewed"],
        ),
        (
            "one of the future",
            Flaw::NotYet,
            &["not valid yet", "set-ntp true"],
        ),
        (
            "one of another name",
            Flaw::OtherName,
            &["for another name", "base_url"],
        ),
        (
            "one of a stranger",
            Flaw::UnknownIssuer,
            &["has issued its certificate", "ca_file"],
        ),
        (
            "its own",
            Flaw::SelfSigned,
            &["has issued its certificate", "ca_file"],
        ),
        (
            "an authority's own",
            Flaw::AuthorityItself,
            &["has issued its certificate", "ca_file"],
        ),
    ]
}

#[test]
fn each_handshake_that_fails_has_its_own_sentence_and_remedy() {
    for (what, flaw, words) in table() {
        let (peer, folder) = (Peer::start(&flaw), TempDir::new().unwrap());
        let ca_file = folder.path().join("ca.pem");
        fs::write(&ca_file, peer.ca_pem()).unwrap();
        let settings = Http {
            ca_file: Some(ca_file),
            proxy: None,
            no_proxy: "localhost".to_owned(),
            warm: false,
        };
        let client = Client::new(&settings, &Hangup::default(), false).unwrap();
        let deadline = Deadline::after(Instant::now(), Duration::from_secs(20), Instant::now);
        let error = client.look(SERVICE, &peer.url(), deadline).unwrap_err();
        let told = Chain(&error).to_string();
        for word in words {
            assert!(told.contains(word), "{what}: {told:?} lacks {word:?}");
        }
        let is_about_certificates = told.contains("its certificate");
        let is_one = !matches!(flaw, Flaw::Says(_));
        assert_eq!(is_about_certificates, is_one, "{what}: {told}");
    }
}

#[test]
fn a_call_to_a_server_of_tls_1_1_says_so() {
    let (house, peer) = (House::new(), Peer::start(&alert(70)));
    let settings = house
        .sandbox
        .settings()
        .set("llm.gemini.base_url", peer.url());
    let outcome = house.outcome_with("question-tea.wav", &settings);
    outcome
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains(
            "ASSISTANT_ERROR",
            "llm: Gemini: cannot connect to localhost",
        )
        .assert_variable_contains("ASSISTANT_ERROR", "it speaks no TLS newer than 1.1");
    outcome.assert(
        !outcome
            .variable("ASSISTANT_ERROR")
            .contains("its certificate"),
        "it blames a certificate",
    );
}

const SERVICE: Service = Service {
    name: "A server",
    settings: "[llm.openai]",
    key: "[openai] api_key",
};
