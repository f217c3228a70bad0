//! What models write that callers must not hear, in pieces of every length.

use proptest::prelude::*;

use super::*;

/// What is passed on of `text`, written in pieces of `len` characters.
fn passed(text: &str, len: usize) -> String {
    let mut filter = Filter::default();
    let chars: Vec<char> = text.chars().collect();
    let mut words = String::new();
    let mut add = |passed: Passed| {
        if passed.is_anew {
            words.clear();
        }
        words.push_str(&passed.words);
    };
    for piece in chars.chunks(len.max(1)) {
        add(filter.push(&piece.iter().collect::<String>()));
        assert!(filter.pending.len() <= LONGEST_PENDING, "{text:?}");
    }
    add(filter.end());
    words
}

/// Checks what is passed on of each text, however it comes, apart from the space around it.
fn assert_passes(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        for len in 1..=text.chars().count() {
            assert_eq!(
                passed(text, len).trim(),
                *expected,
                "{text:?} in pieces of {len}"
            );
        }
    }
}

#[test]
fn thoughts_are_not_passed_on_whatever_encloses_them() {
    let enclosed = [
        "<think>\nMadrid? No, Lisbon.\n</think>\n\nIt is Lisbon.",
        "<think>\n\n</think>\n\nIt is Lisbon.",
        "<THINK >Lisbon?</THINK>It is Lisbon.",
        "Madrid? No.\n</think>\n\nIt is Lisbon.",
        "Madrid? <think>No.</think> Or so.</think> It is Lisbon.",
        "<thinking>Madrid?</thinking> It is Lisbon.",
        "<thinking>Madrid?</think> It is Lisbon.",
        "<thought>Madrid?</thought> It is Lisbon.",
        "<reasoning effort=\"low\">Madrid?</reasoning> It is Lisbon.",
        "<reflection>Madrid?</reflection><answer>It is Lisbon.</answer>",
        "<thinking>Madrid?</thinking><response>It is Lisbon.</response>",
        "Let me weigh that. <answer>It is Lisbon.</answer>",
        "<seed:think>Madrid?</seed:think>It is Lisbon.",
        "<mm:think>Madrid?</mm:think>It is Lisbon.",
        "<|think|>Madrid?<|/think|>It is Lisbon.",
        "[THINK]Madrid? [1] is wrong.[/THINK]It is Lisbon.",
        "◁think▷Madrid?◁/think▷It is Lisbon.",
        "<unused94>thought\nMadrid?<unused95>It is Lisbon.",
        "<|START_THINKING|>Madrid?<|END_THINKING|><|START_RESPONSE|>It is Lisbon.<|END_RESPONSE|>",
        "<|begin_of_thought|>Madrid?<|end_of_thought|><|begin_of_solution|>It is Lisbon.<|end_of_solution|>",
        "<think>I could write [[goodbye]] or <b>.</think>It is Lisbon.",
        "Thought: Madrid?\nAction: none\nFinal Answer: It is Lisbon.",
        "**Thinking:** Madrid?\n\n**Answer:** It is Lisbon.",
        "<think>Madrid?<|im_end|>\n<|im_start|>assistant\nIt is Lisbon.",
        "<thinking>Madrid?</thinking>It is Lisbon.",
        "<thought_process>Madrid?</thought_process>It is Lisbon.",
        "<thinking_process>Madrid?</thinking_process>\nIt is Lisbon.",
        "<analysis>Madrid?</analysis>It is Lisbon.",
        "<reason>Madrid?</reason>It is Lisbon.",
        "<plan>\n1. Madrid?\n</plan>\nIt is Lisbon.",
        "<details type=\"reasoning\" done=\"true\">\n> Madrid? (No)\n\n> So\n</details>\nIt is Lisbon.",
        "[THINKING]Madrid?[/THINKING]It is Lisbon.",
        "[REASONING]Madrid?[/REASONING] It is Lisbon.",
        "[think]Madrid?[/think]It is Lisbon.",
        "[Reasoning] Madrid? [/Reasoning] It is Lisbon.",
        "### Thinking\nMadrid?\n\nNo.\n### Answer\nIt is Lisbon.",
        "**Thinking**\nMadrid?\n**Final Answer**\nIt is Lisbon.",
        "Thinking...\nMadrid? It is\n...done thinking.\n\nIt is Lisbon.",
        "Thinking…\nMadrid?\n…done thinking.\n\nIt is Lisbon.",
        "<|inner_prefix|>Madrid?<|inner_suffix|>It is Lisbon.",
        "<|begin|>assistant<|think|>Madrid?<|end|><|begin|>assistant<|content|>It is Lisbon.<|end|>",
        "Action: search\nAction Input: {\"q\": 1}\nObservation: Lisbon\nFinal Answer: It is Lisbon.",
    ];
    for text in enclosed {
        assert_passes(&[(text, "It is Lisbon.")]);
    }
    assert_passes(&[
        ("<think>Madrid? No", ""),
        ("<think>Madrid?</thi", ""),
        ("Yes. <thinking>Or not?</thinking> Sure.", "Yes.  Sure."),
        ("Thoughts: they are free.", "Thoughts: they are free."),
        ("<plan>\n1. Call.", "<plan>\n1. Call."),
        ("[thinking] Sure.", "[thinking] Sure."),
        (
            "[Thinking] Let me see. It is five euros.",
            "[Thinking] Let me see. It is five euros.",
        ),
        (
            "Here is the scene. Hamlet: [Monologue] To be.",
            "Here is the scene. Hamlet: [Monologue] To be.",
        ),
        ("Thinking...\nIt is.", "Thinking...\nIt is."),
        ("**Thinking**\nIt is free.", "**Thinking**\nIt is free."),
        ("Say it for <reason> now.", "Say it for <reason> now."),
        (
            "### Action\nPress red.\n### Response\nIt stops.",
            "### Action\nPress red.\n### Response\nIt stops.",
        ),
        (
            "Write <plan>gold</plan> there.",
            "Write <plan>gold</plan> there.",
        ),
        (
            "Use </reason> or </analysis> or [/Plan].",
            "Use </reason> or </analysis> or [/Plan].",
        ),
        ("<think>Or <plan>so</plan>?</think>It is.", "It is."),
        (
            "Plan: call at five.\nAnswer soon!",
            "Plan: call at five.\nAnswer soon!",
        ),
        ("Action: call at five.", "Action: call at five."),
        (
            "<details><summary>a</summary>b</details>c",
            "<details><summary>a</summary>b</details>c",
        ),
        (
            "Reasoning: it rains.\nAnswer me!",
            "Reasoning: it rains.\nAnswer me!",
        ),
    ]);
}

