//! The resampler: what it lets pass, what it stops, and that nobody can hear how the sound was cut.

use phone_assistant::audio::resample::{Error, Resampler};

use super::{level_db, pieces, speech_like, tone};

fn resampled(from_hz: u32, to_hz: u32, samples: &[f32]) -> Vec<f32> {
    let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
    let mut output = Vec::new();
    resampler.push(samples, &mut output);
    resampler.finish(&mut output);
    output
}

/// How loud a full-scale tone comes out, in dB.
fn response_db(from_hz: u32, to_hz: u32, frequency_hz: u32) -> f64 {
    level_db(&resampled(
        from_hz,
        to_hz,
        &tone(from_hz, frequency_hz, 1.0, from_hz),
    ))
}

/// The rates of speech services, of compact discs, of video, and of wideband telephones.
const RATES_HZ: [u32; 9] = [
    11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000,
];

/// The rates that sounds for telephones have, of which each is made from each.
const BOTH_WAYS_HZ: [u32; 8] = [
    8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000,
];

#[test]
fn the_telephone_band_passes_unchanged() {
    for from_hz in RATES_HZ.into_iter().filter(|&rate| rate < 65_536) {
        for frequency_hz in [100, 300, 1_000, 2_000, 3_000, 3_300, 3_400] {
            let change = response_db(from_hz, 8_000, frequency_hz);
            assert!(
                change.abs() < 0.05,
                "{frequency_hz} Hz at {from_hz} Hz: {change} dB"
            );
        }
    }
}

#[test]
fn what_would_fold_back_into_the_telephone_band_is_stopped() {
    for from_hz in RATES_HZ.into_iter().filter(|&rate| rate < 65_536) {
        for frequency_hz in [4_300, 4_700, 5_000, 5_400] {
            let level = response_db(from_hz, 8_000, frequency_hz);
            assert!(
                level < -100.0,
                "{frequency_hz} Hz at {from_hz} Hz: {level} dB"
            );
        }
    }
}

#[test]
fn a_wideband_telephone_hears_7_khz_and_no_mirror_of_it() {
    assert!(response_db(24_000, 16_000, 6_800).abs() < 0.05);
    assert!(response_db(24_000, 16_000, 8_600) < -100.0);
    let raised = resampled(8_000, 16_000, &tone(8_000, 3_000, 1.0, 8_000));
    let wanted = tone(16_000, 3_000, 1.0, 16_000);
    let difference: Vec<f32> = raised
        .iter()
        .zip(&wanted)
        .map(|(ours, ideal)| ours - ideal)
        .collect();
    assert!(
        level_db(&difference) < -90.0,
        "{} dB",
        level_db(&difference)
    );
}

#[test]
fn a_tone_comes_out_where_it_went_in() {
    for from_hz in BOTH_WAYS_HZ {
        for to_hz in BOTH_WAYS_HZ {
            let output = resampled(from_hz, to_hz, &tone(from_hz, 1_000, 0.5, from_hz));
            let wanted = tone(to_hz, 1_000, 0.5, to_hz);
            let difference: Vec<f32> = output
                .iter()
                .zip(&wanted)
                .map(|(ours, ideal)| ours - ideal)
                .collect();
            let level = level_db(&difference);
            assert!(level < -90.0, "{from_hz} Hz to {to_hz} Hz: {level} dB");
        }
    }
}

#[test]
fn the_length_is_exact_to_one_frame() {
    for from_hz in RATES_HZ {
        for to_hz in [8_000, 16_000] {
            for len in [0_u32, 1, 2, 3, 159, 160, 161, 1_023, 24_000, 48_001] {
                let output = resampled(from_hz, to_hz, &vec![0.1; usize::try_from(len).unwrap()]);
                let expected = (u64::from(len) * u64::from(to_hz)).div_ceil(u64::from(from_hz));
                assert_eq!(
                    u64::try_from(output.len()).unwrap(),
                    expected,
                    "{len} at {from_hz} to {to_hz}"
                );
            }
        }
    }
}

#[test]
fn how_the_sound_is_cut_makes_no_difference_at_all() {
    let whole = speech_like(100_000);
    for from_hz in RATES_HZ {
        let mut resampler = Resampler::new(from_hz, 8_000).unwrap();
        let mut output = Vec::new();
        for piece in pieces(&whole) {
            resampler.push(piece, &mut output);
        }
        resampler.finish(&mut output);
        assert!(output == resampled(from_hz, 8_000, &whole), "{from_hz}");
    }
}

#[test]
fn the_same_rate_passes_bit_for_bit() {
    let whole = speech_like(10_000);
    assert!(resampled(8_000, 8_000, &whole) == whole);
}

#[test]
fn rates_that_no_sound_has_are_refused_and_named() {
    for (from_hz, to_hz) in [
        (0, 8_000),
        (3_999, 8_000),
        (192_001, 8_000),
        (8_000, 0),
        (u32::MAX, 8_000),
    ] {
        let error = Resampler::new(from_hz, to_hz).err().unwrap();
        assert!(
            matches!(error, Error::Rate { from_hz: a, to_hz: b } if (a, b) == (from_hz, to_hz))
        );
        assert!(error.to_string().contains(&from_hz.to_string()), "{error}");
    }
    for rate_hz in [4_000, 191_999, 192_000] {
        assert!(Resampler::new(rate_hz, 8_000).is_ok(), "{rate_hz}");
    }
}
