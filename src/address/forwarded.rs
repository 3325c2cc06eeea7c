//! One element of `Forwarded` (RFC 7239): `for="[2001:db8::1]:80";proto=https`.

use super::{Hop, node};
use std::borrow::Cow;

/// For whom this proxy forwarded.
pub(super) fn hop(element: &str) -> Hop {
    origin(element).and_then(|name| node::parse(&name)).map_or(Hop::Unclear, Hop::Address)
}

/// The value of `for`; none if it is missing or there twice, or the element is not well formed.
fn origin(element: &str) -> Option<Cow<'_, str>> {
    let (mut rest, mut found) = (element, None);
    loop {
        let (name, value) = rest.split_once('=')?;
        let name = name.trim_ascii();
        let end = value_end(value)?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        if name.eq_ignore_ascii_case("for") && found.replace(content(&value[..end])).is_some() {
            return None;
        }
        let after = value[end..].trim_ascii_start();
        if after.is_empty() {
            return found;
        }
        rest = after.strip_prefix(';')?;
    }
}

/// Where a value ends, with its closing quote if it has quotes.
fn value_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        // Colons and brackets belong into quotes, and many proxies leave these out.
        let is_value = |byte: u8| is_token(byte) || b":[]".contains(&byte);
        return Some(bytes.iter().position(|byte| !is_value(*byte)).unwrap_or(bytes.len()));
    }
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// A value without its quotes.
fn content(value: &str) -> Cow<'_, str> {
    let Some(inside) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return value.into() };
    if !inside.contains('\\') {
        return inside.into();
    }
    let (mut text, mut characters) = (String::with_capacity(inside.len()), inside.chars());
    while let Some(character) = characters.next() {
        text.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    text.into()
}

/// A character of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
