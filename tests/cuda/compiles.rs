//! Every kernel compiles by NVRTC, which needs no GPU, as the published models specialize it.

use cluec::exec::cuda::compile::Compiler;
use cluec::exec::cuda::kernels::adaptive_pool::AdaptivePool;
use cluec::exec::cuda::kernels::maps::Maps;
use cluec::exec::cuda::kernels::*;
use cluec::exec::cuda::library::Library;
use cluec::exec::cuda::product::Dense;
use cluec::exec::cuda::tape::{Command, Pointer, Precision, Source, Tape, Unit};
use cluec::graph::Size;

const SOURCES: [&Source; 13] = [
    &adamw::SOURCE,
    &assign::SOURCE,
    &attend::SOURCE,
    &cluster_mean::SOURCE,
    &conv::SOURCE,
    &depthwise::SOURCE,
    &dispatch::SOURCE,
    &elementwise::SOURCE,
    &gate::SOURCE,
    &layer_norm::SOURCE,
    &loss::SOURCE,
    &maps::SOURCE,
    &nearest::SOURCE,
];

const NULL: Pointer = Pointer::NULL;

/// Everything a stage of a model launches: map, channels, heads, head width, grid and what the
/// perceptron widens by.
fn stage(
    tape: &mut Tape,
    size: Size,
    channels: usize,
    heads: [usize; 2],
    grid: Size,
    ratio: usize,
) {
    let (images, pixels, centers) = (2, size[0] * size[1], grid[0] * grid[1]);
    let [heads, width] = heads;
    let rows = images * pixels;
    let maps = Maps { images, size, channels };
    let inner = Maps { images, size, channels: heads * width };
    let op = layer_norm::LayerNorm { rows, width: channels };
    op.forward(tape, NULL, NULL, NULL, NULL);
    op.backward(tape, [NULL; 3], [NULL; 3], NULL);
    let op = AdaptivePool { maps: inner, grid };
    op.forward(tape, NULL, NULL);
    op.backward(tape, NULL, NULL);
    for score in [attend::Score::Cosine { floor: 0.0 }, attend::Score::Dot] {
        let op = attend::Attend { images, centers, pixels, heads, width, score };
        let none = attend::Operands { centers: NULL, keys: NULL, values: NULL, temperature: NULL };
        op.forward(tape, &none, NULL, NULL);
        op.backward(tape, &none, [NULL; 3], &none, NULL);
    }
    let op = gate::Gate { rows: images * centers, heads, width, hidden: width / 2 };
    op.forward(tape, [NULL; 2], [NULL; 4], NULL);
    op.backward(tape, [NULL; 3], [NULL; 4], [NULL; 2], [NULL; 4], NULL);
    let op = assign::Assign { images, centers, pixels, heads, width };
    let none = assign::Operands { queries: NULL, keys: NULL, alpha: NULL, beta: NULL };
    op.hard(tape, &none, NULL, NULL);
    op.hard_backward(tape, &none, [NULL; 3], &none, NULL);
    op.soft(tape, &none, NULL);
    op.soft_backward(tape, &none, NULL, &none, NULL);
    let op = dispatch::Dispatch { images, centers, pixels, heads, width };
    op.hard(tape, [NULL; 2], NULL, NULL);
    op.hard_backward(tape, [NULL; 2], [NULL; 2], [NULL; 2]);
    op.soft(tape, NULL, NULL, NULL);
    op.soft_backward(tape, [NULL; 3], [NULL; 2]);
    let (hidden, out) = (channels * ratio, channels);
    let op = ffn::Ffn { maps, hidden, out, kernel: Some([3, 3]), chunk: None };
    let layers = ffn::Layers { expand: [NULL; 2], depthwise: Some([NULL; 2]), contract: [NULL; 2] };
    op.forward(tape, NULL, &layers, NULL, NULL);
    op.backward(tape, [NULL; 2], Some(NULL), &layers, &layers, NULL);
    let half = size.map(|n| n / 2);
    let op = nearest::Nearest { maps, grid: half };
    op.forward(tape, NULL, NULL, NULL);
    let op = cluster_mean::ClusterMean { maps, grid: half };
    op.forward(tape, NULL, NULL, NULL);
    op.backward(tape, [NULL; 2], NULL, NULL);
    let op = conv::Conv { maps, out: 2 * channels, kernel: [3, 3], stride: 2, pad: 1 };
    op.forward(tape, [NULL; 3], NULL, NULL);
    op.backward(tape, [NULL; 3], Some(NULL), [NULL; 2], NULL);
    elementwise::add(tape, NULL, NULL, NULL, 1.0, rows * channels);
    let op = elementwise::DropPath { images, size: pixels * channels };
    op.residual(tape, [NULL; 2], NULL, NULL);
}

