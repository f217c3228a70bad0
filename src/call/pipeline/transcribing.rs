//! What the caller said, in words: transcribed in pieces, and by another provider where one has heard nothing in what
//! surely is speech.

use std::ops::Range;
use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::Sender;

use super::work::{Work, may_begin, send};
use crate::audio::{Pcm, duration_of, speech};
use crate::call::event::{Event, Transcript};
use crate::call::max_cost;
use crate::cloud;
use crate::cloud::budget::Budget;
use crate::cloud::fallback::Candidate;
use crate::cloud::stt::{self, Recognizer, Recording};
use crate::spending::bill;
use crate::sys::date;
use crate::sys::error::{At, Failure, Stage};
use crate::sys::redact::Words;
use crate::sys::threads;
use crate::text;
use crate::timeline::Mark;

impl Work {
    /// The pieces of a long question are transcribed side by side and joined in order.
    pub(super) fn transcribe(&self, tell: &Sender<Event>) -> Result<Transcript, Failure> {
        let since = may_begin(Stage::Stt, tell)?;
        let Pcm { rate_hz, samples } = &*self.speech;
        let pieces = speech::split(&self.speech, stt::MAX_LENGTH);
        let transcripts = thread::scope(|scope| {
            let transcribe = |piece: Range<usize>| self.hear(&samples[piece], *rate_hz);
            let threads: Vec<_> = pieces
                .into_iter()
                .map(|piece| threads::spawn_within(scope, move || transcribe(piece)))
                .collect();
            let results = threads.into_iter().map(|thread| {
                let thread = thread.at(Stage::Stt)?;
                let heard = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
                heard.at(Stage::Stt)
            });
            results.collect::<Result<Vec<_>, _>>()
        });
        let heard = transcripts?;
        // Pieces of one question are one reason to doubt, however many they are.
        if let Some((unheard, by)) = heard.iter().find_map(|heard| heard.doubt) {
            self.services.recognizers.note_unheard(unheard, by);
        }
        let longest = max_cost::max_question_chars(self.speech.duration());
        let spoken: Vec<_> = heard
            .iter()
            .map(|heard| heard.words.as_str())
            .filter(|transcript| !transcript.is_empty())
            .collect();
        let question = text::limit(spoken.join(" ").trim(), longest).to_owned();
        send(tell, Event::Reached(Mark::Stt, Instant::now()));
        let what = format!(
            "{} from {} piece(s) of speech",
            Words(&question, self.settings.log_words),
            heard.len()
        );
        send(tell, Event::Done(Stage::Stt, since, what));
        // A caller who changes the language expects the answer in the one that they have ended with.
        let mut told = heard.iter().rev().filter(|heard| !heard.words.is_empty());
        let told = told.find_map(|heard| heard.language.as_deref());
        let language = told.and_then(|told| self.settings.language(told));
        Ok(Transcript {
            words: question,
            language: language.map(str::to_owned),
        })
    }

    /// Transcribes one piece; empty if there are no words in it. If there must be some, one other provider is asked.
    fn hear(&self, samples: &[i16], rate_hz: u32) -> Result<Piece<'_>, cloud::Error> {
        let length = duration_of(samples.len(), rate_hz);
        let recording = Recording {
            samples,
            rate_hz,
            spoken: speech::sounding(samples, rate_hz),
        };
        let recognizers = &self.services.recognizers;
        let today = date::day(SystemTime::now());
        // A recogniser that hears nothing in speech is a fault, and a wrong NOSPEECH costs the caller the call; but
        // each doubt is paid for, so there is one for a piece, and only where another provider can be asked. An answer
        // that waits for these words goes on sooner without a second request.
        let is_one_of_several = recognizers.available_on(today).count() > 1;
        let mut may_doubt = is_one_of_several && !self.is_interruption;
        let mut doubted = None;
        let attempt = |candidate, budget| {
            let heard = self.transcribe_piece(candidate, recording, budget)?;
            if heard.words.is_empty() && may_doubt && speech::is_sure(samples, rate_hz) {
                (may_doubt, doubted) = (false, Some(candidate));
                let provider = candidate.endpoint.provider.name();
                return Err(cloud::Error::Unheard { provider });
            }
            Ok(heard)
        };
        let budget = Budget {
            upload: sending_time(length),
            ..self.budget(self.deadline)
        };
        match recognizers.ask(budget, attempt) {
            Ok(done) => {
                let doubted = doubted.filter(|_| !done.value.words.is_empty());
                Ok(Piece {
                    doubt: doubted.map(|unheard| (unheard, done.candidate)),
                    words: done.value.words,
                    language: done.value.language,
                })
            }
            Err(error @ cloud::Error::HungUp(_)) => Err(error),
            // The others know no better.
            Err(_) if doubted.is_some() => Ok(Piece::default()),
            Err(error) => Err(error),
        }
    }

    /// The budget of a request with the question's sound in it.
    pub(super) fn with_upload(&self, budget: Budget) -> Budget {
        Budget {
            upload: sending_time(self.speech.duration()),
            ..budget
        }
    }

    /// What one provider hears, on the bill.
    fn transcribe_piece(
        &self,
        candidate: &Candidate<dyn Recognizer>,
        recording: Recording<'_>,
        budget: Budget,
    ) -> Result<Transcript, cloud::Error> {
        let Candidate {
            endpoint, provider, ..
        } = candidate;
        let length = duration_of(recording.samples.len(), recording.rate_hz);
        let most = bill::audio(length, provider.max_tokens(length));
        let entry = self.billing().begin(Stage::Stt, endpoint, most)?;
        let heard = provider.transcribe(recording, budget);
        let heard = heard.inspect_err(|error| entry.failed(error))?;
        entry.used(bill::audio(heard.billed.unwrap_or(length), heard.tokens));
        let words = Some(heard.text).filter(|text| text::has_words(text));
        Ok(Transcript {
            words: words.unwrap_or_default(),
            language: heard.language,
        })
    }
}

/// The transcript of one piece.
#[derive(Default)]
struct Piece<'c> {
    words: String,
    /// The language, if the service tells it.
    language: Option<String>,
    /// The provider that heard no words here, and the place of the one that did.
    doubt: Option<(&'c Candidate<dyn Recognizer>, usize)>,
}

/// The time that a recording of this length takes to be sent.
fn sending_time(length: Duration) -> Duration {
    length.saturating_sub(QUICKLY_SENT) / SENDING_SPEED
}

/// A recording of this length is sent in no time.
const QUICKLY_SENT: Duration = Duration::from_secs(10);

/// How many times faster than they were spoken longer recordings go out over a slow line: 16 kHz in base64 at 3 Mbit/s.
const SENDING_SPEED: u32 = 8;
