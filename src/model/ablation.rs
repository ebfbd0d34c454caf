//! Ablations as written: of which model, which cases, what is shown.

use super::claims;
use super::items::{Item, Items, Sort, circle};
use crate::diag::{Diagnostic, Diags, Span, Spanned, nearest, suggest};
use crate::schema::Word;
use crate::syntax::ast::{Literal, Setting};

/// What the table of an ablation shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    Params,
    /// By our own count.
    Macs,
    /// As papers count them.
    Ptflops,
    /// Bytes that one image takes in training.
    Memory,
    /// On the test images, as the others that training tells.
    Loss,
    Top1,
    Top3,
    /// Training images per second, where it was trained.
    Fps,
}

impl Quantity {
    pub const ALL: [Quantity; 8] = [
        Quantity::Params,
        Quantity::Macs,
        Quantity::Ptflops,
        Quantity::Memory,
        Quantity::Loss,
        Quantity::Top1,
        Quantity::Top3,
        Quantity::Fps,
    ];

    /// As `show` and `paper` call it.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::Params => "params",
            Quantity::Macs => "macs",
            Quantity::Ptflops => "ptflops",
            Quantity::Memory => "memory",
            Quantity::Loss => "loss",
            Quantity::Top1 => "top1",
            Quantity::Top3 => "top3",
            Quantity::Fps => "fps",
        }
    }

    fn doc(self) -> &'static str {
        match self {
            Quantity::Memory => "bytes that one image takes in training",
            Quantity::Loss => "the loss on the test images",
            Quantity::Fps => "training images per second, where it was trained",
            _ => {
                let mut stated = claims::quantities("paper").iter();
                stated.find(|word| word.name == self.name()).map_or("", |word| word.doc)
            }
        }
    }

    fn called(name: &str) -> Option<Quantity> {
        Quantity::ALL.into_iter().find(|quantity| quantity.name() == name)
    }
}

/// What stands in the body of an ablation.
pub const INSIDE: &[Word] = &[
    Word { name: "case", doc: "The model with some settings changed, under a name of its own." },
    Word { name: "show", doc: "The quantities that its table shows." },
];

/// What `show` may name.
pub fn shown() -> Vec<Word> {
    Quantity::ALL.iter().map(|q| Word { name: q.name(), doc: q.doc() }).collect()
}

/// An ablation as its text says.
pub struct Written<'a> {
    /// What it varies; none if that is in error.
    pub base: Option<&'a Item>,
    pub show: Vec<Quantity>,
}

/// Reads the body of an ablation; reports what does not fit.
pub fn read<'a>(items: &'a Items, item: &Item, diags: &mut Diags) -> Written<'a> {
    let mut written = Written { base: base(items, item, diags), show: Vec::new() };
    let mut shown: Option<Span> = None;
    let mut empty = true;
    for setting in item.body.iter().flat_map(|body| &body.settings) {
        match setting.path.keys[0].as_str() {
            // They are items.
            "case" => empty = false,
            "show" if setting.path.keys.len() == 1 => {
                if let Some(first) = shown.replace(setting.span) {
                    diags.push(
                        Diagnostic::error("E0303", "`show` is said twice in one body")
                            .at(setting.span, "again here")
                            .at(first, "first here")
                            .help("keep one"),
                    );
                }
                show(setting, &mut written.show, diags);
            }
            _ if setting.broken => {}
            key => diags.push(stray(setting, key)),
        }
    }
    let broken = item.body.as_ref().is_some_and(|body| body.broken);
    if empty && !broken && !diags.has_errors() {
        let message = format!("the ablation `{}` has no cases", item.name.value);
        diags.push(
            Diagnostic::error("E0406", message)
                .at(item.name.span, "compares nothing")
                .help("write `case my_case { … }` into its body"),
        );
    }
    names(&item.cases, diags);
    written
}

