//! E04, W04: ablations and their cases.

use super::{Code, file};

pub const CODES: &[Code] = &[
    file(
        "E0401",
        "an ablation of nothing",
        "An ablation varies one model, named after `of`. Its cases are layers over that model.",
        [
            "use \"cluenet_tiny.clue\"\nablation parts { case conv { pool conv } }",
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny { case conv { pool conv } }",
        ],
    ),
    file(
        "E0402",
        "an ablation of a family",
        "A family is a layer with holes and is never built, so there is nothing to compare its cases \
         with. Ablations vary models.",
        [
            "use \"cluenet.clue\"\nablation parts of cluenet { case conv { pool conv } }",
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny { case conv { pool conv } }",
        ],
    ),
    file(
        "E0403",
        "an ablation with something but cases",
        "The body of an ablation holds cases, and `show` with the quantities its table has. Settings \
         stand in cases: what holds for all of them is said by the model.",
        [
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny {\n    pool conv\n    \
             case soft { mixer.assign soft }\n}",
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny {\n    \
             case conv { pool conv }\n    case soft { mixer.assign soft }\n}",
        ],
    ),
    file(
        "E0404",
        "a line of a case that changes nothing",
        "A case says what is other than in its model and in the cases it builds on. A line that says \
         what holds already hides what is compared.",
        [
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny {\n    \
             case conv { pool conv; classes 100 }\n}",
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny {\n    \
             case conv { pool conv }\n}",
        ],
    ),
    file(
        "E0405",
        "a case that is the model itself",
        "Every case has another graph, another recipe or other data than the model of its ablation. \
         The model itself is always in the table.",
        [
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny {\n    case all {}\n    \
             case conv { pool conv }\n}",
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny {\n    \
             case conv { pool conv }\n}",
        ],
    ),
    file(
        "E0406",
        "an ablation without cases",
        "With no case there is nothing to compare the model with.",
        [
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny { show params }",
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny {\n    show params\n    \
             case conv { pool conv }\n}",
        ],
    ),
    file(
        "W0401",
        "two cases that are the same",
        "They have the same graph, the same recipe and the same data, so that one result would stand \
         in the table twice.",
        [
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny {\n    \
             case conv { pool conv }\n    case again with conv\n}",
            "use \"cluenet_tiny.clue\"\nablation parts of cluenet_tiny {\n    \
             case conv { pool conv }\n    case soft with conv { mixer.assign soft }\n}",
        ],
    ),
];
