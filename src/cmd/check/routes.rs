//! Where callers are transferred to, and which personas answer them: what the dialplan and the settings must both know.

use std::collections::BTreeSet;

use super::console::say;
use super::finding::Report;
use crate::config::Config;

/// Looks for transfers that lead nowhere, and for personas that the settings do not have. `plan` is the whole dialplan,
/// `globals` are the variables that hold everywhere in it.
pub(super) fn examine(config: &Config, plan: &str, globals: &str, report: &mut Report<'_>) {
    examine_personas(&config.personas, plan, globals, report);
    if config.conversation.operator.is_some() {
        examine_returns(plan, report);
    }
    let operator = config.conversation.operator.iter();
    let operator = operator.map(|number| ("operator".to_owned(), number.clone()));
    let transfers = config.conversation.transfers.iter().cloned();
    let transfers: Vec<_> = transfers.chain(operator).collect();
    if transfers.is_empty() {
        return;
    }
    let contexts = transfer_contexts(plan, globals);
    let all = contexts
        .iter()
        .flat_map(|context| transfers.iter().map(move |transfer| (context, transfer)));
    let is_nowhere = |(context, (_, number)): &(&&str, &(String, String))| {
        let shown = say(&format!("dialplan show {number}@{context}"));
        // An Asterisk that does not answer is told elsewhere. One without that context says so as a failure.
        shown.map_or_else(
            |why| why.to_string().contains("no existence"),
            |shown| !leads_somewhere(&shown),
        )
    };
    let nowhere: Vec<_> = all
        .filter(is_nowhere)
        .map(|(context, (name, number))| format!("{name}={number} in {context}"))
        .collect();
    let id = "transfers";
    if nowhere.is_empty() {
        let contexts: Vec<_> = contexts.into_iter().collect();
        let contexts = contexts.join(" and ");
        let text = match transfers.as_slice() {
            [(name, number)] => format!("{name}={number} is a number of {contexts}"),
            all => format!("all {} are numbers of {contexts}", all.len()),
        };
        return report.ok(id, &text);
    }
    let text = format!("there is no such number: {}", nowhere.join(", "));
    let remedy = "correct transfers or operator under [conversation], or let ASSISTANT_TRANSFER_CONTEXT name the context that has them";
    report.warn(id, &text, remedy);
}

/// A call whose persona is not among the settings fails.
fn examine_personas(personas: &[String], plan: &str, globals: &str, report: &mut Report<'_>) {
    let id = "personas";
    let chosen = [(plan, PERSONA), (globals, PERSONA), (plan, ",persona=")];
    let chosen: BTreeSet<_> = chosen
        .into_iter()
        .flat_map(|(text, name)| values(text, name))
        .collect();
    let is_unknown = |name: &&str| personas.iter().all(|known| known != name);
    let unknown: Vec<_> = chosen.iter().copied().filter(is_unknown).collect();
    if let Some(first) = unknown.first() {
        let text = format!(
            "the dialplan chooses {}, which the settings do not have, so those calls fail",
            unknown.join(" and ")
        );
        let known = match personas {
            [] => "none".to_owned(),
            some => some.join(", "),
        };
        let remedy = format!(
            "add [persona.{first}] to the settings, or correct it in /etc/asterisk/extensions_custom.conf (the settings have: {known})"
        );
        report.fail(id, &text, &remedy);
    } else if !chosen.is_empty() {
        let names: Vec<_> = chosen.into_iter().collect();
        let text = format!(
            "the dialplan chooses {}, and the settings have them",
            names.join(", ")
        );
        report.ok(id, &text);
    }
}

/// A question's `Gosub` returns to transfer the caller, who is hung up where nothing is behind it.
fn examine_returns(plan: &str, report: &mut Report<'_>) {
    let ends: Vec<_> = dead_ends(plan);
    if ends.is_empty() {
        return;
    }
    let text = format!(
        "the key 0 ends the call instead of connecting it at {}, where nothing follows the Gosub",
        ends.join(", ")
    );
    let remedy = "add the line with Goto below it that phone-assistant help personas.conf shows, and: dialplan reload";
    report.warn("operator", &text, remedy);
}

