//! Signing in to Google with a service account's key file.
//!
//! The account signs its own token for each service, without a request to Google (<https://google.aip.dev/auth/4111>).
//! Where a service says that it does not take that kind of token, one is fetched at the key file's `token_uri`
//! (<https://google.aip.dev/auth/4112>). The only user of `jsonwebtoken`.

mod key_file;
mod private_key;
mod signer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use log::{debug, info};
use serde::{Deserialize, Serialize};

use super::budget::{Budget, Retry};
use super::credentials::CredentialsError;
use super::http::{Auth, Client, Request};
use super::{Error, Refusal, Service};
use crate::config::Secret;
use crate::sys::error::Chain;
use crate::sys::sync::lock;
use crate::sys::{files, redact};
use key_file::KeyFile;
use signer::install_ring;

/// A service account that can sign in. Shared by everything that calls Google.
#[derive(Debug)]
pub(crate) struct ServiceAccount {
    email: String,
    key_id: Option<String>,
    key: EncodingKey,
    token_uri: String,
    /// A token for all services.
    fetched: Mutex<Option<Secret>>,
    /// Tokens of its own, by audience. No call lasts as long as they are valid.
    signed: Mutex<HashMap<String, Secret>>,
}

impl ServiceAccount {
    /// Reads a key file.
    ///
    /// # Errors
    /// [`CredentialsError`] tells what is wrong with it.
    pub(crate) fn load(path: &Path) -> Result<Arc<Self>, CredentialsError> {
        let shown = path.display().to_string();
        let text =
            files::read(path, MAX_KEY_FILE).map_err(|source| CredentialsError::Unreadable {
                path: shown.clone(),
                source,
            })?;
        Self::parse(&text, shown)
    }

    /// Reads the content of a key file, which comes from the place `shown`.
    ///
    /// # Errors
    /// [`CredentialsError`] tells what is wrong with it.
    pub(crate) fn parse(text: &[u8], shown: String) -> Result<Arc<Self>, CredentialsError> {
        install_ring();
        let file = KeyFile::parse(text).map_err(|found| CredentialsError::NotAServiceAccount {
            path: shown.clone(),
            found,
        })?;
        // Each line of the PEM is enrolled as a secret of its own, since an error may quote a single one. Where the
        // line breaks were lost or spelt out, backslashes and blanks separate the lines.
        for line in file.private_key.split(['\n', '\\', ' ']) {
            redact::enrol_unsent(line.trim());
        }
        let der = private_key::der_of(&file.private_key)
            .map_err(|found| CredentialsError::BadKey { path: shown, found })?;
        Ok(Arc::new(Self {
            email: file.client_email,
            key_id: file.private_key_id,
            key: EncodingKey::from_rsa_der(&der),
            token_uri: file.token_uri,
            fetched: Mutex::default(),
            signed: Mutex::default(),
        }))
    }

    /// Lets `send` send `request` signed in for `audience`, the service's own address with a slash at its end; a second
    /// time where the service wants another kind of token.
    ///
    /// # Errors
    /// [`Error`] of the request, of fetching a token, or [`Error::Clock`] when that is the cause.
    pub(crate) fn send<T>(
        &self,
        client: &Client,
        mut request: Request,
        audience: &str,
        budget: Budget,
        send: impl Fn(&Request, Budget) -> Result<T, Error>,
    ) -> Result<T, Error> {
        // A statement of its own: within `if let` the lock would be held while the request is under way.
        let fetched = lock(&self.fetched).clone();
        // A token that was fetched is good for all services, so that no other one has to refuse first.
        if let Some(token) = fetched {
            request.auth = Auth::Bearer(token);
            return send(&request, budget);
        }
        request.auth = Auth::Bearer(self.self_signed(audience)?);
        let refusal = match send(&request, budget) {
            Err(Error::Refused(refusal)) => wrong_clock(refusal)?,
            result => return result,
        };
        // The self-signed kind is what Google's own clients send, and needs no round trip. Gemini's documents list
        // scopes alone, so the other kind is tried where the service asks for it.
        if !refusal.is_token_kind() {
            return Err(Error::Refused(refusal));
        }
        info!(
            "{} wants a token from {}: {}",
            request.service.name, self.token_uri, refusal.reason
        );
        request.auth = Auth::Bearer(self.fetch(client, budget)?);
        send(&request, budget)
    }

