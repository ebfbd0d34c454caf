//! Everything that can be said, gathered from the declarations: what the reference page and
//! `explain` are made of.

use super::items::ITEM_SLOTS;
use super::settings::{Stage, Whole};
use crate::schema::{Kind, Ty};

/// A kind, and where it can be said.
#[derive(Debug)]
pub struct Section {
    pub kind: &'static Kind,
    /// Paths of the settings that take it: `pool.norm_out`.
    pub places: Vec<String>,
    /// Its settings stand in a group: no kind is named.
    pub group: bool,
}

/// All kinds, each once, in the order in which a model reaches them.
pub fn sections() -> Vec<Section> {
    let mut sections = Vec::new();
    for kind in [Whole::KIND, Stage::KIND] {
        sections.push(Section { kind, places: Vec::new(), group: true });
    }
    for kind in [Whole::KIND, Stage::KIND] {
        inside(kind, "", &mut sections);
    }
    // Slots that are reached through items alone.
    for slot in ITEM_SLOTS {
        for kind in slot.kinds {
            visit(kind, slot.name, false, &mut sections);
        }
    }
    sections
}

fn inside(kind: &'static Kind, prefix: &str, sections: &mut Vec<Section>) {
    for field in kind.fields {
        let place = format!("{prefix}{}", field.name);
        let group = field.ty.implicit().is_some();
        match field.ty.inner() {
            Ty::Slot(slot) => {
                slot.kinds.iter().for_each(|kind| visit(kind, &place, group, sections));
            }
            Ty::Group(kind) => visit(kind, &place, group, sections),
            _ => {}
        }
    }
}

fn visit(kind: &'static Kind, place: &str, group: bool, sections: &mut Vec<Section>) {
    // The same kind may lie at several addresses.
    let same = |section: &&mut Section| section.kind.is(kind);
    match sections.iter_mut().find(same) {
        Some(known) => {
            if !known.places.iter().any(|known| known == place) {
                known.places.push(place.to_string());
            }
        }
        None => {
            sections.push(Section { kind, places: vec![place.to_string()], group });
            inside(kind, &format!("{place}."), sections);
        }
    }
}
