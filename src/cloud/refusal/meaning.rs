//! What a refusal means beyond its status: what is used up, refused or wrong, as the service's words tell it.

use super::body::Body;
use crate::cloud::service::Service;

/// The meaning of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// What its status says.
    Status,
    /// A quota that comes back at midnight in California, as all of Google's per day do.
    DayQuota,
    /// A limit for any 24 hours.
    DayLimit,
    /// A quota of nothing: the model is not for this account.
    NoQuota,
    /// Credit that is used up.
    NoCredit,
    /// Billing that is not active.
    NoBilling,
    /// A country that the service does not serve.
    Region,
    /// A country in which the service is not free.
    FreeRegion,
    /// A key that the service does not know.
    UnknownKey,
    /// A key whose time is over.
    ExpiredKey,
    /// A key that was blocked because strangers can read it.
    LeakedKey,
    /// A key for other APIs.
    KeyOfOtherApis,
    /// A key for other addresses of the internet.
    KeyOfOtherAddresses,
    /// An account that is closed.
    Suspended,
    /// An organisation that has not proved who it is.
    Unverified,
    /// A model that is not for this project.
    ModelDenied,
    /// An API that is switched off in the project.
    ApiOff,
    /// A service account's key that was deleted, or a wrong clock.
    InvalidGrant,
    /// A question that the service will not answer.
    Content,
    /// A page in place of the service.
    Page,
}

impl Meaning {
    /// The meaning of a refusal with this `status`, `body` and `message`.
    pub(super) fn of(status: u16, body: &Body<'_>, message: &str) -> Self {
        let mut words = body.codes().chain([body.reason()]);
        let by_word = words.find_map(|word| of(WORDS, |known| word == known));
        let message = message.to_lowercase();
        let by_phrase = || of(PHRASES, |phrase| message.contains(phrase));
        // Words are a service's own and exact, while phrases are a guess at its wording: so phrases come last, and only
        // for what is refused.
        let refuses = (400..500).contains(&status);
        by_word
            .or_else(|| Self::of_quota(status, body, &message))
            .or_else(|| by_phrase().filter(|_| refuses))
            .unwrap_or(match status {
                401 => Self::UnknownKey,
                402 => Self::NoCredit,
                // Gemini answers 400, and not 401, to a wrong key.
                400 if body.reason().starts_with("API_KEY_") => Self::UnknownKey,
                _ => Self::Status,
            })
    }

    /// The quota that is used up, if it is none of a minute. Google's per-day limits tell a wait of seconds, like those
    /// per minute.
    fn of_quota(status: u16, body: &Body<'_>, message: &str) -> Option<Self> {
        if status != 429 {
            return None;
        }
        let is_zero = |(at, found): (usize, &str)| {
            let after = &message[at + found.len()..];
            // `limit: 0.5` begins like `limit: 0` and is no quota of nothing.
            !after.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        };
        let is_nothing = body.limits().any(|(_, value)| value == "0")
            || message.match_indices("limit: 0").any(is_zero);
        let is_of_a_day = body.limits().any(|(name, _)| name.contains("PerDay"));
        match (is_nothing, is_of_a_day) {
            (true, _) => Some(Self::NoQuota),
            (false, true) => Some(Self::DayQuota),
            _ if of(DAYS, |phrase| message.contains(phrase)).is_some() => Some(Self::DayLimit),
            // A limit per minute names the moment to come back.
            _ if body.is_quota_failure() && body.retry_delay().is_none() => Some(Self::NoCredit),
            _ => None,
        }
    }

    /// The remedy, for an administrator; `None` where it follows from the status. It is one clause.
    pub(super) fn remedy(self, Service { settings, key, .. }: Service) -> Option<String> {
        Some(match self {
            Self::Status => return None,
            Self::DayQuota | Self::DayLimit => {
                "the quota of a day is used up: it comes back by itself, and the account's billing page may offer more"
                    .to_owned()
            }
            Self::NoQuota => format!(
                "this account has no quota for the model: enable billing on its billing page, or choose another model in {settings}"
            ),
            Self::NoCredit => {
                "the account has no credit or quota left: see its billing page".to_owned()
            }
            Self::NoBilling => {
                "the account or project needs active billing: see its billing page".to_owned()
            }
            Self::Region => "nothing is wrong with key or settings, but the service is not offered where this machine's requests come from: check where [http] proxy or a VPN leads them, or choose another provider".to_owned(),
            Self::FreeRegion => {
                "where this machine's requests come from, the service is not free: enable billing on the account's billing page".to_owned()
            }
            Self::UnknownKey => format!("check the key: {key}"),
            Self::ExpiredKey => format!("the key has expired: make a new one for {key}"),
            Self::LeakedKey => {
                format!("the key was found where strangers can read it: make a new one for {key}")
            }
            Self::KeyOfOtherApis => format!(
                "the key ({key}) is restricted to other APIs: allow this one where the key was made"
            ),
            Self::KeyOfOtherAddresses => format!(
                "the key ({key}) is restricted to other addresses: allow this machine's public address where the key was made"
            ),
            Self::Suspended => {
                "the account is closed or suspended: see the mail that the service has sent".to_owned()
            }
            Self::Unverified => format!(
                "the account's organization is not verified: verify it on the account's page, or choose another model in {settings}"
            ),
            Self::ModelDenied => format!(
                "the key's project may not use this model: allow it on the account's page, or choose another model in {settings}"
            ),
            Self::ApiOff => {
                "switch this API on for the project of the service account, in Google Cloud's console".to_owned()
            }
            Self::InvalidGrant => {
                "the key may have been deleted: make a new one in Google Cloud's console, and check the clock".to_owned()
            }
            Self::Content => {
                "the service will not answer this question; nothing is wrong with the settings"
                    .to_owned()
            }
            Self::Page => format!(
                "a web page came in place of the service, which blocks this machine: check its firewall and proxy, and base_url in {settings}"
            ),
        })
    }
}

