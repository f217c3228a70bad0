//! Which caller a memory belongs to, and which callers are known to be who they say they are.
//!
//! A caller from outside chooses what their caller ID says. A phone of one's own has signed in with a password; its
//! account names its channel, and no other one: `PJSIP/200-0000000a` is a call of the account 200. So a caller is
//! internal if their account is their number. That holds for PJSIP alone: `chan_sip` names the channel of a guest after
//! a part of what they send (`get_destination` and `sip_new` in Asterisk 20), and `chan_iax2` some after an address.
//!
//! Whether callers are told what they talk with depends on the same: see [`Signs::are_internal`].
//!
//! An extension of FreePBX may show another number, its CID Num Alias. FreePBX keeps in `AMPUSER` which extension it takes
//! the caller for, by the number that came in: an outside caller can choose that, but not the account.

use crate::config::limits::Callers;
use crate::sys::number::{self, normal};
use crate::sys::presentation::Presentation;

/// What Asterisk tells of a caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs<'a> {
    /// The channel's name: `PJSIP/200-0000000a`.
    pub channel: &'a str,
    /// The caller's number, as the call shows it.
    pub number: &'a str,
    /// The extension that FreePBX takes the caller for; empty elsewhere.
    pub extension: &'a str,
    /// Whether it may be shown.
    pub presentation: Presentation,
}

impl Signs<'_> {
    /// Whether the caller has signed in to this Asterisk, whether or not their number may be shown.
    pub(crate) fn are_internal(self) -> bool {
        account(self).is_some()
    }
}

/// A caller that can be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Their number, in the one spelling that it has.
    pub number: String,
    /// The account that they have signed in with: `PJSIP/200`. `None`: it is not known whether it is their number.
    pub account: Option<String>,
}

impl Caller {
    /// The caller, if they are one of `callers`.
    pub(crate) fn of(signs: Signs<'_>, callers: Callers) -> Option<Self> {
        let is_shown = signs.presentation == Presentation::Shown;
        let account = account(signs);
        // A trusted trunk brings the number of a caller who hides it; then it must not be used.
        let number = normal(account.unwrap_or(signs.number)).filter(|_| is_shown)?;
        let account = account.map(|account| format!("{TECHNOLOGY}{account}"));
        let caller = Self { number, account };
        match callers {
            Callers::None => None,
            Callers::Internal => Some(caller).filter(|caller| caller.account.is_some()),
            Callers::All => Some(caller),
        }
    }

    /// Internal callers and others of the same number are kept apart: a caller who forges it does not find what the
    /// phone has said.
    pub(super) fn name(&self) -> &str {
        self.account.as_deref().unwrap_or(&self.number)
    }

    /// All callers who may have this number, in the one spelling that it has. An account has digits alone, so one of an
    /// international number begins with `00`.
    pub(super) fn all_of(number: &str) -> [Self; 2] {
        let account = format!("{TECHNOLOGY}{}", number::dialled(number));
        [None, Some(account)].map(|account| Self {
            number: number.to_owned(),
            account,
        })
    }
}

/// The account of an internal caller: the channel is named after it, and it is their number, or their extension where
/// FreePBX shows another number for that (CID Num Alias).
fn account(signs: Signs<'_>) -> Option<&str> {
    let name = signs.channel.trim().strip_prefix(TECHNOLOGY)?;
    // Asterisk names a channel by its endpoint and a hexadecimal count: `PJSIP/201-0000002a`.
    let (account, count) = name.rsplit_once('-')?;
    let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_same = [signs.number, signs.extension]
        .map(str::trim)
        .contains(&account);
    let is_number = account.bytes().all(|byte| byte.is_ascii_digit());
    (is_count && is_same && is_number).then_some(account)
}

/// The channel variable in which FreePBX keeps the extension that it takes the caller for.
pub(crate) const FREEPBX_EXTENSION: &str = "AMPUSER";
const TECHNOLOGY: &str = "PJSIP/";

#[cfg(test)]
mod tests {
    use super::*;

