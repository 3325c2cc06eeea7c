//! Operations on many keys, in round trips of bounded size: neither the server nor this process is held up by them.

use super::single::{Condition, Got, Remaining, Set};
use crate::config::Ttl;
use crate::error::{Error, Result, ServerError};
use crate::keys::FullKey;
use crate::op::{Commands, Operation, Replies, Reply, Route, Step, only};
use redis::cmd;

/// Keys of one `MGET` or `UNLINK`: the server does nothing else meanwhile.
const KEYS_PER_COMMAND: usize = 500;
/// Values of one pipeline of `SET`, in number and in bytes.
const SETS_PER_TRIP: usize = 500;
const SET_BYTES_PER_TRIP: usize = 512 << 10;

/// Whether an operation fits into one round trip and is judged like any other, or is bulk work with a deadline of its own.
pub trait Many {
    /// More than one round trip.
    fn is_bulk(&self) -> bool;
}

/// Takes the values of a [`GetMany`] as they come.
pub trait Sink {
    /// What stands at the key at `index`.
    fn take(&mut self, index: usize, got: Got);
}

/// `MGET`, with `PTTL`s in front where copies are to be kept; the values go to a [`Sink`] one round trip after the other, so that only one lot is held as bytes.
pub struct GetMany<S> {
    keys: Vec<FullKey>,
    next: usize,
    sink: S,
    with_lifetimes: bool,
    peer: u64,
}

impl<S> GetMany<S> {
    /// The values of `keys`, found or not.
    pub fn new(keys: Vec<FullKey>, sink: S, with_lifetimes: bool) -> Self {
        Self { keys, next: 0, sink, with_lifetimes, peer: Route::NOWHERE }
    }

    fn end(&self) -> usize {
        (self.next + KEYS_PER_COMMAND).min(self.keys.len())
    }
}

impl<S> Many for GetMany<S> {
    fn is_bulk(&self) -> bool {
        self.keys.len() > KEYS_PER_COMMAND
    }
}

impl<S: Sink> Operation for GetMany<S> {
    type Outcome = ();

    fn routed(&mut self, route: Route) {
        self.peer = route.peer;
    }

    fn request(&mut self, commands: &mut dyn Commands) {
        let mut mget = cmd("MGET");
        for key in &self.keys[self.next..self.end()] {
            if self.with_lifetimes {
                commands.push(cmd("PTTL").arg(key.as_slice()));
            }
            mget.arg(key.as_slice());
        }
        commands.push(&mget);
    }

    fn replies(&mut self, mut replies: Replies) -> Result<Step<()>> {
        let values = replies.pop().map_or_else(|| Ok(Vec::new()), Reply::array)?;
        if values.len() != self.end() - self.next {
            return Err(Error::Protocol(format!(
                "{} values were expected and {} came",
                self.end() - self.next,
                values.len()
            )));
        }
        let mut lifetimes = replies.into_iter();
        for (offset, value) in values.into_iter().enumerate() {
            let left = lifetimes.next().and_then(|left| left.int().ok()).map(Remaining::of);
            self.sink.take(self.next + offset, Got { value: value.bytes()?, left, peer: self.peer });
        }
        self.next = self.end();
        Ok(if self.next == self.keys.len() { Step::Done(()) } else { Step::Again })
    }

    fn is_quick(&self) -> bool {
        false
    }
}

/// Gives the values of a [`SetMany`], encoded when they are needed.
pub trait Source {
    /// The next key with its value.
    fn next(&mut self) -> Option<(FullKey, Vec<u8>)>;
}

/// A pipeline of `SET`, lot after lot.
pub struct SetMany<S> {
    source: S,
    lot: Vec<(FullKey, Vec<u8>)>,
    /// One that was drawn and did not fit into the last lot.
    left_over: Option<(FullKey, Vec<u8>)>,
    ttl: Ttl,
    stored: Stored,
    bulk: bool,
}

/// What became of many values.
#[derive(Debug, Default)]
pub struct Stored {
    /// How many were stored.
    pub count: usize,
    /// Positions of those the server refused.
    pub refused: Vec<usize>,
    /// What it said of the last one.
    pub error: Option<ServerError>,
}

impl<S: Source> SetMany<S> {
    /// All values of the source, which must not be empty, for `ttl`, which must not be zero.
    pub fn new(source: S, ttl: Ttl) -> Self {
        let mut many = Self { source, lot: Vec::new(), left_over: None, ttl, stored: Stored::default(), bulk: false };
        many.draw();
        many.bulk = many.left_over.is_some();
        many
    }

