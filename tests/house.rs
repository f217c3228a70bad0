//! A sandbox, a folder for calls, and the program between them: what most tests of calls begin with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use phone_assistant::audio::telephone::Encoding;
use testkit::audio::{Clip, clips, wav};
use testkit::{
    Call, CallBuilder, Outcome, Response, Sandbox, Script, Settings, Stage, TempDir,
    tested_program, write_program,
};

use crate::audio::converted::converted;

/// Longer than any call here may take, deadline included.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const MOON: &str = "The moon is about three hundred eighty-four thousand kilometres away. \
    Light needs a little over one second for that. Goodbye!";

/// A long text of sentences that can be told from each other.
pub(crate) fn many_sentences(count: usize) -> String {
    let sentences =
        (1..=count).map(|number| format!("This is number {number} of many sentences. "));
    sentences.collect()
}

/// Texts of such sentences in their order: a long text's second piece may be asked for after the next text.
pub(crate) fn in_order(mut texts: Vec<String>) -> Vec<String> {
    let number = |text: &String| -> u32 {
        let digits = text.split(' ').find_map(|word| word.parse().ok());
        digits.unwrap()
    };
    texts.sort_by_key(number);
    texts
}

/// One test's own world; it is gone when dropped.
pub(crate) struct House {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
    play: &'static str,
    gain_db: Option<f32>,
}

