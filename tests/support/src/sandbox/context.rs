//! What a service may know beside the request that it answers.

use super::calling_turn::CallingTurn;
use super::delivery::{ModelPace, VoicePace};
use super::google_auth::{Claims, Flaw};
use super::script::UNKNOWN_QUESTION;
use super::service::Stage;
use super::state::Shared;
use crate::audio::{Clip, clips};

/// What a service may know beside the request that it answers.
pub(super) struct Context<'a> {
    pub(super) shared: &'a Shared,
    pub(super) stage: Stage,
    pub(super) index: usize,
    /// Nothing of the right answer reaches the client.
    pub(super) is_replaced: bool,
}

impl Context<'_> {
    /// What is said in a recording: questions of the scripts, or what a voice was just asked to say.
    pub(super) fn heard_in(&self, clip: &Clip) -> Vec<String> {
        if !clip.is_audible() {
            return Vec::new();
        }
        let said = self.shared.scripts.heard_in(clip);
        if !said.is_empty() {
            return said;
        }
        let texts = self.shared.with(|state| state.spoken.clone());
        let heard = texts
            .into_iter()
            .find(|text| self.shared.scripts.says(clip, text));
        vec![heard.unwrap_or_else(|| UNKNOWN_QUESTION.to_owned())]
    }

    /// How a text sounds. A sound that is not sent is not made.
    pub(super) fn spoken(&self, text: &str) -> Clip {
        self.shared.with(|state| {
            state.spoken.push_front(text.to_owned());
            state.spoken.truncate(REMEMBERED_TEXTS);
        });
        let text = if self.is_replaced { "" } else { text };
        let said = self.shared.scripts.spoken(text);
        let lead = self
            .shared
            .with(|state| state.conduct(self.stage).voice_lead);
        clips::silence(said.rate_hz, lead.as_secs_f64()).then(&said)
    }

    pub(super) fn is_retired(&self, model: &str) -> bool {
        self.shared
            .with(|state| state.retired.iter().any(|name| name == model))
    }

    /// Writes down why a request is refused, for the test that wonders.
    pub(super) fn refused(&self, why: &str) {
        self.shared
            .with(|state| state.requests[self.index].refusal = Some(why.to_owned()));
    }

    pub(super) fn refuses_self_signed(&self) -> bool {
        self.shared
            .with(|state| state.conduct(self.stage).refuses_self_signed)
    }

    pub(super) fn check_self_signed(&self, token: &str) -> Result<Claims, Flaw> {
        self.shared
            .account
            .check(token, self.shared.seconds_since_1970())
    }

    /// The scopes of an access token, if the sandbox has issued it.
    pub(super) fn scope_of(&self, token: &str) -> Option<String> {
        self.shared
            .with(|state| state.tokens.scope_of(token).map(str::to_owned))
    }

    pub(super) fn answer_to(&self, question: &str) -> String {
        let set = self.shared.with(|state| state.answer.clone());
        set.unwrap_or_else(|| self.shared.scripts.answer_to(question))
    }

    /// Whether the test says what the model answers.
    pub(super) fn is_answer_set(&self) -> bool {
        self.shared.with(|state| state.answer.is_some())
    }

    /// What the models call, turn by turn.
    pub(super) fn calling(&self) -> Vec<CallingTurn> {
        self.shared.with(|state| state.calling.clone())
    }

    pub(super) fn knows_no_functions(&self) -> bool {
        self.shared.with(|state| state.knows_no_functions)
    }

    pub(super) fn model_pace(&self) -> ModelPace {
        self.shared
            .with(|state| state.conduct(self.stage).model_pace)
    }

    pub(super) fn voice_pace(&self) -> VoicePace {
        self.shared
            .with(|state| state.conduct(self.stage).voice_pace)
    }

    /// A number as a string, as JSON of 64-bit integers is.
    pub(super) fn request_id(&self) -> String {
        format!("{}", 8_000_000_000_000_000_000 + self.index)
    }
}

/// Enough for a sentence that is spoken and then transcribed.
const REMEMBERED_TEXTS: usize = 3;
