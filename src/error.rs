//! Everything that can go wrong, without Python.
//!
//! No message ever holds a password, a token or a cached value. Addresses are printed without credentials, keys are cut
//! at [`MAX_SHOWN_KEY`] characters.

use std::fmt;
use std::time::Duration;

/// Longest part of a key that a message shows, in characters.
pub const MAX_SHOWN_KEY: usize = 100;

/// What a result of this crate carries when it is no success.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the core.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A setting, URL or argument is wrong.
    Config(String),
    /// A key that cannot be used.
    InvalidKey(String),
    /// The connection could not be made, or was lost.
    Connection {
        /// The server, without credentials.
        address: String,
        /// What happened, in words.
        cause: String,
    },
    /// No answer within the deadline.
    Timeout {
        /// The server, without credentials.
        address: String,
        /// The whole deadline, of which nothing is left.
        after: Duration,
        /// What was being waited for.
        stage: Stage,
    },
    /// The breaker is open: nothing was sent.
    Unavailable {
        /// The server, without credentials.
        address: String,
        /// Why nothing was sent, in words.
        cause: String,
    },
    /// The server answered with an error.
    Server(ServerError),
    /// The server sent bytes that are no valid reply.
    Protocol(String),
    /// A value that cannot be stored.
    Unstorable(String),
    /// `incr` or `decr` on a key that does not exist.
    MissingKey(String),
    /// `incr` or `decr` on a value that is no integer.
    NotANumber(String),
    /// The result of `incr` or `decr` leaves 64 bits.
    CounterOverflow(String),
    /// A signal handler raised while waiting; whoever waits keeps the exception.
    Interrupted,
}

/// What was being waited for when a deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A free connection of the pool.
    Slot,
    /// The address of the host name.
    Resolve,
    /// The TCP or unix connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The server's answer to the greeting (`HELLO`, `AUTH`, `SELECT`).
    Greeting,
    /// Room to write the request, or the reply to it.
    Reply,
}

/// What kind of "no" the server gave; decides who may carry on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The server cannot serve now: OOM, READONLY, LOADING, MISCONF, BUSY, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, NOREPLICAS.
    State,
    /// The user or password was refused: NOAUTH, WRONGPASS.
    Authentication,
    /// The ACL user may not do this: NOPERM.
    Permission,
    /// The command itself was refused: WRONGTYPE, ERR and the rest.
    Command,
}

/// An error reply of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// The first word, in capitals: `OOM`, `WRONGTYPE`, `ERR`.
    pub code: String,
    /// The rest of the line.
    pub detail: String,
}

