//! The table of an ablation as data: what every form of it is written from.

use super::quantity;
use crate::cli::number;
use crate::model::{Ablation, Checked, Claim, Differs, Quantity};

/// A table: the model first, then every case.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub name: String,
    pub label: Option<String>,
    /// The model it varies.
    pub of: String,
    pub columns: Vec<Quantity>,
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone)]
pub struct Row {
    pub name: String,
    pub label: Option<String>,
    /// None for the model itself.
    pub differs: Option<Differs>,
    /// One for every column.
    pub cells: Vec<Cell>,
    /// What the paper says of it.
    pub paper: Vec<Claim>,
    /// Its runs, one for every seed.
    pub trials: Vec<Trial>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Cell {
    /// A count, or the mean of what was measured.
    pub value: Option<f64>,
    /// The standard deviation of what was measured more than once.
    pub deviation: Option<f64>,
}

/// A run of a row.
#[derive(Debug, Clone)]
pub struct Trial {
    pub seed: u64,
    pub outcome: Outcome,
}

#[derive(Debug, Clone)]
pub enum Outcome {
    /// Finished: its folder, and what was measured, by quantity.
    Finished { folder: String, measured: Vec<(Quantity, f64)> },
    /// Not finished, and why not.
    Failed(String),
}

impl Trial {
    /// The folder of the run, if it finished.
    pub fn folder(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Finished { folder, .. } => Some(folder),
            Outcome::Failed(_) => None,
        }
    }

    /// Why it did not.
    pub fn error(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Finished { .. } => None,
            Outcome::Failed(why) => Some(why),
        }
    }

    pub fn all_measured(&self) -> &[(Quantity, f64)] {
        match &self.outcome {
            Outcome::Finished { measured, .. } => measured,
            Outcome::Failed(_) => &[],
        }
    }

    pub fn measured(&self, wanted: Quantity) -> Option<f64> {
        let all = self.all_measured().iter();
        all.filter(|(quantity, _)| *quantity == wanted).map(|(_, value)| *value).next()
    }
}

impl Sheet {
    /// The table of an ablation with these columns. `trials` are the runs of the model and of every
    /// case, in this order; empty if nothing was trained.
    pub fn new(ablation: &Ablation, columns: Vec<Quantity>, trials: Vec<Vec<Trial>>) -> Sheet {
        let models = std::iter::once((&ablation.base, None))
            .chain(ablation.cases.iter().map(|case| (&case.model, Some(case))));
        let mut trials = trials.into_iter();
        let rows = models.map(|(model, case)| {
            let trials = trials.next().unwrap_or_default();
            Row {
                name: model.name.clone(),
                label: model.label.clone(),
                differs: case.and_then(|case| case.differs),
                cells: columns.iter().map(|column| cell(*column, model, &trials)).collect(),
                paper: model.paper.clone(),
                trials,
            }
        });
        let rows = rows.collect();
        Sheet {
            name: ablation.name.clone(),
            label: ablation.label.clone(),
            of: ablation.base.name.clone(),
            columns,
            rows,
        }
    }

    /// The same with folders called otherwise.
    pub fn with_folders(&self, call: impl Fn(&str) -> String) -> Sheet {
        let mut sheet = self.clone();
        for trial in sheet.rows.iter_mut().flat_map(|row| &mut row.trials) {
            if let Outcome::Finished { folder, .. } = &mut trial.outcome {
                *folder = call(folder);
            }
        }
        sheet
    }

    /// How far a cell is from that of the model, as written; empty in the model's own row.
    pub fn difference(&self, row: &Row, column: usize) -> String {
        match (row.cells[column].value, self.rows[0].cells[column].value) {
            (Some(value), Some(base)) => quantity::difference(self.columns[column], value, base),
            _ => String::new(),
        }
    }

    /// Something was trained.
    pub fn is_trained(&self) -> bool {
        self.rows.iter().any(|row| !row.trials.is_empty())
    }

    /// What did not finish: the row and why.
    pub fn failures(&self) -> impl Iterator<Item = (&Row, &Trial, &str)> {
        self.rows.iter().flat_map(|row| {
            row.trials.iter().filter_map(move |trial| Some((row, trial, trial.error()?)))
        })
    }
}

impl Row {
    /// What people call it.
    pub fn title(&self) -> &str {
        self.label.as_deref().unwrap_or(&self.name)
    }

    /// In what else than its graph it is not as the model: what makes results hard to compare.
    pub fn marks(&self) -> Vec<&'static str> {
        let Some(differs) = self.differs else { return Vec::new() };
        [("recipe", differs.recipe), ("data", differs.data)]
            .into_iter()
            .filter_map(|(what, differs)| differs.then_some(what))
            .collect()
    }

    /// The folders of its finished runs, with their seeds.
    pub fn folders(&self) -> impl Iterator<Item = (u64, &str)> {
        self.trials.iter().filter_map(|trial| Some((trial.seed, trial.folder()?)))
    }

    /// `params 3.02M (=), top1 78.46%`: what the paper says, of counts with how far ours are.
    pub fn paper(&self, columns: &[Quantity]) -> String {
        let said = self.paper.iter().map(|claim| {
            let name = &claim.quantity;
            let place = columns.iter().position(|column| column.name() == name);
            let counted = place.filter(|place| !quantity::is_measured(columns[*place]));
            match counted.and_then(|place| self.cells[place].value) {
                Some(ours) => {
                    let far = number::difference(&claim.written, claim.value, ours);
                    format!("{name} {} ({far})", claim.written)
                }
                None => format!("{name} {}", claim.written),
            }
        });
        said.collect::<Vec<_>>().join(", ")
    }
}

impl Cell {
    /// `76.97 ± 0.21`; a dash where there is nothing.
    pub fn written(&self, quantity: Quantity) -> String {
        let Some(value) = self.value else { return "-".to_string() };
        let value = quantity::written(quantity, value);
        match self.deviation {
            Some(deviation) => format!("{value} ± {}", quantity::written(quantity, deviation)),
            None => value,
        }
    }
}

fn cell(column: Quantity, model: &Checked, trials: &[Trial]) -> Cell {
    if !quantity::is_measured(column) {
        let value = model.graph.as_ref().and_then(|graph| quantity::counted(column, graph));
        return Cell { value, deviation: None };
    }
    let values: Vec<f64> = trials.iter().filter_map(|trial| trial.measured(column)).collect();
    Cell { value: mean(&values), deviation: deviation(&values) }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Of a sample: by one less than there are.
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deviation_is_that_of_a_sample() {
        assert_eq!(mean(&[]), None);
        assert_eq!(deviation(&[3.0]), None);
        assert_eq!(mean(&[2.0, 4.0, 6.0]), Some(4.0));
        assert_eq!(deviation(&[2.0, 4.0, 6.0]), Some(2.0));
    }
}
