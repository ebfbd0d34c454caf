//! The settings of a model, typed: what every stage has, and what the whole has.

use super::items::Item;
use super::merge::Merged;
use crate::blocks::{Embed, FeedForward, Head, Mixer, Norm, Pool};
use crate::diag::{Diags, Spanned};
use crate::graph::Size;
use crate::schema::block;
use crate::schema::{Count, Fraction, Reader, Setting};
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
        drop_path: Fraction = "0",
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

/// Reads merged trees; reports everything that is missing.
pub fn read(item: &Item, merged: &Merged, diags: &mut Diags) -> Option<Settings> {
    let silent = |name: &str| merged.failed.contains(name);
    let mut reader = Reader { diags, owner: item.name.clone(), silent: &silent };
    let whole = Whole::read_tree(&merged.whole, &mut reader);
    let mut stages = Vec::new();
    let mut complete = true;
    for (index, tree) in merged.stages.iter().enumerate() {
        if merged.is_off(index) {
            continue;
        }
        match Stage::read_tree(tree, &mut reader) {
            Some(stage) => stages.push((index + 1, stage)),
            None => complete = false,
        }
    }
    let whole = whole?;
    if !complete || stages.is_empty() {
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

/// Whether a setting is a stage's, with one value per stage.
pub fn is_per_stage(key: &str) -> bool {
    Stage::KIND.field(key).is_some()
}

/// The first stage has no pool before it.
pub fn first_stage(key: &str) -> usize {
    if key == "pool" { 2 } else { 1 }
}

const _: () = assert!(matches!(<Stage as Setting>::TY, crate::schema::Ty::Group(_)));
