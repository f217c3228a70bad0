//! What the methods of Gemini take and answer: <https://ai.google.dev/api/generate-content>.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::Tokens;
use crate::cloud::llm::functions::Function;

/// The body of a request, with the `generationConfig` of a stage.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cloud) struct Body<'a, C> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cloud) system_instruction: Option<Turn<'a>>,
    pub(in crate::cloud) contents: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cloud) tools: Option<[Tool<'a>; 1]>,
    pub(in crate::cloud) generation_config: C,
}

impl<C: Serialize> Body<'_, C> {
    /// The body as JSON.
    pub(in crate::cloud) fn bytes(&self) -> Vec<u8> {
        // Plain strings and numbers: there is nothing in it that JSON cannot hold.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// What one side says.
#[derive(Serialize)]
pub(in crate::cloud) struct Turn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<Part<'a>>,
}

impl<'a> Turn<'a> {
    /// The system instruction.
    pub(in crate::cloud) fn instruction(text: &'a str) -> Self {
        Self {
            role: None,
            parts: vec![Part::text(text)],
        }
    }

    /// A turn of the caller's.
    pub(in crate::cloud) fn user(parts: Vec<Part<'a>>) -> Self {
        Self {
            role: Some("user"),
            parts,
        }
    }

    /// A turn of the model's.
    pub(in crate::cloud) fn model_parts(parts: Vec<Part<'a>>) -> Self {
        Self {
            role: Some("model"),
            parts,
        }
    }
}

/// The functions that the model may call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cloud) struct Tool<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a Value>,
}

impl<'a> Tool<'a> {
    /// The field for these functions, where there are any.
    pub(in crate::cloud) fn of(functions: &'a [Function]) -> Option<[Self; 1]> {
        let declarations = functions.iter().map(|function| Declaration {
            name: &function.name,
            description: &function.description,
            parameters_json_schema: with_properties(&function.parameters),
        });
        let function_declarations: Vec<_> = declarations.collect();
        (!functions.is_empty()).then_some([Self {
            function_declarations,
        }])
    }
}

/// A schema that has properties: a function without parameters is declared without a schema.
fn with_properties(schema: &Value) -> Option<&Value> {
    let properties = schema["properties"].as_object()?;
    (!properties.is_empty()).then_some(schema)
}

/// A part of a turn: words, with how they are to be spoken, sound, a call, or what came of one.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cloud) struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<Blob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speech_metadata: Option<SpeechMetadata<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<FunctionResponse<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

impl<'a> Part<'a> {
    /// Words.
    pub(in crate::cloud) fn text(text: &'a str) -> Self {
        Self {
            text: Some(text),
            ..Self::default()
        }
    }

    /// Words that are to be spoken in this style; an empty one is the voice's own.
    pub(in crate::cloud) fn spoken(text: &'a str, style: &'a str) -> Self {
        let style = Some(style).filter(|style| !style.is_empty());
        Self {
            speech_metadata: style.map(|style| SpeechMetadata { style }),
            ..Self::text(text)
        }
    }

    /// A part of the model's own, as [`Reply::parts_to_return`] has kept it.
    pub(in crate::cloud) fn returned(part: &'a Value) -> Self {
        let text = |name: &str| part.get(name).and_then(Value::as_str);
        Self {
            text: text(TEXT),
            function_call: part.get(FUNCTION_CALL),
            thought_signature: text(THOUGHT_SIGNATURE),
            ..Self::default()
        }
    }

    /// What came of a call.
    pub(in crate::cloud) fn result(id: &'a str, name: &'a str, result: &'a str) -> Self {
        let id = Some(id).filter(|id| !id.is_empty());
        Self {
            function_response: Some(FunctionResponse {
                id,
                name,
                response: Response { result },
            }),
            ..Self::default()
        }
    }

    /// A WAV file, in base64.
    pub(in crate::cloud) fn wav(data: String) -> Self {
        Self {
            inline_data: Some(Blob {
                mime_type: "audio/wav".to_owned(),
                data,
            }),
            ..Self::default()
        }
    }
}

#[derive(Serialize)]
struct FunctionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: &'a str,
    response: Response<'a>,
}

#[derive(Serialize)]
struct Response<'a> {
    result: &'a str,
}

#[derive(Serialize)]
struct SpeechMetadata<'a> {
    style: &'a str,
}

/// A file in base64.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cloud) struct Blob {
    pub(in crate::cloud) mime_type: String,
    pub(in crate::cloud) data: String,
}

/// How much the model may think: tokens that the caller waits for and never hears.
///
/// Gemini 2.5 counts them, later models know levels, and both fields together are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cloud) enum Thinking {
    ThinkingLevel(String),
    ThinkingBudget(u32),
}

