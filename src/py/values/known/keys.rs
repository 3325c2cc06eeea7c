//! Texts that were keys of dicts lately. Values of one kind have the same keys, and a text that is there already needs neither memory
//! nor, as it remembers its hash, hashing.

use super::place;
use crate::py::values::text;
use pyo3::prelude::*;

/// Slots; a key has one place, and takes it from whichever was there.
const SLOTS: usize = 1024;
/// Longer texts, in bytes, are not kept: those are rarely names.
const LONGEST: usize = 64;

/// At most as many short texts as there are slots.
pub(in crate::py::values) struct Keys {
    slots: [Option<Py<PyAny>>; SLOTS],
}

impl Keys {
    pub(super) const NONE: Self = Self { slots: [const { None }; SLOTS] };

    /// The text, a kept one if possible; none where it is no UTF-8.
    #[inline]
    pub(in crate::py::values) fn key<'py>(&mut self, py: Python<'py>, utf8: &[u8]) -> Option<Bound<'py, PyAny>> {
        if utf8.len() < 2 || utf8.len() > LONGEST {
            return text::new(py, utf8);
        }
        let slot = &mut self.slots[slot(utf8)];
        if let Some(known) = slot {
            let known = known.bind(py);
            // SAFETY: only those are kept.
            if unsafe { text::bytes(known) } == utf8 {
                return Some(known.clone());
            }
        }
        let made = text::new(py, utf8)?;
        if utf8.is_ascii() {
            *slot = Some(made.clone().unbind());
        }
        Some(made)
    }
}

/// By both ends and the length, which tell most names apart. Whoever chooses keys that meet in one slot has them made anew, as all
/// were before.
#[inline]
fn slot(utf8: &[u8]) -> usize {
    let ends = ends::<8>(utf8).or_else(|| ends::<4>(utf8)).or_else(|| ends::<2>(utf8));
    let (first, last) = ends.unwrap_or_default();
    place::<SLOTS>((first ^ last.rotate_left(23)).wrapping_add(utf8.len() as u64))
}

/// The first and the last `N` bytes, which may overlap.
#[inline]
fn ends<const N: usize>(utf8: &[u8]) -> Option<(u64, u64)> {
    let number = |bytes: &[u8; N]| {
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(bytes);
        u64::from_le_bytes(wide)
    };
    Some((number(utf8.first_chunk()?), number(utf8.last_chunk()?)))
}
