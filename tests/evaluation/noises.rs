//! Sounds in which nobody speaks: how many of them would interrupt an answer or be sent ahead, and what that second opinion
//! costs those who do speak.

use std::time::{Duration, Instant};

use phone_assistant::audio::speech::opinion::{LONGEST, Opinion};
use phone_assistant::audio::speech::turn::{Change, Endpointer, Limits};
use phone_assistant::audio::telephone::Encoding;
use phone_assistant::call::caller_audio::CallerAudio;
use phone_assistant::call::echo::{Reply, Source};

use crate::calls::{PACKET, Played, begins};
use crate::ends::LIMITS;
use crate::interruptions::ANSWER_DBFS;
use crate::judge::{Count, Figure, Limit};
use crate::material::{Material, Place};
use crate::parallel::{self, pairs};
use crate::random::Random;
use crate::signal::{RATE_HZ, amplify, mix_into, over_the_line, seconds};
use crate::utterances::SIX;

const NOISE_DBFS: f32 = -26.0;
const LINE_DBFS: f32 = -65.0;
/// The line before a noise and after it.
const AROUND: f32 = 2.0;
/// The pause in which a turn is sent ahead.
const PAUSE: Duration = Duration::from_millis(300);

/// Prints for how many noises a call would stop or pay, and what is not heard of speech by the second opinion.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let noises: Vec<_> = halves
        .iter()
        .flat_map(|material| material.noises.iter().map(move |noise| (material, noise)))
        .collect();
    let all = parallel::each(&noises, |(material, noise)| {
        taken_for_speech(material, noise)
    });
    let of = |wanted: fn(&Taken) -> bool| Count::new(all.iter().map(wanted));
    println!("\n| of the sounds without speech | by the levels alone | with the second opinion |");
    println!("|---|---|---|");
    println!(
        "| interrupt an answer | {} | {} |",
        of(|it| it.is_loud),
        of(|it| it.interrupts)
    );
    println!("| are sent ahead | | {} |", of(|it| it.is_sent));
    let speech = of_speech(halves);
    let taken = of(|it| it.interrupts || it.is_sent);
    vec![
        Figure::count(
            "sounds without speech that interrupt an answer or are sent ahead",
            taken,
            Limit::AtMost(30, 276),
        ),
        Figure::count(
            "turns lost by the second opinion",
            Count::new(speech.iter().map(|it| it.is_turn_lost)),
            Limit::AtMost(0, 1),
        ),
        Figure::count(
            "interruptions by speech lost by the second opinion",
            Count::new(
                speech
                    .iter()
                    .filter(|it| it.is_loud)
                    .map(|it| !it.interrupts),
            ),
            Limit::AtMost(1, 100),
        ),
    ]
}

/// What a noise is taken for.
struct Taken {
    /// It would interrupt an answer by its levels alone.
    is_loud: bool,
    interrupts: bool,
    is_sent: bool,
}

fn taken_for_speech(material: &Material, noise: &[f32]) -> Taken {
    let mut random = Random::new(noise.len() as u64);
    let len = seconds(2.0 * AROUND) + noise.len();
    let mut line = material.background(Place::Line, len, &mut random);
    amplify(&mut line, LINE_DBFS);
    mix_into(&mut line, noise, seconds(AROUND), NOISE_DBFS);
    let mut answer = material.talker(len, &mut random);
    amplify(&mut answer, ANSWER_DBFS);
    let line = over_the_line(&line);
    let played = Played {
        sound: &answer,
        at: 0,
    };
    Taken {
        is_loud: begins_by_levels(&line),
        interrupts: begins(&line, &[played]).is_some(),
        is_sent: is_sent_ahead(&line),
    }
}

/// Whether a turn would begin in an answer's pause if the levels decided alone.
fn begins_by_levels(line: &[i16]) -> bool {
    let mut endpointer = Endpointer::new(RATE_HZ, LIMITS);
    endpointer.guard_against(Some(f32::MIN));
    let mut begins = false;
    endpointer.push(line, |change, _| begins |= change == Change::SpeechStart);
    begins
}

/// Whether a call that listens would have any of this transcribed before its turn is over.
fn is_sent_ahead(line: &[i16]) -> bool {
    let limits = Limits {
        pause: Some(PAUSE),
        ..LIMITS
    };
    let mut endpointer = Endpointer::new(RATE_HZ, limits);
    let mut opinion = Opinion::new(RATE_HZ).expect("a line's rate");
    line.chunks(PACKET).any(|packet| {
        let was_in_turn = endpointer.is_in_turn();
        let mut pauses = false;
        endpointer.push(packet, |change, _| pauses |= change == Change::Pause);
        opinion.push(packet);
        if was_in_turn || endpointer.is_in_turn() || endpointer.may_begin() {
            opinion.judge();
        }
        pauses && opinion.is_voice(LONGEST).unwrap_or(true)
    })
}

/// What is heard of an utterance.
struct Spoken {
    /// It would interrupt an answer by its levels alone.
    is_loud: bool,
    interrupts: bool,
    is_turn_lost: bool,
}

/// All utterances in six conditions, said into an answer's pause, and while a call listens.
fn of_speech(halves: &[Material]) -> Vec<Spoken> {
    let rows = pairs(&SIX, halves);
    let all = parallel::each(&rows, |(condition, material)| {
        let lines = condition.lines(material);
        let spoken = lines.iter().map(|line| Spoken {
            is_loud: begins_by_levels(line),
            interrupts: call_begins(line, true),
            is_turn_lost: is_turn(line) && !call_begins(line, false),
        });
        spoken.collect::<Vec<_>>()
    });
    all.into_iter().flatten().collect()
}

/// Whether a turn begins in a call that makes an answer, or listens. Once the answer is heard it takes more.
fn call_begins(line: &[i16], answers: bool) -> bool {
    let start = Instant::now();
    let mut caller = CallerAudio::new(RATE_HZ, LIMITS, start);
    let mut reply = Reply::new(Encoding::Ulaw);
    line.chunks(PACKET).zip(0..).any(|(packet, index)| {
        let now = start + Duration::from_millis(20) * index;
        let changes = if answers {
            let heard = reply.heard(Source::Nothing, packet.len(), RATE_HZ);
            caller.overhear(packet, &heard, now)
        } else {
            caller.hear(packet, now)
        };
        changes.contains(&Change::SpeechStart)
    })
}

/// Whether a turn begins by its levels while nothing plays.
fn is_turn(line: &[i16]) -> bool {
    let mut endpointer = Endpointer::new(RATE_HZ, LIMITS);
    let mut begins = false;
    endpointer.push(line, |change, _| begins |= change == Change::SpeechStart);
    begins
}
