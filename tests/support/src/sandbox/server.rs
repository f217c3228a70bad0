//! The socket side of the sandbox: a thread per connection, TLS, keep-alive, and an end that leaves nothing.
//!
//! A [`Service`] says what to answer and how to deliver it; here it is delivered, with every way in which
//! a real connection goes wrong. Nothing here knows whose API is spoken.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::http::{self, Framing, Request, Requests, Response};

/// What answers requests.
pub(super) trait Service: Send + Sync + 'static {
    /// The answer to one request, called on the connection's own thread.
    fn answer(&self, request: Request) -> Answer;
    /// The whole of this answer has been sent.
    fn sent(&self, number: usize);
    /// The time that the server believes it is, for the `Date` header.
    fn now(&self) -> SystemTime;
}

/// A response, when it goes out and how it arrives.
pub(super) struct Answer {
    /// The request's, among those that were understood.
    pub(super) number: Option<usize>,
    pub(super) after: Duration,
    pub(super) response: Response,
    pub(super) delivery: Delivery,
}

/// How a response reaches the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Whole.
    Whole,
    /// Not at all: silence until the client gives up.
    Never,
    /// Not at all: the connection is reset.
    Reset,
    /// The first half of what was announced, then the end of the connection.
    Half,
    /// A body that does not end, made of this byte.
    Endless(u8),
    /// Whole, at so many bytes a second.
    Slow(u32),
}

/// A running server; dropping it closes every connection and ends every thread.
pub(super) struct Server {
    port: u16,
    open: Arc<Open>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts serving on a free port of 127.0.0.1.
    pub(super) fn start(tls: Arc<ServerConfig>, service: Arc<dyn Service>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::new(Open::default());
        let acceptor = thread::spawn({
            let open = Arc::clone(&open);
            move || accept(&listener, &tls, &service, &open)
        });
        Self {
            port,
            open,
            acceptor: Some(acceptor),
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.open.close_all();
        // Wakes the acceptor; if even that fails, it has ended already.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(acceptor) = self.acceptor.take() {
            // A panic of a connection's thread has been printed there.
            acceptor.join().ok();
        }
    }
}

/// The connections that are open, and whether the server is closing.
#[derive(Default)]
struct Open {
    sockets: Mutex<Sockets>,
    closing: Condvar,
}

#[derive(Default)]
struct Sockets {
    closing: bool,
    by_id: HashMap<u64, TcpStream>,
    last_id: u64,
}

impl Open {
    /// Remembers a socket, to be able to close it; `None` when the server is closing.
    fn add(&self, socket: &TcpStream) -> Option<u64> {
        let mut sockets = self.sockets.lock().unwrap();
        let clone = socket.try_clone().ok().filter(|_| !sockets.closing)?;
        sockets.last_id += 1;
        let id = sockets.last_id;
        sockets.by_id.insert(id, clone);
        Some(id)
    }

    fn remove(&self, id: u64) {
        self.sockets.lock().unwrap().by_id.remove(&id);
    }

    fn close_all(&self) {
        let mut sockets = self.sockets.lock().unwrap();
        sockets.closing = true;
        for socket in sockets.by_id.values() {
            // A socket that the client has closed cannot be closed again.
            socket.shutdown(Shutdown::Both).ok();
        }
        self.closing.notify_all();
    }

    fn is_closing(&self) -> bool {
        self.sockets.lock().unwrap().closing
    }

    /// Waits, but not beyond the end of the server.
    fn pause(&self, time: Duration) {
        let sockets = self.sockets.lock().unwrap();
        drop(
            self.closing
                .wait_timeout_while(sockets, time, |sockets| !sockets.closing)
                .unwrap(),
        );
    }
}

fn accept(
    listener: &TcpListener,
    tls: &Arc<ServerConfig>,
    service: &Arc<dyn Service>,
    open: &Arc<Open>,
) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok((socket, _)) = listener.accept() {
        let Some(id) = open.add(&socket) else { break };
        let (tls, service, open) = (Arc::clone(tls), Arc::clone(service), Arc::clone(open));
        threads.push(thread::spawn(move || {
            let connection = Connection {
                id,
                open: &open,
                service: &*service,
            };
            // A client that goes away in the middle is part of what is tested.
            connection.serve(socket, tls).ok();
            open.remove(id);
        }));
        threads.retain(|thread| !thread.is_finished());
    }
    for thread in threads {
        // A panic has been printed by the thread itself.
        thread.join().ok();
    }
}

