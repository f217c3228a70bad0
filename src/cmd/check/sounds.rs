//! The sounds that Asterisk has, and those that calls play.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::console;
use super::finding::Report;
use super::personas::of_personas;
use crate::config::{Arguments, Config, Environment, Filler, Needs, Sentence};
use crate::sys::identity::conf::set_folder;
use crate::sys::remedy::shell_quoted;

/// Looks for the sounds that the dialplan plays, and those that the settings and the tables of personas name.
pub(super) fn examine(
    config: Option<&Config>,
    arguments: &Arguments,
    environment: Environment<'_>,
    report: &mut Report<'_>,
) {
    examine_usual(folder(), &usual(), report);
    let personas = config.into_iter().flat_map(|config| {
        let personas = of_personas(config, Needs::Nothing, arguments, environment);
        [(String::new(), config.clone())]
            .into_iter()
            .chain(personas)
    });
    let named = personas.flat_map(|(of, config)| named(&of, &config));
    examine_own(named, folder(), &usual(), report);
}

/// The recorded words of the dialplan: without them callers hear nothing where they should hear an apology.
/// `usual` are the folders where another layout of Asterisk would look.
fn examine_usual(folder: &Path, usual: &[PathBuf], report: &mut Report<'_>) {
    let (id, shown) = ("sounds", folder.display());
    let missing = SOUNDS.iter().filter(|name| !is_there(folder, name));
    let missing: Vec<_> = missing.copied().collect();
    let Some(first) = missing.first() else {
        return report.ok(id, &format!("all {} are in {shown}", SOUNDS.len()));
    };
    let elsewhere = elsewhere(usual, folder, first).map_or(String::new(), |other| {
        let other = other.display();
        format!("; {other} has them, where Asterisk does not look: astdatadir in asterisk.conf")
    });
    report.fail(
        id,
        &format!("missing in {shown}: {}{elsewhere}", missing.join(", ")),
        "install Asterisk's core sounds: in FreePBX under Admin, Sound Languages; in Debian asterisk-core-sounds-en",
    );
}

/// A sound that the settings name: what names it, its name, and what callers hear where Asterisk has none.
type Named = (String, String, &'static str);

/// The sounds that the settings of a persona, or of none, name. What is said of the disclosure is told beside it.
fn named(of: &str, config: &Config) -> Vec<Named> {
    let conversation = &config.conversation;
    let phrases = [
        ("greeting", &conversation.greeting, "hear hello instead"),
        (
            "still_there",
            &conversation.still_there,
            "hear a beep instead",
        ),
        ("goodbye", &conversation.goodbye, "hear goodbye instead"),
    ];
    let phrases = phrases
        .into_iter()
        .filter_map(|(key, sentence, heard)| match sentence {
            Sentence::Sound(name) => {
                Some((format!("{of}conversation.{key}: "), name.clone(), heard))
            }
            _ => None,
        });
    let waiting = match &config.waiting.play {
        Filler::Sound(name) => Some((
            format!("{of}waiting.sound: "),
            name.clone(),
            "wait in silence",
        )),
        _ => None,
    };
    phrases.chain(waiting).collect()
}

/// The sounds of an administrator's own. The welcome, which nothing names, is looked for where Asterisk does not look.
fn examine_own(
    named: impl Iterator<Item = Named>,
    folder: &Path,
    usual: &[PathBuf],
    report: &mut Report<'_>,
) {
    let is_misplaced = elsewhere(usual, folder, WELCOME).is_some();
    let welcome = is_misplaced.then(|| (String::new(), WELCOME.to_owned(), "do not hear it"));
    // Those of Asterisk's are told of together.
    let mut told: BTreeSet<_> = SOUNDS.map(str::to_owned).into();
    for (what, name, heard) in named.chain(welcome) {
        if let Some(missing) = missing_in(folder, usual, &name)
            && told.insert(name.clone())
        {
            let text = format!("{what}{missing}: callers {heard}");
            report.warn("own sounds", &text, &remedy_in(folder, &name));
        }
    }
}

/// The folder of Asterisk's sounds, which Asterisk is asked for once.
pub(super) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let data = console::folder("Data directory:").or_else(|| set_folder("astdatadir"));
        data.map_or_else(|| likely(&usual()), |data| data.join("sounds"))
    })
}

