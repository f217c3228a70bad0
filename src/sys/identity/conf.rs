//! `asterisk.conf`, read as Asterisk reads it: sections, templates, inheritance, comments.
//!
//! A template, `[directories](!)`, sets nothing by itself: Debian ships its file so. Of several sections of one name
//! the first counts, and what `(+)` adds to it. `#include` and `#exec` are left out. See `main/config.c` and
//! `main/options.c` of Asterisk.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::sys::held::{self, Last, Place, Trust};

/// The settings of one file.
#[derive(Debug, Default)]
pub(crate) struct Conf {
    sections: Vec<Section>,
    /// Sections and settings, with those that are inherited.
    len: usize,
    /// Their bytes.
    size: usize,
    /// The user that its file belongs to.
    pub(super) owner: u32,
}

#[derive(Debug)]
struct Section {
    name: String,
    is_template: bool,
    settings: Vec<(String, String)>,
}

impl Conf {
    /// Reads the file of the machine below `root`; no file sets nothing. It is looked for behind no link that others
    /// than root and the user who runs this can have made.
    ///
    /// # Errors
    /// What the system says where there is one that cannot be read, or that it is too long.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let file = root.join(FILE);
        let folder = file.parent().unwrap_or(root);
        let owner = fs::metadata(folder).map(|data| data.uid()).ok();
        let place = Place::find(root, &file, Trust::with(owner), Last::Follow, false);
        let found = match place.and_then(|place| place.folder.open(&place.name)) {
            Err(error) if !error.is_absence() => return Err(cause(error)),
            found => found.unwrap_or_default(),
        };
        let Some((file, stat)) = found else {
            return Ok(Self::default());
        };
        let mut bytes = Vec::new();
        let read = file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        if u64::try_from(read).is_ok_and(|read| read >= MAX_BYTES) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut conf = Self::parse(&String::from_utf8_lossy(&bytes))?;
        conf.owner = stat.st_uid;
        Ok(conf)
    }

    /// What a text sets.
    ///
    /// # Errors
    /// That it sets more than anybody needs: sections that inherit from others grow without end.
    pub(crate) fn parse(text: &str) -> io::Result<Self> {
        let mut conf = Self::default();
        let (mut current, mut depth) = (None, 0);
        for line in text.lines() {
            let line = without_comments(line, &mut depth);
            let line = line.trim();
            if let Some(header) = line.strip_prefix('[') {
                current = conf.open(header)?;
            } else if !line.starts_with('#')
                && let Some((name, value)) = line.split_once('=')
                && let Some(section) = current.and_then(|index| conf.sections.get_mut(index))
            {
                // Asterisk takes `=>` for `=`.
                let value = value.strip_prefix('>').unwrap_or(value).trim();
                let setting = (name.trim().to_owned(), value.to_owned());
                let size = size_of_setting(&setting);
                section.settings.push(setting);
                conf.grow(1, size)?;
            }
        }
        Ok(conf)
    }

    /// Counts what is added.
    fn grow(&mut self, more: usize, bytes: usize) -> io::Result<()> {
        self.len += more;
        self.size += bytes;
        if self.len <= MAX_LEN && self.size <= MAX_SIZE {
            return Ok(());
        }
        let why = format!("it sets more than {MAX_LEN} values, or {MAX_SIZE} bytes of them");
        Err(io::Error::new(io::ErrorKind::FileTooLarge, why))
    }

    /// The value of a setting; none where it is empty.
    pub(crate) fn get(&self, section: &str, name: &str) -> Option<&str> {
        let is_it = |it: &&Section| !it.is_template && it.name.eq_ignore_ascii_case(section);
        let mut settings = self.sections.iter().find(is_it)?.settings.iter();
        // Asterisk goes through the settings in their order, so the last one of a name counts.
        let (_, value) = settings.rfind(|(set, _)| set.eq_ignore_ascii_case(name))?;
        (!value.is_empty()).then_some(value)
    }

    /// All values that a setting of a section is given, in order: a list, where a program takes it for one.
    pub(crate) fn all<'a>(
        &'a self,
        section: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> {
        let is_it = move |it: &&Section| !it.is_template && it.name.eq_ignore_ascii_case(section);
        let settings = self
            .sections
            .iter()
            .filter(is_it)
            .flat_map(|it| &it.settings);
        let is_named = move |(set, _): &&(String, String)| set.eq_ignore_ascii_case(name);
        settings.filter(is_named).map(|(_, value)| value.as_str())
    }

    /// The index of the section that the lines behind `name](options)` belong to. `None` where the brackets are not
    /// closed: Asterisk then reads no further, and we take no line for a setting.
    fn open(&mut self, header: &str) -> io::Result<Option<usize>> {
        let Some((name, options)) = name_and_options(header) else {
            return Ok(None);
        };
        let is_named = |it: &Section, name: &str| it.name.eq_ignore_ascii_case(name);
        let mut section = Section {
            name: name.to_owned(),
            is_template: false,
            settings: Vec::new(),
        };
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option {
                "!" => section.is_template = true,
                "+" => {
                    let mut found = self.sections.iter();
                    if let Some(index) = found.position(|it| is_named(it, name)) {
                        return Ok(Some(index));
                    }
                }
                base => {
                    let mut found = self.sections.iter();
                    let Some(index) = found.position(|it| is_named(it, base)) else {
                        return Ok(None);
                    };
                    let settings = &self.sections[index].settings;
                    let size = settings.iter().map(size_of_setting).sum();
                    self.grow(1 + settings.len(), size)?;
                    let inherited = self.sections[index].settings.iter().cloned();
                    section.settings.extend(inherited);
                }
            }
        }
        self.grow(1, section.name.len())?;
        self.sections.push(section);
        Ok(Some(self.sections.len() - 1))
    }
}

