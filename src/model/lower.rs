//! A model to its graph: the order of the parts; what a part is made of is its block's business.

use super::settings::{Settings, Stage};
use super::{gather, inputs};
use crate::blocks::{Mixer, ODD_MAP};
use crate::diag::{Diagnostic, Fix, Help};
use crate::graph::ops::{Add, DropPath, Input, Scale};
use crate::graph::{Builder, Graph, Size, Type, Value, area};

/// Pixels of an image, at most: counts stay far from overflow.
const MAX_PIXELS: u64 = 1 << 28;

/// The graph of a model, with what its shapes say against it.
pub fn lower(settings: &Settings) -> (Graph, Vec<Diagnostic>) {
    let (graph, mut found) = build(settings, *settings.whole.input);
    for diagnostic in found.iter_mut().filter(|d| d.code == ODD_MAP) {
        let nearest = inputs::nearest(*settings.whole.input, |size| fits(settings, size));
        diagnostic.help = inputs::help(&nearest).map(Help::from).or(diagnostic.help.take());
        let span = settings.whole.input.span;
        diagnostic.fixes =
            nearest.into_iter().map(|text| Fix { span, text, reads: None }).collect();
    }
    (graph, found)
}

/// Images of this size pass through the embedding and every pool.
fn fits(settings: &Settings, size: Size) -> bool {
    let mut bare = settings.clone();
    for (_, stage) in &mut bare.stages {
        (stage.mixer.value, stage.ffn.value) = (None, None);
    }
    !build(&bare, size).1.iter().any(Diagnostic::is_error)
}

fn build(settings: &Settings, size: Size) -> (Graph, Vec<Diagnostic>) {
    let mut b = Builder::new();
    // What was found, and in which stage.
    let mut found = Vec::new();
    let mut hear = |b: &mut Builder, stage: Option<usize>| {
        found.extend(b.diags.0.drain(..).map(|diagnostic| (stage, diagnostic)));
    };
    let whole = &settings.whole;
    if area(size) > MAX_PIXELS {
        b.diags.push(
            Diagnostic::error("E0507", "the images are larger than 268 million pixels")
                .at(whole.input.span, "too large"),
        );
    }
    let input = Input { size };
    let mut x = b.at(whole.input.span, |b| b.push("input", "", input, &[]));
    let first_width = settings.stages[0].1.width.value.0;
    x = b.at(whole.embed.span, |b| whole.embed.lower(b, x, first_width));
    hear(&mut b, None);

    let total: usize = settings.stages.iter().map(|(_, stage)| blocks(stage)).sum();
    let mut position = 0;
    // The published code numbers stages and pools in one list.
    let mut module = 0;
    for (index, (number, stage)) in settings.stages.iter().enumerate() {
        let name = format!("stage{number}");
        if index > 0
            && let Some(pool) = &stage.pool.value
        {
            x = b.scope(&name, &format!("network.{module}"), |b| {
                b.at(stage.pool.span, |b| {
                    b.scope("pool", "", |b| pool.lower(b, x, stage.width.value.0))
                })
            });
            module += 1;
        }
        if !check_width(&mut b, stage, x) {
            x = b.unknown(&name);
        }
        x = b.scope(&name, &format!("network.{module}"), |b| {
            let mut shared = None;
            let around = stage.mixer.as_ref().map_or("blocks", Mixer::blocks_module);
            for block in 0..blocks(stage) {
                let rate = drop_rate(whole.drop_path.value.0, position, total);
                position += 1;
                let published = match around {
                    "" => block.to_string(),
                    around => format!("{around}.{block}"),
                };
                x = b.scope(&format!("block{}", block + 1), &published, |b| {
                    let out = lower_block(b, stage, x, rate, &mut shared);
                    b.tap("", out);
                    out
                });
            }
            b.tap("", x);
            x
        });
        module += 1;
        hear(&mut b, Some(*number));
    }
    let head = |b: &mut Builder| whole.head.lower(b, x, whole.classes.value.0);
    let logits = b.at(whole.head.span, |b| b.scope("head", "", head));
    hear(&mut b, None);
    let (graph, _) = b.finish(&settings.name, logits);
    let all: Vec<usize> = settings.stages.iter().map(|(number, _)| *number).collect();
    (graph, gather::by_stage(found, &all))
}

fn blocks(stage: &Stage) -> usize {
    stage.blocks.as_ref().map_or(0, |count| count.0)
}

/// Rises linearly from 0 at the first block to the rate at the last.
fn drop_rate(rate: f64, position: usize, total: usize) -> f64 {
    if total > 1 { rate * position as f64 / (total - 1) as f64 } else { 0.0 }
}

/// `x + drop(scale(mixer(norm(x))))`, then `x + drop(scale(ffn(norm(x))))`.
fn lower_block(
    b: &mut Builder,
    stage: &Stage,
    x: Value,
    rate: f64,
    shared: &mut Option<Value>,
) -> Value {
    let width = stage.width.value.0;
    let mut x = x;
    if let Some(mixer) = &stage.mixer.value {
        let u = b.at(stage.norm.span, |b| stage.norm.lower(b, "mixer_norm", "norm1", x));
        let mixed = b.at(stage.mixer.span, |b| {
            b.scope("mixer", "token_mixer", |b| mixer.lower(b, u, width, shared))
        });
        let mixed = scaled(b, stage, "mixer", "layer_scale_1", mixed);
        x = residual(b, "mixer", x, mixed, rate);
    }
    if let Some(ffn) = &stage.ffn.value {
        let u = b.at(stage.norm.span, |b| stage.norm.lower(b, "ffn_norm", "norm2", x));
        let out = b.at(stage.ffn.span, |b| b.scope("ffn", "mlp", |b| ffn.lower(b, u, width)));
        let out = scaled(b, stage, "ffn", "layer_scale_2", out);
        x = residual(b, "ffn", x, out, rate);
    }
    x
}

fn scaled(b: &mut Builder, stage: &Stage, part: &str, published: &str, branch: Value) -> Value {
    let Some(start) = stage.layer_scale.value else { return branch };
    let scale = Scale { start: start.0 };
    b.at(stage.layer_scale.span, |b| b.push(&format!("{part}_scale"), published, scale, &[branch]))
}

fn residual(b: &mut Builder, part: &str, x: Value, branch: Value, rate: f64) -> Value {
    let branch = if rate > 0.0 {
        let site = b.next_site();
        b.push(&format!("{part}_drop_path"), "", DropPath { rate, site }, &[branch])
    } else {
        branch
    };
    b.push(&format!("{part}_add"), "", Add, &[x, branch])
}

/// Only a pool changes the width between stages.
fn check_width(b: &mut Builder, stage: &Stage, x: Value) -> bool {
    let width = stage.width.value.0;
    if let Type::Tensor(_) = b.ty(x)
        && let Some(channels) = b.ty(x).channels()
        && channels != width
    {
        let diagnostic = Diagnostic::error(
            "E0508",
            format!("a map {channels} wide enters a stage {width} wide"),
        )
        .at(stage.width.span, format!("{width} here"))
        .at(stage.pool.span, "no pool changes the width")
        .help("give the stage a pool, or the width of the stage before it");
        b.diags.push(diagnostic);
        return false;
    }
    true
}
