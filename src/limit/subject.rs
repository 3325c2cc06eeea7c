//! Who is limited, and the keys under which that is counted.

use super::rule::{Algorithm, Rule};
use crate::keys::digest;
use std::ops::Range;

/// Longer names are hashed.
const LONGEST_PLAIN: usize = 200;
const DIGITS: usize = 40;
/// What every key begins with, up to the name.
const HEAD: &str = "hitrate:rate:{";
/// What the hash of a name begins with; no plain name does.
const HASHED: u8 = b'#';
/// No text in UTF-8 holds it.
const APART: u8 = 0xff;

/// Who is limited: one name for all limits, or one for each of some.
#[derive(Debug, Clone)]
pub struct Subject {
    text: Box<[u8]>,
    /// Places of limits, and where the name for each stands. Empty: the whole text is the name for all.
    parts: Box<[(usize, Range<usize>)]>,
}

impl Subject {
    /// One name for all limits.
    #[must_use]
    pub fn whole(name: &str) -> Self {
        Self { text: name.as_bytes().into(), parts: Box::default() }
    }

    /// Names for some limits, by their places.
    #[must_use]
    pub fn of_each<'a>(names: impl Iterator<Item = (usize, &'a str)>) -> Self {
        let (mut text, mut parts) = (Vec::new(), Vec::new());
        for (place, name) in names {
            text.push(APART);
            text.extend_from_slice(&place.to_le_bytes());
            let start = text.len();
            text.extend_from_slice(name.as_bytes());
            parts.push((place, start..text.len()));
        }
        Self { text: text.into(), parts: parts.into() }
    }

    /// Bytes that no other subject has.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The one name for all limits, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        if self.parts.is_empty() { std::str::from_utf8(&self.text).ok() } else { None }
    }

    /// The places of the limits it is counted on, of so many, and its name for each.
    pub fn names(&self, limits: usize) -> impl Iterator<Item = (usize, &str)> {
        let text = |range: Range<usize>| std::str::from_utf8(&self.text[range]).unwrap_or_default();
        let all = if self.parts.is_empty() { limits } else { 0 };
        let each = self.parts.iter().map(move |(place, range)| (*place, text(range.clone())));
        (0..all).map(move |place| (place, text(0..self.text.len()))).chain(each)
    }
}

/// The key that holds what was counted of `name`, before the cache's prefix: `hitrate:rate:{name}:limit:algorithm:window`.
///
/// The braces are a hash tag: what is counted of one name stands in one slot of a cluster.
pub(super) fn key(tail: &str, name: &str) -> String {
    let mut key = String::with_capacity(HEAD.len() + name.len().clamp(DIGITS + 1, LONGEST_PLAIN) + tail.len());
    key.push_str(HEAD);
    if is_plain(name) {
        key.push_str(name);
    } else {
        let mut hash = Vec::with_capacity(DIGITS + 1);
        hash.push(HASHED);
        digest::write_hex(&digest::sha256(name), DIGITS, &mut hash);
        key.extend(hash.into_iter().map(char::from));
    }
    key.push_str(tail);
    key
}

/// What the keys of a limit end in. Algorithm and window are in it, so that a limit that was changed never meets what another
/// one left.
pub(super) fn tail(name: &str, algorithm: Algorithm, window: u64) -> Box<str> {
    let algorithm = match algorithm {
        Algorithm::FixedWindow => "fixed",
        Algorithm::SlidingWindow => "sliding",
        Algorithm::SlidingLog => "log",
        Algorithm::Gcra => "gcra",
        Algorithm::Once => "once",
    };
    format!("}}:{name}:{algorithm}:{window}").into()
}

