//! `hitrate._native.Limit`, and limits as users write them.

use crate::limit::{Algorithm, MOST_REQUESTS, OnError, Options, Parsed, Rule};
use crate::py::args;
use crate::py::client::Object;
use crate::py::errors::ConfigError;
use crate::py::outcall;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyInt, PyString, PyTuple};
use std::time::Duration;

/// See `_native.pyi` for the reference text.
#[pyclass(name = "Limit", module = "hitrate._native", frozen)]
pub(in crate::py) struct PyLimit {
    parsed: Parsed,
    name: Option<String>,
    burst: Option<u64>,
    algorithm: Option<Algorithm>,
}

#[pymethods]
impl PyLimit {
    #[new]
    #[pyo3(signature = (limit, period=None, *, name=None, burst=None, algorithm=None))]
    fn new(
        limit: &Object<'_>,
        period: Option<&Object<'_>>,
        name: Option<String>,
        burst: Option<&Object<'_>>,
        algorithm: Option<&str>,
    ) -> PyResult<Self> {
        let parsed = match (limit.cast::<PyString>(), period) {
            (Ok(text), None) => text.to_str()?.parse()?,
            (Err(_), Some(period)) => {
                Parsed { count: requests(limit, "limit")?, window: args::duration(period, "period")? }
            }
            _ => {
                return Err(ConfigError::new_err(
                    "a Limit is made of a text, Limit('100/minute'), or of a number and a time, Limit(100, 60)",
                ));
            }
        };
        let burst = burst.map(|burst| requests(burst, "burst")).transpose()?;
        let algorithm = algorithm.map(Algorithm::named).transpose()?;
        let made = Self { parsed, name, burst, algorithm };
        // Whatever is wrong is said here, and not by the limiter that gets it.
        made.rule(Algorithm::SlidingWindow)?;
        Ok(made)
    }

    #[getter]
    fn count(&self) -> u64 {
        self.parsed.count
    }

    #[getter]
    fn period(&self) -> f64 {
        self.parsed.window.as_secs_f64()
    }

    #[getter]
    fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.parsed.to_string())
    }

    #[getter]
    fn burst(&self) -> Option<u64> {
        self.burst
    }

    #[getter]
    fn algorithm(&self) -> Option<&'static str> {
        self.algorithm.map(Algorithm::name)
    }

    fn __repr__(&self) -> String {
        format!("<Limit '{}', {}>", self.name(), self.parsed)
    }
}

impl From<&Rule> for PyLimit {
    fn from(rule: &Rule) -> Self {
        Self {
            parsed: Parsed { count: rule.count, window: Duration::from_micros(rule.window) },
            name: Some(rule.name.to_string()),
            burst: (rule.algorithm == Algorithm::Gcra).then_some(rule.burst),
            algorithm: Some(rule.algorithm),
        }
    }
}

impl PyLimit {
    fn rule(&self, algorithm: Algorithm) -> PyResult<Rule> {
        // A burst says which one is meant.
        let otherwise = if self.burst.is_some() { Algorithm::Gcra } else { algorithm };
        Ok(Rule::new(self.parsed, self.name.as_deref(), self.burst, self.algorithm.unwrap_or(otherwise))?)
    }
}

/// A number of requests, at least 1.
pub(super) fn requests(object: &Object<'_>, name: &str) -> PyResult<u64> {
    let is_number = object.is_instance_of::<PyInt>() && !object.is_instance_of::<PyBool>();
    let number = if is_number { object.extract::<u64>().ok() } else { None };
    number.filter(|number| (1..=MOST_REQUESTS).contains(number)).ok_or_else(|| {
        let shown = object.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
        ConfigError::new_err(format!(
            "'{name}' must be an int from 1 to {MOST_REQUESTS}, in requests, not {shown:.100}"
        ))
    })
}

/// See `_native.pyi` for the reference text.
#[pyfunction]
#[pyo3(signature = (
    limits, algorithm="sliding_window", *, cost=None, on_error="memory", workers=1, max_staleness=None,
    max_bytes=DEFAULT_BYTES, count_refused=false, verbatim=false
))]
#[allow(clippy::too_many_arguments)] // The signature is that of Python.
pub(in crate::py) fn limits_of<'py>(
    limits: &Object<'py>,
    algorithm: &str,
    cost: Option<&Object<'_>>,
    on_error: &str,
    workers: u64,
    max_staleness: Option<&Object<'_>>,
    max_bytes: usize,
    count_refused: bool,
    verbatim: bool,
) -> PyResult<Bound<'py, PyTuple>> {
    let rules = checked(limits, algorithm, count_refused, verbatim)?;
    options(&rules, on_error, workers, max_staleness, max_bytes)?;
    if let Some(cost) = cost {
        let cost = requests(cost, "cost")?;
        if let Some(rule) = rules.iter().find(|rule| rule.burst < cost) {
            return Err(ConfigError::new_err(format!(
                "a 'cost' of {cost} is more than limit '{}' ever allows, which is {}",
                rule.name, rule.burst
            )));
        }
    }
    shown(limits.py(), &rules)
}

/// The rules of a limiter, as Python sees them.
pub(super) fn shown<'py>(py: Python<'py>, rules: &[Rule]) -> PyResult<Bound<'py, PyTuple>> {
    let limits = rules.iter().map(|rule| Py::new(py, PyLimit::from(rule)));
    PyTuple::new(py, limits.collect::<PyResult<Vec<_>>>()?)
}

