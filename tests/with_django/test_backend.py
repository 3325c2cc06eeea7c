"""The backend beyond Django's own tests: clients, copies, versions, settings that change."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import signals
from django.core.cache import cache, caches
from django.core.cache.backends.base import CacheKeyWarning
from django.test.utils import override_settings

from hitrate import ConfigError, MissingKeyError, ServerError
from hitrate.django import RedisCache
from hitrate.testing import Endpoint, Server
from tests.with_django.conftest import PATIENT


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, django_cache: Any) -> Callable[..., Any]:
    """Call a verb of the cache, or its async twin."""

    def call(verb: str, *args: Any, **kwargs: Any) -> Any:
        if request.param == "sync":
            return getattr(django_cache, verb)(*args, **kwargs)

        async def run() -> Any:
            return await getattr(django_cache, f"a{verb}")(*args, **kwargs)

        return asyncio.run(run())

    return call


def test_incr_version_moves_the_value_and_its_lifetime(call: Callable[..., Any], django_cache: Any) -> None:
    call("set", "key", ["value"], timeout=1000)
    assert call("incr_version", "key") == 2
    assert call("get", "key") is None
    assert call("get", "key", version=2) == ["value"]
    assert 990 <= django_cache.ttl("key", version=2) <= 1000
    assert call("decr_version", "key", version=2) == 1
    assert call("get", "key") == ["value"]


def test_incr_version_of_a_missing_key_is_a_value_error(call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="key 'missing' not found") as caught:
        call("incr_version", "missing")
    assert isinstance(caught.value, MissingKeyError)


def test_incr_version_keeps_a_number_a_number(call: Callable[..., Any]) -> None:
    call("set", "number", 41)
    call("incr_version", "number", 5)
    assert call("incr", "number", version=6) == 42


def test_timeouts_may_be_whole_or_broken_seconds_or_a_timedelta(call: Callable[..., Any], django_cache: Any) -> None:
    for timeout, least, most in ((30, 29_000, 30_000), (0.5, 1, 500), (timedelta(minutes=1), 59_000, 60_000)):
        call("set", "key", "value", timeout=timeout)
        assert least <= django_cache.pttl("key") <= most
    call("set", "key", "value", timeout=None)
    assert django_cache.ttl("key") is None
    for timeout in (0, -1, -0.5):
        call("set", "key", "value", timeout=timeout)
        assert call("get", "key") is None


def test_the_default_timeout_is_that_of_the_settings(server: Endpoint, prefix: str, use_caches: Any) -> None:
    params = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url, "KEY_PREFIX": prefix}
    use_caches({**params, "TIMEOUT": 77})
    cache.set("key", "value")
    assert 70 <= cache.ttl("key") <= 77
    use_caches({**params, "TIMEOUT": None})
    cache.set("key", "value")
    assert cache.ttl("key") is None
    use_caches({**params, "TIMEOUT": 0})
    cache.set("key", "value")
    assert cache.get("key") is None


def test_set_can_be_conditional(call: Callable[..., Any]) -> None:
    assert call("set", "key", 1, xx=True) is False
    assert call("set", "key", 1, nx=True) is True
    assert call("set", "key", 2, nx=True) is False
    assert call("set", "key", 3, xx=True) is True
    assert call("get", "key") == 3


def test_delete_many_counts(call: Callable[..., Any]) -> None:
    assert call("set_many", {"a": 1, "b": 2, "c": 3}) == []
    assert call("delete_many", (name for name in ("a", "b", "x"))) == 2
    assert call("get_many", ["a", "b", "c"]) == {"c": 3}


def test_get_or_set_stores_what_a_function_returns(call: Callable[..., Any]) -> None:
    assert call("get_or_set", "key", lambda: ["made"], 60) == ["made"]
    assert call("get_or_set", "key", lambda: ["made again"], 60) == ["made"]


def test_clear_leaves_other_prefixes_alone(django_cache: Any, server: Endpoint, prefix: str) -> None:
    server.execute("SET", f"{prefix}-other:1:key", "kept")
    django_cache.set_many({"a": 1, "b": 2})
    django_cache.set("a", 3, version=2)
    django_cache.clear()
    assert server.execute("KEYS", f"{prefix}*") == [f"{prefix}-other:1:key".encode()]
    server.execute("DEL", f"{prefix}-other:1:key")


def test_a_key_that_memcached_would_refuse_warns(call: Callable[..., Any]) -> None:
    with pytest.warns(CacheKeyWarning, match="characters that will cause errors"):
        call("get", "with space")
    with pytest.warns(CacheKeyWarning, match="longer than 250"):
        call("set", "k" * 251, 1)


def test_a_key_function_spells_every_key(server: Endpoint, prefix: str, use_caches: Any) -> None:
    use_caches(
        {
            "BACKEND": "hitrate.django.RedisCache",
            "LOCATION": server.url,
            "KEY_PREFIX": prefix,
            "KEY_FUNCTION": "tests.with_django.test_backend.spell",
        }
    )
    cache.set("key", 7)
    assert cache.make_key("key") == f"{prefix}//key//1"
    assert server.execute("GET", f"{prefix}//key//1") == b"7"
    assert cache.get_many(["key"]) == {"key": 7}
    cache.incr_version("key")
    assert server.execute("GET", f"{prefix}//key//2") == b"7"


def spell(key: str, prefix: str, version: int) -> str:
    return f"{prefix}//{key}//{version}"


def test_a_key_function_put_on_the_backend_is_used_from_then_on(
    django_cache: Any, server: Endpoint, prefix: str
) -> None:
    django_cache.set("key", 1)
    caches["default"].key_func = spell
    django_cache.set("key", 2)
    assert server.execute("GET", f"{prefix}//key//1") == b"2"


class StrictCache(RedisCache):
    """A backend with rules of its own for keys."""

    def validate_key(self, key: str) -> None:
        raise ValueError(f"not such a key: {key}")


def test_a_backend_may_validate_odd_keys_itself(server: Endpoint, prefix: str, use_caches: Any) -> None:
    use_caches({"BACKEND": f"{__name__}.StrictCache", "OPTIONS": PATIENT, "LOCATION": server.url, "KEY_PREFIX": prefix})
    assert cache.get("fine") is None
    with pytest.raises(ValueError, match="not such a key"):
        cache.get("with space")


class SpellingCache(RedisCache):
    """A backend that spells keys by a method, as Django's own backends allow."""

    def make_key(self, key: str, version: int | None = None) -> str:
        return super().make_key(f"tenant:{key}", version)


