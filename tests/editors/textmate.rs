//! The TextMate grammar colors what the parser reads as what it is.

use super::{valid, words_of};
use crate::text::root;
use cluec::diag::{Sources, Span};
use cluec::syntax::ast::{Body, Literal, Setting};
use fancy_regex::Regex;
use serde_json::Value;
use std::fmt::Write;

/// A rule: what it looks for, and the scope of the whole and of each group.
struct Rule {
    regex: Regex,
    scopes: Vec<(usize, String)>,
}

/// The rules in their order. The grammar needs none that reach over lines.
fn rules() -> Vec<Rule> {
    let path = root().join("editors/vscode/syntaxes/clue.tmLanguage.json");
    let grammar: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut rules = Vec::new();
    flatten(&grammar["patterns"], &grammar["repository"], &mut rules);
    rules
}

fn flatten(patterns: &Value, repository: &Value, rules: &mut Vec<Rule>) {
    for pattern in patterns.as_array().unwrap() {
        let pattern = match pattern["include"].as_str() {
            Some(name) => &repository[name.strip_prefix('#').unwrap()],
            None => pattern,
        };
        assert!(pattern.get("begin").is_none());
        if pattern.get("patterns").is_some() {
            flatten(&pattern["patterns"], repository, rules);
            continue;
        }
        let mut scopes: Vec<(usize, String)> = Vec::new();
        if let Some(name) = pattern["name"].as_str() {
            scopes.push((0, name.to_string()));
        }
        for (group, capture) in pattern["captures"].as_object().into_iter().flatten() {
            scopes.push((group.parse().unwrap(), capture["name"].as_str().unwrap().to_string()));
        }
        let regex = pattern["match"].as_str().unwrap();
        rules.push(Rule { regex: Regex::new(regex).unwrap(), scopes });
    }
}

/// The words of a text that have a scope: where they stand, and which.
fn tokens(rules: &[Rule], text: &str) -> Vec<(std::ops::Range<usize>, String)> {
    let mut tokens = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        let mut at = 0;
        while at < content.len() {
            let found = rules.iter().filter_map(|rule| {
                let captures = rule.regex.captures_from_pos(content, at).unwrap()?;
                Some((captures, rule))
            });
            let Some((captures, rule)) = found.min_by_key(|(c, _)| c.get(0).unwrap().start())
            else {
                break;
            };
            for (group, scope) in &rule.scopes {
                if let Some(part) = captures.get(*group) {
                    tokens.push((start + part.start()..start + part.end(), scope.clone()));
                }
            }
            let whole = captures.get(0).unwrap();
            at = whole.end().max(at + usize::from(whole.range().is_empty()));
        }
        start += line.len();
    }
    tokens
}

#[test]
fn a_sample_in_all_its_colors() {
    let text = "\
use \"base.clue\"
/// What it is.
model a \"A \\\" b\" from b with c, d {
    width@2..3,4 32 64  // channels
    mixer.grid 7x7; pool off
    crop { area 8%..100%; rate -1.5e-2 }
    mixer cluster { on_top on; from_x 3epochs }
}
family e
";
    let mut out = String::new();
    for (range, scope) in tokens(&rules(), text) {
        let _ = writeln!(out, "{:24} {}", &text[range], scope.trim_end_matches(".clue"));
    }
    insta::assert_snapshot!(out);
}

#[test]
fn every_word_of_a_valid_text_has_the_color_of_what_it_is() {
    let rules = rules();
    for path in valid() {
        let mut sources = Sources::default();
        let id = sources.add("", std::fs::read_to_string(&path).unwrap());
        let tokens = tokens(&rules, &sources.get(id).text);
        let check = |span: Span, scope: &str| {
            let range = span.start as usize..span.end as usize;
            let found: Vec<&str> = tokens
                .iter()
                .filter(|(r, _)| range.contains(&r.start))
                .map(|(_, scope)| scope.as_str())
                .collect();
            let first = found.first().copied().unwrap_or("(nothing)");
            assert!(
                first.starts_with(scope),
                "{}: `{}` is {found:?}, not {scope}",
                path.display(),
                sources.slice(span)
            );
        };
        for item in cluec::syntax::parse(&sources, id).0.settings {
            check(item.path.span, "keyword.declaration");
            if item.path.keys[0].value != "use" {
                check(item.row[0].span, "entity.name.type");
            }
            links(&item, &check);
            settings(&item.body, &check);
        }
    }
}

fn links(setting: &Setting, check: &dyn Fn(Span, &str)) {
    for link in &setting.links {
        check(link.relation.span, "keyword.other.relation");
    }
}

fn settings(body: &Option<Body>, check: &dyn Fn(Span, &str)) {
    for setting in body.iter().flat_map(|body| &body.settings) {
        check(setting.path.span, "variable.other.property");
        for value in &setting.row {
            check(
                value.span,
                match &value.value {
                    Literal::Name(name) if ["on", "off"].contains(&name.as_str()) => {
                        "constant.language"
                    }
                    Literal::Name(_) => "support.constant",
                    Literal::Size(_) => "constant.numeric.size",
                    Literal::Number(_) | Literal::Range(..) => "constant.numeric.clue",
                    Literal::Text(_) => "string.quoted.double",
                },
            );
        }
        settings(&setting.body, check);
    }
}

#[test]
fn reserved_words_and_items_are_those_of_the_language() {
    let rules = rules();
    for word in words_of("reserved") {
        let found = tokens(&rules, &format!("    key {word} x"));
        assert_eq!(found[1].1, "keyword.other.relation.clue", "{word}");
    }
    for word in cluec::model::words() {
        let found = tokens(&rules, &format!("{} a {{", word.name));
        assert_eq!(found[0].1, "keyword.declaration.clue", "{}", word.name);
    }
}