/// The rules of a limiter with these arguments.
pub(super) fn checked(
    limits: &Object<'_>,
    algorithm: &str,
    count_refused: bool,
    verbatim: bool,
) -> PyResult<Vec<Rule>> {
    let rules = rules(limits, Algorithm::named(algorithm)?)?;
    if count_refused && rules.iter().any(|rule| rule.algorithm != Algorithm::SlidingLog) {
        return Err(ConfigError::new_err("'count_refused' needs algorithm='sliding_log'"));
    }
    if verbatim && rules.len() > 1 {
        return Err(ConfigError::new_err("'verbatim' is for one limit: several would share a key"));
    }
    Ok(rules.into_iter().map(|rule| rule.punishing(count_refused)).collect())
}

/// The limits of a limiter: a text, a `Limit`, a mapping of names to either, or several.
fn rules(limits: &Object<'_>, algorithm: Algorithm) -> PyResult<Vec<Rule>> {
    let mut found = Vec::new();
    if let Ok(named) = limits.cast::<PyDict>() {
        for (name, limit) in named {
            let name: String = name.extract().map_err(|_| ConfigError::new_err("names of limits must be str"))?;
            found.extend(of_one(&limit, Some(&name), algorithm)?);
        }
    } else if limits.is_instance_of::<PyString>() || limits.is_instance_of::<PyLimit>() {
        found = of_one(limits, None, algorithm)?;
    } else {
        for limit in outcall::items(limits)? {
            found.extend(of_one(&limit?, None, algorithm)?);
        }
    }
    if found.is_empty() {
        return Err(ConfigError::new_err("a limiter needs at least one limit, such as '100/minute'"));
    }
    if found.len() > MOST_LIMITS {
        return Err(ConfigError::new_err(format!("a limiter may have {MOST_LIMITS} limits, not {}", found.len())));
    }
    for (place, rule) in found.iter().enumerate() {
        if found[..place].iter().any(|other| other.name == rule.name) {
            return Err(ConfigError::new_err(format!(
                "two limits are named '{}'; give one of them another name, as in Limit('100/minute', name='per address')",
                rule.name
            )));
        }
    }
    Ok(found)
}

/// Each costs every call a few microseconds of the server's time.
const MOST_LIMITS: usize = 32;

fn of_one(limit: &Object<'_>, name: Option<&str>, algorithm: Algorithm) -> PyResult<Vec<Rule>> {
    if let Ok(limit) = limit.cast::<PyLimit>() {
        let PyLimit { parsed, burst, algorithm: own, .. } = limit.get();
        let Some(name) = name else { return Ok(vec![limit.get().rule(algorithm)?]) };
        let renamed = PyLimit { parsed: *parsed, name: Some(name.to_owned()), burst: *burst, algorithm: *own };
        return Ok(vec![renamed.rule(algorithm)?]);
    }
    let Ok(text) = limit.cast::<PyString>() else {
        let kind = limit.get_type().qualname()?.to_string();
        return Err(ConfigError::new_err(format!(
            "a limit must be a text such as '100/minute', or a Limit, not {kind}"
        )));
    };
    let parts: Vec<_> = text.to_str()?.split(',').collect();
    if let (Some(name), [_, _, ..]) = (name, &parts[..]) {
        return Err(ConfigError::new_err(format!("the name '{name:.100}' stands for several limits; name each")));
    }
    parts.into_iter().map(|part| Ok(Rule::new(part.parse()?, name, None, algorithm)?)).collect()
}

/// Of what a process counts for itself.
pub(super) const DEFAULT_BYTES: usize = 8 << 20;
const DEFAULT_STALENESS: Duration = Duration::from_secs(1);
/// Room for a hundred counters or so.
const SMALLEST_BYTES: usize = 64 << 10;
/// Of a log, for each of its requests: the time itself, and as much again for how the store rounds sizes up.
const LOG_BYTES: u64 = 16;

/// How a limiter behaves.
pub(super) fn options(
    rules: &[Rule],
    on_error: &str,
    workers: u64,
    max_staleness: Option<&Object<'_>>,
    max_bytes: usize,
) -> PyResult<Options> {
    let on_error = match on_error {
        "memory" => OnError::Memory,
        "allow" => OnError::Allow,
        "deny" => OnError::Deny,
        "raise" => OnError::Raise,
        _ => {
            let message = format!("unknown on_error '{on_error:.100}'; use 'memory', 'allow', 'deny' or 'raise'");
            return Err(ConfigError::new_err(message));
        }
    };
    if workers == 0 {
        return Err(ConfigError::new_err("'workers' must be at least 1: the processes that share the limits"));
    }
    let logs = rules.iter().filter(|rule| rule.algorithm == Algorithm::SlidingLog);
    let largest = logs.map(|rule| rule.count * LOG_BYTES).max().unwrap_or(0);
    let least = usize::try_from(largest).unwrap_or(usize::MAX).max(SMALLEST_BYTES);
    if max_bytes < least {
        return Err(ConfigError::new_err(format!("'max_bytes' must be at least {least}, not {max_bytes}")));
    }
    let max_staleness = match max_staleness {
        None => DEFAULT_STALENESS,
        Some(given) => args::span(args::seconds(given.as_borrowed(), "max_staleness")?, "max_staleness")?,
    };
    Ok(Options { on_error, workers, max_staleness, max_bytes })
}
