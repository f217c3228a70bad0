//! The error bodies of services, whatever their shape.
//!
//! Google's `{"error":{"code","message","status","details"}}`, sometimes in an array (<https://google.aip.dev/193>);
//! OpenAI's `{"error":{"message","type","param","code"}}` (<https://platform.openai.com/docs/guides/error-codes>);
//! OAuth's `{"error","error_description"}` (RFC 6749, 5.2). Servers that speak OpenAI's API may send
//! `{"object":"error","message"}`, `{"message"}`, `{"error":"text"}`, or `{"detail"}`: a text, an object, or a list of
//! values that are wrong, each with its place (<https://fastapi.tiangolo.com/tutorial/handling-errors/>). Others name the
//! explanation otherwise, as in `{"error_code","error_msg"}`, put it where an answer has its own, or list what is wrong by
//! its name, as in `{"errors":{"voice":["is unknown"]}}`.

use serde_json::Value;

use super::meaning::is_refusal;

/// An error body.
#[derive(Debug)]
pub(super) struct Body<'a> {
    top: &'a Value,
    /// The object that explains it.
    core: &'a Value,
}

impl<'a> Body<'a> {
    pub(super) fn new(json: &'a Value) -> Self {
        // Google wraps the errors of `streamGenerateContent` in an array where events were not asked for.
        let top = json.get(0).unwrap_or(json);
        // `error` is the form of OpenAI and Google; `detail` is FastAPI's, in which speaches and Kokoro-FastAPI are
        // written.
        let inner = [
            &top["error"],
            &top["detail"]["error"],
            &top["detail"],
            &top["errors"][0],
            &top["choices"][0]["error"],
            // MiniMax has one in each answer, in which it is 0.
            &top["base_resp"],
        ];
        let is_it = |value: &&Value| value.is_object() && value["status_code"] != 0;
        let core = inner.into_iter().find(is_it);
        Self {
            top,
            core: core.unwrap_or(top),
        }
    }

    /// The service's words for the error, such as `PERMISSION_DENIED` or `invalid_api_key`: the first one is shown.
    pub(super) fn codes(&self) -> impl Iterator<Item = &'a str> {
        let Self { top, core } = *self;
        // The most exact first: Google's `status` is its word, and the `type` of OpenAI's errors is a kind that many
        // have in common.
        let all = [
            &core["status"],
            &core["code"],
            &core["type"],
            &core["error"],
            &top["error"],
        ];
        all.into_iter()
            .filter_map(Value::as_str)
            .filter(|text| is_word(text))
    }

    /// Google's finer word, such as `SERVICE_DISABLED`; empty where there is none.
    pub(super) fn reason(&self) -> &'a str {
        self.detail("reason").unwrap_or_default()
    }

    /// The explanation for people; empty where there is none.
    pub(super) fn message(&self) -> String {
        explanation(self.core)
    }

    /// The field of the request that is wrong; empty where the body does not tell.
    pub(super) fn param(&self) -> &'a str {
        self.core["param"].as_str().unwrap_or_default()
    }

    /// Google's `RetryInfo`.
    pub(super) fn retry_delay(&self) -> Option<&'a str> {
        self.detail("retryDelay")
    }

    /// The limits that were reached, in Google's words for them, and their values.
    pub(super) fn limits(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let text = |value: &'a Value| value.as_str().unwrap_or_default();
        self.details().iter().flat_map(move |detail| {
            let metadata = &detail["metadata"];
            let told = (
                text(&metadata["quota_limit"]),
                text(&metadata["quota_limit_value"]),
            );
            let violations = detail["violations"].as_array();
            let violations = violations.map(Vec::as_slice).unwrap_or_default();
            let broken = violations
                .iter()
                .map(move |one| (text(&one["quotaId"]), text(&one["quotaValue"])));
            broken.chain([told])
        })
    }

    /// Whether a limit of Google's was reached, whichever it was.
    pub(super) fn is_quota_failure(&self) -> bool {
        let is_it = |name: &str| name.ends_with("QuotaFailure");
        let mut kinds = self.details().iter().map(|detail| &detail["@type"]);
        kinds.any(|kind| kind.as_str().is_some_and(is_it))
    }

    fn details(&self) -> &'a [Value] {
        let details = self.core["details"].as_array();
        details.map(Vec::as_slice).unwrap_or_default()
    }

    fn detail(&self, name: &str) -> Option<&'a str> {
        self.details()
            .iter()
            .find_map(|detail| detail[name].as_str())
    }

    fn is_error(&self) -> bool {
        let top = self.top;
        let is_there = |value: &Value| match value {
            Value::String(text) => !text.is_empty(),
            Value::Object(members) => !members.is_empty(),
            Value::Array(values) => !values.is_empty(),
            _ => false,
        };
        let is_named = |name: &str| top[name] == "error";
        let is_answer = ANSWERS.iter().any(|name| top.get(name).is_some());
        let mut texts = ["message", "msg"]
            .into_iter()
            .filter_map(|end| field(top, end));
        // An answer has no filled `error`, and is not named so. A `detail` or `message` may stand in one, so there the
        // fields of an answer decide.
        is_there(&top["error"])
            || is_there(&top["choices"][0]["error"])
            || top["base_resp"]["status_code"]
                .as_u64()
                .is_some_and(|code| code != 0)
            || is_named("object")
            || is_named("type")
            || !is_answer
                && (is_there(&top["detail"])
                    || is_there(&top["errors"])
                    || texts.any(Value::is_string))
    }

    fn status(&self) -> Option<u16> {
        let numbers = [
            &self.core["code"],
            &self.core["status"],
            &self.core["status_code"],
            &self.top["code"],
            &self.top["status"],
        ];
        numbers.into_iter().find_map(number)
    }
}

