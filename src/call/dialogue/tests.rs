//! Which phase follows which, as tables.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::audio::Pcm;
use crate::sys::error::At;
use crate::timeline::Timeline;

fn settings() -> Conversation {
    Conversation {
        quiet: Duration::from_millis(700),
        thinks_ahead: true,
        ends_by_meaning: true,
        barge_in: true,
        max_question: Duration::from_secs(60),
        max_turns: 3,
        longest: Duration::from_secs(600),
        ask_after: Duration::from_secs(10),
        greeting: Sentence::Sound("greeting".into()),
        still_there: Sentence::Sound("there?".into()),
        goodbye: Sentence::Sound("bye".into()),
        sounds: PathBuf::new(),
        transfers: vec![("Sales".into(), "200".into())],
        operator: None,
    }
}

fn turn() -> Heard {
    let speech = Arc::new(Pcm {
        rate_hz: 8000,
        samples: Vec::new(),
    });
    Heard::Turn(Utterance {
        speech,
        events: Vec::new(),
    })
}

/// The caller is listened to, who has said nothing since the greeting.
const LISTENED: &str = "listen, silent since 1 s";

/// What happens in a conversation.
enum On {
    Said,
    /// The caller spoke into the phrase.
    CutOff,
    /// The caller was asked to try again, or spoke into that.
    Apologized,
    ApologyCutOff,
    Heard(Heard),
    /// The answer has been heard, or its rest, and the model wants this.
    Answered(Vec<Action>),
    /// The caller spoke before they had been understood.
    TooEarly,
    /// The caller spoke into the answer, or before it began.
    Interrupted,
    InterruptedUnheard,
    NotUnderstood,
    /// The caller showed that they follow.
    Follows,
    Wordless,
    HungUp,
    /// The answer did not begin, because of this stage.
    Failed(Stage),
    /// It broke off.
    BrokeOff,
    /// Nothing, for this number of seconds.
    Later(u64),
}

/// What follows from each of them, one second after the other.
fn follow(all: Vec<On>) -> Vec<String> {
    follow_with(settings(), all)
}

fn follow_with(settings: Conversation, all: Vec<On>) -> Vec<String> {
    let began = Instant::now();
    let mut scene = Scene::new(began);
    let mut dialogue = Dialogue::new(settings, began);
    let mut now = began;
    let mut asked_before = String::new();
    let mut steps = vec![told(&dialogue.begin(), began)];
    for on in all {
        now += Duration::from_secs(1);
        let failure = |stage| Err::<(), _>("no answer").at(stage).expect_err("it is one");
        let mut answered = |answered, goes_on, scene: &mut Scene| {
            let next = dialogue.answered(answered, goes_on, scene, now);
            next.unwrap_or_else(|failure| Next::End(Outcome::Failed(failure)))
        };
        let next = match on {
            On::Later(seconds) => {
                now += Duration::from_secs(seconds - 1);
                continue;
            }
            On::Answered(actions) => {
                understood(&mut scene, true, now);
                scene.turn.is_interrupted = false;
                scene.turn.actions = actions;
                answered(Ok(Answered::Heard), false, &mut scene)
            }
            On::TooEarly => answered(Ok(Answered::Interrupted), true, &mut scene),
            On::Interrupted | On::InterruptedUnheard => {
                understood(&mut scene, matches!(on, On::Interrupted), now);
                scene.turn.is_interrupted = true;
                scene.turn.actions = vec![];
                answered(Ok(Answered::Interrupted), false, &mut scene)
            }
            On::Follows => answered(Ok(Answered::Follows), false, &mut scene),
            On::NotUnderstood => {
                // The turn before is put back.
                scene.turn.question.clone_from(&asked_before);
                answered(Ok(Answered::NoSpeech), false, &mut scene)
            }
            On::HungUp => answered(Ok(Answered::HungUp), false, &mut scene),
            On::Wordless => answered(Ok(Answered::Wordless), false, &mut scene),
            On::Failed(stage) => {
                if stage != Stage::Stt {
                    understood(&mut scene, false, now);
                }
                answered(Err(failure(stage)), false, &mut scene)
            }
            On::BrokeOff => {
                let broken = Answered::Partial(failure(Stage::Tts));
                answered(Ok(broken), false, &mut scene)
            }
            On::Said => dialogue.said(false, &mut scene, now),
            On::CutOff => dialogue.said(true, &mut scene, now),
            On::Apologized => dialogue.apologized(false, &mut scene, now),
            On::ApologyCutOff => dialogue.apologized(true, &mut scene, now),
            On::Heard(heard) => {
                if let Heard::Turn(_) = heard {
                    scene.turn.timeline = Timeline::new(now);
                    asked_before = std::mem::take(&mut scene.turn.question);
                }
                dialogue.heard(heard, &mut scene)
            }
        };
        steps.push(told(&next, began));
    }
    steps
}

