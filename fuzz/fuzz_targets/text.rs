//! Any text: nothing panics, formatting twice is formatting once, and a formatted text means the
//! same.

#![no_main]

use cluec::diag::render::{Look, report_as};
use cluec::diag::{Diags, Sources};
use cluec::model::Program;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (sources, program, diags) = check(text);
    for diagnostic in &diags.0 {
        report_as(diagnostic, &sources, Look::PLAIN);
    }
    if let Some(once) = formatted(text) {
        assert_eq!(formatted(&once).as_ref(), Some(&once));
        assert_eq!(hashes(&check(&once).1), hashes(&program));
    }
});

fn check(text: &str) -> (Sources, Program, Diags) {
    let mut sources = Sources::default();
    // No file lies beside it that it could use.
    let (program, diags) = cluec::compile_text(&mut sources, "/nowhere/text.clue", text, &[]);
    (sources, program, diags)
}

fn hashes(program: &Program) -> Vec<Option<String>> {
    program.models.iter().map(|model| model.graph.as_ref().map(|graph| graph.hash())).collect()
}

fn formatted(text: &str) -> Option<String> {
    let mut sources = Sources::default();
    let id = sources.add("text.clue", text);
    cluec::format::format(&sources, id).ok()
}
