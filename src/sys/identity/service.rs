//! What starts Asterisk says as whom: the unit of systemd, or else the init script. Read from their files; neither
//! systemd nor a shell is asked.
//!
//! Words that only a shell or systemd could work out, such as `$(id -un)` or `%i`, say nothing. See systemd.unit(5),
//! systemd.service(5), systemd.syntax(7).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::Claim;
use super::author::Author;
use crate::sys::files;
use crate::sys::rooted;

/// A file or folder that is there, and why it cannot be read.
type Unread = (PathBuf, io::Error);

/// What the files below `root` say.
///
/// # Errors
/// The file that is there and cannot be read.
pub(super) fn claims(root: &Path) -> Result<Vec<Claim>, Unread> {
    let defaults = first_of(root, &DEFAULTS)?;
    let words = defaults.as_ref().map(|(_, text)| assignments(text));
    let words = words.unwrap_or_default();
    let unit = Unit::read(root)?;
    let mut claims = unit
        .as_ref()
        .map_or_else(Vec::new, |unit| unit.claims(&words));
    if unit.as_ref().is_none_or(Unit::runs_script) {
        claims.extend(script_claims(root)?);
    }
    // systemd runs the init script only where there is no unit of that name: systemd-sysv-generator(8).
    if unit.is_none()
        && let Some((file, text)) = first_of(root, &[INIT_SCRIPT])?
    {
        // The script has its own words first, and then reads the other file.
        claims.extend(user_and_group(&[(file, text)], defaults.as_ref()));
    }
    Ok(claims)
}

/// `AST_USER` and `AST_GROUP`, from the last of the files that has one.
fn user_and_group(
    script: &[(PathBuf, String)],
    defaults: Option<&(PathBuf, String)>,
) -> Vec<Claim> {
    let claim = |(file, text): &(PathBuf, String)| {
        let words = assignments(text);
        Claim {
            author: Author::Root,
            source: format!("AST_USER or AST_GROUP in {}", file.display()),
            user: words.get("AST_USER").cloned(),
            group: words.get("AST_GROUP").cloned(),
        }
    };
    let mut last = script.iter().chain(defaults).map(claim).rev();
    let mut all: Vec<_> = last.by_ref().collect();
    // What the later file sets is no longer what the earlier one says.
    if let [later, earlier] = all.as_mut_slice() {
        earlier.user = earlier.user.take().filter(|_| later.user.is_none());
        earlier.group = earlier.group.take().filter(|_| later.group.is_none());
    }
    all
}

/// The options that safe_asterisk gives to Asterisk.
fn script_claims(root: &Path) -> Result<Option<Claim>, Unread> {
    let found = first_of(root, &SAFE_ASTERISK)?;
    Ok(found.and_then(|(file, text)| {
        let words = assignments(&text);
        let arguments = words.get("ASTARGS")?;
        let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
        Some(Claim::of_options(
            format!("ASTARGS in {}", file.display()),
            &arguments,
            &BTreeMap::new(),
        ))
    }))
}

/// The unit of Asterisk with what its drop-ins change.
struct Unit {
    file: PathBuf,
    user: Option<String>,
    group: Option<String>,
    /// Program and arguments.
    start: Vec<String>,
}

impl Unit {
    /// `None` where there is none, or it is masked: a link to `/dev/null`, which is no file.
    fn read(root: &Path) -> Result<Option<Self>, Unread> {
        let files = UNIT_FOLDERS.map(|folder| root.join(folder).join(UNIT));
        let Some(file) = first(files, |file| file.symlink_metadata().map(|_| true))? else {
            return Ok(None);
        };
        if !is_file(&file)? {
            return Ok(None);
        }
        let mut unit = Self {
            file: file.clone(),
            user: None,
            group: None,
            start: Vec::new(),
        };
        for part in [file].into_iter().chain(drop_ins(root)?) {
            unit.add(&read(root, &part)?);
        }
        Ok(Some(unit))
    }

