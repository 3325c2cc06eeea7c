//! A native function that makes keys from keyword arguments: `make(prefix, **params)` or `make(prefix, scope, **params)`.
//!
//! A Python function around [`PyPairsLayout::key`] costs as much again: the interpreter takes the dict of keywords apart for
//! the call, and puts another together for the function.

use super::errors::ConfigError;
use super::keys::{Entries, PyPairsLayout, ROOM, bytes, entries};
use super::outcall;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyCFunction, PyDict, PyString, PyTuple};
use std::ffi::{CStr, CString};

/// What such a function knows.
pub(super) struct KeyFunction {
    layout: Py<PyPairsLayout>,
    name: String,
    /// The names of the arguments before the keywords: the prefix, then the scope if there is one.
    leading: Vec<Py<PyString>>,
    /// What stands before a scope in a key.
    scope: Option<String>,
}

impl KeyFunction {
    /// A function of the name and the arguments of the Python function `like`.
    pub(super) fn new(layout: Py<PyPairsLayout>, like: &Bound<'_, PyAny>, scope: Option<String>) -> PyResult<Self> {
        let code = like.getattr("__code__")?;
        let count = code.getattr("co_argcount")?.extract::<usize>()?;
        let name = like.getattr("__name__")?.extract::<String>()?;
        if count != 1 + usize::from(scope.is_some()) {
            let message =
                format!("'{name}' has {count} arguments; a prefix is needed, and one more with 'scope' alone");
            return Err(ConfigError::new_err(message));
        }
        let names = code.getattr("co_varnames")?.cast_into::<PyTuple>()?;
        let leading = names.iter().take(count).map(|name| Ok(name.cast_into::<PyString>()?.unbind()));
        Ok(Self { layout, name, leading: leading.collect::<PyResult<_>>()?, scope })
    }

    /// As Python calls it.
    pub(super) fn into_python<'py>(self, like: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyCFunction>> {
        let py = like.py();
        let doc = like.getattr("__doc__")?.extract::<Option<String>>()?.unwrap_or_default();
        let arguments = self.leading.iter().map(|name| name.to_str(py)).collect::<PyResult<Vec<_>>>()?.join(", ");
        let default = if self.scope.is_some() { "=None" } else { "" };
        let doc = lasting(format!("{}({arguments}{default}, **params)\n--\n\n{doc}", self.name))?;
        let name = lasting(self.name.clone())?;
        let function =
            PyCFunction::new_closure(py, Some(name), Some(doc), move |args, params| self.call(args, params))?;
        function.setattr("__module__", like.getattr("__module__")?)?;
        Ok(function)
    }

    fn call(&self, args: &Bound<'_, PyTuple>, params: Option<&Bound<'_, PyDict>>) -> PyResult<Py<PyString>> {
        let py = args.py();
        let mut entries = params.map(entries).unwrap_or_default();
        if args.len() > self.leading.len() {
            return Err(self.wrong(&format!(
                "takes {} arguments before the keywords, not {}",
                self.leading.len(),
                args.len()
            )));
        }
        let Some(prefix) = self.leading(0, args, &mut entries)? else {
            return Err(self.wrong(&format!("needs {:?}", self.leading[0].to_str(py)?)));
        };
        let layout = self.layout.get();
        let mut out = Vec::with_capacity(ROOM);
        if let Some(name) = &self.scope
            && let Some(scope) = self.leading(1, args, &mut entries)?
            && is_true(&scope)?
        {
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            layout.word(&scope, |scope| scope.write_str(&mut out))?;
            out.push(b':');
        }
        out.extend_from_slice(&bytes(prefix.cast()?)?);
        Ok(layout.end(py, out, &entries)?.unbind())
    }

    /// The argument at this place, which may also be given by its name.
    #[inline]
    fn leading<'py>(
        &self,
        at: usize,
        args: &Bound<'py, PyTuple>,
        entries: &mut Entries<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = args.py();
        let mut named = None;
        for (index, (name, _)) in entries.iter().enumerate() {
            if name.is(&self.leading[at]) || name.eq(&self.leading[at])? {
                named = Some(index);
            }
        }
        match (args.get_item(at), named) {
            (Ok(_), Some(_)) => Err(self.wrong(&format!("got two values for {:?}", self.leading[at].to_str(py)?))),
            (Ok(given), None) => Ok(Some(given)),
            (Err(_), named) => Ok(named.map(|index| entries.remove(index).1)),
        }
    }

    fn wrong(&self, what: &str) -> PyErr {
        PyTypeError::new_err(format!("{}() {what}", self.name))
    }
}

/// `bool(value)`.
#[inline]
fn is_true(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    if value.is_none() {
        return Ok(false);
    }
    let class = value.py().get_type::<PyBool>();
    Ok(outcall::call(class.as_any(), [value])?.is(PyBool::new(value.py(), true).as_any()))
}

/// Text for as long as the process lives: of the few functions of the layouts, made when they are imported.
fn lasting(text: String) -> PyResult<&'static CStr> {
    Ok(Box::leak(CString::new(text)?.into_boxed_c_str()))
}
