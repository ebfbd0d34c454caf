//! `cluec verify`: a model against the tensors of a reference implementation.

use super::executor;
use super::session::Failure;
use super::{Exit, Format, address, print_reports, select, usage};
use crate::diag::{Sources, say, visible};
use crate::exec::verify::{Report, Tolerances, verify};
use crate::model::Spoken;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = "A reference file holds tensors under the published names, channels first:
  w.NAME            weights, all of them
  in.x              images [B, 3, H, W]; in.labels: a class each, for out.loss and grad.
  out.logits        [B, classes]; out.loss: the mean cross entropy
  tap.MODULE        what a module gives; assign.MODULE: the center of every pixel
  grad.NAME         the gradient of the loss
  step.NAME         the weight after a step of AdamW by grad.NAME, at a learning rate of 1e-3
A tensor under another name is an error: nobody compared it.")]
pub struct Args {
    /// A .clue file
    pub file: String,
    /// The model, if the file holds several (of an ablation, the case too), then one or more
    /// reference files
    #[arg(required = true, value_name = "[NAME] [CASE] REFERENCE.safetensors")]
    pub rest: Vec<PathBuf>,
    /// Largest absolute error of an activation [default: 2e-5, or 1e-6 of the largest of its values]
    #[arg(long)]
    pub atol: Option<f64>,
    /// Largest relative error (L2) of a gradient [default: 1e-3]
    #[arg(long)]
    pub rtol: Option<f64>,
    #[command(flatten)]
    pub executor: executor::Options,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

impl Args {
    /// The model, or the case, if it was named: what does not look like a file of tensors.
    pub fn split(&self) -> (Option<String>, &[PathBuf]) {
        let names = self.rest.iter().take(2).take_while(|word| word.extension().is_none()).count();
        let (names, references) = self.rest.split_at(names);
        let mut names = names.iter().map(|name| name.to_str());
        (address(names.next().flatten(), names.next().flatten()), references)
    }
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let (name, references) = args.split();
    if references.is_empty() {
        return usage("`verify` needs at least one reference file: REFERENCE.safetensors");
    }
    let mut sources = Sources::default();
    let (program, diags) =
        crate::compile_for(&mut sources, &args.file, Spoken::One(name.as_deref()), &[]);
    print_reports(&diags, &sources);
    let model = match select(&program, name.as_deref(), "verify", &args.file) {
        Ok(model) => model,
        Err(message) => return usage(&message),
    };
    let Some(graph) = &model.graph else { return Ok(Exit::Findings) };
    // Published tensors are of 32 bits, whatever the recipe trains in.
    let executor = match args.executor.evaluation(None) {
        Ok(executor) => executor,
        Err(error) => return usage(&error.to_string()),
    };
    let observe = match executor.observer() {
        Ok(observe) => observe,
        Err(error) => return Failure::from(error).report(),
    };
    let mut tolerances = Tolerances::default();
    if let Some(value) = args.atol {
        (tolerances.value, tolerances.value_relative) = (value, 0.0);
    }
    tolerances.gradient_relative = args.rtol.unwrap_or(tolerances.gradient_relative);
    let mut all = true;
    let mut reports = Vec::new();
    for file in references {
        match verify(graph, file, tolerances, |weights, batch| observe(graph, weights, batch)) {
            Ok(report) => {
                all &= report.pass();
                if args.format == Format::Human {
                    human(out, &file.display().to_string(), &report)?;
                }
                reports.push(serde_json::json!({
                    "file": file.display().to_string(), "pass": report.pass(), "report": report,
                }));
            }
            Err(error) => {
                all = false;
                let (name, error) = (file.display().to_string(), error.to_string());
                // What failed to be read names the file itself.
                let whole = if error.contains(&name) { error } else { format!("{name}: {error}") };
                say(format!("error: {whole}"));
            }
        }
    }
    if args.format == Format::Json {
        writeln!(out, "{:#}", serde_json::json!({"model": model.name, "files": reports}))?;
    }
    Ok(if all { Exit::Fine } else { Exit::Findings })
}

/// Names that are listed.
const MOST_NAMES: usize = 5;

fn listed(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(MOST_NAMES).map(|name| visible(name)).collect();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn verdict(report: &Report) -> &'static str {
    let agrees = report.checks.iter().all(|check| check.pass);
    match (agrees, report.unknown.is_empty()) {
        (false, _) => "DIFFERS",
        (true, true) => "agrees",
        (true, false) if report.checks.is_empty() => "NOTHING COMPARED",
        (true, false) => "NOT ALL COMPARED",
    }
}

/// The worst of every group, then every tensor out of tolerance.
fn human(out: &mut dyn Write, file: &str, report: &Report) -> io::Result<()> {
    writeln!(out, "{file}: {}", verdict(report))?;
    for group in report.groups.iter().filter(|g| g.count > g.misshapen) {
        writeln!(
            out,
            "  {:<8} {:>4} tensors  largest error {:.2e}  relative L2 {:.2e}  {} out of tolerance",
            group.group.name(),
            group.count,
            group.max_abs,
            group.relative_l2,
            group.failed
        )?;
    }
    for check in report.checks.iter().filter(|c| !c.pass) {
        if let Some([model, file]) = &check.shapes {
            let (group, name) = (check.group.name(), &check.name);
            writeln!(out, "  {group} {name}: shape {file:?} in the file, {model:?} in the model")?;
            continue;
        }
        writeln!(
            out,
            "  {} {}: error {:.2e}, relative L2 {:.2e}, allowed {:.1e}",
            check.group.name(),
            check.name,
            check.max_abs,
            check.relative_l2,
            check.tolerance
        )?;
    }
    for stray in &report.unknown {
        writeln!(out, "  {}: {}", visible(&stray.name), stray.why)?;
    }
    if !report.passed_over.is_empty() {
        writeln!(out, "  passed over: {}", listed(&report.passed_over))?;
    }
    if !report.absent.is_empty() {
        let absent: Vec<&str> = report.absent.iter().map(|sort| sort.name()).collect();
        writeln!(out, "  the file has no {}", absent.join(", "))?;
    }
    Ok(())
}
