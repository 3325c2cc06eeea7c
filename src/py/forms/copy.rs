//! Parts of a form, and their copies.

use super::Maker;
use super::leaf::said;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyFrozenSet, PyList, PySet, PyTuple};

/// What the garbage collector keeps in front of a container.
const COLLECTED_BYTES: usize = 16;

/// A part of a form: an object that is never handed out to be changed, and what of it has to be copied.
pub(super) struct Part {
    object: Py<PyAny>,
    kind: Kind,
}

/// What of a list or tuple has to be copied, by place.
type Parts = Box<[(usize, Part)]>;

enum Kind {
    /// Nothing can change it.
    Leaf,
    /// Its parts are to be copied where they are named; all others are leaves.
    List(Parts),
    Tuple(Parts),
    Dict(Box<[(Py<PyAny>, Part)]>),
    Set,
    ByteArray,
}

impl Part {
    #[inline]
    pub(super) fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.object.bind(py).clone()
    }

    /// A copy that shares nothing with this which can change.
    pub(super) fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let object = self.object.as_ptr();
        match &self.kind {
            Kind::Leaf => Ok(self.object(py)),
            Kind::Dict(parts) => {
                // SAFETY: it is a dict; a new reference, or null with an exception set.
                let copy = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyDict_Copy(object)) }?;
                for (key, part) in parts {
                    let value = part.copy(py)?;
                    // SAFETY: the GIL is held, and all three are alive.
                    done(py, unsafe { ffi::PyDict_SetItem(copy.as_ptr(), key.as_ptr(), value.as_ptr()) })?;
                }
                Ok(copy)
            }
            Kind::List(parts) => {
                let length = self.object.bind(py).len()?.cast_signed();
                // SAFETY: it is a list; a new reference, or null with an exception set.
                let copy = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyList_GetSlice(object, 0, length)) }?;
                for (at, part) in parts {
                    let value = part.copy(py)?.into_ptr();
                    // SAFETY: the GIL is held, the list is as long, and takes the reference over.
                    done(py, unsafe { ffi::PyList_SetItem(copy.as_ptr(), at.cast_signed(), value) })?;
                }
                Ok(copy)
            }
            Kind::Tuple(parts) => tuple(self.object.bind(py).cast()?, parts),
            // SAFETY: it is a set, which is not changed meanwhile; a new reference, or null with an exception set.
            Kind::Set => unsafe { Bound::from_owned_ptr_or_err(py, ffi::PySet_New(object)) },
            Kind::ByteArray => Ok(PyByteArray::from(self.object.bind(py))?.into_any()),
        }
    }
}

fn done(py: Python<'_>, status: i32) -> PyResult<()> {
    if status == 0 { Ok(()) } else { Err(PyErr::fetch(py)) }
}

fn tuple<'py>(whole: &Bound<'py, PyTuple>, parts: &[(usize, Part)]) -> PyResult<Bound<'py, PyAny>> {
    let mut parts = parts.iter().peekable();
    let mut items = Vec::with_capacity(whole.len());
    for (at, item) in whole.iter().enumerate() {
        items.push(match parts.next_if(|(place, _)| *place == at) {
            Some((_, part)) => part.copy(whole.py())?,
            None => item,
        });
    }
    Ok(PyTuple::new(whole.py(), items)?.into_any())
}

