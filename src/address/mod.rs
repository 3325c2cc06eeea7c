//! Whose request it is when proxies stand between.
//!
//! Each proxy writes down, at the end of a header, who came to it. So the headers are read from the right, and no further than
//! those are trusted who wrote: the first address that is no trusted proxy's is the client's, and everything to the left of it
//! is his own word. Where a hop cannot be read, nothing is guessed: the last address that is certain is the answer.

mod forwarded;
mod list;
mod network;
mod node;
#[cfg(test)]
mod tests;

pub use network::Network;

use crate::error::Result;
use list::List;
use std::net::{IpAddr, Ipv6Addr};

/// More proxies than stand before any site.
const MOST_HOPS: usize = 64;
/// The trusted "network" of peers that have no address: those at the other end of a Unix socket.
const UNIX: &str = "unix";

/// What is known of where a request comes from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said<'a> {
    /// The address of whoever connected; empty at a Unix socket.
    pub peer: &'a str,
    /// The header of RFC 7239; empty if there is none.
    pub forwarded: &'a str,
    /// The header that most proxies write; empty if there is none.
    pub x_forwarded_for: &'a str,
}

/// Which header the proxies write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// `Forwarded`; the other one is not looked at.
    Forwarded,
    /// `X-Forwarded-For`; the other one is not looked at.
    XForwardedFor,
    /// Either. A proxy that writes one lets the client's own word in the other through, so where both go on they must agree.
    Either,
}

/// What the next entry of a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hop {
    Address(IpAddr),
    /// Hidden on purpose, or nothing that can be read.
    Unclear,
}

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    networks: Vec<Network>,
    trusts_unix: bool,
}

impl Proxies {
    /// Those of some networks, and with `"unix"` whoever connects to a Unix socket.
    ///
    /// # Errors
    /// A text is no network.
    pub fn new<'a>(networks: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let mut proxies = Self::default();
        for text in networks {
            if text == UNIX {
                proxies.trusts_unix = true;
            } else {
                proxies.networks.push(text.parse()?);
            }
        }
        Ok(proxies)
    }

    /// Whose request it is; none where even the peer has no address.
    #[must_use]
    pub fn client(&self, said: Said<'_>, header: Header) -> Option<IpAddr> {
        let peer = node::parse(said.peer);
        let believes = match peer {
            Some(address) => self.trusts(address),
            None => self.trusts_unix && is_unix(said.peer),
        };
        if !believes {
            return peer;
        }
        let mut certain = peer;
        for hop in hops(said, header).take(MOST_HOPS) {
            let Hop::Address(address) = hop else { break };
            certain = Some(address);
            if !self.trusts(address) {
                break;
            }
        }
        certain
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// Servers leave the peer of a Unix socket out, or name the socket.
fn is_unix(peer: &str) -> bool {
    peer.is_empty() || peer.starts_with("unix")
}

/// The entries of the headers that are looked at, from the right.
fn hops(said: Said<'_>, header: Header) -> impl Iterator<Item = Hop> {
    let of = |looked_at: bool, value| if looked_at { value } else { "" };
    let forwarded = of(header != Header::XForwardedFor, said.forwarded);
    let x_forwarded_for = of(header != Header::Forwarded, said.x_forwarded_for);
    let mut forwarded = List::new(forwarded, true).map(|element| element.map_or(Hop::Unclear, forwarded::hop));
    let mut plain = List::new(x_forwarded_for, false)
        .map(|element| element.and_then(node::parse).map_or(Hop::Unclear, Hop::Address));
    std::iter::from_fn(move || match (forwarded.next(), plain.next()) {
        (Some(one), Some(other)) if one != other => Some(Hop::Unclear),
        (one, other) => one.or(other),
    })
}

/// The network of so many bits that an IPv6 address is in: who has one has that many. IPv4 stays.
#[must_use]
pub fn cut(address: IpAddr, ipv6_prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(whole) => Ipv6Addr::from_bits(whole.to_bits() & network::mask(ipv6_prefix)).into(),
    }
}
