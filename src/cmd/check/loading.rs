//! Why Asterisk has not loaded the dialplan from its files: it loads none of them where one that they include is missing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::console::typed;
use super::user::user_name;
use crate::sys::files;
use crate::sys::identity::conf::without_comments;
use crate::sys::remedy::shell_quoted;

/// Why the dialplan of the files in `etc` is not loaded, and what to do, where that can be seen. `module` is what Asterisk
/// says of pbx_config, which reads them.
pub(super) fn why_not(etc: &Path, module: &str) -> Option<(String, String)> {
    let mut read = BTreeSet::new();
    let load = typed("module load pbx_config");
    if let Some(missing) = missing(etc, &mut read) {
        let text = format!("{missing}, so Asterisk reads none of it");
        return Some((text, format!("{WAY_TO_INCLUDE}, then: {load}")));
    }
    if module.contains("0 modules loaded") {
        return Some((
            "Asterisk has not loaded pbx_config, which reads extensions.conf".to_owned(),
            format!("take its noload out of modules.conf, if there is one; {load}"),
        ));
    }
    let (first, own) = (etc.join(FIRST), etc.join(OWN));
    if !read.contains(&first) {
        return None;
    }
    let none = format!("no line of {FIRST} includes {OWN}");
    let line = format!("add the line #include {OWN} to {}", shell_quoted(first));
    match (read.contains(&own), own.exists()) {
        (true, true) => None,
        (true, false) => Some((
            format!("{} is not there", own.display()),
            INSTALL.to_owned(),
        )),
        (false, true) => Some((none, format!("{line}, then: {}", typed("dialplan reload")))),
        // With the line and without the file Asterisk would read none of it.
        (false, false) => {
            let make = format!("sudo -u {} touch {}", user_name(), shell_quoted(own));
            Some((none, format!("first {make}; {line}, then: {INSTALL}")))
        }
    }
}

/// Tells which file those of the dialplan in `etc` include that is not there. What was read is noted in `read`.
pub(super) fn missing(etc: &Path, read: &mut BTreeSet<PathBuf>) -> Option<String> {
    let (from, file) = missing_include(etc, Path::new(FIRST), read, DEEPEST)?;
    let (from, file) = (from.display(), shell_quoted(file));
    Some(format!("{from} includes {file}, which is not there"))
}

/// The first file that is included and not there, with the file that includes it. What was read is noted, and
/// what may be missing and is.
fn missing_include(
    etc: &Path,
    name: &Path,
    read: &mut BTreeSet<PathBuf>,
    depth: usize,
) -> Option<(PathBuf, PathBuf)> {
    let path = etc.join(name);
    let bytes = files::read(&path, MAX_CONF).ok()?;
    // Files can include each other in a circle.
    if depth == 0 || !read.insert(path.clone()) {
        return None;
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut comments = 0;
    text.lines().find_map(|line| {
        let line = without_comments(line, &mut comments);
        let (how, name) = included(&line)?;
        let file = etc.join(name);
        let files = fitting(&file)?;
        match (files.is_empty(), how) {
            (false, _) => {
                (files.iter()).find_map(|file| missing_include(etc, file, read, depth - 1))
            }
            (true, "#tryinclude") => {
                read.insert(file);
                None
            }
            (true, _) => Some((path.clone(), file)),
        }
    })
}

/// The files that an included name stands for, which may have `*` and `?` in its last part. `None`: it has other patterns.
fn fitting(file: &Path) -> Option<Vec<PathBuf>> {
    let (folder, name) = (file.parent()?, file.file_name()?.to_str()?);
    if !name.contains(PATTERN) {
        return Some(Vec::from_iter(file.is_file().then(|| file.to_owned())));
    }
    let is_simple = !name.contains(['[', '{']) && name.matches('*').count() <= MAX_STARS;
    if !is_simple || folder.to_string_lossy().contains(PATTERN) {
        return None;
    }
    let names = folder.read_dir().into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let fitting =
        names.filter(|other| !other.starts_with('.') && fits(name.as_bytes(), other.as_bytes()));
    Some(fitting.map(|name| folder.join(name)).collect())
}

/// Whether a name fits a pattern with `*` and `?`.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((b'*', after)), rest) => {
            fits(after, name) || rest.is_some_and(|(_, rest)| fits(pattern, rest))
        }
        (Some((b'?', after)), Some((_, rest))) => fits(after, rest),
        (Some((one, after)), Some((other, rest))) => one == other && fits(after, rest),
        (Some(_), None) => false,
    }
}

/// How a line includes a file, and which.
fn included(line: &str) -> Option<(&str, &str)> {
    let (how, name) = line.trim().split_once([' ', '\t'])?;
    if !matches!(how, "#include" | "#tryinclude") {
        return None;
    }
    let name = name.trim().trim_matches(['"', '<', '>', '\'']);
    (!name.is_empty()).then_some((how, name))
}

