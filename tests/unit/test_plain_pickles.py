"""The native reader of plain pickles gives what `pickle.loads` gives, or leaves the pickle to it."""

from __future__ import annotations

import gc
import math
import pickle
import pickletools
import struct
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hitrate._native import load_plain_pickle
from hitrate.values import SafeLoads

PLAIN_OPCODES = frozenset(
    """
    PROTO FRAME STOP NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 LONG4 BINFLOAT SHORT_BINUNICODE BINUNICODE
    BINUNICODE8 SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8 EMPTY_LIST EMPTY_DICT EMPTY_TUPLE EMPTY_SET FROZENSET
    APPEND APPENDS SETITEM SETITEMS ADDITEMS TUPLE1 TUPLE2 TUPLE3 TUPLE MARK MEMOIZE BINPUT LONG_BINPUT BINGET
    LONG_BINGET POP POP_MARK
    """.split()
)
# The longest do not fit into a frame.
TEXTS = (
    st.text(max_size=20)
    | st.sampled_from(["id", "name", "\udc80", "a\0b", "🐘"])
    | st.sampled_from([60, 70, 300, 70_000]).flatmap(lambda length: st.sampled_from("xü").map(lambda one: one * length))
)
NUMBERS = st.integers(-(2**70), 2**70) | st.sampled_from([7, 8, 15, 16, 31, 32, 63, 2100]).map(lambda bits: -(2**bits))
HASHABLE = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False) | TEXTS | st.binary(max_size=300),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4),
    max_leaves=6,
)
VALUES = st.recursive(
    HASHABLE | st.floats() | st.binary(max_size=5).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=6)
        | st.dictionaries(st.sampled_from(["id", "name", "price", "stock", "tags"]), inner)
        | st.sets(HASHABLE, max_size=5)
        | inner.map(lambda value: [value, value, (value,)])
    ),
    max_leaves=25,
)
WRITERS: list[Callable[..., bytes]] = [
    pickle.dumps,
    pickle._dumps,  # type: ignore[attr-defined]  # written in Python
    lambda value, protocol: pickletools.optimize(pickle.dumps(value, protocol)),
]


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """The collector stops tracking what needs no tracking."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def parts(value: Any) -> list[Any] | None:
    """What is in a container, in order; None for everything else."""
    if type(value) is dict:
        return [part for item in value.items() for part in item]
    return list(value) if type(value) in {list, tuple, set, frozenset} else None


def assert_same(ours: Any, theirs: Any) -> None:
    """Compare types, values, order, shape (who is whose part, and where once more), and what the collector knows."""
    twins: dict[int, int] = {}
    todo = [(ours, theirs)]
    while todo:
        our, their = todo.pop()
        assert type(our) is type(their)
        our_parts, their_parts = parts(our), parts(their)
        if our_parts is None or their_parts is None:
            assert struct.pack("d", our) == struct.pack("d", their) if type(our) is float else our == their
            continue
        assert gc.is_tracked(our) == gc.is_tracked(their)
        if id(our) in twins:
            assert twins[id(our)] == id(their)
            continue
        assert id(their) not in twins.values() or not their_parts
        twins[id(our)] = id(their)
        assert len(our_parts) == len(their_parts)
        todo += zip(our_parts, their_parts, strict=True)


def read(data: bytes) -> bool:
    """Whether it is read natively; then it is what both of Python's readers make of it."""
    with no_garbage_collection():
        try:
            ours = load_plain_pickle(data)
        except ValueError:
            return False
        assert_same(ours, pickle.loads(data))
        assert_same(ours, SafeLoads()(data))
    return True


@given(value=VALUES, protocol=st.integers(2, 5), write=st.sampled_from(WRITERS))
def test_plain_values_come_back_as_pickle_makes_them(value: Any, protocol: int, write: Callable[..., bytes]) -> None:
    data = write(value, protocol)
    for _ in range(3):  # keys and shapes that are new, met again, and known
        is_read = read(data)
        opcodes = list(pickletools.genops(data))
        has_surrogates = any(isinstance(text, str) and "\udc80" in text for _, text, _ in opcodes)
        assert is_read == ({code.name for code, _, _ in opcodes} <= PLAIN_OPCODES and not has_surrogates)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_long_containers_are_read_though_they_come_in_batches(protocol: int) -> None:
    for write in WRITERS:
        assert read(write([list(range(2500)), {number: str(number) for number in range(2500)}], protocol))
        assert read(write([(str(number), [number]) for number in range(300)], protocol))
    if protocol >= 4:
        assert read(pickle.dumps([set(range(2500)), frozenset(map(str, range(2500)))], protocol))


