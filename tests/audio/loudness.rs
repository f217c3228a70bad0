//! The limiter: no sample over the ceiling, and nothing else that could be heard.

use phone_assistant::audio::loudness::{CEILING, Limiter};

use super::{level_db, pieces, speech_like, tone};

fn limited(rate_hz: u16, gain_db: f32, samples: &[f32]) -> Vec<f32> {
    let mut limiter = Limiter::new(rate_hz, gain_db);
    let mut output = Vec::new();
    limiter.push(samples, &mut output);
    limiter.finish(&mut output);
    assert_eq!(output.len(), samples.len());
    output
}

fn largest(samples: &[f32]) -> f32 {
    samples
        .iter()
        .fold(0.0, |largest, sample| largest.max(sample.abs()))
}

fn square(half_period: usize, len: usize) -> Vec<f32> {
    (0..len)
        .map(|frame| {
            if (frame / half_period).is_multiple_of(2) {
                1.0
            } else {
                -1.0
            }
        })
        .collect()
}

fn impulses(distance: usize, len: usize) -> Vec<f32> {
    (0..len)
        .map(|frame| if frame % distance == 0 { -1.0 } else { 0.01 })
        .collect()
}

#[test]
fn no_sample_ever_passes_the_ceiling() {
    let sounds = [
        ("speech", speech_like(80_000)),
        ("square", square(37, 8_000)),
        ("impulses", impulses(401, 8_000)),
        ("impulses closer than the window", impulses(7, 8_000)),
        ("sine", tone(8_000, 440, 1.0, 8_000)),
        (
            "a first and a last sample alone",
            [vec![1.0], vec![0.0; 500], vec![1.0]].concat(),
        ),
    ];
    for (name, sound) in sounds {
        for gain_db in [0.0, 0.1, 2.0, 6.0, 12.0, 20.0, 60.0] {
            for rate_hz in [8_000, 16_000, 48_000] {
                let peak = largest(&limited(rate_hz, gain_db, &sound));
                assert!(
                    peak <= CEILING,
                    "{name} at {gain_db} dB and {rate_hz} Hz: {peak}"
                );
            }
        }
    }
}

#[test]
fn six_decibels_more_on_full_scale_speech_clip_no_sample() {
    let sound = speech_like(80_000);
    let output = limited(8_000, 6.0, &sound);
    let clipped = output
        .iter()
        .filter(|sample| sample.abs() >= 32_767.0 / 32_768.0)
        .count();
    assert_eq!(clipped, 0);
    let louder = level_db(&output) - level_db(&sound);
    assert!((1.5..6.0).contains(&louder), "it is {louder} dB louder");
}

#[test]
fn a_sound_below_the_ceiling_is_only_made_louder() {
    let soft: Vec<f32> = speech_like(20_000)
        .iter()
        .map(|sample| sample * 0.4)
        .collect();
    let gain = 10_f32.powf(6.0 / 20.0);
    let wanted: Vec<f32> = soft.iter().map(|sample| sample * gain).collect();
    assert!(limited(8_000, 6.0, &soft) == wanted);
    assert!(limited(8_000, 0.0, &soft) == soft);
}

#[test]
fn how_the_sound_is_cut_makes_no_difference_at_all() {
    let whole = speech_like(50_000);
    let mut limiter = Limiter::new(8_000, 9.0);
    let mut output = Vec::new();
    for piece in pieces(&whole) {
        limiter.push(piece, &mut output);
    }
    limiter.finish(&mut output);
    assert!(output == limited(8_000, 9.0, &whole));
}

#[test]
fn a_steady_tone_stays_steady() {
    for frequency_hz in [100, 200, 440, 1_000, 3_000] {
        let output = limited(8_000, 12.0, &tone(8_000, frequency_hz, 1.0, 16_000));
        let levels: Vec<f64> = output[4_000..12_000].chunks(800).map(level_db).collect();
        let lowest = levels.iter().copied().fold(f64::MAX, f64::min);
        let highest = levels.iter().copied().fold(f64::MIN, f64::max);
        assert!(
            highest - lowest < 0.1,
            "{frequency_hz} Hz: {lowest} to {highest} dB"
        );
        assert!(highest > -0.5, "{frequency_hz} Hz: {highest} dB");
    }
}

#[test]
fn a_limited_tone_stays_a_sine() {
    for frequency_hz in [200_u32, 440, 1_000] {
        let output = limited(8_000, 12.0, &tone(8_000, frequency_hz, 1.0, 16_000));
        let pure = tone(8_000, frequency_hz, largest(&output[6_000..10_000]), 16_000);
        let distortion: Vec<f32> = output
            .iter()
            .zip(&pure)
            .map(|(ours, ideal)| ours - ideal)
            .collect();
        assert!(
            level_db(&distortion) < -50.0,
            "{frequency_hz} Hz: {} dB",
            level_db(&distortion)
        );
    }
}

#[test]
fn the_gain_moves_in_ramps_and_is_back_soon_after_a_click() {
    let mut sound = vec![0.1; 8_000];
    sound[4_000] = 1.0;
    let gains: Vec<f32> = limited(8_000, 12.0, &sound)
        .iter()
        .map(|sample| sample / 0.398_107)
        .collect();
    assert!(
        (gains[3_900] - 1.0).abs() < 0.001,
        "5 ms before the click nothing moves"
    );
    for frame in (3_900..7_999).filter(|frame| ![3_999, 4_000].contains(frame)) {
        assert!(
            (gains[frame] - gains[frame + 1]).abs() < 0.025,
            "a jump at {frame}"
        );
    }
    // 200 ms later.
    assert!(
        gains[5_600] > 0.944,
        "within 0.5 dB, found {}",
        gains[5_600]
    );
}

#[test]
fn soon_after_a_peak_the_sound_is_untouched_again_and_stays_below_the_ceiling() {
    // The last of them is over the ceiling by the least that there is.
    for peak in [1.0, 0.99, CEILING.next_up()] {
        let mut sound = vec![0.1; 16_000];
        sound[120] = peak;
        let output = limited(8_000, 0.0, &sound);
        assert!(largest(&output) <= CEILING, "{peak}");
        assert!(output[8_000..] == sound[8_000..], "{peak}");
    }
}
