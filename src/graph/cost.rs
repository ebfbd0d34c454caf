//! Counts of a whole graph, summed from its ops.

use super::{Graph, Type};

/// What one op, stage or model costs per image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    /// Multiply-accumulates of every product: convolution, linear, attention, similarity, gate; a
    /// hard dispatch is a gather and scales one number per channel and pixel, and is counted so.
    /// No bias, norm, activation or pooling.
    pub macs: u64,
    /// The count of the paper's tables (ptflops 0.7.5, hooks): products of convolutions, linear
    /// layers and similarities plus one per bias, two per GELU element and adaptively pooled
    /// element; attention, dispatch and the gate's perceptron are not seen by it.
    pub ptflops: u64,
}

impl std::ops::Add for Cost {
    type Output = Cost;
    fn add(self, other: Cost) -> Cost {
        Cost {
            macs: self.macs.saturating_add(other.macs),
            ptflops: self.ptflops.saturating_add(other.ptflops),
        }
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), |a, b| a + b)
    }
}

/// What the nodes of a part of a model are together.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// What its last node gives.
    pub output: Type,
    /// Scalars in its parameters.
    pub params: u64,
    pub cost: Cost,
}

impl Graph {
    /// The nodes whose scope is meant, if there are any.
    pub fn share(&self, is_meant: impl Fn(&str) -> bool) -> Option<Share> {
        let meant = |index: &usize| is_meant(&self.nodes[*index].scope);
        let nodes: Vec<usize> = (0..self.nodes.len()).filter(meant).collect();
        let params = nodes.iter().flat_map(|&index| &self.nodes[index].params);
        Some(Share {
            output: self.nodes[*nodes.last()?].ty.clone(),
            params: params.map(|&id| self.param(id).elements() as u64).sum(),
            cost: nodes.iter().map(|&index| self.node_cost(index)).sum(),
        })
    }

    /// Cost of the node at `index`.
    pub fn node_cost(&self, index: usize) -> Cost {
        let node = &self.nodes[index];
        if node.ty == Type::Unknown {
            return Cost::default();
        }
        node.op.cost(&self.types(&node.inputs), &node.ty)
    }

    pub fn cost(&self) -> Cost {
        (0..self.nodes.len()).map(|i| self.node_cost(i)).sum()
    }
}
