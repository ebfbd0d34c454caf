//! Safetensors written tensor by tensor: nothing is held beside them but the header.

use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

/// A tensor of `f32` that is to be written.
#[derive(Debug, Clone)]
pub struct Floats<'a> {
    pub name: String,
    pub shape: &'a [usize],
    pub values: &'a [f32],
}

impl<'a> Floats<'a> {
    /// As they lie in a file: the lowest byte first.
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        match cfg!(target_endian = "little") {
            true => Cow::Borrowed(bytemuck::cast_slice(self.values)),
            false => Cow::Owned(self.values.iter().flat_map(|x| x.to_le_bytes()).collect()),
        }
    }
}

/// Writes a whole file, tensors in the order of their names.
pub fn write(
    to: &mut dyn Write,
    mut tensors: Vec<Floats<'_>>,
    metadata: HashMap<String, String>,
) -> io::Result<()> {
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let mut end = 0;
    let info = |tensor: &Floats<'_>| {
        let start = end;
        end += size_of_val(tensor.values);
        let shape = tensor.shape.to_vec();
        (tensor.name.clone(), TensorInfo { dtype: Dtype::F32, shape, data_offsets: (start, end) })
    };
    let infos = tensors.iter().map(info).collect();
    let header = Metadata::new(Some(metadata), infos).map_err(io::Error::other)?;
    let mut header = serde_json::to_vec(&header)?;
    // What follows is aligned.
    header.resize(header.len().next_multiple_of(8), b' ');
    to.write_all(&(header.len() as u64).to_le_bytes())?;
    to.write_all(&header)?;
    tensors.iter().try_for_each(|tensor| to.write_all(&tensor.bytes()))
}
