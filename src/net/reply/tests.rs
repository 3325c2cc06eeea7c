mod properties;

use super::*;
use crate::error::ServerError;

/// Memory that a reader may hold before a byte came: the parts ahead of every array and map that may be open, the
/// buffer, and what a string gets ahead.
const HELD_AHEAD: usize = 16 * 1024 * size_of::<(Reply, Reply)>() + (256 << 10);

/// Memory per byte that came, at most: `_\r\n` becomes a `Reply`, and arrays double.
const HELD_PER_BYTE: usize = 2 * size_of::<Reply>();

/// Memory that a reply holds beside itself.
pub(super) fn held_bytes(reply: &Reply) -> usize {
    match reply {
        Reply::Status(text) => text.capacity(),
        Reply::Bulk(bytes) => bytes.capacity(),
        Reply::Error(error) => error.code.capacity() + error.detail.capacity(),
        Reply::Array(items) | Reply::Push(items) => {
            items.capacity() * size_of::<Reply>() + items.iter().map(held_bytes).sum::<usize>()
        }
        Reply::Map(pairs) => {
            let inside: usize = pairs.iter().map(|(key, value)| held_bytes(key) + held_bytes(value)).sum();
            pairs.capacity() * size_of::<(Reply, Reply)>() + inside
        }
        Reply::Nil | Reply::Int(_) | Reply::Double(_) | Reply::Bool(_) => 0,
    }
}

fn reader() -> ReplyReader {
    ReplyReader::new(Limits::new(512 << 20))
}

fn held(reader: &ReplyReader) -> usize {
    let frames: usize = reader.stack.iter().map(Frame::held_bytes).sum();
    reader.buffer.capacity() + frames + reader.text.as_ref().map_or(0, Text::held_bytes)
}

/// What a reader makes of the bytes, all at once.
fn read(bytes: &[u8]) -> Result<Vec<Reply>> {
    let mut reader = reader();
    reader.feed(bytes);
    let mut replies = Vec::new();
    while let Some(reply) = reader.next()? {
        replies.push(reply);
    }
    Ok(replies)
}

fn one(bytes: &[u8]) -> Reply {
    let replies = read(bytes).expect("a reply");
    let [reply] = <[Reply; 1]>::try_from(replies).expect("one reply");
    reply
}

fn refused(bytes: &[u8]) -> String {
    match read(bytes) {
        Err(Error::Protocol(message)) => message,
        other => panic!("{:?} gave {other:?}", String::from_utf8_lossy(bytes)),
    }
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.as_bytes().to_vec())
}

fn status(text: &str) -> Reply {
    Reply::Status(text.to_owned())
}

fn error(line: &str) -> Reply {
    Reply::Error(ServerError::parse(line))
}

