//! Talks of several turns on extension 8009: who speaks is heard and answered, and ends it or is transferred.

use std::fs::OpenOptions;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use testkit::audio::Clip;
use testkit::{Sandbox, Script, Settings, Stage};

use crate::caller::{self, NEAR, SOON, answer, call_works, data, data_dir, turns_told, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::{Call, Codec, Found, Heard, Phone, Said};
use crate::report::Report;

/// What is answered to a question of `tests/data` instead of its own answer.
pub(super) fn services(answers: &[(&str, &str)]) -> Sandbox {
    let mut scripts = Script::standard(&data_dir());
    for (name, answer) in answers {
        let wav = data_dir().join(format!("question-{name}.wav"));
        let is_it = |script: &&mut Script| script.question_wav.as_deref() == Some(wav.as_path());
        let script = scripts.iter_mut().find(is_it).unwrap();
        (script.answer, script.answer_wav) = ((*answer).to_owned(), None);
    }
    Sandbox::start(scripts)
}

pub(super) fn machine(
    lab: &Lab,
    sandbox: Sandbox,
    change: impl Fn(Settings) -> Settings,
) -> Machine {
    let machine = Machine::installed(lab, sandbox);
    machine.configure(&change(machine.settings()));
    machine
}

/// A caller of 8009 who has been greeted.
pub(super) fn dial(machine: &Machine, phone: &Phone) -> Result<Call, String> {
    let mut call = caller::dial_to(phone, "8009")?;
    call.wait_to_hear(&machine.sound("hello"), SOON)?;
    Ok(call)
}

/// Says something, waits for the answer and hears it out.
pub(super) fn turn(
    call: &mut Call,
    question: &str,
    answer: &Clip,
) -> Result<(Said, Found), String> {
    let said = call.say(&words(question));
    call.listen_from(said.last_voiced);
    let found = call.wait_to_hear(answer, SOON)?;
    // People breathe before they speak on.
    thread::sleep(Duration::from_millis(400));
    Ok((said, found))
}

pub(crate) fn run(lab: &Lab, report: &Report) {
    let sandbox = services(&[("opening-hours", &format!("{GOODBYE} [[goodbye]]"))]);
    let machine = machine(lab, sandbox, |settings| settings);
    for codec in [Codec::Ulaw, Codec::G722] {
        let name =
            format!("a talk of three turns on a {codec:?} phone ends when the caller wants that");
        report.check(&name, || {
            let phone = machine.phone().codec(codec);
            let mut call = dial(&machine, &phone)?;
            turn(&mut call, "question-tea.wav", &answer("tea"))?;
            turn(&mut call, "question-moon.wav", &answer("moon"))?;
            let said = call.say(&words("question-opening-hours.wav"));
            let heard = call.wait_for_end(LONGEST);
            let goodbye = only(&heard, &machine.sandbox.spoken(GOODBYE))?;
            ended_after(&heard, goodbye.ends)?;
            let turns = turns_told(&machine);
            if goodbye.begins < said.last_voiced || turns != Some(5) {
                return Err(format!("the model was told {turns:?} turns"));
            }
            machine.becomes_clean()?;
            let records = machine.call_records();
            match records.lines().last() {
                Some(last) if last.contains(",8009,ANSWERED") => Ok(()),
                last => Err(format!("the record of the call is {last:?}")),
            }
        });
    }
    report.check(
        "a caller who says nothing is asked once, and then it says goodbye",
        || {
            let before = machine.sandbox.requests().len();
            let call = dial(&machine, &machine.phone())?;
            let heard = call.wait_for_end(LONGEST);
            let asked = only(&heard, &machine.sound("beep"))?;
            let goodbye = only(&heard, &machine.sound("goodbye"))?;
            let between = (goodbye.begins - asked.ends).as_secs_f64();
            if !(7.5..9.5).contains(&between) || machine.sandbox.requests().len() != before {
                return Err(format!("goodbye {between} s after the question"));
            }
            machine.becomes_clean()
        },
    );
    report.check("the # key ends a turn at once", || {
        let mut call = dial(&machine, &machine.phone())?;
        let said = call.say(&words("question-tea.wav"));
        call.press('#');
        call.listen_from(said.last_voiced);
        let found = call.wait_to_hear(&answer("tea"), SOON)?;
        call.hang_up();
        let waited = found.begins - said.last_voiced;
        if waited < QUIET {
            machine.becomes_clean()
        } else {
            Err(format!("the answer came after {waited:?}"))
        }
    });
}

pub(crate) fn transfer(lab: &Lab, report: &Report) {
    let sandbox = services(&[
        ("tea", &format!("{CONNECT} [[transfer reception]]")),
        ("opening-hours", &format!("{CONNECT} [[transfer 201]]")),
    ]);
    let machine = machine(lab, sandbox, |settings| {
        settings
            .set("conversation.transfers", ["reception=200"])
            .set("conversation.ask_after", 2)
    });
    report.check(
        "a caller is transferred to whom the settings name, after the last word",
        || {
            let call = dial(&machine, &machine.phone())?;
            call.say(&words("question-tea.wav"));
            let heard = call.wait_for_end(LONGEST);
            let said = only(&heard, &machine.sandbox.spoken(CONNECT))?;
            let reception = only(&heard, &machine.sound("hello-world"))?;
            if reception.begins + NEAR < said.ends {
                return Err("the reception spoke first".into());
            }
            machine.becomes_clean()
        },
    );
    report.check("whoever is transferred no longer counts", || {
        machine.set_global("ASSISTANT_MAX_CALLS", "1");
        let counted = machine.asterisk("group show channels");
        if counted.contains("assistant") {
            return Err(counted);
        }
        call_works(&machine)
    });
    report.check(
        "nobody is transferred to where the settings do not lead",
        || {
            let call = dial(&machine, &machine.phone())?;
            call.say(&words("question-opening-hours.wav"));
            let heard = call.wait_for_end(LONGEST);
            only(&heard, &machine.sandbox.spoken(CONNECT))?;
            only(&heard, &machine.sound("goodbye"))?;
            machine.becomes_clean()
        },
    );
}

/// FreePBX has an announcement for every number that does not exist.
pub(crate) fn transfer_to_nobody(lab: &Lab, report: &Report) {
    let sandbox = services(&[("moon", &format!("{CONNECT} [[transfer nobody]]"))]);
    let machine = machine(lab, sandbox, |settings| {
        settings.set("conversation.transfers", ["nobody=299"])
    });
    report.check(
        "a number that FreePBX only knows an announcement for is an apology and a warning",
        || {
            let call = dial(&machine, &machine.phone())?;
            call.say(&words("question-moon.wav"));
            let heard = call.wait_for_end(LONGEST);
            only(&heard, &machine.sandbox.spoken(CONNECT))?;
            only(&heard, &machine.sound("im-sorry"))?;
            let warning = machine.last_warning();
            if warning.contains("TRANSFER") {
                machine.becomes_clean()
            } else {
                Err(warning)
            }
        },
    );
}

pub(crate) fn hang_ups(lab: &Lab, report: &Report) {
    let connect = format!("{CONNECT} [[transfer reception]]");
    let services = services(&[("opening-hours", &connect)]);
    let machine = machine(lab, services, |settings| {
        settings
            .set("conversation.transfers", ["reception=200"])
            .set("conversation.ask_after", 3)
    });
    for (when, moment) in MOMENTS {
        report.check(
            &format!("who hangs up {when} of a talk leaves nothing"),
            || {
                let mut call = caller::dial_to(&machine.phone(), "8009")?;
                moment(&machine, &mut call)?;
                let heard = call.hang_up();
                machine.becomes_clean()?;
                for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
                    machine.sandbox.restore(stage);
                }
                let late = machine
                    .sandbox
                    .requests()
                    .iter()
                    .filter(|asked| asked.at > heard.ended)
                    .count();
                if late == 0 {
                    Ok(())
                } else {
                    Err(format!("{late} requests came after it"))
                }
            },
        );
    }
}

