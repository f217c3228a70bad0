//! Sound files as people have them.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use phone_assistant::audio::decode::{Decoder, Error};
use phone_assistant::audio::to_i16;

use super::wav::{chunk, format, riff};
use super::{Random, level_db, tone};

/// A sound of `tests/data/sounds`.
pub(crate) fn sound(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/sounds")
        .join(name)
}

fn decoded(file: Vec<u8>) -> Result<(u32, Vec<f32>), Error> {
    let mut decoder = Decoder::open(Cursor::new(file))?;
    let mut samples = Vec::new();
    while let Some(block) = decoder.next_block()? {
        samples.extend_from_slice(block);
    }
    Ok((decoder.rate_hz(), samples))
}

fn error_of(file: &[u8]) -> String {
    decoded(file.to_vec()).err().unwrap().to_string()
}

/// A tone in a WAV file of the given sample format.
fn wav_tone(tag: u16, bits: u16, channels: u16, encode: impl Fn(f32) -> Vec<u8>) -> Vec<u8> {
    let content: Vec<u8> = tone(24_000, 1_000, 0.5, 12_000)
        .into_iter()
        .flat_map(|sample| encode(sample).repeat(channels.into()))
        .collect();
    let len = u32::try_from(content.len()).unwrap();
    riff(&[
        format(tag, channels, 24_000, bits),
        chunk("data", len, &content),
    ])
}

fn pcm(sample: f32, bytes: usize) -> Vec<u8> {
    let full = i32::from(to_i16(sample)) << 16;
    full.to_le_bytes()[4 - bytes..].to_vec()
}

#[test]
fn wav_of_any_depth_is_understood() {
    let table = [
        (
            "8 bits",
            wav_tone(1, 8, 1, |sample| vec![pcm(sample, 1)[0].wrapping_add(128)]),
        ),
        ("16 bits", wav_tone(1, 16, 1, |sample| pcm(sample, 2))),
        ("24 bits", wav_tone(1, 24, 1, |sample| pcm(sample, 3))),
        ("32 bits", wav_tone(1, 32, 1, |sample| pcm(sample, 4))),
        (
            "floats",
            wav_tone(3, 32, 1, |sample| sample.to_le_bytes().to_vec()),
        ),
        (
            "doubles",
            wav_tone(3, 64, 1, |sample| f64::from(sample).to_le_bytes().to_vec()),
        ),
        ("stereo", wav_tone(1, 16, 2, |sample| pcm(sample, 2))),
    ];
    for (name, file) in table {
        let (rate_hz, samples) = decoded(file).unwrap();
        assert_eq!((rate_hz, samples.len()), (24_000, 12_000), "{name}");
        assert!(
            (level_db(&samples) + 6.02).abs() < 0.1,
            "{name}: {} dB",
            level_db(&samples)
        );
    }
}

#[test]
fn mp3_flac_and_ogg_vorbis_are_understood() {
    let table = [
        ("tone-24k-mono.mp3", 24_000, -6.0),
        ("tone-24k-with-cover.mp3", 24_000, -6.0),
        ("tone-22k-mono.flac", 22_050, -6.0),
        ("tone-44k-stereo.ogg", 44_100, -9.0),
    ];
    for (name, expected_hz, expected_db) in table {
        let (rate_hz, samples) = decoded(fs::read(sound(name)).unwrap()).unwrap();
        assert_eq!(rate_hz, expected_hz, "{name}");
        let half_a_second = usize::try_from(rate_hz / 2).unwrap();
        assert!(
            samples.len().abs_diff(half_a_second) < 1_200,
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
    let whole = wav_tone(1, 16, 1, |sample| pcm(sample, 2));
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
    let opus = fs::read(sound("tone-48k-opus.ogg")).unwrap();
    assert!(
        error_of(&opus).contains("WAV, MP3, FLAC or Ogg Vorbis"),
        "{}",
        error_of(&opus)
    );
    let gsm = riff(&[format(0x31, 1, 8_000, 0), chunk("data", 33, &[0; 33])]);
    assert!(
        error_of(&gsm).contains("WAV, MP3, FLAC or Ogg Vorbis"),
        "{}",
        error_of(&gsm)
    );
}

#[test]
fn no_damage_to_a_file_makes_a_decoder_panic() {
    for name in [
        "tone-24k-mono.mp3",
        "tone-22k-mono.flac",
        "tone-44k-stereo.ogg",
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
