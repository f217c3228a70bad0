//! Google's Gemini, `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`, where it answers in words;
//! where it transcribes or speaks, [`gemini_stt`] and `gemini_tts` do.
//!
//! A stream is one of events with `alt=sse` in the query, else an array of JSON that grows.
//! What is asked is looked up in the [`Script`](super::script::Script)s. Spec: <https://ai.google.dev/api/generate-content>.

use serde_json::{Value, json};

use super::context::Context;
use super::delivery::{Form, ModelPace, Piece, Right};
use super::functions;
use super::gemini_stt;
use super::google::{self, Api};
use super::http::{Request, Response};
use super::proto_json::{self, Fields, Shape, integer};

pub(super) const API: Api = Api {
    host: "generativelanguage.googleapis.com",
    method: "google.ai.generativelanguage.v1beta.GenerativeService.GenerateContent",
    title: "Generative Language API",
    scopes: &[
        "generative-language",
        "generative-language.retriever",
        "generative-language.tuning",
    ],
    takes_api_key: true,
};

/// Answers one request, whole or as a stream.
pub(super) fn answer(request: &Request, context: &Context<'_>) -> Right {
    let (model, form) = called(request).unwrap_or(("", Form::Whole));
    let pace = context.model_pace();
    match generate(model, request, context) {
        Ok(answer) if form == Form::Whole => Right::whole(
            Response::json(200, &answer.whole()),
            pace.due(answer.words.len()),
        ),
        Ok(answer) => stream(&answer, form, pace),
        Err(refusal) => Right::refusal(refusal, form),
    }
}

/// The model that a request's path names, and what is to become of its answer.
pub(super) fn called(request: &Request) -> Option<(&str, Form)> {
    let (model, method) = request
        .path
        .strip_prefix("/v1beta/models/")?
        .split_once(':')?;
    match method {
        "generateContent" => Some((model, Form::Whole)),
        "streamGenerateContent" if request.query.split('&').any(|part| part == "alt=sse") => {
            Some((model, Form::Events))
        }
        "streamGenerateContent" => Some((model, Form::Array)),
        _ => None,
    }
}

fn generate(model: &str, request: &Request, context: &Context<'_>) -> Result<Generated, Response> {
    let mut body = read(model, request, context)?;
    let asked = functions::take_from_gemini(&mut body)?;
    if asked.is_offered && context.knows_no_functions() {
        let message = format!("Function calling is not enabled for models/{model}");
        return Err(google::invalid(&message));
    }
    let sound = gemini_stt::sound_in(last_parts(&body).map_err(google::invalid)?);
    let sound = sound.map_err(google::invalid)?;
    let question = match &sound {
        Some(clip) => context.heard_in(clip).join(" "),
        None => last_question(&body).map_err(google::invalid)?,
    };
    let turns = context.calling();
    let turn = asked.next(&turns);
    let answer = match (turn, &sound) {
        (Some(turn), _) => turn.words.clone(),
        (None, Some(_)) => answer_heard(&question, &asked, &body, context),
        (None, None) => (asked.answer(context)).unwrap_or_else(|| context.answer_to(&question)),
    };
    let calls = turn.map(|turn| functions::gemini_parts(asked.results.len(), turn));
    let limit = integer(&body["generationConfig"]["maxOutputTokens"]);
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(usize::MAX);
    let words = answer.split_inclusive(' ').map(str::to_owned);
    Ok(Generated {
        model: model.to_owned(),
        asked: match &sound {
            Some(_) => 0,
            None => question.split_whitespace().count(),
        },
        heard: sound.as_ref().map_or(0, gemini_stt::tokens),
        words: words.clone().take(limit).collect(),
        calls: calls.unwrap_or_default(),
        finish_reason: if words.count() > limit {
            "MAX_TOKENS"
        } else {
            "STOP"
        },
        id: context.request_id(),
    })
}

/// The answer to a question that was heard, with the words behind it where the model is told to write them down.
fn answer_heard(
    question: &str,
    asked: &functions::Asked,
    body: &Value,
    context: &Context<'_>,
) -> String {
    let answer = (asked.answer(context)).unwrap_or_else(|| context.answer_to(question));
    let told = body["systemInstruction"].to_string();
    match (told.contains("[[heard"), question) {
        (false, _) => answer,
        (true, "") => "[[heard]]".to_owned(),
        (true, _) => format!("{answer} [[heard {question}]]"),
    }
}

/// The body of a request that may ask this model, and names only what there is.
///
/// # Errors
/// The answer to one that the service would refuse.
pub(super) fn read(
    model: &str,
    request: &Request,
    context: &Context<'_>,
) -> Result<Value, Response> {
    API.authorize(request, context)?;
    let body = proto_json::read(&request.body, REQUEST)
        .map_err(|violations| google::bad_request(&violations))?;
    let known = MODELS.iter().find(|(known, _)| *known == model);
    let Some((_, levels)) = known.filter(|_| !context.is_retired(model)) else {
        return Err(no_such_model(model));
    };
    check_thinking(&body["generationConfig"]["thinkingConfig"], levels).map_err(google::invalid)?;
    Ok(body)
}