def test_values_that_contain_themselves_are_left_to_pickle() -> None:
    """Or read: which of both is of no account."""
    circle: list[Any] = [1]
    circle.append(circle)
    ring: dict[str, Any] = {"a": 1}
    ring["ring"] = (ring, [ring])
    knot: tuple[Any, ...] = ([],)
    knot[0].append(knot)
    lonely: list[Any] = []
    lonely.append(lonely)
    for protocol in range(2, 6):
        for value in (circle, ring, knot, lonely, [knot, circle, ring]):
            for write in WRITERS:
                read(write(value, protocol))
    assert read(pickle.dumps(lonely))


FRAGMENTS = st.sampled_from(
    [
        *(bytes([code]) for code in b"N\x88\x89](}\x8f)euast\x90\x91\x85\x86\x87\x9401."),
        *(bytes([code]) for code in b"(((]}.ue2bR"),
        *(b"K\x00", b"K\x01", b"M\x00\x01", b"J\xff\xff\xff\xff", b"\x8a\x00", b"\x8a\x01\xff", b"\x8a\x02\x05\x00"),
        *(b"\x8b\x01\x00\x00\x00\x07", b"\x8b\xff\xff\xff\xff", b"G?\xf8\0\0\0\0\0\0", b"G\x7f\xf8\0\0\0\0\0\1"),
        *(b"\x8c\x01a", b"\x8c\x02ab\x94", b"X\x02\0\0\0\xc3\xa9", b"\x8c\x01\xff", b"\x8d\1\0\0\0\0\0\0\0a"),
        *(b"C\x01a", b"B\x01\0\0\0a", b"\x8e\1\0\0\0\0\0\0\0a", b"\x96\1\0\0\0\0\0\0\0a"),
        *(b"q\x00", b"q\x01", b"q\x05", b"r\0\0\0\0", b"r\1\0\0\0", b"h\x00", b"h\x01", b"j\0\0\0\0"),
        *(b"\x80\x04", b"\x95\x02\0\0\0\0\0\0\0", b"\x95\0\0\0\0\0\0\0\0", b"\x95\xff\0\0\0\0\0\0\0"),
        *(b"]\x94(", b"}\x94(", b"\x8f\x94(", b"}q\x00(", b"]\x94(h\x00e", b"(\x8c\x01aK\x01u", b"(K\x01K\x02e"),
    ]
)


@given(protocol=st.integers(2, 5), fragments=st.lists(FRAGMENTS, max_size=25))
@example(protocol=4, fragments=[b"](", b"K\x01", b"K\x02", b"0", b"e", b"."])
@example(protocol=4, fragments=[b"}", b"(", b"]", b"K\x01", b"u", b"."])
@example(protocol=4, fragments=[b"N", b"(", b"e", b"."])
@example(protocol=4, fragments=[b"]q\x00(K\x01q\x00e", b"h\x00", b"\x86"])
@example(protocol=4, fragments=[b"]q\x00(}q\x00(K\x01K\x02ue", b"h\x00", b"\x86"])
@example(protocol=4, fragments=[b"]\x94(K\x01K\x02ta"])
@example(protocol=4, fragments=[b"]", b"q\x05", b"N", b"\x94", b"h\x01", b"."])
def test_any_program_means_what_it_means_to_pickle(protocol: int, fragments: list[bytes]) -> None:
    read(b"\x80" + bytes([protocol]) + b"".join(fragments) + b".")


@given(value=VALUES, protocol=st.integers(2, 5), write=st.sampled_from(WRITERS), data=st.data())
def test_damaged_pickles_are_read_only_as_pickle_reads_them(
    value: Any, protocol: int, write: Callable[..., bytes], data: st.DataObject
) -> None:
    damaged = bytearray(write(value, protocol))
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    read(bytes(damaged))
    del damaged[data.draw(st.integers(0, len(damaged) - 1)) :]
    read(bytes(damaged))


