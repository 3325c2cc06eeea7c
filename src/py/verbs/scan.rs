//! Keys by pattern.

use crate::cache::{Call, Role};
use crate::invalidate::Forget;
use crate::py::args::{self, StepArg};
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::plan::{Finish, Plan};
use crate::store::{DeletePattern, Page, ScanPage};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyList, PyString};
use std::sync::Arc;

impl Inner {
    /// Deletes what matches one of the patterns, in one walk.
    pub(super) fn delete_patterns(
        self: &Arc<Self>,
        py: Python<'_>,
        patterns: &[&str],
        itersize: StepArg,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<DeletePattern, impl Finish<i64> + use<>>> {
        let patterns = patterns.iter().map(|pattern| self.pattern(py, pattern, version)).collect::<PyResult<_>>()?;
        Ok(self.deletion(patterns, itersize))
    }

    /// Deletes everything of this cache.
    pub(super) fn delete_all(self: &Arc<Self>) -> PyResult<Plan<DeletePattern, impl Finish<i64> + use<>>> {
        Ok(self.deletion(vec![self.everything()?], StepArg::DEFAULT))
    }

    fn deletion(
        self: &Arc<Self>,
        patterns: Vec<Vec<u8>>,
        itersize: StepArg,
    ) -> Plan<DeletePattern, impl Finish<i64> + use<>> {
        let call = Call::bulk(Role::Forget(Forget::Patterns(patterns.clone())));
        Plan { operation: DeletePattern::any_of(patterns, itersize.0), call, finish: self.count_deleted() }
    }

    pub(super) fn count_deleted(self: &Arc<Self>) -> impl Finish<i64> + use<> {
        let inner = Arc::clone(self);
        move |py: Python<'_>, deleted: Option<i64>| {
            inner.cache.local().stats.deletes.add(usize::try_from(deleted.unwrap_or(0)).unwrap_or(0));
            Ok(deleted.into_pyobject(py)?.unbind())
        }
    }

    /// One page of keys: the next cursor, and the keys without what this cache puts in front.
    pub(super) fn scan(
        self: &Arc<Self>,
        py: Python<'_>,
        cursor: u64,
        pattern: &str,
        itersize: StepArg,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<ScanPage, impl Finish<Page>>> {
        let operation = ScanPage { cursor, pattern: self.pattern(py, pattern, version)?, count: itersize.0 };
        let (inner, version) = (Arc::clone(self), args::version(version)?);
        let finish = move |py: Python<'_>, page: Option<Page>| {
            let (cursor, keys) = page.unwrap_or_default();
            let names = PyList::empty(py);
            let health = &inner.cache.local().health;
            for key in keys {
                // Deleted, although the server does not know it yet.
                if health.is_forgotten(&key) {
                    continue;
                }
                if let Some(name) = inner.cache.keys().strip(&key, version.as_deref()) {
                    names.append(
                        PyString::from_bytes(py, name)
                            .unwrap_or_else(|_| PyString::new(py, &String::from_utf8_lossy(name))),
                    )?;
                }
            }
            Ok((cursor, names).into_pyobject(py)?.into_any().unbind())
        };
        Ok(Plan { operation, call: Call::bulk(Role::Certain), finish })
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (cursor, pattern, itersize, version=None))]
    fn _scan(
        &self,
        py: Python<'_>,
        cursor: u64,
        pattern: &str,
        itersize: StepArg,
        version: Given<'_, '_>,
    ) -> PyResult<Py<PyAny>> {
        self.inner.scan(py, cursor, pattern, itersize, version)?.wait(py, &self.inner)
    }

    #[pyo3(signature = (cursor, pattern, itersize, version=None))]
    fn _ascan<'py>(
        &self,
        py: Python<'py>,
        cursor: u64,
        pattern: &str,
        itersize: StepArg,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        self.inner.scan(py, cursor, pattern, itersize, version)?.coroutine(py, &self.inner)
    }

    #[pyo3(signature = (pattern, version=None, *, itersize=StepArg::DEFAULT))]
    fn delete_pattern(
        &self,
        py: Python<'_>,
        pattern: &str,
        version: Given<'_, '_>,
        itersize: StepArg,
    ) -> PyResult<Py<PyAny>> {
        self.inner.delete_patterns(py, &[pattern], itersize, version)?.wait(py, &self.inner)
    }

    #[pyo3(signature = (pattern, version=None, *, itersize=StepArg::DEFAULT))]
    fn adelete_pattern<'py>(
        &self,
        py: Python<'py>,
        pattern: &str,
        version: Given<'_, '_>,
        itersize: StepArg,
    ) -> PyResult<Object<'py>> {
        self.inner.delete_patterns(py, &[pattern], itersize, version)?.coroutine(py, &self.inner)
    }

    #[pyo3(signature = (patterns, version=None))]
    fn _delete_patterns(
        &self,
        py: Python<'_>,
        patterns: Vec<PyBackedStr>,
        version: Given<'_, '_>,
    ) -> PyResult<Py<PyAny>> {
        let patterns: Vec<&str> = patterns.iter().map(|pattern| &**pattern).collect();
        self.inner.delete_patterns(py, &patterns, StepArg::DEFAULT, version)?.wait(py, &self.inner)
    }

    #[pyo3(signature = (patterns, version=None))]
    fn _adelete_patterns<'py>(
        &self,
        py: Python<'py>,
        patterns: Vec<PyBackedStr>,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        let patterns: Vec<&str> = patterns.iter().map(|pattern| &**pattern).collect();
        self.inner.delete_patterns(py, &patterns, StepArg::DEFAULT, version)?.coroutine(py, &self.inner)
    }

    fn _delete_all(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.inner.delete_all()?.wait(py, &self.inner)
    }

    fn _adelete_all<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.inner.delete_all()?.coroutine(py, &self.inner)
    }
}
