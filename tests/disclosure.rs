//! What callers are told of what they talk with: who is, when, once a call, and what becomes of it when it cannot be said.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{
    Act, Call, CallBuilder, Fault, GEMINI_API_KEY, Outcome, Response, Settings, Signal, Stage,
};

use crate::conversation::{self, BREATH};
use crate::doctor::{check, of, run_check};
use crate::house::{House, PATIENCE, argument, assert_at_once, each, program};
use crate::setup;

const TEXT: &str = "You are talking with an automatic assistant.";
/// A channel and its caller's number, or a variable and its value.
type Pair = (&'static str, &'static str);
/// The default phone of these tests, which has signed in.
const PHONE: Pair = ("PJSIP/1001-00000011", "1001");
const TRUNK: Pair = ("PJSIP/provider-00000012", "+33123456789");

fn sounds(house: &House) -> PathBuf {
    house.other().join("sounds")
}

fn settings(house: &House) -> Settings {
    let sounds = sounds(house);
    house
        .sandbox
        .settings()
        .set("conversation.sounds", sounds.to_str().unwrap())
}

/// The same call from elsewhere.
fn from(call: CallBuilder, (channel, number): Pair) -> CallBuilder {
    call.agi("agi_channel", channel).agi("agi_callerid", number)
}

/// What 8008 runs before the welcome.
fn disclosing(house: &House, settings: &Settings) -> CallBuilder {
    let config = settings.write(house.other());
    let call = Call::builder(program())
        .arg("mode=disclose")
        .arg("persona=")
        .arg(argument("config", &config));
    from(call, TRUNK)
}

fn disclosed(house: &House, settings: &Settings) -> Outcome {
    ended(disclosing(house, settings))
}

/// Whatever it did, the call goes on.
#[track_caller]
fn ended(call: CallBuilder) -> Outcome {
    let outcome = call.start().finish(PATIENCE);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "");
    outcome
}

/// What was played, one name for each time.
fn played(outcome: &Outcome) -> Vec<&str> {
    let names = outcome.commands().filter_map(|command| {
        let rest = command.strip_prefix("STREAM FILE \"")?;
        rest.split('"').next()
    });
    names.collect()
}

/// Whether a sound is one of those that were spoken once and kept.
fn is_kept(house: &House, sound: &str) -> bool {
    let is_silence = sound.ends_with("/silence");
    Path::new(sound).parent() == Some(&sounds(house)) && !is_silence
}

/// The texts that a voice was asked for, each time that it was.
fn texts(house: &House) -> Vec<String> {
    let asked = house.sandbox.requests_to(Stage::Tts);
    let text = |body: &Value| body["input"].as_str().unwrap().to_owned();
    asked.iter().map(|asked| text(&asked.body)).collect()
}

fn requests(house: &House) -> usize {
    house.sandbox.requests_to(Stage::Tts).len()
}

#[test]
fn who_is_told_depends_on_where_they_call_from_and_on_the_settings() {
    let alias = [("AMPUSER", "1001")];
    let forged = [("AMPUSER", "200")];
    let told = [("ASSISTANT_DISCLOSED", "1")];
    let local = ("Local/200@from-internal-0000000a;1", "200");
    let table: &[(&str, &str, Pair, &[Pair], bool)] = &[
        ("a phone", "outside", PHONE, &[], false),
        ("a phone", "all", PHONE, &[], true),
        ("a phone", "none", PHONE, &[], false),
        ("a trunk", "outside", TRUNK, &[], true),
        ("a trunk", "all", TRUNK, &[], true),
        ("a trunk", "none", TRUNK, &[], false),
        (
            "a phone with an alias",
            "outside",
            (PHONE.0, "4930"),
            &alias,
            false,
        ),
        (
            "a trunk with the number of a phone",
            "outside",
            (TRUNK.0, "200"),
            &forged,
            true,
        ),
        ("a local channel", "outside", local, &[], true),
        ("told before", "outside", TRUNK, &told, false),
        ("told before", "all", PHONE, &told, false),
    ];
    each(table, |(what, disclosure, caller, variables, is_told)| {
        let house = House::new();
        let settings = settings(&house).set("knowledge.disclosure", *disclosure);
        let call = from(disclosing(&house, &settings), *caller);
        let call = variables
            .iter()
            .fold(call, |call, (name, value)| call.variable(name, value));
        let outcome = ended(call);
        let played = played(&outcome);
        assert_eq!(played.len(), usize::from(*is_told), "{what} {disclosure}");
        assert!(played.iter().all(|sound| is_kept(&house, sound)));
        let texts = if *is_told { vec![TEXT] } else { vec![] };
        assert_eq!(house.spoken_texts(), texts, "{what} {disclosure}");
        let is_set = outcome.variable("ASSISTANT_DISCLOSED") == "1";
        assert_eq!(
            is_set,
            *is_told || !variables.is_empty() && variables[0].0 == "ASSISTANT_DISCLOSED"
        );
    });
}

