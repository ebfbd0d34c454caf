//! Tensors of a file as the parameters of a model: each found and shaped right, or everything that
//! is wrong told at once.

use crate::diag::nearest;
use crate::exec::published::{self, Plain, adopt, fits};
use crate::exec::{Parameters, all_finite};
use crate::foreign::{Tensor, TensorFile, Unreadable};
use crate::graph::{Graph, Param};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Under which names a file has the parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// Of the published code, in its layout.
    Published,
    /// Of the graph, as the graph has them.
    Own,
}

/// Namings, and what may stand before every name: `DataParallel` wraps a model in a `module`, a
/// checkpoint has moments beside its parameters.
const FORMS: [(Naming, &str); 4] = [
    (Naming::Published, ""),
    (Naming::Published, "module."),
    (Naming::Own, ""),
    (Naming::Own, "parameters/"),
];

impl Naming {
    fn name(self, param: &Param) -> &str {
        match self {
            Naming::Published => &param.published,
            Naming::Own => &param.name,
        }
    }

    /// The shape it should have, if it is another.
    fn fits(self, param: &Param, shape: &[usize]) -> Result<(), Vec<usize>> {
        match self {
            Naming::Published => fits(param, shape),
            Naming::Own if shape == param.shape => Ok(()),
            Naming::Own => Err(param.shape.clone()),
        }
    }

    fn needed(self, param: &Param) -> Vec<usize> {
        match self {
            Naming::Published => published::shape(param),
            Naming::Own => param.shape.clone(),
        }
    }
}

/// Tensors that do not fit, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfits {
    /// What the model needs and the file lacks: name, shape, the nearest name that is left over.
    pub missing: Vec<(String, Vec<usize>, Option<String>)>,
    /// What the file has and the model does not know; the nearest name that is missing.
    pub unknown: Vec<(String, Vec<usize>, Option<String>)>,
    /// Name, shape needed, shape found.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
    /// Names of tensors with numbers that are none.
    pub not_finite: Vec<String>,
}

/// Why weights are not those of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FitError {
    Misfits(Misfits),
    Unreadable(Unreadable),
}

impl From<Unreadable> for FitError {
    fn from(error: Unreadable) -> FitError {
        FitError::Unreadable(error)
    }
}

/// Parameters from a file's tensors: every parameter and no other tensor.
pub fn fit(graph: &Graph, file: &TensorFile) -> Result<Parameters, FitError> {
    let (naming, prefix) = form(graph, file);
    let named: BTreeMap<&str, &Tensor> = file
        .tensors()
        .iter()
        // Beside the parameters of a checkpoint lie their moments; elsewhere every tensor counts.
        .filter(|(name, _)| prefix != "parameters/" || name.starts_with(prefix))
        .map(|(name, tensor)| (name.strip_prefix(prefix).unwrap_or(name), tensor))
        .collect();
    let mut misfits = Misfits::default();
    let mut found = Vec::with_capacity(graph.params.len());
    for param in graph.params.iter() {
        let name = naming.name(param);
        match named.get(name).map(|&tensor| (tensor, naming.fits(param, &tensor.shape))) {
            None => misfits.missing.push((name.to_string(), naming.needed(param), None)),
            Some((tensor, Ok(()))) => found.push((param, tensor)),
            Some((tensor, Err(needed))) => {
                misfits.misshapen.push((name.to_string(), needed, tensor.shape.clone()));
            }
        }
    }
    let known: BTreeSet<&str> = graph.params.iter().map(|param| naming.name(param)).collect();
    for (&name, tensor) in named.iter().filter(|(name, _)| !known.contains(*name)) {
        misfits.unknown.push((name.to_string(), tensor.shape.clone(), None));
    }
    misfits.suggest();
    if misfits != Misfits::default() {
        return Err(FitError::Misfits(misfits));
    }
    // Shapes are those of the graph from here on: no more is read than a model holds.
    let mut parameters = Vec::with_capacity(found.len());
    for (param, tensor) in found {
        let data = file.load(tensor)?;
        if !all_finite(&data) {
            misfits.not_finite.push(naming.name(param).to_string());
        }
        parameters.push(match naming {
            Naming::Own => data,
            Naming::Published => {
                let plain = Plain { shape: tensor.shape.clone(), data };
                adopt(param, &plain).unwrap_or_default()
            }
        });
    }
    match misfits.not_finite.is_empty() {
        true => Ok(parameters.into_iter().collect()),
        false => Err(FitError::Misfits(misfits)),
    }
}

/// The form under which a file has the most of the parameters.
fn form(graph: &Graph, file: &TensorFile) -> (Naming, &'static str) {
    let hits = |(naming, prefix): (Naming, &str)| {
        let there = |param: &&Param| {
            file.tensors().contains_key(&format!("{prefix}{}", naming.name(param)))
        };
        graph.params.iter().filter(there).count()
    };
    // The last of equals is the largest: the first form is to win.
    FORMS.into_iter().rev().max_by_key(|form| hits(*form)).unwrap_or(FORMS[0])
}

/// Of a longer name nothing is near.
const LONGEST: usize = 200;
/// Lines of a kind that are shown.
const SHOWN: usize = 12;

impl Misfits {
    /// Finds for every missing and every unknown name that is shown the nearest of the others.
    fn suggest(&mut self) {
        let short = |list: &[(String, Vec<usize>, Option<String>)]| -> Vec<String> {
            let names = list.iter().map(|(name, ..)| name.clone());
            names.filter(|name| name.len() <= LONGEST).collect()
        };
        let (missing, unknown) = (short(&self.missing), short(&self.unknown));
        for (list, others) in [(&mut self.missing, &unknown), (&mut self.unknown, &missing)] {
            for (name, _, near) in list.iter_mut().take(SHOWN) {
                if name.len() <= LONGEST {
                    *near = nearest(name, others.iter().map(String::as_str)).map(str::to_string);
                }
            }
        }
    }
}

impl fmt::Display for Misfits {
    /// Everything that does not fit, a line each; of many of one kind the first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let near = |near: &Option<String>| {
            near.as_ref().map_or(String::new(), |n| format!("; nearest: `{}`", n.escape_debug()))
        };
        let one = |(name, shape, other): &(String, Vec<usize>, Option<String>)| {
            format!("`{}` {shape:?}{}", name.escape_debug(), near(other))
        };
        let kinds = [
            ("missing from the file", self.missing.iter().map(one).collect::<Vec<_>>()),
            ("not in the model", self.unknown.iter().map(one).collect()),
            (
                "of another shape",
                self.misshapen
                    .iter()
                    .map(|(name, needed, found)| {
                        format!("`{}` is {found:?} instead of {needed:?}", name.escape_debug())
                    })
                    .collect(),
            ),
            (
                "not finite",
                self.not_finite.iter().map(|n| format!("`{}`", n.escape_debug())).collect(),
            ),
        ];
        for (what, lines) in kinds.iter().filter(|(_, lines)| !lines.is_empty()) {
            write!(f, "\n  {what} ({}):", lines.len())?;
            lines.iter().take(SHOWN).try_for_each(|line| write!(f, "\n    {line}"))?;
            match lines.len().saturating_sub(SHOWN) {
                0 => {}
                more => write!(f, "\n    and {more} more")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FitError::Misfits(misfits) => write!(f, "the weights do not fit the model{misfits}"),
            FitError::Unreadable(error) => error.fmt(f),
        }
    }
}
impl std::error::Error for FitError {}
