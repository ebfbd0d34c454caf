//! Cluster maps of several images, one layer of all of them at a time.
//!
//! A map is a picture of flat colors in the size the model takes images in: a few hundred bytes,
//! which the page lays over the image. So the page needs every image once, however many maps there
//! are.

use super::Shown;
use crate::data::Image;
use crate::diag::number::signed;
use crate::see::{Global, Look, Picture, Style, View, png};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

/// Images and the layers that can be laid over them.
#[derive(Debug, Clone)]
pub struct Eyes {
    pub images: Vec<Seen>,
    /// In order: stages with their heads, then what all stages gathered.
    pub layers: Vec<Layer>,
    /// What can not be shown, or not as one would think.
    pub remarks: Vec<String>,
}

/// One position of the slider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// `stage 2, block 1, head 3`
    pub name: String,
    /// Of every image the map and what is said of it.
    pub maps: Vec<Map>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Map {
    /// PNG, as an address that holds the data.
    pub picture: String,
    pub said: String,
    /// What each cluster is worth, where that is known.
    pub worth: Vec<Worth>,
}

/// A cluster's part of the image and what it means for the class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worth {
    /// `#rrggbb`
    pub color: String,
    pub share: String,
    pub drop: String,
    pub keep: String,
}

#[derive(Debug, Clone)]
pub struct Seen {
    pub name: String,
    /// PNG, as an address that holds the data.
    pub picture: String,
    /// What it is, and what the model says.
    pub said: String,
    /// Whether the model is right, where that is known.
    pub right: Option<bool>,
}

impl Eyes {
    /// `shown` were all looked at in the same way; `class` names a class.
    pub fn new(
        shown: &[Shown],
        look: Look,
        class: &dyn Fn(usize) -> String,
    ) -> Result<Eyes, String> {
        let Some(first) = shown.first() else { return Err("no image is shown".into()) };
        let mut layers = Vec::new();
        for at in 0..first.sight.views.len() {
            let maps = shown.iter().map(|shown| of_head(&shown.sight.views[at], look));
            let View { stage, block, head, .. } = first.sight.views[at];
            let name = format!("stage {stage}, block {block}, head {head}");
            layers.push(Layer { name, maps: maps.collect::<Result<_, _>>()? });
        }
        // An image with fewer clusters has fewer mergings: its last one stands for those it lacks.
        let mut ks: Vec<usize> =
            shown.iter().flat_map(|shown| shown.sight.globals.iter().map(|g| g.k)).collect();
        ks.sort_unstable();
        ks.dedup();
        for k in ks {
            let maps = shown.iter().filter_map(|shown| {
                let globals = &shown.sight.globals;
                let global = globals.iter().find(|g| g.k >= k).or_else(|| globals.last())?;
                Some(of_all(global, &class(shown.sight.class), look))
            });
            let maps: Vec<Map> = maps.collect::<Result<_, _>>()?;
            if maps.len() == shown.len() {
                layers.push(Layer { name: format!("all stages, merged into {k}"), maps });
            }
        }
        Ok(Eyes {
            images: shown.iter().map(|shown| seen(shown, class)).collect(),
            layers,
            remarks: first.sight.remarks(),
        })
    }
}

fn seen(shown: &Shown, class: &dyn Fn(usize) -> String) -> Seen {
    let sight = &shown.sight;
    let guess = sight.guesses(1).into_iter().next();
    let said = guess.map_or(String::new(), |guess| {
        format!("{} {:.0} %", class(guess.class), 100.0 * guess.probability)
    });
    let truth = sight.truth.map(|truth| format!("{}; the model says ", class(truth)));
    Seen {
        name: shown.name.clone(),
        picture: address(&shown.image),
        said: format!("{}{said}", truth.unwrap_or_default()),
        right: sight.truth.zip(guess).map(|(truth, guess)| truth == guess.class),
    }
}

fn of_head(view: &View, look: Look) -> Result<Map, String> {
    let merged = match view.regions.clusters.len() {
        now if now < view.chosen => format!(", merged into {now}"),
        _ => String::new(),
    };
    Ok(Map {
        picture: flat(&view.regions, &view.colors, look)?,
        said: format!("{} of {} centers chosen{merged}", view.chosen, view.regions.centers),
        worth: Vec::new(),
    })
}

fn of_all(global: &Global, class: &str, look: Look) -> Result<Map, String> {
    let worth = global.contributions.iter().enumerate().map(|(at, contribution)| {
        let [r, g, b] = look.palette.color(global.colors[at]);
        Worth {
            color: format!("#{r:02x}{g:02x}{b:02x}"),
            share: format!("{:.0} %", 100.0 * global.regions.share(at)),
            drop: signed(contribution.drop, 2),
            keep: format!("{:.2}", contribution.keep),
        }
    });
    Ok(Map {
        picture: flat(&global.regions, &global.colors, look)?,
        said: format!(
            "{} clusters of {} centers; worth for {class}",
            global.regions.clusters.len(),
            global.regions.centers
        ),
        worth: worth.collect(),
    })
}

/// Colors alone, a pixel of the picture for a pixel of the model's input.
fn flat(regions: &crate::see::Regions, colors: &[usize], look: Look) -> Result<String, String> {
    let [height, width] = regions.size;
    let base = Image { width, height, pixels: Vec::new() };
    let look = Look { style: Style::Flat, smooth: false, ..look };
    Ok(address(&png(&Picture::new(&base, regions, colors, None, look).raster())?))
}

/// A PNG file as an address.
fn address(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}
