//! E05: shapes and counts.

use super::{Code, Place, model};

pub const CODES: &[Code] = &[
    model(
        "E0501",
        "shapes that do not fit",
        "An operation of the network gets a map or a vector it can not take; the report shows where \
         both come from.",
        ["embed { kernel 64x64; pad 0 }", "embed { kernel 5x5; pad 2 }"],
    ),
    model(
        "E0502",
        "a pool that halves an odd map",
        "Cluster pooling halves the map, so both sides must be even. The report lists the \
         nearest sizes of images that work.",
        ["input 30x30", "input 28x28"],
    ),
    model(
        "E0503",
        "a kernel without a middle",
        "A convolution that keeps the map has a kernel with odd sides, as it is centered on a pixel.",
        ["ffn.depthwise 2x2", "ffn.depthwise 3x3"],
    ),
    model(
        "E0504",
        "fusion without refinement",
        "`fuse` weighs the pooled center against a refined one, and nothing refines.",
        ["mixer.refine off", "mixer { refine off; fuse off }"],
    ),
    model(
        "E0505",
        "a gate over heads of width 1",
        "The gate's perceptron has half as many hidden channels as a head has: it needs two.",
        ["mixer.head_width 1", "mixer.head_width 2"],
    ),
    model(
        "E0506",
        "more than a million channels",
        "Heads times head width is how many channels a mixer has inside.",
        ["mixer { heads 1100; head_width 1000 }", "mixer { heads 11; head_width 10 }"],
    ),
    model(
        "E0507",
        "something larger than can be counted",
        "Images have at most 2^28 pixels, and a map or a parameter at most 2^30 numbers.",
        ["input 100000x100000", "input 96x96"],
    ),
    model(
        "E0508",
        "a width that changes without a pool",
        "Blocks keep the number of channels; only a pool changes it.",
        ["pool off", "pool off; width 16"],
    ),
    model(
        "E0509",
        "an expectation that is not met",
        "`expect` is an assertion, held to the digits written: `9.2K` allows half of its last digit, \
         a whole number nothing.",
        ["expect { params 5.68M }", "expect { params 9.2K }"],
    ),
    model(
        "E0510",
        "windows that do not divide a map",
        "Windows cut a map into equal rectangles (in the raw layout: its memory into equal slices), so \
         their number along a side divides that side. A pool's windows divide the map it gives.",
        ["mixer.windows 3x3", "mixer.windows 2x2"],
    ),
    model(
        "E0511",
        "a part that nothing reads",
        "A key of its own is what centers attend by: without refinement nothing reads it. Refined \
         centers are what is dispatched or what pixels are compared with: where centers are regrouped \
         and pixels compared with the pooled keys, nothing reads them.",
        ["mixer { refine off; fuse off; key own }", "mixer.key own"],
    ),
    model(
        "E0512",
        "a comparison with centers that do not exist",
        "`query refined` compares pixels with the refined centers, and nothing refines.",
        ["mixer { refine off; fuse off; query refined }", "mixer.query refined"],
    ),
    model(
        "E0513",
        "a count of what is divided",
        "`regroup mean` and `regroup mixed` count the pixels of a center. In a soft assignment every \
         pixel belongs to all centers in part, and there is nothing to count.",
        ["mixer { regroup mean; assign soft }", "mixer { regroup weighted; assign soft }"],
    ),
    model(
        "E0514",
        "channels told apart in the raw layout",
        "The raw layout cuts windows from memory, which mixes channels with pixels. A gate or a query \
         layer weighs channels, and there are none to weigh.",
        ["mixer.layout raw", "mixer { layout raw; fuse off; query refined }"],
    ),
    model(
        "E0515",
        "a pool that keeps the width",
        "A cluster pool takes the width of its stage by the projection (`widen before`) or by its last \
         layer. Without layers, and widening after, neither is there.",
        ["pool.layers 0", "pool { layers 0; widen before }"],
    ),
    model(
        "E0516",
        "nothing spare",
        "`spare on` keeps parameters that the other settings leave without a reader, as published \
         modules do. Here every layer is read.",
        ["mixer.spare on", "mixer.grid 4x4"],
    ),
    Code {
        code: "E0520",
        title: "a model that needs more memory than there is",
        explanation: "Not even a single image can be trained on in the memory that `--memory` names. \
                      Parameters with their gradients and moments are counted, what the plan of a \
                      training step holds for a group of images on every thread, and one batch of images. \
                      Before anything is trained the batch of its recipe is held to the memory that the \
                      machine, or the GPU it trains on, has left.",
        wrong: "100KiB",
        right: "24GiB",
        place: Place::Memory,
    },
    model(
        "W0501",
        "a grid larger than its map",
        "With more centers than pixels, centers are the same pixel again and compute the same.",
        ["mixer.grid 20x20", "mixer.grid 4x4"],
    ),
    model(
        "W0502",
        "parameters that never receive a gradient",
        "Some operations give no gradient to what they read, as choosing the nearest center does, and \
         some results are read by nothing. Parameters before them stay as they begin: they cost memory \
         and learn nothing.",
        ["pool fec", "pool conv"],
    ),
];
