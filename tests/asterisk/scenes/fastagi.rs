//! FastAGI: Asterisk connects, and systemd's socket activation starts the program for each call.

use std::fs;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use testkit::{TempDir, until};

use super::callers::{self, FORGED};
use super::hangups;
use super::services::sandbox;
use crate::caller::{SOON, ask, call_works, data};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::processes::Running;
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let machine = Machine::installed(lab, sandbox());
    let server = Server::start(&machine);
    connect_to(&machine, &format!("agi://{}/", server.address));
    report.check("a question over FastAGI is answered", || {
        call_works(&machine)?;
        let log = machine.log();
        let agi = log.lines().rfind(|line| line.contains("] AGI("));
        match agi {
            Some(line) if line.contains(&format!("agi://{}/", server.address)) => Ok(()),
            other => Err(format!("Asterisk did not connect: {other:?}")),
        }
    });
    report.check(
        "a number with line breaks is only a number over FastAGI",
        || {
            let phone = machine.phone().number(FORGED);
            ask(&machine, &phone, &data("question-tea.wav"))?
                .only_answer("tea")
                .map(drop)
        },
    );
    hangups::at_every_moment(&machine, report, "over FastAGI ");
    report.check(
        "a number with line breaks is not answered by a dialplan that hands it on",
        || {
            callers::hand_numbers_on(&machine);
            callers::forged_number(&machine)
        },
    );
    report.check(
        "the manual's unit files are what systemd takes",
        systemd_verifies,
    );
    let names = name_server(&machine, &[NOBODY, PORT]);
    connect_to(&machine, &format!("hagi://{PROGRAMS}/"));
    report.check(
        "where SRV records name two servers, and the first one is down, the second answers",
        || call_works(&machine),
    );
    drop((server, names));
    report.check(
        "who calls when nobody listens for FastAGI hears the apology",
        || {
            let exchange = ask(&machine, &machine.phone(), &data("question-tea.wav"))?;
            exchange.apology(&machine, Duration::ZERO, "AGI FAILURE")
        },
    );
}

/// Whether there are such a user and such a program is another machine's affair.
fn systemd_verifies() -> Result<(), String> {
    let folder = TempDir::new().unwrap();
    let files = UNITS.iter().map(|(name, text)| {
        let text = text.replace("/usr/local/bin/phone-assistant", "/bin/true");
        let path = folder.path().join(name);
        fs::write(&path, text.replace("User=asterisk", "User=root")).unwrap();
        path
    });
    let files: Vec<_> = files.collect();
    let verify = Command::new("systemd-analyze")
        .arg("verify")
        .args(&files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verify.stderr).into_owned();
    let is_of_ours = said.lines().any(|line| line.contains("phone-assistant"));
    if files.len() == 2 && verify.status.success() && !is_of_ours {
        Ok(())
    } else {
        Err(format!("{} unit files: {said}", files.len()))
    }
}

const UNITS: [(&str, &str); 2] = [
    (
        "phone-assistant.socket",
        include_str!("../../../src/manual/phone-assistant.socket"),
    ),
    (
        "phone-assistant@.service",
        include_str!("../../../src/manual/phone-assistant@.service"),
    ),
];

/// Changes the example dialplan as the manual says.
fn connect_to(machine: &Machine, address: &str) {
    let from = "AGI([^,]*phone-assistant,recording";
    let to = format!("AGI({address}phone-assistant,recording");
    let dialplan = "/etc/asterisk/extensions_custom.conf";
    machine
        .root()
        .shell(&format!("sed -i 's|{from}|{to}|' {dialplan}"));
    machine.asterisk("dialplan reload");
}

/// systemd's socket activation with `Accept=yes` and `User=asterisk`, for the program as a machine has it.
struct Server {
    _systemd: Running,
    address: String,
}

impl Server {
    /// # Panics
    /// When it does not listen in time.
    fn start(machine: &Machine) -> Self {
        let address = format!("{}:{PORT}", machine.address());
        let systemd = Command::new("systemd-socket-activate")
            .env_clear()
            .args(["--accept", "--inetd", "--listen", &address])
            .args(["/usr/sbin/chroot", "--userspec=asterisk:asterisk"])
            .arg(machine.root().folder())
            .arg("/usr/local/bin/phone-assistant")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("systemd-socket-activate (Debian: systemd): {error}"));
        let server = Self {
            _systemd: Running(systemd),
            address,
        };
        wait_for(&server.address);
        server
    }
}

/// dnsmasq with SRV records for the programs that answer calls on this machine, the first one first.
///
/// # Panics
/// When it does not listen in time.
fn name_server(machine: &Machine, ports: &[u16]) -> Running {
    let address = machine.address();
    let mut dnsmasq = Command::new("dnsmasq");
    dnsmasq.args([
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
    ]);
    dnsmasq.args(["--bind-interfaces", "--user=root", "--pid-file"]);
    dnsmasq.arg(format!("--listen-address={address}"));
    dnsmasq.arg(format!("--host-record=here.example,{address}"));
    for (priority, port) in ports.iter().enumerate() {
        dnsmasq.arg(format!(
            "--srv-host=_agi._tcp.{PROGRAMS},here.example,{port},{priority}"
        ));
    }
    let quiet = dnsmasq.stdin(Stdio::null()).stderr(Stdio::null());
    let server = quiet.spawn().map(Running);
    let server = server.unwrap_or_else(|error| panic!("dnsmasq (Debian: dnsmasq-base): {error}"));
    // It takes questions over TCP as well.
    wait_for(&format!("{address}:53"));
    let resolv_conf = machine.path("/etc/resolv.conf");
    fs::write(resolv_conf, format!("nameserver {address}\n")).unwrap();
    server
}

/// # Panics
/// When nobody listens there in time.
fn wait_for(address: &str) {
    let listens = || TcpStream::connect(address).is_ok();
    until(&format!("somebody listens at {address}"), SOON, listens);
}

const PORT: u16 = 4574;
/// Where nobody listens.
const NOBODY: u16 = 4575;
/// The name of all servers together.
const PROGRAMS: &str = "assistants.example";
