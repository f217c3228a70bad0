//! The long way to a sandbox.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use testkit::audio::wav;
use testkit::{Fault, OPENAI_API_KEY, Relay, Stage};

use super::{Client, GEMINI, LLM, TTS, generate_body, sandbox, speak_body};

const DELAY: Duration = Duration::from_millis(40);
const PATIENCE: Duration = Duration::from_secs(30);

/// What listens, and a client that has connected to it through a relay.
fn far_apart() -> (Relay, TcpStream, TcpStream) {
    far_apart_by(DELAY)
}

fn far_apart_by(delay: Duration) -> (Relay, TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let relay = Relay::start(listener.local_addr().unwrap().port(), delay);
    let near = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).unwrap();
    let (far, _) = listener.accept().unwrap();
    for socket in [&near, &far] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
    }
    (relay, near, far)
}

fn through(relay: &Relay, mut client: Client) -> Client {
    client.base_url = format!("https://localhost:{}", relay.port());
    client
}

#[test]
fn bytes_arrive_as_late_as_they_would_from_afar() {
    let begun = Instant::now();
    let (_relay, mut near, mut far) = far_apart();
    let mut byte = [0];
    near.write_all(b"a").unwrap();
    far.read_exact(&mut byte).unwrap();
    assert!(begun.elapsed() >= 3 * DELAY, "a handshake, and the way");
    for _ in 0..2 {
        let begun = Instant::now();
        far.write_all(b"b").unwrap();
        near.read_exact(&mut byte).unwrap();
        assert!(begun.elapsed() >= DELAY);
        near.write_all(b"c").unwrap();
        far.read_exact(&mut byte).unwrap();
        assert!(begun.elapsed() >= 2 * DELAY);
    }
}

#[test]
fn a_server_that_speaks_first_waits_for_no_handshake() {
    let begun = Instant::now();
    let (_relay, mut near, mut far) = far_apart();
    far.write_all(b"220 ready").unwrap();
    near.read_exact(&mut [0; 9]).unwrap();
    assert!(begun.elapsed() >= DELAY);
}

#[test]
fn a_delay_is_no_limit_of_throughput() {
    let bytes: Vec<u8> = (0..=250).cycle().take(20_000_000).collect();
    let took = |delay: Duration| {
        let (_relay, mut near, mut far) = far_apart_by(delay);
        let begun = Instant::now();
        let mut got = Vec::new();
        thread::scope(|scope| {
            let bytes = &bytes;
            scope.spawn(move || {
                far.write_all(bytes).unwrap();
                drop(far);
            });
            near.read_to_end(&mut got).unwrap();
        });
        assert!(got == bytes);
        begun.elapsed()
    };
    // With a wait after each read of the most that is read at once it would be 1,221 delays more.
    let (near, far) = (took(Duration::ZERO), took(DELAY));
    assert!(
        far < 2 * near + 400 * DELAY,
        "{far:?}, and {near:?} from near"
    );
}

#[test]
fn an_end_travels_too_and_leaves_the_way_back_open() {
    let (_relay, mut near, mut far) = far_apart();
    near.write_all(b"question").unwrap();
    near.shutdown(std::net::Shutdown::Write).unwrap();
    let mut text = String::new();
    far.read_to_string(&mut text).unwrap();
    far.write_all(b", answer").unwrap();
    drop(far);
    near.read_to_string(&mut text).unwrap();
    assert_eq!(text, "question, answer");
}

#[test]
fn a_relay_that_goes_takes_its_connections_along() {
    let (relay, mut near, mut far) = far_apart();
    let port = relay.port();
    drop(relay);
    for socket in [&mut near, &mut far] {
        let read = socket.read(&mut [0]).map_err(|error| error.kind());
        assert!(
            matches!(read, Ok(0) | Err(ErrorKind::ConnectionReset)),
            "{read:?}"
        );
    }
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[test]
fn the_sandbox_answers_through_a_relay_only_later() {
    let (_dir, sandbox, client) = sandbox();
    let relay = Relay::start(sandbox.port(), DELAY);
    let client = through(&relay, client);
    let ask = || {
        let begun = Instant::now();
        let stream = client.stream(TTS, OPENAI_API_KEY, &speak_body("Goodbye!", "pcm"));
        let samples = wav::samples_of(&stream.body());
        assert_eq!(samples, sandbox.spoken("Goodbye!").samples);
        begun.elapsed()
    };
    // TCP's handshake, TLS's, and the request.
    assert!(ask() >= 6 * DELAY);
    assert!(ask() >= 2 * DELAY);
    assert_eq!((sandbox.connections(), sandbox.requests().len()), (1, 2));
}

#[test]
fn a_reset_comes_through_a_relay_as_a_reset() {
    let (_dir, sandbox, client) = sandbox();
    let relay = Relay::start(sandbox.port(), DELAY);
    let client = through(&relay, client);
    for (fault, part) in [
        (Fault::Reset, "reset by peer"),
        (Fault::CutShort, "disconnected"),
    ] {
        sandbox.fault(Stage::Llm, fault, 1);
        let error = client
            .try_ask(LLM, &client.token_for(GEMINI), &generate_body("x"))
            .map(|answer| answer.status)
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn settings_through_a_relay_name_its_port_everywhere() {
    let (_dir, sandbox, _client) = sandbox();
    let relay = Relay::start(sandbox.port(), DELAY);
    let text = sandbox.settings_through(&relay).to_toml();
    let url = format!("https://localhost:{}", relay.port());
    assert_eq!(text.matches(&format!("base_url = \"{url}\"")).count(), 8);
    assert!(!text.contains(&sandbox.base_url()));
    let credentials = text
        .lines()
        .find_map(|line| line.strip_prefix("credentials = "));
    let path: String = serde_json::from_str(credentials.unwrap()).unwrap();
    let key_file = std::fs::read_to_string(path).unwrap();
    assert!(key_file.contains(&format!("{url}/token")));
}
