//! `asterisk.conf`, read as Asterisk reads it: sections, templates, inheritance, comments.
//!
//! A template, `[directories](!)`, sets nothing by itself: Debian ships its file so. Of several sections of one name
//! the first counts, and what `(+)` adds to it. `#include` and `#exec` are left out. See `main/config.c` and
//! `main/options.c` of Asterisk.

use std::io;
use std::path::Path;

use crate::sys::files;

/// The settings of one file.
#[derive(Debug, Default)]
pub(crate) struct Conf {
    sections: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    name: String,
    is_template: bool,
    settings: Vec<(String, String)>,
}

impl Conf {
    /// Reads the file of the machine below `root`; no file sets nothing.
    ///
    /// # Errors
    /// What the system says where there is one that cannot be read.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        match files::read(&root.join(FILE), MAX_BYTES) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        let (mut current, mut depth) = (None, 0);
        for line in text.lines() {
            let line = without_comments(line, &mut depth);
            let line = line.trim();
            if let Some(header) = line.strip_prefix('[') {
                current = conf.open(header);
            } else if !line.starts_with('#')
                && let Some((name, value)) = line.split_once('=')
                && let Some(section) = current.and_then(|index| conf.sections.get_mut(index))
            {
                let value = value.strip_prefix('>').unwrap_or(value).trim();
                let setting = (name.trim().to_owned(), value.to_owned());
                section.settings.push(setting);
            }
        }
        conf
    }

    /// The value of a setting; none where it is empty.
    pub(crate) fn get(&self, section: &str, name: &str) -> Option<&str> {
        let is_it = |it: &&Section| !it.is_template && it.name.eq_ignore_ascii_case(section);
        let mut settings = self.sections.iter().find(is_it)?.settings.iter();
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
    fn open(&mut self, header: &str) -> Option<usize> {
        let (name, behind) = header.split_once(']')?;
        let options = match behind.strip_prefix('(') {
            Some(behind) => behind.split_once(')')?.0,
            None => "",
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
                        return Some(index);
                    }
                }
                base => {
                    let base = self.sections.iter().find(|it| is_named(it, base))?;
                    section.settings.extend(base.settings.iter().cloned());
                }
            }
        }
        self.sections.push(section);
        Some(self.sections.len() - 1)
    }
}

/// A line without what stands behind `;` or between `;--` and `--;`, which nest and may span lines; `\;` is no comment.
fn without_comments(line: &str, depth: &mut u32) -> String {
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

const FILE: &str = "etc/asterisk/asterisk.conf";
/// It has a few kilobytes.
const MAX_BYTES: u64 = 1024 * 1024;

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
            let conf = Conf::parse(text);
            assert_eq!(conf.get("options", "runuser"), expected, "{text:?}");
        }
    }

    #[test]
    fn a_list_has_all_its_values() {
        let conf = Conf::parse("[blacklist]\nitem = /a\n;item = /b\n[blacklist](+)\nitem => /c\n");
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
}
