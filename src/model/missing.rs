//! What a model lacks: one report for every place that lacks something.

use super::gather;
use super::settings::first_stage;
use crate::diag::{Diagnostic, Diags, Span, Spanned, list};
use crate::schema::{Field, Missing};

/// Settings that were read and not found, with the stage that needs them (none: the whole model).
#[derive(Default)]
pub struct Lacks(Vec<Lack>);

struct Lack {
    span: Span,
    kind: &'static str,
    field: &'static Field,
    stages: Vec<usize>,
}

impl Lacks {
    pub fn add(&mut self, stage: Option<usize>, missing: Vec<Missing>) {
        for Missing { span, kind, field } in missing {
            let known = |lack: &&mut Lack| lack.span == span && lack.field.name == field.name;
            match self.0.iter_mut().find(known) {
                Some(lack) => lack.stages.extend(stage),
                None => {
                    self.0.push(Lack { span, kind, field, stages: stage.into_iter().collect() })
                }
            }
        }
    }

    /// `active` are the stages of the model.
    pub fn report(&self, owner: &Spanned<String>, active: &[usize], diags: &mut Diags) {
        for (index, first) in self.0.iter().enumerate() {
            if self.0[..index].iter().any(|earlier| earlier.span == first.span) {
                continue;
            }
            let here: Vec<&Lack> = self.0.iter().filter(|l| l.span == first.span).collect();
            let names: Vec<String> =
                here.iter().map(|lack| format!("`{}`", lack.field.name)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let who = if first.span == owner.span { owner.value.as_str() } else { first.kind };
            let lines: Vec<String> =
                here.iter().map(|lack| lack.explained(active, first.span != owner.span)).collect();
            diags.push(
                Diagnostic::error("E0307", format!("`{who}` lacks {}", list(&names, "and")))
                    .at(first.span, "not complete")
                    .help(lines.join("\n")),
            );
        }
    }
}

impl Lack {
    fn explained(&self, active: &[usize], by_kind: bool) -> String {
        let Field { name, doc, ty, .. } = self.field;
        // A pool is needed from the second stage on.
        let needed = |stage: &&usize| **stage >= first_stage(name);
        // A kind shows by itself in which stages it stands.
        let all = by_kind || self.stages.iter().eq(active.iter().filter(needed));
        let stages = match all || self.stages.is_empty() {
            true => String::new(),
            false => format!(" ({})", gather::named(&self.stages)),
        };
        format!("`{name}`{stages}, {doc}: {}", ty.expected())
    }
}
