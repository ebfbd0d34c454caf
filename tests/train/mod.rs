//! Training: that it does what its recipe says, and that nothing is lost on the way.

mod ablate;
mod bench;
mod bounds;
mod checkpoint;
mod curves;
mod disk;
mod evaluate;
mod faults;
mod gradients;
mod kill;
mod malformed;
mod places;
mod precision;
mod recipe;
mod rehearsal;
mod resume;
mod room;
mod runs;
mod schedule;
mod sizes;
mod streams;
mod torch;
mod verbs;
mod watching;

use cluec::diag::Sources;
use cluec::model::Checked;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Trains in a second: 7 steps in each of 4 epochs, the last batch of an epoch a small one.
pub const TINY: &str = include_str!("tiny.clue");

/// The only model of a text.
pub fn model(text: &str, sets: &[&str]) -> Checked {
    let sets: Vec<_> = sets.iter().map(|set| (*set).into()).collect();
    let (program, diags) = cluec::compile_text(&mut Sources::default(), "test.clue", text, &sets);
    assert!(!diags.has_errors(), "{diags:?}");
    program.models.into_iter().next().unwrap()
}

/// A folder with `tiny.clue` in it, in which the program runs.
pub struct Bench(tempfile::TempDir);

impl Bench {
    pub fn new() -> Bench {
        let bench = Bench(tempfile::tempdir().unwrap());
        std::fs::write(bench.path("tiny.clue"), TINY).unwrap();
        bench
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// `cluec ARGUMENTS`, the arguments apart by blanks, not started yet: the program built with the tests, or
    /// where these run elsewhere the one that `CLUEC_PROGRAM` names.
    pub fn command(&self, arguments: &str) -> Command {
        let told = std::env::var_os("CLUEC_PROGRAM");
        let program = told.unwrap_or_else(|| env!("CARGO_BIN_EXE_cluec").into());
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace()).current_dir(self.0.path());
        command
    }

    pub fn run(&self, arguments: &str) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// Runs what must go well.
    pub fn fine(&self, arguments: &str) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments}\n{}{}", ran.out, ran.err);
        ran
    }

    /// The metrics of a run without what depends on the clock.
    pub fn metrics(&self, run: &str) -> String {
        timeless(&std::fs::read_to_string(self.path(run).join("metrics.jsonl")).unwrap())
    }

    /// Two runs left the same: weights, optimizer, metrics.
    pub fn assert_same(&self, one: &str, other: &str) {
        assert_eq!(self.metrics(one), self.metrics(other), "{one} and {other}");
        for file in ["last.safetensors", "best.safetensors", "model.clue", "graph.txt"] {
            let read = |run: &str| std::fs::read(self.path(run).join(file)).unwrap();
            assert!(read(one) == read(other), "{file} of {one} and {other}");
        }
    }
}

pub fn timeless(metrics: &str) -> String {
    let lines = metrics.lines().map(|line| {
        let mut record: serde_json::Value = serde_json::from_str(line).expect(line);
        record.as_object_mut().unwrap().remove("images_per_second");
        format!("{record}\n")
    });
    lines.collect()
}

/// What a command said and how it ended.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}
