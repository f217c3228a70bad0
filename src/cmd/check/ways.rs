//! The dialplan: whether the assistant's context is loaded, what leads to it, and where it leads callers.

use std::collections::{BTreeMap, BTreeSet};

use super::console::{say, typed};
use super::finding::Report;
use super::globals;
use super::loading;
use super::machine::asterisk_folder;
use super::routes::{self, CONTEXT};
use crate::config::{Audience, Config};

/// Looks for the assistant's context, for what leads to extensions that are not there, and for transfers and
/// personas that are not there.
pub(super) fn examine(config: Option<&Config>, report: &mut Report<'_>) {
    let plan = match say("dialplan show") {
        Ok(plan) => plan,
        Err(why) => {
            let own = say(&format!("dialplan show {CONTEXT}")).unwrap_or_default();
            examine_context(&Ways::of(&own), config, report);
            let why = format!("Asterisk did not show its whole dialplan: {why}");
            let remedy = format!("look yourself: {}", typed("dialplan show"));
            return report.not_tried("ways in", &why, &remedy);
        }
    };
    let ways = Ways::of(&plan);
    examine_context(&ways, config, report);
    if ways.says(RUNS) {
        examine_in(&ways, report);
    }
    if config.is_some_and(|config| !discloses(config)) {
        examine_untold(&ways, report);
    }
    let set = say("dialplan show globals").unwrap_or_default();
    globals::examine(&plan, &set, report);
    if let Some(config) = config {
        routes::examine(config, &plan, &set, report);
    }
}

fn discloses(config: &Config) -> bool {
    config.knowledge.disclosure != Audience::None
}

/// Warns of callers from outside who are not told that they talk with an automatic assistant.
fn examine_untold(ways: &Ways, report: &mut Report<'_>) {
    let Some(context) = &ways.outside else {
        return;
    };
    let text = format!(
        "callers from outside reach the assistant (by the context {context}) and are not told that they talk with an \
         automatic assistant: disclosure is \"none\""
    );
    report.warn(
        "disclosure",
        &text,
        "set disclosure = \"outside\" under [knowledge], unless an announcement of your own tells them",
    );
}

fn examine_context(ways: &Ways, config: Option<&Config>, report: &mut Report<'_>) {
    let id = "dialplan";
    let reload = typed("dialplan reload");
    let remedy = &format!("sudo ./install.sh --dialplan; and: {reload}");
    if !ways.says(RUNS) {
        let etc = asterisk_folder("astetcdir", &["/etc/asterisk"]);
        let module = say("module show like pbx_config").unwrap_or_default();
        let (text, remedy) = match loading::why_not(&etc, &module) {
            Some((why, way)) => (
                format!("the context custom-openai is not loaded: {why}"),
                way,
            ),
            None => (
                "the context custom-openai is not loaded, or does not run phone-assistant"
                    .to_owned(),
                remedy.clone(),
            ),
        };
        report.fail(id, &text, &remedy);
    } else if !ways.says(LETS_LOOK_AROUND) {
        let text =
            "the context custom-openai is of an earlier version: it has no way in for this check";
        report.warn(id, text, remedy);
    } else if !ways.says(TELLS_CALLERS) && config.is_some_and(discloses) {
        let text = "the context custom-openai is of an earlier version: before a question callers are not told that they \
                    talk with an automatic assistant, so the answer begins with that";
        report.warn(id, text, remedy);
    } else {
        report.ok(id, "the context custom-openai is loaded");
    }
}

