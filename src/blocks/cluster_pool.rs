//! Pooling by clusters, beside a strided convolution: every pixel joins the most similar of the
//! pooled pixels around it, and every one of these becomes the mean of itself and its pixels.
//!
//! The kinds are one pool with other defaults: improved cluster pooling of CLUENet (paper section
//! 3.3; cluenet.md section 6) and the pooling of FEC (families.md section 2.4).

use super::{Norm, normed, windows_divide};
use crate::diag::{Diagnostic, Help, Spanned};
use crate::graph::ops::{Add, ClusterMean, Conv, Form, Gelu, Linear, Nearest, Weighing, Windows};
use crate::graph::{Builder, Size, Value, times};
use crate::schema::Whole;
use crate::schema::{block, choice};

choice! {
    /// By what pixels are compared.
    pub enum Similarity {
        /// By the projection that is averaged.
        Shared = "shared",
        /// By a projection of their own, which no gradient ever reaches.
        Own = "own",
        /// As they are.
        Identity = "identity",
    }
}

choice! {
    /// When the map takes the width of the stage.
    pub enum Widen {
        /// Before the clusters are averaged, by the projection.
        Before = "before",
        /// After it, by the last layer.
        After = "after",
    }
}

/// Declares a kind with its own defaults.
macro_rules! cluster_pool {
    (
        $(#[doc = $doc:literal])*
        $name:ident = $word:literal {
            similarity $similarity:literal; widen $widen:literal; norm $norm:literal;
            layers $layers:literal
        }
    ) => {
        block! {
            $(#[doc = $doc])*
            pub struct $name = $word {
                /// by what pixels are compared
                similarity: Similarity = $similarity,
                /// whether the width changes before the clusters are averaged, or after
                widen: Widen = $widen,
                /// windows that pixels are compared within, rows x columns; 1x1 is the whole map
                windows: Size = "1x1",
                /// a norm of the averages
                norm: Option<Norm> = $norm,
                /// layers of the perceptron after pooling; all but the last keep the width
                layers: Whole = $layers,
                /// a norm after the perceptron
                norm_out: Option<Norm> = "off",
            }
        }

        impl $name {
            /// `[B, H, W, C] -> [B, H / 2, W / 2, width]`.
            pub fn lower(&self, b: &mut Builder, x: Value, width: usize) -> Value {
                let pool = ClusterPool {
                    similarity: self.similarity,
                    widen: self.widen,
                    windows: self.windows,
                    norm: &self.norm,
                    layers: self.layers,
                    norm_out: &self.norm_out,
                };
                pool.lower(b, x, width)
            }
        }
    };
}

cluster_pool! {
    /// Improved cluster pooling: halves the map by averaging clusters, beside a strided convolution.
    Icp = "icp" { similarity "shared"; widen "after"; norm "layer"; layers "2" }
}

cluster_pool! {
    /// The pooling of FEC: halves the map by averaging clusters that a projection of their own
    /// decides, beside a strided convolution.
    Fec = "fec" { similarity "own"; widen "before"; norm "group"; layers "0" }
}

/// More layers than any pool has.
const MAX_LAYERS: u64 = 64;

struct ClusterPool<'a> {
    similarity: Spanned<Similarity>,
    widen: Spanned<Widen>,
    windows: Spanned<Size>,
    norm: &'a Spanned<Option<Norm>>,
    layers: Spanned<Whole>,
    norm_out: &'a Spanned<Option<Norm>>,
}

impl ClusterPool<'_> {
    fn lower(&self, b: &mut Builder, x: Value, width: usize) -> Value {
        let conv = Conv { out: width, kernel: [3, 3], stride: 2, pad: 1 };
        let Some((map, channels)) = b.ty(x).as_map() else {
            return b.push("skip", "conv_skip", conv, &[x]);
        };
        if !self.check(b, map, channels, width) {
            return b.unknown("pool");
        }
        let skip = b.push("skip", "conv_skip", conv, &[x]);
        let before = *self.widen == Widen::Before;
        let inner = if before { width } else { channels };
        let linear = |out| Linear { out, form: Form::Conv1x1 };
        let compared = (*self.similarity == Similarity::Own)
            .then(|| b.push("similarity", "conv_f", linear(inner), &[x]));
        let features = match (*self.similarity, before) {
            (Similarity::Identity, false) => x,
            (Similarity::Shared, false) => b.push("features", "conv_f", linear(inner), &[x]),
            _ => b.push("features", "conv_v", linear(inner), &[x]),
        };
        let compared = match *self.similarity {
            Similarity::Identity => x,
            _ => compared.unwrap_or(features),
        };
        let grid = [map[0] / 2, map[1] / 2];
        let nearest = Nearest { grid, windows: Windows(*self.windows) };
        let nearest = b.push("nearest", "", nearest, &[compared]);
        b.tap("", nearest);
        let mean = ClusterMean { weighing: Weighing::Mean };
        let mut y = b.push("mean", "", mean, &[nearest, features]);
        y = normed(self.norm, b, "norm", if before { "norm2" } else { "norm1" }, y);
        let layers = self.layers.value.0;
        for layer in 1..=layers {
            let module = if before { "mlp" } else { "conv_v" };
            let published = format!("{module}.{}", 2 * (layer - 1));
            let out = if layer == layers { width } else { inner };
            y = b.push(&format!("layer{layer}"), &published, linear(out), &[y]);
            if layer < layers {
                y = b.push(&format!("gelu{layer}"), "", Gelu, &[y]);
            }
        }
        y = normed(self.norm_out, b, "norm_out", if before { "norm3" } else { "norm2" }, y);
        let out = b.push("add", "", Add, &[skip, y]);
        b.tap("", out);
        out
    }

    fn check(&self, b: &mut Builder, map: Size, channels: usize, width: usize) -> bool {
        if map.iter().any(|side| side % 2 == 1) {
            b.diags.push(odd(b, map));
            return false;
        }
        if self.layers.value.0 > MAX_LAYERS {
            b.diags.push(
                Diagnostic::error("E0320", format!("a pool has at most {MAX_LAYERS} layers"))
                    .at(self.layers.span, "too many"),
            );
            return false;
        }
        let kept = self.layers.value.0 == 0 && *self.widen == Widen::After;
        if kept && channels != width {
            b.diags.push(
                Diagnostic::error(
                    "E0515",
                    format!("nothing makes {width} channels of the {channels} that are averaged"),
                )
                .at(self.layers.span, "no layers")
                .at(self.widen.span, "the width changes after pooling")
                .help(Help::write("widen", "before").words(", or give the pool a layer")),
            );
            return false;
        }
        windows_divide(b, self.windows, [map[0] / 2, map[1] / 2], "the pooled map")
    }
}

fn odd(b: &Builder, map: Size) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(
        super::ODD_MAP,
        format!("this pool halves a {} map, which is odd", times(map)),
    );
    if let Some(span) = b.place() {
        diagnostic = diagnostic.at(span, "halves the map");
    }
    if let Some(span) = b.input_span() {
        diagnostic = diagnostic.at(span, "comes from here");
    }
    diagnostic
        .help("an input works if the map that the embedding makes of it divides by 2 for each pool")
}
