//! Heads of items as other languages write them, put as they are meant: `model a: tiny` and
//! `model a(tiny)` are `model a from tiny`.

use super::ast::{Link, Literal, Relation, Setting};
use crate::diag::{Diagnostic, Span, Spanned};

/// What the rest of an item's line says.
struct Head<'a> {
    /// The name of the item, where the sign stands right behind it.
    name: Option<Part<'a>>,
    /// `:`, `=` or `(`; none between a wrong relation and its names.
    sign: Option<(usize, char)>,
    names: Vec<Part<'a>>,
}

/// A word, and where it begins.
type Part<'a> = (usize, &'a str);

/// Reads `raw`, which stands at `span` behind the start of an item, lays what it means into the item,
/// and says what is wrong with it.
pub fn mend(raw: &str, span: Span, setting: &mut Setting) -> Option<Diagnostic> {
    if setting.path.keys.len() > 1 || !setting.links.is_empty() || setting.body.is_some() {
        return None;
    }
    let head = read(raw, setting.row.is_empty())?;
    let place = |(at, word): &Part<'_>| {
        let start = span.start + *at as u32;
        Spanned::new((*word).to_string(), Span { start, end: start + word.len() as u32, ..span })
    };
    let names: Vec<Spanned<String>> = head.names.iter().map(place).collect();
    let Some((at, sign)) = head.sign else {
        return unrelated(names, setting);
    };
    setting.row.extend(head.name.iter().map(|name| place(name).map(Literal::Name)));
    let sort = setting.path.keys[0].value.clone();
    let start = span.start + at as u32;
    let here = Span { start, end: start + 1, ..span };
    setting.links = links(&sort, names, here);
    let relations: Vec<String> = setting.links.iter().map(written).collect();
    let meant = relations.join(" ");
    let label = setting.row.get(1).map(|_| " …").unwrap_or_default();
    let (code, message) = match sign {
        ':' => ("E0102", "there is no colon after a name"),
        '=' => ("E0101", "an item has no `=`"),
        _ => ("E0119", "a parent stands without brackets"),
    };
    let name = match setting.row.first() {
        Some(Spanned { value: Literal::Name(name), .. }) => name.as_str(),
        _ => "my_name",
    };
    let told = Diagnostic::error(code, message)
        .at(here, "here")
        .help(format!("write `{sort} {name}{label} {meant}`"));
    let blank = if head.name.is_some() || setting.span.end == start { " " } else { "" };
    Some(told.fix(Span { start, ..span }, format!("{blank}{meant}")))
}

/// `model a extends tiny, b`: a relation that there is not, before its names.
fn unrelated(names: Vec<Spanned<String>>, setting: &mut Setting) -> Option<Diagnostic> {
    let sort = setting.path.keys[0].value.clone();
    let [_, .., Spanned { value: Literal::Name(word), span }] = &setting.row[..] else {
        return None;
    };
    if !["model", "family"].contains(&sort.as_str()) {
        return None;
    }
    let end = names.last().map_or(span.end, |name| name.span.end);
    let (word, place) = (word.clone(), *span);
    setting.row.pop();
    setting.links = links(&sort, names, place);
    let meant: Vec<String> = setting.links.iter().map(written).collect();
    let meant = meant.join(" ");
    let told = Diagnostic::error("E0208", format!("`{word}` is no relation"))
        .at(place, "expected `from` or `with`")
        .help(format!("write `{meant}`"));
    Some(told.fix(Span { end, ..place }, meant))
}

/// The relations that lay these items over each other.
fn links(sort: &str, names: Vec<Spanned<String>>, sign: Span) -> Vec<Link> {
    let link = |relation, names| Link { relation: Spanned::new(relation, sign), names };
    match sort {
        "ablation" => vec![link(Relation::Of, names)],
        "case" => vec![link(Relation::With, names)],
        "model" | "family" if names.len() > 1 => {
            let mut first = names;
            let others = first.split_off(1);
            vec![link(Relation::From, first), link(Relation::With, others)]
        }
        _ => vec![link(Relation::From, names)],
    }
}

fn written(link: &Link) -> String {
    let names: Vec<&str> = link.names.iter().map(|name| name.as_str()).collect();
    format!("{} {}", link.relation.value.word(), names.join(", "))
}

fn read(raw: &str, unnamed: bool) -> Option<Head<'_>> {
    let mut at = 0;
    let name = if unnamed { Some(word(raw, &mut at)?) } else { None };
    blanks(raw, &mut at);
    let sign = raw[at..].chars().next().filter(|c| [':', '=', '('].contains(c));
    let sign = sign.map(|sign| (at, sign));
    at += usize::from(sign.is_some());
    let mut names = Vec::new();
    loop {
        blanks(raw, &mut at);
        names.push(word(raw, &mut at)?);
        blanks(raw, &mut at);
        if !raw[at..].starts_with(',') {
            break;
        }
        at += 1;
    }
    if matches!(sign, Some((_, '('))) {
        at += raw[at..].strip_prefix(')').map(|_| 1)?;
    }
    // `class a(tiny):`.
    let rest = raw[at..].trim_start().trim_start_matches(':');
    let listed = sign.is_some() || name.is_none() && names.len() > 1;
    (rest.is_empty() && listed).then_some(Head { name, sign, names })
}

fn word<'a>(raw: &'a str, at: &mut usize) -> Option<Part<'a>> {
    let rest = &raw[*at..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let start = *at;
    *at += end;
    rest.starts_with(|c: char| c.is_ascii_alphabetic()).then(|| (start, &rest[..end]))
}

fn blanks(raw: &str, at: &mut usize) {
    *at += raw[*at..].len() - raw[*at..].trim_start_matches([' ', '\t']).len();
}
