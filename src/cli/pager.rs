//! A long text on a terminal, a page at a time.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use signal_hook::consts::SIGINT;

use crate::config::Environment;

/// Shows `text` in `$PAGER`, else in `less`, and returns once that has ended. Returns whether there was such a program:
/// if not, the text is still to be shown. Under sudo there is none: a pager can start a shell, and a user who may run
/// only this program would get root's.
pub(super) fn show(text: &str, environment: Environment<'_>) -> bool {
    if environment("SUDO_UID").is_some() {
        return false;
    }
    let pager = environment("PAGER").unwrap_or_else(|| "less".to_owned());
    let mut words = pager.split_whitespace();
    let Some(program) = words.next() else {
        return false;
    };
    let mut pager = Command::new(program);
    pager.args(words).stdin(Stdio::piped());
    if environment("LESS").is_none() {
        // As git does: a text that fits on the screen is printed, and stays there.
        pager.env("LESS", "FRX");
    }
    // Ctrl-C is for the pager. Without a handler it would end this process and leave the pager without its parent.
    signal_hook::flag::register(SIGINT, Arc::default()).ok();
    let Ok(mut pager) = pager.spawn() else {
        return false;
    };
    if let Some(mut input) = pager.stdin.take() {
        // A pager that quits early has shown enough.
        input.write_all(text.as_bytes()).ok();
    }
    pager.wait().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_that_is_missing_is_none_and_one_that_quits_early_is_no_error() {
        let text = "a line\n".repeat(100_000);
        for (pager, is_shown) in [
            ("/nowhere/pager -x", false),
            ("", false),
            ("  ", false),
            ("true", true),
            ("head -n 1", true),
        ] {
            let environment = |name: &str| (name == "PAGER").then(|| pager.to_owned());
            assert_eq!(show(&text, &environment), is_shown, "{pager:?}");
        }
    }

    #[test]
    fn under_sudo_no_pager_runs() {
        let environment = |name: &str| match name {
            "PAGER" => Some("true".to_owned()),
            "SUDO_UID" => Some("1000".to_owned()),
            _ => None,
        };
        assert!(!show("text", &environment));
    }
}
