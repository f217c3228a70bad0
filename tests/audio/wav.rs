//! The WAV reader and the files that recordings of live calls and speech services really leave.

use std::io::{self, Cursor, Read};
use std::time::Duration;

use phone_assistant::audio::wav::{self, Error};
use phone_assistant::audio::{Pcm, duration_of};

use super::Random;

const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn chunk(id: &str, claimed_len: u32, content: &[u8]) -> Vec<u8> {
    [id.as_bytes(), &claimed_len.to_le_bytes(), content].concat()
}

pub(crate) fn format(tag: u16, channels: u16, rate_hz: u32, bits: u16) -> Vec<u8> {
    let align = channels * bits.div_ceil(8);
    let content = [
        &tag.to_le_bytes()[..],
        &channels.to_le_bytes(),
        &rate_hz.to_le_bytes(),
        &(rate_hz * u32::from(align)).to_le_bytes(),
        &align.to_le_bytes(),
        &bits.to_le_bytes(),
    ]
    .concat();
    chunk("fmt ", 16, &content)
}

/// The same in the extensible form, in which the tag comes last.
pub(crate) fn extensible(tag: u16, rate_hz: u32, bits: u16) -> Vec<u8> {
    let content = [
        &format(0xFFFE, 1, rate_hz, bits)[8..],
        &22_u16.to_le_bytes(),
        &bits.to_le_bytes(),
        &[4, 0, 0, 0],
        &tag.to_le_bytes(),
        &[0; 14],
    ]
    .concat();
    chunk("fmt ", 40, &content)
}

pub(crate) fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    [&b"RIFF\0\0\0\0WAVE"[..], &chunks.concat()].concat()
}

fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect()
}

fn telephone(claimed_len: u32, content: &[u8]) -> Vec<u8> {
    riff(&[format(1, 1, 8_000, 16), chunk("data", claimed_len, content)])
}

fn samples_of(file: &[u8]) -> Vec<i16> {
    wav::read(file, MINUTE).unwrap().samples
}

const SAMPLES: [i16; 4] = [1, -2, i16::MAX, i16::MIN];

#[test]
fn a_size_that_was_never_filled_in_means_up_to_the_end() {
    let content = bytes_of(&SAMPLES);
    for claimed in [
        0,
        9,
        10,
        2_000_000_000,
        0x7FFF_FFFF,
        0x8000_0000,
        0xFFFF_FFDB,
        0xFFFF_FFFE,
        0xFFFF_FFFF,
    ] {
        assert_eq!(
            samples_of(&telephone(claimed, &content)),
            SAMPLES,
            "{claimed:#x}"
        );
    }
}

#[test]
fn a_right_size_is_honoured_so_that_a_trailing_chunk_is_not_heard() {
    let trailer = chunk("LIST", 4, b"INFO");
    let file = [telephone(8, &bytes_of(&SAMPLES)), trailer].concat();
    assert_eq!(samples_of(&file), SAMPLES);
}

#[test]
fn a_recording_is_one_file_whatever_stands_in_it() {
    let inner = telephone(8, &bytes_of(&SAMPLES));
    assert_eq!(samples_of(&inner.repeat(2)), SAMPLES);
    assert_eq!(samples_of(&telephone(0, &inner)).len(), inner.len() / 2);
}

#[test]
fn other_chunks_are_passed_over_with_the_byte_that_pads_odd_ones() {
    let file = riff(&[
        chunk("JUNK", 3, b"abc\0"),
        format(1, 1, 16_000, 16),
        chunk("LIST", 5, b"INFOx\0"),
        chunk("fact", 0, b""),
        chunk("data", 8, &bytes_of(&SAMPLES)),
    ]);
    assert_eq!(
        wav::read(&file[..], MINUTE).unwrap(),
        Pcm {
            rate_hz: 16_000,
            samples: SAMPLES.to_vec()
        }
    );
}

#[test]
fn half_a_sample_at_the_end_is_dropped() {
    let content = [&bytes_of(&SAMPLES)[..], &[0x55]].concat();
    assert_eq!(samples_of(&telephone(0, &content)), SAMPLES);
    assert_eq!(
        bare(&content, 24_000),
        Pcm {
            rate_hz: 24_000,
            samples: SAMPLES.to_vec()
        }
    );
    assert!(bare(&[7], 24_000).samples.is_empty());
}

