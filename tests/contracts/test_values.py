"""The golden ``values`` of systems whose caches are shared: their bytes are read, and the same bytes are written."""

from __future__ import annotations

import base64
import json
import math
import pickle
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

import hitrate
from hitrate import values
from hitrate.testing import Endpoint
from tests.contracts.vectors import VECTORS, plain

# How a cache of ours is set up to stand beside each system's functions.
OPTIONS: dict[tuple[str, str], dict[str, Any]] = {
    ("quelyos_ecommerce", "redis.cache.set"): {"serializer": "json"},
    ("quelyos_api", "CacheService.set"): {"serializer": "json", "json_ascii": False},
    ("quelyos_api", "quelyos.cache.set_json"): {"serializer": "json"},
    ("quelyos_api", "view_count"): {"serializer": "json"},
    ("quelyos_api", "RedisRateLimiter member"): {"serializer": "json"},
    ("django_ecommerce", "redis_client.set"): {"serializer": "pickle"},
    ("nalar", "cache.set"): {"serializer": "pickle"},
    ("fastapi_dashboard", "set_cached"): {"serializer": "json"},
    ("fastapi_dashboard", "CacheManager.set"): {"serializer": "json", "json_envelope": True, "json_default": str},
}


def given(group: dict[str, Any], value: Any) -> Any:
    """What a system's function hands to its serializer."""
    if group["system"] == "django_ecommerce" and isinstance(value, (dict, list)):
        return json.dumps(value)
    return value


def same(found: Any, expected: Any) -> bool:
    """Equal, of the same types, in the same order; NaN is itself."""
    if type(found) is not type(expected):
        return False
    if isinstance(found, float):
        return (math.isnan(found) and math.isnan(expected)) or repr(found) == repr(expected)
    if isinstance(found, dict):
        return same(list(found.items()), list(expected.items()))
    if isinstance(found, (list, tuple)):
        return len(found) == len(expected) and all(map(same, found, expected))
    return bool(found == expected)


def through_json(value: Any) -> Any:
    """What JSON makes of a value."""
    return json.loads(json.dumps(value, default=str))


CASES = [
    pytest.param(
        group, case, id=f"{group['system']}-{group['function']}-{group.get('pickle_protocol', 'text')}-{number}"
    )
    for group in VECTORS["values"]
    for number, case in enumerate(group["cases"])
]


@pytest.fixture
def make(group: dict[str, Any], make_cache: Callable[..., hitrate.Cache]) -> Callable[..., hitrate.Cache]:
    options = {**OPTIONS[group["system"], group["function"]], "pickle_protocol": group.get("pickle_protocol")}
    return lambda **more: make_cache(**{**options, **more})


@pytest.mark.parametrize(("group", "case"), CASES)
def test_golden_bytes_are_read(
    group: dict[str, Any], case: dict[str, Any], make: Callable[..., hitrate.Cache], server: Endpoint, prefix: str
) -> None:
    if "error" in case:
        return  # there are no bytes to read
    server.execute("SET", f"{prefix}:golden", base64.b64decode(case["base64"]))
    expected = given(group, plain(case["value"]))
    if "pickle_protocol" not in group:
        expected = through_json(expected)
    elif isinstance(expected, (ReturnDict, ReturnList)):
        expected = (dict if isinstance(expected, ReturnDict) else list)(expected)
    # Safely, too: all that these systems store is plain.
    for options in ({}, {"unpickle": "safe"}):
        found = make(**options).get("golden", "a miss")
        assert same(found, expected), f"{found!r} is not {expected!r}"


@pytest.mark.parametrize(("group", "case"), CASES)
def test_golden_bytes_are_written(
    group: dict[str, Any],
    case: dict[str, Any],
    make: Callable[..., hitrate.Cache],
    server: Endpoint,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache, value = make(), given(group, plain(case["value"]))
    if "cached_at" in group:
        at = datetime.fromisoformat(group["cached_at"]).replace(tzinfo=timezone.utc)
        monkeypatch.setattr(values, "now", lambda _: at)
    if "error" in case:
        with pytest.raises(hitrate.SerializationError) as refused:
            cache.set("golden", value)
        assert type(refused.value.__cause__).__name__ == case["error"]
        return
    cache.set("golden", value)
    stored, golden = server.execute("GET", f"{prefix}:golden"), base64.b64decode(case["base64"])
    # Texts that a pickle shares depend on how the value was built: the contract asks for an equal value there.
    if "pickle_protocol" in group and isinstance(value, (dict, list, tuple, set)):
        assert stored[:2] == golden[:2]
        assert same(pickle.loads(stored), pickle.loads(golden))
    else:
        assert stored == golden


def test_a_time_without_microseconds_is_written_without_a_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "now", lambda _: datetime(2026, 2, 26, 18, 53, 3, tzinfo=timezone.utc))
    assert values.wrap(1) == {"data": 1, "cached_at": "2026-02-26T18:53:03"}
