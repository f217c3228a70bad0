//! Addresses of services: which may be named, and what of a pasted one all paths of its service begin with.

use std::net::IpAddr;

use super::private::is_private;
use crate::sys::authority::{self, host_of};
use crate::sys::pasted;

/// Returns an address as it is used: without what pasting has put around it, its scheme and host in small letters.
///
/// # Errors
/// What it has that it must not have, to follow "found". It quotes nothing but the host: a password may stand in it.
pub(super) fn checked(text: &str, may_be_private: bool) -> Result<String, String> {
    let text = pasted::unwrapped(text);
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("no https:// at its beginning".to_owned());
    };
    let scheme = scheme.to_ascii_lowercase();
    let host = host_of(rest);
    if let Some(fault) = fault_of_place(rest) {
        return Err(fault);
    }
    match scheme.as_str() {
        "http" if !may_be_private => {
            return Err("http://, which does not protect what is sent: write https://".to_owned());
        }
        "http" if !may_lead_inside(host) => {
            return Err(format!(
                "http:// to {host}, which is on the internet: write https://"
            ));
        }
        "http" | "https" => {}
        "ws" | "wss" => return Err("the scheme of a web socket: write https://".to_owned()),
        _ => return Err("another scheme: write https://".to_owned()),
    }
    let path = &rest[host.len()..];
    // A dot at the end, which ends a name for a name server, fits no certificate and no hosts file.
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    Ok(format!("{scheme}://{host}{path}"))
}

/// Whether it is an address with TLS: keys travel to these, so nothing else will do.
pub(crate) fn is_https(address: &str) -> bool {
    let place = address.strip_prefix("https://");
    place.is_some_and(|place| fault_of_place(place).is_none())
}

/// Returns what all paths of a service begin with.
///
/// Of a server that speaks OpenAI's API that is what other programs take too: the whole path with its version, if it
/// has one, and `/v1` where only the host is named. A pasted address may go on with the path of one request; what is
/// left before it is whole, even where nothing is left. Google's requests bring their version along.
pub(super) fn base_of(address: &str, speaks_openai: bool) -> String {
    let address = address.trim_end_matches('/');
    if !speaks_openai {
        return before_version(address).to_owned();
    }
    for (request, version) in REQUESTS {
        if let Some(base) = address.strip_suffix(request) {
            return format!("{}{version}", base.trim_end_matches('/'));
        }
    }
    let place = address.split_once("://").map_or(address, |(_, rest)| rest);
    if place.contains('/') || UNVERSIONED.contains(&host_of(place)) {
        address.to_owned()
    } else {
        format!("{address}{OPENAI_VERSION}")
    }
}

/// Returns the beginning of an address that has no path: scheme, host and port.
pub(super) fn origin_of(address: &str) -> &str {
    let place = address.find("://").map_or(0, |at| at + "://".len());
    let end = address[place..].find('/');
    end.map_or(address, |end| &address[..place + end])
}

/// Cuts `/v1beta/models/…` off, and whatever else Google's documents show behind a version.
fn before_version(address: &str) -> &str {
    let versions = address.match_indices("/v1").filter(|(at, _)| {
        let version = address[at + 1..].split('/').next().unwrap_or_default();
        let (_, rest) = address[at + 1..].split_once('/').unwrap_or_default();
        let is_version = ["v1", "v1beta", "v1beta1", "v1alpha", "v1p1beta1"].contains(&version);
        let is_known = GOOGLE_REQUESTS.iter().any(|known| rest.starts_with(known));
        let is_path = *at > "https:/".len();
        is_path && is_version && (rest.is_empty() || is_known)
    });
    // The path of a proxy in front may have a version of its own, so the last one is Google's.
    versions.last().map_or(address, |(at, _)| &address[..at])
}

/// What is wrong with the part of an address that follows `://`.
fn fault_of_place(rest: &str) -> Option<String> {
    if rest.contains('@') {
        return Some("@ in it: a name and a password do not belong there".to_owned());
    }
    if rest.starts_with("http://") || rest.starts_with("https://") {
        return Some("its beginning twice: write https:// once".to_owned());
    }
    if let Some(mark) = rest.chars().find(|c| matches!(c, '?' | '#')) {
        return Some(format!("{mark} in it: leave that out, and what follows it"));
    }
    if rest.chars().any(char::is_whitespace) {
        return Some("a blank in it".to_owned());
    }
    let odd = |c: &char| !c.is_ascii_graphic() || matches!(c, '\\' | '"');
    let Some(odd) = rest.chars().find(odd) else {
        return authority::fault(rest);
    };
    Some(match pasted::description(odd) {
        Some(described) => format!("{described}, in it"),
        None => "a character that addresses cannot have".to_owned(),
    })
}

