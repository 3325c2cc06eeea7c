//! `sliding_log.lua`, natively. The state is one string here: eight bytes for each time.

use super::{Call, Judgement, Standing, state};

pub(super) fn judge(found: Option<&[u8]>, call: Call) -> Judgement {
    let Call { now, limit, window, cost, punishes, counts } = call;
    let found: &[[u8; 8]] = found.unwrap_or_default().as_chunks().0;
    let found = found.iter().map(|moment| u64::from_le_bytes(*moment));
    let is_ahead = found.clone().next_back().is_some_and(|newest| newest > now);
    let mut log: Vec<u64> = found.map(|moment| moment.min(now)).skip_while(|moment| moment + window <= now).collect();
    let live = log.len() as u64;
    let allowed = live + cost <= limit;
    // Of refused calls no more than `limit` are of interest, or who keeps trying would fill the store.
    let added = cost.min(limit);
    let before =
        Standing { remaining: limit.saturating_sub(live), reset: log.last().map_or(0, |newest| newest + window - now) };
    let retry = (cost <= limit).then(|| {
        let place = (live + cost).saturating_sub(limit + 1) + if punishes && counts && !allowed { added } else { 0 };
        let leaves = usize::try_from(place).ok().and_then(|place| log.get(place));
        leaves.map_or(now, |moment| *moment) + window - now
    });
    let mended = is_ahead.then(|| state(log.iter().copied()));
    let counted = (allowed || punishes).then(|| {
        log.extend((0..added).map(|_| now));
        let kept = log.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        state(log[log.len() - kept..].iter().copied())
    });
    let after = Standing { remaining: limit.saturating_sub(live + cost), reset: window };
    Judgement { allowed, before, after, retry, state: counted, mended }
}
