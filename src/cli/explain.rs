//! `cluec explain`: a kind or setting of the language, a setting of a model, a code of a report.

use super::table::{Side, Table, hanging, room, wrapped};
use super::{Exit, address, select, usage};
use crate::diag::codes::{self, Place};
use crate::diag::number::{many, plural};
use crate::diag::{Argument, Diags, SourceId, Sources, Span, suggest, typed};
use crate::model::{self, Section, Spoken, Step};
use crate::schema::{Field, Kind, Ty};
use crate::syntax::ast::Selector;
use crate::syntax::parse_argument;
use std::io::{self, Write};
use std::path::Path;

#[derive(Debug, clap::Args)]
#[command(override_usage = "cluec explain CODE\n       \
    cluec explain KIND[.SETTING]\n       \
    cluec explain FILE [NAME] [CASE] PATH [--set PATH=VALUE]")]
pub struct Args {
    /// A code (`E0301`), a kind (`cluster`), a setting (`cluster.grid`, `recipe.epochs`), or a file,
    /// perhaps a model, and a path: what holds there, and which layers said so
    #[arg(required = true, num_args = 1..=4, value_name = "WHAT")]
    what: Vec<String>,
    /// Change a setting first: `mixer.grid=8x8`, `width@3=160`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<Argument>,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    match &args.what[..] {
        [code] if is_code(code) => code_report(code, out),
        [file] if is_file(file) => usage(&which_setting(file, "the file", &[])),
        [word] => match schema_report(word, room()) {
            Ok(text) => {
                write!(out, "{text}")?;
                Ok(Exit::Fine)
            }
            Err(message) => usage(&message),
        },
        [file, names @ .., path] => {
            let mut names = names.iter().map(String::as_str);
            let name = address(names.next(), names.next());
            setting_report(file, name.as_deref(), path, &args.sets, out)
        }
        [] => usage("explain takes one to four words"),
    }
}

/// Columns of an explanation at most.
const PAGE: usize = 80;

fn is_code(word: &str) -> bool {
    let mut chars = word.chars();
    matches!(chars.next(), Some('E' | 'W' | 'e' | 'w'))
        && word.len() == 5
        && chars.all(|c| c.is_ascii_digit())
}

/// A file by its name, whether it is there or not.
fn is_file(word: &str) -> bool {
    word == "-" || word.ends_with(".clue") || word.contains('/')
}

/// A path is missing.
fn which_setting(file: &str, what: &str, names: &[&str]) -> String {
    let file = typed(Path::new(file));
    let words: Vec<&str> = [file.as_str()].iter().chain(names).copied().collect();
    format!(
        "which setting of {what}? name its path: `cluec explain {} mixer.grid`",
        words.join(" ")
    )
}

fn code_report(code: &str, out: &mut dyn Write) -> io::Result<Exit> {
    let Some(code) = codes::find(code) else {
        let known: Vec<&str> = codes::all().map(|code| code.code).collect();
        let near = crate::diag::nearest(code, known).map(|near| format!("; did you mean {near}?"));
        return usage(&format!("there is no code {code}{}", near.unwrap_or_default()));
    };
    writeln!(out, "{}: {}\n", code.code, code.title)?;
    writeln!(out, "{}\n", wrapped(code.explanation, room().map_or(PAGE, |room| room.min(PAGE))))?;
    let around = match code.place {
        Place::Model => " (in a model)",
        Place::File => "",
        Place::Argument => " (as an argument)",
        Place::Memory => " (as the argument of --memory)",
    };
    for (word, text) in [("wrong", code.wrong), ("right", code.right)] {
        writeln!(out, "{word}{around}\n    {}", text.trim_end().replace('\n', "\n    "))?;
    }
    Ok(Exit::Fine)
}

