//! What a phone hears of the sandbox's voice, for the tests of the program and those on a real Asterisk.

use std::io::Cursor;
use std::time::Duration;

use phone_assistant::audio::shaping::{Gain, VoiceShape};
use phone_assistant::audio::telephone::{Encoding, Telephone};
use phone_assistant::audio::to_f32;
use testkit::Sandbox;

/// Texts as the voice says them, each converted as a whole: the first with a shorter silence before it.
pub(crate) fn converted(
    sandbox: &Sandbox,
    texts: &[String],
    encoding: Encoding,
    gain_db: f32,
) -> Vec<u8> {
    let mut all = Vec::new();
    for text in texts {
        let shape = VoiceShape {
            gain: Gain::Db(gain_db),
            expected_dbfs: -25.0,
            lead: if all.is_empty() { LEAD } else { LATER_LEAD },
        };
        let clip = sandbox.spoken(text);
        let mut out = Cursor::new(Vec::new());
        let mut telephone = Telephone::of_voice(&mut out, clip.rate_hz, encoding, shape).unwrap();
        let samples: Vec<_> = clip.samples.into_iter().map(to_f32).collect();
        telephone.push(&samples).unwrap();
        telephone.finish().unwrap();
        all.extend(out.into_inner());
    }
    all
}

/// The silence before an answer, and before each later text of it.
const LEAD: Duration = Duration::from_millis(30);
const LATER_LEAD: Duration = Duration::from_millis(150);
