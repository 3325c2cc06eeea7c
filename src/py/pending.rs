//! The async driver's native half: `hitrate/aio.py` moves the bytes, this runs the operation.
//!
//! No thread and no runtime: an asyncio protocol hands over what it received, as `docs/design/async.md` explains.

use super::client::Inner;
use super::{events, snapshot};
use crate::cache::{Admission, Call, Role};
use crate::error::{Error, Result, Stage};
use crate::net::{Greeting, Limits, ReplyReader};
use crate::op::{Commands, Operation, Replies, Request, Step};
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// An operation, whatever its kind.
pub(super) trait Drive: Send {
    fn request(&mut self, commands: &mut dyn Commands);
    /// Whether it is finished.
    fn replies(&mut self, replies: Replies) -> Result<bool>;
    fn is_repeatable(&self) -> bool;
    /// The result, or what a caller gets when the server is away.
    fn finish(self: Box<Self>, py: Python<'_>) -> PyResult<Py<PyAny>>;
}

/// Looks for the result where no server has to be asked.
pub(super) type Shortcut = Box<dyn FnMut(Python<'_>) -> PyResult<Option<Py<PyAny>>> + Send>;

/// The coroutine that runs `drive` in the event loop, unless the shortcut has the result.
pub(super) fn coroutine<'py>(
    py: Python<'py>,
    inner: &Arc<Inner>,
    call: Call,
    drive: Box<dyn Drive>,
    shortcut: Option<Shortcut>,
) -> PyResult<Bound<'py, PyAny>> {
    let pending = PyPending::new(inner, call, drive, shortcut);
    py.import(intern!(py, "hitrate.aio"))?.call_method1(intern!(py, "drive"), (pending,))
}

struct State {
    drive: Box<dyn Drive>,
    call: Call,
    failure: Option<Error>,
    shortcut: Option<Shortcut>,
    /// What the shortcut had.
    found: Option<Py<PyAny>>,
}

impl State {
    /// Takes what a round trip brought; true when no other is needed, because it is finished or failed.
    fn take(&mut self, replies: Result<Replies>) -> bool {
        replies.and_then(|replies| self.drive.replies(replies)).unwrap_or_else(|error| {
            self.failure = Some(error);
            true
        })
    }
}

/// One call on its way through asyncio.
#[pyclass(name = "Pending", module = "hitrate._native", frozen)]
pub(super) struct PyPending {
    state: Mutex<Option<State>>,
    inner: Arc<Inner>,
    /// Seconds for one round trip.
    #[pyo3(get)]
    round_trip: f64,
    /// Seconds for all of them.
    #[pyo3(get)]
    whole: f64,
}

impl PyPending {
    fn new(inner: &Arc<Inner>, call: Call, drive: Box<dyn Drive>, shortcut: Option<Shortcut>) -> Self {
        let server = &inner.cache.settings().server;
        let round_trip = server.timeout.as_secs_f64();
        let whole = if call.bulk { server.bulk_timeout.as_secs_f64() } else { round_trip };
        let state = State { drive, call, failure: None, shortcut, found: None };
        Self { state: Mutex::new(Some(state)), inner: Arc::clone(inner), round_trip, whole }
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> PyResult<T> {
        self.state.lock().as_mut().map(f).ok_or_else(|| PyRuntimeError::new_err("this call is finished already"))
    }
}

#[pymethods]
impl PyPending {
    /// Where and how to connect: see `hitrate/aio.py`.
    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        snapshot::target(py, &self.inner.cache.settings().server)
    }

    /// Whether it may be sent again on another connection.
    #[getter]
    fn is_repeatable(&self) -> PyResult<bool> {
        self.with(|state| state.drive.is_repeatable())
    }

    /// Whether it must come to its end although its caller was cancelled: a deletion.
    #[getter]
    fn must_finish(&self) -> PyResult<bool> {
        self.with(|state| matches!(state.call.role, Role::Forget(_)))
    }

    /// An object that lives as long as the client.
    #[getter]
    fn owner(&self, py: Python<'_>) -> Py<PyOwner> {
        self.inner.owner.clone_ref(py)
    }

    /// Whether the call is to be sent; if not, `finish` has its result.
    fn admit(&self, py: Python<'_>) -> PyResult<bool> {
        // Not under the lock: it may run Python code of others.
        if let Some(mut shortcut) = self.with(|state| state.shortcut.take())?
            && let Some(found) = shortcut(py)?
        {
            self.with(|state| state.found = Some(found))?;
            return Ok(false);
        }
        let call = self.with(|state| state.call.clone())?;
        Ok(self.inner.cache.admit(&call)? == Admission::Send)
    }

    /// Whether an embedded store answers it: by `step`, without a connection.
    #[getter]
    fn is_embedded(&self) -> bool {
        self.inner.cache.local().memory.is_some()
    }

    /// Runs the commands of its next round trip in the embedded store; true when no other is needed.
    fn step(&self) -> PyResult<bool> {
        let Some(memory) = &self.inner.cache.local().memory else {
            return Err(PyRuntimeError::new_err("this call needs a server"));
        };
        self.with(|state| {
            let mut session = memory.session();
            state.drive.request(&mut session);
            state.take(Ok(session.replies()))
        })
    }

    /// Whether the server said that it is a replica: after a failover the old primary still takes connections.
    #[getter]
    fn met_replica(&self) -> PyResult<bool> {
        self.with(|state| matches!(&state.failure, Some(Error::Server(refusal)) if refusal.is_replica()))
    }

