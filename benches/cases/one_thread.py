"""One thread, one operation at a time: GET hit by TCP and by unix socket, SET, INCR, and a hundred keys at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from bars import Bar
from bench import Bench, Case, bound
from harness import Measure, Operation, Sample, closed_loop
from peers import (
    DJANGO,
    DJANGO_REDIS,
    GLIDE,
    HITRATE,
    HITRATE_CACHE,
    HITRATE_OFF,
    LOCMEM,
    MEMORY,
    REDIS_PY,
    VCACHE,
    Client,
)
from values import KEY, TTL, product

MANY = [f"product:{number}" for number in range(100)]
COLUMNS = ("wall µs", "CPU µs")


def get(client: Client) -> Operation:
    client.set(KEY, product(), TTL)
    return bound(client.get, KEY)


def set_(client: Client) -> Operation:
    value, store = product(), client.set

    def operation() -> bool:
        store(KEY, value, TTL)
        return True

    return operation


def incr(client: Client) -> Operation:
    client.set("counter", 1, TTL)
    return bound(client.incr, "counter")


def get_many(client: Client) -> Operation:
    for number, key in enumerate(MANY):
        client.set(key, product(number), TTL)
    read = client.get_many

    def operation() -> bool | None:
        return len(read(MANY)) == len(MANY) or None

    return operation


def set_many(client: Client) -> Operation:
    values = {key: product(number) for number, key in enumerate(MANY)}
    store = client.set_many

    def operation() -> bool:
        store(values, TTL)
        return True

    return operation


@contextmanager
def _closed_loops(prepare: Callable[[Client], Operation], by_socket: bool, bench: Bench) -> Iterator[Measure]:
    operations: dict[str, Operation] = {}

    def measure(name: str) -> Sample:
        if name not in operations:
            operations[name] = prepare(bench.client(name, bench.unix_url if by_socket else None))
        return closed_loop(operations[name], bench.seconds).sample()

    yield measure


def _by(
    prepare: Callable[[Client], Operation], *, by_socket: bool = False
) -> Callable[[Bench], AbstractContextManager[Measure]]:
    return partial(_closed_loops, prepare, by_socket)


def _no_socket(bench: Bench) -> str | None:
    return None if bench.unix_url else "the server of HITRATE_URL is reached by TCP only"


EVERYONE = (HITRATE, HITRATE_OFF, DJANGO_REDIS, DJANGO, VCACHE, REDIS_PY, GLIDE, LOCMEM, MEMORY)
GET_BARS = (
    Bar(HITRATE, "wall µs", DJANGO_REDIS, at_most=0.5),
    Bar(HITRATE_OFF, "wall µs", DJANGO_REDIS, at_most=0.85),
    Bar(HITRATE, "CPU µs", DJANGO_REDIS, at_most=0.6),
    Bar(HITRATE_OFF, "CPU µs", DJANGO_REDIS, at_most=0.6),
    Bar(MEMORY, "wall µs", LOCMEM, at_most=0.7),
)

CASES = (
    Case(
        "get",
        "GET hit, 1 KB, 1 thread, TCP",
        (HITRATE, HITRATE_OFF, HITRATE_CACHE, *EVERYONE[2:]),
        COLUMNS,
        _by(get),
        GET_BARS,
    ),
    Case(
        "get-unix",
        "GET hit, 1 KB, 1 thread, unix socket",
        (HITRATE, HITRATE_OFF, DJANGO_REDIS, DJANGO, REDIS_PY),
        COLUMNS,
        _by(get, by_socket=True),
        why_skipped=_no_socket,
    ),
    Case(
        "set",
        "SET, 1 KB, 1 thread",
        EVERYONE,
        COLUMNS,
        _by(set_),
        (Bar(MEMORY, "wall µs", LOCMEM, at_most=0.9),),
    ),
    Case("incr", "INCR, 1 thread", EVERYONE, COLUMNS, _by(incr)),
    Case(
        "get-many",
        "get_many of 100 values of 1 KB",
        EVERYONE,
        COLUMNS,
        _by(get_many),
        (Bar(HITRATE, "wall µs", DJANGO_REDIS, at_most=0.5),),
    ),
    Case(
        "set-many",
        "set_many of 100 values of 1 KB",
        (HITRATE, HITRATE_OFF, DJANGO_REDIS, DJANGO, VCACHE, REDIS_PY, LOCMEM),
        COLUMNS,
        _by(set_many),
        (Bar(HITRATE, "wall µs", DJANGO_REDIS, at_most=0.5),),
    ),
)