/// The examples of the specification.
#[test]
fn every_type_is_read() {
    assert_eq!(one(b"+OK\r\n"), status("OK"));
    assert_eq!(one(b"-ERR unknown command 'asdf'\r\n"), error("ERR unknown command 'asdf'"));
    assert_eq!(one(b":0\r\n"), Reply::Int(0));
    assert_eq!(one(b":+1000\r\n"), Reply::Int(1000));
    assert_eq!(one(b":-9223372036854775808\r\n"), Reply::Int(i64::MIN));
    assert_eq!(one(b"$5\r\nhello\r\n"), bulk("hello"));
    assert_eq!(one(b"$4\r\n\r\n\r\n\r\n"), bulk("\r\n\r\n"));
    assert_eq!(one(b"$0\r\n\r\n"), bulk(""));
    assert_eq!(one(b"$-1\r\n"), Reply::Nil);
    assert_eq!(one(b"*-1\r\n"), Reply::Nil);
    assert_eq!(one(b"*0\r\n"), Reply::Array(vec![]));
    assert_eq!(one(b"*2\r\n$5\r\nhello\r\n$5\r\nworld\r\n"), Reply::Array(vec![bulk("hello"), bulk("world")]));
    assert_eq!(
        one(b"*2\r\n*3\r\n:1\r\n:2\r\n:3\r\n*2\r\n+Hello\r\n-World\r\n"),
        Reply::Array(vec![
            Reply::Array(vec![Reply::Int(1), Reply::Int(2), Reply::Int(3)]),
            Reply::Array(vec![status("Hello"), error("World")]),
        ])
    );
    assert_eq!(one(b"*2\r\n$-1\r\n_\r\n"), Reply::Array(vec![Reply::Nil, Reply::Nil]));
    assert_eq!(one(b"#t\r\n"), Reply::Bool(true));
    assert_eq!(one(b"#f\r\n"), Reply::Bool(false));
    assert_eq!(one(b",1.23\r\n"), Reply::Double(1.23));
    assert_eq!(one(b",-1.5e-7\r\n"), Reply::Double(-1.5e-7));
    assert_eq!(one(b",10\r\n"), Reply::Double(10.0));
    assert_eq!(one(b",inf\r\n"), Reply::Double(f64::INFINITY));
    assert_eq!(one(b",-inf\r\n"), Reply::Double(f64::NEG_INFINITY));
    assert!(matches!(one(b",nan\r\n"), Reply::Double(number) if number.is_nan()));
    let digits = "3492890328409238509324850943850943825024385";
    assert_eq!(one(format!("({digits}\r\n").as_bytes()), status(digits));
    assert_eq!(one(b"!21\r\nSYNTAX invalid syntax\r\n"), error("SYNTAX invalid syntax"));
    assert_eq!(one(b"=15\r\ntxt:Some string\r\n"), bulk("Some string"));
    assert_eq!(
        one(b"%2\r\n+first\r\n:1\r\n+second\r\n~2\r\n#t\r\n_\r\n"),
        Reply::Map(vec![
            (status("first"), Reply::Int(1)),
            (status("second"), Reply::Array(vec![Reply::Bool(true), Reply::Nil])),
        ])
    );
}

#[test]
fn pushes_and_attributes_are_dropped() {
    assert_eq!(
        one(b"|1\r\n+key-popularity\r\n%2\r\n$1\r\na\r\n,0.1923\r\n$1\r\nb\r\n,0.0012\r\n*2\r\n:2039123\r\n:9543892\r\n"),
        Reply::Array(vec![Reply::Int(2_039_123), Reply::Int(9_543_892)])
    );
    assert_eq!(
        one(b"*3\r\n:1\r\n:2\r\n|1\r\n+ttl\r\n:3600\r\n:3\r\n"),
        Reply::Array(vec![Reply::Int(1), Reply::Int(2), Reply::Int(3)])
    );
    assert_eq!(one(b">3\r\n+message\r\n+channel\r\n+text\r\n$9\r\nGet-Reply\r\n"), bulk("Get-Reply"));
    assert_eq!(one(b"|0\r\n>0\r\n+OK\r\n"), status("OK"));
    assert_eq!(refused(b"*2\r\n>1\r\n+message\r\n"), "a push came inside a reply");
}

