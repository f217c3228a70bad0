//! One call, from its first line to its last. The only file that knows the order.

use std::error::Error;
use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, absolute};
use std::thread;
use std::time::{Instant, SystemTime};

use log::{Level, debug, error, info, log, warn};

use crate::agi::{self, Command, End, Session};
use crate::audio::telephone::{self, Encoding};
use crate::audio::{Pcm, speech, wav};
use crate::cloud;
use crate::cloud::google_auth::ServiceAccount;
use crate::cloud::http::Client;
use crate::cloud::llm::gemini::{Model, SignIn};
use crate::cloud::stt::google::{self, Recognizer};
use crate::cloud::tts::openai::Voice;
use crate::config::{Arguments, Config, Environment, Job};
use crate::deadline::{Clock, Deadline};
use crate::error::{At, Chain, Failure, Stage};
use crate::files::{self, NewFile, Readers, RemovedAfterUse};
use crate::hangup::Hangup;
use crate::{say, text};

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
    let started = (given.clock)();
    let session = match Session::open(given.input, given.end, given.output, &given.hangup) {
        Ok(session) => session,
        Err(cause) => {
            error!("no AGI session: {}", Chain(&cause));
            return forget_recording(&given.arguments, given.environment);
        }
    };
    let arguments = arguments(&given.arguments, &session);
    let mut call = Call {
        session,
        hangup: given.hangup,
        clock: given.clock,
        started,
        stage: (Stage::Config, started),
        question: String::new(),
        answer: String::new(),
    };
    let outcome = call.outcome(&arguments, given.environment);
    let told = call.report(&arguments, &outcome);
    if let (false, Some(reply)) = (
        told && !matches!(outcome, Outcome::HungUp),
        &arguments.reply,
    ) {
        files::remove_replies(reply);
    }
    if let Outcome::Failed(failure) = &outcome {
        // The last thing of all: where nobody reads stderr, writing to it may wait for ever.
        error!("{failure}");
    }
}

/// Removes the recording of a call that was over before it began, unless it is to be kept.
fn forget_recording(own: &[String], environment: Environment<'_>) {
    let arguments = Arguments::parse(own.iter().map(String::as_str));
    let config = Config::load(Job::Call, &arguments, environment);
    let keep = config.map_or_else(
        |faults| faults.keep_recording,
        |config| config.keep_recording,
    );
    RemovedAfterUse::new(arguments.recording).keep_if(keep);
}

/// The command line's, or Asterisk's where there is no command line: through FastAGI, or by hand.
fn arguments<O: Write>(own: &[String], session: &Session<O>) -> Arguments {
    if own.is_empty() {
        Arguments::parse(session.env().arguments())
    } else {
        Arguments::parse(own.iter().map(String::as_str))
    }
}

/// How a call ended.
#[derive(Debug)]
enum Outcome {
    Answered,
    NoSpeech,
    HungUp,
    Failed(Failure),
}

struct Call<O> {
    session: Session<O>,
    hangup: Hangup,
    clock: Clock,
    started: Instant,
    /// What is being done, and since when.
    stage: (Stage, Instant),
    question: String,
    answer: String,
}

