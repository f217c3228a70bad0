//! Turns that become too long before anybody has been understood.

use crossbeam_channel::bounded;

use super::*;

/// What a caller says who is cut in the middle of it.
fn voice() -> Vec<i16> {
    testkit::audio::clips::babble(8000, &"waterfall".repeat(30)).samples
}

/// A caller who is cut in the middle of `said`, where silence is waited for no longer than a turn may be. Returns when
/// that was, in ms.
fn cut(said: &[i16]) -> (Virtual<Listening>, u64) {
    let mut call = listening(|listening| listening.settings.ask_after = Duration::from_secs(5));
    let begins = call.hears(0, 1000, Line::Quiet);
    let mut now = begins;
    for packet in said.chunks(160) {
        now = call.brings(now, packet);
        let steps = call.told().into_iter();
        let mut sent = steps.filter(|(_, step)| step.starts_with("transcribe"));
        if let Some((_, step)) = sent.find(|(ms, _)| *ms > begins + 8000) {
            assert!(step.starts_with("transcribe 8.0 s"), "{step}");
            return (call, now);
        }
    }
    panic!("it is not cut: {}", ended(&call));
}

fn transcriptions(call: &mut Virtual<Listening>) -> Vec<String> {
    let steps = call.told().into_iter().map(|(_, step)| step);
    steps
        .filter(|step| step.starts_with("transcribe"))
        .collect()
}

/// What happens behind the cut: the caller speaks or is quiet for so many ms, or what was sent is known.
#[derive(Clone, Copy)]
enum It {
    Voice(u64),
    Quiet(u64),
    Known(&'static str),
    Fails,
}
use It::{Fails, Known, Quiet, Voice};

const LONG: &str = "It is long.";

#[test]
fn a_turn_that_is_cut_may_be_transcribed() {
    let (mut call, now) = cut(&voice());
    let (agrees, _agreed) = bounded(1);
    call.on(now, Input::Work(Event::Begins(Stage::Stt, agrees)));
    let agrees = |(_, step): &(u64, String)| step.starts_with("agree");
    assert!(call.told().iter().any(agrees));
}

#[test]
fn nothing_is_lost_of_a_turn_that_is_cut_nor_of_what_is_said_behind_it() {
    type Row<'a> = (&'a str, &'a [It], &'a [&'a str]);
    let alone = "transcribe 0.0 s after \"It is long.\", 0 later";
    let table: &[Row<'_>] = &[
        ("it was at its end", &[Quiet(2000), Known(LONG)], &[alone]),
        (
            "and goes on when that is known",
            &[Voice(600), Known(LONG), Voice(600), Quiet(2000)],
            &["transcribe 1.5 s after \"It is long.\", 2 later"],
        ),
        (
            "and pauses for a moment before that is known",
            &[
                Voice(600),
                Quiet(400),
                Voice(600),
                Known(LONG),
                Voice(600),
                Quiet(2000),
            ],
            &["transcribe 2.5 s after \"It is long.\", 2 later"],
        ),
        (
            "and has ended when that is known",
            &[Voice(600), Quiet(2000), Known(LONG), Quiet(400)],
            &["transcribe 1.0 s after \"It is long.\", 0 later"],
        ),
        (
            "and has ended when it is known to have no words",
            &[Voice(600), Quiet(2000), Known(""), Quiet(400)],
            &["transcribe 1.0 s, 0 later"],
        ),
        (
            "and it cannot be transcribed",
            &[Quiet(2000), Fails],
            &["transcribe 8.0 s, 0 later"],
        ),
        (
            "and it cannot be transcribed when more has been said",
            &[Voice(600), Quiet(2000), Fails],
            &["transcribe 8.0 s, 0 later"],
        ),
        (
            "and it cannot be transcribed while they go on",
            &[Voice(600), Fails, Voice(600), Quiet(2000)],
            &["transcribe 8.0 s, 2 later"],
        ),
    ];
    for (name, happens, sent) in table {
        let (mut call, mut now) = cut(&voice());
        for it in *happens {
            match *it {
                Voice(ms) => now = call.hears(now, ms, Line::Voice),
                Quiet(ms) => now = call.hears(now, ms, Line::Quiet),
                Known(words) => {
                    call.on(now, transcribed(words, Completeness::Unknown));
                }
                Fails => {
                    let failed = Event::End(Err(INTERNAL).at(Stage::Stt));
                    call.on(now, Input::Work(failed));
                }
            }
        }
        assert_eq!(transcriptions(&mut call), *sent, "{name}");
    }
}

/// The caller pauses for half a second before the cut, and says nothing behind it.
#[test]
fn a_turn_that_is_cut_while_its_beginning_is_transcribed_is_sent_whole() {
    type Row<'a> = (&'a str, fn() -> Input, &'a [&'a str]);
    let pause = [30, -30].repeat(4 * 500);
    let said = [&voice()[..8 * 6000], &pause, &voice()].concat();
    let failed = || Input::Work(Event::End(Err(INTERNAL).at(Stage::Stt)));
    let known = || transcribed(LONG, Completeness::Unknown);
    let wordless = || transcribed("", Completeness::Unknown);
    let table: [Row<'_>; 3] = [
        ("words", known, &["transcribe 8.0 s, 0 later"]),
        ("no transcript", failed, &["transcribe 8.0 s, 0 later"]),
        ("a background", wordless, &[]),
    ];
    for (name, comes, sent) in table {
        let mut call = listening(|listening| listening.settings.ask_after = Duration::from_secs(5));
        let begins = call.hears(0, 1000, Line::Quiet);
        call.brings(begins, &said[..8 * 8060]);
        let first = transcriptions(&mut call);
        assert!(
            first.len() == 1 && first[0] != "transcribe 8.0 s, 3 later",
            "{first:?}"
        );
        let now = call.hears(begins + 8060, 1000, Line::Quiet);
        assert_eq!(ended(&call), "goes on", "{name}");
        call.on(now, comes());
        assert_eq!(transcriptions(&mut call), sent, "{name}");
    }
}
