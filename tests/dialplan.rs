//! The example dialplan, read as text: its variables, branches, sounds and file names against the contract with
//! the binary. What Asterisk makes of it is seen on a real one.
//! <https://docs.asterisk.org/Configuration/Dialplan/>

mod evaluate;
mod listening;

use std::collections::{BTreeMap, BTreeSet};

#[test]
fn priorities_follow_each_other_from_one() {
    let mut next: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for step in &steps(EXAMPLE) {
        let expected = next.entry((step.context, step.exten)).or_insert(1);
        assert_eq!(step.priority, *expected, "{step:?}");
        *expected += 1;
    }
    assert_eq!(next.len(), 4, "{next:?}");
}

#[test]
fn every_jump_has_a_place_to_land() {
    let steps = steps(EXAMPLE);
    for step in &steps {
        for target in step.jumps() {
            assert!(lands(&steps, target), "{target} of {step:?}");
        }
    }
}

#[test]
fn every_variable_is_known() {
    let known: BTreeSet<&str> = CONTRACT
        .iter()
        .chain(OWN)
        .chain(GLOBALS)
        .chain(ASTERISK)
        .chain([&PERSONA])
        .copied()
        .collect();
    for step in steps(EXAMPLE)
        .iter()
        .filter(|step| !CLEANING.contains(&step.data))
    {
        for variable in variables(step.data) {
            assert!(known.contains(variable), "{variable} in {step:?}");
        }
    }
}

#[test]
fn the_globals_are_explained_at_the_top() {
    let comments = &EXAMPLE[..EXAMPLE.find("[custom-openai]").unwrap()];
    for global in GLOBALS {
        assert!(comments.contains(global), "{global}");
    }
}

#[test]
fn every_status_has_a_branch_and_anything_else_fails() {
    let steps = steps(EXAMPLE);
    let agi = position(&steps, asks);
    let branches: BTreeMap<String, &str> = steps[agi + 1..]
        .iter()
        .map_while(|step| {
            step.data
                .strip_prefix("$[\"${ASSISTANT_STATUS}\" = \"")?
                .split_once("\"]?")
        })
        .map(|(status, label)| (status.to_owned(), label))
        .collect();
    let expected = [
        ("ANSWERED", "answered"),
        ("HANGUP", "answered"),
        ("LIMITED", "limited"),
        ("NOSPEECH", "nospeech"),
        ("TRANSFER", "transfer"),
    ];
    assert_eq!(
        branches,
        expected
            .map(|(status, label)| (status.to_owned(), label))
            .into()
    );
    assert_eq!(
        steps[agi + 1 + branches.len()].label,
        Some("failed"),
        "FAILED, PARTIAL, empty and unknown"
    );
}

#[test]
fn the_status_alone_decides_and_is_cleared_before_the_program_runs() {
    let steps = steps(EXAMPLE);
    let agi = position(&steps, asks);
    let ask = position(&steps, |step| step.label == Some("ask"));
    assert!(
        steps[ask..agi]
            .iter()
            .any(|step| step.data == "ASSISTANT_STATUS=")
    );
    let judges = |step: &&Step| step.application != "Log" && step.data.contains("AGISTATUS");
    assert_eq!(steps.iter().filter(judges).count(), 0);
}

#[test]
fn each_branch_speaks_with_its_own_voice() {
    let steps = steps(EXAMPLE);
    let voices = [
        ("failed", "im-sorry&please-try-call-later"),
        ("sorry", "im-sorry&please-try-call-later"),
        ("nospeech", "please-try-again"),
        ("goodbye", "goodbye"),
        ("busy", "all-circuits-busy-now"),
        ("answered", "${ASSISTANT_FILE}"),
        ("limited", "${ASSISTANT_LIMITED_SOUND}"),
        ("ask", "beep"),
        ("welcome", "custom/assistant-welcome"),
    ];
    for (label, sound) in voices {
        let from = position(&steps, |step| step.label == Some(label));
        let first = steps[from..]
            .iter()
            .find(|step| step.application == "Playback")
            .unwrap();
        assert_eq!(first.data, sound, "{label}");
    }
}

#[test]
fn every_step_is_reached() {
    let steps = steps(EXAMPLE);
    for pair in steps.windows(2) {
        let leaves = ["Goto", "Hangup", "Return"].contains(&pair[0].application);
        let begins = pair[1].priority == 1 || pair[1].label.is_some();
        assert!(!leaves || begins, "{:?}", pair[1]);
    }
}

