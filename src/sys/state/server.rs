//! A server of the kind of [Redis](https://redis.io) or [Valkey](https://valkey.io), by which several machines remember
//! together what the calls of one machine keep in files.
//!
//! A call waits for it only briefly. Once it has failed to answer, the call is done with it: what comes next in the call
//! is not delayed again. What is kept there, and by which scripts, is the business of those who use it.

use std::fmt;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

pub use super::address::Address;
use super::link::Link;
use super::resp::{self, Answer, Command, Error};
use crate::sys::sync::lock;
use crate::sys::threads;

/// The server, connected to when it is first asked.
pub struct Server {
    address: Address,
    machines: u32,
    patience: Duration,
    worker: Mutex<Worker>,
}

/// Why the server cannot be used in this call any more.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot use {address} of [state] url: {why}")]
pub(crate) struct Lost {
    address: String,
    why: String,
    /// Whether the server may have done what it was asked for all the same.
    pub(crate) may_have_run: bool,
}

enum Worker {
    Idle,
    Running(Sender<Job>),
    Lost(Lost),
}

type Job = Box<dyn FnOnce(&mut Result<Link, Error>) + Send>;

impl Server {
    /// The server at this address, which this number of machines share.
    pub fn new(address: Address, machines: u32) -> Self {
        Self {
            address,
            machines: machines.max(1),
            patience: PATIENCE,
            worker: Mutex::new(Worker::Idle),
        }
    }

    /// The same, waited for this long.
    #[must_use]
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The same server, for a command that is given more time than a call.
    pub(crate) fn of_command(&self) -> Self {
        Self::new(self.address.clone(), self.machines).with_patience(PATIENCE_OF_COMMANDS)
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How many machines share it.
    pub(crate) fn machines(&self) -> u32 {
        self.machines
    }

    /// Begins to connect, so that the first question has less to wait for.
    pub(crate) fn connect(&self) {
        // Where no thread is to be had, the first question tells of it.
        self.jobs(&mut lock(&self.worker)).ok();
    }

    /// Runs a script, which is atomic, on these keys. It returns whole numbers.
    ///
    /// # Errors
    /// [`Lost`]; then the script may have run, or may not.
    pub(crate) fn run(
        &self,
        script: &'static str,
        keys: Vec<String>,
        arguments: Vec<impl Into<Vec<u8>>>,
    ) -> Result<Vec<i64>, Lost> {
        let mut command = resp::command(["EVAL", script, &keys.len().to_string()]);
        command.extend(keys.into_iter().map(String::into_bytes));
        command.extend(arguments.into_iter().map(Into::into));
        self.ask(command, |answer| {
            several(answer, |part| match part {
                Answer::Number(number) => Some(number),
                _ => None,
            })
        })
    }

    /// What these keys hold.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) fn get(&self, keys: Vec<String>) -> Result<Vec<Option<Vec<u8>>>, Lost> {
        let mut command = resp::command(["MGET"]);
        command.extend(keys.into_iter().map(String::into_bytes));
        self.ask(command, |answer| {
            several(answer, |value| match value {
                Answer::Nothing => Some(None),
                value => bytes(value).map(Some),
            })
        })
    }

