//! What the tests of the language share: a text checked, its reports rendered.

use cluec::diag::render::{Look, report_as};
use cluec::diag::{Diags, Sources};
use cluec::model::{Checked, Program};
use std::path::{Path, PathBuf};

/// A text or file, checked.
pub struct Text {
    pub sources: Sources,
    pub program: Program,
    pub diags: Diags,
}

/// Checks a text that stands in the folder `models/`, so that it may `use "cluenet.clue"`.
pub fn check(text: &str) -> Text {
    check_with(text, &[])
}

/// The same, with `--set` arguments.
pub fn check_with(text: &str, sets: &[&str]) -> Text {
    let mut sources = Sources::default();
    let sets: Vec<_> = sets.iter().map(|set| (*set).into()).collect();
    let name = root().join("models/text.clue").display().to_string();
    let (program, diags) = cluec::compile_text(&mut sources, &name, text, &sets);
    Text { sources, program, diags }
}

/// Checks a file.
pub fn check_file(path: &Path) -> Text {
    check_file_with(path, &[])
}

/// The same, changed by `sets`.
pub fn check_file_with(path: &Path, sets: &[&str]) -> Text {
    let mut sources = Sources::default();
    let sets: Vec<_> = sets.iter().map(|set| (*set).into()).collect();
    let (program, diags) = cluec::compile(&mut sources, &path.display().to_string(), &sets);
    Text { sources, program, diags }
}

/// The repository: where this was built or, carried to another machine, where it is run.
pub fn root() -> PathBuf {
    let built = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    if built.is_dir() { built } else { PathBuf::from(".") }
}

impl Text {
    /// Every report, without the folders of this machine.
    pub fn reports(&self) -> String {
        let reports: Vec<String> =
            self.diags.0.iter().map(|d| report_as(d, &self.sources, Look::PLAIN)).collect();
        let here = format!("{}/", root().display());
        reports.join("\n").replace(&here, "").replace("tests/wrong/", "")
    }

    /// The codes of all reports, in order.
    pub fn codes(&self) -> Vec<&str> {
        self.diags.0.iter().map(|d| d.code).collect()
    }

    /// The text has nothing against it.
    #[track_caller]
    pub fn clean(self) -> Text {
        assert!(self.diags.0.is_empty(), "{}", self.reports());
        self
    }

    /// The text has nothing against it but parameters that never learn, as some published models have.
    #[track_caller]
    pub fn clean_but_frozen(mut self) -> Text {
        self.diags.0.retain(|d| d.code != "W0502");
        self.clean()
    }

    #[track_caller]
    pub fn model(&self, name: &str) -> &Checked {
        let model = self.program.models.iter().find(|model| model.name == name);
        model.unwrap_or_else(|| panic!("no model `{name}`\n{}", self.reports()))
    }

    /// The hash of a model's graph.
    #[track_caller]
    pub fn hash(&self, name: &str) -> String {
        let graph = self.model(name).graph.as_ref();
        graph.unwrap_or_else(|| panic!("no graph\n{}", self.reports())).hash()
    }
}
