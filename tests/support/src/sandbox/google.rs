//! What Google's services have in common: errors of one shape, and who may ask.
//!
//! Spec: <https://google.aip.dev/193> and, for the wordings, what the services answer.

use serde_json::{Value, json};

use super::context::Context;
use super::google_auth::Flaw;
use super::http::{Request, Response};
use super::proto_json::Violation;

/// One of Google's services, as its errors name it.
pub(super) struct Api {
    pub(super) host: &'static str,
    pub(super) method: &'static str,
    pub(super) title: &'static str,
    /// Any of these in a token's scope is enough.
    pub(super) scopes: &'static [&'static str],
    pub(super) takes_api_key: bool,
}

impl Api {
    /// Checks the credentials of a request.
    ///
    /// # Errors
    /// The answer to one that may not ask.
    pub(super) fn authorize(
        &self,
        request: &Request,
        context: &Context<'_>,
    ) -> Result<(), Response> {
        let key = request
            .header("x-goog-api-key")
            .filter(|_| self.takes_api_key);
        let bearer = request
            .header("authorization")
            .map(|value| value.strip_prefix("Bearer ").unwrap_or_default());
        match (key, bearer) {
            (Some(_), Some(_)) => Err(error(
                400,
                "Multiple authentication credentials received. Please pass only one.",
                &json!([]),
            )),
            (Some(key), None) => self.check_key(key, context),
            (None, Some(token)) => self.check_token(token, context),
            (None, None) if self.takes_api_key => Err(error(403, UNREGISTERED_CALLER, &json!([]))),
            (None, None) => Err(error(
                401,
                MISSING_CREDENTIAL,
                &self.info("CREDENTIALS_MISSING"),
            )),
        }
    }

    fn check_key(&self, key: &str, context: &Context<'_>) -> Result<(), Response> {
        if key == super::service::GEMINI_API_KEY {
            return Ok(());
        }
        context.refused("an unknown API key");
        Err(error(
            400,
            "API key not valid. Please pass a valid API key.",
            &self.info("API_KEY_INVALID"),
        ))
    }

    fn check_token(&self, token: &str, context: &Context<'_>) -> Result<(), Response> {
        if let Some(scope) = context.scope_of(token) {
            return self.check_scope(&scope, context);
        }
        let claims = context.check_self_signed(token).map_err(|flaw| {
            context.refused(match flaw {
                Flaw::Malformed(why) => why,
                Flaw::Signature => "the token is not signed with the account's key",
                Flaw::Lifetime => "the token is not valid now, or not for an hour",
            });
            self.token_kind_refused()
        })?;
        match (claims.audience, claims.scope) {
            _ if context.refuses_self_signed() => {
                context.refused("only access tokens are taken at the moment");
                Err(self.token_kind_refused())
            }
            (Some(audience), None) if audience == format!("https://{}/", self.host) => Ok(()),
            (None, Some(scope)) => self.check_scope(&scope, context),
            (audience, scope) => {
                context.refused(&format!(
                    "the token's audience is {audience:?}, its scope {scope:?}"
                ));
                Err(self.token_kind_refused())
            }
        }
    }

    fn check_scope(&self, scope: &str, context: &Context<'_>) -> Result<(), Response> {
        let has_one = scope.split(' ').any(|scope| {
            scope
                .strip_prefix("https://www.googleapis.com/auth/")
                .is_some_and(|name| self.scopes.contains(&name))
        });
        if has_one {
            return Ok(());
        }
        context.refused(&format!("the token's scope is {scope:?}"));
        let details = self.info("ACCESS_TOKEN_SCOPE_INSUFFICIENT");
        Err(error(
            403,
            "Request had insufficient authentication scopes.",
            &details,
        ))
    }

    /// What a token of the wrong kind gets, and one that is malformed or has expired.
    pub(super) fn token_kind_refused(&self) -> Response {
        error(
            401,
            INVALID_CREDENTIALS,
            &self.info("ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        )
    }

    /// The `details` that name a reason.
    pub(super) fn info(&self, reason: &str) -> Value {
        json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "googleapis.com",
            "metadata": {"service": self.host, "method": self.method},
        }])
    }
}

/// An error as AIP-193 shapes it; the status word follows from the number.
pub(super) fn error(status: u16, message: &str, details: &Value) -> Response {
    let mut body =
        json!({"error": {"code": status, "message": message, "status": status_word(status)}});
    if details
        .as_array()
        .is_some_and(|details| !details.is_empty())
    {
        body["error"]["details"] = details.clone();
    }
    Response::json(status, &body)
}

/// A body that is not the message which the method takes.
pub(super) fn bad_request(violations: &[Violation]) -> Response {
    let message: Vec<_> = violations
        .iter()
        .map(|violation| violation.description.as_str())
        .collect();
    let fields: Vec<_> = violations
        .iter()
        .map(|violation| json!({"field": violation.field, "description": violation.description}))
        .collect();
    let details =
        json!([{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields}]);
    error(400, &message.join("\n"), &details)
}

/// A request whose values contradict the documentation.
pub(super) fn invalid(message: &str) -> Response {
    error(400, message, &json!([]))
}

fn status_word(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        _ => "UNKNOWN",
    }
}

pub(super) const INVALID_CREDENTIALS: &str = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";
const MISSING_CREDENTIAL: &str = "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";
const UNREGISTERED_CALLER: &str = "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.";
