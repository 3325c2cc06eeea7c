//! The script that judges a call, and its twin for the embedded store.

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

/// Arguments in front of those of the limits, and of each limit.
const FIRST: usize = 2;
const EACH: usize = 5;

/// What the script does.
pub(super) fn run(keyspace: &mut dyn Keyspace, keys: &[&[u8]], args: &[&[u8]]) -> Result<Reply, Reply> {
    let Some(([cost, counts], of_limits)) = args.split_first_chunk::<FIRST>() else { return Err(wrong()) };
    let (of_limits, []) = of_limits.as_chunks::<EACH>() else { return Err(wrong()) };
    if of_limits.len() != keys.len() {
        return Err(wrong());
    }
    let (cost, counts, now) = (number(cost)?, **counts == *b"1", keyspace.now_us());
    let mut judged = SmallVec::<[(Judgement, bool); 4]>::new();
    for (key, [algorithm, limit, window, burst, punishes]) in keys.iter().zip(of_limits) {
        let punishes = **punishes == *b"1";
        let call = Call { now, limit: number(limit)?, window: number(window)?, cost, punishes, counts };
        judged.push((judge(keyspace, key, algorithm, call, number(burst)?)?, punishes));
    }
    let allowed = judged.iter().all(|(judgement, _)| judgement.allowed);
    let mut reply = vec![int(now)];
    for (key, (judgement, punishes)) in keys.iter().zip(judged) {
        let state = judgement.state.filter(|_| counts && (allowed || punishes));
        let standing = if state.is_some() { judgement.after } else { judgement.before };
        if let Some(state) = state.or(judgement.mended.filter(|_| counts)) {
            keyspace.set(key, &state.bytes, state.lifetime)?;
        }
        reply.push(Reply::Int(i64::from(judgement.allowed)));
        reply.push(int(standing.remaining));
        reply.push(int(standing.reset));
        reply.push(judgement.retry.map_or(Reply::Int(-1), int));
    }
    Ok(Reply::Array(reply))
}

fn judge(
    keyspace: &mut dyn Keyspace,
    key: &[u8],
    algorithm: &[u8],
    call: Call,
    burst: u64,
) -> Result<Judgement, Reply> {
    let algorithm = std::str::from_utf8(algorithm).ok().and_then(|name| Algorithm::named(name).ok());
    Ok(match algorithm.ok_or_else(wrong)? {
        Algorithm::FixedWindow => fixed_window::judge(keyspace.get(key), call),
        Algorithm::SlidingWindow => sliding_window::judge(keyspace.get(key), call),
        Algorithm::SlidingLog => sliding_log::judge(keyspace.get(key), call),
        Algorithm::Gcra => gcra::judge(keyspace.get(key), call, burst),
        Algorithm::Once => once::judge(keyspace.standing(key), call),
    })
}

fn number(text: &[u8]) -> Result<u64, Reply> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(wrong)
}

fn int(number: u64) -> Reply {
    Reply::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn wrong() -> Reply {
    Reply::Error(ServerError::parse("ERR wrong arguments for the script of limits"))
}
