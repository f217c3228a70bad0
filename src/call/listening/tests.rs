//! Listening, in virtual time: (voice and keys at ms -> step).

mod calls;
mod cut;
mod in_doubt;
mod taken_back;

use std::path::PathBuf;

use super::*;
use crate::call::event::Transcript;
use crate::call::phase::tests::{Heard as Line, Virtual, caller};
use crate::config::Sentence;
use crate::sys::error::{At, INTERNAL, Stage};
use crate::text::Completeness;

pub(super) fn listening(change: impl FnOnce(&mut Listening)) -> Virtual<Listening> {
    let settings = Conversation {
        quiet: Duration::from_millis(700),
        thinks_ahead: true,
        ends_by_meaning: true,
        barge_in: true,
        max_question: Duration::from_secs(8),
        max_turns: 9,
        longest: Duration::from_secs(60),
        ask_after: Duration::from_secs(10),
        greeting: Sentence::Nothing,
        still_there: Sentence::Nothing,
        goodbye: Sentence::Nothing,
        sounds: PathBuf::new(),
        transfers: Vec::new(),
        operator: None,
    };
    Virtual::new(|now, scene| {
        let waiting = Waiting {
            play: Filler::Sound("beep".into()),
            after: Duration::from_millis(2500),
            every: Duration::from_secs(8),
        };
        let silence = Some("/s/silence".into());
        let mut listening = Listening::new(settings, &waiting, silence, now);
        change(&mut listening);
        listening.begin(now, now);
        scene.caller = Some(caller(now, listening.pause()));
        listening
    })
}

/// How listening ended: when in ms, and by what.
fn ended(call: &Virtual<Listening>) -> String {
    match &call.end {
        None => "goes on".into(),
        Some((ms, Ok(Heard::Turn(said)))) => {
            let seconds = said.speech.duration().as_secs_f32();
            format!("{ms} turn of {seconds:.1} s, {} events", said.events.len())
        }
        Some((ms, Ok(Heard::Silence))) => format!("{ms} silence"),
        Some((ms, Ok(Heard::Late))) => format!("{ms} late"),
        Some((ms, Ok(Heard::HungUp))) => format!("{ms} hung up"),
        Some((ms, Err(failure))) => format!("{ms} {failure}"),
    }
}

pub(super) fn transcribed(words: &str, completeness: Completeness) -> Input {
    let transcript = Transcript {
        words: words.to_owned(),
        language: None,
    };
    Input::Work(Event::Transcribed(transcript, completeness))
}

const PLAY: &str = "play /s/silence 0123456789*#@0";

#[test]
fn a_turn_is_transcribed_after_a_pause_and_taken_at_its_end() {
    let mut call = listening(|_| {});
    let spoke = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(spoke, 1500, Line::Voice);
    call.hears(quiet, 400, Line::Quiet);
    call.assert_steps(&[(0, PLAY), (2860, "transcribe 2.2 s, 3 later")]);
    call.on(2900, transcribed("A table.", Completeness::Unknown));
    call.on(2900, Input::Work(Event::Question("A table.".into())));
    call.hears(2900, 600, Line::Quiet);
    assert_eq!(ended(&call), "3260 turn of 2.2 s, 1 events");
}

#[test]
fn what_the_model_hears_itself_is_sent_when_the_turn_is_over_and_not_ahead() {
    let mut call = listening(|listening| listening.is_left_to_model = true);
    let spoke = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(spoke, 1000, Line::Voice);
    let goes_on = call.hears(quiet, 400, Line::Quiet);
    let quiet = call.hears(goes_on, 600, Line::Voice);
    call.hears(quiet, 1000, Line::Quiet);
    call.assert_steps(&[(0, PLAY), (3760, "transcribe 2.8 s, 0 later")]);
    assert_eq!(ended(&call), "3760 turn of 2.8 s, 0 events");
}

#[test]
fn a_caller_who_goes_on_is_not_answered_yet() {
    let mut call = listening(|_| {});
    let spoke = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(spoke, 1000, Line::Voice);
    let goes_on = call.hears(quiet, 400, Line::Quiet);
    let quiet = call.hears(goes_on, 600, Line::Voice);
    call.on(quiet, transcribed("stale", Completeness::Finished));
    call.on(quiet, Input::Work(Event::Question("stale".into())));
    call.hears(quiet, 500, Line::Quiet);
    call.on(
        quiet + 500,
        transcribed("stale or not", Completeness::Unknown),
    );
    call.hears(quiet + 500, 500, Line::Quiet);
    let steps: Vec<_> = call.told().into_iter().map(|(_, step)| step).collect();
    let transcribed = ["transcribe 1.8 s, 3 later", "transcribe 2.8 s, 2 later"];
    assert_eq!(steps[0], PLAY);
    assert_eq!(steps[1..], transcribed);
    assert_eq!(ended(&call), "3760 turn of 2.8 s, 0 events");
}

