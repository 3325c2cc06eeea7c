//! A glance at a pickle before any object of it is made.

use super::rest::Rest;

/// Whether all opcodes are those that [`load`](super::load) knows. It makes no object, and so tells cheaply that reading would end
/// early; what it lets pass may still be refused.
#[must_use]
pub fn is_plain(pickle: &[u8]) -> bool {
    let [0x80, 2..=5, opcodes @ ..] = pickle else { return false };
    let mut rest = Rest(opcodes);
    while let Some(opcode) = rest.byte() {
        let is_whole = match opcode {
            b'.' => return true,
            b'N'
            | b'('
            | b')'
            | b'0'
            | b'1'
            | b']'
            | b'a'
            | b'e'
            | b'}'
            | b's'
            | b'u'
            | b't'
            | 0x85..=0x89
            | 0x8F..=0x91
            | 0x94 => true,
            b'K' | b'q' | b'h' => rest.skip(1),
            b'M' => rest.skip(2),
            b'J' | b'r' | b'j' => rest.skip(4),
            b'G' | 0x95 => rest.skip(8),
            b'C' | 0x8A | 0x8C => rest.counted::<1>().is_some(),
            b'B' | b'X' | 0x8B => rest.counted::<4>().is_some(),
            0x8D | 0x8E | 0x96 => rest.counted::<8>().is_some(),
            _ => return false,
        };
        if !is_whole {
            return false;
        }
    }
    false
}
