//! What requests go through: trusted roots, a proxy, and what `ureq` would otherwise decide by itself.

use std::env;
use std::path::Path;
use std::time::Duration;

use ureq::config::ConfigBuilder;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector, NextTimeout, RustlsConnector, Transport,
};
use ureq::{Agent, Proxy, ProxyProtocol};

use crate::config;
use crate::config::private::is_private;
use crate::{files, redact};

use super::names::Lookup;
use super::race::Racing;

/// Why no request can be made at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `[http] ca_file` cannot be read.
    #[error("cannot read ca_file = {path:?} of [http]")]
    CaUnreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// `[http] ca_file` holds no certificate.
    #[error("ca_file = {0:?} of [http] holds no PEM certificate")]
    NoCertificate(String),
    /// `[http] proxy` is not an address, or one of SOCKS.
    #[error(
        "proxy of [http] must be an address of http or https, such as http://proxy.example:3128"
    )]
    BadProxy,
}

/// Makes an agent with these settings. Without a proxy in them, the environment's counts.
pub(super) fn agent(settings: &config::Http) -> Result<Agent, SetupError> {
    let mut builder = builder();
    if let Some(file) = &settings.ca_file {
        builder = builder.tls_config(TlsConfig::builder().root_certs(roots_and(file)?).build());
    }
    let config = builder.proxy(proxy(settings)?).build();
    Ok(Agent::with_parts(
        config,
        racing_connector(),
        Lookup::default(),
    ))
}

/// Makes an agent for requests without TLS, which uses no proxy and connects to private addresses alone.
pub(super) fn private_agent() -> Agent {
    let config = builder().proxy(None).build();
    Agent::with_parts(config, racing_connector(), PrivateOnly::default())
}

/// What ureq connects by as well, but for the race: by way of a proxy, to the host, and in TLS.
fn racing_connector() -> impl Connector<Out: Transport> {
    ConnectProxyConnector::default()
        .chain(Racing::default())
        .chain(RustlsConnector::default())
}

fn builder() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("phone-assistant/", env!("CARGO_PKG_VERSION")))
        .max_idle_age(IDLE_AGE)
        .timeout_connect(Some(CONNECT_TIMEOUT))
}

/// Looks names up, and accepts one only if all its addresses are private: otherwise what is sent there unencrypted could
/// be read on the way.
#[derive(Debug, Default)]
struct PrivateOnly(Lookup);

impl Resolver for PrivateOnly {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let addresses = self.0.resolve(uri, config, timeout)?;
        if addresses.iter().all(|address| is_private(address.ip())) {
            Ok(addresses)
        } else {
            Err(ureq::Error::Other(Box::new(NotPrivate)))
        }
    }
}

/// The error of a host that is to be reached without TLS and has an address on the internet.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it has an address outside of private networks")]
pub(super) struct NotPrivate;

/// The bundled roots and those in `file`.
fn roots_and(file: &Path) -> Result<RootCerts, SetupError> {
    let path = file.display().to_string();
    let pem = files::read(file, MAX_CA_FILE).map_err(|source| SetupError::CaUnreadable {
        path: path.clone(),
        source,
    })?;
    let own = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let own: Vec<_> = own.collect();
    if own.is_empty() {
        return Err(SetupError::NoCertificate(path));
    }
    let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let bundled = bundled.map(|der| Certificate::from_der(der.as_ref()).to_owned());
    Ok(RootCerts::from(own.into_iter().chain(bundled)))
}

/// The proxy of the settings with their exceptions; for what they do not name, the environment's.
fn proxy(settings: &config::Http) -> Result<Option<Proxy>, SetupError> {
    let exceptions = if settings.no_proxy.is_empty() {
        let named = ["NO_PROXY", "no_proxy"].map(|name| env::var(name).ok());
        named.into_iter().flatten().next().unwrap_or_default()
    } else {
        settings.no_proxy.clone()
    };
    let exceptions = exceptions
        .split(',')
        .map(str::trim)
        .filter(|host| !host.is_empty());
    let base = match &settings.proxy {
        Some(address) => Some(usable(address.expose()).ok_or(SetupError::BadProxy)?),
        None => PROXIES
            .iter()
            .find_map(|name| usable(&env::var(name).ok()?)),
    };
    let Some(base) = base else { return Ok(None) };
    enrol_password(&base);
    let mut builder = Proxy::builder(base.protocol())
        .host(base.host())
        .port(base.port());
    if let Some(user) = base.username() {
        builder = builder.username(user);
    }
    if let Some(password) = base.password() {
        builder = builder.password(password);
    }
    builder = exceptions.fold(builder, ureq::ProxyBuilder::no_proxy);
    builder.build().map(Some).map_err(|_| SetupError::BadProxy)
}

/// Hides the credentials of a proxy, be it the settings' or the environment's.
fn enrol_password(proxy: &Proxy) {
    if let Some(password) = proxy.password() {
        redact::enrol_login(proxy.username().unwrap_or_default(), password);
    }
}

/// The proxy of that address, unless it is one of SOCKS: `ureq` would panic, as it can do that only as a feature.
fn usable(address: &str) -> Option<Proxy> {
    let is_http =
        |proxy: &Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
    Proxy::new(address).ok().filter(is_http)
}

/// The variables that may name a proxy, as `ureq` looks for them: the first that can be used counts.
pub(crate) const PROXIES: [&str; 6] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

/// The size of a file that holds every root there is.
const MAX_CA_FILE: u64 = 4 * 1024 * 1024;

/// Longer than a question, its answer and the next question take, so that connections stay open.
const IDLE_AGE: Duration = Duration::from_secs(120);

/// TCP and TLS to a service take two to three round trips.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn a_proxy_is_one_of_http() {
        let table = [
            ("http://proxy.example:3128", true),
            ("https://office:secret@proxy.example", true),
            ("proxy.example:3128", true),
            ("socks5://proxy.example:1080", false),
            ("socks4a://proxy.example", false),
            ("ftp://proxy.example", false),
            ("http://", false),
        ];
        for (address, is_fine) in table {
            let settings = config::Http {
                ca_file: None,
                proxy: Some(Secret::address(address.to_owned())),
                no_proxy: String::new(),
                warm: false,
            };
            assert_eq!(agent(&settings).is_ok(), is_fine, "{address}");
        }
    }
}
