//! `convert`: files in, files out, and nothing lost.

use std::fs;
use std::path::{Path, PathBuf};

use phone_assistant::audio::telephone::Encoding;
use phone_assistant::cmd::convert::{Error, Options, Progress, run};

use super::decode::sound;

/// A folder of its own for one test, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("convert-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A copy of one of the sounds under another name.
    fn copy(&self, from: &str, name: &str) -> PathBuf {
        fs::copy(sound(from), self.path(name)).unwrap();
        self.path(name)
    }

    /// The names of what is in it, sorted.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn options(inputs: &[PathBuf], output: &Path) -> Options {
    Options {
        inputs: inputs.to_vec(),
        output: output.to_owned(),
        gain_db: 2.0,
        format: None,
    }
}

fn convert(options: &Options) -> (Result<(), Error>, String) {
    let mut told = String::new();
    let outcome = run(options, &mut |progress| {
        if let Progress::Done(line) = progress {
            told.push_str(line);
            told.push('\n');
        }
    });
    (outcome, told)
}

#[test]
fn one_file_becomes_the_format_that_the_name_of_the_output_asks_for() {
    let folder = Folder::new("one");
    for (encoding, len) in Encoding::ALL
        .into_iter()
        .zip([4_000, 4_000, 8_000, 16_000, 8_044, 16_044])
    {
        let output = folder.path(&format!("hello.{encoding}"));
        let (outcome, progress) = convert(&options(&[sound("tone-24k-mono.mp3")], &output));
        outcome.unwrap();
        assert_eq!(
            progress,
            format!("1/1 tone-24k-mono.mp3 -> hello.{encoding} (0.5 s)\n")
        );
        let written = usize::try_from(fs::metadata(&output).unwrap().len()).unwrap();
        assert!(
            written.abs_diff(len) <= 1_300,
            "{encoding}: {written} bytes"
        );
    }
    assert_eq!(folder.names().len(), 6, "nothing else is left");
}

#[test]
fn several_files_go_into_a_folder_that_is_made_and_each_is_told() {
    let folder = Folder::new("several");
    let inputs = [
        sound("tone-24k-mono.mp3"),
        sound("tone-22k-mono.flac"),
        folder.copy("tone-44k-stereo.ogg", "v1.2.ogg"),
    ];
    let output = folder.path("new/sounds");
    let (outcome, progress) = convert(&Options {
        format: Some(Encoding::Sln16),
        ..options(&inputs, &output)
    });
    outcome.unwrap();
    let lines: Vec<&str> = progress.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[1].starts_with("2/3 tone-22k-mono.flac -> tone-22k-mono.sln16 (0.5 s)"),
        "{progress}"
    );
    for name in ["tone-24k-mono.sln16", "tone-22k-mono.sln16", "v1.2.sln16"] {
        assert!(output.join(name).is_file(), "{name}");
    }
}

#[test]
fn one_file_into_an_existing_folder_keeps_its_name() {
    let folder = Folder::new("folder");
    convert(&options(&[sound("tone-24k-mono.mp3")], &folder.0))
        .0
        .unwrap();
    assert_eq!(folder.names(), ["tone-24k-mono.ulaw"]);
}

#[test]
fn bad_files_do_not_stop_the_others_and_are_all_named() {
    let folder = Folder::new("bad");
    fs::write(folder.path("letter.mp3"), "Dear all").unwrap();
    fs::write(folder.path("empty.wav"), "").unwrap();
    let inputs = [
        folder.path("letter.mp3"),
        folder.path("missing.mp3"),
        sound("tone-24k-mono.mp3"),
        folder.path("empty.wav"),
    ];
    let output = folder.path("out");
    let (outcome, progress) = convert(&options(&inputs, &output));
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.starts_with("3 of 4 files could not be converted"),
        "{error}"
    );
    for name in ["letter.mp3", "missing.mp3", "empty.wav"] {
        assert!(error.contains(name), "{error}");
    }
    assert!(
        progress.contains("2/4 missing.mp3 FAILED: cannot open it: No such file"),
        "{progress}"
    );
    assert!(
        progress.contains("4/4 empty.wav FAILED: the file is empty (0 bytes)\n"),
        "{progress}"
    );
    assert_eq!(
        fs::read_dir(&output).unwrap().count(),
        1,
        "only the good one is there"
    );
}