def test_no_prefix_of_a_pickle_is_read() -> None:
    data = pickle.dumps([{"id": 1, "name": "Ada", "tags": ("a", b"b", 1.5), "long": 2**80, "none": None}] * 3)
    assert read(data)
    assert read(data + b"and more")
    assert not any(read(data[:length]) for length in range(len(data)))


@pytest.mark.parametrize(
    "value", [date(2026, 1, 2), {"at": date(2026, 1, 2)}, complex(1, 2), Ellipsis, int, math.sqrt, "\ud800", [range(3)]]
)
def test_everything_else_is_left_to_pickle(value: Any) -> None:
    for protocol in range(6):
        assert not read(pickle.dumps(value, protocol))
    for protocol in (0, 1):
        assert not read(pickle.dumps([1, "a"], protocol))


def test_depth_is_no_matter() -> None:
    depth = 200_000
    value = load_plain_pickle(b"\x80\x04" + b"](" * depth + b"e" * depth + b".")
    found = 1
    while value:
        (value,) = value
        found += 1
    assert found == depth
    load_plain_pickle(b"\x80\x04)" + b"\x85" * depth + b".")
    with pytest.raises(ValueError, match="no plain pickle"):
        load_plain_pickle(b"\x80\x04" + b"](" * depth)


def test_equal_keys_of_other_types_keep_what_they_are() -> None:
    for keys in ([1, "1"], [True, "True"], ["a", b"a"], [1.0, "x"], ["id", "ib"], ["", "i"]):
        for _ in range(4):
            assert read(pickle.dumps([dict.fromkeys([*keys, "name", "price"], number) for number in range(3)]))
    assert read(b"\x80\x04}(\x8c\x01aK\x01\x8c\x01bK\x02\x8c\x01aK\x03\x8c\x01cK\x04u.")


def test_a_dict_that_was_read_is_nobody_elses() -> None:
    data = pickle.dumps({"one": [1], "two": 2, "three": 3, "four": 4})
    for _ in range(5):
        value = load_plain_pickle(data)
        assert list(value.items()) == [("one", [1]), ("two", 2), ("three", 3), ("four", 4)]
        value["one"].append(2)
        value["five"] = value.pop("two")


REPEATED = [
    pickle.dumps([{"id": number, "name": f"name {number}", "tags": (1.5, b"x", {1}, 2**80)} for number in range(50)]),
    pickle.dumps([{"id": number, "name": "é", "at": None} for number in range(50)] + [date(2026, 1, 2)]),
    pickle.dumps({f"key {number}": number for number in range(50)})[:-5],
    b"\x80\x04}\x94(]N]Nu.",
    b"\x80\x04K\x01(K\x02](K\x03K\x04.",
]


@pytest.mark.parametrize("data", REPEATED, ids=["plain", "date", "cut", "unhashable", "unfinished"])
def test_nothing_is_kept(data: bytes) -> None:
    def repeat(times: int) -> None:
        for _ in range(times):
            with suppress(ValueError):
                load_plain_pickle(data)

    shared: list[Any] = [None, True, (), 1, "", b""]
    repeat(50)
    gc.collect()
    references, blocks = [sys.getrefcount(value) for value in shared], sys.getallocatedblocks()
    repeat(500)
    gc.collect()
    assert abs(sys.getallocatedblocks() - blocks) < 100
    for before, value in zip(references, shared, strict=True):
        assert abs(sys.getrefcount(value) - before) < 100


def test_the_collector_goes_on_as_it_was() -> None:
    data = pickle.dumps([1])
    assert gc.isenabled()
    load_plain_pickle(data)
    assert gc.isenabled()
    with no_garbage_collection():
        load_plain_pickle(data)
        assert not gc.isenabled()


def test_threads_read_at_the_same_time() -> None:
    values = [
        [{f"key{thread}-{number % 7}": number, "id": thread, "x": None} for number in range(100)] for thread in range(8)
    ]

    def work(value: Any) -> bool:
        data = pickle.dumps(value)
        return all(load_plain_pickle(data) == value for _ in range(200))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, values))
    finally:
        sys.setswitchinterval(interval)


def test_keys_are_shared_between_values() -> None:
    first, second = (load_plain_pickle(pickle.dumps({"a key": 1, "another": number})) for number in range(2))
    for ours, theirs in pairwise([list(first), list(second)]):
        assert all(key is other for key, other in zip(ours, theirs, strict=True))