/// What stands before and after the stages.
fn ends(tape: &mut Tape, size: Size, channels: usize) {
    let maps = Maps { images: 2, size, channels };
    maps.coordinates(tape, NULL, NULL);
    maps.mean(tape, NULL, NULL);
    elementwise::narrow(tape, NULL, NULL, 7);
    linear::Linear(Dense { rows: 2, input: channels, output: 100 })
        .backward(tape, [NULL; 3], None, [NULL; 2], NULL);
    loss::CrossEntropy { images: 2, classes: 100 }.forward(tape, NULL, NULL, NULL);
    let op = adamw::AdamW { n: 1000, beta1: 0.9, beta2: 0.999, eps: 1e-8, clip: Some(1.0) };
    let state = adamw::State {
        parameters: NULL,
        first: NULL,
        second: NULL,
        gradients: NULL,
        copy: NULL,
        decays: NULL,
        step: NULL,
    };
    op.step(tape, &state, NULL);
}

/// The stages of the CIFAR model and of `tiny`.
fn units(precision: Precision) -> Vec<Unit> {
    let mut tape = Tape::new(precision);
    ends(&mut tape, [32, 32], 3);
    for (i, (channels, heads)) in [(32, 1), (64, 2), (160, 5), (256, 8)].into_iter().enumerate() {
        let ratio = if i < 2 { 8 } else { 4 };
        stage(&mut tape, [32 >> i; 2], channels, [heads, 32], [4, 4], ratio);
    }
    for (i, (channels, heads)) in [(32, 4), (64, 4), (196, 8), (320, 8)].into_iter().enumerate() {
        let ratio = if i < 2 { 8 } else { 4 };
        stage(&mut tape, [56 >> i; 2], channels, [heads, 24], [7, 7], ratio);
    }
    // Products are no kernels of ours.
    assert!(tape.commands.iter().any(|command| matches!(command, Command::Product(_))));
    tape.units()
}

#[test]
fn every_kernel_compiles() {
    if let Err(error) = Library::Nvrtc.find() {
        println!("{error}: skipped");
        return;
    }
    let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernels");
    for precision in [Precision::F32, Precision::Bf16] {
        let units = units(precision);
        for source in SOURCES {
            assert!(units.iter().any(|unit| unit.source == source), "{} is not seen", source.name);
        }
        // The older architecture sees one of each; the newer one all.
        let mut few = units.clone();
        few.dedup_by_key(|unit| unit.source.name);
        for (architecture, units) in [(90, &units), (80, &few)] {
            let compiler = Compiler::new(architecture, Some(cache.clone())).unwrap();
            let codes = compiler.compile_all(units).unwrap();
            assert!(codes.iter().all(|code| code.starts_with(b"\x7fELF")));
        }
    }
}

#[test]
fn the_cache_mends_itself() {
    if let Err(error) = Library::Nvrtc.find() {
        println!("{error}: skipped");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let compiler = Compiler::new(90, Some(folder.path().join("deep"))).unwrap();
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
    let blocked = Compiler::new(90, Some(entry.join("below"))).unwrap();
    assert_eq!(blocked.compile(&unit).unwrap(), code);
    let wrong = Unit::new(&loss::SOURCE, &[("BF16", 0)]);
    let message = compiler.compile(&wrong).unwrap_err().to_string();
    assert!(message.contains("loss.cu(") && message.contains("THREADS"), "{message}");
}