#[test]
fn where_nothing_is_due_nothing_is_needed() {
    let house = House::new();
    // Neither a key nor a folder is to be looked at: there is none.
    let settings = settings(&house)
        .set("conversation.sounds", "/proc/nowhere")
        .set("knowledge.disclosure", "none");
    let outcome = disclosed(&house, &settings);
    let commands: Vec<_> = outcome.commands().collect();
    let [first] = commands[..] else {
        panic!("{commands:?}");
    };
    assert!(first.starts_with("GET FULL VARIABLE"), "as in every call");
    assert!(house.sandbox.requests().is_empty());
    assert_eq!(house.sandbox.connections(), 0);
}

#[test]
fn the_phrase_is_spoken_once_and_a_new_text_is_spoken_anew() {
    let house = House::new();
    for _ in 0..2 {
        disclosed(&house, &settings(&house));
    }
    assert_eq!(requests(&house), 1);
    let other = settings(&house).set("knowledge.disclosure_text", "I am a machine.");
    for _ in 0..2 {
        disclosed(&house, &other);
    }
    assert_eq!(house.spoken_texts(), [TEXT, "I am a machine."]);
    assert_eq!(requests(&house), 2);
}

#[test]
fn a_persona_tells_it_in_its_own_words_and_voice() {
    let house = House::new();
    let settings = settings(&house)
        .set(
            "persona.office.disclosure_text",
            "Hier spricht ein Automat.",
        )
        .set("persona.office.voice", "onyx");
    let outcome = ended(disclosing(&house, &settings).arg("persona=office"));
    assert_eq!(played(&outcome).len(), 1);
    let asked = &house.sandbox.requests_to(Stage::Tts)[0].body;
    assert_eq!(asked["input"], "Hier spricht ein Automat.");
    assert_eq!(asked["voice"], "onyx");
}

#[test]
fn without_words_of_their_own_callers_hear_it_in_the_first_language() {
    let german = "Sie sprechen mit einem automatischen Assistenten.";
    for (key, language, text) in [
        ("stt.language", "de-CH", german),
        (
            "stt.language",
            "fr-FR",
            "Vous parlez avec un assistant automatique.",
        ),
        ("stt.language", "pl-PL", TEXT),
        ("persona.office.language", "de-CH", german),
    ] {
        let house = House::new();
        let mut call = disclosing(&house, &settings(&house).set(key, language));
        if key.starts_with("persona.") {
            call = call.arg("persona=office");
        }
        ended(call);
        assert_eq!(house.spoken_texts(), [text], "{key} {language}");
    }
}

#[test]
fn a_voice_that_stood_in_is_told_though_the_caller_heard_it() {
    let house = House::new();
    let settings = settings(&house)
        .set("tts.openai.api_key", "sk-of-somebody-else")
        .set("tts.fallback", ["google"].as_slice())
        .set("tts.google.voice", "en-US-Chirp3-HD-Charon");
    let outcome = disclosed(&house, &settings);
    outcome.assert_variable("ASSISTANT_DISCLOSED", "1");
    let [warning] = &outcome.warnings[..] else {
        panic!("{:?}", outcome.warnings);
    };
    assert!(warning.contains("stood in"), "{warning}");
    assert!(outcome.verbose.is_empty(), "{:?}", outcome.verbose);
}

