//! Changes of state, handed to Python's `hitrate.hooks` by the next caller: the recovery thread owns nothing of Python.

use super::outcall::call;
use crate::health::{Event, Health};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

/// Hands over what changed, if anything did. A logging handler that raises is Python's own affair: it must not turn the
/// outcome of a call into something else.
#[inline]
pub(super) fn deliver(py: Python<'_>, health: &Health) {
    if health.has_events()
        && let Err(raised) = hand_over(py, health)
    {
        raised.write_unraisable(py, None);
    }
}

static HOOKS: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// Finds the hooks; when a client is made, for an interpreter that is being torn down imports nothing any more.
pub(super) fn hooks(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    HOOKS.get_or_try_init(py, || Ok(py.import(intern!(py, "hitrate.hooks"))?.unbind())).map(|hooks| hooks.bind(py))
}

/// Calls the hook of this name, about limits that are decided without the server, or by it again.
#[cold]
pub(super) fn limits(py: Python<'_>, hook: &str, address: &str, fact: &Bound<'_, PyAny>) {
    let hook = hooks(py).and_then(|hooks| hooks.getattr(PyString::intern(py, hook)));
    if let Err(raised) = hook.and_then(|hook| call(&hook, [PyString::new(py, address).as_any(), fact])) {
        raised.write_unraisable(py, None);
    }
}

#[cold]
fn hand_over(py: Python<'_>, health: &Health) -> PyResult<()> {
    let hook = |name| hooks(py)?.getattr(PyString::intern(py, name));
    let text = |text: &str| PyString::new(py, text);
    for event in health.take_events() {
        match event {
            Event::Opened { address, error } => call(&hook("opened")?, [&text(&address), &text(&error.to_string())])?,
            Event::Recovered { address, after, replayed } => {
                let (after, replayed) = (after.as_secs_f64().into_pyobject(py)?, replayed.into_pyobject(py)?);
                call(&hook("recovered")?, [&text(&address), &after, &replayed])?
            }
            Event::GaveUp { address, error } => call(&hook("gave_up")?, [&text(&address), &text(&error.to_string())])?,
            Event::JournalOverflow { address } => call(&hook("journal_overflow")?, [&text(&address)])?,
            Event::Refusing { address, error } => {
                call(&hook("refusing")?, [&text(&address), &text(&error.to_string())])?
            }
        };
    }
    Ok(())
}
