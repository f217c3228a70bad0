//! The services that the sandbox stands in for, what each is for, and the keys that they take.

/// The OpenAI key that the sandbox knows.
pub const OPENAI_API_KEY: &str = "sk-sandbox-0123456789abcdef";
/// The Gemini key that the sandbox knows.
pub const GEMINI_API_KEY: &str = "AQ.sandbox-0123456789abcdef";

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Speech to text.
    Stt,
    /// The language model.
    Llm,
    /// Text to speech.
    Tts,
    /// The exchange of a signed assertion for an access token.
    Token,
    /// A list of models.
    Models,
}

/// The service that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `POST /v1/speech:recognize`
    GoogleStt,
    /// `POST /v1/audio/transcriptions`
    OpenAiStt,
    /// `POST /v1beta/models/{model}:generateContent` or `:streamGenerateContent`
    Gemini,
    /// The same with sound in the request.
    GeminiStt,
    /// The same of a model for speech.
    GeminiTts,
    /// `POST /v1/chat/completions`
    OpenAiChat,
    /// `POST /v1/audio/speech`
    OpenAiTts,
    /// `POST /v1/text:synthesize`
    GoogleTts,
    /// `POST /token`
    Token,
    /// `GET /v1/models` or `/v1beta/models`
    Models,
}

impl Service {
    /// What it is for.
    pub fn stage(self) -> Stage {
        match self {
            Self::GoogleStt | Self::OpenAiStt | Self::GeminiStt => Stage::Stt,
            Self::Gemini | Self::OpenAiChat => Stage::Llm,
            Self::OpenAiTts | Self::GoogleTts | Self::GeminiTts => Stage::Tts,
            Self::Token => Stage::Token,
            Self::Models => Stage::Models,
        }
    }
}
