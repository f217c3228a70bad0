//! The scenes: each has machines of its own and runs beside the others, unless it measures time.

mod call;
mod callers;
mod conversation;
mod crowd;
mod disclosure;
mod doctor;
mod fastagi;
mod faults;
mod hangups;
mod install;
mod interruptions;
mod machine_faults;
mod machines;
mod messages;
mod names;
mod older;
mod package;
mod providers;
mod real_servers;
mod roots;
mod service_faults;
mod services;
mod stand_in;
mod strangers;
mod stream;
mod talk;

use crate::lab::Lab;
use crate::report::Report;
pub(crate) use stream::HOLE;

/// A scene's name and what happens in it.
pub(crate) type Scene = (&'static str, fn(&Lab, &Report));

/// Those that measure time: nothing else runs beside them.
pub(crate) const ALONE: &[Scene] = &[
    ("stand-in", stand_in::run),
    ("one-call", call::run),
    ("first-word", stream::first_word),
    ("crowd", crowd::run),
    ("talk-figures", talk::figures),
    ("machines", machines::run),
    ("half-known-hosts", names::run),
];

/// Those that are played only when they are named, whole: they need what `run` downloads or makes for them alone.
pub(crate) const BY_NAME: &[Scene] = &[
    ("package", package::run),
    ("real-servers", real_servers::run),
];

/// Those in which nothing is heard, and which keep the processors busy.
pub(crate) const UNHEARD: &[Scene] = &[
    ("doctor", doctor::run),
    ("install", install::run),
    ("install-over-the-tutorial", install::over_the_tutorial),
    ("install-beside-a-stranger", install::beside_a_stranger),
    ("roots", roots::run),
    ("strangers", strangers::run),
];

/// Those that run side by side, the longest first.
pub(crate) const TOGETHER: &[Scene] = &[
    ("fallbacks", providers::fallbacks),
    ("endless-music", callers::endless_music),
    ("mute-phone", callers::mute_phone),
    ("thinking", callers::thinking),
    ("hang-ups", hangups::run),
    ("fastagi", fastagi::run),
    ("stream", stream::run),
    ("broken-stream", stream::broken),
    ("waiting", stream::waiting),
    ("speech-to-text-faults", service_faults::speech_to_text),
    ("model-faults", service_faults::model),
    ("voice-faults", service_faults::voice),
    ("oldest-dialplans", older::first),
    ("older-dialplans", older::later),
    ("long-question", callers::long_question),
    ("strange-names", callers::strange_names),
    ("forged-numbers", callers::forged_numbers),
    ("settings-faults", machine_faults::settings),
    ("disk-faults", machine_faults::disk),
    ("network-faults", machine_faults::network),
    ("deaths", machine_faults::deaths),
    ("silent-callers", callers::silent),
    ("own-servers", providers::local),
    ("one-key", providers::one_key),
    ("limits", providers::limits),
    ("talk", conversation::run),
    ("talk-timeline", talk::timeline),
    ("talk-echoes", talk::echoes),
    ("talk-interruptions", interruptions::run),
    ("talk-into-the-greeting", interruptions::into_the_greeting),
    ("talk-beside-a-television", interruptions::television),
    ("talk-mobile-echo", interruptions::mobile),
    ("talk-hang-ups", conversation::hang_ups::run),
    ("talk-memory", conversation::memory::run),
    ("talk-transfer", conversation::transfers::run),
    ("talk-operator", conversation::operator::run),
    (
        "talk-transfer-to-nobody",
        conversation::transfers::to_nobody,
    ),
    ("personas", conversation::personas::run),
    ("disclosure", disclosure::run),
    ("messages", messages::run),
];
