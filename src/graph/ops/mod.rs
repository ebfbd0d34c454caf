//! The ops: a closed, small set. One file each holds an op's shape rule, parameters and counts;
//! each executor holds how it runs.

use super::cost::Cost;
use super::{ParamSpec, Type};

/// What every op says of itself.
pub trait Operation {
    /// Its word in the text form.
    fn name(&self) -> &'static str;

    /// Its settings in the text form.
    fn attributes(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The type of its result, or which inputs do not fit.
    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch>;

    /// Its parameters; asked only when the inputs fit.
    fn params(&self, _inputs: &[&Type]) -> Vec<ParamSpec> {
        Vec::new()
    }

    /// Whether a gradient passes from its result to an input.
    fn flow(&self, _input: usize) -> Flow {
        Flow::Through
    }

    /// What its gradient is computed from, besides the gradient of its result.
    fn reads(&self) -> Reads {
        Reads::INPUTS
    }

    /// Whether computing it again costs less than keeping it for the backward pass, if it has few
    /// multiply-accumulates for a number.
    fn cheap(&self) -> bool {
        false
    }

    /// Whether its gradient can be added to one that is there already.
    fn accumulates(&self) -> bool {
        false
    }

    /// Where among its parameters those stand that matrices are multiplied by, each with its bias behind
    /// it. These products are taken in the precision of what is stored; all other multiply-accumulates on
    /// vectors and in fp32.
    fn products(&self) -> &'static [usize] {
        &[]
    }

    /// Of an op that multiplies matrices, the other multiply-accumulates per image; `backward`, those of
    /// its gradients.
    fn beside_products(&self, _inputs: &[&Type], _backward: bool) -> u64 {
        0
    }

    /// Its cost per image; asked only when the inputs fit.
    fn cost(&self, _inputs: &[&Type], _output: &Type) -> Cost {
        Cost::default()
    }

    /// Multiply-accumulates per image of its gradients, with what they compute again: for every
    /// wanted input, and for the parameters, as many as it has itself.
    fn gradient_macs(&self, inputs: &[&Type], wants: &[bool]) -> u64 {
        let Ok(output) = self.infer(inputs) else { return 0 };
        let wanted = wants.iter().filter(|wanted| **wanted).count();
        let all = wanted as u64 + u64::from(!self.params(inputs).is_empty());
        all.saturating_mul(self.cost(inputs, &output).macs)
    }
}

/// What happens to a gradient on its way from a result to an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    Through,
    /// The gradient of the input is that of the result.
    Unchanged,
    /// It ends here, for this reason.
    Blocked(&'static str),
}

/// What a gradient is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// The first this many inputs of the op.
    pub inputs: usize,
    /// Its result; of a perceptron that keeps its hidden map, that.
    pub result: bool,
}

impl Reads {
    pub const NOTHING: Reads = Reads { inputs: 0, result: false };
    pub const INPUTS: Reads = Reads { inputs: usize::MAX, result: false };
    pub const ALL: Reads = Reads { inputs: usize::MAX, result: true };
}

/// Inputs that do not fit an op.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    pub message: String,
    /// Positions of the inputs at fault.
    pub inputs: Vec<usize>,
}

impl Mismatch {
    pub fn new(message: impl Into<String>, inputs: &[usize]) -> Mismatch {
        Mismatch { message: message.into(), inputs: inputs.to_vec() }
    }
}

macro_rules! ops {
    ($($file:ident :: $name:ident),* $(,)?) => {
        $(mod $file; pub use $file::$name;)*

        /// One of the ops.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Op {
            $($name($name),)*
        }

        $(impl From<$name> for Op {
            fn from(op: $name) -> Op {
                Op::$name(op)
            }
        })*

        impl std::ops::Deref for Op {
            type Target = dyn Operation;
            fn deref(&self) -> &(dyn Operation + 'static) {
                match self {
                    $(Op::$name(op) => op,)*
                }
            }
        }
    };
}

ops! {
    input::Input,
    coordinates::Coordinates,
    conv::Conv,
    coord_conv::CoordConv,
    depthwise::Depthwise,
    linear::Linear,
    layer_norm::LayerNorm,
    group_norm::GroupNorm,
    scale::Scale,
    reread::Reread,
    gelu::Gelu,
    add::Add,
    adaptive_pool::AdaptivePool,
    attend::Attend,
    gate::Gate,
    blend::Blend,
    assign::Assign,
    dispatch::Dispatch,
    nearest::Nearest,
    cluster_mean::ClusterMean,
    mean::Mean,
    drop_path::DropPath,
    spare::Spare,
    dispatch_linear::DispatchLinear,
    residual::Residual,
    ffn::Ffn,
    labels::Labels,
    cross_entropy::CrossEntropy,
    gradient::Gradient,
    part::Part,
    update::Update,
}

mod windows;

pub use attend::Score;
pub use cluster_mean::Weighing;
pub use linear::Form;
pub use update::{Average, LossScale, Rule};
pub use windows::Windows;

/// The map and channels of input `index`, or a mismatch that names it.
fn map_of(inputs: &[&Type], index: usize) -> Result<(super::Size, usize), Mismatch> {
    inputs[index].as_map().ok_or_else(|| {
        Mismatch::new(format!("a map is needed here, and this is {}", inputs[index]), &[index])
    })
}

/// Heads share the channels evenly, or a mismatch.
fn head_width(channels: usize, heads: usize, index: usize) -> Result<usize, Mismatch> {
    if heads == 0 || !channels.is_multiple_of(heads) || channels / heads == 0 {
        let message = format!("{channels} channels do not split into {heads} heads");
        return Err(Mismatch::new(message, &[index]));
    }
    Ok(channels / heads)
}
