//! Every kernel compiles by NVRTC, which needs no GPU, as published models specialize it. A binary of its
//! own: in the other one NVRTC may be emulated.
#![cfg(all(feature = "cuda", feature = "train"))]
#![allow(clippy::unwrap_used)]

use cluec::diag::Sources;
use cluec::exec::cuda::compile::{Compiler, Compiling};
use cluec::exec::cuda::kernels::*;
use cluec::exec::cuda::library::Library;
use cluec::exec::cuda::tape::{Command, Pointer, Precision, Source, Tape, Unit};
use cluec::exec::cuda::walk::{End, Weights, walk};
use cluec::passes::{Method, Processor};
use cluec::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const SOURCES: [&Source; 20] = [
    &assign::SOURCE,
    &attend::SOURCE,
    &cluster_mean::SOURCE,
    &conv::SOURCE,
    &depthwise::SOURCE,
    &dispatch::SOURCE,
    &elementwise::SOURCE,
    &gate::SOURCE,
    &group_norm::SOURCE,
    &layer_norm::SOURCE,
    &loss::SOURCE,
    &maps::SOURCE,
    &nearest::SOURCE,
    &reduce::SOURCE,
    &reread::SOURCE,
    &scale::SOURCE,
    &update::SOURCE,
    &view::SOURCE,
    &windowed::CENTERS,
    &windowed::SOURCE,
];

/// What a model's training step has compiled.
fn units(model: &str, sets: &[&str], precision: Precision) -> Vec<Unit> {
    step(model, sets, precision, 128).units()
}

/// A model's training step.
fn step(model: &str, sets: &[&str], precision: Precision, batch: usize) -> Tape {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("models/{model}.clue"))
        .display()
        .to_string();
    let sets: Vec<_> = sets.iter().map(|set| (*set).into()).collect();
    let (program, diags) = cluec::compile(&mut Sources::default(), &file, &sets);
    assert!(!diags.has_errors(), "{diags:?}");
    let graph = program.models[0].graph.clone().unwrap();
    let plan = Plan::training_by(&graph, Method::default(), Processor::Gpu);
    let weights = Weights::new(&plan.graph, precision, 1, Pointer(0));
    walk(&plan, batch, precision, &weights, Pointer(0), End::Move).1
}

/// A launch costs a few microseconds whatever it does: how many there are is worth knowing.
#[test]
fn launches_of_a_step() {
    let tape = step("cluenet_cifar", &[], Precision::Bf16, 256);
    let mut counts = BTreeMap::<&str, usize>::new();
    for command in &tape.commands {
        let name = match command {
            Command::Launch(launch) => launch.entry,
            Command::Product(_) => "product",
        };
        *counts.entry(name).or_default() += 1;
    }
    let mut rows: Vec<(&str, usize)> = counts.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    rows.insert(0, ("in all", tape.commands.len()));
    let rows: Vec<String> = rows.iter().map(|(name, count)| format!("{count:>5} {name}")).collect();
    insta::assert_snapshot!(rows.join("\n"));
}

/// What makes batches out of images that are held.
fn views() -> Vec<Unit> {
    let mut tape = Tape::new(Precision::Bf16);
    let kernel = view::View { stored: [32, 32], shown: [32, 32], images: 128 };
    kernel.forward(&mut tape, [Pointer(0); 3], Pointer(0));
    tape.units()
}

/// One unit of every source.
fn one_each(units: &[Unit]) -> Vec<Unit> {
    let of = |source: &Source| units.iter().find(|unit| unit.source == source).cloned();
    SOURCES.iter().filter_map(|source| of(source)).collect()
}

/// Whether there is a compiler; said once if not.
fn available() -> bool {
    match Library::Nvrtc.find() {
        Ok(_) => true,
        Err(error) => {
            println!("{error}: skipped");
            false
        }
    }
}

/// A compiler that keeps what it compiles in a folder.
fn kept_in(architecture: u32, cache: PathBuf) -> Compiler {
    Compiler::new(architecture, Compiling { cache: Some(cache), ..Compiling::default() }).unwrap()
}

