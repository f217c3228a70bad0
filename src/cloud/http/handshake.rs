//! Why a connection could not be made safe, and what is to be done about it: TLS fails in many ways, and only some are
//! the certificate's.

use std::io;

use rustls::{AlertDescription as Alert, CertificateError as Certificate, Error, PeerIncompatible};

/// What an administrator can do about `error`; `None` where it is not TLS that failed.
pub(super) fn remedy(error: &ureq::Error) -> Option<&'static str> {
    match error {
        ureq::Error::Rustls(error) => Some(remedy_of(error)),
        ureq::Error::Tls(_) => Some(OTHER),
        // rustls' errors travel inside an `io::Error` when they come in the middle of a handshake.
        ureq::Error::Io(error) if is_handshake_eof(error) => Some(CLOSED),
        ureq::Error::Io(error) => {
            let error = error.get_ref()?.downcast_ref::<Error>()?;
            Some(remedy_of(error))
        }
        _ => None,
    }
}

fn remedy_of(error: &Error) -> &'static str {
    match error {
        Error::AlertReceived(Alert::ProtocolVersion) => OLD_TLS,
        Error::AlertReceived(Alert::HandshakeFailure | Alert::InsufficientSecurity) => NO_CIPHER,
        Error::AlertReceived(Alert::UnrecognisedName) => NO_SUCH_NAME,
        Error::AlertReceived(Alert::CertificateRequired) => WANTS_CERTIFICATE,
        Error::PeerIncompatible(why) => match why {
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => OLD_TLS,
            _ => NO_CIPHER,
        },
        // An answer in plain HTTP is no record of TLS.
        Error::InvalidMessage(_) => NO_TLS,
        Error::InvalidCertificate(why) => match why {
            Certificate::Expired | Certificate::ExpiredContext { .. } => EXPIRED,
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => NOT_YET,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => OTHER_NAME,
            // What webpki alone has a word for: the certificate of an authority, which is its own issuer.
            Certificate::UnknownIssuer | Certificate::Other(_) => UNKNOWN_ISSUER,
            _ => BAD_CERTIFICATE,
        },
        _ => OTHER,
    }
}

/// Whether the server closed the connection during the handshake: rustls reports that without a message, and with one
/// after the handshake.
fn is_handshake_eof(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof && error.get_ref().is_none()
}

const OLD_TLS: &str = "it speaks no TLS newer than 1.1, which is not safe any more: update that server, or put one in \
    front of it that speaks TLS 1.2 or 1.3";

const NO_CIPHER: &str = "it accepts none of our ways to encrypt: let that server offer TLS 1.2 or 1.3 with ECDHE and \
    AES-GCM or ChaCha20";

const NO_SUCH_NAME: &str = "it does not know the host's name: check base_url";

const WANTS_CERTIFICATE: &str = "it wants a certificate of its client, which this program does not have: switch that off in that server";

const NO_TLS: &str = "what answers there does not speak TLS: check the port in base_url, and whether base_url must \
    begin with http:// (for a server in your own network)";

const CLOSED: &str = "it hung up before the connection was encrypted: check host and port in base_url, and whether a \
    firewall is in between";

const EXPIRED: &str = "its certificate has expired, or this machine's clock is ahead: check the clock with timedatectl, \
    then have that server's certificate renewed";

const NOT_YET: &str = "its certificate is not valid yet, or this machine's clock is behind: set it with: timedatectl \
    set-ntp true";

const OTHER_NAME: &str = "its certificate is for another name: check the host in base_url";

const UNKNOWN_ISSUER: &str = "nobody whom this machine trusts has issued its certificate: for a server of your own, or \
    behind a proxy that inspects TLS, name the root certificate in [http] ca_file";

const BAD_CERTIFICATE: &str = "its certificate is not accepted: have it renewed";

const OTHER: &str = "no encrypted connection could be agreed upon: check base_url, and what is between this machine and \
    that server";
