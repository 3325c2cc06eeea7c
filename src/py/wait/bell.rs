//! How a greenlet that waits for another caller is woken: from any thread, with the GIL or without it.
//!
//! A hub sleeps in its event loop, and only a file descriptor reaches it there without Python. So each hub has one pair
//! of sockets, however many of its greenlets wait: whoever wakes one writes its number down and sends a byte.

use crate::process::OwnedSocket;
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use socket2::{Domain, Socket, Type};
use std::io::{self, Read};
use std::mem;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};

/// The bell of one hub; `hitrate/greenlets.py` listens for it.
#[pyclass(name = "Bell", module = "hitrate._native", frozen)]
pub(in crate::py) struct PyBell {
    wires: Arc<Wires>,
    last: AtomicU64,
}

struct Wires {
    heard: OwnedSocket,
    pulled: OwnedSocket,
    /// Who was woken since the hub last asked.
    rung: Mutex<Vec<u64>>,
}

/// Wakes one greenlet. It holds nothing of Python.
struct Ring {
    wires: Arc<Wires>,
    number: u64,
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let was_silent = {
            let mut rung = self.wires.rung.lock();
            rung.push(self.number);
            rung.len() == 1
        };
        // Not in a forked child: the sockets were its parent's, and so was the greenlet.
        if was_silent && let Some(pulled) = self.wires.pulled.get() {
            // There is always room for a byte: the hub takes it before it looks at the numbers.
            let sent = pulled.send(&[0]);
            debug_assert!(sent.is_ok(), "a socket that both ends of are ours takes a byte: {sent:?}");
        }
    }
}

impl PyBell {
    /// A number for one who begins to wait.
    pub(super) fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    /// What wakes the one with that number.
    pub(super) fn ring(&self, number: u64) -> Waker {
        Arc::new(Ring { wires: Arc::clone(&self.wires), number }).into()
    }
}

#[pymethods]
impl PyBell {
    #[new]
    fn new() -> io::Result<Self> {
        let (heard, pulled) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
        heard.set_nonblocking(true)?;
        pulled.set_nonblocking(true)?;
        let wires = Wires { heard: OwnedSocket::new(heard), pulled: OwnedSocket::new(pulled), rung: Mutex::default() };
        Ok(Self { wires: Arc::new(wires), last: AtomicU64::new(0) })
    }

    /// What can be read when it rings.
    fn fileno(&self) -> PyResult<i32> {
        let heard =
            self.wires.heard.get().ok_or_else(|| PyRuntimeError::new_err("this bell was made before a fork"))?;
        Ok(heard.as_raw_fd())
    }

    /// The numbers of those who were woken since the last call.
    fn answer(&self) -> Vec<u64> {
        if let Some(mut heard) = self.wires.heard.get() {
            // A byte that comes later than this announces a number that may be taken already, which does no harm.
            while matches!(heard.read(&mut [0; 64]), Ok(1..)) {}
        }
        mem::take(&mut *self.wires.rung.lock())
    }
}
