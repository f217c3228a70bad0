//! A machine of its own for each scene: Debian with Asterisk 22 laid out as FreePBX lays it out, with an address of
//! its own on the loopback, and services that nobody else uses. What happens on it is left to the scenes.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use testkit::audio::{Clip, wav};
use testkit::{Sandbox, Settings};

use crate::lab::{Lab, Root, succeed};
use crate::phone::Phone;
use crate::processes::{Use, parent_of, process_ids};

/// A machine whose Asterisk runs and whose services are a sandbox of its own.
pub(crate) struct Machine {
    root: Root,
    address: Ipv4Addr,
    asterisk: Child,
    /// The services that its settings name.
    pub(crate) sandbox: Sandbox,
}

impl Machine {
    /// Starts Asterisk, with nothing installed.
    pub(crate) fn bare(lab: &Lab, sandbox: Sandbox) -> Self {
        let (root, number) = lab.asterisk();
        let address = Ipv4Addr::new(127, 0, 1, number + 1);
        write_configuration(&root, address);
        let checkout = root.path(CHECKOUT);
        fs::create_dir_all(&checkout).unwrap();
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["install.sh", "extensions_custom.conf.example"] {
            fs::copy(here.join(name), checkout.join(name)).unwrap();
        }
        fs::copy(lab.binary(), checkout.join("phone-assistant")).unwrap();
        let asterisk = start_asterisk(&root, &[]);
        Self {
            root,
            address,
            asterisk,
            sandbox,
        }
    }

    /// Starts Asterisk and installs the program as README says, with settings for the sandbox.
    pub(crate) fn installed(lab: &Lab, sandbox: Sandbox) -> Self {
        let machine = Self::bare(lab, sandbox);
        let output = machine.install(INSTALL);
        assert!(output.status.success(), "install.sh failed: {output:?}");
        as_fwconsole_start(&machine.root);
        machine.put_keys();
        machine.configure(&machine.settings());
        machine
    }

    /// Runs `install.sh` with these arguments in the checkout, as root.
    pub(crate) fn install(&self, arguments: &[&str]) -> Output {
        let script = format!("cd {CHECKOUT} && exec ./install.sh \"$@\"");
        self.root
            .command("sh")
            .args(["-c", &script, "install.sh"])
            .args(arguments)
            .output()
            .unwrap()
    }

    /// The service account's key and the sandbox's certificate, as an administrator puts them there.
    pub(crate) fn put_keys(&self) {
        self.put_secret(&self.sandbox.credentials_file(), "google-creds.json");
        self.put_certificate();
    }

    /// The sandbox's certificate alone.
    pub(crate) fn put_certificate(&self) {
        self.put_secret(&self.sandbox.ca_file(), "ca.pem");
    }

    /// A file that the program reads and nobody else does.
    pub(crate) fn put_secret(&self, from: &Path, name: &str) {
        let to = format!("/etc/phone-assistant/{name}");
        fs::copy(from, self.path(&to)).unwrap();
        self.root
            .shell(&format!("chown root:asterisk {to}; chmod 640 {to}"));
    }

    /// The settings that lead to the sandbox, with the paths of this machine.
    pub(crate) fn settings(&self) -> Settings {
        self.sandbox
            .settings()
            .set(
                "google.credentials",
                "/etc/phone-assistant/google-creds.json",
            )
            .set("http.ca_file", "/etc/phone-assistant/ca.pem")
            .without("log.calls")
            .without("state.folder")
            .without("conversation.sounds")
            // What else is heard is told from nothing but what a scene is about.
            .set("knowledge.disclosure", "none")
    }

    /// Replaces the text of `config.toml`; owner and mode stay.
    pub(crate) fn configure(&self, settings: &Settings) {
        self.configure_as(&settings.to_toml());
    }

    /// The same with the text as it is to stand there.
    pub(crate) fn configure_as(&self, text: &str) {
        fs::write(self.path("/etc/phone-assistant/config.toml"), text).unwrap();
    }