    fn add(&mut self, text: &str) {
        let mut is_service = false;
        for line in joined(text) {
            let line = line.trim();
            if line.starts_with('[') {
                is_service = line == "[Service]";
            } else if let Some((name, value)) = line.split_once('=').filter(|_| is_service) {
                let value = value.trim();
                // An empty value takes back what was set before: systemd.syntax(7).
                let set = Some(value.to_owned()).filter(|value| !value.is_empty());
                match name.trim() {
                    "User" => self.user = set,
                    "Group" => self.group = set,
                    "ExecStart" => self.start = arguments(value),
                    _ => {}
                }
            }
        }
    }

    fn claims(&self, words: &BTreeMap<String, String>) -> Vec<Claim> {
        let shown = self.file.display();
        let expand = |value: &Option<String>| expanded(value.as_ref()?, words);
        let own = Claim {
            author: Author::Root,
            source: format!("User= or Group= in {shown} and its drop-ins"),
            user: expand(&self.user),
            group: expand(&self.group),
        };
        let mut claims = vec![own];
        if self.runs("asterisk") || self.runs_script() {
            let source = format!("-U or -G in ExecStart= of {shown} and its drop-ins");
            claims.push(Claim::of_options(source, &self.start[1..], words));
        }
        claims
    }

    fn runs_script(&self) -> bool {
        self.runs("safe_asterisk")
    }

    fn runs(&self, name: &str) -> bool {
        let program = self.start.first().map(Path::new);
        program
            .and_then(Path::file_name)
            .is_some_and(|it| it == name)
    }
}

impl Claim {
    /// What Asterisk's options say, read as getopt(3) reads them.
    fn of_options(source: String, arguments: &[String], words: &BTreeMap<String, String>) -> Self {
        let (mut user, mut group) = (None, None);
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next().filter(|argument| *argument != "--") {
            let Some(letters) = argument.strip_prefix('-') else {
                continue;
            };
            let Some(at) = letters.find(WITH_VALUE) else {
                continue;
            };
            let (letter, value) = letters[at..].split_at(1);
            let value = match value {
                "" => arguments.next().map(String::as_str),
                value => Some(value),
            };
            let value = value.and_then(|value| expanded(value, words));
            match letter {
                "U" => user = value,
                "G" => group = value,
                _ => {}
            }
        }
        Self {
            author: Author::Root,
            source,
            user,
            group,
        }
    }
}

/// The drop-ins that count: of one name the first, in the order of their names.
fn drop_ins(root: &Path) -> Result<Vec<PathBuf>, Unread> {
    let mut found = BTreeMap::new();
    for folder in UNIT_FOLDERS {
        let folder = root.join(folder).join(format!("{UNIT}.d"));
        for path in files::list(&folder).map_err(|error| (folder, error))? {
            let name = path.file_name().map(ToOwned::to_owned);
            if path.extension().is_some_and(|name| name == "conf") {
                found.entry(name).or_insert(path);
            }
        }
    }
    // One that leads to /dev/null takes the place of another, and says nothing.
    let says = |path: PathBuf| Ok(is_file(&path)?.then_some(path));
    let says = found.into_values().map(says);
    says.filter_map(Result::transpose).collect()
}

/// Lines without comments; a backslash at the end of one joins it with the next.
fn joined(text: &str) -> Vec<String> {
    let (mut lines, mut begun) = (Vec::new(), String::new());
    for line in text.lines() {
        // Also between lines that are joined, where systemd.syntax(7) passes comments over.
        let is_comment = line.trim_start().starts_with(['#', ';']);
        if is_comment {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => {
                begun.push_str(part);
                begun.push(' ');
            }
            None => lines.push(std::mem::take(&mut begun) + line),
        }
    }
    lines.push(begun);
    lines
}

/// The words of a command line: the program without its prefixes, and its arguments. What `@` passes as the program's
/// own name is left out.
fn arguments(command: &str) -> Vec<String> {
    let plain = command.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    let is_renamed = command[..command.len() - plain.len()].contains('@');
    let words = plain.split_whitespace();
    let mut words: Vec<_> = words
        .map(|word| word.trim_matches(['"', '\'']).to_owned())
        .collect();
    if is_renamed && words.len() > 1 {
        words.remove(1);
    }
    words
}