/// The caller has been understood, and has heard some of the answer or not.
fn understood(scene: &mut Scene, is_heard: bool, now: Instant) {
    scene.turn.question = "When?".to_owned();
    if is_heard {
        scene.turn.timeline.reached(Mark::FirstPlayed, now);
    }
}

fn told(next: &Next, began: Instant) -> String {
    match next {
        Next::Say(Sentence::Sound(name), _) => format!("say {name}"),
        Next::Say(sentence, _) => format!("{sentence:?}"),
        Next::Listen { silent_since } => {
            let since = silent_since.duration_since(began).as_secs();
            format!("listen, silent since {since} s")
        }
        Next::Answer(_) => "answer".into(),
        Next::Beep => "beep".into(),
        Next::TakeUp => "take up".into(),
        Next::Apologize => "sorry".into(),
        Next::End(outcome) => format!("{} {}", outcome.status(), outcome.extension()),
    }
}

/// What is tried, what happens, and the steps.
type Row = (&'static str, Vec<On>, &'static [&'static str]);

#[track_caller]
fn assert_follows(table: Vec<Row>) {
    for (name, on, steps) in table {
        assert_eq!(follow(on), steps, "{name}");
    }
}

#[test]
fn a_conversation_goes_from_phase_to_phase_until_one_of_the_two_has_had_enough() {
    use super::Heard::{HungUp as Gone, Late, Silence};
    use On::{Answered, Heard, HungUp, Said};
    assert_follows(vec![
        (
            "an answer after the other, until there have been enough",
            vec![
                Said,
                Heard(turn()),
                Answered(vec![]),
                Heard(turn()),
                Answered(vec![]),
                Heard(turn()),
                Answered(vec![]),
                Said,
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
                "answer",
                "listen, silent since 5 s",
                "answer",
                "say bye",
                "ANSWERED ",
            ],
        ),
        (
            "a caller who says nothing is asked once",
            vec![Said, Heard(Silence), Said, Heard(Silence), Said],
            &[
                "say greeting",
                LISTENED,
                "say there?",
                "listen, silent since 3 s",
                "say bye",
                "ANSWERED ",
            ],
        ),
        (
            "the time is up",
            vec![Said, Heard(Late)],
            &["say greeting", LISTENED, "say bye"],
        ),
        (
            "the caller hangs up while listened to",
            vec![Said, Heard(Gone)],
            &["say greeting", LISTENED, "HANGUP "],
        ),
        (
            "the caller hangs up during the answer",
            vec![Said, Heard(turn()), HungUp],
            &["say greeting", LISTENED, "answer", "HANGUP "],
        ),
    ]);
}

#[test]
fn what_the_model_wants_and_what_it_does_not_understand_lead_on() {
    use On::{Answered, Heard, NotUnderstood, Said, TooEarly, Wordless};
    let goodbye = || vec![Action::Note("n".into()), Action::Goodbye];
    let transfer = |name: &str| vec![Action::Transfer(name.into())];
    assert_follows(vec![
        (
            "the model says goodbye",
            vec![Said, Heard(turn()), Answered(goodbye())],
            &["say greeting", LISTENED, "answer", "ANSWERED "],
        ),
        (
            "the model transfers, and writes the name as models do",
            vec![Said, Heard(turn()), Answered(transfer("\"sales\"."))],
            &["say greeting", LISTENED, "answer", "TRANSFER 200"],
        ),
        (
            "the model transfers to a name that is not known",
            vec![Said, Heard(turn()), Answered(transfer("Nobody"))],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
            ],
        ),
        (
            "the caller goes on before they are understood: no turn",
            vec![Said, Heard(turn()), TooEarly],
            &["say greeting", LISTENED, "answer", LISTENED],
        ),
        (
            "an answer without words is a beep and a turn",
            vec![Said, Heard(turn()), Wordless, Said],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "beep",
                "listen, silent since 4 s",
            ],
        ),
        (
            "a noise without end is a turn from the third time on",
            vec![
                Said,
                Heard(turn()),
                NotUnderstood,
                Heard(turn()),
                NotUnderstood,
                Heard(turn()),
                NotUnderstood,
                Heard(turn()),
                NotUnderstood,
                Heard(turn()),
                NotUnderstood,
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                LISTENED,
                "answer",
                LISTENED,
                "answer",
                LISTENED,
                "answer",
                "listen, silent since 1 s",
                "answer",
                "say bye",
            ],
        ),
    ]);
}

