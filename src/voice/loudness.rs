//! How loud voices are made: each as loud as it is wanted, and as loud as the others.
//!
//! To bring each sentence to the same level by itself would make a voice jump. So a voice is measured while it is heard,
//! what was measured is kept for all calls, and a sentence becomes louder by what that tells at its beginning.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use log::debug;
use serde::{Deserialize, Serialize};

use crate::audio::level::Level;
use crate::audio::shaping::{Gain, VoiceShape, gain_db};
use crate::config::{Endpoint, Tts};
use crate::sys::state::State;
use crate::sys::sync::lock;
use crate::sys::{date, error};

/// How loud the voices of a call are made. Clones know of the same measurements.
#[derive(Clone, Debug)]
pub(crate) struct Loudness {
    /// A gain for all voices; without it each is brought to the level.
    gain_db: Option<f32>,
    level_dbfs: f32,
    /// The language of a voice that is not named.
    language: String,
    voices: Arc<Voices>,
}

/// The voices that were measured.
#[derive(Debug)]
struct Voices {
    state: State,
    known: Mutex<Option<Memory>>,
}

type Memory = BTreeMap<String, Measured>;

/// What was measured of a voice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Measured {
    dbfs: f32,
    /// How much speech was measured.
    active_ms: u32,
    /// When that began, in seconds since 1970.
    since: u64,
    /// How long it took to begin when it was asked last, and when that was noted.
    took_ms: u32,
    took_at: u64,
}

impl Loudness {
    /// The loudness that the settings ask for.
    pub(crate) fn new(settings: &Tts, state_folder: &Path) -> Self {
        Self {
            gain_db: settings.gain_db,
            level_dbfs: settings.level_dbfs,
            language: settings.language.clone(),
            voices: Arc::new(Voices {
                state: State::new(state_folder),
                known: Mutex::default(),
            }),
        }
    }

    /// The same measurements, for sounds that stay as loud as the voices deliver them.
    pub(crate) fn unchanged(self) -> Self {
        Self {
            gain_db: Some(0.0),
            ..self
        }
    }

    /// The shape of the next sound of a voice, and how much of the silence before it is kept. The first sound of a voice
    /// that was never measured can be measured itself where it `may_wait` for its end.
    pub(super) fn shape(&self, voice: &Endpoint, lead: Duration, may_wait: bool) -> VoiceShape {
        let known = self.voices.known(&self.name(voice));
        let known = known.filter(Measured::is_plausible);
        let expected_dbfs = known.map_or(USUAL_DBFS, |measured| measured.dbfs);
        let gain = match self.gain_db {
            Some(gain_db) => Gain::Db(gain_db),
            None if known.is_none() && may_wait => Gain::ToLevel(self.level_dbfs),
            None => Gain::Db(gain_db(self.level_dbfs, expected_dbfs)),
        };
        VoiceShape {
            gain,
            expected_dbfs,
            lead,
        }
    }

    /// Notes the level of a sound of a voice, and how long it `took` to begin.
    pub(super) fn note(&self, voice: &Endpoint, level: Level, took: Duration) {
        let now = date::seconds(SystemTime::now());
        self.voices.note(&self.name(voice), level, took, now);
    }

    /// How long this voice took to begin of late, in any call.
    pub(crate) fn usual_wait(&self, voice: &Endpoint) -> Option<Duration> {
        let now = date::seconds(SystemTime::now());
        let measured = self.voices.known(&self.name(voice))?;
        measured.took(now)
    }

    /// The name under which a voice is measured: equal for those that sound alike.
    pub(crate) fn name(&self, voice: &Endpoint) -> String {
        let named = if voice.voice.is_empty() {
            &self.language
        } else {
            &voice.voice
        };
        format!("{voice} {named} {}", voice.base_url)
    }
}

impl Measured {
    /// Whether a voice can have been measured so: anything can stand in a file.
    fn is_plausible(&self) -> bool {
        (-90.0..=0.0).contains(&self.dbfs)
    }

    /// How long it takes to begin, as far as that is known at `now`.
    fn took(&self, now: u64) -> Option<Duration> {
        // A clock that was set back must not keep it for longer.
        let life = self.took_at..self.took_at.saturating_add(TOOK_LIFE.as_secs());
        let is_known = self.took_ms > 0 && life.contains(&now);
        is_known.then(|| Duration::from_millis(self.took_ms.into()))
    }
}

impl Voices {
    fn known(&self, name: &str) -> Option<Measured> {
        let mut known = lock(&self.known);
        let known = known.get_or_insert_with(|| self.state.read(FILE));
        known.get(name).copied()
    }

