//! The language server, driven as an editor drives it.

mod ablations;
mod actions;
mod client;
mod completion;
mod definition;
mod diagnostics;
mod edits;
mod hover;
mod names;
mod outline;
mod protocol;
mod robust;

/// A family to make models of.
const BASE: &str = "\
/// What they share.
family base {
    input   32x32
    classes 10
    embed   patches { kernel 3x3; stride 1; pad 1 }
    stages  2
    blocks  1
    width   8 12
    mixer   cluster { grid 2x2; heads 2; head_width 4 }
    ffn     mlp { ratio 4 }
    pool    icp
    head    mean
}
";
