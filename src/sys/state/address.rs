//! The address of a server that machines share, as the settings write it.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

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
    pub fn parse(url: &str) -> Result<Self, &'static str> {
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
        let (user, rest) = match rest.split_once('@') {
            Some((user, _)) if user.contains(':') => {
                return Err("it holds a password, whose place is password_file");
            }
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, rest),
        };
        let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match place.rsplit_once(':') {
            // The last colon of `[::1]` is the address's own.
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| "its port is none")?)
            }
            _ => (place, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err("it names no host");
        }
        let database = match database {
            "" => 0,
            number => number
                .parse::<u16>()
                .map_err(|_| "its database is no number")?
                .into(),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
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
        self.host == "localhost" || number.is_ok_and(|number| number.is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
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
            Err(why) => why.to_owned(),
        };
        let table = [
            ("redis://server", "redis://server:6379 0 "),
            (
                "rediss://calls@10.0.0.1:6380/3",
                "rediss://10.0.0.1:6380 3 calls",
            ),
            ("valkey://[fd00::1]:7000", "redis://fd00::1:7000 0 "),
            ("redis://[fd00::1]", "redis://fd00::1:6379 0 "),
            (
                "redis://:secret@server",
                "it holds a password, whose place is password_file",
            ),
            (
                "https://server",
                "it begins neither with redis:// nor with rediss://",
            ),
            ("redis://", "it names no host"),
            ("redis://a b", "it names no host"),
            ("redis://server:x", "its port is none"),
            ("redis://server/x", "its database is no number"),
        ];
        for (url, expected) in table {
            assert_eq!(shown(url), expected, "{url}");
        }
    }
}
