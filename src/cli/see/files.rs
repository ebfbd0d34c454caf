//! Pictures as files: one of every map, one sheet of all.

use super::super::session::Failure;
use super::subject::{Network, Subject};
use super::{Args, Kind};
use crate::see::{Picture, Sheet, Sight, Words, png};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names of folders, each given once.
#[derive(Default)]
pub struct Names(BTreeSet<String>);

impl Names {
    pub fn free(&mut self, name: &str) -> String {
        let names = std::iter::once(name.to_string());
        let mut names = names.chain((2..).map(|number| format!("{name}-{number}")));
        let free = names.find(|name| !self.0.contains(name)).unwrap_or_default();
        self.0.insert(free.clone());
        free
    }
}

pub fn write(
    args: &Args,
    folder: &Path,
    sight: &Sight,
    subject: &Subject,
    network: &Network,
) -> Result<(), Failure> {
    let (look, base) = (args.look(), network.base(subject));
    let fail = |path: &Path, error: &dyn std::fmt::Display| {
        Failure::new(format!("{} can not be written: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| fail(folder, &error))?;
    let save = |name: &str, bytes: Vec<u8>| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|error| fail(&path, &error))
    };
    let draw = |name: String, picture: Picture| match args.format {
        Kind::Svg => {
            save(&format!("{name}.svg"), picture.svg().map_err(Failure::new)?.into_bytes())
        }
        _ => save(&format!("{name}.png"), png(&picture.raster()).map_err(Failure::new)?),
    };
    save("image.png", png(&base).map_err(Failure::new)?)?;
    for view in &sight.views {
        let name = format!("stage{}.block{}.head{}", view.stage, view.block, view.head);
        let windows = view.windows.as_deref();
        draw(name, Picture::new(&base, &view.regions, &view.colors, windows, look))?;
    }
    for global in &sight.globals {
        let picture = Picture::new(&base, &global.regions, &global.colors, None, look);
        draw(format!("all.k{}", global.k), picture)?;
    }
    let words = Words { title: &subject.name, model: &network.said, classes: &network.classes };
    let sheet = Sheet::new(sight, &base, look, words);
    match args.format {
        Kind::Svg => save("sheet.svg", sheet.svg().map_err(Failure::new)?.into_bytes()),
        _ => save("sheet.png", png(&sheet.raster()).map_err(Failure::new)?),
    }
}
