//! One connection to a server of the kind of Redis, encrypted where its address says so.
//!
//! The machine's root certificates are read only where no others are trusted in their place: reading them takes longer
//! than all the rest.

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::sys::authority::loopback;
use crate::sys::redact;

use super::address::Address;
use super::resp::{self, Answer, Command, Error};

/// A connection that has signed in.
pub(super) struct Link {
    stream: BufReader<Box<dyn Stream>>,
}

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

impl Link {
    /// Connects and signs in. Each step of that, and of a question, may take as long as `patience`.
    ///
    /// # Errors
    /// Why there is no connection, or what the server answers.
    pub(super) fn open(address: &Address, patience: Duration) -> Result<Self, Error> {
        let socket = Undisturbed(connect(address, patience)?);
        let stream: Box<dyn Stream> = if address.is_encrypted {
            Box::new(StreamOwned::new(handshake(address)?, socket))
        } else {
            Box::new(socket)
        };
        let mut link = Self {
            stream: BufReader::new(stream),
        };
        link.sign_in(address)?;
        Ok(link)
    }

    /// Sends a command, and returns what the server answers.
    ///
    /// # Errors
    /// Why there is no answer, or that it is an error.
    pub(super) fn ask(&mut self, command: &Command) -> Result<Answer, Error> {
        self.send(&resp::packed(command))?;
        resp::read(&mut self.stream)
    }

    fn sign_in(&mut self, address: &Address) -> Result<(), Error> {
        let mut commands = Vec::new();
        if let Some(file) = &address.password_file {
            let password = fs::read_to_string(file)?;
            // A server may repeat in a refusal what it was sent.
            redact::enrol(password.trim());
            let mut login = resp::command(["AUTH"]);
            login.extend(address.user.iter().map(|user| user.as_bytes().to_vec()));
            login.push(password.trim().into());
            commands.push(login);
        }
        if address.database != 0 {
            let database = address.database.to_string();
            commands.push(resp::command(["SELECT", &database]));
        }
        let all: Vec<_> = commands
            .iter()
            .map(|command| resp::packed(command))
            .collect();
        // Sent together, since each further round trip would take from the 150 ms that a call waits (`PATIENCE`).
        self.send(&all.concat())?;
        for _ in commands {
            resp::read(&mut self.stream)?;
        }
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }
}

/// A socket that goes on after a signal: where it has a time limit the system ends what it does for one.
struct Undisturbed<S>(S);

impl<S: Read> Read for Undisturbed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        again(|| self.0.read(buffer))
    }
}

impl<S: Write> Write for Undisturbed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        again(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        again(|| self.0.flush())
    }
}

fn again<T>(mut step: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match step() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn connect(address: &Address, patience: Duration) -> io::Result<TcpStream> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    let places: Vec<_> = match loopback(&address.host) {
        Some(here) => here.map(|ip| SocketAddr::new(ip, address.port)).to_vec(),
        None => (address.host.as_str(), address.port)
            .to_socket_addrs()?
            .collect(),
    };
    for place in places {
        result = TcpStream::connect_timeout(&place, patience);
        if result.is_ok() {
            break;
        }
    }
    let socket = result?;
    // A script is longer than a packet, and its end would else wait until its beginning has been acknowledged.
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(patience))?;
    Ok(socket)
}

/// What is said first on an encrypted connection, which is sent with the first command.
fn handshake(address: &Address) -> io::Result<ClientConnection> {
    let settings = ClientConfig::builder()
        .with_root_certificates(roots(address)?)
        .with_no_client_auth();
    let name = ServerName::try_from(address.host.clone()).map_err(io::Error::other)?;
    ClientConnection::new(Arc::new(settings), name).map_err(io::Error::other)
}

/// The certificates that are trusted: those in the file of the settings, or else the machine's own.
fn roots(address: &Address) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &address.ca_file {
        for root in CertificateDer::pem_file_iter(file).map_err(io::Error::other)? {
            let root = root.map_err(io::Error::other)?;
            roots.add(root).map_err(io::Error::other)?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that a signal comes into before each byte.
    struct Disturbed(Vec<u8>, bool);

    impl Read for Disturbed {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            (&self.0.remove(0).to_le_bytes()[..]).read(buffer)
        }
    }

    impl Write for Disturbed {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Ok(())
        }
    }

    #[test]
    fn a_signal_ends_no_question() {
        let stream = Undisturbed(Disturbed(b"+PONG\r\n".to_vec(), false));
        let stream: Box<dyn Stream> = Box::new(stream);
        let mut link = Link {
            stream: BufReader::new(stream),
        };
        let answer = link.ask(&resp::command(["PING"])).expect("an answer");
        assert_eq!(answer, Answer::Bytes(b"PONG".to_vec()));
    }

    #[test]
    fn a_refusal_does_not_show_the_password() {
        let folder = testkit::TempDir::new().expect("a folder");
        let file = folder.path().join("password");
        fs::write(&file, "correct-horse-battery\n").expect("writable");
        let mut address = Address::parse("redis://server").expect("right");
        address.password_file = Some(file);
        let refused = b"-ERR wrong arguments: AUTH correct-horse-battery\r\n".to_vec();
        let stream: Box<dyn Stream> = Box::new(Undisturbed(Disturbed(refused, false)));
        let mut link = Link {
            stream: BufReader::new(stream),
        };
        let refused = link.sign_in(&address).expect_err("refused").to_string();
        let shown = redact::secrets(&refused);
        assert!(shown.contains("wrong arguments"), "{shown}");
        assert!(!shown.contains("horse"), "{shown}");
    }

    #[test]
    fn no_part_of_a_question_waits_for_another_or_for_longer_than_the_callers_patience() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = silent.local_addr().expect("ours").port();
        let address = Address::parse(&format!("redis://127.0.0.1:{port}")).expect("right");
        let patience = Duration::from_secs(20);
        let socket = connect(&address, patience).expect("it listens");
        assert!(socket.nodelay().expect("ours"));
        assert_eq!(socket.read_timeout().expect("ours"), Some(patience));
        assert_eq!(socket.write_timeout().expect("ours"), Some(patience));
    }
}