#[test]
fn a_caller_who_interrupts_a_goodbye_is_listened_to_and_what_was_no_speech_ends_the_call() {
    use crate::call::phase::tests::caller;
    let began = Instant::now();
    let mut scene = Scene::new(began);
    let mut voice = caller(began, None);
    voice.hear(&[0; 8000], began);
    voice.hear(
        &testkit::audio::clips::babble(8000, "waterfall").samples,
        began,
    );
    scene.caller = Some(voice);
    assert!(scene.is_in_turn());
    let mut dialogue = Dialogue::new(settings(), began);
    scene.turn.actions = vec![Action::Goodbye];
    let next = dialogue.answered(Ok(Answered::Heard), false, &mut scene, began);
    assert!(matches!(next, Ok(Next::Listen { .. })), "{next:?}");
    scene.caller.as_mut().expect("there").forget();
    let next = dialogue.heard(Heard::Silence, &mut scene);
    assert!(
        matches!(next, Next::End(Outcome::Answered(None))),
        "{next:?}"
    );
}

#[test]
fn the_end_waits_for_the_next_packet_where_it_is_doubted_that_the_caller_speaks() {
    use crate::call::echo;
    use crate::call::listening::Listening;
    use crate::call::phase::tests::{caller, melody};
    use crate::call::phase::{Phase, Step};
    let began = Instant::now();
    let mut scene = Scene::new(began);
    let mut voice = caller(began, None);
    voice.hear(&[0; 8000], began);
    let heard = echo::Heard {
        loudest_dbfs: -60.0,
        samples: None,
        is_anew: false,
    };
    let is_doubted = melody().chunks(160).any(|packet| {
        voice.overhear(packet, &heard, began);
        voice.may_be_in_turn() && !voice.is_in_turn()
    });
    assert!(is_doubted);
    scene.caller = Some(voice);
    let mut dialogue = Dialogue::new(settings(), began);
    scene.turn.actions = vec![Action::Goodbye];
    let next = dialogue.answered(Ok(Answered::Heard), false, &mut scene, began);
    assert!(matches!(next, Ok(Next::Listen { .. })), "{next:?}");
    let waiting = crate::config::Waiting {
        play: crate::config::Filler::Nothing,
        after: Duration::ZERO,
        every: Duration::ZERO,
    };
    let mut listening = Listening::new(settings(), &waiting, None, began);
    listening.begin(began, began);
    let step = listening.poll(&mut scene, began);
    assert!(matches!(step, Step::Wait(_)), "nothing is waited for");
}

/// An answer, or else the greeting, that a caller has interrupted who has been quiet since for so many samples.
fn interrupted(is_answer: bool, quiet: usize, began: Instant) -> (Dialogue, Scene) {
    let mut scene = Scene::new(began);
    let mut voice = crate::call::phase::tests::caller(began, None);
    voice.hear(&[0; 8000], began);
    let said = testkit::audio::clips::babble(8000, "waterfall");
    voice.hear(&said.samples, began);
    voice.hear(&vec![0; quiet], began);
    scene.caller = Some(voice);
    let mut dialogue = Dialogue::new(settings(), began);
    scene.turn.is_interrupted = is_answer;
    if !is_answer {
        dialogue.begin();
        dialogue.said(true, &mut scene, began);
    }
    (dialogue, scene)
}