#[test]
fn channels_other_than_the_last_are_not_passed_on() {
    let texts = [
        "<|channel|>analysis<|message|>Madrid? No.<|end|><|start|>assistant<|channel|>final<|message|>It is Lisbon.<|return|>",
        "<|channel|>final<|message|>It is Lisbon.",
        "<|channel|>commentary to=functions.map <|constrain|>json<|message|>{\"q\": 1}<|call|>\
         <|start|>assistant<|channel|>final<|message|>It is Lisbon.",
        "<|start|>assistant<|channel|>final<|message|>It is Lisbon.<|return|>",
        "analysisMadrid? No.assistantfinalIt is Lisbon.",
        "analysisMadrid?assistantcommentary to=functions.map json{\"q\": 1}assistantfinalIt is Lisbon.",
        "Madrid? No.assistantfinalIt is Lisbon.",
        "<|channel>thought\nMadrid?<channel|>It is Lisbon.<turn|>",
        "<|channel|>final It is Lisbon.",
    ];
    for text in texts {
        assert_passes(&[(text, "It is Lisbon.")]);
    }
    assert_passes(&[
        ("analysis paralysis is real", "analysis paralysis is real"),
        ("analysisMadrid? No", ""),
        ("<|channel|>analysis<|message|>Madrid?", ""),
        ("<|channel|>ana", ""),
        ("An assistant finalises it.", "An assistant finalises it."),
    ]);
}

