//! Digests of key text, in lower case hex, cut to as many digits as a layout shows.
//!
//! MD5 is what the layouts dictate; nothing here is for security.

use md5::Md5;
use sha2::{Digest, Sha256};

/// The MD5 of the text.
#[must_use]
pub fn md5(text: &str) -> [u8; 16] {
    Md5::digest(text.as_bytes()).into()
}

/// The SHA-256 of the text.
#[must_use]
pub fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Writes the first `digits` hex digits of these bytes, or as many as there are.
pub fn write_hex(bytes: &[u8], digits: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let all = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    out.extend(all.take(digits).map(|digit| DIGITS[usize::from(digit)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8], digits: usize) -> String {
        let mut out = Vec::new();
        write_hex(bytes, digits, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        assert_eq!(hex(&md5(""), 32), "d41d8cd98f00b204e9800998ecf8427e"); // RFC 1321
        assert_eq!(hex(&md5("abc"), 8), "90015098");
        assert_eq!(hex(&md5("abc"), 5), "90015");
        assert_eq!(hex(&md5("abc"), 0), "");
        assert_eq!(hex(&md5("abc"), 99).len(), 32);
        assert_eq!(hex(&sha256("abc"), 16), "ba7816bf8f01cfea"); // FIPS 180-4
        assert_eq!(hex(&sha256(""), 64).len(), 64);
    }
}
