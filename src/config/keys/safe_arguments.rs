//! The settings that may be arguments of `AGI()`, which callers can have a part in.

use super::{Key, setting};

impl Key {
    /// Whether an argument of `AGI()` may set it as long as `call.arguments` is `safe`. Arguments may come from
    /// strangers: over FastAGI no password is asked for. So none may lead the program, the caller or a key elsewhere,
    /// spend more, or say what is kept of a call.
    pub(in crate::config) fn is_safe_argument(&self) -> bool {
        SAFE_ARGUMENTS.contains(&self)
    }
}

/// A new setting is none until it stands here.
// Not here, for what it costs: a voice of Google's, which decides the price, the speed, which is paid by the second, and
// every time-out, since a short one asks the fallback as well.
const SAFE_ARGUMENTS: &[&Key] = &[
    setting!("conversation.ask_after"),
    setting!("conversation.barge_in"),
    setting!("conversation.goodbye"),
    setting!("conversation.greeting"),
    setting!("conversation.quiet"),
    setting!("conversation.still_there"),
    setting!("languages"),
    setting!("llm.persona"),
    setting!("reply.format"),
    setting!("reply.play"),
    setting!("reply.stop_keys"),
    setting!("stt.alternative_languages"),
    setting!("stt.language"),
    setting!("stt.punctuation"),
    setting!("tts.gain_db"),
    setting!("tts.gemini.voice"),
    setting!("tts.level_dbfs"),
    setting!("tts.openai.voice"),
    setting!("waiting.after"),
    setting!("waiting.every"),
    setting!("waiting.music_class"),
    setting!("waiting.play"),
    setting!("waiting.sound"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::keys::{KEYS, Kind, find, in_table};

    /// The settings that a text names in backticks, by name, as a whole section, or as a section and then some of it.
    fn named(text: &str) -> BTreeSet<&'static str> {
        let words: Vec<_> = text.split('`').skip(1).step_by(2).collect();
        let mut section = "";
        let mut names = BTreeSet::new();
        for (index, word) in words.iter().enumerate() {
            let next = words.get(index + 1).copied().unwrap_or_default();
            if let Some(key) = find(word).or_else(|| in_table(section, word)) {
                names.insert(key.name);
            } else if in_table(word, next).is_some() {
                section = word;
            } else {
                let all = KEYS.iter().map(|key| key.name);
                let is_in = |name: &&str| name.rsplit_once('.').is_some_and(|(of, _)| of == *word);
                names.extend(all.filter(is_in));
            }
        }
        names
    }

    #[test]
    fn the_text_of_the_setting_that_allows_more_names_each_safe_argument() {
        let told = named(setting!("call.arguments").meaning);
        let safe = SAFE_ARGUMENTS.iter().map(|key| key.name);
        // The dialplan may set this one too.
        let safe = safe.chain([setting!("recording.keep").name]);
        assert_eq!(told, safe.collect());
    }

    #[test]
    fn safe_arguments_are_settings_and_none_of_them_leads_somewhere_or_spends() {
        for key in SAFE_ARGUMENTS {
            let leads = [
                Kind::Secret,
                Kind::Path,
                Kind::SecretFile,
                Kind::Url,
                Kind::UrlOrPrivate,
                Kind::UrlIfSet,
            ];
            assert!(!leads.contains(&key.kind), "{}", key.name);
        }
        for name in [
            "call.arguments",
            "call.fallback_after",
            "conversation.max_minutes",
            "conversation.transfers",
            "limits.max_daily_cost",
            "llm.gemini.thinking",
            "llm.hears",
            "stt.phrases",
            "stt.timeout",
            "tts.fallback",
            "tts.google.voice",
            "tts.openai.model",
            "tts.speed",
        ] {
            assert!(!find(name).expect(name).is_safe_argument(), "{name}");
        }
    }
}
