//! The listener: one thread with one connection, on which the server says what is written.
//!
//! `CLIENT TRACKING ON BCAST` (<https://redis.io/docs/latest/develop/reference/client-side-caching/>) has it send the names of
//! all keys of this cache that anybody writes. The subscription beside it carries nothing: it puts the connection under the
//! server's output limit for subscribers, so that a process that was stopped cannot fill the server's memory.

use super::feed::{Epoch, Lost};
use super::table::Outgoing;
use super::{DROPPED_AT_ONCE, L1};
use crate::breaker::Backoff;
use crate::clock;
use crate::config::Protocol;
use crate::error::{Error, Result};
use crate::net::Listener;
use crate::op::Reply;
use crate::wait::{Deadline, Parking, PlainWaiter};
use redis::cmd;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What is subscribed to: the name that Redis uses for tracking in RESP2, where ACLs may allow it already.
const CHANNEL: &str = "__redis__:invalidate";
/// Signs of life asked for in the time for which one is good.
const PINGS_PER_STALENESS: u32 = 4;
const SHORTEST_PING: Duration = Duration::from_millis(5);
const LONGEST_PING: Duration = Duration::from_secs(1);
/// Keys a second above which listening costs this process more than it saves: some 5 % of a core.
const FLOOD: u64 = 20_000;
/// How long asking is then thought cheaper.
const FLOOD_PAUSE: Duration = Duration::from_secs(10);
/// When to try again where the server does not do it, or connections lead to several: somebody may change that.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);

impl L1 {
    /// Starts the listener, unless there is one.
    #[cold]
    pub(super) fn listen(self: &Arc<Self>) {
        let Some(end) = self.feed.attend() else { return };
        let l1 = Arc::clone(self);
        let thread = std::thread::Builder::new().name("hitrate-l1".to_owned()).spawn(move || l1.attend(&end));
        if thread.is_err() {
            // It stays attended by nobody: to try again at every read would cost more than it can bring.
            self.feed.lost(Lost::Refused("this process can start no thread".to_owned()));
        }
    }

    fn attend(&self, end: &Parking) {
        let mut backoff = Backoff::default();
        while !end.is_woken() {
            let lost = match Session::open(self) {
                Ok(mut session) => {
                    backoff = Backoff::default();
                    session.run(end).unwrap_or_else(|error| Some(lost_by(&error)))
                }
                Err(lost) => Some(lost),
            };
            let Some(lost) = lost else { return };
            let pause = match lost {
                Lost::Refused(_) | Lost::Failover => REFUSED_PAUSE,
                Lost::Flood => FLOOD_PAUSE,
                _ => backoff.pause(),
            };
            self.feed.lost(lost);
            self.discard(self.table.forget_all());
            end.wait(pause);
        }
    }
}

/// What an error means to the feed.
fn lost_by(error: &Error) -> Lost {
    Lost::Connection(error.to_string())
}

/// One connection, from the first word to the last.
struct Session<'a> {
    l1: &'a L1,
    listener: Listener,
    epoch: Epoch,
    /// When each `PING` was sent that was not answered yet.
    asked: VecDeque<u64>,
    ask_at: u64,
    alive_at: u64,
    window_since: u64,
    window_keys: u64,
}

impl<'a> Session<'a> {
    /// Connects, and has the server send what is written.
    fn open(l1: &'a L1) -> Result<Self, Lost> {
        let server = l1.pool.server();
        if server.protocol == Protocol::Resp2 {
            return Err(Lost::Refused("it needs RESP3, and the option 'protocol' is 2".to_owned()));
        }
        let lost = |error: Error| lost_by(&error);
        let deadline = Deadline::after(server.timeout);
        let mut listener = Listener::open(&l1.pool, &PlainWaiter, deadline).map_err(lost)?;
        listener.say(cmd("SUBSCRIBE").arg(CHANNEL)).map_err(lost)?;
        let mut tracking = cmd("CLIENT");
        tracking.arg("TRACKING").arg("ON").arg("BCAST");
        if !l1.beginning.is_empty() {
            tracking.arg("PREFIX").arg(&l1.beginning);
        }
        listener.say(&tracking).map_err(lost)?;
        loop {
            match listener.hear(deadline).map_err(lost)? {
                None => return Err(Lost::Silence),
                Some(Reply::Error(error)) => return Err(Lost::Refused(error.to_string())),
                // Of the subscription, or of a key written already.
                Some(Reply::Push(_) | Reply::Array(_)) => {}
                Some(_) => break,
            }
        }
        let epoch = l1.feed.begin(listener.peer());
        let now = clock::now_ms();
        let asked = VecDeque::new();
        Ok(Self { l1, listener, epoch, asked, ask_at: now, alive_at: now, window_since: now, window_keys: 0 })
    }

