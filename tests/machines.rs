//! Several machines that share a server.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use testkit::{Outcome, Server, Settings, Stage};

use crate::doctor::{check, of};
use crate::house::{House, PATIENCE};

fn call(house: &House, settings: &Settings) -> Outcome {
    let call = house.ask("question-tea.wav").call_with(settings);
    call.agi("agi_callerid", "1001").start().finish(PATIENCE)
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
