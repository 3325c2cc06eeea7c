//! Reads pickles of plain values, protocols 2 to 5, into whatever makes the objects.
//!
//! It knows the opcodes that `pickle` writes for plain values and no other, and takes them to mean what they mean to `CPython`
//! (`Modules/_pickle.c`). Where it is in any doubt it gives up, and `CPython` reads the pickle or says what is wrong with it:
//! what is read here is therefore never more than what `pickle.loads` reads, and the same.

use super::rest::Rest;
use smallvec::{Drain, SmallVec};

/// Makes the objects of a pickle. A method that returns none ends the reading.
pub trait Build {
    /// A reference to an object: clones are the same one.
    type Object: Clone;

    /// `None`.
    fn none(&mut self) -> Self::Object;
    /// `True` or `False`.
    fn truth(&mut self, value: bool) -> Self::Object;
    /// An integer of up to 64 bits.
    fn integer(&mut self, value: i64) -> Option<Self::Object>;
    /// A longer one: two's complement, the least byte first.
    fn long(&mut self, bytes: &[u8]) -> Option<Self::Object>;
    /// A float.
    fn float(&mut self, value: f64) -> Option<Self::Object>;
    /// A text in UTF-8, which is still to be checked.
    fn text(&mut self, utf8: &[u8]) -> Option<Self::Object>;
    /// The same, where it will be the key of a dict.
    fn key(&mut self, utf8: &[u8]) -> Option<Self::Object>;
    /// Bytes.
    fn bytes(&mut self, bytes: &[u8]) -> Option<Self::Object>;
    /// A bytearray.
    fn bytearray(&mut self, bytes: &[u8]) -> Option<Self::Object>;
    /// A tuple.
    fn tuple(&mut self, items: Items<'_, Self::Object>) -> Option<Self::Object>;
    /// A list.
    fn list(&mut self, items: Items<'_, Self::Object>) -> Option<Self::Object>;
    /// A dict of keys and values in turn, an even number; none where a key cannot be one.
    fn dict(&mut self, items: &[Self::Object]) -> Option<Self::Object>;
    /// A set; none where an item cannot be a member.
    fn set(&mut self, items: &[Self::Object]) -> Option<Self::Object>;
    /// The same, frozen.
    fn frozenset(&mut self, items: &[Self::Object]) -> Option<Self::Object>;
    /// Appends to a list; none where it is no list.
    fn append(&mut self, list: &Self::Object, items: &[Self::Object]) -> Option<()>;
    /// Inserts into a dict, as `dict` does; none where it is no dict.
    fn insert(&mut self, dict: &Self::Object, items: &[Self::Object]) -> Option<()>;
    /// Adds to a set; none where it is no set.
    fn add(&mut self, set: &Self::Object, items: &[Self::Object]) -> Option<()>;
}

/// What goes into a container of fixed length, in order.
pub type Items<'a, Object> = Drain<'a, Stack<Object>>;

/// Most pickles need no more at once.
type Stack<Object> = [Object; 32];

/// The object of a plain pickle; none where it is anything else, or damaged. No memory is taken but for bytes that are there,
/// and nothing recurses. What stands behind the end is not looked at, as `pickle.loads` does not.
#[inline]
pub fn load<B: Build>(pickle: &[u8], build: &mut B) -> Option<B::Object> {
    let [0x80, 2..=5, opcodes @ ..] = pickle else { return None };
    Machine::new(build).run(&mut Input { frame: Rest(opcodes), behind: &[] })
}

/// A pickle, of which at most one frame is seen at a time. `CPython` reads over the end of a frame in a buffer but not in a file,
/// and no pickler lets an opcode do that; so nothing does here.
struct Input<'a> {
    frame: Rest<'a>,
    behind: &'a [u8],
}

impl Input<'_> {
    #[inline]
    fn opcode(&mut self) -> Option<u8> {
        if self.frame.0.is_empty() {
            self.frame.0 = std::mem::take(&mut self.behind);
        }
        self.frame.byte()
    }

