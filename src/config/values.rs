//! How values are stored, and what their options must say together.

use super::CacheSettings;
use crate::error::{Error, Result, shown_key};
use std::ops::RangeInclusive;

/// How values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serializer {
    /// JSON.
    Json,
    /// Python's pickle.
    Pickle,
    /// `MessagePack`, by Python's `msgpack`.
    MsgPack,
}

/// Which pickles are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpickle {
    /// All: whatever a pickle says is run.
    Any,
    /// Those of plain types: nothing is run.
    Safe,
    /// None: each is a miss.
    Never,
}

/// How values are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compressor {
    /// Deflate in zlib's form.
    Zlib,
    /// Deflate in gzip's form.
    Gzip,
    /// LZMA2 in xz's form.
    Lzma,
    /// LZ4 in frames.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compressor {
    /// Values from this many bytes are compressed: by django-redis, too.
    #[must_use]
    pub fn usual_min_bytes(self) -> usize {
        if self == Self::Lzma { 101 } else { 16 }
    }

    /// How hard it tries by default: as hard as in django-redis.
    #[must_use]
    pub fn usual_level(self) -> u8 {
        match self {
            Self::Zlib => 6,
            Self::Gzip => 9,
            Self::Lzma => 4,
            Self::Lz4 => 0,
            Self::Zstd => 3,
        }
    }

    /// How hard it can try.
    fn levels(self) -> RangeInclusive<u8> {
        match self {
            Self::Zlib | Self::Gzip | Self::Lzma => 0..=9,
            Self::Lz4 => 0..=0,
            Self::Zstd => 1..=22,
        }
    }
}

/// Shortest secret that signs values, in bytes: a random one has 128 bits at least.
const SHORTEST_SIGNING_KEY: usize = 16;

impl CacheSettings {
    /// What options about values say together.
    pub(super) fn check_values(&self) -> Result<()> {
        if self.signing_keys.iter().any(|key| key.reveal().len() < SHORTEST_SIGNING_KEY) {
            return Err(Error::Config(format!(
                "option 'signing_keys' holds a key of less than {SHORTEST_SIGNING_KEY} bytes; use secrets.token_hex(32)"
            )));
        }
        if let Some(name) = self.unpickle_globals.iter().find(|name| !is_dotted(name)) {
            return Err(Error::Config(format!(
                "option 'unpickle_globals' holds {}; use names such as 'module.Class'",
                shown_key(name.as_bytes())
            )));
        }
        if self.json_envelope && self.serializer != Serializer::Json {
            return Err(Error::Config("option 'json_envelope' needs JSON; set 'serializer' to 'json'".to_owned()));
        }
        if let Some(level) = self.compress_level {
            let Some(compressor) = self.compressor else {
                return Err(Error::Config(format!(
                    "option 'compress_level' is {level}; set 'compressor' too, or leave it out"
                )));
            };
            let levels = compressor.levels();
            if !levels.contains(&level) {
                return Err(Error::Config(format!(
                    "option 'compress_level' is {level}; this compressor takes {} to {}",
                    levels.start(),
                    levels.end()
                )));
            }
        }
        Ok(())
    }
}

/// Whether it is `module.name`.
fn is_dotted(name: &str) -> bool {
    name.contains('.') && name.split('.').all(|part| !part.is_empty() && !part.contains(char::is_whitespace))
}
