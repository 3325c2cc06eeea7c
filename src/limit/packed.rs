//! A limit as the script reads it: one argument of a call.

use super::rule::Algorithm;

/// Where the state of a limit stands in the value of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Where it begins.
    pub(super) at: u16,
    /// Bytes of the whole value: any other length is no value of ours. 0 where states have no fixed length.
    pub(super) length: u16,
    /// For how many milliseconds the value is kept.
    pub(super) lifetime: u64,
}

/// The number of the algorithm (a byte); where the state begins, from 1, and the length of the value (two bytes each); the
/// requests, the window and a number that the algorithm knows (doubles), all in network order; then the lifetime, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) algorithm: Algorithm,
    pub(super) place: Place,
    /// Requests, microseconds, and a burst or whether refused calls count.
    pub(super) numbers: [u64; 3],
}

impl Packed {
    #[allow(clippy::cast_precision_loss)] // All three are below 2^53.
    pub(super) fn to_bytes(self) -> Box<[u8]> {
        let mut packed = vec![self.algorithm.number()];
        packed.extend((self.place.at + 1).to_be_bytes());
        packed.extend(self.place.length.to_be_bytes());
        for number in self.numbers {
            packed.extend((number as f64).to_be_bytes());
        }
        packed.extend(self.place.lifetime.to_string().bytes());
        packed.into()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // They are whole, and `as` keeps within bounds.
    pub(super) fn read(packed: &[u8]) -> Option<Self> {
        let ([number], rest) = packed.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (numbers, lifetime) = rest.split_first_chunk::<24>()?;
        let numbers = <[[u8; 8]; 3]>::try_from(numbers.as_chunks().0).ok()?;
        let lifetime = std::str::from_utf8(lifetime).ok()?.parse().ok()?;
        let at = u16::from_be_bytes(*at).checked_sub(1)?;
        Some(Self {
            algorithm: Algorithm::numbered(*number)?,
            place: Place { at, length: u16::from_be_bytes(*length), lifetime },
            numbers: numbers.map(|number| f64::from_be_bytes(number) as u64),
        })
    }
}
