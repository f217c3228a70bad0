//! `phone-assistant convert` beside ffmpeg's command for the same: whole processes, on the same files, in turns.
//!
//! Peak memory is the kernel's count for each process. That count begins with what its parent held when it was started, so
//! this one stays small: it makes its sounds second by second.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, f32::consts::TAU};

use phone_assistant::audio::{to_i16, wav};
use wait4::Wait4;

fn main() {
    // `cargo test --all-targets` runs this file too, without the argument.
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = Folder::create();
    let [short, long] = [("8-seconds.wav", 8), ("10-minutes.wav", 600)].map(|(name, seconds)| {
        let path = folder.0.join(name);
        write_voice(&path, seconds);
        path
    });
    let mp3s = [&short, &long].map(|sound| to_mp3(sound));
    if mp3s.contains(&None) {
        println!(
            "there is no ffmpeg with MP3 here: nothing to compare with, and no MP3 to convert"
        );
    }
    println!(
        "medians of whole processes        ours      ffmpeg    ffmpeg/ours   peak memory: ours, ffmpeg"
    );
    for (sound, rounds, at_least) in [(Some(&short), 41, 10.0), (Some(&long), 7, 1.0)]
        .into_iter()
        .chain([(mp3s[0].as_ref(), 41, 10.0), (mp3s[1].as_ref(), 7, 1.0)])
    {
        if let Some(sound) = sound {
            compare(sound, rounds, at_least);
        }
    }
}

/// Runs both on one sound, in turns, and prints one line.
fn compare(sound: &Path, rounds: usize, at_least: f64) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(run(&mut our_command(sound)).unwrap());
        theirs.extend(run(&mut ffmpeg_command(sound)));
    }
    let name = sound.file_name().unwrap().display().to_string();
    let (our_time, our_memory) = medians(&mut ours);
    let theirs = (!theirs.is_empty()).then(|| medians(&mut theirs));
    let Some((their_time, their_memory)) = theirs else {
        return println!(
            "{name:<27} {our_time:>8.1} ms           (no ffmpeg)             {our_memory:>6.1} MB"
        );
    };
    let ratio = their_time / our_time;
    let verdict = if ratio >= at_least { "ok" } else { "TOO SLOW" };
    println!(
        "{name:<27} {our_time:>8.1} ms {their_time:>8.1} ms {ratio:>8.1} x     {our_memory:>6.1} MB {their_memory:>6.1} MB   \
         {verdict}: at least {at_least} x"
    );
}

fn our_command(sound: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phone-assistant"));
    command
        .arg("convert")
        .args(["--gain", "6"])
        .arg(sound)
        .arg(sound.with_extension("ours.ulaw"));
    command
}

/// The command of the tutorial that `convert` replaces.
fn ffmpeg_command(sound: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.arg("-y").arg("-i").arg(sound);
    command.args([
        "-ar",
        "8000",
        "-ac",
        "1",
        "-af",
        "volume=6dB",
        "-acodec",
        "pcm_mulaw",
        "-f",
        "mulaw",
    ]);
    command.arg(sound.with_extension("ffmpeg.ulaw"));
    command
}

/// Milliseconds from start to end, and peak megabytes; None where there is no such program.
fn run(command: &mut Command) -> Option<(f64, f64)> {
    let start = Instant::now();
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let used = quiet.spawn().ok()?.wait4().unwrap();
    let elapsed = start.elapsed();
    assert!(used.status.success(), "{command:?} failed: {}", used.status);
    Some((
        milliseconds(elapsed),
        f64::from(u32::try_from(used.rusage.maxrss >> 10).unwrap()) / 1024.0,
    ))
}

fn medians(runs: &mut [(f64, f64)]) -> (f64, f64) {
    let middle = runs.len() / 2;
    let (_, &mut (_, memory), _) = runs.select_nth_unstable_by(middle, |a, b| a.1.total_cmp(&b.1));
    let (_, &mut (time, _), _) = runs.select_nth_unstable_by(middle, |a, b| a.0.total_cmp(&b.0));
    (time, memory)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// A buzzing vowel at 24 kHz that swells and fades like syllables, up to full scale.
fn write_voice(path: &Path, seconds: u16) {
    let mut writer = wav::Writer::new(BufWriter::new(File::create(path).unwrap()), 24_000).unwrap();
    for second in 0..seconds {
        let pitch_hz = f32::from(100 + second % 7 * 10);
        let samples: Vec<i16> = (0..24_000_u16)
            .map(|frame| voice(f32::from(frame) / 24_000.0, pitch_hz))
            .collect();
        writer.write(&samples).unwrap();
    }
    writer.finish().unwrap();
}

fn voice(second: f32, pitch_hz: f32) -> i16 {
    let syllable = (TAU * 2.0 * second).sin().abs();
    let harmonics = [(1.0, 0.5), (2.0, 0.3), (5.0, 0.3), (9.0, 0.2), (27.0, 0.1)];
    let wave: f32 = harmonics
        .iter()
        .map(|(harmonic, level)| level * (TAU * pitch_hz * harmonic * second).sin())
        .sum();
    to_i16(syllable * wave)
}

fn to_mp3(sound: &Path) -> Option<PathBuf> {
    let mp3 = sound.with_extension("mp3");
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "error", "-y", "-i"])
        .arg(sound)
        .args(["-b:a", "64k"])
        .arg(&mp3);
    command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
        .then_some(mp3)
}

/// A folder for the sounds, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn create() -> Self {
        let path = env::temp_dir().join(format!("phone-assistant-bench-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}
