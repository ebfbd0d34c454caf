//! What a GPU is to do, as data: a list of kernel launches and matrix products over addresses.
//!
//! A kernel's launcher only writes onto a tape. A device plays it, or captures it as one graph; a
//! test plays it without a GPU; and what has to be compiled can be read off it.

use super::product::Product;

/// How maps and the operands of products are stored.
pub use crate::graph::Precision;

/// An address in the memory of whoever plays the tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pointer(pub u64);

impl Pointer {
    pub const NULL: Pointer = Pointer(0);

    pub fn plus(self, bytes: usize) -> Pointer {
        Pointer(self.0 + bytes as u64)
    }
}

/// An argument of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arg {
    Pointer(Pointer),
    /// `int`
    Int(i32),
    /// `unsigned long long`
    Word(u64),
    /// `float`
    Float(f32),
}

impl Arg {
    /// Where its bytes lie, as a launch wants to know.
    pub fn address(&self) -> *const std::ffi::c_void {
        match self {
            Arg::Pointer(Pointer(value)) | Arg::Word(value) => std::ptr::from_ref(value).cast(),
            Arg::Int(value) => std::ptr::from_ref(value).cast(),
            Arg::Float(value) => std::ptr::from_ref(value).cast(),
        }
    }
}

macro_rules! arg_from {
    ($($ty:ty => $name:ident($cast:ty)),* $(,)?) => {
        $(impl From<$ty> for Arg {
            fn from(value: $ty) -> Arg {
                Arg::$name(value as $cast)
            }
        })*
    };
}
// An `int` counts rows, images and flags: the launchers pass nothing larger.
arg_from! { usize => Int(i32), bool => Int(i32), u64 => Word(u64), f32 => Float(f32) }

impl From<Pointer> for Arg {
    fn from(pointer: Pointer) -> Arg {
        Arg::Pointer(pointer)
    }
}

/// A `.cu` file; the prelude is put before it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Source {
    pub name: &'static str,
    pub text: &'static str,
}

/// One file beside its launcher.
macro_rules! source {
    ($name:literal) => {
        $crate::exec::cuda::tape::Source { name: $name, text: include_str!(concat!($name, ".cu")) }
    };
}
pub(super) use source;

/// A source and the constants it is specialized by: what is compiled at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Unit {
    pub source: &'static Source,
    pub constants: Vec<(&'static str, usize)>,
}

impl Unit {
    pub fn new(source: &'static Source, constants: &[(&'static str, usize)]) -> Unit {
        Unit { source, constants: constants.to_vec() }
    }
}

/// One kernel over a grid of blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    pub unit: Unit,
    pub entry: &'static str,
    /// Blocks along x and y.
    pub grid: [u32; 2],
    /// Threads of a block.
    pub block: u32,
    pub args: Vec<Arg>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    Launch(Launch),
    Product(Product),
}

/// Everything to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Tape {
    pub precision: Precision,
    pub commands: Vec<Command>,
    /// How many commands there are up to every mark.
    marks: Vec<usize>,
}

impl Tape {
    pub fn new(precision: Precision) -> Tape {
        Tape { precision, commands: Vec::new(), marks: Vec::new() }
    }

    /// Marks where it ends so far.
    pub fn mark(&mut self) {
        self.marks.push(self.commands.len());
    }

    /// What lies before each mark, as a tape of its own.
    pub fn cut(&self) -> Vec<Tape> {
        let begins = std::iter::once(&0).chain(&self.marks);
        let part = |(&begin, &end): (&usize, &usize)| Tape {
            commands: self.commands[begin..end].to_vec(),
            ..Tape::new(self.precision)
        };
        begins.zip(&self.marks).map(part).collect()
    }

    /// Its commands apart by what they run, in the order it is first run: kernels by their names, products
    /// by their sizes.
    pub fn apart(&self) -> Vec<(String, Tape)> {
        let mut apart = Vec::<(String, Tape)>::new();
        for command in &self.commands {
            let name = match command {
                Command::Launch(launch) => launch.entry.to_string(),
                Command::Product(product) => product.to_string(),
            };
            let at = apart.iter().position(|(own, _)| *own == name).unwrap_or_else(|| {
                apart.push((name, Tape::new(self.precision)));
                apart.len() - 1
            });
            apart[at].1.commands.push(command.clone());
        }
        apart
    }

    /// Adds a launch. An empty grid is left out.
    pub fn launch(
        &mut self,
        unit: Unit,
        entry: &'static str,
        grid: [usize; 2],
        block: usize,
        args: &[Arg],
    ) {
        let mut unit = unit;
        let stored = match self.precision {
            Precision::F32 => "FP32",
            Precision::Bf16 => "BF16",
            Precision::F16 => "FP16",
        };
        unit.constants.push((stored, 1));
        let grid = grid.map(|blocks| blocks as u32);
        if !grid.contains(&0) {
            let launch = Launch { unit, entry, grid, block: block as u32, args: args.to_vec() };
            self.commands.push(Command::Launch(launch));
        }
    }

    /// Adds a product.
    pub fn product(&mut self, product: Product) {
        self.commands.push(Command::Product(product));
    }

    /// What has to be compiled, each once, in order of first use.
    pub fn units(&self) -> Vec<Unit> {
        let mut units: Vec<Unit> = Vec::new();
        for command in &self.commands {
            if let Command::Launch(launch) = command
                && !units.contains(&launch.unit)
            {
                units.push(launch.unit.clone());
            }
        }
        units
    }
}

/// Arguments of a launch.
macro_rules! args {
    ($($arg:expr),* $(,)?) => { &[$($crate::exec::cuda::tape::Arg::from($arg)),*] };
}
pub(super) use args;