impl<O: Write> Call<O> {
    fn outcome(&mut self, arguments: &Arguments, environment: Environment<'_>) -> Outcome {
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.carry_through(arguments, environment)
        }));
        match result {
            _ if self.hangup.is_raised() => Outcome::HungUp,
            Ok(Ok(outcome)) => outcome,
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(_) => Outcome::Failed(Failure {
                stage: self.stage.0,
                cause: INTERNAL.into(),
            }),
        }
    }

    /// The call itself.
    fn carry_through(
        &mut self,
        arguments: &Arguments,
        environment: Environment<'_>,
    ) -> Result<Outcome, Failure> {
        let mut recording = RemovedAfterUse::new(arguments.recording.clone());
        let config = Config::load(Job::Call, arguments, environment)
            .inspect(|config| recording.keep_if(config.keep_recording))
            .inspect_err(|faults| recording.keep_if(faults.keep_recording))
            .at(Stage::Config)?;
        self.session.log_words(config.log_words);
        let deadline = Deadline::after(self.started, config.deadline, self.clock);
        let services = Services::new(&config, &self.hangup).at(Stage::Config)?;

        let (encoding, reply) = self.prepare(&config).at(Stage::Reply)?;
        let Some(speech) = self.listen(&config).at(Stage::Recording)? else {
            return Ok(Outcome::NoSpeech);
        };
        self.question = self
            .transcribe(&services.recognizer, &speech, deadline, config.log_words)
            .at(Stage::Stt)?;
        if self.question.is_empty() {
            return Ok(Outcome::NoSpeech);
        }
        self.answer = self.think(&services.model, &config, deadline)?;
        let pcm = self.speak(&services.voice, deadline).at(Stage::Tts)?;
        self.write(reply, &pcm, encoding, config.tts.gain_db)?;
        Ok(Outcome::Answered)
    }

    /// Sweeps up after earlier calls, and makes sure that the reply can be written: before anything
    /// that costs money, and before silence is taken for the caller's when a full disk made it.
    fn prepare(&mut self, config: &Config) -> Result<(Encoding, NewFile), files::Error> {
        self.begin(Stage::Reply);
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
    fn listen(&mut self, config: &Config) -> Result<Option<Pcm>, ListenError> {
        self.begin(Stage::Recording);
        let path = || config.recording.display().to_string();
        let file = files::open(&config.recording).map_err(|source| ListenError::Open {
            path: path(),
            source,
        })?;
        let pcm = wav::read(BufReader::new(file), config.max_recording).map_err(|source| {
            ListenError::Read {
                path: path(),
                source,
            }
        })?;
        let Some(range) = speech::find(&pcm) else {
            self.done(format_args!(
                "{:.1} s, nobody spoke",
                pcm.duration().as_secs_f32()
            ));
            return Ok(None);
        };
        let speech = Pcm {
            rate_hz: pcm.rate_hz,
            samples: pcm.samples[range].to_vec(),
        };
        let (all, kept) = (
            pcm.duration().as_secs_f32(),
            speech.duration().as_secs_f32(),
        );
        self.done(format_args!(
            "{all:.1} s at {} Hz, {kept:.1} s of it speech",
            pcm.rate_hz
        ));
        Ok(Some(speech))
    }

    /// The pieces of a long question are transcribed side by side and joined in order.
    fn transcribe(
        &mut self,
        recognizer: &Recognizer,
        speech: &Pcm,
        deadline: Deadline,
        words: bool,
    ) -> Result<String, cloud::Error> {
        self.begin(Stage::Stt);
        let pieces = speech::split(speech, google::LONGEST);
        let transcribe =
            |piece| recognizer.transcribe(&speech.samples[piece], speech.rate_hz, deadline);
        let transcripts = thread::scope(|scope| {
            let threads: Vec<_> = pieces
                .into_iter()
                .map(|piece| scope.spawn(move || transcribe(piece)))
                .collect();
            let results = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            results.collect::<Result<Vec<_>, _>>()
        })?;
        let question = transcripts.join(" ").trim().to_owned();
        self.done(format_args!(
            "{} from {} piece(s) of speech",
            Words(&question, words),
            transcripts.len()
        ));
        Ok(question)
    }

    /// The model's answer as a voice can say it, ended at a sentence where it is too long.
    fn think(
        &mut self,
        model: &Model,
        config: &Config,
        deadline: Deadline,
    ) -> Result<String, Failure> {
        self.begin(Stage::Llm);
        let answer = model.answer(&self.question, deadline).at(Stage::Llm)?;
        let speakable = text::speakable(&answer.text);
        // An answer that was cut has no end of its own: the last whole sentence is before its last character.
        let whole = speakable
            .chars()
            .count()
            .saturating_sub(usize::from(answer.is_cut));
        let spoken = text::limit(&speakable, whole.min(config.llm.max_answer_chars)).to_owned();
        if spoken.is_empty() {
            return Err(say::Error::Nothing).at(Stage::Llm);
        }
        if spoken.len() < speakable.len() {
            warn!(
                "the answer was too long: {} of {} bytes are spoken",
                spoken.len(),
                speakable.len()
            );
        }
        self.done(format_args!("{}", Words(&spoken, config.log_words)));
        Ok(spoken)
    }

    fn speak(&mut self, voice: &Voice, deadline: Deadline) -> Result<Pcm, say::Error> {
        self.begin(Stage::Tts);
        let pcm = say::speak(voice, &self.answer, deadline)?;
        self.done(format_args!(
            "{:.1} s at {} Hz",
            pcm.duration().as_secs_f32(),
            pcm.rate_hz
        ));
        Ok(pcm)
    }

    fn write(
        &mut self,
        mut reply: NewFile,
        pcm: &Pcm,
        encoding: Encoding,
        gain_db: f32,
    ) -> Result<(), Failure> {
        self.begin(Stage::Reply);
        let bytes = telephone::encode(pcm, encoding, gain_db).at(Stage::Tts)?;
        reply.write_all(&bytes).at(Stage::Reply)?;
        reply.finish().at(Stage::Reply)?;
        self.done(format_args!("{} bytes of {encoding}", bytes.len()));
        Ok(())
    }

    /// Notes what is being done from now on. Before anything that costs money Asterisk is asked whether
    /// the caller is still there: with `AGISIGHUP=no`, or on a channel that was dead from the start, no
    /// signal tells it.
    fn begin(&mut self, stage: Stage) {
        self.stage = (stage, (self.clock)());
        if matches!(stage, Stage::Stt | Stage::Llm | Stage::Tts) {
            // A dead channel raises the flag, and that is all there is to know.
            self.try_asking(Command::ChannelStatus);
        }
    }

    /// Tells both logs what a stage has done. Asterisk's is the one that administrators see.
    fn done(&mut self, what: fmt::Arguments<'_>) {
        let (stage, since) = self.stage;
        let line = format!(
            "{stage}: {} ms, {what}",
            (self.clock)().saturating_duration_since(since).as_millis()
        );
        info!("{line}");
        self.tell(&line, PROGRESS);
    }

    fn tell(&mut self, line: &str, level: u8) {
        self.try_asking(Command::Verbose {
            message: line,
            level,
        });
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
        !matches!(cause, agi::Error::Closed)
    }

    /// Sets the variables of the contract, the status last: a dialplan that finds it finds the others.
    /// Did Asterisk take them?
    fn report(&mut self, arguments: &Arguments, outcome: &Outcome) -> bool {
        let took = (self.clock)()
            .saturating_duration_since(self.started)
            .as_millis();
        let status = outcome.status();
        let (mut file, mut failure) = (String::new(), String::new());
        match outcome {
            Outcome::Answered => {
                let place = arguments.reply.as_deref().unwrap_or(Path::new(""));
                // Playback looks for a relative name among Asterisk's sounds.
                let place = absolute(place).unwrap_or_else(|_| place.to_owned());
                file = place.display().to_string();
            }
            Outcome::Failed(cause) => {
                failure = cause.to_string();
                self.tell(&failure, FAULT);
            }
            Outcome::NoSpeech | Outcome::HungUp => {}
        }
        info!("{status} after {took} ms");
        let (question, answer) = (take(&mut self.question), take(&mut self.answer));
        let variables = [
            ("ASSISTANT_QUESTION", question.as_str(), true),
            ("ASSISTANT_ANSWER", answer.as_str(), true),
            ("ASSISTANT_ERROR", failure.as_str(), false),
            ("ASSISTANT_FILE", file.as_str(), false),
            ("ASSISTANT_KEY", "", false),
            ("ASSISTANT_STATUS", status, false),
        ];
        variables.into_iter().all(|(name, value, is_words)| {
            self.try_asking(Command::SetVariable {
                name,
                value,
                is_words,
            })
        })
    }
}