    /// Enters a frame, which begins in none.
    fn enter(&mut self) -> Option<()> {
        let length = self.frame.number::<8>()?;
        if !self.behind.is_empty() {
            return None;
        }
        (self.frame.0, self.behind) = self.frame.0.split_at_checked(length)?;
        Some(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Container {
    List,
    Dict,
    Set,
}

/// Where the items of something begin on the stack.
#[derive(Clone, Copy)]
struct Mark {
    height: usize,
    /// Set where a new container stood just below. It is made when its items are known, which costs no growing.
    awaited: Option<Container>,
    /// Where in the memo it is awaited; behind its end: nowhere.
    index: usize,
}

/// Below everything else.
const BOTTOM: Mark = Mark { height: 0, awaited: None, index: usize::MAX };

const MEMOIZE: u8 = 0x94;

/// The machine whose program a pickle is.
struct Machine<'b, B: Build> {
    build: &'b mut B,
    stack: SmallVec<Stack<B::Object>>,
    /// The uppermost mark.
    mark: Mark,
    /// Those below it.
    marks: SmallVec<[Mark; 8]>,
    /// None is a container that is awaited. If it is asked for meanwhile, it is within itself.
    memo: SmallVec<[Option<B::Object>; 64]>,
}

impl<'b, B: Build> Machine<'b, B> {
    #[inline]
    fn new(build: &'b mut B) -> Self {
        Self { build, stack: SmallVec::new(), mark: BOTTOM, marks: SmallVec::new(), memo: SmallVec::new() }
    }

    #[inline]
    fn run(mut self, input: &mut Input<'_>) -> Option<B::Object> {
        loop {
            let opcode = input.opcode()?;
            let rest = &mut input.frame;
            match opcode {
                // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8.
                0x8C => self.text(rest.counted::<1>()?, rest)?,
                b'X' => self.text(rest.counted::<4>()?, rest)?,
                0x8D => self.text(rest.counted::<8>()?, rest)?,
                // MEMOIZE, BINPUT, LONG_BINPUT; BINGET, LONG_BINGET.
                MEMOIZE => self.put(self.memo.len())?,
                b'q' => self.put(rest.number::<1>()?)?,
                b'r' => self.put(rest.number::<4>()?)?,
                b'h' => self.get(rest.number::<1>()?)?,
                b'j' => self.get(rest.number::<4>()?)?,
                // BININT1, BININT2, BININT; LONG1, LONG4.
                b'K' => self.integer(i64::from(rest.byte()?))?,
                b'M' => self.integer(i64::from(u16::from_le_bytes(rest.array()?)))?,
                b'J' => self.integer(i64::from(i32::from_le_bytes(rest.array()?)))?,
                0x8A => self.long(rest.counted::<1>()?)?,
                0x8B => self.long(rest.counted::<4>()?)?,
                // BINFLOAT.
                b'G' => self.push(|build| build.float(f64::from_be_bytes(rest.array()?)))?,
                // NONE, NEWTRUE, NEWFALSE.
                b'N' => self.push(|build| Some(build.none()))?,
                0x88 => self.push(|build| Some(build.truth(true)))?,
                0x89 => self.push(|build| Some(build.truth(false)))?,
                // SHORT_BINBYTES, BINBYTES, BINBYTES8; BYTEARRAY8.
                b'C' => self.push(|build| build.bytes(rest.counted::<1>()?))?,
                b'B' => self.push(|build| build.bytes(rest.counted::<4>()?))?,
                0x8E => self.push(|build| build.bytes(rest.counted::<8>()?))?,
                0x96 => self.push(|build| build.bytearray(rest.counted::<8>()?))?,
                // EMPTY_LIST, EMPTY_DICT, EMPTY_SET.
                b']' => self.open(Container::List, rest)?,
                b'}' => self.open(Container::Dict, rest)?,
                0x8F => self.open(Container::Set, rest)?,
                // FRAME; STOP.
                0x95 => input.enter()?,
                b'.' => return self.pop(),
                _ => self.arrange(opcode)?,
            }
        }
    }

    /// The opcodes that put together what lies on the stack.
    #[inline]
    fn arrange(&mut self, opcode: u8) -> Option<()> {
        match opcode {
            // MARK; APPENDS, SETITEMS, ADDITEMS; APPEND, SETITEM.
            b'(' => self.set_mark(None, usize::MAX),
            b'e' => self.close(Container::List)?,
            b'u' => self.close(Container::Dict)?,
            0x90 => self.close(Container::Set)?,
            b'a' => self.fill(Container::List, self.stack.len().checked_sub(1)?)?,
            b's' => self.fill(Container::Dict, self.stack.len().checked_sub(2)?)?,
            // EMPTY_TUPLE, TUPLE1 to TUPLE3; TUPLE, FROZENSET.
            b')' => self.gather(self.stack.len(), B::tuple)?,
            0x85..=0x87 => self.gather(self.stack.len().checked_sub(usize::from(opcode - 0x84))?, B::tuple)?,
            b't' => {
                let from = self.unmark()?;
                self.gather(from, B::tuple)?;
            }
            0x91 => {
                let from = self.unmark()?;
                self.assemble(from, B::frozenset)?;
            }
            // POP, which takes a mark, too; POP_MARK.
            b'0' if self.stack.len() == self.mark.height => drop(self.unmark()?),
            b'0' => drop(self.pop()?),
            b'1' => {
                let from = self.unmark()?;
                self.stack.truncate(from);
            }
            _ => return None,
        }
        Some(())
    }

    #[inline]
    fn push(&mut self, make: impl FnOnce(&mut B) -> Option<B::Object>) -> Option<()> {
        let object = make(self.build)?;
        self.stack.push(object);
        Some(())
    }

    /// Nothing below the mark can be taken.
    #[inline]
    fn pop(&mut self) -> Option<B::Object> {
        if self.stack.len() > self.mark.height { self.stack.pop() } else { None }
    }

    #[inline]
    fn text(&mut self, utf8: &[u8], rest: &mut Rest<'_>) -> Option<()> {
        let is_key =
            self.mark.awaited == Some(Container::Dict) && (self.stack.len() - self.mark.height).is_multiple_of(2);
        let made = if is_key { self.build.key(utf8) } else { self.build.text(utf8) }?;
        // Newer picklers say so of every text that they did not write before.
        if let [MEMOIZE, behind @ ..] = rest.0 {
            rest.0 = behind;
            self.memo.push(Some(made.clone()));
        }
        self.stack.push(made);
        Some(())
    }

    #[inline]
    fn integer(&mut self, value: i64) -> Option<()> {
        self.push(|build| build.integer(value))
    }

    #[inline]
    fn long(&mut self, bytes: &[u8]) -> Option<()> {
        if bytes.len() > 8 {
            return self.push(|build| build.long(bytes));
        }
        let is_negative = bytes.last().is_some_and(|most| most & 0x80 != 0);
        let mut wide = [if is_negative { 0xFF } else { 0 }; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        self.integer(i64::from_le_bytes(wide))
    }

    #[inline]
    fn put(&mut self, index: usize) -> Option<()> {
        if self.stack.len() <= self.mark.height {
            return None;
        }
        let object = self.stack.last().cloned();
        self.note(index, object)
    }

    /// Picklers count upwards, so that no number leaves a gap.
    #[inline]
    fn note(&mut self, index: usize, object: Option<B::Object>) -> Option<()> {
        if index == self.memo.len() {
            self.memo.push(object);
        } else {
            *self.memo.get_mut(index)? = object;
        }
        Some(())
    }

    #[inline]
    fn get(&mut self, index: usize) -> Option<()> {
        self.stack.push(self.memo.get(index)?.clone()?);
        Some(())
    }

    /// A new container: to be made later, if `MARK` says that items follow.
    #[inline]
    fn open(&mut self, container: Container, rest: &mut Rest<'_>) -> Option<()> {
        let (index, behind) = match *rest.0 {
            [MEMOIZE, b'(', ref behind @ ..] => (self.memo.len(), behind),
            [b'q', index, b'(', ref behind @ ..] => (usize::from(index), behind),
            [b'(', ref behind @ ..] => (usize::MAX, behind),
            _ => return self.contain(container, self.stack.len()),
        };
        rest.0 = behind;
        if index != usize::MAX {
            self.note(index, None)?;
        }
        self.set_mark(Some(container), index);
        Some(())
    }

    /// The items of a container are complete, or some thousand of them.
    #[inline]
    fn close(&mut self, container: Container) -> Option<()> {
        let Mark { height, awaited, index } = self.mark;
        self.mark = self.marks.pop()?;
        match awaited {
            None => return self.fill(container, height),
            Some(other) if other != container => return None,
            Some(_) => {}
        }
        self.contain(container, height)?;
        self.arrived(index);
        Some(())
    }

    /// What was awaited there is on top of the stack now. Something else may have been noted meanwhile.
    #[inline]
    fn arrived(&mut self, index: usize) {
        if let Some(noted @ None) = self.memo.get_mut(index) {
            *noted = self.stack.last().cloned();
        }
    }

    /// The items are not those of the container that is awaited, which is therefore empty.
    fn settle(&mut self, container: Container) -> Option<()> {
        let Mark { height, index, .. } = self.mark;
        self.contain(container, self.stack.len())?;
        self.arrived(index);
        let made = self.stack.pop()?;
        self.stack.insert(height, made);
        self.mark = Mark { height: height + 1, ..BOTTOM };
        Some(())
    }

    #[inline]
    fn set_mark(&mut self, awaited: Option<Container>, index: usize) {
        self.marks.push(self.mark);
        self.mark = Mark { height: self.stack.len(), awaited, index };
    }

    /// Removes the uppermost mark, and tells where it was.
    #[inline]
    fn unmark(&mut self) -> Option<usize> {
        if let Some(container) = self.mark.awaited {
            self.settle(container)?;
        }
        let height = self.mark.height;
        self.mark = self.marks.pop()?;
        Some(height)
    }

    /// Puts what lies on the stack from that height on into the container just below, which is not below the mark.
    #[inline]
    fn fill(&mut self, container: Container, from: usize) -> Option<()> {
        if from <= self.mark.height {
            return None;
        }
        let (below, items) = self.stack.split_at(from);
        let target = below.last()?;
        match container {
            Container::List => self.build.append(target, items),
            Container::Dict if items.len().is_multiple_of(2) => self.build.insert(target, items),
            Container::Dict => None,
            Container::Set => self.build.add(target, items),
        }?;
        self.stack.truncate(from);
        Some(())
    }

    /// Makes a container of what lies on the stack from that height on.
    #[inline]
    fn contain(&mut self, container: Container, from: usize) -> Option<()> {
        match container {
            Container::List => self.gather(from, B::list),
            Container::Dict if (self.stack.len() - from).is_multiple_of(2) => self.assemble(from, B::dict),
            Container::Dict => None,
            Container::Set => self.assemble(from, B::set),
        }
    }

    /// Makes one object of what lies on the stack from that height on, which moves into it.
    #[inline]
    fn gather(
        &mut self,
        from: usize,
        make: impl FnOnce(&mut B, Items<'_, B::Object>) -> Option<B::Object>,
    ) -> Option<()> {
        if from < self.mark.height {
            return None;
        }
        let object = make(self.build, self.stack.drain(from..))?;
        self.stack.push(object);
        Some(())
    }

    /// The same, with references of its own to what lies there.
    #[inline]
    fn assemble(&mut self, from: usize, make: impl FnOnce(&mut B, &[B::Object]) -> Option<B::Object>) -> Option<()> {
        let object = make(self.build, self.stack.get(from..)?)?;
        self.stack.truncate(from);
        self.stack.push(object);
        Some(())
    }
}