#[test]
fn tokens_of_templates_are_not_passed_on() {
    let texts = [
        "It is Lisbon.<|im_end|>",
        "It is Lisbon.<|eot_id|>",
        "It is Lisbon.<|end|>",
        "It is Lisbon.<|endoftext|>",
        "It is Lisbon.<｜end▁of▁sentence｜>",
        "It is Lisbon.<end_of_turn>",
        "It is Lisbon.<eos><pad><pad>",
        "It is Lisbon.<|im_e",
        "It is Lisbon.[end of text]",
        "It is Lisbon.[EOS]",
        "<bos>It is<unk> Lisbon.",
        "<unused7><extra_id_0>It is Lisbon.<0x0A>",
        "[/INST] It is Lisbon.",
        "<<SYS>>Be brief.<</SYS>>It is Lisbon.",
        "[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT]It is Lisbon.",
        "<|im_start|>assistant\nIt is Lisbon.<|im_end|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\nIt is Lisbon.<|eot_id|>",
        "<|header_start|>assistant<|header_end|>\n\nIt is Lisbon.<|eot|>",
        "<start_of_turn>model\nIt is Lisbon.<end_of_turn>",
        "<|start_of_role|>assistant<|end_of_role|>It is Lisbon.<|end_of_text|>",
        "<|im_assistant|>assistant<|im_middle|>It is Lisbon.",
        "<｜Assistant｜>It is Lisbon.",
        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>It is Lisbon.<|END_OF_TURN_TOKEN|>",
        "<|turn>model\nIt is Lisbon.<turn|>",
        "<|im_start|>assistant It is Lisbon.",
        "[|assistant|]It is Lisbon.[|endofturn|]",
        "<role>ASSISTANT</role>It is Lisbon.",
        "<role>HUMAN</role>Where?<role>ASSISTANT</role>It is Lisbon.<|role_end|>",
        "<seed:bos>It is Lisbon.<seed:eos>",
        "It is Lisbon.<EOS_TOKEN>",
        "It is Lisbon.<eod>",
        "It is Lisbon.<end_of_message>",
        "It is Lisbon. [/s]",
        "It is <ref>Smith 2020</ref>Lisbon.<ref name=\"a\">Smith</ref>",
        "It is Lisbon.<grok:render card_id=\"1\" type=\"cite\"><argument name=\"id\">0</argument></grok:render>",
    ];
    for text in texts {
        assert_passes(&[(text, "It is Lisbon.")]);
    }
}