fn size_of_setting((name, value): &(String, String)) -> usize {
    name.len() + value.len()
}

/// The name and the options of a section, from what stands behind its `[`, where both brackets are closed.
fn name_and_options(header: &str) -> Option<(&str, &str)> {
    let (name, behind) = header.split_once(']')?;
    let options = match behind.strip_prefix('(') {
        Some(behind) => behind.split_once(')')?.0,
        None => "",
    };
    Some((name, options))
}

/// What the system said, or why there is nothing to ask it.
fn cause(error: held::Error) -> io::Error {
    match error {
        held::Error::System { source, .. } => source,
        error => io::Error::other(error),
    }
}

/// The folder of Asterisk's settings on this machine.
pub(crate) fn etc_folder() -> PathBuf {
    set_folder("astetcdir").unwrap_or_else(|| "/etc/asterisk".into())
}

/// The folder that this machine's `asterisk.conf` sets.
pub(crate) fn set_folder(setting: &str) -> Option<PathBuf> {
    // What cannot be read sets nothing here, and is told by the commands of Asterisk that fail then.
    let conf = Conf::read(Path::new("/")).unwrap_or_default();
    conf.get("directories", setting).map(PathBuf::from)
}

/// A line without what stands behind `;` or between `;--` and `--;`, which nest and may span lines; `\;` is no comment.
/// `depth` is how deep in comments the line begins, and then how deep it ends.
pub(crate) fn without_comments(line: &str, depth: &mut u32) -> String {
    let (mut kept, mut rest) = (String::new(), line);
    while let Some(at) = rest.find(';') {
        let (before, behind) = (&rest[..at], &rest[at + 1..]);
        let is_inside = *depth > 0;
        if !is_inside && before.ends_with('\\') {
            kept.push_str(&before[..at - 1]);
            kept.push(';');
            rest = behind;
        } else if behind.starts_with("--") && !behind.starts_with("---") {
            if !is_inside {
                kept.push_str(before);
            }
            *depth += 1;
            rest = &behind[2..];
        } else if is_inside {
            if before.ends_with("--") {
                *depth -= 1;
            }
            rest = behind;
        } else {
            kept.push_str(before);
            return kept;
        }
    }
    if *depth == 0 {
        kept.push_str(rest);
    }
    kept
}