#[test]
fn a_voice_that_stands_in_has_no_time_of_its_own() {
    let house = House::new();
    house.sandbox.fault(Stage::Tts, Fault::Hang, usize::MAX);
    let settings = settings(&house)
        .set("tts.fallback", ["google"].as_slice())
        .set("tts.google.voice", "en-US-Chirp3-HD-Charon");
    let began = Instant::now();
    disclosed(&house, &settings).assert_variable("ASSISTANT_DISCLOSED", "");
    // The manual: 5 s at most.
    assert_at_once(began.elapsed().saturating_sub(Duration::from_secs(5)));
}

#[test]
fn a_sound_is_played_as_it_is() {
    let house = House::new();
    let sound = house.other().join("automatic");
    fs::write(sound.with_extension("ulaw"), vec![0x5a; 800]).unwrap();
    let text = format!("sound:{}", sound.display());
    let settings = settings(&house).set("knowledge.disclosure_text", text);
    let outcome = disclosed(&house, &settings);
    assert_eq!(played(&outcome), [sound.to_str().unwrap()]);
    outcome.assert_variable("ASSISTANT_DISCLOSED", "1");
    assert_eq!(house.sandbox.requests().len(), 0);
}

/// The question that follows in the same call, on a line whose variables an earlier program has left.
fn asked(house: &House, settings: &Settings, before: Option<&Outcome>) -> Outcome {
    let call = from(house.ask("question-tea.wav").call_with(settings), TRUNK);
    let told = before.map_or("", |before| before.variable("ASSISTANT_DISCLOSED"));
    let call = match told {
        "" => call,
        told => call.variable("ASSISTANT_DISCLOSED", told),
    };
    let outcome = call.start().finish(PATIENCE);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED");
    outcome
}

#[test]
fn after_it_was_told_the_answer_is_the_answer_alone() {
    let house = House::new();
    house.sandbox.answer_with("Three minutes.");
    let settings = settings(&house);
    let before = disclosed(&house, &settings);
    let outcome = asked(&house, &settings, Some(&before));
    outcome.assert_variable("ASSISTANT_ANSWER", "Three minutes.");
    assert_eq!(house.spoken_texts(), [TEXT, "Three minutes."]);
    house.sandbox.assert_clean();
}

/// An older dialplan does not run `mode=disclose`; a voice that fails, or a sound that is missing, leaves it undone.
#[test]
fn what_was_not_told_begins_the_first_answer() {
    for is_streamed in [false, true] {
        let house = if is_streamed {
            House::streaming()
        } else {
            House::new()
        };
        house.sandbox.answer_with("Three minutes.");
        let settings = settings(&house).set("knowledge.disclosure_text", "I am a machine");
        let outcome = asked(&house, &settings, None);
        outcome
            .assert_variable("ASSISTANT_ANSWER", "Three minutes.")
            .assert_variable("ASSISTANT_DISCLOSED", "1");
        assert_eq!(
            house.spoken_texts().join(" "),
            "I am a machine. Three minutes."
        );
        // A later question of the same call is answered without.
        asked(&house, &settings, Some(&outcome));
        assert_eq!(house.spoken_texts().last().unwrap(), "Three minutes.");
        house.sandbox.assert_clean();
    }
}

