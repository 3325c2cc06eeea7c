//! How this process waits, for everything that waits: sockets, pool slots, name look-ups.
//!
//! The core owns the trait; `py/` implements it with the GIL in mind. Without one `Waiter` for everything, a single
//! wait that does not know of the GIL (or of a patched event loop) would block every other Python thread.

pub mod gate;
mod parking;
mod plain;

pub use gate::Gate;
pub use parking::Parking;
pub use plain::PlainWaiter;

use crate::error::Result;
use std::time::{Duration, Instant};

#[cfg(unix)]
/// The number by which the system knows a socket.
pub type RawSocket = std::os::fd::RawFd;
#[cfg(windows)]
/// The number by which the system knows a socket.
pub type RawSocket = std::os::windows::io::RawSocket;

/// A point in time after which waiting ends, and the whole time it allowed, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    whole: Duration,
}

impl Deadline {
    /// `whole` from now.
    #[must_use]
    pub fn after(whole: Duration) -> Self {
        Self { at: Instant::now() + whole, whole }
    }

    /// What is left, zero when it has passed.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The time it allowed in all.
    #[must_use]
    pub fn whole(&self) -> Duration {
        self.whole
    }

    /// The sooner of this and `limit` from now.
    #[must_use]
    pub fn at_most(&self, limit: Duration) -> Self {
        let sooner = Self::after(limit);
        if sooner.at < self.at { sooner } else { *self }
    }
}

/// What a socket must become before it is worth trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// The socket.
    pub socket: RawSocket,
    /// Room to write.
    pub write: bool,
    /// Bytes to read.
    pub read: bool,
    /// A part of the answer has come, so that the rest is on its way.
    pub begun: bool,
}

/// How far one attempt came, which never blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Everything is done.
    Done,
    /// It stopped to let the caller look at the clock. To be tried again at once: there may be more that no `poll` would
    /// tell of, for it has left the socket already.
    Unfinished,
    /// The socket must become ready first.
    Blocked(Interest),
}

impl Attempt {
    /// Waits until it is worth trying again.
    #[must_use]
    pub fn wait(self, timeout: Duration) -> Polled {
        match self {
            Self::Blocked(interest) => poll(interest, timeout),
            Self::Done | Self::Unfinished => Polled::Ready,
        }
    }
}

/// Something that can be tried again and again without blocking.
pub type TryFn<'a> = &'a mut (dyn FnMut() -> Result<Attempt> + Send);

/// How a caller waits.
pub trait Waiter {
    /// Tries until it is done; between tries waits for the socket. Returns false when the deadline passed first.
    ///
    /// `quick` says that the answer is expected within microseconds.
    ///
    /// # Errors
    /// What the attempt returned, or [`Interrupted`](crate::error::Error::Interrupted).
    fn until(&self, deadline: Deadline, quick: bool, attempt: TryFn<'_>) -> Result<bool>;

    /// Waits until somebody calls [`Parking::wake`]. Returns false when the deadline passed first.
    ///
    /// # Errors
    /// [`Interrupted`](crate::error::Error::Interrupted).
    fn park(&self, parking: &Parking, deadline: Deadline) -> Result<bool>;
}

/// How long the rest of an answer is polled for, without the GIL: a large one comes in pieces some microseconds apart,
/// and going to sleep between them costs more than each piece.
const NEXT_PIECE: Duration = Duration::from_micros(30);

/// Tries once, and again for a short while where a part of the answer has come already.
///
/// # Errors
/// What the attempt returned.
pub fn attempt_all(attempt: TryFn<'_>) -> Result<Attempt> {
    let since = Instant::now();
    loop {
        match attempt()? {
            Attempt::Unfinished if since.elapsed() < NEXT_PIECE => {}
            Attempt::Blocked(interest) if interest.begun && since.elapsed() < NEXT_PIECE => {}
            settled => return Ok(settled),
        }
    }
}

/// What a single call of `poll` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// The socket is ready, or broken: try, and see.
    Ready,
    /// The time is over.
    TimedOut,
    /// A signal came.
    Signal,
}

/// `poll(2)` on one socket.
#[must_use]
#[allow(clippy::cast_lossless)]
pub fn poll(interest: Interest, timeout: Duration) -> Polled {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fd::BorrowedFd;

    // SAFETY: whoever made the `Interest` holds the socket open while it waits, for it is in the middle of an attempt.
    let socket = unsafe { BorrowedFd::borrow_raw(interest.socket) };
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.read);
    flags.set(PollFlags::OUT, interest.write);
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        // Its type differs between systems, and each holds a billion.
        tv_nsec: timeout.subsec_nanos() as _,
    };
    match poll(&mut [PollFd::from_borrowed_fd(socket, flags)], Some(&timeout)) {
        Ok(0) => Polled::TimedOut,
        Err(rustix::io::Errno::INTR) => Polled::Signal,
        // Also for a broken descriptor: the next attempt meets the error itself and can name it.
        Ok(_) | Err(_) => Polled::Ready,
    }
}
