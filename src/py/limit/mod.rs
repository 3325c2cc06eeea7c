//! `hitrate._native.Limiter`: rate limits as Python sees them.

mod decision;
mod rules;

pub(super) use decision::{PyDecision, PyStanding};
pub(super) use rules::{PyLimit, limits_of};

use super::client::{Inner, Object, PyClient};
use super::errors::ConfigError;
use super::events;
use super::plan::{Finish, Plan};
use super::{aio, args};
use crate::cache::{Call, Role};
use crate::clock;
use crate::invalidate::Forget;
use crate::keys::FullKey;
use crate::limit::{Asked, Change, Decision, Demand, Hit, Limiter, OnError, Subject};
use crate::store::Unlink;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use rules::DEFAULT_BYTES;
use std::sync::Arc;

/// What a limiter and its coroutines share.
struct Shared {
    inner: Arc<Inner>,
    limiter: Limiter,
    /// The key of a limit is the subject as it is given.
    verbatim: bool,
}

/// One call on the limits.
struct Asking {
    subject: Subject,
    cost: u64,
    counts: bool,
}

/// See `_native.pyi` for the reference text.
#[pyclass(name = "Limiter", module = "hitrate._native", subclass, frozen)]
pub(super) struct PyLimiter {
    shared: Arc<Shared>,
}

impl Shared {
    /// Who is limited: one for all limits, or one for each.
    fn subject(&self, key: &Object<'_>) -> PyResult<Subject> {
        if let Ok(name) = key.cast::<PyString>() {
            return Ok(Subject::whole(text(name)?));
        }
        let Ok(names) = key.cast::<PyDict>() else {
            let kind = key.get_type().qualname()?.to_string();
            return Err(ConfigError::new_err(format!("a limiter's key must be a str, or a dict of them, not {kind}")));
        };
        let rules = self.limiter.rules();
        if let Some((unknown, _)) = names.iter().find(|(name, _)| !rules.iter().any(|rule| is_name(name, &rule.name))) {
            let known: Vec<_> = rules.iter().map(|rule| format!("'{}'", rule.name)).collect();
            let known = known.join(", ");
            return Err(ConfigError::new_err(format!("no limit is named {:.100}; there are {known}", unknown.repr()?)));
        }
        let mut found = Vec::with_capacity(rules.len());
        for (place, rule) in rules.iter().enumerate() {
            match names.get_item(&*rule.name)? {
                Some(name) if name.is_none() => {}
                Some(name) => {
                    let name = name.cast_into::<PyString>().map_err(|_| {
                        ConfigError::new_err(format!("the key for limit '{}' must be a str, or None", rule.name))
                    })?;
                    found.push((place, name));
                }
                None => {
                    return Err(ConfigError::new_err(format!(
                        "there is no key for limit '{}'; give one, or None if it is not about this call",
                        rule.name
                    )));
                }
            }
        }
        if found.is_empty() {
            return Err(ConfigError::new_err("at least one limit must have a key"));
        }
        let texts = found.iter().map(|(place, name)| Ok((*place, text(name)?))).collect::<PyResult<Vec<_>>>()?;
        Ok(Subject::of_each(texts.into_iter()))
    }

    fn keys(&self, py: Python<'_>, subject: &Subject) -> PyResult<Vec<FullKey>> {
        if self.verbatim {
            return subject.names(1).map(|(_, name)| self.inner.own_key(py, name, None)).collect();
        }
        self.limiter.keys(subject).iter().map(|key| self.inner.own_key(py, key, None)).collect()
    }

    fn demand(&self, py: Python<'_>, asking: &Asking) -> PyResult<Demand> {
        let Asking { subject, cost, counts } = asking;
        let places = subject.names(self.limiter.rules().len()).map(|(place, _)| place).collect();
        Ok(Demand { places, keys: self.keys(py, subject)?, cost: *cost, counts: *counts })
    }

    fn plan(self: &Arc<Self>, py: Python<'_>, asking: Asking) -> PyResult<Plan<Hit, impl Finish<Decision> + use<>>> {
        let operation = self.limiter.hit(self.demand(py, &asking)?);
        let role = if self.limiter.options().on_error == OnError::Raise { Role::Certain } else { Role::Spare };
        // A store of this process is asked again every time, which costs no more than remembering.
        let repeats = self.inner.cache.local().memory.is_none();
        let sent_at = if repeats { clock::now_ms() } else { 0 };
        let (shared, asking) = (Arc::clone(self), Box::new(asking));
        let finish = move |py: Python<'_>, decided: Option<Decision>| {
            let local = shared.inner.cache.local();
            let (decision, change) = match decided {
                Some(decision) => {
                    let Asking { subject, cost, counts } = &*asking;
                    let asked = Asked { subject, cost: *cost, counts: *counts, sent_at };
                    let change = shared.limiter.decided(&local.stats, &asked, &decision, repeats);
                    (decision, change)
                }
                None => shared.limiter.decide_alone(&local.stats, shared.demand(py, &asking)?)?,
            };
            if let Some(change) = change {
                shared.tell(py, change)?;
            }
            Ok(Py::new(py, PyDecision::from(decision))?.into_any())
        };
        Ok(Plan { operation, call: Call::new(role), finish })
    }

    /// Says in the log what changed.
    #[cold]
    fn tell(&self, py: Python<'_>, change: Change) -> PyResult<()> {
        let address = self.inner.cache.settings().server.address.to_string();
        match change {
            Change::Away => {
                let policy = PyString::new(py, self.limiter.options().on_error.name());
                events::limits(py, "limits_away", &address, policy.as_any());
            }
            Change::Back(after) => {
                events::limits(py, "limits_back", &address, after.as_secs_f64().into_pyobject(py)?.as_any());
            }
        }
        Ok(())
    }

    fn reset(self: &Arc<Self>, py: Python<'_>, subject: Subject) -> PyResult<Plan<Unlink, impl Finish<i64> + use<>>> {
        let keys = self.keys(py, &subject)?;
        self.limiter.forget(&subject, &keys);
        let (shared, role) = (Arc::clone(self), Role::Forget(Forget::Keys(keys.clone())));
        let operation = Unlink::new(keys.clone());
        let finish = move |py: Python<'_>, found: Option<i64>| {
            // A refusal that was under way meanwhile is void.
            shared.limiter.forget(&subject, &keys);
            Ok(found.is_some_and(|found| found > 0).into_pyobject(py)?.to_owned().into_any().unbind())
        };
        Ok(Plan { operation, call: Call::new(role), finish })
    }

    fn refused(&self, py: Python<'_>, subject: &Subject, cost: u64) -> PyResult<Option<Py<PyAny>>> {
        let refused = self.limiter.refused(&self.inner.cache.local().stats, subject, cost);
        refused.map(|decision| Ok(Py::new(py, PyDecision::from(decision))?.into_any())).transpose()
    }
}

