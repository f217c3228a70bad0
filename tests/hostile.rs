//! Services that mean harm: whatever they answer, the call ends in time, with a reason, in little memory, and without a
//! panic.

use std::sync::Arc;
use std::time::Duration;

use testkit::{Fault, Outcome, Service, Settings, Stage};

use crate::house::{House, PATIENCE, each};
use crate::providers;

/// What a service sends instead of an answer: these bytes, and then the second ones without end, if there are any.
struct Hostile {
    what: &'static str,
    bytes: Vec<u8>,
    more: &'static [u8],
}

fn hostile(what: &'static str, bytes: impl Into<Vec<u8>>) -> Hostile {
    without_end(what, bytes, b"")
}

fn without_end(what: &'static str, bytes: impl Into<Vec<u8>>, more: &'static [u8]) -> Hostile {
    Hostile {
        what,
        bytes: bytes.into(),
        more,
    }
}

/// A response with status 200, these headers and this body, which the end of the connection ends.
fn ok(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}

/// The same with a body of JSON.
fn ok_json(body: impl AsRef<[u8]>) -> Vec<u8> {
    let len = body.as_ref().len();
    ok(
        &format!("Content-Type: application/json\r\nContent-Length: {len}\r\n"),
        body,
    )
}

const CHUNKED: &str = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
const EVENTS: &str = "Content-Type: text/event-stream\r\n";

