//! How many calls ended how, and how long their steps took: the middle and the slow end of each.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::sys::costs::MicroDollars;
use crate::sys::plain::plain;
use crate::timeline::record::Record;
use crate::timeline::{Mark, steps};

/// Calls, added newest first.
#[derive(Debug, Default)]
pub(super) struct Summary {
    calls: usize,
    newest: String,
    oldest: String,
    /// The number of calls by status, and of those that failed by stage.
    statuses: BTreeMap<String, Count>,
    times_ms: BTreeMap<Row, Vec<u64>>,
    cost: MicroDollars,
}

#[derive(Debug, Default)]
struct Count {
    calls: usize,
    stages: BTreeMap<String, usize>,
}

/// A row of the table, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    EarToEar,
    Silence,
    Step(Mark),
}

impl Summary {
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    pub(super) fn add(&mut self, record: &Record) {
        if self.calls == 0 {
            self.newest = plain(&record.time);
        }
        self.oldest = plain(&record.time);
        self.calls += 1;
        self.cost = self.cost + record.microdollars;
        let count = self.statuses.entry(plain(&record.status)).or_default();
        count.calls += 1;
        if let Some(stage) = &record.stage {
            *count.stages.entry(plain(stage)).or_default() += 1;
        }
        let steps = steps(&record.marks).map(|step| (Row::Step(step.mark), Some(step.ms())));
        let sums = [
            (Row::EarToEar, record.ear_to_ear_ms),
            (Row::Silence, record.silence_ms),
        ];
        for (row, ms) in sums.into_iter().chain(steps) {
            if let Some(ms) = ms {
                self.times_ms.entry(row).or_default().push(ms);
            }
        }
    }
}

/// How long a step took in the middle and at the slow end, and in how many calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) p50: u64,
    pub(super) p95: u64,
    pub(super) calls: usize,
}

impl Spread {
    pub(super) fn of(ms: &[u64]) -> Self {
        let mut ms = ms.to_vec();
        ms.sort_unstable();
        Self {
            p50: percentile(&ms, 50),
            p95: percentile(&ms, 95),
            calls: ms.len(),
        }
    }
}

impl Summary {
    /// The first and the last moment at which a call began.
    pub(super) fn span(&self) -> (&str, &str) {
        (&self.oldest, &self.newest)
    }

    pub(super) fn cost(&self) -> MicroDollars {
        self.cost
    }

    /// How many calls ended with each status.
    pub(super) fn statuses(&self) -> impl Iterator<Item = (&str, usize)> {
        let all = self.statuses.iter();
        all.map(|(status, count)| (status.as_str(), count.calls))
    }

    /// The rows of the table, in their order.
    pub(super) fn times(&self) -> impl Iterator<Item = (Row, Spread)> {
        self.times_ms.iter().map(|(row, ms)| (*row, Spread::of(ms)))
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let count = |count: &Count| json!({"calls": count.calls, "stages": count.stages});
        let statuses = self
            .statuses
            .iter()
            .map(|(name, it)| (name.clone(), count(it)));
        let times = self.times().map(|(row, Spread { p50, p95, calls })| {
            (
                row.to_string(),
                json!({"p50": p50, "p95": p95, "calls": calls}),
            )
        });
        json!({
            "calls": self.calls,
            "oldest": self.oldest,
            "newest": self.newest,
            "microdollars": self.cost,
            "statuses": statuses.collect::<Map<_, _>>(),
            "milliseconds": times.collect::<Map<_, _>>(),
        })
    }

    fn counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (status, count) in &self.statuses {
            writeln!(f, "{status:<NAME$}{:>NUMBER$}", count.calls)?;
            for (stage, calls) in &count.stages {
                let stage = format!("  at {stage}");
                writeln!(f, "{stage:<NAME$}{calls:>NUMBER$}")?;
            }
        }
        Ok(())
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p95, calls) = ("p50", "p95", "calls");
        writeln!(
            f,
            "{:<NAME$}{p50:>NUMBER$}{p95:>NUMBER$}{calls:>NUMBER$}",
            "milliseconds"
        )?;
        for (row, Spread { p50, p95, calls }) in self.times() {
            writeln!(
                f,
                "{row:<NAME$}{p50:>NUMBER$}{p95:>NUMBER$}{calls:>NUMBER$}"
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.calls == 1 { "" } else { "s" };
        let (calls, oldest, newest) = (self.calls, &self.oldest, &self.newest);
        writeln!(f, "{calls} call{plural}, {oldest} to {newest}\n")?;
        self.counts(f)?;
        if self.cost > MicroDollars::default() {
            writeln!(
                f,
                "\n{} in all, by the price list of this version",
                self.cost
            )?;
        }
        if self.times_ms.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        self.table(f)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EarToEar => f.pad("ear to ear"),
            Self::Silence => f.pad("silence"),
            Self::Step(mark) => mark.fmt(f),
        }
    }
}

/// By nearest rank: the smallest of the values that at least `percent` of them do not exceed. It is
/// always one of them; 0 where there are none.
/// <https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method>
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// Widths of columns.
const NAME: usize = 16;
const NUMBER: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Marks;

    #[test]
    fn percentiles_are_values_by_nearest_rank() {
        let table: &[(&[u64], usize, u64)] = &[
            (&[], 50, 0),
            (&[7], 50, 7),
            (&[7], 95, 7),
            (&[1, 2], 50, 1),
            (&[1, 2, 3], 50, 2),
            (&[15, 20, 35, 40, 50], 5, 15),
            (&[15, 20, 35, 40, 50], 30, 20),
            (&[15, 20, 35, 40, 50], 40, 20),
            (&[15, 20, 35, 40, 50], 50, 35),
            (&[15, 20, 35, 40, 50], 100, 50),
        ];
        for (values, percent, expected) in table {
            assert_eq!(percentile(values, *percent), *expected, "{values:?}");
        }
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 95), 95);
        assert_eq!(percentile(&hundred[..20], 95), 19);
        assert_eq!(percentile(&hundred[..21], 95), 20);
    }

    #[test]
    fn the_table_has_ear_to_ear_first_and_each_step_with_the_calls_that_took_it() {
        let call = |time: &str, status: &str, stt: u64| Record {
            time: time.to_owned(),
            status: status.to_owned(),
            silence_ms: Some(1940),
            marks: Marks::from([(Mark::Recording, 3), (Mark::Stt, 3 + stt)]),
            ..Record::default()
        };
        let answered = |time, stt| Record {
            ear_to_ear_ms: Some(3000 + stt),
            ..call(time, "ANSWERED", stt)
        };
        let failed = Record {
            stage: Some("llm".to_owned()),
            ..call("2026-11-25T10:00:01.000Z", "FAILED", 900)
        };
        let mut summary = Summary::default();
        summary.add(&answered("2026-11-25T10:00:03.000Z", 700));
        summary.add(&answered("2026-11-25T10:00:02.000Z", 500));
        summary.add(&failed);
        assert_eq!(
            summary.to_string(),
            "\
3 calls, 2026-11-25T10:00:01.000Z to 2026-11-25T10:00:03.000Z

ANSWERED               2
FAILED                 1
  at llm               1

milliseconds         p50     p95   calls
ear to ear          3500    3700       2
silence             1940    1940       3
recording              3       3       3
stt                  700     900       3
"
        );
    }
}
