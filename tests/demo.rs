//! A whole call with no account and no Asterisk: `cargo run --locked --example demo`.
//!
//! Everything around the program is a stand-in: a scripted Asterisk on its stdin and stdout, and the
//! three services on loopback over real TLS, which recognise the recorded questions of `tests/data`.
//! `--question my.wav` asks something else, `--serve` leaves the services running for a call by hand.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use testkit::audio::{g711, wav};
use testkit::{Call, Direction, Outcome, Sandbox, Script};

fn main() -> Result<(), Box<dyn Error>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = target_folder()?.join("demo");
    fs::create_dir_all(&folder)?;
    let sandbox = Sandbox::start(Script::standard(&data));
    sandbox.pace(VOICE_SPEED);
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => call(&sandbox, &folder, &data.join("question-moon.wav")),
        ["--question", file] => call(&sandbox, &folder, Path::new(file)),
        ["--serve"] => serve(&sandbox, &folder),
        _ => Err("usage: demo [--question FILE.wav | --serve]".into()),
    }
}

/// One call, told as it went.
fn call(sandbox: &Sandbox, folder: &Path, question: &Path) -> Result<(), Box<dyn Error>> {
    let program = build()?;
    let (recording, reply) = (folder.join("question.wav"), folder.join("answer"));
    fs::copy(question, &recording).map_err(|error| format!("{}: {error}", question.display()))?;
    let log = folder.join("calls.jsonl");
    let settings = sandbox.settings();
    let config = settings
        .set("log.calls", log.display().to_string())
        .write(folder);
    println!("A caller asks what is in {}.\n", question.display());
    let outcome = Call::builder(&program)
        .arg(format!("recording={}", recording.display()))
        .arg(format!("reply={}", reply.display()))
        .arg(format!("config={}", config.display()))
        .real_time()
        .start()
        .finish(Duration::from_secs(60));
    show_dialogue(&outcome);
    println!("\nWhere the time went:");
    Command::new(&program)
        .args(["calls", "--last", "1"])
        .arg(&log)
        .status()?;
    if outcome.variable("ASSISTANT_STATUS") != "ANSWERED" {
        return Err(format!(
            "the call ended with ASSISTANT_STATUS={}",
            outcome.variable("ASSISTANT_STATUS")
        )
        .into());
    }
    let (encoded, listen) = (folder.join("answer.ulaw"), folder.join("answer.wav"));
    let heard = outcome.played_of(&encoded);
    fs::write(&encoded, &heard)?;
    wav::write(&listen, &g711::decoded_mulaw(&heard));
    println!(
        "\nThe caller asked: {}",
        outcome.variable("ASSISTANT_QUESTION")
    );
    println!("and heard:        {}", outcome.variable("ASSISTANT_ANSWER"));
    println!(
        "\nfor Asterisk: {}\nto listen to: {}",
        encoded.display(),
        listen.display()
    );
    println!("\n{STAND_INS}");
    Ok(())
}

fn show_dialogue(outcome: &Outcome) {
    println!("What Asterisk (<) and the program (>) said to each other, by milliseconds:");
    for line in &outcome.dialogue {
        let arrow = if line.direction == Direction::ToProgram {
            '<'
        } else {
            '>'
        };
        let at = line.at.duration_since(outcome.started).as_millis();
        println!("{at:>7} {arrow} {}", line.text);
    }
}

/// Leaves the services running until this program is ended.
fn serve(sandbox: &Sandbox, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let config = sandbox.write_config(folder);
    println!("The services listen on {}; {STAND_INS}", sandbox.base_url());
    println!("In another terminal, from the same folder:\n");
    println!(
        "  PHONE_ASSISTANT_CONFIG={} PHONE_ASSISTANT_LOG=info \\\n    \"$(./install.sh --build)\" < tests/data/replay.agi\n",
        config.display()
    );
    println!("Ctrl-C ends them.");
    signals.forever().next();
    Ok(())
}

/// Builds the program as the installer does, which then has nothing left to build, and tells where it is. What cargo
/// says meanwhile is shown.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    println!("Building the program as install.sh does; the first time this takes a minute or two.");
    // Cargo has told this example of its package. Told of it again, it would take that for a change, and build much anew.
    let of_example = |name: &OsString| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_MANIFEST_")
            || name.starts_with("CARGO_PKG_")
            || ["OUT_DIR", "PHONE_ASSISTANT_SOURCES"].contains(&&*name)
    };
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut build = Command::new("/bin/sh");
    for (name, _) in env::vars_os().filter(|(name, _)| of_example(name)) {
        build.env_remove(name);
    }
    let mut building = build
        .arg(sources.join("install.sh"))
        .arg("--build")
        .stdout(Stdio::piped())
        .spawn()?;
    let (ended, has_ended) = mpsc::channel::<()>();
    let telling = thread::spawn(move || tell_that_it_goes_on(&has_ended));
    let output = building.stdout.take().map(io::read_to_string);
    let status = building.wait()?;
    drop(ended);
    telling.join().map_err(|_| "the telling thread panicked")?;
    match output {
        Some(Ok(path)) if status.success() => Ok(path.trim_end().into()),
        _ => Err("the program could not be built, see above".into()),
    }
}

/// Cargo moves its bar on a terminal; elsewhere it is silent while the last and longest crate is compiled.
fn tell_that_it_goes_on(has_ended: &Receiver<()>) {
    let begun = Instant::now();
    while has_ended.recv_timeout(NEWS) == Err(RecvTimeoutError::Timeout) {
        if !io::stderr().is_terminal() {
            println!("… still building, {} s", begun.elapsed().as_secs());
        }
    }
}

/// This example is `TARGET/PROFILE/examples/demo`.
fn target_folder() -> Result<PathBuf, Box<dyn Error>> {
    let demo = env::current_exe()?;
    Ok(demo
        .ancestors()
        .nth(3)
        .ok_or("this example is in no target folder")?
        .to_owned())
}

/// The longest time for which nothing is seen of a build.
const NEWS: Duration = Duration::from_secs(10);

/// How much faster than speech the voice is made.
const VOICE_SPEED: f64 = 8.0;

const STAND_INS: &str = "these are stand-ins on this machine, not the real services: \
    they know the questions in tests/data and answer everything else with \"I do not know\".";
