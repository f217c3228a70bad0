//! Answers, in virtual time: (input at ms -> step).

use super::*;
use crate::call::line::How;
use crate::call::phase::tests::{Heard as Line, Virtual, caller};
use crate::config::Filler;

pub(super) const FRAME_BYTES: usize = 160;

fn settings() -> Settings {
    Settings {
        waiting: Waiting {
            play: Filler::Sound("beep".into()),
            after: Duration::from_millis(1500),
            every: Duration::from_secs(3),
        },
        stop_keys: "#*".into(),
        deadline: Duration::from_secs(20),
        idle: Duration::from_secs(5),
        reply: "/r".into(),
        encoding: Encoding::Ulaw,
        is_streamed: true,
        barge_in: true,
        typed_keys: "",
        back_channels: Vec::new(),
        is_patient: false,
    }
}

pub(super) fn answering(change: impl FnOnce(&mut Settings)) -> Virtual<Answering> {
    let mut settings = settings();
    change(&mut settings);
    Virtual::new(|now, _| Answering::new(settings, now))
}

/// The next `frames` frames of the answer.
pub(super) fn sound(frames: usize) -> Input {
    Input::Work(Event::Sound(vec![0x55; frames * FRAME_BYTES]))
}

pub(super) fn end() -> Input {
    Input::Work(Event::End(Ok(())))
}

pub(super) fn question(words: &str) -> Input {
    Input::Work(Event::Question(words.into()))
}

pub(super) fn through(frames: u64) -> How {
    How::Through {
        endpos: Some(frames * 160),
    }
}

pub(super) fn key(key: char) -> How {
    How::Key {
        key,
        endpos: Some(8000),
    }
}

/// How the phase ended: when in ms, and by what.
pub(super) fn ended(call: &Virtual<Answering>) -> String {
    match &call.end {
        None => "goes on".into(),
        Some((ms, Ok(Answered::Heard))) => format!("{ms} ANSWERED "),
        Some((ms, Ok(Answered::Interrupted))) => format!("{ms} interrupted"),
        Some((ms, Ok(Answered::Follows))) => format!("{ms} follows"),
        Some((ms, Ok(Answered::NoSpeech))) => format!("{ms} NOSPEECH "),
        Some((ms, Ok(Answered::HungUp))) => format!("{ms} HANGUP "),
        Some((ms, Ok(Answered::Partial(failure)))) => format!("{ms} PARTIAL {failure}"),
        Some((ms, Ok(Answered::Whole))) => format!("{ms} whole"),
        Some((ms, Ok(Answered::Wordless))) => format!("{ms} wordless"),
        Some((ms, Err(failure))) => format!("{ms} {failure}"),
    }
}

#[test]
fn a_silence_is_filled_at_its_times_until_the_answer_begins() {
    let mut call = answering(|_| {});
    call.pass(1600);
    call.ends(1900, Sound::Filler, through(20));
    call.pass(5000);
    call.on(5100, sound(50)).on(5100, end());
    call.ends(5300, Sound::Filler, through(20));
    call.ends(6400, Sound::Answer, through(50));
    call.assert_steps(&[
        (1500, "play beep @0"),
        (4900, "play beep @0"),
        (5300, "play /r #*@0"),
    ]);
    assert_eq!(ended(&call), "6400 ANSWERED ");
}

#[test]
fn a_silence_is_filled_sooner_where_the_caller_has_waited_before_their_turn_was_over() {
    for (waited_ms, due) in [(0, 1500), (1000, 500), (1500, 0), (4000, 0)] {
        let mut call = Virtual::new(|now, _| {
            let waited = Duration::from_millis(waited_ms);
            let since = now
                .checked_sub(waited)
                .expect("the machine runs for longer");
            Answering::new(settings(), now).silent_since(since)
        });
        call.pass(1600);
        call.assert_steps(&[(due, "play beep @0")]);
    }
}

#[test]
fn a_filler_that_does_not_end_is_stopped_after_four_seconds_and_music_at_once() {
    let mut call = answering(|settings| settings.deadline = Duration::from_secs(4));
    call.pass(1500);
    call.on(2000, sound(50)).on(2000, end()).pass(5600);
    call.assert_steps(&[
        (1500, "play beep @0"),
        (5500, "stop"),
        (5500, "play /r #*@0"),
    ]);
    let mut call = answering(|settings| settings.waiting.play = Filler::Music("jazz".into()));
    call.on(2000, sound(50)).on(2000, end()).pass(2500);
    call.assert_steps(&[
        (1500, "play jazz @0"),
        (2000, "stop"),
        (2000, "play /r #*@0"),
    ]);
}

