//! One of Stockham's passes, for one factor of a length.
//!
//! With the radix r, n numbers x are read as r legs of n / r, and transforms of r numbers, one of each leg, are
//! written one after the other; what is transformed further is multiplied by its twiddle first:
//!
//! ```text
//! y[q + s (r p + k)] = w^(p k) Σ x[q + s (p + m j)] e^(-2πi j k / r)      0 <= q < s   0 <= p < m = n / (r s)
//! ```

#![expect(
    clippy::inline_always,
    reason = "numbers stay in registers only where all that is done with them is one function"
)]

use std::array::from_fn;
use std::ops::{Add, Mul, Sub};

use wide::f32x4;

use super::numbers::{Numbers, twiddle};

/// What a pass does to all numbers of a transform.
pub(crate) struct Pass {
    radix: usize,
    stride: usize,
    /// The powers of w, first by k from 1, then by p.
    twiddles: Numbers,
    /// The roots of unity of the radix.
    roots: Numbers,
}

impl Pass {
    pub(crate) fn new(radix: usize, stride: usize, len: usize) -> Self {
        let sub_len = len / stride;
        let twiddles =
            (1..radix).flat_map(|k| (0..sub_len / radix).map(move |p| twiddle(k * p, sub_len)));
        let collect = |numbers: &mut dyn Iterator<Item = num_complex::Complex<f32>>| {
            let (re, im) = numbers.map(|number| (number.re, number.im)).unzip();
            Numbers { re, im }
        };
        Self {
            radix,
            stride,
            twiddles: collect(&mut { twiddles }),
            roots: collect(&mut (0..radix).map(|at| twiddle(at, radix))),
        }
    }

    pub(crate) fn run(&self, from: &Numbers, to: &mut Numbers) {
        match self.radix {
            2 => self.run_as::<2>(from, to),
            3 => self.run_as::<3>(from, to),
            4 => self.run_as::<4>(from, to),
            5 => self.run_as::<5>(from, to),
            // `passes` in plan.rs takes no other factors.
            _ => self.run_as::<7>(from, to),
        }
    }

    fn run_as<const R: usize>(&self, from: &Numbers, to: &mut Numbers) {
        if self.stride.is_multiple_of(LANES) {
            self.strided::<R, LANES, f32x4>(from, to);
        } else if self.stride > 1 {
            self.strided::<R, 1, f32>(from, to);
        } else if (from.re.len() / R).is_multiple_of(LANES) {
            self.first::<R, LANES, f32x4>(from, to);
        } else {
            self.first::<R, 1, f32>(from, to);
        }
    }

    /// Computes W neighbours of a stride at a time, which all have the same twiddles.
    fn strided<const R: usize, const W: usize, L: Lanes<W>>(
        &self,
        from: &Numbers,
        to: &mut Numbers,
    ) {
        let (re, im) = (from.re.as_chunks::<W>().0, from.im.as_chunks::<W>().0);
        let to_re = to.re.as_chunks_mut::<W>().0;
        let to_im = to.im.as_chunks_mut::<W>().0;
        let (leg, stride) = (re.len() / R, self.stride / W);
        let rows = leg / stride;
        let roots: [_; R] = from_fn(|at| Complex::splat(self.roots.re[at], self.roots.im[at]));
        let to = (to_re.chunks_exact_mut(R * stride)).zip(to_im.chunks_exact_mut(R * stride));
        for (p, (to_re, to_im)) in to.enumerate() {
            let twiddles: [Complex<L>; R] = from_fn(|k| {
                // The first twiddle is always 1, and is not kept.
                let at = k.checked_sub(1).map(|k| k * rows + p);
                at.map_or_else(
                    || Complex::splat(1.0, 0.0),
                    |at| Complex::splat(self.twiddles.re[at], self.twiddles.im[at]),
                )
            });
            let re: [_; R] = from_fn(|j| &re[p * stride + j * leg..][..stride]);
            let im: [_; R] = from_fn(|j| &im[p * stride + j * leg..][..stride]);
            for q in 0..stride {
                let legs = from_fn(|j| Complex::of(re[j][q], im[j][q]));
                let sums = butterfly::<R, L>(legs, &roots);
                for k in 0..R {
                    let sum = if k > 0 {
                        sums[k] * twiddles[k]
                    } else {
                        sums[k]
                    };
                    to_re[k * stride + q] = sum.re.parts();
                    to_im[k * stride + q] = sum.im.parts();
                }
            }
        }
    }

    /// Computes W transforms at a time, each with its own twiddles.
    fn first<const R: usize, const W: usize, L: Lanes<W>>(&self, from: &Numbers, to: &mut Numbers) {
        let (re, im) = (from.re.as_chunks::<W>().0, from.im.as_chunks::<W>().0);
        let twiddles_re = self.twiddles.re.as_chunks::<W>().0;
        let twiddles_im = self.twiddles.im.as_chunks::<W>().0;
        let leg = re.len() / R;
        let roots: [_; R] = from_fn(|at| Complex::splat(self.roots.re[at], self.roots.im[at]));
        let to_re = to.re.chunks_exact_mut(R * W);
        let to_im = to.im.chunks_exact_mut(R * W);
        for (p, (to_re, to_im)) in to_re.zip(to_im).enumerate() {
            let legs = from_fn(|j| Complex::of(re[p + j * leg], im[p + j * leg]));
            let sums = butterfly::<R, L>(legs, &roots);
            for k in 0..R {
                let sum = match k.checked_sub(1).map(|k| k * leg + p) {
                    Some(at) => sums[k] * Complex::of(twiddles_re[at], twiddles_im[at]),
                    None => sums[k],
                };
                let (re, im) = (sum.re.parts(), sum.im.parts());
                for lane in 0..W {
                    to_re[lane * R + k] = re[lane];
                    to_im[lane * R + k] = im[lane];
                }
            }
        }
    }
}

