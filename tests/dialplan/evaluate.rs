//! The smallest evaluator of what the example dialplan computes: variables, `${IF(…)}`, `${REGEX(…)}` for digits, and
//! `$[…]` with numbers and quoted words. <https://docs.asterisk.org/Configuration/Dialplan/Expressions/>

use std::collections::BTreeMap;

/// `text` with all its variables, functions and expressions replaced by their values.
pub(super) fn evaluate(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out += &rest[..at];
        let (open, close) = if rest[at..].starts_with("$[") {
            ('[', ']')
        } else {
            ('{', '}')
        };
        let inner = enclosed(&rest[at + 1..], open, close);
        let value = evaluate_one(inner, open, variables);
        out += &value;
        rest = &rest[at + 1 + inner.len() + 2..];
    }
    out + rest
}

fn evaluate_one(inner: &str, open: char, variables: &BTreeMap<String, String>) -> String {
    if open == '[' {
        let text = evaluate(inner, variables);
        let mut tokens = tokens(&text);
        let value = binary(&mut tokens, 0);
        assert!(tokens.is_empty(), "left of {text}: {tokens:?}");
        return value;
    }
    if let Some(arguments) = function(inner, "IF") {
        let condition_len = enclosed(&arguments[1..], '[', ']').len() + 3;
        let (condition, choices) = arguments.split_at(condition_len);
        let (yes, no) = evaluate(choices, variables)[1..]
            .split_once(':')
            .map(|(yes, no)| (yes.to_owned(), no.to_owned()))
            .unwrap();
        let is_met = evaluate(condition, variables) != "0";
        return if is_met { yes } else { no };
    }
    let value = variables.get(inner).cloned();
    value.unwrap_or_else(|| panic!("{inner} is unknown"))
}

/// The arguments of a call of `name`.
fn function<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.strip_prefix(name)?
        .strip_prefix('(')?
        .strip_suffix(')')
}

/// What stands inside the brackets that begin `text`.
fn enclosed(text: &str, open: char, close: char) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == open) - i32::from(c == close);
        if depth == 0 {
            return &text[1..at];
        }
    }
    panic!("{text} is not closed");
}

/// The words of an expression, the last of them first.
fn tokens(text: &str) -> Vec<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    spaced.split_whitespace().rev().map(str::to_owned).collect()
}

/// Operators that bind more and more, all from the left.
const LEVELS: [&[&str]; 5] = [
    &["|"],
    &["&"],
    &["=", "!=", "<", ">", "<=", ">="],
    &["+", "-"],
    &["*", "/", "%"],
];

fn binary(tokens: &mut Vec<String>, level: usize) -> String {
    let Some(operators) = LEVELS.get(level) else {
        let first = tokens.pop().unwrap();
        if first != "(" {
            return first;
        }
        let inner = binary(tokens, 0);
        assert_eq!(tokens.pop().as_deref(), Some(")"));
        return inner;
    };
    let mut left = binary(tokens, level + 1);
    while tokens
        .last()
        .is_some_and(|it| operators.contains(&it.as_str()))
    {
        let operator = tokens.pop().unwrap();
        let right = binary(tokens, level + 1);
        left = apply(&left, &operator, &right);
    }
    left
}

fn apply(left: &str, operator: &str, right: &str) -> String {
    let number = |text: &str| {
        text.parse::<f64>()
            .unwrap_or_else(|_| panic!("{text} is no number"))
    };
    let is_true = |text: &str| text != "0";
    let truth = |is: bool| u8::from(is).to_string();
    match operator {
        "|" => truth(is_true(left) || is_true(right)),
        "&" => truth(is_true(left) && is_true(right)),
        "=" => truth(left == right),
        "!=" => truth(left != right),
        "<" => truth(number(left) < number(right)),
        ">" => truth(number(left) > number(right)),
        "<=" => truth(number(left) <= number(right)),
        ">=" => truth(number(left) >= number(right)),
        "+" => (number(left) + number(right)).to_string(),
        "-" => (number(left) - number(right)).to_string(),
        "*" => (number(left) * number(right)).to_string(),
        "/" => (number(left) / number(right)).to_string(),
        "%" => (number(left) % number(right)).to_string(),
        other => panic!("{other} is unknown"),
    }
}

#[test]
fn values_are_those_that_asterisk_has() {
    let known = [
        ("A", "3"),
        ("B", "TIMEOUT"),
        ("CHANNEL(rtcp,rxcount)", "12"),
    ];
    let known = known
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let table = [
        ("x${A}y", "x3y"),
        ("0${CHANNEL(rtcp,rxcount)}", "012"),
        ("$[1 + 2 * ${A}]", "7"),
        ("$[(1 + 2) * ${A} % 5]", "4"),
        ("$[10 - 2 - 3]", "5"),
        ("$[\"${B}\" != \"TIMEOUT\" | ${A} <= 0]", "0"),
        ("$[\"${B}\" = \"TIMEOUT\" & 0${A} > 2]", "1"),
        ("${IF($[${A} = 3]?${A}:$[1 + 1])}", "3"),
        ("${IF($[${A} = 4]?${A}:$[1 + 1])}", "2"),
    ];
    for (text, expected) in table {
        assert_eq!(evaluate(text, &known), expected, "{text}");
    }
}
