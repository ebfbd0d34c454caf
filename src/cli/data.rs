//! `cluec data`: what the images of a model are, before anything is trained on them.

use super::number;
use super::session::{Failure, data_of, is_as_generated, misfit, write};
use super::table::{Side, Table, room};
use super::{Exit, Format};
use crate::data::{Dataset, Opened, Split, Statistics, Survey, open, sheet, spread};
use crate::diag::Argument;
use crate::graph::Size;
use crate::see::png;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file
    pub file: String,
    /// Which model, if the file holds several
    pub name: Option<String>,
    /// Where the images are, instead of what the data item says
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Change a setting: `data.train.flip=off`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<Argument>,
    /// Draw images beside what their augmentation makes of them, as PNG
    #[arg(long, value_name = "FILE")]
    pub sheet: Option<PathBuf>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let model = match super::open("data", &args.file, args.name.as_deref(), &args.sets)? {
        Ok(opened) => opened,
        Err(exit) => return Ok(exit),
    };
    match data(args, &model, out) {
        Ok(exit) => Ok(exit),
        Err(failure) => failure.report(),
    }
}

fn data(args: &Args, model: &super::Opened, out: &mut dyn Write) -> Result<Exit, Failure> {
    let opened = open(data_of(&model.model)?, args.data.as_deref())?;
    if let Some(file) = &args.sheet {
        let seed = model.model.recipe.as_ref().map_or(0, |recipe| recipe.seed.value.0);
        let sheet = sheet(&*opened.train, &opened.train_pipeline, seed)?;
        write(file, png(&sheet).map_err(Failure::new)?)?;
    }
    let seen = Seen::of(&opened, model.graph.classes(), model.graph.input_size());
    match args.format {
        Format::Json => writeln!(out, "{:#}", seen.json())?,
        Format::Human => out.write_all(seen.text(room()).as_bytes())?,
    }
    Ok(if seen.is_fine() { model.exit } else { Exit::Findings })
}

/// Both parts of a data set.
struct Seen<'a> {
    opened: &'a Opened,
    train: Survey,
    test: Survey,
    /// Test images that are training images too.
    leaked: Vec<(usize, usize)>,
    /// Of the model.
    classes: usize,
    takes: Size,
}

fn count(n: usize) -> String {
    number::grouped(n as u64)
}

/// Shown of a long list.
const SHOWN: usize = 5;

