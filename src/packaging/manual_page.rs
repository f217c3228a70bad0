//! The manual as a page for `man` (man-pages(7), groff_man(7)): a section for each topic. It knows what the manual is
//! written in and no more of Markdown.

use std::fmt::Write;

use phone_assistant::config::keys::KEYS;
use phone_assistant::manual::{TOPICS, Topic};

/// The page, for this version of the program.
pub(crate) fn page(version: &str) -> String {
    let mut out = format!(
        ".TH phone\\-assistant\\-manual 7 \"\" \"phone\\-assistant {version}\" \"Manual\"\n\
         .SH NAME\nphone\\-assistant\\-manual \\- all topics that phone\\-assistant help prints\n"
    );
    for topic in &TOPICS {
        section(topic, &mut out);
    }
    out
}

fn section(topic: &Topic, out: &mut String) {
    add(out, &format!(".SH \"{}\"", roff(topic.name).to_uppercase()));
    add(out, &roff(topic.summary));
    let mut lines = topic.text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with(FENCE) {
            add(out, ".PP\n.RS 4\n.nf");
            let block = lines.by_ref().take_while(|line| !line.starts_with(FENCE));
            block.for_each(|line| add(out, &literal(line)));
            add(out, ".fi\n.RE");
        } else if line.starts_with('|') {
            // Below the head of a table is Markdown's line, which says nothing.
            let head = lines.next();
            debug_assert!(head.is_some_and(|line| line.contains("---")));
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                item(row, out);
            }
        } else if let Some(heading) = line.strip_prefix("##") {
            let heading = roff(heading.trim_start_matches(['#', ' ']));
            add(out, &format!(".SS \"{heading}\""));
        } else if let Some(text) = line.strip_prefix("* ").or(line.strip_prefix("- ")) {
            add(out, &format!(".IP \\(bu 2\n{}", inline(text)));
        } else if let Some((number, text)) = numbered(line) {
            add(out, &format!(".IP {number} 4\n{}", inline(text)));
        } else if !line.is_empty() && !line.starts_with('#') {
            add(out, &format!(".PP\n{}", inline(line)));
        }
    }
    if topic.name == "settings" {
        for key in KEYS {
            let (kind, default) = (roff(&key.kind.to_string()), roff(key.default));
            let meaning = inline(key.meaning);
            add(out, &format!(".TP\n.B {}", roff(key.name)));
            add(
                out,
                &format!("Values: {kind}. Default: {default}\n.br\n{meaning}"),
            );
        }
    }
}

/// A row of a table: its first cell, and the others below it.
fn item(row: &str, out: &mut String) {
    let row = row.trim_start_matches("| ").trim_end_matches(" |");
    let (first, rest) = row.split_once(" | ").unwrap_or((row, ""));
    let rest = rest.replace(" | ", "; ");
    add(
        out,
        &format!(".TP\n{}\n{}", inline(first.trim()), inline(&rest)),
    );
}

fn numbered(line: &str) -> Option<(&str, &str)> {
    let (number, text) = line.split_once(' ')?;
    let digits = number.strip_suffix('.')?;
    digits.parse::<u8>().is_ok().then_some((number, text))
}

/// A text with what is in backticks in bold.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        let part = roff(&part.replace("**", ""));
        // A string takes in everything.
        if index % 2 == 1 {
            write!(out, "\\fB{part}\\fR").ok();
        } else {
            out.push_str(&part);
        }
    }
    guarded(out)
}

fn literal(line: &str) -> String {
    guarded(roff(line))
}

/// Escapes a line that roff would take for a request.
fn guarded(line: String) -> String {
    if line.starts_with(['.', '\'']) || line.is_empty() {
        format!("\\&{line}")
    } else {
        line
    }
}

/// A text with what groff takes for its own written out, as groff_char(7) has it.
fn roff(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\(rs"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '`' => out.push_str("\\(ga"),
            '"' => out.push_str("\\(dq"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            other => out.push(other),
        }
    }
    out
}

fn add(out: &mut String, lines: &str) {
    out.push_str(lines);
    out.push('\n');
}

const FENCE: &str = "```";