/// The times at which a filler begins where the voice is asked at `asked`, and took `takes` before.
fn filled(asked: u64, takes: Option<u64>) -> Vec<u64> {
    let mut call = answering(|_| {});
    call.scene.voice_takes = takes.map(Duration::from_millis);
    let (agrees, _asked) = crossbeam_channel::bounded(1);
    call.on(asked, Input::Work(Event::Begins(Stage::Tts, agrees)));
    call.pass(9000);
    let steps = call.told().into_iter();
    let begun = steps.filter(|(_, step)| step.starts_with("play beep"));
    begun.map(|(ms, _)| ms).collect()
}

#[test]
fn no_filler_begins_where_the_voice_is_about_to_speak_unless_it_is_late() {
    let table = [
        ("asked just before", 1400, Some(600), 2600),
        (
            "asked just before, of a voice that is not known",
            1400,
            None,
            2600,
        ),
        ("asked just before, of a slow voice", 1400, Some(4000), 1500),
        ("asked long ago", 100, Some(600), 1500),
        ("expected soon", 100, Some(2000), 3400),
        ("asked after it has begun", 1600, Some(600), 1500),
    ];
    for (name, asked, takes, begins) in table {
        assert_eq!(filled(asked, takes), [begins], "{name}");
    }
}

#[test]
fn no_filler_begins_where_the_voice_has_begun_unless_it_stalls() {
    for (name, rest_at, expected) in [
        ("goes on", 2100, (2100, "play /r #*@0")),
        ("stalls", 3100, (3000, "play beep @0")),
    ] {
        let (agrees, _asked) = crossbeam_channel::bounded(1);
        let mut call = answering(|_| {});
        call.on(1400, Input::Work(Event::Begins(Stage::Tts, agrees)));
        // Too little to be heard.
        call.on(2000, sound(1)).pass(rest_at);
        call.on(rest_at, sound(50)).on(rest_at, end());
        let told = call.told().into_iter();
        let told: Vec<_> = told
            .filter(|(_, step)| !step.starts_with("agree"))
            .collect();
        assert_eq!(told, [(expected.0, expected.1.to_owned())], "{name}");
    }
}

#[test]
fn what_the_voice_takes_is_kept_for_the_next_turn() {
    let mut call = answering(|_| {});
    asks_for(&mut call, 900, 1340);
    call.on(1340, sound(5)).on(1900, sound(50));
    assert_eq!(call.scene.voice_takes, Some(Duration::from_millis(440)));
    // Each piece is asked for as soon as the one before has begun, of which sound still comes then.
    let mut call = answering(|_| {});
    asks_for(&mut call, 900, 1340);
    let next = Event::Begins(Stage::Tts, crossbeam_channel::bounded(1).0);
    call.on(1340, sound(5)).on(1341, Input::Work(next));
    let begun = begins(&call, 1700);
    call.on(1360, sound(5)).on(1700, begun).on(1720, sound(50));
    assert_eq!(call.scene.voice_takes, Some(Duration::from_millis(440)));
    asks_for(&mut call, 1730, 2030);
    call.on(2040, sound(50));
    assert_eq!(call.scene.voice_takes, Some(Duration::from_millis(300)));
}

/// The voice is asked for a piece at `ms`, and begins to speak it at `begins_ms`.
pub(super) fn asks_for(call: &mut Virtual<Answering>, ms: u64, begins_ms: u64) {
    let asked = Event::Begins(Stage::Tts, crossbeam_channel::bounded(1).0);
    let begun = begins(call, begins_ms);
    call.on(ms, Input::Work(asked)).on(begins_ms, begun);
}

fn begins(call: &Virtual<Answering>, ms: u64) -> Input {
    Input::Work(Event::Reached(Mark::FirstAudio, call.at(ms)))
}

#[test]
fn music_fills_a_silence_once_and_silence_is_left_alone() {
    let mut call = answering(|settings| settings.waiting.play = Filler::Music("jazz".into()));
    call.pass(9000);
    call.assert_steps(&[(1500, "play jazz @0")]);
    let mut call = answering(|settings| settings.waiting.play = Filler::Nothing);
    call.pass(9000);
    call.assert_steps(&[]);
}

