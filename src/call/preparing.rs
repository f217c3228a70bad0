//! What comes before the first paid request of a call: settings, caller, knowledge, services, the reply's file and the
//! question.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use log::{debug, warn};

use super::caller::Caller;
use super::disclosure::Disclosure;
use super::messages::Messages;
use super::parts::Call;
use super::toolbox::Toolbox;
use super::{contract, question};
use crate::agi;
use crate::audio::Pcm;
use crate::audio::telephone::Encoding;
use crate::cloud::http::SetupError;
use crate::config::{Arguments, Config, Environment, Needs, limits::Callers};
use crate::knowledge::Knowledge;
use crate::services::Services;
use crate::sys::error::{At, Chain, Failure, Stage};
use crate::sys::files::{self, NewFile, Readers, RemovedAfterUse};
use crate::timeline::Mark;

impl<O: Write> Call<O> {
    /// Reads the settings. The recording is removed once what is returned beside them is dropped.
    pub(super) fn configure(
        &mut self,
        confirmed: Result<(), agi::Error>,
        arguments: &Arguments,
        environment: Environment<'_>,
    ) -> Result<(Config, RemovedAfterUse), Failure> {
        let needs = if arguments.is_conversation() {
            Needs::Conversation
        } else {
            Needs::Call
        };
        let config = Config::load(needs, arguments, environment);
        let understood = config.as_ref().unwrap_or_else(|faults| &faults.understood);
        // From here on the recording is removed however the call ends, so this comes before anything that can fail.
        // What could be understood of faulty settings decides, so that a recording which is to be kept is spared
        // whatever else is wrong.
        let mut recording = RemovedAfterUse::new(Some(understood.recording.clone()));
        recording.keep_if(understood.keep_recording);
        self.reply.clone_from(&understood.reply);
        self.contract.log.clone_from(&understood.log_calls);
        // A block that is not Asterisk's alone is a failure only here, so that the status is set, the log of calls has
        // it, and the recording is removed. Nothing has been paid for yet.
        confirmed.at(Stage::Config)?;
        let mut config = config.at(Stage::Config)?;
        if let Some(server) = &config.shared {
            server.connect();
        }
        self.contract.persona.clone_from(&arguments.persona);
        self.contract.log_words = config.log_words;
        self.line.log_words(config.log_words);
        if arguments.are_remote() {
            // Whose call it is stands in the block, which the client has written.
            config.memory.callers = Callers::None;
        }
        Ok((config, recording))
    }

    /// Asks who the caller may be, begins to recall what was said with them, and decides what they are to be told.
    pub(super) fn meet(&mut self, config: &mut Config) {
        self.caller = Caller::ask(config, &mut self.line);
        let signs = self.caller.signs(self.line.env());
        let is_internal = signs.are_internal();
        self.remembering.begin(config, signs);
        let (persona, caller) = (&self.contract.persona, self.caller.shown(self.line.env()));
        self.messages = Messages::of(config, persona.as_deref(), caller);
        self.messages.count(SystemTime::now());
        self.disclosure = Disclosure::of(config, is_internal, &mut self.line);
    }

    /// Gathers what the model is told of the house, and what it may call.
    pub(super) fn inform(
        &mut self,
        config: &Config,
        arguments: &Arguments,
        environment: Environment<'_>,
    ) -> Result<(), Failure> {
        self.knowledge = Knowledge::read(config, environment, SystemTime::now());
        for (topic, fault) in &self.knowledge.faults {
            warn!("{topic}: {fault}");
        }
        self.toolbox = self.tools(config, arguments).at(Stage::Config)?;
        // A key may be part of a PIN, which no log may hold.
        self.line.log_keys(config.log_words && !config.has_pins());
        Ok(())
    }

    /// What the model may call for this caller. What a client of FastAGI writes proves no phone of one's own.
    fn tools(
        &mut self,
        config: &Config,
        arguments: &Arguments,
    ) -> Result<Option<Arc<Toolbox>>, SetupError> {
        let signs = self.caller.signs(self.line.env());
        let is_internal = signs.are_internal() && !arguments.are_remote();
        Ok(Toolbox::of(config, is_internal)?.map(Arc::new))
    }

    /// The services that the settings name.
    pub(super) fn connect(&mut self, config: &Config) -> Result<Arc<Services>, Failure> {
        let services = Services::new(config, self.line.hangup()).at(Stage::Config)?;
        let services = Arc::new(services);
        self.remembering.recall_failures(&services, config.state());
        self.services = Some((services.clone(), config.state()));
        Ok(services)
    }

    /// Sweeps up after earlier calls, and makes sure that the reply can be written: before anything
    /// that costs money, and before silence is taken for the caller's when a full disk made it.
    pub(super) fn prepare(&mut self, config: &Config) -> Result<(Encoding, NewFile), files::Error> {
        self.scene.stage = Stage::Reply;
        let folder = config.reply.parent().unwrap_or(Path::new("."));
        files::sweep(folder, config.keep_recording, SystemTime::now());
        // What an earlier call has left under this name must not be played as the answer of this one.
        files::remove_replies(&config.reply);
        let encoding = self.encoding(config);
        let place = files::append(&config.reply, &format!(".{encoding}"));
        let mut file = NewFile::create(&place, Readers::Owner)?;
        file.try_writing()?;
        Ok((encoding, file))
    }

    /// The encoding that the settings name, else the one that the caller's phone gets without loss: 16 kHz for wideband
    /// phones, else G.711.
    pub(super) fn encoding(&mut self, config: &Config) -> Encoding {
        if let Ok(encoding) = config.reply_format.parse() {
            return encoding;
        }
        match self.line.get_variable("CHANNEL(audionativeformat)") {
            Ok(formats) => Encoding::for_channel(&formats.unwrap_or_default()),
            Err(cause) => {
                debug!("asking for the channel's format: {}", Chain(&cause));
                Encoding::Ulaw
            }
        }
    }

    /// What the caller said, without the silence around it.
    pub(super) fn listen(&mut self, config: &Config) -> Result<Option<Pcm>, question::Error> {
        self.scene.stage = Stage::Recording;
        let since = self.line.now();
        let pcm = question::read(&config.recording, config.max_recording)?;
        let timeline = &mut self.scene.turn.timeline;
        timeline.reached(Mark::Recording, self.line.now());
        let question = question::trim(&pcm);
        timeline.reached(Mark::Trim, self.line.now());
        if let Some(silence) = question.as_ref().and_then(|question| question.silence) {
            timeline.set_waited_before(silence);
        }
        let what = match &question {
            None => "nobody spoke".to_owned(),
            Some(question) => {
                let seconds = question.speech.duration().as_secs_f32();
                format!("{seconds:.1} s of it speech")
            }
        };
        let all = pcm.duration().as_secs_f32();
        let what = format!("{all:.1} s at {} Hz, {what}", pcm.rate_hz);
        let took = self.line.now().saturating_duration_since(since);
        self.scene.note(Stage::Recording, took, &what);
        contract::tell_notes(&mut self.line, &mut self.scene.notes);
        Ok(question.map(|question| question.speech))
    }
}