#[test]
fn stereo_is_mixed_down() {
    let content = bytes_of(&[100, 300, i16::MAX, i16::MAX, i16::MIN, i16::MAX, 5]);
    let file = riff(&[format(1, 2, 48_000, 16), chunk("data", 0, &content)]);
    assert_eq!(samples_of(&file), [200, i16::MAX, -1]);
}

#[test]
fn an_extensible_format_counts_by_its_subformat() {
    let data = chunk("data", 8, &bytes_of(&SAMPLES));
    let right = riff(&[extensible(1, 8_000, 16), data.clone()]);
    assert_eq!(samples_of(&right), SAMPLES);
    let other = riff(&[extensible(2, 8_000, 16), data]);
    assert!(matches!(
        wav::read(&other[..], MINUTE),
        Err(Error::Coding { .. })
    ));
}

#[test]
fn samples_of_any_coding_are_read() {
    let floats = [0.5_f32, -0.25].map(f32::to_le_bytes).concat();
    let doubles = [0.5_f64, -0.25].map(f64::to_le_bytes).concat();
    let table: [(u16, u16, &[u8], [i16; 2]); 8] = [
        (1, 8, &[0xC0, 0x60], [0x4000, -0x2000]),
        (1, 16, &[0x00, 0x40, 0x00, 0xE0], [0x4000, -0x2000]),
        (
            1,
            24,
            &[0xFF, 0x00, 0x40, 0x00, 0x00, 0xE0],
            [0x4001, -0x2000],
        ),
        (
            1,
            32,
            &[0, 0, 0x00, 0x40, 0, 0, 0x00, 0xE0],
            [0x4000, -0x2000],
        ),
        (3, 32, &floats, [0x4000, -0x2000]),
        (3, 64, &doubles, [0x4000, -0x2000]),
        (6, 8, &[0xD5, 0x2A], [8, -32_256]),
        (7, 8, &[0x80, 0x7F], [32_124, 0]),
    ];
    for (tag, bits, bytes, samples) in table {
        let data = chunk("data", u32::MAX, bytes);
        for format in [format(tag, 1, 8_000, bits), extensible(tag, 8_000, bits)] {
            let file = riff(&[format, data.clone()]);
            assert_eq!(samples_of(&file), samples, "{bits} bits of coding {tag}");
        }
    }
}

#[test]
fn a_header_alone_is_a_sound_without_samples() {
    for claimed in [0, 8, 0xFFFF_FFFF] {
        assert!(samples_of(&telephone(claimed, b"")).is_empty());
    }
}

#[test]
fn what_is_not_a_wav_file_is_named() {
    let table: [(&[u8], &str); 13] = [
        (b"", "0 bytes"),
        (b"ID3\x04\0\0\0\0\0\0\0\0", "an MP3 file"),
        (b"\xFF\xFB\x90\x64\0\0\0\0\0\0\0\0", "an MP3 file"),
        (b"OggS\0\x02\0\0\0\0\0\0", "an Ogg file"),
        (b"fLaC\0\0\0\x22\x10\0\x10\0", "a FLAC file"),
        (b"{\"error\": {}}", "JSON"),
        (b"<!DOCTYPE html>", "HTML or XML"),
        (b"Bad Gateway\r\n", "text"),
        (b"RIFF\0\0\0\0AVI ", "a RIFF file that is not WAV"),
        (b"RIFF\0", "a RIFF file that is not WAV, or one cut short"),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0", "an unknown kind of file"),
        (b"RIFF\0\0\0\0WAVE", "ends before its audio begins"),
        (
            b"RIFF\0\0\0\0WAVEdata\x02\0\0\0\0\0",
            "its audio comes before its format",
        ),
    ];
    for (file, expected) in table {
        let error = wav::read(file, MINUTE).unwrap_err().to_string();
        assert!(
            error.contains(expected),
            "{error:?} should contain {expected:?}"
        );
    }
    assert!(matches!(wav::read(io::empty(), MINUTE), Err(Error::Empty)));
}

