//! Host names, as the machine itself knows them.
//!
//! A static program looks names up by musl's resolver, which knows files and DNS alone, and which finds nothing at all
//! where a name server answers one of its two questions (A and AAAA) with an error or not at all. So when that fails or
//! takes long, the machine's own resolver is asked as well, for each family of addresses by itself (RFC 8305, section
//! 3): `getent`, which is part of glibc. It knows every source of names that the machine has, and what it needs for that
//! could not be linked into a static program.

use std::collections::HashMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::sys::authority::loopback;
use crate::sys::sync::lock;
use crate::sys::threads;

use super::race::CONNECT_TIMEOUT;

/// Looks names up on threads of its own, so that a name server that does not answer ends in a message of its own, and
/// remembers them for a while.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookup {
    known: Arc<Mutex<HashMap<String, Known>>>,
}

/// When a host was looked up, and its addresses.
type Known = (Instant, Vec<SocketAddr>);

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let place = uri.authority().map_or("", |authority| authority.as_str());
        // Without a port the scheme decides which port the addresses have, so it is part of what is remembered.
        let place = format!("{} {place}", uri.scheme_str().unwrap_or_default());
        let now = Instant::now();
        let known = lock(&self.known).get(&place).cloned();
        let fresh = known.filter(|(when, _)| now.duration_since(*when) < LIFE);
        let addresses = if let Some((_, addresses)) = fresh {
            addresses
        } else {
            let found = look_up(uri, config, timeout)?;
            lock(&self.known).insert(place, (now, found.clone()));
            found
        };
        let mut result = self.empty();
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            result.push(address);
        }
        Ok(result)
    }
}

/// What one of the look-ups has found.
#[derive(Debug)]
enum Answer {
    /// The usual look-up, which asks for all families at once.
    Usual(Result<Vec<SocketAddr>, ureq::Error>),
    /// The machine's own, for one family; empty where there is none, for whatever reason.
    Family(Vec<SocketAddr>),
}

fn look_up(
    uri: &Uri,
    config: &ureq::config::Config,
    timeout: NextTimeout,
) -> Result<Vec<SocketAddr>, ureq::Error> {
    let name = name(uri);
    if let Some((host, port)) = name
        && let Some(here) = loopback(host)
    {
        return Ok(here.map(|ip| SocketAddr::new(ip, port)).to_vec());
    }
    let (tell, answers) = unbounded();
    // Without a limit of its own a look-up would last as long as the request may.
    let (limit, reason) = if *timeout.after <= CONNECT_TIMEOUT {
        (*timeout.after, timeout.reason)
    } else {
        (CONNECT_TIMEOUT, ureq::Timeout::Resolve)
    };
    let end = Instant::now() + limit;
    let usual = {
        let (uri, config, tell) = (uri.clone(), config.clone(), tell.clone());
        move || {
            // With a limit of time it would start a thread by itself, and panic where there is none.
            let found = DefaultResolver::default().resolve(&uri, &config, NextTimeout::default());
            // An answer that comes too late has no receiver any more.
            tell.send(Answer::Usual(found.map(|found| found.to_vec())))
                .ok();
        }
    };
    start(usual)?;
    // musl fails as a whole where AAAA is answered by an error, although A is right: so an error is not final, and the
    // machine's resolver is asked after it.
    let first = match answers.recv_deadline(end.min(Instant::now() + HEAD_START)) {
        Ok(Answer::Usual(Ok(found))) => return Ok(found),
        Ok(answer) => Some(answer),
        Err(_) => None,
    };
    if let Some((host, port)) = name {
        // `getent ahosts` would wait for both families; here one that no server answers does not hold the other.
        for database in ["ahostsv6", "ahostsv4"] {
            let (host, tell) = (host.to_owned(), tell.clone());
            start(move || ask_machine(database, &host, port, &tell))?;
        }
    }
    drop(tell);
    gather(first, &answers, end).unwrap_or(Err(ureq::Error::Timeout(reason)))
}

fn start(job: impl FnOnce() + Send + 'static) -> Result<(), ureq::Error> {
    let started = threads::spawn(job);
    started
        .map(drop)
        .map_err(|error| ureq::Error::Other(Box::new(error)))
}

/// The name and the port that an address leads to, unless it is a number.
fn name(uri: &Uri) -> Option<(&str, u16)> {
    let port = match (uri.port_u16(), uri.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("http")) => 80,
        (None, _) => 443,
    };
    let host = uri.host()?;
    let is_number = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    (!is_number).then_some((host, port))
}

