//! Key layouts: from the key a caller uses to the key the server holds, and back.
//!
//! Below: what the keys of known systems are made of, by the rules of Python.

pub mod beginnings;
pub mod digest;
pub mod glob;
pub mod json;
pub mod pairs;
pub mod query;
pub mod scalar;
pub mod versions;

use crate::config::{CacheSettings, Layout};
use smallvec::SmallVec;
use versions::Names;

/// A key as the server holds it; keys of usual length need no allocation.
pub type FullKey = SmallVec<[u8; 128]>;

/// Who spells the keys.
#[derive(Debug, Clone)]
enum Spelling {
    Ours,
    /// A function of the caller's; the glob of all its keys, if they can be told from others.
    Foreign {
        everything: Option<Vec<u8>>,
    },
}

/// Spells keys: `{prefix}:{key}`, or `{prefix}:{version}:{key}` as Django does.
#[derive(Debug, Clone)]
pub struct KeyMaker {
    layout: Layout,
    prefix: String,
    version: String,
    /// What every key without a version of its own begins with.
    head: String,
    spelling: Spelling,
    /// Of the versions, those that are no numbers.
    names: Names,
}

impl KeyMaker {
    /// From the settings of a cache.
    #[must_use]
    pub fn new(settings: &CacheSettings) -> Self {
        let mut maker = Self {
            layout: settings.layout,
            prefix: settings.prefix.clone(),
            version: settings.version.clone(),
            head: String::new(),
            spelling: Spelling::Ours,
            names: Names::default(),
        };
        maker.head = maker.head_of(&maker.version);
        maker.names.meet(&maker.version);
        maker
    }

    /// For keys that somebody else spells: `everything` is a glob of all of them, if they can be told from others.
    #[must_use]
    pub fn spelled_elsewhere(mut self, everything: Option<Vec<u8>>) -> Self {
        self.spelling = Spelling::Foreign { everything };
        self
    }

    /// Whether keys carry a version.
    #[must_use]
    pub fn has_versions(&self) -> bool {
        self.layout == Layout::Versioned
    }

    /// The version of keys that name none.
    #[must_use]
    pub fn default_version(&self) -> &str {
        &self.version
    }

    /// The prefix, as configured.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// What every key of `version`, which is used now, begins with.
    fn used_head(&self, version: &str) -> String {
        if self.has_versions() {
            self.names.meet(version);
        }
        self.head_of(version)
    }

    /// What every key of `version` begins with.
    #[must_use]
    pub fn head_of(&self, version: &str) -> String {
        match self.layout {
            Layout::Versioned => format!("{}:{version}:", self.prefix),
            Layout::Plain if self.prefix.is_empty() => String::new(),
            Layout::Plain => format!("{}:", self.prefix),
        }
    }

    /// Writes the key the server holds to `full`. In place: moving one takes longer than spelling it.
    #[inline]
    pub fn spell(&self, key: &str, version: Option<&str>, full: &mut FullKey) {
        match version {
            None => full.extend_from_slice(self.head.as_bytes()),
            Some(version) => full.extend_from_slice(self.used_head(version).as_bytes()),
        }
        full.extend_from_slice(key.as_bytes());
    }

    /// The key the server holds.
    #[must_use]
    pub fn full(&self, key: &str, version: Option<&str>) -> FullKey {
        let mut full = FullKey::new();
        self.spell(key, version, &mut full);
        full
    }

    /// The caller's key, if the server's begins as ours do.
    #[must_use]
    pub fn strip<'a>(&self, full: &'a [u8], version: Option<&str>) -> Option<&'a [u8]> {
        match version {
            None => full.strip_prefix(self.head.as_bytes()),
            Some(version) => full.strip_prefix(self.head_of(version).as_bytes()),
        }
    }

    /// The caller's key in any key of this cache, whatever its version.
    fn logical<'a>(&self, full: &'a [u8]) -> Option<&'a [u8]> {
        if self.layout == Layout::Plain {
            return self.strip(full, None);
        }
        self.names.after(full.strip_prefix(self.prefix.as_bytes())?.strip_prefix(b":")?)
    }

    /// A glob for the server: ours literally, the caller's part as he wrote it.
    #[must_use]
    pub fn pattern(&self, glob: &str, version: Option<&str>) -> Vec<u8> {
        let head = version.map_or_else(|| self.head.clone(), |version| self.used_head(version));
        let mut pattern = escape_glob(head.as_bytes());
        pattern.extend_from_slice(glob.as_bytes());
        pattern
    }

    /// A glob for every key of this cache, whatever its version; none when they cannot be told from others. It may match
    /// keys of others too, whose prefix goes on from this one: [`owns`](Self::owns) tells them apart.
    #[must_use]
    pub fn everything(&self) -> Option<Vec<u8>> {
        if let Spelling::Foreign { everything } = &self.spelling {
            return everything.clone();
        }
        Some(match self.layout {
            Layout::Plain => self.pattern("*", None),
            Layout::Versioned => {
                let mut pattern = escape_glob(self.prefix.as_bytes());
                pattern.extend_from_slice(b":*:*");
                pattern
            }
        })
    }

    /// Whether a full key is one of this cache, as far as its spelling tells.
    #[must_use]
    pub fn owns(&self, full: &[u8]) -> bool {
        match &self.spelling {
            Spelling::Ours => self.logical(full).is_some(),
            Spelling::Foreign { everything } => everything.as_ref().is_some_and(|glob| glob::matches(glob, full)),
        }
    }

    /// What every key of this cache begins with, whatever its version; empty when nothing is known of them.
    #[must_use]
    pub fn beginning(&self) -> Vec<u8> {
        self.everything().map_or_else(Vec::new, |everything| glob::beginning(&everything))
    }

    /// Whether the caller's key in a full one begins with one of these; of keys spelled elsewhere, whether it holds it.
    #[must_use]
    pub fn begins_with(&self, full: &[u8], beginnings: &[String]) -> bool {
        beginnings.iter().any(|beginning| match &self.spelling {
            Spelling::Foreign { .. } => full.windows(beginning.len().max(1)).any(|part| part == beginning.as_bytes()),
            Spelling::Ours => self.logical(full).is_some_and(|key| key.starts_with(beginning.as_bytes())),
        })
    }

    /// As [`begins_with`](Self::begins_with), or what begins so is a part of the key: it may be a key of another cache, whose
    /// prefix goes on from this one.
    #[must_use]
    pub fn may_begin_with(&self, full: &[u8], beginnings: &[String]) -> bool {
        let parts = || {
            full.split_inclusive(|byte| *byte == b':').scan(0, |at, part| {
                let from = *at;
                *at += part.len();
                Some(&full[from..])
            })
        };
        self.begins_with(full, beginnings)
            || beginnings.iter().any(|beginning| parts().skip(1).any(|rest| rest.starts_with(beginning.as_bytes())))
    }
}

