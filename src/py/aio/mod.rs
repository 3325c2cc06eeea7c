//! The async driver's native half: `hitrate/aio/` opens and closes connections, this runs the calls on them.
//!
//! No thread and no runtime: asyncio hands a [`PyChannel`] what was received, and that completes the futures of all calls
//! it answers; `docs/design/async.md` explains.

mod answer;
mod channel;
mod lines;
mod pending;

pub(super) use channel::PyChannel;
pub(super) use lines::Lines;
pub(super) use pending::{Drive, PyOwner, PyPending};

use super::client::Inner;
use super::errors::ConfigError;
use crate::cache::{Admission, Call};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::sync::Arc;

/// What a native `a` verb returns: something to be awaited at once, in the running event loop.
pub(super) fn answered(py: Python<'_>, value: Py<PyAny>) -> PyResult<Bound<'_, PyAny>> {
    Ok(Bound::new(py, answer::PyAnswer::new(value))?.into_any())
}

/// Sends a call; the awaitable has its result.
pub(super) fn begin<'py>(
    py: Python<'py>,
    inner: &Arc<Inner>,
    call: Call,
    drive: Box<dyn Drive>,
) -> PyResult<Bound<'py, PyAny>> {
    if inner.cache.local().memory.is_some() {
        return embedded(py, inner, call, drive);
    }
    // Before the cache is told of a call that cannot be made.
    let running = running_loop(py)?;
    if inner.cache.admit(&call)? == Admission::Settled {
        return answered(py, PyPending::new(inner, call, drive, None).finish(py)?);
    }
    let future = running.call_method0(intern!(py, "create_future"))?;
    let pending = Bound::new(py, PyPending::new(inner, call, drive, Some(future.clone().unbind())))?;
    if let Some(line) = inner.lines.find(&running)
        && PyChannel::send_if_room(&line, &pending)?
    {
        return Ok(future);
    }
    driver(py)?.call_method1(intern!(py, "place"), (running, pending))?;
    Ok(future)
}

/// Long work is done in steps, between which everybody else has a turn.
fn embedded<'py>(
    py: Python<'py>,
    inner: &Arc<Inner>,
    call: Call,
    drive: Box<dyn Drive>,
) -> PyResult<Bound<'py, PyAny>> {
    let admission = inner.cache.admit(&call)?;
    let pending = PyPending::new(inner, call, drive, None);
    if admission == Admission::Settled || pending.step()? {
        return answered(py, pending.finish(py)?);
    }
    driver(py)?.call_method1(intern!(py, "work"), (pending,))
}

fn driver(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import(intern!(py, "hitrate.aio"))
}

fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static FIND: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let find =
        FIND.get_or_try_init(py, || Ok::<_, PyErr>(py.import("asyncio")?.getattr("get_running_loop")?.unbind()))?;
    find.bind(py).call0().map_err(|error| {
        let refused = ConfigError::new_err(
            "async calls need a running event loop of asyncio (or uvloop), and there is none; with trio, curio or no loop \
             at all use the blocking verb, in a thread of its own such as 'await trio.to_thread.run_sync(cache.get, key)'",
        );
        refused.set_cause(py, Some(error));
        refused
    })
}
