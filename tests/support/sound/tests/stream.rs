//! Known bytes among packets, and the ways in which they may not be whole.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use sound::stream::{Packet, Pause, find, find_beginning};

/// A line on which something is sent.
struct Line {
    packets: Vec<Packet>,
    at: Instant,
    timestamp: u32,
}

impl Line {
    fn new() -> Self {
        Self {
            packets: Vec::new(),
            at: Instant::now(),
            timestamp: u32::MAX - 1000,
        }
    }

    /// Packets of 20 ms, the last one shorter if need be.
    fn send(mut self, bytes: &[u8]) -> Self {
        for payload in bytes.chunks(PACKET_LEN) {
            self.packets.push(Packet {
                at: self.at,
                timestamp: self.timestamp,
                payload: payload.to_vec(),
            });
            self.at += Duration::from_micros(125) * u32::try_from(payload.len()).unwrap();
            self.timestamp = self
                .timestamp
                .wrapping_add(payload.len().try_into().unwrap());
        }
        self
    }

    /// Nothing arrives; the sender counts on, or does not.
    fn pause(mut self, millis: u32, is_stamped: bool) -> Self {
        self.at += Duration::from_millis(millis.into());
        if is_stamped {
            self.timestamp = self.timestamp.wrapping_add(8 * millis);
        }
        self
    }
}

/// Noise that is another for each seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// 1.1 seconds with a beginning, a middle and an end of silence.
fn speech() -> Vec<u8> {
    let silence = [0xff; 800];
    [
        &silence,
        &noise(1, 3200)[..],
        &silence,
        &noise(2, 3200),
        &silence,
    ]
    .concat()
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn pause(offset: usize, lasts: u64, stamped: u64, other: usize) -> Pause {
    Pause {
        offset,
        lasts: millis(lasts),
        stamped: millis(stamped),
        other,
    }
}

#[test]
fn what_arrives_whole_is_found_where_it_is() {
    let (silence, other) = ([0xff; 1600], noise(3, 1000));
    for before in [&[], &silence[..], &other, &other[..40]] {
        let line = Line::new()
            .send(&[before, &speech()].concat())
            .send(&silence);
        let delivery = find(&line.packets, &speech()).unwrap();
        assert_eq!(
            (delivery.begins_at, delivery.len, delivery.pauses),
            (before.len(), speech().len(), vec![]),
        );
        let begins = before.len() / PACKET_LEN;
        let ends = (before.len() + speech().len() - 1) / PACKET_LEN;
        assert_eq!(delivery.begins, line.packets[begins].at);
        assert_eq!(delivery.ends, line.packets[ends].at);
    }
}

#[test]
fn pauses_are_seen_in_arrivals_in_timestamps_and_in_other_sounds() {
    let (speech, filler) = (speech(), noise(3, 1600));
    // Two bytes of the filler happen to be those that are expected.
    let alike = [&speech[2080..2082], &filler[2..]].concat();
    let parts = || Line::new().send(&speech[..2080]);
    let cases = [
        (parts(), vec![]),
        (parts().pause(19, false), vec![]),
        (parts().pause(20, false), vec![pause(2080, 20, 0, 0)]),
        (parts().pause(500, true), vec![pause(2080, 500, 500, 0)]),
        (parts().send(&filler), vec![pause(2080, 200, 200, 1600)]),
        (parts().send(&alike), vec![pause(2080, 200, 200, 1600)]),
        (
            parts().pause(300, true).send(&filler).pause(100, true),
            vec![pause(2080, 600, 600, 1600)],
        ),
        (parts().send(&[0xff; 160]), vec![pause(2080, 20, 20, 160)]),
    ];
    for (number, (line, pauses)) in cases.into_iter().enumerate() {
        let line = line.send(&speech[2080..]);
        let delivery = find(&line.packets, &speech).unwrap();
        assert_eq!(delivery.pauses, pauses, "case {number}");
        let longest = pauses.iter().map(|pause| pause.lasts).max();
        assert_eq!(delivery.longest_pause(), longest.unwrap_or_default());
    }
}

#[test]
fn several_pauses_and_what_is_left_in_a_packet_do_no_harm() {
    let speech = speech();
    let filler = noise(3, 320);
    let bytes = [
        &speech[..1000],
        &filler,
        &speech[1000..5555],
        &filler,
        &speech[5555..],
    ]
    .concat();
    let delivery = find(&Line::new().send(&bytes).packets, &speech).unwrap();
    let offsets: Vec<_> = delivery
        .pauses
        .iter()
        .map(|pause| (pause.offset, pause.other))
        .collect();
    assert_eq!(offsets, [(1000, 320), (5555, 320)]);
}

#[test]
fn what_is_wrong_is_named() {
    let speech = speech();
    let mut changed = speech.clone();
    changed[2000..2003].fill(0x11);
    let cases = [
        (noise(4, 8000), "nothing of it arrived"),
        (vec![], "nothing of it arrived"),
        (changed, "at 2000 there are 3 bytes changed"),
        (
            [&speech[..2000], &speech[2001..]].concat(),
            "at 2000 there are 1 bytes missing",
        ),
        (
            [&speech[..1600], &speech[1760..]].concat(),
            "at 1600 there are 160 bytes missing",
        ),
        (
            [&speech[..2000], &speech[1840..]].concat(),
            "at 2000 the last 160 bytes are repeated",
        ),
        (
            [&speech[..2000], &[1, 2, 3], &speech[2000..]].concat(),
            "at 2000 there are 3 bytes too many",
        ),
        (
            [&speech[..5000], &speech[5400..]].concat(),
            "at 5000 there are 400 bytes missing",
        ),
        (
            speech[1000..].to_vec(),
            "of its first 1120 bytes some are missing or changed",
        ),
        (speech[..8000].to_vec(), "only 8000 of 8800 bytes arrived"),
        (
            [&speech[..2000], &noise(5, 3000)].concat(),
            "only 2000 of 8800 bytes arrived",
        ),
        (
            [&speech[..], &speech[..]].concat(),
            "it begins again at byte 8800 of the stream",
        ),
    ];
    for (bytes, flaw) in cases {
        assert_eq!(
            find(&Line::new().send(&bytes).packets, &speech).unwrap_err(),
            flaw
        );
    }
}

#[test]
fn a_beginning_ends_where_it_was_cut_off() {
    let speech = speech();
    for (after, len) in [
        (&[][..], 2080),
        (&noise(5, 3000), 2080),
        (&[0xff; 800], 2080),
    ] {
        let line = Line::new().send(&speech[..2080]).send(after);
        let delivery = find_beginning(&line.packets, &speech).unwrap();
        assert_eq!((delivery.begins_at, delivery.len), (0, len));
        assert_eq!(delivery.ends, line.packets[12].at);
    }
}

const PACKET_LEN: usize = 160;