/// The parts of the last turn, which must be the user's.
///
/// # Errors
/// What the service says of any other.
pub(super) fn last_parts(body: &Value) -> Result<&[Value], &'static str> {
    let contents = body["contents"]
        .as_array()
        .filter(|contents| !contents.is_empty());
    let contents =
        contents.ok_or("* GenerateContentRequest.contents: contents is not specified\n")?;
    let role = |content: &Value| content["role"].as_str().unwrap_or("user").to_owned();
    if contents
        .iter()
        .any(|content| !["user", "model"].contains(&role(content).as_str()))
    {
        return Err("Please use a valid role: user, model.");
    }
    let last = &contents[contents.len() - 1];
    if role(last) != "user" {
        return Err("Please ensure that the last turn of the conversation is of the user.");
    }
    Ok(last["parts"].as_array().map_or(&[][..], Vec::as_slice))
}

/// The refusal of a model that does not exist, or not any more.
pub(super) fn no_such_model(model: &str) -> Response {
    let message = format!(
        "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ModelService.ListModels to see the list of available models and their supported methods."
    );
    google::error(404, &message, &json!([]))
}

/// What the model says to a question; a word is a token, and keeps the space behind it.
struct Generated {
    model: String,
    asked: usize,
    /// The tokens of the sound.
    heard: usize,
    words: Vec<String>,
    /// The parts by which it calls, behind the words.
    calls: Vec<Value>,
    finish_reason: &'static str,
    id: String,
}

impl Generated {
    fn whole(&self) -> Value {
        let mut parts = vec![json!({"text": self.words.concat()})];
        parts.extend(self.calls.clone());
        self.finished(self.part(&parts))
    }

    fn part(&self, parts: &[Value]) -> Value {
        json!({
            "candidates": [{
                "content": {"parts": parts, "role": "model"},
                "index": 0,
            }],
            "modelVersion": self.model,
            "responseId": self.id,
        })
    }

    fn finished(&self, mut part: Value) -> Value {
        part["candidates"][0]["finishReason"] = self.finish_reason.into();
        part["usageMetadata"] = json!({
            "promptTokenCount": self.asked + self.heard,
            "candidatesTokenCount": self.words.len(),
            "totalTokenCount": self.asked + self.heard + self.words.len(),
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": self.asked},
                {"modality": "AUDIO", "tokenCount": self.heard},
            ],
        });
        part
    }

    /// The parts of a stream, and how many words have been said at the end of each; at least one.
    fn parts(&self) -> Vec<(Value, usize)> {
        let count = self.words.len().div_ceil(WORDS_PER_EVENT);
        // An answer has at least one part.
        let count = count.max(usize::from(self.calls.is_empty()));
        let said = (0..count).map(|index| {
            let end = self.words.len().min((index + 1) * WORDS_PER_EVENT);
            let words = self.words[index * WORDS_PER_EVENT..end].concat();
            (self.part(&[json!({"text": words})]), end)
        });
        let all = self.words.len();
        let called = self
            .calls
            .iter()
            .map(|call| (self.part(std::slice::from_ref(call)), all));
        let mut parts: Vec<_> = said.chain(called).collect();
        if let Some((last, _)) = parts.last_mut() {
            *last = self.finished(last.take());
        }
        parts
    }
}

fn stream(answer: &Generated, form: Form, pace: ModelPace) -> Right {
    let mut body = Vec::new();
    let mut pieces = Vec::new();
    let parts = answer.parts();
    for (index, (part, words)) in parts.iter().enumerate() {
        let text = if form == Form::Events {
            format!("data: {part}\r\n\r\n")
        } else {
            let before = if index == 0 { "[" } else { ",\r\n" };
            let after = if index + 1 == parts.len() {
                "\n]\n"
            } else {
                ""
            };
            format!("{before}{part:#}{after}")
        };
        body.extend(text.into_bytes());
        pieces.push(Piece {
            end: body.len(),
            due: pace.due(*words),
        });
    }
    let content_type = if form == Form::Events {
        "text/event-stream"
    } else {
        "application/json; charset=UTF-8"
    };
    Right {
        response: Response::new(200, content_type, body).chunked(),
        form,
        pieces,
    }
}

/// The text of the last turn.
fn last_question(body: &Value) -> Result<String, &'static str> {
    let parts = last_parts(body)?;
    let text: String = parts
        .iter()
        .filter_map(|part| part["text"].as_str())
        .collect();
    if text.is_empty() {
        return Err(
            "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n",
        );
    }
    Ok(text)
}

fn check_thinking(config: &Value, levels: &[&str]) -> Result<(), &'static str> {
    let level = config["thinkingLevel"].as_str();
    if level.is_some() && config.get("thinkingBudget").is_some() {
        return Err("You can only set only one of thinking budget and thinking level.");
    }
    match level {
        Some(level) if !levels.contains(&level) => Err(
            "Thinking level is not supported for this model. Please retry with other thinking level.",
        ),
        _ => Ok(()),
    }
}

