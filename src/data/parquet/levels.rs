//! Small numbers in runs: Parquet's hybrid of repeated and packed values.

/// Numbers of `width` bits, at most 32, of which `wanted` are taken; what they take less than is an
/// error of the caller's file. None if there are fewer.
pub fn read(input: &[u8], width: u32, wanted: usize) -> Option<Vec<u32>> {
    if width > 32 {
        return None;
    }
    let mut out = Vec::new();
    let mut rest = input;
    while out.len() < wanted {
        let head = varint(&mut rest)?;
        let left = wanted - out.len();
        let count = usize::try_from(head >> 1).ok()?;
        if head & 1 == 0 {
            let bytes = width.div_ceil(8) as usize;
            let (value, after) = rest.split_at_checked(bytes)?;
            let value = value.iter().rev().fold(0u32, |x, &byte| x << 8 | u32::from(byte));
            out.extend(std::iter::repeat_n(value, count.min(left)));
            rest = after;
            // An empty run would go on for ever.
            if count == 0 {
                return None;
            }
        } else {
            let bytes = count.checked_mul(width as usize)?;
            // The last run may be cut where its values end.
            let (packed, after) = rest.split_at(bytes.min(rest.len()));
            let there = match width {
                0 => count.checked_mul(8)?,
                _ => packed.len() * 8 / width as usize,
            };
            let values = (0..there.min(left)).map(|i| unpack(packed, i * width as usize, width));
            let before = out.len();
            out.extend(values);
            rest = after;
            if out.len() == before {
                return None;
            }
        }
    }
    Some(out)
}

/// `width` bits from bit `at` on, low bits first.
fn unpack(packed: &[u8], at: usize, width: u32) -> u32 {
    let bytes = packed[at / 8..].iter().take(5).enumerate();
    let word = bytes.fold(0u64, |word, (i, &byte)| word | u64::from(byte) << (8 * i));
    (word >> (at % 8) & ((1u64 << width) - 1)) as u32
}

fn varint(input: &mut &[u8]) -> Option<u64> {
    let mut out = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = input.split_first()?;
        *input = rest;
        out |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(out);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_by_hand() {
        // Five times 3, then 0 … 7 packed in three bits each: the example of the specification.
        let bytes = [5 << 1, 3, 1 << 1 | 1, 0x88, 0xc6, 0xfa];
        let all = [3, 3, 3, 3, 3, 0, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(read(&bytes, 3, 13).unwrap(), all);
        assert_eq!(read(&bytes, 3, 7).unwrap(), all[..7]);
        assert_eq!(read(&bytes, 3, 14), None);
        assert_eq!(read(&bytes[..1], 3, 1), None);
        // A billion values claimed, two wanted; and empty runs.
        assert_eq!(read(&[0xfe, 0xff, 0xff, 0xff, 0x0f, 1], 1, 2).unwrap(), [1, 1]);
        assert_eq!(read(&[0, 1, 0, 1], 1, 1), None);
        assert_eq!(read(&[1, 1], 1, 1), None);
        // No bits: all are 0.
        assert_eq!(read(&[4], 0, 2).unwrap(), [0, 0]);
    }
}
