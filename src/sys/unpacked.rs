//! What others have compressed: bodies of servers that were not asked to, by `gzip` and `deflate`
//! (<https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1>), and logs that are rotated. How much may come of one is left
//! to who reads it.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};

use miniz_oxide::inflate::stream::{InflateState, MinReset, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// A body as it was before it was compressed, if it was.
pub(crate) struct Unpacked<R> {
    body: BufReader<R>,
    /// `None` where nothing is compressed.
    state: Option<Box<InflateState>>,
    is_gzip: bool,
    next: Next,
}

/// What comes next in a compressed body. One of gzip has members, each with a header and a checksum.
#[derive(Clone, Copy)]
enum Next {
    Start,
    Blocks,
    Checksum,
    Nothing,
}

impl<R: Read> Unpacked<R> {
    /// The `body` that is compressed by this coding, as servers name it.
    pub(crate) fn of(coding: &str, body: R) -> Self {
        let format = match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(DataFormat::Raw),
            "deflate" => Some(DataFormat::Zlib),
            _ => None,
        };
        Self {
            body: BufReader::with_capacity(BLOCK_BYTES, body),
            state: format.map(InflateState::new_boxed),
            is_gzip: format == Some(DataFormat::Raw),
            next: Next::Start,
        }
    }

    /// Begins what is compressed, or its next member. An empty body is an empty one in each coding.
    fn start(&mut self) -> io::Result<Next> {
        if self.body.fill_buf()?.is_empty() {
            return Ok(Next::Nothing);
        }
        if self.is_gzip {
            self.skip_header()?;
        }
        Ok(Next::Blocks)
    }

    /// Skips the header of a member: <https://www.rfc-editor.org/rfc/rfc1952>.
    fn skip_header(&mut self) -> io::Result<()> {
        let mut header = [0; 10];
        for byte in &mut header {
            *byte = self.byte()?;
        }
        if !header.starts_with(&MAGIC) {
            return Err(ErrorKind::InvalidData.into());
        }
        let flags = header[3];
        if flags & HAS_EXTRA != 0 {
            for _ in 0..u16::from_le_bytes([self.byte()?, self.byte()?]) {
                self.byte()?;
            }
        }
        for text in [HAS_NAME, HAS_COMMENT] {
            if flags & text != 0 {
                self.skip_text()?;
            }
        }
        if flags & HAS_CHECKSUM != 0 {
            self.byte()?;
            self.byte()?;
        }
        Ok(())
    }

    fn skip_text(&mut self) -> io::Result<()> {
        for _ in 0..BLOCK_BYTES {
            if self.byte()? == 0 {
                return Ok(());
            }
        }
        Err(ErrorKind::InvalidData.into())
    }

    /// Skips what stands behind the last block, up to another member. All that it held has been handed over, so no error
    /// harms any more.
    fn skip_checksum(&mut self) -> Next {
        let is_whole = (0..CHECKSUM_BYTES).all(|_| self.is_gzip && self.byte().is_ok());
        let more = self.body.fill_buf().unwrap_or_default();
        if is_whole && more.first() == MAGIC.first() {
            return Next::Start;
        }
        // A connection is kept only if its body was read to the end.
        io::copy(&mut (&mut self.body).take(MAX_REST), &mut io::sink()).ok();
        Next::Nothing
    }

    fn byte(&mut self) -> io::Result<u8> {
        let byte = self.body.fill_buf()?.first().copied();
        self.body.consume(1);
        byte.ok_or_else(cut)
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(state) = &mut self.state else {
                return self.body.read(into);
            };
            match self.next {
                Next::Start => {
                    state.reset_as(MinReset);
                    self.next = self.start()?;
                }
                Next::Blocks => {
                    let step = inflate(state, self.body.buffer(), into, MZFlush::None);
                    self.body.consume(step.bytes_consumed);
                    if step.status == Ok(MZStatus::StreamEnd) {
                        self.next = Next::Checksum;
                    }
                    match step.status {
                        _ if step.bytes_written > 0 => return Ok(step.bytes_written),
                        Ok(MZStatus::StreamEnd) => {}
                        Ok(_) | Err(MZError::Buf) if self.body.fill_buf()?.is_empty() => {
                            return Err(cut());
                        }
                        Ok(_) | Err(MZError::Buf) => {}
                        Err(_) => return Err(ErrorKind::InvalidData.into()),
                    }
                }
                Next::Checksum => self.next = self.skip_checksum(),
                Next::Nothing => return Ok(0),
            }
        }
    }
}

/// With words, since an end without any is that of a handshake with a server.
fn cut() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "its compressed body breaks off")
}

/// How a member of gzip begins whose blocks are those of deflate.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// The flags of a header of gzip.
const HAS_CHECKSUM: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;

/// The length of a checksum and of a size.
const CHECKSUM_BYTES: usize = 8;

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
        let mut text = String::new();
        let read = Unpacked::of(coding, Slow(body)).read_to_string(&mut text);
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
            ("", plain.clone(), whole.clone()),
            ("gzip", cut.clone(), Err(ErrorKind::UnexpectedEof)),
            (
                "gzip",
                gzip(0, b"")[..4].to_vec(),
                Err(ErrorKind::UnexpectedEof),
            ),
            ("gzip", Vec::new(), Ok(String::new())),
            ("deflate", Vec::new(), Ok(String::new())),
            ("gzip", gzip(0, b"").repeat(2), Ok(text.repeat(2))),
            (
                "gzip",
                [gzip(0, b""), cut].concat(),
                Err(ErrorKind::UnexpectedEof),
            ),
            ("gzip", [gzip(0, b""), vec![0; 99]].concat(), whole.clone()),
            ("gzip", plain.clone(), Err(ErrorKind::InvalidData)),
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
    /// A body whose connection fails at its end.
    struct Failing<'a>(&'a [u8]);

    impl Read for Failing<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(ErrorKind::ConnectionReset.into()),
                len => Ok(len),
            }
        }
    }

    #[test]
    fn what_was_unpacked_is_handed_over_before_the_connection_is_looked_at_again() {
        let member = [
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
            &compress_to_vec(b"Lisbon.", 6)[..],
        ];
        for end in [0, 3, 8] {
            let body = [&member.concat(), &[0; 8][..end]].concat();
            let mut text = String::new();
            Unpacked::of("gzip", Failing(&body))
                .read_to_string(&mut text)
                .expect("a whole body");
            assert_eq!(text, "Lisbon.", "{end} bytes of the checksum");
        }
    }
}
