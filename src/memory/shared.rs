//! Callers that several machines remember together: a sealed record for each, on the server that they share.
//!
//! Those who read the server learn how many callers are remembered and when each has called, and neither who they are nor
//! what was said. Records are replaced only where they are still what was read, so no lock is needed, and the server
//! drops those that are too old by itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use log::debug;
use serde::{Deserialize, Serialize};

use super::caller::Caller;
use super::key::{self, Key, NAME_CHARS, NONCE_BYTES};
use super::record::Record;
use super::store::{Change, Entry, Error, Store};
use crate::config::limits::RetentionLimits;
use crate::sys::date::SECONDS_A_DAY;
use crate::sys::error::Chain;
use crate::sys::state::State;
use crate::sys::state::server::{Lost, Server};

/// The server, and the folder with this machine's copy of the key.
#[derive(Debug)]
pub(crate) struct Shared {
    server: Arc<Server>,
    folder: PathBuf,
    max_age: Duration,
}

/// A record as the server holds it.
struct Found {
    name: String,
    sealed: Option<Vec<u8>>,
}

impl Shared {
    /// The records on `server`, named and sealed by the key in `folder`. Each is dropped `max_age` after it was written.
    pub(crate) fn new(server: Arc<Server>, folder: &Path, max_age: Duration) -> Self {
        Self {
            server,
            folder: folder.to_owned(),
            max_age,
        }
    }

    /// Tries whether callers can be remembered, and says how many are, and why some cannot be read.
    ///
    /// # Errors
    /// [`Error`] tells why not.
    pub(crate) fn try_out(&self) -> Result<(usize, Vec<Error>), Error> {
        let trial = Found {
            name: format!("{RECORD}trial"),
            sealed: None,
        };
        self.replace(&self.key()?, &trial, Some(&Record::default()), Time::Anew)?;
        self.delete(vec![trial.name])?;
        let entries = self.entries()?;
        let count = entries.len();
        let unreadable = entries.into_iter().filter_map(|entry| entry.record.err());
        Ok((count, unreadable.collect()))
    }

    fn key(&self) -> Result<Key, Error> {
        Key::in_folder(&self.folder)
    }

    /// What is under these names, if the other machines have the same key.
    fn find(&self, key: &Key, names: Vec<String>) -> Result<Vec<Found>, Error> {
        let keys = [MARK.to_owned()].into_iter().chain(names.iter().cloned());
        let mut values = self.server.get(keys.collect())?.into_iter();
        let mark = values.next().flatten();
        if mark.is_some_and(|mark| mark != key.mark().as_bytes()) {
            return Err(self.other_key());
        }
        let found = names.into_iter().zip(values);
        let found = found.map(|(name, sealed)| Found { name, sealed });
        Ok(found.collect())
    }

    fn find_one(&self, key: &Key, name: String) -> Result<Found, Error> {
        let found = self.find(key, vec![name])?.pop();
        found.ok_or_else(|| self.server.garbled().into())
    }

    /// Replaces what was found, by nothing where there is no record any more. Returns whether it was still there.
    fn replace(
        &self,
        key: &Key,
        found: &Found,
        record: Option<&Record>,
        time: Time,
    ) -> Result<bool, Error> {
        let name = &found.name;
        let sealed = record.map(|record| seal(key, name, record)).transpose()?;
        let nonce = found.sealed.as_deref().unwrap_or_default();
        let arguments = vec![
            nonce.get(..NONCE_BYTES).unwrap_or(nonce).to_vec(),
            sealed.unwrap_or_default(),
            self.max_age.as_millis().to_string().into_bytes(),
            key.mark().into_bytes(),
            match time {
                Time::Anew => Vec::new(),
                Time::Kept => b"kept".to_vec(),
            },
        ];
        let keys = vec![name.clone(), MARK.to_owned()];
        match self.server.run(SCRIPT, keys, arguments)?.as_slice() {
            [0] => Ok(true),
            [1] => Ok(false),
            [2] => Err(self.other_key()),
            _ => Err(self.server.garbled().into()),
        }
    }

