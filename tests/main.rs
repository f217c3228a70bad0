//! All integration tests in one binary, a module per theme.
#![allow(clippy::unwrap_used)]

mod dialplan;
mod install;
