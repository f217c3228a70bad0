//! Gemini's `streamGenerateContent`: <https://ai.google.dev/api/generate-content>.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Serialize;

use super::answering::{Answering, Dialect, End, StreamEvent, refusal_in};
use super::calls::{Arguments, Piece};
use super::functions::Round;
use super::json_values::DONE;
use super::{Asked, Model, Question, Speaker};
use crate::cloud::access::Access;
use crate::cloud::budget::Budget;
use crate::cloud::credentials::CredentialsError;
use crate::cloud::event::Data;
use crate::cloud::gemini::wire::{Body, FunctionCall, Part, Reply, Thinking, Tool, Turn};
use crate::cloud::gemini::{Gemini, TOKENS_A_SECOND, max_written};
use crate::cloud::google_auth;
use crate::cloud::http::Incoming;
use crate::cloud::{Error, Listed, Service, Tokens};
use crate::config::{Endpoint, Llm};
use crate::sys::deadline::Deadline;

/// Makes a model with these settings.
///
/// # Errors
/// [`CredentialsError`] where the service account signs in.
pub(super) fn make(
    access: &Access,
    settings: &Llm,
    endpoint: Endpoint,
) -> Result<Box<dyn Model>, CredentialsError> {
    Ok(Box::new(GeminiModel {
        gemini: Gemini::new(
            access,
            endpoint,
            SERVICE,
            "api_key in [gemini] or in [llm.gemini]",
        )?,
        settings: settings.clone(),
        refuses_functions: AtomicBool::default(),
    }))
}

#[derive(Debug)]
struct GeminiModel {
    gemini: Gemini,
    settings: Llm,
    /// Whether the model has refused functions.
    refuses_functions: AtomicBool,
}

impl GeminiModel {
    fn ask(
        &self,
        asked: Asked<'_>,
        thinking: Option<Thinking>,
        budget: Budget,
    ) -> Result<Incoming, Error> {
        let body = body(asked, self.settings.max_output_tokens, thinking);
        // Without `alt=sse` Google sends one JSON array in place of events.
        let method = "streamGenerateContent?alt=sse";
        self.gemini
            .open(method, body, asked.words(), MAX_ANSWER, budget)
    }

    fn try_to_answer(&self, asked: Asked<'_>, budget: Budget) -> Result<Answering, Error> {
        let budget = budget.within(self.settings.timeout);
        let ask = |thinking| {
            let incoming = self.ask(asked, thinking, budget);
            let mut answering = incoming.map(|incoming| Answering::new(incoming, &DIALECT));
            // A refusal may be the first event of a stream that has begun with status 200; awaited here, the request
            // can still be made without the field that is refused.
            match refusal_in(&mut answering).cloned() {
                Some(refusal) => Err(Error::Refused(Box::new(refusal))),
                None => answering,
            }
        };
        self.gemini.thinking(&self.settings.thinking, ask)
    }
}

impl Model for GeminiModel {
    fn warm(&self, deadline: Deadline) {
        self.gemini.warm(deadline);
    }

    fn answer(&self, mut asked: Asked<'_>, budget: Budget) -> Result<Answering, Error> {
        if self.refuses_functions.load(Ordering::Relaxed) {
            asked.functions = &[];
        }
        match self.try_to_answer(asked, budget) {
            Err(Error::Refused(refusal)) if asked.is_refused_for_functions(&refusal) => {
                self.refuses_functions.store(true, Ordering::Relaxed);
                self.answer(asked, budget)
            }
            result => result,
        }
    }

    fn max_tokens_of_sound(&self, length: Duration) -> Option<Tokens> {
        Some(Tokens {
            input: TOKENS_A_SECOND * (length.as_secs() + 1),
            output: max_written(length).into(),
        })
    }

    fn without_functions(&self) -> Option<String> {
        let is_it = self.refuses_functions.load(Ordering::Relaxed);
        is_it.then(|| super::without_functions(SERVICE))
    }

    fn models(&self, deadline: Deadline) -> Result<Option<Vec<Listed>>, Error> {
        self.gemini.models(deadline)
    }
}

