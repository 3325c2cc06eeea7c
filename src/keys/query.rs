//! Query strings, read and written as Django's `QueryDict` does, which is how Python's `urllib.parse` does.

use std::borrow::Cow;

/// One parameter: name and value, decoded.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The parameters in order. A name without `=` has an empty value; `&` alone separates; what is not UTF-8 is U+FFFD.
fn pairs(query: &str) -> impl Iterator<Item = Pair<'_>> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// The parameters by name, in order of first appearance, each with its values in order.
#[must_use]
pub fn lists(query: &str) -> Vec<(Cow<'_, str>, Vec<Cow<'_, str>>)> {
    let mut lists: Vec<(Cow<'_, str>, Vec<Cow<'_, str>>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (name, value) in pairs(query) {
        let place = *places.entry(name.clone()).or_insert(lists.len());
        match lists.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => lists.push((name, vec![value])),
        }
    }
    lists
}

/// What `QueryDict(query).urlencode()` is.
#[must_use]
pub fn normalise(query: &str) -> String {
    let mut out = String::with_capacity(query.len() + 8);
    for (name, values) in lists(query) {
        for value in values {
            if !out.is_empty() {
                out.push('&');
            }
            encode(&name, &mut out);
            out.push('=');
            encode(&value, &mut out);
        }
    }
    out
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, length) = match first {
            b'+' => (b' ', 1),
            b'%' => escaped(after).map_or((b'%', 1), |byte| (byte, 3)),
            _ => (first, 1),
        };
        bytes.push(byte);
        rest = &rest[length..];
    }
    Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// The byte that two hex digits say; anything else is no escape, and stays as it is.
fn escaped(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

/// `quote_plus`: letters, digits and `_.-~` as they are, a space as `+`, the rest in upper case escapes.
fn encode(text: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.extend([byte >> 4, byte & 0xf].map(|digit| char::from(DIGITS[usize::from(digit)])));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_query_is_normalised_as_django_does() {
        for (query, expected) in [
            ("", ""),
            ("a=1&b=2&a=3", "a=1&a=3&b=2"),
            ("b=2&a=1", "b=2&a=1"),
            ("search", "search="),
            ("&&a=1&", "a=1"),
            ("=", "="),
            ("a=b=c", "a=b%3Dc"),
            ("a;b=1", "a%3Bb=1"),
            ("q=a+b%20c", "q=a+b+c"),
            ("q=%e6%97%a5", "q=%E6%97%A5"),
            ("q=%FF", "q=%EF%BF%BD"),
            ("q=%E6%97é", "q=%EF%BF%BD%C3%A9"),
            ("q=%", "q=%25"),
            ("q=%4&r=%zz", "q=%254&r=%25zz"),
            ("q=~-_./", "q=~-_.%2F"),
        ] {
            assert_eq!(normalise(query), expected, "{query}");
        }
    }

    proptest! {
        #[test]
        fn what_is_normal_stays(query in "([a-c%+=&;é]|%[0-9a-fA-F]{2}){0,40}") {
            let normal = normalise(&query);
            prop_assert!(normal.is_ascii());
            prop_assert_eq!(normalise(&normal), normal);
        }
    }
}