    fn signs<'a>(channel: &'a str, number: &'a str, presentation: &'a str) -> Signs<'a> {
        Signs {
            channel,
            number,
            extension: "",
            presentation: Presentation::of(None, presentation),
        }
    }

    #[test]
    fn only_an_account_that_is_the_callers_number_is_internal() {
        let table = [
            ("a phone", "PJSIP/200-0000000a", "200", true),
            (
                "its number with spaces",
                "PJSIP/200-0000000a",
                " 200 ",
                true,
            ),
            ("another number", "PJSIP/200-0000000a", "201", false),
            ("the same beginning", "PJSIP/2000-0000000a", "200", false),
            ("a trunk", "PJSIP/provider-0000000a", "200", false),
            (
                "a trunk of several words",
                "PJSIP/my-200-0000000a",
                "200",
                false,
            ),
            (
                "callers who are not known",
                "PJSIP/anonymous-0000000a",
                "anonymous",
                false,
            ),
            (
                "an account in a domain",
                "PJSIP/200@a.example-0000000a",
                "200",
                false,
            ),
            // From: <sip:200@200> of a guest.
            ("chan_sip", "SIP/200-0000000a", "200", false),
            ("IAX", "IAX2/200-1234", "200", false),
            (
                "a Local channel",
                "Local/200@from-internal-0000000a;1",
                "200",
                false,
            ),
            (
                "a forged technology",
                "PJSIP/PJSIP/200-0000000a",
                "200",
                false,
            ),
            ("lower case", "pjsip/200-0000000a", "200", false),
            ("no count", "PJSIP/200", "200", false),
            ("an empty count", "PJSIP/200-", "200", false),
            ("two counts", "PJSIP/200-0000000a-0000000b", "200", false),
            (
                "another spelling",
                "PJSIP/0049301234-0000000a",
                "+49301234",
                false,
            ),
            ("a sign", "PJSIP/+49301234-0000000a", "+49301234", false),
            ("nothing", "", "200", false),
        ];
        for (name, channel, number, is_internal) in table {
            let signs = signs(channel, number, "0");
            let caller = Caller::of(signs, Callers::Internal);
            assert_eq!(caller.is_some(), is_internal, "{name}");
            assert_eq!(Caller::of(signs, Callers::None), None, "{name}");
            let all = Caller::of(signs, Callers::All);
            assert_eq!(all.is_some(), normal(number).is_some(), "{name}");
        }
    }

    #[test]
    fn an_extension_that_shows_another_number_is_still_its_account() {
        let table = [
            ("an alias", "PJSIP/200-0000000a", "4930123", "200", true),
            (
                "an alias that is another's number",
                "PJSIP/201-0000000a",
                "200",
                "201",
                true,
            ),
            (
                "a device with a user of its own",
                "PJSIP/9200-0000000a",
                "200",
                "200",
                false,
            ),
            (
                "an outside caller",
                "PJSIP/provider-0000000a",
                "200",
                "200",
                false,
            ),
            (
                "an account of words",
                "PJSIP/door-0000000a",
                "200",
                "door",
                false,
            ),
            ("no account", "PJSIP/-0000000a", "200", "", false),
        ];
        for (name, channel, number, extension, is_internal) in table {
            let signs = Signs {
                extension,
                ..signs(channel, number, "0")
            };
            let caller = Caller::of(signs, Callers::Internal);
            assert_eq!(caller.is_some(), is_internal, "{name}");
            if let Some(caller) = caller {
                assert_eq!(Caller::all_of(&caller.number)[1], caller, "{name}");
            }
        }
    }

    #[test]
    fn a_number_that_is_not_to_be_shown_is_nobodys() {
        let table = [
            ("0", true),
            ("1", true),
            ("3", true),
            ("32", false),
            ("35", false),
            ("64", false),
            ("67", false),
            ("96", false),
            ("", false),
            ("allowed", false),
            ("256", false),
        ];
        for (presentation, is_somebody) in table {
            let signs = signs("PJSIP/200-0000000a", "200", presentation);
            let caller = Caller::of(signs, Callers::All);
            assert_eq!(caller.is_some(), is_somebody, "{presentation:?}");
        }
    }

    #[test]
    fn who_forges_the_number_of_a_phone_has_another_memory() {
        let phone = signs("PJSIP/200-0000000a", "200", "0");
        let outside = signs("PJSIP/provider-0000000b", "200", "0");
        let [phone, outside] =
            [phone, outside].map(|signs| Caller::of(signs, Callers::All).expect("a caller"));
        assert_ne!(phone.name(), outside.name());
        assert_eq!(Caller::all_of("200"), [outside, phone]);
    }

    #[test]
    fn an_account_with_an_international_number_is_found_by_that_number() {
        let international = signs("PJSIP/0049301234-0000000a", "0049301234", "0");
        let caller = Caller::of(international, Callers::Internal).expect("internal");
        assert_eq!(caller.number, "+49301234");
        assert_eq!(Caller::all_of("+49301234")[1], caller);
    }
}
