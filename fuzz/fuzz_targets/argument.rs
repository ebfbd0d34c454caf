//! Any `--set` argument, or several, a line each: nothing panics, and whatever is said of them points
//! into them.

#![no_main]

use cluec::diag::Sources;
use cluec::diag::render::{Look, report_as};
use libfuzzer_sys::fuzz_target;

const MODEL: &str = include_str!("../corpus/text/one_stage.clue");

fuzz_target!(|text: &str| {
    let sets: Vec<_> = text.lines().take(4).map(Into::into).collect();
    let mut sources = Sources::default();
    let (_, diags) = cluec::compile_text(&mut sources, "/nowhere/text.clue", MODEL, &sets);
    for diagnostic in &diags.0 {
        report_as(diagnostic, &sources, Look::PLAIN);
    }
});