const REQUEST: Fields = &[
    ("model", Shape::Text),
    ("contents", Shape::List(&Shape::Message(CONTENT))),
    ("system_instruction", Shape::Message(CONTENT)),
    ("tools", Shape::List(&Shape::Message(TOOL))),
    ("tool_config", Shape::Any),
    ("safety_settings", Shape::List(&Shape::Any)),
    ("generation_config", Shape::Message(GENERATION_CONFIG)),
    ("cached_content", Shape::Text),
];
const CONTENT: Fields = &[
    ("role", Shape::Text),
    ("parts", Shape::List(&Shape::Message(PART))),
];
const PART: Fields = &[
    ("text", Shape::Text),
    ("thought", Shape::Bool),
    ("thought_signature", Shape::Bytes),
    (
        "inline_data",
        Shape::Message(&[("mime_type", Shape::Text), ("data", Shape::Bytes)]),
    ),
    ("function_call", Shape::Any),
    ("function_response", Shape::Any),
    (
        "speech_metadata",
        Shape::Message(&[("speaker", Shape::Text), ("style", Shape::Text)]),
    ),
];
const TOOL: Fields = &[
    (
        "function_declarations",
        Shape::List(&Shape::Message(&[
            ("name", Shape::Text),
            ("description", Shape::Text),
            ("parameters", Shape::Any),
            ("parameters_json_schema", Shape::Any),
        ])),
    ),
    ("google_search", Shape::Any),
    ("url_context", Shape::Any),
    ("code_execution", Shape::Any),
];
const GENERATION_CONFIG: Fields = &[
    ("stop_sequences", Shape::List(&Shape::Text)),
    ("response_mime_type", Shape::Text),
    ("response_schema", Shape::Any),
    ("response_modalities", Shape::List(&Shape::Text)),
    ("speech_config", Shape::Message(SPEECH_CONFIG)),
    (
        "audio_transcription_config",
        Shape::Message(AUDIO_TRANSCRIPTION_CONFIG),
    ),
    ("candidate_count", Shape::Integer),
    ("max_output_tokens", Shape::Integer),
    ("temperature", Shape::Number),
    ("top_p", Shape::Number),
    ("top_k", Shape::Integer),
    ("seed", Shape::Integer),
    ("thinking_config", Shape::Message(THINKING_CONFIG)),
];
const SPEECH_CONFIG: Fields = &[
    (
        "voice_config",
        Shape::Message(&[
            (
                "prebuilt_voice_config",
                Shape::Message(&[("voice_name", Shape::Text)]),
            ),
            ("voice", Shape::Text),
        ]),
    ),
    ("multi_speaker_voice_config", Shape::Any),
    ("language_code", Shape::Text),
];
const AUDIO_TRANSCRIPTION_CONFIG: Fields = &[
    ("language_codes", Shape::List(&Shape::Text)),
    ("custom_vocabulary", Shape::List(&Shape::Text)),
    (
        "mode",
        Shape::Enum(
            "type.googleapis.com/google.ai.generativelanguage.v1beta.AudioTranscriptionConfig.Mode",
            &["MODE_UNSPECIFIED", "VERBATIM", "SMART"],
        ),
    ),
    ("word_timestamp", Shape::Bool),
    ("diarization", Shape::Bool),
];
const THINKING_CONFIG: Fields = &[
    (
        "thinking_level",
        Shape::Enum(
            "type.googleapis.com/google.ai.generativelanguage.v1beta.ThinkingConfig.ThinkingLevel",
            &[
                "THINKING_LEVEL_UNSPECIFIED",
                "MINIMAL",
                "LOW",
                "MEDIUM",
                "HIGH",
                "XHIGH",
            ],
        ),
    ),
    ("thinking_budget", Shape::Integer),
    ("include_thoughts", Shape::Bool),
];
/// The models of late 2026, and the thinking levels that each takes. What transcribes has `transcribe` in its name, what
/// speaks `tts`.
pub(super) const MODELS: &[(&str, &[&str])] = &[
    ("gemini-3.5-flash-lite", ALL_LEVELS),
    ("gemini-3.6-flash", ALL_LEVELS),
    ("gemini-3.8-flash", &["LOW", "MEDIUM", "HIGH"]),
    ("gemini-3.8-flash-lite-tts", &[]),
    ("gemini-3.8-flash-tts", &[]),
    ("gemini-3.5-transcribe", &[]),
    ("gemini-flash-lite-latest", ALL_LEVELS),
    ("gemini-flash-latest", &["LOW", "MEDIUM", "HIGH"]),
    ("gemini-2.5-flash-lite", &[]),
];
const WORDS_PER_EVENT: usize = 6;
const ALL_LEVELS: &[&str] = &["MINIMAL", "LOW", "MEDIUM", "HIGH"];