#[test]
fn what_is_no_reply_is_refused() {
    assert_eq!(refused(b"HTTP/1.1 400 Bad Request"), "no reply begins with byte 0x48");
    for streamed in [&b"$?\r\n"[..], b"*?\r\n", b"%?\r\n", b"~?\r\n"] {
        assert_eq!(refused(streamed), "a streamed reply came, which is not understood");
    }
    for integer in
        [&b":\r\n"[..], b":-\r\n", b":1 \r\n", b": 1\r\n", b":1.0\r\n", b":9223372036854775808\r\n", b":\xff\r\n"]
    {
        assert_eq!(refused(integer), "an integer is none, or leaves 64 bits");
    }
    for length in [&b"$-2\r\n"[..], b"$+1\r\n", b"*1a\r\n", b"%-1\r\n", b"~ 1\r\n", b"$99999999999999999999\r\n"] {
        assert_eq!(refused(length), "a length is no number, or a huge one");
    }
    for scalar in [
        &b"_x\r\n"[..],
        b"#true\r\n",
        b"#\r\n",
        b",\r\n",
        b",infinity\r\n",
        b",1,5\r\n",
        b"(\r\n",
        b"(-\r\n",
        b"(1e5\r\n",
    ] {
        assert_eq!(refused(scalar), "a null, boolean or number is none");
    }
    assert_eq!(refused(b"$\r\n"), "a length is missing");
    assert_eq!(refused(b"+OK\n"), "a line is not ended by CR LF");
    assert_eq!(refused(b"+O\rK\r\n"), "a line is not ended by CR LF");
    assert_eq!(refused(b"$2\r\nabc\r\n"), "a string is longer than its length says");
    assert_eq!(refused(b"=3\r\ntxt\r\n"), "a verbatim string does not name its format");
}

#[test]
fn a_broken_reader_stays_broken() {
    let mut reader = reader();
    reader.feed(b"+OK\r\n?\r\n+OK\r\n");
    assert_eq!(reader.next(), Ok(Some(status("OK"))));
    let error = reader.next().expect_err("no reply begins so");
    reader.feed(b"+OK\r\n");
    reader.space()[..5].copy_from_slice(b"+OK\r\n");
    reader.filled(5);
    assert_eq!(reader.next(), Err(error));
    assert!(!reader.is_idle());
}

#[test]
fn a_reply_beyond_the_limits_is_refused_before_it_came() {
    let too_large = "a reply is larger than max_reply_bytes, which is 536870912 bytes";
    assert_eq!(refused(b"$999999999999\r\n"), too_large);
    assert_eq!(refused(b"$18446744073709551615\r\n"), too_large);
    assert_eq!(refused(b"*1000000000\r\n"), too_large);
    assert_eq!(refused(b"%18446744073709551615\r\n"), too_large);
    assert_eq!(refused(b"*2\r\n$5\r\nhello\r\n$536870890\r\n"), too_large);
    assert_eq!(refused(&b"*1\r\n".repeat(17)), "a reply is nested deeper than 16");
    assert_eq!(refused(&b"+".repeat(65_538)), "a line is longer than 65536 bytes");
    let line = format!("+{}\r\n", "x".repeat(65_536)).into_bytes();
    assert!(matches!(one(&line), Reply::Status(text) if text.len() == 65_536));
}

#[test]
fn the_limit_counts_a_whole_reply_and_begins_anew_with_the_next() {
    let fits = b"*2\r\n$6\r\nabcdef\r\n$5\r\nabcde\r\n";
    let mut reader = ReplyReader::new(Limits::new(fits.len()));
    for _ in 0..3 {
        reader.feed(b">1\r\n+something\r\n");
        reader.feed(fits);
        assert!(matches!(reader.next(), Ok(Some(_))));
        assert!(reader.is_idle());
    }
    reader.feed(b"*2\r\n$6\r\nabcdef\r\n$6\r\n");
    assert_eq!(reader.next(), Err(protocol("a reply is larger than max_reply_bytes, which is 27 bytes")));
}

#[test]
fn an_error_text_is_cut_between_characters() {
    let line = format!("-ERR {}😀\r\n", "x".repeat(505));
    let Reply::Error(error) = one(line.as_bytes()) else { panic!("no error") };
    assert_eq!((error.code, error.detail), ("ERR".to_owned(), "x".repeat(505)));
    let Reply::Error(error) = one(&[b"!2004\r\nERR ", &[0xff; 2000][..], END].concat()) else { panic!("no error") };
    assert_eq!(error.detail, "\u{fffd}".repeat(169));
}

