//! How diagnostics look, without color.

use cluec::diag::render::{Look, report, report_as, summary};
use cluec::diag::{Diagnostic, Diags, SourceId, Sources, Span};
use insta::assert_snapshot;

const TINY: &str = "\
model tiny from cluenet {
    stages 4
    width  32 64 196
    mixer.gird 8x8
    ffn.ratio 8 8 4 4
}
";

fn sources() -> (Sources, SourceId) {
    let mut sources = Sources::default();
    let id = sources.add("tiny.clue", TINY);
    (sources, id)
}

/// The span of the first `word` of a source.
fn word(sources: &Sources, source: SourceId, word: &str) -> Span {
    let start = sources.get(source).text.find(word).unwrap();
    Span::new(source, start, start + word.len())
}

#[test]
fn one_label() {
    let (sources, id) = sources();
    let d = Diagnostic::error("E0302", "cluster has no setting `gird`")
        .at(word(&sources, id, "gird"), "did you mean `grid`?");
    assert_snapshot!(report_as(&d, &sources, Look::PLAIN));
}

#[test]
fn two_labels() {
    let (sources, id) = sources();
    let d = Diagnostic::error("E0401", "3 values for 4 stages")
        .at(word(&sources, id, "32 64 196"), "one value per stage, or one for all")
        .at(word(&sources, id, "stages 4"), "declared here");
    assert_snapshot!(report_as(&d, &sources, Look::PLAIN));
}

#[test]
fn two_sources() {
    let (mut sources, id) = sources();
    let base = sources.add("cluenet.clue", "family cluenet {\n    mixer cluster {}\n}\n");
    let set = sources.add("--set", "mixer=cluster");
    let d = Diagnostic::error("E0405", "the mixer of tiny is cluster already")
        .at(word(&sources, set, "cluster"), "names the same kind again")
        .at(word(&sources, base, "cluster {"), "it became cluster here")
        .at(word(&sources, id, "cluenet"), "and was inherited here")
        .help("leave the kind out: `mixer.grid 8x8`");
    assert_snapshot!(report_as(&d, &sources, Look::PLAIN));
}

#[test]
fn nothing_at_the_end_of_a_file() {
    for (name, text) in [("open.clue", "model a {\n    stages 4\n"), ("bare.clue", "model a {")] {
        let mut sources = Sources::default();
        let id = sources.add(name, text);
        let d = Diagnostic::error("E0110", "the body of `model a` is never closed")
            .at(Span::new(id, text.len(), text.len()), "a `}` is missing here")
            .at(Span::new(id, 8, 9), "opened here");
        assert_snapshot!(name, report_as(&d, &sources, Look::PLAIN));
    }
}

#[test]
fn nothing_in_an_empty_file() {
    let mut sources = Sources::default();
    let id = sources.add("-", "");
    let d = Diagnostic::error("E0200", "there is no model here").at(Span::new(id, 0, 0), "empty");
    assert_snapshot!(report_as(&d, &sources, Look::PLAIN));
}

#[test]
fn a_warning_with_help() {
    let (sources, id) = sources();
    let d = Diagnostic::warning("W0402", "this line changes nothing")
        .at(word(&sources, id, "8 8 4 4"), "cluenet says the same")
        .help("remove it, or say another value");
    assert_snapshot!(report_as(&d, &sources, Look::PLAIN));
}

#[test]
fn without_a_place() {
    let d = Diagnostic::error("E0001", "cannot read `gone.clue`: no such file");
    assert_snapshot!(report_as(&d, &Sources::default(), Look::PLAIN));
}

#[test]
fn a_body_is_pointed_at_by_its_first_line() {
    let mut sources = Sources::default();
    let text = format!("model a {{\n{}}}\n", "    stages 4\n".repeat(1000));
    let id = sources.add("long.clue", text.as_str());
    let d = Diagnostic::error("E0200", "`a` is no model").at(Span::new(id, 0, text.len()), "this");
    assert_snapshot!(report_as(&d, &sources, Look::PLAIN));
}

#[test]
fn a_very_long_line_is_named_and_not_drawn() {
    let mut sources = Sources::default();
    let id = sources.add("wide.clue", "width ".to_string() + &"32 ".repeat(1000));
    let d = Diagnostic::error("E0401", "1000 values for 4 stages").at(Span::new(id, 6, 9), "here");
    assert_snapshot!(report_as(&d, &sources, Look::PLAIN));
}

#[test]
fn color_only_where_asked_for() {
    let (sources, id) = sources();
    let d = Diagnostic::error("E0302", "wrong").at(word(&sources, id, "gird"), "here");
    assert!(!report_as(&d, &sources, Look::PLAIN).contains('\x1b'));
    assert!(report_as(&d, &sources, Look { color: true, width: Some(80) }).contains('\x1b'));
    assert!(report(&d, &sources).contains("gird"));
}

#[test]
fn spans_out_of_bounds_or_inside_a_character_do_not_panic() {
    let mut sources = Sources::default();
    let id = sources.add("odd.clue", "é // ü\r\nmodel\r\n");
    for start in 0..20 {
        for end in 0..20 {
            let d = Diagnostic::error("E0001", "odd").at(Span::new(id, start, end), "here");
            assert!(report_as(&d, &sources, Look::PLAIN).contains("odd"));
        }
    }
}

#[test]
fn of_a_huge_file_only_the_place_is_drawn() {
    let line = "    width 32 64 160 256\n";
    let mut sources = Sources::default();
    let id = sources.add("huge.clue", line.repeat(1_000_000));
    let at = line.len() * 999_990 + 4;
    let d = Diagnostic::error("E0302", "wrong")
        .at(Span::new(id, at, at + 5), "here")
        .at(Span::new(id, 4, 9), "and here");
    let text = report_as(&d, &sources, Look::PLAIN);
    assert!(text.contains("huge.clue:999991:5") && text.lines().count() < 20, "{text}");
}

#[test]
fn a_summary_counts() {
    let mut diags = Diags::default();
    assert_eq!(summary(&diags), "");
    diags.push(Diagnostic::warning("W0001", "a"));
    assert_eq!(summary(&diags), "1 warning");
    diags.push(Diagnostic::error("E0001", "a"));
    diags.push(Diagnostic::error("E0001", "b"));
    assert_eq!(summary(&diags), "2 errors, 1 warning");
}
