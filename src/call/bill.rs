//! What a call has used and spent, request by request.

use std::sync::Mutex;
use std::time::Duration;

use log::warn;

use super::settings::Settings;
use crate::audio::Pcm;
use crate::catalogue;
use crate::cloud;
use crate::cloud::fallback::{Cause, Fallback};
use crate::config::Endpoint;
use crate::costs::{MicroDollars, Price, Usage};
use crate::error::Stage;
use crate::services::Services;
use crate::sync::lock;
use crate::timeline::record::Used;

/// The requests of a call.
#[derive(Debug, Default)]
pub(super) struct Bill {
    items: Mutex<Vec<Item>>,
}

/// One request. Until its outcome is known it counts as the most that it can be.
#[derive(Debug)]
struct Item {
    stage: Stage,
    service: String,
    price: Price,
    usage: Usage,
}

/// A request whose outcome is not known yet.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    bill: &'a Bill,
    index: usize,
}

impl Bill {
    /// Puts a request down that can use at most so much.
    pub(super) fn begin(&self, stage: Stage, endpoint: &Endpoint, most: Usage) -> Entry<'_> {
        let mut items = lock(&self.items);
        items.push(Item {
            stage,
            service: endpoint.to_string(),
            price: catalogue::price(stage, endpoint),
            usage: most,
        });
        Entry {
            bill: self,
            index: items.len() - 1,
        }
    }

    /// What all of it costs.
    pub(super) fn total(&self) -> MicroDollars {
        let items = lock(&self.items);
        items.iter().map(|item| item.price.of(item.usage)).sum()
    }

    /// What was used of each service, for the log of calls.
    pub(super) fn used(&self) -> Vec<Used> {
        let mut all: Vec<Used> = Vec::new();
        for item in lock(&self.items).iter() {
            let cost = item.price.of(item.usage);
            let stage = item.stage.to_string();
            let is_same = |used: &&mut Used| used.stage == stage && used.service == item.service;
            match all.iter_mut().find(is_same) {
                Some(used) => {
                    used.usage = used.usage + item.usage;
                    used.microdollars = used.microdollars + cost;
                }
                None => all.push(Used {
                    stage,
                    service: item.service.clone(),
                    usage: item.usage,
                    microdollars: cost,
                }),
            }
        }
        all
    }
}

impl Entry<'_> {
    /// Puts down what was used, as the service tells or as was measured. More than is possible is not believed.
    pub(super) fn used(&self, usage: Usage) {
        if let Some(item) = lock(&self.bill.items).get_mut(self.index) {
            let most = Usage {
                audio_ms: item.usage.audio_ms + LARGEST_STEP_MS,
                ..item.usage
            };
            item.usage = usage.at_most(most);
            if item.usage != usage {
                warn!(
                    "{} told that it used more than it can have: {} ms of audio, {} + {} tokens, {} characters",
                    item.service,
                    usage.audio_ms,
                    usage.input_tokens,
                    usage.output_tokens,
                    usage.characters
                );
            }
        }
    }

    /// Nothing was, if the service was not reached or said no. What it has begun may be billed.
    pub(super) fn failed<E: Cause>(&self, error: &E) {
        if let Some(
            cloud::Error::Connect { .. }
            | cloud::Error::Refused(_)
            | cloud::Error::Clock { .. }
            | cloud::Error::Credentials(_),
        ) = error.service()
        {
            self.used(Usage::default());
        }
    }
}

/// The most that a call about `speech` can cost: no service can be asked more often than this counts, nor for more.
pub(super) fn max_cost(services: &Services, settings: &Settings, speech: &Pcm) -> MicroDollars {
    let question = BYTES_PER_CHAR * longest_question(speech.duration());
    // Each text that is spoken for itself may have its own pauses.
    let mut voice = spoken(settings.max_answer_chars);
    voice.audio_ms += LONGEST_PAUSE_MS * len(settings.max_answer_chars / SHORTEST_TEXT);
    of_transcriptions(services, speech.duration(), 1)
        + of_stage(Stage::Llm, &services.models, tokens(settings, question))
        + of_stage(Stage::Tts, &services.voices, voice)
}

