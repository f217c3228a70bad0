//! Names and addresses as they are on real networks: name servers that answer only half, addresses that lead nowhere.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use testkit::Sandbox;

use super::roots;
use super::services::sandbox;
use crate::lab::{Lab, Root, succeed};
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    make_hole();
    let (root, _) = lab.asterisk();
    fs::write(
        root.path("/etc/resolv.conf"),
        format!("nameserver {SERVER}\n"),
    )
    .unwrap();
    let sandbox = sandbox();
    roots::put(lab, &root, &sandbox);
    let usual = shortest(&root, &sandbox, &Zone::new(&[HERE], Six::NoData));
    let usual = usual.expect("the usual answers are enough");
    report.figure(
        "a call whose name server answers both questions",
        format!("{} ms", usual.as_millis()),
    );
    for (what, zone) in [
        (
            "says that there is no such name",
            Zone::new(&[HERE], Six::Code(NXDOMAIN)),
        ),
        ("fails", Zone::new(&[HERE], Six::Code(SERVFAIL))),
        ("refuses", Zone::new(&[HERE], Six::Code(REFUSED))),
        (
            "knows no such question",
            Zone::new(&[HERE], Six::Code(NOTIMP)),
        ),
        ("says nothing", Zone::new(&[HERE], Six::Nothing)),
    ] {
        report.check(
            &format!("a name is found where the name server {what} when asked for AAAA"),
            || costs_little(usual, shortest(&root, &sandbox, &zone), 450),
        );
    }
    let hole = |last| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
    let holes = [5, 6, 7, 8].map(hole);
    for (what, zone, max_ms) in [
        (
            "one address of IPv6 leads nowhere",
            Zone::new(&[HERE], Six::Addresses(holes[..1].to_vec())),
            400,
        ),
        (
            "four addresses of IPv6 lead nowhere",
            Zone::new(&[HERE], Six::Addresses(holes.to_vec())),
            400,
        ),
        (
            "the first address of IPv4 leads nowhere",
            Zone::new(&[NOWHERE, HERE], Six::NoData),
            400,
        ),
        (
            "the first two addresses of IPv4 lead nowhere",
            Zone::new(&[NOWHERE, NOWHERE_ELSE, HERE], Six::NoData),
            450,
        ),
        (
            "IPv6 refuses",
            Zone::new(&[HERE], Six::Addresses(vec![Ipv6Addr::LOCALHOST.into()])),
            400,
        ),
    ] {
        report.check(
            &format!("a call is answered with little delay where {what}"),
            || costs_little(usual, shortest(&root, &sandbox, &zone), max_ms),
        );
    }
    known_by_odd_settings(&root, &sandbox, report);
    let unknown = Zone::new(&[], Six::Code(NXDOMAIN));
    report.check(
        "a name is found that only the machine's own resolver knows",
        || {
            // musl reads 512 bytes of a line.
            let line = format!("127.0.0.1 {} services.invalid\n", "x".repeat(600));
            fs::write(root.path("/etc/hosts"), line).unwrap();
            call(&root, &sandbox, &unknown, "services.invalid").map(drop)
        },
    );
    report.check("a name below localhost is found that nothing knows", || {
        fs::write(root.path("/etc/hosts"), "").unwrap();
        call(&root, &sandbox, &unknown, "services.localhost").map(drop)
    });
    for (what, zone, words) in [
        ("no name server knows", unknown, "its name is not known"),
        (
            "no name server answers for",
            Zone::silent(),
            "no name server answers for it",
        ),
    ] {
        report.check(
            &format!("a name that {what} is told as one"),
            || match call(&root, &sandbox, &zone, "services.example") {
                Err(told) if told.contains(words) => Ok(()),
                other => Err(format!("{other:?}")),
            },
        );
    }
}

/// A name is found whatever else stands in resolv.conf, and however many addresses it has.
fn known_by_odd_settings(root: &Root, sandbox: &Sandbox, report: &Report) {
    let resolv_conf = root.path("/etc/resolv.conf");
    let usual_lines = fs::read_to_string(&resolv_conf).unwrap();
    let known = Zone::new(&[HERE], Six::NoData);
    for (what, lines) in [
        (
            "the first name server is dead",
            format!("nameserver {NOWHERE}\n{usual_lines}"),
        ),
        (
            "short names are looked for elsewhere first",
            format!("{usual_lines}search a.example b.example\noptions ndots:5\n"),
        ),
        ("lines end as on Windows", usual_lines.replace('\n', "\r\n")),
    ] {
        fs::write(&resolv_conf, lines).unwrap();
        report.check(&format!("a name is found where {what}"), || {
            call(root, sandbox, &known, "services.example").map(drop)
        });
    }
    fs::write(&resolv_conf, usual_lines).unwrap();
    report.check("a name is found that has 70 addresses", || {
        let zone = Zone::new(&[HERE; 70], Six::NoData);
        call(root, sandbox, &zone, "services.example").map(drop)
    });
}

