//! What work costs: what was used, times the price, in millionths of a dollar and always rounded up.
//!
//! Prices are estimates: the vendors' lists, without free allowances and discounts.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// An amount of money, in millionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MicroDollars(pub u64);

/// What a model costs, in US dollars. What is not billed is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    /// The price of a minute of audio.
    pub per_minute: f64,
    /// The audio of a request is rounded up to a multiple of this.
    pub step_seconds: f64,
    /// The price of a million tokens that are read.
    pub per_million_input: f64,
    /// The price of a million tokens that are written.
    pub per_million_output: f64,
    /// The price of a million characters that are spoken.
    pub per_million_characters: f64,
}

/// What was used of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Audio that was listened to or made.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_ms: u64,
    /// Tokens that were read.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_tokens: u64,
    /// Tokens that were written.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_tokens: u64,
    /// Characters that were spoken.
    #[serde(skip_serializing_if = "is_zero")]
    pub characters: u64,
}

impl Price {
    /// The cost of one request with this usage.
    pub fn of(self, usage: Usage) -> MicroDollars {
        // A step of 0 would make the division below no number, and what is no number becomes a cost of 0.
        let step = self.step_seconds.max(SHORTEST_STEP);
        let seconds = MILLISECONDS * millions(usage.audio_ms);
        let minutes = (seconds / step).ceil() * step / 60.0;
        let dollars = self.per_minute * minutes
            + self.per_million_input * millions(usage.input_tokens)
            + self.per_million_output * millions(usage.output_tokens)
            + self.per_million_characters * millions(usage.characters);
        MicroDollars(whole((dollars * MILLION).ceil()))
    }

    /// The step to which audio is rounded up, in milliseconds.
    pub(crate) fn step_ms(self) -> u64 {
        whole((self.step_seconds * 1000.0).ceil())
    }

    /// The higher of two prices in each field.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            per_minute: self.per_minute.max(other.per_minute),
            step_seconds: self.step_seconds.max(other.step_seconds),
            per_million_input: self.per_million_input.max(other.per_million_input),
            per_million_output: self.per_million_output.max(other.per_million_output),
            per_million_characters: self
                .per_million_characters
                .max(other.per_million_characters),
        }
    }
}

impl Usage {
    /// This usage, limited in each field to that of `limit`.
    #[must_use]
    pub(crate) fn at_most(self, limit: Self) -> Self {
        Self {
            audio_ms: self.audio_ms.min(limit.audio_ms),
            input_tokens: self.input_tokens.min(limit.input_tokens),
            output_tokens: self.output_tokens.min(limit.output_tokens),
            characters: self.characters.min(limit.characters),
        }
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            // Saturating, as all sums of costs: one that wrapped around would be small, and pass every limit.
            audio_ms: self.audio_ms.saturating_add(other.audio_ms),
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            characters: self.characters.saturating_add(other.characters),
        }
    }
}

impl MicroDollars {
    /// The amount for a number of dollars.
    pub(crate) fn of_dollars(dollars: f64) -> Self {
        Self(whole((dollars * MILLION).round()))
    }

    /// Whether the amount is zero.
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The amount, `count` times.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl Add for MicroDollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// Subtracts; the result is nothing when more is taken away than there is.
impl Sub for MicroDollars {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for MicroDollars {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

/// Shows the amount to a hundredth of a cent: `$0.0123`.
impl fmt::Display for MicroDollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded up, so that what costs anything never shows as $0.0000.
        let tenths_of_mills = self.0.div_ceil(100);
        write!(
            f,
            "${}.{:04}",
            tenths_of_mills / 10_000,
            tenths_of_mills % 10_000
        )
    }
}

/// serde hands over references, whatever the size.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// Counts are far below the 2⁵³ up to which every whole number has its own `f64`.
#[allow(clippy::as_conversions, clippy::cast_precision_loss)]
fn millions(count: u64) -> f64 {
    count as f64 / MILLION
}

/// Converts with saturation; NaN becomes 0.
#[allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn whole(number: f64) -> u64 {
    number as u64
}

const MILLION: f64 = 1_000_000.0;
/// How many seconds a million milliseconds are.
const MILLISECONDS: f64 = 1000.0;
/// Where no step is known, audio is billed by the millisecond.
const SHORTEST_STEP: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_rounded_up() {
        let stt = Price {
            per_minute: 0.024,
            step_seconds: 15.0,
            ..Price::default()
        };
        let llm = Price {
            per_million_input: 0.3,
            per_million_output: 2.5,
            ..Price::default()
        };
        let tts = Price {
            per_million_characters: 15.0,
            ..Price::default()
        };
        let audio = |audio_ms| Usage {
            audio_ms,
            ..Usage::default()
        };
        let tokens = Usage {
            input_tokens: 100,
            output_tokens: 400,
            ..Usage::default()
        };
        let characters = Usage {
            characters: 1,
            ..Usage::default()
        };
        let table = [
            (stt, audio(0), 0),
            (stt, audio(100), 6000),
            (stt, audio(15_000), 6000),
            (stt, audio(15_100), 12_000),
            (llm, tokens, 1030),
            (tts, characters, 15),
            (Price::default(), tokens + characters, 0),
        ];
        for (price, usage, expected) in table {
            assert_eq!(price.of(usage), MicroDollars(expected), "{usage:?}");
        }
    }

    #[test]
    fn amounts_are_shown_to_a_hundredth_of_a_cent() {
        for (amount, shown) in [
            (0, "$0.0000"),
            (1, "$0.0001"),
            (12_300, "$0.0123"),
            (2_500_000, "$2.5000"),
        ] {
            assert_eq!(MicroDollars(amount).to_string(), shown);
        }
        assert_eq!(MicroDollars::of_dollars(0.25), MicroDollars(250_000));
    }
}
