"""django-redis's extras, held against django-redis itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.test.utils import override_settings

from hitrate import ConfigError, LockError
from hitrate.testing import Endpoint

BACKENDS = {"ours": "hitrate.django.RedisCache", "theirs": "django_redis.cache.RedisCache"}


@pytest.fixture(params=BACKENDS)
def extra_cache(request: pytest.FixtureRequest, server: Endpoint, prefix: str, use_caches: Callable[..., None]) -> Any:
    """A cache with django-redis's extras: hitrate's, and as the measure django-redis's."""
    use_caches({"BACKEND": BACKENDS[request.param], "LOCATION": server.url, "KEY_PREFIX": prefix})
    return caches["default"]


def test_ttl_of_keys_that_live_stay_and_are_absent(extra_cache: Any) -> None:
    extra_cache.set("lives", 1, timeout=100)
    extra_cache.set("stays", 1, timeout=None)
    assert 99 <= extra_cache.ttl("lives") <= 100
    assert 99_000 <= extra_cache.pttl("lives") <= 100_000
    assert extra_cache.ttl("stays") is None
    assert extra_cache.pttl("stays") is None
    assert extra_cache.ttl("absent") == 0
    assert extra_cache.pttl("absent") == 0


def test_expire_in_all_its_forms(extra_cache: Any) -> None:
    in_a_minute = datetime.now(tz=timezone.utc) + timedelta(minutes=1)
    extra_cache.set("key", 1, timeout=None)
    assert extra_cache.expire("key", 50) is True
    assert 49 <= extra_cache.ttl("key") <= 50
    assert extra_cache.expire("key", timeout=timedelta(seconds=40)) is True
    assert 39 <= extra_cache.ttl("key") <= 40
    assert extra_cache.pexpire("key", 30_000) is True
    assert 29_000 <= extra_cache.pttl("key") <= 30_000
    assert extra_cache.expire_at("key", in_a_minute) is True
    assert 57 <= extra_cache.ttl("key") <= 60
    assert extra_cache.expire_at("key", int(in_a_minute.timestamp()) + 60) is True
    assert 117 <= extra_cache.ttl("key") <= 120
    assert extra_cache.pexpire_at("key", int(in_a_minute.timestamp() * 1000)) is True
    assert 57_000 <= extra_cache.pttl("key") <= 60_000
    assert extra_cache.pexpire_at("key", in_a_minute) is True
    assert extra_cache.persist("key") is True
    assert extra_cache.ttl("key") is None
    assert extra_cache.persist("key") is False
    assert extra_cache.expire("absent", 10) is False
    assert extra_cache.expire_at("absent", in_a_minute) is False
    assert extra_cache.expire("key", 0) is True
    assert extra_cache.get("key") is None


def test_keys_of_one_version_without_what_is_put_in_front(extra_cache: Any) -> None:
    extra_cache.set_many({"user:1": 1, "user:2": 2, "order:1": 3})
    extra_cache.set("user:3", 4, version=2)
    assert sorted(extra_cache.keys("user:*")) == ["user:1", "user:2"]
    assert sorted(extra_cache.iter_keys("*", itersize=1)) == ["order:1", "user:1", "user:2"]
    assert extra_cache.keys("user:*", version=2) == ["user:3"]
    assert next(extra_cache.iter_keys("nothing*"), "none") == "none"


def test_delete_pattern_counts_and_spares_the_rest(extra_cache: Any) -> None:
    extra_cache.set_many({f"user:{number}": number for number in range(250)})
    extra_cache.set_many({"order:1": 1, "us": 2})
    assert extra_cache.delete_pattern("user:*", itersize=10) == 250
    assert extra_cache.delete_pattern("user:*") == 0
    assert extra_cache.get_many(["order:1", "us"]) == {"order:1": 1, "us": 2}
    extra_cache.set("order:2", 1, version=2)
    assert extra_cache.delete_pattern("order:*", version=2) == 1


def spell(key: str, prefix: str, version: int) -> str:
    return f"{prefix}/v{version}/{key}"


def unspell(key: str) -> str:
    return key.split("/", 2)[2]


def hide(key: str, prefix: str, version: int) -> str:
    return hashlib.sha256(f"{prefix}/{version}/{key}".encode()).hexdigest()


@pytest.fixture(params=BACKENDS)
def spelling_cache(
    request: pytest.FixtureRequest, server: Endpoint, prefix: str, use_caches: Callable[..., None]
) -> Any:
    """A cache with a KEY_FUNCTION of the project's own."""
    params = {"BACKEND": BACKENDS[request.param], "LOCATION": server.url, "KEY_PREFIX": f"{prefix}*"}
    use_caches({**params, "KEY_FUNCTION": f"{__name__}.spell", "REVERSE_KEY_FUNCTION": f"{__name__}.unspell"})
    return caches["default"]


