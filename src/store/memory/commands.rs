//! What each command does, and answers, as <https://redis.io/docs/latest/commands/> has it.

use super::shard::{ExpiresAt, Item, Part, Shard, TooLarge};
use super::{Memory, Usage};
use crate::clock;
use crate::error::ServerError;
use crate::keys::glob;
use crate::op::Reply;

pub(super) const SYNTAX: &str = "ERR syntax error";
pub(super) const NOT_AN_INTEGER: &str = "ERR value is not an integer or out of range";
pub(super) const INVALID_EXPIRE: &str = "ERR invalid expire time in 'expire' command";
const OVERFLOW: &str = "ERR increment or decrement would overflow";
const INVALID_EXPIRY: &str = "ERR invalid expire time in 'set' command";
const NO_SUCH_KEY: &str = "ERR no such key";
/// Names of commands are no longer than this.
const LONGEST_NAME: usize = 16;

impl Memory {
    /// Runs one command.
    pub(super) fn execute(&self, args: &[&[u8]]) -> Reply {
        let now = clock::now_ms();
        let mut buffer = [0; LONGEST_NAME];
        let Some(name) = args.first().and_then(|name| upper(name, &mut buffer)) else { return unknown(args) };
        match (name, &args[1..]) {
            (b"GET", [key]) => bulk(self.shard(key).get(key, now)),
            (b"SET", [key, value, options @ ..]) => self.set(key, value, options, now),
            (b"MGET", keys @ [_, ..]) => {
                Reply::Array(keys.iter().map(|key| bulk(self.shard(key).get(key, now))).collect())
            }
            (b"DEL" | b"UNLINK", keys @ [_, ..]) => self.count(keys, |shard, key| shard.remove(key, now)),
            (b"EXISTS", keys @ [_, ..]) => self.count(keys, |shard, key| shard.peek(key, now).is_some()),
            (b"PEXPIRE", [key, time, when @ ..]) => self.expire(key, time, when, After::Milliseconds, now),
            (b"EXPIRE", [key, time, when @ ..]) => self.expire(key, time, when, After::Seconds, now),
            (b"PEXPIREAT", [key, time, when @ ..]) => self.expire(key, time, when, After::UnixMilliseconds, now),
            (b"EXPIREAT", [key, time, when @ ..]) => self.expire(key, time, when, After::UnixSeconds, now),
            (b"PERSIST", [key]) => self.persist(key, now),
            (b"PTTL", [key]) => self.lifetime(key, now, |left| left),
            (b"TTL", [key]) => self.lifetime(key, now, |left| left.saturating_add(500) / 1000),
            (b"EVALSHA" | b"EVAL", _) => self.run_script(args, now),
            (b"INCR", [key]) => add(&mut self.shard(key), key, 1, now),
            (b"DECR", [key]) => add(&mut self.shard(key), key, -1, now),
            (b"INCRBY", [key, delta]) => self.add_by(key, integer(delta), now),
            (b"DECRBY", [key, delta]) => self.add_by(key, integer(delta).and_then(i64::checked_neg), now),
            (b"SCAN", [cursor, options @ ..]) => self.scan(cursor, options, now),
            (b"KEYS", [pattern]) => Reply::Array(self.keys(pattern, now)),
            (b"SETNX", [key, value]) => match self.set(key, value, &[b"NX"], now) {
                Reply::Nil => Reply::Int(0),
                Reply::Status(_) => Reply::Int(1),
                refusal => refusal,
            },
            (b"SETEX", [key, seconds, value]) => self.set(key, value, &[b"EX", seconds], now),
            (b"PSETEX", [key, milliseconds, value]) => self.set(key, value, &[b"PX", milliseconds], now),
            (b"GETDEL", [key]) => bulk(self.shard(key).take(key, now).map(|item| item.value().to_vec())),
            (b"STRLEN", [key]) => length(self.shard(key).peek(key, now).map_or(0, |item| item.value().len())),
            (b"TYPE", [key]) => status(if self.shard(key).peek(key, now).is_some() { "string" } else { "none" }),
            (b"RENAME", [from, to]) => self.rename(from, to, false, now),
            (b"RENAMENX", [from, to]) => self.rename(from, to, true, now),
            (b"DBSIZE", []) => length(self.usage().entries),
            (b"FLUSHDB" | b"FLUSHALL", mode) => self.flush(mode),
            (b"PING", []) => status("PONG"),
            (b"PING" | b"ECHO", [text]) => Reply::Bulk(text.to_vec()),
            (b"TIME", []) => time(),
            (b"INFO", _) => Reply::Bulk(info(self.usage(), self.expiring(now)).into_bytes()),
            (name, _) if KNOWN.contains(&name) => wrong_number(name),
            _ => unknown(args),
        }
    }

