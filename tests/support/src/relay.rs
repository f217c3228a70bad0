//! A long way to a server: every byte arrives as late as over a network with such a delay.
//!
//! The relay copies bytes both ways and looks into none of them, so TLS passes through unchanged. It delays, but does
//! not slow down: what is read is queued with the time at which it is due, and only the queue's length is limited.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A running relay on a free port of 127.0.0.1; dropping it closes every connection and ends every thread.
pub struct Relay {
    port: u16,
    sockets: Arc<Sockets>,
    acceptor: Option<JoinHandle<()>>,
}

impl Relay {
    /// Starts to relay to a port of 127.0.0.1, with a delay in each direction.
    ///
    /// A client's first bytes leave no sooner than a round trip after it has connected: on a real way TCP's handshake takes
    /// that long.
    pub fn start(to_port: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sockets = Arc::new(Sockets::default());
        let acceptor = thread::spawn({
            let sockets = Arc::clone(&sockets);
            move || accept(&listener, to_port, delay, &sockets)
        });
        Self {
            port,
            sockets,
            acceptor: Some(acceptor),
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.sockets.close_all();
        // Wakes the acceptor; if even that fails, it has ended already.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        if let Some(acceptor) = self.acceptor.take() {
            // A panic has been printed by the thread itself.
            acceptor.join().ok();
        }
    }
}

/// All sockets, of which those that are still in use can be closed.
#[derive(Default)]
struct Sockets {
    closing: AtomicBool,
    sockets: Mutex<Vec<Weak<TcpStream>>>,
}

impl Sockets {
    fn add(&self, socket: TcpStream) -> io::Result<Arc<TcpStream>> {
        socket.set_nodelay(true)?;
        let socket = Arc::new(socket);
        let mut sockets = self.sockets.lock().unwrap();
        sockets.retain(|socket| socket.strong_count() > 0);
        sockets.push(Arc::downgrade(&socket));
        Ok(socket)
    }

    fn close_all(&self) {
        self.closing.store(true, Ordering::SeqCst);
        for socket in self.sockets.lock().unwrap().iter() {
            if let Some(socket) = socket.upgrade() {
                // A socket that its peer has closed cannot be closed again.
                socket.shutdown(Shutdown::Both).ok();
            }
        }
    }
}

fn accept(listener: &TcpListener, to_port: u16, delay: Duration, sockets: &Sockets) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok((client, _)) = listener.accept() {
        let accepted = Instant::now();
        if sockets.closing.load(Ordering::SeqCst) {
            break;
        }
        let both = TcpStream::connect((Ipv4Addr::LOCALHOST, to_port))
            .and_then(|server| Ok((sockets.add(client)?, sockets.add(server)?)));
        // Where no server listens the client finds its connection closed.
        if let Ok((client, server)) = both {
            let there = Direction::new(&client, &server, accepted + 2 * delay, delay);
            let back = Direction::new(&server, &client, accepted, delay);
            threads.extend(there.copy());
            threads.extend(back.copy());
        }
        threads.retain(|thread| !thread.is_finished());
    }
    sockets.close_all();
    for thread in threads {
        // A panic has been printed by the thread itself.
        thread.join().ok();
    }
}

/// One way of a connection.
struct Direction {
    from: Arc<TcpStream>,
    to: Arc<TcpStream>,
    /// Nothing leaves before.
    open_from: Instant,
    delay: Duration,
}

impl Direction {
    fn new(
        from: &Arc<TcpStream>,
        to: &Arc<TcpStream>,
        open_from: Instant,
        delay: Duration,
    ) -> Self {
        Self {
            from: Arc::clone(from),
            to: Arc::clone(to),
            open_from,
            delay,
        }
    }

    /// Copies on two threads, one to read and one to write, until either side ends.
    fn copy(self) -> [JoinHandle<()>; 2] {
        let (queue, queued) = sync_channel(LONGEST_QUEUE);
        let (from, to) = (Arc::clone(&self.from), Arc::clone(&self.to));
        [
            thread::spawn(move || self.read(&queue)),
            thread::spawn(move || write(&from, &to, &queued)),
        ]
    }

    fn read(&self, queue: &SyncSender<Item>) {
        loop {
            let mut buffer = vec![0; LONGEST_PIECE];
            let what = match (&*self.from).read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => What::Reset,
                Ok(0) => What::End,
                Ok(len) => {
                    buffer.truncate(len);
                    What::Bytes(buffer)
                }
            };
            let goes_on = matches!(what, What::Bytes(_));
            let due = Instant::now().max(self.open_from) + self.delay;
            if queue.send(Item { due, what }).is_err() || !goes_on {
                return;
            }
        }
    }
}

struct Item {
    due: Instant,
    what: What,
}

enum What {
    Bytes(Vec<u8>),
    /// The sender has sent everything.
    End,
    /// The sender has reset the connection.
    Reset,
}

fn write(from: &TcpStream, mut to: &TcpStream, queued: &Receiver<Item>) {
    for Item { due, what } in queued {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let written = match what {
            What::Bytes(bytes) => to.write_all(&bytes),
            What::End => to.shutdown(Shutdown::Write),
            What::Reset => {
                reset(to);
                return;
            }
        };
        if written.is_err() {
            reset(from);
            return;
        }
    }
}

/// Lets a socket be reset when its last user lets go of it, which is soon: whoever reads from it is woken.
fn reset(socket: &TcpStream) {
    // A socket that is gone needs no reset.
    rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO)).ok();
    socket.shutdown(Shutdown::Read).ok();
}

/// Together up to 16 MiB on their way in each direction: enough for any delay, too little to hide a client that does not read.
const LONGEST_QUEUE: usize = 1024;
const LONGEST_PIECE: usize = 16 * 1024;
