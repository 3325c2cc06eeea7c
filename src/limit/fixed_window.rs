//! `fixed_window.lua`, natively.

use super::{Call, Judgement, Standing, State, lifetime, numbers, text};

pub(super) fn judge(state: Option<&[u8]>, call: Call) -> Judgement {
    let Call { now, limit, window, cost, .. } = call;
    let [begun, mut count] = numbers(state).unwrap_or([now, 0]);
    let mut start = begun.min(now);
    if now - start >= window {
        (start, count) = (now, 0);
    }
    let left = start + window - now;
    let state = |count| State { bytes: text(&[start, count]), lifetime: lifetime(left) };
    let allowed = count + cost <= limit;
    Judgement {
        allowed,
        before: Standing { remaining: limit.saturating_sub(count), reset: if count > 0 { left } else { 0 } },
        after: Standing { remaining: limit.saturating_sub(count + cost), reset: left },
        retry: (cost <= limit).then_some(left),
        state: allowed.then(|| state(count + cost)),
        mended: (begun > now).then(|| state(count)),
    }
}
