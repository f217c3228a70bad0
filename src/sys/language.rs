//! Tags of languages, such as `de-CH`: <https://www.rfc-editor.org/info/bcp47>.

/// Whether two tags are of one language, of whatever region. An underscore may stand for the hyphen.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    primary(one).eq_ignore_ascii_case(primary(other))
}

/// The first part of a tag, which names the language alone: `de` of `de-CH`.
pub(crate) fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_makes_no_other_language() {
        for (one, other, expected) in [
            ("de", "de-CH", true),
            ("de-DE", "DE_at", true),
            ("zh-Hant-TW", "zh", true),
            ("de", "den", false),
            ("", "de", false),
        ] {
            assert_eq!(is_same(one, other), expected, "{one} {other}");
        }
    }
}
