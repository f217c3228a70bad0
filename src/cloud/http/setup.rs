//! What requests go through: trusted roots, a proxy, and what `ureq` would otherwise decide by itself.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::http::Uri;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector, NextTimeout, RustlsConnector, Transport,
};

use crate::config;
use crate::config::private::is_private;
use crate::sys::files;
use crate::sys::plain::quoted;

use super::names::Lookup;
use super::proxy::chosen;
use super::race::{CONNECT_TIMEOUT, Racing};

/// Why no request can be made at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `[http] ca_file` cannot be read.
    #[error("cannot read ca_file = {} of [http]", quoted(.path))]
    CaUnreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// `[http] ca_file` holds no certificate.
    #[error(
        "ca_file = {} of [http] holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
        quoted(.0)
    )]
    NoCertificate(String),
    /// `[http] proxy` is not an address, or one of SOCKS.
    #[error("cannot use the proxy of [http]: {0}")]
    BadProxy(String),
}

/// Makes an agent with these settings. Without a proxy in them, the environment's counts.
pub(super) fn agent(settings: &config::Http) -> Result<Agent, SetupError> {
    let own = settings.ca_file.as_deref().map(own_roots).transpose()?;
    let config = builder()
        .tls_config(tls(own.unwrap_or_default()))
        .proxy(chosen(settings, &|name| env::var(name).ok())?)
        .build();
    Ok(Agent::with_parts(
        config,
        racing_connector(),
        Lookup::default(),
    ))
}

/// Makes an agent for requests without TLS, which uses no proxy and connects to private addresses alone.
pub(super) fn private_agent() -> Agent {
    // A proxy would look the name up itself, so that `PrivateOnly` could not see where it leads, and would get what is
    // not encrypted.
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
        // As an error a status would lose its body and headers, in which the reason and the wait stand. A redirect is
        // told as a refusal that names base_url: ureq cannot repeat a POST after 307 or 308.
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("phone-assistant/", env!("CARGO_PKG_VERSION")))
        // ureq's own 15 s are shorter than many turns, and each turn would connect and agree on TLS anew.
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
        // These are the addresses that are connected to: a look-up of its own for this check could be given others (DNS
        // rebinding).
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

/// TLS that trusts the roots in `own` and the bundled ones. ureq would carry the latter a second time, in the form in
/// which no others can be added to them.
fn tls(own: Vec<Certificate<'static>>) -> TlsConfig {
    let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let bundled = bundled.map(|der| Certificate::from_der(der.as_ref()));
    TlsConfig::builder()
        .root_certs(RootCerts::from(own.into_iter().chain(bundled)))
        // Named here, because a provider that is installed for the whole process would otherwise be used in place of
        // ring.
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build()
}

/// Returns the certificates in a file, whose lines may be indented.
pub(super) fn own_roots(file: &Path) -> Result<Vec<Certificate<'static>>, SetupError> {
    let path = file.display().to_string();
    let text = files::read_text(file, MAX_CA_FILE).map_err(|source| SetupError::CaUnreadable {
        path: path.clone(),
        source,
    })?;
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let pem = lines.join("\n");
    let own = parse_pem(pem.as_bytes()).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let own: Vec<_> = own.collect();
    if own.is_empty() {
        return Err(SetupError::NoCertificate(path));
    }
    Ok(own)
}

/// The size of a file that holds every root there is.
const MAX_CA_FILE: u64 = 4 * 1024 * 1024;

/// Longer than a question, its answer and the next question take, so that connections stay open.
const IDLE_AGE: Duration = Duration::from_secs(120);
