//! The `phone-assistant` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    phone_assistant::cli::run(std::env::args_os())
}
