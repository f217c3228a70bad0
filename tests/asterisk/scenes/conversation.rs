//! Talks of several turns on extension 8009: who speaks is heard and answered, may interrupt, and ends it or is
//! transferred; and how soon all that happens at the phone.

use std::thread;
use std::time::{Duration, Instant};

use testkit::audio::Clip;
use testkit::{PACE, Sandbox, Script, Settings, Stage};

use crate::caller::{SOON, answer, call_works, data_dir, words};
use crate::lab::Lab;
use crate::machine::Machine;
use crate::phone::{Call, Codec, Found, Heard, Phone, Said, first_audible};
use crate::report::{Report, ms};

/// What is answered to a question of `tests/data` instead of its own answer.
fn services(answers: &[(&str, &str)]) -> Sandbox {
    let mut scripts = Script::standard(&data_dir());
    for (name, answer) in answers {
        let wav = data_dir().join(format!("question-{name}.wav"));
        let is_it = |script: &&mut Script| script.question_wav.as_deref() == Some(wav.as_path());
        let script = scripts.iter_mut().find(is_it).unwrap();
        (script.answer, script.answer_wav) = ((*answer).to_owned(), None);
    }
    Sandbox::start(scripts)
}

fn machine(lab: &Lab, sandbox: Sandbox, change: impl Fn(Settings) -> Settings) -> Machine {
    let machine = Machine::installed(lab, sandbox);
    machine.configure(&change(machine.settings()));
    machine
}

/// A caller of 8009 who has been greeted.
fn dial(machine: &Machine, phone: &Phone) -> Result<Call, String> {
    let mut call = phone
        .dial("8009")
        .map_err(|refused| format!("{refused:?}"))?;
    call.wait_to_hear(&machine.sound("hello"), SOON)?;
    Ok(call)
}

/// Says something, waits for the answer and hears it out.
fn turn(call: &mut Call, question: &str, answer: &Clip) -> Result<(Said, Found), String> {
    let said = call.say(&words(question));
    call.listen_from(said.last_voiced);
    let found = call.wait_to_hear(answer, SOON)?;
    // A person breathes before he speaks on.
    thread::sleep(Duration::from_millis(400));
    Ok((said, found))
}

/// What the voice makes of a text that no recording holds.
fn spoken(machine: &Machine, text: &str) -> Clip {
    machine.sandbox.spoken(text)
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
            let goodbye = only(&heard, &spoken(&machine, GOODBYE))?;
            ended_after(&heard, goodbye.ends)?;
            let asked = machine.sandbox.requests_to(Stage::Llm);
            let turns = asked
                .last()
                .map(|asked| asked.body["contents"].as_array().map_or(0, Vec::len));
            if goodbye.begins < said.last_voiced || turns != Some(5) {
                return Err(format!("the model was told {turns:?} turns"));
            }
            machine.becomes_clean()
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
        ("moon", &format!("{CONNECT} [[transfer 201]]")),
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
            let said = only(&heard, &spoken(&machine, CONNECT))?;
            let reception = only(&heard, &machine.sound("hello-world"))?;
            if reception.begins < said.ends - NEAR {
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
            call.say(&words("question-moon.wav"));
            let heard = call.wait_for_end(LONGEST);
            only(&heard, &spoken(&machine, CONNECT))?;
            only(&heard, &machine.sound("goodbye"))?;
            machine.becomes_clean()
        },
    );
}