pub(super) const FILE: &str = "etc/asterisk/asterisk.conf";
/// It has a few kilobytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// Asterisk's own example sets a hundred.
const MAX_LEN: usize = 10_000;
/// Four times what a file may have.
const MAX_SIZE: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_asterisk_reads_them() {
        let table = [
            ("[options]\nrunuser = pbx\n", Some("pbx")),
            ("[options]\r\nrunuser => pbx ; usual\r\n", Some("pbx")),
            ("[options]\nrunuser = one\nRunUser = pbx\n", Some("pbx")),
            ("[Options]\nrunuser=pbx", Some("pbx")),
            (
                "[options]\nrunuser=one\n[other]\nx=1\n[options](+)\nrunuser=pbx",
                Some("pbx"),
            ),
            ("[base](!)\nrunuser=pbx\n[options](base)\n", Some("pbx")),
            (
                "[base]\nrunuser=one\n[options](base)\nrunuser=pbx\n",
                Some("pbx"),
            ),
            (
                "[options]\n;--\nrunuser = one\n--;\nrunuser = pbx\n",
                Some("pbx"),
            ),
            ("[options]\nrunuser = p;-- not this --;bx\n", Some("pbx")),
            ("[options]\nrunuser = p\\;bx\n", Some("p;bx")),
            (
                "[options]\nrunuser = pbx\n[options]\nrunuser = two\n",
                Some("pbx"),
            ),
            ("[options](!)\nrunuser = pbx\n", None),
            ("[options](!)\n[options](+)\nrunuser = pbx\n", None),
            ("[directories]\nrunuser = pbx\n", None),
            ("runuser = pbx\n", None),
            ("[options]\n;runuser = pbx\n", None),
            ("[options]\n;-- a\n;-- b\n--;\nrunuser = pbx\n", None),
            ("[options]\nrunuser = pbx\nrunuser =\n", None),
            ("[options\nrunuser = pbx\n", None),
            ("[options](nobody)\nrunuser = pbx\n", None),
            ("", None),
        ];
        for (text, expected) in table {
            let conf = Conf::parse(text).expect("short");
            assert_eq!(conf.get("options", "runuser"), expected, "{text:?}");
        }
    }

    #[test]
    fn a_list_has_all_its_values() {
        let conf = Conf::parse("[blacklist]\nitem = /a\n;item = /b\n[blacklist](+)\nitem => /c\n")
            .expect("short");
        let items: Vec<_> = conf.all("blacklist", "item").collect();
        assert_eq!(items, ["/a", "/c"]);
    }

    #[test]
    fn no_file_sets_nothing_and_one_that_cannot_be_read_is_an_error() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let conf = Conf::read(folder.path()).expect("no file");
        assert_eq!(conf.get("options", "runuser"), None);
        std::fs::create_dir_all(folder.path().join(FILE)).expect("made");
        assert!(Conf::read(folder.path()).is_err());
    }

    #[test]
    fn what_sets_more_than_anybody_needs_is_an_error() {
        let letters: Vec<_> = ('b'..='z').collect();
        let doubled = |letter: &char| {
            let last = char::from_u32(u32::from(*letter) - 1).expect("a letter");
            format!("[{letter}]({last},{last})\n")
        };
        let bomb: String = letters.iter().map(doubled).collect();
        let many = "[a](!)\n[options]\n".to_owned() + &"x=1\n".repeat(MAX_LEN);
        for text in [
            format!("[a](!)\nk=v\n{bomb}"),
            format!("[a]\n[b]({})\n", "a,".repeat(MAX_LEN)),
            "[a]\n".repeat(MAX_LEN + 1),
            format!(
                "[a](!)\nk={}\n[b]({})\n",
                "v".repeat(500_000),
                "a,".repeat(10)
            ),
            many.clone(),
        ] {
            let error = Conf::parse(&text).expect_err("too much");
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        }
        // Two sections, and so two settings less.
        assert!(Conf::parse(&many[..many.len() - 8]).is_ok());
    }

    #[test]
    fn a_link_of_another_user_is_not_followed() {
        use std::os::unix::fs::{chown, lchown, symlink};
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let etc = folder.path().join("etc/asterisk");
        fs::create_dir_all(&etc).expect("made");
        let real = folder.path().join("secret.ini");
        fs::write(&real, "[options]\nrunuser = pbx\n").expect("written");
        let link = folder.path().join(FILE);
        symlink(&real, &link).expect("linked");
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            chown(&etc, Some(65_534), None).expect("given away");
            lchown(&link, Some(65_534), None).expect("given away");
        }
        assert_eq!(Conf::read(folder.path()).is_err(), is_root);
    }
}
