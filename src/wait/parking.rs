//! A place where one thread waits until another wakes it.

use parking_lot::{Condvar, Mutex};
use std::time::Duration;

/// A one-shot signal from one thread to another.
#[derive(Debug, Default)]
pub struct Parking {
    woken: Mutex<bool>,
    condition: Condvar,
}

impl Parking {
    /// Lets the waiting thread go on; also when it has not begun to wait yet.
    pub fn wake(&self) {
        *self.woken.lock() = true;
        self.condition.notify_one();
    }

    /// Whether somebody called [`wake`](Self::wake).
    #[must_use]
    pub fn is_woken(&self) -> bool {
        *self.woken.lock()
    }

    /// Waits for [`wake`](Self::wake), at most for `timeout`. Call it without the GIL.
    pub fn wait(&self, timeout: Duration) -> bool {
        let mut woken = self.woken.lock();
        if !*woken {
            self.condition.wait_for(&mut woken, timeout);
        }
        *woken
    }
}
