//! What codecs and networks make of a sound on its way.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::random::Random;

/// What a mobile phone's codec makes of it: GSM's full rate, by sox.
pub(crate) fn through_gsm(sound: &[f32]) -> Vec<f32> {
    let samples = sound.iter().map(|sample| (sample * 32_768.0) as i16);
    let bytes: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let raw = [
        "-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1", "-",
    ];
    let coded = sox(&[&raw[..], &["-t", "gsm", "-"]].concat(), bytes);
    let back = [
        "-t", "gsm", "-r", "8000", "-c", "1", "-", "-t", "raw", "-e", "signed", "-b", "16", "-",
    ];
    of_bytes(&sox(&back, coded))
}

/// A sound file of a kind that the program knows nothing of, at 8 kHz.
pub(crate) fn decoded(path: &Path) -> Vec<f32> {
    let to = [
        "-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1", "-",
    ];
    let path = path.to_str().expect("a plain name");
    of_bytes(&sox(&[&[path][..], &to].concat(), Vec::new()))
}

fn of_bytes(bytes: &[u8]) -> Vec<f32> {
    let pairs = bytes.as_chunks().0.iter().copied();
    pairs
        .map(|pair| f32::from(i16::from_le_bytes(pair)) / 32_768.0)
        .collect()
}

fn sox(arguments: &[&str], input: Vec<u8>) -> Vec<u8> {
    let mut sox = Command::new("sox")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sox is installed");
    let mut stdin = sox.stdin.take().expect("it is piped");
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = sox.wait_with_output().expect("sox runs");
    writer.join().expect("no panic").expect("sox reads");
    output.stdout
}

/// GSM's frames, of 20 ms, which G.711 has in a packet as well.
pub(crate) const PACKET: usize = 160;

/// The same, of which this share of the packets does not arrive. `is_concealed`: the last one is heard in place of each.
pub(crate) fn lossy(
    mut sound: Vec<f32>,
    share: f32,
    is_concealed: bool,
    random: &mut Random,
) -> Vec<f32> {
    let mut last = [0.0; PACKET];
    for packet in sound.chunks_exact_mut(PACKET) {
        if random.unit() < share {
            let fades = if is_concealed { 0.5 } else { 0.0 };
            last = last.map(|sample| sample * fades);
            packet.copy_from_slice(&last);
        } else {
            last.copy_from_slice(packet);
        }
    }
    sound
}
