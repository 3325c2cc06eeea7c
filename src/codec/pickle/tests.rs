//! The reader of plain pickles, with texts in place of objects.

use super::{Build, Items, is_modest, is_plain, load};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;

/// Writes each object as Python would show it, and counts them.
#[derive(Default)]
struct Show {
    made: usize,
}

type Shown = Rc<RefCell<String>>;

impl Show {
    #[allow(clippy::unnecessary_wraps)] // As the methods that call it.
    fn made(&mut self, text: impl Into<String>) -> Option<Shown> {
        self.made += 1;
        Some(Rc::new(RefCell::new(text.into())))
    }
}

fn joined(items: &[Shown]) -> String {
    items.iter().map(|item| item.borrow().clone()).collect::<Vec<_>>().join(" ")
}

/// Adds to what ends with this bracket.
fn extend(container: &Shown, brackets: [char; 2], items: &[Shown]) -> Option<()> {
    let more = joined(items);
    let mut text = container.borrow_mut();
    if !text.starts_with(brackets[0]) || text.pop() != Some(brackets[1]) {
        return None;
    }
    *text = format!("{text}{}{more}{}", if text.len() > 1 { " " } else { "" }, brackets[1]);
    Some(())
}

impl Build for Show {
    type Object = Shown;

    fn none(&mut self) -> Shown {
        Rc::new(RefCell::new("None".to_owned()))
    }
    fn truth(&mut self, value: bool) -> Shown {
        Rc::new(RefCell::new(if value { "True" } else { "False" }.to_owned()))
    }
    fn integer(&mut self, value: i64) -> Option<Shown> {
        self.made(value.to_string())
    }
    fn long(&mut self, bytes: &[u8]) -> Option<Shown> {
        self.made(format!("long{bytes:?}"))
    }
    fn float(&mut self, value: f64) -> Option<Shown> {
        self.made(format!("{value:?}"))
    }
    fn text(&mut self, utf8: &[u8]) -> Option<Shown> {
        self.made(format!("'{}'", str::from_utf8(utf8).ok()?))
    }
    fn key(&mut self, utf8: &[u8]) -> Option<Shown> {
        self.made(format!("{}:", str::from_utf8(utf8).ok()?))
    }
    fn bytes(&mut self, bytes: &[u8]) -> Option<Shown> {
        self.made(format!("b{bytes:?}"))
    }
    fn bytearray(&mut self, bytes: &[u8]) -> Option<Shown> {
        self.made(format!("bytearray{bytes:?}"))
    }
    fn tuple(&mut self, items: Items<'_, Shown>) -> Option<Shown> {
        self.made(format!("({})", joined(&items.collect::<Vec<_>>())))
    }
    fn list(&mut self, items: Items<'_, Shown>) -> Option<Shown> {
        self.made(format!("[{}]", joined(&items.collect::<Vec<_>>())))
    }
    fn dict(&mut self, items: &[Shown]) -> Option<Shown> {
        self.made(format!("{{{}}}", joined(items)))
    }
    fn set(&mut self, items: &[Shown]) -> Option<Shown> {
        self.made(format!("<{}>", joined(items)))
    }
    fn frozenset(&mut self, items: &[Shown]) -> Option<Shown> {
        self.made(format!("frozen<{}>", joined(items)))
    }
    fn append(&mut self, list: &Shown, items: &[Shown]) -> Option<()> {
        extend(list, ['[', ']'], items)
    }
    fn insert(&mut self, dict: &Shown, items: &[Shown]) -> Option<()> {
        extend(dict, ['{', '}'], items)
    }
    fn add(&mut self, set: &Shown, items: &[Shown]) -> Option<()> {
        extend(set, ['<', '>'], items)
    }
}

fn shown(pickle: &[u8]) -> Option<String> {
    load(pickle, &mut Show::default()).map(|shown| shown.borrow().clone())
}

/// Protocol 4 without a frame.
fn four(opcodes: &[u8]) -> Vec<u8> {
    [b"\x80\x04", opcodes].concat()
}

#[test]
fn what_pickle_writes_is_read() {
    let cases: [(&[u8], &str); 10] = [
        (b"\x80\x04\x95\x14\0\0\0\0\0\0\0]\x94(\x8c\x01a\x94K\x01G?\xf8\0\0\0\0\0\0e.", "['a' 1 1.5]"),
        (b"\x80\x02}q\0(X\x01\0\0\0aq\x01K\x01X\x01\0\0\0bq\x02h\x01u.", "{a: 1 b: a:}"),
        (
            b"\x80\x02]q\0(K\x01M\0\x01J\xff\xff\xff\xff\x8a\x05\0\0\0\0\x01\x8a\0\x8a\x01\xffe.",
            "[1 256 -1 4294967296 0 -1]",
        ),
        (b"\x80\x02\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0.", "long[255, 255, 255, 255, 255, 255, 255, 255, 0]"),
        (b"\x80\x05N\x88\x89\x87.", "(None True False)"),
        (b"\x80\x03C\x01aB\x01\0\0\0b\x86\x85.", "((b[97] b[98]))"),
        (b"\x80\x05\x96\x01\0\0\0\0\0\0\0a.", "bytearray[97]"),
        (b"\x80\x04\x8f\x94(K\x01K\x02\x90.", "<1 2>"),
        (b"\x80\x04(K\x01\x91\x94.", "frozen<1>"),
        (b"\x80\x04]\x94]\x94a}\x94K\x01K\x02s\x8f\x94\x87.", "([[]] {1 2} <>)"),
    ];
    for (pickle, expected) in cases {
        assert_eq!(shown(pickle).as_deref(), Some(expected), "{pickle:?}");
    }
}

