//! Calls into Python code, from which a daemon thread may never return.
//!
//! When an interpreter ends, `CPython` before 3.14 ends each daemon thread that wants the GIL back by `pthread_exit`, which
//! unwinds its stack. Rust frames do not let that pass: the process would abort. So the thread sleeps for good where the
//! unwinding arrives, as it does from 3.14 on (<https://github.com/python/cpython/issues/87135>), and as `pyo3-ffi` lets it
//! sleep where *we* ask for the GIL. Whatever may run Python code of others on the way to an answer is called from here.

use pyo3::ffi::{PyIter_Next, PyObject, PyObject_GetIter, PyObject_Str, PyObject_VectorcallDict};
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::hint::black_box;
use std::mem::transmute;

/// Sleeps for good when it is dropped; forgotten by whoever returns.
struct SleepForGood;

impl Drop for SleepForGood {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// `callable(*args)`.
pub(super) fn call<'py, const N: usize>(
    callable: &Bound<'py, PyAny>,
    args: [&Bound<'_, PyAny>; N],
) -> PyResult<Bound<'py, PyAny>> {
    type Declared = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject;
    type Unwinding =
        unsafe extern "C-unwind" fn(*mut PyObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject;

    let args = args.map(Bound::as_ptr);
    // SAFETY: the types differ in what may unwind. `black_box`, because the optimiser takes a declaration as a promise that
    // nothing unwinds out of the function.
    let vectorcall = black_box(unsafe { transmute::<Declared, Unwinding>(PyObject_VectorcallDict) });
    let guard = SleepForGood;
    // SAFETY: the callable and the arguments outlive the call, and the GIL is held.
    let made = unsafe { vectorcall(callable.as_ptr(), args.as_ptr(), N, std::ptr::null_mut()) };
    std::mem::forget(guard);
    // SAFETY: a new reference, or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(callable.py(), made) }
}

/// `str(object)`.
pub(super) fn text<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let made = unary(PyObject_Str, object);
    // SAFETY: a new reference, or null with an exception set.
    Ok(unsafe { Bound::from_owned_ptr_or_err(object.py(), made) }?.cast_into()?)
}

/// What iterating over the object gives.
pub(super) fn items<'py>(object: &Bound<'py, PyAny>) -> PyResult<impl Iterator<Item = PyResult<Bound<'py, PyAny>>>> {
    let py = object.py();
    let made = unary(PyObject_GetIter, object);
    // SAFETY: a new reference, or null with an exception set.
    let iterator = unsafe { Bound::from_owned_ptr_or_err(py, made) }?;
    Ok(std::iter::from_fn(move || {
        let item = unary(PyIter_Next, &iterator);
        // SAFETY: a new reference, or null, with an exception set unless this was the end.
        match unsafe { Bound::from_owned_ptr_or_opt(py, item) } {
            Some(item) => Some(Ok(item)),
            None => PyErr::take(py).map(Err),
        }
    }))
}

type Unary = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;

fn unary(function: Unary, object: &Bound<'_, PyAny>) -> *mut PyObject {
    type Unwinding = unsafe extern "C-unwind" fn(*mut PyObject) -> *mut PyObject;

    // SAFETY: as in `call`.
    let function = black_box(unsafe { transmute::<Unary, Unwinding>(function) });
    let guard = SleepForGood;
    // SAFETY: the object outlives the call, and the GIL is held.
    let made = unsafe { function(object.as_ptr()) };
    std::mem::forget(guard);
    made
}
