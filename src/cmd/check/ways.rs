//! The dialplan: whether the assistant's context is loaded, what leads to it, and where it leads callers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::console::{say, typed};
use super::finding::Report;
use super::globals;
use super::loading;
use super::routes::{self, CONTEXT};
use crate::config::{Audience, Config};
use crate::sys::identity::conf::etc_folder;
use crate::sys::number::is_dialled;

/// Looks for the assistant's context, for what leads to extensions that are not there, and for transfers and
/// personas that are not there.
pub(super) fn examine(config: Option<&Config>, report: &mut Report<'_>) {
    let etc = etc_folder();
    let plan = match say("dialplan show") {
        Ok(plan) => plan,
        Err(why) => {
            let own = say(&format!("dialplan show {CONTEXT}")).unwrap_or_default();
            examine_context(&Ways::of(&own), &etc, config, report);
            let why = format!("Asterisk did not show its whole dialplan: {why}");
            let remedy = format!("look yourself: {}", typed("dialplan show"));
            return report.not_tried("ways in", &why, &remedy);
        }
    };
    let ways = Ways::of(&plan);
    examine_context(&ways, &etc, config, report);
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

fn examine_context(ways: &Ways, etc: &Path, config: Option<&Config>, report: &mut Report<'_>) {
    let id = "dialplan";
    let reload = typed("dialplan reload");
    let remedy = &format!("sudo ./install.sh --dialplan; and: {reload}");
    if !ways.says(RUNS) {
        let module = say("module show like pbx_config").unwrap_or_default();
        let (text, remedy) = match loading::why_not(etc, &module) {
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
    } else if let Some(missing) = loading::missing(etc, &mut BTreeSet::new()) {
        let text = format!(
            "{missing}; at the next restart Asterisk reads none of its dialplan, and no extension answers"
        );
        report.warn(
            id,
            &text,
            &format!("{}, then: {reload}", loading::WAY_TO_INCLUDE),
        );
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
        let number = ways.extensions.iter().find(|it| is_dialled(it));
        let number = number.map_or("8008", String::as_str);
        let remedy = format!(
            "FreePBX: Admin, Custom Destinations, {CONTEXT},{number},1, and then a Misc Application or an Inbound Route; else \
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
    /// A context that leads callers from outside to it, itself or by one more extension, going by its name.
    outside: Option<String>,
}

impl Ways {
    fn of(plan: &str) -> Self {
        let mut ways = Self::default();
        // The contexts that lead to it, each with the extension that does; where it is included, with none.
        let mut leading = BTreeSet::new();
        for Step {
            context,
            exten,
            line,
        } in steps(plan)
        {
            if context == CONTEXT {
                let all = [RUNS, LETS_LOOK_AROUND, TELLS_CALLERS];
                ways.says
                    .extend(all.iter().filter(|words| line.contains(*words)));
                ways.extensions.extend(exten.map(str::to_owned));
            } else if includes(line, CONTEXT) {
                ways.is_included = true;
                leading.insert((context, None));
            } else {
                for target in targets(line, CONTEXT) {
                    leading.insert((context, exten));
                    ways.leading.insert(target.to_owned(), context.to_owned());
                }
            }
        }
        ways.outside = ways.outside_of(plan, &leading).map(str::to_owned);
        ways
    }

    /// A context whose name says that it is for callers from outside, if one of these is `leading` or leads to one.
    fn outside_of<'p>(
        &self,
        plan: &'p str,
        leading: &BTreeSet<(&str, Option<&str>)>,
    ) -> Option<&'p str> {
        let leads = |step: &Step<'_>| {
            leading.iter().any(|(context, exten)| {
                let is_it = |target| {
                    exten.map_or(self.extensions.contains(target), |exten| exten == target)
                };
                step.context == *context
                    || includes(step.line, context)
                    || targets(step.line, context).any(is_it)
            })
        };
        let mut outside = steps(plan).filter(|step| {
            let name = step.context.to_ascii_lowercase();
            OUTSIDE.iter().any(|word| name.contains(word))
        });
        outside.find(leads).map(|step| step.context)
    }

    fn says(&self, words: &str) -> bool {
        self.says.contains(words)
    }
}

/// A line of a context.
struct Step<'p> {
    context: &'p str,
    exten: Option<&'p str>,
    line: &'p str,
}

/// What `dialplan show` has of contexts.
fn steps(plan: &str) -> impl Iterator<Item = Step<'_>> {
    let (mut context, mut exten) = ("", None);
    plan.lines().filter_map(move |line| {
        if let Some(rest) = line.strip_prefix("[ Context '") {
            (context, exten) = (rest.split('\'').next().unwrap_or_default(), None);
            return None;
        }
        let name = line.trim_start().strip_prefix('\'');
        let name = name.and_then(|line| line.split_once("' =>"));
        exten = name.map(|(name, _)| name).or(exten);
        Some(Step {
            context,
            exten,
            line,
        })
    })
}

