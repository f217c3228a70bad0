//! The delivery of messages: by one process at a time, and by each way on its own, so that one which is down delays no
//! other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime};

use log::{debug, warn};
use rustix::fs::{Access, MemfdFlags};

use super::entry::{Entry, Kind, Progress, Way};
use super::error::Error;
use super::hook;
use super::mail::{mail, sender};
use super::spool::Spool;
use crate::cloud::http::Client;
use crate::config::{self, Config};
use crate::sys::apart::{self, End, Stream};
use crate::sys::date;
use crate::sys::error::Chain;
use crate::sys::hangup::Hangup;
use crate::sys::plain::plain_to;
use crate::sys::threads;

/// Why one way has not taken a message.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) why: String,
    /// Whether trying again is of no use.
    pub(super) is_final: bool,
}

impl Failed {
    pub(super) fn for_now(why: String) -> Self {
        Self {
            why,
            is_final: false,
        }
    }
}

/// The settings of a persona; of an empty name those of none. Those of a persona that is gone name no place.
pub(crate) type SettingsOf<'a> = &'a dyn Fn(&str) -> Config;

/// Delivers what is due, unless another process does; then that one goes on with what it had not seen.
///
/// # Errors
/// [`Error`] where the folder cannot be used.
pub(crate) fn deliver(spool: &Spool, settings_of: SettingsOf<'_>) -> Result<(), Error> {
    while let Some(lock) = spool.lock_delivery()? {
        run(spool, settings_of)?;
        drop(lock);
        if !spool.has_more() {
            break;
        }
    }
    Ok(())
}

fn run(spool: &Spool, settings_of: SettingsOf<'_>) -> Result<(), Error> {
    let (mut personas, mut queues) = (BTreeMap::new(), BTreeMap::<_, Queue>::new());
    for entry in spool.entries(false)? {
        let entry = match entry {
            Ok(entry) => entry,
            // Calls and `check` tell administrators of it.
            Err(cause) => {
                debug!("{}", Chain(&cause));
                continue;
            }
        };
        if entry.is_delivered() {
            // It was killed before it had moved it.
            spool.change(&entry.id, entry.kind, |_| {})?;
            continue;
        }
        let config = personas
            .entry(entry.persona.clone())
            .or_insert_with(|| settings_of(&entry.persona));
        let pending = entry.ways.iter().filter(|(_, way)| way.is_pending());
        for (way, _) in pending {
            let queue = queues
                .entry((*way, destination(*way, &config.messages)))
                .or_insert_with(|| Queue::new(*way, config));
            queue.entries.push(entry.clone());
        }
    }
    thread::scope(|scope| {
        for queue in queues.into_values() {
            // Where there is no thread the next run does it.
            if let Err(cause) = threads::spawn_within(scope, move || queue.serve(spool)) {
                warn!("{cause}");
            }
        }
    });
    spool.sweep(settings_of("").messages.keep, SystemTime::now())
}

/// Where a way leads: those that lead elsewhere are not delayed by it.
fn destination(way: Way, settings: &config::Messages) -> String {
    match way {
        Way::Mail => settings.mail_to.join(","),
        Way::Webhook => settings.webhook.clone(),
    }
}

/// What is to be delivered by one way to one place, in the order in which it was left.
struct Queue {
    sink: Sink,
    entries: Vec<Entry>,
}

impl Queue {
    fn new(way: Way, config: &Config) -> Self {
        Self {
            sink: Sink::new(way, config),
            entries: Vec::new(),
        }
    }

    /// Delivers what is due. The messages of one caller stay in their order, so those that follow one which has not been
    /// taken wait with it.
    fn serve(self, spool: &Spool) {
        let (mut waiting, mut failures) = (BTreeSet::new(), 0);
        for entry in &self.entries {
            let way = self.sink.way;
            let entry = match spool.reread(entry) {
                Ok(Some(entry)) => entry,
                // It was removed meanwhile.
                Ok(None) => continue,
                Err(cause) => {
                    debug!("{}", Chain(&cause));
                    continue;
                }
            };
            if !entry.ways.get(&way).is_some_and(Progress::is_pending) {
                continue;
            }
            let sequence = entry.sequence();
            if !entry.is_due(way, SystemTime::now()) || waiting.contains(&sequence) {
                waiting.insert(sequence);
                continue;
            }
            let sent = match self.attempt(spool, &entry) {
                Ok(sent) => sent,
                Err(cause) => return warn!("{}", Chain(&cause)),
            };
            let Err(failed) = sent else { continue };
            failures += 1;
            if !failed.is_final {
                waiting.insert(sequence);
            }
            if failures >= MAX_FAILURES {
                return;
            }
        }
    }

    /// Sends a message once and notes what has become of that.
    ///
    /// # Errors
    /// [`Error`] where it cannot be noted. Without this note it would be sent again and again, so where the disk takes none
    /// nothing is sent.
    fn attempt(&self, spool: &Spool, entry: &Entry) -> Result<Result<(), Failed>, Error> {
        spool.try_writing(&format!("{}-{}", entry.id, self.sink.name()))?;
        let sent = self.sink.send(entry);
        match &sent {
            Ok(()) => debug!("{} was delivered by {}", entry.id, self.sink.name()),
            Err(failed) => debug!("{} was not delivered: {}", entry.id, failed.why),
        }
        note(spool, entry, self.sink.way, sent.as_ref())?;
        Ok(sent)
    }
}

