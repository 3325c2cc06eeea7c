//! What a pickle asks for before it is read: a few of its bytes can make `CPython` reserve gigabytes, or call what no
//! `find_class` was asked about.

use super::rest::Rest;
use std::str;

/// Whether a pickle reserves no memory that it does not fill, and names what it calls: every length lies within
/// the pickle, every number in its memo is one that it could have counted to, and nothing comes from `copyreg`'s registry, whose
/// objects `CPython` keeps and hands out unasked. What else is wrong with it is for the unpickler to find.
#[must_use]
pub fn is_modest(pickle: &[u8]) -> bool {
    let mut rest = Rest(pickle);
    while let Some(opcode) = rest.byte() {
        let is_whole = match opcode {
            b'.' => return true,
            // BININT1, BINPUT, BINGET, PROTO; BININT2; BININT, LONG_BINGET; BINFLOAT, FRAME.
            b'K' | b'q' | b'h' | 0x80 => rest.skip(1),
            b'M' => rest.skip(2),
            b'J' | b'j' => rest.skip(4),
            b'G' | 0x95 => rest.skip(8),
            // Bytes and texts, behind a length in 1, 4 or 8 bytes.
            b'U' | b'C' | 0x8A | 0x8C => rest.counted::<1>().is_some(),
            b'T' | b'B' | b'X' | 0x8B => rest.counted::<4>().is_some(),
            0x8D | 0x8E | 0x96 => rest.counted::<8>().is_some(),
            // INT, LONG, FLOAT, STRING, UNICODE, GET; GLOBAL, INST.
            b'I' | b'L' | b'F' | b'S' | b'V' | b'g' => rest.line().is_some(),
            b'c' | b'i' => rest.line().is_some() && rest.line().is_some(),
            // LONG_BINPUT, PUT: the memo is an array as long as the largest number.
            b'r' => rest.number::<4>().is_some_and(|index| index < pickle.len()),
            b'p' => rest.line().and_then(decimal).is_some_and(|index| index < pickle.len()),
            // EXT1, EXT2, EXT4.
            0x82..=0x84 => false,
            _ => true,
        };
        if !is_whole {
            return false;
        }
    }
    false
}

fn decimal(line: &[u8]) -> Option<usize> {
    str::from_utf8(line).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::is_modest;

    #[test]
    fn what_pickle_writes_is_modest() {
        for pickle in [
            &b"\x80\x04\x95\x0e\0\0\0\0\0\0\0]\x94(\x8c\x01a\x94K\x01G?\xf8\0\0\0\0\0\0e."[..],
            b"\x80\x02]q\0(X\x01\0\0\0aq\x01K\x01M\0\x01J\0\0\x01\0\x8a\x05\0\0\0\0\x01e.",
            b"(lp0\nVa\np1\naI1\naF1.5\naL5L\na.",
            b"cdatetime\ndate\n(tR.",
            b"\x80\x02Nr\x05\0\0\0.",
        ] {
            assert!(is_modest(pickle), "{pickle:?}");
        }
    }

    #[test]
    fn what_reserves_more_than_it_fills_is_not() {
        for pickle in [
            &b"\x80\x02Nr\xff\xff\xff\x7f."[..],
            b"Np2000000000\n.",
            b"Np-1\n.",
            b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff.",
            b"\x80\x04\x8d\xff\xff\xff\x7f\0\0\0\0.",
            b"\x80\x05\x96\0\0\0\0\x01\0\0\0.",
            b"\x80\x03B\xff\xff\xff\x7fa.",
            b"\x80\x02\x8b\xff\xff\xff\x7fa.",
            b"\x80\x02\x82\xf1.",
            b"\x80\x02\x83\xf1\0.",
            b"\x80\x02\x84\xf1\0\0\0.",
            b"\x80\x02N",
            b"",
        ] {
            assert!(!is_modest(pickle), "{pickle:?}");
        }
    }
}