/// The transform of R numbers.
#[inline(always)]
fn butterfly<const R: usize, L: Real>(
    legs: [Complex<L>; R],
    roots: &[Complex<L>; R],
) -> [Complex<L>; R] {
    match R {
        2 => from_fn(|k| match k {
            0 => legs[0] + legs[1],
            _ => legs[0] - legs[1],
        }),
        4 => {
            let (sum, difference) = (legs[0] + legs[2], legs[0] - legs[2]);
            let (sum_odd, difference_odd) = (legs[1] + legs[3], legs[1] - legs[3]);
            from_fn(|k| match k {
                0 => sum + sum_odd,
                1 => difference.less_turned(difference_odd),
                2 => sum - sum_odd,
                _ => difference.plus_turned(difference_odd),
            })
        }
        _ => odd_butterfly(legs, roots),
    }
}

/// The transform of an odd number of numbers, whose roots of unity come in pairs that are each other's conjugates.
#[inline(always)]
fn odd_butterfly<const R: usize, L: Real>(
    legs: [Complex<L>; R],
    roots: &[Complex<L>; R],
) -> [Complex<L>; R] {
    let sums: [_; R] = from_fn(|j| legs[j] + legs[(R - j) % R]);
    let differences: [_; R] = from_fn(|j| legs[j] - legs[(R - j) % R]);
    let mut result = [legs[0]; R];
    result[0] = sums[1..=R / 2]
        .iter()
        .fold(legs[0], |sum, pair| sum + *pair);
    for k in 1..=R / 2 {
        let mut even = legs[0] + sums[1].scaled(roots[k].re);
        let mut odd = differences[1].scaled(roots[k].im);
        for j in 2..=R / 2 {
            even = even + sums[j].scaled(roots[j * k % R].re);
            odd = odd + differences[j].scaled(roots[j * k % R].im);
        }
        result[k] = even.plus_turned(odd);
        result[R - k] = even.less_turned(odd);
    }
    result
}

/// As many complex numbers as are computed at a time.
#[derive(Clone, Copy)]
struct Complex<L> {
    re: L,
    im: L,
}

impl<L: Real> Complex<L> {
    #[inline(always)]
    fn of<const W: usize>(re: [f32; W], im: [f32; W]) -> Self
    where
        L: Lanes<W>,
    {
        Self {
            re: L::of(re),
            im: L::of(im),
        }
    }

    #[inline(always)]
    fn splat(re: f32, im: f32) -> Self {
        Self {
            re: L::splat(re),
            im: L::splat(im),
        }
    }

    #[inline(always)]
    fn scaled(self, factor: L) -> Self {
        Self {
            re: self.re * factor,
            im: self.im * factor,
        }
    }

    /// This and the imaginary unit times another.
    #[inline(always)]
    fn plus_turned(self, other: Self) -> Self {
        Self {
            re: self.re - other.im,
            im: self.im + other.re,
        }
    }

    #[inline(always)]
    fn less_turned(self, other: Self) -> Self {
        Self {
            re: self.re + other.im,
            im: self.im - other.re,
        }
    }
}

impl<L: Real> Add for Complex<L> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self {
            re: self.re + other.re,
            im: self.im + other.im,
        }
    }
}

impl<L: Real> Sub for Complex<L> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self {
            re: self.re - other.re,
            im: self.im - other.im,
        }
    }
}

impl<L: Real> Mul for Complex<L> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self {
            re: self.re * other.re - self.im * other.im,
            im: self.re * other.im + self.im * other.re,
        }
    }
}

/// One real number, or several side by side, which a processor adds and multiplies at once.
trait Real: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    fn splat(number: f32) -> Self;
}

/// W real numbers.
trait Lanes<const W: usize>: Real {
    fn of(parts: [f32; W]) -> Self;
    fn parts(self) -> [f32; W];
}

impl Real for f32 {
    fn splat(number: f32) -> Self {
        number
    }
}

impl Lanes<1> for f32 {
    fn of([number]: [f32; 1]) -> Self {
        number
    }

    fn parts(self) -> [f32; 1] {
        [self]
    }
}

impl Real for f32x4 {
    #[inline(always)]
    fn splat(number: f32) -> Self {
        Self::splat(number)
    }
}

impl Lanes<LANES> for f32x4 {
    #[inline(always)]
    fn of(parts: [f32; LANES]) -> Self {
        Self::new(parts)
    }

    #[inline(always)]
    fn parts(self) -> [f32; LANES] {
        self.to_array()
    }
}

/// What every processor of 64 bits has in one register.
const LANES: usize = 4;