    /// Listens until the feed is lost; none when nobody needs it any more.
    fn run(&mut self, end: &Parking) -> Result<Option<Lost>> {
        let staleness = self.l1.settings.max_staleness;
        let interval = milliseconds((staleness / PINGS_PER_STALENESS).clamp(SHORTEST_PING, LONGEST_PING));
        // Several that were not answered: it is not one slow command that keeps the server busy.
        let silence = milliseconds(self.l1.pool.server().timeout * 4).max(4 * interval);
        while !end.is_woken() {
            // Before it is sent: what is written after this moment may not be known when the answer comes.
            let now = clock::now_ms();
            if now >= self.ask_at {
                self.listener.say(&cmd("PING"))?;
                self.asked.push_back(now);
                self.ask_at = now + interval;
            }
            if now.saturating_sub(self.alive_at) > silence {
                return Ok(Some(Lost::Silence));
            }
            if self.l1.feed.epoch() != self.epoch || self.l1.is_elsewhere() {
                return Ok(Some(Lost::Failover));
            }
            let wait = Duration::from_millis(self.ask_at.saturating_sub(now));
            if let Some(reply) = self.listener.hear(Deadline::after(wait))?
                && let Some(lost) = self.take(reply)?
            {
                return Ok(Some(lost));
            }
        }
        Ok(None)
    }

    fn take(&mut self, reply: Reply) -> Result<Option<Lost>> {
        match reply {
            Reply::Push(parts) => Ok(self.pushed(parts)),
            Reply::Error(error) => Err(Error::Server(error)),
            _ => {
                let Some(asked_at) = self.asked.pop_front() else {
                    return Err(Error::Protocol("a reply came that nobody asked for".to_owned()));
                };
                self.alive_at = clock::now_ms();
                self.l1.feed.alive(self.epoch, asked_at, self.l1.max_staleness_ms());
                Ok(None)
            }
        }
    }

    fn pushed(&mut self, parts: Vec<Reply>) -> Option<Lost> {
        let mut parts = parts.into_iter();
        if !parts.next().is_some_and(|kind| is_text(&kind, b"invalidate")) {
            return None;
        }
        if let Some(Reply::Array(keys)) = parts.next() {
            return self.written(&keys);
        }
        // A database was emptied, this one or another: they are not told apart.
        self.l1.feed.count(&Lost::Flush);
        self.l1.discard(self.l1.table.forget_all());
        None
    }

    fn written(&mut self, keys: &[Reply]) -> Option<Lost> {
        let mut outgoing = Outgoing::default();
        for key in keys {
            let Reply::Bulk(key) = key else { continue };
            outgoing.append(self.l1.table.forget(key));
            if outgoing.len() == DROPPED_AT_ONCE {
                self.l1.discard(std::mem::take(&mut outgoing));
            }
        }
        self.l1.discard(outgoing);
        self.l1.counts.invalidations.add(keys.len());
        self.is_flooded(keys.len()).then_some(Lost::Flood)
    }

    fn is_flooded(&mut self, keys: usize) -> bool {
        let now = clock::now_ms();
        if now.saturating_sub(self.window_since) >= 1000 {
            self.window_since = now;
            self.window_keys = 0;
        }
        self.window_keys += keys as u64;
        self.window_keys > FLOOD
    }
}

fn is_text(reply: &Reply, text: &[u8]) -> bool {
    match reply {
        Reply::Bulk(bytes) => bytes == text,
        Reply::Status(status) => status.as_bytes() == text,
        _ => false,
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
