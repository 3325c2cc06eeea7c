use super::*;
use crate::codec::{Codec, Form};
use crate::config::{CacheSettings, Compressor, Secret};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a payload is made of, owned.
#[derive(Debug, Clone)]
struct Parts {
    times: [u64; 4],
    tags: Vec<(String, Version)>,
    status: u16,
    etag: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    is_value: bool,
}

impl Parts {
    fn payload(&self) -> Payload<'_> {
        let [lifetime, fresh, age, stored_at] = self.times;
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let content = if self.is_value {
            Content::Value(&self.body)
        } else {
            Content::Response(Response { status: self.status, etag: &self.etag, headers, body: &self.body })
        };
        let tags = self.tags.iter().map(|(name, version)| (name.as_str(), *version)).collect();
        Payload { times: Times { lifetime, fresh, age, stored_at }, tags, content }
    }

    fn kind(&self) -> Kind {
        self.payload().content.kind()
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let (tags, headers) = (vec((".{0,20}", any::<Version>()), 0..5), vec(("[^\r\n]{0,20}", "[^\r\n]{0,20}"), 0..20));
    (any::<[u64; 4]>(), tags, any::<u16>(), ".{0,20}", headers, vec(any::<u8>(), 0..300), any::<bool>()).prop_map(
        |(times, tags, status, etag, headers, body, is_value)| Parts {
            times,
            tags,
            status,
            etag,
            headers,
            body,
            is_value,
        },
    )
}

fn some() -> Parts {
    Parts {
        times: [1, 2, 3, 4],
        tags: vec![("product:1".to_owned(), [b'a'; 32])],
        status: 200,
        etag: "\"e\"".to_owned(),
        headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
        body: b"the body".to_vec(),
        is_value: false,
    }
}

#[test]
fn a_head_is_as_scripts_expect_it() {
    let stored = wrap(Kind::Value, &[1; 16], b"0123456789abcdef", b"sealed");
    assert_eq!(stored.len(), HEAD_BYTES + 6);
    assert_eq!((&stored[..6], &stored[6..22]), (&b"\xC1he\x01\x02\0"[..], &[1; 16][..]));
    assert_eq!((&stored[22..38], &stored[38..54]), (&b"0123456789abcdef"[..], &[0; 16][..]));
    assert_eq!(&stored[54..67], b"0000000000000");
    assert!(stored.starts_with(&[&placeholder()[..4], &[2, 0][..]].concat()));
    assert_eq!(Form::of(&stored), Form::Envelope);
    let sealed = unwrap(&stored);
    assert_eq!(sealed, Ok(Sealed { kind: Kind::Value, fill: [1; 16], payload: b"sealed" }));
}

#[test]
fn a_header_of_several_lines_is_damage() {
    for (name, value) in [("X-Own", "a\r\nSet-Cookie: b=c"), ("X-Own\n", "a"), ("X-Own", "a\r")] {
        let parts = Parts { headers: vec![(name.to_owned(), value.to_owned())], ..some() };
        assert_eq!(read(parts.kind(), &write(&parts.payload())), Err(Damaged));
    }
}

#[test]
fn a_mark_is_the_beginning_of_the_digest_that_lua_computes() {
    // redis.sha1hex(''), and of 'a' 32 times.
    assert_eq!(mark([].into_iter()), *b"da39a3ee5e6b4b0d");
    assert_eq!(mark([[b'a'; 32]].iter()), *b"68f84a59a3ca2d0e");
}

#[test]
fn what_is_unknown_is_damaged() {
    let stored = wrap(Kind::Value, &[1; 16], &[b'0'; 16], b"");
    for (at, byte) in [(0, b'{'), (3, 2), (4, 3), (5, 1)] {
        let mut altered = stored.clone();
        altered[at] = byte;
        assert_eq!(unwrap(&altered), Err(Damaged), "{at}");
    }
    assert_eq!(unwrap(&stored[..HEAD_BYTES - 1]), Err(Damaged));
}

#[test]
fn an_answer_is_not_read_as_a_value() {
    let parts = some();
    let payload = write(&parts.payload());
    assert!(read(Kind::Response, &payload).is_ok());
    assert_eq!(read(Kind::Value, &payload), Err(Damaged));
    assert_eq!(read(Kind::Placeholder, &payload), Err(Damaged));
}

