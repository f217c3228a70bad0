//! Connections to a host that has several addresses, of which some may lead nowhere.
//!
//! An address whose packets vanish says nothing, so the next one is tried beside it after a quarter of a second, each
//! other one after a tenth, families in turn, and the first connection is taken: RFC 8305, "Happy Eyeballs".

use std::iter;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, unbounded};
use ureq::Error;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, TcpConnector, Transport};

use crate::sys::sync::lock;
use crate::sys::threads::{self, NoThread};

/// Connects by TCP to the first address of a host that answers, and remembers which that was.
#[derive(Debug, Default)]
pub(super) struct Racing {
    /// The addresses that have won, the latest last.
    winners: Mutex<Vec<IpAddr>>,
}

impl<In: Transport> Connector<In> for Racing {
    type Out = <TcpConnector as Connector<In>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if chained.is_some() {
            // A proxy has connected already.
            return TcpConnector::default().connect(details, chained);
        }
        let (uri, config) = (details.uri.clone(), details.config.clone());
        let (now, timeout, request_level) = (details.now, details.timeout, details.request_level);
        let current_time = details.current_time.clone();
        let run_connector = details.run_connector.clone();
        let register_shutdown = details.register_shutdown.clone();
        let connect = move |address| {
            // ureq's own connector waits for each address before it tries the next (algesten/ureq#1150), so it is given
            // one at a time, each on a thread of its own.
            let mut details = ConnectionDetails {
                uri: &uri,
                addrs: ureq::unversioned::resolver::ArrayVec::from_fn(|_| address),
                config: &config,
                request_level,
                resolver: &DefaultResolver::default(),
                now,
                timeout,
                current_time: current_time.clone(),
                run_connector: run_connector.clone(),
                register_shutdown: register_shutdown.clone(),
            };
            details.addrs.push(address);
            TcpConnector::default().connect(&details, None)
        };
        let limit = (*details.timeout.after).min(CONNECT_TIMEOUT);
        let first = self.first(&details.addrs, limit, connect)?;
        first.ok_or(Error::Timeout(details.timeout.reason))
    }
}

impl Racing {
    /// Connects to the first of the addresses that answers, as [`race`] does, and remembers it.
    fn first<T: Send + 'static>(
        &self,
        addresses: &[SocketAddr],
        limit: Duration,
        connect: impl Fn(SocketAddr) -> Result<T, Error> + Clone + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let addresses = in_order(addresses, &lock(&self.winners));
        let first = race(addresses, delays(), limit, connect)?;
        Ok(first.map(|(winner, connection)| {
            let mut winners = lock(&self.winners);
            // The latest winner stands last, which `in_order` relies on.
            winners.retain(|ip| *ip != winner.ip());
            winners.push(winner.ip());
            connection
        }))
    }
}

/// Returns the addresses in the order in which they are tried: those that have won before, the latest first; then the
/// families in turn, beginning with the one that won last, else with that of the first address.
fn in_order(addresses: &[SocketAddr], winners: &[IpAddr]) -> Vec<SocketAddr> {
    let rank = |address: &SocketAddr| winners.iter().position(|ip| *ip == address.ip());
    let (mut known, new): (Vec<SocketAddr>, Vec<_>) = addresses
        .iter()
        .partition(|address| rank(address).is_some());
    known.sort_by_key(|address| std::cmp::Reverse(rank(address)));
    let last = winners.last().copied();
    let first = last.or_else(|| new.first().map(|address: &SocketAddr| address.ip()));
    let is_first = |address: &SocketAddr| first.is_some_and(|ip| ip.is_ipv4() == address.is_ipv4());
    let (one, other): (Vec<SocketAddr>, Vec<_>) = new.into_iter().partition(is_first);
    // The families alternate (RFC 8305, section 4): where one of them leads nowhere, the second attempt already has the
    // other.
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    loop {
        let pair = [one.next(), other.next()];
        if pair == [None, None] {
            return known;
        }
        known.extend(pair.into_iter().flatten());
    }
}

/// Connects to the addresses one after the other, each one of `delays` after the one before or at once when that has
/// failed, and returns the first that connects; `None` where none has within `limit`.
///
/// # Errors
/// What the last attempt said when all have failed, or [`NoThread`].
fn race<T: Send + 'static>(
    addresses: Vec<SocketAddr>,
    mut delays: impl Iterator<Item = Duration>,
    limit: Duration,
    connect: impl Fn(SocketAddr) -> Result<T, Error> + Clone + Send + 'static,
) -> Result<Option<(SocketAddr, T)>, Error> {
    let end = Instant::now() + limit;
    let (tell, told) = unbounded();
    let mut waiting = addresses.into_iter();
    let (mut running, mut last) = (0_usize, Error::HostNotFound);
    loop {
        let next = waiting.next();
        if let Some(address) = next {
            let (connect, tell) = (connect.clone(), tell.clone());
            let attempt = move || {
                // An attempt that comes too late has no receiver any more, and its connection closes.
                tell.send((address, connect(address))).ok();
            };
            threads::spawn(attempt).map_err(|error: NoThread| Error::Other(Box::new(error)))?;
            running += 1;
        } else if running == 0 {
            return Err(last);
        }
        let now = Instant::now();
        let until = if waiting.len() == 0 {
            end
        } else {
            end.min(now + delays.next().unwrap_or_default())
        };
        match told.recv_deadline(until) {
            Ok((address, Ok(connection))) => return Ok(Some((address, connection))),
            Ok((_, Err(error))) => {
                running -= 1;
                last = error;
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) if until == end => {
                return Ok(None);
            }
            // The next attempt begins beside those that run: a late answer is still one.
            Err(_) => {}
        }
    }
}

