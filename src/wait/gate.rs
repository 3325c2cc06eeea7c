//! When a caller may poll a socket with the GIL held ("stage 1") instead of releasing it at once ("stage 2").
//!
//! Polling for at most [`LONGEST_POLL`] saves the wake-up of a sleeping thread, and the 5 ms that `CPython` lets pass before
//! a running thread gives the GIL back. Ungated it does harm: eight threads of pure GETs fall to a third, neighbours are
//! late by 5–8 ms. Each rule below was measured (`docs/design/waiting.md`); the state is fed clocks, so that tests need none.

use crate::clock;
use crate::process::PerProcess;
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// S: the longest poll with the GIL held. 30, 50 and 80 µs measure alike; 20 µs misses up to a fifth of the replies.
pub const LONGEST_POLL: Duration = Duration::from_micros(50);
/// Misses in a row before the gate closes for a while.
const MISSES: u32 = 2;
/// The gate first closes for this long, and doubles it up to [`LONGEST_BACKOFF_NS`]. Counted in time, not in
/// operations: beside a busy thread each skipped operation costs 5 ms, and a count of them would stick.
const FIRST_BACKOFF_NS: u64 = 1_000_000;
const LONGEST_BACKOFF_NS: u64 = 100_000_000;
/// How long the GIL is released for the neighbours at least. A thread that waits for it is woken by the release and needs
/// this long to come; if the GIL is taken again by then, its wait begins anew, and with a near server that may happen for
/// ever: p99 13 ms late, later than without any gate.
pub const GIVE_WAY: Duration = Duration::from_micros(60);
/// At least one release of the GIL per this much CPU time of the thread, so that neighbours are late by little more: with
/// 1 ms a thread that sleeps woke up to 1.9 ms late (p99) on a machine whose two cores the server uses too.
const RELEASE_BUDGET_NS: u64 = 700_000;

/// What stage 1 did, for the statistics.
#[derive(Debug, Default)]
pub struct GateCounts {
    /// The reply came while polling.
    pub hits: AtomicU64,
    /// It did not; stage 2 followed.
    pub misses: AtomicU64,
    /// Skipped: another thread was waiting on the network.
    pub skipped_busy: AtomicU64,
    /// Skipped: recent misses.
    pub skipped_backoff: AtomicU64,
    /// Skipped: the neighbours' turn.
    pub skipped_budget: AtomicU64,
}

/// How a caller waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// He may poll with the GIL held, for at most [`LONGEST_POLL`].
    Hold,
    /// He releases it at once.
    Release,
    /// He releases it at once, for at least [`GIVE_WAY`]: it is the neighbours' turn.
    GiveWay,
}

/// The gate of one cache in one process.
#[derive(Debug)]
pub struct Gate {
    enabled: bool,
    misses: AtomicU32,
    backoff_ns: AtomicU64,
    closed_until_ns: AtomicU64,
    /// What it did.
    pub counts: GateCounts,
}

/// Threads of this process that wait on the network without the GIL, for whichever cache. A forked child begins at none:
/// the threads its parent had do not exist there.
fn threads_in_stage_two() -> &'static AtomicUsize {
    static THREADS: OnceLock<PerProcess<AtomicUsize>> = OnceLock::new();
    THREADS.get_or_init(|| PerProcess::new(|| AtomicUsize::new(0))).get()
}

thread_local! {
    /// When this thread last released the GIL: nanoseconds of the monotonic clock, and of its own CPU time.
    static RELEASED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// The two clocks the gate needs, read only as far as needed: the CPU clock costs 0.4 µs, the monotonic one 0.02 µs.
pub trait Clocks {
    /// Nanoseconds of a monotonic clock.
    fn monotonic(&self) -> u64;
    /// Nanoseconds of CPU time of this thread.
    fn thread_cpu(&self) -> u64;
}

/// The clocks of the system.
#[derive(Debug, Clone, Copy)]
pub struct SystemClocks;

impl Clocks for SystemClocks {
    #[inline]
    fn monotonic(&self) -> u64 {
        clock::monotonic_ns()
    }

    #[inline]
    fn thread_cpu(&self) -> u64 {
        clock::thread_cpu_ns()
    }
}

impl Gate {
    /// `enabled` is the setting; with one usable core the gate is off all the same, for there the reply cannot come
    /// while the client polls. `available_parallelism` heeds the affinity mask and the quota of a cgroup.
    #[must_use]
    pub fn new(enabled: bool) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with_cores(enabled, cores)
    }

    fn with_cores(enabled: bool, cores: usize) -> Self {
        Self {
            enabled: enabled && cores > 1,
            misses: AtomicU32::new(0),
            backoff_ns: AtomicU64::new(FIRST_BACKOFF_NS),
            closed_until_ns: AtomicU64::new(0),
            counts: GateCounts::default(),
        }
    }

    /// Whether stage 1 is used at all.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// How this caller is to wait. `has_neighbours` tells whether anybody else could want the GIL; it is asked only when
    /// it matters.
    #[inline]
    pub fn turn(&self, clocks: &impl Clocks, has_neighbours: impl FnOnce() -> bool) -> Turn {
        if !self.enabled {
            return Turn::Release;
        }
        // Only threads that wait on the network count. Counting those that merely wait for the GIL would turn stage 1 off
        // just when a convoy needs it: 727 against 2,796 requests/s with four threads beside a busy one.
        if threads_in_stage_two().load(Ordering::Relaxed) != 0 {
            self.counts.skipped_busy.fetch_add(1, Ordering::Relaxed);
            return Turn::Release;
        }
        let now = clocks.monotonic();
        if now < self.closed_until_ns.load(Ordering::Relaxed) {
            self.counts.skipped_backoff.fetch_add(1, Ordering::Relaxed);
            return Turn::Release;
        }
        let (released_at, cpu_then) = RELEASED.get();
        // CPU time cannot have passed faster than time.
        if now.wrapping_sub(released_at) >= RELEASE_BUDGET_NS
            && clocks.thread_cpu().wrapping_sub(cpu_then) >= RELEASE_BUDGET_NS
            && has_neighbours()
        {
            self.counts.skipped_budget.fetch_add(1, Ordering::Relaxed);
            return Turn::GiveWay;
        }
        Turn::Hold
    }

    /// The reply came while polling.
    #[inline]
    pub fn hit(&self) {
        self.counts.hits.fetch_add(1, Ordering::Relaxed);
        if self.misses.load(Ordering::Relaxed) != 0 {
            self.misses.store(0, Ordering::Relaxed);
        }
        self.backoff_ns.store(FIRST_BACKOFF_NS, Ordering::Relaxed);
    }

    /// The reply did not come while polling.
    pub fn miss(&self, clocks: &impl Clocks) {
        self.counts.misses.fetch_add(1, Ordering::Relaxed);
        if self.misses.fetch_add(1, Ordering::Relaxed) + 1 >= MISSES {
            let backoff = self.backoff_ns.load(Ordering::Relaxed);
            self.closed_until_ns.store(clocks.monotonic() + backoff, Ordering::Relaxed);
            self.backoff_ns.store((backoff * 2).min(LONGEST_BACKOFF_NS), Ordering::Relaxed);
        }
    }

    /// To be called right after the GIL was released: others see that this thread waits on the network until the guard
    /// is dropped, which must happen before the GIL is taken back.
    pub fn enter_stage_two(&self, clocks: &impl Clocks) -> StageTwo {
        if self.enabled {
            let now = clocks.monotonic();
            // While the server is far the budget is not asked for, and the CPU clock is a system call on some machines.
            if now >= self.closed_until_ns.load(Ordering::Relaxed) {
                RELEASED.set((now, clocks.thread_cpu()));
            }
            let threads = threads_in_stage_two();
            threads.fetch_add(1, Ordering::Relaxed);
            return StageTwo { threads: Some(threads) };
        }
        StageTwo { threads: None }
    }
}

