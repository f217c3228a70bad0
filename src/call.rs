//! One call, from its first line to its last. The only file that knows the order.

mod admitting;
mod answering;
mod bill;
mod conversation;
mod ears;
mod echo;
mod mouth;
mod pipeline;
mod quiet;
mod recording;
mod remembering;
mod said;
mod sentences;
mod supply;
mod told;

use std::fmt;
use std::io::{Read, Write};
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use log::{Level, debug, error, info, log, warn};

use crate::agi::{self, Command, End, Session};
use crate::audio::Pcm;
use crate::audio::telephone::Encoding;
use crate::check;
use crate::config::{Arguments, Config, Environment, Job};
use crate::deadline::{Clock, Deadline};
use crate::error::{At, Chain, Failure, Stage};
use crate::files::{self, NewFile, Readers, RemovedAfterUse};
use crate::hangup::Hangup;
use crate::limits::Admission;
use crate::presentation::Presentation;
use crate::redact;
use crate::services::Services;
use crate::state::State;
use crate::text::Order;
use crate::timeline::record::{self, Record};
use crate::timeline::{Mark, Timeline};

use answering::Answering;
use bill::Bill;
use conversation::Talk;
use pipeline::{Settings, Work};
use remembering::Remembering;
use said::Said;

/// What a call is given.
pub struct Given<'a, I, O> {
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
}

/// Carries one call through, and tells the dialplan how it ended: on every path, also after a surprise.
pub fn run<I: Read + Send + 'static, O: Write>(given: Given<'_, I, O>) {
    let (started, began) = ((given.clock)(), SystemTime::now());
    let mut session = match Session::open(given.input, given.end, given.output, &given.hangup) {
        Ok(session) => session,
        Err(cause) => {
            error!(
                "no AGI session: {} (Asterisk runs this; people begin with phone-assistant --help)",
                Chain(&cause)
            );
            return forget_recording(&given.arguments, given.environment);
        }
    };
    let confirmed = session.confirm();
    let own = Arguments::parse(given.arguments.iter().map(String::as_str));
    let arguments = match (given.end, &confirmed) {
        (_, Err(_)) => own,
        _ if !given.arguments.is_empty() => own,
        (End::Hangup, Ok(())) => Arguments::parse_remote(session.env().arguments()),
        (End::Success, Ok(())) => Arguments::parse(session.env().arguments()),
    };
    if arguments.is_check() && confirmed.is_ok() {
        return check::look_around(&arguments, given.environment);
    }
    let mut call = Call::new(session, given.hangup, given.clock, started);
    call.is_believing = confirmed.is_ok() || !given.arguments.is_empty();
    let outcome = call.outcome(confirmed, &arguments, given.environment);
    let told = call.report(&outcome);
    if let Some(admission) = call.admission.take() {
        admission.settle(call.bill.total());
    }
    if !told || matches!(outcome, Outcome::HungUp) {
        files::remove_replies(&call.reply);
    }
    // What follows may write to stderr, and where nobody reads that, it may wait for ever.
    call.log(began, &outcome);
    call.sweep_memory();
    match outcome {
        Outcome::Limited(limit) => warn!("{limit}"),
        outcome => {
            if let Some(failure) = outcome.failure() {
                error!("{failure}");
            }
        }
    }
}

/// Removes the recording of a call that was over before it began, unless it is to be kept.
fn forget_recording(own: &[String], environment: Environment<'_>) {
    let arguments = Arguments::parse(own.iter().map(String::as_str));
    let config = Config::load(Job::Call, &arguments, environment);
    let keep = config.map_or_else(
        |faults| faults.understood.keep_recording,
        |config| config.keep_recording,
    );
    RemovedAfterUse::new(arguments.recording).keep_if(keep);
}

/// How a call ended.
#[derive(Debug)]
enum Outcome {
    /// The answer was heard, or is in this file for the dialplan to play.
    Answered(Option<String>),
    NoSpeech,
    HungUp,
    /// The answer broke off after its beginning was heard.
    Partial(Failure),
    /// Somebody at this extension takes over.
    Transfer(String),
    /// A limit of calls or costs was reached, and nothing was paid for.
    Limited(Failure),
    Failed(Failure),
}

