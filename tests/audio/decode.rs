//! Sound files as people have them.

use std::f32::consts::TAU;
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::PathBuf;

use phone_assistant::audio::decode::{Decoder, Error};
use phone_assistant::audio::to_i16;
use testkit::audio::g711;

use super::wav::{chunk, format, riff};
use super::{Random, level_db, pcm_bytes, tone};

/// A sound of `tests/data/sounds`.
pub(crate) fn sound(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/sounds")
        .join(name)
}

fn decoded(file: Vec<u8>) -> Result<(u32, Vec<f32>), Error> {
    drained(Decoder::open(Cursor::new(file))?)
}

fn decoded_file(name: &str) -> (u32, Vec<f32>) {
    let file = File::open(sound(name)).unwrap();
    drained(Decoder::open_file(file).unwrap()).unwrap()
}

fn drained(mut decoder: Decoder) -> Result<(u32, Vec<f32>), Error> {
    let mut samples = Vec::new();
    while let Some(block) = decoder.next_block()? {
        samples.extend_from_slice(block);
    }
    Ok((decoder.rate_hz(), samples))
}

fn error_of(file: &[u8]) -> String {
    decoded(file.to_vec()).err().unwrap().to_string()
}

/// A tone in a WAV file of this coding.
fn wav_tone(tag: u16, bits: u16, channels: u16) -> Vec<u8> {
    let samples = tone(24_000, 1_000, 0.5, 12_000);
    let repeated = samples
        .iter()
        .flat_map(|sample| [*sample].repeat(channels.into()));
    let samples: Vec<f32> = repeated.collect();
    let whole: Vec<i16> = samples.iter().copied().map(to_i16).collect();
    let content: Vec<u8> = match (tag, bits) {
        (3, 32) => samples
            .iter()
            .flat_map(|sample| sample.to_le_bytes())
            .collect(),
        (3, _) => samples
            .iter()
            .flat_map(|sample| f64::from(*sample).to_le_bytes())
            .collect(),
        (6, _) => g711::encoded_alaw(&whole),
        (7, _) => g711::encoded_mulaw(&whole),
        _ => pcm_bytes(&samples, bits),
    };
    let len = u32::try_from(content.len()).unwrap();
    riff(&[
        format(tag, channels, 24_000, bits),
        chunk("data", len, &content),
    ])
}

#[test]
fn wav_of_each_usual_depth_is_understood() {
    let table = [
        ("8 bits", 1, 8, 1),
        ("16 bits", 1, 16, 1),
        ("24 bits", 1, 24, 1),
        ("32 bits", 1, 32, 1),
        ("floats", 3, 32, 1),
        ("doubles", 3, 64, 1),
        ("A-law", 6, 8, 1),
        ("mu-law", 7, 8, 1),
        ("stereo", 1, 16, 2),
        ("six channels", 1, 24, 6),
    ];
    for (name, tag, bits, channels) in table {
        let (rate_hz, samples) = decoded(wav_tone(tag, bits, channels)).unwrap();
        assert_eq!((rate_hz, samples.len()), (24_000, 12_000), "{name}");
        assert!(
            (level_db(&samples) + 6.02).abs() < 0.1,
            "{name}: {} dB",
            level_db(&samples)
        );
    }
}

#[test]
fn compressed_sound_is_understood() {
    let table = [
        ("tone-24k-mono.mp3", 24_000, -6.0),
        ("tone-24k-with-cover.mp3", 24_000, -6.0),
        ("tone-24k-mono.mp2", 24_000, -6.0),
        ("tone-24k-mono.aac", 24_000, -6.0),
        ("tone-24k-streamed.m4a", 24_000, -6.0),
        ("tone-44k-mono.m4a", 44_100, -6.0),
        ("tone-16k-alac.m4a", 16_000, -6.0),
        ("tone-22k-mono.flac", 22_050, -6.0),
        ("tone-44k-stereo.ogg", 44_100, -9.0),
        ("tone-48k-opus.ogg", 48_000, -6.0),
    ];
    for (name, expected_hz, expected_db) in table {
        let (rate_hz, samples) = decoded_file(name);
        assert_eq!(rate_hz, expected_hz, "{name}");
        let half_a_second = usize::try_from(rate_hz / 2).unwrap();
        // AAC has a frame of 1,024 samples more at its beginning, and a whole one at its end.
        let is_aac = name.ends_with("aac") || name.ends_with("m4a");
        let slack = if is_aac { 2_100 } else { 1_200 };
        assert!(
            samples.len().abs_diff(half_a_second) < slack,
            "{name}: {} samples",
            samples.len()
        );
        assert!(
            (level_db(&samples) - expected_db).abs() < 1.0,
            "{name}: {} dB",
            level_db(&samples)
        );
    }
}

#[test]
fn a_wav_file_whose_size_was_never_filled_in_is_read_to_its_end() {
    let whole = wav_tone(1, 16, 1);
    for claimed in [24_001_u32, 0x7FFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFF] {
        let mut file = whole.clone();
        file[40..44].copy_from_slice(&claimed.to_le_bytes());
        assert_eq!(decoded(file).unwrap().1.len(), 12_000, "{claimed:#x}");
    }
    assert_eq!(
        decoded(whole[..whole.len() - 5].to_vec()).unwrap().1.len(),
        11_997
    );
}

