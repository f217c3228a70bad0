//! What `ureq`'s errors mean to an administrator: where the way to a service ends, and what is to be done about it.

use std::io;
use std::time::Duration;

use ureq::{Agent, Timeout};

use super::handshake;
use super::request::host;
use super::setup::NotPrivate;
use crate::cloud::{Error, Service};
use crate::sys::threads::NoThread;

/// The error that stands for `error` of a request to `url`, which was given `limit`.
pub(super) fn network_error(
    agent: &Agent,
    service: Service,
    url: &str,
    limit: Duration,
    error: ureq::Error,
) -> Error {
    let (service, host) = (service.name, host(url).to_owned());
    let proxy = proxy(agent, url);
    if let Some(unconnected) = Unconnected::of(&error, url, proxy.is_some()) {
        let through = proxy.map(|proxy| format!(" through the proxy {proxy}"));
        return Error::Connect {
            service,
            host: host + &through.unwrap_or_default(),
            remedy: unconnected.remedy,
            transient: unconnected.transient,
            source: match error {
                // In words of ours: the library names a step of its own.
                ureq::Error::Timeout(_) => io::Error::from(io::ErrorKind::TimedOut).into(),
                error => error.into(),
            },
        };
    }
    let source = match error {
        ureq::Error::Timeout(_) => {
            return Error::Timeout {
                service,
                host,
                after: limit,
            };
        }
        ureq::Error::Other(cause) => match cause.downcast::<NoThread>() {
            Ok(no_thread) => {
                return Error::NoThread {
                    service,
                    source: *no_thread,
                };
            }
            Err(cause) => cause,
        },
        error => Box::new(error),
    };
    Error::Broken {
        service,
        host,
        source,
    }
}

/// A connection that could not be made.
struct Unconnected {
    remedy: &'static str,
    /// Whether a second try may succeed.
    transient: bool,
}

impl Unconnected {
    /// Why there is no connection; `None` where there was one.
    fn of(error: &ureq::Error, url: &str, has_proxy: bool) -> Option<Self> {
        let is_safe = url.starts_with("https:");
        // A server that closes the connection looks the same during a handshake and without TLS, so the address
        // decides.
        if let Some(remedy) = handshake::remedy(error).filter(|_| is_safe) {
            return Some(Self {
                remedy,
                transient: matches!(error, ureq::Error::Io(io) if !is_tls(io)),
            });
        }
        let (remedy, transient) = match error {
            ureq::Error::ConnectionFailed | ureq::Error::ConnectProxyFailed(_) => (PROXY, true),
            ureq::Error::Other(cause) if cause.is::<NotPrivate>() => (NOT_PRIVATE, false),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => (BASE_URL, false),
            error => {
                let (remedy, transient) = on_the_way(error, is_safe)?;
                (if has_proxy { PROXY } else { remedy }, transient)
            }
        };
        Some(Self { remedy, transient })
    }
}

/// The remedy for a way to the host itself that ends somewhere, and whether a second try may succeed.
fn on_the_way(error: &ureq::Error, is_safe: bool) -> Option<(&'static str, bool)> {
    // A way that has used up its time is not tried again at once; one that has failed at once is.
    let found = match error {
        ureq::Error::Timeout(Timeout::Resolve) => (NAME_SERVER, false),
        ureq::Error::Timeout(Timeout::Connect) => (SILENT, false),
        ureq::Error::HostNotFound => (NAME, true),
        ureq::Error::Io(io) if is_no_name_server(io) => (NAME_SERVER, true),
        ureq::Error::Io(io) if is_lookup(io) => (NAME, true),
        ureq::Error::Io(io) => (no_connection(io.kind(), is_safe)?, true),
        _ => return None,
    };
    Some(found)
}

/// `host:port` of the proxy that requests to `url` go through, if they do.
fn proxy(agent: &Agent, url: &str) -> Option<String> {
    let (proxy, url) = (agent.config().proxy()?, url.parse().ok()?);
    (!proxy.is_no_proxy(&url)).then(|| format!("{}:{}", proxy.host(), proxy.port()))
}

/// Whether a name could not be looked up: the standard library has no kind for that, only these words.
fn is_lookup(error: &io::Error) -> bool {
    let words = error.to_string();
    words.starts_with("failed to lookup address information")
}

/// Whether the name may exist, but no name server says so: `EAI_AGAIN`, in the words of musl or of glibc.
fn is_no_name_server(error: &io::Error) -> bool {
    let words = error.to_string();
    let again = ["Try again", "Temporary failure"];
    is_lookup(error) && again.iter().any(|again| words.contains(again))
}

/// Whether a handshake failed: rustls' errors travel inside an [`io::Error`] when they come in the middle of one.
fn is_tls(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// What to do where connect(2) fails so.
fn no_connection(kind: io::ErrorKind, is_safe: bool) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::ConnectionRefused if is_safe => CLOSED,
        io::ErrorKind::ConnectionRefused => NO_SERVER,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => NO_WAY,
        // EACCES and EPERM, by a rule of a firewall.
        io::ErrorKind::PermissionDenied => FORBIDDEN,
        // EADDRNOTAVAIL.
        io::ErrorKind::AddrNotAvailable => NO_PORT,
        _ => return None,
    })
}

const NAME: &str = "its name is not known: check base_url, and the name server in /etc/resolv.conf";

const NAME_SERVER: &str =
    "no name server answers for it: check the network, and the name servers in /etc/resolv.conf";