/// Notes what has become of an attempt.
fn note(spool: &Spool, entry: &Entry, way: Way, sent: Result<&(), &Failed>) -> Result<(), Error> {
    let now = SystemTime::now();
    let change = |entry: &mut Entry| {
        let left = entry.time();
        let Some(way) = entry.ways.get_mut(&way) else {
            return;
        };
        match sent {
            Ok(()) => way.done = Some(date::seconds(now)),
            Err(failed) => way.fail(failed.why.clone(), failed.is_final, left, now),
        }
    };
    spool.change(&entry.id, entry.kind, change)?;
    if entry.kind == Kind::Notice && spool.find(&entry.id)?.is_some_and(|it| it.has_failed()) {
        // What was to be told is told again the next day, as long as it holds.
        spool.remove(&entry.id)?;
    }
    Ok(())
}

/// A way to one place.
pub(crate) struct Sink {
    way: Way,
    settings: config::Messages,
    client: Result<Client, String>,
    host: String,
}

impl Sink {
    /// The way that these settings describe.
    pub(crate) fn new(way: Way, config: &Config) -> Self {
        let client = Client::new(&config.http, &Hangup::default(), config.log_words);
        Self {
            way,
            settings: config.messages.clone(),
            client: client.map_err(|error| Chain(&error).to_string()),
            host: host_name(),
        }
    }

    /// How people call it.
    pub(crate) fn name(&self) -> &'static str {
        match self.way {
            Way::Mail => "mail",
            Way::Webhook => "webhook",
        }
    }

    /// Whether what the settings name is there.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn look(&self) -> Result<(), String> {
        if self.way == Way::Webhook {
            self.client.as_ref().map_err(Clone::clone)?;
            return hook::try_out(&self.settings);
        }
        let program = &self.settings.sendmail;
        rustix::fs::access(program, Access::EXEC_OK).map_err(|errno| {
            format!(
                "sendmail of [messages], {}, cannot be run: {}",
                program.display(),
                io::Error::from(errno)
            )
        })
    }

    /// Sends something of its own, which is in no spool.
    ///
    /// # Errors
    /// Why it is not taken.
    pub(crate) fn test(&self, entry: &Entry) -> Result<(), String> {
        self.send(entry).map_err(|failed| failed.why)
    }

    fn send(&self, entry: &Entry) -> Result<(), Failed> {
        match (self.way, &self.client) {
            (Way::Mail, _) if self.settings.mail_to.is_empty() => Err(unset("mail_to")),
            (Way::Webhook, _) if self.settings.webhook.is_empty() => Err(unset("webhook")),
            (Way::Mail, _) => self.mail(&mail(entry, &self.settings, &self.host)),
            (Way::Webhook, Ok(client)) => hook::send(entry, &self.settings, client),
            (Way::Webhook, Err(why)) => Err(Failed::for_now(why.clone())),
        }
    }

    /// Hands a mail to sendmail.
    fn mail(&self, mail: &[u8]) -> Result<(), Failed> {
        let program = self.settings.sendmail.as_os_str();
        let mut command = apart::other(program, None);
        // -i: a line with a dot alone does not end the mail.
        command.args(["-i", "-f", &sender(&self.settings, &self.host), "--"]);
        // They stand behind `--`, so that an address that begins with a dash is no option.
        command.args(&self.settings.mail_to);
        let mut said = String::new();
        let mut told = |stream, line: String| {
            if stream == Stream::Err && said.len() < MAX_SAID {
                said = format!("{said} {line}");
            }
        };
        let end = in_memory(mail)
            .and_then(|stdin| apart::run_with(&mut command, stdin, TIMEOUT, &mut told));
        let (how, is_final) = match end {
            Ok(End::Ended(status)) if status.success() => return Ok(()),
            Ok(End::Ended(status)) => match status.code() {
                Some(code) => (format!("exit code {code}"), FINAL_CODES.contains(&code)),
                None => ("it was killed".to_owned(), false),
            },
            Ok(End::Late) => (format!("no end within {} s", TIMEOUT.as_secs()), false),
            Ok(End::TooMuch) => ("it says too much".to_owned(), false),
            Err(error) => (error.to_string(), false),
        };
        let program = self.settings.sendmail.display();
        Err(Failed {
            why: plain_to(&format!("{program}: {how}:{said}"), MAX_SAID),
            is_final,
        })
    }
}

/// The settings may still be corrected by the person who changed them.
fn unset(setting: &str) -> Failed {
    Failed::for_now(format!(
        "{setting} of [messages] is not set, or the persona that has taken the message is gone or has a fault"
    ))
}

/// A text that a program can read as its stdin, whenever it does.
fn in_memory(bytes: &[u8]) -> io::Result<Stdio> {
    let file = rustix::fs::memfd_create("mail", MemfdFlags::CLOEXEC)?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// The name of this machine, in the letters that a mail address has.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let is_of_name = |c: &char| c.is_ascii_alphanumeric() || "-.".contains(*c);
    let name: String = name.trim().chars().filter(is_of_name).collect();
    let name = name.trim_matches('.');
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name.to_owned()
    }
}

/// From `sysexits.h`: the mail or its address is wrong, and will be the next time. An unknown host, 68, is what msmtp says
/// of a name server that is down.
const FINAL_CODES: [i32; 2] = [65, 67];

/// After as many a place counts as down, and the next run goes on.
const MAX_FAILURES: u32 = 3;
/// A mail server takes a mail within a second; one of postfix's asks for its queue again and again where it may not write
/// there.
const TIMEOUT: Duration = Duration::from_secs(60);
const MAX_SAID: usize = 300;
