//! Keys by pattern.

use crate::cache::{Call, Role};
use crate::invalidate::Forget;
use crate::keys::glob::{self, Pattern};
use crate::py::args::{self, StepArg};
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::plan::{Finish, Plan};
use crate::store::{DeletePattern, Page, Place, ScanPage};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyList, PyString};
use std::sync::Arc;

/// What the keys of our own records begin with, which are no keys of the caller's: lists show them where they are named.
const RECORDS: &[u8] = b"hitrate:";

/// A [`Place`], as Python keeps it from page to page: cursor, server, and when that was asked.
type PlaceArg = (u64, u64, u64);

impl Inner {
    /// Deletes what matches.
    fn delete_pattern(
        self: &Arc<Self>,
        py: Python<'_>,
        pattern: &str,
        itersize: StepArg,
        version: Given<'_, '_>,
    ) -> PyResult<Plan<DeletePattern, impl Finish<i64> + use<>>> {
        Ok(self.deletion(vec![Pattern::of_all(self.pattern(py, pattern, version)?)], itersize))
    }

    /// Forgets what matches one of the patterns, in one walk, but no critical key that is not named.
    pub(super) fn forget_patterns(
        self: &Arc<Self>,
        py: Python<'_>,
        patterns: &[PyBackedStr],
        version: Given<'_, '_>,
    ) -> PyResult<Plan<DeletePattern, impl Finish<i64> + use<>>> {
        Ok(self.deletion(self.patterns(py, patterns, version)?, StepArg::DEFAULT))
    }

    pub(super) fn patterns(
        &self,
        py: Python<'_>,
        patterns: &[PyBackedStr],
        version: Given<'_, '_>,
    ) -> PyResult<Vec<Pattern>> {
        let sparing = |pattern: &PyBackedStr| {
            let (glob, spares_critical) = (self.pattern(py, pattern, version)?, !self.names_critical(pattern));
            Ok(Pattern { glob, spares_critical })
        };
        patterns.iter().map(sparing).collect()
    }

    fn names_critical(&self, pattern: &str) -> bool {
        let mut critical = self.cache.settings().cache.critical.iter();
        critical.any(|beginning| glob::names(pattern.as_bytes(), beginning.as_bytes()))
    }

    /// Deletes everything of this cache.
    pub(super) fn delete_all(self: &Arc<Self>) -> PyResult<Plan<DeletePattern, impl Finish<i64> + use<>>> {
        let operation = DeletePattern::new(self.everything()?, StepArg::DEFAULT.0)
            .sparing(self.cache.local().health.spared_keys(false));
        let call = Call::bulk(Role::Forget(Forget::Everything { spares_critical: false }));
        Ok(Plan { operation, call, finish: self.count_deleted() })
    }

    fn deletion(
        self: &Arc<Self>,
        patterns: Vec<Pattern>,
        itersize: StepArg,
    ) -> Plan<DeletePattern, impl Finish<i64> + use<>> {
        let call = Call::bulk(Role::Forget(Forget::Patterns(patterns.clone())));
        let critical = self.cache.local().health.critical_keys();
        Plan { operation: DeletePattern::any_of(patterns, itersize.0, critical), call, finish: self.count_deleted() }
    }

