//! Marks by which models refer to their sources, beside plain footnotes: `【3†source】`, `[cite: 1]`, `turn0search2`.

/// How many bytes at the beginning of `text` are a mark that refers to a source. One that the text's end has cut off
/// is one too.
pub(super) fn citation_len(text: &str) -> Option<usize> {
    // Wikipedia has `{{cite web|…}}`. OpenAI's models write U+E200 to U+E201, `【4:0†source】`, `:contentReference[oaicite:0]{index=0}` and
    // `turn0search2`; Cohere's write `<co: 0>`.
    match text.chars().next()? {
        '\u{E200}' => enclosed(text, '\u{E201}', |_| true),
        '【' => enclosed(text, '】', |label| {
            label.contains('†') || label.chars().all(|c| c.is_ascii_digit() || c == ':')
        }),
        '[' => enclosed(text, ']', is_label).or_else(|| sources_len(text)),
        '{' => {
            let len = enclosed(text, '}', |label| label.starts_with("{cite "))?;
            Some(len + usize::from(text[len..].starts_with('}')))
        }
        '<' => enclosed(text, '>', |label| {
            label.trim_start_matches('/').starts_with("co:")
        }),
        ':' => {
            let rest = text.strip_prefix(CONTENT_REFERENCE)?;
            let len = text.len() - rest.len() + enclosed(rest, ']', |_| true)?;
            let index = Some(&text[len..]).filter(|rest| rest.starts_with('{'));
            Some(
                len + index
                    .and_then(|rest| enclosed(rest, '}', |_| true))
                    .unwrap_or_default(),
            )
        }
        't' => turn_len(text),
        _ => None,
    }
}

/// The length of what `text` begins with up to `end`, if `is_mark` says so of what stands in between.
fn enclosed(text: &str, end: char, is_mark: impl Fn(&str) -> bool) -> Option<usize> {
    let start = text.chars().next()?.len_utf8();
    let stop = |(count, (_, c)): (usize, (usize, char))| c == end || c == '\n' || count == LONGEST;
    let found = text[start..]
        .char_indices()
        .enumerate()
        .find(|&at| stop(at));
    let (label, len) = match found {
        Some((_, (at, c))) if c == end => (&text[start..start + at], start + at + c.len_utf8()),
        Some(_) => return None,
        None => (&text[start..], text.len()),
    };
    (!label.is_empty() && is_mark(label)).then_some(len)
}

/// Whether `label` stands in the brackets of a mark.
fn is_label(label: &str) -> bool {
    let is_numbers = |rest: &str| {
        let rest = rest
            .trim_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | ',' | '-' | '–' | ';'));
        rest.is_empty()
    };
    let label = label.to_ascii_lowercase();
    let named = |name: &str| label.strip_prefix(name).is_some_and(is_numbers);
    let numbered = |name: &str| named(name) && label.len() > name.len();
    label.contains('†')
        || label == "cite_start"
        || label.starts_with("oaicite:")
        || [
            "cite:",
            "citation:",
            "source:",
            "sources:",
            "ref:",
            "web:",
            "attached_file:",
        ]
        .into_iter()
        .any(named)
        || ["doc", "cite ", "citation ", "source ", "ref "]
            .into_iter()
            .any(numbered)
        || (label.starts_with('^') && label.ends_with('^') && is_numbers(label.trim_matches('^')))
}

/// Several sources in a row, "[S1][S2]": one alone may be the line of a bus.
fn sources_len(text: &str) -> Option<usize> {
    let source = |text: &str| match text.as_bytes() {
        [b'[', b'A'..=b'Z', b'0'..=b'9', b']', ..] => Some(4),
        [b'[', b'A'..=b'Z', b'0'..=b'9', b'0'..=b'9', b']', ..] => Some(5),
        _ => None,
    };
    let first = source(text)?;
    let mut len = first;
    while let Some(more) = source(&text[len..]) {
        len += more;
    }
    (len > first).then_some(len)
}

/// "turn0search2", "turn1view0turn1view3": what is left of marks when their private characters are lost.
fn turn_len(text: &str) -> Option<usize> {
    let mut rest = after_turn(text)?;
    while let Some(after) = after_turn(rest) {
        rest = after;
    }
    (!rest.starts_with(char::is_alphanumeric)).then(|| text.len() - rest.len())
}

fn after_turn(text: &str) -> Option<&str> {
    let rest = after_digits(text.strip_prefix("turn")?)?;
    after_digits(KINDS.iter().find_map(|kind| rest.strip_prefix(kind))?)
}

fn after_digits(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    (rest.len() < text.len()).then_some(rest)
}

const CONTENT_REFERENCE: &str = ":contentReference";

const KINDS: &[&str] = &[
    "search", "view", "news", "image", "fetch", "file", "click", "forecast", "finance", "sports",
    "reddit", "academia",
];

/// The longest mark, in characters.
const LONGEST: usize = 120;

#[cfg(test)]
mod tests {
    use super::super::speakable;

    #[test]
    fn marks_are_not_said() {
        for mark in [
            "【3†source】",
            "【12:4†notes.pdf】",
            "【7】",
            "[3†L5-L9]",
            "[cite: 2, 4]",
            "[cite:5]",
            "[citation:3]",
            "[citation: 1-3]",
            "[cite_start]",
            "[oaicite:0]",
            ":contentReference[oaicite:4]{index=4}",
            "[doc2]",
            "[^3^]",
            "[source: 2]",
            "[Source 2]",
            "[Ref: 4]",
            "\u{E200}cite\u{E202}turn0search2\u{E202}turn0news1\u{E201}",
            "turn0search2",
            "turn1view0turn0news3",
            "[3](https://a.b)",
            "[web:3]",
            "[web:3][web:14]",
            "[attached_file:1]",
            "[S1][S2]",
            "[S1][S12][S3]",
            "{{cite web|x|y=z}}",
            "[^3]",
            "<co: 0></co: 0>",
        ] {
            for (before, after, expected) in [
                ("It is Lisbon", ".", "It is Lisbon."),
                ("It is Lisbon ", ". Yes.", "It is Lisbon. Yes."),
                ("It is Lisbon.", " Yes.", "It is Lisbon. Yes."),
            ] {
                let text = format!("{before}{mark}{after}");
                let text = text.replace("Lisbonturn", "Lisbon turn");
                assert_eq!(
                    speakable(&text.replace(".turn", ". turn")),
                    expected,
                    "{text}"
                );
            }
        }
        for cut_off in [
            "It is Lisbon【4†sou",
            "It is Lisbon [cite: 1, ",
            "It is Lisbon :contentReference[oai",
        ] {
            assert_eq!(speakable(cut_off), "It is Lisbon");
        }
    }

    #[test]
    fn words_in_brackets_are_said() {
        for text in [
            "【重要】今天。",
            "Press [1] for sales.",
            "a [document], [doc], [cited] works, [sources] and [source: Ann]",
            "It is your turn, turn0 and turn2search.",
            "at 10:30: contents",
            "Take [S1] or [S2] to {x} and {{y}}.",
        ] {
            assert_eq!(speakable(text), text);
        }
    }
}
