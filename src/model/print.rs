//! A model printed in full: one item that needs no other, which parses to the same model. It is what
//! a checkpoint embeds.

use super::merge::Merged;
use crate::schema::{Field, Tree, Value};
use std::fmt::Write;

pub fn print(name: &str, label: Option<&str>, merged: &Merged) -> String {
    let mut out = String::new();
    let label = label.map(|l| format!(" {}", Value::Text(l.to_string()))).unwrap_or_default();
    let _ = writeln!(out, "model {name}{label} {{");
    for field in merged.whole.kind.fields {
        if let Some(said) = merged.whole.fields.get(field.name) {
            line(&mut out, 1, field.name, field, &said.value);
        }
    }
    if let Some(first) = merged.stages.first() {
        for field in first.kind.fields {
            // The first stage has no pool to print.
            let from = super::settings::first_stage(field.name);
            let columns: Vec<(usize, &Value)> = (from..=merged.stages.len())
                .filter_map(|stage| {
                    merged.stages[stage - 1].fields.get(field.name).map(|v| (stage, &v.value))
                })
                .collect();
            let all = columns.len() + from == merged.stages.len() + 1;
            row(&mut out, 1, field, &columns, all);
        }
    }
    out.push_str("}\n");
    out
}

fn line(out: &mut String, depth: usize, name: &str, field: &Field, value: &Value) {
    let indent = "    ".repeat(depth);
    match value {
        Value::Tree(tree) => {
            // The kind of a group, or of a recipe, has no name.
            let head = match field.ty.implicit() {
                Some(_) => name.to_string(),
                None => format!("{name} {}", tree.kind.name),
            };
            if tree.fields.is_empty() && field.ty.implicit().is_none() {
                let _ = writeln!(out, "{indent}{head}");
                return;
            }
            let _ = writeln!(out, "{indent}{head} {{");
            for field in tree.kind.fields {
                if let Some(said) = tree.fields.get(field.name) {
                    line(out, depth + 1, field.name, field, &said.value);
                }
            }
            let _ = writeln!(out, "{indent}}}");
        }
        value => {
            let _ = writeln!(out, "{indent}{name} {value}");
        }
    }
}

/// A setting of several stages: one row if all are plain or of one kind, else a line for each.
fn row(out: &mut String, depth: usize, field: &Field, columns: &[(usize, &Value)], all: bool) {
    let indent = "    ".repeat(depth);
    let name = field.name;
    let Some(((_, first), rest)) = columns.split_first() else { return };
    let equal = rest.iter().all(|(_, value)| value == first);
    let plain = columns.iter().all(|(_, value)| !matches!(value, Value::Tree(_)));
    if all && equal {
        line(out, depth, name, field, first);
    } else if all && plain {
        let words: Vec<String> = columns.iter().map(|(_, v)| v.to_string()).collect();
        let _ = writeln!(out, "{indent}{name} {}", words.join(" "));
    } else if let (true, Some(trees)) = (all, same_kind(columns)) {
        let _ = writeln!(out, "{indent}{name} {} {{", trees[0].1.kind.name);
        for field in trees[0].1.kind.fields {
            let inner: Vec<(usize, &Value)> = trees
                .iter()
                .filter_map(|(stage, tree)| tree.fields.get(field.name).map(|v| (*stage, &v.value)))
                .collect();
            row(out, depth + 1, field, &inner, inner.len() == trees.len());
        }
        let _ = writeln!(out, "{indent}}}");
    } else {
        for (stage, value) in columns {
            line(out, depth, &format!("{name}@{stage}"), field, value);
        }
    }
}

fn same_kind<'a>(columns: &[(usize, &'a Value)]) -> Option<Vec<(usize, &'a Tree)>> {
    let trees: Vec<(usize, &Tree)> = columns
        .iter()
        .filter_map(|(stage, value)| match value {
            Value::Tree(tree) => Some((*stage, tree)),
            _ => None,
        })
        .collect();
    let one = trees.iter().all(|(_, tree)| tree.kind.name == trees[0].1.kind.name);
    (trees.len() == columns.len() && one).then_some(trees)
}