/// Whether a host may be private, since a private network carries requests to no stranger. Whether a name leads into
/// one is seen when it is looked up.
fn may_lead_inside(host: &str) -> bool {
    let host = host.trim_matches(['[', ']', '.']);
    host.parse()
        .map_or(true, |address: IpAddr| is_private(address))
}

/// What OpenAI's own paths begin with, and those of most others.
const OPENAI_VERSION: &str = "/v1";

/// Hosts whose paths begin with nothing: <https://docs.perplexity.ai/api-reference/chat-completions-post>.
const UNVERSIONED: [&str; 1] = ["api.perplexity.ai"];

/// How the addresses of single requests end, and what OpenAI's paths have there:
/// <https://platform.openai.com/docs/api-reference>. Ollama's own requests stand beside `/v1`:
/// <https://docs.ollama.com/api/openai-compatibility>.
const REQUESTS: [(&str, &str); 12] = [
    ("/chat/completions", ""),
    ("/audio/transcriptions", ""),
    ("/audio/translations", ""),
    ("/audio/speech", ""),
    ("/responses", ""),
    ("/models", ""),
    ("/v1/completions", OPENAI_VERSION),
    ("/v1/chat", OPENAI_VERSION),
    ("/v1/audio", OPENAI_VERSION),
    ("/api/chat", OPENAI_VERSION),
    ("/api/generate", OPENAI_VERSION),
    ("/api/tags", OPENAI_VERSION),
];