/// TCP and TLS to a service take two to three round trips.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long each attempt has before the next one begins beside it: where one address leads nowhere, so may others.
fn delays() -> impl Iterator<Item = Duration> {
    iter::once(ATTEMPT_DELAY).chain(iter::repeat(MIN_ATTEMPT_DELAY))
}

/// "Connection Attempt Delay" of RFC 8305, section 8, and the least that it recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
const MIN_ATTEMPT_DELAY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn sockets(addresses: &[&str]) -> Vec<SocketAddr> {
        let socket = |ip: &&str| SocketAddr::new(ip.parse().expect("an address"), 443);
        addresses.iter().map(socket).collect()
    }

    #[test]
    fn families_take_turns_and_winners_come_first() {
        let all = ["2001:db8::1", "2001:db8::2", "203.0.113.1", "203.0.113.2"];
        let table: [(&[&str], &[&str], &[&str]); 7] = [
            (
                &all,
                &[],
                &["2001:db8::1", "203.0.113.1", "2001:db8::2", "203.0.113.2"],
            ),
            (
                &all,
                &["203.0.113.2"],
                &["203.0.113.2", "203.0.113.1", "2001:db8::1", "2001:db8::2"],
            ),
            (
                &all,
                &["2001:db8::2", "203.0.113.2"],
                &["203.0.113.2", "2001:db8::2", "203.0.113.1", "2001:db8::1"],
            ),
            // Another host, but the same network.
            (
                &all,
                &["198.51.100.7"],
                &["203.0.113.1", "2001:db8::1", "203.0.113.2", "2001:db8::2"],
            ),
            (&all[2..], &[], &all[2..]),
            (&all[..1], &["198.51.100.7"], &all[..1]),
            (&[], &[], &[]),
        ];
        for (addresses, winners, expected) in table {
            let winners: Vec<_> = sockets(winners).iter().map(SocketAddr::ip).collect();
            let found = in_order(&sockets(addresses), &winners);
            assert_eq!(found, sockets(expected), "{addresses:?} after {winners:?}");
        }
    }

    /// An attempt whose packets vanish ends when this does.
    struct Hole(crossbeam_channel::Receiver<()>);

    #[test]
    fn whoever_answers_first_is_taken_whatever_the_others_do() {
        #[derive(Clone, Copy, Debug, PartialEq)]
        enum Does {
            Answers,
            Refuses,
            Vanishes,
        }
        use Does::{Answers, Refuses, Vanishes};
        let table: [(&[Does], Option<Option<usize>>); 7] = [
            (&[Answers], Some(Some(0))),
            (&[Vanishes, Answers], Some(Some(1))),
            (&[Vanishes, Vanishes, Vanishes, Answers], Some(Some(3))),
            (&[Refuses, Vanishes, Answers], Some(Some(2))),
            (&[Refuses, Refuses], Some(None)),
            (&[Vanishes, Refuses], None),
            (&[], Some(None)),
        ];
        for (does, expected) in table {
            let addresses: Vec<SocketAddr> = (1_u16..)
                .zip(does)
                .map(|(port, _)| SocketAddr::new([203, 0, 113, 1].into(), port))
                .collect();
            let (keep, hole) = unbounded::<()>();
            let (does, hole) = (does.to_vec(), std::sync::Arc::new(Hole(hole)));
            let connect = move |address: SocketAddr| match does[usize::from(address.port()) - 1] {
                Answers => Ok(()),
                Refuses => Err(Error::ConnectionFailed),
                Vanishes => {
                    hole.0.recv().ok();
                    Err(Error::ConnectionFailed)
                }
            };
            let limit = if expected.is_none() {
                Duration::ZERO
            } else {
                Duration::from_secs(60)
            };
            let won = race(
                addresses,
                iter::repeat(Duration::from_millis(1)),
                limit,
                connect,
            );
            let found = match won {
                Ok(Some((address, ()))) => Some(Some(usize::from(address.port()) - 1)),
                Ok(None) => None,
                Err(_) => Some(None),
            };
            assert_eq!(found, expected);
            drop(keep);
        }
    }

    #[test]
    fn a_second_address_is_tried_after_a_quarter_of_a_second_and_more_after_a_tenth_each() {
        let first: Vec<_> = delays().take(3).collect();
        assert_eq!(first, [250, 100, 100].map(Duration::from_millis));
    }

    #[test]
    fn an_address_that_has_answered_is_the_only_one_that_the_next_request_tries() {
        let addresses = sockets(&["203.0.113.1", "203.0.113.2"]);
        let alive = addresses[1];
        let racing = Racing::default();
        for expected in [&addresses[..], &addresses[1..]] {
            let (tell, tried) = unbounded();
            let connect = move |address: SocketAddr| {
                tell.send(address).ok();
                (address == alive)
                    .then_some(())
                    .ok_or(Error::ConnectionFailed)
            };
            let first = racing.first(&addresses, CONNECT_TIMEOUT, connect);
            assert!(matches!(first, Ok(Some(()))), "{first:?}");
            assert_eq!(tried.iter().collect::<Vec<_>>(), expected);
        }
    }
}
