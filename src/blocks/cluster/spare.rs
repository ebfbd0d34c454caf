//! Layers of the published module that the settings leave without a reader.

use super::space::Space;
use super::{Cluster, Memory, Query, Steps};
use crate::graph::ops::{Attend, Form, Linear, Score, Spare, Windows};
use crate::graph::{Builder, Op, Type, Value};

impl Cluster {
    /// Keeps their parameters, if the settings say so.
    pub(super) fn spare(&self, b: &mut Builder, x: Value, space: &Space, steps: &Steps) {
        if !*self.spare {
            return;
        }
        for (name, published, op, input) in self.unread(b.ty(x).clone(), space, steps) {
            let spare = Spare { of: Box::new(op), inputs: vec![input] };
            b.at(self.spare.span, |b| b.push(name, published, spare, &[]));
        }
    }

    /// Name, published name, op and the type of its input.
    fn unread(
        &self,
        map: Type,
        space: &Space,
        steps: &Steps,
    ) -> Vec<(&'static str, &'static str, Op, Type)> {
        let linear = |out, form| Op::from(Linear { out, form });
        if *self.layout == Memory::Raw {
            let width = space.channels / space.heads;
            let op = linear(width, Form::Conv1x1);
            return vec![("spare_centers", "conv_c", op, Type::map(space.centers, width))];
        }
        let centers = Type::map(space.grid(), space.channels);
        let mut unread = Vec::new();
        if !steps.assigns && !steps.refines {
            let op = linear(space.channels, Form::Conv1x1);
            unread.push(("spare_key", self.names().similarity, op, map));
        }
        if steps.assigns && matches!(*self.query, Query::Centers | Query::Refined) {
            let op = linear(space.channels, Form::Dense);
            unread.push(("spare_query", "q", op, centers.clone()));
        }
        if self.refine.is_none() {
            // The temperature, as published.
            let score = Score::Cosine { start: 2.13, floor: 1e-4 };
            let attend = Attend { heads: space.heads, score, windows: Windows::WHOLE };
            unread.push(("spare_attend", "", attend.into(), centers));
        }
        unread
    }
}
