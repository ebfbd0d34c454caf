//! `cluec runs`: what was trained, side by side, and what may go.

mod prune;

use super::ablate::csv;
use super::session::Failure;
use super::table::{self, Side, Table};
use super::{Exit, number, usage};
use crate::diag::{Sources, nearest, say};
use crate::model;
use crate::runs::{Listed, Score, State, Store};
use crate::train::{Earlier, RunFolder};
use prune::{holding, once, prune};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Where runs lie; their index is index.sqlite there
    #[arg(long = "in", value_name = "DIR", default_value = "runs", global = true)]
    root: PathBuf,
    /// How to answer
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Form,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Every run, the latest last (what is done without a word)
    List(Wanted),
    /// All there is to know about a run
    Show {
        /// A run, as `list` calls it, or its folder
        run: String,
    },
    /// What distinguishes runs: settings and results
    Compare {
        /// Runs, as `list` calls them, or their folders
        #[arg(required = true, num_args = 2..)]
        runs: Vec<String>,
    },
    /// Remove runs that did not finish, or the named ones; without --yes only say which
    Prune {
        /// Runs, as `list` calls them, or their folders (default: all that failed, were stopped or
        /// killed)
        runs: Vec<String>,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
}

impl Args {
    /// The runs that are spoken of.
    fn named(&self) -> &[String] {
        match &self.verb {
            Some(Verb::Show { run }) => std::slice::from_ref(run),
            Some(Verb::Compare { runs } | Verb::Prune { runs, .. }) => runs,
            None | Some(Verb::List(_)) => &[],
        }
    }
}

/// Which runs are listed.
#[derive(Debug, Default, clap::Args)]
struct Wanted {
    /// Only runs of this model or case
    #[arg(long)]
    model: Option<String>,
    /// Only runs of this ablation's cases
    #[arg(long)]
    ablation: Option<String>,
    /// Only runs that stand so
    #[arg(long, value_enum)]
    state: Option<Standing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Standing {
    Training,
    Finished,
    Stopped,
    Failed,
    /// The program that trained it ended without a word
    Killed,
}

impl From<Standing> for State {
    fn from(standing: Standing) -> State {
        match standing {
            Standing::Training => State::Training,
            Standing::Finished => State::Finished,
            Standing::Stopped => State::Stopped,
            Standing::Failed => State::Failed,
            Standing::Killed => State::Killed,
        }
    }
}

/// How `runs` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Form {
    /// For reading
    #[default]
    Human,
    /// For programs; its shape is a contract
    Json,
    /// For spreadsheets
    Csv,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    match answer(args, out) {
        Ok(exit) => Ok(exit),
        Err(failure) => failure.report(),
    }
}

fn answer(args: &Args, out: &mut dyn Write) -> Result<Exit, Failure> {
    let all = match args.root.is_dir() {
        true => all(&args.root)?,
        // A run that is named by its folder needs no others.
        false if args.named().iter().any(|word| Path::new(word).is_dir()) => Vec::new(),
        false => {
            let root = args.root.display();
            let message = format!("there is no folder {root}; --in names the folder of runs");
            return Ok(usage(&message)?);
        }
    };
    let found = |words: &[String]| -> Result<Vec<Named>, String> {
        words.iter().map(|word| find(&all, word)).collect()
    };
    let wrong = |message: String| -> Result<Exit, Failure> { Ok(usage(&message)?) };
    match &args.verb {
        None => write!(out, "{}", list(args.format, &all.iter().collect::<Vec<_>>()))?,
        Some(Verb::List(wanted)) => {
            let chosen: Vec<&Named> = all.iter().filter(|run| wanted.takes(run)).collect();
            write!(out, "{}", list(args.format, &chosen))?;
        }
        Some(Verb::Show { run }) => match find(&all, run) {
            Ok(run) => write!(out, "{}", show(args.format, &run))?,
            Err(message) => return wrong(message),
        },
        Some(Verb::Compare { runs }) => match found(runs) {
            Ok(runs) => write!(out, "{}", compare(args.format, &runs.iter().collect::<Vec<_>>()))?,
            Err(message) => return wrong(message),
        },
        Some(Verb::Prune { runs, yes }) => {
            let chosen = match runs.is_empty() {
                true => Ok(all.iter().filter(|run| run.is_left_over()).cloned().collect()),
                false => found(runs),
            };
            let chosen = match chosen {
                Ok(chosen) => once(chosen),
                Err(message) => return wrong(message),
            };
            if let Some(busy) = chosen.iter().find(|run| run.listed.state == State::Training) {
                return wrong(format!("{} is being trained", busy.name));
            }
            if let Some((outer, inner)) = holding(&all, &chosen) {
                let (outer, inner) = (&outer.name, &inner.name);
                return wrong(format!(
                    "in the folder of {outer} lies another run, {inner}: move it elsewhere, or name \
                     it too"
                ));
            }
            prune(&chosen, *yes, out)?;
            // The next who looks finds them gone, if they can not be taken from the index now.
            let _ = Store::open(&args.root).and_then(|mut store| store.sync());
        }
    }
    Ok(Exit::Fine)
}