/// The plain assignments of a shell script; the last of each name counts.
fn assignments(script: &str) -> BTreeMap<String, String> {
    let assignment = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split(quote).next(),
            _ => value.split([' ', '\t', ';', '#']).next(),
        };
        let value = expanded(value?, &BTreeMap::new())?;
        Some((name.to_owned(), value))
    };
    script.lines().filter_map(assignment).collect()
}

/// A value as it stands, or what `$NAME` or `${NAME}` stands for.
fn expanded(value: &str, words: &BTreeMap<String, String>) -> Option<String> {
    let name = value.strip_prefix('$').map(|name| {
        let inner = name
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        inner.unwrap_or(name)
    });
    match name {
        Some(name) => words.get(name).cloned(),
        // What a shell or systemd has still to work out is not known here.
        None if value.is_empty() || value.contains(['$', '%', '`']) => None,
        None => Some(value.to_owned()),
    }
}

/// The first of these files that is there, and its text.
fn first_of(root: &Path, names: &[&str]) -> Result<Option<(PathBuf, String)>, Unread> {
    let files = names.iter().map(|name| root.join(name));
    let Some(file) = first(files, |file| file.metadata().map(|data| data.is_file()))? else {
        return Ok(None);
    };
    let text = read(root, &file)?;
    Ok(Some((file, text)))
}

/// The first that is there, as `look` sees it.
fn first(
    files: impl IntoIterator<Item = PathBuf>,
    look: impl Fn(&Path) -> io::Result<bool>,
) -> Result<Option<PathBuf>, Unread> {
    for file in files {
        match look(&file) {
            Ok(true) => return Ok(Some(file)),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err((file, error)),
        }
    }
    Ok(None)
}

/// Whether there is a file, perhaps behind a link. Where that cannot be told it is not taken for absent.
fn is_file(file: &Path) -> Result<bool, Unread> {
    let look = |file: &Path| file.metadata().map(|data| data.is_file());
    Ok(first([file.to_owned()], look)?.is_some())
}

/// The text of a file that starts Asterisk, as root. On this machine it must be root's alone.
fn read(root: &Path, file: &Path) -> Result<String, Unread> {
    let is_here = root == Path::new("/");
    let trusted = is_here.then(|| rooted::resolve(file, None)).transpose();
    let trusted = trusted.map_err(io::Error::other);
    match trusted.and_then(|_| files::read(file, MAX_BYTES)) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => Err((file.to_owned(), error)),
    }
}

