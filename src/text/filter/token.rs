//! Tokens of chat templates, and the tags that models put around what is not their answer.
//!
//! Each model family has its own; the tables at the end name them. Between `<|` and `|>` a token is one whatever its
//! name; a name in plain angle brackets is one only if it is in a table, since `<your name>` and `Vec<String>` are words.

use super::read::{Read, first_bytes};

/// What a token does to the text behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Begin(Hidden),
    End(Hidden),
    /// A call follows that ends with its brackets or its line.
    Call,
    /// The name of a speaker or a channel follows, up to the line's end or the next token.
    Name,
    Turn(Speaker),
    EndOfMessage,
    EndOfTurn,
    Nothing,
}

/// What is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    Thought,
    Call,
    /// What another speaker than the model says.
    Turn,
}

/// The speaker of what follows, or the channel it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    Model,
    Thought,
    Call,
    Other,
}

/// Reads the token that `text` begins with. One that `may_be_unmarked` has no brackets.
pub(super) fn read(text: &str, may_be_unmarked: bool) -> Read<Token> {
    match text.as_bytes().first() {
        Some(b'<') => match tag(text) {
            Read::Not => literal(text),
            read => read,
        },
        Some(b'a') if may_be_unmarked => literal(text),
        Some(b'a') | None => Read::Not,
        _ => literal(text),
    }
}

/// Whether `text` is a token between brackets.
pub(crate) fn is_token(text: &str) -> bool {
    matches!(read(text, false), Read::Is(len, _) if len == text.len())
}

/// Whether `text` is the beginning of one that the text's end has cut off.
pub(crate) fn is_cut_off_token(text: &str) -> bool {
    read(text, false) == Read::MayBecome && is_cut_off(text)
}

/// Whether what may become a token is one that the text's end has cut off.
pub(super) fn is_cut_off(text: &str) -> bool {
    // Anything shorter may be a sign of the text, such as the `<` of a comparison, and what begins with `a` may be a
    // word.
    text.len() >= 4 && !text.starts_with('a')
}

/// The speaker of this name, or of the channel in it. An unknown one is the model itself under another name.
pub(super) fn speaker(name: &str) -> Speaker {
    let first = first_word(name).to_ascii_lowercase();
    match first.as_str() {
        "analysis" => Speaker::Thought,
        first if lists(THOUGHTS, first) => Speaker::Thought,
        _ if name.contains(" to=") => Speaker::Call,
        "functions" | "developer" => Speaker::Other,
        first if lists(OTHERS, first) => Speaker::Other,
        _ => Speaker::Model,
    }
}

/// What stands behind the name of a speaker that should have ended with its line.
pub(super) fn words_after_speaker(line: &str) -> &str {
    let name = first_word(line).to_ascii_lowercase();
    match speaker(line) {
        Speaker::Model if lists(MODELS, &name) || lists("final commentary", &name) => {
            &line.trim_start()[name.len()..]
        }
        Speaker::Model => line,
        _ => "",
    }
}

/// Whether a tag or a key of this name has thoughts in it: one of its words says so, as in "inner_thoughts".
pub(super) fn names_thought(name: &str) -> bool {
    name.split(['_', ':', '-'])
        .any(|word| lists(THOUGHTS, word))
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    &text[..text.find(|c| !is_letter(c)).unwrap_or(text.len())]
}

/// A token between `<` and `>`, with bars inside them or without.
fn tag(text: &str) -> Read<Token> {
    let rest = &text[1..];
    let (closes, rest) = stripped(rest, &["/"]);
    let (has_bar, rest) = stripped(rest, BARS);
    let (closes_inside, rest) = stripped(rest, &["/"]);
    let window = first_bytes(rest, LONGEST_TAG);
    let len = window.find(|c| !is_name(c)).unwrap_or(window.len());
    let name = window[..len].to_ascii_lowercase().replace('▁', "_");
    let after = &window[len..];
    let closes = closes || closes_inside;
    if name.len() > LONGEST_NAME || (name.is_empty() && !after.is_empty()) {
        return Read::Not;
    }
    if after.is_empty() && window.len() == rest.len() {
        return if has_bar || begins_a_name(&name) {
            Read::MayBecome
        } else {
            Read::Not
        };
    }
    let (len, ends_with_bar) = match end_of_tag(after) {
        Ok(Some(end)) => end,
        Ok(None) if has_bar || begins_a_name(&name) => return Read::MayBecome,
        _ => return Read::Not,
    };
    if ends_with_bar && !has_bar && !begins_a_name(&name) {
        return Read::Not;
    }
    let token = if has_bar || ends_with_bar {
        barred(&name, closes, has_bar)
    } else {
        plain(&name, closes, &after[..len - 1])
    };
    let total = text.len() - rest.len() + (window.len() - after.len()) + len;
    token.map_or(Read::Not, |token| Read::Is(total, token))
}

