//! A file that `STREAM FILE` plays, read as Asterisk reads it: frame by frame through stdio, while others may write on.
//!
//! Spec: Asterisk 22, formats/format_pcm.c, format_sln.c and format_wav.c; glibc's `fread` and `fseek`.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An open file of samples.
#[derive(Debug)]
pub(super) struct Sound {
    pub(super) path: PathBuf,
    /// In samples, when it was opened.
    pub(super) len: u64,
    format: &'static Format,
    stdio: Stdio,
    /// The next byte of the file, and the one before which reading ends.
    position: u64,
    end: u64,
}

impl Sound {
    /// Opens the first file that bears this name and one of the extensions, at an offset in samples.
    pub(super) fn open(name: &Path, offset: u64) -> Option<Self> {
        FORMATS.iter().find_map(|format| {
            let mut path = name.as_os_str().to_owned();
            path.push(format.extension);
            Self::open_as(format, path.into(), offset)
        })
    }

    fn open_as(format: &'static Format, path: PathBuf, offset: u64) -> Option<Self> {
        let file = File::open(&path).ok()?;
        let bytes = file.metadata().ok()?.len();
        let len = bytes.saturating_sub(format.header_len) / format.sample_len;
        let position = format.header_len + offset.min(len) * format.sample_len;
        Some(Self {
            path,
            len,
            format,
            stdio: Stdio::new(file, position),
            position,
            end: format.end(bytes),
        })
    }

    /// The bytes of the next 20 ms, or of what is left, and how long they last; `None` for good at the end.
    pub(super) fn next_frame(&mut self) -> Option<(Vec<u8>, Duration)> {
        let left = self.end.saturating_sub(self.position);
        let bytes = self.stdio.read(self.format.frame_len().min(left));
        let len = u64::try_from(bytes.len()).unwrap();
        self.position += len;
        let samples = u32::try_from(len / self.format.sample_len).unwrap();
        let lasts = Duration::from_secs(1) * samples / self.format.rate_hz;
        (len > 0).then_some((bytes, lasts))
    }

    /// The next sample of the file.
    pub(super) fn position(&self) -> u64 {
        self.position.saturating_sub(self.format.header_len) / self.format.sample_len
    }
}

/// What stdio makes of a file: whole blocks in its buffer, and an end that stays one when the file grows.
#[derive(Debug)]
struct Stdio {
    file: File,
    buffer: Vec<u8>,
    taken: usize,
    has_ended: bool,
}

impl Stdio {
    /// As after `fseek`, which reads from the beginning of the block in which the position is.
    fn new(mut file: File, position: u64) -> Self {
        file.seek(SeekFrom::Start(position - position % BLOCK_LEN))
            .unwrap();
        let mut stdio = Self {
            file,
            buffer: Vec::new(),
            taken: 0,
            has_ended: false,
        };
        stdio.fill();
        stdio.has_ended = false;
        stdio.taken = usize::try_from(position % BLOCK_LEN).unwrap();
        stdio
    }

    /// Up to `len` bytes; less only at the end.
    fn read(&mut self, len: u64) -> Vec<u8> {
        let len = usize::try_from(len).unwrap();
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let buffered = self.buffer.get(self.taken..).unwrap_or_default();
            let taken = &buffered[..buffered.len().min(len - bytes.len())];
            bytes.extend_from_slice(taken);
            self.taken += taken.len();
            if self.taken < self.buffer.len() {
                continue;
            }
            if bytes.len() < len && !self.fill() {
                break;
            }
        }
        bytes
    }

    /// One `read()` into the empty buffer, unless the end has been seen; whether it gave anything.
    fn fill(&mut self) -> bool {
        if self.has_ended {
            return false;
        }
        self.buffer.resize(usize::try_from(BLOCK_LEN).unwrap(), 0);
        // Asterisk takes what cannot be read for the end.
        let len = self.file.read(&mut self.buffer).unwrap_or(0);
        self.buffer.truncate(len);
        self.taken = 0;
        self.has_ended = len == 0;
        !self.has_ended
    }
}

/// How the samples lie in a file.
#[derive(Debug)]
struct Format {
    extension: &'static str,
    header_len: u64,
    sample_len: u64,
    rate_hz: u32,
}

impl Format {
    /// 20 ms, in bytes.
    fn frame_len(&self) -> u64 {
        self.sample_len * u64::from(self.rate_hz) / 50
    }

