//! Valid bytes in, nearly valid bytes out.

/// Sebastiano Vigna's [splitmix64](https://prng.di.unimi.it/splitmix64.c): good numbers from any seed, also from 0, 1, 2.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u32) -> Self {
        Self(seed.into())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end`, without it; 0 where there is none.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap().max(1);
        usize::try_from(self.next() % end).unwrap()
    }

    pub(super) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, choice: &[&'a T]) -> &'a T {
        choice[self.below(choice.len())]
    }
}

/// One of `seeds` with one to four mutations. Three times in four the first `header_len` bytes, by which
/// its reader knows it, stay as they are.
pub(super) fn mutated(seeds: &[&[u8]], header_len: usize, random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(seeds).to_vec();
    let kept_len = if random.one_in(4) { 0 } else { header_len };
    let mut rest = input.split_off(kept_len.min(input.len()));
    for _ in 0..=random.below(4) {
        mutate(&mut rest, random.pick(seeds), random);
    }
    input.extend(rest);
    input
}

/// Changes `input` once; `other` is where a splice takes its end from.
pub(super) fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = position(input, random);
    let range = at..(at + 1 + random.below(LONGEST_RANGE)).min(input.len());
    match random.below(10) {
        0 | 1 => change_byte(input, at, random),
        2 => drop(input.splice(at..at, random.next().to_le_bytes())),
        3 => drop(input.splice(at..at, one_of(TOKENS, '¦', random).bytes())),
        4 => drop(input.drain(range)),
        5 => {
            let times = if random.one_in(8) { 200 } else { 1 };
            let copy = input[range].repeat(times);
            input.splice(at..at, copy);
        }
        6 => {
            input.truncate(at);
            input.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        7 => replace_number(input, at, random),
        8 => replace_word(input, at, random),
        _ => input.truncate(at),
    }
}

/// Anywhere, but every other time near the beginning, where formats are at their most delicate.
fn position(input: &[u8], random: &mut Random) -> usize {
    let end = if random.one_in(2) {
        input.len().min(DELICATE_LEN)
    } else {
        input.len()
    };
    random.below(end + 1)
}

/// One bit of it, or all.
fn change_byte(input: &mut [u8], at: usize, random: &mut Random) {
    let whole = random.next().to_le_bytes()[0];
    let bit = 1 << random.below(8);
    if let Some(byte) = input.get_mut(at) {
        *byte ^= if random.one_in(2) { bit } else { whole };
    }
}

/// The next run of digits becomes a number at which some integer type ends.
fn replace_number(input: &mut Vec<u8>, at: usize, random: &mut Random) {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let Some(digits) = input[at..].iter().position(is_digit) else {
        return;
    };
    let start = at + digits;
    let len = input[start..]
        .iter()
        .take_while(|byte| is_digit(byte))
        .count();
    input.splice(start..start + len, one_of(NUMBERS, ' ', random).bytes());
}

/// Two or four bytes become a number of [`WORDS`] or one at which bits run out, in little-endian.
fn replace_word(input: &mut [u8], at: usize, random: &mut Random) {
    let word = if random.one_in(2) {
        WORDS[random.below(WORDS.len())]
    } else {
        (1 << random.below(33)) - u64::from(random.one_in(2))
    };
    let word = word.to_le_bytes();
    let len = if random.one_in(2) { 2 } else { 4 };
    if let Some(place) = input.get_mut(at..at + len) {
        place.copy_from_slice(&word[..len]);
    }
}

fn one_of(list: &'static str, parted_by: char, random: &mut Random) -> &'static str {
    let parts: Vec<_> = list.split(parted_by).collect();
    random.pick(&parts)
}

const LONGEST_RANGE: usize = 40;
/// The header of a WAV file; a line or two of AGI.
const DELICATE_LEN: usize = 64;

/// What the formats are made of, and what text and markdown can hold that is seldom thought of; separated by `¦`.
const TOKENS: &str = "\n¦\r\n¦\n\n¦ ¦\0¦\t¦:¦(¦)¦\"¦\\¦\\\"¦=¦,¦\
    result=¦200 ¦100 ¦510 ¦511 ¦520 ¦520-¦HANGUP\n¦agi_arg_1: ¦RIFF¦WAVE¦fmt ¦data¦LIST¦\
    null¦true¦[¦]¦{¦}¦\"\":¦\\u0000¦\\ud800¦\\n¦1e999¦s¦\
    **¦*¦_¦`¦```\n¦# ¦- ¦1. ¦> ¦| a |\n|-|\n¦[a](b)¦[^1]¦![¦<b>¦<!--¦</¦&amp;¦&#x110000;¦~~¦https://a.b/¦\
    \u{FEFF}¦\u{202E}¦\u{200D}¦\u{301}¦\u{2028}¦\u{85}¦\u{10FFFF}¦é¦世界。¦👩‍👩‍👧¦🇩🇪¦. ¦? ¦…¦Dr. ¦3. Mai";

/// Where number types end, and what is hardly a number any more; separated by spaces, and nothing is one too.
const NUMBERS: &str = " 0 -0 -1 00 1e5 0.5 1e999 1e-999 127 128 255 256 32767 32768 65535 65536 \
    2147483647 2147483648 4294967295 4294967296 9223372036854775807 9223372036854775808 \
    18446744073709551615 18446744073709551616 340282366920938463463374607431768211456";

/// What a header of a WAV file can say, or nearly.
const WORDS: &[u64] = &[
    3, 6, 14, 15, 17, 18, 24, 39, 40, 41, 0x31, 0x55, 7_999, 8_000, 11_025, 44_100, 48_000, 48_001,
    0xFFFE,
];
