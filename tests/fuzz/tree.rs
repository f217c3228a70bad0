//! Valid JSON in, mostly valid JSON of another shape out.
//!
//! Damaged bytes seldom pass a parser of JSON, so the damage is done to the tree; every fourth input's
//! bytes are damaged too.

use serde_json::{Value, json};

use super::mutate::{Random, mutate};

/// One of `seeds` with one to four mutations.
pub(super) fn mutated(seeds: &[&Value], random: &mut Random) -> Vec<u8> {
    let mut tree = random.pick(seeds).clone();
    for _ in 0..=random.below(4) {
        change(&mut tree, random.pick(seeds), random);
    }
    let mut input = tree.to_string().into_bytes();
    if random.one_in(4) {
        let other = random.pick(seeds).to_string();
        mutate(&mut input, other.as_bytes(), random);
    }
    input
}

/// Walks down some way, and changes what is there.
fn change(tree: &mut Value, other: &Value, random: &mut Random) {
    let place = somewhere(tree, random);
    match place {
        Value::String(text) if !random.one_in(4) => {
            let mut bytes = std::mem::take(text).into_bytes();
            mutate(&mut bytes, &other.to_string().into_bytes(), random);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        Value::Array(list) if !random.one_in(4) => change_list(list, random),
        Value::Object(fields) if !random.one_in(4) => change_fields(fields, random),
        place => *place = leaf_or_branch(place, other, random),
    }
}

fn somewhere<'a>(tree: &'a mut Value, random: &mut Random) -> &'a mut Value {
    let len = match tree {
        Value::Array(list) => list.len(),
        Value::Object(fields) => fields.len(),
        _ => 0,
    };
    if len == 0 || random.one_in(6) {
        return tree;
    }
    let nth = random.below(len);
    let child = match tree {
        Value::Array(list) => list.get_mut(nth),
        Value::Object(fields) => fields.values_mut().nth(nth),
        _ => None,
    };
    somewhere(child.unwrap(), random)
}

/// Removes an element or doubles it.
fn change_list(list: &mut Vec<Value>, random: &mut Random) {
    let nth = random.below(list.len());
    if random.one_in(2) {
        list.truncate(nth);
    } else if let Some(element) = list.get(nth).cloned() {
        list.insert(0, element);
    }
}

/// Removes a field or gives it another's name.
fn change_fields(fields: &mut serde_json::Map<String, Value>, random: &mut Random) {
    let names: Vec<_> = fields.keys().cloned().collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    if names.is_empty() {
        return;
    }
    let value = fields.remove(random.pick(&names));
    if random.one_in(2) {
        fields.insert(random.pick(&names).to_owned(), value.unwrap_or_default());
    }
}

fn leaf_or_branch(place: &Value, other: &Value, random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(0),
        3 => json!(-1),
        4 => json!(u64::MAX),
        5 => json!(f64::MAX),
        6 => json!(""),
        7 => json!({}),
        8 => json!([]),
        9 => json!([place]),
        10 => (0..DEEP).fold(place.clone(), |inner, _| json!([inner])),
        _ => somewhere(&mut other.clone(), random).clone(),
    }
}

/// More than half of what `serde_json` follows (128), so that two of them are too many.
const DEEP: usize = 70;
