//! FastAGI: Asterisk connects, and systemd starts the program for each connection, as for the unit files in `src/manual`.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use testkit::audio::{g711, measure};
use testkit::{
    Act, Activation, ActivationBuilder, Call, CallBuilder, Fault, Outcome, Stage, Webhook,
};

use crate::calling::{order, with_tool};
use crate::docs::example;
use crate::house::{House, MOON, PATIENCE, argument, assert_at_once, data, program};

/// The manual's socket unit with the program, on a port of this test.
struct Server(Activation);

impl Server {
    fn start() -> Self {
        Self(Activation::of(program()).start())
    }

    /// The service of a house, whose settings allow calls to have their files in any folder.
    fn of(house: &House) -> Self {
        Self(Self::settled(Activation::of(program()), house).start())
    }

    fn settled(activation: ActivationBuilder, house: &House) -> ActivationBuilder {
        activation.env("PHONE_ASSISTANT_CONFIG", house.settings_file())
    }

    /// All processes of so many connections end, and each ends well; when the last of them did.
    #[track_caller]
    fn assert_ended(&self, connections: usize) -> Instant {
        let ended = self.0.wait_for_ends(connections, PATIENCE);
        for one in &ended {
            assert!(one.status.success(), "{}\n{}", one.status, self.0.stderr());
        }
        ended.iter().map(|one| one.at).max().unwrap()
    }

    /// Asserts that `times` lines on standard error contain `what`.
    #[track_caller]
    fn assert_told(&self, what: &str, times: usize) {
        let text = self.0.stderr();
        let told = text.lines().filter(|line| line.contains(what));
        assert_eq!(told.count(), times, "{what:?} in\n{text}");
    }

    /// Asterisk at the other end, with the arguments of the house's dialplan.
    fn call(&self, house: &House) -> CallBuilder {
        let settings = house.sandbox.settings().set("call.arguments", "all");
        house
            .call_of_service(program(), &settings)
            .over(self.0.address())
    }