    fn count(&self, keys: &[&[u8]], test: impl Fn(&mut Shard, &[u8]) -> bool) -> Reply {
        length(keys.iter().filter(|key| test(&mut self.shard(key), key)).count())
    }

    fn set(&self, key: &[u8], value: &[u8], options: &[&[u8]], now: u64) -> Reply {
        let options = match SetOptions::read(options, now) {
            Ok(options) => options,
            Err(refusal) => return error(refusal),
        };
        let mut shard = self.shard(key);
        let (mut found, mut kept) = (false, None);
        if options.looks() {
            let item = shard.peek(key, now);
            found = item.is_some();
            kept = item.and_then(Item::expires_at);
        }
        let before = if options.get { bulk(shard.get(key, now)) } else { status("OK") };
        if options.if_present.is_some_and(|wanted| wanted != found) {
            return if options.get { before } else { Reply::Nil };
        }
        let expires_at = if options.keep_ttl { kept } else { options.expires_at };
        if expires_at.is_some_and(|at| now >= at) {
            // A moment that has passed.
            shard.remove(key, now);
            return before;
        }
        match shard.set(key, value, expires_at, now) {
            Ok(()) => before,
            Err(TooLarge) => self.too_large(),
        }
    }

    pub(super) fn too_large(&self) -> Reply {
        error(&format!(
            "OOM the value is too large for memory://, whose bound is {} bytes in {} parts",
            self.max_bytes,
            self.shards.len()
        ))
    }

    fn expire(&self, key: &[u8], time: &[u8], when: &[&[u8]], after: After, now: u64) -> Reply {
        let conditions = match Conditions::read(when) {
            Ok(conditions) => conditions,
            Err(refusal) => return error(refusal),
        };
        let Some(time) = integer(time) else { return error(NOT_AN_INTEGER) };
        let Some(at) = after.moment(time, now) else { return error(INVALID_EXPIRE) };
        let mut shard = self.shard(key);
        let holds = shard.peek(key, now).is_some_and(|item| conditions.hold(item.expires_at(), at));
        Reply::Int(i64::from(holds && expire(&mut shard, key, at, now)))
    }

    fn persist(&self, key: &[u8], now: u64) -> Reply {
        let mut shard = self.shard(key);
        let expires = shard.peek(key, now).is_some_and(|item| item.expires_at().is_some());
        Reply::Int(i64::from(expires && shard.expire_at(key, None, now)))
    }

    fn lifetime(&self, key: &[u8], now: u64, unit: impl Fn(i64) -> i64) -> Reply {
        Reply::Int(match self.shard(key).peek(key, now).map(Item::expires_at) {
            None => -2,
            Some(None) => -1,
            Some(Some(at)) => unit(i64::try_from(at.saturating_sub(now)).unwrap_or(i64::MAX)),
        })
    }

    fn add_by(&self, key: &[u8], delta: Option<i64>, now: u64) -> Reply {
        match delta {
            Some(delta) => add(&mut self.shard(key), key, delta, now),
            None => error(NOT_AN_INTEGER),
        }
    }

