//! The tree-sitter grammar reads what the parser reads.

use super::{texts, valid, words_of};
use crate::text::root;
use cluec::diag::Sources;
use tree_sitter::{Node, Parser, Query, Tree};

fn parse(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_clue::LANGUAGE.into()).unwrap();
    parser.parse(text, None).unwrap()
}

/// The nodes of a kind, at any depth.
fn all<'a>(node: Node<'a>, kind: &str, found: &mut Vec<Node<'a>>) {
    if node.kind() == kind {
        found.push(node);
    }
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        all(child, kind, found);
    }
}

#[test]
fn valid_texts_have_no_error_and_the_same_items_and_settings() {
    for path in valid() {
        let text = std::fs::read_to_string(&path).unwrap();
        let tree = parse(&text);
        assert!(!tree.root_node().has_error(), "{}: {}", path.display(), tree.root_node());

        let mut sources = Sources::default();
        let id = sources.add("", text.as_str());
        let mut paths = Vec::new();
        for item in cluec::syntax::parse(&sources, id).0.settings {
            collect(&item.body, &mut paths);
        }
        let mut nodes = Vec::new();
        all(tree.root_node(), "path", &mut nodes);
        let places: Vec<(usize, usize)> =
            nodes.iter().map(|node| (node.start_byte(), node.end_byte())).collect();
        assert_eq!(places, paths, "{}", path.display());
    }
}

fn collect(body: &Option<cluec::syntax::ast::Body>, paths: &mut Vec<(usize, usize)>) {
    for setting in body.iter().flat_map(|body| &body.settings) {
        paths.push((setting.path.span.start as usize, setting.path.span.end as usize));
        collect(&setting.body, paths);
    }
}

#[test]
fn a_text_without_a_mistake_of_syntax_has_no_error() {
    for path in texts("tests/wrong") {
        let text = std::fs::read_to_string(&path).unwrap();
        let codes: Vec<&str> = crate::text::check_file(&path)
            .diags
            .0
            .iter()
            .map(|diagnostic| diagnostic.code)
            .collect();
        // Whether an item has a name, and which words relate it, is a matter of syntax here.
        let of_items = ["E0206", "E0207", "E0208"];
        let syntax = codes.iter().any(|code| code.starts_with("E01") || of_items.contains(code));
        if !syntax {
            assert!(!parse(&text).root_node().has_error(), "{}", path.display());
        }
    }
}

#[test]
fn a_mistake_leaves_the_items_around_it_whole() {
    let tree = parse("model a {\n    width = 3\n}\nmodel b {\n    heads 3 4\n}\n");
    let mut items = Vec::new();
    all(tree.root_node(), "item", &mut items);
    assert_eq!(items.len(), 2);
    assert!(items[0].has_error() && !items[1].has_error());
}

/// The examples in the form that `tree-sitter test` reads.
#[test]
fn the_corpus_is_read_as_it_says() {
    let corpus =
        std::fs::read_to_string(root().join("editors/tree-sitter-clue/test/corpus/files.txt"))
            .unwrap();
    let mut parts = corpus.split("==================\n").skip(1);
    let mut count = 0;
    while let (Some(name), Some(example)) = (parts.next(), parts.next()) {
        let (text, expected) = example.split_once("\n---\n").unwrap();
        let found = parse(text.trim_matches('\n')).root_node().to_sexp();
        assert_eq!(squeezed(&found), squeezed(expected), "{name}");
        count += 1;
    }
    assert_eq!(count, 4);
}

/// Without the names of fields, and with single blanks.
fn squeezed(sexp: &str) -> String {
    let words = sexp.split_whitespace().filter(|word| !word.ends_with(':'));
    words.collect::<Vec<_>>().join(" ").replace("( ", "(").replace(" )", ")")
}

#[test]
fn highlights_fit_the_grammar() {
    let language = tree_sitter_clue::LANGUAGE.into();
    let query = Query::new(&language, tree_sitter_clue::HIGHLIGHTS).unwrap();
    assert!(query.capture_names().contains(&"property"));
    for name in ["folds", "indents"] {
        let path = root().join(format!("editors/tree-sitter-clue/queries/{name}.scm"));
        Query::new(&language, &std::fs::read_to_string(path).unwrap()).unwrap();
    }
}

#[test]
fn relations_are_those_of_the_language() {
    let grammar =
        std::fs::read_to_string(root().join("editors/tree-sitter-clue/grammar.js")).unwrap();
    let words: Vec<String> =
        words_of("relation").iter().map(|word| format!("\"{word}\"")).collect();
    assert!(grammar.contains(&format!("choice({})", words.join(", "))), "{words:?}");
}

#[test]
fn the_generated_parser_is_of_this_grammar() {
    let generated =
        std::fs::read_to_string(root().join("editors/tree-sitter-clue/src/grammar.json")).unwrap();
    let generated: serde_json::Value = serde_json::from_str(&generated).unwrap();
    let grammar =
        std::fs::read_to_string(root().join("editors/tree-sitter-clue/grammar.js")).unwrap();
    for rule in generated["rules"].as_object().unwrap().keys() {
        assert!(grammar.contains(&format!("    {rule}: (")), "{rule} is not in grammar.js");
    }
}
