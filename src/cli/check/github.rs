//! Reports as workflow commands: annotations on the changed lines of a pull request.

use super::Outcome;
use std::fmt::Write;

/// A line per report.
pub fn report(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        for d in &outcome.diags.0 {
            let mut properties = Vec::new();
            match d.labels.first() {
                Some(label) => {
                    let ((line, column), (end_line, end_column)) =
                        outcome.sources.range(label.span);
                    let file = &outcome.sources.get(label.span.source).name;
                    properties.push(format!("file={}", property(file)));
                    properties.push(format!("line={line},endLine={end_line}"));
                    // Columns are shown only where a line is not left.
                    if line == end_line {
                        properties.push(format!("col={column},endColumn={end_column}"));
                    }
                }
                None => properties.push(format!("file={}", property(&outcome.file))),
            }
            properties.push(format!("title={}", d.code));
            let level = if d.is_error() { "error" } else { "warning" };
            let message = d.told();
            let _ = writeln!(out, "::{level} {}::{}", properties.join(","), data(&message));
        }
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
