/**
 * The shape of a .clue file: items, settings, rows and bodies. Which keys, kinds and items exist is
 * not known here, as it is not in the grammar of cluec.
 */

const letters = /[A-Za-z][A-Za-z0-9_]*/;

module.exports = grammar({
  name: "clue",

  // A line break ends a setting, so it is no blank.
  extras: ($) => [/[ \t\r\uFEFF]/, $.comment],

  word: ($) => $.identifier,

  rules: {
    file: ($) => lines($, choice($.doc, $.use, $.item)),

    use: ($) => seq("use", $.string),

    item: ($) =>
      seq(
        field("sort", $.identifier),
        field("name", $.identifier),
        optional(field("label", $.string)),
        repeat($.relation),
        optional($.body),
      ),

    body: ($) => seq("{", lines($, choice($.doc, $.setting)), "}"),

    setting: ($) =>
      seq($.path, repeat(field("value", $._value)), repeat($.relation), optional($.body)),

    path: ($) =>
      seq(
        alias($.identifier, $.key),
        repeat(seq(token.immediate("."), alias($._next_key, $.key))),
        optional($.selector),
      ),

    _next_key: () => token.immediate(letters),

    selector: () =>
      token.immediate(/@(each|[0-9]+(\.\.[0-9]+)?(,[0-9]+(\.\.[0-9]+)?)*)/),

    relation: ($) =>
      seq(choice("from", "with", "of"), $.identifier, repeat(seq(",", $.identifier))),

    _value: ($) => choice($.identifier, $.constant, $.size, $.range, $.number, $.string),

    constant: () => choice("on", "off"),

    size: () => /[0-9]+(x[0-9]+)+/,

    range: () =>
      /-?[0-9][0-9_]*(\.[0-9]+)?(e[+-]?[0-9]+)?(%|[A-Za-z]+)?\.\.-?[0-9][0-9_]*(\.[0-9]+)?(e[+-]?[0-9]+)?(%|[A-Za-z]+)?/,

    number: () => /-?[0-9][0-9_]*(\.[0-9]+)?(e[+-]?[0-9]+)?(%|[A-Za-z]+)?/,

    string: () => /"([^"\\\n]|\\[^\n])*"/,

    identifier: () => letters,

    doc: () => token(prec(1, /\/\/\/[^\n]*/)),

    comment: () => /\/\/([^\/\n][^\n]*)?/,
  },
});

/** Entries, each ended by a line break or a semicolon; the last one need not be. */
function lines($, entry) {
  const end = choice("\n", ";");
  return seq(repeat(choice(end, seq(entry, end))), optional(entry));
}
