//! Builds the objects of plain pickles, without asking Python's unpickler.

use super::known::{Known, known};
use super::text;
use crate::codec::pickle::{self, Build, Items};
use parking_lot::MutexGuard;
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyTuple};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How many pickles are looked through before they are read, after one that was not plain.
const DOUBTS: u32 = 64;

/// Reads the plain ones among the pickles of one cache.
#[derive(Default)]
pub(super) struct PlainPickles {
    /// Whoever stores a date in one value does so in others; half read, each would cost half of its time once more.
    doubts: AtomicU32,
}

impl PlainPickles {
    /// What a plain pickle holds; none where `pickle.loads` has to read it, or to say what is wrong with it. Nobody notices that it
    /// was tried.
    #[inline]
    pub(super) fn load<'py>(&self, py: Python<'py>, bytes: &[u8]) -> Option<Bound<'py, PyAny>> {
        let doubts = self.doubts.load(Relaxed);
        let found = if doubts == 0 || pickle::is_plain(bytes) { load(py, bytes) } else { None };
        if found.is_none() {
            self.doubts.store(DOUBTS, Relaxed);
        } else if doubts > 0 {
            self.doubts.store(doubts - 1, Relaxed);
        }
        found
    }
}

/// What a plain pickle holds, for tests and measurements.
///
/// # Errors
/// It is no plain pickle.
#[pyfunction]
#[pyo3(signature = (data, /))]
pub(crate) fn load_plain_pickle<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    load(py, data).ok_or_else(|| PyValueError::new_err("this is no plain pickle; use pickle.loads()"))
}

#[inline]
fn load<'py>(py: Python<'py>, bytes: &[u8]) -> Option<Bound<'py, PyAny>> {
    let _pause = GarbagePause::new(py);
    pickle::load(bytes, &mut Builder { py, known: known() })
}

/// While it lives, Python looks for no garbage. That would run finalizers, which are anybody's code, here among references that
/// only this thread knows; it is made up for with the next object that is made.
struct GarbagePause {
    was_enabled: bool,
}

impl GarbagePause {
    #[inline]
    fn new(_py: Python<'_>) -> Self {
        // SAFETY: the GIL is held.
        Self { was_enabled: unsafe { ffi::PyGC_Disable() } != 0 }
    }
}

impl Drop for GarbagePause {
    #[inline]
    fn drop(&mut self) {
        if self.was_enabled {
            // SAFETY: the GIL is held: it is made in `load` only, which does not let go of it.
            unsafe { ffi::PyGC_Enable() };
        }
    }
}

struct Builder<'py> {
    py: Python<'py>,
    /// None while another reader has them, which cannot be while the GIL is held; then all keys are made anew.
    known: Option<MutexGuard<'static, Known>>,
}

impl<'py> Builder<'py> {
    /// What an API function returned: a new reference, or null with an exception that is none of the caller's business.
    ///
    /// # Safety
    /// It is that.
    #[inline]
    unsafe fn made(&self, object: *mut ffi::PyObject) -> Option<Bound<'py, PyAny>> {
        // SAFETY: a new reference or null, says the caller.
        let made = unsafe { Bound::from_owned_ptr_or_opt(self.py, object) };
        if made.is_none() {
            self.forget_error();
        }
        made
    }

    #[inline]
    fn done(&self, status: i32) -> Option<()> {
        if status == 0 {
            return Some(());
        }
        self.forget_error();
        None
    }

    /// The unpickler will raise it again.
    #[cold]
    fn forget_error(&self) {
        drop(PyErr::take(self.py));
    }
}

impl<'py> Build for Builder<'py> {
    type Object = Bound<'py, PyAny>;

    #[inline]
    fn none(&mut self) -> Self::Object {
        self.py.None().into_bound(self.py)
    }

    #[inline]
    fn truth(&mut self, value: bool) -> Self::Object {
        PyBool::new(self.py, value).to_owned().into_any()
    }

    #[inline]
    fn integer(&mut self, value: i64) -> Option<Self::Object> {
        // SAFETY: a new reference or null.
        unsafe { self.made(ffi::PyLong_FromLongLong(value)) }
    }

