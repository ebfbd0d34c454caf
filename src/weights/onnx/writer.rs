//! Collects the nodes and constants of an ONNX graph. A value is known by its name.

use super::proto::{Attribute, FLOAT, INT64, Node, Tensor};
use std::collections::HashSet;

/// The name of a value.
pub type Name = String;

#[derive(Default)]
pub struct Writer {
    pub nodes: Vec<Node>,
    pub constants: Vec<Tensor>,
    /// What names of values begin with: where the op stands in the model.
    pub scope: String,
    names: HashSet<Name>,
}

/// The attributes that ops take.
pub fn int(name: &str, value: i64) -> Attribute {
    Attribute { i: Some(value), ..attribute(name, 2) }
}

pub fn float(name: &str, value: f64) -> Attribute {
    Attribute { f: Some(value as f32), ..attribute(name, 1) }
}

pub fn text(name: &str, value: &str) -> Attribute {
    Attribute { s: Some(value.as_bytes().to_vec()), ..attribute(name, 3) }
}

pub fn ints(name: &str, values: &[usize]) -> Attribute {
    let ints = values.iter().map(|&value| value as i64).collect();
    Attribute { ints, ..attribute(name, 7) }
}

fn attribute(name: &str, kind: i32) -> Attribute {
    Attribute { name: Some(name.to_string()), kind: Some(kind), ..Attribute::default() }
}

impl Writer {
    /// A node of the operator `op`; gives its result.
    pub fn op<const N: usize>(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: [Attribute; N],
    ) -> Name {
        let name = self.fresh(&format!("{}/{op}", self.scope));
        self.nodes.push(Node {
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![name.clone()],
            name: Some(name.clone()),
            op_type: Some(op.to_string()),
            attribute: attributes.to_vec(),
        });
        name
    }

    /// A name that no value has: the one wanted, or that with a number.
    fn fresh(&mut self, wanted: &str) -> Name {
        let mut name = wanted.to_string();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            number += 1;
            name = format!("{wanted}{number}");
        }
        name
    }

    /// A tensor of numbers under a name of its own.
    pub fn floats(&mut self, wanted: &str, shape: &[usize], data: &[f32]) -> Name {
        let name = self.fresh(wanted);
        let raw = data.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(&name, shape, FLOAT, raw);
        name
    }

    /// The same of what several ops may share: written once.
    pub fn shared(&mut self, name: &str, shape: &[usize], data: &[f32]) -> Name {
        if self.names.contains(name) { name.to_string() } else { self.floats(name, shape, data) }
    }

    /// One number.
    pub fn number(&mut self, value: f64) -> Name {
        let name = format!("number/{value}");
        if self.names.insert(name.clone()) {
            self.constant(&name, &[], FLOAT, (value as f32).to_le_bytes().to_vec());
        }
        name
    }

    /// A list of integers: a shape (-1: whatever is left), axes.
    pub fn list(&mut self, values: &[i64]) -> Name {
        let words: Vec<String> = values.iter().map(|value| value.to_string()).collect();
        let name = format!("list/{}", words.join("_"));
        if self.names.insert(name.clone()) {
            let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.constant(&name, &[values.len()], INT64, raw);
        }
        name
    }

    fn constant(&mut self, name: &str, shape: &[usize], data_type: i32, raw: Vec<u8>) {
        self.constants.push(Tensor {
            dims: shape.iter().map(|&length| length as i64).collect(),
            data_type: Some(data_type),
            name: Some(name.to_string()),
            raw_data: Some(raw),
        });
    }

    /// The same numbers as `[batch, …]`.
    pub fn reshape(&mut self, x: &str, shape: &[usize]) -> Name {
        let lengths = shape.iter().map(|&length| length as i64);
        let shape = self.list(&[-1].into_iter().chain(lengths).collect::<Vec<i64>>());
        self.op("Reshape", &[x, &shape], [])
    }

    pub fn transpose(&mut self, x: &str, axes: &[usize]) -> Name {
        self.op("Transpose", &[x], [ints("perm", axes)])
    }

    /// `a · bᵀ` over the last two of four axes.
    pub fn product_transposed(&mut self, a: &str, b: &str) -> Name {
        let b = self.transpose(b, &[0, 1, 3, 2]);
        self.op("MatMul", &[a, &b], [])
    }
}
