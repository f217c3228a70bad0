//! What a call makes of a line while its answers are heard.

use std::time::{Duration, Instant};

use phone_assistant::audio::speech::turn::Change;
use phone_assistant::audio::telephone::Encoding;
use phone_assistant::audio::{g711, to_i16};
use phone_assistant::call::caller_audio::CallerAudio;
use phone_assistant::call::echo::{Reply, Source};

use crate::ends::LIMITS;
use crate::signal::{FRAME, RATE_HZ};

/// An answer that is heard from this sample of the line on.
pub(crate) struct Played<'a> {
    pub(crate) sound: &'a [f32],
    pub(crate) at: usize,
}

struct Call<'a> {
    answers: &'a [Played<'a>],
    start: Instant,
    caller: CallerAudio,
    reply: Reply,
    /// How many of the answers have begun, and how many packets have come since the last one did.
    begun: usize,
    packets: usize,
    /// How many packets were missing of late.
    missing: usize,
}

/// When a turn begins while the last of these answers is heard, in seconds. Those before it are heard to their end. A packet
/// of nothing but zeros is none: phones that suppress silence do not send it.
pub(crate) fn begins(line: &[i16], answers: &[Played]) -> Option<f32> {
    let start = Instant::now();
    let mut call = Call {
        answers,
        start,
        caller: CallerAudio::new(RATE_HZ, LIMITS, start),
        reply: Reply::new(Encoding::Ulaw),
        begun: 0,
        packets: 0,
        missing: 0,
    };
    let mut packets = line.chunks(PACKET).enumerate();
    let begins = packets.find(|(index, packet)| {
        let changes = call.hear(*index, packet);
        changes.contains(&Change::SpeechStart) && call.begun == answers.len()
    });
    begins.map(|(index, _)| index as f32 * 0.02 + 0.02)
}

impl Call<'_> {
    fn hear(&mut self, index: usize, packet: &[i16]) -> Vec<Change> {
        let now = self.start + Duration::from_millis(20) * u32::try_from(index).unwrap();
        let next = self.answers.get(self.begun);
        if let Some(next) = next.filter(|next| (index + 1) * PACKET > next.at) {
            self.caller.end_turn();
            self.reply = Reply::new(Encoding::Ulaw);
            let coded = next
                .sound
                .iter()
                .map(|sample| g711::mu_law(to_i16(*sample)));
            self.reply.append(&coded.collect::<Vec<u8>>());
            (self.begun, self.packets) = (self.begun + 1, 0);
        }
        self.packets += 1;
        if packet.iter().all(|sample| *sample == 0) {
            self.missing += 1;
            // As long as a call waits for a packet.
            if self.missing < GAP {
                return Vec::new();
            }
            let silence = vec![0; self.missing * PACKET];
            self.missing = 0;
            return self.take_in(&silence, now);
        }
        self.missing = 0;
        self.take_in(packet, now)
    }

    fn take_in(&mut self, samples: &[i16], now: Instant) -> Vec<Change> {
        match self.source() {
            Some(source) => {
                let heard = self.reply.heard(source, samples.len(), RATE_HZ);
                self.caller.overhear(samples, &heard, now)
            }
            None => self.caller.hear(samples, now),
        }
    }

    /// What is heard of the answers; `None`: nothing, nor an echo of it.
    fn source(&self) -> Option<Source> {
        let answer = &self.answers[self.begun.checked_sub(1)?];
        let len = answer.sound.len() / PACKET;
        if self.begun == self.answers.len() || self.packets <= len {
            Some(Source::Answer(u32::try_from(self.packets).unwrap()))
        } else {
            (self.packets <= len + ECHO).then_some(Source::Nothing)
        }
    }
}

/// 20 ms.
pub(crate) const PACKET: usize = 2 * FRAME;
/// 80 ms in packets.
const GAP: usize = 4;
/// 620 ms in packets, in which an echo may still come.
const ECHO: usize = 31;
