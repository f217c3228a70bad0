//! The settings that may be arguments of `AGI()`, which callers can have a part in.

/// A new setting is none until it stands here.
// Not here, for what it costs: a voice of Google's, which decides the price, the speed, which is paid by the second, and
// every time-out, since a short one asks the fallback as well.
pub(super) const SAFE_ARGUMENTS: &[&str] = &[
    "conversation.ask_after",
    "conversation.barge_in",
    "conversation.goodbye",
    "conversation.greeting",
    "conversation.quiet",
    "conversation.still_there",
    "languages",
    "llm.persona",
    "reply.format",
    "reply.play",
    "reply.stop_keys",
    "stt.alternative_languages",
    "stt.language",
    "stt.punctuation",
    "tts.gain_db",
    "tts.gemini.voice",
    "tts.level_dbfs",
    "tts.openai.voice",
    "waiting.after",
    "waiting.every",
    "waiting.music_class",
    "waiting.play",
    "waiting.sound",
];