    /// An identity that tells this key from others and holds no secret.
    pub(crate) fn identity(&self) -> String {
        let key = self.key_id.as_deref().unwrap_or("without private_key_id");
        format!("{} {key}", self.email)
    }

    /// Signs for `audience` now, so that [`send`](Self::send) need not.
    pub(crate) fn sign_ahead(&self, audience: &str) {
        if let Err(error) = self.self_signed(audience) {
            debug!("signing ahead of time: {}", Chain(&error));
        }
    }

    /// Returns a token for `audience`, which is signed once.
    fn self_signed(&self, audience: &str) -> Result<Secret, CredentialsError> {
        // The lock is held while signing (0.7 ms), so that requests side by side sign once.
        let mut signed = lock(&self.signed);
        if let Some(token) = signed.get(audience) {
            return Ok(token.clone());
        }
        let token = self.sign(Some(&self.email), audience, None)?;
        signed.insert(audience.to_owned(), token.clone());
        Ok(token)
    }

    /// Fetches a token for all services, and keeps it. Requests that are refused side by side wait for
    /// one exchange. It is made a second time only where the whole request is not.
    fn fetch(&self, client: &Client, budget: Budget) -> Result<Secret, Error> {
        let mut fetched = lock(&self.fetched);
        if let Some(token) = &*fetched {
            return Ok(token.clone());
        }
        // A subject stands in an assertion only for domain-wide delegation, which is not meant here.
        let assertion = self.sign(None, TOKEN_AUDIENCE, Some(SCOPES))?;
        let form = format!("grant_type={GRANT_TYPE}&assertion={}", assertion.expose());
        let request = Request {
            service: SIGN_IN,
            url: self.token_uri.clone(),
            auth: Auth::InBody(assertion),
            content_type: "application/x-www-form-urlencoded",
            body: Some(form.into_bytes().into()),
            words: String::new(),
            max_bytes: MAX_TOKEN_ANSWER,
        };
        // A request that may be tried twice fetches once in each of its tries; one that is tried once may fetch a
        // second time. Either way Google is asked for a token at most twice.
        let retry = match budget.retry {
            Retry::Never => Retry::Once,
            Retry::Once | Retry::Second => Retry::Never,
        };
        let budget = Budget {
            retry,
            ..Budget::once(budget.deadline)
        };
        let exchange = |budget| client.send(&request, budget);
        let response = match budget.attempt(&client.hangup, exchange) {
            Err(Error::Refused(refusal)) => return Err(Error::Refused(wrong_clock(refusal)?)),
            result => result?,
        };
        let token = Secret::new(response.json::<TokenAnswer>(SIGN_IN)?.access_token);
        *fetched = Some(token.clone());
        Ok(token)
    }

    fn sign(
        &self,
        subject: Option<&str>,
        audience: &str,
        scope: Option<&str>,
    ) -> Result<Secret, CredentialsError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        // "exp … must be exactly 3600 seconds later" than iat (AIP-4111). Dating it back a little
        // forgives a clock that is a little ahead.
        let issued = now.saturating_sub(DATED_BACK).as_secs();
        let claims = Claims {
            iss: &self.email,
            sub: subject,
            aud: audience,
            scope,
            iat: issued,
            exp: issued + LIFETIME_SECONDS,
        };
        let header = Header {
            kid: self.key_id.clone(),
            ..Header::new(Algorithm::RS256)
        };
        let token = jsonwebtoken::encode(&header, &claims, &self.key);
        let token = token.map_err(|error| CredentialsError::Signing(error.into()))?;
        Ok(Secret::new(token))
    }
}

/// Returns `refusal`, or, if this machine's wrong clock caused it, the error that says so.
fn wrong_clock(refusal: Box<Refusal>) -> Result<Box<Refusal>, Error> {
    // A wrong clock shows as 401 at a service and as `invalid_grant` at the exchange, and so do other faults: only a
    // clock that was measured against the service's counts as the cause.
    let about_sign_in = refusal.status == 401 || refusal.code == "invalid_grant";
    match refusal.clock_ahead {
        Some(ahead) if about_sign_in && spoils_tokens(ahead) => Err(Error::Clock {
            service: refusal.service.name,
            ahead,
        }),
        _ => Ok(refusal),
    }
}

