//! Where the time of a call goes: the moments at which its steps were over, shown on one line.
//!
//! [`record`] keeps them in the log of calls. In which order a call takes its steps is left to `call`.

pub mod record;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use serde::{Serialize, Serializer};

/// The moment at which a step of a call was over, in their usual order; a call may take another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::EnumString, strum::IntoStaticStr,
)]
#[strum(serialize_all = "snake_case")]
pub enum Mark {
    /// The recording has been read.
    Recording,
    /// The silence around the speech has been found.
    Trim,
    /// The connections to the services stand.
    Connect,
    /// The transcript is there.
    Stt,
    /// The model has sent its first token.
    FirstToken,
    /// The first sentence of the answer stands.
    FirstSentence,
    /// The voice has sent its first byte of audio.
    FirstAudio,
    /// The first sample of the answer has been played.
    FirstPlayed,
    /// The last sample of the answer has been played.
    LastPlayed,
}

impl Mark {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Recording,
        Self::Trim,
        Self::Connect,
        Self::Stt,
        Self::FirstToken,
        Self::FirstSentence,
        Self::FirstAudio,
        Self::FirstPlayed,
        Self::LastPlayed,
    ];

    /// The mark's name in the log of calls. On a screen the underscore is a space.
    pub fn key(self) -> &'static str {
        self.into()
    }

    fn of_key(key: &str) -> Option<Self> {
        key.parse().ok()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.key().replace('_', " "))
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

/// The marks that were reached, in whole milliseconds since the program started.
pub type Marks = BTreeMap<Mark, u64>;

/// The moments of one call.
#[derive(Clone, Debug)]
pub struct Timeline {
    start: Instant,
    waited_before: Option<Duration>,
    reached: BTreeMap<Mark, Duration>,
}

impl Timeline {
    /// Nothing has been reached yet.
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            waited_before: None,
            reached: BTreeMap::new(),
        }
    }

    /// Sets how long the caller had already been silent when the program started.
    pub fn set_waited_before(&mut self, silence: Duration) {
        self.waited_before = Some(silence);
    }

    /// Notes that `mark` was reached at that moment. The first time counts; of [`Mark::LastPlayed`]
    /// the latest.
    pub fn reached(&mut self, mark: Mark, at: Instant) {
        let since = at.saturating_duration_since(self.start);
        let kept = self.reached.entry(mark).or_insert(since);
        if mark == Mark::LastPlayed {
            *kept = since.max(*kept);
        }
    }

    /// Whether `mark` was reached.
    pub(crate) fn has_reached(&self, mark: Mark) -> bool {
        self.reached.contains_key(&mark)
    }

    /// Takes back a mark that turned out not to have been reached.
    pub(crate) fn withdraw(&mut self, mark: Mark) {
        self.reached.remove(&mark);
    }

    /// The time from the caller's last word to the first sample of the answer, in milliseconds, which the caller felt
    /// as waiting. `None` where the silence before the start is not known, since it is about half of the time, or where
    /// nothing was played.
    pub fn ear_to_ear_ms(&self) -> Option<u64> {
        ear_to_ear_ms(self.silence_ms(), &self.marks())
    }

    /// The silence before the start, in whole milliseconds.
    fn silence_ms(&self) -> Option<u64> {
        self.waited_before.map(whole_ms)
    }

    fn marks(&self) -> Marks {
        let in_ms = |(&mark, &since): (&Mark, &Duration)| (mark, whole_ms(since));
        self.reached.iter().map(in_ms).collect()
    }
}

impl fmt::Display for Timeline {
    /// `ear to ear 3787 ms: silence 1940, recording +3, …`, each step as what it added.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marks = self.marks();
        let silence = self.silence_ms().map(|ms| format!("silence {ms}"));
        let added = steps(&marks).map(|step| format!("{} +{}", step.mark, step.ms()));
        let parts: Vec<String> = silence.into_iter().chain(added).collect();
        match ear_to_ear_ms(self.silence_ms(), &marks) {
            Some(ms) => write!(f, "ear to ear {ms} ms: {}", parts.join(", ")),
            None if parts.is_empty() => f.write_str("no step was over"),
            None => write!(f, "milliseconds: {}", parts.join(", ")),
        }
    }
}

/// A step of a call: from the mark that was reached before it, or the start, to its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its own mark.
    pub mark: Mark,
    /// When it began, in milliseconds since the start.
    pub from_ms: u64,
    /// When it was over.
    pub to_ms: u64,
}