#[test]
fn what_begins_an_answer_in_the_language_of_the_caller_is_spoken_in_that_of_the_settings() {
    let house = House::new();
    house.sandbox.answer_with("Trois minutes.");
    let settings = settings(&house)
        .set("knowledge.disclosure_text", "I am a machine")
        .set("languages", json!(["en-US", "fr-FR"]))
        .set("tts.provider", "google");
    let heard = json!({"results": [{
        "alternatives": [{"transcript": "Combien de temps ?", "confidence": 0.9}],
        "languageCode": "fr-fr",
    }]});
    let respond = Response::json(200, &heard);
    house.sandbox.respond(Stage::Stt, respond);
    asked(&house, &settings, None);
    let spoken = house.sandbox.requests_to(Stage::Tts);
    let language = |words: &str| {
        let of = spoken
            .iter()
            .find(|request| request.body.to_string().contains(words));
        of.unwrap().body["voice"]["languageCode"].clone()
    };
    assert_eq!(language("machine"), "en-US");
    assert_eq!(language("minutes"), "fr-FR");
}

fn warnings(outcome: &Outcome) -> Vec<&str> {
    let all = outcome.warnings.iter().map(String::as_str);
    all.filter(|text| text.contains("disclosure: ")).collect()
}

#[test]
fn a_voice_that_fails_and_a_sound_that_is_missing_leave_it_to_the_answer_and_are_told() {
    for (text, begins, fault) in [
        ("I am a machine.", "I am a machine.", "500"),
        (
            "sound:/no/such/sound",
            TEXT,
            "Asterisk cannot play /no/such/sound",
        ),
    ] {
        let house = House::new();
        house.sandbox.answer_with("Three minutes.");
        let settings = settings(&house).set("knowledge.disclosure_text", text);
        house
            .sandbox
            .fault(Stage::Tts, Fault::Status(500), usize::MAX);
        let outcome = disclosed(&house, &settings);
        outcome.assert_variable("ASSISTANT_DISCLOSED", "");
        let [warning] = warnings(&outcome)[..] else {
            panic!("{:?}", outcome.warnings);
        };
        assert!(warning.contains(fault), "{warning}");
        assert!(
            outcome.verbose.iter().any(|(text, _)| text.contains(fault)),
            "{:?}",
            outcome.verbose
        );
        let again = disclosed(&house, &settings);
        assert!(warnings(&again).is_empty(), "it was told today");
        house.sandbox.restore(Stage::Tts);
        let state = house.other().join("another-state");
        let settings = settings.set("state.folder", state.to_str().unwrap());
        let before = requests(&house);
        let outcome = asked(&house, &settings, Some(&outcome));
        assert_eq!(
            texts(&house)[before..].join(" "),
            format!("{begins} Three minutes."),
        );
        outcome.assert_variable("ASSISTANT_DISCLOSED", "1");
    }
}

#[test]
fn what_is_wrong_with_the_settings_is_told_and_nothing_is_played() {
    let house = House::new();
    let settings = settings(&house).set("knowledge.disclosure", "everybody");
    let outcome = disclosed(&house, &settings);
    assert!(played(&outcome).is_empty());
    let is_told = |(text, _): &(String, u32)| {
        text.starts_with("disclosure: config: ") && text.contains("knowledge.disclosure")
    };
    assert!(outcome.verbose.iter().any(is_told), "{:?}", outcome.verbose);
}

#[test]
fn a_limit_of_calls_counts_the_question_alone() {
    let house = House::new();
    let settings = settings(&house).set("limits.max_calls_per_caller_per_hour", 1);
    let before = disclosed(&house, &settings);
    before.assert_variable("ASSISTANT_DISCLOSED", "1");
    asked(&house, &settings, Some(&before));
}

#[test]
fn beyond_the_limit_of_cost_nothing_is_spoken_and_nothing_is_wrong() {
    let house = House::new();
    let settings = settings(&house).set("limits.max_daily_cost", 0.000_01);
    let outcome = disclosed(&house, &settings);
    assert_eq!(house.sandbox.paid_requests(), 0);
    assert!(played(&outcome).is_empty());
    assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);
}