type Moment = fn(&Machine, &mut Call) -> Result<(), String>;

const MOMENTS: &[(&str, Moment)] = &[
    ("in the greeting", |_, call| {
        call.wait_for_sound(SOON).map(drop)
    }),
    ("while speaking", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        call.start_saying(&words("question-tea.wav"));
        thread::sleep(Duration::from_millis(900));
        Ok(())
    }),
    ("while speech is recognised", |machine, call| {
        until_asked(machine, call, Stage::Stt)
    }),
    ("while the model thinks", |machine, call| {
        until_asked(machine, call, Stage::Llm)
    }),
    ("while the voice is made", |machine, call| {
        until_asked(machine, call, Stage::Tts)
    }),
    ("in the answer", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        call.say(&words("question-tea.wav"));
        call.wait_for_sound(SOON)?;
        thread::sleep(Duration::from_millis(500));
        Ok(())
    }),
    ("after the first turn", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        turn(call, "question-tea.wav", &answer("tea")).map(drop)
    }),
    ("while interrupting an answer", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        let said = call.say(&words("question-moon.wav"));
        call.listen_from(said.last_voiced);
        call.wait_for_sound(SOON)?;
        thread::sleep(Duration::from_secs(1));
        call.start_saying(&words("question-tea.wav"));
        thread::sleep(Duration::from_millis(600));
        Ok(())
    }),
    ("when asked whether they are there", |machine, call| {
        call.wait_to_hear(&machine.sound("beep"), SOON).map(drop)
    }),
    ("in the last sentence", |machine, call| {
        let asked = call.wait_to_hear(&machine.sound("beep"), SOON)?;
        call.listen_from(asked.ends);
        call.wait_for_sound(SOON).map(drop)
    }),
    ("after being transferred", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        call.say(&words("question-opening-hours.wav"));
        let said = call.wait_to_hear(&machine.sandbox.spoken(CONNECT), SOON)?;
        call.listen_from(said.ends);
        call.wait_for_sound(SOON).map(drop)
    }),
];

