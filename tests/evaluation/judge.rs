//! The figures that the tables come to, and the limit of each.

use std::fmt::{self, Display};
use std::iter::Sum;
use std::ops::RangeInclusive;

/// How many of how many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    count: usize,
    of: usize,
}

/// What a count is to be, as a share of all.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    AtMost(usize, usize),
    AtLeast(usize, usize),
    /// The figure is told and not judged.
    None,
}

/// A figure, and whether it is within its limit.
#[derive(Debug)]
pub(crate) struct Figure {
    name: String,
    measured: String,
    limit: String,
    is_within: bool,
}

impl Count {
    pub(crate) fn of(count: usize, of: usize) -> Self {
        Self { count, of }
    }

    /// Counts those of which it is true.
    pub(crate) fn new(all: impl IntoIterator<Item = bool>) -> Self {
        let ones = all.into_iter().map(|one| Self {
            count: usize::from(one),
            of: 1,
        });
        ones.sum()
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            count: sum.count + one.count,
            of: sum.of + one.of,
        })
    }
}

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.count, self.of)
    }
}

impl Figure {
    pub(crate) fn count(name: impl Into<String>, counted: Count, limit: Limit) -> Self {
        let Count { count, of } = counted;
        let (limit, is_within) = match limit {
            Limit::AtMost(part, whole) => {
                let max = of * part / whole;
                (format!("at most {max}"), count <= max)
            }
            Limit::AtLeast(part, whole) => {
                let least = (of * part).div_ceil(whole);
                (format!("at least {least}"), count >= least)
            }
            Limit::None => (String::new(), true),
        };
        Self {
            name: name.into(),
            measured: counted.to_string(),
            limit,
            is_within,
        }
    }

    /// A figure that is no count, in this unit.
    pub(crate) fn of(
        name: impl Into<String>,
        value: f32,
        unit: &str,
        limit: RangeInclusive<f32>,
    ) -> Self {
        let (min, max) = limit.clone().into_inner();
        let limit_text = if min > 0.0 {
            format!("{min:.2} to {max:.2} {unit}")
        } else {
            format!("at most {max} {unit}")
        };
        Self {
            name: name.into(),
            measured: format!("{value:.2} {unit}"),
            limit: limit_text,
            is_within: limit.contains(&value),
        }
    }
}

/// Prints all figures with their limits, and once more those that are beyond. Returns whether there are none of these.
pub(crate) fn are_within(figures: &[Figure]) -> bool {
    println!("\n| figure | measured | limit |\n|---|---|---|");
    for figure in figures {
        let Figure {
            name,
            measured,
            limit,
            ..
        } = figure;
        let beyond = if figure.is_within { "" } else { ": BEYOND" };
        println!("| {name} | {measured} | {limit}{beyond} |");
    }
    let beyond: Vec<_> = figures.iter().filter(|figure| !figure.is_within).collect();
    println!(
        "\n{} figures, {} beyond their limit",
        figures.len(),
        beyond.len()
    );
    for figure in &beyond {
        println!(
            "BEYOND: {}: {}, {}",
            figure.name, figure.measured, figure.limit
        );
    }
    beyond.is_empty()
}

/// What so many of a hundred do not exceed.
pub(crate) fn percentile(mut values: Vec<f32>, percent: usize) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let at = values.len().saturating_sub(1) * percent / 100;
    values.get(at).copied().unwrap_or(f32::NAN)
}