    /// Where a file of this machine is.
    pub(crate) fn path(&self, absolute: &str) -> PathBuf {
        self.root.path(absolute)
    }

    /// Where its services listen.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// The machine's root.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// What Asterisk's command line says.
    pub(crate) fn asterisk(&self, command: &str) -> String {
        succeed(self.root.command("asterisk").args(["-rx", command]))
    }

    /// Kills Asterisk.
    pub(crate) fn kill_asterisk(&mut self) {
        // It may have ended by itself.
        self.asterisk.kill().ok();
        self.asterisk.wait().ok();
    }

    /// Kills Asterisk and starts it again, with the configuration as it is now.
    pub(crate) fn restart_asterisk(&mut self) {
        self.restart_asterisk_with(&[]);
    }

    /// The same with something in its environment.
    pub(crate) fn restart_asterisk_with(&mut self, environment: &[(&str, &str)]) {
        self.kill_asterisk();
        self.asterisk = start_asterisk(&self.root, environment);
    }

    /// Lets Asterisk take no new call and stop after the last one. The command ends only with Asterisk, or when the stop is
    /// called off.
    pub(crate) fn stop_gracefully(&self) {
        let mut command = self.root.command("asterisk");
        command.args(["-rx", "core stop gracefully"]);
        let mut waiting = command.stdout(Stdio::null()).spawn().unwrap();
        let refused = "cannot be run during shutdown";
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.asterisk("core show version").contains(refused) {
            assert!(Instant::now() < deadline, "it does not stop");
            thread::sleep(Duration::from_millis(50));
        }
        thread::spawn(move || waiting.wait());
    }

    /// Sets a global variable of the dialplan until Asterisk ends.
    pub(crate) fn set_global(&self, name: &str, value: &str) {
        self.asterisk(&format!("dialplan set global {name} {value}"));
    }

    /// A phone on this Asterisk.
    pub(crate) fn phone(&self) -> Phone {
        Phone::new(SocketAddr::from((self.address, SIP_PORT)))
    }

    /// One of Asterisk's own recordings.
    pub(crate) fn sound(&self, name: &str) -> Clip {
        wav::read(&self.path(&format!("/var/lib/asterisk/sounds/en/{name}.wav")))
    }

    /// Asterisk's log.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.path("/var/log/asterisk/full")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last warning that the dialplan logged about a call.
    pub(crate) fn last_warning(&self) -> String {
        let log = self.log();
        let is_ours =
            |line: &&str| line.contains("] WARNING[") && line.contains("phone-assistant ");
        log.lines()
            .rfind(is_ours)
            .unwrap_or("no warning")
            .to_owned()
    }

