//! E0301 to E0309: settings, their kinds and values.

use super::{Code, file, model};

pub const CODES: &[Code] = &[
    model(
        "E0301",
        "an unknown setting",
        "The model, or the kind that stands here, has no setting of this name. Another kind of the \
         same slot may have it.",
        ["mixer.gird 4x4", "mixer.grid 4x4"],
    ),
    model(
        "E0302",
        "a value that does not fit",
        "Every setting says what it takes: a number in some range, a size, a word, a path, a kind.",
        ["mixer.fuse gated", "mixer.fuse fixed"],
    ),
    model(
        "E0303",
        "a setting said twice",
        "Inside one body order means nothing, so nothing may be said twice. Only a selector speaks \
         before a single value for all stages. All arguments of a command line are as one body.",
        ["width 16 24 32\nwidth@3 40", "width 16 24 40"],
    ),
    model(
        "E0304",
        "a body where none belongs",
        "This setting takes a value, and a value has no settings inside.",
        ["drop_path 0.2 { rises on }", "drop_path 0.2"],
    ),
    model(
        "E0305",
        "a setting of something that is off",
        "What is off has no settings. Naming a kind turns it on.",
        ["ffn off\nffn.ratio 2", "ffn.ratio 2"],
    ),
    model(
        "E0306",
        "a kind named again",
        "Naming a kind starts it from its defaults, and this one is there already. To change it leave \
         the kind out.",
        ["mixer cluster { grid 4x4 }", "mixer { grid 4x4 }"],
    ),
    file(
        "E0307",
        "a model or a kind that lacks settings",
        "What papers state has no default and must be said, in the model itself or in what it is made \
         of. All that is missing is listed at once.",
        [
            "use \"cluenet.clue\"\nmodel mine from cluenet { width 32 64 160 256 }",
            "use \"cluenet.clue\"\nmodel mine from cluenet {\n    blocks 2\n    width  32 64 160 256\n    \
             mixer  { heads 1 2 5 8; head_width 32 }\n}",
        ],
    ),
    file(
        "E0308",
        "a setting of a slot without a kind",
        "A path into a slot changes the kind that is there, and none is. A family may leave the kind to \
         the models made of it; a model and an item of a slot may not.",
        ["pool thin { layers 1 }", "pool thin from icp { layers 1 }"],
    ),
    model(
        "E0309",
        "an unknown kind",
        "A slot takes one of its kinds, or the name of an item of that slot.",
        ["pool max", "pool conv"],
    ),
];
