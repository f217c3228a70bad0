//! A Redis or Valkey server of a test's own, on a port of its own, with a password and, if wanted, TLS.

use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::iter;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::until;

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    folder: TempDir,
    port: u16,
    is_encrypted: bool,
}

impl Server {
    /// The programs on this machine that are such servers; where there is none, one line on standard error says so.
    pub fn programs(test: &str) -> Vec<&'static str> {
        let names = ["redis-server", "valkey-server"].into_iter();
        let is_there = |name: &&str| {
            let version = Command::new(name)
                .arg("--version")
                .stdout(Stdio::null())
                .status();
            version.is_ok_and(|status| status.success())
        };
        let found: Vec<_> = names.filter(is_there).collect();
        if found.is_empty() {
            // Not by a macro, whose lines a test that passes does not show.
            let line = format!(
                "not run: {test} needs redis-server or valkey-server, and this machine has neither\n"
            );
            io::stderr().write_all(line.as_bytes()).unwrap();
        }
        found
    }

    /// Starts `program` without TLS.
    pub fn start(program: &str) -> Self {
        Self::start_at(program, false, free_port())
    }

    /// Starts `program` with TLS, by a certificate that [`ca_file`](Self::ca_file) holds.
    pub fn start_encrypted(program: &str) -> Self {
        Self::start_at(program, true, free_port())
    }

    fn start_at(program: &str, is_encrypted: bool, port: u16) -> Self {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let password = folder.path().join("password");
        fs::write(&password, format!("{PASSWORD}\n")).unwrap();
        fs::set_permissions(password, Permissions::from_mode(0o600)).unwrap();
        let number = port.to_string();
        let mut command = Command::new(program);
        command.args([
            "--bind",
            "127.0.0.1",
            "--requirepass",
            PASSWORD,
            "--save",
            "",
            "--appendonly",
            "yes",
        ]);
        command.arg("--dir").arg(folder.path());
        if is_encrypted {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            fs::write(path("cert.pem"), cert.pem()).unwrap();
            fs::write(path("key.pem"), signing_key.serialize_pem()).unwrap();
            command.args([
                "--port",
                "0",
                "--tls-port",
                &number,
                "--tls-auth-clients",
                "no",
            ]);
            command.args(["--tls-cert-file", &path("cert.pem")]);
            command.args(["--tls-key-file", &path("key.pem")]);
            command.args(["--tls-ca-cert-file", &path("cert.pem")]);
        } else {
            command.args(["--port", &number]);
        }
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let answers = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        until("the server listens", Duration::from_secs(20), answers);
        Self {
            child,
            folder,
            port,
            is_encrypted,
        }
    }

    /// Its address, as the settings name it.
    pub fn url(&self) -> String {
        if self.is_encrypted {
            format!("rediss://localhost:{}", self.port)
        } else {
            format!("redis://127.0.0.1:{}", self.port)
        }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends its process a signal, such as one that lets it hang.
    pub fn signal(&self, signal: Signal) {
        // It is not reaped before it is stopped, so its id is still its own.
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Has one without TLS obey a command.
    ///
    /// # Panics
    /// When it does not.
    pub fn tell(&self, command: &str) {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let words = format!("AUTH {PASSWORD}\r\n{command}\r\n");
        connection.write_all(words.as_bytes()).unwrap();
        let answers = BufReader::new(connection).lines().take(2);
        for answer in answers {
            assert!(answer.unwrap().starts_with("+OK"), "{command}");
        }
    }

    /// The file with its password.
    pub fn password_file(&self) -> PathBuf {
        self.folder.path().join("password")
    }

    /// The file with its certificate, where it has one.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Where a test may keep files of its own.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it, and starts one that knows nothing at the same address.
    pub fn restart(&mut self, program: &str) {
        self.stop();
        *self = Self::start_at(program, self.is_encrypted, self.port);
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port below those that the system gives away by itself, since one of those could be another's before the server has it,
/// and between two lives of the server.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(process::id() % u32::from(PORTS)).unwrap();
    let mut ports = iter::repeat_with(|| {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        FIRST_PORT + own.wrapping_add(next) % PORTS
    })
    .take(PORTS.into());
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("a free port")
}

const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;

const PASSWORD: &str = "a-password";
