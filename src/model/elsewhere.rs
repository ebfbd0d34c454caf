//! Where else a key could stand: what is no setting here may be one of another kind.

use super::sections::{Section, sections};
use crate::diag::nearest;
use crate::schema::Kind;

/// What to say of a key that none of `kinds`, which stand here, has: the kind that has it, or one
/// that has nearly it.
pub fn hint(kinds: &[&Kind], key: &str) -> Option<String> {
    let sections = sections();
    let is_here = |section: &Section| kinds.iter().any(|kind| std::ptr::eq(section.kind, *kind));
    let others: Vec<&Section> = sections.iter().filter(|section| !is_here(section)).collect();
    let here: Vec<&str> = sections
        .iter()
        .filter(|section| is_here(section))
        .flat_map(|section| section.places.iter().map(String::as_str))
        .collect();
    if let Some((owner, path)) = place(&others, &here, key) {
        return Some(format!("`{key}` is a setting of {owner}: `{path}`"));
    }
    let own = kinds.iter().flat_map(|kind| kind.field_names());
    if nearest(key, own).is_some() {
        return None;
    }
    let names = others.iter().flat_map(|section| section.kind.field_names());
    let near = nearest(key, names)?;
    let (owner, path) = place(&others, &here, near)?;
    Some(format!("did you mean `{path}`, a setting of {owner}?"))
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
