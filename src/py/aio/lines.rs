//! Which connection of a client serves an event loop, so that a call need not ask Python.

use super::channel::PyChannel;
use crate::process;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

/// One line for each event loop. They are held weakly: the pools of `hitrate/aio/` own them.
#[derive(Default)]
pub(in crate::py) struct Lines(Mutex<Vec<Line>>);

struct Line {
    /// Where the loop is in memory. Another loop may be there later, so the channel is asked, too.
    address: usize,
    /// In a forked child it is the parent's.
    generation: u64,
    channel: Py<PyWeakrefReference>,
}

impl Lines {
    /// The line of this loop, if there is one.
    pub(super) fn find<'py>(&self, running: &Bound<'py, PyAny>) -> Option<Bound<'py, PyChannel>> {
        let (address, generation) = (running.as_ptr() as usize, process::generation());
        let lines = self.0.lock();
        let line = lines.iter().find(|line| line.address == address && line.generation == generation)?;
        let channel = line.channel.bind(running.py()).upgrade()?.cast_into::<PyChannel>().ok()?;
        channel.get().is_in(running).then_some(channel)
    }

    /// This is the line of its loop now.
    pub(super) fn put(&self, channel: &Bound<'_, PyChannel>) -> PyResult<()> {
        let address = channel.get().loop_address();
        let reference = PyWeakrefReference::new(channel.as_any())?.unbind();
        let mut lines = self.0.lock();
        let py = channel.py();
        lines.retain(|line| line.address != address && line.channel.bind(py).upgrade().is_some());
        lines.push(Line { address, generation: process::generation(), channel: reference });
        Ok(())
    }
}
