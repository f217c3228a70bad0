//! `phone-assistant calls`: what it takes.

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;

use super::stderr::{begin, tell};
use super::stdout::{pen, show_text};
use crate::cmd::calls::{self, Options, Since};
use crate::config::Environment;

#[derive(Debug, Args)]
pub(super) struct Calls {
    /// Look at the newest N calls [default: 100, and with --since all]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    last: Option<NonZeroUsize>,
    /// Look only at calls that began since then: 2026-11-25, 2026-11-25T08:30 (UTC), 12h or 7d
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Since>,
    /// Draw this call instead of the last one: Asterisk's UNIQUEID
    #[arg(long)]
    id: Option<String>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// Write a page for the browser into this file, with all of it and the failures; - is stdout
    #[arg(long, value_name = "OUT", conflicts_with_all = ["json", "id"])]
    html: Option<PathBuf>,
    /// The log, and the older ones beside it [default: calls in [log] of the settings]; - is stdin
    file: Option<PathBuf>,
}

impl Calls {
    /// Whether the log is the one of the settings.
    pub(super) fn names_no_log(&self) -> bool {
        self.file.is_none()
    }

    pub(super) fn run(
        self,
        config: Option<PathBuf>,
        environment: Environment<'_>,
    ) -> Result<(), Box<dyn Error>> {
        let usual = if self.since.is_some() {
            usize::MAX
        } else {
            USUAL
        };
        let options = Options {
            last: self.last.map_or(usual, NonZeroUsize::get),
            since: self.since,
            id: self.id,
            is_json: self.json,
            file: self.file,
            pen: pen(environment),
        };
        begin("reading the log of calls");
        let Some(page) = self.html else {
            return show_text(&calls::run(&options, config, environment)?);
        };
        let told = calls::write_page(&options, &page, config, environment)?;
        for line in told {
            tell(&line);
        }
        Ok(())
    }
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse();
    number.map_err(|_| "a number of calls is 1 or more".to_owned())
}

fn since(text: &str) -> Result<Since, String> {
    Since::parse(text, SystemTime::now()).ok_or_else(|| {
        "write a day as 2026-11-25, perhaps with T08:30, or a time such as 12h or 7d".to_owned()
    })
}

/// How many calls are looked at.
const USUAL: usize = 100;
