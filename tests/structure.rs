//! The house: which module may know which, where each outside crate stays, and where a test may sleep.

mod figures;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use phone_assistant::config::keys::{KEYS, providers};

use crate::docs::reading::source_files;

/// The modules, floor by floor from the ground up: each knows those below its own floor, and no neighbour.
const FLOORS: &[&[&str]] = &[
    &["fourier", "secrets"],
    &["silero", "sys"],
    &["config"],
    &["agi", "audio", "cloud", "text"],
    &["manual", "services", "timeline"],
    &["memory", "spending"],
    &["knowledge", "messages", "tools", "voice"],
    &["call", "cmd"],
    &["cli"],
];

/// Crates that are more than a convenience, and the only places of each.
const OUTSIDE: &[(&str, &str)] = &[
    ("clap", "cli"),
    ("clap", "packaging"),
    ("fourier", "audio"),
    ("fourier", "silero"),
    ("hound", "audio/wav"),
    ("jsonwebtoken", "cloud/google_auth"),
    ("opening_hours", "knowledge/hours"),
    ("opening_hours_syntax", "knowledge/hours"),
    ("opus_pure", "audio/decode"),
    ("pest", "knowledge/hours"),
    ("rubato", "audio/resample"),
    ("secrets", "sys/redact"),
    ("silero", "audio/speech/opinion"),
    ("symphonia", "audio/decode"),
    ("toml_edit", "cmd/setup/file"),
    ("tz", "knowledge/clock"),
    ("ureq", "cloud/http"),
    ("wide", "fourier"),
];

/// All that sleeps in the tests: a caller's packets and a long way's bytes, which are due at their times, the wait for
/// what nobody tells of, and scripts that stand in for a slow program or for one that hangs. Everything else waits for
/// something to happen.
const SLEEPERS: &[&str] = &[
    "support/src/asterisk/phone.rs",
    "support/src/relay.rs",
    "support/src/until.rs",
    "support/tests/asterisk/main.rs",
    "support/tests/asterisk/sounds.rs",
];

/// What sleeps in the tests beside the code: programs that hang and are ended, and work that a hang-up cuts short.
const SLEEPERS_BESIDE: &[&str] = &[
    "cmd/check/user.rs",
    "sys/apart.rs",
    "sys/console.rs",
    "sys/hangup.rs",
];

/// The parts of a call beside its phases, which may ask what time it is.
const NO_PHASES: &[&str] = &[
    "contract",
    "ending",
    "flow",
    "hours",
    "mod",
    "pipeline",
    "preparing",
    "purse",
    "remembering",
    "toolbox",
];

/// The folders that are packages of their own.
const PACKAGES: &[&str] = &["audio", "fourier", "secrets", "silero"];

/// The one table of the providers.
const PROVIDERS: &str = "config/providers.rs";

/// Files that name a provider beside its own files and the table, for what no other one has, and why.
const NAME_ONE: &[(&str, &str)] = &[
    (
        "cloud/google_auth/key_file.rs",
        "a key of Gemini's, where a service account is expected",
    ),
    (
        "cmd/setup.rs",
        "Gemini's terms, and a model for OpenAI, which has no default",
    ),
    (
        "cmd/setup/key.rs",
        "the service account lists Gemini's models",
    ),
    (
        "cmd/setup/notices.rs",
        "a key of Gemini's is used in place of the service account",
    ),
    ("config/addresses.rs", "a path of Google's"),
    ("config/keys.rs", "the voices that may be arguments"),
    (
        "config/keys/safe_arguments.rs",
        "voices that cost what the others cost",
    ),
    ("config/sections.rs", "settings that only one provider has"),
    ("config/written.rs", "a table as an example"),
];

/// What stands before the name of a setting: the macro that knows all of them, and what their tables have there to declare
/// one, or to name the one that holds a key.
const NAMED_BY: &[&str] = &["setting!(", "key(", "setting:"];

/// Where settings are named and not read.
const NO_READERS: &[&str] = &["config/keys", "config/keys.rs", "config/personas.rs"];

/// What is read of each stage and each provider, by a name that is put together.
const READ_OF_ALL: &[&str] = &[
    "api_key",
    "api_key_file",
    "base_url",
    "fallback",
    "model",
    "provider",
    "voice",
];

