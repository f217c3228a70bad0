//! The proxy that requests go through: the one of the settings, else the first of the environment that can be used.

mod exceptions;

use std::iter;

use log::warn;
use ureq::{Proxy, ProxyBuilder, ProxyProtocol};

use super::setup::SetupError;
use crate::config;
use crate::config::Environment;
use crate::sys::{authority, pasted, redact};

/// What becomes of a variable that names a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    /// Requests go through its proxy.
    Used,
    /// This other variable counts.
    After(&'static str),
    /// Its proxy cannot be used, for this reason.
    Unusable(String),
}

/// Returns the variables that name a proxy, and what becomes of each.
pub(crate) fn variables(environment: Environment<'_>) -> Vec<(&'static str, Variable)> {
    let mut used = None;
    let mut found = Vec::new();
    for (name, address) in named(environment) {
        let becomes = match (usable(&address), used) {
            (Err(why), _) => Variable::Unusable(why),
            (Ok(_), Some(first)) => Variable::After(first),
            (Ok(_), None) => {
                used = Some(name);
                Variable::Used
            }
        };
        found.push((name, becomes));
    }
    found
}

/// Returns the proxy of the settings with their exceptions; for what they do not name, the environment's.
pub(super) fn chosen(
    settings: &config::Http,
    environment: Environment<'_>,
) -> Result<Option<Proxy>, SetupError> {
    let base = match &settings.proxy {
        Some(address) => Some(usable(address.expose()).map_err(SetupError::BadProxy)?),
        None => of_environment(environment),
    };
    let Some(base) = base else { return Ok(None) };
    enrol_password(&base);
    // Built once more, since only ureq's builder takes exceptions.
    let mut builder = Proxy::builder(base.protocol())
        .host(base.host())
        .port(base.port());
    if let Some(user) = base.username() {
        builder = builder.username(user);
    }
    if let Some(password) = base.password() {
        builder = builder.password(password);
    }
    let own = iter::once(settings.no_proxy.clone());
    let mut listed = own.chain(EXCEPTIONS.into_iter().filter_map(environment));
    let listed = listed.find(|listed| !pasted::unwrapped(listed).is_empty());
    let builder = exceptions::of(&listed.unwrap_or_default())
        .iter()
        .fold(builder, |builder, host| {
            ProxyBuilder::no_proxy(builder, host)
        });
    let built = builder.build().map(Some);
    built.map_err(|_| SetupError::BadProxy(NO_ADDRESS.to_owned()))
}

/// The first proxy of the environment that can be used. One that cannot is told: the one who set it expects it to be used.
fn of_environment(environment: Environment<'_>) -> Option<Proxy> {
    named(environment).find_map(|(name, address)| match usable(&address) {
        Ok(proxy) => Some(proxy),
        Err(why) => {
            warn!(
                "the proxy that {name} names is not used: {why}; name one of http or https in [http] proxy"
            );
            None
        }
    })
}

/// The variables that are not empty.
fn named(environment: Environment<'_>) -> impl Iterator<Item = (&'static str, String)> + '_ {
    let named = PROXIES
        .iter()
        .filter_map(move |name| Some((*name, environment(name)?)));
    named.filter(|(_, address)| !pasted::unwrapped(address).is_empty())
}

/// Returns the proxy of that address. With one of SOCKS, `ureq` would panic: it can do that only as a feature.
fn usable(address: &str) -> Result<Proxy, String> {
    let address = pasted::unwrapped(address);
    let (scheme, place) = address.split_once("://").unwrap_or(("", address));
    if scheme.to_ascii_lowercase().starts_with("socks") {
        let why = "it is one of SOCKS, and requests can only go through one of http or https";
        return Err(why.to_owned());
    }
    let (login, place) = place.rsplit_once('@').unwrap_or(("", place));
    // Any of these ends the host, so that the user would be one.
    if login.contains(['/', '#', '?']) {
        let why = "its user or password holds /, # or ?, which are written %2F, %23 and %3F there";
        return Err(why.to_owned());
    }
    let proxy = Proxy::new(address).map_err(|_| NO_ADDRESS)?;
    if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(NO_ADDRESS.to_owned());
    }
    if let Some(fault) = authority::fault(place) {
        return Err(format!("it has {fault}"));
    }
    // `DIRECT`, `none` and `false` turn the proxy off elsewhere.
    if scheme.is_empty() && !place.contains([':', '.']) {
        return Err(NO_ADDRESS.to_owned());
    }
    Ok(proxy)
}

/// Hides what a proxy is signed in with, be it the settings' or the environment's.
fn enrol_password(proxy: &Proxy) {
    if let Some(password) = proxy.password() {
        redact::enrol_login(proxy.username().unwrap_or_default(), password);
    }
}

/// The variables that may name a proxy, in the order of curl (<https://curl.se/docs/manpage.html#ENVIRONMENT>): the first
/// that can be used counts. curl has no use for the last two, since requests through a proxy go to https alone.
const PROXIES: [&str; 6] = [
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "http_proxy",
    "HTTP_PROXY",
];

