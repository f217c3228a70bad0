//! G.711 against its own tables.

#![allow(clippy::print_stdout)]

use phone_assistant::audio::g711::{a_law, mu_law};
use testkit::audio::{ffmpeg, g711};

#[test]
fn both_laws_follow_the_decision_values_of_the_standard_for_every_sample() {
    let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let standard = g711::encoded_mulaw(&samples);
    let standard = standard.into_iter().zip(g711::encoded_alaw(&samples));
    for (&sample, standard) in samples.iter().zip(standard) {
        assert_eq!((mu_law(sample), a_law(sample)), standard, "sample {sample}");
    }
}

#[test]
fn well_known_samples_have_their_well_known_bytes() {
    let table = [
        (0, 0xFF, 0xD5),
        (-1, 0x7F, 0x55),
        (i16::MAX, 0x80, 0xAA),
        (i16::MIN, 0x00, 0x2A),
        (1_000, 0xCE, 0xFA),
        (-1_000, 0x4E, 0x7A),
    ];
    for (sample, mu, a) in table {
        assert_eq!((mu_law(sample), a_law(sample)), (mu, a), "sample {sample}");
    }
}

#[test]
fn ffmpeg_differs_for_964_samples_and_only_by_the_neighbouring_code() {
    let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let laws: [fn(i16) -> u8; 2] = [mu_law, a_law];
    for (codec, ours) in ["mulaw", "alaw"].into_iter().zip(laws) {
        let Some(theirs) = ffmpeg::run(8_000, &samples, &["-f", codec]) else {
            return println!("skipped: there is no ffmpeg here");
        };
        let pairs = samples
            .iter()
            .zip(theirs)
            .map(|(&sample, theirs)| (sample, ours(sample), theirs));
        let different: Vec<_> = pairs.filter(|(_, ours, theirs)| ours != theirs).collect();
        assert_eq!(different.len(), 964, "{codec}");
        let silence = ours(0);
        for (sample, ours, theirs) in different {
            assert_eq!(
                (ours ^ silence).abs_diff(theirs ^ silence),
                1,
                "{codec} of {sample}"
            );
        }
    }
}
