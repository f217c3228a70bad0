//! The fields of a request in which servers of OpenAI's kind differ, and what to ask with when one is refused.

use log::warn;

use super::Asked;
use crate::cloud::{Refusal, openai};
use crate::config::{Endpoint, Llm};

/// The fields in which servers differ, as they are sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) limit: TokenLimit,
    /// Whether the other name of the limit may be tried.
    pub(super) may_rename: bool,
    /// `reasoning_effort`, if it is sent.
    pub(super) effort: Option<&'static str>,
    /// Whether `stream_options` ask for the tokens that were used.
    pub(super) counts_tokens: bool,
    /// Whether functions are offered.
    pub(super) functions: bool,
}

/// The field that limits an answer: OpenAI's newer models refuse the older one, other servers know only that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenLimit {
    Completion,
    Tokens,
}

impl Fields {
    /// The fields that the settings name for `endpoint`.
    pub(super) fn of(settings: &Llm, endpoint: &Endpoint) -> Self {
        Self {
            limit: TokenLimit::of(&settings.token_limit, endpoint),
            may_rename: settings.token_limit == "auto",
            effort: effort(&settings.effort, &endpoint.model),
            counts_tokens: true,
            functions: true,
        }
    }

    /// The fields to ask with after `refusal` of what was `asked`; `None` if it is about something else.
    pub(super) fn after(&self, refusal: &Refusal, asked: &Asked<'_>) -> Option<Self> {
        let service = refusal.service.name;
        let mut others = self.clone();
        if self.may_rename && refusal.names(self.limit.name()) {
            others.limit = self.limit.other();
            // A server that refuses both names must not be asked for ever.
            others.may_rename = false;
            warn!(
                "{service} refuses {}, asking with {}; name it in token_limit under [llm.openai] to save this time",
                self.limit.name(),
                others.limit.name()
            );
        } else if let Some(effort) = self.effort.filter(|_| is_about_thinking(refusal)) {
            others.effort = next_effort(effort, &refusal.message);
            warn!(
                "{service} refuses reasoning_effort {effort}, asking with {}; name it in thinking under [llm.openai] to save this time",
                others.effort.unwrap_or("unset")
            );
        } else if self.counts_tokens && refusal.names("stream_options") {
            others.counts_tokens = false;
            warn!("{service} refuses stream_options, asking without: what is used is estimated");
        } else if self.functions && asked.is_refused_for_functions(refusal) {
            others.functions = false;
        } else {
            return None;
        }
        Some(others)
    }
}

impl TokenLimit {
    fn of(setting: &str, endpoint: &Endpoint) -> Self {
        match setting {
            "max_tokens" => Self::Tokens,
            "max_completion_tokens" => Self::Completion,
            _ if openai::is_openai(endpoint) => Self::Completion,
            _ => Self::Tokens,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Completion => Self::Tokens,
            Self::Tokens => Self::Completion,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Completion => "max_completion_tokens",
            Self::Tokens => "max_tokens",
        }
    }
}

/// The effort that asks `model` for `setting`; `least` is the minimum that the model is known to allow. Models that do
/// not think refuse any.
fn effort(setting: &str, model: &str) -> Option<&'static str> {
    // OpenRouter puts the maker before a model's name, as in `openai/gpt-5-mini`.
    let model = model.rsplit('/').next().unwrap_or_default();
    let is_of = |families: &[&str]| families.iter().any(|family| model.starts_with(family));
    // Where no effort is sent, OpenAI's models think with medium effort, which counts against the limit of the answer
    // and may leave no words.
    match setting {
        "unset" => None,
        "least" if is_of(&["gpt-3", "gpt-4", "chatgpt-"]) => None,
        "least" if is_of(&["o1", "o3", "o4", "gpt-oss"]) => Some("low"),
        "least" if model == "gpt-5" || is_of(&["gpt-5-"]) => Some("minimal"),
        "least" => Some("none"),
        chosen => EFFORTS.iter().copied().find(|effort| *effort == chosen),
    }
}

