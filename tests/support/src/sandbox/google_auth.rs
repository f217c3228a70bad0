//! Who is asking: the service account's own tokens, the access tokens it can exchange them for, API keys.
//!
//! Checked here are a token's signature, claims and lifetime; which of them a service takes, and what it
//! says to the others, is in `google`. Specs: <https://google.aip.dev/auth/4111>,
//! <https://developers.google.com/identity/protocols/oauth2/service-account>.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

use super::http::{Request, Response};

/// The one service account that the sandbox knows.
pub(super) struct ServiceAccount {
    client_email: String,
    private_key_id: String,
    public_key: Vec<u8>,
}

/// The claims of a token whose signature and lifetime are right.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) audience: Option<String>,
    pub(super) scope: Option<String>,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Not three parts of base64url JSON, or claims missing, doubled or contradicting each other.
    Malformed(&'static str),
    /// Signed by a key that we do not know, or not signed right.
    Signature,
    /// Not valid yet, not any more, or for longer than an hour.
    Lifetime,
}

impl ServiceAccount {
    /// Reads a service account's key file; only its public half is kept.
    pub(super) fn from_key_file(file: &Value) -> Self {
        let text = |name: &str| file[name].as_str().unwrap().to_owned();
        let pem = text("private_key");
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let key = RsaKeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap();
        Self {
            client_email: text("client_email"),
            private_key_id: text("private_key_id"),
            public_key: key.public_key().as_ref().to_vec(),
        }
    }

    /// Checks a token that the account has signed, at `now` in seconds since 1970.
    pub(super) fn check(&self, token: &str, now: i64) -> Result<Claims, Flaw> {
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Flaw::Malformed("not three parts"));
        };
        let signed = &token[..header.len() + 1 + payload.len()];
        self.check_signature(&decode_json(header)?, signed, signature)?;
        let claims = decode_json(payload)?;
        self.check_issuer(&claims)?;
        check_lifetime(&claims, now)?;
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        Ok(Claims {
            audience: text("aud"),
            scope: text("scope"),
        })
    }

    fn check_signature(&self, header: &Value, signed: &str, signature: &str) -> Result<(), Flaw> {
        if header["alg"] != "RS256" || header["typ"] != "JWT" {
            return Err(Flaw::Malformed("alg is not RS256 or typ is not JWT"));
        }
        if header["kid"] != self.private_key_id.as_str() {
            return Err(Flaw::Signature);
        }
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| Flaw::Malformed("the signature is not base64url"))?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| Flaw::Signature)
    }

    fn check_issuer(&self, claims: &Value) -> Result<(), Flaw> {
        if claims["iss"] != self.client_email.as_str() {
            return Err(Flaw::Malformed("iss is not the account's client_email"));
        }
        match claims.get("sub") {
            Some(subject) if *subject != self.client_email.as_str() => {
                Err(Flaw::Malformed("sub is not the account's client_email"))
            }
            _ => Ok(()),
        }
    }
}

fn decode_json(part: &str) -> Result<Value, Flaw> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Flaw::Malformed("a part is not base64url"))?;
    serde_json::from_slice(&bytes).map_err(|_| Flaw::Malformed("a part is not JSON"))
}

/// AIP-4111: the expiry "must be exactly 3600 seconds later" than the issue.
fn check_lifetime(claims: &Value, now: i64) -> Result<(), Flaw> {
    let (Some(issued), Some(expires)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) else {
        return Err(Flaw::Malformed("iat or exp is missing"));
    };
    let in_time = issued <= now + LARGEST_SKEW_S && now < expires;
    (expires == issued + LIFETIME_S && in_time)
        .then_some(())
        .ok_or(Flaw::Lifetime)
}

/// The access tokens that were issued, and their scopes.
#[derive(Default)]
pub(super) struct AccessTokens {
    scopes: HashMap<String, String>,
}

impl AccessTokens {
    /// The scopes of a token, if it is one of ours.
    pub(super) fn scope_of(&self, token: &str) -> Option<&str> {
        self.scopes.get(token).map(String::as_str)
    }

    /// `POST /token`: an assertion for an access token; the second value says why it was refused.
    pub(super) fn exchange(
        &mut self,
        request: &Request,
        account: &ServiceAccount,
        now: i64,
    ) -> (Response, Option<String>) {
        match self.try_exchange(request, account, now) {
            Ok(token) => {
                let body =
                    json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"});
                (Response::json(200, &body), None)
            }
            Err((error, description)) => (
                oauth_error(400, error, description),
                Some(description.to_owned()),
            ),
        }
    }

    fn try_exchange(
        &mut self,
        request: &Request,
        account: &ServiceAccount,
        now: i64,
    ) -> Result<String, OAuthError> {
        let form = form(&request.body);
        if request.header("content-type") != Some("application/x-www-form-urlencoded") {
            return Err((
                "invalid_request",
                "Content-Type must be application/x-www-form-urlencoded",
            ));
        }
        if form.get("grant_type").map(String::as_str) != Some(JWT_BEARER) {
            return Err(("unsupported_grant_type", "Invalid grant_type: "));
        }
        let assertion = form
            .get("assertion")
            .ok_or(("invalid_request", "Missing required parameter: assertion"))?;
        let claims = account.check(assertion, now).map_err(|flaw| match flaw {
            Flaw::Malformed(_) => (
                "invalid_grant",
                "Invalid JWT: Failed audience check or malformed assertion.",
            ),
            Flaw::Signature => ("invalid_grant", "Invalid JWT Signature."),
            Flaw::Lifetime => ("invalid_grant", WRONG_CLOCK),
        })?;
        if claims.audience.as_deref() != Some(TOKEN_AUDIENCE) {
            return Err(("invalid_grant", "Invalid JWT: Failed audience check."));
        }
        let scope = claims.scope.filter(|scope| !scope.is_empty()).ok_or((
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        ))?;
        let token = format!("ya29.sandbox-{}", self.scopes.len() + 1);
        self.scopes.insert(token.clone(), scope);
        Ok(token)
    }
}

/// `error` and `error_description` of RFC 6749, 5.2.
type OAuthError = (&'static str, &'static str);

/// An error of the token endpoint, which is not shaped like those of Google's other services.
pub(super) fn oauth_error(status: u16, error: &str, description: &str) -> Response {
    Response::json(
        status,
        &json!({"error": error, "error_description": description}),
    )
}

/// The fields of a form, decoded; what is no form gives none.
pub(super) fn form(body: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (percent_decoded(name), percent_decoded(value)))
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let hex = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The audience is this constant wherever the key file's `token_uri` points.
const TOKEN_AUDIENCE: &str = "https://oauth2.googleapis.com/token";
const WRONG_CLOCK: &str = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.";
const LIFETIME_S: i64 = 3600;
/// Google refuses tokens from the future; how near a future is not documented, so this is on the strict side.
const LARGEST_SKEW_S: i64 = 5;
