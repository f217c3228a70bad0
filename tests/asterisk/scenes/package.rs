//! The Debian package on a machine that has Asterisk: README's steps from the file to the first answer, and back.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Instant;

use testkit::GEMINI_API_KEY;

use super::services::sandbox;
use crate::caller::call_works;
use crate::lab::Lab;
use crate::machine::Machine;
use crate::report::{Report, ms};

pub(crate) fn run(lab: &Lab, report: &Report) {
    report.check(
        "README's two includes and a reload lead to the first answer where there is no FreePBX",
        || without_freepbx(lab),
    );
    let mut machine = Machine::bare(lab, sandbox());
    fs::copy(lab.package(), machine.path(PACKAGE)).unwrap();
    let file = fs::metadata(lab.package()).unwrap();
    report.figure("the package, kB", (file.len() / 1000).to_string());
    report.check(
        "the package, install.sh --dialplan and setup with one key lead to the first answer",
        || {
            let began = Instant::now();
            machine.root().shell(&format!(
                "{APT} install --no-install-recommends {PACKAGE}; \
                 /usr/share/phone-assistant/install.sh --dialplan"
            ));
            let installed = began.elapsed();
            machine.put_certificate();
            machine.configure(&machine.settings().keyless());
            let set_up = Instant::now();
            setup(&machine)?;
            let set_up = set_up.elapsed();
            call_works(&machine)?;
            report.figure("installed from the package in", ms(installed));
            report.figure("set up in, with the check", ms(set_up));
            Ok(())
        },
    );
    report.check("after the next boot of FreePBX a call works", || {
        machine.restart_asterisk();
        call_works(&machine)
    });
    report.check(
        "the package takes everything with it but what is the owner's",
        || {
            machine
                .root()
                .shell(&format!("{APT} remove phone-assistant"));
            let left = machine.asterisk("dialplan show custom-openai");
            if left.contains("AGI(phone-assistant") {
                return Err(format!("the dialplan still has {left}"));
            }
            machine
                .root()
                .shell("test -s /etc/phone-assistant/config.toml");
            machine
                .root()
                .shell(&format!("{APT} purge phone-assistant"));
            match machine.root().shell(LEFT).as_str() {
                "" => Ok(()),
                left => Err(format!("left behind: {left}")),
            }
        },
    );
}

/// An Asterisk whose dialplan is the administrator's own: the phones' context and nothing else.
fn without_freepbx(lab: &Lab) -> Result<(), String> {
    let machine = Machine::bare(lab, sandbox());
    fs::copy(lab.package(), machine.path(PACKAGE)).unwrap();
    let root = machine.root();
    root.shell("rm /etc/freepbx.conf /etc/asterisk/extensions_custom.conf");
    let plan = "/etc/asterisk/extensions.conf";
    fs::write(machine.path(plan), "[from-internal]\n").unwrap();
    // There is no sudo in this Debian.
    let as_asterisk = "setpriv --reuid asterisk --regid asterisk --init-groups";
    root.shell(&included_by_readme().replace("sudo -u asterisk", as_asterisk));
    root.shell(&format!(
        "{APT} install --no-install-recommends {PACKAGE}; \
         /usr/share/phone-assistant/install.sh --dialplan; \
         sed -i '/^.from-internal/a include => custom-openai' {plan}"
    ));
    machine.put_certificate();
    machine.configure(&machine.settings().keyless());
    setup(&machine)?;
    root.shell("phone-assistant console 'dialplan reload'");
    call_works(&machine)
}

/// The commands of README that make Asterisk read the file that the installer writes to.
fn included_by_readme() -> String {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, section) = readme.split_once("### Asterisk without FreePBX").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    block.split("```").next().unwrap().to_owned()
}

/// Gives `setup` the key, as who has no terminal does.
fn setup(machine: &Machine) -> Result<(), String> {
    let mut setup = machine.root().command("phone-assistant");
    setup.args(["setup", "--api-key-file", "-", "--language", "en-US"]);
    let pipes = setup.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = pipes.stderr(Stdio::piped()).spawn().unwrap();
    let mut key = running.stdin.take().unwrap();
    key.write_all(GEMINI_API_KEY.as_bytes()).unwrap();
    drop(key);
    let output = running.wait_with_output().unwrap();
    // With 1 the check has found something to warn of.
    if output.status.code().is_some_and(|code| code <= 1) {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    Err(String::from_utf8_lossy(&told).into_owned())
}

const PACKAGE: &str = "/opt/phone-assistant.deb";
const APT: &str = "DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet=2 --option Dpkg::Use-Pty=0";

/// Whatever has the name of the package; Debian itself remembers that there was one.
const LEFT: &str = "find / -xdev -name '*phone-assistant*' -not -path '/usr/src/*' -not -path '/opt/*' -not -path '/var/lib/dpkg/*'";
