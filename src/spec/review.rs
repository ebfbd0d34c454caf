//! What of a recipe means nothing beside the rest of it, and what names nothing in the model.

use super::{Optimizer, Recipe, Schedule};
use crate::diag::number::plural;
use crate::diag::{Diagnostic, Span, list, nearest};
use crate::graph::Graph;

/// Everything there is to say of a recipe; of the parameters it names, where there is a graph.
pub fn review(recipe: &Recipe, graph: Option<&Graph>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    optimizer(recipe, &mut found);
    schedule(recipe, &mut found);
    mix(recipe, &mut found);
    parts(recipe, &mut found);
    if let Some(graph) = graph {
        exceptions(recipe, graph, &mut found);
    }
    found
}

/// A setting that nothing reads, because of another one.
fn idle(message: &str, at: Span, because: Span, label: &str) -> Diagnostic {
    let diagnostic = Diagnostic::warning("W0601", message).at(at, "means nothing");
    // What stands there by default has no place of its own.
    if because == at { diagnostic } else { diagnostic.at(because, label) }
}

fn optimizer(recipe: &Recipe, found: &mut Vec<Diagnostic>) {
    if let Optimizer::Sgd(sgd) = &recipe.optimizer.value
        && sgd.nesterov.value
        && sgd.momentum.value.0 == 0.0
    {
        let message = "without momentum there is nothing for `nesterov` to look ahead along";
        found.push(idle(message, sgd.nesterov.span, sgd.momentum.span, "no momentum"));
    }
    let decay = recipe.optimizer.weight_decay();
    if decay.rate.value.0 == 0.0 && decay.except.value.is_some() {
        let message = "nothing decays, so that nothing is excepted";
        found.push(idle(message, decay.except.span, decay.rate.span, "no decay"));
    }
}

fn schedule(recipe: &Recipe, found: &mut Vec<Diagnostic>) {
    if let Some(warm_up) = recipe.schedule.value.warm_up()
        && warm_up.epochs.value.0 == 0.0
        && warm_up.from.value.0 > 0.0
    {
        let message = "there is no warm-up that could begin";
        found.push(idle(message, warm_up.from.span, warm_up.epochs.span, "no warm-up"));
    }
    let epochs = recipe.epochs.value.0 as f64;
    if let Some(warm_up) = recipe.schedule.value.warm_up()
        && warm_up.epochs.value.0 >= epochs
    {
        let message = format!(
            "the training ends within its warm-up of {}: the learning rate is never reached",
            epochs_of(warm_up.epochs.value.0)
        );
        let diagnostic = Diagnostic::warning("W0601", message).at(warm_up.epochs.span, "too long");
        found.push(diagnostic.at(recipe.epochs.span, epochs_of(epochs)));
    }
    if let Schedule::Steps(steps) = &recipe.schedule.value
        && let Some(late) = steps.at.value.0.iter().find(|at| **at >= epochs)
    {
        let message = format!("epoch {late} is never reached");
        let diagnostic = Diagnostic::warning("W0601", message).at(steps.at.span, "too late");
        found.push(diagnostic.at(recipe.epochs.span, epochs_of(epochs)));
    }
}

fn mix(recipe: &Recipe, found: &mut Vec<Diagnostic>) {
    let Some(mix) = &recipe.mix.value else { return };
    let message = match (mix.mixup.value, mix.cutmix.value) {
        (None, None) => "neither `mixup` nor `cutmix` is on, so that nothing is mixed",
        _ if mix.probability.value.0 == 0.0 => "with a probability of 0 nothing is mixed",
        (Some(_), Some(_)) => return,
        _ if mix.switch.value.0 == 0.5 => return,
        _ => {
            let message =
                "only one of `mixup` and `cutmix` is on: there is nothing to switch between";
            return found.push(idle(message, mix.switch.span, mix.switch.span, ""));
        }
    };
    found.push(Diagnostic::warning("W0601", message).at(recipe.mix.span, "means nothing"));
}

fn parts(recipe: &Recipe, found: &mut Vec<Diagnostic>) {
    let (parts, batch) = (recipe.accumulate.value.0, recipe.batch.value.0);
    if parts > batch {
        let message = format!("{batch} images can not be taken in {parts} parts");
        let diagnostic =
            Diagnostic::error("E0601", message).at(recipe.accumulate.span, "more parts");
        found.push(diagnostic.at(recipe.batch.span, "than images"));
    }
}

/// Parameters that are excepted from decay have to be there.
fn exceptions(recipe: &Recipe, graph: &Graph, found: &mut Vec<Diagnostic>) {
    let except = recipe.optimizer.weight_decay().except;
    let Some(patterns) = &except.value else { return };
    let names = || graph.params.iter().map(|param| param.name.as_str());
    let none = patterns.without(names());
    let Some(first) = none.first() else { return };
    // Patterns that would name something: whatever ends like a parameter.
    let ends = names().filter_map(|name| Some(format!("*.{}", name.rsplit_once('.')?.1)));
    let all: Vec<String> = names().map(str::to_string).chain(ends).collect();
    let help = match nearest(first, all.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "`cluec graph` names them all".to_string(),
    };
    let quoted: Vec<String> = none.iter().map(|pattern| format!("\"{pattern}\"")).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    let message = format!("`{}` has no parameter {}", graph.name, list(&quoted, "or"));
    found.push(Diagnostic::error("E0602", message).at(except.span, "names nothing").help(help));
}

/// `1 epoch`, `2.5 epochs`.
fn epochs_of(number: f64) -> String {
    format!("{number} {}", plural(number, "epoch"))
}