const SILENT: &str = "it does not answer: check the network and the firewall";

const NO_SERVER: &str =
    "nothing listens there: check that the server runs, and base_url in its settings";

const CLOSED: &str =
    "nothing listens there or the way is closed: check the network and the firewall";

const NO_WAY: &str = "no way leads there from this machine: check its network (ip route)";

const FORBIDDEN: &str = "this machine forbids it: check its own firewall";

const NO_PORT: &str =
    "this machine has no port or address of its own left for it: see ss -s and ip address";

const PROXY: &str = "check the network, and [http] proxy or the one of the environment";

const NOT_PRIVATE: &str =
    "without TLS only private networks are safe: use https, or an address in your own network";

const BASE_URL: &str = "check base_url in its settings";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::error::Chain;
    use crate::sys::unpacked::Unpacked;
    use io::ErrorKind::{
        AddrNotAvailable, BrokenPipe, ConnectionRefused, HostUnreachable, InvalidData,
        NetworkUnreachable, PermissionDenied,
    };
    use std::io::Read;

    const SERVICE: Service = Service {
        name: "a service",
        settings: "[x]",
        key: "key",
    };

    fn io(kind: io::ErrorKind) -> ureq::Error {
        ureq::Error::Io(kind.into())
    }

    fn lookup(why: &str) -> ureq::Error {
        let words = format!("failed to lookup address information: {why}");
        ureq::Error::Io(io::Error::other(words))
    }

    /// The remedy for a connection that was not made and whether it may be tried again; else the error's own words.
    fn told(url: &str, proxy: Option<&str>, error: ureq::Error) -> (String, Option<bool>) {
        let proxy = proxy.map(|proxy| ureq::Proxy::new(proxy).expect("an address"));
        let agent = Agent::config_builder().proxy(proxy).build().new_agent();
        match network_error(&agent, SERVICE, url, Duration::from_secs(4), error) {
            Error::Connect {
                remedy,
                transient,
                host,
                ..
            } => (format!("{host}; {remedy}"), Some(transient)),
            other => (other.to_string(), None),
        }
    }

    #[test]
    fn each_error_says_where_the_way_ends_and_what_to_do() {
        let (https, http) = ("https://example.com/v1", "http://10.0.0.7:8880/v1");
        let table = [
            (
                https,
                ureq::Error::Timeout(Timeout::Resolve),
                NAME_SERVER,
                Some(false),
            ),
            (
                https,
                ureq::Error::Timeout(Timeout::Connect),
                SILENT,
                Some(false),
            ),
            (
                https,
                ureq::Error::Timeout(Timeout::Global),
                "within 4.0 s",
                None,
            ),
            (https, ureq::Error::HostNotFound, NAME, Some(true)),
            (https, lookup("Name does not resolve"), NAME, Some(true)),
            (https, lookup("Try again"), NAME_SERVER, Some(true)),
            (https, io(ConnectionRefused), CLOSED, Some(true)),
            (http, io(ConnectionRefused), NO_SERVER, Some(true)),
            (http, io(NetworkUnreachable), NO_WAY, Some(true)),
            (https, io(HostUnreachable), NO_WAY, Some(true)),
            (https, io(PermissionDenied), FORBIDDEN, Some(true)),
            (http, io(AddrNotAvailable), NO_PORT, Some(true)),
            (https, io(BrokenPipe), "broke off its answer", None),
            (http, io(InvalidData), "broke off its answer", None),
            (https, ureq::Error::ConnectionFailed, PROXY, Some(true)),
            (
                http,
                ureq::Error::Other(Box::new(NotPrivate)),
                NOT_PRIVATE,
                Some(false),
            ),
            (
                https,
                ureq::Error::BadUri("x".into()),
                BASE_URL,
                Some(false),
            ),
        ];
        for (url, error, part, transient) in table {
            let what = format!("{url}: {error}");
            let (told, may_try_again) = self::told(url, None, error);
            assert!(told.contains(part), "{what}: {told}");
            assert_eq!(may_try_again, transient, "{what}");
        }
    }

    #[test]
    fn what_takes_too_long_is_told_without_the_librarys_words() {
        let agent = Agent::config_builder().build().new_agent();
        for step in [Timeout::Resolve, Timeout::Connect] {
            let (limit, late) = (Duration::from_secs(4), ureq::Error::Timeout(step));
            let error = network_error(&agent, SERVICE, "https://example.com", limit, late);
            let told = Chain(&error).to_string();
            assert!(told.ends_with(": timed out"), "{told}");
        }
    }

    #[test]
    fn a_compressed_body_that_is_cut_is_no_failed_connection() {
        for body in [&b"\x1f\x8b\x08"[..], b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b"] {
            let error = Unpacked::of("gzip", body).read(&mut [0; 9]);
            let error = error.expect_err("it is cut").into();
            let (told, may_try_again) = told("https://example.com", None, error);
            assert!(told.contains("broke off its answer"), "{told}");
            assert_eq!(may_try_again, None);
        }
    }

    #[test]
    fn a_way_through_a_proxy_names_it_and_its_setting() {
        let refused = io(ConnectionRefused);
        let (told, _) = told("https://example.com", Some("http://10.0.0.1:3128"), refused);
        let expected = format!("example.com through the proxy 10.0.0.1:3128; {PROXY}");
        assert_eq!(told, expected);
    }
}
