//! The scripts of values in the form of another program, natively: what each does is written in its Lua file.

use super::commands::{SYNTAX, error};
use super::leases::{Answer, Keys, moment, refused, signed};
use super::{Memory, Reply};

impl Memory {
    /// `original_take.lua`.
    pub(super) fn take_original(&self, keys: &Keys<'_>, args: &Keys<'_>, now: u64) -> Answer {
        let ([key], [placeholder, lasts, beginning, seen]) = (keys, args) else { return Err(error(SYNTAX)) };
        let (ends, leased) = (moment(lasts, now)?, Reply::Array(vec![Reply::Int(1)]));
        let mut shard = self.shard(key);
        if let Some(item) = shard.peek(key, now) {
            let left = item.expires_at().map_or(-1, |ends| signed(ends.saturating_sub(now)));
            if item.value() == *placeholder {
                return Ok(leased);
            }
            if item.value().starts_with(beginning) {
                if left > 0 {
                    return Ok(Reply::Array(vec![Reply::Int(0), Reply::Int(left)]));
                }
            } else if sha1_smol::Sha1::from(item.value()).digest().to_string().as_bytes() != *seen {
                let value = Reply::Bulk(item.value().to_vec());
                return Ok(Reply::Array(vec![Reply::Int(2), Reply::Int(left), value]));
            }
        }
        refused(self.stored(shard.set(key, placeholder, Some(ends), now), leased))
    }

    /// `original_fill.lua`.
    pub(super) fn fill_original(&self, keys: &Keys<'_>, args: &Keys<'_>, now: u64) -> Answer {
        let ([key], [placeholder, value, lifetime]) = (keys, args) else { return Err(error(SYNTAX)) };
        let expires_at = moment(lifetime, now)?;
        let mut shard = self.shard(key);
        match shard.peek(key, now) {
            Some(item) if item.value() == *value => Ok(Reply::Int(1)),
            Some(item) if item.value() == *placeholder => {
                refused(self.stored(shard.set(key, value, Some(expires_at), now), Reply::Int(1)))
            }
            _ => Ok(Reply::Int(0)),
        }
    }
}
