"""Reading plain pickles: the native reader against `pickle.loads`, alone and within reads of an embedded store."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from functools import partial
from typing import Any

from bars import Bar
from bench import Bench, Case, bound
from harness import Measure, Operation, Sample, closed_loop
from values import TTL, product

import hitrate
from cases.forms import rows
from hitrate._native import load_plain_pickle

COLUMNS = ("CPU µs", "wall µs")
OURS, THEIRS = "hitrate", "pickle.loads"
MANY = 100


class PythonsPickle:
    """A serializer as a project of its own would write it: its values never meet the native reader."""

    dumps = staticmethod(pickle.dumps)
    loads = staticmethod(pickle.loads)


SERIALIZERS: dict[str, Any] = {OURS: "pickle", THEIRS: PythonsPickle()}
Prepare = Callable[[str], Operation]


def rows_of_json() -> Any:
    """The same rows as they come from a parser: no text is there twice, and so none is written as a reference."""
    return json.loads(json.dumps(rows()))


def dated() -> Any:
    """A value that is plain up to its end: what is lost where it is read by `pickle.loads` in the end."""
    return product() | {"seen": datetime(2026, 11, 20, tzinfo=timezone.utc)}


def load(make_value: Callable[[], Any], name: str) -> Operation:
    loads = {OURS: load_plain_pickle, THEIRS: pickle.loads}[name]
    return bound(loads, pickle.dumps(make_value()))


def get(make_value: Callable[[], Any], name: str) -> Operation:
    cache = hitrate.Cache("memory://pickles", prefix=name, serializer=SERIALIZERS[name])
    cache.set("key", make_value(), TTL)
    return bound(cache.get, "key")


def get_many(name: str) -> Operation:
    cache = hitrate.Cache("memory://pickles", prefix=name, serializer=SERIALIZERS[name])
    keys = [f"key {number}" for number in range(MANY)]
    cache.set_many({key: product(number) for number, key in enumerate(keys)}, TTL)
    return bound(cache.get_many, keys)


@contextmanager
def _closed_loops(prepare: Prepare, bench: Bench) -> Iterator[Measure]:
    operations = {name: prepare(name) for name in (OURS, THEIRS)}

    def measure(name: str) -> Sample:
        return closed_loop(operations[name], bench.seconds).sample()

    yield measure


def _case(name: str, title: str, prepare: Prepare, at_most: float | None = None) -> Case:
    run: Callable[[Bench], AbstractContextManager[Measure]] = partial(_closed_loops, prepare)
    bars = () if at_most is None else (Bar(OURS, "CPU µs", THEIRS, at_most=at_most),)
    return Case(name, title, (OURS, THEIRS), COLUMNS, run, bars, extra=(OURS, THEIRS))


CASES = (
    _case("pickle-load", "a pickle of a 1 KB dictionary", partial(load, product), 0.55),
    _case("pickle-load-rows", "a pickle of 100 rows", partial(load, rows), 0.7),
    _case("pickle-load-json", "a pickle of 100 rows that were JSON", partial(load, rows_of_json)),
    _case("pickle-get", "get of a 1 KB dictionary, embedded", partial(get, product)),
    _case("pickle-get-rows", "get of 100 rows, embedded", partial(get, rows)),
    _case("pickle-get-date", "get of one with a date at its end, embedded", partial(get, dated)),
    _case("pickle-get-many", "get_many of 100 such dictionaries, embedded", get_many),
)
