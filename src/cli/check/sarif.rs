//! Reports as SARIF 2.1.0, for code scanning services and editors.

use super::Outcome;
use crate::diag::codes;
use crate::diag::{Diagnostic, Label, Severity, Sources};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_description: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_description: Option<Message>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: &'static str,
    rule_index: usize,
    level: Severity,
    message: Message,
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
}

#[derive(Debug, Serialize)]
struct Message {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Debug, Serialize)]
struct Artifact {
    uri: String,
}

/// Lines and columns from 1, the end column behind the last character.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// One run over all files.
pub fn report(outcomes: &[Outcome]) -> Log {
    let reports = || outcomes.iter().flat_map(|o| o.diags.0.iter().map(move |d| (o, d)));
    let mut found: Vec<&'static str> = reports().map(|(_, d)| d.code).collect();
    found.sort_unstable();
    found.dedup();
    let results: Vec<Finding> = reports()
        .map(|(outcome, d)| finding(outcome, d, found.binary_search(&d.code).unwrap_or(0)))
        .collect();
    let driver = Driver {
        name: "cluec",
        version: env!("CARGO_PKG_VERSION"),
        rules: found.into_iter().map(rule).collect(),
    };
    Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results }],
    }
}

fn rule(id: &'static str) -> Rule {
    let known = codes::find(id);
    let message = |text: &str| Message { text: text.to_string() };
    Rule {
        id,
        short_description: known.map(|code| message(code.title)),
        full_description: known.map(|code| message(code.explanation)),
    }
}

fn finding(outcome: &Outcome, d: &Diagnostic, rule_index: usize) -> Finding {
    let mut places = d.labels.iter().map(|label| location(&outcome.sources, label));
    // Of a file that can not be read nothing is known but its name.
    let first = places.next().unwrap_or_else(|| Location {
        physical_location: Physical { artifact_location: artifact(&outcome.file), region: None },
        message: None,
    });
    Finding {
        rule_id: d.code,
        rule_index,
        level: d.severity,
        message: Message { text: d.told() },
        locations: vec![first],
        related_locations: places.collect(),
    }
}

fn location(sources: &Sources, label: &Label) -> Location {
    let ((start_line, start_column), (end_line, end_column)) = sources.range(label.span);
    Location {
        physical_location: Physical {
            artifact_location: artifact(&sources.get(label.span.source).name),
            region: Some(Region { start_line, start_column, end_line, end_column }),
        },
        message: Some(label.message.clone())
            .filter(|message| !message.is_empty())
            .map(|text| Message { text }),
    }
}

/// A path as a relative reference, or an absolute one as a file's address.
fn artifact(path: &str) -> Artifact {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(byte as char),
            b if b.is_ascii_alphanumeric() => uri.push(b as char),
            b => uri.push_str(&format!("%{b:02X}")),
        }
    }
    Artifact { uri }
}
