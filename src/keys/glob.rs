//! Redis globs, matched here: does a pattern that waits in the journal cover a key?
//!
//! The rules are those of `stringmatchlen` in the server (<https://redis.io/docs/latest/commands/keys/>): `*`, `?`,
//! `[abc]`, `[a-z]`, `[^a]`, and `\` before any of them. A class that is not closed ends with the pattern.

use super::escape_glob;
use std::collections::{BTreeMap, HashMap};

/// Whether `text` matches `pattern`. Takes at most time in proportion to the product of their lengths.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last `*` does not fit: one character later.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        if let Some(next) = one(pattern, p, text[t]) {
            (p, t) = (next, t + 1);
            continue;
        }
        let Some((after_star, from)) = retry else { return false };
        (p, t) = (after_star, from + 1);
        retry = Some((after_star, from + 1));
    }
    pattern[p.min(pattern.len())..].iter().all(|byte| *byte == b'*')
}

/// A pattern of full keys, by which something is deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    /// As the server takes it.
    pub glob: Vec<u8>,
    /// It leaves critical keys alone, for it covers them without naming them.
    pub spares_critical: bool,
}

impl Pattern {
    /// One that takes whatever matches.
    #[must_use]
    pub fn of_all(glob: Vec<u8>) -> Self {
        Self { glob, spares_critical: false }
    }

    /// Whether it takes a key.
    #[must_use]
    pub fn takes(&self, key: &[u8], is_critical: impl FnOnce() -> bool) -> bool {
        matches(&self.glob, key) && !(self.spares_critical && is_critical())
    }
}

/// Whether a pattern is about keys that begin so: what stands before the first thing to be matched goes on from this
/// beginning, or stops short of its end where a word of it ends.
#[must_use]
pub fn names(pattern: &[u8], keys_beginning: &[u8]) -> bool {
    let said = beginning(pattern);
    if said.starts_with(keys_beginning) {
        return true;
    }
    !said.is_empty() && keys_beginning.strip_prefix(&said[..]).is_some_and(|rest| !rest[0].is_ascii_alphanumeric())
}

/// Many patterns, to be compared with many texts: of a thousand, those alone are tried whose beginning the text has.
pub struct Set {
    /// By the length of what they begin with, before anything that is matched, and by this beginning itself.
    by_beginning: BTreeMap<usize, HashMap<Vec<u8>, Vec<Vec<u8>>>>,
}

impl Set {
    /// Of these patterns.
    #[must_use]
    pub fn new(patterns: Vec<Vec<u8>>) -> Self {
        let mut by_beginning: BTreeMap<usize, HashMap<_, Vec<_>>> = BTreeMap::new();
        for pattern in patterns {
            let beginning = beginning(&pattern);
            by_beginning.entry(beginning.len()).or_default().entry(beginning).or_default().push(pattern);
        }
        Self { by_beginning }
    }

    /// Whether one of them matches.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        self.by_beginning.iter().take_while(|(length, _)| **length <= text.len()).any(|(length, same_length)| {
            same_length
                .get(&text[..*length])
                .is_some_and(|patterns| patterns.iter().any(|pattern| matches(pattern, text)))
        })
    }

    /// A pattern that covers whatever one of them covers: what all of them begin with, and anything behind it.
    #[must_use]
    pub fn common(&self) -> Vec<u8> {
        let mut beginnings = self.by_beginning.values().flat_map(HashMap::keys);
        let first = beginnings.next().map_or(&[][..], Vec::as_slice);
        let shared = beginnings.fold(first.len(), |shared, other| {
            first[..shared].iter().zip(other).take_while(|(one, other)| one == other).count()
        });
        let mut pattern = escape_glob(&first[..shared]);
        pattern.push(b'*');
        pattern
    }
}

/// What every text that matches begins with.
#[must_use]
pub fn beginning(pattern: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = pattern;
    loop {
        match rest {
            [] | [b'*' | b'?' | b'[', ..] => return text,
            [b'\\', escaped, after @ ..] => {
                text.push(*escaped);
                rest = after;
            }
            [literal, after @ ..] => {
                text.push(*literal);
                rest = after;
            }
        }
    }
}

/// If the element of the pattern at `p` (no `*`) matches the character: where the next element begins.
fn one(pattern: &[u8], p: usize, character: u8) -> Option<usize> {
    match *pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => class(pattern, p + 1, character),
        b'\\' if p + 1 < pattern.len() => (pattern[p + 1] == character).then_some(p + 2),
        literal => (literal == character).then_some(p + 1),
    }
}