    pub(super) fn count_deleted(self: &Arc<Self>) -> impl Finish<i64> + use<> {
        let inner = Arc::clone(self);
        move |py: Python<'_>, deleted: Option<i64>| {
            inner.cache.local().stats.deletes.add(usize::try_from(deleted.unwrap_or(0)).unwrap_or(0));
            Ok(deleted.into_pyobject(py)?.unbind())
        }
    }

    /// One page of keys: the place where it ends, and the keys without what this cache puts in front.
    pub(super) fn scan(
        self: &Arc<Self>,
        py: Python<'_>,
        place: PlaceArg,
        pattern: &str,
        itersize: StepArg,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<ScanPage, impl Finish<Page>>> {
        let (cursor, peer, asked_at) = place;
        let place = Place { cursor, given_by: (peer, asked_at) };
        let operation = ScanPage { place, pattern: self.pattern(py, pattern, version)?, count: itersize.0 };
        let (inner, version) = (Arc::clone(self), args::version(version)?);
        let shows_records = glob::names(pattern.as_bytes(), RECORDS);
        let finish = move |py: Python<'_>, page: Option<Page>| {
            let (Place { cursor, given_by: (peer, asked_at) }, keys) = page.unwrap_or_default();
            let names = PyList::empty(py);
            let health = &inner.cache.local().health;
            for key in keys {
                // Deleted, although the server does not know it yet.
                if health.is_forgotten(&key) {
                    continue;
                }
                let name = inner.cache.keys().strip(&key, version.as_deref());
                if let Some(name) = name.filter(|name| shows_records || !name.starts_with(RECORDS)) {
                    names.append(
                        PyString::from_bytes(py, name)
                            .unwrap_or_else(|_| PyString::new(py, &String::from_utf8_lossy(name))),
                    )?;
                }
            }
            Ok(((cursor, peer, asked_at), names).into_pyobject(py)?.into_any().unbind())
        };
        Ok(Plan { operation, call: Call::bulk(Role::Certain), finish })
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (place, pattern, itersize, version=None))]
    fn _scan(
        &self,
        py: Python<'_>,
        place: PlaceArg,
        pattern: &str,
        itersize: StepArg,
        version: Given<'_, '_>,
    ) -> PyResult<Py<PyAny>> {
        self.inner.scan(py, place, pattern, itersize, version)?.wait(py, &self.inner)
    }

    #[pyo3(signature = (place, pattern, itersize, version=None))]
    fn _ascan<'py>(
        &self,
        py: Python<'py>,
        place: PlaceArg,
        pattern: &str,
        itersize: StepArg,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        self.inner.scan(py, place, pattern, itersize, version)?.begin(py, &self.inner)
    }

    #[pyo3(signature = (pattern, version=None, *, itersize=StepArg::DEFAULT))]
    fn delete_pattern(
        &self,
        py: Python<'_>,
        pattern: &str,
        version: Given<'_, '_>,
        itersize: StepArg,
    ) -> PyResult<Py<PyAny>> {
        self.inner.delete_pattern(py, pattern, itersize, version)?.wait(py, &self.inner)
    }

    #[pyo3(signature = (pattern, version=None, *, itersize=StepArg::DEFAULT))]
    fn _adelete_pattern<'py>(
        &self,
        py: Python<'py>,
        pattern: &str,
        version: Given<'_, '_>,
        itersize: StepArg,
    ) -> PyResult<Object<'py>> {
        self.inner.delete_pattern(py, pattern, itersize, version)?.begin(py, &self.inner)
    }

    #[pyo3(signature = (patterns, version=None))]
    fn _forget_patterns(
        &self,
        py: Python<'_>,
        patterns: Vec<PyBackedStr>,
        version: Given<'_, '_>,
    ) -> PyResult<Py<PyAny>> {
        self.inner.forget_patterns(py, &patterns, version)?.wait(py, &self.inner)
    }

    #[pyo3(signature = (patterns, version=None))]
    fn _aforget_patterns<'py>(
        &self,
        py: Python<'py>,
        patterns: Vec<PyBackedStr>,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        self.inner.forget_patterns(py, &patterns, version)?.begin(py, &self.inner)
    }

    fn _names_critical(&self, pattern: &str) -> bool {
        self.inner.names_critical(pattern)
    }

    /// Whether a pattern leaves this key of the server alone, for it is critical and not named.
    fn _spares(&self, key: &[u8], pattern: &str) -> bool {
        let critical = &self.inner.cache.settings().cache.critical;
        self.inner.cache.keys().begins_with(key, critical) && !self.inner.names_critical(pattern)
    }

    /// Whether `clear()` deletes this key of the server.
    fn _owns(&self, key: &[u8]) -> bool {
        self.inner.cache.keys().owns(key)
    }

    fn _delete_all(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.inner.delete_all()?.wait(py, &self.inner)
    }

    fn _adelete_all<'py>(&self, py: Python<'py>) -> PyResult<Object<'py>> {
        self.inner.delete_all()?.begin(py, &self.inner)
    }
}