#[test]
fn a_single_bad_file_is_an_error_with_its_cause_and_leaves_what_was_there() {
    let folder = Folder::new("single");
    let output = folder.path("hello.ulaw");
    fs::write(&output, "the old sound").unwrap();
    fs::write(folder.path("letter.mp3"), "Dear all").unwrap();
    let (outcome, progress) = convert(&options(&[folder.path("letter.mp3")], &output));
    assert!(matches!(outcome, Err(Error::File { .. })));
    assert_eq!(
        (
            progress.as_str(),
            fs::read_to_string(&output).unwrap().as_str()
        ),
        ("", "the old sound")
    );
    assert_eq!(folder.names(), ["hello.ulaw", "letter.mp3"]);
}

#[test]
fn a_file_without_a_single_sample_is_an_error() {
    let folder = Folder::new("silent");
    let header = super::wav::riff(&[
        super::wav::format(1, 1, 8_000, 16),
        super::wav::chunk("data", 0, b""),
    ]);
    fs::write(folder.path("header.wav"), header).unwrap();
    let (outcome, _) = convert(&options(
        &[folder.path("header.wav")],
        &folder.path("hello.ulaw"),
    ));
    assert!(matches!(outcome, Err(Error::File { .. })));
    assert_eq!(folder.names(), ["header.wav"], "no half file is left");
}

#[test]
fn no_input_is_ever_overwritten() {
    let folder = Folder::new("overwrite");
    let input = folder.copy("tone-24k-mono.mp3", "hello.wav");
    let before = fs::read(&input).unwrap();
    std::os::unix::fs::symlink(&input, folder.path("link.wav")).unwrap();
    let roundabout = folder
        .path("..")
        .join(folder.0.file_name().unwrap())
        .join("hello.wav");
    let into = |output: &Path| options(std::slice::from_ref(&input), output);
    let others = [
        into(&input),
        into(&roundabout),
        into(&folder.path("link.wav")),
        Options {
            format: Some(Encoding::Wav),
            ..into(&folder.0)
        },
    ];
    for options in others {
        let (outcome, _) = convert(&options);
        assert!(
            matches!(outcome, Err(Error::OverwritesInput(_))),
            "{outcome:?}"
        );
        assert_eq!(fs::read(&input).unwrap(), before);
    }
}

#[test]
fn two_inputs_of_one_name_are_refused_before_anything_is_written() {
    let folder = Folder::new("same");
    let inputs = [
        folder.copy("tone-24k-mono.mp3", "hello.mp3"),
        folder.copy("tone-22k-mono.flac", "hello.flac"),
    ];
    let (outcome, _) = convert(&options(&inputs, &folder.path("out")));
    assert!(
        matches!(outcome, Err(Error::SameOutput { .. })),
        "{outcome:?}"
    );
    assert_eq!(folder.names(), ["hello.flac", "hello.mp3"]);
}

#[test]
fn what_was_asked_must_make_sense() {
    let folder = Folder::new("sense");
    let mp3 = sound("tone-24k-mono.mp3");
    let one = |name: &str| options(std::slice::from_ref(&mp3), &folder.path(name));
    let two = |name: &str| {
        options(
            &[mp3.clone(), sound("tone-22k-mono.flac")],
            &folder.path(name),
        )
    };
    fs::write(folder.path("file"), "").unwrap();
    let table = [
        (options(&[], &folder.0), "nothing to convert"),
        (one("hello"), "cannot tell the format"),
        (one("hello.mp3"), "end its name in .ulaw"),
        (one("hello.WAV"), "cannot tell the format"),
        (
            Options {
                format: Some(Encoding::Alaw),
                ..one("hello.ulaw")
            },
            "asks for ulaw and the chosen format is alaw",
        ),
        (two("hello.ulaw"), "name a folder"),
        (two("file"), "name a folder"),
        (two("file/sounds"), "cannot make the folder"),
        (
            Options {
                gain_db: 61.0,
                ..one("hello.ulaw")
            },
            "a gain of 61 dB",
        ),
        (
            Options {
                gain_db: f32::NAN,
                ..one("hello.ulaw")
            },
            "a gain of NaN dB",
        ),
        (
            options(&[mp3.clone(), "..".into()], &folder.path("out")),
            "is not a file",
        ),
    ];
    for (options, expected) in table {
        let error = convert(&options).0.unwrap_err().to_string();
        assert!(
            error.contains(expected),
            "{error:?} should contain {expected:?}"
        );
    }
    assert_eq!(folder.names(), ["file"]);
}
