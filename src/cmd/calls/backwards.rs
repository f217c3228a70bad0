//! The lines of a file from its last to its first, as far as a reader may look.
//!
//! A file can be larger than any disk: one with a hole costs nothing, and its zeros are one line. So neither a line nor
//! the whole of what is read is without bounds.

use std::io::{self, Read, Seek, SeekFrom};
use std::mem::take;

/// Gives the lines without their ends. A file that shrinks meanwhile gives fewer.
pub(super) struct Backwards<'a, F> {
    file: F,
    /// How much of the file comes before `held`.
    before: u64,
    /// What has been read and not yet given.
    held: Vec<u8>,
    /// Where in `held` the line break may be that has not been looked for.
    unsearched: usize,
    /// Whether the beginning of `held` was dropped because the line is too long.
    is_too_long: bool,
    /// How many bytes may still be read, of this file and of others.
    budget: &'a mut u64,
}

/// The text between two line breaks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Whole(Vec<u8>),
    /// It has more than [`LONGEST`] bytes.
    TooLong,
}

impl<'a, F: Read + Seek> Backwards<'a, F> {
    /// Reads from the end of `file`, and no further than `budget` allows, which is lowered by what is read.
    pub(super) fn new(mut file: F, budget: &'a mut u64) -> io::Result<Self> {
        Ok(Self {
            before: file.seek(SeekFrom::End(0))?,
            file,
            held: Vec::new(),
            unsearched: 0,
            is_too_long: false,
            budget,
        })
    }

    /// Whether there is more of the file than may be read.
    pub(super) fn is_cut(&self) -> bool {
        self.before > 0 && *self.budget == 0
    }

    /// The part of `held` behind its last line break.
    fn last_line(&mut self) -> Option<Line> {
        let unsearched = &self.held[..take(&mut self.unsearched)];
        // Zeros are passed over faster that way.
        let has_one = unsearched.contains(&b'\n').then_some(unsearched)?;
        let line_break = has_one.iter().rposition(|byte| *byte == b'\n')?;
        self.unsearched = line_break;
        let line = self.held.split_off(line_break + 1);
        self.held.pop();
        Some(self.line(line))
    }

    fn line(&mut self, line: Vec<u8>) -> Line {
        if take(&mut self.is_too_long) || line.len() > LONGEST {
            Line::TooLong
        } else {
            Line::Whole(line)
        }
    }

    /// Puts the block before `held` in front of it.
    fn read_more(&mut self) -> io::Result<()> {
        if self.held.len() > LONGEST {
            self.held.clear();
            self.is_too_long = true;
        }
        let len = self.before.min(BLOCK).min(*self.budget);
        self.before -= len;
        *self.budget -= len;
        self.file.seek(SeekFrom::Start(self.before))?;
        let mut block = Vec::new();
        (&mut self.file).take(len).read_to_end(&mut block)?;
        self.unsearched = block.len();
        block.append(&mut self.held);
        self.held = block;
        Ok(())
    }
}

impl<F: Read + Seek> Iterator for Backwards<'_, F> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.last_line() {
                return Some(Ok(line));
            }
            if self.is_cut() {
                // A part of a line counts as none.
                return None;
            }
            if self.before == 0 {
                let line = take(&mut self.held);
                let is_nothing = line.is_empty() && !self.is_too_long;
                return (!is_nothing).then(|| Ok(self.line(line)));
            }
            if let Err(error) = self.read_more() {
                self.before = 0;
                return Some(Err(error));
            }
        }
    }
}

/// The size of one read: many lines, and little memory.
const BLOCK: u64 = 64 * 1024;

