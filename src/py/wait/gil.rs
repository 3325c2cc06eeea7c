//! Waiting with the GIL in mind, in two stages: first polling with the GIL held, then releasing it.
//!
//! Only this file decides when the GIL is kept while waiting, and only for the bounded first stage; `wait/gate.rs` says when.

use super::Interrupt;
use crate::error::Result;
use crate::wait::gate::{GIVE_WAY, LONGEST_POLL, SystemClocks, Turn};
use crate::wait::{Attempt, Deadline, Gate, Parking, Polled, TryFn, Waiter, attempt_all};
use pyo3::ffi;
use pyo3::prelude::*;
use std::time::{Duration, Instant};

/// A signal for the process may be handed to any of its threads, and then interrupts nobody who waits: so the main
/// thread looks this often whether a handler is due.
const SIGNAL_INTERVAL: Duration = Duration::from_millis(100);

/// Yielding the core takes well under a microsecond when nobody wants it. When it takes this long, somebody did, and
/// polling takes from others what it gains: four processes on two cores reached 0.81 to 0.89 of their rate without it.
const LONG_YIELD: Duration = Duration::from_micros(10);

/// How a thread that holds the GIL waits.
pub(in crate::py) struct GilWaiter<'a, 'py> {
    py: Python<'py>,
    gate: &'a Gate,
    pub(super) interrupt: Interrupt,
}

impl<'a, 'py> GilWaiter<'a, 'py> {
    pub(super) fn new(py: Python<'py>, gate: &'a Gate) -> Self {
        Self { py, gate, interrupt: Interrupt::default() }
    }

    fn check_signals(&self) -> Result<()> {
        self.interrupt.keep(self.py.check_signals())
    }

    /// Stage 1: polls with the GIL held, for at most [`LONGEST_POLL`] after the request is on its way.
    fn poll_briefly(&self, attempt: TryFn<'_>) -> Result<bool> {
        let (mut since, mut is_in_the_way) = (None, false);
        loop {
            let has_no_room = match attempt()? {
                Attempt::Done => {
                    if is_in_the_way {
                        self.gate.miss(&SystemClocks);
                    } else {
                        self.gate.hit();
                    }
                    return Ok(true);
                }
                Attempt::Unfinished => false,
                Attempt::Blocked(interest) => interest.write,
            };
            // A socket with no room for the request is not about to answer it.
            let begun = *since.get_or_insert_with(Instant::now);
            if has_no_room || begun.elapsed() > LONGEST_POLL {
                self.gate.miss(&SystemClocks);
                return Ok(false);
            }
            // Whoever else wants this core goes first: it may be the server, about to answer.
            let yielded = Instant::now();
            std::thread::yield_now();
            is_in_the_way |= yielded.elapsed() > LONG_YIELD;
        }
    }
}

/// Whether Python knows any other thread, so that somebody could want the GIL.
fn has_neighbours(_attached: Python<'_>) -> bool {
    // SAFETY: the GIL is held, as `_attached` proves, so the list of thread states does not change, and its head exists:
    // it has at least the state of this thread.
    unsafe {
        let first = ffi::PyInterpreterState_ThreadHead(ffi::PyInterpreterState_Get());
        !ffi::PyThreadState_Next(first).is_null()
    }
}

/// What ended a stretch of waiting without the GIL.
enum Stretch {
    Done,
    /// Time is up, or a signal came: the thread that holds the GIL decides what to do.
    Look,
}

fn wait_detached(limit: Deadline, attempt: TryFn<'_>) -> Result<Stretch> {
    let mut tried = attempt()?;
    loop {
        if tried == Attempt::Done {
            return Ok(Stretch::Done);
        }
        if tried.wait(limit.remaining()) != Polled::Ready {
            return Ok(Stretch::Look);
        }
        tried = attempt_all(attempt)?;
        // A server that trickles bytes keeps the socket ready; only the clock ends that.
        if tried != Attempt::Done && limit.has_passed() {
            return Ok(Stretch::Look);
        }
    }
}

impl Waiter for GilWaiter<'_, '_> {
    fn until(&self, deadline: Deadline, quick: bool, attempt: TryFn<'_>) -> Result<bool> {
        let turn = if quick { self.gate.turn(&SystemClocks, || has_neighbours(self.py)) } else { Turn::Release };
        if turn == Turn::Hold && self.poll_briefly(attempt)? {
            return Ok(true);
        }
        let gate = self.gate;
        let mut give_way = if turn == Turn::GiveWay { GIVE_WAY } else { Duration::ZERO };
        loop {
            let slice = deadline.at_most(SIGNAL_INTERVAL);
            let stretch = self.py.detach(|| {
                let since = Instant::now();
                let waiting = gate.enter_stage_two(&SystemClocks);
                let stretch = wait_detached(slice, attempt)?;
                drop(waiting);
                while since.elapsed() < give_way {
                    std::thread::yield_now();
                }
                Ok(stretch)
            })?;
            give_way = Duration::ZERO;
            match stretch {
                Stretch::Done => return Ok(true),
                Stretch::Look => self.check_signals()?,
            }
            if deadline.has_passed() {
                // Taking the GIL back may have lasted longer than the answer.
                return Ok(attempt()? == Attempt::Done);
            }
        }
    }

    fn park(&self, parking: &Parking, deadline: Deadline) -> Result<bool> {
        loop {
            let slice = deadline.at_most(SIGNAL_INTERVAL).remaining();
            if self.py.detach(|| parking.wait(slice)) {
                return Ok(true);
            }
            self.check_signals()?;
            if deadline.has_passed() {
                return Ok(parking.is_woken());
            }
        }
    }
}
