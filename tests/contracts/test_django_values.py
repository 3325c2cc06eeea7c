"""The golden ``values`` of the shop and ``stats`` of the ERP, through what their code imported, on a real server."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from hitrate.django.statistics import hit_rate
from hitrate.layouts import django_ecommerce, nalar
from hitrate.layouts.django_ecommerce import redis_client
from hitrate.testing import Endpoint, Server
from tests.contracts.test_values import same
from tests.contracts.vectors import VECTORS, plain
from tests.with_django.conftest import use_caches  # noqa: F401 (a fixture; its module configures Django)

# ruff: noqa: F811

CASES = [
    pytest.param(group["pickle_protocol"], case, id=f"{group['pickle_protocol']}-{number}")
    for group in VECTORS["values"]
    if (group["system"], group["function"]) == ("django_ecommerce", "redis_client.set")
    for number, case in enumerate(group["cases"])
]


@pytest.fixture
def stored(server: Endpoint, prefix: str, use_caches: Callable[..., None]) -> Callable[[int], Callable[[], bytes]]:
    """Set up a cache that pickles in this protocol; gives what reads the bytes under the key ``golden``."""

    def set_up(protocol: int) -> Callable[[], bytes]:
        options = {"PICKLE_VERSION": protocol}
        location = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url}
        use_caches({**location, "KEY_PREFIX": prefix, "OPTIONS": options})
        return lambda: server.execute("GET", f"{prefix}:1:golden")

    return set_up


@pytest.mark.parametrize(("protocol", "case"), CASES)
def test_golden_values_are_stored_and_read_back(
    protocol: int, case: dict[str, Any], stored: Callable[[int], Callable[[], bytes]]
) -> None:
    golden, value = stored(protocol), plain(case["value"])
    if "error" in case:
        assert not redis_client.set("golden", value)
        return
    assert redis_client.set("golden", value, 60)
    written, wanted = golden(), base64.b64decode(case["base64"])
    if isinstance(value, (tuple, set)):
        # Texts that a pickle shares depend on how the value was built.
        assert same(pickle.loads(written), pickle.loads(wanted))
    else:
        assert written == wanted
    if isinstance(value, (dict, list)):
        value = json.loads(json.dumps(value))
    expected = case["read_back"] if "read_back" in case else _read_back(value)
    assert same(redis_client.get("golden", "a miss"), expected)


def _read_back(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value else value
    except ValueError:
        return value


def test_decimals_are_stored_as_the_numbers_of_the_answer(stored: Callable[[int], Callable[[], bytes]]) -> None:
    golden = stored(4)
    assert redis_client.set("golden", {"price": Decimal("19.90"), "more": [Decimal("1E+2"), Decimal("0.1")]})
    assert pickle.loads(golden()) == '{"price": 19.9, "more": [100.0, 0.1]}'
    assert redis_client.get("golden") == {"price": 19.9, "more": [100.0, 0.1]}


def test_what_the_helpers_store_lives_as_long_as_the_vectors_say(
    server: Endpoint, prefix: str, use_caches: Callable[..., None]
) -> None:
    use_caches({"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url, "KEY_PREFIX": prefix})
    seconds = {ttl["entry"]: ttl["seconds"] for ttl in VECTORS["ttls"] if ttl["system"] == "django_ecommerce"}
    stores: dict[str, tuple[Callable[..., bool], str]] = {
        "cache_product helper": (django_ecommerce.cache_product, "product:5"),
        "cart:user:{id}": (django_ecommerce.cache_user_cart, "cart:user:5"),
        "category:{id}:products": (django_ecommerce.cache_category_products, "category:5:products"),
    }
    for entry, (store, key) in stores.items():
        assert store(5, [{"id": 1}])
        assert seconds[entry] - 5 <= server.execute("TTL", f"{prefix}:1:{key}") <= seconds[entry]
    assert redis_client.set("anything", 1)
    assert seconds["default"] - 5 <= server.execute("TTL", f"{prefix}:1:anything") <= seconds["default"]
    assert django_ecommerce.get_cached_product(5) == [{"id": 1}]
    assert django_ecommerce.get_cached_cart(5) == django_ecommerce.get_cached_category_products(5) == [{"id": 1}]


RATES = [case for group in VECTORS["stats"] if group["system"] == "nalar" for case in group["cases"]]


@pytest.mark.parametrize("case", RATES, ids=lambda case: f"{case['hits']}-{case['misses']}")
def test_golden_hit_rates_are_told(case: dict[str, Any], own_server: Server, use_caches: Callable[..., None]) -> None:
    assert hit_rate(case["hits"], case["misses"]) == case["hit_rate"]
    if max(case["hits"], case["misses"]) > 1_000_000:
        return  # no server counts that far within a test
    use_caches({"BACKEND": "hitrate.django.RedisCache", "LOCATION": own_server.url, "KEY_PREFIX": "nalar"})
    own_server.execute("SET", "there", "1")
    own_server.execute("CONFIG", "RESETSTAT")
    for key, count in (("there", case["hits"]), ("absent", case["misses"])):
        for at in range(0, count, 10_000):
            own_server.execute("MGET", *[key] * min(10_000, count - at))
    found = nalar.get_cache_stats()
    assert (found["hits"], found["misses"], found["hit_rate"]) == (case["hits"], case["misses"], case["hit_rate"])
    assert found["total_keys"] == 1
    assert "missing" not in found