/// Takes from `* ? [ ] \` the meaning they have in Redis globs.
#[must_use]
pub fn escape_glob(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn maker(options: &[(&str, &str)]) -> KeyMaker {
        let options: Vec<_> = options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), crate::config::OptionValue::Text((*value).to_owned())))
            .collect();
        KeyMaker::new(&Settings::new("redis://localhost", &options).expect("the settings are right").cache)
    }

    #[test]
    fn plain_keys_have_the_prefix_in_front() {
        let keys = maker(&[("prefix", "shop")]);
        assert_eq!(keys.full("a", None).as_slice(), b"shop:a");
        assert_eq!(keys.strip(b"shop:a", None), Some(&b"a"[..]));
        assert_eq!(keys.strip(b"shopping:a", None), None);
        assert_eq!(maker(&[]).full("a", None).as_slice(), b"a");
    }

    #[test]
    fn versioned_keys_are_spelled_as_django_does() {
        let keys = maker(&[("prefix", "nalar"), ("layout", "django")]);
        assert_eq!(keys.full("a:b", None).as_slice(), b"nalar:1:a:b");
        assert_eq!(keys.full("a", Some("2")).as_slice(), b"nalar:2:a");
        assert_eq!(maker(&[("layout", "django")]).full("a", None).as_slice(), b":1:a");
        assert_eq!(keys.logical(b"nalar:7:a:b"), Some(&b"a:b"[..]));
        assert_eq!(keys.logical(b"other:7:a:b"), None);
    }

    #[test]
    fn keys_of_a_prefix_that_goes_on_from_this_one_are_anothers() {
        let keys = maker(&[("prefix", "shop"), ("layout", "django"), ("version", "beta")]);
        let critical = ["session:".to_owned()];
        for own in [&b"shop:1:k"[..], b"shop:-7:k", b"shop:beta:eu:1:k"] {
            assert!(keys.owns(own));
        }
        assert!(!keys.owns(b"shop:eu:1:k") && !keys.owns(b"shopping:1:k") && !keys.owns(b"shop:1"));
        assert!(!keys.begins_with(b"shop:eu:1:session:a", &critical));
        // Once this cache has used it, it is a version of this cache.
        assert_eq!(keys.full("k", Some("eu")).as_slice(), b"shop:eu:k");
        assert!(keys.owns(b"shop:eu:1:k") && !keys.clone().owns(b"shop:us:1:k"));
        assert!(maker(&[("prefix", "shop")]).owns(b"shop:eu:k"), "without versions nothing tells them apart");
    }

    #[test]
    fn critical_beginnings_are_found_behind_further_parts_of_a_key() {
        let critical = ["session:".to_owned(), "a:b".to_owned()];
        let plain = maker(&[("prefix", "shop")]);
        for key in [&b"shop:session:1"[..], b"shop:eu:session:1", b"shop:eu:1:session:1", b"shop:x:a:b"] {
            assert!(plain.may_begin_with(key, &critical));
        }
        for key in [&b"shop:sessions"[..], b"shop:my-session:1", b"shop:x:a", b"session"] {
            assert!(!plain.may_begin_with(key, &critical));
        }
        assert!(!plain.begins_with(b"shop:eu:session:1", &critical));
        assert!(plain.may_begin_with(b"shop:k", &[String::new()]) && !plain.may_begin_with(b"shop:k", &[]));
    }

    #[test]
    fn a_pattern_is_literal_in_our_part_and_a_glob_in_the_callers() {
        assert_eq!(maker(&[("prefix", "a*[b]")]).pattern("x*", None), br"a\*\[b\]:x*");
        assert_eq!(maker(&[("prefix", "p"), ("layout", "django")]).everything().as_deref(), Some(&b"p:*:*"[..]));
        assert_eq!(maker(&[]).everything().as_deref(), Some(&b"*"[..]));
        assert_eq!(maker(&[("prefix", "p*"), ("layout", "django")]).beginning(), b"p*:");
        assert_eq!(maker(&[("prefix", "p")]).beginning(), b"p:");
        assert_eq!(maker(&[]).spelled_elsewhere(None).beginning(), b"");
    }
}