/// Makes a network into which packets vanish.
fn make_hole() {
    for arguments in [
        &[
            "link", "add", "hole", "type", "veth", "peer", "name", "hole-end",
        ][..],
        // Packets are sent without asking who is there.
        &["link", "set", "hole", "up", "arp", "off"],
        &["link", "set", "hole-end", "up"],
        &["addr", "add", "2001:db8::1/64", "dev", "hole", "nodad"],
        &["addr", "add", "203.0.113.1/24", "dev", "hole"],
    ] {
        succeed(Command::new("ip").args(arguments));
    }
}

/// What the name server says to a question for AAAA.
#[derive(Clone)]
enum Six {
    Addresses(Vec<IpAddr>),
    NoData,
    Code(u8),
    Nothing,
}

/// What the name server knows, whatever the name.
#[derive(Clone)]
struct Zone {
    a: Option<Vec<IpAddr>>,
    six: Six,
}

impl Zone {
    /// None of IPv4 means that the name is unknown.
    fn new(a: &[Ipv4Addr], six: Six) -> Self {
        Self {
            a: Some(a.iter().copied().map(IpAddr::from).collect()),
            six,
        }
    }

    fn silent() -> Self {
        Self {
            a: None,
            six: Six::Nothing,
        }
    }

    /// The reply to a question, if there is one. RFC 1035, section 4.
    fn reply(&self, question: &[u8]) -> Option<Vec<u8>> {
        let name_len = question.get(12..)?.iter().position(|byte| *byte == 0)? + 1;
        let end = 12 + name_len + 4;
        let kind = u16::from_be_bytes([*question.get(end - 4)?, *question.get(end - 3)?]);
        let (addresses, code) = match (kind, &self.six) {
            (A, _) => match self.a.as_deref()? {
                [] => (&[][..], NXDOMAIN),
                some => (some, 0),
            },
            (_, Six::Nothing) => return None,
            (_, Six::Addresses(all)) => (&all[..], 0),
            (_, Six::NoData) => (&[][..], 0),
            (_, Six::Code(code)) => (&[][..], *code),
        };
        let count = u8::try_from(addresses.len()).unwrap();
        let mut reply = question[..2].to_vec();
        reply.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
        reply.extend(&question[12..end]);
        for address in addresses {
            let octets = match address {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            // A pointer to the name in the question, and 60 seconds to live.
            reply.extend([0xc0, 12]);
            reply.extend(kind.to_be_bytes());
            reply.extend([0, 1, 0, 0, 0, 60, 0]);
            reply.push(u8::try_from(octets.len()).unwrap());
            reply.extend(octets);
        }
        Some(reply)
    }
}

/// A call while a name server knows `zone`. Returns how long it took, or what it said instead of an answer.
fn call(root: &Root, sandbox: &Sandbox, zone: &Zone, host: &str) -> Result<Duration, String> {
    let socket = UdpSocket::bind((SERVER, 53)).unwrap();
    let end = socket.try_clone().unwrap();
    let base_url = format!("https://{host}:{}", sandbox.port());
    let services = [
        "stt.google",
        "stt.openai",
        "llm.gemini",
        "llm.openai",
        "tts.openai",
        "tts.google",
    ];
    let settings = services
        .iter()
        .fold(roots::settings(sandbox), |settings, table| {
            settings.set(&format!("{table}.base_url"), base_url.as_str())
        });
    thread::scope(|scope| {
        scope.spawn(|| serve(&socket, zone));
        let begun = Instant::now();
        let output = roots::by_hand(root, &settings);
        let took = begun.elapsed();
        // Nothing else is as short.
        end.send_to(&[], (SERVER, 53)).unwrap();
        let commands = String::from_utf8_lossy(&output.stdout).into_owned();
        if commands.contains("SET VARIABLE \"ASSISTANT_STATUS\" \"ANSWERED\"") {
            Ok(took)
        } else {
            Err(format!(
                "{commands} {}",
                String::from_utf8_lossy(&output.stderr)
            ))
        }
    })
}

/// Answers until an empty packet comes.
fn serve(socket: &UdpSocket, zone: &Zone) {
    let mut packet = [0; 1500];
    loop {
        let (len, asker) = socket.recv_from(&mut packet).unwrap();
        if len == 0 {
            return;
        }
        if let Some(reply) = zone.reply(&packet[..len]) {
            socket.send_to(&reply, asker).unwrap();
        }
    }
}

/// The shortest of some calls: what else the machine does makes them longer only.
fn shortest(root: &Root, sandbox: &Sandbox, zone: &Zone) -> Result<Duration, String> {
    let calls = (0..3).map(|_| call(root, sandbox, zone, "services.example"));
    calls
        .collect::<Result<Vec<_>, _>>()
        .map(|calls| calls.into_iter().min().unwrap())
}

fn costs_little(
    usual: Duration,
    call: Result<Duration, String>,
    max_ms: u64,
) -> Result<(), String> {
    let more = call?.saturating_sub(usual);
    if more < Duration::from_millis(max_ms) {
        Ok(())
    } else {
        Err(format!("it took {} ms more than usual", more.as_millis()))
    }
}

/// The name server.
const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 53);

/// Where the services are, and addresses of which nothing is heard.
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const NOWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 7);
const NOWHERE_ELSE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 8);

/// The question for an address of IPv4, and codes of replies. RFC 1035, sections 3.2.2 and 4.1.1.
const A: u16 = 1;
const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const NOTIMP: u8 = 4;
const REFUSED: u8 = 5;