impl House {
    /// A house whose dialplan plays the answer.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("calls")).unwrap();
        Self {
            sandbox: Sandbox::start(Script::standard(&data(""))),
            folder,
            play: "dialplan",
            gain_db: None,
        }
    }

    /// A house in which the answer is heard while it is made, in real time.
    pub(crate) fn streaming() -> Self {
        Self {
            play: "stream",
            ..Self::new()
        }
    }

    /// The same house, in which voices become louder by so many dB, whatever their level.
    pub(crate) fn louder_by(self, gain_db: f32) -> Self {
        Self {
            gain_db: Some(gain_db),
            ..self
        }
    }

    /// Where recordings and replies are.
    pub(crate) fn calls(&self) -> PathBuf {
        self.folder.path().join("calls")
    }

    /// A folder for anything else.
    pub(crate) fn other(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn recording(&self) -> PathBuf {
        self.calls().join("call-1700000000.17.wav")
    }

    /// The reply's place, without extension.
    pub(crate) fn reply(&self) -> PathBuf {
        self.calls().join("call-1700000000.17-reply")
    }

    /// The caller asks what is in this file of tests/data.
    pub(crate) fn ask(&self, question: &str) -> &Self {
        fs::copy(data(question), self.recording()).unwrap();
        self
    }

    /// The caller says this.
    pub(crate) fn say(&self, clip: &Clip) -> &Self {
        wav::write(&self.recording(), clip);
        self
    }

    /// MixMonitor leaves these bytes.
    pub(crate) fn leave(&self, bytes: &[u8]) {
        fs::write(self.recording(), bytes).unwrap();
    }

    /// A call with the sandbox's settings.
    pub(crate) fn call(&self) -> CallBuilder {
        self.call_with(&self.sandbox.settings())
    }

    /// A call with other settings.
    pub(crate) fn call_with(&self, settings: &Settings) -> CallBuilder {
        self.call_of(program(), settings)
    }

    /// The same by a program that starts ours.
    pub(crate) fn call_of(&self, program: &Path, settings: &Settings) -> CallBuilder {
        let call = self.call_of_service(program, settings);
        call.arg(argument("config", &self.settings_file()))
    }

    /// A call whose settings file is not named by an argument, but by the environment of whatever starts the program.
    pub(crate) fn call_of_service(&self, program: &Path, settings: &Settings) -> CallBuilder {
        let mut settings = settings.clone().set("reply.play", self.play);
        if let Some(gain_db) = self.gain_db {
            settings = settings.set("tts.gain_db", gain_db);
        }
        settings.write(self.other());
        let call = Call::builder(program)
            .arg(argument("recording", &self.recording()))
            .arg(argument("reply", &self.reply()));
        if self.play == "stream" {
            call.real_time()
        } else {
            call
        }
    }

    /// Where calls find their settings.
    pub(crate) fn settings_file(&self) -> PathBuf {
        self.other().join("config.toml")
    }

    /// A call that asks what is in this file of tests/data, to its end.
    pub(crate) fn outcome(&self, question: &str) -> Outcome {
        self.outcome_with(question, &self.sandbox.settings())
    }

    /// The same with other settings.
    pub(crate) fn outcome_with(&self, question: &str, settings: &Settings) -> Outcome {
        self.ask(question)
            .call_with(settings)
            .start()
            .finish(PATIENCE)
    }

    /// A command of the program's for people, run as Asterisk's user is by root.
    pub(crate) fn command_as_asterisk(
        &self,
        settings: &Settings,
        name: &str,
        arguments: &[&str],
    ) -> Command {
        let config = settings.write(self.other());
        let mut command = Command::new(program());
        command
            .arg(name)
            .args(arguments)
            .arg("--config")
            .arg(config)
            .env_clear()
            .env("PHONE_ASSISTANT_CHECK_AS_ASTERISK", "1");
        command
    }

    /// What `phone-assistant say` makes of a text with the settings of this file.
    #[track_caller]
    pub(crate) fn say_aloud(&self, config: &Path, text: &str) -> Clip {
        let output = self.other().join("said.wav");
        let said = Command::new(program())
            .arg("--config")
            .arg(config)
            .args(["say", text])
            .arg(&output)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{errors}");
        wav::read(&output)
    }

    /// The texts that the voice was asked for, each once, in order.
    pub(crate) fn spoken_texts(&self) -> Vec<String> {
        let asked = self.sandbox.requests_to(Stage::Tts);
        let mut texts: Vec<_> = asked
            .iter()
            .map(|request| request.body["input"].as_str().unwrap().to_owned())
            .collect();
        texts.dedup();
        texts
    }

    /// What the voice has said of them, as a phone hears it.
    pub(crate) fn voice(&self) -> Clip {
        let sound = self.converted(&self.spoken_texts(), Encoding::Sln16, 0.0);
        Clip {
            rate_hz: 16_000,
            samples: wav::samples_of(&sound),
        }
    }

    /// Texts as the voice says them, each converted as a whole: the first with a shorter silence before it.
    pub(crate) fn converted(&self, texts: &[String], encoding: Encoding, gain_db: f32) -> Vec<u8> {
        converted(&self.sandbox, texts, encoding, gain_db)
    }

    /// A program that runs this line of sh and then becomes ours.
    pub(crate) fn program_behind(&self, line: &str) -> PathBuf {
        self.program_behind_of(line, program())
    }

    /// The same with a copy of ours.
    pub(crate) fn program_behind_of(&self, line: &str, program: &Path) -> PathBuf {
        let path = self.folder.path().join("behind");
        let script = format!("#!/bin/sh\n{line}\nexec '{}' \"$@\"\n", program.display());
        write_program(&path, script);
        path
    }

    /// What is in the calls folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.calls()).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// # Panics
    /// When a call left a file behind.
    #[track_caller]
    pub(crate) fn assert_no_file(&self, outcome: &Outcome) {
        let files = self.files();
        outcome.assert(
            files.is_empty(),
            &format!("these files are left: {files:?}"),
        );
    }

    /// Runs a command for people with these settings.
    pub(crate) fn command(&self, settings: &Settings, arguments: &[&str]) -> Output {
        let config = settings.write(self.other());
        Command::new(program())
            .args(arguments)
            .arg("--config")
            .arg(config)
            .env_remove("PHONE_ASSISTANT_CONFIG")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

/// What takes no time of its own is over before some whole calls are, which are made here and now for comparison: a
/// busy machine is as slow for them.
#[track_caller]
pub(crate) fn assert_at_once(took: Duration) {
    assert_like(took, || House::new().outcome("question-tea.wav").took);
}

/// Nothing is held up that ends before some twins of it have, which are made here and now and tell how long each took.
#[track_caller]
pub(crate) fn assert_like(took: Duration, twin: impl Fn() -> Duration) {
    let mut twins = Duration::ZERO;
    for _ in 0..TWINS {
        if took <= twins {
            return;
        }
        twins += twin();
    }
    assert!(
        took <= twins,
        "it took {took:?}, and {TWINS} twins {twins:?}"
    );
}

/// As many whole calls may be made while something ends that ends at once.
const TWINS: u32 = 10;

/// A voice's answer of a fifth of a second, whatever it was asked for: for texts so long that to make and convert the sound
/// of all of them would take longer than a call may.
pub(crate) fn short_sound() -> Response {
    let tone = clips::tone(24_000, 500.0, -20.0, 0.2);
    Response::new(
        200,
        "audio/wav",
        wav::with_header(&tone, wav::Header::Right),
    )
}

/// Does something with each, several at a time: calls to services that fail spend their time waiting.
pub(crate) fn each<T: Send>(items: impl IntoIterator<Item = T>, job: impl Fn(T) + Sync) {
    let items: Vec<_> = items.into_iter().collect();
    let waiting = Mutex::new(items.into_iter());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(item) = { waiting.lock().unwrap().next() } {
                    job(item);
                }
            });
        }
    });
}

const AT_ONCE: usize = 4;

/// The program under test.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| tested_program(env!("CARGO_BIN_EXE_phone-assistant")))
}

/// A file of tests/data.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

pub(crate) fn argument(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}
