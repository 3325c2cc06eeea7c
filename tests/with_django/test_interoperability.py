"""Values and keys shared with django-redis and with Django's own backend, both ways, on one server."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import caches
from django.test.utils import override_settings
from django.utils.safestring import mark_safe

from hitrate.testing import Endpoint
from tests.with_django.conftest import PATIENT

OTHERS = {
    "django-redis": "django_redis.cache.RedisCache",
    "Django": "django.core.cache.backends.redis.RedisCache",
}
VALUES = [
    0,
    42,
    -1,
    2**63 - 1,
    2**70,
    True,
    False,
    None,
    "",
    "123",
    "text \u00e9 \U0001f600",
    b"\x00bytes",
    1.5,
    Decimal("9.99"),
    datetime(2026, 11, 20, tzinfo=timezone.utc),
    [1, [2, {"three": (4, 5)}], {6}],
    {"id": 1, "rows": [{"price": Decimal("1.20")}] * 3},
    mark_safe("<b>bold</b>"),
]


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest, server: Endpoint, prefix: str) -> Iterator[Any]:
    """The other backend, beside ours which is ``default``."""
    common = {"LOCATION": server.url, "KEY_PREFIX": prefix}
    ours = {"BACKEND": "hitrate.django.RedisCache", "OPTIONS": PATIENT, **common}
    with override_settings(CACHES={"default": ours, "other": {"BACKEND": OTHERS[request.param], **common}}):
        yield caches["other"]


@pytest.fixture
def ours(other: Any) -> Any:
    return caches["default"]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_each_reads_what_the_other_wrote(value: Any, ours: Any, other: Any) -> None:
    for writer, reader in ((ours, other), (other, ours)):
        writer.set("key", value, timeout=60)
        for found in (reader.get("key", "absent"), reader.get_many(["key"])["key"]):
            assert found == value
            assert type(found) is type(value)


def test_each_counts_on_in_what_the_other_wrote(ours: Any, other: Any) -> None:
    other.set("count", 1)
    assert ours.incr("count") == 2
    assert other.incr("count", 5) == 7
    assert ours.decr("count", 3) == 4


def test_each_sees_what_the_other_deleted_moved_and_versioned(ours: Any, other: Any) -> None:
    other.set_many({"a": 1, "b": "two"}, timeout=60)
    other.set("a", "second", version=2)
    assert ours.get_many(["a", "b", "c"]) == {"a": 1, "b": "two"}
    assert ours.get("a", version=2) == "second"
    assert ours.delete("a") is True
    assert other.get("a") is None
    ours.incr_version("b")
    assert other.get("b", version=2) == "two"
    assert ours.add("b", "new") is True
    assert other.add("b", "newer") is False


def test_numbers_are_text_and_the_rest_is_pickled_in_the_server(ours: Any, server: Endpoint, prefix: str) -> None:
    ours.set("number", 42)
    ours.set("flag", True)
    ours.set("text", "42")
    assert server.execute("GET", f"{prefix}:1:number") == b"42"
    assert server.execute("GET", f"{prefix}:1:flag") == pickle.dumps(True, pickle.DEFAULT_PROTOCOL)
    assert server.execute("GET", f"{prefix}:1:text") == pickle.dumps("42", pickle.DEFAULT_PROTOCOL)


def test_what_is_stored_is_what_django_redis_stores(server: Endpoint, prefix: str) -> None:
    common = {"LOCATION": server.url, "KEY_PREFIX": prefix}
    both = {
        "default": {"BACKEND": "hitrate.django.RedisCache", **common},
        "other": {"BACKEND": OTHERS["django-redis"], **common},
    }
    with override_settings(CACHES=both):
        for value in VALUES:
            caches["default"].set("ours", value, timeout=60)
            caches["other"].set("theirs", value, timeout=60)
            assert server.execute("GET", f"{prefix}:1:ours") == server.execute("GET", f"{prefix}:1:theirs")


@pytest.mark.parametrize("protocol", [0, 2, 5, -1])
def test_the_pickle_protocol_can_be_chosen(
    protocol: int, server: Endpoint, prefix: str, use_caches: Callable[..., None]
) -> None:
    params = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url, "KEY_PREFIX": prefix}
    use_caches({**params, "OPTIONS": {"PICKLE_VERSION": protocol}})
    caches["default"].set("key", ["value"])
    assert server.execute("GET", f"{prefix}:1:key") == pickle.dumps(["value"], protocol)
    assert caches["default"].get("key") == ["value"]


def test_a_session_begun_under_one_backend_goes_on_under_the_other(ours: Any, other: Any) -> None:
    from django.contrib.sessions.backends.cache import SessionStore

    for writer, reader in (("default", "other"), ("other", "default")):
        with override_settings(SESSION_CACHE_ALIAS=writer):
            session = SessionStore()
            session["name"] = "ada"
            session.save()
        with override_settings(SESSION_CACHE_ALIAS=reader):
            assert SessionStore(session.session_key)["name"] == "ada"


def test_a_damaged_value_is_a_counted_miss(ours: Any, server: Endpoint, prefix: str) -> None:
    server.execute("SET", f"{prefix}:1:damaged", b"\x80\x04\x95no pickle")
    before = ours._client.stats()["errors"]
    assert ours.get("damaged", "default") == "default"
    assert ours.get_many(["damaged"]) == {}
    assert ours._client.stats()["errors"] != before
    ours.set("damaged", "repaired")
    assert ours.get("damaged") == "repaired"
