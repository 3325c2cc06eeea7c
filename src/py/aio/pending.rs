//! One call on its way.

use super::channel::PyChannel;
use crate::cache::{Call, Role};
use crate::config::Server;
use crate::error::{Error, Result, Stage};
use crate::net::Greeting;
use crate::op::{Commands, Operation, Replies, Request, Route, Step};
use crate::py::client::Inner;
use crate::py::{events, snapshot};
use crate::stats::Stats;
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// An operation, whatever its kind.
pub(in crate::py) trait Drive: Send {
    fn routed(&mut self, route: Route);
    fn request(&mut self, commands: &mut dyn Commands);
    /// Whether it is finished.
    fn replies(&mut self, replies: Replies) -> Result<bool>;
    fn is_repeatable(&self) -> bool;
    /// The result, or what a caller gets when the server is away.
    fn finish(self: Box<Self>, py: Python<'_>) -> PyResult<Py<PyAny>>;
}

struct State {
    drive: Box<dyn Drive>,
    call: Call,
    failure: Option<Error>,
    /// The end of all round trips.
    whole: Instant,
    /// Whether it was sent a second time, on another connection.
    moved: bool,
}

/// See `_native.pyi`.
#[pyclass(name = "Pending", module = "hitrate._native", frozen)]
pub(in crate::py) struct PyPending {
    /// None when it is finished, and while its operation runs: that may be code of a value's class, which may even turn
    /// the event loop. So no lock is held meanwhile, and what others ask for then stands beside it.
    state: Mutex<Option<State>>,
    is_finished: AtomicBool,
    /// The end of this round trip.
    deadline: Mutex<Instant>,
    inner: Arc<Inner>,
    /// What the caller awaits.
    future: Option<Py<PyAny>>,
    is_greeting: bool,
    /// Whether it wants a connection for itself: what it is answered may be long, or long in coming.
    #[pyo3(get)]
    pub(super) is_exclusive: bool,
    /// Whether it must come to its end although its caller was cancelled: a deletion.
    #[pyo3(get)]
    must_finish: bool,
}

impl PyPending {
    pub(super) fn new(inner: &Arc<Inner>, call: Call, drive: Box<dyn Drive>, future: Option<Py<PyAny>>) -> Self {
        let (server, now) = (&inner.cache.settings().server, Instant::now());
        let deadline = now + server.timeout;
        let whole = if call.bulk { now + server.bulk_timeout } else { deadline };
        let (is_exclusive, must_finish) = (call.bulk, matches!(call.role, Role::Forget(_)));
        let deadline = deadline.min(whole);
        let state = State { drive, call, failure: None, whole, moved: false };
        Self {
            state: Mutex::new(Some(state)),
            is_finished: AtomicBool::new(false),
            deadline: Mutex::new(deadline),
            inner: Arc::clone(inner),
            future,
            is_greeting: false,
            is_exclusive,
            must_finish,
        }
    }

    fn is_finished(&self) -> bool {
        self.is_finished.load(Ordering::Acquire)
    }

    /// Takes the state for good.
    fn end(&self) -> Option<State> {
        self.is_finished.store(true, Ordering::Release);
        self.state.lock().take()
    }

    /// Lets the operation run; none when there is none.
    fn run<T>(&self, work: impl FnOnce(&mut State) -> T) -> Option<T> {
        let mut state = self.state.lock().take()?;
        let result = work(&mut state);
        // Unless it was refused meanwhile.
        if !self.is_finished() {
            *self.state.lock() = Some(state);
        }
        Some(result)
    }

    /// What its client did in this process.
    pub(super) fn stats(&self) -> &Stats {
        &self.inner.cache.local().stats
    }

    /// How its server is reached.
    pub(super) fn server(&self) -> &Server {
        &self.inner.cache.settings().server
    }

    /// The end of this round trip; none when the call is finished.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.is_finished()).then(|| *self.deadline.lock())
    }

    /// The commands of the next round trip, which takes this route.
    pub(super) fn request(&self, route: Route, request: &mut Request) {
        self.run(|state| {
            state.drive.routed(route);
            state.drive.request(request);
        });
    }

