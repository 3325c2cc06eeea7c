//! `gcra.lua`, natively.

use super::{Call, Judgement, Standing, State, lifetime, numbers, text};

pub(super) fn judge(state: Option<&[u8]>, call: Call, burst: u64) -> Judgement {
    let Call { now, limit, window, cost, .. } = call;
    let interval = window.div_ceil(limit);
    let tolerance = burst * interval;
    let [found] = numbers(state).unwrap_or([now]);
    let empty = found.clamp(now, now + tolerance);
    let later = empty + cost * interval;
    let allowed = later - now <= tolerance;
    let remaining = (now + tolerance - empty) / interval;
    Judgement {
        allowed,
        before: Standing { remaining, reset: empty - now },
        after: Standing { remaining: remaining.saturating_sub(cost), reset: later - now },
        retry: (cost <= burst).then(|| (later - now).saturating_sub(tolerance)),
        state: allowed.then(|| State { bytes: text(&[later]), lifetime: lifetime(later - now) }),
        mended: (found > empty).then(|| State { bytes: text(&[empty]), lifetime: lifetime(empty - now) }),
    }
}