/// How those of Google's services go on behind their version.
const GOOGLE_REQUESTS: [&str; 5] = ["models", "openai", "speech:", "text:", "voices"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_is_pasted() {
        let table = [
            ("https://host", "https://host"),
            (" https://host/v1/ \n", "https://host/v1/"),
            (
                "HTTPS://API.Host.Example/Path",
                "https://api.host.example/Path",
            ),
            ("\"https://host\"", "https://host"),
            ("<https://host>", "https://host"),
            ("\u{200b}https://host\u{a0}", "https://host"),
            ("https://host:8443/v1", "https://host:8443/v1"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("HTTP://LocalHost:8000", "http://localhost:8000"),
            ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
            ("http://[FD00::1]", "http://[fd00::1]"),
            (
                "http://100.101.102.103:11434",
                "http://100.101.102.103:11434",
            ),
            ("http://0.0.0.0:11434", "http://0.0.0.0:11434"),
            ("http://whisper_server:9000", "http://whisper_server:9000"),
            ("http://localhost.:9000", "http://localhost:9000"),
            (
                "https://xn--bcher-kva.example:65535",
                "https://xn--bcher-kva.example:65535",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(checked(text, true).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_an_address_must_not_have_is_named_and_no_password_is_shown() {
        let table = [
            ("", "no https://"),
            ("host.example/v1", "no https://"),
            ("localhost:8000", "no https://"),
            ("https:/host", "no https://"),
            ("https://", "no host"),
            ("https:///v1", "no host"),
            ("https://:443/v1", "no host"),
            ("ws://host", "web socket"),
            ("ftp://host", "another scheme"),
            ("https://user:secret@host", "@ in it"),
            ("https://host/v1?key=secret", "? in it"),
            ("https://host?key=secret", "? in it"),
            ("https://host/#secret", "# in it"),
            ("https://host /v1", "a blank"),
            (
                "https://host/v1\u{200b}/x",
                "U+200B, an invisible character",
            ),
            ("https://host/v1–2", "U+2013, a typographic dash"),
            ("https://hüst", "a character that addresses cannot have"),
            ("https://host\\v1", "a character that addresses cannot have"),
            ("http://127.0.0.1:99999", "no port from 1 to 65535"),
            ("http://127.0.0.1:80a", "no port from 1 to 65535"),
            ("http://127.0.0.1:", "no port from 1 to 65535"),
            ("http://fd00::1:8000", "an IPv6 address without brackets"),
            ("https://[x](https://x)", "brackets around no IPv6"),
            ("http://192.168.1.5,", ", in its host"),
            ("http://::1:8000", "an IPv6 address without brackets"),
            ("https://https://host/v1", "https:// once"),
            (
                "http://203.0.113.5:8000",
                "http:// to 203.0.113.5, which is on the internet",
            ),
            ("http://[2001:db8::1]", "which is on the internet"),
            ("http://203.0.113.5.", "which is on the internet"),
            ("http://100.128.0.1", "which is on the internet"),
        ];
        for (text, expected) in table {
            let found = checked(text, true).expect_err(text);
            assert!(found.contains(expected), "{text:?}: {found:?}");
            assert!(!found.contains("secret"), "{text:?}: {found:?}");
        }
        let found = checked("http://127.0.0.1", false).expect_err("a key would travel");
        assert!(found.contains("does not protect"), "{found:?}");
    }

    #[test]
    fn the_path_of_a_server_of_openais_kind_is_taken_whole() {
        let table = [
            ("https://api.openai.com", "https://api.openai.com/v1"),
            ("https://api.openai.com/", "https://api.openai.com/v1"),
            ("https://api.openai.com/v1", "https://api.openai.com/v1"),
            ("https://api.openai.com/v1//", "https://api.openai.com/v1"),
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
            ("http://[::1]:8000", "http://[::1]:8000/v1"),
            // OpenRouter, Open WebUI, Groq, Gemini, DeepInfra, Zhipu, Ark.
            ("https://host/api/v1", "https://host/api/v1"),
            ("https://host/openai/v1/", "https://host/openai/v1"),
            ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
            ("https://host/v1/openai", "https://host/v1/openai"),
            ("https://host/api/paas/v4", "https://host/api/paas/v4"),
            ("https://host/api/v3", "https://host/api/v3"),
            // GitHub's models have a path without a version.
            ("https://host/inference", "https://host/inference"),
            ("https://api.perplexity.ai", "https://api.perplexity.ai"),
            // The address of one request.
            ("https://host/v1/chat/completions", "https://host/v1"),
            (
                "https://host/api/v3/chat/completions/",
                "https://host/api/v3",
            ),
            ("https://host/v1/audio/speech", "https://host/v1"),
            ("https://host/v1/audio/transcriptions", "https://host/v1"),
            ("https://host/v1/models", "https://host/v1"),
            ("https://host/chat/completions", "https://host"),
            ("https://host/v1/audio/translations", "https://host/v1"),
            ("https://host/v1/completions", "https://host/v1"),
            ("https://host/v1/chat", "https://host/v1"),
            ("https://host/v1/audio/", "https://host/v1"),
            // Requests of Ollama's own API, beside which OpenAI's has its place.
            ("http://host:11434/api/chat", "http://host:11434/v1"),
            ("http://host:11434/api/generate", "http://host:11434/v1"),
            ("https://host/ollama/api/tags", "https://host/ollama/v1"),
            // A relay may be called so.
            ("https://host/chat", "https://host/chat"),
            ("https://host/api", "https://host/api"),
        ];
        for (address, expected) in table {
            assert_eq!(base_of(address, true), expected, "{address}");
        }
    }

    #[test]
    fn the_origin_of_an_address_has_no_path() {
        for (address, expected) in [
            ("https://host:1/v1", "https://host:1"),
            ("http://[::1]:1/a/b", "http://[::1]:1"),
            ("https://host", "https://host"),
        ] {
            assert_eq!(origin_of(address), expected);
        }
    }

    #[test]
    fn googles_version_is_not_said_twice() {
        let table = [
            (
                "https://speech.googleapis.com",
                "https://speech.googleapis.com",
            ),
            (
                "https://speech.googleapis.com/v1/",
                "https://speech.googleapis.com",
            ),
            ("https://host/v1/speech:recognize", "https://host"),
            ("https://host/v1/text:synthesize", "https://host"),
            ("https://host/v1beta", "https://host"),
            (
                "https://host/v1beta/models/x:generateContent",
                "https://host",
            ),
            ("https://host/v1beta/openai", "https://host"),
            (
                "https://relay.example/gemini/v1beta",
                "https://relay.example/gemini",
            ),
            (
                "https://relay.example/v1/gemini",
                "https://relay.example/v1/gemini",
            ),
            ("https://relay.example/v10", "https://relay.example/v10"),
        ];
        for (address, expected) in table {
            assert_eq!(base_of(address, false), expected, "{address}");
        }
    }
}