#[test]
fn calls_of_tools_are_not_passed_on() {
    let calls = [
        "<tool_call>\n{\"name\": \"map\", \"arguments\": {\"q\": \"}\"}}\n</tool_call>",
        "<tool_call><function=map><parameter=q>x</parameter></function></tool_call>",
        "<function=map>{\"q\": 1}</function>",
        "<function_calls><invoke name=\"map\"></invoke></function_calls>",
        "<invoke name=\"map\"><parameter name=\"q\">x</parameter></invoke>",
        "<|tool_call|>[{\"name\": \"map\"}]",
        "<|tool_call>call:map{q: 1}<tool_call|>",
        "<|python_tag|>map.find(q=\"a)b\")<|eom_id|>",
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>map<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        "<|tool_calls_section_begin|><|tool_call_begin|>map:0<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
        "<|action_start|><|plugin|>{\"name\": \"map\"}<|action_end|>",
        "<minimax:tool_call><invoke name=\"map\"></invoke></minimax:tool_call>",
        "<start_function_call>call:map{}<end_function_call>",
        "<tool_response>sunny</tool_response>",
        "[TOOL_CALLS][{\"name\": \"map\", \"arguments\": {}}]",
        "[TOOL_CALLS]map[ARGS]{\"q\": \"[\"}",
        "functools[{\"name\": \"map\", \"arguments\": {}}]",
        "{\"name\": \"map\", \"parameters\": {\"q\": \"it's {\"}}",
        "[{\"name\": \"map\", \"arguments\": {}}]",
        "{ \"tool_calls\": [{}]}",
        "[map(q='a)]b')]",
        "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"map\">\n<｜DSML｜parameter name=\"q\" string=\"true\">x\
         </｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
        "<‖DSML‖tool_calls><‖DSML‖invoke name=\"map\"></‖DSML‖invoke></‖DSML‖tool_calls>",
        "<||DSML||function_calls><||DSML||invoke name=\"map\"></||DSML||invoke></||DSML||function_calls>",
        "print(default_api.map(q=\"a)\"))",
        "default_api.map(q=1)",
        "TOOL_CALL: {\"q\": 1}",
        "<hang_up/>",
        "<hang_up reason=\"a\" />",
        "<|tools_prefix|>[{\"map\": {\"q\": 1}}]<|tools_suffix|>",
    ];
    for call in calls {
        assert_passes(&[
            (call, ""),
            (&format!("{call}\nIt is Lisbon."), "It is Lisbon."),
            (&format!("It is Lisbon. {call}"), "It is Lisbon."),
        ]);
    }
    assert_passes(&[
        ("Yes. <tool_call>{\"name", "Yes."),
        ("{\"place\": 1}", "{\"place\": 1}"),
        (
            "{\"answer\": \"It is \\\"Lyon\\\".\\nBye!\"}",
            "It is \"Lyon\".\nBye!",
        ),
        (
            "{ \"response\" : \"Yes.\", \"sure\": {\"a\": 1} }\nBye!",
            "Yes.\nBye!",
        ),
        ("{\"text\": \"caf\\u00e9", "café"),
        (
            "```json\n{\"answer\": \"It is \\\"Lyon\\\".\"}\n```\nBye!",
            "It is \"Lyon\".\nBye!",
        ),
        ("~~~~\n{ \"reply\":\"Yes.\", \"a\": [1] }", "Yes."),
        ("``` JSON {\"answer\": \"Yes.\"} ```", "Yes."),
        (
            "Here it is:\n```json\n{\"text\": \"Yes.\"}\n```",
            "Here it is:\nYes.",
        ),
        ("```json\n{\"name\": \"map\"}\n```\nSo.", "So."),
        ("```json\n{\"a\": 1}\n```", "```json\n{\"a\": 1}\n```"),
        ("```\nx = 1\n```", "```\nx = 1\n```"),
        (
            "`x` and ~3 `{\"answer\": \"a\"}`",
            "`x` and ~3 `{\"answer\": \"a\"}`",
        ),
        ("Or ```json\n{\"answer\"", "Or ```json\n{\"answer\""),
        ("``", "``"),
        ("{\"answer\": 42}", "{\"answer\": 42}"),
        ("{\"answer\": {\"a\": 1}}", "{\"answer\": {\"a\": 1}}"),
        ("[{\"answer\": \"a\"}]", "[{\"answer\": \"a\"}]"),
        ("So: {\"answer\": \"a\"}", "So: {\"answer\": \"a\"}"),
        ("[a (b)] [x](y) {}", "[a (b)] [x](y) {}"),
        (
            "Call f(x) or <function> or <tools needed>.",
            "Call f(x) or <function> or <tools needed>.",
        ),
    ]);
}

#[test]
fn a_call_that_is_not_closed_hides_no_answer() {
    let calls = [
        "{\"name\": \"map\", \"arguments\": {}\n\n",
        "{\"name\": \"map\", \"arguments\": {\n\n  \"q\": \"a\n\nb\"}\n\n",
        "[{\"name\": \"map\"}, {\"name\": \"map\"}\n \n",
        "{\"name\": \"map\", \"q\": it's}\n\n",
        "[TOOL_CALLS][{\"name\": \"map\"}\n\n",
        "<tool_call>{\"name\": \"map\", \"arguments\": {}}\n",
        "<tool_call>\n{\"name\": \"map\"}\n{\"name\": \"map\"}\n\n",
        "<tool_call>{\"name\": \"map\", \"arguments\": {}\n\n",
        "<function=map>{\"q\": 1}\n",
        "```json\n{\"name\": \"map\"\n```\n",
        "```json\n{\"name\": \"map\n```\n",
        "~~~\n{\"name\": [\n~~~\n",
        "{\"name\": \"map\", \"arguments\": {\"q\": \"a}\n",
        "<tool_call>{\"name\": \"map\", \"q\": \"a}}\n\n",
    ];
    for call in calls {
        assert_passes(&[(&format!("{call}It is Lisbon."), "It is Lisbon.")]);
    }
    let texts = [
        "Dial 1.\n[call(us) for more. It is free.",
        "Dial 1.\n[call(us)",
        "[map(us)] [call (us)]: it is free.",
    ];
    for text in texts {
        assert_passes(&[(text, text.trim_start_matches("[map(us)]").trim())]);
    }
    assert_passes(&[
        ("{\"name\": \"map\", \"arguments\": {\n\"q\": \"a", ""),
        ("Yes.\n{\"name\": \"map\", \"q\": \"a}\nIt is", "Yes."),
        ("<tool_call>{\"name\": \"map\"}\n</tool_call>", ""),
        (
            "<tool_call><function=tell><parameter=text>\nHi.\n\nBye.</parameter></function></tool_call>",
            "",
        ),
        (
            "<tool_response>Sunny (22 C)\nWind: 5</tool_response>It is sunny.",
            "It is sunny.",
        ),
        (
            "<parameter=text>\nJim (Brown) called.\nPlease ring back.\n</parameter>",
            "",
        ),
    ]);
}

