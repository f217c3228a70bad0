//! What `setup` changes on the disk: shown first, confirmed where something is replaced, and written whole or not at all.

use std::path::PathBuf;

use super::error::Error;
use super::file::Change;
use super::key::{Key, ending};
use super::{Setup, notices};
use crate::cloud::google_auth::ServiceAccount;
use crate::cmd::place::Ground;
use crate::config::keys;
use crate::config::{Config, Faults, Needs};
use crate::sys::files;
use crate::sys::identity::{self, Question};

impl Setup<'_> {
    /// Shows what changes, and writes it unless it is refused.
    pub(super) fn write(&mut self, key: Option<&Key>, may_replace: bool) -> Result<(), Error> {
        let mut is_replaced = self.show_values()?;
        // The account comes first: where only that was written before the machine stops, the settings before it still work.
        let mut files = Vec::new();
        if let Some(Key::Account(text, account)) = key {
            let path = self.place_of_account()?;
            let before = ServiceAccount::load(&path).map(|account| account.identity());
            is_replaced |= path.exists();
            let before = before.unwrap_or_else(|_| "none".to_owned());
            let line = format!("  {}: {before} -> {}", path.display(), account.identity());
            self.tell(&line)?;
            files.push((path, text.clone()));
        }
        if !self.settings.changes().is_empty() {
            files.push((self.file.clone(), self.settings.text()));
        }
        if files.is_empty() {
            return self.say("Nothing is to be changed.");
        }
        if is_replaced && !may_replace {
            self.confirm()?;
        }
        self.put(&files)?;
        let Some(key) = key else { return Ok(()) };
        self.tell_all(notices::hiding(&self.understood(), key, &self.file))
    }

    /// Where the settings have the service account: what root's environment names may be another program's, and what
    /// systemd hands to Asterisk is made anew at each start.
    pub(super) fn place_of_account(&self) -> Result<PathBuf, Faults> {
        let (text, file) = (self.settings.text(), self.file.clone());
        Ok(Config::of_text(Needs::Nothing, &text, file, &|_| None)?.credentials)
    }

    /// Shows the values that change, with those before. Returns whether one is replaced.
    fn show_values(&mut self) -> Result<bool, Error> {
        let changes = self.settings.changes();
        let is_replaced = changes.iter().any(|change| !change.before.is_empty());
        let shown = |setting: &keys::Key, text: &str| match setting.kind == keys::Kind::Secret {
            true => ending(text),
            false if text.is_empty() => "not set".to_owned(),
            false => text.to_owned(),
        };
        let line = |change: &Change| {
            let values = [&change.before, &change.after];
            let [before, after] = values.map(|text| shown(change.setting, text));
            format!("  {}: {before} -> {after}", change.setting.name)
        };
        for line in changes.iter().map(line).collect::<Vec<_>>() {
            self.tell(&line)?;
        }
        Ok(is_replaced)
    }

    fn confirm(&mut self) -> Result<(), Error> {
        let Some(asker) = &mut self.asker else {
            return Ok(());
        };
        let answer = asker
            .ask("Replace what was there? [y/N]: ")
            .map_err(Error::Unanswered)?;
        if matches!(answer.trim(), "y" | "Y" | "yes") {
            Ok(())
        } else {
            Err(Error::Declined)
        }
    }

    /// Writes files in place of those that are there, with their owners and modes, unless everybody could read them: all
    /// of them or none.
    fn put(&mut self, files: &[(PathBuf, String)]) -> Result<(), Error> {
        let ready = |(path, text)| {
            let path = std::path::absolute(path)?;
            let is_closed = path.exists() && !files::is_readable_by_all(&path);
            let owner = if is_closed {
                None
            } else {
                Some(owner(&self.asterisk)?)
            };
            Ok((path, owner, str::as_bytes(text)))
        };
        let files = files.iter().map(|(path, text)| ready((path, text)));
        let files = files.collect::<Result<Vec<_>, Error>>()?;
        Ground::new("/".into(), None)?.write(&files)?;
        self.tell_all(
            files
                .iter()
                .map(|(path, ..)| format!("written: {}", path.display())),
        )
    }
}

/// The owner of files that hold keys: root and Asterisk's group, or the user who runs this without being root.
pub(super) fn owner(question: &Question) -> Result<(u32, u32), Error> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if !user.is_root() {
        return Ok((user.as_raw(), group.as_raw()));
    }
    let asterisk = identity::find(question)?;
    let (_, group) = asterisk.ids.ok_or(Error::Group(asterisk.group))?;
    Ok((0, group))
}