def test_a_method_that_would_spell_no_key_is_refused(server: Endpoint, prefix: str, use_caches: Any) -> None:
    use_caches({"BACKEND": f"{__name__}.SpellingCache", "LOCATION": server.url, "KEY_PREFIX": prefix})
    with pytest.raises(ConfigError, match=r"SpellingCache has a make_key\(\) of its own.*KEY_FUNCTION"):
        cache.set("key", 1)


@pytest.mark.parametrize("backend", ["hitrate.django.RedisCache", f"{__name__}.StrictCache"])
def test_threads_share_one_client(backend: str, server: Endpoint, prefix: str, use_caches: Any) -> None:
    use_caches({"BACKEND": backend, "LOCATION": server.url, "KEY_PREFIX": prefix})
    found: list[Any] = []

    def look() -> None:
        cache.get("key")
        found.append((caches["default"], caches["default"]._client))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(backend) for backend, _ in found}) == 4
    assert len({id(client) for _, client in found}) == 1


def test_other_settings_make_another_client_and_old_ones_are_dropped(
    server: Endpoint, prefix: str, use_caches: Any
) -> None:
    from hitrate.django import clients

    common = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url, "OPTIONS": PATIENT}
    params = {**common, "KEY_PREFIX": prefix}
    use_caches(params)
    cache.set("key", "value")
    first = caches["default"]._client
    with override_settings(CACHES={"default": {**params, "KEY_PREFIX": f"{prefix}-2"}}):
        assert cache.get("key") is None
        assert caches["default"]._client is not first
        assert first not in clients._clients.values()
    assert cache.get("key") == "value"


