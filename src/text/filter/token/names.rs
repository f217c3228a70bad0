//! The tokens of each family of models, by their names.

/// What a token does to the text behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Begin(Hidden),
    End(Hidden),
    /// The same at the beginning of an answer, if an end of it follows.
    MayBeginThought,
    /// The end of what began so; elsewhere it is text.
    MayEndThought,
    /// A call follows that ends with its brackets or its line.
    Call,
    /// The name of a speaker or a channel follows, up to the line's end or the next token.
    Name,
    Turn(Speaker),
    EndOfMessage,
    EndOfTurn,
    /// The same behind a sentence: it has no marks around it.
    MayEndTurn,
    Nothing,
}

/// What is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    Thought,
    /// A thought whose tag is also that of other things.
    Details,
    Call,
    /// What another speaker than the model says.
    Turn,
}

/// The speaker of what follows, or the channel it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    Model,
    Thought,
    Call,
    Other,
}

/// The words of which one is in the name of a tag around thoughts, whatever else is: `inner_thoughts`, `seed:think`.
pub(super) const THOUGHTS: &str =
    "think thinking thought thoughts reasoning reflection scratchpad monologue cot antthinking";

/// Names of tags that have other uses too.
pub(super) const PERHAPS_THOUGHTS: &str = "analysis plan reason rationale";

pub(super) const OTHERS: &str = "user human prompter customer system tool ipython environment observation function im_user im_system";

pub(super) const MODELS: &str = "assistant model bot chatbot gpt ai";

/// What follows a name in plain angle brackets, where that is the tag of a pair: the other one ends what it begins.
pub(super) const PLAIN: &[(&str, Token)] = &[
    (PERHAPS_THOUGHTS, Token::MayBeginThought),
    (
        "tool_call tool_calls toolcall tool_use tool_code function_call function_calls functioncall longcat_tool_call \
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
        "end_of_turn eos eot eod end_of_text endoftext endofturn end_of_utterance end_of_message",
        Token::EndOfTurn,
    ),
    ("bos pad unk sop eop mask", Token::Nothing),
];

/// The tags in plain brackets that are ones only with attributes.
pub(super) const WITH_ATTRIBUTES: &str = "function invoke parameter render";

/// The names before a bar that has no partner.
pub(super) const RIGHT_BARRED: &str = "channel turn tool_call";

/// The names in plain angle brackets that a number follows.
pub(super) const NUMBERED: &str =
    "unused extra_id_ reserved_ special_ reserved_token_ special_token_";

/// What follows a name between bars; where it is not here it is as in [`PLAIN`], else nothing.
pub(super) const TOKENS: &[(&str, Token)] = &[
    (
        "begin_of_thought start_thinking start_of_thought thought_begin thinking_begin think_begin inner_prefix",
        Token::Begin(Hidden::Thought),
    ),
    (
        "end_of_thought end_thinking thought_end thinking_end think_end begin_of_solution start_response inner_suffix",
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
    (
        "python_tag tool_call plugin interpreter tools_prefix",
        Token::Call,
    ),
    (
        "im_start start_header_id header_start start begin channel start_of_role role_start turn start_of_turn im_assistant",
        Token::Name,
    ),
    (OTHERS, Token::Turn(Speaker::Other)),
    (MODELS, Token::Turn(Speaker::Model)),
    ("end call eom_id eom message_end", Token::EndOfMessage),
    (
        "im_end eot_id return end_of_sentence turn_end endofassistant",
        Token::EndOfTurn,
    ),
];

/// Tokens that are spelled in one way only.
pub(super) const LITERALS: &[(&str, Token)] = &[
    ("◁think▷", Token::Begin(Hidden::Thought)),
    ("◁/think▷", Token::End(Hidden::Thought)),
    ("assistantfinal", Token::End(Hidden::Thought)),
    ("assistant\n\n", Token::MayEndTurn),
    ("...done thinking.", Token::End(Hidden::Thought)),
    ("…done thinking.", Token::End(Hidden::Thought)),
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
    ("<role>ASSISTANT</role>", Token::Turn(Speaker::Model)),
    ("<role>HUMAN</role>", Token::Turn(Speaker::Other)),
    ("<role>SYSTEM</role>", Token::Turn(Speaker::Other)),
    ("<role>OBSERVATION</role>", Token::Turn(Speaker::Other)),
    ("[EOS]", Token::EndOfTurn),
    ("[/s]", Token::EndOfTurn),
    ("[end of text]", Token::EndOfTurn),
    ("[BOS]", Token::Nothing),
    ("[PAD]", Token::Nothing),
    ("[UNK]", Token::Nothing),
    ("[gMASK]", Token::Nothing),
];
