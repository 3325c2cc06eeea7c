//! Waiting without Python: `poll(2)` with the time that is left.

use super::{Attempt, Deadline, Parking, Polled, TryFn, Waiter, attempt_all};
use crate::error::Result;

/// Waits in the system, for threads that Python does not know.
#[derive(Debug, Default, Clone, Copy)]
pub struct PlainWaiter;

impl Waiter for PlainWaiter {
    fn until(&self, deadline: Deadline, _quick: bool, attempt: TryFn<'_>) -> Result<bool> {
        loop {
            let tried = attempt_all(attempt)?;
            if tried == Attempt::Done {
                return Ok(true);
            }
            // A server that trickles bytes keeps the socket ready; only the clock ends that.
            if tried.wait(deadline.remaining()) == Polled::TimedOut || deadline.has_passed() {
                return Ok(attempt()? == Attempt::Done);
            }
        }
    }

    fn park(&self, parking: &Parking, deadline: Deadline) -> Result<bool> {
        Ok(parking.wait(deadline.remaining()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn what_is_unfinished_is_tried_again_without_a_wait() {
        let mut tries = 0;
        let mut attempt = || {
            tries += 1;
            // Longer than it is tried without a look at the clock.
            std::thread::sleep(Duration::from_micros(20));
            Ok(if tries < 100 { Attempt::Unfinished } else { Attempt::Done })
        };
        assert_eq!(PlainWaiter.until(Deadline::after(Duration::from_secs(600)), false, &mut attempt), Ok(true));
    }

    #[test]
    fn what_is_never_finished_ends_with_the_deadline() {
        let mut attempt = || Ok(Attempt::Unfinished);
        assert_eq!(PlainWaiter.until(Deadline::after(Duration::from_millis(5)), false, &mut attempt), Ok(false));
    }

    #[test]
    fn a_wake_before_the_wait_is_not_lost() {
        let parking = Parking::default();
        parking.wake();
        assert_eq!(PlainWaiter.park(&parking, Deadline::after(Duration::ZERO)), Ok(true));
    }

    #[test]
    fn a_parked_thread_is_woken_by_another() {
        let parking = Arc::new(Parking::default());
        let other = Arc::clone(&parking);
        let thread = std::thread::spawn(move || PlainWaiter.park(&other, Deadline::after(Duration::from_secs(60))));
        parking.wake();
        assert_eq!(thread.join().expect("the thread does not panic"), Ok(true));
    }

    #[test]
    fn a_deadline_that_has_passed_ends_the_wait() {
        assert_eq!(PlainWaiter.park(&Parking::default(), Deadline::after(Duration::ZERO)), Ok(false));
    }
}
