//! What a caller heard, on a timeline: every sample has a moment, and every moment a sample.

use std::fmt::Write;
use std::time::{Duration, Instant};

use testkit::audio::alike::{Recording, Reference};
use testkit::audio::stream::{self, Delivery, Packet};
use testkit::audio::{Clip, measure};

use super::codec::Codec;

/// All that arrived in a call.
#[derive(Debug)]
pub(crate) struct Heard {
    /// When the call was answered.
    answered: Instant,
    /// When it ended.
    pub(crate) ended: Instant,
    pub(crate) ended_by: Side,
    packets: Vec<Packet>,
    clip: Clip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Phone,
    Asterisk,
}

/// A place where a sound was heard; what is silent at its ends does not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) begins: Instant,
    pub(crate) ends: Instant,
    #[expect(dead_code, reason = "it is there to be printed")]
    pub(crate) likeness: f64,
}

impl Heard {
    /// Puts packets where they belong: as long as their timestamps follow on, each is played right after the one
    /// before, as from a jitter buffer; one that is late by more than that holds begins anew.
    pub(super) fn new(
        codec: Codec,
        answered: Instant,
        packets: &[Packet],
        ended: Instant,
        ended_by: Side,
    ) -> Self {
        let payload: Vec<u8> = packets
            .iter()
            .flat_map(|packet| &packet.payload)
            .copied()
            .collect();
        let decoded = codec.decode(&payload);
        let rate_hz = decoded.rate_hz;
        let per_byte = decoded.samples.len() / payload.len().max(1);
        let mut samples: Vec<i16> = Vec::new();
        let (mut taken, mut expected) = (0, None);
        for packet in packets {
            let arrived = index(packet.at.saturating_duration_since(answered), rate_hz);
            let follows_on = expected == Some(packet.timestamp);
            if arrived > samples.len()
                && !(follows_on && arrived - samples.len() < index(JITTER, rate_hz))
            {
                samples.resize(arrived, 0);
            }
            let len = (packet.payload.len() * per_byte).min(decoded.samples.len() - taken);
            samples.extend_from_slice(&decoded.samples[taken..taken + len]);
            taken += len;
            let ticks = u32::try_from(packet.payload.len()).unwrap();
            expected = Some(packet.timestamp.wrapping_add(ticks));
        }
        Self {
            answered,
            ended,
            ended_by,
            packets: packets.to_vec(),
            clip: Clip { rate_hz, samples },
        }
    }

