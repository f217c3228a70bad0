//! What is said around the questions.

use std::io::Read;

use crate::sys::identity::conf::etc_folder;
use crate::sys::number::is_dialled;
use crate::sys::owner;

/// How the extensions are reached that the dialplan of this machine has, once all is set up.
pub(crate) fn next() -> String {
    let plan = owner::open(&etc_folder().join("extensions_custom.conf"));
    let mut text = Vec::new();
    // What cannot be read has the usual numbers, as one that is not there yet.
    plan.and_then(|plan| plan.take(MAX_PLAN).read_to_end(&mut text))
        .ok();
    next_of(&String::from_utf8_lossy(&text))
}

/// The same for a dialplan of this text, in which `install.sh` marks its own lines.
pub(super) fn next_of(plan: &str) -> String {
    let own = plan.lines().skip_while(|line| !line.starts_with(BEGIN));
    let own = own.take_while(|line| !line.starts_with(END));
    let mut numbers = own.filter_map(|line| {
        let (number, _) = line.strip_prefix("exten => ")?.split_once(",1,")?;
        is_dialled(number).then_some(number)
    });
    let question = numbers.next().unwrap_or("8008");
    let conversation = numbers.next().unwrap_or("8009");
    format!(
        "
The way in, for {question} (a question) and the same for {conversation} (a conversation)
  FreePBX: Admin, Custom Destinations, Add: Target custom-openai,{question},1 and a Description; Submit
           Applications, Misc Applications, Add: a Description, Feature Code {question},
           Destination: Custom Destinations, and that one; Submit. Then Apply Config.
  Without FreePBX: include => custom-openai in the context of your phones.
Then dial {question} and ask, or {conversation} and talk.
"
    )
}

/// The lines of `install.sh` around its own.
const BEGIN: &str = "; BEGIN phone-assistant";
const END: &str = "; END phone-assistant";
const MAX_PLAN: u64 = 4 * 1024 * 1024;

/// Where keys come from.
pub(super) const WHERE_KEYS_ARE: &str = "\
A Gemini key is enough: https://aistudio.google.com/apikey. OpenAI's is taken as well:
https://platform.openai.com/api-keys. It is not shown while you type or paste it. For a
service account, run this again with --api-key-file and its JSON file.";

/// <https://ai.google.dev/gemini-api/terms>, as effective from 2026-03-23.
pub(super) const TERMS: &str = "
What Google's terms for Gemini say (https://ai.google.dev/gemini-api/terms):
  - Without billing on the key's project, Google may use what is sent to improve its products, and people may read it.
  - Callers in the European Economic Area, Switzerland or the United Kingdom need a project with billing.
  - Nothing that people under 18 are likely to use may be built on it, such as a school's telephone. For that there
    are servers of your own (phone-assistant help local); or Google's cloud services for speech with a service account,
    which have terms of their own, beside a model of another provider.
";
