//! Counts calls of the C allocator: a shared library for `LD_PRELOAD`, on glibc.
//!
//! Python's own small objects come out of its arenas and are not seen here, unless `PYTHONMALLOC=malloc` is set; what is
//! seen without it are the allocations of native code.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" {
    fn __libc_malloc(bytes: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, bytes: usize) -> *mut c_void;
    fn __libc_realloc(memory: *mut c_void, bytes: usize) -> *mut c_void;
}

/// How many allocations this process has made so far.
#[unsafe(no_mangle)]
pub extern "C" fn allocations() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

/// # Safety
/// That of C's function of this name, to which it passes its arguments unchanged; so for the other two.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(bytes: usize) -> *mut c_void {
    CALLS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the caller keeps to the contract of malloc, which is the callee's.
    unsafe { __libc_malloc(bytes) }
}

/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: usize, bytes: usize) -> *mut c_void {
    CALLS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the caller keeps to the contract of calloc, which is the callee's.
    unsafe { __libc_calloc(count, bytes) }
}

/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(memory: *mut c_void, bytes: usize) -> *mut c_void {
    CALLS.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the caller keeps to the contract of realloc, which is the callee's.
    unsafe { __libc_realloc(memory, bytes) }
}