    /// Takes what a round trip brought; true when no other is needed, because it is finished or failed.
    pub(super) fn take(&self, replies: Result<Replies>) -> bool {
        let taken = self.run(|state| {
            let taken = replies.and_then(|replies| state.drive.replies(replies));
            let is_done = taken.unwrap_or_else(|error| {
                state.failure = Some(error);
                true
            });
            if !is_done {
                *self.deadline.lock() = (Instant::now() + self.inner.cache.settings().server.timeout).min(state.whole);
            }
            is_done
        });
        taken.unwrap_or(true)
    }

    /// Whether the server said that it is a replica: after a failover the old primary still takes connections.
    pub(super) fn met_replica(&self) -> bool {
        let state = self.state.lock();
        let failure = state.as_ref().and_then(|state| state.failure.as_ref());
        matches!(failure, Some(Error::Server(refusal)) if refusal.is_replica())
    }

    /// Runs the commands of its next round trip in the embedded store; true when no other is needed.
    pub(super) fn step(&self) -> PyResult<bool> {
        let Some(memory) = &self.inner.cache.local().memory else {
            return Err(PyRuntimeError::new_err("this call needs a server"));
        };
        let mut session = memory.session();
        self.run(|state| state.drive.request(&mut session));
        Ok(self.take(Ok(session.replies())))
    }

    /// The deadline of the round trip passed.
    pub(super) fn time_out(&self, py: Python<'_>) {
        let stage = if self.is_greeting { Stage::Greeting } else { Stage::Reply };
        self.fail_with(py, |address| self.timeout(address, stage));
    }

    /// Gives the result to whoever awaits it. What a caller does not wait for any more comes to its end all the same: the
    /// breaker learns of it, and so does the local cache.
    pub(super) fn settle(&self, py: Python<'_>) {
        let Some(future) = &self.future else { return };
        if self.is_greeting || self.state.lock().is_some() {
            let result = if self.is_greeting { Ok(py.None()) } else { self.finish(py) };
            if let Err(raised) = complete(future.bind(py), result) {
                raised.write_unraisable(py, None);
            }
        }
    }

    fn timeout(&self, address: String, stage: Stage) -> Error {
        Error::Timeout { address, after: self.inner.cache.settings().server.timeout, stage }
    }

    fn fail_with(&self, py: Python<'_>, failure: impl FnOnce(String) -> Error) {
        if let Some(state) = self.state.lock().as_mut() {
            state.failure = Some(failure(self.inner.cache.settings().server.address.to_string()));
        }
        self.settle(py);
    }
}

/// Sets the result of a future, unless that was cancelled.
fn complete(future: &Bound<'_, PyAny>, result: PyResult<Py<PyAny>>) -> PyResult<()> {
    let py = future.py();
    if future.call_method0(intern!(py, "done"))?.is_truthy()? {
        return Ok(());
    }
    let error = match result {
        Ok(value) => return future.call_method1(intern!(py, "set_result"), (value,)).map(drop),
        Err(error) => error,
    };
    let set_exception = intern!(py, "set_exception");
    if future.call_method1(set_exception, (error.value(py),)).is_err() {
        // A future refuses StopIteration, which code of a value may raise.
        let refused = PyRuntimeError::new_err("reading the value raised what no coroutine may raise");
        refused.set_cause(py, Some(error));
        future.call_method1(set_exception, (refused,))?;
    }
    Ok(())
}

