//! The script that judges a call, and its twin for the embedded store.

use super::packed::{Packed, Place};
use super::rule::Algorithm;
use super::{Call, Judgement, fixed_window, gcra, once, sliding_log, sliding_window};
use crate::error::ServerError;
use crate::op::Reply;
use crate::script::{Keyspace, Script};
use smallvec::SmallVec;

/// One script with every algorithm, so that limits of several algorithms are judged in one call.
pub(super) static SCRIPT: Script = Script::new(concat!(
    include_str!("open.lua"),
    include_str!("fixed_window.lua"),
    include_str!("sliding_window.lua"),
    include_str!("sliding_log.lua"),
    include_str!("gcra.lua"),
    include_str!("once.lua"),
    include_str!("close.lua"),
));

/// What is made of one limit.
struct Judged {
    limit: Packed,
    punishes: bool,
    judgement: Judgement,
}

/// What the script does.
pub(super) fn run(keyspace: &mut dyn Keyspace, keys: &[&[u8]], args: &[&[u8]]) -> Result<Reply, Reply> {
    let Some(([cost, counts], of_limits)) = args.split_first_chunk() else { return Err(wrong()) };
    if keys.len() != of_limits.len() && keys.len() != 1 {
        return Err(wrong());
    }
    let (cost, counts, now) = (number_of(cost).ok_or_else(wrong)?, **counts == *b"1", keyspace.now_us());
    let mut judged = SmallVec::<[Judged; 1]>::new();
    for (packed, key) in of_limits.iter().zip(keys.iter().cycle()) {
        let limit = Packed::read(packed).ok_or_else(wrong)?;
        let [requests, window, extra] = limit.numbers;
        let punishes = limit.algorithm == Algorithm::SlidingLog && extra == 1;
        let call = Call { now, limit: requests, window, cost, punishes, counts };
        judged.push(Judged { limit, punishes, judgement: judge(keyspace, key, &limit, call) });
    }
    let allowed = judged.iter().all(|judged| judged.judgement.allowed);
    let mut reply = Vec::with_capacity(8 + 32 * judged.len());
    push(&mut reply, Some(now));
    for (Judged { limit, punishes, judgement }, key) in judged.into_iter().zip(keys.iter().cycle()) {
        let state = judgement.state.filter(|_| counts && (allowed || punishes));
        let standing = if state.is_some() { judgement.after } else { judgement.before };
        if let Some(state) = state.or(judgement.mended.filter(|_| counts)) {
            store(keyspace, key, limit.place, &state)?;
        }
        for number in
            [Some(u64::from(judgement.allowed)), Some(standing.remaining), Some(standing.reset), judgement.retry]
        {
            push(&mut reply, number);
        }
    }
    Ok(Reply::Bulk(reply))
}

fn judge(keyspace: &mut dyn Keyspace, key: &[u8], limit: &Packed, call: Call) -> Judgement {
    let Packed { algorithm, place, numbers: [.., extra] } = *limit;
    if algorithm == Algorithm::Once {
        return once::judge(keyspace.standing(key), call);
    }
    let found = keyspace.get(key);
    let state = found
        .filter(|value| value.len() == usize::from(place.length))
        .and_then(|value| value.get(usize::from(place.at)..));
    match algorithm {
        Algorithm::FixedWindow => fixed_window::judge(state, call),
        Algorithm::SlidingWindow => sliding_window::judge(state, call),
        Algorithm::Gcra => gcra::judge(state, call, extra),
        Algorithm::SlidingLog | Algorithm::Once => sliding_log::judge(found, call),
    }
}

/// Stores a state in its place. Of several at one key either all are stored, one after the other, or one that is mended, among
/// those that were found.
fn store(keyspace: &mut dyn Keyspace, key: &[u8], place: Place, state: &[u8]) -> Result<(), Reply> {
    let (at, length) = (usize::from(place.at), usize::from(place.length));
    if length <= state.len() {
        return keyspace.set(key, state, place.lifetime);
    }
    let mut value = SmallVec::<[u8; 96]>::from_elem(0, length.max(at + state.len()));
    if let Some(found) = keyspace.get(key).filter(|found| found.len() == length) {
        value.copy_from_slice(found);
    }
    value[at..at + state.len()].copy_from_slice(state);
    keyspace.set(key, &value, place.lifetime)
}

fn number_of(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Adds a number to a reply; -1 where there is none.
#[allow(clippy::cast_precision_loss)] // Times and requests are below 2^53.
fn push(reply: &mut Vec<u8>, number: Option<u64>) {
    reply.extend_from_slice(&number.map_or(-1.0, |number| number as f64).to_be_bytes());
}

fn wrong() -> Reply {
    Reply::Error(ServerError::parse("ERR wrong arguments for the script of limits"))
}

#[cfg(test)]
mod tests;
