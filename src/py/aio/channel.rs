//! One connection of an event loop: what is sent together, who is to get which reply, and until when.

use super::pending::PyPending;
use crate::net::{Limits, Pipeline};
use crate::op::{Request, Route};
use parking_lot::Mutex;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::time::{Duration, Instant};

/// Calls on their way over one connection, at most; more wait, or take another.
const MAX_CALLS: usize = 4096;

/// Loops count time in milliseconds, some of them from the beginning of their turn.
const TICK: Duration = Duration::from_millis(1);

/// A call that was sent.
struct Sent {
    pending: Py<PyPending>,
    begun: Instant,
    bytes: usize,
    /// Whether anybody shall get the reply.
    is_live: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, told by another")]
struct State {
    pipeline: Pipeline<Sent>,
    /// What goes out at the end of this turn of the loop.
    out: Vec<u8>,
    route: Route,
    /// `write` of the transport, while there is one.
    write: Option<Py<PyAny>>,
    is_scheduled: bool,
    /// Calls in `out`, and how many went out last time.
    batch: usize,
    last_batch: usize,
    /// Bytes that no answered call was charged with yet.
    received: usize,
    active: Instant,
    timer: Option<(Instant, Py<PyAny>)>,
    is_greeted: bool,
    has_served: bool,
    is_paused: bool,
    is_retired: bool,
    is_taken: bool,
    is_watched: bool,
}

/// See `_native.pyi`.
#[pyclass(name = "Channel", module = "hitrate._native", frozen, subclass)]
pub(in crate::py) struct PyChannel {
    state: Mutex<State>,
    running: Py<PyAny>,
    idle_timeout: Duration,
}

impl State {
    fn is_stale(&self, idle_timeout: Duration, now: Instant) -> bool {
        self.pipeline.is_empty() && now.duration_since(self.active) > idle_timeout
    }

    fn has_room(&self) -> bool {
        self.is_greeted
            && !(self.is_retired || self.is_taken || self.is_paused)
            && self.pipeline.len() < MAX_CALLS
            && !self.pipeline.is_held_up()
    }

    /// Whether the pool is to hear of every answer.
    fn is_observed(&self) -> bool {
        self.is_watched || self.is_taken || self.is_retired
    }

    /// What is to be written now, with the transport's `write`.
    fn take_out(&mut self, py: Python<'_>) -> Option<(Py<PyAny>, Py<PyBytes>)> {
        self.is_scheduled = false;
        self.last_batch = std::mem::take(&mut self.batch);
        let bytes = PyBytes::new(py, &self.out).unbind();
        self.out.clear();
        self.out.shrink_to(64 << 10);
        Some((self.write.as_ref()?.clone_ref(py), bytes))
    }

    /// The earliest deadline of those that wait for a reply.
    fn earliest(&mut self, py: Python<'_>) -> Option<Instant> {
        let live = self.pipeline.calls().filter(|sent| sent.is_live);
        live.filter_map(|sent| sent.pending.bind(py).get().deadline()).min()
    }
}

impl PyChannel {
    /// Whether it belongs to this loop.
    pub(super) fn is_in(&self, running: &Bound<'_, PyAny>) -> bool {
        self.running.is(running)
    }

    /// It was opened, and is this route.
    pub(super) fn leads(&self, route: Route) {
        self.state.lock().route = route;
    }

    /// Where its loop is in memory.
    pub(super) fn loop_address(&self) -> usize {
        self.running.as_ptr() as usize
    }

    /// Sends a call if there is room for it.
    pub(super) fn send_if_room(slf: &Bound<'_, Self>, pending: &Bound<'_, PyPending>) -> PyResult<bool> {
        let this = slf.get();
        let takes = !pending.get().is_exclusive && {
            let state = this.state.lock();
            state.has_room() && !state.is_stale(this.idle_timeout, Instant::now())
        };
        if takes {
            Self::send(slf, pending)?;
        }
        Ok(takes)
    }

    /// A lone call goes out at once. Where many are made in a turn of the loop, those of the turn go out together.
    fn put(&self, pending: &Bound<'_, PyPending>) -> Next {
        let py = pending.py();
        let mut request = Request::default();
        // Not under the lock: values may be pickled here.
        let route = self.state.lock().route;
        pending.get().request(route, &mut request);
        let now = Instant::now();
        let sent = Sent { pending: pending.clone().unbind(), begun: now, bytes: request.bytes().len(), is_live: true };
        let mut state = self.state.lock();
        let is_lone = state.pipeline.is_empty() && state.last_batch <= 1 && !state.is_scheduled;
        state.out.extend_from_slice(request.bytes());
        state.pipeline.expect(sent, request.commands());
        state.batch += 1;
        state.active = now;
        if is_lone {
            state.take_out(py).map_or(Next::Wait, |(write, bytes)| Next::Write(write, bytes))
        } else if std::mem::replace(&mut state.is_scheduled, true) {
            Next::Wait
        } else {
            Next::Schedule
        }
    }