#[pymethods]
impl PyPending {
    /// Where and how to connect: see `hitrate/aio/pool.py`.
    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        snapshot::target(py, &self.inner.cache.settings().server)
    }

    /// An object that lives as long as the client.
    #[getter]
    fn owner(&self, py: Python<'_>) -> Py<PyOwner> {
        self.inner.owner.clone_ref(py)
    }

    /// Seconds that are left for this round trip.
    #[getter]
    fn left(&self) -> f64 {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.deadline().map_or(0.0, |deadline| left(deadline).as_secs_f64())
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_over(&self, py: Python<'_>) -> PyResult<bool> {
        match &self.future {
            Some(future) if !self.must_finish => future.bind(py).call_method0(intern!(py, "done"))?.is_truthy(),
            _ => Ok(self.is_finished()),
        }
    }

    /// Whether it may be sent once more, on another connection; true at most once. Where the connection before may still
    /// be open (`late`), only a read may: a write could be done there after the next one was done elsewhere.
    #[pyo3(signature = (*, late))]
    fn may_move(&self, late: bool) -> bool {
        let mut state = self.state.lock();
        let Some(state) = state.as_mut().filter(|state| !state.moved && !self.is_greeting) else { return false };
        state.moved = state.drive.is_repeatable() && (!late || state.call.role == Role::Read);
        if state.moved {
            self.stats().retries.one();
        }
        state.moved
    }

    /// This line serves the client in its loop from now on.
    fn prefer(&self, line: &Bound<'_, PyChannel>) -> PyResult<()> {
        self.inner.lines.put(line)
    }

    /// A new line leads to this address, or to a unix socket. Tells whether connections led elsewhere before.
    #[pyo3(signature = (line, host=None, port=0))]
    fn reached(&self, line: &Bound<'_, PyChannel>, host: Option<&str>, port: u16) -> bool {
        let address = host.and_then(|host| Some(SocketAddr::new(host.parse().ok()?, port)));
        let (route, has_moved) = self.inner.cache.local().pool.reached(address);
        line.get().leads(route);
        has_moved
    }

    /// The greeting for a new connection, for which so many seconds are left; the future only says that it is over.
    fn greeting(&self, future: Py<PyAny>, left: f64) -> Self {
        let server = Arc::clone(self.inner.cache.local().pool.server());
        let greeting = Box::new(Greeting::new(server));
        let pending = Self::new(&self.inner, Call::new(Role::Certain), greeting, Some(future));
        if let Some(state) = pending.state.lock().as_mut() {
            state.whole = Instant::now() + Duration::try_from_secs_f64(left).unwrap_or_default();
            let mut deadline = pending.deadline.lock();
            *deadline = (*deadline).min(state.whole);
        }
        Self { is_greeting: true, ..pending }
    }

    /// Whether the server, or the way to it, refused this greeting.
    #[getter]
    fn is_refused(&self) -> bool {
        self.state.lock().as_ref().is_some_and(|state| state.failure.is_some())
    }

    /// Fails as this greeting did.
    fn adopt(&self, py: Python<'_>, greeting: &Self) {
        let failure = greeting.state.lock().as_ref().and_then(|state| state.failure.clone());
        if let (Some(state), Some(failure)) = (self.state.lock().as_mut(), failure) {
            state.failure = Some(failure);
        }
        self.settle(py);
    }

    /// The way to the server failed. `deadline` names what was waited for when it passed ("slot", "connect" or "greeting"),
    /// or is None for a lost connection, and `cause` says why in words.
    pub(super) fn fail(&self, py: Python<'_>, deadline: Option<&str>, cause: &str) {
        self.fail_with(py, |address| match deadline {
            Some("slot") => self.timeout(address, Stage::Slot),
            Some("greeting") => self.timeout(address, Stage::Greeting),
            Some(_) => self.timeout(address, Stage::Connect),
            None => Error::Connection { address, cause: cause.to_owned() },
        });
    }

    /// Fails with this exception.
    pub(super) fn refuse(&self, error: Bound<'_, PyAny>) {
        let py = error.py();
        drop(self.end());
        if let Some(future) = &self.future
            && let Err(raised) = complete(future.bind(py), Err(PyErr::from_value(error)))
        {
            raised.write_unraisable(py, None);
        }
    }

    /// As `step`, for `hitrate/aio/`.
    #[pyo3(name = "step")]
    fn one_step(&self) -> PyResult<bool> {
        self.step()
    }

    /// The result of the call, or its exception.
    pub(super) fn finish(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let state = self.end().ok_or_else(|| PyRuntimeError::new_err("this call is finished already"))?;
        let cache = &self.inner.cache;
        cache.wrote(&state.call);
        let outcome = match state.failure {
            Some(failure) => cache.failed(failure, state.call, None),
            None => Ok(()),
        };
        let result = outcome.map_err(PyErr::from).and_then(|()| state.drive.finish(py));
        events::deliver(py, &cache.local().health);
        result
    }
}

impl Drive for Greeting {
    fn routed(&mut self, _route: Route) {}

    fn request(&mut self, commands: &mut dyn Commands) {
        Operation::request(self, commands);
    }

    fn replies(&mut self, replies: Replies) -> Result<bool> {
        Ok(matches!(Operation::replies(self, replies)?, Step::Done(())))
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn finish(self: Box<Self>, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(py.None())
    }
}

/// Lives as long as a client: the event loops' pools hang on it by a weak reference.
#[pyclass(name = "Owner", module = "hitrate._native", frozen, weakref)]
pub(in crate::py) struct PyOwner;