/// What is never shown but compared: all settings that decide something.
const DIGESTS: &[&str] = &["cmd/check/disclosure.rs", "services.rs"];

/// What is a program of its own below `tests`, where the other files are lists of tests.
const PROGRAMS: &[&str] = &["asterisk", "bench", "evaluation", "fuzz", "support"];

/// What lives in real time as a whole: phones of a real Asterisk, and figures.
const IN_REAL_TIME: &[&str] = &["asterisk", "bench"];

/// The source files with their paths below `src`, comments left out.
fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let files = source_files("src").into_iter();
    files.map(move |(path, text)| {
        let code: Vec<_> = text.lines().filter(is_code).collect();
        (path, code.join("\n"))
    })
}

/// The modules at the top of the crate that a text names after `crate::`.
fn known(text: &str) -> BTreeSet<&str> {
    let after = text.split("crate::").skip(1);
    let names = after.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    });
    names.filter(|name| !name.is_empty()).collect()
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

#[test]
fn modules_know_only_what_is_below_them() {
    let mut wrong = BTreeSet::new();
    for (path, text) in sources() {
        let top = path.iter().next().unwrap().to_str().unwrap();
        let module = top.strip_suffix(".rs").unwrap_or(top);
        if ["lib", "main", "build", "packaging"].contains(&module) {
            continue;
        }
        let own = floor(module).unwrap_or_else(|| panic!("{module} is on no floor"));
        // Each module is named where it can be found.
        assert!(!text.contains("use crate::{"), "{}", path.display());
        for other in known(&text) {
            let Some(theirs) = floor(other).filter(|_| other != module) else {
                continue;
            };
            if theirs >= own {
                wrong.insert(format!("{} knows {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_outside_crate_stays_in_its_place() {
    for (path, text) in sources() {
        let used = OUTSIDE.iter().map(|(name, _)| *name).filter(|name| {
            text.contains(&format!("{name}::")) || text.contains(&format!("use {name};"))
        });
        for used in used {
            let mut places = OUTSIDE.iter().filter(|(name, _)| *name == used);
            let is_there = places.any(|(_, place)| {
                path.starts_with(place) || path.with_extension("") == Path::new(place)
            });
            assert!(is_there, "{} uses {used}", path.display());
        }
    }
}

#[test]
fn no_test_sleeps_to_let_something_happen() {
    let is_in_real_time = |path: &Path| IN_REAL_TIME.iter().any(|folder| path.starts_with(folder));
    let sources = source_files("tests").into_iter();
    let sleepers = sources.filter(|(path, text)| sleeps(text) && !is_in_real_time(path));
    let sleepers: BTreeSet<_> = sleepers.map(|(path, _)| path).collect();
    assert_eq!(sleepers, SLEEPERS.iter().map(PathBuf::from).collect());
    // Those beside the code have virtual time.
    let beside = source_files("src").into_iter();
    let beside = beside.filter(|(path, text)| sleeps(&text[code_of(path, text).len()..]));
    let beside: BTreeSet<_> = beside.map(|(path, _)| path).collect();
    assert_eq!(beside, SLEEPERS_BESIDE.iter().map(PathBuf::from).collect());
}

/// Whether a text sleeps, or a shell in it.
fn sleeps(text: &str) -> bool {
    let sleep = ["sle", "ep"].concat();
    let is_time = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit() || "({$".contains(c));
    let in_a_shell = |rest: &str| rest.strip_prefix(' ').is_some_and(is_time);
    let mut after = text.split(&sleep).skip(1);
    text.contains(&["park", "timeout"].join("_"))
        || after.any(|rest| rest.starts_with('(') || in_a_shell(rest))
}

/// A source file without its tests.
fn code_of<'t>(path: &Path, text: &'t str) -> &'t str {
    let is_test = path.ends_with("tests.rs") || path.iter().any(|part| part == "tests");
    let end = if is_test {
        0
    } else {
        text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len())
    };
    &text[..end]
}

/// The functions of a text that rustfmt has laid out: their names, and how many lines each has without its comments.
fn functions(code: &str) -> Vec<(&str, usize)> {
    let lines: Vec<_> = code.lines().collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let words = line.trim_start();
        let (visibility, _) = words.split_once("fn ").unwrap_or(("-", ""));
        let visibility = visibility.split_whitespace();
        let is_one = visibility.fold(true, |is_one, word| {
            let is_path = word.starts_with("pub(") || word.starts_with("crate");
            is_one && (is_path || ["pub", "const", "in"].contains(&word))
        });
        let indent = &line[..line.len() - words.len()];
        let end = format!("{indent}}}");
        let body = lines[first..].iter();
        let body = body.take_while(|line| **line != end);
        let length = body.filter(|line| !line.trim_start().starts_with("//"));
        let has_body = !line.ends_with(';');
        if is_one && has_body {
            found.push((words, length.count() + 1));
        }
    }
    found
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    for (path, text) in source_files("src") {
        let code = code_of(&path, &text);
        long.extend(too_long(&path, code));
        let functions = functions(code).into_iter();
        let functions = functions.filter(|(_, length)| *length > 60);
        long.extend(functions.map(|(name, length)| format!("{}: {length} {name}", path.display())));
    }
    let programs = source_files("tests").into_iter();
    let programs = programs.filter(|(path, _)| PROGRAMS.iter().any(|name| path.starts_with(name)));
    long.extend(programs.filter_map(|(path, text)| too_long(&path, &text)));
    assert!(long.is_empty(), "{long:#?}");
}

