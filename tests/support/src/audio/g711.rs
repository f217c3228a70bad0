//! G.711 decoders by the tables' rule, written for the tests alone.
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
pub fn decoded_mulaw(bytes: &[u8]) -> super::Clip {
    super::Clip::telephone(bytes.iter().map(|byte| from_mulaw(*byte)).collect())
}

/// Sign bit, segment (0 to 7) and step (0 to 15).
fn parts(byte: u8) -> (bool, u8, i16) {
    (byte & 0x80 != 0, byte >> 4 & 7, i16::from(byte & 15))
}

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
