//! How long a value lives.

use super::boolean;
use crate::cache::Role;
use crate::py::args::TtlArg;
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::plan::{Finish, Plan};
use crate::store::{ExpireAt, Persist, Remaining, TimeToLive, Touch};
use pyo3::prelude::*;

impl Inner {
    pub(super) fn touch(
        &self,
        key: &Bound<'_, PyAny>,
        ttl: TtlArg,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<Touch, impl Finish<bool>>> {
        let (key, call) = self.keyed(key, version, Role::Exact)?;
        Ok(Plan { operation: Touch { key, ttl: ttl.or(self.cache.settings().cache.ttl) }, call, finish: boolean })
    }

    pub(super) fn persist(
        &self,
        key: &Bound<'_, PyAny>,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<Persist, impl Finish<bool>>> {
        let (key, call) = self.keyed(key, version, Role::Exact)?;
        Ok(Plan { operation: Persist { key }, call, finish: boolean })
    }

    pub(super) fn expire_at(
        &self,
        key: &Bound<'_, PyAny>,
        at_ms: i64,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<ExpireAt, impl Finish<bool>>> {
        let (key, call) = self.keyed(key, version, Role::Exact)?;
        Ok(Plan { operation: ExpireAt { key, at_ms }, call, finish: boolean })
    }

    /// `unit` is 1 for milliseconds and 1000 for seconds, which are rounded up: a key that lives has more than none left.
    pub(super) fn time_to_live(
        &self,
        key: &Bound<'_, PyAny>,
        unit: i64,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<TimeToLive, impl Finish<Remaining>>> {
        let (key, call) = self.keyed(key, version, Role::Read)?;
        let finish = move |py: Python<'_>, remaining: Option<Remaining>| {
            let left = match remaining {
                Some(Remaining::Never) => return Ok(py.None()),
                Some(Remaining::Milliseconds(left)) => (left.max(0) + unit - 1) / unit,
                Some(Remaining::Absent) | None => 0,
            };
            Ok(left.into_pyobject(py)?.into_any().unbind())
        };
        Ok(Plan { operation: TimeToLive { key }, call, finish })
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (key, ttl=TtlArg::Default, version=None))]
    fn touch(&self, key: &Object<'_>, ttl: TtlArg, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.touch(key, ttl, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, ttl=TtlArg::Default, version=None))]
    fn _atouch<'py>(&self, key: &Object<'py>, ttl: TtlArg, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.touch(key, ttl, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn ttl(&self, key: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.time_to_live(key, 1000, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn _attl<'py>(&self, key: &Object<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.time_to_live(key, 1000, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn pttl(&self, key: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.time_to_live(key, 1, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn _apttl<'py>(&self, key: &Object<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.time_to_live(key, 1, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, at_ms, version=None))]
    fn _expire_at(&self, key: &Object<'_>, at_ms: i64, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.expire_at(key, at_ms, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, at_ms, version=None))]
    fn _aexpire_at<'py>(&self, key: &Object<'py>, at_ms: i64, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.expire_at(key, at_ms, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn persist(&self, key: &Object<'_>, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.persist(key, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, version=None))]
    fn _apersist<'py>(&self, key: &Object<'py>, version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.persist(key, version)?.begin(key.py(), &self.inner)
    }
}