/// Whether a message says by itself that the request is refused.
pub(super) fn is_refusal(message: &str) -> bool {
    let message = message.to_lowercase();
    of(PHRASES, |phrase| message.contains(phrase)).is_some()
}

fn of(table: &[(&str, Meaning)], is_it: impl Fn(&str) -> bool) -> Option<Meaning> {
    let row = table.iter().find(|(known, _)| is_it(known));
    row.map(|(_, meaning)| *meaning)
}

/// The meanings of services' own words for errors.
const WORDS: &[(&str, Meaning)] = &[
    ("insufficient_quota", Meaning::NoCredit),
    ("insufficient_credits", Meaning::NoCredit),
    ("billing_hard_limit_reached", Meaning::NoCredit),
    ("billing_not_active", Meaning::NoBilling),
    ("BILLING_DISABLED", Meaning::NoBilling),
    ("unsupported_country_region_territory", Meaning::Region),
    ("ip_not_authorized", Meaning::KeyOfOtherAddresses),
    ("API_KEY_IP_ADDRESS_BLOCKED", Meaning::KeyOfOtherAddresses),
    (
        "API_KEY_HTTP_REFERRER_BLOCKED",
        Meaning::KeyOfOtherAddresses,
    ),
    ("API_KEY_ANDROID_APP_BLOCKED", Meaning::KeyOfOtherAddresses),
    ("API_KEY_IOS_APP_BLOCKED", Meaning::KeyOfOtherAddresses),
    ("API_KEY_SERVICE_BLOCKED", Meaning::KeyOfOtherApis),
    ("account_deactivated", Meaning::Suspended),
    ("access_terminated", Meaning::Suspended),
    ("CONSUMER_SUSPENDED", Meaning::Suspended),
    ("SERVICE_DISABLED", Meaning::ApiOff),
    ("invalid_grant", Meaning::InvalidGrant),
    ("budget_exceeded", Meaning::NoCredit),
    ("content_filter", Meaning::Content),
    ("content_policy_violation", Meaning::Content),
];

/// The meanings of phrases in messages, in lower case, of services that have no word for them.
// The first that fits counts, so a phrase that holds another one stands before it.
const PHRASES: &[(&str, Meaning)] = &[
    (
        "free tier is not available in your country",
        Meaning::FreeRegion,
    ),
    ("location is not supported", Meaning::Region),
    (
        "country, region, or territory not supported",
        Meaning::Region,
    ),
    ("not available in your", Meaning::Region),
    ("check your network settings", Meaning::Region),
    ("api key expired", Meaning::ExpiredKey),
    ("key has expired", Meaning::ExpiredKey),
    ("reported as leaked", Meaning::LeakedKey),
    ("has been suspended", Meaning::Suspended),
    ("been denied access", Meaning::Suspended),
    ("organization has been disabled", Meaning::Suspended),
    ("must be verified", Meaning::Unverified),
    ("does not have access to model", Meaning::ModelDenied),
    ("account is not active", Meaning::NoBilling),
    ("requires billing", Meaning::NoBilling),
    ("insufficient balance", Meaning::NoCredit),
    ("account balance", Meaning::NoCredit),
    ("credit balance", Meaning::NoCredit),
    ("credit limit", Meaning::NoCredit),
    ("credits", Meaning::NoCredit),
    ("spending cap", Meaning::NoCredit),
    ("spending limit", Meaning::NoCredit),
    ("input was flagged", Meaning::Content),
];

/// The phrases by which messages name a limit of a day.
const DAYS: &[(&str, Meaning)] = &[
    ("per day", Meaning::DayLimit),
    ("per-day", Meaning::DayLimit),
    ("(rpd)", Meaning::DayLimit),
    ("(tpd)", Meaning::DayLimit),
];
