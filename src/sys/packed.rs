//! What the build script has compressed: long texts that most calls never look at.
//!
//! The format is DEFLATE, [RFC 1951](https://www.rfc-editor.org/rfc/rfc1951), without a header.

use miniz_oxide::inflate::decompress_to_vec;

/// The bytes of a file that the build script has packed, by its name.
macro_rules! packed {
    ($name:expr) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/packed/", $name))
    };
}
pub(crate) use packed;

/// Returns the text that was packed.
pub(crate) fn text(packed: &[u8]) -> String {
    let text = decompress_to_vec(packed).expect("the build script packs whole files");
    String::from_utf8(text).expect("the build script packs texts as they are")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_text_is_the_file_that_it_was_and_takes_less_than_half_of_it() {
        let packed = packed!("providers.md");
        let file = include_str!("../manual/providers.md");
        assert_eq!(text(packed), file);
        assert!(packed.len() < file.len() / 2, "{}", packed.len());
    }
}
