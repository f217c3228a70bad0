//! G.711 by its tables: decoders by their rule, encoders by their decision values, written for the tests alone.
//!
//! Spec: ITU-T G.711, tables 1 and 2; the levels are scaled to 16 bits as in ITU-T G.191.

/// The 16-bit level of a mu-law byte, between −32,124 and 32,124.
pub fn from_mulaw(byte: u8) -> i16 {
    let (negative, segment, step) = parts(!byte);
    // 33 is the bias that makes every segment twice the one below; it is taken off again at the end.
    let magnitude = (((2 * step + 33) << segment) - 33) * 4;
    if negative { -magnitude } else { magnitude }
}

/// The 16-bit level of an A-law byte, between −32,256 and 32,256.
pub fn from_alaw(byte: u8) -> i16 {
    let (positive, segment, step) = parts(byte ^ 0x55);
    let magnitude = match segment {
        0 => (2 * step + 1) * 8,
        _ => ((2 * step + 33) << (segment - 1)) * 8,
    };
    if positive { magnitude } else { -magnitude }
}

/// A whole file of mu-law bytes.
pub fn decoded_mulaw(bytes: &[u8]) -> crate::Clip {
    crate::Clip::telephone(bytes.iter().map(|byte| from_mulaw(*byte)).collect())
}

/// The mu-law bytes of samples.
pub fn encoded_mulaw(samples: &[i16]) -> Vec<u8> {
    let decisions = decisions(MU_LAW, 4);
    let code = |&sample| sign(sample) | (0x7F - interval(&decisions, sample));
    samples.iter().map(code).collect()
}

/// The A-law bytes of samples.
pub fn encoded_alaw(samples: &[i16]) -> Vec<u8> {
    let decisions = decisions(A_LAW, 8);
    let code = |&sample| (sign(sample) | interval(&decisions, sample)) ^ 0x55;
    samples.iter().map(code).collect()
}

fn sign(sample: i16) -> u8 {
    if sample < 0 { 0x00 } else { 0x80 }
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

/// Sign bit, segment (0 to 7) and step (0 to 15).
fn parts(byte: u8) -> (bool, u8, i16) {
    (byte & 0x80 != 0, byte >> 4 & 7, i16::from(byte & 15))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mulaw_levels_are_those_of_the_table() {
        let cases = [
            (0x80, 32_124),
            (0x00, -32_124),
            (0xff, 0),
            (0x7f, 0),
            (0xfe, 8),
            (0x7e, -8),
            (0xef, 132),
            (0x8f, 16_764),
        ];
        for (byte, level) in cases {
            assert_eq!(from_mulaw(byte), level, "{byte:#04x}");
        }
    }

    #[test]
    fn alaw_levels_are_those_of_the_table() {
        let cases = [
            (0xd5, 8),
            (0x55, -8),
            (0xaa, 32_256),
            (0x2a, -32_256),
            (0xc5, 264),
            (0xf5, 528),
        ];
        for (byte, level) in cases {
            assert_eq!(from_alaw(byte), level, "{byte:#04x}");
        }
    }
}
