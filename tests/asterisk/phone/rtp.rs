//! The voice of one call: a packet every 20 ms out, whatever comes in kept with its time.
//!
//! Specs: RFC 3550 for the packets, RFC 3551 for what is in them, RFC 4733 for keys.

use std::collections::VecDeque;
use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use testkit::audio::g711;
use testkit::audio::stream::Packet;

use super::codec::{Codec, PACKET};
use super::keys::{KeyPacket, Keys};
use super::sdp::Remote;

/// The packets of one call in both directions; they stop when this is dropped.
pub(super) struct Voice {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    socket: UdpSocket,
    codec: Codec,
    /// The payload type of keys.
    keys: Option<u8>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    received: Vec<Packet>,
    waiting: VecDeque<Outgoing>,
    keys: Keys,
    muted: bool,
    /// What was heard and is to come back, where it does.
    echo: Option<(f64, VecDeque<Vec<u8>>)>,
    over: bool,
    /// How many clips have been begun and ended, and when the last one began.
    begun: Option<Instant>,
    ended: usize,
    queued: usize,
}

enum Outgoing {
    Begin,
    Sound(Vec<u8>),
    End,
}

enum Next {
    Packet(Vec<u8>),
    Key(KeyPacket),
    Nothing,
    Over,
}

impl Voice {
    /// Begins to send to `remote` and to listen.
    pub(super) fn start(socket: UdpSocket, remote: Remote, codec: Codec) -> io::Result<Self> {
        socket.connect(remote.address)?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let shared = Arc::new(Shared {
            socket,
            codec,
            keys: remote.keys,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let [sender, receiver] = [Shared::send, Shared::receive].map(|job: fn(&Shared)| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || job(&shared))
        });
        Ok(Self {
            shared,
            threads: vec![sender, receiver],
        })
    }

    /// What has arrived so far.
    pub(super) fn received(&self) -> Vec<Packet> {
        self.shared.state.lock().unwrap().received.clone()
    }

    /// Sends no packets at all, or does again.
    pub(super) fn mute(&self, muted: bool) {
        self.shared.state.lock().unwrap().muted = muted;
    }

    /// Lets what is heard come back so much louder, after so many packets.
    pub(super) fn echo(&self, gain_db: f64, packets: usize) {
        let delay = vec![vec![self.shared.codec.silence(); PAYLOAD_LEN]; packets];
        self.shared.state.lock().unwrap().echo = Some((gain_db, delay.into()));
    }

    /// Queues a sound of whole packets; gives its number.
    pub(super) fn queue(&self, payload: &[u8]) -> usize {
        let mut state = self.shared.state.lock().unwrap();
        state.waiting.push_back(Outgoing::Begin);
        for packet in payload.chunks(PAYLOAD_LEN) {
            let mut packet = packet.to_vec();
            packet.resize(PAYLOAD_LEN, self.shared.codec.silence());
            state.waiting.push_back(Outgoing::Sound(packet));
        }
        state.waiting.push_back(Outgoing::End);
        state.queued += 1;
        state.queued
    }

    /// Presses a key and waits until it has been let go; when it went down.
    pub(super) fn press(&self, key: char) -> Instant {
        assert!(self.shared.keys.is_some(), "Asterisk takes no keys");
        let mut state = self.shared.state.lock().unwrap();
        state.keys.press(key);
        let waits = |state: &mut State| !state.keys.is_done() && !state.over;
        let state = self.shared.changed.wait_while(state, waits).unwrap();
        state.keys.pressed.unwrap_or_else(Instant::now)
    }

    /// Waits until a queued sound has been sent; when its first sample was spoken.
    pub(super) fn wait_for(&self, number: usize) -> Instant {
        let state = self.shared.state.lock().unwrap();
        let waits = |state: &mut State| state.ended < number && !state.over;
        let state = self.shared.changed.wait_while(state, waits).unwrap();
        state.begun.unwrap_or_else(Instant::now)
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().over = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // Its panic has been printed.
            thread.join().ok();
        }
    }
}

