//! Several machines that share a server.

use std::path::PathBuf;
use std::{fs, iter};

use serde_json::Value;
use testkit::{CallBuilder, Outcome, Server, Settings, Signal, Stage};

use crate::doctor::{check, of};
use crate::house::{House, PATIENCE, each};

fn call(house: &House, settings: &Settings) -> Outcome {
    asking(house, settings, "1001", "tea")
        .start()
        .finish(PATIENCE)
}

/// A call of this number that asks of this.
fn asking(house: &House, settings: &Settings, number: &str, what: &str) -> CallBuilder {
    let call = house
        .ask(&format!("question-{what}.wav"))
        .call_with(settings);
    call.agi("agi_callerid", number)
}

fn settings(house: &House, server: &Server) -> Settings {
    sharing(house, server).set("limits.max_calls_per_caller_per_hour", 1)
}

fn sharing(house: &House, server: &Server) -> Settings {
    let settings = house.sandbox.settings();
    settings
        .set("state.url", server.url())
        .set(
            "state.password_file",
            server.password_file().to_str().unwrap(),
        )
        .set("state.machines", 2)
}

#[test]
fn machines_count_together_and_alone_while_their_server_is_lost() {
    for program in Server::programs("machines that share a server") {
        let mut server = Server::start(program);
        let houses = [House::new(), House::new()];
        let settings = houses.each_ref().map(|house| settings(house, &server));
        call(&houses[0], &settings[0]).assert_variable("ASSISTANT_STATUS", "ANSWERED");
        call(&houses[1], &settings[1])
            .assert_variable("ASSISTANT_STATUS", "LIMITED")
            .assert_variable_contains("ASSISTANT_ERROR", "has made 1 call within");
        let found = check(&houses[0], &settings[0], &[]);
        let found: Vec<_> = of(&found, "state of machines").collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["status"], "ok", "{found:?}");

        server.stop();
        let alone = call(&houses[1], &settings[1]);
        let is_told = |line: &String| line.contains("this machine counts its calls by itself");
        let warned = alone.warnings.iter().filter(|line| is_told(line)).count();
        alone
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED")
            .assert(warned == 1, "administrators are told once");
        call(&houses[1], &settings[1]).assert_variable("ASSISTANT_STATUS", "LIMITED");
        let found = check(&houses[0], &settings[0], &[]);
        let found = of(&found, "state of machines").next().unwrap();
        assert_eq!(found["status"], "fail", "{found}");
    }
}

#[test]
fn where_others_are_trusted_in_their_place_the_roots_of_the_machine_are_not_read() {
    for program in Server::programs("an encrypted server that machines share") {
        let server = Server::start_encrypted(program);
        let house = House::new();
        let mut trusted = fs::read(house.sandbox.ca_file()).unwrap();
        trusted.extend(fs::read(server.ca_file()).unwrap());
        let file = server.folder().join("trusted.pem");
        fs::write(&file, trusted).unwrap();
        let settings = settings(&house, &server).set("http.ca_file", file.to_str().unwrap());
        let call = asking(&house, &settings, "1001", "tea").env("SSL_CERT_FILE", "/nonexistent");
        let outcome = call.start().finish(PATIENCE);
        outcome
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "ANSWERED");
        let warnings = &outcome.warnings;
        let is_alone = warnings.iter().any(|line| line.contains("limits: "));
        assert!(!is_alone, "{warnings:?}");
    }
}

/// What remembers callers on `server`, with a folder for the key.
fn remembering(house: &House, server: &Server) -> Settings {
    sharing(house, server)
        .set("memory.callers", "all")
        .set("memory.folder", callers(house).to_str().unwrap())
}

fn callers(house: &House) -> PathBuf {
    house.other().join("callers")
}

/// How often something was said by either before, in the last question to the model.
fn turns_told(house: &House) -> usize {
    let requests = house.sandbox.requests_to(Stage::Llm);
    let body = &requests.last().unwrap().body;
    body["contents"].as_array().unwrap().len() - 1
}