impl Outcome {
    /// The word that the dialplan branches on.
    fn status(&self) -> &'static str {
        match self {
            Self::Answered => "ANSWERED",
            Self::NoSpeech => "NOSPEECH",
            Self::HungUp => "HANGUP",
            Self::Failed(_) => "FAILED",
        }
    }
}

/// The three services, ready to be asked.
struct Services {
    recognizer: Recognizer,
    model: Model,
    voice: Voice,
}

impl Services {
    fn new(config: &Config, hangup: &Hangup) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let client = Client::new(&config.http, hangup, config.log_words)?;
        let account = ServiceAccount::load(&config.credentials)?;
        let sign_in = match &config.llm.api_key {
            Some(key) => SignIn::ApiKey(key.clone()),
            None => SignIn::Account(account.clone()),
        };
        Ok(Self {
            recognizer: Recognizer::new(client.clone(), account, config.stt.clone()),
            model: Model::new(client.clone(), sign_in, config.llm.clone()),
            voice: Voice::new(client, config.tts.clone()),
        })
    }
}

/// Why there is nothing to transcribe.
#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error(
        "cannot open the recording {path}; did MixMonitor run, and may Asterisk's user read its folder?"
    )]
    Open { path: String, source: io::Error },
    #[error(
        "cannot use the recording {path}; MixMonitor must write a .wav, and an empty one means a full disk (df -h)"
    )]
    Read { path: String, source: wav::Error },
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