/// Where a tag ends whose name is followed by `after`, and whether a bar stands there; none while that is still to come.
fn end_of_tag(after: &str) -> Result<Option<(usize, bool)>, NoTag> {
    for bar in BARS {
        let Some(end) = after.strip_prefix(bar) else {
            continue;
        };
        return match end.bytes().next() {
            Some(b'>') => Ok(Some((bar.len() + 1, true))),
            Some(_) => Err(NoTag),
            None => Ok(None),
        };
    }
    if !after.starts_with(['>', ' ', '=', '/']) {
        return Err(NoTag);
    }
    match after.find(['>', '<', '\n']) {
        Some(end) if after[end..].starts_with('>') => Ok(Some((end + 1, false))),
        None if after.len() < LONGEST_ATTRIBUTES => Ok(None),
        _ => Err(NoTag),
    }
}

struct NoTag;

fn barred(name: &str, closes: bool, has_left_bar: bool) -> Option<Token> {
    if name.is_empty() {
        return None;
    }
    // "<|channel>" begins and "<channel|>" ends, at the models that have it.
    let known = TOKENS.iter().find(|(names, _)| lists(names, name));
    let token = match known {
        Some((_, Token::Begin(hidden))) if closes || !has_left_bar => Token::End(*hidden),
        Some((_, Token::Name)) if !has_left_bar => match name {
            "channel" => Token::EndOfMessage,
            _ => Token::EndOfTurn,
        },
        Some((_, Token::Call)) if closes || !has_left_bar => Token::Nothing,
        Some((_, token)) if !closes => *token,
        _ => plain(name, closes, "").unwrap_or(Token::Nothing),
    };
    Some(token)
}

/// A name between plain brackets, with attributes if `attributes` are some: "<answer the phone>" is text.
fn plain(name: &str, closes: bool, attributes: &str) -> Option<Token> {
    let has_attributes = attributes.contains('=');
    if !has_attributes && !matches!(attributes.trim(), "" | "/") {
        return None;
    }

    let numbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let token = match name {
        "unused94" => Token::Begin(Hidden::Thought),
        "unused95" => Token::End(Hidden::Thought),
        _ if numbered.len() < name.len() && lists(NUMBERED, numbered) => Token::Nothing,
        _ if is_byte(name) => Token::Nothing,
        _ if lists(WITH_ATTRIBUTES, name) => match closes {
            true => Token::End(Hidden::Call),
            false if has_attributes => Token::Begin(Hidden::Call),
            false => return None,
        },
        _ => match PLAIN.iter().find(|(names, _)| lists(names, name))?.1 {
            Token::Begin(hidden) if closes => Token::End(hidden),
            _ if closes => Token::Nothing,
            token => token,
        },
    };
    Some(token)
}

/// Whether a name in plain brackets may go on such that it is in a table.
fn begins_a_name(name: &str) -> bool {
    let numbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let mut names = PLAIN.iter().flat_map(|(names, _)| names.split(' '));
    let mut numbers = NUMBERED.split(' ');
    let mut others = WITH_ATTRIBUTES.split(' ').chain(RIGHT_BARRED.split(' '));
    names.any(|known| known.starts_with(name))
        || others.any(|known| known.starts_with(name))
        || numbers.any(|known| known.starts_with(name) || known == numbered)
        || is_byte(&format!("{name}{}", &"0x00"[name.len().min(4)..]))
}

/// A byte that its model's vocabulary has no character for: `<0x0A>`.
fn is_byte(name: &str) -> bool {
    let digits = name.strip_prefix("0x");
    digits.is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A token that is spelled in one way only.
fn literal(text: &str) -> Read<Token> {
    let mut read = Read::Not;
    for (literal, token) in LITERALS {
        if text.starts_with(literal) {
            return Read::Is(literal.len(), *token);
        }
        if literal.starts_with(text) {
            read = Read::MayBecome;
        }
    }
    read
}

fn stripped<'a>(text: &'a str, prefixes: &[&str]) -> (bool, &'a str) {
    let rest = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
    (rest.is_some(), rest.unwrap_or(text))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '-' | '▁')
}

fn lists(names: &str, name: &str) -> bool {
    names.split(' ').any(|listed| listed == name)
}

const BARS: &[&str] = &["|", "｜"];

/// The longest name between bars, and the longest tag with its attributes, in bytes.
const LONGEST_NAME: usize = 60;
const LONGEST_ATTRIBUTES: usize = 150;
const LONGEST_TAG: usize = LONGEST_NAME + LONGEST_ATTRIBUTES;

const THOUGHTS: &str = "think thinking thought thoughts reasoning reflection scratchpad monologue inner_monologue \
    internal_monologue inner_thoughts internal_thoughts antthinking ant_thinking antml:thinking seed:think mm:think \
    longcat_think chain_of_thought cot";

const OTHERS: &str = "user human prompter customer system tool ipython environment observation function user_token \
    system_token im_user im_system";

