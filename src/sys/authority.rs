//! The part of an address that names a host and its port, as in `host`, `host:8443` and `[fd00::1]:8443`
//! (<https://www.rfc-editor.org/rfc/rfc3986#section-3.2>). HTTP clients take the scheme's own port in place of one that
//! they cannot read, so that a key would travel to another server than the one that was meant.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The host that `place` begins with; one of IPv6 stands in brackets.
pub(crate) fn host_of(place: &str) -> &str {
    let end = match place.find(']') {
        Some(bracket) if place.starts_with('[') => bracket + 1,
        _ => place.find(['/', ':', '?', '#']).unwrap_or(place.len()),
    };
    &place[..end]
}

/// What is wrong with the host or the port that `place` begins with, before its path.
pub(crate) fn fault(place: &str) -> Option<String> {
    let place = place.split('/').next().unwrap_or_default();
    let host = host_of(place);
    let port = &place[host.len()..];
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !place.starts_with('[') && place.matches(':').count() > 1 {
        return Some("an IPv6 address without brackets: write it as [fd00::1]:8000".to_owned());
    }
    if host.trim_matches('.').is_empty() {
        return Some("no host in it".to_owned());
    }
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').unwrap_or_default();
        if inner.parse::<Ipv6Addr>().is_err() {
            return Some("brackets around no IPv6 address: write one as [fd00::1]".to_owned());
        }
    } else if let Some(mark) = host.chars().find(|c| !is_letter(*c)) {
        return Some(match mark {
            ' ' => "a blank in it".to_owned(),
            _ => format!("{mark} in its host, which no host has"),
        });
    }
    (!port.is_empty() && !is_port(port))
        .then(|| "no port from 1 to 65535 behind its host: write it as host:8000".to_owned())
}

/// The addresses of `localhost` and of the names below it, which are this machine's whatever its files and name servers
/// say (<https://www.rfc-editor.org/rfc/rfc6761#section-6.3>). `None` for any other host.
pub(crate) fn loopback(host: &str) -> Option<[IpAddr; 2]> {
    let last = host.trim_end_matches('.').rsplit('.').next()?;
    last.eq_ignore_ascii_case("localhost")
        .then_some([Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()])
}

fn is_port(text: &str) -> bool {
    let digits = text.strip_prefix(':').unwrap_or_default();
    // A sign before it would be read as well.
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|it| it > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_and_what_is_below_it_is_this_machine() {
        for (host, expected) in [
            ("localhost", true),
            ("LocalHost.", true),
            ("whisper.localhost", true),
            ("localhost.example", false),
            ("mylocalhost", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(loopback(host).is_some(), expected, "{host}");
        }
    }

    #[test]
    fn a_host_and_its_port_are_whole_or_said_to_be_wrong() {
        let (port, brackets) = ("no port", "brackets around no IPv6");
        let table = [
            ("host", ""),
            ("host.example.", ""),
            ("xn--bcher-kva.example/v1", ""),
            ("whisper_server:9000", ""),
            ("host:1", ""),
            ("127.0.0.1:65535/v1", ""),
            ("[fd00::1]", ""),
            ("[::1]:8000/v1", ""),
            ("[::ffff:127.0.0.1]", ""),
            ("", "no host"),
            (".", "no host"),
            (":443", "no host"),
            ("/v1", "no host"),
            ("127.0.0.1:", port),
            ("127.0.0.1:/v1", port),
            ("127.0.0.1:0", port),
            ("127.0.0.1:65536", port),
            ("127.0.0.1:99999", port),
            ("127.0.0.1:80a/v1", port),
            ("127.0.0.1:+80", port),
            ("127.0.0.1:80,", port),
            ("[::1]8000", port),
            ("[::1]:x", port),
            ("fd00::1:8000", "without brackets"),
            ("::1", "without brackets"),
            ("[::1]::8000", port),
            ("[x](https:", brackets),
            ("[::1", brackets),
            ("[]", brackets),
            ("[fe80::1%25eth0]", brackets),
            ("192.168.1.5,", ", in its host"),
            ("192.168.1.5;/v1", "; in its host"),
            ("(host)", "( in its host"),
            ("host%20", "% in its host"),
        ];
        for (place, expected) in table {
            let found = fault(place).unwrap_or_default();
            assert!(found.contains(expected), "{place}: {found:?}");
            assert_eq!(found.is_empty(), expected.is_empty(), "{place}: {found:?}");
        }
    }
}
