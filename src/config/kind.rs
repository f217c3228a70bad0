//! A setting, and what it may hold.

use std::fmt;

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// Its path in the file: `stt.google.model` stands for `model` in the table `[stt.google]`.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Its default, written as in the file.
    pub default: &'static str,
    /// What it does, for people: one paragraph, with what is typed in backticks.
    pub meaning: &'static str,
}

pub(super) const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        name,
        kind,
        default,
        meaning,
    }
}

/// What a setting may hold. `Display` gives it in words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// Any text of at most this many characters.
    ShortText(usize),
    /// Printable text without spaces that is never shown, logged, or taken from an AGI argument.
    Secret,
    /// The path of a file.
    Path,
    /// The path of a file that holds a secret, which not every user of the machine may read.
    SecretFile,
    /// `https://host`, perhaps with a port and a path.
    Url,
    /// The same, or `http://` to this machine or a private network.
    UrlOrPrivate,
    /// The same, or empty text where it is not set.
    UrlIfSet,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Any of these words, in an order that matters.
    Several(&'static [&'static str]),
    /// Keys of a telephone.
    Keys,
    /// `true` or `false`.
    Switch,
    /// A number within these bounds, and its unit.
    Number(f64, f64, &'static str),
    /// The same, or empty text where it is not set.
    NumberIfSet(f64, f64, &'static str),
    /// A whole number within these bounds, and its unit.
    Whole(u32, u32, &'static str),
    /// Several texts: the maximum number, and the maximum number of characters of each.
    Texts(usize, usize),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Text => f.write_str("text"),
            Self::ShortText(max) => write!(f, "text of up to {max} characters"),
            Self::Secret => f.write_str("secret text"),
            Self::Path | Self::SecretFile => f.write_str("path"),
            Self::Url => f.write_str("https address"),
            Self::UrlOrPrivate | Self::UrlIfSet => {
                f.write_str("https address, http in private networks")
            }
            Self::OneOf(words) => f.write_str(&words.join(", ")),
            Self::Several(words) => write!(f, "list of {}", words.join(", ")),
            Self::Keys => f.write_str("keys of 0 to 9, * and #"),
            Self::Switch => f.write_str("true, false"),
            Self::Number(min, max, unit) | Self::NumberIfSet(min, max, unit) => {
                write!(f, "{min} to {max} {unit}")
            }
            Self::Whole(min, max, unit) => write!(f, "{min} to {max} {unit}"),
            Self::Texts(max, longest) => write!(f, "up to {max} texts of {longest} characters"),
        }
    }
}

/// Stands for the providers that have a key, in the order of their rows.
pub(super) const AUTO: &str = "auto";

/// The empty text.
pub(super) const NOTHING: &str = "\"\"";
