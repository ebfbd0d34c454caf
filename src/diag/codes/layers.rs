//! E0310 and up, W03: stages, rows and layers.

use super::{Code, file, model};

pub const CODES: &[Code] = &[
    model(
        "E0310",
        "a row of another length",
        "A row has one value for each stage it speaks of, or one value for all. The first stage has no \
         pool, so rows of `pool` have one value fewer. Where a model changes `stages`, it says the rows below \
         anew. The family of these examples has three stages.",
        ["width 16 32", "width 16 32 64"],
    ),
    model(
        "E0311",
        "a stage that is not there",
        "Stages are counted from 1 to the number that `stages` says. A pool leads into its stage, so \
         the first stage has none.",
        ["width@4 64", "width@3 64"],
    ),
    model(
        "E0312",
        "stages of a setting of the whole model",
        "Images, classes, the embedding, the head, data and recipe belong to the whole model.",
        ["drop_path@3 0.2", "drop_path 0.2"],
    ),
    model(
        "E0313",
        "`@each` for every stage",
        "A value without a selector holds for every stage; `@each` is kept free for what is not one \
         value.",
        ["width@each 16", "width 16"],
    ),
    model(
        "E0314",
        "more than 64 stages",
        "No network has as many stages; `blocks` says how deep a stage is.",
        ["stages 65", "blocks 65"],
    ),
    model(
        "E0315",
        "a claim in the wrong place",
        "`expect` and `paper` stand in the body of a model and hold quantities in braces.",
        ["expect.params 9.2K", "expect { params 9.2K }"],
    ),
    model(
        "E0316",
        "an unknown quantity",
        "`expect` knows what is counted before training: params, macs and ptflops. `paper` knows the \
         results of training too.",
        ["expect { parameters 9.2K }", "expect { params 9.2K }"],
    ),
    model(
        "E0317",
        "a row with a body",
        "Where a row names a kind for every stage, a body would belong to none of them. What is inside \
         is said by stages.",
        ["pool icp conv { pad 1 }", "pool@3 conv { pad 1 }"],
    ),
    model(
        "E0318",
        "two settings in one row",
        "The row of a setting goes on to the end of its line, and a word in it is the key of another \
         setting.",
        ["ffn off drop_path 0.2", "ffn off; drop_path 0.2"],
    ),
    model(
        "E0319",
        "a model whose stages are all off",
        "`blocks off` leaves a stage out, with its pool. One has to stay.",
        ["blocks off", "blocks 1 1 off"],
    ),
    model(
        "E0320",
        "more blocks or layers than are built",
        "A model has at most 1024 blocks, and a pool 64 layers.",
        ["blocks 2K", "blocks 2"],
    ),
    model(
        "W0301",
        "a line that changes nothing",
        "Over a parent every line has to change something in some stage: else it hides what the model \
         really changes.",
        ["classes 10\ndrop_path 0.2", "drop_path 0.2"],
    ),
    file(
        "W0302",
        "a family that changes nothing",
        "What it says holds in the parent already.",
        [
            "use \"cluenet_tiny.clue\"\nfamily hundred { classes 100 }\n\
             model mine from cluenet_tiny with hundred",
            "use \"cluenet_tiny.clue\"\nmodel mine from cluenet_tiny",
        ],
    ),
];
