//! What may be wrong with the key file of Google's service account, which `google_auth` reads.

/// The fault of a key file.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// It cannot be read.
    #[error(
        "cannot read Google's key file {path}; put it there and let the group asterisk read it"
    )]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what Google's console hands out for a service account.
    #[error(
        "{path} is not the JSON key file of a service account (found {found}); make one in Google Cloud's console: IAM, Service accounts, Keys"
    )]
    NotAServiceAccount {
        /// The file.
        path: String,
        /// The kind of file that it is instead, without any of its content.
        found: String,
    },
    /// The private key in it cannot sign.
    #[error("cannot use the private_key in {path} (found {found}); download a new key file")]
    BadKey {
        /// The file.
        path: String,
        /// What it is instead, without any of its content.
        found: &'static str,
    },
    /// Signing failed.
    #[error("signing in to Google with the service account's key")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
}