#[test]
fn a_sound_without_words_that_goes_on_keeps_no_answer_and_no_phrase_waiting() {
    let began = Instant::now();
    for is_answer in [true, false] {
        let (mut dialogue, mut scene) = interrupted(is_answer, 0, began);
        assert!(scene.is_in_turn());
        let next = dialogue.answered(Ok(Answered::NoSpeech), false, &mut scene, began);
        let next = told(&next.expect("nothing fails"), began);
        let expected = if is_answer { "take up" } else { "say greeting" };
        assert_eq!(next, expected);
        // What goes on would not begin again, so that it would not interrupt any more.
        assert!(!scene.is_in_turn());
    }
}

/// The caller has said something again by the time at which their first words prove to be nothing. Then it ends as a turn
/// within a moment, but nothing would begin it again. A background is waited for twice only.
#[test]
fn what_has_just_been_said_is_heard_before_what_was_interrupted_goes_on() {
    let began = Instant::now();
    for is_answer in [true, false] {
        let (mut dialogue, mut scene) = interrupted(is_answer, 2400, began);
        let mut steps = Vec::new();
        for _ in 0..3 {
            assert!(scene.is_in_turn());
            let next = dialogue.answered(Ok(Answered::NoSpeech), false, &mut scene, began);
            steps.push(told(&next.expect("nothing fails"), began));
        }
        let listens = "listen, silent since 0 s";
        let last = if is_answer { "take up" } else { "say greeting" };
        assert_eq!(steps, [listens, listens, last]);
    }
}

#[test]
fn a_phrase_that_was_interrupted_for_nothing_is_said_once_more() {
    use super::Heard::Silence;
    use On::{Answered, CutOff, Heard, NotUnderstood, Said};
    assert_follows(vec![
        (
            "a noise into the greeting",
            vec![CutOff, Heard(Silence), Said, Heard(turn())],
            &[
                "say greeting",
                LISTENED,
                "say greeting",
                "listen, silent since 3 s",
                "answer",
            ],
        ),
        (
            "what nobody understands, into the greeting and into its repetition",
            vec![
                CutOff,
                Heard(turn()),
                NotUnderstood,
                Said,
                Heard(turn()),
                NotUnderstood,
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "say greeting",
                "listen, silent since 4 s",
                "answer",
                "listen, silent since 4 s",
            ],
        ),
        (
            "what nobody understands, behind a turn that was understood",
            vec![
                Said,
                Heard(turn()),
                Answered(vec![]),
                Heard(Silence),
                CutOff,
                Heard(turn()),
                NotUnderstood,
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
                "say there?",
                "listen, silent since 5 s",
                "answer",
                "say there?",
            ],
        ),
        (
            "words into the greeting",
            vec![CutOff, Heard(turn()), Answered(vec![]), Heard(Silence)],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
                "say there?",
            ],
        ),
        (
            "words into the question whether they are there",
            vec![
                Said,
                Heard(Silence),
                CutOff,
                Heard(turn()),
                Answered(vec![]),
            ],
            &[
                "say greeting",
                LISTENED,
                "say there?",
                "listen, silent since 3 s",
                "answer",
                "listen, silent since 5 s",
            ],
        ),
    ]);
}

#[test]
fn a_phrase_yields_to_the_caller_once_and_the_last_one_never() {
    use super::Heard::{Late, Silence};
    let began = Instant::now();
    let mut scene = Scene::new(began);
    for (barge_in, first) in [(true, BargeIn::Yields), (false, BargeIn::Keeps)] {
        let settings = Conversation {
            barge_in,
            ..settings()
        };
        let mut dialogue = Dialogue::new(settings, began);
        dialogue.begin();
        assert_eq!(dialogue.barge_in(), first);
        dialogue.said(true, &mut scene, began);
        assert!(
            scene.is_open(),
            "it is not waited for somebody who says nothing"
        );
        dialogue.heard(Silence, &mut scene);
        assert_eq!(dialogue.barge_in(), BargeIn::Keeps, "the same phrase again");
        assert!(!scene.is_open());
        dialogue.said(false, &mut scene, began);
        dialogue.heard(Silence, &mut scene);
        assert_eq!(dialogue.barge_in(), first, "another phrase");
        dialogue.said(false, &mut scene, began);
        dialogue.heard(Late, &mut scene);
        assert_eq!(dialogue.barge_in(), BargeIn::Ignores, "the goodbye");
    }
}