def test_keys_that_a_function_spells_are_found_and_deleted(spelling_cache: Any, server: Endpoint, prefix: str) -> None:
    server.execute("SET", f"{prefix}other/v1/user:1", "not of this cache")
    spelling_cache.set_many({"user:1": 1, "user:2": 2, "order:1": 3})
    spelling_cache.set("user:1", 4, version=2)
    assert sorted(spelling_cache.keys("user:*")) == ["user:1", "user:2"]
    assert list(spelling_cache.iter_keys("user:*", itersize=5, version=2)) == ["user:1"]
    assert spelling_cache.delete_pattern("user:*") == 2
    assert spelling_cache.get("user:1", version=2) == 4
    assert spelling_cache.get("order:1") == 3
    assert server.execute("EXISTS", f"{prefix}other/v1/user:1") == 1


@pytest.mark.parametrize("verb", ["clear", "aclear"])
def test_clear_knows_the_keys_that_a_function_spells(
    verb: str, server: Endpoint, prefix: str, use_caches: Callable[..., None]
) -> None:
    params = {"BACKEND": BACKENDS["ours"], "LOCATION": server.url, "KEY_PREFIX": prefix}
    use_caches({**params, "KEY_FUNCTION": f"{__name__}.spell"})
    cache = caches["default"]
    server.execute("SET", f"{prefix}-other/v1/key", "not of this cache")
    cache.set("key", 1)
    cache.set("key", 1, version=2)
    clear = async_to_sync(cache.aclear) if verb == "aclear" else cache.clear
    assert clear() == 2
    assert server.execute("KEYS", f"{prefix}*") == [f"{prefix}-other/v1/key".encode()]


@pytest.mark.parametrize("function", ["hide", "unspelled"])
def test_clear_refuses_what_it_cannot_tell_apart(
    function: str, server: Endpoint, prefix: str, use_caches: Callable[..., None]
) -> None:
    params = {"BACKEND": BACKENDS["ours"], "LOCATION": server.url, "KEY_PREFIX": prefix}
    use_caches({**params, "KEY_FUNCTION": f"{__name__}.{function}"})
    with pytest.raises(ConfigError, match=r"clear\(\) cannot tell the keys of this cache from others.*flushdb"):
        caches["default"].clear()


def unspelled(key: str, prefix: str, version: int) -> str:
    return key


def test_set_with_nx_and_xx(extra_cache: Any) -> None:
    assert extra_cache.set("key", 1, xx=True) is False
    assert extra_cache.set("key", 1, nx=True) is True
    assert extra_cache.set("key", 2, timeout=10, nx=True) is False
    assert extra_cache.set("key", 3, xx=True) is True
    assert extra_cache.get("key") == 3


def test_a_lock_excludes_until_it_is_released(extra_cache: Any) -> None:
    lock = extra_cache.lock("lock", timeout=10)
    other = extra_cache.lock("lock", timeout=10, blocking_timeout=0.1)
    assert lock.acquire()
    assert not other.acquire()
    assert not other.acquire(blocking=False)
    lock.release()
    with extra_cache.lock("lock", timeout=10, blocking_timeout=1, sleep=0.01):
        assert not other.acquire(blocking=False)
    assert other.acquire()
    other.release()


def test_a_lock_of_a_cache_is_kept_under_its_prefix(extra_cache: Any, server: Endpoint, prefix: str) -> None:
    with extra_cache.lock("lock", timeout=10):
        assert server.execute("EXISTS", f"{prefix}:1:lock") == 1
    assert server.execute("EXISTS", f"{prefix}:1:lock") == 0


def test_a_lock_of_django_redis_and_one_of_ours_exclude_each_other(server: Endpoint, prefix: str) -> None:
    common = {"LOCATION": server.url, "KEY_PREFIX": prefix}
    both = {name: {"BACKEND": path, **common} for name, path in BACKENDS.items()}
    with override_settings(CACHES={**both, "default": both["ours"]}):
        for one, other in (("ours", "theirs"), ("theirs", "ours")):
            with caches[one].lock("lock", timeout=10):
                assert not caches[other].lock("lock", timeout=10).acquire(blocking=False)
            assert caches[other].lock("lock", timeout=10).acquire(blocking=False)
            server.execute("DEL", f"{prefix}:1:lock")


def test_a_lock_that_is_not_ours_is_not_released(django_cache: Any, server: Endpoint, prefix: str) -> None:
    lock = django_cache.lock("lock", timeout=10)
    assert lock.acquire()
    server.execute("SET", f"{prefix}:1:lock", "somebody else's")
    with pytest.raises(LockError):
        lock.release()
