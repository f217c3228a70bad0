//! G.711 against its own tables.

#![allow(clippy::print_stdout)]

use std::io::Write;
use std::process::{Command, Stdio};

use phone_assistant::audio::g711::{a_law, mu_law};

/// G.711 table 2a: the last decision value of each segment, in units of 14 bits, and the step inside the segment.
const MU_LAW: [(i32, i32); 8] = [
    (31, 2),
    (95, 4),
    (223, 8),
    (479, 16),
    (991, 32),
    (2_015, 64),
    (4_063, 128),
    (8_159, 256),
];

/// G.711 table 1a, in units of 13 bits; its first segment is twice as long as here and spans two.
const A_LAW: [(i32, i32); 8] = [
    (32, 2),
    (64, 2),
    (128, 4),
    (256, 8),
    (512, 16),
    (1_024, 32),
    (2_048, 64),
    (4_096, 128),
];

/// All decision values on the 16-bit scale: code n is used from the n-th on.
fn decisions(segments: [(i32, i32); 8], unit: i32) -> Vec<i32> {
    let mut decisions = vec![0];
    for (end, step) in segments {
        let mut value = decisions[decisions.len() - 1];
        // Mu-law's first interval has half the width of the others of its segment.
        value += if value == 0 && end % 2 == 1 {
            step / 2
        } else {
            step
        };
        while value <= end {
            decisions.push(value);
            value += step;
        }
    }
    decisions.truncate(128);
    assert_eq!(decisions.len(), 128);
    decisions.iter().map(|value| value * unit).collect()
}

/// The number of the interval that holds `sample`; intervals are closed below on the whole axis, so that a negative
/// one is closed at its far end, as G.191 does it.
fn interval(decisions: &[i32], sample: i16) -> u8 {
    let magnitude = if sample < 0 {
        -1 - i32::from(sample)
    } else {
        i32::from(sample)
    };
    u8::try_from(decisions.partition_point(|&decision| decision <= magnitude) - 1).unwrap()
}

fn reference_mu_law(decisions: &[i32], sample: i16) -> u8 {
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    sign | (0x7F - interval(decisions, sample))
}

fn reference_a_law(decisions: &[i32], sample: i16) -> u8 {
    let sign = if sample < 0 { 0x00 } else { 0x80 };
    (sign | interval(decisions, sample)) ^ 0x55
}

#[test]
fn mu_law_follows_the_decision_values_of_the_standard_for_every_sample() {
    let decisions = decisions(MU_LAW, 4);
    for sample in i16::MIN..=i16::MAX {
        assert_eq!(
            mu_law(sample),
            reference_mu_law(&decisions, sample),
            "sample {sample}"
        );
    }
}

#[test]
fn a_law_follows_the_decision_values_of_the_standard_for_every_sample() {
    let decisions = decisions(A_LAW, 8);
    for sample in i16::MIN..=i16::MAX {
        assert_eq!(
            a_law(sample),
            reference_a_law(&decisions, sample),
            "sample {sample}"
        );
    }
}

#[test]
fn well_known_samples_have_their_well_known_bytes() {
    let table = [
        (0, 0xFF, 0xD5),
        (-1, 0x7F, 0x55),
        (i16::MAX, 0x80, 0xAA),
        (i16::MIN, 0x00, 0x2A),
        (1_000, 0xCE, 0xFA),
        (-1_000, 0x4E, 0x7A),
    ];
    for (sample, mu, a) in table {
        assert_eq!((mu_law(sample), a_law(sample)), (mu, a), "sample {sample}");
    }
}

#[test]
fn ffmpeg_differs_for_964_samples_and_only_by_the_neighbouring_code() {
    let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let laws: [fn(i16) -> u8; 2] = [mu_law, a_law];
    for (codec, ours) in ["mulaw", "alaw"].into_iter().zip(laws) {
        let Some(theirs) = ffmpeg_encoded(codec, &samples) else {
            return println!("skipped: there is no ffmpeg here");
        };
        let pairs = samples
            .iter()
            .zip(theirs)
            .map(|(&sample, theirs)| (sample, ours(sample), theirs));
        let different: Vec<_> = pairs.filter(|(_, ours, theirs)| ours != theirs).collect();
        assert_eq!(different.len(), 964, "{codec}");
        let silence = ours(0);
        for (sample, ours, theirs) in different {
            assert_eq!(
                (ours ^ silence).abs_diff(theirs ^ silence),
                1,
                "{codec} of {sample}"
            );
        }
    }
}

fn ffmpeg_encoded(codec: &str, samples: &[i16]) -> Option<Vec<u8>> {
    let arguments = [
        "-v", "error", "-f", "s16le", "-ar", "8000", "-i", "-", "-f", codec, "-",
    ];
    let mut child = Command::new("ffmpeg")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let bytes: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let mut input = child.stdin.take()?;
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    output.status.success().then_some(output.stdout)
}
