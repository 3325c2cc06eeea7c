//! A connection that listens: commands go out, and replies and pushes come in whatever order the server has for them.

use super::connection::Connection;
use super::pool::Pool;
use crate::error::Result;
use crate::op::{Commands, Reply, Request};
use crate::wait::{Deadline, Polled, Waiter, poll};
use redis::Cmd;
use std::sync::Arc;

/// A connection of its own, beside those of the pool. It waits in the system, for threads that Python does not know.
pub struct Listener {
    connection: Connection,
}

impl Listener {
    /// Opens a connection.
    ///
    /// # Errors
    /// No connection, or none in time.
    pub fn open(pool: &Arc<Pool>, waiter: &dyn Waiter, deadline: Deadline) -> Result<Self> {
        let mut connection = pool.dialer().dial(waiter, deadline)?;
        connection.listen();
        Ok(Self { connection })
    }

    /// Which server it leads to, as [`Pool::peer`] has it.
    #[must_use]
    pub fn peer(&self) -> u64 {
        self.connection.route.peer
    }

    /// Sends a command; its reply will be among what [`hear`](Self::hear) brings.
    ///
    /// # Errors
    /// The connection is lost, or the server has not read what it was sent before.
    pub fn say(&mut self, command: &Cmd) -> Result<()> {
        let mut request = Request::default();
        request.push(command);
        self.connection.say(request.bytes())
    }

    /// The next reply or push; none when the deadline passed first.
    ///
    /// # Errors
    /// The connection is lost, or the server sent nonsense.
    pub fn hear(&mut self, deadline: Deadline) -> Result<Option<Reply>> {
        loop {
            if let Some(reply) = self.connection.hear()? {
                return Ok(Some(reply));
            }
            // The clock alone ends it: what keeps the socket ready may be a part of something long.
            if deadline.has_passed() || poll(self.connection.interest()?, deadline.remaining()) == Polled::TimedOut {
                return Ok(None);
            }
        }
    }
}
