//! Bodies that servers compress although they were not asked to: `gzip` and `deflate`
//! (<https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1>). How much may come of one is left to who reads it.

use std::io::{self, ErrorKind, Read};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use ureq::http::HeaderMap;

/// A body as it was before it was compressed, if it was.
pub(super) struct Unpacked<R> {
    body: R,
    /// `None` where nothing is compressed.
    state: Option<Box<InflateState>>,
    /// Whether the header of gzip is still to come.
    has_header: bool,
    /// What has arrived and was not unpacked yet.
    packed: Vec<u8>,
    has_ended: bool,
}

impl<R: Read> Unpacked<R> {
    /// The `body` of an answer with these headers.
    pub(super) fn of(headers: &HeaderMap, body: R) -> Self {
        let coding = headers.get("content-encoding");
        let coding = coding.and_then(|value| value.to_str().ok()).unwrap_or("");
        let coding = coding.trim().to_ascii_lowercase();
        let format = match coding.as_str() {
            "gzip" | "x-gzip" => Some(DataFormat::Raw),
            "deflate" => Some(DataFormat::Zlib),
            _ => None,
        };
        Self {
            body,
            state: format.map(InflateState::new_boxed),
            has_header: format == Some(DataFormat::Raw),
            packed: Vec::new(),
            has_ended: false,
        }
    }

    /// Takes in more of the body, which has not ended yet.
    fn receive(&mut self) -> io::Result<()> {
        let mut block = [0; BLOCK_BYTES];
        match self.body.read(&mut block)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            len => {
                self.packed.extend_from_slice(&block[..len]);
                Ok(())
            }
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.has_header {
            match end_of_header(&self.packed) {
                Some(end) => {
                    self.packed.drain(..end);
                    self.has_header = false;
                }
                None if self.packed.len() > BLOCK_BYTES => {
                    return Err(ErrorKind::InvalidData.into());
                }
                None => self.receive()?,
            }
        }
        while !self.has_ended {
            let Some(state) = &mut self.state else {
                return self.body.read(into);
            };
            let step = inflate(state, &self.packed, into, MZFlush::None);
            self.packed.drain(..step.bytes_consumed);
            self.has_ended = step.status == Ok(MZStatus::StreamEnd);
            if self.has_ended {
                // A connection is kept only if its body was read to the end. Behind the last block stands a checksum.
                io::copy(&mut (&mut self.body).take(MAX_REST), &mut io::sink())?;
            }
            match step.status {
                _ if step.bytes_written > 0 => return Ok(step.bytes_written),
                Ok(MZStatus::StreamEnd) => {}
                Ok(_) | Err(MZError::Buf) => self.receive()?,
                Err(_) => return Err(ErrorKind::InvalidData.into()),
            }
        }
        Ok(0)
    }
}

/// The length of the header of gzip that `bytes` begin with, if it is whole: <https://www.rfc-editor.org/rfc/rfc1952>.
fn end_of_header(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    let mut end = 10;
    if flags & HAS_EXTRA != 0 {
        let len = bytes.get(end..end + 2)?;
        end += 2 + usize::from(u16::from_le_bytes([len[0], len[1]]));
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            end += bytes.get(end..)?.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    end += if flags & HAS_CHECKSUM == 0 { 0 } else { 2 };
    (bytes.len() >= end).then_some(end)
}

/// The flags of a header of gzip.
const HAS_CHECKSUM: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;

const BLOCK_BYTES: usize = 16 * 1024;

/// Far more than what stands behind the last block.
const MAX_REST: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

    /// A body that comes byte by byte.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let len = self.0.len().min(into.len()).min(1);
            self.0.read(&mut into[..len])
        }
    }

    fn read(coding: &str, body: &[u8]) -> Result<String, ErrorKind> {
        let mut headers = HeaderMap::new();
        headers.insert("content-encoding", coding.parse().expect("a header"));
        let mut text = String::new();
        let read = Unpacked::of(&headers, Slow(body)).read_to_string(&mut text);
        read.map(|_| text).map_err(|error| error.kind())
    }

    #[test]
    fn a_body_is_unpacked_as_its_header_tells() {
        let text = "data: {\"words\": \"Lisbon. Lisbon.\"}\n\n".repeat(2000);
        let raw = compress_to_vec(text.as_bytes(), 6);
        let gzip = |flags: u8, header: &[u8]| {
            let start = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3];
            [&start, header, &raw, &[0; 8]].concat()
        };
        let zlib = compress_to_vec_zlib(text.as_bytes(), 6);
        let plain = text.as_bytes().to_vec();
        let whole = Ok(text.clone());
        let cut = gzip(0, b"")[..raw.len()].to_vec();
        let table = [
            ("gzip", gzip(0, b""), whole.clone()),
            ("x-gzip", gzip(0, b""), whole.clone()),
            (" GZIP", gzip(HAS_NAME, b"name\0"), whole.clone()),
            (
                "gzip",
                gzip(
                    HAS_EXTRA | HAS_NAME | HAS_COMMENT | HAS_CHECKSUM,
                    b"\x02\0xxname\0\0cc",
                ),
                whole.clone(),
            ),
            ("deflate", zlib, whole.clone()),
            ("identity", plain.clone(), whole.clone()),
            ("", plain.clone(), whole),
            ("gzip", cut, Err(ErrorKind::UnexpectedEof)),
            ("gzip", Vec::new(), Err(ErrorKind::UnexpectedEof)),
            ("deflate", plain, Err(ErrorKind::InvalidData)),
            (
                "gzip",
                gzip(HAS_NAME, &vec![b'x'; 2 * BLOCK_BYTES]),
                Err(ErrorKind::InvalidData),
            ),
        ];
        for (at, (coding, body, expected)) in table.into_iter().enumerate() {
            assert_eq!(read(coding, &body), expected, "row {at}, {coding}");
        }
    }
}
