//! The phone of a caller in a conversation: a packet of sound every 20 ms, into the pipe that the program hears.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A phone that is silent until the caller says something. Its own clock is the only one that a caller goes by: what they
/// do after a while, they do once so much sound has gone over the line. Dropping it ends the line.
pub struct Phone {
    say: Option<Sender<Piece>>,
    line: Option<JoinHandle<()>>,
}

struct Piece {
    /// Of 8 kHz.
    samples: Vec<i16>,
    /// Told once the last of them has been sent.
    said: Sender<()>,
}

impl Phone {
    /// Opens the pipe that `CallBuilder::enhanced` names; the line begins when the program
    /// reads from it.
    pub fn open(pipe: &Path) -> Self {
        let (say, pieces) = mpsc::channel();
        let pipe = pipe.to_owned();
        let line = thread::spawn(move || Line::open(&pipe).send_all(&pieces));
        Self {
            say: Some(say),
            line: Some(line),
        }
    }

    /// Says this, in samples of 8 kHz, after what is being said already.
    pub fn say(&self, samples: Vec<i16>) -> Saying {
        let (said, when) = mpsc::channel();
        if let Some(say) = &self.say {
            // A line that the program has closed takes no more.
            say.send(Piece { samples, said }).ok();
        }
        Saying(when)
    }

    /// Is silent for as long, after what is being said, and returns then.
    pub fn wait(&self, silence: Duration) {
        let millis = usize::try_from(silence.as_millis()).unwrap();
        self.say(vec![0; millis * SAMPLES_PER_MS]).wait();
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.say = None;
        if let Some(line) = self.line.take() {
            // A panic has been printed by the thread itself.
            line.join().ok();
        }
    }
}

/// What a caller is saying.
pub struct Saying(Receiver<()>);

impl Saying {
    /// Waits until it has been said, or the line has ended.
    pub fn wait(self) {
        self.0.recv().ok();
    }
}

struct Line {
    pipe: File,
    /// When the next packet is due.
    due: Instant,
    waiting: Vec<i16>,
    /// The senders to be told, and after how many of the samples that wait.
    ends: Vec<(usize, Sender<()>)>,
}

impl Line {
    fn open(pipe: &Path) -> Self {
        Self {
            pipe: File::options().write(true).open(pipe).unwrap(),
            due: Instant::now(),
            waiting: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Sends what is said, and silence between, until the phone or the program is gone.
    fn send_all(mut self, pieces: &Receiver<Piece>) {
        loop {
            match pieces.try_recv() {
                Ok(piece) => {
                    self.waiting.extend(piece.samples);
                    self.ends.push((self.waiting.len(), piece.said));
                }
                Err(TryRecvError::Empty) if self.send_packet().is_ok() => {}
                Err(_) => return,
            }
        }
    }

    /// Returns when the next packet is due.
    fn send_packet(&mut self) -> io::Result<()> {
        let len = self.waiting.len().min(PACKET_LEN);
        let mut packet: Vec<i16> = self.waiting.drain(..len).collect();
        packet.resize(PACKET_LEN, 0);
        let bytes: Vec<u8> = packet.iter().flat_map(|x| x.to_ne_bytes()).collect();
        self.pipe.write_all(&bytes)?;
        self.due += PACKET;
        thread::sleep(self.due.saturating_duration_since(Instant::now()));
        for (left, _) in &mut self.ends {
            *left = left.saturating_sub(len);
        }
        for (_, said) in self.ends.extract_if(.., |(left, _)| *left == 0) {
            // Not everybody waits for it.
            said.send(()).ok();
        }
        Ok(())
    }
}

const SAMPLES_PER_MS: usize = 8;
const PACKET: Duration = Duration::from_millis(20);
const PACKET_LEN: usize = 20 * SAMPLES_PER_MS;