    fn note(&self, name: &str, level: Level, took: Duration, now: u64) {
        {
            let mut known = lock(&self.known);
            let known = known.get_or_insert_with(|| self.state.read(FILE));
            let Some(measured) = noted(known.get(name).copied(), level, took, now) else {
                return;
            };
            known.insert(name.to_owned(), measured);
        }
        // Other calls may have measured it meanwhile.
        let change = |all: &mut Memory| {
            if let Some(measured) = noted(all.get(name).copied(), level, took, now) {
                all.insert(name.to_owned(), measured);
            }
            while all.len() > MAX_VOICES {
                let oldest = all.iter().min_by_key(|(_, measured)| measured.since);
                let Some(name) = oldest.map(|(name, _)| name.clone()) else {
                    break;
                };
                all.remove(&name);
            }
        };
        if let Err(cause) = self.state.waiting_briefly().update(FILE, change) {
            debug!("{}", error::Chain(&cause));
        }
    }
}

/// What is known of a voice at `now` once a sound of `level` was heard, which began after `took`; `None` where that tells
/// nothing new. A file is written for it, so a wait that is much as before is noted once in a while only.
fn noted(before: Option<Measured>, level: Level, took: Duration, now: u64) -> Option<Measured> {
    let measured = with(before, level, now);
    let is_much_as_before = before
        .and_then(|before| before.took(now))
        .is_some_and(|known| {
            let age = now.saturating_sub(before.unwrap_or_default().took_at);
            took.abs_diff(known) <= known / 2 && age < TOOK_RENEWED.as_secs()
        });
    if measured.is_none() && is_much_as_before {
        return None;
    }
    let all = measured.or(before)?;
    Some(Measured {
        took_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
        took_at: now,
        ..all
    })
}

/// What is known of its level once a sound of `level` has been measured too; `None` where that tells nothing new.
fn with(before: Option<Measured>, level: Level, now: u64) -> Option<Measured> {
    let active_ms = u32::try_from(level.active.as_millis()).unwrap_or(u32::MAX);
    let Some(mut before) = before.filter(Measured::is_plausible) else {
        return Some(Measured {
            dbfs: level.dbfs,
            active_ms,
            since: now,
            ..Measured::default()
        });
    };
    // A clock that was set back must not keep it for longer.
    let end = before.since.saturating_add(MAX_AGE.as_secs());
    if !(before.since..end).contains(&now) {
        before.active_ms = before.active_ms.min(OLD_MS);
        before.since = now;
    } else if before.active_ms >= ENOUGH_MS {
        return None;
    }
    // Powers are averaged by the length of the speech, as P.56 would have measured all of it at once; a mean of
    // decibels would let a few soft words count as much as a long answer.
    let [old, new] = [before.active_ms, active_ms].map(weight);
    let power = |dbfs: f32| 10_f32.powf(dbfs / 10.0);
    let mean = (old * power(before.dbfs) + new * power(level.dbfs)) / (old + new).max(f32::EPSILON);
    Some(Measured {
        dbfs: 10.0 * mean.log10(),
        active_ms: before.active_ms.saturating_add(active_ms),
        since: before.since,
        ..before
    })
}

/// Seconds of speech.
fn weight(ms: u32) -> f32 {
    Duration::from_millis(ms.into()).as_secs_f32()
}

/// The level of usual voices, with which one begins that was not measured.
const USUAL_DBFS: f32 = -25.0;

/// Voices keep their level within 1 dB: after this much speech it is known.
const ENOUGH_MS: u32 = 60_000;

/// A provider may change its voices: after this long they are measured again, and what was known counts as this much speech.
const MAX_AGE: Duration = Duration::from_secs(30 * date::SECONDS_A_DAY);
const OLD_MS: u32 = 5_000;

/// A service that was slow may be quick after this, and one that stays as it is is noted this often.
const TOOK_LIFE: Duration = Duration::from_secs(3600);
const TOOK_RENEWED: Duration = Duration::from_secs(600);

/// More voices than one machine uses.
const MAX_VOICES: usize = 200;

