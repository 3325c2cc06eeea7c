//! What values had in common lately: the keys of their dicts.

mod keys;
mod shapes;

use keys::Keys;
use parking_lot::{Mutex, MutexGuard};
use shapes::Shapes;

static KNOWN: Mutex<Known> = Mutex::new(Known { keys: Keys::NONE, shapes: Shapes::NONE });

/// Of this process.
pub(super) struct Known {
    pub(super) keys: Keys,
    pub(super) shapes: Shapes,
}

/// What is known; none while somebody else has it. Whoever has it runs no Python code meanwhile, so that the GIL stays where it is
/// and this is always some.
#[inline]
pub(super) fn known() -> Option<MutexGuard<'static, Known>> {
    KNOWN.try_lock()
}

/// Which of so many slots, a power of two, belongs to these bits.
#[inline]
fn place<const SLOTS: usize>(bits: u64) -> usize {
    let mixed = bits.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(mixed >> (64 - SLOTS.trailing_zeros())).unwrap_or(0)
}
