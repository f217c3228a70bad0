//! A conversation with the whole program in real time, with stand-ins for Asterisk and the services.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testkit::{Call, Sandbox, Script, TempDir, tested_program};

/// A conversation under way.
pub(crate) struct Dialled {
    pub(crate) sandbox: Sandbox,
    call: Call,
    /// Where the caller's sound goes.
    pub(crate) pipe: PathBuf,
    folder: TempDir,
}

impl Dialled {
    /// Dials a program that greets so.
    pub(crate) fn new(greeting: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let sandbox = Sandbox::start(Script::standard(Path::new(DATA)));
        let settings = sandbox
            .settings()
            .set("conversation.greeting", greeting)
            .set("conversation.goodbye", "")
            .set("conversation.still_there", "")
            .set("conversation.ask_after", 60.0)
            .set("conversation.sounds", sounds(&folder).to_str().unwrap())
            .set("reply.play", "stream");
        let pipe = folder.path().join("audio");
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let argument = |name: &str, path: &Path| format!("{name}={}", path.display());
        let call = Call::builder(&program())
            .arg("mode=conversation")
            .arg(argument("reply", &reply(&folder)))
            .arg(argument("config", &settings.write(folder.path())))
            .enhanced(&pipe)
            .real_time()
            .start();
        Self {
            sandbox,
            call,
            pipe,
            folder,
        }
    }

    /// Waits until the program listens for the n-th time.
    pub(crate) fn wait_to_be_heard(&self, times: usize) {
        self.wait_for_sounds(&sounds(&self.folder).join("silence"), times);
    }

    /// Waits until a phrase begins to be heard.
    pub(crate) fn wait_for_phrase(&self) {
        let playing = format!("STREAM FILE \"{}", sounds(&self.folder).display());
        self.call.wait_for_commands(&playing, 1, PATIENCE);
    }

    fn wait_for_sounds(&self, sound: &Path, times: usize) {
        let playing = format!("STREAM FILE \"{}\"", sound.display());
        self.call.wait_for_commands(&playing, times, PATIENCE);
    }

    /// Hangs up. Returns how many requests were paid for.
    pub(crate) fn hang_up(self) -> usize {
        self.call.hangup();
        self.call.finish(PATIENCE);
        self.sandbox.paid_requests()
    }
}

/// Where the phrases are.
fn sounds(folder: &TempDir) -> PathBuf {
    folder.path().join("sounds")
}

fn reply(folder: &TempDir) -> PathBuf {
    folder.path().join("call-1700000000.17-reply")
}

/// The program that the installer has built, else the one that `run` has built beside this.
fn program() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let built = this.ancestors().nth(2).unwrap().join("phone-assistant");
    tested_program(built.to_str().unwrap())
}

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
const PATIENCE: Duration = Duration::from_secs(60);
