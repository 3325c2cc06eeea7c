//! Filling an entry under its lease.

use super::boolean;
use crate::cache::{Call, Role};
use crate::clock;
use crate::codec::envelope::{self, Content, MAX_HEADERS, Payload, Response, Times};
use crate::py::client::{Inner, Object, PyClient};
use crate::py::errors::ConfigError;
use crate::py::lease::PyLease;
use crate::py::plan::{Finish, Plan};
use crate::py::{args, outcall};
use crate::store::{Filled, LeaseFill};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use std::sync::Arc;
use std::time::Duration;

/// How long what is filled lives.
pub(super) struct Terms {
    lifetime: Duration,
    fresh: Duration,
    age: Duration,
    older_by: Duration,
}

impl Terms {
    fn new(lifetime: &Object<'_>, fresh: &Object<'_>, age: f64, older_by: f64) -> PyResult<Self> {
        Ok(Self {
            lifetime: args::duration(lifetime, "lifetime")?,
            fresh: args::span(args::seconds(fresh.as_borrowed(), "fresh")?, "fresh")?,
            age: args::span(age, "age")?,
            older_by: args::span(older_by, "older_by")?,
        })
    }

    fn times(&self) -> Times {
        let milliseconds = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Times {
            lifetime: milliseconds(self.lifetime),
            fresh: milliseconds(self.fresh),
            age: milliseconds(self.age),
            stored_at: clock::unix_ms(),
        }
    }
}

impl Inner {
    fn fill<'a>(
        self: &Arc<Self>,
        py: Python<'_>,
        lease: &'a PyLease,
        terms: &Terms,
        content: Content<'a>,
    ) -> PyResult<Plan<LeaseFill, impl Finish<Filled> + use<>>> {
        let grant = &lease.grant;
        let kind = content.kind();
        let names = grant.tags.names.iter().map(|name| &**name);
        let tags = names.zip(grant.versions.iter().copied()).collect();
        let payload = envelope::write(&Payload { times: terms.times(), tags, content });
        let sealed = self.values.seal(py, &grant.key, payload)?;
        let envelope = envelope::wrap(kind, &LeaseFill::new_id(), &grant.mark(), &sealed);
        let mut operation = LeaseFill::new(grant, envelope, terms.lifetime);
        if !terms.older_by.is_zero() {
            let forgotten = self.forgotten_record(py, lease.version.as_ref().map(|version| version.bind(py)))?;
            operation = operation.unless_forgotten_since(grant, terms.older_by, forgotten);
        }
        // What was forgotten since the lease was given waits to be forgotten by the server, too.
        let forgotten =
            self.cache.local().health.is_forgotten(&grant.key) || self.is_any_forgotten(&grant.tags.records);
        let writes = self.writes(|| grant.tags.with_records_of(&grant.key));
        let call = Call { critical: lease.critical, replaceable: true, forgotten, writes, ..Call::new(Role::Store) };
        let finish = self.filled(forgotten);
        Ok(Plan { operation, call, finish })
    }

    /// Counts what became of a fill, and tells whether it was stored. `forgotten`: the server is not asked, for a deletion
    /// waits for it.
    pub(super) fn filled(self: &Arc<Self>, forgotten: bool) -> impl Finish<Filled> + use<> {
        let inner = Arc::clone(self);
        move |py: Python<'_>, filled: Option<Filled>| {
            let stats = &inner.cache.local().stats;
            let counter = match filled {
                Some(Filled::Stored) => &stats.fills,
                Some(Filled::Gone | Filled::Refused) => &stats.voided_fills,
                None if forgotten => &stats.voided_fills,
                None => &stats.dropped_fills,
            };
            counter.one();
            boolean(py, filled.map(|filled| filled == Filled::Stored))
        }
    }
}

