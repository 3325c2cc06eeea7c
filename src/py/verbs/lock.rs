//! What `hitrate/locks.py` is made of.

use super::boolean;
use crate::cache::{Call, Role};
use crate::config::Ttl;
use crate::invalidate::{Abandoned, Forget};
use crate::py::args::TtlArg;
use crate::py::client::{Given, Inner, Object, PyClient};
use crate::py::errors::ConfigError;
use crate::py::plan::{Finish, Plan};
use crate::py::wait;
use crate::store::{Condition, LockExtend, LockRelease, Set};
use pyo3::prelude::*;
use std::time::Duration;

impl Inner {
    /// Takes a lock: the token is stored as it is, where nothing is.
    pub(super) fn lock_acquire(
        &self,
        key: &Bound<'_, PyAny>,
        token: &[u8],
        ttl: TtlArg,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<Set, impl Finish<bool>>> {
        let (key, call) = self.keyed(key, version, Role::Certain)?;
        let ttl = match ttl {
            TtlArg::Given(Ttl::Never) => Ttl::Never,
            given => Ttl::For(lock_ttl(given)?),
        };
        Ok(Plan {
            operation: Set { key, value: token.to_vec(), ttl, condition: Condition::IfAbsent },
            call,
            finish: boolean,
        })
    }

    pub(super) fn lock_release(
        &self,
        key: &Bound<'_, PyAny>,
        token: &[u8],
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<LockRelease, impl Finish<bool>>> {
        let (key, call) = self.keyed(key, version, Role::Certain)?;
        Ok(Plan { operation: LockRelease::new(key, token.to_vec()), call, finish: boolean })
    }

    /// Gives back what may have been taken, for a caller who did not wait for the answer.
    pub(super) fn lock_abandon(
        &self,
        key: &Bound<'_, PyAny>,
        token: &[u8],
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<LockRelease, impl Finish<bool>>> {
        let (key, _) = self.key(key, version)?;
        let role = Role::Forget(Forget::Lock(Box::new(Abandoned { key: key.clone(), token: token.to_vec() })));
        let call = Call { brief: true, ..Call::new(role) };
        Ok(Plan { operation: LockRelease::new(key, token.to_vec()), call, finish: boolean })
    }

    pub(super) fn lock_extend(
        &self,
        key: &Bound<'_, PyAny>,
        token: &[u8],
        ttl: TtlArg,
        version: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Plan<LockExtend, impl Finish<bool>>> {
        let (key, call) = self.keyed(key, version, Role::Certain)?;
        let ttl = lock_ttl(ttl)?;
        Ok(Plan { operation: LockExtend::new(key, token.to_vec(), ttl), call, finish: boolean })
    }
}

#[pymethods]
impl PyClient {
    /// Between two tries to take a lock.
    #[staticmethod]
    fn _sleep(seconds: &Object<'_>) -> PyResult<()> {
        wait::sleep(seconds.py(), seconds)
    }

    #[pyo3(signature = (key, token, ttl, version=None))]
    fn _lock_acquire(
        &self,
        key: &Object<'_>,
        token: &[u8],
        ttl: TtlArg,
        version: Given<'_, '_>,
    ) -> PyResult<Py<PyAny>> {
        self.inner.lock_acquire(key, token, ttl, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, token, ttl, version=None))]
    fn _alock_acquire<'py>(
        &self,
        key: &Object<'py>,
        token: &[u8],
        ttl: TtlArg,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        self.inner.lock_acquire(key, token, ttl, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, token, version=None))]
    fn _lock_release(&self, key: &Object<'_>, token: &[u8], version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.lock_release(key, token, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, token, version=None))]
    fn _alock_release<'py>(&self, key: &Object<'py>, token: &[u8], version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.lock_release(key, token, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, token, version=None))]
    fn _lock_abandon(&self, key: &Object<'_>, token: &[u8], version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.lock_abandon(key, token, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, token, version=None))]
    fn _alock_abandon<'py>(&self, key: &Object<'py>, token: &[u8], version: Given<'_, '_>) -> PyResult<Object<'py>> {
        self.inner.lock_abandon(key, token, version)?.begin(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, token, ttl, version=None))]
    fn _lock_extend(&self, key: &Object<'_>, token: &[u8], ttl: TtlArg, version: Given<'_, '_>) -> PyResult<Py<PyAny>> {
        self.inner.lock_extend(key, token, ttl, version)?.wait(key.py(), &self.inner)
    }

    #[pyo3(signature = (key, token, ttl, version=None))]
    fn _alock_extend<'py>(
        &self,
        key: &Object<'py>,
        token: &[u8],
        ttl: TtlArg,
        version: Given<'_, '_>,
    ) -> PyResult<Object<'py>> {
        self.inner.lock_extend(key, token, ttl, version)?.begin(key.py(), &self.inner)
    }
}

fn lock_ttl(ttl: TtlArg) -> PyResult<Duration> {
    match ttl {
        TtlArg::Given(Ttl::For(ttl)) if !ttl.is_zero() => Ok(ttl),
        _ => Err(ConfigError::new_err("the 'ttl' of a lock must be a positive number of seconds")),
    }
}