/// The numbers that the command lists, and how many records it could not read.
fn listed(house: &House, settings: &Settings) -> (Vec<String>, Value) {
    let output = house.command(settings, &["callers", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let callers = told["callers"].as_array().unwrap().iter();
    let numbers = callers.map(|caller| caller["number"].as_str().unwrap().to_owned());
    (numbers.collect(), told["unreadable_files"].clone())
}

#[test]
fn a_caller_of_one_machine_is_known_at_the_other_until_they_are_forgotten_or_it_is_lost() {
    for program in Server::programs("callers of two machines") {
        let mut server = Server::start(program);
        let houses = [House::new(), House::new()];
        let settings = houses.each_ref().map(|house| remembering(house, &server));
        let calls = |machine: usize| {
            let outcome = call(&houses[machine], &settings[machine]);
            outcome
                .assert_manners()
                .assert_variable("ASSISTANT_STATUS", "ANSWERED");
            outcome
        };
        calls(0);
        // With a key of its own a machine knows no caller, and changes nothing.
        let outcome = calls(1);
        assert_eq!(turns_told(&houses[1]), 0);
        assert!(
            outcome
                .warnings
                .iter()
                .any(|line| line.contains("have another key"))
        );
        let memory_of_machines = |machine: usize| {
            let found = check(&houses[machine], &settings[machine], &[]);
            let finding = of(&found, "memory of machines").next().unwrap().clone();
            (finding["status"].to_string(), finding["text"].to_string())
        };
        assert_eq!(memory_of_machines(1).0, "\"fail\"");
        let [from, to] = houses.each_ref().map(|house| callers(house).join("key"));
        fs::copy(from, to).unwrap();
        calls(1);
        assert_eq!(turns_told(&houses[1]), 2);
        calls(0);
        assert_eq!(turns_told(&houses[0]), 4);
        let (status, text) = memory_of_machines(1);
        assert!(status.contains("ok") && text.contains("1 so far"), "{text}");
        assert_eq!(listed(&houses[1], &settings[1]).0, ["1001"]);
        let forgotten = houses[1].command(&settings[1], &["forget", "1001"]);
        assert_eq!(forgotten.status.code(), Some(0));
        assert!(listed(&houses[0], &settings[0]).0.is_empty());
        let again = houses[0].command(&settings[0], &["forget", "1001"]);
        assert_eq!(again.status.code(), Some(1));
        calls(0);
        assert_eq!(turns_told(&houses[0]), 0);

        server.stop();
        let alone = calls(0);
        assert_eq!(turns_told(&houses[0]), 0);
        let told = alone
            .warnings
            .iter()
            .filter(|line| line.contains("memory: "));
        assert_eq!(told.count(), 1, "{:?}", alone.warnings);
        let system = houses[0]
            .sandbox
            .requests_to(Stage::Llm)
            .last()
            .unwrap()
            .body
            .to_string();
        assert!(
            system.contains("[[forget]]") && !system.contains("[[note"),
            "{system}"
        );
        let output = houses[1].command(&settings[1], &["forget", "1001"]);
        assert_eq!(output.status.code(), Some(2));
        server.restart(program);
        calls(1);
        assert_eq!(turns_told(&houses[1]), 0);
    }
}

#[test]
fn a_call_without_speech_tells_administrators_as_well_that_the_memory_of_machines_is_lost() {
    for program in Server::programs("a call without speech") {
        let mut server = Server::start(program);
        let house = House::new();
        let settings = remembering(&house, &server);
        server.stop();
        let call = house.ask("header-only.wav").call_with(&settings);
        let outcome = call.agi("agi_callerid", "1001").start().finish(PATIENCE);
        outcome
            .assert_manners()
            .assert_variable("ASSISTANT_STATUS", "NOSPEECH");
        let warnings = &outcome.warnings;
        let told = warnings.iter().filter(|line| line.contains("memory: "));
        assert_eq!(told.count(), 1, "{warnings:?}");
    }
}

/// What becomes of a server in the middle of a call, how it is as before, and what administrators are told of it. What is
/// told after `emptied` is told by the next call.
struct Mishap {
    name: &'static str,
    happen: fn(&mut Server, &str),
    pass: fn(&Server),
    told: &'static str,
}

const ALONE: &str = "limits: cannot use redis://";

const MISHAPS: [Mishap; 4] = [
    Mishap {
        name: "hung",
        happen: |server, _| server.signal(Signal::STOP),
        pass: |server| server.signal(Signal::CONT),
        told: ALONE,
    },
    Mishap {
        name: "full",
        happen: |server, _| server.tell("CONFIG SET maxmemory 1"),
        pass: |server| server.tell("CONFIG SET maxmemory 0"),
        told: ALONE,
    },
    Mishap {
        name: "read-only",
        happen: |server, _| server.tell("REPLICAOF 127.0.0.1 1"),
        pass: |server| server.tell("REPLICAOF NO ONE"),
        told: ALONE,
    },
    Mishap {
        name: "emptied",
        happen: |server, program| server.restart(program),
        pass: |_| {},
        told: "has lost what it had counted",
    },
];

#[test]
fn whatever_becomes_of_the_server_in_a_call_that_is_answered_and_no_limit_is_gone_and_no_stranger_known()
 {
    for program in Server::programs("a server that fails in the middle of a call") {
        each(&MISHAPS, |mishap| befall(mishap, program));
    }
}

fn befall(mishap: &Mishap, program: &str) {
    let name = mishap.name;
    let mut server = Server::start(program);
    let houses = [House::new(), House::new()];
    let [first, second] = &houses;
    let memory = |server: &Server| houses.each_ref().map(|house| remembering(house, server));
    let of_both = memory(&server);
    // A stranger has asked of the moon, and the caller of tea.
    answered(first, &of_both[0], "1002", "moon");
    fs::create_dir(callers(second)).unwrap();
    fs::copy(callers(first).join("key"), callers(second).join("key")).unwrap();
    let limited = |limit: f64| of_both[0].clone().set("limits.max_daily_cost", limit);
    let [_, reserve] = spent_and_reserve(first, &limited(TOO_LITTLE));
    answered(first, &limited(10.0), "1001", "tea");
    let [spent, _] = spent_and_reserve(first, &limited(TOO_LITTLE));
    // Enough for one call more, and not for two.
    let limit = reserve + 1.5 * spent;
    let limited = |server: &Server| {
        memory(server).map(|settings| settings.set("limits.max_daily_cost", limit))
    };

    first.sandbox.hold(Stage::Llm);
    let asked = first.sandbox.requests_to(Stage::Llm).len();
    let under_way = asking(first, &limited(&server)[0], "1001", "tea").start();
    first.sandbox.wait_for(Stage::Llm, asked + 1, PATIENCE);
    (mishap.happen)(&mut server, program);
    first.sandbox.release(Stage::Llm);
    let outcome = under_way.finish(PATIENCE);
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let mut warnings = outcome.warnings;
    for (house, settings) in houses.iter().zip(limited(&server)) {
        let next = call(house, &settings);
        next.assert_manners();
        assert_eq!(
            next.variable("ASSISTANT_STATUS"),
            "LIMITED",
            "{name}: {next}"
        );
        warnings.extend(next.warnings);
    }
    let is_told = warnings.iter().any(|line| line.contains(mishap.told));
    assert!(is_told, "{name}: {warnings:#?}");
    for (house, settings) in houses.iter().zip(memory(&server)) {
        for (number, what, other) in [("1001", "tea", "moon"), ("1003", "moon", "tea")] {
            let told = answered(house, &settings, number, what);
            assert!(!told.contains(other), "{name}: {number} was told {told}");
        }
    }
    (mishap.pass)(&server);
    // A machine that is held up may take the server for a slow one, and then says so.
    let settings = &memory(&server)[1];
    let found = iter::repeat_with(|| check(second, settings, &[]))
        .take(TRIES)
        .find(|found| !of(found, "state of machines").all(is_slow));
    let found = found.unwrap_or_else(|| panic!("{name}: it is slow each time"));
    let statuses: Vec<_> = of(&found, "state of machines")
        .map(|finding| &finding["status"])
        .collect();
    assert_eq!(statuses, ["ok"], "{name}: {found:#}");
}

/// An answered call; what the model was told beside the system's part.
fn answered(house: &House, settings: &Settings, number: &str, what: &str) -> String {
    let outcome = asking(house, settings, number, what)
        .start()
        .finish(PATIENCE);
    outcome
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    let requests = house.sandbox.requests_to(Stage::Llm);
    requests.last().unwrap().body["contents"].to_string()
}

/// In dollars, as a call tells it that is refused.
fn spent_and_reserve(house: &House, settings: &Settings) -> [f64; 2] {
    let outcome = call(house, settings);
    let told = outcome.variable("ASSISTANT_ERROR");
    let dollars = |before: &str| -> f64 {
        let (_, rest) = told
            .split_once(before)
            .unwrap_or_else(|| panic!("{outcome}"));
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        rest[..end].trim_end_matches('.').parse().unwrap()
    };
    [dollars("limit: $"), dollars("could cost $")]
}

fn is_slow(finding: &Value) -> bool {
    let text = finding["text"].as_str().unwrap();
    finding["status"] == "warn" && text.contains(" answers in ")
}

/// How often the machine may be held up.
const TRIES: usize = 10;

/// Less than any call could cost.
const TOO_LITTLE: f64 = 0.000_001;
