//! The cluster mixer: centers gather from the pixels, every pixel picks its center, and the centers
//! return to the pixels (paper section 3.2; cluenet.md section 5).

use crate::diag::{Diagnostic, Spanned};
use crate::graph::ops::{AdaptivePool, Assign, Attend, Blend, Dispatch, Form, Gate, Linear, Score};
use crate::graph::{Builder, Choice, Size, Value, area, times};
use crate::schema::{Count, Positive};
use crate::schema::{block, choice, slot};

block! {
    /// Attention by cosine over a learnable temperature.
    pub struct Cosine = "cosine" {
        /// the temperature training begins with
        start: Positive = "2.13",
        /// the temperature never falls below it
        floor: Positive = "1e-4",
    }
}

block! {
    /// Attention by dot product over the square root of the head width.
    pub struct Dot = "dot" {}
}

slot! {
    /// How every center gathers from all pixels.
    pub enum Refine = "refine" { Cosine(Cosine), Dot(Dot), }
}

choice! {
    /// How a refined center takes in the pooled, local one.
    pub enum Fuse {
        /// By equal weights.
        Fixed = "fixed",
        /// By weights a small perceptron gives each center and head.
        Gate = "gate",
    }
}

choice! {
    /// What pixels are compared with.
    pub enum Query {
        /// A linear map of the fused centers, head by head.
        Heads = "heads",
        /// The same, all heads as one.
        Joint = "joint",
        /// A linear map of the pooled keys.
        Pooled = "pooled",
        /// The pooled keys themselves.
        Centers = "centers",
    }
}

choice! {
    /// How many centers a pixel belongs to.
    pub enum Assigning {
        /// To the most similar.
        Hard = "hard",
        /// To all, by their similarities.
        Soft = "soft",
    }
}

choice! {
    /// Who assigns.
    pub enum Sharing {
        /// The first block of a stage, for all its blocks.
        Shared = "shared",
        /// Every block for itself.
        Private = "private",
    }
}

block! {
    /// Clusters: centers on a grid gather from the pixels and return to them.
    pub struct Cluster = "cluster" {
        /// centers, rows x columns
        grid: Size,
        /// heads, each with its own assignment
        heads: Count,
        /// channels of a head
        head_width: Count,
        /// how every center gathers from all pixels
        refine: Option<Refine> = "cosine",
        /// how it takes in the pooled, local center
        fuse: Option<Fuse> = "gate",
        /// what pixels are compared with
        query: Query = "heads",
        /// to one center or to all
        assign: Assigning = "hard",
        /// whether the blocks of a stage share one assignment
        dispatch: Sharing = "shared",
    }
}

impl Cluster {
    pub fn lower(
        &self,
        b: &mut Builder,
        x: Value,
        width: usize,
        shared: &mut Option<Value>,
    ) -> Value {
        let Some(channels) = self.check(b, x) else {
            return b.unknown("project");
        };
        let conv = |out| Linear { out, form: Form::Conv1x1 };
        let pool = AdaptivePool { grid: *self.grid, hooks: 2 };
        let key = b.push("key", "k", conv(channels), &[x]);
        let value = b.push("value", "v", conv(channels), &[x]);
        let pooled_key = b.push("pooled_key", "", pool.clone(), &[key]);
        let pooled_value = b.push("pooled_value", "", pool, &[value]);
        let centers = self.centers(b, [pooled_key, pooled_value], key, value);

        let assignment = match *shared {
            Some(assignment) if *self.dispatch == Sharing::Shared => assignment,
            _ => self.assignment(b, centers, pooled_key, key, channels),
        };
        if *self.dispatch == Sharing::Shared {
            *shared = Some(assignment);
        }
        b.tap("", assignment);
        let mixed = b.push("dispatch", "", Dispatch, &[assignment, centers]);
        let out = b.push("project", "proj", conv(width), &[mixed]);
        b.tap("", out);
        out
    }

