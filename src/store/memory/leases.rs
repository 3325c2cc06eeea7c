//! The scripts of leases and tags, natively: what each does is written in its Lua file.
//!
//! The server's clock is that of the store here, which nobody sets.

use super::commands::{After, INVALID_EXPIRE, NOT_AN_INTEGER, SYNTAX, error, integer};
use super::locked::Locked;
use super::shard::Item;
use super::{Memory, Reply};
use crate::codec::envelope::{self, HEAD_BYTES, Mark, Version};
use crate::store::tags;

/// Where the parts of a head stand: `src/codec/envelope.rs`.
const KIND_AT: usize = 4;
const FILL: std::ops::Range<usize> = 6..22;
const MARK: std::ops::Range<usize> = 22..38;
const TOKEN: std::ops::Range<usize> = 38..54;
const END: std::ops::Range<usize> = 54..67;
/// Neither token nor end.
const NO_LEASE: &[u8] = b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x000000000000000";

type Head = [u8; HEAD_BYTES];
pub(super) type Keys<'a> = [&'a [u8]];
pub(super) type Answer = Result<Reply, Reply>;

impl Memory {
    /// `lease_take.lua`.
    pub(super) fn take_lease(&self, keys: &Keys<'_>, args: &Keys<'_>, now: u64) -> Answer {
        let ([key, records @ ..], [token, lasts, record_ttl, seen, is_served, beginning, fresh @ ..]) = (keys, args)
        else {
            return Err(error(SYNTAX));
        };
        if fresh.len() != records.len() || token.len() != TOKEN.len() || beginning.len() != MARK.start {
            return Err(error(SYNTAX));
        }
        let (ends, record_ttl) = (moment(lasts, now)?, moment(record_ttl, now)?);
        let mut store = self.lock(keys);
        let mut current = Vec::with_capacity(records.len());
        for (record, version) in records.iter().zip(fresh) {
            let held = value(&mut store, record, now).filter(|held| tags::version(held).is_some());
            if held.is_some() {
                extend(&mut store, record, record_ttl, now);
            }
            current.push(match held {
                Some(held) => held,
                None => make_record(self, &mut store, record, version, record_ttl, now)?,
            });
        }
        let mark = envelope::mark(current.iter().filter_map(|record| tags::version(record)));
        let leased = answer([Reply::Int(1), Reply::Int(signed(now))], &current);
        match standing(&mut store, key, &mark, now) {
            Some((head, _)) if head[TOKEN] == **token => return Ok(leased),
            Some((head, left)) if head[KIND_AT] == 0 => return Ok(answer([Reply::Int(0), Reply::Int(left)], &[])),
            Some((head, left)) if head[FILL] != **seen => {
                let entry = Reply::Bulk(value(&mut store, key, now).unwrap_or_default());
                return Ok(answer([Reply::Int(2), Reply::Int(left), entry], &current));
            }
            Some((head, left)) if *is_served == b"1" => {
                let runs_for = time_left(&head, now);
                if head[TOKEN] != NO_LEASE[..16] && runs_for > 0 {
                    return Ok(answer([Reply::Int(0), Reply::Int(runs_for.min(left))], &[]));
                }
                store.of(key).patch(key, TOKEN.start, &[token, format!("{ends:013}").as_bytes()].concat());
                return Ok(leased);
            }
            _ => {}
        }
        let placeholder = [beginning, &mark[..], token, &NO_LEASE[16..]].concat();
        let stored = store.of(key).set(key, &placeholder, Some(ends), now);
        refused(self.stored(stored, leased))
    }

    /// `lease_fill.lua`.
    pub(super) fn fill_lease(&self, keys: &Keys<'_>, args: &Keys<'_>, now: u64) -> Answer {
        let ([key, records @ ..], [token, envelope, lifetime, record_ttl, since, fresh, versions @ ..]) = (keys, args)
        else {
            return Err(error(SYNTAX));
        };
        let (expires_at, record_ttl) = (moment(lifetime, now)?, moment(record_ttl, now)?);
        let mut store = self.lock(keys);
        let Some(head) = head(&mut store, key, now) else { return Ok(Reply::Int(0)) };
        if envelope.get(FILL).is_some_and(|fill| *fill == head[FILL]) {
            return Ok(Reply::Int(1));
        }
        if head[TOKEN] != **token {
            return Ok(Reply::Int(0));
        }
        let since = integer(since);
        let mut is_refused = false;
        for (index, record) in records.iter().enumerate() {
            let version = versions.get(index);
            match value(&mut store, record, now) {
                None => {
                    is_refused = true;
                    if version.is_none() {
                        make_record(self, &mut store, record, fresh, record_ttl, now)?;
                    }
                }
                Some(current) => {
                    is_refused |= version.is_some_and(|version| !current.starts_with(version));
                    is_refused |= since.is_some_and(|since| time_of(&current).unwrap_or(signed(now)) >= since);
                }
            }
        }
        if is_refused {
            give_back(&mut store, key, &head, now);
            return Ok(Reply::Int(-1));
        }
        for record in records {
            extend(&mut store, record, record_ttl, now);
        }
        let stored = store.of(key).set(key, envelope, Some(expires_at), now);
        refused(self.stored(stored, Reply::Int(1)))
    }