/// The model that an ablation varies.
pub fn base<'a>(items: &'a Items, item: &Item, diags: &mut Diags) -> Option<&'a Item> {
    let Some(of) = &item.of else {
        if !item.orphan {
            let message = format!("of which model is the ablation `{}`?", item.name.value);
            diags.push(
                Diagnostic::error("E0401", message)
                    .at(item.name.span, "says not what it varies")
                    .help(format!("write `ablation {} of my_model {{ … }}`", item.name.value)),
            );
        }
        return None;
    };
    let base = items.resolve(item, Sort::Model, of, diags)?;
    if base.sort == Sort::Family {
        let models: Vec<&str> = items
            .visible(item.home, Sort::Model)
            .filter(|i| i.sort == Sort::Model)
            .map(|i| i.name.as_str())
            .collect();
        diags.push(
            Diagnostic::error("E0402", format!("`{}` is a family, which is never built", of.value))
                .at(of.span, "an ablation varies a model")
                .at(base.name.span, "declared here")
                .help(match models.is_empty() {
                    true => format!("write `model my_model from {}`, and `of my_model`", of.value),
                    false => suggest(of, &models),
                }),
        );
        return None;
    }
    Some(base)
}

/// What is neither a case nor `show`.
fn stray(setting: &Setting, key: &str) -> Diagnostic {
    let diagnostic =
        Diagnostic::error("E0403", "an ablation holds cases, and what is shown of them")
            .at(setting.span, "is neither");
    diagnostic.help(match nearest(key, INSIDE.iter().map(|word| word.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it stands in a case: `case my_case {{ {key} … }}`"),
    })
}

fn show(setting: &Setting, shown: &mut Vec<Quantity>, diags: &mut Diags) {
    if setting.row.is_empty() && !setting.broken || setting.body.is_some() {
        diags.push(
            Diagnostic::error("E0302", "`show` takes quantities")
                .at(setting.span, "does not fit")
                .help("write `show params top1`"),
        );
    }
    for value in &setting.row {
        match &value.value {
            Literal::Name(name) => match Quantity::called(name) {
                Some(quantity) => shown.push(quantity),
                None => diags.push(
                    Diagnostic::error("E0316", format!("unknown quantity `{name}`"))
                        .at(value.span, "unknown")
                        .suggest(value.span, name, &Quantity::ALL.map(Quantity::name)),
                ),
            },
            _ => diags.push(
                Diagnostic::error("E0302", "`show` takes quantities")
                    .at(value.span, "does not fit")
                    .help("write `show params top1`"),
            ),
        }
    }
}

/// Reports names given twice and names of no case.
fn names(cases: &[Item], diags: &mut Diags) {
    for (index, case) in cases.iter().enumerate() {
        if let Some(first) = cases[..index].iter().find(|c| c.name.value == case.name.value) {
            let message = format!("the name `{}` is given twice", case.name.value);
            diags.push(
                Diagnostic::error("E0203", message)
                    .at(case.name.span, "again here")
                    .at(first.name.span, "first here")
                    .help("cases are told apart by their names; a label may be anything"),
            );
        }
        for name in &case.with {
            if find(cases, name).is_none() {
                let known: Vec<&str> = cases
                    .iter()
                    .map(|c| c.name.as_str())
                    .filter(|known| *known != case.name.value)
                    .collect();
                let message = format!("there is no case `{}` in this ablation", name.value);
                diags.push(
                    Diagnostic::error("E0204", message)
                        .at(name.span, "unknown")
                        .suggest(name.span, name, &known),
                );
            }
        }
    }
}

fn find<'a>(cases: &'a [Item], name: &str) -> Option<&'a Item> {
    cases.iter().find(|case| case.name.value == name)
}

/// The cases that a case is made of, lowest first and itself the last, each once, and where it is
/// named. None if one of them is not there, or they are made of each other.
pub fn made_of<'a>(
    cases: &'a [Item],
    case: &'a Item,
    diags: &mut Diags,
) -> Option<Vec<(&'a Item, Span)>> {
    fn visit<'a>(
        cases: &'a [Item],
        (case, named): (&'a Item, Span),
        path: &mut Vec<&'a Item>,
        found: &mut Vec<(&'a Item, Span)>,
        diags: &mut Diags,
    ) -> Option<()> {
        if let Some(start) = path.iter().position(|c| c.name.span == case.name.span) {
            diags.push(circle(&path[start..]));
            return None;
        }
        if found.iter().any(|(known, _)| known.name.span == case.name.span) {
            return Some(());
        }
        path.push(case);
        for Spanned { value: name, span } in &case.with {
            visit(cases, (find(cases, name)?, *span), path, found, diags)?;
        }
        path.pop();
        found.push((case, named));
        Some(())
    }
    let mut found = Vec::new();
    visit(cases, (case, case.name.span), &mut Vec::new(), &mut found, diags)?;
    Some(found)
}
