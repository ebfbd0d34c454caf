//! The canonical form: what it looks like, and what it never does.

mod laws;

use cluec::diag::{Diags, Sources};
use insta::assert_snapshot;
use std::path::Path;

fn format(text: &str) -> Result<String, Diags> {
    let mut sources = Sources::default();
    let id = sources.add("a.clue", text);
    cluec::format::format(&sources, id)
}

/// The ugly text, then its canonical form.
fn shown(text: &str) -> String {
    format!("{text}\n--------\n{}", format(text).unwrap())
}

#[test]
fn values_of_a_run_start_in_one_column() {
    assert_snapshot!(shown(
        "model a {\n input    32x32\nclasses 10\n  embed patches{kernel 4x4;stride 4}\n\
         mixer{heads 1}\npool.norm_out layer\n\nstages 4\nnorm layer\nmixer cluster {\n\
         grid 4x4\n head_width 16 }\n drop_path 0.1\n}"
    ));
}

#[test]
fn integer_rows_stand_under_each_other() {
    assert_snapshot!(shown(
        "model a {\nstages 4\nblocks 3 4 5 off\nwidth 32 64 196 1_320\nmixer.heads 1 2 3\n\
         data.mean 0.5 0.25 0.125\ndata.std 0.25 0.5 1\n}"
    ));
}

#[test]
fn a_body_stays_on_its_line_if_it_was_written_so_and_fits() {
    assert_snapshot!(shown(
        "model a {\n train {crop padded{size 32x32;pad 4};;flip horizontal ; }\n\
         jitter {\n\n}\n head mean {\n norm layer; eps 1 }\n\
         crop resized { size 224x224; area 8% 100%; aspect 0.75 1.3333333333333333; filter bilinear }\n}"
    ));
}

#[test]
fn a_body_that_alignment_makes_too_wide_is_opened() {
    let body =
        "{ aaaaaaaaaaaaaaaaaaaaaaaaa 1; bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb 2; ccccccccccccccccc 3 }";
    assert_snapshot!(shown(&format!("model a {{\nx 1\nmix {body}\nmixer.grid.rows.of 3\ny 2\n}}")));
}

#[test]
fn remarks_of_a_run_begin_together() {
    assert_snapshot!(shown(
        "use \"b.clue\"  // shared\n// alone\nmodel a { // behind the brace\n grid 7x7//rows\n\
         heads 4 4 8 8\n refine cosine; // gathers\n // ends the run\n pool icp // next\n \
         mixer cluster { // opened\n grid 4x4\n } // closed\n} // the end\n// last"
    ));
}

#[test]
fn blank_lines_are_single_and_never_next_to_braces() {
    assert_snapshot!(shown(
        "\n\n\n/// doc\n/// more\nmodel a {\n\n\n x 1\n\n\n\n // a\n\n // b\n y 2; z 3\n\n\n}\n\n\n\nmodel b\n\n"
    ));
}

#[test]
fn relations_and_lists_of_names() {
    assert_snapshot!(shown(
        "model  a\t\"A { b } // c\"   from b   with c ,d,  e {x 1}\r\nmodel f from g\r\n"
    ));
}

#[test]
fn nothing_is_formatted_while_a_line_is_in_error() {
    let diags = format("model a {\n x = 1\n}\n").unwrap_err();
    assert_eq!(diags.0.len(), 1);
    assert_eq!(diags.0[0].code, "E0101");
}

#[test]
fn an_empty_file_stays_empty() {
    assert_eq!(format("").unwrap(), "");
    assert_eq!(format(" \n\n\t;\n").unwrap(), "");
}

#[test]
fn all_files_of_the_repository_are_canonical() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for folder in ["models", "examples", "tests/graph", "tests/verify"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "clue") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert_eq!(format(&text).unwrap(), text, "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 7);
}
