//! The blocking driver: runs an operation on a connection of the pool, waiting as the caller's `Waiter` says.

use super::pool::{Lease, Pool};
use crate::error::{Error, Result, Stage};
use crate::op::{Operation, Step};
use crate::wait::{Deadline, Waiter};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an operation may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// One round trip: slot, connect, TLS, write and read.
    pub round_trip: Duration,
    /// All its round trips together.
    pub whole: Deadline,
}

/// Runs an operation to its outcome.
///
/// A pooled connection that turns out to be closed is followed by one try on a fresh one, if the operation may be repeated.
///
/// # Errors
/// No connection, no answer in time, a reply that is none, or what the operation makes of its replies.
pub fn run<O: Operation>(
    pool: &Arc<Pool>,
    operation: &mut O,
    waiter: &dyn Waiter,
    patience: Patience,
) -> Result<O::Outcome> {
    loop {
        let deadline = patience.whole.at_most(patience.round_trip);
        let mut lease = pool.take(waiter, deadline)?;
        let mut result = round_trip(&mut lease, operation, waiter, deadline);
        if matches!(result, Err(Error::Connection { .. })) && lease.is_reused() {
            drop(lease);
            // Whatever closed this one closed the others too.
            pool.close_idle();
            if !operation.is_repeatable() {
                return result.map(|_| unreachable!("it is the error matched above"));
            }
            pool.stats().retries.one();
            lease = pool.fresh(waiter, deadline)?;
            result = round_trip(&mut lease, operation, waiter, deadline);
        }
        if let Step::Done(outcome) = result? {
            return Ok(outcome);
        }
    }
}

/// Runs an operation of one round trip on a new connection, whatever is idle.
///
/// # Errors
/// As [`run`].
pub fn run_fresh<O: Operation>(
    pool: &Arc<Pool>,
    operation: &mut O,
    waiter: &dyn Waiter,
    deadline: Deadline,
) -> Result<()> {
    let mut lease = pool.fresh(waiter, deadline)?;
    round_trip(&mut lease, operation, waiter, deadline).map(|_| ())
}

fn round_trip<O: Operation>(
    lease: &mut Lease,
    operation: &mut O,
    waiter: &dyn Waiter,
    deadline: Deadline,
) -> Result<Step<O::Outcome>> {
    let connection = &mut **lease;
    connection.start(operation);
    let quick = operation.is_quick();
    let begun = Instant::now();
    let answered = waiter.until(deadline, quick, &mut || connection.attempt())?;
    if !answered {
        return Err(lease.timeout(deadline, Stage::Reply));
    }
    let (sent, received) = lease.moved();
    lease.stats().round_trip(begun.elapsed(), sent, received);
    lease.settle(operation)
}
