//! The dialplan's globals that administrators set: values with which it does something else than they meant.

use super::console::typed;
use super::finding::{Report, Status};
use super::routes::values;
use super::sounds;

/// Looks at what `plan`, the whole dialplan, and `globals`, as Asterisk shows them, set.
pub(super) fn examine(plan: &str, globals: &str, report: &mut Report<'_>) {
    let mut set: Vec<_> = globals.lines().filter_map(global).collect();
    // Where extensions of personas transfer to, and whom they choose, is looked at beside the settings.
    for name in [MAX_CALLS, LIMITED_SOUND, SILENCE] {
        let chosen = values(plan, &format!("{name}=")).map(|value| (name, value));
        set.extend(chosen.collect::<Vec<_>>());
    }
    set.dedup();
    let is_context = |name: &str| plan.contains(&format!("[ Context '{name}'"));
    let mut is_fine = true;
    for (name, value) in &set {
        let wrong = match KNOWN.iter().find(|(known, _)| known == name) {
            Some((_, judge)) => judge(value, &is_context),
            None => Some((Status::Warn, NOT_KNOWN.to_owned())),
        };
        let Some((status, why)) = wrong else { continue };
        is_fine = false;
        let text = format!("{name}={value}: {why}");
        let remedy = format!("{REMEDY} {}", typed("dialplan reload"));
        match status {
            Status::Fail => report.fail(ID, &text, &remedy),
            _ => report.warn(ID, &text, &remedy),
        }
    }
    if is_fine && !set.is_empty() {
        let all: Vec<_> = set
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        report.ok(ID, &all.join(", "));
    }
}

/// The name and the value of a global of ours, as `dialplan show globals` has them.
fn global(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim().split_once('=')?;
    Some((name, value)).filter(|_| name.starts_with("ASSISTANT_") && !value.is_empty())
}

/// How bad a value is, and why; the second parameter tells whether there is a context of a name.
type Judge = fn(&str, &dyn Fn(&str) -> bool) -> Option<(Status, String)>;

fn silence(value: &str, _: &dyn Fn(&str) -> bool) -> Option<(Status, String)> {
    // The dialplan takes nothing else for a number.
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    let ms = value.parse().ok().filter(|_| is_number);
    let why = match ms {
        Some(500..=5_000) => return None,
        Some(100..500) => "callers are cut off in the middle of a sentence".to_owned(),
        Some(ms @ 5_001..=9_999) => format!("callers wait {} s more for each answer", ms / 1_000),
        _ => "no number of milliseconds from 100 to 9999, so 2000 are waited for".to_owned(),
    };
    Some((Status::Warn, why))
}

fn max_calls(value: &str, _: &dyn Fn(&str) -> bool) -> Option<(Status, String)> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse().ok().filter(|_| is_number) {
        Some(1..=1_000_u32) => None,
        Some(0) => Some((Status::Fail, "every caller is turned away".to_owned())),
        None if !is_number => Some((Status::Warn, "no whole number, so 5 counts".to_owned())),
        _ => Some((
            Status::Warn,
            "more than a machine can serve at once".to_owned(),
        )),
    }
}

fn limited_sound(value: &str, _: &dyn Fn(&str) -> bool) -> Option<(Status, String)> {
    let missing = value.split('&').find_map(sounds::missing)?;
    let why = format!(
        "{missing}, so the apology is heard instead (a name has no extension, and begins below the folder of sounds)"
    );
    Some((Status::Warn, why))
}

fn context(value: &str, is_context: &dyn Fn(&str) -> bool) -> Option<(Status, String)> {
    let why = || "the dialplan has no such context, so no caller is transferred".to_owned();
    (!is_context(value)).then(|| (Status::Warn, why()))
}

/// Whether the settings have a persona is told beside what else chooses one.
fn persona(_: &str, _: &dyn Fn(&str) -> bool) -> Option<(Status, String)> {
    None
}

/// The globals of `extensions_custom.conf.example`.
const KNOWN: &[(&str, Judge)] = &[
    (MAX_CALLS, max_calls),
    (LIMITED_SOUND, limited_sound),
    ("ASSISTANT_TRANSFER_CONTEXT", context),
    (SILENCE, silence),
    ("ASSISTANT_PERSONA", persona),
];
const MAX_CALLS: &str = "ASSISTANT_MAX_CALLS";
const LIMITED_SOUND: &str = "ASSISTANT_LIMITED_SOUND";
const SILENCE: &str = "ASSISTANT_SILENCE";

