//! Rate limiting: any number of limits are judged by one script in one round trip, and a call is counted on all of them or on
//! none. Each algorithm is a pure function here, for the embedded store, and the same one in Lua, for servers.
//!
//! Time is the server's, in whole microseconds. `docs/design/limits.md` says why each thing is as it is.

mod decision;
mod fixed_window;
mod gcra;
mod hit;
mod limiter;
mod once;
mod packed;
mod refusals;
mod rule;
mod script;
mod sliding_log;
mod sliding_window;
mod subject;
#[cfg(test)]
mod tests;
mod text;
mod together;

pub use decision::{Decision, Verdict};
pub use hit::{Demand, Hit};
pub use limiter::{Asked, Change, Limiter, OnError, Options};
pub use rule::{Algorithm, MOST_REQUESTS, Rule};
pub use subject::Subject;
pub use text::Parsed;

use smallvec::SmallVec;

/// Makes the script ready, before anybody can fork in the middle of it, and lets the embedded store run it.
pub fn prepare() {
    crate::script::adopt(&script::SCRIPT, script::run);
}

/// How things stand for one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    /// Requests that still fit.
    remaining: u64,
    /// Microseconds until all of the limit is there again.
    reset: u64,
}

/// What is stored of a limit; states of usual length need no allocation.
type State = SmallVec<[u8; 24]>;

/// What an algorithm makes of one call.
struct Judgement {
    allowed: bool,
    /// How things stand if the call is not counted.
    before: Standing,
    /// How they stand if it is.
    after: Standing,
    /// Microseconds after which this cost is allowed, if it is refused now; none when no wait helps.
    retry: Option<u64>,
    /// What is stored if it is counted; none where it cannot be.
    state: Option<State>,
    /// What is stored if it is not, where a clock that was set back left times in the future.
    mended: Option<State>,
}

/// One call on one limit, as an algorithm sees it.
#[derive(Debug, Clone, Copy)]
struct Call {
    /// Microseconds.
    now: u64,
    limit: u64,
    /// Microseconds.
    window: u64,
    cost: u64,
    /// Whether it is counted even if it is refused.
    punishes: bool,
    /// Whether it is counted at all.
    counts: bool,
}

/// Lua's numbers are whole up to here; what is not below is no state of ours.
const LARGEST: u64 = 1 << 53;

/// The numbers of the state that stands at the beginning of these bytes; none where something else stands.
fn numbers<const N: usize>(state: Option<&[u8]>) -> Option<[u64; N]> {
    let numbers = state?.as_chunks().0.first_chunk::<N>()?.map(u64::from_le_bytes);
    numbers.iter().all(|number| *number < LARGEST).then_some(numbers)
}

/// The state that holds these numbers.
fn state(numbers: impl IntoIterator<Item = u64>) -> State {
    numbers.into_iter().flat_map(u64::to_le_bytes).collect()
}
