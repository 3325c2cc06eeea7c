//! The verbs: each makes a plan, which `get` waits for and `aget` hands to asyncio.

mod counter;
mod entry;
mod fill;
mod lifetime;
mod lock;
mod many;
mod original;
mod raw;
mod scan;
mod single;
mod tags;

use pyo3::prelude::*;

/// Yes or no; no when the server is away.
fn boolean(py: Python<'_>, flag: Option<bool>) -> PyResult<Py<PyAny>> {
    Ok(flag.unwrap_or(false).into_pyobject(py)?.to_owned().into_any().unbind())
}
