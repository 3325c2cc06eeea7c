use super::*;
use crate::config::{CacheSettings, Secret};
use proptest::prelude::*;

const ALL: [Compressor; 5] = [Compressor::Zlib, Compressor::Gzip, Compressor::Lzma, Compressor::Lz4, Compressor::Zstd];
/// A pickle of protocol 4, long enough to be compressed.
const VALUE: &[u8] =
    b"\x80\x04\x95 round and round and round and round and round and round and round and round and round \
    and round and round and round and round and round and round and round and round and round and round and round.";

fn codec(change: impl FnOnce(&mut CacheSettings)) -> Codec {
    let mut settings = CacheSettings::default();
    change(&mut settings);
    Codec::new(&settings)
}

fn signing(keys: &[&str]) -> Codec {
    let keys: Vec<_> = keys.iter().map(|key| Secret::new((*key).to_owned())).collect();
    codec(|settings| settings.signing_keys = keys)
}

fn compressing(compressor: Compressor) -> Codec {
    codec(|settings| (settings.compressor, settings.compress_min_bytes) = (Some(compressor), Some(0)))
}

#[test]
fn what_an_integer_is() {
    for text in ["0", "-1", "123456789012345678901234567890"] {
        assert!(is_integer(text.as_bytes()), "{text}");
    }
    for text in ["", "-", "+1", "1.0", "1_0", " 1", "\u{80}\u{4}K\u{1}."] {
        assert!(!is_integer(text.as_bytes()), "{text}");
    }
}

#[test]
fn every_form_is_told_by_its_bytes() {
    let cases: [(&[u8], Form); 17] = [
        (b"-7", Form::Integer),
        (b"\x80\x02K\x01.", Form::Pickle),
        (b"}q\0.", Form::Pickle),
        (b"N.", Form::Pickle),
        (b"{\"a\": 1}", Form::Json),
        (b"null", Form::Json),
        (b"-0.5", Form::Json),
        (b"1e+16", Form::Json),
        (b"-Infinity", Form::Json),
        (b"", Form::Json),
        (b"\x80", Form::MsgPack),
        (b"\x81\xa1a\x01", Form::MsgPack),
        (b"\xc1", Form::MsgPack),
        (b"\xcb\x3f\xf0\0\0\0\0\0\0", Form::MsgPack),
        (b"x\x9c\x03\0\0\0\0\x01", Form::Compressed(Compressor::Zlib)),
        (b"x marks the spot", Form::Json),
        (b"\x1f\x8b\x08\0", Form::Compressed(Compressor::Gzip)),
    ];
    for (bytes, form) in cases {
        assert_eq!(Form::of(bytes), form, "{bytes:?}");
    }
}

#[test]
fn each_compressor_is_known_by_what_it_writes_and_read_whatever_is_configured() {
    for compressor in ALL {
        let stored = compressing(compressor).seal(b"k", VALUE.to_vec()).expect("it is short");
        assert_eq!(Form::of(&stored), Form::Compressed(compressor));
        assert!(stored.len() < VALUE.len(), "{compressor:?}");
        let (form, value) = codec(|_| {}).open(b"k", &stored).expect("it is whole");
        assert_eq!((form, &*value), (Form::Pickle, VALUE), "{compressor:?}");
    }
}

#[test]
fn what_is_short_or_does_not_shrink_is_stored_as_it_is() {
    for compressor in ALL {
        let usual = codec(|settings| settings.compressor = Some(compressor));
        for length in [1, compressor.usual_min_bytes() - 1] {
            assert_eq!(usual.seal(b"k", vec![b'a'; length]), Ok(vec![b'a'; length]));
        }
        let random: Vec<u8> = (0..255).collect();
        assert_eq!(usual.seal(b"k", random.clone()), Ok(random));
    }
}

#[test]
fn every_cut_and_every_addition_is_noticed() {
    for compressor in ALL {
        let whole = compressing(compressor).seal(b"k", VALUE.to_vec()).expect("it is short");
        for end in 6..whole.len() {
            let opened = codec(|_| {}).open(b"k", &whole[..end]);
            assert_eq!(opened, Err(Damaged), "{compressor:?} cut at {end} of {}", whole.len());
        }
        let longer = [&whole[..], b"x"].concat();
        assert_eq!(codec(|_| {}).open(b"k", &longer), Err(Damaged), "{compressor:?}");
    }
}