/// Whether a refusal is about how much a model thinks. Ollama, for one, does not name the field.
fn is_about_thinking(refusal: &Refusal) -> bool {
    ["reasoning", "reasoning_effort", "thinking"]
        .iter()
        .any(|word| refusal.names(word))
}

/// The next effort above a refused one that the refusal itself names as possible.
fn next_effort(refused: &str, message: &str) -> Option<&'static str> {
    // Only in quotation marks, as in "Supported values are: 'low', 'medium'": `none` and `low` are also words of any
    // sentence.
    let is_named = |effort: &&str| {
        ["'", "\"", "`"]
            .iter()
            .any(|quote| message.contains(&format!("{quote}{effort}{quote}")))
    };
    let from = EFFORTS
        .iter()
        .copied()
        .skip_while(|effort| *effort != refused);
    from.skip(1).find(is_named)
}

/// What models may be asked for, the least first.
const EFFORTS: [&str; 6] = ["none", "minimal", "low", "medium", "high", "xhigh"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Service;
    use crate::cloud::llm::Question;
    use crate::cloud::llm::functions::Function;
    use serde_json::Value;

    const SERVICE: Service = Service {
        name: "a server",
        settings: "[llm.openai]",
        key: "key",
    };

    fn refusal(body: &str) -> Refusal {
        Refusal::read(SERVICE, 400, body.as_bytes(), &[])
    }

    /// A question with these functions.
    fn asking(functions: &[Function]) -> Asked<'_> {
        Asked {
            prompt: "",
            before: &[],
            question: Question::Words("Hello?"),
            functions,
            rounds: &[],
        }
    }

    #[test]
    fn functions_are_left_out_where_a_server_knows_none_and_only_then() {
        let fields = Fields {
            limit: TokenLimit::Tokens,
            may_rename: false,
            effort: None,
            counts_tokens: true,
            functions: true,
        };
        let function = [Function {
            name: "weather".to_owned(),
            description: String::new(),
            parameters: Value::Null,
        }];
        let table = [
            (
                400,
                r#"{"error":"registry.ollama.ai/library/gemma3:4b does not support tools"}"#,
                true,
            ),
            (
                400,
                r#"{"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice","code":400}"#,
                true,
            ),
            (
                500,
                r#"{"error":{"code":500,"message":"tools param requires --jinja flag"}}"#,
                true,
            ),
            (
                500,
                r#"{"code":500,"message":"Unsupported param: tools","type":"server_error"}"#,
                true,
            ),
            (
                404,
                r#"{"error":{"message":"No endpoints found that support tool use.","code":404}}"#,
                true,
            ),
            (
                501,
                r#"{"error":{"message":"function calling is not implemented"}}"#,
                true,
            ),
            (
                400,
                r#"{"error":{"message":"Unrecognized request argument supplied","param":"tools"}}"#,
                true,
            ),
            (
                422,
                r#"{"detail":[{"loc":["body","tools"],"msg":"Extra inputs are not permitted"}]}"#,
                true,
            ),
            (401, r#"{"error":{"message":"no key for tools"}}"#, false),
            (404, r#"{"error":{"message":"no such model"}}"#, false),
            (
                503,
                r#"{"error":{"message":"tools are overloaded"}}"#,
                false,
            ),
        ];
        for (status, body, expected) in table {
            let refusal = Refusal::read(SERVICE, status, body.as_bytes(), &[]);
            let after = |asked| {
                fields
                    .after(&refusal, &asked)
                    .map(|fields| fields.functions)
            };
            assert_eq!(
                after(asking(&function)),
                expected.then_some(false),
                "{body}"
            );
            assert_eq!(after(asking(&[])), None, "{body}");
        }
    }

    #[test]
    fn thinking_is_as_little_as_each_model_takes() {
        let table = [
            ("least", "gpt-6-luna", Some("none")),
            ("least", "gpt-5.1", Some("none")),
            ("least", "gpt-5-mini", Some("minimal")),
            ("least", "openai/gpt-5", Some("minimal")),
            ("least", "o4-mini", Some("low")),
            ("least", "gpt-oss:20b", Some("low")),
            ("least", "gpt-4.1-mini", None),
            ("least", "qwen3:4b", Some("none")),
            ("unset", "gpt-6-luna", None),
            ("xhigh", "gpt-4.1-mini", Some("xhigh")),
        ];
        for (setting, model, expected) in table {
            assert_eq!(effort(setting, model), expected, "{setting} {model}");
        }
    }

    #[test]
    fn a_refused_field_is_left_out_or_replaced_whatever_the_shape_of_the_refusal() {
        let fields = Fields {
            limit: TokenLimit::Tokens,
            may_rename: true,
            effort: Some("none"),
            counts_tokens: true,
            functions: true,
        };
        let renamed = Fields {
            limit: TokenLimit::Completion,
            may_rename: false,
            ..fields.clone()
        };
        let thinking = |effort| Fields {
            effort,
            ..fields.clone()
        };
        let uncounted = Fields {
            counts_tokens: false,
            ..fields.clone()
        };
        let table = [
            (
                r#"{"error":{"message":"Unsupported parameter: 'max_tokens'"}}"#,
                Some(renamed.clone()),
            ),
            (
                r#"{"error":{"message":"unsupported","param":"max_tokens"}}"#,
                Some(renamed.clone()),
            ),
            (
                r#"{"detail":"max_tokens is not supported"}"#,
                Some(renamed.clone()),
            ),
            (
                r#"{"detail":{"error":{"message":"no max_tokens"}}}"#,
                Some(renamed.clone()),
            ),
            (
                r#"{"detail":{"error":"bad_request","message":"no max_tokens"}}"#,
                Some(renamed.clone()),
            ),
            (
                r#"{"detail":[{"loc":["body","max_tokens"],"msg":"Extra inputs are not permitted"}]}"#,
                Some(renamed.clone()),
            ),
            (
                r#"{"object":"error","message":"no max_tokens","code":400}"#,
                Some(renamed.clone()),
            ),
            (r#"{"message":"no max_tokens"}"#, Some(renamed)),
            (
                r#"{"error":{"message":"Unrecognized request argument supplied: reasoning_effort"}}"#,
                Some(thinking(None)),
            ),
            (
                r#"{"error":{"message":"'reasoning_effort' does not support 'none'. Supported values are: 'low', 'medium', and 'high'."}}"#,
                Some(thinking(Some("low"))),
            ),
            (
                r#"{"error":"\"llama\" does not support thinking"}"#,
                Some(thinking(None)),
            ),
            (
                r#"{"error":{"message":"stream_options: unknown field"}}"#,
                Some(uncounted),
            ),
            (
                r#"{"error":{"message":"max_completion_tokens is too large"}}"#,
                None,
            ),
            (r#"{"error":{"message":"too many tokens"}}"#, None),
        ];
        for (body, expected) in table {
            assert_eq!(
                fields.after(&refusal(body), &asking(&[])),
                expected,
                "{body}"
            );
        }
        let unauthorized = Refusal::read(SERVICE, 401, br#"{"message":"max_tokens"}"#, &[]);
        assert_eq!(fields.after(&unauthorized, &asking(&[])), None);
    }

    #[test]
    fn nothing_is_asked_without_end() {
        let refusal = refusal(
            r#"{"message":"max_tokens, max_completion_tokens, reasoning_effort 'low' 'high', stream_options"}"#,
        );
        let mut fields = Some(Fields {
            limit: TokenLimit::Tokens,
            may_rename: true,
            effort: Some("none"),
            counts_tokens: true,
            functions: true,
        });
        let mut asked = 0;
        while let Some(others) = fields.and_then(|fields| fields.after(&refusal, &asking(&[]))) {
            fields = Some(others);
            asked += 1;
        }
        assert_eq!(asked, 5);
    }
}