struct Call<O> {
    session: Session<O>,
    hangup: Hangup,
    clock: Clock,
    started: Instant,
    /// What is being done.
    stage: Stage,
    timeline: Timeline,
    /// What Asterisk's log has not been told yet.
    notes: Vec<String>,
    question: String,
    answer: String,
    /// The key with which the caller stopped the answer.
    key: Option<char>,
    /// What was spoken of the answer, and how much of that was heard.
    said: Said,
    /// What the model wants to be done after its answer.
    ordered: Vec<Order>,
    /// Whether the arguments are believed, which say what has been recorded.
    is_believing: bool,
    /// The answer's place, without extension; empty until the settings are known.
    reply: PathBuf,
    /// The log of calls.
    log: Option<PathBuf>,
    /// Who was asked, once that is known, and where it is noted what administrators have been told of it.
    services: Option<(Arc<Services>, State)>,
    logs_words: bool,
    /// Who answers, where the call has chosen.
    persona: Option<String>,
    remembering: Remembering,
    /// Whether the caller's number tells who it is, where that matters.
    presentation: Presentation,
    /// What was set aside for it, and what of that is spent.
    admission: Option<Admission>,
    /// Why costs cannot be counted, or not for today.
    ledger_fault: Option<String>,
    bill: Arc<Bill>,
}