#[test]
fn a_filler_that_is_not_played_is_not_tried_again() {
    let mut call = answering(|_| {});
    call.pass(1600);
    call.ends(1600, Sound::Filler, How::Unplayable(None));
    call.pass(15_000);
    call.assert_steps(&[(1500, "play beep @0")]);
}

#[test]
fn a_pause_in_the_answer_is_filled_and_keys_mean_there_what_they_mean_in_the_answer() {
    let mut call = answering(|_| {});
    call.on(1000, sound(50));
    call.pass(2400);
    call.ends(2100, Sound::Answer, through(50));
    call.pass(4000);
    call.assert_steps(&[(1000, "play /r #*@0"), (3600, "play beep #*@0")]);
    call.ends(4000, Sound::Filler, key('*'));
    assert_eq!(ended(&call), "4000 ANSWERED ");
    assert_eq!(call.scene.turn.key, Some('*'));
}

#[test]
fn an_answer_that_goes_on_after_a_pause_is_played_from_where_it_was_heard() {
    let mut call = answering(|_| {});
    call.on(1000, sound(50));
    call.pass(2100);
    call.ends(2100, Sound::Answer, through(50));
    call.on(2500, sound(60)).on(2500, end());
    call.assert_steps(&[(1000, "play /r #*@0"), (2500, "play /r #*@8000")]);
    call.ends(3800, Sound::Answer, through(110));
    assert_eq!(ended(&call), "3800 ANSWERED ");
}

#[test]
fn deadlines_end_what_does_not_begin_and_what_does_not_go_on() {
    let mut call = answering(|_| {});
    call.pass(20_199);
    assert_eq!(ended(&call), "goes on");
    call.pass(20_200);
    assert!(ended(&call).starts_with("20200 config: no whole answer within 20.0 s"));
    let mut call = answering(|_| {});
    call.on(1000, sound(50));
    call.pass(2100);
    call.ends(2100, Sound::Answer, through(50));
    call.pass(7299);
    assert_eq!(ended(&call), "goes on");
    call.pass(7300);
    assert!(ended(&call).starts_with("7300 PARTIAL config: the answer stopped for 5.0 s"));
}

#[test]
fn an_asterisk_that_does_not_tell_the_end_of_a_sound_is_given_up_after_five_seconds() {
    let mut call = answering(|_| {});
    call.on(1000, sound(50)).on(1000, end());
    call.pass(6999);
    assert_eq!(ended(&call), "goes on");
    call.pass(7000);
    assert!(ended(&call).starts_with("7000 PARTIAL reply: Asterisk did not answer within 5 s"));
}

#[test]
fn what_cannot_be_played_is_a_failure_with_a_way_out() {
    let mut call = answering(|_| {});
    call.on(1000, sound(50));
    call.ends(1000, Sound::Answer, How::Unplayable(None));
    assert!(
        ended(&call).starts_with("1000 reply: Asterisk cannot play /r; check that its user may")
    );
    // It ends at once, again and again.
    let mut call = answering(|_| {});
    call.on(1000, sound(50));
    for ms in [1000, 1001, 1002] {
        call.ends(ms, Sound::Answer, through(0));
    }
    assert!(ended(&call).starts_with("1002 reply: Asterisk cannot play /r"));
}

#[test]
fn a_refusal_in_the_middle_of_an_answer_leaves_what_was_heard() {
    let refused = |call: &mut Virtual<Answering>, ms| {
        let how = How::Unplayable(Some(agi::Error::Silent(PATIENCE)));
        call.ends(ms, Sound::Answer, how);
    };
    let mut call = answering(|_| {});
    call.on(900, Input::Work(Event::Speaks("Ten words.".into())));
    call.on(1000, sound(100));
    refused(&mut call, 2000);
    assert!(
        ended(&call).starts_with("2000 PARTIAL reply:"),
        "{}",
        ended(&call)
    );
    assert!(!call.scene.turn.spoken.heard().is_empty());
}

#[test]
fn a_deadline_that_has_passed_already_begins_no_filler() {
    let mut call = answering(|settings| settings.waiting.after = settings.deadline + GRACE);
    call.pass(20_200);
    call.assert_steps(&[]);
    assert!(ended(&call).starts_with("20200 config: no whole answer"));
}

