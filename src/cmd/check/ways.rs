//! The ways in and out of the dialplan's context: what leads to it, and where callers are transferred to.

use std::collections::BTreeSet;

use super::asterisk::say;
use super::finding::Report;
use crate::config::Config;

/// Looks for what leads to extensions that are not there, and for transfers that lead nowhere.
pub(super) fn examine(config: Option<&Config>, report: &mut Report<'_>) {
    let Ok(plan) = say("dialplan show") else {
        return;
    };
    examine_in(&Ways::of(&plan), report);
    let transfers = config.map_or(&[][..], |config| &config.conversation.transfers);
    if transfers.is_empty() {
        return;
    }
    let globals = say("dialplan show globals").unwrap_or_default();
    let context = transfer_context(&globals).to_owned();
    let leads_nowhere = |(_, number): &&(String, String)| {
        let shown = say(&format!("dialplan show {number}@{context}"));
        // An Asterisk that does not answer is told elsewhere. One without that context says so as a failure.
        shown.map_or_else(
            |why| why.contains("no existence"),
            |shown| !leads_somewhere(&shown),
        )
    };
    let nowhere = transfers.iter().filter(leads_nowhere);
    let nowhere: Vec<_> = nowhere
        .map(|(name, number)| format!("{name}={number}"))
        .collect();
    let id = "transfers";
    if nowhere.is_empty() {
        report.ok(
            id,
            &format!("all {} are numbers of {context}", transfers.len()),
        );
    } else {
        let text = format!("{context} has no such number: {}", nowhere.join(", "));
        let remedy = "correct transfers under [conversation], or set ASSISTANT_TRANSFER_CONTEXT to the context that has them";
        report.warn(id, &text, remedy);
    }
}

fn examine_in(ways: &Ways, report: &mut Report<'_>) {
    let id = "ways in";
    let lost: Vec<_> = ways.leading.difference(&ways.extensions).cloned().collect();
    if !lost.is_empty() {
        let text = format!(
            "the dialplan leads callers to {CONTEXT},{}, which is not there",
            lost.join(&format!(" and {CONTEXT},"))
        );
        let remedy = "in FreePBX change the target under Admin, Custom Destinations; or give install.sh that --extension";
        report.fail(id, &text, remedy);
    } else if ways.leading.is_empty() && !ways.is_included {
        let remedy = format!(
            "FreePBX: Admin, Custom Destinations, {CONTEXT},8008,1, and then a Misc Application or an Inbound Route; else \
             \"include => {CONTEXT}\" in your phones' context"
        );
        report.warn(
            id,
            "nothing in the dialplan leads to the assistant",
            &remedy,
        );
    } else {
        let leading: Vec<_> = ways.leading.iter().cloned().collect();
        let included = ways.is_included.then(|| "all, by include".to_owned());
        let all: Vec<_> = leading.into_iter().chain(included).collect();
        report.ok(id, &all.join(", "));
    }
}

/// What `dialplan show` tells of the assistant's context.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ways {
    /// The extensions in it.
    extensions: BTreeSet<String>,
    /// The extensions in it that other contexts lead to.
    leading: BTreeSet<String>,
    /// Whether another context includes it.
    is_included: bool,
}

impl Ways {
    fn of(plan: &str) -> Self {
        let (mut ways, mut is_own) = (Self::default(), false);
        for line in plan.lines() {
            if let Some(rest) = line.strip_prefix("[ Context '") {
                is_own = rest.starts_with(&format!("{CONTEXT}'"));
            } else if is_own {
                let name = line.trim_start().strip_prefix('\'');
                let name = name.and_then(|line| line.split_once("' =>"));
                ways.extensions
                    .extend(name.map(|(name, _)| name.to_owned()));
            } else if line.trim_start().starts_with("Include =>") {
                ways.is_included |= line.contains(&format!("'{CONTEXT}'"));
            } else {
                ways.leading.extend(targets(line).map(str::to_owned));
            }
        }
        ways
    }
}

/// The extensions that one step of the dialplan leads to. What is made of variables is known only in a call.
fn targets(step: &str) -> impl Iterator<Item = &str> {
    let ends_before = |before: &str| before.ends_with(['(', '?', ':', '&', ' ', '/']);
    let found = step.match_indices(CONTEXT);
    found.filter_map(move |(at, _)| {
        let after = step[at + CONTEXT.len()..].strip_prefix(',')?;
        let end = after.find([',', ')', ':'])?;
        let name = &after[..end];
        (ends_before(&step[..at]) && !name.contains('$')).then_some(name)
    })
}