fn includes(line: &str, context: &str) -> bool {
    line.trim_start().starts_with("Include =>") && line.contains(&format!("'{context}'"))
}

/// The extensions of `context` that one step of the dialplan leads to. What is made of variables is known only in a call.
fn targets<'s>(step: &'s str, context: &'s str) -> impl Iterator<Item = &'s str> {
    let ends_before = |before: &str| before.ends_with(['(', '?', ':', '&', ' ', '/']);
    let found = step.match_indices(context);
    found.filter_map(move |(at, _)| {
        let after = step[at + context.len()..].strip_prefix(',')?;
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
    use std::fs;

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
    fn the_way_in_that_is_proposed_leads_to_an_extension_that_is_there() {
        for number in ["*88", "7009", "8008"] {
            let plan = format!(
                "[ Context '{CONTEXT}' ]\n  '{number}' => 1. Answer()\n  'check' => 1. AGI(x)\n"
            );
            let found = findings(|report| examine_in(&Ways::of(&plan), report));
            let proposed = format!("Custom Destinations, {CONTEXT},{number},1,");
            assert!(found[0].remedy.contains(&proposed), "{found:?}");
        }
    }

    #[test]
    fn a_missing_file_is_told_while_the_dialplan_that_was_read_before_it_still_runs() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let steps = [RUNS, LETS_LOOK_AROUND, TELLS_CALLERS].join("\n");
        let loaded = Ways::of(&format!("[ Context '{CONTEXT}' \n{steps}\n"));
        for (text, expected) in [
            ("", Status::Ok),
            ("#include \"nothere.conf\"\n", Status::Warn),
        ] {
            fs::write(folder.path().join("extensions.conf"), text).expect("written");
            let found = findings(|report| examine_context(&loaded, folder.path(), None, report));
            let [finding] = &found[..] else {
                panic!("{found:?}")
            };
            assert_eq!(finding.status, expected, "{finding:?}");
            if expected == Status::Warn {
                for words in ["nothere.conf", "not there", "next restart"] {
                    assert!(finding.text.contains(words), "{finding:?}");
                }
                assert!(finding.remedy.contains("dialplan reload"), "{finding:?}");
            }
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

    #[test]
    fn callers_from_outside_are_found_behind_one_more_extension() {
        let between = "\
            [ Context 'custom-personas' created by 'pbx_config' ]\n  \
            '8010' =>  1. Set(ASSISTANT_PERSONA=office) [x:1]\n             2. Gosub(custom-openai,8008,1) [x:1]\n  \
            '8012' =>  1. Hangup() [x:1]\n\
            [ Context 'customdests' created by 'pbx_config' ]\n  \
            'dest-1' =>  1. Noop(x) [x:1]\n               2. Gosub(custom-openai,8009,1()) [x:1]\n  \
            'dest-2' =>  1. Gosub(other,8009,1()) [x:1]\n\
            [ Context 'ext-group' created by 'pbx_config' ]\n  \
            '600' =>  1. Dial(PJSIP/1) [x:1]\n            2. Goto(custom-openai,8008,1) [x:1]\n\
            [ Context 'phones' created by 'pbx_config' ]\n  Include =>        'custom-openai'     [pbx_config]\n";
        for (context, step, is_told) in [
            ("ext-did-0002", "Goto(custom-personas,8010,1)", true),
            ("ext-did-0002", "Goto(custom-personas,8012,1)", false),
            ("ext-did-0002", "Goto(customdests,dest-1,1)", true),
            ("ext-did-0002", "Goto(customdests,dest-2,1)", false),
            ("ext-did-0002", "Goto(my-customdests,dest-1,1)", false),
            ("ext-did-0002", "Gosub(ext-group,600,1)", true),
            ("ivr-1", "GotoIf($[1]?ext-group,600,1:hangup)", true),
            ("ivr-1", "Goto(ext-group,601,1)", false),
            ("from-internal", "Goto(ext-group,600,1)", false),
        ] {
            let plan = format!(
                "{OWN}[ Context '{context}' created by 'pbx_config' ]\n  '1' =>  1. {step} [x:1]\n{between}"
            );
            let found = findings(|report| examine_untold(&Ways::of(&plan), report));
            assert_eq!(found.len(), usize::from(is_told), "{context} {step}");
        }
        for (included, is_told) in [("ext-group", true), ("phones", true), ("other", false)] {
            let plan = format!(
                "{OWN}{between}[ Context 'from-pstn' created by 'pbx_config' ]\n  Include =>        '{included}'     [pbx_config]\n"
            );
            let found = findings(|report| examine_untold(&Ways::of(&plan), report));
            assert_eq!(found.len(), usize::from(is_told), "{included}");
        }
    }
}
