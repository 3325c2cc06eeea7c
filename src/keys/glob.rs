//! Redis globs, matched here: does a pattern that waits in the journal cover a key?
//!
//! The rules are those of `stringmatchlen` in the server (<https://redis.io/docs/latest/commands/keys/>): `*`, `?`,
//! `[abc]`, `[a-z]`, `[^a]`, and `\` before any of them. A class that is not closed ends with the pattern.

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

    proptest! {
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
