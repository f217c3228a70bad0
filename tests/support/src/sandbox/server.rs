//! The socket side of the sandbox: a thread per connection, TLS, keep-alive, and an end that leaves nothing.
//!
//! A [`Service`] says what to answer and how to deliver it; here it is delivered, piece by piece when each is due, with
//! every way in which a real connection goes wrong. Nothing here knows whose API is spoken.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::delivery::{Delivery, End, Piece, STOPPED};
use super::http::{self, Framing, Request, Requests, Response};

/// What answers requests.
pub(super) trait Service: Send + Sync + 'static {
    /// A client has connected, and its TLS handshake, if there is one, has ended.
    fn connected(&self);
    /// The answer to one request, called on the connection's own thread.
    fn answer(&self, connection: u64, request: Request) -> Answer;
    /// Waits until a model that has stopped in the middle of its answer may go on.
    fn wait_while_stopped(&self);
    /// The whole of this answer has been sent.
    fn sent(&self, number: usize);
    /// The time that the server believes it is, for the `Date` header.
    fn now(&self) -> SystemTime;
}

/// A response, when it goes out and how it arrives.
pub(super) struct Answer {
    /// The request's, among those that were understood.
    pub(super) number: Option<usize>,
    /// From when all times count.
    pub(super) begun: Instant,
    pub(super) response: Response,
    pub(super) delivery: Delivery,
}

/// A running server; dropping it closes every connection and ends every thread.
pub(super) struct Server {
    address: SocketAddr,
    open: Arc<Open>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts serving at an address, with port 0 on a free one; over TLS if there is a configuration for it.
    ///
    /// # Errors
    /// When this machine has no such address, or its port is taken.
    pub(super) fn start(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        service: Arc<dyn Service>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let open = Arc::new(Open::default());
        let acceptor = thread::spawn({
            let open = Arc::clone(&open);
            move || accept(&listener, tls.as_ref(), &service, &open)
        });
        Ok(Self {
            address,
            open,
            acceptor: Some(acceptor),
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.open.close_all();
        // Wakes the acceptor; if even that fails, it has ended already.
        drop(TcpStream::connect(self.address));
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
    fn pause_until(&self, when: Instant) {
        let sockets = self.sockets.lock().unwrap();
        let time = when.saturating_duration_since(Instant::now());
        drop(
            self.closing
                .wait_timeout_while(sockets, time, |sockets| !sockets.closing)
                .unwrap(),
        );
    }
}

fn accept(
    listener: &TcpListener,
    tls: Option<&Arc<ServerConfig>>,
    service: &Arc<dyn Service>,
    open: &Arc<Open>,
) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok((socket, _)) = listener.accept() {
        let Some(id) = open.add(&socket) else { break };
        let (tls, service, open) = (tls.cloned(), Arc::clone(service), Arc::clone(open));
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

/// A connection, with TLS or without.
enum Stream {
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    Plain(TcpStream),
}

impl Stream {
    fn open(socket: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let Some(tls) = tls else {
            return Ok(Self::Plain(socket));
        };
        let session = ServerConnection::new(tls).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self::Tls(Box::new(stream)))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Tls(stream) => &stream.sock,
            Self::Plain(socket) => socket,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tls(stream) => stream.read(into),
            Self::Plain(socket) => socket.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tls(stream) => stream.write(bytes),
            Self::Plain(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tls(stream) => stream.flush(),
            Self::Plain(socket) => socket.flush(),
        }
    }
}

struct Connection<'a> {
    id: u64,
    open: &'a Open,
    service: &'a dyn Service,
}

impl Connection<'_> {
    fn serve(&self, socket: TcpStream, tls: Option<Arc<ServerConfig>>) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let is_plain = tls.is_none();
        let mut stream = Stream::open(socket, tls)?;
        self.service.connected();
        let mut requests = Requests::new();
        while let Some(mut request) = requests.next(&mut stream)? {
            request.is_plain = is_plain;
            let without_body = request.method == "HEAD";
            let answer = self.service.answer(self.id, request);
            let response = &answer.response;
            match &answer.delivery {
                Delivery::Pieces(_, _) if without_body => {
                    self.begin(&mut stream, response)?;
                    stream.flush()?;
                }
                Delivery::Pieces(pieces, end) => {
                    self.pieces(&mut stream, response, pieces, answer.begun)?;
                    match end {
                        End::Right => finish(&mut stream, response)?,
                        End::Cut => return cut(stream),
                        End::Silence => return silence(&mut stream),
                    }
                }
                Delivery::Endless(more) => return self.endlessly(&mut stream, response, more),
                Delivery::Bytes(bytes, more) => {
                    self.bytes(&mut stream, bytes, more)?;
                    return cut(stream);
                }
                Delivery::Never => return silence(&mut stream),
                Delivery::Reset => return self.reset(stream.socket()),
            }
            if let Some(number) = answer.number {
                self.service.sent(number);
            }
        }
        Ok(())
    }