#[test]
fn the_key_ends_a_turn_and_means_nothing_without_one() {
    let key = || How::Key {
        key: '#',
        endpos: None,
    };
    let mut call = listening(|_| {});
    call.ends(500, Sound::KeepAlive, key());
    call.assert_steps(&[(0, PLAY), (500, PLAY)]);
    let spoke = call.hears(500, 1000, Line::Quiet);
    call.hears(spoke, 1000, Line::Voice);
    call.ends(2550, Sound::KeepAlive, key());
    assert_eq!(ended(&call), "2550 turn of 1.4 s, 0 events");
}

#[test]
fn the_silence_is_played_again_and_again_unless_asterisk_does_not_play_it() {
    let mut call = listening(|_| {});
    call.pass(5000);
    call.ends(5000, Sound::KeepAlive, How::Through { endpos: None });
    call.ends(5500, Sound::KeepAlive, How::AtOnce);
    call.ends(6000, Sound::KeepAlive, How::Unplayable(None));
    call.pass(9000);
    call.assert_steps(&[(0, PLAY), (5000, PLAY), (5500, PLAY)]);
}

#[test]
fn patience_ends_after_silence_at_the_conversations_end_and_when_the_model_has_ended_it() {
    // A silence of ours that ends at once, and then again, puts nothing off.
    for ends in [&[][..], &[5000, 9000]] {
        let mut call = listening(|_| {});
        for ms in ends {
            call.ends(*ms, Sound::KeepAlive, How::AtOnce);
        }
        call.pass(20_000);
        assert!(ended(&call).ends_with("silence"));
        assert!(matches!(call.end, Some((10_000..=10_080, _))), "{ends:?}");
    }
    let mut call = listening(|listening| listening.settings.ask_after = Duration::from_secs(99));
    call.pass(99_000);
    assert!(ended(&call).ends_with("late"));
    assert!(matches!(call.end, Some((60_000..=60_080, _))));
    let mut call = listening(|_| {});
    call.scene.turn.actions = vec![crate::text::Action::Goodbye];
    call.pass(1000);
    assert!(matches!(call.end, Some((0..=80, Ok(Heard::Silence)))));
    // A noise in the last moment does not cost the answer that is being heard.
    let mut call = listening(|listening| listening.end_at -= Duration::from_secs(60));
    call.end = None;
    call.scene.turn.is_interrupted = true;
    call.pass(1000);
    assert_eq!(ended(&call), "0 silence");
}

#[test]
fn a_hang_up_and_a_limit_end_it() {
    let mut call = listening(|_| {});
    call.on(700, Input::HungUp);
    assert_eq!(ended(&call), "700 hung up");
    let mut call = listening(|_| {});
    let refused = Err::<(), _>("the day's money is spent").at(Stage::Limit);
    call.on(700, Input::Failed(refused.expect_err("one")));
    assert_eq!(ended(&call), "700 limit: the day's money is spent");
}

#[test]
fn what_was_not_answered_is_transcribed_together_with_what_follows() {
    let first = Arc::new(Pcm {
        rate_hz: 8000,
        samples: vec![0; 16_000],
    });
    let mut call = listening(|listening| listening.unanswered = Some(first));
    let spoke = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(spoke, 1000, Line::Voice);
    call.hears(quiet, 500, Line::Quiet);
    call.on(quiet + 500, transcribed("A table.", Completeness::Unknown));
    call.hears(quiet + 500, 500, Line::Quiet);
    assert_eq!(ended(&call), "2760 turn of 3.8 s, 0 events");
}

#[test]
fn the_echo_of_the_sound_before_begins_no_turn() {
    let mut call = listening(|_| {});
    let echo = call.hears(0, 120, Line::Voice);
    call.hears(echo, 1500, Line::Quiet);
    call.assert_steps(&[(0, PLAY)]);
    assert_eq!(ended(&call), "goes on");
}

