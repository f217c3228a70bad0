//! Google Speech-to-Text v1, `POST /v1/speech:recognize`.
//!
//! The request is checked as the service documents it; what was said is told by comparing the samples sent
//! with the recordings of the [`Script`](super::script::Script)s. Spec:
//! <https://cloud.google.com/speech-to-text/docs/reference/rest/v1/speech/recognize>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::context::Context;
use super::google::{self, Api};
use super::http::{Request, Response};
use super::proto_json::{self, Fields, Shape, integer};
use crate::audio::{Clip, g711, wav};

pub(super) const API: Api = Api {
    host: "speech.googleapis.com",
    method: "google.cloud.speech.v1.Speech.Recognize",
    title: "Cloud Speech-to-Text API",
    scopes: &["cloud-platform"],
    takes_api_key: false,
};

/// Answers one request.
///
/// # Errors
/// The answer to one that the service would refuse.
pub(super) fn recognize(request: &Request, context: &Context<'_>) -> Result<Response, Response> {
    API.authorize(request, context)?;
    if request.body.len() > LONGEST_REQUEST {
        return Err(google::invalid(
            "Request payload size exceeds the limit: 10485760 bytes.",
        ));
    }
    let body = proto_json::read(&request.body, REQUEST)
        .map_err(|violations| google::bad_request(&violations))?;
    check_config(&body["config"]).map_err(|message| google::invalid(&message))?;
    let clip = decode(&body).map_err(google::invalid)?;
    if clip.seconds() > LONGEST_SECONDS {
        return Err(google::invalid(TOO_LONG));
    }
    Ok(Response::json(200, &answer(&clip, &body, context)))
}

fn answer(clip: &Clip, body: &Value, context: &Context<'_>) -> Value {
    let said = context.heard_in(clip);
    let billed = format!("{:.0}s", clip.seconds().ceil());
    let mut answer = json!({"totalBilledTime": billed, "requestId": context.request_id()});
    let language = body["config"]["languageCode"]
        .as_str()
        .unwrap_or_default()
        .to_lowercase();
    let results: Vec<_> = said
        .iter()
        .enumerate()
        .map(|(index, question)| {
            // The portions of one recording are meant to be joined as they are.
            let transcript = if index == 0 {
                question.clone()
            } else {
                format!(" {question}")
            };
            json!({
                "alternatives": [{"transcript": transcript, "confidence": 0.93}],
                "resultEndTime": format!("{:.3}s", clip.seconds()),
                "languageCode": language,
            })
        })
        .collect();
    if !results.is_empty() {
        answer["results"] = results.into();
    }
    answer
}

fn check_config(config: &Value) -> Result<(), String> {
    let encoding = config["encoding"]
        .as_str()
        .unwrap_or("ENCODING_UNSPECIFIED");
    if !["LINEAR16", "MULAW"].contains(&encoding) {
        return Err("Invalid recognition 'config': bad encoding..".to_owned());
    }
    let rate = integer(&config["sampleRateHertz"]).unwrap_or(0);
    if !(8000..=48_000).contains(&rate) {
        return Err("Invalid recognition 'config': bad sample rate hertz.".to_owned());
    }
    if config["languageCode"]
        .as_str()
        .unwrap_or_default()
        .is_empty()
    {
        return Err("Invalid recognition 'config': bad language code..".to_owned());
    }
    if config["alternativeLanguageCodes"]
        .as_array()
        .is_some_and(|codes| codes.len() > 3)
    {
        return Err(
            "Invalid recognition 'config': too many alternative language codes, at most 3."
                .to_owned(),
        );
    }
    if !MODELS.contains(&config["model"].as_str().unwrap_or("default")) {
        return Err(format!(
            "Invalid recognition 'config': Incorrect model specified: {}",
            config["model"]
        ));
    }
    check_phrases(config)
}

