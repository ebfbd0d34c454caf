//! The diagnostics of a run.

use super::{Diagnostic, Span};
use std::collections::HashMap;

/// In the order found.
#[derive(Debug, Clone, Default)]
pub struct Diags(pub Vec<Diagnostic>, Places);

/// Where in the list those stand that say the same of the same place: found at once, however many there
/// are.
#[derive(Debug, Clone, Default)]
struct Places {
    by: HashMap<(&'static str, Option<Span>), Vec<usize>>,
    /// How many there were when all of them were noted.
    noted: usize,
}

impl From<Vec<Diagnostic>> for Diags {
    fn from(found: Vec<Diagnostic>) -> Diags {
        Diags(found, Places::default())
    }
}

impl Diags {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        // The same mistake reached by two roads (a family used by two models) is said once.
        let said = self.1.of(&self.0, &diagnostic).iter().any(|&at| self.0[at] == diagnostic);
        if !said {
            self.0.push(diagnostic);
        }
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Diagnostic::is_error)
    }
}

impl Places {
    /// Where those of a list stand that may be this one.
    fn of(&mut self, found: &[Diagnostic], diagnostic: &Diagnostic) -> &[usize] {
        let key = |d: &Diagnostic| (d.code, d.labels.first().map(|label| label.span));
        // Some were taken out.
        if found.len() < self.noted {
            *self = Places::default();
        }
        for (at, found) in found.iter().enumerate().skip(self.noted) {
            self.by.entry(key(found)).or_default().push(at);
        }
        self.noted = found.len();
        self.by.get(&key(diagnostic)).map_or(&[], Vec::as_slice)
    }
}
