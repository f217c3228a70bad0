//! From the caller's last word to the first of the answer: what the program adds to what cannot be had faster.
//!
//! The floor is what the services take: speech to text 0.7 s, the model 0.5 s and 30 ms for each word of its first sentence,
//! the voice 0.6 s to its first byte. (The silence that ends a question comes before the program starts; the
//! real-Asterisk suite has it too.) Asterisk's side is played by the test kit, in real time. The caller presses # soon
//! after the answer has begun, so that a run takes minutes and not an hour.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use serde_json::json;
use testkit::audio::{g711, measure};
use testkit::{
    Act, Call, CallingTurn, GEMINI_API_KEY, Outcome, PACE, Pace, Relay, Response, Sandbox, Script,
    Server, Settings, TempDir, ToolAnswer, ToolServer,
};

fn main() -> ExitCode {
    if !report::is_wanted() {
        return ExitCode::SUCCESS;
    }
    let columns = ["median", "p95", "most"];
    report::heading("above the floor, ms", &columns);
    let parts: [(&str, Part); 7] = [
        ("calls", calls),
        ("gemini", gemini),
        ("tool", looked_up),
        ("facts", told_facts),
        ("shared", shared),
        ("warm", saved_by_warming),
        ("memory", memory),
    ];
    let parts = parts.into_iter().filter(|(name, _)| report::is_named(name));
    if parts.fold(true, |is_met, (_, part)| part() && is_met) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints figures; whether they meet their targets.
type Part = fn() -> bool;

/// Calls one after the other, with voices of two speeds, and many at once.
fn calls() -> bool {
    let alone = [8.0, 1.5].map(alone);
    let crowd = crowd(p95(alone[0].clone()));
    let is_fast = |above: Vec<f64>| p95(above) <= MAX_ABOVE_MS;
    alone.into_iter().all(is_fast) && crowd
}

/// One call after the other, with a voice of this speed.
fn alone(speed: f64) -> Vec<f64> {
    let house = House::new(speed);
    let settings = house.sandbox.settings();
    let above: Vec<f64> = (0..CALLS)
        .map(|id| above_floor(&PACE, &house.call(&settings, id)))
        .collect();
    let name = format!("{CALLS} calls, the voice at {speed} times real time");
    row(
        &name,
        &above,
        &report::verdict("≤ 350 (p95)", p95(above.clone()) <= MAX_ABOVE_MS),
    );
    above
}

/// Gemini for all three stages, with a voice that begins after 0.4 s, speaks four times as fast as it is heard, and begins
/// with up to 0.3 s of silence, of which little is to be heard; in turns from a transcript, and from what the model hears
/// itself, where no transcript is waited for. The first word is the first sample that is voiced.
fn gemini() -> bool {
    let house = House::new(4.0);
    house.sandbox.pace_voice(GEMINI_VOICE, 4.0);
    let settings = house
        .sandbox
        .settings()
        .without("openai.api_key")
        .set("google.credentials", "/nonexistent/google-creds.json")
        .set("gemini.api_key", GEMINI_API_KEY)
        .set("stt.provider", "gemini")
        .set("tts.provider", "gemini");
    let hearing = settings.clone().set("llm.hears", true);
    let pace = Pace {
        voice_first: GEMINI_VOICE,
        ..PACE
    };
    let at_once = Pace {
        transcript: Duration::ZERO,
        ..pace
    };
    let paces = [pace, at_once];
    let mut is_met = true;
    let pairs: Vec<_> = (0..CALLS)
        .map(|id| {
            let part = |of: usize| u32::try_from(of).unwrap();
            house
                .sandbox
                .lead_voice(MAX_LEAD * part(id) / part(CALLS - 1));
            [&settings, &hearing].map(|settings| house.call(settings, id))
        })
        .collect();
    for (which, what) in ["transcribed", "heard by the model"].iter().enumerate() {
        let calls = || pairs.iter().map(|pair| &pair[which]);
        let silences: Vec<_> = calls().map(silence_ms).collect();
        let above = calls().zip(&silences);
        let above: Vec<_> = above
            .map(|(call, silence_ms)| above_floor(&paces[which], call) + silence_ms)
            .collect();
        let is_fast = p95(above.clone()) <= MAX_ABOVE_MS;
        let name = format!("{CALLS} calls with Gemini alone, {what}");
        row(&name, &above, &report::verdict("≤ 350 (p95)", is_fast));
        let is_trimmed = silences
            .iter()
            .all(|silence_ms| *silence_ms <= MAX_SILENCE_MS);
        let verdict = report::verdict("≤ 30 (most)", is_trimmed);
        row("of it the silence that is heard first", &silences, &verdict);
        is_met &= is_fast && is_trimmed;
    }
    is_met
}

/// The silence, in milliseconds, before the first voiced sample of what was heard of an answer.
fn silence_ms(outcome: &Outcome) -> f64 {
    let heard = outcome.played_of(&outcome.played[0].path);
    let samples = g711::decoded_mulaw(&heard).samples;
    // As between words: 40 dB below the loudest.
    let quiet = measure::peak(&samples) / 100.0;
    let is_voiced = |sample: &i16| measure::peak(&[*sample]) >= quiet;
    let voiced = samples.iter().position(is_voiced).expect("a voice");
    f64::from(u32::try_from(voiced).unwrap()) / 8.0
}

/// An answer for which the model calls a tool that takes half a second: the tool and the model's second beginning are on top of
/// what the services take.
fn looked_up() -> bool {
    let house = House::new(8.0);
    let tool = ToolServer::start(|_| {
        thread::sleep(TOOL);
        ToolAnswer::Gives(Response::json(200, &json!({"km": 384_400})))
    });
    let turn = CallingTurn::of("distance", json!({"of": "moon"}));
    house.sandbox.call_with([turn]);
    house
        .sandbox
        .answer_with(&format!("{FIRST_SENTENCE} Goodbye!"));
    let settings = house
        .sandbox
        .settings()
        .set("tool.distance.description", "How far away something is.")
        .set("tool.distance.url", format!("{}/{{of}}", tool.url()))
        .set("tool.distance.arguments.of", "text: what it is")
        .set("waiting.play", "nothing");
    let pace = Pace {
        transcript: PACE.transcript + TOOL + PACE.model_first,
        ..PACE
    };
    let figures: Vec<f64> = (0..CALLS)
        .map(|id| above_floor(&pace, &house.call(&settings, id)))
        .collect();
    // An answer without the tool would seem to be faster than can be.
    assert_eq!(tool.requests().len(), CALLS);
    let is_fast = p95(figures.clone()) <= MAX_ABOVE_MS;
    row(
        &format!("{CALLS} calls with a tool that takes 0.5 s"),
        &figures,
        &report::verdict("≤ 350 (p95)", is_fast),
    );
    is_fast
}

/// A model that is told 48 kB of facts and the opening hours with each question, in turns with one that is not. The model of
/// the sandbox reads in no time.
fn told_facts() -> bool {
    let house = House::new(8.0);
    let facts = house.folder.path().join("facts.md");
    fs::write(&facts, "A haircut takes half an hour. ".repeat(1600)).unwrap();
    let bare = house.sandbox.settings();
    let told = bare
        .clone()
        .set("knowledge.facts", facts.to_str().unwrap())
        .set("knowledge.time_zone", "Europe/Paris")
        .set("knowledge.country", "FR")
        .set("knowledge.opening_hours", "Mo-Fr 09:00-18:00; PH off");
    let pairs: Vec<_> = (0..CALLS)
        .map(|id| [&bare, &told].map(|settings| above_floor(&PACE, &house.call(settings, id))))
        .collect();
    let above: Vec<f64> = pairs.iter().map(|pair| pair[1]).collect();
    let is_fast = p95(above.clone()) <= MAX_ABOVE_MS;
    row(
        &format!("{CALLS} calls with 48 kB of facts and opening hours"),
        &above,
        &report::verdict("≤ 350 (p95)", is_fast),
    );
    let later: Vec<f64> = pairs.iter().map(|[bare, told]| told - bare).collect();
    let is_met = report::median(&mut later.clone()) <= 10.0;
    row(
        "of it because of these",
        &later,
        &report::verdict("≤ 10 (median)", is_met),
    );
    is_fast && is_met
}

/// Callers who are remembered and counted on a server that is 1 ms away, in turns with the same in folders.
fn shared() -> bool {
    let mut is_met = true;
    for program in Server::programs("a first word with a server that machines share") {
        for server in [Server::start(program), Server::start_encrypted(program)] {
            is_met &= shared_at(program, &server);
        }
    }
    is_met
}

fn shared_at(program: &str, server: &Server) -> bool {
    let house = House::new(8.0);
    let folder = house.folder.path();
    let relay = Relay::start(server.port(), SERVER_ONE_WAY);
    let here = report::counted(house.sandbox.settings(), folder);
    let services = house.sandbox.ca_file();
    let there = report::shared(here.clone(), server, relay.port(), &services, folder);
    let pairs: Vec<_> = (0..CALLS)
        .map(|id| [&here, &there].map(|settings| above_floor(&PACE, &house.call(settings, id))))
        .collect();
    let url = server.url();
    let (scheme, _) = url.split_once(':').unwrap();
    let above: Vec<f64> = pairs.iter().map(|pair| pair[1]).collect();
    row(
        &format!("{CALLS} calls with {program} 1 ms away, {scheme}"),
        &above,
        "none",
    );
    let later: Vec<f64> = pairs.iter().map(|[here, there]| there - here).collect();
    let is_met = report::median(&mut later.clone()) <= 5.0;
    row(
        "of it because of that, not folders",
        &later,
        &report::verdict("≤ 5 (median)", is_met),
    );
    is_met
}

/// Many calls at once; whether their first words come in time.
fn crowd(single: f64) -> bool {
    let house = House::new(8.0);
    let settings = house.sandbox.settings();
    let above: Vec<f64> = thread::scope(|scope| {
        let calls: Vec<_> = (0..AT_ONCE)
            .map(|id| {
                scope.spawn({
                    let (house, settings) = (&house, &settings);
                    move || above_floor(&PACE, &house.call(settings, id))
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let is_met = p95(above.clone()) <= single + 1_000.0;
    row(
        &format!("{AT_ONCE} calls at once"),
        &above,
        &report::verdict("≤ one call + 1000 (p95)", is_met),
    );
    is_met
}

/// Services that are 20 ms away, each behind a relay of its own: with connections opened ahead of time, and without.
fn saved_by_warming() -> bool {
    let house = House::new(8.0);
    let relays = [(); 3].map(|()| Relay::start(house.sandbox.port(), ONE_WAY));
    let [stt, llm, tts] = relays
        .each_ref()
        .map(|relay| format!("https://localhost:{}", relay.port()));
    let settings = house.sandbox.settings();
    let settings = settings
        .set("stt.google.base_url", stt)
        .set("llm.gemini.base_url", llm)
        .set("tts.openai.base_url", tts);
    let (warm, cold) = (
        settings.clone().set("http.warm", true),
        settings.set("http.warm", false),
    );
    report::heading(
        &format!("services {} ms away, ms", ONE_WAY.as_millis()),
        &["median", "p95", "most"],
    );
    let pairs: Vec<_> = (0..PAIRS)
        .map(|id| [&warm, &cold].map(|settings| above_floor(&PACE, &house.call(settings, id))))
        .collect();
    let [warm, cold] = [0, 1].map(|which| pairs.iter().map(|pair| pair[which]).collect::<Vec<_>>());
    row("connections opened ahead of time", &warm, "none");
    row("connections opened when they are needed", &cold, "none");
    let mut saved: Vec<f64> = pairs.iter().map(|[warm, cold]| cold - warm).collect();
    let round_trips = report::median(&mut saved) / report::milliseconds(ONE_WAY * 2);
    let is_met = round_trips >= 3.5;
    report::row(
        "round trips saved, of 4",
        &[format!("{round_trips:.2}")],
        &report::verdict("≥ 3.5", is_met),
    );
    is_met
}

/// The most memory that a call with the longest answer takes.
fn memory() -> bool {
    let house = House::new(8.0);
    house
        .sandbox
        .answer_with(&"This is one of many sentences, all of them alike. ".repeat(30));
    let settings = house.sandbox.settings();
    let call = house.builder(&settings, 0, Duration::from_secs(12));
    let call = call
        .at(LAST_COMMAND, Act::Delay(Duration::from_secs(1)))
        .start();
    call.wait_for_command(LAST_COMMAND, PATIENCE);
    let status = fs::read_to_string(format!("/proc/{}/status", call.pid())).unwrap();
    assert_eq!(
        call.finish(PATIENCE).variable("ASSISTANT_STATUS"),
        "ANSWERED"
    );
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = peak
        .unwrap()
        .trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse()
        .unwrap();
    let peak_mb = report::megabytes(kib * 1024);
    report::heading("one call with a minute of answer", &["most"]);
    let is_met = peak_mb <= 14.0;
    report::row(
        "peak memory, MB",
        &[format!("{peak_mb:.1}")],
        &report::verdict("≤ 14", is_met),
    );
    is_met
}

fn row(name: &str, figures: &[f64], verdict: &str) {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let shown = [
        report::median(&mut sorted.clone()),
        p95(sorted.clone()),
        sorted[sorted.len() - 1],
    ];
    report::row(name, &shown.map(|figure| format!("{figure:.0}")), verdict);
}

/// The figure that 95 of 100 do not exceed, by nearest rank.
fn p95(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[(figures.len() * 95).div_ceil(100) - 1]
}

/// From the start of the program to the first sample of the answer, in milliseconds above what the services take at this pace.
fn above_floor(pace: &Pace, outcome: &Outcome) -> f64 {
    let first = outcome
        .played
        .first()
        .unwrap_or_else(|| panic!("nothing was heard: {outcome}"));
    let reached = report::milliseconds(first.at.duration_since(outcome.started));
    reached - report::milliseconds(pace.floor(FIRST_SENTENCE))
}

/// The services, and a folder for calls.
struct House {
    sandbox: Sandbox,
    folder: TempDir,
}

impl House {
    fn new(speed: f64) -> Self {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let sandbox = Sandbox::start(Script::standard(&data));
        sandbox.pace(speed);
        Self {
            sandbox,
            folder: TempDir::new().unwrap(),
        }
    }

    fn call(&self, settings: &Settings, id: usize) -> Outcome {
        let outcome = self.builder(settings, id, HEARD).start().finish(PATIENCE);
        assert_eq!(
            outcome.variable("ASSISTANT_STATUS"),
            "ANSWERED",
            "{outcome}"
        );
        outcome
    }

    /// A call whose caller has heard enough after `heard`.
    fn builder(&self, settings: &Settings, id: usize, heard: Duration) -> testkit::CallBuilder {
        let folder: PathBuf = self.folder.path().join(format!("{id}"));
        fs::create_dir_all(&folder).unwrap();
        let recording = folder.join("call-1700000000.1.wav");
        let question = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/question-moon.wav");
        fs::copy(question, &recording).unwrap();
        let config = settings.clone().set("reply.play", "stream").write(&folder);
        Call::builder(report::program())
            .arg(format!("recording={}", recording.display()))
            .arg(format!(
                "reply={}",
                folder.join("call-1700000000.1-reply").display()
            ))
            .arg(format!("config={}", config.display()))
            .real_time()
            .at("STREAM FILE", Act::Press('#', heard))
    }
}

const FIRST_SENTENCE: &str =
    "The moon is about three hundred eighty-four thousand kilometres away.";

/// What a tool takes.
const TOOL: Duration = Duration::from_millis(500);

/// From a text to the first sound of Gemini's voice.
const GEMINI_VOICE: Duration = Duration::from_millis(400);

/// The longest silence with which it begins, and how much of that may be heard.
const MAX_LEAD: Duration = Duration::from_millis(300);
const MAX_SILENCE_MS: f64 = 30.0;

const CALLS: usize = 20;
const AT_ONCE: usize = 30;
const PAIRS: usize = 10;
const ONE_WAY: Duration = Duration::from_millis(20);
/// Half of the way to a server in the same house and back.
const SERVER_ONE_WAY: Duration = Duration::from_micros(500);
const MAX_ABOVE_MS: f64 = 350.0;

/// The part of an answer that is listened to.
const HEARD: Duration = Duration::from_millis(300);

const LAST_COMMAND: &str = "SET VARIABLE \"ASSISTANT_STATUS\"";

const PATIENCE: Duration = Duration::from_secs(60);
