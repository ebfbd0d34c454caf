//! Files and `use`: which texts are read, and which see each other.

use super::items::{Items, Use, read};
use crate::diag::{Diagnostic, Diags, SourceId, Sources, Span, Spanned};
use crate::syntax::ast::{File, Literal};
use crate::syntax::parse;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Reads the text of a file.
pub type Reader<'a> = &'a dyn Fn(&Path) -> std::io::Result<String>;

impl Items {
    /// Parses `root` and every file it uses.
    pub fn load(
        sources: &mut Sources,
        reader: Reader<'_>,
        root: SourceId,
        diags: &mut Diags,
    ) -> Items {
        let mut items = Items::default();
        let mut edges = Vec::new();
        let mut loaded = BTreeMap::new();
        loaded.insert(tidy(Path::new(&sources.get(root).name)), root);
        let mut waiting = vec![root];
        while let Some(id) = waiting.pop() {
            let (file, found) = parse(sources, id);
            found.0.into_iter().for_each(|d| diags.push(d));
            for setting in file.settings.iter().filter(|s| s.path.keys[0].value != "use") {
                items.all.extend(read(setting, id, diags));
            }
            let mut sees = vec![id];
            for (path, span, setting) in uses(&file, diags) {
                let base = Path::new(&sources.get(id).name).parent().unwrap_or(Path::new(""));
                let target = tidy(&base.join(&path));
                let used = match loaded.get(&target) {
                    Some(&known) => known,
                    None => match reader(&target) {
                        Ok(text) => {
                            let used = sources.add(target.to_string_lossy(), text);
                            loaded.insert(target, used);
                            waiting.push(used);
                            used
                        }
                        Err(error) => {
                            diags.push(unreadable(&target, span, &error));
                            items.partial.insert(id);
                            continue;
                        }
                    },
                };
                let earlier = edges.iter().find(|edge: &&Use| edge.from == id && edge.to == used);
                if let Some(earlier) = earlier {
                    diags.push(
                        Diagnostic::warning("W0202", "this file is used already")
                            .at(span, "again here")
                            .at(earlier.span, "first here")
                            .help("leave it out")
                            .fix(setting, ""),
                    );
                    continue;
                }
                edges.push(Use { from: id, to: used, span });
                sees.push(used);
            }
            items.sees.insert(id, sees);
            items.files.insert(id, file);
        }
        circles(&edges, diags);
        items.uses = edges;
        items.clashes(diags);
        items
    }

    /// A name given twice among items that a file sees together.
    fn clashes(&self, diags: &mut Diags) {
        for (index, item) in self.all.iter().enumerate() {
            let earlier = self.all[..index].iter().find(|other| {
                other.sort.shares_names(item.sort)
                    && other.name.value == item.name.value
                    && self.sees.values().any(|s| s.contains(&other.home) && s.contains(&item.home))
            });
            if let Some(earlier) = earlier {
                let message = format!("the name `{}` is given twice", item.name.value);
                // The file that uses the other gives the name again.
                let (again, first) = match item.home == earlier.home {
                    true => (item, earlier),
                    false => (earlier, item),
                };
                let mut diagnostic = Diagnostic::error("E0203", message)
                    .at(again.name.span, "again here")
                    .at(first.name.span, "first here");
                // Of two other files, the line that brings in the second.
                let meets = |line: &&Use| {
                    let sees = self.sees.get(&line.from).map(Vec::as_slice).unwrap_or_default();
                    line.to == again.home && sees.contains(&first.home)
                };
                if again.home != first.home
                    && let Some(line) = self.uses.iter().find(meets)
                    && line.from != first.home
                {
                    diagnostic = diagnostic.at(line.span, "brought in here");
                }
                diags
                    .push(diagnostic.help(
                        "models and families share their names; items of other sorts do not",
                    ));
            }
        }
    }
}

fn unreadable(target: &Path, span: Span, error: &std::io::Error) -> Diagnostic {
    let message = match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {}", target.display()),
        _ => format!("the file {} can not be read: {error}", target.display()),
    };
    Diagnostic::error("E0202", message)
        .at(span, "used here")
        .help("paths are relative to the file that says them")
}

/// The path without `.` and, where it can be told, without `..`: one name for one file.
pub fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(tidy.components().next_back(), Some(Component::Normal(_))) =>
            {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

/// The paths of the `use` lines, where they stand, and where their lines do.
fn uses(file: &File, diags: &mut Diags) -> Vec<(String, Span, Span)> {
    let mut paths = Vec::new();
    for setting in file.settings.iter().filter(|s| s.path.keys[0].value == "use") {
        match &setting.row[..] {
            [Spanned { value: Literal::Text(path), span }]
                if setting.body.is_none() && setting.links.is_empty() =>
            {
                paths.push((path.clone(), *span, setting.span));
            }
            _ if setting.broken => {}
            row => {
                let name = match row {
                    [Spanned { value: Literal::Name(name), .. }] => name,
                    _ => "other",
                };
                let line = format!("use \"{name}.clue\"");
                let diagnostic = Diagnostic::error("E0206", "`use` takes one file, in quotes")
                    .at(setting.span, "here")
                    .help(format!("write `{line}`"));
                diags.push(diagnostic.fix(setting.span, line));
            }
        }
    }
    paths
}

/// Files that use each other, every circle once.
fn circles(edges: &[Use], diags: &mut Diags) {
    for edge in edges {
        let Some(back) = road(edges, edge.to, edge.from) else { continue };
        // A circle is reported where its first file says it.
        if back.iter().any(|other| other.from < edge.from) {
            continue;
        }
        let message = match back.is_empty() {
            true => "a file can not use itself",
            false => "these files use each other",
        };
        let mut diagnostic = Diagnostic::error("E0201", message).at(edge.span, "used here");
        for other in back {
            diagnostic = diagnostic.at(other.span, "and here");
        }
        diags.push(diagnostic.help("move what both need into a file of its own"));
    }
}

/// The `use` lines that lead from one file to another.
fn road(edges: &[Use], from: SourceId, to: SourceId) -> Option<Vec<&Use>> {
    let mut roads: Vec<(SourceId, Vec<&Use>)> = vec![(from, Vec::new())];
    let mut seen = vec![from];
    while let Some((at, road)) = roads.pop() {
        if at == to {
            return Some(road);
        }
        for edge in edges.iter().filter(|edge| edge.from == at) {
            if !seen.contains(&edge.to) {
                seen.push(edge.to);
                roads.push((edge.to, road.iter().copied().chain([edge]).collect()));
            }
        }
    }
    None
}