#[test]
fn of_an_answer_in_json_the_text_is_passed_on() {
    let texts = [
        "{\"type\":\"text\",\"text\":\"It is Lisbon.\"}",
        "[{\"type\": \"text\", \"text\": \"It is Lisbon.\"}]",
        "{\"thought\":\"{\\\"Madrid?\\\\\",\"answer\":\"It is Lisbon.\"}",
        "{\"reasoning\": [\"]\", {\"text\": \"Madrid?\"}], \"sure\": true, \"response\": \"It is Lisbon.\"}",
        "{\"inner_thoughts\": \"x\", \"tries\": [2, \"b\"], \"message\": \"It is Lisbon.\", \"text\": \"b\"}",
        "{\"role\":\"assistant\",\"content\":\"It is Lisbon.\"}",
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"It is Lisbon.\"}]}",
        "{\"answer\":{\"text\":\"It is Lisbon.\"}}",
        "{\"response\": {\"type\": \"text\", \"content\": \"It is Lisbon.\"}, \"a\": [{}]}",
        "```json\n{\n  \"thinking\": \"Madrid?\",\n  \"answer\": \"It is Lisbon.\"\n}\n```",
        "{\"type\": \"text\"}\n{\"answer\": \"It is Lisbon.\"}",
    ];
    for text in texts {
        assert_passes(&[
            (text, "It is Lisbon."),
            (&format!("{text}\nBye!"), "It is Lisbon.\nBye!"),
        ]);
    }
    let long = format!(
        "{{\"thought\": \"{}\", \"answer\": \"Yes.\"}}",
        "a \\\"b".repeat(100)
    );
    assert_passes(&[
        (
            "{\"type\":\"function\",\"function\":{\"name\":\"map\",\"text\":\"a\"}}",
            "",
        ),
        ("{\"thought\":\"a\",\"name\":\"map\",\"text\":\"b\"}", ""),
        (
            "{\"type\":\"function\",\"parameters\":{\"text\":\"a\"}}",
            "",
        ),
        (
            "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"text\":\"a\"}]}",
            "",
        ),
        ("{\"thought\": \"Madrid?", ""),
        ("{\"type\"", ""),
        (&long, "Yes."),
        (
            "[{\"type\":\"text\",\"text\":\"Yes.\",\"a\":[1]}, {\"type\":\"text\",\"text\":\"It is.\"}]\nBye!",
            "Yes.\nIt is.\nBye!",
        ),
        (
            "{\"role\":\"assistant\",\"content\":[{\"text\":\"Yes.\"},{\"text\":\"So.\"}],\"text\":\"b\"}",
            "Yes.\nSo.",
        ),
        ("{\"answer\":{\"text\":\"Yes.\"},\"reply\":\"b\"}", "Yes."),
        (
            "{\"thought\":\"a\",\"action\":\"none\",\"answer\":\"Yes.\"}",
            "Yes.",
        ),
        (
            "{\"role\":\"assistant\",\"name\":\"bot\",\"content\":\"Yes.\"}",
            "Yes.",
        ),
        (
            "{\"role\":\"assistant\",\"tool_calls\":[],\"content\":\"Yes.\"}",
            "Yes.",
        ),
        (
            "{\"thought\":\"a\",\"answer\":[\"Yes.\", \"So.\"], \"b\": [1]}\nBye!",
            "Yes.\nSo.\nBye!",
        ),
        ("{\"answer\": [\"Yes.\"]}", "Yes."),
        ("{\"thought\":\"a\",\"answer\":42}", "42"),
        (
            "{\"thought\":\"a\",\"answer\": -4.5 , \"b\": 1}\nBye!",
            "-4.5\nBye!",
        ),
        (
            "{\"thought\":\"a\",\"action\":{\"text\": 1},\"answer\":\"b\"}",
            "",
        ),
    ]);
}

