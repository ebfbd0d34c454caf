//! E06 and W06: recipes.

use super::{Code, model};

pub const CODES: &[Code] = &[
    model(
        "E0601",
        "more parts than images",
        "`accumulate` takes the images of a step in parts, one after the other. A part has an image at \
         least.",
        [
            "recipe { epochs 1; batch 2; accumulate 4; optimizer adamw { lr 1e-3 } }",
            "recipe { epochs 1; batch 8; accumulate 4; optimizer adamw { lr 1e-3 } }",
        ],
    ),
    model(
        "E0602",
        "a parameter that is not there",
        "`except` names parameters that do not decay, by their names or by patterns: `*` stands for any \
         part of a name. Each has to name something.",
        [
            "recipe { epochs 1; batch 2; optimizer adamw { lr 1e-3; except \"*.bais\" } }",
            "recipe { epochs 1; batch 2; optimizer adamw { lr 1e-3; except \"*.bias\" } }",
        ],
    ),
    model(
        "W0601",
        "a setting that another one makes idle",
        "What is said has no meaning beside the rest of the recipe: it would change nothing.",
        [
            "recipe { epochs 1; batch 2; optimizer sgd { lr 0.1; momentum 0; nesterov on } }",
            "recipe { epochs 1; batch 2; optimizer sgd { lr 0.1; nesterov on } }",
        ],
    ),
];