impl Step {
    /// How long it took.
    pub fn ms(self) -> u64 {
        self.to_ms - self.from_ms
    }
}

/// The steps between `marks`, in the order in which these were reached: work that overlaps other work costs only the
/// time beyond it, so together the steps are the whole time.
pub fn steps(marks: &Marks) -> impl Iterator<Item = Step> + use<> {
    let mut reached: Vec<(u64, Mark)> = marks.iter().map(|(&mark, &ms)| (ms, mark)).collect();
    // By their times first; marks of the same millisecond stay in their usual order.
    reached.sort_unstable();
    let mut before = 0;
    reached.into_iter().map(move |(to_ms, mark)| Step {
        mark,
        from_ms: std::mem::replace(&mut before, to_ms),
        to_ms,
    })
}

/// [`Timeline::ear_to_ear_ms`], as the sum of the shown parts, so that no two places show another.
fn ear_to_ear_ms(silence_ms: Option<u64>, marks: &Marks) -> Option<u64> {
    Some(silence_ms?.saturating_add(*marks.get(&Mark::FirstPlayed)?))
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline(silence_ms: Option<u64>, marks: &[(Mark, u64)]) -> Timeline {
        let start = Instant::now();
        let mut timeline = Timeline::new(start);
        if let Some(ms) = silence_ms {
            timeline.set_waited_before(Duration::from_millis(ms));
        }
        for (mark, ms) in marks {
            timeline.reached(*mark, start + Duration::from_millis(*ms));
        }
        timeline
    }

    #[test]
    fn a_line_tells_what_each_step_added() {
        let table = [
            (None, &[][..], "no step was over"),
            (Some(1940), &[], "milliseconds: silence 1940"),
            (
                None,
                &[(Mark::Recording, 3), (Mark::FirstPlayed, 1847)],
                "milliseconds: recording +3, first played +1844",
            ),
            (
                Some(1940),
                &[
                    (Mark::Recording, 3),
                    (Mark::Trim, 4),
                    (Mark::Stt, 706),
                    (Mark::FirstToken, 1209),
                    (Mark::FirstPlayed, 1847),
                    (Mark::LastPlayed, 8000),
                ],
                "ear to ear 3787 ms: silence 1940, recording +3, trim +1, stt +702, \
                 first token +503, first played +638, last played +6153",
            ),
        ];
        for (silence, marks, line) in table {
            assert_eq!(timeline(silence, marks).to_string(), line);
        }
    }

    #[test]
    fn the_first_time_counts_but_of_the_last_sample_the_latest() {
        let twice = timeline(
            Some(5),
            &[
                (Mark::FirstPlayed, 10),
                (Mark::LastPlayed, 20),
                (Mark::FirstPlayed, 30),
                (Mark::LastPlayed, 40),
                (Mark::LastPlayed, 35),
            ],
        );
        let expected = [(Mark::FirstPlayed, 10), (Mark::LastPlayed, 40)];
        assert_eq!(twice.marks(), Marks::from(expected));
        assert_eq!(twice.ear_to_ear_ms(), Some(15));
    }

    #[test]
    fn half_an_ear_to_ear_is_none() {
        assert_eq!(timeline(Some(5), &[(Mark::Stt, 9)]).ear_to_ear_ms(), None);
        assert_eq!(
            timeline(None, &[(Mark::FirstPlayed, 9)]).ear_to_ear_ms(),
            None
        );
    }

    #[test]
    fn a_moment_before_the_start_is_the_start() {
        let start = Instant::now();
        let mut timeline = Timeline::new(start + Duration::from_secs(1));
        timeline.reached(Mark::Connect, start);
        assert_eq!(timeline.marks(), Marks::from([(Mark::Connect, 0)]));
    }

    #[test]
    fn steps_follow_the_order_in_which_they_were_over() {
        let marks = Marks::from([(Mark::Trim, 4), (Mark::Connect, 70), (Mark::Stt, 60)]);
        let shown: Vec<_> = steps(&marks).map(|step| (step.mark, step.ms())).collect();
        assert_eq!(
            shown,
            [(Mark::Trim, 4), (Mark::Stt, 56), (Mark::Connect, 10)]
        );
    }

    #[test]
    fn every_mark_is_found_by_its_key() {
        for mark in Mark::ALL {
            assert_eq!(Mark::of_key(mark.key()), Some(mark));
        }
        assert_eq!(Mark::of_key("first token"), None);
    }
}
