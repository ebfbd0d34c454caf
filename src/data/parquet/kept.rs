//! Pages that were unpacked whole, the last ones of them.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Bytes of pages that are kept at most.
const MOST_KEPT: usize = 512 << 20;

/// The pages used last, of all files of a data set and for all threads: 512 MiB of them, or a single
/// one that is larger. Pages that a thread still reads live beside them until it has.
#[derive(Debug, Default)]
pub struct Kept {
    /// The one used last stands last.
    pages: Mutex<Vec<Entry>>,
}

/// The number of the file and a place in it.
type Key = (usize, u64);
/// One thread unpacks, others wait for it.
type Slot = Arc<OnceLock<Result<Arc<Vec<u8>>, String>>>;

#[derive(Debug, Clone)]
struct Entry {
    key: Key,
    size: usize,
    slot: Slot,
}

impl Kept {
    /// A page of so many bytes, unpacked if it is not among those that are kept.
    pub fn get(
        &self,
        key: Key,
        size: usize,
        unpack: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Arc<Vec<u8>>, String> {
        let slot = self.slot(key, size);
        slot.get_or_init(|| unpack().map(Arc::new)).clone()
    }

    fn slot(&self, key: Key, size: usize) -> Slot {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pages.iter().position(|entry| entry.key == key);
        let entry = match known {
            Some(at) => pages.remove(at),
            None => Entry { key, size, slot: Slot::default() },
        };
        let slot = entry.slot.clone();
        pages.push(entry);
        let mut held = 0;
        let fits = pages.iter().rev().take_while(|entry| {
            held += entry.size;
            held <= MOST_KEPT
        });
        let fits = fits.count().max(1);
        let old = pages.len() - fits;
        pages.drain(..old);
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pages_are_kept_within_the_bound() {
        let kept = Kept::default();
        let half = MOST_KEPT / 2;
        let unpacked = std::cell::Cell::new(0);
        let get = |at: u64, size: usize| {
            let page = kept.get((0, at), size, || {
                unpacked.set(unpacked.get() + 1);
                Ok(vec![at as u8])
            });
            assert_eq!(*page.unwrap(), [at as u8]);
            unpacked.get()
        };
        assert_eq!([get(1, half), get(2, half), get(1, half)], [1, 2, 2]);
        // The second one goes: the first was used after it.
        assert_eq!([get(3, half), get(1, half), get(2, half)], [3, 3, 4]);
        // One that is larger than all that is kept is kept alone.
        assert_eq!([get(4, 3 * half), get(4, 3 * half), get(2, half)], [5, 5, 6]);
    }
}
