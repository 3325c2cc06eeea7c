"""What each form of value costs: encoding and decoding, in an embedded store, so that no network blurs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from bench import Bench, Case, bound
from harness import Measure, Operation, Sample, closed_loop
from values import KEY, TTL, product

import hitrate

COLUMNS = ("wall µs", "CPU µs")
FORMS: dict[str, dict[str, Any]] = {
    "pickle": {"serializer": "pickle"},
    "JSON": {"serializer": "json"},
    "msgpack": {"serializer": "msgpack"},
    "pickle, signed": {"serializer": "pickle", "signing_keys": ["a secret for the bench"]},
    "pickle, safe": {"serializer": "pickle", "unpickle": "safe"},
    **{
        f"pickle, {name}": {"serializer": "pickle", "compressor": name}
        for name in ("zlib", "gzip", "lzma", "lz4", "zstd")
    },
}


def rows() -> list[dict[str, Any]]:
    """A page of a list as an API answers it: 100 rows, some 100 KB."""
    return [product(number) for number in range(100)]


def get(cache: hitrate.Cache, value: Any) -> Operation:
    cache.set(KEY, value, TTL)
    return bound(cache.get, KEY)


def set_(cache: hitrate.Cache, value: Any) -> Operation:
    return lambda: cache.set(KEY, value, TTL) or None


@contextmanager
def _closed_loops(
    prepare: Callable[[hitrate.Cache, Any], Operation], make_value: Callable[[], Any], bench: Bench
) -> Iterator[Measure]:
    operations: dict[str, Operation] = {}

    def measure(name: str) -> Sample:
        if name not in operations:
            cache = hitrate.Cache("memory://forms", prefix=name, **FORMS[name])
            operations[name] = prepare(cache, make_value())
        return closed_loop(operations[name], bench.seconds).sample()

    yield measure


def _case(name: str, title: str, run: Callable[[Bench], AbstractContextManager[Measure]]) -> Case:
    return Case(name, title, tuple(FORMS), COLUMNS, run, extra=tuple(FORMS))


CASES = (
    _case("form-get", "get of a 1 KB dictionary, by form", partial(_closed_loops, get, product)),
    _case("form-set", "set of a 1 KB dictionary, by form", partial(_closed_loops, set_, product)),
    _case("form-get-rows", "get of 100 rows, by form", partial(_closed_loops, get, rows)),
    _case("form-set-rows", "set of 100 rows, by form", partial(_closed_loops, set_, rows)),
)