fn examine_in(ways: &Ways, report: &mut Report<'_>) {
    let id = "ways in";
    let is_lost = |(target, _): &(&String, _)| !ways.extensions.contains(*target);
    let lost = ways.leading.iter().filter(is_lost);
    let lost: Vec<_> = lost
        .map(|(target, from)| format!("{CONTEXT},{target} (from the context {from})"))
        .collect();
    if !lost.is_empty() {
        let text = format!(
            "the dialplan leads callers to what is not there: {}",
            lost.join(", ")
        );
        let remedy = "in FreePBX change the target under Admin, Custom Destinations, else in extensions_custom.conf; or give install.sh that --extension";
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
        let leading: Vec<_> = ways.leading.keys().cloned().collect();
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
    /// The extensions in it that other contexts lead to, and the last of these contexts.
    leading: BTreeMap<String, String>,
    /// Whether another context includes it.
    is_included: bool,
    /// What it says of [`RUNS`], [`LETS_LOOK_AROUND`] and [`TELLS_CALLERS`].
    says: BTreeSet<&'static str>,
    /// A context that leads callers from outside to it, going by its name.
    outside: Option<String>,
}

impl Ways {
    fn of(plan: &str) -> Self {
        let (mut ways, mut context, mut is_own) = (Self::default(), "", false);
        for line in plan.lines() {
            if let Some(rest) = line.strip_prefix("[ Context '") {
                context = rest.split('\'').next().unwrap_or_default();
                is_own = context == CONTEXT;
            } else if is_own {
                let all = [RUNS, LETS_LOOK_AROUND, TELLS_CALLERS];
                ways.says
                    .extend(all.iter().filter(|words| line.contains(*words)));
                let name = line.trim_start().strip_prefix('\'');
                let name = name.and_then(|line| line.split_once("' =>"));
                ways.extensions
                    .extend(name.map(|(name, _)| name.to_owned()));
            } else if line.trim_start().starts_with("Include =>") {
                let is_it = line.contains(&format!("'{CONTEXT}'"));
                ways.is_included |= is_it;
                ways.note_outside(context, is_it);
            } else {
                let targets = targets(line).map(|target| (target.to_owned(), context.to_owned()));
                let targets: Vec<_> = targets.collect();
                ways.note_outside(context, !targets.is_empty());
                ways.leading.extend(targets);
            }
        }
        ways
    }

    fn says(&self, words: &str) -> bool {
        self.says.contains(words)
    }

    /// Notes the context that `leads` to the assistant's, if its name says that it is for callers from outside.
    fn note_outside(&mut self, context: &str, leads: bool) {
        let name = context.to_ascii_lowercase();
        if leads && OUTSIDE.iter().any(|word| name.contains(word)) {
            self.outside = Some(context.to_owned());
        }
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

/// What is in the names of contexts for callers from outside: FreePBX's (`from-pstn`, `ext-did-0002`, and what an
/// inbound route leads to first), and those that people choose.
const OUTSIDE: &[&str] = &[
    "trunk", "pstn", "did", "ivr", "timecond", "queue", "incoming", "inbound", "outside", "extern",
    "public",
];

/// What the assistant's context has in it if it runs the program, if it lets Asterisk do so for this check, and if it
/// tells callers what they talk with.
const RUNS: &str = "phone-assistant";
const LETS_LOOK_AROUND: &str = "mode=check";
const TELLS_CALLERS: &str = "mode=disclose";

#[cfg(test)]
mod tests {

    use super::*;
    use crate::cmd::check::finding::{Finding, Status, findings};

    /// As Asterisk 22 shows it.
    const OWN: &str = "[ Context 'custom-openai' created by 'pbx_config' ]\n  '8008' =>         1. Answer()                      [a:1]\n                    2. Goto(custom-openai,8009,judge)            [a:2]\n  '8009' =>         1. Answer()                      [a:3]\n\n[ Context 'custom-openai-cleanup' created by 'pbx_config' ]\n  's' =>            1. Return()                      [a:4]\n\n";

    fn found(others: &str) -> Finding {
        let ways = Ways::of(&format!(
            "{OWN}[ Context 'x' created by 'pbx_config' ]\n{others}"
        ));
        let found = findings(|report| examine_in(&ways, report));
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
                "custom-openai,7 (from the context x)",
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
    fn callers_from_outside_who_are_told_nothing_are_found_by_the_way_that_they_take() {
        let table = [
            (
                "ext-did-0002",
                "'1' =>  1. Goto(custom-openai,8008,1) [x:1]",
                true,
            ),
            (
                "from-assistant-trunk",
                "'_X.' =>  1. Goto(custom-openai,8008,1) [x:1]",
                true,
            ),
            (
                "from-pstn",
                "Include =>        'custom-openai'     [pbx_config]",
                true,
            ),
            (
                "from-pstn",
                "Include =>        'other'     [pbx_config]",
                false,
            ),
            ("ivr-1", "'1' =>  1. Goto(other,8008,1) [x:1]", false),
            (
                "app-miscapps",
                "'8008' =>  1. Goto(custom-openai,8008,1) [x:1]",
                false,
            ),
            (
                "from-internal",
                "Include =>        'custom-openai'     [pbx_config]",
                false,
            ),
        ];
        for (context, step, is_told) in table {
            let plan = format!("{OWN}[ Context '{context}' created by 'pbx_config' ]\n  {step}\n");
            let found = findings(|report| examine_untold(&Ways::of(&plan), report));
            let warned = found.iter().filter(|it| it.status == Status::Warn);
            assert_eq!(warned.count(), usize::from(is_told), "{context} {step}");
            assert!(found.iter().all(|it| it.text.contains(context)));
        }
    }
}
