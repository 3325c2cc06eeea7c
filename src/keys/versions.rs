//! Which keys of a prefix are of a cache with versions, and which of another cache whose prefix goes on from this one.

use crate::process::PerProcess;
use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Longest version that is a number: those of 64 bits have 20 characters with their sign.
const LONGEST_NUMBER: usize = 20;
/// Versions other than numbers that are remembered.
const MAX_NAMES: usize = 4096;

/// The versions that are no numbers: any text may be one, so that one must have been met.
#[derive(Clone)]
pub struct Names(Arc<PerProcess<RwLock<BTreeSet<String>>>>);

impl Default for Names {
    fn default() -> Self {
        Self(Arc::new(PerProcess::new(RwLock::default)))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.get().read().iter()).finish()
    }
}

impl Names {
    /// This version was used.
    #[inline]
    pub fn meet(&self, version: &str) {
        if !is_number(version.as_bytes()) {
            self.remember(version);
        }
    }

    #[cold]
    fn remember(&self, version: &str) {
        let names = self.0.get();
        if names.read().contains(version) {
            return;
        }
        let mut names = names.write();
        if names.len() < MAX_NAMES {
            names.insert(version.to_owned());
        }
    }

    /// What follows the version in what follows the prefix; none where no version stands there.
    #[must_use]
    pub fn after<'a>(&self, versioned: &'a [u8]) -> Option<&'a [u8]> {
        let colon = versioned.iter().position(|byte| *byte == b':')?;
        if is_number(&versioned[..colon]) {
            return Some(&versioned[colon + 1..]);
        }
        // A version may hold colons itself.
        let names = self.0.get().read();
        names.iter().find_map(|name| versioned.strip_prefix(name.as_bytes())?.strip_prefix(b":"))
    }
}

/// Whether it is a whole number, as Django's versions are.
fn is_number(version: &[u8]) -> bool {
    let digits = version.strip_prefix(b"-").unwrap_or(version);
    version.len() <= LONGEST_NUMBER && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_versions_and_other_texts_once_they_were_used() {
        let names = Names::default();
        for (versioned, rest) in [("1:a:b", Some("a:b")), ("-12:a", Some("a")), ("0:", Some("")), ("1", None)] {
            assert_eq!(names.after(versioned.as_bytes()), rest.map(str::as_bytes), "{versioned}");
        }
        for other in ["eu:1:k", "1a:k", "-:k", ":k", "123456789012345678901:k", "a:b:k"] {
            assert_eq!(names.after(other.as_bytes()), None, "{other}");
        }
        for used in ["eu", "", "a:b"] {
            names.meet(used);
        }
        assert_eq!(names.after(b"eu:1:k"), Some(&b"1:k"[..]));
        assert_eq!((names.after(b":k"), names.after(b"a:b:k")), (Some(&b"k"[..]), Some(&b"k"[..])));
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let names = Names::default();
        for number in 0..=MAX_NAMES {
            names.meet(&format!("v{number}"));
        }
        assert_eq!(names.0.get().read().len(), MAX_NAMES);
    }
}