/// A stage is busy with the caller's question for longer than they stay.
fn until_asked(machine: &Machine, call: &mut Call, stage: Stage) -> Result<(), String> {
    call.wait_to_hear(&machine.sound("hello"), SOON)?;
    let before = machine.sandbox.requests_to(stage).len();
    machine.sandbox.delay(stage, Duration::from_secs(8));
    call.say(&words("question-tea.wav"));
    machine.sandbox.wait_for(stage, before + 1, SOON);
    Ok(())
}

/// What somebody has said is known in their next call, until it is forgotten.
pub(crate) fn memory(lab: &Lab, report: &Report) {
    let machine = machine(lab, services(&[]), |settings| {
        settings.set("memory.callers", "internal")
    });
    let contents = |phone: &Phone, question: &str, name: &str| {
        let mut call = dial(&machine, phone)?;
        turn(&mut call, question, &answer(name))?;
        call.hang_up();
        machine.becomes_clean()?;
        turns_told(&machine).ok_or_else(|| "the model was not asked".to_owned())
    };
    let same = |found: usize, expected: usize| {
        if found == expected {
            Ok(())
        } else {
            Err(format!("the model was told {found} turns"))
        }
    };
    let (own, stranger) = (
        machine.phone().number("1205"),
        machine.phone().number("+4930123456"),
    );
    report.check(
        "the next call of one of the house's phones goes on where the last ended",
        || {
            same(contents(&own, "question-tea.wav", "tea")?, 1)?;
            same(contents(&own, "question-moon.wav", "moon")?, 3)?;
            let shown = machine.root().shell("phone-assistant callers");
            if shown.contains("1205") {
                Ok(())
            } else {
                Err(shown)
            }
        },
    );
    report.check(
        "an extension that shows another number is remembered by its own",
        || {
            machine.asterisk("database put DEVICE 1205/user 1205");
            machine.asterisk("database put AMPUSER 1205/cidnum 4930987");
            let found = contents(&own, "question-tea.wav", "tea")?;
            machine.asterisk("database del AMPUSER 1205/cidnum");
            let records = machine.call_records();
            if records
                .lines()
                .last()
                .is_some_and(|line| line.starts_with("4930987,"))
            {
                same(found, 5)
            } else {
                Err(format!("the other number is not shown: {records}"))
            }
        },
    );
    report.check(
        "whoever is forgotten begins anew, and nobody else is remembered",
        || {
            machine.root().shell("phone-assistant forget 1205");
            same(contents(&own, "question-tea.wav", "tea")?, 1)?;
            same(contents(&stranger, "question-tea.wav", "tea")?, 1)?;
            same(contents(&stranger, "question-moon.wav", "moon")?, 1)?;
            let files = machine
                .root()
                .shell("find /var/lib/phone-assistant/callers -not -user asterisk");
            if files.is_empty() { Ok(()) } else { Err(files) }
        },
    );
}

