//! What `torch.save` writes: a pickle that names tensors, and their storages beside it, in a zip
//! archive or (before PyTorch 1.6) in one row.
//!
//! Only what tensors are rebuilt from is understood; the rest of a checkpoint (optimizer, arguments,
//! objects of any class) is passed over as the plain data it was read as.

use super::pickle::{Id, Node, Pickle, PickleError};
use super::tensors::{Number, Storage, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use zip::{CompressionMethod, ZipArchive};

/// By the key that the pickle names them with.
type Storages = HashMap<Vec<u8>, Storage>;

/// Where training scripts keep the weights beside other things, the likeliest first.
const STATES: [&str; 3] = ["model_state_dict", "state_dict", "model"];

/// The integer that a file in one row begins with, as the pickle has it.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const LEGACY_VERSION: i64 = 1001;

pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

pub fn is_legacy(bytes: &[u8]) -> bool {
    let start = [&[0x80, 2, 0x8a, 10][..], &MAGIC].concat();
    bytes.starts_with(&start)
}

/// The tensors of a zip archive. Its members are stored as they are, so that no length in it can
/// make more of the file than it is.
pub fn archive(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let broken =
        |error: &dyn std::fmt::Display| format!("its zip archive is broken, or cut short: {error}");
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    let mut members = HashMap::new();
    for index in 0..zip.len() {
        let member = zip.by_index(index).map_err(|error| broken(&error))?;
        let name = member.name_raw().to_vec();
        if member.compression() != CompressionMethod::Stored || member.encrypted() {
            let name = String::from_utf8_lossy(&name);
            return Err(format!("`{}` in it is compressed or encrypted", name.escape_debug()));
        }
        let start = member.data_start().and_then(|start| usize::try_from(start).ok());
        let length = usize::try_from(member.compressed_size()).ok();
        let range = start.zip(length).and_then(|(start, length)| {
            let end = start.checked_add(length)?;
            (end <= bytes.len()).then_some(start..end)
        });
        let range = range.ok_or_else(|| broken(&"a member ends behind the file"))?;
        members.insert(name, Storage { bytes: range, crc32: Some(member.crc32()) });
    }
    let root =
        members.keys().filter_map(|name| name.strip_suffix(b"data.pkl")).min_by_key(|r| r.len());
    let root = root.ok_or("there is no `data.pkl` in the archive")?.to_vec();
    let member = |name: &[u8]| members.get(&[&root, name].concat());
    if member(b"byteorder").is_some_and(|m| &bytes[m.bytes.clone()] != b"little") {
        return Err("its numbers have their highest byte first, which is not read".into());
    }
    let text = member(b"data.pkl").map_or(&[][..], |m| &bytes[m.bytes.clone()]);
    let pickle = Pickle::read(text).map_err(|error| not_read(&error))?;
    let folder = [&root, &b"data/"[..]].concat();
    let storages = members.iter().filter_map(|(name, storage)| {
        Some((name.strip_prefix(&folder[..])?.to_vec(), storage.clone()))
    });
    tensors(&pickle, &storages.collect())
}

/// The tensors of a file in one row: a number, a version, facts about the system, the pickle that
/// names tensors, the keys of the storages, and these.
pub fn legacy(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, String> {
    let mut at = 0;
    let mut next = || -> Result<Pickle<'_>, String> {
        let pickle = Pickle::read(&bytes[at..]).map_err(|error| not_read(&error))?;
        at += pickle.length;
        Ok(pickle)
    };
    next()?;
    if *next()?.root() != Node::Int(LEGACY_VERSION) {
        return Err("it is of an unknown version of torch.save".into());
    }
    if next()?.entry("little_endian") != Some(&Node::Bool(true)) {
        return Err("its numbers have their highest byte first, which is not read".into());
    }
    let (pickle, keys) = (next()?, next()?);
    let numbers: HashMap<&[u8], Number> =
        pickle.nodes().filter_map(|node| stored(&pickle, node).ok()).collect();
    let Node::List(list) = keys.root() else { return Err("its storages are not listed".into()) };
    let mut storages = Storages::new();
    for &key in list {
        let Node::Bytes(key) = *keys.node(key) else { return Err("a storage has no name".into()) };
        let number = numbers.get(key).ok_or("a storage is of an unknown type")?;
        let early = || "the file ends within a storage".to_string();
        let length = bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).ok_or_else(early)?;
        let length = usize::try_from(i64::from_le_bytes(length)).map_err(|_| early())?;
        let end = length.checked_mul(number.width()).and_then(|n| n.checked_add(at + 8));
        let end = end.filter(|&end| end <= bytes.len()).ok_or_else(early)?;
        storages.insert(key.to_vec(), Storage { bytes: at + 8..end, crc32: None });
        at = end;
    }
    tensors(&pickle, &storages)
}

fn not_read(error: &PickleError) -> String {
    format!("its pickle is not read: byte {}: {}", error.at, error.message)
}