#[pymethods]
impl PyClient {
    #[pyo3(signature = (lease, status, headers, body, *, etag, fresh, lifetime, age=0.0, older_by=0.0))]
    #[allow(clippy::too_many_arguments)] // They are Python's.
    fn _fill_response(
        &self,
        lease: &Bound<'_, PyLease>,
        status: u16,
        headers: &Object<'_>,
        body: &Bound<'_, PyBytes>,
        etag: &str,
        fresh: &Object<'_>,
        lifetime: &Object<'_>,
        age: f64,
        older_by: f64,
    ) -> PyResult<Py<PyAny>> {
        let (py, headers) = (lease.py(), Headers::new(headers)?);
        let content = Content::Response(Response { status, etag, headers: headers.texts()?, body: body.as_bytes() });
        let terms = Terms::new(lifetime, fresh, age, older_by)?;
        self.inner.fill(py, lease.get(), &terms, content)?.wait(py, &self.inner)
    }

    #[pyo3(signature = (lease, status, headers, body, *, etag, fresh, lifetime, age=0.0, older_by=0.0))]
    #[allow(clippy::too_many_arguments)] // They are Python's.
    fn _afill_response<'py>(
        &self,
        lease: &Bound<'py, PyLease>,
        status: u16,
        headers: &Object<'_>,
        body: &Bound<'_, PyBytes>,
        etag: &str,
        fresh: &Object<'_>,
        lifetime: &Object<'_>,
        age: f64,
        older_by: f64,
    ) -> PyResult<Object<'py>> {
        let (py, headers) = (lease.py(), Headers::new(headers)?);
        let content = Content::Response(Response { status, etag, headers: headers.texts()?, body: body.as_bytes() });
        let terms = Terms::new(lifetime, fresh, age, older_by)?;
        self.inner.fill(py, lease.get(), &terms, content)?.begin(py, &self.inner)
    }

    #[pyo3(signature = (lease, value, *, fresh, lifetime, older_by=0.0))]
    fn _fill_value(
        &self,
        lease: &Bound<'_, PyLease>,
        value: &Object<'_>,
        fresh: &Object<'_>,
        lifetime: &Object<'_>,
        older_by: f64,
    ) -> PyResult<Py<PyAny>> {
        let (py, bytes) = (lease.py(), self.inner.values.encode_inner(value)?);
        let terms = Terms::new(lifetime, fresh, 0.0, older_by)?;
        self.inner.fill(py, lease.get(), &terms, Content::Value(&bytes))?.wait(py, &self.inner)
    }

    #[pyo3(signature = (lease, value, *, fresh, lifetime, older_by=0.0))]
    fn _afill_value<'py>(
        &self,
        lease: &Bound<'py, PyLease>,
        value: &Object<'_>,
        fresh: &Object<'_>,
        lifetime: &Object<'_>,
        older_by: f64,
    ) -> PyResult<Object<'py>> {
        let (py, bytes) = (lease.py(), self.inner.values.encode_inner(value)?);
        let terms = Terms::new(lifetime, fresh, 0.0, older_by)?;
        self.inner.fill(py, lease.get(), &terms, Content::Value(&bytes))?.begin(py, &self.inner)
    }
}

/// Names and values of headers, alive while they are borrowed.
struct Headers<'py>(Vec<[Bound<'py, PyString>; 2]>);

impl<'py> Headers<'py> {
    fn new(given: &Object<'py>) -> PyResult<Self> {
        let mut headers = Vec::new();
        for pair in outcall::items(given)? {
            let pair = pair?.cast_into::<PyTuple>()?;
            let (name, value) = pair.extract::<(Bound<'py, PyString>, Bound<'py, PyString>)>()?;
            headers.push([name, value]);
        }
        if headers.len() > MAX_HEADERS {
            let message =
                format!("an answer with {} headers cannot be stored; at most {MAX_HEADERS} can", headers.len());
            return Err(ConfigError::new_err(message));
        }
        Ok(Self(headers))
    }

    fn texts(&self) -> PyResult<Vec<(&str, &str)>> {
        self.0.iter().map(|[name, value]| Ok((name.to_str()?, value.to_str()?))).collect()
    }
}