impl ServerError {
    /// Splits the text after the `-` of an error reply.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        // Servers repeat the arguments of commands they do not know, and a cached value may be one.
        let line = line.split(", with args beginning with").next().unwrap_or(line);
        // Before Redis 7 what a script met is wrapped: `ERR Error running script (...): @user_script: 7: -OOM command ...`.
        let line = match line.split_once(": -") {
            Some((wrapping, met)) if wrapping.starts_with("ERR Error running script") => met,
            _ => line,
        };
        let (code, detail) = line.split_once(' ').unwrap_or((line, ""));
        Self { code: code.to_owned(), detail: detail.to_owned() }
    }

    /// What kind of "no" this is.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self.code.as_str() {
            "OOM" | "READONLY" | "LOADING" | "MISCONF" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN"
            | "NOREPLICAS" => Refusal::State,
            "NOAUTH" | "WRONGPASS" => Refusal::Authentication,
            "NOPERM" => Refusal::Permission,
            // Redis has no code of its own for a full server.
            "ERR" if self.detail.starts_with("max number of clients") => Refusal::State,
            "ERR"
                if self.detail.contains("without any password configured")
                    || self.detail.starts_with("invalid password") =>
            {
                Refusal::Authentication
            }
            _ => Refusal::Command,
        }
    }

    /// Whether the server answers nobody's commands now.
    #[must_use]
    pub fn is_out_of_service(&self) -> bool {
        matches!(self.code.as_str(), "LOADING" | "MASTERDOWN" | "BUSY")
            || self.detail.starts_with("max number of clients")
    }

    /// Whether this is a replica, and the primary is to be looked for elsewhere.
    #[must_use]
    pub fn is_replica(&self) -> bool {
        matches!(self.code.as_str(), "READONLY" | "MASTERDOWN")
    }

    /// What an operator can do about it, where that is known.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self.code.as_str() {
            "OOM" => "it is full: raise maxmemory (of memory://: max_bytes), or set maxmemory-policy to allkeys-lru",
            "READONLY" => "this is a replica: connect to the primary",
            "LOADING" => "the server is loading its data: wait",
            "MISCONF" => "the server cannot write its snapshot: look at its disk and log",
            "BUSY" => "a script blocks the server: SCRIPT KILL, or wait",
            "MASTERDOWN" => "the replica lost its primary",
            "NOAUTH" => "set a password",
            "WRONGPASS" => "check user name and password",
            "NOPERM" => "grant the ACL user what is missing",
            _ => return None,
        })
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.detail)?;
        match self.advice() {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// Whether another caller would meet the same failure now: the server or the way to it is at fault, not this call.
    #[must_use]
    pub fn is_server_at_fault(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Timeout { .. } | Self::Unavailable { .. } | Self::Protocol(_) => true,
            Self::Server(error) => error.refusal() != Refusal::Command,
            _ => false,
        }
    }

    /// Whether the server may be dead: worth a PING on a fresh connection.
    #[must_use]
    pub fn is_sign_of_death(&self) -> bool {
        match self {
            // Waiting for a slot says that this process is busy, not that the server is dead.
            Self::Timeout { stage, .. } => *stage != Stage::Slot,
            Self::Connection { .. } => true,
            // A wrong password is met anew by every connection: better to ask once a second than at every call.
            Self::Server(error) => error.is_out_of_service() || error.refusal() == Refusal::Authentication,
            _ => false,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slot => "a free connection",
            Self::Resolve => "the host's address",
            Self::Connect => "the connection",
            Self::Tls => "the TLS handshake",
            Self::Greeting => "the greeting",
            Self::Reply => "the reply",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(message)
            | Self::InvalidKey(message)
            | Self::Unstorable(message)
            | Self::MissingKey(message)
            | Self::NotANumber(message)
            | Self::CounterOverflow(message) => f.write_str(message),
            Self::Connection { address, cause } => write!(f, "no connection to {address}: {cause}"),
            Self::Timeout { address, after, stage } => {
                write!(f, "{address} gave no answer within {} s, waiting for {stage}", after.as_secs_f64())?;
                match stage {
                    Stage::Slot => f.write_str("; raise 'max_connections' or make fewer calls at once"),
                    _ => Ok(()),
                }
            }
            Self::Unavailable { address, cause } => {
                write!(f, "nothing was sent to {address}: {cause}")
            }
            Self::Server(error) => write!(f, "the server answered {error}"),
            Self::Protocol(message) => {
                write!(f, "the server sent no valid reply: {message}; is this port Redis or Valkey?")
            }
            Self::Interrupted => f.write_str("interrupted by a signal"),
        }
    }
}

impl std::error::Error for Error {}

/// A key as messages show it: cut, and without control characters.
#[must_use]
pub fn shown_key(key: &[u8]) -> String {
    let text = String::from_utf8_lossy(key);
    let shown: String = text.chars().take(MAX_SHOWN_KEY).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_SHOWN_KEY).is_some() { format!("'{shown}…'") } else { format!("'{shown}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_understood_by_its_first_word() {
        assert_eq!(ServerError::parse("OOM command not allowed").refusal(), Refusal::State);
        assert_eq!(ServerError::parse("ERR max number of clients reached").refusal(), Refusal::State);
        assert_eq!(ServerError::parse("NOPERM this user has no permissions").refusal(), Refusal::Permission);
        assert_eq!(ServerError::parse("WRONGTYPE Operation against a key").refusal(), Refusal::Command);
        assert_eq!(ServerError::parse("").refusal(), Refusal::Command);
        let wrapped =
            ServerError::parse("ERR Error running script (call to f_8): @user_script:7: @user_script: 7: -OOM full");
        assert_eq!((wrapped.code.as_str(), wrapped.refusal()), ("OOM", Refusal::State));
        let repeated = ServerError::parse("ERR unknown command 'X', with args beginning with: 'secret' ");
        assert!(!repeated.to_string().contains("secret"));
    }

    #[test]
    fn waiting_for_a_slot_is_no_sign_of_death() {
        let timeout = |stage| Error::Timeout { address: "a".into(), after: Duration::from_secs(1), stage };
        assert!(!timeout(Stage::Slot).is_sign_of_death());
        assert!(timeout(Stage::Reply).is_sign_of_death());
    }

    #[test]
    fn a_long_key_is_cut_and_control_characters_are_escaped() {
        assert_eq!(shown_key(b"a\nb"), "'a\\nb'");
        let long = shown_key(&[b'k'; 500]);
        assert_eq!(long.chars().count(), MAX_SHOWN_KEY + 3);
    }
}
