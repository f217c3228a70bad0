//! Text out of files that people make with whatever editor they have: Windows' tools write UTF-16 or put a byte order
//! mark first, DOS ends a file with Control-Z, and an old Mac ends lines with CR alone.

use std::io;
use std::path::Path;

use super::reading::read;
use crate::sys::plain::BYTE_ORDER_MARK;

/// Why the bytes of a file are not taken for text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotText {
    /// Bytes that UTF-8 does not have.
    #[error(
        "line {0} is not UTF-8 text, as in a file that was saved as Latin-1 or Windows-1252; save it as UTF-8"
    )]
    OtherEncoding(usize),
    /// UTF-16 that breaks off or holds what is no character, or UTF-32.
    #[error("it is damaged UTF-16 or UTF-32; save it as UTF-8")]
    DamagedUnicode,
    /// ASN.1, which keys and certificates are written in where they are not PEM.
    #[error("it is binary (DER), as a .p12, .pfx or .der file is; the same as PEM is text")]
    Der,
    /// Anything else that holds NUL bytes.
    #[error("it is binary, and no text")]
    Binary,
}

/// Reads a text file of at most `limit` bytes.
///
/// # Errors
/// As [`read`], or [`NotText`] inside of an error of the kind `InvalidData`.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    decode(&read(path, limit)?).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))
}

/// Returns the text with `\n` at the end of its lines, and without byte order mark and what DOS puts at the end.
pub(crate) fn decode(bytes: &[u8]) -> Result<String, NotText> {
    let text = match bytes {
        // A mark of UTF-32 may begin as that of UTF-16 does, so it is looked for first.
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(NotText::DamagedUnicode),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        // Two characters of ASCII, without a mark.
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => {
            utf16(bytes, u16::from_le_bytes)?
        }
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => {
            utf16(bytes, u16::from_be_bytes)?
        }
        _ => utf8(bytes)?,
    };
    let text = text.trim_start_matches(BYTE_ORDER_MARK);
    let text = text.trim_end_matches(['\0', '\u{1a}']);
    if text.contains('\0') {
        return Err(NotText::Binary);
    }
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, NotText> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<_> = pairs.iter().map(|pair| unit(*pair)).collect();
    match String::from_utf16(&units) {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err(NotText::DamagedUnicode),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, NotText> {
    let Err(error) = std::str::from_utf8(bytes) else {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    };
    let before = &bytes[..error.valid_up_to()];
    match bytes {
        // A sequence with a length of two or more bytes, or of an unknown one.
        [0x30, 0x80 | 0x82 | 0x83, ..] => Err(NotText::Der),
        _ if bytes.contains(&0) => Err(NotText::Binary),
        _ => {
            let lines = before.split(|byte| *byte == b'\n');
            Err(NotText::OtherEncoding(lines.count()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn text_of_any_editor_is_read() {
        let table = [
            ("nothing", Vec::new(), ""),
            ("UTF-8", "ü = 1\n".into(), "ü = 1\n"),
            ("a byte order mark", "\u{feff}a\n".into(), "a\n"),
            ("two of them", "\u{feff}\u{feff}a".into(), "a"),
            ("lines of Windows", "a\r\nb\r\n".into(), "a\nb\n"),
            ("lines of an old Mac", "a\rb\r".into(), "a\nb\n"),
            ("the end of a DOS file", "a\n\u{1a}".into(), "a\n"),
            ("NUL bytes at the end", "a\n\0\0\0".into(), "a\n"),
            (
                "UTF-16 of PowerShell",
                wide("\u{feff}ü = 1\r\n", u16::to_le_bytes),
                "ü = 1\n",
            ),
            (
                "UTF-16, big end first",
                wide("\u{feff}ü = 1\n", u16::to_be_bytes),
                "ü = 1\n",
            ),
            (
                "UTF-16 without a mark",
                wide("ab=ü", u16::to_le_bytes),
                "ab=ü",
            ),
            (
                "the same, big end first",
                wide("ab=ü", u16::to_be_bytes),
                "ab=ü",
            ),
        ];
        for (name, bytes, expected) in table {
            assert_eq!(decode(&bytes).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_is_no_text_is_named() {
        let table = [
            (
                "Latin-1",
                b"a = 1\nb = \"\xfc\"\n".to_vec(),
                NotText::OtherEncoding(2),
            ),
            (
                "UTF-16 cut short",
                b"\xff\xfea\0b".to_vec(),
                NotText::DamagedUnicode,
            ),
            (
                "half a pair",
                b"\xff\xfe\x00\xd8a\0".to_vec(),
                NotText::DamagedUnicode,
            ),
            (
                "UTF-32",
                b"\xff\xfe\0\0a\0\0\0".to_vec(),
                NotText::DamagedUnicode,
            ),
            (
                "PKCS #12",
                b"\x30\x82\x0a\x01\x02\x01\x03\xff".to_vec(),
                NotText::Der,
            ),
            (
                "a program",
                b"\x7fELF\x02\xff\0\0".to_vec(),
                NotText::Binary,
            ),
            ("a NUL byte inside", b"abc\0d".to_vec(), NotText::Binary),
        ];
        for (name, bytes, expected) in table {
            assert_eq!(decode(&bytes), Err(expected), "{name}");
        }
    }
}
