//! `phone-assistant convert`: sound files as people have them to sounds that Asterisk plays.
//!
//! Each output is written beside its place and renamed, so that Asterisk never plays half of one, and no input is ever
//! overwritten. One bad file does not stop the others. Parsing the command line is left to `cli`.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Cursor, Seek, Write};
use std::iter;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::audio::decode::{self, Decoder};
use crate::audio::telephone::{self, Encoding, Telephone};
use crate::sys::error::Chain;
use crate::sys::files::{self, NewFile, Readers};
use crate::sys::owner;
use crate::sys::plain::{plain, quoted};
use crate::sys::stdout::{self, is_stream};

/// What to convert, and into what.
#[derive(Clone, Debug)]
pub struct Options {
    /// Sound files: WAV, MP3, AAC, M4A, FLAC, Ogg Vorbis or Opus; `-` is stdin.
    pub inputs: Vec<PathBuf>,
    /// The output: for one input a file whose extension names the format, or an existing folder; for several a folder,
    /// which is made where there is none; `-` is stdout, in [`format`](Self::format).
    pub output: PathBuf,
    /// How much louder, in dB from -60 to 60. Peaks are limited and never clip.
    pub gain_db: f32,
    /// The format of what goes into a folder or to stdout. Defaults to mu-law.
    pub format: Option<Encoding>,
}

/// Why a conversion failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to convert.
    #[error("nothing to convert: name one sound file or more, and then where the result goes")]
    NoInput,
    /// Not a number, or beyond all reason.
    #[error("a gain of {0} dB is not within -60 to 60: try 2")]
    Gain(f32),
    /// An output file without an extension that Asterisk knows.
    #[error(
        "cannot tell the format of {}: end its name in .ulaw, .alaw, .sln, .sln16, .wav or .wav16, \
         or name a folder that exists",
        quoted(.0)
    )]
    Extension(PathBuf),
    /// The chosen format and the output's name disagree.
    #[error(
        "{} asks for {named} and the chosen format is {format}: leave one of them out",
        quoted(.path)
    )]
    Contradiction {
        /// The output.
        path: PathBuf,
        /// The format that its name asks for.
        named: Encoding,
        /// The format that was chosen.
        format: Encoding,
    },
    /// Several inputs need a folder to go to.
    #[error("several sounds cannot become the one file {}: name a folder", quoted(.0))]
    NotFolder(PathBuf),
    /// The folder could not be made.
    #[error("cannot make the folder {}", quoted(.path))]
    MakeFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An input such as `..` has no name to pass on.
    #[error("{} is not a file", quoted(.0))]
    NotFile(PathBuf),
    /// Stdin has no name to pass on.
    #[error("what comes from stdin has no name: name the file to write, not a folder")]
    Unnamed,
    /// Two inputs would become the same file.
    #[error(
        "{} and {} would both become {}: rename one, or convert it on its own",
        quoted(.first), quoted(.second), quoted(.output)
    )]
    SameOutput {
        /// One input.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// What both would become.
        output: PathBuf,
    },
    /// An output would take an input's place.
    #[error("{} would be overwritten, and it is an input: choose another folder or format", quoted(.0))]
    OverwritesInput(PathBuf),
    /// The only input could not be converted.
    #[error("cannot convert {}", quoted(.path))]
    File {
        /// The input.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
    /// Some of several inputs could not be converted. Why stands in the progress.
    #[error("{} of {of} files could not be converted: {}", .failed.len(), .failed.iter().map(quoted).collect::<Vec<_>>().join(", "))]
    Files {
        /// Those inputs.
        failed: Vec<PathBuf>,
        /// How many inputs there were.
        of: usize,
    },
}