#[test]
fn a_reply_that_cannot_be_written_ends_the_answer_where_it_is() {
    let full = || Input::Failed(Err::<(), _>("disk full").at(Stage::Reply).expect_err("one"));
    let mut call = answering(|_| {});
    call.on(900, full());
    assert_eq!(ended(&call), "900 reply: disk full");
    let mut call = answering(|_| {});
    call.on(1000, sound(50)).on(1500, full());
    assert_eq!(ended(&call), "goes on");
    call.ends(2010, Sound::Answer, through(25));
    assert_eq!(ended(&call), "2010 PARTIAL reply: disk full");
}

#[test]
fn what_the_services_tell_ends_the_answer() {
    let failed = || Event::End(Err("no model").at(Stage::Llm));
    let table = [
        (Event::Question(String::new()), "700 NOSPEECH "),
        (Event::Wordless, "700 wordless"),
        (failed(), "700 llm: no model"),
        (Event::Panicked, "700 config: an internal error"),
    ];
    for (event, end) in table {
        let mut call = answering(|_| {});
        call.on(700, Input::Work(event));
        assert!(ended(&call).starts_with(end), "{}", ended(&call));
    }
    // The first reason counts, once what is there has been heard.
    let mut call = answering(|_| {});
    call.on(700, sound(10)).on(700, Input::Work(failed()));
    call.on(710, Input::Work(Event::Panicked));
    call.ends(910, Sound::Answer, through(10));
    assert_eq!(ended(&call), "910 PARTIAL llm: no model");
}

#[test]
fn an_answer_for_the_dialplan_is_whole_when_the_work_is_done() {
    let mut call = answering(|settings| settings.is_streamed = false);
    call.on(1000, sound(50)).on(1200, end());
    call.assert_steps(&[]);
    assert_eq!(ended(&call), "1200 whole");
}

#[test]
fn a_hang_up_ends_everything() {
    let mut call = answering(|_| {});
    call.on(1000, sound(50)).on(1100, Input::HungUp);
    assert_eq!(ended(&call), "1100 HANGUP ");
}

#[test]
fn a_key_stops_the_answer_but_not_before_a_patient_turn_has_been_understood() {
    for (is_patient, words, end) in [
        (false, "", "1500 ANSWERED "),
        (true, "", "goes on"),
        (true, "When?", "1500 ANSWERED "),
    ] {
        let mut call = answering(|settings| settings.is_patient = is_patient);
        if !words.is_empty() {
            call.on(900, question(words));
        }
        call.on(1000, sound(100));
        call.ends(1500, Sound::Answer, key('#'));
        assert_eq!(ended(&call), end, "{is_patient} {words:?}");
    }
}

/// The caller speaks for `ms_long` while an answer plays that began at 1000 ms.
fn interrupted(change: impl FnOnce(&mut Settings), words: &str, ms_long: u64) -> String {
    let mut call = answering(change);
    call.scene.caller = Some(caller(call.at(0), None));
    let quiet_until = call.hears(0, 1000, Line::Quiet);
    if !words.is_empty() {
        call.on(1000, question(words));
    }
    call.on(1000, sound(500));
    let said_until = call.hears(quiet_until, ms_long, Line::Voice);
    call.hears(said_until, 3000 - said_until, Line::Quiet);
    ended(&call)
}

#[test]
fn the_callers_voice_stops_the_answer_once_it_has_lasted() {
    assert_eq!(interrupted(|_| {}, "When?", 600), "1240 interrupted");
    assert_eq!(interrupted(|_| {}, "When?", 200), "goes on", "a cough");
    assert_eq!(
        interrupted(|settings| settings.barge_in = false, "When?", 600),
        "goes on"
    );
    assert_eq!(
        interrupted(|settings| settings.is_patient = true, "", 600),
        "goes on"
    );
}

#[test]
fn a_whole_turn_that_a_patient_answer_lets_pass_is_kept_for_what_follows_it() {
    let mut call = answering(|settings| settings.is_patient = true);
    call.scene.caller = Some(caller(call.at(0), None));
    let begins = call.hears(0, 500, Line::Quiet);
    let quiet = call.hears(begins, 600, Line::Voice);
    let known = call.hears(quiet, 900, Line::Quiet);
    assert_eq!(ended(&call), "goes on");
    call.on(known, question("When?"));
    let plays = call.hears(known, 100, Line::Quiet);
    assert_eq!(ended(&call), "goes on");
    call.ends(plays, Sound::Filler, through(20));
    call.on(plays, sound(50)).on(plays, end());
    call.ends(plays + 1000, Sound::Answer, through(50));
    assert_eq!(ended(&call), format!("{} ANSWERED ", plays + 1000));
    assert_eq!(call.scene.said.len(), 1);
}