fn text<'a>(name: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    args::utf8(name, "a limiter's key")
}

fn is_name(object: &Object<'_>, name: &str) -> bool {
    object.cast::<PyString>().is_ok_and(|text| text.to_str().is_ok_and(|text| text == name))
}

fn cost_of(cost: Option<&Object<'_>>) -> PyResult<u64> {
    cost.map_or(Ok(1), |cost| rules::requests(cost, "cost"))
}

#[pymethods]
impl PyLimiter {
    #[new]
    #[pyo3(signature = (
        cache, limits, algorithm="sliding_window", *, on_error="memory", workers=1, max_staleness=None, max_bytes=DEFAULT_BYTES,
        count_refused=false, verbatim=false
    ))]
    #[allow(clippy::too_many_arguments)] // The signature is that of Python.
    fn new(
        cache: &Bound<'_, PyClient>,
        limits: &Object<'_>,
        algorithm: &str,
        on_error: &str,
        workers: u64,
        max_staleness: Option<&Object<'_>>,
        max_bytes: usize,
        count_refused: bool,
        verbatim: bool,
    ) -> PyResult<Self> {
        let rules = rules::checked(limits, algorithm, count_refused, verbatim)?;
        let options = rules::options(&rules, on_error, workers, max_staleness, max_bytes)?;
        let limiter = Limiter::new(rules, options);
        let inner = Arc::clone(&cache.get().inner);
        // From the beginning, so that metrics know its limits before anybody meets them.
        limiter.counts(&inner.cache.local().stats);
        Ok(Self { shared: Arc::new(Shared { inner, limiter, verbatim }) })
    }

    #[getter]
    fn limits<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        rules::shown(py, self.shared.limiter.rules())
    }

    #[pyo3(signature = (key, cost=None))]
    fn hit(&self, key: &Object<'_>, cost: Option<&Object<'_>>) -> PyResult<Py<PyAny>> {
        let (py, subject, cost) = (key.py(), self.shared.subject(key)?, cost_of(cost)?);
        if let Some(refused) = self.shared.refused(py, &subject, cost)? {
            return Ok(refused);
        }
        self.shared.plan(py, Asking { subject, cost, counts: true })?.wait(py, &self.shared.inner)
    }

    #[pyo3(signature = (key, cost=None))]
    fn peek(&self, key: &Object<'_>, cost: Option<&Object<'_>>) -> PyResult<Py<PyAny>> {
        let asking = Asking { subject: self.shared.subject(key)?, cost: cost_of(cost)?, counts: false };
        self.shared.plan(key.py(), asking)?.wait(key.py(), &self.shared.inner)
    }

    fn reset(&self, key: &Object<'_>) -> PyResult<Py<PyAny>> {
        self.shared.reset(key.py(), self.shared.subject(key)?)?.wait(key.py(), &self.shared.inner)
    }

    #[pyo3(signature = (key, cost=None))]
    fn _ahit<'py>(&self, key: &Object<'py>, cost: Option<&Object<'_>>) -> PyResult<Object<'py>> {
        let (py, subject, cost) = (key.py(), self.shared.subject(key)?, cost_of(cost)?);
        if let Some(refused) = self.shared.refused(py, &subject, cost)? {
            return aio::answered(py, refused);
        }
        self.shared.plan(py, Asking { subject, cost, counts: true })?.begin(py, &self.shared.inner)
    }

    #[pyo3(signature = (key, cost=None))]
    fn _apeek<'py>(&self, key: &Object<'py>, cost: Option<&Object<'_>>) -> PyResult<Object<'py>> {
        let asking = Asking { subject: self.shared.subject(key)?, cost: cost_of(cost)?, counts: false };
        self.shared.plan(key.py(), asking)?.begin(key.py(), &self.shared.inner)
    }

    fn _areset<'py>(&self, key: &Object<'py>) -> PyResult<Object<'py>> {
        self.shared.reset(key.py(), self.shared.subject(key)?)?.begin(key.py(), &self.shared.inner)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Shared { inner, limiter, .. } = &*self.shared;
        let limits = PyDict::new(py);
        for (rule, counts) in limiter.rules().iter().zip(limiter.counts(&inner.cache.local().stats)) {
            limits.set_item(&*rule.name, super::snapshot::limit(py, counts)?)?;
        }
        let result = PyDict::new(py);
        result.set_item("limits", limits)?;
        result.set_item("refusals", limiter.refusals())?;
        result.set_item("memory", limiter.fallback().map(|usage| super::snapshot::memory(py, usage)).transpose()?)?;
        Ok(result)
    }
}
