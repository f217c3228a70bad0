//! The lines of a file from its last to its first.

use std::io::{self, Read, Seek, SeekFrom};
use std::mem::take;

/// Gives the lines without their ends. A file that shrinks meanwhile gives fewer.
pub(super) struct Backwards<F> {
    file: F,
    /// How much of the file comes before `held`.
    before: u64,
    /// What has been read and not yet given.
    held: Vec<u8>,
}

impl<F: Read + Seek> Backwards<F> {
    pub(super) fn new(mut file: F) -> io::Result<Self> {
        Ok(Self {
            before: file.seek(SeekFrom::End(0))?,
            file,
            held: Vec::new(),
        })
    }

    /// The part of `held` behind its last line break.
    fn last_line(&mut self) -> Option<Vec<u8>> {
        let line_break = self.held.iter().rposition(|byte| *byte == b'\n')?;
        let line = self.held.split_off(line_break + 1);
        self.held.pop();
        Some(line)
    }

    /// Puts the block before `held` in front of it.
    fn read_more(&mut self) -> io::Result<()> {
        let len = self.before.min(BLOCK);
        self.before -= len;
        self.file.seek(SeekFrom::Start(self.before))?;
        let mut block = Vec::new();
        (&mut self.file).take(len).read_to_end(&mut block)?;
        block.append(&mut self.held);
        self.held = block;
        Ok(())
    }
}

impl<F: Read + Seek> Iterator for Backwards<F> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.last_line() {
                return Some(Ok(line));
            }
            if self.before == 0 || self.held.len() >= LONGEST {
                return Some(take(&mut self.held))
                    .filter(|line| !line.is_empty())
                    .map(Ok);
            }
            if let Err(error) = self.read_more() {
                self.before = 0;
                return Some(Err(error));
            }
        }
    }
}

/// Many lines at once, and little memory.
const BLOCK: u64 = 64 * 1024;

/// Longer than any line of ours; a longer one comes in pieces, so that a file without line breaks does
/// not fill the memory.
const LONGEST: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn lines(text: &[u8]) -> Vec<Vec<u8>> {
        let lines = Backwards::new(Cursor::new(text)).expect("a slice can be read");
        lines.map(|line| line.expect("readable")).collect()
    }

    #[test]
    fn the_last_line_comes_first_whether_or_not_it_is_ended() {
        assert_eq!(lines(b""), [b""; 0]);
        assert_eq!(lines(b"one"), [b"one"]);
        assert_eq!(lines(b"one\n\ntwo"), [&b"two"[..], b"", b"one"]);
        assert_eq!(lines(b"one\ntwo\n"), [&b""[..], b"two", b"one"]);
    }

    #[test]
    fn lines_across_the_edges_of_blocks_are_whole() {
        let block = usize::try_from(BLOCK).expect("small");
        for len in [block - 2, block - 1, block, block + 1, 3 * block] {
            let long = vec![b'x'; len];
            let text = [&long[..], b"\n", &long, b"\nend"].concat();
            assert_eq!(lines(&text), [&b"end"[..], &long, &long], "{len}");
        }
    }

    #[test]
    fn a_file_without_line_breaks_comes_in_pieces() {
        let text = vec![0; 2 * LONGEST + 5];
        let pieces = lines(&text);
        assert!(pieces.iter().all(|piece| piece.len() <= LONGEST));
        assert_eq!(pieces.concat(), text);
    }
}
