//! The reference page, `docs/reference.md`, generated from the declarations of blocks and settings.

use super::Exit;
use crate::model;
use crate::schema::{Field, Ty};
use std::fmt::Write as _;
use std::io::{self, Write};

pub fn run(out: &mut dyn Write) -> io::Result<Exit> {
    out.write_all(page().as_bytes())?;
    Ok(Exit::Fine)
}

const HEAD: &str = "\
# Reference

Every kind and every setting of the language. This page is generated from their declarations; a test
holds it to them. Change it with `UPDATE_DOCS=1 cargo test docs`. On the command line:
`cluec explain KIND`, `cluec explain KIND.SETTING`.

A setting without a default must be said. Settings of a model that hold for its stages take one value
for all stages, or a row with one for each.
";

/// The page as Markdown.
pub fn page() -> String {
    let mut page = HEAD.to_string();
    for section in model::sections() {
        let title = match (section.places.first(), section.group) {
            (None, _) => section.kind.name.to_string(),
            (Some(place), true) => place.clone(),
            (Some(place), false) => format!("{place} {}", section.kind.name),
        };
        let _ = write!(page, "\n## `{title}`\n\n{}\n", sentence(section.kind.doc));
        if let [_, others @ ..] = &section.places[..]
            && !others.is_empty()
        {
            let others: Vec<String> = others.iter().map(|place| format!("`{place}`")).collect();
            let _ = write!(page, "\nAlso: {}.\n", others.join(", "));
        }
        if !section.kind.fields.is_empty() {
            page.push_str("\n| Setting | Takes | Default | |\n|---|---|---|---|\n");
            for field in section.kind.fields {
                let _ = writeln!(
                    page,
                    "| `{}` | {} | {} | {} |",
                    field.name,
                    takes(&field.ty),
                    default(field),
                    field.doc.replace('|', "\\|"),
                );
            }
        }
    }
    page
}

/// The lines of a doc comment as one paragraph.
fn sentence(doc: &str) -> String {
    doc.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_string()
}

/// What can be written, words of the language as code.
fn takes(ty: &Ty) -> String {
    let words =
        |words: &[&str]| words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ");
    match ty {
        Ty::Plain { expected, .. } => (*expected).to_string(),
        Ty::Path => ty.expected(),
        Ty::Words(choices) => words(&crate::schema::names(choices)),
        Ty::Slot(slot) => match slot.single() {
            Some(_) => "settings in braces".to_string(),
            None => words(&slot.kinds.iter().map(|kind| kind.name).collect::<Vec<_>>()),
        },
        Ty::Group(_) => "settings in braces".to_string(),
        Ty::Off(inner) => format!("{}, `off`", takes(inner)),
    }
}

fn default(field: &Field) -> String {
    match field.default {
        Some(default) => format!("`{default}`"),
        None if crate::schema::default_of(field).is_some() => "its own".to_string(),
        None => "–".to_string(),
    }
}
