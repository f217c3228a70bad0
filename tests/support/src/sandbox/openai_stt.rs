//! OpenAI's transcription, `POST /v1/audio/transcriptions`: a form with a WAV file.
//!
//! Spec: <https://platform.openai.com/docs/api-reference/audio/createTranscription>, the form's:
//! <https://www.rfc-editor.org/rfc/rfc7578>.

use serde_json::{Map, Value, json};

use super::context::Context;
use super::http::{Request, Response};
use super::openai;
use crate::audio::{Clip, wav};

/// Answers one request.
///
/// # Errors
/// The answer to one that the service would refuse.
pub(super) fn transcribe(request: &Request, context: &Context<'_>) -> Result<Response, Response> {
    openai::check_key(request, context)?;
    let form = parts(request).ok_or_else(|| openai::refusal(None, None, NO_FORM))?;
    if let Some(part) = form
        .iter()
        .find(|part| !FIELDS.contains(&part.name.as_str()))
    {
        let message = format!("Unknown parameter: '{}'.", part.name);
        return Err(openai::refusal(
            Some(&part.name),
            Some("unknown_parameter"),
            &message,
        ));
    }
    let field = |name: &str| form.iter().find(|part| part.name == name);
    let text = |name: &str| field(name).map(|part| String::from_utf8_lossy(&part.content));
    let model = text("model").ok_or_else(|| openai::missing("model"))?;
    openai::check_model(&model, MODELS, OWN_MODELS, request, context)?;
    check_lists(&model, &form)?;
    let languages = form.iter().filter(|part| part.name.starts_with("language"));
    for language in languages {
        check_language(&String::from_utf8_lossy(&language.content))?;
    }
    let format = text("response_format").unwrap_or("json".into());
    openai::one_of(
        "response_format",
        &format,
        &["json", "text", "verbose_json"],
    )?;
    let file = field("file").ok_or_else(|| openai::missing("file"))?;
    let clip = file
        .clip()
        .ok_or_else(|| openai::refusal(None, None, BAD_FILE))?;
    let said = context.heard_in(&clip).join(" ");
    Ok(match &*format {
        "text" => Response::new(200, "text/plain; charset=utf-8", format!("{said}\n")),
        _ => Response::json(200, &json!({"text": said})),
    })
}

/// The form as JSON, for a test to look at: its texts, and of the file what it is.
pub(super) fn readable(request: &Request) -> Option<Value> {
    let mut fields = Map::new();
    for part in parts(request)? {
        let value = match &part.filename {
            None => String::from_utf8_lossy(&part.content).into_owned().into(),
            Some(filename) => {
                let clip = part.clip();
                json!({
                    "filename": filename,
                    "content_type": part.content_type,
                    "rate_hz": clip.as_ref().map(|clip| clip.rate_hz),
                    "seconds": clip.as_ref().map(Clip::seconds),
                })
            }
        };
        if part.name.ends_with("[]") {
            let list = fields.entry(part.name).or_insert_with(|| json!([]));
            list.as_array_mut()?.push(value);
        } else {
            fields.insert(part.name, value);
        }
    }
    Some(Value::Object(fields))
}

struct Part {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    content: Vec<u8>,
}

impl Part {
    /// What is to be transcribed: it must be called a file of a known kind, and be one.
    fn clip(&self) -> Option<Clip> {
        let name = self.filename.as_deref()?;
        self.content_type.as_deref()?;
        let is_wav = std::path::Path::new(name)
            .extension()
            .is_some_and(|kind| kind == "wav");
        wav::parse(&self.content).filter(|_| is_wav)
    }
}

/// The parts of a form; `None` if it is none.
fn parts(request: &Request) -> Option<Vec<Part>> {
    let kind = request.header("content-type")?;
    let boundary = kind.strip_prefix("multipart/form-data; boundary=")?;
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    // The first delimiter may stand at the very beginning.
    let body = [b"\r\n", &request.body[..]].concat();
    let mut rest = body.strip_prefix(&delimiter[..])?;
    let mut all = Vec::new();
    while let Some(after) = rest.strip_prefix(b"\r\n") {
        let end = after
            .windows(delimiter.len())
            .position(|window| window == delimiter)?;
        all.push(part(&after[..end])?);
        rest = &after[end + delimiter.len()..];
    }
    rest.starts_with(b"--").then_some(all)
}

fn part(bytes: &[u8]) -> Option<Part> {
    let head_len = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..head_len]).ok()?;
    let header = |name: &str| {
        head.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let disposition = header("content-disposition")?;
    let parameter = |name: &str| {
        let start = disposition.find(&format!("; {name}=\""))? + name.len() + 4;
        disposition[start..].split('"').next().map(str::to_owned)
    };
    Some(Part {
        name: parameter("name").filter(|_| disposition.starts_with("form-data"))?,
        filename: parameter("filename"),
        content_type: header("content-type"),
        content: bytes[head_len + 4..].to_vec(),
    })
}

fn check_language(code: &str) -> Result<(), Response> {
    if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(());
    }
    let message = format!(
        "Invalid language '{code}'. Language parameter must be specified in ISO-639-1 format."
    );
    Err(openai::refusal(
        Some("language"),
        Some("invalid_language_format"),
        &message,
    ))
}

/// Only the newest model takes lists, and a language or several, not both.
fn check_lists(model: &str, form: &[Part]) -> Result<(), Response> {
    let has = |name: &str| form.iter().any(|part| part.name == name);
    let list = form.iter().find(|part| part.name.ends_with("[]"));
    match list {
        Some(part) if model != "gpt-transcribe" => {
            let message = format!("Unknown parameter: '{}'.", part.name);
            Err(openai::refusal(
                Some(&part.name),
                Some("unknown_parameter"),
                &message,
            ))
        }
        _ if has("language") && has("languages[]") => Err(openai::refusal(
            Some("language"),
            None,
            "Only one of language and languages may be set.",
        )),
        _ => Ok(()),
    }
}

const FIELDS: &[&str] = &[
    "file",
    "model",
    "language",
    "languages[]",
    "keywords[]",
    "prompt",
    "response_format",
    "temperature",
];
pub(super) const MODELS: &[&str] = &[
    "gpt-transcribe",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "whisper-1",
];
/// Of a server in one's own network.
pub(super) const OWN_MODELS: &[&str] = &["Systran/faster-whisper-small"];
const NO_FORM: &str = "Could not parse multipart form";
const BAD_FILE: &str = "Invalid file format. Supported formats: ['flac', 'm4a', 'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm']";
