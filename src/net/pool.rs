//! A pool of connections: the last one given back is the first one taken, so that few are warm rather than many lukewarm.

use super::connection::Connection;
use super::dial::{Dialer, peer};
use crate::config::Server;
use crate::error::{Error, Result, Stage};
use crate::op::Route;
use crate::stats::Stats;
use crate::wait::{Deadline, Parking, Waiter};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A connection used within this time is taken as good without a look: a look is a system call.
const TRUSTED: Duration = Duration::from_millis(50);

/// The connections of one cache in one process.
pub struct Pool {
    dialer: Dialer,
    stats: Arc<Stats>,
    state: Mutex<State>,
    /// Which server the newest connection leads to; nowhere before the first.
    peer: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Oldest first.
    #[expect(clippy::vec_box, reason = "connections move in and out at every call, and are hundreds of bytes long")]
    idle: Vec<Box<Connection>>,
    /// Idle, in use, and being opened.
    open: usize,
    /// First come, first served. While somebody waits nothing is idle: what comes back is handed over.
    waiting: VecDeque<Arc<Turn>>,
}

/// A caller who waits for a connection. Handing it over, rather than waking him to look for it, keeps a busy thread
/// from taking back at once what it has just given.
#[derive(Default)]
struct Turn {
    parking: Parking,
    given: Mutex<Option<Place>>,
}

/// A place among the open connections: one that is ready, or the right to open one.
enum Place {
    Idle(Box<Connection>),
    Slot,
}

/// How full the pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolCounts {
    /// Idle and in use.
    pub open: usize,
    /// Ready to be taken.
    pub idle: usize,
    /// Callers waiting for one.
    pub waiting: usize,
}

impl Pool {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(server: Arc<Server>, stats: Arc<Stats>) -> Arc<Self> {
        Arc::new(Self {
            dialer: Dialer::new(server),
            stats,
            state: Mutex::default(),
            peer: AtomicU64::new(Route::NOWHERE),
        })
    }