    /// `lease_release.lua`.
    pub(super) fn release_lease(&self, keys: &Keys<'_>, args: &Keys<'_>, now: u64) -> Answer {
        let ([key], [token]) = (keys, args) else { return Err(error(SYNTAX)) };
        let mut store = self.lock(keys);
        let Some(head) = head(&mut store, key, now).filter(|head| head[TOKEN] == **token) else {
            return Ok(Reply::Int(0));
        };
        give_back(&mut store, key, &head, now);
        Ok(Reply::Int(1))
    }

    /// `tags_forget.lua`.
    pub(super) fn forget_tags(&self, keys: &Keys<'_>, args: &Keys<'_>, now: u64) -> Answer {
        if keys.len() != args.len() {
            return Err(error(SYNTAX));
        }
        let mut store = self.lock(keys);
        let mut found = 0;
        for (key, version) in keys.iter().zip(args) {
            if let Some(item) = store.of(key).peek(key, now) {
                let expires_at = item.expires_at();
                let stored = store.of(key).set(key, &record_of(version, now), expires_at, now);
                refused(self.stored(stored, Reply::Nil))?;
                found += 1;
            }
        }
        Ok(Reply::Int(found))
    }
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn refused(reply: Reply) -> Answer {
    if matches!(reply, Reply::Error(_)) { Err(reply) } else { Ok(reply) }
}

pub(super) fn moment(ttl: &[u8], now: u64) -> Result<u64, Reply> {
    let ttl = integer(ttl).ok_or_else(|| error(NOT_AN_INTEGER))?;
    After::Milliseconds.moment(ttl, now).filter(|_| ttl > 0).ok_or_else(|| error(INVALID_EXPIRE))
}

fn answer<const N: usize>(beginning: [Reply; N], records: &[Vec<u8>]) -> Reply {
    Reply::Array(beginning.into_iter().chain(records.iter().cloned().map(Reply::Bulk)).collect())
}

fn value(store: &mut Locked<'_>, key: &[u8], now: u64) -> Option<Vec<u8>> {
    store.of(key).peek(key, now).map(|item| item.value().to_vec())
}

fn head(store: &mut Locked<'_>, key: &[u8], now: u64) -> Option<Head> {
    store.of(key).peek(key, now).and_then(|item| item.value().first_chunk().copied())
}

/// The head of what stands at a key, and for how long it still does; none when nobody can be served it.
fn standing(store: &mut Locked<'_>, key: &[u8], mark: &Mark, now: u64) -> Option<(Head, i64)> {
    let left = signed(store.of(key).peek(key, now)?.expires_at()?.saturating_sub(now));
    let head = head(store, key, now).filter(|head| envelope::is_envelope(head) && head[MARK] == *mark)?;
    Some((head, left))
}

/// For how long the lease in the head of a stale entry runs.
fn time_left(head: &Head, now: u64) -> i64 {
    let end = std::str::from_utf8(&head[END]).ok().and_then(|end| end.parse().ok()).unwrap_or(0);
    signed(end).saturating_sub(signed(now))
}

fn record_of(version: &[u8], now: u64) -> Vec<u8> {
    [version, b":", now.to_string().as_bytes()].concat()
}

/// When what a record stands for was forgotten last.
fn time_of(record: &[u8]) -> Option<i64> {
    integer(record.get(size_of::<Version>() + 1..)?)
}

fn make_record(
    memory: &Memory,
    store: &mut Locked<'_>,
    key: &[u8],
    version: &[u8],
    expires_at: u64,
    now: u64,
) -> Result<Vec<u8>, Reply> {
    let record = record_of(version, now);
    let stored = store.of(key).set(key, &record, Some(expires_at), now);
    refused(memory.stored(stored, Reply::Nil)).map(|_| record)
}

/// Lets a record live longer, never shorter.
fn extend(store: &mut Locked<'_>, key: &[u8], expires_at: u64, now: u64) {
    let shard = store.of(key);
    if shard.peek(key, now).and_then(Item::expires_at).is_some_and(|before| before < expires_at) {
        shard.expire_at(key, Some(expires_at), now);
    }
}

fn give_back(store: &mut Locked<'_>, key: &[u8], head: &Head, now: u64) {
    if head[KIND_AT] == 0 {
        store.of(key).remove(key, now);
    } else {
        store.of(key).patch(key, TOKEN.start, NO_LEASE);
    }
}
