//! What a call has used and spent, request by request.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use log::warn;

use crate::cloud::budget::MAX_TRIES;
use crate::cloud::fallback::Fallback;
use crate::cloud::{self, Cause, ENVELOPE_TOKENS, Tokens};
use crate::config::{Endpoint, catalogue};
use crate::sys::costs::{MicroDollars, Price, Usage};
use crate::sys::date;
use crate::sys::error::Stage;
use crate::sys::hangup::Hangup;
use crate::sys::sync::lock;
use crate::timeline::record::Used;

/// What a piece of work needs to begin requests that cost money. Clones stand for the same work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Billing {
    bill: Arc<Bill>,
    over: Hangup,
}

/// The requests of a call.
#[derive(Debug, Default)]
pub(crate) struct Bill {
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
pub(crate) struct Entry {
    bill: Arc<Bill>,
    index: usize,
}

impl Billing {
    /// New work whose requests are put down on `bill`.
    pub(crate) fn new(bill: Arc<Bill>) -> Self {
        Self {
            bill,
            over: Hangup::default(),
        }
    }

    /// Puts a request down that can use at most `max_usage`.
    ///
    /// # Errors
    /// [`cloud::Error::HungUp`] if the work is no longer waited for: then no request may begin.
    pub(crate) fn begin(
        &self,
        stage: Stage,
        endpoint: &Endpoint,
        max_usage: Usage,
    ) -> Result<Entry, cloud::Error> {
        // Checked last, since what is put down next is paid for.
        if self.over.is_raised() {
            return Err(cloud::Error::HungUp("nobody"));
        }
        Ok(self.bill.begin(stage, endpoint, max_usage))
    }

    /// Lets no further request of this work begin.
    pub(crate) fn end(&self) {
        self.over.raise();
    }

    /// The flag that goes up when the work is no longer waited for.
    pub(crate) fn over(&self) -> &Hangup {
        &self.over
    }
}

impl Bill {
    /// Puts a request down that can use at most `max_usage`.
    fn begin(self: &Arc<Self>, stage: Stage, endpoint: &Endpoint, max_usage: Usage) -> Entry {
        let mut items = lock(&self.items);
        items.push(Item {
            stage,
            service: endpoint.to_string(),
            price: catalogue::price(stage, endpoint, SystemTime::now()),
            usage: max_usage,
        });
        Entry {
            bill: self.clone(),
            index: items.len() - 1,
        }
    }

    /// What all of it costs.
    pub(crate) fn total(&self) -> MicroDollars {
        let items = lock(&self.items);
        items.iter().map(|item| item.price.of(item.usage)).sum()
    }

    /// What was used of each service, for the log of calls.
    pub(crate) fn used(&self) -> Vec<Used> {
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

impl Entry {
    /// Puts down what was used, as the service tells or as was measured. More than is possible is not believed.
    pub(crate) fn used(&self, usage: Usage) {
        if let Some(service) = self.put_down(usage) {
            warn!(
                "{service} told that it used more than it can have: {} ms of audio, {} + {} tokens, {} characters",
                usage.audio_ms, usage.input_tokens, usage.output_tokens, usage.characters
            );
        }
    }

    /// Puts down what was probably used, where the service does not tell.
    pub(crate) fn estimated(&self, usage: Usage) {
        self.put_down(usage);
    }

    /// Puts down what is possible of it. Returns the service if that is less.
    fn put_down(&self, usage: Usage) -> Option<String> {
        let mut items = lock(&self.bill.items);
        let item = items.get_mut(self.index)?;
        // Services bill audio up to the next step. One impossible count, if it were believed, would use up the day's
        // money.
        let max_usage = Usage {
            audio_ms: item.usage.audio_ms + catalogue::max_step_ms(),
            ..item.usage
        };
        item.usage = usage.at_most(max_usage);
        (item.usage != usage).then(|| item.service.clone())
    }

    /// Puts down what the service has told with the error, or that nothing was used, if it was not reached, said no or
    /// sent nothing. What it has begun may be billed.
    pub(crate) fn failed<E: Cause>(&self, error: &E) {
        if let Some(told) = error.service().and_then(cloud::Error::tokens) {
            return self.used(tokens(told));
        }
        // These alone are sure not to be billed. After any other error the request counts in full.
        if let Some(
            cloud::Error::Connect { .. }
            | cloud::Error::Refused(_)
            | cloud::Error::Empty { .. }
            | cloud::Error::Deaf { .. }
            | cloud::Error::Clock { .. }
            | cloud::Error::Credentials(_),
        ) = error.service()
        {
            self.used(Usage::default());
        }
    }
}

/// The maximum cost of work that each provider of a stage may be asked for, as often as may help.
pub(crate) fn max_of_each<P: ?Sized>(
    stage: Stage,
    fallback: &Fallback<P>,
    usage: impl Fn(&P) -> Usage,
) -> MicroDollars {
    let price = |endpoint: &Endpoint, now| catalogue::max_price(stage, endpoint, now);
    max_of_each_at(price, fallback, usage)
}

/// The same at prices other than those of the settings' endpoints.
pub(crate) fn max_of_each_at<P: ?Sized>(
    price: impl Fn(&Endpoint, SystemTime) -> Price,
    fallback: &Fallback<P>,
    usage: impl Fn(&P) -> Usage,
) -> MicroDollars {
    let now = SystemTime::now();
    // Each candidate may fail in its turn after it was asked `MAX_TRIES` times, so the sum is the most that the work
    // can cost.
    let costs = fallback.available_on(date::day(now)).map(|candidate| {
        let price = price(&candidate.endpoint, now);
        price.of(usage(&candidate.provider)).times(MAX_TRIES)
    });
    costs.sum()
}

/// Audio that is listened to or made, and the tokens that it counts as.
pub(crate) fn audio(length: Duration, tokens: Tokens) -> Usage {
    Usage {
        audio_ms: u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
        ..self::tokens(tokens)
    }
}

/// Tokens that were read and written.
pub(crate) fn tokens(Tokens { input, output }: Tokens) -> Usage {
    Usage {
        input_tokens: input,
        output_tokens: output,
        ..Usage::default()
    }
}

/// What an answer has used, by its length, where the service does not tell.
pub(crate) fn estimate(read_bytes: usize, written_bytes: usize) -> Usage {
    Usage {
        input_tokens: len(read_bytes.div_ceil(BYTES_PER_TOKEN)) + ENVELOPE_TOKENS,
        output_tokens: len(written_bytes.div_ceil(BYTES_PER_TOKEN)),
        ..Usage::default()
    }
}

fn len(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// In the languages of Europe; others have shorter tokens.
const BYTES_PER_TOKEN: usize = 3;

#[cfg(test)]
mod tests;