    /// How long after the answer a moment is.
    fn at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.answered)
    }

    /// What was heard while a sound was.
    pub(crate) fn during(&self, found: &Found) -> Clip {
        self.between(found.begins, found.ends)
    }

    /// What was heard from one moment to another.
    pub(crate) fn between(&self, from: Instant, to: Instant) -> Clip {
        part(&self.clip, self.at(from), self.at(to))
    }

    /// Every place where a sound is heard.
    pub(crate) fn find(&self, sound: &Clip) -> Vec<Found> {
        let reference = Reference::new(sound);
        let recording = Recording::new(&self.clip);
        let found = reference.matches_in(&recording, THRESHOLD).into_iter();
        found
            .map(|found| {
                let begins = self.answered + Duration::from_secs_f64(found.at_seconds.max(0.0));
                Found {
                    begins,
                    ends: begins + Duration::from_secs_f64(reference.seconds()),
                    likeness: found.likeness,
                }
            })
            .collect()
    }

    /// How like a sound the best place is.
    pub(crate) fn likeness(&self, sound: &Clip) -> f64 {
        measure::heard(&self.clip, sound)
    }

    /// Both ends of a sound are where it was found: likeness alone would hardly miss its last third.
    pub(crate) fn is_whole(&self, found: &Found, sound: &Clip) -> Result<(), String> {
        let (first, last) = (first_audible(sound), last_audible(sound));
        let head = part(sound, first, first + END);
        let tail = part(sound, last.saturating_sub(END), last);
        let (begins, ends) = (self.at(found.begins), self.at(found.ends));
        let begin = part(&self.clip, begins.saturating_sub(END), begins + 2 * END);
        let end = part(&self.clip, ends.saturating_sub(2 * END), ends + END);
        let likeness = measure::heard(&begin, &head).min(measure::heard(&end, &tail));
        if likeness > THRESHOLD {
            Ok(())
        } else {
            Err(format!(
                "an end of the sound is missing ({likeness:.2}); {}",
                self.summary()
            ))
        }
    }

    /// The first audible sample after a moment.
    pub(crate) fn first_audible_after(&self, moment: Instant) -> Option<Instant> {
        let frame = frame_len(self.clip.rate_hz);
        let from = index(self.at(moment), self.clip.rate_hz);
        let frames = self.clip.samples.get(from..)?.chunks(frame);
        let silent = frames.take_while(|frame| !is_audible(frame)).count();
        let first = from + silent * frame;
        (first < self.clip.samples.len()).then(|| self.answered + time(first, self.clip.rate_hz))
    }

    /// When it fell silent for so long, at a moment or after it.
    pub(crate) fn silent_from(&self, moment: Instant, lasting: Duration) -> Option<Instant> {
        let rate_hz = self.clip.rate_hz;
        let frames = self.clip.samples.get(index(self.at(moment), rate_hz)..)?;
        let mut silent = 0;
        for (number, frame) in frames.chunks(frame_len(rate_hz)).enumerate() {
            silent = if is_audible(frame) { 0 } else { silent + 1 };
            if time(silent * frame_len(rate_hz), rate_hz) >= lasting {
                let begins = (number + 1 - silent) * frame_len(rate_hz);
                return Some(moment + time(begins, rate_hz));
            }
        }
        None
    }

    /// How these bytes arrived: in the codec of the call, all, once and in order; else what is wrong.
    pub(crate) fn delivered(&self, bytes: &[u8]) -> Result<Delivery, String> {
        stream::find(&self.packets, bytes).map_err(|flaw| format!("{flaw}; {}", self.summary()))
    }

    /// The same of as many of them as arrived before they were cut off.
    pub(crate) fn delivered_beginning(&self, bytes: &[u8]) -> Result<Delivery, String> {
        stream::find_beginning(&self.packets, bytes)
            .map_err(|flaw| format!("{flaw}; {}", self.summary()))
    }

    /// The longest part of a span in which no packet arrived.
    pub(crate) fn longest_gap(&self, from: Instant, to: Instant) -> Duration {
        let arrivals = self.packets.iter().map(|packet| packet.at);
        let within = arrivals.filter(|at| (from..=to).contains(at));
        let (mut last, mut longest) = (from, Duration::ZERO);
        for at in within.chain([to]) {
            longest = longest.max(at.saturating_duration_since(last));
            last = at;
        }
        longest
    }

    /// When there was sound, and how loud, for the message of a check that failed.
    pub(crate) fn summary(&self) -> String {
        let rate_hz = self.clip.rate_hz;
        let mut text = format!(
            "the call lasted {:.1} s, ended by {:?}; sound",
            (self.ended - self.answered).as_secs_f64(),
            self.ended_by
        );
        let tenth = index(Duration::from_millis(100), rate_hz);
        let is_loud: Vec<bool> = self
            .clip
            .samples
            .chunks(tenth)
            .map(|part| measure::level_db(part) > AUDIBLE_DB)
            .collect();
        let mut from = 0;
        for stretch in is_loud.chunk_by(|one, other| one == other) {
            let to = from + stretch.len();
            if stretch[0] {
                let at = |tenths: usize| time(tenths * tenth, rate_hz).as_secs_f64();
                // Writing to a string cannot fail.
                write!(text, " {:.1}-{:.1}", at(from), at(to)).ok();
            }
            from = to;
        }
        text
    }
}

/// The first audible moment of a clip.
pub(crate) fn first_audible(clip: &Clip) -> Duration {
    let frame = frame_len(clip.rate_hz);
    let mut frames = clip.samples.chunks(frame);
    time(
        frames.position(is_audible).unwrap_or(0) * frame,
        clip.rate_hz,
    )
}

/// The last audible moment of a clip.
pub(super) fn last_audible(clip: &Clip) -> Duration {
    let frame = frame_len(clip.rate_hz);
    let frames: Vec<_> = clip.samples.chunks(frame).collect();
    let last = frames.iter().rposition(|frame| is_audible(frame));
    time(last.map_or(0, |last| (last + 1) * frame), clip.rate_hz)
}

/// A part of a clip, as far as there is any.
fn part(clip: &Clip, from: Duration, to: Duration) -> Clip {
    let len = clip.samples.len();
    let [from, to] = [from, to].map(|at| index(at, clip.rate_hz).min(len));
    Clip {
        rate_hz: clip.rate_hz,
        samples: clip.samples[from..to].to_vec(),
    }
}

fn is_audible(frame: &[i16]) -> bool {
    measure::level_db(frame) >= AUDIBLE_DB
}

/// 10 ms.
fn frame_len(rate_hz: u32) -> usize {
    index(Duration::from_millis(10), rate_hz)
}

fn index(time: Duration, rate_hz: u32) -> usize {
    usize::try_from(time.as_micros() * u128::from(rate_hz) / 1_000_000).unwrap()
}

fn time(index: usize, rate_hz: u32) -> Duration {
    Duration::from_micros(1_000_000 * u64::try_from(index).unwrap() / u64::from(rate_hz))
}

/// A sound is heard where it is as like as this. Recordings of one thing reach 0.95, also through the limiter and
/// G.711; different sentences of one voice stay below 0.5.
const THRESHOLD: f64 = 0.85;
/// How much of a sound's beginning and end is looked at.
const END: Duration = Duration::from_millis(600);
/// Below this nobody hears anything on a telephone line. Of 10 ms, in dBFS.
const AUDIBLE_DB: f64 = -45.0;
/// What a phone's jitter buffer holds, at most.
const JITTER: Duration = Duration::from_millis(200);
