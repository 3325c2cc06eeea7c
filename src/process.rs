//! The process stamp: notices a fork, and tells every global to start afresh.
//!
//! After `fork` the child holds copies of everything and threads of nothing: a lock may be taken for ever, a pool may be
//! half changed, and every socket is shared with the parent, so that a byte written by one is answered to the other. So
//! the child never touches what it inherited. [`PerProcess`] leaks the parent's value and makes a new one; inherited
//! sockets are closed without a word on them, from a lock-free table.
//!
//! The handler that runs in the child between `fork` and the rest only adds one to an atomic, which is all that is safe
//! there (POSIX, `pthread_atfork`).

use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Which process of a chain of forks this is: 0, and one more in every child.
#[inline]
#[must_use]
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Starts noticing forks. Cheap, and safe to call often.
fn watch_forks() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        #[cfg(unix)]
        {
            extern "C" fn in_child() {
                GENERATION.fetch_add(1, Ordering::Relaxed);
            }
            // SAFETY: the handler is a plain function that lives as long as the program and only touches an atomic.
            let failed = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
            debug_assert!(failed == 0, "the only failure is a lack of memory");
        }
    });
}

struct Stamped<T> {
    generation: u64,
    value: T,
}

/// A value that every process makes for itself.
pub struct PerProcess<T> {
    current: AtomicPtr<Stamped<T>>,
    make: Box<dyn Fn() -> T + Send + Sync>,
}

// SAFETY: a `PerProcess<T>` hands out `&T` to several threads and drops `T` on any of them; that needs `T: Send + Sync`.
unsafe impl<T: Send + Sync> Sync for PerProcess<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Send for PerProcess<T> {}

impl<T> PerProcess<T> {
    /// Makes nothing yet; `make` runs at the first use in each process.
    pub fn new(make: impl Fn() -> T + Send + Sync + 'static) -> Self {
        watch_forks();
        Self { current: AtomicPtr::new(ptr::null_mut()), make: Box::new(make) }
    }

    /// This process's value.
    #[inline]
    pub fn get(&self) -> &T {
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: a non-null pointer came from `Box::into_raw` below and is freed only in `drop`, which needs `&mut self`.
        match unsafe { current.as_ref() } {
            Some(stamped) if stamped.generation == generation() => &stamped.value,
            _ => self.renew(current),
        }
    }

    /// This process's value, if it was made already.
    pub fn peek(&self) -> Option<&T> {
        // SAFETY: as in `get`.
        let stamped = unsafe { self.current.load(Ordering::Acquire).as_ref() }?;
        (stamped.generation == generation()).then_some(&stamped.value)
    }

    #[cold]
    fn renew(&self, seen: *mut Stamped<T>) -> &T {
        close_inherited_sockets();
        let fresh = Box::into_raw(Box::new(Stamped { generation: generation(), value: (self.make)() }));
        match self.current.compare_exchange(seen, fresh, Ordering::AcqRel, Ordering::Acquire) {
            // What the parent made is leaked: its locks may be taken for ever by threads that do not exist here.
            // SAFETY: `fresh` is now owned by `self.current` and lives until `drop`.
            Ok(_) => unsafe { &(*fresh).value },
            Err(winner) => {
                // SAFETY: nobody else has seen `fresh`.
                drop(unsafe { Box::from_raw(fresh) });
                // SAFETY: another thread of this process put it there, so it is non-null and lives until `drop`.
                unsafe { &(*winner).value }
            }
        }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let current = *self.current.get_mut();
        // SAFETY: as in `get`; no reference can be left, for `drop` has `&mut self`.
        if unsafe { current.as_ref() }.is_some_and(|stamped| stamped.generation == generation()) {
            // SAFETY: the pointer came from `Box::into_raw` and is used no more.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}

#[cfg(unix)]
mod sockets {
    //! Which file descriptors are our sockets, readable without a lock.
    //!
    //! A child may close what it inherited by itself (a daemon does) and open files that get the same numbers. So each
    //! descriptor is remembered with the inode of its socket, which no other socket of the system has while it is open.

    use super::generation;
    use std::os::fd::RawFd;
    use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU64, Ordering};

    const SLOTS: usize = 64;
    const FREE: i32 = -1;
    /// Being filled.
    const TAKEN: i32 = -2;

    struct Slot {
        fd: AtomicI32,
        inode: AtomicU64,
        generation: AtomicU64,
    }

    impl Slot {
        const fn new() -> Self {
            Self { fd: AtomicI32::new(FREE), inode: AtomicU64::new(0), generation: AtomicU64::new(0) }
        }
    }

    struct Page {
        slots: [Slot; SLOTS],
        next: AtomicPtr<Page>,
    }

    /// The inode of a socket; none for anything else.
    fn inode(fd: RawFd) -> Option<u64> {
        // SAFETY: all zeros are a valid `stat`, and `fstat` writes nothing but that.
        let mut found: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: `found` outlives the call; a bad descriptor is an error, not a fault.
        let failed = unsafe { libc::fstat(fd, &raw mut found) } != 0;
        #[allow(clippy::unnecessary_cast)] // The width of `st_ino` differs between systems.
        (!failed && found.st_mode & libc::S_IFMT == libc::S_IFSOCK).then_some(found.st_ino as u64)
    }

    impl Page {
        const fn new() -> Self {
            Self { slots: [const { Slot::new() }; SLOTS], next: AtomicPtr::new(std::ptr::null_mut()) }
        }

        fn next(&self) -> Option<&'static Page> {
            // SAFETY: pages are leaked on purpose, so a non-null pointer is valid for ever.
            unsafe { self.next.load(Ordering::Acquire).as_ref() }
        }
    }

    static FIRST: Page = Page::new();
    static CLEANED: AtomicU64 = AtomicU64::new(0);

    fn pages() -> impl Iterator<Item = &'static Page> {
        std::iter::successors(Some(&FIRST), |page| page.next())
    }

