//! A certificate authority of the moment, and a certificate for this machine signed by it.
//!
//! Both are made when a `Sandbox` starts and forgotten when it ends, so no test key can
//! ever be trusted by mistake. What a client does with the authority's certificate is left to the client.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// What a TLS server needs, and what its clients need to trust it.
pub(super) struct Identity {
    /// The server's side: TLS 1.2 and 1.3, HTTP/1.1.
    pub(super) config: Arc<ServerConfig>,
    /// The authority's certificate, for the client's `ca_file`.
    pub(super) ca_pem: String,
}

/// Makes a fresh authority and a certificate for [`NAMES`].
pub(super) fn identity() -> Identity {
    let (ca_pem, issuer) = authority();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(NAMES.map(String::from)).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "phone-assistant sandbox");
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Identity {
        config: Arc::new(config),
        ca_pem,
    }
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "phone-assistant sandbox authority");
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(params, key))
}

/// This machine, and names for a name server of a test's own.
const NAMES: [&str; 6] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "services.example",
    "services.invalid",
    "services.localhost",
];