const FILE: &str = "voices.json";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Provider;

    const NOW: u64 = 1_795_870_800;
    const SECOND: Duration = Duration::from_secs(1);

    fn level(dbfs: f32, ms: u64) -> Level {
        Level {
            dbfs,
            active: Duration::from_millis(ms),
        }
    }

    #[test]
    fn a_level_is_the_mean_of_what_was_measured_until_that_is_enough() {
        let measured = |dbfs, active_ms, since| Measured {
            dbfs,
            active_ms,
            since,
            ..Measured::default()
        };
        let day = date::SECONDS_A_DAY;
        let table = [
            (None, level(-30.0, 900), Some(measured(-30.0, 900, NOW))),
            (
                Some(measured(-30.0, 900, NOW - 5)),
                level(-30.0, 900),
                Some(measured(-30.0, 1_800, NOW - 5)),
            ),
            // Twice the power, in one of two seconds.
            (
                Some(measured(-30.0, 1_000, NOW)),
                level(-26.99, 1_000),
                Some(measured(-28.24, 2_000, NOW)),
            ),
            (
                Some(measured(-30.0, 60_000, NOW - 5)),
                level(-20.0, 900),
                None,
            ),
            (
                Some(measured(-30.0, 60_000, NOW - 30 * day)),
                level(-30.0, 900),
                Some(measured(-30.0, 5_900, NOW)),
            ),
            (
                Some(measured(-30.0, 90_000, NOW + 1)),
                level(-30.0, 900),
                Some(measured(-30.0, 5_900, NOW)),
            ),
            (
                Some(measured(1e30, 90_000, NOW)),
                level(-30.0, 900),
                Some(measured(-30.0, 900, NOW)),
            ),
        ];
        for (before, level, expected) in table {
            let found = with(before, level, NOW);
            let rounded = found.map(|found| Measured {
                dbfs: (found.dbfs * 100.0).round() / 100.0,
                ..found
            });
            assert_eq!(rounded, expected, "{before:?}, {level:?}");
        }
    }

    fn endpoint(voice: &str) -> Endpoint {
        Endpoint {
            provider: Provider::called("openai"),
            base_url: "https://example.com".to_owned(),
            model: "tts-1".to_owned(),
            voice: voice.to_owned(),
            api_key: None,
            is_reserve: false,
        }
    }

    #[test]
    fn what_was_measured_of_a_voice_decides_its_gain_in_this_call_and_the_next() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let loudness = |gain_db| Loudness {
            gain_db,
            level_dbfs: -19.0,
            language: "en-US".to_owned(),
            voices: Arc::new(Voices {
                state: State::new(folder.path()),
                known: Mutex::default(),
            }),
        };
        let gain = |loudness: &Loudness, voice: &str, may_wait| match loudness
            .shape(&endpoint(voice), Duration::ZERO, may_wait)
            .gain
        {
            Gain::Db(gain_db) => format!("{gain_db:.1}"),
            Gain::ToLevel(dbfs) => format!("to {dbfs:.1}"),
        };
        let call = loudness(None);
        assert_eq!(gain(&call, "nova", false), "6.0");
        assert_eq!(gain(&call, "nova", true), "to -19.0");
        call.note(&endpoint("nova"), level(-35.0, 900), SECOND);
        let next = loudness(None);
        for call in [&call, &call.clone(), &next] {
            assert_eq!(gain(call, "nova", false), "16.0");
            assert_eq!(gain(call, "nova", true), "16.0");
            assert_eq!(gain(call, "echo", false), "6.0");
            assert_eq!(call.usual_wait(&endpoint("nova")), Some(SECOND));
            assert_eq!(call.usual_wait(&endpoint("echo")), None);
        }
        assert_eq!(gain(&loudness(Some(2.0)), "nova", true), "2.0");
        assert_eq!(gain(&call.unchanged(), "nova", false), "0.0");
    }

    /// What was noted in ms and how many seconds ago, what the voice takes now, and what is noted of that.
    #[test]
    fn how_long_a_voice_takes_is_known_for_an_hour_and_written_when_that_changes() {
        let table = [
            ("never before", None, 800, Some(800)),
            ("just the same", Some((800, 5)), 800, None),
            ("half as long again", Some((800, 5)), 1_200, None),
            ("longer", Some((800, 5)), 1_201, Some(1_201)),
            ("shorter", Some((800, 5)), 399, Some(399)),
            ("a while later", Some((800, 600)), 800, Some(800)),
            ("an old one", Some((800, 3_600)), 800, Some(800)),
        ];
        for (name, before, took, expected) in table {
            let (took_ms, ago) = before.unwrap_or_default();
            let before = Measured {
                dbfs: -30.0,
                active_ms: ENOUGH_MS,
                since: NOW,
                took_ms,
                took_at: NOW - ago,
            };
            let is_known = took_ms > 0 && ago < 3_600;
            assert_eq!(before.took(NOW).is_some(), is_known, "{name}");
            assert_eq!(before.took(NOW - ago - 1), None, "{name}: set back");
            let took = Duration::from_millis(took);
            let noted = noted(Some(before), level(-30.0, 900), took, NOW);
            assert_eq!(noted.map(|it| it.took_ms), expected, "{name}");
        }
        let first = noted(None, level(-30.0, 900), SECOND, NOW);
        assert_eq!(first.and_then(|it| it.took(NOW)), Some(SECOND));
    }

    #[test]
    fn only_so_many_voices_are_kept() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let state = State::new(folder.path());
        let voices = Voices {
            state: state.clone(),
            known: Mutex::default(),
        };
        let full = |all: &mut Memory| {
            all.extend((0..MAX_VOICES).map(|n| (format!("{n}"), Measured::default())));
        };
        state.update(FILE, full).expect("written");
        voices.note("new", level(-30.0, 900), SECOND, NOW);
        let kept: Memory = state.read(FILE);
        assert_eq!(kept.len(), MAX_VOICES);
        assert!(kept.contains_key("new"));
    }
}
