//! What services say when they refuse, and what administrators read.

use super::*;

const SERVICE: Service = Service {
    name: "Google Speech-to-Text",
    settings: "[stt.google]",
    key: "[google] credentials",
};

fn read(status: u16, body: &str) -> Refusal {
    Refusal::read(
        SERVICE,
        status,
        body.as_bytes(),
        &[Hidden::Secret("sk-secret")],
    )
}

#[test]
fn every_documented_shape_becomes_one_line_with_a_remedy() {
    let table = [
        (
            403,
            r#"{"error":{"code":403,"message":"Cloud Speech-to-Text API has not been used.","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}"#,
            "Google Speech-to-Text answered 403 PERMISSION_DENIED SERVICE_DISABLED: Cloud Speech-to-Text API has not been used; switch this API on for the project of the service account, in Google Cloud's console",
        ),
        (
            404,
            r#"[{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}]"#,
            "Google Speech-to-Text answered 404 NOT_FOUND: models/x is not found; check model and base_url in [stt.google]: models are retired now and then",
        ),
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-secret.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            "Google Speech-to-Text answered 401 invalid_api_key: Incorrect API key provided: [redacted]; check the key: [google] credentials",
        ),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":null}}"#,
            "Google Speech-to-Text answered 429 insufficient_quota: You exceeded your current quota; the account has no credit or quota left: see its billing page",
        ),
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#,
            "Google Speech-to-Text answered 400 invalid_grant: Invalid JWT Signature; the key may have been deleted: make a new one in Google Cloud's console, and check the clock",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}"#,
            "Google Speech-to-Text answered 400 INVALID_ARGUMENT API_KEY_INVALID: API key not valid. Please pass a valid API key; check the key: [google] credentials",
        ),
        (
            422,
            r#"{"detail":"unknown\nvoice"}"#,
            "Google Speech-to-Text answered 422: unknown voice; check the values in [stt.google]",
        ),
        (
            422,
            "\u{feff}{\"detail\":\"unknown voice\"}",
            "Google Speech-to-Text answered 422: unknown voice; check the values in [stt.google]",
        ),
        (
            502,
            "<html>Bad Gateway</html>",
            "Google Speech-to-Text answered 502; the service itself has trouble, which usually passes",
        ),
        (
            500,
            "",
            "Google Speech-to-Text answered 500; the service itself has trouble, which usually passes",
        ),
    ];
    for (status, body, expected) in table {
        assert_eq!(read(status, body).to_string(), expected);
    }
}

