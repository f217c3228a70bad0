//! What providers are reached with: connections, and Google's service account.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;

use super::credentials::CredentialsError;
use super::google_auth::ServiceAccount;
use super::http::Client;
use crate::config::Endpoint;

/// The providers of a stage: the name of each in the settings `S`, and what makes a `P` that speaks to it.
pub(crate) type Providers<P, S> = [(&'static str, Make<P, S>)];

/// The providers of the rows of a stage: `make` of the module that has the provider's name.
macro_rules! makers {
    ($stage:literal; $($provider:ident: $known:expr, $settings:tt;)*) => {
        &[$((stringify!($provider), $provider::make)),*]
    };
}
pub(super) use makers;

/// Makes a provider's `P` with the settings `S` of its stage.
pub(crate) type Make<P, S> = fn(&Access, &S, Endpoint) -> Result<Box<P>, CredentialsError>;

/// What the providers of all stages share.
#[derive(Debug)]
pub(crate) struct Access {
    /// What sends their requests.
    pub(super) client: Client,
    /// The service account's key file.
    credentials: PathBuf,
    /// Read when the first provider needs it.
    account: OnceCell<Arc<ServiceAccount>>,
}

impl Access {
    /// Makes access by `client` and the service account whose key file is `credentials`.
    pub(crate) fn new(client: Client, credentials: PathBuf) -> Self {
        Self {
            client,
            credentials,
            account: OnceCell::new(),
        }
    }

    /// Signs in as `account` instead of the one whose key file was named.
    pub(crate) fn use_account(&self, account: Arc<ServiceAccount>) {
        // Only the first one counts.
        self.account.set(account).ok();
    }

    /// The service account.
    ///
    /// # Errors
    /// [`CredentialsError`] tells what is wrong with its key file.
    pub(super) fn account(&self) -> Result<Arc<ServiceAccount>, CredentialsError> {
        if let Some(account) = self.account.get() {
            return Ok(account.clone());
        }
        // `OnceCell::get_or_try_init` is not stable, so the file is read before the cell is filled.
        let account = ServiceAccount::load(&self.credentials)?;
        Ok(self.account.get_or_init(|| account).clone())
    }

    /// What tells the service account from others, if a provider has needed it.
    pub(crate) fn account_identity(&self) -> Option<String> {
        self.account.get().map(|account| account.identity())
    }
}
