//! `once.lua`, natively.

use super::{Call, Judgement, Standing, State};

/// `held` is what stands at the key and for how many milliseconds, if that has an end.
pub(super) fn judge(held: Option<(&[u8], Option<u64>)>, call: Call) -> Judgement {
    let Call { now, window, cost, .. } = call;
    // The store's clock has whole milliseconds, and the one that has begun is not over.
    let lifetime = window.div_ceil(1000) + 1;
    // One that has no end is given one.
    let left = held.map(|(_, left)| left.map_or(window, |left| (left * 1000).min(window).max(1000)));
    let allowed = held.is_none() && cost == 1;
    Judgement {
        allowed,
        before: Standing { remaining: u64::from(held.is_none()), reset: left.unwrap_or(0) },
        after: Standing { remaining: 0, reset: window },
        retry: (cost == 1).then_some(left.unwrap_or(0)),
        state: allowed.then(|| {
            let bytes = format!("{}.{:06}", now / 1_000_000, now % 1_000_000).into_bytes();
            State { bytes, lifetime }
        }),
        mended: held
            .filter(|(_, left)| left.is_none_or(|left| left > lifetime))
            .map(|(value, _)| State { bytes: value.to_vec(), lifetime }),
    }
}
