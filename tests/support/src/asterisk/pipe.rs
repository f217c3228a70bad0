//! Reading a child's pipe on a thread that can be told to stop, even while another process holds the pipe open.

use std::io::{PipeReader, PipeWriter, Read};
use std::os::fd::AsFd;
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A thread that hands on what comes out of a pipe; the pipe is closed when it ends.
pub(super) struct Reader {
    stop: Option<PipeWriter>,
    thread: JoinHandle<()>,
}

impl Reader {
    /// Calls `take` with each piece as the pipe gave it, and with an empty one at the end.
    pub(super) fn start(
        pipe: impl Read + AsFd + Send + 'static,
        take: impl FnMut(&[u8]) + Send + 'static,
    ) -> Self {
        let (stopped, stop) = std::io::pipe().unwrap();
        Self {
            stop: Some(stop),
            thread: thread::spawn(move || read(pipe, &stopped, take)),
        }
    }

    /// Takes what is already there, and then closes the pipe.
    pub(super) fn stop(&mut self) {
        self.stop = None;
    }

    /// Stops, and waits for the thread.
    pub(super) fn join(mut self) {
        self.stop();
        self.thread.join().unwrap();
    }
}

fn read(mut pipe: impl Read + AsFd, stopped: &PipeReader, mut take: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    let mut stopping = false;
    loop {
        let (readable, stop) = ready(&pipe, stopped, stopping);
        if !readable && stopping {
            break;
        }
        stopping |= stop;
        if readable {
            let len = pipe.read(&mut buffer).unwrap_or(0);
            if len == 0 {
                break;
            }
            take(&buffer[..len]);
        }
    }
    take(&[]);
}

/// Whether the pipe can be read, and whether it is time to stop; waits for either unless `at_once`.
fn ready(pipe: &impl AsFd, stopped: &PipeReader, at_once: bool) -> (bool, bool) {
    let mut fds = [
        PollFd::new(pipe, PollFlags::IN),
        PollFd::new(stopped, PollFlags::IN),
    ];
    poll(
        &mut fds,
        at_once.then_some(&Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        }),
    )
    .unwrap();
    (!fds[0].revents().is_empty(), !fds[1].revents().is_empty())
}
