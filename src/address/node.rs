//! One address as servers and proxies write it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`, without port and zone;
/// an IPv4-mapped one as IPv4.
pub(super) fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim_ascii();
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return if is_port { v6(address) } else { None };
    }
    if let Some((address, port)) = text.split_once(':')
        && is_port(port)
        && let Ok(address) = address.parse::<Ipv4Addr>()
    {
        return Some(address.into());
    }
    text.parse::<Ipv4Addr>().map(IpAddr::from).ok().or_else(|| v6(text))
}

fn v6(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _zone)| address);
    address.parse::<Ipv6Addr>().ok().map(|address| address.to_canonical())
}

/// Digits, or a name that hides them (RFC 7239, section 6).
fn is_port(text: &str) -> bool {
    let is_hidden = text.strip_prefix('_').is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    });
    is_hidden || (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