#[test]
fn the_goodbye_to_a_silent_caller_yields_to_them_once() {
    use super::Heard::Silence;
    use On::{Answered, Apologized, CutOff, Failed, Heard, NotUnderstood, Said};
    let bye = [
        "say greeting",
        LISTENED,
        "say there?",
        "listen, silent since 3 s",
        "say bye",
        "listen, silent since 5 s",
    ];
    let silent = || vec![Said, Heard(Silence), Said, Heard(Silence), CutOff];
    let table = [
        (
            "words, and silence again",
            vec![Heard(turn()), Answered(vec![]), Heard(Silence)],
            vec!["answer", "listen, silent since 7 s", "say there?"],
        ),
        (
            "a noise",
            vec![Heard(Silence), CutOff],
            vec!["say bye", "ANSWERED "],
        ),
        (
            "what nobody understands",
            vec![Heard(turn()), NotUnderstood, Said],
            vec!["answer", "say bye", "ANSWERED "],
        ),
        (
            "a noise that no service transcribes",
            vec![
                Heard(turn()),
                Failed(Stage::Stt),
                Apologized,
                Heard(Silence),
                Said,
                Heard(Silence),
                Said,
            ],
            vec![
                "answer",
                "sorry",
                "listen, silent since 8 s",
                "say there?",
                "listen, silent since 10 s",
                "say bye",
                "ANSWERED ",
            ],
        ),
    ];
    for (name, then, expected) in table {
        let steps = follow(silent().into_iter().chain(then).collect());
        assert_eq!(steps, [bye.to_vec(), expected].concat(), "{name}");
    }
}

#[test]
fn who_spoke_into_the_goodbye_and_is_asked_to_try_again_is_waited_for() {
    use super::Heard::Silence;
    let began = Instant::now();
    let mut scene = Scene::new(began);
    let mut dialogue = Dialogue::new(settings(), began);
    for is_interrupted in [false, false, true] {
        dialogue.said(is_interrupted, &mut scene, began);
        if !is_interrupted {
            dialogue.heard(Silence, &mut scene);
        }
    }
    let failed = Err("no answer").at(Stage::Stt);
    let next = dialogue.answered(failed, false, &mut scene, began);
    assert!(matches!(next, Ok(Next::Apologize)), "{next:?}");
    let next = dialogue.apologized(false, &mut scene, began);
    assert!(matches!(next, Next::Listen { .. }), "{next:?}");
    assert!(!scene.is_open(), "nothing is to be said at once");
}

#[test]
fn what_is_said_into_the_goodbye_to_a_silent_caller_is_kept_where_they_may_not_interrupt() {
    use super::Heard::Silence;
    let began = Instant::now();
    let mut scene = Scene::new(began);
    let settings = Conversation {
        barge_in: false,
        ..settings()
    };
    let mut dialogue = Dialogue::new(settings, began);
    dialogue.heard(Silence, &mut scene);
    dialogue.said(false, &mut scene, began);
    for barge_in in [BargeIn::Keeps, BargeIn::Ignores] {
        let next = dialogue.heard(Silence, &mut scene);
        assert!(matches!(next, Next::Say(_, "goodbye")), "{next:?}");
        assert_eq!(dialogue.barge_in(), barge_in);
        scene.said.push(Pcm {
            rate_hz: 8000,
            samples: vec![0; 8000],
        });
        let next = dialogue.said(false, &mut scene, began);
        let is_heard = matches!(next, Next::Listen { .. });
        assert_eq!(is_heard, barge_in == BargeIn::Keeps, "{next:?}");
        // That was a noise.
        scene.said.clear();
    }
}

#[test]
fn a_phrase_behind_an_answer_is_said_once_more_where_a_noise_cut_it_and_before_the_goodbye() {
    use super::Heard::Silence;
    let began = Instant::now();
    for max_turns in [1, 9] {
        let mut scene = Scene::new(began);
        let settings = Conversation {
            max_turns,
            ..settings()
        };
        let mut dialogue = Dialogue::new(settings, began);
        scene.cut_phrase = Some((Sentence::Sound("lost".into()), "im-sorry"));
        let mut next = dialogue
            .answered(Ok(Answered::Heard), false, &mut scene, began)
            .expect("nothing fails");
        if max_turns > 1 {
            assert!(matches!(next, Next::Listen { .. }), "{next:?}");
            next = dialogue.heard(Silence, &mut scene);
        }
        assert_eq!(told(&next, began), "say lost");
        assert_eq!(dialogue.barge_in(), BargeIn::Keeps);
        let next = dialogue.said(false, &mut scene, began);
        if max_turns > 1 {
            assert!(matches!(next, Next::Listen { .. }), "{next:?}");
        } else {
            assert_eq!(told(&next, began), "say bye");
            assert_eq!(dialogue.barge_in(), BargeIn::Ignores);
        }
    }
}