    fn begin(&self, stream: &mut Stream, response: &Response) -> io::Result<()> {
        let framing = if response.chunked {
            Framing::Chunked
        } else {
            Framing::Length(response.body.len())
        };
        stream.write_all(&http::head(response, framing, self.service.now()))
    }

    /// Sends each piece when it is due; the head goes with the first.
    fn pieces(
        &self,
        stream: &mut Stream,
        response: &Response,
        pieces: &[Piece],
        begun: Instant,
    ) -> io::Result<()> {
        let mut lens = CHUNK_LENS.iter().copied().cycle();
        let mut start = 0;
        let mut resumed = None;
        for (index, piece) in pieces.iter().enumerate() {
            let due = match piece.due.checked_sub(STOPPED) {
                Some(after) => {
                    self.service.wait_while_stopped();
                    *resumed.get_or_insert_with(Instant::now) + after
                }
                None => begun + piece.due,
            };
            self.open.pause_until(due);
            if index == 0 {
                self.begin(stream, response)?;
            }
            let body = &response.body[start..piece.end];
            if response.chunked {
                in_chunks(stream, body, &mut lens)?;
            } else {
                stream.write_all(body)?;
            }
            stream.flush()?;
            start = piece.end;
        }
        Ok(())
    }

    fn endlessly(&self, stream: &mut Stream, response: &Response, more: &[u8]) -> io::Result<()> {
        stream.write_all(&http::head(response, Framing::Chunked, self.service.now()))?;
        stream.write_all(&http::chunk(&response.body))?;
        let piece = http::chunk(&more.repeat(ENDLESS_PIECE.div_ceil(more.len())));
        while !self.open.is_closing() {
            stream.write_all(&piece)?;
            stream.flush()?;
            self.open.pause_until(Instant::now() + ENDLESS_PAUSE);
        }
        Ok(())
    }

    fn bytes(&self, stream: &mut Stream, bytes: &[u8], more: &[u8]) -> io::Result<()> {
        stream.write_all(bytes)?;
        stream.flush()?;
        let piece = more.repeat(ENDLESS_PIECE.checked_div(more.len()).unwrap_or_default());
        while !more.is_empty() && !self.open.is_closing() {
            stream.write_all(&piece)?;
            stream.flush()?;
            self.open.pause_until(Instant::now() + ENDLESS_PAUSE);
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

fn in_chunks(
    stream: &mut Stream,
    mut rest: &[u8],
    lens: &mut impl Iterator<Item = usize>,
) -> io::Result<()> {
    while !rest.is_empty() {
        let len = lens.next().map_or(rest.len(), |len| len.min(rest.len()));
        let (chunk, after) = rest.split_at(len);
        stream.write_all(&http::chunk(chunk))?;
        stream.flush()?;
        rest = after;
    }
    Ok(())
}

fn finish(stream: &mut Stream, response: &Response) -> io::Result<()> {
    if response.chunked {
        stream.write_all(&http::chunk(&[]))?;
    }
    stream.flush()
}

fn cut(mut stream: Stream) -> io::Result<()> {
    if let Stream::Tls(tls) = &mut stream {
        tls.conn.send_close_notify();
    }
    stream.flush()?;
    stream.socket().shutdown(Shutdown::Both)
}

fn silence(stream: &mut Stream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}

/// Odd sizes, a single byte among them: samples of two bytes, and events, are cut in their middle.
const CHUNK_LENS: [usize; 5] = [1021, 1, 61, 4095, 16_383];
/// Together about 60 MB a second: enough to break a client without a limit, too little to starve the machine.
const ENDLESS_PIECE: usize = 64 * 1024;
const ENDLESS_PAUSE: Duration = Duration::from_millis(1);
