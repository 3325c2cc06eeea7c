//! The only room that knows Python.

mod address;
mod aio;
mod args;
mod client;
mod entry;
mod errors;
mod events;
mod forms;
mod globs;
mod key_function;
mod keys;
mod lease;
mod limit;
mod near;
mod outcall;
mod plan;
mod snapshot;
mod values;
mod verbs;
mod wait;

use pyo3::prelude::*;

#[pymodule(gil_used = true)]
mod _native {
    #[pymodule_export]
    use super::address::PyProxies;
    #[pymodule_export]
    use super::aio::{PyChannel, PyOwner, PyPending};
    #[pymodule_export]
    use super::client::PyClient;
    #[pymodule_export]
    use super::entry::PyEntry;
    #[pymodule_export]
    use super::globs::{escape, glob_matches};
    #[pymodule_export]
    use super::keys::{PyPairsLayout, last_values, md5_hex, normalise_query, sha256_hex, sorted_json};
    #[pymodule_export]
    use super::lease::PyLease;
    #[pymodule_export]
    use super::limit::{PyDecision, PyLimit, PyLimiter, PyStanding, limits_of};
    #[pymodule_export]
    use super::values::load_plain_pickle;
    #[cfg(unix)]
    #[pymodule_export]
    use super::wait::PyBell;
    /// The version of the crate, which is that of the package.
    #[pymodule_export]
    #[allow(non_upper_case_globals)] // Python's name for it.
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
