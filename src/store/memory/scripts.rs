//! The scripts of this package, natively: what each does is written in its Lua file.

use super::commands::{After, INVALID_EXPIRE, NOT_AN_INTEGER, SYNTAX, add, error, expire, integer};
use super::{Memory, Reply};
use crate::store::{counter, lease, lock, original, tags};

impl Memory {
    /// `EVAL` and `EVALSHA` of a script that comes with this package.
    pub(super) fn run_script(&self, args: &[&[u8]], now: u64) -> Reply {
        let [_, script, count, rest @ ..] = args else { return error(SYNTAX) };
        let Some((keys, args)) = integer(count).and_then(|count| rest.split_at_checked(usize::try_from(count).ok()?))
        else {
            return error("ERR Number of keys can't be greater than number of args");
        };
        let answer = if lease::TAKE.is(script) {
            self.take_lease(keys, args, now)
        } else if lease::FILL.is(script) {
            self.fill_lease(keys, args, now)
        } else if lease::RELEASE.is(script) {
            self.release_lease(keys, args, now)
        } else if original::TAKE.is(script) {
            self.take_original(keys, args, now)
        } else if original::FILL.is(script) {
            self.fill_original(keys, args, now)
        } else if tags::FORGET.is(script) {
            self.forget_tags(keys, args, now)
        } else {
            Ok(self.run_short_script(script, keys, args, now))
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    /// Those of one key.
    fn run_short_script(&self, script: &[u8], keys: &[&[u8]], args: &[&[u8]], now: u64) -> Reply {
        let [key] = keys else { return error(NO_OTHERS) };
        let mut shard = self.shard(key);
        match args {
            [delta] if counter::INCR.is(script) => {
                if shard.peek(key, now).is_none() {
                    return Reply::Nil;
                }
                let Some(delta) = integer(delta) else { return error(NOT_AN_INTEGER) };
                match add(&mut shard, key, delta, now) {
                    Reply::Int(sum) => Reply::Bulk(sum.to_string().into_bytes()),
                    refusal => refusal,
                }
            }
            [token] if lock::RELEASE.is(script) => {
                let held = shard.peek(key, now).is_some_and(|item| item.value() == *token);
                Reply::Int(i64::from(held && shard.remove(key, now)))
            }
            [token, ttl] if lock::EXTEND.is(script) => {
                let Some(ttl) = integer(ttl) else { return error(NOT_AN_INTEGER) };
                let Some(at) = After::Milliseconds.moment(ttl, now) else { return error(INVALID_EXPIRE) };
                let held = shard.peek(key, now).is_some_and(|item| item.value() == *token);
                Reply::Int(i64::from(held && expire(&mut shard, key, at, now)))
            }
            [read, new] if counter::SWAP.is(script) => match shard.peek(key, now) {
                None => Reply::Nil,
                Some(item) if item.value() != *read => Reply::Bulk(item.value().to_vec()),
                Some(item) => {
                    let expires_at = item.expires_at();
                    self.stored(shard.set(key, new, expires_at, now), Reply::Int(1))
                }
            },
            _ => error(NO_OTHERS),
        }
    }
}

const NO_OTHERS: &str = "ERR memory:// runs no scripts of others; use a Redis or Valkey server for them";