    fn long(&mut self, bytes: &[u8]) -> Option<Self::Object> {
        let options = PyDict::new(self.py);
        options.set_item(intern!(self.py, "signed"), true).ok()?;
        let arguments = (PyBytes::new(self.py, bytes), intern!(self.py, "little"));
        self.py.get_type::<PyInt>().call_method(intern!(self.py, "from_bytes"), arguments, Some(&options)).ok()
    }

    #[inline]
    fn float(&mut self, value: f64) -> Option<Self::Object> {
        Some(PyFloat::new(self.py, value).into_any())
    }

    #[inline]
    fn text(&mut self, utf8: &[u8]) -> Option<Self::Object> {
        text::new(self.py, utf8)
    }

    #[inline]
    fn key(&mut self, utf8: &[u8]) -> Option<Self::Object> {
        match &mut self.known {
            Some(known) => known.keys.key(self.py, utf8),
            None => text::new(self.py, utf8),
        }
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> Option<Self::Object> {
        // SAFETY: so many bytes are there; a new reference or null.
        unsafe { self.made(ffi::PyBytes_FromStringAndSize(bytes.as_ptr().cast(), bytes.len().cast_signed())) }
    }

    #[inline]
    fn bytearray(&mut self, bytes: &[u8]) -> Option<Self::Object> {
        // SAFETY: so many bytes are there; a new reference or null.
        unsafe { self.made(ffi::PyByteArray_FromStringAndSize(bytes.as_ptr().cast(), bytes.len().cast_signed())) }
    }

    #[inline]
    fn tuple(&mut self, items: Objects<'_, 'py>) -> Option<Self::Object> {
        Some(PyTuple::new(self.py, items).ok()?.into_any())
    }

    #[inline]
    fn list(&mut self, items: Objects<'_, 'py>) -> Option<Self::Object> {
        Some(PyList::new(self.py, items).ok()?.into_any())
    }

    #[inline]
    fn dict(&mut self, items: &[Self::Object]) -> Option<Self::Object> {
        let known = self.known.as_deref_mut().and_then(|known| known.shapes.dict(self.py, items));
        let dict = match known {
            Some(dict) => dict,
            // SAFETY: a new reference or null.
            None => unsafe { self.made(ffi::PyDict_New()) }?,
        };
        self.insert(&dict, items)?;
        Some(dict)
    }

    fn set(&mut self, items: &[Self::Object]) -> Option<Self::Object> {
        // SAFETY: a new reference or null.
        let set = unsafe { self.made(ffi::PySet_New(std::ptr::null_mut())) }?;
        self.add(&set, items)?;
        Some(set)
    }

    fn frozenset(&mut self, items: &[Self::Object]) -> Option<Self::Object> {
        Some(PyFrozenSet::new(self.py, items).ok()?.into_any())
    }

    fn append(&mut self, list: &Self::Object, items: &[Self::Object]) -> Option<()> {
        let list = list.cast_exact::<PyList>().ok()?;
        for item in items {
            // SAFETY: both are alive, and the first is a list.
            self.done(unsafe { ffi::PyList_Append(list.as_ptr(), item.as_ptr()) })?;
        }
        Some(())
    }

    #[inline]
    fn insert(&mut self, dict: &Self::Object, items: &[Self::Object]) -> Option<()> {
        let dict = dict.cast_exact::<PyDict>().ok()?;
        for pair in items.chunks_exact(2) {
            // SAFETY: all are alive, and the first is a dict.
            self.done(unsafe { ffi::PyDict_SetItem(dict.as_ptr(), pair[0].as_ptr(), pair[1].as_ptr()) })?;
        }
        Some(())
    }

    fn add(&mut self, set: &Self::Object, items: &[Self::Object]) -> Option<()> {
        let set = set.cast_exact::<PySet>().ok()?;
        for item in items {
            // SAFETY: both are alive, and the first is a set.
            self.done(unsafe { ffi::PySet_Add(set.as_ptr(), item.as_ptr()) })?;
        }
        Some(())
    }
}

type Objects<'a, 'py> = Items<'a, Bound<'py, PyAny>>;