/// The status of the error that a body is in which an answer was expected, if it is one. A status that it does not tell
/// follows from its words, and is 500 otherwise.
pub(crate) fn status_in(json: &Value) -> Option<u16> {
    let body = Body::new(json);
    if !body.is_error() {
        return None;
    }
    let named = || {
        let by_word = |code: &str| {
            WORDS
                .iter()
                .find(|(word, _)| code.eq_ignore_ascii_case(word))
        };
        body.codes().find_map(by_word).map(|(_, status)| *status)
    };
    let by_phrase = || is_refusal(&body.message()).then_some(BAD_REQUEST);
    let status = body.status().or_else(named).or_else(by_phrase);
    Some(status.unwrap_or(INTERNAL_SERVER_ERROR))
}

/// The status that a number, or a text that is one, stands for.
fn number(value: &Value) -> Option<u16> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_u64().and_then(|number| u16::try_from(number).ok()),
    };
    // gRPC's codes (0 to 16) and a server's own numbers are no HTTP status.
    number.filter(|status| (400..600).contains(status))
}

/// The text in `value` that explains an error.
fn explanation(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            let named = EXPLAIN.iter().filter_map(|end| field(value, end));
            let mut texts = named.map(explanation).filter(|text| !text.is_empty());
            let lists = members.iter().filter(|(_, told)| told.is_array());
            let lists = lists.map(|(name, told)| (name, explanation(told)));
            let lists = lists.filter(|(_, told)| !told.is_empty());
            let lists = lists.map(|(name, told)| format!("{name}: {told}"));
            let of_lists = || lists.take(MAX_VIOLATIONS).collect::<Vec<_>>().join(", ");
            texts.next().unwrap_or_else(of_lists)
        }
        Value::Array(all) => {
            let all = all.iter().map(violation).filter(|told| !told.is_empty());
            all.take(MAX_VIOLATIONS).collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    }
}

/// The field whose name ends so, however its words are joined: `error_msg`, `errorMessage` and `Message`. The shortest
/// name is the nearest one: a `debug_message` stands beside the `message`.
fn field<'a>(value: &'a Value, end: &str) -> Option<&'a Value> {
    let members = value.as_object()?.iter();
    let named =
        members.filter(|(name, told)| !told.is_null() && name.to_ascii_lowercase().ends_with(end));
    let nearest = named.min_by_key(|(name, _)| name.len());
    nearest.map(|(_, told)| told)
}

/// The name of a wrong field of the request, and what is wrong with it.
fn violation(value: &Value) -> String {
    let place = value["loc"]
        .as_array()
        .and_then(|path| path.last()?.as_str());
    match place {
        Some(place) => format!("{place}: {}", explanation(value)),
        None => explanation(value),
    }
}

