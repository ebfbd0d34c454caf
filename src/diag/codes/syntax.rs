//! E01: how a text is written.

use super::{Code, Place, file, model};

pub const CODES: &[Code] = &[
    model(
        "E0101",
        "`=` after a key",
        "A setting is a key and its value with a blank between them. Only the arguments of `--set` have \
         an `=`.",
        ["drop_path = 0.2", "drop_path 0.2"],
    ),
    model(
        "E0102",
        "a colon after a key",
        "A setting is a key and its value with a blank between them.",
        ["drop_path: 0.2", "drop_path 0.2"],
    ),
    model(
        "E0103",
        "commas in a row",
        "The values of a row, one for every stage, are separated by blanks. Commas stand between names \
         (`with a, b`) and between stages (`@1,3`).",
        ["width 16, 24, 32", "width 16 24 32"],
    ),
    model(
        "E0104",
        "a size with blanks",
        "A size is one value, rows by columns, so it is written without blanks.",
        ["mixer.grid 4 x 4", "mixer.grid 4x4"],
    ),
    model(
        "E0105",
        "`#` or `/*` for a comment",
        "Comments begin with `//`, and those that document an item or a setting with `///`.",
        ["# wider\nwidth 16 24 32", "// wider\nwidth 16 24 32"],
    ),
    model(
        "E0106",
        "a number without its first digit",
        "A number begins with a digit, so that a point never begins a value.",
        ["drop_path .2", "drop_path 0.2"],
    ),
    model(
        "E0107",
        "a string that is not closed",
        "A string ends on the line it begins on.",
        ["data cifar { files \"images }", "data cifar { files \"images\"; train {}; test {} }"],
    ),
    model(
        "E0108",
        "two settings on a line",
        "What follows a `}` is a setting of its own: it starts a line, or follows `;`.",
        ["mixer { grid 4x4 } drop_path 0.2", "mixer { grid 4x4 }; drop_path 0.2"],
    ),
    model(
        "E0109",
        "a doc comment at the end of a line",
        "`///` documents what stands below it. A remark on the same line begins with `//`.",
        ["drop_path 0.2 /// more than usual", "drop_path 0.2 // more than usual"],
    ),
    file(
        "E0110",
        "a body that does not open on its line",
        "A line break ends a setting, so the body of an item or a setting opens on its line. A line that \
         stands further right than the one above belongs to it only if a brace says so.",
        ["family small\n{\n    width 8\n}", "family small {\n    width 8\n}"],
    ),
    file(
        "E0111",
        "a brace that closes nothing",
        "There are more `}` than `{` before this place.",
        ["family small { width 8 } }", "family small { width 8 }"],
    ),
    file(
        "E0112",
        "a body that is never closed",
        "There are fewer `}` than `{`. Where a line stands further left than its body allows, the \
         missing brace is expected before it.",
        ["family small {\n    width 8", "family small {\n    width 8\n}"],
    ),
    model(
        "E0113",
        "a number too large to be stored",
        "No quantity of a model is that large.",
        ["classes 1e999", "classes 100"],
    ),
    file(
        "E0114",
        "an escape that does not exist",
        "In strings a backslash stands before a quote or a backslash, or as `\\n` and `\\t`.",
        ["family small \"a\\b\" { width 8 }", "family small \"a\\\\b\" { width 8 }"],
    ),
    file(
        "E0115",
        "a text too deep or too long",
        "Bodies are nested 64 deep at most, and a file has 4 MiB at most: what is beyond was not \
         written by a person.",
        [
            "family small {{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{ width 8",
            "family small { width 8 }",
        ],
    ),
    model(
        "E0116",
        "a value that is drawn or computed",
        "A model is data: each of its settings has one value, written out. `in`, `when` and `where` are \
         no values, nor is `2*4`.",
        ["mixer.grid in [2x2, 4x4]", "mixer.grid 4x4"],
    ),
    model(
        "E0117",
        "stages selected inside a path",
        "Stages are selected once, at the end of a path, which then speaks of these stages only.",
        ["mixer@3.grid 4x4", "mixer.grid@3 4x4"],
    ),
    model(
        "E0118",
        "a doc comment that documents nothing",
        "`///` documents the item or the setting below it, and none follows.",
        ["drop_path 0.2\n/// the end", "drop_path 0.2\n// the end"],
    ),
    model(
        "E0119",
        "a line that can not be read",
        "A setting is a path, then a value, a row of values or a kind, then perhaps a body.",
        ["drop_path (0.2)", "drop_path 0.2"],
    ),
    Code {
        code: "E0120",
        title: "`--set` that is no setting",
        explanation: "The argument of `--set` is a path, `=` and a value or a row, in quotes where the \
                      shell needs them.",
        wrong: "mixer.grid 4x4",
        right: "mixer.grid=4x4",
        place: Place::Argument,
    },
    Code {
        code: "E0121",
        title: "`--memory` that is no amount",
        explanation: "The argument of `--memory` is a number and its unit: B, KiB, MiB, GiB, TiB, or KB, \
                      MB, GB, TB for powers of a thousand.",
        wrong: "24",
        right: "24GiB",
        place: Place::Memory,
    },
    model(
        "E0122",
        "stages that can not be read",
        "A selector is a stage (`@3`), stages from one to another (`@1..3`, both included) or several \
         of these (`@1,3`), without blanks. Stages are numbers, counted from 1.",
        ["width@1-2 16", "width@1..2 16"],
    ),
];
