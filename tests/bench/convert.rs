//! `phone-assistant convert` beside ffmpeg's command for the same: whole processes, on the same files, in turns.
//!
//! Peak memory is the kernel's count for each process. That count begins with what its parent held when it was started, so
//! this one stays small: it makes its sounds second by second.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod report;

use std::f32::consts::TAU;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use phone_assistant::audio::{to_i16, wav};
use testkit::TempDir;
use testkit::audio::ffmpeg;
use wait4::Wait4;

fn main() {
    if !report::is_wanted() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let [short, long] = [("8-seconds.wav", 8), ("10-minutes.wav", 600)].map(|(name, seconds)| {
        let path = folder.path().join(name);
        write_voice(&path, seconds);
        path
    });
    let mp3s = [&short, &long].map(|sound| to_mp3(sound));
    if mp3s.contains(&None) {
        println!(
            "there is no ffmpeg with MP3 here: nothing to compare with, and no MP3 to convert"
        );
    }
    report::heading(
        "converting, medians of whole processes",
        &["ours, ms", "ffmpeg, ms", "ours, MB", "ffmpeg, MB"],
    );
    let [short_mp3, long_mp3] = mp3s;
    compare(Some(short), 41, 10.0);
    compare(Some(long), 7, 1.0);
    compare(short_mp3, 41, 10.0);
    compare(long_mp3, 7, 1.0);
}

/// Runs both on one sound, in turns, and prints one line.
fn compare(sound: Option<PathBuf>, rounds: usize, at_least: f64) {
    let Some(sound) = sound else { return };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // Replacing a file makes some file systems wait for the disk; there is none the first time.
        for made in [OURS, FFMPEGS] {
            fs::remove_file(sound.with_extension(made)).ok();
        }
        ours.push(run(&mut our_command(&sound)).unwrap());
        theirs.extend(run(&mut ffmpeg_command(&sound)));
    }
    let name = sound.file_name().unwrap().display().to_string();
    let (our_time, our_memory) = medians(&ours);
    let mut figures = vec![
        format!("{our_time:.1}"),
        "-".to_owned(),
        format!("{our_memory:.1}"),
    ];
    let mut verdict = report::verdict("< 12 MB", our_memory < 12.0);
    if !theirs.is_empty() {
        let (their_time, their_memory) = medians(&theirs);
        figures[1] = format!("{their_time:.1}");
        figures.push(format!("{their_memory:.1}"));
        let ratio = their_time / our_time;
        let target = format!("≥ {at_least} times as fast, found {ratio:.1}");
        verdict = format!("{}; {verdict}", report::verdict(&target, ratio >= at_least));
    }
    report::row(&name, &figures, &verdict);
}

fn our_command(sound: &Path) -> Command {
    let mut command = Command::new(report::program());
    command
        .arg("convert")
        .args(["--gain", "6"])
        .arg(sound)
        .arg(sound.with_extension(OURS));
    command
}

/// The command of the tutorial that `convert` replaces.
fn ffmpeg_command(sound: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.arg("-y").arg("-i").arg(sound);
    command
        .args(ffmpeg::TUTORIAL)
        .args(["-acodec", "pcm_mulaw", "-f", "mulaw"]);
    command.arg(sound.with_extension(FFMPEGS));
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
    let elapsed_ms = report::milliseconds(start.elapsed());
    assert!(used.status.success(), "{command:?} failed: {}", used.status);
    Some((elapsed_ms, report::megabytes(used.rusage.maxrss)))
}

fn medians(runs: &[(f64, f64)]) -> (f64, f64) {
    let (mut times, mut memories): (Vec<f64>, Vec<f64>) = runs.iter().copied().unzip();
    (report::median(&mut times), report::median(&mut memories))
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

/// The extensions of what both make.
const OURS: &str = "ours.ulaw";
const FFMPEGS: &str = "ffmpeg.ulaw";
