//! Text to speech, one file per provider.

pub mod openai;
