//! An HTTP proxy on loopback, which opens ways for clients that ask with `CONNECT`: RFC 9110, 9.3.6.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A running proxy; dropping it closes every connection.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// `user:password`, where they are asked for.
    login: Option<String>,
    targets: Mutex<Vec<String>>,
    sockets: Mutex<Option<Vec<TcpStream>>>,
}

impl Proxy {
    /// Starts on a free port of 127.0.0.1; with a login, `user:password`, it serves nobody else.
    pub fn start(login: Option<&str>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            login: login.map(str::to_owned),
            sockets: Mutex::new(Some(Vec::new())),
            ..Shared::default()
        });
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                while let Ok((client, _)) = listener.accept() {
                    if !shared.keep(&client) {
                        break;
                    }
                    let shared = Arc::clone(&shared);
                    // A client that goes away ends its own way only.
                    thread::spawn(move || shared.serve(client).ok());
                }
            }
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Where clients have been let through to, in order.
    pub fn targets(&self) -> Vec<String> {
        self.shared.targets.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        for socket in self
            .shared
            .sockets
            .lock()
            .unwrap()
            .take()
            .into_iter()
            .flatten()
        {
            // One that the other side has closed cannot be closed again.
            socket.shutdown(Shutdown::Both).ok();
        }
        // Wakes the acceptor; if even that fails, it has ended already.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().ok();
        }
    }
}

impl Shared {
    /// Remembers a socket, to be able to close it; false when the proxy is closing.
    fn keep(&self, socket: &TcpStream) -> bool {
        match (self.sockets.lock().unwrap().as_mut(), socket.try_clone()) {
            (Some(sockets), Ok(clone)) => {
                sockets.push(clone);
                true
            }
            _ => false,
        }
    }

    fn serve(&self, client: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut client = client;
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let first = lines.first().map(String::as_str).unwrap_or_default();
        let Some(target) = first
            .strip_prefix("CONNECT ")
            .and_then(|rest| rest.split(' ').next())
        else {
            return client
                .write_all(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
        };
        if !self.may(&lines) {
            return client.write_all(DENIED);
        }
        self.targets.lock().unwrap().push(target.to_owned());
        let Ok(server) = TcpStream::connect(target) else {
            return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        };
        self.keep(&server);
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
        thread::spawn(move || pass_on(&mut from_server, &mut to_client));
        pass_on(&mut reader, &mut &server);
        server.shutdown(Shutdown::Write)
    }

    fn may(&self, lines: &[String]) -> bool {
        let Some(login) = &self.login else {
            return true;
        };
        let right = format!("Basic {}", STANDARD.encode(login));
        lines.iter().any(|line| {
            line.split_once(": ").is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("proxy-authorization") && value == right
            })
        })
    }
}

fn pass_on(from: &mut impl Read, to: &mut impl Write) {
    // Either side may break off at any time.
    io::copy(from, to).ok();
}

const DENIED: &[u8] = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"office\"\r\nContent-Length: 0\r\n\r\n";
