//! Properties of the reader over any replies, any bytes and any way to cut them. A failure prints its seed.

use super::*;
use proptest::prelude::*;

/// How a driver hands bytes over.
#[derive(Debug, Clone, Copy)]
enum Driver {
    /// It is handed them: `feed`.
    Handed,
    /// It reads a socket: `space` and `filled`.
    Reading,
}

/// The protocol a reply is written in.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Version {
    Resp2,
    Resp3,
}

fn line(kind: char, content: impl std::fmt::Display, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("{kind}{content}\r\n").as_bytes());
}

fn encode(reply: &Reply, version: Version, out: &mut Vec<u8>) {
    match reply {
        Reply::Nil if version == Version::Resp3 => line('_', "", out),
        Reply::Nil => line('$', -1, out),
        Reply::Int(number) => line(':', number, out),
        Reply::Double(number) => line(',', number, out),
        Reply::Bool(flag) => line('#', if *flag { 't' } else { 'f' }, out),
        Reply::Status(text) => line('+', text, out),
        Reply::Error(error) => line('-', format!("{} {}", error.code, error.detail), out),
        Reply::Bulk(bytes) => {
            line('$', bytes.len(), out);
            out.extend_from_slice(bytes);
            out.extend_from_slice(END);
        }
        Reply::Array(items) | Reply::Push(items) => {
            line(if matches!(reply, Reply::Push(_)) { '>' } else { '*' }, items.len(), out);
            for item in items {
                encode(item, version, out);
            }
        }
        Reply::Map(pairs) => {
            line('%', pairs.len(), out);
            for (key, value) in pairs {
                encode(key, version, out);
                encode(value, version, out);
            }
        }
    }
}

fn bytes_of_any_length() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (FIRST_BYTES - 4..FIRST_BYTES + 4, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
        1 => (1_usize..300_000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
    ]
}

/// Trees as deep as the reader allows at most, of types that the version knows.
fn replies(version: Version) -> impl Strategy<Value = Vec<Reply>> {
    let old = prop_oneof![
        Just(Reply::Nil),
        any::<i64>().prop_map(Reply::Int),
        "[^\r\n]{0,20}".prop_map(Reply::Status),
        bytes_of_any_length().prop_map(Reply::Bulk),
        ("[A-Z]{0,8}", "[^\r\n]{0,60}").prop_map(|(code, detail)| Reply::Error(ServerError { code, detail })),
    ];
    let new = prop_oneof![
        any::<bool>().prop_map(Reply::Bool),
        (prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::INFINITE).prop_map(Reply::Double),
    ];
    let leaf = if version == Version::Resp3 { prop_oneof![3 => old, 1 => new].boxed() } else { old.boxed() };
    let tree = leaf.prop_recursive(15, 60, 6, move |inner| {
        let array = prop::collection::vec(inner.clone(), 0..6).prop_map(Reply::Array);
        let map = prop::collection::vec((inner.clone(), inner), 0..4).prop_map(Reply::Map);
        if version == Version::Resp3 { prop_oneof![array, map].boxed() } else { array.boxed() }
    });
    prop::collection::vec(tree, 1..5)
}

fn driver() -> impl Strategy<Value = Driver> {
    prop_oneof![Just(Driver::Handed), Just(Driver::Reading)]
}

/// Sizes of the pieces, used in turn.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1_usize..8, 1_usize..3000, 10_000_usize..200_000], 1..8)
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::Resp2), Just(Version::Resp3)]
}

/// Replies in wire form, with what may stand between them.
fn wire() -> impl Strategy<Value = (Vec<Reply>, Vec<u8>)> {
    version().prop_flat_map(|version| (Just(version), replies(version))).prop_map(|(version, replies)| {
        let mut bytes = Vec::new();
        for reply in &replies {
            if version == Version::Resp3 {
                bytes.extend_from_slice(b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n|1\r\n+ttl\r\n:3600\r\n");
            }
            encode(reply, version, &mut bytes);
        }
        (replies, bytes)
    })
}

/// Bytes that are replies only by chance: noise, noise of the protocol's own characters, and damaged replies.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "$",
        "*",
        "%",
        "~",
        ">",
        "|",
        "+",
        "-",
        ":",
        "_",
        "#t",
        ",",
        "(",
        "=",
        "!",
        "\r",
        "\n",
        "\r\n",
        "0",
        "1",
        "3",
        "1024",
        "999999999",
        "-1",
        "?",
        "txt:",
        "a",
        "inf",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(token, 0..80).prop_map(|tokens| tokens.concat().into_bytes()),
        (
            wire(),
            prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            any::<prop::sample::Index>()
        )
            .prop_map(|((_, mut bytes), changes, end)| {
                for (at, byte) in changes {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                bytes.truncate(end.index(bytes.len() + 1));
                bytes
            }),
    ]
}

/// What came of the bytes: the replies, the error if there was one, and whether the reader was idle then.
type Outcome = (Vec<Reply>, Option<Error>, bool);

/// Runs the bytes through a reader piece by piece, and holds its memory against what came.
fn drive(bytes: &[u8], cuts: &[usize], driver: Driver) -> Outcome {
    let mut reader = reader();
    let mut replies = Vec::new();
    let (mut came, mut turn) = (0, 0);
    while came < bytes.len() {
        let rest = &bytes[came..];
        let mut piece = rest.len().min(cuts[turn % cuts.len()]);
        match driver {
            Driver::Handed => reader.feed(&rest[..piece]),
            Driver::Reading => {
                let space = reader.space();
                piece = piece.min(space.len());
                space[..piece].copy_from_slice(&rest[..piece]);
                reader.filled(piece);
            }
        }
        came += piece;
        turn += 1;
        loop {
            assert!(held(&reader) <= HELD_AHEAD + HELD_PER_BYTE * came, "{} held after {came}", held(&reader));
            match reader.next() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => return (replies, Some(error), reader.is_idle()),
            }
        }
    }
    (replies, None, reader.is_idle())
}

proptest! {
    #[test]
    fn what_was_written_is_read((replies, bytes) in wire(), cuts in cuts(), driver in driver()) {
        prop_assert_eq!(drive(&bytes, &cuts, driver), (replies, None, true));
    }

    #[test]
    fn damage_never_panics_nor_takes_memory_and_cuts_do_not_matter(bytes in damaged(), cuts in cuts(), driver in driver()) {
        let whole = drive(&bytes, &[usize::MAX], Driver::Handed);
        let pieces = drive(&bytes, &cuts, driver);
        // Not compared as values: what is not a number equals nothing.
        prop_assert_eq!(format!("{pieces:?}"), format!("{whole:?}"));
    }
}
