//! The lease of an entry: one of many computes it, and fills it only if nobody forgot it meanwhile.
//!
//! The lease is a random token in the entry's own key: in a placeholder, or in the head of an entry that is stale and may
//! still be served. Whatever removes the key, whoever does it, so voids the lease; a fill is a compare-and-set on the token.

use super::entry::{Found, Tags};
use super::{milliseconds, tags};
use crate::clock;
use crate::codec::envelope::{self, Id, Mark, Version};
use crate::error::{Error, Result};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Route, Step};
use crate::script::Script;
use std::time::Duration;

pub(super) static TAKE: Script = Script::new(include_str!("lease_take.lua"));
pub(super) static FILL: Script = Script::new(include_str!("lease_fill.lua"));
pub(super) static RELEASE: Script = Script::new(include_str!("lease_release.lua"));

/// Nobody computes for longer, and when a lease ends has room in a head until the year 2286 only.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Says whether an entry that somebody else filled can be served, and keeps it if so.
pub trait Judge {
    /// Whether `found` is a whole entry under the present versions of its tags.
    fn accepts(&mut self, found: Found) -> bool;
}

/// The right to compute an entry, as the server gave it.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// The entry.
    pub key: FullKey,
    /// What it will depend on.
    pub tags: Tags,
    /// The versions of these, when the lease began.
    pub versions: Vec<Version>,
    /// When it began, in milliseconds of the server's clock.
    pub began_at: i64,
    token: Id,
}

impl Grant {
    /// Of something that depends on no tags.
    pub(super) fn alone(key: FullKey, token: Id) -> Self {
        Self { key, tags: Tags::default(), versions: Vec::new(), began_at: 0, token }
    }

    /// What stands in the key while it holds.
    pub(super) fn token(&self) -> &Id {
        &self.token
    }

    /// The mark of the versions.
    #[must_use]
    pub fn mark(&self) -> Mark {
        envelope::mark(self.versions.iter())
    }
}

/// What came of asking for a lease.
#[derive(Debug, PartialEq)]
pub enum Taken {
    /// It is ours.
    Ours(Box<Grant>),
    /// Somebody else's runs for so many milliseconds.
    Theirs(u64),
    /// There is an entry, which the judge has kept.
    Filled,
}

impl Taken {
    /// Somebody else's, by what the server says that it has left.
    pub(super) fn theirs(left: i64) -> Self {
        Self::Theirs(u64::try_from(left).unwrap_or(0).max(1))
    }
}

/// Takes a lease.
pub struct LeaseTake<J> {
    key: FullKey,
    tags: Tags,
    lasts: Duration,
    /// A fill that is known, and whether that may be served meanwhile.
    seen: Option<(Id, bool)>,
    token: Id,
    judge: J,
    asked_at: u64,
    by_text: bool,
}

impl<J> LeaseTake<J> {
    /// Of the entry at `key`, for `lasts`. `stale` is the fill that the caller has, if it has one.
    #[must_use]
    pub fn new(key: FullKey, tags: Tags, lasts: Duration, stale: Option<Id>, judge: J) -> Self {
        let lasts = lasts.min(LONGEST);
        let seen = stale.map(|fill| (fill, true));
        Self { key, tags, lasts, seen, token: tags::random_id(), judge, asked_at: 0, by_text: false }
    }
}

impl<J: Judge> LeaseTake<J> {
    fn granted(&mut self, rest: &[Reply]) -> Result<Taken> {
        let [Reply::Int(began_at), records @ ..] = rest else { return Err(unknown()) };
        let versions = records.iter().map(|record| match record {
            Reply::Bulk(record) => tags::version(record).copied().ok_or_else(unknown),
            _ => Err(unknown()),
        });
        let versions = versions.collect::<Result<Vec<_>>>()?;
        if versions.len() != self.tags.names.len() {
            return Err(unknown());
        }
        let (key, tags) = (self.key.clone(), std::mem::take(&mut self.tags));
        let grant = Grant { key, tags, versions, began_at: *began_at, token: self.token };
        Ok(Taken::Ours(Box::new(grant)))
    }

    /// Takes an entry that is there. One that nobody can be served is to be computed all the same.
    fn met(&mut self, rest: Vec<Reply>) -> Result<Step<Taken>> {
        let mut rest = rest.into_iter();
        let (Some(Reply::Int(left)), Some(Reply::Bulk(stored))) = (rest.next(), rest.next()) else {
            return Err(unknown());
        };
        let records = rest.map(Reply::bytes).collect::<Result<_>>()?;
        let fill = envelope::id(&stored);
        if self.judge.accepts(Found { stored, left, records, asked_at: self.asked_at, peer: Route::NOWHERE }) {
            return Ok(Step::Done(Taken::Filled));
        }
        self.seen = Some((fill.ok_or_else(unknown)?, false));
        Ok(Step::Again)
    }
}

impl<J: Judge> Operation for LeaseTake<J> {
    type Outcome = Taken;

