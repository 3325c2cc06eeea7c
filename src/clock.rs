//! The clocks of the system: those that nobody sets, and the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since some moment before this process first asked. It jumps for nobody, and on Linux it goes on while the
/// machine is suspended, as a server's clock does.
#[inline]
#[must_use]
pub fn now_ms() -> u64 {
    system::boot_ns() / 1_000_000
}

/// As [`now_ms`], in microseconds.
#[inline]
#[must_use]
pub fn now_us() -> u64 {
    system::boot_ns() / 1_000
}

/// Nanoseconds since some moment before this process first asked. It jumps for nobody.
#[inline]
#[must_use]
pub fn monotonic_ns() -> u64 {
    system::monotonic_ns()
}

/// Nanoseconds of CPU time that this thread has used.
#[inline]
#[must_use]
pub fn thread_cpu_ns() -> u64 {
    system::thread_cpu_ns()
}

/// Milliseconds since 1970-01-01 UTC, by the clock that people set.
#[must_use]
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(unix)]
mod system {
    use rustix::time::{ClockId, clock_gettime};

    #[cfg(target_os = "linux")]
    const BOOT: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    const BOOT: ClockId = ClockId::Monotonic;

    pub(super) fn boot_ns() -> u64 {
        nanoseconds(BOOT)
    }

    pub(super) fn monotonic_ns() -> u64 {
        nanoseconds(ClockId::Monotonic)
    }

    pub(super) fn thread_cpu_ns() -> u64 {
        nanoseconds(ClockId::ThreadCPUTime)
    }

    fn nanoseconds(clock: ClockId) -> u64 {
        let time = clock_gettime(clock);
        u64::try_from(time.tv_sec).unwrap_or(0).wrapping_mul(1_000_000_000) + u64::try_from(time.tv_nsec).unwrap_or(0)
    }
}

#[cfg(not(unix))]
mod system {
    use std::sync::OnceLock;
    use std::time::Instant;

    pub(super) fn boot_ns() -> u64 {
        monotonic_ns()
    }

    pub(super) fn monotonic_ns() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Without a cheap clock of a thread's own time, all time counts: neighbours get their turn rather too often.
    pub(super) fn thread_cpu_ns() -> u64 {
        monotonic_ns()
    }
}
