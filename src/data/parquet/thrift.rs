//! Thrift's compact protocol as plain data: the headers of a Parquet file are written in it.
//!
//! A value is a tree of what was there; nothing is reserved for what a length merely claims.

/// How deep structs and lists may lie in each other.
const DEEPEST: usize = 24;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Bool(bool),
    Int(i64),
    /// Bytes or text.
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    /// By the numbers of the fields.
    Struct(Vec<(i16, Value<'a>)>),
    /// A float or a map: nothing that is looked at.
    Other,
}

impl<'a> Value<'a> {
    /// The value of a field of a struct.
    pub fn field(&self, id: i16) -> Option<&Value<'a>> {
        match self {
            Value::Struct(fields) => fields.iter().find(|(own, _)| *own == id).map(|(_, v)| v),
            _ => None,
        }
    }

    pub fn int(&self, id: i16) -> Option<i64> {
        match self.field(id) {
            Some(Value::Int(x)) => Some(*x),
            _ => None,
        }
    }

    pub fn bytes(&self, id: i16) -> Option<&'a [u8]> {
        match self.field(id) {
            Some(Value::Bytes(bytes)) => Some(*bytes),
            _ => None,
        }
    }

    pub fn text(&self, id: i16) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(id)?).ok()
    }

    /// The items of a list; none where there is no list.
    pub fn list(&self, id: i16) -> &[Value<'a>] {
        match self.field(id) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }
}

/// A struct at the beginning of `input`, and how many bytes it takes. None if there is none, or not
/// all of it.
pub fn read(input: &[u8]) -> Option<(Value<'_>, usize)> {
    let mut reader = Reader { input, at: 0 };
    let value = reader.fields(0)?;
    Some((value, reader.at))
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let bytes = self.input.get(self.at..self.at.checked_add(n)?)?;
        self.at += n;
        Some(bytes)
    }

    /// Seven bits a byte, the low ones first.
    fn varint(&mut self) -> Option<u64> {
        let mut out = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            out |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(out);
            }
        }
        None
    }

    /// Small numbers of either sign are small.
    fn zigzag(&mut self) -> Option<i64> {
        let x = self.varint()?;
        Some((x >> 1) as i64 ^ -((x & 1) as i64))
    }

    fn fields(&mut self, depth: usize) -> Option<Value<'a>> {
        let mut fields = Vec::new();
        let mut id = 0i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(Value::Struct(fields));
            }
            id = match head >> 4 {
                0 => i16::try_from(self.zigzag()?).ok()?,
                step => id.checked_add(step.into())?,
            };
            let value = match head & 0x0f {
                1 => Value::Bool(true),
                2 => Value::Bool(false),
                ty => self.value(ty, depth + 1)?,
            };
            fields.push((id, value));
        }
    }

    fn value(&mut self, ty: u8, depth: usize) -> Option<Value<'a>> {
        if depth > DEEPEST {
            return None;
        }
        match ty {
            // In a list a switch is a byte.
            1 | 2 => self.byte().map(|byte| Value::Bool(byte == 1)),
            3 => self.byte().map(|byte| Value::Int((byte as i8).into())),
            4..=6 => self.zigzag().map(Value::Int),
            7 => self.take(8).map(|_| Value::Other),
            8 => {
                let n = usize::try_from(self.varint()?).ok()?;
                self.take(n).map(Value::Bytes)
            }
            9 | 10 => {
                let head = self.byte()?;
                let n = match head >> 4 {
                    15 => self.varint()?,
                    n => n.into(),
                };
                let mut items = Vec::new();
                for _ in 0..n {
                    items.push(self.value(head & 0x0f, depth + 1)?);
                }
                Some(Value::List(items))
            }
            11 => {
                let n = self.varint()?;
                let types = if n > 0 { self.byte()? } else { 0 };
                for _ in 0..n {
                    self.value(types >> 4, depth + 1)?;
                    self.value(types & 0x0f, depth + 1)?;
                }
                Some(Value::Other)
            }
            12 => self.fields(depth),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_struct_by_hand() {
        // 1: i32 -3; 2: "ab"; 5: [true, false]; 21: {}; 22: true.
        let bytes = b"\x15\x05\x18\x02ab\x39\x21\x01\x02\x0c\x2a\x00\x11\x00tail";
        let (value, length) = read(bytes).unwrap();
        assert_eq!(length, bytes.len() - 4);
        assert_eq!((value.int(1), value.text(2)), (Some(-3), Some("ab")));
        assert_eq!(value.list(5), [Value::Bool(true), Value::Bool(false)]);
        assert_eq!(value.field(21), Some(&Value::Struct(Vec::new())));
        assert_eq!(value.field(22), Some(&Value::Bool(true)));
        for cut in 0..length {
            assert_eq!(read(&bytes[..cut]), None);
        }
        // A list of two billion, and a struct in a struct in a struct …
        assert_eq!(read(b"\x19\xf5\xff\xff\xff\xff\x07\x02"), None);
        assert_eq!(read(&[0x1c; 1000]), None);
    }
}
