//! Language models, one file per provider.

pub mod gemini;
