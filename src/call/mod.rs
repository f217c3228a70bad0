//! One call, from its first line to its last. The only file that knows the order.

mod announcing;
mod answering;
mod caller;
pub mod caller_audio;
mod contract;
mod dialogue;
mod disclosure;
pub mod echo;
mod event;
mod flow;
mod hours;
mod interrupted;
mod job;
mod keepalive;
mod keypad;
mod line;
mod listening;
mod max_cost;
mod messages;
mod operator;
mod outcome;
mod phase;
mod phrase;
mod pipeline;
mod playout;
mod purse;
mod question;
mod remembering;
mod saying;
mod settings;
mod spoken;
mod toolbox;
mod tools;
mod turn;

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use log::{debug, error, warn};

use crate::agi::{self, End, Session};
use crate::audio::Pcm;
use crate::audio::telephone::Encoding;
use crate::cloud::http::SetupError;
use crate::config::{Arguments, Config, Environment, Job as For, limits::Callers};
use crate::knowledge::Knowledge;
use crate::services::Services;
use crate::spending::limits::Refused;
use crate::sys::deadline::Clock;
use crate::sys::error::{At, Chain, Failure, INTERNAL, Stage};
use crate::sys::files::{self, NewFile, Readers, RemovedAfterUse};
use crate::sys::hangup::Hangup;
use crate::sys::state::State;
use crate::timeline::Mark;
use crate::voice::Loudness;

use caller::Caller;
use contract::Contract;
use disclosure::Disclosure;
use flow::Flow;
use job::Job;
use line::Line;
use messages::Messages;
use outcome::Outcome;
use purse::Purse;
use remembering::Remembering;
use toolbox::Toolbox;
use turn::Scene;

/// How the program was started for a call.
pub(crate) struct Invocation<'a, I, O> {
    /// Asterisk's side: stdin.
    pub input: I,
    /// What the end of `input` means.
    pub end: End,
    /// Our side: stdout.
    pub output: O,
    /// The command line, without the program's name.
    pub arguments: Vec<String>,
    /// The process's environment.
    pub environment: Environment<'a>,
    /// Raised by signals too.
    pub hangup: Hangup,
    /// The clock of the deadline, which runs from the start.
    pub clock: Clock,
    /// What is done for the doctor in place of a call.
    pub look_around: fn(&Arguments, Environment<'_>),
    /// Has messages delivered by the settings in this file, where it is not the usual one, once the call is over.
    pub deliver: fn(Option<&Path>),
}

/// Carries one call through, and tells the dialplan how it ended: on every path, also after a surprise. Returns whether
/// there was a session at all.
pub(crate) fn run<I: Read + Send + 'static, O: Write>(invocation: Invocation<'_, I, O>) -> bool {
    let (started, began) = ((invocation.clock)(), SystemTime::now());
    let mut session = match Session::open(
        invocation.input,
        invocation.end,
        invocation.output,
        &invocation.hangup,
    ) {
        Ok(session) => session,
        Err(cause) => {
            error!(
                "no AGI session: {} (Asterisk runs this; people begin with phone-assistant --help)",
                Chain(&cause)
            );
            forget_recording(&invocation.arguments, invocation.environment);
            return false;
        }
    };
    let confirmed = session.confirm();
    let own = Arguments::parse(invocation.arguments.iter().map(String::as_str));
    // Over FastAGI arguments stand in the block, which the client has written and a caller's number may have added to.
    // They are believed only once the block is confirmed, and never as much as the command line, which Asterisk itself
    // has passed by exec.
    let arguments = match (invocation.end, &confirmed) {
        (_, Err(_)) => own,
        _ if !invocation.arguments.is_empty() => own,
        (End::Hangup, Ok(())) => Arguments::parse_remote(session.env().arguments()),
        (End::Success, Ok(())) => Arguments::parse(session.env().arguments()),
    };
    if arguments.is_check() && confirmed.is_ok() {
        (invocation.look_around)(&arguments, invocation.environment);
        return true;
    }
    let mut line = Line::new(session, invocation.hangup, invocation.clock);
    if arguments.is_hours() && confirmed.is_ok() {
        hours::tell(&mut line, &arguments, invocation.environment);
        return true;
    }
    let mut call = Call::new(line, started);
    if arguments.is_disclosure() && confirmed.is_ok() {
        call.disclose(&arguments, invocation.environment);
        return true;
    }
    call.contract.is_distrusted = confirmed.is_err() && invocation.arguments.is_empty();
    let outcome = call.outcome(confirmed, &arguments, invocation.environment);
    let is_to_deliver = call.end(began, &outcome);
    drop(call);
    if is_to_deliver {
        let file = arguments.config.as_deref();
        (invocation.deliver)(file.filter(|_| !arguments.are_remote()));
    }
    true
}

