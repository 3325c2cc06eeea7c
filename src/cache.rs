//! The read path and the write path, top to bottom: may it be sent, what came of it, and what a failure means to this call.

use crate::config::{Address, OnError, Settings};
use crate::error::{Error, Refusal, Result};
use crate::health::Health;
use crate::invalidate::Forget;
use crate::keys::KeyMaker;
use crate::keys::beginnings::Beginnings;
use crate::l1::L1;
use crate::net::Pool;
use crate::net::blocking::{self, Patience};
use crate::op::Operation;
use crate::process::PerProcess;
use crate::stats::Stats;
use crate::store::Memory;
use crate::wait::{Deadline, Gate, Waiter};
use std::sync::Arc;
use std::time::Duration;

/// Longest time that a call may take which no caller wants to wait for.
const A_MOMENT: Duration = Duration::from_millis(500);

/// What a caller does when the server is away; the table is in `docs/features/failing.md`.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// It reads: a miss will do.
    Read,
    /// It stores what can be computed again: dropped, and counted.
    Store,
    /// It only saves work, and goes without whatever the server says and `on_error` is: a lease.
    Spare,
    /// It deletes: written down, and replayed before this process reads again.
    Forget(Forget),
    /// Its answer decides something (`add`, `incr`, a lock): it must know.
    Exact,
    /// As `Exact`, whatever `on_error` says: a lock, a list of keys, a command of the caller's own.
    Certain,
}

/// One call of a user.
#[allow(clippy::struct_excessive_bools)] // each is asked for by itself, and any of them may be true beside any other
#[derive(Debug, Clone)]
pub struct Call {
    /// What a failure means to it.
    pub role: Role,
    /// The key is one whose failures raise, whatever the role.
    pub critical: bool,
    /// Many round trips, with a deadline of their own, that never open the breaker.
    pub bulk: bool,
    /// It tidies up for a caller who wants to be gone: it may take [`A_MOMENT`], and does not wait for the PING of a failure.
    pub brief: bool,
    /// What it reads or stores can be made anew: no refusal of the server's is worth failing for.
    pub replaceable: bool,
    /// It asks for a key whose deletion still waits for the server: what the server holds there is no answer.
    pub forgotten: bool,
    /// What it writes, where that is not what its role forgets; only where there is a local cache to be told.
    pub writes: Option<Forget>,
}

impl Call {
    /// A call of one round trip, on keys that are not critical.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self { role, critical: false, bulk: false, brief: false, replaceable: false, forgotten: false, writes: None }
    }

    /// A call of many round trips.
    #[must_use]
    pub fn bulk(role: Role) -> Self {
        Self { bulk: true, ..Self::new(role) }
    }

    /// What it writes.
    fn written(&self) -> Option<&Forget> {
        match &self.role {
            Role::Forget(forget) => Some(forget),
            _ => self.writes.as_ref(),
        }
    }
}

/// What one process holds of one cache.
pub struct Local {
    /// Its connections.
    pub pool: Arc<Pool>,
    /// Breaker, journal, recovery.
    pub health: Arc<Health>,
    /// What it did.
    pub stats: Arc<Stats>,
    /// When it may poll with the GIL held.
    pub gate: Gate,
    /// The embedded store that takes the server's place; nothing is ever sent to one then.
    pub memory: Option<Arc<Memory>>,
    /// Copies of what the server holds.
    pub l1: Option<Arc<L1>>,
    /// Keeps the recovery thread.
    _user: Arc<()>,
}

/// A cache on a server.
pub struct Cache {
    settings: Arc<Settings>,
    keys: KeyMaker,
    critical: Beginnings,
    /// Of keys that a local cache never holds.
    remote: Beginnings,
    local: PerProcess<Local>,
}

/// Whether a call goes to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Send,
    /// It was dealt with: the caller gets what it gets when the server is away.
    Settled,
}

