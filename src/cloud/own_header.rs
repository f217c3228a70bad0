//! A header of the administrator's own, in a file, for a webhook or a tool.

use std::path::Path;

use crate::config::Secret;
use crate::sys::files;

/// Reads the one header in a file: a name and a value, which are what HTTP allows (RFC 9110, section 5). `setting` is what
/// names the file, for people.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn own_header(path: &Path, setting: &str) -> Result<(String, Secret), String> {
    let text = secret_text(path, setting)?;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let header = text.expose().split_once(':').and_then(|(name, value)| {
        let (name, value) = (name.trim(), value.trim());
        let is_name = !name.is_empty() && name.chars().all(is_token);
        let is_value = value.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        (is_name && is_value).then(|| (name.to_owned(), Secret::new(value.to_owned())))
    });
    header.ok_or_else(|| {
        format!(
            "{setting}, {}, is no header of one line, as in Authorization: Bearer …",
            path.display()
        )
    })
}

/// Reads the secret in a file.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn secret_text(path: &Path, setting: &str) -> Result<Secret, String> {
    let shown = path.display();
    let text = files::read_text(path, MAX_FILE)
        .map_err(|error| format!("cannot read {setting}, {shown}: {error}"))?;
    match text.trim() {
        "" => Err(format!("{setting}, {shown}, is empty")),
        text => Ok(Secret::new(text.to_owned())),
    }
}

const MAX_FILE: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_ones_own_is_one_line_with_a_name() {
        let folder = testkit::TempDir::new().expect("a temporary folder");
        let path = folder.path().join("header");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("written");
            own_header(&path, "webhook_header_file")
        };
        let (name, value) = read("Authorization: Bearer abc:d\n").expect("a header");
        assert_eq!(
            (name.as_str(), value.expose()),
            ("Authorization", "Bearer abc:d")
        );
        for wrong in ["", "Bearer abc", ": abc", "A b: c", "A: b\r\nC: d", "A: ü"] {
            let error = read(wrong).expect_err(wrong);
            assert!(error.contains("webhook_header_file"), "{error}");
        }
    }
}