    pub(super) fn add(fd: RawFd) {
        let Some(inode) = inode(fd) else { return };
        loop {
            for page in pages() {
                for slot in &page.slots {
                    if slot.fd.compare_exchange(FREE, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                        slot.inode.store(inode, Ordering::Relaxed);
                        slot.generation.store(generation(), Ordering::Relaxed);
                        // A fork before this leaves the child with a slot fewer and a descriptor it does not close.
                        slot.fd.store(fd, Ordering::Release);
                        return;
                    }
                }
            }
            let last = pages().last().unwrap_or(&FIRST);
            let page = Box::into_raw(Box::new(Page::new()));
            if last.next.compare_exchange(std::ptr::null_mut(), page, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                // SAFETY: another thread was first, so nobody has seen this page.
                drop(unsafe { Box::from_raw(page) });
            }
        }
    }

    pub(super) fn remove(fd: RawFd) {
        for page in pages() {
            for slot in &page.slots {
                if slot.fd.compare_exchange(fd, FREE, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    return;
                }
            }
        }
    }

    /// Once per generation: closes what the parent had open. `close` sends nothing while the parent holds the socket.
    pub(super) fn close_inherited() {
        let now = generation();
        if CLEANED.swap(now, Ordering::AcqRel) == now {
            return;
        }
        for page in pages() {
            for slot in &page.slots {
                let fd = slot.fd.load(Ordering::Acquire);
                // Another thread of this process may have opened one already.
                if fd < 0 || slot.generation.load(Ordering::Relaxed) == now {
                    continue;
                }
                let known = slot.inode.load(Ordering::Relaxed);
                slot.fd.store(FREE, Ordering::Release);
                if inode(fd) == Some(known) {
                    // SAFETY: it is the socket that this crate opened, and its owner is of an older generation and
                    // never touches it again (`OwnedSocket::drop` checks).
                    unsafe { libc::close(fd) };
                }
            }
        }
    }
}

/// Closes the sockets inherited from the parent, once, if this process was forked since the last call.
pub fn close_inherited_sockets() {
    #[cfg(unix)]
    sockets::close_inherited();
}

/// A socket that knows which process opened it: in a forked child its drop does nothing, for
/// [`close_inherited_sockets`] has closed the descriptor, and its number may mean something else by now.
#[derive(Debug)]
pub struct OwnedSocket {
    socket: Option<socket2::Socket>,
    generation: u64,
}

impl OwnedSocket {
    /// Takes a socket into the table of this process.
    #[must_use]
    pub fn new(socket: socket2::Socket) -> Self {
        close_inherited_sockets();
        #[cfg(unix)]
        sockets::add(std::os::fd::AsRawFd::as_raw_fd(&socket));
        Self { socket: Some(socket), generation: generation() }
    }

    /// The socket, unless the process was forked since it was opened.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<&socket2::Socket> {
        if self.generation == generation() { self.socket.as_ref() } else { None }
    }
}

impl Drop for OwnedSocket {
    fn drop(&mut self) {
        let Some(socket) = self.socket.take() else { return };
        if self.generation == generation() {
            #[cfg(unix)]
            sockets::remove(std::os::fd::AsRawFd::as_raw_fd(&socket));
            drop(socket);
        } else {
            std::mem::forget(socket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[test]
    fn a_value_is_made_once_and_shared() {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let value = PerProcess::new(|| MADE.fetch_add(1, Ordering::Relaxed));
        assert!(value.peek().is_none());
        assert_eq!((*value.get(), *value.get()), (0, 0));
        assert_eq!(value.peek(), Some(&0));
    }

    #[test]
    fn the_losers_of_a_race_drop_what_they_made() {
        static ALIVE: AtomicUsize = AtomicUsize::new(0);
        struct Counted;
        impl Drop for Counted {
            fn drop(&mut self) {
                ALIVE.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let value = PerProcess::new(|| {
            ALIVE.fetch_add(1, Ordering::Relaxed);
            Counted
        });
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    value.get();
                });
            }
        });
        assert_eq!(ALIVE.load(Ordering::Relaxed), 1);
        drop(value);
        assert_eq!(ALIVE.load(Ordering::Relaxed), 0);
    }
}
