//! What the caller hears while there is no answer to hear: when it begins, and when not any more.

use std::time::{Duration, Instant};

use log::warn;

use crate::agi;
use crate::call::line::{Play, Sound};
use crate::config::{Filler, Waiting};
use crate::sys::error::Chain;

/// The silences of an answer, and what fills them.
#[derive(Debug)]
pub(super) struct Filling {
    settings: Waiting,
    /// When a silence has become too long.
    due: Option<Instant>,
    /// When the filler began that was begun last.
    began: Option<Instant>,
    voice: Option<Asked>,
}

/// A voice that was asked to speak, and has not begun.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    /// How long it takes, as far as calls have shown of late.
    takes: Duration,
}

impl Filling {
    /// A silence begins at `now`.
    pub(super) fn new(settings: Waiting, now: Instant) -> Self {
        Self {
            due: Some(now + settings.after),
            settings,
            began: None,
            voice: None,
        }
    }

    pub(super) fn silence_begins(&mut self, now: Instant) {
        self.due = Some(now + self.settings.after);
    }

    pub(super) fn silence_ends(&mut self) {
        self.due = None;
    }

    /// The voice was asked at `now`, which took this long to begin when it was asked before.
    pub(super) fn voice_is_asked(&mut self, takes: Option<Duration>, now: Instant) {
        self.voice = Some(Asked {
            at: now,
            takes: takes.unwrap_or(USUAL),
        });
    }

    /// Returns how long the voice has taken that was asked last and began at `at`. Its sound does not tell that: what comes
    /// behind the request for the next text may belong to the text before.
    pub(super) fn voice_begins(&self, at: Instant) -> Option<Duration> {
        let asked = self.voice?;
        Some(at.saturating_duration_since(asked.at))
    }

    /// The next sound of a voice comes at `now`.
    pub(super) fn voice_speaks(&mut self, now: Instant) {
        if self.voice.take().is_some() {
            // It is heard once enough of it has come.
            self.due = self.due.map(|due| due.max(now + GATHERED));
        }
    }

    /// A filler has ended at `at`.
    pub(super) fn ended(&mut self, at: Instant) {
        self.due = Some(at + self.settings.every);
    }

    /// When the next filler is to begin. A voice that is about to speak is waited for: it would have to wait for the end of
    /// the filler.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let due = self.due?.max(now);
        let Some(Asked { at, takes }) = self.voice else {
            return Some(due);
        };
        let expected = at + takes;
        let is_near = expected <= due + ROOM;
        let is_late = expected + takes / 2 + SLACK <= due;
        Some(if is_near && !is_late {
            expected + takes / 2 + SLACK
        } else {
            due
        })
    }

    /// Begins a filler if it is time, in which these keys end the answer.
    pub(super) fn begin(&mut self, stop_keys: &str, now: Instant) -> Option<Play> {
        self.due_at(now).filter(|due| *due <= now)?;
        self.due = None;
        let (what, name) = match &self.settings.play {
            Filler::Nothing => return None,
            Filler::Music(class) => (Sound::Music, class),
            Filler::Sound(name) => (Sound::Filler, name),
        };
        self.began = Some(now);
        Some(Play {
            what,
            name: name.clone(),
            stop_keys: stop_keys.to_owned(),
            offset: 0,
        })
    }

    /// Whether a recording has told the caller to wait.
    pub(super) fn has_told_to_wait(&self) -> bool {
        self.began.is_some() && matches!(self.settings.play, Filler::Sound(_))
    }

    /// Whether the filler that plays is still heard to its end, although the answer could begin.
    pub(super) fn is_heard_out(&self, now: Instant) -> bool {
        self.latest_end().is_some_and(|end| now < end)
    }

    /// When the filler that plays is stopped at the latest, where the answer could begin.
    pub(super) fn latest_end(&self) -> Option<Instant> {
        self.began.map(|began| began + LONGEST)
    }

    /// Stops trying a filler that Asterisk does not play.
    pub(super) fn give_up(&mut self, cause: Option<&agi::Error>) {
        let cause = cause.map_or_else(
            || "Asterisk cannot play it".to_owned(),
            |cause| Chain(cause).to_string(),
        );
        match std::mem::replace(&mut self.settings.play, Filler::Nothing) {
            Filler::Sound(name) => warn!("sound = \"{name}\" of [waiting] is left out: {cause}"),
            Filler::Music(class) => {
                warn!("music_class = \"{class}\" of [waiting] is left out: {cause}");
            }
            Filler::Nothing => {}
        }
        self.due = None;
    }
}

/// What a voice takes to begin that has not been asked of late: that of the stand-ins that the figures in
/// tests/README.md are measured with.
const USUAL: Duration = Duration::from_millis(600);

/// How much longer than one and a half times as long as usual a voice may take before it is late.
const SLACK: Duration = Duration::from_millis(300);

/// A voice that speaks is heard within this time, unless it stalls.
const GATHERED: Duration = Duration::from_secs(1);

/// How long before the voice a filler has to begin to be over in time: "one moment please" takes 1.5 s.
const ROOM: Duration = Duration::from_secs(2);

/// A filler that is a whole announcement is not heard to its end: the answer is worth more.
const LONGEST: Duration = Duration::from_secs(4);
