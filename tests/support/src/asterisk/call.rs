//! A running call, as the test holds it: hang up, close, kill, and wait for the end.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};

use super::builder::CallBuilder;
use super::channel::Channel;
use super::lines::Lines;
use super::log::Log;
use super::outcome::Outcome;
use super::pipe::Reader;
use super::session::{Event, Session};

/// A program that Asterisk has started, or is connected to; dropping it kills the program, or closes the connection.
pub struct Call {
    /// `None` over a network.
    child: Option<Child>,
    started: Instant,
    log: Log,
    events: Sender<Event>,
    exited: Receiver<Instant>,
    session: Option<JoinHandle<Channel>>,
    stderr: Option<Reader>,
}

impl CallBuilder {
    /// Starts the program.
    pub fn start(self) -> Call {
        match self.server {
            None => Call::launch(self),
            Some(server) => Call::connect(self, server),
        }
    }
}

impl Call {
    /// A call to a program, whose file name is what the dialplan's `AGI()` names.
    pub fn builder(program: &Path) -> CallBuilder {
        CallBuilder::new(program)
    }

    fn launch(builder: CallBuilder) -> Self {
        let started = Instant::now();
        let mut child = spawn(&builder);
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self::begin(builder, started, Some(child), Box::new(input), output)
    }

    fn connect(builder: CallBuilder, server: SocketAddr) -> Self {
        let started = Instant::now();
        let stream = TcpStream::connect(server)
            .unwrap_or_else(|error| panic!("connecting to {server}: {error}"));
        let output = stream.try_clone().unwrap();
        Self::begin(builder, started, None, Box::new(Sending(stream)), output)
    }

    fn begin(
        builder: CallBuilder,
        started: Instant,
        mut child: Option<Child>,
        input: Box<dyn Write + Send>,
        output: impl Read + AsFd + Send + 'static,
    ) -> Self {
        let log = Log::default();
        let (events, inbox) = mpsc::channel();
        let (closed, closed_at) = mpsc::channel();
        let output = Reader::start(output, {
            let (events, mut lines) = (events.clone(), Lines::new(log.clone()));
            move |piece| {
                deliver(&events, &mut lines, piece);
                if piece.is_empty() {
                    // Of a program of our own it is the end that counts.
                    closed.send(Instant::now()).ok();
                }
            }
        });
        let stderr = child.as_mut().and_then(|child| child.stderr.take());
        let stderr = stderr.map(|stderr| {
            let log = log.clone();
            Reader::start(stderr, move |piece| log.stderr(piece))
        });
        let program = child.as_ref().map(pid);
        let session = Session::new(builder, input, output, program, log.clone());
        Self {
            child,
            started,
            log,
            events,
            exited: program.map_or(closed_at, watch),
            session: Some(thread::spawn(move || session.run(&inbox))),
            stderr,
        }
    }

    /// The program's process id.
    ///
    /// # Panics
    /// Over a network, where it is not known.
    pub fn pid(&self) -> u32 {
        self.program().id()
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
    ///
    /// # Panics
    /// Over a network.
    pub fn signal(&self, signal: Signal) {
        // The process is not reaped before the call is over, so its id is still its own.
        kill_process(pid(self.program()), signal).unwrap();
    }

    /// Kills the program as nothing can prevent.
    ///
    /// # Panics
    /// Over a network.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Waits until a command that begins with `start` has come.
    ///
    /// # Panics
    /// When none has within `timeout`.
    pub fn wait_for_command(&self, start: &str, timeout: Duration) {
        self.wait_for_commands(start, 1, timeout);
    }

    /// Waits until `count` commands have come that begin with `start`.
    ///
    /// # Panics
    /// When they have not within `timeout`.
    pub fn wait_for_commands(&self, start: &str, count: usize, timeout: Duration) {
        assert!(
            self.log.wait_for_commands(start, count, timeout),
            "not {count} commands {start:?} came within {timeout:?}"
        );
    }

    /// Waits until the caller hears the frame with this number, counted from 1 over all sounds.
    ///
    /// # Panics
    /// When they do not within `timeout`.
    pub fn wait_for_frame(&self, number: usize, timeout: Duration) {
        assert!(
            self.log.wait_for_frames(number, timeout),
            "frame {number} was not played within {timeout:?}"
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
            self.end();
            self.exited.recv().unwrap_or_else(|_| Instant::now())
        });
        self.tell(Event::Exited);
        let channel = self.session.take().unwrap().join().unwrap();
        self.kill_descendants();
        self.stderr.take().into_iter().for_each(Reader::join);
        let ended = self.child.as_mut().map(|child| child.wait().unwrap());
        let entries = self.log.take();
        Outcome {
            status: ended.unwrap_or_default(),
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

    fn program(&self) -> &Child {
        let program = self.child.as_ref();
        program.expect("a program of our own, not one behind a network")
    }

    /// Kills the program; over a network, closes the connection.
    fn end(&self) {
        match &self.child {
            Some(_) => self.kill(),
            None => self.tell(Event::Exited),
        }
    }

    /// What the program started and left behind ends with the call.
    fn kill_descendants(&self) {
        if let Some(child) = &self.child {
            // The group has the id of the program, which is not reaped yet; it may have no other members.
            kill_process_group(pid(child), Signal::KILL).ok();
        }
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
        self.end();
        self.kill_descendants();
        self.tell(Event::Exited);
        // What went wrong in a call whose outcome is not looked at is of no interest.
        session.join().ok();
        self.stderr.take().into_iter().for_each(Reader::join);
        self.child.iter_mut().for_each(|child| drop(child.wait()));
    }
}

/// What is sent over a connection; its end is the end of the sending, while the other direction stays open.
struct Sending(TcpStream);

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        // Where the other side has closed, there is nothing left to shut.
        self.0.shutdown(Shutdown::Write).ok();
    }
}

fn spawn(builder: &CallBuilder) -> Child {
    let mut command = match &builder.audio {
        None => {
            let mut command = Command::new(&builder.program);
            command.arg0(&builder.arg0);
            command
        }
        // A shell hands down file descriptors, and then becomes the program.
        Some(audio) => {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", "audio=$1; shift; exec \"$@\" 3<\"$audio\"", "sh"]);
            command.args([audio, &builder.program]);
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
    if let Some(id) = builder.user {
        command.uid(id).gid(id);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    start(&mut command)
        .unwrap_or_else(|error| panic!("starting {}: {error}", builder.program.display()))
}

/// Starts a program that a test may have written just before. Whatever another thread starts at that moment holds the
/// file open for writing until it runs, and so long the system calls it busy.
fn start(command: &mut Command) -> io::Result<Child> {
    for _ in 0..MAX_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => thread::yield_now(),
            started => return started,
        }
    }
    command.spawn()
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
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // A call that is dropped may have reaped it before this thread came to look.
        match waitid(WaitId::Pid(pid), options) {
            Ok(_) | Err(Errno::CHILD) => {}
            Err(error) => panic!("waiting for the end of {pid:?}: {error}"),
        }
        // A call that was dropped does not wait for this.
        exited.send(Instant::now()).ok();
    });
    inbox
}

/// Between a fork and its program lie some thousand instructions.
const MAX_TRIES: u32 = 100_000;
