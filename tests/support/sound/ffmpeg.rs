//! ffmpeg, where it is installed: what the tutorial uses, and what we are measured beside.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

/// What the tutorial does to a sound; after it come its codec and format, `-acodec pcm_mulaw -f mulaw`.
pub const TUTORIAL: [&str; 6] = ["-ar", "8000", "-ac", "1", "-af", "volume=6dB"];

/// The 16-bit samples `input` at `rate_hz` through ffmpeg: bytes in the last argument's format. None where there is no ffmpeg.
pub fn run(rate_hz: u32, input: &[i16], arguments: &[&str]) -> Option<Vec<u8>> {
    let rate_hz = rate_hz.to_string();
    let from = ["-f", "s16le", "-ar", &rate_hz];
    convert(&from, crate::wav::bytes_of(input), arguments)
}

/// Bytes of one format, `from`, turned into those of another, `to`. None where there is no ffmpeg, or it fails.
pub fn convert(from: &[&str], bytes: Vec<u8>, to: &[&str]) -> Option<Vec<u8>> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(from)
        .args(["-i", "-"])
        .args(to)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut pipe = child.stdin.take()?;
    let writer = thread::spawn(move || pipe.write_all(&bytes));
    let output = child.wait_with_output().ok()?;
    writer.join().ok()?.ok()?;
    output.status.success().then_some(output.stdout)
}
