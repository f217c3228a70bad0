//! Speech to text, one file per provider.

pub mod google;
