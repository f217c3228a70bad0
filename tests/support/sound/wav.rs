//! WAV files: as Asterisk leaves them, as streaming services send them, and with headers gone wrong.
//!
//! Only mono 16-bit PCM is written. Spec: Multimedia Programming Interface and Data Specifications 1.0 (1991).

use std::path::Path;

use crate::Clip;

/// How a header departs from the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The 44 bytes that Asterisk leaves after `StopMixMonitor`.
    Right,
    /// RIFF and data sizes 0: Asterisk's while it is still recording.
    SizesZero,
    /// RIFF and data sizes 0xFFFFFFFF: a service that does not know them yet.
    SizesUnknown,
    /// A data size larger than what follows.
    DataTooLong,
    /// A `LIST` chunk before the data.
    ListBeforeData,
    /// `WAVE_FORMAT_EXTENSIBLE`.
    Extensible,
}

/// A clip as a WAV file with such a header.
pub fn with_header(clip: &Clip, header: Header) -> Vec<u8> {
    let data = bytes_of(&clip.samples);
    let data_len = u32::try_from(data.len()).unwrap();
    let mut chunks = chunk("fmt ", &format(clip.rate_hz, header));
    if matches!(header, Header::ListBeforeData | Header::SizesUnknown) {
        chunks.extend(chunk("LIST", b"INFOISFT\x0e\0\0\0Lavf58.29.100\0"));
    }
    let riff_len = u32::try_from(4 + chunks.len() + 8).unwrap() + data_len;
    let (riff_len, data_len) = match header {
        Header::SizesZero => (0, 0),
        Header::SizesUnknown => (u32::MAX, u32::MAX),
        Header::DataTooLong => (riff_len, data_len + 100_000),
        _ => (riff_len, data_len),
    };
    let riff_len = riff_len.to_le_bytes();
    let data_len = data_len.to_le_bytes();
    [
        b"RIFF",
        &riff_len,
        b"WAVE",
        chunks.as_slice(),
        b"data",
        &data_len,
        &data,
    ]
    .concat()
}

/// A clip as services send it while they are still speaking.
pub fn streamed(clip: &Clip) -> Vec<u8> {
    with_header(clip, Header::SizesUnknown)
}

/// Writes a clip as a plain WAV file.
pub fn write(path: &Path, clip: &Clip) {
    std::fs::write(path, with_header(clip, Header::Right))
        .unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
}

/// Reads a WAV file that is known to be mono 16-bit PCM.
pub fn read(path: &Path) -> Clip {
    let bytes =
        std::fs::read(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()));
    parse(&bytes).unwrap_or_else(|| panic!("{} is no mono 16-bit PCM WAV file", path.display()))
}

/// Samples as little-endian bytes.
pub fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}

/// Little-endian bytes as samples; a single byte at the end is dropped.
pub fn samples_of(bytes: &[u8]) -> Vec<i16> {
    bytes
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// The clip in a WAV file; `None` if it is not mono 16-bit PCM.
pub fn parse(bytes: &[u8]) -> Option<Clip> {
    let mut rest = bytes
        .strip_prefix(b"RIFF")?
        .get(4..)?
        .strip_prefix(b"WAVE")?;
    let mut rate_hz = None;
    loop {
        let (head, body) = rest.split_at_checked(8)?;
        let len = usize::try_from(u32::from_le_bytes(head[4..].try_into().ok()?)).ok()?;
        match &head[..4] {
            b"fmt " if body.get(2..4)? == [1, 0] && body.get(14..16)? == [16, 0] => {
                rate_hz = Some(u32::from_le_bytes(body.get(4..8)?.try_into().ok()?));
            }
            b"data" => {
                let data = body.get(..len).unwrap_or(body);
                return Some(Clip {
                    rate_hz: rate_hz?,
                    samples: samples_of(data),
                });
            }
            _ => {}
        }
        rest = body.get(len + len % 2..)?;
    }
}

fn format(rate_hz: u32, header: Header) -> Vec<u8> {
    let rate = rate_hz.to_le_bytes();
    let byte_rate = (2 * rate_hz).to_le_bytes();
    let tag = if header == Header::Extensible {
        [0xfe, 0xff]
    } else {
        [1, 0]
    };
    let mut format = [&tag[..], &[1, 0], &rate, &byte_rate, &[2, 0, 16, 0]].concat();
    if header == Header::Extensible {
        format.extend_from_slice(&[22, 0, 16, 0, 4, 0, 0, 0]);
        format.extend_from_slice(&PCM_GUID);
    }
    format
}

fn chunk(name: &str, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap().to_le_bytes();
    [name.as_bytes(), &len, body].concat()
}

/// `KSDATAFORMAT_SUBTYPE_PCM` of Windows' ksmedia.h.
const PCM_GUID: [u8; 16] = [
    1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let clip = Clip {
            rate_hz: 24_000,
            samples: vec![1, -2, i16::MAX, i16::MIN],
        };
        for header in [
            Header::Right,
            Header::SizesUnknown,
            Header::DataTooLong,
            Header::ListBeforeData,
            Header::Extensible,
        ] {
            assert_eq!(
                parse(&with_header(&clip, header)),
                Some(clip.clone()),
                "{header:?}"
            );
        }
        assert_eq!(with_header(&clip, Header::Right).len(), 44 + 8);
    }
}
