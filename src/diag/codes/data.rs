//! E07: the data of a model.

use super::{Code, Place, model};

pub const CODES: &[Code] = &[
    model(
        "E0701",
        "data of other classes than the model tells apart",
        "`classes` is how many classes the logits tell apart, and the data has another number of them. \
         Generated shapes have as many as they are told to, CIFAR has 10 or 100; of other data the \
         folder tells when it is opened.",
        ["data shapes { classes 12 }", "data shapes { classes 10 }"],
    ),
    model(
        "E0702",
        "images of another size than the model takes",
        "`input` is the size of the images (rows x columns) that the model takes. What the data gives \
         follows from its crops, or where nothing is cropped from how its images are stored. Both parts \
         have to fit: what crops training images leaves test images as they are.",
        [
            "data shapes { train { crop padded { size 40x40; pad 4 } } }",
            "data shapes { train { crop padded { size 32x32; pad 4 } } }",
        ],
    ),
    Code {
        code: "W0701",
        title: "an override that the data does not follow",
        explanation: "What `--set` changes contradicts the data of the model, in the size of the images or the \
                      number of classes. Whatever needs no images goes on; a training does not begin. \
                      Override the data too, or turn it off: `--set data=off`.",
        wrong: "input=64x64",
        right: "width=24",
        place: Place::Argument,
    },
];
