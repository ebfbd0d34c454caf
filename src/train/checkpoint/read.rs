//! Checkpoints as they are read: tensor by tensor, each to its place, so that a file takes no more
//! memory than what is wanted of it.

use super::{AVERAGE, Checkpoint, CheckpointError, FORMAT, Meta, PARAMETERS, SUM, Sum, unreadable};
use crate::exec::Parameters;
use crate::foreign::explained;
use memmap2::Mmap;
use safetensors::SafeTensorError;
use safetensors::tensor::{Dtype, SafeTensors, TensorInfo};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// What is wanted of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    /// The parameters and their running mean: nothing that only a training goes on from.
    Weights,
}

/// Bytes that are read of what is not wanted.
const PIECE: usize = 1 << 16;

impl Checkpoint {
    /// Reads a checkpoint whole.
    pub fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
        load(path, Wanted::All)
    }

    /// The same without what the optimizer keeps.
    pub fn load_weights(path: &Path) -> Result<Checkpoint, CheckpointError> {
        load(path, Wanted::Weights)
    }

    /// The same of its bytes; an error is a sentence without its beginning.
    pub fn read(bytes: &[u8]) -> Result<Checkpoint, String> {
        let piece = |at: usize, to: &mut [u8]| {
            let from = bytes.get(at..).and_then(|from| from.get(..to.len()));
            to.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        };
        read(bytes, Wanted::All, piece)
    }
}

fn load(path: &Path, wanted: Wanted) -> Result<Checkpoint, CheckpointError> {
    let fail = |error: &dyn std::fmt::Display| unreadable(path, error);
    let mut file = File::open(path).map_err(|e| fail(&e))?;
    if file.metadata().map_err(|e| fail(&e))?.len() == 0 {
        return Checkpoint::read(&[]).map_err(|message| fail(&message));
    }
    // SAFETY: only its header is read, and held to what it is of; a file that another program changes
    // meanwhile may be any file.
    let map = unsafe { Mmap::map(&file) }.map_err(|e| fail(&e))?;
    let piece = |at: usize, to: &mut [u8]| {
        file.seek(SeekFrom::Start(at as u64))?;
        file.read_exact(to)
    };
    read(&map, wanted, piece).map_err(|message| fail(&message))
}

/// Of a file's bytes, of which the header alone is looked at; `piece` reads the others from a place on.
fn read(
    bytes: &[u8],
    wanted: Wanted,
    mut piece: impl FnMut(usize, &mut [u8]) -> io::Result<()>,
) -> Result<Checkpoint, String> {
    let fail = |error: &dyn std::fmt::Display| error.to_string();
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(explained)?;
    let text = header.metadata().as_ref().and_then(|m| m.get("cluec"));
    let text = text.ok_or("it was not written by cluec")?;
    // The number first: another format may have other fields.
    let any: serde_json::Value = serde_json::from_str(text).map_err(|e| fail(&e))?;
    if any["format"] != FORMAT {
        return Err(format!("its format is {}, and this cluec reads {FORMAT}", any["format"]));
    }
    let noted = any.get(SUM).and_then(|sum| sum.as_str()).map(str::to_string);
    let meta: Meta = serde_json::from_value(any).map_err(|e| fail(&e))?;
    let infos: BTreeMap<String, &TensorInfo> = header.tensors().into_iter().collect();
    let mut tensors = Tensors::of(&infos, wanted)?;
    let mut sum = Sum::default();
    let mut passed = Vec::new();
    for (name, info) in &infos {
        let (from, to) = info.data_offsets;
        let (start, end) = (8 + length + from, 8 + length + to);
        sum.begin(name, to - from);
        if let Some(values) = tensors.place(name) {
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(values);
            piece(start, bytes).map_err(|e| fail(&e))?;
            sum.add(bytes);
            values.iter_mut().for_each(|x| *x = f32::from_bits(u32::from_le(x.to_bits())));
            continue;
        }
        for at in (start..end).step_by(PIECE) {
            passed.resize(PIECE.min(end - at), 0);
            piece(at, &mut passed).map_err(|e| fail(&e))?;
            sum.add(&passed);
        }
    }
    // Those of before there were sums have none.
    if noted.is_some_and(|noted| noted != sum.finish()) {
        return Err("its check sum does not fit: the file is damaged".into());
    }
    let Tensors { names, shapes, mut parts } = tensors;
    let parameters = parts.remove(PARAMETERS).unwrap_or_default();
    let average = parts.remove(AVERAGE);
    let kept = parts.into_iter().collect();
    Ok(Checkpoint { meta, names, shapes, parameters, kept, average })
}

/// The tensors that are wanted, as a header tells them; their numbers come later.
struct Tensors {
    /// Of the parameters, in order.
    names: Vec<String>,
    shapes: Vec<Vec<usize>>,
    /// By what they are of each parameter.
    parts: BTreeMap<String, Parameters>,
}

impl Tensors {
    fn of(infos: &BTreeMap<String, &TensorInfo>, wanted: Wanted) -> Result<Tensors, String> {
        let found: Vec<(&str, &str)> =
            infos.keys().filter_map(|name| name.split_once('/')).collect();
        let own = found.iter().filter(|(part, _)| *part == PARAMETERS);
        let mut names: Vec<String> = own.map(|(_, name)| name.to_string()).collect();
        names.sort();
        let is_wanted = |part: &&str| match wanted {
            Wanted::All => true,
            Wanted::Weights => [PARAMETERS, AVERAGE].contains(part),
        };
        let parts: BTreeSet<&str> = found.iter().map(|(part, _)| *part).collect();
        let mut shapes: Vec<Vec<usize>> = Vec::new();
        let mut sized = BTreeMap::new();
        // The parameters first, whose shapes are those of all.
        let others = parts.into_iter().filter(|part| *part != PARAMETERS);
        for part in std::iter::once(PARAMETERS).chain(others).filter(is_wanted) {
            for (at, name) in names.iter().enumerate() {
                let name = format!("{part}/{name}");
                let none = || SafeTensorError::TensorNotFound(name.clone()).to_string();
                let info = infos.get(&name).ok_or_else(none)?;
                if info.dtype != Dtype::F32 {
                    return Err(format!("`{name}` is not fp32"));
                }
                if part == PARAMETERS {
                    shapes.push(info.shape.clone());
                } else if shapes[at] != info.shape {
                    return Err(format!("`{name}` is not shaped as its parameter"));
                }
            }
            let lengths = shapes.iter().map(|shape| shape.iter().product());
            sized.insert(part.to_string(), Parameters::new(lengths));
        }
        Ok(Tensors { names, shapes, parts: sized })
    }

    /// Where the numbers of a tensor go; nowhere if it is not wanted.
    fn place(&mut self, name: &str) -> Option<&mut [f32]> {
        let (part, name) = name.split_once('/')?;
        let values = self.parts.get_mut(part)?;
        let at = self.names.binary_search_by(|known| known.as_str().cmp(name)).ok()?;
        Some(&mut values[at])
    }
}