/// What the language says of `cluster`, `mixer`, `cluster.grid`, `recipe.optimizer.lr` or `grid`, in
/// lines of so many columns at most.
pub fn schema_report(word: &str, columns: Option<usize>) -> Result<String, String> {
    let sections = model::sections();
    let mut text = String::new();
    for section in sections.iter().filter(|section| is_called(section, word)) {
        text.push_str(&kind_report(section, columns));
    }
    let (around, last) = word.rsplit_once('.').unwrap_or(("", word));
    for section in &sections {
        let here = around.is_empty() || is_called(section, around);
        if let Some(field) = section.kind.field(last).filter(|_| here) {
            text.push_str(&field_report(section, field, columns));
        }
    }
    if !text.is_empty() {
        return Ok(text.trim_start().to_string());
    }
    let mut names: Vec<&str> = sections.iter().map(|section| section.kind.name).collect();
    names.extend(sections.iter().flat_map(|section| section.kind.field_names()));
    // Of what is behind a point, only what stands there.
    let inside = sections.iter().filter(|section| !around.is_empty() && is_called(section, around));
    let inside: Vec<&str> = inside.flat_map(|section| section.kind.field_names()).collect();
    let near = match crate::diag::nearest(last, inside) {
        Some(near) => format!("; did you mean `{around}.{near}`?"),
        None => crate::diag::nearest(last, names)
            .map_or(String::new(), |near| format!("; did you mean `{near}`?")),
    };
    Err(format!("there is no kind and no setting `{word}`{near}"))
}

/// By its own name, or by a place that takes it (from its end: `optimizer` is `recipe.optimizer`).
fn is_called(section: &Section, word: &str) -> bool {
    section.kind.name == word
        || section.places.iter().any(|place| {
            let kind = format!("{place}.{}", section.kind.name);
            [place.as_str(), &kind].into_iter().any(|place| {
                place == word || place.strip_suffix(word).is_some_and(|rest| rest.ends_with('.'))
            })
        })
}

fn kind_report(section: &Section, columns: Option<usize>) -> String {
    let Kind { name, doc, fields } = section.kind;
    let places = section.places.join(", ");
    let head = match (section.group, section.places.is_empty()) {
        (_, true) => format!("{name}: settings"),
        (true, false) => format!("{places}: settings"),
        (false, false) => format!("{name}: a kind of {places}"),
    };
    let mut text = format!("\n{}", hanging("", &head, columns));
    doc.trim().lines().for_each(|line| text.push_str(&hanging("  ", line, columns)));
    let mut table = Table::new(&[
        ("", Side::Left),
        ("default", Side::Left),
        ("takes", Side::Left),
        ("", Side::Left),
    ]);
    for field in *fields {
        table.row([
            format!("  {}", field.name),
            default_of(field).to_string(),
            field.ty.expected(),
            field.doc.to_string(),
        ]);
    }
    match table.fits(columns) {
        _ if table.is_empty() => {}
        true => text.push_str(&table.render(None)),
        // One below the other, as each alone is explained.
        false => fields.iter().for_each(|field| {
            text.push('\n');
            text.push_str(&hanging(&format!("  {}: ", field.name), field.doc, columns));
            text.push_str(&takes(field, "    ", columns));
        }),
    }
    text
}

fn field_report(section: &Section, field: &Field, columns: Option<usize>) -> String {
    let place = match (section.group, section.places.first()) {
        (true, Some(place)) => format!("{place}."),
        (true, None) => String::new(),
        (false, _) => format!("{}.", section.kind.name),
    };
    let mut text = String::from("\n");
    text.push_str(&hanging(&format!("{place}{}: ", field.name), field.doc, columns));
    text.push_str(&takes(field, "  ", columns));
    if let Ty::Slot(slot) = field.ty.inner() {
        let width = slot.kinds.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
        text.push('\n');
        for Kind { name, doc, .. } in slot.kinds {
            let first = doc.trim().lines().next().unwrap_or("");
            text.push_str(&hanging(&format!("  {name:<width$}  "), first, columns));
        }
    }
    text
}

/// What a setting takes, and its default.
fn takes(field: &Field, indent: &str, columns: Option<usize>) -> String {
    hanging(&format!("{indent}takes    "), &field.ty.expected(), columns)
        + &hanging(&format!("{indent}default  "), default_of(field), columns)
}

/// As it would be written.
fn default_of(field: &Field) -> &'static str {
    match field.default {
        Some(default) => default,
        None if crate::schema::default_of(field).is_some() => "its own",
        None => "(must be said)",
    }
}

