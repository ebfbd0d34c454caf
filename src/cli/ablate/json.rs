//! The table for programs.

use super::quantity;
use super::sheet::{Row, Sheet, Trial};
use serde_json::{Map, Value, json};

/// Keys are never renamed or removed. `values` holds counts and means, `runs` every single one.
pub fn report(file: &str, sheets: &[Sheet]) -> Value {
    let ablations: Vec<Value> = sheets
        .iter()
        .map(|sheet| {
            json!({
                "name": sheet.name,
                "label": sheet.label,
                "of": sheet.of,
                "rows": sheet.rows.iter().map(|row| row_json(sheet, row)).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "file": file, "ablations": ablations })
}

fn row_json(sheet: &Sheet, row: &Row) -> Value {
    let (mut values, mut deviations) = (Map::new(), Map::new());
    for (column, cell) in sheet.columns.iter().zip(&row.cells) {
        values.insert(column.name().to_string(), json!(cell.value));
        if quantity::is_measured(*column) {
            deviations.insert(column.name().to_string(), json!(cell.deviation));
        }
    }
    let paper: Map<String, Value> =
        row.paper.iter().map(|claim| (claim.quantity.clone(), json!(claim.value))).collect();
    let differs = row.differs.map(
        |differs| json!({ "graph": differs.graph, "recipe": differs.recipe, "data": differs.data }),
    );
    json!({
        "name": row.name,
        "label": row.label,
        "differs": differs,
        "values": values,
        "deviations": deviations,
        "paper": paper,
        "runs": row.trials.iter().map(trial_json).collect::<Vec<_>>(),
    })
}

fn trial_json(trial: &Trial) -> Value {
    let measured: Map<String, Value> = trial
        .all_measured()
        .iter()
        .map(|(quantity, value)| (quantity.name().to_string(), json!(value)))
        .collect();
    json!({
        "seed": trial.seed,
        "folder": trial.folder(),
        "error": trial.error(),
        "measured": measured,
    })
}