    fn draw(&mut self) {
        self.lot.clear();
        let mut bytes = 0;
        while let Some((key, value)) = self.left_over.take().or_else(|| self.source.next()) {
            bytes += key.len() + value.len();
            if self.lot.len() == SETS_PER_TRIP || (bytes > SET_BYTES_PER_TRIP && !self.lot.is_empty()) {
                self.left_over = Some((key, value));
                return;
            }
            self.lot.push((key, value));
        }
    }
}

impl<S> Many for SetMany<S> {
    fn is_bulk(&self) -> bool {
        self.bulk
    }
}

impl<S: Source> Operation for SetMany<S> {
    type Outcome = Stored;

    fn request(&mut self, commands: &mut dyn Commands) {
        for (key, value) in &self.lot {
            commands.push(&Set::command(key, value, self.ttl, Condition::Always));
        }
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<Stored>> {
        let before = self.stored.count + self.stored.refused.len();
        for (offset, reply) in replies.into_iter().enumerate() {
            match reply {
                Reply::Error(error) => {
                    self.stored.refused.push(before + offset);
                    self.stored.error = Some(error);
                }
                _ => self.stored.count += 1,
            }
        }
        self.draw();
        Ok(if self.lot.is_empty() { Step::Done(std::mem::take(&mut self.stored)) } else { Step::Again })
    }

    fn is_quick(&self) -> bool {
        false
    }
}

/// `UNLINK`, which frees the memory of large values in the background.
pub struct Unlink {
    keys: Vec<FullKey>,
    next: usize,
    deleted: i64,
}

impl Unlink {
    /// Deletes `keys`, of which there must be one at least.
    #[must_use]
    pub fn new(keys: Vec<FullKey>) -> Self {
        Self { keys, next: 0, deleted: 0 }
    }

    fn end(&self) -> usize {
        (self.next + KEYS_PER_COMMAND).min(self.keys.len())
    }
}

impl Many for Unlink {
    fn is_bulk(&self) -> bool {
        self.keys.len() > KEYS_PER_COMMAND
    }
}

impl Operation for Unlink {
    /// How many there were.
    type Outcome = i64;

    fn request(&mut self, commands: &mut dyn Commands) {
        let mut unlink = cmd("UNLINK");
        for key in &self.keys[self.next..self.end()] {
            unlink.arg(key.as_slice());
        }
        commands.push(&unlink);
    }

    fn replies(&mut self, replies: Replies) -> Result<Step<i64>> {
        self.deleted += only(replies)?.int()?;
        self.next = self.end();
        Ok(if self.next == self.keys.len() { Step::Done(self.deleted) } else { Step::Again })
    }

    fn is_quick(&self) -> bool {
        self.keys.len() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Request;
    use smallvec::smallvec;
    use std::time::Duration;

    struct Numbers(usize, usize);

    impl Source for Numbers {
        fn next(&mut self) -> Option<(FullKey, Vec<u8>)> {
            self.0 += 1;
            (self.0 <= self.1).then(|| (FullKey::from_slice(self.0.to_string().as_bytes()), vec![0; 2000]))
        }
    }

    #[test]
    fn values_go_in_lots_of_bounded_size_and_none_is_lost() {
        let mut many = SetMany::new(Numbers(0, 1000), Ttl::For(Duration::from_secs(1)));
        assert!(many.is_bulk());
        let (mut sent, mut trips) = (0, 0);
        let stored = loop {
            let mut request = Request::default();
            many.request(&mut request);
            assert!(request.bytes().len() <= SET_BYTES_PER_TRIP + SETS_PER_TRIP * 64);
            sent += request.commands();
            trips += 1;
            let replies = (0..request.commands()).map(|_| Reply::Status("OK".into())).collect();
            if let Step::Done(stored) = many.replies(replies).expect("nothing is refused") {
                break stored;
            }
        };
        assert_eq!((sent, stored.count, stored.refused.len()), (1000, 1000, 0));
        assert!(trips >= 4);
    }

    #[test]
    fn a_refused_value_is_named_by_its_position() {
        let mut many = SetMany::new(Numbers(0, 3), Ttl::Never);
        let refusal = Reply::Error(ServerError::parse("OOM full"));
        let Ok(Step::Done(stored)) =
            many.replies(smallvec![Reply::Status("OK".into()), refusal, Reply::Status("OK".into())])
        else {
            panic!("three values fit into one trip");
        };
        assert_eq!((stored.count, stored.refused), (2, vec![1]));
    }
}
