//! A call as bars on an axis of time, one row a step, within the columns of a terminal and at most 80.

use std::fmt;

use crate::sys::plain::plain;
use crate::timeline::record::Record;
use crate::timeline::{Mark, steps};

/// What bars are drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pen {
    /// A column of a bar.
    bar: char,
    /// A bar of less than a column.
    thin: char,
    /// A column of the sum.
    sum: char,
    /// How many columns the bars have.
    width: usize,
}

impl Pen {
    /// The pen for every terminal.
    pub(crate) const ASCII: Self = Self {
        bar: '#',
        thin: '|',
        sum: '-',
        width: WIDTH,
    };
    /// The pen for terminals that show UTF-8.
    pub(crate) const BLOCKS: Self = Self {
        bar: '█',
        thin: '▏',
        sum: '─',
        width: WIDTH,
    };

    /// The same for a terminal of so many columns.
    pub(crate) fn within(self, columns: usize) -> Self {
        let width = columns.saturating_sub(NAME + NUMBER + 2);
        let width = width.clamp(LABEL, WIDTH);
        Self { width, ..self }
    }
}

/// One call's picture. Time 0 is the caller's last word, or the program's start where the silence
/// before that is not known; the axis ends with the first sample of the answer, where the waiting ends.
pub(super) struct Picture<'a> {
    record: &'a Record,
    pen: Pen,
    rows: Vec<Row>,
    end_ms: u64,
}

struct Row {
    name: String,
    from_ms: u64,
    to_ms: u64,
}

impl<'a> Picture<'a> {
    pub(super) fn new(record: &'a Record, pen: Pen) -> Self {
        let rows = rows(record);
        let last_ms = rows.last().map_or(0, |row| row.to_ms);
        let silence_ms = record.silence_ms.unwrap_or_default();
        let first_played = record.marks.get(&Mark::FirstPlayed);
        let end_ms = first_played.map_or(last_ms, |ms| silence_ms.saturating_add(*ms));
        Self {
            record,
            pen,
            rows,
            end_ms: end_ms.max(1),
        }
    }

    /// Where `ms` is on the axis, 0 to its width.
    fn column(&self, ms: u64) -> usize {
        let most = self.pen.width;
        let width = u128::try_from(most).unwrap_or_default();
        let end = u128::from(self.end_ms);
        let column = (u128::from(ms) * width + end / 2) / end;
        usize::try_from(column).map_or(most, |column| column.min(most))
    }

    fn bar(&self, row: &Row) -> String {
        let (from, to) = (self.column(row.from_ms), self.column(row.to_ms));
        let (from, drawn) = if row.to_ms > self.end_ms {
            (self.pen.width - 1, '>'.to_string())
        } else if from == to {
            (from.min(self.pen.width - 1), self.pen.thin.to_string())
        } else {
            (from, self.pen.bar.to_string().repeat(to - from))
        };
        format!("{:from$}{drawn}", "")
    }

    /// Marks at round times, each with its label behind it.
    fn axis(&self) -> String {
        let labels = u64::try_from(self.pen.width / LABEL - 1).unwrap_or_default();
        let step_ms = STEPS_MS
            .into_iter()
            .find(|step| self.end_ms / step <= labels)
            .unwrap_or(self.end_ms);
        let mut axis = String::new();
        for ms in (0..=self.end_ms).step_by(usize::try_from(step_ms).unwrap_or(usize::MAX)) {
            let (column, label) = (self.column(ms), format!("|{} s", seconds(ms, step_ms)));
            if column + label.len() <= self.pen.width {
                axis = format!("{axis:<column$}{label}");
            }
        }
        axis
    }
}

/// The silence, then each step.
fn rows(record: &Record) -> Vec<Row> {
    let shift = record.silence_ms.unwrap_or_default();
    let silence = record.silence_ms.map(|ms| Row {
        name: "silence".to_owned(),
        from_ms: 0,
        to_ms: ms,
    });
    let steps = steps(&record.marks).map(|step| Row {
        name: step.mark.to_string(),
        from_ms: step.from_ms.saturating_add(shift),
        to_ms: step.to_ms.saturating_add(shift),
    });
    silence.into_iter().chain(steps).collect()
}

/// Formats a time with as many decimals as the steps between labels have.
fn seconds(ms: u64, step_ms: u64) -> String {
    let (whole, rest) = (ms / 1000, ms % 1000);
    match step_ms {
        1000.. => format!("{whole}"),
        100.. => format!("{whole}.{}", rest / 100),
        10.. => format!("{whole}.{:02}", rest / 10),
        _ => format!("{whole}.{rest:03}"),
    }
}

impl fmt::Display for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record {
            id,
            time,
            status,
            persona,
            ..
        } = self.record;
        let persona = persona.as_ref().map(|name| format!(", by {name}"));
        let head = format!("call {id}, {time}, {status}{}", persona.unwrap_or_default());
        writeln!(f, "{}", plain(&head))?;
        if let (Some(stage), Some(error)) = (&self.record.stage, &self.record.error) {
            writeln!(f, "{}", plain(&format!("{stage}: {error}")))?;
        }
        if self.rows.is_empty() {
            return writeln!(f, "no step was over");
        }
        writeln!(f)?;
        if let Some(ms) = self.record.ear_to_ear_ms {
            let sum = self.pen.sum.to_string().repeat(self.pen.width);
            writeln!(f, "{:<NAME$}{ms:>NUMBER$}  {sum}", "ear to ear")?;
        }
        for row in &self.rows {
            let (ms, bar) = (row.to_ms - row.from_ms, self.bar(row));
            writeln!(f, "{:<NAME$}{ms:>NUMBER$}  {bar}", row.name)?;
        }
        writeln!(f, "{:<NAME$}{:>NUMBER$}  {}", "", "ms", self.axis())
    }
}

/// Widths of columns: with two spaces before the bars at most 80.
const NAME: usize = 15;
const NUMBER: usize = 7;
const WIDTH: usize = 56;

/// How far apart labels may be, and the columns of each.
const STEPS_MS: [u64; 15] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000,
];
const LABEL: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_no_wider_than_its_terminal() {
        let text = r#"{"time":"t","id":"1","status":"ANSWERED","ear_to_ear_ms":4000,"silence_ms":2000,
                       "marks":{"first_played":2000}}"#;
        let record = serde_json::from_str(text).expect("a record");
        let widest = |columns: usize| {
            let picture = Picture::new(&record, Pen::ASCII.within(columns)).to_string();
            picture.lines().map(str::len).max()
        };
        for columns in 32..=80 {
            assert_eq!(widest(columns), Some(columns));
        }
        assert_eq!(widest(20), Some(32), "the names and the times stay whole");
        assert_eq!(widest(200), Some(80));
    }
}