impl Thinking {
    /// The field that asks `model` for `setting`; `least` is the minimum that the model is known to allow. From 3.7 Flash
    /// on that is `low`, which every later model has; 2.5 Pro cannot do without 128 tokens.
    pub(in crate::cloud) fn of(setting: &str, model: &str) -> Option<Self> {
        // The enum is in upper case: MINIMAL, LOW, MEDIUM, HIGH, XHIGH.
        let level = |level: &str| Some(Self::ThinkingLevel(level.to_ascii_uppercase()));
        match setting {
            "unset" => None,
            "least" if model.starts_with("gemini-2.5-pro") => Some(Self::ThinkingBudget(128)),
            "least" if model.starts_with("gemini-2.") => Some(Self::ThinkingBudget(0)),
            // By Google's table of thinking levels (autumn of 2026) Flash-Lite and 3.6 Flash take MINIMAL; 3.7 and 3.8
            // Flash begin at LOW, and were seen to answer 400 to less.
            "least" if model.contains("lite") => level("minimal"),
            "least" if model.starts_with("gemini-3.6-flash") => level("minimal"),
            "least" => level("low"),
            chosen => level(chosen),
        }
    }
}

/// An answer, or an event of one. Every field may be missing; `finishReason` is a word from a list that grows.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cloud) struct Reply {
    candidates: Vec<Candidate>,
    prompt_feedback: PromptFeedback,
    usage_metadata: Value,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Candidate {
    content: Parts,
    finish_reason: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parts {
    parts: Vec<ReplyPart>,
}

/// A part of an answer: words, thought or meant for the caller, sound, or a call.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ReplyPart {
    text: String,
    thought: bool,
    inline_data: Blob,
    function_call: Option<FunctionCall>,
    thought_signature: String,
}

/// A call of a function.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(in crate::cloud) struct FunctionCall {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::cloud) id: String,
    pub(in crate::cloud) name: String,
    pub(in crate::cloud) args: Value,
}

impl ReplyPart {
    /// The part as it is to come back. A signature belongs to the very part that it came with.
    fn to_return(&self) -> Value {
        let mut part = json!({});
        if !self.text.is_empty() || self.function_call.is_none() {
            part[TEXT] = self.text.as_str().into();
        }
        if let Some(call) = &self.function_call {
            part[FUNCTION_CALL] = json!(call);
        }
        if !self.thought_signature.is_empty() {
            part[THOUGHT_SIGNATURE] = self.thought_signature.as_str().into();
        }
        part
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: String,
}

impl Reply {
    /// Whether there is anything in it but what was used.
    pub(in crate::cloud) fn has_answer(&self) -> bool {
        !self.candidates.is_empty() || !self.prompt_feedback.block_reason.is_empty()
    }

    /// Why it ends, or why the request is not answered at all; empty while it goes on.
    pub(in crate::cloud) fn reason(&self) -> &str {
        let blocked = self.prompt_feedback.block_reason.as_str();
        let ended = self.candidates.first();
        Some(blocked)
            .filter(|reason| !reason.is_empty())
            .or(ended.map(|candidate| candidate.finish_reason.as_str()))
            .unwrap_or_default()
    }

    /// The words, without what was thought.
    pub(in crate::cloud) fn words(&self) -> String {
        // Google sends thoughts only where `includeThoughts` asks for them, which no request does; what is spoken must
        // not depend on that.
        self.said().map(|part| part.text.as_str()).collect()
    }

    /// The calls that the model asks for.
    pub(in crate::cloud) fn calls(&self) -> impl Iterator<Item = &FunctionCall> {
        self.said().filter_map(|part| part.function_call.as_ref())
    }

    /// The parts as they are to come back with what came of calls; none where there are words alone.
    pub(in crate::cloud) fn parts_to_return(&self) -> Vec<Value> {
        let is_kept =
            |part: &ReplyPart| part.function_call.is_some() || !part.thought_signature.is_empty();
        if self.said().any(is_kept) {
            self.said().map(ReplyPart::to_return).collect()
        } else {
            Vec::new()
        }
    }

    fn said(&self) -> impl Iterator<Item = &ReplyPart> {
        self.parts().filter(|part| !part.thought)
    }

    /// The sound.
    pub(in crate::cloud) fn sound(&self) -> impl Iterator<Item = &Blob> {
        let blobs = self.parts().map(|part| &part.inline_data);
        blobs.filter(|blob| !blob.data.is_empty())
    }

    fn parts(&self) -> impl Iterator<Item = &ReplyPart> {
        let first = self.candidates.first().into_iter();
        first.flat_map(|candidate| &candidate.content.parts)
    }

    /// The tokens that were used so far, if the service tells: an answer is not discarded for its numbers. What is left out
    /// is 0.
    pub(in crate::cloud) fn tokens(&self) -> Option<Tokens> {
        let usage = self.usage_metadata.as_object()?;
        let count = |name: &str| usage.get(name).map_or(Some(0), Value::as_u64);
        Some(Tokens {
            input: count("promptTokenCount")?,
            output: count("candidatesTokenCount")?.saturating_add(count("thoughtsTokenCount")?),
        })
    }
}

/// The fields of a part that comes back.
const TEXT: &str = "text";
const FUNCTION_CALL: &str = "functionCall";
const THOUGHT_SIGNATURE: &str = "thoughtSignature";
