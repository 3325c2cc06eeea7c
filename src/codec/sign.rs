//! Signatures: key and value together, so that neither can be changed and no entry can be moved to another key.
//!
//! Stored is `0xC1 "hs" 0x01`, 32 bytes of HMAC-SHA256, and the content. What is authenticated is a label, the length of the
//! key in 8 bytes, the key as the server has it, and the content: no two pairs of key and content give the same bytes.

use crate::config::Secret;
use ring::hmac;
use subtle::ConstantTimeEq;

const MAGIC: &[u8] = b"\xC1hs\x01";
const TAG_BYTES: usize = 32;
const HEAD_BYTES: usize = MAGIC.len() + TAG_BYTES;
/// Keeps these signatures apart from whatever else a secret may be used for.
const LABEL: &[u8] = b"hitrate signed value 1\0";

/// Whether it is in the form of a signed value; whether rightly is for [`Signer::verify`] to say.
pub(super) fn is_signed(stored: &[u8]) -> bool {
    stored.len() >= HEAD_BYTES && stored.starts_with(MAGIC)
}

/// What stands behind the signature, unchecked.
pub(super) fn content(signed: &[u8]) -> &[u8] {
    signed.get(HEAD_BYTES..).unwrap_or_default()
}

/// Signs with the newest key, and accepts all of them.
#[derive(Debug)]
pub(super) struct Signer {
    newest: hmac::Key,
    older: Vec<hmac::Key>,
}

impl Signer {
    /// From secrets, the newest first; without any there is no signer.
    pub(super) fn new(secrets: &[Secret]) -> Option<Self> {
        let mut keys = secrets.iter().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes()));
        Some(Self { newest: keys.next()?, older: keys.collect() })
    }

    pub(super) fn sign(&self, key: &[u8], content: &[u8]) -> Vec<u8> {
        let mut signed = Vec::with_capacity(HEAD_BYTES + content.len());
        signed.extend_from_slice(MAGIC);
        signed.extend_from_slice(tag(&self.newest, key, content).as_ref());
        signed.extend_from_slice(content);
        signed
    }

    /// The content, if one of the keys signed it for this key.
    pub(super) fn verify<'a>(&self, key: &[u8], signed: &'a [u8]) -> Option<&'a [u8]> {
        let found = signed.get(MAGIC.len()..HEAD_BYTES)?;
        let content = content(signed);
        let is_of = |with: &hmac::Key| -> bool { tag(with, key, content).as_ref().ct_eq(found).into() };
        (is_of(&self.newest) || self.older.iter().any(is_of)).then_some(content)
    }
}

fn tag(with: &hmac::Key, key: &[u8], content: &[u8]) -> hmac::Tag {
    let mut mac = hmac::Context::with_key(with);
    mac.update(LABEL);
    mac.update(&(key.len() as u64).to_be_bytes());
    mac.update(key);
    mac.update(content);
    mac.sign()
}