    fn delete(&self, names: Vec<String>) -> Result<usize, Error> {
        let deleted = self.server.run(DELETE, names, Vec::<String>::new())?;
        match deleted.as_slice() {
            [count] => usize::try_from(*count).map_err(|_| self.server.garbled().into()),
            _ => Err(self.server.garbled().into()),
        }
    }

    /// Some names of records, and where to go on; 0 where these were the last.
    fn names(&self, cursor: u64) -> Result<(u64, Vec<String>), Lost> {
        let (next, mut names) = self.server.scan(cursor, format!("{RECORD}*"))?;
        names.retain(|name| is_record(name));
        Ok((next, names))
    }

    /// Sweeps some records, and leaves a note where the next call goes on, which may be of another machine.
    fn sweep_some(&self, retention: RetentionLimits, now: SystemTime) -> Result<(), Error> {
        let end = Instant::now() + A_MOMENT;
        let swept = self.server.get(vec![SWEPT.to_owned()])?.pop().flatten();
        let cursor = match swept.as_deref() {
            Some(DONE) => return Ok(()),
            Some(cursor) => String::from_utf8_lossy(cursor).parse().unwrap_or(0),
            None => 0,
        };
        let key = self.key()?;
        let (next, names) = self.names(cursor)?;
        for found in self.find(&key, names)? {
            if Instant::now() > end {
                return Ok(());
            }
            self.sweep_one(&key, &found, retention, now)?;
        }
        let note = match next {
            0 => DONE.to_vec(),
            next => next.to_string().into_bytes(),
        };
        Ok(self.server.set(SWEPT.to_owned(), note, A_DAY)?)
    }

    fn sweep_one(
        &self,
        key: &Key,
        found: &Found,
        retention: RetentionLimits,
        now: SystemTime,
    ) -> Result<(), Error> {
        // What cannot be read is dropped by the server when its time has come.
        let Ok(Some(record)) = open(key, found) else {
            return Ok(());
        };
        let mut kept = record.clone();
        kept.trim(retention, now);
        if kept != record {
            let left = Some(&kept).filter(|kept| !kept.exchanges.is_empty());
            // One that has changed meanwhile was trimmed by that.
            self.replace(key, found, left, Time::Kept)?;
        }
        Ok(())
    }

    /// Forgets the callers whom a call could not forget, since the server was lost.
    fn pay(&self) -> Result<(), Error> {
        let Owed { names } = self.owed().read(OWED);
        if names.is_empty() {
            return Ok(());
        }
        self.delete(names.clone())?;
        let drop_these = |owed: &mut Owed| owed.names.retain(|name| !names.contains(name));
        Ok(self.owed().update(OWED, drop_these)?)
    }

    fn owed(&self) -> State {
        State::new(&self.folder).waiting_briefly()
    }

    fn other_key(&self) -> Error {
        Error::OtherKey {
            path: key::place(&self.folder).display().to_string(),
        }
    }
}

impl Store for Shared {
    fn read(&self, caller: &Caller) -> Result<Option<Record>, Error> {
        let key = self.key()?;
        self.pay()?;
        let name = name(&key, caller);
        open(&key, &self.find_one(&key, name)?)
    }

    fn change(&self, caller: &Caller, change: &mut Change<'_>) -> Result<(), Error> {
        let key = self.key()?;
        let name = name(&key, caller);
        for _ in 0..MAX_ATTEMPTS {
            let found = self.find_one(&key, name.clone())?;
            let before = open(&key, &found)?;
            let mut record = before.clone();
            change(&mut record);
            if record == before || self.replace(&key, &found, record.as_ref(), Time::Anew)? {
                return Ok(());
            }
        }
        Err(Error::Contended { name })
    }

