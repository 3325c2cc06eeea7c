//! The script that judges a call, and its twin for the embedded store.

use super::rule::{Algorithm, PACKED_BYTES};
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

/// What the script does.
pub(super) fn run(keyspace: &mut dyn Keyspace, keys: &[&[u8]], args: &[&[u8]]) -> Result<Reply, Reply> {
    let Some(([cost, counts], of_limits)) = args.split_first_chunk() else { return Err(wrong()) };
    if of_limits.len() != keys.len() {
        return Err(wrong());
    }
    let (cost, counts, now) = (number_of(cost).ok_or_else(wrong)?, **counts == *b"1", keyspace.now_us());
    let mut judged = SmallVec::<[(Judgement, bool, u64); 1]>::new();
    for (key, packed) in keys.iter().zip(of_limits) {
        let (algorithm, [limit, window, extra], lifetime) = unpack(packed).ok_or_else(wrong)?;
        let punishes = algorithm == Algorithm::SlidingLog && extra == 1;
        let call = Call { now, limit, window, cost, punishes, counts };
        judged.push((judge(keyspace, key, algorithm, call, extra), punishes, lifetime));
    }
    let allowed = judged.iter().all(|(judgement, ..)| judgement.allowed);
    let mut reply = Vec::with_capacity(8 + 32 * keys.len());
    push(&mut reply, Some(now));
    for (key, (judgement, punishes, lifetime)) in keys.iter().zip(judged) {
        let state = judgement.state.filter(|_| counts && (allowed || punishes));
        let standing = if state.is_some() { judgement.after } else { judgement.before };
        if let Some(state) = state.or(judgement.mended.filter(|_| counts)) {
            keyspace.set(key, &state, lifetime)?;
        }
        for number in
            [Some(u64::from(judgement.allowed)), Some(standing.remaining), Some(standing.reset), judgement.retry]
        {
            push(&mut reply, number);
        }
    }
    Ok(Reply::Bulk(reply))
}

fn judge(keyspace: &mut dyn Keyspace, key: &[u8], algorithm: Algorithm, call: Call, extra: u64) -> Judgement {
    match algorithm {
        Algorithm::FixedWindow => fixed_window::judge(keyspace.get(key), call),
        Algorithm::SlidingWindow => sliding_window::judge(keyspace.get(key), call),
        Algorithm::SlidingLog => sliding_log::judge(keyspace.get(key), call),
        Algorithm::Gcra => gcra::judge(keyspace.get(key), call, extra),
        Algorithm::Once => once::judge(keyspace.standing(key), call),
    }
}

/// What `Rule::packed` packs.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // They are whole, and `as` keeps within bounds.
fn unpack(packed: &[u8]) -> Option<(Algorithm, [u64; 3], u64)> {
    let (packed, lifetime) = packed.split_first_chunk::<PACKED_BYTES>()?;
    let ([number], numbers) = packed.split_first_chunk()?;
    let numbers = <[[u8; 8]; 3]>::try_from(numbers.as_chunks().0).ok()?;
    let numbers = numbers.map(|number| f64::from_be_bytes(number) as u64);
    Some((Algorithm::numbered(*number)?, numbers, number_of(lifetime)?))
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