fn is_word(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let has_letter = text.contains(|c: char| c.is_ascii_alphabetic());
    // Servers in Python write `None` where a word was not set.
    has_letter && text != "None" && text.chars().all(is_part)
}

/// How the names of the fields end that may hold an explanation, the best first.
const EXPLAIN: [&str; 7] = [
    "message",
    "description",
    "msg",
    "detail",
    "error",
    "errors",
    "title",
];

/// The fields of answers, beside which a `message` or `detail` is no error.
const ANSWERS: [&str; 7] = [
    "choices",
    "candidates",
    "text",
    "results",
    "data",
    "models",
    "audioContent",
];

/// The status that stands for a word where an error tells none.
const WORDS: [(&str, u16); 21] = [
    ("invalid_argument", 400),
    ("failed_precondition", 400),
    ("invalid_request_error", 400),
    ("badrequesterror", 400),
    ("unauthenticated", 401),
    ("invalid_api_key", 401),
    ("authentication_error", 401),
    ("insufficient_credits", 402),
    ("budget_exceeded", 402),
    ("permission_denied", 403),
    ("permission_error", 403),
    ("not_found", 404),
    ("not_found_error", 404),
    ("model_not_found", 404),
    ("resource_exhausted", 429),
    ("rate_limit_exceeded", 429),
    ("rate_limit_error", 429),
    ("rate_limited", 429),
    ("insufficient_quota", 429),
    ("unavailable", 503),
    ("overloaded_error", 503),
];

const BAD_REQUEST: u16 = 400;
const INTERNAL_SERVER_ERROR: u16 = 500;

/// The number of wrong values that are told.
const MAX_VIOLATIONS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_in_place_of_an_answer_is_known_and_has_a_status() {
        let table = [
            (
                r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#,
                Some(429),
            ),
            (r#"[{"error":{"code":503}}]"#, Some(503)),
            (
                r#"{"error":{"message":"x","code":"rate_limit_exceeded"}}"#,
                Some(429),
            ),
            (r#"{"error":{"message":"x","code":"502"}}"#, Some(502)),
            (r#"{"error":{"message":"x","code":null}}"#, Some(500)),
            (r#"{"error":"model is overloaded"}"#, Some(500)),
            (
                r#"{"object":"error","message":"x","type":"BadRequestError","code":400}"#,
                Some(400),
            ),
            (
                r#"{"object":"error","message":"x","type":"BadRequestError"}"#,
                Some(400),
            ),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
                Some(503),
            ),
            (r#"{"message":"x"}"#, Some(500)),
            (r#"{"detail":"x"}"#, Some(500)),
            (
                r#"{"detail":{"error":"not_found","message":"x"}}"#,
                Some(404),
            ),
            (
                r#"{"detail":[{"loc":["body","voice"],"msg":"x"}]}"#,
                Some(500),
            ),
            (
                r#"{"errors":[{"message":"x","code":7}],"success":false}"#,
                Some(500),
            ),
            (
                r#"{"choices":[{"error":{"code":502,"message":"x"},"finish_reason":"error"}]}"#,
                Some(502),
            ),
            (
                r#"{"choices":null,"base_resp":{"status_code":1000,"status_msg":"x"}}"#,
                Some(500),
            ),
            (
                r#"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#,
                Some(400),
            ),
            (
                r#"{"choices":[{"delta":{}}],"base_resp":{"status_code":0,"status_msg":"success"}}"#,
                None,
            ),
            (r#"{"error_code":17,"error_msg":"x"}"#, Some(500)),
            (r#"{"Message":"x"}"#, Some(500)),
            (r#"{"errors":{"model":["x"]}}"#, Some(500)),
            (r#"{"error":null,"choices":[]}"#, None),
            (r#"{"choices":[{"error":null}]}"#, None),
            (r#"{"error":"","text":"yes"}"#, None),
            (r#"{"error":{},"text":"yes"}"#, None),
            (r#"{"choices":[],"message":"x"}"#, None),
            (r#"{"message":{"role":"assistant"}}"#, None),
            (r#"{"type":"ping"}"#, None),
            ("{}", None),
            ("7", None),
        ];
        for (body, expected) in table {
            let json = serde_json::from_str(body).expect(body);
            assert_eq!(status_in(&json), expected, "{body}");
        }
    }
}