    /// Has the timer go off when the first deadline passes: one timer for all calls, which is set again when it went off.
    fn arm(slf: &Bound<'_, Self>, deadline: Instant) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        if this.state.lock().timer.as_ref().is_some_and(|(at, _)| *at <= deadline + TICK) {
            return Ok(());
        }
        let delay = deadline.saturating_duration_since(Instant::now()).max(TICK).as_secs_f64();
        let expire = slf.getattr(intern!(py, "expire"))?;
        let handle = this.running.bind(py).call_method1(intern!(py, "call_later"), (delay, expire))?;
        let before = this.state.lock().timer.replace((deadline, handle.unbind()));
        cancel(py, before)
    }

    /// Gives answers to whoever waits for them, and sends what needs another round trip.
    fn answer(slf: &Bound<'_, Self>, data: &[u8]) -> Aftermath {
        let (py, this) = (slf.py(), slf.get());
        let mut answered = Vec::new();
        let (in_step, mut received, now) = {
            let mut state = this.state.lock();
            let in_step = state.pipeline.feed(data, &mut answered);
            state.is_retired |= !in_step;
            state.received += data.len();
            let now = Instant::now();
            state.active = now;
            state.has_served |= state.is_greeted && !answered.is_empty();
            let received = if answered.is_empty() { 0 } else { std::mem::take(&mut state.received) };
            (in_step, received, now)
        };
        let mut aftermath = Aftermath { in_step, met_replica: false };
        for answer in answered {
            let (sent, pending) = (&answer.call, answer.call.pending.bind(py));
            let call = pending.get();
            call.stats().round_trip(now.duration_since(sent.begun), sent.bytes, std::mem::take(&mut received));
            if !sent.is_live {
                continue;
            }
            if call.take(answer.replies) || call.is_over(py).unwrap_or(true) {
                aftermath.met_replica |= call.met_replica();
                call.settle(py);
            } else if !in_step {
                call.fail(py, None, "the connection was closed: what the server sent is no reply");
            } else if let Err(raised) = Self::send(slf, pending) {
                // The others shall have their answers all the same.
                call.refuse(raised.into_value(py).bind(py).clone().into_any());
            }
        }
        aftermath
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
    }
}

/// What is to be done with what was put into the buffer.
enum Next {
    Write(Py<PyAny>, Py<PyBytes>),
    Schedule,
    Wait,
}

struct Aftermath {
    in_step: bool,
    met_replica: bool,
}

fn cancel(py: Python<'_>, timer: Option<(Instant, Py<PyAny>)>) -> PyResult<()> {
    match timer {
        Some((_, handle)) => handle.bind(py).call_method0(intern!(py, "cancel")).map(drop),
        None => Ok(()),
    }
}

#[pymethods]
impl PyChannel {
    /// Takes the loop it lives in, and the call for which it is made.
    #[new]
    fn new(running: Py<PyAny>, pending: &PyPending) -> Self {
        let server = pending.server();
        let state = State {
            pipeline: Pipeline::new(Limits::new(server.max_reply_bytes)),
            out: Vec::new(),
            route: Route::new(Route::NOWHERE),
            write: None,
            is_scheduled: false,
            batch: 0,
            last_batch: 0,
            received: 0,
            active: Instant::now(),
            timer: None,
            is_greeted: false,
            has_served: false,
            is_paused: false,
            is_retired: false,
            is_taken: false,
            is_watched: false,
        };
        Self { state: Mutex::new(state), running, idle_timeout: server.idle_timeout }
    }

    /// The transport is open, or (None) gone.
    fn attach(&self, py: Python<'_>, write: Option<Py<PyAny>>) -> PyResult<()> {
        let mut timer = None;
        self.change(|state| {
            state.is_retired |= write.is_none();
            if write.is_none() {
                timer = state.timer.take();
            }
            state.write = write;
        });
        cancel(py, timer)
    }

    /// The server was greeted, and takes calls.
    fn greeted(&self) {
        self.change(|state| state.is_greeted = true);
    }

    /// Takes no new call.
    fn retire(&self) {
        self.change(|state| state.is_retired = true);
    }

    /// Whether one call has it for itself.
    fn reserve(&self, is_taken: bool) {
        self.change(|state| state.is_taken = is_taken);
    }

    /// Whether somebody waits for room.
    fn watch(&self, is_watched: bool) {
        self.change(|state| state.is_watched = is_watched);
    }

    #[getter]
    fn is_taken(&self) -> bool {
        self.state.lock().is_taken
    }

    #[getter]
    fn is_retired(&self) -> bool {
        self.state.lock().is_retired
    }