fn compile(architecture: u32, units: &[Unit]) {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernels");
    let compiler = kept_in(architecture, cache);
    let codes = compiler.compile_all(units).unwrap();
    assert_eq!(codes.len(), units.len());
    assert!(codes.iter().all(|code| code.starts_with(b"\x7fELF")));
}

#[test]
fn every_kernel_compiles() {
    if !available() {
        return;
    }
    let mut all = units("cluenet_cifar", &[], Precision::Bf16);
    all.extend(views());
    for model in ["coc_cifar", "clusterformer_cifar"] {
        let mut others = one_each(&units(model, &[], Precision::Bf16));
        others.retain(|unit| !all.contains(unit));
        all.extend(others);
    }
    assert_eq!(one_each(&all).len(), SOURCES.len(), "a source is not seen");
    compile(90, &all);
    compile(80, &one_each(&all));
    let dots = one_each(&units("cluenet_cifar", &["mixer.refine=dot"], Precision::F32));
    compile(90, &dots);
    // Means over pixels that belong to every center a little.
    let sets = ["mixer.assign=soft", "mixer.query=refined", "mixer.regroup=weighted"];
    let mut soft = units("cluenet_cifar", &sets, Precision::Bf16);
    soft.retain(|unit| unit.constants.contains(&("SOFT", 1)));
    soft.truncate(1);
    compile(90, &soft);
    // What kernels are told apart by is compiled both ways.
    let compiled = all.iter().chain(&dots).chain(&soft);
    let constants: BTreeSet<_> = compiled.flat_map(|unit| unit.constants.clone()).collect();
    for name in ["COSINE", "SOFT", "OWN"] {
        assert!([0, 1].iter().all(|&value| constants.contains(&(name, value))), "{name}");
    }
    // Heads so wide that few centers fit into a block's memory.
    let wide = units("cluenet_base", &["mixer.query=joint"], Precision::Bf16);
    let widest = |source: &'static Source| {
        let width = |unit: &Unit| unit.constants.iter().find(|(name, _)| *name == "D").unwrap().1;
        wide.iter().filter(|unit| unit.source == source).max_by_key(|unit| width(unit)).cloned()
    };
    compile(90, &[&assign::SOURCE, &attend::SOURCE].map(|source| widest(source).unwrap()));
    compile(90, &one_each(&units("cluenet_cifar", &[], Precision::F16)));
}

#[test]
#[ignore = "minutes of compiling"]
fn every_specialization_compiles() {
    if !available() {
        return;
    }
    for precision in [Precision::F32, Precision::Bf16, Precision::F16] {
        for model in ["cluenet_cifar", "cluenet_micro", "cluenet_tiny", "cluenet_small"] {
            compile(90, &units(model, &[], precision));
        }
    }
}

#[test]
fn the_cache_mends_itself() {
    if !available() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let compiler = kept_in(90, folder.path().join("deep"));
    let unit = Unit::new(&loss::SOURCE, &[("THREADS", 256), ("BF16", 0)]);
    let code = compiler.compile(&unit).unwrap();
    let entries = || std::fs::read_dir(folder.path().join("deep")).unwrap().flatten();
    assert_eq!(entries().count(), 1);
    let entry = entries().next().unwrap().path();
    let kept = std::fs::read(&entry).unwrap();
    std::fs::write(&entry, &kept[..kept.len() / 2]).unwrap();
    assert_eq!(compiler.compile(&unit).unwrap(), code);
    assert_eq!(std::fs::read(&entry).unwrap(), kept);
    // A cache that can not be written is none, and an error names the file and the place.
    let blocked = kept_in(90, entry.join("below"));
    assert_eq!(blocked.compile(&unit).unwrap(), code);
    let wrong = Unit::new(&loss::SOURCE, &[("BF16", 0)]);
    let message = compiler.compile(&wrong).unwrap_err().to_string();
    assert!(message.contains("loss.cu(") && message.contains("THREADS"), "{message}");
}