/// Where callers are transferred to, as the example dialplan decides it.
fn transfer_context(globals: &str) -> &str {
    let set = globals
        .lines()
        .find_map(|line| line.trim().strip_prefix("ASSISTANT_TRANSFER_CONTEXT="));
    set.map(str::trim)
        .filter(|name| !name.is_empty())
        .unwrap_or("from-internal")
}

/// Whether `dialplan show NUMBER@CONTEXT` shows more than FreePBX's announcement that there is no such number.
fn leads_somewhere(shown: &str) -> bool {
    let is_context = |line: &str| line.starts_with('[') && line.contains("ontext '");
    shown
        .lines()
        .any(|line| is_context(line) && !line.contains("'bad-number'"))
}

const CONTEXT: &str = "custom-openai";

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::cmd::check::finding::{Finding, Status, Style};

    /// As Asterisk 22 shows it.
    const OWN: &str = "[ Context 'custom-openai' created by 'pbx_config' ]\n  '8008' =>         1. Answer()                      [a:1]\n                    2. Goto(custom-openai,8009,judge)            [a:2]\n  '8009' =>         1. Answer()                      [a:3]\n\n[ Context 'custom-openai-cleanup' created by 'pbx_config' ]\n  's' =>            1. Return()                      [a:4]\n\n";

    fn found(others: &str) -> Finding {
        let mut sink = io::sink();
        let mut report = Report::new(&mut sink, Style::Silent);
        examine_in(
            &Ways::of(&format!(
                "{OWN}[ Context 'x' created by 'pbx_config' ]\n{others}"
            )),
            &mut report,
        );
        let found = report.close().expect("nothing is written");
        found.last().expect("something is found").clone()
    }

    #[test]
    fn what_leads_to_nothing_is_told_with_its_name() {
        let table = [
            (
                "  '1' =>  1. Goto(custom-openai,8008,1) [x:1]\n",
                Status::Ok,
                "8008",
            ),
            (
                "  '1' =>  1. Dial(Local/1@x)\n          2. GotoIf($[1]?custom-openai,8008,1:custom-openai,8009,1) [x:1]\n",
                Status::Ok,
                "8008, 8009",
            ),
            (
                "  Include =>        'custom-openai'     [pbx_config]\n",
                Status::Ok,
                "include",
            ),
            (
                "  '1' =>  1. Goto(custom-openai,*88,1) [x:1]\n",
                Status::Fail,
                "custom-openai,*88",
            ),
            (
                "  '1' =>  1. Goto(custom-openai,8008,1)\n  '2' => 1. Goto(custom-openai,7,1)\n",
                Status::Fail,
                "custom-openai,7,",
            ),
            // Another context, and a target that only a call knows.
            (
                "  '1' =>  1. Goto(my-custom-openai,7,1)\n          2. Goto(custom-openai,${X},1)\n",
                Status::Warn,
                "nothing",
            ),
            (
                "  Include =>        'custom-openai-cleanup'     [pbx_config]\n",
                Status::Warn,
                "nothing",
            ),
        ];
        for (others, status, words) in table {
            let finding = found(others);
            assert_eq!(finding.status, status, "{others} {finding:?}");
            assert!(finding.text.contains(words), "{others} {finding:?}");
        }
    }

    #[test]
    fn an_announcement_is_nowhere() {
        let number = "[ Included context 'from-internal-xfer' created by 'pbx_config' ]\n  '200' => 1. Dial()\n";
        let announcement =
            "[ Included context 'bad-number' created by 'pbx_config' ]\n  '_X.' => 1. Progress()\n";
        let table = [
            (format!("{number}\n{announcement}"), true),
            (number.to_owned(), true),
            (number.replace("Included context", "Context"), true),
            (announcement.to_owned(), false),
            (
                "There is no existence of 299@from-internal extension".to_owned(),
                false,
            ),
        ];
        for (shown, expected) in table {
            assert_eq!(leads_somewhere(&shown), expected, "{shown}");
        }
        let table = [
            ("\n    -- 0 variable(s)\n", "from-internal"),
            (
                "   ASSISTANT_TRANSFER_CONTEXT=phones\n   OTHER=x\n",
                "phones",
            ),
            ("   ASSISTANT_TRANSFER_CONTEXT=\n", "from-internal"),
        ];
        for (globals, expected) in table {
            assert_eq!(transfer_context(globals), expected, "{globals}");
        }
    }
}