const UNIT: &str = "asterisk.service";
/// The first that has a unit counts.
const UNIT_FOLDERS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];
const INIT_SCRIPT: &str = "etc/init.d/asterisk";
/// The files of Debian and of Red Hat.
const DEFAULTS: [&str; 2] = ["etc/default/asterisk", "etc/sysconfig/asterisk"];
const SAFE_ASTERISK: [&str; 2] = ["usr/sbin/safe_asterisk", "usr/local/sbin/safe_asterisk"];
/// Asterisk's options that want a value, from its `asterisk.c`.
pub(super) const WITH_VALUE: [char; 9] = ['C', 'e', 'G', 'i', 'L', 'M', 's', 'U', 'x'];
const MAX_BYTES: u64 = 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::tests::{Files, root};
    use super::*;

    /// Users and groups that are said, in order.
    fn said(root: &testkit::TempDir) -> (Vec<String>, Vec<String>) {
        let claims = claims(root.path()).expect("all can be read");
        let users = claims.iter().filter_map(|claim| claim.user.clone());
        let groups = claims.iter().filter_map(|claim| claim.group.clone());
        (users.collect(), groups.collect())
    }

    const DEBIAN: &str = "[Unit]\nUser=nobody\n[Service]\nType=simple\nUser=asterisk\nGroup=voice\n\
        ExecStart=/usr/sbin/asterisk -g -f -p -U asterisk\n";

    #[test]
    fn the_unit_says_as_whom_and_drop_ins_change_it() {
        let unit = "usr/lib/systemd/system/asterisk.service";
        let table: &[(Files<'_>, &[&str], &[&str])] = &[
            (&[(unit, DEBIAN)], &["asterisk", "asterisk"], &["voice"]),
            (
                &[
                    (unit, DEBIAN),
                    (
                        "etc/systemd/system/asterisk.service.d/10-a.conf",
                        "[Service]\nUser=one\n",
                    ),
                    (
                        "lib/systemd/system/asterisk.service.d/10-a.conf",
                        "[Service]\nUser=two\n",
                    ),
                    (
                        "run/systemd/system/asterisk.service.d/20-b.conf",
                        "[Service]\nGroup=\nExecStart=\nExecStart=-/usr/sbin/asterisk \\\n# why\n -fGthree -Utwo\n",
                    ),
                ],
                &["one", "two"],
                &["three"],
            ),
            (
                &[
                    (unit, DEBIAN),
                    (
                        "etc/systemd/system/asterisk.service",
                        "[Service]\nUser=pbx\n",
                    ),
                ],
                &["pbx"],
                &[],
            ),
            (
                &[
                    (
                        unit,
                        "[Service]\nExecStart=@/usr/sbin/safe_asterisk asterisk -U $AST_USER -G%i\n",
                    ),
                    ("etc/default/asterisk", "AST_USER='pbx'\n"),
                    (
                        "usr/sbin/safe_asterisk",
                        "#!/bin/sh\nASTARGS=\"-G voice\"\n",
                    ),
                ],
                &["pbx"],
                &["voice"],
            ),
            (
                &[(unit, "[Service]\nExecStart=/bin/sh -c 'asterisk -U pbx'\n")],
                &[],
                &[],
            ),
            (
                &[(
                    unit,
                    "[Service]\nExecStart=/usr/sbin/asterisk -x -U -- -U pbx\n",
                )],
                &[],
                &[],
            ),
        ];
        for (files, users, groups) in table {
            let (said_users, said_groups) = said(&root(files));
            assert_eq!(
                (&said_users[..], &said_groups[..]),
                (strings(users).as_slice(), strings(groups).as_slice()),
                "{files:?}"
            );
        }
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_masked_unit_says_nothing_and_then_the_init_script_counts() {
        let root = root(&[
            ("lib/systemd/system/asterisk.service", DEBIAN),
            ("etc/systemd/system/other", ""),
            (
                "etc/init.d/asterisk",
                "#!/bin/sh\n#AST_USER=no\nAST_USER=one\nAST_GROUP=voice # of all\n",
            ),
            ("etc/default/asterisk", "export AST_USER=\"pbx\"; x=1\n"),
        ]);
        assert_eq!(said(&root).0, ["asterisk", "asterisk"]);
        symlink(
            "/dev/null",
            root.path().join("etc/systemd/system/asterisk.service"),
        )
        .expect("linked");
        assert_eq!(said(&root), (strings(&["pbx"]), strings(&["voice"])));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_taken_for_absent() {
        let unit = "lib/systemd/system/asterisk.service";
        for loops in [
            "etc/systemd/system/asterisk.service.d",
            "etc/systemd/system/asterisk.service.d/10-a.conf",
            "etc/systemd/system/asterisk.service",
            "etc/default/asterisk",
        ] {
            let root = root(&[(unit, DEBIAN)]);
            let place = root.path().join(loops);
            fs::create_dir_all(place.parent().expect("a folder")).expect("made");
            symlink(&place, &place).expect("linked");
            let (path, _) = claims(root.path()).expect_err("it leads nowhere and to no end");
            assert_eq!(path, place);
        }
    }

    #[test]
    fn a_unit_that_cannot_be_read_is_an_error() {
        let file = "etc/systemd/system/asterisk.service";
        let long = format!("[Service]\nUser=pbx\n{}", "#".repeat(1024 * 1024));
        let root = root(&[(file, &long)]);
        let (path, _) = claims(root.path()).expect_err("far too large");
        assert_eq!(path, root.path().join(file));
    }
}