/// Voice, a pause, and voice again; the first transcript comes while the caller goes on, or never.
#[test]
fn what_was_transcribed_before_a_real_pause_is_not_sent_again() {
    use Completeness::{Finished, Unfinished, Unknown};
    type Row<'a> = (&'a str, u64, Option<(&'a str, Completeness)>, &'a [&'a str]);
    let first = "transcribe 1.8 s, 3 later";
    let table: &[Row<'_>] = &[
        (
            "a breath",
            400,
            Some(("I would like", Unfinished)),
            &[first, "transcribe 2.8 s, 2 later"],
        ),
        (
            "a pause",
            600,
            Some(("I would like to.", Unfinished)),
            &[first, "transcribe 1.4 s after \"I would like to\", 2 later"],
        ),
        (
            "a pause in a sentence that could end",
            600,
            Some(("I need a plumber.", Unknown)),
            &[
                first,
                "transcribe 1.4 s after \"I need a plumber.\", 2 later",
            ],
        ),
        (
            "a pause behind no words",
            600,
            Some(("", Unknown)),
            &[first],
        ),
        (
            "a pause behind a question",
            440,
            Some(("When?", Finished)),
            &[first, "transcribe 2.8 s, 2 later"],
        ),
    ];
    for (name, pause, transcript, expected) in table {
        let mut call = listening(|_| {});
        let spoke = call.hears(0, 1000, Line::Quiet);
        let quiet = call.hears(spoke, 1000, Line::Voice);
        let goes_on = call.hears(quiet, *pause, Line::Quiet);
        let half = call.hears(goes_on, 300, Line::Voice);
        if let Some((words, completeness)) = transcript {
            call.on(half, transcribed(words, *completeness));
        }
        let quiet = call.hears(half, 300, Line::Voice);
        call.hears(quiet, 400, Line::Quiet);
        let steps: Vec<_> = call.told().into_iter().map(|(_, step)| step).collect();
        assert_eq!(steps[1..], **expected, "{name}");
    }
}

/// A number that is told in five parts with a second of quiet between, of which no part is finished.
#[test]
fn a_turn_that_is_not_finished_is_waited_for_also_where_nothing_is_sent_of_it_any_more() {
    let mut call = listening(|_| {});
    let mut quiet = call.hears(0, 1000, Line::Quiet);
    for part in 1..=5 {
        let spoke = call.hears(quiet, 400, Line::Voice);
        quiet = call.hears(spoke, 800, Line::Quiet);
        call.on(quiet, transcribed("My number is", Completeness::Unfinished));
        quiet = call.hears(quiet, 200, Line::Quiet);
        assert_eq!(ended(&call), "goes on", "{part}");
    }
    call.hears(quiet, 2000, Line::Quiet);
    let steps = call.told().into_iter().map(|(_, step)| step);
    let sent = steps.filter(|step| step.starts_with("transcribe"));
    assert_eq!(sent.count(), 4);
    let (end, _) = call.end.expect("it ends");
    assert!((1700..=1900).contains(&(end - (quiet - 1000))), "{end}");
}

/// The caller is quiet from 2,560 ms on, and is transcribed from 2,860 on.
#[test]
fn the_words_decide_after_how_much_quiet_a_turn_ends() {
    use Completeness::{Finished, Unfinished, Unknown};
    type Row<'a> = (&'a str, u64, Option<Completeness>, fn(&mut Listening), u64);
    let as_it_is: fn(&mut Listening) = |_| {};
    let table: &[Row<'_>] = &[
        ("a question", 2900, Some(Finished), as_it_is, 3060),
        (
            "a question, transcribed later",
            3100,
            Some(Finished),
            as_it_is,
            3120,
        ),
        (
            "a question, transcribed late",
            3900,
            Some(Finished),
            as_it_is,
            3920,
        ),
        ("half a sentence", 2900, Some(Unfinished), as_it_is, 4360),
        (
            "half a sentence, transcribed late",
            3900,
            Some(Unfinished),
            as_it_is,
            4360,
        ),
        ("another sentence", 2900, Some(Unknown), as_it_is, 3260),
        (
            "another sentence, transcribed late",
            3900,
            Some(Unknown),
            as_it_is,
            3920,
        ),
        (
            "no transcript in time",
            9000,
            Some(Finished),
            |it| it.presence.is_there(),
            4360,
        ),
        (
            "no transcript in time of what may be a television",
            9000,
            Some(Finished),
            as_it_is,
            5760,
        ),
        ("a service that fails", 3900, None, as_it_is, 3920),
        (
            "less quiet by the settings",
            2870,
            Some(Finished),
            |it| it.settings.quiet = MS_400,
            2960,
        ),
        (
            "more quiet by the settings",
            2900,
            Some(Unfinished),
            |it| it.settings.quiet = MS_2500,
            5060,
        ),
        (
            "not by meaning",
            2900,
            Some(Finished),
            |it| it.settings.ends_by_meaning = false,
            3260,
        ),
        (
            "not by meaning, and transcribed late",
            9000,
            None,
            |it| it.settings.ends_by_meaning = false,
            3260,
        ),
    ];
    for (name, at, completeness, change, ends) in table {
        let mut call = listening(change);
        let spoke = call.hears(0, 1000, Line::Quiet);
        let mut quiet = call.hears(spoke, 1500, Line::Voice);
        while call.end.is_none() && quiet < 9000 {
            if quiet + 20 > *at {
                let failed = || Event::End(Err(INTERNAL).at(Stage::Stt));
                let told = completeness.map(|told| transcribed("It is.", told));
                call.on(*at, told.unwrap_or_else(|| Input::Work(failed())));
            }
            quiet = call.hears(quiet, 20, Line::Quiet);
        }
        let end = call.end.as_ref().map(|(ms, _)| *ms);
        assert_eq!(end, Some(*ends), "{name}");
    }
}

/// From the usual quiet behind their last word the caller waits, and hears so after as long as the settings say.
#[test]
fn a_caller_who_is_not_understood_yet_waits_no_longer_in_silence_than_others() {
    // How long they may wait, when their turn ends, and since when they wait.
    for (longest_wait, ends, since) in [(2500, 5760, 3260), (400, 3660, 3260), (0, 3260, 3260)] {
        let longest_wait = Duration::from_millis(longest_wait);
        let mut call = listening(|listening| listening.longest_wait = longest_wait);
        let spoke = call.hears(0, 1000, Line::Quiet);
        let quiet = call.hears(spoke, 1500, Line::Voice);
        call.hears(quiet, 6000, Line::Quiet);
        let end = call.end.as_ref().map(|(ms, _)| *ms);
        assert_eq!(end, Some(ends));
        assert_eq!(call.phase.waits_since(), call.at(since));
    }
}

const MS_400: Duration = Duration::from_millis(400);
const MS_2500: Duration = Duration::from_millis(2500);

#[test]
fn what_was_said_into_the_phrase_before_is_sent_at_once_or_with_what_follows_it() {
    let said = |samples: usize| Pcm {
        rate_hz: 8000,
        samples: vec![1000; samples],
    };
    for (turns, step) in [
        (vec![], None),
        (vec![said(8000)], Some("transcribe 1.0 s, 0 later")),
        (
            vec![said(8000), said(4000)],
            Some("transcribe 1.5 s, 0 later"),
        ),
    ] {
        let mut call = listening(|_| {});
        call.hears(0, 1000, Line::Quiet);
        call.told();
        call.scene.said = turns;
        let now = call.at(1000);
        call.phase.take_up(&mut call.scene, now);
        call.pass(1200);
        let steps = call.told();
        assert_eq!(steps.first().map(|(_, step)| step.as_str()), step);
        assert_eq!(call.end.is_some(), step.is_some(), "it is a turn");
    }
    let mut call = listening(|_| {});
    let quiet = call.hears(0, 1000, Line::Quiet);
    let spoke = call.hears(quiet, 1500, Line::Voice);
    call.told();
    call.scene.said = vec![said(8000)];
    let now = call.at(spoke);
    call.phase.take_up(&mut call.scene, now);
    call.hears(spoke, 400, Line::Quiet);
    call.assert_steps(&[(2860, "transcribe 3.2 s, 3 later")]);
}

#[test]
fn what_is_put_off_is_sent_with_the_words_that_are_known_and_what_was_typed() {
    for (keys, sent) in [
        ("", "transcribe 2.0 s after \"A table.\", 0 later"),
        (
            "06",
            "transcribe 2.0 s after \"A table.\" [typed on the keypad: 06], 0 later",
        ),
    ] {
        let mut call = listening(|_| {});
        call.pass(1000);
        call.told();
        let now = call.at(1000);
        call.phase.known.transcript.words = "A table.".to_owned();
        call.phase.typed = vec![keys.to_owned()];
        call.phase.typed.retain(|keys| !keys.is_empty());
        call.phase.transcriptions.send();
        call.phase.put_off(&mut call.scene);
        assert_eq!(call.phase.transcriptions.left(), 4);
        call.scene.said = vec![Pcm {
            rate_hz: 8000,
            samples: vec![1000; 16_000],
        }];
        call.phase.begin(now, now);
        call.phase.take_up(&mut call.scene, now);
        call.pass(1200);
        let steps = call.told();
        assert_eq!(steps.first().map(|(_, step)| step.as_str()), Some(sent));
        assert!(call.end.is_some(), "it is a turn");
    }
}

#[test]
fn what_was_not_answered_is_kept_where_what_was_sent_ahead_fails() {
    let first = Arc::new(Pcm {
        rate_hz: 8000,
        samples: vec![0; 16_000],
    });
    let mut call = listening(|listening| listening.unanswered = Some(first));
    let spoke = call.hears(0, 1000, Line::Quiet);
    let quiet = call.hears(spoke, 1000, Line::Voice);
    let goes_on = call.hears(quiet, 400, Line::Quiet);
    let half = call.hears(goes_on, 300, Line::Voice);
    let failed = Event::End(Err(INTERNAL).at(Stage::Stt));
    call.on(half, Input::Work(failed));
    let quiet = call.hears(half, 300, Line::Voice);
    call.hears(quiet, 400, Line::Quiet);
    let steps: Vec<_> = call.told().into_iter().map(|(_, step)| step).collect();
    let sent = ["transcribe 3.8 s, 3 later", "transcribe 4.8 s, 2 later"];
    assert_eq!(steps[1..], sent);
}
