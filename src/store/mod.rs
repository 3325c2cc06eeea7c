//! What a cache needs of a server: every operation, as commands and what their replies mean.

mod counter;
mod entry;
mod lease;
mod lock;
mod many;
mod memory;
mod original;
mod scan;
mod single;
mod tags;

pub use counter::Incr;
pub use entry::{Age, EntryGet, Found, Tags};
pub use lease::{Filled, Grant, Judge, LeaseFill, LeaseRelease, LeaseTake, Taken};
pub use lock::{LockExtend, LockRelease};
pub use many::{GetMany, Many, SetMany, Sink, Source, Stored, Unlink};
pub use memory::{Memory, Seen, Session, Usage};
pub use original::{Guise, OriginalFill, OriginalTake, is_placeholder, original_release};
pub use scan::{DeletePattern, Page, Place, ScanPage, Spares};
pub use single::{
    AddOrGet, Condition, Exists, ExpireAt, Get, Got, Persist, Ping, Raw, Remaining, Set, TimeToLive, Touch,
};
pub use tags::{RecordsForget, version};

use std::time::Duration;

/// A lifetime as the server counts it; at least 1, for 0 means something else to each command.
fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, LONGEST_TTL_MS)
}

/// The server adds the time of day to it and must not overflow; this is some 292,000 years.
const LONGEST_TTL_MS: u64 = i64::MAX as u64 / 1000;

/// Makes the scripts ready, before anybody can fork in the middle of it.
pub fn prepare() {
    counter::INCR.prepare();
    counter::SWAP.prepare();
    lock::RELEASE.prepare();
    lock::EXTEND.prepare();
    lease::TAKE.prepare();
    lease::FILL.prepare();
    lease::RELEASE.prepare();
    original::TAKE.prepare();
    original::FILL.prepare();
    tags::FORGET.prepare();
}