/// The tensors of the dictionary that holds the weights.
fn tensors(pickle: &Pickle<'_>, storages: &Storages) -> Result<BTreeMap<String, Tensor>, String> {
    let mut tensors = BTreeMap::new();
    for (key, value) in state(pickle)? {
        let name = text(pickle, key);
        let tensor = tensor(pickle, pickle.node(value), storages)
            .map_err(|error| format!("`{}` {error}", name.escape_debug()))?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

/// The entries of the dictionary that holds the weights: the root, or the one in it that does.
fn state(pickle: &Pickle<'_>) -> Result<Vec<(Id, Id)>, String> {
    let Some(root) = pickle.entries(pickle.root()) else {
        let what = match pickle.root() {
            Node::Object { callable, .. } => global(pickle, *callable),
            _ => None,
        };
        let what = what.map_or("no dictionary".into(), |class| format!("a `{class}`"));
        return Err(format!("it holds {what} instead of the dictionary `model.state_dict()`"));
    };
    let holds = |entries: &[(Id, Id)]| {
        entries.iter().any(|(_, value)| rebuilt(pickle, pickle.node(*value)).is_some())
    };
    if holds(&root) {
        return Ok(root);
    }
    let inner = root.iter().filter_map(|&(key, value)| {
        let entries = pickle.entries(pickle.node(value)).filter(|entries| holds(entries))?;
        Some((text(pickle, key), entries))
    });
    let mut inner: Vec<(String, Vec<(Id, Id)>)> = inner.collect();
    let known = STATES.iter().find_map(|state| inner.iter().position(|(key, _)| key == state));
    match (known, inner.len()) {
        (Some(index), _) => Ok(inner.swap_remove(index).1),
        (None, 1) => Ok(inner.remove(0).1),
        (None, 0) => {
            Err(format!("it holds no tensors{}", keys(root.iter().map(|e| text(pickle, e.0)))))
        }
        _ => {
            let keys = keys(inner.into_iter().map(|(key, _)| key));
            Err(format!("it holds several sets of tensors and no `model_state_dict`{keys}"))
        }
    }
}

/// The first of some keys, for a message.
fn keys(keys: impl Iterator<Item = String>) -> String {
    let keys: Vec<String> = keys.take(8).map(|key| format!("`{}`", key.escape_debug())).collect();
    if keys.is_empty() { String::new() } else { format!("; its keys: {}", keys.join(", ")) }
}

fn text(pickle: &Pickle<'_>, id: Id) -> String {
    match pickle.node(id) {
        Node::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Node::Int(number) => number.to_string(),
        _ => "?".into(),
    }
}

fn global(pickle: &Pickle<'_>, id: Id) -> Option<String> {
    let Node::Global { module, name } = pickle.node(id) else { return None };
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string();
    Some(format!("{}.{}", lossy(module), lossy(name)))
}

/// What a tensor is rebuilt by and from.
fn rebuilt<'p, 'a>(pickle: &'p Pickle<'a>, node: &Node<'a>) -> Option<(&'a [u8], &'p [Id])> {
    let Node::Object { callable, arguments, .. } = node else { return None };
    let &Node::Global { module: b"torch._utils", name } = pickle.node(*callable) else {
        return None;
    };
    let Node::Tuple(arguments) = pickle.node(*arguments) else { return None };
    name.starts_with(b"_rebuild_").then_some((name, arguments))
}

fn tensor(pickle: &Pickle<'_>, node: &Node<'_>, storages: &Storages) -> Result<Tensor, String> {
    let other = || "is no plain tensor".to_string();
    let (mut by, mut arguments) = rebuilt(pickle, node).ok_or_else(other)?;
    // A parameter is a tensor with a flag.
    if let (b"_rebuild_parameter", [inner, ..]) = (by, arguments) {
        (by, arguments) = rebuilt(pickle, pickle.node(*inner)).ok_or_else(other)?;
    }
    let (b"_rebuild_tensor_v2" | b"_rebuild_tensor", &[storage, start, shape, strides, ..]) =
        (by, arguments)
    else {
        return Err(other());
    };
    let (key, number) = stored(pickle, pickle.node(storage))?;
    let storage = storages.get(key).ok_or("has no storage in the file")?.clone();
    let size = |id: Id| match *pickle.node(id) {
        Node::Int(size) => usize::try_from(size).map_err(|_| "has a negative size".to_string()),
        _ => Err(other()),
    };
    let sizes = |id: Id| match pickle.node(id) {
        Node::Tuple(sizes) => sizes.iter().map(|&id| size(id)).collect::<Result<Vec<_>, _>>(),
        _ => Err(other()),
    };
    Tensor::new(sizes(shape)?, number, storage, size(start)?, sizes(strides)?)
}

/// The key of a storage and the type of its numbers: `("storage", class, key, place, length)`.
fn stored<'a>(pickle: &Pickle<'a>, node: &Node<'a>) -> Result<(&'a [u8], Number), String> {
    let other = || "has a storage of an unknown form".to_string();
    let &Node::Outside(id) = node else { return Err(other()) };
    let Node::Tuple(parts) = pickle.node(id) else { return Err(other()) };
    let &[tag, class, key, ..] = parts.as_slice() else { return Err(other()) };
    let (Node::Bytes(b"storage"), &Node::Bytes(key)) = (pickle.node(tag), pickle.node(key)) else {
        return Err(other());
    };
    let &Node::Global { module: b"torch", name } = pickle.node(class) else { return Err(other()) };
    let number = match name {
        b"DoubleStorage" => Number::F64,
        b"FloatStorage" => Number::F32,
        b"HalfStorage" => Number::F16,
        b"BFloat16Storage" => Number::Bf16,
        b"LongStorage" => Number::I64,
        b"IntStorage" => Number::I32,
        b"ShortStorage" => Number::I16,
        b"CharStorage" => Number::I8,
        b"ByteStorage" | b"BoolStorage" => Number::U8,
        _ => {
            let class = global(pickle, class).unwrap_or_default();
            return Err(format!("is stored as `{class}`, which is not read"));
        }
    };
    Ok((key, number))
}
