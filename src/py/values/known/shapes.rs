//! Dicts with the keys that dicts had lately, in the same order. To copy one is faster than to let another one grow, key by key.

use super::place;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use std::ptr::NonNull;

/// Slots; a shape has one place, and takes it from whichever was there.
const SLOTS: usize = 256;
/// With fewer keys there is next to nothing to save.
const FEWEST: usize = 3;
/// With more keys than these, what a dict is keyed by is data.
const MOST: usize = 64;
/// A longer key, in characters, is data too.
const LONGEST: usize = 64;

/// At most as many small dicts as there are slots.
pub(in crate::py::values) struct Shapes {
    slots: [Option<Slot>; SLOTS],
}

struct Slot {
    digest: u64,
    /// Made when the shape is met for the second time.
    shape: Option<Shape>,
}

struct Shape {
    /// Has None under every key, and keeps the keys alive.
    blank: Py<PyDict>,
    keys: Box<[NonNull<ffi::PyObject>]>,
}

// SAFETY: the pointers are compared and never followed.
unsafe impl Send for Shape {}

impl Shapes {
    pub(super) const NONE: Self = Self { slots: [const { None }; SLOTS] };

    /// A new dict that has the keys among these keys and values already, and values to be replaced; none where the shape is not known.
    #[inline]
    pub(in crate::py::values) fn dict<'py>(
        &mut self,
        py: Python<'py>,
        items: &[Bound<'py, PyAny>],
    ) -> Option<Bound<'py, PyAny>> {
        if !(2 * FEWEST..=2 * MOST).contains(&items.len()) {
            return None;
        }
        let digest = digest(items);
        let slot = &mut self.slots[place::<SLOTS>(digest)];
        match slot {
            Some(Slot { digest: known, shape: Some(shape) }) if *known == digest && shape.has_keys_of(items) => {
                // SAFETY: it is a dict. A new reference, or null with an exception set.
                unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyDict_Copy(shape.blank.as_ptr())) }.ok()
            }
            Some(Slot { digest: known, shape: shape @ None }) if *known == digest => {
                *shape = Shape::new(py, items);
                None
            }
            _ => {
                *slot = Some(Slot { digest, shape: None });
                None
            }
        }
    }
}

impl Shape {
    /// None where keys are not names, or occur twice.
    #[cold]
    fn new(py: Python<'_>, items: &[Bound<'_, PyAny>]) -> Option<Self> {
        let blank = PyDict::new(py);
        for key in items.iter().step_by(2) {
            let is_name =
                key.cast_exact::<PyString>().is_ok_and(|name| name.len().is_ok_and(|length| length <= LONGEST));
            if !is_name {
                return None;
            }
            blank.set_item(key, py.None()).ok()?;
        }
        if blank.len() < items.len() / 2 {
            return None;
        }
        Some(Self { blank: blank.unbind(), keys: keys(items).collect() })
    }

    #[inline]
    fn has_keys_of(&self, items: &[Bound<'_, PyAny>]) -> bool {
        self.keys.iter().zip(items.iter().step_by(2)).all(|(known, key)| known.as_ptr() == key.as_ptr())
            && self.keys.len() == items.len() / 2
    }
}

#[inline]
fn keys(items: &[Bound<'_, PyAny>]) -> impl Iterator<Item = NonNull<ffi::PyObject>> {
    items.iter().step_by(2).filter_map(|key| NonNull::new(key.as_ptr()))
}

/// Of the first key, the last one, one between and their number, which tell most shapes apart.
#[inline]
fn digest(items: &[Bound<'_, PyAny>]) -> u64 {
    let [first, .., last, _] = items else { return 0 };
    let [first, middle, last] = [first, &items[items.len() / 4 * 2], last].map(|key| key.as_ptr() as u64);
    (first ^ middle.rotate_left(43) ^ last.rotate_left(23)).wrapping_add(items.len() as u64)
}