const ID: &str = "globals";
const NOT_KNOWN: &str = "the dialplan knows no such name (help call lists them)";
const REMEDY: &str = "correct it or take it out where it is set (FreePBX: /etc/asterisk/globals_custom.conf, else [globals] \
                      in extensions.conf), then:";

#[cfg(test)]
mod tests {

    use super::super::finding::{Finding, findings};
    use super::*;

    fn found(plan: &str, globals: &str) -> Vec<Finding> {
        findings(|report| examine(plan, globals, report))
    }

    #[test]
    fn a_value_with_which_the_dialplan_does_something_else_is_told() {
        let (ok, warn, fail) = (Status::Ok, Status::Warn, Status::Fail);
        let table = [
            ("ASSISTANT_SILENCE=2000", ok, "ASSISTANT_SILENCE=2000"),
            ("ASSISTANT_SILENCE=500", ok, ""),
            ("ASSISTANT_SILENCE=5000", ok, ""),
            ("ASSISTANT_SILENCE=499", warn, "cut off"),
            ("ASSISTANT_SILENCE=5001", warn, "wait 5 s more"),
            ("ASSISTANT_SILENCE=9999", warn, "wait 9 s more"),
            ("ASSISTANT_SILENCE=99", warn, "2000 are waited for"),
            ("ASSISTANT_SILENCE=10000", warn, "2000 are waited for"),
            ("ASSISTANT_SILENCE=0", warn, "2000 are waited for"),
            ("ASSISTANT_SILENCE=02000", warn, "2000 are waited for"),
            ("ASSISTANT_SILENCE=2", warn, "2000 are waited for"),
            ("ASSISTANT_SILENCE=2.5", warn, "2000 are waited for"),
            ("ASSISTANT_SILENCE=2000 ms", warn, "2000 are waited for"),
            ("ASSISTANT_SILENCE=two", warn, "2000 are waited for"),
            ("ASSISTANT_MAX_CALLS=1", ok, ""),
            ("ASSISTANT_MAX_CALLS=1000", ok, ""),
            ("ASSISTANT_MAX_CALLS=1001", warn, "more than"),
            ("ASSISTANT_MAX_CALLS=99999999999", warn, "more than"),
            ("ASSISTANT_MAX_CALLS=0", fail, "every caller is turned away"),
            (
                "ASSISTANT_MAX_CALLS=00",
                fail,
                "every caller is turned away",
            ),
            ("ASSISTANT_MAX_CALLS=-1", warn, "so 5 counts"),
            ("ASSISTANT_MAX_CALLS=five", warn, "so 5 counts"),
            (
                "ASSISTANT_LIMITED_SOUND=custom/none",
                warn,
                "custom/none is missing in /",
            ),
            ("ASSISTANT_TRANSFER_CONTEXT=phones", ok, ""),
            ("ASSISTANT_TRANSFER_CONTEXT=phone", warn, "no such context"),
            ("ASSISTANT_PERSONA=kitchen", ok, ""),
            (
                concat!("ASSISTANT", "_SILENT=1"),
                warn,
                "knows no such name",
            ),
        ];
        for (line, status, words) in table {
            let globals = format!("   OTHER=x\n   {line}\n\n    -- 2 variable(s)\n");
            let plan = "[ Context 'phones' created by 'pbx_config' ]\n";
            let found = found(plan, &globals);
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            let Finding {
                status: found,
                text,
                ..
            } = &found[0];
            assert!(*found == status && text.contains(words), "{line}: {text}");
        }
    }

    #[test]
    fn what_an_extension_sets_is_told_too_and_nothing_where_nothing_is_set() {
        let zero = found("     2. Set(ASSISTANT_MAX_CALLS=0)   [x:2]\n", "");
        assert_eq!(zero[0].status, Status::Fail, "{zero:?}");
        let plan = "     2. Set(ASSISTANT_MAX_CALLS=${X})   [x:2]\n";
        for globals in ["", "   ASSISTANT_SILENCE=\n   OTHER=1\n"] {
            assert_eq!(found(plan, globals), []);
        }
    }
}