/// The runs below a folder. The folders are the truth: where no index can be written they are listed all
/// the same.
fn all(root: &Path) -> Result<Vec<Named>, Failure> {
    let indexed = Store::open(root).and_then(|mut store| Ok((store.sync()?, store.all()?)));
    let (damaged, runs) = indexed.or_else(|why| {
        say(format!("warning: {why}; the runs are looked up in their folders"));
        Store::unwritten(root)
    })?;
    for why in damaged {
        say(format!("warning: a damaged run is not listed: {why}"));
    }
    Ok(runs.into_iter().map(|run| named(root, run)).collect())
}

/// A run and what it is called: its folder, from the folder of all.
#[derive(Clone)]
struct Named {
    name: String,
    listed: Listed,
}

fn named(root: &Path, listed: Listed) -> Named {
    let folder = &listed.folder.path;
    let inside = folder.strip_prefix(root).unwrap_or(folder);
    Named { name: inside.to_string_lossy().into_owned(), listed }
}

impl Named {
    /// It did not finish, and nobody trains it.
    fn is_left_over(&self) -> bool {
        !matches!(self.listed.state, State::Finished | State::Training)
    }

    fn score(&self, of: fn(&Score) -> f64) -> Option<f64> {
        self.listed.run.score.as_ref().map(of)
    }
}

impl Wanted {
    fn takes(&self, run: &Named) -> bool {
        let Listed { run, state, .. } = &run.listed;
        self.model.as_ref().is_none_or(|model| *model == run.model)
            && self.ablation.as_ref().is_none_or(|name| run.ablation.as_ref() == Some(name))
            && self.state.is_none_or(|wanted| State::from(wanted) == *state)
    }
}

/// The run that a word names, in the folder of all or elsewhere.
fn find(all: &[Named], word: &str) -> Result<Named, String> {
    let asked = Path::new(word);
    let same = |run: &&Named| {
        run.name == word
            || asked.canonicalize().is_ok_and(|asked| {
                run.listed.folder.path.canonicalize().is_ok_and(|folder| folder == asked)
            })
    };
    let elsewhere = || match Store::of(&RunFolder::open(asked)) {
        Ok(listed) => Ok(listed.map(|listed| Named { name: word.to_string(), listed })),
        Err(error) => Err(error.to_string()),
    };
    let found = match all.iter().find(same) {
        Some(run) => Some(run.clone()),
        None => elsewhere()?,
    };
    found.ok_or_else(|| {
        let near = nearest(word, all.iter().map(|run| run.name.as_str()));
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("there is no run {word}{near}")
    })
}

/// A part of the whole as a percentage.
fn percent(part: Option<f64>) -> String {
    part.map_or("-".to_string(), |part| format!("{:.2} %", 100.0 * part))
}

fn list(format: Form, runs: &[&Named]) -> String {
    match format {
        Form::Json => {
            format!(
                "{:#}\n",
                json!({ "runs": runs.iter().map(|r| run_json(r)).collect::<Vec<_>>() })
            )
        }
        Form::Csv => list_csv(runs),
        Form::Human if runs.is_empty() => "no runs\n".to_string(),
        Form::Human => {
            let mut table = Table::new(&[
                ("run", Side::Left),
                ("model", Side::Left),
                ("state", Side::Left),
                ("top-1", Side::Right),
                ("top-3", Side::Right),
                ("loss", Side::Right),
                ("seed", Side::Right),
                ("params", Side::Right),
                ("began", Side::Left),
            ]);
            for named in runs {
                let run = &named.listed.run;
                table.row([
                    named.name.clone(),
                    model_of(named),
                    standing(named),
                    percent(named.score(|score| score.top1)),
                    percent(named.score(|score| score.top3)),
                    named.score(|s| s.loss).map_or("-".to_string(), |loss| format!("{loss:.4}")),
                    run.seed.to_string(),
                    number::grouped(run.params),
                    named.listed.began.clone(),
                ]);
            }
            table.render(table::room())
        }
    }
}

