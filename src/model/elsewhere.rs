//! Where else a key could stand: what is no setting here may be one of another kind.

use super::sections::{Section, sections};
use crate::diag::{nearest, suggest};
use crate::schema::Kind;

/// What papers and programs call settings that have another name here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("depth", "blocks"),
    ("depths", "blocks"),
    ("dim", "width"),
    ("dims", "width"),
    ("embed_dim", "width"),
    ("embed_dims", "width"),
    ("channels", "width"),
    ("image_size", "input"),
    ("img_size", "input"),
    ("resolution", "input"),
    ("num_classes", "classes"),
    ("num_heads", "heads"),
    ("head_dim", "head_width"),
    ("mlp_ratio", "ratio"),
    ("mlp_ratios", "ratio"),
    ("learning_rate", "lr"),
    ("batch_size", "batch"),
    ("num_epochs", "epochs"),
];

/// What a key means that no kind which stands here has.
pub struct Meant {
    /// What to do about it.
    pub help: String,
    /// The setting that was meant, if that can be told: it was said, if wrongly.
    pub setting: Option<String>,
    /// The name to write instead, where that is all.
    pub name: Option<&'static str>,
}

impl Meant {
    /// A setting of `kinds`, which stand here, or of another kind; the one that is called so, or
    /// nearly so.
    pub fn by(kinds: &[&Kind], key: &str) -> Meant {
        let sections = sections();
        let is_here = |section: &Section| kinds.iter().any(|k| std::ptr::eq(section.kind, *k));
        let others: Vec<&Section> = sections.iter().filter(|s| !is_here(s)).collect();
        let here: Vec<&str> = sections
            .iter()
            .filter(|section| is_here(section))
            .flat_map(|section| section.places.iter().map(String::as_str))
            .collect();
        let own: Vec<&'static str> = kinds.iter().flat_map(|kind| kind.field_names()).collect();
        if let Some(&(_, name)) = ELSEWHERE.iter().find(|(other, _)| *other == key) {
            let known = own.contains(&name);
            let path = match known {
                true => Some(name.to_string()),
                false => place(&others, &here, name).map(|(_, path)| path),
            };
            if let Some(path) = path {
                let help = format!("here it is called `{path}`");
                let setting = Some(name.to_string());
                return Meant { help, setting, name: known.then_some(name) };
            }
        }
        if let Some((owner, path)) = place(&others, &here, key) {
            let help = format!("`{key}` is a setting of {owner}: `{path}`");
            return Meant { help, setting: Some(key.to_string()), name: None };
        }
        if let Some(near) = nearest(key, own.iter().copied()) {
            let setting = Some(near.to_string());
            return Meant { help: suggest(key, &own), setting, name: Some(near) };
        }
        let names = others.iter().flat_map(|section| section.kind.field_names());
        let near = nearest(key, names)
            .and_then(|near| place(&others, &here, near).map(|place| (near, place)));
        match near {
            Some((near, (owner, path))) => {
                let help = format!("did you mean `{path}`, a setting of {owner}?");
                Meant { help, setting: Some(near.to_string()), name: None }
            }
            None => Meant { help: suggest(key, &own), setting: None, name: None },
        }
    }
}

/// The kind that has a setting, and the path to it from here; one that lies inside is preferred.
fn place(others: &[&Section], here: &[&str], key: &str) -> Option<(String, String)> {
    let mut found: Vec<(bool, String, String)> = Vec::new();
    for section in others.iter().filter(|section| section.kind.field(key).is_some()) {
        if section.places.is_empty() {
            found.push((true, format!("a {}", section.kind.name), key.to_string()));
        }
        for place in &section.places {
            let inner = here.iter().find_map(|here| place.strip_prefix(here)?.strip_prefix('.'));
            let path = format!("{}.{key}", inner.unwrap_or(place));
            found.push((inner.is_none(), section.kind.name.to_string(), path));
        }
    }
    found.sort_by_key(|(outside, _, path)| (*outside, path.matches('.').count()));
    found.into_iter().next().map(|(_, owner, path)| (owner, path))
}