/// Returns the addresses that were found first, or why there are none; `None` where the time was over before that.
///
/// Once one family is there, the other has [`RESOLUTION_DELAY`] more.
fn gather(
    first: Option<Answer>,
    answers: &Receiver<Answer>,
    mut end: Instant,
) -> Option<Result<Vec<SocketAddr>, ureq::Error>> {
    let (mut found, mut error) = (Vec::new(), None);
    let mut next = first.map_or_else(|| answers.recv_deadline(end), Ok);
    loop {
        match next {
            Ok(Answer::Usual(Ok(all))) => return Some(Ok(all)),
            Ok(Answer::Usual(Err(why))) => error = Some(why),
            Ok(Answer::Family(family)) => {
                if !family.is_empty() {
                    end = end.min(Instant::now() + RESOLUTION_DELAY);
                }
                found.extend(family);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
        next = answers.recv_deadline(end);
    }
    // As everywhere, the newer family is tried first.
    found.sort_by_key(SocketAddr::is_ipv4);
    if found.is_empty() {
        error.map(Err)
    } else {
        Some(Ok(found))
    }
}

/// Asks the machine's resolver for the addresses of one family.
fn ask_machine(database: &str, host: &str, port: u16, tell: &Sender<Answer>) {
    let found = run_getent(database, host).unwrap_or_default();
    let addresses = found.into_iter().map(|ip| SocketAddr::new(ip, port));
    // An answer that comes too late has no receiver any more.
    tell.send(Answer::Family(addresses.collect())).ok();
}

/// `None` where there is no such program, as in a container without glibc, or it fails.
fn run_getent(database: &str, host: &str) -> Option<Vec<IpAddr>> {
    let mut child = Command::new(GETENT)
        .args(["--", database, host])
        // `LD_PRELOAD`, `LOCALDOMAIN` and their like would decide what runs here and what it finds, and root runs it
        // too.
        .env_clear()
        // It ends by itself soon, whatever name servers do, so that it need not be ended.
        .env("RES_OPTIONS", "timeout:2 attempts:2")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut lines = String::new();
    let read = child
        .stdout
        .take()?
        .take(MAX_BYTES)
        .read_to_string(&mut lines);
    child.wait().ok()?;
    read.ok().map(|_| addresses(&lines))
}

/// The addresses in what `getent ahosts` prints, one line for each kind of socket. Addresses of the older family that
/// are written as ones of the newer are left out: the other question brings them.
fn addresses(lines: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    for line in lines.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        let Ok(address) = first.parse::<IpAddr>() else {
            continue;
        };
        let is_mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
        if !is_mapped && !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// Root runs it too, so its place is one that root alone can change.
const GETENT: &str = "/usr/bin/getent";

/// Far more than the addresses that are used.
const MAX_BYTES: u64 = 64 * 1024;

/// As many as ureq has room for.
const MAX_ADDRESSES: usize = 16;

/// How long the usual look-up is waited for before the machine's own is begun as well.
const HEAD_START: Duration = Duration::from_millis(300);

/// How long the second family is waited for when the first is there. RFC 8305, section 8.
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// How long a name is remembered: shorter than names that move are known elsewhere.
const LIFE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(addresses: &[&str]) -> Answer {
        Answer::Usual(Ok(sockets(addresses)))
    }

    fn family(addresses: &[&str]) -> Answer {
        Answer::Family(sockets(addresses))
    }

    fn unknown() -> Answer {
        Answer::Usual(Err(ureq::Error::HostNotFound))
    }

    fn sockets(addresses: &[&str]) -> Vec<SocketAddr> {
        let parsed = addresses
            .iter()
            .map(|address| address.parse().expect("an address"));
        parsed.collect()
    }

    const FOUR: &str = "203.0.113.5:443";
    const SIX: &str = "[2001:db8::5]:443";

    #[test]
    fn one_family_is_enough_and_the_usual_lookup_is_believed() {
        type Row = (&'static str, Vec<Answer>, Option<&'static [&'static str]>);
        let table: [Row; 7] = [
            ("all at once", vec![usual(&[SIX, FOUR])], Some(&[SIX, FOUR])),
            (
                "failed, then one family",
                vec![unknown(), family(&[]), family(&[FOUR])],
                Some(&[FOUR]),
            ),
            (
                "failed, then both",
                vec![unknown(), family(&[FOUR]), family(&[SIX])],
                Some(&[SIX, FOUR]),
            ),
            (
                "failed late",
                vec![family(&[FOUR]), unknown()],
                Some(&[FOUR]),
            ),
            (
                "late but whole",
                vec![family(&[]), usual(&[FOUR])],
                Some(&[FOUR]),
            ),
            (
                "known nowhere",
                vec![family(&[]), unknown(), family(&[])],
                Some(&[]),
            ),
            ("no answer", vec![family(&[]), family(&[])], None),
        ];
        for (name, answers, expected) in table {
            let (tell, told) = unbounded();
            for answer in answers {
                tell.send(answer).expect("there is room");
            }
            drop(tell);
            let end = Instant::now() + Duration::from_secs(60);
            let found = gather(None, &told, end).map(Result::unwrap_or_default);
            assert_eq!(found, expected.map(sockets), "{name}");
        }
    }

    #[test]
    fn an_address_is_read_once_and_in_its_own_family() {
        let lines = "2001:db8::5     STREAM api.example\n2001:db8::5     DGRAM\n2001:db8::5     RAW\n\
                     ::ffff:203.0.113.5 STREAM\nfe80::1%eth0 STREAM\n\nnonsense\n203.0.113.6\tSTREAM b\n";
        let expected = ["2001:db8::5", "203.0.113.6"].map(|ip| ip.parse::<IpAddr>().expect("one"));
        assert_eq!(addresses(lines), expected);
    }

    #[test]
    fn names_of_this_machine_need_no_file_and_no_name_server() {
        let config = ureq::Agent::config_builder().build();
        for address in ["https://localhost:8443/v1", "http://whisper.localhost:8443"] {
            let uri = address.parse().expect("an address");
            let found = look_up(&uri, &config, NextTimeout::default()).expect("known");
            assert_eq!(
                found,
                sockets(&["[::1]:8443", "127.0.0.1:8443"]),
                "{address}"
            );
        }
    }

    #[test]
    fn numbers_are_no_names() {
        let table = [
            ("https://api.example/v1", Some(("api.example", 443))),
            ("http://whisper:8000", Some(("whisper", 8000))),
            ("http://whisper", Some(("whisper", 80))),
            ("https://203.0.113.5/", None),
            ("https://[2001:db8::5]:8443/", None),
        ];
        for (address, expected) in table {
            assert_eq!(
                name(&address.parse().expect("an address")),
                expected,
                "{address}"
            );
        }
    }
}