/// How it stands, and where it changed on the way.
fn standing(named: &Named) -> String {
    let state = named.listed.state.name();
    match &named.listed.run.earlier[..] {
        [] => state.to_string(),
        earlier => format!("{state}, changed at {}", changes(earlier, ", ")),
    }
}

/// The last steps before settings or images changed.
fn changes(earlier: &[Earlier], between: &str) -> String {
    let steps: Vec<String> = earlier.iter().map(|part| part.until.to_string()).collect();
    steps.join(between)
}

/// A case with its ablation.
fn model_of(named: &Named) -> String {
    let run = &named.listed.run;
    match &run.ablation {
        Some(ablation) => format!("{ablation}.{}", run.model),
        None => run.model.clone(),
    }
}

fn list_csv(runs: &[&Named]) -> String {
    let head = [
        "run", "model", "ablation", "state", "seed", "top1", "top3", "loss", "steps", "params",
        "macs", "ptflops", "executor", "began", "key", "changed",
    ];
    let mut text = csv::line(head.map(str::to_string));
    for named in runs {
        let run = &named.listed.run;
        let cell = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        text.push_str(&csv::line([
            named.name.clone(),
            run.model.clone(),
            run.ablation.clone().unwrap_or_default(),
            named.listed.state.name().to_string(),
            run.seed.to_string(),
            cell(named.score(|score| score.top1)),
            cell(named.score(|score| score.top3)),
            cell(named.score(|score| score.loss)),
            run.score.map_or(String::new(), |score| score.step.to_string()),
            run.params.to_string(),
            run.macs.to_string(),
            run.ptflops.to_string(),
            run.executor.clone(),
            run.began.to_string(),
            run.key.clone(),
            changes(&run.earlier, " "),
        ]));
    }
    text
}

/// What the run's folder says, its name and how it stands now. Keys are never renamed or removed.
fn run_json(named: &Named) -> Value {
    let mut value = json!(named.listed.run);
    value["name"] = json!(named.name);
    value["folder"] = json!(named.listed.folder.path);
    value["state"] = json!(named.listed.state.name());
    value
}

fn show(format: Form, named: &Named) -> String {
    match format {
        Form::Json => format!("{:#}\n", run_json(named)),
        Form::Csv => list_csv(&[named]),
        Form::Human => {
            let Listed { run, state, began, folder } = &named.listed;
            let mut lines = vec![
                ("model", model_of(named)),
                ("state", state.name().to_string()),
                ("began", began.clone()),
            ];
            if !run.earlier.is_empty() {
                let steps = changes(&run.earlier, ", ");
                let what = "settings or images: the result of no text";
                lines.push(("changed", format!("at step {steps}, {what}")));
            }
            if let Some(ended) = run.ended {
                lines.push(("took", format!("{} s", ended.saturating_sub(run.began))));
            }
            lines.extend(run.error.iter().map(|why| ("error", why.clone())));
            if let Some(score) = &run.score {
                lines.push(("top-1", percent(Some(score.top1))));
                lines.push(("top-3", percent(Some(score.top3))));
                lines.push(("loss", format!("{:.4}", score.loss)));
                lines.push(("steps", score.step.to_string()));
            }
            lines.extend([
                ("seed", run.seed.to_string()),
                ("params", number::grouped(run.params)),
                ("MACs", number::short(run.macs)),
                ("ptflops", number::short(run.ptflops)),
                ("executor", run.executor.clone()),
                ("instructions", run.instructions.clone().unwrap_or_else(|| "-".to_string())),
                ("cluec", run.version.clone()),
                ("graph", run.graph.clone()),
                ("key", run.key.clone()),
                ("folder", folder.path.display().to_string()),
            ]);
            let mut table = Table::new(&[("run", Side::Left), (" ", Side::Left)]);
            lines.into_iter().for_each(|(name, value)| table.row([name.to_string(), value]));
            let text = table.render(None);
            format!("{}\n{}", named.name, text.split_once('\n').map_or("", |(_, rows)| rows))
        }
    }
}