#[test]
fn no_branch_runs_on_into_the_next() {
    let steps = steps(EXAMPLE);
    for label in [
        "answered", "nospeech", "goodbye", "transfer", "limited", "busy",
    ] {
        let at = position(&steps, |step| step.label == Some(label));
        assert!(
            ["Hangup", "Goto", "Return"].contains(&steps[at - 1].application),
            "before {label}"
        );
    }
    assert_eq!(steps.last().unwrap().application, "Return");
}

#[test]
fn sounds_are_among_asterisks_own() {
    let spoken = steps(EXAMPLE)
        .into_iter()
        .filter(|step| step.application == "Playback");
    let sounds: BTreeSet<&str> = spoken.flat_map(|step| step.data.split('&')).collect();
    for sound in sounds
        .iter()
        .filter(|sound| !sound.starts_with("${") && !sound.starts_with("custom/"))
    {
        assert!(CORE_SOUNDS.contains(sound), "{sound}");
    }
}

#[test]
fn names_of_files_are_made_of_the_call_alone() {
    let steps = steps(EXAMPLE);
    let named = steps
        .iter()
        .find(|step| step.data.starts_with("ASSISTANT_CALL="))
        .unwrap();
    assert_eq!(
        named.data,
        "ASSISTANT_CALL=/var/lib/phone-assistant/calls/call-${UNIQUEID}"
    );
    let runs_or_writes = ["AGI", "ExecIf", "MixMonitor", "StopMixMonitor", "System"];
    for step in steps
        .iter()
        .filter(|step| runs_or_writes.contains(&step.application))
    {
        for variable in variables(step.data) {
            let is_trusted = TRUSTED.contains(&variable) || variable == PERSONA;
            assert!(is_trusted, "{variable} in {step:?}");
        }
    }
    let agi = &steps[position(&steps, asks)];
    assert_eq!(
        agi.data,
        "phone-assistant,recording=${ASSISTANT_CALL}${ASSISTANT_TRY}.wav,reply=${ASSISTANT_CALL}-reply,persona=${ASSISTANT_PERSONA}"
    );
}

#[test]
fn nothing_that_a_caller_chooses_is_used_but_to_keep_it_on_one_line() {
    for step in steps(EXAMPLE)
        .iter()
        .filter(|step| !CLEANING.contains(&step.data))
    {
        for chosen in [
            "CALLERID",
            "EXTEN",
            "SIP",
            "PJSIP",
            "CDR",
            "ASSISTANT_QUESTION",
            "ASSISTANT_ANSWER",
        ] {
            assert!(
                !variables(step.data).any(|variable| variable.starts_with(chosen)),
                "{chosen} in {step:?}"
            );
        }
    }
}

/// Before a number or name is handed on, no line break is left in it.
#[test]
fn every_way_to_the_program_keeps_the_callers_words_on_one_line() {
    let steps = steps(EXAMPLE);
    let is_ours =
        |step: &&Step| step.application.ends_with("AGI") && !step.data.contains("mode=check");
    let mut ways = 0;
    for program in steps.iter().filter(is_ours) {
        let before = steps
            .iter()
            .filter(|step| step.exten == program.exten && step.priority < program.priority);
        let cleaning = before
            .map(|step| step.data)
            .filter(|data| CLEANING.contains(data));
        assert_eq!(cleaning.collect::<Vec<_>>(), CLEANING, "{program:?}");
        ways += 1;
    }
    assert_eq!(ways, 3);
}

/// Before any sound that a caller could take for a person's, and not again for a second try.
#[test]
fn callers_are_told_what_they_talk_with_before_the_welcome_and_once() {
    let steps = steps(EXAMPLE);
    let tells: Vec<_> = (0..steps.len())
        .filter(|at| steps[*at].data.contains("mode=disclose"))
        .collect();
    let [at] = tells[..] else {
        panic!("{tells:?}");
    };
    let step = &steps[at];
    assert_eq!(
        (step.exten, step.application, step.data),
        (
            "8008",
            "AGI",
            "phone-assistant,mode=disclose,persona=${ASSISTANT_PERSONA}"
        )
    );
    let is_heard = |step: &Step| step.application == "Playback";
    assert!(!steps[..at].iter().any(is_heard), "before it");
    assert_eq!(steps[0].application, "Answer");
    assert!(at < position(&steps, |step| step.label == Some("ask")));
    let promise = |step: &Step| step.data.starts_with("CHANNEL(hangup_handler_push)");
    assert!(position(&steps, promise) < at, "a hang-up is cleaned up");
}

