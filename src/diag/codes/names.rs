//! E02: files, items and their names.

use super::{Code, file, model};

pub const CODES: &[Code] = &[
    file(
        "E0201",
        "files that use each other",
        "`use` brings in the items of another file. In a circle none of them can be read by itself; \
         what both need belongs into a file of its own.",
        ["use \"example.clue\"\nfamily small { width 8 }", "family small { width 8 }"],
    ),
    file(
        "E0202",
        "a file that can not be read",
        "Paths are relative to the file that says them, and on the command line to the working \
         directory. A file is UTF-8 text.",
        ["use \"clluenet.clue\"", "use \"cluenet.clue\""],
    ),
    file(
        "E0203",
        "a name given twice",
        "Names are unique for each sort of item among the items a file sees, its own and those of \
         files it uses; models and families share theirs.",
        [
            "family small { width 8 }\nfamily small { width 12 }",
            "family small { width 8 }\nfamily medium { width 12 }",
        ],
    ),
    file(
        "E0204",
        "an unknown parent or family",
        "`from` names one item, `with` names families, `of` a model. They stand in this file or in one \
         that it uses itself: `use` is not passed on. A case is laid `with` cases of its own ablation.",
        [
            "family small { width 8 }\nfamily tall from smal { classes 3 }",
            "family small { width 8 }\nfamily tall from small { classes 3 }",
        ],
    ),
    file(
        "E0205",
        "a word that is no item",
        "At the left edge a file holds items: models, families, data, recipes, and settings of any \
         slot to be named elsewhere.",
        ["famly small { width 8 }", "family small { width 8 }"],
    ),
    file(
        "E0206",
        "`use` without a file in quotes",
        "`use` takes the path of one file, as a string.",
        ["use cluenet", "use \"cluenet.clue\""],
    ),
    file(
        "E0207",
        "an item without a name",
        "An item is its sort, a name, and perhaps a label in quotes. Its name is how other items and \
         the command line speak of it.",
        ["family \"Small\" { width 8 }", "family small \"Small\" { width 8 }"],
    ),
    file(
        "E0208",
        "a relation that does not fit",
        "An item has one parent (`from`). Models and families may be overlaid with families, cases with \
         cases (`with`). An ablation is of one model (`of`).",
        [
            "data a from shapes { train {} }\ndata b with a",
            "data a from shapes { train {} }\ndata b from a",
        ],
    ),
    file(
        "E0209",
        "items made of each other",
        "Following `from` and `with` must come to an end.",
        [
            "family a from b { width 8 }\nfamily b from a { classes 3 }",
            "family a { width 8 }\nfamily b from a { classes 3 }",
        ],
    ),
    model(
        "E0210",
        "a relation of a setting",
        "Only items have parents. A kind or a value follows its key.",
        ["pool from conv", "pool conv"],
    ),
    model(
        "E0211",
        "a setting without a value",
        "A key alone says nothing: it takes a value, a row, a kind or a body.",
        ["drop_path", "drop_path 0.2"],
    ),
    file(
        "W0201",
        "an item that nothing uses",
        "The file has models, and none is made of this item. A file without models is there for \
         others, and is not warned about.",
        [
            "use \"cluenet.clue\"\nuse \"cluenet_tiny.clue\"\n\
             recipe long from cluenet_mini { epochs 300 }\n\
             model mine from cluenet_tiny",
            "use \"cluenet.clue\"\nuse \"cluenet_tiny.clue\"\n\
             recipe long from cluenet_mini { epochs 300 }\n\
             model mine from cluenet_tiny { recipe long }",
        ],
    ),
    file(
        "W0202",
        "a file used twice",
        "The same file is brought in by two lines.",
        ["use \"cluenet.clue\"\nuse \"./cluenet.clue\"", "use \"cluenet.clue\""],
    ),
    file(
        "W0203",
        "a file that nothing is taken from",
        "`use` brings in the items of another file for this file alone, and none of its items is made \
         of them.",
        [
            "use \"cluenet.clue\"\nuse \"cluenet_tiny.clue\"\nmodel mine from cluenet_tiny { classes 10 }",
            "use \"cluenet_tiny.clue\"\nmodel mine from cluenet_tiny { classes 10 }",
        ],
    ),
];