#[test]
fn an_answer_ends_where_another_speaker_begins() {
    let texts = [
        "It is Lisbon.\nUser: And Spain?\nAssistant: Madrid.",
        "It is Lisbon.\nCustomer: And Spain?\nAssistant: Madrid.",
        "It is Lisbon.\n**Client:** And Spain?\n**AI:** Madrid.",
        "It is Lisbon.\nKunde: Und Spanien?\nAssistent: Madrid.",
        "It is Lisbon.\n\nQuestion: And Spain?\nAnswer: Madrid.",
        "It is Lisbon. User: And Spain? Assistant: Madrid.",
        "It is Lisbon.\n\nHuman: And Spain?",
        "It is Lisbon.\n**User:** And Spain?",
        "It is Lisbon.\n### Instruction:\nAnd Spain?",
        "It is Lisbon.<|im_end|>\n<|im_start|>user\nAnd Spain?<|im_end|>",
        "It is Lisbon.<|user|>And Spain?<|assistant|>Madrid.",
        "It is Lisbon.<end_of_turn>\n<start_of_turn>user\nAnd Spain?",
        "It is Lisbon. [INST] And Spain? [/INST] Madrid.</s>",
        "It is Lisbon. [INST] And Spain? [/INST] Madrid.",
        "It is Lisbon.<｜User｜>And Spain?",
        "It is Lisbon.\nCaller: And Spain?\nAgent: Madrid.",
        "It is Lisbon. Caller: And Spain? Assistant: Madrid.",
        "Caller: Where?\nAssistant: It is Lisbon.",
        "Caller: Where? Assistant: It is Lisbon.",
        "<think>I begin with [[message and so on</think>Assistant: It is Lisbon.",
        "It is Lisbon.\nAnrufer: Und Spanien?\nAssistent: Madrid.",
        "It is Lisbon.\n用户：西班牙呢？",
        "It is Lisbon.\nNutzer: Und Spanien?",
        "It is Lisbon.\nUser: And Spain?\n\nMadrid.",
        "It is Lisbon.\n**User**:",
        "It is Lisbon.\nUser: Thanks.\nAssistant: Bye.",
        "It is Lisbon.\nCaller: And Spain?\nReceptionist: Madrid.",
        "Assistant: It is Lisbon.",
        "**Assistant:** It is Lisbon.",
        "AI: It is Lisbon.",
        "Agent: It is Lisbon.",
        "**Model:** It is Lisbon.",
        "助手：It is Lisbon.",
        "### Response:\nIt is Lisbon.",
        "Assistant: Chatbot: It is Lisbon.",
        "User: Where?\nAssistant: It is Lisbon.",
        "User: Where? Assistant: It is Lisbon.",
        "<|user|>\nWhere?<|end|>\n<|assistant|>\nIt is Lisbon.<|end|>",
        "[INST] Where? [/INST] It is Lisbon.",
        "It is Lisbon.assistant\n\nIs there more?assistant\n\nNo.",
        "It is Lisbon.\nassistant\n\nIs there more?",
        "assistant\nIt is Lisbon.",
        "assistant\n\nIt is Lisbon.",
        "user\nWhere is it?\nassistant\nIt is Lisbon.",
        "It is Lisbon.\nuser\nAnd Spain?\nassistant\nMadrid.",
        "It is Lisbon.\nuser\nThank you\nassistant\nBye.",
        "It is Lisbon.\nuser\nAnd Spain?",
        "[User]: Where?\n[Assistant]: It is Lisbon.",
        "It is Lisbon.\n[User]: Thanks.\n[Assistant]: Bye.",
        "USER> Where?\nASSISTANT> It is Lisbon.",
        "ASSISTANT> It is Lisbon.",
        "**Assistant**\nIt is Lisbon.",
        "It is Lisbon.\n\n### User\nAnd Spain?\n\n### Assistant\nMadrid.",
    ];
    for text in texts {
        assert_passes(&[(text, "It is Lisbon.")]);
    }
    // An action that lacks a bracket, and one without words, keep nothing to the end of the answer.
    assert_passes(&[
        (
            "Bye. [[goodbye]\nUser: Hm?\nAssistant: So.",
            "Bye. [[goodbye]",
        ),
        ("[[message Ann: call]\nUser: Hm?", "[[message Ann: call]"),
        (
            "Bye. [[goodbye User: Hm?\nUser: Hm?",
            "Bye. [[goodbye User: Hm?",
        ),
    ]);
}