fn class(pattern: &[u8], mut p: usize, character: u8) -> Option<usize> {
    let negated = pattern.get(p) == Some(&b'^');
    p += usize::from(negated);
    let mut found = false;
    loop {
        match pattern.get(p) {
            None => break,
            Some(b']') => {
                p += 1;
                break;
            }
            Some(b'\\') if p + 1 < pattern.len() => {
                found |= pattern[p + 1] == character;
                p += 2;
            }
            Some(&start) if pattern.get(p + 1) == Some(&b'-') && p + 2 < pattern.len() => {
                let end = pattern[p + 2];
                found |= (start.min(end)..=start.max(end)).contains(&character);
                p += 3;
            }
            Some(&single) => {
                found |= single == character;
                p += 1;
            }
        }
    }
    (found != negated).then_some(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_keys_by_what_it_says_before_anything_is_matched() {
        let sessions = b"django.contrib.sessions.cache";
        for about in
            ["django.contrib.sessions.cache*", "django.contrib.sessions.cached_db?", "django*", r"django\.con[t]*"]
        {
            assert_eq!(names(about.as_bytes(), sessions), !about.contains("con["), "{about}");
        }
        for other in ["*", "?jango.contrib.sessions.cache*", "*django.contrib.sessions.cache*", "d*", "", "employees:*"]
        {
            assert!(!names(other.as_bytes(), sessions), "{other}");
        }
        assert!(names(b"session*", b"session:") && !names(b"sess*", b"session:") && names(b"a", b""));
    }
    use proptest::prelude::*;

    #[test]
    fn what_the_server_matches_is_matched() {
        for (pattern, text) in [
            ("*", ""),
            ("a*", "a"),
            ("a*b*c", "axxbyyc"),
            ("a?c", "abc"),
            ("[abc]x", "bx"),
            ("[a-c]x", "bx"),
            ("[c-a]x", "bx"),
            ("[^a]x", "bx"),
            (r"\*x", "*x"),
            (r"[\]]x", "]x"),
            ("[a", "a"),
            ("***", "abc"),
            (r"a\", r"a\"),
        ] {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("a*b", "axxc"), ("[^a]x", "ax"), ("?", ""), (r"\*x", "yx"), ("a", "ab")]
        {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
    }

    /// The definition, slow and recursive.
    fn reference(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.first() {
            None => text.is_empty(),
            Some(b'*') => (0..=text.len()).any(|skipped| reference(&pattern[1..], &text[skipped..])),
            Some(_) => text
                .first()
                .and_then(|first| one(pattern, 0, *first))
                .is_some_and(|next| reference(&pattern[next..], &text[1..])),
        }
    }

    fn set(patterns: &[&str]) -> Set {
        Set::new(patterns.iter().map(|pattern| pattern.as_bytes().to_vec()).collect())
    }

    #[test]
    fn what_patterns_have_in_common_ends_before_anything_that_is_matched() {
        for (patterns, wider) in [
            (&["a:b:*", "a:b:c"][..], "a:b:*"),
            (&["a:b", "a:c", "a"], "a*"),
            (&["a?x", "a?x"], "a*"),
            (&[r"a\*x", r"a\*y"], r"a\**"),
            (&[r"a\*", r"a\?"], "a*"),
            (&[r"a\", r"a\"], r"a\\*"),
            (&["x", "y"], "*"),
            (&[], "*"),
        ] {
            assert_eq!(String::from_utf8(set(patterns).common()).expect("it is text"), wider);
        }
    }

    proptest! {
        #[test]
        fn a_set_matches_what_one_of_its_patterns_does(
            patterns in prop::collection::vec(r"[ab*?\\\[\]]{0,6}", 0..4),
            text in r"[ab*?\\]{0,6}",
        ) {
            let set = Set::new(patterns.iter().map(|pattern| pattern.as_bytes().to_vec()).collect());
            let expected = patterns.iter().any(|pattern| matches(pattern.as_bytes(), text.as_bytes()));
            prop_assert_eq!(set.matches(text.as_bytes()), expected);
            prop_assert!(!expected || matches(&set.common(), text.as_bytes()));
        }

        #[test]
        fn stars_match_as_defined(pattern in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), reference(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn no_bytes_make_it_panic(pattern in prop::collection::vec(any::<u8>(), 0..40), text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = matches(&pattern, &text);
        }
    }
}