impl Shared {
    /// Keeps to the clock it began with, however late a single packet is.
    fn send(&self) {
        let begun = Instant::now();
        let (mut sequence, mut pressed): (u16, u32) = (0, 0);
        for number in 0_u32.. {
            // A packet leaves when its last sample has been spoken.
            let spoken = begun + PACKET * number;
            thread::sleep((spoken + PACKET).saturating_duration_since(Instant::now()));
            let timestamp = SAMPLES_PER_PACKET.wrapping_mul(number);
            let sound_type = self.codec.payload().0;
            let (kind, timestamp, payload) = match self.next(spoken) {
                Next::Nothing => continue,
                Next::Over => return,
                Next::Packet(payload) => (sound_type, timestamp, payload),
                Next::Key(KeyPacket { is_first, payload }) => {
                    let marker = if is_first { MARKER } else { 0 };
                    if is_first {
                        pressed = timestamp;
                    }
                    let kind = marker | self.keys.unwrap_or_default();
                    (kind, pressed, payload.to_vec())
                }
            };
            sequence = sequence.wrapping_add(1);
            // A call that is over refuses its last packets.
            self.socket
                .send(&packet(kind, sequence, timestamp, &payload))
                .ok();
        }
    }

    /// What is to be sent of the 20 ms that began at a moment.
    fn next(&self, moment: Instant) -> Next {
        let mut state = self.state.lock().unwrap();
        if state.over {
            return Next::Over;
        }
        if let Some(packet) = state.keys.next() {
            if state.keys.is_done() {
                self.changed.notify_all();
            }
            return Next::Key(packet);
        }
        // Time passes for the echo too while something is said over it.
        let echo = state.echo.as_mut();
        let echo = echo.and_then(|(_, packets)| packets.pop_front());
        let silence = || vec![self.codec.silence(); PAYLOAD_LEN];
        loop {
            match state.waiting.pop_front() {
                Some(Outgoing::Begin) => state.begun = Some(moment),
                Some(Outgoing::End) => {
                    state.ended += 1;
                    self.changed.notify_all();
                }
                _ if state.muted => return Next::Nothing,
                Some(Outgoing::Sound(payload)) => return Next::Packet(payload),
                None => return Next::Packet(echo.unwrap_or_else(silence)),
            }
        }
    }

    fn receive(&self) {
        let mut bytes = [0; 2048];
        loop {
            let len = self.socket.recv(&mut bytes);
            let at = Instant::now();
            let mut state = self.state.lock().unwrap();
            if state.over {
                return;
            }
            if let Some(packet) = len
                .ok()
                .and_then(|len| parse(&bytes[..len], at, self.codec))
            {
                if let Some((gain_db, echo)) = &mut state.echo {
                    let heard = g711::decoded_mulaw(&packet.payload).amplified(*gain_db);
                    echo.push_back(g711::encoded_mulaw(&heard.samples));
                }
                state.received.push(packet);
            }
        }
    }
}

/// A packet with its header; `kind` is its payload type and the marker.
fn packet(kind: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![VERSION_2, kind];
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&timestamp.to_be_bytes());
    bytes.extend_from_slice(&SOURCE.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The voice in a packet; `None` for anything else.
fn parse(bytes: &[u8], at: Instant, codec: Codec) -> Option<Packet> {
    let (head, payload) = bytes.split_at_checked(12)?;
    if head[0] & 0xc0 != VERSION_2 || head[1] & !MARKER != codec.payload().0 {
        return None;
    }
    let contributors = usize::from(head[0] & 0x0f);
    Some(Packet {
        at,
        timestamp: u32::from_be_bytes(head[4..8].try_into().ok()?),
        payload: payload.get(4 * contributors..)?.to_vec(),
    })
}

/// All three codecs make 64 kbit/s, and count 8,000 to the second: G.722 too (RFC 3551, 4.5.2).
const PAYLOAD_LEN: usize = 160;
const SAMPLES_PER_PACKET: u32 = 160;
const VERSION_2: u8 = 0x80;
const MARKER: u8 = 0x80;
const SOURCE: u32 = 0x7068_6f6e;
