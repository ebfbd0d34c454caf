//! A file of named tensors, of safetensors or PyTorch: names and shapes at once, numbers when they
//! are asked for.

use super::torch;
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// Why a file is not read: a sentence without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Unreadable {}

/// The file and what lies where in it.
#[derive(Debug, Clone)]
pub struct TensorFile {
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Tensor>,
}

/// Where a tensor lies.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    number: Number,
    storage: Storage,
    /// Of its first number within the storage, in numbers.
    start: usize,
    /// Numbers from one to the next along every axis.
    strides: Vec<usize>,
}

/// A run of numbers in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    pub bytes: Range<usize>,
    /// The check sum that the file says it has.
    pub crc32: Option<u32>,
}

/// How a number is stored, the lowest byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U32,
    U8,
}

impl Number {
    /// Bytes of one.
    pub fn width(self) -> usize {
        match self {
            Number::F64 | Number::I64 => 8,
            Number::F32 | Number::I32 | Number::U32 => 4,
            Number::F16 | Number::Bf16 | Number::I16 => 2,
            Number::I8 | Number::U8 => 1,
        }
    }

    /// Those at `places`, counted in numbers; integers below 2^24 are exact.
    fn read(self, bytes: &[u8], places: &[usize]) -> Vec<f32> {
        match self {
            Number::F64 => pick(bytes, places, |b| f64::from_le_bytes(b) as f32),
            Number::F32 => pick(bytes, places, f32::from_le_bytes),
            Number::F16 => pick(bytes, places, |b| f16::from_le_bytes(b).to_f32()),
            Number::Bf16 => pick(bytes, places, |b| bf16::from_le_bytes(b).to_f32()),
            Number::I64 => pick(bytes, places, |b| i64::from_le_bytes(b) as f32),
            Number::I32 => pick(bytes, places, |b| i32::from_le_bytes(b) as f32),
            Number::I16 => pick(bytes, places, |b| i16::from_le_bytes(b).into()),
            Number::I8 => pick(bytes, places, |b| i8::from_le_bytes(b).into()),
            Number::U32 => pick(bytes, places, |b| u32::from_le_bytes(b) as f32),
            Number::U8 => pick(bytes, places, |[b]| b.into()),
        }
    }
}

fn pick<const N: usize>(
    bytes: &[u8],
    places: &[usize],
    number: impl Fn([u8; N]) -> f32,
) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<N>();
    places.iter().map(|&place| number(words[place])).collect()
}

impl Tensor {
    /// A tensor that lies within its storage and has no more numbers than that.
    pub(super) fn new(
        shape: Vec<usize>,
        number: Number,
        storage: Storage,
        start: usize,
        strides: Vec<usize>,
    ) -> Result<Tensor, String> {
        let held = storage.bytes.len() / number.width();
        let count = shape.iter().try_fold(1usize, |n, &length| n.checked_mul(length));
        let steps = shape.iter().zip(&strides);
        let last = steps
            .filter(|(length, _)| **length > 0)
            .try_fold(start, |at, (length, step)| at.checked_add(step.checked_mul(length - 1)?));
        let within = match (count, last) {
            (Some(0), _) => true,
            (Some(count), Some(last)) => last < held && count <= held,
            _ => false,
        };
        if !within || strides.len() != shape.len() {
            return Err(format!("has shape {shape:?}, and {held} numbers are stored of it"));
        }
        Ok(Tensor { shape, number, storage, start, strides })
    }

    /// The places of its numbers within the storage, row-major.
    fn places(&self) -> Vec<usize> {
        // Of a shape with a zero in it the other lengths may claim anything.
        if self.shape.contains(&0) {
            return Vec::new();
        }
        let mut places = vec![self.start];
        for (&length, &stride) in self.shape.iter().zip(&self.strides) {
            places =
                places.iter().flat_map(|at| (0..length).map(move |i| at + i * stride)).collect();
        }
        places
    }
}

impl TensorFile {
    pub fn open(path: &Path) -> Result<TensorFile, Unreadable> {
        let of = |error: &dyn std::fmt::Display| {
            Unreadable(format!("{} can not be read: {error}", path.display()))
        };
        let bytes = std::fs::read(path).map_err(|error| of(&error))?;
        TensorFile::read(bytes).map_err(|error| of(&error))
    }

    /// Whichever of the formats it is; its first bytes tell.
    pub fn read(bytes: Vec<u8>) -> Result<TensorFile, Unreadable> {
        let tensors = if torch::is_archive(&bytes) {
            torch::archive(&bytes)
        } else if torch::is_legacy(&bytes) {
            torch::legacy(&bytes)
        } else if bytes.get(8) == Some(&b'{') {
            safetensors(&bytes)
        } else {
            Err("it is neither safetensors nor a file of torch.save".into())
        };
        Ok(TensorFile { tensors: tensors.map_err(Unreadable)?, bytes })
    }

    /// Names in order, and where each lies.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }

    /// The numbers of a tensor of this file, row-major.
    pub fn load(&self, tensor: &Tensor) -> Result<Vec<f32>, Unreadable> {
        let Storage { bytes, crc32 } = &tensor.storage;
        let bytes = &self.bytes[bytes.clone()];
        if crc32.is_some_and(|sum| crc32fast::hash(bytes) != sum) {
            return Err(Unreadable("the file is damaged: a check sum does not fit".into()));
        }
        Ok(tensor.number.read(bytes, &tensor.places()))
    }
}

/// Why a file of safetensors is not read, as a sentence without its beginning.
pub fn explained(error: SafeTensorError) -> String {
    match error {
        SafeTensorError::HeaderTooSmall
        | SafeTensorError::HeaderTooLarge
        | SafeTensorError::InvalidHeader(_)
        | SafeTensorError::InvalidHeaderDeserialization(_) => {
            format!("it is no file of safetensors ({error})")
        }
        SafeTensorError::InvalidHeaderLength | SafeTensorError::MetadataIncompleteBuffer => {
            "it is cut short, or no file of safetensors".into()
        }
        other => other.to_string(),
    }
}

fn safetensors(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(explained)?;
    let mut tensors = BTreeMap::new();
    for (name, info) in metadata.tensors() {
        let number = match info.dtype {
            Dtype::F64 => Number::F64,
            Dtype::F32 => Number::F32,
            Dtype::F16 => Number::F16,
            Dtype::BF16 => Number::Bf16,
            Dtype::I64 => Number::I64,
            Dtype::I32 => Number::I32,
            Dtype::I16 => Number::I16,
            Dtype::I8 => Number::I8,
            Dtype::U32 => Number::U32,
            Dtype::U8 | Dtype::BOOL => Number::U8,
            other => {
                let name = name.escape_debug();
                return Err(format!("`{name}` is of type {other:?}, which is not read"));
            }
        };
        let (from, to) = info.data_offsets;
        let begin = 8 + header;
        let storage = Storage { bytes: begin + from..begin + to, crc32: None };
        let mut strides = vec![1; info.shape.len()];
        for axis in (1..strides.len()).rev() {
            strides[axis - 1] = info.shape[axis].saturating_mul(strides[axis]);
        }
        let tensor = Tensor::new(info.shape.clone(), number, storage, 0, strides)
            .map_err(|error| format!("`{}` {error}", name.escape_debug()))?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}