impl Cache {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// Another cache has an embedded store of this name, with another bound.
    pub fn new(settings: Settings, keys: KeyMaker) -> Result<Self> {
        crate::store::prepare();
        crate::limit::prepare();
        if let Address::Memory { name } = &settings.server.address {
            Memory::prepare(name, settings.server.db, settings.server.max_bytes)?;
        }
        let excluded = settings.cache.local.iter().flat_map(|local| &local.exclude);
        let critical = Beginnings::new(&settings.cache.critical);
        let remote = Beginnings::new(settings.cache.critical.iter().chain(excluded));
        let settings = Arc::new(settings);
        let (shared, maker) = (Arc::clone(&settings), keys.clone());
        let local = PerProcess::new(move || Local::new(&shared, &maker));
        Ok(Self { settings, keys, critical, remote, local })
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How it spells keys.
    #[must_use]
    pub fn keys(&self) -> &KeyMaker {
        &self.keys
    }

    /// What this process holds of it.
    #[inline]
    #[must_use]
    pub fn local(&self) -> &Local {
        self.local.get()
    }

    /// Whether failures on this key raise: it begins with a critical prefix.
    #[inline]
    #[must_use]
    pub fn is_critical(&self, key: &str) -> bool {
        self.critical.begin(key)
    }

    /// How long a call may take.
    #[must_use]
    pub fn patience(&self, call: &Call) -> Patience {
        let server = &self.settings.server;
        let whole = match call {
            Call { brief: true, .. } => server.timeout.min(A_MOMENT),
            Call { bulk: true, .. } => server.bulk_timeout,
            _ => server.timeout,
        };
        Patience { round_trip: server.timeout, whole: Deadline::after(whole) }
    }

    /// Runs an operation. `None` is what a caller gets when the server is away and it can do without.
    ///
    /// # Errors
    /// What the call must know: [`Role`] and `on_error` say which failures these are.
    #[inline]
    pub fn run<O: Operation + Send>(
        &self,
        mut operation: O,
        call: Call,
        waiter: &dyn Waiter,
    ) -> Result<Option<O::Outcome>> {
        if self.admit(&call)? == Admission::Settled {
            return Ok(None);
        }
        let local = self.local();
        let patience = self.patience(&call);
        let result = match &local.memory {
            None => blocking::run(&local.pool, &mut operation, waiter, patience),
            Some(memory) => memory.run(&mut operation, waiter),
        };
        self.wrote(&call);
        match result {
            Ok(outcome) => Ok(Some(outcome)),
            Err(error) => {
                if error == Error::Interrupted && !call.bulk {
                    local.health.interrupted(patience.whole.whole().saturating_sub(patience.whole.remaining()));
                }
                self.failed(error, call, Some(waiter)).map(|()| None)
            }
        }
    }

    /// Tells the local cache what a call is about to write, and again what it has written: between the two somebody may have
    /// read the value of before.
    #[inline]
    pub fn wrote(&self, call: &Call) {
        if let (Some(l1), Some(written)) = (&self.local().l1, call.written()) {
            forget_copies(l1, written);
        }
    }

    /// Whether a local cache may hold this key of a caller's.
    #[inline]
    #[must_use]
    pub fn may_be_local(&self, key: &str) -> bool {
        !self.remote.begin(key)
    }

    /// Whether a call may be sent now.
    ///
    /// # Errors
    /// The breaker is open and the call must know.
    #[inline]
    pub fn admit(&self, call: &Call) -> Result<Admission> {
        let local = self.local();
        self.wrote(call);
        if call.forgotten {
            return match call.role {
                Role::Exact | Role::Certain => {
                    self.settle(local.health.pending_deletion(), call).map(|()| Admission::Settled)
                }
                _ => Ok(Admission::Settled),
            };
        }
        if !local.health.is_open() {
            if let Role::Forget(forget) = &call.role
                && local.health.journal_behind_records(forget)
            {
                return self.settle(local.health.unavailable(), call).map(|()| Admission::Settled);
            }
            return Ok(Admission::Send);
        }
        if let Role::Forget(forget) = &call.role
            && !local.health.journal_if_open(forget)
        {
            // It closed in the meantime.
            return Ok(Admission::Send);
        }
        let error = local.health.unavailable();
        self.settle(error, call).map(|()| Admission::Settled)
    }

    /// What a failed operation means: for the breaker, the journal, and this call. Without a waiter the caller does not
    /// wait for the PING that tells whether the server is dead.
    ///
    /// # Errors
    /// What the call must know.
    #[cold]
    pub fn failed(&self, error: Error, call: Call, waiter: Option<&dyn Waiter>) -> Result<()> {
        let health = &self.local().health;
        let may_be_refused = self.may_be_refused(&call) && matches!(error, Error::Server(_));
        if may_be_refused || error.is_server_at_fault() {
            health.note_refusal(&error);
        }
        if let (Some(l1), Error::Server(refusal)) = (&self.local().l1, &error)
            && refusal.is_replica()
        {
            drop(l1.distrust());
        }
        if let Role::Forget(forget) = &call.role
            // A signal (a time limit, say) that ended the wait does not undo the need for it.
            && (error.is_server_at_fault() || error == Error::Interrupted)
            // What this user may never do cannot be made up for later.
            && !is_forbidden(&error)
        {
            health.journal(forget.clone());
        }
        if !error.is_server_at_fault() {
            self.local().stats.error(&error);
            return if may_be_refused { Ok(()) } else { Err(error) };
        }
        if !call.bulk {
            match waiter {
                Some(waiter) if !call.brief => health.failed(&error, waiter)?,
                _ => health.failed_elsewhere(&error),
            }
        }
        self.settle(error, &call)
    }

    /// Whether this call may go on whatever a server that answers has against it.
    fn may_be_refused(&self, call: &Call) -> bool {
        let may_raise = call.critical || self.settings.cache.on_error == OnError::Raise;
        call.role == Role::Spare || (call.replaceable && !may_raise)
    }

    /// Whether this call may go on without the server.
    fn settle(&self, error: Error, call: &Call) -> Result<()> {
        let local = self.local();
        local.stats.error(&error);
        let may_do_without = match (self.settings.cache.on_error, &call.role) {
            (_, Role::Spare) => true,
            _ if call.critical || is_forbidden(&error) && matches!(call.role, Role::Forget(_)) => false,
            (OnError::Raise, _) | (_, Role::Certain) | (OnError::Miss, Role::Exact) => false,
            (OnError::Ignore, _) | (OnError::Miss, Role::Read | Role::Store | Role::Forget(_)) => true,
        };
        if !may_do_without {
            return Err(error);
        }
        Ok(())
    }

    /// Closes idle connections; the next call opens new ones.
    pub fn close(&self) {
        if let Some(local) = self.local.peek() {
            local.pool.close_idle();
        }
    }

    /// Ends the local cache's listener and drops its copies, which are Python's; the next read starts it afresh.
    pub fn close_local(&self) {
        if let Some(l1) = self.local.peek().and_then(|local| local.l1.as_ref()) {
            drop(l1.close());
        }
    }
}

fn forget_copies(l1: &L1, written: &Forget) {
    match written {
        Forget::Keys(keys) | Forget::Records(keys) | Forget::Notes(keys) => {
            for key in keys {
                drop(l1.forget(key));
            }
        }
        // Critical keys are never in it, so it need not know which patterns spare them.
        Forget::Patterns(patterns) => {
            drop(l1.forget_matching(patterns.iter().map(|pattern| pattern.glob.clone()).collect()));
        }
        Forget::Everything { .. } => drop(l1.forget_all()),
        Forget::Lock(lock) => drop(l1.forget(&lock.key)),
    }
}

/// The embedded store that the settings name, if they do. `Cache::new` has made sure of its bound; in a forked child, which
/// begins with none, whichever cache comes first decides.
fn embedded(settings: &Settings) -> Option<Arc<Memory>> {
    let Address::Memory { name } = &settings.server.address else { return None };
    Some(Memory::named(name, settings.server.db, settings.server.max_bytes))
}

fn is_forbidden(error: &Error) -> bool {
    matches!(error, Error::Server(error) if error.refusal() == Refusal::Permission)
}

impl Local {
    fn new(settings: &Settings, keys: &KeyMaker) -> Self {
        let stats = Arc::new(Stats::default());
        let pool = Pool::new(Arc::new(settings.server.clone()), Arc::clone(&stats));
        let user = Arc::new(());
        let health = Health::new(Arc::clone(&pool), Arc::clone(&stats), keys.clone(), &settings.cache, &user);
        let gate = Gate::new(settings.server.staged_wait);
        let memory = embedded(settings);
        // An embedded store is as near as a copy of it.
        let local = settings.cache.local.as_ref().filter(|_| memory.is_none());
        let l1 = local.map(|local| L1::new(local.clone(), keys.beginning(), Arc::clone(&pool)));
        Self { _user: user, pool, health, stats, gate, memory, l1 }
    }
}

impl Drop for Local {
    /// Here, where Python objects may be dropped: the listener may be the last to let go of the local cache.
    fn drop(&mut self) {
        if let Some(l1) = &self.l1 {
            drop(l1.close());
        }
    }
}