impl Maker<'_> {
    /// The part that an object is; none where it, or something in it, can be neither shared nor copied.
    pub(super) fn part(&mut self, value: &Bound<'_, PyAny>, deepest: usize) -> PyResult<Option<Part>> {
        if let Some(weight) = self.leaves.weigh(value)? {
            self.weight += weight;
            return Ok(Some(Part { object: value.clone().unbind(), kind: Kind::Leaf }));
        }
        if deepest == 0 || !self.seen.insert(value.as_ptr().addr()) {
            return Ok(None);
        }
        self.weight += size_of::<Part>() + COLLECTED_BYTES;
        if let Ok(dict) = value.cast_exact::<PyDict>() {
            return self.dict(dict, deepest);
        }
        if let Ok(list) = value.cast_exact::<PyList>() {
            return self.list(list, deepest);
        }
        if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            return self.tuple(tuple, deepest);
        }
        if value.is_exact_instance_of::<PySet>() {
            return self.set(value);
        }
        if value.is_exact_instance_of::<PyFrozenSet>() {
            let is_plain = self.are_leaves(value)?;
            return Ok(is_plain.then(|| Part { object: value.clone().unbind(), kind: Kind::Leaf }));
        }
        if let Ok(bytes) = value.cast_exact::<PyByteArray>() {
            self.weight += said(value)?;
            let object = PyByteArray::from(bytes)?.into_any().unbind();
            return Ok(Some(Part { object, kind: Kind::ByteArray }));
        }
        Ok(None)
    }

    fn dict(&mut self, dict: &Bound<'_, PyDict>, deepest: usize) -> PyResult<Option<Part>> {
        let whole = dict.copy()?;
        self.weight += said(&whole)?;
        let mut parts = Vec::new();
        for (key, value) in dict.iter() {
            // The keys of many dicts are the same objects, and take their place once.
            let Some(weight) = self.key(&key)? else { return Ok(None) };
            self.weight += weight;
            let Some(part) = self.part(&value, deepest - 1)? else { return Ok(None) };
            if !matches!(part.kind, Kind::Leaf) {
                whole.set_item(&key, &part.object)?;
                parts.push((key.unbind(), part));
            }
        }
        Ok(Some(Part { object: whole.into_any().unbind(), kind: Kind::Dict(parts.into()) }))
    }

    /// What a key adds; none where it is no leaf.
    fn key(&mut self, key: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        if !self.seen.insert(key.as_ptr().addr()) {
            return Ok(Some(0));
        }
        match self.leaves.weigh(key)? {
            Some(weight) => Ok(Some(weight)),
            None if key.is_exact_instance_of::<PyTuple>() && self.are_leaves(key)? => Ok(Some(0)),
            None => Ok(None),
        }
    }

    fn list(&mut self, list: &Bound<'_, PyList>, deepest: usize) -> PyResult<Option<Part>> {
        let whole = PyList::new(list.py(), list.iter())?;
        self.weight += said(&whole)?;
        let Some(parts) = self.parts(list.iter(), deepest)? else { return Ok(None) };
        for (at, part) in &parts {
            whole.set_item(*at, &part.object)?;
        }
        Ok(Some(Part { object: whole.into_any().unbind(), kind: Kind::List(parts) }))
    }

    fn tuple(&mut self, given: &Bound<'_, PyTuple>, deepest: usize) -> PyResult<Option<Part>> {
        self.weight += said(given)?;
        let Some(parts) = self.parts(given.iter(), deepest)? else { return Ok(None) };
        if parts.is_empty() {
            return Ok(Some(Part { object: given.clone().into_any().unbind(), kind: Kind::Leaf }));
        }
        Ok(Some(Part { object: tuple(given, &parts)?.unbind(), kind: Kind::Tuple(parts) }))
    }

    /// The parts that have to be copied, by their places.
    fn parts<'py>(
        &mut self,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
        deepest: usize,
    ) -> PyResult<Option<Parts>> {
        let mut parts = Vec::new();
        for (at, item) in items.enumerate() {
            match self.part(&item, deepest - 1)? {
                None => return Ok(None),
                Some(Part { kind: Kind::Leaf, .. }) => {}
                Some(part) => parts.push((at, part)),
            }
        }
        Ok(Some(parts.into()))
    }

    fn set(&mut self, set: &Bound<'_, PyAny>) -> PyResult<Option<Part>> {
        if !self.are_leaves(set)? {
            return Ok(None);
        }
        // SAFETY: a set can be iterated over; a new reference, or null with an exception set.
        let object = unsafe { Bound::from_owned_ptr_or_err(set.py(), ffi::PySet_New(set.as_ptr())) }?;
        Ok(Some(Part { object: object.unbind(), kind: Kind::Set }))
    }

    /// Whether a container holds leaves only.
    fn are_leaves(&mut self, container: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.weight += said(container)?;
        for item in container.try_iter()? {
            match self.leaves.weigh(&item?)? {
                Some(weight) => self.weight += weight,
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}
