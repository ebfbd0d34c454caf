//! What a model says of its data and its training: settings only, so that they are checked without
//! anything being read or run.

mod data;
mod recipe;

pub use data::{
    Augment, Blank, Center, Channels, Cifar, Cifar100, Crop, Data, Dividing, Drawing, Erase,
    Filter, Flip, ImageFolders, ImageLists, Imagenet, Jitter, Lists, Normalize, Padded, Parquet,
    Policy, Prepare, RandAugment, Resize, Resized, Shapes, Split, TestCrop,
};
pub use recipe::{
    AdamW, Constant, Cosine, Decay, Keep, Loss, Optimizer, Precision, Recipe, RecipeSlot, Schedule,
    Unit,
};
