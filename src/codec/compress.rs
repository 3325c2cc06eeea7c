//! Compression, in the forms that django-redis writes with Python's modules. What comes out is bounded, whatever goes in.

use super::Damaged;
use crate::config::Compressor;
use flate2::{Compression, Decompress, FlushDecompress};
use liblzma::stream::{Action, Status, Stream};
use lz4_flex::frame::{FrameDecoder, FrameEncoder, FrameInfo};
use std::io::{self, Read, Write};

/// A window of zlib and gzip, as everybody writes it.
const WINDOW_BITS: u8 = 15;
/// Memory of the xz decoder: preset 9, the largest, needs 65 MiB.
const LZMA_MEMORY: u64 = 80 << 20;
/// Window of the zstd decoder, as a power of 2: levels up to 19 write 8 MiB, and 22 writes 128 MiB.
const ZSTD_WINDOWS: std::ops::RangeInclusive<u32> = 23..=27;
/// First guess of how much comes out, for a buffer that grows.
const GUESS: usize = 4;
/// Smallest step by which that buffer grows.
const STEP: usize = 4 << 10;

/// Which compressor wrote this, by its first bytes.
pub(super) fn form(bytes: &[u8]) -> Option<Compressor> {
    Some(match bytes {
        [0x1F, 0x8B, 8, ..] => Compressor::Gzip,
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Compressor::Lzma,
        [0x04, 0x22, 0x4D, 0x18, ..] => Compressor::Lz4,
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Compressor::Zstd,
        // RFC 1950: both bytes together are a multiple of 31, and no dictionary is asked for.
        [0x78, flags, ..] if u16::from_be_bytes([0x78, *flags]).is_multiple_of(31) && flags & 0x20 == 0 => {
            Compressor::Zlib
        }
        _ => return None,
    })
}

/// Compresses; without a level by the one that django-redis takes.
pub(super) fn pack(compressor: Compressor, level: Option<u8>, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let level = level.unwrap_or(compressor.usual_level());
    match compressor {
        Compressor::Zlib => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::new(level.into()));
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Compressor::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::new(level.into()));
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        Compressor::Lzma => {
            let mut packed = Vec::new();
            liblzma::bufread::XzEncoder::new(bytes, level.into()).read_to_end(&mut packed)?;
            Ok(packed)
        }
        Compressor::Lz4 => {
            // Without the checksum a flipped bit would go unnoticed.
            let frame = FrameInfo::new().content_size(Some(bytes.len() as u64)).content_checksum(true);
            let mut encoder = FrameEncoder::with_frame_info(frame, Vec::new());
            encoder.write_all(bytes)?;
            Ok(encoder.finish()?)
        }
        Compressor::Zstd => {
            let mut encoder = zstd::bulk::Compressor::new(level.into())?;
            encoder.include_checksum(true)?;
            encoder.compress(bytes)
        }
    }
}

/// What was compressed, if it is whole, nothing stands behind it, and it has at most `limit` bytes.
pub(super) fn unpack(compressor: Compressor, packed: &[u8], limit: usize) -> Result<Vec<u8>, Damaged> {
    match compressor {
        Compressor::Zlib => inflate(Decompress::new(true), packed, limit),
        Compressor::Gzip => inflate(Decompress::new_gzip(WINDOW_BITS), packed, limit),
        Compressor::Lzma => unxz(packed, limit),
        Compressor::Lz4 => {
            let mut decoder = FrameDecoder::new(Source { rest: packed, ran_dry: false });
            let value = read(&mut decoder, packed, limit)?;
            // A frame without its end is no error to the decoder.
            let source = decoder.into_inner();
            if source.ran_dry || !source.rest.is_empty() { Err(Damaged) } else { Ok(value) }
        }
        Compressor::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| Damaged)?;
            // No value needs a window that is larger than itself.
            let window = usize::BITS - limit.leading_zeros();
            decoder.window_log_max(window.clamp(*ZSTD_WINDOWS.start(), *ZSTD_WINDOWS.end())).map_err(|_| Damaged)?;
            read(&mut decoder, packed, limit)
        }
    }
}

/// Reads all there is, unless it is too much.
fn read(decoder: &mut impl Read, packed: &[u8], limit: usize) -> Result<Vec<u8>, Damaged> {
    let mut value = Vec::with_capacity(room(packed, 0, limit));
    decoder.take(limit as u64 + 1).read_to_end(&mut value).map_err(|_| Damaged)?;
    if value.len() > limit { Err(Damaged) } else { Ok(value) }
}

fn inflate(mut decoder: Decompress, packed: &[u8], limit: usize) -> Result<Vec<u8>, Damaged> {
    unpack_by_steps(packed, limit, |rest, value| {
        let before = decoder.total_in();
        let status = decoder.decompress_vec(rest, value, FlushDecompress::None).map_err(|_| Damaged)?;
        Ok((decoder.total_in() - before, status == flate2::Status::StreamEnd))
    })
}

fn unxz(packed: &[u8], limit: usize) -> Result<Vec<u8>, Damaged> {
    let mut decoder = Stream::new_stream_decoder(LZMA_MEMORY, 0).map_err(|_| Damaged)?;
    unpack_by_steps(packed, limit, |rest, value| {
        let before = decoder.total_in();
        let status = decoder.process_vec(rest, value, Action::Run).map_err(|_| Damaged)?;
        Ok((decoder.total_in() - before, status == Status::StreamEnd))
    })
}

/// Gives `step` the rest of the input, and room at the end of the output, until it says that this was the end. `step` says
/// too how many bytes it took.
fn unpack_by_steps(
    packed: &[u8],
    limit: usize,
    mut step: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(u64, bool), Damaged>,
) -> Result<Vec<u8>, Damaged> {
    let (mut rest, mut value) = (packed, Vec::new());
    loop {
        // One byte more than allowed, to see that there are more.
        value.reserve_exact(room(packed, value.len(), limit));
        let before = value.len();
        let (taken, is_end) = step(rest, &mut value)?;
        rest = usize::try_from(taken).ok().and_then(|taken| rest.get(taken..)).ok_or(Damaged)?;
        if value.len() > limit {
            return Err(Damaged);
        }
        if is_end {
            return if rest.is_empty() { Ok(value) } else { Err(Damaged) };
        }
        if taken == 0 && value.len() == before {
            // Room was left, and nothing came: it is cut off.
            return Err(Damaged);
        }
    }
}

/// How much room to make behind `length` bytes that are there already.
fn room(packed: &[u8], length: usize, limit: usize) -> usize {
    (packed.len().saturating_mul(GUESS).max(STEP).max(length)).min(limit.saturating_sub(length) + 1)
}

/// Bytes to read, and whether somebody wanted more of them than there are.
struct Source<'a> {
    rest: &'a [u8],
    ran_dry: bool,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.ran_dry |= self.rest.is_empty() && !buffer.is_empty();
        self.rest.read(buffer)
    }
}