#[test]
fn who_hangs_up_while_it_is_played_or_made_is_not_counted_as_told() {
    let house = House::new();
    let settings = settings(&house);
    disclosed(&house, &settings);
    let call = disclosing(&house, &settings).real_time();
    let call = call.at("STREAM FILE", Act::HangupAfter(BREATH)).start();
    let outcome = call.finish(PATIENCE);
    outcome.assert_exit(0).assert_manners();
    assert_eq!(played(&outcome).len(), 1);
    outcome.assert_variable("ASSISTANT_DISCLOSED", "");
    assert!(outcome.warnings.is_empty(), "{:?}", outcome.warnings);

    let house = House::new();
    house.sandbox.hold(Stage::Tts);
    let call = disclosing(&house, &self::settings(&house)).start();
    house.sandbox.wait_for(Stage::Tts, 1, PATIENCE);
    call.signal(Signal::HUP);
    let outcome = call.finish(PATIENCE);
    outcome.assert_exit(0).assert_manners();
    assert!(played(&outcome).is_empty());
    outcome.assert_variable("ASSISTANT_DISCLOSED", "");
    let left = fs::read_dir(sounds(&house)).into_iter().flatten();
    assert_eq!(left.count(), 0, "a half-made sound stays");
    house.sandbox.release(Stage::Tts);
}

#[test]
fn a_conversation_begins_with_it_and_then_greets() {
    let house = House::new();
    let settings = conversation::settings(&house)
        .set("knowledge.disclosure", "all")
        .set("conversation.greeting", "Hello.");
    let conversation = conversation::converse(&house, &settings);
    conversation.wait_to_be_heard(1);
    let outcome = conversation.hang_up();
    let played = played(&outcome);
    assert_eq!(house.spoken_texts(), [TEXT, "Hello."]);
    assert_eq!(played.len(), 3, "{played:?}");
    assert!(played[..2].iter().all(|sound| is_kept(&house, sound)));
    let told = "SET VARIABLE \"ASSISTANT_DISCLOSED\" \"1\"";
    let order: Vec<_> = outcome
        .commands()
        .filter(|line| line.starts_with("STREAM FILE") || *line == told)
        .collect();
    assert_eq!(order[1], told, "{order:?}");
}

#[test]
fn a_conversation_whose_caller_was_told_on_8008_greets_at_once() {
    let house = House::new();
    let settings = conversation::settings(&house)
        .set("knowledge.disclosure", "all")
        .set("conversation.greeting", "Hello.");
    let conversation = conversation::converse_in(&house, &settings, |call| {
        call.variable("ASSISTANT_DISCLOSED", "1")
    });
    conversation.wait_to_be_heard(1);
    conversation.hang_up();
    assert_eq!(house.spoken_texts(), ["Hello."]);
}

#[test]
fn the_first_answer_of_a_conversation_begins_with_it_where_no_voice_could_say_it_and_the_second_does_not()
 {
    let house = House::new();
    house.sandbox.answer_with("Three minutes.");
    house.sandbox.fault(Stage::Tts, Fault::Status(400), 1);
    let settings = conversation::settings(&house)
        .set("knowledge.disclosure", "all")
        .set("knowledge.disclosure_text", "I am a machine")
        .set("conversation.max_turns", 2)
        .set("conversation.ask_after", 15.0);
    let conversation = conversation::asked_of_tea(&house, &settings);
    conversation.wait_to_be_heard(2);
    house.sandbox.answer_with("Far away.");
    conversation.phone.wait(BREATH);
    conversation.ask("question-moon.wav");
    let outcome = conversation.finish();
    outcome
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_DISCLOSED", "1");
    assert_eq!(
        house.spoken_texts().join(" "),
        "I am a machine I am a machine. Three minutes. Far away."
    );
    assert_eq!(warnings(&outcome).len(), 1, "{:?}", outcome.warnings);
    // The model does not take it for its own words.
    let second: &Value = &house.sandbox.requests_to(Stage::Llm)[1].body;
    assert_eq!(second["contents"][1]["parts"][0]["text"], "Three minutes.");
}

const LONG: &str = "I am a machine that answers the telephone of this house on its own, by day and by night, and no person listens.";