fn check_phrases(config: &Value) -> Result<(), String> {
    let contexts = config["speechContexts"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let phrases = contexts
        .iter()
        .filter_map(|context| context["phrases"].as_array())
        .flatten();
    let lens: Vec<_> = phrases
        .map(|phrase| phrase.as_str().unwrap_or_default().chars().count())
        .collect();
    if lens.len() > 5000 || lens.iter().sum::<usize>() > 100_000 {
        return Err("Invalid 'config.speech_contexts': too many phrases.".to_owned());
    }
    if lens.iter().any(|len| *len > 100) {
        return Err(
            "Invalid 'config.speech_contexts': phrase is too long, at most 100 characters."
                .to_owned(),
        );
    }
    let boosts = contexts
        .iter()
        .filter_map(|context| context["boost"].as_f64());
    if boosts
        .into_iter()
        .any(|boost| !(0.0..=20.0).contains(&boost))
    {
        return Err("Invalid 'config.speech_contexts': boost must be between 0 and 20.".to_owned());
    }
    Ok(())
}

fn decode(body: &Value) -> Result<Clip, &'static str> {
    let content = body["audio"]["content"].as_str().unwrap_or_default();
    let bytes = STANDARD.decode(content).unwrap_or_default();
    if bytes.is_empty() {
        return Err("RecognitionAudio not set.");
    }
    let rate_hz = integer(&body["config"]["sampleRateHertz"])
        .and_then(|rate| u32::try_from(rate).ok())
        .unwrap_or(0);
    if bytes.starts_with(b"RIFF") {
        let clip = wav::parse(&bytes).ok_or("Must use single channel (mono) audio of 16 bits.")?;
        return if clip.rate_hz == rate_hz {
            Ok(clip)
        } else {
            Err(OTHER_RATE)
        };
    }
    let samples = if body["config"]["encoding"] == "MULAW" {
        bytes.iter().map(|byte| g711::from_mulaw(*byte)).collect()
    } else if bytes.len().is_multiple_of(2) {
        bytes
            .chunks_exact(2)
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect()
    } else {
        return Err("Invalid audio content: LINEAR16 audio must have an even number of bytes.");
    };
    Ok(Clip { rate_hz, samples })
}

const REQUEST: Fields = &[
    ("config", Shape::Message(CONFIG)),
    ("audio", Shape::Message(AUDIO)),
];
const AUDIO: Fields = &[("content", Shape::Bytes), ("uri", Shape::Text)];
const CONFIG: Fields = &[
    (
        "encoding",
        Shape::Enum(
            "type.googleapis.com/google.cloud.speech.v1.RecognitionConfig.AudioEncoding",
            ENCODINGS,
        ),
    ),
    ("sample_rate_hertz", Shape::Integer),
    ("audio_channel_count", Shape::Integer),
    ("enable_separate_recognition_per_channel", Shape::Bool),
    ("language_code", Shape::Text),
    ("alternative_language_codes", Shape::List(&Shape::Text)),
    ("max_alternatives", Shape::Integer),
    ("profanity_filter", Shape::Bool),
    ("adaptation", Shape::Any),
    (
        "speech_contexts",
        Shape::List(&Shape::Message(SPEECH_CONTEXT)),
    ),
    ("enable_word_time_offsets", Shape::Bool),
    ("enable_word_confidence", Shape::Bool),
    ("enable_automatic_punctuation", Shape::Bool),
    ("enable_spoken_punctuation", Shape::Bool),
    ("enable_spoken_emojis", Shape::Bool),
    ("diarization_config", Shape::Any),
    ("metadata", Shape::Any),
    ("model", Shape::Text),
    ("use_enhanced", Shape::Bool),
];
const SPEECH_CONTEXT: Fields = &[
    ("phrases", Shape::List(&Shape::Text)),
    ("boost", Shape::Number),
];
const ENCODINGS: &[&str] = &[
    "ENCODING_UNSPECIFIED",
    "LINEAR16",
    "FLAC",
    "MULAW",
    "ALAW",
    "AMR",
    "AMR_WB",
    "OGG_OPUS",
    "SPEEX_WITH_HEADER_BYTE",
    "WEBM_OPUS",
];
const MODELS: &[&str] = &[
    "",
    "default",
    "latest_long",
    "latest_short",
    "command_and_search",
    "phone_call",
    "video",
    "medical_conversation",
    "medical_dictation",
    "telephony",
    "telephony_short",
];
const LONGEST_REQUEST: usize = 10 * 1024 * 1024;
const LONGEST_SECONDS: f64 = 60.0;
const OTHER_RATE: &str = "sample_rate_hertz in RecognitionConfig must either be unspecified or match the value in the WAV header.";
const TOO_LONG: &str = "Sync input too long. For audio longer than 1 min use LongRunningRecognize with a 'uri' parameter.";
