//! The services of most scenes, and what the program does to their voice.

use std::time::Duration;

use testkit::{Sandbox, Script};

use crate::caller::data_dir;

/// Services that know the questions of `tests/data`.
pub(super) fn sandbox() -> Sandbox {
    Sandbox::start(Script::standard(&data_dir()))
}

/// How much louder the program makes a voice that it has not measured, and how much of the silence before an answer is
/// heard.
pub(super) const GAIN_DB: f64 = 6.0;
pub(super) const LEAD: Duration = Duration::from_millis(30);