/// What the keys end in that hold the states of several limits: those of the limits, one after the other, each from its brace
/// on, which stands in no name of a limit. Long ones are hashed.
pub(super) fn tail_of_all(rules: &[Rule]) -> Box<str> {
    let tails: String = rules.iter().map(|rule| &*rule.tail).collect();
    if tails.len() <= LONGEST_PLAIN {
        return tails.into();
    }
    let mut hash = b"}:#".to_vec();
    digest::write_hex(&digest::sha256(&tails), DIGITS, &mut hash);
    hash.into_iter().map(char::from).collect()
}

/// Whether a name can stand in a key: short, without braces, which would end the hash tag, and without what is hard to see.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_PLAIN
        && name.as_bytes()[0] != HASHED
        && !name.bytes().any(|byte| matches!(byte, b'{' | b'}' | 0..=b' ' | 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(name: &str) -> String {
        key(&rule("100/minute", None).tail, name)
    }

    fn rule(text: &str, name: Option<&str>) -> Rule {
        Rule::new(text.parse().expect("it is a limit"), name, None, Algorithm::Gcra).expect("it is a limit")
    }

    #[test]
    fn a_name_stands_in_its_key_and_others_are_hashed() {
        assert_eq!(key_of("user:42"), "hitrate:rate:{user:42}:100/minute:gcra:60000000");
        assert_eq!(key_of("é"), "hitrate:rate:{é}:100/minute:gcra:60000000");
        let longest = "x".repeat(LONGEST_PLAIN);
        assert!(key_of(&longest).contains(&longest));
        let mut seen = std::collections::HashSet::new();
        for name in
            ["", "#", "a b", "a{b", "a}b", "a\nb", "#e3b0c44298fc1c149afbf4c8996fb92427ae41e4", &"x".repeat(100_000)]
        {
            let key = key_of(name);
            assert_eq!(key.len(), "hitrate:rate:{#}:100/minute:gcra:60000000".len() + DIGITS, "{name:.50}");
            assert_eq!((key.matches('{').count(), key.matches('}').count()), (1, 1));
            assert!(seen.insert(key));
        }
    }

    #[test]
    fn no_two_lists_of_limits_have_the_same_tail() {
        let limits = |names: &[&str]| names.iter().map(|name| rule("5/s", Some(name))).collect::<Vec<_>>();
        assert_eq!(&*tail_of_all(&limits(&["a", "b"])), "}:a:gcra:1000000}:b:gcra:1000000");
        let long: Vec<String> = (0..32).map(|number| format!("{number:064}")).collect();
        let long: Vec<&str> = long.iter().map(String::as_str).collect();
        let mut others = long.clone();
        others.swap(0, 31);
        let lists =
            [&["a", "b"][..], &["b", "a"], &["a", "b", "c"], &["a:gcra:1000000:b"], &long, &long[..31], &others];
        let mut seen = std::collections::HashSet::new();
        for list in lists {
            let tail = tail_of_all(&limits(list));
            assert!(tail.len() <= LONGEST_PLAIN && tail.starts_with('}'), "{tail}");
            assert!(seen.insert(tail), "{list:?}");
        }
        assert!(!seen.contains(&limits(&["#"])[0].tail));
    }

    #[test]
    fn no_two_subjects_have_the_same_bytes() {
        let each = |names: &[(usize, &str)]| Subject::of_each(names.iter().copied()).bytes().to_vec();
        let all = [
            Subject::whole("ab").bytes().to_vec(),
            each(&[(0, "ab")]),
            each(&[(1, "ab")]),
            each(&[(0, "a"), (1, "b")]),
            each(&[(0, ""), (1, "ab")]),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn a_subject_names_whom_each_limit_is_about() {
        assert_eq!(Subject::whole("a").name(), Some("a"));
        assert_eq!(Subject::whole("a").names(2).collect::<Vec<_>>(), [(0, "a"), (1, "a")]);
        let each = Subject::of_each([(0, "a"), (2, "b")].into_iter());
        assert_eq!(each.name(), None);
        assert_eq!(each.names(3).collect::<Vec<_>>(), [(0, "a"), (2, "b")]);
    }
}