#[test]
fn a_connection_is_idle_only_between_replies() {
    let mut reader = reader();
    assert!(reader.is_idle());
    for part in [&b"|1\r\n+a\r\n"[..], b"+b\r\n", b"*1\r\n", b"$20", b"000\r\n", &vec![b'v'; 20_000], b"\r"] {
        reader.feed(part);
        assert_eq!(reader.next(), Ok(None));
        assert!(!reader.is_idle());
    }
    reader.feed(b"\n");
    assert!(matches!(reader.next(), Ok(Some(_))));
    assert!(reader.is_idle());
    reader.feed(b"+late\r\n");
    assert!(!reader.is_idle());
}

#[test]
fn memory_of_a_large_reply_is_given_back() {
    let mut reader = reader();
    let large =
        [&b"*2\r\n$1048576\r\n"[..], &vec![b'v'; 1 << 20], b"\r\n$1048576\r\n", &vec![b'v'; 1 << 20], END].concat();
    reader.feed(&large);
    assert!(matches!(reader.next(), Ok(Some(_))));
    assert!(held(&reader) <= KEPT_BYTES);
}

#[test]
fn a_long_string_is_read_into_memory_of_its_own() {
    let mut reader = reader();
    reader.space()[..11].copy_from_slice(b"$1048576\r\nv");
    reader.filled(11);
    assert_eq!(reader.next(), Ok(None));
    let mut read = 1;
    while read < (1 << 20) + 2 {
        let space = reader.space();
        assert!(space.len() <= read.max(64 << 10), "memory ahead of what came");
        space.fill(b'v');
        read += space.len();
        if read == (1 << 20) + 2 {
            let at = space.len() - 2;
            space[at..].copy_from_slice(END);
        }
        let count = space.len();
        reader.filled(count);
    }
    assert_eq!(reader.buffer.len(), FIRST_BYTES);
    assert_eq!(reader.next(), Ok(Some(Reply::Bulk(vec![b'v'; 1 << 20]))));
    assert!(reader.is_idle());
}

#[test]
fn parts_that_did_not_come_take_little_memory() {
    let mut reader = reader();
    reader.feed(b"*100000000\r\n");
    assert_eq!(reader.next(), Ok(None));
    assert!(held(&reader) <= FIRST_BYTES + 1024 * size_of::<Reply>());
    reader.feed(&b"_\r\n".repeat(5000));
    assert_eq!(reader.next(), Ok(None));
    assert!(held(&reader) <= FIRST_BYTES + 5000 * HELD_PER_BYTE);
}

#[test]
fn an_endless_pipeline_does_not_grow_the_buffer() {
    let mut reader = reader();
    let wire = [b"$1000\r\n", &vec![b'v'; 1000][..], END].concat().repeat(1000);
    for piece in wire.chunks(999) {
        reader.feed(piece);
        while reader.next().expect("a reply").is_some() {}
    }
    assert!(reader.buffer.capacity() <= FIRST_BYTES);
}

#[test]
fn a_line_is_looked_at_once() {
    let mut reader = reader();
    for length in 1..100 {
        reader.feed(if length == 1 { b"+x" } else { b"x" });
        assert_eq!(reader.next(), Ok(None));
        assert_eq!(reader.scanned, length);
    }
}

#[test]
fn pushes_are_handed_over_to_those_who_listen() {
    let mut reader = reader();
    reader.listen();
    reader.feed(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n+PONG\r\n>2\r\n$10\r\ninvalidate\r\n_\r\n");
    let name = Reply::Bulk(b"invalidate".to_vec());
    let key = Reply::Array(vec![Reply::Bulk(b"k".to_vec())]);
    assert_eq!(reader.next(), Ok(Some(Reply::Push(vec![name.clone(), key]))));
    assert_eq!(reader.next(), Ok(Some(Reply::Status("PONG".to_owned()))));
    assert_eq!(reader.next(), Ok(Some(Reply::Push(vec![name, Reply::Nil]))));
    assert!(reader.is_idle());
}