pub(crate) fn hang_ups(lab: &Lab, report: &Report) {
    let machine = machine(lab, services(&[]), |settings| settings);
    for (when, moment) in MOMENTS {
        report.check(
            &format!("who hangs up {when} of a talk leaves nothing"),
            || {
                let mut call = machine
                    .phone()
                    .dial("8009")
                    .map_err(|refused| format!("{refused:?}"))?;
                moment(&machine, &mut call)?;
                let heard = call.hang_up();
                machine.becomes_clean()?;
                machine.sandbox.restore(Stage::Llm);
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
    ("while the model thinks", |machine, call| {
        call.wait_to_hear(&machine.sound("hello"), SOON)?;
        let before = machine.sandbox.requests_to(Stage::Llm).len();
        machine.sandbox.delay(Stage::Llm, Duration::from_secs(8));
        call.say(&words("question-tea.wav"));
        machine.sandbox.wait_for(Stage::Llm, before + 1, SOON);
        Ok(())
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
];

/// What somebody has said is known in his next call, until it is forgotten.
pub(crate) fn memory(lab: &Lab, report: &Report) {
    let machine = machine(lab, services(&[]), |settings| {
        settings.set("memory.callers", "internal")
    });
    let contents = |phone: &Phone, question: &str, name: &str| {
        let mut call = dial(&machine, phone)?;
        turn(&mut call, question, &answer(name))?;
        call.hang_up();
        machine.becomes_clean()?;
        let asked = machine.sandbox.requests_to(Stage::Llm);
        let contents = asked
            .last()
            .and_then(|asked| asked.body["contents"].as_array().map(Vec::len));
        contents.ok_or_else(|| "the model was not asked".to_owned())
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

/// How soon it answers and how soon it falls silent, at the phone.
pub(crate) fn figures(lab: &Lab, report: &Report) {
    let sandbox = services(&[("tea", &many_sentences(12))]);
    let machine = machine(lab, sandbox, |settings| settings);
    machine.set_global("ASSISTANT_MAX_CALLS", "30");
    machine.sandbox.pace(8.0);
    report.check(
        "in a talk the answer begins in time, p95 of 20 turns",
        || {
            let voice_silence = first_audible(&spoken(&machine, FIRST_SENTENCE).amplified(GAIN_DB));
            let asked = QUIET.max(PAUSE + PACE.transcript);
            let floor = asked + PACE.floor(FIRST_SENTENCE) - PACE.transcript + voice_silence;
            let waits = together(5, |_| {
                let mut call = dial(&machine, &machine.phone())?;
                let mut waits = Vec::new();
                for _ in 0..4 {
                    let (said, found) = turn(&mut call, "question-moon.wav", &answer("moon"))?;
                    let first = call
                        .so_far()
                        .first_audible_after(said.last_voiced)
                        .unwrap_or(found.begins);
                    waits.push((first - said.last_voiced).saturating_sub(floor));
                }
                Ok(waits)
            })?;
            judged(
                report,
                "in a talk, first word above its floor",
                waits.concat(),
                Duration::from_millis(350),
            )
        },
    );
    report.check(
        "who speaks during an answer silences it in time, p95 of 20",
        || {
            let waits = together(5, |number| {
                let mut call = dial(&machine, &machine.phone())?;
                call.say(&words("question-tea.wav"));
                let mut waits = Vec::new();
                for turn in 0..4 {
                    let first = call.wait_for_sound(SOON)?;
                    let into = Duration::from_millis(1500)
                        + Duration::from_millis(137) * (4 * number + turn);
                    thread::sleep((first + into).saturating_duration_since(Instant::now()));
                    let said = call.say(&words("question-tea.wav"));
                    let silent = call.so_far().silent_from(said.first_voiced, QUIET);
                    waits.push(silent.ok_or("it never fell silent")? - said.first_voiced);
                    call.listen_from(said.last_voiced + PAUSE);
                }
                Ok(waits)
            })?;
            judged(
                report,
                "in a talk, silent after the caller's first sound",
                waits.concat(),
                Duration::from_millis(450),
            )
        },
    );
    report.check("thirty talks at once are heard without a hole", || {
        let longest = together(30, |number| {
            thread::sleep(Duration::from_millis(50) * number);
            let mut call = dial(&machine, &machine.phone())?;
            let mut longest = Duration::ZERO;
            for _ in 0..2 {
                let (_, found) = turn(&mut call, "question-moon.wav", &answer("moon"))?;
                longest = longest.max(call.so_far().longest_gap(found.begins, found.ends));
            }
            Ok(longest)
        })?;
        let longest = longest.into_iter().max().unwrap_or_default();
        report.figure(
            "30 talks at once",
            format!("longest time without a packet in an answer {}", ms(longest)),
        );
        if longest <= HOLE {
            Ok(())
        } else {
            Err(format!("a hole of {longest:?}"))
        }
    });
}

/// What is no voice of the caller's does not silence an answer.
pub(crate) fn echoes(lab: &Lab, report: &Report) {
    let machine = machine(lab, services(&[]), |settings| settings);
    machine.set_global("ASSISTANT_MAX_CALLS", "30");
    let whole = |call: &mut Call, disturb: &dyn Fn(&Call)| {
        let said = call.say(&words("question-moon.wav"));
        call.listen_from(said.last_voiced);
        call.wait_for_sound(SOON)?;
        disturb(call);
        let found = call.wait_to_hear(&answer("moon"), SOON)?;
        let heard = call.so_far();
        thread::sleep(Duration::from_millis(400));
        heard.is_whole(&found, &answer("moon"))
    };
    report.check(
        "20 answers that echo at -20 dB are heard to their end",
        || {
            together(5, |_| {
                let mut call = dial(&machine, &machine.phone())?;
                call.echo(true);
                (0..4).try_for_each(|_| whole(&mut call, &|_| ()))
            })
            .map(drop)
        },
    );
    report.check(
        "20 answers in which the caller coughs are heard to their end",
        || {
            together(5, |number| {
                let mut call = dial(&machine, &machine.phone())?;
                (0..4).try_for_each(|turn| {
                    whole(&mut call, &|call| {
                        thread::sleep(Duration::from_millis(300));
                        call.start_saying(&cough(4 * number + turn));
                    })
                })
            })
            .map(drop)
        },
    );
}

/// So many callers at once; what came of each, or the first thing that went wrong.
fn together<T: Send>(
    callers: u32,
    call: impl Fn(u32) -> Result<T, String> + Sync,
) -> Result<Vec<T>, String> {
    thread::scope(|scope| {
        let call = &call;
        let threads: Vec<_> = (0..callers)
            .map(|number| scope.spawn(move || call(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

fn judged(
    report: &Report,
    name: &str,
    mut times: Vec<Duration>,
    most: Duration,
) -> Result<(), String> {
    times.sort_unstable();
    let p95 = times[(times.len() * 95).div_ceil(100) - 1];
    let (first, last, median) = (
        ms(times[0]),
        ms(times[times.len() - 1]),
        ms(times[times.len() / 2]),
    );
    report.figure(
        name,
        format!("{first} to {last}, median {median}, p95 {}", ms(p95)),
    );
    if p95 <= most {
        Ok(())
    } else {
        Err(format!("p95 is {}", ms(p95)))
    }
}

/// It was heard once.
fn only(heard: &Heard, sound: &Clip) -> Result<Found, String> {
    match heard.find(sound)[..] {
        [only] => Ok(only),
        ref found => Err(format!(
            "it was heard at {found:?}, at best by {:.2}; {}",
            heard.likeness(sound),
            heard.summary()
        )),
    }
}

fn ended_after(heard: &Heard, moment: Instant) -> Result<(), String> {
    if heard.ended + NEAR >= moment {
        Ok(())
    } else {
        Err("the call ended before the last word".into())
    }
}

fn many_sentences(count: usize) -> String {
    let sentence =
        |number| format!("This is sentence number {number} of a long answer that nobody needs.");
    (1..=count).map(sentence).collect::<Vec<_>>().join(" ")
}

/// Two bursts of noise, each dying away within 150 ms, as loud as speech.
fn cough(number: u32) -> Clip {
    let mut state = number.wrapping_mul(2_654_435_761) | 1;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f64::from(state) / f64::from(u32::MAX) - 0.5
    };
    let burst = |from: f64, at: f64| {
        if at < from {
            0.0
        } else {
            (-(at - from) / 0.05).exp()
        }
    };
    let samples = (0..4000).map(|index| {
        let at = f64::from(index) / 8000.0;
        let loud = 12_000.0 * (burst(0.0, at) + if at < 0.2 { 0.0 } else { burst(0.2, at) });
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "it is below 24,000"
        )]
        let sample = (loud * noise()) as i16;
        sample
    });
    Clip {
        rate_hz: 8000,
        samples: samples.collect(),
    }
}

const GOODBYE: &str = "It was a pleasure to talk with you, and good luck with the garden.";
const CONNECT: &str = "One moment please, I will connect you with the reception.";
const FIRST_SENTENCE: &str =
    "The moon is about three hundred eighty-four thousand kilometres away.";
/// The program's defaults.
const QUIET: Duration = Duration::from_millis(700);
const PAUSE: Duration = Duration::from_millis(300);
const GAIN_DB: f64 = 6.0;
const NEAR: Duration = Duration::from_millis(200);
const HOLE: Duration = Duration::from_millis(60);
const LONGEST: Duration = Duration::from_secs(60);
