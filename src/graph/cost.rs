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
    /// Numbers kept between forward and backward besides the result.
    pub saved: u64,
}

impl std::ops::Add for Cost {
    type Output = Cost;
    fn add(self, other: Cost) -> Cost {
        Cost {
            macs: self.macs.saturating_add(other.macs),
            ptflops: self.ptflops.saturating_add(other.ptflops),
            saved: self.saved.saturating_add(other.saved),
        }
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(costs: I) -> Cost {
        costs.fold(Cost::default(), |a, b| a + b)
    }
}

impl Graph {
    /// Cost of the node at `index`.
    pub fn node_cost(&self, index: usize) -> Cost {
        let node = &self.nodes[index];
        let inputs: Vec<&Type> = node.inputs.iter().map(|&v| &self.node(v).ty).collect();
        if node.ty == Type::Unknown {
            return Cost::default();
        }
        node.op.cost(&inputs, &node.ty)
    }

    pub fn cost(&self) -> Cost {
        (0..self.nodes.len()).map(|i| self.node_cost(i)).sum()
    }

    /// Bytes per image that training keeps for the backward pass on the reference executor: every
    /// result and what its op saves beside it, in fp32. Parameters, gradients and moments are not
    /// per image and come on top (16 bytes a parameter).
    pub fn train_bytes_per_image(&self) -> u64 {
        (0..self.nodes.len()).map(|i| self.node_train_bytes(i)).fold(0, u64::saturating_add)
    }

    /// The share of the node at `index`.
    pub fn node_train_bytes(&self, index: usize) -> u64 {
        let kept = self.nodes[index].ty.elements().saturating_add(self.node_cost(index).saved);
        kept.saturating_mul(4)
    }
}
