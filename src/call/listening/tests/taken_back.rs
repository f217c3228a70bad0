//! What interrupts an answer or a phrase, has no words, and goes on.

use super::*;

/// A caller speaks into an answer for `ms_long`, pauses for 400 ms, and goes on. The words before the pause are known when
/// they have gone on for `known_after` ms. Returns the call, and when that was.
fn interrupted(ms_long: u64, known_after: u64, words: &str) -> (Virtual<Listening>, u64) {
    let mut call = listening(|listening| listening.presence.is_there());
    let begins = call.hears(0, 1000, Line::Quiet);
    let half = call.hears(begins, 200, Line::Voice);
    call.scene.turn.is_interrupted = true;
    let pauses = call.hears(half, ms_long - 200, Line::Voice);
    let goes_on = call.hears(pauses, 400, Line::Quiet);
    let known = call.hears(goes_on, known_after, Line::Voice);
    call.on(known, transcribed(words, Completeness::Unknown));
    (call, known)
}

#[test]
fn an_interruption_without_words_is_taken_back_also_while_the_sound_goes_on() {
    // How long it is heard before it pauses, when what was said before that is known, its words, and how long after that
    // it is taken back.
    let table = [
        (1500, 400, "", Some(540)),
        (1500, 2000, "", Some(0)),
        (1500, 400, "No, wait.", None),
        (500, 400, "", None),
    ];
    for (ms_long, known_after, words, taken_back_after) in table {
        let (mut call, known) = interrupted(ms_long, known_after, words);
        call.hears(known, 600, Line::Voice);
        let expected = taken_back_after.map_or_else(
            || "goes on".to_owned(),
            |after| format!("{} silence", known + after),
        );
        assert_eq!(
            ended(&call),
            expected,
            "{ms_long}, {known_after}, {words:?}"
        );
    }
}

#[test]
fn what_is_typed_beside_a_sound_without_words_is_sent_and_not_taken_back() {
    let (mut call, mut now) = interrupted(1500, 400, "");
    for key in "4711#".chars() {
        now = call.hears(now, 400, Line::Voice);
        call.ends(now, Sound::KeepAlive, How::Key { key, endpos: None });
    }
    assert!(ended(&call).contains("turn"), "{}", ended(&call));
    let (_, last) = call.told().pop().expect("it is sent");
    assert!(last.contains("[typed on the keypad: 4711]"), "{last}");
}

#[test]
fn a_short_word_behind_what_had_no_words_is_sent() {
    for known_after in [100, 400] {
        let (mut call, known) = interrupted(1500, known_after, "");
        let quiet = call.hears(known, 500 - known_after, Line::Voice);
        call.hears(quiet, 2500, Line::Quiet);
        assert!(
            ended(&call).contains("turn"),
            "{known_after}: {}",
            ended(&call)
        );
    }
}

#[test]
fn an_interruption_that_is_known_to_have_no_words_is_taken_back_when_the_sound_goes_on() {
    let mut call = listening(|listening| listening.presence.is_there());
    let begins = call.hears(0, 1000, Line::Quiet);
    let half = call.hears(begins, 200, Line::Voice);
    call.scene.is_cut_off = true;
    let pauses = call.hears(half, 1300, Line::Voice);
    let known = call.hears(pauses, 500, Line::Quiet);
    call.on(known, transcribed("", Completeness::Unknown));
    assert_eq!(ended(&call), "goes on");
    call.hears(known, 900, Line::Voice);
    assert!(ended(&call).ends_with("silence"), "{}", ended(&call));
}

/// A caller whose first words were not understood speaks on as soon as the answer goes on, or a second and a half later.
#[test]
fn what_a_caller_says_behind_what_had_no_words_belongs_to_their_next_turn() {
    let voice = testkit::audio::clips::babble(8000, &"waterfall".repeat(12)).samples;
    for (quiet_ms, longest_ms) in [(0, 9000), (1500, 3400)] {
        let (mut call, now) = interrupted(1500, 1000, "");
        assert_eq!(ended(&call), format!("{now} silence"));
        let now = call.at(now);
        let caller = call.scene.caller.as_mut().expect("there");
        caller.hear(&[30, -30].repeat(4 * quiet_ms), now);
        let packets = voice[8 * 1000..8 * 2600].chunks(160);
        let changes: Vec<_> = packets
            .flat_map(|packet| caller.hear(packet, now))
            .collect();
        assert_eq!(changes, [Change::SpeechStart]);
        caller.hear(&[0; 8000], now);
        let heard = caller.heard().duration();
        // All that was said since the pause, and the quiet behind it; or what was said later alone.
        let shortest = Duration::from_millis(if quiet_ms == 0 {
            1000 + 1600 + 700
        } else {
            1600
        });
        let longest = Duration::from_millis(longest_ms);
        assert!(
            (shortest..longest).contains(&heard),
            "{quiet_ms}: {heard:?}"
        );
    }
}
