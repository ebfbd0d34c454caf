(comment) @comment
(doc) @comment.documentation
(string) @string

"use" @keyword.import
(item sort: (identifier) @keyword)
(item name: (identifier) @type.definition)
(relation ["from" "with" "of"] @keyword)
(relation (identifier) @type)

(key) @property
(selector) @attribute
(setting value: (identifier) @constant)

(constant) @boolean
[(number) (size) (range)] @number

["{" "}"] @punctuation.bracket
[";" ","] @punctuation.delimiter
"." @punctuation.delimiter
