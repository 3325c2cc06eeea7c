//! `gcra.lua`, natively.

use super::{Call, Judgement, Standing, numbers, state};

pub(super) fn judge(found: Option<&[u8]>, call: Call, burst: u64) -> Judgement {
    let Call { now, limit, window, cost, .. } = call;
    let interval = window.div_ceil(limit);
    let tolerance = burst * interval;
    let [before] = numbers(found).unwrap_or([now]);
    let empty = before.clamp(now, now + tolerance);
    // A cost may be more than any burst, of a limit with days between its requests.
    let later = empty.saturating_add(cost.saturating_mul(interval));
    let allowed = later - now <= tolerance;
    let remaining = (now + tolerance - empty) / interval;
    Judgement {
        allowed,
        before: Standing { remaining, reset: empty - now },
        after: Standing { remaining: remaining.saturating_sub(cost), reset: later - now },
        retry: (cost <= burst).then(|| (later - now).saturating_sub(tolerance)),
        state: allowed.then(|| state([later])),
        mended: (before > empty).then(|| state([empty])),
    }
}
