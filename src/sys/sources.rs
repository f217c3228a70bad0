//! Which sources a program was built from, as one number. The build script and the program compute it with this file.
//!
//! It tells versions apart and is no protection: those who can change the sources are trusted with what is built from
//! them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Returns the digest of the sources below `root`: names and contents of all that a program is built from.
///
/// # Errors
/// That something there is missing or cannot be read.
pub(crate) fn digest(root: &Path) -> io::Result<String> {
    let mut files = FILES.map(PathBuf::from).to_vec();
    list(root, Path::new(FOLDER), &mut files)?;
    // The order in which a folder lists its files differs from machine to machine.
    files.sort();
    let mut hash = OFFSET_BASIS;
    for file in files {
        let content = fs::read(root.join(&file))?;
        let name = file.to_string_lossy();
        // With its length, and between zero bytes, which no name holds: so no other set of files reads the same.
        let length = format!("\0{}\0", content.len());
        for bytes in [name.as_bytes(), length.as_bytes(), &content] {
            hash = bytes.iter().copied().fold(hash, add);
        }
    }
    Ok(format!("{hash:032x}"))
}

/// Adds the files of a folder and of those in it. Editors keep files of their own under names with a dot.
fn list(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, folder.join(entry.file_name()));
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            list(root, &path, files)?;
        } else if kind.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// FNV-1a: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
fn add(hash: u128, byte: u8) -> u128 {
    (hash ^ u128::from(byte)).wrapping_mul(PRIME)
}

const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

pub(crate) const FOLDER: &str = "src";
pub(crate) const DIALPLAN: &str = "extensions_custom.conf.example";
pub(crate) const FILES: [&str; 3] = ["Cargo.lock", "Cargo.toml", DIALPLAN];

#[cfg(test)]
mod tests {
    use testkit::TempDir;

    use super::*;

    #[test]
    fn the_digest_tells_of_every_source_and_of_nothing_else() {
        let folder = TempDir::new().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("written");
            digest(folder.path()).ok()
        };
        fs::create_dir_all(folder.path().join("src/a")).expect("made");
        assert_eq!(write("Cargo.toml", ""), None, "some are missing");
        write("Cargo.lock", "");
        let first = write("extensions_custom.conf.example", "");
        assert!(first.is_some());
        assert_eq!(write("README.md", "x"), first);
        assert_eq!(write("src/.main.rs.swp", "x"), first);
        let mut seen = vec![first];
        for (name, text) in [
            ("src/a/b.rs", ""),
            ("src/a/b.rs", "x"),
            ("src/ab.rs", "x"),
            ("Cargo.lock", "x"),
            ("Cargo.toml", "x"),
            ("extensions_custom.conf.example", "x"),
        ] {
            let digest = write(name, text);
            assert!(!seen.contains(&digest), "{name}: {text}");
            seen.push(digest);
        }
    }

    #[test]
    fn this_program_knows_its_own_sources() {
        let here = digest(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("they are here");
        assert_eq!(here, env!("PHONE_ASSISTANT_SOURCES"));
    }
}
