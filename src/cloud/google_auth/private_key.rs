//! The private key in a key file: PEM (<https://www.rfc-editor.org/rfc/rfc7468>) whose line breaks were lost, doubled or
//! spelt out on its way through shells, forms and environment variables.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::signature::RsaKeyPair;

/// Returns the DER of the RSA key in a PEM text.
///
/// # Errors
/// What is there instead, to follow "found".
pub(super) fn der_of(pem: &str) -> Result<Vec<u8>, &'static str> {
    // Environment variables and forms escape line breaks a second time, so that `\n` stands in the key as two
    // characters.
    let text = with_dashes(&pem.replace("\\r", "\n").replace("\\n", "\n"));
    let Some((_, rest)) = text.split_once("-----BEGIN ") else {
        // The base64 alone, if it is a key at all.
        let der = decoded(&text).filter(|der| key_pair(der).is_some());
        return der.ok_or("no PEM, which begins with -----BEGIN PRIVATE KEY-----");
    };
    let (label, rest) = rest.split_once("-----").unwrap_or_default();
    let (body, _) = rest
        .split_once("-----END")
        .ok_or("a key that is cut short: its last line is missing")?;
    match label {
        _ if label.contains("ENCRYPTED") || body.contains("ENCRYPTED") => {
            return Err("a key that a password protects");
        }
        "PRIVATE KEY" | "RSA PRIVATE KEY" => {}
        "CERTIFICATE" => return Err("a certificate"),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err("a public key"),
        _ => return Err("a key of another kind"),
    }
    let der =
        decoded(body).ok_or("a key with characters that are no base64, or with some missing")?;
    // Base64 that decodes may hold no key that can sign; found here it is an error about the file instead of one of
    // each call.
    match key_pair(&der) {
        Some(_) => Ok(der),
        None => Err("not an RSA key of 2048 bits or more"),
    }
}

/// Reads an RSA key out of PKCS #8, or PKCS #1, in which OpenSSL used to write keys.
pub(super) fn key_pair(der: &[u8]) -> Option<RsaKeyPair> {
    let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
    pair.ok()
}

/// Puts five hyphens in place of the dashes that word processors make of them.
fn with_dashes(text: &str) -> String {
    let mut straight = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !is_dash(c) => straight.push(c),
            _ if straight.ends_with('-') => {}
            _ => straight.push_str("-----"),
        }
    }
    straight
}

/// Whether it is a hyphen, or one of the dashes that look like it.
pub(super) fn is_dash(c: char) -> bool {
    matches!(c, '-' | '‐'..='―' | '−')
}

fn decoded(base64: &str) -> Option<Vec<u8>> {
    // Copies lose the padding and gain invisible characters; neither changes the key.
    let is_part = |c: &char| !c.is_whitespace() && !crate::sys::plain::is_unseen(*c);
    let compact: String = base64.chars().filter(is_part).collect();
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, config).decode(compact).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::BASE64_STANDARD;

    const KEY_FILE: &str = include_str!("../../../tests/data/throwaway-service-account.json");

    /// PEM of PKCS #8, in lines of 64 characters.
    fn pem() -> String {
        let json: serde_json::Value = serde_json::from_str(KEY_FILE).expect("JSON");
        json["private_key"].as_str().expect("a text").to_owned()
    }

    /// The key inside of its PKCS #8, behind the 26 bytes that say what it is.
    fn pkcs1() -> Vec<u8> {
        let pkcs8 = der_of(&pem()).expect("a key");
        pkcs8[26..].to_vec()
    }

    #[test]
    fn a_key_is_read_whatever_became_of_its_lines() {
        let pem = pem();
        let whole = der_of(&pem).expect("a key");
        let body = pem.lines().filter(|line| !line.starts_with('-'));
        let table = [
            ("no line break at the end", pem.trim_end().to_owned()),
            ("lines of Windows", pem.replace('\n', "\r\n")),
            ("line breaks spelt out", pem.replace('\n', "\\n")),
            ("those of Windows spelt out", pem.replace('\n', "\\r\\n")),
            ("both kinds", pem.replace('\n', "\\n\n")),
            ("blanks for line breaks", pem.replace('\n', " ")),
            ("no line breaks", pem.replace('\n', "")),
            ("indented", pem.replace('\n', "\n    ")),
            ("blanks at the ends of lines", pem.replace('\n', "  \n")),
            ("empty lines", pem.replace('\n', "\n\n")),
            ("no-break spaces", pem.replace('\n', "\n\u{a0}")),
            ("text around it", format!("Bag Attributes\n{pem}\nend")),
            ("no padding", pem.replace('=', "")),
            ("dashes of a word processor", pem.replace("-----", "—")),
            ("several of them", pem.replace("-----", "––-")),
            ("base64 alone", body.collect()),
        ];
        for (name, text) in table {
            assert_eq!(der_of(&text).as_ref(), Ok(&whole), "{name}");
        }
        let pkcs1 = pkcs1();
        let text = BASE64_STANDARD.encode(&pkcs1);
        let text =
            format!("-----BEGIN RSA PRIVATE KEY-----\n{text}\n-----END RSA PRIVATE KEY-----");
        assert_eq!(der_of(&text), Ok(pkcs1));
    }

    #[test]
    fn what_is_no_rsa_key_is_named() {
        let pem = pem();
        let labelled = |label: &str| pem.replace("PRIVATE KEY", label);
        let table = [
            (String::new(), "no PEM"),
            ("secret".to_owned(), "no PEM"),
            (labelled("ENCRYPTED PRIVATE KEY"), "a password"),
            (labelled("EC PRIVATE KEY"), "another kind"),
            (labelled("OPENSSH PRIVATE KEY"), "another kind"),
            (labelled("PUBLIC KEY"), "a public key"),
            (labelled("CERTIFICATE"), "a certificate"),
            (pem[..pem.len() / 2].to_owned(), "cut short"),
            (
                pem.replace(
                    "-----BEGIN PRIVATE KEY-----\nMII",
                    "-----BEGIN PRIVATE KEY-----\nMI*",
                ),
                "no base64",
            ),
            (pem.replace("\nMII", "\nAII"), "not an RSA key"),
        ];
        for (text, expected) in table {
            let found = der_of(&text).expect_err(expected);
            assert!(found.contains(expected), "{found}");
        }
    }
}