#[test]
fn what_only_looks_like_it_is_passed_on() {
    let texts = [
        "It costs $5, <your name>, and x < y <z> w; a<b and b>c, Vec<String>.",
        "I <3 you. <answer the phone> now. 3 <|> 4 |> 5 <| 6",
        "Press [1] for sales, [[note likes tea]] [x] [THE END] [Answer]: yes",
        "The user: a person. Ask the assistant: she knows. Thanks, human: us.",
        "Log in with:\nUser: guest\nPassword: x",
        "- User: guest\n- Assistant: Ann",
        "Let me read it back. Caller: Jim. Number: 5.",
        "[[message Ann: It is cold. Caller: Jim, 5. User: x\nAnrufer: y\nAssistant: z]] Noted.",
        "It is ready. Customer: Jim. Client: Ann. Question: none.",
        "It is for:\nCustomer: Jim\nOrder: 5",
        "You have one.\nAgent: Brown\nModel: X",
        "It is booked.\nCustomer: Jim\nModel: X\nAgent: Ms. Brown\nTime: 5",
        "Caller: Jim. He rang at five.",
        "Let me read it back. Caller: Jim. Number: 5. Is that right?",
        "Noch einmal. Anrufer: Jim. Nummer: 5. Stimmt das?",
        "It is noted.\nCaller: Jim Brown, is that right?",
        "Es ist notiert.\nAnruferin: Frau Braun, stimmt das?",
        "It is noted.\nUser: jim. Is that right?",
        "Noted. Caller: Jim. Is that right?\n[[message Ann: Jim rang.]]",
        "It is noted.\nUser: jim?\n[[message Ann: Jim rang.]]",
        "It is noted.\nCaller: Jim?\n[[message Ann: Jim rang.]]\nAssistant: Bye.",
        "Your booking is confirmed.\nCustomer: Jim\nTime: 5 pm",
        "Here is one.\nQuestion: What is the capital of Spain?",
        "It is Lisbon.\nQ: And Spain?\nA: Madrid.",
        "Question: Where?\nAnswer: It is Lisbon.",
        "Question: what has keys? A piano.",
        "Q: what has keys? A piano.",
        "User: guest",
        "Here is the guest Wi-Fi.\nUser: guest\nPassword: tea",
        "Network: Guest\nUser: guest\nPassword: tea",
        "1. User: guest\n2. Password: tea",
        "Log in.\n* User: guest\n* Password: tea",
        "Dein Zugang.\nBenutzer: gast\nPasswort: tee",
        "Der Zugang.\n用户：guest\n密码：tea",
        "It is there.\nUser: guest\nE-mail: a@b.example\nAssistant: Ann\nPassword: why?",
        "User: guest\nPassword: tea\nAgent: Ann",
        "You are in.\nUser: guest\nModel: X",
        "The form has three fields. User: your name. Phone: your number. Then press send.",
        "Action: call at five.\nAnswer: it is open.",
        "It is by two.\nHuman: they thought.\nMachine: it ran.",
        "Ask your assistant.\n\nShe knows.",
        "Call the dental-assistant\n\nShe knows.",
        "There are two.\n\n**Manager**\n\nHe leads.\n\n**Assistant**\n\nHe helps.",
        "There are two.\nManager\nAssistant",
        "There are two roles.\n* Admin\n* User\n\nWhich one are you?",
        "There are two roles.\n* **Admin**\n* **User**\n\nWhich one are you?",
        "There are two roles.\n[Admin]\n[User]\n\nWhich one are you?",
        "print (the page) and print(it). A default_api. [Answer] and [User] or [Plan].",
        "Type <ref> here. Then go.",
        "[S1] goes there. <floor> x <y_1 and z_2> <a>.",
        "User manual. Assistants: three. Human beings. AI is here. Airport.",
        "Answer: 42. Response: none.",
        "Our response. Output: 5 V.",
        "**Bold** and # head\n## Thoughts\nSo.",
        "",
        " ",
        "a",
        "<",
        "<b",
        "[",
        "Use",
        "assist",
    ];
    for text in texts {
        assert_passes(&[(text, text.trim())]);
    }
}

