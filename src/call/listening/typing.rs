//! What the caller types while they are listened to: it is a part of their turn, behind what they say, and a turn of its
//! own where they say nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::trial::{Share, Trial};
use super::{Listening, nothing};
use crate::call::caller_audio::CallerAudio;
use crate::call::keypad;
use crate::call::operator;
use crate::call::turn::Scene;
use crate::sys::error::{At, Stage};

impl Listening {
    /// Whether the caller has typed something that is not sent yet, so that their turn goes on.
    pub(super) fn is_typing(&self, scene: &Scene) -> bool {
        scene.keypad.is_open() || !self.typed.is_empty()
    }

    /// A key has been pressed. The key that ends what is typed ends what is said as well.
    pub(super) fn pressed(&mut self, key: char, scene: &mut Scene, now: Instant) {
        self.presence.is_there();
        scene.keypad.press(key, now);
        // Somebody is there for sure, whose words it may hold.
        if let Some(said) = self.withheld.take() {
            self.send(said, scene);
        }
        let keys = scene.keypad.keys();
        if self.settings.operator.is_some() && keys.len() == 1 && is_operator(keys) {
            // A number may begin with it. One that begins with two of them is abroad, and may be looked up.
            scene.keypad.end_by(now + OPERATOR_PAUSE);
        }
        if key == keypad::END_KEY {
            let changes = scene.caller.as_mut().map(CallerAudio::end_turn);
            self.follow(&changes.unwrap_or_default(), scene, now);
        }
    }

    /// What was sent is all that was said, and waits for what is typed.
    pub(super) fn hold(&mut self, scene: &mut Scene) {
        self.wait_for(Share::All);
        if self.ahead.as_ref().is_some_and(Trial::is_lost) {
            self.give_up(scene);
        }
        self.keep_known(scene);
    }

    /// Takes what was typed once it is complete, and sends it behind what was said once that is.
    pub(super) fn take_typed(&mut self, scene: &mut Scene, now: Instant) {
        if let Some(keys) = scene.keypad.take(now) {
            if let Some(to) = self
                .settings
                .operator
                .as_ref()
                .filter(|_| is_operator(&keys))
            {
                scene.turn.key = Some(operator::KEY);
                self.end = Some(Err(operator::Called::to(to)).at(Stage::Reply));
                return;
            }
            self.typed.push(keys);
            self.waits_since = now;
        }
        // A transcript that is on its way tells what was said before.
        let goes_on = scene.keypad.is_open() || scene.is_in_turn() || self.ahead.is_some();
        if !self.typed.is_empty() && !goes_on && self.end.is_none() {
            let rate_hz = scene.caller.as_ref().map(|caller| caller.heard().rate_hz);
            let rest = self.unanswered.clone();
            let rest = rest.unwrap_or_else(|| Arc::new(nothing(rate_hz.unwrap_or_default())));
            self.transcribe(rest, 0, scene);
            self.end_turn();
        }
    }
}

/// Whether these keys are that of the operator, which an impatient caller presses more than once.
fn is_operator(keys: &str) -> bool {
    keys.chars().all(|key| key == operator::KEY)
}

/// The key of the operator, pressed once, leads there where no other follows it within this time.
const OPERATOR_PAUSE: Duration = Duration::from_millis(1500);

#[cfg(test)]
mod tests {
    use super::super::tests::{listening, transcribed};
    use super::super::{Heard, How, Sound};
    use super::*;
    use crate::audio::Pcm;
    use crate::call::event::Event;
    use crate::call::line::Input;
    use crate::call::phase::tests::{Heard as Line, Virtual};
    use crate::sys::error::INTERNAL;
    use crate::text::Completeness::Unfinished;

    /// What happens at a ms.
    #[derive(Clone, Copy)]
    enum It {
        Voice,
        Quiet,
        Key(char),
        /// The transcript of what was sent last.
        Words(&'static str),
        /// No transcript comes.
        Fails,
    }
    use It::{Fails, Key, Quiet, Voice, Words};

    /// The steps beside the silence that is played, and when in ms and how it ended, within 12 s.
    fn listened(happens: &[(u64, It)], operator: Option<&str>) -> (Vec<String>, String) {
        let mut call = listening(|it| it.settings.operator = operator.map(str::to_owned));
        let (mut line, mut now) = (Line::Quiet, 0);
        for &(ms, it) in happens {
            now = call.hears(now, ms - now, line);
            match it {
                Voice => line = Line::Voice,
                Quiet => line = Line::Quiet,
                Key(key) => {
                    call.ends(ms, Sound::KeepAlive, How::Key { key, endpos: None });
                }
                Words(words) => {
                    call.on(ms, transcribed(words, Unfinished));
                }
                Fails => {
                    let failed = Err(INTERNAL).at(Stage::Stt);
                    call.on(ms, Input::Work(Event::End(failed)));
                }
            }
        }
        call.hears(now, 12_000 - now, line);
        let steps = call.told().into_iter().map(|(_, step)| step);
        let steps = steps.filter(|step| !step.starts_with("play ")).collect();
        (steps, ended(&call))
    }

