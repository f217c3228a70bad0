//! The services: speech to text, a language model, text to speech. One file per provider.
//!
//! [`http`] alone talks to the network and checks statuses; a provider's file holds the shapes
//! of its JSON and what they mean. Nothing here knows of AGI or of audio formats.

pub(crate) mod access;
pub(crate) mod budget;
pub(crate) mod credentials;
mod event;
pub(crate) mod fallback;
mod gemini;
pub(crate) mod google_auth;
pub mod http;
mod json;
pub mod llm;
mod openai;
pub(crate) mod own_header;
mod refusal;
mod service;
pub(crate) mod sse;
pub mod stt;
pub(crate) mod tts;

use std::time::Duration;

pub use refusal::Refusal;
pub(crate) use service::{ENVELOPE_TOKENS, Listed};
pub use service::{Service, Tokens};

use crate::sys::threads::NoThread;
use credentials::CredentialsError;

/// Why a service did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller hung up while it worked.
    #[error("the caller hung up while {0} was working")]
    HungUp(&'static str),
    /// The answer did not come in time.
    #[error("{service} gave no whole answer within {:.1} s; check this machine's way to {host}, or raise timeout in its settings and deadline in [call]", .after.as_secs_f32())]
    Timeout {
        /// The service's name.
        service: &'static str,
        /// Where it was expected.
        host: String,
        /// The time that was waited.
        after: Duration,
    },
    /// It began to answer and stopped.
    #[error("{service} stopped in the middle of its answer for {:.1} s; check this machine's way to {host}", .after.as_secs_f32())]
    Stalled {
        /// The service's name.
        service: &'static str,
        /// The host that stopped.
        host: String,
        /// The time that was waited.
        after: Duration,
    },
    /// There is no connection to the service.
    #[error("{service}: cannot connect to {host}; {remedy}")]
    Connect {
        /// The service's name.
        service: &'static str,
        /// Where it was expected.
        host: String,
        /// What to do.
        remedy: &'static str,
        /// Whether a second try may succeed.
        transient: bool,
        /// What the network said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There was no thread to ask it on.
    #[error("{service} was not asked")]
    NoThread {
        /// The service's name.
        service: &'static str,
        /// Why, and what to do.
        source: NoThread,
    },
    /// The connection ended before the answer did.
    #[error(
        "{service} broke off its answer; if that happens often, check this machine's way to {host}"
    )]
    Broken {
        /// The service's name.
        service: &'static str,
        /// The host that broke off.
        host: String,
        /// What the network said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The service refused the request.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// This machine's clock is wrong, so that none of our signatures is valid.
    #[error("{service} does not accept our sign-in because this machine's clock is {} s {}; set it with: timedatectl set-ntp true", .ahead.unsigned_abs(), if *.ahead > 0 { "ahead" } else { "behind" })]
    Clock {
        /// The service's name.
        service: &'static str,
        /// The number of seconds it is ahead; negative when it is behind.
        ahead: i64,
    },
    /// An answer that is not the JSON that the service documents.
    #[error("{service} sent {found}; check that base_url in {settings} leads to the service itself", settings = .service.settings, service = .service.name)]
    Malformed {
        /// The service.
        service: Service,
        /// A description of what came that does not quote it: it may hold what was said.
        found: String,
    },
    /// An answer that is larger than any real one.
    #[error(
        "{service} sent more than {max_bytes} bytes, which no real answer has; check that base_url leads to the service itself"
    )]
    TooLong {
        /// The service's name.
        service: &'static str,
        /// The size at which reading stopped.
        max_bytes: u64,
    },
    /// No provider is left to ask.
    #[error(
        "{0} has been switched off, and there is no other provider; name another model or provider in the settings"
    )]
    SwitchedOff(String),
    /// An answer without content.
    #[error("{service} sent an empty answer; {remedy}")]
    Empty {
        /// The service's name.
        service: &'static str,
        /// What to do.
        remedy: &'static str,
        /// Whether a second try may succeed.
        transient: bool,
        /// The tokens that it is billed by all the same, if the service has told.
        tokens: Option<Tokens>,
    },
    /// An answer of thoughts, tool calls or signs alone.
    #[error("there is nothing in the text that a voice can say; {remedy}", remedy = TRY_AGAIN)]
    Unsayable {
        /// Whether a second try may succeed.
        transient: bool,
    },
    /// The service stopped for a reason of its own, which neither the question nor the settings explain.
    #[error("{} gave up on its answer ({reason}); that happens now and then; if it persists, choose another model in {}", .service.name, .service.settings)]
    Failed {
        /// The service.
        service: Service,
        /// Its own word for why.
        reason: String,
        /// The tokens that it is billed by all the same, if the service has told.
        tokens: Option<Tokens>,
    },
    /// The service will not answer this question.
    #[error("{service} will not answer this ({reason}); nothing is wrong with the settings")]
    Blocked {
        /// The service's name.
        service: &'static str,
        /// Its own word for why.
        reason: String,
    },
    /// It heard no words in what sounds like speech.
    #[error(
        "{provider} heard no words in speech; if that happens often, choose another model in [stt.{provider}]"
    )]
    Unheard {
        /// The provider's name in the settings.
        provider: &'static str,
    },
    /// It was to hear the caller itself.
    #[error("{service} accepts no sound, only transcripts; set hears = false in [llm]")]
    Deaf {
        /// The service's name.
        service: &'static str,
    },
    /// The key file does not work.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
}

impl Error {
    /// The error of a service that withholds its answer for a reason such as `PROHIBITED_CONTENT`.
    fn blocked(service: Service, reason: &str) -> Self {
        Self::Blocked {
            service: service.name,
            reason: word(reason),
        }
    }

    /// The error of a model that has stopped for a reason such as `MALFORMED_RESPONSE`, which says nothing of the
    /// question.
    fn failed(service: Service, reason: &str) -> Self {
        Self::Failed {
            service,
            reason: word(reason),
            tokens: None,
        }
    }

    /// The same error of an answer with which the service has told that it bills `told`.
    fn billed(mut self, told: Option<Tokens>) -> Self {
        if let Self::Empty { tokens, .. } | Self::Failed { tokens, .. } = &mut self {
            *tokens = told.or(*tokens);
        }
        self
    }

    /// Whether the service will not answer this question, in whichever form it is asked.
    pub(crate) fn is_of_question(&self) -> bool {
        match self {
            Self::Blocked { .. } => true,
            Self::Refused(refusal) => refusal.meaning == refusal::Meaning::Content,
            _ => false,
        }
    }

    /// The tokens that the service has told with an answer of no use.
    pub(crate) fn tokens(&self) -> Option<Tokens> {
        match self {
            Self::Empty { tokens, .. } | Self::Failed { tokens, .. } => *tokens,
            _ => None,
        }
    }
}

/// What to do about a model whose answers now and then are of no use.
pub(crate) const TRY_AGAIN: &str =
    "that happens now and then; if it persists, choose another model in the settings of [llm]";

/// The word that `reason` begins with; whatever else it holds is not told.
fn word(reason: &str) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    reason.chars().take_while(plain).take(40).collect()
}

/// An error that may hold a service's.
pub(crate) trait Cause {
    /// The service's error, if a service caused it.
    fn service(&self) -> Option<&Error>;
}

impl Cause for Error {
    fn service(&self) -> Option<&Error> {
        Some(self)
    }
}