    /// Where reading of a file of so many bytes ends. Without a header it goes on as long as there is anything; with
    /// one it ends at its length when opened, which is taken for a position, so that the last 44 bytes are not played.
    fn end(&self, bytes: u64) -> u64 {
        if self.header_len == 0 {
            u64::MAX
        } else {
            bytes.saturating_sub(self.header_len)
        }
    }
}

const fn format(extension: &'static str, header_len: u64, sample_len: u64, rate_hz: u32) -> Format {
    Format {
        extension,
        header_len,
        sample_len,
        rate_hz,
    }
}

const FORMATS: &[Format] = &[
    format(".pcm", 0, 1, 8000),
    format(".ulaw", 0, 1, 8000),
    format(".alaw", 0, 1, 8000),
    format(".sln", 0, 2, 8000),
    format(".sln16", 0, 2, 16_000),
    format(".wav", 44, 2, 8000),
    format(".wav16", 44, 2, 16_000),
];
/// `st_blksize` of a file on every usual file system.
const BLOCK_LEN: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file with these bytes, opened at an offset.
    fn sound(dir: &Path, extension: &str, bytes: &[u8], offset: u64) -> Sound {
        fs::write(dir.join(format!("x{extension}")), bytes).unwrap();
        Sound::open(&dir.join("x"), offset).unwrap()
    }

    fn rest(sound: &mut Sound) -> (Vec<u8>, Duration) {
        let (mut bytes, mut lasted) = (Vec::new(), Duration::ZERO);
        while let Some((frame, lasts)) = sound.next_frame() {
            bytes.extend(frame);
            lasted += lasts;
        }
        (bytes, lasted)
    }

    /// Bytes that tell where they are.
    fn numbered(range: std::ops::Range<u32>) -> Vec<u8> {
        range.map(|index| index.to_le_bytes()[0] ^ 7).collect()
    }

    #[test]
    fn every_format_is_read_to_its_end_from_any_offset() {
        let cases = [
            // Extension, bytes, offset; length in samples, bytes played, milliseconds.
            (".ulaw", 0, 0, (0, 0..0, 0)),
            (".ulaw", 16_000, 0, (16_000, 0..16_000, 2000)),
            (".ulaw", 4096, 0, (4096, 0..4096, 512)),
            (".alaw", 16_000, 15_200, (16_000, 15_200..16_000, 100)),
            (".alaw", 16_000, 4095, (16_000, 4095..16_000, 1488)),
            (".pcm", 16_000, 16_001, (16_000, 16_000..16_000, 0)),
            (".sln", 1600, 100, (800, 200..1600, 87)),
            (".sln16", 6400, 1600, (3200, 3200..6400, 100)),
            (".wav", 3244, 0, (1600, 44..3200, 197)),
            (".wav16", 3244, 0, (1600, 44..3200, 98)),
        ];
        for (extension, bytes, offset, (len, played, millis)) in cases {
            let dir = tempfile::tempdir().unwrap();
            let mut sound = sound(dir.path(), extension, &numbered(0..bytes), offset);
            assert_eq!(sound.len, len, "{extension} {bytes} {offset}");
            let (bytes, lasted) = rest(&mut sound);
            assert!(bytes == numbered(played), "{extension} {offset}");
            assert_eq!(lasted.as_millis(), millis, "{extension} {offset}");
        }
    }

    #[test]
    fn a_file_that_grows_plays_on_until_a_read_finds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = numbered(0..12_000);
        let mut sound = sound(dir.path(), ".ulaw", &bytes[..200], 0);
        assert_eq!(sound.next_frame().unwrap().0, bytes[..160]);
        fs::write(&sound.path, &bytes[..5000]).unwrap();
        assert!(
            (1..31).all(|frame| sound.next_frame().unwrap().0
                == bytes[160 * frame..160 * (frame + 1)])
        );
        assert_eq!(
            sound.next_frame().unwrap().0,
            bytes[4960..5000],
            "the writer is late"
        );
        fs::write(&sound.path, &bytes).unwrap();
        assert_eq!(sound.next_frame(), None, "an end is for good");
        assert_eq!((sound.len, sound.position()), (200, 5000));
    }

    #[test]
    fn a_header_fixes_the_length() {
        let dir = tempfile::tempdir().unwrap();
        let mut sound = sound(dir.path(), ".wav", &numbered(0..3244), 0);
        fs::write(&sound.path, numbered(0..8000)).unwrap();
        assert!(rest(&mut sound).0 == numbered(44..3200));
    }

    #[test]
    fn a_sound_without_a_file_cannot_be_opened() {
        assert!(Sound::open(Path::new("/no/such/file"), 0).is_none());
    }
}
