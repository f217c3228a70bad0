//! Whether what callers say is found, whatever the line and the place: single words and sentences of all voices, each in 25
//! conditions.

use phone_assistant::audio::{Pcm, speech};

use crate::codecs::{PACKET, lossy, through_gsm};
use crate::judge::{Count, Figure, Limit};
use crate::material::{Material, Place};
use crate::parallel;
use crate::random::Random;
use crate::signal::{RATE_HZ, amplify, mix_into, over_the_line, seconds};

/// What becomes of an utterance on its way.
#[derive(Clone, Copy)]
pub(crate) struct Condition {
    name: &'static str,
    /// How loud it is.
    dbfs: f32,
    /// What is heard around it, and how far below it.
    place: Place,
    below_db: f32,
    way: Way,
}

#[derive(Clone, Copy)]
enum Way {
    /// Mu-law.
    Coded,
    Gsm,
    /// Of which a share is lost.
    Lossy(f32),
    /// The same, where the last packet is heard again in place of each that is lost.
    Concealed(f32),
    /// Without the packets in which nobody speaks.
    Suppressed,
}

const fn condition(
    name: &'static str,
    dbfs: f32,
    place: Place,
    below_db: f32,
    way: Way,
) -> Condition {
    Condition {
        name,
        dbfs,
        place,
        below_db,
        way,
    }
}

#[rustfmt::skip]
const CONDITIONS: [Condition; 25] = [
    condition("-10 dBFS", -10.0, Place::Line, 55.0, Way::Coded),
    condition("-15 dBFS", -15.0, Place::Line, 50.0, Way::Coded),
    condition("-20 dBFS", -20.0, Place::Line, 45.0, Way::Coded),
    condition("-26 dBFS", -26.0, Place::Line, 39.0, Way::Coded),
    condition("-30 dBFS", -30.0, Place::Line, 35.0, Way::Coded),
    condition("-35 dBFS", -35.0, Place::Line, 30.0, Way::Coded),
    condition("-40 dBFS", -40.0, Place::Line, 25.0, Way::Coded),
    condition("-45 dBFS", -45.0, Place::Line, 20.0, Way::Coded),
    condition("line noise, 15 dB", -26.0, Place::Line, 15.0, Way::Coded),
    condition("line noise, 10 dB", -26.0, Place::Line, 10.0, Way::Coded),
    condition("fan, 15 dB", -26.0, Place::Fan, 15.0, Way::Coded),
    condition("fan, 10 dB", -26.0, Place::Fan, 10.0, Way::Coded),
    condition("traffic, 20 dB", -26.0, Place::Traffic, 20.0, Way::Coded),
    condition("traffic, 15 dB", -26.0, Place::Traffic, 15.0, Way::Coded),
    condition("television, 20 dB", -26.0, Place::Television, 20.0, Way::Coded),
    condition("babble, 15 dB", -26.0, Place::Babble, 15.0, Way::Coded),
    condition("GSM, -26 dBFS", -26.0, Place::Line, 39.0, Way::Gsm),
    condition("GSM, -40 dBFS", -40.0, Place::Line, 25.0, Way::Gsm),
    condition("GSM, fan, 15 dB", -26.0, Place::Fan, 15.0, Way::Gsm),
    condition("1 % lost", -26.0, Place::Line, 39.0, Way::Lossy(0.01)),
    condition("3 % lost", -26.0, Place::Line, 39.0, Way::Lossy(0.03)),
    condition("5 % lost", -26.0, Place::Line, 39.0, Way::Lossy(0.05)),
    condition("5 % concealed", -26.0, Place::Line, 39.0, Way::Concealed(0.05)),
    condition("silence suppressed", -26.0, Place::Line, 39.0, Way::Suppressed),
    condition("silence suppressed, -40 dBFS", -40.0, Place::Line, 25.0, Way::Suppressed),
];
/// The six in which the second opinion is looked at.
pub(crate) const SIX: [Condition; 6] = [
    CONDITIONS[3],
    CONDITIONS[5],
    CONDITIONS[10],
    CONDITIONS[13],
    CONDITIONS[16],
    CONDITIONS[20],
];
/// The line before an utterance and after it.
pub(crate) const BEFORE: f32 = 2.0;
const AFTER: f32 = 2.0;
/// A start that is cut by more is told.
const CUT: f32 = 0.02;