#[test]
fn what_was_said_into_a_phrase_behind_an_answer_keeps_the_call_from_its_end() {
    let began = Instant::now();
    let mut scene = Scene::new(began);
    let mut dialogue = Dialogue::new(settings(), began);
    scene.turn.actions = vec![Action::Goodbye];
    scene.said.push(Pcm {
        rate_hz: 8000,
        samples: vec![0; 8000],
    });
    let next = dialogue.answered(Ok(Answered::Heard), false, &mut scene, began);
    assert!(matches!(next, Ok(Next::Listen { .. })), "{next:?}");
    assert_eq!(scene.turn.actions, [Action::Goodbye]);
}

#[test]
fn an_answer_that_was_interrupted_for_nothing_goes_on_and_is_one_turn() {
    use super::Heard::Silence;
    use On::{Answered, Follows, Heard, Interrupted, NotUnderstood, Said};
    let goodbye = || vec![Action::Goodbye];
    assert_follows(vec![
        (
            "a noise, and then what nobody understands",
            vec![
                Said,
                Heard(turn()),
                Interrupted,
                Heard(Silence),
                Interrupted,
                Heard(turn()),
                NotUnderstood,
                Answered(vec![]),
                Heard(turn()),
                Answered(vec![]),
                Heard(turn()),
                Answered(vec![]),
                Said,
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
                "take up",
                "listen, silent since 5 s",
                "answer",
                "take up",
                "listen, silent since 8 s",
                "answer",
                "listen, silent since 10 s",
                "answer",
                "say bye",
                "ANSWERED ",
            ],
        ),
        (
            "a back-channel",
            vec![Said, Heard(turn()), Interrupted, Heard(turn()), Follows],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
                "answer",
                "take up",
            ],
        ),
        (
            "what the answer was to do is done after its rest",
            vec![
                Said,
                Heard(turn()),
                Interrupted,
                Heard(Silence),
                Answered(goodbye()),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
                "take up",
                "ANSWERED ",
            ],
        ),
        (
            "a transfer is not lost to a noise",
            vec![
                Said,
                Heard(turn()),
                Interrupted,
                Heard(Silence),
                Answered(vec![Action::Transfer("sales".into())]),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
                "take up",
                "TRANSFER 200",
            ],
        ),
    ]);
}

#[test]
fn an_answer_that_words_interrupt_is_a_turn_and_into_the_last_one_the_caller_is_heard_once_more() {
    use On::{Answered, Heard, Interrupted, Later, Said};
    assert_follows(vec![
        (
            "two answers are interrupted",
            vec![
                Said,
                Heard(turn()),
                Interrupted,
                Heard(turn()),
                Answered(vec![]),
                Heard(turn()),
                Interrupted,
                Heard(turn()),
                Interrupted,
                Said,
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
                "answer",
                "listen, silent since 5 s",
                "answer",
                "listen, silent since 7 s",
                "answer",
                "say bye",
                "ANSWERED ",
            ],
        ),
        (
            "the time is up while an answer waits",
            vec![
                Said,
                Heard(turn()),
                Interrupted,
                Later(600),
                Heard(super::Heard::Silence),
                Answered(vec![]),
                Heard(super::Heard::Late),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "listen, silent since 3 s",
                "take up",
                "listen, silent since 605 s",
                "say bye",
            ],
        ),
    ]);
}

