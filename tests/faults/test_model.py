"""
Random verbs against a model of what a cache is, on a healthy and on a broken wire.

On a healthy wire every answer is the model's. On a broken one a call may also fail as its error policy says; then what
it changed is unknown until the key is next read or deleted, but always one of the states that it may have left.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hitrate
from hitrate.exceptions import MissingKeyError, NotANumberError, ServerError
from hitrate.testing import Server
from tests.faults.conftest import MakeCache, until_healed
from tests.faults.proxy import Fault, Proxy, close, corrupt, healthy, reset, truncate

ABSENT = "<absent>"
KEYS = ["a", "b", "c", "user:1", "user:2"]
VALUES: list[Any] = [0, 1, 41, "text", "", None, [1, 2], {"x": [None, True]}]


class Model:
    """For each key the states it may be in; on a healthy wire that is exactly one."""

    def __init__(self) -> None:
        self.states: dict[str, list[Any]] = {key: [ABSENT] for key in KEYS}

    def sure(self, key: str, state: Any) -> None:
        self.states[key] = [state]

    def maybe(self, key: str, state: Any) -> None:
        if not any(same(state, known) for known in self.states[key]):
            self.states[key].append(state)

    def observe(self, key: str, state: Any) -> None:
        assert any(same(state, known) for known in self.states[key]), (key, state, self.states[key])
        self.states[key] = [state]


def same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


class Driver:
    """Runs verbs on a cache, and holds the model against what they answer."""

    def __init__(self, cache: hitrate.Cache, server: Server, prefix: str) -> None:
        self._cache = cache
        self._server = server
        self._prefix = prefix
        self._model = Model()

    def run(self, verb: str, key: str, value: Any) -> None:
        getattr(self, verb)(key, value)

    def get(self, key: str, value: Any) -> None:
        self._model.observe(key, self._cache.get(key, ABSENT))

    def get_many(self, key: str, value: Any) -> None:
        found = self._cache.get_many(KEYS)
        for name in KEYS:
            self._model.observe(name, found.get(name, ABSENT))

    def has(self, key: str, value: Any) -> None:
        found = self._cache.has(key)
        assert any((state is not ABSENT) == found for state in self._model.states[key])

    def set(self, key: str, value: Any) -> None:
        self._changing(key, [value], lambda: self._cache.set(key, value, 1000))
        self._model.sure(key, value)

    def set_many(self, key: str, value: Any) -> None:
        try:
            assert self._cache.set_many(dict.fromkeys(KEYS, value), 1000) == []
        except ServerError:
            for name in KEYS:
                self._model.maybe(name, value)
            raise
        for name in KEYS:
            self._model.sure(name, value)

    def add(self, key: str, value: Any) -> None:
        stored = self._changing(key, [value], lambda: self._cache.add(key, value, 1000))
        if stored:
            self._model.observe(key, ABSENT)
            self._model.sure(key, value)
        else:
            self._model.states[key] = [state for state in self._model.states[key] if state is not ABSENT]
            assert self._model.states[key] != []

    def incr(self, key: str, value: Any) -> None:
        numbers = [state + 3 for state in self._model.states[key] if type(state) is int]
        try:
            count = self._changing(key, numbers, lambda: self._cache.incr(key, 3))
        except MissingKeyError:
            self._model.observe(key, ABSENT)
        except NotANumberError:
            assert any(type(state) is not int and state is not ABSENT for state in self._model.states[key])
        else:
            assert count in numbers
            self._model.sure(key, count)

    def delete(self, key: str, value: Any) -> None:
        self._deleting([key], lambda: self._cache.delete(key))

    def delete_many(self, key: str, value: Any) -> None:
        self._deleting(KEYS, lambda: self._cache.delete_many(KEYS))

    def delete_pattern(self, key: str, value: Any) -> None:
        self._deleting(
            [name for name in KEYS if name.startswith("user:")], lambda: self._cache.delete_pattern("user:*")
        )

    def clear(self, key: str, value: Any) -> None:
        self._deleting(KEYS, self._cache.clear)

    def touch_away(self, key: str, value: Any) -> None:
        self._deleting([key], lambda: self._cache.touch(key, 0))

    def expire_on_the_server(self, key: str, value: Any) -> None:
        # Time passes, without waiting for it.
        self._server.execute("PEXPIRE", f"{self._prefix}:{key}", "-1")
        self._model.sure(key, ABSENT)

    def _changing(self, key: str, states: list[Any], call: Any) -> Any:
        try:
            return call()
        except ServerError:
            for state in states:
                self._model.maybe(key, state)
            raise

    def _deleting(self, keys: list[str], call: Any) -> None:
        try:
            call()
        except ServerError:
            for key in keys:
                self._model.maybe(key, ABSENT)
            raise
        for key in keys:
            self._model.sure(key, ABSENT)


VERBS = [name for name in vars(Driver) if not name.startswith("_") and name != "run"]
STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=60)
FAULTS: list[Fault] = [healthy, healthy, healthy, reset, close, truncate(2), corrupt(lambda data: b"?" + data)]
QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.mark.parametrize("serializer", ["pickle", "json"])
@settings(max_examples=60, deadline=None, suppress_health_check=QUIET, print_blob=True)
@given(steps=STEPS)
def test_on_a_healthy_wire_every_answer_is_the_models(
    own_server: Server, prefix: str, make_cache: MakeCache, serializer: str, steps: list[tuple[str, str, Any]]
) -> None:
    own_server.execute("FLUSHALL")
    driver = Driver(make_cache(own_server.url, timeout=60, serializer=serializer), own_server, prefix)
    for step in steps:
        driver.run(*step)
    driver.run("get_many", "", None)


@pytest.mark.parametrize("seed", range(5))
def test_on_a_broken_wire_an_answer_is_the_models_or_an_error(
    own_server: Server, proxy: Proxy, prefix: str, make_cache: MakeCache, seconds: float, seed: int
) -> None:
    print(f"seed {seed}")  # noqa: T201 (shown when it fails)
    chance = random.Random(seed)
    cache = make_cache(proxy.url, timeout=2)
    driver = Driver(cache, own_server, prefix)
    answered = failed = 0
    for _ in range(int(200 * seconds)):
        proxy.fault = chance.choice(FAULTS)
        try:
            driver.run(chance.choice(VERBS), chance.choice(KEYS), chance.choice(VALUES))
            answered += 1
        except ServerError:
            failed += 1
            proxy.fault = healthy
            # A deletion that failed is made up for behind our back: let it, or it would meet later writes.
            until_healed(cache)
    proxy.fault = healthy
    until_healed(cache)
    driver.run("get_many", "", None)
    assert min(answered, failed) > 0