#[test]
fn where_no_voice_stops_an_answer_what_is_said_before_it_begins_goes_on_with_the_turn() {
    let mut call = answering(|settings| settings.barge_in = false);
    call.scene.caller = Some(caller(call.at(0), None));
    let quiet = call.hears(0, 1000, Line::Quiet);
    call.on(quiet, question("When?"));
    call.hears(quiet, 600, Line::Voice);
    assert_eq!(ended(&call), "1200 interrupted");
    assert!(call.scene.is_in_turn());
}

#[test]
fn where_no_voice_stops_an_answer_what_comes_back_of_a_filler_is_no_turn() {
    for is_patient in [false, true] {
        let mut call = answering(|settings| {
            (settings.barge_in, settings.is_patient) = (false, is_patient);
        });
        call.scene.caller = Some(caller(call.at(0), None));
        let plays = call.hears(0, 1600, Line::Quiet);
        let quiet = call.hears(plays, 600, Line::Voice);
        let ends = call.hears(quiet, 1000, Line::Quiet);
        let again = call.hears(ends, 300, Line::Voice);
        call.ends(again, Sound::Filler, through(80));
        call.on(again, question("When?"));
        call.hears(again, 1000, Line::Quiet);
        assert_eq!(ended(&call), "goes on", "{is_patient}");
        assert!(!call.scene.is_in_turn() && call.scene.said.is_empty());
    }
}

#[test]
fn where_no_voice_stops_an_answer_what_began_before_a_filler_is_kept() {
    let mut call = answering(|settings| {
        (settings.barge_in, settings.is_patient) = (false, true);
    });
    call.scene.caller = Some(caller(call.at(0), None));
    let begins = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(begins, 800, Line::Voice);
    call.hears(quiet, 1000, Line::Quiet);
    call.assert_steps(&[(1500, "play beep @0")]);
    assert_eq!(call.scene.said.len(), 1);
}

#[test]
fn only_a_recording_tells_the_caller_to_wait() {
    for (play, at_first, later) in [
        (Filler::Sound("beep".into()), false, true),
        (Filler::Music("jazz".into()), false, false),
        (Filler::Nothing, false, false),
    ] {
        let mut call = answering(|settings| settings.waiting.play = play);
        call.pass(1400);
        assert_eq!(call.phase.has_told_to_wait(), at_first);
        call.pass(1600);
        assert_eq!(call.phase.has_told_to_wait(), later);
        call.ends(1900, Sound::Filler, through(20));
        assert_eq!(call.phase.has_told_to_wait(), later, "it was heard");
    }
    let mut call = answering(|_| {});
    call.pass(1600);
    call.ends(1600, Sound::Filler, How::Unplayable(None));
    assert!(!call.phase.has_told_to_wait());
}

#[test]
fn where_no_voice_stops_an_answer_what_is_said_into_it_is_forgotten() {
    let mut call = answering(|settings| settings.barge_in = false);
    call.scene.caller = Some(caller(call.at(0), None));
    let quiet = call.hears(0, 1000, Line::Quiet);
    call.on(quiet, question("When?")).on(quiet, sound(50));
    call.on(quiet, end());
    let quiet = call.hears(quiet, 500, Line::Quiet);
    let speaks = call.hears(quiet, 500, Line::Voice);
    assert!(call.scene.is_in_turn());
    call.ends(speaks, Sound::Answer, through(50));
    assert_eq!(ended(&call), "2000 ANSWERED ");
    assert!(!call.scene.is_in_turn());
}

#[test]
fn what_the_model_wants_is_noted_and_to_be_forgotten_is_not_put_off() {
    let mut call = answering(|_| {});
    let forget = || Input::Work(Event::Actions(vec![Action::Forget]));
    call.on(800, forget()).on(900, forget());
    call.assert_steps(&[(800, "forget")]);
    assert_eq!(call.scene.turn.actions, [Action::Forget]);
}

#[test]
fn a_stage_that_costs_money_asks_whether_the_caller_is_there() {
    let (agrees, _asked) = crossbeam_channel::bounded(1);
    let mut call = answering(|_| {});
    call.on(100, Input::Work(Event::Begins(Stage::Llm, agrees)));
    call.assert_steps(&[(100, "agree llm")]);
    assert_eq!(call.scene.stage, Stage::Llm);
}
