//! The table as Markdown.

use super::quantity;
use super::sheet::{Row, Sheet};
use crate::model::Quantity;
use std::fmt::Write;

/// A heading, the table, and what there is to know about it. Folders are links from where the text
/// stands.
pub fn report(sheet: &Sheet) -> String {
    let label = sheet.label.as_deref().unwrap_or(&sheet.name);
    let mut text = format!("## {}: `{}`\n\n", escaped(label), sheet.of);
    let said = sheet.rows.iter().any(|row| !row.paper.is_empty());
    let mut head = vec!["case".to_string()];
    for column in &sheet.columns {
        head.extend([quantity::title(*column).to_string(), "Δ".to_string()]);
    }
    head.extend(said.then(|| "paper".to_string()));
    let sides: Vec<&str> = head
        .iter()
        .map(|name| if name == "case" || name == "paper" { "---" } else { "---:" })
        .collect();
    let _ = writeln!(text, "| {} |\n| {} |", head.join(" | "), sides.join(" | "));
    for row in &sheet.rows {
        let mut cells = vec![name(row)];
        for (index, column) in sheet.columns.iter().enumerate() {
            cells.push(value(row, index, *column));
            cells.push(sheet.difference(row, index));
        }
        cells.extend(said.then(|| escaped(&row.paper(&sheet.columns))));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    notes(sheet, &mut text);
    text
}

fn name(row: &Row) -> String {
    let marks = row.marks();
    let name = escaped(row.title());
    match (row.differs, marks.is_empty()) {
        (None, _) => format!("**{name}**"),
        (Some(_), true) => name,
        (Some(_), false) => format!("{name} (other {})", marks.join(" and ")),
    }
}

/// A measured value links to its run; of several runs each has a link of its own.
fn value(row: &Row, index: usize, column: Quantity) -> String {
    let written = row.cells[index].written(column);
    let folders: Vec<(u64, &str)> = row.folders().collect();
    match &folders[..] {
        [(_, folder)] if quantity::is_measured(column) => format!("[{written}](<{folder}>)"),
        [_, _, ..] if quantity::is_measured(column) => {
            let links: Vec<String> =
                folders.iter().map(|(seed, folder)| format!("[{seed}](<{folder}>)")).collect();
            format!("{written} ({})", links.join(" "))
        }
        _ => written,
    }
}

fn notes(sheet: &Sheet, text: &mut String) {
    let seeds = sheet.rows.iter().map(|row| row.folders().count()).max().unwrap_or(0);
    if seeds > 1 {
        text.push_str("\nMean ± standard deviation over seeds; each seed links to its run.\n");
    }
    if sheet.rows.iter().any(|row| !row.marks().is_empty()) {
        text.push_str("\nCases with another recipe or other data are marked: they compare more than networks.\n");
    }
    let failures: Vec<String> = sheet
        .failures()
        .map(|(row, trial, why)| {
            let why = why.lines().next().unwrap_or_default();
            format!("- {}, seed {}: {}", escaped(row.title()), trial.seed, escaped(why))
        })
        .collect();
    if !failures.is_empty() {
        let _ = write!(text, "\nNot finished:\n\n{}\n", failures.join("\n"));
    }
}

/// What Markdown would take for its own, in one line.
fn escaped(text: &str) -> String {
    let special = ['\\', '|', '*', '_', '`', '[', ']', '<', '>'];
    let text = text.replace(char::is_control, " ");
    text.chars().flat_map(|c| special.contains(&c).then_some('\\').into_iter().chain([c])).collect()
}