#[test]
fn wav_files_of_other_kinds_are_named() {
    let table = [
        (format(0x31, 1, 8_000, 0), "GSM"),
        (format(1, 1, 8_000, 12), "12-bit PCM"),
        (format(1, 1, 8_000, 64), "64-bit PCM"),
        (format(3, 1, 8_000, 16), "16-bit floating-point"),
        (format(6, 1, 8_000, 16), "16-bit A-law"),
        (format(7, 1, 8_000, 16), "16-bit mu-law"),
        (format(0x11, 1, 8_000, 4), "ADPCM"),
        (format(0x55, 1, 8_000, 0), "MP3"),
        (format(0x1234, 1, 8_000, 0), "0x1234"),
        (format(1, 0, 8_000, 16), "0 channels"),
        (format(1, 3, 8_000, 16), "3 channels"),
        (format(1, 1, 7_999, 16), "7999 samples per second"),
        (format(1, 1, 48_001, 16), "48001 samples per second"),
        (
            chunk(
                "fmt ",
                14,
                &[1, 0, 1, 0, 0x40, 0x1F, 0, 0, 0, 0, 0, 0, 2, 0],
            ),
            "cut short",
        ),
    ];
    for (format, expected) in table {
        let file = riff(&[format, chunk("data", 8, &bytes_of(&SAMPLES))]);
        let error = wav::read(&file[..], MINUTE).unwrap_err().to_string();
        assert!(
            error.contains(expected),
            "{error:?} should contain {expected:?}"
        );
    }
    for rate_hz in [8_000, 48_000] {
        let file = riff(&[
            format(1, 1, rate_hz, 16),
            chunk("data", 8, &bytes_of(&SAMPLES)),
        ]);
        assert!(wav::read(&file[..], MINUTE).is_ok(), "{rate_hz}");
    }
}

#[test]
fn endless_audio_ends_at_the_limit() {
    for channels in [1, 2] {
        let header = riff(&[format(1, channels, 8_000, 16), chunk("data", 0, b"")]);
        let pcm = wav::read(
            Cursor::new(header).chain(io::repeat(1)),
            Duration::from_millis(1_500),
        )
        .unwrap();
        assert_eq!(pcm.samples.len(), 12_000);
        assert_eq!(pcm.duration(), Duration::from_millis(1_500));
    }
}

#[test]
fn an_endless_header_ends_too() {
    let chunks = riff(&[format(1, 1, 8_000, 16), chunk("JUNK", 0xFFFF_FFFF, b"")]);
    let zeros = Cursor::new(b"RIFF\0\0\0\0WAVE").chain(io::repeat(0));
    assert!(matches!(
        wav::read(Cursor::new(chunks).chain(io::repeat(1)), MINUTE),
        Err(Error::Damaged(_))
    ));
    assert!(matches!(wav::read(zeros, MINUTE), Err(Error::Damaged(_))));
}

#[test]
fn a_stream_that_fails_is_told_apart_from_one_that_ends() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let header = telephone(0, &bytes_of(&SAMPLES));
    for len in 0..header.len() {
        let input = Cursor::new(&header[..len]).chain(Broken);
        assert!(
            matches!(wav::read(input, MINUTE), Err(Error::Read(_))),
            "after {len} bytes"
        );
    }
    let whole = telephone(8, &bytes_of(&SAMPLES));
    let read = wav::read(Cursor::new(whole).chain(Broken), MINUTE);
    assert_eq!(read.unwrap().samples, SAMPLES);
}

#[test]
fn what_is_written_is_read_back() {
    let samples: Vec<i16> = (-5_000..5_000).map(|sample| sample * 6).collect();
    let mut file = Cursor::new(Vec::new());
    let pcm = Pcm {
        rate_hz: 16_000,
        samples,
    };
    wav::write(&mut file, &pcm).unwrap();
    assert_eq!(file.get_ref().len(), 44 + 20_000);
    assert_eq!(wav::read(&file.get_ref()[..], MINUTE).unwrap(), pcm);
    assert_eq!(pcm.duration(), duration_of(10_000, 16_000));
}

#[test]
fn no_damage_to_a_file_makes_the_reader_panic_or_read_too_much() {
    let seed = riff(&[
        chunk("LIST", 5, b"INFOx\0"),
        format(1, 1, 8_000, 16),
        chunk("data", 200, &[0x12; 200]),
        chunk("LIST", 4, b"INFO"),
    ]);
    let mut random = Random(1);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut file = seed.clone();
        for _ in 0..=random.below(3) {
            let at = 12 + random.below(60);
            file[usize::from(at)] = random.below(256).to_le_bytes()[0];
        }
        file.truncate(file.len() - usize::from(random.below(20)));
        if let Ok(pcm) = wav::read(&file[..], Duration::from_millis(5)) {
            assert!(pcm.duration() <= Duration::from_millis(5));
            accepted += 1;
        }
    }
    assert!(accepted > 2_000, "only {accepted} got past the header");
}

fn bare(bytes: &[u8], rate_hz: u32) -> Pcm {
    let reader = wav::Reader::bare(bytes, rate_hz, 1);
    reader.whole(Duration::MAX).unwrap()
}