    fn ended(call: &Virtual<Listening>) -> String {
        match &call.end {
            None => "goes on".to_owned(),
            Some((ms, Ok(Heard::Turn(_)))) => format!("{ms} turn"),
            Some((ms, Ok(_))) => format!("{ms} no turn"),
            Some((ms, Err(failure))) => format!("{ms} {failure}"),
        }
    }

    const SENT: &str = "transcribe 2.2 s, 3 later";
    const TYPED: &str = "transcribe 0.0 s [typed on the keypad: 06], 0 later";
    const BOTH: &str = "transcribe 0.0 s after \"My number is\" [typed on the keypad: 06], 0 later";
    const MY: It = Words("My number is.");

    /// A name, what happens at its ms, and the steps and the end that follow.
    type Row<'a> = (&'a str, &'a [(u64, It)], &'a [&'a str], &'a str);

    #[track_caller]
    fn assert_all(table: &[Row<'_>]) {
        for (name, happens, steps, end) in table {
            let steps = steps.iter().map(ToString::to_string).collect();
            let expected = (steps, (*end).to_owned());
            assert_eq!(listened(happens, None), expected, "{name}");
        }
    }

    #[test]
    fn what_is_typed_is_a_turn() {
        assert_all(&[
            ("a key alone", &[(500, Key('#'))], &[], "10000 no turn"),
            (
                "ended by a key",
                &[(500, Key('0')), (800, Key('6')), (1400, Key('#'))],
                &[TYPED],
                "1400 turn",
            ),
            (
                "ended by a pause",
                &[(500, Key('0')), (2500, Key('6'))],
                &[TYPED],
                "5500 turn",
            ),
            (
                "longer than a silence is",
                &[(9000, Key('0')), (11_000, Key('6')), (11_400, Key('#'))],
                &[TYPED],
                "11400 turn",
            ),
        ]);
    }

    #[test]
    fn what_is_typed_stands_behind_what_is_said_in_the_same_turn() {
        assert_all(&[
            (
                "behind words that are known",
                &[
                    (1000, Voice),
                    (2500, Quiet),
                    (2900, MY),
                    (3000, Key('0')),
                    (3500, Key('6')),
                    (6000, Key('#')),
                ],
                &[SENT, BOTH],
                "6000 turn",
            ),
            (
                "behind words that come later",
                &[
                    (1000, Voice),
                    (2500, Quiet),
                    (3000, Key('0')),
                    (3500, Key('6')),
                    (3600, Key('#')),
                    (4500, MY),
                ],
                &[SENT, BOTH],
                "4500 turn",
            ),
            (
                "behind what has no words",
                &[
                    (1000, Voice),
                    (2500, Quiet),
                    (3000, Key('0')),
                    (3500, Key('6')),
                    (3600, Key('#')),
                    (4500, Words("")),
                ],
                &[SENT, TYPED],
                "4500 turn",
            ),
            (
                "before what is said behind it, where what was sent has no words",
                &[
                    (1000, Voice),
                    (2500, Quiet),
                    (3000, Key('0')),
                    (3500, Key('6')),
                    (3600, Key('#')),
                    (3700, Voice),
                    (4300, Quiet),
                    (5200, Words("")),
                ],
                &[SENT, "transcribe 1.1 s [typed on the keypad: 06], 0 later"],
                "5200 turn",
            ),
            (
                "into words",
                &[
                    (1000, Voice),
                    (1500, Key('0')),
                    (2000, Key('6')),
                    (2500, Quiet),
                    (2900, MY),
                ],
                &[SENT, BOTH],
                "5000 turn",
            ),
            (
                "into words that the key ends",
                &[
                    (1000, Voice),
                    (1500, Key('0')),
                    (2000, Key('6')),
                    (2500, Key('#')),
                    (2500, Quiet),
                ],
                &["transcribe 1.9 s [typed on the keypad: 06], 0 later"],
                "2500 turn",
            ),
            (
                "before words",
                &[
                    (500, Key('0')),
                    (600, Key('6')),
                    (1000, Voice),
                    (2500, Quiet),
                    (2900, MY),
                ],
                &[SENT, BOTH],
                "4360 turn",
            ),
        ]);
    }

    #[test]
    fn what_is_typed_is_sent_with_what_was_said_where_no_transcript_comes_or_comes_too_late() {
        assert_all(&[
            (
                "behind words that no service has heard",
                &[
                    (1000, Voice),
                    (2500, Quiet),
                    (3000, Key('0')),
                    (3500, Key('6')),
                    (3600, Key('#')),
                    (4500, Fails),
                ],
                &[SENT, "transcribe 2.2 s [typed on the keypad: 06], 0 later"],
                "4500 turn",
            ),
            (
                "behind words that no service has heard before another key",
                &[
                    (1000, Voice),
                    (2500, Quiet),
                    (3000, Key('0')),
                    (3200, Fails),
                    (3500, Key('6')),
                    (3600, Key('#')),
                ],
                &[SENT, "transcribe 2.2 s [typed on the keypad: 06], 0 later"],
                "3600 turn",
            ),
            (
                "behind words that no service has heard before they went on",
                &[
                    (1000, Voice),
                    (2500, Quiet),
                    (2950, Fails),
                    (3000, Voice),
                    (3300, Key('0')),
                    (3400, Key('6')),
                    (4000, Quiet),
                    (4300, Key('#')),
                ],
                &[SENT, "transcribe 3.7 s [typed on the keypad: 06], 0 later"],
                "4300 turn",
            ),
            (
                "into words that no service has heard when they have gone on",
                &[
                    (1000, Voice),
                    (2500, Quiet),
                    (3000, Voice),
                    (3200, Key('0')),
                    (3300, Fails),
                    (3400, Key('6')),
                    (4000, Quiet),
                    (4300, Key('#')),
                ],
                &[SENT, "transcribe 3.7 s [typed on the keypad: 06], 0 later"],
                "4300 turn",
            ),
            (
                "into words whose beginning is known later",
                &[
                    (1000, Voice),
                    (2500, Quiet),
                    (3200, Voice),
                    (3300, Key('0')),
                    (3400, Key('6')),
                    (4000, Quiet),
                    (4300, Key('#')),
                    (4500, MY),
                ],
                &[SENT, "transcribe 3.7 s [typed on the keypad: 06], 0 later"],
                "4300 turn",
            ),
        ]);
    }

    #[test]
    fn words_that_were_withheld_are_sent_by_the_first_key_and_with_what_is_typed() {
        type Row<'a> = (&'a [(u64, char)], &'a str, &'a str);
        let table: &[Row<'_>] = &[
            (
                &[(500, '0'), (800, '6'), (1400, '#')],
                "transcribe 2.0 s [typed on the keypad: 06], 0 later",
                "1400 turn",
            ),
            (&[(500, '#')], "transcribe 2.0 s, 0 later", "500 turn"),
        ];
        for &(keys, step, end) in table {
            let mut call = listening(|it| {
                it.withheld = Some(Arc::new(Pcm {
                    rate_hz: 8000,
                    samples: vec![1000; 16_000],
                }));
            });
            for &(ms, key) in keys {
                call.ends(ms, Sound::KeepAlive, How::Key { key, endpos: None });
            }
            let mut steps = call.told().into_iter().map(|(_, step)| step);
            assert_eq!(
                steps.find(|it| !it.starts_with("play ")).as_deref(),
                Some(step)
            );
            assert_eq!(ended(&call), end);
        }
    }

