//! Whether a caller's number may be shown, and so may be used to tell callers apart.
//!
//! `agi_callingpres` is how Asterisk has it when the call reaches us. FreePBX overwrites that on every inbound route
//! with "allowed", and keeps what the network said in `CALLINGNUMPRES_SV` (`func_callerid` names the values); a trunk
//! that is trusted brings the number all the same.

/// Whether the caller's number may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Presentation {
    /// It may.
    Shown,
    /// It may not, or it is not known.
    #[default]
    Withheld,
}

impl Presentation {
    /// What is `saved` in [`SAVED`] counts, where that is set; else `callingpres`, a number of Q.931.
    pub(crate) fn of(saved: Option<&str>, callingpres: &str) -> Self {
        let saved = saved.map(str::trim).filter(|saved| !saved.is_empty());
        let word = saved.unwrap_or(callingpres.trim()).to_ascii_lowercase();
        let is_shown = match word.parse::<u8>() {
            Ok(bits) => bits & RESTRICTION == 0,
            // `agi_callingpres` is never a word.
            Err(_) => saved.is_some() && SHOWN.contains(&word.as_str()),
        };
        if is_shown {
            Self::Shown
        } else {
            Self::Withheld
        }
    }
}

/// The channel variable in which FreePBX keeps what the network said.
pub(crate) const SAVED: &str = "CALLINGNUMPRES_SV";

/// The bits of `AST_PRES_RESTRICTION` in Asterisk's `callerid.h`: restricted, or not available.
const RESTRICTION: u8 = 0x60;
/// Those of `pres_types` in Asterisk's `callerid.c` that do not restrict.
const SHOWN: &[&str] = &[
    "allowed_not_screened",
    "allowed_passed_screen",
    "allowed_failed_screen",
    "allowed",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_freepbx_has_saved_counts_before_what_it_has_written_over_it() {
        let table = [
            // Asterisk without FreePBX.
            (None, "0", true),
            (None, "1", true),
            (None, "3", true),
            (None, "32", false),
            (None, "67", false),
            (None, "", false),
            (None, "256", false),
            (None, "-1", false),
            (None, "allowed", false),
            (None, "0\0", false),
            // Asterisk with FreePBX.
            (Some("allowed_not_screened"), "0", true),
            (Some("allowed_passed_screen"), "0", true),
            (Some("allowed_failed_screen"), "0", true),
            (Some("allowed"), "0", true),
            (Some(" Allowed "), "0", true),
            (Some("0"), "0", true),
            (Some("prohib_not_screened"), "0", false),
            (Some("prohib_passed_screen"), "0", false),
            (Some("prohib_failed_screen"), "0", false),
            (Some("prohib"), "0", false),
            (Some("unavailable"), "0", false),
            (Some("unknown"), "0", false),
            (Some("35"), "0", false),
            (Some("allowed, they say"), "0", false),
            (Some("allowed"), "32", true),
            // A variable that is set to nothing tells nothing.
            (Some(""), "0", true),
            (Some(" "), "32", false),
        ];
        for (saved, callingpres, is_shown) in table {
            let presentation = Presentation::of(saved, callingpres);
            assert_eq!(
                presentation == Presentation::Shown,
                is_shown,
                "{saved:?} over {callingpres:?}"
            );
        }
    }
}