const MODELS: &str = "assistant model bot chatbot gpt ai chatbot_token";

/// What follows a name in plain angle brackets, where that is the tag of a pair: the other one ends what it begins.
const PLAIN: &[(&str, Token)] = &[
    (THOUGHTS, Token::Begin(Hidden::Thought)),
    (
        "tool_call tool_calls toolcall tool_use tool_code function_call function_calls functioncall \
        minimax:tool_call seed:tool_call longcat_tool_call antml:function_calls \
        use_mcp_tool execute_command tool_response tool_responses tool_result tool_results tool_output tool_outputs \
        function_results function_response function_output start_function_call",
        Token::Begin(Hidden::Call),
    ),
    (
        "end_function_call end_function_response",
        Token::End(Hidden::Call),
    ),
    (
        "system_prompt system-reminder system_reminder",
        Token::Begin(Hidden::Turn),
    ),
    (
        "answer response final_answer final_response",
        Token::End(Hidden::Thought),
    ),
    ("start_of_turn", Token::Name),
    (
        "end_of_turn eos eot end_of_text endoftext endofturn end_of_utterance",
        Token::EndOfTurn,
    ),
    ("bos pad unk sop eop mask", Token::Nothing),
];

/// The tags in plain brackets that are ones only with attributes.
const WITH_ATTRIBUTES: &str = "function invoke antml:invoke parameter antml:parameter";

/// The names before a bar that has no partner.
const RIGHT_BARRED: &str = "channel turn tool_call";

/// The names in plain angle brackets that a number follows.
const NUMBERED: &str = "unused extra_id_ reserved_ special_ reserved_token_ special_token_";

/// What follows a name between bars; where it is not here it is as in [`PLAIN`], else nothing.
const TOKENS: &[(&str, Token)] = &[
    (
        "begin_of_thought start_thinking start_of_thought thought_begin thinking_begin think_begin",
        Token::Begin(Hidden::Thought),
    ),
    (
        "end_of_thought end_thinking thought_end thinking_end think_end begin_of_solution start_response",
        Token::End(Hidden::Thought),
    ),
    (
        "tool_calls_begin tool_calls_section_begin tool_call_begin tool_outputs_begin tool_output_begin action_start \
        start_action start_tool_result tool_call_start tool_list_start tool_response_start",
        Token::Begin(Hidden::Call),
    ),
    (
        "tool_calls_end tool_calls_section_end tool_outputs_end action_end end_action end_tool_result tool_list_end \
        tool_call_end tool_response_end",
        Token::End(Hidden::Call),
    ),
    ("python_tag tool_call plugin interpreter", Token::Call),
    (
        "im_start start_header_id header_start start channel start_of_role role_start turn start_of_turn im_assistant",
        Token::Name,
    ),
    (OTHERS, Token::Turn(Speaker::Other)),
    (MODELS, Token::Turn(Speaker::Model)),
    ("end call eom_id eom message_end", Token::EndOfMessage),
    (
        "im_end eot_id return end_of_sentence turn_end end_of_turn_token endofassistant",
        Token::EndOfTurn,
    ),
];

/// Tokens that are spelled in one way only.
const LITERALS: &[(&str, Token)] = &[
    ("[THINK]", Token::Begin(Hidden::Thought)),
    ("[/THINK]", Token::End(Hidden::Thought)),
    ("◁think▷", Token::Begin(Hidden::Thought)),
    ("◁/think▷", Token::End(Hidden::Thought)),
    ("assistantfinal", Token::End(Hidden::Thought)),
    ("[TOOL_CALLS]", Token::Call),
    ("[TOOL_CALL]", Token::Call),
    ("[TOOL_RESULTS]", Token::Begin(Hidden::Call)),
    ("[/TOOL_RESULTS]", Token::End(Hidden::Call)),
    ("[AVAILABLE_TOOLS]", Token::Begin(Hidden::Call)),
    ("[/AVAILABLE_TOOLS]", Token::End(Hidden::Call)),
    ("✿FUNCTION✿", Token::Begin(Hidden::Call)),
    ("✿RETURN✿", Token::End(Hidden::Call)),
    ("[SYSTEM_PROMPT]", Token::Begin(Hidden::Turn)),
    ("[/SYSTEM_PROMPT]", Token::End(Hidden::Turn)),
    ("<<SYS>>", Token::Begin(Hidden::Turn)),
    ("<</SYS>>", Token::End(Hidden::Turn)),
    ("[INST]", Token::Turn(Speaker::Other)),
    ("[/INST]", Token::Turn(Speaker::Model)),
    ("[EOS]", Token::EndOfTurn),
    ("[end of text]", Token::EndOfTurn),
    ("[BOS]", Token::Nothing),
    ("[PAD]", Token::Nothing),
    ("[UNK]", Token::Nothing),
    ("[gMASK]", Token::Nothing),
];
