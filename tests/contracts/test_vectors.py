"""The golden ``keys`` and ``ttls`` of the five systems, built by `hitrate.layouts`."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from tests.contracts.callables import KEYS, REDIS_KEYS, TTLS, Build
from tests.contracts.vectors import VECTORS, plain

Case = dict[str, Any]


def name_of(group: Case) -> tuple[str, str]:
    return group["system"], group["function"]


CASES = [
    pytest.param(name_of(group), case, id=f"{group['system']}-{group['function']}-{number}")
    for group in VECTORS["keys"]
    for number, case in enumerate(group["cases"])
]


def call(build: Build, case: Case) -> str:
    return build(*map(plain, case["args"]), **{name: plain(value) for name, value in case["kwargs"].items()})


def test_every_function_of_the_vectors_is_covered_and_no_other() -> None:
    assert set(KEYS) == set(map(name_of, VECTORS["keys"]))


def test_every_function_with_a_prefix_in_redis_is_covered_and_no_other() -> None:
    prefixed = {name_of(group) for group in VECTORS["keys"] if any("redis_key" in case for case in group["cases"])}
    assert set(REDIS_KEYS) == prefixed


@pytest.mark.parametrize(("name", "case"), CASES)
def test_golden_keys_are_built(name: tuple[str, str], case: Case) -> None:
    if "error" in case:
        for build in {KEYS[name], REDIS_KEYS.get(name, KEYS[name])}:
            with pytest.raises(getattr(builtins, case["error"])):
                call(build, case)
        return
    assert call(KEYS[name], case) == case["key"]
    if "redis_key" in case:
        assert call(REDIS_KEYS[name], case) == case["redis_key"]


@pytest.mark.parametrize("ttl", VECTORS["ttls"], ids=lambda ttl: f"{ttl['system']}-{ttl['entry']}")
def test_golden_ttls_are_ours(ttl: dict[str, Any]) -> None:
    assert TTLS[ttl["system"], ttl["entry"]] == ttl["seconds"]
