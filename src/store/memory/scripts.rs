//! The scripts of this package, natively: what each does is written in its Lua file.

use super::commands::{After, INVALID_EXPIRE, NOT_AN_INTEGER, SYNTAX, add, error, expire, integer};
use super::locked::Locked;
use super::shard::{Item, TooLarge};
use super::{Memory, Reply};
use crate::clock;
use crate::script::{self, Keyspace};
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
        } else if let Some(twin) = script::adopted(script) {
            let mut keyspace = Adopted { memory: self, locked: self.lock(keys), now_us: clock::now_us() };
            twin(&mut keyspace, keys, args)
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

/// The keys of a script that a higher room has the twin of.
struct Adopted<'a> {
    memory: &'a Memory,
    locked: Locked<'a>,
    now_us: u64,
}

impl Adopted<'_> {
    fn now(&self) -> u64 {
        self.now_us / 1000
    }
}

impl Keyspace for Adopted<'_> {
    fn now_us(&self) -> u64 {
        self.now_us
    }

    fn get(&mut self, key: &[u8]) -> Option<&[u8]> {
        let now = self.now();
        // Or who is refused all the time would be forgotten first, and let in again.
        self.locked.of(key).meet(key, now).map(Item::value)
    }

    fn standing(&mut self, key: &[u8]) -> Option<(&[u8], Option<u64>)> {
        let now = self.now();
        let item = self.locked.of(key).meet(key, now)?;
        Some((item.value(), item.expires_at().map(|at| at.saturating_sub(now))))
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl: u64) -> Result<(), Reply> {
        let now = self.now();
        let (shard, expires_at) = (self.locked.of(key), Some(now.saturating_add(ttl)));
        if shard.rewrite(key, value, expires_at, now) {
            return Ok(());
        }
        shard.set(key, value, expires_at, now).map_err(|TooLarge| self.memory.too_large())
    }
}

const NO_OTHERS: &str = "ERR memory:// runs no scripts of others; use a Redis or Valkey server for them";