    /// Lets a key hold something for a while, which is at least a second.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) fn set(&self, key: &str, value: Vec<u8>, time: Duration) -> Result<(), Lost> {
        // SET refuses a time of 0.
        let seconds = time.as_secs().max(1).to_string();
        let mut command = resp::command(["SET", key]);
        command.push(value);
        command.extend(resp::command(["EX", &seconds]));
        self.ask(command, |_| Some(()))
    }

    /// One `SCAN` step: matching keys and the next cursor; start at 0, finished when 0 returns.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) fn scan(&self, cursor: u64, pattern: &str) -> Result<(u64, Vec<String>), Lost> {
        let cursor = cursor.to_string();
        let command = resp::command(["SCAN", &cursor, "MATCH", pattern, "COUNT", KEYS_AT_ONCE]);
        self.ask(command, |answer| {
            let [next, keys]: [Answer; 2] = several(answer, Some)?.try_into().ok()?;
            let next = String::from_utf8(bytes(next)?).ok()?.parse().ok()?;
            let keys = several(keys, bytes)?.into_iter();
            let keys = keys.filter_map(|key| String::from_utf8(key).ok());
            Some((next, keys.collect()))
        })
    }

    /// What the server tells of a section of itself, as `NAME:VALUE` in lines.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) fn info(&self, section: &'static str) -> Result<String, Lost> {
        let command = resp::command(["INFO", section]);
        self.ask(command, |answer| String::from_utf8(bytes(answer)?).ok())
    }

    /// Sends a command, whose answer is as `understood` by the function.
    fn ask<T: Send + 'static>(
        &self,
        command: Command,
        understood: fn(Answer) -> Option<T>,
    ) -> Result<T, Lost> {
        let mut worker = lock(&self.worker);
        let answer = self.jobs(&mut worker).and_then(|jobs| {
            let (tell, told) = channel();
            let silence = self.silence();
            let why = move |error: &Error| {
                if error.is_timeout() {
                    silence.clone()
                } else {
                    error.to_string()
                }
            };
            let job: Job = Box::new(move |link| {
                let answer = match link {
                    Ok(link) => {
                        let answer = link.ask(&command);
                        let answer = answer.and_then(|it| understood(it).ok_or(Error::Garbled));
                        answer.map_err(|error| (why(&error), true))
                    }
                    Err(error) => Err((why(error), false)),
                };
                // A call that has lost its patience does not listen any more.
                tell.send(answer).ok();
            });
            // The worker has ended only where its thread has panicked.
            jobs.send(job)
                .map_err(|_| self.lost(&self.silence(), false))?;
            let answer = told.recv_timeout(self.patience);
            // The script may have been sent, so whether it has run is not known.
            let answer = answer.unwrap_or_else(|_| Err((self.silence(), true)));
            answer.map_err(|(why, may_have_run)| self.lost(&why, may_have_run))
        });
        // It counts as lost for the rest of the call, which would else wait for it at each question.
        if let Err(lost) = &answer {
            *worker = Worker::Lost(Lost {
                may_have_run: false,
                ..lost.clone()
            });
        }
        answer
    }

    fn jobs(&self, worker: &mut Worker) -> Result<Sender<Job>, Lost> {
        if let Worker::Idle = worker {
            let (jobs, more) = channel();
            let (address, patience) = (self.address.clone(), self.patience);
            // Looking a name up cannot be ended, so it has a thread of its own, which is left alone in the end.
            threads::spawn(move || work(&address, patience, &more))
                .map_err(|error| self.lost(&error.to_string(), false))?;
            *worker = Worker::Running(jobs);
        }
        match worker {
            Worker::Running(jobs) => Ok(jobs.clone()),
            Worker::Lost(lost) => Err(lost.clone()),
            Worker::Idle => Err(self.lost(&self.silence(), false)),
        }
    }

    /// The server has answered what the program's script never does.
    pub(crate) fn garbled(&self) -> Lost {
        self.lost("its answer cannot be understood", true)
    }

    fn silence(&self) -> String {
        let patience = self.patience.as_millis();
        format!("it does not answer within {patience} ms")
    }

    fn lost(&self, why: &str, may_have_run: bool) -> Lost {
        Lost {
            address: self.address.to_string(),
            why: why.to_owned(),
            may_have_run,
        }
    }
}

/// The parts of an answer, each as `understood` by the function.
fn several<T>(answer: Answer, understood: fn(Answer) -> Option<T>) -> Option<Vec<T>> {
    match answer {
        Answer::Several(all) => all.into_iter().map(understood).collect(),
        _ => None,
    }
}

fn bytes(answer: Answer) -> Option<Vec<u8>> {
    match answer {
        Answer::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}

fn work(address: &Address, patience: Duration, jobs: &Receiver<Job>) {
    let mut link = Link::open(address, patience);
    for job in jobs {
        job(&mut link);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// How long a call waits for an answer, also for the first one, before which a connection is made.
pub(crate) const PATIENCE: Duration = Duration::from_millis(150);
const PATIENCE_OF_COMMANDS: Duration = Duration::from_secs(5);

/// Few enough to be read and looked at within a moment.
const KEYS_AT_ONCE: &str = "50";

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use super::*;

    /// What a test has started, shared by two machines. A test has more time than a caller.
    pub(crate) fn shared(server: &testkit::Server) -> Arc<Server> {
        let mut address = Address::parse(&server.url()).expect("right");
        address.password_file = Some(server.password_file());
        address.ca_file = Some(server.ca_file());
        Arc::new(Server::new(address, 2).with_patience(Duration::from_secs(20)))
    }

    /// Has the server do what no call does.
    pub(crate) fn tell(server: &Server, words: &[&str]) {
        let command = words.iter().map(|word| word.as_bytes().to_vec());
        let done = server.ask(command.collect(), |_| Some(()));
        done.expect("it does");
    }

    #[test]
    fn a_connection_that_is_begun_early_is_the_one_that_is_asked() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = silent.local_addr().expect("ours").port();
        let url = format!("redis://127.0.0.1:{port}");
        let server = Server::new(Address::parse(&url).expect("right"), 1);
        server.connect();
        let _connection = silent.accept().expect("it connects before it is asked");
        server.get(vec!["x".to_owned()]).expect_err("silent");
        silent.set_nonblocking(true).expect("ours");
        silent.accept().expect_err("it connects once");
    }

    #[test]
    fn one_that_does_not_answer_is_asked_once_a_call() {
        assert_eq!(PATIENCE.as_millis(), 150, "as the manual says");
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = silent.local_addr().expect("ours").port();
        let url = format!("redis://127.0.0.1:{port}");
        let server = Server::new(Address::parse(&url).expect("right"), 1);
        let [first, second] = ["x", "y"].map(|key| {
            let lost = server.get(vec![key.to_owned()]).expect_err("silent");
            (lost.to_string(), lost.may_have_run)
        });
        let why = format!("cannot use {url} of [state] url: it does not answer within 150 ms");
        assert_eq!(first, (why.clone(), true));
        assert_eq!(second, (why, false), "nothing was sent");
        drop(server);
        let (mut connection, _) = silent.accept().expect("it has connected");
        let mut asked = Vec::new();
        connection.read_to_end(&mut asked).expect("it closes");
        assert_eq!(asked, resp::packed(&resp::command(["MGET", "x"])));
    }
}
