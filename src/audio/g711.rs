//! G.711: one 16-bit sample to one byte of mu-law or A-law, the two codes of the telephone network.
//!
//! Encoding only; Asterisk decodes. A magnitude is cut into eight segments, each twice as wide as the one
//! before, and each into sixteen equal steps. A sample that lies on a decision value goes to the step above
//! it on the whole axis, from −32,768 to 32,767, as in the ITU's own software: a negative one therefore to the
//! step nearer to zero.
//!
//! ffmpeg differs from the standard for 964 of the 65,536 samples, in either law, by one step. It drops the two lowest
//! bits of a sample by rounding down, which takes negative samples away from zero, so that up to three too many of them
//! reach the next step; and it puts the seven borders between segments halfway between two decoded values, which is
//! beyond the decision value, because the step above a border is twice as wide. Both are far below the step itself.
//!
//! Specification: [ITU-T G.711](https://www.itu.int/rec/T-REC-G.711), tables 1a to 2b, and the reference software
//! of [ITU-T G.191](https://www.itu.int/rec/T-REC-G.191).

/// A sample in mu-law, as used in North America and Japan.
pub fn mu_law(sample: i16) -> u8 {
    let biased = magnitude(sample).min(MU_LAW_CLIP) + MU_LAW_BIAS;
    let segment = segment(biased);
    let step = (biased >> (segment + 3)) & 0x0F;
    low_byte(!(sign(sample) | segment << 4 | step))
}

/// A sample in A-law, as used everywhere else.
pub fn a_law(sample: i16) -> u8 {
    let magnitude = magnitude(sample);
    let segment = segment(magnitude);
    // The two lowest segments share one step size.
    let step = (magnitude >> (segment.max(1) + 3)) & 0x0F;
    low_byte((sign(sample) | segment << 4 | step) ^ A_LAW_TOGGLE)
}

/// How far from zero the sample is that a mu-law code stands for.
pub fn mu_law_magnitude(code: u8) -> u16 {
    // 0x84 is the bias of 132 that the encoder adds: it stands for the leading bit, and is taken off after the shift.
    let code = u16::from(!code);
    (((code & 0x0F) << 3 | 0x84) << ((code >> 4) & 0x07)) - 0x84
}

/// The same of an A-law code.
pub fn a_law_magnitude(code: u8) -> u16 {
    let code = u16::from(code ^ 0x55);
    // A code stands for the middle of its step of 16, hence the 8; 0x100 is the leading bit that the segment implies.
    let (segment, step) = ((code >> 4) & 0x07, (code & 0x0F) << 4);
    match segment {
        0 => step + 8,
        _ => (step + 0x108) << (segment - 1),
    }
}

/// The sample that a code of either law and its magnitude stand for, on the scale of −1.0 to 1.0.
pub fn signed(code: u8, magnitude: u16) -> f32 {
    let size = f32::from(magnitude) / 32_768.0;
    // In either law the uppermost bit is set for what is above zero.
    if code & 0x80 == 0 { -size } else { size }
}

/// The one's complement magnitude, so that −1 mirrors 0.
fn magnitude(sample: i16) -> u32 {
    u32::from((sample ^ (sample >> 15)).cast_unsigned())
}

/// Which doubling of 256 the magnitude lies below: 0 for less than 256, 7 from 16,384 on.
fn segment(magnitude: u32) -> u32 {
    24 - (magnitude | 0xFF).leading_zeros()
}

fn sign(sample: i16) -> u32 {
    if sample < 0 { 0x80 } else { 0 }
}

fn low_byte(code: u32) -> u8 {
    let [byte, ..] = code.to_le_bytes();
    byte
}

/// 33 in G.711's 14-bit scale: with it every segment begins at a power of two.
const MU_LAW_BIAS: u32 = 33 << 2;

/// The last magnitude that keeps 13 bits once biased; G.711's virtual decision value is 8,159.
const MU_LAW_CLIP: u32 = (8_159 << 2) - 1;

/// G.711 inverts the even bits for the line's sake, and its sign bit is set for positive samples.
const A_LAW_TOGGLE: u32 = 0x55 | 0x80;