impl<O: Write> Call<O> {
    fn new(session: Session<O>, hangup: Hangup, clock: Clock, started: Instant) -> Self {
        Self {
            session,
            hangup,
            clock,
            started,
            stage: Stage::Config,
            timeline: Timeline::new(started),
            notes: Vec::new(),
            question: String::new(),
            answer: String::new(),
            key: None,
            said: Said::default(),
            ordered: Vec::new(),
            services: None,
            is_believing: true,
            reply: PathBuf::new(),
            log: None,
            logs_words: false,
            persona: None,
            remembering: Remembering::default(),
            presentation: Presentation::default(),
            admission: None,
            ledger_fault: None,
            bill: Arc::default(),
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
            // Whoever puts lines into the block may put a hang-up there as well.
            Ok(Err(failure)) if is_forged => Outcome::Failed(failure),
            _ if self.hangup.is_raised() => Outcome::HungUp,
            Ok(Ok(outcome)) => outcome,
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(_) => Outcome::Failed(Failure {
                stage: self.stage,
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
        let job = if arguments.is_conversation {
            Job::Conversation
        } else {
            Job::Call
        };
        let config = Config::load(job, arguments, environment);
        let understood = config.as_ref().unwrap_or_else(|faults| &faults.understood);
        let mut recording = RemovedAfterUse::new(Some(understood.recording.clone()));
        recording.keep_if(understood.keep_recording);
        self.reply.clone_from(&understood.reply);
        self.log.clone_from(&understood.log_calls);
        confirmed.at(Stage::Config)?;
        let mut config = config.at(Stage::Config)?;
        self.persona.clone_from(&arguments.persona);
        self.logs_words = config.log_words;
        self.session.log_words(config.log_words);
        self.ask_presentation(&config);
        self.recall(&mut config);
        let services = Services::new(&config, &self.hangup).at(Stage::Config)?;
        let services = Arc::new(services);
        self.services = Some((services.clone(), State::new(&config.state_folder)));

        let (encoding, reply) = self.prepare(&config).at(Stage::Reply)?;
        if arguments.is_conversation {
            drop(reply);
            return Talk::begin(self, &config, services, encoding)?.run();
        }
        let Some(speech) = self.listen(&config).at(Stage::Recording)? else {
            return Ok(Outcome::NoSpeech);
        };
        let settings = self.with_memory(Settings::of(&config));
        let greatest = bill::greatest(&services, &settings, &speech);
        if let Err(failure) = self.admit(&config, greatest).at(Stage::Limit) {
            return Ok(Outcome::Limited(failure));
        }
        let work = Work {
            services,
            bill: self.bill.clone(),
            settings,
            speech: Arc::new(speech),
            encoding,
            deadline: Deadline::after(self.started, config.deadline, self.clock),
            is_streamed: config.is_streamed,
            is_dropped: Arc::default(),
        };
        let events = work.start().at(Stage::Stt)?;
        let outcome = Answering::new(self, &config, reply, encoding).run(Vec::new(), events);
        self.remember(&outcome);
        outcome
    }

    /// A turn of a conversation begins to be answered, so long after the caller's last word.
    fn begin_turn(&mut self, waited: Duration) {
        self.started = (self.clock)();
        self.timeline = Timeline::new(self.started);
        self.timeline.set_waited_before(waited);
        (self.question, self.answer) = (String::new(), String::new());
        (self.key, self.ordered, self.said) = (None, Vec::new(), Said::default());
    }

    /// Sweeps up after earlier calls, and makes sure that the reply can be written: before anything
    /// that costs money, and before silence is taken for the caller's when a full disk made it.
    fn prepare(&mut self, config: &Config) -> Result<(Encoding, NewFile), files::Error> {
        self.stage = Stage::Reply;
        let folder = config.reply.parent().unwrap_or(Path::new("."));
        files::sweep(folder, config.keep_recording, SystemTime::now());
        files::remove_replies(&config.reply);
        let encoding = config
            .reply_format
            .parse()
            .unwrap_or_else(|_| self.encoding_of_channel());
        let place = files::append(&config.reply, &format!(".{encoding}"));
        let mut file = NewFile::create(&place, Readers::Owner)?;
        file.try_writing()?;
        Ok((encoding, file))
    }

    /// The encoding that the caller's phone gets without loss: 16 kHz for wideband phones, else G.711.
    fn encoding_of_channel(&mut self) -> Encoding {
        match self.session.get_variable("CHANNEL(audionativeformat)") {
            Ok(formats) => Encoding::for_channel(&formats.unwrap_or_default()),
            Err(cause) => {
                debug!("asking for the channel's format: {}", Chain(&cause));
                Encoding::Ulaw
            }
        }
    }

    /// What the caller said, without the silence around it.
    fn listen(&mut self, config: &Config) -> Result<Option<Pcm>, recording::Error> {
        self.stage = Stage::Recording;
        let since = (self.clock)();
        let pcm = recording::read(&config.recording, config.max_recording)?;
        self.timeline.reached(Mark::Recording, (self.clock)());
        let all = format!(
            "{:.1} s at {} Hz",
            pcm.duration().as_secs_f32(),
            pcm.rate_hz
        );
        let question = recording::trim(&pcm);
        self.timeline.reached(Mark::Trim, (self.clock)());
        let what = match &question {
            None => "nobody spoke".to_owned(),
            Some(question) => {
                if let Some(silence) = question.silence {
                    self.timeline.set_waited_before(silence);
                }
                format!(
                    "{:.1} s of it speech",
                    question.speech.duration().as_secs_f32()
                )
            }
        };
        self.note(Stage::Recording, since, &format!("{all}, {what}"));
        self.tell_notes();
        Ok(question.map(|question| question.speech))
    }

    /// Notes what a stage has done since it began, for both logs.
    fn note(&mut self, stage: Stage, since: Instant, what: &str) {
        let took = (self.clock)().saturating_duration_since(since);
        let line = format!("{stage}: {} ms, {what}", took.as_millis());
        info!("{line}");
        self.notes.push(line);
    }

    /// Tells Asterisk's log, which is the one that administrators see.
    /// Is it still listening?
    fn tell_notes(&mut self) -> bool {
        let notes = take(&mut self.notes);
        notes.iter().all(|line| self.tell(line, PROGRESS))
    }

    fn tell(&mut self, line: &str, level: u8) -> bool {
        self.try_asking(Command::Verbose {
            message: line,
            level,
        })
    }

    /// Asks for something that a call can do without. Is Asterisk still listening?
    fn try_asking(&mut self, command: Command<'_>) -> bool {
        let Err(cause) = self.session.ask(command) else {
            return true;
        };
        let is_expected = self.hangup.is_raised();
        log!(
            if is_expected {
                Level::Debug
            } else {
                Level::Error
            },
            "{}",
            Chain(&cause)
        );
        // Who has hung up is not worth waiting for an Asterisk that says nothing.
        let is_mute = is_expected && matches!(cause, agi::Error::Silent(_));
        !is_mute && !matches!(cause, agi::Error::Closed)
    }

    /// Tells Asterisk's log once a day who has stood in for whom, and why nothing is remembered or counted.
    fn warn_administrators(&mut self) {
        let Some((services, state)) = &self.services else {
            return;
        };
        let state = state.clone();
        let stood_in = services.stood_in().into_iter();
        let stood_in = stood_in.map(|(stage, line)| (stage.to_string(), line));
        let no_memory = self.remembering.fault.clone();
        let no_ledger = self.ledger_fault.clone();
        let news = stood_in
            .chain(no_memory.map(|line| ("memory".to_owned(), line)))
            .chain(no_ledger.map(|line| ("limits".to_owned(), line)));
        for (topic, line) in news.collect::<Vec<_>>() {
            if told::first_today(&state, &topic, SystemTime::now()) {
                let warning = format!("phone-assistant: {topic}: {line}");
                self.try_asking(Command::Warning(&warning));
            }
        }
    }

    /// Tells both logs and the dialplan how the call ended. Did Asterisk take it?
    fn report(&mut self, outcome: &Outcome) -> bool {
        let took = (self.clock)().saturating_duration_since(self.started);
        info!(
            "{} after {} ms; {}",
            outcome.status(),
            took.as_millis(),
            self.timeline
        );
        let failure = outcome
            .failure()
            .map(ToString::to_string)
            .unwrap_or_default();
        let is_told = self.tell_notes()
            && (failure.is_empty() || self.tell(&failure, FAULT))
            && self.set_variables(outcome, &failure);
        if is_told {
            self.warn_administrators();
        }
        is_told
    }

    /// Sets the variables of the contract, the status last: a dialplan that finds it finds the others.
    fn set_variables(&mut self, outcome: &Outcome, failure: &str) -> bool {
        let status = outcome.status();
        // Without one, which means FAILED, the dialplan removes the recording itself.
        let told = match outcome {
            Outcome::Failed(_) if !self.is_believing => "",
            _ => status,
        };
        let [question, answer] = [&self.question, &self.answer].map(|words| redact::secrets(words));
        let key = self.key.map(String::from).unwrap_or_default();
        let for_cdr = match self.timeline.ear_to_ear_ms() {
            Some(ms) => format!("{status} {ms} ms"),
            None => status.to_owned(),
        };
        let variables = [
            ("ASSISTANT_QUESTION", question.as_str(), true),
            ("ASSISTANT_ANSWER", answer.as_str(), true),
            ("ASSISTANT_ERROR", failure, false),
            ("ASSISTANT_FILE", outcome.file(), false),
            ("ASSISTANT_KEY", key.as_str(), false),
            ("ASSISTANT_TRANSFER", outcome.extension(), false),
            ("CDR(userfield)", for_cdr.as_str(), false),
            ("ASSISTANT_STATUS", told, false),
        ];
        variables.into_iter().all(|(name, value, is_words)| {
            self.try_asking(Command::SetVariable {
                name,
                value,
                is_words,
            })
        })
    }

    /// Adds the call to the log of calls.
    fn log(&self, began: SystemTime, outcome: &Outcome) {
        let Some(path) = &self.log else { return };
        let id = self.session.env().get("uniqueid").unwrap_or_default();
        let mut record = Record::new(began, id, outcome.status(), &self.timeline)
            .with_bill(self.bill.used(), self.bill.total());
        record.persona.clone_from(&self.persona);
        if let Some(failure) = outcome.failure() {
            record = record.with_failure(failure);
        }
        if self.logs_words {
            record = record.with_words(&self.question, &self.answer);
        }
        if let Err(cause) = record::append(path, &record) {
            warn!("{}", Chain(&cause));
        }
    }
}

impl Outcome {
    /// What the dialplan is to play.
    fn file(&self) -> &str {
        match self {
            Self::Answered(Some(file)) => file,
            _ => "",
        }
    }

    /// Who takes over.
    fn extension(&self) -> &str {
        match self {
            Self::Transfer(extension) => extension,
            _ => "",
        }
    }

    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) | Self::Partial(failure) | Self::Limited(failure) => {
                Some(failure)
            }
            Self::Answered(_) | Self::NoSpeech | Self::HungUp | Self::Transfer(_) => None,
        }
    }

    /// The word that the dialplan branches on.
    fn status(&self) -> &'static str {
        match self {
            Self::Answered(_) => "ANSWERED",
            Self::NoSpeech => "NOSPEECH",
            Self::HungUp => "HANGUP",
            Self::Transfer(_) => "TRANSFER",
            Self::Partial(_) => "PARTIAL",
            Self::Limited(_) => "LIMITED",
            Self::Failed(_) => "FAILED",
        }
    }
}

/// What was said, as a log may hold it.
struct Words<'a>(&'a str, bool);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(words, true) => write!(f, "{words:?}"),
            Self(words, false) => write!(f, "<{} bytes>", words.len()),
        }
    }
}

/// Levels of `VERBOSE`: FreePBX shows up to 3, and 1 is shown nearly everywhere.
const PROGRESS: u8 = 3;
const FAULT: u8 = 1;

const INTERNAL: &str = "an internal error, which is a bug: please report it with the log";
