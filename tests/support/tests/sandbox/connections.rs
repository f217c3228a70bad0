//! Connections: how many there are, and those that are opened before they are needed.

use std::time::Duration;

use testkit::Stage;

use super::{Client, sandbox, trusting};

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_request_for_the_root_asks_nothing_and_leaves_the_connection_open() {
    let (_dir, sandbox, client) = sandbox();
    let root = format!("{}/", client.base_url);
    let mut head = client.agent.head(&root).call().unwrap();
    assert_eq!(head.status(), 404);
    assert_ne!(head.headers()["content-length"], "0");
    assert_eq!(head.body_mut().read_to_vec().unwrap(), b"");
    let mut get = client.agent.get(&root).call().unwrap();
    assert_eq!(get.status(), 404);
    let page = get.body_mut().read_to_string().unwrap();
    assert!(page.contains("404"));
    assert_eq!(client.generate("How far is the moon?").status, 200);
    sandbox.wait_for_warm_ups(2, PATIENCE);
    assert_eq!((sandbox.warm_ups().len(), sandbox.connections()), (2, 1));
    assert_eq!((sandbox.requests().len(), sandbox.paid_requests()), (1, 1));
    let carried = sandbox.requests_to(Stage::Llm)[0].connection;
    assert!(
        sandbox
            .warm_ups()
            .iter()
            .all(|warm_up| warm_up.connection == carried)
    );
    sandbox.assert_clean();
}

#[test]
fn connections_are_counted_and_told_apart() {
    let (_dir, sandbox, client) = sandbox();
    let other = Client::new(&sandbox, PATIENCE);
    assert_eq!(sandbox.connections(), 0);
    for client in [&client, &other, &client] {
        client.speak("Goodbye!", "pcm");
    }
    sandbox.wait_for_connections(2, PATIENCE);
    assert_eq!(sandbox.connections(), 2);
    let carried: Vec<_> = sandbox
        .requests()
        .iter()
        .map(|request| request.connection)
        .collect();
    assert_eq!(carried[0], carried[2]);
    assert_ne!(carried[0], carried[1]);
}

#[test]
fn a_client_that_trusts_nobody_does_not_count() {
    let (_dir, sandbox, _client) = sandbox();
    let agent = ureq::Agent::config_builder()
        .tls_config(trusting(&[]))
        .proxy(None)
        .build();
    let agent: ureq::Agent = agent.into();
    assert!(agent.get(sandbox.base_url()).call().is_err());
    assert_eq!(sandbox.connections(), 0);
}