/// The first of these folders that has sounds: Debian makes the one of FreePBX too, without any.
fn likely(all: &[PathBuf; 2]) -> PathBuf {
    let has_sounds = |folder: &&PathBuf| is_there(folder, "beep");
    all.iter().find(has_sounds).unwrap_or(&all[0]).clone()
}

/// The folders of sounds that FreePBX and Debian have.
fn usual() -> [PathBuf; 2] {
    USUAL.map(|data| Path::new(data).join("sounds"))
}

/// The one of `all` folders of sounds that has this one, and is not `folder`.
fn elsewhere(all: &[PathBuf], folder: &Path, name: &str) -> Option<PathBuf> {
    // One may be a link to the other.
    let real = |path: &Path| path.canonicalize().ok();
    let is_other = |other: &&PathBuf| real(other).is_some_and(|other| Some(other) != real(folder));
    let mut others = all.iter().filter(is_other);
    others.find(|other| is_there(other, name)).cloned()
}

/// Where a sound that callers should hear is missing, and where it lies instead, if it does; `None` where Asterisk has it.
pub(super) fn missing(name: &str) -> Option<String> {
    missing_in(folder(), &usual(), name)
}

fn missing_in(folder: &Path, usual: &[PathBuf], name: &str) -> Option<String> {
    if is_there(folder, name) {
        return None;
    }
    let shown = folder.display();
    Some(match elsewhere(usual, folder, name) {
        Some(other) => {
            let other = other.display();
            format!("{name} is in {other}, and Asterisk looks in {shown}")
        }
        None => format!("{name} is missing in {shown}"),
    })
}

/// How a sound of an administrator's own is put where Asterisk looks.
pub(super) fn remedy(name: &str) -> String {
    remedy_in(folder(), name)
}

fn remedy_in(folder: &Path, name: &str) -> String {
    let place = folder.join(format!("{name}.ulaw"));
    format!(
        "make it there: phone-assistant convert ... {}",
        shell_quoted(&place)
    )
}

/// Whether a folder of sounds has one of this name: a file of any format in the folder itself or in that of a language.
pub(crate) fn is_there(folder: &Path, name: &str) -> bool {
    let is_here = |folder: &Path| {
        let path = folder.join(name);
        let (Some(parent), Some(stem)) = (path.parent(), path.file_name()) else {
            return false;
        };
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            let path = entry.path();
            path.file_stem() == Some(stem) && path.extension().is_some()
        })
    };
    let languages = fs::read_dir(folder).into_iter().flatten().flatten();
    is_here(folder) || languages.into_iter().any(|entry| is_here(&entry.path()))
}

/// Where FreePBX and Debian have Asterisk's data.
const USUAL: [&str; 2] = ["/var/lib/asterisk", "/usr/share/asterisk"];

/// What the dialplan plays.
const SOUNDS: [&str; 8] = [
    "beep",
    "hello",
    "im-sorry",
    "please-try-call-later",
    "please-try-again",
    "goodbye",
    "all-circuits-busy-now",
    "one-moment-please",
];

