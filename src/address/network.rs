//! A block of addresses, as `10.0.0.0/8` writes it.

use crate::error::{Error, Result};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Bits in front of the IPv4 address in an IPv4-mapped one.
const MAPPED: u8 = 96;

/// A block of addresses of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Of IPv4 the mapped address.
    first: u128,
    /// As of an IPv6 address.
    prefix: u8,
    is_v4: bool,
}

impl Network {
    /// Whether an address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.is_v4 && bits(address) & mask(self.prefix) == self.first
    }
}

impl FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |hint: &str| Error::Config(format!("'{text:.100}' is no network of trusted proxies; {hint}"));
        let usual = "write '10.0.0.0/8', '2001:db8::/32', an address, or 'unix'";
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let written: IpAddr = address.parse().map_err(|_| wrong(usual))?;
        let canonical = written.to_canonical();
        let width = if written.is_ipv4() { 32 } else { 128 };
        let length: u8 = match length {
            None => width,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| wrong(usual))?
            }
            Some(_) => return Err(wrong(usual)),
        };
        if length > width {
            return Err(wrong(&format!("'/{length}' is more than the {width} bits of its addresses")));
        }
        let prefix = if written.is_ipv4() { MAPPED + length } else { length };
        // An IPv4-mapped block is one of IPv4, for that is how its addresses are read.
        let is_v4 = canonical.is_ipv4() && prefix >= MAPPED;
        let address = bits(written);
        if address & mask(prefix) != address {
            return Err(wrong("it has bits set behind its length, so another length or address is meant"));
        }
        Ok(Self { first: address, prefix, is_v4 })
    }
}

/// An address as a number; IPv4 as the mapped one.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

/// So many ones, and then zeros.
pub(super) fn mask(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0)
}