#[test]
fn what_comes_out_is_bounded() {
    let limit = 64 << 10;
    let strict = codec(|settings| settings.max_value_bytes = limit);
    for compressor in ALL {
        let packed = |length| compress::pack(compressor, None, &vec![b'['; length]).expect("memory is there");
        assert!(strict.open(b"k", &packed(limit)).is_ok(), "{compressor:?}");
        assert_eq!(strict.open(b"k", &packed(limit + 1)), Err(Damaged), "{compressor:?}");
        assert_eq!(strict.open(b"k", &packed(limit * 50)), Err(Damaged), "{compressor:?}");
        let twice = compress::pack(compressor, None, &packed(1000)).expect("memory is there");
        assert_eq!(strict.open(b"k", &twice), Err(Damaged), "{compressor:?} in itself");
    }
    assert_eq!(strict.open(b"k", &vec![b'['; limit + 1]), Err(Damaged));
    let refused = strict.seal(b"the key", vec![b'v'; limit + 1]).expect_err("it is too long").to_string();
    assert!(refused.starts_with("the value at 'the key' has 65537 bytes, and 'max_value_bytes' is 65536; "));
}

#[test]
fn a_signature_belongs_to_its_key_and_its_value() {
    let codec = signing(&["0123456789abcdef"]);
    let stored = codec.seal(b"user:1", VALUE.to_vec()).expect("it is short");
    assert_eq!(codec.open(b"user:1", &stored), Ok((Form::Pickle, Cow::Borrowed(VALUE))));
    assert_eq!(codec.open(b"user:2", &stored), Err(Damaged), "moved to another key");
    assert_eq!(codec.open(b"user:1", VALUE), Err(Damaged), "without a signature");
    assert_eq!(codec.open(b"user:1", b"42"), Err(Damaged), "a number without a signature");
    for at in 0..stored.len() {
        let mut altered = stored.clone();
        altered[at] ^= 1;
        assert_eq!(codec.open(b"user:1", &altered), Err(Damaged), "altered at {at}");
        assert_eq!(codec.open(b"user:1", &stored[..at]), Err(Damaged), "cut at {at}");
    }
    // The boundary between key and value is part of it.
    let (left, right) = (codec.sign(b"ab", b"c1".to_vec()), codec.sign(b"a", b"bc1".to_vec()));
    assert_ne!(left[..36], right[..36]);
}

#[test]
fn keys_are_changed_without_a_flush() {
    let (old, new) = ("an old key of 16", "a new key of 16 b");
    let by_old = signing(&[old]).sign(b"k", VALUE.to_vec());
    let both = signing(&[new, old]);
    assert!(both.open(b"k", &by_old).is_ok());
    assert_eq!(signing(&[new]).open(b"k", &by_old), Err(Damaged));
    assert!(signing(&[new]).open(b"k", &both.sign(b"k", VALUE.to_vec())).is_ok(), "the newest signs");
    let lenient = codec(|settings| {
        (settings.signing_keys, settings.accept_unsigned) = (vec![Secret::new(new.to_owned())], true);
    });
    assert!(lenient.open(b"k", VALUE).is_ok());
    assert_eq!(lenient.open(b"k", &by_old), Err(Damaged), "a wrong signature is worse than none");
    assert!(codec(|_| {}).open(b"k", &by_old).is_ok(), "without keys signatures are not looked at");
}

#[test]
fn a_signed_counter_is_a_number_of_its_key_alone() {
    let codec = signing(&["0123456789abcdef"]);
    let stored = codec.sign(b"count", b"-41".to_vec());
    assert_eq!((codec.integer(b"count", &stored), codec.integer(b"other", &stored)), (Some(-41), None));
    assert_eq!(codec.integer(b"count", &codec.sign(b"count", b"9223372036854775808".to_vec())), None);
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        value in proptest::collection::vec(any::<u8>(), 0..400),
        which in 0..=ALL.len(),
        signed in any::<bool>(),
    ) {
        // As of any serializer: the form of the value itself must be one of the inner ones.
        let value = [b"\x80\x04", &value[..]].concat();
        let codec = codec(|settings| {
            settings.compressor = ALL.get(which).copied();
            settings.signing_keys.extend(signed.then(|| Secret::new("0123456789abcdef".to_owned())));
        });
        let stored = codec.seal(b"k", value.clone()).expect("it is short");
        prop_assert_eq!(codec.open(b"k", &stored), Ok((Form::Pickle, Cow::Owned(value))));
    }

    #[test]
    fn any_bytes_open_or_are_damaged_and_stay_within_the_limit(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        which in 0..ALL.len(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..8), 0..4),
    ) {
        let limit = 4096;
        let codec = codec(|settings| settings.max_value_bytes = limit);
        let mut packed = compress::pack(ALL[which], None, &bytes.repeat(8)).expect("memory is there");
        for (at, bit) in flips {
            let at = at.index(packed.len());
            packed[at] ^= 1 << bit;
        }
        let magic = &packed[..packed.len().min(6)];
        for stored in [&bytes[..], &packed, &[magic, &bytes].concat()] {
            if let Ok((form, value)) = codec.open(b"k", stored) {
                prop_assert!(value.len() <= limit);
                prop_assert!(!matches!(form, Form::Compressed(_) | Form::Signed));
            }
        }
    }
}