#[test]
fn counts_beyond_the_limits_are_damage() {
    let mut parts = Parts { tags: vec![(String::new(), [b'a'; 32]); MAX_TAGS], ..some() };
    parts.headers = vec![(String::new(), String::new()); MAX_HEADERS];
    assert!(read(Kind::Response, &write(&parts.payload())).is_ok());
    let more_headers = Parts { headers: vec![(String::new(), String::new()); MAX_HEADERS + 1], ..parts.clone() };
    let more_tags = Parts { tags: vec![(String::new(), [b'a'; 32]); MAX_TAGS + 1], ..parts };
    for parts in [more_headers, more_tags] {
        assert_eq!(read(Kind::Response, &write(&parts.payload())), Err(Damaged));
    }
}

#[test]
fn the_payload_of_a_signed_entry_belongs_to_its_key() {
    let signing_keys = vec![Secret::new("0123456789abcdef".to_owned())];
    let settings = CacheSettings { signing_keys, ..CacheSettings::default() };
    let codec = Codec::new(&settings);
    let payload = write(&some().payload());
    let stored = wrap(Kind::Response, &[1; 16], &[b'0'; 16], &codec.seal(b"a", payload.clone()).expect("it is short"));
    let sealed = unwrap(&stored).expect("it is whole").payload;
    assert_eq!(codec.open(b"a", sealed).map(|(_, opened)| opened.into_owned()), Ok(payload));
    assert_eq!(codec.open(b"b", sealed), Err(Damaged), "moved to another key");
}

#[test]
fn an_entry_is_no_value() {
    for accept_unsigned in [false, true] {
        let settings = CacheSettings { accept_unsigned, ..CacheSettings::default() };
        let stored = wrap(Kind::Value, &[1; 16], &[b'0'; 16], b"12");
        assert_eq!(Codec::new(&settings).open(b"k", &stored), Err(Damaged));
        assert_eq!(Codec::new(&settings).open_foreign(b"k", &stored), Err(Damaged));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        parts in parts(),
        compressor in prop::option::of(prop::sample::select(vec![Compressor::Zstd, Compressor::Lz4, Compressor::Zlib])),
        signed in any::<bool>(),
    ) {
        let mut settings = CacheSettings::default();
        (settings.compressor, settings.compress_min_bytes) = (compressor, Some(0));
        settings.signing_keys.extend(signed.then(|| Secret::new("0123456789abcdef".to_owned())));
        let codec = Codec::new(&settings);
        let sealed = codec.seal(b"k", write(&parts.payload())).expect("it is short");
        let stored = wrap(parts.kind(), &[7; 16], &mark(parts.tags.iter().map(|(_, version)| version)), &sealed);
        let unwrapped = unwrap(&stored).expect("it is whole");
        prop_assert_eq!((unwrapped.kind, unwrapped.fill), (parts.kind(), [7; 16]));
        let (_, opened) = codec.open(b"k", unwrapped.payload).expect("it is whole");
        prop_assert_eq!(read(unwrapped.kind, &opened), Ok(parts.payload()));
    }

    #[test]
    fn any_bytes_are_read_or_damaged(bytes in vec(any::<u8>(), 0..400), is_value in any::<bool>()) {
        let kind = if is_value { Kind::Value } else { Kind::Response };
        let _ = unwrap(&bytes);
        let _ = read(kind, &bytes);
        // With a right beginning it gets further.
        let _ = read(kind, &[&[kind.byte()][..], &bytes].concat());
    }

    #[test]
    fn a_payload_that_is_changed_or_cut_is_read_or_damaged(
        parts in parts(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut payload = write(&parts.payload());
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        for payload in [&payload[..], &payload[..cut.index(payload.len())]] {
            if let Ok(read) = read(parts.kind(), payload) {
                prop_assert!(read.tags.len() <= MAX_TAGS);
                // Nothing is reserved for what is not there: all parts lie in the payload.
                if let Content::Response(response) = read.content {
                    prop_assert!(response.headers.len() <= payload.len() / 8);
                }
            }
        }
    }
}
