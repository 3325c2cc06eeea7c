"""The raw client, held against redis-py's on the same server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import redis
from django.core.cache import cache
from django.test.utils import override_settings

from hitrate import ServerResponseError, ServerTimeoutError
from hitrate.django import RawClient, get_redis_connection
from hitrate.testing import Endpoint, Server


@pytest.fixture(params=["resp2", "resp3", "redis-py"])
def raw(
    request: pytest.FixtureRequest, server: Endpoint, prefix: str, use_caches: Callable[..., None]
) -> Iterator[Any]:
    """The raw client over both protocols, and as the measure redis-py's."""
    if request.param == "redis-py":
        with redis.Redis.from_url(server.url) as client:
            yield client
        return
    protocol = int(request.param[-1])
    use_caches({"BACKEND": "hitrate.django.RedisCache", "LOCATION": server.url, "OPTIONS": {"PROTOCOL": protocol}})
    yield get_redis_connection("default")


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")  # of redis-py, about setex and setnx
def test_strings(raw: Any, prefix: str) -> None:
    key, other = f"{prefix}:key", f"{prefix}:other"
    assert raw.get(key) is None
    assert raw.set(key, "text") is True
    assert raw.get(key) == b"text"
    assert raw.set(key, b"\x00\xff", nx=True) is None
    assert raw.set(key, b"\x00\xff", xx=True, keepttl=True) is True
    assert raw.get(key) == b"\x00\xff"
    assert raw.set(key, 1.5, ex=timedelta(seconds=10)) is True
    assert raw.get(key) == b"1.5"
    assert raw.set(key, 1, px=10_000) is True
    assert raw.setex(other, 10, "x") is True
    assert raw.setnx(other, "y") is False
    assert raw.mget([key, f"{prefix}:none"]) == raw.mget(key, f"{prefix}:none") == [b"1", None]
    assert raw.mset({key: 5, other: 7}) is True
    assert (raw.incr(key), raw.incrby(key, 4), raw.decr(key), raw.decrby(key, 2), raw.incr(key, 3)) == (6, 10, 9, 7, 10)


def test_keys(raw: Any, prefix: str) -> None:
    names = sorted(f"{prefix}:{number:03}".encode() for number in range(100))
    raw.mset(dict.fromkeys(names, 1))
    assert sorted(raw.keys(f"{prefix}:*")) == names
    assert sorted(raw.scan_iter(match=f"{prefix}:*", count=7)) == names
    cursor, found = raw.scan(0, match=f"{prefix}:*", count=10_000)
    assert isinstance(cursor, int)
    assert set(found) <= set(names)
    assert raw.exists(names[0], names[1], "absent") == 2
    assert raw.type(names[0]) == b"string"
    assert raw.rename(names[0], f"{prefix}:renamed") is True
    assert raw.delete(names[0], names[1]) == 1
    assert raw.unlink(*names) == 98


def test_lifetimes(raw: Any, prefix: str) -> None:
    key = f"{prefix}:key"
    raw.set(key, 1)
    assert (raw.ttl(key), raw.pttl(key), raw.ttl("absent")) == (-1, -1, -2)
    assert raw.expire(key, 10) is True
    assert raw.expire("absent", 10) is False
    assert raw.expire(key, timedelta(minutes=1)) is True
    assert 58 <= raw.ttl(key) <= 60
    assert raw.pexpire(key, 5000) is True
    assert 4000 <= raw.pttl(key) <= 5000
    assert raw.expireat(key, datetime.now(tz=timezone.utc) + timedelta(minutes=2)) is True
    assert 117 <= raw.ttl(key) <= 120
    assert raw.persist(key) is True
    assert raw.persist(key) is False


def test_hashes_and_sets(raw: Any, prefix: str) -> None:
    table, group = f"{prefix}:hash", f"{prefix}:set"
    assert raw.hgetall(table) == {}
    assert raw.hset(table, "a", 1) == 1
    assert raw.hset(table, mapping={"a": 2, "b": "x"}) == 1
    assert raw.hgetall(table) == {b"a": b"2", b"b": b"x"}
    assert (raw.hget(table, "a"), raw.hget(table, "none"), raw.hincrby(table, "a", 5)) == (b"2", None, 7)
    assert raw.hdel(table, "a", "none") == 1
    assert raw.sadd(group, "x", "y", "x") == 2
    assert raw.smembers(group) == {b"x", b"y"}
    assert raw.srem(group, "x", "none") == 1


def test_the_server(raw: Any) -> None:
    assert raw.ping() is True
    assert isinstance(raw.dbsize(), int)
    info = raw.info()
    assert isinstance(info["connected_clients"], int)
    assert isinstance(info["mem_fragmentation_ratio"], float)
    assert isinstance(info["redis_version"], str)
    assert isinstance(info["used_memory_human"], str)
    assert raw.info("server")["process_id"] == info["process_id"]


def test_any_command(raw: Any, prefix: str) -> None:
    assert raw.execute_command("SET", f"{prefix}:key", "value") is True
    assert raw.execute_command("STRLEN", f"{prefix}:key") == 5
    assert raw.execute_command("GETRANGE", f"{prefix}:key", 1, 2) == b"al"


def test_a_flush_empties_the_database(own_server: Server) -> None:
    params = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": own_server.url}
    with override_settings(CACHES={"default": params}):
        cache.set("key", 1)
        assert get_redis_connection().flushdb() is True
        assert get_redis_connection().dbsize() == 0


def test_the_keyspace_of_info_is_a_mapping(own_server: Server) -> None:
    params = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": own_server.url}
    with override_settings(CACHES={"default": params}):
        cache.set("key", 1, timeout=None)
        assert get_redis_connection().info("keyspace")["db0"]["keys"] == 1


def test_both_ways_lead_to_the_raw_client(django_cache: Any, prefix: str) -> None:
    django_cache.set("key", 42)
    for client in (
        get_redis_connection(),
        get_redis_connection("default", write=False),
        django_cache.client.get_client(),
    ):
        assert isinstance(client, RawClient)
        assert client.get(f"{prefix}:1:key") == b"42"
    assert isinstance(django_cache.client.get_client(write=False), RawClient)


def test_what_it_has_no_method_for_names_the_way(django_cache: Any) -> None:
    with pytest.raises(AttributeError) as caught:
        get_redis_connection().zadd("key", {"member": 1})
    assert str(caught.value) == (
        "the raw client has no 'zadd'; send it as execute_command('ZADD', ...), which returns the server's reply"
    )


def test_a_cache_of_somebody_else_has_no_raw_client() -> None:
    with (
        override_settings(CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}),
        pytest.raises(NotImplementedError, match="the cache 'default' is not one of hitrate and has no raw client"),
    ):
        get_redis_connection()


def test_it_always_raises(own_server: Server) -> None:
    params = {"BACKEND": "hitrate.django.RedisCache", "LOCATION": own_server.url, "OPTIONS": {"TIMEOUT": 0.2}}
    with override_settings(CACHES={"default": params}):
        raw = get_redis_connection()
        raw.sadd("set", "x")
        with pytest.raises(ServerResponseError, match="WRONGTYPE"):
            raw.get("set")
        own_server.stop()
        with pytest.raises(ServerTimeoutError):
            raw.get("key")
        own_server.cont()