/// The first voice fails, so the answers have to begin with it.
#[test]
fn a_caller_who_interrupts_it_hears_it_again_with_the_next_answer_and_not_with_the_third() {
    let house = House::new();
    house.sandbox.answer_with("Three minutes.");
    house.sandbox.fault(Stage::Tts, Fault::Status(400), 1);
    let settings = conversation::settings(&house)
        .set("knowledge.disclosure", "all")
        .set("knowledge.disclosure_text", LONG)
        .set("conversation.max_turns", 3)
        .set("conversation.ask_after", 15.0);
    let conversation = conversation::asked_of_tea(&house, &settings);
    conversation.wait_for_answer();
    conversation.phone.wait(Duration::from_secs(1));
    house.sandbox.answer_with("Far away.");
    conversation.ask("question-moon.wav");
    house.sandbox.wait_for(Stage::Llm, 2, PATIENCE);
    conversation.wait_to_be_heard(3);
    conversation.phone.wait(BREATH);
    house.sandbox.answer_with("Until six.");
    conversation.ask("question-moon.wav");
    let outcome = conversation.finish();
    outcome.assert_variable("ASSISTANT_DISCLOSED", "1");
    let spoken = texts(&house).join(" ");
    assert_eq!(spoken.matches(LONG).count(), 3, "{spoken}");
    assert!(spoken.ends_with("Far away. Until six."), "{spoken}");
    let told = "SET VARIABLE \"ASSISTANT_DISCLOSED\"";
    let before = outcome
        .commands()
        .take_while(|line| !line.starts_with(told));
    let answer = format!("STREAM FILE \"{}\"", house.reply().display());
    let answers = before.filter(|line| line.starts_with(&answer)).count();
    assert_eq!(answers, 2, "it was told with the second answer");
}

#[test]
fn a_caller_who_ends_it_by_a_key_was_not_told() {
    let house = House::streaming();
    house.sandbox.answer_with("Three minutes.");
    let settings = settings(&house)
        .set("knowledge.disclosure_text", LONG)
        .set("reply.play", "stream");
    let call = from(house.ask("question-tea.wav").call_with(&settings), TRUNK);
    let outcome = call
        .real_time()
        .at("STREAM FILE", Act::Press('#', BREATH))
        .start()
        .finish(PATIENCE);
    outcome
        .assert_exit(0)
        .assert_manners()
        .assert_variable("ASSISTANT_STATUS", "ANSWERED")
        .assert_variable("ASSISTANT_KEY", "#")
        .assert_variable("ASSISTANT_DISCLOSED", "");
}

/// What the doctor says of it: the statuses, and all texts.
fn examined(house: &House, settings: &Settings, arguments: &[&str]) -> (Vec<String>, String) {
    let found = check(house, settings, arguments);
    let of_it: Vec<_> = of(&found, "disclosure").collect();
    let word = |finding: &&Value| finding["status"].as_str().unwrap().to_owned();
    let text = |finding: &&Value| finding["text"].as_str().unwrap().to_owned();
    let texts: Vec<_> = of_it.iter().map(text).collect();
    (of_it.iter().map(word).collect(), texts.join("\n"))
}

#[test]
fn the_doctor_has_the_phrase_spoken_once_for_all_kinds_of_phones() {
    let house = House::new();
    let settings = settings(&house)
        .set(
            "persona.office.disclosure_text",
            "Hier spricht ein Automat.",
        )
        .set("persona.office.language", "de-DE")
        .set("persona.kitchen.prompt", "You cook.");
    let times = |text: &str| texts(&house).iter().filter(|it| *it == text).count();
    let (words, text) = examined(&house, &settings, &["--offline"]);
    assert_eq!(words, ["ok", "ok"], "{text}");
    assert!(text.contains("still to be spoken"), "{text}");
    assert_eq!(times(TEXT), 0);
    // The daily run has it spoken as well.
    for arguments in [&["--quiet"][..], &[], &[]] {
        if arguments.is_empty() {
            let (words, text) = examined(&house, &settings, arguments);
            assert_eq!(words, ["ok", "ok"], "{text}");
        } else {
            run_check(&house, &settings, arguments);
        }
        assert_eq!((times(TEXT), times("Hier spricht ein Automat.")), (1, 1));
    }
    // So no caller waits for it.
    let before = requests(&house);
    for format in ["(ulaw)", "(alaw)", "(g722)"] {
        let call = disclosing(&house, &settings);
        let call = call.variable("CHANNEL(audionativeformat)", format);
        assert_eq!(played(&ended(call)).len(), 1, "{format}");
    }
    assert_eq!(requests(&house), before);
}

