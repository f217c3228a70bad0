//! Asks the doctor on a machine, and reads its answer.

use std::process::Output;

use serde_json::Value;

use crate::machine::Machine;

pub(in crate::scenes) fn check(machine: &Machine, arguments: &[&str]) -> Result<Value, String> {
    let output = run_check(machine, &[&["--json"], arguments].concat());
    let found: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {output:?}"))?;
    let expected = match found["status"].as_str() {
        Some("ok") => 0,
        Some("warn") => 1,
        _ => 2,
    };
    let shown = String::from_utf8_lossy(&output.stdout);
    if [testkit::OPENAI_API_KEY, "PRIVATE KEY", "eyJ"]
        .iter()
        .any(|secret| shown.contains(secret))
    {
        return Err("a key is shown".to_owned());
    }
    if output.status.code() == Some(expected) {
        Ok(found)
    } else {
        Err(format!(
            "exit code {:?}, status {}",
            output.status, found["status"]
        ))
    }
}

pub(super) fn run_check(machine: &Machine, arguments: &[&str]) -> Output {
    let mut command = machine.root().command("phone-assistant");
    command.arg("check").args(arguments).output().unwrap()
}

/// The findings that are not all right, and whose name begins like this.
pub(in crate::scenes) fn worse<'a>(
    found: &'a Value,
    id: &'a str,
) -> impl Iterator<Item = &'a Value> {
    let findings = found["checks"].as_array().map_or(&[][..], Vec::as_slice);
    findings.iter().filter(move |finding| {
        finding["status"] != "ok"
            && finding["id"]
                .as_str()
                .is_some_and(|name| name.starts_with(id))
    })
}

pub(super) fn text(finding: &Value) -> String {
    ["id", "text", "remedy"]
        .map(|key| finding[key].as_str().unwrap_or_default())
        .join(" | ")
}