    #[test]
    fn the_key_0_leads_to_the_operator_unless_a_number_begins_with_it() {
        let to_200 = "the caller has pressed 0, which leads to 200";
        let typed = "transcribe 0.0 s [typed on the keypad: 06], 0 later";
        let table = [
            (
                &[(500, Key('0'))][..],
                None,
                format!("2000 reply: {to_200}"),
            ),
            (
                &[(500, Key('0')), (900, Key('#'))],
                None,
                format!("900 reply: {to_200}"),
            ),
            (
                &[(500, Key('0')), (1900, Key('6')), (4000, Key('#'))],
                Some(typed),
                "4000 turn".to_owned(),
            ),
            (
                &[(500, Key('0')), (900, Key('0')), (1300, Key('0'))],
                None,
                format!("4300 reply: {to_200}"),
            ),
            (
                &[(500, Key('0')), (900, Key('0')), (1300, Key('#'))],
                None,
                format!("1300 reply: {to_200}"),
            ),
            // The rest of a number abroad is looked up.
            (
                &[
                    (500, Key('0')),
                    (700, Key('0')),
                    (3000, Key('3')),
                    (3300, Key('#')),
                ],
                Some("transcribe 0.0 s [typed on the keypad: 003], 0 later"),
                "3300 turn".to_owned(),
            ),
        ];
        for (happens, step, end) in table {
            let steps: Vec<_> = step.into_iter().map(str::to_owned).collect();
            assert_eq!(listened(happens, Some("200")), (steps, end));
        }
    }
}