/// Longer than any line of ours.
pub(super) const LONGEST: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Cursor, Write};

    /// What is read of a file that may be read to its beginning.
    fn lines(text: &[u8]) -> Vec<Line> {
        let mut budget = u64::MAX;
        let lines = Backwards::new(Cursor::new(text), &mut budget).expect("a slice can be read");
        lines.map(|line| line.expect("readable")).collect()
    }

    fn whole(lines: &[&[u8]]) -> Vec<Line> {
        lines
            .iter()
            .map(|line| Line::Whole(line.to_vec()))
            .collect()
    }

    #[test]
    fn the_last_line_comes_first_whether_or_not_it_is_ended() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"one"), whole(&[b"one"]));
        assert_eq!(lines(b"one\n\ntwo"), whole(&[b"two", b"", b"one"]));
        assert_eq!(lines(b"one\ntwo\n"), whole(&[b"", b"two", b"one"]));
    }

    #[test]
    fn lines_across_the_edges_of_blocks_are_whole() {
        let block = usize::try_from(BLOCK).expect("small");
        for len in [block - 2, block - 1, block, block + 1, 3 * block] {
            let long = vec![b'x'; len];
            let text = [&long[..], b"\n", &long, b"\nend"].concat();
            assert_eq!(lines(&text), whole(&[b"end", &long, &long]), "{len}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_those_around_it_are_not() {
        for (len, is_too_long) in [(LONGEST, false), (LONGEST + 1, true), (5 * LONGEST, true)] {
            let long = vec![0; len];
            let text = [b"one\n", &long[..], b"\ntwo"].concat();
            let between = if is_too_long {
                Line::TooLong
            } else {
                Line::Whole(long.clone())
            };
            let [one, two] = [b"one", b"two"].map(|text| Line::Whole(text.to_vec()));
            assert_eq!(lines(&text), [two, between, one], "{len}");
            let alone = lines(&long);
            assert_eq!(alone.len(), 1, "{len}");
            assert_eq!(alone[0] == Line::TooLong, is_too_long, "{len}");
        }
    }

    /// Counts what is read of a file.
    struct Counted<'a>(File, &'a std::cell::Cell<u64>);

    impl Read for Counted<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let len = self.0.read(into)?;
            self.1
                .set(self.1.get() + u64::try_from(len).expect("small"));
            Ok(len)
        }
    }

    impl Seek for Counted<'_> {
        fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
            self.0.seek(place)
        }
    }

    #[test]
    fn of_four_terabytes_no_more_is_read_than_may_be() {
        let budget = 8 * BLOCK + 5;
        for is_at_the_end in [true, false] {
            let mut file = tempfile();
            if is_at_the_end {
                file.set_len(1 << 42).expect("a hole costs nothing");
                file.seek(SeekFrom::End(0)).expect("it has an end");
            }
            file.write_all(b"\none\ntwo").expect("room");
            if !is_at_the_end {
                file.set_len(1 << 42).expect("a hole costs nothing");
            }
            let (read, mut left) = (std::cell::Cell::new(0), budget);
            let mut found = Backwards::new(Counted(file, &read), &mut left).expect("readable");
            let lines: Vec<_> = found.by_ref().map(|line| line.expect("readable")).collect();
            assert!(found.is_cut());
            assert_eq!(read.get(), budget);
            let expected = if is_at_the_end {
                whole(&[b"two", b"one"])
            } else {
                Vec::new()
            };
            assert_eq!(lines, expected);
        }
    }

    #[test]
    fn no_more_is_read_than_the_lines_that_are_taken_need() {
        let mut file = tempfile();
        file.set_len(1 << 42).expect("a hole costs nothing");
        file.seek(SeekFrom::End(0)).expect("it has an end");
        file.write_all(b"\none\ntwo").expect("room");
        let (read, mut left) = (std::cell::Cell::new(0), u64::MAX);
        let found = Backwards::new(Counted(file, &read), &mut left).expect("readable");
        assert_eq!(found.take(2).count(), 2);
        assert_eq!(read.get(), BLOCK);
    }

    fn tempfile() -> File {
        let folder = testkit::TempDir::new().expect("a folder");
        let path = folder.path().join("log");
        let mut options = std::fs::OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .expect("a file")
    }
}
