//! A port of its own, on which each connection is served in a thread.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// It accepts connections until it is dropped.
pub(crate) struct Acceptor {
    pub(crate) address: SocketAddr,
    is_closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Acceptor {
    pub(crate) fn start(
        serve: impl Fn(&TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (serve, is_closing) = (Arc::new(serve), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let is_closing = Arc::clone(&is_closing);
            move || {
                while let Ok((socket, _)) = listener.accept() {
                    if is_closing.load(Ordering::SeqCst) {
                        return;
                    }
                    let serve = Arc::clone(&serve);
                    // A client that goes away in the middle is part of what is tested.
                    thread::spawn(move || serve(&socket).ok());
                }
            }
        });
        Self {
            address,
            is_closing,
            thread: Some(thread),
        }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.is_closing.store(true, Ordering::SeqCst);
        // Wakes the thread; if even that fails, it has ended already.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            // A panic has been printed by the thread itself.
            thread.join().ok();
        }
    }
}
