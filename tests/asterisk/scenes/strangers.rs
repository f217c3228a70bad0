//! What the user asterisk, and any other user of the machine, does while root runs the doctor: a program of theirs gets
//! neither root's terminal nor root's time, and no name makes anybody Asterisk.

use std::fs;
use std::process::{Command, Output, Stdio};

use super::services::sandbox;
use crate::lab::{Lab, succeed};
use crate::machine::Machine;
use crate::processes::Running;
use crate::report::Report;

pub(crate) fn run(lab: &Lab, report: &Report) {
    let mut machine = Machine::installed(lab, sandbox());
    report.check(
        "a replaced program gets neither root's terminal nor its time, and is told by its bytes",
        || replaced(&machine),
    );
    report.check(
        "a link in place of a folder is named to root, and forget goes through none",
        || linked(&machine),
    );
    report.check(
        "a user who starts a program named asterisk before Asterisk is nobody to root",
        || named(&mut machine),
    );
}

/// A program that leaves a trace, pushes a command into the terminal of the user who runs it, and never returns.
const KEYS: &str = r#"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>
int main(void) {
    const char *key = "touch /root/pushed\n";
    int terminal = open("/dev/tty", O_RDWR);
    close(open("/tmp/ran", O_WRONLY | O_CREAT, 0666));
    while (*key) ioctl(terminal, TIOCSTI, key++);
    for (;;) pause();
}
"#;

fn replaced(machine: &Machine) -> Result<(), String> {
    let source = machine.path("/tmp/keys.c");
    fs::write(&source, KEYS).map_err(|error| error.to_string())?;
    let program = machine.path("/tmp/keys");
    succeed(
        Command::new("cc")
            .args(["-static", "-o"])
            .args([&program, &source]),
    );
    shell(
        machine,
        &format!(
            "mv {PROGRAM} {PROGRAM}-away; install -o asterisk -m 755 /tmp/keys {PROGRAM}; rm /tmp/keys*"
        ),
    );
    // `script` gives root a terminal; what was pushed into it would be read by what follows there.
    let typed = format!(
        "chroot {} sh -c 'phone-assistant check --offline; timeout 1 cat'",
        machine.root().folder().display()
    );
    let mut terminal = Command::new("timeout");
    terminal
        .args(["120", "script", "-qec", &typed, "/dev/null"])
        .env("PATH", PATH)
        .stdin(Stdio::null());
    let output = terminal.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let traces = machine.root().shell("ls /tmp/ran 2>/dev/null || :");
    shell(
        machine,
        &format!("rm {PROGRAM}; mv {PROGRAM}-away {PROGRAM}; rm -f /tmp/ran"),
    );
    let is_told = said.contains("is not the program that runs here");
    if is_told && traces.trim().is_empty() && !said.contains("touch /root/pushed") {
        Ok(())
    } else {
        Err(format!("{traces:?} {said}"))
    }
}

fn linked(machine: &Machine) -> Result<(), String> {
    shell(
        machine,
        "mkdir -m 700 /root/vpn; echo precious >/root/vpn/key; cd /var/lib/phone-assistant; mv callers away; \
         ln -s /root/vpn callers; chown -h asterisk: callers; mv state state-away; ln -s /etc/cron.d state; chown -h asterisk: state",
    );
    let forget = machine
        .root()
        .command("phone-assistant")
        .args(["forget", "200"])
        .output();
    let check = machine
        .root()
        .command("phone-assistant")
        .args(["check", "--offline"])
        .output();
    let key = machine
        .root()
        .shell("cat /root/vpn/key; ls /root/vpn | wc -l");
    shell(
        machine,
        "cd /var/lib/phone-assistant; rm callers state; mv away callers; mv state-away state; rm -r /root/vpn",
    );
    let text = |output: std::io::Result<Output>| match output {
        Ok(output) => {
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
        }
        Err(error) => error.to_string(),
    };
    let (forget, check) = (text(forget), text(check));
    let is_named = forget.contains("callers is a link to /root/vpn")
        && check.contains("state is a link to /etc/cron.d")
        && !check.contains("chmod 700 /var/lib/phone-assistant/state");
    if is_named && key == "precious\n1\n" {
        Ok(())
    } else {
        Err(format!("{key:?} {forget} {check}"))
    }
}

fn named(machine: &mut Machine) -> Result<(), String> {
    machine.kill_asterisk();
    shell(
        machine,
        "install -d -o nobody /tmp/home; install -o nobody -m 755 /bin/sleep /tmp/home/asterisk",
    );
    let mut stranger = machine.root().command_of("nobody", "/tmp/home/asterisk");
    let stranger = stranger.arg("1000").spawn();
    let stranger = stranger.map(Running).map_err(|error| error.to_string())?;
    let identity = machine.root().shell("phone-assistant identity");
    let check = machine
        .root()
        .shell("phone-assistant check --offline --json || :");
    drop(stranger);
    machine.restart_asterisk();
    let told = check.replace("nobody else may look into", "");
    if identity == "user asterisk\ngroup asterisk\n" && !told.contains("nobody") {
        Ok(())
    } else {
        Err(format!("{identity:?} {check}"))
    }
}

fn shell(machine: &Machine, script: &str) {
    machine.root().shell(script);
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const PROGRAM: &str = "/var/lib/asterisk/agi-bin/phone-assistant";