#[test]
fn an_answer_that_begins_with_a_question_is_not_held() {
    for text in ["Question: Which river is it?", "Q: Which river is it?"] {
        assert_eq!(Filter::default().push(text).words, text);
    }
}

#[test]
fn an_ordinary_text_is_passed_on_at_once() {
    let mut filter = Filter::default();
    let mut before = String::new();
    for c in
        "We open at 9 a.m. on Monday, and it costs $5. Anything else? Use the side door.".chars()
    {
        let held = before.len();
        before.push(c);
        before.drain(..filter.push(&c.to_string()).words.len());
        // A sentence is handed out when the next has begun: its first word is all that may wait.
        assert!(
            !before.contains(' ') && before.len() <= held + 1,
            "{before:?}"
        );
    }
}

#[test]
fn the_steps_grow_with_the_text_and_not_with_its_square() {
    for pattern in HOSTILE.split('¦') {
        let steps = |times: usize| {
            let mut filter = Filter::default();
            let text = pattern.repeat(times);
            for c in text.chars() {
                filter.push(c.encode_utf8(&mut [0; 4]));
                assert!(filter.pending.len() <= LONGEST_PENDING, "{pattern:?}");
            }
            filter.end();
            filter.steps
        };
        let (few, many) = (steps(500), steps(1000));
        assert!(
            many <= 2 * few + 2 * LONGEST_PENDING,
            "{pattern:?}: {few}, twice {many}"
        );
    }
}

proptest! {
    #[test]
    fn however_a_text_is_split_the_same_is_passed_on(text in any_text(), len in 1_usize..12) {
        prop_assert_eq!(passed(&text, len), passed(&text, 1000));
    }

    #[test]
    fn prose_is_passed_on_whole(text in "[A-Z][a-z]{2,9}([ ,.;!?'\n-]{1,3}[b-z][a-z]{1,9}){0,40}") {
        prop_assert_eq!(passed(&text, 3), text);
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let tokens: Vec<_> = HOSTILE.split('¦').map(str::to_owned).collect();
    prop::collection::vec(
        prop_oneof![
            prop::sample::select(tokens),
            "[a-zA-Z .:\n]{1,8}",
            "\\PC{0,3}"
        ],
        0..30,
    )
    .prop_map(|parts| parts.concat())
}

/// The longest that may be held back, in bytes: a tag with its attributes.
const LONGEST_PENDING: usize = 300;

const HOSTILE: &str = "<¦<|¦<think¦<think>¦</think>¦<think >¦</answer>¦<answer>¦[¦[[¦[THINK]¦[/THINK]¦{¦{\"name\"¦{\"name\": ¦\
    ```¦```json\n¦{\"answer\": \"¦~~~¦\
    }¦]¦\"¦\\¦'¦(¦[a(¦<|channel|>¦<|message|>¦<|start|>¦<|end|>¦<|im_start|>¦<|im_end|>¦<|user|>¦<|assistant|>¦\
    analysis¦final¦assistantfinal¦assistant\n¦...done thinking.¦[|¦[|user|]¦<｜｜DSML｜｜¦<a_b¦<ref>¦</ref>¦[think]¦[/think]¦<plan>¦</plan>¦user\n¦> ¦print(default_api.¦analysisA¦assistant¦User:¦User: ¦\nUser: ¦. User: ¦Assistant: ¦\nAssistant: ¦Thought: ¦\nAnswer: ¦\
    **¦# ¦### Response:¦<tool_call>¦</tool_call>¦[TOOL_CALLS]¦[INST]¦[/INST]¦functools[¦<function=a>¦</function>¦\
    \n¦. ¦a¦ ¦:¦<a ¦<|a¦<v|>¦<｜¦◁¦◁think▷¦<unused9¦<0x0A>¦</s>¦|>¦>¦<|python_tag|>¦to=";
