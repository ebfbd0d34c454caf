//! `ablate --train`: the trained table, and the files it is written to.

use super::sheet::Sheet;
use super::{Args, chart, csv, latex, markdown, quantity, report, sets, trials};
use crate::cli::session::Failure;
use crate::cli::{Exit, place};
use crate::diag::{Argument, SourceId, Sources, say};
use crate::model::{Ablation, Quantity};
use crate::train::replace_by;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trials::Seeded;

/// What is shown of an ablation that does not say.
const SHOWN: [Quantity; 4] = [Quantity::Params, Quantity::Ptflops, Quantity::Top1, Quantity::Top3];

/// Trains, writes the tables and pictures, and prints the table.
pub fn train(
    args: &Args,
    sources: &Arc<Sources>,
    ablations: &[&Ablation],
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let within = within(&args.training.root, &args.file);
    let seeds: Vec<Vec<Seeded>> =
        ablations.iter().map(|ablation| with_seeds(args, sources, ablation)).collect();
    let trials = trials::Trials::new(&args.training, &within, &seeds)?;
    let (results, stopped) = trials.run()?;
    let sheets: Vec<Sheet> = ablations
        .iter()
        .zip(results)
        .map(|(ablation, trials)| {
            let shown = &ablation.show;
            let columns = if shown.is_empty() { SHOWN.to_vec() } else { shown.clone() };
            Sheet::new(ablation, columns, trials)
        })
        .collect();
    write!(out, "{}", report(args, &sheets))?;
    let folder = args.training.root.join(&within);
    std::fs::create_dir_all(&folder)?;
    for sheet in &sheets {
        files(sheet, &folder)?;
    }
    for (row, trial, why) in sheets.iter().flat_map(Sheet::failures) {
        say(format!("{}, seed {}: {why}", row.name, trial.seed));
    }
    let names: Vec<&str> = sheets.iter().map(|sheet| sheet.name.as_str()).collect();
    let folder = folder.display();
    say(format!("{folder}: {} (.md, .csv, .tex, .svg)", names.join(", ")));
    let failed = stopped || sheets.iter().any(|sheet| sheet.failures().next().is_some());
    if failed {
        say("not all is trained; the same command goes on with what is left");
    }
    Ok(if failed { Exit::Findings } else { Exit::Fine })
}

/// The folder of a file's runs, below the root: under its name, or as `NAME-2`, `NAME-3` … where that is
/// a run itself. In the folder of one run no other one lies: who removes the one would remove both.
fn within(root: &Path, file: &str) -> PathBuf {
    let stem = Path::new(file).file_stem().filter(|stem| *stem != "-");
    let stem = stem.unwrap_or("input".as_ref()).to_string_lossy();
    let mut name = stem.to_string();
    let mut number = 1;
    while place::run(&root.join(&name)).is_ok() {
        number += 1;
        name = format!("{stem}-{number}");
    }
    name.into()
}

/// The ablation as it is, and with seeds counted up from that of the model and of every case.
fn with_seeds(args: &Args, here: &Arc<Sources>, ablation: &Ablation) -> Vec<Seeded> {
    let text = &here.get(SourceId(0)).text;
    let of_seed = |seed: u64| {
        let mut sets = sets(args);
        // What is set there is where the counting begins.
        sets.retain(|set| set.text.split('=').next().map(str::trim) != Some("recipe.seed"));
        sets.push(Argument::of_recipe("--seed", seed));
        let mut sources = Sources::default();
        let (program, _) = crate::compile_text(&mut sources, &args.file, text, &sets);
        let again = program.ablations.iter().find(|again| again.name == ablation.name)?;
        Some(Seeded::own(again, &Arc::new(sources)))
    };
    let own = Seeded::own(ablation, here);
    let others = (1..args.training.seeds).filter_map(|further| {
        // Most rows have the same seed, which is compiled once for all.
        let mut known = BTreeMap::new();
        let rows = own.rows.iter().enumerate().map(|(row, (model, _))| {
            let first = model.recipe.as_ref().map_or(0, |recipe| recipe.seed.value.0);
            let seed = first.wrapping_add(further);
            known.entry(seed).or_insert_with(|| of_seed(seed)).as_ref()?.rows.get(row).cloned()
        });
        let rows: Option<Vec<_>> = rows.collect();
        Some(Seeded { name: own.name.clone(), rows: rows? })
    });
    let others: Vec<Seeded> = others.collect();
    std::iter::once(own).chain(others).collect()
}

/// The table in every form, with links from where they lie.
fn files(sheet: &Sheet, folder: &Path) -> Result<(), Failure> {
    let sheet = &sheet.with_folders(|run| relative(folder, Path::new(run)));
    let write = |end: &str, text: &str| {
        let path = folder.join(format!("{}.{end}", sheet.name));
        let draft = folder.join(format!(".{}.{end}.{}", sheet.name, std::process::id()));
        replace_by(&path, &draft, |file| file.write_all(text.as_bytes()))
    };
    write("md", &markdown::report(sheet))?;
    write("csv", &csv::report(sheet))?;
    write("tex", &latex::report(sheet))?;
    let measured = sheet.columns.iter().find(|column| quantity::is_measured(**column));
    let svg = measured.and_then(|column| chart::draw(sheet, *column));
    svg.map_or(Ok(()), |svg| write("svg", &svg))?;
    Ok(())
}

/// A path as it is called from a folder, both of which are there.
fn relative(from: &Path, to: &Path) -> String {
    let (Ok(from), Ok(to)) = (from.canonicalize(), to.canonicalize()) else {
        return to.to_string_lossy().into_owned();
    };
    let same = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(same).map(|_| "..");
    let up: PathBuf = up.collect();
    let down: PathBuf = to.components().skip(same).collect();
    up.join(down).to_string_lossy().replace('\\', "/")
}
