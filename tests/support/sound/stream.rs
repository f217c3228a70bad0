//! Whether known bytes came through a stream of packets: each once, in order, and with which pauses.
//!
//! A telephone whose codec is that of the file receives the file's own bytes, so nothing needs to be alike: it is equal
//! or it is not. Asterisk sends nothing at all between two sounds; a pause is in the times, not in the bytes.

use std::time::{Duration, Instant};

/// A packet of sound as it arrived; 8,000 bytes, and 8,000 of its timestamps, are a second (RFC 3551).
#[derive(Clone, Debug)]
pub struct Packet {
    /// When it arrived.
    pub at: Instant,
    /// What its sender says of its first byte's place in time.
    pub timestamp: u32,
    /// The sound.
    pub payload: Vec<u8>,
}

/// How bytes arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// How many bytes of all packets come before the first of them.
    pub begins_at: usize,
    /// How many of them arrived.
    pub len: usize,
    /// When the packets of the first and of the last one arrived.
    pub begins: Instant,
    /// See `begins`.
    pub ends: Instant,
    /// Where they paused, in order.
    pub pauses: Vec<Pause>,
}

/// A place where bytes that belong together did not follow each other at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// How many of the bytes come before it.
    pub offset: usize,
    /// For how long nothing more of them was to be played, by the times of arrival.
    pub lasts: Duration,
    /// For how long, by the timestamps.
    pub stamped: Duration,
    /// How many bytes of anything else arrived meanwhile.
    pub other: usize,
}

impl Delivery {
    /// How many bytes of all packets come before what follows them.
    pub fn ends_at(&self) -> usize {
        let other: usize = self.pauses.iter().map(|pause| pause.other).sum();
        self.begins_at + self.len + other
    }

    /// The longest of the pauses.
    pub fn longest_pause(&self) -> Duration {
        let pauses = self.pauses.iter().map(|pause| pause.lasts);
        pauses.max().unwrap_or_default()
    }
}

/// Finds all of `expected` in a stream, only once. Other sounds may come between its packets, in whole packets.
///
/// # Errors
/// Says which bytes are missing, repeated or changed, and where.
pub fn find(packets: &[Packet], expected: &[u8]) -> Result<Delivery, String> {
    let stream = Stream::new(packets);
    let delivery = stream.find_beginning(expected)?;
    if delivery.len < expected.len() {
        return Err(format!(
            "only {} of {} bytes arrived",
            delivery.len,
            expected.len()
        ));
    }
    match stream.position_of(&expected[..needle_len(expected)], delivery.ends_at()) {
        None => Ok(delivery),
        Some(again) => Err(format!("it begins again at byte {again} of the stream")),
    }
}

/// Finds the beginning of `expected`, as much of it as arrived before it was cut off.
///
/// # Errors
/// Says which bytes are missing, repeated or changed before that, and where.
pub fn find_beginning(packets: &[Packet], expected: &[u8]) -> Result<Delivery, String> {
    Stream::new(packets).find_beginning(expected)
}

struct Stream<'a> {
    packets: &'a [Packet],
    bytes: Vec<u8>,
    /// For each byte, the number of its packet.
    packet_of: Vec<usize>,
}

impl<'a> Stream<'a> {
    fn new(packets: &'a [Packet]) -> Self {
        let numbered = packets.iter().enumerate();
        Self {
            packets,
            bytes: numbered
                .clone()
                .flat_map(|(_, packet)| packet.payload.iter().copied())
                .collect(),
            packet_of: numbered
                .flat_map(|(number, packet)| packet.payload.iter().map(move |_| number))
                .collect(),
        }
    }

    fn find_beginning(&self, expected: &[u8]) -> Result<Delivery, String> {
        let begins_at = self.beginning_of(expected)?;
        let (mut at, mut offset) = (begins_at, 0);
        let (mut last, mut pauses) = (begins_at, Vec::new());
        loop {
            let same = common(&self.bytes[at..], &expected[offset..]);
            let (before, rest) = expected.split_at(offset + same);
            let other = self.resume(at + same, before, rest)?;
            let same = same - other.map_or(0, |other| self.overrun(at + same, other, before));
            for next in at..at + same {
                pauses.extend(self.pause(last, next, offset + next - at));
                last = next;
            }
            offset += same;
            match other {
                Some(other) => at += same + other,
                None => break,
            }
        }
        Ok(Delivery {
            begins_at,
            len: offset,
            begins: self.packet(begins_at).at,
            ends: self.packet(last).at,
            pauses,
        })
    }