impl Seen<'_> {
    fn of(opened: &Opened, classes: usize, takes: Size) -> Seen<'_> {
        let [train, test] = [&opened.train, &opened.test].map(|set| Survey::of(&**set));
        let leaked = test.shared(&train);
        Seen { opened, train, test, leaked, classes, takes }
    }

    fn parts(&self) -> [(Split, &dyn Dataset, &Survey); 2] {
        let Seen { opened, train, test, .. } = self;
        [(Split::Train, &*opened.train, train), (Split::Test, &*opened.test, test)]
    }

    /// The sizes in which images of a part come to the model and do not fit it, and how many do so.
    fn misfits(&self, part: Split, survey: &Survey) -> BTreeMap<Size, usize> {
        let (_, pipeline) = self.opened.part(part);
        let mut misfits = BTreeMap::new();
        for (&(rows, columns), images) in &survey.sizes {
            let given = pipeline.size([rows, columns]);
            if given != self.takes {
                *misfits.entry(given).or_insert(0) += images;
            }
        }
        misfits
    }

    /// Nothing is broken, leaks, or does not fit the model.
    fn is_fine(&self) -> bool {
        let broken = self.parts().iter().any(|(_, _, survey)| !survey.broken.is_empty());
        let fit = self.parts().iter().all(|(part, _, of)| self.misfits(*part, of).is_empty());
        !broken
            && fit
            && self.leaked.is_empty()
            && self.classes == self.opened.train.classes().len()
    }

    fn text(&self, room: Option<usize>) -> String {
        let mut text = String::new();
        let [(_, train, _), (_, test, _)] = self.parts();
        let names = train.classes();
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "{}: {} training and {} test images of {} classes",
            train.name(),
            count(train.len()),
            count(test.len()),
            names.len()
        );
        if names.len() != self.classes {
            let _ = writeln!(
                text,
                "the model has {} classes: write `classes {}`",
                self.classes,
                names.len()
            );
        }
        for (part, set, survey) in self.parts() {
            let misfits = self.misfits(part, survey);
            let most = misfits.iter().max_by_key(|(_, images)| **images);
            let as_generated = is_as_generated(self.opened, part);
            let why = most.and_then(|(&given, _)| misfit(part, as_generated, self.takes, given));
            if let Some(why) = why {
                let (some, all) = (count(misfits.values().sum()), count(set.len()));
                let _ = writeln!(text, "{some} of {all} {} images do not fit: {why}", part.word());
            }
        }
        let _ = write!(text, "\n{}", self.sizes().render(room));
        let _ = write!(text, "\n{}", self.balance().render(room));
        if let Some(Statistics { mean, std }) = self.train.statistics {
            let row = |row: [f32; 3]| row.map(|x| format!("{x:.4}")).join(" ");
            let _ = writeln!(
                text,
                "\nof the training images: normalize channels {{ mean {}; std {} }}",
                row(mean),
                row(std)
            );
        }
        for (part, set, survey) in self.parts() {
            let spare: usize = survey.twins.iter().map(|group| group.len() - 1).sum();
            let groups = survey.twins.iter().map(|group| {
                let mut labels: Vec<u32> = group.iter().map(|&i| set.label(i)).collect();
                labels.sort_unstable();
                labels.dedup();
                let places: Vec<String> = group.iter().map(|&i| set.place(i)).collect();
                let apart = if labels.len() > 1 { " (of different classes)" } else { "" };
                format!("{}{apart}", places.join(" = "))
            });
            list(&mut text, spare, &format!("{} images are copies of others", part.word()), groups);
        }
        let leaks =
            self.leaked.iter().map(|&(i, j)| format!("{} = {}", test.place(i), train.place(j)));
        list(&mut text, self.leaked.len(), "test images are training images too", leaks);
        for (part, _, survey) in self.parts() {
            let errors = survey.broken.iter().map(|(_, error)| {
                crate::data::DataError { help: None, ..error.clone() }.to_string()
            });
            list(
                &mut text,
                survey.broken.len(),
                &format!("{} images are broken", part.word()),
                errors,
            );
        }
        text
    }

    fn sizes(&self) -> Table {
        let left = ["images", "rows", "columns", "shorter side", "most often"];
        let mut table = Table::new(&left.map(|name| (name, Side::Left)));
        for (part, _, survey) in self.parts() {
            let spread = |measure: fn((usize, usize)) -> usize| match survey.spread(measure) {
                [low, _, high] if low == high => low.to_string(),
                [low, median, high] => format!("{low} to {high}, median {median}"),
            };
            let mut common: Vec<_> = survey.sizes.iter().collect();
            common.sort_by_key(|(_, images)| std::cmp::Reverse(**images));
            let common = common
                .iter()
                .take(3)
                .map(|((rows, columns), images)| format!("{rows}x{columns} ({})", count(**images)));
            table.row([
                part.word().to_string(),
                spread(|size| size.0),
                spread(|size| size.1),
                spread(|size| size.0.min(size.1)),
                common.collect::<Vec<_>>().join(", "),
            ]);
        }
        table
    }

    /// The classes by their training images, fewest first; of many, those at both ends.
    fn balance(&self) -> Table {
        let mut table =
            Table::new(&[("class", Side::Left), ("training", Side::Right), ("test", Side::Right)]);
        let names = self.opened.train.classes();
        let images =
            |survey: &Survey, class: usize| count(survey.classes.get(class).copied().unwrap_or(0));
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|&class| self.train.classes[class]);
        let row = |name: String, class: usize| {
            [name, images(&self.train, class), images(&self.test, class)]
        };
        for (at, &class) in order.iter().enumerate() {
            let rest = names.len() - at;
            match at < SHOWN || rest <= SHOWN || names.len() <= 4 * SHOWN {
                true => table.row(row(names[class].clone(), class)),
                false if at == SHOWN => table.row(["…".to_string(), String::new(), String::new()]),
                false => {}
            }
        }
        let middle = [&self.train, &self.test].map(|survey| spread(survey.classes.clone())[1]);
        table.row(["(median)".to_string(), count(middle[0]), count(middle[1])]);
        table
    }

    fn json(&self) -> serde_json::Value {
        let parts = self.parts().map(|(part, set, survey)| {
            let misfits = self.misfits(part, survey);
            let misfits = misfits.iter().map(|([rows, columns], images)| {
                serde_json::json!({"rows": rows, "columns": columns, "images": images})
            });
            let spread = |measure: fn((usize, usize)) -> usize| {
                let [min, median, max] = survey.spread(measure);
                serde_json::json!({"min": min, "median": median, "max": max})
            };
            let sizes = survey.sizes.iter().map(|((rows, columns), images)| {
                serde_json::json!({"rows": rows, "columns": columns, "images": images})
            });
            let places = |group: &Vec<usize>| -> Vec<String> {
                group.iter().map(|&i| set.place(i)).collect()
            };
            let broken = survey.broken.iter().map(
                |(i, error)| serde_json::json!({"image": set.place(*i), "why": error.message}),
            );
            serde_json::json!({
                "images": set.len(),
                "classes": survey.classes,
                "rows": spread(|size| size.0),
                "columns": spread(|size| size.1),
                "sizes": sizes.collect::<Vec<_>>(),
                // As they come to the model, where that is not what it takes.
                "misfits": misfits.collect::<Vec<_>>(),
                "mean": survey.statistics.map(|of| of.mean),
                "std": survey.statistics.map(|of| of.std),
                "duplicates": survey.twins.iter().map(places).collect::<Vec<_>>(),
                "broken": broken.collect::<Vec<_>>(),
            })
        });
        let [train, test] = parts;
        let leaked = self.leaked.iter().map(|&(i, j)| {
            serde_json::json!({"test": self.opened.test.place(i), "train": self.opened.train.place(j)})
        });
        serde_json::json!({
            "data": self.opened.train.name(),
            "classes": self.opened.train.classes(),
            "train": train,
            "test": test,
            "leaked": leaked.collect::<Vec<_>>(),
        })
    }
}

/// A heading with its number and the first few of a list; nothing where there is nothing.
fn list(text: &mut String, all: usize, what: &str, lines: impl ExactSizeIterator<Item = String>) {
    if all == 0 {
        return;
    }
    let _ = writeln!(text, "\n{} {what}:", count(all));
    let rest = lines.len().saturating_sub(SHOWN);
    lines.take(SHOWN).for_each(|line| {
        let _ = writeln!(text, "  {line}");
    });
    if rest > 0 {
        let _ = writeln!(text, "  and {} more (--format json has all)", count(rest));
    }
}
