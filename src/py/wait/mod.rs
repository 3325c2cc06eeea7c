//! How a caller of Python waits: its thread by itself (`gil.rs`), or its greenlet in gevent's hub (`hub.rs`).

#[cfg(unix)]
mod bell;
mod gil;
#[cfg(unix)]
mod hub;

#[cfg(unix)]
pub(super) use bell::PyBell;

use super::outcall;
use crate::error::{Error, Result};
use crate::wait::{Gate, Waiter};
use gil::GilWaiter;
use pyo3::intern;
use pyo3::prelude::*;
use std::cell::RefCell;

/// Whichever waiter fits the caller.
pub(super) enum PyWaiter<'a, 'py> {
    Thread(GilWaiter<'a, 'py>),
    #[cfg(unix)]
    Greenlet(hub::HubWaiter<'py>),
}

impl<'a, 'py> PyWaiter<'a, 'py> {
    #[inline]
    pub(super) fn new(py: Python<'py>, gate: &'a Gate) -> PyResult<Self> {
        #[cfg(unix)]
        if hub::is_patched(py)?
            && let Some(waiter) = hub::HubWaiter::here(py)?
        {
            return Ok(Self::Greenlet(waiter));
        }
        Ok(Self::Thread(GilWaiter::new(py, gate)))
    }

    pub(super) fn as_waiter(&self) -> &dyn Waiter {
        match self {
            Self::Thread(waiter) => waiter,
            #[cfg(unix)]
            Self::Greenlet(waiter) => waiter,
        }
    }

    /// The error for Python: ours, or what was raised while we waited.
    pub(super) fn raised(&self, error: Error) -> PyErr {
        match self {
            Self::Thread(waiter) => waiter.interrupt.error(error),
            #[cfg(unix)]
            Self::Greenlet(waiter) => waiter.interrupt.error(error),
        }
    }
}

/// Lets `seconds` pass, for whoever asks the server again and again.
pub(super) fn sleep(py: Python<'_>, seconds: &Bound<'_, PyAny>) -> PyResult<()> {
    #[cfg(unix)]
    if hub::is_patched(py)?
        && let Some(waiter) = hub::HubWaiter::here(py)?
    {
        return waiter.sleep(seconds);
    }
    // Not a wait of our own: other libraries than gevent put theirs there.
    let sleep = py.import(intern!(py, "time"))?.getattr(intern!(py, "sleep"))?;
    outcall::call(&sleep, [seconds]).map(|_| ())
}

/// Who waits in this process, for the statistics.
pub(super) fn name(py: Python<'_>) -> PyResult<&'static str> {
    #[cfg(unix)]
    if hub::is_patched(py)? {
        return Ok("gevent");
    }
    let _ = py;
    Ok("thread")
}

/// What Python raised while a caller waited; meanwhile the core calls it [`Error::Interrupted`].
#[derive(Default)]
struct Interrupt(RefCell<Option<PyErr>>);

impl Interrupt {
    fn keep<T>(&self, result: PyResult<T>) -> Result<T> {
        result.map_err(|raised| {
            self.0.replace(Some(raised));
            Error::Interrupted
        })
    }

    fn error(&self, error: Error) -> PyErr {
        match (error, self.0.take()) {
            (Error::Interrupted, Some(raised)) => raised,
            (error, _) => error.into(),
        }
    }
}
