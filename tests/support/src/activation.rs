//! Socket activation as systemd does it with `Accept=yes`: one process for each connection, which is its standard input
//! and output. Spec: <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html>, `StandardInput=socket`.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A socket unit in the making; see [`Activation::of`].
#[derive(Clone, Debug)]
pub struct ActivationBuilder {
    program: PathBuf,
    environment: Vec<(OsString, OsString)>,
    stderr: StandardError,
}

#[derive(Clone, Copy, Debug)]
enum StandardError {
    Kept,
    Socket,
}

impl ActivationBuilder {
    /// `Environment=`: a variable beside the few that systemd sets.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let variable = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.environment.push(variable);
        self
    }

    /// `StandardError=socket`, where it is otherwise kept, as the journal does.
    pub fn stderr_to_socket(mut self) -> Self {
        self.stderr = StandardError::Socket;
        self
    }

    /// Listens on a free port of loopback.
    pub fn start(self) -> Activation {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Connections::default());
        let accepting = {
            let connections = Arc::clone(&connections);
            thread::spawn(move || self.accept_all(&listener, &connections))
        };
        Activation {
            address,
            connections,
            accepting: Some(accepting),
        }
    }

    fn accept_all(&self, listener: &TcpListener, connections: &Arc<Connections>) {
        loop {
            let (stream, peer) = listener.accept().unwrap();
            let mut state = connections.lock();
            if state.is_over {
                return;
            }
            let number = state.all.len();
            let mut child = self.spawn(&stream, peer);
            // From now on the program alone holds the connection.
            drop(stream);
            state.all.push(Connection {
                program: Some(Pid::from_child(&child)),
                ended: None,
                stderr: String::new(),
            });
            let stderr = child.stderr.take();
            let all = Arc::clone(connections);
            let watcher = thread::spawn(move || all.watch(number, child, stderr));
            state.watchers.push(watcher);
        }
    }

    fn spawn(&self, stream: &TcpStream, peer: SocketAddr) -> Child {
        let copy = || Stdio::from(OwnedFd::from(stream.try_clone().unwrap()));
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("PATH", PATH)
            .env("REMOTE_ADDR", peer.ip().to_string())
            .env("REMOTE_PORT", peer.port().to_string())
            .envs(self.environment.iter().cloned())
            .current_dir("/")
            .process_group(0)
            .stdin(copy())
            .stdout(copy())
            .stderr(match self.stderr {
                StandardError::Kept => Stdio::piped(),
                StandardError::Socket => copy(),
            });
        command
            .spawn()
            .unwrap_or_else(|error| panic!("starting {}: {error}", self.program.display()))
    }
}

/// A socket that starts a program for each connection; dropping it ends all that it has started.
#[derive(Debug)]
pub struct Activation {
    address: SocketAddr,
    connections: Arc<Connections>,
    accepting: Option<JoinHandle<()>>,
}

/// A process that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// When it ended.
    pub at: Instant,
}

impl Activation {
    /// A socket for a program that gets no arguments and next to no environment: no HOME, no language.
    pub fn of(program: &Path) -> ActivationBuilder {
        ActivationBuilder {
            program: program.to_owned(),
            environment: Vec::new(),
            stderr: StandardError::Kept,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the processes of the first `count` connections have ended, in the order of the connections.
    ///
    /// # Panics
    /// When they have not within `patience`.
    #[track_caller]
    pub fn wait_for_ends(&self, count: usize, patience: Duration) -> Vec<Ended> {
        let ends = |state: &State| -> Vec<Ended> {
            let first = state.all.iter().take(count);
            first.filter_map(|one| one.ended.clone()).collect()
        };
        let state = self.connections.lock();
        let is_waiting = |state: &mut State| ends(state).len() < count;
        let changed = &self.connections.changed;
        let (state, _) = changed
            .wait_timeout_while(state, patience, is_waiting)
            .unwrap();
        let ended = ends(&state);
        assert!(
            ended.len() == count,
            "{count} ends within {patience:?}\n{state:#?}"
        );
        ended
    }

    /// What all that have ended wrote to their standard error, in the order of the connections.
    pub fn stderr(&self) -> String {
        let state = self.connections.lock();
        state.all.iter().map(|one| one.stderr.as_str()).collect()
    }
}

impl Drop for Activation {
    fn drop(&mut self) {
        let watchers = {
            let mut state = self.connections.lock();
            state.is_over = true;
            // A process is reaped under the same lock, so each id here is still its own.
            for program in state.all.iter().filter_map(|one| one.program) {
                kill_process_group(program, Signal::KILL).ok();
            }
            std::mem::take(&mut state.watchers)
        };
        // One connection more, so that the listener sees that it is over.
        TcpStream::connect(self.address).ok();
        for thread in watchers.into_iter().chain(self.accepting.take()) {
            thread.join().ok();
        }
    }
}

#[derive(Debug, Default)]
struct Connections {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    all: Vec<Connection>,
    watchers: Vec<JoinHandle<()>>,
    is_over: bool,
}

#[derive(Debug)]
struct Connection {
    /// `None` once it has been reaped.
    program: Option<Pid>,
    ended: Option<Ended>,
    stderr: String,
}

impl Connections {
    /// Also after a panic in another thread, which is told by itself and must not end all other tests.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what one process writes to its standard error, and waits for its end.
    fn watch(&self, number: usize, mut child: Child, stderr: Option<ChildStderr>) {
        let mut text = Vec::new();
        if let Some(mut stderr) = stderr {
            stderr.read_to_end(&mut text).unwrap();
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&child)), options).unwrap();
        let at = Instant::now();
        let mut state = self.lock();
        let status = child.wait().unwrap();
        let one = &mut state.all[number];
        one.program = None;
        one.stderr = String::from_utf8_lossy(&text).into_owned();
        one.ended = Some(Ended { status, at });
        self.changed.notify_all();
    }
}

/// What systemd gives a system service.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
