//! The callers whom a call could not forget because the server was lost. They are noted in a file in the folder of
//! callers, until a later call or a check has forgotten them.
//!
//! The file guards what callers were promised: one that cannot be read is an error, and not an empty one.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::sys::state::guard::{Error, Guard, Guarded};

/// The file.
#[derive(Debug)]
pub(super) struct Debts {
    file: Guard,
}

/// A record that is to be removed from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Debt {
    /// The server's key.
    pub name: String,
    /// The record's id, so that one that was begun since stays; `None` where it is not known: then any record is
    /// removed.
    pub id: Option<String>,
}

impl Debts {
    /// Those of the machine with this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            file: Guard::new(folder.join(FILE)),
        }
    }

    pub(super) fn read(&self) -> Result<Vec<Debt>, Error> {
        let content = self.file.read::<Content>()?;
        Ok(content.map(|content| content.debts).unwrap_or_default())
    }

    pub(super) fn add(&self, debt: Debt) -> Result<(), Error> {
        self.change(|debts| {
            if !debts.contains(&debt) {
                debts.push(debt);
            }
        })
    }

    pub(super) fn settle(&self, paid: &[Debt]) -> Result<(), Error> {
        self.change(|debts| debts.retain(|debt| !paid.contains(debt)))
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Debt>)) -> Result<(), Error> {
        let begin = || Content {
            version: Content::VERSION,
            debts: Vec::new(),
        };
        // A loss of power must not bring back a caller who wants to be forgotten.
        self.file.update_for_good(begin, |content| {
            change(&mut content.debts);
            Ok(())
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    version: u32,
    debts: Vec<Debt>,
}

impl Guarded for Content {
    const VERSION: u32 = 1;
}

const FILE: &str = "to-forget.json";
