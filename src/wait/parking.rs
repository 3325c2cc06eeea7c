//! A place where one caller waits until another wakes it.

use parking_lot::{Condvar, Mutex};
use std::task::Waker;
use std::time::Duration;

/// A one-shot signal from one caller to another.
#[derive(Debug, Default)]
pub struct Parking {
    state: Mutex<State>,
    condition: Condvar,
}

#[derive(Debug, Default)]
struct State {
    woken: bool,
    /// For whoever does not wait in [`Parking::wait`].
    waker: Option<Waker>,
}

impl Parking {
    /// Lets whoever waits go on; also when it has not begun to wait yet.
    pub fn wake(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.woken = true;
            state.waker.take()
        };
        self.condition.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether somebody called [`wake`](Self::wake).
    #[must_use]
    pub fn is_woken(&self) -> bool {
        self.state.lock().woken
    }

    /// Waits for [`wake`](Self::wake), at most for `timeout`. Call it without the GIL.
    pub fn wait(&self, timeout: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.woken {
            self.condition.wait_for(&mut state, timeout);
        }
        state.woken
    }

    /// Has [`wake`](Self::wake) call `waker`, from whichever thread that will be. Returns false, and forgets it, when
    /// somebody called `wake` already.
    #[must_use]
    pub fn on_wake(&self, waker: Waker) -> bool {
        let mut state = self.state.lock();
        if !state.woken {
            state.waker = Some(waker);
        }
        !state.woken
    }

    /// Takes back what [`on_wake`](Self::on_wake) was given: its caller waits no more.
    pub fn leave(&self) {
        self.state.lock().waker = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_waker_is_called_once() {
        let (parking, count) = (Parking::default(), Arc::new(Count::default()));
        assert!(parking.on_wake(Arc::clone(&count).into()));
        parking.wake();
        parking.wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(!parking.on_wake(Arc::clone(&count).into()), "it was woken already");
        assert_eq!(Arc::strong_count(&count), 1);
    }

    #[test]
    fn a_waker_is_not_called_for_one_who_left() {
        let (parking, count) = (Parking::default(), Arc::new(Count::default()));
        assert!(parking.on_wake(Arc::clone(&count).into()));
        parking.leave();
        parking.wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        assert!(parking.is_woken());
    }
}
