//! Language models, one file per provider. All of them stream; [`answering`] reads what comes.

pub mod answering;
pub mod gemini;
pub mod openai;

use std::fmt::Debug;

use super::Error;
use super::http::Patience;
use crate::deadline::Deadline;

pub use answering::{Answer, Answering, End, Tokens};

/// A model with a persona.
pub trait Model: Debug + Send + Sync {
    /// Opens the way to the service, so that the question finds it open.
    fn warm(&self, deadline: Deadline);

    /// The model's answer to one question, as soon as it begins.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn answer(&self, question: &str, patience: Patience<'_>) -> Result<Answering, Error>;

    /// The names of the models that the service offers; `None` where it has no such list.
    ///
    /// # Errors
    /// [`Error`] of the request.
    fn models(&self, deadline: Deadline) -> Result<Option<Vec<String>>, Error>;
}
