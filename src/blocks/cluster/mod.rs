//! The cluster mixer, in five steps: every pixel is projected; centers on a grid gather from the
//! pixels (refine); every pixel picks its center (assign); centers become the mean of their pixels
//! (regroup); centers return to the pixels (dispatch). Each step has its switches, and CLUENet (paper
//! section 3.2; cluenet.md section 5), Context-Cluster, FEC and ClusterFormer (families.md section 2)
//! are four settings of them.

mod check;
mod published;
mod space;
mod spare;

use crate::graph::ops::{
    AdaptivePool, Assign, Attend, Blend, ClusterMean, Dispatch, Form, Gate, Linear, Score, Weighing,
};
use crate::graph::{Builder, Choice, Size, Value};
use crate::schema::{Count, Positive};
use crate::schema::{block, choice, slot};
use space::{Order, Space};

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
    pub struct Dot = "dot" {
        /// how often centers gather, each time beginning with what they gathered before
        steps: Count = "1",
    }
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
    /// What centers attend by.
    pub enum Key {
        /// By the projection that pixels are compared by.
        Shared = "shared",
        /// By a projection of its own.
        Own = "own",
    }
}

choice! {
    /// What windows are cut from.
    pub enum Memory {
        /// From the map: a window is a rectangle of pixels.
        Plain = "plain",
        /// From the memory of a map stored channels first, as ClusterFormer's published code does: a
        /// window is a slice of channels.
        Raw = "raw",
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
        /// The refined, fused centers themselves.
        Refined = "refined",
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
    /// What a pixel counts in the mean of its center, above and below the fraction.
    pub enum Regroup {
        /// Its similarity, in both.
        Weighted = "weighted",
        /// One, in both.
        Mean = "mean",
        /// Its similarity above, one below.
        Mixed = "mixed",
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
        /// centers of the map or of each window, rows x columns
        grid: Size,
        /// heads, each with its own assignment
        heads: Count,
        /// channels of a head
        head_width: Count,
        /// windows that pixels and centers meet in, rows x columns; 1x1 is the whole map
        windows: Size = "1x1",
        /// what windows are cut from
        layout: Memory = "plain",
        /// what centers attend by
        key: Key = "shared",
        /// how every center gathers from all pixels
        refine: Option<Refine> = "cosine",
        /// how it takes in the pooled, local center
        fuse: Option<Fuse> = "gate",
        /// what pixels are compared with
        query: Query = "heads",
        /// to one center or to all
        assign: Assigning = "hard",
        /// whether centers become the mean of their pixels before they return
        regroup: Option<Regroup> = "off",
        /// whether the blocks of a stage share one assignment
        dispatch: Sharing = "shared",
        /// whether layers of the published module that nothing reads are kept as parameters
        spare: bool = "off",
    }
}

/// What of the mixer a block computes: nothing that is not read.
struct Steps {
    /// It makes an assignment, rather than take that of an earlier block.
    assigns: bool,
    /// Its centers gather from the pixels.
    refines: bool,
}

/// The projected pixels, and what centers are before they gather; none of what is not read.
struct Projected {
    /// What pixels are compared by.
    compared: Option<Value>,
    /// What centers attend by.
    key: Option<Value>,
    value: Value,
    pooled_key: Option<Value>,
    pooled_value: Option<Value>,
}

/// Attention gathers this often at most.
const MAX_STEPS: usize = 64;

impl Cluster {
    /// `[B, H, W, C] -> [B, H, W, width]`; `shared` is the assignment made earlier in the stage.
    pub fn lower(
        &self,
        b: &mut Builder,
        x: Value,
        width: usize,
        shared: &mut Option<Value>,
    ) -> Value {
        let Some(space) = self.check(b, x) else {
            // What later stages say of their own maps is told as well.
            return x;
        };
        b.tap("in", x);
        let given = shared.filter(|_| *self.dispatch == Sharing::Shared);
        let assigns = given.is_none();
        let refines = self.refine.is_some() && (self.regroup.is_none() || assigns);
        let steps = Steps { assigns, refines };
        self.spare(b, x, &space, &steps);

        let projected = self.project(b, x, &space, &steps);
        let centers = self.refine(b, &space, &projected);
        let assignment = given.unwrap_or_else(|| self.assignment(b, &space, &projected, centers));
        if *self.dispatch == Sharing::Shared {
            *shared = Some(assignment);
        }
        b.tap("", assignment);
        let centers = self.regroup(b, &space, &projected, assignment, centers);
        let mixed = b.push("dispatch", "", Dispatch, &[assignment, centers]);
        let mixed = space.restore(b, "restored", mixed);
        let out = Linear { out: width, form: Form::Conv1x1 };
        let out = b.push("project", self.names().project, out, &[mixed]);
        b.tap("", out);
        b.tap("out", out);
        out
    }

    /// Whether centers attend by a projection of their own.
    fn own_key(&self) -> bool {
        *self.key == Key::Own
    }

    fn project(&self, b: &mut Builder, x: Value, space: &Space, steps: &Steps) -> Projected {
        let Steps { assigns, refines } = *steps;
        let names = self.names();
        let project = |b: &mut Builder, name: &str, published: &str| {
            let layer = Linear { out: space.channels, form: Form::Conv1x1 };
            b.push(name, published, layer, &[x])
        };
        let pool = |b: &mut Builder, name: &str, x: Value| {
            b.push(name, "", AdaptivePool { grid: space.grid(), hooks: 2 }, &[x])
        };
        let compared = (assigns || refines).then(|| {
            let name = if self.own_key() { "similarity" } else { "key" };
            project(b, name, names.similarity)
        });
        let key = match self.own_key() && refines {
            true => Some(project(b, "key", names.key)),
            false => compared,
        };
        let value = project(b, "value", names.value);
        let compared = compared.map(|x| space.read(b, "compared", x, Order::Channels));
        let starts = refines || assigns && matches!(*self.query, Query::Pooled | Query::Centers);
        let pooled_key = compared.filter(|_| starts).map(|x| pool(b, "pooled_key", x));
        let joins = self.regroup.is_some() || self.fuse.is_some() || !refines;
        let pooled_value = joins.then(|| {
            let x = space.read(b, "value_channels", value, Order::Channels);
            let pooled = pool(b, "pooled_value", x);
            space.turn(b, "pooled_value_rows", pooled, Order::Channels, Order::Rows)
        });
        let key = key.filter(|_| refines);
        Projected { compared, key, value, pooled_key, pooled_value }
    }

    /// The centers after they gathered and took in the pooled, local ones, `[B, gh, gw, A]`; the
    /// local ones where nothing gathers.
    fn refine(&self, b: &mut Builder, space: &Space, of: &Projected) -> Value {
        let (Some(pooled), Some(key), Some(kind)) = (of.pooled_key, of.key, &self.refine.value)
        else {
            return of.pooled_value.unwrap_or_else(|| b.unknown("centers"));
        };
        let (score, steps) = match kind {
            Refine::Cosine(kind) => {
                (Score::Cosine { start: kind.start.value.0, floor: kind.floor.value.0 }, 1)
            }
            Refine::Dot(kind) => (Score::Dot, kind.steps.value.0),
        };
        let key = space.read(b, "key_tokens", key, Order::Tokens);
        let value = space.read(b, "value_tokens", of.value, Order::Tokens);
        let mut centers = space.turn(b, "centers", pooled, Order::Channels, Order::Tokens);
        for step in 1..=steps {
            let attend = Attend { heads: space.heads(), score, windows: space.windows() };
            let name = if step == 1 { "attend".into() } else { format!("attend{step}") };
            centers = b.push(&name, "", attend, &[centers, key, value]);
        }
        let refined = space.turn(b, "refined", centers, Order::Tokens, Order::Channels);
        let (Some(fuse), Some(local)) = (*self.fuse, of.pooled_value) else { return refined };
        match fuse {
            Fuse::Fixed => b.push("fuse", "", Blend, &[refined, local]),
            Fuse::Gate => {
                let gate = Gate { heads: self.heads.value.0 };
                b.push("gate", "gate", gate, &[refined, local])
            }
        }
    }

    fn assignment(&self, b: &mut Builder, space: &Space, of: &Projected, centers: Value) -> Value {
        let Some(compared) = of.compared else { return b.unknown("assign") };
        let dense = Linear { out: space.channels, form: Form::Dense };
        let pooled = of.pooled_key.unwrap_or(centers);
        let query = match *self.query {
            Query::Heads | Query::Joint => b.push("query", "q", dense, &[centers]),
            Query::Pooled => b.push("query", "q", dense, &[pooled]),
            Query::Refined => centers,
            Query::Centers => pooled,
        };
        let heads = if *self.query == Query::Joint { 1 } else { space.heads() };
        let choice = match *self.assign {
            Assigning::Hard => Choice::Hard,
            Assigning::Soft => Choice::Soft,
        };
        let assign = Assign { heads, choice, windows: space.windows() };
        b.push("assign", "", assign, &[query, compared])
    }

    /// What returns to the pixels: the means of their clusters, or the centers as they are.
    fn regroup(
        &self,
        b: &mut Builder,
        space: &Space,
        of: &Projected,
        assignment: Value,
        centers: Value,
    ) -> Value {
        let (Some(regroup), Some(own)) = (*self.regroup, of.pooled_value) else { return centers };
        let weighing = match regroup {
            Regroup::Weighted => Weighing::Weighted,
            Regroup::Mean => Weighing::Mean,
            Regroup::Mixed => Weighing::Mixed,
        };
        let rows = space.read(b, "value_rows", of.value, Order::Rows);
        b.push("regroup", "", ClusterMean { weighing }, &[assignment, rows, own])
    }
}
