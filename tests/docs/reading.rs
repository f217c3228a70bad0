//! What the documents and the sources say, taken apart.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use phone_assistant::manual::{EXAMPLES, TOPICS};

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// README and all topics, with their names.
pub(super) fn documents() -> Vec<(String, String)> {
    let topics = TOPICS.iter().map(|topic| {
        let name = format!("src/manual/{}.md", topic.name);
        (name, topic.text.clone())
    });
    topics.chain([("README.md".to_owned(), readme())]).collect()
}

pub(super) fn readme() -> String {
    document("README.md")
}

pub(super) fn topic(name: &str) -> &'static str {
    let topic = TOPICS.iter().find(|topic| topic.name == name);
    &topic.unwrap_or_else(|| panic!("no topic {name}")).text
}

pub(crate) fn example(name: &str) -> &'static str {
    let example = EXAMPLES.iter().find(|example| example.name == name);
    &example.unwrap_or_else(|| panic!("no file {name}")).text
}

pub(super) fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, section) = text.split_once(&format!("\n{heading}\n")).unwrap();
    section.split("\n## ").next().unwrap()
}

/// What stands between backticks, in blocks and within lines.
pub(super) fn code(text: &str) -> Vec<String> {
    let mut code = blocks(text, "");
    let (mut prose, mut is_block) = (String::new(), false);
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        if !is_block && !is_fence {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    code.extend(prose.split('`').skip(1).step_by(2).map(str::to_owned));
    code
}

/// The blocks of a language, or of any.
pub(super) fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(found) = line.trim_start().strip_prefix("```") {
            let block = lines
                .by_ref()
                .take_while(|line| line.trim_start() != "```")
                .map(|line| format!("{line}\n"));
            let block: String = block.collect();
            if language.is_empty() || found == language {
                blocks.push(block);
            }
        }
    }
    blocks
}

/// The words that stand behind `before`, each up to the first character that `is_part` does not take.
pub(super) fn words_behind<'a>(
    text: &'a str,
    before: &str,
    is_part: fn(char) -> bool,
) -> Vec<&'a str> {
    let words = text.split(before).skip(1);
    words
        .map(|rest| rest.split(|c| !is_part(c)).next().unwrap_or_default())
        .filter(|word| !word.is_empty())
        .collect()
}

pub(super) fn is_of_topic(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.@".contains(c)
}

/// Upper-case names that begin so.
pub(super) fn variables(text: &str, beginning: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with(beginning) && *word != beginning)
        .map(str::to_owned)
        .collect()
}

/// The sources in a folder of the repository, with their paths below it.
pub(crate) fn source_files(folder: &str) -> Vec<(PathBuf, String)> {
    fn add(folder: &Path, root: &Path, all: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(&path, root, all);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                all.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    let (mut all, root) = (Vec::new(), root().join(folder));
    add(&root, &root, &mut all);
    all
}

/// All of the program's as one text.
pub(super) fn sources() -> String {
    source_files("src")
        .into_iter()
        .map(|(_, text)| text)
        .collect()
}

pub(super) fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As GitHub makes them of headings.
pub(super) fn anchors(document: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(document).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches(['#', ' ']).to_lowercase();
            let kept = words
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}