#[test]
fn odd_programs_mean_what_they_mean_to_python() {
    let cases: [(&[u8], &str); 15] = [
        (b"K\x01K\x02.", "2"),
        (b"(K\x01.", "1"),
        (b"K\x01K\x020.", "1"),
        (b"K\x01(0.", "1"),
        (b"K\x01(K\x02K\x031.", "1"),
        (b"](K\x01e(K\x02e.", "[1 2]"),
        (b"]\x94(K\x01eK\x02a0h\0.", "[1 2]"),
        (b"K\x01q\0K\x02q\0h\0.", "2"),
        (b"](K\x01ta.", "[(1)]"),
        (b"}\x94(K\x01\x91Ns.", "{frozen<1> None}"),
        (b"](K\x011.", "[]"),
        (b"}(0.", "{}"),
        (b"]q\0(K\x01q\0eh\0.", "1"),
        (b"]q\0(}q\0(K\x01K\x02ueh\0.", "{1 2}"),
        (b"K\x01. and more", "1"),
    ];
    for (opcodes, expected) in cases {
        assert_eq!(shown(&four(opcodes)).as_deref(), Some(expected), "{opcodes:?}");
    }
}

#[test]
fn everything_else_is_left_to_python() {
    let cases: [&[u8]; 24] = [
        b"",
        b".",
        b"(.",
        b"0.",
        b"1.",
        b"t.",
        b"K\x01(e.",
        b"(K\x01a.",
        b"((K\x01e.",
        b"}(K\x01u.",
        b"}(K\x01e.",
        b"K\x01(\x85.",
        b"(q\0.",
        b"K\x01q\x01.",
        b"h\0.",
        b"]\x94(h\0e.",
        b"K\x012.",
        b"cos\nsystem\n.",
        b"\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x04K\x01.",
        b"\x8c\x05a.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"\x8b\xff\xff\xff\xff.",
        b"U\x01a.",
    ];
    for opcodes in cases {
        assert_eq!(shown(&four(opcodes)), None, "{opcodes:?}");
    }
    for pickle in [&b""[..], b"\x80", b"\x80\x04", b"\x80\x01K\x01.", b"\x80\x06K\x01.", b"K\x01."] {
        assert_eq!(shown(pickle), None, "{pickle:?}");
    }
}

#[test]
fn a_glance_sees_what_is_not_plain() {
    assert!(is_plain(&four(b"\x8c\x02os\x94.")));
    for opcodes in [&b"\x8c\x02os\x8c\x06system\x93."[..], b"cos\nsystem\n.", b"K\x01", b"\x8c\x05a.", b""] {
        assert!(!is_plain(&four(opcodes)), "{opcodes:?}");
    }
    assert!(!is_plain(b"K\x01."));
}

#[test]
fn an_opcode_lies_in_one_frame_and_a_frame_in_no_other() {
    let frame = |length: u8, opcodes: &[u8]| four(&[&[0x95, length, 0, 0, 0, 0, 0, 0, 0], opcodes].concat());
    assert_eq!(shown(&frame(3, b"K\x01.")).as_deref(), Some("1"));
    assert_eq!(shown(&frame(2, b"K\x01.")).as_deref(), Some("1"));
    assert_eq!(shown(&frame(2, b"K\x01\x95\x01\0\0\0\0\0\0\0.")).as_deref(), Some("1"));
    assert_eq!(shown(&frame(1, b"K\x01.")), None);
    assert_eq!(shown(&frame(4, b"K\x01.")), None);
    assert_eq!(shown(&frame(9, b"\x95\x03\0\0\0\0\0\0\0K\x01.")), None);
}

/// Opcodes at random, mostly ones that are known, with arguments that fit now and then.
fn programs() -> impl Strategy<Value = Vec<u8>> {
    let bare = prop::sample::select(b"N\x88\x89](}\x8f)eu\x90asst\x91\x85\x86\x87\x9401.((]})]".to_vec())
        .prop_map(|o| vec![o]);
    let argued =
        (prop::sample::select(b"Kqh\x8cC".to_vec()), 0_u8..4).prop_map(|(opcode, argument)| vec![opcode, argument]);
    let any = prop::collection::vec(any::<u8>(), 1..4);
    let opcode = prop_oneof![12 => bare, 4 => argued, 1 => any];
    prop::collection::vec(opcode, 0..60).prop_map(|opcodes| four(&opcodes.concat()))
}

proptest! {
    #[test]
    fn any_program_ends_and_makes_no_more_than_it_has_bytes(pickle in programs()) {
        let mut show = Show::default();
        if load(&pickle, &mut show).is_some() {
            prop_assert!(is_modest(&pickle) && is_plain(&pickle));
        }
        prop_assert!(show.made <= pickle.len());
    }

    #[test]
    fn a_program_without_its_end_is_damaged(pickle in programs(), keep in any::<prop::sample::Index>()) {
        // STOP is the only opcode that ends one, and stands for nothing else here.
        let pickle: Vec<u8> = pickle.into_iter().filter(|byte| *byte != b'.').collect();
        prop_assert!(shown(&pickle[..keep.index(pickle.len() + 1)]).is_none());
    }
}
