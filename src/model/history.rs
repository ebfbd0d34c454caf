//! Where a value comes from: the layers that spoke of a setting, lowest first.

use super::items::{Item, Items};
use super::layers::Stack;
use super::merge;
use super::resolved::{Resolved, resolve};
use crate::diag::{Diags, Sources, Span};

/// A layer that spoke of a setting, or a kind that brought its default.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// `family cluenet`, `model tiny`, `--set`; none for a default.
    pub layer: Option<String>,
    /// The stages it spoke of, from 1; none for a setting of the whole model.
    pub stages: Vec<usize>,
    /// What holds after it, stage by stage; none where the setting is gone, as its kind is.
    pub values: Vec<Option<String>>,
    pub span: Option<Span>,
}

/// The steps of the setting `path`. Layers are merged one more each time: what then holds in another
/// way, or is said elsewhere, was said by the last of them.
pub(super) fn steps(
    sources: &Sources,
    items: &Items,
    item: &Item,
    stack: &Stack,
    path: &str,
) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut before: Vec<Resolved> = Vec::new();
    for count in 0..=stack.layers.len() {
        let mut prefix = Stack { layers: stack.layers.clone(), complete: stack.complete };
        for layer in &mut prefix.layers[count..] {
            // Rows are measured against the stages there will be.
            layer.lines.retain(|line| path != "stages" && line.path() == ["stages"]);
        }
        let merged = merge::merge(sources, items, item, &prefix, true, &mut Diags::default());
        let mut now = resolve(&merged);
        now.retain(|setting| setting.path == path);
        let layer = count.checked_sub(1).map(|index| stack.layers[index].name.clone());
        let stages: Vec<Option<usize>> = {
            let mut stages: Vec<_> = before.iter().chain(&now).map(|s| s.stage).collect();
            stages.sort_unstable();
            stages.dedup();
            stages
        };
        for stage in stages {
            let find = |settings: &[Resolved]| settings.iter().find(|s| s.stage == stage).cloned();
            let (old, new) = (find(&before), find(&now));
            let held = |s: &Option<Resolved>| s.as_ref().map(|s| (s.value.clone(), s.said));
            if held(&old) == held(&new) {
                continue;
            }
            let span = new.as_ref().and_then(|s| s.said);
            let value = new.map(|s| s.value);
            let layer = if value.is_some() && span.is_none() { None } else { layer.clone() };
            match steps.last_mut() {
                Some(last) if last.layer == layer && last.span == span => {
                    last.stages.extend(stage);
                    last.values.push(value);
                }
                _ => steps.push(Step {
                    layer,
                    stages: stage.into_iter().collect(),
                    values: vec![value],
                    span,
                }),
            }
        }
        before = now;
    }
    steps
}