const CLEANING: [&str; 3] = [
    r"CALLERID(num)=${FILTER(0-9A-Za-z+*#._@\-,${CALLERID(num)})}",
    "ASSISTANT_NAME=${CALLERID(name)}",
    r"CALLERID(name)=${REPLACE(ASSISTANT_NAME,\\n\\r, )}",
];

#[test]
fn the_clean_up_takes_every_file_of_this_call_by_its_exact_name() {
    let steps = steps(EXAMPLE);
    let removals = steps
        .iter()
        .filter(|step| step.context == "custom-openai-cleanup" && step.data.contains("rm -f"));
    let removals: Vec<&str> = removals.map(|step| step.data).collect();
    let replies = ["", ".part"].map(|part| {
        ["ulaw", "alaw", "sln16"].map(|format| format!("'${{ARG1}}-reply.{format}{part}'"))
    });
    let unless_dealt_with =
        "$[\"${ASSISTANT_STATUS}\" = \"\"]?System(rm -f -- '${ARG1}${ASSISTANT_TRY}.wav')";
    assert_eq!(
        removals,
        [
            unless_dealt_with,
            &format!("rm -f -- {}", replies.concat().join(" "))
        ]
    );
}

#[test]
fn each_try_is_recorded_under_its_own_name_from_asking_to_cleaning() {
    let steps = steps(EXAMPLE);
    let tries: Vec<&str> = steps
        .iter()
        .filter(|step| step.exten == "8008")
        .filter_map(|step| step.data.strip_prefix("ASSISTANT_TRY="))
        .collect();
    assert_eq!(tries, ["", "-2"]);
    let ask = position(&steps, |step| step.label == Some("ask"));
    assert!(position(&steps, |step| step.data == "ASSISTANT_TRY=") < ask);
    let recordings = steps.iter().filter(|step| step.data.contains(".wav"));
    for step in recordings.filter(|step| step.application != "GotoIf") {
        assert!(step.data.contains("${ASSISTANT_TRY}.wav"), "{step:?}");
    }
}

#[test]
fn the_clean_up_is_promised_before_there_is_a_file() {
    let steps = steps(EXAMPLE);
    let promise = "CHANNEL(hangup_handler_push)=custom-openai-cleanup,s,1(${ASSISTANT_CALL})";
    let promised = position(&steps, |step| step.data == promise);
    assert!(promised < position(&steps, |step| step.application == "MixMonitor"));
    assert_eq!(
        steps[promised - 1].data.split('=').next(),
        Some("ASSISTANT_CALL")
    );
}

#[test]
fn the_number_stands_where_install_can_change_it() {
    let changed = EXAMPLE.replace("8008", "7").replace("8009", "*9");
    let numbers: BTreeSet<&str> = steps(&changed).iter().map(|step| step.exten).collect();
    assert_eq!(numbers, BTreeSet::from(["7", "*9", "check", "s"]));
}

#[test]
fn a_conversation_is_counted_cleaned_and_judged_as_a_question_is() {
    let steps = steps(EXAMPLE);
    let of = |exten: &str| {
        steps
            .iter()
            .filter(|step| step.exten == exten)
            .collect::<Vec<_>>()
    };
    let (question, talk) = (of("8008"), of("8009"));
    let eagi = talk
        .iter()
        .position(|step| step.application == "EAGI")
        .unwrap();
    for step in &talk[..eagi] {
        let data = step.data.replace("custom-openai,8008,", "");
        let is_shared = question.iter().any(|other| other.data == data);
        assert!(
            is_shared || step.data.starts_with("EAGI_AUDIO_FORMAT="),
            "{step:?}"
        );
    }
    assert_eq!(
        talk[eagi].data,
        "phone-assistant,mode=conversation,reply=${ASSISTANT_CALL}-reply,persona=${ASSISTANT_PERSONA}"
    );
    let behind: Vec<_> = talk[eagi + 1..].iter().map(|step| step.data).collect();
    let transfer = "${ASSISTANT_TRANSFER_CONTEXT},${ASSISTANT_TRANSFER},1";
    let returns = "$[\"${ARG1}\" = \"transfer\"]?Return()";
    assert_eq!(behind, ["custom-openai,8008,judge", returns, transfer]);
}