/// The body of a request for an answer of at most `max_output_tokens`.
fn body(asked: Asked<'_>, max_output_tokens: u32, thinking: Option<Thinking>) -> Vec<u8> {
    let sound = match asked.question {
        Question::Sound(recording) => Some(recording),
        Question::Words(_) => None,
    };
    let wav = sound.map(|recording| Part::wav(BASE64_STANDARD.encode(recording.wav())));
    let heard = sound.map(|recording| max_written(recording.length()));
    let body = Body {
        system_instruction: Some(Turn::instruction(asked.prompt)),
        contents: asked
            .turns()
            .map(turn)
            .chain(wav.map(|wav| Turn::user(vec![wav])))
            .chain(asked.rounds.iter().flat_map(round))
            .collect(),
        tools: Tool::of(asked.functions),
        generation_config: GenerationConfig {
            // The model writes what it has heard behind its answer, in the same reply, so that the answer keeps its own
            // limit.
            max_output_tokens: max_output_tokens.saturating_add(heard.unwrap_or_default()),
            thinking_config: thinking,
        },
    };
    body.bytes()
}

fn turn((speaker, text): (Speaker, &str)) -> Turn<'_> {
    match speaker {
        Speaker::Caller => Turn::user(vec![Part::text(text)]),
        Speaker::Model => Turn::model_parts(vec![Part::text(text)]),
    }
}

/// What the model has called, exactly as it came, thought signatures included, and what came of that. Google checks both
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
fn round(round: &Round) -> [Turn<'_>; 2] {
    let called = round.turn.parts.iter().map(Part::returned);
    let results = round.calls();
    let results = results.map(|(call, result)| Part::result(&call.id, &call.name, result));
    [
        Turn::model_parts(called.collect()),
        Turn::user(results.collect()),
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig {
    max_output_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Thinking>,
}

/// How Gemini writes its events: each is a `GenerateContentResponse`. Only the last has a `finishReason`, and nothing
/// else marks the end.
pub const DIALECT: Dialect = Dialect {
    service: SERVICE,
    read: read_event,
    ends_with: "it ended without a finishReason",
};

fn read_event(event: &str) -> Result<StreamEvent, Error> {
    // Only servers in between write it.
    if event == DONE {
        return Ok(StreamEvent::default());
    }
    let reply: Reply = match Data::read(SERVICE, event)? {
        Data::Part(reply) => reply,
        Data::Error(status) => return Ok(StreamEvent::error(status)),
    };
    let end = match reply.reason() {
        "" => None,
        "STOP" => Some(End::Whole),
        "MAX_TOKENS" => Some(End::Cut),
        // What came with it is not meant to be heard.
        reason => return Err(stopped(reason)),
    };
    Ok(StreamEvent {
        words: reply.words(),
        end,
        // Every event tells how much it is so far.
        tokens: reply.tokens(),
        calls: reply.calls().map(piece).collect(),
        parts: reply.parts_to_return(),
        ..StreamEvent::default()
    })
}

fn piece(call: &FunctionCall) -> Piece {
    Piece {
        // Gemini's calls come whole, and a whole call is never continued by the next piece, so none needs an index.
        index: 0,
        id: call.id.clone(),
        name: call.name.clone(),
        arguments: Arguments::Whole(call.args.clone()),
    }
}

/// The error of an answer that ends for this reason. Some are about what is in the question or the answer; of others,
/// such as `OTHER` and `MALFORMED_RESPONSE`, a second try or another provider knows nothing.
fn stopped(reason: &str) -> Error {
    if WITHHELD.iter().any(|part| reason.contains(part)) {
        Error::blocked(SERVICE, reason)
    } else {
        Error::failed(SERVICE, reason)
    }
}

/// Parts of the reasons for which an answer is withheld: `SAFETY`, `IMAGE_SAFETY`, `PROHIBITED_CONTENT` …
const WITHHELD: [&str; 6] = [
    "SAFETY",
    "RECITATION",
    "PROHIBITED",
    "BLOCKLIST",
    "SPII",
    "JAILBREAK",
];

const SERVICE: Service = Service {
    name: "Gemini",
    settings: "[llm.gemini]",
    key: google_auth::KEY,
};

/// The largest `max_output_tokens` is some 50 kB of text.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests;