#[test]
fn one_turn_that_a_service_fails_is_forgiven_and_the_next_ends_the_conversation() {
    use On::{Answered, Apologized, BrokeOff, Failed, Heard, Later, Said};
    assert_follows(vec![
        (
            "the caller is asked to try again, and is answered",
            vec![
                Said,
                Heard(turn()),
                Failed(Stage::Llm),
                Apologized,
                Heard(turn()),
                Answered(vec![]),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "sorry",
                "listen, silent since 4 s",
                "answer",
                "listen, silent since 6 s",
            ],
        ),
        (
            "two turns in a row fail",
            vec![
                Said,
                Heard(turn()),
                Failed(Stage::Stt),
                Apologized,
                Heard(turn()),
                Failed(Stage::Tts),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "sorry",
                "listen, silent since 4 s",
                "answer",
                "FAILED ",
            ],
        ),
        (
            "an answer that breaks off is a turn that fails",
            vec![
                Said,
                Heard(turn()),
                BrokeOff,
                Apologized,
                Heard(turn()),
                BrokeOff,
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "sorry",
                "listen, silent since 4 s",
                "answer",
                "PARTIAL ",
            ],
        ),
        (
            "a limit, and a disk that is full, are no failure of a service",
            vec![Said, Heard(turn()), Failed(Stage::Limit)],
            &["say greeting", LISTENED, "answer", "FAILED "],
        ),
        (
            "a turn that fails counts like others, and the last one is not forgiven",
            vec![
                Said,
                Heard(turn()),
                Failed(Stage::Llm),
                Apologized,
                Heard(turn()),
                Answered(vec![]),
                Heard(turn()),
                Failed(Stage::Llm),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "sorry",
                "listen, silent since 4 s",
                "answer",
                "listen, silent since 6 s",
                "answer",
                "FAILED ",
            ],
        ),
        (
            "nor is an answer that breaks off once the time is up",
            vec![Said, Heard(turn()), Later(599), BrokeOff],
            &["say greeting", LISTENED, "answer", "PARTIAL "],
        ),
    ]);
}

#[test]
fn what_a_noise_cuts_is_said_once_more_also_where_the_noise_cannot_be_transcribed() {
    use super::Heard::Silence;
    use On::{Answered, Apologized, ApologyCutOff, CutOff, Failed, Heard, Said};
    assert_follows(vec![
        (
            "a noise into the apology",
            vec![
                Said,
                Heard(turn()),
                Failed(Stage::Llm),
                ApologyCutOff,
                Heard(Silence),
                Said,
                Heard(Silence),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "sorry",
                "listen, silent since 4 s",
                "say please-try-again",
                "listen, silent since 6 s",
                "say there?",
            ],
        ),
        (
            "words into the apology",
            vec![
                Said,
                Heard(turn()),
                Failed(Stage::Llm),
                ApologyCutOff,
                Heard(turn()),
                Answered(vec![]),
                Heard(Silence),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "sorry",
                "listen, silent since 4 s",
                "answer",
                "listen, silent since 6 s",
                "say there?",
            ],
        ),
        (
            "a noise into the greeting that no service transcribes",
            vec![
                CutOff,
                Heard(turn()),
                Failed(Stage::Stt),
                Apologized,
                Heard(Silence),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "sorry",
                "listen, silent since 4 s",
                "say greeting",
            ],
        ),
        (
            "words into the greeting that no model answers",
            vec![
                CutOff,
                Heard(turn()),
                Failed(Stage::Llm),
                Apologized,
                Heard(Silence),
            ],
            &[
                "say greeting",
                LISTENED,
                "answer",
                "sorry",
                "listen, silent since 4 s",
                "say there?",
            ],
        ),
    ]);
}

#[test]
fn between_two_failures_only_an_answer_counts() {
    use On::{
        Apologized, Failed, Heard, Interrupted, InterruptedUnheard, NotUnderstood, Said, TooEarly,
        Wordless,
    };
    for (between, last) in [
        (NotUnderstood, "FAILED "),
        (TooEarly, "FAILED "),
        (InterruptedUnheard, "FAILED "),
        (Interrupted, "sorry"),
        (Wordless, "sorry"),
    ] {
        let mut all = vec![Said, Heard(turn()), Failed(Stage::Llm)];
        all.extend([Apologized, Heard(turn())]);
        all.extend([between, Heard(turn()), Failed(Stage::Llm)]);
        let settings = Conversation {
            max_turns: 9,
            ..settings()
        };
        let steps = follow_with(settings, all);
        assert_eq!(steps.last().map(String::as_str), Some(last), "{steps:?}");
    }
}