/// What is to be done about a file that is included and not there.
pub(super) const WAY_TO_INCLUDE: &str = "take that line out, or make the file as Asterisk's user";
const FIRST: &str = "extensions.conf";
const OWN: &str = "extensions_custom.conf";
/// It makes that file.
const INSTALL: &str = "sudo ./install.sh --dialplan";
/// What a pattern for several files has in it. One that fits none is missing for Asterisk, too.
const PATTERN: [char; 4] = ['*', '?', '[', '{'];
/// More of them would take too long to try.
const MAX_STARS: usize = 3;
const DEEPEST: usize = 5;
const MAX_CONF: u64 = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LOADED: &str =
        "pbx_config.so  Text Extension Configuration  0  Running  core\n1 modules loaded\n";

    /// What is wrong, the first file, what Asterisk says of its module, and what is told.
    type Row = (
        &'static str,
        &'static str,
        &'static str,
        Option<&'static str>,
    );
    const TABLE: &[Row] = &[
        (
            "all is there",
            "#include extensions_custom.conf\n",
            LOADED,
            None,
        ),
        (
            "a missing file",
            "[a]\n#include extensions_custom.conf\n #include \"b.conf\" ; b\n",
            LOADED,
            Some("b.conf, which is not there"),
        ),
        (
            "a missing file and no module",
            "#include <b.conf>\n",
            "0 modules loaded\n",
            Some("b.conf, which is not there"),
        ),
        (
            "one below",
            "#include extensions_custom.conf\n#include c.conf\n",
            LOADED,
            Some("d.conf, which is not there"),
        ),
        (
            "one that may be missing",
            "#tryinclude b.conf\n#tryinclude x*.conf\n#include {b,x}.conf\n#include extensions_custom.conf",
            LOADED,
            None,
        ),
        (
            "a pattern that fits",
            "#include ext*_cust?m.c*f\n",
            LOADED,
            None,
        ),
        (
            "a pattern that fits none",
            "#include extensions_custom.conf\n#include x*.conf\n",
            LOADED,
            Some("x*.conf, which is not there"),
        ),
        (
            "a link that leads nowhere",
            "#include extensions_custom.conf\n#include link.conf\n",
            LOADED,
            Some("link.conf, which is not there"),
        ),
        (
            "a missing file below a pattern",
            "#include extensions_custom.conf\n#include c*.conf\n",
            LOADED,
            Some("d.conf, which is not there"),
        ),
        (
            "one of ours that may be missing and is not",
            "#tryinclude extensions_custom.conf\n",
            LOADED,
            None,
        ),
        (
            "a missing file below one that may be missing",
            "#tryinclude extensions_custom.conf\n#tryinclude c.conf\n",
            LOADED,
            Some("d.conf, which is not there"),
        ),
        (
            "a comment",
            ";#include b.conf\n#include extensions_custom.conf",
            LOADED,
            None,
        ),
        (
            "a comment of several lines",
            ";-- not now\n#include b.conf\n--;\n;---\n#include extensions_custom.conf",
            LOADED,
            None,
        ),
        (
            "no module",
            "#include extensions_custom.conf\n",
            "0 modules loaded\n",
            Some("has not loaded pbx_config"),
        ),
        (
            "no line",
            "[a]\n",
            LOADED,
            Some("no line of extensions.conf includes"),
        ),
        (
            "an Asterisk that does not say",
            "#include extensions_custom.conf\n",
            "",
            None,
        ),
    ];

    #[test]
    fn what_keeps_the_dialplan_from_being_loaded_is_told_with_its_remedy() {
        for (what, text, module, expected) in TABLE {
            let folder = testkit::TempDir::new().expect("a temporary folder");
            let etc = folder.path();
            for (name, text) in [
                (FIRST, *text),
                (OWN, "[custom-openai]\n"),
                ("c.conf", "#include d.conf"),
            ] {
                fs::write(etc.join(name), text).expect("written");
            }
            std::os::unix::fs::symlink("nowhere", etc.join("link.conf")).expect("linked");
            let found = why_not(etc, module);
            assert_eq!(found.is_some(), expected.is_some(), "{what}: {found:?}");
            let text = found.map(|(text, remedy)| format!("{text} -> {remedy}"));
            let text = text.unwrap_or_default().replace('\'', "");
            assert!(
                text.contains(expected.unwrap_or_default()),
                "{what}: {text}"
            );
        }
    }

    #[test]
    fn the_file_is_made_before_the_line_that_includes_it() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join(FIRST), "[a]\n").expect("written");
        let (text, remedy) = why_not(folder.path(), "").expect("no line, and no file");
        assert!(
            text.contains("no line of extensions.conf includes"),
            "{text}"
        );
        let touch = remedy.find(" touch ").expect("the file is made");
        assert!(
            touch < remedy.find("#include").expect("the line"),
            "{remedy}"
        );
        assert!(remedy.ends_with(&format!("then: {INSTALL}")), "{remedy}");
        fs::write(folder.path().join(FIRST), format!("#tryinclude {OWN}\n")).expect("written");
        let (text, remedy) = why_not(folder.path(), "").expect("no file");
        assert!(
            text.ends_with("extensions_custom.conf is not there"),
            "{text}"
        );
        assert_eq!(remedy, INSTALL);
        let folder = testkit::TempDir::new().expect("a temporary folder");
        assert_eq!(
            why_not(folder.path(), ""),
            None,
            "no files that this user may read"
        );
    }
}