type TlsStream = StreamOwned<ServerConnection, TcpStream>;

struct Connection<'a> {
    id: u64,
    open: &'a Open,
    service: &'a dyn Service,
}

impl Connection<'_> {
    fn serve(&self, socket: TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let session = ServerConnection::new(tls).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, socket);
        let mut requests = Requests::new();
        while let Some(request) = requests.next(&mut stream)? {
            let without_body = request.method == "HEAD";
            let Answer {
                number,
                after,
                mut response,
                delivery,
            } = self.service.answer(request);
            self.open.pause(after);
            if without_body {
                response.body.clear();
            }
            match delivery {
                Delivery::Whole => self.whole(&mut stream, &response)?,
                Delivery::Slow(rate) => self.slowly(&mut stream, &response, rate)?,
                Delivery::Half => return self.half(stream, &response),
                Delivery::Endless(byte) => return self.endlessly(&mut stream, &response, byte),
                Delivery::Never => return io::copy(&mut stream, &mut io::sink()).map(drop),
                Delivery::Reset => return self.reset(&stream.sock),
            }
            if let Some(number) = number {
                self.service.sent(number);
            }
        }
        Ok(())
    }

    fn head(&self, response: &Response, framing: Framing) -> Vec<u8> {
        http::head(response, framing, self.service.now())
    }

    fn whole(&self, stream: &mut TlsStream, response: &Response) -> io::Result<()> {
        if !response.chunked {
            let mut bytes = self.head(response, Framing::Length(response.body.len()));
            bytes.extend_from_slice(&response.body);
            stream.write_all(&bytes)?;
            return stream.flush();
        }
        stream.write_all(&self.head(response, Framing::Chunked))?;
        let mut rest = response.body.as_slice();
        for len in CHUNK_LENS.iter().cycle() {
            let (chunk, after) = rest.split_at(rest.len().min(*len));
            stream.write_all(&http::chunk(chunk))?;
            stream.flush()?;
            if chunk.is_empty() {
                break;
            }
            rest = after;
        }
        Ok(())
    }

    fn slowly(
        &self,
        stream: &mut TlsStream,
        response: &Response,
        bytes_per_second: u32,
    ) -> io::Result<()> {
        stream.write_all(&self.head(response, Framing::Length(response.body.len())))?;
        stream.flush()?;
        let piece_len = usize::try_from(bytes_per_second / SLOW_PIECES_PER_SECOND)
            .unwrap()
            .max(1);
        let begun = Instant::now();
        let mut sent: u32 = 0;
        for piece in response.body.chunks(piece_len) {
            stream.write_all(piece)?;
            stream.flush()?;
            sent += u32::try_from(piece.len()).unwrap();
            let due = Duration::from_secs(1) * sent / bytes_per_second;
            self.open.pause(due.saturating_sub(begun.elapsed()));
        }
        Ok(())
    }

    fn half(&self, mut stream: TlsStream, response: &Response) -> io::Result<()> {
        stream.write_all(&self.head(response, Framing::Length(response.body.len())))?;
        stream.write_all(&response.body[..response.body.len() / 2])?;
        stream.conn.send_close_notify();
        stream.flush()?;
        stream.sock.shutdown(Shutdown::Both)
    }

    fn endlessly(&self, stream: &mut TlsStream, response: &Response, byte: u8) -> io::Result<()> {
        stream.write_all(&self.head(response, Framing::Chunked))?;
        stream.write_all(&http::chunk(&response.body))?;
        let piece = http::chunk(&vec![byte; ENDLESS_PIECE]);
        while !self.open.is_closing() {
            stream.write_all(&piece)?;
            stream.flush()?;
            self.open.pause(ENDLESS_PAUSE);
        }
        Ok(())
    }

    /// The socket is reset when its last handle goes; that we remember it must not keep it open.
    fn reset(&self, socket: &TcpStream) -> io::Result<()> {
        rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO))?;
        self.open.remove(self.id);
        Ok(())
    }
}

/// Odd sizes, a single byte among them: samples of two bytes are cut in their middle.
const CHUNK_LENS: [usize; 4] = [1021, 1, 4095, 16_383];
const SLOW_PIECES_PER_SECOND: u32 = 20;
/// Together about 60 MB a second: enough to break a client without a limit, too little to starve the machine.
const ENDLESS_PIECE: usize = 64 * 1024;
const ENDLESS_PAUSE: Duration = Duration::from_millis(1);
