//! The address of a server that machines share, as the settings write it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::sys::authority::{self, host_of, loopback};

/// Where the server is, and how to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its name or number.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database, 0 where none is named.
    pub database: i64,
    /// The user, where it has several.
    pub user: Option<String>,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// The certificates that are trusted in place of the machine's own.
    pub ca_file: Option<PathBuf>,
}

impl Address {
    /// Reads `redis://[user@]host[:port][/database]`, or `rediss://` for an encrypted connection.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        let schemes = [
            ("redis://", false),
            ("valkey://", false),
            ("rediss://", true),
            ("valkeys://", true),
        ];
        let found = schemes
            .iter()
            .find_map(|(scheme, is_encrypted)| Some((url.strip_prefix(scheme)?, *is_encrypted)));
        let (rest, is_encrypted) =
            found.ok_or("it begins neither with redis:// nor with rediss://")?;
        let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = match place.split_once('@') {
            Some((user, _)) if user.contains(':') => {
                return Err("it holds a password, whose place is password_file".into());
            }
            // Elsewhere they end the host, so that the user would be one.
            Some((user, _)) if user.contains(['#', '?']) => {
                return Err("it has # or ? in its user".into());
            }
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, place),
        };
        if let Some(fault) = authority::fault(place) {
            return Err(format!("it has {fault}"));
        }
        let host = host_of(place);
        let port = place[host.len()..].trim_start_matches(':').parse();
        let host = host.trim_matches(['[', ']']);
        let database = match database {
            "" => 0,
            number => number
                .parse::<u16>()
                .map_err(|_| "its database is no number")?
                .into(),
        };
        Ok(Self {
            host: host.to_owned(),
            port: port.unwrap_or(PORT),
            database,
            user,
            is_encrypted,
            password_file: None,
            ca_file: None,
        })
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_here(&self) -> bool {
        let number = self.host.parse::<IpAddr>();
        loopback(&self.host).is_some() || number.is_ok_and(|number| number.is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "rediss" } else { "redis" };
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

const PORT: u16 = 6379;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_understood_or_said_to_be_wrong() {
        let shown = |url| match Address::parse(url) {
            Ok(address) => {
                let user = address.user.as_deref().unwrap_or_default();
                format!("{address} {} {user}", address.database)
            }
            Err(why) => why,
        };
        let table = [
            ("redis://server", "redis://server:6379 0 "),
            (
                "rediss://calls@10.0.0.1:6380/3",
                "rediss://10.0.0.1:6380 3 calls",
            ),
            ("valkey://[fd00::1]:7000", "redis://[fd00::1]:7000 0 "),
            ("redis://[fd00::1]", "redis://[fd00::1]:6379 0 "),
            (
                "redis://:secret@server",
                "it holds a password, whose place is password_file",
            ),
            (
                "https://server",
                "it begins neither with redis:// nor with rediss://",
            ),
            ("redis://", "it has no host in it"),
            ("redis://a b", "it has a blank in it"),
            (
                "redis://server:x",
                "it has no port from 1 to 65535 behind its host: write it as host:8000",
            ),
            (
                "redis://fd00::1",
                "it has an IPv6 address without brackets: write it as [fd00::1]:8000",
            ),
            ("redis://server/x", "its database is no number"),
            (
                "redis://cache.internal/0@other.example",
                "its database is no number",
            ),
            ("redis://a#b@server", "it has # or ? in its user"),
        ];
        for (url, expected) in table {
            assert_eq!(shown(url), expected, "{url}");
        }
    }
}
