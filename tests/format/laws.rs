//! Laws, on texts made up: formatting twice is formatting once, words and comments survive, the
//! graph stays the same, and no text makes it panic.

use super::format;
use cluec::diag::Sources;
use proptest::prelude::*;

/// Everything but blanks, line breaks and `;`, in order, comments on lines of their own.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for line in text.lines() {
        let (mut code, mut quoted, mut escaped, mut comment) = (String::new(), false, false, None);
        for (at, c) in line.char_indices() {
            if !quoted && line[at..].starts_with("//") {
                comment = Some(line[at..].trim_end());
                break;
            }
            match c {
                '"' if !quoted => {
                    code.push_str("\n\"");
                    quoted = true;
                }
                '"' if !escaped => {
                    code.push_str("\"\n");
                    quoted = false;
                }
                ' ' | '\t' | '\r' | ';' if !quoted => code.push('\n'),
                '{' | '}' | ',' if !quoted => code.push_str(&format!("\n{c}\n")),
                c => code.push(c),
            }
            escaped = quoted && c == '\\' && !escaped;
        }
        words.extend(code.split('\n').filter(|word| !word.is_empty()).map(String::from));
        words.extend(comment.map(String::from));
    }
    words
}

/// Pieces of texts, more or less well-formed.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "model a",
        "mixer",
        "width 32 64 196",
        "blocks 3 4 5 off",
        "heads 1 2",
        "grid@3 7x7",
        "\"a { // b\"",
        "from b",
        "with c, d",
        " ",
        "\t",
        "\n",
        "\n",
        "\n\n\n",
        ";",
        "{",
        "}",
        "{ ",
        " }\n",
        "// remark",
        "// another\n",
        "/// doc\n",
        "a 1",
        "a.long.path.to.something 8% 100%",
        "{ a 1; b { c 2; d 3 } }",
        "{}",
        "a 1 // remark\n",
        "\r\n",
        ",",
        "=",
    ]);
    prop_oneof![8 => fixed.prop_map(String::from), 1 => "[a-z é]{0,6}", 1 => "\\PC{0,3}"]
}

/// Bodies that parse: settings, comments and blank lines at random.
fn body(depth: u32) -> BoxedStrategy<String> {
    let key = "[a-z]{1,12}(\\.[a-z]{1,8})?(@[1-4])?";
    let row = prop::sample::select(vec![
        "",
        " 1",
        " 3 4 5 2",
        "  32\t64 196 1320",
        " off",
        " 7x7",
        " conv icp",
        " \"é // { \\\" }\"",
        " 0.5 1e-6",
        " a from b with c ,d",
    ]);
    let inner: BoxedStrategy<String> = if depth == 0 {
        Just(String::new()).boxed()
    } else {
        prop_oneof![
            2 => Just(String::new()),
            1 => body(depth - 1).prop_map(|body| format!(" {{{body}}}")),
        ]
        .boxed()
    };
    let end =
        prop::sample::select(vec!["\n", ";", " ;\n", "\n\n\n", "// remark\n", " //r\n \n", "\r\n"]);
    let before = prop::sample::select(vec!["", "", " ", "\n", "// alone\n", "  /// doc\n", ";;"]);
    let line = (before, key, row, inner, end)
        .prop_map(|(before, key, row, inner, end)| format!("{before}{key}{row}{inner}{end}"));
    prop::collection::vec(line, 0..6).prop_map(|lines| lines.concat()).boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_refused_or_formatted(pieces in prop::collection::vec(piece(), 0..40)) {
        let text = pieces.concat();
        if let Ok(once) = format(&text) {
            prop_assert_eq!(words(&once), words(&text));
            prop_assert_eq!(format(&once).unwrap(), once);
        }
    }

    #[test]
    fn formatting_twice_is_formatting_once(text in body(3)) {
        let inside = format!("model a {{\n{text}\n}}");
        let once = format(&inside).unwrap();
        prop_assert_eq!(words(&once), words(&inside));
        prop_assert_eq!(format(&once).unwrap(), once);
        // At the left edge what stands further right may be the body of the line above.
        match format(&text) {
            Ok(once) => {
                prop_assert_eq!(words(&once), words(&text));
                prop_assert_eq!(format(&once).unwrap(), once);
            }
            Err(found) => prop_assert!(found.0.iter().all(|told| told.code == "E0110")),
        }
    }

    #[test]
    fn the_graph_stays_the_same(blanks in prop::collection::vec(0..6usize, 200)) {
        let text = include_str!("../../examples/shapes.clue");
        let mut ugly = String::new();
        let mut blanks = blanks.into_iter().cycle();
        for line in text.lines() {
            for (index, word) in line.split(' ').enumerate() {
                if index > 0 {
                    ugly.push_str(&" ".repeat(1 + blanks.next().unwrap()));
                }
                ugly.push_str(word);
            }
            ugly.push_str(&"\n".repeat(1 + blanks.next().unwrap() / 2));
        }
        prop_assert_eq!(hash(&ugly), hash(text));
        prop_assert_eq!(hash(&format(&ugly).unwrap()), hash(text));
    }
}

fn hash(text: &str) -> String {
    let mut sources = Sources::default();
    let (program, diags) = cluec::compile_text(&mut sources, "a.clue", text, &[]);
    assert!(!diags.has_errors(), "{:?}", diags.0);
    program.models[0].graph.as_ref().unwrap().hash()
}
