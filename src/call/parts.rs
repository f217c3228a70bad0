//! What a call consists of while it lasts.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::caller::Caller;
use super::contract::Contract;
use super::disclosure::Disclosure;
use super::flow::Flow;
use super::job::Job;
use super::line::Line;
use super::messages::Messages;
use super::purse::Purse;
use super::remembering::Remembering;
use super::toolbox::Toolbox;
use super::turn::Scene;
use crate::audio::telephone::Encoding;
use crate::config::Config;
use crate::knowledge::Knowledge;
use crate::services::Services;
use crate::sys::state::State;
use crate::voice::Loudness;

/// A call under way.
pub(super) struct Call<O> {
    pub(super) line: Line<O>,
    pub(super) scene: Scene,
    pub(super) contract: Contract,
    pub(super) purse: Purse,
    pub(super) remembering: Remembering,
    pub(super) caller: Caller,
    pub(super) disclosure: Disclosure,
    pub(super) messages: Messages,
    /// The answer's place, without extension; empty until the settings are known.
    pub(super) reply: PathBuf,
    /// What the model is told of the house.
    pub(super) knowledge: Knowledge,
    /// What the model may call, if anything.
    pub(super) toolbox: Option<Arc<Toolbox>>,
    /// The services that are asked, once they are known, and where it is noted what administrators have been told of
    /// them.
    pub(super) services: Option<(Arc<Services>, State)>,
}

impl<O: Write> Call<O> {
    pub(super) fn new(line: Line<O>, started: Instant) -> Self {
        Self {
            scene: Scene::new(started),
            line,
            contract: Contract::default(),
            purse: Purse::default(),
            remembering: Remembering::default(),
            caller: Caller::default(),
            disclosure: Disclosure::default(),
            messages: Messages::default(),
            reply: PathBuf::new(),
            knowledge: Knowledge::default(),
            toolbox: None,
            services: None,
        }
    }

    /// What asks and answers, until the call ends.
    pub(super) fn flow<'c>(
        &'c mut self,
        config: &'c Config,
        services: Arc<Services>,
        encoding: Encoding,
    ) -> Flow<'c, O> {
        // Nothing before needs what earlier calls have left, and meanwhile a server that machines share has answered.
        self.remembering.finish();
        Flow {
            caller: self.caller.number(self.line.env()).to_owned(),
            line: &mut self.line,
            scene: &mut self.scene,
            purse: &mut self.purse,
            remembering: &mut self.remembering,
            disclosure: &mut self.disclosure,
            messages: &mut self.messages,
            config,
            knowledge: &self.knowledge,
            services,
            loudness: Loudness::new(&config.tts, &config.state_folder),
            encoding,
            is_conversation: false,
            before: Vec::new(),
            job: Job::none(),
            toolbox: self.toolbox.clone(),
            typed_pins: Vec::new(),
            reply: None,
            interrupted: None,
            has_lost_message: false,
            silence: None,
        }
    }
}
