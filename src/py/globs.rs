//! Globs, as the server matches them.

use crate::keys::{escape_glob, glob};
use pyo3::prelude::*;

/// The text as a pattern that matches it alone.
#[pyfunction(name = "escape_glob")]
pub(super) fn escape(text: &str) -> String {
    String::from_utf8(escape_glob(text.as_bytes())).expect("backslashes before ASCII leave UTF-8 what it is")
}

/// Whether the pattern covers the text.
#[pyfunction]
pub(super) fn glob_matches(pattern: &str, text: &str) -> bool {
    glob::matches(pattern.as_bytes(), text.as_bytes())
}