    /// The ids of the processes of this machine that run the program.
    pub(crate) fn programs(&self) -> Vec<u32> {
        let runs_here = |pid: &u32| {
            let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}"));
            link("root").is_ok_and(|root| root == self.root.folder())
                && link("exe").is_ok_and(|exe| exe.to_string_lossy().contains("/phone-assistant"))
        };
        process_ids().filter(runs_here).collect()
    }

    /// The ids of whatever Asterisk has started, dead ones among them.
    fn children(&self) -> Vec<u32> {
        let is_child = |pid: &u32| parent_of(*pid) == Some(self.asterisk.id());
        process_ids().filter(is_child).collect()
    }

    /// Within two seconds no file of a call is left, and no program runs.
    pub(crate) fn becomes_clean(&self) -> Result<(), String> {
        let deadline = Instant::now() + AFTERMATH;
        while let Err(why) = self.is_clean() {
            if Instant::now() > deadline {
                return Err(why);
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// No file of a call is left, and no program runs.
    pub(crate) fn is_clean(&self) -> Result<(), String> {
        let files = self.leftovers();
        let processes = [self.programs(), self.children()].concat();
        if files.is_empty() && processes.is_empty() {
            Ok(())
        } else {
            Err(format!("left behind: {files:?}, processes {processes:?}"))
        }
    }

    /// No service was asked for anything that costs money.
    pub(crate) fn nothing_was_paid(&self) -> Result<(), String> {
        match self.sandbox.paid_requests() {
            0 => Ok(()),
            paid => Err(format!("{paid} requests were paid for")),
        }
    }

    /// What calls have left in the places that this program or Asterisk writes to.
    fn leftovers(&self) -> Vec<String> {
        let found = self.root.shell(
            "find /var/lib/phone-assistant/calls -mindepth 1; \
             find /var/spool/asterisk /var/lib/asterisk/sounds /tmp -type f -newer /etc/phone-assistant/ca.pem",
        );
        found.lines().map(str::to_owned).collect()
    }

    /// How long the last call of a number lasted, by Asterisk's record of it.
    pub(crate) fn recorded_length(&self, number: &str) -> Result<Duration, String> {
        let records = self.call_records();
        let record = records
            .lines()
            .rfind(|line| line.starts_with(&format!("{number},")));
        let seconds = record.and_then(|line| line.split(',').nth(1)?.parse().ok());
        seconds
            .map(Duration::from_secs_f64)
            .ok_or_else(|| format!("no record of {number} in {records}"))
    }

    /// Asterisk's records of all calls: number, seconds, and the caller ID as it arrived.
    pub(crate) fn call_records(&self) -> String {
        let path = self.path("/var/log/asterisk/cdr-custom/calls.csv");
        String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
    }

    /// What Asterisk itself has used, and its children that have ended.
    pub(crate) fn asterisk_use(&self) -> Use {
        Use::of(self.asterisk.id()).expect("Asterisk runs")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kill_asterisk();
        let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/asterisk");
        // For whoever looks into a failure; a check that needs the log has read it.
        fs::create_dir_all(&logs)
            .and_then(|()| fs::write(logs.join(format!("{}.log", self.address)), self.log()))
            .ok();
    }
}

fn write_configuration(root: &Root, address: Ipv4Addr) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asterisk/etc");
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path)
            .unwrap()
            .replace("ADDRESS", &address.to_string())
            .replace(
                "MULTIARCH",
                &format!("{}-linux-gnu", std::env::consts::ARCH),
            );
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let to = root.path(&format!("/etc/asterisk/{name}"));
        fs::write(&to, text).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(0o664)).unwrap();
    }
    // FreePBX makes it, with nothing in it.
    root.shell(
        "touch /etc/asterisk/extensions_custom.conf; chown asterisk:asterisk /etc/asterisk/*",
    );
}

/// Gives Asterisk's user what `fwconsole start` of FreePBX gives it, at each boot: scripts and logs that
/// freepbx_chown.conf does not spare.
fn as_fwconsole_start(root: &Root) {
    root.shell(
        "for file in /var/lib/asterisk/agi-bin/* /var/log/asterisk/*; do \
             [ -f \"$file\" ] || continue; \
             grep -qsxF \"item = $file\" /etc/asterisk/freepbx_chown.conf && continue; \
             chown asterisk:asterisk \"$file\"; \
             case $file in */agi-bin/*) chmod 775 \"$file\";; *) chmod 664 \"$file\";; esac; \
         done",
    );
}

fn start_asterisk(root: &Root, environment: &[(&str, &str)]) -> Child {
    as_fwconsole_start(root);
    let mut asterisk = root
        .command("asterisk")
        .args(["-f", "-U", "asterisk", "-G", "asterisk"])
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        let booted = root
            .command("asterisk")
            .args(["-rx", "core waitfullybooted"])
            .output();
        if booted.unwrap().status.success() {
            return asterisk;
        }
        thread::sleep(Duration::from_millis(100));
    }
    asterisk.kill().ok();
    asterisk.wait().ok();
    panic!("Asterisk did not start");
}

/// How README says to install a binary that is already there.
pub(crate) const INSTALL: &[&str] = &["--binary", "phone-assistant", "--dialplan"];
const SIP_PORT: u16 = 5060;
/// Within this everything of a call that has ended is to be gone.
pub(crate) const AFTERMATH: Duration = Duration::from_secs(2);
/// Where the machine's administrator has unpacked the sources.
const CHECKOUT: &str = "/usr/src/phone-assistant";
