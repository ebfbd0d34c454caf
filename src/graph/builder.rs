//! The one way to add a node: its shape is inferred here, and a mismatch reported with both places.

use super::{Few, Graph, Node, Op, Param, ParamId, ParamSpec, Tap, Type, Value};
use crate::diag::{Diagnostic, Diags, Span};

/// A map or a parameter has at most this many numbers.
const MAX_NUMBERS: u64 = 1 << 30;

/// Grows a graph. A mistake is recorded and its result poisoned, so that building goes on.
pub struct Builder {
    nodes: Vec<Node>,
    params: Vec<Param>,
    taps: Vec<Tap>,
    spans: Vec<Option<Span>>,
    /// The names around what is built next, here and in the published code.
    scope: String,
    published: String,
    place: Vec<Span>,
    sites: u64,
    pub diags: Diags,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    pub fn new() -> Builder {
        Builder {
            nodes: Vec::new(),
            params: Vec::new(),
            taps: Vec::new(),
            spans: Vec::new(),
            scope: String::new(),
            published: String::new(),
            place: Vec::new(),
            sites: 0,
            diags: Diags::default(),
        }
    }

    /// Adds a node called `name` here and `published` in the published code (empty: its parameters
    /// belong to the module around it).
    pub fn push(
        &mut self,
        name: &str,
        published: &str,
        op: impl Into<Op>,
        inputs: &[Value],
    ) -> Value {
        let op = op.into();
        let types: Vec<&Type> = inputs.iter().map(|v| &self.nodes[v.0 as usize].ty).collect();
        let mut specs = Vec::new();
        let mut mistake = None;
        let ty = if types.contains(&&Type::Unknown) {
            Type::Unknown
        } else {
            match op.infer(&types) {
                Ok(ty) => {
                    specs = op.params(&types);
                    match self.too_large(&ty, &specs) {
                        true => {
                            specs.clear();
                            Type::Unknown
                        }
                        false => ty,
                    }
                }
                Err(mismatch) => {
                    mistake = Some(mismatch);
                    Type::Unknown
                }
            }
        };
        if let Some(mismatch) = mistake {
            let mut diagnostic = Diagnostic::error("E0501", mismatch.message);
            if let Some(&span) = self.place.last() {
                diagnostic = diagnostic.at(span, format!("`{}` stands here", op.name()));
            }
            for index in mismatch.inputs {
                let value = inputs[index];
                if let Some(span) = self.spans[value.0 as usize] {
                    let ty = &self.nodes[value.0 as usize].ty;
                    diagnostic = diagnostic.at(span, format!("this gives {ty}"));
                }
            }
            self.diags.push(diagnostic);
        }
        let scope = join(&self.scope, name);
        let module = join(&self.published, published);
        let first = self.params.len();
        self.params.extend(specs.into_iter().map(|spec| Param {
            name: join(&scope, spec.name),
            published: join(&module, spec.published),
            shape: spec.shape,
            init: spec.init,
            layout: spec.layout,
        }));
        self.nodes.push(Node {
            op,
            inputs: inputs.into(),
            params: (first..self.params.len()).map(|i| ParamId(i as u32)).collect(),
            ty,
            scope: scope.into(),
        });
        self.spans.push(self.place.last().copied());
        Value(self.nodes.len() as u32 - 1)
    }

    /// Reports a value or parameter of more numbers than any machine holds: below that, no count
    /// overflows.
    fn too_large(&mut self, ty: &Type, specs: &[ParamSpec]) -> bool {
        let largest =
            specs.iter().map(|spec| Type::Tensor(spec.shape.as_slice().into()).elements()).max();
        let message = if ty.elements() > MAX_NUMBERS {
            match ty {
                // More than can be counted.
                Type::Tensor(dims) if dims.contains(&usize::MAX) => {
                    "a value is too large to be counted".to_string()
                }
                ty => format!("a value of {ty} is too large"),
            }
        } else if largest.is_some_and(|largest| largest > MAX_NUMBERS) {
            "a parameter is too large".to_string()
        } else {
            return false;
        };
        let mut diagnostic = Diagnostic::error("E0507", message);
        if let Some(&span) = self.place.last() {
            diagnostic = diagnostic.at(span, "more than 2^30 numbers");
        }
        self.diags.push(diagnostic.help("something here, or before it, is too wide or too large"));
        true
    }

    pub fn ty(&self, value: Value) -> &Type {
        &self.nodes[value.0 as usize].ty
    }

    /// Builds inside a named part of the model (and module of the published code).
    pub fn scope<T>(
        &mut self,
        name: &str,
        published: &str,
        build: impl FnOnce(&mut Builder) -> T,
    ) -> T {
        let around = (self.scope.len(), self.published.len());
        extend(&mut self.scope, name);
        extend(&mut self.published, published);
        let result = build(self);
        self.scope.truncate(around.0);
        self.published.truncate(around.1);
        result
    }

    /// Builds what the text at `span` asked for.
    pub fn at<T>(&mut self, span: Span, build: impl FnOnce(&mut Builder) -> T) -> T {
        self.place.push(span);
        let result = build(self);
        self.place.pop();
        result
    }

    /// A number no other random op of the graph has.
    pub fn next_site(&mut self) -> u64 {
        self.sites += 1;
        self.sites - 1
    }

    /// The text that asked for what is being built.
    pub fn place(&self) -> Option<Span> {
        self.place.last().copied()
    }

    /// The text that gave the size of the images.
    pub fn input_span(&self) -> Option<Span> {
        self.spans.first().copied().flatten()
    }

    /// A value of unknown type: what a mistake already reported gives.
    pub fn unknown(&mut self, name: &str) -> Value {
        self.nodes.push(Node {
            op: super::ops::Gelu.into(),
            inputs: Few::new(),
            params: Few::new(),
            ty: Type::Unknown,
            scope: join(&self.scope, name).into(),
        });
        self.spans.push(self.place());
        Value(self.nodes.len() as u32 - 1)
    }

    /// Remembers a value under the published module around it.
    pub fn tap(&mut self, published: &str, value: Value) {
        self.taps.push(Tap { published: join(&self.published, published).into(), value });
    }

    /// Ends with the logits.
    pub fn finish(self, name: &str, output: Value) -> (Graph, Diags) {
        let Builder { nodes, params, taps, spans, diags, .. } = self;
        (
            Graph {
                name: name.to_string(),
                nodes,
                params: params.into(),
                taps,
                output,
                loss: None,
                spans,
            },
            diags,
        )
    }
}

/// The path with one name more, unless that is empty.
fn join(path: &str, last: &str) -> String {
    [path, dot(path, last), last].concat()
}

fn extend(path: &mut String, last: &str) {
    path.push_str(dot(path, last));
    path.push_str(last);
}

/// What stands between two names.
fn dot(path: &str, last: &str) -> &'static str {
    if path.is_empty() || last.is_empty() { "" } else { "." }
}
