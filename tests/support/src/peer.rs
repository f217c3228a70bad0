//! Servers with which no connection can be made safe: each fails a TLS handshake in a way of its own.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection};

/// What is wrong with a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It answers these bytes to whatever comes first.
    Says(Vec<u8>),
    /// Its certificate is over.
    Expired,
    /// Its certificate is of the future.
    NotYet,
    /// Its certificate is for another name.
    OtherName,
    /// Its certificate is of an authority that [`Peer::ca_pem`] is not.
    UnknownIssuer,
    /// Its certificate is its own.
    SelfSigned,
    /// Its certificate is its own, and that of an authority.
    AuthorityItself,
}

/// A running server; dropping it ends it.
pub struct Peer {
    port: u16,
    ca_pem: String,
    is_over: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Peer {
    /// Starts a server on a free port of loopback.
    pub fn start(flaw: &Flaw) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (ca_pem, config) = identity(flaw);
        let (flaw, is_over) = (flaw.clone(), Arc::new(AtomicBool::new(false)));
        let acceptor = thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                while let Ok((socket, _)) = listener.accept() {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    // A client that goes away in the middle is what is wanted.
                    match &flaw {
                        Flaw::Says(bytes) => says(socket, bytes),
                        _ => greet(socket, &config),
                    }
                }
            }
        });
        Self {
            port,
            ca_pem,
            is_over,
            acceptor: Some(acceptor),
        }
    }

    /// Its address, without a path.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The certificate of the authority that has, or should have, issued its own.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the acceptor; if even that fails, it has ended already.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().ok();
        }
    }
}

fn says(mut socket: TcpStream, bytes: &[u8]) {
    // What came stays unread: then closing would reset the connection, and the answer might be lost.
    if socket.read(&mut [0; 16 * 1024]).is_ok() && socket.write_all(bytes).is_ok() {
        socket.shutdown(Shutdown::Write).ok();
        // Until the other side has closed, or says more, which is not looked at.
        let _more = socket.read(&mut [0; 1024]);
    }
}

fn greet(mut socket: TcpStream, config: &Arc<ServerConfig>) {
    let mut session = ServerConnection::new(Arc::clone(config)).unwrap();
    while session.is_handshaking()
        && session
            .complete_io(&mut socket)
            .is_ok_and(|(read, _)| read > 0)
    {}
}

fn identity(flaw: &Flaw) -> (String, Arc<ServerConfig>) {
    let (ca_pem, issuer) = authority("phone-assistant peer's authority");
    let (_, stranger) = authority("somebody else's authority");
    let key = KeyPair::generate().unwrap();
    let name = match flaw {
        Flaw::OtherName => "other.example",
        _ => "localhost",
    };
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "phone-assistant peer");
    match flaw {
        Flaw::Expired => params.not_after = date_time_ymd(2020, 1, 1),
        Flaw::NotYet => params.not_before = date_time_ymd(4000, 1, 1),
        Flaw::AuthorityItself => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
        _ => {}
    }
    let leaf = match flaw {
        Flaw::SelfSigned | Flaw::AuthorityItself => params.self_signed(&key),
        Flaw::UnknownIssuer => params.signed_by(&key, &stranger),
        _ => params.signed_by(&key, &issuer),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.unwrap().der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    (ca_pem, Arc::new(config))
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(params, key))
}
