//! Where else a key could stand: what is no setting here may be one of another kind.

use super::sections::{Section, sections};
use super::settings::{Stage, Whole};
use crate::diag::{Help, nearest, nearest_afar, suggest};
use crate::schema::Kind;

/// What papers and programs call settings that have another name here; with its place where several
/// have that name.
const ELSEWHERE: &[(&str, &str)] = &[
    ("depth", "blocks"),
    ("depths", "blocks"),
    ("num_blocks", "blocks"),
    ("num_stages", "stages"),
    ("dim", "width"),
    ("dims", "width"),
    ("embed_dim", "width"),
    ("embed_dims", "width"),
    ("channels", "width"),
    ("image_size", "input"),
    ("img_size", "input"),
    ("resolution", "input"),
    ("patch_size", "embed.kernel"),
    ("kernel_size", "kernel"),
    ("padding", "pad"),
    ("drop_path_rate", "drop_path"),
    ("layer_scale_init_value", "layer_scale"),
    ("centers", "mixer.grid"),
    ("num_centers", "mixer.grid"),
    ("num_clusters", "mixer.grid"),
    ("num_classes", "classes"),
    ("num_heads", "heads"),
    ("head_dim", "head_width"),
    ("mlp_ratio", "ratio"),
    ("mlp_ratios", "ratio"),
    ("learning_rate", "lr"),
    ("batch_size", "batch"),
    ("num_epochs", "epochs"),
    ("label_smoothing", "smoothing"),
    ("warmup_epochs", "warmup"),
    ("min_lr", "to"),
    ("milestones", "at"),
    ("grad_clip", "clip"),
    ("clip_grad", "clip"),
    ("grad_accumulation", "accumulate"),
    ("max_norm", "clip"),
    ("clip_grad_norm", "clip"),
    ("gamma", "factor"),
    ("step_size", "at"),
    ("eta_min", "to"),
    ("warmup_lr", "warmup_from"),
    ("norm_layer", "norm"),
    ("init_values", "layer_scale"),
    ("label_smooth", "smoothing"),
    ("mixup_alpha", "mix.mixup"),
    ("cutmix_alpha", "mix.cutmix"),
    ("ema_decay", "ema.decay"),
    ("model_ema_decay", "ema.decay"),
    ("RandomCrop", "train.crop"),
    ("RandomResizedCrop", "train.crop"),
    ("RandomHorizontalFlip", "flip"),
    ("RandAugment", "policy"),
    ("ColorJitter", "jitter"),
    ("RandomErasing", "erase"),
    ("CenterCrop", "test.crop"),
    ("center_crop", "test.crop"),
];

/// What a key means that no kind which stands here has.
pub struct Meant {
    /// What to do about it.
    pub help: Help,
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
        let is_here = |section: &Section| kinds.iter().any(|kind| section.kind.is(kind));
        let others: Vec<&Section> = sections.iter().filter(|s| !is_here(s)).collect();
        let here: Vec<&str> = sections
            .iter()
            .filter(|section| is_here(section))
            .flat_map(|section| section.places.iter().map(String::as_str))
            .collect();
        let own: Vec<&'static str> = kinds.iter().flat_map(|kind| kind.field_names()).collect();
        // What this body is said of: `mixer { mixer.grid 2x2 }`.
        if here.iter().any(|here| here.rsplit('.').next() == Some(key)) {
            let help = format!("this is inside of `{key}` already: leave it out").into();
            return Meant { help, setting: None, name: None };
        }
        if let Some(&(_, name)) = ELSEWHERE.iter().find(|(other, _)| *other == key) {
            let (around, name) = name.rsplit_once('.').unwrap_or(("", name));
            let known = own.contains(&name);
            let path = match known {
                true => Some(name.to_string()),
                false => place(&others, &here, around, name).map(|(_, path)| path),
            };
            if let Some(path) = path {
                let help = Help::from("here it is called ").path(path);
                let setting = Some(name.to_string());
                return Meant { help, setting, name: known.then_some(name) };
            }
        }
        if let Some((owner, path)) = place(&others, &here, "", key) {
            let help = Help::from(format!("`{key}` is a setting of {owner}: ")).path(path);
            return Meant { help, setting: Some(key.to_string()), name: None };
        }
        if let Some(near) = nearest(key, own.iter().copied()) {
            let setting = Some(near.to_string());
            return Meant { help: suggest(key, &own).into(), setting, name: Some(near) };
        }
        let names = others.iter().flat_map(|section| section.kind.field_names());
        let near = nearest_afar(key, names)
            .and_then(|near| place(&others, &here, "", near).map(|place| (near, place)));
        match near {
            Some((near, (owner, path))) => {
                let help = Help::from("did you mean ").path(path);
                let help = help.words(format!(", a setting of {owner}?"));
                Meant { help, setting: Some(near.to_string()), name: None }
            }
            None => Meant { help: suggest(key, &own).into(), setting: None, name: None },
        }
    }
}

/// The kind that has a setting, and the path to it from here; one that lies inside is preferred, then
/// one that a model reaches. It ends `around` the key, if that is said.
fn place(others: &[&Section], here: &[&str], around: &str, key: &str) -> Option<(String, String)> {
    let mut found: Vec<(bool, String, String)> = Vec::new();
    for section in others.iter().filter(|section| section.kind.field(key).is_some()) {
        if section.places.is_empty() && around.is_empty() {
            found.push((true, format!("a {}", section.kind.name), key.to_string()));
        }
        for place in section.places.iter().filter(|place| place.ends_with(around)) {
            let inner = here.iter().find_map(|here| place.strip_prefix(here)?.strip_prefix('.'));
            let path = format!("{}.{key}", inner.unwrap_or(place));
            found.push((inner.is_none(), section.kind.name.to_string(), path));
        }
    }
    let of_a_model = |path: &str| {
        let first = path.split('.').next().unwrap_or(path);
        Whole::KIND.field(first).or(Stage::KIND.field(first)).is_some()
    };
    found.sort_by_key(|(outside, _, path)| {
        (*outside, *outside && !of_a_model(path), path.matches('.').count())
    });
    found.into_iter().next().map(|(_, owner, path)| (owner, path))
}

#[cfg(test)]
mod tests {
    use super::{ELSEWHERE, Stage, Whole, place, sections};

    #[test]
    fn names_of_elsewhere_mean_settings_that_there_are() {
        let sections = sections();
        let all: Vec<_> = sections.iter().collect();
        for (theirs, ours) in ELSEWHERE {
            let own = Whole::KIND.field(theirs).or(Stage::KIND.field(theirs));
            assert!(own.is_none(), "{theirs}");
            let (around, key) = ours.rsplit_once('.').unwrap_or(("", ours));
            assert!(place(&all, &[], around, key).is_some(), "{ours}");
        }
    }
}