#[test]
fn setup_has_the_phrase_spoken_before_anybody_calls() {
    let house = House::new();
    let sounds = sounds(&house);
    let settings = setup::keyless(&house).set("conversation.sounds", sounds.to_str().unwrap());
    let done = setup::output(&house, &settings, &["--api-key-file", "-"], GEMINI_API_KEY);
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(told.contains("spoken and kept"), "{done:?}");
    let asked = house.sandbox.requests_to(Stage::Tts);
    let is_of_it = |body: &Value| body.to_string().contains(TEXT);
    assert_eq!(
        asked.iter().filter(|asked| is_of_it(&asked.body)).count(),
        1
    );
    let call = Call::builder(program()).arg("mode=disclose");
    let call = call.arg(argument("config", &house.settings_file()));
    assert_eq!(played(&ended(from(call, TRUNK))).len(), 1);
    assert_eq!(requests(&house), asked.len());
}

#[test]
fn a_persona_that_speaks_another_language_wants_words_of_its_own() {
    let own = "persona.office.disclosure_text";
    for (language, text, statuses) in [
        ("de-DE", None, &["ok", "ok", "warn"][..]),
        ("en-GB", None, &["ok", "ok"]),
        ("de-DE", Some("Hier spricht ein Automat."), &["ok", "ok"]),
        // It may be understood in both.
        ("de-DE", Some("I am a machine"), &["ok", "ok"]),
    ] {
        let house = House::new();
        let settings = settings(&house)
            .set("knowledge.disclosure_text", "I am a machine")
            .set("persona.office.language", language);
        let settings = match text {
            Some(text) => settings.set(own, text),
            None => settings,
        };
        let (found, told) = examined(&house, &settings, &["--offline"]);
        assert_eq!(found, statuses, "{language} {text:?}: {told}");
        let words = "speak de-DE and are told \"I am a machine\"";
        assert_eq!(told.contains(words), statuses.contains(&"warn"), "{told}");
    }
}

#[test]
fn the_doctor_warns_where_callers_are_not_told_or_not_as_they_should_be() {
    let table: &[(&str, &str, &str, &str)] = &[
        ("knowledge.disclosure_text", "", "ok", TEXT),
        (
            "knowledge.disclosure_text",
            "sound:custom/nowhere",
            "warn",
            "custom/nowhere is missing in /",
        ),
        (
            "stt.language",
            "de-DE",
            "ok",
            "Sie sprechen mit einem automatischen Assistenten.",
        ),
        (
            "stt.language",
            "pl-PL",
            "warn",
            "speak pl-PL and are told only",
        ),
        (
            "stt.alternative_languages",
            "fr-FR",
            "warn",
            "speak en-US, fr-FR and are told only",
        ),
        (
            "tts.openai.api_key",
            "sk-of-somebody-else",
            "warn",
            "the first answer begins with it",
        ),
        ("knowledge.disclosure", "all", "ok", "all callers"),
    ];
    each(table, |(key, value, status, words)| {
        let house = House::new();
        let settings = match *key {
            "stt.alternative_languages" => settings(&house).set(key, [*value].as_slice()),
            key => settings(&house).set(key, *value),
        };
        let (found, text) = examined(&house, &settings, &[]);
        assert_eq!(found.last().unwrap(), status, "{key}: {text}");
        assert!(text.contains(words), "{key}: {text}");
    });
    let house = House::new();
    let settings = settings(&house).set("knowledge.disclosure", "none");
    let (found, text) = examined(&house, &settings, &[]);
    assert!(found.is_empty(), "no way in is known: {text}");
}