/// Whether a clock that is `ahead` seconds ahead, or behind where that is negative, makes tokens that are not valid yet
/// or no longer.
pub(crate) fn spoils_tokens(ahead: i64) -> bool {
    let dated_back = i64::try_from(DATED_BACK.as_secs()).unwrap_or_default();
    let lifetime = i64::try_from(LIFETIME_SECONDS).unwrap_or_default();
    // A token begins as long before this clock's time as it is dated back, so only a clock that is further ahead makes
    // it begin in the service's future; it ends an hour after its beginning.
    ahead > dated_back || ahead < dated_back - lifetime
}

/// The claims of both kinds of token; exactly one of `aud` alone and `aud` with `scope`.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    aud: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    iat: u64,
    exp: u64,
}

#[derive(Deserialize)]
struct TokenAnswer {
    // `expires_in` is not read: it is about an hour, longer than any call, and may be a string as well as a number.
    access_token: String,
}

/// The setting that holds the service account.
pub(super) const KEY: &str = "[google] credentials";

const SIGN_IN: Service = Service {
    name: "Google sign-in",
    settings: "[google]",
    key: KEY,
};

/// The constant that Google's own libraries use, whatever `token_uri` says.
const TOKEN_AUDIENCE: &str = "https://oauth2.googleapis.com/token";

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// `cloud-platform` is what Speech takes; Gemini refuses it alone, and takes `.retriever` beside it.
const SCOPES: &str = "https://www.googleapis.com/auth/cloud-platform \
    https://www.googleapis.com/auth/generative-language.retriever";

const LIFETIME_SECONDS: u64 = 3600;
const DATED_BACK: Duration = Duration::from_secs(30);
/// The size of a key file, with room to spare: it has two or three kilobytes.
const MAX_KEY_FILE: u64 = 64 * 1024;

const MAX_TOKEN_ANSWER: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::{Value, json};

    const KEY_FILE: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/throwaway-service-account.json"
    );

    fn part(token: &str, index: usize) -> Vec<u8> {
        let part = token.split('.').nth(index).expect("three parts");
        BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url")
    }

    #[test]
    fn a_self_signed_token_has_exactly_the_claims_of_aip_4111_and_a_valid_signature() {
        let account = ServiceAccount::load(Path::new(KEY_FILE)).expect("a good key file");
        let token = account
            .self_signed("https://speech.googleapis.com/")
            .expect("signed");
        let token = token.expose();

        let header: Value = serde_json::from_slice(&part(token, 0)).expect("JSON");
        assert_eq!(
            header,
            json!({"alg": "RS256", "typ": "JWT", "kid": account.key_id})
        );
        let claims: Value = serde_json::from_slice(&part(token, 1)).expect("JSON");
        let issued = claims["iat"].as_u64().expect("a number");
        let expected = json!({
            "iss": account.email, "sub": account.email, "aud": "https://speech.googleapis.com/",
            "iat": issued, "exp": issued + 3600,
        });
        assert_eq!(claims, expected);

        let pair = private_key::key_pair(account.key.as_bytes()).expect("an RSA key");
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key());
        let (signed, _) = token.rsplit_once('.').expect("three parts");
        public
            .verify(signed.as_bytes(), &part(token, 2))
            .expect("the signature fits");
    }

    #[test]
    fn a_clock_is_blamed_only_when_it_spoils_our_tokens() {
        let table = [
            (0, false),
            (30, false),
            (31, true),
            (7200, true),
            (-31, false),
            (-3570, false),
            (-3571, true),
        ];
        for (ahead, expected) in table {
            assert_eq!(spoils_tokens(ahead), expected, "{ahead} s");
        }
    }

    #[test]
    fn a_missing_key_file_is_named() {
        let error =
            ServiceAccount::load(Path::new("/nonexistent/creds.json")).expect_err("no such file");
        assert!(
            error.to_string().contains("/nonexistent/creds.json"),
            "{error}"
        );
    }
}