/// Asterisk's record of a call has the last extension of the dialplan that was not in a subroutine.
#[test]
fn the_record_of_a_call_keeps_the_number_that_was_dialled() {
    for step in steps(EXAMPLE).iter().chain(&steps(PERSONAS)) {
        let leaves = |target: &&str| {
            let mut parts = target.split(',').skip(1);
            parts.next().is_some_and(|exten| exten != step.exten)
        };
        let left: Vec<_> = step.jumps().into_iter().filter(leaves).collect();
        let is_kept = step.application.starts_with("Gosub") || step.application == "Set";
        let is_transfer = left
            .iter()
            .all(|target| target.starts_with("${ASSISTANT_TRANSFER"));
        assert!(is_kept || is_transfer, "{step:?}");
    }
}

/// A transfer may lead to another number of the assistant's.
#[test]
fn a_persona_answers_the_extensions_that_name_it_until_it_transfers_the_caller() {
    let (numbers, plan) = (steps(PERSONAS), steps(EXAMPLE));
    let names = ["office", "kitchen"].map(|name| format!("{PERSONA}={name}"));
    let set = numbers.iter().filter(|step| step.application == "Set");
    assert_eq!(set.map(|step| step.data).collect::<Vec<_>>(), names);
    let targets: Vec<_> = numbers.iter().flat_map(Step::jumps).collect();
    let transfer = "${ASSISTANT_TRANSFER_CONTEXT},${ASSISTANT_TRANSFER},1";
    let ours = ["custom-openai,8008,1", "custom-openai,8009,1(transfer)"];
    assert_eq!(targets, [ours[0], transfer, ours[1], transfer]);
    assert!(targets.iter().all(|target| lands(&plan, target)));
    let transfer = position(&plan, |step| step.label == Some("transfer"));
    let cleared = format!("{PERSONA}=");
    let leaves = |step: &Step| step.data.starts_with("${ASSISTANT_TRANSFER_CONTEXT},");
    let left = position(&plan, leaves);
    assert!(plan[transfer..left].iter().any(|step| step.data == cleared));
}

#[test]
fn no_comment_opens_a_comment_of_many_lines() {
    assert!(!EXAMPLE.contains(";--"), "Asterisk would skip what follows");
}

#[test]
fn the_way_in_from_a_trunk_works_once_its_semicolons_are_gone() {
    let from = EXAMPLE.find(";[from-assistant-trunk]").unwrap();
    let trunk: String = EXAMPLE[from..]
        .lines()
        .map(|line| line.trim_start_matches(';').to_owned() + "\n")
        .collect();
    let steps_in = steps(&trunk);
    assert_eq!(steps_in.len(), 3);
    assert!(
        steps_in
            .iter()
            .any(|step| step.data.starts_with("ASSISTANT_MAX_CALLS="))
    );
    for target in steps_in.iter().flat_map(Step::jumps) {
        assert!(lands(&steps(EXAMPLE), target), "{target}");
    }
}

/// One priority: ` same => n(label),Application(data)`.
#[derive(Debug)]
struct Step<'a> {
    context: &'a str,
    exten: &'a str,
    priority: usize,
    label: Option<&'a str>,
    application: &'a str,
    data: &'a str,
}

impl<'a> Step<'a> {
    /// Labels and `context,exten,priority` that this step may go to.
    fn jumps(&self) -> Vec<&'a str> {
        match self.application {
            "Goto" | "Gosub" => vec![self.data],
            "GotoIf" | "GosubIf" => self.data.rsplit_once("]?").unwrap().1.split(':').collect(),
            "Set" => self
                .data
                .strip_prefix("CHANNEL(hangup_handler_push)=")
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }
}

fn steps(text: &str) -> Vec<Step<'_>> {
    let (mut context, mut exten, mut priority) = ("", "", 0);
    let mut steps = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(';'))
    {
        if let Some(name) = line.strip_prefix('[') {
            context = name.strip_suffix(']').unwrap();
            continue;
        }
        let (label, call) = if let Some(first) = line.strip_prefix("exten => ") {
            let (number, rest) = first.split_once(',').unwrap();
            (exten, priority) = (number, 1);
            (None, rest.strip_prefix("1,").unwrap())
        } else {
            priority += 1;
            labelled(
                line.strip_prefix(" same => n")
                    .unwrap_or_else(|| panic!("not a priority: {line}")),
            )
        };
        let (application, data) = call
            .strip_suffix(')')
            .and_then(|call| call.split_once('('))
            .unwrap();
        steps.push(Step {
            context,
            exten,
            priority,
            label,
            application,
            data,
        });
    }
    steps
}