    /// A page is a shard: what is there from the first page to the last comes exactly once.
    fn scan(&self, cursor: &[u8], options: &[&[u8]], now: u64) -> Reply {
        let Some(cursor) = integer(cursor).and_then(|cursor| usize::try_from(cursor).ok()) else {
            return error("ERR invalid cursor");
        };
        let mut pattern: &[u8] = b"*";
        let mut buffer = [0; LONGEST_NAME];
        let mut strings = true;
        let (pairs, []) = options.as_chunks::<2>() else { return error(SYNTAX) };
        for [name, value] in pairs {
            match upper(name, &mut buffer) {
                Some(b"MATCH") => pattern = value,
                Some(b"COUNT") => match integer(value) {
                    Some(1..) => {}
                    Some(_) => return error(SYNTAX),
                    None => return error(NOT_AN_INTEGER),
                },
                Some(b"TYPE") => strings = value.eq_ignore_ascii_case(b"string"),
                _ => return error(SYNTAX),
            }
        }
        let found = match self.shards.get(cursor) {
            Some(shard) if strings => matching(&shard.lock(), pattern, now),
            _ => Vec::new(),
        };
        let next = if cursor + 1 < self.shards.len() { cursor + 1 } else { 0 };
        Reply::Array(vec![Reply::Bulk(next.to_string().into_bytes()), Reply::Array(found)])
    }

    fn keys(&self, pattern: &[u8], now: u64) -> Vec<Reply> {
        self.shards.iter().flat_map(|shard| matching(&shard.lock(), pattern, now)).collect()
    }

    fn rename(&self, from: &[u8], to: &[u8], only_if_absent: bool, now: u64) -> Reply {
        let mut held = self.lock(&[from, to]);
        let Some(item) = held.of(from).peek(from, now) else { return error(NO_SUCH_KEY) };
        let (value, expires_at) = (item.value().to_vec(), item.expires_at());
        if only_if_absent && held.of(to).peek(to, now).is_some() {
            return Reply::Int(0);
        }
        if !held.of(to).fits(to, &value) {
            return self.too_large();
        }
        held.of(from).remove(from, now);
        let done = if only_if_absent { Reply::Int(1) } else { status("OK") };
        self.stored(held.of(to).set(to, &value, expires_at, now), done)
    }

    pub(super) fn stored(&self, stored: Result<(), TooLarge>, done: Reply) -> Reply {
        match stored {
            Ok(()) => done,
            Err(TooLarge) => self.too_large(),
        }
    }

    fn flush(&self, mode: &[&[u8]]) -> Reply {
        let is_known = |mode: &[u8]| mode.eq_ignore_ascii_case(b"ASYNC") || mode.eq_ignore_ascii_case(b"SYNC");
        if mode.len() > 1 || !mode.iter().all(|mode| is_known(mode)) {
            return error(SYNTAX);
        }
        self.shards.iter().for_each(|shard| Part::lock(shard).clear());
        status("OK")
    }
}

/// Adds to the number at a key, which is 0 where nothing is.
pub(super) fn add(shard: &mut Shard, key: &[u8], delta: i64, now: u64) -> Reply {
    let (number, expires_at) = match shard.peek(key, now) {
        None => (0, None),
        Some(item) => match integer(item.value()) {
            Some(number) => (number, item.expires_at()),
            None => return error(NOT_AN_INTEGER),
        },
    };
    let Some(sum) = number.checked_add(delta) else { return error(OVERFLOW) };
    match shard.set(key, sum.to_string().as_bytes(), expires_at, now) {
        Ok(()) => Reply::Int(sum),
        Err(TooLarge) => error("OOM the key is too large for memory://"),
    }
}