    #[getter]
    fn has_room(&self) -> bool {
        self.state.lock().has_room()
    }

    /// Whether it has answered a call, the greeting aside.
    #[getter]
    fn has_served(&self) -> bool {
        self.state.lock().has_served
    }

    /// Whether nothing is on its way over it.
    #[getter]
    fn is_idle(&self) -> bool {
        self.state.lock().pipeline.is_empty()
    }

    /// Whether it was idle for so long that the server, or something on the way, may have dropped it.
    #[getter]
    fn is_stale(&self) -> bool {
        self.state.lock().is_stale(self.idle_timeout, Instant::now())
    }

    /// Whether nobody waits for anything that comes over it.
    #[getter]
    fn is_deserted(&self, py: Python<'_>) -> PyResult<bool> {
        for pending in self.waiting(py) {
            if !pending.get().is_over(py)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sends a call.
    fn send(slf: &Bound<'_, Self>, pending: &Bound<'_, PyPending>) -> PyResult<()> {
        let (py, this) = (slf.py(), slf.get());
        match this.put(pending) {
            Next::Write(write, bytes) => drop(write.bind(py).call1((bytes,))?),
            Next::Schedule => {
                let flush = slf.getattr(intern!(py, "flush"))?;
                this.running.bind(py).call_method1(intern!(py, "call_soon"), (flush,))?;
            }
            Next::Wait => {}
        }
        pending.get().deadline().map_or(Ok(()), |deadline| Self::arm(slf, deadline))
    }

    /// Writes what was gathered.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let out = self.state.lock().take_out(py);
        // Not under the lock: the transport may say at once that it has enough.
        out.map_or(Ok(()), |(write, bytes)| write.bind(py).call1((bytes,)).map(drop))
    }

    fn data_received(slf: &Bound<'_, Self>, data: &[u8]) -> PyResult<()> {
        let py = slf.py();
        let aftermath = Self::answer(slf, data);
        if !aftermath.in_step {
            slf.call_method0(intern!(py, "broken"))?;
        } else if aftermath.met_replica {
            slf.call_method0(intern!(py, "outdated"))?;
        }
        Self::notify(slf)
    }

    fn pause_writing(&self) {
        self.change(|state| state.is_paused = true);
    }

    fn resume_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().change(|state| state.is_paused = false);
        Self::notify(slf)
    }

    /// Fails the calls whose deadlines have passed. Their replies may still come and are for nobody; no new call follows them.
    fn expire(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (py, this, now) = (slf.py(), slf.get(), Instant::now());
        let mut late = Vec::new();
        this.change(|state| {
            state.timer = None;
            for sent in state.pipeline.calls().filter(|sent| sent.is_live) {
                if sent.pending.bind(py).get().deadline().is_none_or(|deadline| deadline <= now) {
                    sent.is_live = false;
                    late.push(sent.pending.clone_ref(py));
                }
            }
            state.is_retired |= !late.is_empty();
        });
        for pending in &late {
            pending.bind(py).get().time_out(py);
        }
        if !late.is_empty() {
            slf.call_method0(intern!(py, "late"))?;
        }
        let earliest = this.state.lock().earliest(py);
        earliest.map_or(Ok(()), |deadline| Self::arm(slf, deadline))
    }

    /// Calls that somebody waits for, the first of them first.
    fn waiting<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyPending>> {
        let mut state = self.state.lock();
        state.pipeline.calls().filter(|sent| sent.is_live).map(|sent| sent.pending.bind(py).clone()).collect()
    }

    /// The reply to this call, which was sent elsewhere, is for nobody.
    fn disown(&self, pending: &Bound<'_, PyPending>) {
        self.change(|state| {
            for sent in state.pipeline.calls().filter(|sent| sent.pending.is(pending)) {
                sent.is_live = false;
            }
        });
    }

    /// Calls that somebody waits for; they have no way any more.
    fn abandon<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyPending>> {
        let sent: Vec<_> = self.state.lock().pipeline.abandon().collect();
        sent.into_iter().filter(|sent| sent.is_live).map(|sent| sent.pending.into_bound(py)).collect()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.running)?;
        // Who holds the lock uses what is in it.
        let Some(state) = self.state.try_lock() else { return Ok(()) };
        visit.call(&state.write)?;
        state.timer.as_ref().map_or(Ok(()), |(_, handle)| visit.call(handle))
    }

    fn __clear__(&self) {
        let (write, timer) = {
            let mut state = self.state.lock();
            (state.write.take(), state.timer.take())
        };
        drop((write, timer));
    }
}

impl PyChannel {
    /// Tells the pool that something came to an end, if it wants to know.
    fn notify(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().state.lock().is_observed() {
            slf.call_method0(intern!(slf.py(), "changed"))?;
        }
        Ok(())
    }
}