fn setting_report(
    file: &str,
    name: Option<&str>,
    path: &str,
    sets: &[Argument],
    out: &mut dyn Write,
) -> io::Result<Exit> {
    let mut sources = Sources::default();
    let (program, diags) = crate::compile_for(&mut sources, file, Spoken::One(name), sets);
    let argued = |source: SourceId| sources.get(source).name.starts_with("--");
    let wrong = diags.0.iter().filter(|d| d.is_error());
    let wrong = wrong.filter(|d| d.labels.first().is_some_and(|l| argued(l.span.source)));
    let wrong: Diags = wrong.cloned().collect::<Vec<_>>().into();
    if wrong.has_errors() {
        super::print_reports(&wrong, &sources);
        return Ok(Exit::Findings);
    }
    if program.models.is_empty() && program.ablations.is_empty() && diags.has_errors() {
        super::print_reports(&diags, &sources);
        return Ok(Exit::Findings);
    }
    if name.is_none() && program.models.iter().any(|model| model.name == path) {
        return usage(&which_setting(file, &format!("`{path}`"), &[path]));
    }
    let model = match select(&program, name, "explain", file) {
        Ok(model) => model,
        Err(message) => return usage(&message),
    };
    let (written, (path, spoken)) = match selected(path) {
        Ok(selected) => (path, selected),
        Err((sources, diags)) => {
            super::print_reports(&diags, &sources);
            return Ok(Exit::Usage);
        }
    };
    let path = path.as_str();
    let mut settings = model.settings();
    let paths: Vec<&str> = settings.iter().map(|s| s.path.as_str()).collect();
    let Some(setting) = settings.iter().find(|s| s.path == path) else {
        let inside = format!("{path}.");
        if settings.iter().any(|s| s.path.starts_with(&inside) && spoken.speaks(s.stage)) {
            settings.retain(|s| spoken.speaks(s.stage));
            write!(out, "{}", group_report(written, &inside, &settings))?;
            return Ok(Exit::Fine);
        }
        let near = suggest(path, &near_paths(path, &paths));
        return usage(&format!("{} has no setting `{path}`; {near}", model.name));
    };
    let field = setting.field;
    let held: Vec<usize> =
        settings.iter().filter(|s| s.path == path).filter_map(|s| s.stage).collect();
    let count = settings.iter().find(|s| s.path == "stages").and_then(|s| s.value.parse().ok());
    settings.retain(|s| spoken.speaks(s.stage));
    let outside = count.and_then(|count| Some((spoken.outside(count)?, count)));
    let name_of = &model.name;
    match outside {
        _ if held.is_empty() && spoken.0.is_some() => {
            return usage(&format!("`{path}` is said of the whole model: leave the stages out"));
        }
        Some((stage, count)) => {
            let count = many(count as u64, "stage");
            return usage(&format!("there is no stage {stage}: {name_of} has {count}"));
        }
        None if !settings.iter().any(|s| s.path == path) => {
            let all = stages(&held);
            let noun = plural(held.len() as f64, "stage");
            return usage(&format!("{name_of} has `{path}` in {noun} {all} only"));
        }
        None => {}
    }
    let holds = model::row(&settings, path).unwrap_or_default();
    let holds = holds.trim_start_matches("- ");
    write!(out, "{}", hanging(&format!("{written} {holds}: "), field.doc, room()))?;
    write!(out, "{}", takes(field, "  ", room()))?;
    let text = sources.get(SourceId(0)).text.clone();
    let (sources, mut steps) = crate::history(file, &text, name.unwrap_or(&model.name), path, sets);
    steps.retain_mut(|step| spoken.retain(step));
    write!(out, "\n{}", steps_report(&steps, &sources))?;
    Ok(Exit::Fine)
}

/// A group of settings, which has no value of its own: what holds inside it.
fn group_report(written: &str, inside: &str, settings: &[model::Resolved]) -> String {
    let place = inside.trim_end_matches('.');
    let sections = model::sections();
    let section = sections.iter().find(|s| s.places.iter().any(|at| at == place));
    let doc =
        section.map(|section| section.kind.doc.split_whitespace().collect::<Vec<_>>().join(" "));
    let doc = doc.as_deref().unwrap_or("settings");
    let mut text = hanging(&format!("{written}: "), doc, room());
    let mut table = Table::new(&[("setting", Side::Left), ("holds", Side::Left), ("", Side::Left)]);
    let mut told: Vec<&str> = Vec::new();
    for setting in settings.iter().filter(|setting| setting.path.starts_with(inside)) {
        if !told.contains(&setting.path.as_str()) {
            told.push(&setting.path);
            let holds = model::row(settings, &setting.path).unwrap_or_default();
            table.row([setting.path.clone(), holds, setting.field.doc.to_string()]);
        }
    }
    text.push('\n');
    text + &table.render(room())
}