/// Changes when the time of an entry is up; removes it, as the server does, when that has passed. False when there is none.
pub(super) fn expire(shard: &mut Shard, key: &[u8], at: u64, now: u64) -> bool {
    if at <= now { shard.remove(key, now) } else { shard.expire_at(key, Some(at), now) }
}

fn matching(shard: &Shard, pattern: &[u8], now: u64) -> Vec<Reply> {
    shard.iter(now).filter(|(key, _)| glob::matches(pattern, key)).map(|(key, _)| Reply::Bulk(key.to_vec())).collect()
}

/// The options of `SET`.
#[derive(Default)]
struct SetOptions {
    expires_at: ExpiresAt,
    keep_ttl: bool,
    /// Some(true): only over another value; Some(false): only where nothing is.
    if_present: Option<bool>,
    get: bool,
}

impl SetOptions {
    fn read(given: &[&[u8]], now: u64) -> Result<Self, &'static str> {
        let mut options = Self::default();
        let mut rest = given.iter();
        let mut buffer = [0; LONGEST_NAME];
        let mut lifetime = None;
        while let Some(option) = rest.next() {
            let after = match upper(option, &mut buffer).ok_or(SYNTAX)? {
                name @ (b"NX" | b"XX") => {
                    let if_present = name == b"XX";
                    if options.if_present.replace(if_present).is_some_and(|before| before != if_present) {
                        return Err(SYNTAX);
                    }
                    continue;
                }
                b"GET" => {
                    options.get = true;
                    continue;
                }
                b"KEEPTTL" => {
                    options.keep_ttl = true;
                    continue;
                }
                b"PX" => After::Milliseconds,
                b"EX" => After::Seconds,
                b"PXAT" => After::UnixMilliseconds,
                b"EXAT" => After::UnixSeconds,
                _ => return Err(SYNTAX),
            };
            let time = rest.next().ok_or(SYNTAX)?;
            if lifetime.replace((after, time)).is_some_and(|(before, _)| before != after) {
                return Err(SYNTAX);
            }
        }
        if options.keep_ttl && lifetime.is_some() {
            return Err(SYNTAX);
        }
        if let Some((after, time)) = lifetime {
            let time = integer(time).ok_or(NOT_AN_INTEGER)?;
            options.expires_at = Some(after.moment(time, now).filter(|_| time > 0).ok_or(INVALID_EXPIRY)?);
        }
        Ok(options)
    }

    /// Whether it matters what is there already.
    fn looks(&self) -> bool {
        self.if_present.is_some() || self.keep_ttl
    }
}

/// The options of `EXPIRE` and its kin: what must hold of the moment that is there before.
struct Conditions([bool; 4]);

impl Conditions {
    const NAMES: [&[u8]; 4] = [b"NX", b"XX", b"GT", b"LT"];

    fn read(given: &[&[u8]]) -> Result<Self, &'static str> {
        let mut asked = [false; 4];
        for option in given {
            let place = Self::NAMES.iter().position(|name| option.eq_ignore_ascii_case(name));
            asked[place.ok_or("ERR Unsupported option")?] = true;
        }
        match asked {
            [true, false, false, false] | [false, _, true, false] | [false, _, false, _] => Ok(Self(asked)),
            [true, ..] => Err("ERR NX and XX, GT or LT options at the same time are not compatible"),
            _ => Err("ERR GT and LT options at the same time are not compatible"),
        }
    }

    fn hold(&self, before: ExpiresAt, at: u64) -> bool {
        let [absent, present, later, sooner] = self.0;
        (!absent || before.is_none())
            && (!present || before.is_some())
            // None is later than every moment.
            && (!later || before.is_some_and(|before| at > before))
            && (!sooner || before.is_none_or(|before| at < before))
    }
}

/// How a moment is given.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum After {
    Milliseconds,
    Seconds,
    UnixMilliseconds,
    UnixSeconds,
}