fn labelled(rest: &str) -> (Option<&str>, &str) {
    match rest.strip_prefix('(') {
        Some(rest) => rest
            .split_once("),")
            .map(|(label, call)| (Some(label), call))
            .unwrap(),
        None => (None, rest.strip_prefix(',').unwrap()),
    }
}

/// A target made of variables is a place that only a call knows.
fn lands(steps: &[Step], target: &str) -> bool {
    match *target
        .split('(')
        .next()
        .unwrap()
        .splitn(3, ',')
        .collect::<Vec<_>>()
    {
        [label] => steps.iter().any(|step| step.label == Some(label)),
        [context, exten, place] => {
            let is_it = |step: &Step| place == "1" || step.label == Some(place);
            context.starts_with("${")
                || steps
                    .iter()
                    .any(|step| step.context == context && step.exten == exten && is_it(step))
        }
        _ => false,
    }
}

/// `A`, `B` of `${A} ${B(${C})}`, and `C`.
fn variables(data: &str) -> impl Iterator<Item = &str> {
    let name_end = |text: &str| {
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    data.split("${")
        .skip(1)
        .map(move |rest| &rest[..name_end(rest)])
}

/// Whether a step lets the program answer a question.
fn asks(step: &Step) -> bool {
    step.application == "AGI" && step.data.contains("recording=")
}

fn position(steps: &[Step], is: impl Fn(&Step) -> bool) -> usize {
    steps.iter().position(is).unwrap()
}

const EXAMPLE: &str = include_str!("../extensions_custom.conf.example");
const PERSONAS: &str = include_str!("../src/manual/personas.conf");

/// What an extension of an administrator's sets before it goes to the example's.
const PERSONA: &str = "ASSISTANT_PERSONA";

/// What the binary sets.
const CONTRACT: &[&str] = &[
    "ASSISTANT_STATUS",
    "ASSISTANT_FILE",
    "ASSISTANT_QUESTION",
    "ASSISTANT_ANSWER",
    "ASSISTANT_ERROR",
    "ASSISTANT_KEY",
    "ASSISTANT_TRANSFER",
];

/// What the dialplan sets for itself.
const OWN: &[&str] = &[
    "ARG1",
    "ASSISTANT_BEST",
    "ASSISTANT_CALL",
    "ASSISTANT_CAME",
    "ASSISTANT_LEFT",
    "ASSISTANT_MONITOR",
    "ASSISTANT_PART",
    "ASSISTANT_QUIET",
    "ASSISTANT_RATE",
    "ASSISTANT_SHORT",
    "ASSISTANT_TRY",
    "ASSISTANT_WELCOME",
    "ASSISTANT_WENT",
];

/// What is made of the call alone, by Asterisk or the binary.
const TRUSTED: &[&str] = &[
    "ARG1",
    "ASSISTANT_CALL",
    "ASSISTANT_FILE",
    "ASSISTANT_MONITOR",
    "ASSISTANT_STATUS",
    "ASSISTANT_TRY",
];

/// What an administrator may set.
const GLOBALS: &[&str] = &[
    "ASSISTANT_MAX_CALLS",
    "ASSISTANT_LIMITED_SOUND",
    "ASSISTANT_SILENCE",
    "ASSISTANT_TRANSFER_CONTEXT",
];

/// Asterisk's variables and functions.
const ASTERISK: &[&str] = &[
    "AGISTATUS",
    "ASTDATADIR",
    "CHANNEL",
    "DIALPLAN_EXISTS",
    "STACK_PEEK",
    "FILTER",
    "GROUP_COUNT",
    "IF",
    "PLAYBACKSTATUS",
    "REGEX",
    "STAT",
    "UNIQUEID",
    "WAITSTATUS",
];

/// From the list of asterisk-core-sounds-en 1.6.1.
const CORE_SOUNDS: &[&str] = &[
    "all-circuits-busy-now",
    "beep",
    "goodbye",
    "im-sorry",
    "please-try-again",
    "please-try-call-later",
];
