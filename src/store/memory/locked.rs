//! The parts of the store that hold some keys, all locked at once: what is done with them is done in one step.

use super::Memory;
use super::shard::{Part, Shard};
use crate::bounded::Held;
use smallvec::SmallVec;
use std::sync::Arc;

/// Locked parts, in their order.
pub(super) struct Locked<'a> {
    memory: &'a Memory,
    parts: SmallVec<[(usize, Part<'a>); 4]>,
    /// Dropped after all locks.
    gone: Vec<Arc<dyn Held>>,
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        for (_, part) in &mut self.parts {
            self.gone.append(&mut part.take_gone());
        }
    }
}

impl Memory {
    /// Locks the parts that hold these keys, one after the other in the order of the parts, so that two callers never wait
    /// for each other.
    pub(super) fn lock(&self, keys: &[&[u8]]) -> Locked<'_> {
        let mut indices: SmallVec<[usize; 4]> = keys.iter().map(|key| self.index(key)).collect();
        indices.sort_unstable();
        indices.dedup();
        let parts = indices.into_iter().map(|index| (index, Part::lock(&self.shards[index]))).collect();
        Locked { memory: self, parts, gone: Vec::new() }
    }
}

impl Locked<'_> {
    /// The part that holds a key, which must be one of those that were named.
    pub(super) fn of(&mut self, key: &[u8]) -> &mut Shard {
        let place = if self.parts.len() == 1 {
            0
        } else {
            let index = self.memory.index(key);
            let place = self.parts.binary_search_by_key(&index, |(index, _)| *index);
            place.expect("its key was named when the parts were locked")
        };
        &mut self.parts[place].1
    }
}
