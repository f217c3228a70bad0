//! What a file is, by its first bytes: neither its name nor what a server calls it is believed.

/// What begins with some bytes. The text is what people call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A WAV file.
    Wav,
    /// MPEG-4, which must be read from its end where it cannot be streamed.
    M4a,
    /// Another sound file that is read.
    Coded(&'static str),
    /// A kind that is not read. Samples do not begin like it by chance.
    Foreign(&'static str),
    /// Perhaps bare samples, perhaps nothing that is known.
    Unknown(&'static str),
}

impl Kind {
    /// The kind of what begins with `head`, best of [`HEAD_BYTES`].
    pub(super) fn of(head: &[u8]) -> Self {
        let is_there = |at: usize, magic: &[u8]| head.get(at..).unwrap_or(&[]).starts_with(magic);
        if is_there(0, b"RIFF") && is_there(8, b"WAVE") {
            return Self::Wav;
        }
        let words = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head);
        let row = MAGIC.iter().find(|(at, magic, _)| is_there(*at, magic));
        row.map(|(_, _, kind)| *kind)
            .or_else(|| mpeg(head))
            .or_else(|| markup(words))
            .unwrap_or_else(|| text(words))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Wav => "a WAV file",
            Self::M4a => "an M4A file",
            Self::Coded(name) | Self::Foreign(name) | Self::Unknown(name) => name,
        }
    }
}

/// The sync word of an MPEG frame, then fields whose values exist: ISO/IEC 11172-3, 2.4.1.3, and for AAC 13818-7, 6.2.
fn mpeg(head: &[u8]) -> Option<Kind> {
    let &[0xFF, second, third, ..] = head else {
        return None;
    };
    let has_rates = (1..15).contains(&(third >> 4)) && third & 0x0C != 0x0C;
    match second {
        0xE2 | 0xE3 | 0xF2 | 0xF3 | 0xFA | 0xFB if has_rates => Some(Kind::Coded(MP3)),
        0xF0 | 0xF1 | 0xF8 | 0xF9 if (third >> 2) & 0x0F < AAC_RATES => {
            Some(Kind::Coded("an AAC file"))
        }
        _ => None,
    }
}

fn markup(head: &[u8]) -> Option<Kind> {
    match head {
        [b'{' | b'[', b' ' | b'"' | b'\n' | b'\r' | b'{' | b'}', ..] => Some(Kind::Foreign("JSON")),
        [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => Some(Kind::Foreign("HTML or XML")),
        _ => None,
    }
}

/// Text is not samples. Quiet ones are told from it by their upper bytes, which are control characters or no UTF-8.
fn text(head: &[u8]) -> Kind {
    let whole = match std::str::from_utf8(head) {
        Ok(_) => head,
        // A character is cut at the end.
        Err(fault) if fault.error_len().is_none() => &head[..fault.valid_up_to()],
        Err(_) => return Kind::Unknown("an unknown kind of file"),
    };
    let is_text = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    match whole.iter().all(is_text) {
        true if whole.is_empty() => Kind::Unknown("nothing"),
        true => Kind::Foreign("text"),
        false => Kind::Unknown("an unknown kind of file"),
    }
}

/// How many first bytes tell the kind, at most: an Ogg page's head, and the name of the coding in it.
pub(super) const HEAD_BYTES: u64 = 36;

/// Where which bytes stand, and what they tell. The first row that fits counts.
const MAGIC: &[(usize, &[u8], Kind)] = &[
    (0, b"RF64", Kind::Foreign("an RF64 file")),
    (0, b"riff\x2E\x91\xCF\x11", Kind::Foreign("a Wave64 file")),
    (
        0,
        b"RIFF",
        Kind::Foreign("a RIFF file that is not WAV, or one cut short"),
    ),
    (0, b"ID3", Kind::Coded(MP3)),
    (28, b"Speex", Kind::Foreign("an Ogg Speex file")),
    (0, b"OggS", Kind::Coded("an Ogg file")),
    (0, b"fLaC", Kind::Coded("a FLAC file")),
    (4, b"ftyp3g", Kind::Foreign("a 3GP file")),
    (4, b"ftyp", Kind::M4a),
    (0, b"#!AMR", Kind::Foreign("an AMR file")),
    (0, b"FORM", Kind::Foreign("an AIFF file")),
    (0, b".snd", Kind::Foreign("an AU file")),
    (0, b"caff", Kind::Foreign("a CAF file")),
    (0, b"\x30\x26\xB2\x75\x8E\x66", Kind::Foreign("a WMA file")),
    (
        0,
        b"\x1A\x45\xDF\xA3",
        Kind::Foreign("a WebM or Matroska file"),
    ),
];

const MP3: &str = "an MP3 file";

/// Indices of sampling frequencies from here on are reserved, or followed by the frequency itself.
const AAC_RATES: u8 = 13;

/// What some programs write in front of a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_told_by_its_beginning() {
        let table: [(&[u8], &str); 30] = [
            (b"RIFF\xFF\xFF\xFF\xFFWAVEfmt ", "a WAV file"),
            (
                b"RIFF\0\0\0\0AVI LIST",
                "a RIFF file that is not WAV, or one cut short",
            ),
            (b"ID3\x04\0\0\0\0\0\0", "an MP3 file"),
            (b"\xFF\xFB\x90\x64", "an MP3 file"),
            (b"\xFF\xE3\x18\xC4", "an MP3 file"),
            // An MP2 file, or quiet samples.
            (b"\xFF\xFD\x80\x04", "an unknown kind of file"),
            (b"\xFF\xF1\x50\x80", "an AAC file"),
            (b"\xFF\xF9\x5C\x40", "an AAC file"),
            (b"OggS\0\x02", "an Ogg file"),
            (b"fLaC\0\0\0\x22", "a FLAC file"),
            (b"\0\0\0\x20ftypM4A ", "an M4A file"),
            (b"{\"error\": 1}", "JSON"),
            (b"<html>", "HTML or XML"),
            (b"#!AMR\n", "an AMR file"),
            (b"RF64\xFF\xFF\xFF\xFFWAVE", "an RF64 file"),
            (b"riff\x2E\x91\xCF\x11\xA5\xD6", "a Wave64 file"),
            (
                b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01PSpeex   ",
                "an Ogg Speex file",
            ),
            (b"\0\0\0\x18ftyp3gp4", "a 3GP file"),
            (b"FORM\0\0\0\0AIFFCOMM", "an AIFF file"),
            (b".snd\0\0\0\x18", "an AU file"),
            (b"caff\0\x01\0\0", "a CAF file"),
            (b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", "a WMA file"),
            (b"Bad Gateway", "text"),
            (b"null", "text"),
            ("Schlüssel ungültig".as_bytes(), "text"),
            // Cut in the middle of a character.
            (b"Schl\xC3", "text"),
            (b"\xEF\xBB\xBF<!DOCTYPE html>", "HTML or XML"),
            (b"", "nothing"),
            (b"\0\0\0\0", "an unknown kind of file"),
            // Sync words of no stream: a bit rate, a rate and a layer that do not exist.
            (b"\xFF\xFB\xF0\x00", "an unknown kind of file"),
        ];
        for (head, name) in table {
            assert_eq!(Kind::of(head).name(), name, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn quiet_samples_are_no_file() {
        for sample in -2_000_i16..2_000 {
            let head = [sample, sample, sample, sample]
                .map(i16::to_le_bytes)
                .concat();
            assert!(matches!(Kind::of(&head), Kind::Unknown(_)), "{sample}");
        }
    }
}
