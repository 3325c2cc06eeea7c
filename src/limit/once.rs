//! `once.lua`, natively.

use super::{Call, Judgement, Standing};

/// `held` is what stands at the key and for how many milliseconds, if that has an end.
pub(super) fn judge(held: Option<(&[u8], Option<u64>)>, call: Call) -> Judgement {
    let Call { now, window, cost, .. } = call;
    // One that has no end is given one.
    let left = held.map(|(_, left)| left.map_or(window, |left| (left * 1000).min(window).max(1000)));
    let allowed = held.is_none() && cost == 1;
    let is_endless = |left: Option<u64>| left.is_none_or(|left| left > lifetime(window));
    Judgement {
        allowed,
        before: Standing { remaining: u64::from(held.is_none()), reset: left.unwrap_or(0) },
        after: Standing { remaining: 0, reset: window },
        retry: (cost == 1).then_some(left.unwrap_or(0)),
        state: allowed.then(|| format!("{}.{:06}", now / 1_000_000, now % 1_000_000).into_bytes().into()),
        mended: held.filter(|(_, left)| is_endless(*left)).map(|(value, _)| value.into()),
    }
}

/// For how many milliseconds the key lives: the store's clock has whole ones, and the one that has begun is not over.
pub(super) fn lifetime(window: u64) -> u64 {
    window.div_ceil(1000) + 1
}
