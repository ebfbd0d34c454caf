//! The table as LaTeX, for the packages `booktabs` and `hyperref`.

use super::quantity;
use super::sheet::{Row, Sheet};
use crate::model::Quantity;
use std::fmt::Write;

/// A `tabular`. Folders are links from where the document stands.
pub fn report(sheet: &Sheet) -> String {
    let label = sheet.label.as_deref().unwrap_or(&sheet.name);
    let mut text = format!("% {}: {}. Needs booktabs and hyperref.\n", sheet.name, sheet.of);
    let _ = writeln!(text, "\\begin{{tabular}}{{l{}}}", "rr".repeat(sheet.columns.len()));
    let head = |column: &Quantity| [escaped(quantity::title(*column)), "$\\Delta$".to_string()];
    let heads: Vec<String> = sheet.columns.iter().flat_map(head).collect();
    let _ = writeln!(text, "\\toprule\n{} & {} \\\\\n\\midrule", escaped(label), heads.join(" & "));
    for row in &sheet.rows {
        let cells: Vec<String> = sheet
            .columns
            .iter()
            .enumerate()
            .flat_map(|(index, column)| {
                [value(row, index, *column), difference(&sheet.difference(row, index))]
            })
            .collect();
        let _ = writeln!(text, "{} & {} \\\\", name(row), cells.join(" & "));
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n");
    text
}

fn name(row: &Row) -> String {
    let name = escaped(row.title());
    let marks = row.marks();
    match (row.differs, marks.is_empty()) {
        (None, _) => format!("\\textbf{{{name}}}"),
        (Some(_), true) => name,
        (Some(_), false) => format!("{name} (other {})", marks.join(" and ")),
    }
}

fn value(row: &Row, index: usize, column: Quantity) -> String {
    let cell = row.cells[index];
    let Some(value) = cell.value else { return "--".to_string() };
    let mut written = quantity::written(column, value).replace('_', "\\,");
    if let Some(deviation) = cell.deviation {
        let _ = write!(written, " $\\pm$ {}", quantity::written(column, deviation));
    }
    let folders: Vec<(u64, &str)> = row.folders().collect();
    match &folders[..] {
        [(_, folder)] if quantity::is_measured(column) => link(folder, &written),
        [_, _, ..] if quantity::is_measured(column) => {
            let links = folders.iter().map(|(seed, folder)| link(folder, &seed.to_string()));
            format!("{written} ({})", links.collect::<Vec<String>>().join(" "))
        }
        _ => written,
    }
}

fn link(folder: &str, text: &str) -> String {
    format!("\\href{{{}}}{{{text}}}", folder.replace('%', "\\%").replace('#', "\\#"))
}

/// With the signs of mathematics: a hyphen is none.
fn difference(written: &str) -> String {
    let spaced = written.replace('_', "\\,");
    match spaced.split_at_checked(1) {
        Some((sign @ ("+" | "-"), rest)) => format!("${sign}${rest}"),
        _ => spaced,
    }
}

/// What LaTeX would take for its own.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            // A line that is empty would end the cell.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
