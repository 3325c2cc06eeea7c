//! `fixed_window.lua`, natively.

use super::{Call, Judgement, Standing, numbers, state};

pub(super) fn judge(found: Option<&[u8]>, call: Call) -> Judgement {
    let Call { now, limit, window, cost, .. } = call;
    let [begun, mut count] = numbers(found).unwrap_or([now, 0]);
    let mut start = begun.min(now);
    if now - start >= window {
        (start, count) = (now, 0);
    }
    let left = start + window - now;
    let allowed = count + cost <= limit;
    Judgement {
        allowed,
        before: Standing { remaining: limit.saturating_sub(count), reset: if count > 0 { left } else { 0 } },
        after: Standing { remaining: limit.saturating_sub(count + cost), reset: left },
        retry: (cost <= limit).then_some(left),
        state: allowed.then(|| state([start, count + cost])),
        mended: (begun > now).then(|| state([start, count])),
    }
}