/// The maximum cost of having speech of this length transcribed `times` times.
pub(super) fn of_transcriptions(services: &Services, length: Duration, times: u32) -> MicroDollars {
    // Each piece of a long question may be rounded up.
    let pieces = length.as_secs() / SHORTEST_PIECE.as_secs() + 1;
    let mut heard = audio(length);
    heard.audio_ms += LARGEST_STEP_MS * pieces;
    of_stage(Stage::Stt, &services.recognizers, heard).times(times.into())
}

/// The most that it can cost to have a text spoken.
pub(super) fn max_cost_of_text(services: &Services, text: &str) -> MicroDollars {
    of_stage(Stage::Tts, &services.voices, spoken(text.chars().count()))
}

/// Each service is asked once, and a second time when that may help.
fn of_stage<P: ?Sized>(stage: Stage, fallback: &Fallback<P>, usage: Usage) -> MicroDollars {
    let prices = fallback
        .candidates()
        .iter()
        .map(|candidate| catalogue::price(stage, &candidate.endpoint));
    prices.map(|price| price.of(usage).times(TRIES)).sum()
}

/// Audio that is listened to.
pub(super) fn audio(length: Duration) -> Usage {
    Usage {
        audio_ms: u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
        ..Usage::default()
    }
}

/// The most that one answer can use: no token is shorter than a byte.
pub(super) fn tokens(settings: &Settings, question_bytes: usize) -> Usage {
    Usage {
        input_tokens: len(settings.asked("").bytes() + question_bytes) + FRAME_TOKENS,
        output_tokens: settings.max_output_tokens.into(),
        ..Usage::default()
    }
}

/// What an answer has used, by its length, where the service does not tell.
pub(super) fn estimate(read_bytes: usize, written_bytes: usize) -> Usage {
    Usage {
        input_tokens: len(read_bytes.div_ceil(BYTES_PER_TOKEN)) + FRAME_TOKENS,
        output_tokens: len(written_bytes.div_ceil(BYTES_PER_TOKEN)),
        ..Usage::default()
    }
}

/// The maximum that a text of `chars` characters can use of a voice. Some voices are paid by the minute.
pub(super) fn spoken(chars: usize) -> Usage {
    Usage {
        characters: len(chars),
        audio_ms: len(chars) * SLOWEST_CHAR_MS + LONGEST_PAUSE_MS,
        ..Usage::default()
    }
}

/// The longest transcript, in characters, that `speech` can have: what is longer is cut.
pub(super) fn longest_question(speech: Duration) -> usize {
    let chars = CHARS_PER_SECOND * (speech.as_secs() + 1) + SHORTEST_QUESTION;
    usize::try_from(chars).unwrap_or(usize::MAX)
}

fn len(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

const TRIES: u64 = 2;
/// What wraps the words of a request: roles, and marks of beginning and end.
const FRAME_TOKENS: u64 = 64;
/// Of UTF-8.
const BYTES_PER_CHAR: usize = 4;
/// In the languages of Europe; others have shorter tokens.
const BYTES_PER_TOKEN: usize = 3;
/// A question is cut at pauses, into pieces of more than half of what a service takes.
const SHORTEST_PIECE: Duration = Duration::from_secs(27);
/// Google bills in steps of 15 s.
const LARGEST_STEP_MS: u64 = 15_000;
/// In characters: what is shorter is spoken together with the next.
const SHORTEST_TEXT: usize = 12;
/// Twice what an auctioneer says.
const CHARS_PER_SECOND: u64 = 40;
const SHORTEST_QUESTION: u64 = 100;
/// A voice that takes longer is given up.
const SLOWEST_CHAR_MS: u64 = 1000;
const LONGEST_PAUSE_MS: u64 = 10_000;

#[cfg(test)]
mod tests;