/// What is no HTTP, or is framed as nobody may frame it.
fn framing() -> Vec<Hostile> {
    vec![
        hostile("nothing", ""),
        hostile("every byte", (0..=255).collect::<Vec<u8>>()),
        hostile("no version", "HTTP/9.9 200 OK\r\n\r\n"),
        hostile("no status", "HTTP/1.1 abc OK\r\n\r\n"),
        hostile("a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
        hostile("status 0", "HTTP/1.1 000 OK\r\n\r\n"),
        hostile("status 999", "HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n"),
        hostile("a protocol of another kind", "SSH-2.0-OpenSSH_9.2\r\n"),
        without_end("a status line without end", "HTTP/1.1 200 ", b"a"),
        without_end("a header without end", "HTTP/1.1 200 OK\r\nX: ", b"a"),
        without_end("headers without end", "HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        hostile("a header without a colon", ok("no colon at all\r\n", "{}")),
        hostile("a header with NUL", ok("X: a\0b\r\n", "{}")),
        hostile("a folded header", ok("X: a\r\n b\r\n", "{}")),
        hostile("no end of a line but CR", "HTTP/1.1 200 OK\rX: y\r\r{}"),
        hostile(
            "another protocol from here on",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        ),
        without_end("go on, without end", "", b"HTTP/1.1 100 Continue\r\n\r\n"),
        without_end(
            "hints without end",
            "",
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
        ),
        hostile("a negative length", ok("Content-Length: -1\r\n", "{}")),
        hostile("a length of words", ok("Content-Length: many\r\n", "{}")),
        hostile(
            "a length beyond numbers",
            ok("Content-Length: 99999999999999999999999\r\n", "{}"),
        ),
        hostile(
            "two lengths",
            ok("Content-Length: 2\r\nContent-Length: 9\r\n", "{}"),
        ),
        hostile("less than its length", ok("Content-Length: 900\r\n", "{}")),
        without_end(
            "a length of exabytes, sent",
            ok("Content-Length: 9223372036854775807\r\n", ""),
            b"\0",
        ),
        hostile("a chunk of exabytes", ok(CHUNKED, "7fffffffffffffff\r\n{")),
        hostile(
            "a chunk beyond numbers",
            ok(CHUNKED, "fffffffffffffffffffff\r\n{"),
        ),
        hostile("a negative chunk", ok(CHUNKED, "-1\r\n{}\r\n0\r\n\r\n")),
        hostile("a chunk of words", ok(CHUNKED, "many\r\n{}\r\n0\r\n\r\n")),
        hostile(
            "a chunk without its end",
            ok(CHUNKED, "2\r\n{}{}{}0\r\n\r\n"),
        ),
        without_end(
            "an extension of a chunk without end",
            ok(CHUNKED, "2;"),
            b"a",
        ),
        without_end("the size of a chunk without end", ok(CHUNKED, ""), b"0"),
        without_end(
            "trailers without end",
            ok(CHUNKED, "2\r\n{}\r\n0\r\n"),
            b"X: y\r\n",
        ),
        without_end(
            "a trailer without end",
            ok(CHUNKED, "2\r\n{}\r\n0\r\nX: "),
            b"a",
        ),
        without_end(
            "chunks of a byte without end",
            ok(CHUNKED, ""),
            b"1\r\n[\r\n",
        ),
        hostile(
            "a length and chunks",
            ok(
                &format!("Content-Length: 9\r\n{CHUNKED}"),
                "2\r\n{}\r\n0\r\n\r\n",
            ),
        ),
        hostile(
            "packed chunks",
            ok(
                "Transfer-Encoding: gzip, chunked\r\n",
                "2\r\nno\r\n0\r\n\r\n",
            ),
        ),
    ]
}

/// What is HTTP and means harm.
fn content() -> Vec<Hostile> {
    let long = "x".repeat(60_000);
    vec![
        hostile(
            "packed zeros",
            ok(
                "Content-Encoding: gzip\r\nContent-Length: 40\r\n",
                [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &[0xED; 30]].concat(),
            ),
        ),
        hostile("no content", "HTTP/1.1 204 No Content\r\n\r\n"),
        hostile(
            "a part of the content",
            ok_json("").replacing("200 OK", "206 Partial Content"),
        ),
        hostile(
            "a redirect to itself",
            "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
        ),
        hostile(
            "a redirect into the machine",
            "HTTP/1.1 307 Moved\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n",
        ),
        hostile(
            "a redirect to a file",
            "HTTP/1.1 308 Moved\r\nLocation: file:///etc/shadow\r\nContent-Length: 0\r\n\r\n",
        ),
        without_end(
            "a refusal without end",
            "HTTP/1.1 401 No\r\n\r\n{\"error\":{\"message\":\"",
            b"no ",
        ),
        hostile(
            "a wait without end",
            "HTTP/1.1 429 Wait\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
        ),
        hostile(
            "a negative wait",
            "HTTP/1.1 429 Wait\r\nRetry-After: -1\r\nContent-Length: 0\r\n\r\n",
        ),
        hostile(
            "a wait that is no number",
            "HTTP/1.1 503 Wait\r\nRetry-After: NaN\r\nContent-Length: 0\r\n\r\n",
        ),
        hostile(
            "a date of no calendar",
            "HTTP/1.1 401 No\r\nDate: Fri, 99 Zzz 99999 99:99:99 GMT\r\nContent-Length: 0\r\n\r\n",
        ),
        hostile(
            "a long Content-Type",
            ok(
                &format!("Content-Type: {long}\r\nContent-Length: 2\r\n"),
                "no",
            ),
        ),
        hostile(
            "a long cookie",
            ok(
                &format!("Set-Cookie: {long}\r\nContent-Length: 2\r\n"),
                "no",
            ),
        ),
    ]
}

/// What begins as an answer and means harm.
fn bodies() -> Vec<Hostile> {
    vec![
        hostile("brackets a million deep", ok_json("[".repeat(1_000_000))),
        hostile("objects a million deep", ok_json("{\"a\":".repeat(200_000))),
        hostile(
            "a million zeros",
            ok_json(format!("{{\"results\":[{}0]}}", "0,".repeat(1_900_000))),
        ),
        hostile(
            MANY_ZEROS,
            ok_json(
                [
                    b"{\"audioContent\":[",
                    &b"0,".repeat(14_000_000)[..],
                    b"0]}",
                ]
                .concat(),
            ),
        ),
        hostile(
            "a million names",
            ok_json(format!("{{{}\"a\":0}}", "\"b\":0,".repeat(300_000))),
        ),
        without_end(
            "a string without end",
            ok("Content-Type: application/json\r\n", "{\"text\":\""),
            b"a",
        ),
        without_end(
            "blanks without end",
            ok("Content-Type: application/json\r\n", ""),
            b" ",
        ),
        without_end(
            "zeros without end",
            ok("Content-Type: audio/wav\r\n", ""),
            b"\0",
        ),
        hostile("UTF-16", ok_json(b"\xff\xfe{\0}\0")),
        hostile("no UTF-8", ok_json(b"{\"text\":\"\xff\xfe\"}")),
        hostile("a number beyond numbers", ok_json("{\"results\":1e999}")),
        hostile("what is no JSON", ok_json("<!DOCTYPE html><html>")),
        without_end("an event without end", ok(EVENTS, "data: "), b"a"),
        without_end("comments without end", ok(EVENTS, ""), b": ping\n\n"),
        without_end(
            "names of events without end",
            ok(EVENTS, ""),
            b"event: x\n\n",
        ),
        without_end("no events without end", ok(EVENTS, ""), b"what is this\n"),
        without_end("lines without end", ok(EVENTS, ""), b"\n"),
        hostile(
            "an event of many zeros",
            ok(EVENTS, format!("data: [{}0]\n\n", "0,".repeat(1_900_000))),
        ),
        without_end("empty events without end", ok(EVENTS, ""), b"data: {}\n\n"),
        hostile(
            "WAV of exabytes",
            ok("Content-Type: audio/wav\r\nContent-Length: 44\r\n", WAV),
        ),
    ]
}

trait Replacing {
    fn replacing(self, from: &str, to: &str) -> Self;
}

impl Replacing for Vec<u8> {
    fn replacing(self, from: &str, to: &str) -> Self {
        String::from_utf8(self)
            .unwrap()
            .replace(from, to)
            .into_bytes()
    }
}

/// A header that says that there are 2^32 - 1 bytes of 65,535 channels at 4 GHz.
const WAV: &[u8] = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x10\0data\xff\xff\xff\xff";

/// The service that is asked, the settings that choose it, and the stage that fails by that.
type Asked = (Service, fn(&House) -> Settings, &'static str);

const ASKED: [Asked; 7] = [
    (Service::GoogleStt, usual, "stt"),
    (Service::Gemini, usual, "llm"),
    (Service::OpenAiTts, usual, "tts"),
    (Service::Token, with_token, "stt"),
    (Service::OpenAiStt, providers::openai, "stt"),
    (Service::OpenAiChat, providers::openai, "llm"),
    (Service::GoogleTts, providers::google_voice, "tts"),
];

/// They read all in their own way, and so are asked for all.
const GEMINI: [Asked; 2] = [
    (Service::GeminiStt, providers::gemini, "stt"),
    (Service::GeminiTts, providers::gemini, "tts"),
];

fn usual(house: &House) -> Settings {
    house.sandbox.settings()
}

fn with_token(house: &House) -> Settings {
    house.sandbox.refuse_self_signed(Stage::Stt);
    house.sandbox.settings()
}

/// A call in little memory whose service answers so; with a deadline that leaves a busy machine time for the other stages.
fn call(
    fault: Option<Fault>,
    service: Service,
    settings: fn(&House) -> Settings,
) -> (House, Outcome) {
    let house = House::new();
    if let Some(fault) = fault {
        house.sandbox.fault_service(service, fault, usize::MAX);
    }
    let settings = settings(&house).set("call.deadline", 5);
    let program = house.program_behind(&format!("ulimit -d {MEMORY_KB}"));
    let call = house.ask("question-tea.wav").call_of(&program, &settings);
    let outcome = call.start().finish(PATIENCE);
    (house, outcome)
}

/// The twins of all others: a call that is answered in so little memory, and one whose service says nothing at all, which
/// takes as long as any may.
fn longest() -> Duration {
    let (_, answered) = call(None, Service::Gemini, usual);
    answered.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let (_, silent) = call(Some(Fault::Hang), Service::Gemini, usual);
    silent.assert_variable("ASSISTANT_STATUS", "FAILED");
    2 * silent.took
}

#[test]
fn a_hundred_hostile_services_end_calls_in_time_with_a_reason_and_in_little_memory() {
    let longest = longest();
    // Each to some of the seven, in turn: the connection is the same for all, and what is read of it is not. What never
    // ends takes all the time that a call has, and is sent once.
    let all = framing()
        .into_iter()
        .map(|one| (one, 2))
        .chain(content().into_iter().chain(bodies()).map(|one| (one, 3)));
    let all = all.enumerate().flat_map(|(index, (hostile, times))| {
        let times = match hostile.what {
            MANY_ZEROS => ASKED.len(),
            _ if hostile.more.is_empty() => times,
            _ => 1,
        };
        let hostile = Arc::new(hostile);
        let some = (0..times).map(move |more| ASKED[(index + 2 * more) % ASKED.len()]);
        let asked = some.chain([GEMINI[index % GEMINI.len()]]);
        asked.map(move |asked| (hostile.clone(), asked))
    });
    let all: Vec<_> = all.collect();
    assert!(all.len() >= 100, "{}", all.len());
    each(all, |(hostile, (service, settings, stage))| {
        let fault = Fault::Bytes(hostile.bytes.clone(), hostile.more.to_vec());
        let (house, outcome) = call(Some(fault), service, settings);
        let what = format!("{} of {service:?}", hostile.what);
        outcome.assert(
            outcome.status.code() == Some(0),
            &format!("{what}: the program did not end by itself"),
        );
        outcome.assert_manners();
        let (status, error) = (
            outcome.variable("ASSISTANT_STATUS"),
            outcome.variable("ASSISTANT_ERROR"),
        );
        let is_told =
            status == "FAILED" && error.starts_with(&format!("{stage}: ")) && error.len() > 40;
        // A voice may make a sound of anything, and a recognizer hear nothing.
        outcome.assert(is_told, &format!("{what}: {status} by {error:?}"));
        outcome.assert(
            !outcome.to_string().contains("internal error"),
            &format!("{what}: a panic"),
        );
        outcome.assert(
            outcome.took < longest,
            &format!("{what}: it took longer than {longest:?}"),
        );
        house.assert_no_file(&outcome);
    });
}

#[test]
fn another_provider_answers_for_a_hostile_one() {
    let table = framing()
        .into_iter()
        .chain(content())
        .chain(bodies())
        .step_by(6);
    each(table, |hostile| {
        let house = House::new();
        let fault = Fault::Bytes(hostile.bytes, hostile.more.to_vec());
        house
            .sandbox
            .fault_service(Service::Gemini, fault, usize::MAX);
        let settings = house
            .sandbox
            .settings()
            .set("llm.fallback", serde_json::json!(["openai"]))
            .set("llm.openai.model", "gpt-6-luna");
        let outcome = house.outcome_with("question-tea.wav", &settings);
        outcome.assert(
            outcome.variable("ASSISTANT_STATUS") == "ANSWERED" && !outcome.warnings.is_empty(),
            hostile.what,
        );
    });
}

/// As much as a voice may send, and as JSON a thousand megabytes.
const MANY_ZEROS: &str = "fourteen million zeros";

/// Enough for a call, threads' stacks included, and much less than a hostile service would like to fill.
const MEMORY_KB: u32 = 128 * 1024;