/// The extensions, each as `NUMBER@CONTEXT`, whose last step is a `Gosub` to the assistant that returns.
fn dead_ends(plan: &str) -> Vec<String> {
    let (mut context, mut exten) = ("", "");
    let (mut last, mut talks): (Vec<(&str, &str, &str)>, BTreeSet<&str>) = Default::default();
    for line in plan.lines().map(str::trim_start) {
        if let Some(name) = line.strip_prefix("[ Context '") {
            context = name.split('\'').next().unwrap_or_default();
            continue;
        }
        let begins = line.strip_prefix('\'').and_then(|it| it.split_once("' =>"));
        let rest = begins.map_or(line, |(_, rest)| rest);
        let priority = rest.split_once(". ");
        let Some((_, step)) = priority.filter(|(it, _)| it.ends_with(|c: char| c.is_ascii_digit()))
        else {
            continue;
        };
        if let Some((number, _)) = begins {
            exten = number;
            last.push((context, exten, step));
        } else if let Some(found) = last.last_mut() {
            found.2 = step;
        }
        if context == CONTEXT && step.starts_with("EAGI(") {
            talks.insert(exten);
        }
    }
    let is_end = |(context, _, step): &&(&str, &str, &str)| {
        let place = step
            .strip_prefix("Gosub(")
            .and_then(|it| it.strip_prefix(CONTEXT));
        let place = place.and_then(|it| it.strip_prefix(',')?.split_once(",1"));
        let returns = |(number, rest): (&str, &str)| {
            !talks.contains(number) || rest.starts_with("(transfer)")
        };
        *context != CONTEXT && place.is_some_and(returns)
    };
    let ends = last.iter().filter(is_end);
    ends.map(|(context, exten, _)| format!("{exten}@{context}"))
        .collect()
}

/// The contexts in which numbers are dialled that callers are transferred to: the usual one, as the example dialplan
/// decides it, and those that extensions of personas choose for themselves.
fn transfer_contexts<'a>(plan: &'a str, globals: &'a str) -> BTreeSet<&'a str> {
    let usual = values(globals, TRANSFER_CONTEXT).next();
    let chosen = values(plan, TRANSFER_CONTEXT);
    chosen.chain([usual.unwrap_or("from-internal")]).collect()
}

/// What follows each `name` in a text: the values that it is set to, without those that only a call knows.
pub(super) fn values<'a>(text: &'a str, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let places: Vec<_> = text.match_indices(name).map(|(at, _)| at).collect();
    let len = name.len();
    let values = places.into_iter().map(move |at| {
        let rest = &text[at + len..];
        let end = rest.find(|c: char| c.is_whitespace() || ",)\"".contains(c));
        &rest[..end.unwrap_or(rest.len())]
    });
    values.filter(|value| !value.is_empty() && !value.contains('$'))
}

/// Whether `dialplan show NUMBER@CONTEXT` shows more than FreePBX's announcement that there is no such number.
fn leads_somewhere(shown: &str) -> bool {
    // FreePBX includes `bad-number`, which has the pattern `_X.`, in `from-internal`: so every number exists there.
    let is_context = |line: &str| line.starts_with('[') && line.contains("ontext '");
    shown
        .lines()
        .any(|line| is_context(line) && !line.contains("'bad-number'"))
}

/// The assistant's context.
pub(super) const CONTEXT: &str = "custom-openai";
const PERSONA: &str = "ASSISTANT_PERSONA=";
const TRANSFER_CONTEXT: &str = "ASSISTANT_TRANSFER_CONTEXT=";

#[cfg(test)]
mod tests {