#[test]
fn files_one_behind_the_other_are_one_sound() {
    let whole = wav_tone(1, 16, 1);
    let sized = |claimed: u32| {
        let mut file = whole.clone();
        file[40..44].copy_from_slice(&claimed.to_le_bytes());
        file
    };
    let noted = [whole.clone(), chunk("LIST", 5, b"notes")].concat();
    let odd = [&sized(0)[..], b"x"].concat();
    let stereo = wav_tone(1, 24, 2);
    let opus = fs::read(sound("tone-48k-opus.ogg")).unwrap();
    let table = [
        ("whole", whole.clone(), whole.clone(), 24_000),
        ("without a size", sized(0), sized(0xFFFF_FFFF), 24_000),
        ("with a chunk behind it", noted, whole.clone(), 24_000),
        ("with half a sample", odd, whole.clone(), 24_000),
        ("of other forms", whole.clone(), stereo, 24_000),
        (
            "with nothing of a header",
            whole.clone(),
            b"RIFF".to_vec(),
            12_000,
        ),
        ("Opus", opus.clone(), opus.clone(), 48_000),
        ("three", whole.clone(), whole.repeat(2), 36_000),
    ];
    for (name, first, second, expected) in table {
        let (_, samples) = decoded([first, second].concat()).unwrap();
        assert_eq!(samples.len(), expected, "{name}");
    }
    let mut other = whole.clone();
    other[24..28].copy_from_slice(&16_000_u32.to_le_bytes());
    let cut = whole[..20].to_vec();
    for (other, expected) in [(other, "24000 to 16000"), (cut, "cut short")] {
        let file = Cursor::new([whole.clone(), other].concat());
        let mut decoder = Decoder::open(file).unwrap();
        let mut heard = 0;
        let error = loop {
            match decoder.next_block() {
                Ok(block) => heard += block.unwrap().len(),
                Err(error) => break error.to_string(),
            }
        };
        assert_eq!(heard, 12_000);
        assert!(error.contains(expected), "{error}");
    }
}

/// Whatever piece of a header a read ends in, the header is no sound.
#[test]
fn a_further_header_may_come_in_pieces() {
    let whole = wav_tone(1, 16, 1);
    let files = whole.repeat(3);
    for len in 1..60 {
        let pieces = Pieces(files.clone(), len);
        let (_, samples) = drained(Decoder::open(pieces).unwrap()).unwrap();
        assert_eq!(samples.len(), 36_000, "{len} bytes at a time");
    }
}

/// Bytes of which each read gives a few.
struct Pieces(Vec<u8>, usize);

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let len = self.1.min(self.0.len()).min(into.len());
        into[..len].copy_from_slice(&self.0[..len]);
        self.0.drain(..len);
        Ok(len)
    }
}

#[test]
fn samples_that_are_no_numbers_become_silence() {
    let wild = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 0.5];
    let content: Vec<u8> = wild
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    let file = riff(&[format(3, 1, 8_000, 32), chunk("data", 20, &content)]);
    let (_, samples) = decoded(file).unwrap();
    assert_eq!(samples, [0.0, 0.0, 0.0, 16.0, 0.5]);
}

#[test]
fn what_is_no_sound_is_refused_with_the_way_out() {
    assert!(matches!(decoded(Vec::new()), Err(Error::Empty)));
    for file in [
        &b"Dear all, please find attached"[..],
        b"{}",
        b"R",
        &[0; 5_000],
        b"RIFF\0\0\0\0AVI LIST",
    ] {
        assert!(
            error_of(file).contains("save the sound as"),
            "{}",
            error_of(file)
        );
    }
}

#[test]
fn what_is_sound_and_cannot_be_read_is_named() {
    let wav = |tag: u16| riff(&[format(tag, 1, 8_000, 0), chunk("data", 33, &[0; 33])]);
    let mut surround = fs::read(sound("tone-48k-opus.ogg")).unwrap();
    surround[HEAD_AT + 9..=HEAD_AT + 18].copy_from_slice(&[6, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 1]);
    seal(&mut surround);
    let table = [
        ("GSM", wav(0x31), "holds GSM"),
        ("MP3 in WAV", wav(0x55), "holds MP3"),
        (
            "ADPCM",
            fs::read(sound("tone-22k-adpcm.wav")).unwrap(),
            "holds ADPCM",
        ),
        (
            "WebM",
            fs::read(sound("tone-48k-opus.webm")).unwrap(),
            "a WebM or Matroska file",
        ),
        (
            "M4A",
            fs::read(sound("tone-44k-mono.m4a")).unwrap(),
            "index at its end",
        ),
        ("AMR", b"#!AMR\n\x3C\x91\x17".to_vec(), "an AMR file"),
        ("surround", surround, "coding that is not understood"),
    ];
    for (name, file, expected) in table {
        let error = error_of(&file);
        assert!(
            error.contains(expected) && error.contains("save "),
            "{name}: {error}"
        );
    }
}