    /// The server's settings.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        self.dialer.server()
    }

    /// The server, without credentials.
    #[must_use]
    pub fn address(&self) -> &str {
        self.dialer.address()
    }

    /// How full it is.
    #[must_use]
    pub fn counts(&self) -> PoolCounts {
        let state = self.state.lock();
        PoolCounts { open: state.open, idle: state.idle.len(), waiting: state.waiting.len() }
    }

    pub(super) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Which server the newest connection leads to, as a number; none before the first.
    #[must_use]
    pub fn peer(&self) -> Option<u64> {
        Some(self.peer.load(Ordering::Acquire)).filter(|peer| *peer != Route::NOWHERE)
    }

    /// Notes that a connection of another driver's leads to this address; none is a unix socket's. Returns its route, and
    /// whether connections led elsewhere before.
    pub fn reached(&self, address: Option<SocketAddr>) -> (Route, bool) {
        let route = Route::new(peer(address));
        (route, self.leads_to(route.peer))
    }

    /// A new connection leads there. Those that are idle are closed if they lead elsewhere: what they would answer may be
    /// out of date, as after a failover. Returns whether connections did.
    fn leads_to(&self, peer: u64) -> bool {
        let before = self.peer.swap(peer, Ordering::AcqRel);
        let has_moved = before != peer && before != Route::NOWHERE;
        if has_moved {
            self.close_idle();
        }
        has_moved
    }

    pub(super) fn stats(&self) -> &Stats {
        &self.stats
    }

    pub(super) fn timeout(&self, deadline: Deadline, stage: Stage) -> Error {
        self.dialer.timeout(deadline, stage)
    }

    /// Opens new connections from now on, to wherever the name of the server points by then.
    pub fn reconnect(&self) {
        self.dialer.forget_addresses();
        self.close_idle();
    }

    /// Closes every idle connection: they were opened to a server that is gone.
    pub fn close_idle(&self) {
        let closed = {
            let mut state = self.state.lock();
            state.open -= state.idle.len();
            std::mem::take(&mut state.idle)
        };
        // Closing is a system call each; not under the lock.
        drop(closed);
    }

    /// A connection that is ready for commands, an idle one if there is one.
    pub(super) fn take(self: &Arc<Self>, waiter: &dyn Waiter, deadline: Deadline) -> Result<Lease> {
        loop {
            let (place, queued) = self.place(waiter, deadline)?;
            match place {
                Place::Idle(mut connection) => {
                    let idle = connection.idle_since.elapsed();
                    // What is older the server, or something on the way, may have dropped without a word.
                    if idle <= self.server().idle_timeout && (idle < TRUSTED || connection.is_quiet()) {
                        return Ok(Lease { pool: Arc::clone(self), connection: Some(connection), reused: true });
                    }
                    drop(connection);
                    self.vacate(Place::Slot);
                }
                Place::Slot => {
                    // What is left may be too little for any server: it is not the greeting then that took the time.
                    let late = queued && deadline.remaining() < deadline.whole() / 2;
                    return match self.open(waiter, deadline) {
                        Err(Error::Timeout { .. }) if late => Err(self.timeout(deadline, Stage::Slot)),
                        opened => opened,
                    };
                }
            }
        }
    }

    /// A new connection, whatever is idle: for a PING, or a second try, that shall not be fooled by an old one.
    pub(super) fn fresh(self: &Arc<Self>, waiter: &dyn Waiter, deadline: Deadline) -> Result<Lease> {
        // It does not count against the limit: probing must be possible when every slot hangs.
        self.state.lock().open += 1;
        self.open(waiter, deadline)
    }

    /// A place, and whether it had to be waited for.
    fn place(&self, waiter: &dyn Waiter, deadline: Deadline) -> Result<(Place, bool)> {
        let turn = {
            let mut state = self.state.lock();
            if let Some(connection) = state.idle.pop() {
                return Ok((Place::Idle(connection), false));
            }
            if state.open < self.server().max_connections {
                state.open += 1;
                return Ok((Place::Slot, false));
            }
            let turn = Arc::new(Turn::default());
            state.waiting.push_back(Arc::clone(&turn));
            turn
        };
        self.stats.slot_waits.one();
        let woken = waiter.park(&turn.parking, deadline);
        // Under the lock of those who give: either this turn is still waiting, or it was given its place.
        let mut state = self.state.lock();
        state.waiting.retain(|other| !Arc::ptr_eq(other, &turn));
        drop(state);
        match (woken, turn.given.lock().take()) {
            (Ok(_), Some(place)) => Ok((place, true)),
            (Ok(_), None) => Err(self.timeout(deadline, Stage::Slot)),
            (Err(interrupted), place) => {
                if let Some(place) = place {
                    self.vacate(place);
                }
                Err(interrupted)
            }
        }
    }

    fn open(self: &Arc<Self>, waiter: &dyn Waiter, deadline: Deadline) -> Result<Lease> {
        let mut lease = Lease { pool: Arc::clone(self), connection: None, reused: false };
        // On failure the lease, dropped empty, frees the slot.
        let connection = self.dialer.dial(waiter, deadline)?;
        self.leads_to(connection.route.peer);
        lease.connection = Some(Box::new(connection));
        self.stats.connects.one();
        Ok(lease)
    }

    fn give_back(&self, mut connection: Box<Connection>) {
        connection.idle_since = Instant::now();
        let (expired, turn) = {
            let mut state = self.state.lock();
            let limit = self.server().idle_timeout;
            let expired = state.idle.iter().take_while(|idle| idle.idle_since.elapsed() > limit).count();
            let expired: Vec<_> = state.idle.drain(..expired).collect();
            state.open -= expired.len();
            if state.open > self.server().max_connections {
                // A fresh one for a probe came on top; let go of this one.
                state.open -= 1;
                drop(state);
                drop(connection);
                return;
            }
            let turn = Self::hand_over(&mut state, Place::Idle(connection));
            drop(state);
            (expired, turn)
        };
        turn.wake();
        drop(expired);
    }

    /// Gives up a place.
    fn vacate(&self, place: Place) {
        let turn = Self::hand_over(&mut self.state.lock(), place);
        turn.wake();
    }

    /// Gives a place to whoever has waited longest, to be woken without the lock: that is a system call.
    fn hand_over(state: &mut State, place: Place) -> Given {
        match (state.waiting.pop_front(), place) {
            (Some(turn), place) => {
                *turn.given.lock() = Some(place);
                return Given(Some(turn));
            }
            (None, Place::Idle(connection)) => state.idle.push(connection),
            (None, Place::Slot) => state.open -= 1,
        }
        Given(None)
    }
}

/// A turn that has its place, if there was one; it does not know yet.
#[must_use]
struct Given(Option<Arc<Turn>>);

impl Given {
    fn wake(self) {
        if let Some(turn) = self.0 {
            turn.parking.wake();
        }
    }
}

/// A connection taken from the pool; goes back when dropped, unless it is out of step, which closes it.
pub(super) struct Lease {
    pool: Arc<Pool>,
    connection: Option<Box<Connection>>,
    reused: bool,
}

impl Lease {
    /// Whether it served others before, and so may have died in the meantime.
    pub(super) fn is_reused(&self) -> bool {
        self.reused
    }

    pub(super) fn stats(&self) -> &Stats {
        &self.pool.stats
    }

    pub(super) fn timeout(&self, deadline: Deadline, stage: Stage) -> Error {
        self.pool.timeout(deadline, stage)
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_deref().expect("a lease that is handed out holds a connection until its drop")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_deref_mut().expect("a lease that is handed out holds a connection until its drop")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        match self.connection.take() {
            Some(connection) if connection.is_in_step() => self.pool.give_back(connection),
            broken => {
                drop(broken);
                self.pool.vacate(Place::Slot);
            }
        }
    }
}