/// Says that this thread is waiting on the network without the GIL.
#[derive(Debug)]
pub struct StageTwo {
    threads: Option<&'static AtomicUsize>,
}

impl Drop for StageTwo {
    fn drop(&mut self) {
        if let Some(threads) = self.threads {
            threads.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hands {
        monotonic: Cell<u64>,
        cpu: Cell<u64>,
    }

    impl Clocks for Hands {
        fn monotonic(&self) -> u64 {
            self.monotonic.get()
        }
        fn thread_cpu(&self) -> u64 {
            self.cpu.get()
        }
    }

    fn clocks() -> Hands {
        RELEASED.set((0, 0));
        Hands { monotonic: Cell::new(0), cpu: Cell::new(0) }
    }

    #[test]
    fn one_core_or_the_setting_turns_it_off() {
        assert_eq!(Gate::with_cores(true, 1).turn(&clocks(), || true), Turn::Release);
        assert_eq!(Gate::with_cores(false, 8).turn(&clocks(), || true), Turn::Release);
        assert_eq!(Gate::with_cores(true, 2).turn(&clocks(), || true), Turn::Hold);
    }

    #[test]
    fn a_thread_that_waits_on_the_network_closes_the_gate_for_others() {
        let (gate, clocks) = (Gate::with_cores(true, 2), clocks());
        let waiting = gate.enter_stage_two(&clocks);
        assert_ne!(gate.turn(&clocks, || true), Turn::Hold);
        drop(waiting);
        assert_eq!(gate.turn(&clocks, || true), Turn::Hold);
    }

    #[test]
    fn two_misses_in_a_row_close_it_for_a_doubling_time_and_a_hit_resets_that() {
        let (gate, clocks) = (Gate::with_cores(true, 2), clocks());
        gate.miss(&clocks);
        assert_eq!(gate.turn(&clocks, || true), Turn::Hold);
        let mut expected = FIRST_BACKOFF_NS;
        for _ in 0..12 {
            gate.miss(&clocks);
            let closed_at = clocks.monotonic();
            clocks.monotonic.set(closed_at + expected - 1);
            assert_ne!(gate.turn(&clocks, || true), Turn::Hold);
            clocks.monotonic.set(closed_at + expected);
            assert_eq!(gate.turn(&clocks, || true), Turn::Hold);
            expected = (expected * 2).min(LONGEST_BACKOFF_NS);
        }
        gate.hit();
        gate.miss(&clocks);
        assert_eq!(gate.turn(&clocks, || true), Turn::Hold);
    }

    #[test]
    fn the_neighbours_get_their_turn_after_some_cpu_time() {
        let (gate, clocks) = (Gate::with_cores(true, 2), clocks());
        clocks.monotonic.set(50 * RELEASE_BUDGET_NS);
        clocks.cpu.set(RELEASE_BUDGET_NS - 1);
        assert_eq!(gate.turn(&clocks, || true), Turn::Hold);
        clocks.cpu.set(RELEASE_BUDGET_NS);
        assert_eq!(gate.turn(&clocks, || false), Turn::Hold, "there is nobody to give way to");
        assert_eq!(gate.turn(&clocks, || true), Turn::GiveWay);
        assert_ne!(gate.turn(&clocks, || true), Turn::Hold);
        drop(gate.enter_stage_two(&clocks));
        assert_eq!(gate.turn(&clocks, || true), Turn::Hold);
    }
}
