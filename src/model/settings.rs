//! The settings of a model, typed: what every stage has, and what the whole has.

use super::items::Item;
use super::merge::Merged;
use super::missing::Lacks;
use crate::blocks::{Embed, FeedForward, Head, Mixer, Norm, Pool};
use crate::diag::number::grouped;
use crate::diag::{Diagnostic, Diags, Spanned};
use crate::graph::Size;
use crate::schema::block;
use crate::schema::{Count, Part, Positive, Reader, Setting};
use crate::spec::{Data, Recipe, RecipeSlot};

block! {
    /// What the whole model has.
    pub struct Whole = "model" {
        /// rows x columns of the images
        input: Size,
        /// how many classes the logits tell apart
        classes: Count,
        /// how the image becomes the first map
        embed: Embed,
        /// how many stages there are; rows are measured against it
        stages: Count,
        /// how the last map becomes logits
        head: Head,
        /// the probability of dropping the last block's branches; it rises from 0 with depth
        drop_path: Part = "0",
        /// where images come from
        data: Option<Data> = "off",
        /// how it is trained
        recipe: Option<RecipeSlot> = "off",
    }
}

block! {
    /// What every stage has.
    pub struct Stage = "stage" {
        /// how many blocks the stage has; off leaves the stage out
        blocks: Option<Count>,
        /// its channels
        width: Count,
        /// before each half of a block
        norm: Norm = "layer",
        /// what every half of a block is scaled by at first, a learnable factor per channel
        layer_scale: Option<Positive> = "off",
        /// how pixels exchange information
        mixer: Option<Mixer>,
        /// what every pixel computes by itself
        ffn: Option<FeedForward>,
        /// how a map enters the stage
        pool: Option<Pool>,
    }
}

/// A model: typed, complete, every value with the place that said it.
#[derive(Debug, Clone)]
pub struct Settings {
    pub name: String,
    pub whole: Whole,
    /// With their numbers, from 1; those that are off left out.
    pub stages: Vec<(usize, Stage)>,
    pub data: Spanned<Option<Data>>,
    pub recipe: Spanned<Option<Recipe>>,
}

/// Reads merged trees; reports everything that is missing (if the text is `complete`, so that it can
/// be told), or that every stage is off.
pub fn read(item: &Item, merged: &Merged, complete: bool, diags: &mut Diags) -> Option<Settings> {
    let silent = |name: &str| merged.failed.contains(name);
    let mut reader = Reader { owner: item.name.span, missing: Vec::new(), silent: &silent };
    let mut lacks = Lacks::default();
    let whole = Whole::read_tree(&merged.whole, &mut reader);
    lacks.add(None, std::mem::take(&mut reader.missing));
    let active: Vec<usize> =
        (1..=merged.stages.len()).filter(|stage| !merged.is_off(stage - 1)).collect();
    let mut stages = Vec::new();
    for &number in &active {
        let stage = Stage::read_tree(&merged.stages[number - 1], &mut reader);
        lacks.add(Some(number), std::mem::take(&mut reader.missing));
        stages.extend(stage.map(|stage| (number, stage)));
    }
    if complete {
        lacks.report(&item.name, &active, diags);
    }
    if active.is_empty() && !merged.stages.is_empty() {
        diags.push(all_off(item, merged));
    }
    if too_deep(item, &stages, diags) {
        return None;
    }
    let whole = whole?;
    if stages.is_empty() || stages.len() < active.len() {
        return None;
    }
    let recipe = Spanned::new(
        whole.recipe.value.clone().map(|RecipeSlot::Recipe(recipe)| recipe),
        whole.recipe.span,
    );
    Some(Settings {
        name: item.name.value.clone(),
        data: whole.data.clone(),
        recipe,
        whole,
        stages,
    })
}

/// More blocks than any model has.
const MAX_BLOCKS: usize = 1024;

fn too_deep(item: &Item, stages: &[(usize, Stage)], diags: &mut Diags) -> bool {
    let blocks = |stage: &Stage| stage.blocks.value.map_or(0, |count| count.0);
    let Some((_, deepest)) = stages.iter().max_by_key(|(_, stage)| blocks(stage)) else {
        return false;
    };
    let total: usize = stages.iter().map(|(_, stage)| blocks(stage)).sum();
    if total > MAX_BLOCKS {
        let total = grouped(total as u64);
        let message =
            format!("`{}` has {total} blocks; a model has at most {MAX_BLOCKS}", item.name.value);
        diags.push(Diagnostic::error("E0320", message).at(deepest.blocks.span, "too many"));
    }
    total > MAX_BLOCKS
}

fn all_off(item: &Item, merged: &Merged) -> Diagnostic {
    let message = format!("every stage of `{}` is off", item.name.value);
    let mut diagnostic = Diagnostic::error("E0319", message).at(item.name.span, "nothing is left");
    if let Some(blocks) = merged.stages[0].fields.get("blocks") {
        diagnostic = diagnostic.at(blocks.span, "off here");
    }
    diagnostic.help("give one stage at least one block")
}

/// Whether a setting is a stage's, with one value per stage.
pub fn is_per_stage(key: &str) -> bool {
    Stage::KIND.field(key).is_some()
}

/// The first stage has no pool before it.
pub fn first_stage(key: &str) -> usize {
    if key == "pool" { 2 } else { 1 }
}

const _: () = assert!(matches!(<Stage as Setting>::TY, crate::schema::Ty::Group(_)));