    fn remove(&self, caller: &Caller, _: Duration) -> Result<(), Error> {
        let name = name(&self.key()?, caller);
        let deleted = self.delete(vec![name.clone()]);
        if deleted.is_err() {
            // The server may be lost for the rest of the call.
            let add = |owed: &mut Owed| {
                if !owed.names.contains(&name) {
                    owed.names.push(name);
                }
            };
            self.owed().update(OWED, add)?;
        }
        deleted.map(drop)
    }

    fn forget(&self, number: &str) -> Result<usize, Error> {
        let key = self.key()?;
        // By another key they have other names.
        self.find(&key, Vec::new())?;
        let names = Caller::all_of(number).map(|caller| name(&key, &caller));
        self.delete(names.to_vec())
    }

    fn entries(&self) -> Result<Vec<Entry>, Error> {
        let key = self.key()?;
        let (mut cursor, mut all) = (0, BTreeMap::new());
        loop {
            let (next, names) = self.names(cursor)?;
            // The server may name one twice.
            let found = self.find(&key, names)?.into_iter();
            all.extend(found.filter_map(|found| Some((found.name.clone(), entry(&key, &found)?))));
            if next == 0 {
                return Ok(all.into_values().collect());
            }
            cursor = next;
        }
    }

    /// The server drops whole records. What is too old of others is dropped here, some at the end of each call until all
    /// have been looked at, once a day.
    fn sweep(&self, retention: RetentionLimits, now: SystemTime) -> Result<(), Error> {
        match self.sweep_some(retention, now) {
            // Calls that need the server tell of it, once a day.
            Err(cause @ (Error::Lost(_) | Error::OtherKey { .. })) => debug!("{}", Chain(&cause)),
            swept => swept?,
        }
        Ok(())
    }
}

/// What is still to be removed from the server.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Owed {
    names: Vec<String>,
}

/// How long what is written is kept.
#[derive(Clone, Copy)]
enum Time {
    Anew,
    /// As long as what it replaces would have been.
    Kept,
}

fn name(key: &Key, caller: &Caller) -> String {
    format!("{RECORD}{}", key.name(caller))
}

/// Whether it is named as we name them.
fn is_record(name: &str) -> bool {
    let hash = name.strip_prefix(RECORD);
    hash.is_some_and(|hash| hash.len() == NAME_CHARS && hash.bytes().all(|c| c.is_ascii_hexdigit()))
}

fn seal(key: &Key, name: &str, record: &Record) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec(record).map_err(|source| Error::Json {
        path: name.to_owned(),
        source,
    })?;
    key.seal(name, &json)
}

fn open(key: &Key, found: &Found) -> Result<Option<Record>, Error> {
    let Found { name, sealed } = found;
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    let json = key
        .open(name, sealed)
        .ok_or_else(|| Error::Sealed { name: name.clone() })?;
    let record = Record::parse(&json).map_err(|source| Error::Unclear {
        path: name.clone(),
        source,
    })?;
    Ok(Some(record))
}

/// `None` where it has been dropped meanwhile.
fn entry(key: &Key, found: &Found) -> Option<Entry> {
    let bytes = found.sealed.as_ref()?.len();
    Some(Entry {
        record: open(key, found).transpose()?,
        bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
    })
}

/// And a name by the key: what is kept of a caller.
const RECORD: &str = "phone-assistant:caller:";
/// What tells the key of the machines from others.
pub(crate) const MARK: &str = "phone-assistant:key";
/// Where sweeping goes on, or that all was swept.
const SWEPT: &str = "phone-assistant:swept";
const DONE: &[u8] = b"done";

/// The file in the folder with the names of those whom the server is still to forget.
const OWED: &str = "to-forget.json";

/// Returns 0, or 1 where the record has changed meanwhile and 2 where other machines have another key.
const SCRIPT: &str = include_str!("remember.lua");
const DELETE: &str = "return { redis.call('DEL', unpack(KEYS)) }";

/// Each is lost to another call of the same caller.
const MAX_ATTEMPTS: usize = 16;
/// How long a caller may wait before they hear what follows their call.
const A_MOMENT: Duration = Duration::from_millis(200);
const A_DAY: Duration = Duration::from_secs(SECONDS_A_DAY);
