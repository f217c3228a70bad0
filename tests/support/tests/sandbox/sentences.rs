//! Sentences of a known answer sound as in its recording.

use std::path::Path;

use testkit::audio::{measure, wav};
use testkit::{Sandbox, Script};

#[test]
fn the_sentences_of_an_answer_put_together_are_its_recording() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
    let sandbox = Sandbox::start(Script::standard(&data));
    let answer = [
        "The moon is about three hundred eighty-four thousand kilometres away.",
        "Light needs a little over one second for that.",
        "Goodbye!",
    ];
    let recording = wav::read(&data.join("answer-moon.wav"));
    let single = answer.map(|sentence| sandbox.spoken(sentence));
    let together: Vec<i16> = single
        .iter()
        .flat_map(|clip| clip.samples.clone())
        .collect();
    assert_eq!(together, recording.samples);
    let rest = sandbox.spoken(&answer[1..].join(" "));
    assert_eq!(
        [&single[1].samples[..], &single[2].samples[..]].concat(),
        rest.samples
    );
    for clip in &single[..2] {
        let ends = clip.samples.len() - 240;
        assert!(
            measure::peak(&clip.samples[ends..]) < 0.01,
            "it is cut within a word"
        );
        assert_eq!(clip.samples.len() % 480, 0, "it ends within a frame");
    }
}