/// Removes the recording of a call that was over before it began, unless it is to be kept.
fn forget_recording(own: &[String], environment: Environment<'_>) {
    let arguments = Arguments::parse(own.iter().map(String::as_str));
    let config = Config::load(For::Call, &arguments, environment);
    let keep = config.map_or_else(
        |faults| faults.understood.keep_recording,
        |config| config.keep_recording,
    );
    RemovedAfterUse::new(arguments.recording).keep_if(keep);
}

struct Call<O> {
    line: Line<O>,
    scene: Scene,
    contract: Contract,
    purse: Purse,
    remembering: Remembering,
    caller: Caller,
    disclosure: Disclosure,
    messages: Messages,
    /// The answer's place, without extension; empty until the settings are known.
    reply: PathBuf,
    /// What the model is told of the house.
    knowledge: Knowledge,
    /// What the model may call, if anything.
    toolbox: Option<Arc<Toolbox>>,
    /// The services that are asked, once they are known, and where it is noted what administrators have been told of
    /// them.
    services: Option<(Arc<Services>, State)>,
}

impl<O: Write> Call<O> {
    fn new(line: Line<O>, started: Instant) -> Self {
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

    fn outcome(
        &mut self,
        confirmed: Result<(), agi::Error>,
        arguments: &Arguments,
        environment: Environment<'_>,
    ) -> Outcome {
        let is_forged = matches!(confirmed, Err(agi::Error::Forged(_) | agi::Error::Unasked));
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.carry_through(confirmed, arguments, environment)
        }));
        match result {
            // A caller who can put lines into the block can put a hang-up there as well. With that as its status a
            // forged call would leave no reason in any log.
            Ok(Err(failure)) if is_forged => Outcome::Failed(failure),
            // A hang-up ends the work under way by an error of some kind, which is no failure of the call.
            _ if self.line.is_hung_up() => Outcome::HungUp,
            Ok(Ok(outcome)) => outcome,
            Ok(Err(failure)) if failure.cause.is::<Refused>() => Outcome::Limited(failure),
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(_) => Outcome::Failed(Failure {
                stage: self.scene.stage,
                cause: INTERNAL.into(),
            }),
        }
    }

    /// The call itself.
    fn carry_through(
        &mut self,
        confirmed: Result<(), agi::Error>,
        arguments: &Arguments,
        environment: Environment<'_>,
    ) -> Result<Outcome, Failure> {
        let job = if arguments.is_conversation() {
            For::Conversation
        } else {
            For::Call
        };
        let config = Config::load(job, arguments, environment);
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
        // This comes before anything is made of the settings: for a caller who is remembered it raises
        // `max_output_tokens`, because the model writes its note beside the answer.
        self.meet(&mut config);
        self.knowledge = Knowledge::read(&config, environment, SystemTime::now());
        for (topic, fault) in &self.knowledge.faults {
            warn!("{topic}: {fault}");
        }
        self.toolbox = self.tools(&config, arguments).at(Stage::Config)?;
        self.line.log_keys(config.log_words && !config.has_pins());
        let services = Services::new(&config, self.line.hangup()).at(Stage::Config)?;
        let services = Arc::new(services);
        self.services = Some((services.clone(), config.state()));
        let (encoding, reply) = self.prepare(&config).at(Stage::Reply)?;
        if arguments.is_conversation() {
            // Each answer of a conversation has a file of its own. This one was to show that the folder can be written
            // to.
            drop(reply);
            let ended = self.flow(&config, services, encoding).converse();
            return operator::outcome(ended);
        }
        let Some(speech) = self.listen(&config).at(Stage::Recording)? else {
            return Ok(Outcome::NoSpeech);
        };
        let mut flow = self.flow(&config, services, encoding);
        operator::outcome(flow.answer_one(speech, reply))
    }

    fn flow<'c>(
        &'c mut self,
        config: &'c Config,
        services: Arc<Services>,
        encoding: Encoding,
    ) -> Flow<'c, O> {
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
        }
    }

    /// Asks who the caller may be, recalls what was said with them, and decides what they are to be told.
    fn meet(&mut self, config: &mut Config) {
        self.caller = Caller::ask(config, &mut self.line);
        let signs = self.caller.signs(self.line.env());
        let is_internal = signs.are_internal();
        self.remembering.recall(config, signs);
        let (persona, caller) = (&self.contract.persona, self.caller.shown(self.line.env()));
        self.messages = Messages::of(config, persona.as_deref(), caller);
        self.messages.count(SystemTime::now());
        self.disclosure = Disclosure::of(config, is_internal, &mut self.line);
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

    /// Sweeps up after earlier calls, and makes sure that the reply can be written: before anything
    /// that costs money, and before silence is taken for the caller's when a full disk made it.
    fn prepare(&mut self, config: &Config) -> Result<(Encoding, NewFile), files::Error> {
        self.scene.stage = Stage::Reply;
        let folder = config.reply.parent().unwrap_or(Path::new("."));
        files::sweep(folder, config.keep_recording, SystemTime::now());
        files::remove_replies(&config.reply);
        let encoding = self.encoding(config);
        let place = files::append(&config.reply, &format!(".{encoding}"));
        let mut file = NewFile::create(&place, Readers::Owner)?;
        file.try_writing()?;
        Ok((encoding, file))
    }

    /// The encoding that the settings name, else the one that the caller's phone gets without loss: 16 kHz for wideband
    /// phones, else G.711.
    fn encoding(&mut self, config: &Config) -> Encoding {
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
    fn listen(&mut self, config: &Config) -> Result<Option<Pcm>, question::Error> {
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

    /// Tells how the call ended, and does what remains to be done. Returns whether messages are to be delivered.
    fn end(&mut self, began: SystemTime, outcome: &Outcome) -> bool {
        let is_told = self
            .contract
            .report(&mut self.line, &mut self.scene, outcome);
        if is_told {
            self.warn_administrators();
        }
        self.purse.settle();
        // Without a status the dialplan does not play the reply, and a caller who has gone cannot hear it: it would be
        // left behind.
        if !is_told || matches!(outcome, Outcome::HungUp) {
            files::remove_replies(&self.reply);
        }
        // What follows may write to stderr, which waits for ever where it is not read.
        let id = self.line.env().get("uniqueid").unwrap_or_default();
        let (scene, bill) = (&self.scene, &self.purse.bill);
        self.contract.log(began, id, scene, bill, outcome);
        self.remembering.sweep();
        match (outcome, outcome.failure()) {
            (Outcome::Limited(limit), _) => warn!("{limit}"),
            (_, Some(failure)) => error!("{failure}"),
            _ => {}
        }
        self.messages.finish(SystemTime::now())
    }

    /// Tells Asterisk's log once a day which provider has stood in for which, whose model will be switched off, after
    /// which failure a caller was asked to try again, what the model could not be told, why nothing is remembered,
    /// counted or delivered, and that the day's money is nearly spent; and has it mailed where messages are.
    fn warn_administrators(&mut self) {
        let Some((services, state)) = &self.services else {
            return;
        };
        let stood_in = services.stood_in().into_iter();
        let stood_in = stood_in.map(|(stage, line)| (stage.to_string(), line));
        let untold = self.disclosure.fault.clone();
        let no_memory = self.remembering.fault.clone();
        let undelivered = self.messages.trouble(SystemTime::now());
        let no_ledger = self.purse.fault.clone();
        let lost = self.purse.lost.clone();
        let nearly_spent = self.purse.nearly_spent.clone();
        let unknown = self.knowledge.faults.clone();
        let changes = services.changes(SystemTime::now()).into_iter();
        let changes = changes.map(|(stage, line)| (format!("{stage} model"), line));
        let unheard = services.hearing.fault();
        let without_tools = services.without_functions().into_iter();
        let forgiven = self.scene.forgiven.as_ref();
        let forgiven =
            forgiven.map(|failure| format!("a call went on after a turn that failed: {failure}"));
        let news = stood_in
            .chain(changes)
            .chain(unheard.map(|line| ("hearing".to_owned(), line)))
            .chain(without_tools.map(|line| ("tools".to_owned(), line)))
            .chain(forgiven.map(|line| ("conversation".to_owned(), line)))
            .chain(unknown)
            .chain(untold.map(|line| ("disclosure".to_owned(), line)))
            .chain(undelivered.map(|line| ("messages".to_owned(), line)))
            .chain(no_memory.map(|line| ("memory".to_owned(), line)))
            .chain(no_ledger.map(|line| ("limits".to_owned(), line)))
            .chain(lost.map(|line| ("state".to_owned(), line)))
            .chain(nearly_spent.map(|line| ("cost".to_owned(), line)));
        for told in contract::warn_administrators(&mut self.line, state, news.collect()) {
            self.messages.notify(&told, SystemTime::now());
        }
    }
}