    /// The centers after refinement and fusion, `[B, gh, gw, A]`.
    fn centers(&self, b: &mut Builder, pooled: [Value; 2], key: Value, value: Value) -> Value {
        let [pooled_key, pooled_value] = pooled;
        let heads = self.heads.value.0;
        let score = match &self.refine.value {
            None => return pooled_value,
            Some(Refine::Cosine(kind)) => {
                Score::Cosine { start: kind.start.value.0, floor: kind.floor.value.0 }
            }
            Some(Refine::Dot(_)) => Score::Dot,
        };
        let attend = Attend { heads, score };
        let refined = b.push("attend", "", attend, &[pooled_key, key, value]);
        match *self.fuse {
            None => refined,
            Some(Fuse::Fixed) => b.push("fuse", "", Blend, &[refined, pooled_value]),
            Some(Fuse::Gate) => b.push("gate", "gate", Gate { heads }, &[refined, pooled_value]),
        }
    }

    fn assignment(
        &self,
        b: &mut Builder,
        centers: Value,
        pooled_key: Value,
        key: Value,
        channels: usize,
    ) -> Value {
        let dense = Linear { out: channels, form: Form::Dense };
        let query = match *self.query {
            Query::Heads | Query::Joint => b.push("query", "q", dense, &[centers]),
            Query::Pooled => b.push("query", "q", dense, &[pooled_key]),
            Query::Centers => pooled_key,
        };
        let heads = if *self.query == Query::Joint { 1 } else { self.heads.value.0 };
        let choice = match *self.assign {
            Assigning::Hard => Choice::Hard,
            Assigning::Soft => Choice::Soft,
        };
        b.push("assign", "", Assign { heads, choice }, &[query, key])
    }

    /// What the settings promise one another; the channels of all heads together.
    fn check(&self, b: &mut Builder, x: Value) -> Option<usize> {
        if self.refine.is_none()
            && let Some(fuse) = *self.fuse
        {
            let word = if fuse == Fuse::Gate { "gate" } else { "fixed" };
            b.diags.push(
                Diagnostic::error(
                    "E0504",
                    format!(
                        "{word} weighs the pooled center against a refined one, and nothing refines"
                    ),
                )
                .at(self.refine.span, "nothing refines")
                .at(self.fuse.span, "weighs a refined center")
                .help("add `mixer.fuse off`"),
            );
            return None;
        }
        if *self.fuse == Some(Fuse::Gate) && self.head_width.value.0 < 2 {
            b.diags.push(
                Diagnostic::error("E0505", "a gate needs heads of width 2 or more")
                    .at(self.head_width.span, "too narrow")
                    .at(self.fuse.span, "asked for here"),
            );
            return None;
        }
        if let Some((map, _)) = b.ty(x).as_map() {
            self.check_grid(b, map);
        }
        let channels = self.heads.value.0.checked_mul(self.head_width.value.0);
        let fits = channels.filter(|c| *c <= 1 << 20);
        if fits.is_none() {
            b.diags.push(
                Diagnostic::error(
                    "E0506",
                    "heads times head width is more than a million channels",
                )
                .at(self.heads.span, "so many heads")
                .at(self.head_width.span, "so wide"),
            );
        }
        fits
    }

    fn check_grid(&self, b: &mut Builder, map: Size) {
        let Spanned { value: grid, span } = self.grid;
        // As published, bins repeat when a side of the grid exceeds twice the map's minus one.
        if (0..2).any(|axis| grid[axis] > 2 * map[axis] - 1) {
            let message = format!(
                "a {} grid on a {} map repeats centers: {} for {} pixels",
                times(grid),
                times(map),
                area(grid),
                area(map)
            );
            b.diags.push(
                Diagnostic::warning("W0501", message)
                    .at(span, "larger than the map")
                    .help(format!("at most {} tells centers apart", times(map))),
            );
        }
    }
}