    /// A channel for a new connection.
    fn channel(&self) -> PyChannel {
        PyChannel::new(self.inner.cache.settings().server.max_reply_bytes)
    }

    /// A new connection leads to this address, or to a unix socket.
    #[pyo3(signature = (host=None, port=0))]
    fn reached(&self, host: Option<&str>, port: u16) {
        let address = host.and_then(|host| Some(SocketAddr::new(host.parse().ok()?, port)));
        self.inner.cache.local().pool.reached(address);
    }

    /// The greeting for a new connection.
    fn greeting(&self) -> Self {
        let server = Arc::clone(self.inner.cache.local().pool.server());
        let call = Call::new(Role::Certain);
        Self::new(&self.inner, call, Box::new(Greeting::new(server)), None)
    }

    /// The commands of the next round trip; the channel will expect their replies.
    fn request<'py>(&self, py: Python<'py>, channel: &PyChannel) -> PyResult<Bound<'py, PyBytes>> {
        let mut request = Request::default();
        self.with(|state| state.drive.request(&mut request))?;
        channel.expect(&request);
        Ok(PyBytes::new(py, request.bytes()))
    }

    /// Takes the replies of a round trip; true when no other is needed, because it is finished or failed.
    fn replies(&self, channel: &PyChannel) -> PyResult<bool> {
        let exchange = channel.take();
        self.inner.cache.local().stats.round_trip(exchange.begun.elapsed(), exchange.sent, exchange.received);
        self.with(|state| state.take(exchange.replies))
    }

    /// Takes over the failure of a greeting; true when there was one.
    fn adopt(&self, greeting: &Self) -> PyResult<bool> {
        let failure = greeting.with(|state| state.failure.take())?;
        let failed = failure.is_some();
        self.with(|state| state.failure = failure)?;
        Ok(failed)
    }

    /// The way to the server failed. `deadline` names what was waited for when it passed ("slot", "connect", "reply"),
    /// or is None for a lost connection, and `cause` says why in words.
    fn fail(&self, deadline: Option<&str>, cause: &str) -> PyResult<()> {
        let server = &self.inner.cache.settings().server;
        let address = server.address.to_string();
        let stage = deadline.map(|stage| match stage {
            "slot" => Stage::Slot,
            "connect" => Stage::Connect,
            _ => Stage::Reply,
        });
        let failure = match stage {
            Some(stage) => Error::Timeout { address, after: server.timeout, stage },
            None => Error::Connection { address, cause: cause.to_owned() },
        };
        self.with(|state| state.failure = Some(failure))
    }

    /// The result of the call, or its exception.
    fn finish(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let state = self.state.lock().take().ok_or_else(|| PyRuntimeError::new_err("this call is finished already"))?;
        if let Some(found) = state.found {
            return Ok(found);
        }
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
pub(super) struct PyOwner;

/// What one round trip brought.
struct Exchange {
    replies: Result<Replies>,
    begun: Instant,
    sent: usize,
    received: usize,
}

struct ChannelState {
    reader: ReplyReader,
    expected: usize,
    exchange: Exchange,
}

/// The receiving side of one asyncio connection.
#[pyclass(name = "Channel", module = "hitrate._native", frozen)]
pub(super) struct PyChannel {
    state: Mutex<ChannelState>,
}

impl PyChannel {
    fn new(max_reply_bytes: usize) -> Self {
        let reader = ReplyReader::new(Limits::new(max_reply_bytes));
        let exchange = Exchange { replies: Ok(Replies::new()), begun: Instant::now(), sent: 0, received: 0 };
        Self { state: Mutex::new(ChannelState { reader, expected: 0, exchange }) }
    }

    fn expect(&self, request: &Request) {
        let mut state = self.state.lock();
        state.expected = request.commands();
        state.exchange =
            Exchange { replies: Ok(Replies::new()), begun: Instant::now(), sent: request.bytes().len(), received: 0 };
    }

    fn take(&self) -> Exchange {
        let mut state = self.state.lock();
        state.expected = 0;
        let empty = Exchange { replies: Ok(Replies::new()), begun: Instant::now(), sent: 0, received: 0 };
        std::mem::replace(&mut state.exchange, empty)
    }
}

impl ChannelState {
    fn feed(&mut self, data: &[u8]) -> Result<bool> {
        self.exchange.received += data.len();
        self.reader.feed(data);
        let Ok(replies) = &mut self.exchange.replies else {
            return Ok(true);
        };
        while let Some(reply) = self.reader.next()? {
            replies.push(reply);
        }
        if replies.len() > self.expected || (replies.len() == self.expected && !self.reader.is_idle()) {
            return Err(Error::Protocol("more replies came than commands were sent".to_owned()));
        }
        Ok(replies.len() == self.expected)
    }
}

#[pymethods]
impl PyChannel {
    /// Takes received bytes; true when the round trip is complete, or beyond hope.
    fn feed(&self, data: &[u8]) -> bool {
        let mut state = self.state.lock();
        state.feed(data).unwrap_or_else(|error| {
            state.exchange.replies = Err(error);
            true
        })
    }

    /// Whether the connection may serve another call: every reply came and nothing else.
    #[getter]
    fn is_in_step(&self) -> bool {
        let state = self.state.lock();
        state.exchange.replies.is_ok() && state.reader.is_idle()
    }
}
