//! The figures of the house: how its files know each other, and how many of its lines are tests and comments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{PACKAGES, code_of, sources};
use crate::docs::reading::source_files;

/// Files that know each other can be understood only together: a parent and its child are the most that do.
#[test]
fn no_more_than_two_files_know_each_other_in_a_circle() {
    let files: Vec<_> = sources().collect();
    let names: Vec<_> = files.iter().map(|(path, _)| module(path)).collect();
    let numbers = names.iter().cloned().zip(0..).collect();
    let known: Vec<_> = files
        .iter()
        .zip(&names)
        .map(|((path, text), name)| known(path, name, code_of(path, text), &numbers))
        .collect();
    assert!(known.iter().map(BTreeSet::len).sum::<usize>() > 1000);
    let reached: Vec<_> = (0..names.len()).map(|one| reached(one, &known)).collect();
    for (one, others) in reached.iter().enumerate() {
        let circle = others
            .iter()
            .filter(|other| reached[**other].contains(&one));
        let circle: Vec<_> = circle.map(|other| &names[*other]).collect();
        assert!(circle.len() <= 2, "{circle:#?}");
    }
}

/// The name of a file's module, such as `call::line`; that of a crate's root is the crate's, and nothing for the program.
fn module(path: &Path) -> Vec<String> {
    let path = path.with_extension("");
    let parts = path.iter().map(|part| part.to_string_lossy().into_owned());
    parts
        .filter(|part| part != "mod" && part != "lib")
        .collect()
}

/// The files that a file names, by their numbers.
fn known(
    path: &Path,
    own: &[String],
    code: &str,
    numbers: &BTreeMap<Vec<String>, usize>,
) -> BTreeSet<usize> {
    let package = PACKAGES.iter().find(|package| path.starts_with(package));
    let root: Vec<_> = package
        .iter()
        .map(|package| (**package).to_owned())
        .collect();
    let found = paths(code).into_iter().filter_map(|path| {
        let mut parts = path.split("::").map(str::trim).peekable();
        let mut full = match *parts.peek()? {
            "crate" => root.clone(),
            "super" | "self" => own.to_vec(),
            child => {
                let child = [own, &[child.to_owned()]].concat();
                numbers.contains_key(&child).then(|| own.to_vec())?
            }
        };
        while let Some(part) = parts.next_if(|part| ["crate", "super", "self"].contains(part)) {
            if part == "super" {
                full.pop();
            }
        }
        full.extend(parts.map(str::to_owned));
        let mut longest = (1..=full.len()).rev();
        longest.find_map(|len| numbers.get(&full[..len]).copied())
    });
    let this = numbers.get(own);
    found.filter(|number| Some(number) != this).collect()
}

/// The paths that a text names: in its imports, and within its lines from the crate or the parent on.
fn paths(code: &str) -> Vec<String> {
    let imports = code
        .split("use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next());
    let mut paths: Vec<_> = imports.flat_map(spread).collect();
    for root in ["crate::", "super::"] {
        let starts = code.match_indices(root).map(|(at, _)| at);
        for at in starts.filter(|at| !code[..*at].ends_with("::")) {
            let is_other = |c: char| !c.is_alphanumeric() && c != '_' && c != ':';
            let path = code[at..].split(is_other).next().unwrap_or_default();
            // With braces behind it, it is an import.
            paths.extend((!path.ends_with("::")).then(|| path.to_owned()));
        }
    }
    paths
}

/// What an import names, each with its whole path.
fn spread(import: &str) -> Vec<String> {
    let Some((before, rest)) = import.split_once('{') else {
        return vec![import.split(" as ").next().unwrap_or_default().to_owned()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let mut depth = 0;
    let parts = inner.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    let whole = parts.map(|part| format!("{}{}", before.trim(), part.trim()));
    whole.flat_map(|path| spread(&path)).collect()
}

/// All that is known from one file on, by however many others.
fn reached(one: usize, known: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![one]);
    while let Some(file) = next.pop() {
        next.extend(known[file].iter().filter(|other| reached.insert(**other)));
    }
    reached
}

/// A call is decided by its phases, and each of them has its table.
#[test]
fn the_tests_beside_a_call_are_at_least_half_as_long_as_its_code() {
    let (mut code, mut tests) = (0, 0);
    for (path, text) in source_files("src") {
        if path.starts_with("call") {
            let (whole, own) = (lines(&text), lines(code_of(&path, &text)));
            code += own;
            tests += whole - own;
        }
    }
    assert!(code > 1000 && tests * 2 >= code, "{tests} beside {code}");
}

/// The lines that are neither empty nor comments.
fn lines(text: &str) -> usize {
    let lines = text.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.count()
}

/// A comment is for the reason, the limit, and the specification.
#[test]
fn two_to_four_lines_in_a_hundred_are_comments() {
    let files: Vec<(PathBuf, String)> = source_files("src");
    let code = files.iter().map(|(path, text)| code_of(path, text));
    let all = code.flat_map(str::lines).map(str::trim_start);
    let all: Vec<_> = all.filter(|line| !line.is_empty()).collect();
    let is_doc = |line: &str| line.starts_with("///") || line.starts_with("//!");
    let comments = all
        .iter()
        .filter(|line| line.starts_with("//") && !is_doc(line));
    let per_mille = comments.count() * 1000 / all.len();
    assert!((20..=40).contains(&per_mille), "{per_mille} in 1000");
}
