//! The table as comma-separated values: numbers as they are, one line a row.

use super::quantity;
use super::sheet::Sheet;

/// With a line of heads. A measured quantity has its mean, its deviation and what the paper says.
pub fn report(sheet: &Sheet) -> String {
    let mut head: Vec<String> =
        ["ablation", "case", "label", "of", "other"].map(str::to_string).to_vec();
    for column in &sheet.columns {
        head.push(column.name().to_string());
        if quantity::is_measured(*column) {
            head.push(format!("{}_deviation", column.name()));
        }
        head.push(format!("{}_paper", column.name()));
    }
    head.extend(["seeds".to_string(), "runs".to_string()]);
    let mut text = line(head);
    for row in &sheet.rows {
        let mut cells = vec![
            sheet.name.clone(),
            row.name.clone(),
            row.label.clone().unwrap_or_default(),
            sheet.of.clone(),
            row.marks().join(" "),
        ];
        for (column, cell) in sheet.columns.iter().zip(&row.cells) {
            cells.push(number(cell.value));
            if quantity::is_measured(*column) {
                cells.push(number(cell.deviation));
            }
            let claim = row.paper.iter().find(|claim| claim.quantity == column.name());
            cells.push(number(claim.map(|claim| claim.value)));
        }
        let (seeds, folders): (Vec<String>, Vec<&str>) =
            row.folders().map(|(seed, folder)| (seed.to_string(), folder)).unzip();
        cells.extend([seeds.join(" "), folders.join(" ")]);
        text.push_str(&line(cells));
    }
    text
}

fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// Cells in a line, quoted where they must be (RFC 4180).
pub fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells = cells.into_iter().map(|cell| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    });
    format!("{}\n", cells.collect::<Vec<_>>().join(","))
}
