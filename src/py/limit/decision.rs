//! `hitrate._native.Decision` and `Standing`: what was decided, as Python sees it.

use crate::limit::{Decision, Rule, Verdict};
use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use std::sync::Arc;

/// See `_native.pyi` for the reference text.
#[pyclass(name = "Decision", module = "hitrate._native", frozen)]
pub(in crate::py) struct PyDecision {
    #[pyo3(get)]
    allowed: bool,
    #[pyo3(get)]
    limit: u64,
    #[pyo3(get)]
    remaining: u64,
    #[pyo3(get)]
    reset_after: f64,
    #[pyo3(get)]
    retry_after: f64,
    violated: Vec<Arc<str>>,
    /// None of one that Python made.
    made: Option<Decision>,
}

impl From<Decision> for PyDecision {
    fn from(made: Decision) -> Self {
        let (verdict, rule) = (made.speaker(), made.rule());
        Self {
            allowed: made.is_allowed(),
            limit: limit(rule),
            remaining: verdict.remaining,
            reset_after: seconds(verdict.reset),
            retry_after: made.wait().map_or(f64::INFINITY, seconds),
            violated: made.violated().map(|rule| Arc::clone(&rule.name)).collect(),
            made: Some(made),
        }
    }
}

/// Requests that may come at once: what `remaining` is a part of.
fn limit(rule: &Rule) -> u64 {
    rule.burst
}

/// Exact: a float has 53 bits.
#[allow(clippy::cast_precision_loss)]
fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

#[pymethods]
impl PyDecision {
    #[new]
    #[pyo3(signature = (*, allowed, limit, remaining, reset_after, retry_after=0.0, violated=Vec::new()))]
    fn new(
        allowed: bool,
        limit: u64,
        remaining: u64,
        reset_after: f64,
        retry_after: f64,
        violated: Vec<String>,
    ) -> Self {
        let violated = violated.into_iter().map(Into::into).collect();
        Self { allowed, limit, remaining, reset_after, retry_after, violated, made: None }
    }

    #[getter]
    fn violated<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.violated.iter().map(|name| PyString::new(py, name)))
    }

    /// One of each limit that was asked.
    #[getter]
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made = self.made.iter();
        let standings = made
            .flat_map(|made| made.verdicts.iter().map(|verdict| PyStanding::of(&made.rules[verdict.rule], verdict)));
        PyTuple::new(py, standings.map(|standing| Py::new(py, standing)).collect::<PyResult<Vec<_>>>()?)
    }

    /// When it was decided, in microseconds of the clock that counted.
    #[getter]
    fn _at_us(&self) -> Option<u64> {
        self.made.as_ref().map(|made| made.at)
    }

    /// An `if` asks whether the call is allowed.
    fn __bool__(&self) -> bool {
        self.allowed
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, operator: CompareOp, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
        let same = self.parts() == other.get().parts();
        Ok(match operator {
            CompareOp::Eq => same.into_pyobject(py)?.to_owned().into_any().unbind(),
            CompareOp::Ne => (!same).into_pyobject(py)?.to_owned().into_any().unbind(),
            _ => py.NotImplemented(),
        })
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let allowed = if self.allowed { "True" } else { "False" };
        Ok(format!(
            "Decision(allowed={allowed}, limit={}, remaining={}, reset_after={}, retry_after={}, violated={})",
            self.limit,
            self.remaining,
            self.reset_after,
            self.retry_after,
            self.violated(py)?.repr()?,
        ))
    }
}

impl PyDecision {
    fn parts(&self) -> (bool, u64, u64, u64, u64, &[Arc<str>]) {
        let (reset, retry) = (self.reset_after.to_bits(), self.retry_after.to_bits());
        (self.allowed, self.limit, self.remaining, reset, retry, &self.violated)
    }
}

/// See `_native.pyi` for the reference text.
#[pyclass(name = "Standing", module = "hitrate._native", frozen, get_all)]
pub(in crate::py) struct PyStanding {
    name: String,
    limit: u64,
    window: f64,
    allowed: bool,
    remaining: u64,
    reset_after: f64,
}

impl PyStanding {
    fn of(rule: &Rule, verdict: &Verdict) -> Self {
        Self {
            name: rule.name.to_string(),
            limit: limit(rule),
            window: seconds(rule.window),
            allowed: verdict.allowed,
            remaining: verdict.remaining,
            reset_after: seconds(verdict.reset),
        }
    }
}

#[pymethods]
impl PyStanding {
    fn __repr__(&self) -> String {
        let Self { name, limit, window, remaining, reset_after, .. } = self;
        format!("<Standing of '{name}': {remaining} of {limit} in {window} s, reset after {reset_after} s>")
    }
}