    fn beginning_of(&self, expected: &[u8]) -> Result<usize, String> {
        let is_there = |from: usize| {
            let rest = &expected[from..];
            self.position_of(&rest[..needle_len(rest)], 0)
        };
        let mut places = (0..expected.len()).step_by(NEEDLE_LEN);
        match places.find_map(|from| Some((from, is_there(from)?))) {
            None => Err("nothing of it arrived".into()),
            Some((0, at)) => Ok(at),
            Some((from, _)) => Err(format!(
                "of its first {from} bytes some are missing or changed"
            )),
        }
    }

    /// Where it goes on after a byte that is not the expected one, in bytes from there; `None` if it does not.
    fn resume(&self, at: usize, before: &[u8], rest: &[u8]) -> Result<Option<usize>, String> {
        let offset = before.len();
        if rest.is_empty() || at == self.bytes.len() {
            return Ok(None);
        }
        if let Some(goes_on) = self.position_of(&rest[..needle_len(rest)], at) {
            let other = &self.bytes[at..goes_on];
            let len = other.len();
            if before.ends_with(other) && constant_len(other) < len {
                return Err(format!("at {offset} the last {len} bytes are repeated"));
            }
            if !len.is_multiple_of(PACKET_LEN) {
                return Err(format!("at {offset} there are {len} bytes too many"));
            }
            return Ok(Some(len));
        }
        let came = &self.bytes[at..];
        let is_there = |skipped: usize, changed: usize| {
            let rest = rest.get(skipped..).unwrap_or_default();
            let needle = &rest[..needle_len(rest)];
            // Silence proves nothing.
            constant_len(needle) < needle.len()
                && came.get(changed..).is_some_and(|it| it.starts_with(needle))
        };
        if let Some(changed) = (1..MAX_CHANGED).find(|len| is_there(*len, *len)) {
            return Err(format!("at {offset} there are {changed} bytes changed"));
        }
        match (1..rest.len()).find(|skipped| is_there(*skipped, 0)) {
            Some(skipped) => Err(format!("at {offset} there are {skipped} bytes missing")),
            None => Ok(None),
        }
    }

    /// How many bytes before `at` belong to what comes there, though the expected ones are the same.
    fn overrun(&self, at: usize, other: usize, before: &[u8]) -> usize {
        let is_of_packet = |byte: &usize| self.packet_of[*byte] == self.packet_of[at];
        let len = (0..at).rev().take_while(is_of_packet).count();
        if before.ends_with(&self.bytes[at + other - len..at + other]) {
            len
        } else {
            0
        }
    }

    /// The pause between two bytes that belong together, if it is one; `offset` of them come before it.
    fn pause(&self, one: usize, next: usize, offset: usize) -> Option<Pause> {
        if self.packet_of[one] == self.packet_of[next] {
            return None;
        }
        let (before, after) = (self.packet(one), self.packet(next));
        let len = before.payload.len();
        let played = time(len);
        let steps = after.timestamp.wrapping_sub(before.timestamp);
        // A timestamp that goes back is no pause.
        let steps = usize::try_from(steps.cast_signed()).unwrap_or(0);
        let stamped = time(steps.saturating_sub(len));
        let pause = Pause {
            offset,
            lasts: (after.at - before.at).saturating_sub(played),
            stamped,
            other: next - one - 1,
        };
        (pause.lasts >= played || !stamped.is_zero() || pause.other > 0).then_some(pause)
    }

    fn position_of(&self, needle: &[u8], from: usize) -> Option<usize> {
        let len = needle.len().max(1);
        let mut places = self.bytes.get(from..)?.windows(len);
        places
            .position(|place| place == needle)
            .map(|place| from + place)
    }

    fn packet(&self, byte: usize) -> &Packet {
        &self.packets[self.packet_of[byte]]
    }
}

/// How many bytes of a beginning can be recognised: silence alone is everywhere.
fn needle_len(bytes: &[u8]) -> usize {
    (constant_len(bytes) + NEEDLE_LEN).min(bytes.len())
}

/// How many bytes at the beginning are the same.
fn constant_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == bytes[0]).count()
}

fn common(one: &[u8], other: &[u8]) -> usize {
    let pairs = one.iter().zip(other);
    pairs.take_while(|(one, other)| one == other).count()
}

fn time(bytes: usize) -> Duration {
    Duration::from_micros(125) * u32::try_from(bytes).unwrap()
}

/// What is in a packet of 20 ms.
const PACKET_LEN: usize = 160;
/// The number of bytes of speech that are found in one place only.
const NEEDLE_LEN: usize = 160;
/// More than this in one place is another sound.
const MAX_CHANGED: usize = 1600;
