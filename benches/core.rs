//! Micro benchmarks of the core: `cargo bench --no-default-features`, or with words that the names of cases must contain.
//!
//! Cases take turns, so that a noisy moment of the machine meets all of them; printed are the median of the rounds, the
//! quartiles, and allocations per call.

use hitrate::net::{Limits, ReplyReader};
use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const SAMPLE: Duration = Duration::from_millis(20);

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Counts allocations, which costs each of them about a nanosecond.
struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

// SAFETY: every call goes to the system's allocator unchanged; the counter takes no part in it.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.store(ALLOCATIONS.load(Relaxed) + 1, Relaxed);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from `System`, with this layout.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.store(ALLOCATIONS.load(Relaxed) + 1, Relaxed);
        // SAFETY: `memory` came from `System`, with this layout; the caller keeps the rest of the contract.
        unsafe { System.realloc(memory, layout, size) }
    }
}

/// Something to measure.
struct Case {
    name: &'static str,
    call: Box<dyn FnMut()>,
    /// Calls in one sample.
    calls: u32,
    /// Nanoseconds per call, one of each round.
    samples: Vec<f64>,
}

impl Case {
    fn new(name: &'static str, call: impl FnMut() + 'static) -> Self {
        Self { name, call: Box::new(call), calls: 1, samples: Vec::with_capacity(ROUNDS) }
    }

    fn time(&mut self, calls: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..calls {
            (self.call)();
        }
        start.elapsed()
    }

    /// Finds how many calls fill a sample, and warms up.
    fn prepare(&mut self) {
        while self.time(self.calls) < SAMPLE {
            self.calls = self.calls.saturating_mul(2);
        }
    }

    fn sample(&mut self) {
        let taken = self.time(self.calls);
        self.samples.push(taken.as_secs_f64() * 1e9 / f64::from(self.calls));
    }

    fn report(&mut self) {
        self.samples.sort_by(f64::total_cmp);
        let quarter = |number: usize| self.samples[(self.samples.len() - 1) * number / 4];
        let (low, median, high) = (quarter(1), quarter(2), quarter(3));
        let before = ALLOCATIONS.load(Relaxed);
        (self.call)();
        let allocations = ALLOCATIONS.load(Relaxed) - before;
        println!("{:<44} {median:>12.1} [{low:.1}–{high:.1}] ns {allocations:>6} allocations", self.name);
    }
}

/// A string reply of so many bytes.
fn string(length: usize) -> Vec<u8> {
    [format!("${length}\r\n").as_bytes(), &vec![b'v'; length], b"\r\n"].concat()
}

fn array(items: usize, length: usize) -> Vec<u8> {
    [format!("*{items}\r\n").into_bytes(), string(length).repeat(items)].concat()
}

/// Reads one reply as from a socket that gives at most `piece` bytes at once.
fn read(reader: &mut ReplyReader, wire: &[u8], piece: usize) {
    let mut rest = wire;
    while !rest.is_empty() {
        let space = reader.space();
        let count = space.len().min(rest.len()).min(piece);
        space[..count].copy_from_slice(&rest[..count]);
        reader.filled(count);
        rest = &rest[count..];
        if let Some(reply) = reader.next().expect("the reply is valid") {
            black_box(reply);
        }
    }
    assert!(reader.is_idle(), "the reply was not read to its end");
}

fn reply_case(name: &'static str, wire: Vec<u8>, piece: usize) -> Case {
    let mut reader = ReplyReader::new(Limits::new(512 << 20));
    Case::new(name, move || read(&mut reader, black_box(&wire), piece))
}

/// The same reply read by redis-rs, which needs the whole of it at once.
fn redis_rs_case(name: &'static str, wire: Vec<u8>) -> Case {
    Case::new(name, move || {
        black_box(redis::parse_redis_value(black_box(&wire)).expect("the reply is valid"));
    })
}

fn reply_cases() -> Vec<Case> {
    const ALL: usize = usize::MAX;
    vec![
        reply_case("reply: status OK", b"+OK\r\n".to_vec(), ALL),
        reply_case("reply: 1 KB string", string(1024), ALL),
        reply_case("reply: 1 KB string, 100 bytes at once", string(1024), 100),
        reply_case("reply: 20 KB string", string(20_000), ALL),
        reply_case("reply: 1 MB string", string(1 << 20), ALL),
        reply_case("reply: array of 100 strings of 1 KB", array(100, 1024), ALL),
        reply_case("reply: array of 10,000 strings of 10 bytes", array(10_000, 10), ALL),
        redis_rs_case("redis-rs: 1 KB string", string(1024)),
        redis_rs_case("redis-rs: 1 MB string", string(1 << 20)),
        redis_rs_case("redis-rs: array of 100 strings of 1 KB", array(100, 1024)),
        redis_rs_case("redis-rs: array of 10,000 strings of 10 bytes", array(10_000, 10)),
    ]
}

fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut cases = reply_cases();
    cases.retain(|case| words.iter().all(|word| case.name.contains(word.as_str())));
    cases.iter_mut().for_each(Case::prepare);
    for round in 0..ROUNDS {
        // Begins elsewhere each round: no case always follows the same one.
        let first = round % cases.len().max(1);
        cases.rotate_left(first);
        cases.iter_mut().for_each(Case::sample);
        cases.rotate_right(first);
    }
    println!("ns per call: median of {ROUNDS} rounds, and quartiles");
    cases.iter_mut().for_each(Case::report);
}
