//! Replies of many calls over one connection: who is to get which. No I/O, and no idea of what a call is.
//!
//! Servers answer in the order in which they were asked, so the calls wait in a queue, and the next reply is for the first
//! of them. Nobody ever leaves the queue otherwise: the reply to a call whose caller is gone still has to be read.

use super::reply::{Limits, ReplyReader};
use crate::error::{Error, Result};
use crate::op::Replies;
use std::collections::VecDeque;

/// Calls in the order in which they were sent, and the reader of their replies.
pub struct Pipeline<T> {
    reader: ReplyReader,
    expected: VecDeque<Expected<T>>,
    /// Those of the first call that have come.
    replies: Replies,
}

struct Expected<T> {
    call: T,
    commands: usize,
}

/// A call with all its replies, or with what came instead of them.
pub struct Answered<T> {
    /// Whoever waits.
    pub call: T,
    /// As many as it sent commands.
    pub replies: Result<Replies>,
}

impl<T> Pipeline<T> {
    /// A pipeline for a new connection.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { reader: ReplyReader::new(limits), expected: VecDeque::new(), replies: Replies::new() }
    }

    /// A call was sent, in so many commands.
    pub fn expect(&mut self, call: T, commands: usize) {
        self.expected.push_back(Expected { call, commands });
    }

    /// Takes what was received; gives the calls that are answered now, in their order. When it says that the connection
    /// is not in step any more, that has to be closed: what comes next could be for anybody.
    #[must_use]
    pub fn feed(&mut self, bytes: &[u8], answered: &mut Vec<Answered<T>>) -> bool {
        self.reader.feed(bytes);
        match self.sort(answered) {
            Ok(()) => true,
            Err(error) if self.expected.is_empty() => {
                // One reply too many, so any of these may have got that of another.
                for call in answered {
                    call.replies = Err(error.clone());
                }
                false
            }
            Err(error) => {
                let first = self.expected.pop_front().map(|first| first.call);
                answered.extend(first.map(|call| Answered { call, replies: Err(error) }));
                false
            }
        }
    }

    fn sort(&mut self, answered: &mut Vec<Answered<T>>) -> Result<()> {
        while let Some(first) = self.expected.front() {
            let Some(reply) = self.reader.next()? else {
                return Ok(());
            };
            self.replies.push(reply);
            if self.replies.len() == first.commands
                && let Some(first) = self.expected.pop_front()
            {
                answered.push(Answered { call: first.call, replies: Ok(std::mem::take(&mut self.replies)) });
            }
        }
        // Pushes may come unasked; they are dropped here, too.
        if self.reader.next()?.is_some() || !self.reader.is_idle() {
            return Err(Error::Protocol("more replies came than commands were sent".to_owned()));
        }
        Ok(())
    }

    /// Calls that wait, the first of them first.
    pub fn calls(&mut self) -> impl Iterator<Item = &mut T> {
        self.expected.iter_mut().map(|expected| &mut expected.call)
    }

    /// How many calls wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.expected.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expected.is_empty()
    }

    /// Whether a long string is on its way, behind which everything waits.
    #[must_use]
    pub fn is_held_up(&self) -> bool {
        self.reader.is_amid_long()
    }

    /// Takes the calls that wait out of it: the connection is gone.
    pub fn abandon(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.replies.clear();
        std::mem::take(&mut self.expected).into_iter().map(|expected| expected.call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Reply;
    use proptest::prelude::*;

    type Calls = Vec<(usize, Vec<Vec<u8>>)>;

    fn pipeline(calls: &[(usize, usize)]) -> Pipeline<usize> {
        let mut pipeline = Pipeline::new(Limits::new(1 << 20));
        for (call, commands) in calls {
            pipeline.expect(*call, *commands);
        }
        pipeline
    }

    fn failed(answered: &[Answered<usize>]) -> Vec<(usize, bool)> {
        answered.iter().map(|answered| (answered.call, answered.replies.is_err())).collect()
    }

    #[test]
    fn a_reply_too_many_spoils_all_that_came_with_it() {
        let mut pipeline = pipeline(&[(1, 1), (2, 1)]);
        let mut answered = Vec::new();
        assert!(!pipeline.feed(b":1\r\n:2\r\n:3\r\n", &mut answered));
        assert_eq!(failed(&answered), [(1, true), (2, true)]);
    }

    #[test]
    fn half_a_reply_too_many_is_one_too_many() {
        let mut pipeline = pipeline(&[(1, 1)]);
        let mut answered = Vec::new();
        assert!(!pipeline.feed(b":1\r\n$5\r\nab", &mut answered));
        assert_eq!(failed(&answered), [(1, true)]);
    }

    #[test]
    fn what_nobody_asked_for_is_out_of_step() {
        assert!(!pipeline(&[]).feed(b"+OK\r\n", &mut Vec::new()));
    }

    #[test]
    fn a_push_is_no_reply() {
        let mut answered = Vec::new();
        assert!(pipeline(&[]).feed(b">2\r\n+invalidate\r\n_\r\n", &mut answered));
        assert!(answered.is_empty());
    }

    #[test]
    fn garbage_fails_the_call_it_came_for_and_leaves_the_others_to_the_driver() {
        let mut pipeline = pipeline(&[(1, 1), (2, 1), (3, 1)]);
        let mut answered = Vec::new();
        assert!(!pipeline.feed(b":1\r\nHTTP/1.1 400\r\n", &mut answered));
        assert_eq!(failed(&answered), [(1, false), (2, true)]);
        assert_eq!(pipeline.abandon().collect::<Vec<_>>(), [3]);
        assert!(pipeline.is_empty());
    }

    #[test]
    fn a_long_string_holds_up_until_it_is_whole() {
        let mut pipeline = pipeline(&[(1, 1)]);
        let text = vec![b'x'; 100_000];
        let mut answered = Vec::new();
        assert!(pipeline.feed(b"$100000\r\n", &mut answered) && pipeline.feed(&text[..50_000], &mut answered));
        assert!(pipeline.is_held_up());
        assert!(pipeline.feed(&text[50_000..], &mut answered) && pipeline.feed(b"\r\n", &mut answered));
        assert!(!pipeline.is_held_up() && answered.len() == 1);
    }

    fn calls() -> impl Strategy<Value = Calls> {
        let reply = prop_oneof![4 => prop::collection::vec(any::<u8>(), 0..50), 1 => Just(vec![7; 40_000])];
        prop::collection::vec(prop::collection::vec(reply, 1..4), 1..20)
            .prop_map(|calls| calls.into_iter().enumerate().collect())
    }

    proptest! {
        #[test]
        fn everybody_gets_his_own_replies_however_the_bytes_are_cut(calls in calls(), cuts in prop::collection::vec(1..9000_usize, 1..40)) {
            let mut wire = Vec::new();
            let mut pipeline = Pipeline::new(Limits::new(1 << 20));
            for (call, replies) in &calls {
                pipeline.expect(*call, replies.len());
                for reply in replies {
                    wire.extend(format!("${}\r\n", reply.len()).bytes());
                    wire.extend(reply);
                    wire.extend(b"\r\n");
                }
            }
            let (mut rest, mut answered) = (&wire[..], Vec::new());
            for cut in cuts.iter().cycle() {
                let (piece, left) = rest.split_at((*cut).min(rest.len()));
                prop_assert!(pipeline.feed(piece, &mut answered));
                rest = left;
                if rest.is_empty() { break; }
            }
            let got: Calls = answered.into_iter().map(|answered| {
                let bytes = |reply| if let Reply::Bulk(bytes) = reply { bytes } else { unreachable!("only strings were sent") };
                (answered.call, answered.replies.expect("in step").into_iter().map(bytes).collect())
            }).collect();
            prop_assert_eq!(got, calls);
            prop_assert!(pipeline.is_empty());
        }
    }
}
