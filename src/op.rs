//! An operation: commands to send, and a function from replies to an outcome. No I/O.
//!
//! Drivers (`net/`, and the asyncio one in `py/`) run operations. What to do is written once, in the operation; only how
//! to wait for the server differs between drivers.

use crate::clock;
use crate::error::{Error, Result, ServerError};
use redis::Cmd;
use smallvec::SmallVec;

/// A reply of the server, RESP2 or RESP3.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// No value: `$-1`, `*-1` or `_`.
    Nil,
    /// An integer.
    Int(i64),
    /// A floating point number (RESP3).
    Double(f64),
    /// A boolean (RESP3).
    Bool(bool),
    /// A short text such as `OK`; also big numbers, as their digits.
    Status(String),
    /// A string of bytes.
    Bulk(Vec<u8>),
    /// A sequence: array or set.
    Array(Vec<Reply>),
    /// Pairs (RESP3).
    Map(Vec<(Reply, Reply)>),
    /// What the server said unasked (RESP3); only where somebody listens.
    Push(Vec<Reply>),
    /// The server refused this command.
    Error(ServerError),
}

/// The replies of one round trip, in the order of its commands.
pub type Replies = SmallVec<[Reply; 1]>;

/// Takes the commands of one round trip: to send them, or to run them here.
pub trait Commands {
    /// One more.
    fn push(&mut self, command: &Cmd);
}

/// Commands packed for the wire.
#[derive(Default)]
pub struct Request {
    bytes: Vec<u8>,
    commands: usize,
}

impl Commands for Request {
    fn push(&mut self, command: &Cmd) {
        command.write_packed_command(&mut self.bytes);
        self.commands += 1;
    }
}

impl Request {
    /// What goes to the server.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Commands in it, which is also the number of replies.
    #[must_use]
    pub fn commands(&self) -> usize {
        self.commands
    }

    /// Empties it, and keeps its memory unless one large request made that big.
    pub fn clear(&mut self) {
        const KEPT_BYTES: usize = 64 << 10;
        self.commands = 0;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }
}

impl std::fmt::Debug for Request {
    /// Without its bytes: passwords and values are among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("commands", &self.commands).field("bytes", &self.bytes.len()).finish()
    }
}

/// What an operation says after the replies of a round trip.
#[derive(Debug)]
pub enum Step<T> {
    /// Finished.
    Done(T),
    /// One more round trip is needed.
    Again,
}

/// Which connection the commands of a round trip take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Which server it leads to: a hash of its address.
    pub peer: u64,
    /// When it was opened, by [`clock::monotonic_ns`].
    pub opened_at: u64,
}

impl Route {
    /// The peer of what came from no server.
    pub const NOWHERE: u64 = 0;

    /// That of a connection which was opened just now.
    #[must_use]
    pub fn new(peer: u64) -> Self {
        Self { peer, opened_at: clock::monotonic_ns() }
    }
}

/// Commands to send, and a function from replies to an outcome; knows nothing of sockets.
pub trait Operation {
    /// What the caller gets.
    type Outcome;

    /// Tells which connection the next round trip takes, before it is asked for its commands: it may be another one than
    /// that of the round trip before, or of a first try, and lead to another server. An embedded store has none.
    fn routed(&mut self, _route: Route) {}

    /// Gives the commands of the next round trip, at least one.
    fn request(&mut self, commands: &mut dyn Commands);

    /// Takes the replies of that round trip, exactly as many as there were commands.
    ///
    /// # Errors
    /// The server refused, or answered what this operation cannot understand.
    fn replies(&mut self, replies: Replies) -> Result<Step<Self::Outcome>>;

    /// Whether running it twice does the same as once, so that a lost connection may be followed by a second try.
    fn is_repeatable(&self) -> bool {
        true
    }

    /// Whether the answer is expected within microseconds of a near server: one small command, not a batch.
    fn is_quick(&self) -> bool {
        true
    }
}

impl Reply {
    /// The error in it, if it is one.
    ///
    /// # Errors
    /// The server refused the command.
    pub fn ok(self) -> Result<Self> {
        match self {
            Self::Error(error) => Err(Error::Server(error)),
            reply => Ok(reply),
        }
    }

    /// An integer, or a boolean as one.
    ///
    /// # Errors
    /// It is an error, or something else.
    pub fn int(self) -> Result<i64> {
        match self.ok()? {
            Self::Int(number) => Ok(number),
            Self::Bool(flag) => Ok(i64::from(flag)),
            other => Err(other.unexpected("an integer")),
        }
    }

    /// Bytes, or none.
    ///
    /// # Errors
    /// It is an error, or something else.
    pub fn bytes(self) -> Result<Option<Vec<u8>>> {
        match self.ok()? {
            Self::Nil => Ok(None),
            Self::Bulk(bytes) => Ok(Some(bytes)),
            other => Err(other.unexpected("a string")),
        }
    }

    /// A sequence.
    ///
    /// # Errors
    /// It is an error, or something else.
    pub fn array(self) -> Result<Vec<Reply>> {
        match self.ok()? {
            Self::Array(items) => Ok(items),
            other => Err(other.unexpected("an array")),
        }
    }

    /// The protocol error that says what kind of reply came, without its content.
    #[must_use]
    pub fn unexpected(&self, wanted: &str) -> Error {
        let found = match self {
            Self::Nil => "nil",
            Self::Int(_) => "an integer",
            Self::Double(_) => "a double",
            Self::Bool(_) => "a boolean",
            Self::Status(_) => "a status",
            Self::Bulk(_) => "a string",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Push(_) => "a push",
            Self::Error(_) => "an error",
        };
        Error::Protocol(format!("{wanted} was expected and {found} came"))
    }
}

/// The only reply of a round trip that sent one command.
///
/// # Errors
/// There is none, which no driver lets happen.
pub fn only(replies: Replies) -> Result<Reply> {
    replies.into_iter().next().ok_or_else(|| Error::Protocol("a reply is missing".to_owned()))
}
