//! Several machines that share a server.

use testkit::{Outcome, Server, Settings};

use crate::doctor::{check, of};
use crate::house::{House, PATIENCE};

fn call(house: &House, settings: &Settings) -> Outcome {
    let call = house.ask("question-tea.wav").call_with(settings);
    call.agi("agi_callerid", "1001").start().finish(PATIENCE)
}

fn settings(house: &House, server: &Server) -> Settings {
    let settings = house.sandbox.settings();
    settings
        .set("limits.max_calls_per_caller_per_hour", 1)
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
            .assert_variable_contains("ASSISTANT_ERROR", "has made 1 calls");
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