/// Why one file could not be converted.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is not there, or not for us to read.
    #[error("cannot open it")]
    Open(#[source] io::Error),
    /// It is not a sound that we can read.
    #[error(transparent)]
    Decode(#[from] decode::Error),
    /// It cannot be made telephone audio.
    #[error(transparent)]
    Telephone(#[from] telephone::Error),
    /// It ends before its first sample.
    #[error("it holds no sound")]
    NoSound,
    /// Stdout takes no more.
    #[error("cannot write to stdout")]
    Stdout(#[source] io::Error),
    /// The output cannot be made, or put in its place.
    #[error(transparent)]
    Write(#[from] files::Error),
}

/// What [`run`] tells meanwhile.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A sound is begun: `1/12 welcome.mp3`.
    Begins(&'a str),
    /// It is done, or has failed: `1/12 welcome.mp3 -> welcome.ulaw (3.2 s)`.
    Done(&'a str),
}

/// Converts all inputs, telling of each in one line.
///
/// # Errors
/// [`Error`]; what was wrong with one of several files is told.
pub fn run(options: &Options, tell: &mut dyn FnMut(Progress<'_>)) -> Result<(), Error> {
    let jobs = plan(options)?;
    let mut failed = Vec::new();
    for (number, job) in iter::zip(1.., &jobs) {
        let name = plain(&format!("{number}/{} {}", jobs.len(), name_of(&job.input)));
        tell(Progress::Begins(&name));
        let told = match job.run(options.gain_db) {
            Ok(duration) => format!(
                "-> {} ({:.1} s)",
                name_of(&job.output),
                duration.as_secs_f64()
            ),
            Err(source) if jobs.len() == 1 => {
                return Err(Error::File {
                    path: job.input.clone(),
                    source,
                });
            }
            Err(error) => {
                failed.push(job.input.clone());
                format!("FAILED: {}", Chain(&error))
            }
        };
        tell(Progress::Done(&format!("{name} {}", plain(&told))));
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::Files {
            failed,
            of: jobs.len(),
        })
    }
}

/// Which input becomes which file. Nothing is written before the whole plan is known to be sound.
fn plan(options: &Options) -> Result<Vec<Job>, Error> {
    let Options {
        inputs,
        output,
        gain_db,
        format,
    } = options;
    if !GAINS_DB.contains(gain_db) {
        return Err(Error::Gain(*gain_db));
    }
    let jobs = match inputs.as_slice() {
        [] => return Err(Error::NoInput),
        [input] if is_stream(output) => vec![Job {
            input: input.clone(),
            output: output.clone(),
            encoding: format.unwrap_or(Encoding::Ulaw),
        }],
        [input] if !output.is_dir() => {
            vec![Job {
                input: input.clone(),
                output: output.clone(),
                encoding: encoding_of(output, *format)?,
            }]
        }
        // What ends as a sound file does, and is not there, is meant as a file and not as a folder.
        _ if is_stream(output)
            || output.is_file()
            || encoding_of(output, None).is_ok() && !output.is_dir() =>
        {
            return Err(Error::NotFolder(output.clone()));
        }
        inputs => {
            let encoding = format.unwrap_or(Encoding::Ulaw);
            inputs
                .iter()
                .map(|input| Job::into_folder(input, output, encoding))
                .collect::<Result<_, _>>()?
        }
    };
    refuse_collisions(&jobs)?;
    if jobs.len() > 1 {
        files::create_folders(output).map_err(|source| Error::MakeFolder {
            path: output.clone(),
            source,
        })?;
    }
    Ok(jobs)
}

/// The format that a file's name asks for.
fn encoding_of(path: &Path, format: Option<Encoding>) -> Result<Encoding, Error> {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    match (extension.parse(), format) {
        (Ok(named), Some(format)) if named != format => Err(Error::Contradiction {
            path: path.to_owned(),
            named,
            format,
        }),
        (Ok(named), _) => Ok(named),
        (Err(_), _) => Err(Error::Extension(path.to_owned())),
    }
}

fn refuse_collisions(jobs: &[Job]) -> Result<(), Error> {
    // An input that cannot be resolved is not there; its job will say so.
    let inputs: HashSet<PathBuf> = jobs
        .iter()
        .filter(|job| !is_stream(&job.input))
        .filter_map(|job| job.input.canonicalize().ok())
        .collect();
    let mut taken = HashMap::new();
    for Job { input, output, .. } in jobs.iter().filter(|job| !is_stream(&job.output)) {
        if output
            .canonicalize()
            .is_ok_and(|output| inputs.contains(&output))
        {
            return Err(Error::OverwritesInput(output.clone()));
        }
        if let Some(first) = taken.insert(output, input) {
            return Err(Error::SameOutput {
                first: first.clone(),
                second: input.clone(),
                output: output.clone(),
            });
        }
    }
    Ok(())
}

/// One file to convert.
struct Job {
    input: PathBuf,
    output: PathBuf,
    encoding: Encoding,
}

impl Job {
    fn into_folder(input: &Path, folder: &Path, encoding: Encoding) -> Result<Self, Error> {
        if is_stream(input) {
            return Err(Error::Unnamed);
        }
        let stem = input
            .file_stem()
            .ok_or_else(|| Error::NotFile(input.to_owned()))?;
        let output = folder.join(joined(&[
            stem,
            OsStr::new("."),
            OsStr::new(encoding.extension()),
        ]));
        Ok(Self {
            input: input.to_owned(),
            output,
            encoding,
        })
    }

    /// Returns how long the sound is.
    fn run(&self, gain_db: f32) -> Result<Duration, FileError> {
        let decoder = if is_stream(&self.input) {
            Decoder::open(io::stdin())?
        } else {
            Decoder::open_file(owner::open(&self.input).map_err(FileError::Open)?)?
        };
        if is_stream(&self.output) {
            // The header of a WAV file is written last, and stdout takes no step back.
            let mut sound = Cursor::new(Vec::new());
            let duration = transcode(decoder, &mut sound, self.encoding, gain_db)?;
            stdout::write(sound.get_ref()).map_err(FileError::Stdout)?;
            return Ok(duration);
        }
        let mut file = NewFile::create(&self.output, Readers::All)?;
        let duration = transcode(decoder, file.file(), self.encoding, gain_db)?;
        file.finish()?;
        Ok(duration)
    }
}

fn transcode(
    mut decoder: Decoder,
    file: &mut (impl Write + Seek),
    encoding: Encoding,
    gain_db: f32,
) -> Result<Duration, FileError> {
    let mut telephone = Telephone::new(BufWriter::new(file), decoder.rate_hz(), encoding, gain_db)?;
    while let Some(block) = decoder.next_block()? {
        telephone.push(block)?;
    }
    let length = telephone.finish()?.length;
    if length.is_zero() {
        Err(FileError::NoSound)
    } else {
        Ok(length)
    }
}

fn joined(parts: &[&OsStr]) -> OsString {
    parts.iter().copied().collect()
}

fn name_of(path: &Path) -> std::path::Display<'_> {
    Path::new(path.file_name().unwrap_or(path.as_os_str())).display()
}

/// More than any recording needs, in either direction.
const GAINS_DB: RangeInclusive<f32> = -60.0..=60.0;
