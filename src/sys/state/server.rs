//! A server of the kind of [Redis](https://redis.io) or [Valkey](https://valkey.io), by which several machines remember
//! together what the calls of one machine keep in files.
//!
//! A call waits for it only briefly. Once it has failed to answer, the call is done with it: what comes next in the call
//! is not delayed again. What is kept there, and by which scripts, is the business of those who use it.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{
    Client, Connection, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisError,
    RedisResult, TlsCertificates, ToRedisArgs,
};

use crate::sys::sync::lock;
use crate::sys::threads;

/// Where the server is, and how to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its name or number.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database, 0 where none is named.
    pub database: i64,
    /// The user, where it has several.
    pub user: Option<String>,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// The certificates that are trusted in place of the machine's own.
    pub ca_file: Option<PathBuf>,
}

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

type Job = Box<dyn FnOnce(&mut RedisResult<Connection>) + Send>;

impl Address {
    /// Reads `redis://[user@]host[:port][/database]`, or `rediss://` for an encrypted connection.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let schemes = [
            ("redis://", false),
            ("valkey://", false),
            ("rediss://", true),
            ("valkeys://", true),
        ];
        let found = schemes
            .iter()
            .find_map(|(scheme, is_encrypted)| Some((url.strip_prefix(scheme)?, *is_encrypted)));
        let (rest, is_encrypted) =
            found.ok_or("it begins neither with redis:// nor with rediss://")?;
        let (user, rest) = match rest.split_once('@') {
            Some((user, _)) if user.contains(':') => {
                return Err("it holds a password, whose place is password_file");
            }
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, rest),
        };
        let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| "its port is none")?)
            }
            _ => (place, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err("it names no host");
        }
        let database = match database {
            "" => 0,
            number => number
                .parse::<u16>()
                .map_err(|_| "its database is no number")?
                .into(),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            database,
            user,
            is_encrypted,
            password_file: None,
            ca_file: None,
        })
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_here(&self) -> bool {
        let number = self.host.parse::<IpAddr>();
        self.host == "localhost" || number.is_ok_and(|number| number.is_loopback())
    }

    fn connect(&self, patience: Duration) -> RedisResult<Connection> {
        let connection = self.client()?.get_connection_with_timeout(patience)?;
        connection.set_read_timeout(Some(patience))?;
        connection.set_write_timeout(Some(patience))?;
        Ok(connection)
    }

    fn client(&self) -> RedisResult<Client> {
        let host = self.host.clone();
        let at = if self.is_encrypted {
            ConnectionAddr::TcpTls {
                host,
                port: self.port,
                insecure: false,
                tls_params: None,
            }
        } else {
            ConnectionAddr::Tcp(host, self.port)
        };
        let info = at.into_connection_info()?;
        let mut login = info
            .redis_settings()
            .clone()
            .set_db(self.database)
            .set_skip_set_lib_name();
        if let Some(user) = &self.user {
            login = login.set_username(user);
        }
        if let Some(file) = &self.password_file {
            login = login.set_password(fs::read_to_string(file)?.trim());
        }
        // A script is longer than a packet, and its end would else wait until its beginning has been acknowledged.
        let socket = TcpSettings::default().set_nodelay(true);
        let info = info.set_redis_settings(login).set_tcp_settings(socket);
        match &self.ca_file {
            Some(file) if self.is_encrypted => {
                let root_cert = Some(fs::read(file)?);
                Client::build_with_tls(
                    info,
                    TlsCertificates {
                        client_tls: None,
                        root_cert,
                    },
                )
            }
            _ => Client::open(info),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

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
        arguments: Vec<impl ToRedisArgs + Send + 'static>,
    ) -> Result<Vec<i64>, Lost> {
        self.ask(move |connection| {
            let mut command = redis::cmd("EVAL");
            command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            command.query(connection)
        })
    }

    /// What these keys hold.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) fn get(&self, keys: Vec<String>) -> Result<Vec<Option<Vec<u8>>>, Lost> {
        self.ask(move |connection| redis::cmd("MGET").arg(keys).query(connection))
    }

    /// Lets a key hold something for a while, which is at least a second.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) fn set(&self, key: String, value: Vec<u8>, time: Duration) -> Result<(), Lost> {
        self.ask(move |connection| {
            let mut command = redis::cmd("SET");
            command
                .arg(key)
                .arg(value)
                .arg("EX")
                .arg(time.as_secs().max(1));
            command.query(connection)
        })
    }

    /// Some of the keys that a pattern names, and where to go on, from 0 to 0.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) fn scan(&self, cursor: u64, pattern: String) -> Result<(u64, Vec<String>), Lost> {
        let (next, keys) = self.ask(move |connection| {
            let mut command = redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(pattern);
            command.arg("COUNT").arg(KEYS_AT_ONCE);
            command.query::<(u64, Vec<Vec<u8>>)>(connection)
        })?;
        let keys = keys.into_iter();
        let keys = keys.filter_map(|key| String::from_utf8(key).ok());
        Ok((next, keys.collect()))
    }

    /// What the server tells of a section of itself, as `NAME:VALUE` in lines.
    ///
    /// # Errors
    /// [`Lost`].
    pub(crate) fn info(&self, section: &'static str) -> Result<String, Lost> {
        self.ask(move |connection| redis::cmd("INFO").arg(section).query(connection))
    }

    fn ask<T: FromRedisValue + Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> RedisResult<T> + Send + 'static,
    ) -> Result<T, Lost> {
        let mut worker = lock(&self.worker);
        let answer = self.jobs(&mut worker).and_then(|jobs| {
            let (tell, told) = channel();
            let silence = self.silence();
            let why = move |error: &RedisError| {
                if error.is_timeout() {
                    silence.clone()
                } else {
                    error.to_string()
                }
            };
            let job: Job = Box::new(move |connection| {
                let answer = match connection {
                    Ok(connection) => question(connection).map_err(|error| (why(&error), true)),
                    Err(error) => Err((why(error), false)),
                };
                // A call that has lost its patience does not listen any more.
                tell.send(answer).ok();
            });
            // The worker has ended only where its thread has panicked.
            jobs.send(job)
                .map_err(|_| self.lost(&self.silence(), false))?;
            let answer = told.recv_timeout(self.patience);
            let answer = answer.unwrap_or_else(|_| Err((self.silence(), true)));
            answer.map_err(|(why, may_have_run)| self.lost(&why, may_have_run))
        });
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

fn work(address: &Address, patience: Duration, jobs: &Receiver<Job>) {
    let mut connection = address.connect(patience);
    for job in jobs {
        job(&mut connection);
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
const KEYS_AT_ONCE: u8 = 50;

const PORT: u16 = 6379;

#[cfg(test)]
pub(crate) mod tests {
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
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let done = server.ask(move |connection| {
            let (command, arguments) = words.split_first().expect("a command");
            redis::cmd(command)
                .arg(arguments)
                .query::<redis::Value>(connection)
        });
        done.expect("it does");
    }

    #[test]
    fn an_address_is_understood_or_said_to_be_wrong() {
        let shown = |url| match Address::parse(url) {
            Ok(address) => {
                let user = address.user.as_deref().unwrap_or_default();
                format!("{address} {} {user}", address.database)
            }
            Err(why) => why.to_owned(),
        };
        let table = [
            ("redis://server", "redis://server:6379 0 "),
            (
                "rediss://calls@10.0.0.1:6380/3",
                "rediss://10.0.0.1:6380 3 calls",
            ),
            ("valkey://[fd00::1]:7000", "redis://fd00::1:7000 0 "),
            ("redis://[fd00::1]", "redis://fd00::1:6379 0 "),
            (
                "redis://:secret@server",
                "it holds a password, whose place is password_file",
            ),
            (
                "https://server",
                "it begins neither with redis:// nor with rediss://",
            ),
            ("redis://", "it names no host"),
            ("redis://a b", "it names no host"),
            ("redis://server:x", "its port is none"),
            ("redis://server/x", "its database is no number"),
        ];
        for (url, expected) in table {
            assert_eq!(shown(url), expected, "{url}");
        }
    }

    #[test]
    fn no_part_of_a_question_waits_for_another() {
        let address = Address::parse("redis://127.0.0.1").expect("right");
        let client = address.client().expect("no server is asked");
        assert!(client.get_connection_info().tcp_settings().nodelay());
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
    fn one_that_does_not_answer_is_waited_for_once_a_call() {
        assert_eq!(PATIENCE.as_millis(), 150, "as the manual says");
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = silent.local_addr().expect("ours").port();
        let server = Server::new(
            Address::parse(&format!("redis://127.0.0.1:{port}")).expect("right"),
            1,
        );
        let first = server
            .get(vec!["x".to_owned()])
            .expect_err("silent")
            .to_string();
        assert!(
            first.contains(&format!("redis://127.0.0.1:{port} of [state] url")),
            "{first}"
        );
        let begun = std::time::Instant::now();
        let second = server
            .get(vec!["x".to_owned()])
            .expect_err("silent")
            .to_string();
        assert_eq!(first, second);
        assert!(begun.elapsed() < PATIENCE, "it was waited for again");
    }
}
