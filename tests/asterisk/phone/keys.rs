//! The keys of the phone: what is sent while one is pressed.
//!
//! Spec: RFC 4733, 2.3 and 2.5; the codes are those of its table 3.

use std::collections::VecDeque;
use std::time::Instant;

/// Packets of keys that are still to be sent; in each, all but the RTP header.
#[derive(Default)]
pub(super) struct Keys {
    waiting: VecDeque<KeyPacket>,
    /// When the last key was pressed.
    pub(super) pressed: Option<Instant>,
}

/// A piece of a pressed key.
pub(super) struct KeyPacket {
    /// It is the first of its key, at whose beginning the timestamp stands still.
    pub(super) is_first: bool,
    pub(super) payload: [u8; 4],
}

impl Keys {
    /// Queues a key: 160 ms, and its end thrice, since packets may be lost.
    pub(super) fn press(&mut self, key: char) {
        let code = u8::try_from("0123456789*#ABCD".find(key).expect("a telephone's key")).unwrap();
        let durations = (1..=PRESSED).chain([PRESSED; 3]);
        for (number, packets) in durations.enumerate() {
            let is_end = number >= usize::from(PRESSED);
            let [high, low] = (packets * SAMPLES_PER_PACKET).to_be_bytes();
            let flags = if is_end { END | VOLUME } else { VOLUME };
            self.waiting.push_back(KeyPacket {
                is_first: number == 0,
                payload: [code, flags, high, low],
            });
        }
    }

    /// What goes out instead of sound.
    pub(super) fn next(&mut self) -> Option<KeyPacket> {
        let packet = self.waiting.pop_front()?;
        if packet.is_first {
            self.pressed = Some(Instant::now());
        }
        Some(packet)
    }

    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// For how many packets a key is down.
const PRESSED: u16 = 8;
const SAMPLES_PER_PACKET: u16 = 160;
const END: u8 = 0x80;
/// 10 dB below full scale.
const VOLUME: u8 = 10;
