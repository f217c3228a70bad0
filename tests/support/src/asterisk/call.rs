//! A running call, as the test holds it: hang up, close, kill, and wait for the end.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use super::Log;
use super::builder::CallBuilder;
use super::channel::Channel;
use super::lines::Lines;
use super::outcome::Outcome;
use super::pipe::Reader;
use super::session::{Event, Session};

/// A program that Asterisk has started; dropping it kills the program.
pub struct Call {
    child: Child,
    started: Instant,
    log: Log,
    events: Sender<Event>,
    exited: Receiver<Instant>,
    session: Option<JoinHandle<Channel>>,
    stderr: Option<Reader>,
}

impl Call {
    /// A call to a program, whose file name is what the dialplan's `AGI()` names.
    pub fn builder(program: &Path) -> CallBuilder {
        CallBuilder::new(program)
    }

    pub(super) fn start(builder: CallBuilder) -> Self {
        let started = Instant::now();
        let mut child = spawn(&builder);
        let log = Log::default();
        let (events, inbox) = mpsc::channel();
        let stdout = Reader::start(child.stdout.take().unwrap(), {
            let (events, mut lines) = (events.clone(), Lines::new(log.clone()));
            move |piece| deliver(&events, &mut lines, piece)
        });
        let stderr = Reader::start(child.stderr.take().unwrap(), {
            let log = log.clone();
            move |piece| log.stderr(piece)
        });
        let session = Session::new(
            builder,
            child.stdin.take().unwrap(),
            stdout,
            pid(&child),
            log.clone(),
        );
        Self {
            exited: watch(pid(&child)),
            child,
            started,
            log,
            events,
            session: Some(thread::spawn(move || session.run(&inbox))),
            stderr: Some(stderr),
        }
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The caller hangs up: a sound that plays ends, the program gets SIGHUP (unless `AGISIGHUP` forbids it; over
    /// FastAGI a line `HANGUP`), and the channel is dead.
    pub fn hangup(&self) {
        self.tell(Event::Hangup { and_close: false });
    }

    /// The caller presses a key: a sound that plays ends if the key is one of its escape digits. Else it is lost, as it
    /// is in Asterisk, which forgets the keys that nobody waits for.
    pub fn press(&self, key: char) {
        self.tell(Event::Press(key));
    }

    /// The caller hangs up where `AGIEXITONHANGUP` is set: SIGHUP, and then both pipes are closed.
    pub fn hangup_and_close(&self) {
        self.tell(Event::Hangup { and_close: true });
    }

    /// Closes the program's standard input.
    pub fn close_stdin(&self) {
        self.tell(Event::CloseStdin);
    }

    /// Sends the program any signal.
    pub fn signal(&self, signal: Signal) {
        // The process is not reaped before the call is over, so its id is still its own.
        kill_process(pid(&self.child), signal).unwrap();
    }

    /// Kills the program as nothing can prevent.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Waits until a command that begins with `start` has come.
    ///
    /// # Panics
    /// When none has within `timeout`.
    pub fn wait_for_command(&self, start: &str, timeout: Duration) {
        assert!(
            self.log.wait_for_command(start, timeout),
            "no command {start:?} came within {timeout:?}"
        );
    }

    /// Waits for the program's end and tells what happened; what runs longer is killed, which is a violation.
    pub fn finish(mut self, timeout: Duration) -> Outcome {
        let exited = self.exited.recv_timeout(timeout).unwrap_or_else(|error| {
            if error == RecvTimeoutError::Timeout {
                self.log.violation(format!(
                    "the program was still running after {timeout:?} and was killed"
                ));
            }
            self.kill();
            self.exited.recv().unwrap_or_else(|_| Instant::now())
        });
        self.tell(Event::Exited);
        let channel = self.session.take().unwrap().join().unwrap();
        self.kill_descendants();
        self.stderr.take().unwrap().join();
        let status = self.child.wait().unwrap();
        let entries = self.log.take();
        Outcome {
            status,
            variables: channel.variables,
            verbose: channel.verbose,
            warnings: channel.warnings,
            played: channel.played,
            music: channel.music,
            dialogue: entries.dialogue,
            stderr: String::from_utf8_lossy(&entries.stderr).into_owned(),
            violations: entries.violations,
            started: self.started,
            took: exited.duration_since(self.started),
        }
    }

    /// What the program started and left behind ends with the call.
    fn kill_descendants(&self) {
        // The group has the id of the program, which is not reaped yet; it may have no other members.
        kill_process_group(pid(&self.child), Signal::KILL).ok();
    }

    fn tell(&self, event: Event) {
        // A session that has ended needs no telling.
        self.events.send(event).ok();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else {
            return;
        };
        self.kill();
        self.kill_descendants();
        self.tell(Event::Exited);
        // What went wrong in a call that nobody looks at is of no interest.
        session.join().ok();
        if let Some(stderr) = self.stderr.take() {
            stderr.join();
        }
        self.child.wait().ok();
    }
}

fn spawn(builder: &CallBuilder) -> Child {
    let mut command = match &builder.ears {
        None => {
            let mut command = Command::new(&builder.program);
            command.arg0(&builder.arg0);
            command
        }
        // A shell hands down file descriptors, and then becomes the program.
        Some(ears) => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", "ears=$1; shift; exec \"$@\" 3<\"$ears\"", "sh"]);
            command.args([ears, &builder.program]);
            command
        }
    };
    command
        .env_clear()
        .envs(&builder.env)
        .current_dir(&builder.working_dir);
    if builder.fast_agi.is_none() {
        command.args(&builder.args);
    }
    // A group of its own, so that nothing the program starts can outlive the call.
    command.process_group(0);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
        .spawn()
        .unwrap_or_else(|error| panic!("starting {}: {error}", builder.program.display()))
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn deliver(events: &Sender<Event>, lines: &mut Lines, piece: &[u8]) {
    let complete = lines.take(piece).into_iter().map(Event::Line);
    let end = piece.is_empty().then_some(Event::End);
    for event in complete.chain(end) {
        // A session that has ended takes no more lines.
        events.send(event).ok();
    }
}

/// Tells when a process ends, and leaves it to be reaped by its parent.
fn watch(pid: Pid) -> Receiver<Instant> {
    let (exited, inbox) = mpsc::channel();
    thread::spawn(move || {
        waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        )
        .unwrap();
        // A call that was dropped does not wait for this.
        exited.send(Instant::now()).ok();
    });
    inbox
}
