//! Callers that several machines remember together: a sealed record for each, on the server that they share.
//!
//! Those who read the server learn how many callers are remembered and when each has called, and neither who they are nor
//! what was said. Records are replaced only where they are still what was read, so no lock is needed, and the server
//! drops those that are too old by itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{debug, warn};

use super::caller::Caller;
use super::debts::{Debt, Debts};
use super::key::{self, Key, NONCE_BYTES};
use super::record::Record;
use super::store::{A_DAY, Change, Entry, Error, Store, Sweep};
use crate::sys::error::Chain;
use crate::sys::state::server::{Lost, Server};

/// The server, and the folder with this machine's copy of the key.
#[derive(Debug)]
pub(crate) struct Shared {
    server: Arc<Server>,
    folder: PathBuf,
    max_age: Duration,
    debts: Debts,
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
            debts: Debts::new(folder),
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
        let key = self.key()?;
        // One that was left by a check which was ended would not be replaced.
        self.delete(vec![trial.name.clone()])?;
        self.replace(&key, &trial, Some(&Record::default()), TimeToLive::Fresh)?;
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
        time: TimeToLive,
    ) -> Result<bool, Error> {
        let name = &found.name;
        let sealed = record.map(|record| seal(key, name, record)).transpose()?;
        // Each sealing has a nonce of its own, so a record with the same nonce has not changed, and the nonce alone is
        // sent to compare.
        let nonce = found.sealed.as_deref().unwrap_or_default();
        let arguments = vec![
            nonce.get(..NONCE_BYTES).unwrap_or(nonce).to_vec(),
            sealed.unwrap_or_default(),
            self.max_age.as_millis().to_string().into_bytes(),
            key.mark().into_bytes(),
            match time {
                TimeToLive::Fresh => Vec::new(),
                TimeToLive::Unchanged => b"kept".to_vec(),
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

    fn delete(&self, names: Vec<String>) -> Result<usize, Lost> {
        let deleted = self.server.run(DELETE, names, Vec::<String>::new())?;
        match deleted.as_slice() {
            [count] => usize::try_from(*count).map_err(|_| self.server.garbled()),
            _ => Err(self.server.garbled()),
        }
    }

    /// Some names of records, and where to go on; 0 where these were the last.
    fn names(&self, cursor: u64) -> Result<(u64, Vec<String>), Lost> {
        let (next, mut names) = self.server.scan(cursor, &format!("{RECORD}*"))?;
        names.retain(|name| is_record(name));
        Ok((next, names))
    }

    /// Sweeps some records, and leaves a note where the next call goes on, which may be of another machine. Each question
    /// may take as long as the server is waited for, so none is asked once the time is over.
    fn sweep_some(&self, sweep: Sweep) -> Result<(), Error> {
        let end = Instant::now() + sweep.time;
        let swept = self.server.get(vec![SWEPT.to_owned()])?.pop().flatten();
        let cursor = match swept.as_deref() {
            Some(DONE) => return Ok(()),
            Some(cursor) => String::from_utf8_lossy(cursor).parse().unwrap_or(0),
            None => 0,
        };
        let key = self.key()?;
        let (next, names) = self.names(cursor)?;
        for names in names.chunks(READ_AT_ONCE) {
            if Instant::now() > end {
                return Ok(());
            }
            for found in self.find(&key, names.to_vec())? {
                if Instant::now() > end {
                    return Ok(());
                }
                self.sweep_one(&key, &found, sweep)?;
            }
        }
        let note = match next {
            0 => DONE.to_vec(),
            next => next.to_string().into_bytes(),
        };
        Ok(self.server.set(SWEPT, note, A_DAY)?)
    }

    fn sweep_one(&self, key: &Key, found: &Found, sweep: Sweep) -> Result<(), Error> {
        // What cannot be read is dropped by the server when its time has come.
        let Ok(Some(record)) = open(key, found) else {
            return Ok(());
        };
        let left = record.trimmed(sweep.retention, sweep.now);
        if left.as_ref() != Some(&record) {
            // One that has changed meanwhile was trimmed by that.
            self.replace(key, found, left.as_ref(), TimeToLive::Unchanged)?;
        }
        Ok(())
    }

    /// Forgets the callers whom earlier calls could not forget, the one called `first` before the others, and takes no
    /// longer than a moment.
    fn pay(&self, key: &Key, first: &str) -> Result<(), Error> {
        let mut debts = self.debts.read()?;
        debts.sort_by_key(|debt| debt.name != first);
        let end = Instant::now() + TIME_TO_PAY;
        let (mut paid, mut fault) = (Vec::new(), Ok(()));
        for debt in debts {
            if debt.name != first && Instant::now() > end {
                break;
            }
            fault = self.pay_one(key, &debt);
            if fault.is_err() {
                break;
            }
            paid.push(debt);
        }
        // They are forgotten, and will only be looked for again, so the call goes on with its memory.
        if !paid.is_empty()
            && let Err(cause) = self.debts.settle(&paid)
        {
            warn!("{}", Chain(&cause));
        }
        fault
    }

    fn pay_one(&self, key: &Key, debt: &Debt) -> Result<(), Error> {
        let name = &debt.name;
        for _ in 0..MAX_ATTEMPTS {
            let found = self.find_one(key, name.clone())?;
            let is_owed = match open(key, &found) {
                Ok(record) => record.is_some_and(|record| {
                    let id = debt.id.as_ref();
                    id.is_none_or(|id| *id == record.id)
                }),
                Err(_) => true,
            };
            if !is_owed || self.replace(key, &found, None, TimeToLive::Fresh)? {
                return Ok(());
            }
        }
        Err(Error::Contended { name: name.clone() })
    }

    /// Forgets the callers whom calls could not forget, and returns how many are still to be forgotten.
    ///
    /// # Errors
    /// [`Error`] where that is not known.
    pub(crate) fn forget_later(&self) -> Result<usize, Error> {
        let count = self.debts.read()?.len();
        if count == 0 {
            return Ok(0);
        }
        if let Err(cause) = self.pay(&self.key()?, "") {
            debug!("{}", Chain(&cause));
        }
        Ok(self.debts.read()?.len())
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
        let name = name(&key, caller);
        self.pay(&key, &name)?;
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
            if record == before || self.replace(&key, &found, record.as_ref(), TimeToLive::Fresh)? {
                return Ok(());
            }
        }
        Err(Error::Contended { name })
    }

    fn remove(&self, caller: &Caller, id: Option<&str>, _: Duration) -> Result<(), Error> {
        let name = name(&self.key()?, caller);
        let Err(lost) = self.delete(vec![name.clone()]) else {
            return Ok(());
        };
        // The server may be lost for the rest of the call.
        let id = id.map(str::to_owned);
        self.debts.add(Debt { name, id })?;
        Err(Error::Owed(lost))
    }

    fn forget(&self, number: &str) -> Result<usize, Error> {
        // Without a key nothing on the server is of this machine.
        let Some(key) = Key::existing(&self.folder)? else {
            return Ok(0);
        };
        // By another key they have other names.
        self.find(&key, Vec::new())?;
        let names = Caller::all_of(number).map(|caller| name(&key, &caller));
        Ok(self.delete(names.to_vec())?)
    }

    fn entries(&self) -> Result<Vec<Entry>, Error> {
        let Some(key) = Key::existing(&self.folder)? else {
            return Ok(Vec::new());
        };
        let (mut cursor, mut all) = (0, BTreeMap::new());
        for _ in 0..MAX_SCANS {
            let (next, names) = self.names(cursor)?;
            // The server may name one twice.
            let found = self.find(&key, names)?.into_iter();
            all.extend(found.filter_map(|found| Some((found.name.clone(), entry(&key, &found)?))));
            if next == 0 {
                return Ok(all.into_values().collect());
            }
            cursor = next;
        }
        Err(Error::Crowded)
    }

    /// The server drops whole records. What is too old of others is dropped here, some at the end of each call until all
    /// have been looked at, once a day.
    fn sweep(&self, sweep: Sweep) -> Result<(), Error> {
        match self.sweep_some(sweep) {
            // Calls that need the server tell of it, once a day.
            Err(cause @ (Error::Lost(_) | Error::OtherKey { .. })) => debug!("{}", Chain(&cause)),
            swept => swept?,
        }
        Ok(())
    }
}

/// How long a record that is written is kept.
#[derive(Clone, Copy)]
enum TimeToLive {
    /// As long as the settings say, from now on.
    Fresh,
    /// As long as the record that it replaces would have been.
    Unchanged,
}

fn name(key: &Key, caller: &Caller) -> String {
    format!("{RECORD}{}", key.name(caller))
}

/// Whether it is named as we name them.
fn is_record(name: &str) -> bool {
    name.strip_prefix(RECORD).is_some_and(key::is_name)
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

/// What a caller's record is called on the server: this, and the caller's name by the key.
const RECORD: &str = "phone-assistant:caller:";
/// What tells the key of the machines from others.
pub(crate) const MARK: &str = "phone-assistant:key";
/// Where sweeping goes on, or that all was swept.
const SWEPT: &str = "phone-assistant:swept";
const DONE: &[u8] = b"done";

/// Returns 0, or 1 where the record has changed meanwhile and 2 where other machines have another key.
const SCRIPT: &str = include_str!("remember.lua");
const DELETE: &str = "return { redis.call('DEL', unpack(KEYS)) }";

/// Each is lost to another call of the same caller.
const MAX_ATTEMPTS: usize = 16;
/// Of at most 33 kB each: few enough for a slow line.
const READ_AT_ONCE: usize = 8;
/// Enough for 100,000 keys. A server that always names another would be asked for ever.
const MAX_SCANS: usize = 2000;
/// How long a caller may wait at the beginning of a call because others are to be forgotten.
const TIME_TO_PAY: Duration = Duration::from_millis(200);
