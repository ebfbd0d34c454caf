//! What a model says of its data and its training: settings only, so that they are checked without
//! anything being read or run.

mod agree;
mod data;
mod ema;
mod mix;
mod optimizer;
mod precision;
mod recipe;
mod review;
mod schedule;

pub use agree::agree;
pub use data::{
    Augment, Blank, Center, Channels, Cifar, Cifar100, Crop, Data, Dividing, Drawing, Erase,
    Filter, Flip, ImageFolders, ImageLists, Imagenet, Jitter, Lists, Normalize, Padded, Parquet,
    Policy, Prepare, RandAugment, Resize, Resized, Said, Shapes, Split, TestCrop,
};
pub use ema::Ema;
pub use mix::{Mix, Per};
pub use optimizer::{AdamW, Decay, Optimizer, Sgd, WeightDecay};
pub use precision::{Bf16, Fp16, Fp32, Precision};
pub use recipe::{CrossEntropy, Keep, Loss, Recipe, RecipeSlot};
pub use review::review;
pub use schedule::{
    Constant, Cosine, Exponential, Linear, OneCycle, Poly, Schedule, Steps, Unit, WarmUp,
};