    /// A client at the other end that is not Asterisk.
    fn stranger(&self) -> TcpStream {
        let stream = TcpStream::connect(self.0.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

/// Lets a call come to the point where the model has been asked and does not answer.
fn in_paid_work(
    server: &Server,
    house: &House,
    call: impl FnOnce(CallBuilder) -> CallBuilder,
) -> Call {
    house.sandbox.fault(Stage::Llm, Fault::Hang, usize::MAX);
    house.ask("question-tea.wav");
    let call = call(server.call(house)).start();
    house.sandbox.wait_for(Stage::Llm, 1, PATIENCE);
    call
}

#[track_caller]
fn assert_refused(outcome: &Outcome, reason: &str) {
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "FAILED")
        .assert_variable_contains("ASSISTANT_ERROR", reason);
}

#[test]
fn a_call_over_the_network_is_heard_as_any_other() {
    let house = House::streaming();
    let server = Server::of(&house);
    house.ask("question-moon.wav");
    let outcome = server.call(&house).start().finish(PATIENCE);
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_ANSWER", MOON);
    let place = format!("{}.ulaw", house.reply().display());
    let heard = outcome.played_of(Path::new(&place));
    let likeness = measure::heard(&g711::decoded_mulaw(&heard), &house.voice());
    outcome.assert(
        likeness > 0.9,
        &format!("heard with likeness {likeness:.3}"),
    );
    server.assert_ended(1);
    house.assert_no_file(&outcome);
}

#[test]
fn callers_from_outside_are_told_what_they_talk_with_over_the_network_too() {
    let house = House::new();
    let settings = house.sandbox.settings();
    settings.write(house.other());
    let server = Server::of(&house);
    for (channel, times) in [("PJSIP/provider-00000012", 1), ("PJSIP/1001-00000011", 0)] {
        let call = Call::builder(program())
            .arg("mode=disclose")
            .arg("persona=")
            .over(server.0.address())
            .agi("agi_channel", channel);
        let outcome = call.start().finish(PATIENCE);
        outcome.assert_manners();
        let told = outcome.variable("ASSISTANT_DISCLOSED");
        assert_eq!(told, ["", "1"][times], "{channel}");
        let played = outcome.commands();
        let played = played.filter(|line| line.starts_with("STREAM FILE"));
        assert_eq!(played.count(), times, "{channel}");
    }
    server.assert_ended(2);
}

#[test]
fn a_stranger_cannot_have_the_disclosure_spoken_in_each_voice_and_loudness() {
    let house = House::new();
    house.sandbox.settings().write(house.other());
    let server = Server::of(&house);
    let table = [
        ("tts.level_dbfs=-20", false),
        ("tts.gain_db=3", false),
        ("tts.openai.voice=onyx", false),
        ("stt.language=fr-FR", false),
        ("reply.format=alaw", true),
    ];
    for (argument, is_taken) in table {
        let call = Call::builder(program())
            .arg("mode=disclose")
            .arg("persona=")
            .arg(argument)
            .over(server.0.address())
            .agi("agi_channel", "PJSIP/provider-00000012");
        let outcome = call.start().finish(PATIENCE);
        outcome.assert_manners();
        let told = outcome.variable("ASSISTANT_DISCLOSED");
        assert_eq!(told, if is_taken { "1" } else { "" }, "{argument}");
        let is_refused = |(text, _): &(String, u32)| text.contains("cannot be an argument");
        assert_eq!(outcome.verbose.iter().any(is_refused), !is_taken);
    }
    assert_eq!(house.sandbox.requests_to(Stage::Tts).len(), 1);
    server.assert_ended(table.len());
}

#[test]
fn several_at_once_hear_each_their_own_answer() {
    let house = House::new();
    let server = Server::of(&house);
    let settings = house.sandbox.settings().set("reply.play", "dialplan");
    settings.set("call.arguments", "all").write(house.other());
    let asked = [
        ("moon", "The moon is about"),
        ("tea", "Black tea should steep"),
        ("opening-hours", "On Saturdays we are open"),
        ("tea", "Black tea should steep"),
        ("moon", "The moon is about"),
    ];
    let start = |(id, (question, answer))| {
        let call = house.calls().join(format!("call-1700000000.{id}"));
        let recording = format!("{}.wav", call.display());
        fs::copy(data(&format!("question-{question}.wav")), &recording).unwrap();
        let call = Call::builder(program())
            .arg(format!("recording={recording}"))
            .arg(format!("reply={}-reply", call.display()));
        (call.over(server.0.address()).start(), answer)
    };
    let calls: Vec<_> = (1..).zip(asked).map(start).collect();
    for (call, answer) in calls {
        let outcome = call.finish(PATIENCE);
        outcome
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert_variable_contains("ASSISTANT_ANSWER", answer);
    }
    server.assert_ended(asked.len());
}

#[test]
fn the_line_that_tells_of_a_hang_up_ends_paid_work_at_once() {
    let house = House::new();
    let server = Server::of(&house);
    let call = in_paid_work(&server, &house, |call| call);
    let since = Instant::now();
    call.hangup();
    assert_at_once(server.assert_ended(1) - since);
    let outcome = call.finish(PATIENCE);
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "HANGUP");
    assert_eq!(house.sandbox.requests().last().unwrap().stage, Stage::Llm);
    house.assert_no_file(&outcome);
}

#[test]
fn a_connection_that_breaks_off_without_a_word_is_a_hang_up() {
    let breaks: [fn(&Call); 2] = [Call::hangup_and_close, Call::close_stdin];
    for break_off in breaks {
        let house = House::new();
        let server = Server::of(&house);
        let silently = |call: CallBuilder| call.variable("AGISIGHUP", "no");
        let call = in_paid_work(&server, &house, silently);
        let since = Instant::now();
        break_off(&call);
        assert_at_once(server.assert_ended(1) - since);
        let outcome = call.finish(PATIENCE);
        outcome.assert_manners();
        assert_eq!(house.sandbox.requests().last().unwrap().stage, Stage::Llm);
        house.assert_no_file(&outcome);
    }
}

#[test]
fn a_conversation_is_refused_with_the_reason() {
    let house = House::new();
    let server = Server::of(&house);
    let outcome = server
        .call(&house)
        .arg("mode=conversation")
        .start()
        .finish(PATIENCE);
    assert_refused(&outcome, "EAGI, which agi:// does not offer");
    assert_eq!(house.sandbox.requests().len(), 0);
    server.assert_ended(1);
}

#[test]
fn a_bare_word_is_a_fault_and_no_command() {
    let server = Server::start();
    for word in ["check", "--help"] {
        let builder = Call::builder(program()).arg(word).over(server.0.address());
        assert_refused(
            &builder.start().finish(PATIENCE),
            "an AGI argument is not name=value",
        );
    }
    server.assert_ended(2);
}

#[test]
fn whoever_reaches_the_port_chooses_neither_settings_nor_files_nor_where_keys_go() {
    let (house, theirs) = (House::new(), House::new());
    let server = Server::of(&house);
    let [file, other] = ["voicemail.wav", "x.wav"].map(|name| theirs.other().join(name));
    for file in [&file, &other] {
        fs::write(file, "precious").unwrap();
    }
    theirs.sandbox.settings().write(theirs.other());
    let led = format!("tts.openai.base_url={}", theirs.sandbox.base_url());
    let arguments = [
        (
            argument("config", &theirs.settings_file()),
            "config= cannot",
        ),
        (argument("recording", &file), "recording= cannot"),
        (
            argument("reply", &theirs.other().join("x")),
            "reply= cannot",
        ),
        (led, "tts.openai.base_url cannot"),
        (
            "limits.max_daily_cost=0".to_owned(),
            "limits.max_daily_cost cannot",
        ),
        ("call.arguments=all".to_owned(), "call.arguments cannot"),
        (
            format!("llm.persona={}", "x".repeat(1001)),
            "llm.persona cannot",
        ),
        ("mode=check".to_owned(), "recording= is missing"),
    ];
    for (argument, reason) in &arguments {
        house.sandbox.settings().write(house.other());
        let call = Call::builder(program()).arg(argument);
        let outcome = call.over(server.0.address()).start().finish(PATIENCE);
        assert_refused(&outcome, reason);
    }
    server.assert_ended(arguments.len());
    // Nor does a caller who hangs up at once.
    let call = Call::builder(program()).arg(argument("reply", &theirs.other().join("x")));
    let call = call.at(1, Act::Hangup).over(server.0.address());
    call.start().finish(PATIENCE).assert_manners();
    assert!(file.exists() && other.exists());
    assert_eq!(
        house.sandbox.requests().len() + theirs.sandbox.requests().len(),
        0
    );
}

#[test]
fn no_client_of_the_port_reads_or_erases_what_a_phone_has_said() {
    let house = House::new();
    let callers = house.other().join("callers");
    let settings = house
        .sandbox
        .settings()
        .set("memory.callers", "internal")
        .set("memory.folder", callers.to_str().unwrap());
    let as_phone = |call: CallBuilder| {
        let call = call.agi("agi_channel", "PJSIP/200-0000000a");
        let call = call.agi("agi_callerid", "200").agi("agi_callingpres", "0");
        let outcome = call.start().finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
    };
    as_phone(house.ask("question-tea.wav").call_with(&settings));
    let files = || -> Vec<_> {
        let all = fs::read_dir(&callers)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = all.map(|path| (fs::read(&path).unwrap(), path)).collect();
        all.sort();
        all
    };
    let before = files();
    assert!(!before.is_empty());
    let server = Server::of(&house);
    house.sandbox.answer_with("It is done. [[forget]]");
    house.ask("question-moon.wav");
    let settings = settings.set("call.arguments", "all");
    let call = house.call_of_service(program(), &settings);
    as_phone(call.over(server.0.address()));
    server.assert_ended(1);
    assert_eq!(files(), before);
    let asked = &house.sandbox.requests_to(Stage::Llm)[1].body;
    let asked = asked.to_string();
    assert!(
        asked.contains("moon") && !asked.contains("black tea"),
        "{asked}"
    );
    // The phone itself is still known.
    as_phone(house.ask("question-moon.wav").call_with(&settings));
    let asked = house.sandbox.requests_to(Stage::Llm)[2].body.to_string();
    assert!(asked.contains("black tea"), "{asked}");
}

#[test]
fn no_client_of_the_port_is_a_phone_that_may_have_internal_tools_used() {
    for (callers, is_offered) in [("internal", false), ("all", true)] {
        let (house, hook) = (House::new(), Webhook::start());
        house.sandbox.call_with([order("green")]);
        let settings = with_tool(house.sandbox.settings(), &hook)
            .set("tool.order.callers", callers)
            .set("call.arguments", "all");
        let server = Server::of(&house);
        house.ask("question-tea.wav");
        let call = house.call_of_service(program(), &settings);
        let call = call.over(server.0.address());
        let call = call.agi("agi_channel", "PJSIP/200-0000000a");
        let call = call.agi("agi_callerid", "200").agi("agi_callingpres", "0");
        let outcome = call.start().finish(PATIENCE);
        outcome.assert_variable("ASSISTANT_STATUS", "ANSWERED");
        server.assert_ended(1);
        let asked = house.sandbox.requests_to(Stage::Llm);
        assert_eq!(asked[0].body.get("tools").is_some(), is_offered);
        assert_eq!(hook.posted().len(), usize::from(is_offered));
    }
}

#[test]
fn stderr_is_kept_apart_and_where_it_is_the_connection_nothing_is_written_to_it() {
    let trace = Activation::of(program()).env("PHONE_ASSISTANT_LOG", "trace");
    for (socket, is_logged) in [(trace.clone(), true), (trace.stderr_to_socket(), false)] {
        let house = House::new();
        let server = Server(Server::settled(socket, &house).start());
        house.ask("question-tea.wav");
        let outcome = server.call(&house).start().finish(PATIENCE);
        outcome
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
        server.assert_ended(1);
        let log = server.0.stderr();
        assert_eq!(log.contains("AGI > "), is_logged, "{log}");
    }
}

#[test]
fn who_is_not_asterisk_is_told_nothing() {
    let server = Server::start();
    let strangers: [&[u8]; 3] = [
        b"GET / HTTP/1.1\r\nagi_arg_1: stt.language=de-DE\r\n\r\n",
        b"\n",
        b"\x16\x03\x01\x02\x00\x01\x00\n",
    ];
    for bytes in strangers {
        let mut stream = server.stranger();
        stream.write_all(bytes).unwrap();
        let mut told = Vec::new();
        // It may close before it has read everything, and then the system says so.
        stream.read_to_end(&mut told).ok();
        assert!(told.is_empty(), "{}", told.escape_ascii());
    }
    server.assert_ended(strangers.len());
    server.assert_told("so this is not Asterisk", strangers.len());
}

#[test]
fn who_says_nothing_or_never_ends_is_not_waited_for_long() {
    let server = Server::start();
    let since = Instant::now();
    let mut waiting = [&b""[..], b"agi_network: yes\n", b"agi_network: yes"].map(|bytes| {
        let mut stream = server.stranger();
        stream.write_all(bytes).unwrap();
        stream
    });
    server.assert_ended(waiting.len());
    assert!(
        since.elapsed() > Duration::from_secs(4),
        "a busy Asterisk is waited for"
    );
    for stream in &mut waiting {
        let mut told = String::new();
        stream.read_to_string(&mut told).ok();
        assert_eq!(told, "");
    }
    server.assert_told("Asterisk did not answer within 5 s", waiting.len());
}

#[test]
fn the_unit_files_of_the_manual_ask_for_what_the_test_kit_does() {
    let units: String = ["phone-assistant.socket", "phone-assistant@.service"]
        .map(|name| {
            let unit = example(name);
            let place = format!("# /etc/systemd/system/{name}\n");
            assert!(unit.starts_with(&place), "{unit}");
            unit
        })
        .concat();
    for line in [
        "Accept=yes",
        "ExecStart=/usr/local/bin/phone-assistant",
        "StandardInput=socket",
        "StandardOutput=socket",
        "StandardError=journal",
    ] {
        let lines = units.lines().filter(|unit| *unit == line);
        assert_eq!(lines.count(), 1, "{line} in\n{units}");
    }
    assert!(!units.contains("Environment="), "{units}");
}