def test_aliases_with_the_same_settings_share_a_client(server: Endpoint, prefix: str) -> None:
    params = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url, "KEY_PREFIX": prefix}
    with override_settings(CACHES={"default": params, "same": params, "other": {**params, "VERSION": 2}}):
        assert caches["default"]._client is caches["same"]._client
        assert caches["default"]._client is not caches["other"]._client


def test_a_backend_can_be_pickled_and_copied(django_cache: Any) -> None:
    django_cache.set("key", "value")
    backend = caches["default"]
    for twin in (pickle.loads(pickle.dumps(backend)), copy.copy(backend), copy.deepcopy(backend)):
        assert twin.get("key") == "value"
        assert twin._client is backend._client


def test_the_end_of_a_request_closes_no_connection(django_cache: Any, server: Endpoint) -> None:
    django_cache.set("key", "value")
    before = django_cache._client.stats()["pool"]["connects"]
    signals.request_finished.send(None)
    assert django_cache.get("key") == "value"
    assert django_cache._client.stats()["pool"]["connects"] == before


def test_wrong_settings_raise_at_use_and_say_everything(use_caches: Any) -> None:
    use_caches(
        {
            "BACKEND": "hitrate.django.RedisCache",
            "LOCATION": "redis://:hunter2@localhost",
            "OPTIONS": {"PICKLE_VERSION": "newest", "TIMEOUTT": 3},
        }
    )
    with pytest.raises(ConfigError) as caught:
        cache.get("key")
    assert str(caught.value) == (
        "the settings of this cache cannot be used: option 'PICKLE_VERSION' is no integer; use a number from 0 to 5. "
        "unknown option 'TIMEOUTT'; did you mean 'TIMEOUT'?"
    )


async def test_many_coroutines_share_the_cache(django_cache: Any) -> None:
    await asyncio.gather(*(django_cache.aset(f"key{number}", number) for number in range(100)))
    found = await asyncio.gather(*(django_cache.aget(f"key{number}") for number in range(100)))
    assert found == list(range(100))


@pytest.mark.parametrize("verb", ["add", "incr", "touch", "incr_version"])
def test_what_must_not_be_guessed_raises_while_the_server_is_away(
    verb: str, own_server: Server, use_caches: Any
) -> None:
    use_caches({"BACKEND": "hitrate.django.RedisCache", "LOCATION": own_server.url, "OPTIONS": {"TIMEOUT": 0.5}})
    cache.set("key", 1)
    own_server.stop()
    with pytest.raises(ServerError):
        getattr(cache, verb)("key", 1)
    assert cache.get("key") is None
    assert cache.get_many(["key"]) == {}
    assert cache.set("key", 2) is False
    assert cache.set_many({"key": 2}) == ["key"]
    own_server.cont()


def test_ignore_exceptions_raises_never(own_server: Server, use_caches: Any) -> None:
    params = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": own_server.url}
    use_caches({**params, "OPTIONS": {"IGNORE_EXCEPTIONS": True, "SOCKET_TIMEOUT": 0.5, "TIMEOUT": 0.5}})
    own_server.stop()
    assert cache.get("key", "default") == "default"
    assert cache.add("key", 1) is False
    assert cache.incr("key") is None
    own_server.cont()


def test_ignore_exceptions_false_raises_always(own_server: Server, use_caches: Any) -> None:
    params = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": own_server.url}
    use_caches({**params, "OPTIONS": {"IGNORE_EXCEPTIONS": False, "SOCKET_TIMEOUT": 0.5, "TIMEOUT": 0.5}})
    own_server.stop()
    with pytest.raises(ServerError):
        cache.get("key")
    own_server.cont()