/// How long a file is that should be several.
fn too_long(path: &Path, code: &str) -> Option<String> {
    let lines = code.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    let count = lines.count();
    (count > 400).then(|| format!("{}: {count} lines", path.display()))
}

/// The next provider is then one file and one row.
#[test]
fn a_provider_is_named_in_its_own_files_and_in_the_one_table() {
    let stages = ["stt", "llm", "tts"];
    let all = stages.map(|stage| providers(stage).iter().map(move |name| (stage, *name)));
    let all: Vec<_> = all.into_iter().flatten().collect();
    let names_one = |(path, text): &(PathBuf, String)| {
        let code = code_of(path, text);
        all.iter().any(|(stage, name)| {
            let is_its_own = path.starts_with("cloud") && path.to_string_lossy().contains(name);
            let forms = [format!("{stage}.{name}."), format!("{name}::make")];
            let names_it = || forms.iter().any(|form| code.contains(form)) || tells(code, name);
            !is_its_own && names_it()
        })
    };
    let found: BTreeSet<_> = sources().filter(names_one).map(|(path, _)| path).collect();
    let known = NAME_ONE.iter().map(|(path, _)| *path).chain([PROVIDERS]);
    assert_eq!(found, known.map(PathBuf::from).collect());
}

/// A misspelt one does not compile, since `setting!` and the tables are read while compiling.
#[test]
fn a_setting_is_named_by_the_macro_that_knows_all_and_a_name_is_put_together_in_one_place() {
    let mut raw = Vec::new();
    for (path, text) in sources() {
        let code = code_of(&path, &text);
        for key in KEYS.iter().filter(|key| key.name.contains('.')) {
            let quoted = format!("\"{}\"", key.name);
            let is_raw = |at: usize| {
                let before = code[..at].trim_end();
                !NAMED_BY.iter().any(|known| before.ends_with(known))
            };
            if code.match_indices(&quoted).any(|(at, _)| is_raw(at)) {
                raw.push(format!("{}: {}", path.display(), key.name));
            }
        }
        if code.contains("find(&format!(") && path != Path::new("config/keys.rs") {
            raw.push(format!("{}: find(&format!(", path.display()));
        }
    }
    assert!(raw.is_empty(), "{raw:#?}");
}