/// Of which stages a path speaks; none: of all.
struct Stages(Option<Vec<(usize, usize)>>);

impl Stages {
    fn speaks(&self, stage: Option<usize>) -> bool {
        let Some(ranges) = &self.0 else { return true };
        stage.is_some_and(|stage| ranges.iter().any(|(low, high)| (*low..=*high).contains(&stage)))
    }

    /// A stage that is spoken of, where there are `count`, and that there is not.
    fn outside(&self, count: usize) -> Option<usize> {
        let ends = self.0.iter().flatten().flat_map(|&(low, high)| [low, high]);
        ends.into_iter().find(|stage| !(1..=count).contains(stage))
    }

    /// Leaves of a step what these stages say; whether that is anything.
    fn retain(&self, step: &mut Step) -> bool {
        if self.0.is_none() {
            return true;
        }
        let both = step.stages.iter().copied().zip(step.values.drain(..));
        (step.stages, step.values) = both
            .collect::<Vec<_>>()
            .into_iter()
            .filter(|(stage, _)| self.speaks(Some(*stage)))
            .unzip();
        !step.stages.is_empty()
    }
}

/// A path as the argument of `--set` has it: the setting, and the stages behind its `@`.
fn selected(path: &str) -> Result<(String, Stages), (Sources, Diags)> {
    if !path.contains('@') {
        return Ok((path.to_string(), Stages(None)));
    }
    let mut sources = Sources::default();
    let id = sources.add("PATH", format!("{path}=off"));
    let (setting, diags) = parse_argument(&sources, id);
    let Some(setting) = setting else {
        // Only the path is what was written.
        let mut written = Sources::default();
        let id = written.add("PATH", path);
        let mut diags = diags;
        for label in diags.0.iter_mut().flat_map(|found| &mut found.labels) {
            let end = label.span.end.min(path.len() as u32);
            label.span = Span { source: id, start: label.span.start.min(end), end };
        }
        return Err((written, diags));
    };
    let keys: Vec<&str> = setting.path.keys.iter().map(|key| key.as_str()).collect();
    let stages = match setting.path.selector.map(|selector| selector.value) {
        Some(Selector::Stages(ranges)) => Some(ranges),
        Some(Selector::Each) | None => None,
    };
    Ok((keys.join("."), Stages(stages)))
}

/// Paths to suggest from: those of the same end, or all.
fn near_paths<'a>(path: &str, paths: &[&'a str]) -> Vec<&'a str> {
    let last = path.rsplit('.').next().unwrap_or(path);
    let same: Vec<&str> =
        paths.iter().copied().filter(|p| p.rsplit('.').next() == Some(last)).collect();
    match same.is_empty() {
        true => crate::diag::nearest(path, paths.iter().copied()).into_iter().collect(),
        false => same,
    }
}

/// A line per layer, the lowest first: the last that speaks of a stage holds.
fn steps_report(steps: &[Step], sources: &Sources) -> String {
    let mut table = Table::new(&[
        ("layer", Side::Left),
        ("says", Side::Left),
        ("of stage", Side::Left),
        ("at", Side::Left),
    ]);
    for step in steps {
        let place = step.span.map_or(String::new(), |span| {
            let (line, column) = sources.position(span);
            format!("{}:{line}:{column}", sources.get(span.source).name)
        });
        table.row([
            step.layer.clone().unwrap_or_else(|| "by default".to_string()),
            values(step),
            stages(&step.stages),
            place,
        ]);
    }
    table.render(room())
}

fn values(step: &Step) -> String {
    let words: Vec<&str> =
        step.values.iter().map(|value| value.as_deref().unwrap_or("(gone)")).collect();
    match words.split_first() {
        Some((first, rest)) if rest.iter().all(|word| word == first) => first.to_string(),
        _ => words.join(" "),
    }
}

/// `1..4`, `2`, `1,3`.
fn stages(stages: &[usize]) -> String {
    match stages {
        [] => String::new(),
        [one] => one.to_string(),
        [first, .., last] if last - first + 1 == stages.len() => format!("{first}..{last}"),
        _ => stages.iter().map(usize::to_string).collect::<Vec<_>>().join(","),
    }
}