/// Prints how many utterances were lost in each condition.
pub(crate) fn figures(halves: &[Material]) -> Vec<Figure> {
    let all = parallel::each(&CONDITIONS, |condition| {
        let of_half = |material: &Material| {
            let lines = condition.lines(material);
            let pairs = lines.iter().zip(&material.utterances);
            pairs
                .map(|(line, said)| fate(line, said.len()))
                .collect::<Vec<_>>()
        };
        halves.iter().flat_map(of_half).collect::<Vec<_>>()
    });
    println!("\n| condition | utterances lost | begun too late |\n|---|---|---|");
    for (condition, fates) in CONDITIONS.iter().zip(&all) {
        let [lost, cut] = counts(fates);
        println!("| {} | {lost} | {cut} |", condition.name);
    }
    let [lost, cut] = counts(&all.concat());
    vec![
        Figure::count("utterances lost", lost, Limit::AtMost(1, 5500)),
        Figure::count(
            "utterances of which the start is cut",
            cut,
            Limit::AtMost(1, 100),
        ),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Whole,
    Cut,
    Lost,
}

fn counts(fates: &[Fate]) -> [Count; 2] {
    [Fate::Lost, Fate::Cut].map(|fate| Count::new(fates.iter().map(|of| *of == fate)))
}

/// What became of the utterance of this length on a line.
fn fate(line: &[i16], len: usize) -> Fate {
    let pcm = Pcm {
        rate_hz: RATE_HZ,
        samples: line.to_vec(),
    };
    let start = seconds(BEFORE);
    let found = speech::find(&pcm).unwrap_or_default();
    let kept = found
        .end
        .min(start + len)
        .saturating_sub(found.start.max(start));
    if kept * 2 < len {
        Fate::Lost
    } else if found.start > start + seconds(CUT) {
        Fate::Cut
    } else {
        Fate::Whole
    }
}

impl Condition {
    /// All utterances of the material as they arrive, each on a line of its own.
    pub(crate) fn lines(&self, material: &Material) -> Vec<Vec<i16>> {
        let mut random = Random::new(91);
        let lines = material.utterances.iter().map(|said| {
            let len = (seconds(BEFORE + AFTER) + said.len()).next_multiple_of(PACKET);
            let mut line = material.background(self.place, len, &mut random);
            amplify(&mut line, self.dbfs - self.below_db);
            mix_into(&mut line, said, seconds(BEFORE), self.dbfs);
            self.over_the_way(line, said.len(), &mut random)
        });
        let lines: Vec<_> = lines.collect();
        let lines = if let Way::Gsm = self.way {
            // At once, because each start of a program takes time.
            let lens: Vec<_> = lines.iter().map(Vec::len).collect();
            let mut coded = through_gsm(&lines.concat());
            lens.into_iter()
                .map(|len| coded.drain(..len).collect())
                .collect()
        } else {
            lines
        };
        let arrive = |line: &Vec<f32>| over_the_line(line);
        lines.iter().map(arrive).collect()
    }

    fn over_the_way(&self, mut line: Vec<f32>, len: usize, random: &mut Random) -> Vec<f32> {
        match self.way {
            Way::Coded | Way::Gsm => line,
            Way::Lossy(share) => lossy(line, share, false, random),
            Way::Concealed(share) => lossy(line, share, true, random),
            Way::Suppressed => {
                let start = seconds(BEFORE) / PACKET * PACKET;
                let end = (seconds(BEFORE) + len).next_multiple_of(PACKET);
                line[..start].fill(0.0);
                line[end..].fill(0.0);
                line
            }
        }
    }
}