/// The manual's two extensions, as an administrator puts them into the dialplan.
pub(crate) fn personas(lab: &Lab, report: &Report) {
    let services = services(&[(
        "opening-hours",
        &format!("{CONNECT} [[transfer reception]]"),
    )]);
    let machine = machine(lab, services, |settings| {
        settings
            .set("conversation.transfers", ["reception=200"])
            .set("persona.kitchen.prompt", COOK)
            .set("persona.kitchen.voice", "onyx")
            .set("persona.kitchen.greeting", GREETING)
            .set("persona.office.prompt", CLERK)
            .set("persona.office.language", "en-GB")
    });
    let dialplan = machine.path("/etc/asterisk/extensions_custom.conf");
    let dialplan = OpenOptions::new().append(true).open(dialplan);
    dialplan.unwrap().write_all(EXTENSIONS.as_bytes()).unwrap();
    machine.asterisk("dialplan reload");
    let asked = |expected: [(Stage, &str); 3]| {
        for (stage, words) in expected {
            let asked = machine.sandbox.requests_to(stage);
            let body = asked.last().map(|asked| asked.body.to_string());
            if !body.as_ref().is_some_and(|body| body.contains(words)) {
                return Err(format!("not {words:?} in {body:?}"));
            }
        }
        machine.becomes_clean()
    };
    report.check("one number is answered by one persona", || {
        let mut call = caller::dial_to(&machine.phone(), "8010")?;
        let said = caller::ask_in(&mut call, &machine, &data("question-tea.wav"))?;
        caller::listen(call, said)?.only_answer("tea")?;
        asked([
            (Stage::Stt, "en-GB"),
            (Stage::Llm, CLERK),
            (Stage::Tts, "nova"),
        ])
    });
    report.check("another number talks in another's voice", || {
        let mut call = caller::dial_to(&machine.phone(), "8011")?;
        call.wait_to_hear(&machine.sandbox.spoken(GREETING), SOON)?;
        turn(&mut call, "question-tea.wav", &answer("tea"))?;
        call.hang_up();
        asked([
            (Stage::Stt, "en-US"),
            (Stage::Llm, COOK),
            (Stage::Tts, "onyx"),
        ])
    });
    report.check(
        "a persona transfers callers too, to where the dialplan of its extension dials",
        || {
            let mut call = caller::dial_to(&machine.phone(), "8011")?;
            call.wait_to_hear(&machine.sandbox.spoken(GREETING), SOON)?;
            call.say(&words("question-opening-hours.wav"));
            let heard = call.wait_for_end(LONGEST);
            only(&heard, &machine.sound("hello-world"))?;
            machine.becomes_clean()
        },
    );
    report.check(
        "records of calls tell the number that was dialled, how it ended and who answered",
        || {
            let mut call = caller::dial_to(&machine.phone(), "8009")?;
            call.wait_for_sound(SOON)?;
            call.hang_up();
            machine.becomes_clean()?;
            let records = machine.call_records();
            let table = [
                (",8010,", "persona=office"),
                (",8011,", "persona=kitchen"),
                (",200,", "persona=kitchen"),
                (",8009,", "HANGUP"),
            ];
            let has = |(number, words): &(&str, &str)| {
                let mut lines = records.lines();
                lines.any(|line| line.contains(number) && line.contains(words))
            };
            match table.iter().find(|row| !has(row)) {
                None => Ok(()),
                Some(row) => Err(format!("no {row:?} in {records}")),
            }
        },
    );
    report.check("whoever calls 8008 is answered by neither", || {
        call_works(&machine)?;
        let default = "You are a friendly voice on the telephone.";
        asked([
            (Stage::Stt, "en-US"),
            (Stage::Llm, default),
            (Stage::Tts, "nova"),
        ])
    });
}

/// What the manual adds to the dialplan for them.
const EXTENSIONS: &str = include_str!("../../../src/manual/personas.conf");

/// It was heard once.
pub(super) fn only(heard: &Heard, sound: &Clip) -> Result<Found, String> {
    match heard.find(sound)[..] {
        [only] => Ok(only),
        ref found => Err(format!(
            "it was heard at {found:?}, at best by {:.2}; {}",
            heard.likeness(sound),
            heard.summary()
        )),
    }
}

pub(super) fn ended_after(heard: &Heard, moment: Instant) -> Result<(), String> {
    if heard.ended + NEAR >= moment {
        Ok(())
    } else {
        Err("the call ended before the last word".into())
    }
}

pub(super) const GOODBYE: &str =
    "It was a pleasure to talk with you, and good luck with the garden.";
const GREETING: &str = "Kitchen, what can I do for you?";
const COOK: &str = "You answer in a kitchen.";
const CLERK: &str = "You answer in an office.";
const CONNECT: &str = "One moment please, I will connect you with the reception.";
/// The program's default.
pub(super) const QUIET: Duration = Duration::from_millis(700);
const LONGEST: Duration = Duration::from_secs(60);
