//! A plan: an operation, what its failure means, and how its outcome becomes a Python object.
//!
//! Every verb makes one plan; `get` waits for it and `aget` hands it to asyncio.

use super::aio::{self, Drive};
use super::client::Inner;
use super::events;
use super::wait::PyWaiter;
use crate::cache::Call;
use crate::error::{Error, Result};
use crate::op::{Commands, Operation, Replies, Route, Step};
use pyo3::prelude::*;
use std::sync::Arc;

/// Turns an outcome into a Python object; gets `None` when the server is away and the call can do without.
pub(super) trait Finish<T>: FnOnce(Python<'_>, Option<T>) -> PyResult<Py<PyAny>> + Send + 'static {}

impl<T, F: FnOnce(Python<'_>, Option<T>) -> PyResult<Py<PyAny>> + Send + 'static> Finish<T> for F {}

/// What a verb is going to do.
pub(super) struct Plan<O, F> {
    pub(super) operation: O,
    pub(super) call: Call,
    pub(super) finish: F,
}

impl<O, F> Plan<O, F>
where
    O: Operation + Send,
    F: Finish<O::Outcome>,
{
    /// Waits for the outcome.
    #[inline]
    pub(super) fn wait(self, py: Python<'_>, inner: &Inner) -> PyResult<Py<PyAny>> {
        let local = inner.cache.local();
        let waiter = PyWaiter::new(py, &local.gate)?;
        let outcome = inner.cache.run(self.operation, self.call, waiter.as_waiter());
        let result = outcome.map_err(|error| waiter.raised(error)).and_then(|outcome| (self.finish)(py, outcome));
        events::deliver(py, &local.health);
        result
    }

    /// Sends it in the running event loop; the result is what an awaitable gives.
    pub(super) fn begin<'py>(self, py: Python<'py>, inner: &Arc<Inner>) -> PyResult<Bound<'py, PyAny>>
    where
        O: Send + 'static,
        O::Outcome: Send,
    {
        let driven = Driven { operation: self.operation, outcome: None, finish: self.finish };
        aio::begin(py, inner, self.call, Box::new(driven))
    }
}

struct Driven<O: Operation, F> {
    operation: O,
    outcome: Option<O::Outcome>,
    finish: F,
}

impl<O, F> Drive for Driven<O, F>
where
    O: Operation + Send,
    O::Outcome: Send,
    F: Finish<O::Outcome>,
{
    fn routed(&mut self, route: Route) {
        self.operation.routed(route);
    }

    fn request(&mut self, commands: &mut dyn Commands) {
        self.operation.request(commands);
    }

    fn replies(&mut self, replies: Replies) -> Result<bool, Error> {
        match self.operation.replies(replies)? {
            Step::Again => Ok(false),
            Step::Done(outcome) => {
                self.outcome = Some(outcome);
                Ok(true)
            }
        }
    }

    fn is_repeatable(&self) -> bool {
        self.operation.is_repeatable()
    }

    fn finish(self: Box<Self>, py: Python<'_>) -> PyResult<Py<PyAny>> {
        (self.finish)(py, self.outcome)
    }
}
