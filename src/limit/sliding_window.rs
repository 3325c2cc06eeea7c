//! `sliding_window.lua`, natively.

use super::{Call, Judgement, Standing, numbers, state};

pub(super) fn judge(found: Option<&[u8]>, call: Call) -> Judgement {
    let Call { now, limit, window, cost, .. } = call;
    let [begun, mut current, mut former] = numbers(found).unwrap_or([now, 0, 0]);
    let mut start = begun;
    if begun > now {
        (start, former) = (now, 0);
    }
    match (now - start) / window {
        0 => {}
        1 => (start, current, former) = (start + window, 0, current),
        _ => (start, current, former) = (now, 0, 0),
    }
    let left = start + window - now;
    let used = times(current, window) + times(former, left);
    let full = times(limit, window);
    let allowed = used + times(cost, window) <= full;
    let retry = limit.checked_sub(cost).map(|room| match room.checked_sub(current) {
        _ if allowed => 0,
        Some(room) => left - quotient(times(room, window), former),
        None => left + window - quotient(times(room, window), current),
    });
    let remaining = quotient(full.saturating_sub(used), window);
    let reset = match (current, former) {
        (0, 0) => 0,
        (0, _) => left,
        _ => left + window,
    };
    Judgement {
        allowed,
        before: Standing { remaining, reset },
        after: Standing { remaining: remaining.saturating_sub(cost), reset: left + window },
        retry,
        state: allowed.then(|| state([start, current + cost, former])),
        mended: (begun > now).then(|| state([start, current, former])),
    }
}

fn times(one: u64, other: u64) -> u128 {
    u128::from(one) * u128::from(other)
}

fn quotient(product: u128, factor: u64) -> u64 {
    u64::try_from(product / u128::from(factor.max(1))).unwrap_or(u64::MAX)
}