    fn request(&mut self, commands: &mut dyn Commands) {
        self.asked_at = clock::now_ms();
        let mut keys = vec![self.key.as_slice()];
        keys.extend(self.tags.records.iter().map(FullKey::as_slice));
        let mut call = TAKE.call(&keys, self.by_text);
        call.arg(&self.token[..]).arg(milliseconds(self.lasts)).arg(tags::record_ttl(self.lasts));
        match &self.seen {
            Some((fill, is_served)) => call.arg(&fill[..]).arg(u8::from(*is_served)),
            None => call.arg("").arg(0),
        };
        call.arg(envelope::placeholder());
        for _ in &self.tags.names {
            call.arg(&tags::random_version()[..]);
        }
        commands.push(&call);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Taken>> {
        let Step::Done(reply) = Script::reply(replies, &mut self.by_text)? else { return Ok(Step::Again) };
        let mut parts = reply.array()?;
        if parts.is_empty() {
            return Err(unknown());
        }
        let rest = parts.split_off(1);
        match (&parts[0], &rest[..]) {
            (Reply::Int(0), [Reply::Int(left)]) => Ok(Step::Done(Taken::theirs(*left))),
            (Reply::Int(1), _) => self.granted(&rest).map(Step::Done),
            (Reply::Int(2), _) => self.met(rest),
            _ => Err(unknown()),
        }
    }
}

pub(super) fn unknown() -> Error {
    Error::Protocol("a script of this package answered something else than it is written to".to_owned())
}

/// What became of a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// It is stored.
    Stored,
    /// The lease was gone: somebody deleted the key, or it ran out and somebody else took it.
    Gone,
    /// A tag was forgotten meanwhile, or something since the moment that was named; the lease was given back.
    Refused,
}

/// Stores what was computed under a lease.
pub struct LeaseFill {
    key: FullKey,
    /// Of the tags, and behind them the one of all that was forgotten, where there is a moment.
    records: Vec<FullKey>,
    versions: Vec<Version>,
    token: Id,
    envelope: Vec<u8>,
    lifetime: Duration,
    /// Since when nothing may have been forgotten, by the server's clock.
    since: Option<i64>,
    by_text: bool,
}

impl LeaseFill {
    /// What tells a new fill from all others.
    #[must_use]
    pub fn new_id() -> Id {
        tags::random_id()
    }

    /// Stores `envelope` for `lifetime`, if the lease still holds.
    #[must_use]
    pub fn new(grant: &Grant, envelope: Vec<u8>, lifetime: Duration) -> Self {
        Self {
            key: grant.key.clone(),
            records: grant.tags.records.clone(),
            versions: grant.versions.clone(),
            token: grant.token,
            envelope,
            lifetime,
            since: None,
            by_text: false,
        }
    }

    /// Only if nothing was forgotten since so long before the lease began; `forgotten` is the record of what was forgotten
    /// by key or pattern.
    #[must_use]
    pub fn unless_forgotten_since(mut self, grant: &Grant, older_by: Duration, forgotten: FullKey) -> Self {
        // Both are rounded to the side of refusing: what happened within the same millisecond may have come later.
        let older_by = older_by.as_nanos().div_ceil(1_000_000);
        self.since = Some(grant.began_at.saturating_sub(i64::try_from(older_by).unwrap_or(i64::MAX)));
        self.records.push(forgotten);
        self
    }
}

impl Operation for LeaseFill {
    type Outcome = Filled;

    fn request(&mut self, commands: &mut dyn Commands) {
        let mut keys = vec![self.key.as_slice()];
        keys.extend(self.records.iter().map(FullKey::as_slice));
        let mut call = FILL.call(&keys, self.by_text);
        call.arg(&self.token[..]).arg(self.envelope.as_slice());
        call.arg(milliseconds(self.lifetime)).arg(tags::record_ttl(self.lifetime));
        match self.since {
            Some(since) => call.arg(since),
            None => call.arg(""),
        };
        call.arg(&tags::random_version()[..]);
        for version in &self.versions {
            call.arg(&version[..]);
        }
        commands.push(&call);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Filled>> {
        let Step::Done(reply) = Script::reply(replies, &mut self.by_text)? else { return Ok(Step::Again) };
        Ok(Step::Done(match reply.int()? {
            1 => Filled::Stored,
            0 => Filled::Gone,
            _ => Filled::Refused,
        }))
    }

    fn is_quick(&self) -> bool {
        const QUICK_BYTES: usize = 32 << 10;
        self.envelope.len() <= QUICK_BYTES
    }
}

/// Gives a lease back without a fill.
pub struct LeaseRelease {
    key: FullKey,
    token: Id,
    by_text: bool,
}

impl LeaseRelease {
    /// This lease.
    #[must_use]
    pub fn new(grant: &Grant) -> Self {
        Self { key: grant.key.clone(), token: grant.token, by_text: false }
    }
}

impl Operation for LeaseRelease {
    /// Whether it was still ours. A second try after a lost reply finds it given back, and says no.
    type Outcome = bool;

    fn request(&mut self, commands: &mut dyn Commands) {
        commands.push(RELEASE.call(&[&self.key], self.by_text).arg(&self.token[..]));
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<bool>> {
        match Script::reply(replies, &mut self.by_text)? {
            Step::Again => Ok(Step::Again),
            Step::Done(reply) => Ok(Step::Done(reply.int()? > 0)),
        }
    }
}