    use super::*;
    use crate::cmd::check::finding::{Status, findings};

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
    }

    /// A dialplan of these steps, and that of the example.
    fn plan(steps: &[&str]) -> String {
        let own = [
            "Set(ASSISTANT_TRANSFER_CONTEXT=${IF($[\"${ASSISTANT_TRANSFER_CONTEXT}\" = \"\"]?from-internal:${X})})",
            "Set(ASSISTANT_PERSONA=)",
            "AGI(phone-assistant,recording=x,persona=${ASSISTANT_PERSONA})",
        ];
        let all = own.iter().chain(steps);
        let lines = all.map(|step| format!("                    2. {step}      [x:2]"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn callers_are_transferred_in_the_usual_context_and_in_those_of_personas() {
        let (usual, both) = (&["from-internal"][..], &["from-internal", "school"][..]);
        let table = [
            (&[][..], "\n    -- 0 variable(s)\n", usual),
            (
                &[],
                "   ASSISTANT_TRANSFER_CONTEXT=phones\n   OTHER=x\n",
                &["phones"],
            ),
            (&[], "   ASSISTANT_TRANSFER_CONTEXT=\n", usual),
            (&["Set(ASSISTANT_TRANSFER_CONTEXT=school)"], "", both),
            (&["Set(__ASSISTANT_TRANSFER_CONTEXT=school)"], "", both),
            (
                &["MSet(A=1,ASSISTANT_TRANSFER_CONTEXT=school,B=2)"],
                "",
                both,
            ),
            (&["Set(ASSISTANT_TRANSFER_CONTEXT=${X})"], "", usual),
        ];
        for (steps, globals, expected) in table {
            let plan = plan(steps);
            let contexts: Vec<_> = transfer_contexts(&plan, globals).into_iter().collect();
            assert_eq!(contexts, expected, "{steps:?} {globals}");
        }
    }

    #[test]
    fn a_gosub_that_nothing_follows_is_a_dead_end_unless_it_never_returns() {
        let table = [
            (&["Gosub(custom-openai,8008,1)"][..], true),
            (&["Gosub(custom-openai,8008,1)", "Goto(x,${Y},1)"], false),
            (&["Gosub(custom-openai,8009,1)"], false),
            (&["Gosub(custom-openai,8009,1(transfer))"], true),
            (&["Goto(custom-openai,8008,1)"], false),
            (&["Gosub(custom-openai-cleanup,s,1)"], false),
        ];
        for (steps, expected) in table {
            let mut shown = "[ Context 'custom-openai' created by 'pbx_config' ]\n  \
                '8009' =>         1. Answer()          [x:1]\n                    2. EAGI(y)      [x:2]\n\n\
                [ Context 'own' created by 'pbx_config' ]\n  \
                '8010' =>         1. Set(A=1)          [x:3]\n"
                .to_owned();
            let lines = (2..).zip(steps);
            shown.extend(lines.map(|(at, step)| format!("{at:>21}. {step}      [x:4]\n")));
            shown += "\n  Include =>        'other'       [x:9]\n[ Context 'z' created by 'x' ]\n  '1' =>  1. Hangup() [x:9]\n";
            let expected = if expected { &["8010@own"][..] } else { &[] };
            assert_eq!(dead_ends(&shown), expected, "{steps:?}");
        }
    }

    #[test]
    fn a_persona_that_the_dialplan_chooses_and_nobody_is_fails() {
        let known = ["kitchen".to_owned(), "office".to_owned()];
        let table = [
            ("Noop()", "", None, ""),
            (
                "Set(ASSISTANT_PERSONA=office)",
                "",
                Some(Status::Ok),
                "office",
            ),
            (
                "Set(ASSISTANT_PERSONA=Office)",
                "",
                Some(Status::Fail),
                "chooses Office,",
            ),
            (
                "AGI(phone-assistant,persona=garden,reply=x)",
                "",
                Some(Status::Fail),
                "garden",
            ),
            (
                "AGI(phone-assistant,reply=x,persona=kitchen)",
                "",
                Some(Status::Ok),
                "kitchen",
            ),
            (
                "Noop()",
                "   ASSISTANT_PERSONA=gym\n",
                Some(Status::Fail),
                "gym",
            ),
        ];
        for (step, globals, status, words) in table {
            let found =
                findings(|report| examine_personas(&known, &plan(&[step]), globals, report)).pop();
            assert_eq!(
                found.as_ref().map(|it| it.status),
                status,
                "{step} {found:?}"
            );
            let text = found.map(|it| it.text).unwrap_or_default();
            assert!(text.contains(words), "{step}: {text}");
        }
    }
}