/// The variables that may name what is reached without it: the first that is not empty counts.
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

const NO_ADDRESS: &str = "it is no address of http or https, such as http://proxy.example:3128";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use ureq::http::Uri;

    fn settings(proxy: Option<&str>, no_proxy: &str) -> config::Http {
        config::Http {
            ca_file: None,
            proxy: proxy.map(|address| Secret::address(address.to_owned())),
            no_proxy: no_proxy.to_owned(),
            warm: false,
        }
    }

    #[test]
    fn a_proxy_is_one_of_http() {
        let host = "proxy.example";
        let table = [
            ("http://proxy.example:3128", Ok(host)),
            ("https://office:secret@proxy.example", Ok(host)),
            ("http://office:p%40ss@proxy.example", Ok(host)),
            ("proxy.example:3128", Ok(host)),
            ("http://proxy.example:3128/\n", Ok(host)),
            ("\"http://proxy.example:3128\"", Ok(host)),
            ("socks5://proxy.example:1080", Err("SOCKS")),
            ("socks4a://proxy.example", Err("SOCKS")),
            ("SOCKS://proxy.example", Err("SOCKS")),
            ("socks-gw.example:3128", Ok("socks-gw.example")),
            ("ftp://proxy.example", Err("no address")),
            ("http://", Err("no address")),
            ("http://proxy example", Err("no address")),
            ("http://proxy.example:31x8", Err("no port from 1")),
            ("proxy.example:", Err("no port from 1")),
            ("http://user:p#ss@proxy.example", Err("%23")),
            ("http://user:p/ss@proxy.example:3128", Err("%2F")),
            ("user:p?ss@proxy.example:3128", Err("%3F")),
            ("http://proxy.example,", Err(", in its host")),
            ("DIRECT", Err("no address")),
            ("none", Err("no address")),
            ("false", Err("no address")),
        ];
        for (address, expected) in table {
            let chosen = chosen(&settings(Some(address), ""), &|_| None);
            match (chosen, expected) {
                (Ok(Some(proxy)), Ok(host)) => assert_eq!(proxy.host(), host, "{address:?}"),
                (Err(error), Err(words)) => {
                    assert!(error.to_string().contains(words), "{address:?}: {error}");
                }
                (chosen, _) => panic!("{address:?}: {chosen:?}"),
            }
        }
    }

    #[test]
    fn a_login_reaches_the_proxy_as_it_was_before_it_was_escaped() {
        let table = [
            ("http://office:p%40ss@proxy.example", "office", "p@ss"),
            (
                "http://of%5Cfice:p%23a%3A%25@proxy.example:3128",
                "of\\fice",
                "p#a:%",
            ),
            ("http://office:p@ss@proxy.example", "office", "p@ss"),
        ];
        for (address, name, password) in table {
            let chosen = chosen(&settings(Some(address), ""), &|_| None);
            let proxy = chosen.expect("usable").expect("named");
            let login = (proxy.username(), proxy.password());
            assert_eq!(login, (Some(name), Some(password)), "{address}");
        }
    }

    #[test]
    fn the_first_variable_that_can_be_used_counts_and_each_that_cannot_is_told() {
        let socks = ("HTTPS_PROXY", "socks5://s:1080");
        let good = ("ALL_PROXY", "http://p:3128");
        let other = ("http_proxy", "http://q:3128");
        let (is_socks, is_used) = (("HTTPS_PROXY", "SOCKS"), ("ALL_PROXY", "Used"));
        let table: [(&[_], &[_], _); 10] = [
            (&[], &[], None),
            (&[("ALL_PROXY", "")], &[], None),
            (&[("ALL_PROXY", " \n")], &[], None),
            (&[socks], &[is_socks], None),
            (&[socks, good], &[is_socks, is_used], Some("p")),
            (
                &[good, other],
                &[is_used, ("http_proxy", "After(\"ALL_PROXY\")")],
                Some("p"),
            ),
            (
                &[other, ("HTTP_PROXY", "http://")],
                &[("http_proxy", "Used"), ("HTTP_PROXY", "no address")],
                Some("q"),
            ),
            (
                &[("HTTPS_PROXY", "http://q:3128"), good],
                &[
                    ("HTTPS_PROXY", "Used"),
                    ("ALL_PROXY", "After(\"HTTPS_PROXY\")"),
                ],
                Some("q"),
            ),
            (
                &[("https_proxy", "http://q:1"), ("HTTPS_PROXY", "http://p:1")],
                &[
                    ("https_proxy", "Used"),
                    ("HTTPS_PROXY", "After(\"https_proxy\")"),
                ],
                Some("q"),
            ),
            (
                &[("https_proxy", "DIRECT"), good],
                &[("https_proxy", "no address"), is_used],
                Some("p"),
            ),
        ];
        for (set, expected, host) in table {
            let environment = |name: &str| {
                let found = set.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, address)| (*address).to_owned())
            };
            let found = variables(&environment);
            assert_eq!(found.len(), expected.len(), "{set:?}: {found:?}");
            for ((name, becomes), (variable, words)) in found.iter().zip(expected) {
                assert_eq!(name, variable, "{set:?}");
                let becomes = format!("{becomes:?}");
                assert!(becomes.contains(words), "{set:?}: {becomes}");
            }
            let chosen = chosen(&settings(None, ""), &environment).expect("usable");
            assert_eq!(chosen.as_ref().map(Proxy::host), host, "{set:?}");
        }
    }

    #[test]
    fn hosts_are_excepted_as_curl_does() {
        let table = [
            ("", "a.example", false),
            ("a.example", "a.example", true),
            (" A.Example ", "a.example", true),
            ("b.example,a.example", "a.example", true),
            ("b.example a.example", "a.example", true),
            ("\"b.example, a.example\"", "a.example", true),
            ("b.example;a.example", "a.example", true),
            ("b.example|a.example", "a.example", true),
            ("a.example.", "a.example", true),
            (".example.", "a.example", true),
            ("a.example:443", "a.example", false),
            ("https://a.example", "a.example", false),
            ("example", "a.example", true),
            (".example", "a.example", true),
            (".a.example", "a.example", true),
            ("*.example", "a.example", true),
            ("*", "a.example", true),
            ("ample", "a.example", false),
            ("b.a.example", "a.example", false),
            ("a.example.org", "a.example", false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.0.0.0/8", "100.1.2.3", false),
            ("10.0.0.0/8", "10.example.com", false),
            ("10.0.0.0/8", "10.200.2.3", true),
            ("[2001:db8::1]", "[2001:db8::1]", true),
            ("::1", "[::1]", true),
            ("[0:0::1]", "[::1]", true),
            ("::1", "[::12]", false),
            ("2001:db8::/32", "[2001:db8::1]", true),
            ("2001:db8::/32", "[2001:DB8:1::1]", true),
            ("2001:db8::/32", "[2001:db80::1]", false),
            ("[2001:db8::]/32", "[2001:db8::1]", true),
            ("2001:db8::/48", "[2001:db8::1]", true),
            ("2001:db8::/48", "[2001:db8:0:1::1]", true),
            ("2001:db8::/48", "[2001:db8:1::1]", false),
            ("fd00::/8", "[fd12:3456::1]", true),
            ("fd00::/8", "[fe00::1]", false),
            ("fe80::/10", "[febf::1]", true),
            ("fe80::/10", "[fec0::1]", false),
            ("fd00::/64", "[fd00::1:2:3:4]", true),
            ("fd00:0:0:1::/64", "[fd00:0:0:1::1]", false),
            ("::1/128", "[::1]", true),
            ("2001:db8::4/127", "[2001:db8::5]", true),
            ("2001:db8::4/127", "[2001:db8::6]", false),
            ("::/0", "[2001:db8::1]", true),
            ("::/0", "a.example", false),
            ("::/129", "[::1]", false),
            ("b.example, 172.16.0.0/12", "172.31.255.255", true),
            ("172.16.0.0/12", "172.32.0.1", false),
            ("172.16.0.0/12", "172.15.0.1", false),
            ("192.168.1.77/24", "192.168.1.5", true),
            ("192.168.1.64/26", "192.168.1.127", true),
            ("192.168.1.64/26", "192.168.1.128", false),
            ("10.0.0.7/32", "10.0.0.7", true),
            ("10.0.0.7/32", "10.0.0.70", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("10.0.0.0/33", "10.0.0.1", false),
            ("10.0.0/8", "10.0.0.1", false),
        ];
        for (listed, host, expected) in table {
            let uri: Uri = format!("https://{host}/").parse().expect("an address");
            let set = |name: &str| (name == "NO_PROXY").then(|| listed.to_owned());
            let of_settings = chosen(&settings(Some("http://p:1"), listed), &|_| None);
            let of_environment = chosen(&settings(Some("http://p:1"), ""), &set);
            for proxy in [of_settings, of_environment] {
                let proxy = proxy.expect("usable").expect("one is set");
                assert_eq!(proxy.is_no_proxy(&uri), expected, "{listed:?}");
            }
        }
    }

    #[test]
    fn exceptions_that_are_empty_are_none_and_small_letters_go_first() {
        let uri: Uri = "https://a.example/".parse().expect("an address");
        for (large, small, expected) in [
            ("", "a.example", true),
            (" ", "a.example", true),
            ("a.example", "", true),
            ("a.example", "b.example", false),
        ] {
            let set = |name: &str| match name {
                "NO_PROXY" => Some(large.to_owned()),
                "no_proxy" => Some(small.to_owned()),
                _ => None,
            };
            let proxy = chosen(&settings(Some("http://p:1"), ""), &set);
            let proxy = proxy.expect("usable").expect("one is set");
            assert_eq!(proxy.is_no_proxy(&uri), expected, "{large:?} {small:?}");
        }
    }
}
