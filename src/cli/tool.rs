//! `phone-assistant tool`: what it takes.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;

use super::stderr::begin;
use crate::cmd::tool;
use crate::config::{Arguments, Environment};

#[derive(Debug, Args)]
pub(super) struct Tool {
    /// The tool, as [tool.NAME] of the settings calls it [default: list all tools]
    name: Option<String>,
    /// What the model would give: latitude=45.7
    #[arg(value_name = "NAME=VALUE")]
    arguments: Vec<String>,
}

impl Tool {
    /// Returns what is to be printed.
    pub(super) fn run(
        self,
        config: Option<PathBuf>,
        environment: Environment<'_>,
    ) -> Result<String, Box<dyn Error>> {
        let arguments = Arguments::of_file(config);
        match self.name {
            None => tool::list(&arguments, environment),
            Some(name) => {
                begin("asking");
                tool::run(&name, &self.arguments, &arguments, environment)
            }
        }
    }
}