impl After {
    /// The moment on our clock, not before 0; none when it is beyond what the server can count.
    pub(super) fn moment(self, time: i64, now: u64) -> Option<u64> {
        let milliseconds = match self {
            Self::Milliseconds | Self::UnixMilliseconds => time,
            Self::Seconds | Self::UnixSeconds => time.checked_mul(1000)?,
        };
        let today = i64::try_from(clock::unix_ms()).ok()?;
        let from_now = match self {
            Self::Milliseconds | Self::Seconds => milliseconds.checked_add(today).map(|_| milliseconds)?,
            Self::UnixMilliseconds | Self::UnixSeconds => milliseconds.saturating_sub(today),
        };
        Some(now.saturating_add_signed(from_now))
    }
}

/// An integer as the server reads it: no spaces, no plus sign, no leading zeros.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let plain = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if plain { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// The name in capitals; none when it is longer than any that is known.
fn upper<'a>(name: &[u8], buffer: &'a mut [u8; LONGEST_NAME]) -> Option<&'a [u8]> {
    let upper = buffer.get_mut(..name.len())?;
    upper.copy_from_slice(name);
    upper.make_ascii_uppercase();
    Some(upper)
}

/// What is known, to tell a wrong number of arguments from a name that is none.
#[rustfmt::skip]
const KNOWN: &[&[u8]] = &[
    b"GET", b"SET", b"MGET", b"DEL", b"UNLINK", b"EXISTS", b"PEXPIRE", b"EXPIRE", b"PEXPIREAT", b"EXPIREAT", b"PERSIST",
    b"PTTL", b"TTL", b"EVALSHA", b"EVAL", b"INCR", b"DECR", b"INCRBY", b"DECRBY", b"SCAN", b"KEYS", b"SETNX", b"SETEX",
    b"PSETEX", b"GETDEL", b"STRLEN", b"TYPE", b"RENAME", b"RENAMENX", b"DBSIZE", b"FLUSHDB", b"FLUSHALL", b"PING",
    b"ECHO", b"TIME", b"INFO",
];

pub(super) fn error(line: &str) -> Reply {
    Reply::Error(ServerError::parse(line))
}

fn wrong_number(name: &[u8]) -> Reply {
    let name = String::from_utf8_lossy(name).to_lowercase();
    error(&format!("ERR wrong number of arguments for '{name}' command"))
}

fn unknown(args: &[&[u8]]) -> Reply {
    let name = args.first().copied().unwrap_or_default();
    let name: String = String::from_utf8_lossy(name).chars().take(40).collect();
    error(&format!("ERR unknown command '{name}': memory:// knows strings, lifetimes, counters and scans only"))
}

fn status(text: &str) -> Reply {
    Reply::Status(text.to_owned())
}

fn bulk(bytes: Option<Vec<u8>>) -> Reply {
    bytes.map_or(Reply::Nil, Reply::Bulk)
}

fn length(count: usize) -> Reply {
    Reply::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn time() -> Reply {
    let now = clock::unix_ms();
    let part = |number: u64| Reply::Bulk(number.to_string().into_bytes());
    Reply::Array(vec![part(now / 1000), part(now % 1000 * 1000)])
}

/// In the form of the server's own, so that whoever reads that can read this.
fn info(usage: Usage, expiring: usize) -> String {
    let Usage { entries, bytes, max_bytes, hits, misses, evicted, expired } = usage;
    format!(
        "# Server\r\nserver_name:hitrate-memory\r\nhitrate_version:{}\r\n\
         # Memory\r\nused_memory:{bytes}\r\nmaxmemory:{max_bytes}\r\nmaxmemory_policy:clock-pro\r\n\
         # Stats\r\nkeyspace_hits:{hits}\r\nkeyspace_misses:{misses}\r\nevicted_keys:{evicted}\r\nexpired_keys:{expired}\r\n\
         # Keyspace\r\ndb0:keys={entries},expires={expiring},avg_ttl=0\r\n",
        env!("CARGO_PKG_VERSION"),
    )
}