#[test]
fn the_field_with_the_nearest_name_is_the_explanation() {
    let table = [
        (
            r#"{"debug_message":"at line 7","message":"model is overloaded"}"#,
            "model is overloaded",
        ),
        (r#"{"errorMessage":null,"message":"x"}"#, "x"),
        (r#"{"errors":[{},{}]}"#, ""),
        (r#"{"detail":[{},{}]}"#, ""),
        (r#"{"detail":[{},{"msg":"y"}]}"#, "y"),
        (
            r#"{"errors":{"voice":[],"speed":["is too high"]}}"#,
            "speed: is too high",
        ),
    ];
    for (body, expected) in table {
        assert_eq!(read(400, body).message, expected, "{body}");
    }
}

/// A refusal of Google's with this status, reason and message.
fn google(status: &str, reason: &str, message: &str) -> String {
    format!(
        r#"{{"error":{{"status":"{status}","message":"{message}","details":[{{"reason":"{reason}"}}]}}}}"#
    )
}

/// A refusal of OpenAI's with this code and message.
fn openai(code: &str, message: &str) -> String {
    format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#)
}

/// Each refusal is told with a remedy that has these words. It is not worth a second try.
#[track_caller]
fn assert_told<const N: usize>(table: [(u16, String, &str); N]) {
    for (status, body, part) in table {
        let told = read(status, &body);
        assert!(told.to_string().contains(part), "{told}");
        assert!(!told.is_transient(), "{told}");
    }
}

#[test]
fn what_is_used_up_is_told_with_its_own_remedy() {
    let quota = |id: &str, value: &str| {
        format!(
            r#"{{"error":{{"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded, limit: {value}, model: m","details":[{{"@type":"x/QuotaFailure","violations":[{{"quotaId":"{id}"}}]}},{{"retryDelay":"43s"}}]}}}}"#
        )
    };
    let none = google("RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "limit: 0");
    let spent = |message| google("RESOURCE_EXHAUSTED", "", message);
    let day = "on requests per day (RPD): Limit 200. Please try again in 7m12s.";
    assert_told([
        (
            429,
            quota("RequestsPerDay", "250"),
            "the quota of a day is used up",
        ),
        (429, quota("RequestsPerMinute", "15"), "too many requests"),
        (
            429,
            quota("RequestsPerDay", "0"),
            "has no quota for the model",
        ),
        (429, none, "has no quota for the model"),
        (
            429,
            openai("rate_limit_exceeded", day),
            "the quota of a day is used up",
        ),
        (429, openai("billing_not_active", "x"), "active billing"),
        (
            400,
            openai("billing_hard_limit_reached", "x"),
            "no credit or quota",
        ),
        (
            402,
            openai("", "Insufficient Balance"),
            "no credit or quota",
        ),
        (402, String::new(), "no credit or quota"),
        (
            429,
            spent("Your prepayment credits are depleted. See the page of billing."),
            "no credit or quota",
        ),
        (
            429,
            spent("Your project has exceeded its monthly spending cap."),
            "no credit or quota",
        ),
        (
            403,
            openai("", "Your team doesn't have any credits or licenses yet."),
            "no credit or quota",
        ),
        (
            429,
            openai("", "Your account balance is not enough"),
            "no credit or quota",
        ),
        (
            403,
            google(
                "PERMISSION_DENIED",
                "",
                "This API method requires billing to be enabled.",
            ),
            "active billing",
        ),
        (
            403,
            google("PERMISSION_DENIED", "BILLING_DISABLED", "x"),
            "active billing",
        ),
    ]);
}

#[test]
fn what_is_refused_or_closed_is_told_with_its_own_remedy() {
    let precondition = |message| google("FAILED_PRECONDITION", "", message);
    let argument = |reason, message| google("INVALID_ARGUMENT", reason, message);
    let denied = |reason, message| google("PERMISSION_DENIED", reason, message);
    let no_model = |message| openai("model_not_found", message);
    assert_told([
        (
            400,
            precondition("User location is not supported for the API use."),
            "is not offered where",
        ),
        (
            400,
            precondition("Gemini API free tier is not available in your country."),
            "enable billing",
        ),
        (
            400,
            argument(
                "API_KEY_INVALID",
                "API key expired. Please renew the API key.",
            ),
            "the key has expired",
        ),
        (403, denied("API_KEY_SERVICE_BLOCKED", "x"), "to other APIs"),
        (
            403,
            denied("API_KEY_IP_ADDRESS_BLOCKED", "x"),
            "this machine's public address",
        ),
        (
            403,
            denied("", "Your API key was reported as leaked."),
            "strangers can read it",
        ),
        (
            403,
            denied("CONSUMER_SUSPENDED", "x"),
            "closed or suspended",
        ),
        (403, denied("", "x"), "check its permissions"),
        (
            403,
            denied("", "Your project has been denied access."),
            "closed or suspended",
        ),
        (
            400,
            openai("", "This organization has been disabled."),
            "closed or suspended",
        ),
        (
            403,
            openai("", "Access denied. Please check your network settings."),
            "is not offered where",
        ),
        (
            403,
            openai("", "The model is not available in your location."),
            "is not offered where",
        ),
        (
            403,
            openai("unsupported_country_region_territory", "x"),
            "is not offered where",
        ),
        (
            401,
            openai("ip_not_authorized", "x"),
            "this machine's public address",
        ),
        (
            403,
            no_model("Project `p` does not have access to model `m`"),
            "may not use this model",
        ),
        (
            404,
            no_model("Your organization must be verified to use the model"),
            "is not verified",
        ),
        (
            401,
            openai("account_deactivated", "x"),
            "closed or suspended",
        ),
        (
            403,
            "<html>Sorry, you have been blocked</html>".to_owned(),
            "a web page came",
        ),
        (403, String::new(), "check its permissions"),
        (501, String::new(), "the service cannot do this"),
    ]);
}

#[test]
fn the_explanation_is_found_in_every_shape() {
    let table = [
        (
            r#"{"error":{"message":"no such voice"}}"#,
            ": no such voice;",
        ),
        (r#"{"error":"no such voice"}"#, ": no such voice;"),
        (r#"{"detail":"no such voice"}"#, ": no such voice;"),
        (
            r#"{"detail":{"error":"bad_voice","message":"no such voice"}}"#,
            " bad_voice: no such voice;",
        ),
        (
            r#"{"detail":{"error":{"message":"no such voice"}}}"#,
            ": no such voice;",
        ),
        (
            r#"{"detail":[{"loc":["body","voice"],"msg":"no such voice","input":"x"}]}"#,
            ": voice: no such voice;",
        ),
        (r#"{"detail":["no such voice"]}"#, ": no such voice;"),
        (r#"{"message":"no such voice"}"#, ": no such voice;"),
        (
            r#"{"object":"error","message":"no such voice","type":"BadRequestError","param":null,"code":400}"#,
            " BadRequestError: no such voice;",
        ),
        (
            r#"{"errors":[{"code":7,"message":"no such voice"}]}"#,
            ": no such voice;",
        ),
        (r#"{"error":"invalid_scope"}"#, " invalid_scope;"),
        (
            r#"{"choices":[{"error":{"code":502,"message":"no such voice"}}]}"#,
            ": no such voice;",
        ),
        (
            r#"{"choices":null,"base_resp":{"status_code":2013,"status_msg":"no such voice"}}"#,
            ": no such voice;",
        ),
        (
            r#"{"error_code":336001,"error_msg":"no such voice"}"#,
            ": no such voice;",
        ),
        (
            r#"{"errors":{"voice":["no such voice"]}}"#,
            ": voice: no such voice;",
        ),
        (
            r#"{"title":"Wrong.","errors":{"voice":["no such voice","x"]}}"#,
            ": voice: no such voice, x;",
        ),
        (
            r#"{"type":"about:blank","title":"no such voice"}"#,
            ": no such voice;",
        ),
        (
            r#"{"title":"Wrong.","detail":"no such voice"}"#,
            ": no such voice;",
        ),
        (r#"{"Message":"no such voice"}"#, ": no such voice;"),
        (r#"{"errorMessage":"no such voice"}"#, ": no such voice;"),
    ];
    for (body, part) in table {
        let told = read(400, body).to_string();
        assert!(told.contains(&format!("answered 400{part}")), "{told}");
    }
}

#[test]
fn a_wait_is_read_in_the_words_of_a_message() {
    let table = [
        ("Please try again in 7m12s.", Some(432_000)),
        ("Please try again in 20s. Visit a page", Some(20_000)),
        ("Please try again in 86ms", Some(86)),
        ("Please retry in 25.465784708s.", Some(25_465)),
        ("try again in 1h2m3.5s,", Some(3_723_500)),
        ("Try again in 60 seconds.", Some(60_000)),
        ("Please retry after 24 seconds. Contact us", Some(24_000)),
        ("try again in a moment", None),
        ("try again in 7", None),
        ("try again in 7y", None),
        ("try again in ", None),
        ("try again", None),
    ];
    for (message, expected) in table {
        let wait = requested_wait(message).map(|wait| wait.as_millis());
        assert_eq!(wait, expected, "{message}");
    }
}

#[test]
fn only_what_passes_by_itself_is_worth_a_second_try() {
    let google_429 = |delay: &str| {
        format!(
            r#"{{"error":{{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{{"retryDelay":"{delay}"}}]}}}}"#
        )
    };
    let table = [
        (503, "", true),
        (500, "", true),
        (408, "", true),
        (429, "", true),
        (429, &google_429("1.5s"), true),
        (429, &google_429("2s"), true),
        (429, &google_429("23s"), false),
        (429, r#"{"error":{"code":"insufficient_quota"}}"#, false),
        (400, "", false),
        (401, "", false),
        (403, "", false),
        (404, "", false),
        (501, "", false),
    ];
    for (status, body, expected) in table {
        assert_eq!(
            read(status, body).is_transient(),
            expected,
            "{status} {body}"
        );
    }
}

#[test]
fn a_refused_kind_of_token_is_told_from_a_refused_key() {
    let body = |reason: &str| {
        format!(
            r#"{{"error":{{"code":401,"status":"UNAUTHENTICATED","details":[{{"reason":"{reason}"}}]}}}}"#
        )
    };
    assert!(read(401, &body("ACCESS_TOKEN_TYPE_UNSUPPORTED")).is_token_kind());
    assert!(read(403, &body("ACCESS_TOKEN_SCOPE_INSUFFICIENT")).is_token_kind());
    assert!(!read(401, &body("CREDENTIALS_MISSING")).is_token_kind());
    assert!(!read(400, &body("ACCESS_TOKEN_TYPE_UNSUPPORTED")).is_token_kind());
}

#[test]
fn a_long_message_is_cut() {
    let long = format!(r#"{{"detail":"{}"}}"#, "é".repeat(5000));
    assert_eq!(read(400, &long).message.chars().count(), MAX_MESSAGE);
}
