//! Compared with the transform by its definition.

use super::numbers::twiddle;
use super::{Complex, Fourier};

/// A signal with something in every bin.
fn samples(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap_or_default()) / 32_768.0 - 1.0
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn spectrum(fourier: &mut Fourier, samples: &[f32], bins: usize) -> Vec<Complex<f32>> {
    let mut spectrum = vec![Complex::default(); bins];
    fourier.forward(samples, &mut spectrum);
    spectrum
}

/// By definition, in double precision.
fn defined(samples: &[f32], bin: usize) -> Complex<f64> {
    let double = |number: Complex<f32>| Complex::new(f64::from(number.re), f64::from(number.im));
    let products = samples
        .iter()
        .enumerate()
        .map(|(at, sample)| double(twiddle(at * bin, samples.len())) * f64::from(*sample));
    products.fold(Complex::new(0.0, 0.0), |sum, product| sum + product)
}

#[test]
fn a_spectrum_is_what_it_is_by_definition_at_each_length() {
    // Powers of two; each small factor once and together; prime numbers, and twice a large one.
    let lens = [
        2, 4, 6, 8, 10, 14, 16, 22, 26, 64, 128, 256, 320, 640, 768, 882, 1764, 420, 94, 1010, 2018,
    ];
    for len in lens {
        let samples = samples(len);
        let found = spectrum(&mut Fourier::new(len), &samples, len / 2 + 1);
        for (bin, found) in found.iter().enumerate() {
            let right = defined(&samples, bin);
            let (re, im) = (
                f64::from(found.re) - right.re,
                f64::from(found.im) - right.im,
            );
            let size = f64::from(u32::try_from(len).unwrap_or_default()).sqrt();
            assert!(
                re.hypot(im) < 2e-6 * size,
                "{len}, {bin}: {found} and not {right}"
            );
        }
    }
}

#[test]
fn a_spectrum_leads_back_to_its_samples() {
    for len in [2, 14, 128, 768, 882, 1010, 4096] {
        let samples = samples(len);
        let mut fourier = Fourier::new(len);
        let bins = spectrum(&mut fourier, &samples, len / 2 + 1);
        let mut back = vec![0.0; len];
        fourier.inverse(&bins, &mut back);
        for (at, (back, sample)) in back.iter().zip(&samples).enumerate() {
            assert!(
                (back - sample).abs() < 1e-6,
                "{len}, {at}: {back} and not {sample}"
            );
        }
    }
}

#[test]
fn what_is_missing_counts_as_zero_and_what_has_no_room_is_left_out() {
    for (len, some, bins) in [
        (768, 384, 100),
        (768, 383, 1),
        (1010, 505, 300),
        (64, 0, 33),
    ] {
        let mut fourier = Fourier::new(len);
        let mut long = samples(some);
        let short = spectrum(&mut fourier, &long, bins);
        long.resize(len, 0.0);
        let whole = spectrum(&mut fourier, &long, len / 2 + 1);
        assert_eq!(short, whole[..bins], "{len}");

        let mut filled = short.clone();
        filled.resize(len / 2 + 1, Complex::default());
        let (mut from_short, mut from_whole) = (vec![0.0; some], vec![0.0; len]);
        fourier.inverse(&short, &mut from_short);
        fourier.inverse(&filled, &mut from_whole);
        assert_eq!(from_short, from_whole[..some], "{len}");
    }
}
