//! The whole chain: what Asterisk gets.

use std::io::Cursor;
use std::time::Duration;

use phone_assistant::audio::telephone::{Encoding, Telephone, encode};
use phone_assistant::audio::{Pcm, g711, to_f32, to_i16, wav};

use super::{level_db, pieces, tone};

fn tone_pcm(rate_hz: u32, len_frames: u32) -> Pcm {
    let samples = tone(rate_hz, 1_000, 0.25, len_frames)
        .into_iter()
        .map(to_i16)
        .collect();
    Pcm { rate_hz, samples }
}

#[test]
fn wideband_phones_get_wideband_files() {
    let table = [
        ("(ulaw)", Encoding::Ulaw),
        ("(alaw)", Encoding::Alaw),
        ("(ulaw|alaw)", Encoding::Ulaw),
        ("(g722)", Encoding::Sln16),
        ("(ulaw|g722)", Encoding::Sln16),
        ("(opus)", Encoding::Sln16),
        ("(slin)", Encoding::Ulaw),
        ("(gsm)", Encoding::Ulaw),
        ("(nothing)", Encoding::Ulaw),
        ("", Encoding::Ulaw),
        ("g722", Encoding::Sln16),
    ];
    for (formats, expected) in table {
        assert_eq!(Encoding::for_channel(formats), expected, "{formats}");
    }
}

#[test]
fn every_format_has_the_extension_and_the_rate_that_asterisk_expects() {
    let table = [
        ("ulaw", Encoding::Ulaw, 8_000),
        ("alaw", Encoding::Alaw, 8_000),
        ("sln", Encoding::Sln, 8_000),
        ("sln16", Encoding::Sln16, 16_000),
        ("wav", Encoding::Wav, 8_000),
        ("wav16", Encoding::Wav16, 16_000),
    ];
    assert_eq!(table.map(|(_, encoding, _)| encoding), Encoding::ALL);
    for (name, encoding, rate_hz) in table {
        assert_eq!(name.parse::<Encoding>().unwrap(), encoding);
        assert_eq!(
            (encoding.to_string(), encoding.rate_hz()),
            (name.to_owned(), rate_hz)
        );
    }
    for name in ["", "WAV", "Ulaw", "mp3", "wav49", "ulaw ", ".ulaw"] {
        let error = name.parse::<Encoding>().unwrap_err().to_string();
        assert!(
            error.contains("ulaw, alaw, sln, sln16, wav or wav16"),
            "{error}"
        );
    }
}

#[test]
fn headerless_sounds_are_whole_frames_of_20_ms() {
    let table = [
        (Encoding::Ulaw, 160),
        (Encoding::Alaw, 160),
        (Encoding::Sln, 320),
        (Encoding::Sln16, 640),
    ];
    for (encoding, frame_bytes) in table {
        for (len, frames) in [(0, 0), (1, 1), (479, 1), (480, 1), (481, 2), (24_000, 50)] {
            let bytes = encode(&tone_pcm(24_000, len), encoding, 0.0).unwrap();
            assert_eq!(
                bytes.len(),
                frames * frame_bytes,
                "{len} frames as {encoding}"
            );
        }
    }
}

#[test]
fn the_padding_is_silence() {
    let pcm = Pcm {
        rate_hz: 8_000,
        samples: vec![9_999],
    };
    for (encoding, silence) in [
        (Encoding::Ulaw, 0xFF),
        (Encoding::Alaw, 0xD5),
        (Encoding::Sln, 0),
    ] {
        let bytes = encode(&pcm, encoding, 0.0).unwrap();
        assert!(bytes[2..].iter().all(|&byte| byte == silence), "{encoding}");
    }
}

#[test]
fn the_end_that_asterisk_cuts_off_a_wav_file_is_silence() {
    for (encoding, rate_hz) in [(Encoding::Wav, 8_000), (Encoding::Wav16, 16_000)] {
        let frames = u32::from(encoding.rate_hz());
        let bytes = encode(
            &tone_pcm(u32::from(encoding.rate_hz()), frames),
            encoding,
            0.0,
        )
        .unwrap();
        let pcm = wav::read(&bytes[..], Duration::MAX).unwrap();
        assert_eq!(pcm.rate_hz, rate_hz);
        let played = pcm.samples.len() - 22;
        assert!(
            played >= usize::try_from(frames).unwrap(),
            "{played} are played"
        );
        assert!(pcm.samples[played..].iter().all(|&sample| sample == 0));
    }
}

#[test]
fn a_tone_arrives_at_its_level_plus_the_gain() {
    let pcm = tone_pcm(24_000, 24_000);
    let before = level_db(&tone(24_000, 1_000, 0.25, 24_000));
    for encoding in [Encoding::Sln, Encoding::Sln16] {
        let bytes = encode(&pcm, encoding, 6.0).unwrap();
        let samples: Vec<f32> = bare(&bytes, 8_000)
            .samples
            .into_iter()
            .map(to_f32)
            .collect();
        assert!(
            (level_db(&samples) - before - 6.0).abs() < 0.01,
            "{encoding}"
        );
    }
}

#[test]
fn one_rate_and_no_gain_change_nothing_but_the_code() {
    let pcm = tone_pcm(8_000, 1_600);
    let ulaw: Vec<u8> = pcm.samples.iter().copied().map(g711::mu_law).collect();
    let alaw: Vec<u8> = pcm.samples.iter().copied().map(g711::a_law).collect();
    assert_eq!(encode(&pcm, Encoding::Ulaw, 0.0).unwrap(), ulaw);
    assert_eq!(encode(&pcm, Encoding::Alaw, 0.0).unwrap(), alaw);
    assert_eq!(bare(&encode(&pcm, Encoding::Sln, 0.0).unwrap(), 8_000), pcm);
}

#[test]
fn a_stream_gives_the_same_bytes_as_the_whole() {
    let pcm = tone_pcm(24_000, 24_100);
    let samples: Vec<f32> = pcm.samples.iter().copied().map(to_f32).collect();
    for encoding in Encoding::ALL {
        let mut out = Cursor::new(Vec::new());
        let mut telephone = Telephone::new(&mut out, 24_000, encoding, 15.0).unwrap();
        for piece in pieces(&samples) {
            telephone.push(piece).unwrap();
        }
        let duration = telephone.finish().unwrap().length;
        assert_eq!(
            out.into_inner(),
            encode(&pcm, encoding, 15.0).unwrap(),
            "{encoding}"
        );
        assert_eq!(duration.as_millis(), 1_004);
    }
}

#[test]
fn samples_turn_into_16_bits_and_back_and_are_clipped_never_wrapped() {
    for sample in i16::MIN..=i16::MAX {
        assert_eq!(to_i16(to_f32(sample)), sample);
    }
    let table = [
        (1.0, i16::MAX),
        (-1.0, i16::MIN),
        (9.0, i16::MAX),
        (-9.0, i16::MIN),
        (f32::NAN, 0),
    ];
    for (sample, expected) in table {
        assert_eq!(to_i16(sample), expected, "{sample}");
    }
    assert_eq!(
        [0.4, 0.6, -0.4, -0.6].map(|sample: f32| to_i16(sample / 32_768.0)),
        [0, 1, 0, -1]
    );
}

fn bare(bytes: &[u8], rate_hz: u32) -> Pcm {
    let reader = wav::Reader::bare(bytes, rate_hz, 1);
    reader.whole(Duration::MAX).unwrap()
}