/// What administrators may add, by the manual.
const WELCOME: &str = "custom/assistant-welcome";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::finding::{Status, findings};
    use super::*;

    #[test]
    fn sounds_that_lie_where_asterisk_does_not_look_are_told_with_both_folders() {
        let root = testkit::TempDir::new().expect("a temporary folder");
        let [here, other] = ["here", "other"].map(|name| root.path().join(name));
        let usual = [here.clone(), other.clone()];
        let put = |folder: &Path, name: &str| {
            let file = folder.join(format!("{name}.ulaw"));
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(file, "").expect("written");
        };
        put(&here, "beep");
        for name in SOUNDS.into_iter().chain([WELCOME, "custom/office"]) {
            put(&other, name);
        }
        let settings = root.path().join("config.toml");
        let text = "conversation.greeting = 'sound:custom/office'\nconversation.goodbye = 'sound:goodbye'\n\
                    waiting = { play = 'sound', sound = 'custom/nowhere' }\n\
                    [persona.kitchen]\ngreeting = 'sound:custom/kitchen'\n\
                    [persona.hall]\ngreeting = 'sound:custom/office'\n";
        fs::write(&settings, text).expect("written");
        let arguments = Arguments::of_file(Some(settings));
        let config = Config::load(Needs::Nothing, &arguments, &|_| None).expect("right");
        let found = || {
            let personas = of_personas(&config, Needs::Nothing, &arguments, &|_| None);
            let all = [(String::new(), config.clone())]
                .into_iter()
                .chain(personas);
            let all: Vec<_> = all.flat_map(|(of, config)| named(&of, &config)).collect();
            findings(|report| {
                examine_usual(&here, &usual, report);
                examine_own(all.clone().into_iter(), &here, &usual, report);
            })
        };
        let all = found();
        let (here_shown, other_shown) = (here.display(), other.display());
        let elsewhere = format!("is in {other_shown}, and Asterisk looks in {here_shown}: callers");
        let nowhere = format!("is missing in {here_shown}: callers");
        let expected = [
            format!("missing in {here_shown}: hello, "),
            format!("conversation.greeting: custom/office {elsewhere} hear hello instead"),
            format!("waiting.sound: custom/nowhere {nowhere} wait in silence"),
            format!(
                "persona kitchen: conversation.greeting: custom/kitchen {nowhere} hear hello instead"
            ),
            format!("{WELCOME} {elsewhere} do not hear it"),
        ];
        assert_eq!(all.len(), expected.len(), "{all:?}");
        for (found, expected) in all.iter().zip(&expected) {
            assert!(found.text.starts_with(expected), "{found:?}");
        }
        let where_they_are = format!("; {other_shown} has them, where Asterisk does not look: ");
        assert!(all[0].text.contains(&where_they_are), "{}", all[0].text);
        assert_eq!((&*all[0].id, all[0].status), ("sounds", Status::Fail));
        assert_eq!((&*all[1].id, all[1].status), ("own sounds", Status::Warn));
        let remedy = format!("convert ... {here_shown}/custom/office.ulaw");
        assert!(all[1].remedy.ends_with(&remedy), "{}", all[1].remedy);
        for name in
            SOUNDS
                .into_iter()
                .chain([WELCOME, "custom/office", "custom/kitchen", "custom/nowhere"])
        {
            put(&here, name);
        }
        let all = found();
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(all[0].status, Status::Ok);
    }

    #[test]
    fn a_sound_is_found_where_asterisk_does_not_look() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let [one, other, link] = ["one", "other", "link"].map(|name| folder.path().join(name));
        fs::create_dir_all(one.join("custom")).expect("made");
        fs::create_dir_all(&other).expect("made");
        symlink(&one, &link).expect("linked");
        fs::write(one.join("custom/welcome.ulaw"), "").expect("written");
        let all = [one.clone(), other.clone()];
        let found = |folder| elsewhere(&all, folder, "custom/welcome");
        assert_eq!(found(&other), Some(one.clone()));
        assert_eq!(found(&one), None);
        assert_eq!(found(&link), None, "it is the same folder");
        assert_eq!(elsewhere(&all, &other, "custom/goodbye"), None);
    }

    #[test]
    fn the_folder_of_sounds_is_the_one_that_has_some() {
        let root = testkit::TempDir::new().expect("a temporary folder");
        let all = ["freepbx", "debian"].map(|name| root.path().join(name));
        assert_eq!(likely(&all), all[0], "neither is there");
        for folder in &all {
            fs::create_dir(folder).expect("made");
        }
        assert_eq!(likely(&all), all[0], "neither has any");
        fs::create_dir(all[1].join("en")).expect("made");
        fs::write(all[1].join("en/beep.gsm"), "").expect("written");
        assert_eq!(likely(&all), all[1]);
    }
}
