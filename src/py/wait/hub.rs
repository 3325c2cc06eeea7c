//! Waiting in gevent's hub, so that other greenlets run: `hitrate/greenlets.py` talks to gevent, this decides.
//!
//! Greenlets of a thread share its C stack: while one waits, its part of it lies on the heap and another's stands there.
//! So nothing may be held across a call of [`HubWaiter::call`] that another caller could need or look at: no lock, no
//! released GIL, nothing thread-local, no pointer into this stack. `docs/design/gevent.md` says who was asked for what.

use super::super::outcall;
use super::Interrupt;
use super::bell::PyBell;
use crate::error::Result;
use crate::wait::{Attempt, Deadline, Parking, TryFn, Waiter, attempt_all};
use pyo3::ffi::PyImport_GetModuleDict;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFloat, PyInt};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether gevent has patched `socket`. It may do so long after this module was imported, but never takes it back.
#[inline]
pub(super) fn is_patched(py: Python<'_>) -> PyResult<bool> {
    static PATCHED: AtomicBool = AtomicBool::new(false);
    if PATCHED.load(Ordering::Relaxed) {
        return Ok(true);
    }
    // SAFETY: the GIL is held, and `sys.modules` outlives this reference to it.
    let modules = unsafe { Bound::from_borrowed_ptr(py, PyImport_GetModuleDict()) }.cast_into::<PyDict>()?;
    match modules.get_item(intern!(py, "gevent.monkey"))? {
        None => Ok(false),
        Some(monkey) => {
            let patched = ask(&monkey)?;
            PATCHED.store(patched, Ordering::Relaxed);
            Ok(patched)
        }
    }
}

#[cold]
fn ask(monkey: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = monkey.py();
    // While it is being imported it lacks what it will have.
    match monkey.getattr_opt(intern!(py, "is_module_patched"))? {
        None => Ok(false),
        Some(ask) => outcall::call(&ask, [intern!(py, "socket")])?.is_truthy(),
    }
}

/// The functions of `hitrate/greenlets.py`.
struct Functions {
    hub: Py<PyAny>,
    wait: Py<PyAny>,
    bell: Py<PyAny>,
    park: Py<PyAny>,
    sleep: Py<PyAny>,
}

impl Functions {
    fn get(py: Python<'_>) -> PyResult<&'static Self> {
        static FUNCTIONS: PyOnceLock<Functions> = PyOnceLock::new();
        FUNCTIONS.get_or_try_init(py, || {
            let module = py.import(intern!(py, "hitrate.greenlets"))?;
            let function = |name| module.getattr(name).map(Bound::unbind);
            Ok(Self {
                hub: function("hub_to_wait_in")?,
                wait: function("wait")?,
                bell: function("bell_of")?,
                park: function("park")?,
                sleep: function("sleep")?,
            })
        })
    }
}

/// How a greenlet waits.
pub(in crate::py) struct HubWaiter<'py> {
    hub: Bound<'py, PyAny>,
    functions: &'static Functions,
    pub(super) interrupt: Interrupt,
}

impl<'py> HubWaiter<'py> {
    /// None where no other greenlet could run meanwhile: in a thread without a hub, and in the hub itself.
    pub(super) fn here(py: Python<'py>) -> PyResult<Option<Self>> {
        let functions = Functions::get(py)?;
        let hub = outcall::call(functions.hub.bind(py), [])?;
        Ok((!hub.is_none()).then(|| Self { hub, functions, interrupt: Interrupt::default() }))
    }

    /// Lets `seconds` pass.
    pub(super) fn sleep(&self, seconds: &Bound<'py, PyAny>) -> PyResult<()> {
        outcall::call(self.functions.sleep.bind(self.hub.py()), [seconds]).map(|_| ())
    }

    /// Other greenlets run until this returns; what they, or a time limit, throw into this one ends the wait.
    fn call<const N: usize>(&self, function: &Py<PyAny>, args: [&Bound<'py, PyAny>; N]) -> Result<Bound<'py, PyAny>> {
        self.interrupt.keep(outcall::call(function.bind(self.hub.py()), args))
    }

    fn number<T>(&self, number: T) -> Bound<'py, PyAny>
    where
        T: IntoPyObject<'py, Target = PyInt, Output = Bound<'py, PyInt>, Error = std::convert::Infallible>,
    {
        let Ok(number) = number.into_pyobject(self.hub.py());
        number.into_any()
    }

    fn seconds(&self, deadline: Deadline) -> Bound<'py, PyAny> {
        PyFloat::new(self.hub.py(), deadline.remaining().as_secs_f64()).into_any()
    }
}

impl Waiter for HubWaiter<'_> {
    /// Never polls: what a poll with the GIL gains a thread, every other greenlet would lose.
    fn until(&self, deadline: Deadline, quick: bool, attempt: TryFn<'_>) -> Result<bool> {
        loop {
            // What may take long runs without the GIL, for the sake of other threads; no greenlet can come in between.
            let tried = if quick { attempt_all(attempt) } else { self.hub.py().detach(|| attempt_all(attempt)) };
            let tried = tried?;
            if tried == Attempt::Done {
                return Ok(true);
            }
            // A server that trickles bytes keeps the socket ready; only the clock ends that.
            if deadline.has_passed() {
                return Ok(false);
            }
            if let Attempt::Blocked(interest) = tried {
                let events = i32::from(interest.read) | i32::from(interest.write) << 1;
                let (socket, events) = (self.number(interest.socket), self.number(events));
                self.call(&self.functions.wait, [&self.hub, &socket, &events, &self.seconds(deadline)])?;
            } else {
                // Other greenlets, and a time limit of this one, have their turn.
                self.call(&self.functions.sleep, [&self.number(0)])?;
            }
        }
    }

    fn park(&self, parking: &Parking, deadline: Deadline) -> Result<bool> {
        loop {
            if parking.is_woken() {
                return Ok(true);
            }
            if deadline.has_passed() {
                return Ok(false);
            }
            let bell = self.call(&self.functions.bell, [&self.hub])?;
            let bell = self.interrupt.keep(bell.cast_into::<PyBell>().map_err(PyErr::from))?;
            let number = bell.get().next();
            if parking.on_wake(bell.get().ring(number)) {
                let name = self.number(number);
                let waited = self.call(&self.functions.park, [&self.hub, &name, &self.seconds(deadline)]);
                parking.leave();
                waited?;
            }
        }
    }
}