/// A value of a comparison: for programs, and as people read it.
struct Cell {
    value: Value,
    shown: String,
}

impl Cell {
    /// As the text has it; a number where it is one, nothing where the model has no such setting.
    fn setting(said: Option<String>) -> Cell {
        let number = said.as_deref().and_then(|said| said.parse::<serde_json::Number>().ok());
        Cell {
            value: number.map_or_else(|| json!(said), Value::Number),
            shown: said.unwrap_or_else(|| "-".to_string()),
        }
    }

    fn number<T: Copy + serde::Serialize>(value: Option<T>, show: impl Fn(T) -> String) -> Cell {
        Cell { value: json!(value), shown: value.map_or("-".to_string(), show) }
    }

    /// As spreadsheets read it.
    fn plain(&self) -> String {
        match &self.value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }
    }
}

/// A row for everything in which the runs are not the same, then what came out; a column a run.
fn compare(format: Form, runs: &[&Named]) -> String {
    let settings: Vec<Vec<model::Resolved>> = runs.iter().map(|run| settings_of(run)).collect();
    let mut rows: Vec<(String, Vec<Cell>)> = Vec::new();
    let mut paths: Vec<&str> = Vec::new();
    for setting in settings.iter().flatten() {
        if !paths.contains(&setting.path.as_str()) {
            paths.push(&setting.path);
        }
    }
    for path in paths {
        let row: Vec<Option<String>> = settings.iter().map(|s| model::row(s, path)).collect();
        if row.iter().any(|value| *value != row[0]) {
            rows.push((path.to_string(), row.into_iter().map(Cell::setting).collect()));
        }
    }
    let mut add = |name: &str, value: &dyn Fn(&Named) -> Cell| {
        rows.push((name.to_string(), runs.iter().map(|run| value(run)).collect()));
    };
    add("state", &|run| Cell::setting(Some(run.listed.state.name().to_string())));
    add("params", &|run| Cell::number(Some(run.listed.run.params), number::grouped));
    add("MACs", &|run| Cell::number(Some(run.listed.run.macs), number::short));
    let part = |part| percent(Some(part));
    add("top-1", &|run| Cell::number(run.score(|score| score.top1), part));
    add("top-3", &|run| Cell::number(run.score(|score| score.top3), part));
    add("loss", &|run| Cell::number(run.score(|s| s.loss), |loss| format!("{loss:.4}")));
    let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
    match format {
        Form::Json => {
            let values = |cells: Vec<Cell>| cells.into_iter().map(|cell| cell.value).collect();
            let rows: serde_json::Map<String, Value> =
                rows.into_iter().map(|(name, cells)| (name, values(cells))).collect();
            format!("{:#}\n", json!({ "runs": names, "rows": rows }))
        }
        Form::Csv => {
            let head = std::iter::once(String::new()).chain(names);
            let lines = rows.into_iter().map(|(name, cells)| {
                csv::line(std::iter::once(name).chain(cells.iter().map(Cell::plain)))
            });
            csv::line(head) + &lines.collect::<String>()
        }
        Form::Human => {
            let mut table = Table::new(&vec![("", Side::Left); runs.len() + 1]);
            table.row(std::iter::once(String::new()).chain(names));
            for (name, cells) in rows {
                let cells = cells.into_iter().map(|cell| cell.shown);
                table.row(std::iter::once(name).chain(cells));
            }
            // The first line holds names that are not known before.
            let text = table.render(table::room());
            text.split_once('\n').map_or(String::new(), |(_, rows)| rows.to_string())
        }
    }
}

/// The settings of a run's model, from the text in its folder; none if that is gone. Paths stay as they
/// were written: the text is a copy, and they do not begin here.
fn settings_of(named: &Named) -> Vec<model::Resolved> {
    let Ok(text) = std::fs::read_to_string(named.listed.folder.source()) else {
        return Vec::new();
    };
    let (program, _) = crate::compile_text(&mut Sources::default(), "model.clue", &text, &[]);
    program.models.first().map(model::Checked::settings).unwrap_or_default()
}
