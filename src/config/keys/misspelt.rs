//! Names that no setting has, and those that were probably meant.

use super::KEYS;

/// The name that `wrong` was probably meant to be, if any comes near.
pub fn nearest(wrong: &str) -> Option<&'static str> {
    let names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    most_alike(&names, wrong).or_else(|| {
        let last = |name: &str| name.rsplit('.').next().map(str::to_owned);
        names.into_iter().find(|name| last(name) == last(wrong))
    })
}

/// The one of `names` that `wrong` is a misspelling of, if it is one.
fn most_alike(names: &[&'static str], wrong: &str) -> Option<&'static str> {
    let likeness = |name: &str| strsim::jaro_winkler(name, wrong);
    let best = names
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= LIKE).then_some(*best)
}

/// What `wrong` was probably meant to be, else the `names` that `owner` has, as the end of a message.
pub(crate) fn hint(names: &[&'static str], wrong: &str, owner: &str) -> String {
    match most_alike(names, wrong) {
        Some(name) => did_you_mean(name),
        None => format!(" ({owner} has {})", names.join(", ")),
    }
}

/// What was probably meant, as the end of a message.
pub(crate) fn did_you_mean(meant: &str) -> String {
    format!(" (did you mean {meant}?)")
}

/// The fault of a name that is none of the table `path`. It is shown unless it may be a key.
pub(crate) fn unknown(source: &str, path: &str, name: &str, hint: &str) -> String {
    if is_name(name) {
        format!("{source}: unknown setting {path}{name}{hint}")
    } else {
        format!("{source}: unknown setting whose name is not shown, as it may be a key{hint}")
    }
}

/// Whether it looks like a setting's name. Keys that were pasted into the wrong place do not.
fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'.'))
}

/// In bytes: no setting's name is as long.
const MAX_NAME: usize = 60;

/// Likeness from which on a name passes as a misspelling of another: `stt.langauge` has 0.98,
/// `log.word` 0.97, unrelated keys of one table up to about 0.9.
const LIKE: f64 = 0.92;
