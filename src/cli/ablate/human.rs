//! The table for people.

use super::quantity;
use super::sheet::{Row, Sheet};
use crate::cli::table::{Side, Table};

/// A line of title, then the table.
pub fn report(sheet: &Sheet, room: Option<usize>) -> String {
    let mut head = vec![("case", Side::Left)];
    for column in &sheet.columns {
        head.extend([(quantity::title(*column), Side::Right), ("Δ", Side::Right)]);
    }
    let other = sheet.rows.iter().any(|row| !row.marks().is_empty());
    let said = sheet.rows.iter().any(|row| !row.paper.is_empty());
    for (name, shown) in [("other", other), ("paper", said), ("run", sheet.is_trained())] {
        if shown {
            head.push((name, Side::Left));
        }
    }
    let mut table = Table::new(&head);
    for row in &sheet.rows {
        let mut cells = vec![row.name.clone()];
        for (index, column) in sheet.columns.iter().enumerate() {
            cells.push(row.cells[index].written(*column));
            cells.push(sheet.difference(row, index));
        }
        let words = [
            (other, row.marks().join(", ")),
            (said, row.paper(&sheet.columns)),
            (sheet.is_trained(), runs(row)),
        ];
        cells.extend(words.into_iter().filter(|(shown, _)| *shown).map(|(_, text)| text));
        table.row(cells);
    }
    let label = sheet.label.as_ref().map(|label| format!(" \"{label}\"")).unwrap_or_default();
    format!("{}{label} of {}\n{}", sheet.name, sheet.of, table.render(room))
}

fn runs(row: &Row) -> String {
    let failed = row.trials.len() - row.folders().count();
    let mut words: Vec<String> = row.folders().map(|(_, folder)| folder.to_string()).collect();
    if failed > 0 {
        words.push(format!("{failed} not finished"));
    }
    words.join(" ")
}
