//! Fuzzes the reply reader: `cargo +nightly fuzz run reply`.
//!
//! The first byte chooses how the rest is cut and handed over. Whatever comes: no panic, memory within a multiple of
//! the bytes that came, and the same replies as when everything comes at once.

#![no_main]

use hitrate::error::Error;
use hitrate::net::{Limits, ReplyReader};
use hitrate::op::Reply;
use libfuzzer_sys::fuzz_target;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

/// Memory that a reader may take before a byte came: the buffer, a string's first room, and 1,024 parts for each of 16
/// open maps.
const HELD_AHEAD: isize = 2 << 20;

/// Memory per byte that came, at most: three bytes make a reply of 48, and arrays double, old and new at once.
const HELD_PER_BYTE: isize = 64;

static HELD: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// Counts what is allocated.
struct Counted;

fn count(bytes: usize) {
    let held = HELD.fetch_add(bytes.cast_signed(), Relaxed) + bytes.cast_signed();
    PEAK.fetch_max(held, Relaxed);
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

// SAFETY: every call goes to the system's allocator unchanged; the counters take no part in it.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size().cast_signed(), Relaxed);
        // SAFETY: `memory` came from `System` above, with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

type Outcome = (Vec<Reply>, Option<Error>, bool);

/// Takes all replies there are; true when the reader broke.
fn take(reader: &mut ReplyReader, outcome: &mut Outcome) -> bool {
    loop {
        match reader.next() {
            Ok(Some(reply)) => outcome.0.push(reply),
            Ok(None) => return false,
            Err(error) => {
                assert_eq!(reader.next(), Err(error.clone()));
                outcome.1 = Some(error);
                return true;
            }
        }
    }
}

fn drive(bytes: &[u8], cut: usize, is_handed: bool) -> Outcome {
    let mut reader = ReplyReader::new(Limits::new(64 << 20));
    let mut outcome = (Vec::new(), None, false);
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut piece = rest.len().min(cut);
        if is_handed {
            reader.feed(&rest[..piece]);
        } else {
            let space = reader.space();
            piece = piece.min(space.len());
            space[..piece].copy_from_slice(&rest[..piece]);
            reader.filled(piece);
        }
        rest = &rest[piece..];
        if take(&mut reader, &mut outcome) {
            break;
        }
    }
    outcome.2 = reader.is_idle();
    outcome
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else {
        return;
    };
    let before = HELD.load(Relaxed);
    PEAK.store(before, Relaxed);
    let pieces = drive(bytes, usize::from(choice >> 1) + 1, choice & 1 == 0);
    let taken = PEAK.load(Relaxed) - before;
    let allowed = HELD_AHEAD + HELD_PER_BYTE * bytes.len().cast_signed();
    assert!(taken <= allowed, "{taken} bytes were allocated for {} bytes", bytes.len());
    let whole = drive(bytes, usize::MAX, true);
    // Not compared as values: what is not a number equals nothing.
    assert_eq!(format!("{pieces:?}"), format!("{whole:?}"));
});
