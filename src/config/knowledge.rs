//! `[knowledge]`: what the model is told of the house, its place and its time, and the disclosure to callers that it is one.
//!
//! Only the settings' own form is judged here. Whether the time zone, the hours and the files are right depends on the
//! machine, and is told by `knowledge`.

use std::path::PathBuf;

use super::keys::setting;
use super::layers::Layers;
use super::sections::Sentence;

/// `[knowledge]`
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// Where the house is, in words. Empty: the model is not told.
    pub place: String,
    /// The IANA name of the time zone. Empty: the machine's.
    pub time_zone: String,
    /// The file of facts, or the folder of such files.
    pub facts: Option<PathBuf>,
    /// When the house is open, in OpenStreetMap's notation. Empty: the model is not told.
    pub opening_hours: String,
    /// The country whose public holidays count, as ISO 3166 code. Empty: none.
    pub country: String,
    /// Which callers are told that they talk with an automatic assistant.
    pub disclosure: Audience,
    /// What these callers are told; [`Sentence::Nothing`] stands for the sentence in their language.
    pub disclosure_text: Sentence,
}

/// The callers who are told that they talk with an automatic assistant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// No caller.
    None,
    /// Those who are not known as phones of this Asterisk.
    #[default]
    Outside,
    /// Every caller.
    All,
}

impl Knowledge {
    pub(super) fn assemble(layers: &Layers) -> Self {
        Self {
            place: layers.text(setting!("knowledge.place")),
            time_zone: layers.text(setting!("knowledge.time_zone")),
            facts: layers.path(setting!("knowledge.facts")),
            opening_hours: layers.text(setting!("knowledge.opening_hours")),
            country: layers.text(setting!("knowledge.country")),
            disclosure: match layers.text(setting!("knowledge.disclosure")).as_str() {
                "none" => Audience::None,
                "all" => Audience::All,
                _ => Audience::Outside,
            },
            disclosure_text: Sentence::of(&layers.text(setting!("knowledge.disclosure_text"))),
        }
    }
}