/// Whether a word stands by itself in a text of the code, such as "name openai or gemini"; a setting's name is none.
fn tells(code: &str, word: &str) -> bool {
    let code = code.replace("\\\"", "").replace("'\"'", "");
    let is_part = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    let mut texts = code.split('"').skip(1).step_by(2);
    texts.any(|text| {
        text.match_indices(word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    })
}

#[test]
fn each_setting_is_read() {
    let is_reader = |path: &Path| {
        let is_other = NO_READERS.iter().any(|other| path.starts_with(other));
        (path.starts_with("config") || path == Path::new("config.rs")) && !is_other
    };
    let readers = sources().filter(|(path, _)| is_reader(path));
    let code: String = readers
        .map(|(path, text)| code_of(&path, &text).to_owned())
        .collect();
    // Without white space, since rustfmt breaks lines.
    let code: String = code.split_whitespace().collect();
    let is_read = |name: &str| {
        let last = name.rsplit('.').next().unwrap_or_default();
        READ_OF_ALL.contains(&last) || code.contains(&format!("setting!(\"{name}\")"))
    };
    let unread = KEYS.iter().map(|key| key.name);
    let unread: Vec<_> = unread.filter(|name| !is_read(name)).collect();
    assert!(unread.is_empty(), "{unread:#?}");
}

#[test]
fn nothing_is_shown_in_the_notation_of_a_programming_language() {
    let notations = [":", "#"].map(|form| format!("{form}?}}"));
    for (path, text) in source_files("src") {
        let code = code_of(&path, &text);
        let is_digest = DIGESTS.iter().any(|file| path == Path::new(file));
        let has_one = notations.iter().any(|notation| code.contains(notation));
        assert!(is_digest || !has_one, "{}", path.display());
    }
}

/// "One line, one loop": what a call does has one place, and its phases decide without a clock of their own.
#[test]
fn only_the_line_plays_and_waits_only_jobs_and_the_callers_sound_have_threads_and_phases_no_clock()
{
    let only_in: [(&[&str], &[&str]); 4] = [
        (
            &["StreamFile", "ChannelStatus", "select_biased!"],
            &["line"],
        ),
        (&["spawn("], &["caller_audio", "job", "pipeline"]),
        (&["recv_deadline(", "recv_timeout("], &["job"]),
        (&["::now()"], NO_PHASES),
    ];
    let mut needed = only_in.map(|_| BTreeSet::new());
    for (path, text) in source_files("src") {
        let Ok(path) = path.strip_prefix("call") else {
            continue;
        };
        let module = path.iter().next().unwrap().to_str().unwrap();
        let module = module.strip_suffix(".rs").unwrap_or(module);
        for ((words, places), needed) in only_in.iter().zip(&mut needed) {
            let code = code_of(path, &text);
            if words.iter().any(|word| code.contains(word)) {
                assert!(places.contains(&module), "{}", path.display());
                needed.insert(module.to_owned());
            }
        }
    }
    for ((_, places), needed) in only_in.iter().zip(needed) {
        assert_eq!(needed, places.iter().copied().map(str::to_owned).collect());
    }
}

/// What another crate has no use for is not offered to it.
#[test]
fn each_public_function_is_used_outside_of_the_library() {
    let is_outside = |path: &Path| {
        path == Path::new("main.rs")
            || path.starts_with("packaging")
            || path == Path::new("build.rs")
    };
    let (outside, library): (Vec<_>, Vec<_>) = source_files("src")
        .into_iter()
        .partition(|(path, _)| is_outside(path));
    let outside = outside.into_iter().chain(source_files("tests"));
    let outside: Vec<_> = outside.map(|(_, text)| text).collect();
    let used: BTreeSet<_> = outside.iter().flat_map(|text| words(text)).collect();
    let mut unused = Vec::new();
    for (path, text) in library {
        // These are packages, whose users are in this house.
        if PACKAGES.iter().any(|package| path.starts_with(package)) {
            continue;
        }
        let lines = code_of(&path, &text).lines().map(str::trim_start);
        let public = lines.filter_map(|line| {
            let function = line.strip_prefix("pub ")?;
            let function = function.strip_prefix("const ").unwrap_or(function);
            words(function.strip_prefix("fn ")?).next()
        });
        let public = public.filter(|name| !used.contains(name));
        unused.extend(public.map(|name| format!("{}: {name}", path.display())));
    }
    assert!(unused.is_empty(), "{unused:#?}");
}

/// The words of a source text: names and what looks like one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_other = |c: char| !c.is_alphanumeric() && c != '_';
    text.split(is_other).filter(|word| !word.is_empty())
}

#[test]
fn no_file_is_opened_with_flags_that_the_standard_library_filters() {
    // With musl it drops `O_PATH`, and then a pipe is opened where it was only to be looked at.
    for (path, text) in sources() {
        assert!(!text.contains("custom_flags"), "{}", path.display());
    }
}
