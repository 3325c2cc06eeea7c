//! A Lua script and how it is run: by its digest, and by its text when the server does not know it yet.

use crate::error::{Error, Result};
use crate::op::{Replies, Reply, Step, only};
use redis::Cmd;
use std::sync::OnceLock;

/// The keys of one call of a script, as its native twin sees them in the embedded store: all of them locked.
pub trait Keyspace {
    /// The present time of the store's clock, which nobody sets, in microseconds.
    fn now_us(&self) -> u64;

    /// What stands at a key.
    fn get(&mut self, key: &[u8]) -> Option<&[u8]>;

    /// What stands at a key, and for how many milliseconds if that has an end.
    fn standing(&mut self, key: &[u8]) -> Option<(&[u8], Option<u64>)>;

    /// Stores a value for so many milliseconds.
    ///
    /// # Errors
    /// The reply that says why it cannot be stored.
    fn set(&mut self, key: &[u8], value: &[u8], ttl: u64) -> Result<(), Reply>;
}

/// What a script does, natively: from its keys and arguments to its reply, or to the refusal that takes its place.
pub type Twin = fn(&mut dyn Keyspace, &[&[u8]], &[&[u8]]) -> Result<Reply, Reply>;

/// The script of a higher room, with its twin, for the embedded store.
static ADOPTED: OnceLock<(&'static Script, Twin)> = OnceLock::new();

/// Lets the embedded store run a script of a higher room. There is one such script.
pub(crate) fn adopt(script: &'static Script, twin: Twin) {
    script.prepare();
    ADOPTED.get_or_init(|| (script, twin));
}

/// The twin of the script that a call names, if a higher room has it.
pub(crate) fn adopted(named: &[u8]) -> Option<Twin> {
    ADOPTED.get().filter(|(script, _)| script.is(named)).map(|(_, twin)| *twin)
}

/// A script, loaded from its file with `include_str!`.
pub struct Script {
    text: &'static str,
    digest: OnceLock<String>,
}

impl Script {
    /// From its text.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { text, digest: OnceLock::new() }
    }

    /// Computes its digest now: a process that forks in the middle of that would leave its child waiting for ever.
    pub(crate) fn prepare(&self) {
        self.digest();
    }

    fn digest(&self) -> &str {
        self.digest.get_or_init(|| sha1_smol::Sha1::from(self.text).digest().to_string())
    }

    /// Begins a call: `EVALSHA`, or `EVAL` after the server answered that it does not know the digest.
    #[must_use]
    pub fn call(&self, keys: &[&[u8]], by_text: bool) -> Cmd {
        let named = if by_text { self.text } else { self.digest() };
        // Room for as much again as its keys take: it would be found in five steps otherwise.
        let bytes = named.len() + 2 * keys.iter().map(|key| key.len()).sum::<usize>() + 64;
        let mut command = Cmd::with_capacity(2 * keys.len() + 8, bytes);
        command.arg(if by_text { "EVAL" } else { "EVALSHA" }).arg(named).arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        command
    }

    /// Whether a call names this script, by digest or by text.
    pub(crate) fn is(&self, named: &[u8]) -> bool {
        named == self.digest().as_bytes() || named == self.text.as_bytes()
    }

    /// Understands the reply to [`call`](Self::call): `Again` asks to call once more, by text.
    ///
    /// # Errors
    /// The script or the server refused.
    pub fn reply(replies: Replies, by_text: &mut bool) -> Result<Step<Reply>> {
        match only(replies)? {
            Reply::Error(error) if error.code == "NOSCRIPT" && !*by_text => {
                *by_text = true;
                Ok(Step::Again)
            }
            Reply::Error(error) => Err(Error::Server(error)),
            reply => Ok(Step::Done(reply)),
        }
    }
}