/// Opus is decoded to the sample: what stands before its beginning and after its end is not heard.
#[test]
fn opus_of_every_mode_is_the_tone_that_it_was_made_of_and_as_long() {
    let table = [
        ("tone-16k-silk-opus.ogg", 18.0),
        ("tone-48k-hybrid-opus.ogg", 18.0),
        ("tone-48k-opus.ogg", 18.0),
        ("tone-48k-stereo-opus.ogg", 24.0),
    ];
    for (name, snr_db) in table {
        let (_, samples) = decoded_file(name);
        assert_eq!(samples.len(), 24_000, "{name}");
        let found = tone_snr_db(&samples);
        assert!(found > snr_db, "{name}: {found} dB");
    }
}

#[test]
fn opus_is_as_loud_as_its_header_says() {
    let plain = fs::read(sound("tone-48k-opus.ogg")).unwrap();
    let level = |gain_db: i16| {
        let mut file = plain.clone();
        let gain = (256 * gain_db).to_le_bytes();
        file[HEAD_AT + 16..HEAD_AT + 18].copy_from_slice(&gain);
        seal(&mut file);
        level_db(&decoded(file).unwrap().1)
    };
    for gain_db in [-20, -6, 6] {
        let change = level(gain_db) - level(0);
        assert!(
            (change - f64::from(gain_db)).abs() < 0.01,
            "{gain_db}: {change} dB"
        );
    }
}

/// How far everything else is below the tone of 1 kHz in its middle, at 48 kHz.
fn tone_snr_db(samples: &[f32]) -> f64 {
    let middle = &samples[4_800..19_200];
    let (mut along, mut across, mut energy) = (0.0, 0.0, 0.0);
    for (index, sample) in middle.iter().enumerate() {
        let phase = TAU * f32::from(u16::try_from(index % 48).unwrap()) / 48.0;
        let sample = f64::from(*sample);
        along += sample * f64::from(phase.sin());
        across += sample * f64::from(phase.cos());
        energy += sample * sample;
    }
    let len = f64::from(u32::try_from(middle.len()).unwrap());
    let tone = 2.0 * (along * along + across * across) / len;
    10.0 * (tone / (energy - tone)).log10()
}

/// Where the identification header of Opus stands in a file of ours.
const HEAD_AT: usize = 28;

/// Puts the checksums of all pages of an Ogg file right, up to where it is no Ogg file: RFC 3533, 6.
pub(crate) fn seal(file: &mut [u8]) {
    let mut rest = file;
    while let Some(len) = page_len(rest) {
        let (page, after) = rest.split_at_mut(len);
        page[22..26].fill(0);
        let sum = page.iter().fold(0_u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
                let carry = if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
                sum << 1 ^ carry
            })
        });
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        rest = after;
    }
}

/// How long the page of Ogg is that `bytes` begin with.
pub(crate) fn page_len(bytes: &[u8]) -> Option<usize> {
    let segments = usize::from(*bytes.get(26).filter(|_| bytes.starts_with(b"OggS"))?);
    let laces = bytes.get(27..27 + segments)?;
    let len = 27 + segments + laces.iter().copied().map(usize::from).sum::<usize>();
    Some(len).filter(|len| *len <= bytes.len())
}

#[test]
fn no_damage_to_a_file_makes_a_decoder_panic() {
    for name in [
        "tone-24k-mono.mp3",
        "tone-22k-mono.flac",
        "tone-44k-stereo.ogg",
        "tone-24k-mono.aac",
        "tone-24k-streamed.m4a",
        "tone-16k-silk-opus.ogg",
        "tone-48k-stereo-opus.ogg",
    ] {
        let whole = fs::read(sound(name)).unwrap();
        let mut random = Random(7);
        for round in 0..150 {
            let mut file = whole.clone();
            for _ in 0..=random.below(8) {
                let at = usize::from(random.below(u16::try_from(file.len()).unwrap()));
                file[if round % 2 == 0 { at } else { at % 200 }] =
                    random.below(256).to_le_bytes()[0];
            }
            file.truncate(file.len() - usize::from(random.below(2)) * file.len() / 3);
            // Any answer will do, so long as it comes.
            drop(decoded(file));
        }
    }
}

#[test]
fn a_file_cut_short_is_refused_as_such_but_mp3_which_has_no_end() {
    for name in ["tone-22k-mono.flac", "tone-44k-stereo.ogg"] {
        let whole = fs::read(sound(name)).unwrap();
        for tenths in [2, 5, 8, 9] {
            let error = error_of(&whole[..whole.len() * tenths / 10]);
            assert!(error.contains("damaged or cut short"), "{name}: {error}");
        }
    }
    let mp3 = fs::read(sound("tone-24k-mono.mp3")).unwrap();
    let (_, samples) = decoded(mp3[..mp3.len() / 2].to_vec()).unwrap();
    assert!(
        (4_000..6_000).contains(&samples.len()),
        "{} samples",
        samples.len()
    );
}
