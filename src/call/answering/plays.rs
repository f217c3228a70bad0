//! The ends of what plays during an answer, and what cannot be played or written.

use std::time::Instant;

use super::{Answered, Answering, Error, GRACE};
use crate::agi;
use crate::call::line::{How, Played, Sound};
use crate::call::turn::Scene;
use crate::sys::error::{At, Failure, Stage};
use crate::timeline::Mark;

impl Answering {
    /// A sound has ended.
    pub(super) fn ended(&mut self, played: Played, scene: &mut Scene) {
        let Played { what, how, at } = played;
        self.sounding = None;
        if what == Sound::Answer {
            scene.turn.timeline.reached(Mark::LastPlayed, at);
        } else {
            self.filler.ended(at);
        }
        let endpos = match how {
            How::Unplayable(cause) => return self.could_not_play(what, cause, at, scene),
            How::Key { key, endpos } => {
                if self.may_be_stopped(scene) {
                    scene.turn.key = Some(key);
                    self.finish(Ok(Answered::Heard));
                }
                endpos
            }
            How::Through { endpos } => endpos,
            How::AtOnce => None,
        };
        if what == Sound::Answer && self.outcome.is_none() {
            self.answer_ended(endpos, at, scene);
        }
    }

    /// A play of the answer is over, but perhaps not the answer.
    fn answer_ended(&mut self, endpos: Option<u64>, at: Instant, scene: &mut Scene) {
        let samples_per_frame = u64::from(self.settings.encoding.frame_samples());
        let at_open = endpos.map(|samples| samples / samples_per_frame);
        let at_open = at_open.and_then(|frames| u32::try_from(frames).ok());
        self.playout.ended(at, at_open);
        self.filler.silence_begins(at);
        if self.playout.is_stuck() {
            self.could_not_play(Sound::Answer, None, at, scene);
        } else if !self.playout.was_fruitless() {
            // Only sound that was heard gives the answer more time: an Asterisk that ends each play at once would
            // otherwise move the deadline on for ever.
            self.due = at + self.settings.idle + GRACE;
        }
    }

    fn could_not_play(
        &mut self,
        what: Sound,
        cause: Option<agi::Error>,
        at: Instant,
        scene: &mut Scene,
    ) {
        if what != Sound::Answer {
            self.filler.give_up(cause.as_ref());
            return;
        }
        if cause.is_none() {
            self.playout.refused();
        }
        if !self.playout.has_been_heard(at) {
            // It was noted when Asterisk was asked to play, and only the reply tells that nothing was heard.
            scene.turn.timeline.withdraw(Mark::FirstPlayed);
        }
        self.finish(match cause {
            Some(cause) => Err(cause).at(Stage::Reply),
            None => Err(Error::Unplayable(self.settings.reply.clone())).at(Stage::Reply),
        });
    }

    /// The reply takes no more. What plays is the end of the answer, if anything does.
    pub(super) fn not_written(&mut self, failure: Failure) {
        self.todo.clear();
        if self.sounding == Some(Sound::Answer) {
            self.playout.abandon();
            self.end = Some(Err(failure));
        } else {
            self.playout.refused();
            self.finish(Err(failure));
        }
    }
}
