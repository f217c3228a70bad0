//! Short names for long texts: digests that are cut, and bytes in digits.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ring::digest::{SHA256, digest};

/// The first `len` bytes of the SHA-256 of `bytes`, at most 32, in letters and digits that may stand in a file's name.
pub(crate) fn short(bytes: &[u8], len: usize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&digest(&SHA256, bytes).as_ref()[..len])
}

/// Two hexadecimal digits for each byte, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_and_digits_are_those_that_files_are_named_by() {
        // The example of one block in FIPS 180-4: ba7816bf 8f01cfea….
        assert_eq!(short(b"abc", 6), "ungWv48B");
        assert_eq!(short(b"abc", 9), "ungWv48Bz-pB");
        assert_eq!(hex(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }
}
