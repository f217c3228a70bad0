//! What the caller has said and that is neither answered nor transcribed.

use std::sync::Arc;

use super::{Listening, nothing};
use crate::audio::Pcm;
use crate::call::caller_audio::CallerAudio;
use crate::call::question;
use crate::call::turn::Scene;

impl Listening {
    /// All that the caller has said and that was neither answered nor transcribed; `None` if it is no speech, and nothing
    /// where no speech follows known words.
    pub(super) fn speech(&self, scene: &Scene) -> Option<Arc<Pcm>> {
        let heard = scene.caller.as_ref().map(CallerAudio::heard)?;
        let new = question::trim(&self.known.rest(heard));
        match (&self.unanswered, new.map(|new| new.speech)) {
            (None, None) if !self.known.is_empty() => Some(Arc::new(nothing(heard.rate_hz))),
            (Some(first), Some(heard)) => Some(self.joined(first, &heard)),
            // What the caller seemed to go on with was no speech.
            (first, None) => first.clone(),
            (None, heard) => heard.map(|heard| Arc::new(self.last_of(heard))),
        }
    }

    pub(super) fn joined(&self, first: &Pcm, rest: &Pcm) -> Arc<Pcm> {
        let mut all = first.clone();
        all.samples.extend(&rest.samples);
        Arc::new(self.last_of(all))
    }

    /// The end of what was said, as long as a turn may be: a caller who goes on and on is not paid for again and again.
    pub(super) fn last_of(&self, mut said: Pcm) -> Pcm {
        let longest = self.settings.max_question.as_millis();
        let most = longest * u128::from(said.rate_hz) / 1000;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let surplus = said.samples.len().saturating_sub(most);
        said.samples.drain(..surplus);
        said
    }
}
